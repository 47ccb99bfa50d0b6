// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolution and matrix product: inference, verification, reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

/// Element type of a contraction's result: `requested` or si32 for integers,
/// the operand's for floats.
static FailureOr<Type> inferAccumulator(std::optional<Location> loc, Type lhs,
                                        Type rhs,
                                        std::optional<Type> requested) {
  if (isa<FloatType>(lhs) && lhs == rhs && !requested)
    return lhs;
  if (isa<IntegerType>(lhs) && isa<IntegerType>(rhs) &&
      lhs.getIntOrFloatBitWidth() <= 16 && rhs.getIntOrFloatBitWidth() <= 16) {
    if (!requested)
      return Type(IntegerType::get(lhs.getContext(), 32, IntegerType::Signed));
    if (requested->isSignedInteger(32) || requested->isSignedInteger(64))
      return *requested;
  }
  if (requested)
    return emitOptionalError(
        loc, "accumulators must be si32 or si64, of integers only, got ",
        *requested);
  return emitOptionalError(loc,
                           "operands must be floats of one type or integers of "
                           "at most 16 bits, got ",
                           lhs, " and ", rhs);
}

/// The compute-type operand minus its zero point, widened to `accumulator`.
static Value widen(Emitter &e, Value value, Value tensor, Type accumulator,
                   Value zero) {
  Type element = elementOf(tensor);
  value = e.convert(value, isUnsignedElement(element), accumulator, false);
  return zero ? e.sub(value, zero) : value;
}

/// Reads zero point operand `operand` (null if absent) at the index along its
/// only dimension.
static Value readZero(Emitter &e, unsigned operand, Value zero, Value index,
                      Type accumulator) {
  if (!zero)
    return {};
  RankedTensorType type = tensorOf(zero);
  SmallVector<Value> indices(type.getRank(), e.index(0));
  if (type.getNumElements() != 1)
    indices.back() = index;
  return e.convert(e.read(operand, indices),
                   isUnsignedElement(type.getElementType()), accumulator,
                   false);
}

//===----------------------------------------------------------------------===//
// ConvOp
//===----------------------------------------------------------------------===//

LogicalResult ConvOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()), w = shapeOf(adaptor.getW());
  if (x.size() < 3 || x.size() != w.size())
    return emitOptionalError(loc,
                             "x and w must have the same rank, at least 3");
  size_t spatial = x.size() - 2;
  if (failed(verifyWindow(loc, spatial, w.drop_front(2), adaptor.getStrides(),
                          adaptor.getPads(), adaptor.getDilations())))
    return failure();
  FailureOr<Type> element =
      inferAccumulator(loc, elementOf(adaptor.getX()),
                       elementOf(adaptor.getW()), adaptor.getAccumulator());
  if (failed(element))
    return failure();
  SmallVector<int64_t> shape{x[0], w[0]};
  for (size_t d = 0; d < spatial; ++d) {
    int64_t size = windowedSize(x[2 + d], w[2 + d], adaptor.getStrides()[d],
                                adaptor.getDilations()[d], adaptor.getPads()[d],
                                adaptor.getPads()[spatial + d]);
    if (size < 0)
      return emitOptionalError(
          loc,
          "the padded input is smaller than the window in spatial dimension ",
          d);
    shape.push_back(size);
  }
  types.push_back(RankedTensorType::get(shape, *element));
  return success();
}

LogicalResult ConvOp::verify() {
  // The result's type is inferred later: this refuses them first.
  if (tensorOf(getX()).getRank() < 3 || tensorOf(getW()).getRank() < 3)
    return emitOpError("x and w must have the same rank, at least 3");
  int64_t group = getGroup(), channels = shapeOf(getX())[1];
  ArrayRef<int64_t> w = shapeOf(getW());
  if (group < 1 || channels % group != 0 || channels / group != w[1] ||
      w[0] % group != 0)
    return emitOpError("has ")
           << channels << " input channels, weights for " << w[1]
           << " per group, " << w[0] << " outputs and group " << group;
  bool isInteger = isa<IntegerType>(elementOf(getX()));
  if (getBias() && (tensorOf(getBias()).getNumElements() != w[0] ||
                    elementOf(getBias()) != elementOf(getY())))
    return emitOpError("bias must hold ")
           << w[0] << " elements of the result's type";
  if (!isInteger && (getXZero() || getWZero()))
    return emitOpError("float operands take no zero points");
  if (getXZero() && tensorOf(getXZero()).getNumElements() != 1)
    return emitOpError("x_zero must hold one element");
  if (getWZero()) {
    int64_t count = tensorOf(getWZero()).getNumElements();
    if (count != 1 && (count != w[0] || tensorOf(getWZero()).getRank() != 1))
      return emitOpError(
          "w_zero must hold one element or one per output channel");
  }
  return success();
}

int64_t ConvOp::getElementCost() {
  return 2 * tensorOf(getW()).getNumElements() /
         std::max<int64_t>(shapeOf(getW())[0], 1);
}

bool ConvOp::isLaneTransparent(unsigned dim) {
  // Along output channels the input is the same for all lanes, or, for a
  // depthwise convolution, indexed by the very same channel.
  return dim == 1 && (getGroup() == 1 || isDepthwise());
}

bool ConvOp::isDepthwise() {
  return getGroup() > 1 && shapeOf(getW())[1] == 1 &&
         getGroup() == shapeOf(getW())[0];
}

