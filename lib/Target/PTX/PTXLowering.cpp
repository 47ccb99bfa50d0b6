// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes from target-free kernels to the LLVM dialect for a GPU.

#include "qc/Conversion/Passes.h"
#include "qc/Target/PTX/PTXTarget.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qc;

void qc::buildPTXThreadPipeline(OpPassManager &manager) {
  // Every dimension parallel, one element at a time.
  manager.addPass(createLowerKernels());
  // Before canonicalization, which drops parallel loops of one iteration.
  manager.addNestedPass<func::FuncOp>(createParallelToThreads());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // PTX converts f16 itself.
  ExpandMathOptions expand;
  expand.half = false;
  manager.addNestedPass<func::FuncOp>(createExpandMath(expand));
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
}

void qc::buildPTXLoweringPipeline(OpPassManager &manager) {
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(functions));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}
