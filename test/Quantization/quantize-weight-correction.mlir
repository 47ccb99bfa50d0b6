// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights make up for errors of their layer's inputs. Codes stand for 0 to 3,
// so that the inputs 0 and 6 arrive as 0 and 3: the weight 1 becomes 2, but for
// the ridge (3 * 3 / 2 * 0.001 of it), and its scale is that by 127.

// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: %python -c "import numpy as np; x = np.float32([[[[0, 6, 0, 6]]], [[[6, 0, 6, 0]]]]); np.savez('%t/two.npz', x=x); np.savez('%t/one.npz', x=x[:1]); np.savez('%t/odd.npz', x=np.float32([[[[0, 6, 0, 6]]], [[[0, 3, 0, 3]]]]))"
// RUN: qc-opt %t/conv.mlir --qc-quantize="inputs=%t/two.npz bias-correction=false" | FileCheck %s --check-prefix=FITTED
// RUN: qc-opt %t/conv.mlir --qc-quantize="inputs=%t/two.npz" | FileCheck %s --check-prefix=FITTED
// RUN: qc-opt %t/conv.mlir --qc-quantize="inputs=%t/two.npz weight-correction=false" | FileCheck %s --check-prefix=PLAIN
// Nothing tells whether one sample's correction suits others.
// RUN: qc-opt %t/conv.mlir --qc-quantize="inputs=%t/one.npz" | FileCheck %s --check-prefix=PLAIN
// The second sample arrives as it is: neither confirms the other's change.
// RUN: qc-opt %t/conv.mlir --qc-quantize="inputs=%t/odd.npz bias-correction=false" | FileCheck %s --check-prefix=PLAIN
// A clamp at 3 hides the error.
// RUN: qc-opt %t/clip.mlir --qc-quantize="inputs=%t/two.npz bias-correction=false" | FileCheck %s --check-prefix=PLAIN

// 1.999 / 127 and 1 / 127.
// FITTED: qc.constant dense<127> : tensor<1x1x1x1xsi8>
// FITTED: qc.constant dense<0.01574{{[0-9]*}}> : tensor<1xf32>
// PLAIN: qc.constant dense<127> : tensor<1x1x1x1xsi8>
// PLAIN: qc.constant dense<0.00787{{[0-9]*}}> : tensor<1xf32>

//--- conv.mlir
qc.plan @plan {
  conv = {inputs = {"0" = {type = "ui8", scale = 1.0 : f64, zero = 252.0 : f64}, "1" = {type = "si8", granularity = "axis", symmetric = true, range = "minmax", rounding = "gptq"}}}
}
func.func @conv(%x: tensor<1x1x1x4xf32> {qc.name = "x"}) -> tensor<1x1x1x4xf32> {
  %w = qc.constant dense<1.0> : tensor<1x1x1x1xf32> : tensor<1x1x1x1xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x1x4xf32>
  return %0 : tensor<1x1x1x4xf32>
}

//--- clip.mlir
qc.plan @plan {
  conv = {inputs = {"0" = {type = "ui8", scale = 1.0 : f64, zero = 252.0 : f64}, "1" = {type = "si8", granularity = "axis", symmetric = true, range = "minmax", rounding = "gptq"}}}
}
func.func @clip(%x: tensor<1x1x1x4xf32> {qc.name = "x"}) -> tensor<1x1x1x4xf32> {
  %w = qc.constant dense<1.0> : tensor<1x1x1x1xf32> : tensor<1x1x1x1xf32>
  %lo = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %hi = qc.constant dense<3.0> : tensor<f32> : tensor<f32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x1x4xf32>, tensor<1x1x1x1xf32>) -> tensor<1x1x1x4xf32>
  %1 = qc.clip %0, %lo, %hi : (tensor<1x1x1x4xf32>, tensor<f32>, tensor<f32>) -> tensor<1x1x1x4xf32>
  return %1 : tensor<1x1x1x4xf32>
}
