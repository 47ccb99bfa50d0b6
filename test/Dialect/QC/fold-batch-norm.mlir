// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-fold-batch-norm | FileCheck %s

// scale 2, variance 3.75 + epsilon 0.25: f = 1; scale 4: f = 2.
// CHECK-LABEL: func.func @conv(
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[1.500000e+00, -3.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[W:.*]] = qc.constant dense<{{.*}}3.000000e+00{{.*}}8.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK: qc.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK-NOT: qc.batch_norm
func.func @conv(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %w = qc.constant dense<[[[[3.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %b = qc.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %scale = qc.constant dense<[2.0, 4.0]> : tensor<2xf32> : tensor<2xf32>
  %bias = qc.constant dense<[0.5, -5.0]> : tensor<2xf32> : tensor<2xf32>
  %mean = qc.constant dense<[0.0, 1.0]> : tensor<2xf32> : tensor<2xf32>
  %variance = qc.constant dense<3.75> : tensor<2xf32> : tensor<2xf32>
  %0 = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %1 = qc.batch_norm %0, %scale, %bias, %mean, %variance {epsilon = 0.25 : f32} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  return %1 : tensor<1x2x2x2xf32>
}

// CHECK-LABEL: func.func @matmul(
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[1.500000e+00, -3.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[W:.*]] = qc.constant dense<{{.*}}3.000000e+00, 8.000000e+00{{.*}}> : tensor<1x2xf32>
// CHECK: %[[P:.*]] = qc.matmul %{{.*}}, %[[W]]
// CHECK: qc.add %[[P]], %[[B]]
// CHECK-NOT: qc.batch_norm
func.func @matmul(%x: tensor<3x1xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<[[3.0, 4.0]]> : tensor<1x2xf32> : tensor<1x2xf32>
  %b = qc.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %scale = qc.constant dense<[2.0, 4.0]> : tensor<2xf32> : tensor<2xf32>
  %bias = qc.constant dense<[0.5, -5.0]> : tensor<2xf32> : tensor<2xf32>
  %mean = qc.constant dense<[0.0, 1.0]> : tensor<2xf32> : tensor<2xf32>
  %variance = qc.constant dense<3.75> : tensor<2xf32> : tensor<2xf32>
  %0 = qc.matmul %x, %w : (tensor<3x1xf32>, tensor<1x2xf32>) -> tensor<3x2xf32>
  %1 = qc.add %0, %b : (tensor<3x2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  %2 = qc.batch_norm %1, %scale, %bias, %mean, %variance {epsilon = 0.25 : f32} : (tensor<3x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}

// Another user needs the convolution's own result.
// CHECK-LABEL: func.func @shared(
// CHECK: qc.conv %{{.*}}, %{{.*}} {
// CHECK: qc.batch_norm
func.func @shared(%x: tensor<1x1x2x2xf32>) -> (tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) {
  %w = qc.constant dense<3.0> : tensor<1x1x1x1xf32> : tensor<1x1x1x1xf32>
  %one = qc.constant dense<1.0> : tensor<1xf32> : tensor<1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %1 = qc.batch_norm %0, %one, %one, %one, %one {epsilon = 0.25 : f32} : (tensor<1x1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  return %0, %1 : tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>
}

// Weights that are not constant, a normalization in front.
// CHECK-LABEL: func.func @dynamic(
// CHECK: qc.batch_norm
// CHECK: qc.conv
// CHECK: qc.batch_norm
func.func @dynamic(%x: tensor<1x1x2x2xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32> {
  %one = qc.constant dense<1.0> : tensor<1xf32> : tensor<1xf32>
  %0 = qc.batch_norm %x, %one, %one, %one, %one {epsilon = 0.25 : f32} : (tensor<1x1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  %1 = qc.conv %0, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x2x2xf32>
  %2 = qc.batch_norm %1, %one, %one, %one, %one {epsilon = 0.25 : f32} : (tensor<1x1x2x2xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  return %2 : tensor<1x1x2x2xf32>
}

// Parameters as quantizers leave them that take every initializer: the same numbers as in @conv.
// CHECK-LABEL: func.func @dequantized_parameters(
// CHECK-DAG: %[[B:.*]] = qc.constant dense<[1.500000e+00, -3.000000e+00]> : tensor<2xf32>
// CHECK-DAG: %[[W:.*]] = qc.constant dense<{{.*}}3.000000e+00{{.*}}8.000000e+00{{.*}}> : tensor<2x1x1x1xf32>
// CHECK: qc.conv %{{.*}}, %[[W]] bias %[[B]]
// CHECK-NOT: qc.batch_norm
func.func @dequantized_parameters(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<1> : tensor<si8> : tensor<si8>
  %zb = qc.constant dense<0> : tensor<si32> : tensor<si32>
  %w = qc.constant dense<[[[[3.0]]], [[[4.0]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %bq = qc.constant dense<[2, 4]> : tensor<2xsi32> : tensor<2xsi32>
  %scaleq = qc.constant dense<[5, 9]> : tensor<2xsi8> : tensor<2xsi8>
  %biasq = qc.constant dense<[2, -9]> : tensor<2xsi8> : tensor<2xsi8>
  %meanq = qc.constant dense<[1, 3]> : tensor<2xsi8> : tensor<2xsi8>
  %variance = qc.constant dense<3.75> : tensor<2xf32> : tensor<2xf32>
  %b = qc.dequantize %bq, %s, %zb {axis = 0 : i64} : (tensor<2xsi32>, tensor<f32>, tensor<si32>) -> tensor<2xf32>
  %scale = qc.dequantize %scaleq, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %bias = qc.dequantize %biasq, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %mean = qc.dequantize %meanq, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %0 = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  %1 = qc.batch_norm %0, %scale, %bias, %mean, %variance {epsilon = 0.25 : f32} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  return %1 : tensor<1x2x2x2xf32>
}

// No change: dequantized weights keep their codes, for qc-to-integer.
// CHECK-LABEL: func.func @dequantized_weights(
// CHECK: qc.dequantize
// CHECK: qc.conv
// CHECK: qc.batch_norm
func.func @dequantized_weights(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<1> : tensor<si8> : tensor<si8>
  %wq = qc.constant dense<[[[[3]]], [[[4]]]]> : tensor<2x1x1x1xsi8> : tensor<2x1x1x1xsi8>
  %scale = qc.constant dense<[2.0, 4.0]> : tensor<2xf32> : tensor<2xf32>
  %variance = qc.constant dense<3.75> : tensor<2xf32> : tensor<2xf32>
  %w = qc.dequantize %wq, %s, %z {axis = 0 : i64} : (tensor<2x1x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x1x1x1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %1 = qc.batch_norm %0, %scale, %scale, %scale, %variance {epsilon = 0.25 : f32} : (tensor<1x2x2x2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) -> tensor<1x2x2x2xf32>
  return %1 : tensor<1x2x2x2xf32>
}
