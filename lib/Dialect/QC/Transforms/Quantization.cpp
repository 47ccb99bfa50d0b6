// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization parameters and constant tensors as numbers: see Quantization.h.
//
// Constant weights go through the code here and not through the interpreter,
// which folding uses for small tensors: a layer has millions of them.

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace qc;

int64_t qc::getSmallestCode(IntegerType type) {
  return type.isUnsigned() ? 0 : -(int64_t(1) << (type.getWidth() - 1));
}

int64_t qc::getLargestCode(IntegerType type) {
  return type.isUnsigned() ? (int64_t(1) << type.getWidth()) - 1
                           : (int64_t(1) << (type.getWidth() - 1)) - 1;
}

int64_t Quantization::smallest() const { return getSmallestCode(storage); }
int64_t Quantization::largest() const { return getLargestCode(storage); }

ElementsAttr qc::getConstantValue(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return constant ? constant.getValue() : ElementsAttr();
}

bool qc::isConstantCodes(Value value) {
  if (auto transpose = value.getDefiningOp<TransposeOp>())
    value = transpose.getX();
  return value.getDefiningOp<ConstantOp>() != nullptr;
}

FailureOr<SmallVector<int64_t>> qc::getConstantCodes(Value value) {
  ElementsAttr attribute = getConstantValue(value);
  if (auto transpose = value.getDefiningOp<TransposeOp>())
    if (ElementsAttr source = getConstantValue(transpose.getX()))
      attribute = transposeConstant(source, transpose.getPermutation());
  if (!attribute)
    return failure();
  return getConstantIntegers(attribute);
}

int64_t qc::getWeightBound(Value weights) {
  auto element = dyn_cast<IntegerType>(getElementTypeOrSelf(weights));
  if (!element || element.getWidth() > 8)
    return 0;
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(weights);
  if (failed(codes))
    return 0;
  int64_t largest = 1;
  for (int64_t code : *codes)
    largest = std::max(largest, std::abs(code));
  // Few different bounds, so that kernels which are alike stay one.
  auto bound = static_cast<int64_t>(llvm::PowerOf2Ceil(largest));
  return bound <= largestWeightBound ? bound : 0;
}

Value qc::buildWidenedWeights(OpBuilder &builder, Value weights) {
  auto type = cast<RankedTensorType>(weights.getType());
  if (type.getElementTypeBitWidth() >= 8)
    return weights;
  Type wide = builder.getIntegerType(8, /*isSigned=*/true);
  return CastOp::create(builder, weights.getLoc(), type.clone(wide), weights,
                        wide, /*saturate=*/true, PowerRoundingKind::Nearest);
}

std::optional<int64_t> qc::getEqualIntegers(Value value) {
  ElementsAttr attribute = getConstantValue(value);
  if (!attribute)
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> numbers = getConstantIntegers(attribute);
  if (failed(numbers) || numbers->empty() || !llvm::all_equal(*numbers))
    return std::nullopt;
  return numbers->front();
}

/// The numbers of an f32 tensor; fails if it is null or not one.
static FailureOr<SmallVector<float>> getFloats(ElementsAttr attribute) {
  if (!attribute || !attribute.getElementType().isF32())
    return failure();
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(attribute, scratch);
  if (failed(bytes))
    return failure();
  SmallVector<float> numbers(bytes->size() / sizeof(float));
  std::memcpy(numbers.data(), bytes->data(), numbers.size() * sizeof(float));
  return numbers;
}

FailureOr<SmallVector<float>> qc::getConstantFloats(Value value) {
  return getFloats(getConstantValue(value));
}

FailureOr<SmallVector<float>> qc::getConstantReals(Value value) {
  auto dequantize =
      value ? value.getDefiningOp<DequantizeOp>() : DequantizeOp();
  if (!dequantize)
    return getConstantFloats(value);
  ElementsAttr codes = getConstantValue(dequantize.getQ());
  FailureOr<Quantization> parameters = getQuantization(dequantize);
  if (!codes || failed(parameters))
    return failure();
  return getFloats(dequantizeConstant(codes, *parameters));
}

