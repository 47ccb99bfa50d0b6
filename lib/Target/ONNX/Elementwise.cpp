// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of elementwise operators.

#include "Handlers.h"
#include "Tensors.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Unary
//===----------------------------------------------------------------------===//

template <typename OpTy> static LogicalResult unary(NodeContext &c) {
  return c.yield(c.create<OpTy>(c[0]));
}

static LogicalResult identity(NodeContext &c) { return c.yield(c[0]); }

static LogicalResult leakyRelu(NodeContext &c) {
  return c.yield(
      c.create<LeakyReluOp>(c[0], c.f32("alpha", c.getFloat("alpha", 0.01f))));
}

static LogicalResult hardSigmoid(NodeContext &c) {
  return c.yield(
      c.create<HardSigmoidOp>(c[0], {c.f32("alpha", c.getFloat("alpha", 0.2f)),
                                     c.f32("beta", c.getFloat("beta", 0.5f))}));
}

/// With the attributes that matter for 8-bit floats.
static LogicalResult castWithOptions(NodeContext &c, Type element) {
  if (element == elementOf(c[0]))
    return c.yield(c[0]);
  std::string name = c.getString("round_mode", "up");
  std::optional<PowerRoundingKind> rounding = symbolizePowerRoundingKind(name);
  if (!rounding)
    return c.refuse("round_mode is '" + name + "'", "up, down, nearest");
  MLIRContext *context = c.getBuilder().getContext();
  return c.yield(c.create<CastOp>(
      c[0], {c.type("to", element),
             c.boolean("saturate", c.getInt("saturate", 1) != 0),
             c.attribute("rounding",
                         PowerRoundingKindAttr::get(context, *rounding))}));
}

static LogicalResult castTo(NodeContext &c) {
  Type element = elementOf(c[0]);
  std::string target;
  if (c.opset < 6) {
    // The first version names the type.
    std::string name = c.getString("to", "");
    onnx::TensorProto::DataType dataType = onnx::TensorProto::UNDEFINED;
    (void)onnx::TensorProto::DataType_Parse(StringRef(name).upper(), &dataType);
    element = getElementType(element.getContext(), dataType);
    target = name;
  } else {
    int64_t dataType = c.getInt("to", 0);
    element =
        getElementType(element.getContext(), static_cast<int32_t>(dataType));
    target = getDataTypeName(static_cast<int32_t>(dataType));
  }
  if (!element)
    return c.refuse("casts to " + target, "numbers and booleans");
  return castWithOptions(c, element);
}

static LogicalResult castLike(NodeContext &c) {
  return castWithOptions(c, elementOf(c[1]));
}

static LogicalResult bitCast(NodeContext &c) {
  int64_t dataType = c.getInt("to", 0);
  Type element = getElementType(c.getBuilder().getContext(),
                                static_cast<int32_t>(dataType));
  if (!element)
    return c.refuse("casts to " +
                        getDataTypeName(static_cast<int32_t>(dataType)),
                    "numbers");
  Value x = c[0];
  if (element == elementOf(x))
    return c.yield(x);
  // A boolean is a byte of 0 or 1.
  if (elementOf(x).isInteger(1))
    x = c.cast(x, c.getBuilder().getIntegerType(8, /*isSigned=*/false));
  if (x && element == elementOf(x))
    return c.yield(x);
  return c.yield(c.create<BitcastOp>(x, c.type("to", element)));
}

static LogicalResult elu(NodeContext &c) {
  return c.yield(c.create<EluOp>(c[0], c.f32("alpha", c.getFloat("alpha", 1))));
}

static LogicalResult celu(NodeContext &c) {
  return c.yield(
      c.create<CeluOp>(c[0], c.f32("alpha", c.getFloat("alpha", 1))));
}

