// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets rows be looked up in the weights of a product that are their transpose.

#include "KernelTypes.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {
#define GEN_PASS_DEF_SHARECONSTANTS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

struct ShareConstants : qc::impl::ShareConstantsBase<ShareConstants> {
  using ShareConstantsBase::ShareConstantsBase;

  void runOnOperation() override {
    KernelTypes kernels(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      run(function, kernels);
    kernels.eraseUnused();
  }

private:
  void run(func::FuncOp function, KernelTypes &kernels);
  bool isLookedUpIn(ConstantOp constant, KernelTypes &kernels);
};

} // namespace

/// Whether kernels read `constant` only to gather a small part of it, so that
/// the distance of its elements does not matter.
bool ShareConstants::isLookedUpIn(ConstantOp constant, KernelTypes &kernels) {
  constexpr int64_t smallPart = 8;
  int64_t size = typeOf(constant).getNumElements();
  return llvm::all_of(constant->getUses(), [&](OpOperand &use) {
    auto dispatch = dyn_cast<DispatchOp>(use.getOwner());
    if (!dispatch)
      return false;
    Block &body = kernels.lookup(dispatch).getBody().front();
    Value argument = body.getArgument(use.getOperandNumber());
    return llvm::all_of(argument.getUsers(), [&](Operation *user) {
      auto gather = dyn_cast<GatherOp>(user);
      return gather && gather.getData() == argument &&
             gather.getIndices() != argument &&
             typeOf(gather.getY()).getNumElements() <= size / smallPart;
    });
  });
}

void ShareConstants::run(func::FuncOp function, KernelTypes &kernels) {
  SmallVector<ConstantOp> matrices, tables;
  for (auto constant : function.getOps<ConstantOp>()) {
    RankedTensorType type = typeOf(constant);
    if (type.getRank() != 2 || getStorageBytes(type) < minBytes ||
        constant->use_empty())
      continue;
    (isLookedUpIn(constant, kernels) ? tables : matrices).push_back(constant);
  }
  const int64_t exchange[] = {1, 0};
  for (ConstantOp table : tables) {
    RankedTensorType type = typeOf(table);
    auto weights = llvm::find_if(matrices, [&](ConstantOp constant) {
      return isTransposed(table.getValue(), constant.getValue());
    });
    if (weights == matrices.end())
      continue;
    (*weights)->moveBefore(table);
    OpBuilder builder(table);
    auto transposed = RankedTensorType::get(
        type.getShape(), type.getElementType(),
        getTransposed(getLayout(typeOf(*weights)), exchange));
    Value view = TransposeOp::create(builder, table.getLoc(), transposed,
                                     *weights, exchange);
    table.getResult().replaceAllUsesWith(view);
    for (Operation *reader : view.getUsers()) {
      auto dispatch = cast<DispatchOp>(reader);
      kernels.specialise(dispatch, dispatch.getInputs().getTypes(),
                         dispatch.getOutputs().getTypes());
    }
    table.erase();
    ++numShared;
  }
}
