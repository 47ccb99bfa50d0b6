// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A convolution in the domain of a fast algorithm is exact unless its attribute asks
// for products of codes. What comes behind such a pass is compared with its result.
// RUN: %python %S/Inputs/make_inputs.py %t 1 x=1x2x3x6
// RUN: qc-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer),qc-select-conv-algorithm{force=direct},func.func(qc-materialize-padding))" \
// RUN:   --qc-verify-numerics=inputs=%t | FileCheck %s --check-prefixes=CHECK,FAST
// RUN: sed 's/, scales = .*>}/}/' %s > %t.exact.mlir
// RUN: qc-opt %t.exact.mlir --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer),qc-select-conv-algorithm{force=direct},func.func(qc-materialize-padding))" \
// RUN:   --qc-verify-numerics=inputs=%t | FileCheck %s --check-prefixes=CHECK,EXACT

// CHECK: qc.sfc_input_transform
// FAST: xui8>, {{.*}}xsi8>) -> tensor<8x3x1xsi32>
// EXACT: xsi16>, {{.*}}xsi16>) -> tensor<8x3x1xsi32>
func.func @main(%x: tensor<1x2x3x6xf32> {qc.name = "x"}) -> (tensor<1x1x3x4xf32> {qc.name = "y"}) {
  %s = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %z0 = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %wq = qc.constant dense<[[[[1, 2, -3]], [[5, 0, 7]]]]> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %q = qc.quantize %x, %s, %z {axis = 0 : i64} : (tensor<1x2x3x6xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x3x6xui8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x2x3x6xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x3x6xf32>
  %w = qc.dequantize %wq, %s, %z0 {axis = 0 : i64} : (tensor<1x2x1x3xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2x1x3xf32>
  %y = qc.conv %d, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 90.0, 20.0, 20.0, 40.0, 20.0, 20.0, 40.0, 20.0>}} : (tensor<1x2x3x6xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x3x4xf32>
  return %y : tensor<1x1x3x4xf32>
}
