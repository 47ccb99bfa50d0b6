// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All ops of the qc dialect; each family has a file of its own.
#ifndef QC_DIALECT_QC_IR_QCOPS_TD
#define QC_DIALECT_QC_IR_QCOPS_TD

include "qc/Dialect/QC/IR/QCAttentionOps.td"
include "qc/Dialect/QC/IR/QCBoundedOps.td"
include "qc/Dialect/QC/IR/QCElementwiseOps.td"
include "qc/Dialect/QC/IR/QCFastConvOps.td"
include "qc/Dialect/QC/IR/QCImageOps.td"
include "qc/Dialect/QC/IR/QCIndexOps.td"
include "qc/Dialect/QC/IR/QCLinearOps.td"
include "qc/Dialect/QC/IR/QCNormOps.td"
include "qc/Dialect/QC/IR/QCPlanOps.td"
include "qc/Dialect/QC/IR/QCProgramOps.td"
include "qc/Dialect/QC/IR/QCQuantOps.td"
include "qc/Dialect/QC/IR/QCReductionOps.td"
include "qc/Dialect/QC/IR/QCSequenceOps.td"
include "qc/Dialect/QC/IR/QCShapeOps.td"

#endif // QC_DIALECT_QC_IR_QCOPS_TD
