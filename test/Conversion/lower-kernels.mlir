// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-lower-kernels %s | FileCheck %s
// RUN: qc-opt --qc-lower-kernels="lanes=8 inner-loop=true" %s | FileCheck %s --check-prefix=LANES
// RUN: qc-opt --pass-pipeline='builtin.module(qc-lower-kernels,func.func(qc-parallel-to-range))' %s | FileCheck %s --check-prefix=RANGE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-lower-kernels,func.func(qc-fuse-rounding))' %s | FileCheck %s --check-prefix=ROUND

// CHECK: func.func @codes(%arg0: memref<32xf32>, %arg1: memref<1xi8>, %arg2: memref<32xi8>)
// CHECK: scf.parallel (%{{.*}}, %{{.*}}) =
// CHECK: math.roundeven {{.*}} : f32
// CHECK: memref.store {{.*}} : memref<32xi8>
// LANES: vector.load {{.*}} : memref<32xf32>, vector<8xf32>
// LANES: vector.store {{.*}} : memref<32xi8>, vector<8xi8>
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
