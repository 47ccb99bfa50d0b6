// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pools that are no plain reduction over windows: inference and reference
// meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

LogicalResult LpPoolOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape = inferPoolShape(
      loc, shapeOf(adaptor.getX()), adaptor.getKernel(), adaptor.getStrides(),
      adaptor.getPads(), adaptor.getDilations());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, elementOf(adaptor.getX())));
  return success();
}

LogicalResult LpPoolOp::verify() {
  if (getP() < 1 || !isa<FloatType>(elementOf(getX())))
    return emitOpError("p must be positive and x a float tensor");
  return success();
}

bool LpPoolOp::isLaneTransparent(unsigned dim) { return dim < 2; }
int64_t LpPoolOp::getElementCost() {
  int64_t cost = 64;
  for (int64_t size : getKernel())
    cost *= size;
  return cost;
}

Value LpPoolOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type compute = getComputeType(elementOf(getX()));
  Value zero = e.constant(compute, 0);
  Value sum =
      e.reduce(getKernel(), e.splat(zero), [&](ValueRange k, Value partial) {
        SmallVector<Value> index(indices.take_front(2));
        Value inside = windowIndices(
            e, indices.drop_front(2), k, shapeOf(getX()).drop_front(2),
            getStrides(), getPads(), getDilations(), getKernel(), index);
        Value x = e.create<math::AbsFOp>({e.read(0, index)});
        if (inside)
          x = e.select(inside, x, zero);
        Value power = x;
        if (getP() == 2)
          power = e.mul(x, x);
        else if (getP() != 1)
          power = e.create<math::PowFOp>({x, e.constant(compute, getP())});
        return e.add(partial, power);
      });
  if (getP() == 1)
    return sum;
  if (getP() == 2)
    return e.create<math::SqrtOp>({sum});
  return e.create<math::PowFOp>(
      {sum, e.constant(compute, 1.0 / static_cast<double>(getP()))});
}

LogicalResult MaxPoolIndexOp::inferReturnTypes(MLIRContext *context,
                                               std::optional<Location> loc,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape = inferPoolShape(
      loc, shapeOf(adaptor.getX()), adaptor.getKernel(), adaptor.getStrides(),
      adaptor.getPads(), adaptor.getDilations());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(
      *shape, IntegerType::get(context, 64, IntegerType::Signed)));
  return success();
}

LogicalResult MaxPoolIndexOp::verify() { return success(); }
bool MaxPoolIndexOp::isLaneTransparent(unsigned) { return false; }
int64_t MaxPoolIndexOp::getElementCost() {
  int64_t cost = 4;
  for (int64_t size : getKernel())
    cost *= size;
  return cost;
}

Value MaxPoolIndexOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX());
  Type element = elementOf(getX());
  SmallVector<Value> found = e.loops(
      getKernel(), {e.constant(getComputeType(element), 0), e.index(-1)},
      [&](ValueRange k, ValueRange best) -> SmallVector<Value> {
        SmallVector<Value> index(indices.take_front(2));
        Value inside = windowIndices(e, indices.drop_front(2), k,
                                     x.drop_front(2), getStrides(), getPads(),
                                     getDilations(), getKernel(), index);
        Value value = e.read(0, index);
        Value position = e.index(0);
        for (size_t d = 0; d < 2; ++d)
          position = e.addIndex(e.mulIndex(position, x[d]), index[d]);
        size_t spatial = x.size() - 2;
        for (size_t d = 0; d < spatial; ++d) {
          size_t dim = 2 + (getColumnMajor() ? spatial - 1 - d : d);
          position = e.addIndex(e.mulIndex(position, x[dim]), index[dim]);
        }
        Value isFirst =
            e.compare(arith::CmpIPredicate::slt, best[1], e.index(0));
        Value better;
        if (isa<FloatType>(element))
          better = e.compare(arith::CmpFPredicate::OGT, value, best[0]);
        else
          better =
              e.compare(isUnsignedElement(element) ? arith::CmpIPredicate::ugt
                                                   : arith::CmpIPredicate::sgt,
                        value, best[0]);
        better = e.create<arith::OrIOp>({better, isFirst});
        if (inside)
          better = e.create<arith::AndIOp>({better, inside});
        return {e.select(better, value, best[0]),
                e.select(better, position, best[1])};
      });
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                    found[1]);
}
