// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plan becomes quantize and dequantize ops.

// RUN: qc-opt %s --split-input-file --verify-diagnostics --qc-quantize | FileCheck %s

// Scales from the plan; weights to nearest, one scale per channel; the input of
// max_pool and its result share one scale.
qc.plan @plan {
  conv = {inputs = {"0" = {type = "ui8", scale = 0.5 : f64, zero = 3.0 : f64}, "1" = {type = "si8", granularity = "axis", symmetric = true}}},
  max_pool = {inputs = {"0" = {type = "ui8", scale = 0.25 : f64}}},
  "conv#2" = {inputs = {"0" = {type = "ui8", scale = 0.25 : f64}, "1" = {type = "f32"}}}
}
// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[S:.*]] = qc.constant dense<5.000000e-01> : tensor<f32>
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<3> : tensor<ui8>
// CHECK: %[[Q:.*]] = qc.quantize %arg0, %[[S]], %[[Z]]
// CHECK: %[[D:.*]] = qc.dequantize %[[Q]], %[[S]], %[[Z]]
// The channels' largest weights are 1.27 and 2.54, so the scales 0.01 and 0.02.
// CHECK-DAG: %[[CODES:.*]] = qc.constant dense<{{\[\[\[\[127\]\]\], \[\[\[-127\]\]\]\]}}> : tensor<2x1x1x1xsi8>
// CHECK-DAG: %[[SW:.*]] = qc.constant dense<{{\[}}0.00999999977, 2.000000e-02]> : tensor<2xf32>
// CHECK: %[[W:.*]] = qc.dequantize %[[CODES]], %[[SW]], %{{.*}} {axis = 0 : i64}
// CHECK: %[[Y:.*]] = qc.conv %[[D]], %[[W]]
// CHECK: %[[YQ:.*]] = qc.quantize %[[Y]]
// CHECK: %[[YD:.*]] = qc.dequantize %[[YQ]]
// CHECK: %[[P:.*]] = qc.max_pool %[[YD]]
// CHECK: %[[PQ:.*]] = qc.quantize %[[P]]
// CHECK: %[[PD:.*]] = qc.dequantize %[[PQ]]
// CHECK: qc.conv %[[PD]], %{{.*}} : (tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>)
func.func @main(%x: tensor<1x1x2x2xf32>) -> tensor<1x1x1x1xf32> {
  %w = qc.constant dense<[[[[1.27]]], [[[-2.54]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  %1 = qc.max_pool %0 {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x1x1xf32>
  %2 = qc.conv %1, %v {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x1x1xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x1x1xf32>
  return %2 : tensor<1x1x1x1xf32>
}

// -----

// Blocks along the reduction, and scales of rows that a run computes.
qc.plan @plan {
  matmul = {inputs = {"0" = {type = "ui8", granularity = "token"}, "1" = {type = "si4", granularity = "block", block = 2.0 : f64}}}
}
// CHECK-LABEL: func.func @blocks
// CHECK: %[[ABS:.*]] = qc.abs %arg0
// CHECK: %[[MAX:.*]] = qc.reduce max %[[ABS]] {axes = array<i64: 1>}
// CHECK: %[[S:.*]] = qc.div
// CHECK: qc.quantize %arg0, %[[S]], %{{.*}} {axis = 1 : i64, blockSize = 4 : i64}
// CHECK: qc.dequantize %{{.*}} {axis = 0 : i64, blockSize = 2 : i64} : (tensor<4x2xsi4>, tensor<2x2xf32>, tensor<2x2xsi4>) -> tensor<4x2xf32>
func.func @blocks(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<[[1.0, 2.0], [0.5, 0.25], [7.0, 3.0], [0.0, 1.0]]> : tensor<4x2xf32> : tensor<4x2xf32>
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

// Scales of blocks that are stored as f16: 7 / 7 and 0.5 / 7, rounded before the codes.
qc.plan @plan {
  matmul = {inputs = {"1" = {type = "si4", granularity = "block", block = 2.0 : f64, symmetric = true, scales = "f16"}}}
}
// CHECK-LABEL: func.func @halves
// CHECK: %[[H:.*]] = qc.constant dense<{{\[\[}}7.141110e-02], [1.000000e+00]]> : tensor<2x1xf16>
// CHECK: %[[S:.*]] = qc.cast %[[H]] {to = f32}
// CHECK: qc.dequantize %{{.*}}, %[[S]], %{{.*}} {axis = 0 : i64, blockSize = 2 : i64} : (tensor<4x1xsi4>, tensor<2x1xf32>, tensor<2x1xsi4>)
func.func @halves(%x: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %w = qc.constant dense<[[0.5], [0.25], [7.0], [0.0]]> : tensor<4x1xf32> : tensor<4x1xf32>
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

// expected-error @below {{the plan's node 'matmul' input '1': only scales of blocks can be f16}}
qc.plan @plan {
  matmul = {inputs = {"1" = {type = "si4", granularity = "axis", scales = "f16"}}}
}
func.func @halves(%x: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %w = qc.constant dense<[[0.5], [0.25], [7.0], [0.0]]> : tensor<4x1xf32> : tensor<4x1xf32>
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x1xf32>) -> tensor<3x1xf32>
  return %0 : tensor<3x1xf32>
}

// -----

// A table of rows and its transpose get the same codes.
qc.plan @plan {
  gather = {inputs = {"0" = {type = "si4", granularity = "axis", symmetric = true}}},
  matmul = {inputs = {"1" = {type = "si4", granularity = "axis", symmetric = true}}}
}
// CHECK-LABEL: func.func @tied
// CHECK: qc.constant dense<{{\[\[}}7, 4], [-7, 7]]> : tensor<2x2xsi4>
// CHECK: qc.constant dense<{{\[}}1.000000e+00, 5.000000e-01]> : tensor<2xf32>
// CHECK: qc.dequantize %{{.*}} {axis = 0 : i64}
// CHECK: qc.gather
// CHECK: qc.constant dense<{{\[\[}}7, -7], [4, 7]]> : tensor<2x2xsi4>
// CHECK: qc.constant dense<{{\[}}1.000000e+00, 5.000000e-01]> : tensor<2xf32>
// CHECK: qc.dequantize %{{.*}} {axis = 1 : i64}
// CHECK: qc.matmul
func.func @tied(%i: tensor<1xsi64>) -> tensor<1x2xf32> {
  %t = qc.constant dense<[[7.0, 3.6], [-3.5, 3.5]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %w = qc.constant dense<[[7.0, -3.5], [3.6, 3.5]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %x = qc.gather %t, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<1xsi64>) -> tensor<1x2xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// No change: nothing in the plan.
qc.plan @plan {}
// CHECK-LABEL: func.func @nothing
// CHECK-NEXT: qc.relu
// CHECK-NEXT: return
func.func @nothing(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// expected-error @below {{the module has no plan: run qc-assign-bits before}}
module {
  func.func @none(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
    return %x : tensor<3x4xf32>
  }
}

// -----

qc.plan @plan {matmul = {inputs = {"0" = {type = "ui8"}}}}
// expected-error @below {{no statistics of 'x' and no scale in the plan: run qc-calibrate before}}
func.func @statistics(%x: tensor<3x4xf32> {qc.name = "x"}) -> tensor<3x2xf32> {
  %w = qc.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

qc.plan @plan {relu = {inputs = {"0" = {type = "ui8", granularity = "token"}}}}
func.func @granularity(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // expected-error @below {{bad granularity of the activation that the plan quantizes as input 0; accepted: tensor, token for integers as input 0 of a matrix product, axis for integers without a given scale as input 0 of a depthwise convolution}}
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

qc.plan @plan {relu = {inputs = {"0" = {type = "ui8", range = "output"}}}}
func.func @range(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  // expected-error @below {{the plan's input 0 has range output and rounding nearest; accepted for activations: range minmax, moving, percentile, entropy, mse; rounding nearest}}
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// expected-error @below {{the plan's node 'relu' input '0': bad 'zero' 256; accepted for ui8: 0 to 255}}
qc.plan @plan {relu = {inputs = {"0" = {type = "ui8", scale = 0.5 : f64, zero = 256.0 : f64}}}}
func.func @zero(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// expected-error @below {{the plan's node 'relu' input '0': bad 'scale'; accepted: a positive normal f32}}
qc.plan @plan {relu = {inputs = {"0" = {type = "ui8", scale = 1.0e-300 : f64}}}}
func.func @scale(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

// expected-error @below {{the plan's node 'relu' input '0': a 'zero' goes with a 'scale'}}
qc.plan @plan {relu = {inputs = {"0" = {type = "ui8", zero = 3.0 : f64}}}}
func.func @alone(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %0 = qc.relu %x : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}

// -----

qc.plan @plan {matmul = {inputs = {"1" = {type = "si4"}}}}
func.func @tensor(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // expected-error @below {{weights have a scale per output channel or block; accepted: granularity axis, block}}
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

qc.plan @plan {matmul = {inputs = {"1" = {type = "si4", granularity = "axis", scale = 0.5 : f64}}}}
func.func @given(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // expected-error @below {{the plan gives a scale for weights, whose scales are chosen; accepted: range minmax, mse, output}}
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

qc.plan @plan {matmul = {inputs = {"1" = {type = "si4", granularity = "axis", range = "percentile"}}}}
func.func @clipped(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // expected-error @below {{bad range 'percentile' of weights; accepted: minmax, mse, output}}
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

qc.plan @plan {matmul = {inputs = {"1" = {type = "si16", granularity = "axis"}}}}
func.func @weights(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = qc.constant dense<1.0> : tensor<4x2xf32> : tensor<4x2xf32>
  // expected-error @below {{weights cannot be si16; accepted: integers of 2 to 8 bits, f8E4M3FN, f8E5M2}}
  %0 = qc.matmul %x, %w : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

qc.plan @plan {conv = {inputs = {"0" = {type = "ui8", granularity = "axis"}}}}
func.func @dense(%x: tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32> {
  %w = qc.constant dense<[[[[1.27]]], [[[-2.54]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  // expected-error @below {{bad granularity of the activation that the plan quantizes as input 0; accepted: tensor,}}
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x2x2xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x2x2xf32>
  return %0 : tensor<1x2x2x2xf32>
}
