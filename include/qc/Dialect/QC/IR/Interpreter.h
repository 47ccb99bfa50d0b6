// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes loop-level kernels without generating code: constant folding and
// the oracle of tests.
#ifndef QC_DIALECT_QC_IR_INTERPRETER_H
#define QC_DIALECT_QC_IR_INTERPRETER_H

#include "mlir/IR/Block.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace qc {

/// Runs the ops of `block` (loop-level form: scalar arith, math, scf and memref
/// ops) with its arguments, flat memrefs, bound to `buffers` of the right
/// sizes. Fails with a diagnostic at an op that is not of this form and at an
/// access outside a buffer.
mlir::LogicalResult
interpretLoops(mlir::Block &block,
               llvm::ArrayRef<llvm::MutableArrayRef<char>> buffers);

/// Runs a kernel's body (tensor ops that end in qc.yield) through its reference
/// loops. `buffers` are the memory of the arguments, then of the yielded
/// values, in storage format and in the layouts of their types; results are
/// written where the body writes, the rest stays. Fails with a diagnostic.
mlir::LogicalResult
evaluateKernel(mlir::Block &body,
               llvm::ArrayRef<llvm::MutableArrayRef<char>> buffers);

/// The same for one op with a reference decomposition: the memory of its
/// operands, then of its results, row-major.
mlir::LogicalResult
evaluateOp(mlir::Operation *op,
           llvm::ArrayRef<llvm::MutableArrayRef<char>> buffers);

/// Evaluates a qc op on constants through its reference decomposition.
mlir::FailureOr<llvm::SmallVector<mlir::ElementsAttr>>
evaluateOp(mlir::Operation *op, llvm::ArrayRef<mlir::ElementsAttr> operands);

} // namespace qc

#endif // QC_DIALECT_QC_IR_INTERPRETER_H
