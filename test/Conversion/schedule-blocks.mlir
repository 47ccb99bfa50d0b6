// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-blocks %s | FileCheck %s
// RUN: qc-opt --qc-schedule-blocks="vector-bytes=64" %s | FileCheck %s --check-prefix=WIDE

// Sixteen channels at once, as 16-bit numbers: a one-dimensional tile of 6
// inputs and the 9 additions that its 7 products need.
// CHECK-LABEL: func.func @input
// CHECK: scf.parallel {{.*}} {
// CHECK: vector.load {{.*}} vector<16xi8>
// CHECK: arith.extui {{.*}} : vector<16xi8> to vector<16xi16>
// CHECK-COUNT-9: arith.{{addi|subi}} {{.*}} : vector<16xi16>
// CHECK-NOT: arith.{{addi|subi}} {{.*}} : vector<16xi16>
// CHECK-LABEL: func.func @output
// WIDE-LABEL: func.func @input
// WIDE: vector.load {{.*}} vector<32xi8>
#map = #qc.layout<0:1:1, 2:1:1, 3:1:10, 1:1:32>
qc.kernel @input(%x: tensor<1x32x1x10xui8, #map>) -> tensor<7x2x32xsi16> attributes {family = "block"} {
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-4(1x4,1x3)"} : (tensor<1x32x1x10xui8, #map>) -> tensor<7x2x32xsi16>
  qc.yield %0 : tensor<7x2x32xsi16>
}

// The ops behind the transform run on its vectors; the quotient by 4 is a
// shift; only the last tile asks whether it sticks out.
// CHECK: vector.load {{.*}} vector<8xi32>
// CHECK: arith.shrsi {{.*}} : vector<8xi32>
// CHECK: arith.maxsi {{.*}} : vector<8xi32>
// CHECK: arith.cmpi ult
// CHECK: scf.if
// CHECK: vector.store {{.*}} vector<8xi32>
#result = #qc.layout<0:1:1, 2:1:1, 3:1:7, 1:1:16>
qc.kernel @output(%m: tensor<7x2x16xsi32>) -> tensor<1x16x1x7xsi32, #result> attributes {family = "block"} {
  %0 = qc.sfc_output_transform %m {algorithm = "sfc-4(1x4,1x3)", divisor = 4 : i64, height = 1 : i64, width = 7 : i64} : (tensor<7x2x16xsi32>) -> tensor<1x16x1x7xsi32>
  %1 = qc.relu %0 : (tensor<1x16x1x7xsi32>) -> tensor<1x16x1x7xsi32, #result>
  qc.yield %1 : tensor<1x16x1x7xsi32, #result>
}

// 21 channels: vectors of 16, 4 and 1.
// CHECK-LABEL: func.func @remainder
// CHECK: vector.load {{.*}} vector<16xi8>
// CHECK: vector.load {{.*}} vector<4xi8>
// CHECK: memref.load
#odd = #qc.layout<0:1:1, 2:1:1, 3:1:6, 1:1:21>
qc.kernel @remainder(%x: tensor<1x21x1x6xsi8, #odd>) -> tensor<7x1x21xsi16> attributes {family = "block"} {
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-4(1x4,1x3)"} : (tensor<1x21x1x6xsi8, #odd>) -> tensor<7x1x21xsi16>
  qc.yield %0 : tensor<7x1x21xsi16>
}

// Output channels are lanes of weights, which lie apart: a load each, one register of
// arithmetic.
// CHECK-LABEL: func.func @weights
// CHECK-COUNT-4: vector.insert
// CHECK: arith.addi {{.*}} : vector<4xi16>
// CHECK: vector.store {{.*}} vector<4xi16>
qc.kernel @weights(%w: tensor<4x2x1x3xsi8>) -> tensor<7x2x4xsi16> attributes {family = "block"} {
  %0 = qc.sfc_weight_transform %w {algorithm = "sfc-4(1x4,1x3)"} : (tensor<4x2x1x3xsi8>) -> tensor<7x2x4xsi16>
  qc.yield %0 : tensor<7x2x4xsi16>
}
