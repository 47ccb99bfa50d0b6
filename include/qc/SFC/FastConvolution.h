// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fast convolution algorithms as three integer matrices: symbolic Fourier
// convolution (SFC; He et al., "SFC: Achieve Accurate Fast Convolution under
// Low-precision Arithmetic", ICML 2024, arXiv:2407.02913) and Winograd's
// (Toom-Cook) algorithms.
#ifndef QC_SFC_FASTCONVOLUTION_H
#define QC_SFC_FASTCONVOLUTION_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <array>
#include <cstdint>
#include <string>

namespace qc {

/// Row-major matrix of small integers.
struct IntegerMatrix {
  int64_t rows = 0, columns = 0;
  llvm::SmallVector<int32_t> entries;

  IntegerMatrix() = default;
  /// All zero.
  IntegerMatrix(int64_t rows, int64_t columns)
      : rows(rows), columns(columns), entries(rows * columns) {}

  int32_t &at(int64_t row, int64_t column) {
    return entries[row * columns + column];
  }
  int32_t at(int64_t row, int64_t column) const {
    return entries[row * columns + column];
  }
  bool operator==(const IntegerMatrix &) const = default;
};

/// A bilinear algorithm of the correlation
/// y[i] = sum over k of d[i + k] * g[k] (i, k two-dimensional):
///
///   y = A [(G g) . (B d)] / denominator
///
/// with the element-wise product, for a tile d of getTile(0) x getTile(1)
/// inputs, taps g and outputs y, all three flattened row-major. It is exact:
/// sum over t of A[i, t] G[t, k] B[t, j] = denominator if j = i + k, else 0.
///
/// B and A are applied to data at run time, G once to weights. Factors are
/// therefore in G: the entries of a column of A have no common divisor, and in
/// the SFC families B and A only have entries 0, 1 and -1. (Of the three
/// operands of a product of conjugate pairs one is multiplied by traces, 1 or
/// 2. In the paper these are the outputs, here the weights: fewer additions,
/// and the same noise.) No entry of G exceeds the denominator.
///
/// Products are numbered row-major by the parts of the vertical and of the
/// horizontal algorithm: DC, the conjugate pairs by frequency, Nyquist,
/// corrections; with Winograd's the points 0, 1, -1, 2, -2, infinity. A
/// conjugate pair has three products, of X0, X1 and X0 + X1. Two conjugate
/// pairs u, v have in the Hermitian form the three of the frequency (u, v)
/// followed by the three of (u, -v), in a nested form nine, row-major.
struct FastConvolution {
  std::string name;                         ///< "sfc-6(6x6,3x3)"
  std::array<int64_t, 2> outputs{}, taps{}; ///< vertical, horizontal
  int64_t denominator = 1;
  IntegerMatrix inputTransform;  ///< B: products x (tile0 * tile1)
  IntegerMatrix weightTransform; ///< G: products x (taps0 * taps1)
  IntegerMatrix outputTransform; ///< A: (outputs0 * outputs1) x products

  int64_t getTile(unsigned dim) const { return outputs[dim] + taps[dim] - 1; }
  int64_t getNumProducts() const { return inputTransform.rows; }
};

/// The algorithm of that name, family(OUTPUTSxOUTPUTS,TAPSxTAPS), null if it is
/// none of getFastConvolutionNames. It lives as long as the process. Safe to
/// call from several threads.
///
/// Families: "sfc-4" and "sfc-6", in two dimensions in the Hermitian form (a
/// true two-dimensional Fourier transform of the part without corrections);
/// "sfc-4-nested" and "sfc-6-nested", one algorithm for the rows inside of one
/// for the columns; "winograd", nested.
const FastConvolution *getFastConvolution(llvm::StringRef name);

/// All supported names.
llvm::ArrayRef<llvm::StringRef> getFastConvolutionNames();

} // namespace qc

#endif // QC_SFC_FASTCONVOLUTION_H
