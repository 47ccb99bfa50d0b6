// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating-point arithmetic and functions (PTX ISA 8.8, sections 9.7.3 to
// 9.7.5). The .approx functions are computed in double precision and rounded:
// PTX only bounds their error, so hardware differs in the last places.
#include "Decoder.h"

namespace qcrt::ptxsim {
namespace {

/// Instruction::flags: the rounding in the low bits, then options.
enum FloatFlags : uint32_t {
  RoundingMask = 7,
  FlushSubnormals = 8,
  SaturateUnit = 16,
  Relu = 32,
  PropagateNan = 64,
  XorSignAbs = 128,
};

Rounding roundingOf(uint32_t flags) {
  return static_cast<Rounding>(flags & RoundingMask);
}

/// What follows every operation.
template <class T> T finish(T value, uint32_t flags) {
  if (flags & FlushSubnormals)
    value = flushSubnormal(value);
  if (flags & SaturateUnit)
    value = saturateUnit(value);
  if ((flags & Relu) && !isNan(value) && (toBits(value) & signBit<T>()))
    value = fromBits<T>(0);
  return value;
}

template <class T> T prepare(T value, uint32_t flags) {
  return flags & FlushSubnormals ? flushSubnormal(value) : value;
}

struct AddOp {
  template <class T> static T apply(T a, T b, T, uint32_t flags) {
    return addReal(a, b, roundingOf(flags));
  }
};
struct SubOp {
  template <class T> static T apply(T a, T b, T, uint32_t flags) {
    if constexpr (!isHalf<T>)
      if (isNan(a) || isNan(b))
        return canonical(a - b); // negating would change a payload's sign
    return addReal(a, negated(b), roundingOf(flags));
  }
};
struct MulOp {
  template <class T> static T apply(T a, T b, T, uint32_t flags) {
    return multiplyReal(a, b, roundingOf(flags));
  }
};
struct FmaOp {
  template <class T> static T apply(T a, T b, T c, uint32_t flags) {
    return fusedMultiplyAdd(a, b, c, roundingOf(flags));
  }
};
struct DivOp {
  template <class T> static T apply(T a, T b, T, uint32_t flags) {
    return divideReal(a, b, roundingOf(flags));
  }
};
struct RcpOp {
  template <class T> static T apply(T a, T, T, uint32_t flags) {
    return divideReal(T(1), a, roundingOf(flags));
  }
};
struct SqrtOp {
  template <class T> static T apply(T a, T, T, uint32_t flags) {
    return squareRoot(a, roundingOf(flags));
  }
};
template <bool maximum> struct ExtremumOp {
  template <class T> static T apply(T a, T b, T, uint32_t flags) {
    if (!(flags & XorSignAbs))
      return extremum(a, b, maximum, flags & PropagateNan);
    const BitsOf<T> sign = (toBits(a) ^ toBits(b)) & signBit<T>();
    const T result =
        extremum(magnitudeOf(a), magnitudeOf(b), maximum, flags & PropagateNan);
    if (isNan(result))
      return result;
    return fromBits<T>(static_cast<BitsOf<T>>(toBits(result) | sign));
  }
};
struct AbsOp {
  template <class T> static T apply(T a, T, T, uint32_t) {
    return magnitudeOf(a);
  }
};
struct NegOp {
  template <class T> static T apply(T a, T, T, uint32_t) { return negated(a); }
};
struct CopysignOp {
  /// The magnitude of b with the sign of a.
  template <class T> static T apply(T a, T b, T, uint32_t) {
    return fromBits<T>(static_cast<BitsOf<T>>((toBits(a) & signBit<T>()) |
                                              (toBits(b) & ~signBit<T>())));
  }
};

/// A function of a double, rounded to T.
template <double (*function)(double)> struct ApproximateOp {
  template <class T> static T apply(T a, T, T, uint32_t) {
    return canonical(narrow<T>(function(widen(a))));
  }
};
double reciprocalRoot(double x) { return 1 / std::sqrt(x); }
double sine(double x) { return std::sin(x); }
double cosine(double x) { return std::cos(x); }
double logarithm2(double x) { return std::log2(x); }
double exponential2(double x) { return std::exp2(x); }
double hyperbolicTangent(double x) { return std::tanh(x); }

/// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64 only give the upper half.
template <bool root> struct UpperHalfOp {
  static double apply(double a, double, double, uint32_t) {
    const double exact = root ? reciprocalRoot(a) : 1 / a;
    return std::bit_cast<double>(std::bit_cast<uint64_t>(exact) &
                                 0xFFFFFFFF00000000u);
  }
};

/// One to three sources. `plain`: no modifier beyond .rn, the common case.
template <class T, class Op, int sources, bool plain>
const Instruction *runReal(Thread &thread, const Instruction *at) {
  const uint32_t flags = plain ? 0 : at->flags;
  T a = load<T>(thread.reg(at->a)), b{}, c{};
  if constexpr (sources > 1)
    b = load<T>(thread.reg(at->b));
  if constexpr (sources > 2)
    c = load<T>(thread.reg(at->c));
  if constexpr (!plain) {
    a = prepare(a, flags);
    b = prepare(b, flags);
    c = prepare(c, flags);
  }
  T result = Op::apply(a, b, c, flags);
  if constexpr (!plain)
    result = finish(result, flags);
  thread.reg(at->d) = store<T>(result);
  return at + 1;
}

/// Two 16-bit values in one register.
template <class T, class Op, int sources>
const Instruction *runPair(Thread &thread, const Instruction *at) {
  const uint32_t flags = at->flags;
  uint32_t result = 0;
  for (int shift = 0; shift < 32; shift += 16) {
    const auto lane = [&](uint32_t slot) {
      return prepare(T{static_cast<uint16_t>(thread.reg(slot) >> shift)},
                     flags);
    };
    T b{}, c{};
    if constexpr (sources > 1)
      b = lane(at->b);
    if constexpr (sources > 2)
      c = lane(at->c);
    result |= uint32_t(finish(Op::apply(lane(at->a), b, c, flags), flags).bits)
              << shift;
  }
  thread.reg(at->d) = result;
  return at + 1;
}

void decodeSources(Decoder &d, Type type, int sources) {
  if (!d.operands(static_cast<size_t>(sources) + 1))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  if (sources > 1)
    d.inst.b = d.source(2, type);
  if (sources > 2)
    d.inst.c = d.source(3, type);
}

/// Handler of an operation that exists for f32 and f64.
template <class Op, int sources> void pickWide(Decoder &d, Type type) {
  d.inst.run = forFloat(d, type, [&](auto tag) -> Handler {
    using T = typename decltype(tag)::type;
    if (d.inst.flags == 0)
      return runReal<T, Op, sources, true>;
    return runReal<T, Op, sources, false>;
  });
  decodeSources(d, type, sources);
}

/// Handler of an operation that exists for all floating-point types.
template <class Op, int sources> void pickAny(Decoder &d, Type type) {
  if (type == Type::F16x2)
    d.inst.run = runPair<F16, Op, sources>;
  else if (type == Type::BF16x2)
    d.inst.run = runPair<BF16, Op, sources>;
  else
    d.inst.run = forReal(d, type, [&](auto tag) -> Handler {
      using T = typename decltype(tag)::type;
      if (d.inst.flags == 0)
        return runReal<T, Op, sources, true>;
      return runReal<T, Op, sources, false>;
    });
  decodeSources(d, type, sources);
}

bool isHalfType(Type type) {
  return type == Type::F16 || type == Type::F16x2 || type == Type::BF16 ||
         type == Type::BF16x2;
}

/// Reads {.rnd}{.ftz}{.sat}{.relu} and the type, and checks what goes
/// together.
Type decodeModifiers(Decoder &d) {
  const Rounding rounding = d.rounding();
  const bool flush = d.has(".ftz");
  const bool saturate = d.has(".sat");
  const bool relu = d.has(".relu");
  const Type type = d.type();
  d.inst.flags = static_cast<uint32_t>(rounding) |
                 (flush ? FlushSubnormals : 0u) |
                 (saturate ? SaturateUnit : 0u) | (relu ? Relu : 0u);
  if (isHalfType(type) && rounding != Rounding::NearestEven)
    d.fail("16-bit types only round to nearest even");
  const bool isBF16 = type == Type::BF16 || type == Type::BF16x2;
  if ((type == Type::F64 && (flush || saturate)) ||
      (isBF16 && (flush || saturate)))
    d.fail(".ftz and .sat do not exist for " + std::string(nameOf(type)));
  return type;
}

void decodeAdd(Decoder &d) { pickAny<AddOp, 2>(d, decodeModifiers(d)); }
void decodeSub(Decoder &d) { pickAny<SubOp, 2>(d, decodeModifiers(d)); }
void decodeMul(Decoder &d) { pickAny<MulOp, 2>(d, decodeModifiers(d)); }

void needRounding(Decoder &d) {
  for (std::string_view modifier : d.statement.modifiers)
    if (modifier == ".rn" || modifier == ".rz" || modifier == ".rm" ||
        modifier == ".rp")
      return;
  d.fail("a rounding is needed: .rn, .rz, .rm or .rp");
}

void decodeFma(Decoder &d) {
  needRounding(d);
  pickAny<FmaOp, 3>(d, decodeModifiers(d));
}

/// mad of floats is fused since sm_20.
void decodeMad(Decoder &d) {
  needRounding(d);
  pickWide<FmaOp, 3>(d, decodeModifiers(d));
}

void decodeApproximateDivision(Decoder &d) {
  const bool flush = d.has(".ftz");
  const Type type = d.type();
  if (type != Type::F32)
    d.badType(type);
  d.inst.flags = flush ? FlushSubnormals : 0u;
  pickWide<DivOp, 2>(d, type);
}

void decodeDiv(Decoder &d) {
  if (d.has(".approx") || d.has(".full")) {
    decodeApproximateDivision(d);
    return;
  }
  needRounding(d);
  pickWide<DivOp, 2>(d, decodeModifiers(d));
}

template <class Op> void decodeSign(Decoder &d) {
  d.inst.flags = d.has(".ftz") ? FlushSubnormals : 0u;
  pickAny<Op, 1>(d, d.type());
}

template <bool maximum> void decodeExtremum(Decoder &d) {
  d.inst.flags = d.has(".ftz") ? FlushSubnormals : 0u;
  if (d.has(".NaN"))
    d.inst.flags |= PropagateNan;
  if (d.has(".xorsign")) {
    if (!d.has(".abs"))
      d.fail(".xorsign needs .abs");
    d.inst.flags |= XorSignAbs;
  }
  pickAny<ExtremumOp<maximum>, 2>(d, d.type());
}

template <class Exact, bool root> void decodeRcpOrSqrt(Decoder &d) {
  if (!d.has(".approx")) {
    needRounding(d);
    pickWide<Exact, 1>(d, decodeModifiers(d));
    return;
  }
  const bool flush = d.has(".ftz");
  const Type type = d.type();
  d.inst.flags = flush ? FlushSubnormals : 0u;
  if (!root && type == Type::F64 && flush) {
    d.inst.run = runReal<double, UpperHalfOp<false>, 1, false>;
    decodeSources(d, type, 1);
    return;
  }
  if (type != Type::F32)
    d.badType(type);
  pickWide<Exact, 1>(d, type);
}

void decodeRsqrt(Decoder &d) {
  d.need({".approx"});
  const bool flush = d.has(".ftz");
  const Type type = d.type();
  d.inst.flags = flush ? FlushSubnormals : 0u;
  if (type == Type::F64 && flush) {
    d.inst.run = runReal<double, UpperHalfOp<true>, 1, false>;
    decodeSources(d, type, 1);
    return;
  }
  pickWide<ApproximateOp<reciprocalRoot>, 1>(d, type);
}

template <double (*function)(double), bool halves>
void decodeApproximate(Decoder &d) {
  d.need({".approx"});
  const bool flush = d.has(".ftz");
  const Type type = d.type();
  // bf16 forms of ex2 carry .ftz in their name; the format keeps subnormals.
  d.inst.flags = flush ? FlushSubnormals : 0u;
  if (type == Type::F64 || (!halves && type != Type::F32)) {
    d.badType(type);
    return;
  }
  pickAny<ApproximateOp<function>, 1>(d, type);
}

//===----------------------------------------------------------------------===//
// testp
//===----------------------------------------------------------------------===//

template <class T>
const Instruction *runTestp(Thread &thread, const Instruction *at) {
  const T value = load<T>(thread.reg(at->a));
  bool result = false;
  switch (at->flags) {
  case 0:
    result = std::isfinite(value);
    break;
  case 1:
    result = std::isinf(value);
    break;
  case 2:
    result = !isNan(value);
    break;
  case 3:
    result = isNan(value);
    break;
  case 4:
    result = std::isnormal(value);
    break;
  default:
    result = std::fpclassify(value) == FP_SUBNORMAL;
    break;
  }
  thread.reg(at->d) = result;
  return at + 1;
}

void decodeTestp(Decoder &d) {
  d.inst.flags =
      static_cast<uint32_t>(d.need({".finite", ".infinite", ".number",
                                    ".notanumber", ".normal", ".subnormal"}));
  const Type type = d.type();
  d.inst.run = forFloat(d, type, [](auto tag) -> Handler {
    return runTestp<typename decltype(tag)::type>;
  });
  if (!d.operands(2))
    return;
  d.inst.d = d.destination(0, Type::Pred);
  d.inst.a = d.source(1, type);
}

void decodeCopysign(Decoder &d) { pickWide<CopysignOp, 2>(d, d.type()); }

constexpr Opcode table[] = {
    {"fma",
     "fma.{rn,rz,rm,rp}{.ftz}{.sat}.f32, fma.{rn,rz,rm,rp}.f64, "
     "fma.rn{.ftz}{.sat,.relu}.{f16,f16x2}, fma.rn{.relu}.{bf16,bf16x2}",
     decodeFma},
    {"rcp",
     "rcp.{rn,rz,rm,rp}{.ftz}.f32, rcp.{rn,rz,rm,rp}.f64, "
     "rcp.approx{.ftz}.f32, rcp.approx.ftz.f64",
     decodeRcpOrSqrt<RcpOp, false>},
    {"sqrt",
     "sqrt.{rn,rz,rm,rp}{.ftz}.f32, sqrt.{rn,rz,rm,rp}.f64, "
     "sqrt.approx{.ftz}.f32",
     decodeRcpOrSqrt<SqrtOp, true>},
    {"rsqrt", "rsqrt.approx{.ftz}.{f32,f64}", decodeRsqrt},
    {"sin", "sin.approx{.ftz}.f32", decodeApproximate<sine, false>},
    {"cos", "cos.approx{.ftz}.f32", decodeApproximate<cosine, false>},
    {"lg2", "lg2.approx{.ftz}.f32", decodeApproximate<logarithm2, false>},
    {"ex2", "ex2.approx{.ftz}.{f32,f16,f16x2,bf16,bf16x2}",
     decodeApproximate<exponential2, true>},
    {"tanh", "tanh.approx.{f32,f16,f16x2,bf16,bf16x2}",
     decodeApproximate<hyperbolicTangent, true>},
    {"testp",
     "testp.{finite,infinite,number,notanumber,normal,subnormal}.{f32,f64}",
     decodeTestp},
    {"copysign", "copysign.{f32,f64}", decodeCopysign},
};

} // namespace

std::span<const Opcode> floatOpcodes() { return table; }

void decodeFloatArithmetic(Decoder &d) {
  const std::string_view name = d.statement.opcode;
  if (name == "add")
    decodeAdd(d);
  else if (name == "sub")
    decodeSub(d);
  else if (name == "mul")
    decodeMul(d);
  else if (name == "mad")
    decodeMad(d);
  else if (name == "div")
    decodeDiv(d);
  else if (name == "abs")
    decodeSign<AbsOp>(d);
  else if (name == "neg")
    decodeSign<NegOp>(d);
  else if (name == "min")
    decodeExtremum<false>(d);
  else if (name == "max")
    decodeExtremum<true>(d);
  else
    d.badType(d.type());
}

} // namespace qcrt::ptxsim
