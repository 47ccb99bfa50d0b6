// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes on codes what stands between dequantize and quantize.
//
// Two steps. Contractions of dequantized operands become integer contractions,
// whose accumulators qc.rescale brings back to reals; what follows does not
// matter to them. Then each quantize looks backwards: if it finds nothing but
// adds, clamps and movement up to accumulators and codes, the whole chain is
// computed in units of the quantize's scale and the division goes away; if it
// finds one tensor of 8-bit codes behind elementwise functions, they become a
// table. The numerics are stated in the pass's description (Passes.td).

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/CodeTables.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

namespace qc {
#define GEN_PASS_DEF_TOINTEGER
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

Value buildConstant(OpBuilder &builder, Location loc, ElementsAttr value) {
  return ConstantOp::create(builder, loc, cast<Type>(value.getShapedType()),
                            value);
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// One dequantized operand of a contraction.
struct CodesOperand {
  Value codes;
  Quantization parameters;
};

/// The codes behind `value` if they have at most `bits` bits.
FailureOr<CodesOperand> getCodes(Value value, unsigned bits, StringRef name,
                                 std::string &reason) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  if (!dequantize) {
    reason = (name + " is not dequantized").str();
    return failure();
  }
  std::string detail;
  FailureOr<Quantization> parameters = getQuantization(dequantize, &detail);
  if (failed(parameters)) {
    reason = (name + ": " + detail).str();
    return failure();
  }
  if (parameters->storage.getWidth() > bits) {
    reason = (name + " has codes of more than " + Twine(bits) + " bits").str();
    return failure();
  }
  return CodesOperand{dequantize.getQ(), *parameters};
}

/// A contraction in terms that conv and matmul share. Channels are the
/// dimension of the result along which scales and biases vary.
struct Contraction {
  Operation *op;
  CodesOperand lhs, rhs;
  int64_t channelAxis;
  int64_t channels;
  /// fl(s_x s_w), one or one per channel.
  SmallVector<float> scales;
  /// sum_k |w - w_zero| max|x - x_zero| per channel: bounds every partial sum.
  SmallVector<double> bounds;
};

/// Largest |code - zero| of a storage type.
double largestMagnitude(const Quantization &parameters, int64_t index) {
  return std::max(
      std::abs(double(parameters.smallest() - parameters.zero(index))),
      std::abs(double(parameters.largest() - parameters.zero(index))));
}

/// Bounds of the accumulators: from the values of constant weights, whose
/// channel is dimension `channelDim`, else from their type.
LogicalResult computeBounds(Contraction &contraction, const CodesOperand &data,
                            const CodesOperand &weights, int64_t channelDim,
                            int64_t terms) {
  double x = largestMagnitude(data.parameters, 0);
  contraction.bounds.assign(contraction.channels, 0);
  ElementsAttr value = getConstantValue(weights.codes);
  if (!value) {
    for (int64_t channel = 0; channel < contraction.channels; ++channel)
      contraction.bounds[channel] =
          terms * x * largestMagnitude(weights.parameters, channel);
    return success();
  }
  FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(value);
  if (failed(codes))
    return failure();
  ArrayRef<int64_t> shape = typeOf(weights.codes).getShape();
  int64_t inner = ShapedType::getNumElements(shape.drop_front(channelDim + 1));
  // Batched matrices share channels: every batch adds, which is a bound too
  // large, but one that needs no case of its own.
  for (auto [position, code] : llvm::enumerate(*codes)) {
    int64_t channel = position / inner % shape[channelDim];
    contraction.bounds[channel] +=
        x * std::abs(double(code - weights.parameters.zero(channel)));
  }
  return success();
}

/// Describes `op` if both its operands are dequantized 8-bit codes with
/// parameters that the integer form can carry; `reason` says why not.
FailureOr<Contraction> matchContraction(Operation *op, std::string &reason) {
  auto result = typeOf(op->getResult(0));
  if (!result.getElementType().isF32()) {
    reason = "it does not compute in f32";
    return failure();
  }
  FailureOr<CodesOperand> lhs =
      getCodes(op->getOperand(0), 8, "the left operand", reason);
  if (failed(lhs))
    return failure();
  FailureOr<CodesOperand> rhs =
      getCodes(op->getOperand(1), 8, "the right operand", reason);
  if (failed(rhs))
    return failure();
  Contraction contraction{op, *lhs, *rhs, 0, 1, {}, {}};
  int64_t terms;
  const CodesOperand *weights = &contraction.rhs, *data = &contraction.lhs;
  int64_t weightsAxis;
  if (auto conv = dyn_cast<ConvOp>(op)) {
    ArrayRef<int64_t> w = typeOf(conv.getW()).getShape();
    contraction.channelAxis = 1;
    weightsAxis = 0;
    terms = ShapedType::getNumElements(w.drop_front());
  } else {
    int64_t rank = result.getRank();
    ArrayRef<int64_t> a = typeOf(op->getOperand(0)).getShape();
    ArrayRef<int64_t> b = typeOf(op->getOperand(1)).getShape();
    terms = a.back();
    contraction.channelAxis = rank - 1;
    weightsAxis = b.size() - 1;
    if (!lhs->parameters.isPerTensor()) {
      // Scales per row: the left operand is the one with channels.
      std::swap(weights, data);
      contraction.channelAxis = rank - 2;
      weightsAxis = a.size() - 2;
    }
  }
  if (!data->parameters.isPerTensor()) {
    reason = "its data have parameters per axis";
    return failure();
  }
  if (!weights->parameters.isPerTensor() &&
      weights->parameters.axis != weightsAxis) {
    reason = "its weights have parameters along an axis that is summed";
    return failure();
  }
  contraction.channels = result.getDimSize(contraction.channelAxis);
  float dataScale = data->parameters.scale();
  for (float scale : weights->parameters.scales) {
    float product = dataScale * scale;
    if (!std::isnormal(product)) {
      reason = "the product of its scales is outside the range of f32";
      return failure();
    }
    contraction.scales.push_back(product);
  }
  if (failed(computeBounds(contraction, *data, *weights, weightsAxis, terms))) {
    reason = "its weights cannot be read";
    return failure();
  }
  for (double bound : contraction.bounds)
    if (bound > double(std::numeric_limits<int32_t>::max())) {
      reason = "its accumulators could leave 32 bits";
      return failure();
    }
  return contraction;
}

/// A bias as numbers per channel: codes of accumulators' scale, or reals.
struct Bias {
  /// Codes, exact; empty if only reals are known.
  SmallVector<int64_t> codes;
  SmallVector<double> reals;
};

/// The constant bias `value`, one number or one per channel; fails if it is
/// not constant or int32 codes of another scale, which stay float.
FailureOr<Bias> matchBias(Value value, const Contraction &contraction) {
  int64_t channels = contraction.channels;
  auto fits = [&](size_t count) {
    return count == 1 || count == static_cast<size_t>(channels);
  };
  Bias bias;
  if (auto dequantize = value.getDefiningOp<DequantizeOp>()) {
    FailureOr<Quantization> parameters = getQuantization(dequantize);
    ElementsAttr codesValue = getConstantValue(dequantize.getQ());
    if (failed(parameters) || !codesValue)
      return failure();
    FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(codesValue);
    if (failed(codes) || !fits(codes->size()))
      return failure();
    bool agrees = parameters->storage.getWidth() == 32;
    // Numbers along one dimension: the index is the channel's.
    for (int64_t channel = 0; channel < channels; ++channel) {
      double scale = contraction.scales.size() == 1
                         ? contraction.scales[0]
                         : contraction.scales[channel];
      int64_t index = codes->size() == 1 ? 0 : channel;
      float own = parameters->scale(index);
      agrees &= parameters->zero(index) == 0 &&
                std::abs(own / scale - 1) <= std::ldexp(1.0, -22);
      int64_t code = (*codes)[index];
      bias.codes.push_back(code);
      bias.reals.push_back(static_cast<float>(code - parameters->zero(index)) *
                           own);
    }
    if (!agrees && parameters->storage.getWidth() == 32)
      return failure();
    if (!agrees)
      bias.codes.clear();
    return bias;
  }
  FailureOr<SmallVector<float>> reals = getConstantFloats(value);
  if (failed(reals) || !fits(reals->size()))
    return failure();
  for (int64_t channel = 0; channel < channels; ++channel)
    bias.reals.push_back((*reals)[reals->size() == 1 ? 0 : channel]);
  return bias;
}

/// rint(b / scale) for each channel, or failure from 2^30 on.
FailureOr<SmallVector<int64_t>> quantizeBias(ArrayRef<double> reals,
                                             ArrayRef<float> scales) {
  SmallVector<int64_t> codes;
  for (auto [channel, real] : llvm::enumerate(reals)) {
    float scale = scales[scales.size() == 1 ? 0 : channel];
    float code = std::nearbyint(static_cast<float>(real) / scale);
    if (!(std::abs(code) < std::ldexp(1.0f, 30)))
      return failure();
    codes.push_back(static_cast<int64_t>(code));
  }
  return codes;
}

/// Whether `value` broadcasts to `type` along `axis` only.
bool variesAlong(Value value, RankedTensorType type, int64_t axis) {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  int64_t offset = type.getRank() - static_cast<int64_t>(shape.size());
  if (offset < 0)
    return false;
  for (auto [dim, size] : llvm::enumerate(shape))
    if (size != 1 && static_cast<int64_t>(dim) + offset != axis)
      return false;
  return true;
}

/// `values` (one per channel) as a constant that broadcasts along `axis`.
template <typename Get>
Value buildPerChannel(OpBuilder &builder, Location loc, int64_t rank,
                      int64_t axis, size_t count, Get get) {
  SmallVector<int64_t> shape(rank - axis, 1);
  shape.front() = count;
  return buildConstant(builder, loc, get(shape));
}

class ToIntegerRewriter {
public:
  explicit ToIntegerRewriter(MLIRContext *context) : rewriter(context) {}

