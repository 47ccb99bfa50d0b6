// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions as sequences of IEEE arithmetic: see
// ElementaryFunctions.h.
//
// The formulas are the classical ones: argument reduction by exact products
// with the leading parts of a constant, then Taylor or Chebyshev polynomials.
// f32 forms of the functions that networks spend time in (exp, log, tanh, erf,
// expm1, log1p) stay in f32; the others go through f64 and round once, which is
// correct to half a unit for almost all arguments. No fused operation and no
// reassociation: every target computes the same bits.

#include "ElementaryFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace qc;

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double ln2 = std::numbers::ln2;

namespace {

struct Number;

/// Arithmetic on one float type, scalar or vector.
struct Calculator {
  OpBuilder &builder;
  Location loc;
  Type type;

  Calculator(OpBuilder &builder, Location loc, Type type)
      : builder(builder), loc(loc), type(type) {}

  bool isDouble() const { return getElementTypeOrSelf(type).isF64(); }
  Type withElement(Type element) const {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(element);
    return element;
  }
  Type getIntegerType() const {
    return withElement(builder.getIntegerType(isDouble() ? 64 : 32));
  }
  Value splat(Type shaped, TypedAttr value) const {
    if (auto vector = dyn_cast<VectorType>(shaped))
      return arith::ConstantOp::create(
          builder, loc, DenseElementsAttr::get(vector, Attribute(value)));
    return arith::ConstantOp::create(builder, loc, value);
  }
  Number operator()(double value);
  Number wrap(Value value);
  Value integer(int64_t value) const {
    Type shaped = getIntegerType();
    return splat(shaped,
                 builder.getIntegerAttr(getElementTypeOrSelf(shaped), value));
  }
};

/// A value with operators.
struct Number {
  Calculator *c;
  Value value;

