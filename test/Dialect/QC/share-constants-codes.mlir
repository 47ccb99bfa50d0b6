// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --canonicalize --qc-normalize-qdq --qc-to-integer --qc-form-kernels=unpack=few-rows --qc-assign-layouts --qc-share-constants=min-bytes=1 %s | FileCheck %s

// Codes of 4 bits and their scales per block, which the product unpacks in registers, are looked up where
// it wants them.
// CHECK-DAG: %[[Q:.*]] = qc.constant {{.*}} : tensor<64x32xsi4, #qc.layout<1:16:2, 0:2:32, 1:1:16, 0:1:2>>
// CHECK-DAG: %[[S:.*]] = qc.constant {{.*}} : tensor<2x32xf32, #qc.layout<1:16:2, 0:1:2, 1:1:16>>
// CHECK-DAG: qc.transpose %[[Q]] {{.*}} -> tensor<32x64xsi4, #qc.layout<0:16:2, 1:2:32, 0:1:16, 1:1:2>>
// CHECK-DAG: qc.transpose %[[S]] {{.*}} -> tensor<32x2xf32, #qc.layout<0:16:2, 1:1:2, 0:1:16>>
// CHECK: qc.dispatch {{.*}}, %[[S]], %{{.*}}) : {{.*}} -> tensor<1x32xf32>
func.func @codes(%i: tensor<1xsi64>) -> tensor<1x32xf32> {
  %t = qc.constant dense<3> : tensor<32x64xsi4> : tensor<32x64xsi4>
  %w = qc.constant dense<3> : tensor<64x32xsi4> : tensor<64x32xsi4>
  %st = qc.constant dense<0.5> : tensor<32x2xf32> : tensor<32x2xf32>
  %sw = qc.constant dense<0.5> : tensor<2x32xf32> : tensor<2x32xf32>
  %zt = qc.constant dense<0> : tensor<32x2xsi4> : tensor<32x2xsi4>
  %zw = qc.constant dense<0> : tensor<2x32xsi4> : tensor<2x32xsi4>
  %dt = qc.dequantize %t, %st, %zt {axis = 1 : i64, blockSize = 32 : i64} : (tensor<32x64xsi4>, tensor<32x2xf32>, tensor<32x2xsi4>) -> tensor<32x64xf32>
  %dw = qc.dequantize %w, %sw, %zw {axis = 0 : i64, blockSize = 32 : i64} : (tensor<64x32xsi4>, tensor<2x32xf32>, tensor<2x32xsi4>) -> tensor<64x32xf32>
  %x = qc.gather %dt, %i {axis = 0 : i64} : (tensor<32x64xf32>, tensor<1xsi64>) -> tensor<1x64xf32>
  %n = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x64xf32>) -> tensor<1x64xf32>
  %y = qc.matmul %n, %dw : (tensor<1x64xf32>, tensor<64x32xf32>) -> tensor<1x32xf32>
  return %y : tensor<1x32xf32>
}
