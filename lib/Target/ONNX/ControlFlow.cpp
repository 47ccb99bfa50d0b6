// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control flow that is static once shapes are bound: the branch that is taken,
// the iterations that run.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// Unrolling stops here: a longer loop makes no sensible program.
static constexpr int64_t largestTripCount = 4096;

/// A constant boolean, or nothing.
static std::optional<bool> getCondition(Value value) {
  ElementsAttr constant = NodeContext::getConstant(value);
  if (!constant || constant.getNumElements() != 1)
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> number = getConstantIntegers(constant);
  if (failed(number))
    return std::nullopt;
  return number->front() != 0;
}

static LogicalResult ifNode(NodeContext &c) {
  std::optional<bool> condition = getCondition(c[0]);
  if (!condition)
    return c.refuse("its condition is a run-time value",
                    "a condition that folds to a constant");
  const onnx::AttributeProto *branch =
      c.getAttribute(*condition ? "then_branch" : "else_branch");
  if (!branch || !branch->has_g())
    return c.refuse("a branch is missing");
  SmallVector<Value> results;
  if (failed(c.importSubgraph(branch->g(), {}, "", results)))
    return failure();
  return c.yield(results);
}

static LogicalResult loop(NodeContext &c) {
  const onnx::AttributeProto *body = c.getAttribute("body");
  if (!body || !body->has_g())
    return c.refuse("its body is missing");
  int64_t limit = INT64_MAX;
  if (c[0]) {
    FailureOr<SmallVector<int64_t>> trips = c.getIntegers(0, "the trip count");
    if (failed(trips))
      return failure();
    if (trips->size() != 1)
      return c.refuse("the trip count is no scalar");
    limit = std::max<int64_t>(trips->front(), 0);
  }
  std::optional<bool> condition = true;
  if (c[1] && !(condition = getCondition(c[1])))
    return c.refuse("its condition is a run-time value",
                    "a condition that folds to a constant");
  size_t numCarried = c.getNumOperands() > 2 ? c.getNumOperands() - 2 : 0;
  SmallVector<Value> carried(
      c.getOperands().drop_front(std::min<size_t>(2, c.getNumOperands())));
  if (static_cast<size_t>(body->g().output_size()) < 1 + numCarried)
    return c.refuse("its body has too few outputs");
  SmallVector<SmallVector<Value>> scans(body->g().output_size() - 1 -
                                        numCarried);
  for (int64_t iteration = 0; iteration < limit && *condition; ++iteration) {
    if (iteration >= largestTripCount)
      return c.refuse("runs more than " + Twine(largestTripCount) +
                          " iterations",
                      "a loop of fewer iterations, which is unrolled");
    SmallVector<Value> inputs{c.integers({iteration}, {}),
                              c.splat(c.getBuilder().getI1Type(), 1)};
    llvm::append_range(inputs, carried);
    SmallVector<Value> outputs;
    if (failed(c.importSubgraph(body->g(), inputs,
                                "#" + std::to_string(iteration), outputs)))
      return failure();
    if (!(condition = getCondition(outputs[0])))
      return c.refuse("its body computes the condition at run time",
                      "a condition that folds to a constant");
    carried.assign(outputs.begin() + 1, outputs.begin() + 1 + numCarried);
    for (auto [index, scan] : llvm::enumerate(scans)) {
      Value value = outputs[1 + numCarried + index];
      SmallVector<int64_t> shape{1};
      llvm::append_range(shape, shapeOf(value));
      scan.push_back(c.reshape(value, shape));
    }
  }
  SmallVector<Value> results(carried);
  for (ArrayRef<Value> scan : scans) {
    if (scan.empty())
      return c.refuse("collects values over no iteration",
                      "at least one iteration, so that their shape is known");
    results.push_back(scan.size() == 1
                          ? scan.front()
                          : c.create<ConcatOp>(scan, c.integer("axis", 0)));
  }
  return c.yield(results);
}

void qc::registerControlFlowHandlers(HandlerTable &table) {
  table.add("If", 1, 1, ifNode);
  table.add("Loop", 1, 0, loop);
}
