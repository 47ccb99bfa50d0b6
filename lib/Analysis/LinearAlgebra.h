// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products and factorizations of row-major matrices by the BLAS and LAPACK that
// the build found (OpenBLAS chooses kernels for the machine at run time; this
// code is compiled for every x86-64).
#ifndef QC_LIB_ANALYSIS_LINEARALGEBRA_H
#define QC_LIB_ANALYSIS_LINEARALGEBRA_H

#include <cstdint>

namespace qc {

/// c = alpha op(a) op(b) + beta c with c m x n, op(a) m x k, op(b) k x n; each
/// matrix with its distance between rows.
void multiply(bool transposeA, bool transposeB, int64_t m, int64_t n, int64_t k,
              float alpha, const float *a, int64_t strideA, const float *b,
              int64_t strideB, float beta, float *c, int64_t strideC);

/// Replaces the lower triangle of a, n x n and symmetric, by its Cholesky
/// factor L, a = L L^T. False if a is not positive definite (or not finite).
bool factorizeCholesky(double *a, int64_t n);

/// Replaces each of `count` rows b of `rows` by the x with L L^T x = b.
void solveCholesky(const double *l, int64_t n, double *rows, int64_t count);

/// Inverts a lower triangular matrix in place. False if it is singular.
bool invertLower(double *a, int64_t n);

} // namespace qc

#endif // QC_LIB_ANALYSIS_LINEARALGEBRA_H
