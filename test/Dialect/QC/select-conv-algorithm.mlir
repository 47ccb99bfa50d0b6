// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(6x6,3x3)})' %s | FileCheck %s
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6})' %s | FileCheck %s --check-prefix=FAMILY
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=winograd(4x4,3x3)})' %s | FileCheck %s --check-prefix=WINOGRAD
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm)' %s | FileCheck %s --check-prefix=AUTO
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{dot-product=true})' %s | FileCheck %s --check-prefix=DOT
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=direct})' %s | FileCheck %s --check-prefix=DIRECT
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6})' %s --remarks-filter-missed=qc-select-conv-algorithm --remark-format=emitRemark 2>&1 >/dev/null | FileCheck %s --check-prefix=REMARK
// RUN: not qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-5})' %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown algorithm 'sfc-5'; accepted are direct, auto, a family (sfc-6) or one of {{.*}}sfc-6(6x6,3x3)

// Padding and the overhang of the last tiles are one qc.pad of x's zero point,
// which folds into the bias: 1 - 3 * 2 * 9 * 1.
// CHECK-LABEL: func.func @integers
// CHECK-DAG: %[[Z:.*]] = qc.constant dense<3> : tensor<ui8>
// CHECK-DAG: %[[W:.*]] = qc.constant dense<1> : tensor<16x2x3x3xsi8>
// CHECK: %[[X:.*]] = qc.pad %arg0, %[[Z]] {pads = array<i64: 0, 0, 1, 1, 0, 0, 3, 2>} : (tensor<1x2x10x11xui8>, tensor<ui8>) -> tensor<1x2x14x14xui8>
// CHECK: %[[V:.*]] = qc.sfc_input_transform %[[X]] {algorithm = "sfc-6(6x6,3x3)"} : (tensor<1x2x14x14xui8>) -> tensor<88x4x2xsi16>
// CHECK: %[[U:.*]] = qc.sfc_weight_transform %[[W]] {algorithm = "sfc-6(6x6,3x3)"} : (tensor<16x2x3x3xsi8>) -> tensor<88x2x16xsi16>
// CHECK: %[[M:.*]] = qc.matmul %[[V]], %[[U]] : (tensor<88x4x2xsi16>, tensor<88x2x16xsi16>) -> tensor<88x4x16xsi32>
// CHECK: %[[S:.*]] = qc.sfc_output_transform %[[M]] {algorithm = "sfc-6(6x6,3x3)", divisor = 36 : i64, height = 10 : i64, width = 11 : i64} : (tensor<88x4x16xsi32>) -> tensor<1x16x10x11xsi32>
// CHECK: %[[B:.*]] = qc.reshape %{{.*}} {shape = array<i64: 16, 1, 1>}
// CHECK: qc.add %[[S]], %[[B]]
// DIRECT-LABEL: func.func @integers
// DIRECT-NOT: qc.sfc
// DIRECT: qc.conv
// Winograd's larger tiles need more than 16 bits.
// WINOGRAD-LABEL: func.func @integers
// WINOGRAD: qc.conv
func.func @integers(%x: tensor<1x2x10x11xui8>) -> tensor<1x16x10x11xsi32> {
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %w = qc.constant dense<1> : tensor<16x2x3x3xsi8> : tensor<16x2x3x3xsi8>
  %b = qc.constant dense<1> : tensor<16xsi32> : tensor<16xsi32>
  %0 = qc.conv %x, %w bias %b x_zero %z {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x10x11xui8>, tensor<16x2x3x3xsi8>, tensor<16xsi32>, tensor<ui8>) -> tensor<1x16x10x11xsi32>
  return %0 : tensor<1x16x10x11xsi32>
}

// An existing padding grows; floats have the denominator in their weights. Of a
// family the member is taken that should be fastest.
// FAMILY-LABEL: func.func @floats
// FAMILY: qc.pad %arg0, %{{.*}} {pads = array<i64: 0, 0, 2, 2, 0, 0, 1, 1>}
// FAMILY-NOT: qc.pad
// FAMILY: qc.sfc_output_transform %{{.*}} {algorithm = "sfc-6(1x7,1x3)", height = 13 : i64, width = 14 : i64}
// CHECK-LABEL: func.func @floats
// CHECK: qc.conv
func.func @floats(%x: tensor<1x2x10x13xf32>) -> tensor<1x1x13x14xf32> {
  %z = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %w = qc.constant dense<1.0> : tensor<1x2x1x3xf32> : tensor<1x2x1x3xf32>
  %p = qc.pad %x, %z {pads = array<i64: 0, 0, 2, 2, 0, 0, 1, 1>} : (tensor<1x2x10x13xf32>, tensor<f32>) -> tensor<1x2x13x16xf32>
  %0 = qc.conv %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x13x16xf32>, tensor<1x2x1x3xf32>) -> tensor<1x1x13x14xf32>
  return %0 : tensor<1x1x13x14xf32>
}

