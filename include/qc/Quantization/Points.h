// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which operands of a float graph are worth quantizing.
#ifndef QC_QUANTIZATION_POINTS_H
#define QC_QUANTIZATION_POINTS_H

#include "qc/Quantization/LinearLayer.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {

/// Operands of a function's ops that integer code reads as codes.
struct QuantizationPoints {
  /// Inputs of convolutions and matrix products; operands of sums, products and
  /// means between convolutions, except a convolution's result that only a sum
  /// reads, which is added as an accumulator.
  llvm::SmallVector<mlir::OpOperand *> activations;
  /// Constant weights of convolutions, matrix products and gathers of rows.
  llvm::SmallVector<mlir::OpOperand *> weights;

  static QuantizationPoints find(mlir::func::FuncOp function);
};

/// Whether `op` only moves elements or selects among them, so that its operands
/// and its result may have one scale.
bool passesCodes(mlir::Operation *op);

/// Neighbours among `layers` of one block: indices of a layer and of another
/// one whose input its results reach without a third between. By the second
/// layer.
llvm::SmallVector<std::pair<size_t, size_t>>
findNeighbours(llvm::ArrayRef<LinearLayer> layers);

} // namespace qc

#endif // QC_QUANTIZATION_POINTS_H
