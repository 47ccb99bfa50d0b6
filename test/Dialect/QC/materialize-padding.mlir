// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --pass-pipeline='builtin.module(func.func(qc-materialize-padding))' %s | FileCheck %s

// The padding holds x's zero point, which then folds into the bias: 5 - 7 * (1 + 2).
// CHECK-LABEL: func.func @integers
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<7> : tensor<ui8>
// CHECK: %[[P:.*]] = qc.pad %arg0, %[[Z]] {pads = array<i64: 0, 0, 1, 0, 0, 1>}
// CHECK: %[[B:.*]] = qc.constant dense<-16> : tensor<1xsi32>
// CHECK: qc.conv %[[P]], %{{.*}} bias %[[B]] {{.*}}pads = array<i64: 0, 0>
func.func @integers(%x: tensor<1x1x4xui8>) -> tensor<1x1x5xsi32> {
  %z = qc.constant dense<7> : tensor<ui8> : tensor<ui8>
  %w = qc.constant dense<[[[1, 2]]]> : tensor<1x1x2xsi8> : tensor<1x1x2xsi8>
  %b = qc.constant dense<5> : tensor<1xsi32> : tensor<1xsi32>
  %0 = qc.conv %x, %w bias %b x_zero %z {strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x1x4xui8>, tensor<1x1x2xsi8>, tensor<1xsi32>, tensor<ui8>) -> tensor<1x1x5xsi32>
  return %0 : tensor<1x1x5xsi32>
}

// A grouped convolution tests its borders itself: no change.
// CHECK-LABEL: func.func @grouped
// CHECK-NOT: qc.pad
// CHECK: qc.conv {{.*}}pads = array<i64: 1, 1>
func.func @grouped(%x: tensor<1x2x4xf32>, %w: tensor<2x1x2xf32>) -> tensor<1x2x5xf32> {
  %0 = qc.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 1, 1>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<1x2x4xf32>, tensor<2x1x2xf32>) -> tensor<1x2x5xf32>
  return %0 : tensor<1x2x5xf32>
}

// Unsigned weights become signed ones; a zero point of 128 vanishes.
// CHECK-LABEL: func.func @unsigned_weights
// CHECK-DAG: %[[W:.*]] = qc.constant dense<{{.*}}-128{{.*}}127{{.*}}> : tensor<1x1x2xsi8>
// CHECK: qc.conv %arg0, %[[W]] {
func.func @unsigned_weights(%x: tensor<1x1x4xui8>) -> tensor<1x1x3xsi32> {
  %w = qc.constant dense<[[[0, 255]]]> : tensor<1x1x2xui8> : tensor<1x1x2xui8>
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w w_zero %z {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x1x4xui8>, tensor<1x1x2xui8>, tensor<ui8>) -> tensor<1x1x3xsi32>
  return %0 : tensor<1x1x3xsi32>
}
