// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products with constant weights as one thing: a matrix
// per group, applied to columns.
#ifndef QC_QUANTIZATION_LINEARLAYER_H
#define QC_QUANTIZATION_LINEARLAYER_H

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Quantization/TensorView.h"

#include <vector>

namespace qc {

/// At most `limit` distinct numbers below `total`, drawn by `seed` (limit 0:
/// all in order).
llvm::SmallVector<int64_t> drawPositions(int64_t total, int64_t limit,
                                         uint64_t seed);

/// A qc.conv, or a qc.matmul whose second operand is a constant of rank 2 (or
/// with leading ones). Its weights are `groups` matrices of rows() / groups()
/// times columns() numbers; output channel o is row o.
class LinearLayer {
public:
  /// The layer that `op` is, nothing if it is none.
  static std::optional<LinearLayer> get(mlir::Operation *op);

  mlir::Operation *getOp() const { return op; }
  mlir::Value getInput() const { return op->getOperand(0); }
  mlir::OpOperand &getWeightOperand() const { return op->getOpOperand(1); }
  mlir::RankedTensorType getWeightType() const {
    return mlir::cast<mlir::RankedTensorType>(op->getOperand(1).getType());
  }
  bool isConv() const { return mlir::isa<ConvOp>(op); }

  /// Whether each output channel reads one input channel.
  bool isDepthwise() const;

  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }
  int64_t groups() const { return numGroups; }
  /// Dimensions of the weight tensor along which output channels and (matrix
  /// products) the reduction lie.
  int64_t channelAxis() const;
  int64_t reductionAxis() const;
  /// Dimension of the result along which output channels lie.
  int64_t outputAxis() const;
  /// Multiply-accumulates of one run.
  int64_t macs() const;

  /// Row-major rows() x columns() from a tensor of the weight's shape and back.
  std::vector<float> toMatrix(llvm::ArrayRef<float> tensor) const;
  std::vector<float> toTensor(llvm::ArrayRef<float> matrix) const;

  /// Output positions of one sample.
  int64_t getNumPositions() const;
  /// qc::drawPositions of these.
  llvm::SmallVector<int64_t> drawPositions(int64_t limit, uint64_t seed) const {
    return qc::drawPositions(getNumPositions(), limit, seed);
  }
  /// Positions of each of `numSamples` samples for second moments of the input:
  /// what gives `perColumn` rows for each column, but no more than 32 or what
  /// `products` multiply-accumulates can add up; at least 8. Rounding fits few
  /// rows and not what they stand for.
  int64_t getMomentPositions(size_t numSamples, double perColumn,
                             double products) const;
  /// The input columns at output positions of one sample `x`: row-major,
  /// positions times groups() times columns().
  std::vector<float> getColumns(TensorView x,
                                llvm::ArrayRef<int64_t> positions) const;
  /// The outputs at output positions of one sample `y`: row-major, positions
  /// times rows().
  std::vector<float> getOutputs(TensorView y,
                                llvm::ArrayRef<int64_t> positions) const;

private:
  explicit LinearLayer(mlir::Operation *op) : op(op) {}
  mlir::Operation *op;
  int64_t numRows = 0, numColumns = 0, numGroups = 1;
};

} // namespace qc

#endif // QC_QUANTIZATION_LINEARLAYER_H
