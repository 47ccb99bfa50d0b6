// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module's kernels as PTX text, with what the manifest says of them.
#ifndef QC_LIB_TARGET_PTX_PTXKERNELS_H
#define QC_LIB_TARGET_PTX_PTXKERNELS_H

#include "qc/Target/Common/Artifact.h"
#include "qc/Target/PTX/PTXTarget.h"

namespace qc {

struct PTXKernels {
  std::string text;
  llvm::SmallVector<KernelInfo, 0> kernels;
};

/// Compiles all kernels of `module`, which is not changed.
mlir::FailureOr<PTXKernels> compilePTXKernels(mlir::ModuleOp module,
                                              const PTXOptions &options);

} // namespace qc

#endif // QC_LIB_TARGET_PTX_PTXKERNELS_H
