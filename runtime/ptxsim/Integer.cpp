// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer, logic, shift and bit-field instructions (PTX ISA 8.8, sections
// 9.7.1, 9.7.2 and 9.7.8). Signed arithmetic wraps, as in PTX, so it is done on
// unsigned values of the host.
#include "Decoder.h"

#include <algorithm>

namespace qcrt::ptxsim {
namespace {

template <class T> using Unsigned = std::make_unsigned_t<T>;

/// T(op(a, b)) for two sources.
template <class T, class Op>
const Instruction *runBinary(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = store<T>(
      Op::apply(load<T>(thread.reg(at->a)), load<T>(thread.reg(at->b))));
  return at + 1;
}

template <class T, class Op>
const Instruction *runUnary(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = store<T>(Op::apply(load<T>(thread.reg(at->a))));
  return at + 1;
}

/// A result of another type: counts, widened products.
template <class T, class R, class Op>
const Instruction *runUnaryTo(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = store<R>(Op::apply(load<T>(thread.reg(at->a))));
  return at + 1;
}

template <class T, class Op>
const Instruction *runTernary(Thread &thread, const Instruction *at) {
  thread.reg(at->d) =
      store<T>(Op::apply(load<T>(thread.reg(at->a)), load<T>(thread.reg(at->b)),
                         load<T>(thread.reg(at->c))));
  return at + 1;
}

struct Add {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>(static_cast<Unsigned<T>>(a) +
                          static_cast<Unsigned<T>>(b));
  }
};
struct Sub {
  template <class T> static T apply(T a, T b) {
    return static_cast<T>(static_cast<Unsigned<T>>(a) -
                          static_cast<Unsigned<T>>(b));
  }
};
/// Saturating forms exist for s32 only.
struct AddSaturated {
  static int32_t apply(int32_t a, int32_t b) {
    return static_cast<int32_t>(
        std::clamp<int64_t>(int64_t(a) + b, INT32_MIN, INT32_MAX));
  }
};
struct SubSaturated {
  static int32_t apply(int32_t a, int32_t b) {
    return static_cast<int32_t>(
        std::clamp<int64_t>(int64_t(a) - b, INT32_MIN, INT32_MAX));
  }
};

/// Twice as wide as T.
template <class T> struct Wider;
template <> struct Wider<uint16_t> {
  using type = uint32_t;
};
template <> struct Wider<int16_t> {
  using type = int32_t;
};
template <> struct Wider<uint32_t> {
  using type = uint64_t;
};
template <> struct Wider<int32_t> {
  using type = int64_t;
};
template <> struct Wider<uint64_t> {
  using type = unsigned __int128;
};
template <> struct Wider<int64_t> {
  using type = __int128;
};

struct MulLow {
  template <class T> static T apply(T a, T b) {
    // uint64_t keeps 16-bit operands from being promoted to signed int.
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};
struct MulHigh {
  template <class T> static T apply(T a, T b) {
    using W = typename Wider<T>::type;
    return static_cast<T>((static_cast<W>(a) * static_cast<W>(b)) >>
                          (sizeof(T) * 8));
  }
};
struct MadLow {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(MulLow::apply(a, b), c);
  }
};
struct MadHigh {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(MulHigh::apply(a, b), c);
  }
};
struct MadHighSaturated {
  static int32_t apply(int32_t a, int32_t b, int32_t c) {
    return AddSaturated::apply(MulHigh::apply(a, b), c);
  }
};
/// The low or high 32 bits of the 48-bit product of 24-bit values.
template <bool high> struct Mul24 {
  template <class T> static T apply(T a, T b) {
    constexpr int unusedBits = 40;
    using W = std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>;
    const W x =
        static_cast<W>(static_cast<uint64_t>(a) << unusedBits) >> unusedBits;
    const W y =
        static_cast<W>(static_cast<uint64_t>(b) << unusedBits) >> unusedBits;
    return static_cast<T>((x * y) >> (high ? 16 : 0));
  }
};
template <bool high> struct Mad24 {
  template <class T> static T apply(T a, T b, T c) {
    return Add::apply(Mul24<high>::apply(a, b), c);
  }
};
/// PTX leaves division by zero open; hardware gives all ones.
struct Div {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return static_cast<T>(-1);
    if constexpr (std::is_signed_v<T>)
      if (b == -1)
        return static_cast<T>(0 - static_cast<Unsigned<T>>(a));
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T> static T apply(T a, T b) {
    if (b == 0)
      return a;
    if constexpr (std::is_signed_v<T>)
      if (b == -1)
        return 0;
    return static_cast<T>(a % b);
  }
};
struct Min {
  template <class T> static T apply(T a, T b) { return std::min(a, b); }
};
struct Max {
  template <class T> static T apply(T a, T b) { return std::max(a, b); }
};
struct MinRelu {
  template <class T> static T apply(T a, T b) {
    return std::max(std::min(a, b), T(0));
  }
};
struct MaxRelu {
  template <class T> static T apply(T a, T b) {
    return std::max(std::max(a, b), T(0));
  }
};
struct Abs {
  template <class T> static T apply(T a) {
    return a < 0 ? static_cast<T>(0 - static_cast<Unsigned<T>>(a)) : a;
  }
};
struct Neg {
  template <class T> static T apply(T a) {
    return static_cast<T>(0 - static_cast<Unsigned<T>>(a));
  }
};
struct And {
  template <class T> static T apply(T a, T b) { return T(a & b); }
};
struct Or {
  template <class T> static T apply(T a, T b) { return T(a | b); }
};
struct Xor {
  template <class T> static T apply(T a, T b) { return T(a ^ b); }
};
struct Not {
  template <class T> static T apply(T a) { return T(~a); }
};
struct LogicalNot {
  template <class T> static T apply(T a) { return a == 0; }
};
struct Sad {
  template <class T> static T apply(T a, T b, T c) {
    const T difference = a < b ? Sub::apply(b, a) : Sub::apply(a, b);
    return Add::apply(c, difference);
  }
};
struct Popc {
  template <class T> static uint32_t apply(T a) {
    return static_cast<uint32_t>(std::popcount(a));
  }
};
struct Clz {
  template <class T> static uint32_t apply(T a) {
    return static_cast<uint32_t>(std::countl_zero(a));
  }
};
struct Brev {
  template <class T> static T apply(T a) {
    T result = 0;
    for (unsigned i = 0; i < sizeof(T) * 8; ++i)
      result = static_cast<T>(result << 1 | (a >> i & 1));
    return result;
  }
};
/// Position of the leading bit that is not a sign copy, or all ones.
template <bool shiftAmount> struct Bfind {
  template <class T> static uint32_t apply(T a) {
    auto bits = static_cast<Unsigned<T>>(a);
    if constexpr (std::is_signed_v<T>)
      if (a < 0)
        bits = static_cast<Unsigned<T>>(~bits);
    if (bits == 0)
      return UINT32_MAX;
    const auto leading = static_cast<uint32_t>(std::countl_zero(bits));
    return shiftAmount ? leading
                       : static_cast<uint32_t>(sizeof(T) * 8 - 1 - leading);
  }
};

