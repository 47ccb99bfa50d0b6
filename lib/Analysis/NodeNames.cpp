// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of a function's ops and values.

#include "qc/Analysis/NodeNames.h"

#include "qc/Support/Names.h"

using namespace mlir;
using namespace qc;

NodeNames::NodeNames(func::FuncOp function) : function(function) {
  llvm::StringMap<unsigned> counts;
  for (Operation &op : function.getBody().front().without_terminator()) {
    std::string base = getNodeName(op.getLoc());
    if (base.empty())
      base = op.getName().stripDialect().str();
    std::string name = base;
    // A node may itself be called "x#2".
    while (!ops.try_emplace(name, &op).second)
      name = base + "#" +
             std::to_string(++counts.try_emplace(base, 1).first->second);
    names[&op] = ops.find(name)->first();
  }
}

std::string NodeNames::getName(Value value) const {
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto name = func::FuncOp(function).getArgAttrOfType<StringAttr>(
        argument.getArgNumber(), "qc.name");
    return name ? name.str()
                : "input" + std::to_string(argument.getArgNumber());
  }
  std::string name = getName(value.getDefiningOp()).str();
  unsigned number = cast<OpResult>(value).getResultNumber();
  return number ? name + ":" + std::to_string(number) : name;
}