  IRRewriter rewriter;
  int64_t numContractions = 0, numRequantized = 0, numTables = 0;

  bool convertContraction(Operation *op);
  bool convertQuantize(QuantizeOp op);

private:
  IntegerType signed32() {
    return IntegerType::get(rewriter.getContext(), 32, IntegerType::Signed);
  }
  Value buildAccumulator(const Contraction &contraction,
                         ArrayRef<int64_t> bias);
  Value buildZero(const CodesOperand &operand, Location loc);

  Value buildInUnits(Value value, float scale);
  Value buildChain(QuantizeOp op, const Quantization &target);
  Value buildMean(QuantizeOp op, const Quantization &target);
  Value buildTable(QuantizeOp op, const Quantization &target);

  /// Values of the chain under construction in units of the output's scale.
  DenseMap<Value, Value> inUnits;
};

} // namespace

/// The zero point operand of a contraction, or null for zero.
Value ToIntegerRewriter::buildZero(const CodesOperand &operand, Location loc) {
  const Quantization &parameters = operand.parameters;
  if (llvm::all_of(parameters.zeros, [](int64_t zero) { return zero == 0; }))
    return {};
  if (llvm::all_equal(parameters.zeros))
    return buildInteger(rewriter, loc, parameters.storage,
                        parameters.zeros.front());
  return buildConstant(
      rewriter, loc,
      getIntegersAttr(parameters.storage,
                      {static_cast<int64_t>(parameters.zeros.size())},
                      parameters.zeros));
}

