// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named pipelines. Tools and Python call these; nothing is decided in a
// main.
#ifndef QC_PIPELINES_PIPELINES_H
#define QC_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace qc {

/// What every pipeline that begins with a graph takes.
struct GraphPipelineOptions : mlir::PassPipelineOptions<GraphPipelineOptions> {
  Option<std::string> requantize{
      *this, "requantize",
      llvm::cl::desc("How accumulators become codes: float or fixed (integers "
                     "only); empty keeps what the module says"),
      llvm::cl::init("")};
  Option<std::string> convAlgorithm{
      *this, "conv-algorithm",
      llvm::cl::desc("Algorithm of convolutions: direct, auto, a family "
                     "(sfc-6) or a member (sfc-6(6x6,3x3))"),
      llvm::cl::init("direct")};
  Option<bool> dotProduct{
      *this, "dot-product",
      llvm::cl::desc("Whether the CPU has products of bytes (vpdpbusd): for "
                     "conv-algorithm=auto"),
      llvm::cl::init(false)};
  Option<std::string> convCalibration{
      *this, "conv-calibration",
      llvm::cl::desc("File or folder of sample inputs, or callback:NAME: "
                     "convolutions in a "
                     "transform domain multiply codes (an approximation) "
                     "where they lose little; see qc-calibrate-transforms"),
      llvm::cl::init("")};
  Option<int64_t> convBits{*this, "conv-bits",
                           llvm::cl::desc("Bits of these codes, 2 to 8"),
                           llvm::cl::init(8)};
  Option<double> convMaxLoss{
      *this, "conv-max-loss",
      llvm::cl::desc("Largest accepted loss of a convolution in dB"),
      llvm::cl::init(9)};
  Option<std::string> convReport{
      *this, "conv-report",
      llvm::cl::desc("JSON file to write what was measured of them to"),
      llvm::cl::init("")};
};

/// Simplifies the graph, QDQ and integer levels: constants, common
/// subexpressions, batch norms.
void buildGraphPipeline(mlir::OpPassManager &manager,
                        const GraphPipelineOptions &options = {});

/// From any graph, QDQ or integer level to target-free kernels; `unpack` is
/// qc-form-kernels' option.
void buildKernelPipeline(mlir::OpPassManager &manager,
                         llvm::StringRef unpack = "load");

/// `--qc-cpu-pipeline`: from any level above to a program with target-free
/// kernels in the CPU's layouts.
void buildCPUPipeline(mlir::OpPassManager &manager,
                      const GraphPipelineOptions &options = {});

/// `--qc-ptx-pipeline`: from any level above to a program with target-free
/// kernels for GPU threads, in the layouts of the CPU: channels last, weights
/// packed.
void buildPTXPipeline(mlir::OpPassManager &manager,
                      const GraphPipelineOptions &options = {});

/// `--qc-hls-pipeline`: from any level above to a program with target-free
/// kernels for HLS C++.
void buildHLSPipeline(mlir::OpPassManager &manager,
                      const GraphPipelineOptions &options = {});

