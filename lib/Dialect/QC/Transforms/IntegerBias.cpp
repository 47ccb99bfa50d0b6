// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bias of an integer contraction, and a batch norm behind it, as codes that
// join its accumulators.

#include "ToInteger.h"

#include <cmath>

using namespace mlir;
using namespace qc;

FailureOr<Bias> qc::matchBias(Value value, const Contraction &contraction) {
  int64_t channels = contraction.channels;
  auto fits = [&](size_t count) {
    return count == 1 || count == static_cast<size_t>(channels);
  };
  Bias bias;
  if (auto dequantize = value.getDefiningOp<DequantizeOp>()) {
    FailureOr<Quantization> parameters = getQuantization(dequantize);
    ElementsAttr codesValue = getConstantValue(dequantize.getQ());
    if (failed(parameters) || !codesValue)
      return failure();
    FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(codesValue);
    if (failed(codes) || !fits(codes->size()))
      return failure();
    bool agrees = parameters->storage.getWidth() == 32;
    // Numbers along one dimension: the index is the channel's.
    for (int64_t channel = 0; channel < channels; ++channel) {
      double scale = contraction.scales.size() == 1
                         ? contraction.scales[0]
                         : contraction.scales[channel];
      int64_t index = codes->size() == 1 ? 0 : channel;
      float own = parameters->scale(index);
      agrees &= parameters->zero(index) == 0 &&
                std::abs(own / scale - 1) <= std::ldexp(1.0, -22);
      int64_t code = (*codes)[index];
      bias.codes.push_back(code);
      bias.reals.push_back(static_cast<float>(code - parameters->zero(index)) *
                           own);
    }
    if (!agrees && parameters->storage.getWidth() == 32)
      return failure();
    if (!agrees)
      bias.codes.clear();
    return bias;
  }
  FailureOr<SmallVector<float>> reals = getConstantFloats(value);
  if (failed(reals) || !fits(reals->size()))
    return failure();
  for (int64_t channel = 0; channel < channels; ++channel)
    bias.reals.push_back((*reals)[reals->size() == 1 ? 0 : channel]);
  return bias;
}

/// rint(b / scale) for each channel, or failure from 2^30 on.
static FailureOr<SmallVector<int64_t>> quantizeBias(ArrayRef<double> reals,
                                                    ArrayRef<float> scales) {
  SmallVector<int64_t> codes;
  for (auto [channel, real] : llvm::enumerate(reals)) {
    float scale = scales[scales.size() == 1 ? 0 : channel];
    float code = std::nearbyint(static_cast<float>(real) / scale);
    if (!(std::abs(code) < std::ldexp(1.0f, 30)))
      return failure();
    codes.push_back(static_cast<int64_t>(code));
  }
  return codes;
}

FailureOr<SmallVector<int64_t>>
qc::getBiasCodes(const Bias &bias, const Contraction &contraction) {
  SmallVector<int64_t> codes = bias.codes;
  if (codes.empty()) {
    FailureOr<SmallVector<int64_t>> quantized =
        quantizeBias(bias.reals, contraction.scales);
    if (failed(quantized))
      return failure();
    codes = *quantized;
  }
  return codes;
}

LogicalResult qc::foldBatchNorm(BatchNormOp norm, Contraction &contraction,
                                Bias &bias) {
  SmallVector<SmallVector<float>> parameters;
  for (Value operand : norm->getOperands().drop_front()) {
    FailureOr<SmallVector<float>> numbers = getConstantReals(operand);
    if (failed(numbers) ||
        static_cast<int64_t>(numbers->size()) != contraction.channels)
      return failure();
    parameters.push_back(std::move(*numbers));
  }
  double epsilon = norm.getEpsilon().convertToFloat();
  SmallVector<float> scales;
  bias.codes.clear();
  bias.reals.resize(contraction.channels, 0);
  for (int64_t c = 0; c < contraction.channels; ++c) {
    double gamma = parameters[0][c], beta = parameters[1][c];
    double mean = parameters[2][c], variance = parameters[3][c];
    double factor = gamma / std::sqrt(variance + epsilon);
    float own = contraction.scales[contraction.scales.size() == 1 ? 0 : c];
    auto scale = static_cast<float>(own * factor);
    if (!std::isnormal(scale))
      return failure();
    scales.push_back(scale);
    bias.reals[c] = factor * (bias.reals[c] - mean) + beta;
  }
  contraction.scales = std::move(scales);
  return success();
}
