// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparison and selection (PTX ISA 8.8, sections 9.7.6 and 9.7.7).
#include "Decoder.h"

namespace qcrt::ptxsim {
namespace {

enum class Comparison : uint8_t {
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  // The result is true if an operand is NaN.
  EqualOrNan,
  NotEqualOrNan,
  LessOrNan,
  LessEqualOrNan,
  GreaterOrNan,
  GreaterEqualOrNan,
  BothNumbers,
  AnyNan,
};

template <Comparison comparison, class T> bool compareOrdered(T a, T b) {
  switch (comparison) {
  case Comparison::Equal:
  case Comparison::EqualOrNan:
    return a == b;
  case Comparison::NotEqual:
  case Comparison::NotEqualOrNan:
    return a != b;
  case Comparison::Less:
  case Comparison::LessOrNan:
    return a < b;
  case Comparison::LessEqual:
  case Comparison::LessEqualOrNan:
    return a <= b;
  case Comparison::Greater:
  case Comparison::GreaterOrNan:
    return a > b;
  case Comparison::GreaterEqual:
  case Comparison::GreaterEqualOrNan:
    return a >= b;
  case Comparison::BothNumbers:
    return true;
  case Comparison::AnyNan:
    return false;
  }
  return false;
}

template <Comparison comparison, class T> bool compare(T a, T b) {
  if constexpr (isHalf<T>) {
    return compare<comparison>(widen(a), widen(b));
  } else {
    if constexpr (std::is_floating_point_v<T>) {
      constexpr bool trueForNan = comparison >= Comparison::EqualOrNan &&
                                  comparison != Comparison::BothNumbers;
      if (isNan(a) || isNan(b))
        return trueForNan;
    }
    return compareOrdered<comparison>(a, b);
  }
}

/// Instruction::flags of setp and set.
enum CompareFlags : uint32_t {
  CombineMask = 3, ///< 0 none, 1 and, 2 or, 3 xor with predicate c
  CombineNegated = 4,
  SecondResult = 8,
  FlushSubnormals = 16,
};

bool combine(Thread &thread, const Instruction *at, bool value) {
  if ((at->flags & CombineMask) == 0)
    return value;
  const bool other =
      (thread.reg(at->c) & 1) != ((at->flags & CombineNegated) != 0);
  switch (at->flags & CombineMask) {
  case 1:
    return value && other;
  case 2:
    return value || other;
  default:
    return value != other;
  }
}

template <class T>
T operandOf(Thread &thread, const Instruction *at, uint32_t slot) {
  T value = load<T>(thread.reg(slot));
  if constexpr (isReal<T>)
    if (at->flags & FlushSubnormals)
      value = flushSubnormal(value);
  return value;
}

template <class T, Comparison comparison, bool plain>
const Instruction *runSetp(Thread &thread, const Instruction *at) {
  if constexpr (plain) {
    thread.reg(at->d) = compare<comparison>(load<T>(thread.reg(at->a)),
                                            load<T>(thread.reg(at->b)));
  } else {
    const bool value = compare<comparison>(operandOf<T>(thread, at, at->a),
                                           operandOf<T>(thread, at, at->b));
    const bool first = combine(thread, at, value);
    const bool second = combine(thread, at, !value);
    thread.reg(at->d) = first;
    if (at->flags & SecondResult)
      thread.reg(at->e) = second;
  }
  return at + 1;
}

/// Both lanes of a pair give a predicate of their own.
template <class T, Comparison comparison>
const Instruction *runSetpPair(Thread &thread, const Instruction *at) {
  bool results[2];
  for (unsigned lane = 0; lane < 2; ++lane) {
    auto value = [&](uint32_t slot) {
      T element{static_cast<uint16_t>(thread.reg(slot) >> (16 * lane))};
      return at->flags & FlushSubnormals ? flushSubnormal(element) : element;
    };
    results[lane] =
        combine(thread, at, compare<comparison>(value(at->a), value(at->b)));
  }
  thread.reg(at->d) = results[0];
  thread.reg(at->e) = results[1];
  return at + 1;
}

/// set writes a constant for true: imm.
template <class T, Comparison comparison>
const Instruction *runSet(Thread &thread, const Instruction *at) {
  const bool value =
      combine(thread, at,
              compare<comparison>(operandOf<T>(thread, at, at->a),
                                  operandOf<T>(thread, at, at->b)));
  thread.reg(at->d) = value ? at->imm : 0;
  return at + 1;
}

struct ComparisonName {
  std::string_view name;
  Comparison comparison;
  enum : uint8_t { Any, Unsigned, Float } types;
};

constexpr ComparisonName comparisons[] = {
    {".eq", Comparison::Equal, ComparisonName::Any},
    {".ne", Comparison::NotEqual, ComparisonName::Any},
    {".lt", Comparison::Less, ComparisonName::Any},
    {".le", Comparison::LessEqual, ComparisonName::Any},
    {".gt", Comparison::Greater, ComparisonName::Any},
    {".ge", Comparison::GreaterEqual, ComparisonName::Any},
    {".lo", Comparison::Less, ComparisonName::Unsigned},
    {".ls", Comparison::LessEqual, ComparisonName::Unsigned},
    {".hi", Comparison::Greater, ComparisonName::Unsigned},
    {".hs", Comparison::GreaterEqual, ComparisonName::Unsigned},
    {".equ", Comparison::EqualOrNan, ComparisonName::Float},
    {".neu", Comparison::NotEqualOrNan, ComparisonName::Float},
    {".ltu", Comparison::LessOrNan, ComparisonName::Float},
    {".leu", Comparison::LessEqualOrNan, ComparisonName::Float},
    {".gtu", Comparison::GreaterOrNan, ComparisonName::Float},
    {".geu", Comparison::GreaterEqualOrNan, ComparisonName::Float},
    {".num", Comparison::BothNumbers, ComparisonName::Float},
    {".nan", Comparison::AnyNan, ComparisonName::Float},
};

/// Calls use with the comparison as a compile-time constant.
template <class Use> Handler forComparison(Comparison comparison, Use use) {
  switch (comparison) {
#define QC_CASE(name)                                                          \
  case Comparison::name:                                                       \
    return use(std::integral_constant<Comparison, Comparison::name>());
    QC_CASE(Equal)
    QC_CASE(NotEqual)
    QC_CASE(Less)
    QC_CASE(LessEqual)
    QC_CASE(Greater)
    QC_CASE(GreaterEqual)
    QC_CASE(EqualOrNan)
    QC_CASE(NotEqualOrNan)
    QC_CASE(LessOrNan)
    QC_CASE(LessEqualOrNan)
    QC_CASE(GreaterOrNan)
    QC_CASE(GreaterEqualOrNan)
    QC_CASE(BothNumbers)
    QC_CASE(AnyNan)
#undef QC_CASE
  }
  return nullptr;
}

bool isFloatLike(Type type) {
  return isFloat(type) || type == Type::F16x2 || type == Type::BF16x2;
}

/// Reads .CmpOp{.BoolOp}{.ftz}; the types are the caller's.
const ComparisonName &decodeComparison(Decoder &d) {
  const ComparisonName *found = &comparisons[0];
  bool any = false;
  for (const ComparisonName &name : comparisons)
    if (!any && d.has(name.name)) {
      found = &name;
      any = true;
    }
  if (!any)
    d.fail("expected a comparison");
  d.inst.flags = static_cast<uint32_t>(1 + d.oneOf({".and", ".or", ".xor"}));
  if (d.has(".ftz"))
    d.inst.flags |= FlushSubnormals;
  return *found;
}

void checkComparison(Decoder &d, const ComparisonName &name, Type type) {
  const bool isUnsigned = type >= Type::U8 && type <= Type::U64;
  const bool isBits = type >= Type::B8 && type <= Type::B64;
  bool good = true;
  if (name.types == ComparisonName::Float)
    good = isFloatLike(type);
  else if (name.types == ComparisonName::Unsigned)
    good = isUnsigned;
  else if (isBits)
    good = name.comparison == Comparison::Equal ||
           name.comparison == Comparison::NotEqual;
  if (!good)
    d.fail("comparison '" + std::string(name.name) +
           "' does not exist for type " + std::string(nameOf(type)));
  if ((d.inst.flags & FlushSubnormals) && !isFloatLike(type))
    d.fail(".ftz needs a floating-point type");
}

void decodeOperands(Decoder &d, Type type) {
  const bool combined = d.inst.flags & CombineMask;
  if (!d.operands(combined ? 4 : 3))
    return;
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  if (combined) {
    bool negatedPredicate = false;
    d.inst.c = d.predicate(3, negatedPredicate);
    if (negatedPredicate)
      d.inst.flags |= CombineNegated;
  }
}

void decodeSetp(Decoder &d) {
  const ComparisonName &name = decodeComparison(d);
  const Type type = d.type();
  checkComparison(d, name, type);
  decodeOperands(d, type);
  const bool isPair = type == Type::F16x2 || type == Type::BF16x2;
  const Operand &result = d.operand(0);
  if (result.kind == Operand::Kind::Pair) {
    d.inst.d = d.destination(result.elements[0], Type::Pred, true);
    d.inst.e = d.destination(result.elements[1], Type::Pred, true);
    d.inst.flags |= SecondResult;
  } else {
    d.inst.d = d.destination(0, Type::Pred);
    if (isPair)
      d.fail("two predicates p|q are needed");
  }
  if (isPair) {
    d.inst.run = forComparison(name.comparison, [&](auto constant) -> Handler {
      constexpr Comparison comparison = decltype(constant)::value;
      return type == Type::F16x2 ? Handler(runSetpPair<F16, comparison>)
                                 : Handler(runSetpPair<BF16, comparison>);
    });
    return;
  }
  const bool plain = d.inst.flags == 0;
  auto use = [&](auto tag) -> Handler {
    using T = typename decltype(tag)::type;
    return forComparison(name.comparison, [&](auto constant) -> Handler {
      constexpr Comparison comparison = decltype(constant)::value;
      if constexpr (!isReal<T> && comparison >= Comparison::EqualOrNan)
        return nullptr; // checkComparison has recorded an error
      else
        return plain ? Handler(runSetp<T, comparison, true>)
                     : Handler(runSetp<T, comparison, false>);
    });
  };
  d.inst.run = isFloat(type) ? forReal(d, type, use) : forInteger(d, type, use);
}

void decodeSet(Decoder &d) {
  const ComparisonName &name = decodeComparison(d);
  const Type resultType = d.type();
  const Type type = d.type();
  checkComparison(d, name, type);
  decodeOperands(d, type);
  d.inst.d = d.destination(0, resultType);
  switch (resultType) {
  case Type::U32:
  case Type::S32:
    d.inst.imm = UINT32_MAX;
    break;
  case Type::U16:
  case Type::S16:
    d.inst.imm = UINT16_MAX;
    break;
  case Type::F32:
    d.inst.imm = 0x3F800000;
    break;
  case Type::F16:
    d.inst.imm = 0x3C00;
    break;
  case Type::BF16:
    d.inst.imm = 0x3F80;
    break;
  default:
    d.badType(resultType);
  }
  auto use = [&](auto tag) -> Handler {
    using T = typename decltype(tag)::type;
    return forComparison(name.comparison, [&](auto constant) -> Handler {
      constexpr Comparison comparison = decltype(constant)::value;
      if constexpr (!isReal<T> && comparison >= Comparison::EqualOrNan)
        return nullptr;
      else
        return runSet<T, comparison>;
    });
  };
  d.inst.run = isFloat(type) ? forReal(d, type, use) : forInteger(d, type, use);
}

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

template <class T>
const Instruction *runSelp(Thread &thread, const Instruction *at) {
  const bool first = (thread.reg(at->c) & 1) != at->flags;
  thread.reg(at->d) = store<T>(load<T>(thread.reg(first ? at->a : at->b)));
  return at + 1;
}

void decodeSelp(Decoder &d) {
  const Type type = d.type();
  switch (bitsOf(type)) {
  case 16:
    d.inst.run = runSelp<uint16_t>;
    break;
  case 32:
    d.inst.run = runSelp<uint32_t>;
    break;
  case 64:
    d.inst.run = runSelp<uint64_t>;
    break;
  default:
    d.badType(type);
  }
  if (!d.operands(4))
    return;
  bool negatedPredicate = false;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  d.inst.c = d.predicate(3, negatedPredicate);
  d.inst.flags = negatedPredicate ? 1 : 0;
}

/// a if c >= 0, else b (also for NaN). flags: 1 c is an f32, 2 flush.
const Instruction *runSlct(Thread &thread, const Instruction *at) {
  const auto bits = static_cast<uint32_t>(thread.reg(at->c));
  bool first;
  if (at->flags & 1) {
    auto value = std::bit_cast<float>(bits);
    if (at->flags & 2)
      value = flushSubnormal(value);
    first = value >= 0;
  } else {
    first = static_cast<int32_t>(bits) >= 0;
  }
  thread.reg(at->d) = thread.reg(first ? at->a : at->b) & at->imm;
  return at + 1;
}

void decodeSlct(Decoder &d) {
  const bool flush = d.has(".ftz");
  const Type type = d.type();
  const Type selector = d.type();
  if (bitsOf(type) < 16)
    d.badType(type);
  if (selector != Type::S32 && selector != Type::F32)
    d.badType(selector);
  if (!d.operands(4))
    return;
  d.inst.run = runSlct;
  d.inst.flags = (selector == Type::F32 ? 1 : 0) | (flush ? 2 : 0);
  d.inst.imm =
      bitsOf(type) >= 64 ? UINT64_MAX : (uint64_t(1) << bitsOf(type)) - 1;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, type);
  d.inst.c = d.source(3, selector);
}

#define QC_COMPARISONS                                                         \
  ".{eq,ne,lt,le,gt,ge,lo,ls,hi,hs,equ,neu,ltu,leu,gtu,geu,num,nan}"           \
  "{.and,.or,.xor}{.ftz}"
#define QC_COMPARED ".{b16,b32,b64,u16,u32,u64,s16,s32,s64,f16,bf16,f32,f64}"

constexpr Opcode table[] = {
    {"setp",
     "setp" QC_COMPARISONS QC_COMPARED " p{|q}, a, b{, {!}c} and "
     "{f16x2,bf16x2} with p|q",
     decodeSetp},
    {"set", "set" QC_COMPARISONS ".{u16,s16,u32,s32,f16,bf16,f32}" QC_COMPARED,
     decodeSet},
    {"selp", "selp.{b,u,s}{16,32,64}, selp.{f16,bf16,f32,f64}", decodeSelp},
    {"slct", "slct{.ftz}.{b,u,s}{16,32,64}.{s32,f32}, slct.{f32,f64}.{s32,f32}",
     decodeSlct},
};

} // namespace

std::span<const Opcode> compareOpcodes() { return table; }

} // namespace qcrt::ptxsim
