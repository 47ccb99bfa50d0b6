// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Biases that bring the outputs of a layer with rounded weights and inputs
// nearest to those of the float layer.
#ifndef QC_ANALYSIS_BIASCORRECTION_H
#define QC_ANALYSIS_BIASCORRECTION_H

#include "llvm/ADT/ArrayRef.h"

#include <limits>
#include <vector>

namespace qc {

/// Adds x W^T to `outputs`: of each position the columns of all groups
/// (positions x groups x columns), `weights` rows x columns, `outputs`
/// positions x rows; rows belong to groups in order.
void addProducts(llvm::ArrayRef<float> inputs, llvm::ArrayRef<float> weights,
                 int64_t groups, int64_t rows, int64_t columns,
                 llvm::MutableArrayRef<float> outputs);

/// What is made of each of a layer's outputs before anything else reads it.
class OutputFunction {
public:
  /// The outputs as they are.
  OutputFunction() = default;
  static OutputFunction clamp(float lower, float upper);
  /// Any function, by its values at points of equal distance from `first` to
  /// `last`: linear in between and beyond. At least two points.
  static OutputFunction sampled(float first, float last,
                                std::vector<float> values);

  struct Point {
    float value, slope;
  };
  Point at(float x) const;

private:
  float lower = -std::numeric_limits<float>::infinity();
  float upper = std::numeric_limits<float>::infinity();
  /// Of the samples.
  float first = 0, step = 1;
  std::vector<float> values;
};

/// Positions of each sample at which outputs are compared, so that there are
/// about 2,048 for each row: the error of a mean is then a fiftieth of the
/// outputs' own.
int64_t getBiasPositions(size_t numSamples);

/// The b of least sum of squares of f(outputs + b) - expected, of row `row`;
/// both are positions x rows, `expected` is behind f already. Without an f that
/// is the mean difference. With one the sum may have several minima:
/// Gauss-Newton steps from 0 that are taken only where they lower it, so no row
/// becomes worse.
float fitBias(llvm::ArrayRef<float> outputs, llvm::ArrayRef<float> expected,
              int64_t rows, int64_t row, const OutputFunction &function);

/// The same for all rows.
std::vector<float> fitBiases(llvm::ArrayRef<float> outputs,
                             llvm::ArrayRef<float> expected, int64_t rows,
                             const OutputFunction &function);

} // namespace qc

#endif // QC_ANALYSIS_BIASCORRECTION_H
