// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant tensors as bytes.
//
// Small constants are inline attributes; larger ones are resource blobs whose
// key is the 128-bit hash of their content, so that equal weights are one blob
// and attributes, which live as long as the context, carry only the key. Bytes
// are always in storage format: row-major, little-endian, i1 as one byte,
// sub-byte integers packed from the low bits.
#ifndef QC_DIALECT_QC_IR_CONSTANTSTORE_H
#define QC_DIALECT_QC_IR_CONSTANTSTORE_H

#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"

namespace qc {

/// A constant of `type` with these bytes (copied). The byte count must be the
/// type's storage size.
mlir::ElementsAttr getConstant(mlir::RankedTensorType type,
                               llvm::ArrayRef<char> bytes);

/// The same around memory that `blob` owns or keeps mapped; copies only if
/// small.
mlir::ElementsAttr getConstant(mlir::RankedTensorType type,
                               mlir::AsmResourceBlob blob);

/// The bytes of a constant. `scratch` holds them where the attribute does not
/// in this format. Fails when a blob is missing or has the wrong size.
mlir::FailureOr<llvm::ArrayRef<char>>
getConstantBytes(mlir::ElementsAttr value,
                 llvm::SmallVectorImpl<char> &scratch);

/// Numbers of a small constant: floats and integers of any width as double.
mlir::FailureOr<llvm::SmallVector<double>>
getConstantNumbers(mlir::ElementsAttr value);
/// Integers of a constant, extended by the signedness of its element type.
mlir::FailureOr<llvm::SmallVector<int64_t>>
getConstantIntegers(mlir::ElementsAttr value);

/// Frees the bytes of all constants that no op at or below `root` refers to.
/// Attributes live as long as their context, so what folding has replaced would
/// stay in memory. For a program that compiles one module per context: nothing
/// else in the context may need its constants.
void releaseUnusedConstants(mlir::Operation *root);

} // namespace qc

#endif // QC_DIALECT_QC_IR_CONSTANTSTORE_H
