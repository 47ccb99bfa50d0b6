// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on qc IR.
#ifndef QC_DIALECT_QC_TRANSFORMS_PASSES_H
#define QC_DIALECT_QC_TRANSFORMS_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace qc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qc/Dialect/QC/Transforms/Passes.h.inc"

} // namespace qc

#endif // QC_DIALECT_QC_TRANSFORMS_PASSES_H
