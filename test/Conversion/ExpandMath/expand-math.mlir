// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-expand-math | FileCheck %s
// RUN: qc-opt %s --qc-expand-math=half=false | FileCheck %s --check-prefix=HALF
// RUN: qc-opt %s --qc-expand-math=rounding=true | FileCheck %s --check-prefix=ROUND

// Nothing that would become a library call is left, in vectors too.
// CHECK-LABEL: func @transcendental
// CHECK-NOT: math.exp
// CHECK-NOT: math.powf
// CHECK-NOT: arith.remf
// CHECK: vector<4xf32>
// CHECK: return
func.func @transcendental(%v: vector<4xf32>, %x: f32) -> (vector<4xf32>, f32, f32) {
  %0 = math.exp %v : vector<4xf32>
  %1 = math.powf %x, %x : f32
  %2 = arith.remf %x, %1 : f32
  return %0, %1, %2 : vector<4xf32>, f32, f32
}

// Powers of quarters are square roots; where lanes share the number, too.
// CHECK-LABEL: func @quarters
// CHECK-COUNT-2: math.sqrt {{.*}} : vector<4xf64>
// CHECK-NOT: math.
// CHECK-COUNT-1: math.sqrt {{.*}} : f64
// CHECK-NOT: math.
// CHECK: return
func.func @quarters(%v: vector<4xf32>, %x: f32) -> (vector<4xf32>, f32) {
  %k = arith.constant 0.75 : f32
  %y = vector.broadcast %k : f32 to vector<4xf32>
  %0 = math.powf %v, %y : vector<4xf32>
  %half = arith.constant 1.5 : f32
  %1 = math.powf %x, %half : f32
  return %0, %1 : vector<4xf32>, f32
}

// A result that is finite needs one scaling, whose exponent a sum leaves in its
// low bits.
// CHECK-LABEL: func @finite
// CHECK-NOT: math.
// CHECK-NOT: arith.fptosi
// CHECK: arith.bitcast %{{.*}} : f32 to i32
// CHECK: arith.shli
// CHECK-NOT: arith.shli
// CHECK: return
func.func @finite(%x: f32) -> f32 {
  %0 = math.exp %x fastmath<ninf> : f32
  return %0 : f32
}

// F16C converts from and to f32; from f64 nothing does.
// CHECK-LABEL: func @half
// CHECK-NOT: arith.truncf %{{.*}} to f16
// CHECK-NOT: arith.extf %{{.*}} f16
// CHECK: return
// HALF-LABEL: func @half
// HALF: arith.truncf %arg0 : f32 to f16
// HALF-NOT: f64 to f16
// HALF: return
func.func @half(%x: f32, %w: f64) -> (f16, f16) {
  %0 = arith.truncf %x : f32 to f16
  %1 = arith.truncf %w : f64 to f16
  return %0, %1 : f16, f16
}

// What targets have stays as it is, but for old CPUs.
// CHECK-LABEL: func @unchanged
// CHECK-NEXT: math.floor
// CHECK-NEXT: math.sqrt
// CHECK-NEXT: return
// ROUND-LABEL: func @unchanged
// ROUND-NOT: math.floor
// ROUND: math.sqrt
func.func @unchanged(%x: f32) -> f32 {
  %0 = math.floor %x : f32
  %1 = math.sqrt %0 : f32
  return %1 : f32
}
