// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of convolutions and matrix products.

#include "ExportHandlers.h"

using namespace mlir;
using namespace qc;

/// Sums beyond 32 bits are the integer level's.
template <typename OpTy>
static LogicalResult checkAccumulator(ExportContext &c, OpTy op) {
  if (!op.getAccumulator() || op.getAccumulator()->isInteger(32))
    return success();
  return c.refuse("its accumulator has more than 32 bits",
                  "ops of the graph and QDQ levels (before qc-to-integer)");
}

static LogicalResult conv(ExportContext &c, ConvOp op) {
  Term x = c.get(op.getX()), w = c.get(op.getW()), bias = c.get(op.getBias());
  SmallVector<onnx::AttributeProto> attributes{
      c.integers("kernel_shape", w.shape().drop_front(2)),
      c.integers("strides", op.getStrides()), c.integers("pads", op.getPads()),
      c.integers("dilations", op.getDilations()),
      c.integer("group", op.getGroup())};
  if (isa<FloatType>(x.element()))
    return c.yield(c.node("Conv", {x, w, bias}, c.getResultType(), attributes));
  if (failed(checkAccumulator(c, op)))
    return failure();
  Term y =
      c.node("ConvInteger", {x, w, c.get(op.getXZero()), c.get(op.getWZero())},
             c.getResultType(), attributes);
  if (!bias)
    return c.yield(y);
  SmallVector<int64_t> perChannel(x.rank() - 1, 1);
  perChannel.front() = bias.shape().front();
  return c.yield(c.binary("Add", y, c.reshape(bias, perChannel)));
}

static LogicalResult matmul(ExportContext &c, MatMulOp op) {
  Term a = c.get(op.getA()), b = c.get(op.getB());
  if (isa<FloatType>(a.element()))
    return c.yield(c.node("MatMul", {a, b}, c.getResultType()));
  if (failed(checkAccumulator(c, op)))
    return failure();
  return c.yield(c.node("MatMulInteger",
                        {a, b, c.get(op.getAZero()), c.get(op.getBZero())},
                        c.getResultType()));
}

/// Labels become letters; the result's are the first ones.
static LogicalResult einsum(ExportContext &c, EinsumOp op) {
  constexpr StringRef letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string equation;
  ArrayRef<int64_t> labels = op.getLabels();
  for (Value input : op.getInputs()) {
    if (!equation.empty())
      equation += ',';
    int64_t rank = cast<RankedTensorType>(input.getType()).getRank();
    for (int64_t label : labels.take_front(rank)) {
      if (label >= static_cast<int64_t>(letters.size()))
        return c.refuse("has more than 52 dimensions", "one letter for each");
      equation += letters[label];
    }
    labels = labels.drop_front(rank);
  }
  equation += "->";
  equation += letters.take_front(op.getResultRank());
  return c.yield(c.node("Einsum", c.getOperands(), c.getResultType(),
                        c.text("equation", equation)));
}

void qc::addLinearExports(ExportTable &table) {
  table.add<conv>();
  table.add<matmul>();
  table.add<einsum>();
  table.add<DeterminantOp>("Det");
}
