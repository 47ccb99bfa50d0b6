// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --qc-plan-memory --split-input-file --verify-diagnostics %s | FileCheck %s

// The first value's bytes are used again by the third; the last is written to the output.
// CHECK: qc.program @chain attributes {arena_lower_bound = 8192 : i64, arena_size = 8192 : i64
// CHECK: qc.launch @{{.*}} [#qc.buffer<input, 0, 0, 4096>, #qc.buffer<arena, 0, [[A:.*]], 4096>]
// CHECK: qc.launch @{{.*}} [#qc.buffer<arena, 0, [[A]], 4096>, #qc.buffer<arena, 0, [[B:.*]], 4096>]
// CHECK: qc.launch @{{.*}} [#qc.buffer<arena, 0, [[B]], 4096>, #qc.buffer<arena, 0, [[A]], 4096>]
// CHECK: qc.launch @{{.*}} [#qc.buffer<arena, 0, [[A]], 4096>, #qc.buffer<output, 0, 0, 4096>]
func.func @chain(%x: tensor<1x1024xf32> {qc.name = "x"}) -> (tensor<1x1024xf32> {qc.name = "y"}) {
  %0 = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x1024xf32>) -> tensor<1x1024xf32>
  %1 = qc.softmax %0 {axis = 1 : i64, logarithm = false} : (tensor<1x1024xf32>) -> tensor<1x1024xf32>
  %2 = qc.softmax %1 {axis = 1 : i64, logarithm = false} : (tensor<1x1024xf32>) -> tensor<1x1024xf32>
  %3 = qc.softmax %2 {axis = 1 : i64, logarithm = false} : (tensor<1x1024xf32>) -> tensor<1x1024xf32>
  return %3 : tensor<1x1024xf32>
}

// -----

// An input that is returned is copied; constants become data.
// CHECK: qc.program @returned
// CHECK: qc.launch @copy [#qc.buffer<input, 0, 0, 8>, #qc.buffer<output, 0, 0, 8>]
// CHECK: qc.launch @{{.*}} [#qc.buffer<weights, 0, 0, 8>, #qc.buffer<output, 1, 0, 8>]
// CHECK: qc.data @data_0 at 0
func.func @returned(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
  %c = qc.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  return %x, %c : tensor<2xf32>, tensor<2xf32>
}

// -----

func.func @refused(%x: tensor<2xf32>, %c: i1) -> tensor<2xf32> {
  cf.cond_br %c, ^a, ^a
^a:
  return %x : tensor<2xf32>
}
// expected-error @-5 {{has control flow}}
