// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4+vnni,x86-64-v3+vnni,x86-64-v3,x86-64
// RUN: inner-loops %t.so.x86-64-v4+vnni.s | FileCheck %s --check-prefix=VNNI
// RUN: inner-loops %t.so.x86-64-v3+vnni.s | FileCheck %s --check-prefix=AVX
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
// RUN: inner-loops %t.so.x86-64.s | FileCheck %s --check-prefix=SSE
//
// Depthwise convolutions and max pools of channels-last maps: tiles of seven
// neighbouring pixels (six at most with SSE2). A row of the window loads nine
// vectors of inputs and three of weights, and takes 21 products, 20 at an edge.

// Floats: a maximum is two instructions and a choice, for NaNs to pass.
// VNNI: qc_max_pool_1_{{.*}} 0 spills, 9 loads, 0 stores; move 28, vcmpunordps 21, vmaxps 21,
// AVX: qc_max_pool_1_{{.*}} 0 spills, 9 loads, 0 stores; vblendvps 21, vcmpunordps 21, vmaxps 21,
// V3: qc_max_pool_1_{{.*}} 0 spills, 9 loads, 0 stores; vblendvps 21, vcmpunordps 21, vmaxps 21,
// SSE: qc_max_pool_1_{{.*}} 0 spills, 8 loads, 0 stores; {{.*}} vmaxps 18,

// VNNI: qc_conv_2_{{.*}} 0 spills, 12 loads, 0 stores; fma 21, move 10,
// AVX: qc_conv_2_{{.*}} 0 spills, 12 loads, 0 stores; fma 21, move 10,
// V3: qc_conv_2_{{.*}} 0 spills, 12 loads, 0 stores; fma 21, move 10,
// SSE: qc_conv_2_{{.*}} 0 spills, 11 loads, 0 stores; {{.*}}vaddps 18, vmulps 18,

// A vector holds as many channels as a register has bytes.
// VNNI: qc_max_pool_5_{{.*}} 0 spills, 9 loads, 0 stores; vpmaxub 21,
// AVX: qc_max_pool_5_{{.*}} 0 spills, 9 loads, 0 stores; vpmaxub 21,
// V3: qc_max_pool_5_{{.*}} 0 spills, 9 loads, 0 stores; vpmaxub 21,
// SSE: qc_max_pool_5_{{.*}} 0 spills, {{.*}} vpmaxub

// Codes: vpdpwssd or pmaddwd, whose upper halves are zero.
// VNNI: qc_conv_6_{{.*}} 0 spills, 12 loads, 0 stores; vpdpwssd 21, vpmovzxbd 9,
// AVX: qc_conv_6_{{.*}} 0 spills, 12 loads, 0 stores; vpdpwssd 21, vpmovzxbd 9,
// V3: qc_conv_6_{{.*}} 0 spills, 12 loads, 0 stores; vpaddd 21, vpmaddwd 21, vpmovzxbd 9,
// SSE: qc_conv_6_{{.*}} 0 spills, 11 loads, 0 stores; vpaddd 18, vpmaddwd 18,

#one = array<i64: 1, 1>
#two = array<i64: 2, 2>
#three = array<i64: 3, 3>
#none = array<i64: 0, 0, 0, 0>
#same = array<i64: 1, 1, 1, 1>

func.func @floats(%x: tensor<1x32x56x56xf32> {qc.name = "x"}) -> (tensor<1x16x28x28xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<32x1x3x3xf32> : tensor<32x1x3x3xf32>
  %b = qc.constant dense<0.5> : tensor<32xf32> : tensor<32xf32>
  %v = qc.constant dense<0.5> : tensor<16x32x1x1xf32> : tensor<16x32x1x1xf32>
  %p = qc.max_pool %x {kernel = #three, strides = #two, pads = #same, dilations = #one} : (tensor<1x32x56x56xf32>) -> tensor<1x32x28x28xf32>
  %q = qc.max_pool %p {kernel = #three, strides = #one, pads = #same, dilations = #one} : (tensor<1x32x28x28xf32>) -> tensor<1x32x28x28xf32>
  %0 = qc.conv %q, %w bias %b {strides = #one, pads = #same, dilations = #one, group = 32 : i64}
    : (tensor<1x32x28x28xf32>, tensor<32x1x3x3xf32>, tensor<32xf32>) -> tensor<1x32x28x28xf32>
  %1 = qc.conv %0, %v {strides = #one, pads = #none, dilations = #one, group = 1 : i64}
    : (tensor<1x32x28x28xf32>, tensor<16x32x1x1xf32>) -> tensor<1x16x28x28xf32>
  return %1 : tensor<1x16x28x28xf32>
}

func.func @codes(%x: tensor<1x64x56x56xui8> {qc.name = "x"}) -> (tensor<1x16x28x28xui8> {qc.name = "y"}) {
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %w = qc.constant dense<3> : tensor<64x1x3x3xsi8> : tensor<64x1x3x3xsi8>
  %b = qc.constant dense<7> : tensor<64xsi32> : tensor<64xsi32>
  %v = qc.constant dense<3> : tensor<16x64x1x1xsi8> : tensor<16x64x1x1xsi8>
  %p = qc.max_pool %x {kernel = #three, strides = #two, pads = #same, dilations = #one} : (tensor<1x64x56x56xui8>) -> tensor<1x64x28x28xui8>
  %q = qc.max_pool %p {kernel = #three, strides = #one, pads = #same, dilations = #one} : (tensor<1x64x28x28xui8>) -> tensor<1x64x28x28xui8>
  %0 = qc.conv %q, %w bias %b {strides = #one, pads = #same, dilations = #one, group = 64 : i64}
    : (tensor<1x64x28x28xui8>, tensor<64x1x3x3xsi8>, tensor<64xsi32>) -> tensor<1x64x28x28xsi32>
  %r = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x28x28xui8>
  %1 = qc.conv %r, %v {strides = #one, pads = #none, dilations = #one, group = 1 : i64}
    : (tensor<1x64x28x28xui8>, tensor<16x64x1x1xsi8>) -> tensor<1x16x28x28xsi32>
  %s = qc.requantize %1, %m, %z {axis = 1 : i64} : (tensor<1x16x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x16x28x28xui8>
  return %s : tensor<1x16x28x28xui8>
}
