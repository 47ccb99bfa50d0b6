// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer, logic, shift and bit-field instructions of the PTX simulator against
// plain C++.
#include "TestKernel.h"

#include <algorithm>

using namespace ptxtest;

namespace {

template <class T> using U = std::make_unsigned_t<T>;
using Wide = __int128;

template <class T> T wrap(Wide value) { return static_cast<T>(value); }

template <class T> std::string nameOf() {
  return (std::is_signed_v<T> ? "s" : "u") + std::to_string(sizeof(T) * 8);
}

template <class T> void arithmetic(Family &family) {
  const std::string type = nameOf<T>();
  family.check<T, T, T>("add." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return wrap<T>(Wide(a) + b); });
  family.check<T, T, T>("sub." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return wrap<T>(Wide(a) - b); });
  family.check<T, T, T>("mul.lo." + type + " %x, %a0, %a1;", [](T a, T b) {
    return wrap<T>(static_cast<unsigned __int128>(a) *
                   static_cast<unsigned __int128>(b));
  });
  family.check<T, T, T>("mul.hi." + type + " %x, %a0, %a1;", [](T a, T b) {
    if constexpr (std::is_signed_v<T>)
      return wrap<T>((Wide(a) * b) >> (sizeof(T) * 8));
    else
      return static_cast<T>((static_cast<unsigned __int128>(a) * b) >>
                            (sizeof(T) * 8));
  });
  family.check<T, T, T, T>(
      "mad.lo." + type + " %x, %a0, %a1, %a2;", [](T a, T b, T c) {
        return wrap<T>(static_cast<unsigned __int128>(a) *
                           static_cast<unsigned __int128>(b) +
                       static_cast<unsigned __int128>(c));
      });
  // Division by zero is open in PTX, so the kernel avoids it.
  const std::string avoid = "setp.eq." + type + " %p1, %a1, 0;\n@%p1 mov.b" +
                            std::to_string(sizeof(T) * 8) + " %a1, 1;\n";
  family.check<T, T, T>(avoid + "div." + type + " %x, %a0, %a1;", [](T a, T b) {
    return wrap<T>(Wide(a) / (b == 0 ? 1 : b));
  });
  family.check<T, T, T>(avoid + "rem." + type + " %x, %a0, %a1;", [](T a, T b) {
    return wrap<T>(Wide(a) % (b == 0 ? 1 : b));
  });
  family.check<T, T, T>("min." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return std::min(a, b); });
  family.check<T, T, T>("max." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return std::max(a, b); });
  family.check<T, T, T, T>("sad." + type + " %x, %a0, %a1, %a2;",
                           [](T a, T b, T c) {
                             const Wide d = Wide(a) - b;
                             return wrap<T>(Wide(c) + (d < 0 ? -d : d));
                           });
  if constexpr (std::is_signed_v<T>) {
    family.check<T, T>("abs." + type + " %x, %a0;",
                       [](T a) { return wrap<T>(a < 0 ? -Wide(a) : Wide(a)); });
    family.check<T, T>("neg." + type + " %x, %a0;",
                       [](T a) { return wrap<T>(-Wide(a)); });
  }
  family.check<T, T, uint32_t>(
      "shr." + type + " %x, %a0, %a1;", [](T a, uint32_t b) {
        return wrap<T>(Wide(a) >> std::min<uint32_t>(b, 100));
      });
  if constexpr (sizeof(T) < 8) {
    using W = std::conditional_t<
        std::is_signed_v<T>,
        std::conditional_t<sizeof(T) == 2, int32_t, int64_t>,
        std::conditional_t<sizeof(T) == 2, uint32_t, uint64_t>>;
    family.check<W, T, T>("mul.wide." + type + " %x, %a0, %a1;",
                          [](T a, T b) { return wrap<W>(Wide(a) * b); });
    family.check<W, T, T, W>(
        "mad.wide." + type + " %x, %a0, %a1, %a2;",
        [](T a, T b, W c) { return wrap<W>(Wide(a) * b + c); });
  }
}

template <class T> void logic(Family &family) {
  const std::string type = "b" + std::to_string(sizeof(T) * 8);
  family.check<T, T, T>("and." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return T(a & b); });
  family.check<T, T, T>("or." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return T(a | b); });
  family.check<T, T, T>("xor." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return T(a ^ b); });
  family.check<T, T>("not." + type + " %x, %a0;", [](T a) { return T(~a); });
  family.check<T, T>("cnot." + type + " %x, %a0;",
                     [](T a) { return T(a == 0); });
  family.check<T, T, uint32_t>(
      "shl." + type + " %x, %a0, %a1;", [](T a, uint32_t b) {
        return b >= sizeof(T) * 8 ? T(0) : T(uint64_t(a) << b);
      });
}

