// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions whose products in the domain of a fast algorithm are those of
// 8-bit codes.
//
// Scales are per product for data (calibrated) and per product and output
// channel for weights, as He et al. have them (arXiv:2407.02913, section 4):
// the frequencies of natural images differ by far more than 8 bits.

#include "qc/Dialect/QC/Transforms/ConvTransform.h"

#include "ConvCost.h"
#include "ConvPadding.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace qc;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

//===----------------------------------------------------------------------===//
// The attribute
//===----------------------------------------------------------------------===//

FailureOr<std::optional<ConvTransform>> ConvTransform::get(ConvOp conv) {
  Attribute attribute = conv->getDiscardableAttr(attributeName);
  if (!attribute)
    return std::optional<ConvTransform>();
  auto fail = [&](const Twine &message) {
    return conv.emitError() << attributeName << ": " << message;
  };
  auto fields = dyn_cast<DictionaryAttr>(attribute);
  if (!fields)
    return fail("expected a dictionary");
  ConvTransform transform;
  for (NamedAttribute field : fields) {
    StringRef name = field.getName();
    if (name == "algorithm" && isa<StringAttr>(field.getValue())) {
      transform.algorithm = cast<StringAttr>(field.getValue()).str();
    } else if (name == "bits" && isa<IntegerAttr>(field.getValue())) {
      APInt bits = cast<IntegerAttr>(field.getValue()).getValue();
      if (bits.getSignificantBits() > 64)
        return fail("bits is " + llvm::toString(bits, 10, /*Signed=*/true) +
                    ", not 2 to 8");
      transform.bits = bits.getSExtValue();
    } else if (name == "scales" && isa<DenseF32ArrayAttr>(field.getValue())) {
      transform.scales.assign(
          cast<DenseF32ArrayAttr>(field.getValue()).asArrayRef());
    } else if (name == "offsets" && isa<DenseI64ArrayAttr>(field.getValue())) {
      transform.offsets.assign(
          cast<DenseI64ArrayAttr>(field.getValue()).asArrayRef());
    } else if (name == "weights" && isa<ElementsAttr>(field.getValue())) {
      transform.weights = cast<ElementsAttr>(field.getValue());
    } else if (name == "weight_scales" &&
               isa<DenseF32ArrayAttr>(field.getValue())) {
      transform.weightScales.assign(
          cast<DenseF32ArrayAttr>(field.getValue()).asArrayRef());
    } else if (name == "bias" && isa<DenseI64ArrayAttr>(field.getValue())) {
      transform.bias.assign(
          cast<DenseI64ArrayAttr>(field.getValue()).asArrayRef());
    } else {
      return fail("'" + name +
                  "' is not algorithm (a string), bits (an integer), scales or "
                  "weight_scales (array<f32>), offsets or bias (array<i64>) or "
                  "weights (integers)");
    }
  }
  if (transform.isDirect()) {
    if (fields.size() != 1)
      return fail("direct has no further fields");
    return std::optional(transform);
  }
  const FastConvolution *algorithm = getFastConvolution(transform.algorithm);
  if (!algorithm)
    return fail("unknown algorithm '" + transform.algorithm +
                "'; accepted are direct, " +
                llvm::join(getFastConvolutionNames(), ", "));
  if (transform.bits < 2 || transform.bits > 8)
    return fail("bits is " + Twine(transform.bits) + ", not 2 to 8");
  if (transform.isExact() && fields.contains("bits"))
    return fail("bits are of codes, which need scales");
  ArrayRef<int64_t> shape = typeOf(conv.getW()).getShape();
  size_t products = algorithm->getNumProducts(), channels = shape[0],
         inputs = shape[1];
  auto checkSize = [&](StringRef what, size_t count, size_t expected) {
    return count == 0 || (count == expected && !transform.isExact())
               ? success()
               : fail("has " + Twine(count) + " " + what + " and " +
                      Twine(transform.scales.size()) + " scales for " +
                      Twine(products) + " products");
  };
  size_t count = transform.scales.size();
  if (count != 0 && count != products && count != products * inputs)
    return fail("has " + Twine(count) + " scales for " + Twine(products) +
                " products and " + Twine(inputs) + " channels");
  if (failed(checkSize("offsets", transform.offsets.size(), products)) ||
      failed(checkSize("biases", transform.bias.size(), channels)) ||
      failed(checkSize("weight scales", transform.weightScales.size(),
                       products * channels)))
    return failure();
  if (transform.weights) {
    auto type = dyn_cast<RankedTensorType>(transform.weights.getType());
    if (!type || !type.getElementType().isSignedInteger(8) ||
        type.getShape() != ArrayRef<int64_t>{static_cast<int64_t>(products),
                                             shape[1], shape[0]})
      return fail("weights are not si8, " + Twine(products) + " x " +
                  Twine(inputs) + " x " + Twine(channels));
  }
  if (!transform.weights != transform.weightScales.empty())
    return fail("weights and weight_scales go together");
  for (ArrayRef<float> scales : {ArrayRef<float>(transform.scales),
                                 ArrayRef<float>(transform.weightScales)})
    for (float scale : scales)
      if (!(scale > 0) || !std::isfinite(scale) || !std::isfinite(1 / scale))
        return fail("a scale is not positive, or its inverse is infinite");
  for (int64_t offset : transform.offsets)
    if (offset < INT16_MIN || offset > INT16_MAX)
      return fail("offset " + Twine(offset) + " does not fit si16");
  for (int64_t bias : transform.bias)
    if (bias < INT32_MIN || bias > INT32_MAX)
      return fail("bias " + Twine(bias) + " does not fit si32");
  return std::optional(transform);
}

