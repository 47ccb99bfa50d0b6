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

// Codes of 16 bits are computed in floats; the weights that were constant codes are so at compile time.
// CHECK-DAG: Function=codes_of_16_bits {{.*}}weights of 16 bits become a float constant: the left operand has codes of more than 8 bits
// CHECK-DAG: Function=codes_of_16_bits {{.*}}'qc.matmul' stays float on dequantized codes: the left operand has codes of more than 8 bits
func.func @codes_of_16_bits(%a: tensor<1x2xsi16>) -> tensor<1x1xsi16> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si16> : tensor<si16>
  %b = qc.constant dense<[[300], [-300]]> : tensor<2x1xsi16> : tensor<2x1xsi16>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x2xsi16>, tensor<f32>, tensor<si16>) -> tensor<1x2xf32>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<2x1xsi16>, tensor<f32>, tensor<si16>) -> tensor<2x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  %q = qc.quantize %y, %s, %z {axis = 0 : i64} : (tensor<1x1xf32>, tensor<f32>, tensor<si16>) -> tensor<1x1xsi16>
  return %q : tensor<1x1xsi16>
}

// -----

// CHECK: Function=float_data {{.*}}weights of 4 bits become a float constant: the left operand is not dequantized
func.func @float_data(%a: tensor<1x2xf32>) -> tensor<1x1xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si4> : tensor<si4>
  %b = qc.constant dense<[[3], [-8]]> : tensor<2x1xsi4> : tensor<2x1xsi4>
  %w = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<2x1xsi4>, tensor<f32>, tensor<si4>) -> tensor<2x1xf32>
  %y = qc.matmul %a, %w : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

// CHECK: Function=blocks {{.*}}'qc.matmul' stays float on dequantized codes: the right operand: its scales are per block
func.func @blocks(%a: tensor<1x4xsi8>, %b: tensor<4x1xsi4>, %t: tensor<2x1xf32>, %u: tensor<2x1xsi4>) -> tensor<1x1xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<1x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x4xf32>
  %w = qc.dequantize %b, %t, %u {axis = 0 : i64, blockSize = 2 : i64} : (tensor<4x1xsi4>, tensor<2x1xf32>, tensor<2x1xsi4>) -> tensor<4x1xf32>
  %y = qc.matmul %x, %w : (tensor<1x4xf32>, tensor<4x1xf32>) -> tensor<1x1xf32>
  return %y : tensor<1x1xf32>
}

// -----

// CHECK: Function=no_quantize {{.*}}'qc.add' stays float on dequantized codes: no quantize follows
func.func @no_quantize(%a: tensor<4xsi8>, %b: tensor<4xsi8>) -> tensor<4xf32> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %y = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %c = qc.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %c : tensor<4xf32>
}

// -----

// CHECK: Function=float_addend {{.*}}'qc.add' stays float on dequantized codes: not all its operands are codes or accumulators
func.func @float_addend(%a: tensor<4xsi8>, %y: tensor<4xf32>) -> tensor<4xsi8> {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %c = qc.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = qc.quantize %c, %s, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<si8>) -> tensor<4xsi8>
  return %q : tensor<4xsi8>
}

// -----

// CHECK: Function=shared_part {{.*}}'qc.add' stays float on dequantized codes: a float op uses a part of the chain
// CHECK-NOT: KeptFloat
func.func @shared_part(%a: tensor<4xsi8>, %b: tensor<4xsi8>) -> (tensor<4xsi8>, tensor<4xf32>) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %a, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %y = qc.dequantize %b, %s, %z {axis = 0 : i64} : (tensor<4xsi8>, tensor<f32>, tensor<si8>) -> tensor<4xf32>
  %c = qc.add %x, %y : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %e = qc.exp %c : (tensor<4xf32>) -> tensor<4xf32>
  %q = qc.quantize %c, %s, %z {axis = 0 : i64} : (tensor<4xf32>, tensor<f32>, tensor<si8>) -> tensor<4xsi8>
  return %q, %e : tensor<4xsi8>, tensor<4xf32>
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
