// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How weights of contractions lie in memory: the contract between
// qc-assign-layouts, which packs them, and qc-schedule-contractions, which
// reads them in this order. It is the same for every CPU, so that the forms of
// a library share one copy.
#ifndef QC_DIALECT_QC_IR_WEIGHTPACKING_H
#define QC_DIALECT_QC_IR_WEIGHTPACKING_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

/// Output channels that packed weights keep together.
constexpr int64_t packedChannels = 16;
/// Elements of the reduction that packed 8-bit weights keep together.
constexpr int64_t packedDot = 4;

/// Attribute of a contraction whose 8-bit weights are constants of at most this
/// magnitude, a power of two up to `largestWeightBound`: sums of two of their
/// products with 8-bit codes then fit 16 bits.
constexpr llvm::StringLiteral weightBoundName = "qc.weight_bound";
constexpr int64_t largestWeightBound = 64;

/// Elements of the reduction that packed weights of `element` keep together:
/// the 32 bits that one lane of a dot product takes, or one float.
int64_t getPackedStep(mlir::Type element);

/// [batch…, groups, channels / 16, other dimensions…, reduction (/ s), 16 (,
/// s)] for weights whose dimension `channelDim` counts output channels (of all
/// groups) and whose dimension `reductionDim` is reduced; dimensions before
/// both are batch. Each group is padded to whole blocks, in constants with
/// zeros.
LayoutAttr getPackedWeights(mlir::RankedTensorType type, int64_t channelDim,
                            int64_t reductionDim, int64_t groups = 1);

/// Codes of 2, 4 or 8 bits of a matrix (reduction x columns) that is unpacked
/// in registers: [columns / 16, reduction / s, 16, s], where s elements of the
/// reduction share a byte.
LayoutAttr getPackedCodes(mlir::RankedTensorType type);

/// Its scales, per column or per block and column: [columns / 16, blocks, 16].
LayoutAttr getPackedScales(mlir::RankedTensorType type);

} // namespace qc

#endif // QC_DIALECT_QC_IR_WEIGHTPACKING_H