  template <typename OpTy> Number apply() const {
    return {c, OpTy::create(c->builder, c->loc, value)};
  }
  template <typename OpTy> Number apply(Number rhs) const {
    return {c, OpTy::create(c->builder, c->loc, value, rhs.value)};
  }
  Number operator+(Number rhs) const { return apply<arith::AddFOp>(rhs); }
  Number operator-(Number rhs) const { return apply<arith::SubFOp>(rhs); }
  Number operator*(Number rhs) const { return apply<arith::MulFOp>(rhs); }
  Number operator/(Number rhs) const { return apply<arith::DivFOp>(rhs); }
  Number operator+(double rhs) const { return *this + (*c)(rhs); }
  Number operator-(double rhs) const { return *this - (*c)(rhs); }
  Number operator*(double rhs) const { return *this * (*c)(rhs); }
  Number operator/(double rhs) const { return *this / (*c)(rhs); }
  Number operator-() const { return apply<arith::NegFOp>(); }
  Value compare(arith::CmpFPredicate predicate, Number rhs) const {
    return arith::CmpFOp::create(c->builder, c->loc, predicate, value,
                                 rhs.value);
  }
  Value operator<(Number rhs) const {
    return compare(arith::CmpFPredicate::OLT, rhs);
  }
  Value operator<(double rhs) const { return *this < (*c)(rhs); }
  Value operator>(Number rhs) const {
    return compare(arith::CmpFPredicate::OGT, rhs);
  }
  Value operator>(double rhs) const { return (*c)(rhs) < *this; }
  Value equals(Number rhs) const {
    return compare(arith::CmpFPredicate::OEQ, rhs);
  }
  Value equals(double rhs) const { return equals((*c)(rhs)); }
  Value isNaN() const { return compare(arith::CmpFPredicate::UNO, *this); }
  Number abs() const { return apply<math::AbsFOp>(); }
  Number sqrt() const { return apply<math::SqrtOp>(); }
  Number floor() const { return apply<math::FloorOp>(); }
  Number round() const { return apply<math::RoundEvenOp>(); }
  Number withSignOf(Number sign) const { return apply<math::CopySignOp>(sign); }
  Value bits() const {
    return arith::BitcastOp::create(c->builder, c->loc, c->getIntegerType(),
                                    value);
  }
};

Number operator-(double lhs, Number rhs) { return (*rhs.c)(lhs)-rhs; }
Number operator/(double lhs, Number rhs) { return (*rhs.c)(lhs) / rhs; }

Number Calculator::wrap(Value value) { return {this, value}; }
Number Calculator::operator()(double value) {
  return wrap(
      splat(type, builder.getFloatAttr(getElementTypeOrSelf(type), value)));
}

Number select(Value condition, Number onTrue, Number onFalse) {
  return {onTrue.c,
          arith::SelectOp::create(onTrue.c->builder, onTrue.c->loc, condition,
                                  onTrue.value, onFalse.value)};
}
Number select(Value condition, double onTrue, Number onFalse) {
  return select(condition, (*onFalse.c)(onTrue), onFalse);
}
Value both(Number like, Value lhs, Value rhs) {
  return arith::AndIOp::create(like.c->builder, like.c->loc, lhs, rhs);
}
Value either(Number like, Value lhs, Value rhs) {
  return arith::OrIOp::create(like.c->builder, like.c->loc, lhs, rhs);
}

/// sum coefficients[k] x^k
Number polynomial(Number x, ArrayRef<double> coefficients) {
  Number sum = (*x.c)(coefficients.back());
  for (double coefficient : llvm::reverse(coefficients.drop_back()))
    sum = sum * x + coefficient;
  return sum;
}

/// Coefficients of sum sign^k x^k / (first + step k)!, as factorials demand.
SmallVector<double> reciprocalFactorials(int first, int step, int count,
                                         double sign) {
  SmallVector<double> coefficients;
  double factorial = std::tgamma(first + 1.0), power = 1;
  for (int k = 0; k < count; ++k) {
    coefficients.push_back(power / factorial);
    for (int i = 1; i <= step; ++i)
      factorial *= first + k * step + i;
    power *= sign;
  }
  return coefficients;
}

/// x * 2^n for an integral float n in [-2200, 2200]: two factors, so that
/// neither overflows and subnormal results round once.
Number scale(Number x, Number n) {
  Calculator &c = *x.c;
  unsigned mantissa = c.isDouble() ? 52 : 23;
  int64_t bias = c.isDouble() ? 1023 : 127;
  auto power = [&](Number exponent) {
    Value integer = arith::FPToSIOp::create(c.builder, c.loc,
                                            c.getIntegerType(), exponent.value);
    integer = arith::AddIOp::create(c.builder, c.loc, integer, c.integer(bias));
    integer =
        arith::ShLIOp::create(c.builder, c.loc, integer, c.integer(mantissa));
    return c.wrap(arith::BitcastOp::create(c.builder, c.loc, c.type, integer));
  };
  Number half = (n * 0.5).floor();
  return x * power(half) * power(n - half);
}

/// ln 2 in two parts, the first with few enough bits that its products with
/// exponents are exact.
struct SplitLn2 {
  double high, low;
  explicit SplitLn2(bool isDouble) {
    int bits = isDouble ? 32 : 9;
    high = std::ldexp(std::floor(std::ldexp(ln2, bits)), -bits);
    // The tail of ln 2 behind f64 matters for f64.
    low = (ln2 - high) + 2.3190468138462996e-17;
  }
};

/// n and r with x = n ln 2 + r, |r| <= ln 2 / 2, for a clamped x.
struct Reduced {
  Number n, r;
};
Reduced reduceByLn2(Number x) {
  SplitLn2 parts(x.c->isDouble());
  Number n = (x * (1 / ln2)).round();
  return {n, (x - n * parts.high) - n * parts.low};
}

Number exp(Number x) {
  bool isDouble = x.c->isDouble();
  double limit = isDouble ? 746 : 105;
  // A NaN does not pass the comparisons, so nothing undefined is converted.
  Number clamped = select(x < limit, x, (*x.c)(limit));
  clamped = select(clamped > -limit, clamped, (*x.c)(-limit));
  Reduced reduced = reduceByLn2(clamped);
  Number r = reduced.r;
  Number tail = polynomial(r, reciprocalFactorials(2, 1, isDouble ? 12 : 6, 1));
  Number y = scale((r + r * r * tail) + 1.0, reduced.n);
  return select(x.isNaN(), x, y);
}

/// e^x in f32 for x of at most 88 (the flag ninf): one scaling by 2^n suffices,
/// whose exponent n + 127 is read off the bits of a sum with
/// 1.5 * 2^23 + 127. The relative error is at most 7e-8 (the polynomial is a
/// minimax fit). Below 2^-126.5 the result is 0: n is -127 there and the bits
/// of the scale are none. A NaN passes the comparison and the rest.
Number finiteExp(Number x) {
  Calculator &c = *x.c;
  constexpr double magic = 12582912.0 + 127, high = 355.0 / 512,
                   low = ln2 - high;
  x = select(c(-88.0) > x, -88.0, x);
  Number shifted = x * std::numbers::log2e + magic;
  Number n = shifted - magic;
  Number r = (x - n * high) - n * low;
  Number tail = polynomial(r, {0.4999999403953552, 0.16666515171527863,
                               0.04166845604777336, 0.008369418792426586,
                               0.0013813143596053123});
  Number y = (r + r * r * tail) + 1.0;
  Value power =
      arith::ShLIOp::create(c.builder, c.loc, shifted.bits(), c.integer(23));
  return y * c.wrap(arith::BitcastOp::create(c.builder, c.loc, c.type, power));
}

/// 2^x: the product with ln 2 is taken of the fraction only, so that its error
/// does not grow with x.
Number exp2(Number x) {
  double limit = x.c->isDouble() ? 1100 : 160;
  Number clamped = select(x < limit, x, (*x.c)(limit));
  clamped = select(clamped > -limit, clamped, (*x.c)(-limit));
  Number n = clamped.round();
  return select(x.isNaN(), x, scale(exp((clamped - n) * ln2), n));
}

/// e^x - 1 without cancellation near 0.
Number expm1(Number x) {
  bool isDouble = x.c->isDouble();
  Value isSmall = x.abs() < 0.35;
  Number bounded = select(isSmall, x, (*x.c)(0));
  Number near =
      bounded +
      bounded * bounded *
          polynomial(bounded, reciprocalFactorials(2, 1, isDouble ? 14 : 7, 1));
  // Keeps the sign of zero.
  near = select(x.equals(0.0), x, near);
  return select(isSmall, near, exp(x) - 1.0);
}

Number log(Number x) {
  Calculator &c = *x.c;
  bool isDouble = c.isDouble();
  unsigned mantissa = isDouble ? 52 : 23;
  int64_t bias = isDouble ? 1023 : 127;
  // Subnormals are scaled up.
  double smallest = std::ldexp(1.0, isDouble ? -1022 : -126);
  double lift = std::ldexp(1.0, isDouble ? 54 : 25);
  Value isTiny = x < smallest;
  Number lifted = select(isTiny, x * lift, x);
  Value bits = lifted.bits();
  Value exponent = arith::SubIOp::create(
      c.builder, c.loc,
      arith::ShRSIOp::create(c.builder, c.loc, bits, c.integer(mantissa)),
      c.integer(bias));
  Value fraction = arith::OrIOp::create(
      c.builder, c.loc,
      arith::AndIOp::create(c.builder, c.loc, bits,
                            c.integer((int64_t(1) << mantissa) - 1)),
      c.integer(bias << mantissa));
  Number m =
      c.wrap(arith::BitcastOp::create(c.builder, c.loc, c.type, fraction));
  Number k =
      c.wrap(arith::SIToFPOp::create(c.builder, c.loc, c.type, exponent));
  k = select(isTiny, k - (isDouble ? 54.0 : 25.0), k);
  // m in [sqrt 1/2, sqrt 2)
  Value isUpper = m > std::numbers::sqrt2;
  m = select(isUpper, m * 0.5, m);
  k = select(isUpper, k + 1.0, k);
  // ln m = 2 artanh s for s = f / (2 + f), summed so that f comes last.
  Number f = m - 1.0;
  Number s = f / (f + 2.0), z = s * s;
  SmallVector<double> coefficients;
  for (int i = 1; i <= (isDouble ? 12 : 5); ++i)
    coefficients.push_back(2.0 / (2 * i + 1));
  Number rest = z * polynomial(z, coefficients);
  Number halfSquare = f * f * 0.5;
  SplitLn2 parts(isDouble);
  Number y = k * parts.high -
             ((halfSquare - (s * (halfSquare + rest) + k * parts.low)) - f);
  y = select(x.equals(infinity), x, y);
  y = select(x.equals(0.0), -infinity, y);
  y = select(x < 0.0, std::numeric_limits<double>::quiet_NaN(), y);
  return select(x.isNaN(), x, y);
}

/// ln(1 + x): the rounding error of 1 + x is put back to first order.
Number log1p(Number x) {
  Number u = x + 1.0;
  Number y = log(u) + (x - (u - 1.0)) / u;
  // Also where u is 0 or infinite, or x is so small that u is 1.
  y = select(either(x, u.equals(1.0), u.equals(infinity)), x, y);
  return select(u.equals(0.0), -infinity, y);
}

Number tanh(Number x) {
  // Behind 20 the result is 1 in both types; infinities never meet.
  Number a = x.abs();
  Number bounded = select(a < 20.0, a, select(a.isNaN(), a, (*x.c)(20.0)));
  Number t = expm1(bounded + bounded);
  return (t / (t + 2.0)).withSignOf(x);
}

/// e^(a/2), whose square is e^a where that alone would overflow.
Number sinh(Number x) {
  Number a = x.abs();
  Number t = expm1(select(a < 20.0, a, (*x.c)(0)));
  Number near = (t + t / (t + 1.0)) * 0.5;
  Number half = exp(a * 0.5);
  Number far = half * 0.5 * half;
  return select(a < 20.0, near, far).withSignOf(x);
}

Number cosh(Number x) {
  Number half = exp(x.abs() * 0.5);
  return half * 0.5 * half + 0.5 / half / half;
}

Number asinh(Number x) {
  Number a = x.abs();
  Value isHuge = a > 1e8;
  Number b = select(isHuge, 1.0, a);
  Number square = b * b;
  Number near = log1p(b + square / ((square + 1.0).sqrt() + 1.0));
  Number far = log(a) + ln2;
  return select(isHuge, far, near).withSignOf(x);
}

Number acosh(Number x) {
  Value isHuge = x > 1e8;
  Number t = select(isHuge, 1.0, x) - 1.0;
  Number near = log1p(t + (t * (t + 2.0)).sqrt());
  Number y = select(isHuge, log(x) + ln2, near);
  return select(x < 1.0, std::numeric_limits<double>::quiet_NaN(), y);
}

Number atanh(Number x) {
  Number a = x.abs();
  return (log1p((a + a) / (1.0 - a)) * 0.5).withSignOf(x);
}

/// The argument is brought to at most tan(pi / 16): 1 / a above 1, the addition
/// theorem at pi / 4, then half the angle.
Number atan(Number x) {
  constexpr double pi = std::numbers::pi;
  Number a = x.abs();
  Value isInverted = a > 1.0;
  Number t = select(isInverted, 1.0 / a, a);
  Value isShifted = t > std::numbers::sqrt2 - 1;
  t = select(isShifted, (t - 1.0) / (t + 1.0), t);
  t = t / ((t * t + 1.0).sqrt() + 1.0);
  SmallVector<double> coefficients;
  for (int k = 0; k <= 12; ++k)
    coefficients.push_back((k % 2 ? -2.0 : 2.0) / (2 * k + 1));
  Number y = t * polynomial(t * t, coefficients);
  y = select(isShifted, y + pi / 4, y);
  // The second part of pi / 2 keeps the last bits.
  y = select(isInverted, pi / 2 - (y - 6.123233995736766e-17), y);
  return y.withSignOf(x);
}

/// 2 atan(x / (1 + sqrt(1 - x^2)))
Number asin(Number x) {
  Number root = ((1.0 - x) * (x + 1.0)).sqrt();
  return atan(x / (root + 1.0)) * 2.0;
}

/// 2 atan(sqrt((1 - x) / (1 + x)))
Number acos(Number x) { return atan(((1.0 - x) / (x + 1.0)).sqrt()) * 2.0; }

/// Sine and cosine after reduction by quarter turns. pi / 2 is split into parts
/// of 25 bits, so that products with up to 2^28 turns are exact: arguments
/// beyond 4e8 lose accuracy.
struct SineCosine {
  Number sine, cosine;
};
SineCosine sineCosine(Number x) {
  Calculator &c = *x.c;
  constexpr double halfPi = std::numbers::pi / 2,
                   halfPiTail = 6.123233995736766e-17;
  double rest = halfPi, parts[3];
  for (double &part : parts) {
    int exponent = std::ilogb(rest);
    part =
        std::ldexp(std::trunc(std::ldexp(rest, 24 - exponent)), exponent - 24);
    rest -= part;
  }
  Value isFinite = x.abs() < infinity;
  constexpr double limit = 4503599627370496.0;
  Number bounded = select(x.abs() < limit, x, (*x.c)(0));
  Number n = (bounded * (1 / halfPi)).round();
  Number r = bounded;
  for (double part : parts)
    r = r - n * part;
  r = r - n * halfPiTail;
  Number z = r * r;
  Number sine =
      r + r * z * polynomial(z, reciprocalFactorials(3, 2, 9, -1)) * -1.0;
  Number cosine =
      (z * 0.5 - z * z * polynomial(z, reciprocalFactorials(4, 2, 8, -1))) *
          -1.0 +
      1.0;
  // The sign of zero survives.
  sine = select(r.equals(0.0), r, sine);
  // Quarter turns modulo 4, in floats: n - 4 floor(n / 4).
  Number quarter = n - (n * 0.25).floor() * 4.0;
  Value isOdd = either(x, quarter.equals(1.0), quarter.equals(3.0));
  Value isLower = quarter > 1.5;
  Value cosineNegative = either(x, quarter.equals(1.0), quarter.equals(2.0));
  Number s = select(isOdd, cosine, sine), k = select(isOdd, sine, cosine);
  s = select(isLower, -s, s);
  k = select(cosineNegative, -k, k);
  Number nan = c(std::numeric_limits<double>::quiet_NaN());
  return {select(isFinite, s, nan), select(isFinite, k, nan)};
}

/// x P(x^2) / Q(x^2), a minimax fit (relative error 2e-8) up to where erf
/// reaches 1 in f32. The polynomials are summed by pairs, which rounds less
/// often than step by step.
Number erfSingle(Number x) {
  auto clamp = [](Number value, double limit) {
    Calculator &c = *value.c;
    value = select(c(-limit) > value, -limit, value);
    return select(c(limit) < value, limit, value);
  };
  x = clamp(x, 3.925);
  Number z = x * x, square = z * z;
  auto sum = [&](ArrayRef<double> k) {
    return ((z * k[5] + k[4]) * square + (z * k[3] + k[2])) * square +
           (z * k[1] + k[0]);
  };
  Number p = sum({1.1283791458239998, 0.1905842401611404, 0.052768095732737406,
                  0.0037721628038636305, 0.00028483788240115786,
                  2.0461336831528883e-06});
  Number q =
      sum({1.0, 0.5022336172144608, 0.11417883922600323, 0.014982413605576507,
           0.0011637701017041878, 3.8048600057583685e-05});
  return clamp(x * p / q, 1);
}

/// e^(-x^2) / sqrt(pi) times the continued fraction of erfc (Abramowitz and
/// Stegun, 7.1.14), for x >= 3.
Number erfcFraction(Number x) {
  Number bounded = select(x < 30.0, x, (*x.c)(30.0));
  Number fraction = bounded;
  for (int k = 40; k >= 1; --k)
    fraction = bounded + (k * 0.5) / fraction;
  return exp(-(bounded * bounded)) * std::numbers::inv_sqrtpi / fraction;
}

/// 2 / sqrt(pi) e^(-x^2) sum 2^k x^(2k+1) / (2k+1)!! (7.1.6 there: no
/// cancellation), for |x| < 3.
Number erfSeries(Number x) {
  Number z = x * x * 2.0;
  Number sum = (*x.c)(1.0);
  for (int k = 60; k >= 1; --k)
    sum = z / (2 * k + 1.0) * sum + 1.0;
  return x * 2.0 * std::numbers::inv_sqrtpi * exp(-(x * x)) * sum;
}

Number erf(Number x) {
  Number a = x.abs();
  Value isSmall = a < 3.0;
  Number near = erfSeries(select(isSmall, x, (*x.c)(0)));
  Number far = (1.0 - erfcFraction(select(isSmall, 3.0, a))).withSignOf(x);
  return select(x.isNaN(), x, select(isSmall, near, far));
}

Number erfc(Number x) {
  Value isSmall = x.abs() < 3.0;
  Number near = 1.0 - erfSeries(select(isSmall, x, (*x.c)(0)));
  Number tail = erfcFraction(select(isSmall, 3.0, x.abs()));
  Number far = select(x < 0.0, 2.0 - tail, tail);
  return select(x.isNaN(), x, select(isSmall, near, far));
}

/// e^(y ln |x|) and the special cases of IEEE 754.
Number pow(Number x, Number y) {
  Calculator &c = *x.c;
  Number a = x.abs();
  Number power = exp(y * log(a));
  Value isInteger = y.floor().equals(y);
  Number half = y * 0.5;
  Value isEven = half.floor().equals(half);
  Value one = arith::ConstantOp::create(
      c.builder, c.loc, c.builder.getIntegerAttr(c.builder.getI1Type(), 1));
  if (isa<VectorType>(c.type))
    one = c.splat(c.withElement(c.builder.getI1Type()),
                  c.builder.getIntegerAttr(c.builder.getI1Type(), 1));
  auto isNot = [&](Value condition) {
    return arith::XOrIOp::create(c.builder, c.loc, condition, one).getResult();
  };
  Value isOdd = both(x, isInteger, isNot(isEven));
  power = select(isOdd, power.withSignOf(x), power);
  // A negative number to a fraction; -infinity to one is a plain power.
  Value isBad = both(x, both(x, x < 0.0, isNot(isInteger)), a < infinity);
  power = select(isBad, std::numeric_limits<double>::quiet_NaN(), power);
  Value isUnit = both(x, a.equals(1.0), y.abs().equals(infinity));
  power = select(isUnit, 1.0, power);
  power = select(either(x, x.isNaN(), y.isNaN()), x + y, power);
  return select(either(x, y.equals(0.0), x.equals(1.0)), 1.0, power);
}

/// x^(quarters / 4), no integer, by square roots: a fraction of what the
/// logarithm of a power takes, and in f64 as far below f32's unit.
Number powOfQuarters(Number x, int64_t quarters) {
  // -0 has the powers of 0, -infinity those of infinity.
  Number a = x + (*x.c)(0), power = (*x.c)(1), root = a.sqrt();
  for (int64_t count = quarters / 4; count > 0; --count)
    power = power * a;
  if (quarters & 2)
    power = power * root;
  if (quarters & 1)
    power = power * root.sqrt();
  return select(x.equals(-infinity), infinity, power);
}

/// The number that `value` is in all lanes, if it is a constant.
std::optional<double> getConstantNumber(Value value) {
  if (auto splat = value.getDefiningOp<vector::BroadcastOp>())
    value = splat.getSource();
  FloatAttr number;
  DenseElementsAttr lanes;
  if (matchPattern(value, m_Constant(&number)))
    return number.getValueAsDouble();
  if (matchPattern(value, m_Constant(&lanes)) && lanes.isSplat())
    return lanes.getSplatValue<APFloat>().convertToDouble();
  return std::nullopt;
}

} // namespace

