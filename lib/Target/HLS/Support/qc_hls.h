// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact arithmetic for generated HLS C++: what the kernels of this project use
// beyond plain C++14.
//
// C++ leaves signed overflow, shifts by too much, division by zero and
// conversions out of range undefined, or picks other results for NaN and zero
// than the compiler's arithmetic does. The functions here give one result on
// every tool. `Width` is the number of bits of an integer; a value of Width
// bits is kept sign-extended in the next larger standard type. Results that
// the source arithmetic leaves undefined (division by zero, a shift by Width
// or more, a conversion out of range) are still some fixed value here, so that
// a value that nobody uses cannot stop a simulation.
#ifndef QC_HLS_H
#define QC_HLS_H

#include <cmath>
#include <cstdint>
#include <type_traits>

#if defined(__VITIS_HLS__) || defined(__VIVADO_HLS__)
#include <hls_stream.h>
#elif defined(__CATAPULT__)
#include <ac_channel.h>
#else
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <vector>
#endif

namespace qc {

//===-- Channels between processes ----------------------------------------===//

#if defined(__VITIS_HLS__) || defined(__VIVADO_HLS__)
template <typename Element> using stream = hls::stream<Element>;
#elif defined(__CATAPULT__)
template <typename Element> using stream = ac_channel<Element>;
#else
/// An unbounded first-in first-out channel for C simulation, where the
/// processes run one after the other.
template <typename Element> class stream {
public:
  void write(const Element &value) { values.push_back(value); }
  Element read() {
    if (next == values.size()) {
      std::fprintf(stderr, "qc::stream: read from an empty channel\n");
      std::exit(3);
    }
    Element value = values[next++];
    if (next == values.size()) {
      values.clear();
      next = 0;
    }
    return value;
  }
  bool empty() const { return next == values.size(); }

private:
  std::vector<Element> values;
  std::size_t next = 0;
};
#endif

//===-- Bit patterns ------------------------------------------------------===//

/// Reads the bits of a value as another type of the same size. A union is the
/// form that the C++ front ends of HLS tools accept as well.
template <typename To, typename From> inline To bit_cast(From value) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
  union {
    From from;
    To to;
  } both;
  both.from = value;
  return both.to;
}

/// IEEE binary16 and bfloat16 values. They are stored and moved as bits;
/// arithmetic is done in float and rounded once.
struct f16 {
  uint16_t bits;
};
struct bf16 {
  uint16_t bits;
};

template <> inline f16 bit_cast<f16, int16_t>(int16_t value) {
  return f16{static_cast<uint16_t>(value)};
}
template <> inline int16_t bit_cast<int16_t, f16>(f16 value) {
  return static_cast<int16_t>(value.bits);
}
template <> inline bf16 bit_cast<bf16, int16_t>(int16_t value) {
  return bf16{static_cast<uint16_t>(value)};
}
template <> inline int16_t bit_cast<int16_t, bf16>(bf16 value) {
  return static_cast<int16_t>(value.bits);
}

//===-- Integers ----------------------------------------------------------===//

template <int Width>
using sint = typename std::conditional<
    (Width <= 8), int8_t,
    typename std::conditional<(Width <= 16), int16_t,
                              typename std::conditional<(Width <= 32), int32_t,
                                                        int64_t>::type>::type>::
    type;

/// The unsigned type in which arithmetic is done: never narrower than 32 bits,
/// because narrower operands would be promoted to (signed) int.
template <int Width>
using working =
    typename std::conditional<(Width <= 32), uint32_t, uint64_t>::type;

/// The low Width bits of `bits`, sign-extended.
template <int Width> inline sint<Width> wrap(working<Width> bits) {
  const int spare = int(sizeof(working<Width>)) * 8 - Width;
  typedef typename std::make_signed<working<Width>>::type signed_working;
  return static_cast<sint<Width>>(static_cast<signed_working>(bits << spare) >>
                                  spare);
}

/// The value as an unsigned number of Width bits.
template <int Width> inline working<Width> bits(sint<Width> value) {
  const int spare = int(sizeof(working<Width>)) * 8 - Width;
  return (static_cast<working<Width>>(value) << spare) >> spare;
}

/// The low Width bits of a wider integer.
template <int Width> inline sint<Width> truncate(int64_t value) {
  return wrap<Width>(static_cast<working<Width>>(value));
}

/// The unsigned value of From bits as an integer of To bits.
template <int From, int To> inline sint<To> zero_extend(sint<From> value) {
  return static_cast<sint<To>>(bits<From>(value));
}

template <int Width> inline sint<Width> add(sint<Width> a, sint<Width> b) {
  return wrap<Width>(static_cast<working<Width>>(a) +
                     static_cast<working<Width>>(b));
}
template <int Width> inline sint<Width> sub(sint<Width> a, sint<Width> b) {
  return wrap<Width>(static_cast<working<Width>>(a) -
                     static_cast<working<Width>>(b));
}
template <int Width> inline sint<Width> mul(sint<Width> a, sint<Width> b) {
  return wrap<Width>(static_cast<working<Width>>(a) *
                     static_cast<working<Width>>(b));
}

