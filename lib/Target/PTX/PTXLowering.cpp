// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes from target-free kernels to loop-level functions for a GPU.

#include "qc/Conversion/Passes.h"
#include "qc/Target/PTX/PTXTarget.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qc;

void qc::buildPTXThreadPipeline(OpPassManager &manager,
                                const PTXOptions &options) {
  TileContractionsOptions tiles;
  tiles.threads = options.threads;
  manager.addPass(createTileContractions(tiles));
  // The others: every dimension parallel, one element at a time.
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
