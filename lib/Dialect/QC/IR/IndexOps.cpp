// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops whose positions are computed: inference and reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// TileOp
//===----------------------------------------------------------------------===//

LogicalResult TileOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()), shape = adaptor.getShape();
  if (failed(verifySizes(loc, shape, x.size())))
    return failure();
  for (auto [size, tiled] : llvm::zip_equal(x, shape))
    if (size == 0 && tiled != 0)
      return emitOptionalError(loc, "an empty dimension stays empty");
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool TileOp::isLaneTransparent(unsigned dim) {
  return shapeOf(getX())[dim] == getShape()[dim] || shapeOf(getX())[dim] == 1;
}

Value TileOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source;
  for (auto [index, size, tiled] :
       llvm::zip_equal(indices, shapeOf(getX()), getShape())) {
    if (size == tiled)
      source.push_back(index);
    else if (size == 1)
      source.push_back(e.index(0));
    else
      source.push_back(e.create<arith::RemUIOp>({index, e.index(size)}));
  }
  return e.read(0, source);
}

//===----------------------------------------------------------------------===//
// TriluOp
//===----------------------------------------------------------------------===//

LogicalResult TriluOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (x.getRank() < 2)
    return emitOptionalError(loc, "x must have rank 2 or more");
  if (tensorOf(adaptor.getK()).getNumElements() != 1)
    return emitOptionalError(loc, "k must hold one integer");
  types.push_back(RankedTensorType::get(x.getShape(), x.getElementType()));
  return success();
}

bool TriluOp::isLaneTransparent(unsigned dim) {
  return dim + 2 < static_cast<unsigned>(tensorOf(getX()).getRank());
}

Value TriluOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value x = e.read(0, indices);
  Value k = readIndex(e, 1, getK(), firstOf(e, getK()));
  Value distance = e.sub(indices.back(), indices.drop_back().back());
  Value kept = e.compare(getUpper() ? arith::CmpIPredicate::sge
                                    : arith::CmpIPredicate::sle,
                         distance, k);
  return e.select(kept, x, e.constant(x.getType(), 0));
}

//===----------------------------------------------------------------------===//
// RangeOp
//===----------------------------------------------------------------------===//

LogicalResult RangeOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  Type element = elementOf(adaptor.getStart());
  if (tensorOf(adaptor.getStart()).getNumElements() != 1 ||
      tensorOf(adaptor.getDelta()).getNumElements() != 1 ||
      elementOf(adaptor.getDelta()) != element)
    return emitOptionalError(
        loc, "start and delta must hold one element of one type");
  if (adaptor.getSize() < 0)
    return emitOptionalError(loc, "size must not be negative");
  types.push_back(RankedTensorType::get({adaptor.getSize()}, element));
  return success();
}

bool RangeOp::isLaneTransparent(unsigned) { return false; }

Value RangeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type element = elementOf(getStart());
  Value position = arith::IndexCastOp::create(
      e.builder, e.loc, e.builder.getI64Type(), indices[0]);
  position = e.convert(position, false, getComputeType(element),
                       isUnsignedElement(element));
  return e.add(e.read(0, firstOf(e, getStart())),
               e.mul(position, e.read(1, firstOf(e, getDelta()))));
}

//===----------------------------------------------------------------------===//
// OneHotOp
//===----------------------------------------------------------------------===//

LogicalResult OneHotOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getIndices()));
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis > static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "axis ", axis, " is outside rank ",
                             shape.size() + 1);
  if (tensorOf(adaptor.getValues()).getNumElements() != 2 ||
      tensorOf(adaptor.getValues()).getRank() != 1)
    return emitOptionalError(loc, "values must hold two elements");
  shape.insert(shape.begin() + axis, adaptor.getDepth());
  if (failed(verifySizes(loc, shape, shape.size())))
    return failure();
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getValues())));
  return success();
}

bool OneHotOp::isLaneTransparent(unsigned) { return false; }

Value OneHotOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> outer(indices);
  Value own = outer[getAxis()];
  outer.erase(outer.begin() + getAxis());
  Value wanted = readIndex(e, 0, getIndices(), outer);
  wanted = fromEnd(e, wanted, getDepth());
  Value isHot = e.compare(arith::CmpIPredicate::eq, wanted, own);
  Value which = e.select(isHot, e.index(1), e.index(0));
  return e.read(1, which);
}

//===----------------------------------------------------------------------===//
// GatherElementsOp, GatherNDOp
//===----------------------------------------------------------------------===//

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *,
                                                 std::optional<Location> loc,
                                                 Adaptor adaptor,
                                                 SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> data = shapeOf(adaptor.getData()),
                    indices = shapeOf(adaptor.getIndices());
  if (data.size() != indices.size() || !isAxis(adaptor.getAxis(), data.size()))
    return emitOptionalError(loc, "data and indices must have one rank that "
                                  "axis lies in");
  auto type = RankedTensorType::get(indices, elementOf(adaptor.getData()));
  for (auto [dim, size] : llvm::enumerate(indices))
    if (static_cast<int64_t>(dim) != adaptor.getAxis() && size > data[dim])
      return emitOptionalError(loc, "indices exceed data in dimension ", dim);
  if (data[adaptor.getAxis()] == 0 && type.getNumElements() != 0)
    return emitOptionalError(loc, "gathers from an empty axis");
  types.push_back(type);
  return success();
}

bool GatherElementsOp::isLaneTransparent(unsigned) { return false; }

Value GatherElementsOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source(indices);
  int64_t size = shapeOf(getData())[getAxis()];
  source[getAxis()] = clampIndex(
      e, fromEnd(e, readIndex(e, 1, getIndices(), indices), size), size);
  return e.read(0, source);
}

LogicalResult GatherNDOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> data = shapeOf(adaptor.getData()),
                    indices = shapeOf(adaptor.getIndices());
  int64_t batch = adaptor.getBatchDims();
  if (!isAxis(batch, data.size()) || !isAxis(batch, indices.size()) ||
      data.take_front(batch) != indices.take_front(batch))
    return emitOptionalError(loc, "data and indices must agree in the first ",
                             batch, " dimensions and have one more");
  int64_t length = indices.back();
  if (length > static_cast<int64_t>(data.size()) - batch)
    return emitOptionalError(loc, "tuples of ", length,
                             " indices exceed data's rank");
  SmallVector<int64_t> shape(indices.drop_back());
  llvm::append_range(shape, data.drop_front(batch + length));
  auto type = RankedTensorType::get(shape, elementOf(adaptor.getData()));
  if (type.getNumElements() != 0 &&
      llvm::is_contained(data.slice(batch, length), 0))
    return emitOptionalError(loc, "gathers from an empty dimension");
  types.push_back(type);
  return success();
}

bool GatherNDOp::isLaneTransparent(unsigned dim) {
  return dim + 1 >= static_cast<unsigned>(tensorOf(getIndices()).getRank());
}

Value GatherNDOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t batch = getBatchDims();
  ArrayRef<int64_t> data = shapeOf(getData());
  size_t outer = tensorOf(getIndices()).getRank() - 1;
  SmallVector<Value> source(indices.take_front(batch));
  SmallVector<Value> tuple(indices.take_front(outer));
  tuple.push_back({});
  for (int64_t k = 0; k < shapeOf(getIndices()).back(); ++k) {
    tuple.back() = e.index(k);
    int64_t size = data[batch + k];
    source.push_back(clampIndex(
        e, fromEnd(e, readIndex(e, 1, getIndices(), tuple), size), size));
  }
  llvm::append_range(source, indices.drop_front(outer));
  return e.read(0, source);
}
