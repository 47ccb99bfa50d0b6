// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --canonicalize --qc-to-integer --qc-form-kernels --split-input-file %s | FileCheck %s
// RUN: qc-opt --canonicalize --qc-to-integer --qc-form-kernels=unpack=registers --split-input-file %s | FileCheck %s --check-prefix=REGISTERS
// RUN: qc-opt --canonicalize --qc-to-integer --qc-form-kernels=unpack=few-rows --qc-assign-layouts --split-input-file %s | FileCheck %s --check-prefix=FEW
// RUN: not qc-opt --qc-form-kernels=unpack=never %s 2>&1 | FileCheck %s --check-prefix=REFUSED
// REFUSED: unpack 'never'; accepted are load, few-rows and registers
//
// Constants whose codes are much smaller than what they become are left as codes, and are unpacked by a
// kernel of their own or, on request, by the kernel that reads them.

// CHECK-LABEL: func.func @large
// CHECK: %[[W:.*]] = qc.dispatch @[[UNPACK:dequantize_[0-9]+]]({{.*}}) : (tensor<64x32xsi4>, tensor<2x32xf32>, tensor<2x32xsi4>) -> tensor<64x32xf32>
// CHECK: qc.dispatch @matmul_{{[0-9]+}}(%arg0, %[[W]])
// One row: its kernel unpacks codes and scales that are packed for it, and knows the zero point.
// FEW-LABEL: func.func @large
// FEW: qc.dispatch @[[MATMUL:matmul_[0-9_]+]]({{.*}}) : (tensor<64x32xsi4, #qc.layout<1:16:2, 0:2:32, 1:1:16, 0:1:2>>, tensor<2x32xf32, #qc.layout<1:16:2, 0:1:2, 1:1:16>>, tensor<1x64xf32>) -> tensor<1x32xf32>
// FEW: qc.kernel @[[MATMUL]]
// FEW-NEXT: qc.constant dense<0> : tensor<si4>
// FEW-NEXT: qc.dequantize
// REGISTERS-LABEL: func.func @large
// REGISTERS: qc.dispatch @[[MATMUL:matmul_[0-9]+]]({{.*}}, %arg0) : (tensor<64x32xsi4>, tensor<2x32xf32>, tensor<1x64xf32>) -> tensor<1x32xf32>
// REGISTERS: qc.kernel @[[MATMUL]]
// REGISTERS-NEXT: qc.constant dense<0> : tensor<si4>
// REGISTERS-NEXT: %[[V:.*]] = qc.dequantize %arg0, %arg1, %{{.*}}
// REGISTERS-NEXT: qc.matmul %arg2, %[[V]]
func.func @large(%x: tensor<1x64xf32>) -> tensor<1x32xf32> {
  %q = qc.constant dense<3> : tensor<64x32xsi4> : tensor<64x32xsi4>
  %s = qc.constant dense<0.5> : tensor<2x32xf32> : tensor<2x32xf32>
  %z = qc.constant dense<0> : tensor<2x32xsi4> : tensor<2x32xsi4>
  %w = qc.dequantize %q, %s, %z {axis = 0 : i64, blockSize = 32 : i64} : (tensor<64x32xsi4>, tensor<2x32xf32>, tensor<2x32xsi4>) -> tensor<64x32xf32>
  %y = qc.matmul %x, %w : (tensor<1x64xf32>, tensor<64x32xf32>) -> tensor<1x32xf32>
  return %y : tensor<1x32xf32>
}

// -----

// A few bytes are not worth it.
// CHECK-LABEL: func.func @small
// CHECK: %[[W:.*]] = qc.constant {{.*}} : tensor<16x32xf32>
// CHECK: qc.dispatch @matmul_0(%arg0, %[[W]])
// REGISTERS-LABEL: func.func @small
// REGISTERS: qc.dispatch @matmul_0(%arg0, %{{.*}}) : (tensor<1x16xf32>, tensor<16x32xf32>)
func.func @small(%x: tensor<1x16xf32>) -> tensor<1x32xf32> {
  %q = qc.constant dense<3> : tensor<16x32xsi4> : tensor<16x32xsi4>
  %s = qc.constant dense<0.5> : tensor<32xf32> : tensor<32xf32>
  %z = qc.constant dense<0> : tensor<32xsi4> : tensor<32xsi4>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<16x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<16x32xf32>
  %y = qc.matmul %x, %w : (tensor<1x16xf32>, tensor<16x32xf32>) -> tensor<1x32xf32>
  return %y : tensor<1x32xf32>
}

// -----

// Biases in si32 are as large as what they become.
// CHECK-LABEL: func.func @wide_codes
// CHECK: qc.constant {{.*}} : tensor<1024xf32>
// CHECK-NOT: dequantize
func.func @wide_codes(%x: tensor<2x1024xf32>) -> tensor<2x1024xf32> {
  %q = qc.constant dense<3> : tensor<1024xsi32> : tensor<1024xsi32>
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si32> : tensor<si32>
  %w = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1024xsi32>, tensor<f32>, tensor<si32>) -> tensor<1024xf32>
  %y = qc.add %x, %w : (tensor<2x1024xf32>, tensor<1024xf32>) -> tensor<2x1024xf32>
  return %y : tensor<2x1024xf32>
}

// -----

// Neither do casts to wider elements fold, but those that make nothing larger do.
// CHECK-LABEL: func.func @casts
// CHECK: qc.constant {{.*}} : tensor<1024xsi16>
// CHECK: qc.dispatch @cast_0(%{{.*}}) : (tensor<1024xf16>) -> tensor<1024xf32>
// CHECK-NOT: qc.dispatch @cast
func.func @casts(%x: tensor<1024xsi16>, %u: tensor<2x1024xf32>) -> (tensor<1024xsi16>, tensor<2x1024xf32>) {
  %c = qc.constant dense<3> : tensor<1024xsi32> : tensor<1024xsi32>
  %h = qc.constant dense<0.5> : tensor<1024xf16> : tensor<1024xf16>
  %w = qc.cast %c {to = si16} : (tensor<1024xsi32>) -> tensor<1024xsi16>
  %v = qc.cast %h {to = f32} : (tensor<1024xf16>) -> tensor<1024xf32>
  %y = qc.add %x, %w : (tensor<1024xsi16>, tensor<1024xsi16>) -> tensor<1024xsi16>
  %z = qc.add %u, %v : (tensor<2x1024xf32>, tensor<1024xf32>) -> tensor<2x1024xf32>
  return %y, %z : tensor<1024xsi16>, tensor<2x1024xf32>
}

// -----

// No change: for more rows the floats are prepared.
// FEW-LABEL: func.func @rows
// FEW: qc.dispatch @dequantize
// FEW: qc.dispatch @matmul
func.func @rows(%x: tensor<3x4x64xf32>) -> tensor<3x4x32xf32> {
  %q = qc.constant dense<3> : tensor<64x32xsi4> : tensor<64x32xsi4>
  %s = qc.constant dense<0.5> : tensor<32xf32> : tensor<32xf32>
  %z = qc.constant dense<0> : tensor<32xsi4> : tensor<32xsi4>
  %w = qc.dequantize %q, %s, %z {axis = 1 : i64} : (tensor<64x32xsi4>, tensor<32xf32>, tensor<32xsi4>) -> tensor<64x32xf32>
  %y = qc.matmul %x, %w : (tensor<3x4x64xf32>, tensor<64x32xf32>) -> tensor<3x4x32xf32>
  return %y : tensor<3x4x32xf32>
}
