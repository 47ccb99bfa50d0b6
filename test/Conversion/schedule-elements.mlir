// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-elements %s | FileCheck %s

// Tensors that lie alike are one row; what is left of it runs in narrower vectors.
// CHECK-LABEL: func.func @row
// CHECK: arith.addf {{.*}} : vector<8xf32>
// CHECK: arith.addf {{.*}} : vector<4xf32>
// CHECK-NOT: arith.addf
qc.kernel @row(%x: tensor<4x5xf32>, %y: tensor<4x5xf32>) -> tensor<4x5xf32> attributes {family = "elementwise"} {
  %0 = qc.add %x, %y : (tensor<4x5xf32>, tensor<4x5xf32>) -> tensor<4x5xf32>
  qc.yield %0 : tensor<4x5xf32>
}

// Bytes: as many as fill a register. Each operand has a loop of its own, and
// none asks where an element comes from.
// CHECK-LABEL: func.func @concat
// CHECK-NOT: scf.if
// CHECK: vector.load {{.*}}memref<512xi8>, vector<32xi8>
// CHECK: vector.store {{.*}}memref<768xi8>, vector<32xi8>
// CHECK: vector.load {{.*}}memref<256xi8>, vector<32xi8>
// CHECK: vector.store {{.*}}memref<768xi8>, vector<32xi8>
// CHECK: return
qc.kernel @concat(%x: tensor<8x64xui8>, %y: tensor<8x32xui8>) -> tensor<8x96xui8> attributes {family = "movement"} {
  %0 = qc.concat %x, %y {axis = 1 : i64} : (tensor<8x64xui8>, tensor<8x32xui8>) -> tensor<8x96xui8>
  qc.yield %0 : tensor<8x96xui8>
}

// CHECK-LABEL: func.func @transposed
// CHECK-COUNT-8: vector.load {{.*}} vector<8xf32>
// CHECK-COUNT-24: vector.shuffle {{.*}} vector<8xf32>, vector<8xf32>
// CHECK-NOT: vector.shuffle
// CHECK-COUNT-8: vector.store {{.*}} vector<8xf32>
// CHECK: return
qc.kernel @transposed(%x: tensor<8x32xf32>) -> tensor<32x8xf32> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 1, 0>} : (tensor<8x32xf32>) -> tensor<32x8xf32>
  qc.yield %0 : tensor<32x8xf32>
}

// Pixels of three bytes that are stored as four: the fourth is theirs too.
// CHECK-LABEL: func.func @pixels
// CHECK-COUNT-3: vector.load {{.*}} vector<8xi8>
// CHECK-COUNT-4: vector.store {{.*}} vector<8xi8>
// CHECK-NOT: vector.store
// CHECK: return
#pixels = #qc.layout<0:1:32, 1:1:4>
qc.kernel @pixels(%x: tensor<3x32xui8>) -> tensor<32x3xui8, #pixels> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 1, 0>} : (tensor<3x32xui8>) -> tensor<32x3xui8, #pixels>
  qc.yield %0 : tensor<32x3xui8, #pixels>
}

// Channels whose window lies inside the map are lanes, with a load for each
// channel of the window; those at the ends ask.
// CHECK-LABEL: func.func @response_norm
// CHECK: arith.cmpi ult
// CHECK: memref.store
// CHECK-COUNT-3: vector.load {{.*}} vector<8xf32>
// CHECK: math.powf {{.*}} vector<8xf32>
// CHECK-NEXT: arith.divf {{.*}} vector<8xf32>
// CHECK: vector.store {{.*}} vector<8xf32>
// CHECK: arith.cmpi ult
// CHECK: memref.store
// CHECK: return
#innermost = #qc.layout<0:1:1, 2:1:4, 1:1:32>
qc.kernel @response_norm(%x: tensor<1x32x4xf32, #innermost>) -> tensor<1x32x4xf32, #innermost> attributes {family = "reduction"} {
  %0 = qc.lrn %x {size = 3 : i64, alpha = 0.5 : f32, beta = 0.75 : f32, bias = 1.0 : f32} : (tensor<1x32x4xf32, #innermost>) -> tensor<1x32x4xf32, #innermost>
  qc.yield %0 : tensor<1x32x4xf32, #innermost>
}

// A sum along rows: partial sums in lanes, added at the end.
// CHECK-LABEL: func.func @sum
// CHECK: scf.for {{.*}} -> (vector<8xf32>
// CHECK: vector.shuffle {{.*}} : vector<8xf32>, vector<8xf32>
// CHECK: vector.shuffle {{.*}} : vector<4xf32>, vector<4xf32>
qc.kernel @sum(%x: tensor<4x64xf32>) -> tensor<4x1xf32> attributes {family = "reduction"} {
  %0 = qc.reduce sum %x {axes = array<i64: 1>} : (tensor<4x64xf32>) -> tensor<4x1xf32>
  qc.yield %0 : tensor<4x1xf32>
}

// No change: softmax has state, and four-bit results are written by the byte.
// CHECK: qc.kernel @softmax
qc.kernel @softmax(%x: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {family = "block"} {
  %0 = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<4x8xf32>) -> tensor<4x8xf32>
  qc.yield %0 : tensor<4x8xf32>
}

// Lanes along a dimension behind which lies padding are not contiguous.
// CHECK-LABEL: func.func @behind_padding
// CHECK-NOT: vector.load
// CHECK: return
qc.kernel @behind_padding(%x: tensor<16x1xui8, #qc.layout<0:1:16, 1:1:4>>, %s: tensor<f32>, %z: tensor<ui8>) -> tensor<16x1xf32> attributes {family = "elementwise"} {
  %0 = qc.dequantize %x, %s, %z {axis = 0 : i64} : (tensor<16x1xui8, #qc.layout<0:1:16, 1:1:4>>, tensor<f32>, tensor<ui8>) -> tensor<16x1xf32>
  qc.yield %0 : tensor<16x1xf32>
}
