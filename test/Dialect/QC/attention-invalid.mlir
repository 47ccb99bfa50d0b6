// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

func.func @features(%q: tensor<1x2x4x8xf32>, %k: tensor<1x2x6x4xf32>) {
  // expected-error @+1 {{shapes of q, k and v do not fit}}
  %y = qc.attention %q, %k, %k {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 0 : i32} : (tensor<1x2x4x8xf32>, tensor<1x2x6x4xf32>, tensor<1x2x6x4xf32>) -> tensor<1x2x4x4xf32>
  return
}

// -----

func.func @bias(%q: tensor<1x2x4x8xf32>, %m: tensor<5x4xf32>) {
  // expected-error @+1 {{bias must broadcast to 'tensor<1x2x4x4xf32>'}}
  %y = qc.attention %q, %q, %q, %m {operandSegmentSizes = array<i32: 1, 1, 1, 1, 0>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 0 : i32} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<5x4xf32>) -> tensor<1x2x4x8xf32>
  return
}

// -----

func.func @lengths(%q: tensor<1x2x4x8xf32>, %n: tensor<2xsi64>) {
  // expected-error @+1 {{lengths must have one entry per batch}}
  %y = qc.attention %q, %q, %q, %n {operandSegmentSizes = array<i32: 1, 1, 1, 0, 1>, factor = 0.5 : f64, softcap = 0.0 : f32, causal = false, past = 0 : i64, leftWindow = -1 : i64, rightWindow = -1 : i64, softmaxType = f32, scores = 0 : i32} : (tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<1x2x4x8xf32>, tensor<2xsi64>) -> tensor<1x2x4x8xf32>
  return
}

// -----

func.func @tables(%x: tensor<1x2x4x8xf32>, %c: tensor<9x4xf32>) {
  // expected-error @+1 {{cos and sin must have rows of at most 4 numbers}}
  %y = qc.rotary_embedding %x, %c, %c {interleaved = false} : (tensor<1x2x4x8xf32>, tensor<9x4xf32>, tensor<9x4xf32>) -> tensor<1x2x4x8xf32>
  return
}

// -----

func.func @element(%x: tensor<1x2x4x8xf32>, %c: tensor<1x4x4xf16>) {
  // expected-error @+1 {{cos and sin one shape and x's element type}}
  %y = qc.rotary_embedding %x, %c, %c {interleaved = false} : (tensor<1x2x4x8xf32>, tensor<1x4x4xf16>, tensor<1x4x4xf16>) -> tensor<1x2x4x8xf32>
  return
}

// -----

func.func @rows(%x: tensor<4xf32>) {
  // expected-error @+2 {{x must have rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:4 = qc.unique %x {sorted = true} : (tensor<4xf32>) -> (tensor<4xsi64>, tensor<4xsi64>, tensor<4xsi64>, tensor<1xsi64>)
  return
}

// -----

func.func @boxes(%b: tensor<1x6x3xf32>, %s: tensor<1x2x6xf32>, %n: tensor<si64>, %t: tensor<f32>) {
  // expected-error @+2 {{boxes must be B x N x 4 and scores B x C x N}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = qc.suppress %b, %s, %n, %t, %t {bound = 6 : i64, center = false} : (tensor<1x6x3xf32>, tensor<1x2x6xf32>, tensor<si64>, tensor<f32>, tensor<f32>) -> (tensor<1x2x6xsi64>, tensor<1x2xsi64>)
  return
}

// -----

func.func @bound(%b: tensor<1x6x4xf32>, %s: tensor<1x2x6xf32>, %n: tensor<si64>, %t: tensor<f32>) {
  // expected-error @+2 {{bound 7 does not fit 6 boxes}}
  // expected-error @+1 {{failed to infer returned types}}
  %0:2 = qc.suppress %b, %s, %n, %t, %t {bound = 7 : i64, center = false} : (tensor<1x6x4xf32>, tensor<1x2x6xf32>, tensor<si64>, tensor<f32>, tensor<f32>) -> (tensor<1x2x7xsi64>, tensor<1x2xsi64>)
  return
}

// -----

func.func @extents(%x: tensor<3x4xf32>, %e: tensor<3xsi64>) {
  // expected-error @+2 {{extents must have one entry per dimension of x}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.compact %x, %e : (tensor<3x4xf32>, tensor<3xsi64>) -> tensor<3x4xf32>
  return
}

// -----

// expected-error @+1 {{output 1 cannot hold the extents of output 0; accepted: si64, one entry per dimension}}
qc.program @main attributes {inputs = [], outputs = [#qc.port<"y", tensor<3x4xf32>, extents = 1>, #qc.port<"e", tensor<1xsi64>>], arena_size = 0 : i64, arena_lower_bound = 0 : i64} {
}
