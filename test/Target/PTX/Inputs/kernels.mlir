// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One program for each kind of kernel.

func.func @elementwise(%a: tensor<3x5x7xf32>, %b: tensor<5x1xf32>) -> tensor<3x5x7xf32> {
  %0 = qc.add %a, %b : (tensor<3x5x7xf32>, tensor<5x1xf32>) -> tensor<3x5x7xf32>
  %1 = qc.div %0, %b : (tensor<3x5x7xf32>, tensor<5x1xf32>) -> tensor<3x5x7xf32>
  %2 = qc.mul %1, %a : (tensor<3x5x7xf32>, tensor<3x5x7xf32>) -> tensor<3x5x7xf32>
  %3 = qc.relu %2 : (tensor<3x5x7xf32>) -> tensor<3x5x7xf32>
  %4 = qc.sqrt %3 : (tensor<3x5x7xf32>) -> tensor<3x5x7xf32>
  return %4 : tensor<3x5x7xf32>
}

func.func @scalar(%a: tensor<f32>) -> tensor<f32> {
  %0 = qc.floor %a : (tensor<f32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// Contractions sum in an order of the target's: their operands are multiples of
// 1/4, for which every order gives the same bits.
func.func @float_conv(%a: tensor<1x4x9x9xf32>) -> tensor<1x6x5x4xf32> {
  %x = qc.round %a : (tensor<1x4x9x9xf32>) -> tensor<1x4x9x9xf32>
  %w = qc.constant dense<0.25> : tensor<6x2x3x3xf32> : tensor<6x2x3x3xf32>
  %b = qc.constant dense<[0.0, 1.0, -1.0, 0.5, 2.0, -0.5]> : tensor<6xf32> : tensor<6xf32>
  %0 = qc.conv %x, %w bias %b {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 0>,
    dilations = array<i64: 1, 1>, group = 2 : i64}
    : (tensor<1x4x9x9xf32>, tensor<6x2x3x3xf32>, tensor<6xf32>) -> tensor<1x6x5x4xf32>
  return %0 : tensor<1x6x5x4xf32>
}

// Multiplier 0.5: every odd accumulator is a tie.
func.func @integer_conv(%x: tensor<1x2x6x6xui8>, %w: tensor<4x1x3x3xsi8>) -> tensor<1x4x6x6xsi8> {
  %xz = qc.constant dense<128> : tensor<1xui8> : tensor<1xui8>
  %m = qc.constant dense<[0.5, 0.001, 0.5, 0.0025]> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<-3> : tensor<1xsi8> : tensor<1xsi8>
  %0 = qc.conv %x, %w x_zero %xz {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>,
    dilations = array<i64: 1, 1>, group = 2 : i64}
    : (tensor<1x2x6x6xui8>, tensor<4x1x3x3xsi8>, tensor<1xui8>) -> tensor<1x4x6x6xsi32>
  %1 = qc.requantize %0, %m, %z {axis = 1 : i64}
    : (tensor<1x4x6x6xsi32>, tensor<4xf32>, tensor<1xsi8>) -> tensor<1x4x6x6xsi8>
  return %1 : tensor<1x4x6x6xsi8>
}

// Ties of both signs, saturation at both ends.
func.func @ties(%x: tensor<64xsi8>) -> tensor<64xsi8> {
  %one = qc.constant dense<0.5> : tensor<1xf32> : tensor<1xf32>
  %z = qc.constant dense<100> : tensor<1xsi8> : tensor<1xsi8>
  %0 = qc.cast %x {to = si32} : (tensor<64xsi8>) -> tensor<64xsi32>
  %1 = qc.requantize %0, %one, %z {axis = 0 : i64}
    : (tensor<64xsi32>, tensor<1xf32>, tensor<1xsi8>) -> tensor<64xsi8>
  return %1 : tensor<64xsi8>
}

func.func @quantize(%x: tensor<4x16xf32>) -> (tensor<4x16xui8>, tensor<4x16xf32>) {
  %s = qc.constant dense<[0.5, 0.25, 0.0078125, 0.003]> : tensor<4xf32> : tensor<4xf32>
  %z = qc.constant dense<[0, 128, 255, 7]> : tensor<4xui8> : tensor<4xui8>
  %0 = qc.quantize %x, %s, %z {axis = 0 : i64}
    : (tensor<4x16xf32>, tensor<4xf32>, tensor<4xui8>) -> tensor<4x16xui8>
  %1 = qc.dequantize %0, %s, %z {axis = 0 : i64}
    : (tensor<4x16xui8>, tensor<4xf32>, tensor<4xui8>) -> tensor<4x16xf32>
  return %0, %1 : tensor<4x16xui8>, tensor<4x16xf32>
}

func.func @float_matmul(%x: tensor<2x5x12xf32>, %y: tensor<12x9xf32>) -> tensor<2x5x9xf32> {
  %a = qc.round %x : (tensor<2x5x12xf32>) -> tensor<2x5x12xf32>
  %b = qc.round %y : (tensor<12x9xf32>) -> tensor<12x9xf32>
  %0 = qc.matmul %a, %b : (tensor<2x5x12xf32>, tensor<12x9xf32>) -> tensor<2x5x9xf32>
  return %0 : tensor<2x5x9xf32>
}

func.func @integer_matmul(%a: tensor<5x12xui8>, %b: tensor<12x9xsi8>) -> tensor<5x9xsi32> {
  %0 = qc.matmul %a, %b : (tensor<5x12xui8>, tensor<12x9xsi8>) -> tensor<5x9xsi32>
  return %0 : tensor<5x9xsi32>
}

func.func @max_pool(%x: tensor<1x3x7x7xsi8>) -> tensor<1x3x4x4xsi8> {
  %0 = qc.max_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>,
    pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>}
    : (tensor<1x3x7x7xsi8>) -> tensor<1x3x4x4xsi8>
  return %0 : tensor<1x3x4x4xsi8>
}

func.func @average_pool(%x: tensor<1x3x7x7xf32>) -> tensor<1x3x4x4xf32> {
  %0 = qc.average_pool %x {kernel = array<i64: 3, 3>, strides = array<i64: 2, 2>,
    pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, countIncludePad = false,
    ceilExtra = array<i64: 0, 0>}
    : (tensor<1x3x7x7xf32>) -> tensor<1x3x4x4xf32>
  return %0 : tensor<1x3x4x4xf32>
}

func.func @gather(%x: tensor<6x4xf32>, %i: tensor<5xsi64>) -> tensor<5x4xf32> {
  %0 = qc.gather %x, %i {axis = 0 : i64} : (tensor<6x4xf32>, tensor<5xsi64>) -> tensor<5x4xf32>
  return %0 : tensor<5x4xf32>
}

func.func @reduce(%x: tensor<4x6x5xf32>, %y: tensor<4x6xsi32>)
    -> (tensor<4x1x5xf32>, tensor<1x6xsi32>, tensor<4x6x1xf32>) {
  %0 = qc.reduce mean %x {axes = array<i64: 1>} : (tensor<4x6x5xf32>) -> tensor<4x1x5xf32>
  %1 = qc.reduce max %y {axes = array<i64: 0>} : (tensor<4x6xsi32>) -> tensor<1x6xsi32>
  %2 = qc.reduce l2 %x {axes = array<i64: 2>} : (tensor<4x6x5xf32>) -> tensor<4x6x1xf32>
  return %0, %1, %2 : tensor<4x1x5xf32>, tensor<1x6xsi32>, tensor<4x6x1xf32>
}

func.func @transpose(%x: tensor<3x4x5xf64>) -> tensor<5x3x4xf64> {
  %0 = qc.transpose %x {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x5xf64>) -> tensor<5x3x4xf64>
  %1 = qc.mul %0, %0 : (tensor<5x3x4xf64>, tensor<5x3x4xf64>) -> tensor<5x3x4xf64>
  return %1 : tensor<5x3x4xf64>
}

func.func @half(%a: tensor<40xf16>, %b: tensor<40xf16>) -> tensor<40xf16> {
  %0 = qc.mul %a, %b : (tensor<40xf16>, tensor<40xf16>) -> tensor<40xf16>
  %1 = qc.add %0, %a : (tensor<40xf16>, tensor<40xf16>) -> tensor<40xf16>
  return %1 : tensor<40xf16>
}

func.func @bfloat(%a: tensor<40xbf16>, %b: tensor<40xf32>) -> tensor<40xf32> {
  %0 = qc.cast %a {to = f32} : (tensor<40xbf16>) -> tensor<40xf32>
  %1 = qc.mul %0, %b : (tensor<40xf32>, tensor<40xf32>) -> tensor<40xf32>
  %2 = qc.cast %1 {to = bf16} : (tensor<40xf32>) -> tensor<40xbf16>
  %3 = qc.cast %2 {to = f32} : (tensor<40xbf16>) -> tensor<40xf32>
  return %3 : tensor<40xf32>
}

func.func @long(%a: tensor<40xsi64>, %b: tensor<40xsi32>) -> (tensor<40xsi64>, tensor<40xf32>) {
  %0 = qc.cast %b {to = si64} : (tensor<40xsi32>) -> tensor<40xsi64>
  %1 = qc.sub %0, %a : (tensor<40xsi64>, tensor<40xsi64>) -> tensor<40xsi64>
  %2 = qc.cast %1 {to = f32} : (tensor<40xsi64>) -> tensor<40xf32>
  return %1, %2 : tensor<40xsi64>, tensor<40xf32>
}

func.func @bool(%a: tensor<40xf32>, %b: tensor<40xf32>, %c: tensor<40xi1>) -> (tensor<40xi1>, tensor<40xf32>) {
  %0 = qc.less %a, %b : (tensor<40xf32>, tensor<40xf32>) -> tensor<40xi1>
  %1 = qc.xor %0, %c : (tensor<40xi1>, tensor<40xi1>) -> tensor<40xi1>
  %2 = qc.where %1, %a, %b : (tensor<40xi1>, tensor<40xf32>, tensor<40xf32>) -> tensor<40xf32>
  return %1, %2 : tensor<40xi1>, tensor<40xf32>
}

func.func @saturating_cast(%a: tensor<40xf32>) -> (tensor<40xsi8>, tensor<40xui8>, tensor<40xsi32>) {
  %big = qc.constant dense<3.0e9> : tensor<1xf32> : tensor<1xf32>
  %0 = qc.mul %a, %big : (tensor<40xf32>, tensor<1xf32>) -> tensor<40xf32>
  %1 = qc.cast %0 {to = si8} : (tensor<40xf32>) -> tensor<40xsi8>
  %2 = qc.cast %0 {to = ui8} : (tensor<40xf32>) -> tensor<40xui8>
  %3 = qc.cast %0 {to = si32} : (tensor<40xf32>) -> tensor<40xsi32>
  return %1, %2, %3 : tensor<40xsi8>, tensor<40xui8>, tensor<40xsi32>
}

func.func @transcendental(%a: tensor<40xf32>) -> (tensor<40xf32>, tensor<40xf32>, tensor<40xf32>) {
  %0 = qc.sigmoid %a : (tensor<40xf32>) -> tensor<40xf32>
  %1 = qc.tanh %a : (tensor<40xf32>) -> tensor<40xf32>
  %2 = qc.erf %a : (tensor<40xf32>) -> tensor<40xf32>
  return %0, %1, %2 : tensor<40xf32>, tensor<40xf32>, tensor<40xf32>
}

func.func @softmax(%a: tensor<4x10x3xf32>) -> (tensor<4x10x3xf32>, tensor<4x10x3xf32>) {
  %0 = qc.softmax %a {axis = 1 : i64, logarithm = false} : (tensor<4x10x3xf32>) -> tensor<4x10x3xf32>
  %1 = qc.softmax %a {axis = 2 : i64, logarithm = true} : (tensor<4x10x3xf32>) -> tensor<4x10x3xf32>
  return %0, %1 : tensor<4x10x3xf32>, tensor<4x10x3xf32>
}
