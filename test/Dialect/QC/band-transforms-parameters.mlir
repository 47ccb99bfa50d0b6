// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parameters along the dimension that would be cut are not: such maps stay whole.
// Those of channels do not mind.
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-4(4x4,3x3)},canonicalize,cse,qc-form-kernels,qc-assign-layouts,qc-band-transforms{cache-bytes=110000})' %s | FileCheck %s

// CHECK-LABEL: func.func @rows
// CHECK-NOT: qc.slice
// CHECK: qc.dispatch @sfc_output{{.*}} -> tensor<1x64x64x4xui8
// CHECK-NOT: qc.concat
func.func @rows(%x: tensor<1x8x64x4xui8>, %m: tensor<64xf32>) -> tensor<1x1x64x4xsi32> {
  %w = qc.constant dense<1> : tensor<64x8x3x3xsi8> : tensor<64x8x3x3xsi8>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %w1 = qc.constant dense<1> : tensor<1x64x1x1xsi8> : tensor<1x64x1x1xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x64x4xui8>, tensor<64x8x3x3xsi8>) -> tensor<1x64x64x4xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 2 : i64} : (tensor<1x64x64x4xsi32>, tensor<64xf32>, tensor<ui8>) -> tensor<1x64x64x4xui8>
  // Reads the map in channels-last order.
  %2 = qc.conv %1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x64x4xui8>, tensor<1x64x1x1xsi8>) -> tensor<1x1x64x4xsi32>
  return %2 : tensor<1x1x64x4xsi32>
}

// CHECK-LABEL: func.func @images
// CHECK-NOT: qc.slice
// CHECK: qc.dispatch @sfc_output{{.*}} -> tensor<3x64x64x4xui8
// CHECK-NOT: qc.concat
func.func @images(%x: tensor<3x8x64x4xui8>, %m: tensor<3xf32>) -> tensor<3x1x64x4xsi32> {
  %w = qc.constant dense<1> : tensor<64x8x3x3xsi8> : tensor<64x8x3x3xsi8>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %w1 = qc.constant dense<1> : tensor<1x64x1x1xsi8> : tensor<1x64x1x1xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<3x8x64x4xui8>, tensor<64x8x3x3xsi8>) -> tensor<3x64x64x4xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 0 : i64} : (tensor<3x64x64x4xsi32>, tensor<3xf32>, tensor<ui8>) -> tensor<3x64x64x4xui8>
  %2 = qc.conv %1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<3x64x64x4xui8>, tensor<1x64x1x1xsi8>) -> tensor<3x1x64x4xsi32>
  return %2 : tensor<3x1x64x4xsi32>
}

// A scale for each block of 8 rows.
// CHECK-LABEL: func.func @blocks
// CHECK-NOT: qc.slice
// CHECK: qc.dispatch @sfc_output{{.*}} -> tensor<1x64x64x4xui8
// CHECK-NOT: qc.concat
func.func @blocks(%x: tensor<1x8x64x4xf32>, %s: tensor<1x64x8x4xf32>, %z: tensor<1x64x8x4xui8>) -> tensor<1x1x64x4xsi32> {
  %w = qc.constant dense<1.0> : tensor<64x8x3x3xf32> : tensor<64x8x3x3xf32>
  %w1 = qc.constant dense<1> : tensor<1x64x1x1xsi8> : tensor<1x64x1x1xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x64x4xf32>, tensor<64x8x3x3xf32>) -> tensor<1x64x64x4xf32>
  %1 = qc.quantize %0, %s, %z {axis = 2 : i64, blockSize = 8 : i64} : (tensor<1x64x64x4xf32>, tensor<1x64x8x4xf32>, tensor<1x64x8x4xui8>) -> tensor<1x64x64x4xui8>
  %2 = qc.conv %1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x64x4xui8>, tensor<1x64x1x1xsi8>) -> tensor<1x1x64x4xsi32>
  return %2 : tensor<1x1x64x4xsi32>
}

// CHECK-LABEL: func.func @channels
// CHECK-COUNT-2: qc.dispatch @sfc_output{{.*}} -> tensor<1x64x32x4xui8
// CHECK: qc.concat
func.func @channels(%x: tensor<1x8x64x4xui8>, %m: tensor<64xf32>) -> tensor<1x1x64x4xsi32> {
  %w = qc.constant dense<1> : tensor<64x8x3x3xsi8> : tensor<64x8x3x3xsi8>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %w1 = qc.constant dense<1> : tensor<1x64x1x1xsi8> : tensor<1x64x1x1xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x64x4xui8>, tensor<64x8x3x3xsi8>) -> tensor<1x64x64x4xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x64x4xsi32>, tensor<64xf32>, tensor<ui8>) -> tensor<1x64x64x4xui8>
  %2 = qc.conv %1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x64x4xui8>, tensor<1x64x1x1xsi8>) -> tensor<1x1x64x4xsi32>
  return %2 : tensor<1x1x64x4xsi32>
}
