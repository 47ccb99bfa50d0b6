// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parallel loop of a loop-level kernel: see KernelLoop.h.

#include "KernelLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

FailureOr<KernelLoop> qc::getKernelLoop(func::FuncOp function) {
  SmallVector<scf::ParallelOp> loops(
      function.getBody().getOps<scf::ParallelOp>());
  if (loops.size() != 1)
    return function.emitOpError("must hold one scf.parallel, has ")
           << loops.size();
  KernelLoop loop;
  loop.parallel = loops.front();
  for (auto [lower, upper, step] : llvm::zip_equal(
           loop.parallel.getLowerBound(), loop.parallel.getUpperBound(),
           loop.parallel.getStep())) {
    std::optional<int64_t> extent = getConstantIntValue(upper);
    if (getConstantIntValue(lower) != 0 || getConstantIntValue(step) != 1 ||
        !extent || *extent < 0)
      return loop.parallel.emitOpError(
          "must run from 0 to a constant in steps of 1");
    loop.extents.push_back(*extent);
    if (llvm::MulOverflow(loop.total, *extent, loop.total))
      return loop.parallel.emitOpError(
          "has more iterations than 64 bits count");
  }
  return loop;
}

void qc::inlineLoopBody(OpBuilder &builder, const KernelLoop &loop,
                        Value position) {
  scf::ParallelOp parallel = loop.parallel;
  Location loc = parallel.getLoc();
  Block *body = parallel.getBody();
  for (int64_t dim = loop.extents.size() - 1; dim >= 0; --dim) {
    Value index = position;
    if (dim != 0) {
      Value size =
          arith::ConstantIndexOp::create(builder, loc, loop.extents[dim]);
      index = arith::RemUIOp::create(builder, loc, position, size);
      position = arith::DivUIOp::create(builder, loc, position, size);
    }
    body->getArgument(dim).replaceAllUsesWith(index);
  }
  body->getTerminator()->erase();
  builder.getInsertionBlock()->getOperations().splice(
      builder.getInsertionPoint(), body->getOperations());
  parallel.erase();
}
