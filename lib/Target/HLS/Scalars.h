// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ types and literals of scalars, and the bounds of integer values, which
// decide which of the types an index value has.
#ifndef QC_LIB_TARGET_HLS_SCALARS_H
#define QC_LIB_TARGET_HLS_SCALARS_H

#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <optional>
#include <string>

namespace qc::hls {

/// Known bounds of the integer values of a function: they decide which index
/// values are plain `int` and where C++ operators cannot overflow. Without an
/// analysed function nothing is known, which is always correct.
class IntegerBounds {
public:
  IntegerBounds() = default;
  /// Analyses `root` (a function).
  explicit IntegerBounds(mlir::Operation *root);

  /// The signed range of `value`, unless nothing is known.
  std::optional<mlir::ConstantIntRanges> get(mlir::Value value) const;
  bool isNonNegative(mlir::Value value) const;
  /// Index values print as `int` if they fit, else as `int64_t`.
  bool fitsInInt(mlir::Value value) const;

private:
  std::shared_ptr<mlir::DataFlowSolver> solver;
};

/// The C++ type of a scalar, or nothing where C++ has none. `index` is
/// `int64_t`; see `getScalarType(Value)`.
std::optional<std::string> getScalarType(mlir::Type type);
/// The C++ type of a value: as above, but `int` for an index that fits.
std::string getScalarType(mlir::Value value, const IntegerBounds &bounds);

/// True for a memref that prints as a one-dimensional array: rank 0 or 1,
/// static shape, no layout, a scalar element type. i1 has no agreed layout in
/// buffers that cross functions, so it needs `isPrivate`.
bool isArrayType(mlir::Type type, bool isPrivate);

/// A literal of a floating-point type from its bit pattern.
std::string getFloatLiteral(const llvm::APFloat &value);
/// A literal of an integer type (i1: `true` or `false`).
std::string getIntegerLiteral(const llvm::APInt &value);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_SCALARS_H
