// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes from target-free kernels to loop-level functions for one form.

#include "qc/Conversion/Passes.h"
#include "qc/Target/CPU/CPUTarget.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qc;

void qc::buildCPULoopPipeline(OpPassManager &manager, const CPUForm &form) {
  // vpmaddwd needs AVX2; before that, 8-bit products go through the general
  // loops.
  if (form.hasFMA) {
    ScheduleContractionsOptions contractions;
    contractions.vectorBytes = form.vectorBytes;
    contractions.registers = form.vectorBytes >= 64 ? 32 : 16;
    contractions.useFMA = form.hasFMA;
    contractions.dot =
        form.dot == DotKind::DotProduct ? "dot-product" : "multiply-add";
    manager.addPass(createScheduleContractions(contractions));
  }
  LowerKernelsOptions lower;
  lower.lanes = form.getLanes();
  lower.innerLoop = true;
  manager.addPass(createLowerKernels(lower));
  // Before canonicalization, which drops parallel loops of one iteration.
  manager.addNestedPass<func::FuncOp>(createParallelToRange());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createFuseRounding());
  // x86-64-v2 brought roundps, v3 conversions of f16.
  ExpandMathOptions expand;
  expand.rounding = form.cpu == "x86-64";
  expand.half = !form.hasFMA;
  manager.addNestedPass<func::FuncOp>(createExpandMath(expand));
  manager.addPass(createCanonicalizerPass());
}
