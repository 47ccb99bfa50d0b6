// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, pooling, softmax: inference, verification, reference meaning.

#include "OpHelpers.h"

#include <limits>

using namespace mlir;
using namespace qc;

/// The value that never wins a maximum (or, with `forMin`, a minimum).
static Value neutralExtreme(Emitter &e, Type element, bool forMin) {
  Type compute = getComputeType(element);
  if (isa<FloatType>(compute))
    return e.constant(compute, forMin
                                   ? std::numeric_limits<double>::infinity()
                                   : -std::numeric_limits<double>::infinity());
  unsigned width = element.getIntOrFloatBitWidth(),
           computeWidth = compute.getIntOrFloatBitWidth();
  bool isUnsigned = isUnsignedElement(element);
  APInt value = isUnsigned ? (forMin ? APInt::getMaxValue(width)
                                     : APInt::getMinValue(width))
                           : (forMin ? APInt::getSignedMaxValue(width)
                                     : APInt::getSignedMinValue(width));
  value = isUnsigned ? value.zext(computeWidth) : value.sext(computeWidth);
  return arith::ConstantOp::create(e.builder, e.loc,
                                   e.builder.getIntegerAttr(compute, value));
}

//===----------------------------------------------------------------------===//
// ReduceOp
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  for (int64_t axis : adaptor.getAxes()) {
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
      return emitOptionalError(loc, "axis ", axis, " is outside rank ",
                               shape.size());
    shape[axis] = 1;
  }
  Type element = elementOf(adaptor.getX());
  if (std::optional<Type> accumulator = adaptor.getAccumulator()) {
    auto from = dyn_cast<IntegerType>(element);
    auto to = dyn_cast<IntegerType>(*accumulator);
    if (!from || !to || to.isSignless() || to.getWidth() <= from.getWidth() ||
        to.getWidth() > 64)
      return emitOptionalError(loc,
                               "an accumulator must be a wider integer "
                               "type with signedness than ",
                               element);
    element = to;
  }
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

LogicalResult ReduceOp::verify() {
  for (auto [first, second] : llvm::zip(getAxes(), getAxes().drop_front()))
    if (first >= second)
      return emitOpError("axes must be sorted and unique");
  return success();
}

int64_t ReduceOp::getElementCost() {
  int64_t count = 1;
  for (int64_t axis : getAxes())
    count *= shapeOf(getX())[axis];
  return count;
}

bool ReduceOp::isLaneTransparent(unsigned dim) {
  return !llvm::is_contained(getAxes(), dim);
}

