// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ types, literals and expressions for the operations of loop-level kernels.
// The legalize pass asks this file whether an operation has a C++ form, the
// printer asks it for the form: what one accepts, the other can print.
#ifndef QC_LIB_TARGET_HLS_EXPRESSIONS_H
#define QC_LIB_TARGET_HLS_EXPRESSIONS_H

#include "mlir/Analysis/DataFlowFramework.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"
#include "mlir/Interfaces/InferIntRangeInterface.h"
#include "llvm/ADT/DenseMap.h"
#include <memory>
#include <optional>
#include <string>

namespace qc::hls {

/// How tightly the operators of a C++ expression bind. Operators that read
/// badly without parentheses (comparisons, bit logic, selection) are `Other`.
enum class Precedence { Primary, Unary, Multiplicative, Additive, Other };

/// C++ text of a value.
struct Expression {
  std::string text;
  Precedence precedence = Precedence::Primary;

  /// The text as an operand of an operator that binds like `parent`, in
  /// parentheses if it has to be.
  std::string operand(Precedence parent = Precedence::Unary,
                      bool isRight = false) const {
    bool isBare =
        precedence < parent || (precedence == parent && !isRight &&
                                (parent == Precedence::Multiplicative ||
                                 parent == Precedence::Additive));
    return precedence == Precedence::Primary || isBare ? text
                                                       : "(" + text + ")";
  }
};

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

/// The C++ expression of a side-effect-free operation with one result, given
/// its operands' expressions; nothing if the operation has no C++ form.
std::optional<Expression> buildExpression(mlir::Operation *op,
                                          llvm::ArrayRef<Expression> operands,
                                          const IntegerBounds &bounds);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_EXPRESSIONS_H