/// A pair of 16-bit lanes in 32 bits.
template <class Lane, class Op> struct Lanes {
  static uint32_t apply(uint32_t a, uint32_t b) {
    uint32_t result = 0;
    for (int shift = 0; shift < 32; shift += 16)
      result |=
          uint32_t(static_cast<uint16_t>(Op::apply(
              static_cast<Lane>(a >> shift), static_cast<Lane>(b >> shift))))
          << shift;
    return result;
  }
};

void decodeSources(Decoder &d, Type type, size_t sources) {
  if (!d.operands(sources + 1))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  if (sources > 1)
    d.inst.b = d.source(2, type);
  if (sources > 2)
    d.inst.c = d.source(3, type);
}

template <class Op> void pickBinary(Decoder &d, Type type) {
  d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
    return runBinary<typename decltype(tag)::type, Op>;
  });
  decodeSources(d, type, 2);
}
template <class Op> void pickUnary(Decoder &d, Type type) {
  d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
    return runUnary<typename decltype(tag)::type, Op>;
  });
  decodeSources(d, type, 1);
}
template <class Op> void pickTernary(Decoder &d, Type type) {
  d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
    return runTernary<typename decltype(tag)::type, Op>;
  });
  decodeSources(d, type, 3);
}

bool isBits(Type type) { return type >= Type::B8 && type <= Type::B64; }
bool isLanes(Type type) { return type == Type::U16x2 || type == Type::S16x2; }

//===----------------------------------------------------------------------===//
// add, sub, with carry
//===----------------------------------------------------------------------===//

/// a + b + carry in (or a - b - borrow in); flags: 1 reads, 2 writes the
/// carry, 4 subtracts.
template <class T>
const Instruction *runCarry(Thread &thread, const Instruction *at) {
  const T a = load<T>(thread.reg(at->a));
  const T b = load<T>(thread.reg(at->b));
  const bool in = (at->flags & 1) && thread.carry;
  T result;
  bool out;
  if (at->flags & 4) {
    result = static_cast<T>(a - b - in);
    out = a < b || (a == b && in);
  } else {
    result = static_cast<T>(a + b + in);
    out = result < a || (in && result == a);
  }
  thread.reg(at->d) = store<T>(result);
  if (at->flags & 2)
    thread.carry = out;
  return at + 1;
}

void decodeCarry(Decoder &d, Type type, bool read, bool write, bool subtract) {
  decodeSources(d, type, 2);
  d.inst.flags = (read ? 1 : 0) | (write ? 2 : 0) | (subtract ? 4 : 0);
  switch (type) {
  case Type::U32:
  case Type::S32:
    d.inst.run = runCarry<uint32_t>;
    break;
  case Type::U64:
  case Type::S64:
    d.inst.run = runCarry<uint64_t>;
    break;
  default:
    d.badType(type);
  }
}