// REMARK: DirectConvolution {{.*}}Function=strided {{.*}}the convolution stays direct: its stride is not 1
// CHECK-LABEL: func.func @strided
// CHECK: qc.conv
func.func @strided(%x: tensor<1x2x9x9xf32>) -> tensor<1x1x4x4xf32> {
  %w = qc.constant dense<1.0> : tensor<1x2x3x3xf32> : tensor<1x2x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x9x9xf32>, tensor<1x2x3x3xf32>) -> tensor<1x1x4x4xf32>
  return %0 : tensor<1x1x4x4xf32>
}

// REMARK: DirectConvolution {{.*}}Function=pointwise {{.*}}no algorithm is for its window
func.func @pointwise(%x: tensor<1x2x9x9xf32>) -> tensor<1x1x9x9xf32> {
  %w = qc.constant dense<1.0> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2x9x9xf32>, tensor<1x2x1x1xf32>) -> tensor<1x1x9x9xf32>
  return %0 : tensor<1x1x9x9xf32>
}

// 4 * 255 * 127 * 9 * 2048 exceeds 32 bits: the quotient by 36 would not be
// exact.
// REMARK: DirectConvolution {{.*}}Function=large_sums {{.*}}its sums times 4 exceed 32 bits
func.func @large_sums(%x: tensor<1x2048x8x8xui8>) -> tensor<1x1x6x6xsi32> {
  %w = qc.constant dense<127> : tensor<1x2048x3x3xsi8> : tensor<1x2048x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x2048x8x8xui8>, tensor<1x2048x3x3xsi8>) -> tensor<1x1x6x6xsi32>
  return %0 : tensor<1x1x6x6xsi32>
}

// Each group is a convolution of its own; the zero point folds into the parts of the
// bias, 1 - 3 * 4 * 9 * 2 the first.
// CHECK-LABEL: func.func @groups
// CHECK: %[[X0:.*]] = qc.slice %arg0 {offsets = array<i64: 0, 0, 0, 0>, sizes = array<i64: 1, 4, 10, 11>
// CHECK: %[[B0:.*]] = qc.constant dense<[-215, -214, -213]> : tensor<3xsi32>
// CHECK: %[[P0:.*]] = qc.pad %[[X0]]
// CHECK: qc.sfc_input_transform %[[P0]]
// CHECK: qc.reshape %[[B0]]
// CHECK: %[[Y0:.*]] = qc.add {{.*}} -> tensor<1x3x10x11xsi32>
// CHECK: qc.slice %arg0 {offsets = array<i64: 0, 4, 0, 0>, sizes = array<i64: 1, 4, 10, 11>
// CHECK: qc.constant dense<[-212, -211, -210]> : tensor<3xsi32>
// CHECK: %[[Y1:.*]] = qc.add {{.*}} -> tensor<1x3x10x11xsi32>
// CHECK: qc.concat %[[Y0]], %[[Y1]] {axis = 1 : i64}
// Few channels in a group are few channels.
// AUTO-LABEL: func.func @groups
// AUTO-NOT: qc.slice
// AUTO: qc.conv
func.func @groups(%x: tensor<1x8x10x11xui8>) -> tensor<1x6x10x11xsi32> {
  %z = qc.constant dense<3> : tensor<ui8> : tensor<ui8>
  %w = qc.constant dense<2> : tensor<6x4x3x3xsi8> : tensor<6x4x3x3xsi8>
  %b = qc.constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xsi32> : tensor<6xsi32>
  %0 = qc.conv %x, %w bias %b x_zero %z {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x8x10x11xui8>, tensor<6x4x3x3xsi8>, tensor<6xsi32>, tensor<ui8>) -> tensor<1x6x10x11xsi32>
  return %0 : tensor<1x6x10x11xsi32>
}

