// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-hls-legalize --split-input-file %s | FileCheck %s

// Half arithmetic is done in f32, data movement keeps the type.
// CHECK-LABEL: func.func @half
func.func @half(%a: memref<4xf16>, %r: memref<4xf16>) attributes {qc.num_results = 1 : i64} {
  // CHECK: %[[ZERO:.*]] = arith.constant 0.000000e+00 : f16
  %zero = arith.constant 0.0 : f16
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    // CHECK: %[[X:.*]] = memref.load {{.*}} : memref<4xf16>
    %x = memref.load %a[%i] : memref<4xf16>
    // CHECK: %[[A:.*]] = arith.extf %[[X]] : f16 to f32
    // CHECK: %[[B:.*]] = arith.extf %[[X]] : f16 to f32
    // CHECK: %[[SUM:.*]] = arith.addf %[[A]], %[[B]] : f32
    // CHECK: %[[Y:.*]] = arith.truncf %[[SUM]] : f32 to f16
    %y = arith.addf %x, %x : f16
    // CHECK: %[[C:.*]] = arith.extf %[[Y]] : f16 to f32
    // CHECK: %[[D:.*]] = arith.extf %[[ZERO]] : f16 to f32
    // CHECK: %[[P:.*]] = arith.cmpf ogt, %[[C]], %[[D]] : f32
    %p = arith.cmpf ogt, %y, %zero : f16
    // CHECK: arith.select %[[P]], %[[Y]], %[[ZERO]] : f16
    %s = arith.select %p, %y, %zero : f16
    // CHECK: arith.negf {{.*}} : f16
    %n = arith.negf %s : f16
    memref.store %n, %r[%i] : memref<4xf16>
    scf.reduce
  }
  return
}

// -----

// CHECK-LABEL: func.func @booleans
func.func @booleans(%a: memref<1xi8>, %r: memref<4xi8>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %x = memref.load %a[%c0] : memref<1xi8>
  // CHECK: %[[B:.*]] = arith.trunci
  %b = arith.trunci %x : i8 to i1
  // CHECK: arith.xori %[[B]], %[[B]] : i1
  %sum = arith.addi %b, %b : i1
  // CHECK: %[[S0:.*]] = arith.extsi %[[B]] : i1 to i8
  // CHECK: %[[S1:.*]] = arith.extsi {{.*}} : i1 to i8
  // CHECK: arith.cmpi slt, %[[S0]], %[[S1]] : i8
  %less = arith.cmpi slt, %b, %sum : i1
  // CHECK: %[[U0:.*]] = arith.extui
  // CHECK: %[[U1:.*]] = arith.extui
  // CHECK: %[[M:.*]] = arith.maxui %[[U0]], %[[U1]] : i8
  // CHECK: arith.trunci %[[M]] : i8 to i1
  %most = arith.maxui %sum, %less : i1
  // CHECK-NOT: arith.cmpf
  // CHECK: arith.constant true
  %f = arith.sitofp %x : i8 to f32
  %always = arith.cmpf true, %f, %f : f32
  %e0 = arith.extui %sum : i1 to i8
  %e1 = arith.extui %less : i1 to i8
  %e2 = arith.extui %most : i1 to i8
  %e3 = arith.extui %always : i1 to i8
  memref.store %e0, %r[%c0] : memref<4xi8>
  memref.store %e1, %r[%c1] : memref<4xi8>
  memref.store %e2, %r[%c2] : memref<4xi8>
  memref.store %e3, %r[%c3] : memref<4xi8>
  return
}

// -----

// CHECK-LABEL: func.func @extended
func.func @extended(%a: memref<2xi32>, %r: memref<2xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %x = memref.load %a[%c0] : memref<2xi32>
  %y = memref.load %a[%c1] : memref<2xi32>
  // CHECK: arith.extsi {{.*}} : i32 to i64
  // CHECK: arith.extsi {{.*}} : i32 to i64
  // CHECK: %[[P:.*]] = arith.muli {{.*}} : i64
  // CHECK: %[[H:.*]] = arith.shrui %[[P]], {{.*}} : i64
  // CHECK: arith.trunci %[[P]] : i64 to i32
  // CHECK: arith.trunci %[[H]] : i64 to i32
  %low, %high = arith.mulsi_extended %x, %y : i32
  // CHECK: %[[S:.*]] = arith.addi
  // CHECK: arith.cmpi ult, %[[S]]
  %sum, %carry = arith.addui_extended %low, %high : i32, i1
  %c = arith.extui %carry : i1 to i32
  memref.store %sum, %r[%c0] : memref<2xi32>
  memref.store %c, %r[%c1] : memref<2xi32>
  return
}

// -----

// What is legal stays; what nobody uses goes.
// CHECK-LABEL: func.func @unchanged
// CHECK-NEXT: %[[C0:.*]] = arith.constant 0 : index
// CHECK-NEXT: %[[X:.*]] = memref.load %{{.*}}[%[[C0]]] : memref<1xf32>
// CHECK-NEXT: %[[Y:.*]] = math.roundeven %[[X]] : f32
// CHECK-NEXT: %[[Z:.*]] = arith.fptosi %[[Y]] : f32 to i32
// CHECK-NEXT: memref.store %[[Z]], %{{.*}}[%[[C0]]] : memref<1xi32>
// CHECK-NEXT: return
func.func @unchanged(%a: memref<1xf32>, %r: memref<1xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %x = memref.load %a[%c0] : memref<1xf32>
  %false = arith.constant false
  %dead = scf.if %false -> (f32) {
    %more = arith.addf %x, %x : f32
    scf.yield %more : f32
  } else {
    scf.yield %x : f32
  }
  %y = math.roundeven %x : f32
  %z = arith.fptosi %y : f32 to i32
  memref.store %z, %r[%c0] : memref<1xi32>
  return
}
