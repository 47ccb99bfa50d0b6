// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops whose positions are computed: from indices in tensors, from the result's
// own index, or from shape-like operands that are known only at run time.
#ifndef QC_DIALECT_QC_IR_QCINDEXOPS_TD
#define QC_DIALECT_QC_IR_QCINDEXOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"
include "qc/Dialect/QC/IR/QCShapeOps.td"

def QC_TileOp : QC_ElementOp<"tile"> {
  let summary = "Repetition of a whole tensor";
  let description = [{
    `y[i…] = x[i mod size…]`. Constraints: (1) shape has x's rank and no negative entry; (2) an
    empty dimension of x stays empty.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$shape);
  let results = (outs QC_Tensor:$y);
}

def QC_TriluOp : QC_ElementOp<"trilu"> {
  let summary = "Upper or lower triangle of matrices";
  let description = [{
    Keeps x[…, i, j] where j - i >= k (`upper`) or j - i <= k and is 0 elsewhere.
    Constraints: (1) x has rank 2 or more; (2) k holds one integer.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntegerTensor:$k, BoolAttr:$upper);
  let results = (outs QC_Tensor:$y);
}

def QC_RangeOp : QC_ElementOp<"range"> {
  let summary = "Arithmetic sequence";
  let description = [{
    `y[i] = start + i * delta` for 0 <= i < size. Constraints: (1) start and delta hold one element
    of one type; (2) size is not negative.
  }];
  let arguments = (ins QC_Tensor:$start, QC_Tensor:$delta, QC_IntAttr:$size);
  let results = (outs QC_Tensor:$y);
}

def QC_OneHotOp : QC_ElementOp<"one_hot"> {
  let summary = "One-hot vectors";
  let description = [{
    y has a dimension of size depth inserted at axis: values[1] where its index equals the entry of
    indices (negative entries count from depth), values[0] elsewhere. Constraints: (1) values
    holds two elements; (2) 0 <= axis <= rank of indices; (3) depth is not negative.
  }];
  let arguments = (ins QC_Tensor:$indices, QC_Tensor:$values, QC_IntAttr:$axis,
                       QC_IntAttr:$depth);
  let results = (outs QC_Tensor:$y);
}

def QC_GatherElementsOp : QC_ElementOp<"gather_elements"> {
  let summary = "Elements by an index along one axis";
  let description = [{
    `y[i…] = data[i…]` with the index at axis replaced by indices[i…]; negative entries count from
    the end, entries outside are clamped. Constraints: (1) data and indices have one rank;
    (2) 0 <= axis < rank; (3) indices is not larger than data outside axis, and data's axis
    is not empty unless the result is.
  }];
  let arguments = (ins QC_Tensor:$data, QC_IntegerTensor:$indices, QC_IntAttr:$axis);
  let results = (outs QC_Tensor:$y);
}

def QC_GatherNDOp : QC_ElementOp<"gather_nd"> {
  let summary = "Slices by index tuples";
  let description = [{
    The last dimension of indices holds tuples that address data behind the first batchDims
    dimensions, which both share. Entries as in qc.gather_elements. Constraints: (1) batchDims is
    smaller than both ranks and those dimensions agree; (2) a tuple is not longer than data's
    remaining rank; (3) addressed dimensions are not empty unless the result is.
  }];
  let arguments = (ins QC_Tensor:$data, QC_IntegerTensor:$indices, QC_IntAttr:$batchDims);
  let results = (outs QC_Tensor:$y);
}

def QC_ScatterKind : I32EnumAttr<"ScatterKind", "how an update meets what is there", [
    I32EnumAttrCase<"Replace", 0, "replace">, I32EnumAttrCase<"Add", 1, "add">,
    I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
    I32EnumAttrCase<"Min", 4, "min">]> {
  let cppNamespace = "::qc";
}

class QC_ScatterBase<string mnemonic> : QC_LoopElementOp<mnemonic> {
  let results = (outs QC_Tensor:$y);
}

def QC_ScatterElementsOp : QC_ScatterBase<"scatter_elements"> {
  let summary = "Updates of elements by an index along one axis";
  let description = [{
    data with each updates[i…] combined into the element at i with the index at axis replaced by
    indices[i…], in the order of updates; entries as in qc.gather_elements but those outside have no
    effect. Constraints: (1) indices and updates have one shape, of data's rank; (2) 0 <= axis < rank;
    (3) updates has data's element type and is not larger than data outside axis.
  }];
  let arguments = (ins QC_Tensor:$data, QC_IntegerTensor:$indices, QC_Tensor:$updates,
                       QC_IntAttr:$axis, QC_ScatterKind:$kind);
}

def QC_ScatterNDOp : QC_ScatterBase<"scatter_nd"> {
  let summary = "Updates of slices by index tuples";
  let description = [{
    data with each slice of updates combined into the slice that the tuple in the last dimension of
    indices addresses; tuples outside have no effect. Constraints: (1) indices has rank 1 or more
    and tuples not longer than data's rank; (2) updates has the shape of indices without its last
    dimension, then data's without the addressed ones, and data's element type.
  }];
  let arguments = (ins QC_Tensor:$data, QC_IntegerTensor:$indices, QC_Tensor:$updates,
                       QC_ScatterKind:$kind);
}

def QC_ReverseSequenceOp : QC_ElementOp<"reverse_sequence"> {
  let summary = "Reversal of the first elements of each sequence";
  let description = [{
    Along timeAxis the first lengths[b] elements come in reverse order, b the index at batchAxis.
    Constraints: (1) both axes are 0 or 1 and differ; (2) lengths has one entry per batch.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntegerTensor:$lengths, QC_IntAttr:$timeAxis,
                       QC_IntAttr:$batchAxis);
  let results = (outs QC_Tensor:$y);
}

def QC_DynamicSliceOp : QC_ElementOp<"dynamic_slice"> {
  let summary = "Strided sub-tensor at a position known at run time";
  let description = [{
    `y[i…] = x[start + i * step…]` with starts and steps from tensors; the result's shape is known.
    Negative starts count from the end; positions outside are clamped.
    Constraints: (1) starts and steps have one entry per dimension of x; (2) shape has x's rank
    and, where it is not 0, an x that is not empty.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntegerTensor:$starts, QC_IntegerTensor:$steps,
                       DenseI64ArrayAttr:$shape);
  let results = (outs QC_Tensor:$y);
}

def QC_DynamicPadOp : QC_ElementOp<"dynamic_pad"> {
  let summary = "Padding whose amount is known at run time";
  let description = [{
    As qc.pad with the begins read from a tensor; the result's shape says the rest. Constraints:
    (1) begins has one entry per dimension of x; (2) shape has x's rank; (3) value holds one element
    of x's type; (4) a mode other than constant needs an x that is not empty.
  }];
  let arguments = (ins QC_Tensor:$x, QC_Tensor:$value, QC_IntegerTensor:$begins,
                       DenseI64ArrayAttr:$shape, QC_PadMode:$mode);
  let results = (outs QC_Tensor:$y);
}

def QC_MaxUnpoolOp : QC_ScatterBase<"max_unpool"> {
  let summary = "Inverse of a maximum over windows";
  let description = [{
    x and indices are N x C x D1…; each x element goes to the position of the row-major N x C x shape…
    tensor that its index names (within the same n and c), zero elsewhere. Constraints:
    (1) x and indices have one shape of rank 3 or more; (2) shape has one entry per spatial dimension.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntegerTensor:$indices, DenseI64ArrayAttr:$shape);
}

def QC_CacheUpdateOp : QC_ElementOp<"cache_update"> {
  let summary = "Rows written into a cache at a position per batch";
  let description = [{
    y is past with the rows of update put at positions[b] onwards along axis, b the index of
    dimension 0; with `circular` they wrap at the end. Constraints: (1) past and update agree
    but for axis, where update is not larger; (2) positions has one entry per batch;
    (3) 0 < axis < rank.
  }];
  let arguments = (ins QC_Tensor:$past, QC_Tensor:$update, QC_IntegerTensor:$positions,
                       QC_IntAttr:$axis, BoolAttr:$circular);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCINDEXOPS_TD
