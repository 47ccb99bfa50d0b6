// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives a loop-level kernel a share of its parallel iterations to run.

#include "qc/Conversion/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

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
    SmallVector<scf::ParallelOp> loops(
        function.getBody().getOps<scf::ParallelOp>());
    if (loops.size() != 1) {
      function.emitOpError("must hold one scf.parallel, has ") << loops.size();
      return signalPassFailure();
    }
    scf::ParallelOp parallel = loops.front();
    SmallVector<int64_t> extents;
    int64_t total = 1;
    for (auto [lower, upper, step] :
         llvm::zip_equal(parallel.getLowerBound(), parallel.getUpperBound(),
                         parallel.getStep())) {
      std::optional<int64_t> extent = getConstantIntValue(upper);
      if (getConstantIntValue(lower) != 0 || getConstantIntValue(step) != 1 ||
          !extent) {
        parallel.emitOpError("must run from 0 to a constant in steps of 1");
        return signalPassFailure();
      }
      extents.push_back(*extent);
      total *= *extent;
    }

    OpBuilder builder(parallel);
    Location loc = parallel.getLoc();
    Type index = builder.getIndexType();
    unsigned count = function.getNumArguments();
    (void)function.insertArguments({count, count}, {index, index}, {{}, {}},
                                   {loc, loc});
    function->setAttr(extentAttrName, builder.getI64IntegerAttr(total));
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    auto loop = scf::ForOp::create(builder, loc, function.getArgument(count),
                                   function.getArgument(count + 1), one);
    builder.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> indices(extents.size());
    Value position = loop.getInductionVar();
    for (int64_t dim = extents.size() - 1; dim >= 0; --dim) {
      Value size = arith::ConstantIndexOp::create(builder, loc, extents[dim]);
      indices[dim] = dim == 0
                         ? position
                         : arith::RemUIOp::create(builder, loc, position, size);
      if (dim != 0)
        position = arith::DivUIOp::create(builder, loc, position, size);
    }
    Block *body = parallel.getBody();
    body->getTerminator()->erase();
    loop.getBody()->getTerminator()->erase();
    builder.setInsertionPointToEnd(loop.getBody());
    for (auto [argument, value] :
         llvm::zip_equal(body->getArguments(), indices))
      argument.replaceAllUsesWith(value);
    loop.getBody()->getOperations().splice(loop.getBody()->end(),
                                           body->getOperations());
    scf::YieldOp::create(builder, loc);
    parallel.erase();
  }
};

} // namespace
