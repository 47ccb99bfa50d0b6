// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of the QDQ level.

#include "ExportHandlers.h"

#include "qc/Dialect/QC/IR/Emitter.h"

using namespace mlir;
using namespace qc;

/// The attributes of a QuantizeLinear or DequantizeLinear: nothing per tensor,
/// an axis, or an axis and a block size.
static SmallVector<onnx::AttributeProto>
getGranularity(ExportContext &c, Term scale, int64_t axis, int64_t blockSize) {
  SmallVector<onnx::AttributeProto> attributes;
  if (blockSize == 0 && scale.type.getNumElements() == 1)
    return attributes;
  attributes.push_back(c.integer("axis", axis));
  if (blockSize != 0)
    attributes.push_back(c.integer("block_size", blockSize));
  return attributes;
}

/// Codes of a type that ONNX lacks saturate earlier than the type in which they
/// are stored: x is clamped to what their ends stand for. Rounding keeps those
/// numbers on the ends. Null after an error.
static Term clampToCodes(ExportContext &c, QuantizeOp op, Term x) {
  Type codes = cast<RankedTensorType>(op.getQ().getType()).getElementType();
  if (codes == c.getResultType().getElementType())
    return x;
  ElementsAttr scale = c.getConstant(op.getScale()),
               zero = c.getConstant(op.getZero());
  FailureOr<SmallVector<double>> scales = failure(), zeros = failure();
  if (scale && zero && scale.getNumElements() == 1) {
    scales = getConstantNumbers(scale);
    zeros = getConstantNumbers(zero);
  }
  if (failed(scales) || failed(zeros)) {
    (void)c.refuse("quantizes to codes that ONNX lacks with scales of several "
                   "elements or of a run",
                   "a constant scale and zero point of one element");
    return {};
  }
  unsigned width = codes.getIntOrFloatBitWidth();
  bool isUnsigned = isUnsignedElement(codes);
  double lowest = isUnsigned ? 0 : -std::ldexp(1.0, width - 1),
         highest = lowest + std::ldexp(1.0, width) - 1;
  auto bound = [&](double code) {
    return c.splat(x.element(), (code - zeros->front()) * scales->front());
  };
  return c.node("Clip", {x, bound(lowest), bound(highest)}, x.type);
}

static LogicalResult quantize(ExportContext &c, QuantizeOp op) {
  Term x = clampToCodes(c, op, c.get(op.getX()));
  if (!x)
    return failure();
  Term scale = c.get(op.getScale());
  return c.yield(c.node(
      "QuantizeLinear", {x, scale, c.get(op.getZero())}, c.getResultType(),
      getGranularity(c, scale, op.getAxis(), op.getBlockSize())));
}

/// A zero point of 0 is left out for int32, whose zero points no runtime takes.
static LogicalResult dequantize(ExportContext &c, DequantizeOp op) {
  Term q = c.get(op.getQ()), scale = c.get(op.getScale()), zero;
  if (!q.element().isInteger(32) || !c.isSplatOf(op.getZero(), 0))
    zero = c.get(op.getZero());
  return c.yield(
      c.node("DequantizeLinear", {q, scale, zero}, c.getResultType(),
             getGranularity(c, scale, op.getAxis(), op.getBlockSize())));
}

/// float(q - zero) * multiplier: what com.microsoft's operators become whose
/// scales are computed at run time.
static LogicalResult rescale(ExportContext &c, RescaleOp op) {
  Term q = c.get(op.getQ()), multiplier = c.get(op.getMultiplier());
  if (!c.isSplatOf(op.getZero(), 0))
    q = c.binary("Sub", q, c.reshape(c.get(op.getZero()), {}));
  if (multiplier.type.getNumElements() == 1) {
    multiplier = c.reshape(multiplier, {});
  } else {
    SmallVector<int64_t> shape(q.rank(), 1);
    shape[op.getAxis()] = multiplier.type.getNumElements();
    multiplier = c.reshape(multiplier, shape);
  }
  return c.yield(c.binary("Mul", c.cast(q, multiplier.element()), multiplier));
}

void qc::addQuantExports(ExportTable &table) {
  table.add<quantize>();
  table.add<dequantize>();
  table.add<rescale>();
}
