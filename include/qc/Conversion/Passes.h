// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between dialects.
#ifndef QC_CONVERSION_PASSES_H
#define QC_CONVERSION_PASSES_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace qc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qc/Conversion/Passes.h.inc"

/// Attributes of loop-level functions.
/// Number of trailing arguments that are results.
inline constexpr llvm::StringLiteral numResultsAttrName = "qc.num_results";
/// The schedule family of the kernel.
inline constexpr llvm::StringLiteral familyAttrName = "qc.family";
/// Rough number of scalar operations that the whole kernel executes.
inline constexpr llvm::StringLiteral workAttrName = "qc.work";
/// For reports: the main op and its shapes, multiply-accumulates of
/// convolutions and matrix products, and the element type of their factors.
inline constexpr llvm::StringLiteral shapeAttrName = "qc.shape";
inline constexpr llvm::StringLiteral macsAttrName = "qc.macs";
inline constexpr llvm::StringLiteral macTypeAttrName = "qc.mac_type";
/// Present if the kernel writes only a part of a result's buffer.
inline constexpr llvm::StringLiteral keepsResultsAttrName = "qc.keeps_results";

/// Number of flattened parallel iterations (after
/// qc-parallel-to-range or qc-parallel-to-threads).
inline constexpr llvm::StringLiteral extentAttrName = "qc.extent";
/// Bytes of alignment that the code assumes of each argument beyond its element
/// type's, as an array of i64; absent where it assumes none.
inline constexpr llvm::StringLiteral alignmentsAttrName = "qc.alignments";

/// Creates the empty loop-level function of `kernel` (arguments, attributes,
/// return) before it; the caller fills the body and erases the kernel.
mlir::func::FuncOp createLoopFunction(mlir::OpBuilder &builder,
                                      KernelOp kernel);

/// Rough number of scalar operations that `kernel` executes.
int64_t estimateWork(KernelOp kernel);

} // namespace qc

#endif // QC_CONVERSION_PASSES_H
