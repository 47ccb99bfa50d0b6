// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplications of each algorithm in the table of docs/sfc.md: per input and output
// channel one for each product and tile of a map of 84 x 84 outputs, and no other
// contraction.
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-4(4x4,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-4(4x4,3x3)" -DT=46 -DTILES=441 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(4x4,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(4x4,3x3)" -DT=52 -DTILES=441 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(6x6,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(6x6,3x3)" -DT=88 -DTILES=196 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(6x7,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(6x7,3x3)" -DT=108 -DTILES=168 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(7x7,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(7x7,3x3)" -DT=132 -DTILES=144 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(6x6,5x5)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(6x6,5x5)" -DT=184 -DTILES=196 --check-prefix=FIVE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=sfc-6(6x6,7x7)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="sfc-6(6x6,7x7)" -DT=388 -DTILES=196 --check-prefix=SEVEN
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=winograd(2x2,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="winograd(2x2,3x3)" -DT=16 -DTILES=1764 --check-prefix=THREE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-select-conv-algorithm{force=winograd(4x4,3x3)},canonicalize,cse,qc-form-kernels)' %s | FileCheck %s -DNAME="winograd(4x4,3x3)" -DT=36 -DTILES=441 --check-prefix=FLOATS

// THREE-LABEL: func.func @three
// THREE-NOT: qc.dispatch @conv
// THREE: qc.dispatch @matmul{{.*}} : (tensor<[[T]]x[[TILES]]x8xsi16>, tensor<[[T]]x8x4xsi16>) -> tensor<[[T]]x[[TILES]]x4xsi32>
// THREE-NOT: qc.dispatch @{{conv|matmul}}
// THREE: return
// THREE: qc.sfc_input_transform {{.*}} {algorithm = "[[NAME]]"}
// THREE: qc.matmul {{.*}} -> tensor<[[T]]x[[TILES]]x4xsi32>
func.func @three(%x: tensor<1x8x86x86xui8>) -> tensor<1x4x84x84xsi32> {
  %w = qc.constant dense<1> : tensor<4x8x3x3xsi8> : tensor<4x8x3x3xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x86x86xui8>, tensor<4x8x3x3xsi8>) -> tensor<1x4x84x84xsi32>
  return %0 : tensor<1x4x84x84xsi32>
}

// FIVE-LABEL: func.func @five
// FIVE-NOT: qc.dispatch @conv
// FIVE: qc.dispatch @matmul{{.*}} : (tensor<[[T]]x[[TILES]]x8xsi16>, tensor<[[T]]x8x4xsi16>) -> tensor<[[T]]x[[TILES]]x4xsi32>
// FIVE-NOT: qc.dispatch @{{conv|matmul}}
// FIVE: return
// FIVE: qc.sfc_input_transform {{.*}} {algorithm = "[[NAME]]"}
// FIVE: qc.matmul {{.*}} -> tensor<[[T]]x[[TILES]]x4xsi32>
func.func @five(%x: tensor<1x8x88x88xui8>) -> tensor<1x4x84x84xsi32> {
  %w = qc.constant dense<1> : tensor<4x8x5x5xsi8> : tensor<4x8x5x5xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x88x88xui8>, tensor<4x8x5x5xsi8>) -> tensor<1x4x84x84xsi32>
  return %0 : tensor<1x4x84x84xsi32>
}

// SEVEN-LABEL: func.func @seven
// SEVEN-NOT: qc.dispatch @conv
// SEVEN: qc.dispatch @matmul{{.*}} : (tensor<[[T]]x[[TILES]]x8xsi16>, tensor<[[T]]x8x4xsi16>) -> tensor<[[T]]x[[TILES]]x4xsi32>
// SEVEN-NOT: qc.dispatch @{{conv|matmul}}
// SEVEN: return
// SEVEN: qc.sfc_input_transform {{.*}} {algorithm = "[[NAME]]"}
// SEVEN: qc.matmul {{.*}} -> tensor<[[T]]x[[TILES]]x4xsi32>
func.func @seven(%x: tensor<1x8x90x90xui8>) -> tensor<1x4x84x84xsi32> {
  %w = qc.constant dense<1> : tensor<4x8x7x7xsi8> : tensor<4x8x7x7xsi8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x90x90xui8>, tensor<4x8x7x7xsi8>) -> tensor<1x4x84x84xsi32>
  return %0 : tensor<1x4x84x84xsi32>
}

// FLOATS-LABEL: func.func @floats
// FLOATS-NOT: qc.dispatch @conv
// FLOATS: qc.dispatch @matmul{{.*}} : (tensor<[[T]]x[[TILES]]x8xf32>, tensor<[[T]]x8x4xf32>) -> tensor<[[T]]x[[TILES]]x4xf32>
// FLOATS-NOT: qc.dispatch @{{conv|matmul}}
// FLOATS: return
// FLOATS: qc.sfc_input_transform {{.*}} {algorithm = "[[NAME]]"}
// FLOATS: qc.matmul {{.*}} -> tensor<[[T]]x[[TILES]]x4xf32>
func.func @floats(%x: tensor<1x8x86x86xf32>) -> tensor<1x4x84x84xf32> {
  %w = qc.constant dense<1.0> : tensor<4x8x3x3xf32> : tensor<4x8x3x3xf32>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x86x86xf32>, tensor<4x8x3x3xf32>) -> tensor<1x4x84x84xf32>
  return %0 : tensor<1x4x84x84xf32>
}
