// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

func.func @channels(%x: tensor<1x2x3xf32>, %p: tensor<3xf32>) {
  // expected-error @+1 {{parameters must be vectors of 2 elements}}
  %0 = qc.batch_norm %x, %p, %p, %p, %p {epsilon = 0.25 : f32} : (tensor<1x2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @rank(%x: tensor<f32>, %p: tensor<1xf32>) {
  // expected-error @+1 {{x must have rank 1 or more}}
  %0 = qc.batch_norm %x, %p, %p, %p, %p {epsilon = 0.25 : f32} : (tensor<f32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<f32>
  return
}

// -----

func.func @axis(%x: tensor<1x2x3xf32>, %p: tensor<3xf32>) {
  // expected-error @+1 {{axis 3 is outside rank 3}}
  %0 = qc.layer_norm %x, %p {axis = 3 : i64, epsilon = 0.25 : f32} : (tensor<1x2x3xf32>, tensor<3xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @broadcast(%x: tensor<1x2x3xf32>, %p: tensor<4xf32>) {
  // expected-error @+1 {{do not broadcast to x}}
  %0 = qc.rms_norm %x, %p {axis = 2 : i64, epsilon = 0.25 : f32} : (tensor<1x2x3xf32>, tensor<4xf32>) -> tensor<1x2x3xf32>
  return
}

// -----

func.func @groups(%x: tensor<1x4x3xf32>, %p: tensor<4xf32>) {
  // expected-error @+1 {{3 groups do not divide 4 channels}}
  %0 = qc.group_norm %x, %p, %p {groups = 3 : i64, epsilon = 0.25 : f32} : (tensor<1x4x3xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x4x3xf32>
  return
}

// -----

func.func @power(%x: tensor<1x4x3xf32>) {
  // expected-error @+1 {{p must be 1 or 2}}
  %0 = qc.lp_norm %x {axis = 1 : i64, p = 3 : i64} : (tensor<1x4x3xf32>) -> tensor<1x4x3xf32>
  return
}

// -----

func.func @size(%x: tensor<1x4x3xf32>) {
  // expected-error @+1 {{size must be positive}}
  %0 = qc.lrn %x {size = 0 : i64, alpha = 0.5 : f32, beta = 0.5 : f32, bias = 1.0 : f32} : (tensor<1x4x3xf32>) -> tensor<1x4x3xf32>
  return
}

// -----

func.func @axes(%x: tensor<1x4x3xf32>) {
  // expected-error @+1 {{axes must be sorted and unique}}
  %0 = qc.mean_variance_norm %x {axes = array<i64: 2, 0>} : (tensor<1x4x3xf32>) -> tensor<1x4x3xf32>
  return
}
