// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attribute wins over the option; what it cannot mean is an error.
// RUN: qc-opt %s --split-input-file --verify-diagnostics --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6})' | FileCheck %s

// CHECK-LABEL: @stays_direct
// CHECK: qc.conv
// CHECK-NOT: qc.sfc
func.func @stays_direct(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "direct"}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @no_dictionary(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: expected a dictionary}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = 3 : i64} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @unknown_field(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: 'scale' is not algorithm (a string), bits (an integer), scales or weight_scales (array<f32>), offsets or bias (array<i64>) or weights (integers)}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scale = 1.0 : f32}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @wrong_type(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: 'scales' is not algorithm}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f64: 1.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @no_algorithm(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: unknown algorithm ''; accepted are direct, sfc-6(4x4,3x3)}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @family_is_no_algorithm(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: unknown algorithm 'sfc-6'}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6"}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @direct_has_no_scales(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: direct has no further fields}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "direct", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @bits(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: bits is 9, not 2 to 8}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", bits = 9 : i64, scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @wide_bits(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: bits is 340282366920938463463374607431768211455, not 2 to 8}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", bits = 340282366920938463463374607431768211455 : i129, scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

// 2^64 + 8.
func.func @wrapped_bits(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: bits is 18446744073709551624, not 2 to 8}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", bits = 18446744073709551624 : i128, scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @bits_of_nothing(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: bits are of codes, which need scales}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", bits = 4 : i64}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @few_scales(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: has 1 scales for 8 products and 2 channels}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 1.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @negative_scale(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: a scale is not positive, or its inverse is infinite}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, -2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @infinite_scale(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: a scale is not positive, or its inverse is infinite}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 0x7F800000, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @tiny_scale(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: a scale is not positive, or its inverse is infinite}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 1.0e-44, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @offsets_without_scales(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: has 8 offsets and 0 scales for 8 products}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", offsets = array<i64: 0, 0, 0, 0, 0, 0, 0, 0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @few_offsets(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: has 1 offsets and 8 scales for 8 products}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, offsets = array<i64: 1>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @few_biases(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: has 2 biases and 8 scales for 8 products}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, bias = array<i64: 1, 2>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @huge_bias(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: bias 2147483648 does not fit si32}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, bias = array<i64: 2147483648>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @shape_of_weights(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: weights are not si8, 8 x 2 x 1}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, weights = dense<1> : tensor<8x1x2xsi8>, weight_scales = array<f32: 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @weights_without_scales(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: weights and weight_scales go together}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, weights = dense<1> : tensor<8x2x1xsi8>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @huge_offset(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: offset 32768 does not fit si16}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, offsets = array<i64: 32768, 0, 0, 0, 0, 0, 0, 0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @offset_leaves_si16(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{'qc.sfc_input_transform' op leaves si16 for some x of 'ui8'}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, offsets = array<i64: 32000, 0, 0, 0, 0, 0, 0, 0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @huge_scale(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: sums of its products may exceed 32 bits}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 1.0e38, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @small_scale_with_offset(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: sums of its products may exceed 32 bits}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 1.0e-36, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>, offsets = array<i64: 5, 0, 0, 0, 0, 0, 0, 0>}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @other_window(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x3x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: no algorithm is for its window}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(4x4,3x3)"}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x3x4xsi32>
  return %y : tensor<1x1x3x4xsi32>
}

// -----

func.func @stride(%x: tensor<1x2x3x6xui8>) -> tensor<1x1x2x4xsi32> {
  %w = qc.constant dense<1> : tensor<1x2x1x3xsi8> : tensor<1x2x1x3xsi8>
  // expected-error @+1 {{qc.transform: its stride is not 1}}
  %y = qc.conv %x, %w {strides = array<i64: 2, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)"}} : (tensor<1x2x3x6xui8>, tensor<1x2x1x3xsi8>) -> tensor<1x1x2x4xsi32>
  return %y : tensor<1x1x2x4xsi32>
}

// -----

func.func @scales_of_floats(%x: tensor<1x2x3x6xf32>) -> tensor<1x1x3x4xf32> {
  %w = qc.constant dense<1.0> : tensor<1x2x1x3xf32> : tensor<1x2x1x3xf32>
  // expected-error @+1 {{qc.transform: its scales are for 8-bit codes}}
  %y = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64,
    qc.transform = {algorithm = "sfc-6(1x4,1x3)", scales = array<f32: 8.0, 2.0, 2.0, 4.0, 2.0, 2.0, 4.0, 2.0>}} : (tensor<1x2x3x6xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x3x4xf32>
  return %y : tensor<1x1x3x4xf32>
}
