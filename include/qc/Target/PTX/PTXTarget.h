// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a program with target-free kernels to an artefact folder for NVIDIA
// GPUs: PTX text, manifest and weights. No GPU and no CUDA toolkit is needed.
#ifndef QC_TARGET_PTX_PTXTARGET_H
#define QC_TARGET_PTX_PTXTARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

#include <string>

namespace qc {

struct PTXOptions {
  /// The GPU that the text is for: sm_80 … sm_90a. Text for sm_80 runs on every
  /// later GPU; text for sm_90a on that one only.
  std::string arch = "sm_80";
  /// Threads that keep the GPU busy: a few hundred for each multiprocessor.
  /// Larger tiles need fewer memory accesses, smaller ones give more threads.
  int64_t threads = 16384;
  /// Name of the model in the manifest.
  std::string modelName;
};

/// Adds the passes from target-free kernels to loop-level functions for one
/// thread of a grid.
void buildPTXThreadPipeline(mlir::OpPassManager &manager,
                            const PTXOptions &options);

/// Prints the module's kernels as one PTX text with an entry for each; the same
/// module always gives the same bytes.
mlir::LogicalResult translateToPTX(mlir::ModuleOp module,
                                   llvm::raw_ostream &stream,
                                   const PTXOptions &options);

/// Writes the module's programs as artefact folder `directory`, which is made
/// if it does not exist:
///
///     kernels.ptx   an entry for each kernel
///     weights.bin   packed weights
///     manifest.qcm  what to launch (runtime/include/qcrt/manifest.h)
mlir::LogicalResult writePTXArtifact(mlir::ModuleOp module,
                                     llvm::StringRef directory,
                                     const PTXOptions &options);

/// Registers `--mlir-to-ptx` with a translation driver.
void registerToPTXTranslation();

} // namespace qc

#endif // QC_TARGET_PTX_PTXTARGET_H
