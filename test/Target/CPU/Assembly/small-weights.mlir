// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4+vnni,x86-64-v3 --conv-algorithm=direct
// RUN: inner-loops %t.so.x86-64-v4+vnni.s | FileCheck %s --check-prefix=VNNI
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
//
// Weights of fewer than 8 bits without vpdpbusd: vpmaddubsw cannot saturate. Of 7
// bits each step's sums of two products are added up in 32 bits at once: three
// instructions for 32 products, where 16-bit numbers take four and the weights'
// halves. Of 4 bits eight steps are added up in 16 bits before, in three rows times
// two vectors: 18 instructions for 256 products. With vpdpbusd all are alike.

// VNNI: qc_conv_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// V3: qc_conv_{{.*}} 0 spills, {{[0-9]+}} loads, 0 stores; vpaddd 10, vpmaddubsw 10, vpmaddwd 10, vpbroadcastd 5,
// VNNI: qc_conv_{{.*}} 0 spills, 16 loads, 0 stores; vpdpbusd 28, vpbroadcastd 14, move 2,
// V3: qc_conv_{{.*}} 0 spills, {{[0-9]+}} loads, 0 stores; vpmaddubsw 48, vpaddw 42, vpbroadcastd {{[0-9]+}}, move {{[0-9]+}}, vpaddd 6, vpmaddwd 6,

#one = array<i64: 1, 1>
#same = array<i64: 1, 1, 1, 1>

func.func @seven(%x: tensor<1x64x28x28xui8> {qc.name = "x"}) -> (tensor<1x64x28x28xui8> {qc.name = "y"}) {
  %w = qc.constant dense<-64> : tensor<64x64x3x3xsi7> : tensor<64x64x3x3xsi7>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = #one, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x64x28x28xui8>, tensor<64x64x3x3xsi7>) -> tensor<1x64x28x28xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x28x28xui8>
  return %1 : tensor<1x64x28x28xui8>
}

func.func @four(%x: tensor<1x64x28x28xui8> {qc.name = "x"}) -> (tensor<1x64x28x28xui8> {qc.name = "y"}) {
  %w = qc.constant dense<-8> : tensor<64x64x3x3xsi4> : tensor<64x64x3x3xsi4>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = #one, pads = #same, dilations = #one, group = 1 : i64}
    : (tensor<1x64x28x28xui8>, tensor<64x64x3x3xsi4>) -> tensor<1x64x28x28xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x64x28x28xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x64x28x28xui8>
  return %1 : tensor<1x64x28x28xui8>
}
