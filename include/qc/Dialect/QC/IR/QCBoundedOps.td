// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops whose result has as many elements as the data say. Shapes are static, so
// such a result is a tensor of the largest size beside a tensor of extents.
#ifndef QC_DIALECT_QC_IR_QCBOUNDEDOPS_TD
#define QC_DIALECT_QC_IR_QCBOUNDEDOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_NonZeroOp : QC_BlockOp<"non_zero"> {
  let summary = "Positions of the elements that are not zero";
  let description = [{
    indices (rank x number of elements of x) holds in its first columns the positions of x's
    elements that are not 0, in row-major order, and 0 behind them; extents is
    `(rank, number of positions)`.
  }];
  let arguments = (ins QC_Tensor:$x);
  let results = (outs QC_Tensor:$indices, QC_Tensor:$extents);
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_UniqueOp : QC_BlockOp<"unique"> {
  let summary = "The different rows of a matrix";
  let description = [{
    Of x's n rows (n x m) those that differ from every row before them, in that order, or, with
    `sorted`, in lexicographic order (a NaN is larger than numbers and equal to NaN). For the k-th of
    them first[k] is its first position and counts[k] how many rows equal it; inverse[i] is the k of
    row i. extents holds their number; first and counts are 0 from there on.
    Constraint: (1) x has rank 2.
  }];
  let arguments = (ins QC_Tensor:$x, BoolAttr:$sorted);
  let results = (outs QC_Tensor:$first, QC_Tensor:$inverse, QC_Tensor:$counts,
                      QC_Tensor:$extents);
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_SuppressOp : QC_BlockOp<"suppress"> {
  let summary = "Non-maximum suppression for each batch entry and class";
  let description = [{
    Of boxes (B x N x 4) those that score (B x C x N) above the score threshold, best first, of
    equals the first; each one taken removes those whose intersection over union with it is above the
    other threshold. selected (B x C x bound) holds their numbers, at most limit of them, then 0;
    counts (B x C) says how many. Boxes are two opposite corners `y1, x1, y2, x2`, or with `center`
    `x, y, width, height` around their centre.

    Constraints: (1) shapes as stated; (2) limit, iouThreshold and scoreThreshold hold one element;
    (3) 0 <= bound <= N; (4) boxes and scores have one float type.
  }];
  let arguments = (ins QC_FloatTensor:$boxes, QC_FloatTensor:$scores, QC_IntegerTensor:$limit,
                       QC_FloatTensor:$iouThreshold, QC_FloatTensor:$scoreThreshold,
                       QC_IntAttr:$bound, BoolAttr:$center);
  let results = (outs QC_Tensor:$selected, QC_Tensor:$counts);
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_CompactOp : QC_ElementOp<"compact"> {
  let summary = "The part below run-time extents, without gaps";
  let description = [{
    The elements of x whose index lies below extents in every dimension, in row-major order from y's
    first element on; 0 behind them. So the first bytes of y are the row-major tensor of those extents.
    Constraint: (1) extents has one entry per dimension of x.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntegerTensor:$extents);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCBOUNDEDOPS_TD
