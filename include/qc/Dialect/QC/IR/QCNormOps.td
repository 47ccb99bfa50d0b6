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

def QC_LayerNormOp : QC_BlockOp<"layer_norm"> {
  let summary = "Layer normalization";
  let description = [{
    `y = (x - mean) / sqrt(variance + epsilon) * scale + bias` with the statistics over
    dimensions axis to the last, computed in f32 (f64 for f64), the variance from the centred
    values.

    Constraints: (1) 0 <= axis < rank; (2) scale and bias broadcast to x.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$scale, Optional<QC_FloatTensor>:$bias,
                       QC_IntAttr:$axis, F32Attr:$epsilon);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

def QC_RMSNormOp : QC_BlockOp<"rms_norm"> {
  let summary = "Root mean square normalization";
  let description = [{
    `y = x / sqrt(mean(x^2) + epsilon) * scale` with the mean over dimensions axis to the last,
    computed in f32 (f64 for f64).

    Constraints: (1) 0 <= axis < rank; (2) scale broadcasts to x.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$scale, QC_IntAttr:$axis,
                       F32Attr:$epsilon);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

def QC_GroupNormOp : QC_BlockOp<"group_norm"> {
  let summary = "Group normalization";
  let description = [{
    As qc.layer_norm with the statistics over the channels of a group (dimension 1 in `groups`
    equal parts) and all spatial dimensions; scale and bias hold one element per channel.
    With one group per channel this is instance normalization.

    Constraints: (1) x has rank 2 or more; (2) groups divides the channels; (3) scale and bias are
    vectors of one element per channel.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$scale, QC_FloatTensor:$bias,
                       QC_IntAttr:$groups, F32Attr:$epsilon);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

def QC_LpNormOp : QC_BlockOp<"lp_norm"> {
  let summary = "Division by the L1 or L2 norm along one axis";
  let description = [{
    `y = x / (sum |x|^p)^(1/p)` along axis; 0 where the norm is 0.

    Constraints: (1) 0 <= axis < rank; (2) p is 1 or 2.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_IntAttr:$axis, QC_IntAttr:$p);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

def QC_LRNOp : QC_LoopElementOp<"lrn"> {
  let summary = "Local response normalization across channels";
  let description = [{
    `y = x / (bias + alpha / size * sum x_j^2)^beta`, the sum over the `size` channels around the
    element's own (dimension 1), of which floor((size - 1) / 2) lie before it.

    Constraints: (1) x has rank 2 or more; (2) size is positive.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_IntAttr:$size, F32Attr:$alpha, F32Attr:$beta,
                       F32Attr:$bias);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

def QC_MeanVarianceNormOp : QC_BlockOp<"mean_variance_norm"> {
  let summary = "Normalization to mean zero and variance one";
  let description = [{
    `y = (x - mean) / (sqrt(variance) + 1e-9)` with the statistics over axes.

    Constraint: (1) axes are sorted, unique and inside x's rank.
  }];
  let arguments = (ins QC_FloatTensor:$x, DenseI64ArrayAttr:$axes);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

#endif // QC_DIALECT_QC_IR_QCNORMOPS_TD
