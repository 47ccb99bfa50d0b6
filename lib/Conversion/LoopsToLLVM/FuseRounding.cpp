// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Converts rounded floats to integers in one instruction.

#include "qc/Conversion/Passes.h"

#include "mlir/Dialect/Math/IR/Math.h"

namespace qc {
#define GEN_PASS_DEF_FUSEROUNDING
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

struct FuseRounding : qc::impl::FuseRoundingBase<FuseRounding> {
  using FuseRoundingBase::FuseRoundingBase;

  void runOnOperation() override {
    getOperation().walk([](arith::FPToSIOp convert) {
      auto round = convert.getIn().getDefiningOp<math::RoundEvenOp>();
      Type type = convert.getType();
      if (!round || !getElementTypeOrSelf(round.getType()).isF32() ||
          !getElementTypeOrSelf(type).isInteger(32))
        return;
      OpBuilder builder(convert);
      Value rounded = LLVM::LrintOp::create(builder, convert.getLoc(), type,
                                            round.getOperand());
      convert.replaceAllUsesWith(rounded);
      convert.erase();
      if (round->use_empty())
        round.erase();
    });
  }
};

} // namespace
