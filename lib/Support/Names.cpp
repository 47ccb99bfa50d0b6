// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of ONNX nodes in locations.

#include "qc/Support/Names.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

std::string qc::getNodeName(Location loc) {
  llvm::SmallSetVector<StringRef, 4> names;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.insert(name.getName().getValue());
    return WalkResult::advance();
  });
  return llvm::join(names, "+");
}
