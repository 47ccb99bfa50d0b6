// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mov, cvt, cvta and isspacep (PTX ISA 8.8, section 9.7.9).
#include "Decoder.h"

#include <algorithm>

namespace qcrt::ptxsim {
namespace {

//===----------------------------------------------------------------------===//
// cvt between scalars
//===----------------------------------------------------------------------===//

/// Instruction::flags of cvt; imm is the mask of the destination register.
enum ConvertFlags : uint32_t {
  RoundingMask = 7,
  ToIntegral = 8, ///< .rni and its like: round to an integral value
  FlushSubnormals = 16,
  Saturate = 32,
  Relu = 64,
  SaturateFinite = 128,
};

Rounding roundingOf(uint32_t flags) {
  return static_cast<Rounding>(flags & RoundingMask);
}

double roundToIntegral(double value, Rounding rounding) {
  switch (rounding) {
  case Rounding::Zero:
    return std::trunc(value);
  case Rounding::Down:
    return std::floor(value);
  case Rounding::Up:
    return std::ceil(value);
  case Rounding::NearestEven:
  case Rounding::NearestAway:
    break;
  }
  return std::nearbyint(value);
}

/// Out-of-range values clamp. NaN becomes 0, but 2^(bits-1) if either side has
/// 64 bits (PTX ISA 8.8, section 9.7.9.21).
template <class D, class S> D realToInteger(S source, Rounding rounding) {
  const double value = roundToIntegral(widen(source), rounding);
  using Limits = std::numeric_limits<D>;
  if (isNan(value)) {
    constexpr bool wide = sizeof(D) == 8 || std::is_same_v<S, double>;
    return wide ? static_cast<D>(std::make_unsigned_t<D>(1)
                                 << (sizeof(D) * 8 - 1))
                : D(0);
  }
  // max() + 1 is a power of two, so exact in double.
  const double limit = std::ldexp(1.0, Limits::digits);
  if (value >= limit)
    return Limits::max();
  if (value < static_cast<double>(Limits::min()))
    return Limits::min();
  return static_cast<D>(value);
}

template <class D, class S> D integerToReal(S source, Rounding rounding) {
  if constexpr (isHalf<D>) {
    const bool negative = source < 0;
    auto magnitude = static_cast<uint64_t>(source);
    if (negative)
      magnitude = 0 - magnitude;
    return D{static_cast<uint16_t>(
        packFormat<D>(negative, magnitude, 0, false, rounding))};
  } else {
    if (rounding == Rounding::NearestEven)
      return static_cast<D>(source);
    volatile S x = source;
    volatile D y;
    return withRounding(rounding, [&] {
      y = static_cast<D>(S(x));
      return D(y);
    });
  }
}

template <class D, class S>
D realToReal(S source, Rounding rounding, bool toIntegral) {
  if constexpr (std::is_same_v<D, S>) {
    if (toIntegral)
      return canonical(narrow<D>(roundToIntegral(widen(source), rounding)));
    return source;
  } else {
    double value = widen(source);
    if (toIntegral)
      value = roundToIntegral(value, rounding);
    return canonical(narrow<D>(value, rounding));
  }
}

/// Value of a source slot: cvt may read a register wider than the type.
template <class D, class S>
const Instruction *runCvt(Thread &thread, const Instruction *at) {
  const uint32_t flags = at->flags;
  S source = load<S>(thread.reg(at->a));
  uint64_t bits;
  if constexpr (isReal<S>) {
    if constexpr (std::is_same_v<S, float>)
      if (flags & FlushSubnormals)
        source = flushSubnormal(source);
    if constexpr (isReal<D>) {
      D result = realToReal<D>(source, roundingOf(flags), flags & ToIntegral);
      if constexpr (std::is_same_v<D, float>)
        if (flags & FlushSubnormals)
          result = flushSubnormal(result);
      if (flags & Saturate)
        result = saturateUnit(result);
      if ((flags & Relu) && !isNan(result) && (toBits(result) & signBit<D>()))
        result = fromBits<D>(0);
      if constexpr (isHalf<D>)
        if ((flags & SaturateFinite) && !isNan(result) &&
            std::isinf(widen(result)))
          result.bits -= 1; // infinity minus one is the largest finite value
      bits = store<D>(result);
    } else {
      bits = static_cast<uint64_t>(realToInteger<D>(source, roundingOf(flags)));
    }
  } else if constexpr (isReal<D>) {
    D result = integerToReal<D>(source, roundingOf(flags));
    if (flags & Saturate)
      result = saturateUnit(result);
    bits = store<D>(result);
  } else {
    if (flags & Saturate) {
      using Wide = __int128;
      const Wide value = source;
      bits = static_cast<uint64_t>(
          static_cast<D>(std::clamp<Wide>(value, std::numeric_limits<D>::min(),
                                          std::numeric_limits<D>::max())));
    } else {
      bits = static_cast<uint64_t>(static_cast<D>(source));
    }
  }
  // A signed result is extended over a wider register.
  thread.reg(at->d) = bits & at->imm;
  return at + 1;
}

template <class Use> Handler forConvertible(Decoder &d, Type type, Use use) {
  switch (type) {
  case Type::U8:
    return use(Tag<uint8_t>());
  case Type::S8:
    return use(Tag<int8_t>());
  default:
    if (isFloat(type))
      return forReal(d, type, use);
    if (type >= Type::U8 && type <= Type::S64)
      return forInteger(d, type, use);
    d.badType(type);
    return nullptr;
  }
}

uint64_t registerMask(unsigned bits) {
  return bits >= 64 ? UINT64_MAX : (uint64_t(1) << bits) - 1;
}

//===----------------------------------------------------------------------===//
// cvt to and from packed and narrow formats
//===----------------------------------------------------------------------===//

template <class T> uint32_t convertNarrow(double value, uint32_t flags) {
  if ((flags & Relu) && value < 0)
    value = 0;
  uint32_t bits =
      roundToFormat<T>(value, roundingOf(flags), (flags & SaturateFinite) != 0);
  return bits;
}

/// d = {a, b}: a in the upper half. For f16x2, bf16x2, e4m3x2, e5m2x2.
template <class T>
const Instruction *runCvtPair(Thread &thread, const Instruction *at) {
  constexpr unsigned width = sizeof(T) * 8;
  const float upper = load<float>(thread.reg(at->a));
  const float lower = load<float>(thread.reg(at->b));
  thread.reg(at->d) = convertNarrow<T>(upper, at->flags) << width |
                      convertNarrow<T>(lower, at->flags);
  return at + 1;
}

/// Two 8-bit floats from f16x2, or the other way round.
template <class D, class S>
const Instruction *runCvtLanes(Thread &thread, const Instruction *at) {
  constexpr unsigned toWidth = sizeof(D) * 8, fromWidth = sizeof(S) * 8;
  uint64_t result = 0;
  for (unsigned lane = 0; lane < 2; ++lane) {
    const auto bits = static_cast<uint32_t>(
        thread.reg(at->a) >> (lane * fromWidth) & registerMask(fromWidth));
    result |= uint64_t(convertNarrow<D>(widenFormat<S>(bits), at->flags))
              << (lane * toWidth);
  }
  thread.reg(at->d) = result;
  return at + 1;
}

/// tf32 keeps the layout of f32 with the low 13 bits zero.
const Instruction *runCvtTf32(Thread &thread, const Instruction *at) {
  const float value = load<float>(thread.reg(at->a));
  constexpr unsigned droppedBits = 13;
  uint32_t bits;
  if (isNan(value))
    bits = Format<float>::canonicalNan;
  else
    bits = convertNarrow<TF32>(value, at->flags) << droppedBits;
  thread.reg(at->d) = bits;
  return at + 1;
}

bool decodePackedCvt(Decoder &d, Type to, Type from, bool rounded) {
  const bool toHalves = to == Type::F16x2 || to == Type::BF16x2;
  const bool toBytes = to == Type::E4M3x2 || to == Type::E5M2x2;
  const bool fromBytes = from == Type::E4M3x2 || from == Type::E5M2x2;
  if (to == Type::TF32 && from == Type::F32) {
    d.inst.run = runCvtTf32;
    if (d.operands(2)) {
      d.inst.d = d.destination(0, Type::B32);
      d.inst.a = d.source(1, Type::F32);
    }
    return true;
  }
  if ((toHalves || toBytes) && from == Type::F32) {
    if (!rounded)
      d.fail("a rounding is needed: .rn or .rz");
    if (toBytes && !(d.inst.flags & SaturateFinite))
      d.fail(".satfinite is needed for 8-bit floats");
    switch (to) {
    case Type::F16x2:
      d.inst.run = runCvtPair<F16>;
      break;
    case Type::BF16x2:
      d.inst.run = runCvtPair<BF16>;
      break;
    case Type::E4M3x2:
      d.inst.run = runCvtPair<E4M3>;
      break;
    default:
      d.inst.run = runCvtPair<E5M2>;
      break;
    }
    if (d.operands(3)) {
      d.inst.d = d.destination(0, to);
      d.inst.a = d.source(1, Type::F32);
      d.inst.b = d.source(2, Type::F32);
    }
    return true;
  }
  if ((toBytes && from == Type::F16x2) || (to == Type::F16x2 && fromBytes)) {
    if (toBytes && !(d.inst.flags & SaturateFinite))
      d.fail(".satfinite is needed for 8-bit floats");
    if (to == Type::E4M3x2)
      d.inst.run = runCvtLanes<E4M3, F16>;
    else if (to == Type::E5M2x2)
      d.inst.run = runCvtLanes<E5M2, F16>;
    else if (from == Type::E4M3x2)
      d.inst.run = runCvtLanes<F16, E4M3>;
    else
      d.inst.run = runCvtLanes<F16, E5M2>;
    if (d.operands(2)) {
      d.inst.d = d.destination(0, to);
      d.inst.a = d.source(1, from);
    }
    return true;
  }
  return false;
}

/// cvt.pack.sat.{u8,s8,u16,s16}.s32: a and b, clamped, above the bits of c.
template <class T>
const Instruction *runCvtPack(Thread &thread, const Instruction *at) {
  constexpr unsigned width = sizeof(T) * 8;
  auto clamp = [&](uint32_t slot) {
    const auto value = load<int32_t>(thread.reg(slot));
    const int32_t clamped = std::clamp<int32_t>(
        value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    return static_cast<uint32_t>(clamped) &
           static_cast<uint32_t>(registerMask(width));
  };
  uint64_t result = uint64_t(clamp(at->a)) << width | clamp(at->b);
  if constexpr (width == 8)
    result |= static_cast<uint64_t>(static_cast<uint32_t>(thread.reg(at->c)))
              << 16;
  thread.reg(at->d) = static_cast<uint32_t>(result);
  return at + 1;
}

void decodeCvtPack(Decoder &d) {
  d.need({".sat"});
  const Type to = d.type();
  const Type from = d.type();
  if (from != Type::S32)
    d.badType(from);
  const bool bytes = to == Type::U8 || to == Type::S8;
  switch (to) {
  case Type::U8:
    d.inst.run = runCvtPack<uint8_t>;
    break;
  case Type::S8:
    d.inst.run = runCvtPack<int8_t>;
    break;
  case Type::U16:
    d.inst.run = runCvtPack<uint16_t>;
    break;
  case Type::S16:
    d.inst.run = runCvtPack<int16_t>;
    break;
  default:
    d.badType(to);
  }
  if (bytes && d.type() != Type::B32)
    d.fail("the third type must be .b32");
  if (!d.operands(bytes ? 4 : 3))
    return;
  d.inst.d = d.destination(0, Type::B32);
  d.inst.a = d.source(1, Type::S32);
  d.inst.b = d.source(2, Type::S32);
  if (bytes)
    d.inst.c = d.source(3, Type::B32);
}

void decodeCvt(Decoder &d) {
  if (d.has(".pack")) {
    decodeCvtPack(d);
    return;
  }
  const int integral = d.oneOf({".rni", ".rzi", ".rmi", ".rpi"});
  const int plain = d.oneOf({".rn", ".rz", ".rm", ".rp", ".rna"});
  uint32_t flags = 0;
  if (integral >= 0)
    flags |= static_cast<uint32_t>(integral) | ToIntegral;
  else if (plain > 0)
    flags |= static_cast<uint32_t>(plain);
  if (d.has(".ftz"))
    flags |= FlushSubnormals;
  const bool saturate = d.has(".sat");
  if (saturate)
    flags |= Saturate;
  if (d.has(".relu"))
    flags |= Relu;
  if (d.has(".satfinite"))
    flags |= SaturateFinite;
  const Type to = d.type();
  const Type from = d.type();
  d.inst.flags = flags;
  if (decodePackedCvt(d, to, from, plain >= 0))
    return;
  const bool toFloat = isFloat(to), fromFloat = isFloat(from);
  const bool narrowing =
      toFloat && fromFloat &&
      (bitsOf(to) < bitsOf(from) || (to != from && bitsOf(to) == bitsOf(from)));
  if (integral >= 0 && plain >= 0)
    d.fail("only one rounding is accepted");
  if (fromFloat && !toFloat && integral < 0)
    d.fail("a rounding is needed: .rni, .rzi, .rmi or .rpi");
  if (((toFloat && !fromFloat) || narrowing) && plain < 0)
    d.fail("a rounding is needed: .rn, .rz, .rm or .rp");
  if (!fromFloat && integral >= 0)
    d.fail("an integer has nothing to round");
  if (toFloat && fromFloat && !narrowing && plain >= 0)
    d.fail("this conversion is exact and takes no rounding");
  if (saturate && !toFloat && !fromFloat) {
    // As ptxas: where every source value fits, .sat is an error.
    const bool fits = isSigned(from)
                          ? isSigned(to) && bitsOf(from) <= bitsOf(to)
                          : bitsOf(from) < bitsOf(to) ||
                                (bitsOf(from) == bitsOf(to) && !isSigned(to));
    if (fits)
      d.fail(".sat has no effect on this conversion");
  }
  if (!toFloat && !fromFloat && plain >= 0)
    d.fail("integer conversions take no rounding");
  if ((flags & (Relu | SaturateFinite)) &&
      !((to == Type::F16 || to == Type::BF16) && from == Type::F32))
    d.fail(".relu and .satfinite need a 16-bit result of an f32");
  if (plain == 4)
    d.fail(".rna needs .tf32");
  d.inst.run = forConvertible(d, to, [&](auto toTag) -> Handler {
    using D = typename decltype(toTag)::type;
    return forConvertible(d, from, [&](auto fromTag) -> Handler {
      return runCvt<D, typename decltype(fromTag)::type>;
    });
  });
  if (!d.operands(2))
    return;
  d.inst.d = d.destinationWide(0, to);
  d.inst.a = d.sourceWide(1, from);
  d.inst.imm = registerMask(isSigned(to) ? d.registerBits(d.operand(0), to)
                                         : bitsOf(to));
}

//===----------------------------------------------------------------------===//
// mov
//===----------------------------------------------------------------------===//

template <class T>
const Instruction *runMov(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = static_cast<T>(thread.reg(at->a));
  return at + 1;
}

/// Address of something in the frame.
const Instruction *runAddAddress(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = thread.reg(at->a) + at->imm;
  return at + 1;
}

const Instruction *runMovSpecial(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = specialValue(thread, static_cast<Special>(at->flags));
  return at + 1;
}

/// Joins elements, the first one lowest. flags: number, imm: bits of each.
const Instruction *runPack(Thread &thread, const Instruction *at) {
  const uint32_t *slots = thread.function->lists.data() + at->e;
  uint64_t result = 0;
  for (uint32_t i = 0; i < at->flags; ++i)
    result |= (thread.reg(slots[i]) & registerMask(unsigned(at->imm)))
              << (i * at->imm);
  thread.reg(at->d) = result;
  return at + 1;
}

const Instruction *runUnpack(Thread &thread, const Instruction *at) {
  const uint32_t *slots = thread.function->lists.data() + at->e;
  const uint64_t value = thread.reg(at->a);
  for (uint32_t i = 0; i < at->flags; ++i)
    thread.reg(slots[i]) =
        value >> (i * at->imm) & registerMask(unsigned(at->imm));
  return at + 1;
}

Type bitsType(unsigned bits) {
  switch (bits) {
  case 8:
    return Type::B8;
  case 16:
    return Type::B16;
  case 32:
    return Type::B32;
  default:
    return Type::B64;
  }
}

bool decodeElements(Decoder &d, const Operand &vector, Type type, bool write) {
  const size_t number = vector.elements.size();
  const unsigned bits = bitsOf(type);
  if ((number != 2 && number != 4) || bits / number < 16)
    return d.fail("mov packs 2 or 4 elements of at least 16 bits");
  const auto elementBits = static_cast<unsigned>(bits / number);
  std::vector<uint32_t> slots;
  for (const Operand &element : vector.elements) {
    if (write)
      slots.push_back(
          element.kind == Operand::Kind::Sink
              ? d.frame.scratch()
              : d.destination(element, bitsType(elementBits), false));
    else
      slots.push_back(d.source(element, bitsType(elementBits), false));
  }
  d.inst.e = d.list(slots);
  d.inst.flags = static_cast<uint32_t>(number);
  d.inst.imm = elementBits;
  return true;
}

void decodeMov(Decoder &d) {
  const Type type = d.type();
  if (!d.operands(2))
    return;
  const Operand &to = d.operand(0);
  const Operand &from = d.operand(1);
  const unsigned bits = bitsOf(type);
  if (bits == 8) {
    d.badType(type);
    return;
  }
  if (from.kind == Operand::Kind::Vector) {
    decodeElements(d, from, type, false);
    d.inst.d = d.destination(0, type);
    d.inst.run = runPack;
    return;
  }
  if (to.kind == Operand::Kind::Vector) {
    decodeElements(d, to, type, true);
    d.inst.a = d.source(1, type);
    d.inst.run = runUnpack;
    return;
  }
  d.inst.d = d.destination(0, type);
  if (from.kind == Operand::Kind::Special && isVolatile(from.special)) {
    if (bitsOf(from.type) != bits)
      d.badType(type);
    d.inst.flags = static_cast<uint32_t>(from.special);
    d.inst.run = runMovSpecial;
    return;
  }
  if (from.kind == Operand::Kind::Symbol && bits == 64) {
    AddressOperand address = d.symbolAddress(from);
    d.inst.a = address.base;
    d.inst.imm = address.offset;
    d.inst.run = runAddAddress;
    return;
  }
  if (type == Type::Pred && from.kind == Operand::Kind::Integer) {
    d.inst.a = d.frame.constant(from.value & 1);
    d.inst.run = runMov<uint8_t>;
    return;
  }
  d.inst.a = d.source(1, type);
  switch (bits) {
  case 1:
    d.inst.run = runMov<uint8_t>;
    break;
  case 16:
    d.inst.run = runMov<uint16_t>;
    break;
  case 32:
    d.inst.run = runMov<uint32_t>;
    break;
  default:
    d.inst.run = runMov<uint64_t>;
    break;
  }
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

uint64_t tagOf(Space space) {
  switch (space) {
  case Space::Shared:
    return sharedTag;
  case Space::Local:
    return localTag;
  case Space::Param:
    return parameterTag;
  case Space::Generic:
  case Space::Global:
  case Space::Const:
    break;
  }
  return 0;
}

/// A generic address from one of a state space, or back; a null pointer stays
/// null. Going back from an address of another space gives one that no access
/// accepts. imm: tag, c: constant offset slot.
const Instruction *runCvta(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + thread.reg(at->b);
  thread.reg(at->d) = address + at->imm;
  return at + 1;
}

void decodeCvta(Decoder &d) {
  const bool back = d.has(".to");
  const Space space = d.space();
  d.ignore({".entry"});
  if (space == Space::Generic)
    d.fail("expected a state space");
  const Type type = d.type();
  if (type != Type::U64)
    d.badType(type);
  if (!d.operands(2))
    return;
  d.inst.run = runCvta;
  d.inst.d = d.destination(0, type);
  d.inst.imm = back ? 0 - tagOf(space) : tagOf(space);
  const Operand &from = d.operand(1);
  if (from.kind == Operand::Kind::Symbol) {
    AddressOperand address = d.symbolAddress(from);
    d.inst.a = address.base;
    d.inst.b = d.frame.constant(address.offset);
  } else {
    d.inst.a = d.source(1, type);
    d.inst.b = d.frame.constant(0);
  }
}

/// imm: tag; flags: 1 const variables, 2 global except const variables.
const Instruction *runIsspacep(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a);
  bool result = (address >> spaceShift) == (at->imm >> spaceShift);
  if (result && at->flags != 0) {
    bool isConst = false;
    if (address & moduleWindowBit) {
      const Region *region = moduleRegion(thread, address);
      isConst = region && region->isConst;
    }
    result = isConst == (at->flags == 1);
  }
  thread.reg(at->d) = result;
  return at + 1;
}

void decodeIsspacep(Decoder &d) {
  const Space space = d.has(".shared::cluster") ? Space::Shared : d.space();
  if (space == Space::Generic)
    d.fail("expected a state space");
  if (!d.operands(2))
    return;
  d.inst.run = runIsspacep;
  d.inst.imm = tagOf(space);
  d.inst.flags = space == Space::Const ? 1 : space == Space::Global ? 2 : 0;
  d.inst.d = d.destination(0, Type::Pred);
  d.inst.a = d.source(1, Type::U64);
}

constexpr Opcode table[] = {
    {"cvt",
     "cvt{.rni,.rzi,.rmi,.rpi,.rn,.rz,.rm,.rp}{.ftz}{.sat}.d.s with d and s "
     "of {u8,u16,u32,u64,s8,s16,s32,s64,f16,bf16,f32,f64}, "
     "cvt.{rn,rz}{.relu}{.satfinite}.{f16,bf16,f16x2,bf16x2}.f32, "
     "cvt.rn.satfinite{.relu}.{e4m3x2,e5m2x2}.{f32,f16x2}, "
     "cvt.rn{.relu}.f16x2.{e4m3x2,e5m2x2}, cvt.{rn,rz,rna}.tf32.f32, "
     "cvt.pack.sat.{u8,s8}.s32.b32, cvt.pack.sat.{u16,s16}.s32",
     decodeCvt},
    {"mov",
     "mov.{pred,b16,b32,b64,u16,...,f64} of registers, constants, special "
     "registers and addresses, mov.{b32,b64} with {a, b} or {a, b, c, d}",
     decodeMov},
    {"cvta", "cvta{.to}.{global,shared,local,const,param}.u64", decodeCvta},
    {"isspacep", "isspacep.{global,shared,local,const,param}", decodeIsspacep},
};

} // namespace

std::span<const Opcode> convertOpcodes() { return table; }

} // namespace qcrt::ptxsim
