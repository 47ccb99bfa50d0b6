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
#include <random>
#include <string>
#include <utility>
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

/// What the helpers need to know of a type; keeps them out of templates, which
/// would be compiled for every instruction.
struct TypeInfo {
  enum Kind { Integer, Single, Double, HalfKind, BrainKind } kind;
  unsigned bytes;
  bool isSigned;
};

template <class T> TypeInfo infoOf() {
  if constexpr (std::is_same_v<T, float>)
    return {TypeInfo::Single, 4, true};
  else if constexpr (std::is_same_v<T, double>)
    return {TypeInfo::Double, 8, true};
  else if constexpr (std::is_same_v<T, Half>)
    return {TypeInfo::HalfKind, 2, true};
  else if constexpr (std::is_same_v<T, BHalf>)
    return {TypeInfo::BrainKind, 2, true};
  else
    return {TypeInfo::Integer, sizeof(T), std::is_signed_v<T>};
}

template <class T> uint64_t bitsOf(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}
template <class T> T valueOfBits(uint64_t bits) {
  T value;
  std::memcpy(static_cast<void *>(&value), &bits, sizeof(T));
  return value;
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
    Kernel &kernel = add(body, infoOf<R>(), {infoOf<A>()...});
    for (size_t i = 0; i < kernel.count; ++i) {
      const R expected =
          evaluate<A...>(reference, kernel.inputs.data() + i * sizeof...(A),
                         std::index_sequence_for<A...>());
      kernel.expected.push_back(bitsOf(expected));
      kernel.expectNan.push_back(anyNan && isNan(expected));
    }
    kernel.isNan = [](uint64_t bits) { return isNan(valueOfBits<R>(bits)); };
  }

  /// Assembles, parses, runs and compares everything.
  void run();

private:
  struct Kernel {
    std::string name, body;
    size_t count = 0, arity = 0;
    std::vector<uint64_t> inputs, expected;
    std::vector<bool> expectNan;
    bool (*isNan)(uint64_t) = nullptr;
  };

  template <class... A, class Reference, size_t... index>
  static auto evaluate(Reference &reference, const uint64_t *inputs,
                       std::index_sequence<index...>) {
    return reference(valueOfBits<A>(inputs[index])...);
  }

  /// Writes the kernel's text and fills in its operands: all combinations of
  /// values that find mistakes.
  Kernel &add(const std::string &body, TypeInfo result,
              const std::vector<TypeInfo> &operands);

  std::string arch, version, declarations, text;
  std::vector<Kernel> kernels;
};

} // namespace ptxtest

#endif // QC_TEST_UNIT_PTXSIM_TESTKERNEL_H
