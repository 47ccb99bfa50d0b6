// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How weights of contractions lie in memory: see WeightPacking.h.

#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

int64_t qc::getPackedStep(Type element) {
  return isa<IntegerType>(element)
             ? packedDot * 8 / element.getIntOrFloatBitWidth()
             : 1;
}

LayoutAttr qc::getPackedWeights(RankedTensorType type, int64_t channelDim,
                                int64_t reductionDim, int64_t groups) {
  int64_t step = getPackedStep(type.getElementType());
  int64_t perGroup = type.getDimSize(channelDim) / groups;
  int64_t modulus = groups > 1 ? perGroup : 0;
  SmallVector<int64_t> dims, divisors, extents, moduli;
  auto add = [&](int64_t dim, int64_t divisor, int64_t extent,
                 int64_t within = 0) {
    dims.push_back(dim);
    divisors.push_back(divisor);
    extents.push_back(extent);
    moduli.push_back(within);
  };
  int64_t batch = std::min(channelDim, reductionDim);
  for (int64_t dim = 0; dim < batch; ++dim)
    add(dim, 1, type.getDimSize(dim));
  if (groups > 1)
    add(channelDim, perGroup, groups);
  add(channelDim, packedChannels, llvm::divideCeil(perGroup, packedChannels),
      modulus);
  for (int64_t dim = batch; dim < type.getRank(); ++dim)
    if (dim != channelDim && dim != reductionDim)
      add(dim, 1, type.getDimSize(dim));
  add(reductionDim, step,
      llvm::divideCeil(type.getDimSize(reductionDim), step));
  add(channelDim, 1, packedChannels, modulus);
  if (step > 1)
    add(reductionDim, 1, step);
  return LayoutAttr::get(type.getContext(), dims, divisors, extents, moduli, 0);
}

LayoutAttr qc::getPackedCodes(RankedTensorType type) {
  int64_t step = 8 / type.getElementTypeBitWidth();
  int64_t blocks = llvm::divideCeil(type.getDimSize(1), packedChannels);
  int64_t steps = llvm::divideCeil(type.getDimSize(0), step);
  return LayoutAttr::get(type.getContext(), {1, 0, 1, 0},
                         {packedChannels, step, 1, 1},
                         {blocks, steps, packedChannels, step});
}

LayoutAttr qc::getPackedScales(RankedTensorType type) {
  if (type.getRank() == 2)
    return getPackedWeights(type, 1, 0);
  int64_t blocks = llvm::divideCeil(type.getDimSize(0), packedChannels);
  return LayoutAttr::get(type.getContext(), {0, 0}, {packedChannels, 1},
                         {blocks, packedChannels});
}