template <class Op, class Saturated, bool subtract>
void decodeAddSub(Decoder &d) {
  if (d.has(".cc")) {
    decodeCarry(d, d.type(), false, true, subtract);
    return;
  }
  for (std::string_view modifier : d.statement.modifiers)
    if (isFloat(typeOfWord(modifier)) || modifier == ".f16x2" ||
        modifier == ".bf16x2") {
      decodeFloatArithmetic(d);
      return;
    }
  const bool saturate = d.has(".sat");
  const Type type = d.type();
  if (saturate) {
    if (type != Type::S32)
      d.badType(type);
    d.inst.run = runBinary<int32_t, Saturated>;
    decodeSources(d, type, 2);
  } else if (isLanes(type)) {
    d.inst.run = runBinary<uint32_t, Lanes<uint16_t, Op>>;
    decodeSources(d, type, 2);
  } else if (isBits(type)) {
    d.badType(type);
  } else {
    pickBinary<Op>(d, type);
  }
}

template <bool subtract> void decodeWithCarry(Decoder &d) {
  const bool write = d.has(".cc");
  decodeCarry(d, d.type(), true, write, subtract);
}

//===----------------------------------------------------------------------===//
// mul, mad
//===----------------------------------------------------------------------===//

template <class T, bool add>
const Instruction *runWide(Thread &thread, const Instruction *at) {
  using W = typename Wider<T>::type;
  W result = static_cast<W>(load<T>(thread.reg(at->a))) *
             static_cast<W>(load<T>(thread.reg(at->b)));
  if constexpr (add)
    result = Add::apply(result, load<W>(thread.reg(at->c)));
  thread.reg(at->d) = store<W>(result);
  return at + 1;
}

Type widerType(Type type) {
  switch (type) {
  case Type::U16:
    return Type::U32;
  case Type::S16:
    return Type::S32;
  case Type::U32:
    return Type::U64;
  case Type::S32:
    return Type::S64;
  default:
    return Type::None;
  }
}

template <bool add> void decodeWide(Decoder &d) {
  const Type type = d.type();
  const Type wide = widerType(type);
  if (wide == Type::None) {
    d.badType(type);
    return;
  }
  switch (type) {
  case Type::U16:
    d.inst.run = runWide<uint16_t, add>;
    break;
  case Type::S16:
    d.inst.run = runWide<int16_t, add>;
    break;
  case Type::U32:
    d.inst.run = runWide<uint32_t, add>;
    break;
  default:
    d.inst.run = runWide<int32_t, add>;
    break;
  }
  if (!d.operands(add ? 4 : 3))
    return;
  d.inst.d = d.destination(0, wide);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  if (add)
    d.inst.c = d.source(3, wide);
}

bool namesFloat(Decoder &d) {
  for (std::string_view modifier : d.statement.modifiers) {
    const Type type = typeOfWord(modifier);
    if (isFloat(type) || type == Type::F16x2 || type == Type::BF16x2)
      return true;
  }
  return false;
}

void decodeMul(Decoder &d) {
  if (namesFloat(d)) {
    decodeFloatArithmetic(d);
    return;
  }
  switch (d.need({".lo", ".hi", ".wide"})) {
  case 0:
    pickBinary<MulLow>(d, d.type());
    break;
  case 1:
    pickBinary<MulHigh>(d, d.type());
    break;
  default:
    decodeWide<false>(d);
  }
}

/// mad.lo and mad.hi with carry: the product's part, then a carry chain.
template <class T, bool high>
const Instruction *runMadCarry(Thread &thread, const Instruction *at) {
  const T a = load<T>(thread.reg(at->a));
  const T b = load<T>(thread.reg(at->b));
  const T c = load<T>(thread.reg(at->c));
  const auto product = static_cast<Unsigned<T>>(high ? MulHigh::apply(a, b)
                                                     : MulLow::apply(a, b));
  const auto addend = static_cast<Unsigned<T>>(c);
  const bool in = (at->flags & 1) && thread.carry;
  const auto result = static_cast<Unsigned<T>>(product + addend + in);
  if (at->flags & 2)
    thread.carry = result < product || (in && result == product);
  thread.reg(at->d) = store<Unsigned<T>>(result);
  return at + 1;
}

void decodeMadCarry(Decoder &d, bool read) {
  const bool write = d.has(".cc");
  const bool high = d.need({".lo", ".hi"}) == 1;
  const Type type = d.type();
  decodeSources(d, type, 3);
  d.inst.flags = (read ? 1 : 0) | (write ? 2 : 0);
  switch (type) {
  case Type::U32:
    d.inst.run =
        high ? runMadCarry<uint32_t, true> : runMadCarry<uint32_t, false>;
    break;
  case Type::S32:
    d.inst.run =
        high ? runMadCarry<int32_t, true> : runMadCarry<int32_t, false>;
    break;
  case Type::U64:
    d.inst.run =
        high ? runMadCarry<uint64_t, true> : runMadCarry<uint64_t, false>;
    break;
  case Type::S64:
    d.inst.run =
        high ? runMadCarry<int64_t, true> : runMadCarry<int64_t, false>;
    break;
  default:
    d.badType(type);
  }
}

