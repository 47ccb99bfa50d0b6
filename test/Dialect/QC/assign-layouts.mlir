// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts %s | FileCheck %s
// RUN: qc-opt --qc-form-kernels --qc-assign-layouts --qc-plan-memory %s | FileCheck %s --check-prefix=PLAN

// Between two convolutions the tensor is channels-last, weights are packed, the
// program's input and output stay row-major.
// CHECK-LABEL: func.func @images(
// CHECK-SAME: %arg0: tensor<1x3x4x4xf32>) -> tensor<1x16x4x4xf32>
// CHECK: qc.dispatch {{.*}} -> tensor<1x16x4x4xf32, #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:16>>
// CHECK: qc.dispatch {{.*}}#qc.layout<0:16:1, 2:1:1, 3:1:1, 1:1:16, 0:1:16>>) -> tensor<1x16x4x4xf32>
func.func @images(%x: tensor<1x3x4x4xf32>) -> tensor<1x16x4x4xf32> {
  %w = qc.constant dense<1.0> : tensor<16x3x1x1xf32> : tensor<16x3x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<16x16x1x1xf32> : tensor<16x16x1x1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x3x4x4xf32>, tensor<16x3x1x1xf32>) -> tensor<1x16x4x4xf32>
  %1 = qc.conv %0, %v {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x16x4x4xf32>, tensor<16x16x1x1xf32>) -> tensor<1x16x4x4xf32>
  return %1 : tensor<1x16x4x4xf32>
}

// No change: nothing asks for a layout.
// CHECK-LABEL: func.func @rows
// CHECK-NOT: qc.layout
// CHECK: return
func.func @rows(%x: tensor<2x3x4xf32>) -> tensor<2x3x4xf32> {
  %0 = qc.exp %x : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// Weights that a kernel computes from constants alone are written packed by that kernel, once for each
// layout that is asked for.
// CHECK-LABEL: func.func @unpacked
// CHECK: %[[A:.*]] = qc.dispatch @dequantize{{.*}}: (tensor<8x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<8x32xf32, #qc.layout<1:16:2, 0:1:8, 1:1:16>>
// CHECK: qc.dispatch @matmul{{.*}}(%arg0, %[[A]])
// CHECK-NOT: qc.dispatch @dequantize
// CHECK: return
func.func @unpacked(%x: tensor<2x8xf32>) -> tensor<2x32xf32> {
  %q = qc.constant dense<3> : tensor<8x32xsi4> : tensor<8x32xsi4>
  %s = qc.constant dense<0.5> : tensor<32xf32> : tensor<32xf32>
  %z = qc.constant dense<1> : tensor<32xsi4> : tensor<32xsi4>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<8x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<8x32xf32>
  %y = qc.matmul %x, %w : (tensor<2x8xf32>, tensor<8x32xf32>) -> tensor<2x32xf32>
  return %y : tensor<2x32xf32>
}

// A shuffle of channels: they are innermost as two dimensions, too, and no
// reshape moves an element.
// CHECK-LABEL: func.func @shuffled
// CHECK: qc.dispatch @conv{{.*}} -> tensor<1x6x4x4xf32, #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:6>>
// CHECK: qc.reshape {{.*}} -> tensor<1x2x3x4x4xf32, #qc.layout<0:1:1, 3:1:4, 4:1:4, 1:1:2, 2:1:3>>
// CHECK: qc.dispatch @transpose{{.*}} -> tensor<1x3x2x4x4xf32, #qc.layout<0:1:1, 3:1:4, 4:1:4, 1:1:3, 2:1:2>>
// CHECK: qc.reshape {{.*}} -> tensor<1x6x4x4xf32, #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:6>>
// CHECK: qc.dispatch @conv{{.*}} -> tensor<1x6x4x4xf32>
// PLAN-LABEL: qc.program @shuffled
// PLAN-NEXT: qc.launch @conv
// PLAN-NEXT: qc.launch @transpose
// PLAN-NEXT: qc.launch @conv
// PLAN-NEXT: }
func.func @shuffled(%x: tensor<1x6x4x4xf32>) -> tensor<1x6x4x4xf32> {
  %w = qc.constant dense<1.0> : tensor<6x3x1x1xf32> : tensor<6x3x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<6x1x3x3xf32> : tensor<6x1x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x6x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  %1 = qc.reshape %0 {shape = array<i64: 1, 2, 3, 4, 4>} : (tensor<1x6x4x4xf32>) -> tensor<1x2x3x4x4xf32>
  %2 = qc.transpose %1 {permutation = array<i64: 0, 2, 1, 3, 4>} : (tensor<1x2x3x4x4xf32>) -> tensor<1x3x2x4x4xf32>
  %3 = qc.reshape %2 {shape = array<i64: 1, 6, 4, 4>} : (tensor<1x3x2x4x4xf32>) -> tensor<1x6x4x4xf32>
  %4 = qc.conv %3, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 6 : i64} : (tensor<1x6x4x4xf32>, tensor<6x1x3x3xf32>) -> tensor<1x6x4x4xf32>
  return %4 : tensor<1x6x4x4xf32>
}

