// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops with results of data-dependent size: inference and reference meaning.
//
// Each is one walk in the order of the data: positions follow from what came
// before.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

static RankedTensorType getIndexTensor(MLIRContext *context,
                                       ArrayRef<int64_t> shape) {
  return RankedTensorType::get(
      shape, IntegerType::get(context, 64, IntegerType::Signed));
}

static Value toNumber(Emitter &e, Value index) {
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                    index);
}

static Value toIndex(Emitter &e, Value number) {
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    number);
}

static Value negate(Emitter &e, Value condition) {
  return e.create<arith::XOrIOp>(
      {condition, e.constantInt(e.builder.getI1Type(), 1)});
}

//===----------------------------------------------------------------------===//
// NonZeroOp
//===----------------------------------------------------------------------===//

LogicalResult NonZeroOp::inferReturnTypes(MLIRContext *context,
                                          std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  types.push_back(getIndexTensor(context, {x.getRank(), x.getNumElements()}));
  types.push_back(getIndexTensor(context, 2));
  return success();
}

SmallVector<int64_t> NonZeroOp::getParallelExtents() { return {1}; }

void NonZeroOp::emitBlock(Emitter &e, ValueRange) {
  RankedTensorType x = tensorOf(getX());
  int64_t rank = x.getRank();
  auto writeColumn = [&](Value column, ValueRange position) {
    for (int64_t d = 0; d < rank; ++d)
      e.write(0, {e.index(d), column},
              position.empty() ? e.constantInt(e.builder.getI64Type(), 0)
                               : toNumber(e, position[d]));
  };
  Value count =
      e.reduce(x.getShape(), e.index(0), [&](ValueRange at, Value before) {
        Value element = e.read(0, at);
        Value zero = e.constant(element.getType(), 0);
        Value isFound =
            isa<FloatType>(element.getType())
                ? e.compare(arith::CmpFPredicate::UNE, element, zero)
                : e.compare(arith::CmpIPredicate::ne, element, zero);
        e.branch(isFound, [&] { writeColumn(before, at); });
        return e.select(isFound, e.addIndex(before, 1), before);
      });
  e.forEach({x.getNumElements()}, [&](ValueRange column) {
    e.branch(e.compare(arith::CmpIPredicate::sge, column[0], count),
             [&] { writeColumn(column[0], {}); });
  });
  e.write(1, e.index(0), e.constantInt(e.builder.getI64Type(), rank));
  e.write(1, e.index(1), toNumber(e, count));
}

//===----------------------------------------------------------------------===//
// UniqueOp
//===----------------------------------------------------------------------===//

LogicalResult UniqueOp::inferReturnTypes(MLIRContext *context,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (x.getRank() != 2)
    return emitOptionalError(loc, "x must have rank 2");
  types.assign(3, getIndexTensor(context, x.getDimSize(0)));
  types.push_back(getIndexTensor(context, 1));
  return success();
}

SmallVector<int64_t> UniqueOp::getParallelExtents() { return {1}; }

/// Whether `lhs` comes before `rhs`; NaN comes last.
static Value isBefore(Emitter &e, Value lhs, Value rhs, Type element) {
  if (!isa<FloatType>(element))
    return e.compare(isUnsignedElement(element) ? arith::CmpIPredicate::ult
                                                : arith::CmpIPredicate::slt,
                     lhs, rhs);
  Value isNumber = e.compare(arith::CmpFPredicate::ORD, lhs, lhs);
  Value otherIsNot = e.compare(arith::CmpFPredicate::UNO, rhs, rhs);
  return e.create<arith::OrIOp>(
      {e.compare(arith::CmpFPredicate::OLT, lhs, rhs),
       e.create<arith::AndIOp>({isNumber, otherIsNot})});
}

