// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How one convolution is computed in the domain of a fast algorithm: what
// qc-calibrate-transforms decides and qc-select-conv-algorithm does.
#ifndef QC_DIALECT_QC_TRANSFORMS_CONVTRANSFORM_H
#define QC_DIALECT_QC_TRANSFORMS_CONVTRANSFORM_H

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/SFC/AdditionProgram.h"

#include <optional>

namespace qc {

/// The attribute `qc.transform` of a qc.conv:
///
///   {algorithm = "sfc-6(6x6,3x3)", bits = 8, scales = array<f32: …>,
///    offsets = array<i64: …>, weights = dense<…> : tensor<TxCxKxsi8>,
///    weight_scales = array<f32: …>, bias = array<i64: …>}
///
/// or {algorithm = "direct"}. Without scales the products are exact; with one
/// scale per product t, or per product and input channel c (row-major), in
/// units of the input's codes, the transformed data become codes of `bits`
/// bits: v = scales[t, c] code - offsets[t]. Absent offsets are 0, absent bits
/// 8; bits without scales are an error.
///
/// The other three are how it was rounded where that was not to nearest: codes
/// of the transformed weights with one scale per product and output channel k,
/// u scales[t, c] = weight_scales[t, k] weights[t, c, k], and what the sums get
/// besides.
struct ConvTransform {
  std::string algorithm;
  int64_t bits = 8;
  llvm::SmallVector<float> scales;
  llvm::SmallVector<int64_t> offsets;
  mlir::ElementsAttr weights;
  llvm::SmallVector<float> weightScales;
  llvm::SmallVector<int64_t> bias;

  static constexpr llvm::StringLiteral attributeName = "qc.transform";

  bool isDirect() const { return algorithm == "direct"; }
  bool isExact() const { return scales.empty(); }
  /// What `conv` carries, nothing if it carries none. Fails with an error at
  /// the convolution for what cannot be meant.
  static mlir::FailureOr<std::optional<ConvTransform>> get(ConvOp conv);
  mlir::DictionaryAttr getAttribute(mlir::MLIRContext *context) const;
};

/// Whether `force` is auto, direct, a family or an algorithm; otherwise an
/// error at `op` says what there is.
mlir::LogicalResult checkConvAlgorithm(mlir::Operation *op,
                                       llvm::StringRef force);

/// Makes unsigned constant weights of `conv` signed, which is exact.
bool signWeights(ConvOp conv);

/// Why no algorithm can compute `conv`, whose weights are signed, or each of
/// its groups; empty if one can.
std::string getTransformObstacle(ConvOp conv, bool mayHaveGroups = false);

/// The algorithm for `conv` of those that `force` names that should be fastest;
/// null, with a reason, if there is none or, for auto, if the direct form, or
/// for products of codes the exact one, should not be slower. `isExact` says
/// which products codes have, `dotProduct` whether the CPU multiplies bytes in
/// one instruction, `isGroup` that `conv` is one of several groups, whose
/// channels are taken out of maps and put back.
const FastConvolution *chooseFastConvolution(ConvOp conv, llvm::StringRef force,
                                             bool isExact, bool dotProduct,
                                             std::string &reason,
                                             bool isGroup = false);

/// Brings `conv` into the form without padding and zero points and returns its
/// input's tiles in the domain of `algorithm`.
mlir::Value buildInputTransform(mlir::OpBuilder &builder, ConvOp conv,
                                const FastConvolution &algorithm,
                                llvm::ArrayRef<int64_t> offsets = {});

/// The bias of `conv`, in whatever form it is, with that of `transform`; null
/// if there is none.
mlir::Value buildTransformBias(mlir::OpBuilder &builder, ConvOp conv,
                               const ConvTransform &transform);

/// The values that qc.sfc_input_transform can give per product for inputs of
/// the integer type `element`.
llvm::SmallVector<IntegerRange>
getInputTransformRanges(const FastConvolution &algorithm, mlir::Type element);

/// What `conv`, an integer convolution that getTransformObstacle lets pass,
/// computes with products of codes as `transform` says, which fits `algorithm`:
///
///   v = saturate(round(fl(tile * 1/scale)) + zero)       T x tiles x C
///   m = round(fl(float(v u + constant) factor))          T x tiles x K
///   y = (A m) unit                                       sums as conv's own
///
/// with weights u = round(scale G w / s) or those of `transform`, one scale s
/// per product and output channel, a constant that undoes zero and offsets,
/// factor = s / (denominator unit) and unit a power of two per output channel,
/// the smallest for which m fits si16 for every input; m is si32 and unit 1
/// where that would add audibly to the noise. Null, with a reason, if sums
/// might leave 32 bits. The convolution itself stays, in the form of
/// buildInputTransform. Its bias, with that of `transform`, is still to be
/// added.
mlir::Value buildQuantizedTransform(mlir::OpBuilder &builder, ConvOp conv,
                                    const FastConvolution &algorithm,
                                    const ConvTransform &transform,
                                    std::string &reason);

} // namespace qc

#endif // QC_DIALECT_QC_TRANSFORMS_CONVTRANSFORM_H
