// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of quantization operators.

#include "Handlers.h"
#include "Tensors.h"

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

/// The zero point, or zeros of the codes' type in the scale's shape.
static Value getZero(NodeContext &c, Type codes) {
  return c[2] ? c[2] : c.splat(codes, 0, shapeOf(c[1]));
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

void qc::registerQuantHandlers(HandlerTable &table) {
  table.add("QuantizeLinear", 10, 2, quantize);
  table.add("DequantizeLinear", 10, 2, dequantize);
  table.addIn("com.microsoft", "QuantizeLinear", 1, 2, quantize);
  table.addIn("com.microsoft", "DequantizeLinear", 1, 2, dequantize);
}
