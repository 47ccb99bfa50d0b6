// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chains of add, sub, relu, clip, products with constants and movement between
// codes or accumulators and a quantize, computed in units of the quantize's
// scale: the division goes away.

#include "ToInteger.h"

#include "qc/Support/Names.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qc;

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
  } else if (auto product = dyn_cast<MulOp>(op)) {
    // Factors of channels; one factor of codes is a matter of a table.
    FailureOr<SmallVector<float>> factors = getConstantFloats(product.getRhs());
    if (failed(factors) || factors->size() == 1)
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

bool qc::isMadeOfCodes(Value value) {
  llvm::SetVector<Operation *> members;
  return succeeded(collectChain(value, members));
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

namespace {
/// Builds a chain's values in units of `scale`; isChain holds.
struct ChainBuilder {
  IRRewriter &rewriter;
  float scale;
  DenseMap<Value, Value> inUnits;

  Value build(Value value);
};
} // namespace

Value ChainBuilder::build(Value value) {
  if (Value known = inUnits.lookup(value))
    return known;
  Operation *op = value.getDefiningOp();
  // In other units than the node's result.
  Location loc = getPartLocation(op->getLoc());
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
      } else if (isa<MulOp>(op) && operand != op->getOperand(0)) {
        mapping.map(operand, operand);
      } else {
        mapping.map(operand, build(operand));
      }
    }
    Operation *copy = rewriter.clone(*op, mapping);
    copy->setLoc(loc);
    built = copy->getResult(0);
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

/// Whether `value` holds sums and no codes.
static bool isAccumulator(Value value) {
  return typeOf(value).getElementTypeBitWidth() >= 32;
}

Value qc::buildChain(IRRewriter &rewriter, QuantizeOp op,
                     const Quantization &target) {
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
  auto rescale = value.getDefiningOp<RescaleOp>();
  if (rescale && isAccumulator(rescale.getQ())) {
    SmallVector<float> unit = *getMultiplier(rescale);
    auto exact = llvm::map_to_vector(unit, [&](float scale) {
      return double(scale) / double(target.scale());
    });
    codes = buildRequantize(rewriter, loc, rescale.getQ(),
                            divideAll(unit, target.scale()), exact,
                            rescale.getAxis(), target);
  } else {
    ChainBuilder builder{rewriter, target.scale(), DenseMap<Value, Value>()};
    Value real = builder.build(value);
    Value zero = buildInteger(rewriter, loc, target.storage, target.zero());
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
