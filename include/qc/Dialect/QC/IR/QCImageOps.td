// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that sample a feature map at computed positions, and the convolutions
// and pools that are no plain sliding windows.
#ifndef QC_DIALECT_QC_IR_QCIMAGEOPS_TD
#define QC_DIALECT_QC_IR_QCIMAGEOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"
include "qc/Dialect/QC/IR/QCReductionOps.td"

def QC_SampleMode : I32EnumAttr<"SampleMode", "how a value between elements is made", [
    I32EnumAttrCase<"Nearest", 0, "nearest">, I32EnumAttrCase<"Linear", 1, "linear">,
    I32EnumAttrCase<"Cubic", 2, "cubic">]> {
  let cppNamespace = "::qc";
}
def QC_CoordinateMode : I32EnumAttr<"CoordinateMode", "which input position a result has", [
    I32EnumAttrCase<"HalfPixel", 0, "half_pixel">,
    I32EnumAttrCase<"HalfPixelSymmetric", 1, "half_pixel_symmetric">,
    I32EnumAttrCase<"PytorchHalfPixel", 2, "pytorch_half_pixel">,
    I32EnumAttrCase<"AlignCorners", 3, "align_corners">,
    I32EnumAttrCase<"Asymmetric", 4, "asymmetric">,
    I32EnumAttrCase<"TfCropAndResize", 5, "tf_crop_and_resize">,
    I32EnumAttrCase<"TfHalfPixelForNearest", 6, "tf_half_pixel_for_nn">]> {
  let cppNamespace = "::qc";
}
def QC_NearestMode : I32EnumAttr<"NearestMode", "how a position is rounded", [
    I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
    I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">,
    I32EnumAttrCase<"Floor", 2, "floor">, I32EnumAttrCase<"Ceil", 3, "ceil">]> {
  let cppNamespace = "::qc";
}
def QC_BorderMode : I32EnumAttr<"BorderMode", "what lies outside a feature map", [
    I32EnumAttrCase<"Zeros", 0, "zeros">, I32EnumAttrCase<"Border", 1, "border">,
    I32EnumAttrCase<"Reflection", 2, "reflection">]> {
  let cppNamespace = "::qc";
}

def QC_ResizeOp : QC_LoopElementOp<"resize", [AttrSizedOperandSegments]> {
  let summary = "Resampling to another shape";
  let description = [{
    ONNX Resize with the result's shape known. The scales are an attribute with an entry per dimension
    or, where the attribute is empty, the operand dynamicScales. Linear and cubic modes weigh 2 or 4
    neighbours per dimension (edges repeat); antialias widens the filter by 1 / scale where that
    is above one; excludeOutside drops neighbours outside x. roi (2 entries per dimension, starts first)
    and `extrapolation`, the value outside x, serve tf_crop_and_resize only.

    Constraints: (1) shape has x's rank, and x is not empty unless the result is; (2) there are scales,
    positive, as an attribute or an operand, with an entry per dimension; (3) roi is there for
    tf_crop_and_resize, with two entries per dimension.
  }];
  let arguments = (ins QC_Tensor:$x, Optional<QC_FloatTensor>:$dynamicScales,
                       Optional<QC_FloatTensor>:$roi, DenseI64ArrayAttr:$shape,
                       DenseF32ArrayAttr:$scales, QC_SampleMode:$mode,
                       QC_CoordinateMode:$coordinates, QC_NearestMode:$nearest,
                       F32Attr:$cubicCoefficient, BoolAttr:$excludeOutside, BoolAttr:$antialias,
                       F32Attr:$extrapolation);
  let results = (outs QC_Tensor:$y);
}

