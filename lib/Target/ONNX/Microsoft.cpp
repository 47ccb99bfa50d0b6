// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of com.microsoft's float operators that onnxruntime's optimizers
// write into files. Its quantized ones are in Quant.cpp, attention in
// Attention.cpp.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

static Value createGelu(NodeContext &c, Value x, bool tanhForm) {
  return c.create<GeluOp>(x, c.boolean("tanhForm", tanhForm));
}

static Value addOptional(NodeContext &c, Value x, Value addend) {
  return addend ? c.create<AddOp>({x, addend}) : x;
}

static LogicalResult gelu(NodeContext &c) {
  return c.yield(createGelu(c, c[0], false));
}
/// (x, bias)
static LogicalResult biasGelu(NodeContext &c) {
  return c.yield(createGelu(c, addOptional(c, c[0], c[1]), false));
}
static LogicalResult fastGelu(NodeContext &c) {
  return c.yield(createGelu(c, addOptional(c, c[0], c[1]), true));
}
static LogicalResult quickGelu(NodeContext &c) {
  return c.yield(
      c.create<SwishOp>(c[0], c.f32("alpha", c.getFloat("alpha", 1.702f))));
}

/// The sum of x, skip and a bias, normalized over the last dimension. Results
/// between the first and the sum are statistics of training, which no file for
/// inference asks for.
static LogicalResult
skipNorm(NodeContext &c, Value bias,
         function_ref<Value(Value, ArrayRef<NamedAttribute>)> normalize) {
  if (c.hasResult(1) || c.hasResult(2))
    return c.refuse("gives the statistics of training", "results 0 and 3");
  if (rankOf(c[0]) < 1)
    return c.refuse("x is a scalar", "rank 1 or more");
  Value sum = addOptional(c, c.create<AddOp>({c[0], c[1]}), bias);
  Value y = normalize(sum, {c.integer("axis", rankOf(c[0]) - 1),
                            c.f32("epsilon", c.getFloat("epsilon", 1e-12f))});
  if (!y || !sum)
    return failure();
  return c.yield(c.getNumResults() < 4 ? SmallVector<Value>{y}
                                       : SmallVector<Value>{y, sum, sum, sum});
}

/// (x, skip, gamma, beta, bias)
static LogicalResult skipLayerNorm(NodeContext &c) {
  return skipNorm(c, c[4], [&](Value x, ArrayRef<NamedAttribute> attributes) {
    SmallVector<Value> operands{x, c[2]};
    if (c[3])
      operands.push_back(c[3]);
    return c.create<LayerNormOp>(operands, attributes);
  });
}

/// (x, skip, gamma, bias)
static LogicalResult skipRMSNorm(NodeContext &c) {
  return skipNorm(c, c[3], [&](Value x, ArrayRef<NamedAttribute> attributes) {
    return c.create<RMSNormOp>({x, c[2]}, attributes);
  });
}

/// (x, scale): RMS normalization, written in ONNX's own domain.
static LogicalResult simplifiedLayerNorm(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(c.create<RMSNormOp>(
      {c[0], c[1]}, {c.integer("axis", *axis),
                     c.f32("epsilon", c.getFloat("epsilon", 1e-5f))}));
}

static LogicalResult fusedMatMul(NodeContext &c) {
  if (c.getInt("transBatchA", 0) || c.getInt("transBatchB", 0))
    return c.refuse("transposes batch dimensions",
                    "transBatchA and transBatchB of 0");
  auto turn = [&](Value x, StringRef attribute) {
    int64_t rank = rankOf(x);
    if (!c.getInt(attribute, 0) || rank < 2)
      return x;
    SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    std::swap(order[rank - 1], order[rank - 2]);
    return c.transpose(x, order);
  };
  Value y = createMatMul(c, turn(c[0], "transA"), turn(c[1], "transB"), {}, {});
  double alpha = c.getFloat("alpha", 1);
  if (y && alpha != 1)
    y = c.create<MulOp>({y, c.splat(elementOf(y), alpha)});
  return c.yield(y);
}

/// The activation of FusedConv and FusedGemm.
static Value activate(NodeContext &c, Value x) {
  std::string name = c.getString("activation", "");
  SmallVector<double> parameters =
      c.getFloats("activation_params").value_or(SmallVector<double>());
  auto parameter = [&](size_t i, double missing) {
    return i < parameters.size() ? parameters[i] : missing;
  };
  if (!x || name.empty())
    return x;
  if (name == "Relu")
    return c.create<ReluOp>(x);
  if (name == "Sigmoid")
    return c.create<SigmoidOp>(x);
  if (name == "Tanh")
    return c.create<TanhOp>(x);
  if (name == "LeakyRelu")
    return c.create<LeakyReluOp>(x, c.f32("alpha", parameter(0, 0.01f)));
  if (name == "Clip")
    return c.create<ClipOp>({x, c.splat(elementOf(x), parameter(0, 0)),
                             c.splat(elementOf(x), parameter(1, 6))});
  if (name == "HardSigmoid")
    return c.create<HardSigmoidOp>(x, {c.f32("alpha", parameter(0, 0.2f)),
                                       c.f32("beta", parameter(1, 0.5f))});
  (void)c.refuse("activation is '" + name + "'",
                 "Relu, Sigmoid, Tanh, LeakyRelu, Clip, HardSigmoid");
  return {};
}

/// (x, w, bias, addend)
static LogicalResult fusedConv(NodeContext &c) {
  Value y = createConv(c, c[0], c[1], c[2], {}, {});
  return c.yield(activate(c, y ? addOptional(c, y, c[3]) : y));
}

void qc::registerMicrosoftHandlers(HandlerTable &table) {
  const char *domain = "com.microsoft";
  table.addIn(domain, "Gelu", 1, 1, gelu);
  table.addIn(domain, "BiasGelu", 1, 2, biasGelu);
  table.addIn(domain, "FastGelu", 1, 1, fastGelu);
  table.addIn(domain, "QuickGelu", 1, 1, quickGelu);
  table.addIn(domain, "SkipLayerNormalization", 1, 3, skipLayerNorm);
  table.addIn(domain, "SkipSimplifiedLayerNormalization", 1, 3, skipRMSNorm);
  table.add("SimplifiedLayerNormalization", 1, 2, simplifiedLayerNorm);
  table.addIn(domain, "FusedMatMul", 1, 2, fusedMatMul);
  table.addIn(domain, "FusedConv", 1, 2, fusedConv);
}
