// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and rotary embedding: inference, constraints, reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// AttentionOp
//===----------------------------------------------------------------------===//

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType q = tensorOf(adaptor.getQ()), k = tensorOf(adaptor.getK()),
                   v = tensorOf(adaptor.getV());
  if (q.getRank() != 4 || k.getRank() != 4 || v.getRank() != 4)
    return emitOptionalError(loc, "q, k and v must have rank 4");
  SmallVector<int64_t> shape(q.getShape());
  shape.back() = v.getDimSize(3);
  types.push_back(RankedTensorType::get(shape, q.getElementType()));
  shape.back() = k.getDimSize(2);
  if (adaptor.getScores() != ScoreKind::None)
    types.push_back(RankedTensorType::get(shape, q.getElementType()));
  return success();
}

LogicalResult AttentionOp::verify() {
  ArrayRef<int64_t> q = shapeOf(getQ()), k = shapeOf(getK()),
                    v = shapeOf(getV());
  if (q[0] != k[0] || k.take_front(3) != v.take_front(3) || q[3] != k[3] ||
      k[1] < 1 || q[1] % k[1] != 0)
    return emitOpError("shapes of q, k and v do not fit: batches, keys and "
                       "features must agree, and k's heads divide q's");
  for (Value operand : {getK(), getV(), getBias()})
    if (operand && elementOf(operand) != elementOf(getQ()))
      return emitOpError("operands must have one element type");
  if (!isa<FloatType>(getSoftmaxType()))
    return emitOpError("softmaxType must be a float type");
  SmallVector<int64_t> scores{q[0], q[1], q[2], k[2]};
  if (getBias()) {
    auto together = broadcastShapes({shapeOf(getBias()), ArrayRef(scores)});
    if (failed(together) || *together != scores)
      return emitOpError("bias must broadcast to ")
             << RankedTensorType::get(scores, elementOf(getQ()));
  }
  if (getLengths() && shapeOf(getLengths()) != q.take_front(1))
    return emitOpError("lengths must have one entry per batch");
  return success();
}

SmallVector<int64_t> AttentionOp::getParallelExtents() {
  return SmallVector<int64_t>(shapeOf(getQ()).take_front(3));
}

void AttentionOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> q = shapeOf(getQ());
  int64_t features = q[3], keys = shapeOf(getK())[2];
  int64_t group = q[1] / shapeOf(getK())[1];
  Type element = elementOf(getQ()), compute = getComputeType(element);
  Type softmax = getSoftmaxType(), wide = getComputeType(softmax);
  Value batch = iterations[0], head = iterations[1], query = iterations[2];
  Value shared =
      group == 1 ? head : e.create<arith::DivUIOp>({head, e.index(group)});
  unsigned next = 3;
  unsigned biasOperand = getBias() ? next++ : 0;
  unsigned lengthOperand = getLengths() ? next : 0;
  auto lowest = [&](Type type) {
    return e.constant(type, -std::numeric_limits<double>::infinity());
  };
  auto round = [&](Value value) { return e.round(value, element); };
  Value factor = round(e.constant(compute, getFactor().convertToDouble()));
  Value cap = e.constant(compute, getSoftcap().convertToFloat());
  bool isCapped = getSoftcap().convertToFloat() != 0;

  // Which keys the query sees.
  Value length =
      getLengths() ? readIndex(e, lengthOperand, getLengths(), batch) : Value();
  Value position =
      e.add(query, length ? e.addIndex(length, -q[2]) : e.index(getPast()));
  auto isAllowed = [&](Value key) -> Value {
    Value allowed;
    auto demand = [&](Value lhs, Value rhs) {
      Value fits = e.compare(arith::CmpIPredicate::sle, lhs, rhs);
      allowed = allowed ? e.create<arith::AndIOp>({allowed, fits}) : fits;
    };
    if (getCausal())
      demand(key, position);
    if (getLeftWindow() >= 0)
      demand(e.sub(position, key), e.index(getLeftWindow()));
    if (getRightWindow() >= 0)
      demand(e.sub(key, position), e.index(getRightWindow()));
    if (length)
      demand(e.addIndex(key, 1), length);
    return allowed;
  };
  auto writeScore = [&](ScoreKind kind, Value key, Value value) {
    if (getScores() == kind)
      e.write(1, {batch, head, query, key}, value);
  };

  Value row = e.allocate(wide, keys), weights = e.allocate(compute, keys);
  Value largest =
      e.reduce({keys}, lowest(wide), [&](ValueRange at, Value partial) {
        Value key = at[0];
        Value score = e.reduce(
            {features}, e.constant(compute, 0), [&](ValueRange d, Value sum) {
              Value left = e.read(0, {batch, head, query, d[0]});
              Value right = e.read(1, {batch, shared, key, d[0]});
              return e.add(sum, e.mul(round(e.mul(left, factor)),
                                      round(e.mul(right, factor))));
            });
        score = round(score);
        writeScore(ScoreKind::Product, key, score);
        if (isCapped) {
          score = round(e.create<arith::DivFOp>({score, cap}));
          score = round(e.create<math::TanhOp>({score}));
          score = round(e.mul(score, cap));
        }
        writeScore(ScoreKind::Capped, key, score);
        Value bias = e.constant(compute, 0);
        if (getBias())
          bias = e.readBroadcast(biasOperand, tensorOf(getBias()),
                                 {batch, head, query, key});
        if (Value allowed = isAllowed(key))
          bias = e.select(allowed, bias, lowest(compute));
        score = round(e.add(score, bias));
        writeScore(ScoreKind::Biased, key, score);
        // Selected, not added: what is masked may be anything.
        Value isMasked =
            e.compare(arith::CmpFPredicate::OEQ, bias, lowest(compute));
        score = e.round(e.convert(score, false, wide, false), softmax);
        score = e.select(isMasked, lowest(wide), score);
        e.store(score, row, key);
        return e.max(partial, score, false);
      });
  Value isEmpty = e.compare(arith::CmpFPredicate::OEQ, largest, lowest(wide));
  largest = e.select(isEmpty, e.constant(wide, 0), largest);
  Value sum =
      e.reduce({keys}, e.constant(wide, 0), [&](ValueRange at, Value partial) {
        Value power = e.round(e.sub(e.load(row, at[0]), largest), softmax);
        power = e.round(e.create<math::ExpOp>({power}), softmax);
        e.store(power, row, at[0]);
        return e.add(partial, power);
      });
  sum = e.select(isEmpty, e.constant(wide, 1), e.round(sum, softmax));
  e.forEach({keys}, [&](ValueRange at) {
    Value weight =
        e.round(e.create<arith::DivFOp>({e.load(row, at[0]), sum}), softmax);
    weight = round(e.convert(weight, false, compute, false));
    writeScore(ScoreKind::Probabilities, at[0], weight);
    e.store(weight, weights, at[0]);
  });
  e.forEach({shapeOf(getV())[3]}, [&](ValueRange d) {
    Value result = e.reduce(
        {keys}, e.constant(compute, 0), [&](ValueRange at, Value partial) {
          Value value = e.read(2, {batch, shared, at[0], d[0]});
          return e.add(partial, e.mul(e.load(weights, at[0]), value));
        });
    e.write(0, {batch, head, query, d[0]}, result);
  });
}

