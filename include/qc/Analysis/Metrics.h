// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far quantized values are from those they stand for, and what weights and
// activations alone say about how sensitive a layer is.
//
// Everything is defined for every input. Ratios in decibel are limited to
// +-maxDecibels, which is what they are without error or without signal; values
// that are not finite count as the largest possible error.
#ifndef QC_ANALYSIS_METRICS_H
#define QC_ANALYSIS_METRICS_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>

namespace qc {

constexpr double maxDecibels = 200;

/// 10 log10(signal / noise), limited; `maxDecibels` where both are zero.
double getDecibels(double signal, double noise);

/// Sums over pairs of elements of a reference and its approximation, over any
/// number of tensors.
class Comparison {
public:
  /// Arrays of equal length.
  void add(llvm::ArrayRef<float> reference, llvm::ArrayRef<float> other);

  uint64_t getCount() const { return count; }
  /// sum r^2 / sum (r - o)^2 in dB.
  double getSQNR() const { return getDecibels(signal, noise); }
  /// Mean of (r - o)^2; 0 without elements.
  double getMeanSquareError() const;
  /// <r, o> / (|r| |o|); 1 where both are zero, 0 where one is or where it is
  /// not a number.
  double getCosine() const;
  /// Largest |r - o|.
  double getMaxError() const { return maxError; }

private:
  uint64_t count = 0;
  double signal = 0, noise = 0, power = 0, product = 0, maxError = 0;
};

/// The same for rows of logits.
class LogitComparison {
public:
  /// Rows x `length`, both arrays; length >= 1 divides theirs.
  void add(llvm::ArrayRef<float> reference, llvm::ArrayRef<float> other,
           int64_t length);

  uint64_t getNumRows() const { return rows; }
  /// Mean over rows of the Kullback-Leibler divergence sum p ln(p / q), p and q
  /// the softmax of the reference and of the other, in nats; 0 without rows,
  /// infinite where q is not a distribution.
  double getDivergence() const;
  /// Share of rows whose largest elements are at the same place, the first
  /// one's where several are equal; 1 without rows.
  double getAgreement() const;

private:
  uint64_t rows = 0, agreeing = 0;
  double divergence = 0;
};

/// Share of the values with |z| > 1, z = (w - mean) / standard deviation: the
/// "z-score distribution" of Dumitru et al., "Layer-Wise Quantization" (arXiv
/// 2406.17415). A layer with a smaller share is more sensitive. 0 for constant
/// values.
double getZScoreShare(llvm::ArrayRef<float> values);

/// Share of the values with |w| > factor * mean |w|: the layerwise outlier
/// distribution of OWL (Yin et al., arXiv 2310.05175), on weights alone. 0 for
/// constant values if factor >= 1.
double getOutlierShare(llvm::ArrayRef<float> values, double factor = 5);

/// Layer input modification: the mean over rows of 1 - cosine of a layer's
/// input and output (arXiv 2406.17415 has -cosine, the same order). Higher is
/// more sensitive. Rows x `length` both; 0 without rows.
double getInputModification(llvm::ArrayRef<float> input,
                            llvm::ArrayRef<float> output, int64_t length);

} // namespace qc

#endif // QC_ANALYSIS_METRICS_H
