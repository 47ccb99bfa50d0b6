// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes from target-free kernels to loop-level functions for one form.

#include "qc/Conversion/Passes.h"
#include "qc/Target/CPU/CPUTarget.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qc;

void qc::buildCPULoopPipeline(OpPassManager &manager, const CPUForm &form) {
  // Every form: the partition of kernels must be the same for all of a library.
  int64_t registers = form.vectorBytes >= 64 ? 32 : 16;
  std::string dot =
      form.dot == DotKind::DotProduct ? "dot-product" : "multiply-add";
  ScheduleUnpackingOptions unpacking;
  unpacking.vectorBytes = form.vectorBytes;
  unpacking.registers = registers;
  unpacking.useFMA = form.hasFMA;
  manager.addPass(createScheduleUnpacking(unpacking));
  ScheduleContractionsOptions contractions;
  contractions.vectorBytes = form.vectorBytes;
  contractions.registers = registers;
  contractions.useFMA = form.hasFMA;
  contractions.dot = dot;
  manager.addPass(createScheduleContractions(contractions));
  ScheduleWindowsOptions windows;
  windows.vectorBytes = form.vectorBytes;
  windows.registers = registers;
  windows.useFMA = form.hasFMA;
  windows.dot = dot;
  manager.addPass(createScheduleWindows(windows));
  ScheduleBlocksOptions blocks;
  blocks.vectorBytes = form.vectorBytes;
  manager.addPass(createScheduleBlocks(blocks));
  ScheduleElementsOptions elements;
  elements.vectorBytes = form.vectorBytes;
  manager.addPass(createScheduleElements(elements));
  LowerKernelsOptions lower;
  lower.rowLanes = form.getLanes();
  manager.addPass(createLowerKernels(lower));
  // Before canonicalization, which drops parallel loops of one iteration.
  manager.addNestedPass<func::FuncOp>(createParallelToRange());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createFuseRounding());
  if (form.hasBytePermute)
    manager.addNestedPass<func::FuncOp>(createLowerTableGathers());
  // x86-64-v2 brought roundps, v3 conversions of f16.
  ExpandMathOptions expand;
  expand.rounding = form.cpu == "x86-64";
  expand.half = !form.hasFMA;
  manager.addNestedPass<func::FuncOp>(createExpandMath(expand));
  manager.addPass(createCanonicalizerPass());
}
