// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization: the QDQ level and the integer level's scaling ops.
#ifndef QC_DIALECT_QC_IR_QCQUANTOPS_TD
#define QC_DIALECT_QC_IR_QCQUANTOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

def QC_QuantizeOp : QC_ElementwiseOp<"quantize"> {
  let summary = "Float to codes, as ONNX QuantizeLinear";
  let description = [{
    `q = saturate(round_half_even(x / scale) + zero)` with a true division in f32; the clamp acts
    before converting and NaN gives the smallest code. scale and zero hold one element
    (per tensor), one per index of `axis`, or with blockSize b > 0 one per b consecutive indices
    of the axis (scale has x's rank then). The zero point's element type is the result's.

    Constraints: (1) scale and zero fit the granularity; zero may hold one element whatever it is.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_Tensor:$scale, QC_Tensor:$zero,
                       QC_IntAttr:$axis, DefaultValuedAttr<QC_IntAttr, "0">:$blockSize);
  let results = (outs QC_Tensor:$q);
}

def QC_DequantizeOp : QC_ElementwiseOp<"dequantize"> {
  let summary = "Codes to float, as ONNX DequantizeLinear";
  let description = [{
    `x = (q - zero) * scale` in the scale's float type, granularity as qc.quantize. Never
    folded: the codes of constant weights are what the integer level wants.
    Constraints: (1) scale and zero fit the granularity; zero may hold one element whatever it is;
    (2) zero has q's element type.
  }];
  let arguments = (ins QC_Tensor:$q, QC_FloatTensor:$scale, QC_Tensor:$zero,
                       QC_IntAttr:$axis, DefaultValuedAttr<QC_IntAttr, "0">:$blockSize);
  let results = (outs QC_FloatTensor:$x);
}

def QC_RequantizeOp : QC_ElementwiseOp<"requantize"> {
  let summary = "Accumulators to codes";
  let description = [{
    `q = saturate(round_half_even(fl(float(acc) * multiplier)) + zero)`; multiplier is
    `fl(fl(s_x s_w) / s_y)`, one element or one per index of axis. The zero point (one element)
    has the result's element type.

    Constraints: (1) multiplier holds one element or x's dimension at axis.
  }];
  let arguments = (ins QC_IntegerTensor:$acc, QC_FloatTensor:$multiplier,
                       QC_IntegerTensor:$zero, QC_IntAttr:$axis);
  let results = (outs QC_IntegerTensor:$q);
}

def QC_RequantizeFixedOp : QC_ElementwiseOp<"requantize_fixed"> {
  let summary = "Accumulators to codes in integers only";
  let description = [{
    `q = saturate(((acc * multiplier + 2^(shift-1)) >> shift) + zero)` in 64 bits, with an arithmetic
    shift: rounds half up. `multiplier * 2^-shift` stands for the factor of qc.requantize with
    |multiplier| in [2^30, 2^31), or 0 for a factor so small that every product rounds to 0. Nothing
    overflows: |acc| and |multiplier| are at most 2^31, shift is at most 62. Shift 0 adds nothing.
    What `qc-to-integer` makes under `qc.requantize = "fixed"`.

    Constraints: (1) acc has type si32; (2) multiplier and shift have type si32 and the same
    shape: one element or acc's dimension at axis; (3) zero holds one integer of at most 16 bits.
  }];
  let arguments = (ins QC_IntegerTensor:$acc, QC_IntegerTensor:$multiplier,
                       QC_IntegerTensor:$shift, QC_IntegerTensor:$zero, QC_IntAttr:$axis);
  let results = (outs QC_IntegerTensor:$q);
}

def QC_RescaleOp : QC_ElementwiseOp<"rescale"> {
  let summary = "Codes or accumulators to float in the units of another scale";
  let description = [{
    `y = fl(float(q - zero) * multiplier)`, in f32. With multiplier = s (the scale of q) this is a
    dequantization of an accumulator; with s / s_y it gives the value in units of the
    consumer's scale. multiplier holds one element or one per index of axis, zero one element.

    Constraints: (1) multiplier holds one element or q's dimension at axis; (2) zero has
    q's element type.
  }];
  let arguments = (ins QC_IntegerTensor:$q, QC_FloatTensor:$multiplier, QC_IntegerTensor:$zero,
                       QC_IntAttr:$axis);
  let results = (outs QC_FloatTensor:$y);
}

def QC_RoundSaturateOp : QC_ElementwiseOp<"round_saturate"> {
  let summary = "Float in units of the scale to codes";
  let description = [{
    `q = saturate(round_half_even(x) + zero)`: the end of a chain that was computed in
    units of the output's scale. zero holds one element of the result's element type.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_IntegerTensor:$zero);
  let results = (outs QC_IntegerTensor:$q);
}

def QC_TableLookupOp : QC_ElementwiseOp<"table_lookup"> {
  let summary = "A function of codes by table";
  let description = [{
    `y = table[code - smallest code]`: any function of one code, such as sigmoid between a
    dequantize and a quantize. The codes have at most 8 bits; the table has one entry per code,
    in increasing order of the codes (-128 first for si8).

    Constraints: (1) codes are si or ui integers of at most 8 bits; (2) table has rank 1
    and 2^bits entries.
  }];
  let arguments = (ins QC_IntegerTensor:$codes, QC_Tensor:$table);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCQUANTOPS_TD
