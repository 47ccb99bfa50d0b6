// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between f32 and narrow floats: see NarrowFloat.h.
//
// Rounding a normal number is an integer addition: the code of an IEEE-like
// float is monotonic in its magnitude, and a carry out of the mantissa steps
// the exponent. Subnormal results are rounded by a float addition to a power of
// two whose unit in the last place is the smallest subnormal.

#include "qc/Dialect/QC/IR/NarrowFloat.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/TypeUtilities.h"

#include <cmath>
#include <optional>

using namespace mlir;
using namespace qc;

namespace {

/// What the codes behind the largest finite value mean.
enum class Specials { Infinity, OnlyNaN, NegativeZeroIsNaN, None };

struct Format {
  unsigned exponent, mantissa;
  int bias;
  Specials specials;

  unsigned getSignBit() const { return exponent + mantissa; }
  int64_t getMagnitudeMask() const { return (int64_t(1) << getSignBit()) - 1; }
  int64_t getLargest() const {
    switch (specials) {
    case Specials::Infinity:
      return getInfinity() - 1;
    case Specials::OnlyNaN:
      return getMagnitudeMask() - 1;
    default:
      return getMagnitudeMask();
    }
  }
  int64_t getInfinity() const {
    return ((int64_t(1) << exponent) - 1) << mantissa;
  }
};

std::optional<Format> getFormat(Type type) {
  if (isa<Float16Type>(type))
    return Format{5, 10, 15, Specials::Infinity};
  if (isa<BFloat16Type>(type))
    return Format{8, 7, 127, Specials::Infinity};
  if (isa<Float8E5M2Type>(type))
    return Format{5, 2, 15, Specials::Infinity};
  if (isa<Float8E4M3FNType>(type))
    return Format{4, 3, 7, Specials::OnlyNaN};
  if (isa<Float8E4M3FNUZType>(type))
    return Format{4, 3, 8, Specials::NegativeZeroIsNaN};
  if (isa<Float8E5M2FNUZType>(type))
    return Format{5, 2, 16, Specials::NegativeZeroIsNaN};
  if (isa<Float6E2M3FNType>(type))
    return Format{2, 3, 1, Specials::None};
  if (isa<Float6E3M2FNType>(type))
    return Format{3, 2, 3, Specials::None};
  if (isa<Float4E2M1FNType>(type))
    return Format{2, 1, 1, Specials::None};
  return std::nullopt;
}

/// Arithmetic on scalars or vectors of the shape of one value.
class Bits {
public:
  Bits(OpBuilder &builder, Location loc, Type like)
      : builder(builder), loc(loc), like(like) {}

