// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --split-input-file --verify-diagnostics %s | FileCheck %s

// A chain behind a convolution joins it, x * sigmoid(x) included; the constant is an operand.
// CHECK-LABEL: func.func @fuses
// CHECK: %[[B:.*]] = qc.constant
// CHECK: qc.dispatch @conv_0(%arg0, %arg1, %[[B]])
// CHECK-NOT: qc.dispatch
func.func @fuses(%x: tensor<1x3x4x4xf32>, %w: tensor<2x3x1x1xf32>) -> tensor<1x2x4x4xf32> {
  %b = qc.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %0 = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<2x3x1x1xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32>
  %1 = qc.sigmoid %0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = qc.mul %0, %1 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %2 : tensor<1x2x4x4xf32>
}

// -----

// A value with another user stays a result of its own kernel, and equal kernels are one.
// CHECK-LABEL: func.func @shares
// CHECK: %[[A:.*]] = qc.dispatch @exp_0(%arg0)
// CHECK: %[[B:.*]] = qc.dispatch @exp_0(%[[A]])
// CHECK: return %[[A]], %[[B]]
func.func @shares(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %0 = qc.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %1 = qc.exp %0 : (tensor<4xf32>) -> tensor<4xf32>
  return %0, %1 : tensor<4xf32>, tensor<4xf32>
}

// -----

// A dequantization moves to the kernel that adds it: bytes go through memory.
// Zero points stand in the kernels.
// CHECK-LABEL: func.func @sinks
// CHECK: %[[Q:.*]] = qc.dispatch @[[FIRST:conv_[0-9]+]](%arg0, %arg1, %{{.*}}) : {{.*}} -> tensor<1x2x4x4xui8>
// CHECK: qc.dispatch @[[SECOND:conv_[0-9]+]](%[[Q]], %{{.*}}, %arg0, %arg2) : {{.*}} -> tensor<1x2x4x4xf32>
// CHECK: qc.kernel @[[FIRST]]
// CHECK: qc.constant dense<3> : tensor<ui8>
// CHECK: qc.requantize
// CHECK-NEXT: qc.yield
// CHECK: qc.kernel @[[SECOND]]
// CHECK: qc.conv
// CHECK: qc.rescale
// CHECK: qc.add
func.func @sinks(%x: tensor<1x3x4x4xui8>, %w: tensor<2x3x1x1xsi8>, %v: tensor<2x3x1x1xsi8>) -> tensor<1x2x4x4xf32> {
  %m = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %none = qc.constant dense<0> : tensor<si32> : tensor<si32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xui8>, tensor<2x3x1x1xsi8>) -> tensor<1x2x4x4xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 0 : i64} : (tensor<1x2x4x4xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
  %2 = qc.rescale %1, %m, %z {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %3 = qc.conv %x, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xui8>, tensor<2x3x1x1xsi8>) -> tensor<1x2x4x4xsi32>
  %4 = qc.rescale %3, %m, %none {axis = 0 : i64} : (tensor<1x2x4x4xsi32>, tensor<f32>, tensor<si32>) -> tensor<1x2x4x4xf32>
  %5 = qc.add %4, %2 : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  return %5 : tensor<1x2x4x4xf32>
}

// -----

// No change: nothing computes.
// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: qc.reshape
// CHECK-NEXT: return
func.func @nothing(%x: tensor<4xf32>) -> tensor<2x2xf32> {
  %0 = qc.reshape %x {shape = array<i64: 2, 2>} : (tensor<4xf32>) -> tensor<2x2xf32>
  return %0 : tensor<2x2xf32>
}

// -----

func.func @refused(%x: f32) -> f32 {
  // expected-error @+1 {{has no reference decomposition and cannot be compiled}}
  %0 = arith.addf %x, %x : f32
  return %0 : f32
}