static LogicalResult selu(NodeContext &c) {
  // The first version rounded the defaults.
  double alpha = c.opset < 6 ? 1.6732 : 1.67326319217681884765625;
  double gamma = c.opset < 6 ? 1.0507 : 1.05070102214813232421875;
  return c.yield(
      c.create<SeluOp>(c[0], {c.f32("alpha", c.getFloat("alpha", alpha)),
                              c.f32("gamma", c.getFloat("gamma", gamma))}));
}

static LogicalResult thresholdedRelu(NodeContext &c) {
  return c.yield(c.create<ThresholdedReluOp>(
      c[0], c.f32("alpha", c.getFloat("alpha", 1))));
}

static LogicalResult shrink(NodeContext &c) {
  return c.yield(
      c.create<ShrinkOp>(c[0], {c.f32("lambda", c.getFloat("lambd", 0.5)),
                                c.f32("bias", c.getFloat("bias", 0))}));
}

static LogicalResult swish(NodeContext &c) {
  return c.yield(
      c.create<SwishOp>(c[0], c.f32("alpha", c.getFloat("alpha", 1))));
}

static LogicalResult gelu(NodeContext &c) {
  std::string form = c.getString("approximate", "none");
  if (form != "none" && form != "tanh")
    return c.refuse("approximate is '" + form + "'", "none, tanh");
  return c.yield(c.create<GeluOp>(c[0], c.boolean("tanhForm", form == "tanh")));
}

static LogicalResult isInf(NodeContext &c) {
  return c.yield(c.create<IsInfOp>(
      c[0], {c.boolean("negative", c.getInt("detect_negative", 1) != 0),
             c.boolean("positive", c.getInt("detect_positive", 1) != 0)}));
}

/// All bits of an integer.
static LogicalResult bitwiseNot(NodeContext &c) {
  Type element = elementOf(c[0]);
  Value ones = isUnsignedElement(element) ? c.limit(element, true)
                                          : c.splat(element, -1);
  return c.yield(c.create<XorOp>({c[0], ones}));
}

/// Training is over: the values pass, the mask keeps all.
static LogicalResult dropout(NodeContext &c) {
  if (c.opset >= 12 && c[2]) {
    FailureOr<SmallVector<int64_t>> training =
        c.getIntegers(2, "training_mode");
    if (failed(training))
      return failure();
    if (training->size() != 1 || training->front() != 0)
      return c.refuse("training_mode is set", "inference");
  }
  SmallVector<Value> results{c[0]};
  if (c.getNumResults() > 1)
    results.push_back(
        c.splat(c.opset >= 10 ? c.getBuilder().getI1Type() : elementOf(c[0]), 1,
                shapeOf(c[0])));
  return c.yield(results);
}

//===----------------------------------------------------------------------===//
// Binary
//===----------------------------------------------------------------------===//

template <typename OpTy> static LogicalResult binary(NodeContext &c) {
  return c.yield(c.create<OpTy>({c[0], c[1]}));
}

/// Before version 7 shapes broadcast only if asked to, the second operand
/// aligned at an axis of the first.
static Value alignOldBroadcast(NodeContext &c) {
  if (!c.getInt("broadcast", 0) || !c.hasAttribute("axis"))
    return c[1];
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]) + 1);
  if (failed(axis))
    return {};
  int64_t trailing = rankOf(c[0]) - *axis - rankOf(c[1]);
  SmallVector<int64_t> shape(shapeOf(c[1]));
  if (trailing > 0)
    shape.append(trailing, 1);
  return c.reshape(c[1], shape);
}

template <typename OpTy> static LogicalResult oldBinary(NodeContext &c) {
  return c.yield(c.create<OpTy>({c[0], alignOldBroadcast(c)}));
}

/// Sum, Min, Max and Mean take any number of operands.
template <typename OpTy> static LogicalResult variadic(NodeContext &c) {
  Value result = c[0];
  for (unsigned i = 1; i < c.getNumOperands(); ++i) {
    if (!c[i])
      return c.refuse("operand " + Twine(i) + " is missing");
    result = c.create<OpTy>({result, c[i]});
  }
  return c.yield(result);
}

