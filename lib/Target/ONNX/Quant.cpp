// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of quantization operators.

#include "Handlers.h"
#include "Tensors.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qc;

/// Granularity of a Q or DQ node: its axis and block size. Scales of one
/// element need no axis.
static FailureOr<std::pair<int64_t, int64_t>> getGranularity(NodeContext &c) {
  int64_t rank = rankOf(c[0]), block = c.getInt("block_size", 0);
  if (tensorOf(c[1]).getNumElements() == 1 && block == 0)
    return std::make_pair(int64_t(0), int64_t(0));
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 1), rank);
  if (failed(axis))
    return failure();
  return std::make_pair(*axis, block);
}

/// A zero point in the scale's shape; null stands for zeros of the codes' type.
static Value fitZero(NodeContext &c, Value zero, Value scale, Type codes) {
  if (!zero)
    return c.splat(codes, 0, shapeOf(scale));
  // Files mix scalars and vectors of one element.
  bool isScalar = tensorOf(zero).getNumElements() == 1 &&
                  tensorOf(scale).getNumElements() == 1;
  return isScalar ? c.reshape(zero, shapeOf(scale)) : zero;
}
static Value getZero(NodeContext &c, Type codes) {
  return fitZero(c, c[2], c[1], codes);
}

static LogicalResult quantize(NodeContext &c) {
  FailureOr<std::pair<int64_t, int64_t>> granularity = getGranularity(c);
  if (failed(granularity))
    return failure();
  Type codes = c.getBuilder().getIntegerType(8, /*isSigned=*/false);
  if (int64_t dataType = c.getInt("output_dtype", 0)) {
    codes = getElementType(codes.getContext(), static_cast<int32_t>(dataType));
    if (!codes || (c[2] && elementOf(c[2]) != codes))
      return c.refuse("output_dtype does not fit the zero point");
  }
  int64_t precision = c.getInt("precision", 0);
  if (precision != 0 && precision != onnx::TensorProto::FLOAT)
    return c.refuse("precision is " +
                        getDataTypeName(static_cast<int32_t>(precision)),
                    "float");
  if (c.getInt("saturate", 1) == 0 && c[2] && isa<FloatType>(elementOf(c[2])))
    return c.refuse("saturate is 0", "saturating conversions");
  // Integers quantize by their value.
  Value x = c[0];
  if (isa<IntegerType>(elementOf(x)))
    x = c.cast(x, elementOf(c[1]));
  return c.yield(
      c.create<QuantizeOp>({x, c[1], getZero(c, codes)},
                           {c.integer("axis", granularity->first),
                            c.integer("blockSize", granularity->second)}));
}

static LogicalResult dequantize(NodeContext &c) {
  FailureOr<std::pair<int64_t, int64_t>> granularity = getGranularity(c);
  if (failed(granularity))
    return failure();
  Value x =
      c.create<DequantizeOp>({c[0], c[1], getZero(c, elementOf(c[0]))},
                             {c.integer("axis", granularity->first),
                              c.integer("blockSize", granularity->second)});
  if (int64_t dataType = c.getInt("output_dtype", 0)) {
    Type element = getElementType(elementOf(c[0]).getContext(),
                                  static_cast<int32_t>(dataType));
    if (!element)
      return c.refuse("output_dtype is no float type");
    x = c.cast(x, element);
  }
  return c.yield(x);
}

//===----------------------------------------------------------------------===//
// QOperator form
//===----------------------------------------------------------------------===//

// Operators on codes are imported as what a QDQ model writes in their place, so
// that the two styles reach the same integer graph and what the numbers are is
// defined once, in qc-to-integer. Only operators whose scales are computed at
// run time, or whose result is the accumulator, are integer ops from the start.

static Value createDequantize(NodeContext &c, Value x, Value scale, Value zero,
                              int64_t axis = 0) {
  if (!x || !scale)
    return {};
  if (tensorOf(scale).getNumElements() == 1)
    axis = 0;
  return c.create<DequantizeOp>(
      {x, scale, fitZero(c, zero, scale, elementOf(x))},
      {c.integer("axis", axis), c.integer("blockSize", 0)});
}

static Value createQuantize(NodeContext &c, Value x, Value scale, Value zero,
                            Type codes) {
  if (!x || !scale)
    return {};
  return c.create<QuantizeOp>(
      {x, scale, fitZero(c, zero, scale, codes)},
      {c.integer("axis", 0), c.integer("blockSize", 0)});
}