template <int Width> inline sint<Width> lowest() {
  return wrap<Width>(static_cast<working<Width>>(1) << (Width - 1));
}

template <int Width>
inline sint<Width> div_signed(sint<Width> a, sint<Width> b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return sub<Width>(0, a);
  return static_cast<sint<Width>>(a / b);
}
template <int Width>
inline sint<Width> rem_signed(sint<Width> a, sint<Width> b) {
  if (b == 0 || b == -1)
    return 0;
  return static_cast<sint<Width>>(a % b);
}
template <int Width>
inline sint<Width> div_unsigned(sint<Width> a, sint<Width> b) {
  return b == 0 ? sint<Width>(0) : wrap<Width>(bits<Width>(a) / bits<Width>(b));
}
template <int Width>
inline sint<Width> rem_unsigned(sint<Width> a, sint<Width> b) {
  return b == 0 ? sint<Width>(0) : wrap<Width>(bits<Width>(a) % bits<Width>(b));
}
/// Division rounded down.
template <int Width>
inline sint<Width> floor_div_signed(sint<Width> a, sint<Width> b) {
  const sint<Width> quotient = div_signed<Width>(a, b);
  const bool inexact = rem_signed<Width>(a, b) != 0;
  return inexact && ((a < 0) != (b < 0)) ? sub<Width>(quotient, 1) : quotient;
}
/// Division rounded up.
template <int Width>
inline sint<Width> ceil_div_signed(sint<Width> a, sint<Width> b) {
  const sint<Width> quotient = div_signed<Width>(a, b);
  const bool inexact = rem_signed<Width>(a, b) != 0;
  return inexact && ((a < 0) == (b < 0)) ? add<Width>(quotient, 1) : quotient;
}
template <int Width>
inline sint<Width> ceil_div_unsigned(sint<Width> a, sint<Width> b) {
  const sint<Width> quotient = div_unsigned<Width>(a, b);
  return rem_unsigned<Width>(a, b) != 0 ? add<Width>(quotient, 1) : quotient;
}

template <int Width>
inline sint<Width> shift_left(sint<Width> a, sint<Width> amount) {
  const working<Width> distance = bits<Width>(amount);
  return distance >= Width
             ? sint<Width>(0)
             : wrap<Width>(static_cast<working<Width>>(a) << distance);
}
template <int Width>
inline sint<Width> shift_right_signed(sint<Width> a, sint<Width> amount) {
  const working<Width> distance = bits<Width>(amount);
  return static_cast<sint<Width>>(a >>
                                  (distance >= Width ? Width - 1 : distance));
}
template <int Width>
inline sint<Width> shift_right_unsigned(sint<Width> a, sint<Width> amount) {
  const working<Width> distance = bits<Width>(amount);
  return distance >= Width ? sint<Width>(0)
                           : wrap<Width>(bits<Width>(a) >> distance);
}

template <int Width>
inline sint<Width> min_signed(sint<Width> a, sint<Width> b) {
  return a < b ? a : b;
}
template <int Width>
inline sint<Width> max_signed(sint<Width> a, sint<Width> b) {
  return a > b ? a : b;
}
template <int Width>
inline sint<Width> min_unsigned(sint<Width> a, sint<Width> b) {
  return bits<Width>(a) < bits<Width>(b) ? a : b;
}
template <int Width>
inline sint<Width> max_unsigned(sint<Width> a, sint<Width> b) {
  return bits<Width>(a) > bits<Width>(b) ? a : b;
}

/// The absolute value; the lowest number is its own absolute value.
template <int Width> inline sint<Width> absolute(sint<Width> a) {
  return a < 0 ? sub<Width>(0, a) : a;
}
template <int Width> inline sint<Width> count_leading_zeros(sint<Width> a) {
  int count = 0;
  while (count < Width && !((bits<Width>(a) >> (Width - 1 - count)) & 1))
    ++count;
  return wrap<Width>(static_cast<working<Width>>(count));
}
template <int Width> inline sint<Width> count_trailing_zeros(sint<Width> a) {
  int count = 0;
  while (count < Width && !((bits<Width>(a) >> count) & 1))
    ++count;
  return wrap<Width>(static_cast<working<Width>>(count));
}
template <int Width> inline sint<Width> count_ones(sint<Width> a) {
  int count = 0;
  for (int position = 0; position < Width; ++position)
    count += int((bits<Width>(a) >> position) & 1);
  return wrap<Width>(static_cast<working<Width>>(count));
}

//===-- Floating point ----------------------------------------------------===//

