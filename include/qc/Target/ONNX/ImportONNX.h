// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX models to qc IR at the graph level.
#ifndef QC_TARGET_ONNX_IMPORTONNX_H
#define QC_TARGET_ONNX_IMPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <string>
#include <utility>
#include <vector>

namespace qc {

/// What the user says about a model that the file leaves open.
struct ImportOptions {
  /// Path of the model, for diagnostics and as the folder of external data.
  std::string filename;
  /// Folder of external data where it is not the model's own.
  std::string dataDirectory;
  /// Values of symbolic dimensions. Several values give one function per
  /// combination.
  std::vector<std::pair<std::string, std::vector<int64_t>>> bindings;
  /// Shapes of inputs, one function per combination of alternatives.
  std::vector<std::pair<std::string, std::vector<std::vector<int64_t>>>> shapes;
  /// Emit a remark for each node that was imported through its schema's
  /// function body.
  bool reportExpanded = false;
};

/// Imports the model in `options.filename`. The module holds `@main`, or one
/// function per shape combination (`@main_0`, `@main_1`, …) with the values in
/// the attribute `qc.binding`. Every unsupported node is reported before this
/// fails.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importONNX(mlir::MLIRContext &context, const ImportOptions &options);

/// The same for a model in memory: ONNX's binary form, or its text form when
/// the name in `options` ends in `.onnxtxt`.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importONNX(mlir::MLIRContext &context, const llvm::MemoryBuffer &model,
           const ImportOptions &options);

/// Prints one line per node: name, op, domain, opset and how it is imported
/// (handler, function body, unsupported).
mlir::LogicalResult listONNXNodes(mlir::MLIRContext &context,
                                  const llvm::MemoryBuffer &model,
                                  const ImportOptions &options,
                                  llvm::raw_ostream &output);

/// Prints the page of operators that are imported (docs/operators.md).
void printONNXOperators(llvm::raw_ostream &output);

} // namespace qc

#endif // QC_TARGET_ONNX_IMPORTONNX_H
