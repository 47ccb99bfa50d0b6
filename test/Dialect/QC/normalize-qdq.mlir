// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq | FileCheck %s

// Weights as a quantize of a float constant become codes (0.125 / 0.01 is a tie:
// half to even), transposed.
// CHECK-LABEL: @weights_behind_quantize
// CHECK: %[[W:.*]] = qc.constant dense<{{\[}}[127, 12], [-127, 0]]> : tensor<2x2xsi8> : tensor<2x2xsi8>
// CHECK: qc.dequantize %[[W]]
// CHECK-NOT: qc.quantize
func.func @weights_behind_quantize() -> tensor<2x2xf32> {
  %w = qc.constant dense<[[1.27, -1.27], [0.125, 0.004]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %s = qc.constant dense<0.01> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %q = qc.quantize %w, %s, %z {axis = 0 : i64} : (tensor<2x2xf32>, tensor<f32>, tensor<si8>) -> tensor<2x2xsi8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %t = qc.transpose %d {permutation = array<i64: 1, 0>} : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %t : tensor<2x2xf32>
}

// -----

// Per-axis parameters follow a transpose.
// CHECK-LABEL: @axis_follows_transpose
// CHECK: qc.constant dense<{{\[}}[1, 3, 5], [2, 4, 6]]> : tensor<2x3xsi8>
// CHECK: qc.dequantize {{.*}} {axis = 1 : i64
func.func @axis_follows_transpose() -> tensor<2x3xf32> {
  %q = qc.constant dense<[[1, 2], [3, 4], [5, 6]]> : tensor<3x2xsi8> : tensor<3x2xsi8>
  %s = qc.constant dense<[0.5, 0.25, 0.125]> : tensor<3xf32> : tensor<3xf32>
  %z = qc.constant dense<0> : tensor<3xsi8> : tensor<3xsi8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<3x2xsi8>, tensor<3xf32>, tensor<3xsi8>) -> tensor<3x2xf32>
  %t = qc.transpose %d {permutation = array<i64: 1, 0>} : (tensor<3x2xf32>) -> tensor<2x3xf32>
  return %t : tensor<2x3xf32>
}

// -----

// uint8 weights around 128 become int8 around 0.
// CHECK-LABEL: @unsigned_weights
// CHECK-DAG: %[[W:.*]] = qc.constant dense<[-128, 127, 0]> : tensor<3xsi8> : tensor<3xsi8>
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<0> : tensor<si8> : tensor<si8>
// CHECK: qc.dequantize %[[W]], %{{.*}}, %[[Z]]
func.func @unsigned_weights() -> tensor<3xf32> {
  %q = qc.constant dense<[0, 255, 128]> : tensor<3xui8> : tensor<3xui8>
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<3xui8>, tensor<f32>, tensor<ui8>) -> tensor<3xf32>
  return %d : tensor<3xf32>
}

// -----

// They stay when a centered code does not fit.
// CHECK-LABEL: @unsigned_weights_too_wide
// CHECK: qc.constant dense<[0, 255, 128]> : tensor<3xui8>
func.func @unsigned_weights_too_wide() -> tensor<3xf32> {
  %q = qc.constant dense<[0, 255, 128]> : tensor<3xui8> : tensor<3xui8>
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<100> : tensor<ui8> : tensor<ui8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<3xui8>, tensor<f32>, tensor<ui8>) -> tensor<3xf32>
  return %d : tensor<3xf32>
}

// -----

