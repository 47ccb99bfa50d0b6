// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales for the transformed data of one product of a fast convolution.

#include "qc/Analysis/TransformScales.h"

#include <algorithm>
#include <cmath>
#include <optional>

using namespace qc;

void WeightedValues::add(double value, double weight) {
  pairs.push_back({value, weight});
  low = std::min(low, value);
  high = std::max(high, value);
}

void WeightedValues::addUnseen(double smallest, double largest, double weight) {
  double below = std::max(1.3 * low, smallest),
         above = std::min(1.3 * high, largest);
  add(below, weight);
  add(above, weight);
}

/// Sum of squared errors, each with its weight.
static double getError(const WeightedValues &values, int64_t bits, double scale,
                       double offset) {
  double zero = std::ldexp(1, static_cast<int>(bits) - 1), error = 0;
  for (auto [value, weight] : values.pairs) {
    double code =
        std::clamp(std::rint((value + offset) / scale), -zero, zero - 1);
    double rest = value + offset - code * scale;
    error += weight * rest * rest;
  }
  return error;
}

/// Parts of the whole range that are tried, in per cent.
constexpr int widest = 100, narrowest = 20, step = 4;

CodeScale qc::chooseScale(const WeightedValues &values, int64_t bits,
                          double smallest) {
  double levels = std::ldexp(1, static_cast<int>(bits) - 1) - 1;
  double reach = std::max(-values.low, values.high);
  std::optional<CodeScale> best;
  for (int percent = widest; percent >= narrowest; percent -= step) {
    double scale = std::max(reach * percent / 100 / levels, smallest),
           error = getError(values, bits, scale, 0);
    if (!best || error < best->error)
      best = CodeScale{scale, 0, error};
  }
  return *best;
}

CodeScale qc::chooseScaleAndOffset(const WeightedValues &values, int64_t bits,
                                   double smallest, int64_t low, int64_t high) {
  double intervals = std::ldexp(1, static_cast<int>(bits)) - 1;
  std::optional<CodeScale> best;
  // The ends one after the other, the upper first.
  double ends[] = {values.low, values.high};
  for (bool isUpper : {true, false}) {
    double &end = ends[isUpper];
    double otherEnd = ends[!isUpper], bestEnd = end;
    for (int percent = widest; percent >= narrowest; percent -= step) {
      double candidate = otherEnd + (end - otherEnd) * percent / 100;
      double scale =
          std::max(std::abs(candidate - otherEnd) / intervals, smallest);
      auto offset =
          static_cast<int64_t>(-std::rint((candidate + otherEnd + scale) / 2));
      if (low + offset < INT16_MIN || high + offset > INT16_MAX)
        continue;
      double error = getError(values, bits, scale, static_cast<double>(offset));
      if (!best || error < best->error) {
        best = CodeScale{scale, offset, error};
        bestEnd = candidate;
      }
    }
    end = bestEnd;
  }
  return best ? *best : chooseScale(values, bits, smallest);
}
