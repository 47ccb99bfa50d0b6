// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choice of ranges on histograms.
//
// Entropy and MeanSquare search lo and hi: first both shrunk by one factor,
// then each in turn while that helps. A candidate costs one pass over the bins.

#include "qc/Analysis/Range.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <algorithm>
#include <cassert>
#include <cfloat>
#include <cmath>

using namespace qc;

int64_t qc::getSmallestCode(unsigned bits, bool isSigned) {
  return isSigned ? -(int64_t(1) << (bits - 1)) : 0;
}

int64_t qc::getLargestCode(unsigned bits, bool isSigned) {
  return (int64_t(1) << (isSigned ? bits - 1 : bits)) - 1;
}

IntegerScale qc::chooseScale(ClipRange range, unsigned bits, bool isSigned,
                             bool symmetric) {
  assert(bits >= 2 && bits <= 16);
  double lo = std::min(range.lo, 0.0), hi = std::max(range.hi, 0.0);
  double steps =
      symmetric ? getLargestCode(bits, true) : getLargestCode(bits, false);
  double extent = symmetric ? std::max(-lo, hi) : hi - lo;
  IntegerScale result;
  if (extent > 0)
    result.scale = static_cast<float>(
        std::clamp<double>(extent / steps, FLT_MIN, FLT_MAX));
  int64_t smallest = getSmallestCode(bits, isSigned);
  if (symmetric) {
    result.zeroPoint = isSigned ? 0 : int64_t(1) << (bits - 1);
  } else {
    result.zeroPoint =
        smallest + static_cast<int64_t>(std::nearbyint(
                       std::clamp(-lo / result.scale, 0.0, steps)));
  }
  return result;
}

ChannelScales qc::chooseChannelScales(llvm::ArrayRef<ClipRange> ranges,
                                      llvm::ArrayRef<double> weights,
                                      unsigned bits, bool isSigned,
                                      bool symmetric) {
  int64_t smallest = getSmallestCode(bits, isSigned),
          largest = getLargestCode(bits, isSigned);
  auto choose = [&](int64_t zeroPoint) {
    ChannelScales result{{}, zeroPoint, 0};
    float widest = 0;
    for (const ClipRange &range : ranges) {
      double above = std::max(range.hi, 0.0) /
                     static_cast<double>(largest - zeroPoint),
             below = std::max(-range.lo, 0.0) /
                     static_cast<double>(zeroPoint - smallest);
      // 0 / 0 where nothing is on a side without codes.
      double scale = std::max(std::isnan(above) ? 0 : above,
                              std::isnan(below) ? 0 : below);
      result.scales.push_back(scale > 0 ? static_cast<float>(std::clamp<double>(
                                              scale, FLT_MIN, FLT_MAX))
                                        : 0);
      widest = std::max(widest, result.scales.back());
    }
    for (auto [scale, weight] : llvm::zip_equal(result.scales, weights)) {
      if (scale == 0)
        scale = widest > 0 ? widest : 1;
      result.error += weight * scale * scale;
    }
    return result;
  };
  if (symmetric)
    return choose(isSigned ? 0 : int64_t(1) << (bits - 1));
  ChannelScales best = choose(smallest);
  for (int64_t zeroPoint = smallest + 1; zeroPoint <= largest; ++zeroPoint) {
    ChannelScales candidate = choose(zeroPoint);
    if (candidate.error < best.error)
      best = std::move(candidate);
  }
  return best;
}

namespace {

/// Where the levels of a range lie: scale * k, k from `lowest` to `highest`.
struct Levels {
  double scale, lowest, highest;
};

} // namespace

static Levels getLevels(ClipRange range, unsigned bits, bool symmetric) {
  IntegerScale scale = chooseScale(range, bits, /*isSigned=*/true, symmetric);
  return {scale.scale,
          static_cast<double>(getSmallestCode(bits, true) - scale.zeroPoint),
          static_cast<double>(getLargestCode(bits, true) - scale.zeroPoint)};
}

double qc::getMeanSquareError(const Histogram &histogram, ClipRange range,
                              unsigned bits, bool symmetric) {
  if (histogram.empty())
    return 0;
  Levels levels = getLevels(range, bits, symmetric);
  // With t = x / scale and r the level nearest to t, the integral of the
  // squared error from 0 to x is scale^3 (r / 12 + (t - r)^3 / 3): each whole
  // cell between levels gives 1 / 12, and so does the cubic at its borders.
  auto integral = [&](double x) {
    double t = x / levels.scale;
    double r = std::clamp(std::nearbyint(t), levels.lowest, levels.highest);
    return r / 12 + (t - r) * (t - r) * (t - r) / 3;
  };
  llvm::ArrayRef<uint64_t> counts = histogram.getCounts();
  double left = integral(histogram.getEdge(0)), sum = 0;
  for (auto [i, count] : llvm::enumerate(counts)) {
    double right = integral(histogram.getEdge(i + 1));
    // Zeros are represented exactly.
    double inside = static_cast<double>(count);
    if (histogram.getEdge(i) == 0)
      inside -= static_cast<double>(histogram.getZeros());
    sum += inside * (right - left);
    left = right;
  }
  double widthInSteps = histogram.getWidth() / levels.scale;
  return sum / widthInSteps * levels.scale * levels.scale /
         static_cast<double>(histogram.getTotal());
}

