// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How long formats of layers take here.
//
// RUN: qc-opt %s --qc-measure-latency="formats=f32,si4,si8 table=%t.json" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=FILE < %t.json
// RUN: qc-opt %s --qc-measure-latency="formats=si4 activations=f32 block=16" | FileCheck %s --check-prefix=FLOAT
// RUN: not qc-opt %s --qc-measure-latency="activations=si1" 2>&1 | FileCheck %s --check-prefix=ACTIVATIONS
// RUN: not qc-opt %s --qc-measure-latency="formats=si9" 2>&1 | FileCheck %s --check-prefix=FORMATS

// What is in the table stays. A layer with a bias that a run computes does not
// stand alone and is left out.
// CHECK: qc.table @sensitivity {
// CHECK-SAME: conv = {by = "qc-measure-latency", formats = {f32 = {bytes = 0.000000e+00 : f64, metrics = {latency = {{[0-9.eE+-]+}} : f64}}, si4 = {bytes = 0.000000e+00 : f64, metrics = {latency = {{[0-9.eE+-]+}} : f64}}, si8 = {bytes = 0.000000e+00 : f64, metrics = {latency = {{[0-9.eE+-]+}} : f64}}}{{[^#]*}}, matmul = {by = "user", {{[^#]*}}formats = {f32 = {bytes = 0.000000e+00 : f64, metrics = {latency = {{[0-9.eE+-]+}} : f64}}, si4 = {bytes = 0.000000e+00 : f64, metrics = {latency = 1.250000e+00 : f64}}, si8 = {bytes = 0.000000e+00 : f64, metrics = {latency = {{[0-9.eE+-]+}} : f64}}}
// CHECK-NOT: qc.quantize
// FILE: "latency":
// FLOAT: qc.table @sensitivity {conv = {{.*}}si4 = {{.*}}latency
// ACTIVATIONS: error: qc-measure-latency: bad activations 'si1'; accepted: f32, si2 to si16, ui2 to ui16, f8E4M3FN, f8E5M2
// FORMATS: error: qc-measure-latency: bad formats 'si9'; accepted: f32, si2 to si8, ui2 to ui8, f8E4M3FN, f8E5M2

qc.table @sensitivity {matmul = {by = "user", formats = {si4 = {metrics = {latency = 1.25 : f64}}}}}
func.func @main(%x: tensor<1x4x6x6xf32> {qc.name = "x"}, %b: tensor<4xf32>) -> tensor<1x8xf32> {
  %w = qc.constant dense<0.5> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  %c = qc.constant dense<0.5> : tensor<4xf32> : tensor<4xf32>
  %v = qc.constant dense<0.25> : tensor<64x8xf32> : tensor<64x8xf32>
  %0 = qc.conv %x, %w bias %c {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x3x3xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32>
  %1 = qc.conv %0, %w bias %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x4x4x4xf32>, tensor<4x4x3x3xf32>, tensor<4xf32>) -> tensor<1x4x4x4xf32>
  %2 = qc.reshape %1 {shape = array<i64: 1, 64>} : (tensor<1x4x4x4xf32>) -> tensor<1x64xf32>
  %3 = qc.matmul %2, %v : (tensor<1x64xf32>, tensor<64x8xf32>) -> tensor<1x8xf32>
  return %3 : tensor<1x8xf32>
}
