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
};

} // namespace

void WidenWeights::visit(OpOperand &weights) {
  auto type = cast<RankedTensorType>(weights.get().getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || element.getWidth() > 8 || element.getWidth() < 2 ||
      !isConstantCodes(weights.get()))
    return;
  if (int64_t bound = getWeightBound(weights.get()))
    weights.getOwner()->setAttr(
        weightBoundName, Builder(weights.getOwner()).getI64IntegerAttr(bound));
  if (element.getWidth() == 8)
    return;
  OpBuilder builder(weights.getOwner());
  weights.set(buildWidenedWeights(builder, weights.get()));
  ++numWidened;
}
