// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program that runs code of its own modules loads.
#ifndef QC_TEST_UNIT_EXECUTION_CONTEXT_H
#define QC_TEST_UNIT_EXECUTION_CONTEXT_H

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Execution/Execution.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace qc {

inline void loadExecution(mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  registry
      .insert<QCDialect, mlir::func::FuncDialect, mlir::LLVM::LLVMDialect>();
  registerExecution(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

} // namespace qc

#endif // QC_TEST_UNIT_EXECUTION_CONTEXT_H