// CHECK-LABEL: func.func @depthwise
// CHECK: qc.conv
// REMARK: DirectConvolution {{.*}}Function=depthwise {{.*}}it is depthwise
func.func @depthwise(%x: tensor<1x8x9x9xf32>) -> tensor<1x8x7x7xf32> {
  %w = qc.constant dense<1.0> : tensor<8x1x3x3xf32> : tensor<8x1x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 8 : i64} : (tensor<1x8x9x9xf32>, tensor<8x1x3x3xf32>) -> tensor<1x8x7x7xf32>
  return %0 : tensor<1x8x7x7xf32>
}

// By cost: Winograd's algorithm for floats, SFC for codes where bytes are
// widened, nothing for codes where the CPU multiplies bytes.
// AUTO-LABEL: func.func @float_layer
// AUTO: qc.sfc_input_transform {{.*}} {algorithm = "winograd(4x4,3x3)"}
// DOT-LABEL: func.func @float_layer
// DOT: qc.sfc_input_transform {{.*}} {algorithm = "winograd(4x4,3x3)"}
func.func @float_layer(%x: tensor<1x64x58x58xf32>) -> tensor<1x64x56x56xf32> {
  %w = qc.constant dense<1.0> : tensor<64x64x3x3xf32> : tensor<64x64x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x58x58xf32>, tensor<64x64x3x3xf32>) -> tensor<1x64x56x56xf32>
  return %0 : tensor<1x64x56x56xf32>
}

// Weights of few bits are bytes before they are transformed. Small ones are
// multiplied faster directly, too: less is to be gained.
// AUTO-LABEL: func.func @narrow_layer
// AUTO: qc.sfc_input_transform
// AUTO: %[[W:.*]] = qc.cast %{{.*}} {to = si8} : (tensor<64x64x3x3xsi4>) -> tensor<64x64x3x3xsi8>
// AUTO: qc.sfc_weight_transform %[[W]]
// DOT-LABEL: func.func @narrow_layer
// DOT-NOT: qc.cast
// DOT: qc.conv
func.func @narrow_layer(%x: tensor<1x64x58x58xui8>) -> tensor<1x64x56x56xsi32> {
  %w = qc.constant dense<1> : tensor<64x64x3x3xsi4> : tensor<64x64x3x3xsi4>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x58x58xui8>, tensor<64x64x3x3xsi4>) -> tensor<1x64x56x56xsi32>
  return %0 : tensor<1x64x56x56xsi32>
}

// AUTO-LABEL: func.func @large_codes
// AUTO: qc.sfc_input_transform
func.func @large_codes(%x: tensor<1x64x16x16xui8>) -> tensor<1x64x14x14xsi32> {
  %w = qc.constant dense<100> : tensor<64x64x3x3xsi8> : tensor<64x64x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x16x16xui8>, tensor<64x64x3x3xsi8>) -> tensor<1x64x14x14xsi32>
  return %0 : tensor<1x64x14x14xsi32>
}

// AUTO-LABEL: func.func @small_codes
// AUTO: qc.conv
func.func @small_codes(%x: tensor<1x64x16x16xui8>) -> tensor<1x64x14x14xsi32> {
  %w = qc.constant dense<8> : tensor<64x64x3x3xsi8> : tensor<64x64x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x16x16xui8>, tensor<64x64x3x3xsi8>) -> tensor<1x64x14x14xsi32>
  return %0 : tensor<1x64x14x14xsi32>
}

// AUTO-LABEL: func.func @code_layer
// AUTO: qc.sfc_input_transform {{.*}} {algorithm = "sfc-{{.*}}"}
// DOT-LABEL: func.func @code_layer
// DOT: qc.conv
func.func @code_layer(%x: tensor<1x64x58x58xui8>) -> tensor<1x64x56x56xsi32> {
  %w = qc.constant dense<1> : tensor<64x64x3x3xsi8> : tensor<64x64x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x64x58x58xui8>, tensor<64x64x3x3xsi8>) -> tensor<1x64x56x56xsi32>
  return %0 : tensor<1x64x56x56xsi32>
}

// Few channels leave vectors empty, and large weights take longer to read than
// their products save.
// AUTO-LABEL: func.func @image
// AUTO: qc.conv
func.func @image(%x: tensor<1x3x58x58xf32>) -> tensor<1x64x56x56xf32> {
  %w = qc.constant dense<1.0> : tensor<64x3x3x3xf32> : tensor<64x3x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x58x58xf32>, tensor<64x3x3x3xf32>) -> tensor<1x64x56x56xf32>
  return %0 : tensor<1x64x56x56xf32>
}

