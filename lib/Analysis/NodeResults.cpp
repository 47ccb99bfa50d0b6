// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which op computes a node's result: see NodeResults.h.

#include "qc/Analysis/NodeResults.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Support/Names.h"

using namespace mlir;
using namespace qc;

bool qc::isBefore(const NodeResult &lhs, const NodeResult &rhs) {
  return std::make_pair(StringRef(lhs.first), lhs.second.getAsOpaquePointer()) <
         std::make_pair(StringRef(rhs.first), rhs.second.getAsOpaquePointer());
}

/// The element type of what `op` computes, or null.
static Type getElementType(Operation *op) {
  Type type;
  if (auto launch = dyn_cast<LaunchOp>(op)) {
    auto kernel = SymbolTable::lookupNearestSymbolFrom<KernelOp>(
        op, launch.getKernelAttr());
    if (kernel && !kernel.getResultTypes().empty())
      type = kernel.getResultTypes().front();
  } else if (op->getNumResults()) {
    type = op->getResultTypes().front();
  }
  auto tensor = dyn_cast_or_null<RankedTensorType>(type);
  return tensor ? tensor.getElementType() : Type();
}

NodeResults::NodeResults(Block &block) : ops(isBefore) {
  // The last op that stands for each node.
  for (Operation &op : block)
    if (Type element = getElementType(&op); element && !isa<ConstantOp>(op))
      for (std::string &name : getAllNames(op.getLoc()))
        ops[{std::move(name), element}] = &op;
  // It must compute that node's result.
  for (auto &[node, op] : ops)
    if (getResultName(op->getLoc()) == node.first)
      nodes[op] = &node;
    else
      op = nullptr;
}
