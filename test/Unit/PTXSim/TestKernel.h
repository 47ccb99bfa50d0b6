// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Helpers of the PTX simulator's tests. `Family` collects small kernels, one
// per instruction form, each with a reference in plain C++; it then runs every
// kernel over many operands, one thread per combination, and compares bits. If
// ptxas is there, it must accept the same text: a test program that no real
// assembler takes would prove nothing.
#ifndef QC_TEST_UNIT_PTXSIM_TESTKERNEL_H
#define QC_TEST_UNIT_PTXSIM_TESTKERNEL_H

#include "qcrt/ptx_sim.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace ptxtest {

/// Bits of an f16 or bf16.
struct Half {
  uint16_t bits = 0;
  bool operator==(const Half &) const = default;
};
struct BHalf {
  uint16_t bits = 0;
  bool operator==(const BHalf &) const = default;
};

/// Empty if ptxas accepts \p text for \p arch or is not there, else what it
/// says.
std::string assemble(const std::string &text, const std::string &arch);
/// Contents of a file in Inputs.
std::string readInput(const std::string &name);

template <class T> constexpr unsigned widthOf() { return sizeof(T) * 8; }

template <class T> uint64_t bitsOf(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

template <class T> bool isNan(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return value != value;
  else if constexpr (std::is_same_v<T, Half>)
    return (value.bits & 0x7FFF) > 0x7C00;
  else if constexpr (std::is_same_v<T, BHalf>)
    return (value.bits & 0x7FFF) > 0x7F80;
  else
    return false;
}

/// Operands that find mistakes: limits, signs, special values, random ones.
template <class T> std::vector<T> interesting(size_t randomOnes) {
  std::vector<T> values;
  std::mt19937_64 random(sizeof(T) * 7919 + randomOnes);
  auto fromBits = [](uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  };
  if constexpr (std::is_same_v<T, float>) {
    for (uint32_t bits :
         {0x00000000u, 0x80000000u, 0x3F800000u, 0xBF800000u, 0x7F800000u,
          0xFF800000u, 0x7FC00000u, 0x00000001u, 0x807FFFFFu, 0x00800000u,
          0x7F7FFFFFu, 0xFF7FFFFFu, 0x3F000000u, 0xBFC00000u, 0x40200000u,
          0x4F000000u, 0xCF000001u, 0x4B7FFFFFu, 0x3DCCCCCDu, 0x42FF0000u})
      values.push_back(fromBits(bits));
  } else if constexpr (std::is_same_v<T, double>) {
    for (double value : {0.0,
                         -0.0,
                         1.0,
                         -1.5,
                         0.1,
                         2.5,
                         -2147483649.0,
                         4294967296.5,
                         9.3e18,
                         1e300,
                         -1e-310,
                         4.9e-324,
                         0.5,
                         65504.0,
                         65520.0,
                         3.4028235677973366e38,
                         1e-45,
                         double(INFINITY),
                         -double(INFINITY),
                         double(NAN)})
      values.push_back(fromBits(std::bit_cast<uint64_t>(value)));
  } else if constexpr (std::is_same_v<T, Half>) {
    for (uint16_t bits :
         {0x0000, 0x8000, 0x3C00, 0xBC00, 0x7C00, 0xFC00, 0x7E00, 0x0001,
          0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3800, 0x3555, 0x6400, 0x57FF})
      values.push_back(Half{bits});
  } else if constexpr (std::is_same_v<T, BHalf>) {
    for (uint16_t bits :
         {0x0000, 0x8000, 0x3F80, 0xBF80, 0x7F80, 0xFF80, 0x7FC0, 0x0001,
          0x8040, 0x0080, 0x7F7F, 0xFF7F, 0x3F00, 0x3EAB, 0x4300, 0x42FF})
      values.push_back(BHalf{bits});
  } else {
    for (uint64_t bits :
         {uint64_t(0), uint64_t(1), ~uint64_t(0), uint64_t(2), uint64_t(31),
          uint64_t(32), uint64_t(63), uint64_t(64), uint64_t(255),
          uint64_t(1) << (widthOf<T>() - 1),
          (uint64_t(1) << (widthOf<T>() - 1)) - 1, uint64_t(0x12345678),
          uint64_t(0xF0E1D2C3B4A59687)})
      values.push_back(fromBits(bits));
  }
  for (size_t i = 0; i < randomOnes; ++i)
    values.push_back(fromBits(random()));
  return values;
}

/// Kernels that are assembled, parsed and run together.
class Family {
public:
  explicit Family(std::string arch = "sm_80", std::string version = "8.0")
      : arch(std::move(arch)), version(std::move(version)) {}

  /// Text at module scope, before the kernels.
  void declare(const std::string &text) { declarations += text + "\n"; }

  /// A kernel whose \p body computes %x of type R from %a0, %a1, ... of types
  /// A; it may use %t<8> (.b32), %u<8> (.b64), %h<8> (.b16) and %p<8> (.pred).
  /// NaN of f64 and of results with \p anyNan compare equal.
  template <class R, class... A, class Reference>
  void check(const std::string &body, Reference reference,
             bool anyNan = std::is_same_v<R, double>) {
    std::vector<std::tuple<A...>> operands;
    constexpr size_t randomOnes = sizeof...(A) == 1   ? 200
                                  : sizeof...(A) == 2 ? 12
                                                      : 2;
    combine<0, A...>(operands, {}, randomOnes);
    const std::string name = "k" + std::to_string(kernels.size());
    std::string text = ".visible .entry " + name +
                       "(.param .u64 in, .param .u64 out)\n{\n"
                       ".reg .pred %p<8>;\n.reg .b16 %h<8>;\n"
                       ".reg .b32 %t<8>;\n.reg .b64 %u<8>;\n"
                       ".reg .b32 %index;\n.reg .b64 %in, %out, %offset;\n";
    size_t index = 0;
    ((text += ".reg .b" + std::to_string(registerBits<A>()) + " %a" +
              std::to_string(index++) + ";\n"),
     ...);
    text += ".reg .b" + std::to_string(registerBits<R>()) + " %x;\n";
    text += "ld.param.u64 %in, [in];\nld.param.u64 %out, [out];\n"
            "mov.u32 %index, %ctaid.x;\nmov.u32 %t0, %ntid.x;\n"
            "mov.u32 %t1, %tid.x;\nmad.lo.u32 %index, %index, %t0, %t1;\n"
            "setp.ge.u32 %p0, %index, " +
            std::to_string(operands.size()) +
            ";\n@%p0 ret;\n"
            "mul.wide.u32 %offset, %index, 8;\nadd.u64 %out, %out, %offset;\n"
            "mul.lo.u64 %offset, %offset, " +
            std::to_string(sizeof...(A)) + ";\nadd.u64 %in, %in, %offset;\n";
    index = 0;
    ((text += "ld.global." + memoryType<A>() + " %a" + std::to_string(index) +
              ", [%in+" + std::to_string(8 * index) + "];\n",
      ++index),
     ...);
    text += body + "\nst.global." + memoryType<R>() + " [%out], %x;\nret;\n}\n";
    Kernel kernel;
    kernel.name = name;
    kernel.body = body;
    kernel.count = operands.size();
    for (const auto &tuple : operands) {
      std::apply(
          [&](auto... values) {
            (kernel.inputs.push_back(bitsOf(values)), ...);
            const R expected = reference(values...);
            kernel.expected.push_back(bitsOf(expected));
            kernel.expectNan.push_back(anyNan && isNan(expected));
          },
          tuple);
    }
    kernel.isNan = [](uint64_t bits) {
      R value;
      std::memcpy(&value, &bits, sizeof(R));
      return isNan(value);
    };
    kernel.resultBytes = sizeof(R);
    kernel.arity = sizeof...(A);
    text_ += text;
    kernels.push_back(std::move(kernel));
  }

  /// Assembles, parses, runs and compares everything.
  void run();

private:
  struct Kernel {
    std::string name, body;
    size_t count = 0, arity = 0, resultBytes = 0;
    std::vector<uint64_t> inputs, expected;
    std::vector<bool> expectNan;
    std::function<bool(uint64_t)> isNan;
  };

  template <class T> static unsigned registerBits() {
    return std::max(16u, widthOf<T>());
  }
  template <class T> static std::string memoryType() {
    if (std::is_same_v<T, int8_t>)
      return "s8";
    return (sizeof(T) == 1 ? "u" : "b") + std::to_string(widthOf<T>());
  }

  template <size_t index, class... A>
  static void combine(std::vector<std::tuple<A...>> &all, std::tuple<A...> now,
                      size_t randomOnes) {
    if constexpr (index == sizeof...(A)) {
      all.push_back(now);
    } else {
      using T = std::tuple_element_t<index, std::tuple<A...>>;
      for (T value : interesting<T>(randomOnes)) {
        std::get<index>(now) = value;
        combine<index + 1, A...>(all, now, randomOnes);
      }
    }
  }

  std::string arch, version, declarations, text_;
  std::vector<Kernel> kernels;
};

} // namespace ptxtest

#endif // QC_TEST_UNIT_PTXSIM_TESTKERNEL_H
