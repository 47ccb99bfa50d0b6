// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc as a plugin of `mlir-opt` and of other drivers that load plugins:
//
//   mlir-opt --load-dialect-plugin=QCPlugin.so --load-pass-plugin=QCPlugin.so \
//            --pass-pipeline='builtin.module(qc-form-kernels)' model.mlir
//
// The driver must use the same shared libMLIR.

#include "qc/InitAll.h"

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo
mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "qc", QC_VERSION,
          [](mlir::DialectRegistry *registry) {
            qc::registerAllDialects(*registry);
          }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo
mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "qc", QC_VERSION,
          [] { qc::registerAllPasses(); }};
}
