// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan without a budget: which operands get formats, options, user lines.

// RUN: qc-opt %s --qc-assign-bits | FileCheck %s
// The last convolution's result, which only the sum reads, stays an accumulator;
// the other one is rounded. Softmax and the output stay float.
// CHECK: qc.plan @plan {
// CHECK-SAME: add = {by = "qc-assign-bits", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}}}
// CHECK-SAME: conv = {by = "qc-assign-bits", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}, "1" = {granularity = "axis", range = "mse", rounding = "gptq", symmetric = true, type = "si8"}}}
// CHECK-SAME: "conv#2" =
// CHECK-SAME: matmul = {by = "qc-assign-bits", inputs = {"0" = {{{.*}}}, "1" = {{{.*}}}}}
// CHECK-NOT: softmax =
// CHECK-LABEL: func.func @main

// RUN: qc-opt %s --qc-assign-bits="weights=si4 block=16 tokens=1 rounding=nearest float-nodes=conv#2 float-ops=add" | FileCheck %s --check-prefix=OPTIONS
// The first layer keeps 8 bits.
// OPTIONS: qc.plan @plan {
// OPTIONS-NOT: add
// OPTIONS-SAME: conv = {{.*}}"1" = {granularity = "axis", range = "mse", symmetric = true, type = "si8"}
// OPTIONS-NOT: "conv#2"
// OPTIONS-SAME: matmul = {by = "qc-assign-bits", inputs = {"0" = {granularity = "token", type = "ui8"}, "1" = {block = 1.600000e+01 : f64, granularity = "block", range = "mse", symmetric = true, type = "si4"}}}

// What the user writes wins.
// RUN: echo '{"matmul": {"inputs": {"1": {"type": "f32"}}}, "add": {"by": "user", "inputs": {"0": {"type": "ui16"}}}}' > %t.json
// RUN: qc-opt %s --qc-assign-bits="plan=%t.json dump=%t.out.json" | FileCheck %s --check-prefix=USER
// USER: add = {by = "user", inputs = {"0" = {granularity = "tensor", type = "ui16"}}}
// USER-SAME: matmul = {by = "user", inputs = {"0" = {granularity = "tensor", range = "mse", type = "ui8"}, "1" = {type = "f32"}}}
// Once more: lines of the module's plan that are the user's stay.
// RUN: qc-opt %s --qc-assign-bits="plan=%t.json" --qc-assign-bits="dump=%t.again.json" -o /dev/null && diff %t.out.json %t.again.json

// RUN: not qc-opt %s --qc-assign-bits="weights=i8" 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: error: qc-assign-bits: bad weights 'i8'; accepted: f32, si2 to si8
// RUN: not qc-opt %s --qc-assign-bits="rounding=up" 2>&1 | FileCheck %s --check-prefix=ROUNDING
// ROUNDING: error: qc-assign-bits: bad rounding 'up'; accepted: nearest, gptq
// RUN: not qc-opt %s --qc-assign-bits="float-nodes=conv,cnov" 2>&1 | FileCheck %s --check-prefix=FLOATNODE
// FLOATNODE: error: qc-assign-bits: bad float-nodes 'cnov', which no node is called
// RUN: not qc-opt %s --qc-assign-bits="float-ops=qc.add" 2>&1 | FileCheck %s --check-prefix=FLOATOP
// FLOATOP: error: qc-assign-bits: bad float-ops 'qc.add'; accepted: names of ops without 'qc.', such as conv, matmul
// RUN: echo '{"nowhere": {}}' > %t.node.json
// RUN: not qc-opt %s --qc-assign-bits="plan=%t.node.json" 2>&1 | FileCheck %s --check-prefix=NODE
// NODE: error: the plan's node 'nowhere' does not exist
// RUN: echo '{"conv": {"inputs": {"0": {"kind": 1}}}}' > %t.member.json
// RUN: not qc-opt %s --qc-assign-bits="plan=%t.member.json" 2>&1 | FileCheck %s --check-prefix=MEMBER
// MEMBER: error: the plan's node 'conv' input '0': unknown member 'kind' of a format; accepted: type,

func.func @main(%x: tensor<1x4x6x6xf32>) -> tensor<1x8xf32> {
  %w0 = qc.constant dense<0.5> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  %w1 = qc.constant dense<0.25> : tensor<4x4x3x3xf32> : tensor<4x4x3x3xf32>
  %w2 = qc.constant dense<0.125> : tensor<64x8xf32> : tensor<64x8xf32>
  %0 = qc.conv %x, %w0 {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x4x4xf32>
  %1 = qc.conv %x, %w1 {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x4x6x6xf32>, tensor<4x4x3x3xf32>) -> tensor<1x4x4x4xf32>
  %2 = qc.add %0, %1 : (tensor<1x4x4x4xf32>, tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %3 = qc.relu %2 : (tensor<1x4x4x4xf32>) -> tensor<1x4x4x4xf32>
  %4 = qc.reshape %3 {shape = array<i64: 1, 64>} : (tensor<1x4x4x4xf32>) -> tensor<1x64xf32>
  %5 = qc.matmul %4, %w2 : (tensor<1x64xf32>, tensor<64x8xf32>) -> tensor<1x8xf32>
  %6 = qc.softmax %5 {axis = 1 : i64, logarithm = false} : (tensor<1x8xf32>) -> tensor<1x8xf32>
  return %6 : tensor<1x8xf32>
}