DictionaryAttr ConvTransform::getAttribute(MLIRContext *context) const {
  Builder builder(context);
  SmallVector<NamedAttribute> fields{
      builder.getNamedAttr("algorithm", builder.getStringAttr(algorithm))};
  if (!isExact()) {
    fields.push_back(
        builder.getNamedAttr("bits", builder.getI64IntegerAttr(bits)));
    fields.push_back(
        builder.getNamedAttr("scales", builder.getDenseF32ArrayAttr(scales)));
  }
  if (!offsets.empty())
    fields.push_back(
        builder.getNamedAttr("offsets", builder.getDenseI64ArrayAttr(offsets)));
  if (weights) {
    fields.push_back(builder.getNamedAttr("weights", weights));
    fields.push_back(builder.getNamedAttr(
        "weight_scales", builder.getDenseF32ArrayAttr(weightScales)));
  }
  if (!bias.empty())
    fields.push_back(
        builder.getNamedAttr("bias", builder.getDenseI64ArrayAttr(bias)));
  return builder.getDictionaryAttr(fields);
}

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

/// "sfc-6" of "sfc-6(6x6,3x3)".
static StringRef getFamily(StringRef name) {
  return name.substr(0, name.find('('));
}

LogicalResult qc::checkConvAlgorithm(Operation *op, StringRef force) {
  if (force == "auto" || force == "direct" ||
      llvm::any_of(getFastConvolutionNames(), [&](StringRef name) {
        return force == name || force == getFamily(name);
      }))
    return success();
  return op->emitError("unknown algorithm '")
         << force << "'; accepted are direct, auto, a family (sfc-6) or one of "
         << llvm::join(getFastConvolutionNames(), ", ");
}

bool qc::signWeights(ConvOp conv) {
  OpBuilder builder(conv);
  return signWeights(builder, conv.getWMutable(), conv.getWZeroMutable());
}

/// The float that `pad` fills with, where that is a constant.
static std::optional<float> getPadFloat(PadOp pad) {
  FailureOr<SmallVector<float>> values = getConstantFloats(pad.getValue());
  if (failed(values) || values->size() != 1)
    return std::nullopt;
  return values->front();
}

