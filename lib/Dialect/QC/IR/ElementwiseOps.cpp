// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops: inference and scalar semantics.

#include "OpHelpers.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/NarrowFloat.h"

#include "mlir/IR/PatternMatch.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

/// 1 / (1 + e^-x) in f32, where -x is clamped to what has a finite power, so
/// that below -88 the result is off by at most 1e-37. A NaN passes.
static Value logistic(Emitter &e, Value x) {
  Value bound = e.constant(x.getType(), 88), one = e.constant(x.getType(), 1);
  x = e.create<arith::NegFOp>({x});
  x = e.select(e.compare(arith::CmpFPredicate::OLT, bound, x), bound, x);
  Value power = finiteExp(e, x);
  return e.create<arith::DivFOp>({one, e.add(one, power)});
}

static Value sigmoid(Emitter &e, Value x) {
  if (getElementTypeOrSelf(x).isF32())
    return logistic(e, x);
  Value one = e.constant(x.getType(), 1);
  return e.create<arith::DivFOp>(
      {one, e.add(one, e.create<math::ExpOp>({e.create<arith::NegFOp>({x})}))});
}

/// max(0, min(1, alpha x + beta))
static Value hardSigmoid(Emitter &e, Value x, double alpha, double beta) {
  Type type = x.getType();
  Value linear =
      e.add(e.mul(x, e.constant(type, alpha)), e.constant(type, beta));
  return e.max(e.min(linear, e.constant(type, 1), false), e.constant(type, 0),
               false);
}

static Value expm1(Emitter &e, Value x) { return e.create<math::ExpM1Op>({x}); }

/// max(x, 0) + ln(1 + e^-|x|), which overflows nowhere.
static Value softplus(Emitter &e, Value x) {
  Value tail = e.create<math::Log1pOp>({e.create<math::ExpOp>(
      {e.create<arith::NegFOp>({e.create<math::AbsFOp>({x})})})});
  return e.add(e.max(x, e.constant(x.getType(), 0), false), tail);
}

static Value isBelow(Emitter &e, Value x, double bound) {
  return e.compare(arith::CmpFPredicate::OLT, x,
                   e.constant(x.getType(), bound));
}

static Value celu(Emitter &e, Value x, double alpha) {
  Type type = x.getType();
  Value zero = e.constant(type, 0), scale = e.constant(type, alpha);
  Value tail = e.mul(scale, expm1(e, e.create<arith::DivFOp>({x, scale})));
  return e.add(e.max(x, zero, false), e.min(tail, zero, false));
}

/// Integers compare and shift in f32, as ONNX's definition with float bounds.
static Value shrink(Emitter &e, Value x, Type element, double lambda,
                    double bias) {
  bool isUnsigned = isUnsignedElement(element);
  bool isFloat = isa<FloatType>(getComputeType(element));
  Type type = isFloat ? getElementTypeOrSelf(x) : Type(e.builder.getF32Type());
  x = e.convert(x, isUnsigned, type, false);
  Value result =
      e.select(isBelow(e, x, -lambda), e.add(x, e.constant(type, bias)),
               e.select(e.compare(arith::CmpFPredicate::OGT, x,
                                  e.constant(type, lambda)),
                        e.sub(x, e.constant(type, bias)), e.constant(type, 0)));
  return e.convert(result, false, getComputeType(element), isUnsigned);
}

static Value sign(Emitter &e, Value x, bool isUnsigned) {
  Type type = x.getType();
  Value zero = e.constant(type, 0), one = e.constant(type, 1);
  if (isa<FloatType>(getElementTypeOrSelf(x))) {
    // A NaN passes.
    Value positive = e.compare(arith::CmpFPredicate::OGT, x, zero);
    return e.select(positive, one,
                    e.select(isBelow(e, x, 0), e.constant(type, -1), x));
  }
  if (isUnsigned)
    return e.min(x, one, true);
  return e.max(e.min(x, one, false), e.constantInt(type, -1), false);
}

