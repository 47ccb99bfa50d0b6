// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-cpu-pipeline | FileCheck %s
//
// Codes that share a byte stay row-major: not channels-last, not padded, not written in place.

// CHECK-NOT: ui4, #qc.layout
// CHECK: qc.kernel {{.*}}tensor<1x6x7x7xui4>
// CHECK-NOT: ui4, #qc.layout
func.func @main(%x: tensor<1x3x5x5xui8> {qc.name = "x"}) -> (tensor<1x4x5x5xsi8> {qc.name = "y"}) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %z8 = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %z4 = qc.constant dense<1> : tensor<ui4> : tensor<ui4>
  %w = qc.constant dense<1> : tensor<6x3x1x1xsi8> : tensor<6x3x1x1xsi8>
  %v = qc.constant dense<1> : tensor<4x6x3x3xsi8> : tensor<4x6x3x3xsi8>
  %xd = qc.dequantize %x, %s, %z {axis = 0 : i64} : (tensor<1x3x5x5xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x3x5x5xf32>
  %wd = qc.dequantize %w, %s, %z8 {axis = 0 : i64} : (tensor<6x3x1x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<6x3x1x1xf32>
  %c = qc.conv %xd, %wd {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x5x5xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x5x5xf32>
  %m = qc.quantize %c, %s, %z4 {axis = 0 : i64} : (tensor<1x6x5x5xf32>, tensor<f32>, tensor<ui4>) -> tensor<1x6x5x5xui4>
  %md = qc.dequantize %m, %s, %z4 {axis = 0 : i64} : (tensor<1x6x5x5xui4>, tensor<f32>, tensor<ui4>) -> tensor<1x6x5x5xf32>
  %vd = qc.dequantize %v, %s, %z8 {axis = 0 : i64} : (tensor<4x6x3x3xsi8>, tensor<f32>, tensor<si8>) -> tensor<4x6x3x3xf32>
  %e = qc.conv %md, %vd {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x6x5x5xf32>, tensor<4x6x3x3xf32>) -> tensor<1x4x5x5xf32>
  %q = qc.quantize %e, %s, %z8 {axis = 0 : i64} : (tensor<1x4x5x5xf32>, tensor<f32>, tensor<si8>) -> tensor<1x4x5x5xsi8>
  return %q : tensor<1x4x5x5xsi8>
}
