// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that move elements without computing.
#ifndef QC_DIALECT_QC_IR_QCSHAPEOPS_TD
#define QC_DIALECT_QC_IR_QCSHAPEOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_ReshapeOp : QC_ElementOp<"reshape"> {
  let summary = "The same elements in row-major order under another shape";
  let description = [{
    Serves Reshape, Flatten, Squeeze, Unsqueeze and Identity. Costs nothing where the
    layout is row-major: the program gives both tensors one buffer.
    Constraint: (1) the element counts agree and no dimension is negative.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$shape);
  let results = (outs QC_Tensor:$y);
}

def QC_TransposeOp : QC_ElementOp<"transpose"> {
  let summary = "Permutation of dimensions";
  let description = [{
    `y[i_0,…] = x[…]` with result dimension d taken from x's dimension permutation[d].
    Constraint: (1) permutation is one of x's dimensions.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$permutation);
  let results = (outs QC_Tensor:$y);
}

def QC_SliceOp : QC_ElementOp<"slice"> {
  let summary = "Strided sub-tensor";
  let description = [{
    `y[i…] = x[offset + i * step …]`; steps may be negative. Constraints: (1) one offset, size
    and step per dimension; (2) every position read lies inside x.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$sizes,
                       DenseI64ArrayAttr:$steps);
  let results = (outs QC_Tensor:$y);
}

def QC_ConcatOp : QC_ElementOp<"concat"> {
  let summary = "Concatenation along one axis";
  let description = [{
    Constraints: (1) at least one operand; (2) element types, ranks and all dimensions but
    axis agree; (3) 0 <= axis < rank.
  }];
  let arguments = (ins Variadic<QC_Tensor>:$inputs, QC_IntAttr:$axis);
  let results = (outs QC_Tensor:$y);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
}

def QC_PadMode : I32EnumAttr<"PadMode", "what padding holds", [
    I32EnumAttrCase<"Constant", 0, "constant">, I32EnumAttrCase<"Reflect", 1, "reflect">,
    I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]> {
  let cppNamespace = "::qc";
}

def QC_PadOp : QC_ElementOp<"pad"> {
  let summary = "Padding";
  let description = [{
    Adds pads (all begins, then all ends; negative ones crop) holding `value` (one element) or
    what the mode says. Constraints: (1) two pads per dimension; (2) no result dimension is
    negative; (3) value has x's element type; (4) reflect pads are smaller than the dimension,
    edge and wrap need a non-empty one.
  }];
  let arguments = (ins QC_Tensor:$x, QC_Tensor:$value, DenseI64ArrayAttr:$pads,
                       DefaultValuedAttr<QC_PadMode, "PadMode::Constant">:$mode);
  let results = (outs QC_Tensor:$y);
}

def QC_PadBorderOp : QC_BlockOp<"pad_border"> {
  let summary = "The border that a padding adds";
  let description = [{
    Writes `value` (one element) to those elements of a tensor of shape `shape` that `pads` (all
    begins, then all ends) count from its sides, and leaves the others as they are: another
    kernel writes them (see qc.assemble). Constraints: (1) two pads per dimension, none
    negative, together at most the dimension.
  }];
  let arguments = (ins QC_Tensor:$value, DenseI64ArrayAttr:$shape, DenseI64ArrayAttr:$pads);
  let results = (outs QC_Tensor:$y);
}

def QC_ExpandOp : QC_ElementOp<"expand"> {
  let summary = "Broadcast to a shape";
  let description = [{
    Repeats size-one dimensions; the result has the broadcast of x's shape and `shape`.
    Constraint: (1) the two shapes broadcast.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$shape);
  let results = (outs QC_Tensor:$y);
}

def QC_GatherOp : QC_ElementOp<"gather"> {
  let summary = "Rows of a tensor by index";
  let description = [{
    `y[p…, i…, s…] = data[p…, indices[i…], s…]`; negative indices count from the end and
    indices outside are clamped. Constraint: (1) 0 <= axis < rank of data; (2) data's axis is
    not empty unless the result is.
  }];
  let arguments = (ins QC_Tensor:$data, QC_IntegerTensor:$indices, QC_IntAttr:$axis);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCSHAPEOPS_TD