static Value gelu(Emitter &e, Value x, bool tanhForm) {
  Type type = x.getType();
  Value inner;
  if (tanhForm) {
    Value cubed = e.mul(e.mul(x, x), x);
    Value sum = e.add(x, e.mul(e.constant(type, 0.044715), cubed));
    inner = e.create<math::TanhOp>(
        {e.mul(e.constant(type, std::numbers::sqrt2 * std::numbers::inv_sqrtpi),
               sum)});
  } else {
    inner = e.create<math::ErfOp>(
        {e.mul(x, e.constant(type, 1 / std::numbers::sqrt2))});
  }
  return e.mul(e.mul(e.constant(type, 0.5), x),
               e.add(e.constant(type, 1), inner));
}

#define QC_UNARY(OP, SCALAR)                                                   \
  LogicalResult OP::inferReturnTypes(MLIRContext *, std::optional<Location>,   \
                                     Adaptor adaptor,                          \
                                     SmallVectorImpl<Type> &types) {           \
    types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),             \
                                          elementOf(adaptor.getX())));         \
    return success();                                                          \
  }                                                                            \
  Value OP::emitElement(Emitter &e, unsigned, ValueRange indices) {            \
    Value x = e.read(0, indices);                                              \
    Type type = x.getType();                                                   \
    (void)type;                                                                \
    return SCALAR;                                                             \
  }

static Value absolute(Emitter &e, Value x, bool isUnsigned) {
  if (isa<FloatType>(getElementTypeOrSelf(x)))
    return e.create<math::AbsFOp>({x});
  return isUnsigned ? x : e.create<math::AbsIOp>({x});
}

/// As maxps(0, x): a NaN passes.
static Value relu(Emitter &e, Value x, bool isUnsigned) {
  Value zero = e.constant(x.getType(), 0);
  if (isa<FloatType>(getElementTypeOrSelf(x)))
    return e.select(e.compare(arith::CmpFPredicate::OLT, x, zero), zero, x);
  return isUnsigned ? x : e.max(x, zero, false);
}

QC_UNARY(AbsOp, absolute(e, x, isUnsignedElement(elementOf(getX()))))
QC_UNARY(NegOp, isa<FloatType>(getElementTypeOrSelf(x))
                    ? e.create<arith::NegFOp>({x})
                    : e.sub(e.constant(type, 0), x))
QC_UNARY(ExpOp, e.create<math::ExpOp>({x}))
QC_UNARY(LogOp, e.create<math::LogOp>({x}))
QC_UNARY(SqrtOp, e.create<math::SqrtOp>({x}))
QC_UNARY(ReciprocalOp, e.create<arith::DivFOp>({e.constant(type, 1), x}))
QC_UNARY(FloorOp, e.create<math::FloorOp>({x}))
QC_UNARY(CeilOp, e.create<math::CeilOp>({x}))
QC_UNARY(RoundOp, e.create<math::RoundEvenOp>({x}))
QC_UNARY(ReluOp, relu(e, x, isUnsignedElement(elementOf(getX()))))
QC_UNARY(SigmoidOp, sigmoid(e, x))
QC_UNARY(TanhOp, e.create<math::TanhOp>({x}))
QC_UNARY(ErfOp, e.create<math::ErfOp>({x}))
QC_UNARY(SinOp, e.create<math::SinOp>({x}))
QC_UNARY(CosOp, e.create<math::CosOp>({x}))
QC_UNARY(TanOp, e.create<math::TanOp>({x}))
QC_UNARY(AsinOp, e.create<math::AsinOp>({x}))
QC_UNARY(AcosOp, e.create<math::AcosOp>({x}))
QC_UNARY(AtanOp, e.create<math::AtanOp>({x}))
QC_UNARY(SinhOp, e.create<math::SinhOp>({x}))
QC_UNARY(CoshOp, e.create<math::CoshOp>({x}))
QC_UNARY(AsinhOp, e.create<math::AsinhOp>({x}))
QC_UNARY(AcoshOp, e.create<math::AcoshOp>({x}))
QC_UNARY(AtanhOp, e.create<math::AtanhOp>({x}))
QC_UNARY(SignOp, sign(e, x, isUnsignedElement(elementOf(getX()))))
QC_UNARY(SoftplusOp, softplus(e, x))
QC_UNARY(SoftsignOp,
         e.create<arith::DivFOp>({x, e.add(e.constant(type, 1),
                                           e.create<math::AbsFOp>({x}))}))
