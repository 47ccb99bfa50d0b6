// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention. These ops stay whole through the graph and QDQ levels, where
// passes look for queries, keys and values; `qc-expand-attention` opens them.
#ifndef QC_DIALECT_QC_IR_QCATTENTIONOPS_TD
#define QC_DIALECT_QC_IR_QCATTENTIONOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_ScoreKind : I32EnumAttr<"ScoreKind", "which scores attention gives beside its result", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Product", 1, "product">,
    I32EnumAttrCase<"Capped", 2, "capped">, I32EnumAttrCase<"Biased", 3, "biased">,
    I32EnumAttrCase<"Probabilities", 4, "probabilities">]> {
  let cppNamespace = "::qc";
}

def QC_AttentionOp : QC_BlockOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "Scaled dot-product attention";
  let description = [{
    For q (B x H x S x D), k (B x G x T x D) and v (B x G x T x E), where heads h of q share head
    `h / (H / G)` of k and v:

    * product: `s = (q * factor) (k * factor)^T`
    * capped: `s = softcap * tanh(s / softcap)`, where softcap is not 0
    * biased: `s + bias`, with bias -inf where a key is not allowed
    * probabilities: softmax along T in softmaxType; keys with a bias of -inf count 0, and rows without
      any other key are 0
    * y (B x H x S x E) `= probabilities v`

    Query i stands at position `p = i + past`, or `i + lengths[b] - S` where lengths are given. A key j
    is allowed where `j <= p` if causal, `p - j <= leftWindow` and `j - p <= rightWindow` if those are
    not negative, and `j < lengths[b]`. Each step is rounded to the operands' type.

    The second result, if scores is not none, is s after the step that it names (B x H x S x T).

    Constraints: (1) shapes as stated, one float type, H a multiple of G; (2) bias broadcasts to
    B x H x S x T; (3) lengths has one entry per batch.
  }];
  let arguments = (ins QC_FloatTensor:$q, QC_FloatTensor:$k, QC_FloatTensor:$v,
                       Optional<QC_FloatTensor>:$bias, Optional<QC_IntegerTensor>:$lengths,
                       F64Attr:$factor, F32Attr:$softcap, BoolAttr:$causal, QC_IntAttr:$past,
                       QC_IntAttr:$leftWindow, QC_IntAttr:$rightWindow, TypeAttr:$softmaxType,
                       QC_ScoreKind:$scores);
  let results = (outs Variadic<QC_FloatTensor>:$results);
  let hasVerifier = 1;
  let extraClassDefinition = compatibleDefinition # multiFold;
}

def QC_RotaryEmbeddingOp : QC_ElementOp<"rotary_embedding"> {
  let summary = "Rotation of pairs of features by angles of their position";
  let description = [{
    In each row of x (B x H x S x D) the first R features are pairs (x1, x2): features k and
    k + R / 2, or with `interleaved` 2 k and 2 k + 1. A pair becomes
    `(cos x1 - sin x2, sin x1 + cos x2)`; the features behind R stay. cos and sin hold R / 2 numbers
    for a row of the table (P x R / 2) that positions (B x S) names, or without positions for each row
    (B x S x R / 2). Each step is rounded to x's type.

    Constraints: (1) shapes as stated, one float type; (2) R <= D.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$cos, QC_FloatTensor:$sin,
                       Optional<QC_IntegerTensor>:$positions, BoolAttr:$interleaved);
  let results = (outs QC_FloatTensor:$y);
  let hasVerifier = 1;
}

#endif // QC_DIALECT_QC_IR_QCATTENTIONOPS_TD
