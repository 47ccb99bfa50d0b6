// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which products `auto` takes. CPUs without vpdpbusd widen codes to the 16 bits that
// exact products have: an approximation saves bytes of weights there, which count where
// maps are small, and nothing else. With vpdpbusd it halves the products.

// RUN: rm -rf %t && mkdir -p %t/in
// RUN: %python -c "import numpy as np; r = np.random.default_rng(0); np.savez('%t/in/0.npz', x=r.integers(0, 256, (1, 64, 28, 28), np.uint8), t=r.integers(0, 256, (1, 128, 14, 14), np.uint8))"
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in max-loss=100 report=%t/widened.json" -o %t/widened.mlir
// RUN: FileCheck %s --check-prefix=WIDENED < %t/widened.json
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in max-loss=100 dot-product=true report=%t/dot.json" -o %t/dot.mlir
// RUN: FileCheck %s --check-prefix=DOT < %t/dot.json
// RUN: qc-opt %t/widened.mlir --qc-select-conv-algorithm | FileCheck %s --check-prefix=SELECTED

// WIDENED: "large_map": {
// WIDENED-NEXT: "used": false,
// WIDENED-NEXT: "why": "it would not be faster than with exact products"
// WIDENED: "small_map": {
// WIDENED: "used": true
// The exact form of the first is what it gets.
// SELECTED: qc.matmul {{.*}} : (tensor<[[T:[0-9]+]]x{{[0-9]+}}x64xsi16>, tensor<[[T]]x64x64xsi16>)
// SELECTED: qc.matmul {{.*}} : (tensor<[[T:[0-9]+]]x{{[0-9]+}}x128xui8>, tensor<[[T]]x128x128xsi8>)
// DOT: "large_map": {
// DOT: "used": true
// DOT: "small_map": {
// DOT-NEXT: "used": false,
// DOT-NEXT: "why": "it would not be faster"

// A family that is asked for is taken as before, the same member for every CPU.
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in force=sfc-6 max-loss=100 report=%t/family.json" -o %t/family.mlir
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in force=sfc-6 max-loss=100 dot-product=true report=%t/family_dot.json" -o %t/family_dot.mlir
// RUN: cmp %t/family.mlir %t/family_dot.mlir
// RUN: FileCheck %s --check-prefix=FAMILY < %t/family.json
// FAMILY: "large_map": {
// FAMILY: "used": true
// FAMILY: "small_map": {
// FAMILY: "used": true

func.func @main(%x: tensor<1x64x28x28xui8> {qc.name = "x"}, %t: tensor<1x128x14x14xui8> {qc.name = "t"}) -> (tensor<1x64x28x28xsi32> {qc.name = "y"}, tensor<1x128x14x14xsi32> {qc.name = "u"}) {
  %w = qc.constant dense<100> : tensor<64x64x3x3xsi8> : tensor<64x64x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x28x28xui8>, tensor<64x64x3x3xsi8>) -> tensor<1x64x28x28xsi32> loc("large_map")
  %v = qc.constant dense<100> : tensor<128x128x3x3xsi8> : tensor<128x128x3x3xsi8>
  %1 = qc.conv %t, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x128x14x14xui8>, tensor<128x128x3x3xsi8>) -> tensor<1x128x14x14xsi32> loc("small_map")
  return %0, %1 : tensor<1x64x28x28xsi32>, tensor<1x128x14x14xsi32>
}
