// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The meaning of qc.lrn, for schedules that compute channels apart whose
// windows lie inside the map.
#ifndef QC_DIALECT_QC_IR_RESPONSENORM_H
#define QC_DIALECT_QC_IR_RESPONSENORM_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

/// Channels that the window of a channel has before and behind it. A window
/// beyond all channels adds nothing.
struct ResponseWindow {
  int64_t before, behind;
};
ResponseWindow getResponseWindow(LRNOp op);

/// The element of `op` at `indices`, the window's whole sum given as `sum`.
mlir::Value emitResponse(Emitter &e, LRNOp op, mlir::ValueRange indices,
                         mlir::Value sum);

/// The sum over the window of a channel whose window lies inside: straight-line
/// code of the same order without a condition, so that channels may be lanes.
mlir::Value emitInnerResponseSum(Emitter &e, LRNOp op,
                                 mlir::ValueRange indices);

} // namespace qc

#endif // QC_DIALECT_QC_IR_RESPONSENORM_H
