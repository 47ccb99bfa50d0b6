// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-translate --mlir-to-hls %s | FileCheck %s --check-prefixes=CHECK,VITIS
// RUN: qc-translate --mlir-to-hls --hls-vendor=catapult %s | FileCheck %s --check-prefixes=CHECK,CATAPULT
// RUN: qc-translate --mlir-to-hls --hls-vendor=generic %s | FileCheck %s --check-prefixes=CHECK,GENERIC
// RUN: not qc-translate --mlir-to-hls --hls-vendor=none %s 2>&1 | FileCheck %s --check-prefix=VENDOR
// GENERIC-NOT: #pragma
// VENDOR: unknown HLS vendor 'none'; accepted are vitis, catapult and generic

// Address arithmetic is plain `int` and nested; a float operation is a
// statement of its own, so that no tool fuses two; sums wrap.
// CHECK:      #include "qc_hls.h"
// CHECK:      // Kernel @matmul, family contraction.
// CHECK-NEXT: static void kernel_matmul(const int8_t in0[12],
// CHECK-NEXT:                           const int8_t in1[8],
// CHECK-NEXT:                           const float in2[1],
// CHECK-NEXT:                           int8_t out0[6]) {
// VITIS-NEXT: #pragma HLS INLINE off
// CHECK-NEXT:   parallel_p0: for (int p0 = 0; p0 < 3; ++p0) {
// CHECK-NEXT:     parallel_p1: for (int p1 = 0; p1 < 2; ++p1) {
// CHECK-NEXT:       float v0 = in2[0];
// CHECK-NEXT:       int32_t carried0 = 0;
// CATAPULT-NEXT: #pragma hls_pipeline_init_interval 1
// CHECK-NEXT:       loop_i0: for (int i0 = 0; i0 < 4; ++i0) {
// VITIS-NEXT: #pragma HLS PIPELINE II=1
// CHECK-NEXT:         int8_t v1 = in0[p0 * 4 + i0];
// CHECK-NEXT:         int8_t v2 = in1[i0 * 2 + p1];
// CHECK-NEXT:         carried0 = qc::add<32>(carried0, int32_t(v1) * int32_t(v2));
// CHECK-NEXT:       }
// CHECK-NEXT:       float v3 = float(carried0);
// CHECK-NEXT:       float v4 = v3 * v0;
// CHECK-NEXT:       float v5 = qc::maximum(v4, -128.0f);
// CHECK-NEXT:       float v6 = qc::minimum(v5, 127.0f);
// CHECK-NEXT:       float v7 = qc::round_half_even(v6);
// CHECK-NEXT:       int32_t v8 = qc::to_signed<32>(v7);
// CHECK-NEXT:       out0[p0 * 2 + p1] = qc::truncate<8>(v8);
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: }
func.func @matmul(%a: memref<12xi8>, %b: memref<8xi8>, %m: memref<1xf32>, %r: memref<6xi8>)
    attributes {qc.num_results = 1 : i64, qc.family = "contraction"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  %low = arith.constant -128.0 : f32
  %high = arith.constant 127.0 : f32
  scf.parallel (%i, %j) = (%c0, %c0) to (%c3, %c2) step (%c1, %c1) {
    %scale = memref.load %m[%c0] : memref<1xf32>
    %sum = scf.for %k = %c0 to %c4 step %c1 iter_args(%s = %zero) -> (i32) {
      %ra = arith.muli %i, %c4 : index
      %pa = arith.addi %ra, %k : index
      %rb = arith.muli %k, %c2 : index
      %pb = arith.addi %rb, %j : index
      %x = memref.load %a[%pa] : memref<12xi8>
      %y = memref.load %b[%pb] : memref<8xi8>
      %x32 = arith.extsi %x : i8 to i32
      %y32 = arith.extsi %y : i8 to i32
      %p = arith.muli %x32, %y32 : i32
      %next = arith.addi %s, %p : i32
      scf.yield %next : i32
    }
    %f = arith.sitofp %sum : i32 to f32
    %scaled = arith.mulf %f, %scale : f32
    %l = arith.maximumf %scaled, %low : f32
    %h = arith.minimumf %l, %high : f32
    %rounded = math.roundeven %h : f32
    %q = arith.fptosi %rounded : f32 to i32
    %code = arith.trunci %q : i32 to i8
    %ro = arith.muli %i, %c2 : index
    %po = arith.addi %ro, %j : index
    memref.store %code, %r[%po] : memref<6xi8>
    scf.reduce
  }
  return
}

