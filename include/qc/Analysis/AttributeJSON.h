// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables and the plan as JSON: the same data in a module and in a file that
// people read and edit.
#ifndef QC_ANALYSIS_ATTRIBUTEJSON_H
#define QC_ANALYSIS_ATTRIBUTEJSON_H

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/JSON.h"

namespace qc {

/// Objects become dictionaries, numbers f64 attributes, arrays of numbers dense
/// f64 arrays, other arrays array attributes, strings and booleans themselves,
/// null a unit attribute.
mlir::Attribute getAttribute(mlir::MLIRContext *context,
                             const llvm::json::Value &value);
/// The inverse, exact. Integer attributes become integers; attributes that JSON
/// cannot hold become null.
llvm::json::Value getJSON(mlir::Attribute attribute);

/// Reads a JSON object from a file. Fails with an error at `loc` that names the
/// file and the line.
mlir::FailureOr<llvm::json::Object> readJSONObject(mlir::Location loc,
                                                   llvm::StringRef path);
/// Replaces the file as a whole: a reader sees the old or the new content.
mlir::LogicalResult writeJSON(mlir::Location loc, llvm::StringRef path,
                              const llvm::json::Value &value);

} // namespace qc

#endif // QC_ANALYSIS_ATTRIBUTEJSON_H