/// `--qc-quantize-pipeline`: from a float graph to QDQ.
struct QuantizePipelineOptions
    : mlir::PassPipelineOptions<QuantizePipelineOptions> {
  Option<std::string> calibration{
      *this, "calibration",
      llvm::cl::desc("File or folder of sample inputs, or callback:NAME"),
      llvm::cl::init("")};
  Option<unsigned> limit{
      *this, "limit", llvm::cl::desc("Use at most this many samples (0: all)"),
      llvm::cl::init(0)};
  Option<std::string> statistics{
      *this, "statistics",
      llvm::cl::desc("JSON file of statistics to load, go on from and write"),
      llvm::cl::init("")};
  Option<std::string> weights{*this, "weights",
                              llvm::cl::desc("Storage type of weights"),
                              llvm::cl::init("si8")};
  Option<std::string> activations{*this, "activations",
                                  llvm::cl::desc("Storage type of activations"),
                                  llvm::cl::init("ui8")};
  Option<std::string> products{
      *this, "products",
      llvm::cl::desc("Storage type of both operands of products of activations "
                     "(attention), f32: stay float"),
      llvm::cl::init("f32")};
  Option<bool> tokens{
      *this, "tokens",
      llvm::cl::desc("Activations of matrix products have one scale per row"),
      llvm::cl::init(false)};
  Option<std::string> ends{
      *this, "ends",
      llvm::cl::desc("Storage type of the first layer's weights if wider"),
      llvm::cl::init("si8")};
  Option<int64_t> block{
      *this, "block",
      llvm::cl::desc("Weights of products: elements per scale, 0 for one scale "
                     "per output channel"),
      llvm::cl::init(0)};
  Option<bool> symmetric{*this, "symmetric",
                         llvm::cl::desc("Weights without zero points"),
                         llvm::cl::init(true)};
  Option<std::string> scales{
      *this, "scales",
      llvm::cl::desc("How the scales of blocks are stored: f32, f16"),
      llvm::cl::init("f32")};
  Option<std::string> activationRange{
      *this, "activation-range",
      llvm::cl::desc("minmax, moving, percentile, entropy, mse"),
      llvm::cl::init("mse")};
  Option<std::string> weightRange{*this, "weight-range",
                                  llvm::cl::desc("auto, minmax, mse, output"),
                                  llvm::cl::init("auto")};
  Option<std::string> rounding{*this, "rounding",
                               llvm::cl::desc("nearest, gptq"),
                               llvm::cl::init("gptq")};
  Option<bool> weightCorrection{
      *this, "weight-correction",
      llvm::cl::desc("Have weights make up for errors of their inputs"),
      llvm::cl::init(true)};
  Option<bool> biasCorrection{*this, "bias-correction",
                              llvm::cl::desc("Correct biases after rounding"),
                              llvm::cl::init(true)};
  ListOption<std::string> floatNodes{*this, "float-nodes",
                                     llvm::cl::desc("Nodes that stay float")};
  ListOption<std::string> floatOps{
      *this, "float-ops", llvm::cl::desc("Ops that stay float, such as add")};
  ListOption<std::string> budget{
      *this, "budget",
      llvm::cl::desc("What weights may cost, or the loss that is accepted: see "
                     "qc-assign-bits")};
  ListOption<std::string> candidates{
      *this, "candidates",
      llvm::cl::desc("Storage types that a budget chooses from")};
  Option<std::string> metric{
      *this, "metric",
      llvm::cl::desc("Metric of qc-sensitivity that a budget minimises"),
      llvm::cl::init("fisher")};
  Option<std::string> solver{
      *this, "solver",
      llvm::cl::desc("auto, knapsack, milp, bisection, evolutionary"),
      llvm::cl::init("auto")};
  ListOption<std::string> share{
      *this, "share",
      llvm::cl::desc("Which layers share a format: inputs (products of one "
                     "input), sums, none (default inputs)")};
  Option<unsigned> generations{
      *this, "generations",
      llvm::cl::desc("Generations of the solver evolutionary"),
      llvm::cl::init(10)};
  Option<unsigned> modelLimit{
      *this, "model-limit",
      llvm::cl::desc("Samples with which solvers that run models round, and as "
                     "many others by which they judge (0: half of all)"),
      llvm::cl::init(16)};
  Option<std::string> labels{
      *this, "labels",
      llvm::cl::desc("File of the samples' classes, for loss:accuracy"),
      llvm::cl::init("")};
  Option<bool> pairs{
      *this, "pairs",
      llvm::cl::desc(
          "Measure what pairs of neighbouring layers spoil together"),
      llvm::cl::init(false)};
  Option<bool> measureLatency{
      *this, "measure-latency",
      llvm::cl::desc("Measure layers on this machine for budgets of latency"),
      llvm::cl::init(false)};
  Option<unsigned> memory{
      *this, "memory",
      llvm::cl::desc("MiB that a layer's second moments may take; wider layers "
                     "are rounded to nearest"),
      llvm::cl::init(4096)};
  Option<bool> explain{
      *this, "explain",
      llvm::cl::desc("Measure what the rounding of each activation spoils: a "
                     "remark names the worst, the plan has all"),
      llvm::cl::init(false)};
  Option<std::string> sensitivity{
      *this, "sensitivity",
      llvm::cl::desc("JSON file of sensitivities to load, go on from and "
                     "write"),
      llvm::cl::init("")};
  Option<std::string> plan{*this, "plan",
                           llvm::cl::desc("JSON file of decisions that win"),
                           llvm::cl::init("")};
  Option<std::string> report{*this, "report",
                             llvm::cl::desc("JSON file to write the plan to"),
                             llvm::cl::init("")};
  Option<bool> progress{*this, "progress",
                        llvm::cl::desc("Show progress on stderr"),
                        llvm::cl::init(false)};
};
void buildQuantizePipeline(mlir::OpPassManager &manager,
                           const QuantizePipelineOptions &options);

/// Registers the pipelines with qc-opt and plugins.
void registerPipelines();

} // namespace qc

#endif // QC_PIPELINES_PIPELINES_H