/// Keeps the list of rows found so far in its order; a row is either in it or
/// inserted where it belongs.
void UniqueOp::emitBlock(Emitter &e, ValueRange) {
  int64_t rows = shapeOf(getX())[0], width = shapeOf(getX())[1];
  Type element = elementOf(getX()), i64 = e.builder.getI64Type();
  Value none = e.constantInt(i64, 0), one = e.constantInt(i64, 1);
  Value list = e.allocate(i64, rows), tally = e.allocate(i64, rows);
  // -1, 0 or 1: how row `lhs` stands to row `rhs`.
  auto compareRows = [&](Value lhs, Value rhs) {
    return e.reduce({width}, none, [&](ValueRange k, Value order) {
      Value a = e.read(0, {lhs, k[0]}), b = e.read(0, {rhs, k[0]});
      Value here = e.select(isBefore(e, a, b, element), e.constantInt(i64, -1),
                            e.select(isBefore(e, b, a, element), one, none));
      return e.select(e.compare(arith::CmpIPredicate::eq, order, none), here,
                      order);
    });
  };
  // The place of row `i` among the first `count` of the list, and whether it is
  // there already.
  auto findRow = [&](Value i, Value count) {
    return e.loops(
        {rows}, {count, e.constantInt(e.builder.getI1Type(), 0)},
        [&](ValueRange p, ValueRange state) -> SmallVector<Value> {
          Value isOpen = e.create<arith::AndIOp>(
              {e.compare(arith::CmpIPredicate::slt, p[0], count),
               negate(e, state[1])});
          // 2: nothing to compare with.
          Value order = e.branch(
              isOpen,
              [&] { return compareRows(i, toIndex(e, e.load(list, p[0]))); },
              [&] { return e.constantInt(i64, 2); });
          Value isEqual = e.compare(arith::CmpIPredicate::eq, order, none);
          Value isPlace = isEqual;
          if (getSorted())
            isPlace = e.create<arith::OrIOp>(
                {isPlace,
                 e.create<arith::AndIOp>(
                     {e.compare(arith::CmpIPredicate::slt, order, none),
                      e.compare(arith::CmpIPredicate::eq, state[0], count)})});
          return {e.select(isPlace, p[0], state[0]),
                  e.create<arith::OrIOp>({state[1], isEqual})};
        });
  };
  Value count = e.reduce({rows}, e.index(0), [&](ValueRange i, Value before) {
    SmallVector<Value> found = findRow(i[0], before);
    Value place = found[0];
    e.branch(found[1],
             [&] { e.store(e.add(e.load(tally, place), one), tally, place); });
    e.branch(negate(e, found[1]), [&] {
      if (getSorted())
        e.forEach({rows}, [&](ValueRange k) {
          // From the end: entry `to` takes the one before it.
          Value to = e.sub(before, k[0]);
          e.branch(e.compare(arith::CmpIPredicate::sgt, to, place), [&] {
            Value from = e.addIndex(to, -1);
            e.store(e.load(list, from), list, to);
            e.store(e.load(tally, from), tally, to);
          });
        });
      e.store(toNumber(e, i[0]), list, place);
      e.store(one, tally, place);
    });
    return e.select(found[1], before, e.addIndex(before, 1));
  });
  e.forEach({rows}, [&](ValueRange k) {
    Value isUsed = e.compare(arith::CmpIPredicate::slt, k[0], count);
    e.write(0, k[0], e.select(isUsed, e.load(list, k[0]), none));
    e.write(2, k[0], e.select(isUsed, e.load(tally, k[0]), none));
    e.write(1, k[0], toNumber(e, findRow(k[0], count)[0]));
  });
  e.write(3, e.index(0), toNumber(e, count));
}

//===----------------------------------------------------------------------===//
// SuppressOp
//===----------------------------------------------------------------------===//

LogicalResult SuppressOp::inferReturnTypes(MLIRContext *context,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> boxes = shapeOf(adaptor.getBoxes()),
                    scores = shapeOf(adaptor.getScores());
  if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 ||
      boxes[0] != scores[0] || boxes[1] != scores[2] ||
      elementOf(adaptor.getBoxes()) != elementOf(adaptor.getScores()))
    return emitOptionalError(loc, "boxes must be B x N x 4 and scores "
                                  "B x C x N, of one type");
  for (Value scalar : {adaptor.getLimit(), adaptor.getIouThreshold(),
                       adaptor.getScoreThreshold()})
    if (tensorOf(scalar).getNumElements() != 1)
      return emitOptionalError(
          loc, "limit and thresholds must hold one element each");
  int64_t bound = adaptor.getBound();
  if (bound < 0 || bound > boxes[1])
    return emitOptionalError(loc, "bound ", bound, " does not fit ", boxes[1],
                             " boxes");
  types.push_back(getIndexTensor(context, {scores[0], scores[1], bound}));
  types.push_back(getIndexTensor(context, {scores[0], scores[1]}));
  return success();
}

SmallVector<int64_t> SuppressOp::getParallelExtents() {
  return {shapeOf(getScores())[0], shapeOf(getScores())[1]};
}

