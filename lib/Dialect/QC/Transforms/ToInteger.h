// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rule families of qc-to-integer: see ToInteger.cpp, which drives them.
//
// Each converts one op and says whether it did, or builds the codes that
// replace a quantize and returns null where its rule does not apply. The
// numerics are stated in the pass's description (Passes.td).
#ifndef QC_LIB_DIALECT_QC_TRANSFORMS_TOINTEGER_H
#define QC_LIB_DIALECT_QC_TRANSFORMS_TOINTEGER_H

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/IR/PatternMatch.h"

namespace qc {

//===----------------------------------------------------------------------===//
// Contractions (IntegerContractions.cpp)
//===----------------------------------------------------------------------===//

/// One dequantized operand of a contraction.
struct CodesOperand {
  mlir::Value codes;
  Quantization parameters;
};

/// A contraction in terms that conv and matmul share. Channels are the
/// dimension of the result along which scales and biases vary.
struct Contraction {
  mlir::Operation *op;
  CodesOperand lhs, rhs;
  int64_t channelAxis;
  int64_t channels;
  /// fl(s_x s_w), one or one per channel; s_w alone with `tokenScale`.
  llvm::SmallVector<float> scales;
  /// sum_k |w - w_zero| max|x - x_zero| per channel: bounds every partial sum.
  llvm::SmallVector<double> bounds;
  /// Scales of the left operand's rows that a run computes (rows x 1), or null.
  mlir::Value tokenScale = {};
};

/// Describes `op` if both its operands are dequantized 8-bit codes with
/// parameters that the integer form can carry; `reason` says why not.
mlir::FailureOr<Contraction> matchContraction(mlir::Operation *op,
                                              std::string &reason);

/// Replaces a contraction of dequantized operands, with its bias and a batch
/// norm behind it, by an integer one and a qc.rescale of its accumulators.
bool convertContraction(mlir::IRRewriter &rewriter, mlir::Operation *op);

//===----------------------------------------------------------------------===//
// Biases and batch norms of contractions (IntegerBias.cpp)
//===----------------------------------------------------------------------===//

/// A bias as numbers per channel: codes of accumulators' scale, or reals.
struct Bias {
  /// Codes, exact; empty if only reals are known.
  llvm::SmallVector<int64_t> codes;
  llvm::SmallVector<double> reals;
};

/// The constant bias `value`, one number or one per channel; fails if it is
/// not constant or int32 codes of another scale, which stay float.
mlir::FailureOr<Bias> matchBias(mlir::Value value,
                                const Contraction &contraction);

/// Bias codes of the accumulator; fails if a real bias gives 2^30 or more.
mlir::FailureOr<llvm::SmallVector<int64_t>>
getBiasCodes(const Bias &bias, const Contraction &contraction);

/// The contraction and bias with batch norm `norm` behind them folded in:
/// y = a (acc s + b - mean) + beta with a = gamma / sqrt(variance + epsilon),
/// so scales become a s, with the sign of a, and biases a (b - mean) + beta.
mlir::LogicalResult foldBatchNorm(BatchNormOp norm, Contraction &contraction,
                                  Bias &bias);

//===----------------------------------------------------------------------===//
// What a quantize looks back on
//===----------------------------------------------------------------------===//

/// Chains of adds and clamps in units of the output's scale
/// (IntegerChains.cpp).
mlir::Value buildChain(mlir::IRRewriter &rewriter, QuantizeOp op,
                       const Quantization &target);
/// Whether a chain up to codes and accumulators gives `value`.
bool isMadeOfCodes(mlir::Value value);
/// Means over axes (IntegerMeans.cpp).
mlir::Value buildMean(mlir::IRRewriter &rewriter, QuantizeOp op,
                      const Quantization &target);

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

inline mlir::Value buildConstant(mlir::OpBuilder &builder, mlir::Location loc,
                                 mlir::ElementsAttr value) {
  return ConstantOp::create(
      builder, loc, mlir::cast<mlir::Type>(value.getShapedType()), value);
}

//===----------------------------------------------------------------------===//
// Accumulators (IntegerRequantize.cpp)
//===----------------------------------------------------------------------===//

/// The type of accumulators whose absolute values are at most `bound`: si32 or
/// si64.
mlir::IntegerType getAccumulatorType(mlir::MLIRContext *context, double bound);

/// `acc`, whose scale is the reals' unit, as codes of `target`. The factors
/// (one or one per index of `axis`) are those of qc.requantize; `exact` gives
/// them in f64 for the fixed form, which the module may ask for.
mlir::Value buildRequantize(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value acc, llvm::ArrayRef<float> factors,
                            llvm::ArrayRef<double> exact, int64_t axis,
                            const Quantization &target);

/// Largest |code - zero| of a storage type (IntegerContractions.cpp).
double largestMagnitude(const Quantization &parameters, int64_t index);

} // namespace qc

#endif // QC_LIB_DIALECT_QC_TRANSFORMS_TOINTEGER_H
