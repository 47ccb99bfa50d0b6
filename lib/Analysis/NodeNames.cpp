// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of a function's ops and values.

#include "qc/Analysis/NodeNames.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Support/Names.h"

using namespace mlir;
using namespace qc;

NodeNames::NodeNames(func::FuncOp function) : function(function) {
  llvm::StringMap<unsigned> counts;
  auto add = [&](Operation &op) {
    std::string base = getNodeName(op.getLoc());
    if (base.empty())
      base = op.getName().stripDialect().str();
    std::string name = base;
    // A node may itself be called "x#2".
    while (!ops.try_emplace(name, &op).second)
      name = base + "#" +
             std::to_string(++counts.try_emplace(base, 1).first->second);
    names[&op] = ops.find(name)->first();
  };
  // Constants that a rewrite made stand where the op is for which they were
  // made: the name is the op's.
  auto body = function.getBody().front().without_terminator();
  for (Operation &op : body)
    if (!isa<ConstantOp>(op))
      add(op);
  for (Operation &op : body)
    if (isa<ConstantOp>(op))
      add(op);
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
