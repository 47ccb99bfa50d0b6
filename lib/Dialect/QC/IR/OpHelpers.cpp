// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape arithmetic that op families share.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

LogicalResult qc::verifyAxis(std::optional<Location> loc, int64_t axis,
                             int64_t rank) {
  if (axis < 0 || axis >= rank)
    return emitOptionalError(loc, "axis ", axis, " is outside rank ", rank);
  return success();
}

FailureOr<SmallVector<int64_t>>
qc::broadcastShapes(ArrayRef<ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (ArrayRef<int64_t> shape : shapes)
    rank = std::max(rank, shape.size());
  SmallVector<int64_t> result(rank, 1);
  for (ArrayRef<int64_t> shape : shapes) {
    for (auto [position, size] : llvm::enumerate(shape)) {
      int64_t &merged = result[rank - shape.size() + position];
      if (merged == 1)
        merged = size;
      else if (size != 1 && size != merged)
        return failure();
    }
  }
  return result;
}

LogicalResult qc::inferBroadcast(std::optional<Location> loc,
                                 ValueRange operands, Type element,
                                 SmallVectorImpl<Type> &types) {
  SmallVector<ArrayRef<int64_t>> shapes;
  for (Value operand : operands)
    shapes.push_back(shapeOf(operand));
  FailureOr<SmallVector<int64_t>> shape = broadcastShapes(shapes);
  if (failed(shape))
    return emitOptionalError(loc, "operand shapes do not broadcast");
  types.push_back(RankedTensorType::get(*shape, element));
  return success();
}

LogicalResult qc::verifySizes(std::optional<Location> loc,
                              ArrayRef<int64_t> shape, size_t rank) {
  int64_t count = 1;
  if (shape.size() != rank)
    return emitOptionalError(loc, "shape must have ", rank, " entries");
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(count, size, count))
      return emitOptionalError(loc,
                               "shape has a negative dimension or overflows");
  return success();
}

int64_t qc::windowedSize(int64_t size, int64_t kernel, int64_t stride,
                         int64_t dilation, int64_t padBegin, int64_t padEnd) {
  int64_t room = size + padBegin + padEnd - (dilation * (kernel - 1) + 1);
  return room < 0 ? -1 : room / stride + 1;
}

LogicalResult qc::verifyWindow(std::optional<Location> loc, size_t spatial,
                               ArrayRef<int64_t> kernel,
                               ArrayRef<int64_t> strides,
                               ArrayRef<int64_t> pads,
                               ArrayRef<int64_t> dilations) {
  if (kernel.size() != spatial || strides.size() != spatial ||
      dilations.size() != spatial || pads.size() != 2 * spatial)
    return emitOptionalError(
        loc, "expects ", spatial,
        " kernel, stride and dilation entries and twice as many pads");
  auto outside = [](int64_t smallest) {
    return [smallest](int64_t value) {
      return value < smallest || value > (int64_t(1) << 31);
    };
  };
  if (llvm::any_of(kernel, outside(1)) || llvm::any_of(strides, outside(1)) ||
      llvm::any_of(dilations, outside(1)))
    return emitOptionalError(loc,
                             "kernel, strides and dilations must be positive");
  if (llvm::any_of(pads, outside(0)))
    return emitOptionalError(loc, "pads must not be negative");
  return success();
}

FailureOr<SmallVector<int64_t>>
qc::inferPoolShape(std::optional<Location> loc, ArrayRef<int64_t> x,
                   ArrayRef<int64_t> kernel, ArrayRef<int64_t> strides,
                   ArrayRef<int64_t> pads, ArrayRef<int64_t> dilations) {
  if (x.size() < 3)
    return emitOptionalError(loc, "x must have rank 3 or more");
  size_t spatial = x.size() - 2;
  if (failed(verifyWindow(loc, spatial, kernel, strides, pads, dilations)))
    return failure();
  SmallVector<int64_t> shape(x.take_front(2));
  for (size_t d = 0; d < spatial; ++d) {
    shape.push_back(windowedSize(x[2 + d], kernel[d], strides[d], dilations[d],
                                 pads[d], pads[spatial + d]));
    if (shape.back() < 0)
      return emitOptionalError(
          loc,
          "the padded input is smaller than the window in spatial dimension ",
          d);
  }
  return shape;
}