// Names that only differ in characters that C++ lacks stay apart.
// CHECK: static void kernel_a_b(
func.func @"a.b"(%r: memref<1xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %x = arith.constant 0.1 : f32
  // CHECK: out0[0] = 0.1f;
  memref.store %x, %r[%c0] : memref<1xf32>
  return
}
// CHECK: static void kernel_a_b_1(
func.func @"a-b"(%r: memref<1xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  // CHECK: out0[0] = qc::bit_cast<float>(uint32_t(0x7fc00000u));
  %x = arith.constant 0x7FC00000 : f32
  memref.store %x, %r[%c0] : memref<1xf32>
  return
}

// Values that swap, a while loop, comparisons that NaN makes true.
// CHECK-LABEL: static void kernel_control(
// CHECK:       int32_t next0 = carried1;
// CHECK-NEXT:  int32_t next1 = carried0;
// CHECK-NEXT:  carried0 = next0;
// CHECK-NEXT:  carried1 = next1;
// CHECK:       while_0: for (;;) {
// CHECK:         bool {{v[0-9]+}} = !(carried2 >= 1.0f);
// CHECK:         passed0 = carried2;
// CHECK-NEXT:    if (!{{v[0-9]+}}) {
// CHECK-NEXT:      break;
func.func @control(%a: memref<2xi32>, %f: memref<1xf32>, %r: memref<2xi32>, %s: memref<1xf32>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %one = arith.constant 1.0 : f32
  %x = memref.load %a[%c0] : memref<2xi32>
  %y = memref.load %a[%c1] : memref<2xi32>
  %swapped:2 = scf.for %k = %c0 to %c7 step %c1 iter_args(%u = %x, %v = %y) -> (i32, i32) {
    scf.yield %v, %u : i32, i32
  }
  memref.store %swapped#0, %r[%c0] : memref<2xi32>
  memref.store %swapped#1, %r[%c1] : memref<2xi32>
  %start = memref.load %f[%c0] : memref<1xf32>
  %end = scf.while (%g = %start) : (f32) -> f32 {
    %more = arith.cmpf ult, %g, %one : f32
    scf.condition(%more) %g : f32
  } do {
  ^bb0(%g: f32):
    %next = arith.addf %g, %one : f32
    scf.yield %next : f32
  }
  memref.store %end, %s[%c0] : memref<1xf32>
  return
}

// Other widths are kept sign-extended in the next larger type.
// CHECK-LABEL: static void kernel_widths(
// CHECK: qc::zero_extend<20, 32>(qc::add<20>({{.*}}, {{.*}}))
// CHECK: qc::bits<32>(v0) < qc::bits<32>(v1)
// CHECK: std::isinf(v{{[0-9]+}})
// CHECK: std::isnormal(v{{[0-9]+}})
func.func @widths(%a: memref<2xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %x = memref.load %a[%c0] : memref<2xi32>
  %y = memref.load %a[%c1] : memref<2xi32>
  %t = arith.trunci %x : i32 to i20
  %u = arith.trunci %y : i32 to i20
  %s = arith.addi %t, %u : i20
  %z = arith.extui %s : i20 to i32
  memref.store %z, %r[%c0] : memref<4xi32>
  %less = arith.cmpi ult, %x, %y : i32
  %l = arith.extui %less : i1 to i32
  memref.store %l, %r[%c1] : memref<4xi32>
  %f = arith.bitcast %x : i32 to f32
  %inf = math.isinf %f : f32
  %i = arith.extui %inf : i1 to i32
  memref.store %i, %r[%c2] : memref<4xi32>
  %normal = math.isnormal %f : f32
  %n = arith.extui %normal : i1 to i32
  memref.store %n, %r[%c3] : memref<4xi32>
  return
}