/// NaN if either operand is NaN; +0 is greater than -0 (IEEE 754-2019 maximum).
template <typename Float> inline Float maximum(Float a, Float b) {
  if (a != a)
    return a;
  if (b != b)
    return b;
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}
template <typename Float> inline Float minimum(Float a, Float b) {
  if (a != a)
    return a;
  if (b != b)
    return b;
  if (a == b)
    return std::signbit(a) ? a : b;
  return a < b ? a : b;
}
/// The other operand if one is NaN (IEEE 754-2008 maxNum); of two equal
/// operands the first.
template <typename Float> inline Float maximum_number(Float a, Float b) {
  if (a != a)
    return b;
  return b > a ? b : a;
}
template <typename Float> inline Float minimum_number(Float a, Float b) {
  if (a != a)
    return b;
  return b < a ? b : a;
}

/// Rounds to an integer value, halves to even (the default rounding mode).
inline float round_half_even(float a) { return std::nearbyint(a); }
inline double round_half_even(double a) { return std::nearbyint(a); }

/// The integer part. Out of range and NaN: the lowest number of 64 or 32 bits,
/// of which narrower results are the low bits.
template <int Width> inline sint<Width> to_signed(double a) {
  if (Width > 32)
    return static_cast<sint<Width>>(a >= -9223372036854775808.0 &&
                                            a < 9223372036854775808.0
                                        ? static_cast<int64_t>(a)
                                        : lowest<64>());
  return truncate<Width>(a > -2147483649.0 && a < 2147483648.0
                             ? static_cast<int32_t>(a)
                             : lowest<32>());
}
template <int Width> inline sint<Width> to_unsigned(double a) {
  if (Width > 32 && a >= 9223372036854775808.0)
    return truncate<Width>(
        sub<64>(to_signed<64>(a - 9223372036854775808.0), lowest<64>()));
  return truncate<Width>(to_signed<64>(a));
}

/// The bits of the number of a narrower format that is nearest to `value`,
/// halves to even; NaN stays NaN (made quiet, the upper payload is kept).
template <int ExponentBits, int MantissaBits>
inline uint16_t narrow(double value) {
  const uint64_t source = bit_cast<uint64_t>(value);
  const uint64_t mantissa = source & ((uint64_t(1) << 52) - 1);
  const int exponent = int((source >> 52) & 0x7ff) - 1023;
  const uint32_t sign = uint32_t(source >> 63) << (ExponentBits + MantissaBits);
  const uint32_t infinity = ((uint32_t(1) << ExponentBits) - 1) << MantissaBits;
  const int bias = (1 << (ExponentBits - 1)) - 1;
  if (exponent == 1024 && mantissa != 0)
    return static_cast<uint16_t>(sign | infinity |
                                 (uint32_t(1) << (MantissaBits - 1)) |
                                 uint32_t(mantissa >> (52 - MantissaBits)));
  if (exponent > bias)
    return static_cast<uint16_t>(sign | infinity);
  // `unrounded` has `spare` bits too many: a normal number keeps its exponent
  // field above the mantissa, so that rounding up carries into it; a subnormal
  // number is the significand alone, shifted by what the exponent lacks.
  uint64_t unrounded;
  int spare = 52 - MantissaBits;
  if (exponent >= 1 - bias) {
    unrounded = (uint64_t(exponent + bias) << 52) | mantissa;
  } else {
    spare += 1 - bias - exponent;
    if (spare > 53)
      return static_cast<uint16_t>(sign);
    unrounded = (uint64_t(1) << 52) | mantissa;
  }
  const uint64_t half = uint64_t(1) << (spare - 1);
  const uint64_t rest = unrounded & ((uint64_t(1) << spare) - 1);
  uint64_t result = unrounded >> spare;
  if (rest > half || (rest == half && (result & 1)))
    ++result;
  return static_cast<uint16_t>(sign | uint32_t(result));
}

inline f16 to_f16(double value) { return f16{narrow<5, 10>(value)}; }
inline bf16 to_bf16(double value) { return bf16{narrow<8, 7>(value)}; }

inline float to_float(bf16 value) {
  return bit_cast<float>(uint32_t(value.bits) << 16);
}
inline float to_float(f16 value) {
  const uint32_t sign = uint32_t(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0x1f) {
    const uint32_t quiet = mantissa ? 0x400000u : 0u;
    return bit_cast<float>(sign | 0x7f800000u | quiet | (mantissa << 13));
  }
  if (exponent == 0) {
    // A subnormal number counts units of 2^-24.
    const float magnitude =
        static_cast<float>(mantissa) * 0.000000059604644775390625f;
    return bit_cast<float>(sign | bit_cast<uint32_t>(magnitude));
  }
  return bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
}

/// Sign operations touch only the sign bit, also of NaN.
inline f16 negate(f16 a) {
  return f16{static_cast<uint16_t>(a.bits ^ 0x8000u)};
}
inline bf16 negate(bf16 a) {
  return bf16{static_cast<uint16_t>(a.bits ^ 0x8000u)};
}

} // namespace qc

#endif // QC_HLS_H
