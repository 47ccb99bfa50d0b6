// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ expressions of the operations of loop-level kernels.
// The legalize pass asks this file whether an operation has a C++ form, the
// printer asks it for the form: what one accepts, the other can print.
#ifndef QC_LIB_TARGET_HLS_EXPRESSIONS_H
#define QC_LIB_TARGET_HLS_EXPRESSIONS_H

#include "Scalars.h"

#include "mlir/IR/Operation.h"

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

/// The C++ expression of a side-effect-free operation with one result, given
/// its operands' expressions; nothing if the operation has no C++ form.
std::optional<Expression> buildExpression(mlir::Operation *op,
                                          llvm::ArrayRef<Expression> operands,
                                          const IntegerBounds &bounds);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_EXPRESSIONS_H
