// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Elementary functions as sequences of IEEE arithmetic.
#ifndef QC_LIB_CONVERSION_EXPANDMATH_ELEMENTARYFUNCTIONS_H
#define QC_LIB_CONVERSION_EXPANDMATH_ELEMENTARYFUNCTIONS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Operation.h"

namespace qc {

/// The value of a transcendental math op on f32 or f64 (scalars or vectors) as
/// arith ops and the math ops that targets have; null if the op is none.
mlir::Value expandElementary(mlir::OpBuilder &builder, mlir::Operation *op);

/// arith.remf, exactly.
mlir::Value expandRemainder(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value lhs, mlir::Value rhs);

/// math.floor, ceil, trunc, round and roundeven by additions, for CPUs without
/// an instruction; null if the op is none.
mlir::Value expandRounding(mlir::OpBuilder &builder, mlir::Operation *op);

} // namespace qc

#endif // QC_LIB_CONVERSION_EXPANDMATH_ELEMENTARYFUNCTIONS_H
