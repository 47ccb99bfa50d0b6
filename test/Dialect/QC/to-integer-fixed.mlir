// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq --qc-to-integer --canonicalize --cse | FileCheck %s
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq --qc-to-integer --remarks-filter-missed=qc-to-integer --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK

// s_x s_w / s_y is 1/16 and 3/64: 2^30 2^-34 and 3 2^29 2^-35. The clamp acts on the codes.
// CHECK-LABEL: @conv
// CHECK-DAG: %[[M:.*]] = qc.constant dense<[1073741824, 1610612736]> : tensor<2xsi32>
// CHECK-DAG: %[[K:.*]] = qc.constant dense<[34, 35]> : tensor<2xsi32>
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<5> : tensor<ui8>
// CHECK: %[[A:.*]] = qc.conv
// CHECK: %[[R:.*]] = qc.requantize_fixed %[[A]], %[[M]], %[[K]], %[[Z]] {axis = 1 : i64}
// CHECK: qc.max %[[R]]
module attributes {qc.requantize = "fixed"} {
  func.func @conv(%xq: tensor<1x1x4x4xui8>) -> tensor<1x2x4x4xui8> {
    %sx = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
    %zx = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
    %sw = qc.constant dense<[0.25, 0.1875]> : tensor<2xf32> : tensor<2xf32>
    %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
    %sy = qc.constant dense<2.0> : tensor<f32> : tensor<f32>
    %zy = qc.constant dense<5> : tensor<ui8> : tensor<ui8>
    %wq = qc.constant dense<[[[[1]]],[[[2]]]]> : tensor<2x1x1x1xsi8> : tensor<2x1x1x1xsi8>
    %x = qc.dequantize %xq, %sx, %zx {axis = 0 : i64} : (tensor<1x1x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x4x4xf32>
    %w = qc.dequantize %wq, %sw, %zw {axis = 0 : i64} : (tensor<2x1x1x1xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x1x1x1xf32>
    %c = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
    %r = qc.relu %c : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
    %q = qc.quantize %r, %sy, %zy {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8>
    return %q : tensor<1x2x4x4xui8>
  }
}

// -----

// 0.5 / (0.125 * 16) = 1/4.
// CHECK-LABEL: @mean
// CHECK-DAG: %[[M:.*]] = qc.constant dense<1073741824> : tensor<si32>
// CHECK-DAG: %[[K:.*]] = qc.constant dense<32> : tensor<si32>
// CHECK: qc.requantize_fixed %{{.*}}, %[[M]], %[[K]]
module attributes {qc.requantize = "fixed"} {
  func.func @mean(%xq: tensor<1x2x4x4xsi8>) -> tensor<1x2x1x1xsi8> {
    %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
    %t = qc.constant dense<0.125> : tensor<f32> : tensor<f32>
    %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
    %x = qc.dequantize %xq, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2x4x4xf32>
    %m = qc.reduce mean %x {axes = array<i64: 2, 3>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x1x1xf32>
    %q = qc.quantize %m, %t, %z {axis = 0 : i64} : (tensor<1x2x1x1xf32>, tensor<f32>, tensor<si8>) -> tensor<1x2x1x1xsi8>
    return %q : tensor<1x2x1x1xsi8>
  }
}

// -----

// Factors that no M in [2^30, 2^31) with k in [0, 62] holds: 2^-33 rounds every
// product to 0, 2^31 saturates whatever is not 0; 2^30 is M = 2^30, k = 0.
// CHECK-LABEL: @range
// CHECK-DAG: dense<[0, 2147483647, 1073741824]> : tensor<3xsi32>
// CHECK-DAG: dense<0> : tensor<3xsi32>
// CHECK: qc.requantize_fixed
module attributes {qc.requantize = "fixed"} {
  func.func @range(%a: tensor<1x2xsi8>) -> tensor<1x3xsi8> {
    %s = qc.constant dense<1.0> : tensor<f32> : tensor<f32>
    %sw = qc.constant dense<[1.164153218e-10, 2147483648.0, 1073741824.0]> : tensor<3xf32> : tensor<3xf32>
    %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
    %zw = qc.constant dense<0> : tensor<3xsi8> : tensor<3xsi8>
    %b = qc.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xsi8> : tensor<2x3xsi8>
    %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2xf32>
    %w = qc.dequantize %b, %sw, %zw {axis = 1 : i64} : (tensor<2x3xsi8>, tensor<3xf32>, tensor<3xsi8>) -> tensor<2x3xf32>
    %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
    %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x3xf32>, tensor<f32>, tensor<si8>) -> tensor<1x3xsi8>
    return %q : tensor<1x3xsi8>
  }
}

// -----

// Sums of 64 bits keep the float form, and a remark says so.
// REMARK: FloatRequantize {{.*}}Function=long {{.*}}requantized with floats: accumulators of 64 bits have no fixed form
// REMARK-NOT: FloatRequantize
// CHECK-LABEL: @long
// CHECK: qc.matmul {{.*}}accumulator = si64{{.*}} -> tensor<1x1xsi64>
// CHECK: qc.requantize %
module attributes {qc.requantize = "fixed"} {
  func.func @long(%a: tensor<1x40000xui8>, %b: tensor<40000x1xui8>) -> tensor<1x1xui8> {
    %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
    %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
    %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x40000xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x40000xf32>
    %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<40000x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<40000x1xf32>
    %y = qc.matmul %x, %w : (tensor<1x40000xf32>, tensor<40000x1xf32>) -> tensor<1x1xf32>
    %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x1xui8>
    return %q : tensor<1x1xui8>
  }
}

// -----

// A chain of several operands is computed in units of the output with floats in both modes.
// CHECK-LABEL: @chain
// CHECK: qc.round_saturate
module attributes {qc.requantize = "fixed"} {
  func.func @chain(%a: tensor<4xsi8>, %b: tensor<4xsi8>) -> tensor<4xsi8> {
    %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
    %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
    %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
    %y = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
    %c = qc.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %q = qc.quantize %c, %s, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<si8>) -> tensor<4xsi8>
    return %q : tensor<4xsi8>
  }
}

// -----

// No change: without the attribute the factor is a float.
// CHECK-LABEL: @float
// CHECK: qc.requantize %
func.func @float(%a: tensor<1x2xsi8>, %b: tensor<2x1xsi8>) -> tensor<1x1xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<2x1xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<si8>) -> tensor<1x1xsi8>
  return %q : tensor<1x1xsi8>
}
