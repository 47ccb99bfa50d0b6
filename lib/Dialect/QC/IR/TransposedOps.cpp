// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Windows that scatter: transposed convolution and col2im. Inference and
// reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// ConvTransposeOp, Col2ImOp
//===----------------------------------------------------------------------===//

LogicalResult ConvTransposeOp::inferReturnTypes(MLIRContext *,
                                                std::optional<Location> loc,
                                                Adaptor adaptor,
                                                SmallVectorImpl<Type> &types) {
  RankedTensorType xType = tensorOf(adaptor.getX());
  ArrayRef<int64_t> x = xType.getShape(), w = shapeOf(adaptor.getW());
  int64_t group = adaptor.getGroup();
  if (x.size() < 3 || x.size() != w.size() || x[1] != w[0] || group < 1 ||
      x[1] % group != 0 || elementOf(adaptor.getW()) != xType.getElementType())
    return emitOptionalError(loc, "x, w and group do not fit");
  size_t spatial = x.size() - 2;
  SmallVector<int64_t> noPads(2 * spatial, 0);
  if (adaptor.getPads().size() != spatial ||
      failed(verifyWindow(loc, spatial, w.drop_front(2), adaptor.getStrides(),
                          noPads, adaptor.getDilations())) ||
      failed(verifySizes(loc, adaptor.getShape(), spatial)))
    return emitOptionalError(loc, "window or shape do not fit x");
  SmallVector<int64_t> shape{x[0], 0};
  if (llvm::MulOverflow(w[1], group, shape[1]))
    return emitOptionalError(loc, "the result's size overflows");
  if (adaptor.getBias() &&
      (shapeOf(adaptor.getBias()) != ArrayRef<int64_t>{shape[1]} ||
       elementOf(adaptor.getBias()) != xType.getElementType()))
    return emitOptionalError(loc, "bias must have ", shape[1], " entries");
  llvm::append_range(shape, adaptor.getShape());
  types.push_back(RankedTensorType::get(shape, xType.getElementType()));
  return success();
}

bool ConvTransposeOp::isLaneTransparent(unsigned dim) {
  return dim == 1 && getGroup() == 1;
}
int64_t ConvTransposeOp::getElementCost() {
  return 4 * tensorOf(getW()).getNumElements() /
         std::max<int64_t>(shapeOf(getW())[1] * getGroup(), 1);
}

/// `windowPosition` for all dimensions; returns whether there is a window.
static Value windowPositions(Emitter &e, ValueRange outputs, ValueRange kernel,
                             ArrayRef<int64_t> windows,
                             ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                             ArrayRef<int64_t> dilations,
                             SmallVectorImpl<Value> &positions) {
  Value isInside;
  for (size_t d = 0; d < windows.size(); ++d) {
    PaddedPosition at = windowPosition(e, outputs[d], kernel[d], windows[d],
                                       strides[d], pads[d], dilations[d]);
    positions.push_back(at.position);
    isInside = isInside ? e.create<arith::AndIOp>({isInside, at.isInside})
                        : at.isInside;
  }
  return isInside;
}

Value ConvTransposeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  Type compute = getComputeType(elementOf(getX()));
  int64_t inputsPerGroup = x[1] / getGroup(), outputsPerGroup = w[1];
  Value channelBase = e.index(0), output = indices[1];
  if (getGroup() != 1) {
    channelBase =
        e.mulIndex(e.create<arith::DivUIOp>({output, e.index(outputsPerGroup)}),
                   inputsPerGroup);
    output = e.create<arith::RemUIOp>({output, e.index(outputsPerGroup)});
  }
  if (tensorOf(getX()).getNumElements() == 0)
    return e.constant(compute, 0);
  Value sum = e.reduce(
      w.drop_front(2), e.splat(e.constant(compute, 0)),
      [&](ValueRange k, Value partial) {
        SmallVector<Value> positions;
        Value isInside =
            windowPositions(e, indices.drop_front(2), k, x.drop_front(2),
                            getStrides(), getPads(), getDilations(), positions);
        return e.branch(
            isInside,
            [&] {
              return e.reduce(
                  {inputsPerGroup}, partial, [&](ValueRange c, Value inner) {
                    Value channel = e.addIndex(channelBase, c[0]);
                    SmallVector<Value> xIndex{indices[0], channel};
                    llvm::append_range(xIndex, positions);
                    SmallVector<Value> wIndex{channel, output};
                    llvm::append_range(wIndex, k);
                    return e.add(inner,
                                 e.mul(e.read(0, xIndex), e.read(1, wIndex)));
                  });
            },
            [&] { return partial; });
      });
  if (getBias())
    sum = e.add(sum, e.read(2, indices[1]));
  return sum;
}

LogicalResult Col2ImOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()), block = adaptor.getBlock();
  size_t spatial = adaptor.getImage().size();
  if (failed(verifySizes(loc, adaptor.getImage(), spatial)) ||
      failed(verifyWindow(loc, spatial, block, adaptor.getStrides(),
                          adaptor.getPads(), adaptor.getDilations())))
    return failure();
  int64_t blockSize = 1, windows = 1;
  for (size_t d = 0; d < spatial; ++d) {
    int64_t count =
        windowedSize(adaptor.getImage()[d], block[d], adaptor.getStrides()[d],
                     adaptor.getDilations()[d], adaptor.getPads()[d],
                     adaptor.getPads()[spatial + d]);
    if (count < 0 || llvm::MulOverflow(blockSize, block[d], blockSize) ||
        llvm::MulOverflow(windows, count, windows))
      return emitOptionalError(loc, "the block does not fit the image");
  }
  if (x.size() != 3 || x[1] % blockSize != 0 || x[2] != windows)
    return emitOptionalError(loc, "x must be N x C * ", blockSize, " x ",
                             windows);
  SmallVector<int64_t> shape{x[0], x[1] / blockSize};
  llvm::append_range(shape, adaptor.getImage());
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool Col2ImOp::isLaneTransparent(unsigned) { return false; }
int64_t Col2ImOp::getElementCost() {
  int64_t cost = 8;
  for (int64_t size : getBlock())
    cost *= size;
  return cost;
}

Value Col2ImOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type compute = getComputeType(elementOf(getX()));
  size_t spatial = getImage().size();
  SmallVector<int64_t> windows;
  for (size_t d = 0; d < spatial; ++d)
    windows.push_back(windowedSize(getImage()[d], getBlock()[d],
                                   getStrides()[d], getDilations()[d],
                                   getPads()[d], getPads()[spatial + d]));
  return e.reduce(
      getBlock(), e.constant(compute, 0), [&](ValueRange k, Value partial) {
        SmallVector<Value> positions;
        Value isInside =
            windowPositions(e, indices.drop_front(2), k, windows, getStrides(),
                            getPads(), getDilations(), positions);
        Value row = indices[1], column = e.index(0);
        for (size_t d = 0; d < spatial; ++d) {
          row = e.addIndex(e.mulIndex(row, getBlock()[d]), k[d]);
          column = e.addIndex(e.mulIndex(column, windows[d]), positions[d]);
        }
        Value x = e.read(0, {indices[0], row, column});
        if (isInside)
          x = e.select(isInside, x, e.constant(compute, 0));
        return e.add(partial, x);
      });
}
