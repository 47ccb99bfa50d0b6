// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the targets that emit code through LLVM share: the passes to the LLVM
// dialect, target machines with qc's numerics, the optimizer without libraries,
// errors as values.
#ifndef QC_TARGET_COMMON_CODEGEN_H
#define QC_TARGET_COMMON_CODEGEN_H

#include "mlir/IR/Location.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/LLVM.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Target/TargetMachine.h"

#include <memory>
#include <string>

namespace qc {

/// Adds the passes from loop-level functions, whose parallel loops are gone, to
/// the LLVM dialect; each memref becomes a pointer.
void buildLLVMLoweringPipeline(mlir::OpPassManager &manager);

/// A machine whose code contracts and reorders no floating-point operation;
/// null if LLVM was built without the target.
std::unique_ptr<llvm::TargetMachine>
createTargetMachine(llvm::StringRef triple, llvm::StringRef cpu,
                    llvm::StringRef features);

/// Runs LLVM's -O2 pipeline. No library exists where the code runs: memcpy or
/// libm calls are not formed.
void optimizeCode(llvm::Module &code, llvm::TargetMachine &machine,
                  bool vectorize);

/// Writes `code` as assembly or as an object.
mlir::LogicalResult emitCode(llvm::Module &code, llvm::TargetMachine &machine,
                             llvm::raw_pwrite_stream &stream,
                             llvm::CodeGenFileType type);

/// While it lives, LLVM's errors in `context` become diagnostics at `loc`;
/// LLVM's own handler would end the process.
class CodeGenErrors {
public:
  CodeGenErrors(llvm::LLVMContext &context, mlir::Location loc);
  ~CodeGenErrors();
  bool hasErrors() const { return count != 0; }

private:
  struct Handler;
  llvm::LLVMContext &context;
  std::unique_ptr<llvm::DiagnosticHandler> previous;
  unsigned count = 0;
};

/// Writes file `path` through `write`; errors name the file.
mlir::LogicalResult writeFile(
    mlir::Location loc, llvm::StringRef path,
    llvm::function_ref<mlir::LogicalResult(llvm::raw_fd_ostream &)> write);

} // namespace qc

#endif // QC_TARGET_COMMON_CODEGEN_H