static LogicalResult mean(NodeContext &c) {
  Value result = c[0];
  for (unsigned i = 1; i < c.getNumOperands(); ++i)
    result = c.create<AddOp>({result, c[i]});
  return c.yield(
      c.create<DivOp>({result, c.splat(elementOf(c[0]), c.getNumOperands())}));
}

static LogicalResult mod(NodeContext &c) {
  return c.yield(c.create<ModOp>(
      {c[0], c[1]}, c.boolean("truncated", c.getInt("fmod", 0) != 0)));
}

static LogicalResult bitShift(NodeContext &c) {
  std::string direction = c.getString("direction", "");
  if (direction != "LEFT" && direction != "RIGHT")
    return c.refuse("direction is '" + direction + "'", "LEFT, RIGHT");
  return c.yield(c.create<BitShiftOp>(
      {c[0], c[1]}, c.boolean("right", direction == "RIGHT")));
}

/// Before version 7 the slope has one entry per channel.
static LogicalResult oldPRelu(NodeContext &c) {
  SmallVector<int64_t> shape(shapeOf(c[1]));
  if (shape.size() == 1 && rankOf(c[0]) > 2)
    shape.append(rankOf(c[0]) - 2, 1);
  return c.yield(c.create<PReluOp>({c[0], c.reshape(c[1], shape)}));
}

static LogicalResult where(NodeContext &c) {
  return c.yield(c.create<WhereOp>({c[0], c[1], c[2]}));
}

//===----------------------------------------------------------------------===//
// Clip
//===----------------------------------------------------------------------===//

/// The bounds are attributes.
static LogicalResult oldClip(NodeContext &c) {
  Type element = elementOf(c[0]);
  auto bound = [&](StringRef name, bool largest) {
    return c.hasAttribute(name) ? c.splat(element, c.getFloat(name, 0))
                                : c.limit(element, largest);
  };
  return c.yield(
      c.create<ClipOp>({c[0], bound("min", false), bound("max", true)}));
}

/// The bounds are operands.
static LogicalResult clip(NodeContext &c) {
  Type element = elementOf(c[0]);
  return c.yield(c.create<ClipOp>({c[0], c[1] ? c[1] : c.limit(element, false),
                                   c[2] ? c[2] : c.limit(element, true)}));
}

