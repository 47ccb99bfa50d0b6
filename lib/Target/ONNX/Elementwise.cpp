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
  return c.yield(c.cast(c[0], element));
}

static LogicalResult castLike(NodeContext &c) {
  return c.yield(c.cast(c[0], elementOf(c[1])));
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
