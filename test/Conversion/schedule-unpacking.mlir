// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-unpacking %s | FileCheck %s
// RUN: qc-opt --qc-schedule-unpacking="vector-bytes=64 registers=32" %s | FileCheck %s --check-prefix=WIDE

#codes = #qc.layout<1:16:5, 0:2:32, 1:1:16, 0:1:2>
#scales = #qc.layout<1:16:5, 0:1:2, 1:1:16>

// Each vector of bytes becomes two vectors of floats: the low half of a byte goes up and down again for
// its sign, the high half has it already. A block's sum is scaled once. 80 columns are a group of 64 and
// one of 16.
// CHECK-LABEL: func.func @blocks
// CHECK: scf.parallel {{.*}} to (%c2)
// CHECK: vector.load {{.*}} : memref<2560xi8>, vector<8xi8>
// CHECK: arith.extsi {{.*}} : vector<8xi8> to vector<8xi32>
// CHECK: arith.shli
// CHECK: arith.shrsi
// CHECK: arith.sitofp
// CHECK: arith.shrsi
// CHECK: arith.sitofp
// CHECK: math.fma
// CHECK: vector.load {{.*}} : memref<160xf32>, vector<8xf32>
// CHECK: math.fma
// CHECK: arith.addf
// CHECK: vector.store
// WIDE-LABEL: func.func @blocks
// WIDE: scf.parallel {{.*}} to (%c2)
// WIDE: arith.extsi {{.*}} : vector<16xi8> to vector<16xi32>
qc.kernel @blocks(%x: tensor<1x64xf32>, %q: tensor<64x80xsi4, #codes>, %s: tensor<2x80xf32, #scales>, %b: tensor<80xf32>) -> tensor<1x80xf32> attributes {family = "contraction"} {
  %z = qc.constant dense<0> : tensor<si4> : tensor<si4>
  %w = qc.dequantize %q, %s, %z {axis = 0 : i64, blockSize = 32 : i64} : (tensor<64x80xsi4, #codes>, tensor<2x80xf32, #scales>, tensor<si4>) -> tensor<64x80xf32>
  %y = qc.matmul %x, %w : (tensor<1x64xf32>, tensor<64x80xf32>) -> tensor<1x80xf32>
  %r = qc.add %y, %b : (tensor<1x80xf32>, tensor<80xf32>) -> tensor<1x80xf32>
  qc.yield %r : tensor<1x80xf32>
}

// A zero point is subtracted; unsigned codes of 8 bits need no shift.
// CHECK-LABEL: func.func @zero_point
// CHECK: arith.extui {{.*}} : vector<8xi8> to vector<8xi32>
// CHECK-NOT: arith.sh
// CHECK: arith.subi
// CHECK: arith.sitofp
qc.kernel @zero_point(%x: tensor<1x2x64xf32>, %q: tensor<64x16xui8, #qc.layout<1:16:1, 0:1:64, 1:1:16, 0:1:1>>, %s: tensor<f32>) -> tensor<1x2x16xf32> attributes {family = "contraction"} {
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %w = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<64x16xui8, #qc.layout<1:16:1, 0:1:64, 1:1:16, 0:1:1>>, tensor<f32>, tensor<ui8>) -> tensor<64x16xf32>
  %y = qc.matmul %x, %w : (tensor<1x2x64xf32>, tensor<64x16xf32>) -> tensor<1x2x16xf32>
  qc.yield %y : tensor<1x2x16xf32>
}

// No change: codes that are not packed for it.
// CHECK-LABEL: qc.kernel @rows
qc.kernel @rows(%x: tensor<1x64xf32>, %q: tensor<64x80xsi4>, %s: tensor<2x80xf32, #scales>) -> tensor<1x80xf32> attributes {family = "contraction"} {
  %z = qc.constant dense<0> : tensor<si4> : tensor<si4>
  %w = qc.dequantize %q, %s, %z {axis = 0 : i64, blockSize = 32 : i64} : (tensor<64x80xsi4>, tensor<2x80xf32, #scales>, tensor<si4>) -> tensor<64x80xf32>
  %y = qc.matmul %x, %w : (tensor<1x64xf32>, tensor<64x80xf32>) -> tensor<1x80xf32>
  qc.yield %y : tensor<1x80xf32>
}
