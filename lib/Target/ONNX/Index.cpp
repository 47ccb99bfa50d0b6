// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of operators whose positions come from indices or from an order:
// gathers, scatters, scans, selections.

#include "Handlers.h"
#include "Tensors.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Patterns of positions
//===----------------------------------------------------------------------===//

static LogicalResult tile(NodeContext &c) {
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0)))
    return c.yield(c.create<TileOp>(c[0], c.ints("shape", *declared)));
  FailureOr<SmallVector<int64_t>> repeats = c.getIntegers(1, "repeats");
  if (failed(repeats))
    return failure();
  SmallVector<int64_t> shape(shapeOf(c[0]));
  if (repeats->size() != shape.size())
    return c.refuse("repeats does not have one entry per dimension");
  for (auto [size, count] : llvm::zip_equal(shape, *repeats))
    if (count < 0 || llvm::MulOverflow(size, count, size))
      return c.refuse("a repeat is " + Twine(count));
  return c.yield(c.create<TileOp>(c[0], c.ints("shape", shape)));
}

static LogicalResult trilu(NodeContext &c) {
  Value k = c[1] ? c[1] : c.integers({0}, {});
  return c.yield(c.create<TriluOp>(
      {c[0], k}, c.boolean("upper", c.getInt("upper", 1) != 0)));
}

static LogicalResult eyeLike(NodeContext &c) {
  if (rankOf(c[0]) != 2)
    return c.refuse("the input has rank " + Twine(rankOf(c[0])), "rank 2");
  ArrayRef<int64_t> shape = shapeOf(c[0]);
  Type element = elementOf(c[0]);
  if (c.hasAttribute("dtype")) {
    element = getElementType(c.getBuilder().getContext(),
                             static_cast<int32_t>(c.getInt("dtype", 0)));
    if (!element)
      return c.refuse("dtype is no number");
  }
  // Ones, cut to the diagonal from both sides.
  Value ones = c.splat(element, 1, shape);
  Value k = c.integers({c.getInt("k", 0)}, {});
  Value upper = c.create<TriluOp>({ones, k}, c.boolean("upper", true));
  return c.yield(c.create<TriluOp>({upper, k}, c.boolean("upper", false)));
}

static LogicalResult oneHot(NodeContext &c) {
  int64_t rank = rankOf(c[0]) + 1;
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rank);
  if (failed(axis))
    return failure();
  int64_t depth = 0;
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0)) &&
      static_cast<int64_t>(declared->size()) == rank) {
    depth = (*declared)[*axis];
  } else {
    FailureOr<double> given = c.getNumber(1, "depth", 0);
    if (failed(given))
      return failure();
    if (!(*given >= 0 && *given <= 1e12))
      return c.refuse("depth is out of range");
    depth = static_cast<int64_t>(*given);
  }
  Value indices = c[0];
  if (isa<FloatType>(elementOf(indices)))
    indices = c.cast(indices, IntegerType::get(c.getBuilder().getContext(), 64,
                                               IntegerType::Signed));
  return c.yield(c.create<OneHotOp>(
      {indices, c[2]}, {c.integer("axis", *axis), c.integer("depth", depth)}));
}

static LogicalResult reverseSequence(NodeContext &c) {
  return c.yield(c.create<ReverseSequenceOp>(
      {c[0], c[1]}, {c.integer("timeAxis", c.getInt("time_axis", 0)),
                     c.integer("batchAxis", c.getInt("batch_axis", 1))}));
}

//===----------------------------------------------------------------------===//
// Gathers and scatters
//===----------------------------------------------------------------------===//

static LogicalResult gatherElements(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(
      c.create<GatherElementsOp>({c[0], c[1]}, c.integer("axis", *axis)));
}

static LogicalResult gatherND(NodeContext &c) {
  return c.yield(c.create<GatherNDOp>(
      {c[0], c[1]}, c.integer("batchDims", c.getInt("batch_dims", 0))));
}

static FailureOr<NamedAttribute> getScatterKind(NodeContext &c) {
  std::string name = c.getString("reduction", "none");
  std::optional<ScatterKind> kind =
      name == "none" ? ScatterKind::Replace : symbolizeScatterKind(name);
  if (!kind)
    return c.refuse("reduction is '" + name + "'", "none, add, mul, max, min");
  return c.attribute("kind",
                     ScatterKindAttr::get(c.getBuilder().getContext(), *kind));
}

/// Booleans scatter as integers.
template <typename OpTy>
static LogicalResult createScatter(NodeContext &c,
                                   ArrayRef<NamedAttribute> attributes) {
  return c.yield(c.create<OpTy>({c[0], c[1], c[2]}, attributes));
}

