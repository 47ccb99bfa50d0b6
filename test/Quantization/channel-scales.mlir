// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a depthwise convolution reads gets scales per channel where that is worth
// a bit: channels reach 255 and 2.55 here, so the second gets a hundred times
// finer steps.

// RUN: rm -rf %t && mkdir -p %t
// RUN: %python -c "import numpy as np; np.savez('%t/in.npz', x=np.float32([[[[0, 255]], [[0, 2.55]]]]))"
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in.npz" --qc-assign-bits -o %t/plan.mlir
// RUN: FileCheck %s --check-prefix=PLAN < %t/plan.mlir
// PLAN: qc.plan @plan
// PLAN-SAME: conv = {by = "qc-assign-bits", inputs = {"0" = {granularity = "axis", type = "ui8"}
// PLAN-SAME: "conv#2" = {by = "qc-assign-bits", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}
// RUN: qc-opt %t/plan.mlir --qc-quantize | FileCheck %s

// The wider channel has the factor 1. Weights are divided by the factors: of
// 1.27 and 127 both become 1.27. The dense convolution reads the input by itself.
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[F:.*]] = qc.constant dense<{{\[\[\[}}1.000000e+00{{\]\], \[\[(1.000000e\+02|99.99999[0-9]*|100.0000[0-9]*)\]\]\]}}> : tensor<2x1x1xf32>
// CHECK-DAG: %[[M:.*]] = qc.mul %arg0, %[[F]]
// CHECK-DAG: %[[Q:.*]] = qc.quantize %[[M]]
// CHECK-DAG: %[[D:.*]] = qc.dequantize %[[Q]]
// CHECK-DAG: %[[SW:.*]] = qc.constant dense<{{.*0.00999999.*|.*1.000000e-02.*}}> : tensor<2xf32>
// CHECK-DAG: qc.quantize %arg0
// CHECK: qc.conv %[[D]]

func.func @main(%x: tensor<1x2x1x2xf32> {qc.name = "x"}) -> (tensor<1x2x1x2xf32>, tensor<1x1x1x2xf32>) {
  %w = qc.constant dense<[[[[1.27]]], [[[127.0]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 2 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x1x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x1x2xf32>
  %1 = qc.conv %x, %v {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x1x2xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x1x2xf32>
  return %0, %1 : tensor<1x2x1x2xf32>, tensor<1x1x1x2xf32>
}
