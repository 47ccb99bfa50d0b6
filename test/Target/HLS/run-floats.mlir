// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floating point: NaN, zeros of both signs, halves, conversions.
// RUN: %python %S/Inputs/run_kernels.py %s %qc_src/lib/Target/HLS/Support %t | FileCheck %s
// CHECK: functions, {{[0-9]+}} values agree

func.func @arithmetic_f32(%a0: memref<256xf32>, %a1: memref<256xf32>, %r0: memref<256xf32>, %r1: memref<256xf32>, %r2: memref<256xf32>, %r3: memref<256xf32>, %r4: memref<256xf32>, %r5: memref<256xf32>, %r6: memref<256xf32>, %r7: memref<256xf32>) attributes {qc.num_results = 8 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %y0 = arith.addf %x0, %x1 : f32
    %y1 = arith.subf %x0, %x1 : f32
    %y2 = arith.mulf %x0, %x1 : f32
    %y3 = arith.divf %x0, %x1 : f32
    %y4 = arith.remf %x0, %x1 : f32
    %y5 = arith.maximumf %x0, %x1 : f32
    %y6 = arith.minimumf %x0, %x1 : f32
    %y7 = math.copysign %x0, %x1 : f32
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf32>
    memref.store %y2, %r2[%i] : memref<256xf32>
    memref.store %y3, %r3[%i] : memref<256xf32>
    memref.store %y4, %r4[%i] : memref<256xf32>
    memref.store %y5, %r5[%i] : memref<256xf32>
    memref.store %y6, %r6[%i] : memref<256xf32>
    memref.store %y7, %r7[%i] : memref<256xf32>
    scf.reduce
  }
  return
}
func.func @numbers_f32(%a0: memref<256xf32>, %a1: memref<256xf32>, %r0: memref<256xf32>, %r1: memref<256xf32>) attributes {qc.num_results = 2 : i64, test.values = "positive_zero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %y0 = arith.maxnumf %x0, %x1 : f32
    %y1 = arith.minnumf %x0, %x1 : f32
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf32>
    scf.reduce
  }
  return
}
func.func @unary_f32(%a0: memref<256xf32>, %r0: memref<256xf32>, %r1: memref<256xf32>, %r2: memref<256xf32>, %r3: memref<256xf32>, %r4: memref<256xf32>, %r5: memref<256xf32>, %r6: memref<256xf32>, %r7: memref<256xf32>) attributes {qc.num_results = 8 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %y0 = arith.negf %x0 : f32
    %y1 = math.absf %x0 : f32
    %y2 = math.floor %x0 : f32
    %y3 = math.ceil %x0 : f32
    %y4 = math.trunc %x0 : f32
    %y5 = math.round %x0 : f32
    %y6 = math.roundeven %x0 : f32
    %y7 = math.sqrt %x0 : f32
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf32>
    memref.store %y2, %r2[%i] : memref<256xf32>
    memref.store %y3, %r3[%i] : memref<256xf32>
    memref.store %y4, %r4[%i] : memref<256xf32>
    memref.store %y5, %r5[%i] : memref<256xf32>
    memref.store %y6, %r6[%i] : memref<256xf32>
    memref.store %y7, %r7[%i] : memref<256xf32>
    scf.reduce
  }
  return
}
func.func @compare_f32(%a0: memref<256xf32>, %a1: memref<256xf32>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>, %r10: memref<256xi8>, %r11: memref<256xi8>, %r12: memref<256xi8>, %r13: memref<256xi8>, %r14: memref<256xi8>, %r15: memref<256xi8>) attributes {qc.num_results = 16 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %p0 = arith.cmpf false, %x0, %x1 : f32
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpf oeq, %x0, %x1 : f32
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpf ogt, %x0, %x1 : f32
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpf oge, %x0, %x1 : f32
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpf olt, %x0, %x1 : f32
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpf ole, %x0, %x1 : f32
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpf one, %x0, %x1 : f32
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpf ord, %x0, %x1 : f32
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpf ueq, %x0, %x1 : f32
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpf ugt, %x0, %x1 : f32
    %y9 = arith.extui %p9 : i1 to i8
    %p10 = arith.cmpf uge, %x0, %x1 : f32
    %y10 = arith.extui %p10 : i1 to i8
    %p11 = arith.cmpf ult, %x0, %x1 : f32
    %y11 = arith.extui %p11 : i1 to i8
    %p12 = arith.cmpf ule, %x0, %x1 : f32
    %y12 = arith.extui %p12 : i1 to i8
    %p13 = arith.cmpf une, %x0, %x1 : f32
    %y13 = arith.extui %p13 : i1 to i8
    %p14 = arith.cmpf uno, %x0, %x1 : f32
    %y14 = arith.extui %p14 : i1 to i8
    %p15 = arith.cmpf true, %x0, %x1 : f32
    %y15 = arith.extui %p15 : i1 to i8
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
    scf.reduce
  }
  return
}
func.func @fma_f32(%a0: memref<256xf32>, %a1: memref<256xf32>, %a2: memref<256xf32>, %r0: memref<256xf32>, %r1: memref<256xf32>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %x2 = memref.load %a2[%i] : memref<256xf32>
    %y0 = math.fma %x0, %x1, %x2 : f32
    %m = arith.mulf %x0, %x1 : f32
    %y1 = arith.addf %m, %x2 : f32
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf32>
    scf.reduce
  }
  return
}
func.func @classes_f32(%a0: memref<256xf32>, %r0: memref<256xi8>, %r1: memref<256xi8>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %p0 = math.isnan %x0 : f32
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = math.isfinite %x0 : f32
    %y1 = arith.extui %p1 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @round_to_small_f32(%a0: memref<256xf32>, %r0: memref<256xi16>, %r1: memref<256xi32>, %r2: memref<256xi64>) attributes {qc.num_results = 3 : i64, test.values = "small"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %q = math.roundeven %x0 : f32
    %y0 = arith.fptosi %q : f32 to i16
    %y1 = arith.fptosi %q : f32 to i32
    %y2 = arith.fptosi %q : f32 to i64
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @to_integer_f32(%a0: memref<256xf32>, %r0: memref<256xi32>, %r1: memref<256xi64>, %r2: memref<256xi64>) attributes {qc.num_results = 3 : i64, test.values = "wide"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %y0 = arith.fptosi %x0 : f32 to i32
    %y1 = arith.fptosi %x0 : f32 to i64
    %m = math.absf %x0 : f32
    %y2 = arith.fptoui %m : f32 to i64
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @arithmetic_f64(%a0: memref<256xf64>, %a1: memref<256xf64>, %r0: memref<256xf64>, %r1: memref<256xf64>, %r2: memref<256xf64>, %r3: memref<256xf64>, %r4: memref<256xf64>, %r5: memref<256xf64>, %r6: memref<256xf64>, %r7: memref<256xf64>) attributes {qc.num_results = 8 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %y0 = arith.addf %x0, %x1 : f64
    %y1 = arith.subf %x0, %x1 : f64
    %y2 = arith.mulf %x0, %x1 : f64
    %y3 = arith.divf %x0, %x1 : f64
    %y4 = arith.remf %x0, %x1 : f64
    %y5 = arith.maximumf %x0, %x1 : f64
    %y6 = arith.minimumf %x0, %x1 : f64
    %y7 = math.copysign %x0, %x1 : f64
    memref.store %y0, %r0[%i] : memref<256xf64>
    memref.store %y1, %r1[%i] : memref<256xf64>
    memref.store %y2, %r2[%i] : memref<256xf64>
    memref.store %y3, %r3[%i] : memref<256xf64>
    memref.store %y4, %r4[%i] : memref<256xf64>
    memref.store %y5, %r5[%i] : memref<256xf64>
    memref.store %y6, %r6[%i] : memref<256xf64>
    memref.store %y7, %r7[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @numbers_f64(%a0: memref<256xf64>, %a1: memref<256xf64>, %r0: memref<256xf64>, %r1: memref<256xf64>) attributes {qc.num_results = 2 : i64, test.values = "positive_zero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %y0 = arith.maxnumf %x0, %x1 : f64
    %y1 = arith.minnumf %x0, %x1 : f64
    memref.store %y0, %r0[%i] : memref<256xf64>
    memref.store %y1, %r1[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @unary_f64(%a0: memref<256xf64>, %r0: memref<256xf64>, %r1: memref<256xf64>, %r2: memref<256xf64>, %r3: memref<256xf64>, %r4: memref<256xf64>, %r5: memref<256xf64>, %r6: memref<256xf64>, %r7: memref<256xf64>) attributes {qc.num_results = 8 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %y0 = arith.negf %x0 : f64
    %y1 = math.absf %x0 : f64
    %y2 = math.floor %x0 : f64
    %y3 = math.ceil %x0 : f64
    %y4 = math.trunc %x0 : f64
    %y5 = math.round %x0 : f64
    %y6 = math.roundeven %x0 : f64
    %y7 = math.sqrt %x0 : f64
    memref.store %y0, %r0[%i] : memref<256xf64>
    memref.store %y1, %r1[%i] : memref<256xf64>
    memref.store %y2, %r2[%i] : memref<256xf64>
    memref.store %y3, %r3[%i] : memref<256xf64>
    memref.store %y4, %r4[%i] : memref<256xf64>
    memref.store %y5, %r5[%i] : memref<256xf64>
    memref.store %y6, %r6[%i] : memref<256xf64>
    memref.store %y7, %r7[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @compare_f64(%a0: memref<256xf64>, %a1: memref<256xf64>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>, %r10: memref<256xi8>, %r11: memref<256xi8>, %r12: memref<256xi8>, %r13: memref<256xi8>, %r14: memref<256xi8>, %r15: memref<256xi8>) attributes {qc.num_results = 16 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %p0 = arith.cmpf false, %x0, %x1 : f64
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpf oeq, %x0, %x1 : f64
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpf ogt, %x0, %x1 : f64
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpf oge, %x0, %x1 : f64
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpf olt, %x0, %x1 : f64
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpf ole, %x0, %x1 : f64
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpf one, %x0, %x1 : f64
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpf ord, %x0, %x1 : f64
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpf ueq, %x0, %x1 : f64
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpf ugt, %x0, %x1 : f64
    %y9 = arith.extui %p9 : i1 to i8
    %p10 = arith.cmpf uge, %x0, %x1 : f64
    %y10 = arith.extui %p10 : i1 to i8
    %p11 = arith.cmpf ult, %x0, %x1 : f64
    %y11 = arith.extui %p11 : i1 to i8
    %p12 = arith.cmpf ule, %x0, %x1 : f64
    %y12 = arith.extui %p12 : i1 to i8
    %p13 = arith.cmpf une, %x0, %x1 : f64
    %y13 = arith.extui %p13 : i1 to i8
    %p14 = arith.cmpf uno, %x0, %x1 : f64
    %y14 = arith.extui %p14 : i1 to i8
    %p15 = arith.cmpf true, %x0, %x1 : f64
    %y15 = arith.extui %p15 : i1 to i8
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
    scf.reduce
  }
  return
}
func.func @fma_f64(%a0: memref<256xf64>, %a1: memref<256xf64>, %a2: memref<256xf64>, %r0: memref<256xf64>, %r1: memref<256xf64>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %x2 = memref.load %a2[%i] : memref<256xf64>
    %y0 = math.fma %x0, %x1, %x2 : f64
    %m = arith.mulf %x0, %x1 : f64
    %y1 = arith.addf %m, %x2 : f64
    memref.store %y0, %r0[%i] : memref<256xf64>
    memref.store %y1, %r1[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @classes_f64(%a0: memref<256xf64>, %r0: memref<256xi8>, %r1: memref<256xi8>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %p0 = math.isnan %x0 : f64
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = math.isfinite %x0 : f64
    %y1 = arith.extui %p1 : i1 to i8
    memref.store %y0, %r0[%i] : memref<256xi8>
    memref.store %y1, %r1[%i] : memref<256xi8>
    scf.reduce
  }
  return
}
func.func @round_to_small_f64(%a0: memref<256xf64>, %r0: memref<256xi16>, %r1: memref<256xi32>, %r2: memref<256xi64>) attributes {qc.num_results = 3 : i64, test.values = "small"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %q = math.roundeven %x0 : f64
    %y0 = arith.fptosi %q : f64 to i16
    %y1 = arith.fptosi %q : f64 to i32
    %y2 = arith.fptosi %q : f64 to i64
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi32>
    memref.store %y2, %r2[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @to_integer_f64(%a0: memref<256xf64>, %r0: memref<256xi32>, %r1: memref<256xi64>, %r2: memref<256xi64>) attributes {qc.num_results = 3 : i64, test.values = "wide"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf64>
    %y0 = arith.fptosi %x0 : f64 to i32
    %y1 = arith.fptosi %x0 : f64 to i64
    %m = math.absf %x0 : f64
    %y2 = arith.fptoui %m : f64 to i64
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xi64>
    scf.reduce
  }
  return
}
func.func @from_integer(%a0: memref<256xi8>, %a1: memref<256xi16>, %a2: memref<256xi32>, %a3: memref<256xi64>, %r0: memref<256xf32>, %r1: memref<256xf64>, %r2: memref<256xf32>, %r3: memref<256xf64>, %r4: memref<256xf32>, %r5: memref<256xf64>, %r6: memref<256xf32>, %r7: memref<256xf64>, %r8: memref<256xf32>, %r9: memref<256xf64>, %r10: memref<256xf32>, %r11: memref<256xf64>, %r12: memref<256xf32>, %r13: memref<256xf64>, %r14: memref<256xf32>, %r15: memref<256xf64>) attributes {qc.num_results = 16 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %x2 = memref.load %a2[%i] : memref<256xi32>
    %x3 = memref.load %a3[%i] : memref<256xi64>
    %y0 = arith.sitofp %x0 : i8 to f32
    %y1 = arith.sitofp %x0 : i8 to f64
    %y2 = arith.uitofp %x0 : i8 to f32
    %y3 = arith.uitofp %x0 : i8 to f64
    %y4 = arith.sitofp %x1 : i16 to f32
    %y5 = arith.sitofp %x1 : i16 to f64
    %y6 = arith.uitofp %x1 : i16 to f32
    %y7 = arith.uitofp %x1 : i16 to f64
    %y8 = arith.sitofp %x2 : i32 to f32
    %y9 = arith.sitofp %x2 : i32 to f64
    %y10 = arith.uitofp %x2 : i32 to f32
    %y11 = arith.uitofp %x2 : i32 to f64
    %y12 = arith.sitofp %x3 : i64 to f32
    %y13 = arith.sitofp %x3 : i64 to f64
    %y14 = arith.uitofp %x3 : i64 to f32
    %y15 = arith.uitofp %x3 : i64 to f64
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf64>
    memref.store %y2, %r2[%i] : memref<256xf32>
    memref.store %y3, %r3[%i] : memref<256xf64>
    memref.store %y4, %r4[%i] : memref<256xf32>
    memref.store %y5, %r5[%i] : memref<256xf64>
    memref.store %y6, %r6[%i] : memref<256xf32>
    memref.store %y7, %r7[%i] : memref<256xf64>
    memref.store %y8, %r8[%i] : memref<256xf32>
    memref.store %y9, %r9[%i] : memref<256xf64>
    memref.store %y10, %r10[%i] : memref<256xf32>
    memref.store %y11, %r11[%i] : memref<256xf64>
    memref.store %y12, %r12[%i] : memref<256xf32>
    memref.store %y13, %r13[%i] : memref<256xf64>
    memref.store %y14, %r14[%i] : memref<256xf32>
    memref.store %y15, %r15[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @bits(%a0: memref<256xf32>, %a1: memref<256xf64>, %a2: memref<256xi32>, %a3: memref<256xi64>, %r0: memref<256xi32>, %r1: memref<256xi64>, %r2: memref<256xf32>, %r3: memref<256xf64>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %x2 = memref.load %a2[%i] : memref<256xi32>
    %x3 = memref.load %a3[%i] : memref<256xi64>
    %y0 = arith.bitcast %x0 : f32 to i32
    %y1 = arith.bitcast %x1 : f64 to i64
    %y2 = arith.bitcast %x2 : i32 to f32
    %y3 = arith.bitcast %x3 : i64 to f64
    memref.store %y0, %r0[%i] : memref<256xi32>
    memref.store %y1, %r1[%i] : memref<256xi64>
    memref.store %y2, %r2[%i] : memref<256xf32>
    memref.store %y3, %r3[%i] : memref<256xf64>
    scf.reduce
  }
  return
}
func.func @precision(%a0: memref<256xf32>, %a1: memref<256xf64>, %r0: memref<256xf64>, %r1: memref<256xf32>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf32>
    %x1 = memref.load %a1[%i] : memref<256xf64>
    %y0 = arith.extf %x0 : f32 to f64
    %y1 = arith.truncf %x1 : f64 to f32
    memref.store %y0, %r0[%i] : memref<256xf64>
    memref.store %y1, %r1[%i] : memref<256xf32>
    scf.reduce
  }
  return
}
func.func @constants_f32(%a0: memref<2xf32>, %r0: memref<2xf32>, %r1: memref<2xf32>, %r2: memref<2xf32>, %r3: memref<2xf32>, %r4: memref<2xf32>, %r5: memref<2xf32>, %r6: memref<2xf32>, %r7: memref<2xf32>, %r8: memref<2xf32>) attributes {qc.num_results = 9 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 2 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<2xf32>
    %y0 = arith.constant 0x7FC00000 : f32
    %y1 = arith.constant 0x7F800000 : f32
    %y2 = arith.constant 0xFF800000 : f32
    %y3 = arith.constant -0.0 : f32
    %y4 = arith.constant 0.1 : f32
    %y5 = arith.constant 1.0e-45 : f32
    %y6 = arith.constant 3.40282347e+38 : f32
    %y7 = arith.constant 16777216.0 : f32
    %y8 = arith.constant 0.333333343 : f32
    memref.store %y0, %r0[%i] : memref<2xf32>
    memref.store %y1, %r1[%i] : memref<2xf32>
    memref.store %y2, %r2[%i] : memref<2xf32>
    memref.store %y3, %r3[%i] : memref<2xf32>
    memref.store %y4, %r4[%i] : memref<2xf32>
    memref.store %y5, %r5[%i] : memref<2xf32>
    memref.store %y6, %r6[%i] : memref<2xf32>
    memref.store %y7, %r7[%i] : memref<2xf32>
    memref.store %y8, %r8[%i] : memref<2xf32>
    scf.reduce
  }
  return
}
func.func @constants_f64(%a0: memref<2xf64>, %r0: memref<2xf64>, %r1: memref<2xf64>, %r2: memref<2xf64>, %r3: memref<2xf64>, %r4: memref<2xf64>, %r5: memref<2xf64>, %r6: memref<2xf64>) attributes {qc.num_results = 7 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 2 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<2xf64>
    %y0 = arith.constant 0x7FF8000000000000 : f64
    %y1 = arith.constant 0x7FF0000000000000 : f64
    %y2 = arith.constant -0.0 : f64
    %y3 = arith.constant 0.1 : f64
    %y4 = arith.constant 4.9406564584124654e-324 : f64
    %y5 = arith.constant 1.7976931348623157e+308 : f64
    %y6 = arith.constant 3.1415926535897931 : f64
    memref.store %y0, %r0[%i] : memref<2xf64>
    memref.store %y1, %r1[%i] : memref<2xf64>
    memref.store %y2, %r2[%i] : memref<2xf64>
    memref.store %y3, %r3[%i] : memref<2xf64>
    memref.store %y4, %r4[%i] : memref<2xf64>
    memref.store %y5, %r5[%i] : memref<2xf64>
    memref.store %y6, %r6[%i] : memref<2xf64>
    scf.reduce
  }
  return
}
func.func @constants_f16(%a0: memref<2xf16>, %r0: memref<2xf16>, %r1: memref<2xf16>, %r2: memref<2xf16>, %r3: memref<2xf16>, %r4: memref<2xf16>) attributes {qc.num_results = 5 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 2 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<2xf16>
    %y0 = arith.constant 0x7E00 : f16
    %y1 = arith.constant 0xFC00 : f16
    %y2 = arith.constant -0.0 : f16
    %y3 = arith.constant 0.1 : f16
    %y4 = arith.constant 65504.0 : f16
    memref.store %y0, %r0[%i] : memref<2xf16>
    memref.store %y1, %r1[%i] : memref<2xf16>
    memref.store %y2, %r2[%i] : memref<2xf16>
    memref.store %y3, %r3[%i] : memref<2xf16>
    memref.store %y4, %r4[%i] : memref<2xf16>
    scf.reduce
  }
  return
}
func.func @constants_bf16(%a0: memref<2xbf16>, %r0: memref<2xbf16>, %r1: memref<2xbf16>, %r2: memref<2xbf16>, %r3: memref<2xbf16>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 2 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<2xbf16>
    %y0 = arith.constant 0x7FC0 : bf16
    %y1 = arith.constant 0xFF80 : bf16
    %y2 = arith.constant 0.1 : bf16
    %y3 = arith.constant -3.3895e38 : bf16
    memref.store %y0, %r0[%i] : memref<2xbf16>
    memref.store %y1, %r1[%i] : memref<2xbf16>
    memref.store %y2, %r2[%i] : memref<2xbf16>
    memref.store %y3, %r3[%i] : memref<2xbf16>
    scf.reduce
  }
  return
}
func.func @constants_integer(%a0: memref<2xi32>, %r0: memref<2xi8>, %r1: memref<2xi16>, %r2: memref<2xi32>, %r3: memref<2xi64>, %r4: memref<2xi64>, %r5: memref<2xi32>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 2 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<2xi32>
    %y0 = arith.constant -128 : i8
    %y1 = arith.constant -32768 : i16
    %y2 = arith.constant -2147483648 : i32
    %y3 = arith.constant -9223372036854775808 : i64
    %y4 = arith.constant 9223372036854775807 : i64
    %y5 = arith.constant 2147483647 : i32
    memref.store %y0, %r0[%i] : memref<2xi8>
    memref.store %y1, %r1[%i] : memref<2xi16>
    memref.store %y2, %r2[%i] : memref<2xi32>
    memref.store %y3, %r3[%i] : memref<2xi64>
    memref.store %y4, %r4[%i] : memref<2xi64>
    memref.store %y5, %r5[%i] : memref<2xi32>
    scf.reduce
  }
  return
}
