// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products as matrices applied to columns.

#include "qc/Quantization/LinearLayer.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include <numeric>
#include <random>

using namespace mlir;
using namespace qc;

std::optional<LinearLayer> LinearLayer::get(Operation *op) {
  LinearLayer layer(op);
  if (auto conv = dyn_cast<ConvOp>(op)) {
    if (!isa<Float32Type>(conv.getW().getType().getElementType()))
      return std::nullopt;
    layer.numRows = conv.getW().getType().getDimSize(0);
    layer.numGroups = conv.getGroup();
    layer.numColumns =
        layer.numRows ? conv.getW().getType().getNumElements() / layer.numRows
                      : 0;
  } else if (auto product = dyn_cast<MatMulOp>(op)) {
    RankedTensorType type = product.getB().getType();
    int64_t rank = type.getRank();
    if (!isa<Float32Type>(type.getElementType()) ||
        llvm::any_of(type.getShape().drop_back(2),
                     [](int64_t extent) { return extent != 1; }))
      return std::nullopt;
    layer.numRows = type.getDimSize(rank - 1);
    layer.numColumns = type.getDimSize(rank - 2);
  } else {
    return std::nullopt;
  }
  // Rewritten weights are codes behind a dequantize.
  Operation *weights = op->getOperand(1).getDefiningOp();
  if (auto dequantize = dyn_cast_or_null<DequantizeOp>(weights))
    weights = dequantize.getQ().getDefiningOp();
  if (!isa_and_nonnull<ConstantOp>(weights) || layer.numRows == 0 ||
      layer.numColumns == 0)
    return std::nullopt;
  return layer;
}

bool LinearLayer::isDepthwise() const {
  auto conv = dyn_cast<ConvOp>(op);
  return conv && conv.isDepthwise();
}

int64_t LinearLayer::channelAxis() const {
  return isConv() ? 0 : getWeightType().getRank() - 1;
}

int64_t LinearLayer::reductionAxis() const {
  return isConv() ? 1 : getWeightType().getRank() - 2;
}

int64_t LinearLayer::outputAxis() const {
  return isConv()
             ? 1
             : cast<RankedTensorType>(op->getResult(0).getType()).getRank() - 1;
}

int64_t LinearLayer::macs() const {
  return cast<RankedTensorType>(op->getResult(0).getType()).getNumElements() *
         numColumns;
}

std::vector<float> LinearLayer::toMatrix(ArrayRef<float> tensor) const {
  std::vector<float> matrix(tensor.begin(), tensor.end());
  if (!isConv())
    for (int64_t row = 0; row < numRows; ++row)
      for (int64_t column = 0; column < numColumns; ++column)
        matrix[row * numColumns + column] = tensor[column * numRows + row];
  return matrix;
}

std::vector<float> LinearLayer::toTensor(ArrayRef<float> matrix) const {
  std::vector<float> tensor(matrix.begin(), matrix.end());
  if (!isConv())
    for (int64_t row = 0; row < numRows; ++row)
      for (int64_t column = 0; column < numColumns; ++column)
        tensor[column * numRows + row] = matrix[row * numColumns + column];
  return tensor;
}

int64_t LinearLayer::getNumPositions() const {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  return numRows ? type.getNumElements() / numRows : 0;
}

template <typename Visitor>
void LinearLayer::forColumn(int64_t position, int64_t group,
                            Visitor visit) const {
  auto conv = dyn_cast<ConvOp>(op);
  if (!conv) {
    for (int64_t column = 0; column < numColumns; ++column)
      visit(position * numColumns + column, column);
    return;
  }
  ArrayRef<int64_t> x = conv.getX().getType().getShape(),
                    w = conv.getW().getType().getShape(),
                    y = conv.getY().getType().getShape();
  int64_t spatial = x.size() - 2;
  // Position to image and place.
  SmallVector<int64_t> place(spatial);
  for (int64_t d = spatial; d-- > 0;) {
    place[d] = position % y[2 + d];
    position /= y[2 + d];
  }
  int64_t channelSize =
      std::accumulate(x.begin() + 2, x.end(), int64_t(1), std::multiplies<>());
  int64_t taps =
      std::accumulate(w.begin() + 2, w.end(), int64_t(1), std::multiplies<>());
  int64_t channels = w[1];
  int64_t base = (position * x[1] + group * channels) * channelSize;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t rest = tap, offset = 0, stride = 1;
    bool inside = true;
    for (int64_t d = spatial; d-- > 0;) {
      int64_t k = rest % w[2 + d];
      rest /= w[2 + d];
      int64_t at = place[d] * conv.getStrides()[d] +
                   k * conv.getDilations()[d] - conv.getPads()[d];
      inside &= at >= 0 && at < x[2 + d];
      offset += at * stride;
      stride *= x[2 + d];
    }
    if (inside)
      for (int64_t channel = 0; channel < channels; ++channel)
        visit(base + channel * channelSize + offset, channel * taps + tap);
  }
}

SmallVector<int64_t> LinearLayer::drawPositions(int64_t limit,
                                                uint64_t seed) const {
  int64_t total = getNumPositions();
  SmallVector<int64_t> positions;
  if (limit == 0 || limit >= total) {
    positions.resize(total);
    std::iota(positions.begin(), positions.end(), 0);
  } else {
    // std::shuffle and distributions differ between libraries; this does not.
    std::mt19937_64 random(seed);
    for (int64_t i = 0; i < limit; ++i)
      positions.push_back(static_cast<int64_t>(random() % total));
  }
  return positions;
}

std::vector<float> LinearLayer::getColumns(ArrayRef<float> x,
                                           ArrayRef<int64_t> positions) const {
  std::vector<float> columns(numGroups * positions.size() * numColumns);
  float *out = columns.data();
  for (int64_t position : positions)
    for (int64_t group = 0; group < numGroups; ++group) {
      forColumn(position, group, [&](int64_t element, int64_t column) {
        out[column] = x[element];
      });
      out += numColumns;
    }
  return columns;
}

std::vector<float> LinearLayer::getOutputs(ArrayRef<float> y,
                                           ArrayRef<int64_t> positions) const {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t inner = 1;
  for (int64_t extent : type.getShape().drop_front(outputAxis() + 1))
    inner *= extent;
  std::vector<float> outputs;
  outputs.reserve(positions.size() * numRows);
  for (int64_t position : positions) {
    const float *from =
        y.data() + position / inner * numRows * inner + position % inner;
    for (int64_t row = 0; row < numRows; ++row)
      outputs.push_back(from[row * inner]);
  }
  return outputs;
}