Value ToIntegerRewriter::buildAccumulator(const Contraction &contraction,
                                          ArrayRef<int64_t> bias) {
  Location loc = contraction.op->getLoc();
  Value lhsZero = buildZero(contraction.lhs, loc);
  Value rhsZero = buildZero(contraction.rhs, loc);
  int64_t channels = contraction.channels;
  if (auto conv = dyn_cast<ConvOp>(contraction.op)) {
    Value biasValue;
    if (!bias.empty())
      biasValue = buildConstant(rewriter, loc,
                                getIntegersAttr(signed32(), channels, bias));
    return ConvOp::create(rewriter, loc, contraction.lhs.codes,
                          contraction.rhs.codes, biasValue, lhsZero, rhsZero,
                          conv.getStrides(), conv.getPads(),
                          conv.getDilations(), conv.getGroup());
  }
  Value sum = MatMulOp::create(rewriter, loc, contraction.lhs.codes,
                               contraction.rhs.codes, lhsZero, rhsZero);
  if (bias.empty())
    return sum;
  Value biasValue = buildPerChannel(
      rewriter, loc, typeOf(sum).getRank(), contraction.channelAxis, channels,
      [&](ArrayRef<int64_t> shape) {
        return getIntegersAttr(signed32(), shape, bias);
      });
  return AddOp::create(rewriter, loc, sum, biasValue);
}

