// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operator set is the lowest one that has all types and operators.
//
// REQUIRES: onnx
// RUN: qc-translate --export-onnx %s --function=int8 -o %t.int8.onnx
// RUN: qc-translate --export-onnx %s --function=float8 -o %t.float8.onnx
// RUN: qc-translate --export-onnx %s --function=int16 -o %t.int16.onnx
// RUN: qc-translate --export-onnx %s --function=int4 -o %t.int4.onnx
// RUN: qc-translate --export-onnx %s --function=blocked -o %t.blocked.onnx
// RUN: qc-translate --export-onnx %s --function=float4 -o %t.float4.onnx
// RUN: qc-translate --export-onnx %s --function=int2 -o %t.int2.onnx
// RUN: qc-translate --export-onnx %s --function=layer_norm -o %t.layer_norm.onnx
// RUN: qc-translate --export-onnx %s --function=sum -o %t.sum.onnx
// RUN: qc-translate --export-onnx %s --function=max -o %t.max.onnx
// RUN: qc-translate --export-onnx %s --function=max_bf16 -o %t.max_bf16.onnx
// RUN: qc-translate --export-onnx %s --function=wrap -o %t.wrap.onnx
// RUN: qc-translate --export-onnx %s --function=resize -o %t.resize.onnx
// RUN: %python %S/Inputs/print-onnx.py %t.int8.onnx %t.float8.onnx %t.int16.onnx %t.int4.onnx %t.blocked.onnx %t.float4.onnx %t.int2.onnx %t.layer_norm.onnx %t.sum.onnx %t.max.onnx %t.max_bf16.onnx %t.wrap.onnx %t.resize.onnx | FileCheck %s

// CHECK: opset_import: ["" : 13]
// CHECK: int8 (
func.func @int8(%x: tensor<4x8xf32>) -> tensor<4x8xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %q = qc.quantize %x, %s, %z {axis = 0 : i64} : (tensor<4x8xf32>, tensor<f32>, tensor<si8>) -> tensor<4x8xsi8>
  return %q : tensor<4x8xsi8>
}

// CHECK: opset_import: ["" : 19]
// CHECK: float8 (
func.func @float8(%q: tensor<4x8xf8E4M3FN>) -> tensor<4x8xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0.0> : tensor<f8E4M3FN> : tensor<f8E4M3FN>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4x8xf8E4M3FN>, tensor<f32>, tensor<f8E4M3FN>) -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// CHECK: opset_import: ["" : 21]
// CHECK: int16 (
func.func @int16(%x: tensor<4x8xf32>) -> tensor<4x8xui16> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui16> : tensor<ui16>
  %q = qc.quantize %x, %s, %z {axis = 0 : i64} : (tensor<4x8xf32>, tensor<f32>, tensor<ui16>) -> tensor<4x8xui16>
  return %q : tensor<4x8xui16>
}

// CHECK: ir_version: 10
// CHECK: opset_import: ["" : 21]
// CHECK: int4 (
func.func @int4(%q: tensor<4x8xui4>) -> tensor<4x8xf32> {
  %s = qc.constant dense<[0.5, 1.0, 1.5, 2.0]> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<[8, 7, 6, 5]> : tensor<4xui4> : tensor<4xui4>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4x8xui4>, tensor<4xf32>, tensor<4xui4>) -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// CHECK: opset_import: ["" : 21]
// CHECK: blocked (
// CHECK: DequantizeLinear <axis: int = 1, block_size: int = 4>
func.func @blocked(%q: tensor<4x8xsi4>) -> tensor<4x8xf32> {
  %s = qc.constant dense<0.5> : tensor<4x2xf32> : tensor<4x2xf32>
  %z = qc.constant dense<0> : tensor<4x2xsi4> : tensor<4x2xsi4>
  %x = qc.dequantize %q, %s, %z {axis = 1 : i64, blockSize = 4 : i64} : (tensor<4x8xsi4>, tensor<4x2xf32>, tensor<4x2xsi4>) -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// CHECK: opset_import: ["" : 23]
// CHECK: float4 (
func.func @float4(%q: tensor<4x8xf4E2M1FN>) -> tensor<4x8xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0.0> : tensor<f4E2M1FN> : tensor<f4E2M1FN>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4x8xf4E2M1FN>, tensor<f32>, tensor<f4E2M1FN>) -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// CHECK: opset_import: ["" : 25]
// CHECK: int2 (
func.func @int2(%q: tensor<4x8xsi2>) -> tensor<4x8xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si2> : tensor<si2>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4x8xsi2>, tensor<f32>, tensor<si2>) -> tensor<4x8xf32>
  return %x : tensor<4x8xf32>
}

// CHECK: opset_import: ["" : 17]
// CHECK: layer_norm (
func.func @layer_norm(%x: tensor<4x8xf32>, %s: tensor<8xf32>) -> tensor<4x8xf32> {
  %y = qc.layer_norm %x, %s {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32>
  return %y : tensor<4x8xf32>
}

// Axes are an operand of sums in all sets, of maxima from 18 on.
// CHECK: opset_import: ["" : 13]
// CHECK: ReduceSum <keepdims: int = 1> (input_0, constant)
func.func @sum(%x: tensor<4x8xf32>) -> tensor<4x1xf32> {
  %y = qc.reduce sum %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// CHECK: opset_import: ["" : 13]
// CHECK: ReduceMax <keepdims: int = 1, axes: ints = [1]> (input_0)
func.func @max(%x: tensor<4x8xf32>) -> tensor<4x1xf32> {
  %y = qc.reduce max %x {axes = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}

// CHECK: opset_import: ["" : 20]
// CHECK: ReduceMax <keepdims: int = 1> (Gelu_output, constant)
func.func @max_bf16(%x: tensor<4x8xbf16>) -> tensor<4x1xbf16> {
  %0 = qc.gelu %x {tanhForm = false} : (tensor<4x8xbf16>) -> tensor<4x8xbf16>
  %y = qc.reduce max %0 {axes = array<i64: 1>} : (tensor<4x8xbf16>) -> tensor<4x1xbf16>
  return %y : tensor<4x1xbf16>
}

// CHECK: opset_import: ["" : 19]
// CHECK: Pad <mode: string = "wrap">
func.func @wrap(%x: tensor<4xf32>) -> tensor<6xf32> {
  %v = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %y = qc.pad %x, %v {pads = array<i64: 1, 1>, mode = 3 : i32} : (tensor<4xf32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// One scale whose product is rounded up is what a policy for sizes gives.
// CHECK: opset_import: ["" : 18]
// CHECK: {{.*}}constant =  {1,3}
// CHECK: axes: ints = [2, 3], keep_aspect_ratio_policy: string = "not_smaller"
func.func @resize(%x: tensor<1x1x2x4xf32>) -> tensor<1x1x2x3xf32> {
  %y = qc.resize %x {antialias = false, coordinates = 0 : i32, cubicCoefficient = -7.5e-01 : f32, excludeOutside = false, extrapolation = 0.0 : f32, mode = 0 : i32, nearest = 0 : i32, operandSegmentSizes = array<i32: 1, 0, 0>, scales = array<f32: 1.0, 1.0, 0.75, 0.75>, shape = array<i64: 1, 1, 2, 3>} : (tensor<1x1x2x4xf32>) -> tensor<1x1x2x3xf32>
  return %y : tensor<1x1x2x3xf32>
}
