// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{'qc.requantize' must be "float" or "fixed" on a module}}
module attributes {qc.requantize = "double"} {
}

// -----

// expected-error @+1 {{'qc.requantize' must be "float" or "fixed" on a module}}
func.func @not_on_a_module() attributes {qc.requantize = "fixed"} {
  return
}

// -----

func.func @wide(%acc: tensor<4xsi64>, %m: tensor<si32>, %z: tensor<si8>) -> tensor<4xsi8> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{accumulators, multiplier and shift must be si32, got 'si64'}}
  %q = qc.requantize_fixed %acc, %m, %m, %z {axis = 0 : i64} : (tensor<4xsi64>, tensor<si32>, tensor<si32>, tensor<si8>) -> tensor<4xsi8>
  return %q : tensor<4xsi8>
}

// -----

func.func @shapes(%acc: tensor<4xsi32>, %m: tensor<4xsi32>, %k: tensor<si32>, %z: tensor<si8>) -> tensor<4xsi8> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{multiplier and shift differ in shape}}
  %q = qc.requantize_fixed %acc, %m, %k, %z {axis = 0 : i64} : (tensor<4xsi32>, tensor<4xsi32>, tensor<si32>, tensor<si8>) -> tensor<4xsi8>
  return %q : tensor<4xsi8>
}

// -----

func.func @zero(%acc: tensor<4xsi32>, %m: tensor<si32>, %z: tensor<si32>) -> tensor<4xsi32> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{zero must hold one si or ui integer of at most 16 bits}}
  %q = qc.requantize_fixed %acc, %m, %m, %z {axis = 0 : i64} : (tensor<4xsi32>, tensor<si32>, tensor<si32>, tensor<si32>) -> tensor<4xsi32>
  return %q : tensor<4xsi32>
}

// -----

func.func @accumulator(%a: tensor<1x2xsi8>, %b: tensor<2x1xsi8>) -> tensor<1x1xsi16> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{accumulators must be si32 or si64, of integers only, got 'si16'}}
  %y = qc.matmul %a, %b {accumulator = si16} : (tensor<1x2xsi8>, tensor<2x1xsi8>) -> tensor<1x1xsi16>
  return %y : tensor<1x1xsi16>
}

// -----

func.func @accumulator_of_floats(%a: tensor<1x2xf32>, %b: tensor<2x1xf32>) -> tensor<1x1xsi32> {
  // expected-error @+2 {{failed to infer returned types}}
  // expected-error @+1 {{accumulators must be si32 or si64, of integers only, got 'si32'}}
  %y = qc.matmul %a, %b {accumulator = si32} : (tensor<1x2xf32>, tensor<2x1xf32>) -> tensor<1x1xsi32>
  return %y : tensor<1x1xsi32>
}
