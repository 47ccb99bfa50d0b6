// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What cannot be exported is reported, all of it in one run.
//
// RUN: not qc-translate --export-onnx --exact-types %s --function=codes 2>&1 | FileCheck %s --check-prefix=CODES
// RUN: qc-translate --export-onnx %s --function=codes -o %t.onnx 2>&1 | FileCheck %s --check-prefix=WIDER
// RUN: not qc-translate --export-onnx %s --function=many 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not qc-translate --export-onnx --exact-types %s --function=many 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not qc-translate --export-onnx --exact-types %s --function=input 2>&1 | FileCheck %s --check-prefix=INPUT
// RUN: not qc-translate --export-onnx %s --function=names 2>&1 | FileCheck %s --check-prefix=NAMES
// RUN: not qc-translate --export-onnx %s --function=missing 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: not qc-translate --export-onnx %s --function=nothing 2>&1 | FileCheck %s --check-prefix=FUNCTION
// RUN: not qc-translate --export-onnx %s 2>&1 | FileCheck %s --check-prefix=WHICH
// RUN: not qc-translate --export-onnx %s --function=fine --external-data=%t.none/data 2>&1 | FileCheck %s --check-prefix=EXTERNAL

// WHICH: the module has 6 functions; --function=NAME says which one to export; accepted: 'codes' 'many' 'input' 'names' 'missing' 'fine'
// FUNCTION: the module has no function 'nothing'; accepted: 'codes'
// EXTERNAL: cannot write external data '{{.*}}data':

// CODES: node 'dequantize' (op qc.dequantize) cannot be exported to ONNX: operand 0 has element type ui6, which ONNX lacks; accepted: ui2, ui4, ui8, ui16, or without --exact-types
// WIDER: warning: ONNX lacks 'ui6': stored as 'ui8', with the same scales, zero points and numbers, in 1 node, 'dequantize' (--exact-types refuses this)
func.func @codes() -> tensor<4xf32> {
  %q = qc.constant dense<[1, 2, 3, 60]> : tensor<4xui6> : tensor<4xui6>
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<ui6> : tensor<ui6>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<4xui6>, tensor<f32>, tensor<ui6>) -> tensor<4xf32> loc("dequantize")
  return %x : tensor<4xf32>
}

// MANY: node 'wide' (op qc.conv) cannot be exported to ONNX: its accumulator has more than 32 bits; accepted: ops of the graph and QDQ levels (before qc-to-integer)
// What reads the result of a failed op is not reported for that.
// MANY-NOT: after
// MANY: node 'requantize' (op qc.requantize) cannot be exported to ONNX: it has no counterpart there; accepted: ops of the graph and QDQ levels (before qc-to-integer)
// MANY: node 'typed' (op qc.max_pool) cannot be exported to ONNX: operator MaxPool takes no tensor(int32) as X; accepted: tensor(bfloat16) tensor(double)
func.func @many(%x: tensor<1x1x4x4xsi8>, %p: tensor<1x1x4x4xsi32>) -> (tensor<1x1x4x4xsi64>, tensor<1x1x4x4xsi8>, tensor<1x1x3x3xsi32>) {
  %y = qc.conv %x, %x {accumulator = si64, dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 1, 1, 2, 2>, strides = array<i64: 1, 1>} : (tensor<1x1x4x4xsi8>, tensor<1x1x4x4xsi8>) -> tensor<1x1x4x4xsi64> loc("wide")
  %n = qc.neg %y : (tensor<1x1x4x4xsi64>) -> tensor<1x1x4x4xsi64> loc("after")
  %m = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %r = qc.requantize %p, %m, %z {axis = 0 : i64} : (tensor<1x1x4x4xsi32>, tensor<f32>, tensor<si8>) -> tensor<1x1x4x4xsi8> loc("requantize")
  %t = qc.max_pool %p {dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x4x4xsi32>) -> tensor<1x1x3x3xsi32> loc("typed")
  return %n, %r, %t : tensor<1x1x4x4xsi64>, tensor<1x1x4x4xsi8>, tensor<1x1x3x3xsi32>
}

// INPUT: argument 0 has element type si3, which ONNX lacks; accepted: si2, si4, si8, si16, or without --exact-types
func.func @input(%x: tensor<4xsi3>) -> tensor<4xsi3> {
  return %x : tensor<4xsi3>
}

// NAMES: two of its inputs and outputs are named 'x'; accepted: different names in qc.name
func.func @names(%x: tensor<4xf32> {qc.name = "x"}) -> (tensor<4xf32> {qc.name = "x"}) {
  %y = qc.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// MISSING: the constant 'weight' has no bytes (its resource is missing or of another size)
func.func @missing(%x: tensor<4xf32>) -> tensor<4xf32> {
  %w = qc.constant dense_resource<nowhere> : tensor<4xf32> : tensor<4xf32> loc("weight")
  %y = qc.add %x, %w : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

func.func @fine(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = qc.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
