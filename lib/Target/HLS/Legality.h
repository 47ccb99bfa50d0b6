// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the HLS printer can print, as one check for the pass and the writers.
#ifndef QC_LIB_TARGET_HLS_LEGALITY_H
#define QC_LIB_TARGET_HLS_LEGALITY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace qc::hls {

/// The kernels of a module: its functions, in order.
llvm::SmallVector<mlir::func::FuncOp> getKernels(mlir::ModuleOp module);

/// Reports every operation of `kernel` that has no C++ form.
mlir::LogicalResult checkKernel(mlir::func::FuncOp kernel);

/// Rewrites and checks all kernels of `module`; counts what it did.
mlir::LogicalResult legalizeKernels(mlir::ModuleOp module, uint64_t &rewritten,
                                    uint64_t &erased);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_LEGALITY_H
