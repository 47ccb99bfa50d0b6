// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalization: inference, verification, reference meaning.

#include "OpHelpers.h"

#include "qc/Dialect/QC/IR/ResponseNorm.h"

using namespace mlir;
using namespace qc;

/// A normalization gives x's type.
#define QC_NORM_INFERENCE(OP)                                                  \
  LogicalResult OP::inferReturnTypes(MLIRContext *, std::optional<Location>,   \
                                     Adaptor adaptor,                          \
                                     SmallVectorImpl<Type> &types) {           \
    types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),             \
                                          elementOf(adaptor.getX())));         \
    return success();                                                          \
  }
QC_NORM_INFERENCE(BatchNormOp)
QC_NORM_INFERENCE(LayerNormOp)
QC_NORM_INFERENCE(RMSNormOp)
QC_NORM_INFERENCE(GroupNormOp)
QC_NORM_INFERENCE(LpNormOp)
QC_NORM_INFERENCE(LRNOp)
QC_NORM_INFERENCE(MeanVarianceNormOp)
#undef QC_NORM_INFERENCE

//===----------------------------------------------------------------------===//
// Rows: the elements that share statistics
//===----------------------------------------------------------------------===//

namespace {
/// The elements of `shape` along some dimensions, for one iteration over the
/// others.
class Row {
public:
  Row(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes)
      : shape(shape), axes(axes), index(shape.size()) {
    for (int64_t axis : axes)
      extents.push_back(shape[axis]);
  }

  /// Number of rows, as the parallel extents of a block op.
  SmallVector<int64_t> getParallelExtents() const {
    int64_t count = 1;
    for (auto [dim, size] : llvm::enumerate(shape))
      if (!llvm::is_contained(axes, static_cast<int64_t>(dim)))
        count *= size;
    return {count};
  }

  /// Enters the row number `position`.
  void enter(Emitter &e, Value position) {
    int64_t outermost = 0, rank = shape.size();
    while (outermost < rank && llvm::is_contained(axes, outermost))
      ++outermost;
    for (int64_t dim = rank - 1; dim >= 0; --dim) {
      if (llvm::is_contained(axes, dim))
        continue;
      Value size = e.index(shape[dim]);
      index[dim] = dim == outermost
                       ? position
                       : e.create<arith::RemUIOp>({position, size});
      if (dim != outermost)
        position = e.create<arith::DivUIOp>({position, size});
    }
  }

  int64_t size() const {
    int64_t count = 1;
    for (int64_t extent : extents)
      count *= extent;
    return count;
  }

  /// The sum of `term(x)` over the row's elements of operand 0.
  Value sum(Emitter &e, Type compute, function_ref<Value(Value)> term) {
    auto add = [&](Value lhs, Value rhs) { return e.add(lhs, rhs); };
    Value zero = e.constant(compute, 0);
    if (axes.empty())
      return term(e.read(0, index));
    return e.reduce(outerExtents(), zero, [&](ValueRange outer, Value partial) {
      Value inner = e.reduceRow(
          axes.back(), extents.back(), zero,
          [&](Value k) { return term(e.read(0, at(outer, k))); }, add);
      return extents.size() == 1 ? inner : e.add(partial, inner);
    });
  }

  /// Writes `value(index, x)` to each element of the row.
  void write(Emitter &e, function_ref<Value(ValueRange, Value)> value) {
    if (axes.empty()) {
      e.write(0, index, value(index, e.read(0, index)));
      return;
    }
    e.forEach(outerExtents(), [&](ValueRange outer) {
      e.forEachInRow(axes.back(), extents.back(), [&](Value k) {
        SmallVector<Value> position = at(outer, k);
        e.write(0, position, value(position, e.read(0, position)));
      });
    });
  }

private:
  SmallVector<Value> at(ValueRange outer, Value k) const {
    SmallVector<Value> position(index);
    for (auto [axis, inner] : llvm::zip_equal(axes.drop_back(), outer))
      position[axis] = inner;
    position[axes.back()] = k;
    return position;
  }
  ArrayRef<int64_t> outerExtents() const {
    return ArrayRef(extents).drop_back();
  }

  ArrayRef<int64_t> shape, axes;
  SmallVector<Value> index;
  SmallVector<int64_t> extents;
};
} // namespace

static SmallVector<int64_t> axesFrom(int64_t first, int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(first, rank));
}