TEST(PTXSimInteger, Arithmetic) {
  Family family;
  arithmetic<uint16_t>(family);
  arithmetic<int16_t>(family);
  arithmetic<uint32_t>(family);
  arithmetic<int32_t>(family);
  arithmetic<uint64_t>(family);
  arithmetic<int64_t>(family);
  family.run();
}

TEST(PTXSimInteger, Logic) {
  Family family;
  logic<uint16_t>(family);
  logic<uint32_t>(family);
  logic<uint64_t>(family);
  family.run();
}

TEST(PTXSimInteger, Saturating) {
  Family family;
  auto clamp = [](Wide value) {
    return static_cast<int32_t>(std::clamp<Wide>(value, INT32_MIN, INT32_MAX));
  };
  family.check<int32_t, int32_t, int32_t>(
      "add.sat.s32 %x, %a0, %a1;",
      [=](int32_t a, int32_t b) { return clamp(Wide(a) + b); });
  family.check<int32_t, int32_t, int32_t>(
      "sub.sat.s32 %x, %a0, %a1;",
      [=](int32_t a, int32_t b) { return clamp(Wide(a) - b); });
  family.check<int32_t, int32_t, int32_t, int32_t>(
      "mad.hi.sat.s32 %x, %a0, %a1, %a2;",
      [=](int32_t a, int32_t b, int32_t c) {
        return clamp(((Wide(a) * b) >> 32) + c);
      });
  family.run();
}

TEST(PTXSimInteger, Carry) {
  Family family;
  // 64-bit arithmetic from 32-bit halves.
  const std::string split = "mov.b64 {%t0, %t1}, %a0;\n"
                            "mov.b64 {%t2, %t3}, %a1;\n";
  const std::string join = "mov.b64 %x, {%t4, %t5};";
  family.check<uint64_t, uint64_t, uint64_t>(
      split + "add.cc.u32 %t4, %t0, %t2;\naddc.u32 %t5, %t1, %t3;\n" + join,
      [](uint64_t a, uint64_t b) { return a + b; });
  family.check<uint64_t, uint64_t, uint64_t>(
      split + "sub.cc.u32 %t4, %t0, %t2;\nsubc.u32 %t5, %t1, %t3;\n" + join,
      [](uint64_t a, uint64_t b) { return a - b; });
  family.check<uint64_t, uint64_t, uint64_t>(
      split +
          "mul.lo.u32 %t4, %t0, %t2;\nmul.hi.u32 %t5, %t0, %t2;\n"
          "mad.lo.cc.u32 %t6, %t4, 1, %t4;\nmadc.hi.u32 %t5, %t0, %t2, "
          "%t5;\nmov.b32 %t4, %t6;\n" +
          join,
      [](uint64_t a, uint64_t b) {
        const uint64_t product = uint64_t(uint32_t(a)) * uint32_t(b);
        return 2 * product;
      });
  // The carry out of the top half.
  family.check<uint32_t, uint64_t, uint64_t>(
      "add.cc.u64 %u0, %a0, %a1;\naddc.u32 %x, 0, 0;",
      [](uint64_t a, uint64_t b) { return uint32_t(a + b < a); });
  family.run();
}

TEST(PTXSimInteger, Counting) {
  Family family;
  family.check<uint32_t, uint32_t>("popc.b32 %x, %a0;", [](uint32_t a) {
    return uint32_t(std::popcount(a));
  });
  family.check<uint32_t, uint64_t>("popc.b64 %x, %a0;", [](uint64_t a) {
    return uint32_t(std::popcount(a));
  });
  family.check<uint32_t, uint32_t>("clz.b32 %x, %a0;", [](uint32_t a) {
    return uint32_t(std::countl_zero(a));
  });
  family.check<uint32_t, uint64_t>("clz.b64 %x, %a0;", [](uint64_t a) {
    return uint32_t(std::countl_zero(a));
  });
  family.check<uint64_t, uint64_t>("brev.b64 %x, %a0;", [](uint64_t a) {
    uint64_t result = 0;
    for (int i = 0; i < 64; ++i)
      result |= (a >> i & 1) << (63 - i);
    return result;
  });
  family.check<uint32_t, int32_t>("bfind.s32 %x, %a0;", [](int32_t a) {
    for (int i = 31; i-- > 0;)
      if ((a >> i & 1) != (a >> 31 & 1))
        return uint32_t(i);
    return UINT32_MAX;
  });
  family.check<uint32_t, uint64_t>(
      "bfind.shiftamt.u64 %x, %a0;", [](uint64_t a) {
        return a == 0 ? UINT32_MAX : uint32_t(std::countl_zero(a));
      });
  family.run();
}

