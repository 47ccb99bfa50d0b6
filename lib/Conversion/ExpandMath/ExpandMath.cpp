// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replaces what no target computes by one instruction.
//
// LLVM turns transcendentals, fmod, conversions of narrow floats and, on old
// CPUs, roundings into calls of library functions. Artefacts import nothing,
// and all targets shall compute the same bits, so such ops become arithmetic
// here, before the targets split.

#include "qc/Conversion/Passes.h"

#include "ElementaryFunctions.h"

#include "qc/Dialect/QC/IR/NarrowFloat.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace qc {
#define GEN_PASS_DEF_EXPANDMATH
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

static Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.clone(element);
  return element;
}

static FloatType getFloatElement(Type type) {
  return dyn_cast<FloatType>(getElementTypeOrSelf(type));
}

/// f64 to f32 such that a second rounding to a narrower type gives what one
/// rounding would: an inexact result gets an odd last bit (round to odd).
static Value truncateToOdd(OpBuilder &builder, Location loc, Value value) {
  Type single = withElement(value.getType(), builder.getF32Type());
  Type bitsType = withElement(value.getType(), builder.getI32Type());
  Value nearest = arith::TruncFOp::create(builder, loc, single, value);
  Value back = arith::ExtFOp::create(builder, loc, value.getType(), nearest);
  Value isInexact = arith::CmpFOp::create(
      builder, loc, arith::CmpFPredicate::ONE, back, value);
  Value isAway =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT,
                            math::AbsFOp::create(builder, loc, back),
                            math::AbsFOp::create(builder, loc, value));
  auto integer = [&](int32_t number) -> Value {
    TypedAttr attribute = builder.getI32IntegerAttr(number);
    if (auto vector = dyn_cast<VectorType>(bitsType))
      attribute = DenseElementsAttr::get(vector, Attribute(attribute));
    return arith::ConstantOp::create(builder, loc, attribute);
  };
  Value bits = arith::BitcastOp::create(builder, loc, bitsType, nearest);
  Value towardsZero = arith::SelectOp::create(
      builder, loc, isAway,
      arith::SubIOp::create(builder, loc, bits, integer(1)), bits);
  Value odd = arith::OrIOp::create(builder, loc, towardsZero, integer(1));
  bits = arith::SelectOp::create(builder, loc, isInexact, odd, bits);
  return arith::BitcastOp::create(builder, loc, single, bits);
}

/// arith.extf and arith.truncf from and to floats of 16 bits and less; f16 only
/// with `half`.
static Value expandConversion(OpBuilder &builder, Operation *op, bool half) {
  if (!isa<arith::ExtFOp, arith::TruncFOp>(op))
    return {};
  // F16C converts from and to f32 only.
  FloatType source = getFloatElement(op->getOperand(0).getType()),
            target = getFloatElement(op->getResult(0).getType());
  if (!half && ((source.isF32() && target.isF16()) ||
                (source.isF16() && target.isF32())))
    return {};
  Location loc = op->getLoc();
  Value value = op->getOperand(0);
  Type to = op->getResult(0).getType();
  FloatType fromElement = getFloatElement(value.getType()),
            toElement = getFloatElement(to);
  if (isNarrowFloat(fromElement)) {
    Type bits = withElement(value.getType(),
                            builder.getIntegerType(fromElement.getWidth()));
    Value code = arith::BitcastOp::create(builder, loc, bits, value);
    value = decodeNarrowFloat(builder, loc, code, fromElement);
    if (toElement.isF64())
      value = arith::ExtFOp::create(builder, loc, to, value);
    if (!isNarrowFloat(toElement))
      return value;
  } else if (!isNarrowFloat(toElement)) {
    return {};
  } else if (fromElement.isF64()) {
    value = truncateToOdd(builder, loc, value);
  }
  Value code = encodeNarrowFloat(builder, loc, value, toElement, false);
  Type bits = withElement(to, builder.getIntegerType(toElement.getWidth()));
  if (code.getType() != bits)
    code = arith::TruncIOp::create(builder, loc, bits, code);
  return arith::BitcastOp::create(builder, loc, to, code);
}

namespace {

struct ExpandMath : qc::impl::ExpandMathBase<ExpandMath> {
  using ExpandMathBase::ExpandMathBase;

  void runOnOperation() override {
    auto expand = [&](Operation *op) -> Value {
      OpBuilder builder(op);
      if (Value value = expandElementary(builder, op))
        return value;
      if (auto remainder = dyn_cast<arith::RemFOp>(op))
        return expandRemainder(builder, op->getLoc(), remainder.getLhs(),
                               remainder.getRhs());
      if (Value value = expandConversion(builder, op, half))
        return value;
      return rounding ? expandRounding(builder, op) : Value();
    };
    // Expansions of the first round hold roundings for the second.
    bool hasChanged = true;
    while (hasChanged) {
      hasChanged = false;
      SmallVector<Operation *> ops;
      getOperation()->walk([&](Operation *op) {
        if (isa<math::MathDialect, arith::ArithDialect>(op->getDialect()))
          ops.push_back(op);
      });
      for (Operation *op : ops)
        if (Value value = expand(op)) {
          op->getResult(0).replaceAllUsesWith(value);
          op->erase();
          ++numExpanded;
          hasChanged = true;
        }
    }
  }
};

} // namespace