QC_UNARY(MishOp, e.mul(x, e.create<math::TanhOp>({softplus(e, x)})))
QC_UNARY(EluOp, e.select(isBelow(e, x, 0),
                         e.mul(e.constant(type, getAlpha().convertToFloat()),
                               expm1(e, x)),
                         x))
QC_UNARY(CeluOp, celu(e, x, getAlpha().convertToFloat()))
QC_UNARY(SeluOp,
         e.mul(e.constant(type, getGamma().convertToFloat()),
               e.select(e.compare(arith::CmpFPredicate::OLE, x,
                                  e.constant(type, 0)),
                        e.mul(e.constant(type, getAlpha().convertToFloat()),
                              expm1(e, x)),
                        x)))
QC_UNARY(ThresholdedReluOp,
         e.select(e.compare(arith::CmpFPredicate::OGT, x,
                            e.constant(type, getAlpha().convertToFloat())),
                  x, e.constant(type, 0)))
QC_UNARY(ShrinkOp, shrink(e, x, elementOf(getX()), getLambda().convertToFloat(),
                          getBias().convertToFloat()))
QC_UNARY(SwishOp,
         e.mul(x,
               sigmoid(e, e.mul(e.constant(type, getAlpha().convertToFloat()),
                                x))))
QC_UNARY(GeluOp, gelu(e, x, getTanhForm()))
QC_UNARY(NotOp, e.create<arith::XOrIOp>({x, e.constantInt(type, 1)}))
QC_UNARY(LeakyReluOp,
         e.select(e.compare(arith::CmpFPredicate::OLT, x, e.constant(type, 0)),
                  e.mul(x, e.constant(type, getAlpha().convertToFloat())), x))
QC_UNARY(HardSigmoidOp, hardSigmoid(e, x, getAlpha().convertToFloat(),
                                    getBeta().convertToFloat()))
QC_UNARY(HardSwishOp, e.mul(x, hardSigmoid(e, x, 1.0f / 6.0f, 0.5)))
#undef QC_UNARY

LogicalResult CastOp::inferReturnTypes(MLIRContext *, std::optional<Location>,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(
      RankedTensorType::get(shapeOf(adaptor.getX()), adaptor.getTo()));
  return success();
}

Value CastOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type from = elementOf(getX()), to = getTo();
  Value x = e.read(0, indices);
  if (auto floatType = dyn_cast<FloatType>(to);
      floatType && floatType.getWidth() < 16) {
    x = e.convert(x, isUnsignedElement(from), e.builder.getF32Type(), false);
    auto rounding = static_cast<PowerRounding>(getRounding());
    return decodeNarrowFloat(e.builder, e.loc,
                             encodeNarrowFloat(e.builder, e.loc, x, floatType,
                                               getSaturate(), rounding),
                             floatType);
  }
  if (isa<FloatType>(from) && isa<IntegerType>(to) && !to.isInteger(1) &&
      to.getIntOrFloatBitWidth() < 8) {
    // Integers of less than a byte wrap, as ONNX's reference has them.
    Value wide = e.convert(x, false, e.builder.getI32Type(), false);
    return e.round(e.convert(wide, false, getComputeType(to), false), to);
  }
  if (from.isF64() && isa<FloatType>(to) && to.getIntOrFloatBitWidth() == 16)
    // One rounding, not one to f32 before it.
    return e.convert(e.convert(x, false, to, false), false,
                     e.builder.getF32Type(), false);
  return e.convert(x, isUnsignedElement(from), getComputeType(to),
                   isUnsignedElement(to));
}

LogicalResult BitcastOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  Type from = elementOf(adaptor.getX()), to = adaptor.getTo();
  if (!isa<IntegerType, FloatType>(to) ||
      from.getIntOrFloatBitWidth() != to.getIntOrFloatBitWidth())
    return emitOptionalError(loc, "cannot see the bits of ", from, " as ", to);
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()), to));
  return success();
}