void decodeMad(Decoder &d) {
  if (namesFloat(d)) {
    decodeFloatArithmetic(d);
    return;
  }
  for (std::string_view modifier : d.statement.modifiers)
    if (modifier == ".cc") {
      decodeMadCarry(d, false);
      return;
    }
  const bool saturate = d.has(".sat");
  const int part = d.need({".lo", ".hi", ".wide"});
  if (saturate) {
    const Type type = d.type();
    if (part != 1 || type != Type::S32)
      d.fail(".sat is only accepted with mad.hi.s32");
    d.inst.run = runTernary<int32_t, MadHighSaturated>;
    decodeSources(d, type, 3);
  } else if (part == 0) {
    pickTernary<MadLow>(d, d.type());
  } else if (part == 1) {
    pickTernary<MadHigh>(d, d.type());
  } else {
    decodeWide<true>(d);
  }
}

void decodeMadc(Decoder &d) { decodeMadCarry(d, true); }

template <bool add> void decode24(Decoder &d) {
  const bool high = d.need({".lo", ".hi"}) == 1;
  const Type type = d.type();
  if (type != Type::U32 && type != Type::S32) {
    d.badType(type);
    return;
  }
  const bool isSigned = type == Type::S32;
  if constexpr (add)
    d.inst.run = isSigned ? (high ? runTernary<int32_t, Mad24<true>>
                                  : runTernary<int32_t, Mad24<false>>)
                          : (high ? runTernary<uint32_t, Mad24<true>>
                                  : runTernary<uint32_t, Mad24<false>>);
  else
    d.inst.run = isSigned ? (high ? runBinary<int32_t, Mul24<true>>
                                  : runBinary<int32_t, Mul24<false>>)
                          : (high ? runBinary<uint32_t, Mul24<true>>
                                  : runBinary<uint32_t, Mul24<false>>);
  decodeSources(d, type, add ? 3 : 2);
}

//===----------------------------------------------------------------------===//
// Plain families
//===----------------------------------------------------------------------===//

template <class Op> void decodeInteger2(Decoder &d) {
  if (namesFloat(d)) {
    decodeFloatArithmetic(d);
    return;
  }
  const Type type = d.type();
  if (isBits(type))
    d.badType(type);
  pickBinary<Op>(d, type);
}

template <class Op, class Relu> void decodeMinMax(Decoder &d) {
  if (namesFloat(d)) {
    decodeFloatArithmetic(d);
    return;
  }
  const bool relu = d.has(".relu");
  const Type type = d.type();
  if (isLanes(type)) {
    if (type == Type::S16x2)
      d.inst.run = relu ? runBinary<uint32_t, Lanes<int16_t, Relu>>
                        : runBinary<uint32_t, Lanes<int16_t, Op>>;
    else
      d.inst.run = runBinary<uint32_t, Lanes<uint16_t, Op>>;
    if (relu && type != Type::S16x2)
      d.badType(type);
    decodeSources(d, type, 2);
  } else if (relu) {
    if (type != Type::S32)
      d.badType(type);
    d.inst.run = runBinary<int32_t, Relu>;
    decodeSources(d, type, 2);
  } else {
    if (isBits(type))
      d.badType(type);
    pickBinary<Op>(d, type);
  }
}

template <class Op> void decodeSigned1(Decoder &d) {
  if (namesFloat(d)) {
    decodeFloatArithmetic(d);
    return;
  }
  const Type type = d.type();
  if (!isSigned(type))
    d.badType(type);
  pickUnary<Op>(d, type);
}

void decodeSad(Decoder &d) {
  const Type type = d.type();
  if (isBits(type))
    d.badType(type);
  pickTernary<Sad>(d, type);
}

/// Bitwise operations also work on predicates.
template <class Op> void decodeLogic2(Decoder &d) {
  const Type type = d.type();
  if (type == Type::Pred) {
    d.inst.run = runBinary<uint8_t, Op>;
    decodeSources(d, type, 2);
    return;
  }
  if (!isBits(type))
    d.badType(type);
  pickBinary<Op>(d, type);
}

struct NotPredicate {
  static uint8_t apply(uint8_t a) { return (a & 1) ^ 1; }
};

void decodeNot(Decoder &d) {
  const Type type = d.type();
  if (type == Type::Pred) {
    d.inst.run = runUnary<uint8_t, NotPredicate>;
    decodeSources(d, type, 1);
    return;
  }
  if (!isBits(type))
    d.badType(type);
  pickUnary<Not>(d, type);
}

