// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic at every width: wrap-around, signed and unsigned forms.
// RUN: %python %S/Inputs/run_kernels.py %s %qc_src/lib/Target/HLS/Support %t | FileCheck %s
// CHECK: functions, {{[0-9]+}} values agree

func.func @arithmetic_i8(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %y0 = arith.addi %x0, %x1 : i8
    %y1 = arith.subi %x0, %x1 : i8
    %y2 = arith.muli %x0, %x1 : i8
    %y3 = arith.andi %x0, %x1 : i8
    %y4 = arith.ori %x0, %x1 : i8
    %y5 = arith.xori %x0, %x1 : i8
    %y6 = arith.minsi %x0, %x1 : i8
    %y7 = arith.maxsi %x0, %x1 : i8
    %y8 = arith.minui %x0, %x1 : i8
    %y9 = arith.maxui %x0, %x1 : i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @division_i8(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>) attributes {qc.num_results = 7 : i64, test.values = "nonzero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %y0 = arith.divsi %x0, %x1 : i8
    %y1 = arith.divui %x0, %x1 : i8
    %y2 = arith.remsi %x0, %x1 : i8
    %y3 = arith.remui %x0, %x1 : i8
    %y4 = arith.floordivsi %x0, %x1 : i8
    %y5 = arith.ceildivsi %x0, %x1 : i8
    %y6 = arith.ceildivui %x0, %x1 : i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @shifts_i8(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>) attributes {qc.num_results = 3 : i64, test.values = "shift"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %y0 = arith.shli %x0, %x1 : i8
    %y1 = arith.shrsi %x0, %x1 : i8
    %y2 = arith.shrui %x0, %x1 : i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @counts_i8(%a0: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %y0 = math.absi %x0 : i8
    %y1 = math.ctlz %x0 : i8
    %y2 = math.cttz %x0 : i8
    %y3 = math.ctpop %x0 : i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @compare_i8(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %p0 = arith.cmpi eq, %x0, %x1 : i8
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpi ne, %x0, %x1 : i8
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpi slt, %x0, %x1 : i8
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpi sle, %x0, %x1 : i8
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpi sgt, %x0, %x1 : i8
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpi sge, %x0, %x1 : i8
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpi ult, %x0, %x1 : i8
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpi ule, %x0, %x1 : i8
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpi ugt, %x0, %x1 : i8
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpi uge, %x0, %x1 : i8
    %y9 = arith.extui %p9 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @arithmetic_i16(%a0: memref<256xi16>, %a1: memref<256xi16>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi16>, %r3: memref<256xi16>, %r4: memref<256xi16>, %r5: memref<256xi16>, %r6: memref<256xi16>, %r7: memref<256xi16>, %r8: memref<256xi16>, %r9: memref<256xi16>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %y0 = arith.addi %x0, %x1 : i16
    %y1 = arith.subi %x0, %x1 : i16
    %y2 = arith.muli %x0, %x1 : i16
    %y3 = arith.andi %x0, %x1 : i16
    %y4 = arith.ori %x0, %x1 : i16
    %y5 = arith.xori %x0, %x1 : i16
    %y6 = arith.minsi %x0, %x1 : i16
    %y7 = arith.maxsi %x0, %x1 : i16
    %y8 = arith.minui %x0, %x1 : i16
    %y9 = arith.maxui %x0, %x1 : i16
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi16>
    memref.store %y3, %r3[%i] : memref<256xi16>
    memref.store %y4, %r4[%i] : memref<256xi16>
    memref.store %y5, %r5[%i] : memref<256xi16>
    memref.store %y6, %r6[%i] : memref<256xi16>
    memref.store %y7, %r7[%i] : memref<256xi16>
    memref.store %y8, %r8[%i] : memref<256xi16>
    memref.store %y9, %r9[%i] : memref<256xi16>
    scf.reduce
  }
  return
}
func.func @division_i16(%a0: memref<256xi16>, %a1: memref<256xi16>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi16>, %r3: memref<256xi16>, %r4: memref<256xi16>, %r5: memref<256xi16>, %r6: memref<256xi16>) attributes {qc.num_results = 7 : i64, test.values = "nonzero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %y0 = arith.divsi %x0, %x1 : i16
    %y1 = arith.divui %x0, %x1 : i16
    %y2 = arith.remsi %x0, %x1 : i16
    %y3 = arith.remui %x0, %x1 : i16
    %y4 = arith.floordivsi %x0, %x1 : i16
    %y5 = arith.ceildivsi %x0, %x1 : i16
    %y6 = arith.ceildivui %x0, %x1 : i16
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi16>
    memref.store %y3, %r3[%i] : memref<256xi16>
    memref.store %y4, %r4[%i] : memref<256xi16>
    memref.store %y5, %r5[%i] : memref<256xi16>
    memref.store %y6, %r6[%i] : memref<256xi16>
    scf.reduce
  }
  return
}
func.func @shifts_i16(%a0: memref<256xi16>, %a1: memref<256xi16>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi16>) attributes {qc.num_results = 3 : i64, test.values = "shift"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %y0 = arith.shli %x0, %x1 : i16
    %y1 = arith.shrsi %x0, %x1 : i16
    %y2 = arith.shrui %x0, %x1 : i16
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi16>
    scf.reduce
  }
  return
}
func.func @counts_i16(%a0: memref<256xi16>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi16>, %r3: memref<256xi16>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %y0 = math.absi %x0 : i16
    %y1 = math.ctlz %x0 : i16
    %y2 = math.cttz %x0 : i16
    %y3 = math.ctpop %x0 : i16
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi16>
    memref.store %y3, %r3[%i] : memref<256xi16>
    scf.reduce
  }
  return
}
func.func @compare_i16(%a0: memref<256xi16>, %a1: memref<256xi16>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %p0 = arith.cmpi eq, %x0, %x1 : i16
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpi ne, %x0, %x1 : i16
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpi slt, %x0, %x1 : i16
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpi sle, %x0, %x1 : i16
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpi sgt, %x0, %x1 : i16
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpi sge, %x0, %x1 : i16
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpi ult, %x0, %x1 : i16
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpi ule, %x0, %x1 : i16
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpi ugt, %x0, %x1 : i16
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpi uge, %x0, %x1 : i16
    %y9 = arith.extui %p9 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @arithmetic_i32(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>, %r3: memref<256xi32>, %r4: memref<256xi32>, %r5: memref<256xi32>, %r6: memref<256xi32>, %r7: memref<256xi32>, %r8: memref<256xi32>, %r9: memref<256xi32>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %y0 = arith.addi %x0, %x1 : i32
    %y1 = arith.subi %x0, %x1 : i32
    %y2 = arith.muli %x0, %x1 : i32
    %y3 = arith.andi %x0, %x1 : i32
    %y4 = arith.ori %x0, %x1 : i32
    %y5 = arith.xori %x0, %x1 : i32
    %y6 = arith.minsi %x0, %x1 : i32
    %y7 = arith.maxsi %x0, %x1 : i32
    %y8 = arith.minui %x0, %x1 : i32
    %y9 = arith.maxui %x0, %x1 : i32
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    memref.store %y4, %r4[%i] : memref<256xi32>
    memref.store %y5, %r5[%i] : memref<256xi32>
    memref.store %y6, %r6[%i] : memref<256xi32>
    memref.store %y7, %r7[%i] : memref<256xi32>
    memref.store %y8, %r8[%i] : memref<256xi32>
    memref.store %y9, %r9[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @division_i32(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>, %r3: memref<256xi32>, %r4: memref<256xi32>, %r5: memref<256xi32>, %r6: memref<256xi32>) attributes {qc.num_results = 7 : i64, test.values = "nonzero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %y0 = arith.divsi %x0, %x1 : i32
    %y1 = arith.divui %x0, %x1 : i32
    %y2 = arith.remsi %x0, %x1 : i32
    %y3 = arith.remui %x0, %x1 : i32
    %y4 = arith.floordivsi %x0, %x1 : i32
    %y5 = arith.ceildivsi %x0, %x1 : i32
    %y6 = arith.ceildivui %x0, %x1 : i32
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    memref.store %y4, %r4[%i] : memref<256xi32>
    memref.store %y5, %r5[%i] : memref<256xi32>
    memref.store %y6, %r6[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @shifts_i32(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>) attributes {qc.num_results = 3 : i64, test.values = "shift"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %y0 = arith.shli %x0, %x1 : i32
    %y1 = arith.shrsi %x0, %x1 : i32
    %y2 = arith.shrui %x0, %x1 : i32
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @counts_i32(%a0: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>, %r3: memref<256xi32>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %y0 = math.absi %x0 : i32
    %y1 = math.ctlz %x0 : i32
    %y2 = math.cttz %x0 : i32
    %y3 = math.ctpop %x0 : i32
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @compare_i32(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %p0 = arith.cmpi eq, %x0, %x1 : i32
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpi ne, %x0, %x1 : i32
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpi slt, %x0, %x1 : i32
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpi sle, %x0, %x1 : i32
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpi sgt, %x0, %x1 : i32
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpi sge, %x0, %x1 : i32
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpi ult, %x0, %x1 : i32
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpi ule, %x0, %x1 : i32
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpi ugt, %x0, %x1 : i32
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpi uge, %x0, %x1 : i32
    %y9 = arith.extui %p9 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @arithmetic_i64(%a0: memref<256xi64>, %a1: memref<256xi64>, %r0: memref<256xi64>, %r1: memref<256xi64>, %r2: memref<256xi64>, %r3: memref<256xi64>, %r4: memref<256xi64>, %r5: memref<256xi64>, %r6: memref<256xi64>, %r7: memref<256xi64>, %r8: memref<256xi64>, %r9: memref<256xi64>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi64>
    %x1 = memref.load %a1[%i] : memref<256xi64>
    %y0 = arith.addi %x0, %x1 : i64
    %y1 = arith.subi %x0, %x1 : i64
    %y2 = arith.muli %x0, %x1 : i64
    %y3 = arith.andi %x0, %x1 : i64
    %y4 = arith.ori %x0, %x1 : i64
    %y5 = arith.xori %x0, %x1 : i64
    %y6 = arith.minsi %x0, %x1 : i64
    %y7 = arith.maxsi %x0, %x1 : i64
    %y8 = arith.minui %x0, %x1 : i64
    %y9 = arith.maxui %x0, %x1 : i64
    memref.store %y0, %r0[%i] : memref<256xi64>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    memref.store %y3, %r3[%i] : memref<256xi64>
    memref.store %y4, %r4[%i] : memref<256xi64>
    memref.store %y5, %r5[%i] : memref<256xi64>
    memref.store %y6, %r6[%i] : memref<256xi64>
    memref.store %y7, %r7[%i] : memref<256xi64>
    memref.store %y8, %r8[%i] : memref<256xi64>
    memref.store %y9, %r9[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @division_i64(%a0: memref<256xi64>, %a1: memref<256xi64>, %r0: memref<256xi64>, %r1: memref<256xi64>, %r2: memref<256xi64>, %r3: memref<256xi64>, %r4: memref<256xi64>, %r5: memref<256xi64>, %r6: memref<256xi64>) attributes {qc.num_results = 7 : i64, test.values = "nonzero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi64>
    %x1 = memref.load %a1[%i] : memref<256xi64>
    %y0 = arith.divsi %x0, %x1 : i64
    %y1 = arith.divui %x0, %x1 : i64
    %y2 = arith.remsi %x0, %x1 : i64
    %y3 = arith.remui %x0, %x1 : i64
    %y4 = arith.floordivsi %x0, %x1 : i64
    %y5 = arith.ceildivsi %x0, %x1 : i64
    %y6 = arith.ceildivui %x0, %x1 : i64
    memref.store %y0, %r0[%i] : memref<256xi64>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    memref.store %y3, %r3[%i] : memref<256xi64>
    memref.store %y4, %r4[%i] : memref<256xi64>
    memref.store %y5, %r5[%i] : memref<256xi64>
    memref.store %y6, %r6[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @shifts_i64(%a0: memref<256xi64>, %a1: memref<256xi64>, %r0: memref<256xi64>, %r1: memref<256xi64>, %r2: memref<256xi64>) attributes {qc.num_results = 3 : i64, test.values = "shift"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi64>
    %x1 = memref.load %a1[%i] : memref<256xi64>
    %y0 = arith.shli %x0, %x1 : i64
    %y1 = arith.shrsi %x0, %x1 : i64
    %y2 = arith.shrui %x0, %x1 : i64
    memref.store %y0, %r0[%i] : memref<256xi64>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @counts_i64(%a0: memref<256xi64>, %r0: memref<256xi64>, %r1: memref<256xi64>, %r2: memref<256xi64>, %r3: memref<256xi64>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi64>
    %y0 = math.absi %x0 : i64
    %y1 = math.ctlz %x0 : i64
    %y2 = math.cttz %x0 : i64
    %y3 = math.ctpop %x0 : i64
    memref.store %y0, %r0[%i] : memref<256xi64>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    memref.store %y3, %r3[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @compare_i64(%a0: memref<256xi64>, %a1: memref<256xi64>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>) attributes {qc.num_results = 10 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi64>
    %x1 = memref.load %a1[%i] : memref<256xi64>
    %p0 = arith.cmpi eq, %x0, %x1 : i64
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpi ne, %x0, %x1 : i64
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpi slt, %x0, %x1 : i64
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpi sle, %x0, %x1 : i64
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpi sgt, %x0, %x1 : i64
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpi sge, %x0, %x1 : i64
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpi ult, %x0, %x1 : i64
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpi ule, %x0, %x1 : i64
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpi ugt, %x0, %x1 : i64
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpi uge, %x0, %x1 : i64
    %y9 = arith.extui %p9 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @extended_i8(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %y0, %y1 = arith.mulsi_extended %x0, %x1 : i8
    %y2, %y3 = arith.mului_extended %x0, %x1 : i8
    %y4, %carry = arith.addui_extended %x0, %x1 : i8, i1
    %y5 = arith.extui %carry : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @extended_i16(%a0: memref<256xi16>, %a1: memref<256xi16>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi16>, %r3: memref<256xi16>, %r4: memref<256xi16>, %r5: memref<256xi16>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi16>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %y0, %y1 = arith.mulsi_extended %x0, %x1 : i16
    %y2, %y3 = arith.mului_extended %x0, %x1 : i16
    %y4, %carry = arith.addui_extended %x0, %x1 : i16, i1
    %y5 = arith.extui %carry : i1 to i16
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi16>
    memref.store %y3, %r3[%i] : memref<256xi16>
    memref.store %y4, %r4[%i] : memref<256xi16>
    memref.store %y5, %r5[%i] : memref<256xi16>
    scf.reduce
  }
  return
}
func.func @extended_i32(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>, %r3: memref<256xi32>, %r4: memref<256xi32>, %r5: memref<256xi32>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %y0, %y1 = arith.mulsi_extended %x0, %x1 : i32
    %y2, %y3 = arith.mului_extended %x0, %x1 : i32
    %y4, %carry = arith.addui_extended %x0, %x1 : i32, i1
    %y5 = arith.extui %carry : i1 to i32
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    memref.store %y4, %r4[%i] : memref<256xi32>
    memref.store %y5, %r5[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @casts(%a0: memref<256xi8>, %a1: memref<256xi16>, %a2: memref<256xi32>, %a3: memref<256xi64>, %r0: memref<256xi16>, %r1: memref<256xi16>, %r2: memref<256xi32>, %r3: memref<256xi32>, %r4: memref<256xi64>, %r5: memref<256xi64>, %r6: memref<256xi32>, %r7: memref<256xi32>, %r8: memref<256xi64>, %r9: memref<256xi64>, %r10: memref<256xi8>, %r11: memref<256xi64>, %r12: memref<256xi64>, %r13: memref<256xi8>, %r14: memref<256xi16>, %r15: memref<256xi8>, %r16: memref<256xi16>, %r17: memref<256xi32>) attributes {qc.num_results = 18 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %x2 = memref.load %a2[%i] : memref<256xi32>
    %x3 = memref.load %a3[%i] : memref<256xi64>
    %y0 = arith.extsi %x0 : i8 to i16
    %y1 = arith.extui %x0 : i8 to i16
    %y2 = arith.extsi %x0 : i8 to i32
    %y3 = arith.extui %x0 : i8 to i32
    %y4 = arith.extsi %x0 : i8 to i64
    %y5 = arith.extui %x0 : i8 to i64
    %y6 = arith.extsi %x1 : i16 to i32
    %y7 = arith.extui %x1 : i16 to i32
    %y8 = arith.extsi %x1 : i16 to i64
    %y9 = arith.extui %x1 : i16 to i64
    %y10 = arith.trunci %x1 : i16 to i8
    %y11 = arith.extsi %x2 : i32 to i64
    %y12 = arith.extui %x2 : i32 to i64
    %y13 = arith.trunci %x2 : i32 to i8
    %y14 = arith.trunci %x2 : i32 to i16
    %y15 = arith.trunci %x3 : i64 to i8
    %y16 = arith.trunci %x3 : i64 to i16
    %y17 = arith.trunci %x3 : i64 to i32
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi16>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    memref.store %y4, %r4[%i] : memref<256xi64>
    memref.store %y5, %r5[%i] : memref<256xi64>
    memref.store %y6, %r6[%i] : memref<256xi32>
    memref.store %y7, %r7[%i] : memref<256xi32>
    memref.store %y8, %r8[%i] : memref<256xi64>
    memref.store %y9, %r9[%i] : memref<256xi64>
    memref.store %y10, %r10[%i] : memref<256xi8>
    memref.store %y11, %r11[%i] : memref<256xi64>
    memref.store %y12, %r12[%i] : memref<256xi64>
    memref.store %y13, %r13[%i] : memref<256xi8>
    memref.store %y14, %r14[%i] : memref<256xi16>
    memref.store %y15, %r15[%i] : memref<256xi8>
    memref.store %y16, %r16[%i] : memref<256xi16>
    memref.store %y17, %r17[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @odd_widths(%a0: memref<256xi32>, %a1: memref<256xi32>, %r0: memref<256xi32>, %r1: memref<256xi32>, %r2: memref<256xi32>, %r3: memref<256xi32>, %r4: memref<256xi32>, %r5: memref<256xi32>, %r6: memref<256xi32>, %r7: memref<256xi32>, %r8: memref<256xi64>, %r9: memref<256xi8>, %r10: memref<256xi8>) attributes {qc.num_results = 11 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi32>
    %x1 = memref.load %a1[%i] : memref<256xi32>
    %small = arith.trunci %x0 : i32 to i20
    %other = arith.trunci %x1 : i32 to i20
    %z0 = arith.addi %small, %other : i20
    %y0 = arith.extsi %z0 : i20 to i32
    %z1 = arith.subi %small, %other : i20
    %y1 = arith.extsi %z1 : i20 to i32
    %z2 = arith.muli %small, %other : i20
    %y2 = arith.extsi %z2 : i20 to i32
    %z3 = arith.andi %small, %other : i20
    %y3 = arith.extsi %z3 : i20 to i32
    %z4 = arith.xori %small, %other : i20
    %y4 = arith.extsi %z4 : i20 to i32
    %z5 = arith.minsi %small, %other : i20
    %y5 = arith.extsi %z5 : i20 to i32
    %z6 = arith.maxui %small, %other : i20
    %y6 = arith.extsi %z6 : i20 to i32
    %p = arith.cmpi ult, %small, %other : i20
    %y7 = arith.extui %p : i1 to i32
    %y8 = arith.extui %small : i20 to i64
    %nibble = arith.trunci %x0 : i32 to i4
    %y9 = arith.extsi %nibble : i4 to i8
    %y10 = arith.extui %nibble : i4 to i8
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi32>
    memref.store %y3, %r3[%i] : memref<256xi32>
    memref.store %y4, %r4[%i] : memref<256xi32>
    memref.store %y5, %r5[%i] : memref<256xi32>
    memref.store %y6, %r6[%i] : memref<256xi32>
    memref.store %y7, %r7[%i] : memref<256xi32>
    memref.store %y8, %r8[%i] : memref<256xi64>
    memref.store %y9, %r9[%i] : memref<256xi8>
    memref.store %y10, %r10[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @booleans(%a0: memref<256xi8>, %a1: memref<256xi8>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>, %r10: memref<256xi8>, %r11: memref<256xi8>, %r12: memref<256xi8>, %r13: memref<256xi8>, %r14: memref<256xi8>, %r15: memref<256xi8>, %r16: memref<256xi8>, %r17: memref<256xi8>, %r18: memref<256xi8>, %r19: memref<256xi8>, %r20: memref<256xi64>, %r21: memref<256xf32>, %r22: memref<256xf32>, %r23: memref<256xi8>) attributes {qc.num_results = 24 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi8>
    %b0 = arith.trunci %x0 : i8 to i1
    %b1 = arith.trunci %x1 : i8 to i1
    %z0 = arith.addi %b0, %b1 : i1
    %y0 = arith.extui %z0 : i1 to i8
    %z1 = arith.subi %b0, %b1 : i1
    %y1 = arith.extui %z1 : i1 to i8
    %z2 = arith.muli %b0, %b1 : i1
    %y2 = arith.extui %z2 : i1 to i8
    %z3 = arith.andi %b0, %b1 : i1
    %y3 = arith.extui %z3 : i1 to i8
    %z4 = arith.ori %b0, %b1 : i1
    %y4 = arith.extui %z4 : i1 to i8
    %z5 = arith.xori %b0, %b1 : i1
    %y5 = arith.extui %z5 : i1 to i8
    %z6 = arith.minsi %b0, %b1 : i1
    %y6 = arith.extui %z6 : i1 to i8
    %z7 = arith.maxsi %b0, %b1 : i1
    %y7 = arith.extui %z7 : i1 to i8
    %z8 = arith.minui %b0, %b1 : i1
    %y8 = arith.extui %z8 : i1 to i8
    %z9 = arith.maxui %b0, %b1 : i1
    %y9 = arith.extui %z9 : i1 to i8
    %z10 = arith.cmpi eq, %b0, %b1 : i1
    %y10 = arith.extsi %z10 : i1 to i8
    %z11 = arith.cmpi ne, %b0, %b1 : i1
    %y11 = arith.extsi %z11 : i1 to i8
    %z12 = arith.cmpi slt, %b0, %b1 : i1
    %y12 = arith.extsi %z12 : i1 to i8
    %z13 = arith.cmpi sle, %b0, %b1 : i1
    %y13 = arith.extsi %z13 : i1 to i8
    %z14 = arith.cmpi sgt, %b0, %b1 : i1
    %y14 = arith.extsi %z14 : i1 to i8
    %z15 = arith.cmpi sge, %b0, %b1 : i1
    %y15 = arith.extsi %z15 : i1 to i8
    %z16 = arith.cmpi ult, %b0, %b1 : i1
    %y16 = arith.extsi %z16 : i1 to i8
    %z17 = arith.cmpi ule, %b0, %b1 : i1
    %y17 = arith.extsi %z17 : i1 to i8
    %z18 = arith.cmpi ugt, %b0, %b1 : i1
    %y18 = arith.extsi %z18 : i1 to i8
    %z19 = arith.cmpi uge, %b0, %b1 : i1
    %y19 = arith.extsi %z19 : i1 to i8
    %y20 = arith.extsi %b0 : i1 to i64
    %y21 = arith.uitofp %b0 : i1 to f32
    %y22 = arith.sitofp %b0 : i1 to f32
    %y23 = arith.select %b0, %x0, %x1 : i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    memref.store %y2, %r2[%i] : memref<256xi8>
    memref.store %y3, %r3[%i] : memref<256xi8>
    memref.store %y4, %r4[%i] : memref<256xi8>
    memref.store %y5, %r5[%i] : memref<256xi8>
    memref.store %y6, %r6[%i] : memref<256xi8>
    memref.store %y7, %r7[%i] : memref<256xi8>
    memref.store %y8, %r8[%i] : memref<256xi8>
    memref.store %y9, %r9[%i] : memref<256xi8>
    memref.store %y10, %r10[%i] : memref<256xi8>
    memref.store %y11, %r11[%i] : memref<256xi8>
    memref.store %y12, %r12[%i] : memref<256xi8>
    memref.store %y13, %r13[%i] : memref<256xi8>
    memref.store %y14, %r14[%i] : memref<256xi8>
    memref.store %y15, %r15[%i] : memref<256xi8>
    memref.store %y16, %r16[%i] : memref<256xi8>
    memref.store %y17, %r17[%i] : memref<256xi8>
    memref.store %y18, %r18[%i] : memref<256xi8>
    memref.store %y19, %r19[%i] : memref<256xi8>
    memref.store %y20, %r20[%i] : memref<256xi64>
    memref.store %y21, %r21[%i] : memref<256xf32>
    memref.store %y22, %r22[%i] : memref<256xf32>
    memref.store %y23, %r23[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
