// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// f16 and bf16: computed in f32, rounded once; conversions with halves to even.
// RUN: %python %S/Inputs/run_kernels.py %s %qc_src/lib/Target/HLS/Support %t | FileCheck %s
// CHECK: functions, {{[0-9]+}} values agree

func.func @arithmetic_f16(%a0: memref<256xf16>, %a1: memref<256xf16>, %r0: memref<256xf16>, %r1: memref<256xf16>, %r2: memref<256xf16>, %r3: memref<256xf16>, %r4: memref<256xf16>, %r5: memref<256xf16>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %x1 = memref.load %a1[%i] : memref<256xf16>
    %y0 = arith.addf %x0, %x1 : f16
    %y1 = arith.subf %x0, %x1 : f16
    %y2 = arith.mulf %x0, %x1 : f16
    %y3 = arith.divf %x0, %x1 : f16
    %y4 = arith.maximumf %x0, %x1 : f16
    %y5 = arith.minimumf %x0, %x1 : f16
    memref.store %y0, %r0[%i] : memref<256xf16>
    memref.store %y1, %r1[%i] : memref<256xf16>
    memref.store %y2, %r2[%i] : memref<256xf16>
    memref.store %y3, %r3[%i] : memref<256xf16>
    memref.store %y4, %r4[%i] : memref<256xf16>
    memref.store %y5, %r5[%i] : memref<256xf16>
    scf.reduce
  }
  return
}
func.func @numbers_f16(%a0: memref<256xf16>, %a1: memref<256xf16>, %r0: memref<256xf16>, %r1: memref<256xf16>) attributes {qc.num_results = 2 : i64, test.values = "positive_zero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %x1 = memref.load %a1[%i] : memref<256xf16>
    %y0 = arith.maxnumf %x0, %x1 : f16
    %y1 = arith.minnumf %x0, %x1 : f16
    memref.store %y0, %r0[%i] : memref<256xf16>
    memref.store %y1, %r1[%i] : memref<256xf16>
    scf.reduce
  }
  return
}
func.func @unary_f16(%a0: memref<256xf16>, %r0: memref<256xf16>, %r1: memref<256xf16>, %r2: memref<256xf16>, %r3: memref<256xf16>, %r4: memref<256xf16>, %r5: memref<256xf16>, %r6: memref<256xf16>) attributes {qc.num_results = 7 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %y0 = arith.negf %x0 : f16
    %y1 = math.absf %x0 : f16
    %y2 = math.floor %x0 : f16
    %y3 = math.ceil %x0 : f16
    %y4 = math.trunc %x0 : f16
    %y5 = math.roundeven %x0 : f16
    %y6 = math.sqrt %x0 : f16
    memref.store %y0, %r0[%i] : memref<256xf16>
    memref.store %y1, %r1[%i] : memref<256xf16>
    memref.store %y2, %r2[%i] : memref<256xf16>
    memref.store %y3, %r3[%i] : memref<256xf16>
    memref.store %y4, %r4[%i] : memref<256xf16>
    memref.store %y5, %r5[%i] : memref<256xf16>
    memref.store %y6, %r6[%i] : memref<256xf16>
    scf.reduce
  }
  return
}
func.func @compare_f16(%a0: memref<256xf16>, %a1: memref<256xf16>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>, %r10: memref<256xi8>, %r11: memref<256xi8>, %r12: memref<256xi8>, %r13: memref<256xi8>, %r14: memref<256xi8>, %r15: memref<256xi8>) attributes {qc.num_results = 16 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %x1 = memref.load %a1[%i] : memref<256xf16>
    %p0 = arith.cmpf false, %x0, %x1 : f16
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpf oeq, %x0, %x1 : f16
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpf ogt, %x0, %x1 : f16
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpf oge, %x0, %x1 : f16
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpf olt, %x0, %x1 : f16
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpf ole, %x0, %x1 : f16
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpf one, %x0, %x1 : f16
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpf ord, %x0, %x1 : f16
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpf ueq, %x0, %x1 : f16
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpf ugt, %x0, %x1 : f16
    %y9 = arith.extui %p9 : i1 to i8
    %p10 = arith.cmpf uge, %x0, %x1 : f16
    %y10 = arith.extui %p10 : i1 to i8
    %p11 = arith.cmpf ult, %x0, %x1 : f16
    %y11 = arith.extui %p11 : i1 to i8
    %p12 = arith.cmpf ule, %x0, %x1 : f16
    %y12 = arith.extui %p12 : i1 to i8
    %p13 = arith.cmpf une, %x0, %x1 : f16
    %y13 = arith.extui %p13 : i1 to i8
    %p14 = arith.cmpf uno, %x0, %x1 : f16
    %y14 = arith.extui %p14 : i1 to i8
    %p15 = arith.cmpf true, %x0, %x1 : f16
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
func.func @casts_f16(%a0: memref<256xf16>, %a1: memref<256xf32>, %a2: memref<256xf64>, %a3: memref<256xi16>, %r0: memref<256xf32>, %r1: memref<256xf64>, %r2: memref<256xf16>, %r3: memref<256xf16>, %r4: memref<256xi16>, %r5: memref<256xf16>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %x2 = memref.load %a2[%i] : memref<256xf64>
    %x3 = memref.load %a3[%i] : memref<256xi16>
    %y0 = arith.extf %x0 : f16 to f32
    %y1 = arith.extf %x0 : f16 to f64
    %y2 = arith.truncf %x1 : f32 to f16
    %y3 = arith.truncf %x2 : f64 to f16
    %y4 = arith.bitcast %x0 : f16 to i16
    %y5 = arith.bitcast %x3 : i16 to f16
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf64>
    memref.store %y2, %r2[%i] : memref<256xf16>
    memref.store %y3, %r3[%i] : memref<256xf16>
    memref.store %y4, %r4[%i] : memref<256xi16>
    memref.store %y5, %r5[%i] : memref<256xf16>
    scf.reduce
  }
  return
}
func.func @integers_f16(%a0: memref<256xi8>, %a1: memref<256xi16>, %a2: memref<256xi32>, %a3: memref<256xf16>, %r0: memref<256xf16>, %r1: memref<256xf16>, %r2: memref<256xf16>, %r3: memref<256xf16>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %x2 = memref.load %a2[%i] : memref<256xi32>
    %x3 = memref.load %a3[%i] : memref<256xf16>
    %y0 = arith.sitofp %x0 : i8 to f16
    %y1 = arith.uitofp %x1 : i16 to f16
    %y2 = arith.sitofp %x2 : i32 to f16
    %c = arith.cmpf olt, %y0, %x3 : f16
    %y3 = arith.select %c, %y0, %x3 : f16
    memref.store %y0, %r0[%i] : memref<256xf16>
    memref.store %y1, %r1[%i] : memref<256xf16>
    memref.store %y2, %r2[%i] : memref<256xf16>
    memref.store %y3, %r3[%i] : memref<256xf16>
    scf.reduce
  }
  return
}
func.func @to_integer_f16(%a0: memref<256xf16>, %r0: memref<256xi16>, %r1: memref<256xi32>) attributes {qc.num_results = 2 : i64, test.values = "small"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xf16>
    %q = math.roundeven %x0 : f16
    %y0 = arith.fptosi %q : f16 to i16
    %y1 = arith.fptosi %x0 : f16 to i32
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
func.func @arithmetic_bf16(%a0: memref<256xbf16>, %a1: memref<256xbf16>, %r0: memref<256xbf16>, %r1: memref<256xbf16>, %r2: memref<256xbf16>, %r3: memref<256xbf16>, %r4: memref<256xbf16>, %r5: memref<256xbf16>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %x1 = memref.load %a1[%i] : memref<256xbf16>
    %y0 = arith.addf %x0, %x1 : bf16
    %y1 = arith.subf %x0, %x1 : bf16
    %y2 = arith.mulf %x0, %x1 : bf16
    %y3 = arith.divf %x0, %x1 : bf16
    %y4 = arith.maximumf %x0, %x1 : bf16
    %y5 = arith.minimumf %x0, %x1 : bf16
    memref.store %y0, %r0[%i] : memref<256xbf16>
    memref.store %y1, %r1[%i] : memref<256xbf16>
    memref.store %y2, %r2[%i] : memref<256xbf16>
    memref.store %y3, %r3[%i] : memref<256xbf16>
    memref.store %y4, %r4[%i] : memref<256xbf16>
    memref.store %y5, %r5[%i] : memref<256xbf16>
    scf.reduce
  }
  return
}
func.func @numbers_bf16(%a0: memref<256xbf16>, %a1: memref<256xbf16>, %r0: memref<256xbf16>, %r1: memref<256xbf16>) attributes {qc.num_results = 2 : i64, test.values = "positive_zero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %x1 = memref.load %a1[%i] : memref<256xbf16>
    %y0 = arith.maxnumf %x0, %x1 : bf16
    %y1 = arith.minnumf %x0, %x1 : bf16
    memref.store %y0, %r0[%i] : memref<256xbf16>
    memref.store %y1, %r1[%i] : memref<256xbf16>
    scf.reduce
  }
  return
}
func.func @unary_bf16(%a0: memref<256xbf16>, %r0: memref<256xbf16>, %r1: memref<256xbf16>, %r2: memref<256xbf16>, %r3: memref<256xbf16>, %r4: memref<256xbf16>, %r5: memref<256xbf16>, %r6: memref<256xbf16>) attributes {qc.num_results = 7 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %y0 = arith.negf %x0 : bf16
    %y1 = math.absf %x0 : bf16
    %y2 = math.floor %x0 : bf16
    %y3 = math.ceil %x0 : bf16
    %y4 = math.trunc %x0 : bf16
    %y5 = math.roundeven %x0 : bf16
    %y6 = math.sqrt %x0 : bf16
    memref.store %y0, %r0[%i] : memref<256xbf16>
    memref.store %y1, %r1[%i] : memref<256xbf16>
    memref.store %y2, %r2[%i] : memref<256xbf16>
    memref.store %y3, %r3[%i] : memref<256xbf16>
    memref.store %y4, %r4[%i] : memref<256xbf16>
    memref.store %y5, %r5[%i] : memref<256xbf16>
    memref.store %y6, %r6[%i] : memref<256xbf16>
    scf.reduce
  }
  return
}
func.func @compare_bf16(%a0: memref<256xbf16>, %a1: memref<256xbf16>, %r0: memref<256xi8>, %r1: memref<256xi8>, %r2: memref<256xi8>, %r3: memref<256xi8>, %r4: memref<256xi8>, %r5: memref<256xi8>, %r6: memref<256xi8>, %r7: memref<256xi8>, %r8: memref<256xi8>, %r9: memref<256xi8>, %r10: memref<256xi8>, %r11: memref<256xi8>, %r12: memref<256xi8>, %r13: memref<256xi8>, %r14: memref<256xi8>, %r15: memref<256xi8>) attributes {qc.num_results = 16 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %x1 = memref.load %a1[%i] : memref<256xbf16>
    %p0 = arith.cmpf false, %x0, %x1 : bf16
    %y0 = arith.extui %p0 : i1 to i8
    %p1 = arith.cmpf oeq, %x0, %x1 : bf16
    %y1 = arith.extui %p1 : i1 to i8
    %p2 = arith.cmpf ogt, %x0, %x1 : bf16
    %y2 = arith.extui %p2 : i1 to i8
    %p3 = arith.cmpf oge, %x0, %x1 : bf16
    %y3 = arith.extui %p3 : i1 to i8
    %p4 = arith.cmpf olt, %x0, %x1 : bf16
    %y4 = arith.extui %p4 : i1 to i8
    %p5 = arith.cmpf ole, %x0, %x1 : bf16
    %y5 = arith.extui %p5 : i1 to i8
    %p6 = arith.cmpf one, %x0, %x1 : bf16
    %y6 = arith.extui %p6 : i1 to i8
    %p7 = arith.cmpf ord, %x0, %x1 : bf16
    %y7 = arith.extui %p7 : i1 to i8
    %p8 = arith.cmpf ueq, %x0, %x1 : bf16
    %y8 = arith.extui %p8 : i1 to i8
    %p9 = arith.cmpf ugt, %x0, %x1 : bf16
    %y9 = arith.extui %p9 : i1 to i8
    %p10 = arith.cmpf uge, %x0, %x1 : bf16
    %y10 = arith.extui %p10 : i1 to i8
    %p11 = arith.cmpf ult, %x0, %x1 : bf16
    %y11 = arith.extui %p11 : i1 to i8
    %p12 = arith.cmpf ule, %x0, %x1 : bf16
    %y12 = arith.extui %p12 : i1 to i8
    %p13 = arith.cmpf une, %x0, %x1 : bf16
    %y13 = arith.extui %p13 : i1 to i8
    %p14 = arith.cmpf uno, %x0, %x1 : bf16
    %y14 = arith.extui %p14 : i1 to i8
    %p15 = arith.cmpf true, %x0, %x1 : bf16
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
func.func @casts_bf16(%a0: memref<256xbf16>, %a1: memref<256xf32>, %a2: memref<256xf64>, %a3: memref<256xi16>, %r0: memref<256xf32>, %r1: memref<256xf64>, %r2: memref<256xbf16>, %r3: memref<256xbf16>, %r4: memref<256xi16>, %r5: memref<256xbf16>) attributes {qc.num_results = 6 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %x1 = memref.load %a1[%i] : memref<256xf32>
    %x2 = memref.load %a2[%i] : memref<256xf64>
    %x3 = memref.load %a3[%i] : memref<256xi16>
    %y0 = arith.extf %x0 : bf16 to f32
    %y1 = arith.extf %x0 : bf16 to f64
    %y2 = arith.truncf %x1 : f32 to bf16
    %y3 = arith.truncf %x2 : f64 to bf16
    %y4 = arith.bitcast %x0 : bf16 to i16
    %y5 = arith.bitcast %x3 : i16 to bf16
    memref.store %y0, %r0[%i] : memref<256xf32>
    memref.store %y1, %r1[%i] : memref<256xf64>
    memref.store %y2, %r2[%i] : memref<256xbf16>
    memref.store %y3, %r3[%i] : memref<256xbf16>
    memref.store %y4, %r4[%i] : memref<256xi16>
    memref.store %y5, %r5[%i] : memref<256xbf16>
    scf.reduce
  }
  return
}
func.func @integers_bf16(%a0: memref<256xi8>, %a1: memref<256xi16>, %a2: memref<256xi32>, %a3: memref<256xbf16>, %r0: memref<256xbf16>, %r1: memref<256xbf16>, %r2: memref<256xbf16>, %r3: memref<256xbf16>) attributes {qc.num_results = 4 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xi8>
    %x1 = memref.load %a1[%i] : memref<256xi16>
    %x2 = memref.load %a2[%i] : memref<256xi32>
    %x3 = memref.load %a3[%i] : memref<256xbf16>
    %y0 = arith.sitofp %x0 : i8 to bf16
    %y1 = arith.uitofp %x1 : i16 to bf16
    %y2 = arith.sitofp %x2 : i32 to bf16
    %c = arith.cmpf olt, %y0, %x3 : bf16
    %y3 = arith.select %c, %y0, %x3 : bf16
    memref.store %y0, %r0[%i] : memref<256xbf16>
    memref.store %y1, %r1[%i] : memref<256xbf16>
    memref.store %y2, %r2[%i] : memref<256xbf16>
    memref.store %y3, %r3[%i] : memref<256xbf16>
    scf.reduce
  }
  return
}
func.func @to_integer_bf16(%a0: memref<256xbf16>, %r0: memref<256xi16>, %r1: memref<256xi32>) attributes {qc.num_results = 2 : i64, test.values = "small"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 256 : index
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    %x0 = memref.load %a0[%i] : memref<256xbf16>
    %q = math.roundeven %x0 : bf16
    %y0 = arith.fptosi %q : bf16 to i16
    %y1 = arith.fptosi %x0 : bf16 to i32
    memref.store %y0, %r0[%i] : memref<256xi16>
    memref.store %y1, %r1[%i] : memref<256xi32>
    scf.reduce
  }
  return
}
