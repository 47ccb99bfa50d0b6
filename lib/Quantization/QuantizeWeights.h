// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounds constant weights.
#ifndef QC_LIB_QUANTIZATION_QUANTIZEWEIGHTS_H
#define QC_LIB_QUANTIZATION_QUANTIZEWEIGHTS_H

#include "qc/Analysis/Observer.h"
#include "qc/Analysis/Plan.h"
#include "qc/Analysis/WeightQuantizer.h"
#include "qc/Quantization/LinearLayer.h"

#include <vector>

namespace qc {

/// Codes of a weight tensor and what they mean.
struct QuantizedWeights {
  /// As long as the matrix, row-major rows x columns; the represented numbers.
  std::vector<float> reals;
  /// The tensor's constants: codes, scales, zero points.
  mlir::ElementsAttr codes, scales, zeros;
  int64_t axis = 0, blockSize = 0;
};

/// The numbers of `operand`, constant weights of the node of that name. An
/// error names it where they are not all finite: no grid has codes for them.
mlir::FailureOr<llvm::SmallVector<float>> readWeights(mlir::OpOperand &operand,
                                                      llvm::StringRef node);

/// What rounding the weights that `moment` meets in block `group` should keep
/// small: the second moment of their inputs, or where correcting the bias
/// restores the mean output the covariance, shrunk for other inputs' sake.
std::vector<double> getHessian(SecondMoment &moment, int64_t group,
                               bool isMeanRestored);

/// Rounds a layer's weights (`matrix`, row-major rows x columns) to `format`.
/// `hessians` has one columns x columns second moment of the inputs per group,
/// or none: then rounding is to nearest and the range method "output" becomes
/// "mse". `feedbacks` are those of the hessians, where they are known.
mlir::FailureOr<QuantizedWeights>
quantizeWeights(const LinearLayer &layer, llvm::ArrayRef<float> matrix,
                const OperandFormat &format,
                llvm::ArrayRef<std::vector<double>> hessians,
                llvm::ArrayRef<ErrorFeedback> feedbacks = {});

/// Only the numbers that the rounded weights stand for; f32 changes none.
mlir::FailureOr<std::vector<float>>
roundWeights(const LinearLayer &layer, llvm::ArrayRef<float> matrix,
             const OperandFormat &format,
             llvm::ArrayRef<std::vector<double>> hessians,
             llvm::ArrayRef<ErrorFeedback> feedbacks = {});

/// The same as quantizeWeights for rows that a qc.gather picks (an embedding),
/// to nearest.
mlir::FailureOr<QuantizedWeights> quantizeRows(mlir::Operation *gather,
                                               llvm::ArrayRef<float> matrix,
                                               const OperandFormat &format);

/// Rounds weights that a product multiplies by and a qc.gather picks rows of:
/// both get the same codes, each in its own order. `hessian` is the second
/// moment of what is multiplied. The loss that rounding keeps small is that of
/// the products plus that of the rows, each by the power of what it spoils.
struct TiedWeights {
  QuantizedWeights product, rows;
};
mlir::FailureOr<TiedWeights>
quantizeTiedWeights(const LinearLayer &layer, llvm::ArrayRef<float> matrix,
                    const OperandFormat &format,
                    llvm::ArrayRef<double> hessian);

/// Makes operand `operand` the dequantized codes.
void replaceWeights(mlir::OpOperand &operand, const QuantizedWeights &weights);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_QUANTIZEWEIGHTS_H
