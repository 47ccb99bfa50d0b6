// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX tensors as constants: element types, stored and external data.
#ifndef QC_LIB_TARGET_ONNX_TENSORS_H
#define QC_LIB_TARGET_ONNX_TENSORS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MemoryBuffer.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <memory>
#include <string>

namespace qc {

/// qc's element type for an ONNX data type number, or null where qc has none
/// (strings, complex numbers).
mlir::Type getElementType(mlir::MLIRContext *context, int32_t dataType);
/// The ONNX data type number of an element type, or 0.
int32_t getDataType(mlir::Type element);
/// ONNX's name of a data type number.
std::string getDataTypeName(int32_t dataType);

/// Checks that the dimensions are not negative and that a tensor of them can be
/// addressed. On failure sets `error`.
bool isAddressable(llvm::ArrayRef<int64_t> shape, mlir::Type element,
                   std::string &error);

/// A constant of `shape` that repeats `value`, converted to `element` (integers
/// truncate), inline whatever its size.
mlir::ElementsAttr getSplat(mlir::Type element, llvm::ArrayRef<int64_t> shape,
                            double value);
/// A scalar that holds the smallest or largest value of `element`: for floats
/// with infinities those.
mlir::ElementsAttr getLimit(mlir::Type element, bool largest);

/// Reads tensors of one model.
class TensorReader {
public:
  TensorReader(mlir::MLIRContext *context, std::string dataDirectory)
      : context(context), dataDirectory(std::move(dataDirectory)) {}

  /// Says that the raw data of `tensor` is not in the message but here, in
  /// `file`, or in memory of the caller if that is null.
  void addData(const onnx::TensorProto &tensor, llvm::StringRef bytes,
               std::shared_ptr<llvm::MemoryBuffer> file) {
    rawData[&tensor] = {bytes, std::move(file)};
  }

  /// The tensor as a constant. Takes the bytes out of `tensor` without copying
  /// them where it can, so a tensor can be read once. Null and `error` on
  /// failure.
  mlir::ElementsAttr read(onnx::TensorProto &tensor, std::string &error);

private:
  mlir::ElementsAttr readExternal(const onnx::TensorProto &tensor,
                                  mlir::RankedTensorType type,
                                  std::string &error);
  std::shared_ptr<llvm::MemoryBuffer> openData(llvm::StringRef location,
                                               std::string &error);

  mlir::MLIRContext *context;
  std::string dataDirectory;
  std::map<std::string, std::shared_ptr<llvm::MemoryBuffer>> files;
  llvm::DenseMap<
      const onnx::TensorProto *,
      std::pair<llvm::StringRef, std::shared_ptr<llvm::MemoryBuffer>>>
      rawData;
};

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_TENSORS_H