std::string qc::getTransformObstacle(ConvOp conv, bool mayHaveGroups) {
  RankedTensorType x = typeOf(conv.getX()), w = typeOf(conv.getW()),
                   y = typeOf(conv.getY());
  auto isOne = [](int64_t value) { return value == 1; };
  if (x.getRank() != 4)
    return x.getRank() == 3 ? "it is one-dimensional"
                            : "it has neither one nor two dimensions";
  if (llvm::any_of(ArrayRef{x, w, y}, [](RankedTensorType type) {
        return llvm::is_contained(type.getShape(), 0);
      }))
    return "it is empty";
  if (!llvm::all_of(conv.getStrides(), isOne))
    return "its stride is not 1";
  if (!llvm::all_of(conv.getDilations(), isOne))
    return "its dilation is not 1";
  if (conv.getGroup() != 1 && !mayHaveGroups)
    return "it has groups";
  if (conv.isDepthwise())
    return "it is depthwise";
  if (!conv.getW().getDefiningOp<ConstantOp>())
    return "its weights are not constant";
  if (x.getElementType().isF32()) {
    // Transforms mix all pixels of a tile.
    Value source = conv.getX();
    if (auto reshape = source.getDefiningOp<ReshapeOp>())
      source = reshape.getX();
    auto pad = source.getDefiningOp<PadOp>();
    bool isFinite = !pad || pad.getMode() != PadMode::Constant ||
                    std::isfinite(getPadFloat(pad).value_or(0));
    return isFinite ? "" : "it is padded with a value that is not finite";
  }
  auto codes = dyn_cast<IntegerType>(w.getElementType());
  if (!isa<IntegerType>(x.getElementType()) ||
      x.getElementTypeBitWidth() != 8 || !codes || !codes.isSigned() ||
      codes.getWidth() < 2 || codes.getWidth() > 8)
    return "its operands are neither f32 nor 8-bit codes with signed weights "
           "of 2 to 8 bits";
  if (y.getElementTypeBitWidth() != 32)
    return "its sums need 64 bits";
  if (conv.getWZero())
    return "its weights have a zero point";
  // Transforms know no zero points: that of x must fold into the bias.
  if (Value zero = conv.getXZero()) {
    if (!getConstantValue(zero) ||
        typeOf(zero).getElementType() != x.getElementType())
      return "its input's zero point is not a constant of the input's type";
    if (conv.getBias() && !getConstantValue(conv.getBias()))
      return "its input has a zero point, and its bias is not constant";
  }
  return "";
}

/// Largest |sum| of a convolution of constant 8-bit weights with any input.
static std::optional<int64_t> getLargestSum(ConvOp conv) {
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(conv.getW());
  if (failed(codes))
    return std::nullopt;
  int64_t channels = typeOf(conv.getW()).getDimSize(0), largest = 0;
  int64_t perChannel = codes->size() / channels;
  for (int64_t k = 0; k < channels; ++k) {
    int64_t sum = 0;
    for (int64_t code : ArrayRef(*codes).slice(k * perChannel, perChannel))
      sum += std::abs(code);
    largest = std::max(largest, sum);
  }
  // Codes are at most 255 in either sign.
  return largest * 255;
}

/// Why sums of the integer convolution `conv` are too large for `algorithm`'s
/// exact quotients; empty if they are not.
static std::string getSumObstacle(ConvOp conv,
                                  const FastConvolution &algorithm) {
  // Quotients of sums modulo 2^32: see qc.sfc_output_transform.
  int64_t even = algorithm.denominator & -algorithm.denominator;
  std::optional<int64_t> largest = getLargestSum(conv);
  if (!largest || *largest > INT32_MAX / even)
    return "its sums times " + std::to_string(even) + " exceed 32 bits";
  return "";
}

/// Channels below which the choice by cost leaves a convolution direct, and how
/// many times faster than that another form must be expected to be.
constexpr int64_t fewestChannels = 16;
constexpr double worthwhileGain = 1.15;

/// Whether `algorithm` may be chosen without being asked for. Integers are
/// exact in any; floats lose digits in Winograd's larger tiles, where those of
/// 4 x 4 (2e-6 to 4e-6 of the result's root mean square at 64 to 512 channels,
/// direct sums 8e-7 to 2e-6) are the last that do not matter.
static bool isAccurate(const FastConvolution &algorithm, bool isInteger) {
  StringRef name = algorithm.name;
  return !name.starts_with("winograd") ||
         (!isInteger && algorithm.outputs[0] <= 4 &&
          algorithm.outputs[1] <= 4 && algorithm.taps[0] <= 3 &&
          algorithm.taps[1] <= 3);
}

/// Whether 8-bit codes, and for exact products weights, of any value are
/// transformed in 16 bits.
static bool fitsCodes(const FastConvolution &algorithm, bool isExact) {
  return fitsInt16(algorithm, {0, 255}) && fitsInt16(algorithm, {-128, 127}) &&
         (!isExact || getLargestFactor(algorithm, 128) <= INT16_MAX);
}