/// The pseudocode of the PTX manual, bit by bit.
template <class T> T extractField(T a, uint32_t b, uint32_t c) {
  constexpr unsigned top = sizeof(T) * 8 - 1;
  const unsigned position = b & 0xFF, length = c & 0xFF;
  bool sign = false;
  if (std::is_signed_v<T> && length != 0)
    sign = U<T>(a) >> std::min(position + length - 1, top) & 1;
  U<T> result = 0;
  for (unsigned i = 0; i <= top; ++i) {
    const bool bit = i < length && position + i <= top
                         ? (U<T>(a) >> (position + i) & 1) != 0
                         : sign;
    result |= U<T>(bit) << i;
  }
  return T(result);
}

template <class T> T insertField(T a, T b, uint32_t c, uint32_t d) {
  constexpr unsigned top = sizeof(T) * 8 - 1;
  const unsigned position = c & 0xFF, length = d & 0xFF;
  T result = b;
  for (unsigned i = 0; i < length && position + i <= top; ++i) {
    result &= T(~(T(1) << (position + i)));
    result |= T((a >> i & 1) << (position + i));
  }
  return result;
}

TEST(PTXSimInteger, BitFields) {
  Family family;
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "bfe.u32 %x, %a0, %a1, %a2;", extractField<uint32_t>);
  family.check<int32_t, int32_t, uint32_t, uint32_t>(
      "bfe.s32 %x, %a0, %a1, %a2;", extractField<int32_t>);
  family.check<uint64_t, uint64_t, uint32_t, uint32_t>(
      "bfe.u64 %x, %a0, %a1, %a2;", extractField<uint64_t>);
  family.check<int64_t, int64_t, uint32_t, uint32_t>(
      "bfe.s64 %x, %a0, %a1, %a2;", extractField<int64_t>);
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "bfi.b32 %x, %a0, 0x5a5a5a5a, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        return insertField<uint32_t>(a, 0x5a5a5a5a, b, c);
      });
  family.check<uint64_t, uint64_t, uint32_t, uint32_t>(
      "bfi.b64 %x, %a0, 0x5a5a5a5a, %a1, %a2;",
      [](uint64_t a, uint32_t b, uint32_t c) {
        return insertField<uint64_t>(a, 0x5a5a5a5a, b, c);
      });
  family.check<int32_t, int32_t, uint32_t>(
      "szext.wrap.s32 %x, %a0, %a1;", [](int32_t a, uint32_t b) {
        const uint32_t length = b & 31;
        return length == 0 ? 0 : extractField<int32_t>(a, 0, length);
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "szext.clamp.u32 %x, %a0, %a1;", [](uint32_t a, uint32_t b) {
        return extractField<uint32_t>(a, 0, std::min(b, 32u));
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "bmsk.clamp.b32 %x, %a0, %a1;", [](uint32_t a, uint32_t b) {
        uint32_t mask = 0;
        for (uint64_t i = a; i < uint64_t(a) + b && i < 32; ++i)
          mask |= 1u << i;
        return mask;
      });
  family.run();
}

TEST(PTXSimInteger, ShiftsAndPermutes) {
  Family family;
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "shf.l.wrap.b32 %x, %a0, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        const uint32_t n = c & 31;
        return n == 0 ? b : b << n | a >> (32 - n);
      });
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "shf.r.clamp.b32 %x, %a0, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        const uint32_t n = std::min(c, 32u);
        return n == 0 ? a : n == 32 ? b : b << (32 - n) | a >> n;
      });
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "shf.l.clamp.b32 %x, %a0, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        const uint32_t n = std::min(c, 32u);
        return n == 0 ? b : n == 32 ? a : b << n | a >> (32 - n);
      });
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "prmt.b32 %x, %a0, %a1, %a2;", [](uint32_t a, uint32_t b, uint32_t c) {
        const uint64_t bytes = uint64_t(b) << 32 | a;
        uint32_t result = 0;
        for (unsigned i = 0; i < 4; ++i) {
          const unsigned selector = c >> (4 * i) & 15;
          uint32_t byte = bytes >> (8 * (selector & 7)) & 0xFF;
          if (selector & 8)
            byte = byte & 0x80 ? 0xFF : 0;
          result |= byte << (8 * i);
        }
        return result;
      });
  // The tables of the manual, as byte numbers from the lowest result byte.
  struct Mode {
    const char *name;
    unsigned picks[4][4];
  };
  const Mode modes[] = {
      {"f4e", {{0, 1, 2, 3}, {1, 2, 3, 4}, {2, 3, 4, 5}, {3, 4, 5, 6}}},
      {"b4e", {{0, 7, 6, 5}, {1, 0, 7, 6}, {2, 1, 0, 7}, {3, 2, 1, 0}}},
      {"rc8", {{0, 0, 0, 0}, {1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}}},
      {"ecl", {{0, 1, 2, 3}, {1, 1, 2, 3}, {2, 2, 2, 3}, {3, 3, 3, 3}}},
      {"ecr", {{0, 0, 0, 0}, {0, 1, 1, 1}, {0, 1, 2, 2}, {0, 1, 2, 3}}},
      {"rc16", {{0, 1, 0, 1}, {2, 3, 2, 3}, {0, 1, 0, 1}, {2, 3, 2, 3}}}};
  for (const Mode &mode : modes)
    family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
        std::string("prmt.b32.") + mode.name + " %x, %a0, %a1, %a2;",
        [mode](uint32_t a, uint32_t b, uint32_t c) {
          const uint64_t bytes = uint64_t(b) << 32 | a;
          uint32_t result = 0;
          for (unsigned i = 0; i < 4; ++i)
            result |= uint32_t(bytes >> (8 * mode.picks[c & 3][i]) & 0xFF)
                      << (8 * i);
          return result;
        });
  for (unsigned table : {0x80u, 0xFEu, 0x96u, 0x1Bu, 0xE8u})
    family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
        "lop3.b32 %x, %a0, %a1, %a2, " + std::to_string(table) + ";",
        [table](uint32_t a, uint32_t b, uint32_t c) {
          uint32_t result = 0;
          for (unsigned i = 0; i < 32; ++i) {
            const unsigned row =
                (a >> i & 1) * 4 + (b >> i & 1) * 2 + (c >> i & 1);
            result |= (table >> row & 1) << i;
          }
          return result;
        });
  family.run();
}

