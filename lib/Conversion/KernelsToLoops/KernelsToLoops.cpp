// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns kernels into functions of loops over flat memory.

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

namespace qc {
#define GEN_PASS_DEF_LOWERKERNELS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

int64_t qc::estimateWork(KernelOp kernel) {
  int64_t work = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    int64_t elements = 0;
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults()))
      elements = std::max(
          elements, cast<RankedTensorType>(value.getType()).getNumElements());
    if (auto element = dyn_cast<ElementOpInterface>(op))
      elements =
          cast<RankedTensorType>(op.getResult(0).getType()).getNumElements() *
          element.getElementCost();
    work += elements;
  }
  return work;
}

func::FuncOp qc::createLoopFunction(OpBuilder &builder, KernelOp kernel) {
  SmallVector<Type> types;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                            kernel.getResultTypes()))
    types.push_back(getBufferType(cast<RankedTensorType>(type)));
  Location loc = kernel.getLoc();
  auto function = func::FuncOp::create(builder, loc, kernel.getSymName(),
                                       builder.getFunctionType(types, {}));
  function->setAttr(numResultsAttrName,
                    builder.getI64IntegerAttr(kernel.getResultTypes().size()));
  function->setAttr(familyAttrName, kernel.getFamilyAttr());
  function->setAttr(workAttrName,
                    builder.getI64IntegerAttr(estimateWork(kernel)));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, loc);
  return function;
}

namespace {

struct LowerKernels : qc::impl::LowerKernelsBase<LowerKernels> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      Block &entry = function.getBody().front();
      builder.setInsertionPointToStart(&entry);
      ValueRange arguments(entry.getArguments());
      size_t inputs = kernel.getArgumentTypes().size();
      emitKernelLoops(builder, kernel.getLoc(), kernel.getBody().front(),
                      arguments.take_front(inputs),
                      arguments.drop_front(inputs), rowLanes);
      kernel.erase();
    }
  }
};

} // namespace