const FastConvolution *qc::chooseFastConvolution(ConvOp conv, StringRef force,
                                                 bool isExact, bool dotProduct,
                                                 std::string &reason,
                                                 bool isGroup) {
  if (reason = getTransformObstacle(conv); !reason.empty())
    return nullptr;
  RankedTensorType w = typeOf(conv.getW()), y = typeOf(conv.getY());
  ConvShape shape{y.getDimSize(0),
                  w.getDimSize(1),
                  w.getDimSize(0),
                  {y.getDimSize(2), y.getDimSize(3)},
                  isa<IntegerType>(y.getElementType()),
                  isGroup,
                  getWeightBound(conv.getW())};
  bool isAuto = force == "auto";
  if (isAuto) {
    // Vectors along few channels are mostly empty, and 16-bit products read
    // channels in pairs.
    if (std::min(shape.inputChannels, shape.outputChannels) < fewestChannels)
      reason = "it has few channels";
    else if (shape.isInteger && isExact && shape.inputChannels % 2 != 0)
      reason = "it has an odd number of channels";
    if (!reason.empty())
      return nullptr;
  }
  // Which member of a family an approximation has does not depend on the CPU:
  // its results are the same on all.
  ByteProducts exactProducts =
      dotProduct ? ByteProducts::DotProduct : ByteProducts::Widened;
  ByteProducts products = isExact                 ? exactProducts
                          : dotProduct || !isAuto ? ByteProducts::Codes
                                                  : ByteProducts::WidenedCodes;
  const FastConvolution *best = nullptr;
  double least = 0;
  reason = "no algorithm is for its window";
  for (StringRef name : getFastConvolutionNames()) {
    if (!isAuto && name != force && getFamily(name) != force)
      continue;
    const FastConvolution *candidate = getFastConvolution(name);
    if (candidate->taps[0] != w.getDimSize(2) ||
        candidate->taps[1] != w.getDimSize(3) ||
        (isAuto && !isAccurate(*candidate, shape.isInteger)))
      continue;
    double cost =
        getTransformedCost(shape, *candidate, products, defaultBandBytes);
    if (best && cost >= least)
      continue;
    // Asked last: finding an algorithm's programs takes longer than its cost.
    if (shape.isInteger && !fitsCodes(*candidate, isExact)) {
      reason = "its transformed codes do not fit 16 bits";
      continue;
    }
    best = candidate;
    least = cost;
  }
  if (isAuto && best &&
      least * worthwhileGain >
          getDirectCost(shape, w.getShape().drop_front(2), exactProducts)) {
    reason = "it would not be faster";
    return nullptr;
  }
  if (!best)
    return nullptr;
  // An approximation must save what it costs in accuracy, too.
  if (std::string ignored; isAuto && !isExact)
    if (const FastConvolution *exact = chooseFastConvolution(
            conv, force, /*isExact=*/true, dotProduct, ignored, isGroup);
        exact && least * worthwhileGain >
                     getTransformedCost(shape, *exact, exactProducts,
                                        defaultBandBytes)) {
      reason = "it would not be faster than with exact products";
      return nullptr;
    }
  reason.clear();
  if (isExact && shape.isInteger)
    reason = getSumObstacle(conv, *best);
  return reason.empty() ? best : nullptr;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// The convolution's input with `below` rows and `right` columns of `fill`
/// more.
static Value extendInput(OpBuilder &builder, ConvOp conv, Value fill,
                         int64_t below, int64_t right) {
  Value x = conv.getX();
  if (below == 0 && right == 0)
    return x;
  Location loc = conv.getLoc();
  // No used output depends on what a tile sticks out by, so that an existing
  // padding may grow: with integers, and with zeros. The rounding of other
  // floats does reach used outputs. Transformed codes depend on it, too: the
  // zero point is what makes them no larger.
  auto pad = x.getDefiningOp<PadOp>();
  SmallVector<int64_t> pads(pad ? pad.getPads() : ArrayRef<int64_t>());
  // Less of a crop would uncover what the convolution does not read.
  if (pad && pad->hasOneUse() && pad.getMode() == PadMode::Constant &&
      pads[6] >= 0 && pads[7] >= 0 &&
      (isa<IntegerType>(typeOf(x).getElementType()) || getPadFloat(pad) == 0)) {
    pads[6] += below;
    pads[7] += right;
    Value extended = PadOp::create(builder, loc, pad.getX(), pad.getValue(),
                                   pads, PadMode::Constant);
    return extended;
  }
  if (!fill)
    fill = buildZero(builder, loc, typeOf(x).getElementType());
  return PadOp::create(builder, loc, x, fill,
                       ArrayRef<int64_t>{0, 0, 0, 0, 0, 0, below, right},
                       PadMode::Constant);
}

Value qc::buildInputTransform(OpBuilder &builder, ConvOp conv,
                              const FastConvolution &algorithm,
                              ArrayRef<int64_t> offsets) {
  Value fill = conv.getXZero();
  if (fill && typeOf(fill).getRank() != 0)
    fill = {};
  materializePadding(conv);
  foldInputZero(conv);
  RankedTensorType y = typeOf(conv.getY());
  auto missing = [&](unsigned d) -> int64_t {
    int64_t size = y.getDimSize(2 + d);
    return llvm::alignTo(size, algorithm.outputs[d]) - size;
  };
  builder.setInsertionPoint(conv);
  Value x = extendInput(builder, conv, fill, missing(0), missing(1));
  return SFCInputTransformOp::create(
      builder, conv.getLoc(), x, builder.getStringAttr(algorithm.name),
      offsets.empty() ? DenseI64ArrayAttr()
                      : builder.getDenseI64ArrayAttr(offsets));
}

Value qc::buildTransformBias(OpBuilder &builder, ConvOp conv,
                             const ConvTransform &transform) {
  Value own = conv.getBias();
  if (transform.bias.empty())
    return own;
  auto si32 = builder.getIntegerType(32, /*isSigned=*/true);
  SmallVector<int64_t> sums(transform.bias);
  FailureOr<SmallVector<int64_t>> codes = failure();
  if (own)
    codes = getConstantCodes(own);
  // As sums of 32 bits are: modulo 2^32.
  if (succeeded(codes))
    for (auto [sum, code] : llvm::zip_equal(sums, *codes))
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum + code));
  Location loc = conv.getLoc();
  ElementsAttr value =
      getIntegersAttr(si32, {static_cast<int64_t>(sums.size())}, sums);
  Value bias = ConstantOp::create(builder, loc, value.getType(), value);
  if (!own || succeeded(codes))
    return bias;
  return AddOp::create(builder, loc, own, bias);
}

