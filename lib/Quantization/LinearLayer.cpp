// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products as matrices applied to columns.

#include "qc/Quantization/LinearLayer.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "llvm/ADT/DenseSet.h"

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

SmallVector<int64_t> qc::drawPositions(int64_t total, int64_t limit,
                                       uint64_t seed) {
  SmallVector<int64_t> positions;
  if (limit == 0 || limit >= total) {
    positions.resize(total);
    std::iota(positions.begin(), positions.end(), 0);
  } else {
    // Floyd's draw of distinct numbers (Bentley and Floyd, "A sample of
    // brilliance", CACM 1987). std::sample and distributions differ between
    // libraries; this does not.
    std::mt19937_64 random(seed);
    llvm::DenseSet<int64_t> drawn;
    for (int64_t last = total - limit; last < total; ++last) {
      auto position = static_cast<int64_t>(random() % (last + 1));
      if (!drawn.insert(position).second)
        drawn.insert(position = last);
      positions.push_back(position);
    }
  }
  return positions;
}

namespace {

/// Where a convolution's windows lie.
class Windows {
public:
  explicit Windows(ConvOp conv)
      : x(conv.getX().getType().getShape()),
        w(conv.getW().getType().getShape()),
        y(conv.getY().getType().getShape()), strides(conv.getStrides()),
        dilations(conv.getDilations()), pads(conv.getPads()) {}

  /// Finds the window of an output position.
  void moveTo(int64_t position);

  /// Elements of a channel of the input.
  int64_t getChannelSize() const { return getSize(x); }
  /// Elements of a channel of the weights.
  int64_t getNumTaps() const { return getSize(w); }
  int64_t getImage() const { return image; }
  /// The taps that meet the input, each with its pixel.
  ArrayRef<std::pair<int64_t, int64_t>> getTaps() const { return taps; }

private:
  static int64_t getSize(ArrayRef<int64_t> shape) {
    return std::accumulate(shape.begin() + 2, shape.end(), int64_t(1),
                           std::multiplies<>());
  }

  ArrayRef<int64_t> x, w, y, strides, dilations, pads;
  int64_t image = 0;
  SmallVector<std::pair<int64_t, int64_t>> taps;
};

} // namespace

void Windows::moveTo(int64_t position) {
  size_t spatial = x.size() - 2;
  SmallVector<int64_t> origin(spatial);
  for (size_t d = spatial; d-- > 0;) {
    origin[d] = position % y[2 + d] * strides[d] - pads[d];
    position /= y[2 + d];
  }
  image = position;
  taps.clear();
  for (int64_t tap = 0, end = getNumTaps(); tap < end; ++tap) {
    int64_t rest = tap, pixel = 0, stride = 1;
    bool inside = true;
    for (size_t d = spatial; d-- > 0;) {
      int64_t at = origin[d] + rest % w[2 + d] * dilations[d];
      rest /= w[2 + d];
      inside &= at >= 0 && at < x[2 + d];
      pixel += at * stride;
      stride *= x[2 + d];
    }
    if (inside)
      taps.emplace_back(tap, pixel);
  }
}

int64_t LinearLayer::getMomentPositions(size_t numSamples, double perColumn,
                                        double products) const {
  auto width = static_cast<double>(columns());
  double affordable =
      std::max(products / (width * width * static_cast<double>(groups())),
               32.0 * static_cast<double>(numSamples));
  auto rows = static_cast<int64_t>(std::min(perColumn * width, affordable));
  return std::max<int64_t>(8, llvm::divideCeil(rows, numSamples));
}

std::vector<float> LinearLayer::getColumns(TensorView x,
                                           ArrayRef<int64_t> positions) const {
  std::vector<float> columns(numGroups * positions.size() * numColumns);
  float *out = columns.data();
  auto conv = dyn_cast<ConvOp>(op);
  if (!conv) {
    for (int64_t position : positions)
      for (int64_t column = 0; column < numColumns; ++column)
        *out++ = x[position * numColumns + column];
    return columns;
  }
  Windows windows(conv);
  int64_t channelSize = windows.getChannelSize(), taps = windows.getNumTaps(),
          channels = numGroups * numColumns / taps;
  int64_t channelStride = x.isChannelsLast() ? 1 : channelSize,
          pixelStride = x.isChannelsLast() ? channels : 1;
  for (int64_t position : positions) {
    windows.moveTo(position);
    int64_t first = windows.getImage() * channels * channelSize;
    for (int64_t channel = 0; channel < channels; ++channel, out += taps)
      for (auto [tap, pixel] : windows.getTaps())
        out[tap] =
            x.load(first + channel * channelStride + pixel * pixelStride);
  }
  return columns;
}

std::vector<float> LinearLayer::getOutputs(TensorView y,
                                           ArrayRef<int64_t> positions) const {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  int64_t inner = 1;
  for (int64_t extent : type.getShape().drop_front(outputAxis() + 1))
    inner *= extent;
  std::vector<float> outputs;
  outputs.reserve(positions.size() * numRows);
  for (int64_t position : positions) {
    int64_t first = position / inner * numRows * inner + position % inner;
    for (int64_t row = 0; row < numRows; ++row)
      outputs.push_back(y[first + row * inner]);
  }
  return outputs;
}
