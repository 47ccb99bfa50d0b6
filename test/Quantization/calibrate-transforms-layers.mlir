// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layers whose loss in the transform domain cannot be told stay exact.

// RUN: rm -rf %t && mkdir -p %t/in
// RUN: %python -c "import numpy as np; r = np.random.default_rng(0); np.savez('%t/in/0.npz', x=r.integers(0, 256, (1, 8, 14, 14), np.uint8), t=np.zeros((1, 2048, 3, 3), np.uint8), b=r.integers(-99, 99, 64, np.int32))"
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in force=sfc-6(6x6,3x3) max-loss=60 report=%t/report.json" | FileCheck %s
// RUN: FileCheck %s --check-prefix=REPORT < %t/report.json

// What is added later would be missing in what is measured.
// REPORT: "bias": {
// REPORT: "why": "its bias is not constant"
// One multiplier per column is none per channel, in floats and in integers.
// REPORT: "columns": {
// REPORT-NEXT: "algorithm": "sfc-6(6x6,3x3)",
// REPORT-NEXT: "used": false,
// REPORT-NEXT: "why": "what follows rescales it along another dimension than that of channels"
// REPORT: "columns_fixed": {
// REPORT: "why": "what follows rescales it along another dimension than that of channels"
// 88 * 2048^2 numbers of 8 bytes.
// REPORT: "large": {
// REPORT: "why": "its second moments would need 2952790016 bytes; at most 2147483648 are used"
// REPORT: "one": {
// REPORT: "used": true

// CHECK-LABEL: func.func @main
// CHECK: qc.conv
// CHECK-NOT: qc.transform
// CHECK: qc.conv
// CHECK-NOT: qc.transform
// CHECK: qc.conv
// CHECK-NOT: qc.transform
// CHECK: qc.conv
// CHECK-NOT: qc.transform
// CHECK: qc.conv {{.*}}qc.transform
func.func @main(%x: tensor<1x8x14x14xui8> {qc.name = "x"}, %b: tensor<64xsi32> {qc.name = "b"}, %t: tensor<1x2048x3x3xui8> {qc.name = "t"}) -> (tensor<1x64x12x12xui8> {qc.name = "p"}, tensor<1x64x12x12xui8> {qc.name = "q"}, tensor<1x64x12x12xui8> {qc.name = "r"}, tensor<1x64x12x12xsi32> {qc.name = "s"}, tensor<1x1x1x1xsi32> {qc.name = "u"}) {
  %w = qc.constant dense<1> : tensor<64x8x3x3xsi8> : tensor<64x8x3x3xsi8>
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %m12 = qc.constant dense<0.01> : tensor<12xf32> : tensor<12xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x14x14xui8>, tensor<64x8x3x3xsi8>) -> tensor<1x64x12x12xsi32> loc("columns")
  %p = qc.requantize %0, %m12, %z {axis = 3 : i64} : (tensor<1x64x12x12xsi32>, tensor<12xf32>, tensor<ui8>) -> tensor<1x64x12x12xui8>

  %f12 = qc.constant dense<1073741824> : tensor<12xsi32> : tensor<12xsi32>
  %s12 = qc.constant dense<38> : tensor<12xsi32> : tensor<12xsi32>
  %1 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x14x14xui8>, tensor<64x8x3x3xsi8>) -> tensor<1x64x12x12xsi32> loc("columns_fixed")
  %q = qc.requantize_fixed %1, %f12, %s12, %z {axis = 3 : i64} : (tensor<1x64x12x12xsi32>, tensor<12xsi32>, tensor<12xsi32>, tensor<ui8>) -> tensor<1x64x12x12xui8>

  %s = qc.conv %x, %w bias %b {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x14x14xui8>, tensor<64x8x3x3xsi8>, tensor<64xsi32>) -> tensor<1x64x12x12xsi32> loc("bias")

  %wt = qc.constant dense<1> : tensor<1x2048x3x3xsi8> : tensor<1x2048x3x3xsi8>
  %u = qc.conv %t, %wt {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2048x3x3xui8>, tensor<1x2048x3x3xsi8>) -> tensor<1x1x1x1xsi32> loc("large")

  // One for all is, whatever the axis.
  %m1 = qc.constant dense<0.01> : tensor<1xf32> : tensor<1xf32>
  %2 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x14x14xui8>, tensor<64x8x3x3xsi8>) -> tensor<1x64x12x12xsi32> loc("one")
  %r = qc.requantize %2, %m1, %z {axis = 3 : i64} : (tensor<1x64x12x12xsi32>, tensor<1xf32>, tensor<ui8>) -> tensor<1x64x12x12xui8>
  return %p, %q, %r, %s, %u : tensor<1x64x12x12xui8>, tensor<1x64x12x12xui8>, tensor<1x64x12x12xui8>, tensor<1x64x12x12xsi32>, tensor<1x1x1x1xsi32>
}
