// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Moves whose positions are known only at run time: inference and reference
// meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// ReverseSequenceOp
//===----------------------------------------------------------------------===//

LogicalResult
ReverseSequenceOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                    Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX());
  int64_t time = adaptor.getTimeAxis(), batch = adaptor.getBatchAxis();
  if (x.size() < 2 || !isAxis(time, 2) || !isAxis(batch, 2) || time == batch)
    return emitOptionalError(
        loc, "x must have rank 2 or more, the axes must be 0 and 1");
  if (tensorOf(adaptor.getLengths()).getRank() != 1 ||
      shapeOf(adaptor.getLengths())[0] != x[batch])
    return emitOptionalError(loc, "lengths must have one entry per batch");
  types.push_back(RankedTensorType::get(x, elementOf(adaptor.getX())));
  return success();
}

bool ReverseSequenceOp::isLaneTransparent(unsigned dim) { return dim >= 2; }

Value ReverseSequenceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source(indices);
  Value time = indices[getTimeAxis()];
  Value length = readIndex(e, 1, getLengths(), indices[getBatchAxis()]);
  Value reversed = e.addIndex(e.sub(length, time), -1);
  Value inside = e.compare(arith::CmpIPredicate::slt, time, length);
  source[getTimeAxis()] = clampIndex(e, e.select(inside, reversed, time),
                                     shapeOf(getX())[getTimeAxis()]);
  return e.read(0, source);
}

//===----------------------------------------------------------------------===//
// Slices and pads known at run time
//===----------------------------------------------------------------------===//

static bool hasEntryPerDimension(Value tensor, size_t rank) {
  return tensorOf(tensor).getRank() == 1 &&
         shapeOf(tensor)[0] == static_cast<int64_t>(rank);
}

LogicalResult DynamicSliceOp::inferReturnTypes(MLIRContext *,
                                               std::optional<Location> loc,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (!hasEntryPerDimension(adaptor.getStarts(), x.getRank()) ||
      !hasEntryPerDimension(adaptor.getSteps(), x.getRank()))
    return emitOptionalError(
        loc, "starts and steps must have one entry per dimension of x");
  if (failed(verifySizes(loc, adaptor.getShape(), x.getRank())))
    return failure();
  auto type = RankedTensorType::get(adaptor.getShape(), x.getElementType());
  if (type.getNumElements() != 0 && x.getNumElements() == 0)
    return emitOptionalError(loc, "slices an empty tensor");
  types.push_back(type);
  return success();
}

bool DynamicSliceOp::isLaneTransparent(unsigned) { return false; }

Value DynamicSliceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source;
  for (auto [dim, size] : llvm::enumerate(shapeOf(getX()))) {
    Value at = e.index(dim);
    // A start behind the end is the last element's for a negative step and
    // nothing otherwise: clamping serves both.
    Value start =
        clampIndex(e, fromEnd(e, readIndex(e, 1, getStarts(), at), size), size);
    Value step = readIndex(e, 2, getSteps(), at);
    source.push_back(clampIndex(
        e, e.addIndex(start, e.create<arith::MulIOp>({indices[dim], step})),
        size));
  }
  return e.read(0, source);
}

LogicalResult DynamicPadOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (!hasEntryPerDimension(adaptor.getBegins(), x.getRank()))
    return emitOptionalError(loc,
                             "begins must have one entry per dimension of x");
  if (tensorOf(adaptor.getValue()).getNumElements() != 1 ||
      elementOf(adaptor.getValue()) != x.getElementType())
    return emitOptionalError(loc, "value must hold one element of x's type");
  if (failed(verifySizes(loc, adaptor.getShape(), x.getRank())))
    return failure();
  if (adaptor.getMode() != PadMode::Constant && x.getNumElements() == 0)
    return emitOptionalError(loc, "there is no element to repeat");
  types.push_back(
      RankedTensorType::get(adaptor.getShape(), x.getElementType()));
  return success();
}

bool DynamicPadOp::isLaneTransparent(unsigned) { return false; }

Value DynamicPadOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source;
  Value inside;
  for (auto [dim, size] : llvm::enumerate(shapeOf(getX()))) {
    Value begin = readIndex(e, 2, getBegins(), e.index(dim));
    PaddedPosition padded =
        padPosition(e, e.sub(indices[dim], begin), size, getMode());
    source.push_back(padded.position);
    if (padded.isInside)
      inside = inside ? e.create<arith::AndIOp>({inside, padded.isInside})
                      : padded.isInside;
  }
  if (!inside)
    return e.read(0, source);
  if (tensorOf(getX()).getNumElements() == 0)
    return e.read(1, firstOf(e, getValue()));
  return e.branch(
      inside, [&] { return e.read(0, source); },
      [&] { return e.read(1, firstOf(e, getValue())); });
}

//===----------------------------------------------------------------------===//
// CacheUpdateOp
//===----------------------------------------------------------------------===//

LogicalResult CacheUpdateOp::inferReturnTypes(MLIRContext *,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  RankedTensorType past = tensorOf(adaptor.getPast());
  int64_t axis = adaptor.getAxis();
  if (!isAxis(axis, past.getRank()) || axis == 0)
    return emitOptionalError(loc,
                             "axis must be behind the batch and inside "
                             "rank ",
                             past.getRank());
  SmallVector<int64_t> update(shapeOf(adaptor.getUpdate()));
  bool fits = static_cast<int64_t>(update.size()) == past.getRank() &&
              update[axis] <= past.getDimSize(axis);
  if (fits)
    update[axis] = past.getDimSize(axis);
  if (!fits || ArrayRef(update) != past.getShape() ||
      elementOf(adaptor.getUpdate()) != past.getElementType())
    return emitOptionalError(loc, "update does not fit into past");
  if (!hasEntryPerDimension(adaptor.getPositions(), past.getDimSize(0)))
    return emitOptionalError(loc, "positions must have one entry per batch");
  types.push_back(
      RankedTensorType::get(past.getShape(), past.getElementType()));
  return success();
}

bool CacheUpdateOp::isLaneTransparent(unsigned dim) {
  return dim != 0 && static_cast<int64_t>(dim) != getAxis();
}

Value CacheUpdateOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t axis = getAxis(), size = shapeOf(getPast())[axis],
          rows = shapeOf(getUpdate())[axis];
  Value offset =
      e.sub(indices[axis], readIndex(e, 2, getPositions(), indices[0]));
  if (getCircular())
    offset = padPosition(e, offset, size, PadMode::Wrap).position;
  Value isNew = e.compare(arith::CmpIPredicate::ult, offset, e.index(rows));
  SmallVector<Value> source(indices);
  source[axis] = offset;
  return e.branch(
      isNew, [&] { return e.splat(e.read(1, source)); },
      [&] { return e.splat(e.read(0, indices)); });
}
