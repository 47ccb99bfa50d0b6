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

void qc::buildGraphPipeline(OpPassManager &manager) {
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

void qc::buildCPUPipeline(OpPassManager &manager) {
  buildGraphPipeline(manager);
  manager.addNestedPass<func::FuncOp>(createMaterializePadding());
  buildKernelPipeline(manager);
  manager.addPass(createAssignLayouts());
  manager.addPass(createWriteInPlace());
  manager.addPass(createPlanMemory());
}

void qc::buildPTXPipeline(OpPassManager &manager) {
  buildGraphPipeline(manager);
  buildKernelPipeline(manager);
  manager.addPass(createPlanMemory());
}

void qc::buildHLSPipeline(OpPassManager &manager) {
  buildGraphPipeline(manager);
  buildKernelPipeline(manager);
  manager.addPass(createPlanMemory());
}

void qc::registerPipelines() {
  static PassPipelineRegistration<> cpu(
      "qc-cpu-pipeline", "Lower to a program with kernels in the CPU's layouts",
      buildCPUPipeline);
  static PassPipelineRegistration<> ptx(
      "qc-ptx-pipeline", "Lower to a program with kernels for a GPU",
      buildPTXPipeline);
  static PassPipelineRegistration<> hls(
      "qc-hls-pipeline", "Lower to a program with kernels for HLS C++",
      buildHLSPipeline);
}
