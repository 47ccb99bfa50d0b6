// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives a loop-level kernel a share of its parallel iterations to run.

#include "../Common/KernelLoop.h"
#include "qc/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace qc {
#define GEN_PASS_DEF_PARALLELTORANGE
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

struct ParallelToRange : qc::impl::ParallelToRangeBase<ParallelToRange> {
  using ParallelToRangeBase::ParallelToRangeBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !function->hasAttr(numResultsAttrName))
      return;
    FailureOr<KernelLoop> kernel = getKernelLoop(function);
    if (failed(kernel))
      return signalPassFailure();

    OpBuilder builder(kernel->parallel);
    Location loc = kernel->parallel.getLoc();
    Type index = builder.getIndexType();
    unsigned count = function.getNumArguments();
    (void)function.insertArguments({count, count}, {index, index}, {{}, {}},
                                   {loc, loc});
    function->setAttr(extentAttrName, builder.getI64IntegerAttr(kernel->total));
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto loop = scf::ForOp::create(builder, loc, function.getArgument(count),
                                   function.getArgument(count + 1), one);
    builder.setInsertionPointToStart(loop.getBody());
    inlineLoopBody(builder, *kernel, loop.getInductionVar());
  }
};

} // namespace
