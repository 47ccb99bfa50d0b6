// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qc dialect: attributes, interfaces and ops.
#ifndef QC_DIALECT_QC_IR_QCDIALECT_H
#define QC_DIALECT_QC_IR_QCDIALECT_H

#include "qc/Dialect/QC/IR/Emitter.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "qc/Dialect/QC/IR/QCDialect.h.inc"
#include "qc/Dialect/QC/IR/QCEnums.h.inc"
#include "qc/Dialect/QC/IR/QCInterfaces.h.inc"

#define GET_ATTRDEF_CLASSES
#include "qc/Dialect/QC/IR/QCAttributes.h.inc"

namespace qc {

/// Module attribute that says how accumulators become codes: "float" (also if
/// absent) or "fixed".
inline constexpr llvm::StringLiteral requantizeModeName = "qc.requantize";
/// Whether the module around `op` asks for qc.requantize_fixed.
bool usesFixedRequantization(mlir::Operation *op);

/// Whether two lists of tensor types agree but for their layouts.
bool areCompatibleTypes(mlir::TypeRange lhs, mlir::TypeRange rhs);

/// Evaluates an op on constant operands through its reference decomposition.
/// Fails (no fold) when an operand is not constant or more than a few thousand
/// elements would be touched.
mlir::LogicalResult
foldTensorOp(mlir::Operation *op, llvm::ArrayRef<mlir::Attribute> operands,
             llvm::SmallVectorImpl<mlir::OpFoldResult> &results);

/// Whether `op` (a qc.dequantize or qc.cast) makes constants larger by so much
/// that artefacts keep the small form: such ops are not folded, and what they
/// compute is prepared when a model is loaded.
bool unpacksConstants(mlir::Operation *op);

} // namespace qc

#define GET_OP_CLASSES
#include "qc/Dialect/QC/IR/QCOps.h.inc"

#endif // QC_DIALECT_QC_IR_QCDIALECT_H