/// Bias codes of the accumulator; fails if one is 2^30 or more, or if the
/// accumulator could leave 32 bits with it.
static FailureOr<SmallVector<int64_t>>
getBiasCodes(const Bias &bias, const Contraction &contraction) {
  SmallVector<int64_t> codes = bias.codes;
  if (codes.empty()) {
    FailureOr<SmallVector<int64_t>> quantized =
        quantizeBias(bias.reals, contraction.scales);
    if (failed(quantized))
      return failure();
    codes = *quantized;
  }
  for (auto [code, bound] : llvm::zip_equal(codes, contraction.bounds))
    if (std::abs(double(code)) + bound >
        double(std::numeric_limits<int32_t>::max()))
      return failure();
  return codes;
}

/// The contraction and bias with batch norm `norm` behind them folded in:
/// y = a (acc s + b - mean) + beta with a = gamma / sqrt(variance + epsilon),
/// so scales become a s, with the sign of a, and biases a (b - mean) + beta.
static LogicalResult foldBatchNorm(BatchNormOp norm, Contraction &contraction,
                                   Bias &bias) {
  SmallVector<SmallVector<float>> parameters;
  for (Value operand : norm->getOperands().drop_front()) {
    FailureOr<SmallVector<float>> numbers = getConstantFloats(operand);
    if (failed(numbers) ||
        static_cast<int64_t>(numbers->size()) != contraction.channels)
      return failure();
    parameters.push_back(std::move(*numbers));
  }
  double epsilon = norm.getEpsilon().convertToFloat();
  SmallVector<float> scales;
  bias.codes.clear();
  bias.reals.resize(contraction.channels, 0);
  for (int64_t c = 0; c < contraction.channels; ++c) {
    double gamma = parameters[0][c], beta = parameters[1][c];
    double mean = parameters[2][c], variance = parameters[3][c];
    double factor = gamma / std::sqrt(variance + epsilon);
    float own = contraction.scales[contraction.scales.size() == 1 ? 0 : c];
    auto scale = static_cast<float>(own * factor);
    if (!std::isnormal(scale))
      return failure();
    scales.push_back(scale);
    bias.reals[c] = factor * (bias.reals[c] - mean) + beta;
  }
  contraction.scales = std::move(scales);
  return success();
}

bool ToIntegerRewriter::convertContraction(Operation *op) {
  std::string reason;
  FailureOr<Contraction> matched = matchContraction(op, reason);
  if (failed(matched))
    return false;
  Contraction contraction = *matched;
  int64_t axis = contraction.channelAxis;

  // The bias: conv's own operand, or an add of a constant behind the op.
  SmallVector<Operation *> covered{op};
  Value floatBias;
  Bias bias;
  SmallVector<int64_t> codes;
  auto takeBias = [&](Value value) {
    FailureOr<Bias> own = matchBias(value, contraction);
    if (failed(own))
      return false;
    FailureOr<SmallVector<int64_t>> ownCodes = getBiasCodes(*own, contraction);
    if (failed(ownCodes))
      return false;
    bias = *own;
    codes = *ownCodes;
    return true;
  };
  auto conv = dyn_cast<ConvOp>(op);
  if (conv && conv.getBias()) {
    if (!takeBias(conv.getBias()))
      floatBias = conv.getBias();
  } else if (op->getResult(0).hasOneUse()) {
    if (auto add = dyn_cast<AddOp>(*op->user_begin())) {
      Value other =
          add.getLhs() == op->getResult(0) ? add.getRhs() : add.getLhs();
      if (add.getType() == op->getResult(0).getType() &&
          variesAlong(other, typeOf(op->getResult(0)), axis) && takeBias(other))
        covered.push_back(add);
    }
  }
  // A batch norm behind it, as exporters leave it in; its channels are
  // dimension 1.
  Value linear = covered.back()->getResult(0);
  if (!floatBias && axis == 1 && linear.hasOneUse()) {
    auto norm = dyn_cast<BatchNormOp>(*linear.user_begin());
    Contraction folded = contraction;
    Bias foldedBias = bias;
    if (norm && norm.getX() == linear &&
        succeeded(foldBatchNorm(norm, folded, foldedBias))) {
      FailureOr<SmallVector<int64_t>> foldedCodes =
          getBiasCodes(foldedBias, folded);
      if (succeeded(foldedCodes)) {
        contraction = std::move(folded);
        codes = *foldedCodes;
        covered.push_back(norm);
      }
    }
  }

  rewriter.setInsertionPoint(covered.back());
  Location loc = op->getLoc();
  Value accumulator = buildAccumulator(contraction, codes);
  Value zero = buildInteger(rewriter, loc, signed32(), 0);
  Value scale = buildFloats(rewriter, loc, contraction.scales);
  Value real = RescaleOp::create(rewriter, loc, accumulator, scale, zero,
                                 contraction.scales.size() == 1 ? 0 : axis);
  if (floatBias) {
    // The float form: the bias is added to the reals, channel by channel.
    SmallVector<int64_t> shape(typeOf(real).getRank() - 1, 1);
    shape.front() = contraction.channels;
    Value shaped = ReshapeOp::create(rewriter, loc, floatBias, shape);
    real = AddOp::create(rewriter, loc, real, shaped);
  }
  rewriter.replaceOp(covered.back(), real);
  for (Operation *erased : llvm::reverse(ArrayRef(covered).drop_back()))
    rewriter.eraseOp(erased);
  ++numContractions;
  return true;
}

