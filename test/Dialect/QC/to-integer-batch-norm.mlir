// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq --qc-to-integer --canonicalize --cse | FileCheck %s
//
// a = gamma / sqrt(variance + epsilon) is 2 for the first channel and -0.5 for the
// second. s_x s_w = 0.125, s_y = 2: the scales become 0.25 and -0.0625, so
// m = 0.125 and -0.03125. The biases are a (b - mean) + beta = 2 (1 - 0.5) + 3 = 4 and
// -0.5 (-2 - 1) + 0.5 = 2, in accumulator units 4 / 0.25 = 16 and 2 / -0.0625 = -32.

// CHECK-LABEL: @conv_batch_norm
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[16, -32]> : tensor<2xsi32>
// CHECK-DAG: %[[M:.*]] = qc.constant dense<[1.250000e-01, -3.125000e-02]> : tensor<2xf32>
// CHECK: %[[A:.*]] = qc.conv %{{[^ ]*}}, %{{[^ ]*}} bias %[[B]] x_zero
// CHECK-NOT: qc.batch_norm
// CHECK: %[[R:.*]] = qc.requantize %[[A]], %[[M]], %{{.*}} {axis = 1 : i64}
// CHECK: %[[Q:.*]] = qc.max %[[R]]
// CHECK: return %[[Q]]
func.func @conv_batch_norm(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %b = qc.constant dense<[1.0, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %gamma = qc.constant dense<[4.0, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %beta = qc.constant dense<[3.0, 0.5]> : tensor<2xf32> : tensor<2xf32>
  %mean = qc.constant dense<[0.5, 1.0]> : tensor<2xf32> : tensor<2xf32>
  %variance = qc.constant dense<[3.0, 15.0]> : tensor<2xf32> : tensor<2xf32>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2x1x1xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %n = qc.batch_norm %c, %gamma, %beta, %mean, %variance {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %r = qc.relu %n : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %r, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// No change: a channel with gamma 0 has no scale, so the norm stays.
// CHECK-LABEL: @zero_gamma
// CHECK: qc.conv {{.*}}si32>
// CHECK: qc.rescale
// CHECK: qc.batch_norm
// CHECK: qc.quantize
func.func @zero_gamma(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %gamma = qc.constant dense<[4.0, 0.0]> : tensor<2xf32> : tensor<2xf32>
  %beta = qc.constant dense<[3.0, 0.5]> : tensor<2xf32> : tensor<2xf32>
  %x = qc.dequantize %xq, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %s, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2x1x1xf32>
  %c = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %n = qc.batch_norm %c, %gamma, %beta, %beta, %beta {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %n, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}

// -----

// Parameters that are dequantized constants are the same numbers as in @conv_batch_norm.
// CHECK-LABEL: @dequantized_parameters
// CHECK-DAG: qc.constant dense<[16, -32]> : tensor<2xsi32>
// CHECK-DAG: qc.constant dense<[1.250000e-01, -3.125000e-02]> : tensor<2xf32>
// CHECK-NOT: qc.batch_norm
// CHECK: qc.requantize
func.func @dequantized_parameters(%xq: tensor<1x2x4x4xui8>) -> tensor<1x2x4x4xui8> {
  %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %sw = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %zw = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
  %wq = qc.constant dense<[[[[1]],[[2]]],[[[3]],[[-4]]]]> : tensor<2x2x1x1xsi8> : tensor<2x2x1x1xsi8>
  %b = qc.constant dense<[1.0, -2.0]> : tensor<2xf32> : tensor<2xf32>
  %gammaq = qc.constant dense<[16, -8]> : tensor<2xsi8> : tensor<2xsi8>
  %betaq = qc.constant dense<[9, 4]> : tensor<2xui8> : tensor<2xui8>
  %meanq = qc.constant dense<[2, 4]> : tensor<2xsi8> : tensor<2xsi8>
  %varianceq = qc.constant dense<[12, 60]> : tensor<2xsi8> : tensor<2xsi8>
  %gamma = qc.dequantize %gammaq, %sw, %zw {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %beta = qc.dequantize %betaq, %sx, %zx {axis = 0 : i64} : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %mean = qc.dequantize %meanq, %sw, %zw {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %variance = qc.dequantize %varianceq, %sw, %zw {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x2x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2x1x1xf32>
  %c = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %n = qc.batch_norm %c, %gamma, %beta, %mean, %variance {epsilon = 1.0 : f32} : (tensor<1x2x4x4xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %q = qc.quantize %n, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  return %q : tensor<1x2x4x4xui8>
}
