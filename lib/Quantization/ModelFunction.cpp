// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the function that a pass quantizes or measures.

#include "ModelFunction.h"

#include "qc/Analysis/NodeNames.h"
#include "qc/Quantization/LinearLayer.h"

using namespace mlir;
using namespace qc;

FailureOr<func::FuncOp> qc::getModelFunction(ModuleOp module, StringRef pass) {
  auto functions = module.getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions))
    return module.emitError()
           << pass << " needs a module with one function; import one "
           << "combination of shapes";
  func::FuncOp function = *functions.begin();
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError()
           << pass << " needs a function with a body of one block";
  return function;
}

FailureOr<func::FuncOp> qc::getFloatFunction(ModuleOp module, StringRef pass) {
  FailureOr<func::FuncOp> function = getModelFunction(module, pass);
  if (failed(function))
    return failure();
  for (Operation &op : function->getBody().front().without_terminator())
    if (std::optional<LinearLayer> layer = LinearLayer::get(&op))
      if (isa_and_nonnull<DequantizeOp>(
              layer->getWeightOperand().get().getDefiningOp()))
        return op.emitError()
               << pass << " takes float models; '"
               << NodeNames(*function).getName(&op) << "' is quantized already";
  return function;
}
