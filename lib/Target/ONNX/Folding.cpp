// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folding of weights.
//
// The interpreter evaluates any op but takes about a microsecond per element,
// which is fine for shapes and too slow for weights. What exporters do to
// weights is little: store them as f16 and cast, quantize, transpose, reshape,
// slice and join them. That is written out here, for constants of any size.

#include "Importer.h"

#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace qc;

/// No folded constant is larger: what a file makes out of little stays an op.
static constexpr int64_t largestFold = int64_t(1) << 30;

/// Bytes of an element, or 0 if several share one.
static unsigned getElementBytes(RankedTensorType type) {
  unsigned bits = type.getElementType().getIntOrFloatBitWidth();
  return bits == 1 ? 1 : bits % 8 == 0 ? bits / 8 : 0;
}

/// A constant of `type` that owns uninitialized memory filled by `fill`.
static ElementsAttr make(RankedTensorType type,
                         function_ref<void(MutableArrayRef<char>)> fill) {
  AsmResourceBlob blob =
      HeapAsmResourceBlob::allocate(getStorageBytes(type), 16, true);
  fill(blob.getMutableData());
  return getConstant(type, std::move(blob));
}

/// Copies `extents` elements from strided positions to row-major order.
static void copyStrided(const char *from, char *&to, unsigned bytes,
                        ArrayRef<int64_t> extents, ArrayRef<int64_t> strides) {
  if (extents.empty()) {
    std::memcpy(to, from, bytes);
    to += bytes;
    return;
  }
  if (extents.size() == 1 && strides[0] == 1) {
    std::memcpy(to, from, extents[0] * bytes);
    to += extents[0] * bytes;
    return;
  }
  for (int64_t i = 0; i < extents[0]; ++i)
    copyStrided(from + i * strides[0] * bytes, to, bytes, extents.drop_front(),
                strides.drop_front());
}

static SmallVector<int64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t d = shape.size(); d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  return strides;
}

static FailureOr<ElementsAttr> foldReshape(ElementsAttr x,
                                           RankedTensorType type) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(x))
    return ElementsAttr(
        DenseResourceElementsAttr::get(type, resource.getRawHandle()));
  if (auto dense = dyn_cast<DenseElementsAttr>(x))
    return ElementsAttr(dense.reshape(type));
  return failure();
}

static FailureOr<ElementsAttr> foldTranspose(TransposeOp op, ElementsAttr x) {
  auto type = cast<RankedTensorType>(op.getType());
  unsigned bytes = getElementBytes(type);
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> data = getConstantBytes(x, scratch);
  if (!bytes || failed(data))
    return failure();
  SmallVector<int64_t> source = getStrides(shapeOf(op.getX())), strides;
  for (int64_t dim : op.getPermutation())
    strides.push_back(source[dim]);
  return make(type, [&](MutableArrayRef<char> result) {
    char *to = result.data();
    copyStrided(data->data(), to, bytes, type.getShape(), strides);
  });
}

static FailureOr<ElementsAttr> foldSlice(SliceOp op, ElementsAttr x) {
  auto type = cast<RankedTensorType>(op.getType());
  unsigned bytes = getElementBytes(type);
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> data = getConstantBytes(x, scratch);
  if (!bytes || failed(data) || type.getNumElements() == 0)
    return failure();
  SmallVector<int64_t> strides = getStrides(shapeOf(op.getX()));
  int64_t begin = 0;
  for (auto [stride, offset, step] :
       llvm::zip_equal(strides, op.getOffsets(), op.getSteps())) {
    begin += stride * offset;
    stride *= step;
  }
  return make(type, [&](MutableArrayRef<char> result) {
    char *to = result.data();
    copyStrided(data->data() + begin * bytes, to, bytes, type.getShape(),
                strides);
  });
}

static FailureOr<ElementsAttr> foldConcat(ConcatOp op,
                                          ArrayRef<ElementsAttr> operands) {
  auto type = cast<RankedTensorType>(op.getType());
  unsigned bytes = getElementBytes(type);
  if (!bytes || type.getNumElements() == 0)
    return failure();
  int64_t outer = 1;
  for (int64_t size : type.getShape().take_front(op.getAxis()))
    outer *= size;
  SmallVector<SmallVector<char>> scratch(operands.size());
  SmallVector<ArrayRef<char>> parts;
  for (auto [operand, space] : llvm::zip_equal(operands, scratch)) {
    FailureOr<ArrayRef<char>> data = getConstantBytes(operand, space);
    if (failed(data))
      return failure();
    parts.push_back(*data);
  }
  return make(type, [&](MutableArrayRef<char> result) {
    char *to = result.data();
    for (int64_t i = 0; i < outer; ++i)
      for (ArrayRef<char> part : parts) {
        size_t size = part.size() / outer;
        std::memcpy(to, part.data() + i * size, size);
        to += size;
      }
  });
}

//===----------------------------------------------------------------------===//
// Casts
//===----------------------------------------------------------------------===//

/// The values of all codes of a float type of at most 16 bits.
static SmallVector<float> getFloatTable(FloatType type) {
  SmallVector<float> table;
  unsigned width = type.getWidth();
  for (uint64_t code = 0; code < (uint64_t(1) << width); ++code) {
    APFloat value(type.getFloatSemantics(), APInt(width, code));
    bool lost = false;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
    table.push_back(value.convertToFloat());
  }
  return table;
}