//===----------------------------------------------------------------------===//
// Chains in units of the output's scale
//===----------------------------------------------------------------------===//

/// The multiplier of a rescale with zero point 0, if constant.
static FailureOr<SmallVector<float>> getMultiplier(RescaleOp rescale) {
  ElementsAttr zero = getConstantValue(rescale.getZero());
  if (!zero)
    return failure();
  FailureOr<SmallVector<int64_t>> zeros = getConstantIntegers(zero);
  if (failed(zeros) || zeros->size() != 1)
    return failure();
  return getConstantFloats(rescale.getMultiplier());
}

/// Collects what `value` is made of, if that is codes and accumulators (which
/// end the chain) and ops that a chain may hold.
static LogicalResult collectChain(Value value,
                                  llvm::SetVector<Operation *> &members) {
  constexpr size_t longest = 64;
  Operation *op = value.getDefiningOp();
  if (!op || !typeOf(value).getElementType().isF32() ||
      members.size() >= longest)
    return failure();
  if (members.contains(op))
    return success();
  unsigned numReals = 0; // Leading operands that are part of the chain.
  if (auto rescale = dyn_cast<RescaleOp>(op)) {
    if (failed(getMultiplier(rescale)))
      return failure();
  } else if (isa<DequantizeOp>(op)) {
    FailureOr<Quantization> parameters = getQuantization(op);
    if (failed(parameters) || parameters->storage.getWidth() > 16 ||
        !llvm::all_equal(parameters->zeros))
      return failure();
  } else if (isa<AddOp, SubOp>(op)) {
    numReals = 2;
  } else if (auto clip = dyn_cast<ClipOp>(op)) {
    if (failed(getConstantFloats(clip.getLower())) ||
        failed(getConstantFloats(clip.getUpper())))
      return failure();
    numReals = 1;
  } else if (isa<ReluOp, ReshapeOp, TransposeOp, ExpandOp, SliceOp>(op)) {
    numReals = 1;
  } else {
    return failure();
  }
  members.insert(op);
  for (Value operand : op->getOperands().take_front(numReals))
    if (failed(collectChain(operand, members)))
      return failure();
  return success();
}

/// Whether `value` ends a chain. A value inside it that a float op elsewhere
/// needs too is computed in float anyway: then nothing is a chain.
static bool isChain(Value value) {
  llvm::SetVector<Operation *> members;
  if (failed(collectChain(value, members)))
    return false;
  return llvm::all_of(members, [&](Operation *op) {
    return isa<RescaleOp, DequantizeOp>(op) ||
           llvm::all_of(op->getUsers(), [&](Operation *user) {
             return isa<QuantizeOp>(user) || members.contains(user);
           });
  });
}

/// fl(value / scale) for each value.
static SmallVector<float> divideAll(ArrayRef<float> values, float scale) {
  return llvm::map_to_vector(values,
                             [&](float value) { return value / scale; });
}

