// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --pass-pipeline='builtin.module(qc-band-transforms{cache-bytes=40000})' %s | FileCheck %s
// RUN: qc-opt --pass-pipeline='builtin.module(qc-band-transforms)' %s | FileCheck %s --check-prefix=WHOLE
// RUN: qc-opt --pass-pipeline='builtin.module(qc-band-transforms{cache-bytes=40000},qc-plan-memory)' %s | FileCheck %s --check-prefix=PLAN

// Four rows of tiles in two bands, whose maps are parts of the whole ones: the
// same strides, fewer rows. Kernels are shared.
// CHECK-LABEL: func.func @main
// CHECK: %[[X0:.*]] = qc.slice %{{.*}} {offsets = array<i64: 0, 0, 0, 0>, {{.*}}-> tensor<1x8x10x6xui8, #qc.layout<0:1:1, 2:1:10, 3:1:6, 1:1:8>>
// CHECK: %[[V0:.*]] = qc.dispatch @input_band(%[[X0]]) {{.*}} -> tensor<46x2x8xsi16>
// CHECK: %[[M0:.*]] = qc.dispatch @product_band(%[[V0]], %{{.*}}) {{.*}} -> tensor<46x2x64xsi32>
// CHECK: %[[R0:.*]] = qc.slice %{{.*}} {offsets = array<i64: 0, 0, 0, 0>
// CHECK: %[[Y0:.*]] = qc.dispatch @output_band(%[[M0]], %[[R0]]) {{.*}} -> tensor<1x64x8x4xsi32, #qc.layout<0:1:1, 2:1:9, 3:1:6, 1:1:64, offset 448>>
// CHECK: qc.slice %{{.*}} {offsets = array<i64: 0, 0, 8, 0>
// CHECK: qc.dispatch @input_band
// CHECK: qc.dispatch @product_band
// CHECK: qc.slice %{{.*}} {offsets = array<i64: 0, 0, 8, 0>
// The last band ends where the map does: a kernel of its own.
// CHECK: %[[Y1:.*]] = qc.dispatch @output_band_{{.*}} -> tensor<1x64x7x4xsi32, #qc.layout<0:1:1, 2:1:8, 3:1:6, 1:1:64, offset 448>>
// CHECK: qc.concat %[[Y0]], %[[Y1]] {axis = 2 : i64}
// CHECK-DAG: qc.kernel @output_band({{.*}}
// CHECK-DAG: qc.sfc_output_transform %{{.*}} height = 8 : i64
// CHECK-DAG: qc.sfc_output_transform %{{.*}} height = 7 : i64

// WHOLE-LABEL: func.func @main
// WHOLE-NOT: qc.slice
// WHOLE: qc.dispatch @input(

// Parts are offsets: rows of 6 * 8 bytes, and of 6 * 64 * 4 bytes in a tensor
// with a border.
// PLAN: qc.program @main
// PLAN: qc.launch @input_band [#qc.buffer<arena, 0, 64960, 480>
// PLAN: qc.launch @output_band [{{.*}}, #qc.buffer<arena, 0, 48128, 8192>, #qc.buffer<arena, 0, 0, 13824>]
// PLAN: qc.launch @input_band [#qc.buffer<arena, 0, 65344, 480>
// PLAN: qc.launch @output_band_0 [{{.*}}, #qc.buffer<arena, 0, 56320, 7168>, #qc.buffer<arena, 0, 12288, 12288>]
// PLAN: qc.launch @border [#qc.buffer<arena, 0, 0, 24576>]

