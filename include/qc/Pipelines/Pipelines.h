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
};

/// Simplifies the graph, QDQ and integer levels: constants, common
/// subexpressions, batch norms.
void buildGraphPipeline(mlir::OpPassManager &manager,
                        const GraphPipelineOptions &options = {});

/// From any graph, QDQ or integer level to target-free kernels.
void buildKernelPipeline(mlir::OpPassManager &manager);

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

/// Registers the pipelines with qc-opt and plugins.
void registerPipelines();

} // namespace qc

#endif // QC_PIPELINES_PIPELINES_H
