// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of ONNX nodes in locations: every decision and every diagnostic uses
// them.
#ifndef QC_SUPPORT_NAMES_H
#define QC_SUPPORT_NAMES_H

#include "mlir/IR/Location.h"

#include <string>

namespace qc {

/// The node names in `loc`, joined with '+' in order without repetition; empty
/// if there are none.
std::string getNodeName(mlir::Location loc);

} // namespace qc

#endif // QC_SUPPORT_NAMES_H