/// Mean and variance (of the centred values) of a row.
static std::pair<Value, Value> moments(Emitter &e, Row &row, Type compute) {
  Value count = e.constantInt(compute, std::max<int64_t>(row.size(), 1));
  Value mean = e.create<arith::DivFOp>(
      {row.sum(e, compute, [](Value x) { return x; }), count});
  Value variance =
      e.create<arith::DivFOp>({row.sum(e, compute,
                                       [&](Value x) {
                                         Value centred = e.sub(x, mean);
                                         return e.mul(centred, centred);
                                       }),
                               count});
  return {mean, variance};
}

static Value deviation(Emitter &e, Value variance, double epsilon) {
  return e.create<math::SqrtOp>(
      {e.add(variance, e.constant(variance.getType(), epsilon))});
}

/// `parameter` (may be null) must broadcast to x.
static LogicalResult verifyBroadcast(Operation *op, Value x, Value parameter) {
  if (!parameter)
    return success();
  FailureOr<SmallVector<int64_t>> shape =
      broadcastShapes({shapeOf(x), shapeOf(parameter)});
  if (failed(shape) || ArrayRef<int64_t>(*shape) != shapeOf(x))
    return op->emitOpError("parameters of type ")
           << parameter.getType() << " do not broadcast to x";
  return success();
}

static LogicalResult verifyPerChannel(Operation *op, ArrayRef<int64_t> x,
                                      ValueRange parameters) {
  int64_t channels = x[x.size() > 1 ? 1 : 0];
  for (Value parameter : parameters)
    if (shapeOf(parameter) != ArrayRef<int64_t>(channels))
      return op->emitOpError("parameters must be vectors of ")
             << channels << " elements, got " << parameter.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// BatchNormOp
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.empty())
    return emitOpError("x must have rank 1 or more");
  return verifyPerChannel(getOperation(), x,
                          {getScale(), getBias(), getMean(), getVariance()});
}

bool BatchNormOp::isLaneTransparent(unsigned) { return true; }

Value BatchNormOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value channel = indices[indices.size() > 1 ? 1 : 0];
  Value x = e.read(0, indices);
  Type compute = getElementTypeOrSelf(x);
  auto parameter = [&](unsigned operand) {
    return e.convert(e.read(operand, channel), false, compute, false);
  };
  Value normal = e.create<arith::DivFOp>(
      {e.sub(x, parameter(3)),
       deviation(e, parameter(4), getEpsilon().convertToFloat())});
  return e.add(e.mul(normal, parameter(1)), parameter(2));
}

//===----------------------------------------------------------------------===//
// LayerNormOp and RMSNormOp
//===----------------------------------------------------------------------===//

LogicalResult LayerNormOp::verify() {
  return success(
      succeeded(verifyAxis(getLoc(), getAxis(), tensorOf(getX()).getRank())) &&
      succeeded(verifyBroadcast(getOperation(), getX(), getScale())) &&
      succeeded(verifyBroadcast(getOperation(), getX(), getBias())));
}

SmallVector<int64_t> LayerNormOp::getParallelExtents() {
  SmallVector<int64_t> axes = axesFrom(getAxis(), tensorOf(getX()).getRank());
  return Row(shapeOf(getX()), axes).getParallelExtents();
}

void LayerNormOp::emitBlock(Emitter &e, ValueRange iterations) {
  Type compute = getComputeType(elementOf(getX()));
  SmallVector<int64_t> axes = axesFrom(getAxis(), tensorOf(getX()).getRank());
  Row row(shapeOf(getX()), axes);
  row.enter(e, iterations.front());
  auto [mean, variance] = moments(e, row, compute);
  Value divisor = deviation(e, variance, getEpsilon().convertToFloat());
  row.write(e, [&, mean = mean](ValueRange index, Value x) {
    Value y = e.create<arith::DivFOp>({e.sub(x, mean), divisor});
    y = e.mul(y, e.convert(e.readBroadcast(1, tensorOf(getScale()), index),
                           false, compute, false));
    if (getBias())
      y = e.add(y, e.convert(e.readBroadcast(2, tensorOf(getBias()), index),
                             false, compute, false));
    return y;
  });
}

LogicalResult RMSNormOp::verify() {
  return success(
      succeeded(verifyAxis(getLoc(), getAxis(), tensorOf(getX()).getRank())) &&
      succeeded(verifyBroadcast(getOperation(), getX(), getScale())));
}