static bool isSingle(Type type) { return getElementTypeOrSelf(type).isF32(); }

Value qc::expandElementary(OpBuilder &builder, Operation *op) {
  if (op->getNumResults() != 1 ||
      !isa<Float32Type, Float64Type>(
          getElementTypeOrSelf(op->getResult(0).getType())))
    return {};
  Location loc = op->getLoc();
  Type type = op->getResult(0).getType();
  Calculator own(builder, loc, type);
  Calculator wide(builder, loc, own.withElement(builder.getF64Type()));

  // Computes in the op's type, or for f32 in f64 with one rounding.
  auto direct = [&](Number (*function)(Number)) -> Value {
    return function(own.wrap(op->getOperand(0))).value;
  };
  auto widened = [&](Number (*function)(Number)) -> Value {
    if (!isSingle(type))
      return direct(function);
    Value x = arith::ExtFOp::create(builder, loc, wide.type, op->getOperand(0));
    return arith::TruncFOp::create(builder, loc, type,
                                   function(wide.wrap(x)).value);
  };
  using Op = Operation *;
  return llvm::TypeSwitch<Op, Value>(op)
      .Case([&](math::ExpOp power) {
        if (isSingle(type) &&
            arith::bitEnumContainsAll(power.getFastmath(),
                                      arith::FastMathFlags::ninf))
          return direct(finiteExp);
        return direct(exp);
      })
      .Case([&](math::ExpM1Op) { return direct(expm1); })
      .Case([&](math::LogOp) { return direct(log); })
      .Case([&](math::Log1pOp) { return direct(log1p); })
      .Case([&](math::TanhOp) { return direct(tanh); })
      .Case([&](math::ErfOp) {
        return isSingle(type) ? direct(erfSingle) : direct(erf);
      })
      .Case([&](math::ErfcOp) { return widened(erfc); })
      .Case([&](math::Exp2Op) { return widened(exp2); })
      .Case([&](math::Log2Op) {
        return widened([](Number x) { return log(x) * (1 / ln2); });
      })
      .Case([&](math::Log10Op) {
        return widened([](Number x) { return log(x) / std::numbers::ln10; });
      })
      .Case([&](math::SinOp) {
        return widened([](Number x) { return sineCosine(x).sine; });
      })
      .Case([&](math::CosOp) {
        return widened([](Number x) { return sineCosine(x).cosine; });
      })
      .Case([&](math::TanOp) {
        return widened([](Number x) {
          SineCosine both = sineCosine(x);
          return both.sine / both.cosine;
        });
      })
      .Case([&](math::AsinOp) { return widened(asin); })
      .Case([&](math::AcosOp) { return widened(acos); })
      .Case([&](math::AtanOp) { return widened(atan); })
      .Case([&](math::SinhOp) { return widened(sinh); })
      .Case([&](math::CoshOp) { return widened(cosh); })
      .Case([&](math::AsinhOp) { return widened(asinh); })
      .Case([&](math::AcoshOp) { return widened(acosh); })
      .Case([&](math::AtanhOp) { return widened(atanh); })
      .Case([&](math::RsqrtOp) {
        return direct([](Number x) { return 1.0 / x.sqrt(); });
      })
      .Case([&](math::PowFOp) -> Value {
        Value x = op->getOperand(0), y = op->getOperand(1);
        if (!isSingle(type))
          return pow(own.wrap(x), own.wrap(y)).value;
        x = arith::ExtFOp::create(builder, loc, wide.type, x);
        std::optional<double> exponent = getConstantNumber(y);
        double quarters = 4 * exponent.value_or(0);
        if (quarters > 0 && quarters < 8 && std::trunc(quarters) == quarters &&
            quarters != 4)
          return arith::TruncFOp::create(
              builder, loc, type, powOfQuarters(wide.wrap(x), quarters).value);
        y = arith::ExtFOp::create(builder, loc, wide.type, y);
        return arith::TruncFOp::create(builder, loc, type,
                                       pow(wide.wrap(x), wide.wrap(y)).value);
      })
      .Default(Value());
}

