// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ expressions of arith and math operations. Where a plain C++ operator has
// the same result for every operand that can occur, it is printed; else the
// exact function of qc_hls.h. Bounds from the integer range analysis make most
// index arithmetic plain.
#include "Expressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::APInt;

namespace qc::hls {

/// Storage bits of an integer or index type.
static unsigned getWidth(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

namespace {

/// Builds the expression of one operation.
class ExpressionBuilder {
public:
  ExpressionBuilder(Operation *op, ArrayRef<Expression> operands,
                    const IntegerBounds &bounds)
      : op(op), operands(operands), bounds(bounds) {}

  std::optional<Expression> build();

private:
  Expression call(StringRef function, ArrayRef<unsigned> indices) const {
    std::string text = (function + "(").str();
    llvm::ListSeparator separator;
    for (unsigned index : indices)
      text += StringRef(separator).str() + operands[index].text;
    return {text + ")"};
  }
  Expression unaryCall(StringRef function) const { return call(function, {0}); }
  Expression binaryCall(StringRef function) const {
    return call(function, {0, 1});
  }
  /// A call of an exact integer function: qc::NAME<WIDTH>(operands).
  Expression integerCall(StringRef name) const {
    SmallVector<unsigned> indices =
        llvm::to_vector(llvm::seq<unsigned>(0, operands.size()));
    return call(llvm::formatv("qc::{0}<{1}>", name,
                              getWidth(op->getOperand(0).getType()))
                    .str(),
                indices);
  }
  /// A conversion to a C++ scalar type, written like a call.
  Expression convert(StringRef type, const Expression &value) const {
    return {(type + "(" + value.text + ")").str()};
  }

  /// `a OP b`. Where the result may need 64 bits and the text of both operands
  /// may be of type `int`, the first operand is widened.
  Expression infix(StringRef symbol) const {
    Precedence precedence =
        llvm::StringSwitch<Precedence>(symbol)
            .Cases({"*", "/", "%"}, Precedence::Multiplicative)
            .Cases({"+", "-"}, Precedence::Additive)
            .Default(Precedence::Other);
    std::string left = operands[0].operand(precedence);
    Value result = op->getResult(0);
    bool isWide = result.getType().isInteger(64) ||
                  (result.getType().isIndex() && !bounds.fitsInInt(result));
    if (isWide && mayBeInt(op->getOperand(0)) && mayBeInt(op->getOperand(1)))
      left = convert("int64_t", operands[0]).text;
    std::string right = operands[1].operand(precedence, /*isRight=*/true);
    // `a + -1` reads better as a difference.
    if (symbol == "+" && right[0] == '-' &&
        matchPattern(op->getOperand(1), m_Constant()))
      return {left + " - " + right.substr(1), precedence};
    return {left + " " + symbol.str() + " " + right, precedence};
  }
  /// `condition ? first : second`.
  static Expression conditional(const Expression &condition,
                                const std::string &first,
                                const std::string &second) {
    return {condition.operand() + " ? " + first + " : " + second,
            Precedence::Other};
  }
  Expression select() const {
    return conditional(operands[0], operands[1].operand(Precedence::Other),
                       operands[2].operand(Precedence::Other));
  }
  /// True if the C++ text of a 64-bit value may have type `int`: small index
  /// values, literals, and selections between literals.
  bool mayBeInt(Value value) const {
    return (value.getType().isIndex() && bounds.fitsInInt(value)) ||
           isa_and_nonnull<arith::ConstantOp, arith::SelectOp, arith::ExtSIOp>(
               value.getDefiningOp());
  }

  bool operandsNonNegative() const {
    return bounds.isNonNegative(op->getOperand(0)) &&
           bounds.isNonNegative(op->getOperand(1));
  }

  /// True if the exact result of combining the operands' bounds cannot leave
  /// the signed type, so that the C++ operator is defined and exact.
  bool cannotOverflow(
      llvm::function_ref<APInt(const APInt &, const APInt &)> combine) const;
  Expression arithmetic(
      StringRef symbol, StringRef name,
      llvm::function_ref<APInt(const APInt &, const APInt &)> combine) const {
    return cannotOverflow(combine) ? infix(symbol) : integerCall(name);
  }
  Expression division(StringRef symbol, StringRef name, bool isSigned) const;
  Expression shiftRight(StringRef name, bool isSigned) const;
  Expression compareIntegers(arith::CmpIOp compare) const;
  std::optional<Expression> compareFloats(arith::CmpFOp compare) const;
  std::optional<Expression> constant(arith::ConstantOp constantOp) const;
  Expression extendInteger(bool isSigned) const;
  Expression truncateInteger(Type resultType) const;
  Expression floatToInteger(StringRef name) const;
  std::optional<Expression> indexCast(bool isSigned) const;
  std::optional<Expression> bitcast() const;

  /// f16 and bf16 have only the forms that `buildHalf` lists; the legalize
  /// pass rewrites the rest.
  std::optional<Expression> buildHalf();

  Operation *op;
  ArrayRef<Expression> operands;
  const IntegerBounds &bounds;
};

} // namespace

bool ExpressionBuilder::cannotOverflow(
    llvm::function_ref<APInt(const APInt &, const APInt &)> combine) const {
  std::optional<ConstantIntRanges> left = bounds.get(op->getOperand(0));
  std::optional<ConstantIntRanges> right = bounds.get(op->getOperand(1));
  unsigned width = getWidth(op->getOperand(0).getType());
  if (!left || !right || width < 8)
    return false;
  // The extremes of sums, differences and products of intervals lie at corners.
  for (const APInt &a : {left->smin(), left->smax()})
    for (const APInt &b : {right->smin(), right->smax()})
      if (combine(a.sext(2 * width), b.sext(2 * width)).getSignificantBits() >
          width)
        return false;
  return true;
}

/// Plain division is exact if the divisor is never 0 and, signed, the quotient
/// never overflows; unsigned, if both operands are non-negative.
Expression ExpressionBuilder::division(StringRef symbol, StringRef name,
                                       bool isSigned) const {
  std::optional<ConstantIntRanges> divisor = bounds.get(op->getOperand(1));
  bool plain = divisor && divisor->smin().isStrictlyPositive() &&
               (isSigned || bounds.isNonNegative(op->getOperand(0)));
  return plain ? infix(symbol) : integerCall(name);
}

Expression ExpressionBuilder::shiftRight(StringRef name, bool isSigned) const {
  std::optional<ConstantIntRanges> amount = bounds.get(op->getOperand(1));
  unsigned width = getWidth(op->getOperand(0).getType());
  // An index may be `int`, for which 32 and more is too much.
  unsigned limit = op->getOperand(0).getType().isIndex() ? 32 : width;
  bool plain = amount && amount->umax().ult(limit) &&
               (isSigned || bounds.isNonNegative(op->getOperand(0)));
  return plain ? infix(">>") : integerCall(name);
}

Expression ExpressionBuilder::compareIntegers(arith::CmpIOp compare) const {
  using Predicate = arith::CmpIPredicate;
  auto ordered = [&](StringRef symbol, bool isSigned) -> Expression {
    if (isSigned || operandsNonNegative())
      return infix(symbol);
    // Against a non-negative number, the usual test of an index.
    const std::string &left = operands[0].text;
    if (bounds.isNonNegative(compare.getRhs()) &&
        operands[0].precedence == Precedence::Primary && left.size() <= 16)
      return {left + (symbol[0] == '<' ? " >= 0 && " : " < 0 || ") +
                  infix(symbol).text,
              Precedence::Other};
    std::string function =
        llvm::formatv("qc::bits<{0}>", getWidth(compare.getLhs().getType()));
    return {call(function, {0}).text + " " + symbol.str() + " " +
                call(function, {1}).text,
            Precedence::Other};
  };
  switch (compare.getPredicate()) {
  case Predicate::eq:
    return infix("==");
  case Predicate::ne:
    return infix("!=");
  case Predicate::slt:
    return ordered("<", true);
  case Predicate::sle:
    return ordered("<=", true);
  case Predicate::sgt:
    return ordered(">", true);
  case Predicate::sge:
    return ordered(">=", true);
  case Predicate::ult:
    return ordered("<", false);
  case Predicate::ule:
    return ordered("<=", false);
  case Predicate::ugt:
    return ordered(">", false);
  case Predicate::uge:
    return ordered(">=", false);
  }
  llvm_unreachable("the verifier admits no other predicate");
}

/// C++ comparisons are the ordered ones, but for `!=`, which is unordered. The
/// others are negations of their opposite.
std::optional<Expression>
ExpressionBuilder::compareFloats(arith::CmpFOp compare) const {
  using Predicate = arith::CmpFPredicate;
  std::string a = operands[0].operand(), b = operands[1].operand();
  bool isSame = compare.getLhs() == compare.getRhs();
  std::string ordered = a + " == " + a;
  if (!isSame)
    ordered += " && " + b + " == " + b;
  std::string different = a + " < " + b + " || " + a + " > " + b;
  auto negated = [&](StringRef symbol) {
    return Expression{"!(" + infix(symbol).text + ")"};
  };
  switch (compare.getPredicate()) {
  case Predicate::AlwaysFalse:
  case Predicate::AlwaysTrue:
    // A constant; the legalize pass makes it one.
    return std::nullopt;
  case Predicate::OEQ:
    return infix("==");
  case Predicate::OGT:
    return infix(">");
  case Predicate::OGE:
    return infix(">=");
  case Predicate::OLT:
    return infix("<");
  case Predicate::OLE:
    return infix("<=");
  case Predicate::ONE:
    return Expression{different, Precedence::Other};
  case Predicate::ORD:
    return Expression{ordered, Precedence::Other};
  case Predicate::UEQ:
    return Expression{"!(" + different + ")"};
  case Predicate::UGT:
    return negated("<=");
  case Predicate::UGE:
    return negated("<");
  case Predicate::ULT:
    return negated(">=");
  case Predicate::ULE:
    return negated(">");
  case Predicate::UNE:
    return infix("!=");
  case Predicate::UNO:
    return isSame ? infix("!=") : Expression{"!(" + ordered + ")"};
  }
  llvm_unreachable("the verifier admits no other predicate");
}

std::optional<Expression>
ExpressionBuilder::constant(arith::ConstantOp constantOp) const {
  if (auto integer = dyn_cast<IntegerAttr>(constantOp.getValue())) {
    std::string text = getIntegerLiteral(integer.getValue());
    return Expression{text,
                      text[0] == '-' ? Precedence::Unary : Precedence::Primary};
  }
  if (auto number = dyn_cast<FloatAttr>(constantOp.getValue())) {
    std::string text = getFloatLiteral(number.getValue());
    return Expression{text,
                      text[0] == '-' ? Precedence::Unary : Precedence::Primary};
  }
  return std::nullopt;
}

Expression ExpressionBuilder::extendInteger(bool isSigned) const {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  std::string target = *getScalarType(to);
  if (from.isInteger(1) && isSigned)
    return conditional(operands[0], "-1", "0");
  if (isSigned || from.isInteger(1) || bounds.isNonNegative(op->getOperand(0)))
    return convert(target, operands[0]);
  return unaryCall(
      llvm::formatv("qc::zero_extend<{0}, {1}>", getWidth(from), getWidth(to))
          .str());
}

Expression ExpressionBuilder::truncateInteger(Type resultType) const {
  if (resultType.isInteger(1))
    return {"(" + operands[0].operand() + " & 1) != 0", Precedence::Other};
  return unaryCall(
      llvm::formatv("qc::truncate<{0}>", getWidth(resultType)).str());
}

/// Conversion to i1 keeps the lowest bit, as truncation does.
Expression ExpressionBuilder::floatToInteger(StringRef name) const {
  unsigned width = getWidth(op->getResult(0).getType());
  Expression result = unaryCall(
      llvm::formatv("qc::{0}<{1}>", name, std::max(width, 32u)).str());
  if (width == 1)
    return {"(" + result.text + " & 1) != 0", Precedence::Other};
  return unaryCall(llvm::formatv("qc::{0}<{1}>", name, width).str());
}

/// Between index (64 bits) and integers: truncation or extension.
std::optional<Expression> ExpressionBuilder::indexCast(bool isSigned) const {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  unsigned fromWidth = getWidth(from), toWidth = getWidth(to);
  if (toWidth < fromWidth) {
    std::optional<ConstantIntRanges> range = bounds.get(op->getOperand(0));
    if (toWidth > 1 && range && range->smin().getSignificantBits() <= toWidth &&
        range->smax().getSignificantBits() <= toWidth)
      return convert(*getScalarType(to), operands[0]);
    return truncateInteger(to);
  }
  if (to.isIndex() && bounds.fitsInInt(op->getResult(0)) &&
      (isSigned || bounds.isNonNegative(op->getOperand(0))) &&
      !from.isInteger(1))
    return convert("int", operands[0]);
  // Both have 64 bits: only the text may be narrower.
  if (fromWidth == toWidth && !mayBeInt(op->getOperand(0)))
    return operands[0];
  if (fromWidth == toWidth)
    return convert("int64_t", operands[0]);
  return extendInteger(isSigned);
}

std::optional<Expression> ExpressionBuilder::bitcast() const {
  Type from = op->getOperand(0).getType(), to = op->getResult(0).getType();
  if (from == to)
    return operands[0];
  auto hasOwnSize = [](Type type) {
    return !type.isInteger() ||
           llvm::is_contained({8u, 16u, 32u, 64u},
                              type.getIntOrFloatBitWidth());
  };
  if (!hasOwnSize(from) || !hasOwnSize(to))
    return std::nullopt;
  return unaryCall(llvm::formatv("qc::bit_cast<{0}, {1}>", *getScalarType(to),
                                 *getScalarType(from))
                       .str());
}

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

std::optional<Expression> ExpressionBuilder::buildHalf() {
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case([&](arith::ConstantOp constantOp) { return constant(constantOp); })
      .Case([&](arith::BitcastOp) { return bitcast(); })
      .Case([&](arith::NegFOp) { return unaryCall("qc::negate"); })
      .Case([&](arith::SelectOp) { return select(); })
      .Case([&](arith::ExtFOp) -> Expression {
        Expression single = unaryCall("qc::to_float");
        return op->getResult(0).getType().isF64() ? convert("double", single)
                                                  : single;
      })
      .Case([&](arith::TruncFOp truncate) -> std::optional<Expression> {
        if (truncate.getRoundingmode().value_or(
                arith::RoundingMode::to_nearest_even) !=
                arith::RoundingMode::to_nearest_even ||
            isHalf(truncate.getIn().getType()))
          return std::nullopt;
        return unaryCall(truncate.getType().isF16() ? "qc::to_f16"
                                                    : "qc::to_bf16");
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<Expression> ExpressionBuilder::build() {
  if (op->getNumResults() != 1 || op->getNumRegions() != 0)
    return std::nullopt;
  auto hasScalarType = [](Type type) {
    return getScalarType(type).has_value();
  };
  if (!llvm::all_of(op->getOperandTypes(), hasScalarType) ||
      !llvm::all_of(op->getResultTypes(), hasScalarType))
    return std::nullopt;
  if (llvm::any_of(op->getOperandTypes(), isHalf) ||
      llvm::any_of(op->getResultTypes(), isHalf))
    return buildHalf();
  // i1 prints as bool, whose C++ arithmetic is that of int: only logic,
  // equality, selection and casts have a direct form.
  bool isBoolean =
      op->getNumOperands() > 0 && op->getOperand(0).getType().isInteger(1);
  if (isBoolean) {
    auto compare = dyn_cast<arith::CmpIOp>(op);
    bool isEquality =
        compare && (compare.getPredicate() == arith::CmpIPredicate::eq ||
                    compare.getPredicate() == arith::CmpIPredicate::ne);
    if (!isEquality &&
        !isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::SelectOp,
             arith::ExtSIOp, arith::ExtUIOp, arith::IndexCastOp,
             arith::IndexCastUIOp, arith::UIToFPOp, arith::SIToFPOp>(op))
      return std::nullopt;
  }

  std::string resultType = *getScalarType(op->getResult(0).getType());
  return llvm::TypeSwitch<Operation *, std::optional<Expression>>(op)
      .Case([&](arith::ConstantOp constantOp) { return constant(constantOp); })
      // Integers.
      .Case([&](arith::AddIOp) {
        return arithmetic("+", "add", std::plus<APInt>());
      })
      .Case([&](arith::SubIOp) {
        return arithmetic("-", "sub", std::minus<APInt>());
      })
      .Case([&](arith::MulIOp) {
        return arithmetic("*", "mul", std::multiplies<APInt>());
      })
      .Case([&](arith::DivSIOp) { return division("/", "div_signed", true); })
      .Case(
          [&](arith::DivUIOp) { return division("/", "div_unsigned", false); })
      .Case([&](arith::RemSIOp) { return division("%", "rem_signed", true); })
      .Case(
          [&](arith::RemUIOp) { return division("%", "rem_unsigned", false); })
      .Case([&](arith::FloorDivSIOp) -> Expression {
        // Rounding down is rounding toward zero for non-negative operands.
        return bounds.isNonNegative(op->getOperand(0))
                   ? division("/", "floor_div_signed", true)
                   : integerCall("floor_div_signed");
      })
      .Case([&](arith::CeilDivSIOp) { return integerCall("ceil_div_signed"); })
      .Case(
          [&](arith::CeilDivUIOp) { return integerCall("ceil_div_unsigned"); })
      .Case([&](arith::AndIOp) { return infix(isBoolean ? "&&" : "&"); })
      .Case([&](arith::OrIOp) { return infix(isBoolean ? "||" : "|"); })
      .Case([&](arith::XOrIOp) -> Expression {
        if (isBoolean && matchPattern(op->getOperand(1), m_One()))
          return {"!" + operands[0].operand(), Precedence::Unary};
        return infix(isBoolean ? "!=" : "^");
      })
      .Case([&](arith::ShLIOp) { return integerCall("shift_left"); })
      .Case([&](arith::ShRSIOp) {
        return shiftRight("shift_right_signed", true);
      })
      .Case([&](arith::ShRUIOp) {
        return shiftRight("shift_right_unsigned", false);
      })
      .Case([&](arith::MinSIOp) { return integerCall("min_signed"); })
      .Case([&](arith::MaxSIOp) { return integerCall("max_signed"); })
      .Case([&](arith::MinUIOp) { return integerCall("min_unsigned"); })
      .Case([&](arith::MaxUIOp) { return integerCall("max_unsigned"); })
      .Case([&](math::AbsIOp) { return integerCall("absolute"); })
      .Case([&](math::CountLeadingZerosOp) {
        return integerCall("count_leading_zeros");
      })
      .Case([&](math::CountTrailingZerosOp) {
        return integerCall("count_trailing_zeros");
      })
      .Case([&](math::CtPopOp) { return integerCall("count_ones"); })
      .Case([&](arith::CmpIOp compare) { return compareIntegers(compare); })
      .Case([&](arith::SelectOp) { return select(); })
      // Conversions.
      .Case([&](arith::ExtSIOp) { return extendInteger(true); })
      .Case([&](arith::ExtUIOp) { return extendInteger(false); })
      .Case([&](arith::TruncIOp) {
        return truncateInteger(op->getResult(0).getType());
      })
      .Case([&](arith::IndexCastOp) { return indexCast(true); })
      .Case([&](arith::IndexCastUIOp) { return indexCast(false); })
      .Case([&](arith::SIToFPOp) -> Expression {
        if (op->getOperand(0).getType().isInteger(1))
          return resultType == "float"
                     ? conditional(operands[0], "-1.0f", "0.0f")
                     : conditional(operands[0], "-1.0", "0.0");
        return convert(resultType, operands[0]);
      })
      .Case([&](arith::UIToFPOp) {
        Type from = op->getOperand(0).getType();
        if (from.isInteger(1) || bounds.isNonNegative(op->getOperand(0)))
          return convert(resultType, operands[0]);
        return convert(
            resultType,
            unaryCall(llvm::formatv("qc::bits<{0}>", getWidth(from)).str()));
      })
      .Case([&](arith::FPToSIOp) { return floatToInteger("to_signed"); })
      .Case([&](arith::FPToUIOp) { return floatToInteger("to_unsigned"); })
      .Case([&](arith::BitcastOp) { return bitcast(); })
      .Case([&](arith::ExtFOp) { return convert(resultType, operands[0]); })
      .Case([&](arith::TruncFOp truncate) -> std::optional<Expression> {
        if (truncate.getRoundingmode().value_or(
                arith::RoundingMode::to_nearest_even) !=
            arith::RoundingMode::to_nearest_even)
          return std::nullopt;
        return convert(resultType, operands[0]);
      })
      // Floating point.
      .Case([&](arith::AddFOp) { return infix("+"); })
      .Case([&](arith::SubFOp) { return infix("-"); })
      .Case([&](arith::MulFOp) { return infix("*"); })
      .Case([&](arith::DivFOp) { return infix("/"); })
      .Case([&](arith::RemFOp) { return binaryCall("std::fmod"); })
      .Case([&](arith::NegFOp) {
        return Expression{"-" + operands[0].operand(), Precedence::Unary};
      })
      .Case([&](arith::CmpFOp compare) { return compareFloats(compare); })
      .Case([&](arith::MaximumFOp) { return binaryCall("qc::maximum"); })
      .Case([&](arith::MinimumFOp) { return binaryCall("qc::minimum"); })
      .Case([&](arith::MaxNumFOp) { return binaryCall("qc::maximum_number"); })
      .Case([&](arith::MinNumFOp) { return binaryCall("qc::minimum_number"); })
      .Case([&](math::AbsFOp) { return unaryCall("std::fabs"); })
      .Case([&](math::FloorOp) { return unaryCall("std::floor"); })
      .Case([&](math::CeilOp) { return unaryCall("std::ceil"); })
      .Case([&](math::TruncOp) { return unaryCall("std::trunc"); })
      .Case([&](math::RoundOp) { return unaryCall("std::round"); })
      .Case([&](math::RoundEvenOp) { return unaryCall("qc::round_half_even"); })
      .Case([&](math::SqrtOp) { return unaryCall("std::sqrt"); })
      .Case([&](math::CopySignOp) { return binaryCall("std::copysign"); })
      .Case([&](math::FmaOp) { return call("std::fma", {0, 1, 2}); })
      .Case([&](math::IsNaNOp) { return unaryCall("std::isnan"); })
      .Case([&](math::IsInfOp) { return unaryCall("std::isinf"); })
      .Case([&](math::IsFiniteOp) { return unaryCall("std::isfinite"); })
      .Case([&](math::IsNormalOp) { return unaryCall("std::isnormal"); })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<Expression> buildExpression(Operation *op,
                                          ArrayRef<Expression> operands,
                                          const IntegerBounds &bounds) {
  return ExpressionBuilder(op, operands, bounds).build();
}

} // namespace qc::hls
