// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of ops that move elements without indices of their own.

#include "ExportHandlers.h"

#include <numeric>

using namespace mlir;
using namespace qc;

static LogicalResult reshape(ExportContext &c, ReshapeOp) {
  return c.yield(c.reshape(c[0], c.getResultType().getShape()));
}

static LogicalResult transpose(ExportContext &c, TransposeOp op) {
  return c.yield(c.transpose(c[0], op.getPermutation()));
}

/// Only the dimensions that are cut are named.
static LogicalResult slice(ExportContext &c, SliceOp op) {
  Term x = c.get(op.getX());
  SmallVector<int64_t> starts, ends, axes, steps;
  for (int64_t dim = 0; dim < x.rank(); ++dim) {
    int64_t offset = op.getOffsets()[dim], size = op.getSizes()[dim],
            step = op.getSteps()[dim], extent = x.shape()[dim];
    if (offset == 0 && step == 1 && size == extent)
      continue;
    int64_t end = size == 0 ? offset : offset + (size - 1) * step;
    // The end lies behind the last element; before the first one it counts
    // from the tensor's end and so must lie before that, too.
    if (size != 0)
      end += step > 0 ? 1 : -1;
    if (size != 0 && end < 0)
      end = -extent - 1;
    starts.push_back(offset);
    ends.push_back(end);
    axes.push_back(dim);
    steps.push_back(step);
  }
  if (axes.empty())
    return c.yield(x);
  bool isPlain = llvm::all_of(steps, [](int64_t step) { return step == 1; });
  return c.yield(
      c.node("Slice",
             {x, c.constant(starts), c.constant(ends), c.constant(axes),
              isPlain ? Term() : c.constant(steps)},
             c.getResultType()));
}

static LogicalResult concat(ExportContext &c, ConcatOp op) {
  return c.yield(c.concat(c.getOperands(), op.getAxis()));
}

/// Says what a mode needs that schemas do not tell.
static onnx::AttributeProto getPadMode(ExportContext &c, PadMode mode) {
  if (mode == PadMode::Wrap)
    c.require(19);
  return c.text("mode", stringifyPadMode(mode));
}

static LogicalResult pad(ExportContext &c, PadOp op) {
  Term value;
  if (op.getMode() == PadMode::Constant && !c.isSplatOf(op.getValue(), 0))
    value = c.reshape(c.get(op.getValue()), {});
  return c.yield(c.node("Pad",
                        {c.get(op.getX()), c.constant(op.getPads()), value},
                        c.getResultType(), getPadMode(c, op.getMode())));
}

/// The ends are what the result's shape leaves.
static LogicalResult dynamicPad(ExportContext &c, DynamicPadOp op) {
  Term x = c.get(op.getX());
  SmallVector<int64_t> added;
  for (auto [from, to] : llvm::zip_equal(x.shape(), op.getShape()))
    added.push_back(to - from);
  Term begins = c.cast(c.get(op.getBegins()), c.getIndexType());
  Term ends = c.binary("Sub", c.constant(added), begins);
  return c.yield(c.node(
      "Pad",
      {x, c.concat({begins, ends}, 0), c.reshape(c.get(op.getValue()), {})},
      c.getResultType(), getPadMode(c, op.getMode())));
}

/// Shapes only align from the right: the result has x's shape or another.
static LogicalResult expand(ExportContext &c, ExpandOp) {
  return c.yield(c.expand(c[0], c.getResultType().getShape()));
}

static LogicalResult tile(ExportContext &c, TileOp op) {
  Term x = c[0];
  SmallVector<int64_t> repeats;
  for (auto [from, to] : llvm::zip_equal(x.shape(), op.getShape()))
    repeats.push_back(from == 0 ? 1 : to / from);
  // What is no whole number of repetitions is cut.
  SmallVector<int64_t> whole(x.shape());
  for (auto [size, count, to] :
       llvm::zip_equal(whole, repeats, op.getShape())) {
    count += size * count < to;
    size *= count;
  }
  Term y = c.node("Tile", {x, c.constant(repeats)},
                  RankedTensorType::get(whole, x.element()));
  for (int64_t dim = 0; dim < x.rank(); ++dim)
    y = c.slice(y, dim, 0, op.getShape()[dim]);
  return c.yield(y);
}

static LogicalResult trilu(ExportContext &c, TriluOp op) {
  Term k = c.reshape(c.cast(c.get(op.getK()), c.getIndexType()), {});
  return c.yield(c.node("Trilu", {c.get(op.getX()), k}, c.getResultType(),
                        c.integer("upper", op.getUpper())));
}

/// start + i delta on constant positions: the size of a Range would be known
/// at run time only.
static LogicalResult range(ExportContext &c, RangeOp op) {
  SmallVector<int64_t> positions(op.getSize());
  std::iota(positions.begin(), positions.end(), 0);
  Term start = c.reshape(c.get(op.getStart()), {1});
  Term delta = c.reshape(c.get(op.getDelta()), {1});
  Term steps = c.cast(c.constant(positions), start.element());
  return c.yield(c.binary("Add", c.binary("Mul", steps, delta), start));
}

/// Along each dimension the elements at `start + i step`, clamped as qc does
/// it.
static LogicalResult dynamicSlice(ExportContext &c, DynamicSliceOp op) {
  Term y = c.get(op.getX());
  Type index = c.getIndexType();
  Term starts = c.cast(c.get(op.getStarts()), index),
       steps = c.cast(c.get(op.getSteps()), index);
  Term none = c.splat(index, 0, {1});
  auto clamp = [&](Term position, int64_t size) {
    return c.binary("Min", c.binary("Max", position, none),
                    c.splat(index, static_cast<double>(size - 1), {1}));
  };
  for (int64_t dim = 0; dim < y.rank(); ++dim) {
    int64_t from = y.shape()[dim], to = op.getShape()[dim];
    SmallVector<int64_t> positions(to);
    std::iota(positions.begin(), positions.end(), 0);
    Term start = c.slice(starts, 0, dim, 1), step = c.slice(steps, 0, dim, 1);
    Term fromEnd =
        c.binary("Add", start, c.splat(index, static_cast<double>(from), {1}));
    start =
        clamp(c.where(c.compare("Less", start, none), fromEnd, start), from);
    Term indices = clamp(
        c.binary("Add", c.binary("Mul", c.constant(positions), step), start),
        from);
    SmallVector<int64_t> shape(y.shape());
    shape[dim] = to;
    y = c.node("Gather", {y, indices},
               RankedTensorType::get(shape, y.element()),
               c.integer("axis", dim));
  }
  return c.yield(y);
}

void qc::addShapeExports(ExportTable &table) {
  table.add<::reshape>();
  table.add<::transpose>();
  table.add<slice>();
  table.add<concat>();
  table.add<pad>();
  table.add<dynamicPad>();
  table.add<expand>();
  table.add<tile>();
  table.add<trilu>();
  table.add<range>();
  table.add<dynamicSlice>();
}
