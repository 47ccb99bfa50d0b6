// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

func.func @large(%a: tensor<2x4xsi8>, %b: tensor<4x8xsi8>) -> tensor<2x8xsi32> {
  // expected-error @below {{'qc.weight_bound' must be a power of two from 1 to 64 on a convolution or matrix product}}
  %0 = qc.matmul %a, %b {qc.weight_bound = 128 : i64} : (tensor<2x4xsi8>, tensor<4x8xsi8>) -> tensor<2x8xsi32>
  return %0 : tensor<2x8xsi32>
}

// -----

func.func @odd(%a: tensor<2x4xsi8>, %b: tensor<4x8xsi8>) -> tensor<2x8xsi32> {
  // expected-error @below {{'qc.weight_bound' must be a power of two from 1 to 64 on a convolution or matrix product}}
  %0 = qc.matmul %a, %b {qc.weight_bound = 3 : i64} : (tensor<2x4xsi8>, tensor<4x8xsi8>) -> tensor<2x8xsi32>
  return %0 : tensor<2x8xsi32>
}

// -----

func.func @place(%a: tensor<2x4xf32>) -> tensor<2x4xf32> {
  // expected-error @below {{'qc.weight_bound' must be a power of two from 1 to 64 on a convolution or matrix product}}
  %0 = qc.relu %a {qc.weight_bound = 2 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}
