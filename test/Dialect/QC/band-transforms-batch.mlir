// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bands of a batch: as many images as fit into the cache, or where one is too large
// rows of each.
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-4(4x4,3x3)},canonicalize,cse,qc-form-kernels,qc-assign-layouts,qc-band-transforms{cache-bytes=420000})' %s | FileCheck %s --check-prefix=IMAGES
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-4(4x4,3x3)},canonicalize,cse,qc-form-kernels,qc-assign-layouts,qc-band-transforms{cache-bytes=110000})' %s | FileCheck %s --check-prefix=ROWS

// 16 tiles of 46 products with 8 * 2 + 64 * 4 bytes each are 200,192 bytes an image.
// IMAGES-LABEL: func.func @main
// IMAGES: qc.slice %[[X:.*]] {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 2, 8, 66, 6>
// IMAGES: qc.dispatch @matmul{{.*}} -> tensor<46x32x64xsi32>
// IMAGES: %[[A:.*]] = qc.dispatch @sfc_output{{.*}} -> tensor<2x64x64x4xui8
// IMAGES: qc.slice %[[X]] {offsets = array<i64: 2, 0, 0, 0>, sizes = array<i64: 1, 8, 66, 6>
// IMAGES: qc.dispatch @matmul{{.*}} -> tensor<46x16x64xsi32>
// IMAGES: %[[B:.*]] = qc.dispatch @sfc_output{{.*}} -> tensor<1x64x64x4xui8
// IMAGES: qc.concat %[[A]], %[[B]] {axis = 0 : i64}

// Half an image each, with the same kernels for all.
// ROWS-LABEL: func.func @main
// ROWS: %[[I:.*]] = qc.slice %{{.*}} {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 8, 66, 6>
// ROWS: qc.slice %[[I]] {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 8, 34, 6>
// ROWS: qc.dispatch @[[INPUT:sfc_input[_a-z0-9]*]](
// ROWS: qc.dispatch @[[PRODUCT:matmul[_a-z0-9]*]]({{.*}} -> tensor<46x8x64xsi32>
// ROWS: qc.dispatch @[[OUTPUT:sfc_output[_a-z0-9]*]]({{.*}} -> tensor<1x64x32x4xui8
// ROWS: qc.slice %[[I]] {offsets = array<i64: 0, 0, 32, 0>, sizes = array<i64: 1, 8, 34, 6>
// ROWS: qc.dispatch @[[INPUT]](
// ROWS: qc.dispatch @[[PRODUCT]](
// ROWS: qc.dispatch @[[OUTPUT]](
// ROWS: qc.concat %{{.*}}, %{{.*}} {axis = 2 : i64}
// ROWS: qc.slice %{{.*}} {offsets = array<i64: 2, 0, 0, 0>
// ROWS-COUNT-2: qc.dispatch @[[OUTPUT]](
// ROWS: qc.concat %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64}
func.func @main(%x: tensor<3x8x64x4xui8>) -> tensor<3x1x64x4xsi32> {
  %w = qc.constant dense<1> : tensor<64x8x3x3xsi8> : tensor<64x8x3x3xsi8>
  %m = qc.constant dense<0.01> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %w1 = qc.constant dense<1> : tensor<1x64x1x1xsi8> : tensor<1x64x1x1xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<3x8x64x4xui8>, tensor<64x8x3x3xsi8>) -> tensor<3x64x64x4xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 0 : i64} : (tensor<3x64x64x4xsi32>, tensor<f32>, tensor<ui8>) -> tensor<3x64x64x4xui8>
  // Reads the map in channels-last order.
  %2 = qc.conv %1, %w1 {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<3x64x64x4xui8>, tensor<1x64x1x1xsi8>) -> tensor<3x1x64x4xsi32>
  return %2 : tensor<3x1x64x4xsi32>
}
