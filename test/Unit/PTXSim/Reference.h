// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16 and bf16 by exhaustive search: the value of the format that is nearest
// to an exact result, ties to the even code. __float128 holds products and sums
// of f16 exactly; for bf16, whose exponents range further, a sum that does not
// fit is still decided correctly because a lost tail below 2^-113 of the larger
// operand can only matter at a tie, which is settled with its sign.
#ifndef QC_TEST_UNIT_PTXSIM_REFERENCE_H
#define QC_TEST_UNIT_PTXSIM_REFERENCE_H

#include "TestKernel.h"

#include <algorithm>
#include <cfenv>

namespace ptxtest {

using Quad = __float128;

inline double valueOf(Half half) {
  const int exponent = half.bits >> 10 & 31;
  const int fraction = half.bits & 1023;
  double value;
  if (exponent == 31)
    value = fraction ? double(NAN) : double(INFINITY);
  else if (exponent == 0)
    value = std::ldexp(fraction, -24);
  else
    value = std::ldexp(1024 + fraction, exponent - 25);
  return half.bits & 0x8000 ? -value : value;
}
inline double valueOf(BHalf half) {
  return std::bit_cast<float>(uint32_t(half.bits) << 16);
}

/// Code of the largest finite value, and the next power of two above it.
template <class T> constexpr uint16_t largestCode() {
  return std::is_same_v<T, Half> ? 0x7BFF : 0x7F7F;
}
template <class T> double overflowPower() {
  return std::is_same_v<T, Half> ? 65536.0 : std::ldexp(1.0, 128);
}

/// Rounds high + tail, |tail| far below the spacing of high's format, to
/// nearest even.
template <class T> T roundReference(Quad high, Quad tail) {
  if (high != high)
    return T{0x7FFF};
  const bool negative = high < 0 || (high == 0 && std::signbit(double(high)));
  const Quad magnitude = negative ? -high : high;
  const Quad rest = negative ? -tail : tail;
  auto value = [](uint32_t code) -> Quad {
    return code > largestCode<T>() ? Quad(overflowPower<T>())
                                   : Quad(valueOf(T{uint16_t(code)}));
  };
  // Largest code whose value is not above the magnitude.
  uint32_t low = 0, high_ = uint32_t(largestCode<T>()) + 1;
  while (low < high_) {
    const uint32_t middle = (low + high_ + 1) / 2;
    if (value(middle) <= magnitude)
      low = middle;
    else
      high_ = middle - 1;
  }
  uint32_t code = low;
  if (low <= largestCode<T>()) {
    const Quad below = magnitude - value(low);
    const Quad above = value(low + 1) - magnitude;
    if (below > above ||
        (below == above && (rest > 0 || (rest == 0 && (low & 1)))))
      code = low + 1;
  }
  return T{uint16_t(code | (negative ? 0x8000 : 0))};
}

template <class T> T halfOf(double value) {
  return roundReference<T>(Quad(value), 0);
}

/// a · b + c rounded once.
template <class T> T fusedReference(T a, T b, T c) {
  const double x = valueOf(a), y = valueOf(b), z = valueOf(c);
  const double product = x * y; // exact: at most 22 bits
  if (!std::isfinite(product) || !std::isfinite(z)) {
    const double sum = product + z;
    if (sum != sum)
      return T{0x7FFF};
    return T{uint16_t((std::is_same_v<T, Half> ? 0x7C00 : 0x7F80) |
                      (sum < 0 ? 0x8000 : 0))};
  }
  if (product == 0 && z == 0)
    return halfOf<T>(product + z);
  const Quad sum = Quad(product) + Quad(z);
  // What the sum has lost (Dekker, with the larger operand first).
  const bool productFirst = std::fabs(product) >= std::fabs(z);
  const Quad larger = productFirst ? product : z;
  const Quad smaller = productFirst ? z : product;
  const Quad tail = smaller - (sum - larger);
  if (sum == 0)
    return T{0};
  return roundReference<T>(sum, tail);
}

} // namespace ptxtest

#endif // QC_TEST_UNIT_PTXSIM_REFERENCE_H
