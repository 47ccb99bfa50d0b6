// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of reductions and softmax.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// All sets of `count` axes whose reduction of `shape` gives `reduced`.
static SmallVector<SmallVector<int64_t>>
findReducedAxes(ArrayRef<int64_t> shape, ArrayRef<int64_t> reduced,
                int64_t count, bool keep) {
  SmallVector<SmallVector<int64_t>> found;
  // Ranks of real tensors make few subsets.
  if (shape.size() > 10)
    return found;
  for (unsigned mask = 0; mask < (1u << shape.size()); ++mask) {
    SmallVector<int64_t> axes, result;
    for (auto [dim, size] : llvm::enumerate(shape)) {
      bool isReduced = mask >> dim & 1;
      if (isReduced)
        axes.push_back(dim);
      if (!isReduced || keep)
        result.push_back(isReduced ? 1 : size);
    }
    if (static_cast<int64_t>(axes.size()) == count &&
        ArrayRef(result) == reduced)
      found.push_back(axes);
  }
  return found;
}

/// The sorted axes that a node reduces: an attribute in old versions, then an
/// operand; all by default. A run-time operand is accepted where the result
/// shape that the model declares leaves one choice.
static FailureOr<SmallVector<int64_t>>
getReducedAxes(NodeContext &c, Value x,
               const SmallVector<int64_t> *chosen = nullptr) {
  int64_t rank = rankOf(x);
  std::optional<SmallVector<int64_t>> given = c.getInts("axes");
  if (c[1]) {
    std::optional<SmallVector<int64_t>> declared;
    if (tensorOf(c[1]).getNumElements() == 0)
      given = SmallVector<int64_t>();
    else if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0))) {
      auto found = findReducedAxes(shapeOf(x), *declared,
                                   tensorOf(c[1]).getNumElements(),
                                   c.getInt("keepdims", 1) != 0);
      // Several choices: `reduceNode` computes them and selects.
      if (found.size() != 1 && !chosen)
        return c.refuse("axes is a run-time value",
                        "a constant, or a declared result shape that only one "
                        "choice of axes gives");
      return chosen ? *chosen : found.front();
    } else {
      FailureOr<SmallVector<int64_t>> axes = c.getIntegers(1, "axes");
      if (failed(axes))
        return failure();
      given = *axes;
    }
  }
  if (given && !given->empty())
    return c.normalizeAxes(*given, rank);
  if (c.getInt("noop_with_empty_axes", 0))
    return SmallVector<int64_t>();
  return llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

/// Drops reduced dimensions unless keepdims is set.
static Value dropAxes(NodeContext &c, Value y, ArrayRef<int64_t> axes) {
  if (!y || c.getInt("keepdims", 1))
    return y;
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(shapeOf(y)))
    if (!llvm::is_contained(axes, static_cast<int64_t>(dim)))
      shape.push_back(size);
  return c.reshape(y, shape);
}

/// One run-time axis that several dimensions could be: computes each and
/// selects by the operand's value. Null where that does not apply.
static Value
selectReduction(NodeContext &c, Value x,
                llvm::function_ref<Value(SmallVector<int64_t>)> create) {
  if (!c[1] || c.getConstant(c[1]) || tensorOf(c[1]).getNumElements() != 1)
    return {};
  std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0);
  if (!declared)
    return {};
  int64_t rank = rankOf(x);
  auto found =
      findReducedAxes(shapeOf(x), *declared, 1, c.getInt("keepdims", 1) != 0);
  if (found.size() < 2)
    return {};
  Value axis = c.reshape(c[1], {});
  Value result;
  for (const SmallVector<int64_t> &choice : found) {
    Value y = create(choice);
    if (!result) {
      result = y;
      continue;
    }
    Value isHere = c.create<OrOp>(
        {c.create<EqualOp>({axis, c.integers({choice.front()}, {})}),
         c.create<EqualOp>({axis, c.integers({choice.front() - rank}, {})})});
    result = c.create<WhereOp>({isHere, y, result});
  }
  return result;
}

