// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of attention and rotary embedding, which stay whole.

#include "ExportHandlers.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace qc;

/// Which keys a query sees, as booleans that broadcast to B x H x S x T; none
/// if it sees all, or `isCausal` says it. See qc.attention for the formulas.
static Term createMask(ExportContext &c, AttentionOp op, bool isCausal) {
  ArrayRef<int64_t> q = cast<RankedTensorType>(op.getQ().getType()).getShape();
  int64_t queries = q[2],
          keys = cast<RankedTensorType>(op.getK().getType()).getShape()[2];
  Type index = c.getIndexType();
  auto positions = [&](int64_t count, int64_t first) {
    SmallVector<int64_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), first);
    return c.constant(numbers);
  };
  Term key = positions(keys, 0), length = c.get(op.getLengths());
  Term position =
      c.reshape(positions(queries, length ? -queries
                                          : static_cast<int64_t>(op.getPast())),
                {queries, 1});
  if (length) {
    length = c.reshape(c.cast(length, index), {q[0], 1, 1, 1});
    position = c.binary("Add", length, position);
  }
  Term mask;
  auto demand = [&](Term lhs, StringRef comparison, Term rhs) {
    Term fits = c.compare(comparison, lhs, rhs);
    mask = mask ? c.binary("And", mask, fits) : fits;
  };
  auto number = [&](int64_t value) {
    return c.splat(index, static_cast<double>(value), {1});
  };
  if (op.getCausal() && !isCausal)
    demand(key, "LessOrEqual", position);
  if (op.getLeftWindow() >= 0)
    demand(c.binary("Sub", position, key), "LessOrEqual",
           number(op.getLeftWindow()));
  if (op.getRightWindow() >= 0)
    demand(c.binary("Sub", key, position), "LessOrEqual",
           number(op.getRightWindow()));
  if (length)
    demand(key, "Less", length);
  return mask;
}

/// The operator's mask: booleans, or numbers where there is a bias.
static Term joinMask(ExportContext &c, Term mask, Term bias) {
  if (!bias)
    return mask;
  if (mask)
    bias = c.where(
        mask, bias,
        c.splat(bias.element(), -std::numeric_limits<double>::infinity()));
  SmallVector<int64_t> shape(bias.shape());
  while (shape.size() < 2)
    shape.insert(shape.begin(), 1);
  return c.reshape(bias, shape);
}

static LogicalResult attention(ExportContext &c, AttentionOp op) {
  Term q = c.get(op.getQ());
  // The operator counts positions from 0; all else is a mask.
  bool isCausal = op.getCausal() && op.getPast() == 0 && !op.getLengths();
  Term mask = joinMask(c, createMask(c, op, isCausal), c.get(op.getBias()));
  SmallVector<onnx::AttributeProto> attributes;
  if (isCausal)
    attributes.push_back(c.integer("is_causal", 1));
  double factor = op.getFactor().convertToDouble();
  if (factor != std::sqrt(1 / std::sqrt(static_cast<double>(q.shape().back()))))
    attributes.push_back(c.real("scale", APFloat(factor * factor)));
  if (!op.getSoftcap().isZero())
    attributes.push_back(c.real("softcap", op.getSoftcap()));
  if (op.getSoftmaxType() != q.element())
    attributes.push_back(c.dataType("softmax_precision", op.getSoftmaxType()));
  SmallVector<RankedTensorType> results{c.getResultType(0)};
  if (op.getScores() != ScoreKind::None) {
    attributes.push_back(c.integer(
        "qk_matmul_output_mode", static_cast<int64_t>(op.getScores()) -
                                     static_cast<int64_t>(ScoreKind::Product)));
    results.append({{}, {}, c.getResultType(1)});
  }
  SmallVector<Term> terms =
      c.nodes("Attention", {q, c.get(op.getK()), c.get(op.getV()), mask},
              results, attributes);
  return c.yield({terms.front(), terms.back()});
}

static LogicalResult rotaryEmbedding(ExportContext &c, RotaryEmbeddingOp op) {
  Term x = c.get(op.getX()), cos = c.get(op.getCos()),
       positions = c.get(op.getPositions());
  if (positions)
    positions = c.cast(positions, c.getIndexType());
  SmallVector<onnx::AttributeProto> attributes{
      c.integer("interleaved", op.getInterleaved())};
  if (int64_t rotated = 2 * cos.shape().back(); rotated != x.shape().back())
    attributes.push_back(c.integer("rotary_embedding_dim", rotated));
  return c.yield(c.node("RotaryEmbedding",
                        {x, cos, c.get(op.getSin()), positions},
                        c.getResultType(), attributes));
}

void qc::addAttentionExports(ExportTable &table) {
  table.add<attention>();
  table.add<rotaryEmbedding>();
}