// AUTO-LABEL: func.func @late_layer
// AUTO: qc.conv
func.func @late_layer(%x: tensor<1x512x9x9xui8>) -> tensor<1x512x7x7xsi32> {
  %w = qc.constant dense<1> : tensor<512x512x3x3xsi8> : tensor<512x512x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x512x9x9xui8>, tensor<512x512x3x3xsi8>) -> tensor<1x512x7x7xsi32>
  return %0 : tensor<1x512x7x7xsi32>
}

// Nothing is faster than nothing.
// AUTO-LABEL: func.func @no_images
// AUTO: qc.conv
// REMARK: DirectConvolution {{.*}}Function=no_images {{.*}}it is empty
func.func @no_images(%x: tensor<0x16x8x8xui8>) -> tensor<0x16x6x6xsi32> {
  %w = qc.constant dense<1> : tensor<16x16x3x3xsi8> : tensor<16x16x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<0x16x8x8xui8>, tensor<16x16x3x3xsi8>) -> tensor<0x16x6x6xsi32>
  return %0 : tensor<0x16x6x6xsi32>
}

// REMARK: DirectConvolution {{.*}}Function=no_inputs {{.*}}it is empty
func.func @no_inputs(%x: tensor<1x0x8x8xui8>) -> tensor<1x16x6x6xsi32> {
  %w = qc.constant dense<> : tensor<16x0x3x3xsi8> : tensor<16x0x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x0x8x8xui8>, tensor<16x0x3x3xsi8>) -> tensor<1x16x6x6xsi32>
  return %0 : tensor<1x16x6x6xsi32>
}

// REMARK: DirectConvolution {{.*}}Function=no_outputs {{.*}}it is empty
func.func @no_outputs(%x: tensor<1x16x8x8xui8>) -> tensor<1x0x6x6xsi32> {
  %w = qc.constant dense<> : tensor<0x16x3x3xsi8> : tensor<0x16x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x8x8xui8>, tensor<0x16x3x3xsi8>) -> tensor<1x0x6x6xsi32>
  return %0 : tensor<1x0x6x6xsi32>
}

// Costs of more multiplications than 64 bits count.
// AUTO-LABEL: func.func @many_images
// AUTO: qc.sfc_input_transform {{.*}} {algorithm = "winograd(4x4,3x3)"}
func.func @many_images(%x: tensor<1048576x512x4098x4098xf32>) -> tensor<1048576x512x4096x4096xf32> {
  %w = qc.constant dense<1.0> : tensor<512x512x3x3xf32> : tensor<512x512x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1048576x512x4098x4098xf32>, tensor<512x512x3x3xf32>) -> tensor<1048576x512x4096x4096xf32>
  return %0 : tensor<1048576x512x4096x4096xf32>
}

// Zero points that cannot fold into the bias.
// REMARK: DirectConvolution {{.*}}Function=any_zero {{.*}}its input's zero point is not a constant of the input's type
func.func @any_zero(%x: tensor<1x16x8x8xui8>, %z: tensor<ui8>) -> tensor<1x16x6x6xsi32> {
  %w = qc.constant dense<1> : tensor<16x16x3x3xsi8> : tensor<16x16x3x3xsi8>
  %0 = qc.conv %x, %w x_zero %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x8x8xui8>, tensor<16x16x3x3xsi8>, tensor<ui8>) -> tensor<1x16x6x6xsi32>
  return %0 : tensor<1x16x6x6xsi32>
}

// REMARK: DirectConvolution {{.*}}Function=any_bias {{.*}}its input has a zero point, and its bias is not constant
func.func @any_bias(%x: tensor<1x16x8x8xui8>, %b: tensor<16xsi32>) -> tensor<1x16x6x6xsi32> {
  %w = qc.constant dense<1> : tensor<16x16x3x3xsi8> : tensor<16x16x3x3xsi8>
  %z = qc.constant dense<7> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w bias %b x_zero %z {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x8x8xui8>, tensor<16x16x3x3xsi8>, tensor<16xsi32>, tensor<ui8>) -> tensor<1x16x6x6xsi32>
  return %0 : tensor<1x16x6x6xsi32>
}

