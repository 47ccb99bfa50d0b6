// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4+vnni+vbmi,x86-64-v3+vnni,x86-64-v3,x86-64 --conv-algorithm=direct
// RUN: inner-loops %t.so.x86-64-v4+vnni+vbmi.s | FileCheck %s --check-prefix=VNNI
// RUN: inner-loops %t.so.x86-64-v3+vnni.s | FileCheck %s --check-prefix=AVX
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
// RUN: inner-loops %t.so.x86-64.s | FileCheck %s --check-prefix=SSE
//
// Tiles of 8-bit codes: each step of the reduction takes four inputs at a time.
// vpdpbusd multiplies and sums them in one instruction, for as many rows and
// vectors as f32 has. Elsewhere even and odd bytes become 16-bit numbers apart
// and pmaddwd sums two of them: with AVX2 five rows times two vectors, where
// inputs were widened before, else four times two; two rows times four with SSE2.

// VNNI: qc_matmul_{{.*}} 0 spills, 15 loads, 0 stores; vpdpbusd 26, vpbroadcastd 13, move 2,
// AVX: qc_matmul_{{.*}} 0 spills, 8 loads, 0 stores; vpdpbusd 12, vpbroadcastd 6, move 2,
// V3: qc_matmul_{{.*}} 0 spills, 12 loads, 0 stores; vpaddd 20, vpmaddwd 20, vpbroadcastd 10, vpsraw 4,
// SSE: qc_matmul_{{.*}} 0 spills, 6 loads, 0 stores; {{.*}}vpaddd 16, vpmaddwd 16,

// A convolution 1x1.
// VNNI: qc_conv_2_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// AVX: qc_conv_2_{{.*}} 0 spills, 8 loads, 0 stores; vpdpbusd 12, vpbroadcastd 6, move 2,
// V3: qc_conv_2_{{.*}} 0 spills, 12 loads, 0 stores; vpaddd 20, vpmaddwd 20, vpbroadcastd 10, vpsraw 4,
// SSE: qc_conv_2_{{.*}} 0 spills, 6 loads, 0 stores; {{.*}}vpaddd 16, vpmaddwd 16,

// The program's input is padded while its layout changes: 16 rows of 16 bytes (8
// where there are 16 registers), four levels of interleaving.
// VNNI: qc_pad_3_{{.*}} 0 spills, 16 loads, 16 stores; move 32, vpunpckhbw 32, vpunpcklbw 32,
// AVX: qc_pad_3_{{.*}} 0 spills, 16 loads, 8 stores; vpunpcklbw 20, vmovq 16, vpunpckhbw 12, move 8,
// V3: qc_pad_3_{{.*}} 0 spills, 16 loads, 8 stores; vpunpcklbw 20, vmovq 16, vpunpckhbw 12, move 8,
// SSE: qc_pad_3_{{.*}} 0 spills, 16 loads, 8 stores; {{.*}}vpunpcklbw 20, vmovq 16, vpunpckhbw 12,

// 3x3.
// VNNI: qc_conv_4_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// AVX: qc_conv_4_{{.*}} 0 spills, 8 loads, 0 stores; vpdpbusd 12, vpbroadcastd 6, move 2,
// V3: qc_conv_4_{{.*}} 0 spills, 12 loads, 0 stores; vpaddd 20, vpmaddwd 20, vpbroadcastd 10, vpsraw 4,
// SSE: qc_conv_4_{{.*}} 0 spills, 6 loads, 0 stores; {{.*}}vpaddd 16, vpmaddwd 16,

// Four groups; rows of 14 pixels are tiles of five and four (four
// and three).
// VNNI: qc_conv_6_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// AVX: qc_conv_6_{{.*}} 0 spills, 7 loads, 0 stores; vpdpbusd 10, vpbroadcastd 5, move 2,
// V3: qc_conv_6_{{.*}} 0 spills, 6 loads, 0 stores; vpaddd 16, vpmaddwd 16, vpand 4, vpbroadcastd 4,
// SSE: qc_conv_6_{{.*}} 0 spills, 6 loads, 0 stores; {{.*}}vpaddd 16, vpmaddwd 16,