void SuppressOp::emitBlock(Emitter &e, ValueRange iterations) {
  int64_t boxes = shapeOf(getBoxes())[1];
  Value batch = iterations[0], category = iterations[1];
  Type i1 = e.builder.getI1Type(), i8 = e.builder.getI8Type();
  Type compute = getComputeType(elementOf(getBoxes()));
  auto scalar = [&](unsigned operand, Value tensor) {
    return e.convert(e.read(operand, firstOf(e, tensor)), false, compute,
                     false);
  };
  Value limit = readIndex(e, 2, getLimit(), firstOf(e, getLimit()));
  Value iouThreshold = scalar(3, getIouThreshold());
  Value scoreThreshold = scalar(4, getScoreThreshold());
  Value zero = e.constant(compute, 0), half = e.constant(compute, 0.5);
  Value dead = e.constantInt(i8, 0), alive = e.constantInt(i8, 1);
  auto score = [&](Value box) { return e.read(1, {batch, category, box}); };

  // Low and high end in both directions.
  auto readBox = [&](Value box) -> std::array<Value, 4> {
    std::array<Value, 4> part;
    for (int64_t k = 0; k < 4; ++k)
      part[k] = e.read(0, {batch, box, e.index(k)});
    if (getCenter()) {
      Value width = e.mul(part[2], half), height = e.mul(part[3], half);
      return {e.sub(part[0], width), e.sub(part[1], height),
              e.add(part[0], width), e.add(part[1], height)};
    }
    return {e.min(part[0], part[2], false), e.min(part[1], part[3], false),
            e.max(part[0], part[2], false), e.max(part[1], part[3], false)};
  };
  auto area = [&](ArrayRef<Value> box) {
    return e.mul(e.sub(box[2], box[0]), e.sub(box[3], box[1]));
  };
  auto overlaps = [&](ArrayRef<Value> a, ArrayRef<Value> b) {
    auto span = [&](int64_t k) {
      return e.max(
          e.sub(e.min(a[k + 2], b[k + 2], false), e.max(a[k], b[k], false)),
          zero, false);
    };
    Value common = e.mul(span(0), span(1));
    Value together = e.sub(e.add(area(a), area(b)), common);
    // Boxes without an area overlap nothing.
    return e.create<arith::AndIOp>(
        {e.compare(arith::CmpFPredicate::OGT, common, zero),
         e.compare(arith::CmpFPredicate::OGT,
                   e.create<arith::DivFOp>({common, together}), iouThreshold)});
  };

  Value state = e.allocate(i8, std::max<int64_t>(boxes, 1));
  e.forEach({boxes}, [&](ValueRange box) {
    Value isCandidate =
        e.compare(arith::CmpFPredicate::OGT, score(box[0]), scoreThreshold);
    e.store(e.select(isCandidate, alive, dead), state, box[0]);
  });
  auto isAlive = [&](Value box) {
    return e.compare(arith::CmpIPredicate::ne, e.load(state, box), dead);
  };
  Value lowest = e.constant(compute, -std::numeric_limits<double>::infinity());
  Value count = e.loops(
      {getBound()}, {e.index(0), e.constantInt(i1, 1)},
      [&](ValueRange place, ValueRange carried) -> SmallVector<Value> {
        Value isOpen = e.create<arith::AndIOp>(
            {carried[1],
             e.compare(arith::CmpIPredicate::slt, place[0], limit)});
        Value best = e.branch(
            isOpen,
            [&]() -> Value {
              return e.loops(
                  {boxes}, {e.index(-1), lowest},
                  [&](ValueRange box, ValueRange so) -> SmallVector<Value> {
                    Value own = score(box[0]);
                    Value isFirst =
                        e.compare(arith::CmpIPredicate::slt, so[0], e.index(0));
                    Value wins = e.create<arith::AndIOp>(
                        {isAlive(box[0]),
                         e.create<arith::OrIOp>(
                             {isFirst, e.compare(arith::CmpFPredicate::OGT, own,
                                                 so[1])})});
                    return {e.select(wins, box[0], so[0]),
                            e.select(wins, own, so[1])};
                  })[0];
            },
            [&] { return e.index(-1); });
        Value isFound = e.compare(arith::CmpIPredicate::sge, best, e.index(0));
        e.branch(isFound, [&] {
          std::array<Value, 4> taken = readBox(best);
          e.store(dead, state, best);
          e.forEach({boxes}, [&](ValueRange box) {
            e.branch(isAlive(box[0]), [&] {
              e.branch(overlaps(taken, readBox(box[0])),
                       [&] { e.store(dead, state, box[0]); });
            });
          });
        });
        e.write(0, {batch, category, place[0]},
                toNumber(e, e.max(best, e.index(0), false)));
        return {e.select(isFound, e.addIndex(carried[0], 1), carried[0]),
                isFound};
      })[0];
  e.write(1, {batch, category}, toNumber(e, count));
}

//===----------------------------------------------------------------------===//
// CompactOp
//===----------------------------------------------------------------------===//

LogicalResult CompactOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX()),
                   extents = tensorOf(adaptor.getExtents());
  if (extents.getRank() != 1 || extents.getDimSize(0) != x.getRank())
    return emitOptionalError(loc,
                             "extents must have one entry per dimension of x");
  types.push_back(RankedTensorType::get(x.getShape(), x.getElementType()));
  return success();
}

bool CompactOp::isLaneTransparent(unsigned) { return false; }

Value CompactOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  Value rest = e.index(0);
  for (auto [index, size] : llvm::zip_equal(indices, shape))
    rest = e.addIndex(e.mulIndex(rest, size), index);
  SmallVector<Value> source(shape.size());
  for (int64_t d = static_cast<int64_t>(shape.size()) - 1; d >= 0; --d) {
    // An extent of 0 leaves no element at all, whatever is stored here.
    Value extent =
        e.max(readIndex(e, 1, getExtents(), e.index(d)), e.index(1), false);
    source[d] =
        clampIndex(e, e.create<arith::RemUIOp>({rest, extent}), shape[d]);
    rest = e.create<arith::DivUIOp>({rest, extent});
  }
  Value isInside = e.compare(arith::CmpIPredicate::eq, rest, e.index(0));
  return e.branch(
      isInside, [&] { return e.read(0, source); },
      [&] { return e.constant(getComputeType(elementOf(getX())), 0); });
}
