// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalization.
#ifndef QC_DIALECT_QC_IR_QCNORMOPS_TD
#define QC_DIALECT_QC_IR_QCNORMOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_BatchNormOp : QC_ElementOp<"batch_norm"> {
  let summary = "Batch normalization with given statistics";
  let description = [{
    `y = (x - mean[c]) / sqrt(variance[c] + epsilon) * scale[c] + bias[c]` where c is the index
    of dimension 1 (0 if x has rank 1). `qc-fold-batch-norm` merges it into the contraction before
    it.

    Constraints: (1) x has rank 1 or more; (2) the parameters are vectors with one element per channel.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$scale, QC_FloatTensor:$bias,
                       QC_FloatTensor:$mean, QC_FloatTensor:$variance, F32Attr:$epsilon);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

#endif // QC_DIALECT_QC_IR_QCNORMOPS_TD