// A padding of other floats than zeros does not grow, nor does a crop shrink; one
// that is not finite would reach all outputs of its tiles.
// CHECK-LABEL: func.func @ones
// CHECK: %[[P:.*]] = qc.pad %arg0, %{{.*}} {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>}
// CHECK: qc.pad %[[P]], %{{.*}} {pads = array<i64: 0, 0, 0, 0, 0, 0, 4, 4>}
func.func @ones(%x: tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> {
  %one = qc.constant dense<1.0> : tensor<f32> : tensor<f32>
  %w = qc.constant dense<1.0> : tensor<16x16x3x3xf32> : tensor<16x16x3x3xf32>
  %p = qc.pad %x, %one {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>} : (tensor<1x16x8x8xf32>, tensor<f32>) -> tensor<1x16x10x10xf32>
  %0 = qc.conv %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x8x8xf32>
  return %0 : tensor<1x16x8x8xf32>
}

// CHECK-LABEL: func.func @crop
// CHECK: %[[P:.*]] = qc.pad %arg0, %{{.*}} {pads = array<i64: 0, 0, 0, 0, 0, 0, -1, -1>}
// CHECK: qc.pad %[[P]], %{{.*}} {pads = array<i64: 0, 0, 0, 0, 0, 0, 4, 4>}
func.func @crop(%x: tensor<1x16x11x11xf32>) -> tensor<1x16x8x8xf32> {
  %zero = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %w = qc.constant dense<1.0> : tensor<16x16x3x3xf32> : tensor<16x16x3x3xf32>
  %p = qc.pad %x, %zero {pads = array<i64: 0, 0, 0, 0, 0, 0, -1, -1>} : (tensor<1x16x11x11xf32>, tensor<f32>) -> tensor<1x16x10x10xf32>
  %0 = qc.conv %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x8x8xf32>
  return %0 : tensor<1x16x8x8xf32>
}

// REMARK: DirectConvolution {{.*}}Function=infinities {{.*}}it is padded with a value that is not finite
func.func @infinities(%x: tensor<1x16x8x8xf32>) -> tensor<1x16x8x8xf32> {
  %low = qc.constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %w = qc.constant dense<1.0> : tensor<16x16x3x3xf32> : tensor<16x16x3x3xf32>
  %p = qc.pad %x, %low {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>} : (tensor<1x16x8x8xf32>, tensor<f32>) -> tensor<1x16x10x10xf32>
  %0 = qc.conv %p, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x10x10xf32>, tensor<16x16x3x3xf32>) -> tensor<1x16x8x8xf32>
  return %0 : tensor<1x16x8x8xf32>
}

// Along one dimension: a map of one row, with the same padding and bias; the choice
// is that of such a map.
// FAMILY-LABEL: func.func @sequence
// FAMILY: %[[X:.*]] = qc.reshape %arg0 {shape = array<i64: 1, 64, 1, 200>}
// FAMILY: %[[W:.*]] = qc.constant {{.*}} : tensor<64x64x1x5xsi8>
// FAMILY: %[[P:.*]] = qc.pad %[[X]], %{{.*}} {pads = array<i64: 0, 0, 0, 1, 0, 0, 0, {{[0-9]+}}>}
// FAMILY: qc.sfc_input_transform %[[P]] {algorithm = "sfc-6([[A:1x.,1x5]])"}
// FAMILY: qc.sfc_weight_transform %[[W]] {algorithm = "sfc-6([[A]])"}
// FAMILY: %[[B:.*]] = qc.add {{.*}} -> tensor<1x64x1x199xsi32>
// FAMILY: %[[Y:.*]] = qc.reshape %[[B]] {shape = array<i64: 1, 64, 199>}
// FAMILY: return %[[Y]]
// CHECK-LABEL: func.func @sequence
// CHECK-NOT: qc.reshape
// CHECK: qc.conv {{.*}} -> tensor<1x64x199xsi32>
// AUTO-LABEL: func.func @sequence
// AUTO: qc.sfc_input_transform {{.*}} {algorithm = "sfc-6(1x
// DOT-LABEL: func.func @sequence
// DOT-NOT: qc.reshape
// DOT: qc.conv {{.*}} -> tensor<1x64x199xsi32>
// DIRECT-LABEL: func.func @sequence
// DIRECT: qc.conv {{.*}} -> tensor<1x64x199xsi32>
func.func @sequence(%x: tensor<1x64x200xui8>) -> tensor<1x64x199xsi32> {
  %w = qc.constant dense<100> : tensor<64x64x5xsi8> : tensor<64x64x5xsi8>
  %b = qc.constant dense<2> : tensor<64xsi32> : tensor<64xsi32>
  %0 = qc.conv %x, %w bias %b {strides = array<i64: 1>, pads = array<i64: 1, 2>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x64x200xui8>, tensor<64x64x5xsi8>, tensor<64xsi32>) -> tensor<1x64x199xsi32>
  return %0 : tensor<1x64x199xsi32>
}

