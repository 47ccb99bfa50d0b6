// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cvt, mov and cvta of the PTX simulator.
#include "Reference.h"
#include "TestKernel.h"

#include <gtest/gtest-spi.h>

#include <limits>

using namespace ptxtest;

namespace {

template <class T> std::string nameOf() {
  if (std::is_same_v<T, float>)
    return "f32";
  if (std::is_same_v<T, double>)
    return "f64";
  if (std::is_same_v<T, Half>)
    return "f16";
  if (std::is_same_v<T, BHalf>)
    return "bf16";
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(sizeof(T) * 8);
}

double wide(float a) { return a; }
double wide(double a) { return a; }
double wide(Half a) { return valueOf(a); }

struct Mode {
  const char *integral;
  const char *plain;
  int host;
  double (*round)(double);
};
const Mode modes[] = {
    {".rni", ".rn", FE_TONEAREST, [](double a) { return std::rint(a); }},
    {".rzi", ".rz", FE_TOWARDZERO, [](double a) { return std::trunc(a); }},
    {".rmi", ".rm", FE_DOWNWARD, [](double a) { return std::floor(a); }},
    {".rpi", ".rp", FE_UPWARD, [](double a) { return std::ceil(a); }},
};

template <class D, class S> void toInteger(Family &family) {
  for (const Mode &mode : modes)
    family.check<D, S>(std::string("cvt") + mode.integral + "." + nameOf<D>() +
                           "." + nameOf<S>() + " %x, %a0;",
                       [mode](S source) -> D {
                         const double value = mode.round(wide(source));
                         if (value != value) // the manual's rule for NaN
                           return sizeof(D) == 8 || sizeof(S) == 8
                                      ? D(uint64_t(1) << (sizeof(D) * 8 - 1))
                                      : D(0);
                         if (value >=
                             std::ldexp(1.0, std::numeric_limits<D>::digits))
                           return std::numeric_limits<D>::max();
                         if (value <= double(std::numeric_limits<D>::min()))
                           return std::numeric_limits<D>::min();
                         return D(value);
                       });
}

template <class S> void toIntegers(Family &family) {
  toInteger<uint16_t, S>(family);
  toInteger<int16_t, S>(family);
  toInteger<uint32_t, S>(family);
  toInteger<int32_t, S>(family);
  toInteger<uint64_t, S>(family);
  toInteger<int64_t, S>(family);
}

TEST(PTXSimConvert, FloatToInteger) {
  Family family;
  toIntegers<float>(family);
  toIntegers<double>(family);
  toIntegers<Half>(family);
  // Results of 8 bits lie in wider registers, extended as their type says.
  family.check<int32_t, float>("cvt.rni.s8.f32 %x, %a0;", [](float a) {
    const float value = std::rint(a);
    return value != value ? 0 : int32_t(std::fmax(-128, std::fmin(127, value)));
  });
  family.check<uint32_t, float>("cvt.rzi.u8.f32 %x, %a0;", [](float a) {
    return a != a ? 0u : uint32_t(std::fmax(0, std::fmin(255, std::trunc(a))));
  });
  family.check<int32_t, float>("cvt.rni.ftz.s32.f32 %x, %a0;", [](float a) {
    const double value = std::rint(double(a));
    return value != value           ? 0
           : value >= 2147483647.0  ? INT32_MAX
           : value <= -2147483648.0 ? INT32_MIN
                                    : int32_t(value);
  });
  family.run();
}

template <class D, class S> void fromInteger(Family &family) {
  for (const Mode &mode : modes)
    family.check<D, S>(std::string("cvt") + mode.plain + "." + nameOf<D>() +
                           "." + nameOf<S>() + " %x, %a0;",
                       [mode](S source) {
                         volatile S x = source;
                         volatile D y;
                         const int before = std::fegetround();
                         std::fesetround(mode.host);
                         y = D(S(x));
                         std::fesetround(before);
                         return D(y);
                       });
}

template <class S> void fromIntegers(Family &family) {
  fromInteger<float, S>(family);
  fromInteger<double, S>(family);
  family.check<Half, S>(
      "cvt.rn.f16." + nameOf<S>() + " %x, %a0;",
      [](S source) { return roundReference<Half>(Quad(source), 0); });
}

TEST(PTXSimConvert, IntegerToFloat) {
  Family family;
  fromIntegers<uint16_t>(family);
  fromIntegers<int16_t>(family);
  fromIntegers<uint32_t>(family);
  fromIntegers<int32_t>(family);
  fromIntegers<uint64_t>(family);
  fromIntegers<int64_t>(family);
  family.check<float, uint32_t>("cvt.rn.f32.u8 %x, %a0;",
                                [](uint32_t a) { return float(uint8_t(a)); });
  family.check<float, uint32_t>("cvt.rn.f32.s8 %x, %a0;",
                                [](uint32_t a) { return float(int8_t(a)); });
  family.run();
}

TEST(PTXSimConvert, FloatToFloat) {
  Family family;
  auto canonical = [](float a) {
    return a != a ? std::bit_cast<float>(0x7FFFFFFFu) : a;
  };
  for (const Mode &mode : modes) {
    family.check<float, double>(
        std::string("cvt") + mode.plain + ".f32.f64 %x, %a0;", [=](double a) {
          volatile double x = a;
          volatile float y;
          const int before = std::fegetround();
          std::fesetround(mode.host);
          y = float(double(x));
          std::fesetround(before);
          return canonical(y);
        });
    family.check<float, float>(
        std::string("cvt") + mode.integral + ".f32.f32 %x, %a0;",
        [=](float a) { return canonical(float(mode.round(a))); });
    family.check<double, double>(std::string("cvt") + mode.integral +
                                     ".f64.f64 %x, %a0;",
                                 [=](double a) { return mode.round(a); });
  }
  family.check<double, float>("cvt.f64.f32 %x, %a0;",
                              [](float a) { return double(a); });
  family.check<float, Half>("cvt.f32.f16 %x, %a0;", [=](Half a) {
    return canonical(float(valueOf(a)));
  });
  family.check<Half, float>("cvt.rn.f16.f32 %x, %a0;", [](float a) {
    return a != a ? Half{0x7FFF} : roundReference<Half>(Quad(a), 0);
  });
  family.check<Half, double>("cvt.rn.f16.f64 %x, %a0;", [](double a) {
    return a != a ? Half{0x7FFF} : roundReference<Half>(Quad(a), 0);
  });
  family.check<BHalf, float>("cvt.rn.bf16.f32 %x, %a0;", [](float a) {
    return a != a ? BHalf{0x7FFF} : roundReference<BHalf>(Quad(a), 0);
  });
  family.check<Half, float>("cvt.rn.relu.f16.f32 %x, %a0;", [](float a) {
    return a != a   ? Half{0x7FFF}
           : a < 0  ? Half{0}
           : a == 0 ? Half{0}
                    : roundReference<Half>(Quad(a), 0);
  });
  family.check<uint32_t, float, float>(
      "cvt.rn.f16x2.f32 %x, %a0, %a1;", [](float a, float b) {
        auto half = [](float v) {
          return v != v ? 0x7FFFu
                        : uint32_t(roundReference<Half>(Quad(v), 0).bits);
        };
        return half(a) << 16 | half(b);
      });
  family.check<uint32_t, float, float>(
      "cvt.rn.bf16x2.f32 %x, %a0, %a1;", [](float a, float b) {
        auto half = [](float v) {
          return v != v ? 0x7FFFu
                        : uint32_t(roundReference<BHalf>(Quad(v), 0).bits);
        };
        return half(a) << 16 | half(b);
      });
  family.check<float, float>("cvt.sat.f32.f32 %x, %a0;", [](float a) {
    return !(a > 0) ? 0.0f : a > 1 ? 1.0f : a;
  });
  family.check<uint32_t, float>("cvt.rna.tf32.f32 %x, %a0;", [](float a) {
    const uint32_t bits = std::bit_cast<uint32_t>(a);
    if (a != a)
      return 0x7FFFFFFFu;
    if (std::isinf(a))
      return bits;
    return (bits + 0x1000) & 0xFFFFE000u; // half of the lowest kept bit
  });
  family.run();
}

TEST(PTXSimConvert, BrainHalfToFloat) {
  Family family("sm_90");
  family.check<float, BHalf>("cvt.f32.bf16 %x, %a0;", [](BHalf a) {
    const auto value = float(valueOf(a));
    return value != value ? std::bit_cast<float>(0x7FFFFFFFu) : value;
  });
  family.run();
}

/// Value of an 8-bit float with its exponent and fraction widths.
double smallValue(uint8_t bits, int exponentBits, int fractionBits) {
  const int bias = (1 << (exponentBits - 1)) - 1;
  const int exponent = bits >> fractionBits & ((1 << exponentBits) - 1);
  const int fraction = bits & ((1 << fractionBits) - 1);
  const double magnitude = exponent == 0
                               ? std::ldexp(fraction, 1 - bias - fractionBits)
                               : std::ldexp((1 << fractionBits) + fraction,
                                            exponent - bias - fractionBits);
  return bits & 0x80 ? -magnitude : magnitude;
}

/// Nearest finite value, ties to even code, saturating; \p largest is the code
/// of the largest finite value.
uint8_t smallReference(double value, int exponentBits, int fractionBits,
                       uint8_t largest) {
  if (value != value)
    return 0x7F;
  const double magnitude = std::fabs(value);
  uint8_t best = 0;
  for (unsigned code = 0; code <= largest; ++code) {
    const double candidate =
        smallValue(uint8_t(code), exponentBits, fractionBits);
    const double now = smallValue(best, exponentBits, fractionBits);
    const double gain =
        std::fabs(now - magnitude) - std::fabs(candidate - magnitude);
    if (gain > 0 || (gain == 0 && code % 2 == 0))
      best = uint8_t(code);
  }
  if (magnitude > smallValue(largest, exponentBits, fractionBits))
    best = largest;
  return uint8_t(best | (std::signbit(value) ? 0x80 : 0));
}

TEST(PTXSimConvert, EightBitFloats) {
  Family family("sm_90");
  family.check<uint16_t, float, float>(
      "cvt.rn.satfinite.e4m3x2.f32 %x, %a0, %a1;", [](float a, float b) {
        return uint16_t(smallReference(a, 4, 3, 0x7E) << 8 |
                        smallReference(b, 4, 3, 0x7E));
      });
  family.check<uint16_t, float, float>(
      "cvt.rn.satfinite.e5m2x2.f32 %x, %a0, %a1;", [](float a, float b) {
        return uint16_t(smallReference(a, 5, 2, 0x7B) << 8 |
                        smallReference(b, 5, 2, 0x7B));
      });
  family.check<uint32_t, uint16_t>(
      "cvt.rn.f16x2.e4m3x2 %x, %a0;", [](uint16_t a) {
        auto half = [](uint8_t bits) -> uint32_t {
          if ((bits & 0x7F) == 0x7F)
            return 0x7FFF;
          return halfOf<Half>(smallValue(bits, 4, 3)).bits;
        };
        return half(uint8_t(a)) | half(uint8_t(a >> 8)) << 16;
      });
  family.run();
}

template <class D, class S> void integers(Family &family) {
  family.check<D, S>("cvt." + nameOf<D>() + "." + nameOf<S>() + " %x, %a0;",
                     [](S a) { return static_cast<D>(a); });
  // PTX has .sat only where it can make a difference.
  using From = std::numeric_limits<S>;
  using To = std::numeric_limits<D>;
  if (__int128(From::min()) >= __int128(To::min()) &&
      __int128(From::max()) <= __int128(To::max()))
    return;
  family.check<D, S>(
      "cvt.sat." + nameOf<D>() + "." + nameOf<S>() + " %x, %a0;", [](S a) {
        using Limits = std::numeric_limits<D>;
        const __int128 value = a;
        return static_cast<D>(value < Limits::min()   ? Limits::min()
                              : value > Limits::max() ? Limits::max()
                                                      : a);
      });
}

template <class S> void integersFrom(Family &family) {
  integers<uint16_t, S>(family);
  integers<int16_t, S>(family);
  integers<uint32_t, S>(family);
  integers<int32_t, S>(family);
  integers<uint64_t, S>(family);
  integers<int64_t, S>(family);
}

TEST(PTXSimConvert, Integers) {
  Family family;
  integersFrom<uint16_t>(family);
  integersFrom<int16_t>(family);
  integersFrom<uint32_t>(family);
  integersFrom<int32_t>(family);
  integersFrom<uint64_t>(family);
  integersFrom<int64_t>(family);
  family.check<int32_t, int32_t>("cvt.s8.s32 %x, %a0;",
                                 [](int32_t a) { return int32_t(int8_t(a)); });
  family.check<uint32_t, int32_t>(
      "cvt.u8.s32 %x, %a0;", [](int32_t a) { return uint32_t(uint8_t(a)); });
  family.check<int32_t, int32_t>("cvt.sat.s8.s32 %x, %a0;", [](int32_t a) {
    return a < -128 ? -128 : a > 127 ? 127 : a;
  });
  family.check<int64_t, int32_t>("cvt.s64.s8 %x, %a0;",
                                 [](int32_t a) { return int64_t(int8_t(a)); });
  family.check<uint32_t, int32_t, int32_t, uint32_t>(
      "cvt.pack.sat.s8.s32.b32 %x, %a0, %a1, %a2;",
      [](int32_t a, int32_t b, uint32_t c) {
        auto clamp = [](int32_t v) {
          return uint32_t(uint8_t(v < -128 ? -128 : v > 127 ? 127 : v));
        };
        return clamp(a) << 8 | clamp(b) | c << 16;
      });
  family.check<uint32_t, int32_t, int32_t>(
      "cvt.pack.sat.u16.s32 %x, %a0, %a1;", [](int32_t a, int32_t b) {
        auto clamp = [](int32_t v) {
          return uint32_t(v < 0 ? 0 : v > 65535 ? 65535 : v);
        };
        return clamp(a) << 16 | clamp(b);
      });
  family.run();
}

TEST(PTXSimConvert, Moves) {
  Family family;
  family.declare(".global .align 4 .b32 table[4] = {11, 22, 33, 44};");
  family.check<uint64_t, uint32_t, uint32_t>(
      "mov.b64 %x, {%a0, %a1};",
      [](uint32_t a, uint32_t b) { return uint64_t(b) << 32 | a; });
  family.check<uint32_t, uint64_t>(
      "mov.b64 {_, %x}, %a0;", [](uint64_t a) { return uint32_t(a >> 32); });
  family.check<uint16_t, uint64_t>(
      "mov.b64 {%h0, %h1, %h2, %h3}, %a0;\nadd.u16 %x, %h1, %h3;",
      [](uint64_t a) { return uint16_t((a >> 16) + (a >> 48)); });
  family.check<uint32_t, uint16_t, uint16_t>(
      "mov.b32 %x, {%a1, %a0};",
      [](uint16_t a, uint16_t b) { return uint32_t(a) << 16 | b; });
  family.check<float, uint32_t>("mov.f32 %x, 0f3FC00000;",
                                [](uint32_t) { return 1.5f; });
  family.check<double, uint32_t>("mov.f64 %x, 0dBFF8000000000000;",
                                 [](uint32_t) { return -1.5; });
  family.check<uint32_t, uint32_t>(
      "mov.u64 %u0, table+8;\nld.global.u32 %x, [%u0+4];",
      [](uint32_t) { return 44u; });
  family.check<uint32_t, uint32_t>("ld.global.u32 %x, [table+4];",
                                   [](uint32_t) { return 22u; });
  family.check<uint32_t, uint32_t>(
      "mov.u64 %u0, table;\ncvta.global.u64 %u1, %u0;\n"
      "isspacep.global %p1, %u1;\nisspacep.shared %p2, %u1;\n"
      "ld.u32 %t0, [%u1+8];\nselp.u32 %t1, 100, 200, %p1;\n"
      "selp.u32 %t2, 1000, 2000, %p2;\nadd.u32 %x, %t0, %t1;\n"
      "add.u32 %x, %x, %t2;",
      [](uint32_t) { return 33u + 100 + 2000; });
  family.run();
}

/// The harness itself must notice a wrong result.
TEST(PTXSimConvert, HarnessNoticesWrongResults) {
  auto wrong = [] {
    Family family;
    family.check<uint32_t, uint32_t>(
        "add.u32 %x, %a0, 1;", [](uint32_t a) { return a == 31 ? a : a + 1; });
    family.run();
  };
  EXPECT_NONFATAL_FAILURE(wrong(), "expected 0x1f");
}

} // namespace
