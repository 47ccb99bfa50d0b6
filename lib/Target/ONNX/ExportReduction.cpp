// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of reductions, softmax and pools.

#include "ExportHandlers.h"

#include "Tensors.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

static StringRef getReduction(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Sum:
    return "ReduceSum";
  case ReduceKind::Mean:
    return "ReduceMean";
  case ReduceKind::Max:
    return "ReduceMax";
  case ReduceKind::Min:
    return "ReduceMin";
  case ReduceKind::Prod:
    return "ReduceProd";
  case ReduceKind::SumSquare:
    return "ReduceSumSquare";
  case ReduceKind::L1:
    return "ReduceL1";
  case ReduceKind::L2:
    return "ReduceL2";
  }
  llvm_unreachable("all kinds are handled");
}

/// Without axes a reduction is a function of single elements; ONNX would reduce
/// all axes.
static Term reduceNothing(ExportContext &c, Term x, ReduceKind kind) {
  switch (kind) {
  case ReduceKind::SumSquare:
    return c.binary("Mul", x, x);
  case ReduceKind::L1:
  case ReduceKind::L2:
    return c.unary("Abs", x);
  default:
    return x;
  }
}

static LogicalResult reduce(ExportContext &c, ReduceOp op) {
  Term x = c.get(op.getX());
  if (op.getAccumulator())
    x = c.cast(x, *op.getAccumulator());
  ArrayRef<int64_t> axes = op.getAxes();
  if (axes.empty())
    return c.yield(reduceNothing(c, x, op.getKind()));
  // Axes became an operand: of sums first, of all others later.
  bool areOperand = op.getKind() == ReduceKind::Sum || c.getOpset() >= 18;
  SmallVector<onnx::AttributeProto> attributes{c.integer("keepdims", 1)};
  if (!areOperand)
    attributes.push_back(c.integers("axes", axes));
  return c.yield(c.node(getReduction(op.getKind()),
                        {x, areOperand ? c.constant(axes) : Term()},
                        c.getResultType(), attributes));
}

static LogicalResult softmax(ExportContext &c, SoftmaxOp op) {
  return c.yield(c.node(op.getLogarithm() ? "LogSoftmax" : "Softmax", {c[0]},
                        c.getResultType(), c.integer("axis", op.getAxis())));
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

/// Kernel, strides, pads and, where some are not 1, dilations.
template <typename OpTy>
static SmallVector<onnx::AttributeProto>
getPoolAttributes(ExportContext &c, OpTy op, ArrayRef<int64_t> pads) {
  SmallVector<onnx::AttributeProto> attributes{
      c.integers("kernel_shape", op.getKernel()),
      c.integers("strides", op.getStrides()), c.integers("pads", pads)};
  if (llvm::any_of(op.getDilations(), [](int64_t size) { return size != 1; }))
    attributes.push_back(c.integers("dilations", op.getDilations()));
  return attributes;
}

/// Runtimes refuse windows that lie in the padding: there the padding becomes
/// a node of its own, and `pads` 0.
template <typename OpTy>
static Term padBefore(ExportContext &c, OpTy op, Term x, Term value,
                      SmallVectorImpl<int64_t> &pads) {
  size_t spatial = op.getKernel().size();
  bool fits = true;
  for (size_t i = 0; i < pads.size(); ++i)
    fits &= pads[i] < op.getKernel()[i % spatial];
  if (fits)
    return x;
  SmallVector<int64_t> all(2 * x.rank(), 0), shape(x.shape());
  for (size_t dim = 0; dim < spatial; ++dim) {
    all[2 + dim] = pads[dim];
    all[2 + x.rank() + dim] = pads[spatial + dim];
    shape[2 + dim] += pads[dim] + pads[spatial + dim];
  }
  pads.assign(pads.size(), 0);
  return c.node("Pad", {x, c.constant(all), value},
                RankedTensorType::get(shape, x.element()));
}

static LogicalResult maxPool(ExportContext &c, MaxPoolOp op) {
  SmallVector<int64_t> pads(op.getPads());
  Term x = c[0];
  x = padBefore(c, op, x, c.constant(getLimit(x.element(), false)), pads);
  return c.yield(c.node("MaxPool", {x}, c.getResultType(),
                        getPoolAttributes(c, op, pads)));
}

/// The second result of a pool whose first one is not used.
static LogicalResult maxPoolIndex(ExportContext &c, MaxPoolIndexOp op) {
  SmallVector<onnx::AttributeProto> attributes =
      getPoolAttributes(c, op, op.getPads());
  attributes.push_back(c.integer("storage_order", op.getColumnMajor()));
  RankedTensorType result = c.getResultType();
  auto values = RankedTensorType::get(result.getShape(), c[0].element());
  return c.yield(c.nodes("MaxPool", {c[0]}, {values, result}, attributes)[1]);
}

/// End pads that only ceil mode adds are the operator's own.
static LogicalResult averagePool(ExportContext &c, AveragePoolOp op) {
  SmallVector<int64_t> pads(op.getPads());
  ArrayRef<int64_t> extra = op.getCeilExtra();
  for (size_t dim = 0; dim < extra.size(); ++dim)
    pads[extra.size() + dim] -= extra[dim];
  bool isCeil = llvm::any_of(extra, [](int64_t size) { return size != 0; });
  Term x = c[0];
  if (op.getCountIncludePad() && !isCeil)
    x = padBefore(c, op, x, {}, pads);
  SmallVector<onnx::AttributeProto> attributes = getPoolAttributes(c, op, pads);
  attributes.push_back(c.integer("count_include_pad", op.getCountIncludePad()));
  attributes.push_back(c.integer("ceil_mode", isCeil));
  return c.yield(c.node("AveragePool", {x}, c.getResultType(), attributes));
}

static LogicalResult lpPool(ExportContext &c, LpPoolOp op) {
  SmallVector<int64_t> pads(op.getPads());
  Term x = padBefore(c, op, c[0], {}, pads);
  SmallVector<onnx::AttributeProto> attributes = getPoolAttributes(c, op, pads);
  attributes.push_back(c.integer("p", op.getP()));
  return c.yield(c.node("LpPool", {x}, c.getResultType(), attributes));
}

void qc::addReductionExports(ExportTable &table) {
  table.add<::reduce>();
  table.add<softmax>();
  table.add<maxPool>();
  table.add<maxPoolIndex>();
  table.add<averagePool>();
  table.add<lpPool>();
}
