// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between f32 and floats of 16 bits and less as integer code.
//
// Targets have no instructions for most of these types (and LLVM calls library
// functions for some of the others), so the bits are made and read by integer
// arithmetic that every target has. Values may be vectors.
#ifndef QC_DIALECT_QC_IR_NARROWFLOAT_H
#define QC_DIALECT_QC_IR_NARROWFLOAT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace qc {

/// How a value between two powers of two becomes an f8E8M0FNU.
enum class PowerRounding { Nearest, Down, Up };

/// Whether `encodeNarrowFloat` and `decodeNarrowFloat` know `type`.
bool isNarrowFloat(mlir::Type type);

/// The code of f32 `value` in `type`, rounded half to even, as a signless
/// integer of at least 8 bits. Values beyond the largest become what the
/// standard of the type says (infinity, NaN, or for f4E2M1FN the largest);
/// with `saturate` the largest finite value, infinities included.
mlir::Value encodeNarrowFloat(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::Value value, mlir::FloatType type,
                              bool saturate,
                              PowerRounding rounding = PowerRounding::Nearest);

/// The f32 value of a code (an integer of at least the type's width whose
/// surplus bits are ignored). Exact.
mlir::Value decodeNarrowFloat(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::Value code, mlir::FloatType type);

} // namespace qc

#endif // QC_DIALECT_QC_IR_NARROWFLOAT_H
