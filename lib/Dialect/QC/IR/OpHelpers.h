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

/// Whether `axis` is a dimension of a tensor of this rank.
inline bool isAxis(int64_t axis, size_t rank) {
  return axis >= 0 && axis < static_cast<int64_t>(rank);
}

/// Reports an error where it is none.
mlir::LogicalResult verifyAxis(std::optional<mlir::Location> loc, int64_t axis,
                               int64_t rank);

/// The shape that `shapes` broadcast to (aligned from the right), or failure.
mlir::FailureOr<llvm::SmallVector<int64_t>>
broadcastShapes(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// Infers the broadcast of the operands' shapes with element type `element`.
mlir::LogicalResult inferBroadcast(std::optional<mlir::Location> loc,
                                   mlir::ValueRange operands,
                                   mlir::Type element,
                                   llvm::SmallVectorImpl<mlir::Type> &types);

/// Verifies a result shape given as an attribute: `rank` entries, none
/// negative, no overflow.
mlir::LogicalResult verifySizes(std::optional<mlir::Location> loc,
                                llvm::ArrayRef<int64_t> shape, size_t rank);

/// Output size of a sliding window, or a negative number if it does not fit.
int64_t windowedSize(int64_t size, int64_t kernel, int64_t stride,
                     int64_t dilation, int64_t padBegin, int64_t padEnd);

/// Verifies window attributes of an op with `spatial` spatial dimensions.
mlir::LogicalResult verifyWindow(std::optional<mlir::Location> loc,
                                 size_t spatial, llvm::ArrayRef<int64_t> kernel,
                                 llvm::ArrayRef<int64_t> strides,
                                 llvm::ArrayRef<int64_t> pads,
                                 llvm::ArrayRef<int64_t> dilations);

/// The result shape of a pool over x (N x C x D1…).
mlir::FailureOr<llvm::SmallVector<int64_t>>
inferPoolShape(std::optional<mlir::Location> loc, llvm::ArrayRef<int64_t> x,
               llvm::ArrayRef<int64_t> kernel, llvm::ArrayRef<int64_t> strides,
               llvm::ArrayRef<int64_t> pads, llvm::ArrayRef<int64_t> dilations);

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

/// Arithmetic on float scalars of one type.
struct Floats {
  Emitter &e;
  mlir::Type type;

  mlir::Value operator()(double value) const { return e.constant(type, value); }
  mlir::Value div(mlir::Value lhs, mlir::Value rhs) const {
    return e.create<mlir::arith::DivFOp>({lhs, rhs});
  }
  mlir::Value less(mlir::Value lhs, mlir::Value rhs) const {
    return e.compare(mlir::arith::CmpFPredicate::OLT, lhs, rhs);
  }
  mlir::Value abs(mlir::Value value) const {
    return e.create<mlir::math::AbsFOp>({value});
  }
  mlir::Value floor(mlir::Value value) const {
    return e.create<mlir::math::FloorOp>({value});
  }
  mlir::Value ceil(mlir::Value value) const {
    return e.create<mlir::math::CeilOp>({value});
  }
  mlir::Value clamp(mlir::Value value, mlir::Value low,
                    mlir::Value high) const {
    return e.min(e.max(value, low, false), high, false);
  }
};

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// Indices of the only element of a one-element tensor.
llvm::SmallVector<mlir::Value> firstOf(Emitter &emitter, mlir::Value tensor);

/// Element `indices` of number tensor `tensor`, operand `operand`, as an index
/// value.
mlir::Value readIndex(Emitter &emitter, unsigned operand, mlir::Value tensor,
                      mlir::ValueRange indices);
/// Negative positions count from the end of a dimension of `size`.
mlir::Value fromEnd(Emitter &emitter, mlir::Value position, int64_t size);
/// `position` clamped into a dimension of `size`.
mlir::Value clampIndex(Emitter &emitter, mlir::Value position, int64_t size);

/// A position of a padded dimension: the element that stands there, and in
/// constant mode whether there is one (else null).
struct PaddedPosition {
  mlir::Value position, isInside;
};
PaddedPosition padPosition(Emitter &emitter, mlir::Value position, int64_t size,
                           PadMode mode);

/// The other way round of a sliding window: position `output` of the dimension
/// that windows scatter into and kernel position `kernel` give the window's
/// position among `windows`, and whether there is one.
PaddedPosition windowPosition(Emitter &emitter, mlir::Value output,
                              mlir::Value kernel, int64_t windows,
                              int64_t stride, int64_t pad, int64_t dilation);

/// e^x for x of at most 88 or a NaN: qc-expand-math needs half the arithmetic
/// for f32 then, and results below 2^-126 may become 0.
mlir::Value finiteExp(Emitter &emitter, mlir::Value x);

/// Parallel extents of an op that works on rows along `axis`: the dimensions
/// before and behind it.
llvm::SmallVector<int64_t> rowExtents(llvm::ArrayRef<int64_t> shape,
                                      int64_t axis);
/// The indices of the row that an iteration over `rowExtents` works on; the
/// entry of `axis` is null.
llvm::SmallVector<mlir::Value> rowIndices(Emitter &emitter,
                                          llvm::ArrayRef<int64_t> shape,
                                          int64_t axis,
                                          mlir::ValueRange iterations);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_IR_OPHELPERS_H