/// The bits of a value (compute type of `element`) as a signless integer.
static Value toBits(Emitter &e, Value value, Type element) {
  auto floatType = dyn_cast<FloatType>(element);
  if (!floatType)
    return value;
  if (floatType.getWidth() < 32)
    return encodeNarrowFloat(e.builder, e.loc, value, floatType, false);
  Type to = e.builder.getIntegerType(floatType.getWidth());
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    to = vector.clone(to);
  return arith::BitcastOp::create(e.builder, e.loc, to, value);
}

Value BitcastOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value bits = toBits(e, e.read(0, indices), elementOf(getX()));
  auto floatType = dyn_cast<FloatType>(getTo());
  if (!floatType)
    return bits;
  if (floatType.getWidth() < 32)
    return decodeNarrowFloat(e.builder, e.loc, bits, floatType);
  Type to = floatType;
  if (auto vector = dyn_cast<VectorType>(bits.getType()))
    to = vector.clone(to);
  return arith::BitcastOp::create(e.builder, e.loc, to, bits);
}

#define QC_TEST(OP, SCALAR)                                                    \
  LogicalResult OP::inferReturnTypes(MLIRContext *context,                     \
                                     std::optional<Location>, Adaptor adaptor, \
                                     SmallVectorImpl<Type> &types) {           \
    types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),             \
                                          IntegerType::get(context, 1)));      \
    return success();                                                          \
  }                                                                            \
  Value OP::emitElement(Emitter &e, unsigned, ValueRange indices) {            \
    Value x = e.read(0, indices);                                              \
    return SCALAR;                                                             \
  }

/// Comparisons with the infinities asked for; neither: never true.
static Value isInfinite(Emitter &e, Value x, bool negative, bool positive) {
  double infinity = std::numeric_limits<double>::infinity();
  if (negative && positive)
    return e.compare(arith::CmpFPredicate::OEQ, e.create<math::AbsFOp>({x}),
                     e.constant(x.getType(), infinity));
  double wanted = negative   ? -infinity
                  : positive ? infinity
                             : std::numeric_limits<double>::quiet_NaN();
  return e.compare(arith::CmpFPredicate::OEQ, x,
                   e.constant(x.getType(), wanted));
}

QC_TEST(IsNaNOp, e.compare(arith::CmpFPredicate::UNO, x, x))
QC_TEST(IsInfOp, isInfinite(e, x, getNegative(), getPositive()))
#undef QC_TEST

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

static LogicalResult inferBinary(std::optional<Location> loc, Value lhs,
                                 Value rhs, Type element,
                                 SmallVectorImpl<Type> &types) {
  if (elementOf(lhs) != elementOf(rhs))
    return emitOptionalError(loc,
                             "operand element types differ: ", elementOf(lhs),
                             " and ", elementOf(rhs));
  return inferBroadcast(loc, {lhs, rhs}, element, types);
}

#define QC_BINARY(OP, RESULT, SCALAR)                                          \
  LogicalResult OP::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,      \
      SmallVectorImpl<Type> &types) {                                          \
    Type element = elementOf(adaptor.getLhs());                                \
    (void)element;                                                             \
    return inferBinary(loc, adaptor.getLhs(), adaptor.getRhs(), RESULT,        \
                       types);                                                 \
  }                                                                            \
  Value OP::emitElement(Emitter &e, unsigned, ValueRange indices) {            \
    Value lhs = e.readBroadcast(0, tensorOf(getLhs()), indices);               \
    Value rhs = e.readBroadcast(1, tensorOf(getRhs()), indices);               \
    bool isUnsigned = isUnsignedElement(elementOf(getLhs()));                  \
    bool isFloat = isa<FloatType>(elementOf(getLhs()));                        \
    (void)isUnsigned, (void)isFloat;                                           \
    return SCALAR;                                                             \
  }

