// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shape arithmetic that op families share. Private to the dialect.
#ifndef QC_LIB_DIALECT_QC_IR_OPHELPERS_H
#define QC_LIB_DIALECT_QC_IR_OPHELPERS_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline mlir::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return tensorOf(value).getShape();
}
inline mlir::Type elementOf(mlir::Value value) {
  return tensorOf(value).getElementType();
}

/// The shape that `shapes` broadcast to (aligned from the right), or failure.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// Infers the broadcast of the operands' shapes with element type `element`.
mlir::LogicalResult inferBroadcast(std::optional<mlir::Location> loc,
                                   mlir::ValueRange operands,
                                   mlir::Type element,
                                   llvm::SmallVectorImpl<mlir::Type> &types);

/// Output size of a sliding window, or a negative number if it does not fit.
int64_t windowedSize(int64_t size, int64_t kernel, int64_t stride,
                     int64_t dilation, int64_t padBegin, int64_t padEnd);

/// Verifies window attributes of an op with `spatial` spatial dimensions.
mlir::LogicalResult verifyWindow(std::optional<mlir::Location> loc,
                                 size_t spatial, llvm::ArrayRef<int64_t> kernel,
                                 llvm::ArrayRef<int64_t> strides,
                                 llvm::ArrayRef<int64_t> pads,
                                 llvm::ArrayRef<int64_t> dilations);

/// Positions inside an input of shape `inputSpatial` under a window: fills
/// `indices` (clamped into the input) and returns whether all are inside, or a
/// null value when no padding makes that always true.
mlir::Value windowIndices(Emitter &emitter, mlir::ValueRange outputSpatial,
                          mlir::ValueRange kernelIndices,
                          llvm::ArrayRef<int64_t> inputSpatial,
                          llvm::ArrayRef<int64_t> strides,
                          llvm::ArrayRef<int64_t> pads,
                          llvm::ArrayRef<int64_t> dilations,
                          llvm::ArrayRef<int64_t> kernel,
                          llvm::SmallVectorImpl<mlir::Value> &indices);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_IR_OPHELPERS_H
