// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Convolutions whose attribute says how they multiply; test_fast_convolutions.py
// checks the numbers.
// RUN: qc-opt %s --split-input-file --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=direct})' | FileCheck %s

// Padding and the zero point go first; rounding to si16 needs no unit here. Of the
// first product the weights are 0 and 12, the scale of the second 12/127: -128 * 127
// + round(500 * 12 / (8 * 12/127)) = -8318 undoes zero point and offset, and the
// factor is 8 * (12/127) / 6.
// CHECK-LABEL: @fast
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<9> : tensor<ui8>
// CHECK: %[[P:.*]] = qc.pad %arg0, %[[Z]] {pads = array<i64: 0, 0, 0, 1, 0, 0, 0, 1>}
// CHECK: %[[V:.*]] = qc.sfc_input_transform %[[P]] {algorithm = "sfc-6(1x4,1x3)", offsets = array<i64: -500, 0, 0, 0, 0, 0, 0, 0>} : (tensor<1x2x3x6xui8>) -> tensor<8x3x2xsi16>
// CHECK: %[[S:.*]] = qc.constant dense<[1.250000e-01, 5.000000e-01, 5.000000e-01, 2.500000e-01, 5.000000e-01, 5.000000e-01, 2.500000e-01, 5.000000e-01]> : tensor<8xf32>
// CHECK: %[[C:.*]] = qc.requantize %[[V]], %[[S]], %{{.*}} {axis = 0 : i64} : (tensor<8x3x2xsi16>, tensor<8xf32>, tensor<ui8>) -> tensor<8x3x2xui8>
// CHECK: %[[U:.*]] = qc.constant dense<{{\[\[}}[0], [127]], {{.*}}> : tensor<8x2x1xsi8>
// CHECK: %[[M:.*]] = qc.matmul %[[C]], %[[U]] : (tensor<8x3x2xui8>, tensor<8x2x1xsi8>) -> tensor<8x3x1xsi32>
// CHECK: %[[O:.*]] = qc.constant dense<{{\[\[}}[-8318]], {{.*}}> : tensor<8x1x1xsi32>
// CHECK: %[[A:.*]] = qc.add %[[M]], %[[O]]
// CHECK: %[[R:.*]] = qc.rescale %[[A]]
// CHECK: %[[G:.*]] = qc.constant dense<{{\[\[}}[0.12598{{.*}}]], {{.*}}> : tensor<8x1x1xf32>
// CHECK: %[[F:.*]] = qc.mul %[[R]], %[[G]] : (tensor<8x3x1xf32>, tensor<8x1x1xf32>)
// CHECK: %[[Q:.*]] = qc.round_saturate %[[F]], %{{.*}} -> tensor<8x3x1xsi16>
// CHECK: %[[Y:.*]] = qc.sfc_output_transform %[[Q]] {algorithm = "sfc-6(1x4,1x3)", height = 3 : i64, width = 4 : i64} : (tensor<8x3x1xsi16>) -> tensor<1x1x3x4xsi32>
// CHECK: %[[B:.*]] = qc.reshape %{{.*}} {shape = array<i64: 1, 1, 1>}
// CHECK: %[[T:.*]] = qc.add %[[Y]], %[[B]]
// CHECK: return %[[T]]
func.func @fast(%x: tensor<1x2x3x4xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<[[[[1, 2, -3]], [[5, 0, 7]]]]> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %z = qc.constant dense<9> : tensor<ui8> : tensor<ui8>
  %y = qc.conv %x, %w x_zero %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 1, 0, 1>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, offsets = array<i64: -500, 0, 0, 0, 0, 0, 0, 0>}}
    : (tensor<1x2x3x4xui8>, tensor<1x2x1x3xsi8>, tensor<ui8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

// Fewer bits are a clamp: bytes are multiplied all the same.
// CHECK-LABEL: @four_bits
// CHECK-NOT: offsets
// CHECK: %[[C:.*]] = qc.requantize
// CHECK: %[[TOP:.*]] = qc.constant dense<15> : tensor<ui8>
// CHECK: qc.min %[[C]], %[[TOP]]
func.func @four_bits(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<[[[[1, 2, -3]], [[5, 0, 7]]]]> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", bits = 4 : i64, scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}}
    : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

// A scale for each input channel is a multiplier for each; given weights are taken as
// they are, and the bias is added to the convolution's.
// CHECK-LABEL: @given
// CHECK: %[[R:.*]] = qc.rescale %{{.*}} -> tensor<8x3x2xf32>
// CHECK: %[[S:.*]] = qc.constant dense<{{\[\[}}[1.250000e-01, 5.000000e-01]], {{.*}}> : tensor<8x1x2xf32>
// CHECK: %[[F:.*]] = qc.mul %[[R]], %[[S]]
// CHECK: %[[C:.*]] = qc.round_saturate %[[F]], %{{.*}} -> tensor<8x3x2xui8>
// CHECK: %[[U:.*]] = qc.constant dense<-3> : tensor<8x2x1xsi8>
// CHECK: qc.matmul %[[C]], %[[U]]
// CHECK: qc.constant dense<768> : tensor<8x1x1xsi32>
// CHECK: %[[B:.*]] = qc.constant dense<41> : tensor<1xsi32>
// CHECK: qc.reshape %[[B]]
func.func @given(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<[[[[1, 2, -3]], [[5, 0, 7]]]]> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %b = qc.constant dense<11> : tensor<1xsi32> : tensor<1xsi32>
  %y = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 8.0, 2.0, 8.0, 2.0, 8.0, 2.0, 8.0, 2.0, 8.0, 2.0, 8.0, 2.0, 8.0, 2.0>,
      weights = dense<-3> : tensor<8x2x1xsi8>, weight_scales = array<f32: 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0>, bias = array<i64: 30>}}
    : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>, tensor<1xsi32>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

// An algorithm alone: exact products.
// CHECK-LABEL: @exact
// CHECK: qc.sfc_weight_transform
// CHECK: qc.matmul {{.*}}xsi16>, {{.*}}xsi16>)
// CHECK: divisor = 6
func.func @exact(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<[[[[1, 2, -3]], [[5, 0, 7]]]]> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)"}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}
