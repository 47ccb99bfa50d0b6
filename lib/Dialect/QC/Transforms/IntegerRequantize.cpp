// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Accumulators and how they become codes: with one float multiplication, or
// with integers only where the module asks for that.

#include "ToInteger.h"

#include <cmath>

using namespace mlir;
using namespace qc;

IntegerType qc::getAccumulatorType(MLIRContext *context, double bound) {
  bool fits = bound <= double(std::numeric_limits<int32_t>::max());
  return IntegerType::get(context, fits ? 32 : 64, IntegerType::Signed);
}

namespace {
/// M and k of a factor M 2^-k.
struct FixedFactor {
  int64_t multiplier = 0, shift = 0;
};
} // namespace

/// |M| in [2^30, 2^31), rounded half to even, and k in [0, 62].
static FixedFactor getFixedFactor(double factor) {
  constexpr int64_t bits = 31, largestShift = 62;
  int exponent;
  double fraction = std::frexp(factor, &exponent); // |fraction| in [1/2, 1)
  auto multiplier =
      static_cast<int64_t>(std::nearbyint(std::ldexp(fraction, bits)));
  if (std::abs(multiplier) == int64_t(1) << bits) {
    multiplier /= 2;
    ++exponent;
  }
  int64_t shift = bits - exponent;
  // Below 2^-32 every product is less than one half.
  if (shift > largestShift)
    return {};
  // From 2^31 on all but 0 saturates: so it does with the largest factor.
  if (shift < 0)
    return {factor < 0 ? -std::numeric_limits<int32_t>::max()
                       : std::numeric_limits<int32_t>::max(),
            0};
  return {multiplier, shift};
}

Value qc::buildRequantize(OpBuilder &builder, Location loc, Value acc,
                          ArrayRef<float> factors, ArrayRef<double> exact,
                          int64_t axis, const Quantization &target) {
  Value zero = buildInteger(builder, loc, target.storage, target.zero());
  IntegerType si32 =
      IntegerType::get(builder.getContext(), 32, IntegerType::Signed);
  if (!usesFixedRequantization(acc.getDefiningOp()) ||
      typeOf(acc).getElementType() != si32)
    return RequantizeOp::create(builder, loc, acc,
                                buildFloats(builder, loc, factors), zero, axis);
  SmallVector<int64_t> multipliers, shifts, shape;
  for (double factor : exact) {
    FixedFactor fixed = getFixedFactor(factor);
    multipliers.push_back(fixed.multiplier);
    shifts.push_back(fixed.shift);
  }
  if (exact.size() != 1)
    shape.push_back(static_cast<int64_t>(exact.size()));
  return RequantizeFixedOp::create(
      builder, loc, acc,
      buildConstant(builder, loc, getIntegersAttr(si32, shape, multipliers)),
      buildConstant(builder, loc, getIntegersAttr(si32, shape, shifts)), zero,
      axis);
}
