// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of ops whose results have as many elements as the data say. ONNX
// gives these results the sizes of a run; here they are filled up to the
// largest ones, beside their extents, and outputs are cut (Exporter.cpp).

#include "ExportHandlers.h"

#include <numeric>

using namespace mlir;
using namespace qc;

static constexpr int64_t dynamic = ShapedType::kDynamic;

static Term getShape(ExportContext &c, Term x) {
  return c.node("Shape", {x},
                RankedTensorType::get({x.rank()}, c.getIndexType()));
}

/// A tensor of run-time size with zeros behind, in shape `whole`.
static Term fillUp(ExportContext &c, Term x, ArrayRef<int64_t> whole) {
  Term missing = c.binary("Sub", c.constant(whole), getShape(c, x));
  Term none = c.splat(c.getIndexType(), 0, {x.rank()});
  return c.node("Pad", {x, c.concat({none, missing}, 0)},
                RankedTensorType::get(whole, x.element()),
                c.text("mode", "constant"));
}

static LogicalResult nonZero(ExportContext &c, NonZeroOp op) {
  Term x = c.get(op.getX());
  RankedTensorType type = c.getResultType(0);
  Term found = c.node("NonZero", {x},
                      RankedTensorType::get({type.getDimSize(0), dynamic},
                                            type.getElementType()));
  return c.yield({fillUp(c, found, type.getShape()), getShape(c, found)});
}

static LogicalResult unique(ExportContext &c, UniqueOp op) {
  Term x = c.get(op.getX());
  Type index = c.getIndexType();
  auto varying = RankedTensorType::get({dynamic}, index);
  SmallVector<Term> found =
      c.nodes("Unique", {x},
              {RankedTensorType::get({dynamic, x.shape()[1]}, x.element()),
               varying, RankedTensorType::get({x.shape()[0]}, index), varying},
              {c.integer("axis", 0), c.integer("sorted", op.getSorted())});
  return c.yield({fillUp(c, found[1], x.shape()[0]), found[2],
                  fillUp(c, found[3], x.shape()[0]), getShape(c, found[1])});
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
  Term x = c.get(op.getX()), extents = c.get(op.getExtents());
  int64_t count = x.type.getNumElements();
  Term part = c.node("Slice",
                     {x, c.splat(c.getIndexType(), 0, {x.rank()}),
                      c.cast(extents, c.getIndexType())},
                     RankedTensorType::get(
                         SmallVector<int64_t>(x.rank(), dynamic), x.element()));
  Term flat = c.node("Reshape", {part, c.constant(ArrayRef<int64_t>{-1})},
                     RankedTensorType::get({dynamic}, x.element()));
  return c.yield(c.reshape(fillUp(c, flat, count), x.shape()));
}

void qc::addBoundedExports(ExportTable &table) {
  table.add<nonZero>();
  table.add<unique>();
  table.add<suppress>();
  table.add<compact>();
}
