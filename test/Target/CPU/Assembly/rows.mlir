// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4+vnni+vbmi,x86-64-v3
// RUN: inner-loops %t.so.x86-64-v4+vnni+vbmi.s | FileCheck %s --check-prefix=V4
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
//
// Elementwise chains, tables, rows and movement.

// A chain reads its operands once and stores once.
// V4: qc_add_0_{{.*}}: 8 instructions, 0 spills, 2 loads, 1 stores; move 2, vaddps 1, vmaxps 1, vmulps 1,
// V3: qc_add_0_{{.*}}: 8 instructions, 0 spills, 2 loads, 1 stores; move 2, vaddps 1, vmaxps 1, vmulps 1,

// e^x of a clamped argument: two steps of reduction, a polynomial of degree 6.
// V4: qc_sigmoid_1_{{.*}} 0 spills, 1 loads, 1 stores; vaddps 11, vmulps 10, {{.*}}vdivps 1,
// V3: qc_sigmoid_1_{{.*}} 0 spills, {{.*}} 1 stores; vaddps 11, vmulps 10, {{.*}}vdivps 1,

// Two permutations of 128 bytes for a table of 256.
// V4: qc_table_lookup_2_{{.*}} 0 spills, 1 loads, 1 stores; {{.*}}vpermi2b 1, vpermt2b 1,

// Largest, exponentials and their sum, scaling: eight vectors, four (one where
// there are 16 registers) and eight at a time.
// V4: qc_softmax_3_{{.*}} 0 spills, 8 loads, 0 stores; {{.*}}vmaxps 8,
// V4: qc_softmax_3_{{.*}} 0 spills, 4 loads, 4 stores; vaddps 40, vmulps 40, {{.*}}vmaxps 4,
// V4: qc_softmax_3_{{.*}} 0 spills, 8 loads, 8 stores; move 8, vmulps 8,
// V3: qc_softmax_3_{{.*}} 0 spills, 8 loads, 0 stores; {{.*}}vmaxps 8,
// V3: qc_softmax_3_{{.*}} 0 spills, {{.*}} 1 stores; vaddps 11, vmulps 10, {{.*}}vmaxps 1,
// V3: qc_softmax_3_{{.*}} 0 spills, 8 loads, 8 stores; move 8, vmulps 8,

// Sum, squares of differences, scaling.
// V4: qc_layer_norm_4_{{.*}} 0 spills, 16 loads, 0 stores; vaddps 16,
// V4: qc_layer_norm_4_{{.*}} 0 spills, 8 loads, 0 stores; move 8, vaddps 8, vmulps 8, vsubps 8,
// V4: qc_layer_norm_4_{{.*}} 0 spills, 8 loads, 4 stores; move 8, vdivps 4, vmulps 4, vsubps 4,
// V3: qc_layer_norm_4_{{.*}} 0 spills, 16 loads, 0 stores; vaddps 16,
// V3: qc_layer_norm_4_{{.*}} 0 spills, 8 loads, 0 stores; move 8, vaddps 8, vmulps 8, vsubps 8,
// V3: qc_layer_norm_4_{{.*}} 0 spills, 8 loads, 4 stores; move 8, vdivps 4, vmulps 4, vsubps 4,

// V4: qc_reduce_5_{{.*}} 0 spills, 16 loads, 0 stores; vaddps 16,
// V3: qc_reduce_5_{{.*}} 0 spills, 16 loads, 0 stores; vaddps 16,

// 16 x 16 in 64 shuffles, 8 x 8 in 24.
// V4: qc_transpose_6_{{.*}} 0 spills, 16 loads, 16 stores; move 40, vpermt2pd 16, vunpckhps 16, vunpcklps 16, vinsertf64x4 8, vshuff64x2 8,
// V3: qc_transpose_6_{{.*}} 0 spills, 8 loads, 8 stores; move 16, vunpckhps 8, vunpcklps 8, vinsertf128 4, vperm2f128 4,
// V4: qc_transpose_7_{{.*}} 0 spills, 16 loads, 16 stores; move 32, vpunpckhbw 32, vpunpcklbw 32,
// V3: qc_transpose_7_{{.*}} 0 spills, 16 loads, 8 stores; vpunpcklbw 20, vmovq 16, vpunpckhbw 12, move 8,