FailureOr<Quantization> qc::getQuantization(Operation *op,
                                            std::string *reason) {
  auto refuse = [&](const Twine &why) {
    if (reason)
      *reason = why.str();
    return failure();
  };
  Value scale, zero, codes, reals;
  int64_t axis = 0, blockSize = 0;
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    scale = quantize.getScale(), zero = quantize.getZero();
    codes = quantize.getQ(), reals = quantize.getX();
    axis = quantize.getAxis(), blockSize = quantize.getBlockSize();
  } else {
    auto dequantize = cast<DequantizeOp>(op);
    scale = dequantize.getScale(), zero = dequantize.getZero();
    codes = dequantize.getQ(), reals = dequantize.getX();
    axis = dequantize.getAxis(), blockSize = dequantize.getBlockSize();
  }
  auto type = cast<RankedTensorType>(codes.getType());
  auto storage = dyn_cast<IntegerType>(type.getElementType());
  if (!storage || storage.isSignless() || storage.getWidth() > 32)
    return refuse("its codes are not integers of at most 32 bits");
  if (blockSize != 0)
    return refuse("its scales are per block");
  if (!cast<RankedTensorType>(reals.getType()).getElementType().isF32())
    return refuse("its reals are not f32");
  FailureOr<SmallVector<float>> scales = getConstantFloats(scale);
  ElementsAttr zeroValue = getConstantValue(zero);
  if (failed(scales) || !zeroValue)
    return refuse("its scale or zero point is not a constant of type f32");
  FailureOr<SmallVector<int64_t>> zeros = getConstantIntegers(zeroValue);
  if (failed(zeros))
    return refuse("its zero point cannot be read");
  if (zeros->size() != scales->size()) {
    size_t count = std::max(zeros->size(), scales->size());
    if (zeros->size() == 1)
      zeros->assign(count, zeros->front());
    else if (scales->size() == 1)
      scales->assign(count, scales->front());
    else
      return refuse("its scales and zero points differ in number");
  }
  if (scales->empty())
    return refuse("it has no scale");
  for (float value : *scales)
    if (!std::isfinite(value) || !(value > 0))
      return refuse("a scale is not finite and positive");
  Quantization result{*scales, *zeros, axis, storage};
  if (llvm::all_equal(result.scales) && llvm::all_equal(result.zeros)) {
    result.scales.truncate(1);
    result.zeros.truncate(1);
    result.axis = 0;
  }
  return result;
}

ElementsAttr qc::getFloatsAttr(MLIRContext *context, ArrayRef<int64_t> shape,
                               ArrayRef<float> values) {
  return getConstant(RankedTensorType::get(shape, Float32Type::get(context)),
                     ArrayRef(reinterpret_cast<const char *>(values.data()),
                              values.size() * sizeof(float)));
}

ElementsAttr qc::getIntegersAttr(IntegerType element, ArrayRef<int64_t> shape,
                                 ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get(shape, element);
  unsigned width = element.getWidth();
  SmallVector<char> bytes(getStorageBytes(type), 0);
  for (auto [index, value] : llvm::enumerate(values)) {
    if (width >= 8)
      std::memcpy(bytes.data() + index * (width / 8), &value, width / 8);
    else
      writeBits(bytes, index, width, static_cast<uint8_t>(value));
  }
  return getConstant(type, ArrayRef<char>(bytes));
}

Value qc::buildFloats(OpBuilder &builder, Location loc,
                      ArrayRef<float> values) {
  SmallVector<int64_t> shape;
  if (values.size() != 1)
    shape.push_back(values.size());
  ElementsAttr attribute = getFloatsAttr(builder.getContext(), shape, values);
  return ConstantOp::create(builder, loc, cast<Type>(attribute.getShapedType()),
                            attribute);
}

Value qc::buildInteger(OpBuilder &builder, Location loc, Type element,
                       int64_t value) {
  ElementsAttr attribute =
      getIntegersAttr(cast<IntegerType>(element), {}, value);
  return ConstantOp::create(builder, loc, cast<Type>(attribute.getShapedType()),
                            attribute);
}

int64_t qc::quantizeNumber(float x, float scale, int64_t zero,
                           IntegerType storage) {
  float scaled = x / scale;
  int64_t smallest = getSmallestCode(storage),
          largest = getLargestCode(storage);
  if (storage.getWidth() >= 32) {
    // The bounds are not floats: round, convert with saturation (NaN gives 0),
    // add modulo 2^32 as the op does.
    double rounded = std::isnan(scaled) ? 0.0 : std::nearbyint(scaled);
    rounded = std::min(std::max(rounded, static_cast<double>(smallest)),
                       static_cast<double>(largest));
    int64_t code = static_cast<int64_t>(rounded) + zero;
    return storage.isUnsigned()
               ? static_cast<int64_t>(static_cast<uint32_t>(code))
               : static_cast<int64_t>(static_cast<int32_t>(code));
  }
  float low = static_cast<float>(smallest - zero);
  float high = static_cast<float>(largest - zero);
  scaled = scaled > low ? scaled : low;
  scaled = scaled < high ? scaled : high;
  return static_cast<int64_t>(std::nearbyint(scaled)) + zero;
}

