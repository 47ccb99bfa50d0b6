// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What happens to each element of a value before anything else reads it.
#ifndef QC_LIB_QUANTIZATION_ELEMENTFUNCTION_H
#define QC_LIB_QUANTIZATION_ELEMENTFUNCTION_H

#include "mlir/IR/Value.h"

#include <optional>
#include <vector>

namespace qc {

/// Whether a qc.constant gives the value.
bool isConstant(mlir::Value value);

/// Elementwise ops that compute a value of the same type from one value and
/// constants, such as relu(x), x + bias or x * sigmoid(x), and are the only
/// ones that read the value and what is between.
class ElementFunction {
public:
  /// The shortest function of `source`, if there is one.
  static std::optional<ElementFunction> find(mlir::Value source);

  mlir::Value getResult() const { return ops.back()->getResult(0); }
  /// In order.
  llvm::ArrayRef<mlir::Operation *> getOps() const { return ops; }

  /// The function's values at `points`; fails, without an error, where
  /// constants are not the same for all elements.
  mlir::FailureOr<std::vector<float>>
  evaluate(llvm::ArrayRef<float> points) const;

private:
  explicit ElementFunction(mlir::Value source) : source(source) {}

  mlir::Value source;
  llvm::SmallVector<mlir::Operation *, 2> ops;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_ELEMENTFUNCTION_H
