// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Costs of convolutions: see ConvCost.h.

#include "ConvCost.h"

#include "llvm/Support/MathExtras.h"

using namespace qc;

namespace {
/// Times in units of one multiply-accumulate of the direct form.
struct Coefficients {
  /// Of a multiply-accumulate of transformed data.
  double product;
  /// Of making one transformed input, and of reading one product back.
  double input, output;
  /// Of a byte of transformed weights from memory, and from a cache that
  /// several bands share.
  double memoryByte, cacheByte;
};
} // namespace

/// Fitted to layers of 14 to 112 pixels and 16 to 512 channels (benchmarks/sfc)
/// on one core: f32 and widened bytes on Zen 3 with AVX2. With vpdpbusd the
/// direct form is four times as fast for bytes, 16-bit products twice, and what
/// moves bytes takes as long as before.
static Coefficients getCoefficients(bool isInteger, ByteProducts products) {
  if (!isInteger)
    return {1.15, 10, 15, 4.5, 1.5};
  // Codes are bytes in memory and multiplied as what they are widened to.
  if (products == ByteProducts::Widened ||
      products == ByteProducts::WidenedCodes)
    return {0.88, 5.9, 11.7, 5.3, 1.75};
  // Not fitted: products cost what they cost directly, the rest what it costs
  // beside vpdpbusd.
  if (products == ByteProducts::Codes)
    return {1, 12, 24, 20, 6};
  return {2.1, 12, 24, 20, 6};
}

/// How many times faster bytes are multiplied where weights are small, measured
/// on Zen 3 with AVX2 (1x1 and 3x3, 64 and 256 channels).
static double getGainOfBound(int64_t weightBound) {
  return weightBound == 0    ? 1
         : weightBound >= 64 ? 1.38
         : weightBound >= 32 ? 1.5
         : weightBound >= 16 ? 1.62
                             : 1.77;
}

double qc::getDirectCost(const ConvShape &shape, llvm::ArrayRef<int64_t> taps,
                         ByteProducts products) {
  double cost = 1;
  if (shape.isInteger && products == ByteProducts::Widened)
    cost /= getGainOfBound(shape.weightBound);
  for (int64_t extent :
       {shape.images, shape.size[0], shape.size[1], shape.inputChannels,
        shape.outputChannels, taps[0], taps[1]})
    cost *= static_cast<double>(extent);
  return cost;
}

int64_t qc::chooseBand(int64_t parts, double between, double weights,
                       int64_t cacheBytes) {
  auto cache = static_cast<double>(cacheBytes);
  if (between <= cache)
    return parts;
  // What is between the kernels is written and read where it does not stay.
  int64_t best = parts;
  double least = weights + 2 * between,
         each = between / static_cast<double>(parts);
  for (int64_t perBand = 1; perBand < parts; ++perBand) {
    if (each * static_cast<double>(perBand) > cache)
      break;
    double cost =
        static_cast<double>(llvm::divideCeil(parts, perBand)) * weights;
    // Equal bands of one kernel before a remainder with kernels of its own.
    if (parts % perBand != 0)
      cost += cost / 4;
    if (cost < least) {
      best = perBand;
      least = cost;
    }
  }
  return best;
}

double qc::getTransformedCost(const ConvShape &shape,
                              const FastConvolution &algorithm,
                              ByteProducts products, int64_t cacheBytes) {
  Coefficients each = getCoefficients(shape.isInteger, products);
  auto images = static_cast<double>(shape.images),
       inputChannels = static_cast<double>(shape.inputChannels),
       outputChannels = static_cast<double>(shape.outputChannels),
       count = static_cast<double>(algorithm.getNumProducts()),
       cache = static_cast<double>(cacheBytes), tiles = images;
  for (unsigned d = 0; d < 2; ++d)
    tiles *= static_cast<double>(
        llvm::divideCeil(shape.size[d], algorithm.outputs[d]));
  double inputs = tiles * count * inputChannels,
         outputs = tiles * count * outputChannels;
  bool isCodes =
      products == ByteProducts::Codes || products == ByteProducts::WidenedCodes;
  double bytes = isCodes ? 1 : shape.isInteger ? 2 : 4;
  double weights = count * inputChannels * outputChannels * bytes;
  double between = inputs * bytes + outputs * 4;
  // Bands are rows of each image, or several images (qc-band-transforms).
  bool hasRows = between / images > cache;
  int64_t parts = hasRows
                      ? llvm::divideCeil(shape.size[0], algorithm.outputs[0])
                      : shape.images;
  double cutBytes = hasRows ? between / images : between;
  int64_t perBand = chooseBand(parts, cutBytes, weights, cacheBytes);
  double bands = static_cast<double>(llvm::divideCeil(parts, perBand)) *
                 (hasRows ? images : 1);
  double cost = each.product * inputs * outputChannels + each.input * inputs +
                each.output * outputs + each.memoryByte * weights +
                each.cacheByte * weights * (bands - 1);
  if (cutBytes / static_cast<double>(parts) * static_cast<double>(perBand) >
      cache)
    cost += each.cacheByte * 2 * between;
  // A copy is taken for what a transformed input costs.
  if (shape.isGroup)
    cost += each.input * images * static_cast<double>(shape.size[0]) *
            static_cast<double>(shape.size[1]) *
            (inputChannels + outputChannels);
  return cost;
}
