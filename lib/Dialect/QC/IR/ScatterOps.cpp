// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scatters: inference and reference meaning.
//
// They are stated per result element: it looks for the updates that hit it.
// That is parallel and deterministic on every target, for a time that grows
// with the number of updates.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

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
