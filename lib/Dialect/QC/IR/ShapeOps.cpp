// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that move elements: inference and the index arithmetic that defines them.

#include "OpHelpers.h"

#include "qc/Dialect/QC/IR/ReferenceLoops.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// ReshapeOp
//===----------------------------------------------------------------------===//

LogicalResult ReshapeOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  int64_t count = 1;
  for (int64_t size : adaptor.getShape())
    if (size < 0 || llvm::MulOverflow(count, size, count))
      return emitOptionalError(loc,
                               "shape has a negative dimension or overflows");
  if (count != tensorOf(adaptor.getX()).getNumElements())
    return emitOptionalError(loc, "cannot give ",
                             tensorOf(adaptor.getX()).getNumElements(),
                             " elements a shape of ", count);
  types.push_back(
      RankedTensorType::get(adaptor.getShape(), elementOf(adaptor.getX())));
  return success();
}

bool ReshapeOp::isLaneTransparent(unsigned) { return false; }

Value ReshapeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value position = e.index(0);
  for (auto [index, size] : llvm::zip_equal(indices, getShape()))
    position = e.addIndex(e.mulIndex(position, size), index);
  ArrayRef<int64_t> source = shapeOf(getX());
  SmallVector<Value> sourceIndex(source.size());
  for (int64_t dim = source.size() - 1; dim >= 0; --dim) {
    if (source[dim] == 1) {
      sourceIndex[dim] = e.index(0);
      continue;
    }
    Value size = e.index(source[dim]);
    bool isOutermost =
        llvm::all_of(source.take_front(dim), [](int64_t s) { return s == 1; });
    sourceIndex[dim] =
        isOutermost ? position : e.create<arith::RemUIOp>({position, size});
    if (!isOutermost)
      position = e.create<arith::DivUIOp>({position, size});
  }
  return e.read(0, sourceIndex);
}

//===----------------------------------------------------------------------===//
// TransposeOp
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()),
                    permutation = adaptor.getPermutation();
  SmallVector<bool> seen(x.size(), false);
  SmallVector<int64_t> shape;
  if (permutation.size() == x.size())
    for (int64_t dim : permutation)
      if (dim >= 0 && dim < static_cast<int64_t>(x.size()) && !seen[dim]) {
        seen[dim] = true;
        shape.push_back(x[dim]);
      }
  if (shape.size() != x.size() || permutation.size() != x.size())
    return emitOptionalError(loc, "permutation is none of rank ", x.size());
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool TransposeOp::isLaneTransparent(unsigned) { return true; }

Value TransposeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source(indices.size());
  for (auto [position, dim] : llvm::enumerate(getPermutation()))
    source[dim] = indices[position];
  return e.read(0, source);
}

//===----------------------------------------------------------------------===//
// SliceOp
//===----------------------------------------------------------------------===//

LogicalResult SliceOp::inferReturnTypes(MLIRContext *,
                                        std::optional<Location> loc,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX());
  ArrayRef<int64_t> offsets = adaptor.getOffsets(), sizes = adaptor.getSizes(),
                    steps = adaptor.getSteps();
  if (offsets.size() != x.size() || sizes.size() != x.size() ||
      steps.size() != x.size())
    return emitOptionalError(loc,
                             "expects one offset, size and step per dimension");
  for (auto [dim, size] : llvm::enumerate(sizes)) {
    if (size < 0 || size > x[dim])
      return emitOptionalError(loc, "size ", size, " does not fit dimension ",
                               dim);
    int64_t last = 0;
    if (size > 0 &&
        (llvm::MulOverflow(size - 1, steps[dim], last) ||
         llvm::AddOverflow(last, offsets[dim], last) || offsets[dim] < 0 ||
         offsets[dim] >= x[dim] || last < 0 || last >= x[dim]))
      return emitOptionalError(loc, "reads outside dimension ", dim);
  }
  types.push_back(RankedTensorType::get(sizes, elementOf(adaptor.getX())));
  return success();
}

bool SliceOp::isLaneTransparent(unsigned dim) { return getSteps()[dim] == 1; }

Value SliceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<Value> source;
  for (auto [index, offset, step] :
       llvm::zip_equal(indices, getOffsets(), getSteps()))
    source.push_back(e.addIndex(e.mulIndex(index, step), offset));
  return e.read(0, source);
}

