// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives kernels new types of operands and results: what passes that choose
// layouts share.
#ifndef QC_LIB_DIALECT_QC_TRANSFORMS_KERNELTYPES_H
#define QC_LIB_DIALECT_QC_TRANSFORMS_KERNELTYPES_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "llvm/ADT/StringMap.h"

namespace qc {

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

class KernelTypes {
public:
  explicit KernelTypes(mlir::ModuleOp module)
      : module(module), symbols(module) {}

  KernelOp lookup(DispatchOp dispatch) {
    return symbols.lookup<KernelOp>(dispatch.getKernel());
  }

  /// Makes `dispatch` call a kernel with the same body and these types; equal
  /// ones are made once. The types of the dispatch's own operands and results
  /// are the caller's to change.
  void specialise(DispatchOp dispatch, mlir::TypeRange inputs,
                  mlir::TypeRange results);

  /// The kernel equal to `kernel`, which this takes over; `name` is what a new
  /// one is called.
  KernelOp insert(KernelOp kernel, llvm::StringRef name);

  /// Erases the kernels that nothing calls any more.
  void eraseUnused();

private:
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  /// By the text without the name.
  llvm::StringMap<KernelOp> known;
};

/// Whether several elements share a byte. Kernels write such tensors in whole
/// bytes: they have no views, and no layouts but those of packed weights.
inline bool isSubByte(mlir::RankedTensorType type) {
  mlir::Type element = type.getElementType();
  return !element.isInteger(1) && element.getIntOrFloatBitWidth() < 8;
}

/// The layout of a tensor, also where a missing one says row-major.
LayoutAttr getLayout(mlir::RankedTensorType type);

/// The layout of a transpose's result whose elements lie where those of its
/// operand, which has `layout`, lie.
LayoutAttr getTransposed(LayoutAttr layout,
                         mlir::ArrayRef<int64_t> permutation);

/// Whether a transpose's elements lie where those of its operand lie.
bool isView(TransposeOp transpose);

/// Whether each of `rank` dimensions is one digit, so that parts of it lie at a
/// distance.
bool hasPlainDigits(LayoutAttr layout, int64_t rank);

/// Whether tensors of two types, equal in row-major order of their elements,
/// are so in memory, too: what a reshape between them then costs nothing.
bool haveSameMemory(mlir::RankedTensorType lhs, mlir::RankedTensorType rhs);

/// A call, at the builder's position, of a kernel that copies `value` to a
/// tensor of type `type` (the same shape in another layout).
mlir::Value createCopy(mlir::OpBuilder &builder, mlir::Location loc,
                       KernelTypes &kernels, mlir::Value value,
                       mlir::RankedTensorType type);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_TRANSFORMS_KERNELTYPES_H