/// Reduces the node's axes (an attribute in old versions, then an operand) and
/// drops them unless keepdims is set. Null after an error.
static Value reduceNode(NodeContext &c, Value x, ReduceKind kind,
                        const SmallVector<int64_t> *chosen = nullptr) {
  if (!x)
    return {};
  if (!chosen)
    if (Value selected = selectReduction(c, x, [&](SmallVector<int64_t> axes) {
          return reduceNode(c, x, kind, &axes);
        }))
      return selected;
  FailureOr<SmallVector<int64_t>> axes = getReducedAxes(c, x, chosen);
  if (failed(axes))
    return {};
  if (axes->empty() && rankOf(x) != 0) {
    // Nothing is reduced; the function of single elements stays.
    if (kind == ReduceKind::SumSquare)
      return c.create<MulOp>({x, x});
    if (kind == ReduceKind::L1 || kind == ReduceKind::L2)
      return c.create<AbsOp>(x);
    return x;
  }
  return dropAxes(c, c.reduce(x, kind, *axes), *axes);
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

/// max(x) + log(sum(exp(x - max(x)))), without overflow; an infinite maximum
/// is not taken away.
static Value createLogSumExp(NodeContext &c, Value x, ArrayRef<int64_t> axes) {
  if (axes.empty() && rankOf(x) != 0)
    return x;
  Value largest = c.reduce(x, ReduceKind::Max, axes);
  Value isInfinite = c.create<IsInfOp>(
      largest, {c.boolean("negative", true), c.boolean("positive", true)});
  Value offset =
      c.create<WhereOp>({isInfinite, c.splat(elementOf(x), 0), largest});
  Value sum = c.reduce(c.create<ExpOp>(c.create<SubOp>({x, offset})),
                       ReduceKind::Sum, axes);
  return dropAxes(c, c.create<AddOp>({c.create<LogOp>(sum), offset}), axes);
}

static LogicalResult reduceLogSumExp(NodeContext &c) {
  Value x = c[0];
  if (Value selected = selectReduction(c, x, [&](SmallVector<int64_t> axes) {
        return createLogSumExp(c, x, axes);
      }))
    return c.yield(selected);
  FailureOr<SmallVector<int64_t>> axes = getReducedAxes(c, x);
  if (failed(axes))
    return failure();
  return c.yield(createLogSumExp(c, x, *axes));
}

//===----------------------------------------------------------------------===//
// Positions of extremes
//===----------------------------------------------------------------------===//

template <bool largest> static LogicalResult argReduce(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  Value y = c.create<ArgReduceOp>(
      c[0], {c.integer("axis", *axis), c.boolean("largest", largest),
             c.boolean("last", c.getInt("select_last_index", 0) != 0)});
  return c.yield(dropAxes(c, y, *axis));
}

/// One where the first maximum stands.
static Value createHardmax(NodeContext &c, Value x, int64_t axis) {
  Value position = c.create<ArgReduceOp>(x, {c.integer("axis", axis),
                                             c.boolean("largest", true),
                                             c.boolean("last", false)});
  if (!position)
    return {};
  SmallVector<int64_t> shape(shapeOf(x));
  int64_t depth = shape[axis];
  shape.erase(shape.begin() + axis);
  Type element = elementOf(x);
  Value values =
      c.create<ConcatOp>({c.splat(element, 0, {1}), c.splat(element, 1, {1})},
                         c.integer("axis", 0));
  return c.create<OneHotOp>(
      {c.reshape(position, shape), values},
      {c.integer("axis", axis), c.integer("depth", depth)});
}

static LogicalResult hardmax(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(createHardmax(c, c[0], *axis));
}

/// Before version 13: over all dimensions from the axis on, together.
static LogicalResult oldHardmax(NodeContext &c) {
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", 1), rankOf(c[0]) + 1);
  if (failed(axis))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(c[0]);
  int64_t outer = 1, inner = 1;
  for (auto [dim, size] : llvm::enumerate(shape))
    (static_cast<int64_t>(dim) < *axis ? outer : inner) *= size;
  Value flat = c.reshape(c[0], {outer, inner});
  if (!flat)
    return failure();
  return c.yield(c.reshape(createHardmax(c, flat, 1), shape));
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
  table.add("ReduceLogSumExp", 1, 1, reduceLogSumExp);
  table.add("ArgMax", 1, 1, argReduce<true>);
  table.add("ArgMin", 1, 1, argReduce<false>);
  table.add("Hardmax", 1, 1, oldHardmax);
  table.add("Hardmax", 13, 1, hardmax);
  table.add("Softmax", 1, 1, oldSoftmax<false>);
  table.add("Softmax", 13, 1, softmax<false>);
  table.add("LogSoftmax", 1, 1, oldSoftmax<true>);
  table.add("LogSoftmax", 13, 1, softmax<true>);
}
