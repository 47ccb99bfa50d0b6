// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions: convolution and matrix product, float and integer.
#ifndef QC_DIALECT_QC_IR_QCLINEAROPS_TD
#define QC_DIALECT_QC_IR_QCLINEAROPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_ConvOp : QC_LoopElementOp<"conv", [AttrSizedOperandSegments]> {
  let summary = "Convolution (cross-correlation), N spatial dimensions, grouped";
  let description = [{
    `y[n,o,p…] = bias[o] + sum_{c,k…} (x[n, g·C/G + c, p·stride + k·dilation - pad_begin …] - x_zero)
    (w[o,c,k…] - w_zero)`; positions outside x contribute nothing. Shapes: x is
    N x C x D1…, w is O x C/group x K1…, bias is O, zero points hold one element (w_zero may
    hold O).

    Float operands accumulate in f32 (f64 for f64) and give x's type. Integer
    operands give and accumulate in `accumulator`, si32 if it is absent, modulo 2^32 (2^64): exact as
    long as the sum fits, which qc-to-integer proves for those that it makes.

    Constraints: (1) x and w have the same rank, at least 3; (2) C = group * w's second
    dimension and group divides O; (3) strides and dilations are positive and have one
    entry per spatial dimension, pads has two (all begins, then all ends), none
    negative; (4) x and w are both floats of one type or both integers of at most 16 bits;
    (5) zero points only with integers; (6) the padded input holds the dilated window;
    (7) accumulator is si32 or si64 and only with integers.
  }];
  let arguments = (ins QC_Tensor:$x, QC_Tensor:$w, Optional<QC_Tensor>:$bias,
                       Optional<QC_IntegerTensor>:$xZero, Optional<QC_IntegerTensor>:$wZero,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, QC_IntAttr:$group,
                       OptionalAttr<TypeAttr>:$accumulator);
  let results = (outs QC_Tensor:$y);
  let assemblyFormat = [{
    $x `,` $w (`bias` $bias^)? (`x_zero` $xZero^)? (`w_zero` $wZero^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Whether each output channel reads the one input channel of its number.
    bool isDepthwise();
  }];
}

def QC_MatMulOp : QC_LoopElementOp<"matmul", [AttrSizedOperandSegments]> {
  let summary = "Matrix product with broadcast batch dimensions";
  let description = [{
    `y[…,m,n] = sum_k (a[…,m,k] - a_zero) (b[…,k,n] - b_zero)` as numpy.matmul, rank 2 or
    more on both sides (the importer reshapes vectors). a_zero holds one element
    or M, b_zero one or N. Float operands accumulate in f32 (f64 for f64) and give a's type;
    integers as in qc.conv.

    Constraints: (1) both ranks are at least 2; (2) a's last dimension equals b's second
    to last; (3) leading dimensions broadcast; (4) both operands are floats of one type or
    both integers of at most 16 bits; (5) zero points only with integers; (6) accumulator is
    si32 or si64 and only with integers.
  }];
  let arguments = (ins QC_Tensor:$a, QC_Tensor:$b, Optional<QC_IntegerTensor>:$aZero,
                       Optional<QC_IntegerTensor>:$bZero,
                       OptionalAttr<TypeAttr>:$accumulator);
  let results = (outs QC_Tensor:$y);
  let assemblyFormat = [{
    $a `,` $b (`a_zero` $aZero^)? (`b_zero` $bZero^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // QC_DIALECT_QC_IR_QCLINEAROPS_TD
