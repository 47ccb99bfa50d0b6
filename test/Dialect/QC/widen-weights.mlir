// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-widen-weights %s | FileCheck %s

// Constant codes of fewer than 8 bits become bytes, unsigned ones too; so do transposed ones.
// CHECK-LABEL: @widens
// CHECK: qc.cast %{{.*}} {to = si8} : (tensor<8x4x1x1xsi3>) -> tensor<8x4x1x1xsi8>
// CHECK: qc.conv %arg0, {{.*}}qc.weight_bound = 4 : i64{{.*}} : (tensor<1x4x2x2xui8>, tensor<8x4x1x1xsi8>) -> tensor<1x8x2x2xsi32>
// CHECK: %[[T:.*]] = qc.transpose
// CHECK: %[[B:.*]] = qc.cast %[[T]] {to = si8} : (tensor<4x8xui4>) -> tensor<4x8xsi8>
// CHECK: qc.matmul %arg1, %[[B]] {qc.weight_bound = 16 : i64}
func.func @widens(%x: tensor<1x4x2x2xui8>, %a: tensor<2x4xsi8>) -> (tensor<1x8x2x2xsi32>, tensor<2x8xsi32>) {
  %w = qc.constant dense<-4> : tensor<8x4x1x1xsi3> : tensor<8x4x1x1xsi3>
  %v = qc.constant dense<15> : tensor<8x4xui4> : tensor<8x4xui4>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x4x2x2xui8>, tensor<8x4x1x1xsi3>) -> tensor<1x8x2x2xsi32>
  %t = qc.transpose %v {permutation = array<i64: 1, 0>} : (tensor<8x4xui4>) -> tensor<4x8xui4>
  %1 = qc.matmul %a, %t : (tensor<2x4xsi8>, tensor<4x8xui4>) -> tensor<2x8xsi32>
  return %0, %1 : tensor<1x8x2x2xsi32>, tensor<2x8xsi32>
}

// Codes of 8 bits get a bound where all are small, whatever their sign.
// CHECK-LABEL: @bounds
// CHECK-NOT: qc.cast
// CHECK: qc.matmul %arg0, %{{.*}} {qc.weight_bound = 64 : i64}
// CHECK: qc.matmul %arg0, %{{.*}} {qc.weight_bound = 1 : i64}
// CHECK: qc.matmul %arg0, %{{[^{]*}} : (
// CHECK: return
func.func @bounds(%a: tensor<2x4xsi8>) -> (tensor<2x1xsi32>, tensor<2x1xsi32>, tensor<2x1xsi32>) {
  %w = qc.constant dense<[[-64], [63], [0], [5]]> : tensor<4x1xsi8> : tensor<4x1xsi8>
  %u = qc.constant dense<[[1], [0], [0], [1]]> : tensor<4x1xui8> : tensor<4x1xui8>
  %v = qc.constant dense<[[-64], [65], [0], [5]]> : tensor<4x1xsi8> : tensor<4x1xsi8>
  %0 = qc.matmul %a, %w : (tensor<2x4xsi8>, tensor<4x1xsi8>) -> tensor<2x1xsi32>
  %1 = qc.matmul %a, %u : (tensor<2x4xsi8>, tensor<4x1xui8>) -> tensor<2x1xsi32>
  %2 = qc.matmul %a, %v : (tensor<2x4xsi8>, tensor<4x1xsi8>) -> tensor<2x1xsi32>
  return %0, %1, %2 : tensor<2x1xsi32>, tensor<2x1xsi32>, tensor<2x1xsi32>
}

// No change: large codes of 8 bits, codes that a run brings, floats.
// CHECK-LABEL: @keeps
// CHECK-NOT: qc.cast
// CHECK-NOT: qc.weight_bound
// CHECK: return
func.func @keeps(%a: tensor<2x4xsi8>, %b: tensor<4x8xsi4>, %x: tensor<2x4xf32>) -> (tensor<2x8xsi32>, tensor<2x8xsi32>, tensor<2x8xf32>) {
  %w = qc.constant dense<-128> : tensor<4x8xsi8> : tensor<4x8xsi8>
  %v = qc.constant dense<0.5> : tensor<4x8xf32> : tensor<4x8xf32>
  %0 = qc.matmul %a, %w : (tensor<2x4xsi8>, tensor<4x8xsi8>) -> tensor<2x8xsi32>
  %1 = qc.matmul %a, %b : (tensor<2x4xsi8>, tensor<4x8xsi4>) -> tensor<2x8xsi32>
  %2 = qc.matmul %x, %v : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %0, %1, %2 : tensor<2x8xsi32>, tensor<2x8xsi32>, tensor<2x8xf32>
}