Value ReduceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type element = elementOf(getY()), compute = getComputeType(element);
  ReduceKind kind = getKind();
  SmallVector<int64_t> extents;
  int64_t count = 1;
  for (int64_t axis : getAxes()) {
    extents.push_back(shapeOf(getX())[axis]);
    count *= extents.back();
  }
  Value init;
  if (kind == ReduceKind::Max || kind == ReduceKind::Min)
    init = neutralExtreme(e, element, kind == ReduceKind::Min);
  else
    init = e.constant(compute, kind == ReduceKind::Prod ? 1 : 0);
  bool isUnsigned = isUnsignedElement(element);
  bool isFloat = isa<FloatType>(compute);
  auto term = [&](Value x) {
    if (getAccumulator())
      x = e.convert(x, isUnsignedElement(elementOf(getX())), compute,
                    isUnsigned);
    if (kind == ReduceKind::SumSquare || kind == ReduceKind::L2)
      return e.mul(x, x);
    if (kind == ReduceKind::L1 && isFloat)
      return e.create<math::AbsFOp>({x});
    if (kind == ReduceKind::L1 && !isUnsigned)
      return e.create<math::AbsIOp>({x});
    return x;
  };
  auto combine = [&](Value lhs, Value rhs) {
    switch (kind) {
    case ReduceKind::Max:
      return e.max(lhs, rhs, isUnsigned);
    case ReduceKind::Min:
      return e.min(lhs, rhs, isUnsigned);
    case ReduceKind::Prod:
      return e.mul(lhs, rhs);
    default:
      return e.add(lhs, rhs);
    }
  };
  SmallVector<Value> index(indices);
  Value result;
  if (extents.empty()) {
    result = combine(init, term(e.read(0, index)));
  } else {
    // The last axis is a row.
    ArrayRef<int64_t> outer = ArrayRef(extents).drop_back();
    init = e.splat(init);
    result = e.reduce(outer, init, [&](ValueRange k, Value partial) {
      for (auto [position, axis] : llvm::zip_first(k, getAxes()))
        index[axis] = position;
      int64_t last = getAxes().back();
      Value row = e.reduceRow(
          last, extents.back(), init,
          [&](Value position) {
            index[last] = position;
            return term(e.read(0, index));
          },
          combine);
      return outer.empty() ? row : combine(partial, row);
    });
  }
  if (kind == ReduceKind::Mean) {
    Value divisor = e.constantInt(compute, std::max<int64_t>(count, 1));
    return isFloat ? e.create<arith::DivFOp>({result, divisor})
                   : (isUnsigned ? e.create<arith::DivUIOp>({result, divisor})
                                 : e.create<arith::DivSIOp>({result, divisor}));
  }
  if (kind == ReduceKind::L2) {
    if (isFloat)
      return e.create<math::SqrtOp>({result});
    Type f64 = e.builder.getF64Type();
    return e.convert(
        e.create<math::SqrtOp>({e.convert(result, isUnsigned, f64, false)}),
        false, compute, isUnsigned);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

template <typename Adaptor>
static LogicalResult inferPool(std::optional<Location> loc, Adaptor adaptor,
                               SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape = inferPoolShape(
      loc, shapeOf(adaptor.getX()), adaptor.getKernel(), adaptor.getStrides(),
      adaptor.getPads(), adaptor.getDilations());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, elementOf(adaptor.getX())));
  return success();
}

static int64_t windowSize(ArrayRef<int64_t> kernel) {
  int64_t count = 1;
  for (int64_t size : kernel)
    count *= size;
  return count;
}

LogicalResult MaxPoolOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  return inferPool(loc, adaptor, types);
}
LogicalResult MaxPoolOp::verify() { return success(); }
bool MaxPoolOp::isLaneTransparent(unsigned dim) { return dim < 2; }
int64_t MaxPoolOp::getElementCost() { return windowSize(getKernel()); }

Value MaxPoolOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type element = elementOf(getX());
  Value lowest = neutralExtreme(e, element, false);
  return e.reduce(
      getKernel(), e.splat(lowest), [&](ValueRange k, Value partial) {
        SmallVector<Value> index(indices.take_front(2));
        Value inside = windowIndices(
            e, indices.drop_front(2), k, shapeOf(getX()).drop_front(2),
            getStrides(), getPads(), getDilations(), getKernel(), index);
        Value x = e.read(0, index);
        if (inside)
          x = e.select(inside, x, lowest);
        // A NaN wins, as in numpy.
        return e.max(partial, x, isUnsignedElement(element));
      });
}

LogicalResult AveragePoolOp::inferReturnTypes(MLIRContext *,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  return inferPool(loc, adaptor, types);
}
LogicalResult AveragePoolOp::verify() {
  if (getCeilExtra().size() != getKernel().size())
    return emitOpError("ceilExtra must have one entry per spatial dimension");
  if (!isa<FloatType>(elementOf(getX())))
    return emitOpError("x must be a float tensor");
  return success();
}
bool AveragePoolOp::isLaneTransparent(unsigned dim) { return dim < 2; }
int64_t AveragePoolOp::getElementCost() { return 2 * windowSize(getKernel()); }

