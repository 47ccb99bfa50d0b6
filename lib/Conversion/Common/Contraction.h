// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions and matrix products as one loop nest, for the schedules of all
// targets.
//
// Output row m (a pixel or a matrix row), output channel n, and a reduction
// over taps and channels in which the input's position is linear in m, tap and
// channel and the packed weights' position is linear in the block of 16
// channels, tap and channel.
#ifndef QC_LIB_CONVERSION_COMMON_CONTRACTION_H
#define QC_LIB_CONVERSION_COMMON_CONTRACTION_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include <functional>
#include <optional>

namespace qc {

/// One loop of the reduction: how many steps, and how far a step moves.
struct ReductionLoop {
  int64_t extent, inputStride, weightStride;
};

/// A contraction in the common form.
/// Schedules that do not know `groupLoop`, the zero points or unsigned weights
/// must decline problems that have them.
struct ContractionProblem {
  mlir::Operation *root = nullptr;
  mlir::BlockArgument input, weights;
  mlir::Value bias;
  /// Zero points: of the input one, of the weights one or one per channel; null
  /// for none.
  mlir::Value inputZero, weightZero;
  bool isInteger = false;
  /// Of an input or weight: 32 for floats, 8 or 16 for integers.
  int64_t bits = 32;
  bool inputUnsigned = false, weightsUnsigned = false;
  /// The largest magnitude that 8-bit weights may have, where it is known to be
  /// `largestWeightBound` at most; otherwise 0.
  int64_t weightBound = 0;
  bool isPacked = false;
  /// Where the first elements lie: tensors may be views.
  int64_t inputOffset = 0, weightOffset = 0;
  /// Outer dimensions that are iterated in parallel: extent, input stride,
  /// weight stride.
  llvm::SmallVector<ReductionLoop> batch;
  /// Position in `batch` of the loop over groups, if there is one; `channels`
  /// counts those of a group.
  std::optional<size_t> groupLoop;
  /// Rows come in units of unitRows; the input advances by rowStride per row
  /// and by unitStride per unit.
  int64_t units = 1, unitRows = 1, rowStride = 0, unitStride = 0;
  int64_t channels = 0;
  /// Distance of blocks of 16 channels in the packed weights.
  int64_t blockStride = 0;
  /// Taps, outermost first, and last the reduction over input channels.
  llvm::SmallVector<ReductionLoop> reduction;
  /// Elements of the last reduction.
  int64_t depth = 0;
  /// The result's indices for batch, row (in its unit), unit and channel (among
  /// those of all groups).
  std::function<llvm::SmallVector<mlir::Value>(
      mlir::OpBuilder &, mlir::Location, mlir::ValueRange batch,
      mlir::Value unit, mlir::Value row, mlir::Value channel)>
      resultIndices;
};

/// The contraction that the kernel's root is, if its operands lie as the common
/// form needs: unpadded, 8-bit, 16-bit or f32,
/// packed weights (or f32 matrices as they are). The ops behind the root must
/// be lane transparent along the channels.
std::optional<ContractionProblem> analyseContraction(KernelOp kernel);

} // namespace qc

#endif // QC_LIB_CONVERSION_COMMON_CONTRACTION_H
