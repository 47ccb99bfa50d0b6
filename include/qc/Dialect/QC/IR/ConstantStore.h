// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant tensors as bytes.
//
// Small constants are inline attributes; larger ones are resource blobs whose
// key is the 128-bit hash of their content, so that equal weights are one blob
// and attributes, which live as long as the context, carry only the key. Bytes
// are always in storage format: row-major, little-endian, i1 as one byte,
// elements of 2 to 7 bits as one stream of bits, from the low bits of each
// byte: element i is bits [i w, (i + 1) w).
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

/// Element `index` of the stream of `bits` bits each in `bytes`, and setting it
/// where the stream holds zeros. 2 <= bits <= 7.
uint8_t readBits(llvm::ArrayRef<char> bytes, int64_t index, unsigned bits);
void writeBits(llvm::MutableArrayRef<char> bytes, int64_t index, unsigned bits,
               uint8_t code);

/// The elements of a tensor in storage format: floats and integers of any width
/// as double. `bytes` are as many as the type occupies.
llvm::SmallVector<double> getNumbers(mlir::RankedTensorType type,
                                     llvm::ArrayRef<char> bytes);

/// Numbers of a small constant: floats and integers of any width as double.
mlir::FailureOr<llvm::SmallVector<double>>
getConstantNumbers(mlir::ElementsAttr value);
/// Integers of a constant, extended by the signedness of its element type.
mlir::FailureOr<llvm::SmallVector<int64_t>>
getConstantIntegers(mlir::ElementsAttr value);

/// Whether two matrices are each other's transpose, bit for bit.
bool isTransposed(mlir::ElementsAttr lhs, mlir::ElementsAttr rhs);

/// Frees the bytes of all constants that no op at or below `root` refers to.
/// Attributes live as long as their context, so what folding has replaced would
/// stay in memory. For a program that compiles one module per context: nothing
/// else in the context may need its constants.
void releaseUnusedConstants(mlir::Operation *root);

} // namespace qc

#endif // QC_DIALECT_QC_IR_CONSTANTSTORE_H