/// A chain's value in units of `scale`; isChain holds.
Value ToIntegerRewriter::buildInUnits(Value value, float scale) {
  if (Value known = inUnits.lookup(value))
    return known;
  Operation *op = value.getDefiningOp();
  Location loc = op->getLoc();
  Value built;
  if (auto rescale = dyn_cast<RescaleOp>(op)) {
    Value multiplier =
        buildFloats(rewriter, loc, divideAll(*getMultiplier(rescale), scale));
    built = RescaleOp::create(rewriter, loc, rescale.getQ(), multiplier,
                              rescale.getZero(), rescale.getAxis());
  } else if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
    Quantization parameters = *getQuantization(dequantize);
    Value multiplier =
        buildFloats(rewriter, loc, divideAll(parameters.scales, scale));
    Value zero =
        buildInteger(rewriter, loc, parameters.storage, parameters.zero());
    built = RescaleOp::create(rewriter, loc, dequantize.getQ(), multiplier,
                              zero, parameters.axis);
  } else {
    IRMapping mapping;
    for (Value operand : op->getOperands()) {
      if (mapping.contains(operand))
        continue;
      if (isa<ClipOp>(op) && operand != op->getOperand(0)) {
        SmallVector<float> bounds =
            divideAll(*getConstantFloats(operand), scale);
        mapping.map(
            operand,
            buildConstant(rewriter, loc,
                          getFloatsAttr(rewriter.getContext(),
                                        typeOf(operand).getShape(), bounds)));
      } else {
        mapping.map(operand, buildInUnits(operand, scale));
      }
    }
    built = rewriter.clone(*op, mapping)->getResult(0);
  }
  inUnits[value] = built;
  return built;
}

/// What a clamp in front of a quantize does to its codes.
struct CodeClamp {
  std::optional<int64_t> lower, upper;
};

/// The clamp of a relu or of a clip with scalar bounds as codes: rounding is
/// monotone, so clamping the codes is the same. Bounds beyond the codes'
/// range vanish.
static FailureOr<CodeClamp> getClamp(Operation *op,
                                     const Quantization &target) {
  float lower = 0, upper = std::numeric_limits<float>::infinity();
  if (auto clip = dyn_cast<ClipOp>(op)) {
    FailureOr<SmallVector<float>> low = getConstantFloats(clip.getLower()),
                                  high = getConstantFloats(clip.getUpper());
    if (failed(low) || failed(high) || low->size() != 1 || high->size() != 1 ||
        !(low->front() <= high->front()))
      return failure();
    lower = low->front(), upper = high->front();
  } else if (!isa<ReluOp>(op)) {
    return failure();
  }
  CodeClamp clamp;
  int64_t low =
      quantizeNumber(lower, target.scale(), target.zero(), target.storage);
  int64_t high =
      quantizeNumber(upper, target.scale(), target.zero(), target.storage);
  if (low > target.smallest())
    clamp.lower = low;
  if (high < target.largest())
    clamp.upper = high;
  return clamp;
}

Value ToIntegerRewriter::buildChain(QuantizeOp op, const Quantization &target) {
  if (!isChain(op.getX()))
    return {};
  Location loc = op.getLoc();
  // Clamps at the end of the chain act on the codes.
  CodeClamp clamp;
  Value value = op.getX();
  while (true) {
    FailureOr<CodeClamp> own = getClamp(value.getDefiningOp(), target);
    if (failed(own))
      break;
    // Only bounds that are in the range count; an outer clamp comes last and
    // wins: min(max(min(max(x, l1), h1), l2), h2).
    auto restrict = [&](int64_t code) {
      if (clamp.lower)
        code = std::max(code, *clamp.lower);
      if (clamp.upper)
        code = std::min(code, *clamp.upper);
      return code;
    };
    CodeClamp merged = clamp;
    if (own->lower)
      merged.lower = restrict(*own->lower);
    if (own->upper)
      merged.upper = restrict(*own->upper);
    clamp = merged;
    value = value.getDefiningOp()->getOperand(0);
  }
  Value codes;
  Value zero = buildInteger(rewriter, loc, target.storage, target.zero());
  auto rescale = value.getDefiningOp<RescaleOp>();
  if (rescale && typeOf(rescale.getQ()).getElementType() == signed32()) {
    Value multiplier = buildFloats(
        rewriter, loc, divideAll(*getMultiplier(rescale), target.scale()));
    codes = RequantizeOp::create(rewriter, loc, rescale.getQ(), multiplier,
                                 zero, rescale.getAxis());
  } else {
    inUnits.clear();
    Value real = buildInUnits(value, target.scale());
    codes = RoundSaturateOp::create(rewriter, loc, real, zero);
  }
  if (clamp.lower)
    codes = MaxOp::create(
        rewriter, loc, codes,
        buildInteger(rewriter, loc, target.storage, *clamp.lower));
  if (clamp.upper)
    codes = MinOp::create(
        rewriter, loc, codes,
        buildInteger(rewriter, loc, target.storage, *clamp.upper));
  return codes;
}