#map = #qc.layout<0:1:1, 2:1:18, 3:1:6, 1:1:8>
#residual = #qc.layout<0:1:1, 2:1:15, 3:1:4, 1:1:64>
#inside = #qc.layout<0:1:1, 2:1:16, 3:1:6, 1:1:64, offset 448>
#padded = #qc.layout<0:1:1, 2:1:16, 3:1:6, 1:1:64>
#weights = #qc.layout<0:1:46, 2:16:4, 1:2:4, 2:1:16, 1:1:2>
func.func @main(%x: tensor<1x8x18x6xui8>, %r: tensor<1x64x15x4xsi32>) -> tensor<1x64x16x6xsi32> {
  %u = qc.constant dense<1> : tensor<46x8x64xsi16> : tensor<46x8x64xsi16, #weights>
  %map = qc.dispatch @to_map(%x) : (tensor<1x8x18x6xui8>) -> tensor<1x8x18x6xui8, #map>
  %residual = qc.dispatch @to_residual(%r) : (tensor<1x64x15x4xsi32>) -> tensor<1x64x15x4xsi32, #residual>
  %v = qc.dispatch @input(%map) : (tensor<1x8x18x6xui8, #map>) -> tensor<46x4x8xsi16>
  %m = qc.dispatch @product(%v, %u) : (tensor<46x4x8xsi16>, tensor<46x8x64xsi16, #weights>) -> tensor<46x4x64xsi32>
  %y = qc.dispatch @output(%m, %residual) : (tensor<46x4x64xsi32>, tensor<1x64x15x4xsi32, #residual>) -> tensor<1x64x15x4xsi32, #inside>
  %border = qc.dispatch @border() : () -> tensor<1x64x16x6xsi32, #padded>
  %whole = qc.assemble %y, %border : (tensor<1x64x15x4xsi32, #inside>, tensor<1x64x16x6xsi32, #padded>) -> tensor<1x64x16x6xsi32, #padded>
  %result = qc.dispatch @from_padded(%whole) : (tensor<1x64x16x6xsi32, #padded>) -> tensor<1x64x16x6xsi32>
  return %result : tensor<1x64x16x6xsi32>
}
qc.kernel @to_map(%a: tensor<1x8x18x6xui8>) -> tensor<1x8x18x6xui8, #map> attributes {family = "movement"} {
  %0 = qc.reshape %a {shape = array<i64: 1, 8, 18, 6>} : (tensor<1x8x18x6xui8>) -> tensor<1x8x18x6xui8, #map>
  qc.yield %0 : tensor<1x8x18x6xui8, #map>
}
qc.kernel @to_residual(%a: tensor<1x64x15x4xsi32>) -> tensor<1x64x15x4xsi32, #residual> attributes {family = "movement"} {
  %0 = qc.reshape %a {shape = array<i64: 1, 64, 15, 4>} : (tensor<1x64x15x4xsi32>) -> tensor<1x64x15x4xsi32, #residual>
  qc.yield %0 : tensor<1x64x15x4xsi32, #residual>
}
qc.kernel @from_padded(%a: tensor<1x64x16x6xsi32, #padded>) -> tensor<1x64x16x6xsi32> attributes {family = "movement"} {
  %0 = qc.reshape %a {shape = array<i64: 1, 64, 16, 6>} : (tensor<1x64x16x6xsi32, #padded>) -> tensor<1x64x16x6xsi32>
  qc.yield %0 : tensor<1x64x16x6xsi32>
}
qc.kernel @border() -> tensor<1x64x16x6xsi32, #padded> attributes {family = "movement"} {
  %z = qc.constant dense<0> : tensor<si32> : tensor<si32>
  %0 = qc.pad_border %z {shape = array<i64: 1, 64, 16, 6>, pads = array<i64: 0, 0, 1, 1, 0, 0, 0, 1>} : (tensor<si32>) -> tensor<1x64x16x6xsi32, #padded>
  qc.yield %0 : tensor<1x64x16x6xsi32, #padded>
}
qc.kernel @input(%x: tensor<1x8x18x6xui8, #map>) -> tensor<46x4x8xsi16> attributes {family = "block"} {
  %0 = qc.sfc_input_transform %x {algorithm = "sfc-4(4x4,3x3)"} : (tensor<1x8x18x6xui8, #map>) -> tensor<46x4x8xsi16>
  qc.yield %0 : tensor<46x4x8xsi16>
}
qc.kernel @product(%v: tensor<46x4x8xsi16>, %u: tensor<46x8x64xsi16, #weights>) -> tensor<46x4x64xsi32> attributes {family = "contraction"} {
  %0 = qc.matmul %v, %u : (tensor<46x4x8xsi16>, tensor<46x8x64xsi16, #weights>) -> tensor<46x4x64xsi32>
  qc.yield %0 : tensor<46x4x64xsi32>
}
qc.kernel @output(%m: tensor<46x4x64xsi32>, %r: tensor<1x64x15x4xsi32, #residual>) -> tensor<1x64x15x4xsi32, #inside> attributes {family = "block"} {
  %0 = qc.sfc_output_transform %m {algorithm = "sfc-4(4x4,3x3)", divisor = 16 : i64, height = 15 : i64, width = 4 : i64} : (tensor<46x4x64xsi32>) -> tensor<1x64x15x4xsi32>
  %1 = qc.add %0, %r : (tensor<1x64x15x4xsi32>, tensor<1x64x15x4xsi32, #residual>) -> tensor<1x64x15x4xsi32, #inside>
  qc.yield %1 : tensor<1x64x15x4xsi32, #inside>
}
