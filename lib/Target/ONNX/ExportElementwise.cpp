// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of elementwise ops.

#include "ExportHandlers.h"

#include "qc/Dialect/QC/IR/Emitter.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

/// An operator with the op's `alpha`.
template <typename OpTy>
static LogicalResult exportAlpha(ExportContext &c, OpTy op,
                                 StringRef operation) {
  return c.yield(c.node(operation, {c[0]}, c.getResultType(),
                        c.real("alpha", op.getAlpha())));
}

static LogicalResult leakyRelu(ExportContext &c, LeakyReluOp op) {
  return exportAlpha(c, op, "LeakyRelu");
}
static LogicalResult elu(ExportContext &c, EluOp op) {
  return exportAlpha(c, op, "Elu");
}
static LogicalResult celu(ExportContext &c, CeluOp op) {
  return exportAlpha(c, op, "Celu");
}
static LogicalResult thresholdedRelu(ExportContext &c, ThresholdedReluOp op) {
  return exportAlpha(c, op, "ThresholdedRelu");
}

static LogicalResult hardSigmoid(ExportContext &c, HardSigmoidOp op) {
  return c.yield(
      c.node("HardSigmoid", {c[0]}, c.getResultType(),
             {c.real("alpha", op.getAlpha()), c.real("beta", op.getBeta())}));
}

static LogicalResult selu(ExportContext &c, SeluOp op) {
  return c.yield(
      c.node("Selu", {c[0]}, c.getResultType(),
             {c.real("alpha", op.getAlpha()), c.real("gamma", op.getGamma())}));
}

static LogicalResult shrink(ExportContext &c, ShrinkOp op) {
  return c.yield(
      c.node("Shrink", {c[0]}, c.getResultType(),
             {c.real("lambd", op.getLambda()), c.real("bias", op.getBias())}));
}

/// x sigmoid(alpha x): few know the operator Swish, which is younger than all
/// others.
static LogicalResult swish(ExportContext &c, SwishOp op) {
  Term x = c[0], scaled = x;
  if (!op.getAlpha().isExactlyValue(1.0))
    scaled = c.binary("Mul", x,
                      c.splat(x.element(), op.getAlpha().convertToDouble()));
  return c.yield(c.binary("Mul", x, c.unary("Sigmoid", scaled)));
}

static LogicalResult gelu(ExportContext &c, GeluOp op) {
  return c.yield(
      c.node("Gelu", {c[0]}, c.getResultType(),
             c.text("approximate", op.getTanhForm() ? "tanh" : "none")));
}

static LogicalResult isInf(ExportContext &c, IsInfOp op) {
  return c.yield(c.node("IsInf", {c[0]}, c.getResultType(),
                        {c.integer("detect_negative", op.getNegative()),
                         c.integer("detect_positive", op.getPositive())}));
}

static LogicalResult cast(ExportContext &c, CastOp op) {
  RankedTensorType result = c.getResultType();
  SmallVector<onnx::AttributeProto> attributes{
      c.dataType("to", result.getElementType())};
  if (!op.getSaturate())
    attributes.push_back(c.integer("saturate", 0));
  if (isa<Float8E8M0FNUType>(result.getElementType()))
    attributes.push_back(
        c.text("round_mode", stringifyPowerRoundingKind(op.getRounding())));
  return c.yield(c.node("Cast", {c[0]}, result, attributes));
}

static LogicalResult bitcast(ExportContext &c, BitcastOp) {
  RankedTensorType result = c.getResultType();
  return c.yield(c.node("BitCast", {c[0]}, result,
                        c.dataType("to", result.getElementType())));
}

//===----------------------------------------------------------------------===//
// Binary and ternary
//===----------------------------------------------------------------------===//

/// Booleans and bits have operators of their own.
template <typename OpTy>
static LogicalResult exportLogical(ExportContext &c, StringRef operation) {
  bool isBoolean = c[0].element().isInteger(1);
  return c.yield(c.node((isBoolean ? "" : "Bitwise") + operation.str(),
                        c.getOperands(), c.getResultType()));
}
static LogicalResult logicalAnd(ExportContext &c, AndOp) {
  return exportLogical<AndOp>(c, "And");
}
static LogicalResult logicalOr(ExportContext &c, OrOp) {
  return exportLogical<OrOp>(c, "Or");
}
static LogicalResult logicalXor(ExportContext &c, XorOp) {
  return exportLogical<XorOp>(c, "Xor");
}

static LogicalResult mod(ExportContext &c, ModOp op) {
  Term x = c[0], y = c[1];
  if (op.getTruncated() || isa<IntegerType>(x.element()))
    return c.yield(c.node("Mod", {x, y}, c.getResultType(),
                          c.integer("fmod", op.getTruncated())));
  // Most versions have no remainder of floats by the divisor's sign.
  Term rest = c.node("Mod", {x, y}, c.getResultType(), c.integer("fmod", 1));
  Term zero = c.splat(x.element(), 0);
  Term differs = c.compare("Xor", c.compare("Less", rest, zero),
                           c.compare("Less", y, zero));
  Term isExact = c.compare("Equal", rest, zero);
  return c.yield(
      c.where(isExact, rest, c.where(differs, c.binary("Add", rest, y), rest)));
}

