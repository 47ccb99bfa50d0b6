// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-write-in-place %s | FileCheck %s
// RUN: qc-opt --qc-write-in-place --qc-plan-memory %s | FileCheck %s --check-prefix=PLAN

#nhwc8 = #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:8>
#nhwc16 = #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:16>
#padded = #qc.layout<0:1:1, 2:1:6, 3:1:6, 1:1:8>

qc.kernel @relu(%x: tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  qc.yield %0 : tensor<1x8x4x4xf32, #nhwc8>
}
qc.kernel @concat(%a: tensor<1x8x4x4xf32, #nhwc8>, %b: tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x16x4x4xf32, #nhwc16> attributes {family = "movement"} {
  %0 = qc.concat %a, %b {axis = 1 : i64} : (tensor<1x8x4x4xf32, #nhwc8>, tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x16x4x4xf32, #nhwc16>
  qc.yield %0 : tensor<1x16x4x4xf32, #nhwc16>
}
qc.kernel @join(%a: tensor<1x8x4x4xf32, #nhwc8>, %b: tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32, #nhwc16> attributes {family = "movement"} {
  %0 = qc.concat %a, %b {axis = 1 : i64} : (tensor<1x8x4x4xf32, #nhwc8>, tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32, #nhwc16>
  qc.yield %0 : tensor<1x16x4x4xf32, #nhwc16>
}
qc.kernel @pad(%x: tensor<1x8x4x4xf32, #nhwc8>, %v: tensor<f32>) -> tensor<1x8x6x6xf32, #padded> attributes {family = "movement"} {
  %0 = qc.pad %x, %v {pads = array<i64: 0, 0, 1, 1, 0, 0, 1, 1>} : (tensor<1x8x4x4xf32, #nhwc8>, tensor<f32>) -> tensor<1x8x6x6xf32, #padded>
  qc.yield %0 : tensor<1x8x6x6xf32, #padded>
}
qc.kernel @sum(%x: tensor<1x16x4x4xf32, #nhwc16>) -> tensor<1x16x1x1xf32> attributes {family = "reduction"} {
  %0 = qc.reduce sum %x {axes = array<i64: 2, 3>} : (tensor<1x16x4x4xf32, #nhwc16>) -> tensor<1x16x1x1xf32>
  qc.yield %0 : tensor<1x16x1x1xf32>
}
qc.kernel @window(%x: tensor<1x8x6x6xf32, #padded>) -> tensor<1x8x1x1xf32> attributes {family = "reduction"} {
  %0 = qc.reduce sum %x {axes = array<i64: 2, 3>} : (tensor<1x8x6x6xf32, #padded>) -> tensor<1x8x1x1xf32>
  qc.yield %0 : tensor<1x8x1x1xf32>
}

// Three bytes of four are written as four: the fourth is nobody else's.
#three = #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:3>
#four = #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:4>
#single = #qc.layout<0:1:1, 2:1:4, 3:1:4, 1:1:1>
qc.kernel @pool3(%x: tensor<1x3x4x4xui8>) -> tensor<1x3x4x4xui8, #three> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<1x3x4x4xui8>) -> tensor<1x3x4x4xui8, #three>
  qc.yield %0 : tensor<1x3x4x4xui8, #three>
}
qc.kernel @pool1(%x: tensor<1x1x4x4xui8>) -> tensor<1x1x4x4xui8, #single> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<1x1x4x4xui8>) -> tensor<1x1x4x4xui8, #single>
  qc.yield %0 : tensor<1x1x4x4xui8, #single>
}
qc.kernel @concat4(%a: tensor<1x3x4x4xui8, #three>, %b: tensor<1x1x4x4xui8, #single>) -> tensor<1x4x4x4xui8, #four> attributes {family = "movement"} {
  %0 = qc.concat %a, %b {axis = 1 : i64} : (tensor<1x3x4x4xui8, #three>, tensor<1x1x4x4xui8, #single>) -> tensor<1x4x4x4xui8, #four>
  qc.yield %0 : tensor<1x4x4x4xui8, #four>
}
qc.kernel @sum4(%x: tensor<1x4x4x4xui8, #four>) -> tensor<1x4x4x4xui8> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<1x4x4x4xui8, #four>) -> tensor<1x4x4x4xui8>
  qc.yield %0 : tensor<1x4x4x4xui8>
}
// CHECK-LABEL: func.func @three_of_four
// CHECK-NOT: qc.assemble
// CHECK: return
func.func @three_of_four(%a: tensor<1x3x4x4xui8>, %b: tensor<1x1x4x4xui8>) -> tensor<1x4x4x4xui8> {
  %0 = qc.dispatch @pool3(%a) : (tensor<1x3x4x4xui8>) -> tensor<1x3x4x4xui8, #three>
  %1 = qc.dispatch @pool1(%b) : (tensor<1x1x4x4xui8>) -> tensor<1x1x4x4xui8, #single>
  %2 = qc.dispatch @concat4(%0, %1) : (tensor<1x3x4x4xui8, #three>, tensor<1x1x4x4xui8, #single>) -> tensor<1x4x4x4xui8, #four>
  %3 = qc.dispatch @sum4(%2) : (tensor<1x4x4x4xui8, #four>) -> tensor<1x4x4x4xui8>
  return %3 : tensor<1x4x4x4xui8>
}

// Both producers write into the concatenation's memory, the second behind the
// first in each pixel.
// CHECK-LABEL: func.func @in_place
// CHECK: %[[A:.*]] = qc.dispatch @[[RELU:relu.*]](%arg0) : {{.*}} -> tensor<1x8x4x4xf32, #[[FIRST:.*]]>
// CHECK: %[[B:.*]] = qc.dispatch @{{relu.*}}(%arg1) : {{.*}} -> tensor<1x8x4x4xf32, #[[SECOND:.*]]>
// CHECK: %[[C:.*]] = qc.assemble %[[A]], %[[B]]
// CHECK: qc.dispatch @sum(%[[C]])
// PLAN-LABEL: qc.program @in_place
// PLAN: qc.launch @{{relu.*}} [#qc.buffer<input, 0, 0, 512>, #qc.buffer<arena, 0, [[AT:[0-9]+]], 1024>]
// PLAN: qc.launch @{{relu.*}} [#qc.buffer<input, 1, 0, 512>, #qc.buffer<arena, 0, [[AT]], 1024>]
// PLAN: qc.launch @sum [#qc.buffer<arena, 0, [[AT]], 1024>
func.func @in_place(%x: tensor<1x8x4x4xf32>, %y: tensor<1x8x4x4xf32>) -> tensor<1x16x1x1xf32> {
  %a = qc.dispatch @relu(%x) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %b = qc.dispatch @relu(%y) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %c = qc.dispatch @concat(%a, %b) : (tensor<1x8x4x4xf32, #nhwc8>, tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x16x4x4xf32, #nhwc16>
  %s = qc.dispatch @sum(%c) : (tensor<1x16x4x4xf32, #nhwc16>) -> tensor<1x16x1x1xf32>
  return %s : tensor<1x16x1x1xf32>
}

// An input of the program is copied into its part.
// CHECK-LABEL: func.func @one_copied
// CHECK: %[[A:.*]] = qc.dispatch @{{relu.*}}(%arg0)
// CHECK: %[[B:.*]] = qc.dispatch @copy(%arg1)
// CHECK: qc.assemble %[[A]], %[[B]]
func.func @one_copied(%x: tensor<1x8x4x4xf32>, %y: tensor<1x8x4x4xf32>) -> tensor<1x16x1x1xf32> {
  %a = qc.dispatch @relu(%x) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %c = qc.dispatch @join(%a, %y) : (tensor<1x8x4x4xf32, #nhwc8>, tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32, #nhwc16>
  %s = qc.dispatch @sum(%c) : (tensor<1x16x4x4xf32, #nhwc16>) -> tensor<1x16x1x1xf32>
  return %s : tensor<1x16x1x1xf32>
}

// What is padded lies in the interior; a kernel of its own fills the border.
// CHECK-LABEL: func.func @padded
// CHECK: %[[A:.*]] = qc.dispatch @{{relu.*}}(%arg0) : {{.*}} -> tensor<1x8x4x4xf32, #[[INTERIOR:.*]]>
// CHECK: %[[BORDER:.*]] = qc.dispatch @pad_border(%{{.*}})
// CHECK: %[[P:.*]] = qc.assemble %[[A]], %[[BORDER]]
// CHECK: qc.dispatch @window(%[[P]])
func.func @padded(%x: tensor<1x8x4x4xf32>) -> tensor<1x8x1x1xf32> {
  %v = qc.constant dense<0.0> : tensor<f32> : tensor<f32>
  %a = qc.dispatch @relu(%x) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %p = qc.dispatch @pad(%a, %v) : (tensor<1x8x4x4xf32, #nhwc8>, tensor<f32>) -> tensor<1x8x6x6xf32, #padded>
  %s = qc.dispatch @window(%p) : (tensor<1x8x6x6xf32, #padded>) -> tensor<1x8x1x1xf32>
  return %s : tensor<1x8x1x1xf32>
}

// Results of the program stay: their memory is the caller's.
// CHECK-LABEL: func.func @result
// CHECK: qc.dispatch @concat
// CHECK-NOT: qc.assemble
func.func @result(%x: tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32, #nhwc16> {
  %a = qc.dispatch @relu(%x) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %b = qc.dispatch @relu(%x) : (tensor<1x8x4x4xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %c = qc.dispatch @concat(%a, %b) : (tensor<1x8x4x4xf32, #nhwc8>, tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x16x4x4xf32, #nhwc16>
  return %c : tensor<1x16x4x4xf32, #nhwc16>
}

// A transpose that moves nothing is a view, of an input as of an output; one
// that moves elements stays.
qc.kernel @first(%x: tensor<1x4x4x8xf32>) -> tensor<1x8x4x4xf32, #nhwc8> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 0, 3, 1, 2>} : (tensor<1x4x4x8xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  qc.yield %0 : tensor<1x8x4x4xf32, #nhwc8>
}
qc.kernel @middle(%x: tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x8x4x4xf32, #nhwc8> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x8x4x4xf32, #nhwc8>
  qc.yield %0 : tensor<1x8x4x4xf32, #nhwc8>
}
qc.kernel @last(%x: tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x4x8xf32> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 0, 2, 3, 1>} : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x4x8xf32>
  qc.yield %0 : tensor<1x4x4x8xf32>
}
qc.kernel @moves(%x: tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x8x4xf32> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 0, 2, 1, 3>} : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x8x4xf32>
  qc.yield %0 : tensor<1x4x8x4xf32>
}
// CHECK-LABEL: func.func @transposes(
// CHECK-SAME: %[[X:.*]]: tensor<1x4x4x8xf32>
// CHECK: %[[IN:.*]] = qc.transpose %[[X]]
// CHECK: %[[Y:.*]] = qc.dispatch @middle(%[[IN]])
// CHECK: %[[OUT:.*]] = qc.transpose %[[Y]]
// CHECK: %[[MOVED:.*]] = qc.dispatch @moves(%[[Y]])
// CHECK: return %[[OUT]], %[[MOVED]]
// PLAN-LABEL: qc.program @transposes
// PLAN-SAME: arena_size = 0
// PLAN-NEXT: qc.launch @middle [#qc.buffer<input, 0, 0, 512>, #qc.buffer<output, 0, 0, 512>]
// PLAN-NEXT: qc.launch @moves [#qc.buffer<output, 0, 0, 512>, #qc.buffer<output, 1, 0, 512>]
func.func @transposes(%x: tensor<1x4x4x8xf32>) -> (tensor<1x4x4x8xf32>, tensor<1x4x8x4xf32>) {
  %0 = qc.dispatch @first(%x) : (tensor<1x4x4x8xf32>) -> tensor<1x8x4x4xf32, #nhwc8>
  %1 = qc.dispatch @middle(%0) : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x8x4x4xf32, #nhwc8>
  %2 = qc.dispatch @last(%1) : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x4x8xf32>
  %3 = qc.dispatch @moves(%1) : (tensor<1x8x4x4xf32, #nhwc8>) -> tensor<1x4x8x4xf32>
  return %2, %3 : tensor<1x4x4x8xf32>, tensor<1x4x8x4xf32>
}

// Returned, and as it is: an input is not an output's memory.
// PLAN-LABEL: qc.program @returned
// PLAN-NEXT: qc.launch @{{.*}} [#qc.buffer<input, 0, 0, 512>, #qc.buffer<output, 0, 0, 512>]
qc.kernel @same(%x: tensor<1x4x4x8xf32>) -> tensor<4x1x4x8xf32> attributes {family = "movement"} {
  %0 = qc.transpose %x {permutation = array<i64: 1, 0, 2, 3>} : (tensor<1x4x4x8xf32>) -> tensor<4x1x4x8xf32>
  qc.yield %0 : tensor<4x1x4x8xf32>
}
func.func @returned(%x: tensor<1x4x4x8xf32>) -> tensor<4x1x4x8xf32> {
  %0 = qc.dispatch @same(%x) : (tensor<1x4x4x8xf32>) -> tensor<4x1x4x8xf32>
  return %0 : tensor<4x1x4x8xf32>
}
