// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization ops: inference, granularity checks and the one definition of
// their numerics.

#include "OpHelpers.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "qc/Dialect/QC/IR/NarrowFloat.h"

using namespace mlir;
using namespace qc;

/// Checks that `parameter` (scale or zero point) fits x per tensor, per axis or
/// per block.
static LogicalResult checkGranularity(std::optional<Location> loc, Value x,
                                      Value parameter, int64_t axis,
                                      int64_t blockSize,
                                      bool mayBeSingle = false) {
  ArrayRef<int64_t> shape = shapeOf(x), own = shapeOf(parameter);
  if (axis < 0 || (axis >= static_cast<int64_t>(shape.size()) &&
                   !(axis == 0 && shape.empty())))
    return emitOptionalError(loc, "axis ", axis, " is outside rank ",
                             shape.size());
  if (blockSize > 0) {
    if (mayBeSingle && tensorOf(parameter).getNumElements() == 1)
      return success();
    SmallVector<int64_t> expected(shape);
    expected[axis] = llvm::divideCeil(shape[axis], blockSize);
    if (own != ArrayRef<int64_t>(expected))
      return emitOptionalError(loc, "scales do not fit blocks of ", blockSize);
    return success();
  }
  if (blockSize < 0)
    return emitOptionalError(loc, "blockSize must not be negative");
  if (tensorOf(parameter).getNumElements() == 1 ||
      (own.size() == 1 && own[0] == shape[axis]))
    return success();
  return emitOptionalError(loc,
                           "expects one parameter or one per index of axis ",
                           axis, ", got ", tensorOf(parameter));
}

/// Reads a scale or zero point for the element of x at `indices`.
static Value readParameter(Emitter &e, unsigned operand, Value parameter,
                           ValueRange indices, int64_t axis,
                           int64_t blockSize) {
  RankedTensorType type = tensorOf(parameter);
  bool isSingle = type.getNumElements() == 1;
  if (blockSize > 0 && !isSingle) {
    SmallVector<Value> index(indices);
    index[axis] = e.create<arith::DivUIOp>({index[axis], e.index(blockSize)});
    return e.read(operand, index);
  }
  if (isSingle)
    return e.read(operand, SmallVector<Value>(type.getRank(), e.index(0)));
  return e.read(operand, indices[axis]);
}

/// A zero point as an integer of type `compute` (i32 if null).
static Value readZeroPoint(Emitter &e, unsigned operand, Value parameter,
                           ValueRange indices, int64_t axis, int64_t blockSize,
                           Type compute = {}) {
  Value zero = readParameter(e, operand, parameter, indices, axis, blockSize);
  return e.convert(zero, isUnsignedElement(elementOf(parameter)),
                   compute ? compute : e.builder.getI32Type(), false);
}

LogicalResult QuantizeOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  for (Value parameter : {adaptor.getScale(), adaptor.getZero()})
    if (failed(checkGranularity(loc, adaptor.getX(), parameter,
                                adaptor.getAxis(), adaptor.getBlockSize(),
                                parameter == adaptor.getZero())))
      return failure();
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),
                                        elementOf(adaptor.getZero())));
  return success();
}

Value QuantizeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type element = elementOf(getZero());
  Value x = e.read(0, indices);
  Value scale =
      readParameter(e, 1, getScale(), indices, getAxis(), getBlockSize());
  Type compute = getElementTypeOrSelf(x);
  scale = e.convert(scale, false, compute, false);
  Value scaled = e.create<arith::DivFOp>({x, scale});
  if (auto floatType = dyn_cast<FloatType>(element)) {
    scaled = e.convert(scaled, false, getComputeType(element), false);
    if (floatType.getWidth() >= 16)
      return scaled;
    return decodeNarrowFloat(e.builder, e.loc,
                             encodeNarrowFloat(e.builder, e.loc, scaled,
                                               floatType, /*saturate=*/true),
                             floatType);
  }
  Value zero =
      readZeroPoint(e, 2, getZero(), indices, getAxis(), getBlockSize());
  return e.roundSaturate(scaled, zero, element);
}

LogicalResult DequantizeOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  for (Value parameter : {adaptor.getScale(), adaptor.getZero()})
    if (failed(checkGranularity(loc, adaptor.getQ(), parameter,
                                adaptor.getAxis(), adaptor.getBlockSize(),
                                parameter == adaptor.getZero())))
      return failure();
  if (elementOf(adaptor.getZero()) != elementOf(adaptor.getQ()))
    return emitOptionalError(loc, "zero point and codes differ in type");
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getQ()),
                                        elementOf(adaptor.getScale())));
  return success();
}

Value DequantizeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type element = elementOf(getQ());
  Value q = e.read(0, indices);
  Value scale =
      readParameter(e, 1, getScale(), indices, getAxis(), getBlockSize());
  Type compute = getElementTypeOrSelf(scale);
  if (isa<FloatType>(element))
    return e.mul(e.convert(q, false, compute, false), scale);
  Type i32 = e.builder.getI32Type();
  Value zero =
      readZeroPoint(e, 2, getZero(), indices, getAxis(), getBlockSize());
  Value centered =
      e.sub(e.convert(q, isUnsignedElement(element), i32, false), zero);
  return e.mul(e.convert(centered, false, compute, false), scale);
}

LogicalResult RequantizeOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  if (failed(checkGranularity(loc, adaptor.getAcc(), adaptor.getMultiplier(),
                              adaptor.getAxis(), 0)))
    return failure();
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getAcc()),
                                        elementOf(adaptor.getZero())));
  return success();
}

