// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats of constant weights as passes' options ask for them.
#ifndef QC_LIB_QUANTIZATION_WEIGHTFORMATS_H
#define QC_LIB_QUANTIZATION_WEIGHTFORMATS_H

#include "qc/Analysis/Plan.h"

namespace qc {

/// What all weights have in common.
struct WeightFormatOptions {
  bool symmetric = true;
  /// Elements per scale of matrix products; 0: one scale per output channel.
  int64_t block = 0;
  /// minmax, mse, output; auto: output for formats below 8 bits that are
  /// rounded with error feedback, whose second moments are there then, else
  /// mse.
  std::string range = "auto", rounding = "gptq";
  /// How the scales of blocks are stored: f32, f16.
  std::string scales = "f32";

  /// Fails with an error at the module that says what is accepted.
  mlir::LogicalResult check(mlir::ModuleOp module, llvm::StringRef pass) const;
  /// The format of `operand`, a weight, with storage type `type`. Blocks only
  /// where they divide the reduction, as ONNX's blocked quantization asks.
  OperandFormat getFormat(mlir::OpOperand &operand, llvm::StringRef type) const;
};

/// Fails with an error at the module unless `value` is among `accepted`.
mlir::LogicalResult checkOption(mlir::ModuleOp module, llvm::StringRef pass,
                                llvm::StringRef option, llvm::StringRef value,
                                llvm::ArrayRef<llvm::StringRef> accepted);

/// Fails with an error at the module unless `type` is a storage type of
/// weights, or f32.
mlir::LogicalResult checkWeightType(mlir::ModuleOp module, llvm::StringRef pass,
                                    llvm::StringRef option,
                                    llvm::StringRef type);

/// Storage types that a budget chooses from: the default ones if `types` is
/// empty. Fails as checkWeightType.
mlir::LogicalResult checkCandidates(mlir::ModuleOp module, llvm::StringRef pass,
                                    llvm::StringRef option,
                                    std::vector<std::string> &types);

/// Bytes of the weights in that format: packed codes, scales, and the zero
/// points of formats that are not symmetric.
int64_t getWeightBytes(const mlir::OpOperand &operand,
                       const OperandFormat &format);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_WEIGHTFORMATS_H