static LogicalResult scatterElements(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  FailureOr<NamedAttribute> kind = getScatterKind(c);
  if (failed(axis) || failed(kind))
    return failure();
  return createScatter<ScatterElementsOp>(c, {c.integer("axis", *axis), *kind});
}

static LogicalResult scatterND(NodeContext &c) {
  FailureOr<NamedAttribute> kind = getScatterKind(c);
  if (failed(kind))
    return failure();
  return createScatter<ScatterNDOp>(c, *kind);
}

static LogicalResult tensorScatter(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -2), rankOf(c[0]));
  if (failed(axis))
    return failure();
  std::string mode = c.getString("mode", "linear");
  if (mode != "linear" && mode != "circular")
    return c.refuse("mode is '" + mode + "'", "linear, circular");
  Value positions =
      c[2] ? c[2] : c.integers(SmallVector<int64_t>(shapeOf(c[0]).front(), 0));
  return c.yield(c.create<CacheUpdateOp>(
      {c[0], c[1], positions},
      {c.integer("axis", *axis), c.boolean("circular", mode == "circular")}));
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

/// `create(axis)` for a constant axis operand. A run-time axis computes all
/// choices and selects: the result's shape does not depend on it.
static Value forEachAxis(NodeContext &c, unsigned operand, int64_t firstAxis,
                         int64_t rank,
                         llvm::function_ref<Value(int64_t)> create) {
  if (c.getConstant(c[operand])) {
    FailureOr<SmallVector<int64_t>> given = c.getIntegers(operand, "axis");
    if (failed(given) || given->size() != 1)
      return {};
    FailureOr<int64_t> axis = c.normalizeAxis(given->front(), rank);
    return succeeded(axis) ? create(*axis) : Value();
  }
  Value axis = c.reshape(c[operand], {});
  if (!axis)
    return {};
  axis = c.cast(axis, IntegerType::get(c.getBuilder().getContext(), 64,
                                       IntegerType::Signed));
  Value result;
  for (int64_t dim = rank - 1; dim >= firstAxis; --dim) {
    Value choice = create(dim);
    if (!result) {
      result = choice;
      continue;
    }
    Value isHere = c.create<OrOp>(
        {c.create<EqualOp>({axis, c.integers({dim}, {})}),
         c.create<EqualOp>({axis, c.integers({dim - rank}, {})})});
    result = c.create<WhereOp>({isHere, choice, result});
  }
  return result;
}

template <bool product> static LogicalResult cumulative(NodeContext &c) {
  if (rankOf(c[0]) == 0)
    return c.refuse("the input is a scalar", "rank 1 or more");
  return c.yield(forEachAxis(c, 1, 0, rankOf(c[0]), [&](int64_t axis) {
    return c.create<CumulativeOp>(
        c[0], {c.integer("axis", axis), c.boolean("product", product),
               c.boolean("exclusive", c.getInt("exclusive", 0) != 0),
               c.boolean("reverse", c.getInt("reverse", 0) != 0)});
  }));
}

static LogicalResult topK(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  int64_t k = c.getInt("k", -1);
  if (c[1]) {
    std::optional<SmallVector<int64_t>> declared;
    if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0)) &&
        static_cast<int64_t>(declared->size()) == rankOf(c[0])) {
      k = (*declared)[*axis];
    } else {
      FailureOr<double> given = c.getNumber(1, "k", -1);
      if (failed(given))
        return failure();
      k = static_cast<int64_t>(*given);
    }
  }
  SmallVector<Value> results =
      c.createAll<TopKOp>(c[0],
                          {c.integer("axis", *axis), c.integer("k", k),
                           c.boolean("largest", c.getInt("largest", 1) != 0)},
                          2);
  return c.yield(ArrayRef(results).take_front(c.getNumResults()));
}

void qc::registerIndexHandlers(HandlerTable &table) {
  table.add("Tile", 6, 2, tile);
  table.add("Trilu", 14, 1, trilu);
  table.add("EyeLike", 9, 1, eyeLike);
  table.add("OneHot", 9, 3, oneHot);
  table.add("ReverseSequence", 10, 2, reverseSequence);
  table.add("GatherElements", 11, 2, gatherElements);
  table.add("GatherND", 11, 2, gatherND);
  table.add("Scatter", 9, 3, scatterElements);
  table.add("ScatterElements", 11, 3, scatterElements);
  table.add("ScatterND", 11, 3, scatterND);
  table.add("TensorScatter", 24, 2, tensorScatter);
  table.add("CumSum", 11, 2, cumulative<false>);
  table.add("CumProd", 26, 2, cumulative<true>);
  table.add("TopK", 1, 1, topK);
}
