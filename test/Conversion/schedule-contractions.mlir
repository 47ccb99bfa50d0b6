// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-contractions %s | FileCheck %s
// RUN: qc-opt --qc-schedule-contractions="dot=dot-product" %s | FileCheck %s --check-prefix=DOT

// Six rows of sixteen channels: twelve accumulators, one step of k is twelve FMAs.
// CHECK-LABEL: func.func @floats
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-12: math.fma
// CHECK-NOT: math.fma
// CHECK: return
qc.kernel @floats(%a: tensor<6x32xf32>, %b: tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<6x32xf32>, tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32>
  qc.yield %0 : tensor<6x16xf32>
}

// CHECK-LABEL: func.func @integers
// CHECK: llvm.x86.avx2.pmadd.wd
// DOT-LABEL: func.func @integers
// DOT: llvm.x86.avx512.vpdpbusd.256
qc.kernel @integers(%a: tensor<2x32xui8>, %b: tensor<32x16xsi8, #qc.layout<1:16:1, 0:4:8, 1:1:16, 0:1:4>>) -> tensor<2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<2x32xui8>, tensor<32x16xsi8, #qc.layout<1:16:1, 0:4:8, 1:1:16, 0:1:4>>) -> tensor<2x16xsi32>
  qc.yield %0 : tensor<2x16xsi32>
}

// No change: weights that are not packed by four stay for the general loops.
// CHECK: qc.kernel @unpacked
qc.kernel @unpacked(%a: tensor<2x32xui8>, %b: tensor<32x16xsi8>) -> tensor<2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<2x32xui8>, tensor<32x16xsi8>) -> tensor<2x16xsi32>
  qc.yield %0 : tensor<2x16xsi32>
}