void decodeCnot(Decoder &d) {
  const Type type = d.type();
  if (!isBits(type))
    d.badType(type);
  pickUnary<LogicalNot>(d, type);
}

/// Results of these are always 32 bits wide.
template <class Op> void decodeCount(Decoder &d) {
  const Type type = d.type();
  if (type == Type::B32)
    d.inst.run = runUnaryTo<uint32_t, uint32_t, Op>;
  else if (type == Type::B64)
    d.inst.run = runUnaryTo<uint64_t, uint32_t, Op>;
  else
    d.badType(type);
  if (!d.operands(2))
    return;
  d.inst.d = d.destination(0, Type::U32);
  d.inst.a = d.source(1, type);
}

void decodeBrev(Decoder &d) {
  const Type type = d.type();
  if (type == Type::B32)
    d.inst.run = runUnary<uint32_t, Brev>;
  else if (type == Type::B64)
    d.inst.run = runUnary<uint64_t, Brev>;
  else
    d.badType(type);
  decodeSources(d, type, 1);
}

void decodeBfind(Decoder &d) {
  const bool shiftAmount = d.has(".shiftamt");
  const Type type = d.type();
  if (isBits(type) || bitsOf(type) < 32)
    d.badType(type);
  d.inst.run = forInteger(d, type, [&](auto tag) -> Handler {
    using T = typename decltype(tag)::type;
    return shiftAmount ? runUnaryTo<T, uint32_t, Bfind<true>>
                       : runUnaryTo<T, uint32_t, Bfind<false>>;
  });
  if (!d.operands(2))
    return;
  d.inst.d = d.destination(0, Type::U32);
  d.inst.a = d.source(1, type);
}

//===----------------------------------------------------------------------===//
// Shifts
//===----------------------------------------------------------------------===//

/// Amounts above the width count as the width.
template <class T>
const Instruction *runShl(Thread &thread, const Instruction *at) {
  const auto amount = static_cast<uint32_t>(thread.reg(at->b));
  const T a = load<T>(thread.reg(at->a));
  thread.reg(at->d) =
      store<T>(amount >= sizeof(T) * 8 ? T(0) : static_cast<T>(a << amount));
  return at + 1;
}

template <class T>
const Instruction *runShr(Thread &thread, const Instruction *at) {
  constexpr uint32_t width = sizeof(T) * 8;
  const auto amount = static_cast<uint32_t>(thread.reg(at->b));
  const T a = load<T>(thread.reg(at->a));
  T result;
  if constexpr (std::is_signed_v<T>)
    result = static_cast<T>(a >> std::min(amount, width - 1));
  else
    result = amount >= width ? T(0) : static_cast<T>(a >> amount);
  thread.reg(at->d) = store<T>(result);
  return at + 1;
}

void decodeShl(Decoder &d) {
  const Type type = d.type();
  switch (type) {
  case Type::B16:
    d.inst.run = runShl<uint16_t>;
    break;
  case Type::B32:
    d.inst.run = runShl<uint32_t>;
    break;
  case Type::B64:
    d.inst.run = runShl<uint64_t>;
    break;
  default:
    d.badType(type);
  }
  if (!d.operands(3))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, Type::U32);
}

void decodeShr(Decoder &d) {
  const Type type = d.type();
  d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
    return runShr<typename decltype(tag)::type>;
  });
  if (!d.operands(3))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, Type::U32);
}

/// Funnel shift of the 64 bits b:a. flags: 1 right, 2 amounts wrap.
const Instruction *runShf(Thread &thread, const Instruction *at) {
  const uint64_t both = uint64_t(static_cast<uint32_t>(thread.reg(at->b)))
                            << 32 |
                        static_cast<uint32_t>(thread.reg(at->a));
  auto amount = static_cast<uint32_t>(thread.reg(at->c));
  amount = (at->flags & 2) ? amount & 31 : std::min(amount, 32u);
  const uint64_t result =
      (at->flags & 1) ? both >> amount : both >> (32 - amount);
  thread.reg(at->d) = static_cast<uint32_t>(result);
  return at + 1;
}

void decodeShf(Decoder &d) {
  const bool right = d.need({".l", ".r"}) == 1;
  const bool wrap = d.need({".clamp", ".wrap"}) == 1;
  const Type type = d.type();
  if (type != Type::B32)
    d.badType(type);
  d.inst.flags = (right ? 1 : 0) | (wrap ? 2 : 0);
  d.inst.run = runShf;
  if (!d.operands(4))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  d.inst.c = d.source(3, Type::U32);
}

//===----------------------------------------------------------------------===//
// Bit fields
//===----------------------------------------------------------------------===//