  Type getType(Type element) const {
    if (auto vector = dyn_cast<VectorType>(like))
      return vector.clone(element);
    return element;
  }
  Type getInteger() const { return getType(builder.getI32Type()); }
  Type getFloat() const { return getType(builder.getF32Type()); }
  Value integer(int64_t value) {
    return constant(getInteger(),
                    builder.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value number(double value) {
    return constant(getFloat(), builder.getF32FloatAttr(value));
  }
  Value toBits(Value value) {
    return arith::BitcastOp::create(builder, loc, getInteger(), value);
  }
  Value toFloat(Value value) {
    return arith::BitcastOp::create(builder, loc, getFloat(), value);
  }
  Value compare(arith::CmpIPredicate predicate, Value lhs, int64_t rhs) {
    return arith::CmpIOp::create(builder, loc, predicate, lhs, integer(rhs));
  }
  Value select(Value condition, Value onTrue, Value onFalse) {
    return arith::SelectOp::create(builder, loc, condition, onTrue, onFalse);
  }
  template <typename OpTy> Value apply(Value lhs, Value rhs) {
    return OpTy::create(builder, loc, lhs, rhs);
  }
  Value resize(Value value, unsigned width) {
    Type to = getType(builder.getIntegerType(width));
    unsigned from = getElementTypeOrSelf(value).getIntOrFloatBitWidth();
    if (from == width)
      return value;
    if (from < width)
      return arith::ExtUIOp::create(builder, loc, to, value);
    return arith::TruncIOp::create(builder, loc, to, value);
  }

  OpBuilder &builder;
  Location loc;

private:
  Value constant(Type type, TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(type))
      return arith::ConstantOp::create(
          builder, loc, DenseElementsAttr::get(vector, Attribute(value)));
    return arith::ConstantOp::create(builder, loc, value);
  }
  Type like;
};

} // namespace

bool qc::isNarrowFloat(Type type) {
  return isa<Float8E8M0FNUType>(type) || getFormat(type).has_value();
}

/// f8E8M0FNU is the exponent of f32; 255 is NaN, there is neither sign nor zero
/// (the smallest power stands for it).
static Value encodePower(Bits &b, Value value, bool saturate,
                         PowerRounding rounding) {
  Value raw = b.toBits(value);
  Value magnitude = b.apply<arith::AndIOp>(raw, b.integer(0x7fffffff));
  int64_t increment = rounding == PowerRounding::Nearest ? 0x400000
                      : rounding == PowerRounding::Up    ? 0x7fffff
                                                         : 0;
  Value code = b.apply<arith::ShRUIOp>(
      b.apply<arith::AddIOp>(magnitude, b.integer(increment)), b.integer(23));
  // Beyond 2^127, and infinities.
  Value tooLarge = b.compare(arith::CmpIPredicate::ugt, code, 254);
  code = b.select(tooLarge, b.integer(saturate ? 254 : 255), code);
  Value isNaN = b.compare(arith::CmpIPredicate::ugt, magnitude, 0x7f800000);
  Value isNegative = b.compare(arith::CmpIPredicate::slt, raw, 0);
  Value isZero = b.compare(arith::CmpIPredicate::eq, magnitude, 0);
  isNegative = b.apply<arith::AndIOp>(
      isNegative, b.compare(arith::CmpIPredicate::ne, magnitude, 0));
  code = b.select(b.apply<arith::OrIOp>(isNaN, isNegative), b.integer(255),
                  b.select(isZero, b.integer(0), code));
  return code;
}

Value qc::encodeNarrowFloat(OpBuilder &builder, Location loc, Value value,
                            FloatType type, bool saturate,
                            PowerRounding rounding) {
  Bits b(builder, loc, value.getType());
  if (isa<Float8E8M0FNUType>(type))
    return b.resize(encodePower(b, value, saturate, rounding), 8);
  Format format = *getFormat(type);
  unsigned dropped = 23 - format.mantissa;
  Value raw = b.toBits(value);
  Value magnitude = b.apply<arith::AndIOp>(raw, b.integer(0x7fffffff));
  Value sign =
      b.apply<arith::ShLIOp>(b.apply<arith::ShRUIOp>(raw, b.integer(31)),
                             b.integer(format.getSignBit()));

  // Normal results: add half a unit, minus one where the kept part is even.
  Value odd = b.apply<arith::AndIOp>(
      b.apply<arith::ShRUIOp>(magnitude, b.integer(dropped)), b.integer(1));
  Value rounded = b.apply<arith::AddIOp>(
      b.apply<arith::AddIOp>(magnitude,
                             b.integer((int64_t(1) << (dropped - 1)) - 1)),
      odd);
  int64_t rebias = static_cast<int64_t>(127 - format.bias) << format.mantissa;
  Value normal = b.apply<arith::SubIOp>(
      b.apply<arith::ShRUIOp>(rounded, b.integer(dropped)), b.integer(rebias));
  Value code = normal;
  if (format.bias != 127) {
    // Subnormal results: the addition aligns and rounds.
    double power =
        std::ldexp(1.0, 24 - format.bias - static_cast<int>(format.mantissa));
    Value shifted =
        b.toBits(b.apply<arith::AddFOp>(b.toFloat(magnitude), b.number(power)));
    Value subnormal =
        b.apply<arith::SubIOp>(shifted, b.toBits(b.number(power)));
    int64_t smallestNormal = static_cast<int64_t>(128 - format.bias) << 23;
    code = b.select(
        b.compare(arith::CmpIPredicate::ult, magnitude, smallestNormal),
        subnormal, normal);
  }

  // Infinity included: its code as a number is beyond every finite one.
  int64_t largest = format.getLargest();
  int64_t beyond = largest, nan = largest;
  switch (format.specials) {
  case Specials::Infinity:
    beyond = format.getInfinity();
    nan = beyond | (int64_t(1) << (format.mantissa - 1));
    break;
  case Specials::OnlyNaN:
    beyond = nan = format.getMagnitudeMask();
    break;
  case Specials::NegativeZeroIsNaN:
    break;
  case Specials::None:
    // There is no NaN: negative zero stands for it.
    nan = int64_t(1) << format.getSignBit();
    break;
  }
  Value tooLarge = b.compare(arith::CmpIPredicate::ugt, code, largest);
  Value isNaN = b.compare(arith::CmpIPredicate::ugt, magnitude, 0x7f800000);
  code = b.select(tooLarge, b.integer(saturate ? largest : beyond), code);
  code = b.select(isNaN, b.integer(nan), code);
  if (format.specials == Specials::NegativeZeroIsNaN) {
    Value isZero = b.compare(arith::CmpIPredicate::eq, code, 0);
    code = b.apply<arith::OrIOp>(code, b.select(isZero, b.integer(0), sign));
    Value bad =
        saturate ? isNaN : Value(b.apply<arith::OrIOp>(isNaN, tooLarge));
    code = b.select(bad, b.integer(int64_t(1) << format.getSignBit()), code);
  } else {
    code = b.apply<arith::OrIOp>(code, sign);
  }
  return b.resize(code, type.getWidth() > 8 ? 16 : 8);
}

Value qc::decodeNarrowFloat(OpBuilder &builder, Location loc, Value code,
                            FloatType type) {
  Bits b(builder, loc, code.getType());
  code = b.resize(code, 32);
  if (isa<Float8E8M0FNUType>(type)) {
    code = b.apply<arith::AndIOp>(code, b.integer(255));
    Value power = b.apply<arith::ShLIOp>(code, b.integer(23));
    // 2^-127 is a subnormal f32; 255 is NaN.
    power = b.select(b.compare(arith::CmpIPredicate::eq, code, 0),
                     b.integer(0x400000), power);
    power = b.select(b.compare(arith::CmpIPredicate::eq, code, 255),
                     b.integer(0x7fc00000), power);
    return b.toFloat(power);
  }
  Format format = *getFormat(type);
  unsigned dropped = 23 - format.mantissa;
  Value sign = b.apply<arith::AndIOp>(
      b.apply<arith::ShLIOp>(code, b.integer(31 - format.getSignBit())),
      b.integer(int64_t(1) << 31));
  Value magnitude =
      b.apply<arith::AndIOp>(code, b.integer(format.getMagnitudeMask()));
  Value raw = b.apply<arith::ShLIOp>(magnitude, b.integer(dropped));
  if (format.bias != 127) {
    raw = b.apply<arith::AddIOp>(
        raw, b.integer(static_cast<int64_t>(127 - format.bias) << 23));
    double unit =
        std::ldexp(1.0, 1 - format.bias - static_cast<int>(format.mantissa));
    Value subnormal = b.apply<arith::MulFOp>(
        arith::SIToFPOp::create(builder, loc, b.getFloat(), magnitude),
        b.number(unit));
    raw = b.select(b.compare(arith::CmpIPredicate::ult, magnitude,
                             int64_t(1) << format.mantissa),
                   b.toBits(subnormal), raw);
    int64_t largest = format.getLargest();
    if (format.specials == Specials::Infinity) {
      Value special = b.apply<arith::OrIOp>(
          b.apply<arith::ShLIOp>(magnitude, b.integer(dropped)),
          b.integer(0x7f800000));
      raw = b.select(b.compare(arith::CmpIPredicate::ugt, magnitude, largest),
                     special, raw);
    } else if (format.specials == Specials::OnlyNaN) {
      raw = b.select(b.compare(arith::CmpIPredicate::ugt, magnitude, largest),
                     b.integer(0x7fc00000), raw);
    } else if (format.specials == Specials::NegativeZeroIsNaN) {
      Value whole = b.apply<arith::AndIOp>(
          code, b.integer((int64_t(2) << format.getSignBit()) - 1));
      raw = b.select(b.compare(arith::CmpIPredicate::eq, whole,
                               int64_t(1) << format.getSignBit()),
                     b.integer(0x7fc00000), raw);
    }
  }
  return b.toFloat(b.apply<arith::OrIOp>(raw, sign));
}