// Three channels of an image, stored as four: one step for each column of the
// window.
// VNNI: qc_conv_9_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// AVX: qc_conv_9_{{.*}} 0 spills, 8 loads, 0 stores; vpdpbusd 12, vpbroadcastd 6, move 2,
// V3: qc_conv_9_{{.*}} 0 spills, 12 loads, 0 stores; vpaddd 20, vpmaddwd 20, vpbroadcastd 10, vpsraw 4,
// SSE: qc_conv_9_{{.*}} 0 spills, 6 loads, 0 stores; {{.*}}vpaddd 16, vpmaddwd 16,

// The image is quantized plane by plane, its pixels stored whole and side by
// side.
// VNNI: qc_quantize_7_{{.*}} 0 spills, 3 loads, 4 stores;
// AVX: qc_quantize_7_{{.*}} 0 spills, 3 loads, 1 stores;
// V3: qc_quantize_7_{{.*}} 0 spills, 3 loads, 1 stores;
// SSE: qc_quantize_7_{{.*}} 0 spills, 3 loads, 1 stores;

#one = array<i64: 1, 1>
#two = array<i64: 2, 2>
#none = array<i64: 0, 0, 0, 0>
#same = array<i64: 1, 1, 1, 1>

func.func @matmul(%x: tensor<128x256xui8> {qc.name = "x"}) -> (tensor<128x64xui8> {qc.name = "y"}) {
  %w = qc.constant dense<100> : tensor<256x64xsi8> : tensor<256x64xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.matmul %x, %w : (tensor<128x256xui8>, tensor<256x64xsi8>) -> tensor<128x64xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<128x64xsi32>, tensor<f32>, tensor<ui8>) -> tensor<128x64xui8>
  return %1 : tensor<128x64xui8>
}

func.func @conv1x1(%x: tensor<1x32x28x28xui8> {qc.name = "x"}) -> (tensor<1x64x28x28xui8> {qc.name = "y"}) {
  %w = qc.constant dense<100> : tensor<64x32x1x1xsi8> : tensor<64x32x1x1xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %r = qc.max_pool %x {kernel = #one, strides = #one, pads = #none, dilations = #one} : (tensor<1x32x28x28xui8>) -> tensor<1x32x28x28xui8>
  %0 = qc.conv %r, %w {strides = #one, pads = #none, dilations = #one, group = 1 : i64}
    : (tensor<1x32x28x28xui8>, tensor<64x32x1x1xsi8>) -> tensor<1x64x28x28xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x28x28xui8>
  return %1 : tensor<1x64x28x28xui8>
}

func.func @conv3x3(%x: tensor<1x48x28x28xui8> {qc.name = "x"}) -> (tensor<1x64x28x28xui8> {qc.name = "y"}) {
  %w = qc.constant dense<100> : tensor<64x48x3x3xsi8> : tensor<64x48x3x3xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = #one, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x48x28x28xui8>, tensor<64x48x3x3xsi8>) -> tensor<1x64x28x28xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x28x28xui8>
  return %1 : tensor<1x64x28x28xui8>
}

func.func @grouped(%x: tensor<1x128x14x14xui8> {qc.name = "x"}) -> (tensor<1x128x14x14xui8> {qc.name = "y"}) {
  %w = qc.constant dense<100> : tensor<128x32x3x3xsi8> : tensor<128x32x3x3xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = #one, pads = #same, dilations = #one, group = 4 : i64}
    : (tensor<1x128x14x14xui8>, tensor<128x32x3x3xsi8>) -> tensor<1x128x14x14xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x128x14x14xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x128x14x14xui8>
  return %1 : tensor<1x128x14x14xui8>
}

func.func @first(%x: tensor<1x3x112x112xf32> {qc.name = "x"}) -> (tensor<1x32x56x56xui8> {qc.name = "y"}) {
  %w = qc.constant dense<100> : tensor<32x3x3x3xsi8> : tensor<32x3x3x3xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %q = qc.quantize %x, %m, %z {axis = 0 : i64} : (tensor<1x3x112x112xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x3x112x112xui8>
  %0 = qc.conv %q, %w {strides = #two, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x3x112x112xui8>, tensor<32x3x3x3xsi8>) -> tensor<1x32x56x56xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x32x56x56xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x32x56x56xui8>
  return %1 : tensor<1x32x56x56xui8>
}