/// The elements of a constant as float, if that is exact or they are floats of
/// at most 32 bits. Fails for other types.
static FailureOr<SmallVector<float>> getFloats(ElementsAttr x) {
  auto type = cast<RankedTensorType>(x.getShapedType());
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> data = getConstantBytes(x, scratch);
  auto element = dyn_cast<FloatType>(type.getElementType());
  if (failed(data) || !element)
    return failure();
  int64_t count = type.getNumElements();
  SmallVector<float> values(count);
  if (element.isF32()) {
    std::memcpy(values.data(), data->data(), count * sizeof(float));
    return values;
  }
  if (element.getWidth() != 8 && element.getWidth() != 16)
    return failure();
  SmallVector<float> table = getFloatTable(element);
  for (int64_t i = 0; i < count; ++i) {
    uint16_t code = static_cast<uint8_t>((*data)[i]);
    if (element.getWidth() == 16)
      std::memcpy(&code, data->data() + 2 * i, 2);
    values[i] = table[code];
  }
  return values;
}

/// Casts between floats; integers are left to the interpreter.
static FailureOr<ElementsAttr> foldCast(CastOp op, ElementsAttr x) {
  auto type = cast<RankedTensorType>(op.getType());
  auto to = dyn_cast<FloatType>(type.getElementType());
  if (!to || (to.getWidth() != 8 && to.getWidth() < 16))
    return failure();
  FailureOr<SmallVector<float>> values = getFloats(x);
  if (failed(values))
    return failure();
  if (to.isF32())
    return make(type, [&](MutableArrayRef<char> result) {
      std::memcpy(result.data(), values->data(), result.size());
    });
  return make(type, [&](MutableArrayRef<char> result) {
    unsigned bytes = to.getWidth() / 8;
    for (auto [i, number] : llvm::enumerate(*values)) {
      APFloat value(number);
      bool lost = false;
      value.convert(to.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &lost);
      uint64_t code = value.bitcastToAPInt().getZExtValue();
      std::memcpy(result.data() + i * bytes, &code, bytes);
    }
  });
}

//===----------------------------------------------------------------------===//
// Quantization
//===----------------------------------------------------------------------===//

/// As QuantizeOp's reference meaning: division in f32, the clamp before the
/// conversion, rounding half to even, NaN gives the smallest code.
static FailureOr<ElementsAttr> foldQuantize(QuantizeOp op,
                                            ArrayRef<ElementsAttr> operands) {
  auto type = cast<RankedTensorType>(op.getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || (element.getWidth() != 8 && element.getWidth() != 16) ||
      !elementOf(op.getX()).isF32() || !elementOf(op.getScale()).isF32())
    return failure();
  FailureOr<SmallVector<float>> x = getFloats(operands[0]),
                                scale = getFloats(operands[1]);
  FailureOr<SmallVector<int64_t>> zero = getConstantIntegers(operands[2]);
  if (failed(x) || failed(scale) || failed(zero))
    return failure();
  unsigned width = element.getWidth();
  bool isUnsigned = element.isUnsigned();
  int64_t smallest = isUnsigned ? 0 : -(int64_t(1) << (width - 1));
  int64_t largest = smallest + (int64_t(1) << width) - 1;
  ArrayRef<int64_t> shape = type.getShape();
  int64_t axis = op.getAxis(), block = op.getBlockSize(), inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d)
    inner *= shape[d];
  int64_t size = shape.empty() ? 1 : shape[axis];
  int64_t blocks = block > 0 ? llvm::divideCeil(size, block) : size;
  return make(type, [&](MutableArrayRef<char> result) {
    for (auto [i, value] : llvm::enumerate(*x)) {
      int64_t position = (i / inner) % size;
      size_t parameter = position;
      if (block > 0)
        parameter = ((i / inner / size) * blocks + position / block) * inner +
                    i % inner;
      float s = (*scale)[scale->size() == 1 ? 0 : parameter];
      int64_t z = (*zero)[zero->size() == 1 ? 0 : parameter];
      float scaled = value / s;
      float low = smallest - z, high = largest - z;
      // The comparison is false for a NaN.
      scaled = scaled > low ? (scaled < high ? scaled : high) : low;
      int64_t code = static_cast<int64_t>(std::nearbyint(scaled)) + z;
      std::memcpy(result.data() + i * (width / 8), &code, width / 8);
    }
  });
}

FailureOr<ElementsAttr> qc::foldLargeConstant(Operation *op,
                                              ArrayRef<ElementsAttr> operands) {
  int64_t bytes =
      getStorageBytes(cast<RankedTensorType>(op->getResult(0).getType()));
  auto splat = dyn_cast<DenseElementsAttr>(operands.front());
  if (isa<TransposeOp, SliceOp, ExpandOp>(op) && splat && splat.isSplat())
    return ElementsAttr(
        splat.resizeSplat(cast<ShapedType>(op->getResult(0).getType())));
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return foldReshape(operands[0], cast<RankedTensorType>(reshape.getType()));
  for (ElementsAttr operand : operands)
    bytes = std::max(
        bytes, getStorageBytes(cast<RankedTensorType>(operand.getType())));
  if (bytes > largestFold)
    return failure();
  return llvm::TypeSwitch<Operation *, FailureOr<ElementsAttr>>(op)
      .Case([&](TransposeOp op) { return foldTranspose(op, operands[0]); })
      .Case([&](SliceOp op) { return foldSlice(op, operands[0]); })
      .Case([&](ConcatOp op) { return foldConcat(op, operands); })
      .Case([&](CastOp op) { return foldCast(op, operands[0]); })
      .Case([&](QuantizeOp op) { return foldQuantize(op, operands); })
      .Default(
          [](Operation *) -> FailureOr<ElementsAttr> { return failure(); });
}
