// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops with an order along an axis: scans, selections, recurrences, spectra.
#ifndef QC_DIALECT_QC_IR_QCSEQUENCEOPS_TD
#define QC_DIALECT_QC_IR_QCSEQUENCEOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_ArgReduceOp : QC_LoopElementOp<"arg_reduce"> {
  let summary = "Position of the largest or smallest element along an axis";
  let description = [{
    y has x's shape with size one at axis and holds the first (or, with `last`, last) position of the
    maximum, or without `largest` the minimum. Constraints: (1) 0 <= axis < rank; (2) the axis is
    not empty.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntAttr:$axis, BoolAttr:$largest, BoolAttr:$last);
  let results = (outs QC_Tensor:$y);
}

def QC_CumulativeOp : QC_BlockOp<"cumulative"> {
  let summary = "Running sum or product along an axis";
  let description = [{
    `y[i] = x[0] + … + x[i]` (or the product), without x[i] if exclusive, from the end if reverse.
    Constraint: (1) 0 <= axis < rank.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntAttr:$axis, BoolAttr:$product, BoolAttr:$exclusive,
                       BoolAttr:$reverse);
  let results = (outs QC_Tensor:$y);
}

def QC_TopKOp : QC_BlockOp<"top_k"> {
  let summary = "The k largest or smallest elements along an axis, in order";
  let description = [{
    values has size k at axis, sorted from the best; indices holds their positions. Of equal
    elements the one with the smaller position comes first. Constraints: (1) 0 <= axis < rank;
    (2) 0 <= k <= size of the axis.
  }];
  let arguments = (ins QC_Tensor:$x, QC_IntAttr:$axis, QC_IntAttr:$k, BoolAttr:$largest);
  let results = (outs QC_Tensor:$values, QC_Tensor:$indices);
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_CellKind : I32EnumAttr<"CellKind", "which recurrent cell", [
    I32EnumAttrCase<"RNN", 0, "rnn">, I32EnumAttrCase<"GRU", 1, "gru">,
    I32EnumAttrCase<"LSTM", 2, "lstm">]> {
  let cppNamespace = "::qc";
}

def QC_RecurrentOp : QC_BlockOp<"recurrent", [AttrSizedOperandSegments]> {
  let summary = "One direction of a recurrent layer";
  let description = [{
    Steps a cell over time for each batch entry. x (T x B x G H) holds the gates' parts that come from
    the input, biases included, for G gates of H units (RNN: h; GRU: z, r, h; LSTM: i, o, f, c), and
    r (G H x H) the recurrent weights. With f, g, h the activations:

    * rnn: `h = f(x + r h)`
    * gru: `z = f(…)`, `k = f(…)`, `n = g(x_h + r_h (k h))`, or linearBeforeReset
      `n = g(x_h + k (r_h h + bias))`; `h = (1 - z) n + z h`
    * lstm: `i = f(… + p_i c)`, `f = f(… + p_f c)` (inputForget: `1 - i`), `c = f c + i g(…)`,
      `o = f(… + p_o c)`, `h = o h(c)`

    `clip`, where not 0, bounds the activations' arguments. Steps at and behind lengths[b] leave the
    state and give 0. `reverse` walks from a sequence's last step to its first. Results: y (T x B x H),
    last h (B x H), for lstm last c.

    Constraints: (1) shapes as stated, one float type; (2) c and peepholes (3 H: i, o, f) only for
    lstm, bias (H) only for gru with linearBeforeReset, and c always for lstm; (3) one activation
    for rnn, two for gru, three for lstm, with an alpha and a beta each; known are relu, tanh, sigmoid,
    affine, leaky_relu, thresholded_relu, scaled_tanh, hard_sigmoid, elu, softsign, softplus.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$r, QC_FloatTensor:$h,
                       Optional<QC_FloatTensor>:$c, Optional<QC_FloatTensor>:$bias,
                       Optional<QC_FloatTensor>:$peepholes, Optional<QC_IntegerTensor>:$lengths,
                       QC_CellKind:$kind, BoolAttr:$reverse, BoolAttr:$linearBeforeReset,
                       BoolAttr:$inputForget, F32Attr:$clip, StrArrayAttr:$activations,
                       DenseF32ArrayAttr:$alphas, DenseF32ArrayAttr:$betas);
  let results = (outs Variadic<QC_FloatTensor>:$states);
  let hasVerifier = 1;
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_DFTOp : QC_LoopElementOp<"dft"> {
  let summary = "Discrete Fourier transform along an axis";
  let description = [{
    The last dimension of x holds real and imaginary parts, or the real part alone. The signal is cut
    or filled with zeros to `length`; `y[k] = sum x[n] e^(-2 pi i k n / length)`, inverse: with + and
    divided by length. y has `bins` at axis (length, or length / 2 + 1 of a real signal). An inverse
    transform of length / 2 + 1 bins (`hermitian`) takes the rest from symmetry and gives real parts
    alone. Constraints: (1) x has rank 2 or more, its last dimension 1 or 2; (2) 0 <= axis < rank - 1;
    (3) 0 < bins <= length.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_IntAttr:$axis, QC_IntAttr:$length, QC_IntAttr:$bins,
                       BoolAttr:$inverse, BoolAttr:$hermitian);
  let results = (outs QC_FloatTensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCSEQUENCEOPS_TD