/// Int32 codes of a bias, whose scale is the product of the operands' scales.
static Value createBias(NodeContext &c, Value bias, Value lhsScale,
                        Value rhsScale) {
  Value scale = c.create<MulOp>({lhsScale, rhsScale});
  if (!scale)
    return {};
  if (rankOf(scale) > 0)
    scale = c.reshape(scale, {tensorOf(scale).getNumElements()});
  return createDequantize(c, bias, scale, {},
                          std::max<int64_t>(rankOf(bias) - 1, 0));
}

/// (x, scale, zero, w, scale, zero, scale, zero, bias)
static LogicalResult qlinearConv(NodeContext &c) {
  Value x = createDequantize(c, c[0], c[1], c[2]);
  Value w = createDequantize(c, c[3], c[4], c[5]);
  Value bias = c[8] ? createBias(c, c[8], c[1], c[4]) : Value();
  if (!x || !w || (c[8] && !bias))
    return failure();
  return c.yield(createQuantize(c, createConv(c, x, w, bias, {}, {}), c[6],
                                c[7], elementOf(c[0])));
}

/// Whether scales of a matrix product's operands are scalars or vectors, along
/// rows on the left and columns on the right.
static LogicalResult checkMatMulScales(NodeContext &c, Value aScale,
                                       Value bScale) {
  if (rankOf(aScale) > 1 || rankOf(bScale) > 1)
    return c.refuse("its scales have types " + getTypeName(aScale) + " and " +
                        getTypeName(bScale),
                    "scalars or vectors");
  return success();
}

/// (a, scale, zero, b, scale, zero, scale, zero)
static LogicalResult qlinearMatMul(NodeContext &c) {
  if (failed(checkMatMulScales(c, c[1], c[4])))
    return failure();
  Value a = createDequantize(c, c[0], c[1], c[2],
                             std::max<int64_t>(rankOf(c[0]) - 2, 0));
  Value b = createDequantize(c, c[3], c[4], c[5],
                             std::max<int64_t>(rankOf(c[3]) - 1, 0));
  return c.yield(createQuantize(c, createMatMul(c, a, b, {}, {}), c[6], c[7],
                                elementOf(c[0])));
}

/// com.microsoft QGemm: the addend is in units of alpha s_a s_b; without an
/// output scale the result is float.
static LogicalResult qgemm(NodeContext &c) {
  if (rankOf(c[0]) != 2 || rankOf(c[3]) != 2)
    return c.refuse("operands have ranks " + Twine(rankOf(c[0])) + " and " +
                        Twine(rankOf(c[3])),
                    "rank 2");
  if (failed(checkMatMulScales(c, c[1], c[4])))
    return failure();
  Value aScale = c[1];
  if (double alpha = c.getFloat("alpha", 1); alpha != 1)
    aScale = c.create<MulOp>({aScale, c.splat(elementOf(aScale), alpha)});
  bool transA = c.getInt("transA", 0), transB = c.getInt("transB", 0);
  Value a = createDequantize(c, c[0], aScale, c[2], transA ? 1 : 0);
  Value b = createDequantize(c, c[3], c[4], c[5], transB ? 0 : 1);
  Value y = createMatMul(c, transA ? c.transpose(a, {1, 0}) : a,
                         transB ? c.transpose(b, {1, 0}) : b, {}, {});
  if (c[6])
    y = c.create<AddOp>({y, createBias(c, c[6], aScale, c[4])});
  return c.yield(c[7] ? createQuantize(c, y, c[7], c[8], elementOf(c[0])) : y);
}

/// (a, scale, zero, b, scale, zero, scale, zero)
template <typename OpTy> static LogicalResult qlinearBinary(NodeContext &c) {
  Value a = createDequantize(c, c[0], c[1], c[2]);
  Value b = createDequantize(c, c[3], c[4], c[5]);
  return c.yield(
      createQuantize(c, c.create<OpTy>({a, b}), c[6], c[7], elementOf(c[0])));
}

/// (x, scale, zero, scale, zero)
static LogicalResult qlinearUnary(NodeContext &c,
                                  function_ref<Value(Value)> compute) {
  Value x = createDequantize(c, c[0], c[1], c[2]);
  if (!x)
    return failure();
  return c.yield(createQuantize(c, compute(x), c[3], c[4], elementOf(c[0])));
}

