// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-schedule-windows="dot=multiply-add" %s | FileCheck %s
// RUN: qc-opt --qc-schedule-windows="vector-bytes=64 registers=32 dot=dot-product" %s | FileCheck %s --check-prefix=DOT

#nhwc = #qc.layout<0:1:1, 2:1:14, 3:1:14, 1:1:32>
#taps = #qc.layout<1:1:1, 2:1:3, 3:1:3, 0:1:32>

// Two tiles of seven pixels. The first leaves out the tap to the left of its
// first pixel, the last one that to the right: twenty of twenty-one products.
// CHECK-LABEL: func.func @depthwise
// CHECK: scf.parallel {{.*}} = (%{{.*}}, %{{.*}}) to (%{{.*}}, %{{.*}})
// CHECK: scf.for {{.*}} -> (vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>, vector<8xf32>)
// CHECK-COUNT-20: math.fma
// CHECK-NOT: math.fma
// CHECK: scf.for {{.*}} -> (vector<8xf32>
// CHECK-COUNT-20: math.fma
// CHECK-NOT: math.fma
// CHECK: return
qc.kernel @depthwise(%x: tensor<1x32x14x14xf32, #nhwc>, %w: tensor<32x1x3x3xf32, #taps>) -> tensor<1x32x14x14xf32, #nhwc> attributes {family = "contraction"} {
  %0 = qc.conv %x, %w {group = 32 : i64, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x32x14x14xf32, #nhwc>, tensor<32x1x3x3xf32, #taps>) -> tensor<1x32x14x14xf32, #nhwc>
  qc.yield %0 : tensor<1x32x14x14xf32, #nhwc>
}

// CHECK-LABEL: func.func @codes
// CHECK: llvm.x86.avx2.pmadd.wd
// DOT-LABEL: func.func @codes
// DOT: llvm.x86.avx512.vpdpwssd.512
qc.kernel @codes(%x: tensor<1x32x14x14xui8, #nhwc>, %w: tensor<32x1x3x3xsi8, #taps>) -> tensor<1x32x14x14xsi32, #nhwc> attributes {family = "contraction"} {
  %0 = qc.conv %x, %w {group = 32 : i64, strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x32x14x14xui8, #nhwc>, tensor<32x1x3x3xsi8, #taps>) -> tensor<1x32x14x14xsi32, #nhwc>
  qc.yield %0 : tensor<1x32x14x14xsi32, #nhwc>
}

// Bytes fill a register with as many channels.
// CHECK-LABEL: func.func @pool
// CHECK: arith.maxui {{.*}} : vector<32xi8>
qc.kernel @pool(%x: tensor<1x32x14x14xui8, #nhwc>) -> tensor<1x32x7x7xui8, #qc.layout<0:1:1, 2:1:7, 3:1:7, 1:1:32>> attributes {family = "reduction"} {
  %0 = qc.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x32x14x14xui8, #nhwc>) -> tensor<1x32x7x7xui8, #qc.layout<0:1:1, 2:1:7, 3:1:7, 1:1:32>>
  qc.yield %0 : tensor<1x32x7x7xui8, #qc.layout<0:1:1, 2:1:7, 3:1:7, 1:1:32>>
}

// No change: channels that do not lie side by side.
// CHECK: qc.kernel @planes
qc.kernel @planes(%x: tensor<1x32x14x14xf32>) -> tensor<1x32x7x7xf32> attributes {family = "reduction"} {
  %0 = qc.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x32x14x14xf32>) -> tensor<1x32x7x7xf32>
  qc.yield %0 : tensor<1x32x7x7xf32>
}
