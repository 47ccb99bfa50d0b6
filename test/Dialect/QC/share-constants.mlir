// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts --qc-share-constants=min-bytes=1 --split-input-file %s | FileCheck %s
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts --qc-share-constants --split-input-file %s | FileCheck %s --check-prefix=SMALL
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts --qc-share-constants=min-bytes=1 --qc-plan-memory --split-input-file %s | FileCheck %s --check-prefix=PROGRAM

// SMALL-NOT: qc.transpose

// The classifier is the transpose of the embedding: its rows are looked up where the packed columns lie.
// CHECK-LABEL: @tied
// CHECK-DAG: %[[W:.*]] = qc.constant dense<{{.*}}> : tensor<2x8xf32> : tensor<2x8xf32, #qc.layout<1:16:1, 0:1:2, 1:1:16>>
// CHECK: %[[T:.*]] = qc.transpose %[[W]] {permutation = array<i64: 1, 0>} : (tensor<2x8xf32, #qc.layout<1:16:1, 0:1:2, 1:1:16>>) -> tensor<8x2xf32, #qc.layout<0:16:1, 1:1:2, 0:1:16>>
// CHECK-NOT: qc.constant
// CHECK: qc.dispatch @[[GATHER:.*]](%[[T]], %{{.*}}) : (tensor<8x2xf32, #qc.layout<0:16:1, 1:1:2, 0:1:16>>, tensor<1xsi64>)
// CHECK: qc.dispatch {{.*}}, %[[W]])
// CHECK: qc.kernel @[[GATHER]](%{{.*}}: tensor<8x2xf32, #qc.layout<0:16:1, 1:1:2, 0:1:16>>, %{{.*}}: tensor<1xsi64>)

// Launches read one constant.
// PROGRAM-LABEL: qc.program @tied
// PROGRAM: qc.launch {{.*}}[#qc.buffer<weights, 0, 0, 128>, #qc.buffer<input, 0, 0, 8>
// PROGRAM: qc.launch {{.*}}#qc.buffer<weights, 0, 0, 128>, #qc.buffer<output, 0, 0, 32>]
// PROGRAM: qc.data @data_0
// PROGRAM-NOT: qc.data
func.func @tied(%i: tensor<1xsi64>) -> tensor<1x8xf32> {
  %t = qc.constant dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [10.0, 11.0], [12.0, 13.0], [14.0, 15.0]]> : tensor<8x2xf32> : tensor<8x2xf32>
  %w = qc.constant dense<[[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0], [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]]> : tensor<2x8xf32> : tensor<2x8xf32>
  %x = qc.gather %t, %i {axis = 0 : i64} : (tensor<8x2xf32>, tensor<1xsi64>) -> tensor<1x2xf32>
  %s = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = qc.matmul %s, %w : (tensor<1x2xf32>, tensor<2x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// -----

// No change: one element differs.
// CHECK-LABEL: @other
// CHECK-NOT: qc.transpose
// PROGRAM-LABEL: qc.program @other
// PROGRAM: qc.data @data_0
// PROGRAM: qc.data @data_1
func.func @other(%i: tensor<1xsi64>) -> tensor<1x8xf32> {
  %t = qc.constant dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [10.0, 11.0], [12.0, 13.0], [14.0, 16.0]]> : tensor<8x2xf32> : tensor<8x2xf32>
  %w = qc.constant dense<[[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0], [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]]> : tensor<2x8xf32> : tensor<2x8xf32>
  %x = qc.gather %t, %i {axis = 0 : i64} : (tensor<8x2xf32>, tensor<1xsi64>) -> tensor<1x2xf32>
  %s = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x2xf32>) -> tensor<1x2xf32>
  %y = qc.matmul %s, %w : (tensor<1x2xf32>, tensor<2x8xf32>) -> tensor<1x8xf32>
  return %y : tensor<1x8xf32>
}

// -----

// No change: more is looked up than an eighth of the table, so where elements lie matters.
// CHECK-LABEL: @many
// CHECK-NOT: qc.transpose
func.func @many(%i: tensor<4xsi64>) -> tensor<4x8xf32> {
  %t = qc.constant dense<[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0], [6.0, 7.0], [8.0, 9.0], [10.0, 11.0], [12.0, 13.0], [14.0, 15.0]]> : tensor<8x2xf32> : tensor<8x2xf32>
  %w = qc.constant dense<[[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0], [1.0, 3.0, 5.0, 7.0, 9.0, 11.0, 13.0, 15.0]]> : tensor<2x8xf32> : tensor<2x8xf32>
  %x = qc.gather %t, %i {axis = 0 : i64} : (tensor<8x2xf32>, tensor<4xsi64>) -> tensor<4x2xf32>
  %s = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<4x2xf32>) -> tensor<4x2xf32>
  %y = qc.matmul %s, %w : (tensor<4x2xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}
