// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-lower-kernels %s | FileCheck %s
// RUN: qc-opt --qc-lower-kernels="row-lanes=8" %s | FileCheck %s --check-prefix=LANES
// RUN: qc-opt --pass-pipeline='builtin.module(qc-lower-kernels,func.func(qc-parallel-to-range))' %s | FileCheck %s --check-prefix=RANGE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-lower-kernels,func.func(qc-fuse-rounding))' %s | FileCheck %s --check-prefix=ROUND

// CHECK: func.func @codes(%arg0: memref<32xf32>, %arg1: memref<1xi8>, %arg2: memref<32xi8>)
// CHECK: scf.parallel (%{{.*}}, %{{.*}}) =
// CHECK: math.roundeven {{.*}} : f32
// CHECK: memref.store {{.*}} : memref<32xi8>
// RANGE: func.func @codes({{.*}}, %[[BEGIN:.*]]: index, %[[END:.*]]: index) attributes {{.*}}qc.extent = 32 : i64
// RANGE: scf.for %{{.*}} = %[[BEGIN]] to %[[END]]
// ROUND-NOT: math.roundeven
// ROUND: llvm.intr.lrint
qc.kernel @codes(%x: tensor<4x8xf32>, %z: tensor<ui8>) -> tensor<4x8xui8> attributes {family = "elementwise"} {
  %0 = qc.round_saturate %x, %z : (tensor<4x8xf32>, tensor<ui8>) -> tensor<4x8xui8>
  qc.yield %0 : tensor<4x8xui8>
}

// No change: a function that is no kernel.
// CHECK: func.func @other
// RANGE: func.func @other(%arg0: f32) -> f32
func.func @other(%x: f32) -> f32 {
  return %x : f32
}

// Rows in lanes: the largest element and the sum at the end of each loop.
// CHECK-LABEL: func.func @softmax
// CHECK-NOT: vector<
// LANES-LABEL: func.func @softmax
// LANES: arith.maximumf {{.*}} : vector<8xf32>
// LANES: math.exp {{.*}} : vector<8xf32>
// LANES: math.exp {{.*}} : vector<4xf32>
// LANES: vector.store {{.*}} : memref<80xf32>, vector<8xf32>
qc.kernel @softmax(%x: tensor<4x20xf32>) -> tensor<4x20xf32> attributes {family = "block"} {
  %0 = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<4x20xf32>) -> tensor<4x20xf32>
  qc.yield %0 : tensor<4x20xf32>
}

// What a report says of a kernel: attributes without influence on the code.
// CHECK: func.func @described
// CHECK-SAME: qc.mac_type = ui8, qc.macs = 3456 : i64
// CHECK-SAME: qc.shape = "conv 1x6x8x8xui8, 4x3x3x3xsi8 strides 2x2 groups 2 -> 1x4x4x8xsi32 + 1 op"
qc.kernel @described(%x: tensor<1x6x8x8xui8>, %w: tensor<4x3x3x3xsi8>, %s: tensor<f32>, %z: tensor<si32>) -> tensor<1x4x4x8xf32> attributes {family = "contraction"} {
  %0 = qc.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 5, 1, 4>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x6x8x8xui8>, tensor<4x3x3x3xsi8>) -> tensor<1x4x4x8xsi32>
  %1 = qc.rescale %0, %s, %z {axis = 0 : i64} : (tensor<1x4x4x8xsi32>, tensor<f32>, tensor<si32>) -> tensor<1x4x4x8xf32>
  qc.yield %1 : tensor<1x4x4x8xf32>
}
