// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of a function's ops and values for tables and the plan.
#ifndef QC_ANALYSIS_NODENAMES_H
#define QC_ANALYSIS_NODENAMES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringMap.h"

namespace qc {

/// Unique names in one function. An op has its ONNX node's name (qc/Support/
/// Names.h), without one its own mnemonic; the second op of a name is "name#2".
/// A value has the name of the op that computes it, with ":1" for the second
/// result and so on; an argument has the input's name.
class NodeNames {
public:
  explicit NodeNames(mlir::func::FuncOp function);

  llvm::StringRef getName(mlir::Operation *op) const {
    return names.lookup(op);
  }
  std::string getName(mlir::Value value) const;
  /// The op of that name, or null.
  mlir::Operation *lookup(llvm::StringRef name) const {
    return ops.lookup(name);
  }

private:
  llvm::StringMap<mlir::Operation *> ops;
  llvm::DenseMap<mlir::Operation *, llvm::StringRef> names;
  mlir::func::FuncOp function;
};

} // namespace qc

#endif // QC_ANALYSIS_NODENAMES_H
