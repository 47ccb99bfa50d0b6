// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts %s | FileCheck %s

// Between two convolutions the tensor is channels-last, weights are packed, the
// program's input and output stay row-major.
// CHECK-LABEL: func.func @images(
// CHECK-SAME: %arg0: tensor<1x3x4x4xf32>) -> tensor<1x16x4x4xf32>
// CHECK: qc.dispatch {{.*}} -> tensor<1x16x4x4xf32, #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:16>>
// CHECK: qc.dispatch {{.*}}#qc.layout<0:16:1, 2:1:1, 3:1:1, 1:1:16, 0:1:16>>) -> tensor<1x16x4x4xf32>
func.func @images(%x: tensor<1x3x4x4xf32>) -> tensor<1x16x4x4xf32> {
  %w = qc.constant dense<1.0> : tensor<16x3x1x1xf32> : tensor<16x3x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<16x16x1x1xf32> : tensor<16x16x1x1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<16x3x1x1xf32>) -> tensor<1x16x4x4xf32>
  %1 = qc.conv %0, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x4x4xf32>, tensor<16x16x1x1xf32>) -> tensor<1x16x4x4xf32>
  return %1 : tensor<1x16x4x4xf32>
}

// No change: nothing asks for a layout.
// CHECK-LABEL: func.func @rows
// CHECK-NOT: qc.layout
// CHECK: return
func.func @rows(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = qc.exp %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// Weights that a kernel computes from constants alone are written packed by that kernel, once for each
// layout that is asked for.
// CHECK-LABEL: func.func @unpacked
// CHECK: %[[A:.*]] = qc.dispatch @dequantize{{.*}}: (tensor<8x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<8x32xf32, #qc.layout<1:16:2, 0:1:8, 1:1:16>>
// CHECK: qc.dispatch @matmul{{.*}}(%arg0, %[[A]])
// CHECK-NOT: qc.dispatch @dequantize
// CHECK: return
func.func @unpacked(%x: tensor<2x8xf32>) -> tensor<2x32xf32> {
  %q = qc.constant dense<3> : tensor<8x32xsi4> : tensor<8x32xsi4>
  %s = qc.constant dense<0.5> : tensor<32xf32> : tensor<32xf32>
  %z = qc.constant dense<1> : tensor<32xsi4> : tensor<32xsi4>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<8x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<8x32xf32>
  %y = qc.matmul %x, %w : (tensor<2x8xf32>, tensor<8x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}
