// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named pipelines.

#include "qc/Pipelines/Pipelines.h"

#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Quantization/Passes.h"

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
  if (!options.convCalibration.empty()) {
    CalibrateTransformsOptions calibrate;
    calibrate.inputs = options.convCalibration;
    calibrate.force = options.convAlgorithm;
    calibrate.dotProduct = options.dotProduct;
    calibrate.bits = options.convBits;
    calibrate.maxLoss = options.convMaxLoss;
    calibrate.report = options.convReport;
    manager.addPass(createCalibrateTransforms(calibrate));
  }
  // Convolutions may say for themselves what they are.
  manager.addPass(
      createSelectConvAlgorithm({options.convAlgorithm, options.dotProduct}));
}

void qc::buildKernelPipeline(OpPassManager &manager, StringRef unpack) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createFormKernels({unpack.str()}));
}

/// The pipelines of targets with layouts, which differ in where they unpack.
static void buildLayoutPipeline(OpPassManager &manager,
                                const GraphPipelineOptions &options,
                                StringRef unpack) {
  buildGraphPipeline(manager, options);
  manager.addNestedPass<func::FuncOp>(createMaterializePadding());
  manager.addNestedPass<func::FuncOp>(createWidenWeights());
  buildKernelPipeline(manager, unpack);
  manager.addPass(createAssignLayouts());
  manager.addPass(createShareConstants());
  manager.addPass(createWriteInPlace());
}

void qc::buildCPUPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  buildLayoutPipeline(manager, options, "few-rows");
  manager.addPass(createBandTransforms());
  manager.addPass(createPlanMemory());
}

void qc::buildPTXPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  // Threads along the channels want the layouts that vectors along them want.
  buildLayoutPipeline(manager, options, "load");
  manager.addPass(createPlanMemory());
}

void qc::buildHLSPipeline(OpPassManager &manager,
                          const GraphPipelineOptions &options) {
  buildGraphPipeline(manager, options);
  // The hardware is made for the program: it unpacks where it multiplies, and
  // there is no load.
  buildKernelPipeline(manager, "registers");
  manager.addPass(createPlanMemory({/*prepare=*/false}));
}

void qc::buildQuantizePipeline(OpPassManager &manager,
                               const QuantizePipelineOptions &options) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createFoldBatchNorm());
  if (!options.calibration.empty() || !options.statistics.empty()) {
    CalibrateOptions calibrate;
    calibrate.inputs = options.calibration;
    calibrate.limit = options.limit;
    calibrate.table = options.statistics;
    calibrate.progress = options.progress;
    manager.addPass(createCalibrate(calibrate));
  }
  SmallVector<std::string> candidates(options.candidates.begin(),
                                      options.candidates.end());
  if (!options.budget.empty()) {
    SensitivityOptions sensitivity;
    sensitivity.formats = candidates;
    sensitivity.metrics = {options.metric};
    sensitivity.inputs = options.calibration;
    sensitivity.rounding = options.rounding;
    sensitivity.weightRange = options.weightRange;
    sensitivity.block = options.block;
    sensitivity.symmetric = options.symmetric;
    sensitivity.scales = options.scales;
    sensitivity.pairs = options.pairs;
    if (options.limit)
      sensitivity.limit = options.limit;
    sensitivity.table = options.sensitivity;
    sensitivity.progress = options.progress;
    manager.addPass(createSensitivity(sensitivity));
    if (options.measureLatency) {
      MeasureLatencyOptions latency;
      latency.formats = candidates;
      latency.activations = options.activations;
      latency.block = options.block;
      latency.symmetric = options.symmetric;
      latency.scales = options.scales;
      latency.table = options.sensitivity;
      latency.progress = options.progress;
      manager.addPass(createMeasureLatency(latency));
    }
  }
  AssignBitsOptions assign;
  assign.budget.assign(options.budget.begin(), options.budget.end());
  assign.candidates = candidates;
  assign.metric = options.metric;
  assign.solver = options.solver;
  assign.share.assign(options.share.begin(), options.share.end());
  assign.inputs = options.calibration;
  assign.generations = options.generations;
  assign.limit = options.modelLimit;
  assign.labels = options.labels;
  assign.weightCorrection = options.weightCorrection;
  assign.biasCorrection = options.biasCorrection;
  assign.progress = options.progress;
  assign.weights = options.weights;
  assign.activations = options.activations;
  assign.products = options.products;
  assign.tokens = options.tokens;
  assign.ends = options.ends;
  assign.block = options.block;
  assign.symmetric = options.symmetric;
  assign.scales = options.scales;
  assign.activationRange = options.activationRange;
  assign.weightRange = options.weightRange;
  assign.rounding = options.rounding;
  llvm::append_range(assign.floatNodes, options.floatNodes);
  llvm::append_range(assign.floatOps, options.floatOps);
  assign.plan = options.plan;
  assign.dump = options.report;
  manager.addPass(createAssignBits(assign));
  if (options.explain) {
    ActivationSensitivityOptions explain;
    explain.inputs = options.calibration;
    explain.dump = options.report;
    explain.progress = options.progress;
    manager.addPass(createActivationSensitivity(explain));
  }
  QuantizeOptions quantize;
  quantize.inputs = options.calibration;
  quantize.limit = options.limit;
  quantize.weightCorrection = options.weightCorrection;
  quantize.biasCorrection = options.biasCorrection;
  quantize.memory = options.memory;
  quantize.progress = options.progress;
  manager.addPass(createQuantize(quantize));
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
  static PassPipelineRegistration<QuantizePipelineOptions> quantize(
      "qc-quantize-pipeline", "Quantize a float graph on sample inputs",
      buildQuantizePipeline);
}