void qc::registerElementwiseHandlers(HandlerTable &table) {
  table.add("Abs", 1, 1, unary<AbsOp>);
  table.add("Neg", 1, 1, unary<NegOp>);
  table.add("Exp", 1, 1, unary<ExpOp>);
  table.add("Log", 1, 1, unary<LogOp>);
  table.add("Sqrt", 1, 1, unary<SqrtOp>);
  table.add("Reciprocal", 1, 1, unary<ReciprocalOp>);
  table.add("Floor", 1, 1, unary<FloorOp>);
  table.add("Ceil", 1, 1, unary<CeilOp>);
  table.add("Round", 11, 1, unary<RoundOp>);
  table.add("Relu", 1, 1, unary<ReluOp>);
  table.add("Sigmoid", 1, 1, unary<SigmoidOp>);
  table.add("Tanh", 1, 1, unary<TanhOp>);
  table.add("Erf", 9, 1, unary<ErfOp>);
  table.add("Sin", 7, 1, unary<SinOp>);
  table.add("Cos", 7, 1, unary<CosOp>);
  table.add("Not", 1, 1, unary<NotOp>);
  table.add("LeakyRelu", 1, 1, leakyRelu);
  table.add("HardSigmoid", 1, 1, hardSigmoid);
  table.add("HardSwish", 14, 1, unary<HardSwishOp>);
  for (auto [name, since, handler] :
       {std::make_tuple("Acos", 7, &unary<AcosOp>),
        std::make_tuple("Acosh", 9, &unary<AcoshOp>),
        std::make_tuple("Asin", 7, &unary<AsinOp>),
        std::make_tuple("Asinh", 9, &unary<AsinhOp>),
        std::make_tuple("Atan", 7, &unary<AtanOp>),
        std::make_tuple("Atanh", 9, &unary<AtanhOp>),
        std::make_tuple("Cosh", 9, &unary<CoshOp>),
        std::make_tuple("Sinh", 9, &unary<SinhOp>),
        std::make_tuple("Tan", 7, &unary<TanOp>),
        std::make_tuple("Sign", 9, &unary<SignOp>),
        std::make_tuple("Softplus", 1, &unary<SoftplusOp>),
        std::make_tuple("Softsign", 1, &unary<SoftsignOp>),
        std::make_tuple("Mish", 18, &unary<MishOp>),
        std::make_tuple("IsNaN", 9, &unary<IsNaNOp>)})
    table.add(name, since, 1, handler);
  table.add("Elu", 1, 1, elu);
  table.add("Celu", 12, 1, celu);
  table.add("Selu", 1, 1, selu);
  table.add("ThresholdedRelu", 10, 1, thresholdedRelu);
  table.add("Shrink", 9, 1, shrink);
  table.add("Swish", 24, 1, swish);
  table.add("Gelu", 20, 1, gelu);
  table.add("IsInf", 10, 1, isInf);
  table.add("BitwiseNot", 18, 1, bitwiseNot);
  table.add("BitCast", 1, 1, bitCast);
  table.add("Mod", 10, 2, mod);
  table.add("BitShift", 11, 2, bitShift);
  table.add("PRelu", 1, 2, oldPRelu);
  table.add("PRelu", 7, 2, binary<PReluOp>);
  table.add("Identity", 1, 1, identity);
  table.add("Cast", 1, 1, castTo);
  table.add("CastLike", 15, 2, castLike);
  table.add("Dropout", 1, 1, dropout);

  table.add("Add", 1, 2, oldBinary<AddOp>);
  table.add("Sub", 1, 2, oldBinary<SubOp>);
  table.add("Mul", 1, 2, oldBinary<MulOp>);
  table.add("Div", 1, 2, oldBinary<DivOp>);
  table.add("Pow", 1, 2, oldBinary<PowOp>);
  table.add("And", 1, 2, oldBinary<AndOp>);
  table.add("Or", 1, 2, oldBinary<OrOp>);
  table.add("Xor", 1, 2, oldBinary<XorOp>);
  table.add("Equal", 1, 2, oldBinary<EqualOp>);
  table.add("Less", 1, 2, oldBinary<LessOp>);
  table.add("Greater", 1, 2, oldBinary<GreaterOp>);
  table.add("Add", 7, 2, binary<AddOp>);
  table.add("Sub", 7, 2, binary<SubOp>);
  table.add("Mul", 7, 2, binary<MulOp>);
  table.add("Div", 7, 2, binary<DivOp>);
  table.add("Pow", 7, 2, binary<PowOp>);
  table.add("And", 7, 2, binary<AndOp>);
  table.add("Or", 7, 2, binary<OrOp>);
  table.add("Xor", 7, 2, binary<XorOp>);
  table.add("BitwiseAnd", 18, 2, binary<AndOp>);
  table.add("BitwiseOr", 18, 2, binary<OrOp>);
  table.add("BitwiseXor", 18, 2, binary<XorOp>);
  table.add("Equal", 7, 2, binary<EqualOp>);
  table.add("Less", 7, 2, binary<LessOp>);
  table.add("Greater", 7, 2, binary<GreaterOp>);
  table.add("LessOrEqual", 12, 2, binary<LessOrEqualOp>);
  table.add("GreaterOrEqual", 12, 2, binary<GreaterOrEqualOp>);
  table.add("Min", 1, 1, variadic<MinOp>);
  table.add("Max", 1, 1, variadic<MaxOp>);
  table.add("Sum", 1, 1, variadic<AddOp>);
  table.add("Mean", 1, 1, mean);
  table.add("Where", 9, 3, where);
  table.add("Clip", 1, 1, oldClip);
  table.add("Clip", 11, 1, clip);
}
