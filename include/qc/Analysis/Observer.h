// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calibration keeps of a stream of tensors: one pass, memory independent
// of the number of samples.
#ifndef QC_ANALYSIS_OBSERVER_H
#define QC_ANALYSIS_OBSERVER_H

#include "qc/Analysis/Histogram.h"

#include <optional>

namespace qc {

/// Whether all `values` are finite; many at a time.
template <typename T> bool areFinite(llvm::ArrayRef<T> values) {
  // x - x is zero, or NaN for what is not finite.
  constexpr size_t lanes = 8;
  T difference[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= values.size(); i += lanes)
    for (size_t l = 0; l < lanes; ++l)
      difference[l] += values[i + l] - values[i + l];
  for (; i < values.size(); ++i)
    difference[0] += values[i] - values[i];
  return llvm::all_of(difference, [](T d) { return d == 0; });
}

/// Sums over a set of finite values. Means are 0 where there are none.
struct ValueSums {
  uint64_t count = 0;
  float min = 0, max = 0;
  double sum = 0, sumOfMagnitudes = 0, sumOfSquares = 0;

  float getAbsMax() const;
  double getMean() const { return count ? sum / count : 0; }
  double getMeanMagnitude() const {
    return count ? sumOfMagnitudes / count : 0;
  }
  /// The second moment, mean of x^2.
  double getPower() const { return count ? sumOfSquares / count : 0; }
  /// Mean of (x - mean)^2.
  double getVariance() const;

  void add(const ValueSums &other);
  bool operator==(const ValueSums &other) const = default;
};

/// Statistics of one value of the graph over all samples.
struct ValueStatistics {
  /// Tensors seen.
  uint64_t samples = 0;
  /// Elements that were left out.
  uint64_t nans = 0, infinities = 0;
  /// Over all finite elements.
  ValueSums all;
  /// One per channel; empty without a channel axis.
  std::vector<ValueSums> channels;
  /// Mean over samples of each sample's smallest and largest element: a moving
  /// average with weight 1/k for sample k, which no order of the samples
  /// changes (onnxruntime's `moving_average`, NNCF's mean_min_max). Samples
  /// without finite elements do not count.
  double meanMin = 0, meanMax = 0;
  uint64_t samplesInMean = 0;
  Histogram histogram;

  /// Entropy in bits of the histogram ("activation entropy").
  double getEntropy() const { return histogram.getEntropy(); }

  /// Adds statistics of other samples of the same value; `channels` must agree
  /// in length.
  void merge(const ValueStatistics &other);

  bool operator==(const ValueStatistics &other) const = default;

  /// Exact both ways: numbers have 17 digits. Reading fails with a reason.
  llvm::json::Object toJSON() const;
  static llvm::Expected<ValueStatistics>
  fromJSON(const llvm::json::Object &object);
};

/// Collects the statistics of one value.
class ValueObserver {
public:
  /// A tensor of `shape`, row-major; per-channel sums are along `channelAxis`
  /// if that is given (0 <= axis < rank).
  ValueObserver(llvm::ArrayRef<int64_t> shape,
                std::optional<int64_t> channelAxis = std::nullopt);

  /// One sample, with as many elements as the shape has.
  void observe(llvm::ArrayRef<float> values);

  const ValueStatistics &getStatistics() const { return statistics; }
  /// Goes on from saved statistics; `channels` must have the right length.
  void resume(ValueStatistics saved);

private:
  void observeClean(llvm::ArrayRef<float> values, ValueSums &sample);
  void observeAny(llvm::ArrayRef<float> values, ValueSums &sample);

  /// The tensor is (any number) x numChannels x inner.
  int64_t numElements = 1, numChannels = 0, inner = 1;
  ValueStatistics statistics;
};

/// Accumulates the second moment X^T X of rows x of length n, the Hessian of
/// ||X (W - Wq)^T||^2 in every row of W: whole, or only the blocks of `block`
/// columns on its diagonal (groups of a grouped convolution). Products are f32
/// over panels of a few hundred rows, sums over panels double.
class SecondMoment {
public:
  /// `block` divides n; 0 means n. Memory: n * block doubles and a panel.
  SecondMoment(int64_t n, int64_t block = 0);

  /// Adds rows (any number x n, row-major), all finite. With `weights`, one per
  /// row and not negative, row x counts as sqrt(weight) * x.
  void add(llvm::ArrayRef<float> rows, llvm::ArrayRef<float> weights = {});
  /// Adds the rows that `other` has seen, which has the same size and blocks.
  void merge(SecondMoment &other);

  int64_t getSize() const { return n; }
  int64_t getBlock() const { return block; }
  /// Sum of the weights (number of rows without weights).
  double getWeight() const { return weight; }
  /// The mean of x^T x in diagonal block `index`: block x block, symmetric;
  /// zeros before the first row.
  std::vector<double> getMean(int64_t index = 0);

  /// Mean and covariance (block x block) of x in block `index`.
  struct Moments {
    std::vector<double> mean, covariance;

    /// Multiplies what is beside the diagonal of the covariance by 1 - share.
    void shrink(double share);
    /// The mean of x^T x.
    std::vector<double> getSecondMoment() const;
  };
  Moments getMoments(int64_t index = 0);

  /// From 0 to 1, by how much to shrink the covariance of these rows so that
  /// its expected square error as an estimate for others of their kind is
  /// least: the sum of the elements' sampling variances by that of their
  /// squares (Schaefer and Strimmer 2005, target D). Few rows for many columns
  /// correlate by chance, and rounding that makes use of it does harm
  /// elsewhere. Without weights.
  /// `moments` are getMoments(index).
  double getShrinkage(const Moments &moments, int64_t index = 0) const;

private:
  double addPowers(const float *row, int64_t start);
  void flush();

  int64_t n, block, panelRows, filled = 0;
  double weight = 0;
  bool isWeighted = false;
  /// Of each column the sums of x, x^3, x^4 and of x times its row's square
  /// within the block.
  std::vector<double> first, third, fourth, cross;
  /// Of each block the sum of rows' squares, squared.
  std::vector<double> quartic;
  std::vector<float> panel;
  /// n / block matrices; the lower triangle is valid.
  std::vector<double> sums;
};

} // namespace qc

#endif // QC_ANALYSIS_OBSERVER_H
