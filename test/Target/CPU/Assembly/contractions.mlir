// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4,x86-64-v3,x86-64 --conv-algorithm=direct
// RUN: inner-loops %t.so.x86-64-v4.s | FileCheck %s --check-prefix=V4
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
// RUN: inner-loops %t.so.x86-64.s | FileCheck %s --check-prefix=SSE
//
// Tiles of f32: with 32 registers 14 rows (13 where the rows divide better)
// times two vectors of 16 channels, with 16 registers six rows times two vectors
// of 8, both with FMA; with SSE2 two rows times four vectors of 4. Each step of
// the reduction broadcasts one input of each row and loads the weights once; it
// neither stores nor spills.

// V4: qc_matmul_{{.*}} 0 spills, 15 loads, 0 stores; fma 26, vbroadcastss 13, move 2,
// V3: qc_matmul_{{.*}} 0 spills, 8 loads, 0 stores; fma 12, vbroadcastss 6, move 2,
// SSE: qc_matmul_{{.*}} 0 spills, 6 loads, 0 stores; vaddps 8, vmulps 8,

// A convolution 1x1.
// V4: qc_conv_2_{{.*}} 0 spills, 16 loads, 0 stores; fma 28, vbroadcastss 14, move 2,
// V3: qc_conv_2_{{.*}} 0 spills, 8 loads, 0 stores; fma 12, vbroadcastss 6, move 2,
// SSE: qc_conv_2_{{.*}} 0 spills, 6 loads, 0 stores; vaddps 8, vmulps 8,

// 3x3: the same step, under loops over the window.
// V4: qc_conv_5_{{.*}} 0 spills, 16 loads, 0 stores; fma 28, vbroadcastss 14, move 2,
// V3: qc_conv_5_{{.*}} 0 spills, 8 loads, 0 stores; fma 12, vbroadcastss 6, move 2,
// SSE: qc_conv_5_{{.*}} 0 spills, 6 loads, 0 stores; vaddps 8, vmulps 8,

// Four groups of 32 channels; two steps at once where a row of 14 leaves tiles
// of five.
// V4: qc_conv_8_{{.*}} 0 spills, 16 loads, 0 stores; fma 28, vbroadcastss 14, move 2,
// V3: qc_conv_8_{{.*}} 0 spills, 14 loads, 0 stores; fma 20, vbroadcastss 10, move 4,
// SSE: qc_conv_8_{{.*}} 0 spills, 6 loads, 0 stores; vaddps 8, vmulps 8,

// Three channels of an image: with 16 registers their three steps are unrolled.
// V4: qc_conv_10_{{.*}} 0 spills, 16 loads, 0 stores; fma 28, vbroadcastss 14, move 2,
// V3: qc_conv_10_{{.*}} 0 spills, 24 loads, 0 stores; fma 36, vbroadcastss 18, move 6,
// SSE: qc_conv_10_{{.*}} 0 spills, 18 loads, 0 stores; vaddps 24, vmulps 24,

#one = array<i64: 1, 1>
#two = array<i64: 2, 2>
#none = array<i64: 0, 0, 0, 0>
#same = array<i64: 1, 1, 1, 1>

func.func @matmul(%x: tensor<128x256xf32> {qc.name = "x"}) -> (tensor<128x64xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<256x64xf32> : tensor<256x64xf32>
  %0 = qc.matmul %x, %w : (tensor<128x256xf32>, tensor<256x64xf32>) -> tensor<128x64xf32>
  return %0 : tensor<128x64xf32>
}

func.func @conv1x1(%x: tensor<1x32x28x28xf32> {qc.name = "x"}) -> (tensor<1x64x28x28xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<64x32x1x1xf32> : tensor<64x32x1x1xf32>
  %b = qc.constant dense<0.5> : tensor<64xf32> : tensor<64xf32>
  %r = qc.relu %x : (tensor<1x32x28x28xf32>) -> tensor<1x32x28x28xf32>
  %0 = qc.conv %r, %w bias %b {strides = #one, pads = #none, dilations = #one, group = 1 : i64}
    : (tensor<1x32x28x28xf32>, tensor<64x32x1x1xf32>, tensor<64xf32>) -> tensor<1x64x28x28xf32>
  return %0 : tensor<1x64x28x28xf32>
}

func.func @conv3x3(%x: tensor<1x48x28x28xf32> {qc.name = "x"}) -> (tensor<1x64x28x28xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<64x48x3x3xf32> : tensor<64x48x3x3xf32>
  %r = qc.relu %x : (tensor<1x48x28x28xf32>) -> tensor<1x48x28x28xf32>
  %0 = qc.conv %r, %w {strides = #one, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x48x28x28xf32>, tensor<64x48x3x3xf32>) -> tensor<1x64x28x28xf32>
  return %0 : tensor<1x64x28x28xf32>
}

func.func @grouped(%x: tensor<1x128x14x14xf32> {qc.name = "x"}) -> (tensor<1x128x14x14xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<128x32x3x3xf32> : tensor<128x32x3x3xf32>
  %r = qc.relu %x : (tensor<1x128x14x14xf32>) -> tensor<1x128x14x14xf32>
  %0 = qc.conv %r, %w {strides = #one, pads = #same, dilations = #one, group = 4 : i64}
    : (tensor<1x128x14x14xf32>, tensor<128x32x3x3xf32>) -> tensor<1x128x14x14xf32>
  return %0 : tensor<1x128x14x14xf32>
}

func.func @first(%x: tensor<1x3x112x112xf32> {qc.name = "x"}) -> (tensor<1x32x56x56xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<32x3x3x3xf32> : tensor<32x3x3x3xf32>
  %0 = qc.conv %x, %w {strides = #two, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x3x112x112xf32>, tensor<32x3x3x3xf32>) -> tensor<1x32x56x56xf32>
  return %0 : tensor<1x32x56x56xf32>
}
