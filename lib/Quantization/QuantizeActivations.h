// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qc.quantize and qc.dequantize behind activations.
#ifndef QC_LIB_QUANTIZATION_QUANTIZEACTIVATIONS_H
#define QC_LIB_QUANTIZATION_QUANTIZEACTIVATIONS_H

#include "qc/Analysis/NodeNames.h"
#include "qc/Analysis/Plan.h"

namespace qc {

/// Quantizes every operand of `function` that is no constant and has a format
/// in the plan: one pair per value and format, with scales from the plan or
/// from `statistics` (the table's entries, may be null). Returns the number of
/// pairs; fails with an error at the op.
mlir::FailureOr<unsigned> quantizeActivations(mlir::func::FuncOp function,
                                              const NodeNames &names,
                                              const Plan &plan,
                                              TableOp statistics);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_QUANTIZEACTIVATIONS_H