static LogicalResult bitShift(ExportContext &c, BitShiftOp op) {
  return c.yield(c.node("BitShift", c.getOperands(), c.getResultType(),
                        c.text("direction", op.getRight() ? "RIGHT" : "LEFT")));
}

/// The slope broadcasts to x in ONNX, not x to the slope.
static LogicalResult prelu(ExportContext &c, PReluOp) {
  RankedTensorType result = c.getResultType();
  return c.yield(
      c.node("PRelu", {c.expand(c[0], result.getShape()), c[1]}, result));
}

/// A bound of Clip: none where it bounds nothing.
static bool isNoBound(Value bound, bool upper) {
  ElementsAttr constant = ExportContext::getConstant(bound);
  if (!constant || constant.getNumElements() != 1)
    return false;
  Type element = constant.getElementType();
  if (auto floatType = dyn_cast<FloatType>(element);
      !floatType || !APFloat::semanticsHasInf(floatType.getFloatSemantics()))
    return false;
  FailureOr<SmallVector<double>> number = getConstantNumbers(constant);
  return succeeded(number) && std::isinf(number->front()) &&
         (number->front() > 0) == upper;
}

/// Bounds are scalars in ONNX; others are minima and maxima.
static LogicalResult clip(ExportContext &c, ClipOp op) {
  Term x = c[0], lower, upper;
  if (!isNoBound(op.getLower(), false))
    lower = c[1];
  if (!isNoBound(op.getUpper(), true))
    upper = c[2];
  auto isScalar = [](Term bound) {
    return !bound || bound.type.getNumElements() == 1;
  };
  if (isScalar(lower) && isScalar(upper))
    return c.yield(c.node("Clip",
                          {x, lower ? c.reshape(lower, {}) : lower,
                           upper ? c.reshape(upper, {}) : upper},
                          c.getResultType()));
  Term y = lower ? c.binary("Max", x, lower) : x;
  return c.yield(upper ? c.binary("Min", y, upper) : y);
}

void qc::addElementwiseExports(ExportTable &table) {
  table.add<AbsOp>("Abs");
  table.add<NegOp>("Neg");
  table.add<ExpOp>("Exp");
  table.add<LogOp>("Log");
  table.add<SqrtOp>("Sqrt");
  table.add<ReciprocalOp>("Reciprocal");
  table.add<FloorOp>("Floor");
  table.add<CeilOp>("Ceil");
  table.add<RoundOp>("Round");
  table.add<ReluOp>("Relu");
  table.add<SigmoidOp>("Sigmoid");
  table.add<TanhOp>("Tanh");
  table.add<ErfOp>("Erf");
  table.add<SinOp>("Sin");
  table.add<CosOp>("Cos");
  table.add<TanOp>("Tan");
  table.add<AsinOp>("Asin");
  table.add<AcosOp>("Acos");
  table.add<AtanOp>("Atan");
  table.add<SinhOp>("Sinh");
  table.add<CoshOp>("Cosh");
  table.add<AsinhOp>("Asinh");
  table.add<AcoshOp>("Acosh");
  table.add<AtanhOp>("Atanh");
  table.add<SignOp>("Sign");
  table.add<SoftplusOp>("Softplus");
  table.add<SoftsignOp>("Softsign");
  table.add<MishOp>("Mish");
  table.add<NotOp>("Not");
  table.add<HardSwishOp>("HardSwish");
  table.add<IsNaNOp>("IsNaN");
  table.add<leakyRelu>();
  table.add<hardSigmoid>();
  table.add<elu>();
  table.add<celu>();
  table.add<selu>();
  table.add<thresholdedRelu>();
  table.add<shrink>();
  table.add<swish>();
  table.add<gelu>();
  table.add<isInf>();
  table.add<::cast>();
  table.add<bitcast>();

  table.add<AddOp>("Add");
  table.add<SubOp>("Sub");
  table.add<MulOp>("Mul");
  table.add<DivOp>("Div");
  table.add<PowOp>("Pow");
  table.add<MinOp>("Min");
  table.add<MaxOp>("Max");
  table.add<EqualOp>("Equal");
  table.add<LessOp>("Less");
  table.add<LessOrEqualOp>("LessOrEqual");
  table.add<GreaterOp>("Greater");
  table.add<GreaterOrEqualOp>("GreaterOrEqual");
  table.add<WhereOp>("Where");
  table.add<logicalAnd>();
  table.add<logicalOr>();
  table.add<logicalXor>();
  table.add<mod>();
  table.add<bitShift>();
  table.add<prelu>();
  table.add<clip>();
}
