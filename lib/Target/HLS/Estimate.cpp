// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts operators and loop iterations of a kernel. Integer widths are those
// that the values can have, not those of their types: the sum of products of
// 8-bit codes is 32 bits wide, its multiplier is not.
#include "Estimate.h"
#include "Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;

namespace qc::hls {

namespace {

class Estimator {
public:
  explicit Estimator(func::FuncOp kernel) : bounds(kernel) {
    kernel.getBody().walk([&](Operation *op) { countUnit(op); });
    estimate.iterations = countIterations(kernel.getBody());
  }

  Estimate estimate;

private:
  using Count = std::optional<uint64_t>;

  void countUnit(Operation *op);
  std::string describe(Value value) const;
  Count countIterations(Region &region) const;
  Count countIterations(Operation &op) const;
  /// The iterations of a loop whose body takes `body` cycles: its own if there
  /// is no loop inside.
  static Count multiply(Count trips, Count body) {
    if (!trips || !body)
      return std::nullopt;
    return llvm::SaturatingMultiply(*trips, std::max<uint64_t>(1, *body));
  }
  Count countTrips(Value lower, Value upper, Value step) const;

  IntegerBounds bounds;
};

} // namespace

/// The width of an operand: bits of the widest value, or the float type.
std::string Estimator::describe(Value value) const {
  if (value.getType().isF64())
    return "double";
  if (isa<FloatType>(value.getType()))
    return "float";
  std::optional<ConstantIntRanges> range = bounds.get(value);
  unsigned width = value.getType().getIntOrFloatBitWidth();
  if (range)
    width = std::max(range->smin().getSignificantBits(),
                     range->smax().getSignificantBits());
  return std::to_string(width);
}

void Estimator::countUnit(Operation *op) {
  bool multiplies = isa<arith::MulIOp, arith::MulFOp, math::FmaOp>(op);
  bool divides =
      isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp,
          arith::RemSIOp, arith::RemUIOp, math::SqrtOp>(op);
  if ((!multiplies && !divides) || op->getOperand(0).getType().isIndex())
    return;
  Value first = op->getOperand(0);
  Value second = op->getNumOperands() > 1 ? op->getOperand(1) : first;
  bool isFloat = isa<FloatType>(first.getType());
  // Products with constant integers are sums of shifts, as are quotients.
  if (!isFloat &&
      (matchPattern(first, m_Constant()) || matchPattern(second, m_Constant())))
    return;
  std::string units = describe(first);
  if (!isFloat)
    units += "x" + describe(second);
  ++(multiplies ? estimate.multipliers : estimate.dividers)[units];
}

Estimator::Count Estimator::countTrips(Value lower, Value upper,
                                       Value step) const {
  std::optional<ConstantIntRanges> from = bounds.get(lower);
  std::optional<ConstantIntRanges> to = bounds.get(upper);
  std::optional<ConstantIntRanges> by = bounds.get(step);
  if (!from || !to || !by || !by->smin().isStrictlyPositive())
    return std::nullopt;
  llvm::APInt distance = to->smax().sext(128) - from->smin().sext(128);
  if (!distance.isStrictlyPositive())
    return 0;
  llvm::APInt trips = llvm::APIntOps::RoundingUDiv(
      distance, by->smin().sext(128), llvm::APInt::Rounding::UP);
  // An extent of half the address space is no bound.
  if (trips.getActiveBits() > 62)
    return std::nullopt;
  return trips.getZExtValue();
}

Estimator::Count Estimator::countIterations(Operation &op) const {
  if (auto loop = dyn_cast<scf::ForOp>(op))
    return multiply(
        countTrips(loop.getLowerBound(), loop.getUpperBound(), loop.getStep()),
        countIterations(loop.getRegion()));
  if (auto loop = dyn_cast<scf::ParallelOp>(op)) {
    Count trips = 1;
    for (auto [lower, upper, step] : llvm::zip_equal(
             loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
      Count axis = countTrips(lower, upper, step);
      if (!axis || !trips)
        return std::nullopt;
      trips = llvm::SaturatingMultiply(*trips, *axis);
    }
    return multiply(trips, countIterations(loop.getRegion()));
  }
  if (isa<scf::WhileOp>(op))
    return std::nullopt;
  // The longer one of two branches.
  Count most = 0;
  for (Region &region : op.getRegions()) {
    Count count = countIterations(region);
    if (!count)
      return std::nullopt;
    most = std::max(*most, *count);
  }
  return most;
}

Estimator::Count Estimator::countIterations(Region &region) const {
  Count sum = 0;
  for (Operation &op : region.getOps()) {
    Count count = countIterations(op);
    if (!count)
      return std::nullopt;
    sum = llvm::SaturatingAdd(*sum, *count);
  }
  return sum;
}

Estimate estimateKernel(func::FuncOp kernel) {
  return Estimator(kernel).estimate;
}

} // namespace qc::hls