/// Calls `receive(position, parameter index)` for each element of a tensor of
/// `shape` in row-major order.
static void forEachWithParameter(ArrayRef<int64_t> shape,
                                 const Quantization &quantization,
                                 function_ref<void(int64_t, int64_t)> receive) {
  int64_t count = ShapedType::getNumElements(shape);
  int64_t extent = 1, inner = count;
  if (!quantization.isPerTensor()) {
    extent = shape[quantization.axis];
    inner = ShapedType::getNumElements(shape.drop_front(quantization.axis + 1));
  }
  for (int64_t position = 0; position < count; ++position)
    receive(position, extent == 1 ? 0 : position / inner % extent);
}

ElementsAttr qc::quantizeConstant(ElementsAttr reals,
                                  const Quantization &quantization) {
  if (!reals.getElementType().isF32())
    return {};
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(reals, scratch);
  if (failed(bytes))
    return {};
  ArrayRef<int64_t> shape = reals.getShapedType().getShape();
  SmallVector<int64_t> codes(ShapedType::getNumElements(shape));
  forEachWithParameter(
      shape, quantization, [&](int64_t position, int64_t index) {
        float x;
        std::memcpy(&x, bytes->data() + position * sizeof(float),
                    sizeof(float));
        codes[position] =
            quantizeNumber(x, quantization.scale(index),
                           quantization.zero(index), quantization.storage);
      });
  return getIntegersAttr(quantization.storage, shape, codes);
}

ElementsAttr qc::dequantizeConstant(ElementsAttr codes,
                                    const Quantization &quantization) {
  FailureOr<SmallVector<int64_t>> integers = getConstantIntegers(codes);
  if (failed(integers))
    return {};
  ArrayRef<int64_t> shape = codes.getShapedType().getShape();
  SmallVector<float> reals(integers->size());
  forEachWithParameter(
      shape, quantization, [&](int64_t position, int64_t index) {
        // The difference wraps in 32 bits as the op's does.
        auto centered = static_cast<int32_t>(static_cast<uint32_t>(
            (*integers)[position] - quantization.zero(index)));
        reals[position] =
            static_cast<float>(centered) * quantization.scale(index);
      });
  return getFloatsAttr(codes.getContext(), shape, reals);
}

ElementsAttr qc::transposeConstant(ElementsAttr value,
                                   ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  ArrayRef<int64_t> shape = type.getShape();
  size_t rank = shape.size();
  SmallVector<int64_t> strides(rank, 1), resultShape, resultStrides;
  for (size_t d = rank; d-- > 1;)
    strides[d - 1] = strides[d] * shape[d];
  for (int64_t d : permutation) {
    resultShape.push_back(shape[d]);
    resultStrides.push_back(strides[d]);
  }
  int64_t count = type.getNumElements();
  // Source position of each result element, counted like an odometer.
  auto forEachSource = [&](function_ref<void(int64_t, int64_t)> receive) {
    SmallVector<int64_t> index(rank, 0);
    int64_t source = 0;
    for (int64_t position = 0; position < count; ++position) {
      receive(position, source);
      for (size_t d = rank; d-- > 0;) {
        source += resultStrides[d];
        if (++index[d] < resultShape[d])
          break;
        source -= resultStrides[d] * resultShape[d];
        index[d] = 0;
      }
    }
  };
  Type element = type.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  auto resultType = RankedTensorType::get(resultShape, element);
  if (bits < 8 && bits != 1) {
    auto integer = dyn_cast<IntegerType>(element);
    FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(value);
    if (!integer || failed(codes))
      return {};
    SmallVector<int64_t> moved(count);
    forEachSource(
        [&](int64_t to, int64_t from) { moved[to] = (*codes)[from]; });
    return getIntegersAttr(integer, resultShape, moved);
  }
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
  if (failed(bytes))
    return {};
  size_t size = std::max(bits / 8, 1u);
  SmallVector<char> moved(bytes->size());
  forEachSource([&](int64_t to, int64_t from) {
    std::memcpy(moved.data() + to * size, bytes->data() + from * size, size);
  });
  return getConstant(resultType, ArrayRef<char>(moved));
}

ElementsAttr qc::reshapeConstant(ElementsAttr value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, value.getElementType());
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    return dense.reshape(type);
  return {};
}