// FAMILY-LABEL: func.func @sequence_groups
// FAMILY: qc.reshape %arg0
// FAMILY-COUNT-2: qc.sfc_output_transform
// FAMILY: %[[Y:.*]] = qc.concat
// FAMILY: qc.reshape %[[Y]] {shape = array<i64: 2, 8, 18>}
func.func @sequence_groups(%x: tensor<2x6x20xf32>) -> tensor<2x8x18xf32> {
  %w = qc.constant dense<1.0> : tensor<8x3x3xf32> : tensor<8x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 2 : i64} : (tensor<2x6x20xf32>, tensor<8x3x3xf32>) -> tensor<2x8x18xf32>
  return %0 : tensor<2x8x18xf32>
}

// REMARK: DirectConvolution {{.*}}Function=strided_sequence {{.*}}its stride is not 1
// FAMILY-LABEL: func.func @strided_sequence
// FAMILY-NOT: qc.reshape
// FAMILY: qc.conv
func.func @strided_sequence(%x: tensor<2x6x20xf32>) -> tensor<2x8x9xf32> {
  %w = qc.constant dense<1.0> : tensor<8x6x3xf32> : tensor<8x6x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 2>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<2x6x20xf32>, tensor<8x6x3xf32>) -> tensor<2x8x9xf32>
  return %0 : tensor<2x8x9xf32>
}

// REMARK: DirectConvolution {{.*}}Function=volume {{.*}}it has neither one nor two dimensions
func.func @volume(%x: tensor<1x2x8x8x8xf32>) -> tensor<1x1x6x6x6xf32> {
  %w = qc.constant dense<1.0> : tensor<1x2x3x3x3xf32> : tensor<1x2x3x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1, 1>, pads = array<i64: 0, 0, 0, 0, 0, 0>, dilations = array<i64: 1, 1, 1>, group = 1 : i64} : (tensor<1x2x8x8x8xf32>, tensor<1x2x3x3x3xf32>) -> tensor<1x1x6x6x6xf32>
  return %0 : tensor<1x1x6x6x6xf32>
}

// REMARK: DirectConvolution {{.*}}Function=infinite_sequence {{.*}}it is padded with a value that is not finite
func.func @infinite_sequence(%x: tensor<1x16x8xf32>) -> tensor<1x16x8xf32> {
  %low = qc.constant dense<0xFF800000> : tensor<f32> : tensor<f32>
  %w = qc.constant dense<1.0> : tensor<16x16x3xf32> : tensor<16x16x3xf32>
  %p = qc.pad %x, %low {pads = array<i64: 0, 0, 1, 0, 0, 1>} : (tensor<1x16x8xf32>, tensor<f32>) -> tensor<1x16x10xf32>
  %0 = qc.conv %p, %w {strides = array<i64: 1>, pads = array<i64: 0, 0>, dilations = array<i64: 1>, group = 1 : i64} : (tensor<1x16x10xf32>, tensor<16x16x3xf32>) -> tensor<1x16x8xf32>
  return %0 : tensor<1x16x8xf32>
}

// Kernels are formed behind this pass: those that there are stay as they are.
// CHECK-LABEL: qc.kernel @kernel
// CHECK: qc.conv
// REMARK-NOT: its stride is not 1
qc.kernel @kernel(%x: tensor<1x16x8x8xui8>, %w: tensor<16x16x3x3xsi8>) -> tensor<1x16x3x3xsi32> attributes {family = "contraction"} {
  %0 = qc.conv %x, %w {strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x8x8xui8>, tensor<16x16x3x3xsi8>) -> tensor<1x16x3x3xsi32>
  qc.yield %0 : tensor<1x16x3x3xsi32>
}
