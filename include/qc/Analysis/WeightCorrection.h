// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that make up for errors made before their layer.
//
// In a quantized model a layer gets inputs x with errors (rounded activations,
// rounded weights of earlier layers), so its output misses the float model's by
// a residual r even with its float weights. The change D of the weights of
// least mean |r - D x|^2 takes back what of r is linear in x; where x is mostly
// its own rounding error, D lowers the weights that amplify it. GPTAQ (Li et
// al. 2025, arXiv 2504.02692) is this with W (x_float - x) as the residual; the
// one here is what reads the outputs sees, behind a residual stream's sum and
// an element's function, and what few samples say is not believed.
#ifndef QC_ANALYSIS_WEIGHTCORRECTION_H
#define QC_ANALYSIS_WEIGHTCORRECTION_H

#include "qc/Analysis/Observer.h"

namespace qc {

/// What a correction needs to know of inputs and residuals: a matrix of rows /
/// groups x columns and one of columns x columns for each of the groups.
struct ResidualMoments {
  int64_t rows = 0, columns = 0, groups = 1;
  /// Means of r x^T (rows x columns) and of each group's x x^T. Where a bias is
  /// fitted afterwards, covariances.
  std::vector<float> cross;
  std::vector<std::vector<double>> squares;
};

/// Accumulates them over a stream of rows.
class ResidualObserver {
public:
  /// `rows` outputs, each of inputs of its group: groups * columns in all.
  ResidualObserver(int64_t rows, int64_t columns, int64_t groups);

  /// `inputs` is positions x groups * columns, `residuals` positions x rows.
  void add(llvm::ArrayRef<float> inputs, llvm::ArrayRef<float> residuals);

  ResidualMoments getMoments(bool hasBias);

private:
  int64_t rows, columns, groups;
  SecondMoment squares;
  std::vector<double> cross, residualSums;
};

/// The change of the weights (rows x columns) that `own` asks for, as far as
/// `other` agrees, moments of other samples of the same layer: ridge
/// regressions with ridges of 0.1, 0.01 and 0.001 of the mean square of an
/// input; the ridge, and the share in [0, 1] of its result, are those that make
/// the other's residual least. Zeros if none makes it smaller.
std::vector<float> correctWeights(const ResidualMoments &own,
                                  const ResidualMoments &other);

} // namespace qc

#endif // QC_ANALYSIS_WEIGHTCORRECTION_H
