// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc IR at the graph and QDQ levels to ONNX models.
#ifndef QC_TARGET_ONNX_EXPORTONNX_H
#define QC_TARGET_ONNX_EXPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

#include <string>

namespace qc {

/// What the user says about the model to be written.
struct ExportOptions {
  /// The function to export; empty: the module's only one.
  std::string function;
  /// Codes of a width that ONNX lacks are an error. Otherwise they are stored
  /// in its next wider integer type (3 bits in 4, 5 to 7 in 8), and a warning
  /// says so; scales, zero points and so all numbers stay as they are.
  bool exactTypes = false;
  /// File for the weights, in the folder that the model will lie in; empty:
  /// they are part of the model.
  std::string externalData;
  /// Where weights of more than 2 GB, which a model cannot hold, go if
  /// `externalData` is empty; without either they are an error.
  std::string externalDataIfLarge;
};

/// Writes a function (qc ops on tensors, `func.return`) as an ONNX model that
/// the ONNX checker accepts, of the lowest operator set from 13 on that has all
/// its operators for their types. Values are named by the functions'
/// attributes "qc.name", nodes by their locations, constants by theirs; names
/// that are missing or taken are made unique. A result with the attribute
/// "qc.extents" becomes an output of run-time size, and the result that the
/// attribute names none.
///
/// Each op that has no counterpart is reported, with its reason, before this
/// fails. Equal modules give equal bytes.
mlir::LogicalResult exportONNX(mlir::ModuleOp module,
                               const ExportOptions &options,
                               llvm::raw_ostream &output);

} // namespace qc

#endif // QC_TARGET_ONNX_EXPORTONNX_H