SmallVector<int64_t> RMSNormOp::getParallelExtents() {
  SmallVector<int64_t> axes = axesFrom(getAxis(), tensorOf(getX()).getRank());
  return Row(shapeOf(getX()), axes).getParallelExtents();
}

void RMSNormOp::emitBlock(Emitter &e, ValueRange iterations) {
  Type compute = getComputeType(elementOf(getX()));
  SmallVector<int64_t> axes = axesFrom(getAxis(), tensorOf(getX()).getRank());
  Row row(shapeOf(getX()), axes);
  row.enter(e, iterations.front());
  Value sum = row.sum(e, compute, [&](Value x) { return e.mul(x, x); });
  Value count = e.constantInt(compute, std::max<int64_t>(row.size(), 1));
  Value divisor = deviation(e, e.create<arith::DivFOp>({sum, count}),
                            getEpsilon().convertToFloat());
  row.write(e, [&](ValueRange index, Value x) {
    return e.mul(e.create<arith::DivFOp>({x, divisor}),
                 e.convert(e.readBroadcast(1, tensorOf(getScale()), index),
                           false, compute, false));
  });
}

//===----------------------------------------------------------------------===//
// GroupNormOp
//===----------------------------------------------------------------------===//

LogicalResult GroupNormOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.size() < 2)
    return emitOpError("x must have rank 2 or more");
  if (getGroups() < 1 || x[1] % getGroups() != 0)
    return emitOpError() << getGroups() << " groups do not divide " << x[1]
                         << " channels";
  return verifyPerChannel(getOperation(), x, {getScale(), getBias()});
}

SmallVector<int64_t> GroupNormOp::getParallelExtents() {
  return {shapeOf(getX())[0], getGroups()};
}

void GroupNormOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> x = shapeOf(getX());
  Type compute = getComputeType(elementOf(getX()));
  int64_t perGroup = x[1] / getGroups();
  // A row is a group: its channels, then all spatial dimensions.
  SmallVector<int64_t> extents{perGroup};
  llvm::append_range(extents, x.drop_front(2));
  int64_t size = 1;
  for (int64_t extent : extents)
    size *= extent;
  Value first = e.mulIndex(iterations[1], perGroup);
  auto at = [&](ValueRange k) {
    SmallVector<Value> index{iterations[0], e.addIndex(first, k.front())};
    llvm::append_range(index, k.drop_front());
    return index;
  };
  Value zero = e.constant(compute, 0);
  Value count = e.constantInt(compute, std::max<int64_t>(size, 1));
  Value mean = e.create<arith::DivFOp>(
      {e.reduce(extents, zero,
                [&](ValueRange k, Value partial) {
                  return e.add(partial, e.read(0, at(k)));
                }),
       count});
  Value variance = e.create<arith::DivFOp>(
      {e.reduce(extents, zero,
                [&](ValueRange k, Value partial) {
                  Value centred = e.sub(e.read(0, at(k)), mean);
                  return e.add(partial, e.mul(centred, centred));
                }),
       count});
  Value divisor = deviation(e, variance, getEpsilon().convertToFloat());
  e.forEach(extents, [&](ValueRange k) {
    SmallVector<Value> index = at(k);
    auto parameter = [&](unsigned operand) {
      return e.convert(e.read(operand, index[1]), false, compute, false);
    };
    Value y = e.create<arith::DivFOp>({e.sub(e.read(0, index), mean), divisor});
    e.write(0, index, e.add(e.mul(y, parameter(1)), parameter(2)));
  });
}

//===----------------------------------------------------------------------===//
// LpNormOp and MeanVarianceNormOp
//===----------------------------------------------------------------------===//

LogicalResult LpNormOp::verify() {
  if (getP() != 1 && getP() != 2)
    return emitOpError("p must be 1 or 2");
  return verifyAxis(getLoc(), getAxis(), tensorOf(getX()).getRank());
}

SmallVector<int64_t> LpNormOp::getParallelExtents() {
  int64_t axis = getAxis();
  return Row(shapeOf(getX()), axis).getParallelExtents();
}

