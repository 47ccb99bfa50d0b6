// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --qc-normalize-qdq --qc-to-integer --remarks-filter-missed=qc-to-integer --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s
//
// Each op that stays float on codes says why.

// CHECK: KeptFloat {{.*}}Function=softmax {{.*}}'qc.softmax' stays float on dequantized codes: it has no integer form
func.func @softmax(%q: tensor<1x4xsi8>) -> tensor<1x4xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x4xf32>
  %y = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}

// -----

// CHECK: Function=wide_codes {{.*}}'qc.matmul' stays float on dequantized codes: the left operand has codes of more than 8 bits
func.func @wide_codes(%a: tensor<2x2xsi16>, %b: tensor<2x2xsi8>) -> tensor<2x2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %za = qc.constant dense<0> : tensor<si16> : tensor<si16>
  %zb = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %za {axis = 0 : i64} : (tensor<2x2xsi16>, tensor<f32>, tensor<si16>) -> tensor<2x2xf32>
  %w = qc.dequantize %b, %s, %zb {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %y = qc.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// CHECK: Function=one_side {{.*}}'qc.matmul' stays float on dequantized codes: the left operand is not dequantized
func.func @one_side(%x: tensor<2x2xf32>, %b: tensor<2x2xsi8>) -> tensor<2x2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %zb = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %w = qc.dequantize %b, %s, %zb {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %y = qc.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// CHECK: Function=summed_axis {{.*}}: its weights have parameters along an axis that is summed
func.func @summed_axis(%a: tensor<2x2xsi8>, %b: tensor<2x2xsi8>) -> tensor<2x2xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %sw = qc.constant dense<[0.5, 0.25]> : tensor<2xf32> : tensor<2xf32>
  %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %w = qc.dequantize %b, %sw, %zw {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2xf32>
  %y = qc.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// -----

// CHECK: Function=dynamic_scale {{.*}}'qc.quantize' stays float on dequantized codes: its scale or zero point is not a constant of type f32
func.func @dynamic_scale(%q: tensor<4xsi8>, %t: tensor<f32>) -> tensor<4xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %y = qc.quantize %x, %t, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<si8>) -> tensor<4xsi8>
  return %y : tensor<4xsi8>
}

// -----

// CHECK: Function=too_long {{.*}}'qc.matmul' stays float on dequantized codes: its accumulators could leave 32 bits
// CHECK-NOT: KeptFloat
func.func @too_long(%a: tensor<1x40000xui8>, %b: tensor<40000x1xui8>) -> tensor<1x1xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui8> : tensor<ui8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x40000xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x40000xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<40000x1xui8>, tensor<f32>, tensor<ui8>) -> tensor<40000x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x40000xf32>, tensor<40000x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

// Fully integer: no remark.
func.func @requantized(%a: tensor<2x2xsi8>, %b: tensor<2x2xsi8>) -> tensor<2x2xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<2x2xsi8>, tensor<f32>, tensor<si8>) -> tensor<2x2xf32>
  %y = qc.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %a1 = qc.add %y, %x : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %q = qc.quantize %a1, %s, %z {axis = 0 : i64} : (tensor<2x2xf32>, tensor<f32>, tensor<si8>) -> tensor<2x2xsi8>
  return %q : tensor<2x2xsi8>
}
