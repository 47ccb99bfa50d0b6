// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of PTX's types on the host. f16 and bf16 results are computed in
// double precision and rounded once: sums and products of f16 are exact there,
// everything else is first rounded to odd (the last bit of the double records
// that something was lost), after which a second rounding to at most 51 bits
// gives the same as rounding once (Boldo and Melquiond, "When double rounding
// is odd", 2005). Directed rounding of f32 and f64 uses the host's rounding
// mode around a volatile operation.
#ifndef QCRT_PTXSIM_NUMERIC_H
#define QCRT_PTXSIM_NUMERIC_H

#include "Program.h"

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace qcrt::ptxsim {

enum class Rounding : uint8_t {
  NearestEven,
  Zero,
  Down,
  Up,
  NearestAway,
};

struct F16 {
  uint16_t bits = 0;
};
struct BF16 {
  uint16_t bits = 0;
};
struct E4M3 {
  uint8_t bits = 0;
};
struct E5M2 {
  uint8_t bits = 0;
};

/// Layout of a binary floating-point format narrower than double.
template <class T> struct Format;
template <> struct Format<F16> {
  static constexpr int exponentBits = 5, fractionBits = 10;
  static constexpr bool hasInfinity = true;
  static constexpr uint32_t canonicalNan = 0x7FFF;
};
template <> struct Format<BF16> {
  static constexpr int exponentBits = 8, fractionBits = 7;
  static constexpr bool hasInfinity = true;
  static constexpr uint32_t canonicalNan = 0x7FFF;
};
template <> struct Format<E5M2> {
  static constexpr int exponentBits = 5, fractionBits = 2;
  static constexpr bool hasInfinity = true;
  static constexpr uint32_t canonicalNan = 0x7F;
};
/// No infinity; exponent and fraction all ones are NaN, so 448 is the largest.
template <> struct Format<E4M3> {
  static constexpr int exponentBits = 4, fractionBits = 3;
  static constexpr bool hasInfinity = false;
  static constexpr uint32_t canonicalNan = 0x7F;
};
template <> struct Format<float> {
  static constexpr int exponentBits = 8, fractionBits = 23;
  static constexpr bool hasInfinity = true;
  static constexpr uint32_t canonicalNan = 0x7FFFFFFF;
};
/// f32 with 10 bits of fraction, kept in an f32.
struct TF32 {
  uint32_t bits = 0;
};
template <> struct Format<TF32> {
  static constexpr int exponentBits = 8, fractionBits = 10;
  static constexpr bool hasInfinity = true;
  static constexpr uint32_t canonicalNan = 0x3FFFF;
};

/// Rounds (-1)^negative · mantissa · 2^exponent, plus a positive amount below
/// one unit of the mantissa if \p sticky, to a format. Without saturation an
/// overflow gives infinity (NaN where there is none) or, if the rounding points
/// towards zero, the largest finite value.
template <class T>
uint32_t packFormat(bool negative, uint64_t mantissa, int exponent, bool sticky,
                    Rounding rounding, bool saturateFinite = false) {
  using F = Format<T>;
  constexpr int bias = (1 << (F::exponentBits - 1)) - 1;
  constexpr int minimalExponent = 1 - bias;
  constexpr uint32_t infinity = ((1u << F::exponentBits) - 1u)
                                << F::fractionBits;
  constexpr uint32_t largest =
      F::hasInfinity ? infinity - 1 : F::canonicalNan - 1;
  const uint32_t sign =
      negative ? 1u << (F::exponentBits + F::fractionBits) : 0u;
  if (mantissa == 0)
    return sign;
  const int leading = std::countl_zero(mantissa);
  mantissa <<= leading;
  const int top = exponent - leading + 63; // exponent of the leading bit
  int keep = F::fractionBits + 1;
  if (top < minimalExponent)
    keep -= minimalExponent - top;
  uint64_t kept = 0;
  bool half = false, rest = sticky;
  if (keep > 0) {
    kept = mantissa >> (64 - keep);
    const uint64_t lost = mantissa << keep;
    half = lost >> 63;
    rest = rest || (lost << 1) != 0;
  } else if (keep == 0) {
    half = true;
    rest = rest || (mantissa << 1) != 0;
  } else {
    rest = true;
  }
  bool up = false;
  switch (rounding) {
  case Rounding::NearestEven:
    up = half && (rest || (kept & 1));
    break;
  case Rounding::NearestAway:
    up = half;
    break;
  case Rounding::Zero:
    break;
  case Rounding::Down:
    up = negative && (half || rest);
    break;
  case Rounding::Up:
    up = !negative && (half || rest);
    break;
  }
  kept += up;
  // A carry out of the fraction moves into the exponent by itself.
  uint64_t result = kept;
  if (top >= minimalExponent)
    result = (static_cast<uint64_t>(top - minimalExponent) << F::fractionBits) +
             kept;
  if (result > largest) {
    const bool towardsZero = rounding == Rounding::Zero ||
                             (rounding == Rounding::Down && !negative) ||
                             (rounding == Rounding::Up && negative);
    if (saturateFinite || towardsZero)
      result = largest;
    else
      result = F::hasInfinity ? infinity : F::canonicalNan;
  }
  return sign | static_cast<uint32_t>(result);
}

/// As above for a double that is exact or rounded to odd.
template <class T>
uint32_t roundToFormat(double value, Rounding rounding = Rounding::NearestEven,
                       bool saturateFinite = false) {
  using F = Format<T>;
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const bool negative = bits >> 63;
  const int field = static_cast<int>(bits >> 52 & 0x7FF);
  uint64_t mantissa = bits & ((uint64_t(1) << 52) - 1);
  if (field == 0x7FF) {
    if (mantissa != 0)
      return F::canonicalNan;
    const uint32_t sign =
        negative ? 1u << (F::exponentBits + F::fractionBits) : 0u;
    constexpr uint32_t infinity = ((1u << F::exponentBits) - 1u)
                                  << F::fractionBits;
    if (saturateFinite)
      return sign | (F::hasInfinity ? infinity - 1 : F::canonicalNan - 1);
    return sign | (F::hasInfinity ? infinity : F::canonicalNan);
  }
  if (field != 0)
    mantissa |= uint64_t(1) << 52;
  return packFormat<T>(negative, mantissa, (field ? field : 1) - 1075, false,
                       rounding, saturateFinite);
}

/// Exact value of a small format.
template <class T> double widenFormat(uint32_t bits) {
  using F = Format<T>;
  constexpr int bias = (1 << (F::exponentBits - 1)) - 1;
  const bool negative = bits >> (F::exponentBits + F::fractionBits) & 1;
  const uint32_t field =
      bits >> F::fractionBits & ((1u << F::exponentBits) - 1u);
  const uint32_t fraction = bits & ((1u << F::fractionBits) - 1u);
  double magnitude;
  if (F::hasInfinity && field == (1u << F::exponentBits) - 1u)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (!F::hasInfinity &&
           (bits & ((1u << (F::exponentBits + F::fractionBits)) - 1u)) ==
               F::canonicalNan)
    magnitude = std::numeric_limits<double>::quiet_NaN();
  else if (field == 0)
    magnitude =
        std::ldexp(static_cast<double>(fraction), 1 - bias - F::fractionBits);
  else // Placing the fields directly is exact and faster than ldexp.
    magnitude = std::bit_cast<double>(
        (uint64_t(field) - static_cast<uint64_t>(bias) + 1023) << 52 |
        uint64_t(fraction) << (52 - F::fractionBits));
  return negative ? -magnitude : magnitude;
}

/// a + b rounded to odd.
inline double addRoundToOdd(double a, double b) {
  const double sum = a + b;
  if (!std::isfinite(sum))
    return sum;
  // Knuth's TwoSum: error is exactly a + b - sum.
  const double bPart = sum - a;
  const double error = (a - (sum - bPart)) + (b - bPart);
  uint64_t bits = std::bit_cast<uint64_t>(sum);
  if (error == 0 || (bits & 1))
    return sum;
  const bool growing = (error > 0) == (sum > 0);
  bits += growing ? 1 : UINT64_MAX;
  return std::bit_cast<double>(bits);
}

inline int hostRounding(Rounding rounding) {
  switch (rounding) {
  case Rounding::Zero:
    return FE_TOWARDZERO;
  case Rounding::Down:
    return FE_DOWNWARD;
  case Rounding::Up:
    return FE_UPWARD;
  case Rounding::NearestEven:
  case Rounding::NearestAway:
    break;
  }
  return FE_TONEAREST;
}

/// Runs \p compute, whose operands and result must be volatile, in a rounding
/// mode of the host.
template <class Compute> auto withRounding(Rounding rounding, Compute compute) {
  if (rounding == Rounding::NearestEven)
    return compute();
  const int before = std::fegetround();
  std::fesetround(hostRounding(rounding));
  auto result = compute();
  std::fesetround(before);
  return result;
}

inline bool isNan(float value) { return value != value; }
inline bool isNan(double value) { return value != value; }
inline bool isNan(F16 value) { return (value.bits & 0x7FFF) > 0x7C00; }
inline bool isNan(BF16 value) { return (value.bits & 0x7FFF) > 0x7F80; }

template <class T>
inline constexpr bool isHalf =
    std::is_same_v<T, F16> || std::is_same_v<T, BF16>;
template <class T>
inline constexpr bool isReal = isHalf<T> || std::is_floating_point_v<T>;

/// Exact value in double precision.
inline double widen(F16 value) { return widenFormat<F16>(value.bits); }
inline double widen(BF16 value) {
  return std::bit_cast<float>(uint32_t(value.bits) << 16);
}
inline double widen(float value) { return value; }
inline double widen(double value) { return value; }

/// Rounds a double (exact, or rounded to odd) to T.
template <class T>
T narrow(double value, Rounding rounding = Rounding::NearestEven) {
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else if constexpr (std::is_same_v<T, float>) {
    if (rounding == Rounding::NearestEven)
      return static_cast<float>(value);
    return std::bit_cast<float>(roundToFormat<float>(value, rounding));
  } else {
    return T{static_cast<decltype(T::bits)>(roundToFormat<T>(value, rounding))};
  }
}

/// NaN results of f32, f16 and bf16 have one bit pattern; f64 keeps payloads.
inline float canonical(float value) {
  return isNan(value) ? std::bit_cast<float>(0x7FFFFFFFu) : value;
}
inline double canonical(double value) { return value; }
template <class T>
  requires isHalf<T>
T canonical(T value) {
  return isNan(value) ? T{0x7FFF} : value;
}

/// The canonical NaN of a type.
template <class T> T nanOf() {
  if constexpr (isHalf<T>)
    return T{0x7FFF};
  else if constexpr (std::is_same_v<T, float>)
    return std::bit_cast<float>(0x7FFFFFFFu);
  else
    return std::numeric_limits<double>::quiet_NaN();
}

template <class T>
using BitsOf = std::conditional_t<
    sizeof(T) == 8, uint64_t,
    std::conditional_t<sizeof(T) == 4, uint32_t,
                       std::conditional_t<sizeof(T) == 2, uint16_t, uint8_t>>>;

template <class T> BitsOf<T> toBits(T value) {
  return std::bit_cast<BitsOf<T>>(value);
}
template <class T> T fromBits(BitsOf<T> bits) { return std::bit_cast<T>(bits); }
template <class T> constexpr BitsOf<T> signBit() {
  return static_cast<BitsOf<T>>(BitsOf<T>(1) << (sizeof(T) * 8 - 1));
}

/// Subnormals become zero of the same sign.
template <class T> T flushSubnormal(T value) {
  constexpr BitsOf<T> smallestNormal =
      std::is_same_v<T, double>  ? static_cast<BitsOf<T>>(uint64_t(1) << 52)
      : std::is_same_v<T, float> ? static_cast<BitsOf<T>>(1u << 23)
      : std::is_same_v<T, F16>   ? static_cast<BitsOf<T>>(1u << 10)
                                 : static_cast<BitsOf<T>>(1u << 7);
  const BitsOf<T> bits = toBits(value);
  const BitsOf<T> magnitude = static_cast<BitsOf<T>>(bits & ~signBit<T>());
  if (magnitude >= smallestNormal)
    return value;
  return fromBits<T>(static_cast<BitsOf<T>>(bits & signBit<T>()));
}

/// .sat: clamps to [0, 1], NaN becomes +0.
template <class T> T saturateUnit(T value) {
  const double wide = widen(value);
  if (!(wide > 0))
    return fromBits<T>(0);
  return wide > 1 ? narrow<T>(1) : value;
}

template <class T> T negated(T value) {
  return fromBits<T>(static_cast<BitsOf<T>>(toBits(value) ^ signBit<T>()));
}
template <class T> T magnitudeOf(T value) {
  return fromBits<T>(static_cast<BitsOf<T>>(toBits(value) & ~signBit<T>()));
}

//===----------------------------------------------------------------------===//
// Rounded arithmetic
//===----------------------------------------------------------------------===//

template <class T> T addReal(T a, T b, Rounding rounding) {
  if constexpr (isHalf<T>) {
    return narrow<T>(addRoundToOdd(widen(a), widen(b)), rounding);
  } else {
    if (rounding == Rounding::NearestEven)
      return canonical(a + b);
    volatile T x = a, y = b, z;
    return canonical(withRounding(rounding, [&] {
      z = x + y;
      return T(z);
    }));
  }
}

template <class T> T multiplyReal(T a, T b, Rounding rounding) {
  if constexpr (isHalf<T>) {
    return narrow<T>(widen(a) * widen(b), rounding);
  } else {
    if (rounding == Rounding::NearestEven)
      return canonical(a * b);
    volatile T x = a, y = b, z;
    return canonical(withRounding(rounding, [&] {
      z = x * y;
      return T(z);
    }));
  }
}

template <class T> T fusedMultiplyAdd(T a, T b, T c, Rounding rounding) {
  if constexpr (isHalf<T>) {
    return narrow<T>(addRoundToOdd(widen(a) * widen(b), widen(c)), rounding);
  } else {
    if (rounding == Rounding::NearestEven)
      return canonical(std::fma(a, b, c));
    volatile T x = a, y = b, z = c, w;
    return canonical(withRounding(rounding, [&] {
      w = std::fma(T(x), T(y), T(z));
      return T(w);
    }));
  }
}

template <class T> T divideReal(T a, T b, Rounding rounding) {
  if (rounding == Rounding::NearestEven)
    return canonical(a / b);
  volatile T x = a, y = b, z;
  return canonical(withRounding(rounding, [&] {
    z = x / y;
    return T(z);
  }));
}

template <class T> T squareRoot(T a, Rounding rounding) {
  if (rounding == Rounding::NearestEven)
    return canonical(std::sqrt(a));
  volatile T x = a, y;
  return canonical(withRounding(rounding, [&] {
    y = std::sqrt(T(x));
    return T(y);
  }));
}

/// min and max: -0 is below +0; NaN loses unless \p propagate.
template <class T> T extremum(T a, T b, bool maximum, bool propagate) {
  if (isNan(a) || isNan(b)) {
    if (propagate || (isNan(a) && isNan(b)))
      return nanOf<T>();
    return isNan(a) ? b : a;
  }
  const double x = widen(a), y = widen(b);
  if (x == y) {
    // Equal, or zeros of either sign.
    const bool negative = toBits(a) & signBit<T>();
    return negative == maximum ? b : a;
  }
  return (x < y) == maximum ? b : a;
}

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_NUMERIC_H
