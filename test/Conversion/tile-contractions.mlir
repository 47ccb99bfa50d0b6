// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-tile-contractions="threads=4" %s | FileCheck %s
// RUN: qc-opt --qc-tile-contractions="threads=16" %s | FileCheck %s --check-prefix=SPLIT
// RUN: not qc-opt --qc-tile-contractions="threads=0" %s 2>&1 | FileCheck %s --check-prefix=BAD
// BAD: error: threads=0; accepted are numbers from 1

// Four threads with six rows of four channels each; the reduction in groups of
// four steps, which are one load of inputs.
// CHECK-LABEL: func.func @floats
// CHECK-SAME: qc.alignments = array<i64: 16, 16, 1>
// CHECK: scf.parallel
// CHECK-NOT: scf.parallel
// CHECK: scf.for
// CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<192xf32>, vector<4xf32>
// CHECK-COUNT-96: math.fma
// CHECK-NOT: math.fma
// CHECK-COUNT-24: memref.store
// CHECK-NOT: memref.store
// CHECK: return

// Four threads share each of these tiles: 24 sums become 8 of 32, the last 8 of
// which nobody stores.
// SPLIT-LABEL: func.func @floats
// SPLIT-COUNT-96: math.fma
// SPLIT-COUNT-24: nvvm.shfl.sync bfly
// SPLIT-NOT: nvvm.shfl.sync
// SPLIT-COUNT-8: memref.store
// SPLIT-NOT: memref.store
// SPLIT: return
qc.kernel @floats(%a: tensor<6x32xf32>, %b: tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<6x32xf32>, tensor<32x16xf32, #qc.layout<1:16:1, 0:1:32, 1:1:16>>) -> tensor<6x16xf32>
  qc.yield %0 : tensor<6x16xf32>
}

// Two threads share a tile of two rows, which leaves each two groups of four
// steps; each ends with the totals of one row.
// CHECK-LABEL: func.func @integers
// CHECK-NOT: nvvm.shfl.sync
// SPLIT-LABEL: func.func @integers
// SPLIT-COUNT-32: llvm.call_intrinsic "llvm.nvvm.idp4a.u.s"
// SPLIT-NOT: llvm.nvvm.idp4a
// SPLIT-COUNT-4: nvvm.shfl.sync bfly
// SPLIT-NOT: nvvm.shfl.sync
// SPLIT-COUNT-4: memref.store
// SPLIT-NOT: memref.store
// SPLIT: return
qc.kernel @integers(%a: tensor<4x64xui8>, %b: tensor<64x16xsi8, #qc.layout<1:16:1, 0:4:16, 1:1:16, 0:1:4>>) -> tensor<4x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<4x64xui8>, tensor<64x16xsi8, #qc.layout<1:16:1, 0:4:16, 1:1:16, 0:1:4>>) -> tensor<4x16xsi32>
  qc.yield %0 : tensor<4x16xsi32>
}

// No change: weights that are not packed by four stay for the general loops.
// CHECK: qc.kernel @unpacked
qc.kernel @unpacked(%a: tensor<2x32xui8>, %b: tensor<32x16xsi8>) -> tensor<2x16xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %a, %b : (tensor<2x32xui8>, tensor<32x16xsi8>) -> tensor<2x16xsi32>
  qc.yield %0 : tensor<2x16xsi32>
}