Value qc::windowIndices(Emitter &emitter, ValueRange outputSpatial,
                        ValueRange kernelIndices,
                        ArrayRef<int64_t> inputSpatial,
                        ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                        ArrayRef<int64_t> dilations, ArrayRef<int64_t> kernel,
                        SmallVectorImpl<Value> &indices) {
  Value inside;
  size_t spatial = inputSpatial.size();
  for (size_t d = 0; d < spatial; ++d) {
    Value position =
        emitter.addIndex(emitter.mulIndex(outputSpatial[d], strides[d]),
                         emitter.mulIndex(kernelIndices[d], dilations[d]));
    position = emitter.addIndex(position, -pads[d]);
    if (pads[d] != 0 || pads[spatial + d] != 0) {
      // One unsigned comparison finds positions on both sides.
      Value isInside = emitter.compare(arith::CmpIPredicate::ult, position,
                                       emitter.index(inputSpatial[d]));
      position = emitter.select(isInside, position, emitter.index(0));
      inside =
          inside ? emitter.create<arith::AndIOp>({inside, isInside}) : isInside;
    }
    indices.push_back(position);
  }
  return inside;
}

SmallVector<Value> qc::firstOf(Emitter &e, Value tensor) {
  return SmallVector<Value>(tensorOf(tensor).getRank(), e.index(0));
}

Value qc::readIndex(Emitter &e, unsigned operand, Value tensor,
                    ValueRange indices) {
  Value number =
      e.convert(e.read(operand, indices), isUnsignedElement(elementOf(tensor)),
                e.builder.getI64Type(), false);
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    number);
}

Value qc::fromEnd(Emitter &e, Value position, int64_t size) {
  return e.select(e.compare(arith::CmpIPredicate::slt, position, e.index(0)),
                  e.addIndex(position, size), position);
}

Value qc::clampIndex(Emitter &e, Value position, int64_t size) {
  return e.min(e.max(position, e.index(0), false),
               e.index(std::max<int64_t>(size - 1, 0)), false);
}

PaddedPosition qc::padPosition(Emitter &e, Value position, int64_t size,
                               PadMode mode) {
  Value zero = e.index(0), last = e.index(size - 1);
  Value isBefore = e.compare(arith::CmpIPredicate::slt, position, zero);
  Value isBehind = e.compare(arith::CmpIPredicate::sgt, position, last);
  switch (mode) {
  case PadMode::Constant:
    return {position,
            e.compare(arith::CmpIPredicate::ult, position, e.index(size))};
  case PadMode::Reflect:
    position = e.select(isBefore, e.sub(zero, position), position);
    return {
        e.select(isBehind, e.sub(e.index(2 * (size - 1)), position), position),
        {}};
  case PadMode::Edge:
    return {e.select(isBefore, zero, e.select(isBehind, last, position)), {}};
  case PadMode::Wrap:
    break;
  }
  Value rest = e.create<arith::RemSIOp>({position, e.index(size)});
  return {e.select(e.compare(arith::CmpIPredicate::slt, rest, zero),
                   e.addIndex(rest, size), rest),
          {}};
}

PaddedPosition qc::windowPosition(Emitter &e, Value output, Value kernel,
                                  int64_t windows, int64_t stride, int64_t pad,
                                  int64_t dilation) {
  Value reach = e.addIndex(e.sub(output, e.mulIndex(kernel, dilation)), pad);
  Value position = reach;
  Value isInside = e.compare(arith::CmpIPredicate::sge, reach, e.index(0));
  if (stride != 1) {
    position = e.create<arith::DivSIOp>({reach, e.index(stride)});
    Value rest = e.create<arith::RemSIOp>({reach, e.index(stride)});
    isInside = e.create<arith::AndIOp>(
        {isInside, e.compare(arith::CmpIPredicate::eq, rest, e.index(0))});
  }
  isInside = e.create<arith::AndIOp>(
      {isInside,
       e.compare(arith::CmpIPredicate::slt, position, e.index(windows))});
  return {e.select(isInside, position, e.index(0)), isInside};
}

SmallVector<int64_t> qc::rowExtents(ArrayRef<int64_t> shape, int64_t axis) {
  SmallVector<int64_t> extents{1, 1};
  for (auto [dim, size] : llvm::enumerate(shape))
    if (static_cast<int64_t>(dim) != axis)
      extents[static_cast<int64_t>(dim) > axis] *= size;
  return extents;
}

Value qc::finiteExp(Emitter &e, Value x) {
  Value y = e.create<math::ExpOp>({x});
  y.getDefiningOp<math::ExpOp>().setFastmath(arith::FastMathFlags::ninf);
  return y;
}

SmallVector<Value> qc::rowIndices(Emitter &e, ArrayRef<int64_t> shape,
                                  int64_t axis, ValueRange iterations) {
  SmallVector<Value> index(shape.size());
  auto delinearize = [&](Value position, int64_t first, int64_t last) {
    for (int64_t dim = last - 1; dim >= first; --dim) {
      Value size = e.index(shape[dim]);
      index[dim] =
          dim == first ? position : e.create<arith::RemUIOp>({position, size});
      if (dim != first)
        position = e.create<arith::DivUIOp>({position, size});
    }
  };
  delinearize(iterations[0], 0, axis);
  delinearize(iterations[1], axis + 1, shape.size());
  return index;
}
