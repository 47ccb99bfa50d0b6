// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of ops whose results have as many elements as the data say. ONNX
// gives these results the sizes of a run; here they are filled up with zeros to
// the largest ones, beside their extents, and outputs are cut (Exporter.cpp).

#include "ExportHandlers.h"

#include <numeric>

using namespace mlir;
using namespace qc;

static constexpr int64_t dynamic = ShapedType::kDynamic;

static Term getShape(ExportContext &c, Term x) {
  return c.node("Shape", {x},
                RankedTensorType::get({x.rank()}, c.getIndexType()));
}

/// 0, 1, … below `count`.
static Term getPositions(ExportContext &c, int64_t count) {
  SmallVector<int64_t> positions(count);
  std::iota(positions.begin(), positions.end(), 0);
  return c.constant(positions);
}

/// The entries of vectors along the last dimension that `count` says, then 0.
static Term clearBehind(ExportContext &c, Term x, Term count) {
  Term counts = c.compare("Less", getPositions(c, x.shape().back()), count);
  return c.where(counts, x, c.splat(x.element(), 0));
}

/// The flags in descending order are the positions of those that are set, in
/// order, and behind them the others: of equal elements TopK gives the first
/// one first.
static LogicalResult nonZero(ExportContext &c, NonZeroOp op) {
  Term x = c.get(op.getX());
  RankedTensorType type = c.getResultType(0);
  Type index = c.getIndexType();
  int64_t total = type.getDimSize(1);
  if (total == 0 || x.rank() == 0)
    return c.refuse("its operand is empty or a scalar",
                    "tensors with dimensions and elements");
  Term isSet =
      c.cast(c.reshape(x, {total}), IntegerType::get(op.getContext(), 1));
  Term flags = c.cast(isSet, index);
  Term count = c.node("ReduceSum", {flags}, RankedTensorType::get({1}, index),
                      c.integer("keepdims", 1));
  Term order = c.nodes("TopK", {flags, c.constant(ArrayRef<int64_t>{total})},
                       {flags.type, flags.type}, c.integer("axis", 0))[1];
  order = clearBehind(c, order, count);
  // Row-major positions as one row per dimension.
  SmallVector<int64_t> strides(x.rank(), 1), sizes(x.shape());
  for (int64_t dim = x.rank() - 1; dim-- > 0;)
    strides[dim] = strides[dim + 1] * sizes[dim + 1];
  auto column = [&](ArrayRef<int64_t> numbers) {
    return c.reshape(c.constant(numbers), {x.rank(), 1});
  };
  Term indices = order;
  if (x.rank() == 1)
    indices = c.reshape(order, {1, total});
  else
    indices =
        c.binary("Mod", c.binary("Div", order, column(strides)), column(sizes));
  Term rank = c.constant(ArrayRef<int64_t>{x.rank()});
  return c.yield({indices, c.concat({rank, count}, 0)});
}

/// There is at least one row, so the positions of missing ones may name it.
static LogicalResult unique(ExportContext &c, UniqueOp op) {
  Term x = c.get(op.getX());
  Type index = c.getIndexType();
  int64_t rows = x.shape()[0];
  if (rows == 0)
    return c.refuse("its operand is empty", "tensors with elements");
  auto varying = RankedTensorType::get({dynamic}, index);
  SmallVector<Term> found =
      c.nodes("Unique", {x},
              {RankedTensorType::get({dynamic, x.shape()[1]}, x.element()),
               varying, RankedTensorType::get({rows}, index), varying},
              {c.integer("axis", 0), c.integer("sorted", op.getSorted())});
  Term count = getShape(c, found[1]);
  Term last = c.binary("Sub", count, c.splat(index, 1, {1}));
  Term positions = c.binary("Min", getPositions(c, rows), last);
  auto fillUp = [&](Term vector) {
    Term all = c.node("Gather", {vector, positions}, positions.type,
                      c.integer("axis", 0));
    return clearBehind(c, all, count);
  };
  return c.yield({fillUp(found[1]), found[2], fillUp(found[3]), count});
}

/// ONNX lists what it selects as tuples of batch, class and box, group by
/// group: the place within a group is the place in the list less what the
/// groups before hold.
static LogicalResult suppress(ExportContext &c, SuppressOp op) {
  RankedTensorType selected = c.getResultType(0), counts = c.getResultType(1);
  Type index = c.getIndexType();
  auto scalar = [&](int64_t value) {
    return c.splat(index, static_cast<double>(value));
  };
  auto vector = [&](Term x) { return c.reshape(x, {1}); };
  auto list = RankedTensorType::get({dynamic}, index);
  Term tuples = c.node("NonMaxSuppression",
                       {c.get(op.getBoxes()), c.get(op.getScores()),
                        vector(c.cast(c.get(op.getLimit()), index)),
                        vector(c.get(op.getIouThreshold())),
                        vector(c.get(op.getScoreThreshold()))},
                       RankedTensorType::get({dynamic, 3}, index),
                       c.integer("center_point_box", op.getCenter()));
  auto column = [&](int64_t i) {
    return c.node("Gather", {tuples, scalar(i)}, list, c.integer("axis", 1));
  };
  int64_t batches = counts.getDimSize(0), classes = counts.getDimSize(1),
          groups = batches * classes, bound = op.getBound();
  Term group =
      c.binary("Add", c.binary("Mul", column(0), scalar(classes)), column(1));
  Term none = c.splat(index, 0, {groups}), zero = scalar(0);
  Term one = c.node("Expand", {scalar(1), getShape(c, group)}, list);
  Term count = c.node("ScatterElements", {none, group, one}, none.type,
                      {c.integer("axis", 0), c.text("reduction", "add")});
  c.require(16);
  Term before =
      c.node("CumSum", {count, zero}, count.type, c.integer("exclusive", 1));
  Term order = c.node("CumSum", {one, zero}, list, c.integer("exclusive", 1));
  Term place =
      c.binary("Sub", order,
               c.node("Gather", {before, group}, list, c.integer("axis", 0)));
  Term at = c.binary("Add", c.binary("Mul", group, scalar(bound)), place);
  Term boxes = c.node(
      "ScatterElements", {c.splat(index, 0, {groups * bound}), at, column(2)},
      RankedTensorType::get({groups * bound}, index), c.integer("axis", 0));
  return c.yield({c.reshape(boxes, selected.getShape()),
                  c.reshape(count, counts.getShape())});
}

static LogicalResult compact(ExportContext &c, CompactOp op) {
  Term x = c.get(op.getX());
  int64_t count = x.type.getNumElements();
  Term part = c.node(
      "Reshape", {c.cut(x, op.getExtents()), c.constant(ArrayRef<int64_t>{-1})},
      RankedTensorType::get({dynamic}, x.element()));
  Term missing =
      c.binary("Sub", c.constant(ArrayRef<int64_t>{count}), getShape(c, part));
  Term none = c.splat(c.getIndexType(), 0, {1});
  Term whole = c.node("Pad", {part, c.concat({none, missing}, 0)},
                      RankedTensorType::get({count}, x.element()),
                      c.text("mode", "constant"));
  return c.yield(c.reshape(whole, x.shape()));
}

void qc::addBoundedExports(ExportTable &table) {
  table.add<nonZero>();
  table.add<unique>();
  table.add<suppress>();
  table.add<compact>();
}