// The same with the split tensor as an output, which is row-major: what
// reshapes connect with it is so, too.
// CHECK-LABEL: func.func @split_output
// CHECK: qc.dispatch @conv{{.*}} -> tensor<1x6x4x4xf32>
// CHECK: qc.reshape {{.*}} -> tensor<1x2x3x4x4xf32>
// CHECK: qc.dispatch @conv
func.func @split_output(%x: tensor<1x6x4x4xf32>) -> (tensor<1x2x3x4x4xf32>, tensor<1x6x4x4xf32>) {
  %w = qc.constant dense<1.0> : tensor<6x3x1x1xf32> : tensor<6x3x1x1xf32>
  %v = qc.constant dense<1.0> : tensor<6x1x3x3xf32> : tensor<6x1x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x6x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  %1 = qc.reshape %0 {shape = array<i64: 1, 2, 3, 4, 4>} : (tensor<1x6x4x4xf32>) -> tensor<1x2x3x4x4xf32>
  %2 = qc.conv %0, %v {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 6 : i64} : (tensor<1x6x4x4xf32>, tensor<6x1x3x3xf32>) -> tensor<1x6x4x4xf32>
  return %1, %2 : tensor<1x2x3x4x4xf32>, tensor<1x6x4x4xf32>
}

// A norm over groups of channels reads them in rows: as it was before.
// CHECK-LABEL: func.func @grouped_norm
// CHECK: qc.dispatch @conv{{.*}} -> tensor<1x6x4x4xf32>
// CHECK: qc.reshape {{.*}} -> tensor<1x2x3x4x4xf32>
// CHECK: qc.dispatch @reduce
func.func @grouped_norm(%x: tensor<1x6x4x4xf32>) -> tensor<1x2x1x1x1xf32> {
  %w = qc.constant dense<1.0> : tensor<6x3x1x1xf32> : tensor<6x3x1x1xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 2 : i64} : (tensor<1x6x4x4xf32>, tensor<6x3x1x1xf32>) -> tensor<1x6x4x4xf32>
  %1 = qc.reshape %0 {shape = array<i64: 1, 2, 3, 4, 4>} : (tensor<1x6x4x4xf32>) -> tensor<1x2x3x4x4xf32>
  %2 = qc.reduce sum %1 {axes = array<i64: 2, 3, 4>} : (tensor<1x2x3x4x4xf32>) -> tensor<1x2x1x1x1xf32>
  return %2 : tensor<1x2x1x1x1xf32>
}

// An input of the program lies as it lies: a convolution of bytes computes on a
// copy, one for all that read it. Where pixels are whole as they are none is made.
// CHECK-LABEL: func.func @inputs
// CHECK: %[[COPY:.*]] = qc.dispatch @copy{{.*}}(%arg0) : (tensor<1x8x5x5xui8>) -> tensor<1x8x5x5xui8, #qc.layout<0:1:1, 2:1:5, 3:1:5, 1:1:8>>
// CHECK: qc.dispatch {{.*}}(%[[COPY]], %
// CHECK: qc.dispatch {{.*}}(%[[COPY]], %
// CHECK: qc.dispatch {{.*}}(%arg1, %
qc.kernel @bytes(%a: tensor<1x8x5x5xui8>, %b: tensor<16x8x1x1xsi8>) -> tensor<1x16x5x5xsi32> attributes {family = "contraction"} {
  %0 = qc.conv %a, %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x5x5xui8>, tensor<16x8x1x1xsi8>) -> tensor<1x16x5x5xsi32>
  qc.yield %0 : tensor<1x16x5x5xsi32>
}
qc.kernel @pixels(%a: tensor<1x8x1x1xui8>, %b: tensor<16x8x1x1xsi8>) -> tensor<1x16x1x1xsi32> attributes {family = "contraction"} {
  %0 = qc.conv %a, %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x8x1x1xui8>, tensor<16x8x1x1xsi8>) -> tensor<1x16x1x1xsi32>
  qc.yield %0 : tensor<1x16x1x1xsi32>
}
func.func @inputs(%x: tensor<1x8x5x5xui8>, %y: tensor<1x8x1x1xui8>) -> (tensor<1x16x5x5xsi32>, tensor<1x16x5x5xsi32>, tensor<1x16x1x1xsi32>) {
  %w = qc.constant dense<1> : tensor<16x8x1x1xsi8> : tensor<16x8x1x1xsi8>
  %v = qc.constant dense<2> : tensor<16x8x1x1xsi8> : tensor<16x8x1x1xsi8>
  %0 = qc.dispatch @bytes(%x, %w) : (tensor<1x8x5x5xui8>, tensor<16x8x1x1xsi8>) -> tensor<1x16x5x5xsi32>
  %1 = qc.dispatch @bytes(%x, %v) : (tensor<1x8x5x5xui8>, tensor<16x8x1x1xsi8>) -> tensor<1x16x5x5xsi32>
  %2 = qc.dispatch @pixels(%y, %w) : (tensor<1x8x1x1xui8>, tensor<16x8x1x1xsi8>) -> tensor<1x16x1x1xsi32>
  return %0, %1, %2 : tensor<1x16x5x5xsi32>, tensor<1x16x5x5xsi32>, tensor<1x16x1x1xsi32>
}