template <class T>
const Instruction *runBfe(Thread &thread, const Instruction *at) {
  using U = Unsigned<T>;
  constexpr uint32_t width = sizeof(T) * 8;
  const U a = load<U>(thread.reg(at->a));
  const uint32_t position = thread.reg(at->b) & 0xFF;
  const uint32_t length = thread.reg(at->c) & 0xFF;
  U result = 0;
  if (length != 0) {
    // The sign is the top bit of the field, or of a where the field ends
    // beyond it.
    bool sign = false;
    if constexpr (std::is_signed_v<T>)
      sign = a >> std::min(position + length - 1, width - 1) & 1;
    const U field = position < width ? static_cast<U>(a >> position) : U(0);
    const uint32_t present =
        position < width ? std::min(length, width - position) : 0;
    const U mask = present >= width ? static_cast<U>(~U(0))
                                    : static_cast<U>((U(1) << present) - 1);
    result = static_cast<U>(field & mask);
    if (sign)
      result = static_cast<U>(result | static_cast<U>(~mask));
  }
  thread.reg(at->d) = store<U>(result);
  return at + 1;
}

void decodeBfe(Decoder &d) {
  const Type type = d.type();
  if (isBits(type) || bitsOf(type) < 32)
    d.badType(type);
  d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
    return runBfe<typename decltype(tag)::type>;
  });
  if (!d.operands(4))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, Type::U32);
  d.inst.c = d.source(3, Type::U32);
}

template <class U>
const Instruction *runBfi(Thread &thread, const Instruction *at) {
  constexpr uint32_t width = sizeof(U) * 8;
  const U a = load<U>(thread.reg(at->a));
  const U b = load<U>(thread.reg(at->b));
  const uint32_t position = thread.reg(at->c) & 0xFF;
  const uint32_t length = thread.reg(at->e) & 0xFF;
  U result = b;
  if (position < width && length != 0) {
    const U ones = length >= width ? static_cast<U>(~U(0))
                                   : static_cast<U>((U(1) << length) - 1);
    const U mask = static_cast<U>(ones << position);
    result =
        static_cast<U>((b & ~mask) | (static_cast<U>(a << position) & mask));
  }
  thread.reg(at->d) = store<U>(result);
  return at + 1;
}

void decodeBfi(Decoder &d) {
  const Type type = d.type();
  if (type == Type::B32)
    d.inst.run = runBfi<uint32_t>;
  else if (type == Type::B64)
    d.inst.run = runBfi<uint64_t>;
  else
    d.badType(type);
  if (!d.operands(5))
    return;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  d.inst.c = d.source(3, Type::U32);
  d.inst.e = d.source(4, Type::U32);
}

/// Sign or zero extension from bit b - 1. flags: 1 signed, 2 wrap.
const Instruction *runSzext(Thread &thread, const Instruction *at) {
  const auto a = static_cast<uint32_t>(thread.reg(at->a));
  auto length = static_cast<uint32_t>(thread.reg(at->b));
  length = (at->flags & 2) ? length & 31 : std::min(length, 32u);
  uint32_t result = 0;
  if (length == 32) {
    result = a;
  } else if (length != 0) {
    const uint32_t mask = (uint32_t(1) << length) - 1;
    result = a & mask;
    if ((at->flags & 1) && (a >> (length - 1) & 1))
      result |= ~mask;
  }
  thread.reg(at->d) = result;
  return at + 1;
}

void decodeSzext(Decoder &d) {
  const bool wrap = d.need({".clamp", ".wrap"}) == 1;
  const Type type = d.type();
  if (type != Type::U32 && type != Type::S32)
    d.badType(type);
  d.inst.run = runSzext;
  d.inst.flags = (type == Type::S32 ? 1 : 0) | (wrap ? 2 : 0);
  decodeSources(d, type, 2);
}

/// A mask of b ones from bit a on. flags: 2 wrap.
const Instruction *runBmsk(Thread &thread, const Instruction *at) {
  auto start = static_cast<uint32_t>(thread.reg(at->a));
  auto length = static_cast<uint32_t>(thread.reg(at->b));
  if (at->flags & 2) {
    start &= 31;
    length &= 31;
  } else {
    start = std::min(start, 32u);
    length = std::min(length, 32u);
  }
  const uint64_t ones = (uint64_t(1) << length) - 1;
  thread.reg(at->d) = static_cast<uint32_t>(ones << start);
  return at + 1;
}

void decodeBmsk(Decoder &d) {
  d.inst.flags = d.need({".clamp", ".wrap"}) == 1 ? 2 : 0;
  const Type type = d.type();
  if (type != Type::B32)
    d.badType(type);
  d.inst.run = runBmsk;
  decodeSources(d, type, 2);
}

/// Any function of three bits, given by its truth table.
const Instruction *runLop3(Thread &thread, const Instruction *at) {
  const auto a = static_cast<uint32_t>(thread.reg(at->a));
  const auto b = static_cast<uint32_t>(thread.reg(at->b));
  const auto c = static_cast<uint32_t>(thread.reg(at->c));
  const uint64_t table = at->imm;
  uint32_t result = 0;
  for (unsigned row = 0; row < 8; ++row)
    if (table >> row & 1)
      result |= (row & 4 ? a : ~a) & (row & 2 ? b : ~b) & (row & 1 ? c : ~c);
  thread.reg(at->d) = result;
  return at + 1;
}

