// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops whose positions are computed: inference and reference meaning.
//
// Scatters are stated per result element: it looks for the updates that hit it.
// That is parallel and deterministic on every target, for a time that grows
// with the number of updates.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

static bool isAxis(int64_t axis, size_t rank) {
  return axis >= 0 && axis < static_cast<int64_t>(rank);
}

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

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

/// What an element becomes when an update meets it.
static Value combine(Emitter &e, ScatterKind kind, Value current, Value update,
                     Type element) {
  bool isUnsigned = isUnsignedElement(element);
  switch (kind) {
  case ScatterKind::Replace:
    return update;
  case ScatterKind::Add:
    return e.round(e.add(current, update), element);
  case ScatterKind::Mul:
    return e.round(e.mul(current, update), element);
  case ScatterKind::Max:
    return e.max(current, update, isUnsigned);
  case ScatterKind::Min:
    return e.min(current, update, isUnsigned);
  }
  return update;
}

LogicalResult
ScatterElementsOp::inferReturnTypes(MLIRContext *, std::optional<Location> loc,
                                    Adaptor adaptor,
                                    SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorOf(adaptor.getData()),
                   updates = tensorOf(adaptor.getUpdates());
  if (updates.getShape() != shapeOf(adaptor.getIndices()) ||
      updates.getRank() != data.getRank() ||
      updates.getElementType() != data.getElementType())
    return emitOptionalError(loc, "indices and updates must have one shape of "
                                  "data's rank, updates data's element type");
  if (!isAxis(adaptor.getAxis(), data.getRank()))
    return emitOptionalError(loc, "axis ", adaptor.getAxis(),
                             " is outside rank ", data.getRank());
  for (auto [dim, size] : llvm::enumerate(updates.getShape()))
    if (static_cast<int64_t>(dim) != adaptor.getAxis() &&
        size > data.getDimSize(dim))
      return emitOptionalError(loc, "updates exceed data in dimension ", dim);
  types.push_back(
      RankedTensorType::get(data.getShape(), data.getElementType()));
  return success();
}

bool ScatterElementsOp::isLaneTransparent(unsigned) { return false; }
int64_t ScatterElementsOp::getElementCost() {
  return 4 * shapeOf(getUpdates())[getAxis()];
}

Value ScatterElementsOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> data = shapeOf(getData()), updates = shapeOf(getUpdates());
  int64_t axis = getAxis();
  Value original = e.read(0, indices);
  if (tensorOf(getUpdates()).getNumElements() == 0)
    return original;
  // Only elements that some update can reach look for it.
  Value reachable;
  for (auto [dim, size] : llvm::enumerate(updates)) {
    if (static_cast<int64_t>(dim) == axis || size == data[dim])
      continue;
    Value inside =
        e.compare(arith::CmpIPredicate::ult, indices[dim], e.index(size));
    reachable =
        reachable ? e.create<arith::AndIOp>({reachable, inside}) : inside;
  }
  auto search = [&] {
    return e.reduce(
        {updates[axis]}, original, [&](ValueRange k, Value current) {
          SmallVector<Value> at(indices);
          at[axis] = k.front();
          Value target =
              fromEnd(e, readIndex(e, 1, getIndices(), at), data[axis]);
          Value hits =
              e.compare(arith::CmpIPredicate::eq, target, indices[axis]);
          Value combined = combine(e, getKind(), current, e.read(2, at),
                                   elementOf(getData()));
          return e.select(hits, combined, current);
        });
  };
  if (!reachable)
    return search();
  return e.branch(reachable, search, [&] { return original; });
}

LogicalResult ScatterNDOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType data = tensorOf(adaptor.getData());
  ArrayRef<int64_t> indices = shapeOf(adaptor.getIndices());
  if (indices.empty() || indices.back() > data.getRank())
    return emitOptionalError(loc, "indices must hold tuples of at most ",
                             data.getRank(), " entries");
  SmallVector<int64_t> expected(indices.drop_back());
  llvm::append_range(expected, data.getShape().drop_front(indices.back()));
  if (ArrayRef(expected) != shapeOf(adaptor.getUpdates()) ||
      elementOf(adaptor.getUpdates()) != data.getElementType())
    return emitOptionalError(
        loc, "updates must have one slice of data per tuple of indices");
  types.push_back(
      RankedTensorType::get(data.getShape(), data.getElementType()));
  return success();
}

bool ScatterNDOp::isLaneTransparent(unsigned) { return false; }
int64_t ScatterNDOp::getElementCost() {
  return 4 * (tensorOf(getIndices()).getNumElements() + 1);
}

Value ScatterNDOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> tuples = shapeOf(getIndices()).drop_back();
  int64_t length = shapeOf(getIndices()).back();
  return e.reduce(tuples, e.read(0, indices), [&](ValueRange k, Value current) {
    SmallVector<Value> at(k);
    at.push_back({});
    Value hits = e.constantInt(e.builder.getI1Type(), 1);
    for (int64_t d = 0; d < length; ++d) {
      at.back() = e.index(d);
      Value target =
          fromEnd(e, readIndex(e, 1, getIndices(), at), shapeOf(getData())[d]);
      hits = e.create<arith::AndIOp>(
          {hits, e.compare(arith::CmpIPredicate::eq, target, indices[d])});
    }
    SmallVector<Value> source(k);
    llvm::append_range(source, indices.drop_front(length));
    return e.branch(
        hits,
        [&] {
          return combine(e, getKind(), current, e.read(2, source),
                         elementOf(getData()));
        },
        [&] { return current; });
  });
}

LogicalResult MaxUnpoolOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX());
  if (x.size() < 3 || x != shapeOf(adaptor.getIndices()))
    return emitOptionalError(
        loc, "x and indices must have one shape of rank 3 or more");
  if (failed(verifySizes(loc, adaptor.getShape(), x.size() - 2)))
    return failure();
  SmallVector<int64_t> shape(x.take_front(2));
  llvm::append_range(shape, adaptor.getShape());
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool MaxUnpoolOp::isLaneTransparent(unsigned) { return false; }
int64_t MaxUnpoolOp::getElementCost() {
  ArrayRef<int64_t> x = shapeOf(getX());
  int64_t count = 4;
  for (int64_t size : x.drop_front(2))
    count *= size;
  return count;
}

Value MaxUnpoolOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value own = e.index(0);
  for (auto [index, size] : llvm::zip_equal(indices, shapeOf(getY())))
    own = e.addIndex(e.mulIndex(own, size), index);
  Type compute = getComputeType(elementOf(getX()));
  return e.reduce(shapeOf(getX()).drop_front(2), e.constant(compute, 0),
                  [&](ValueRange k, Value current) {
                    SmallVector<Value> at(indices.take_front(2));
                    llvm::append_range(at, k);
                    Value hits =
                        e.compare(arith::CmpIPredicate::eq,
                                  readIndex(e, 1, getIndices(), at), own);
                    return e.select(hits, e.read(0, at), current);
                  });
}

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
