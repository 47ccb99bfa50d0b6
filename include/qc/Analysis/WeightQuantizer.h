// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grids for weights and roundings onto them.
//
// A weight matrix W is rows x columns, output channels by reduction, row-major.
// The layer computes y = W x; H, columns x columns and symmetric, is the mean
// of x x^T (SecondMoment), so that the mean squared output error of rounded
// weights Wq is the trace of (W - Wq) H (W - Wq)^T.
#ifndef QC_ANALYSIS_WEIGHTQUANTIZER_H
#define QC_ANALYSIS_WEIGHTQUANTIZER_H

#include "llvm/ADT/ArrayRef.h"

#include <cstdint>
#include <vector>

namespace qc {

enum class GridKind {
  Integer,
  /// f8E4M3FN, largest value 448.
  Float8E4M3,
  /// f8E5M2, largest value 57344.
  Float8E5M2,
};

/// How the scale of a group is chosen.
enum class GridMethod {
  /// From the extremes.
  MinMax,
  /// The extremes times the p in (0, 1] of least sum |w - wq|^2.375 (GPTQ's
  /// clip search has the exponent 2.4; this one is three square roots, which
  /// vectorise).
  WeightError,
  /// The extremes times the p of least e H_gg e^T, e the errors of the group
  /// (the clip search of AWQ, from coarse to fine). Costs about 20 rows columns
  /// blockSize operations.
  OutputError,
};

enum class ScaleType { F32, F16 };

struct GridFormat {
  GridKind kind = GridKind::Integer;
  /// 2 to 8; 8 for float kinds.
  unsigned bits = 8;
  bool isSigned = true;
  /// One zero point, the middle code, and scale max|w| / (2^(bits-1) - 1).
  /// Float kinds are symmetric.
  bool symmetric = true;
  /// Only with symmetric integers: the extreme of larger magnitude is the end
  /// of the side that has one level more, so all 2^bits levels are used. The
  /// zero point is the middle code where that extreme is negative and one less
  /// where it is positive.
  bool fullRange = false;
  /// Columns that share a scale; 0 for whole rows. The last group may be
  /// shorter.
  int64_t blockSize = 0;
  GridMethod method = GridMethod::MinMax;
  ScaleType scaleType = ScaleType::F32;
};

/// Scales and zero points of rows x groups. Weights are represented by
/// (code - zero) * scale in f32. Scales are positive; those of groups of zeros
/// are 2^-20, so that biases in units of them keep their precision.
struct WeightGrid {
  GridFormat format;
  int64_t rows = 0, columns = 0;
  /// Columns of a group (the format's, or `columns`).
  int64_t blockSize = 0;
  std::vector<float> scales;
  /// Zeros for float kinds.
  std::vector<int32_t> zeros;

  int64_t getNumGroups() const {
    return blockSize ? (columns + blockSize - 1) / blockSize : 0;
  }
};

/// Codes: rows x columns bytes. An int8 is the code of a signed grid and holds
/// that of an unsigned one modulo 256, or the bits of a float8.
using WeightCodes = std::vector<int8_t>;

/// Chooses the scales. `hessian` (columns x columns) is needed for OutputError
/// only. Weights must be finite.
WeightGrid makeGrid(llvm::ArrayRef<float> weights, int64_t rows,
                    int64_t columns, const GridFormat &format,
                    llvm::ArrayRef<double> hessian = {});

/// Every weight to the nearest value of its grid: exactly ONNX's QuantizeLinear
/// (f32 division, half to even, saturating).
WeightCodes roundNearest(llvm::ArrayRef<float> weights, const WeightGrid &grid);

/// The weights that codes stand for: exactly ONNX's DequantizeLinear.
std::vector<float> dequantize(llvm::ArrayRef<int8_t> codes,
                              const WeightGrid &grid);

struct ErrorFeedbackOptions {
  /// Added to H's diagonal, as a share of its mean; multiplied by 10 until the
  /// Cholesky factorization succeeds.
  double damping = 0.01;
  /// Rounds columns in the order of falling H_jj. Groups keep their columns.
  bool order = true;
  /// Sweeps of `polishCodes` afterwards.
  unsigned sweeps = 0;
};

/// What error feedback needs of an H, for any number of roundings under it.
struct ErrorFeedback {
  ErrorFeedback() = default;
  ErrorFeedback(llvm::ArrayRef<double> hessian, int64_t columns,
                const ErrorFeedbackOptions &options = {});

  /// Columns in the order in which they are rounded.
  std::vector<int64_t> order;
  /// U, upper triangular, U^T U the inverse of the damped H in that order.
  /// Empty where H cannot be factorized with any damping (it is not finite or
  /// not symmetric positive).
  std::vector<float> factor;
};

/// Rounds column by column and adds to the columns not yet rounded what makes
/// up best for each error (GPTQ, Frantar et al. 2023, arXiv 2210.17323, with
/// grids fixed before). Columns whose input is always zero are rounded to
/// nearest, all are where there is no factor.
WeightCodes roundErrorFeedback(llvm::ArrayRef<float> weights,
                               const WeightGrid &grid,
                               const ErrorFeedback &feedback);

/// The same, and the sweeps of the options.
WeightCodes roundErrorFeedback(llvm::ArrayRef<float> weights,
                               const WeightGrid &grid,
                               llvm::ArrayRef<double> hessian,
                               const ErrorFeedbackOptions &options = {});

/// Coordinate descent on (W - Wq) H (W - Wq)^T: each sweep gives every code in
/// turn the value that is best while the others stay. No row's error grows.
void polishCodes(llvm::ArrayRef<float> weights, const WeightGrid &grid,
                 llvm::ArrayRef<double> hessian, WeightCodes &codes,
                 unsigned sweeps);

/// Trace of (W - Wq) H (W - Wq)^T.
double getQuadraticError(llvm::ArrayRef<float> weights,
                         llvm::ArrayRef<float> rounded, int64_t rows,
                         int64_t columns, llvm::ArrayRef<double> hessian);

} // namespace qc

#endif // QC_ANALYSIS_WEIGHTQUANTIZER_H