static Value divide(Emitter &e, Value lhs, Value rhs, bool isFloat,
                    bool isUnsigned) {
  if (isFloat)
    return e.create<arith::DivFOp>({lhs, rhs});
  // Hardware traps on x / 0 and on INT_MIN / -1: both are replaced.
  Type type = rhs.getType();
  Value zero = e.constantInt(type, 0), one = e.constantInt(type, 1);
  Value byZero = e.compare(arith::CmpIPredicate::eq, rhs, zero);
  if (isUnsigned)
    return e.select(
        byZero, zero,
        e.create<arith::DivUIOp>({lhs, e.select(byZero, one, rhs)}));
  Value negated =
      e.compare(arith::CmpIPredicate::eq, rhs, e.constantInt(type, -1));
  Value safe = e.select(e.create<arith::OrIOp>({byZero, negated}), one, rhs);
  Value quotient = e.create<arith::DivSIOp>({lhs, safe});
  return e.select(byZero, zero, e.select(negated, e.sub(zero, lhs), quotient));
}

/// The remainder of the truncated division, moved to rhs's sign if asked for.
static Value remainder(Emitter &e, Value lhs, Value rhs, bool isFloat,
                       bool isUnsigned, bool truncated) {
  Type type = rhs.getType();
  Value zero = e.constant(type, 0);
  auto differ = [&](Value rest) {
    // rest is not zero and has another sign than rhs.
    if (isFloat) {
      Value signs = e.create<arith::XOrIOp>(
          {e.compare(arith::CmpFPredicate::OLT, rest, zero),
           e.compare(arith::CmpFPredicate::OLT, rhs, zero)});
      return e.create<arith::AndIOp>(
          {signs, e.compare(arith::CmpFPredicate::UNE, rest, zero)});
    }
    Value signs = e.compare(arith::CmpIPredicate::slt,
                            e.create<arith::XOrIOp>({rest, rhs}), zero);
    return e.create<arith::AndIOp>(
        {signs, e.compare(arith::CmpIPredicate::ne, rest, zero)});
  };
  Value rest;
  if (isFloat) {
    rest = e.create<arith::RemFOp>({lhs, rhs});
  } else {
    // As for the quotient, what hardware traps on is replaced: x mod 0 and
    // x mod -1 are 0.
    Value one = e.constantInt(type, 1);
    Value trivial = e.compare(arith::CmpIPredicate::eq, rhs, zero);
    if (!isUnsigned)
      trivial = e.create<arith::OrIOp>(
          {trivial,
           e.compare(arith::CmpIPredicate::eq, rhs, e.constantInt(type, -1))});
    Value safe = e.select(trivial, one, rhs);
    rest = isUnsigned ? e.create<arith::RemUIOp>({lhs, safe})
                      : e.create<arith::RemSIOp>({lhs, safe});
  }
  if (truncated || isUnsigned)
    return rest;
  return e.select(differ(rest), e.add(rest, rhs), rest);
}

static Value shift(Emitter &e, Value lhs, Value rhs, bool isUnsigned,
                   bool right) {
  Type type = rhs.getType();
  int64_t width = getElementTypeOrSelf(rhs).getIntOrFloatBitWidth();
  Value last = e.constantInt(type, width - 1);
  Value tooFar = e.compare(arith::CmpIPredicate::ugt, rhs, last);
  Value amount = e.select(tooFar, last, rhs);
  if (right && !isUnsigned)
    return e.create<arith::ShRSIOp>({lhs, amount});
  Value shifted = right ? e.create<arith::ShRUIOp>({lhs, amount})
                        : e.create<arith::ShLIOp>({lhs, amount});
  return e.select(tooFar, e.constantInt(type, 0), shifted);
}

static Value prelu(Emitter &e, Value x, Value slope, bool isFloat,
                   bool isUnsigned) {
  if (isUnsigned)
    return x;
  Value zero = e.constant(x.getType(), 0);
  Value negative = isFloat ? e.compare(arith::CmpFPredicate::OLT, x, zero)
                           : e.compare(arith::CmpIPredicate::slt, x, zero);
  return e.select(negative, e.mul(x, slope), x);
}

static Value compareValues(Emitter &e, Value lhs, Value rhs, bool isFloat,
                           bool isUnsigned, arith::CmpFPredicate floats,
                           arith::CmpIPredicate signedPredicate,
                           arith::CmpIPredicate unsignedPredicate) {
  if (isFloat)
    return e.compare(floats, lhs, rhs);
  return e.compare(isUnsigned ? unsignedPredicate : signedPredicate, lhs, rhs);
}

