// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fast convolution: transforms into and out of the domain in which a
// convolution is a product of matrices per frequency.
#ifndef QC_DIALECT_QC_IR_QCFASTCONVOPS_TD
#define QC_DIALECT_QC_IR_QCFASTCONVOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"

/// The three transforms of symbolic Fourier convolution (SFC, He et al., ICML 2024), Winograd's
/// algorithm included: `y = A [(G g) . (B d)] / denominator` for tiles of the algorithm that
/// the attribute names (qc/SFC/FastConvolution.h derives the matrices). Between them stands
/// a qc.matmul with the products as its batch dimension.
class QC_TileTransformOp<string mnemonic, list<Trait> traits = []>
    : QC_TensorOp<mnemonic, traits # [
        DeclareOpInterfaceMethods<BlockOpInterface, ["getLaneIteration", "getLaneDim"]>]>;

def QC_SFCInputTransformOp : QC_TileTransformOp<"sfc_input_transform"> {
  let summary = "Tiles of maps in the domain of a fast convolution";
  let description = [{
    x (N x C x H x W) is cut into Y x X overlapping tiles, Y m + r - 1 = H for m outputs and r taps of the
    algorithm in that dimension, likewise X. `v[t, (n Y + y) X + x, c] = offsets[t] +
    sum_j B[t, j] d[j]` over the elements d of that tile of channel c: T x N Y X x C for T products. Only
    additions: integers of at most 8 bits give si16, floats their own type. offsets, which is for
    integers and may be absent for all 0, centres the codes that a qc.requantize makes of v.

    Constraints: (1) algorithm is one that qc knows; (2) x has rank 4 and H and W hold whole tiles;
    (3) x holds integers of at most 8 bits or f32 or f64; (4) offsets has T entries; (5) no value in
    or behind the transform leaves si16 for any x.

    ```mlir
    %v = qc.sfc_input_transform %x {algorithm = "sfc-6(6x6,3x3)"}
        : (tensor<1x64x14x14xui8>) -> tensor<88x4x64xsi16>
    ```
  }];
  let arguments = (ins QC_Tensor:$x, StrAttr:$algorithm, OptionalAttr<DenseI64ArrayAttr>:$offsets);
  let results = (outs QC_Tensor:$v);
  let hasVerifier = 1;
}

def QC_SFCWeightTransformOp : QC_TileTransformOp<"sfc_weight_transform"> {
  let summary = "Weights in the domain of a fast convolution";
  let description = [{
    `u[t, c, k] = sum_j G[t, j] w[k, c, j]` over the taps j of w (K x C x R x S): T x C x K. Integers of at
    most 8 bits give si16, floats `u / denominator` in their own type. Of constant weights this
    runs once per loaded model: the artefact keeps the taps.

    Constraints: (1) algorithm is one that qc knows, for kernels of R x S; (2) w holds integers of at
    most 8 bits or f32 or f64; (3) u fits si16 for any w.
  }];
  let arguments = (ins QC_Tensor:$w, StrAttr:$algorithm);
  let results = (outs QC_Tensor:$u);
}

def QC_SFCOutputTransformOp : QC_TileTransformOp<"sfc_output_transform"> {
  let summary = "Maps from the domain of a fast convolution";
  let description = [{
    m (T x N Y X x K) holds one product per frequency t, tile and output channel. Output j of a tile is
    `y[j] = sum_t A[j, t] m[t] / divisor`; the result (N x K x height x width) is made of the tiles, of
    which the last ones may stick out. Integers (si16, si32) are summed modulo 2^32 and give
    si32, floats give their own type.

    divisor is 1 or the algorithm's denominator. The latter is for integers, whose sums it must
    divide: with the odd part of the denominator inverted modulo 2^32 the quotient is exact wherever
    quotient * (even part of the denominator) fits 32 bits, even if sums on the way do not.

    Constraints: (1) algorithm is one that qc knows; (2) m's second dimension is the number of
    images times that of the tiles which cover height x width; (3) m holds si16, si32, f32 or f64;
    (4) divisor is 1 or, for integers, the denominator.
  }];
  let arguments = (ins QC_Tensor:$m, StrAttr:$algorithm, QC_IntAttr:$height, QC_IntAttr:$width,
                       DefaultValuedAttr<QC_IntAttr, "1">:$divisor);
  let results = (outs QC_Tensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCFASTCONVOPS_TD
