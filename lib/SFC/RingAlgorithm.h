// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One-dimensional convolution algorithms as a sum of multiplications in small
// rings: from these come the matrices of the two-dimensional algorithms as
// well as the order in which to compute them.
//
// A part of an algorithm has an element of its ring per input j, tap k and
// output i, and the parts together satisfy
//
//   sum over parts of Tr(input[j] * tap[k] * output[i]) = denominator [j = i+k]
//
// where the ring is that of the integers, Tr(x) = x, or Z[s]/(s^2 = alpha s -
// 1) with s a root of unity of order n and Tr(x) = x + conj(x).
//
// In Z[s] three products are enough (Karatsuba): with x = x0 + x1 s and
// y = y0 + y1 s,
//
//   x y = x0 y0 (1 - s) + x1 y1 ((alpha - 1) s - 1) + (x0 + x1)(y0 + y1) s.
//
// So Tr(x y z) is the sum of three products of x0, x1, x0 + x1 with y0, y1,
// y0 + y1 and with Tr(z (1 - s)), Tr(z ((alpha - 1) s - 1)), Tr(z s). The form
// is symmetric: any two of inputs, taps and outputs can have the cheap
// coordinates. Here these are inputs and outputs, since weights are transformed
// once. (The paper has the trace with the outputs. Both have the same sum of
// squares over a full circle for G times A, so the same noise.)
#ifndef QC_LIB_SFC_RINGALGORITHM_H
#define QC_LIB_SFC_RINGALGORITHM_H

#include "qc/SFC/FastConvolution.h"

namespace qc::sfc {

/// c0 + c1 s.
struct Element {
  int32_t c0 = 0, c1 = 0;
};

/// Z[s]/(s^2 = alpha s - 1) with alpha = 2 cos(2 pi / n), the rings of roots of
/// unity of order n with an integer alpha.
struct Ring {
  int32_t alpha = 0;

  static Ring get(int64_t order);
  Element multiply(Element x, Element y) const;
  Element conjugate(Element x) const;
  int32_t getTrace(Element x) const;
  /// s^exponent, the exponent reduced modulo `order`.
  Element getPower(int64_t exponent, int64_t order) const;
};

/// Which of the three operands of the trilinear form.
enum class Operand { Inputs, Taps, Outputs };

/// One multiplication in a ring.
struct Part {
  /// In Z[s], else in Z with all c1 = 0.
  bool isComplex = false;
  llvm::SmallVector<Element> inputs, taps, outputs;

  llvm::ArrayRef<Element> get(Operand operand) const;
  /// Coordinates of an element.
  int64_t getDimension() const { return isComplex ? 2 : 1; }
  int64_t getNumProducts() const { return isComplex ? 3 : 1; }
};

/// A one-dimensional algorithm.
struct Axis {
  Ring ring;
  int64_t denominator = 1;
  llvm::SmallVector<Part> parts;
};

/// A two-dimensional algorithm.
struct Algorithm {
  /// Vertical, horizontal.
  std::array<Axis, 2> axes;
  /// Whether Z[s] (x) Z[s] is split into two copies of Z[s], by x (x) y ->
  /// (x y, x conj(y)): six products instead of nine.
  bool isHermitian = false;
};

/// The operand's factors of the products in which a vertical and a horizontal
/// part meet: products x (vertical * horizontal elements).
IntegerMatrix getPairFactors(const Algorithm &algorithm, const Part &vertical,
                             const Part &horizontal, Operand operand);

/// The algorithm of that name, null if there is none.
const Algorithm *getAlgorithm(llvm::StringRef name);

} // namespace qc::sfc

#endif // QC_LIB_SFC_RINGALGORITHM_H