//===----------------------------------------------------------------------===//
// RotaryEmbeddingOp
//===----------------------------------------------------------------------===//

LogicalResult
RotaryEmbeddingOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                    Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  types.push_back(RankedTensorType::get(x.getShape(), x.getElementType()));
  return success();
}

LogicalResult RotaryEmbeddingOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX()), cos = shapeOf(getCos());
  Type element = elementOf(getX());
  if (x.size() != 4 || cos != shapeOf(getSin()) ||
      elementOf(getCos()) != element || elementOf(getSin()) != element)
    return emitOpError("x must have rank 4, cos and sin one shape and x's "
                       "element type");
  SmallVector<int64_t> rows{x[0], x[2]};
  bool fits = getPositions()
                  ? cos.size() == 2 && cos[0] > 0 &&
                        shapeOf(getPositions()) == ArrayRef(rows)
                  : cos.size() == 3 && cos.take_front(2) == ArrayRef(rows);
  if (!fits || cos.back() < 1 || 2 * cos.back() > x[3])
    return emitOpError("cos and sin must have rows of at most ")
           << x[3] / 2 << " numbers: a table with positions, or one row for "
           << "each row of x";
  return success();
}

bool RotaryEmbeddingOp::isLaneTransparent(unsigned dim) {
  return dim == 1 || (dim < 3 && !getPositions());
}

Value RotaryEmbeddingOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t half = shapeOf(getCos()).back(), size = shapeOf(getX())[3];
  Type element = elementOf(getX());
  Value feature = indices[3], isSecond, pair, partner;
  if (getInterleaved()) {
    pair = e.create<arith::DivUIOp>({feature, e.index(2)});
    isSecond =
        e.compare(arith::CmpIPredicate::ne,
                  e.create<arith::RemUIOp>({feature, e.index(2)}), e.index(0));
    partner =
        e.select(isSecond, e.addIndex(feature, -1), e.addIndex(feature, 1));
  } else {
    isSecond = e.compare(arith::CmpIPredicate::sge, feature, e.index(half));
    Value before = e.addIndex(feature, -half);
    pair = e.select(isSecond, before, feature);
    partner = e.select(isSecond, before, e.addIndex(feature, half));
  }
  // Features behind the rotated ones read some pair and drop it.
  pair = clampIndex(e, pair, half);
  partner = clampIndex(e, partner, size);
  SmallVector<Value> at{indices[0], indices[2], pair};
  if (getPositions()) {
    Value position = readIndex(e, 3, getPositions(), {indices[0], indices[2]});
    at = {clampIndex(e, position, shapeOf(getCos())[0]), pair};
  }
  SmallVector<Value> other(indices);
  other[3] = partner;
  Value own = e.read(0, indices);
  Value straight = e.round(e.mul(e.read(1, at), own), element);
  Value crossed = e.round(e.mul(e.read(2, at), e.read(0, other)), element);
  Value rotated =
      e.select(isSecond, e.add(straight, crossed), e.sub(straight, crossed));
  if (2 * half == size)
    return rotated;
  return e.select(
      e.compare(arith::CmpIPredicate::slt, feature, e.index(2 * half)), rotated,
      own);
}
