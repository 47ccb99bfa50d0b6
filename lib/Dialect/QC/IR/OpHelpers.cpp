// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape arithmetic that op families share.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

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
