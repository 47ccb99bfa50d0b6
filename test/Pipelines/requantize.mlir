// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-cpu-pipeline=requantize=fixed | FileCheck %s --check-prefix=FIXED
// RUN: qc-opt %s --qc-ptx-pipeline=requantize=fixed | FileCheck %s --check-prefix=FIXED
// RUN: qc-opt %s --qc-hls-pipeline=requantize=fixed | FileCheck %s --check-prefix=FIXED
// RUN: qc-opt %s --qc-cpu-pipeline | FileCheck %s --check-prefix=FLOAT
// RUN: not qc-opt %s --qc-cpu-pipeline=requantize=other 2>&1 | FileCheck %s --check-prefix=OTHER
//
// One mode per module, whatever the target.

// FIXED: module attributes {{.*}}qc.requantize = "fixed"
// FIXED: qc.requantize_fixed
// FLOAT-NOT: qc.requantize_fixed
// FLOAT: qc.requantize %
// OTHER: requantization 'other' is unknown: expected float or fixed
func.func @main(%a: tensor<1x2xsi8> {qc.name = "a"}) -> (tensor<1x1xsi8> {qc.name = "q"}) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %b = qc.constant dense<[[1], [2]]> : tensor<2x1xsi8> : tensor<2x1xsi8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<2x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<si8>) -> tensor<1x1xsi8>
  return %q : tensor<1x1xsi8>
}
