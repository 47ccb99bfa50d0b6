// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Einsum and determinants: inference and reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// EinsumOp
//===----------------------------------------------------------------------===//

/// Size of each label; empty if the labels do not fit the operands.
static SmallVector<int64_t> getLabelSizes(ValueRange inputs,
                                          ArrayRef<int64_t> labels) {
  SmallVector<int64_t> sizes;
  size_t next = 0;
  for (Value input : inputs)
    for (int64_t size : shapeOf(input)) {
      if (next == labels.size())
        return {};
      int64_t label = labels[next++];
      if (label < 0 || label > 1024)
        return {};
      if (static_cast<int64_t>(sizes.size()) <= label)
        sizes.resize(label + 1, -1);
      if (sizes[label] == -1 || sizes[label] == 1)
        sizes[label] = size;
      else if (size != 1 && size != sizes[label])
        return {};
    }
  if (next != labels.size())
    return {};
  if (sizes.empty())
    sizes.push_back(1);
  return sizes;
}

LogicalResult EinsumOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "needs at least one operand");
  Type element = elementOf(adaptor.getInputs().front());
  for (Value input : adaptor.getInputs())
    if (elementOf(input) != element)
      return emitOptionalError(loc, "operand element types differ");
  SmallVector<int64_t> sizes =
      getLabelSizes(adaptor.getInputs(), adaptor.getLabels());
  int64_t rank = adaptor.getResultRank();
  if (sizes.empty() || rank < 0 || rank > static_cast<int64_t>(sizes.size()))
    return emitOptionalError(loc, "labels do not fit the operands");
  ArrayRef<int64_t> shape = ArrayRef(sizes).take_front(rank);
  if (llvm::is_contained(sizes, -1) && rank > 0 &&
      llvm::is_contained(shape, -1))
    return emitOptionalError(loc, "a result label occurs in no operand");
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

bool EinsumOp::isLaneTransparent(unsigned) { return false; }
int64_t EinsumOp::getElementCost() {
  SmallVector<int64_t> sizes = getLabelSizes(getInputs(), getLabels());
  int64_t cost = getInputs().size();
  for (int64_t size : ArrayRef(sizes).drop_front(getResultRank()))
    cost *= std::max<int64_t>(size, 1);
  return cost;
}

Value EinsumOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<int64_t> sizes = getLabelSizes(getInputs(), getLabels());
  int64_t rank = getResultRank();
  SmallVector<int64_t> extents;
  for (int64_t size : ArrayRef(sizes).drop_front(rank))
    extents.push_back(std::max<int64_t>(size, size < 0 ? 1 : 0));
  Type element = elementOf(getY());
  Type compute = getComputeType(element);
  return e.reduce(extents, e.constant(compute, 0),
                  [&](ValueRange k, Value partial) {
                    Value product;
                    size_t next = 0;
                    for (auto [operand, input] : llvm::enumerate(getInputs())) {
                      SmallVector<Value> at;
                      for (int64_t size : shapeOf(input)) {
                        int64_t label = getLabels()[next++];
                        at.push_back(size == 1      ? e.index(0)
                                     : label < rank ? indices[label]
                                                    : k[label - rank]);
                      }
                      Value x = e.read(operand, at);
                      product = product ? e.mul(product, x) : x;
                    }
                    return e.add(partial, product);
                  });
}

//===----------------------------------------------------------------------===//
// DeterminantOp
//===----------------------------------------------------------------------===//

LogicalResult DeterminantOp::inferReturnTypes(MLIRContext *,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (x.getRank() < 2 || x.getShape().back() != x.getShape().drop_back().back())
    return emitOptionalError(loc, "x must hold square matrices");
  types.push_back(
      RankedTensorType::get(x.getShape().drop_back(2), x.getElementType()));
  return success();
}

SmallVector<int64_t> DeterminantOp::getParallelExtents() {
  return {tensorOf(getY()).getNumElements()};
}

void DeterminantOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  int64_t size = shape.back();
  Floats f{e, getComputeType(elementOf(getX()))};
  SmallVector<Value> batch(shape.size() - 2);
  Value position = iterations.front();
  for (int64_t dim = batch.size() - 1; dim >= 0; --dim) {
    Value extent = e.index(shape[dim]);
    batch[dim] = e.create<arith::RemUIOp>({position, extent});
    position = e.create<arith::DivUIOp>({position, extent});
  }
  Value matrix = e.allocate(f.type, size * size);
  auto at = [&](Value row, Value column) {
    return e.addIndex(e.mulIndex(row, size), column);
  };
  e.forEach({size, size}, [&](ValueRange i) {
    SmallVector<Value> index(batch);
    llvm::append_range(index, i);
    e.store(e.read(0, index), matrix, at(i[0], i[1]));
  });
  Value determinant = e.reduce({size}, f(1), [&](ValueRange c, Value product) {
    Value column = c[0];
    // The largest element at or below the diagonal.
    SmallVector<Value> pivot =
        e.loops({size}, {f(-1), column},
                [&](ValueRange row, ValueRange best) -> SmallVector<Value> {
                  Value magnitude = f.abs(e.load(matrix, at(row[0], column)));
                  Value better = e.create<arith::AndIOp>(
                      {e.compare(arith::CmpIPredicate::sge, row[0], column),
                       f.less(best[0], magnitude)});
                  return {e.select(better, magnitude, best[0]),
                          e.select(better, row[0], best[1])};
                });
    Value pivotRow = pivot[1];
    e.forEach({size}, [&](ValueRange k) {
      Value upper = e.load(matrix, at(column, k[0]));
      Value lower = e.load(matrix, at(pivotRow, k[0]));
      e.store(lower, matrix, at(column, k[0]));
      // The same row where nothing is exchanged.
      e.store(e.select(e.compare(arith::CmpIPredicate::eq, pivotRow, column),
                       lower, upper),
              matrix, at(pivotRow, k[0]));
    });
    Value diagonal = e.load(matrix, at(column, column));
    Value isZero = e.compare(arith::CmpFPredicate::OEQ, diagonal, f(0));
    Value divisor = e.select(isZero, f(1), diagonal);
    e.forEach({size}, [&](ValueRange row) {
      Value isBelow = e.compare(arith::CmpIPredicate::sgt, row[0], column);
      e.branch(isBelow, [&] {
        Value factor = f.div(e.load(matrix, at(row[0], column)), divisor);
        e.forEach({size}, [&](ValueRange k) {
          Value reduced =
              e.sub(e.load(matrix, at(row[0], k[0])),
                    e.mul(factor, e.load(matrix, at(column, k[0]))));
          e.store(reduced, matrix, at(row[0], k[0]));
        });
      });
    });
    Value isSwapped = e.compare(arith::CmpIPredicate::ne, pivotRow, column);
    Value negated = e.create<arith::NegFOp>({diagonal});
    return e.mul(product, e.select(isSwapped, negated, diagonal));
  });
  e.write(0, batch, determinant);
}