Value ConvOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  int64_t group = getGroup(), perGroup = w[1], outputsPerGroup = w[0] / group;
  Type accumulator = getComputeType(elementOf(getY()));
  Value output = indices[1];
  // Operand numbers of the optional operands.
  unsigned next = 2;
  unsigned biasOperand = getBias() ? next++ : 0,
           xZeroOperand = getXZero() ? next++ : 0;
  unsigned wZeroOperand = getWZero() ? next++ : 0;
  Value xZero = readZero(e, xZeroOperand, getXZero(), {}, accumulator);
  Value wZero = readZero(e, wZeroOperand, getWZero(), output, accumulator);

  Value channelBase;
  if (group == 1)
    channelBase = e.index(0);
  else if (outputsPerGroup == 1)
    channelBase = e.mulIndex(output, perGroup);
  else
    channelBase = e.mulIndex(
        e.create<arith::DivUIOp>({output, e.index(outputsPerGroup)}), perGroup);

  SmallVector<int64_t> extents(w.drop_front(2));
  extents.push_back(perGroup);
  Value zero = e.constant(accumulator, 0);
  Value sum =
      e.reduce(extents, e.splat(zero), [&](ValueRange k, Value partial) {
        Value channel = k.back();
        SmallVector<Value> xIndex{
            indices[0],
            perGroup == 1 ? channelBase : e.addIndex(channelBase, channel)};
        Value inside = windowIndices(e, indices.drop_front(2), k.drop_back(),
                                     x.drop_front(2), getStrides(), getPads(),
                                     getDilations(), w.drop_front(2), xIndex);
        SmallVector<Value> wIndex{output, perGroup == 1 ? e.index(0) : channel};
        llvm::append_range(wIndex, k.drop_back());
        Value data = widen(e, e.read(0, xIndex), getX(), accumulator, xZero);
        if (inside)
          data = e.select(inside, data, zero);
        Value weight = widen(e, e.read(1, wIndex), getW(), accumulator, wZero);
        return e.add(partial, e.mul(data, weight));
      });
  if (getBias())
    sum = e.add(sum, e.read(biasOperand, output));
  return sum;
}

//===----------------------------------------------------------------------===//
// MatMulOp
//===----------------------------------------------------------------------===//

LogicalResult MatMulOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> a = shapeOf(adaptor.getA()), b = shapeOf(adaptor.getB());
  if (a.size() < 2 || b.size() < 2)
    return emitOptionalError(loc, "both operands must have rank 2 or more");
  if (a.back() != b[b.size() - 2])
    return emitOptionalError(loc, "inner dimensions differ: ", a.back(),
                             " and ", b[b.size() - 2]);
  FailureOr<Type> element =
      inferAccumulator(loc, elementOf(adaptor.getA()),
                       elementOf(adaptor.getB()), adaptor.getAccumulator());
  FailureOr<SmallVector<int64_t>> shape =
      broadcastShapes({a.drop_back(2), b.drop_back(2)});
  if (failed(element))
    return failure();
  if (failed(shape))
    return emitOptionalError(loc, "batch dimensions do not broadcast");
  shape->push_back(a[a.size() - 2]);
  shape->push_back(b.back());
  types.push_back(RankedTensorType::get(*shape, *element));
  return success();
}

LogicalResult MatMulOp::verify() {
  // The result's type is inferred later: this refuses them first.
  if (tensorOf(getA()).getRank() < 2 || tensorOf(getB()).getRank() < 2)
    return emitOpError("operands must have rank 2 or more");
  if (!isa<IntegerType>(elementOf(getA())) && (getAZero() || getBZero()))
    return emitOpError("float operands take no zero points");
  auto fits = [](Value zero, int64_t size) {
    return !zero || tensorOf(zero).getNumElements() == 1 ||
           (tensorOf(zero).getRank() == 1 && shapeOf(zero)[0] == size);
  };
  if (!fits(getAZero(), shapeOf(getA()).drop_back().back()) ||
      !fits(getBZero(), shapeOf(getB()).back()))
    return emitOpError(
        "zero points must hold one element or one per row of a or column of b");
  return success();
}

int64_t MatMulOp::getElementCost() { return 2 * shapeOf(getA()).back(); }

bool MatMulOp::isLaneTransparent(unsigned dim) {
  return dim + 1 == static_cast<unsigned>(tensorOf(getY()).getRank());
}

Value MatMulOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type accumulator = getComputeType(elementOf(getY()));
  unsigned next = 2;
  unsigned aZeroOperand = getAZero() ? next++ : 0,
           bZeroOperand = getBZero() ? next++ : 0;
  Value row = indices.drop_back().back(), column = indices.back();
  Value aZero = readZero(e, aZeroOperand, getAZero(), row, accumulator);
  Value bZero = readZero(e, bZeroOperand, getBZero(), column, accumulator);
  auto batchIndex = [&](Value tensor) {
    ArrayRef<int64_t> batch = shapeOf(tensor).drop_back(2);
    SmallVector<Value> index(indices.drop_back(2).take_back(batch.size()));
    for (auto [position, size] : llvm::zip_equal(index, batch))
      if (size == 1)
        position = e.index(0);
    return index;
  };
  SmallVector<Value> aIndex = batchIndex(getA()), bIndex = batchIndex(getB());
  aIndex.append({row, Value()});
  bIndex.append({Value(), column});
  return e.reduce(
      {shapeOf(getA()).back()}, e.splat(e.constant(accumulator, 0)),
      [&](ValueRange k, Value partial) {
        aIndex.back() = k.front();
        bIndex[bIndex.size() - 2] = k.front();
        return e.add(
            partial,
            e.mul(widen(e, e.read(0, aIndex), getA(), accumulator, aZero),
                  widen(e, e.read(1, bIndex), getB(), accumulator, bZero)));
      });
}
