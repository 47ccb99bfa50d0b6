// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: %python %S/Inputs/make_inputs.py %t 2 x=1x2x4x4 z=1x2x4x4
// RUN: qc-opt %s --qc-cpu-pipeline --qc-verify-numerics=inputs=%t,limit=2 2>&1 | FileCheck %s
// RUN: qc-opt %s --qc-hls-pipeline=requantize=fixed --qc-verify-numerics=inputs=%t,limit=2 2>&1 | FileCheck %s
//
// Names follow the numbers where a dequantize sinks, a quantize rises, clamps
// act on codes and sums have the output's units: no pass is blamed. The square
// map would take a transposed value for the one before.

// CHECK-NOT: error
// CHECK: qc.program @main
module {
  func.func @main(%x: tensor<1x2x4x4xf32> {qc.name = "x"}, %z: tensor<1x2x4x4xf32> {qc.name = "z"}) -> (tensor<1x2x4x4xf32> {qc.name = "y"}, tensor<1x4x4x4xf32> {qc.name = "v"}) {
    %s = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
    %t = qc.constant dense<0.03> : tensor<f32> : tensor<f32>
    %o = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
    %xq = qc.quantize %x, %s, %o {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8> loc("x")
    %xd = qc.dequantize %xq, %s, %o {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32> loc("x")
    %zq = qc.quantize %z, %t, %o {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8> loc("z")
    %zd = qc.dequantize %zq, %t, %o {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32> loc("z")
    // Sinks below the transpose and the clamp.
    %a = qc.transpose %xd {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("transposed")
    %r = qc.relu %a : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("clamped")
    // A chain in units of the result, which is quantized twice.
    %sum = qc.add %r, %zd : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("sum")
    %sumq = qc.quantize %sum, %t, %o {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8> loc("sum")
    %sumd = qc.dequantize %sumq, %t, %o {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32> loc("sum")
    // Rises above the transpose and the concatenation.
    %f = qc.sigmoid %x : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("sigmoid")
    %b = qc.transpose %f {permutation = array<i64: 0, 1, 3, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("turned")
    %c = qc.concat %b, %sumd {axis = 1 : i64} : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x4x4x4xf32> loc("joined")
    %cq = qc.quantize %c, %t, %o {axis = 0 : i64} : (tensor<1x4x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x4x4x4xui8> loc("joined_q")
    %cd = qc.dequantize %cq, %t, %o {axis = 0 : i64} : (tensor<1x4x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x4x4x4xf32> loc("joined_dq")
    return %sumd, %cd : tensor<1x2x4x4xf32>, tensor<1x4x4x4xf32>
  }
}
