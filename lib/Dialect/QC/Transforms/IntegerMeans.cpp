// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Means of codes: the sum is exact in 32 bits, and one multiplication gives the
// quotient in units of the output's scale.

#include "ToInteger.h"

using namespace mlir;
using namespace qc;

Value qc::buildMean(IRRewriter &rewriter, QuantizeOp op,
                    const Quantization &target) {
  Operation *mean = op.getX().getDefiningOp();
  if (!mean)
    return {};
  SmallVector<int64_t> axes;
  if (auto reduce = dyn_cast<ReduceOp>(mean)) {
    if (reduce.getKind() != ReduceKind::Mean)
      return {};
    axes.assign(reduce.getAxes().begin(), reduce.getAxes().end());
  } else if (auto pool = dyn_cast<AveragePoolOp>(mean)) {
    // One window over everything is a mean.
    ArrayRef<int64_t> spatial = typeOf(pool.getX()).getShape().drop_front(2);
    if (pool.getKernel() != spatial ||
        llvm::any_of(pool.getPads(), [](int64_t pad) { return pad != 0; }) ||
        llvm::any_of(pool.getDilations(), [](int64_t d) { return d != 1; }))
      return {};
    for (size_t dim = 0; dim < spatial.size(); ++dim)
      axes.push_back(2 + dim);
  } else {
    return {};
  }
  auto dequantize = mean->getOperand(0).getDefiningOp<DequantizeOp>();
  if (!dequantize)
    return {};
  FailureOr<Quantization> source = getQuantization(dequantize);
  if (failed(source) || !source->isPerTensor() ||
      source->storage.getWidth() > 16)
    return {};
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= typeOf(dequantize.getQ()).getDimSize(axis);
  double magnitude = std::max(largestMagnitude(*source, 0),
                              std::max(std::abs(double(source->smallest())),
                                       std::abs(double(source->largest()))));
  if (count == 0)
    return {};
  Location loc = mean->getLoc();
  IntegerType sums = getAccumulatorType(op.getContext(), count * magnitude);
  Value sum = ReduceOp::create(rewriter, loc, dequantize.getQ(),
                               ReduceKind::Sum, axes, TypeAttr::get(sums));
  if (source->zero() != 0)
    sum = SubOp::create(
        rewriter, loc, sum,
        buildInteger(rewriter, loc, sums, count * source->zero()));
  float factor = source->scale() / (target.scale() * static_cast<float>(count));
  double exact =
      double(source->scale()) / (double(target.scale()) * double(count));
  return buildRequantize(rewriter, op.getLoc(), sum, factor, exact, 0, target);
}
