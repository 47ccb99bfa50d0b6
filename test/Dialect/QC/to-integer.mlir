// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq --qc-to-integer --canonicalize --cse | FileCheck %s

// A constant float bias becomes rint(b / fl(s_x s_w)); m = fl(fl(s_x s_w) / s_y).
// CHECK-LABEL: @conv_float_bias
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4xui8>)
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[8, -32]> : tensor<2xsi32>
// CHECK-DAG: %[[M:.*]] = qc.constant dense<[6.250000e-02, 3.125000e-02]> : tensor<2xf32>
// CHECK-DAG: %[[ZX:.*]] = qc.constant dense<3> : tensor<ui8>
// CHECK-DAG: %[[ZY:.*]] = qc.constant dense<5> : tensor<ui8>
// CHECK: %[[A:.*]] = qc.conv %[[X]], %{{.*}} bias %[[B]] x_zero %[[ZX]] {{.*}} -> tensor<1x2x4x4xsi32>
// CHECK: %[[Q:.*]] = qc.requantize %[[A]], %[[M]], %[[ZY]] {axis = 1 : i64}
// CHECK-NEXT: return %[[Q]]
func.func @conv_float_bias(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %b = qc.constant dense<[1.0, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %c, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// An int32 bias of the accumulators' scale is taken as it is; relu clamps at the
// zero point.
// CHECK-LABEL: @conv_int_bias_relu
// CHECK: qc.constant dense<[7, -9]> : tensor<2xsi32>
// CHECK: %[[A:.*]] = qc.conv
// CHECK: %[[R:.*]] = qc.requantize %[[A]]
// CHECK-NEXT: %[[Q:.*]] = qc.max %[[R]], %{{.*}}
// CHECK-NEXT: return %[[Q]]
func.func @conv_int_bias_relu(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %bq = qc.constant dense<[7, -9]> : tensor<2xsi32> : tensor<2xsi32>
  %sb = qc.constant dense<[0.125, 0.0625]> : tensor<2xf32> : tensor<2xf32>
  %zb = qc.constant dense<0> : tensor<2xsi32> : tensor<2xsi32>
  %b = qc.dequantize %bq, %sb, %zb {axis = 0 : i64} : (tensor<2xsi32>, tensor<2xf32>, tensor<2xsi32>) -> tensor<2xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %r = qc.relu %c : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %r, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// Factors of channels in front of the quantize stay in the chain.
// CHECK-LABEL: @conv_relu_factors
// CHECK: %[[F:.*]] = qc.constant dense<{{\[\[\[}}1.000000e+00{{\]\], \[\[}}4.000000e+00{{\]\]\]}}> : tensor<2x1x1xf32>
// CHECK: %[[A:.*]] = qc.conv
// CHECK: %[[C:.*]] = qc.rescale %[[A]]
// CHECK: %[[R:.*]] = qc.relu %[[C]]
// CHECK: %[[M:.*]] = qc.mul %[[R]], %[[F]]
// CHECK: %[[Q:.*]] = qc.round_saturate %[[M]]
// CHECK-NEXT: return %[[Q]]
func.func @conv_relu_factors(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %f = qc.constant dense<[[[1.0]], [[4.0]]]> : tensor<2x1x1xf32> : tensor<2x1x1xf32>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %c = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %r = qc.relu %c : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %m = qc.mul %r, %f : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %m, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// Saturation at the zero point is the relu.
// CHECK-LABEL: @conv_relu_vanishes
// CHECK: qc.conv
// CHECK-NEXT: %[[R:.*]] = qc.requantize
// CHECK-NEXT: return %[[R]]
func.func @conv_relu_vanishes(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %z0 = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %c = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %r = qc.relu %c : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %r, %sy, %z0 {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// An int32 bias of another scale keeps the float form: add, then divide.
// CHECK-LABEL: @conv_other_bias_scale
// CHECK: %[[A:.*]] = qc.conv %{{[^ ]*}}, %{{[^ ]*}} x_zero
// CHECK: %[[R:.*]] = qc.rescale %[[A]]
// CHECK: %[[S:.*]] = qc.add %[[R]]
// CHECK: qc.quantize %[[S]]
func.func @conv_other_bias_scale(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %bq = qc.constant dense<[7, -9]> : tensor<2xsi32> : tensor<2xsi32>
  %sb = qc.constant dense<[0.5, 0.0625]> : tensor<2xf32> : tensor<2xf32>
  %zb = qc.constant dense<0> : tensor<2xsi32> : tensor<2xsi32>
  %b = qc.dequantize %bq, %sb, %zb {axis = 0 : i64} : (tensor<2xsi32>, tensor<2xf32>, tensor<2xsi32>) -> tensor<2xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %c, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// So does a bias of 2^30 accumulator units or more.
// CHECK-LABEL: @conv_large_bias
// CHECK: qc.conv %{{[^ ]*}}, %{{[^ ]*}} x_zero
// CHECK: qc.rescale
// CHECK: qc.add
// CHECK: qc.quantize
func.func @conv_large_bias(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %b = qc.constant dense<[1.0e9, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %c, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// A chain: accumulator and codes in units of the output's scale, no division.
// CHECK-LABEL: @residual
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4xui8>, %[[Y:.*]]: tensor<1x2x4x4xsi8>)
// CHECK-DAG: %[[M:.*]] = qc.constant dense<[6.250000e-02, 3.125000e-02]> : tensor<2xf32>
// CHECK-DAG: %[[R:.*]] = qc.constant dense<1.250000e-01> : tensor<f32>
// CHECK: %[[A:.*]] = qc.conv
// CHECK-DAG: %[[U:.*]] = qc.rescale %[[A]], %[[M]], %{{.*}} {axis = 1 : i64}
// CHECK-DAG: %[[V:.*]] = qc.rescale %[[Y]], %[[R]]
// CHECK: %[[S:.*]] = qc.add %[[U]], %[[V]]
// CHECK-NEXT: %[[Q:.*]] = qc.round_saturate %[[S]]
// CHECK-NEXT: %[[C:.*]] = qc.max %[[Q]]
// CHECK-NEXT: return %[[C]]
func.func @residual(%xq: tensor<1x2x4x4xui8>, %yq: tensor<1x2x4x4xsi8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x1x1xf32>
  %s2 = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %z2 = qc.constant dense<-7> : tensor<si8> : tensor<si8>
  %c = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %y = qc.dequantize %yq, %s2, %z2 {axis = 0 : i64} : (tensor<1x2x4x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2x4x4xf32>
  %a = qc.add %c, %y : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %r = qc.relu %a : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %r, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// A clip inside a chain has its bounds divided (6.25 / 2.0); the upper one
// has no code, so the clip does not move to the codes.
// CHECK-LABEL: @clip_inside_chain
// CHECK-DAG: %[[H:.*]] = qc.constant dense<3.125000e+00> : tensor<f32>
// CHECK: %[[K:.*]] = qc.clip %{{.*}}, %{{.*}}, %[[H]]
// CHECK: qc.sub %[[K]]
// CHECK: qc.round_saturate
func.func @clip_inside_chain(%xq: tensor<1x2x4x4xui8>, %yq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %lo = qc.constant dense<-1.0> : tensor<f32> : tensor<f32>
  %hi = qc.constant dense<6.25> : tensor<f32> : tensor<f32>
  %s2 = qc.constant dense<0.3> : tensor<f32> : tensor<f32>
  %y = qc.dequantize %yq, %s2, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %k = qc.clip %x, %lo, %hi : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<f32>) -> tensor<1x2x4x4xf32>
  %a = qc.sub %k, %y : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %a, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// A matrix product with the bias behind it.
// CHECK-LABEL: @gemm
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[8, 16, 24]> : tensor<3xsi32>
// CHECK: %[[A:.*]] = qc.matmul {{.*}} -> tensor<4x3xsi32>
// CHECK: %[[S:.*]] = qc.add %[[A]], %[[B]]
// CHECK: qc.requantize %[[S]]
func.func @gemm(%xq: tensor<4x2xui8>) -> tensor<4x3xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xsi8> : tensor<2x3xsi8>
  %b = qc.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : tensor<3xf32>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<4x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x2xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x3xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x3xf32>
  %m = qc.matmul %x, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  %a = qc.add %m, %b : (tensor<4x3xf32>, tensor<3xf32>) -> tensor<4x3xf32>
  %q = qc.quantize %a, %sy, %zy {axis = 0 : i64} : (tensor<4x3xf32>, tensor<f32>, tensor<ui8>) -> tensor<4x3xui8>
  return %q : tensor<4x3xui8>
}

// -----

// Without a quantize behind it the accumulator becomes float once.
// CHECK-LABEL: @matmul_float_result
// CHECK: %[[A:.*]] = qc.matmul {{.*}} -> tensor<4x3xsi32>
// CHECK-NEXT: %[[S:.*]] = qc.rescale %[[A]]
// CHECK-NEXT: return %[[S]]
func.func @matmul_float_result(%xq: tensor<4x2xui8>) -> tensor<4x3xf32> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xsi8> : tensor<2x3xsi8>
  %b = qc.constant dense<[1.0, 2.0, 3.0]> : tensor<3xf32> : tensor<3xf32>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<4x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<4x2xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x3xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x3xf32>
  %m = qc.matmul %x, %w : (tensor<4x2xf32>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return %m : tensor<4x3xf32>
}

// -----

// A global average pool: sum x - N z, times fl(s_x / fl(s_y N)).
// CHECK-LABEL: @mean
// CHECK-SAME: (%[[X:.*]]: tensor<1x2x4x4xui8>)
// CHECK-DAG: %[[N:.*]] = qc.constant dense<48> : tensor<si32>
// CHECK-DAG: %[[M:.*]] = qc.constant dense<1.562500e-02> : tensor<f32>
// CHECK: %[[S:.*]] = qc.reduce sum %[[X]] {accumulator = si32, axes = array<i64: 2, 3>} {{.*}} -> tensor<1x2x1x1xsi32>
// CHECK: %[[D:.*]] = qc.sub %[[S]], %[[N]]
// CHECK: %[[Q:.*]] = qc.requantize %[[D]], %[[M]]
// CHECK: qc.reshape %[[Q]]
func.func @mean(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<[0.25, 0.125]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %m = qc.reduce mean %x {axes = array<i64: 2, 3>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
  %f = qc.reshape %m {shape = array<i64: 1, 2>} : (tensor<1x2x1x1xf32>) -> tensor<1x2xf32>
  %q = qc.quantize %f, %sy, %zy {axis = 0 : i64} : (tensor<1x2xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2xui8>
  return %q : tensor<1x2xui8>
}

// -----

// An activation function between codes is a table.
// CHECK-LABEL: @table
// CHECK-SAME: (%[[X:.*]]: tensor<4xsi4>)
// CHECK: %[[T:.*]] = qc.constant dense<[8, 10, 14, 19, 27, 38, 52, 68, 84, 98, 109, 117, 122, 126, 128, 130]> : tensor<16xui8>
// CHECK: qc.table_lookup %[[X]], %[[T]]
func.func @table(%xq: tensor<4xsi4>) -> tensor<4xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<-1> : tensor<si4> : tensor<si4>
  %sy = qc.constant dense<0.0078125> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<4> : tensor<ui8> : tensor<ui8>
  %x = qc.dequantize %xq, %s, %z {axis = 0 : i64} : (tensor<4xsi4>, tensor<f32>, tensor<si4>) -> tensor<4xf32>
  %m = qc.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %q = qc.quantize %m, %sy, %zy {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// -----

// The product of x and a table of x's own codes is one table.
// CHECK-LABEL: @product
// CHECK-SAME: (%[[X:.*]]: tensor<4xsi4>)
// CHECK: %[[T:.*]] = qc.constant dense<[16, 16, 14, 12, 11, 12, 14, 20, 30, 44, 59, 76, 94, 112, 128, 146]> : tensor<16xui8>
// CHECK-NOT: qc.mul
// CHECK: qc.table_lookup %[[X]], %[[T]]
func.func @product(%xq: tensor<4xsi4>) -> tensor<4xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<-1> : tensor<si4> : tensor<si4>
  %sg = qc.constant dense<0.0078125> : tensor<f32> : tensor<f32>
  %zg = qc.constant dense<4> : tensor<ui8> : tensor<ui8>
  %sy = qc.constant dense<0.03125> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<20> : tensor<ui8> : tensor<ui8>
  %x = qc.dequantize %xq, %s, %z {axis = 0 : i64} : (tensor<4xsi4>, tensor<f32>, tensor<si4>) -> tensor<4xf32>
  %g = qc.sigmoid %x : (tensor<4xf32>) -> tensor<4xf32>
  %gq = qc.quantize %g, %sg, %zg {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  %gd = qc.dequantize %gq, %sg, %zg {axis = 0 : i64} : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  %m = qc.mul %x, %gd : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = qc.quantize %m, %sy, %zy {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// -----

// No change: no codes come in.
// CHECK-LABEL: @no_change
// CHECK: qc.relu
// CHECK: qc.quantize
func.func @no_change(%x: tensor<4xf32>) -> tensor<4xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<-1> : tensor<si8> : tensor<si8>
  %r = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  %q = qc.quantize %r, %s, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<si8>) -> tensor<4xsi8>
  return %q : tensor<4xsi8>
}

// -----

// Dequantized constants that stay float are float constants.
// CHECK-LABEL: @float_constant_operand
// CHECK: %[[C:.*]] = qc.constant dense<[5.000000e-01, 1.000000e+00]> : tensor<2xf32>
// CHECK: qc.dequantize
// CHECK: qc.add %{{.*}}, %[[C]]
// CHECK-NOT: qc.dequantize
func.func @float_constant_operand(%xq: tensor<2xsi8>) -> tensor<2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %cq = qc.constant dense<[1, 2]> : tensor<2xsi8> : tensor<2xsi8>
  %x = qc.dequantize %xq, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %k = qc.dequantize %cq, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %r = qc.softmax %x {axis = 0 : i64, logarithm = false} : (tensor<2xf32>) -> tensor<2xf32>
  %a = qc.add %r, %k : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  return %a : tensor<2xf32>
}

// -----

// Sums that could leave 32 bits have 64: 40000 * 255 * 255 by type.
// CHECK-LABEL: @long_by_type
// CHECK: %[[A:.*]] = qc.matmul {{.*}}{accumulator = si64} {{.*}} -> tensor<1x1xsi64>
// CHECK: qc.requantize %[[A]]
func.func @long_by_type(%a: tensor<1x40000xui8>, %b: tensor<40000x1xui8>) -> tensor<1x1xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x40000xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x40000xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<40000x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<40000x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x40000xf32>, tensor<40000x1xf32>) -> tensor<1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x1xui8>
  return %q : tensor<1x1xui8>
}

// -----

// The same length with constant weights: their values bound the sums, so 32 bits do.
// CHECK-LABEL: @short_by_value
// CHECK: qc.matmul {{.*}} -> tensor<1x1xsi32>
func.func @short_by_value(%a: tensor<1x40000xui8>) -> tensor<1x1xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %b = qc.constant dense<-3> : tensor<40000x1xsi8> : tensor<40000x1xsi8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x40000xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x40000xf32>
  %w = qc.dequantize %b, %s, %zw {axis = 0 : i64} : (tensor<40000x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<40000x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x40000xf32>, tensor<40000x1xf32>) -> tensor<1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x1xui8>
  return %q : tensor<1x1xui8>
}

// -----

// Products of 255 at most in absolute value and a bias of 2^31 - 1.
// CHECK-LABEL: @bias_beyond
// CHECK: %[[B:.*]] = qc.constant dense<2147483647> : tensor<1xsi64>
// CHECK: qc.conv %{{.*}}, %{{.*}} bias %[[B]] {accumulator = si64{{.*}} -> tensor<1x1x1x1xsi64>
func.func @bias_beyond(%a: tensor<1x1x1x1xui8>) -> tensor<1x1x1x1xui8> {
  %s = qc.constant dense<1.0> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %zb = qc.constant dense<0> : tensor<si32> : tensor<si32>
  %b = qc.constant dense<1> : tensor<1x1x1x1xsi8> : tensor<1x1x1x1xsi8>
  %cq = qc.constant dense<2147483647> : tensor<1xsi32> : tensor<1xsi32>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x1x1x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x1x1xf32>
  %w = qc.dequantize %b, %s, %zw {axis = 0 : i64} : (tensor<1x1x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x1x1x1xf32>
  %c = qc.dequantize %cq, %s, %zb {axis = 0 : i64} : (tensor<1xsi32>, tensor<f32>, tensor<si32>) -> tensor<1xf32>
  %y = qc.conv %x, %w bias %c {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x1x1xf32>, tensor<1x1x1x1xf32>, tensor<1xf32>) -> tensor<1x1x1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1x1x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x1x1x1xui8>
  return %q : tensor<1x1x1x1xui8>
}
