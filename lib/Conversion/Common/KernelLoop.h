// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parallel loop of a loop-level kernel as one range of flattened indices:
// what a thread of a CPU and a thread of a GPU take their share of.
#ifndef QC_LIB_CONVERSION_COMMON_KERNELLOOP_H
#define QC_LIB_CONVERSION_COMMON_KERNELLOOP_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace qc {

struct KernelLoop {
  mlir::scf::ParallelOp parallel;
  llvm::SmallVector<int64_t> extents;
  /// Product of the extents.
  int64_t total = 1;
};

/// The only scf.parallel of `function`; an error if there is not exactly one
/// from 0 to constants in steps of 1.
mlir::FailureOr<KernelLoop> getKernelLoop(mlir::func::FuncOp function);

/// Moves the loop's body to the builder's insertion point, where `position` is
/// the flattened index (the last dimension runs fastest), and erases the loop.
void inlineLoopBody(mlir::OpBuilder &builder, const KernelLoop &loop,
                    mlir::Value position);

} // namespace qc

#endif // QC_LIB_CONVERSION_COMMON_KERNELLOOP_H