SmallVector<IntegerRange>
qc::getInputTransformRanges(const FastConvolution &algorithm, Type element) {
  auto type = cast<IntegerType>(element);
  return getFactorRanges(algorithm,
                         {getSmallestCode(type), getLargestCode(type)});
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

namespace {

/// Weights of one product and output channel as codes.
struct Column {
  SmallVector<int64_t> codes;
  double scale = 1;
};

/// What stands between the products of codes and the output transform: one
/// entry per product and output channel, row-major.
struct Factors {
  SmallVector<int64_t> weights, constants; ///< T x C x K, T x K
  SmallVector<double> scales; ///< of u v in sums of the convolution
  SmallVector<double> bounds; ///< of |m| in the same unit
  SmallVector<double> noises; ///< variance that rounding v causes
};

} // namespace

/// Symmetric codes of `bits` bits with the clip, of 1, 0.95 … 0.35 times the
/// largest magnitude, of least squared error. With 8 bits clipping hardly ever
/// pays, and networks have many weights.
static Column quantizeColumn(ArrayRef<double> values, int64_t bits) {
  int64_t levels = (int64_t(1) << (bits - 1)) - 1;
  double largest = 0;
  for (double value : values)
    largest = std::max(largest, std::abs(value));
  Column column;
  if (largest > 0) {
    double least = 0;
    for (int percent = 100; percent >= (bits < 8 ? 35 : 100); percent -= 5) {
      double scale = largest * percent / (100. * levels), error = 0;
      for (double value : values) {
        double code =
            std::min<double>(std::rint(std::abs(value) / scale), levels);
        double rest = std::abs(value) - code * scale;
        error += rest * rest;
      }
      if (percent == 100 || error < least) {
        least = error;
        column.scale = scale;
      }
    }
  }
  for (double value : values) {
    auto code = static_cast<int64_t>(std::rint(value / column.scale));
    column.codes.push_back(std::clamp(code, -levels, levels));
  }
  return column;
}

/// The weights w (K x C x taps) as codes; null, with a reason, if a sum might
/// leave 32 bits.
static std::optional<Factors> getFactors(ArrayRef<int64_t> w, int64_t channels,
                                         const FastConvolution &algorithm,
                                         const ConvTransform &transform,
                                         std::string &reason) {
  const IntegerMatrix &matrix = algorithm.weightTransform;
  int64_t products = matrix.rows, taps = matrix.columns,
          inputs = static_cast<int64_t>(w.size()) / (channels * taps),
          zero = int64_t(1) << (transform.bits - 1);
  // With one channel both are the same.
  bool hasChannelScales =
      static_cast<int64_t>(transform.scales.size()) != products;
  Factors factors;
  factors.weights.resize(products * inputs * channels);
  SmallVector<int64_t> given;
  if (transform.weights) {
    FailureOr<SmallVector<int64_t>> codes =
        getConstantIntegers(transform.weights);
    if (failed(codes)) {
      reason = "the weights of its transform cannot be read";
      return std::nullopt;
    }
    given = std::move(*codes);
  }
  reason = "sums of its products may exceed 32 bits";
  SmallVector<double> column(inputs);
  for (int64_t t = 0; t < products; ++t) {
    int64_t offset = transform.offsets.empty() ? 0 : transform.offsets[t];
    for (int64_t k = 0; k < channels; ++k) {
      int64_t exactSum = 0;
      for (int64_t c = 0; c < inputs; ++c) {
        int64_t exact = 0;
        for (int64_t j = 0; j < taps; ++j)
          exact += matrix.at(t, j) * w[(k * inputs + c) * taps + j];
        exactSum += exact;
        float scale = transform.scales[hasChannelScales ? t * inputs + c : t];
        column[c] = static_cast<double>(scale) * static_cast<double>(exact);
      }
      Column u;
      if (given.empty()) {
        u = quantizeColumn(column, transform.bits);
      } else {
        for (int64_t c = 0; c < inputs; ++c)
          u.codes.push_back(given[(t * inputs + c) * channels + k]);
        u.scale = transform.weightScales[t * channels + k];
      }
      // Codes behind the zero point are -zero … zero - 1.
      int64_t sum = 0, squares = 0, low = 0, high = 0;
      for (auto [c, code] : llvm::enumerate(u.codes)) {
        factors.weights[(t * inputs + c) * channels + k] = code;
        sum += code;
        squares += code * code;
        low += std::min(-zero * code, (zero - 1) * code);
        high += std::max(-zero * code, (zero - 1) * code);
      }
      // v = scale code - offset. The offset's share is that of the exact
      // weights: rounded once here, it brings no noise of weights.
      double shift = std::rint(-static_cast<double>(offset) *
                               static_cast<double>(exactSum) / u.scale);
      double reach = std::max(std::abs(static_cast<double>(low) + shift),
                              std::abs(static_cast<double>(high) + shift));
      // The sum before the constant is added fits, too.
      if (!(reach + static_cast<double>(zero) * std::abs(double(sum)) <=
            INT32_MAX))
        return std::nullopt;
      factors.constants.push_back(static_cast<int64_t>(shift) - zero * sum);
      double unit = u.scale / static_cast<double>(algorithm.denominator);
      factors.scales.push_back(unit);
      factors.bounds.push_back(reach * unit);
      factors.noises.push_back(unit * unit * static_cast<double>(squares) / 12);
    }
  }
  // Rounding m adds at most half a unit to each, which is at most the bound's
  // 2^-15.
  const IntegerMatrix &output = algorithm.outputTransform;
  for (int64_t k = 0; k < channels; ++k)
    for (int64_t j = 0; j < output.rows; ++j) {
      double bound = 0;
      for (int64_t t = 0; t < products; ++t)
        bound +=
            std::abs(output.at(j, t)) * (factors.bounds[t * channels + k] + 1);
      if (!(bound * (1 + 1e-4) <= INT32_MAX))
        return std::nullopt;
    }
  reason.clear();
  return factors;
}

/// The unit of m per output channel: the smallest power of two for which m fits
/// si16; none if the rounding to it would add more than a sixteenth (0.26 dB)
/// to the noise of the rounded data.
static std::optional<SmallVector<int64_t>>
getUnits(const Factors &factors, const FastConvolution &algorithm,
         int64_t channels) {
  const IntegerMatrix &output = algorithm.outputTransform;
  SmallVector<int64_t> units;
  double share = 0;
  for (int64_t k = 0; k < channels; ++k) {
    double bound = 0, rounding = 0, noise = 0;
    for (int64_t t = 0; t < output.columns; ++t) {
      double gain = 0;
      for (int64_t j = 0; j < output.rows; ++j)
        gain += output.at(j, t) * output.at(j, t);
      bound = std::max(bound, factors.bounds[t * channels + k]);
      rounding += gain / 12;
      noise += gain * factors.noises[t * channels + k];
    }
    int64_t unit = 1;
    // Two f32 roundings in factor and product are far less than the 1/2.
    while (bound > 32767 * static_cast<double>(unit))
      unit *= 2;
    units.push_back(unit);
    if (unit > 1)
      share += rounding * static_cast<double>(unit * unit) / noise;
  }
  if (share > static_cast<double>(channels) / 16)
    return std::nullopt;
  return units;
}

Value qc::buildQuantizedTransform(OpBuilder &builder, ConvOp conv,
                                  const FastConvolution &algorithm,
                                  const ConvTransform &transform,
                                  std::string &reason) {
  RankedTensorType w = typeOf(conv.getW()), y = typeOf(conv.getY());
  int64_t channels = w.getDimSize(0), inputs = w.getDimSize(1),
          products = algorithm.getNumProducts();
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(conv.getW());
  if (failed(codes)) {
    reason = "its weights cannot be read";
    return {};
  }
  std::optional<Factors> factors =
      getFactors(*codes, channels, algorithm, transform, reason);
  if (!factors)
    return {};
  std::optional<SmallVector<int64_t>> narrow =
      getUnits(*factors, algorithm, channels);
  SmallVector<int64_t> units =
      narrow.value_or(SmallVector<int64_t>(channels, 1));
  SmallVector<float> multipliers, scales;
  for (float scale : transform.scales)
    multipliers.push_back(1 / scale);
  bool hasChannelScales =
      static_cast<int64_t>(transform.scales.size()) != products;
  for (auto [index, scale] : llvm::enumerate(factors->scales))
    scales.push_back(static_cast<float>(
        scale / static_cast<double>(units[index % channels])));

  Location loc = conv.getLoc();
  Value v = buildInputTransform(builder, conv, algorithm, transform.offsets);
  IntegerType ui8 = builder.getIntegerType(8, /*isSigned=*/false),
              si8 = builder.getIntegerType(8, true),
              si16 = builder.getIntegerType(16, true),
              si32 = builder.getIntegerType(32, true);
  auto constant = [&](ElementsAttr value) -> Value {
    return ConstantOp::create(builder, loc, cast<Type>(value.getShapedType()),
                              value);
  };
  Value one = buildFloats(builder, loc, {1.0f}),
        zero =
            buildInteger(builder, loc, ui8, int64_t(1) << (transform.bits - 1));
  if (hasChannelScales) {
    // What qc.requantize does, with a multiplier for each row and column.
    v = RescaleOp::create(builder, loc, v, one,
                          buildInteger(builder, loc, si16, 0), 0);
    v = MulOp::create(
        builder, loc, v,
        constant(getFloatsAttr(builder.getContext(), {products, 1, inputs},
                               multipliers)));
    v = RoundSaturateOp::create(builder, loc, v, zero);
  } else {
    v = RequantizeOp::create(builder, loc, v,
                             buildFloats(builder, loc, multipliers), zero, 0);
  }
  if (transform.bits < 8)
    v = MinOp::create(
        builder, loc, v,
        buildInteger(builder, loc, ui8, (int64_t(1) << transform.bits) - 1));
  Value u = constant(
      getIntegersAttr(si8, {products, inputs, channels}, factors->weights));
  Value m = MatMulOp::create(builder, loc, v, u, Value(), Value(), TypeAttr());
  m = AddOp::create(builder, loc, m,
                    constant(getIntegersAttr(si32, {products, 1, channels},
                                             factors->constants)));
  m = RescaleOp::create(builder, loc, m, one,
                        buildInteger(builder, loc, si32, 0), 0);
  m = MulOp::create(builder, loc, m,
                    constant(getFloatsAttr(builder.getContext(),
                                           {products, 1, channels}, scales)));
  m = RoundSaturateOp::create(
      builder, loc, m, buildInteger(builder, loc, narrow ? si16 : si32, 0));
  Value result = SFCOutputTransformOp::create(
      builder, loc, m, builder.getStringAttr(algorithm.name), y.getDimSize(2),
      y.getDimSize(3), 1);
  if (llvm::any_of(units, [](int64_t unit) { return unit != 1; }))
    result =
        MulOp::create(builder, loc, result,
                      constant(getIntegersAttr(si32, {channels, 1, 1}, units)));
  return result;
}