static LogicalResult qlinearSigmoid(NodeContext &c) {
  return qlinearUnary(c, [&](Value x) { return c.create<SigmoidOp>(x); });
}

static LogicalResult qlinearLeakyRelu(NodeContext &c) {
  return qlinearUnary(c, [&](Value x) {
    return c.create<LeakyReluOp>(x, c.f32("alpha", c.getFloat("alpha", 0.01f)));
  });
}

static LogicalResult qlinearSoftmax(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  if (c.getInt("opset", 13) < 13 && *axis + 1 != rankOf(c[0]))
    return c.refuse("flattens several dimensions", "the last axis");
  return qlinearUnary(c, [&](Value x) {
    return c.create<SoftmaxOp>(
        x, {c.integer("axis", *axis), c.boolean("logarithm", false)});
  });
}

/// Runs `compute` on a channels-first form of a tensor that may be
/// channels-last.
static Value inChannelsFirst(NodeContext &c, Value x,
                             function_ref<Value(Value)> compute) {
  int64_t rank = rankOf(x);
  if (!c.getInt("channels_last", 0) || rank < 3)
    return compute(x);
  SmallVector<int64_t> toFirst{0, rank - 1}, toLast{0};
  for (int64_t dim = 1; dim + 1 < rank; ++dim)
    toFirst.push_back(dim);
  for (int64_t dim = 2; dim < rank; ++dim)
    toLast.push_back(dim);
  toLast.push_back(1);
  return c.transpose(compute(c.transpose(x, toFirst)), toLast);
}

static LogicalResult qlinearGlobalAveragePool(NodeContext &c) {
  if (rankOf(c[0]) < 3)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 3 or more");
  return qlinearUnary(c, [&](Value x) {
    return inChannelsFirst(c, x, [&](Value x) {
      return c.reduce(x, ReduceKind::Mean,
                      llvm::to_vector(llvm::seq<int64_t>(2, rankOf(x))));
    });
  });
}

static LogicalResult qlinearAveragePool(NodeContext &c) {
  return qlinearUnary(c, [&](Value x) {
    return inChannelsFirst(c, x,
                           [&](Value x) { return createAveragePool(c, x); });
  });
}

/// (scale, zero, then x, scale, zero per operand)
static LogicalResult qlinearConcat(NodeContext &c) {
  if (c.getNumOperands() < 5 || (c.getNumOperands() - 2) % 3 != 0)
    return c.refuse("has " + Twine(c.getNumOperands()) + " operands",
                    "two and three for each tensor");
  SmallVector<Value> inputs;
  for (unsigned i = 2; i < c.getNumOperands(); i += 3)
    inputs.push_back(createDequantize(c, c[i], c[i + 1], c[i + 2]));
  if (!inputs.front())
    return c.refuse("an operand is missing");
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", 0), rankOf(inputs.front()));
  if (failed(axis))
    return failure();
  return c.yield(
      createQuantize(c, c.create<ConcatOp>(inputs, c.integer("axis", *axis)),
                     c[0], c[1], elementOf(c[2])));
}

/// (condition, x, scale, zero, y, scale, zero, scale, zero)
static LogicalResult qlinearWhere(NodeContext &c) {
  Value x = createDequantize(c, c[1], c[2], c[3]);
  Value y = createDequantize(c, c[4], c[5], c[6]);
  return c.yield(createQuantize(c, c.create<WhereOp>({c[0], x, y}), c[7], c[8],
                                elementOf(c[1])));
}

//===----------------------------------------------------------------------===//
// Dynamic quantization
//===----------------------------------------------------------------------===//

namespace {
struct DynamicQuantization {
  Value codes, scale, zero;
};
} // namespace

/// Range, scale and zero point from the data, as ONNX's function body of
/// DynamicQuantizeLinear.
static DynamicQuantization quantizeDynamically(NodeContext &c, Value x) {
  Type element = elementOf(x);
  Type codes = c.getBuilder().getIntegerType(8, /*isSigned=*/false);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rankOf(x)));
  Value none = c.splat(element, 0), largest = c.splat(element, 255);
  Value low = c.reshape(c.reduce(x, ReduceKind::Min, axes), {});
  Value high = c.reshape(c.reduce(x, ReduceKind::Max, axes), {});
  low = c.create<MinOp>({low, none});
  high = c.create<MaxOp>({high, none});
  Value scale = c.create<DivOp>({c.create<SubOp>({high, low}), largest});
  Value zero = c.create<SubOp>({none, c.create<DivOp>({low, scale})});
  zero = c.create<RoundOp>(c.create<ClipOp>({zero, none, largest}));
  if (!zero)
    return {};
  zero = c.cast(zero, codes);
  return {createQuantize(c, x, scale, zero, codes), scale, zero};
}

