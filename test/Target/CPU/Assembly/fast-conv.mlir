// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --keep-assembly --mcpu=x86-64-v4+vnni,x86-64-v4,x86-64-v3,x86-64 --conv-algorithm=sfc-4
// RUN: inner-loops %t.so.x86-64-v4+vnni.s | FileCheck %s --check-prefix=VNNI
// RUN: inner-loops %t.so.x86-64-v4.s | FileCheck %s --check-prefix=V4
// RUN: inner-loops %t.so.x86-64-v3.s | FileCheck %s --check-prefix=V3
// RUN: inner-loops %t.so.x86-64.s | FileCheck %s --check-prefix=SSE
//
// Products of transformed codes: two 16-bit inputs per lane and step, multiplied
// and summed by vpdpwssd where there is one, else by pmaddwd and an addition. The
// tiles are those of floats; nothing is widened.
// VNNI: qc_matmul_{{.*}} 0 spills, 15 loads, 0 stores; vpdpwssd 26, vpbroadcastd 13, move 2,
// V4: qc_matmul_{{.*}} 0 spills, 15 loads, 0 stores; vpaddd 26, vpmaddwd 26, vpbroadcastd 13, move 2,
// V3: qc_matmul_{{.*}} 0 spills, 8 loads, 0 stores; vpaddd 12, vpmaddwd 12, vpbroadcastd 6, move 2,
// SSE: qc_matmul_{{.*}} 0 spills, 6 loads, 0 stores; vpaddd 8, vpmaddwd 8, move 7,

func.func @conv3x3(%x: tensor<1x32x56x56xui8> {qc.name = "x"}) -> (tensor<1x32x56x56xui8> {qc.name = "y"}) {
  %w = qc.constant dense<3> : tensor<32x32x3x3xsi8> : tensor<32x32x3x3xsi8>
  %m = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64}
    : (tensor<1x32x56x56xui8>, tensor<32x32x3x3xsi8>) -> tensor<1x32x56x56xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x32x56x56xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x32x56x56xui8>
  return %1 : tensor<1x32x56x56xui8>
}