QC_BINARY(AddOp, element, e.add(lhs, rhs))
QC_BINARY(SubOp, element, e.sub(lhs, rhs))
QC_BINARY(MulOp, element, e.mul(lhs, rhs))
QC_BINARY(DivOp, element, divide(e, lhs, rhs, isFloat, isUnsigned))
QC_BINARY(MinOp, element, e.min(lhs, rhs, isUnsigned))
QC_BINARY(MaxOp, element, e.max(lhs, rhs, isUnsigned))
QC_BINARY(ModOp, element,
          remainder(e, lhs, rhs, isFloat, isUnsigned, getTruncated()))
QC_BINARY(BitShiftOp, element, shift(e, lhs, rhs, isUnsigned, getRight()))
QC_BINARY(PReluOp, element, prelu(e, lhs, rhs, isFloat, isUnsigned))
QC_BINARY(AndOp, element, e.create<arith::AndIOp>({lhs, rhs}))
QC_BINARY(OrOp, element, e.create<arith::OrIOp>({lhs, rhs}))
QC_BINARY(XorOp, element, e.create<arith::XOrIOp>({lhs, rhs}))

#define QC_COMPARE(OP, FLOATS, SIGNED, UNSIGNED)                               \
  QC_BINARY(OP, IntegerType::get(context, 1),                                  \
            compareValues(e, lhs, rhs, isFloat, isUnsigned,                    \
                          arith::CmpFPredicate::FLOATS,                        \
                          arith::CmpIPredicate::SIGNED,                        \
                          arith::CmpIPredicate::UNSIGNED))
QC_COMPARE(EqualOp, OEQ, eq, eq)
QC_COMPARE(LessOp, OLT, slt, ult)
QC_COMPARE(LessOrEqualOp, OLE, sle, ule)
QC_COMPARE(GreaterOp, OGT, sgt, ugt)
QC_COMPARE(GreaterOrEqualOp, OGE, sge, uge)
#undef QC_COMPARE
#undef QC_BINARY

LogicalResult PowOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  return inferBroadcast(loc, adaptor.getOperands(),
                        elementOf(adaptor.getBase()), types);
}

LogicalResult PowOp::canonicalize(PowOp pow, PatternRewriter &rewriter) {
  auto constant = pow.getExponent().getDefiningOp<ConstantOp>();
  Value base = pow.getBase();
  if (!constant || constant.getValue().getNumElements() != 1 ||
      !isa<FloatType>(elementOf(base)) ||
      tensorOf(base) != tensorOf(pow.getY()))
    return failure();
  FailureOr<SmallVector<double>> number =
      getConstantNumbers(constant.getValue());
  if (failed(number))
    return failure();
  // A third power in a narrow type would round twice.
  double exponent = number->front();
  bool isWide = elementOf(base).getIntOrFloatBitWidth() >= 32;
  if (exponent != 1 && exponent != 2 && !(exponent == 3 && isWide))
    return rewriter.notifyMatchFailure(pow, "no small integer exponent");
  Value power = base;
  for (int count = 1; count < exponent; ++count)
    power = MulOp::create(rewriter, pow.getLoc(), power, base);
  rewriter.replaceOp(pow, power);
  return success();
}

/// base ^ exponent modulo 2^width by repeated squaring; a negative exponent of
/// anything but 1 and -1 gives 0.
static Value integerPower(Emitter &e, Value base, Value exponent,
                          bool exponentUnsigned) {
  Type type = base.getType();
  unsigned width = getElementTypeOrSelf(exponent).getIntOrFloatBitWidth();
  SmallVector<Value> carried = e.unify({base, exponent});
  base = carried[0];
  Value bits = carried[1];
  Value one = e.unify({e.constantInt(type, 1), base})[0];
  SmallVector<Value> results =
      e.loops({width}, {one, base, bits},
              [&](ValueRange, ValueRange state) -> SmallVector<Value> {
                Value isOdd = e.compare(
                    arith::CmpIPredicate::ne,
                    e.create<arith::AndIOp>(
                        {state[2], e.constantInt(state[2].getType(), 1)}),
                    e.constantInt(state[2].getType(), 0));
                return {e.select(isOdd, e.mul(state[0], state[1]), state[0]),
                        e.mul(state[1], state[1]),
                        e.create<arith::ShRUIOp>(
                            {state[2], e.constantInt(state[2].getType(), 1)})};
              });
  if (exponentUnsigned)
    return results.front();
  Value isNegative = e.compare(arith::CmpIPredicate::slt, exponent,
                               e.constantInt(exponent.getType(), 0));
  Value square = e.mul(base, base);
  Value vanishes = e.create<arith::AndIOp>(
      {isNegative,
       e.compare(arith::CmpIPredicate::ne, square, e.constantInt(type, 1))});
  return e.select(vanishes, e.constantInt(type, 0), results.front());
}

