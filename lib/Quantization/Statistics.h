// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of a function's values between observers and the table.
#ifndef QC_LIB_QUANTIZATION_STATISTICS_H
#define QC_LIB_QUANTIZATION_STATISTICS_H

#include "qc/Analysis/Observer.h"
#include "qc/Analysis/Plan.h"

namespace qc {

/// Whether the table has statistics of `value`: a tensor of f32 with elements.
bool isObserved(mlir::Value value);
/// An observer of `value`; channels are where convolutions and products put
/// them. `isChannelsLast`: samples have dimension 1 after all others.
ValueObserver makeObserver(mlir::Value value, bool isChannelsLast);

/// The table's statistics of the value called `name`. Fails with an error at
/// the table if the entry cannot be read, without one if there is none.
mlir::FailureOr<ValueStatistics> readStatistics(TableOp table,
                                                llvm::StringRef name);

/// Emits the error at `op`, the node of that name, that its inputs or outputs
/// (`what`) are not finite in some samples: moments and corrections would be of
/// no use, without a word.
mlir::LogicalResult reportNotFinite(mlir::Operation *op, llvm::StringRef node,
                                    llvm::StringRef what, size_t numNotFinite,
                                    size_t numSamples);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_STATISTICS_H