//===----------------------------------------------------------------------===//
// Rounding
//===----------------------------------------------------------------------===//

/// Adding and taking away the number whose unit is 1 rounds half to even;
/// larger numbers have no fraction.
static Number roundHalfEven(Number x) {
  double magic = std::ldexp(1.0, x.c->isDouble() ? 52 : 23);
  Number a = x.abs();
  Number rounded = (a + magic) - magic;
  return select(a < magic, rounded, a).withSignOf(x);
}

static Number roundDown(Number x) {
  Number rounded = roundHalfEven(x);
  Number lower = select(x < rounded, rounded - 1.0, rounded);
  // floor(-0.0) is -0.0; where the difference made a zero it has x's sign.
  return select(lower.equals(0.0), lower.withSignOf(x), lower);
}

Value qc::expandRounding(OpBuilder &builder, Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() != 1 ||
      !isa<Float32Type, Float64Type>(
          getElementTypeOrSelf(op->getResult(0).getType())))
    return {};
  Calculator c(builder, op->getLoc(), op->getResult(0).getType());
  Number x = c.wrap(op->getOperand(0));
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](math::RoundEvenOp) { return roundHalfEven(x).value; })
      .Case([&](math::FloorOp) { return roundDown(x).value; })
      .Case([&](math::CeilOp) { return (-roundDown(-x)).value; })
      .Case(
          [&](math::TruncOp) { return roundDown(x.abs()).withSignOf(x).value; })
      .Case([&](math::RoundOp) {
        // Half away from zero: a tie that went down to even goes up.
        Number a = x.abs();
        Number below = roundDown(a);
        Number up = select(a - below < 0.5, below, below + 1.0);
        return up.withSignOf(x).value;
      })
      .Default(Value());
}

