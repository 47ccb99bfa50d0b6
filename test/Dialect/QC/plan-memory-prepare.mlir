// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --qc-plan-memory --split-input-file %s | FileCheck %s
// RUN: qc-opt --qc-form-kernels --qc-plan-memory=prepare=false --split-input-file %s | FileCheck %s --check-prefix=NONE

// NONE-NOT: prepar

// Both functions read the weights that one launch unpacks, and one reads what a second launch made of
// them. Each result has memory of its own.
// CHECK: qc.program @first
// CHECK-NEXT: qc.launch @matmul{{.*}} [#qc.buffer<input, 0, 0, 32>, #qc.buffer<prepared, 0, 0, 128>, #qc.buffer<output, 0, 0, 16>]
// CHECK: qc.program @second
// CHECK-NEXT: qc.launch @matmul{{.*}} [#qc.buffer<input, 0, 0, 32>, #qc.buffer<prepared, 0, 0, 128>, #qc.buffer<arena, 0, 0, 16>]
// CHECK-NEXT: qc.launch @matmul{{.*}} [#qc.buffer<arena, 0, 0, 16>, #qc.buffer<prepared, 0, 128, 128>, #qc.buffer<output, 0, 0, 32>]
// CHECK: qc.preparation 256 {
// CHECK-NEXT: qc.launch @dequantize_0 [#qc.buffer<weights, 0, 0, 32>, #qc.buffer<weights, 0, 64, 16>, #qc.buffer<weights, 0, 128, 4>, #qc.buffer<prepared, 0, 0, 128>] ""
// CHECK-NEXT: qc.launch @transpose{{.*}} [#qc.buffer<prepared, 0, 0, 128>, #qc.buffer<prepared, 0, 128, 128>]
// CHECK-NEXT: }
func.func @first(%x: tensor<1x8xf32>) -> tensor<1x4xf32> {
  %q = qc.constant dense<3> : tensor<8x4xsi8> : tensor<8x4xsi8>
  %s = qc.constant dense<0.5> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<[0, 1, 2, 3]> : tensor<4xsi8> : tensor<4xsi8>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<8x4xsi8>, tensor<4xf32>, tensor<4xsi8>) -> tensor<8x4xf32>
  %y = qc.matmul %x, %w : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
func.func @second(%x: tensor<1x8xf32>) -> tensor<1x8xf32> {
  %q = qc.constant dense<3> : tensor<8x4xsi8> : tensor<8x4xsi8>
  %s = qc.constant dense<0.5> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<[0, 1, 2, 3]> : tensor<4xsi8> : tensor<4xsi8>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<8x4xsi8>, tensor<4xf32>, tensor<4xsi8>) -> tensor<8x4xf32>
  %t = qc.transpose %w {permutation = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %y = qc.matmul %x, %w : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  %u = qc.matmul %y, %t : (tensor<1x4xf32>, tensor<4x8xf32>) -> tensor<1x8xf32>
  return %u : tensor<1x8xf32>
}

// -----

// No change: what a run returns is written by the run, and a kernel that reads nothing costs no more there.
// CHECK-LABEL: qc.program @returned
// CHECK-NEXT: qc.launch {{.*}}#qc.buffer<output, 0, 0, 128>
// CHECK-NOT: qc.preparation
func.func @returned() -> tensor<8x4xf32> {
  %q = qc.constant dense<3> : tensor<8x4xsi8> : tensor<8x4xsi8>
  %s = qc.constant dense<0.5> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<0> : tensor<4xsi8> : tensor<4xsi8>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<8x4xsi8>, tensor<4xf32>, tensor<4xsi8>) -> tensor<8x4xf32>
  return %w : tensor<8x4xf32>
}
