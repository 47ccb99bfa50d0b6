// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets each thread of a one-dimensional grid compute one parallel iteration of
// a loop-level kernel.

#include "../Common/KernelLoop.h"
#include "qc/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

namespace qc {
#define GEN_PASS_DEF_PARALLELTOTHREADS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Threads of the largest block.
constexpr int64_t maxBlockSize = 1024;

/// The thread's position in the grid. Where every position fits into 31 bits
/// it is computed in 32, so that divisions by extents can stay that narrow.
Value getThreadPosition(OpBuilder &builder, Location loc, int64_t extent) {
  Type i32 = builder.getI32Type();
  Value block = NVVM::BlockIdXOp::create(builder, loc, i32);
  Value blockSize = NVVM::BlockDimXOp::create(builder, loc, i32);
  Value thread = NVVM::ThreadIdXOp::create(builder, loc, i32);
  if (extent > std::numeric_limits<int32_t>::max() - maxBlockSize) {
    Type i64 = builder.getI64Type();
    block = arith::ExtUIOp::create(builder, loc, i64, block);
    blockSize = arith::ExtUIOp::create(builder, loc, i64, blockSize);
    thread = arith::ExtUIOp::create(builder, loc, i64, thread);
  }
  auto noWrap =
      arith::IntegerOverflowFlags::nsw | arith::IntegerOverflowFlags::nuw;
  Value first = arith::MulIOp::create(builder, loc, block, blockSize, noWrap);
  return arith::AddIOp::create(builder, loc, first, thread, noWrap);
}

struct ParallelToThreads : qc::impl::ParallelToThreadsBase<ParallelToThreads> {
  using ParallelToThreadsBase::ParallelToThreadsBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || !function->hasAttr(numResultsAttrName))
      return;
    FailureOr<KernelLoop> kernel = getKernelLoop(function);
    if (failed(kernel) || failed(hoistScratch(function)))
      return signalPassFailure();

    OpBuilder builder(kernel->parallel);
    Location loc = kernel->parallel.getLoc();
    function->setAttr(extentAttrName, builder.getI64IntegerAttr(kernel->total));
    Value position = getThreadPosition(builder, loc, kernel->total);
    Value extent = arith::ConstantOp::create(
        builder, loc,
        builder.getIntegerAttr(position.getType(), kernel->total));
    Value isInside = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::ult, position, extent);
    auto guard = scf::IfOp::create(builder, loc, isInside, false);
    builder.setInsertionPointToStart(guard.thenBlock());
    Value index = arith::IndexCastUIOp::create(
        builder, loc, builder.getIndexType(), position);
    inlineLoopBody(builder, *kernel, index);
  }

private:
  /// Moves private scratch to the function's entry, where LLVM gives it a fixed
  /// place in local memory instead of a growing stack.
  LogicalResult hoistScratch(func::FuncOp function) {
    int64_t bytes = 0;
    Block &entry = function.getBody().front();
    WalkResult result = function.walk([&](memref::AllocaOp scratch) {
      MemRefType type = scratch.getType();
      if (!type.hasStaticShape() || !type.getElementType().isIntOrFloat()) {
        scratch.emitOpError("must be scratch of a static size in integers or "
                            "floats");
        return WalkResult::interrupt();
      }
      bytes += type.getNumElements() *
               llvm::divideCeil(type.getElementTypeBitWidth(), 8);
      scratch->moveBefore(&entry, entry.begin());
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      return failure();
    if (bytes > maxScratchBytes)
      return function.emitOpError("needs ")
             << bytes << " bytes of scratch in each thread; a GPU thread has "
             << maxScratchBytes.getValue();
    return success();
  }
};

} // namespace