void decodeLop3(Decoder &d) {
  const Type type = d.type();
  if (type != Type::B32)
    d.badType(type);
  if (!d.operands(5))
    return;
  d.inst.run = runLop3;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  d.inst.c = d.source(3, type);
  d.inst.imm = d.immediate(4);
  if (d.inst.imm > 255)
    d.fail("the truth table of lop3 has 8 bits");
}

/// Picks bytes of b:a; flags is the mode.
const Instruction *runPrmt(Thread &thread, const Instruction *at) {
  const uint64_t bytes = uint64_t(static_cast<uint32_t>(thread.reg(at->b)))
                             << 32 |
                         static_cast<uint32_t>(thread.reg(at->a));
  const auto selector = static_cast<uint32_t>(thread.reg(at->c));
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    unsigned pick = 0;
    bool sign = false;
    const unsigned start = selector & 3;
    switch (at->flags) {
    case 0: // default
      pick = selector >> (4 * i) & 7;
      sign = selector >> (4 * i + 3) & 1;
      break;
    case 1: // f4e
      pick = start + i;
      break;
    case 2: // b4e
      pick = (start + 8 - i) & 7;
      break;
    case 3: // rc8
      pick = start;
      break;
    case 4: // ecl
      pick = std::max(start, i);
      break;
    case 5: // ecr
      pick = std::min(start, i);
      break;
    default: // rc16
      pick = (start & 1) * 2 + (i & 1);
      break;
    }
    uint32_t byte = bytes >> (8 * pick) & 0xFF;
    if (sign)
      byte = byte & 0x80 ? 0xFF : 0;
    result |= byte << (8 * i);
  }
  thread.reg(at->d) = result;
  return at + 1;
}

void decodePrmt(Decoder &d) {
  const Type type = d.type();
  if (type != Type::B32)
    d.badType(type);
  d.inst.flags = static_cast<uint32_t>(
      1 + d.oneOf({".f4e", ".b4e", ".rc8", ".ecl", ".ecr", ".rc16"}));
  d.inst.run = runPrmt;
  decodeSources(d, type, 3);
}

//===----------------------------------------------------------------------===//
// Dot products of bytes
//===----------------------------------------------------------------------===//

/// flags: 1 a is signed, 2 b is signed, 4 dp2a, 8 upper half of b.
const Instruction *runDotProduct(Thread &thread, const Instruction *at) {
  const auto a = static_cast<uint32_t>(thread.reg(at->a));
  const auto b = static_cast<uint32_t>(thread.reg(at->b));
  auto sum = static_cast<uint32_t>(thread.reg(at->c));
  const bool aSigned = at->flags & 1, bSigned = at->flags & 2;
  auto byteOf = [](uint32_t word, unsigned i, bool isSigned) {
    const auto byte = static_cast<uint8_t>(word >> (8 * i));
    return isSigned ? int32_t(static_cast<int8_t>(byte)) : int32_t(byte);
  };
  if (at->flags & 4) {
    const unsigned first = at->flags & 8 ? 2 : 0;
    for (unsigned i = 0; i < 2; ++i) {
      const auto half = static_cast<uint16_t>(a >> (16 * i));
      const int32_t x =
          aSigned ? int32_t(static_cast<int16_t>(half)) : int32_t(half);
      sum += static_cast<uint32_t>(x * byteOf(b, first + i, bSigned));
    }
  } else {
    for (unsigned i = 0; i < 4; ++i)
      sum +=
          static_cast<uint32_t>(byteOf(a, i, aSigned) * byteOf(b, i, bSigned));
  }
  thread.reg(at->d) = sum;
  return at + 1;
}

template <bool twoProducts> void decodeDotProduct(Decoder &d) {
  if (twoProducts && d.need({".lo", ".hi"}) == 1)
    d.inst.flags |= 8;
  const Type aType = d.type();
  const Type bType = d.type();
  for (Type type : {aType, bType})
    if (type != Type::U32 && type != Type::S32)
      d.badType(type);
  d.inst.flags |= (aType == Type::S32 ? 1 : 0) | (bType == Type::S32 ? 2 : 0) |
                  (twoProducts ? 4 : 0);
  d.inst.run = runDotProduct;
  decodeSources(d, Type::B32, 3);
}

#define QC_INTEGER_TYPES ".{u16,u32,u64,s16,s32,s64}"
#define QC_FLOAT_TYPES ".{f16,f16x2,bf16,bf16x2,f32,f64}"

