// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --canonicalize %s | FileCheck %s

// CHECK-LABEL: func.func @square
// CHECK: qc.mul %arg0, %arg0
func.func @square(%x: tensor<4xf32>) -> tensor<4xf32> {
  %two = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
  %y = qc.pow %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func @cube
// CHECK: %[[S:.*]] = qc.mul %arg0, %arg0
// CHECK: qc.mul %[[S]], %arg0
func.func @cube(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = qc.constant dense<3> : tensor<si64> : tensor<si64>
  %y = qc.pow %x, %three : (tensor<4xf32>, tensor<si64>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// Two roundings to f16 would not be a cube's, and other exponents need pow.
// CHECK-LABEL: func.func @unchanged
// CHECK-COUNT-3: qc.pow
func.func @unchanged(%x: tensor<4xf16>, %y: tensor<4xf32>, %e: tensor<f32>) -> (tensor<4xf16>, tensor<4xf32>, tensor<4xf32>) {
  %three = qc.constant dense<3.0> : tensor<f16> : tensor<f16>
  %half = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %a = qc.pow %x, %three : (tensor<4xf16>, tensor<f16>) -> tensor<4xf16>
  %b = qc.pow %y, %half : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %c = qc.pow %y, %e : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %a, %b, %c : tensor<4xf16>, tensor<4xf32>, tensor<4xf32>
}
