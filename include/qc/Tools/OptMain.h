// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main of qc-opt, for drivers with passes of their own.
#ifndef QC_TOOLS_OPTMAIN_H
#define QC_TOOLS_OPTMAIN_H

#include "mlir/IR/DialectRegistry.h"

namespace qc {

/// mlir-opt with `--qc-verify-numerics`. Dialects and passes are registered
/// before. Returns the exit code.
int runOptMain(int argc, char **argv, mlir::DialectRegistry &registry);

} // namespace qc

#endif // QC_TOOLS_OPTMAIN_H
