// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of ONNX nodes in locations.

#include "qc/Support/Names.h"

#include "mlir/IR/BuiltinAttributes.h"
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

static constexpr llvm::StringLiteral part = "part";

Location qc::getPartLocation(Location loc) {
  return FusedLoc::get(loc.getContext(), {loc},
                       StringAttr::get(loc.getContext(), part));
}

/// Calls `visit` with each name, or each place, in order; `isPart` is whether
/// it is inside of a part.
static void
forEachName(Location loc,
            llvm::function_ref<void(std::string, bool isPart)> visit) {
  bool hasNames = !qc::getNodeName(loc).empty();
  std::function<void(Location, bool)> walk = [&](Location at, bool isPart) {
    if (auto fused = dyn_cast<FusedLoc>(at)) {
      auto tag = dyn_cast_or_null<StringAttr>(fused.getMetadata());
      for (Location inner : fused.getLocations())
        walk(inner, isPart || (tag && tag.getValue() == part));
    } else if (auto call = dyn_cast<CallSiteLoc>(at)) {
      walk(call.getCallee(), isPart);
      walk(call.getCaller(), isPart);
    } else if (auto name = dyn_cast<NameLoc>(at)) {
      visit(name.getName().str(), isPart);
      walk(name.getChildLoc(), isPart);
    } else if (auto place = dyn_cast<FileLineColLoc>(at); place && !hasNames) {
      visit(std::to_string(place.getLine()) + ":" +
                std::to_string(place.getColumn()),
            isPart);
    }
  };
  walk(loc, false);
}

std::string qc::getResultName(Location loc) {
  std::string last;
  forEachName(loc, [&](std::string name, bool isPart) {
    last = isPart ? "" : std::move(name);
  });
  return last;
}

SmallVector<std::string> qc::getAllNames(Location loc) {
  SmallVector<std::string> names;
  forEachName(
      loc, [&](std::string name, bool) { names.push_back(std::move(name)); });
  return names;
}
