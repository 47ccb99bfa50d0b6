// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of reductions and softmax.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// Reduces the node's axes (an attribute in old versions, then an operand) and
/// drops them unless keepdims is set. Null after an error.
static Value reduceNode(NodeContext &c, Value x, ReduceKind kind) {
  if (!x)
    return {};
  std::optional<SmallVector<int64_t>> given = c.getInts("axes");
  if (c[1]) {
    FailureOr<SmallVector<int64_t>> axes = c.getIntegers(1, "axes");
    if (failed(axes))
      return {};
    given = *axes;
  }
  int64_t rank = rankOf(x);
  SmallVector<int64_t> axes = given.value_or(SmallVector<int64_t>());
  if (axes.empty()) {
    if (c.getInt("noop_with_empty_axes", 0))
      return x;
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  FailureOr<SmallVector<int64_t>> sorted = c.normalizeAxes(axes, rank);
  if (failed(sorted))
    return {};
  Value y = c.reduce(x, kind, *sorted);
  if (!y || c.getInt("keepdims", 1))
    return y;
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(shapeOf(y)))
    if (!llvm::is_contained(*sorted, static_cast<int64_t>(dim)))
      shape.push_back(size);
  return c.reshape(y, shape);
}

template <ReduceKind kind> static LogicalResult reduction(NodeContext &c) {
  // Booleans order as 0 and 1.
  if (elementOf(c[0]).isInteger(1)) {
    Builder builder = c.getBuilder();
    Value wide = c.cast(c[0], builder.getIntegerType(8, /*isSigned=*/false));
    Value y = reduceNode(c, wide, kind);
    return c.yield(c.cast(y, builder.getI1Type()));
  }
  return c.yield(reduceNode(c, c[0], kind));
}

/// log(sum(x))
static LogicalResult reduceLogSum(NodeContext &c) {
  return c.yield(c.create<LogOp>(reduceNode(c, c[0], ReduceKind::Sum)));
}

//===----------------------------------------------------------------------===//
// Softmax
//===----------------------------------------------------------------------===//

/// Along one axis.
template <bool logarithm> static LogicalResult softmax(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(c.create<SoftmaxOp>(
      c[0], {c.integer("axis", *axis), c.boolean("logarithm", logarithm)}));
}

/// Before version 13: over all dimensions from the axis on, together.
template <bool logarithm> static LogicalResult oldSoftmax(NodeContext &c) {
  ArrayRef<int64_t> shape = shapeOf(c[0]);
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", 1), rankOf(c[0]) + 1);
  if (failed(axis))
    return failure();
  int64_t outer = 1, inner = 1;
  for (auto [dim, size] : llvm::enumerate(shape))
    (static_cast<int64_t>(dim) < *axis ? outer : inner) *= size;
  // One dimension that is not 1 needs no reshape.
  int64_t last = rankOf(c[0]) - 1;
  bool isPlain = *axis <= last;
  for (int64_t dim = *axis + 1; dim <= last; ++dim)
    isPlain &= shape[dim] == 1;
  Value flat = isPlain ? c[0] : c.reshape(c[0], {outer, inner});
  Value y = c.create<SoftmaxOp>(flat, {c.integer("axis", isPlain ? *axis : 1),
                                       c.boolean("logarithm", logarithm)});
  return c.yield(c.reshape(y, shape));
}

void qc::registerReductionHandlers(HandlerTable &table) {
  table.add("ReduceSum", 1, 1, reduction<ReduceKind::Sum>);
  table.add("ReduceMean", 1, 1, reduction<ReduceKind::Mean>);
  table.add("ReduceMax", 1, 1, reduction<ReduceKind::Max>);
  table.add("ReduceMin", 1, 1, reduction<ReduceKind::Min>);
  table.add("ReduceProd", 1, 1, reduction<ReduceKind::Prod>);
  table.add("ReduceSumSquare", 1, 1, reduction<ReduceKind::SumSquare>);
  table.add("ReduceL1", 1, 1, reduction<ReduceKind::L1>);
  table.add("ReduceL2", 1, 1, reduction<ReduceKind::L2>);
  table.add("ReduceLogSum", 1, 1, reduceLogSum);
  table.add("Softmax", 1, 1, oldSoftmax<false>);
  table.add("Softmax", 13, 1, softmax<false>);
  table.add("LogSoftmax", 1, 1, oldSoftmax<true>);
  table.add("LogSoftmax", 13, 1, softmax<true>);
}
