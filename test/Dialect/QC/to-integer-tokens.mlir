// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of rows that a run computes stand behind the sums.

// RUN: qc-opt %s --qc-to-integer | FileCheck %s

// CHECK-LABEL: func.func @tokens
// CHECK: %[[A:.*]] = qc.matmul %arg0, %{{.*}} a_zero %{{.*}} : (tensor<1x3x4xui8>, tensor<4x2xsi8>, tensor<ui8>) -> tensor<1x3x2xsi32>
// CHECK: %[[R:.*]] = qc.rescale %[[A]], %{{.*}}, %{{.*}} {axis = 2 : i64}
// CHECK: %[[Y:.*]] = qc.mul %[[R]], %arg1 : (tensor<1x3x2xf32>, tensor<1x3x1xf32>)
// A bias stays float.
// CHECK: qc.add %[[Y]]
func.func @tokens(%q: tensor<1x3x4xui8>, %s: tensor<1x3x1xf32>) -> tensor<1x3x2xf32> {
  %z = qc.constant dense<128> : tensor<1x3x1xui8> : tensor<1x3x1xui8>
  %w = qc.constant dense<[[1, 2], [3, 4], [5, 6], [7, 8]]> : tensor<4x2xsi8> : tensor<4x2xsi8>
  %ws = qc.constant dense<[0.5, 0.25]> : tensor<2xf32> : tensor<2xf32>
  %wz = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %b = qc.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %0 = qc.dequantize %q, %s, %z {axis = 2 : i64, blockSize = 4 : i64} : (tensor<1x3x4xui8>, tensor<1x3x1xf32>, tensor<1x3x1xui8>) -> tensor<1x3x4xf32>
  %1 = qc.dequantize %w, %ws, %wz {axis = 1 : i64} : (tensor<4x2xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<4x2xf32>
  %2 = qc.matmul %0, %1 : (tensor<1x3x4xf32>, tensor<4x2xf32>) -> tensor<1x3x2xf32>
  %3 = qc.add %2, %b : (tensor<1x3x2xf32>, tensor<2xf32>) -> tensor<1x3x2xf32>
  return %3 : tensor<1x3x2xf32>
}

// Blocks that are shorter than a row are summed: they stay float.
// CHECK-LABEL: func.func @short
// CHECK: qc.matmul {{.*}} : (tensor<3x4xf32>, tensor<4x2xf32>)
func.func @short(%q: tensor<3x4xui8>, %s: tensor<3x2xf32>) -> tensor<3x2xf32> {
  %z = qc.constant dense<128> : tensor<3x2xui8> : tensor<3x2xui8>
  %w = qc.constant dense<1> : tensor<4x2xsi8> : tensor<4x2xsi8>
  %ws = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %wz = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %0 = qc.dequantize %q, %s, %z {axis = 1 : i64, blockSize = 2 : i64} : (tensor<3x4xui8>, tensor<3x2xf32>, tensor<3x2xui8>) -> tensor<3x4xf32>
  %1 = qc.dequantize %w, %ws, %wz {axis = 0 : i64} : (tensor<4x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<4x2xf32>
  %2 = qc.matmul %0, %1 : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %2 : tensor<3x2xf32>
}
