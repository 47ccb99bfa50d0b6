// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps that bring a convolution into the form that multiplies plain numbers:
// no padding, no zero point of the input, signed weights. Each returns whether
// it changed something.
#ifndef QC_LIB_DIALECT_QC_TRANSFORMS_CONVPADDING_H
#define QC_LIB_DIALECT_QC_TRANSFORMS_CONVPADDING_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

/// A constant of one element of `element` that is 0.
mlir::Value buildZero(mlir::OpBuilder &builder, mlir::Location loc,
                      mlir::Type element);

/// Pads the input in memory, by x_zero if there is one.
bool materializePadding(ConvOp conv);

/// Folds a constant x_zero of a convolution without padding into its bias:
/// `sum (x - z) w = sum x w - z sum w`, exact in integers.
bool foldInputZero(ConvOp conv);

/// Unsigned constant weights with their zero point as signed ones:
/// `(w - 128) - (z - 128) = w - z`.
bool signWeights(mlir::OpBuilder &builder, mlir::OpOperand &weights,
                 mlir::MutableOperandRange weightZero);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_TRANSFORMS_CONVPADDING_H