// Pairs around a pool and a reshape go away; parameters of shape [1] and of
// shape [] are the same.
// CHECK-LABEL: @pool_and_reshape
// CHECK-SAME: (%[[Q:.*]]: tensor<1x2x4x4xui8>)
// CHECK-NEXT: %[[P:.*]] = qc.max_pool %[[Q]] {{.*}} -> tensor<1x2x2x2xui8>
// CHECK-NEXT: %[[R:.*]] = qc.reshape %[[P]] {{.*}} -> tensor<1x8xui8>
// CHECK-NEXT: return %[[R]]
func.func @pool_and_reshape(%q: tensor<1x2x4x4xui8>) -> tensor<1x8xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %s1 = qc.constant dense<0.5> : tensor<1xf32> : tensor<1xf32>
  %z1 = qc.constant dense<3> : tensor<1xui8> : tensor<1xui8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %p = qc.max_pool %d {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32>
  %pq = qc.quantize %p, %s1, %z1 {axis = 1 : i64} : (tensor<1x2x2x2xf32>, tensor<1xf32>, tensor<1xui8>) -> tensor<1x2x2x2xui8>
  %pd = qc.dequantize %pq, %s, %z {axis = 0 : i64} : (tensor<1x2x2x2xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x2x2xf32>
  %r = qc.reshape %pd {shape = array<i64: 1, 8>} : (tensor<1x2x2x2xf32>) -> tensor<1x8xf32>
  %rq = qc.quantize %r, %s, %z {axis = 0 : i64} : (tensor<1x8xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x8xui8>
  return %rq : tensor<1x8xui8>
}

// -----

// Resampling to the nearest picks elements, whichever they are.
// CHECK-LABEL: @nearest
// CHECK-SAME: (%[[Q:.*]]: tensor<1x2x4x4xui8>)
// CHECK-NEXT: %[[R:.*]] = qc.resize %[[Q]] {{.*}} -> tensor<1x2x8x6xui8>
// CHECK-NEXT: return %[[R]]
func.func @nearest(%q: tensor<1x2x4x4xui8>) -> tensor<1x2x8x6xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %r = qc.resize %d {antialias = false, coordinates = 4 : i32, cubicCoefficient = -7.5e-01 : f32, excludeOutside = false, extrapolation = 0.0 : f32, mode = 0 : i32, nearest = 2 : i32, operandSegmentSizes = array<i32: 1, 0, 0>, scales = array<f32: 1.0, 1.0, 2.0, 1.5>, shape = array<i64: 1, 2, 8, 6>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  %rq = qc.quantize %r, %s, %z {axis = 0 : i64} : (tensor<1x2x8x6xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x8x6xui8>
  return %rq : tensor<1x2x8x6xui8>
}

// -----

// Weighted neighbours, and values from outside of the tensor, are no codes.
// CHECK-LABEL: @weighted
// CHECK-COUNT-2: qc.resize %{{.*}} -> tensor<1x2x8x6xf32>
func.func @weighted(%q: tensor<1x2x4x4xui8>) -> (tensor<1x2x8x6xui8>, tensor<1x2x8x6xui8>) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %roi = qc.constant dense<[0.0, 0.0, -0.5, 0.0, 1.0, 1.0, 1.0, 1.0]> : tensor<8xf32> : tensor<8xf32>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32>
  %l = qc.resize %d {antialias = false, coordinates = 4 : i32, cubicCoefficient = -7.5e-01 : f32, excludeOutside = false, extrapolation = 0.0 : f32, mode = 1 : i32, nearest = 2 : i32, operandSegmentSizes = array<i32: 1, 0, 0>, scales = array<f32: 1.0, 1.0, 2.0, 1.5>, shape = array<i64: 1, 2, 8, 6>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x8x6xf32>
  %c = qc.resize %d, %roi {antialias = false, coordinates = 5 : i32, cubicCoefficient = -7.5e-01 : f32, excludeOutside = false, extrapolation = 0.0 : f32, mode = 0 : i32, nearest = 2 : i32, operandSegmentSizes = array<i32: 1, 0, 1>, scales = array<f32: 1.0, 1.0, 2.0, 1.5>, shape = array<i64: 1, 2, 8, 6>} : (tensor<1x2x4x4xf32>, tensor<8xf32>) -> tensor<1x2x8x6xf32>
  %lq = qc.quantize %l, %s, %z {axis = 0 : i64} : (tensor<1x2x8x6xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x8x6xui8>
  %cq = qc.quantize %c, %s, %z {axis = 0 : i64} : (tensor<1x2x8x6xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x8x6xui8>
  return %lq, %cq : tensor<1x2x8x6xui8>, tensor<1x2x8x6xui8>
}

// -----

// Duplicates per consumer are merged, and the quantize rises above the reshape.
// CHECK-LABEL: @duplicates
// CHECK: %[[Q:.*]] = qc.quantize %{{.*}} -> tensor<2x4xsi8>
// CHECK-NOT: qc.quantize
// CHECK: %[[R:.*]] = qc.reshape %[[Q]]
// CHECK: return %[[R]], %[[R]]
func.func @duplicates(%x: tensor<2x4xf32>) -> (tensor<8xsi8>, tensor<8xsi8>) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<si8> : tensor<si8>
  %s1 = qc.constant dense<0.5> : tensor<1xf32> : tensor<1xf32>
  %z1 = qc.constant dense<3> : tensor<1xsi8> : tensor<1xsi8>
  %r = qc.reshape %x {shape = array<i64: 8>} : (tensor<2x4xf32>) -> tensor<8xf32>
  %a = qc.quantize %r, %s, %z {axis = 0 : i64} : (tensor<8xf32>, tensor<f32>, tensor<si8>) -> tensor<8xsi8>
  %b = qc.quantize %r, %s1, %z1 {axis = 0 : i64} : (tensor<8xf32>, tensor<1xf32>, tensor<1xsi8>) -> tensor<8xsi8>
  return %a, %b : tensor<8xsi8>, tensor<8xsi8>
}

// -----

// Concatenation of codes with different parameters: each operand is quantized.
// CHECK-LABEL: @concat
// CHECK-COUNT-2: qc.quantize
// CHECK: qc.concat {{.*}} -> tensor<4xui8>
func.func @concat(%a: tensor<2xui8>, %b: tensor<2xui8>) -> tensor<4xui8> {
  %sa = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %sb = qc.constant dense<0.25> : tensor<f32> : tensor<f32>
  %sy = qc.constant dense<0.75> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %da = qc.dequantize %a, %sa, %z {axis = 0 : i64} : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %db = qc.dequantize %b, %sb, %z {axis = 0 : i64} : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %c = qc.concat %da, %db {axis = 0 : i64} : (tensor<2xf32>, tensor<2xf32>) -> tensor<4xf32>
  %q = qc.quantize %c, %sy, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// -----

// Padding with a number that has a code pads the codes.
// CHECK-LABEL: @pad
// CHECK-SAME: (%[[Q:.*]]: tensor<2xui8>)
// CHECK: %[[V:.*]] = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
// CHECK: %[[P:.*]] = qc.pad %[[Q]], %[[V]]
// CHECK: return %[[P]]
func.func @pad(%a: tensor<2xui8>) -> tensor<4xui8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %v = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %d = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<2xui8>, tensor<f32>, tensor<ui8>) -> tensor<2xf32>
  %p = qc.pad %d, %v {pads = array<i64: 1, 1>} : (tensor<2xf32>, tensor<f32>) -> tensor<4xf32>
  %q = qc.quantize %p, %s, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<ui8>) -> tensor<4xui8>
  return %q : tensor<4xui8>
}

// -----

// Clamps act on codes: relu's bound is the zero point, clip's lower bound is
// beyond the codes and its upper one has a code.
// CHECK-LABEL: @clamps
// CHECK-SAME: (%[[Q:.*]]: tensor<2xsi8>)
// CHECK-DAG: %[[L:.*]] = qc.constant dense<3> : tensor<si8> : tensor<si8>
// CHECK-DAG: %[[U:.*]] = qc.constant dense<15> : tensor<si8> : tensor<si8>
// CHECK: %[[A:.*]] = qc.max %[[Q]], %[[L]]
// CHECK: %[[B:.*]] = qc.min %[[A]], %[[U]]
// CHECK-NEXT: return %[[B]]
func.func @clamps(%a: tensor<2xsi8>) -> tensor<2xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<si8> : tensor<si8>
  %low = qc.constant dense<-100.0> : tensor<f32> : tensor<f32>
  %high = qc.constant dense<6.0> : tensor<f32> : tensor<f32>
  %d = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %r = qc.relu %d : (tensor<2xf32>) -> tensor<2xf32>
  %c = qc.clip %r, %low, %high : (tensor<2xf32>, tensor<f32>, tensor<f32>) -> tensor<2xf32>
  %q = qc.quantize %c, %s, %z {axis = 0 : i64} : (tensor<2xf32>, tensor<f32>, tensor<si8>) -> tensor<2xsi8>
  return %q : tensor<2xsi8>
}

// -----

// No change: nothing is quantized, the transpose of a constant stays.
// CHECK-LABEL: @no_change
// CHECK: qc.relu
// CHECK: qc.reshape
func.func @no_change(%a: tensor<2xf32>) -> tensor<1x2xf32> {
  %r = qc.relu %a : (tensor<2xf32>) -> tensor<2xf32>
  %s = qc.reshape %r {shape = array<i64: 1, 2>} : (tensor<2xf32>) -> tensor<1x2xf32>
  return %s : tensor<1x2xf32>
}

// -----

// No change: a pair with different parameters is a computation, and so is one
// whose scale is only known at run time.
// CHECK-LABEL: @kept_pairs
// CHECK: qc.dequantize
// CHECK: qc.quantize
// CHECK: qc.dequantize
// CHECK: qc.quantize
func.func @kept_pairs(%a: tensor<2xsi8>, %t: tensor<f32>) -> (tensor<2xsi8>, tensor<2xsi8>) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<3> : tensor<si8> : tensor<si8>
  %zy = qc.constant dense<4> : tensor<si8> : tensor<si8>
  %d = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %q = qc.quantize %d, %s, %zy {axis = 0 : i64} : (tensor<2xf32>, tensor<f32>, tensor<si8>) -> tensor<2xsi8>
  %dt = qc.dequantize %a, %t, %z {axis = 0 : i64} : (tensor<2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2xf32>
  %qt = qc.quantize %dt, %t, %z {axis = 0 : i64} : (tensor<2xf32>, tensor<f32>, tensor<si8>) -> tensor<2xsi8>
  return %q, %qt : tensor<2xsi8>, tensor<2xsi8>
}

// -----

// Of an embedding only the rows that are read become real: scales per block and per row are gathered
// with them (a row's is one per block of a whole row), those per column are not.
// CHECK-LABEL: @embedding
// CHECK: %[[Q:.*]] = qc.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<6x4xsi4>, tensor<1x2xsi64>) -> tensor<1x2x4xsi4>
// CHECK: %[[S:.*]] = qc.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<6x2xf32>, tensor<1x2xsi64>) -> tensor<1x2x2xf32>
// CHECK: qc.dequantize %[[Q]], %[[S]], %{{.*}} {axis = 2 : i64, blockSize = 2 : i64} : (tensor<1x2x4xsi4>, tensor<1x2x2xf32>, tensor<si4>)
// CHECK: %[[R:.*]] = qc.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<6x1xf32>, tensor<1x2xsi64>) -> tensor<1x2x1xf32>
// CHECK: qc.dequantize %{{.*}}, %[[R]], %{{.*}} {axis = 2 : i64, blockSize = 4 : i64}
// CHECK: qc.dequantize %{{.*}}, %{{.*}}, %{{.*}} {axis = 2 : i64} : (tensor<1x2x4xsi4>, tensor<4xf32>, tensor<si4>)
func.func @embedding(%i: tensor<1x2xsi64>) -> (tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>) {
  %q = qc.constant dense<3> : tensor<6x4xsi4> : tensor<6x4xsi4>
  %blocks = qc.constant dense<0.5> : tensor<6x2xf32> : tensor<6x2xf32>
  %blockZeros = qc.constant dense<0> : tensor<6x2xsi4> : tensor<6x2xsi4>
  %rows = qc.constant dense<[0.5, 0.25, 0.5, 0.5, 0.5, 0.5]> : tensor<6xf32> : tensor<6xf32>
  %rowZeros = qc.constant dense<0> : tensor<6xsi4> : tensor<6xsi4>
  %columns = qc.constant dense<[0.5, 0.25, 0.5, 0.5]> : tensor<4xf32> : tensor<4xf32>
  %columnZeros = qc.constant dense<0> : tensor<4xsi4> : tensor<4xsi4>
  %a = qc.dequantize %q, %blocks, %blockZeros {axis = 1 : i64, blockSize = 2 : i64} : (tensor<6x4xsi4>, tensor<6x2xf32>, tensor<6x2xsi4>) -> tensor<6x4xf32>
  %b = qc.dequantize %q, %rows, %rowZeros {axis = 0 : i64} : (tensor<6x4xsi4>, tensor<6xf32>, tensor<6xsi4>) -> tensor<6x4xf32>
  %c = qc.dequantize %q, %columns, %columnZeros {axis = 1 : i64} : (tensor<6x4xsi4>, tensor<4xf32>, tensor<4xsi4>) -> tensor<6x4xf32>
  %x = qc.gather %a, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<1x2xsi64>) -> tensor<1x2x4xf32>
  %y = qc.gather %b, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<1x2xsi64>) -> tensor<1x2x4xf32>
  %z = qc.gather %c, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<1x2xsi64>) -> tensor<1x2x4xf32>
  return %x, %y, %z : tensor<1x2x4xf32>, tensor<1x2x4xf32>, tensor<1x2x4xf32>
}

