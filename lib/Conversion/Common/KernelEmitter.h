// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What schedules share that write the loop-level function of one kernel: where
// code goes, the kernel's evaluator and index arithmetic.
#ifndef QC_LIB_CONVERSION_COMMON_KERNELEMITTER_H
#define QC_LIB_CONVERSION_COMMON_KERNELEMITTER_H

#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {

class KernelEmitter {
protected:
  /// Code goes before the terminator of `function`, whose arguments are the
  /// buffers of the kernel's arguments and results.
  KernelEmitter(KernelOp kernel, mlir::func::FuncOp function)
      : function(function), builder(function.getBody().front().getTerminator()),
        loc(kernel.getLoc()), body(kernel.getBody().front()),
        evaluator(body,
                  function.getArguments().take_front(body.getNumArguments())) {}

  mlir::Value constant(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(builder, loc, value);
  }
  mlir::Value add(mlir::Value lhs, mlir::Value rhs) {
    return builder.createOrFold<mlir::arith::AddIOp>(loc, lhs, rhs);
  }
  mlir::Value scale(mlir::Value value, int64_t factor) {
    return builder.createOrFold<mlir::arith::MulIOp>(loc, value,
                                                     constant(factor));
  }
  mlir::Value buffer(mlir::BlockArgument argument) {
    return function.getArgument(argument.getArgNumber());
  }

  mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  mlir::Location loc;
  mlir::Block &body;
  KernelEvaluator evaluator;
};

} // namespace qc

#endif // QC_LIB_CONVERSION_COMMON_KERNELEMITTER_H
