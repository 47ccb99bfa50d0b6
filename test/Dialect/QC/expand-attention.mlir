// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RUN: qc-opt %s --pass-pipeline='builtin.module(func.func(qc-expand-attention))' | FileCheck %s

// Two heads of queries share one of keys: four rows of one product.
// CHECK-LABEL: @causal
// CHECK:       %[[Q:.*]] = qc.mul %arg0, {{.*}} -> tensor<1x2x2x4xf32>
// CHECK:       %[[T:.*]] = qc.transpose {{.*}} -> tensor<1x1x4x3xf32>
// CHECK:       %[[R:.*]] = qc.reshape %[[Q]] {{.*}} -> tensor<1x1x4x4xf32>
// CHECK:       qc.matmul %[[R]], %[[T]] {{.*}} -> tensor<1x1x4x3xf32>
// CHECK:       %[[MASK:.*]] = qc.constant dense<{{\[\[true, false, false\], \[true, true, false\]\]}}> : tensor<2x3xi1>
// CHECK:       qc.where %[[MASK]], {{.*}} -> tensor<1x2x2x3xf32>
// CHECK:       qc.softmax
// CHECK-NOT:   qc.where
// CHECK:       qc.matmul {{.*}} -> tensor<1x1x4x5xf32>
// CHECK-NOT:   qc.attention
func.func @causal(%q: tensor<1x2x2x4xf32>, %k: tensor<1x1x3x4xf32>, %v: tensor<1x1x3x5xf32>) -> tensor<1x2x2x5xf32> {
  %y = qc.attention %q, %k, %v {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = true, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 0 : i32} : (tensor<1x2x2x4xf32>, tensor<1x1x3x4xf32>, tensor<1x1x3x5xf32>) -> tensor<1x2x2x5xf32>
  return %y : tensor<1x2x2x5xf32>
}

// A run-time mask may hide all keys of a query; the scores are a result.
// CHECK-LABEL: @biased
// CHECK:       %[[SUM:.*]] = qc.add
// CHECK:       %[[SCORE:.*]] = qc.where %{{.*}}, %{{.*}}, %[[SUM]]
// CHECK:       qc.reduce max
// CHECK:       %[[SOFT:.*]] = qc.softmax %[[SCORE]]
// CHECK:       qc.where {{.*}}, %[[SOFT]]
// CHECK:       %[[Y:.*]] = qc.matmul
// CHECK:       return %{{.*}}, %[[SCORE]]
func.func @biased(%q: tensor<1x1x2x4xf32>, %k: tensor<1x1x3x4xf32>, %m: tensor<2x3xf32>) -> (tensor<1x1x2x4xf32>, tensor<1x1x2x3xf32>) {
  %y:2 = qc.attention %q, %k, %k, %m {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 3 : i32} : (tensor<1x1x2x4xf32>, tensor<1x1x3x4xf32>, tensor<1x1x3x4xf32>, tensor<2x3xf32>) -> (tensor<1x1x2x4xf32>, tensor<1x1x2x3xf32>)
  return %y#0, %y#1 : tensor<1x1x2x4xf32>, tensor<1x1x2x3xf32>
}

// No change: steps round to f16; lengths hide keys at run time.
// CHECK-LABEL: @narrow
// CHECK:       qc.attention
// CHECK-NEXT:  return
func.func @narrow(%q: tensor<1x1x2x4xf16>) -> tensor<1x1x2x4xf16> {
  %y = qc.attention %q, %q, %q {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f16, scores = 0 : i32} : (tensor<1x1x2x4xf16>, tensor<1x1x2x4xf16>, tensor<1x1x2x4xf16>) -> tensor<1x1x2x4xf16>
  return %y : tensor<1x1x2x4xf16>
}

// CHECK-LABEL: @lengths
// CHECK:       qc.attention
// CHECK-NEXT:  return
func.func @lengths(%q: tensor<1x1x2x4xf32>, %n: tensor<1xsi64>) -> tensor<1x1x2x4xf32> {
  %y = qc.attention %q, %q, %q, %n {operandSegmentSizes = array<i32: 1, 1, 1, 0, 1>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 0 : i32} : (tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>, tensor<1x1x2x4xf32>, tensor<1xsi64>) -> tensor<1x1x2x4xf32>
  return %y : tensor<1x1x2x4xf32>
}
