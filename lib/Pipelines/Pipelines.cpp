// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named pipelines.

#include "qc/Pipelines/Pipelines.h"

#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace qc;

void qc::buildGraphPipeline(OpPassManager &manager,
                            const GraphPipelineOptions &options) {
  manager.addPass(createSetNumerics({options.requantize}));
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createFoldBatchNorm());
  manager.addNestedPass<func::FuncOp>(createNormalizeQDQ());
  manager.addNestedPass<func::FuncOp>(createToInteger());
  manager.addNestedPass<func::FuncOp>(createExpandAttention());
}

void qc::buildKernelPipeline(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createFormKernels());
}

void qc::buildCPUPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  buildGraphPipeline(manager, options);
  manager.addNestedPass<func::FuncOp>(createMaterializePadding());
  buildKernelPipeline(manager);
  manager.addPass(createAssignLayouts());
  manager.addPass(createWriteInPlace());
  manager.addPass(createPlanMemory());
}

void qc::buildPTXPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  // Threads along the channels want the layouts that vectors along them want.
  buildCPUPipeline(manager, options);
}

void qc::buildHLSPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  buildGraphPipeline(manager, options);
  buildKernelPipeline(manager);
  manager.addPass(createPlanMemory());
}

void qc::registerPipelines() {
  static PassPipelineRegistration<GraphPipelineOptions> cpu(
      "qc-cpu-pipeline", "Lower to a program with kernels in the CPU's layouts",
      buildCPUPipeline);
  static PassPipelineRegistration<GraphPipelineOptions> ptx(
      "qc-ptx-pipeline", "Lower to a program with kernels for a GPU",
      buildPTXPipeline);
  static PassPipelineRegistration<GraphPipelineOptions> hls(
      "qc-hls-pipeline", "Lower to a program with kernels for HLS C++",
      buildHLSPipeline);
}