Value RequantizeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value multiplier =
      readParameter(e, 1, getMultiplier(), indices, getAxis(), 0);
  Value scaled = e.mul(e.convert(e.read(0, indices),
                                 isUnsignedElement(elementOf(getAcc())),
                                 e.builder.getF32Type(), false),
                       multiplier);
  return e.roundSaturate(scaled,
                         readZeroPoint(e, 2, getZero(), indices, getAxis(), 0),
                         elementOf(getZero()));
}

LogicalResult
RequantizeFixedOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                    Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  for (Value operand :
       {adaptor.getAcc(), adaptor.getMultiplier(), adaptor.getShift()})
    if (!elementOf(operand).isSignedInteger(32))
      return emitOptionalError(
          loc, "accumulators, multiplier and shift must be si32, got ",
          elementOf(operand));
  if (shapeOf(adaptor.getMultiplier()) != shapeOf(adaptor.getShift()))
    return emitOptionalError(loc, "multiplier and shift differ in shape");
  auto storage = dyn_cast<IntegerType>(elementOf(adaptor.getZero()));
  if (!storage || storage.isSignless() || storage.getWidth() > 16 ||
      tensorOf(adaptor.getZero()).getNumElements() != 1)
    return emitOptionalError(
        loc, "zero must hold one si or ui integer of at most 16 bits, got ",
        adaptor.getZero().getType());
  if (failed(checkGranularity(loc, adaptor.getAcc(), adaptor.getMultiplier(),
                              adaptor.getAxis(), 0)))
    return failure();
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getAcc()),
                                        elementOf(adaptor.getZero())));
  return success();
}

Value RequantizeFixedOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type i64 = e.builder.getI64Type();
  auto storage = cast<IntegerType>(elementOf(getZero()));
  auto widen = [&](Value value, bool isUnsigned = false) {
    return e.convert(value, isUnsigned, i64, false);
  };
  Value multiplier =
            widen(readParameter(e, 1, getMultiplier(), indices, getAxis(), 0)),
        shift = widen(readParameter(e, 2, getShift(), indices, getAxis(), 0));
  Value one = e.constantInt(i64, 1);
  // 2^(shift - 1), and 0 for shift 0.
  Value half =
      e.create<arith::ShRSIOp>({e.create<arith::ShLIOp>({one, shift}), one});
  Value product = e.mul(widen(e.read(0, indices)), multiplier);
  Value code = e.create<arith::ShRSIOp>({e.add(product, half), shift});
  code = e.add(code, readZeroPoint(e, 3, getZero(), indices, 0, 0, i64));
  unsigned width = storage.getWidth();
  int64_t smallest = storage.isUnsigned() ? 0 : -(int64_t(1) << (width - 1));
  int64_t largest = storage.isUnsigned() ? (int64_t(1) << width) - 1
                                         : (int64_t(1) << (width - 1)) - 1;
  code = e.max(code, e.constantInt(i64, smallest), /*isUnsigned=*/false);
  code = e.min(code, e.constantInt(i64, largest), /*isUnsigned=*/false);
  return e.convert(code, false, getComputeType(storage), storage.isUnsigned());
}

LogicalResult RescaleOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  if (failed(checkGranularity(loc, adaptor.getQ(), adaptor.getMultiplier(),
                              adaptor.getAxis(), 0)))
    return failure();
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getQ()),
                                        elementOf(adaptor.getMultiplier())));
  return success();
}

Value RescaleOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  // Accumulators of 64 bits keep them.
  Type integer = e.builder.getIntegerType(
      std::max(32u, elementOf(getQ()).getIntOrFloatBitWidth()));
  Value multiplier =
      readParameter(e, 1, getMultiplier(), indices, getAxis(), 0);
  Value zero = readZeroPoint(e, 2, getZero(), indices, getAxis(), 0, integer);
  Value centered =
      e.sub(e.convert(e.read(0, indices), isUnsignedElement(elementOf(getQ())),
                      integer, false),
            zero);
  return e.mul(
      e.convert(centered, false, getElementTypeOrSelf(multiplier), false),
      multiplier);
}

LogicalResult RoundSaturateOp::inferReturnTypes(MLIRContext *,
                                                std::optional<Location>,
                                                Adaptor adaptor,
                                                SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),
                                        elementOf(adaptor.getZero())));
  return success();
}

Value RoundSaturateOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  return e.roundSaturate(e.read(0, indices),
                         readZeroPoint(e, 1, getZero(), indices, 0, 0),
                         elementOf(getZero()));
}

LogicalResult TableLookupOp::inferReturnTypes(MLIRContext *,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  auto element = dyn_cast<IntegerType>(elementOf(adaptor.getCodes()));
  if (!element || element.isSignless() || element.getWidth() > 8)
    return emitOptionalError(loc, "codes must be si or ui integers of at most "
                                  "8 bits");
  RankedTensorType table = tensorOf(adaptor.getTable());
  int64_t count = int64_t(1) << element.getWidth();
  if (table.getRank() != 1 || table.getDimSize(0) != count)
    return emitOptionalError(loc, "the table must hold ", count,
                             " entries, got ", table);
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getCodes()),
                                        table.getElementType()));
  return success();
}

Value TableLookupOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  auto element = cast<IntegerType>(elementOf(getCodes()));
  Type i32 = e.builder.getI32Type();
  Value code = e.convert(e.read(0, indices), element.isUnsigned(), i32, false);
  if (!element.isUnsigned())
    code =
        e.add(code, e.constantInt(i32, int64_t(1) << (element.getWidth() - 1)));
  auto lookUp = [&](Value position) {
    position = arith::IndexCastOp::create(e.builder, e.loc,
                                          e.builder.getIndexType(), position);
    return e.read(1, position);
  };
  // A vector of positions reads a vector.
  return isa<VectorType>(code.getType()) ? e.read(1, code) : lookUp(code);
}