Value PowOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value base = e.readBroadcast(0, tensorOf(getBase()), indices);
  Value exponent = e.readBroadcast(1, tensorOf(getExponent()), indices);
  Type baseType = elementOf(getBase()), exponentType = elementOf(getExponent());
  Type compute = getComputeType(baseType);
  if (isa<IntegerType>(baseType) && isa<IntegerType>(exponentType) &&
      !baseType.isInteger(1) && !exponentType.isInteger(1))
    return integerPower(e, base, exponent, isUnsignedElement(exponentType));
  Type floatType =
      isa<FloatType>(compute) ? compute : Type(e.builder.getF64Type());
  base = e.convert(base, isUnsignedElement(baseType), floatType, false);
  exponent =
      e.convert(exponent, isUnsignedElement(exponentType), floatType, false);
  Value power = e.create<math::PowFOp>({base, exponent});
  if (isa<IntegerType>(baseType)) {
    // A power that should be integral may come out just below.
    Value nearest = e.create<math::RoundEvenOp>({power});
    Value distance = e.create<math::AbsFOp>({e.sub(power, nearest)});
    Value tolerance = e.mul(e.create<math::AbsFOp>({power}),
                            e.constant(power.getType(), 1e-12));
    power = e.select(e.compare(arith::CmpFPredicate::OLE, distance, tolerance),
                     nearest, power);
  }
  return e.convert(power, false, compute, isUnsignedElement(baseType));
}

//===----------------------------------------------------------------------===//
// Ternary
//===----------------------------------------------------------------------===//

LogicalResult WhereOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  if (elementOf(adaptor.getOnTrue()) != elementOf(adaptor.getOnFalse()))
    return emitOptionalError(loc, "value element types differ");
  return inferBroadcast(loc, adaptor.getOperands(),
                        elementOf(adaptor.getOnTrue()), types);
}

Value WhereOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  return e.select(e.readBroadcast(0, tensorOf(getCondition()), indices),
                  e.readBroadcast(1, tensorOf(getOnTrue()), indices),
                  e.readBroadcast(2, tensorOf(getOnFalse()), indices));
}

LogicalResult ClipOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  Type element = elementOf(adaptor.getX());
  if (elementOf(adaptor.getLower()) != element ||
      elementOf(adaptor.getUpper()) != element)
    return emitOptionalError(loc, "the bounds' element types differ from x's");
  if (failed(inferBroadcast(loc, adaptor.getOperands(), element, types)))
    return failure();
  if (cast<RankedTensorType>(types.back()).getShape() !=
      shapeOf(adaptor.getX()))
    return emitOptionalError(loc, "the bounds do not broadcast to x");
  return success();
}

Value ClipOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value x = e.readBroadcast(0, tensorOf(getX()), indices);
  Value lower = e.readBroadcast(1, tensorOf(getLower()), indices);
  Value upper = e.readBroadcast(2, tensorOf(getUpper()), indices);
  Type element = elementOf(getX());
  if (isa<FloatType>(element)) {
    // A NaN passes, as in onnxruntime; the upper bound wins where bounds cross.
    x = e.select(e.compare(arith::CmpFPredicate::OLT, x, lower), lower, x);
    return e.select(e.compare(arith::CmpFPredicate::OGT, x, upper), upper, x);
  }
  bool isUnsigned = isUnsignedElement(element);
  return e.min(e.max(x, lower, isUnsigned), upper, isUnsigned);
}
