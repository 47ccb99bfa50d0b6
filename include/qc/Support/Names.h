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

/// `loc` for an op that computes something on the way to the node's result,
/// such as a sum in other units: no one may take it for the result. Printed as
/// `fused<"part">[…]`.
mlir::Location getPartLocation(mlir::Location loc);

/// The last node name in `loc`, that of the node whose result an op there
/// computes; without names the last place as "LINE:COLUMN". Empty if there is
/// none and for parts.
std::string getResultName(mlir::Location loc);

/// All node names in `loc` in order, without names all places.
llvm::SmallVector<std::string> getAllNames(mlir::Location loc);

} // namespace qc

#endif // QC_SUPPORT_NAMES_H
