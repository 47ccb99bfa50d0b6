// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales for the transformed data of one product of a fast convolution.
#ifndef QC_ANALYSIS_TRANSFORMSCALES_H
#define QC_ANALYSIS_TRANSFORMSCALES_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>

namespace qc {

/// Numbers and how much the error of each counts. What is expected beyond both
/// ends of those seen is among them, see addUnseen.
struct WeightedValues {
  llvm::SmallVector<std::pair<double, double>, 0> pairs;
  /// The ends, 0 included.
  double low = 0, high = 0;

  void add(double value, double weight);
  /// Of as many values again, one is expected beyond each end of those seen (I.
  /// J. Good, "The population frequencies of species", 1953). It counts as 1.3
  /// times as large, within the limits, with weight `weight`: with few values
  /// that keeps the range from being cut too narrow, with many it does not
  /// matter.
  void addUnseen(double smallest, double largest, double weight);
};

/// value = scale code - offset, for codes from -2^(bits - 1) to
/// 2^(bits - 1) - 1.
struct CodeScale {
  double scale = 1;
  int64_t offset = 0;
  double error = 0;
};

/// The scale, at least `smallest`, of least squared error without an offset.
CodeScale chooseScale(const WeightedValues &values, int64_t bits,
                      double smallest);

/// The scale, at least `smallest`, and the offset of least squared error. With
/// the offset nothing from `low` to `high`, the values that there can be,
/// leaves 16 bits.
CodeScale chooseScaleAndOffset(const WeightedValues &values, int64_t bits,
                               double smallest, int64_t low, int64_t high);

} // namespace qc

#endif // QC_ANALYSIS_TRANSFORMSCALES_H
