// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans and selections along an axis: inference and reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

static Type getIndexElement(MLIRContext *context) {
  return IntegerType::get(context, 64, IntegerType::Signed);
}

/// Whether `lhs` comes before `rhs` in the order asked for.
static Value isBetter(Emitter &e, Value lhs, Value rhs, Type element,
                      bool largest) {
  if (isa<FloatType>(element))
    return e.compare(largest ? arith::CmpFPredicate::OGT
                             : arith::CmpFPredicate::OLT,
                     lhs, rhs);
  if (isUnsignedElement(element))
    return e.compare(largest ? arith::CmpIPredicate::ugt
                             : arith::CmpIPredicate::ult,
                     lhs, rhs);
  return e.compare(largest ? arith::CmpIPredicate::sgt
                           : arith::CmpIPredicate::slt,
                   lhs, rhs);
}

//===----------------------------------------------------------------------===//
// ArgReduceOp
//===----------------------------------------------------------------------===//

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  int64_t axis = adaptor.getAxis();
  if (failed(verifyAxis(loc, axis, shape.size())))
    return failure();
  if (shape[axis] == 0)
    return emitOptionalError(loc, "axis ", axis, " is empty");
  shape[axis] = 1;
  types.push_back(RankedTensorType::get(shape, getIndexElement(context)));
  return success();
}

bool ArgReduceOp::isLaneTransparent(unsigned) { return false; }
int64_t ArgReduceOp::getElementCost() { return 2 * shapeOf(getX())[getAxis()]; }

Value ArgReduceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t size = shapeOf(getX())[getAxis()];
  SmallVector<Value> at(indices);
  at[getAxis()] = e.index(0);
  Value first = e.read(0, at);
  SmallVector<Value> found =
      e.loops({size}, {first, e.index(0)},
              [&](ValueRange k, ValueRange best) -> SmallVector<Value> {
                at[getAxis()] = k.front();
                Value x = e.read(0, at);
                Type element = elementOf(getX());
                Value better = isBetter(e, x, best[0], element, getLargest());
                if (getLast()) {
                  // Equal elements win too.
                  Value worse = isBetter(e, best[0], x, element, getLargest());
                  better = e.create<arith::XOrIOp>(
                      {worse, e.constantInt(e.builder.getI1Type(), 1)});
                }
                return {e.select(better, x, best[0]),
                        e.select(better, k.front(), best[1])};
              });
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                    found[1]);
}

//===----------------------------------------------------------------------===//
// CumulativeOp
//===----------------------------------------------------------------------===//

LogicalResult CumulativeOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (failed(verifyAxis(loc, adaptor.getAxis(), x.getRank())))
    return failure();
  types.push_back(RankedTensorType::get(x.getShape(), x.getElementType()));
  return success();
}

SmallVector<int64_t> CumulativeOp::getParallelExtents() {
  return rowExtents(shapeOf(getX()), getAxis());
}

void CumulativeOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  SmallVector<Value> index = rowIndices(e, shape, getAxis(), iterations);
  Type element = elementOf(getX()), compute = getComputeType(element);
  int64_t size = shape[getAxis()];
  e.reduce({size}, e.constant(compute, getProduct() ? 1 : 0),
           [&](ValueRange k, Value before) {
             Value at = k.front();
             if (getReverse())
               at = e.sub(e.index(size - 1), at);
             index[getAxis()] = at;
             Value x = e.read(0, index);
             Value after = getProduct() ? e.mul(before, x) : e.add(before, x);
             after = e.round(after, element);
             e.write(0, index, getExclusive() ? before : after);
             return after;
           });
}

//===----------------------------------------------------------------------===//
// TopKOp
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  int64_t axis = adaptor.getAxis(), k = adaptor.getK();
  if (failed(verifyAxis(loc, axis, shape.size())))
    return failure();
  if (k < 0 || k > shape[axis])
    return emitOptionalError(loc, "k = ", k, " does not fit an axis of ",
                             shape[axis]);
  shape[axis] = k;
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  types.push_back(RankedTensorType::get(shape, getIndexElement(context)));
  return success();
}

SmallVector<int64_t> TopKOp::getParallelExtents() {
  return rowExtents(shapeOf(getX()), getAxis());
}

/// Insertion into a sorted list of the k best so far: from the end, entries
/// that the new one beats move back by one.
void TopKOp::emitBlock(Emitter &e, ValueRange iterations) {
  int64_t axis = getAxis(), k = getK(), size = shapeOf(getX())[axis];
  if (k == 0)
    return;
  Type element = elementOf(getX()), compute = getComputeType(element);
  SmallVector<Value> index = rowIndices(e, shapeOf(getX()), axis, iterations);
  Value values = e.allocate(compute, k);
  Value positions = e.allocate(e.builder.getI64Type(), k);
  e.forEach({size}, [&](ValueRange at) {
    Value position = at.front();
    index[axis] = position;
    Value x = e.read(0, index);
    Value number = arith::IndexCastOp::create(e.builder, e.loc,
                                              e.builder.getI64Type(), position);
    // One pass from the best to the worst place, carrying what has no place
    // yet: the new element at first, then what it displaced.
    Value count = e.min(position, e.index(k), false);
    Value boolean = e.constantInt(e.builder.getI1Type(), 0);
    e.loops(
        {k}, {x, number, boolean},
        [&](ValueRange place, ValueRange homeless) -> SmallVector<Value> {
          Value there = e.load(values, place.front());
          Value thereAt = e.load(positions, place.front());
          Value isFree =
              e.compare(arith::CmpIPredicate::sge, place.front(), count);
          Value wins = e.create<arith::OrIOp>(
              {isFree, isBetter(e, homeless[0], there, element, getLargest())});
          // Once one entry has moved, all behind it do.
          wins = e.create<arith::OrIOp>({wins, homeless[2]});
          e.store(e.select(wins, homeless[0], there), values, place.front());
          e.store(e.select(wins, homeless[1], thereAt), positions,
                  place.front());
          return {e.select(wins, there, homeless[0]),
                  e.select(wins, thereAt, homeless[1]), wins};
        });
  });
  e.forEach({k}, [&](ValueRange place) {
    index[axis] = place.front();
    e.write(0, index, e.load(values, place.front()));
    e.write(1, index, e.load(positions, place.front()));
  });
}