// Planes of three to pixels: whole vectors are stored.
// V4: qc_transpose_8_{{.*}} 0 spills, 12 loads, 12 stores; {{.*}}vpermt2ps 24,
// V3: qc_transpose_8_{{.*}} 0 spills, {{.*}} 3 stores;

func.func @chain(%a: tensor<64x1024xf32> {qc.name = "a"}, %b: tensor<64x1024xf32> {qc.name = "b"}) -> (tensor<64x1024xf32> {qc.name = "y"}) {
  %0 = qc.add %a, %b : (tensor<64x1024xf32>, tensor<64x1024xf32>) -> tensor<64x1024xf32>
  %1 = qc.mul %0, %a : (tensor<64x1024xf32>, tensor<64x1024xf32>) -> tensor<64x1024xf32>
  %2 = qc.relu %1 : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  return %2 : tensor<64x1024xf32>
}

func.func @sigmoid(%a: tensor<64x1024xf32> {qc.name = "a"}) -> (tensor<64x1024xf32> {qc.name = "y"}) {
  %0 = qc.sigmoid %a : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  return %0 : tensor<64x1024xf32>
}

func.func @table(%a: tensor<64x1024xui8> {qc.name = "a"}) -> (tensor<64x1024xui8> {qc.name = "y"}) {
  %s = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<100> : tensor<ui8> : tensor<ui8>
  %0 = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<64x1024xui8>, tensor<f32>, tensor<ui8>) -> tensor<64x1024xf32>
  %1 = qc.sigmoid %0 : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  %2 = qc.quantize %1, %s, %z {axis = 0 : i64} : (tensor<64x1024xf32>, tensor<f32>, tensor<ui8>) -> tensor<64x1024xui8>
  return %2 : tensor<64x1024xui8>
}

func.func @softmax(%a: tensor<64x1024xf32> {qc.name = "a"}) -> (tensor<64x1024xf32> {qc.name = "y"}) {
  %0 = qc.softmax %a {axis = 1 : i64, logarithm = false} : (tensor<64x1024xf32>) -> tensor<64x1024xf32>
  return %0 : tensor<64x1024xf32>
}

func.func @norm(%a: tensor<64x1024xf32> {qc.name = "a"}, %p: tensor<1024xf32> {qc.name = "p"}) -> (tensor<64x1024xf32> {qc.name = "y"}) {
  %0 = qc.layer_norm %a, %p {axis = 1 : i64, epsilon = 0.25 : f32} : (tensor<64x1024xf32>, tensor<1024xf32>) -> tensor<64x1024xf32>
  return %0 : tensor<64x1024xf32>
}

func.func @reduce(%a: tensor<64x1024xf32> {qc.name = "a"}) -> (tensor<64x1xf32> {qc.name = "y"}) {
  %0 = qc.reduce sum %a {axes = array<i64: 1>} : (tensor<64x1024xf32>) -> tensor<64x1xf32>
  return %0 : tensor<64x1xf32>
}

func.func @transpose(%a: tensor<64x1024xf32> {qc.name = "a"}) -> (tensor<1024x64xf32> {qc.name = "y"}) {
  %0 = qc.transpose %a {permutation = array<i64: 1, 0>} : (tensor<64x1024xf32>) -> tensor<1024x64xf32>
  return %0 : tensor<1024x64xf32>
}

func.func @transpose_bytes(%a: tensor<64x1024xui8> {qc.name = "a"}) -> (tensor<1024x64xui8> {qc.name = "y"}) {
  %0 = qc.transpose %a {permutation = array<i64: 1, 0>} : (tensor<64x1024xui8>) -> tensor<1024x64xui8>
  return %0 : tensor<1024x64xui8>
}

func.func @pixels(%a: tensor<1x3x64x64xf32> {qc.name = "a"}) -> (tensor<1x64x64x3xf32> {qc.name = "y"}) {
  %0 = qc.transpose %a {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x3x64x64xf32>) -> tensor<1x64x64x3xf32>
  return %0 : tensor<1x64x64x3xf32>
}
