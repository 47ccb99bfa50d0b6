// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions of dequantized operands become integer contractions, whose
// accumulators qc.rescale brings back to reals.

#include "ToInteger.h"

#include <cmath>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// The codes behind `value` if they have at most `bits` bits.
static FailureOr<CodesOperand> getCodes(Value value, unsigned bits,
                                        StringRef name, std::string &reason) {
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

/// The codes of a matrix whose rows have scales that a run computes: blocks as
/// long as a row and one constant zero point. The parameters have scale 1.
static FailureOr<CodesOperand> getTokenCodes(Value value, Value &scale) {
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  if (!dequantize)
    return failure();
  RankedTensorType type = typeOf(dequantize.getQ());
  auto storage = dyn_cast<IntegerType>(type.getElementType());
  ElementsAttr zeroValue = getConstantValue(dequantize.getZero());
  if (!storage || storage.getWidth() > 8 || !zeroValue ||
      dequantize.getAxis() != type.getRank() - 1 || type.getRank() == 0 ||
      dequantize.getBlockSize() != type.getShape().back() ||
      !typeOf(dequantize.getScale()).getElementType().isF32())
    return failure();
  FailureOr<SmallVector<int64_t>> zeros = getConstantIntegers(zeroValue);
  if (failed(zeros) || zeros->empty() || !llvm::all_equal(*zeros))
    return failure();
  scale = dequantize.getScale();
  Quantization parameters;
  parameters.scales = {1.0f};
  parameters.zeros = {zeros->front()};
  parameters.storage = storage;
  return CodesOperand{dequantize.getQ(), parameters};
}

double qc::largestMagnitude(const Quantization &parameters, int64_t index) {
  return std::max(
      std::abs(double(parameters.smallest() - parameters.zero(index))),
      std::abs(double(parameters.largest() - parameters.zero(index))));
}

/// Bounds of the accumulators: from the values of constant weights, whose
/// channel is dimension `channelDim`, else from their type.
static LogicalResult computeBounds(Contraction &contraction,
                                   const CodesOperand &data,
                                   const CodesOperand &weights,
                                   int64_t channelDim, int64_t terms) {
  double x = largestMagnitude(data.parameters, 0);
  contraction.bounds.assign(contraction.channels, 0);
  if (!isConstantCodes(weights.codes)) {
    for (int64_t channel = 0; channel < contraction.channels; ++channel)
      contraction.bounds[channel] =
          terms * x * largestMagnitude(weights.parameters, channel);
    return success();
  }
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(weights.codes);
  if (failed(codes))
    return failure();
  ArrayRef<int64_t> shape = typeOf(weights.codes).getShape();
  int64_t inner = ShapedType::getNumElements(shape.drop_front(channelDim + 1));
  // Batches of matrices share channels: the largest sum counts. A weight tensor
  // of a convolution is one batch, as the channels are its first dimension.
  int64_t batch = std::max<int64_t>(terms * contraction.channels, 1);
  SmallVector<double> sums(contraction.channels, 0);
  for (auto [position, code] : llvm::enumerate(*codes)) {
    int64_t channel = position / inner % shape[channelDim];
    double &sum = sums[channel];
    sum += x * std::abs(double(code - weights.parameters.zero(channel)));
    contraction.bounds[channel] = std::max(contraction.bounds[channel], sum);
    if ((position + 1) % batch == 0)
      llvm::fill(sums, 0);
  }
  return success();
}

FailureOr<Contraction> qc::matchContraction(Operation *op,
                                            std::string &reason) {
  auto result = typeOf(op->getResult(0));
  if (!result.getElementType().isF32()) {
    reason = "it does not compute in f32";
    return failure();
  }
  Value tokenScale;
  FailureOr<CodesOperand> lhs =
      getCodes(op->getOperand(0), 8, "the left operand", reason);
  // Of equal rank, so that the scales broadcast over the result's rows.
  if (failed(lhs) && isa<MatMulOp>(op) &&
      typeOf(op->getOperand(0)).getRank() == result.getRank())
    lhs = getTokenCodes(op->getOperand(0), tokenScale);
  if (failed(lhs))
    return failure();
  FailureOr<CodesOperand> rhs =
      getCodes(op->getOperand(1), 8, "the right operand", reason);
  if (failed(rhs))
    return failure();
  Contraction contraction{op, *lhs, *rhs, 0, 1, {}, {}, tokenScale};
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
  return contraction;
}

//===----------------------------------------------------------------------===//
// Conversion
//===----------------------------------------------------------------------===//

/// Whether `value` broadcasts to `type` along `axis` only.
static bool variesAlong(Value value, RankedTensorType type, int64_t axis) {
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
static Value buildPerChannel(OpBuilder &builder, Location loc, int64_t rank,
                             int64_t axis, size_t count, Get get) {
  SmallVector<int64_t> shape(rank - axis, 1);
  shape.front() = count;
  return buildConstant(builder, loc, get(shape));
}

/// The zero point operand of a contraction, or null for zero.
static Value buildZero(OpBuilder &rewriter, const CodesOperand &operand,
                       Location loc) {
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

static Value buildAccumulator(OpBuilder &rewriter,
                              const Contraction &contraction,
                              ArrayRef<int64_t> bias) {
  Location loc = contraction.op->getLoc();
  Value lhsZero = buildZero(rewriter, contraction.lhs, loc);
  Value rhsZero = buildZero(rewriter, contraction.rhs, loc);
  int64_t channels = contraction.channels;
  double bound = 0;
  for (int64_t channel = 0; channel < channels; ++channel)
    bound = std::max(bound,
                     contraction.bounds[channel] +
                         (bias.empty() ? 0 : std::abs(double(bias[channel]))));
  IntegerType sums = getAccumulatorType(rewriter.getContext(), bound);
  // si32 needs no word.
  TypeAttr accumulator =
      sums.getWidth() == 32 ? TypeAttr() : TypeAttr::get(sums);
  if (auto conv = dyn_cast<ConvOp>(contraction.op)) {
    Value biasValue;
    if (!bias.empty())
      biasValue =
          buildConstant(rewriter, loc, getIntegersAttr(sums, channels, bias));
    auto created = ConvOp::create(
        rewriter, loc, contraction.lhs.codes, contraction.rhs.codes, biasValue,
        lhsZero, rhsZero, conv.getStrides(), conv.getPads(),
        conv.getDilations(), conv.getGroup(), accumulator);
    // A user's word on the algorithm.
    created->setDiscardableAttrs(conv->getDiscardableAttrDictionary());
    return created;
  }
  Value sum =
      MatMulOp::create(rewriter, loc, contraction.lhs.codes,
                       contraction.rhs.codes, lhsZero, rhsZero, accumulator);
  if (bias.empty())
    return sum;
  Value biasValue = buildPerChannel(rewriter, loc, typeOf(sum).getRank(),
                                    contraction.channelAxis, channels,
                                    [&](ArrayRef<int64_t> shape) {
                                      return getIntegersAttr(sums, shape, bias);
                                    });
  return AddOp::create(rewriter, loc, sum, biasValue);
}
bool qc::convertContraction(IRRewriter &rewriter, Operation *op) {
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
  } else if (!contraction.tokenScale && op->getResult(0).hasOneUse()) {
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
  if (!floatBias && !contraction.tokenScale && axis == 1 &&
      linear.hasOneUse()) {
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
  Location loc = rewriter.getFusedLoc(llvm::map_to_vector(
      covered, [](Operation *each) { return each->getLoc(); }));
  Value accumulator = buildAccumulator(rewriter, contraction, codes);
  Value zero =
      buildInteger(rewriter, loc, typeOf(accumulator).getElementType(), 0);
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
  if (contraction.tokenScale)
    real = MulOp::create(rewriter, loc, real, contraction.tokenScale);
  rewriter.replaceOp(covered.back(), real);
  for (Operation *erased : llvm::reverse(ArrayRef(covered).drop_back()))
    rewriter.eraseOp(erased);
  return true;
}
