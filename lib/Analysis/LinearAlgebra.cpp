// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Row-major matrices for a library of column-major ones: a row-major matrix is
// the transpose of what it sees, so operands swap and lower becomes upper.

#include "LinearAlgebra.h"

#include <cassert>
#include <cmath>

extern "C" {
void sgemm_(const char *transA, const char *transB, const int *m, const int *n,
            const int *k, const float *alpha, const float *a, const int *lda,
            const float *b, const int *ldb, const float *beta, float *c,
            const int *ldc);
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a,
             const int *lda, double *b, const int *ldb, int *info);
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a,
             const int *lda, int *info);
}

void qc::multiply(bool transposeA, bool transposeB, int64_t m, int64_t n,
                  int64_t k, float alpha, const float *a, int64_t strideA,
                  const float *b, int64_t strideB, float beta, float *c,
                  int64_t strideC) {
  if (m == 0 || n == 0)
    return;
  int rows = m, columns = n, depth = k;
  int lda = strideA, ldb = strideB, ldc = strideC;
  sgemm_(transposeB ? "T" : "N", transposeA ? "T" : "N", &columns, &rows,
         &depth, &alpha, b, &ldb, a, &lda, &beta, c, &ldc);
}

bool qc::factorizeCholesky(double *a, int64_t n) {
  int size = n, info = 0;
  dpotrf_("U", &size, a, &size, &info);
  if (info != 0)
    return false;
  // Implementations differ in what they do about NaN.
  for (int64_t i = 0; i < n; ++i)
    if (!std::isfinite(a[i * n + i]))
      return false;
  return true;
}

void qc::solveCholesky(const double *l, int64_t n, double *rows,
                       int64_t count) {
  int size = n, sides = count, info = 0;
  dpotrs_("U", &size, &sides, l, &size, rows, &size, &info);
  assert(info == 0 && "dpotrs fails on bad arguments only");
}

bool qc::invertLower(double *a, int64_t n) {
  int size = n, info = 0;
  dtrtri_("U", "N", &size, a, &size, &info);
  return info == 0;
}