//===----------------------------------------------------------------------===//
// Remainder
//===----------------------------------------------------------------------===//

/// Long division in f64: from y 2^k, the largest such number not above x, down
/// to y, each is taken away where it fits. Every step is exact.
static Value scalarRemainder(OpBuilder &builder, Location loc, Value lhs,
                             Value rhs) {
  Calculator c(builder, loc, lhs.getType());
  Number x = c.wrap(lhs), y = c.wrap(rhs);
  Number a = x.abs(), b = y.abs();
  Value isBad = either(x, either(x, x.isNaN(), y.isNaN()),
                       either(x, a.equals(infinity), b.equals(0.0)));
  Value isTrivial = either(x, isBad, a < b);
  // Something harmless where the result is known.
  a = select(isTrivial, 1.0, a);
  b = select(isTrivial, 1.0, b);
  auto exponent = [&](Number value) {
    Value isTiny = value < 0x1p-1022;
    Value bits = select(isTiny, value * 0x1p54, value).bits();
    Value biased = arith::ShRUIOp::create(builder, loc, bits, c.integer(52));
    return c
        .wrap(arith::SelectOp::create(
            builder, loc, isTiny,
            arith::SubIOp::create(builder, loc, biased, c.integer(54)), biased))
        .value;
  };
  Value steps = arith::SubIOp::create(builder, loc, exponent(a), exponent(b));
  Number distance =
      c.wrap(arith::SIToFPOp::create(builder, loc, c.type, steps));
  // Up to 2098 steps: more than two powers of two hold.
  Number half = (distance * 0.5).floor();
  Number divisor = scale(scale(b, half), distance - half);
  Value count = arith::IndexCastOp::create(
      builder, loc, builder.getIndexType(),
      arith::AddIOp::create(builder, loc, steps, c.integer(1)));
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto loop = scf::ForOp::create(builder, loc, zero, count, one,
                                 ValueRange{a.value, divisor.value});
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(loop.getBody());
    Number rest = c.wrap(loop.getRegionIterArgs()[0]);
    Number part = c.wrap(loop.getRegionIterArgs()[1]);
    Number next = select(rest < part, rest, rest - part);
    scf::YieldOp::create(builder, loc,
                         ValueRange{next.value, (part * 0.5).value});
  }
  Number y1 = select(isTrivial, x, c.wrap(loop.getResult(0)).withSignOf(x));
  return select(isBad, std::numeric_limits<double>::quiet_NaN(), y1).value;
}

Value qc::expandRemainder(OpBuilder &builder, Location loc, Value lhs,
                          Value rhs) {
  Type type = lhs.getType();
  auto scalar = [&](Value x, Value y) -> Value {
    if (x.getType().isF64())
      return scalarRemainder(builder, loc, x, y);
    // Exact in f64, and a result of f32 operands is an f32.
    Type f64 = builder.getF64Type();
    Value wide = scalarRemainder(builder, loc,
                                 arith::ExtFOp::create(builder, loc, f64, x),
                                 arith::ExtFOp::create(builder, loc, f64, y));
    return arith::TruncFOp::create(builder, loc, x.getType(), wide);
  };
  auto vector = dyn_cast<VectorType>(type);
  if (!vector)
    return scalar(lhs, rhs);
  // The number of steps differs per lane.
  Value result =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(vector));
  for (int64_t lane = 0; lane < vector.getNumElements(); ++lane) {
    Value x = vector::ExtractOp::create(builder, loc, lhs, lane);
    Value y = vector::ExtractOp::create(builder, loc, rhs, lane);
    result = vector::InsertOp::create(builder, loc, scalar(x, y), result, lane);
  }
  return result;
}
