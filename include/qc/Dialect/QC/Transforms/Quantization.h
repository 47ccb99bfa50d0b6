// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What passes at the QDQ and integer levels share: quantization parameters as
// numbers, constant tensors of codes and reals, and the arithmetic of
// quantization on them.
//
// Everything here rounds exactly as the ops do (QCQuantOps.td): f32, one
// rounding per operation, half to even.
#ifndef QC_DIALECT_QC_TRANSFORMS_QUANTIZATION_H
#define QC_DIALECT_QC_TRANSFORMS_QUANTIZATION_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

/// Constant parameters of a quantize or dequantize op with integer codes: one
/// scale and zero point, or one pair per index of `axis`.
struct Quantization {
  llvm::SmallVector<float> scales;
  llvm::SmallVector<int64_t> zeros;
  int64_t axis = 0;
  mlir::IntegerType storage;

  bool isPerTensor() const { return scales.size() == 1; }
  float scale(int64_t index = 0) const {
    return scales[isPerTensor() ? 0 : index];
  }
  int64_t zero(int64_t index = 0) const {
    return zeros[isPerTensor() ? 0 : index];
  }
  /// Smallest and largest code of the storage type.
  int64_t smallest() const;
  int64_t largest() const;
  bool operator==(const Quantization &other) const {
    return scales == other.scales && zeros == other.zeros &&
           storage == other.storage && (isPerTensor() || axis == other.axis);
  }
};

/// The parameters of a qc.quantize or qc.dequantize. Fails, with a reason for a
/// remark, unless they are constant f32 scales, finite and positive, per tensor
/// or per axis, with integer storage.
mlir::FailureOr<Quantization> getQuantization(mlir::Operation *op,
                                              std::string *reason = nullptr);

/// Smallest and largest value of an integer type with signedness.
int64_t getSmallestCode(mlir::IntegerType type);
int64_t getLargestCode(mlir::IntegerType type);

/// The constant that `value` is, or null.
mlir::ElementsAttr getConstantValue(mlir::Value value);
/// Whether `value` is a constant or the transpose of one that others use too,
/// which is not worth a second copy in the artefact.
bool isConstantCodes(mlir::Value value);
/// The integers of such a value; fails if it is none or cannot be read.
mlir::FailureOr<llvm::SmallVector<int64_t>> getConstantCodes(mlir::Value value);
/// The power of two that no such code's magnitude exceeds, as `qc.weight_bound`
/// says it; 0 where it would be above 64, or codes are not constant or have
/// more than 8 bits.
int64_t getWeightBound(mlir::Value weights);
/// Codes of fewer than 8 bits as si8, others as they are.
mlir::Value buildWidenedWeights(mlir::OpBuilder &builder, mlir::Value weights);
/// The integer that all elements of a constant are, if they are one.
std::optional<int64_t> getEqualIntegers(mlir::Value value);
/// The numbers of a constant f32 tensor of any size; fails if it is not one.
mlir::FailureOr<llvm::SmallVector<float>> getConstantFloats(mlir::Value value);
/// The same for a constant or a dequantized constant.
mlir::FailureOr<llvm::SmallVector<float>> getConstantReals(mlir::Value value);

mlir::ElementsAttr getFloatsAttr(mlir::MLIRContext *context,
                                 llvm::ArrayRef<int64_t> shape,
                                 llvm::ArrayRef<float> values);
/// Codes of any integer width; each value must fit `element`.
mlir::ElementsAttr getIntegersAttr(mlir::IntegerType element,
                                   llvm::ArrayRef<int64_t> shape,
                                   llvm::ArrayRef<int64_t> values);

/// A qc.constant of f32: rank 0 for one value, else a vector.
mlir::Value buildFloats(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::ArrayRef<float> values);
/// A qc.constant of one integer of tensor element type `element` (rank 0).
mlir::Value buildInteger(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Type element, int64_t value);

/// The code of real `x`: divide, round half to even, add zero, saturate.
int64_t quantizeNumber(float x, float scale, int64_t zero,
                       mlir::IntegerType storage);

/// Evaluates qc.quantize of a constant, or null if the types do not suit.
mlir::ElementsAttr quantizeConstant(mlir::ElementsAttr reals,
                                    const Quantization &quantization);
/// Evaluates qc.dequantize of constant codes (to f32).
mlir::ElementsAttr dequantizeConstant(mlir::ElementsAttr codes,
                                      const Quantization &quantization);
/// Evaluates qc.transpose of a constant of any size, or null if it cannot be
/// read.
mlir::ElementsAttr transposeConstant(mlir::ElementsAttr value,
                                     llvm::ArrayRef<int64_t> permutation);
/// The same bytes under another shape with as many elements.
mlir::ElementsAttr reshapeConstant(mlir::ElementsAttr value,
                                   llvm::ArrayRef<int64_t> shape);

} // namespace qc

#endif // QC_DIALECT_QC_TRANSFORMS_QUANTIZATION_H