// -----

// No change: rows that are gathered from blocks along them have no blocks.
// CHECK-LABEL: @gathers_along_blocks
// CHECK: qc.dequantize
// CHECK: qc.gather {{.*}} -> tensor<3x4xf32>
func.func @gathers_along_blocks(%i: tensor<3xsi64>) -> tensor<3x4xf32> {
  %q = qc.constant dense<3> : tensor<6x4xsi4> : tensor<6x4xsi4>
  %s = qc.constant dense<0.5> : tensor<3x4xf32> : tensor<3x4xf32>
  %z = qc.constant dense<0> : tensor<3x4xsi4> : tensor<3x4xsi4>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64, blockSize = 2 : i64} : (tensor<6x4xsi4>, tensor<3x4xf32>, tensor<3x4xsi4>) -> tensor<6x4xf32>
  %y = qc.gather %d, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<3xsi64>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}

// -----

// Scales per row that are all equal are one.
// CHECK-LABEL: @equal_rows
// CHECK: %[[Q:.*]] = qc.gather %{{.*}}, %arg0 {axis = 0 : i64} : (tensor<6x4xsi4>, tensor<3xsi64>) -> tensor<3x4xsi4>
// CHECK: qc.dequantize %[[Q]], %{{.*}}, %{{.*}} {axis = 0 : i64} : (tensor<3x4xsi4>, tensor<f32>, tensor<si4>)
func.func @equal_rows(%i: tensor<3xsi64>) -> tensor<3x4xf32> {
  %q = qc.constant dense<3> : tensor<6x4xsi4> : tensor<6x4xsi4>
  %s = qc.constant dense<0.5> : tensor<6xf32> : tensor<6xf32>
  %z = qc.constant dense<0> : tensor<6xsi4> : tensor<6xsi4>
  %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<6x4xsi4>, tensor<6xf32>, tensor<6xsi4>) -> tensor<6x4xf32>
  %y = qc.gather %d, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<3xsi64>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}