constexpr Opcode table[] = {
    {"add",
     "add" QC_INTEGER_TYPES ", add.{u16x2,s16x2}, add.sat.s32, "
     "add.cc.{u32,s32,u64,s64}, "
     "add{.rn,.rz,.rm,.rp}{.ftz}{.sat}" QC_FLOAT_TYPES,
     decodeAddSub<Add, AddSaturated, false>},
    {"sub",
     "sub" QC_INTEGER_TYPES ", sub.{u16x2,s16x2}, sub.sat.s32, "
     "sub.cc.{u32,s32,u64,s64}, "
     "sub{.rn,.rz,.rm,.rp}{.ftz}{.sat}" QC_FLOAT_TYPES,
     decodeAddSub<Sub, SubSaturated, true>},
    {"addc", "addc{.cc}.{u32,s32,u64,s64}", decodeWithCarry<false>},
    {"subc", "subc{.cc}.{u32,s32,u64,s64}", decodeWithCarry<true>},
    {"mul",
     "mul.{lo,hi}" QC_INTEGER_TYPES ", mul.wide.{u16,u32,s16,s32}, "
     "mul{.rn,.rz,.rm,.rp}{.ftz}{.sat}" QC_FLOAT_TYPES,
     decodeMul},
    {"mad",
     "mad.{lo,hi}" QC_INTEGER_TYPES ", mad.wide.{u16,u32,s16,s32}, "
     "mad.hi.sat.s32, mad.{lo,hi}.cc.{u32,s32,u64,s64}, "
     "mad.{rn,rz,rm,rp}{.ftz}{.sat}.{f32,f64}",
     decodeMad},
    {"madc", "madc.{lo,hi}{.cc}.{u32,s32,u64,s64}", decodeMadc},
    {"mul24", "mul24.{lo,hi}.{u32,s32}", decode24<false>},
    {"mad24", "mad24.{lo,hi}.{u32,s32}", decode24<true>},
    {"sad", "sad" QC_INTEGER_TYPES, decodeSad},
    {"div",
     "div" QC_INTEGER_TYPES ", div.{rn,rz,rm,rp}{.ftz}.{f32,f64}, "
     "div.{approx,full}{.ftz}.f32",
     decodeInteger2<Div>},
    {"rem", "rem" QC_INTEGER_TYPES, decodeInteger2<Rem>},
    {"abs", "abs.{s16,s32,s64}, abs{.ftz}" QC_FLOAT_TYPES, decodeSigned1<Abs>},
    {"neg", "neg.{s16,s32,s64}, neg{.ftz}" QC_FLOAT_TYPES, decodeSigned1<Neg>},
    {"min",
     "min" QC_INTEGER_TYPES ", min{.relu}.{s16x2,s32}, min.u16x2, "
     "min{.ftz}{.NaN}{.xorsign.abs}" QC_FLOAT_TYPES,
     decodeMinMax<Min, MinRelu>},
    {"max",
     "max" QC_INTEGER_TYPES ", max{.relu}.{s16x2,s32}, max.u16x2, "
     "max{.ftz}{.NaN}{.xorsign.abs}" QC_FLOAT_TYPES,
     decodeMinMax<Max, MaxRelu>},
    {"and", "and.{pred,b16,b32,b64}", decodeLogic2<And>},
    {"or", "or.{pred,b16,b32,b64}", decodeLogic2<Or>},
    {"xor", "xor.{pred,b16,b32,b64}", decodeLogic2<Xor>},
    {"not", "not.{pred,b16,b32,b64}", decodeNot},
    {"cnot", "cnot.{b16,b32,b64}", decodeCnot},
    {"lop3", "lop3.b32 d, a, b, c, table", decodeLop3},
    {"shl", "shl.{b16,b32,b64}", decodeShl},
    {"shr", "shr.{b16,b32,b64,u16,u32,u64,s16,s32,s64}", decodeShr},
    {"shf", "shf.{l,r}.{clamp,wrap}.b32", decodeShf},
    {"popc", "popc.{b32,b64}", decodeCount<Popc>},
    {"clz", "clz.{b32,b64}", decodeCount<Clz>},
    {"brev", "brev.{b32,b64}", decodeBrev},
    {"bfind", "bfind{.shiftamt}.{u32,u64,s32,s64}", decodeBfind},
    {"bfe", "bfe.{u32,u64,s32,s64}", decodeBfe},
    {"bfi", "bfi.{b32,b64}", decodeBfi},
    {"szext", "szext.{clamp,wrap}.{u32,s32}", decodeSzext},
    {"bmsk", "bmsk.{clamp,wrap}.b32", decodeBmsk},
    {"prmt", "prmt.b32{.f4e,.b4e,.rc8,.ecl,.ecr,.rc16}", decodePrmt},
    {"dp4a", "dp4a.{u32,s32}.{u32,s32}", decodeDotProduct<false>},
    {"dp2a", "dp2a.{lo,hi}.{u32,s32}.{u32,s32}", decodeDotProduct<true>},
};

} // namespace

std::span<const Opcode> integerOpcodes() { return table; }

} // namespace qcrt::ptxsim
