// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating-point arithmetic and comparison of the PTX simulator. References
// for f16 and bf16 do not share its method: they search all values of the
// format for the one nearest to the exact result, held in an integer or in a
// type of 113 bits.
#include "Reference.h"
#include "TestKernel.h"

#include <algorithm>

using namespace ptxtest;

namespace {

template <class T> std::string nameOf() {
  if (std::is_same_v<T, float>)
    return "f32";
  if (std::is_same_v<T, double>)
    return "f64";
  return std::is_same_v<T, Half> ? "f16" : "bf16";
}

float canonicalF32(float value) {
  return value != value ? std::bit_cast<float>(0x7FFFFFFFu) : value;
}
double canonicalF32(double value) { return value; }

template <class T> T flush(T value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(T(0), value)
                                                : value;
}

/// The exact operation in a rounding mode of the host. Operands and result are
/// volatile, so the compiler cannot compute it in another mode.
template <class T, class Operation>
T directed(int mode, T a, T b, T c, Operation operation) {
  volatile T x = a, y = b, z = c, result;
  const int before = std::fegetround();
  std::fesetround(mode);
  result = operation(T(x), T(y), T(z));
  std::fesetround(before);
  return canonicalF32(T(result));
}

template <class T> void arithmetic(Family &family) {
  const std::string type = nameOf<T>();
  struct Mode {
    const char *name;
    int host;
  };
  for (Mode mode : {Mode{".rn", FE_TONEAREST}, Mode{".rz", FE_TOWARDZERO},
                    Mode{".rm", FE_DOWNWARD}, Mode{".rp", FE_UPWARD}}) {
    const std::string suffix = mode.name + ("." + type);
    const int host = mode.host;
    auto binary = [&](const std::string &name, auto operation) {
      family.check<T, T, T>(name + suffix + " %x, %a0, %a1;", [=](T a, T b) {
        return directed<T>(host, a, b, 0, operation);
      });
    };
    binary("add", [](T a, T b, T) { return a + b; });
    binary("sub", [](T a, T b, T) { return a - b; });
    binary("mul", [](T a, T b, T) { return a * b; });
    binary("div", [](T a, T b, T) { return a / b; });
    family.check<T, T, T, T>(
        "fma" + suffix + " %x, %a0, %a1, %a2;", [=](T a, T b, T c) {
          return directed<T>(host, a, b, c,
                             [](T x, T y, T z) { return std::fma(x, y, z); });
        });
    family.check<T, T>("sqrt" + suffix + " %x, %a0;", [=](T a) {
      return directed<T>(host, a, 0, 0, [](T x, T, T) { return std::sqrt(x); });
    });
    family.check<T, T>("rcp" + suffix + " %x, %a0;", [=](T a) {
      return directed<T>(host, a, 0, 0, [](T x, T, T) { return T(1) / x; });
    });
  }
  family.check<T, T>("neg." + type + " %x, %a0;", [](T a) { return -a; });
  family.check<T, T>("abs." + type + " %x, %a0;",
                     [](T a) { return std::fabs(a); });
  family.check<T, T, T>("copysign." + type + " %x, %a0, %a1;",
                        [](T a, T b) { return std::copysign(b, a); });
  auto minimum = [](T a, T b) {
    if (a != a || b != b)
      return canonicalF32(a != a ? b : a);
    if (a == 0 && b == 0)
      return std::signbit(a) ? a : b;
    return a < b ? a : b;
  };
  family.check<T, T, T>("min." + type + " %x, %a0, %a1;", minimum);
  family.check<T, T, T>("max." + type + " %x, %a0, %a1;", [=](T a, T b) {
    const T result = -minimum(-a, -b);
    return result != result ? canonicalF32(result) : result;
  });
  for (auto [name, reference] :
       {std::pair<const char *, bool (*)(T)>{
            "finite", [](T a) { return bool(std::isfinite(a)); }},
        {"infinite", [](T a) { return bool(std::isinf(a)); }},
        {"number", [](T a) { return !std::isnan(a); }},
        {"notanumber", [](T a) { return bool(std::isnan(a)); }},
        {"normal", [](T a) { return bool(std::isnormal(a)); }},
        {"subnormal", [](T a) { return std::fpclassify(a) == FP_SUBNORMAL; }}})
    family.check<uint32_t, T>(
        std::string("testp.") + name + "." + type +
            " %p1, %a0;\nselp.u32 %x, 1, 0, %p1;",
        [reference = reference](T a) { return uint32_t(reference(a)); });
}

TEST(PTXSimFloat, Single) {
  Family family;
  arithmetic<float>(family);
  family.run();
}

TEST(PTXSimFloat, Double) {
  Family family;
  arithmetic<double>(family);
  family.run();
}

TEST(PTXSimFloat, FlushAndSaturate) {
  Family family;
  auto unit = [](float value) {
    return !(value > 0) ? 0.0f : value > 1 ? 1.0f : value;
  };
  family.check<float, float, float>(
      "add.rn.ftz.f32 %x, %a0, %a1;", [](float a, float b) {
        return canonicalF32(flush(flush(a) + flush(b)));
      });
  family.check<float, float, float>(
      "mul.ftz.f32 %x, %a0, %a1;", [](float a, float b) {
        return canonicalF32(flush(flush(a) * flush(b)));
      });
  family.check<float, float, float>(
      "add.sat.f32 %x, %a0, %a1;",
      [=](float a, float b) { return unit(a + b); });
  family.check<float, float, float, float>(
      "fma.rn.ftz.sat.f32 %x, %a0, %a1, %a2;", [=](float a, float b, float c) {
        return unit(flush(std::fma(flush(a), flush(b), flush(c))));
      });
  family.check<float, float, float>(
      "max.NaN.f32 %x, %a0, %a1;", [](float a, float b) {
        if (a != a || b != b)
          return std::bit_cast<float>(0x7FFFFFFFu);
        if (a == 0 && b == 0)
          return std::signbit(a) ? b : a;
        return std::max(a, b);
      });
  family.run();
}

TEST(PTXSimFloat, XorSign) {
  Family family("sm_90");
  family.check<float, float, float>(
      "min.xorsign.abs.f32 %x, %a0, %a1;", [](float a, float b) {
        if (a != a && b != b)
          return std::bit_cast<float>(0x7FFFFFFFu);
        const float magnitude = std::fmin(std::fabs(a), std::fabs(b));
        return std::signbit(a) != std::signbit(b) ? -magnitude : magnitude;
      });
  family.run();
}

template <class T> void halfArithmetic(Family &family) {
  const std::string type = nameOf<T>();
  const std::string fma = "fma.rn." + type + " ";
  family.check<T, T, T, T>(fma + "%x, %a0, %a1, %a2;", [](T a, T b, T c) {
    return fusedReference(a, b, c);
  });
  auto asOne = [](T a) {
    return fusedReference(a, halfOf<T>(1.0), halfOf<T>(-0.0));
  };
  family.check<T, T>("neg." + type + " %x, %a0;",
                     [](T a) { return T{uint16_t(a.bits ^ 0x8000)}; });
  family.check<T, T>("abs." + type + " %x, %a0;",
                     [](T a) { return T{uint16_t(a.bits & 0x7FFF)}; });
  family.check<T, T, T>("min." + type + " %x, %a0, %a1;", [=](T a, T b) {
    if (isNan(a) || isNan(b))
      return asOne(isNan(a) ? b : a);
    const double x = valueOf(a), y = valueOf(b);
    if (x == y)
      return a.bits & 0x8000 ? a : b;
    return x < y ? a : b;
  });
  family.check<T, T, T>("max.NaN." + type + " %x, %a0, %a1;", [=](T a, T b) {
    if (isNan(a) || isNan(b))
      return T{0x7FFF};
    const double x = valueOf(a), y = valueOf(b);
    if (x == y)
      return a.bits & 0x8000 ? b : a;
    return x < y ? b : a;
  });
  family.check<T, T, T>(
      "fma.rn.relu." + type + " %x, %a0, %a0, %a1;", [](T a, T c) {
        const T result = fusedReference(a, a, c);
        return !isNan(result) && result.bits & 0x8000 ? T{0} : result;
      });
}

TEST(PTXSimFloat, Half) {
  Family family;
  halfArithmetic<Half>(family);
  const Half one = halfOf<Half>(1.0);
  family.check<Half, Half, Half>("add.f16 %x, %a0, %a1;", [=](Half a, Half b) {
    return fusedReference(a, one, b);
  });
  family.check<Half, Half, Half>(
      "sub.rn.f16 %x, %a0, %a1;", [=](Half a, Half b) {
        return fusedReference(a, one, Half{uint16_t(b.bits ^ 0x8000)});
      });
  family.check<Half, Half, Half>("mul.f16 %x, %a0, %a1;", [](Half a, Half b) {
    // The sign of a zero product is that of the operands.
    const bool negative = (a.bits ^ b.bits) & 0x8000;
    return fusedReference(a, b, halfOf<Half>(negative ? -0.0 : 0.0));
  });
  family.check<Half, Half, Half>(
      "add.sat.f16 %x, %a0, %a1;", [=](Half a, Half b) {
        const Half sum = fusedReference(a, one, b);
        const double value = valueOf(sum);
        return !(value > 0) ? Half{0} : value > 1 ? one : sum;
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "add.f16x2 %x, %a0, %a1;", [=](uint32_t a, uint32_t b) {
        const Half low =
            fusedReference(Half{uint16_t(a)}, one, Half{uint16_t(b)});
        const Half high = fusedReference(Half{uint16_t(a >> 16)}, one,
                                         Half{uint16_t(b >> 16)});
        return uint32_t(low.bits) | uint32_t(high.bits) << 16;
      });
  family.check<uint32_t, uint32_t, uint32_t>(
      "fma.rn.f16x2 %x, %a0, %a1, %a0;", [](uint32_t a, uint32_t b) {
        auto lane = [&](int shift) {
          const Half x{uint16_t(a >> shift)};
          return uint32_t(fusedReference(x, Half{uint16_t(b >> shift)}, x).bits)
                 << shift;
        };
        return lane(0) | lane(16);
      });
  family.run();
}

TEST(PTXSimFloat, BrainHalf) {
  Family family;
  halfArithmetic<BHalf>(family);
  family.check<uint32_t, uint32_t, uint32_t>(
      "fma.rn.bf16x2 %x, %a0, %a1, %a0;", [](uint32_t a, uint32_t b) {
        auto lane = [&](int shift) {
          const BHalf x{uint16_t(a >> shift)};
          return uint32_t(
                     fusedReference(x, BHalf{uint16_t(b >> shift)}, x).bits)
                 << shift;
        };
        return lane(0) | lane(16);
      });
  family.run();
}

TEST(PTXSimFloat, BrainHalfAddition) {
  Family family("sm_90");
  const BHalf one = halfOf<BHalf>(1.0);
  family.check<BHalf, BHalf, BHalf>(
      "add.rn.bf16 %x, %a0, %a1;",
      [=](BHalf a, BHalf b) { return fusedReference(a, one, b); });
  family.check<BHalf, BHalf, BHalf>(
      "sub.bf16 %x, %a0, %a1;", [=](BHalf a, BHalf b) {
        return fusedReference(a, one, BHalf{uint16_t(b.bits ^ 0x8000)});
      });
  family.run();
}

/// Within a relative error; approximations have no exact reference.
TEST(PTXSimFloat, Approximations) {
  struct Case {
    const char *instruction;
    double (*reference)(double);
  };
  const Case cases[] = {
      {"ex2.approx.f32", [](double x) { return std::exp2(x); }},
      {"lg2.approx.f32", [](double x) { return std::log2(x); }},
      {"sin.approx.f32", [](double x) { return std::sin(x); }},
      {"cos.approx.f32", [](double x) { return std::cos(x); }},
      {"tanh.approx.f32", [](double x) { return std::tanh(x); }},
      {"rsqrt.approx.f32", [](double x) { return 1 / std::sqrt(x); }},
      {"rcp.approx.ftz.f32", [](double x) { return 1 / x; }},
      {"sqrt.approx.f32", [](double x) { return std::sqrt(x); }},
  };
  std::string text = ".version 8.0\n.target sm_80\n.address_size 64\n";
  for (size_t i = 0; i < std::size(cases); ++i)
    text += ".visible .entry k" + std::to_string(i) +
            "(.param .u64 p)\n{\n.reg .f32 %x;\n.reg .b64 %p;\n"
            "ld.param.u64 %p, [p];\nld.global.f32 %x, [%p];\n" +
            cases[i].instruction +
            " %x, %x;\nst.global.f32 [%p], %x;\nret;\n}\n";
  EXPECT_EQ(assemble(text, "sm_80"), "");
  auto module = qcrt::PtxModule::parse(text, "approx.ptx");
  ASSERT_TRUE(module) << module.error().str();
  for (size_t i = 0; i < std::size(cases); ++i)
    for (float x : {0.25f, 0.7f, 1.0f, 3.0f, 11.5f}) {
      float value = x;
      qcrt::PtxMemory memory;
      auto address = memory.map(&value, sizeof value, "value");
      auto run = module->launch(memory, "k" + std::to_string(i), {}, {},
                                qcrt::PtxArguments().add(*address));
      ASSERT_TRUE(run) << run.error().str();
      const double expected = cases[i].reference(double(x));
      EXPECT_NEAR(value, expected, 1e-6 * (1 + std::fabs(expected)))
          << cases[i].instruction << " of " << x;
    }
}

//===----------------------------------------------------------------------===//
// Comparison and selection
//===----------------------------------------------------------------------===//

template <class T, class Value>
void compareFloats(Family &family, Value value) {
  const std::string type = nameOf<T>();
  struct Relation {
    const char *name;
    bool (*holds)(double, double);
  };
  const Relation relations[] = {
      {"eq", [](double a, double b) { return a == b; }},
      {"ne", [](double a, double b) { return a < b || a > b; }},
      {"lt", [](double a, double b) { return a < b; }},
      {"le", [](double a, double b) { return a <= b; }},
      {"gt", [](double a, double b) { return a > b; }},
      {"ge", [](double a, double b) { return a >= b; }},
      {"equ", [](double a, double b) { return !(a < b || a > b); }},
      {"neu", [](double a, double b) { return !(a == b); }},
      {"ltu", [](double a, double b) { return !(a >= b); }},
      {"leu", [](double a, double b) { return !(a > b); }},
      {"gtu", [](double a, double b) { return !(a <= b); }},
      {"geu", [](double a, double b) { return !(a < b); }},
      {"num", [](double a, double b) { return a == a && b == b; }},
      {"nan", [](double a, double b) { return a != a || b != b; }},
  };
  for (const Relation &relation : relations)
    family.check<uint32_t, T, T>(
        std::string("setp.") + relation.name + "." + type +
            " %p1, %a0, %a1;\nselp.u32 %x, 7, 3, %p1;",
        [=](T a, T b) { return relation.holds(value(a), value(b)) ? 7u : 3u; });
}

TEST(PTXSimCompare, Floats) {
  Family family;
  compareFloats<float>(family, [](float a) { return double(a); });
  compareFloats<double>(family, [](double a) { return a; });
  compareFloats<Half>(family, [](Half a) { return valueOf(a); });
  family.run();
}

template <class T> void compareIntegers(Family &family) {
  const std::string type =
      (std::is_signed_v<T> ? "s" : "u") + std::to_string(sizeof(T) * 8);
  struct Relation {
    const char *name;
    bool (*holds)(T, T);
  };
  const Relation relations[] = {
      {"eq", [](T a, T b) { return a == b; }},
      {"ne", [](T a, T b) { return a != b; }},
      {"lt", [](T a, T b) { return a < b; }},
      {"le", [](T a, T b) { return a <= b; }},
      {"gt", [](T a, T b) { return a > b; }},
      {"ge", [](T a, T b) { return a >= b; }},
  };
  const std::string b = "b" + std::to_string(sizeof(T) * 8);
  for (const Relation &relation : relations) {
    family.check<T, T, T>(
        std::string("setp.") + relation.name + "." + type +
            " %p1, %a0, %a1;\nselp." + b + " %x, %a0, %a1, %p1;",
        [=](T x, T y) { return relation.holds(x, y) ? x : y; });
  }
}

TEST(PTXSimCompare, Integers) {
  Family family;
  compareIntegers<uint16_t>(family);
  compareIntegers<int16_t>(family);
  compareIntegers<uint32_t>(family);
  compareIntegers<int32_t>(family);
  compareIntegers<uint64_t>(family);
  compareIntegers<int64_t>(family);
  family.check<uint32_t, uint32_t, uint32_t>(
      "setp.lo.u32 %p1, %a0, %a1;\nselp.u32 %x, 1, 0, %p1;",
      [](uint32_t a, uint32_t b) { return uint32_t(a < b); });
  family.check<uint32_t, uint32_t, uint32_t>(
      "setp.hs.u32 %p1, %a0, %a1;\nselp.u32 %x, 1, 0, %p1;",
      [](uint32_t a, uint32_t b) { return uint32_t(a >= b); });
  family.run();
}

TEST(PTXSimCompare, CombinedAndPaired) {
  Family family;
  const std::string other = "setp.gt.s32 %p3, %a0, 100;\n";
  const std::string result = "selp.u32 %t2, 1, 0, %p1;\n"
                             "selp.u32 %t3, 2, 0, %p2;\n"
                             "or.b32 %x, %t2, %t3;";
  struct Combination {
    const char *name;
    bool (*apply)(bool, bool);
  };
  for (Combination combination :
       {Combination{"and", [](bool a, bool b) { return a && b; }},
        Combination{"or", [](bool a, bool b) { return a || b; }},
        Combination{"xor", [](bool a, bool b) { return a != b; }}})
    for (bool negated : {false, true})
      family.check<uint32_t, int32_t, int32_t>(
          other + "setp.lt." + combination.name + ".s32 %p1|%p2, %a0, %a1, " +
              (negated ? "!" : "") + "%p3;\n" + result,
          [=](int32_t a, int32_t b) {
            const bool p = a < b, c = (a > 100) != negated;
            return uint32_t(combination.apply(p, c)) |
                   uint32_t(combination.apply(!p, c)) << 1;
          });
  family.check<uint32_t, uint32_t, uint32_t>(
      "setp.lt.f16x2 %p1|%p2, %a0, %a1;\n" + result,
      [](uint32_t a, uint32_t b) {
        return uint32_t(valueOf(Half{uint16_t(a)}) <
                        valueOf(Half{uint16_t(b)})) |
               uint32_t(valueOf(Half{uint16_t(a >> 16)}) <
                        valueOf(Half{uint16_t(b >> 16)}))
                   << 1;
      });
  family.check<uint32_t, int32_t, int32_t>(
      "set.gt.u32.s32 %x, %a0, %a1;",
      [](int32_t a, int32_t b) { return a > b ? UINT32_MAX : 0; });
  family.check<float, float, float>(
      "set.leu.f32.f32 %x, %a0, %a1;",
      [](float a, float b) { return a > b ? 0.0f : 1.0f; });
  family.check<uint64_t, uint64_t, uint64_t, int32_t>(
      "slct.u64.s32 %x, %a0, %a1, %a2;",
      [](uint64_t a, uint64_t b, int32_t c) { return c >= 0 ? a : b; });
  family.check<float, float, float, float>(
      "slct.f32.f32 %x, %a0, %a1, %a2;",
      [](float a, float b, float c) { return c >= 0 ? a : b; });
  family.check<uint32_t, uint32_t, uint32_t>(
      "setp.ne.u32 %p1, %a0, 0;\nsetp.ne.u32 %p2, %a1, 0;\n"
      "xor.pred %p3, %p1, %p2;\nnot.pred %p4, %p3;\nand.pred %p5, %p4, %p1;\n"
      "or.pred %p6, %p5, %p3;\nselp.u32 %x, 1, 0, %p6;",
      [](uint32_t a, uint32_t b) { return uint32_t(a != 0 || b != 0); });
  family.run();
}

} // namespace
