// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-parallel-to-threads | FileCheck %s

// Two dimensions: the position is computed in 32 bits, guarded and split.
// CHECK-LABEL: func.func @copy
// CHECK-SAME:  (%[[X:.*]]: memref<12xf32>, %[[Y:.*]]: memref<12xf32>)
// CHECK-SAME:  qc.extent = 12 : i64
// CHECK-DAG:   %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x : i32
// CHECK-DAG:   %[[SIZE:.*]] = nvvm.read.ptx.sreg.ntid.x : i32
// CHECK-DAG:   %[[THREAD:.*]] = nvvm.read.ptx.sreg.tid.x : i32
// CHECK:       %[[FIRST:.*]] = arith.muli %[[BLOCK]], %[[SIZE]] overflow<nsw, nuw> : i32
// CHECK:       %[[ID:.*]] = arith.addi %[[FIRST]], %[[THREAD]] overflow<nsw, nuw> : i32
// CHECK:       %[[EXTENT:.*]] = arith.constant 12 : i32
// CHECK:       %[[INSIDE:.*]] = arith.cmpi ult, %[[ID]], %[[EXTENT]] : i32
// CHECK:       scf.if %[[INSIDE]] {
// CHECK:         %[[P:.*]] = arith.index_castui %[[ID]] : i32 to index
// CHECK:         %[[J:.*]] = arith.remui %[[P]], %{{.*}} : index
// CHECK:         %[[I:.*]] = arith.divui %[[P]], %{{.*}} : index
// CHECK:         arith.muli %[[I]], %{{.*}} : index
// CHECK:         arith.addi %{{.*}}, %[[J]] : index
// CHECK:         memref.load %[[X]]
// CHECK:         memref.store %{{.*}}, %[[Y]]
// CHECK:       }
// CHECK-NEXT:  return
// CHECK-NOT:   scf.parallel
func.func @copy(%x: memref<12xf32>, %y: memref<12xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i, %j) = (%c0, %c0) to (%c3, %c4) step (%c1, %c1) {
    %row = arith.muli %i, %c4 : index
    %at = arith.addi %row, %j : index
    %v = memref.load %x[%at] : memref<12xf32>
    memref.store %v, %y[%at] : memref<12xf32>
    scf.reduce
  }
  return
}

// Private scratch of an inner loop moves to the entry.
// CHECK-LABEL: func.func @scratch
// CHECK-NEXT:  memref.alloca() : memref<16xf32>
// CHECK:       scf.if
// CHECK:       scf.for
// CHECK-NOT:   memref.alloca
func.func @scratch(%y: memref<8xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    scf.for %k = %c0 to %c8 step %c1 {
      %s = memref.alloca() : memref<16xf32>
      memref.store %one, %s[%k] : memref<16xf32>
      %v = memref.load %s[%k] : memref<16xf32>
      memref.store %v, %y[%i] : memref<8xf32>
    }
    scf.reduce
  }
  return
}

// Positions that need more than 31 bits.
// CHECK-LABEL: func.func @wide
// CHECK:       arith.extui {{.*}} : i32 to i64
// CHECK:       arith.muli {{.*}} overflow<nsw, nuw> : i64
// CHECK:       arith.constant 4294967296 : i64
func.func @wide(%y: memref<4294967296xi8>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 4294967296 : index
  %v = arith.constant 7 : i8
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %v, %y[%i] : memref<4294967296xi8>
    scf.reduce
  }
  return
}

// Not a kernel: no change.
// CHECK-LABEL: func.func @other
// CHECK:       scf.parallel
// CHECK-NOT:   nvvm
func.func @other(%y: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    memref.store %one, %y[%i] : memref<8xf32>
    scf.reduce
  }
  return
}
