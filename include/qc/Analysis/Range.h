// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From statistics to quantization parameters: which range of a value to
// represent, and the scale and zero point that do so.
#ifndef QC_ANALYSIS_RANGE_H
#define QC_ANALYSIS_RANGE_H

#include "qc/Analysis/Observer.h"

namespace qc {

/// What is represented without saturation; lo <= 0 <= hi, finite.
struct ClipRange {
  double lo = 0, hi = 0;
};

enum class RangeMethod {
  /// Everything seen.
  MinMax,
  /// The means of the samples' smallest and largest elements.
  MovingAverage,
  /// From the (100 - p)-th to the p-th percentile.
  Percentile,
  /// Least Kullback-Leibler divergence between the histogram, clipped, and what
  /// is left of it by 2^bits levels (Migacz, "8-bit Inference with TensorRT",
  /// GTC 2017), here for ranges that are not symmetric too.
  Entropy,
  /// Least mean squared error after rounding and saturation.
  MeanSquare,
};

struct RangeOptions {
  RangeMethod method = RangeMethod::MinMax;
  double percentile = 99.99;
  /// What the range is for, used by Entropy and MeanSquare.
  unsigned bits = 8;
  /// Asks for lo = -hi.
  bool symmetric = false;
};

/// The range to represent; [0, 0] without values.
ClipRange chooseRange(const ValueStatistics &statistics,
                      const RangeOptions &options);

/// Mean squared error of rounding the histogram's values, zeros apart
/// taken as uniform in each bin, to the 2^bits levels that chooseScale makes of
/// `range`, with saturation.
double getMeanSquareError(const Histogram &histogram, ClipRange range,
                          unsigned bits, bool symmetric);

/// Parameters of ONNX's QuantizeLinear: code = saturate(round(x / scale) +
/// zeroPoint), rounding half to even.
struct IntegerScale {
  float scale = 1;
  int64_t zeroPoint = 0;
};

/// Smallest and largest code of `bits` (1 to 32) bits.
int64_t getSmallestCode(unsigned bits, bool isSigned);
int64_t getLargestCode(unsigned bits, bool isSigned);

/// The scale for `range`, which is widened to contain 0: (hi - lo) / (2^bits -
/// 1), zero point round(smallest - lo / scale); if symmetric max(-lo, hi) /
/// (2^(bits-1) - 1) and the middle code (0 for signed codes, 2^(bits-1)
/// otherwise). The scale is a normal positive f32, 1 for an empty range.
/// 2 to 16 bits.
IntegerScale chooseScale(ClipRange range, unsigned bits, bool isSigned,
                         bool symmetric);

/// Parameters of channels that have one zero point.
struct ChannelScales {
  std::vector<float> scales;
  int64_t zeroPoint = 0;
  /// Sum over channels of weight times squared scale: twelve times the
  /// rounding error.
  double error = 0;
};

/// Scales that represent all of the channels' `ranges`, with the zero point of
/// least error; symmetric: the middle code. Channels without a range get the
/// largest scale.
ChannelScales chooseChannelScales(llvm::ArrayRef<ClipRange> ranges,
                                  llvm::ArrayRef<double> weights, unsigned bits,
                                  bool isSigned, bool symmetric);

} // namespace qc

#endif // QC_ANALYSIS_RANGE_H
