// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Unpacks constant weights of fewer than 8 bits for kernels that multiply
// bytes.
//
// A cast in front of the contraction is all: it is a kernel like any other, it
// writes its result in whatever layout the contraction wants, and as it reads
// constants alone it runs once per loaded model. Targets whose hardware is made
// for the program (HLS) multiply the narrow codes as they are.

#include "qc/Dialect/QC/IR/QCDialect.h"
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
        widen(op->getOpOperand(1));
    });
  }

private:
  void widen(OpOperand &weights);
};

} // namespace

void WidenWeights::widen(OpOperand &weights) {
  auto type = cast<RankedTensorType>(weights.get().getType());
  auto element = dyn_cast<IntegerType>(type.getElementType());
  if (!element || element.getWidth() >= 8 || element.getWidth() < 2 ||
      !isConstantCodes(weights.get()))
    return;
  OpBuilder builder(weights.getOwner());
  Type wide = builder.getIntegerType(8, /*isSigned=*/true);
  weights.set(CastOp::create(builder, weights.get().getLoc(), type.clone(wide),
                             weights.get(), wide, /*saturate=*/true,
                             PowerRoundingKind::Nearest));
  ++numWidened;
}