//===----------------------------------------------------------------------===//
// Means
//===----------------------------------------------------------------------===//

Value ToIntegerRewriter::buildMean(QuantizeOp op, const Quantization &target) {
  Operation *mean = op.getX().getDefiningOp();
  if (!mean)
    return {};
  SmallVector<int64_t> axes;
  if (auto reduce = dyn_cast<ReduceOp>(mean)) {
    if (reduce.getKind() != ReduceKind::Mean)
      return {};
    axes.assign(reduce.getAxes().begin(), reduce.getAxes().end());
  } else if (auto pool = dyn_cast<AveragePoolOp>(mean)) {
    // One window over everything is a mean.
    ArrayRef<int64_t> spatial = typeOf(pool.getX()).getShape().drop_front(2);
    if (pool.getKernel() != spatial ||
        llvm::any_of(pool.getPads(), [](int64_t pad) { return pad != 0; }) ||
        llvm::any_of(pool.getDilations(), [](int64_t d) { return d != 1; }))
      return {};
    for (size_t dim = 0; dim < spatial.size(); ++dim)
      axes.push_back(2 + dim);
  } else {
    return {};
  }
  auto dequantize = mean->getOperand(0).getDefiningOp<DequantizeOp>();
  if (!dequantize)
    return {};
  FailureOr<Quantization> source = getQuantization(dequantize);
  if (failed(source) || !source->isPerTensor() ||
      source->storage.getWidth() > 16)
    return {};
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= typeOf(dequantize.getQ()).getDimSize(axis);
  constexpr double largest = std::numeric_limits<int32_t>::max();
  double magnitude = std::max(largestMagnitude(*source, 0),
                              std::max(std::abs(double(source->smallest())),
                                       std::abs(double(source->largest()))));
  if (count == 0 || count * magnitude > largest)
    return {};
  Location loc = mean->getLoc();
  Value sum =
      ReduceOp::create(rewriter, loc, dequantize.getQ(), ReduceKind::Sum, axes,
                       TypeAttr::get(signed32()));
  if (source->zero() != 0)
    sum = SubOp::create(
        rewriter, loc, sum,
        buildInteger(rewriter, loc, signed32(), count * source->zero()));
  float divisor = target.scale() * static_cast<float>(count);
  Value multiplier = buildFloats(rewriter, loc, source->scale() / divisor);
  Value zero = buildInteger(rewriter, loc, target.storage, target.zero());
  return RequantizeOp::create(rewriter, op.getLoc(), sum, multiplier, zero, 0);
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

Value ToIntegerRewriter::buildTable(QuantizeOp op, const Quantization &target) {
  FailureOr<CodeTable> table = buildCodeTable(op, target);
  if (failed(table))
    return {};
  Value entries = buildConstant(rewriter, op.getLoc(), table->entries);
  return TableLookupOp::create(rewriter, op.getLoc(), table->codes, entries);
}

bool ToIntegerRewriter::convertQuantize(QuantizeOp op) {
  FailureOr<Quantization> target = getQuantization(op);
  if (failed(target) || !target->isPerTensor() ||
      target->storage.getWidth() > 16)
    return false;
  rewriter.setInsertionPoint(op);
  Value codes = buildChain(op, *target);
  if (!codes)
    codes = buildMean(op, *target);
  if (!codes) {
    codes = buildTable(op, *target);
    numTables += codes ? 1 : 0;
  }
  if (!codes)
    return false;
  rewriter.replaceOp(op, codes);
  ++numRequantized;
  return true;
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {

struct ToInteger : qc::impl::ToIntegerBase<ToInteger> {
  using ToIntegerBase::ToIntegerBase;

  void runOnOperation() override;

private:
  void foldConstants(IRRewriter &rewriter);
  void reportKept();
};

/// Erases what lost its users, last first.
void eraseDead(func::FuncOp function, IRRewriter &rewriter) {
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        rewriter.eraseOp(&op);
}

/// Why `op`, which consumes a dequantize, stays float.
std::string whyFloat(Operation *op) {
  std::string reason;
  if (isa<ConvOp, MatMulOp>(op)) {
    if (failed(matchContraction(op, reason)))
      return reason;
    return "it was not converted";
  }
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    FailureOr<Quantization> target = getQuantization(op, &reason);
    if (failed(target))
      return reason;
    if (!target->isPerTensor())
      return "its parameters are per axis";
    return "its codes have more than 16 bits";
  }
  if (isa<AddOp, SubOp, ReluOp, ClipOp>(op))
    return "not all its operands have codes, no quantize follows, or float ops "
           "use parts of the chain";
  if (isa<ReshapeOp, TransposeOp, SliceOp, ConcatOp, ExpandOp, GatherOp, PadOp,
          MaxPoolOp>(op))
    return "its operands have different parameters";
  return "it has no integer form";
}

/// Whether `op` is part of a chain that ends in a qc.round_saturate.
bool isInChain(Operation *op) {
  llvm::SmallSetVector<Operation *, 8> reached;
  reached.insert(op);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (isa<RoundSaturateOp>(reached[i]))
      return true;
    if (isa<RescaleOp, AddOp, SubOp, ReluOp, ClipOp, ReshapeOp, TransposeOp,
            ExpandOp, SliceOp>(reached[i]))
      reached.insert(reached[i]->user_begin(), reached[i]->user_end());
  }
  return false;
}

} // namespace

