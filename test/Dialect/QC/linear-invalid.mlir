// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

func.func @vectors(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<f32> {
  // expected-error @+1 {{operands must have rank 2 or more}}
  %y = qc.matmul %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return %y : tensor<f32>
}

// -----

func.func @vector_of_codes(%a: tensor<2x4xsi8>, %b: tensor<4xsi8>, %z: tensor<si8>) -> tensor<2xsi32> {
  // expected-error @+1 {{operands must have rank 2 or more}}
  %y = qc.matmul %a, %b b_zero %z : (tensor<2x4xsi8>, tensor<4xsi8>, tensor<si8>) -> tensor<2xsi32>
  return %y : tensor<2xsi32>
}

// -----

func.func @depth(%a: tensor<1x2xf32>, %b: tensor<3x1xf32>) -> tensor<1x1xf32> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{inner dimensions differ: 2 and 3}}
  %y = qc.matmul %a, %b : (tensor<1x2xf32>, tensor<3x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

func.func @flat(%x: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @+1 {{x and w must have the same rank, at least 3}}
  %y = qc.conv %x, %w {dilations = array<i64>, group = 1 : i64, pads = array<i64>, strides = array<i64>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

func.func @ranks(%x: tensor<1x1x4xf32>, %w: tensor<1x1x1x1xf32>) -> tensor<1x1x4xf32> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{x and w must have the same rank, at least 3}}
  %y = qc.conv %x, %w {dilations = array<i64: 1>, group = 1 : i64, pads = array<i64: 0, 0>, strides = array<i64: 1>} : (tensor<1x1x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x4xf32>
  return %y : tensor<1x1x4xf32>
}
