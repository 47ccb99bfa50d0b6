// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks bytes up in tables of 256 that lie in registers.
//
// LLVM has no instruction for gathers of bytes and loads lane by lane. AVX-512
// VBMI permutes the bytes of two registers (vpermi2b): two permutations and a
// blend by the index's top bit read a table of 256 for all lanes.

#include "qc/Conversion/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"

namespace qc {
#define GEN_PASS_DEF_LOWERTABLEGATHERS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

constexpr int64_t tableSize = 256, registerBytes = 64;

/// Whether this reads all lanes of a whole table of bytes.
bool isTableLookup(vector::GatherOp gather) {
  auto base = dyn_cast<MemRefType>(gather.getBase().getType());
  auto mask = gather.getMask().getDefiningOp<vector::ConstantMaskOp>();
  bool readsAll =
      mask ? mask.isAllOnesMask() : matchPattern(gather.getMask(), m_One());
  return base && base.getRank() == 1 && base.getDimSize(0) == tableSize &&
         base.getElementType().isInteger(8) && readsAll &&
         llvm::all_of(
             gather.getOffsets(),
             [](Value offset) { return isConstantIntValue(offset, 0); }) &&
         gather.getVectorType().getRank() == 1 &&
         gather.getVectorType().getDimSize(0) <= registerBytes;
}

struct LowerTableGathers : qc::impl::LowerTableGathersBase<LowerTableGathers> {
  using LowerTableGathersBase::LowerTableGathersBase;

  void runOnOperation() override {
    getOperation().walk([&](vector::GatherOp gather) {
      if (!isTableLookup(gather))
        return;
      lower(gather);
      ++numLowered;
    });
  }

private:
  void lower(vector::GatherOp gather);
};

} // namespace

void LowerTableGathers::lower(vector::GatherOp gather) {
  OpBuilder builder(gather);
  Location loc = gather.getLoc();
  Type i8 = builder.getI8Type();
  int64_t lanes = gather.getVectorType().getDimSize(0);
  auto whole = VectorType::get({registerBytes}, i8);
  auto part = [&](int64_t position) -> Value {
    return vector::LoadOp::create(
        builder, loc, whole, gather.getBase(),
        ValueRange{arith::ConstantIndexOp::create(builder, loc, position)});
  };
  // Indices below 256 are their low byte.
  Value narrow = arith::TruncIOp::create(
      builder, loc, VectorType::get({lanes}, i8), gather.getIndices());
  Value indices = narrow;
  if (lanes < registerBytes) {
    SmallVector<int64_t> widened;
    for (int64_t lane = 0; lane < registerBytes; ++lane)
      widened.push_back(lane % lanes);
    indices = vector::ShuffleOp::create(builder, loc, narrow, narrow, widened);
  }
  auto permute = [&](int64_t position) -> Value {
    return LLVM::CallIntrinsicOp::create(
               builder, loc, whole,
               builder.getStringAttr("llvm.x86.avx512.vpermi2var.qi.512"),
               ValueRange{part(position), indices,
                          part(position + registerBytes)})
        .getResult(0);
  };
  Value low = permute(0), high = permute(2 * registerBytes);
  if (lanes < registerBytes) {
    auto first = [&](Value vector) -> Value {
      return vector::ExtractStridedSliceOp::create(
          builder, loc, vector, ArrayRef<int64_t>{0}, ArrayRef<int64_t>{lanes},
          ArrayRef<int64_t>{1});
    };
    low = first(low);
    high = first(high);
  }
  Value isHigh = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::slt, narrow,
      arith::ConstantOp::create(builder, loc,
                                builder.getZeroAttr(narrow.getType())));
  gather.replaceAllUsesWith(
      arith::SelectOp::create(builder, loc, isHigh, high, low).getResult());
  gather.erase();
}