/// Dequantized constants that no integer op took become float constants.
void ToInteger::foldConstants(IRRewriter &rewriter) {
  getOperation().walk([&](DequantizeOp op) {
    ElementsAttr codes = getConstantValue(op.getQ());
    FailureOr<Quantization> parameters = getQuantization(op);
    if (!codes || failed(parameters))
      return;
    ElementsAttr reals = dequantizeConstant(codes, *parameters);
    if (!reals)
      return;
    rewriter.setInsertionPoint(op);
    rewriter.replaceOp(op, buildConstant(rewriter, op.getLoc(), reals));
  });
}

void ToInteger::reportKept() {
  llvm::MapVector<Operation *, StringRef> kept;
  auto collect = [&](Operation *op, StringRef what) {
    for (Operation *user : op->getUsers())
      if (!user->hasTrait<OpTrait::IsTerminator>())
        kept.insert({user, what});
  };
  getOperation().walk([&](Operation *op) {
    if (isa<DequantizeOp>(op))
      collect(op, "dequantized codes");
    else if (isa<RescaleOp>(op) && !isInChain(op))
      collect(op, "accumulators");
  });
  for (auto [user, what] : kept) {
    ++numKept;
    remark::missed(user->getLoc(), remark::RemarkOpts::name("KeptFloat")
                                       .category("qc-to-integer")
                                       .function(getOperation().getName()))
        << ("'" + user->getName().getStringRef() + "' stays float on " + what +
            ": " + whyFloat(user))
               .str();
  }
}

void ToInteger::runOnOperation() {
  func::FuncOp function = getOperation();
  ToIntegerRewriter integer(&getContext());
  SmallVector<Operation *> contractions;
  SmallVector<QuantizeOp> quantizes;
  function.walk([&](Operation *op) {
    if (isa<ConvOp, MatMulOp>(op))
      contractions.push_back(op);
    else if (auto quantize = dyn_cast<QuantizeOp>(op))
      quantizes.push_back(quantize);
  });
  bool changed = false;
  for (Operation *op : contractions)
    changed |= integer.convertContraction(op);
  for (QuantizeOp op : quantizes)
    changed |= integer.convertQuantize(op);
  if (changed)
    eraseDead(function, integer.rewriter);
  foldConstants(integer.rewriter);
  eraseDead(function, integer.rewriter);
  reportKept();
  numContractions += integer.numContractions;
  numRequantized += integer.numRequantized;
  numTables += integer.numTables;
}
