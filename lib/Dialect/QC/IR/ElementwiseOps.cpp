// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementwise ops: inference and scalar semantics.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

static Value sigmoid(Emitter &e, Value x) {
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
  return e.convert(e.read(0, indices), isUnsignedElement(from),
                   getComputeType(to), isUnsignedElement(to));
}

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

Value PowOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value base = e.readBroadcast(0, tensorOf(getBase()), indices);
  Value exponent = e.readBroadcast(1, tensorOf(getExponent()), indices);
  Type baseType = elementOf(getBase()), exponentType = elementOf(getExponent());
  Type compute = getComputeType(baseType);
  // Integer powers go through f64, exact for results below 2^53.
  Type floatType =
      isa<FloatType>(compute) ? compute : Type(e.builder.getF64Type());
  base = e.convert(base, isUnsignedElement(baseType), floatType, false);
  exponent =
      e.convert(exponent, isUnsignedElement(exponentType), floatType, false);
  Value power = e.create<math::PowFOp>({base, exponent});
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
