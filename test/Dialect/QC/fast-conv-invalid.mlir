// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --split-input-file --verify-diagnostics

func.func @algorithm(%x: tensor<1x2x8x8xui8>) {
  // expected-error-re @+2 {{unknown algorithm 'sfc-6(99999999999999999999x6,3x3)'; accepted are {{.*}}sfc-6(6x6,3x3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-6(99999999999999999999x6,3x3)"} : (tensor<1x2x8x8xui8>) -> tensor<88x1x2xsi16>
  return
}

// -----

func.func @tiles(%x: tensor<1x2x8x9xui8>) {
  // expected-error @+2 {{dimension 3 of x must hold 2 elements more than a multiple of 6, has 9}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-6(6x6,3x3)"} : (tensor<1x2x8x9xui8>) -> tensor<88x1x2xsi16>
  return
}

// -----

func.func @element(%x: tensor<1x2x8x8xsi16>) {
  // expected-error @+2 {{transforms take integers of at most 8 bits, f32 or f64, got 'si16'}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-6(6x6,3x3)"} : (tensor<1x2x8x8xsi16>) -> tensor<88x1x2xsi16>
  return
}

// -----

func.func @offsets(%x: tensor<1x2x5x5xui8>) {
  // expected-error @+1 {{has 2 offsets for 25 products}}
  %0 = qc.sfc_input_transform %x {algorithm = "winograd(3x3,3x3)", offsets = array<i64: 1, 2>} : (tensor<1x2x5x5xui8>) -> tensor<25x1x2xsi16>
  return
}

// -----

func.func @overflow(%x: tensor<1x2x4x4xui8>) {
  // expected-error @+1 {{leaves si16 for some x of 'ui8'}}
  %0 = qc.sfc_input_transform %x {algorithm = "winograd(2x2,3x3)", offsets = array<i64: 32700, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<1x2x4x4xui8>) -> tensor<16x1x2xsi16>
  return
}

// -----

func.func @float_offsets(%x: tensor<1x2x4x4xf32>) {
  // expected-error @+1 {{has offsets, which are for integers}}
  %0 = qc.sfc_input_transform %x {algorithm = "winograd(2x2,3x3)", offsets = array<i64: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>} : (tensor<1x2x4x4xf32>) -> tensor<16x1x2xf32>
  return
}

// -----

func.func @window(%w: tensor<4x2x5x3xsi8>) {
  // expected-error @+2 {{w must have rank 4 and 3 x 3 taps for sfc-6(6x6,3x3)}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_weight_transform %w {algorithm = "sfc-6(6x6,3x3)"} : (tensor<4x2x5x3xsi8>) -> tensor<88x2x4xsi16>
  return
}

// -----

func.func @large_weights(%w: tensor<4x2x3x3xsi8>) {
  // expected-error @+2 {{weights of 'si8' under winograd(4x4,3x3) do not fit si16}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_weight_transform %w {algorithm = "winograd(4x4,3x3)"} : (tensor<4x2x3x3xsi8>) -> tensor<36x2x4xsi16>
  return
}

// -----

func.func @products(%m: tensor<88x3x2xsi32>) {
  // expected-error @+2 {{m must be 88 x (images * 4) x channels}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_output_transform %m {algorithm = "sfc-6(6x6,3x3)", height = 7 : i64, width = 12 : i64} : (tensor<88x3x2xsi32>) -> tensor<1x2x7x12xsi32>
  return
}

// -----

func.func @divisor(%m: tensor<88x1x2xf32>) {
  // expected-error @+2 {{divisor must be 1 or, for integers, 36, got 36}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_output_transform %m {algorithm = "sfc-6(6x6,3x3)", height = 6 : i64, width = 6 : i64, divisor = 36 : i64} : (tensor<88x1x2xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @size(%m: tensor<88x1x2xsi32>) {
  // expected-error @+2 {{height and width are out of range}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = qc.sfc_output_transform %m {algorithm = "sfc-6(6x6,3x3)", height = 0 : i64, width = 6 : i64} : (tensor<88x1x2xsi32>) -> tensor<1x2x0x6xsi32>
  return
}
