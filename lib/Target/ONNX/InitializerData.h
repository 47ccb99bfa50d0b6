// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights inside a serialized model, found without parsing them.
//
// Protobuf copies every byte of a message that it parses. What makes models
// large is the raw data of their initializers, so that is left out of what is
// parsed and read where it lies, in a file that is mapped.
#ifndef QC_LIB_TARGET_ONNX_INITIALIZERDATA_H
#define QC_LIB_TARGET_ONNX_INITIALIZERDATA_H

#include "mlir/Support/LLVM.h"

#include <string>
#include <vector>

namespace qc {

/// A serialized ModelProto in two parts.
struct SplitModel {
  /// The message without the raw data below.
  std::string message;
  /// For each initializer of the main graph its raw data in the original
  /// bytes; empty where `message` still has it.
  std::vector<llvm::StringRef> initializers;
};

/// Splits off the raw data of large initializers. Fails on bytes that are no
/// protobuf message; whether they are a model is for the parser to say.
mlir::FailureOr<SplitModel> splitModel(llvm::StringRef bytes);

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_INITIALIZERDATA_H
