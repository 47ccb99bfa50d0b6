// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interpolation in feature maps, which resizing, sampling and region pooling
// share. Private to the dialect.
#ifndef QC_LIB_DIALECT_QC_IR_INTERPOLATION_H
#define QC_LIB_DIALECT_QC_IR_INTERPOLATION_H

#include "OpHelpers.h"

namespace qc {

/// One neighbour along one dimension.
struct Tap {
  mlir::Value position, weight;
};

/// An index as a float.
mlir::Value toFloat(Emitter &e, mlir::Value index, mlir::Type type);
/// A float without fraction as an index; far values saturate at 32 bits, so
/// that neighbours do not wrap.
mlir::Value toIndex(Emitter &e, mlir::Value number);
/// Keys' cubic kernel with coefficient a at distance `x` >= 0.
mlir::Value cubicKernel(Floats f, mlir::Value x, double a);
/// The neighbours of `position` along one dimension: 2 (linear) or 4 (cubic),
/// not yet moved into the dimension.
llvm::SmallVector<Tap> getTaps(Floats f, mlir::Value position, SampleMode mode,
                               double cubicCoefficient);
/// The weighted sum over all combinations of taps.
mlir::Value
interpolate(Emitter &e, llvm::ArrayRef<llvm::SmallVector<Tap>> taps,
            llvm::function_ref<mlir::Value(llvm::ArrayRef<mlir::Value>)> read);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_IR_INTERPOLATION_H
