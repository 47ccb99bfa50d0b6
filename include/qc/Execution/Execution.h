// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles functions for this machine and runs them in this process: the
// executor of analyses (qc/Analysis/Executor.h).
#ifndef QC_EXECUTION_EXECUTION_H
#define QC_EXECUTION_EXECUTION_H

#include "qc/Analysis/Executor.h"

#include "mlir/IR/DialectRegistry.h"

namespace qc {

/// Gives the qc dialect of every context made from `registry` an executor.
/// `threads` take part in a run; 0: as many as this machine has CPUs.
void registerExecution(mlir::DialectRegistry &registry, unsigned threads = 0);

/// A compiled model's first program.
struct LoadedLibrary {
  std::unique_ptr<CompiledFunction> code;
  llvm::SmallVector<std::string> inputs, outputs;
};

/// Loads what qc-compile wrote. Fails with an error at `loc`.
mlir::FailureOr<LoadedLibrary>
loadLibrary(mlir::Location loc, llvm::StringRef path, unsigned threads = 0);

} // namespace qc

#endif // QC_EXECUTION_EXECUTION_H