Value AveragePoolOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type compute = getComputeType(elementOf(getX()));
  size_t spatial = getKernel().size();
  ArrayRef<int64_t> input = shapeOf(getX()).drop_front(2);
  Value zero = e.constant(compute, 0);
  Value sum =
      e.reduce(getKernel(), e.splat(zero), [&](ValueRange k, Value partial) {
        SmallVector<Value> index(indices.take_front(2));
        Value inside =
            windowIndices(e, indices.drop_front(2), k, input, getStrides(),
                          getPads(), getDilations(), getKernel(), index);
        Value x = e.read(0, index);
        if (inside)
          x = e.select(inside, x, zero);
        return e.add(partial, x);
      });
  // The number of counted positions is a product over the dimensions.
  Value count;
  int64_t constantCount = 1;
  for (size_t d = 0; d < spatial; ++d) {
    int64_t begin = getCountIncludePad() ? -getPads()[d] : 0;
    int64_t end =
        input[d] +
        (getCountIncludePad() ? getPads()[spatial + d] - getCeilExtra()[d] : 0);
    bool alwaysInside =
        getPads()[d] <= -begin && input[d] + getPads()[spatial + d] <= end;
    if (alwaysInside) {
      constantCount *= getKernel()[d];
      continue;
    }
    Value start =
        e.addIndex(e.mulIndex(indices[2 + d], getStrides()[d]), -getPads()[d]);
    Value inDimension = e.reduce(
        {getKernel()[d]}, e.index(0), [&](ValueRange k, Value partial) {
          Value position =
              e.addIndex(start, e.mulIndex(k.front(), getDilations()[d]));
          Value shifted = e.addIndex(position, -begin);
          Value isInside = e.compare(arith::CmpIPredicate::ult, shifted,
                                     e.index(end - begin));
          return e.addIndex(partial,
                            e.select(isInside, e.index(1), e.index(0)));
        });
    count =
        count ? e.builder.createOrFold<arith::MulIOp>(e.loc, count, inDimension)
              : inDimension;
  }
  Value divisor = e.constantInt(compute, constantCount);
  if (count) {
    Value asInteger = arith::IndexCastOp::create(e.builder, e.loc,
                                                 e.builder.getI64Type(), count);
    divisor = e.mul(divisor, e.convert(asInteger, false, compute, false));
  }
  return e.create<arith::DivFOp>({sum, divisor});
}

//===----------------------------------------------------------------------===//
// SoftmaxOp
//===----------------------------------------------------------------------===//

LogicalResult SoftmaxOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location>,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),
                                        elementOf(adaptor.getX())));
  return success();
}

LogicalResult SoftmaxOp::verify() {
  int64_t axis = getAxis();
  if (axis < 0 || axis >= tensorOf(getX()).getRank())
    return emitOpError("axis ")
           << axis << " is outside rank " << tensorOf(getX()).getRank();
  return success();
}

SmallVector<int64_t> SoftmaxOp::getParallelExtents() {
  return rowExtents(shapeOf(getX()), getAxis());
}

void SoftmaxOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  int64_t axis = getAxis();
  Type compute = getComputeType(elementOf(getX()));
  SmallVector<Value> index = rowIndices(e, shape, axis, iterations);
  auto readAt = [&](Value k) {
    index[axis] = k;
    return e.read(0, index);
  };
  int64_t size = shape[axis];
  Value lowest = e.constant(compute, -std::numeric_limits<double>::infinity());
  auto add = [&](Value lhs, Value rhs) { return e.add(lhs, rhs); };
  Value largest =
      e.reduceRow(axis, size, lowest, readAt,
                  [&](Value lhs, Value rhs) { return e.max(lhs, rhs, false); });
  Value scratch = getLogarithm() ? Value() : e.allocate(compute, size);
  Value sum = e.reduceRow(
      axis, size, e.constant(compute, 0),
      [&](Value k) {
        Value exponential = finiteExp(e, e.sub(readAt(k), largest));
        if (scratch)
          e.store(exponential, scratch, k);
        return exponential;
      },
      add, /*needsRegisters=*/true);
  Value scale = getLogarithm()
                    ? e.create<math::LogOp>({sum})
                    : e.create<arith::DivFOp>({e.constant(compute, 1), sum});
  e.forEachInRow(axis, size, [&](Value k) {
    Value result = getLogarithm() ? e.sub(e.sub(readAt(k), largest), scale)
                                  : e.mul(e.load(scratch, k), scale);
    index[axis] = k;
    e.write(0, index, result);
  });
}
