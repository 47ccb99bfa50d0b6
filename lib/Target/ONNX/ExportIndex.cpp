// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of ops whose positions come from indices or from an order.

#include "ExportHandlers.h"

#include <numeric>

using namespace mlir;
using namespace qc;

/// The indices of a gather. Those outside are clamped in qc and errors in ONNX:
/// constants are written as what they mean.
static Term getIndices(ExportContext &c, Value indices, int64_t size) {
  ElementsAttr constant = c.getConstant(indices);
  FailureOr<SmallVector<int64_t>> numbers = failure();
  if (constant)
    numbers = getConstantIntegers(constant);
  if (failed(numbers) || llvm::all_of(*numbers, [&](int64_t index) {
        return index >= -size && index < size;
      }))
    return c.get(indices);
  for (int64_t &index : *numbers)
    index = std::clamp<int64_t>(index < 0 ? index + size : index, 0,
                                std::max<int64_t>(size - 1, 0));
  return c.reshape(c.constant(*numbers),
                   cast<RankedTensorType>(indices.getType()).getShape());
}

template <typename OpTy>
static LogicalResult exportGather(ExportContext &c, OpTy op,
                                  StringRef operation) {
  Term data = c.get(op.getData());
  Term indices = getIndices(c, op.getIndices(), data.shape()[op.getAxis()]);
  return c.yield(c.node(operation, {data, indices}, c.getResultType(),
                        c.integer("axis", op.getAxis())));
}

static LogicalResult gather(ExportContext &c, GatherOp op) {
  return exportGather(c, op, "Gather");
}
static LogicalResult gatherElements(ExportContext &c, GatherElementsOp op) {
  return exportGather(c, op, "GatherElements");
}

static LogicalResult gatherND(ExportContext &c, GatherNDOp op) {
  return c.yield(c.node("GatherND", c.getOperands(), c.getResultType(),
                        c.integer("batch_dims", op.getBatchDims())));
}

/// No attribute for a replacement, which old versions do not know.
static SmallVector<onnx::AttributeProto> getReduction(ExportContext &c,
                                                      ScatterKind kind) {
  if (kind == ScatterKind::Replace)
    return {};
  if (kind == ScatterKind::Max || kind == ScatterKind::Min)
    c.require(18);
  return {c.text("reduction", stringifyScatterKind(kind))};
}

static LogicalResult scatterElements(ExportContext &c, ScatterElementsOp op) {
  SmallVector<onnx::AttributeProto> attributes = getReduction(c, op.getKind());
  attributes.push_back(c.integer("axis", op.getAxis()));
  return c.yield(c.node("ScatterElements", c.getOperands(), c.getResultType(),
                        attributes));
}

static LogicalResult scatterND(ExportContext &c, ScatterNDOp op) {
  return c.yield(c.node("ScatterND", c.getOperands(), c.getResultType(),
                        getReduction(c, op.getKind())));
}

static LogicalResult oneHot(ExportContext &c, OneHotOp op) {
  Term depth = c.splat(c.getIndexType(), static_cast<double>(op.getDepth()));
  return c.yield(c.node("OneHot",
                        {c.get(op.getIndices()), depth, c.get(op.getValues())},
                        c.getResultType(), c.integer("axis", op.getAxis())));
}

static LogicalResult reverseSequence(ExportContext &c, ReverseSequenceOp op) {
  Term lengths = c.cast(c.get(op.getLengths()), c.getIndexType());
  return c.yield(c.node("ReverseSequence", {c.get(op.getX()), lengths},
                        c.getResultType(),
                        {c.integer("time_axis", op.getTimeAxis()),
                         c.integer("batch_axis", op.getBatchAxis())}));
}

/// The window that takes each element to the tensor of the op's shape.
static LogicalResult maxUnpool(ExportContext &c, MaxUnpoolOp op) {
  Term x = c.get(op.getX());
  SmallVector<int64_t> kernel;
  for (auto [from, to] :
       llvm::zip_equal(x.shape().drop_front(2), op.getShape()))
    kernel.push_back(to - from + 1);
  if (llvm::any_of(kernel, [](int64_t size) { return size < 1; }))
    return c.refuse("its result is smaller than its operand", "larger results");
  SmallVector<int64_t> ones(kernel.size(), 1);
  return c.yield(c.node(
      "MaxUnpool", {x, c.get(op.getIndices())}, c.getResultType(),
      {c.integers("kernel_shape", kernel), c.integers("strides", ones)}));
}

/// The rows of update at their positions along the axis, as a scatter: the
/// operator TensorScatter is younger than most runtimes.
static LogicalResult cacheUpdate(ExportContext &c, CacheUpdateOp op) {
  Term past = c.get(op.getPast()), update = c.get(op.getUpdate());
  int64_t axis = op.getAxis();
  SmallVector<int64_t> rows(update.shape()[axis]);
  std::iota(rows.begin(), rows.end(), 0);
  SmallVector<int64_t> perBatch(past.rank(), 1), perRow(past.rank(), 1);
  perBatch[0] = past.shape()[0];
  perRow[axis] = update.shape()[axis];
  Term first =
      c.reshape(c.cast(c.get(op.getPositions()), c.getIndexType()), perBatch);
  Term indices = c.binary("Add", first, c.reshape(c.constant(rows), perRow));
  if (op.getCircular())
    indices = c.binary(
        "Mod", indices,
        c.splat(c.getIndexType(), static_cast<double>(past.shape()[axis])));
  return c.yield(c.node("ScatterElements",
                        {past, c.expand(indices, update.shape()), update},
                        c.getResultType(), c.integer("axis", axis)));
}

//===----------------------------------------------------------------------===//
// Orders
//===----------------------------------------------------------------------===//

static LogicalResult argReduce(ExportContext &c, ArgReduceOp op) {
  return c.yield(
      c.node(op.getLargest() ? "ArgMax" : "ArgMin", {c[0]}, c.getResultType(),
             {c.integer("axis", op.getAxis()), c.integer("keepdims", 1),
              c.integer("select_last_index", op.getLast())}));
}

static LogicalResult cumulative(ExportContext &c, CumulativeOp op) {
  Term axis = c.splat(c.getIndexType(), static_cast<double>(op.getAxis()));
  return c.yield(c.node(op.getProduct() ? "CumProd" : "CumSum", {c[0], axis},
                        c.getResultType(),
                        {c.integer("exclusive", op.getExclusive()),
                         c.integer("reverse", op.getReverse())}));
}

static LogicalResult topK(ExportContext &c, TopKOp op) {
  return c.yield(c.nodes(
      "TopK",
      {c[0], c.constant(ArrayRef<int64_t>{static_cast<int64_t>(op.getK())})},
      {c.getResultType(0), c.getResultType(1)},
      {c.integer("axis", op.getAxis()), c.integer("largest", op.getLargest()),
       c.integer("sorted", 1)}));
}

void qc::addIndexExports(ExportTable &table) {
  table.add<gather>();
  table.add<gatherElements>();
  table.add<gatherND>();
  table.add<scatterElements>();
  table.add<scatterND>();
  table.add<oneHot>();
  table.add<reverseSequence>();
  table.add<maxUnpool>();
  table.add<cacheUpdate>();
  table.add<argReduce>();
  table.add<cumulative>();
  table.add<topK>();
}