def QC_GridSampleOp : QC_LoopElementOp<"grid_sample"> {
  let summary = "Samples of a feature map at the positions of a grid";
  let description = [{
    x is N x C x D1…Dk, grid N x E1…Ek x k with positions from -1 to 1, last dimension first; y is
    N x C x E1…Ek. With alignCorners -1 and 1 are the centres of the outermost elements, else
    their edges. Constraints: (1) ranks are equal and at least 3, batches agree, grid's last dimension
    is k; (2) x is not empty unless y is.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$grid, QC_SampleMode:$mode,
                       QC_BorderMode:$border, BoolAttr:$alignCorners);
  let results = (outs QC_FloatTensor:$y);
}

def QC_RoiAlignOp : QC_LoopElementOp<"roi_align"> {
  let summary = "Pooled features of regions of interest";
  let description = [{
    x is N x C x H x W, rois R x 4 (x1, y1, x2, y2, times spatialScale), batches R; y is
    R x C x height x width. Each bin is the mean, or with `maximum` the largest, of bilinear samples
    at samplingRatio^2 points (0: as many as the bin's size in elements, rounded up). `halfPixel`
    shifts regions by half an element. Constraints: (1) shapes as stated; (2) height and
    width are positive, samplingRatio is not negative; (3) x is not empty.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$rois, QC_IntegerTensor:$batches,
                       QC_IntAttr:$height, QC_IntAttr:$width, QC_IntAttr:$samplingRatio,
                       F32Attr:$spatialScale, BoolAttr:$maximum, BoolAttr:$halfPixel);
  let results = (outs QC_FloatTensor:$y);
}

def QC_LpPoolOp : QC_PoolOp<"lp_pool"> {
  let summary = "p-norm over a sliding window";
  let description = [{
    As qc.max_pool with `(sum |x|^p)^(1/p)`. Constraints as qc.max_pool; (4) p is positive.
  }];
  let arguments = !con(poolArguments, (ins QC_IntAttr:$p));
}

def QC_MaxPoolIndexOp : QC_PoolOp<"max_pool_index"> {
  let summary = "Positions of the maxima that qc.max_pool finds";
  let description = [{
    The row-major position in x of the first largest element in each window; with `columnMajor` the
    spatial part of the position counts from the first dimension. Constraints as qc.max_pool.
  }];
  let arguments = !con(poolArguments, (ins BoolAttr:$columnMajor));
}

def QC_ConvTransposeOp : QC_LoopElementOp<"conv_transpose"> {
  let summary = "Transposed convolution";
  let description = [{
    x is N x C x D1…, w C x M/group x K1…, bias M. Each element of x adds w, times itself, at
    positions `d * stride - pad + k * dilation` of the N x M x shape… result. Constraints:
    (1) ranks agree and are at least 3; (2) one entry of strides, dilations (positive), pads and shape
    (not negative) per spatial dimension; (3) C = w's first dimension, a multiple of group.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$w, Optional<QC_FloatTensor>:$bias,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$shape, QC_IntAttr:$group);
  let results = (outs QC_FloatTensor:$y);
}

def QC_Col2ImOp : QC_LoopElementOp<"col2im"> {
  let summary = "Sum of sliding blocks into an image";
  let description = [{
    x is N x (C * size of a block) x number of windows; y is N x C x image…, each element the sum of
    the block entries that lie on it. Constraints: (1) one entry of image, block, strides,
    dilations and begin pads per spatial dimension, end pads behind those; (2) x's dimensions fit them.
  }];
  let arguments = (ins QC_Tensor:$x, DenseI64ArrayAttr:$image, DenseI64ArrayAttr:$block,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations);
  let results = (outs QC_Tensor:$y);
}

def QC_DeformConvOp : QC_LoopElementOp<"deform_conv", [AttrSizedOperandSegments]> {
  let summary = "Convolution that samples at displaced positions";
  let description = [{
    A two-dimensional convolution of x (N x C x H x W) by w (M x C/group x K x L) where the position
    of each kernel element is displaced by offset (N x 2 G K L x H' x W'; y before x) and
    sampled bilinearly, zero outside, times mask (N x G K L x H' x W') if there is one, for
    G = offsetGroup groups of channels. Constraints: (1) shapes as stated; (2) window as qc.conv.
  }];
  let arguments = (ins QC_FloatTensor:$x, QC_FloatTensor:$w, QC_FloatTensor:$offset,
                       Optional<QC_FloatTensor>:$bias, Optional<QC_FloatTensor>:$mask,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$pads,
                       DenseI64ArrayAttr:$dilations, QC_IntAttr:$group, QC_IntAttr:$offsetGroup);
  let results = (outs QC_FloatTensor:$y);
}

def QC_EinsumOp : QC_LoopElementOp<"einsum"> {
  let summary = "Sum of products over named dimensions";
  let description = [{
    labels names the dimensions of all operands, one operand after another: label l < resultRank is
    result dimension l, other labels are summed over. A label may repeat within an operand (its
    diagonal). Constraints: (1) one label per dimension, not negative; (2) dimensions of one
    label have one size, or size one, which repeats; (3) every result label occurs; (4) element types agree.
  }];
  let arguments = (ins Variadic<QC_Tensor>:$inputs, DenseI64ArrayAttr:$labels,
                       QC_IntAttr:$resultRank);
  let results = (outs QC_Tensor:$y);
}

def QC_DeterminantOp : QC_BlockOp<"determinant"> {
  let summary = "Determinants of square matrices";
  let description = [{
    By elimination with partial pivoting, for each matrix in the last two dimensions.
    Constraints: (1) x has rank 2 or more; (2) the last two dimensions are equal.
  }];
  let arguments = (ins QC_FloatTensor:$x);
  let results = (outs QC_FloatTensor:$y);
}

#endif // QC_DIALECT_QC_IR_QCIMAGEOPS_TD
