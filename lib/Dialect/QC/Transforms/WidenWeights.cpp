// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unpacks constant weights of fewer than 8 bits for kernels that multiply
// bytes, and states the bound of small ones.
//
// A cast in front of the contraction is all: it is a kernel like any other, it
// writes its result in whatever layout the contraction wants, and as it reads
// constants alone it runs once per loaded model. Targets whose hardware is made
// for the program (HLS) multiply the narrow codes as they are.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_WIDENWEIGHTS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

struct WidenWeights : qc::impl::WidenWeightsBase<WidenWeights> {
  using WidenWeightsBase::WidenWeightsBase;

  void runOnOperation() override {
    getOperation().walk([&](Operation *op) {
      if (isa<ConvOp, MatMulOp>(op))
        visit(op->getOpOperand(1));
    });
  }

private:
  void visit(OpOperand &weights);
  void widen(OpOperand &weights);
};

} // namespace

/// Says on the op that reads them how large the weights are, if that is small.
static void stateBound(OpOperand &weights) {
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(weights.get());
  if (failed(codes))
    return;
  int64_t largest = 1;
  for (int64_t code : *codes)
    largest = std::max(largest, std::abs(code));
  // Few different bounds, so that kernels which are alike stay one.
  auto bound = static_cast<int64_t>(llvm::PowerOf2Ceil(largest));
  if (bound <= largestWeightBound)
    weights.getOwner()->setAttr(
        weightBoundName, Builder(weights.getOwner()).getI64IntegerAttr(bound));
}

void WidenWeights::visit(OpOperand &weights) {
  auto type = cast<RankedTensorType>(weights.get().getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || element.getWidth() > 8 || element.getWidth() < 2 ||
      !isConstantCodes(weights.get()))
    return;
  stateBound(weights);
  if (element.getWidth() < 8)
    widen(weights);
}

void WidenWeights::widen(OpOperand &weights) {
  auto type = cast<RankedTensorType>(weights.get().getType());
  OpBuilder builder(weights.getOwner());
  Type wide = builder.getIntegerType(8, /*isSigned=*/true);
  weights.set(CastOp::create(builder, weights.get().getLoc(), type.clone(wide),
                             weights.get(), wide, /*saturate=*/true,
                             PowerRoundingKind::Nearest));
  ++numWidened;
}