static LogicalResult dynamicQuantizeLinear(NodeContext &c) {
  DynamicQuantization result = quantizeDynamically(c, c[0]);
  return c.yield({result.codes, result.scale, result.zero});
}

/// The accumulator times s_a s_b, and a float addend.
static LogicalResult yieldScaledMatMul(NodeContext &c, Value a, Value b,
                                       Value aScale, Value bScale, Value aZero,
                                       Value bZero, Value addend) {
  Value sum = createMatMul(c, a, b, aZero, bZero);
  Value scale = c.create<MulOp>({aScale, bScale});
  if (!sum || !scale)
    return failure();
  int64_t count = tensorOf(scale).getNumElements();
  if (tensorOf(aScale).getNumElements() != 1 ||
      (count != 1 && (rankOf(sum) == 0 || count != shapeOf(sum).back())))
    return c.refuse("its scales have types " + getTypeName(aScale) + " and " +
                        getTypeName(bScale),
                    "one on the left, one or one per column on the right");
  scale = count == 1 ? c.reshape(scale, {}) : c.reshape(scale, {count});
  Value y =
      c.create<RescaleOp>({sum, scale, c.splat(elementOf(sum), 0)},
                          c.integer("axis", count == 1 ? 0 : rankOf(sum) - 1));
  return c.yield(addend ? c.create<AddOp>({y, addend}) : y);
}

/// com.microsoft: (a, b, scale, scale, zero, zero, addend)
static LogicalResult matMulIntegerToFloat(NodeContext &c) {
  return yieldScaledMatMul(c, c[0], c[1], c[2], c[3], c[4], c[5], c[6]);
}

/// com.microsoft: (a, b, scale of b, zero of b, addend)
static LogicalResult dynamicQuantizeMatMul(NodeContext &c) {
  DynamicQuantization a = quantizeDynamically(c, c[0]);
  if (!a.codes)
    return failure();
  return yieldScaledMatMul(c, a.codes, c[1], a.scale, c[2], a.zero, c[3], c[4]);
}

void qc::registerQuantHandlers(HandlerTable &table) {
  table.add("QuantizeLinear", 10, 2, quantize);
  table.add("DequantizeLinear", 10, 2, dequantize);
  table.add("QLinearConv", 10, 8, qlinearConv);
  table.add("QLinearMatMul", 10, 8, qlinearMatMul);
  table.add("DynamicQuantizeLinear", 11, 1, dynamicQuantizeLinear);
  const char *domain = "com.microsoft";
  table.addIn(domain, "MatMulIntegerToFloat", 1, 4, matMulIntegerToFloat);
  table.addIn(domain, "DynamicQuantizeMatMul", 1, 3, dynamicQuantizeMatMul);
  table.addIn(domain, "QLinearConv", 1, 8, qlinearConv);
  table.addIn(domain, "QGemm", 1, 6, qgemm);
  table.addIn(domain, "QLinearAdd", 1, 2, qlinearBinary<AddOp>);
  table.addIn(domain, "QLinearMul", 1, 2, qlinearBinary<MulOp>);
  table.addIn(domain, "QLinearSigmoid", 1, 2, qlinearSigmoid);
  table.addIn(domain, "QLinearLeakyRelu", 1, 2, qlinearLeakyRelu);
  table.addIn(domain, "QLinearSoftmax", 1, 2, qlinearSoftmax);
  table.addIn(domain, "QLinearGlobalAveragePool", 1, 2,
              qlinearGlobalAveragePool);
  table.addIn(domain, "QLinearAveragePool", 1, 2, qlinearAveragePool);
  table.addIn(domain, "QLinearWhere", 1, 8, qlinearWhere);
  table.addIn(domain, "QLinearConcat", 1, 1, qlinearConcat);
  table.addIn(domain, "QuantizeLinear", 1, 2, quantize);
  table.addIn(domain, "DequantizeLinear", 1, 2, dequantize);
}
