// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Histograms of value streams whose range is not known before.
//
// Bins have a width 2^e, edges at its multiples (so zero is an edge), and the
// width doubles, merging bins in pairs, when the range no longer fits. Width
// and position follow from the smallest and the largest value alone and merging
// is exact: the histogram does not depend on the order of the values, and
// histograms of parts add up to that of the whole.
#ifndef QC_ANALYSIS_HISTOGRAM_H
#define QC_ANALYSIS_HISTOGRAM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/JSON.h"

#include <cstdint>
#include <vector>

namespace qc {

class Histogram {
public:
  static constexpr int64_t numBins = 2048;

  /// Counts values, which must be finite. Zeros of both signs are equal.
  void add(llvm::ArrayRef<float> values);
  /// The same where the caller knows the smallest and the largest of them.
  void add(llvm::ArrayRef<float> values, float smallest, float largest);
  /// Adds the counts of `other`.
  void merge(const Histogram &other);

  bool empty() const { return total == 0; }
  uint64_t getTotal() const { return total; }
  /// How many values are zero. They are in a bin too, but a clipped activation
  /// has so many that taking that bin as uniform would be wrong.
  uint64_t getZeros() const { return zeros; }
  float getMin() const { return min; }
  float getMax() const { return max; }

  /// Width of a bin: the smallest 2^e, e >= -126, with which all values fall
  /// into at most `numBins` bins and no bin's number is 2^22 or more.
  double getWidth() const;
  /// Bin i holds values in [getEdge(i), getEdge(i + 1)); bins below zero hold
  /// their upper edge instead of the lower one.
  double getEdge(int64_t i) const { return (first + i) * getWidth(); }
  /// Counts of the bins from the one with the smallest value to the one with
  /// the largest; empty if there were no values.
  llvm::ArrayRef<uint64_t> getCounts() const;

  /// Entropy in bits of the distribution over bins; 0 if empty.
  double getEntropy() const;

  bool operator==(const Histogram &other) const = default;

  /// Exact both ways. Reading fails, with a reason, on counts that no histogram
  /// has.
  llvm::json::Object toJSON() const;
  static llvm::Expected<Histogram> fromJSON(const llvm::json::Object &object);

private:
  /// Makes the bins right for values from `smallest` to `largest` too.
  void fit(float smallest, float largest);

  int exponent = -126;
  /// Number of the first bin: that of `min`.
  int64_t first = 0;
  float min = 0, max = 0;
  uint64_t total = 0, zeros = 0;
  /// `numBins` counts, or none before the first value.
  std::vector<uint64_t> counts;
};

} // namespace qc

#endif // QC_ANALYSIS_HISTOGRAM_H
