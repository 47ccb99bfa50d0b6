// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opens attention into products and a softmax.
//
// The op's own decomposition computes one query after the other; two matrix
// products run through the schedules of contractions. Queries of the heads that
// share keys lie one behind the other, so sharing costs nothing: they are more
// rows of one product.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {
#define GEN_PASS_DEF_EXPANDATTENTION
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Builds the ops of one attention.
class Expansion {
public:
  Expansion(AttentionOp op)
      : op(op), builder(op), loc(op.getLoc()),
        element(cast<FloatType>(
            cast<RankedTensorType>(op.getQ().getType()).getElementType())) {}

  void run();

private:
  Value number(double value) {
    APFloat rounded(value);
    bool lost = false;
    rounded.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &lost);
    auto type = RankedTensorType::get({}, element);
    return ConstantOp::create(builder, loc, type,
                              DenseElementsAttr::get(type, rounded));
  }
  Value reshape(Value x, ArrayRef<int64_t> shape) {
    return ReshapeOp::create(builder, loc,
                             RankedTensorType::get(shape, element), x, shape);
  }
  Value product(Value lhs, Value rhs) {
    return MatMulOp::create(builder, loc, lhs, rhs, Value(), Value());
  }
  Value createMask(bool &hidesQueries);

  AttentionOp op;
  OpBuilder builder;
  Location loc;
  FloatType element;
};

struct ExpandAttention : qc::impl::ExpandAttentionBase<ExpandAttention> {
  using ExpandAttentionBase::ExpandAttentionBase;

  void runOnOperation() override {
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) {
      Type element =
          cast<RankedTensorType>(op.getQ().getType()).getElementType();
      // Narrow floats round in between; lengths hide keys at run time.
      if ((element.isF32() || element.isF64()) &&
          op.getSoftmaxType() == element && !op.getLengths())
        ops.push_back(op);
    });
    for (AttentionOp op : ops) {
      Expansion(op).run();
      ++numExpanded;
    }
  }
};

} // namespace

/// Which keys each query sees by its position (S x T), or null if all do;
/// `hidesQueries` says that some query sees none.
Value Expansion::createMask(bool &hidesQueries) {
  hidesQueries = false;
  if (!op.getCausal() && op.getLeftWindow() < 0 && op.getRightWindow() < 0)
    return {};
  int64_t queries = cast<RankedTensorType>(op.getQ().getType()).getDimSize(2),
          keys = cast<RankedTensorType>(op.getK().getType()).getDimSize(2);
  std::vector<char> mask(queries * keys);
  for (int64_t i = 0; i < queries; ++i) {
    int64_t position = i + op.getPast();
    bool isSeen = false;
    for (int64_t j = 0; j < keys; ++j) {
      bool allowed =
          (!op.getCausal() || j <= position) &&
          (op.getLeftWindow() < 0 || position - j <= op.getLeftWindow()) &&
          (op.getRightWindow() < 0 || j - position <= op.getRightWindow());
      mask[i * keys + j] = allowed;
      isSeen |= allowed;
    }
    hidesQueries |= !isSeen;
  }
  auto type = RankedTensorType::get({queries, keys}, builder.getI1Type());
  return ConstantOp::create(builder, loc, type, getConstant(type, mask));
}

void Expansion::run() {
  ArrayRef<int64_t> q = cast<RankedTensorType>(op.getQ().getType()).getShape(),
                    k = cast<RankedTensorType>(op.getK().getType()).getShape();
  int64_t values = cast<RankedTensorType>(op.getV().getType()).getDimSize(3);
  int64_t batch = q[0], heads = q[1], queries = q[2], features = q[3],
          shared = k[1], keys = k[2], rows = heads / shared * queries;
  Value factor = number(op.getFactor().convertToDouble());
  Value lowest = number(-std::numeric_limits<double>::infinity());
  Value left = MulOp::create(builder, loc, op.getQ(), factor);
  Value right = MulOp::create(builder, loc, op.getK(), factor);
  right =
      TransposeOp::create(builder, loc, right, ArrayRef<int64_t>{0, 1, 3, 2});
  Value score = product(reshape(left, {batch, shared, rows, features}), right);
  score = reshape(score, {batch, heads, queries, keys});
  Value shown;
  auto show = [&](ScoreKind kind) {
    if (op.getScores() == kind)
      shown = score;
  };
  show(ScoreKind::Product);
  if (double cap = op.getSoftcap().convertToFloat(); cap != 0) {
    Value bound = number(cap);
    score = DivOp::create(builder, loc, score, bound);
    score = TanhOp::create(builder, loc, score);
    score = MulOp::create(builder, loc, score, bound);
  }
  show(ScoreKind::Capped);

  // Selected, not added: what is masked may be anything.
  bool mayHide = false;
  Value mask = createMask(mayHide), bias = op.getBias(), isHidden;
  if (bias) {
    if (mask)
      bias = WhereOp::create(builder, loc, mask, bias, lowest);
    Value isMasked = EqualOp::create(builder, loc, bias, lowest);
    Value sum = AddOp::create(builder, loc, score, bias);
    score = WhereOp::create(builder, loc, isMasked, lowest, sum);
    mayHide = true;
    int64_t last = cast<RankedTensorType>(bias.getType()).getRank() - 1;
    if (last < 0) {
      isHidden = isMasked;
    } else {
      Value largest = ReduceOp::create(builder, loc, bias, ReduceKind::Max,
                                       ArrayRef<int64_t>{last}, TypeAttr());
      isHidden = EqualOp::create(builder, loc, largest, lowest);
    }
  } else if (mask) {
    score = WhereOp::create(builder, loc, mask, score, lowest);
    if (mayHide) {
      Value largest = ReduceOp::create(
          builder, loc, WhereOp::create(builder, loc, mask, number(0), lowest),
          ReduceKind::Max, ArrayRef<int64_t>{1}, TypeAttr());
      isHidden = EqualOp::create(builder, loc, largest, lowest);
    }
  }
  show(ScoreKind::Biased);
  Value weights = SoftmaxOp::create(builder, loc, score, 3, false);
  if (mayHide)
    weights = WhereOp::create(builder, loc, isHidden, number(0), weights);
  score = weights;
  show(ScoreKind::Probabilities);
  Value y = product(reshape(weights, {batch, shared, rows, keys}), op.getV());
  y = reshape(y, {batch, heads, queries, values});
  op.getResult(0).replaceAllUsesWith(y);
  if (op.getNumResults() > 1)
    op.getResult(1).replaceAllUsesWith(shown);
  op.erase();
}