//===----------------------------------------------------------------------===//
// ConcatOp
//===----------------------------------------------------------------------===//

LogicalResult ConcatOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "needs at least one operand");
  SmallVector<int64_t> shape(shapeOf(adaptor.getInputs().front()));
  Type element = elementOf(adaptor.getInputs().front());
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(shape.size()))
    return emitOptionalError(loc, "axis ", axis, " is outside rank ",
                             shape.size());
  shape[axis] = 0;
  for (Value input : adaptor.getInputs()) {
    SmallVector<int64_t> other(shapeOf(input));
    if (other.size() != shape.size() || elementOf(input) != element)
      return emitOptionalError(loc, "operands differ in rank or element type");
    if (llvm::AddOverflow(shape[axis], other[axis], shape[axis]))
      return emitOptionalError(loc, "the result's size overflows");
    other[axis] = shape[axis];
    if (other != shape)
      return emitOptionalError(loc, "operands differ outside the axis");
  }
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

bool ConcatOp::isLaneTransparent(unsigned dim) {
  return static_cast<int64_t>(dim) != getAxis();
}

Value ConcatOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t axis = getAxis();
  // Nested branches find the operand; only that one is evaluated.
  std::function<Value(unsigned, int64_t)> pick = [&](unsigned operand,
                                                     int64_t begin) -> Value {
    SmallVector<Value> index(indices);
    index[axis] = e.addIndex(indices[axis], -begin);
    if (operand + 1 == getInputs().size())
      return e.read(operand, index);
    int64_t end = begin + shapeOf(getInputs()[operand])[axis];
    if (begin == end)
      return pick(operand + 1, end);
    Value isHere =
        e.compare(arith::CmpIPredicate::ult, indices[axis], e.index(end));
    return e.branch(
        isHere, [&] { return e.splat(e.read(operand, index)); },
        [&] { return e.splat(pick(operand + 1, end)); });
  };
  return pick(0, 0);
}

//===----------------------------------------------------------------------===//
// PadOp
//===----------------------------------------------------------------------===//

LogicalResult PadOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()), pads = adaptor.getPads();
  if (pads.size() != 2 * x.size())
    return emitOptionalError(loc, "expects two pads per dimension");
  if (tensorOf(adaptor.getValue()).getNumElements() != 1 ||
      elementOf(adaptor.getValue()) != elementOf(adaptor.getX()))
    return emitOptionalError(loc, "value must hold one element of x's type");
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(x)) {
    int64_t begin = pads[dim], end = pads[x.size() + dim], padded = 0;
    if (llvm::AddOverflow(size, begin, padded) ||
        llvm::AddOverflow(padded, end, padded) || padded < 0)
      return emitOptionalError(loc, "pads leave dimension ", dim, " negative");
    bool isPadded = begin > 0 || end > 0;
    if (adaptor.getMode() == PadMode::Reflect &&
        (begin >= std::max<int64_t>(size, 1) ||
         end >= std::max<int64_t>(size, 1)))
      return emitOptionalError(
          loc, "reflect pads must be smaller than dimension ", dim);
    if (adaptor.getMode() != PadMode::Constant && isPadded && size == 0)
      return emitOptionalError(loc, "dimension ", dim,
                               " has no element to repeat");
    shape.push_back(padded);
  }
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool PadOp::isLaneTransparent(unsigned dim) {
  return getPads()[dim] == 0 &&
         getPads()[tensorOf(getX()).getRank() + dim] == 0;
}

Value PadOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX());
  Value inside;
  SmallVector<Value> source;
  for (auto [dim, size] : llvm::enumerate(x)) {
    int64_t begin = getPads()[dim], end = getPads()[x.size() + dim];
    Value position = e.addIndex(indices[dim], -begin);
    if (begin <= 0 && end <= 0) {
      source.push_back(position);
      continue;
    }
    PaddedPosition padded = padPosition(e, position, size, getMode());
    if (padded.isInside)
      inside = inside ? e.create<arith::AndIOp>({inside, padded.isInside})
                      : padded.isInside;
    position = padded.position;
    source.push_back(position);
  }
  if (!inside)
    return e.read(0, source);
  SmallVector<Value> first(tensorOf(getValue()).getRank(), e.index(0));
  return e.branch(
      inside, [&] { return e.splat(e.read(0, source)); },
      [&] { return e.splat(e.read(1, first)); });
}