void LpNormOp::emitBlock(Emitter &e, ValueRange iterations) {
  Type compute = getComputeType(elementOf(getX()));
  int64_t axis = getAxis();
  Row row(shapeOf(getX()), axis);
  row.enter(e, iterations.front());
  Value norm = row.sum(e, compute, [&](Value x) {
    return getP() == 1 ? e.create<math::AbsFOp>({x}) : e.mul(x, x);
  });
  if (getP() == 2)
    norm = e.create<math::SqrtOp>({norm});
  Value zero = e.constant(compute, 0);
  Value isZero = e.compare(arith::CmpFPredicate::OEQ, norm, zero);
  Value divisor = e.select(isZero, e.constant(compute, 1), norm);
  row.write(e, [&](ValueRange, Value x) {
    return e.select(isZero, zero, e.create<arith::DivFOp>({x, divisor}));
  });
}

LogicalResult MeanVarianceNormOp::verify() {
  for (int64_t axis : getAxes())
    if (failed(verifyAxis(getLoc(), axis, tensorOf(getX()).getRank())))
      return failure();
  for (auto [first, second] : llvm::zip(getAxes(), getAxes().drop_front()))
    if (first >= second)
      return emitOpError("axes must be sorted and unique");
  return success();
}

SmallVector<int64_t> MeanVarianceNormOp::getParallelExtents() {
  return Row(shapeOf(getX()), getAxes()).getParallelExtents();
}

void MeanVarianceNormOp::emitBlock(Emitter &e, ValueRange iterations) {
  Type compute = getComputeType(elementOf(getX()));
  Row row(shapeOf(getX()), getAxes());
  row.enter(e, iterations.front());
  auto [mean, variance] = moments(e, row, compute);
  Value divisor =
      e.add(e.create<math::SqrtOp>({variance}), e.constant(compute, 1e-9));
  row.write(e, [&, mean = mean](ValueRange, Value x) {
    return e.create<arith::DivFOp>({e.sub(x, mean), divisor});
  });
}

//===----------------------------------------------------------------------===//
// LRNOp
//===----------------------------------------------------------------------===//

LogicalResult LRNOp::verify() {
  if (tensorOf(getX()).getRank() < 2)
    return emitOpError("x must have rank 2 or more");
  if (getSize() < 1)
    return emitOpError("size must be positive");
  return success();
}

bool LRNOp::isLaneTransparent(unsigned dim) { return dim != 1; }
int64_t LRNOp::getElementCost() { return 2 * getSize() + 32; }

ResponseWindow qc::getResponseWindow(LRNOp op) {
  int64_t channels = shapeOf(op.getX())[1], size = op.getSize();
  int64_t before = (size - 1) / 2;
  return {std::min(before, channels), std::min(size - 1 - before, channels)};
}

Value qc::emitResponse(Emitter &e, LRNOp op, ValueRange indices, Value sum) {
  Type compute = getComputeType(elementOf(op.getX()));
  double factor = op.getAlpha().convertToFloat() / op.getSize();
  Value base = e.add(e.mul(sum, e.constant(compute, factor)),
                     e.constant(compute, op.getBias().convertToFloat()));
  Value power = e.create<math::PowFOp>(
      {base, e.constant(compute, op.getBeta().convertToFloat())});
  return e.create<arith::DivFOp>({e.read(0, indices), power});
}

Value qc::emitInnerResponseSum(Emitter &e, LRNOp op, ValueRange indices) {
  ResponseWindow window = getResponseWindow(op);
  Value sum = e.constant(getComputeType(elementOf(op.getX())), 0);
  for (int64_t k = -window.before; k <= window.behind; ++k) {
    SmallVector<Value> index(indices);
    index[1] = e.addIndex(indices[1], k);
    Value x = e.read(0, index);
    sum = e.add(sum, e.mul(x, x));
  }
  return sum;
}

Value LRNOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t channels = shapeOf(getX())[1];
  ResponseWindow window = getResponseWindow(*this);
  Value zero = e.constant(getComputeType(elementOf(getX())), 0);
  Value sum = e.reduce(
      {window.before + 1 + window.behind}, e.splat(zero),
      [&](ValueRange k, Value partial) {
        Value channel =
            e.addIndex(e.addIndex(indices[1], k.front()), -window.before);
        Value isInside =
            e.compare(arith::CmpIPredicate::ult, channel, e.index(channels));
        SmallVector<Value> index(indices);
        index[1] = e.select(isInside, channel, indices[1]);
        Value x = e.read(0, index);
        return e.add(partial, e.select(isInside, e.mul(x, x), zero));
      });
  return emitResponse(e, *this, indices, sum);
}
