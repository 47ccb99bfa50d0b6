// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions, pooling and softmax.
#ifndef QC_DIALECT_QC_IR_QCREDUCTIONOPS_TD
#define QC_DIALECT_QC_IR_QCREDUCTIONOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_ReduceKind : I32EnumAttr<"ReduceKind", "what a reduction computes", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
    I32EnumAttrCase<"Prod", 4, "prod">, I32EnumAttrCase<"SumSquare", 5, "sum_square">,
    I32EnumAttrCase<"L1", 6, "l1">, I32EnumAttrCase<"L2", 7, "l2">]> {
  let cppNamespace = "::qc";
}

def QC_ReduceOp : QC_LoopElementOp<"reduce"> {
  let summary = "Reduction over axes that keeps them with size one";
  let description = [{
    Reduces `axes` (sorted, not negative) of x; the reduced dimensions stay with size
    one, the importer drops them with qc.reshape. Integer sums wrap as in ONNX; an integer mean
    truncates. An empty reduction gives the neutral element. With `accumulator` the elements are
    converted to that type first, which is then the result's: sums of 8-bit codes.

    Constraints: (1) axes are sorted, unique and inside x's rank; (2) an accumulator is an
    integer type wider than x's integers.
  }];
  let arguments = (ins QC_Tensor:$x, QC_ReduceKind:$kind, DenseI64ArrayAttr:$axes,
                       OptionalAttr<TypeAttr>:$accumulator);
  let results = (outs QC_Tensor:$y);
  let assemblyFormat = "$kind $x attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

class QC_PoolOp<string mnemonic> : QC_LoopElementOp<mnemonic> {
  dag poolArguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$kernel,
                           DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                           DenseI64ArrayAttr:$dilations);
  let arguments = poolArguments;
  let results = (outs QC_Tensor:$y);
  let hasVerifier = 1;
}

def QC_MaxPoolOp : QC_PoolOp<"max_pool"> {
  let summary = "Maximum over a sliding window";
  let description = [{
    x is N x C x D1…; pads hold all begins, then all ends (ceil mode is expressed by larger
    ends). Positions outside x never win. Constraints: (1) one kernel, stride and dilation
    entry per spatial dimension, all positive; (2) two pads per spatial dimension, none
    negative; (3) the padded input holds the dilated window.
  }];
}

def QC_AveragePoolOp : QC_PoolOp<"average_pool"> {
  let summary = "Mean over a sliding window";
  let description = [{
    As qc.max_pool with the sum of the elements inside x divided by their number, or with
    countIncludePad by the number of positions inside x and its padding (those that only
    ceil mode adds are never counted: ceilExtra says how many of the end pads they are).
    Constraints as qc.max_pool; (4) ceilExtra has one entry per spatial dimension.
  }];
  let arguments = !con(poolArguments, (ins BoolAttr:$countIncludePad,
                                           DenseI64ArrayAttr:$ceilExtra));
}

def QC_SoftmaxOp : QC_BlockOp<"softmax"> {
  let summary = "Softmax or its logarithm along one axis";
  let description = [{
    `y = e^(x - max) / sum e^(x - max)` along axis; with `logarithm` the natural logarithm of it,
    computed as `x - max - ln(sum)`. Constraint: (1) 0 <= axis < rank.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_IntAttr:$axis, BoolAttr:$logarithm);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

#endif // QC_DIALECT_QC_IR_QCREDUCTIONOPS_TD
