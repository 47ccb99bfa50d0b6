// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function that a pass quantizes or measures.
#ifndef QC_LIB_QUANTIZATION_MODELFUNCTION_H
#define QC_LIB_QUANTIZATION_MODELFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace qc {

/// The module's function: the only one, with a body of one block. Otherwise an
/// error at the module that names the pass.
mlir::FailureOr<mlir::func::FuncOp> getModelFunction(mlir::ModuleOp module,
                                                     llvm::StringRef pass);

/// The same for passes that take float models: a layer whose weights are codes
/// already is an error that names it. Rounding codes' numbers again would lose
/// accuracy for nothing, and tables would be of the wrong model.
mlir::FailureOr<mlir::func::FuncOp> getFloatFunction(mlir::ModuleOp module,
                                                     llvm::StringRef pass);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_MODELFUNCTION_H