/// Kullback-Leibler divergence between the histogram, clipped to `range`, and
/// its image: bins of one level become equal, except that empty ones stay
/// empty. What is clipped belongs to the outermost bins of the first
/// distribution only. Infinite where the range has fewer bins than levels.
static double getDivergence(const Histogram &histogram, ClipRange range,
                            int64_t numLevels) {
  llvm::ArrayRef<uint64_t> counts = histogram.getCounts();
  int64_t numBins = counts.size();
  double width = histogram.getWidth(), origin = histogram.getEdge(0);
  int64_t begin = std::clamp<int64_t>(std::llround((range.lo - origin) / width),
                                      0, numBins);
  int64_t end = std::clamp<int64_t>(std::llround((range.hi - origin) / width),
                                    0, numBins);
  if (end - begin < numLevels)
    return HUGE_VAL;
  double below = 0, above = 0, inside = 0;
  for (int64_t i = 0; i < numBins; ++i)
    (i < begin ? below : i < end ? inside : above) += counts[i];
  if (inside == 0)
    return HUGE_VAL;
  double total = static_cast<double>(histogram.getTotal()), divergence = 0;
  for (int64_t level = 0; level < numLevels; ++level) {
    int64_t from = begin + (end - begin) * level / numLevels;
    int64_t to = begin + (end - begin) * (level + 1) / numLevels;
    double mass = 0, occupied = 0;
    for (int64_t i = from; i < to; ++i) {
      mass += counts[i];
      occupied += counts[i] != 0;
    }
    for (int64_t i = from; i < to; ++i) {
      double p = static_cast<double>(counts[i]);
      if (i == begin)
        p += below;
      if (i == end - 1)
        p += above;
      if (p == 0)
        continue;
      p /= total;
      // An outermost bin that holds only what was clipped: as little as one
      // value of the histogram there.
      double q = counts[i] ? mass / occupied / inside : 1 / total;
      divergence += p * std::log(p / q);
    }
  }
  return divergence;
}

/// The range of least `cost` found by shrinking `range`.
static ClipRange searchRange(ClipRange range, bool symmetric,
                             llvm::function_ref<double(ClipRange)> cost) {
  ClipRange best = range;
  double bestCost = cost(range);
  auto consider = [&](ClipRange candidate) {
    double candidateCost = cost(candidate);
    if (candidateCost >= bestCost)
      return false;
    best = candidate, bestCost = candidateCost;
    return true;
  };
  // Factors of the present best: down to 1 / 1000 in steps of 10 %, then 1 %
  // around.
  auto scan = [&](bool low, bool high) {
    ClipRange base = best;
    bool better = false;
    auto scaled = [&](double factor) {
      return ClipRange{low ? std::max(base.lo * factor, range.lo) : base.lo,
                       high ? std::min(base.hi * factor, range.hi) : base.hi};
    };
    for (double factor = 0.9; factor > 1e-3; factor *= 0.9)
      better |= consider(scaled(factor));
    base = best;
    for (int step = -9; step <= 10; ++step)
      better |= consider(scaled(1 + 0.01 * step));
    return better;
  };
  scan(true, true);
  if (symmetric || range.lo == 0 || range.hi == 0)
    return best;
  for (int round = 0; round < 8; ++round) {
    bool better = scan(true, false);
    better |= scan(false, true);
    if (!better)
      break;
  }
  return best;
}

/// The value with a `share` of the histogram's values below it.
static double getQuantile(const Histogram &histogram, double share) {
  double rank = share * static_cast<double>(histogram.getTotal());
  double seen = 0;
  for (auto [i, count] : llvm::enumerate(histogram.getCounts())) {
    if (count && seen + static_cast<double>(count) >= rank) {
      double within = (rank - seen) / static_cast<double>(count);
      double value = histogram.getEdge(i) + within * histogram.getWidth();
      return std::clamp<double>(value, histogram.getMin(), histogram.getMax());
    }
    seen += static_cast<double>(count);
  }
  return histogram.getMax();
}

ClipRange qc::chooseRange(const ValueStatistics &statistics,
                          const RangeOptions &options) {
  const Histogram &histogram = statistics.histogram;
  ClipRange range{std::min<double>(statistics.all.min, 0),
                  std::max<double>(statistics.all.max, 0)};
  if (options.method == RangeMethod::MovingAverage)
    range = {std::min(statistics.meanMin, 0.0),
             std::max(statistics.meanMax, 0.0)};
  if (options.method == RangeMethod::Percentile && !histogram.empty()) {
    double share = std::clamp(options.percentile / 100, 0.5, 1.0);
    range = {std::min(getQuantile(histogram, 1 - share), 0.0),
             std::max(getQuantile(histogram, share), 0.0)};
  }
  if (options.symmetric) {
    range.hi = std::max(-range.lo, range.hi);
    range.lo = -range.hi;
  }
  if (histogram.empty())
    return range;
  if (options.method == RangeMethod::MeanSquare)
    return searchRange(range, options.symmetric, [&](ClipRange candidate) {
      return getMeanSquareError(histogram, candidate, options.bits,
                                options.symmetric);
    });
  if (options.method == RangeMethod::Entropy) {
    int64_t levels = int64_t(1) << std::min(options.bits, 16u);
    return searchRange(range, options.symmetric, [&](ClipRange candidate) {
      return getDivergence(histogram, candidate, levels);
    });
  }
  return range;
}
