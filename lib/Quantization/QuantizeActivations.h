// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qc.quantize and qc.dequantize behind activations.
#ifndef QC_LIB_QUANTIZATION_QUANTIZEACTIVATIONS_H
#define QC_LIB_QUANTIZATION_QUANTIZEACTIVATIONS_H

#include "qc/Analysis/NodeNames.h"
#include "qc/Analysis/Plan.h"
#include "qc/Analysis/Range.h"
#include "qc/Quantization/LinearLayer.h"

namespace qc {

/// One scale and zero point for a value with these statistics.
IntegerScale chooseTensorScale(const ValueStatistics &statistics,
                               const OperandFormat &format,
                               mlir::IntegerType storage);

/// Scales of the channels of what a depthwise convolution with the `matrix` of
/// weights reads: of least error behind the convolution. Nothing if the
/// statistics have no channels.
std::optional<ChannelScales>
chooseDepthwiseScales(const ValueStatistics &statistics,
                      const OperandFormat &format, mlir::IntegerType storage,
                      const LinearLayer &layer, llvm::ArrayRef<float> matrix);

/// Whether scales per channel instead of one lower the rounding error behind
/// the depthwise convolution that reads `operand` by a third or more.
bool wantsChannelScales(mlir::OpOperand &operand, const OperandFormat &format,
                        const ValueStatistics &statistics);

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