template <class A, class B>
uint32_t dotBytes(uint32_t a, uint32_t b, uint32_t c) {
  for (unsigned i = 0; i < 4; ++i)
    c += uint32_t(int32_t(A(a >> (8 * i))) * int32_t(B(b >> (8 * i))));
  return c;
}

TEST(PTXSimInteger, DotProducts) {
  Family family;
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp4a.s32.s32 %x, %a0, %a1, %a2;", dotBytes<int8_t, int8_t>);
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp4a.u32.s32 %x, %a0, %a1, %a2;", dotBytes<uint8_t, int8_t>);
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp4a.s32.u32 %x, %a0, %a1, %a2;", dotBytes<int8_t, uint8_t>);
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp4a.u32.u32 %x, %a0, %a1, %a2;", dotBytes<uint8_t, uint8_t>);
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp2a.lo.s32.u32 %x, %a0, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        return uint32_t(c + uint32_t(int16_t(a)) * uint8_t(b) +
                        uint32_t(int16_t(a >> 16)) * uint8_t(b >> 8));
      });
  family.check<uint32_t, uint32_t, uint32_t, uint32_t>(
      "dp2a.hi.u32.s32 %x, %a0, %a1, %a2;",
      [](uint32_t a, uint32_t b, uint32_t c) {
        return uint32_t(c + uint32_t(uint16_t(a) * int8_t(b >> 16)) +
                        uint32_t(uint16_t(a >> 16) * int8_t(b >> 24)));
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "mul24.lo.u32 %x, %a0, %a1;", [](uint32_t a, uint32_t b) {
        return uint32_t(uint64_t(a & 0xFFFFFF) * (b & 0xFFFFFF));
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "mul24.hi.u32 %x, %a0, %a1;", [](uint32_t a, uint32_t b) {
        return uint32_t(uint64_t(a & 0xFFFFFF) * (b & 0xFFFFFF) >> 16);
      });
  family.run();
}

TEST(PTXSimInteger, LanesOf16Bits) {
  Family family("sm_90");
  auto lanes = [](auto operation) {
    return [operation](uint32_t a, uint32_t b) {
      return uint32_t(uint16_t(operation(uint16_t(a), uint16_t(b)))) |
             uint32_t(uint16_t(operation(uint16_t(a >> 16), uint16_t(b >> 16))))
                 << 16;
    };
  };
  family.check<uint32_t, uint32_t, uint32_t>(
      "add.u16x2 %x, %a0, %a1;",
      lanes([](uint16_t a, uint16_t b) { return a + b; }));
  family.check<uint32_t, uint32_t, uint32_t>(
      "min.s16x2 %x, %a0, %a1;", lanes([](uint16_t a, uint16_t b) {
        return std::min(int16_t(a), int16_t(b));
      }));
  family.check<uint32_t, uint32_t, uint32_t>(
      "max.u16x2 %x, %a0, %a1;",
      lanes([](uint16_t a, uint16_t b) { return std::max(a, b); }));
  family.check<uint32_t, uint32_t, uint32_t>(
      "max.relu.s16x2 %x, %a0, %a1;", lanes([](uint16_t a, uint16_t b) {
        return std::max({int16_t(a), int16_t(b), int16_t(0)});
      }));
  family.check<int32_t, int32_t, int32_t>(
      "min.relu.s32 %x, %a0, %a1;",
      [](int32_t a, int32_t b) { return std::max(std::min(a, b), 0); });
  family.run();
}

} // namespace
