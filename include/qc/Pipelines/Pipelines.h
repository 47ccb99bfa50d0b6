// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The named pipelines. Tools and Python call these; nothing is decided in a
// main.
#ifndef QC_PIPELINES_PIPELINES_H
#define QC_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

namespace qc {

/// Simplifies the graph, QDQ and integer levels: constants, common
/// subexpressions, batch norms.
void buildGraphPipeline(mlir::OpPassManager &manager);

/// From any graph, QDQ or integer level to target-free kernels.
void buildKernelPipeline(mlir::OpPassManager &manager);

/// `--qc-cpu-pipeline`: from any level above to a program with target-free
/// kernels in the CPU's layouts.
void buildCPUPipeline(mlir::OpPassManager &manager);

/// `--qc-ptx-pipeline`: from any level above to a program with target-free
/// kernels for GPU threads, in the layouts of the CPU: channels last, weights
/// packed.
void buildPTXPipeline(mlir::OpPassManager &manager);

/// `--qc-hls-pipeline`: from any level above to a program with target-free
/// kernels for HLS C++.
void buildHLSPipeline(mlir::OpPassManager &manager);

/// Registers the pipelines with qc-opt and plugins.
void registerPipelines();

} // namespace qc

#endif // QC_PIPELINES_PIPELINES_H