//===----------------------------------------------------------------------===//
// PadBorderOp
//===----------------------------------------------------------------------===//

LogicalResult PadBorderOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> shape = adaptor.getShape(), pads = adaptor.getPads();
  if (failed(verifySizes(loc, shape, shape.size())))
    return failure();
  if (pads.size() != 2 * shape.size())
    return emitOptionalError(loc, "expects two pads per dimension");
  for (auto [dim, size] : llvm::enumerate(shape)) {
    int64_t begin = pads[dim], end = pads[shape.size() + dim];
    if (begin < 0 || end < 0 || begin > size || end > size - begin)
      return emitOptionalError(loc, "pads of dimension ", dim,
                               " must lie within its ", size, " elements");
  }
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getValue())));
  return success();
}

SmallVector<int64_t> PadBorderOp::getParallelExtents() { return {1}; }

void PadBorderOp::emitBlock(Emitter &e, ValueRange) {
  ArrayRef<int64_t> shape = getShape(), pads = getPads();
  size_t rank = shape.size();
  Value value = e.read(0, firstOf(e, getValue()));
  // In the order of memory, for each dimension: inside along the ones before
  // it, in its own border, all along the ones behind it.
  SmallVector<int64_t> order = getPhysicalOrder(tensorOf(getY()));
  SmallVector<int64_t> offsets(rank, 0), extents(shape);
  for (int64_t dim : order) {
    int64_t begin = pads[dim], end = pads[rank + dim];
    for (auto [offset, extent] :
         {std::pair(int64_t(0), begin), std::pair(shape[dim] - end, end)}) {
      if (extent == 0)
        continue;
      offsets[dim] = offset;
      extents[dim] = extent;
      SmallVector<int64_t> ordered;
      for (int64_t d : order)
        ordered.push_back(extents[d]);
      e.forEach(ordered, [&](ValueRange iteration) {
        SmallVector<Value> indices(rank);
        for (auto [d, index] : llvm::zip_equal(order, iteration))
          indices[d] = e.addIndex(index, offsets[d]);
        e.write(0, indices, value);
      });
    }
    offsets[dim] = begin;
    extents[dim] = shape[dim] - begin - end;
  }
}

//===----------------------------------------------------------------------===//
// ExpandOp
//===----------------------------------------------------------------------===//

LogicalResult ExpandOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (llvm::any_of(adaptor.getShape(), [](int64_t size) { return size < 0; }))
    return emitOptionalError(loc, "shape has a negative dimension");
  FailureOr<SmallVector<int64_t>> shape =
      broadcastShapes({shapeOf(adaptor.getX()), adaptor.getShape()});
  if (failed(shape))
    return emitOptionalError(loc, "x does not broadcast to the shape");
  types.push_back(RankedTensorType::get(*shape, elementOf(adaptor.getX())));
  return success();
}

bool ExpandOp::isLaneTransparent(unsigned) { return true; }

Value ExpandOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  return e.readBroadcast(0, tensorOf(getX()), indices);
}

//===----------------------------------------------------------------------===//
// GatherOp
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> data = shapeOf(adaptor.getData());
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= static_cast<int64_t>(data.size()))
    return emitOptionalError(loc, "axis ", axis, " is outside rank ",
                             data.size());
  SmallVector<int64_t> shape(data.take_front(axis));
  llvm::append_range(shape, shapeOf(adaptor.getIndices()));
  llvm::append_range(shape, data.drop_front(axis + 1));
  auto type = RankedTensorType::get(shape, elementOf(adaptor.getData()));
  if (data[axis] == 0 && type.getNumElements() != 0)
    return emitOptionalError(loc, "gathers from an empty axis");
  types.push_back(type);
  return success();
}

bool GatherOp::isLaneTransparent(unsigned dim) {
  int64_t axis = getAxis(), rank = tensorOf(getIndices()).getRank();
  return dim < axis || dim >= axis + rank;
}

Value GatherOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t axis = getAxis(), rank = tensorOf(getIndices()).getRank();
  int64_t size = shapeOf(getData())[axis];
  Value position = clampIndex(
      e,
      fromEnd(e, readIndex(e, 1, getIndices(), indices.slice(axis, rank)),
              size),
      size);
  SmallVector<Value> source(indices.take_front(axis));
  source.push_back(position);
  llvm::append_range(source, indices.drop_front(axis + rank));
  return e.read(0, source);
}
