// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector loops of block ops whose iterations have lanes.

#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_SCHEDULEBLOCKS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Lanes of one parallel iteration where they divide all there are: a multiple
/// of those of every CPU.
constexpr int64_t groupLanes = 64;

class BlocksEmitter : KernelEmitter {
public:
  BlocksEmitter(KernelOp kernel, func::FuncOp function, BlockOpInterface root,
                int64_t lanes)
      : KernelEmitter(kernel, function), root(root), lanes(lanes) {}

  void emit();

private:
  void emitLanes(SmallVector<Value> iterations, Value first, int64_t count);

  BlockOpInterface root;
  int64_t lanes;
};

} // namespace

void BlocksEmitter::emit() {
  SmallVector<int64_t> extents = root.getParallelExtents();
  int64_t laneIteration = root.getLaneIteration(),
          extent = extents[laneIteration];
  // The partition is the same for all CPUs: where groups do not divide the
  // whole, one iteration works on all of it.
  int64_t group = extent % groupLanes == 0 ? groupLanes : extent;
  extents[laneIteration] = extent / group;
  SmallVector<Value> lower(extents.size(), constant(0)),
      step(extents.size(), constant(1)), upper;
  for (int64_t size : extents)
    upper.push_back(constant(size));
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPoint(parallel.getBody()->getTerminator());
  SmallVector<Value> iterations(parallel.getInductionVars());
  Value begin = scale(iterations[laneIteration], group);
  int64_t whole = group / lanes;
  if (whole > 0) {
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(whole),
                                   constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    emitLanes(iterations, add(begin, scale(loop.getInductionVar(), lanes)),
              lanes);
  }
  for (int64_t lane = whole * lanes; lane < group;) {
    int64_t count = llvm::bit_floor<uint64_t>(group - lane);
    emitLanes(iterations, add(begin, constant(lane)), count);
    lane += count;
  }
}

void BlocksEmitter::emitLanes(SmallVector<Value> iterations, Value first,
                              int64_t count) {
  iterations[root.getLaneIteration()] = first;
  evaluator.forget();
  evaluator.setLanes(first, count);
  emitBlockIteration(
      builder, evaluator, root, iterations,
      function.getArguments().drop_front(body.getNumArguments()));
  evaluator.setLanes({}, 1);
}

namespace {

struct ScheduleBlocks : qc::impl::ScheduleBlocksBase<ScheduleBlocks> {
  using ScheduleBlocksBase::ScheduleBlocksBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      Block &body = kernel.getBody().front();
      BlockOpInterface root = getBlockRoot(body);
      if (!root || root.getLaneIteration() < 0)
        continue;
      auto result = cast<RankedTensorType>(root->getResult(0).getType());
      int64_t dim = root.getLaneDim();
      if (!isLaneTransparent(body, dim, result.getRank(), root))
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      // The root's own arithmetic fills whole registers; wider elements behind
      // it take several.
      Type compute = getComputeType(result.getElementType());
      int64_t lanes = vectorBytes * 8 / compute.getIntOrFloatBitWidth();
      BlocksEmitter(kernel, function, root, lanes).emit();
      kernel.erase();
      ++numScheduled;
    }
  }
};

} // namespace
