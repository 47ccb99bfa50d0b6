// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers everything that qc adds to MLIR, for tools, the plugin and programs
// that embed qc. The one place to extend when a dialect or a group of passes is
// added. Link the CMake target QC::All.
#ifndef QC_INITALL_H
#define QC_INITALL_H

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Execution/Execution.h"
#include "qc/Pipelines/Pipelines.h"
#include "qc/Quantization/Passes.h"
#include "qc/Target/HLS/Passes.h"

#include "mlir/IR/DialectRegistry.h"

namespace qc {

/// Adds qc's dialects to a registry, with what passes need to run code.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<QCDialect>();
  registerExecution(registry);
}

/// Registers qc's passes and pipelines under their names.
inline void registerAllPasses() {
  registerQCConversionPasses();
  registerQCTransformsPasses();
  registerQCQuantizationPasses();
  hls::registerQCHLSPasses();
  registerPipelines();
}

} // namespace qc

#endif // QC_INITALL_H
