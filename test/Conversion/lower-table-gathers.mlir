// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --pass-pipeline='builtin.module(func.func(qc-lower-table-gathers))' %s | FileCheck %s

// CHECK-LABEL: func.func @bytes
// CHECK-SAME: (%[[TABLE:.*]]: memref<256xi8>, %[[CODES:.*]]: vector<16xi32>)
// CHECK-DAG: %[[NARROW:.*]] = arith.trunci %[[CODES]] : vector<16xi32> to vector<16xi8>
// CHECK-DAG: %[[LOW:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK-DAG: %[[HIGH:.*]] = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"
// CHECK: arith.cmpi slt, %[[NARROW]]
// CHECK: arith.select
// CHECK-NOT: vector.gather
func.func @bytes(%table: memref<256xi8>, %codes: vector<16xi32>) -> vector<16xi8> {
  %c0 = arith.constant 0 : index
  %all = vector.constant_mask [16] : vector<16xi1>
  %none = arith.constant dense<0> : vector<16xi8>
  %y = vector.gather %table[%c0] [%codes], %all, %none : memref<256xi8>, vector<16xi32>, vector<16xi1>, vector<16xi8> into vector<16xi8>
  return %y : vector<16xi8>
}

// Wider elements and tables of other sizes stay.
// CHECK-LABEL: func.func @others
// CHECK-COUNT-2: vector.gather
func.func @others(%floats: memref<256xf32>, %short: memref<16xi8>, %codes: vector<16xi32>) -> (vector<16xf32>, vector<16xi8>) {
  %c0 = arith.constant 0 : index
  %all = vector.constant_mask [16] : vector<16xi1>
  %zero = arith.constant dense<0.0> : vector<16xf32>
  %none = arith.constant dense<0> : vector<16xi8>
  %y = vector.gather %floats[%c0] [%codes], %all, %zero : memref<256xf32>, vector<16xi32>, vector<16xi1>, vector<16xf32> into vector<16xf32>
  %z = vector.gather %short[%c0] [%codes], %all, %none : memref<16xi8>, vector<16xi32>, vector<16xi1>, vector<16xi8> into vector<16xi8>
  return %y, %z : vector<16xf32>, vector<16xi8>
}
