// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops, carried values, branches and private arrays.
// RUN: %python %S/Inputs/run_kernels.py %s %qc_src/lib/Target/HLS/Support %t | FileCheck %s
// CHECK: functions, {{[0-9]+}} values agree

// A padded 3x3 int8 convolution with requantization.
func.func @convolution(%a0: memref<192xi8>, %a1: memref<108xi8>, %a2: memref<4xi32>, %a3: memref<4xf32>, %r0: memref<256xi8>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c9 = arith.constant 9 : index
  %c27 = arith.constant 27 : index
  %c64 = arith.constant 64 : index
  %lowest = arith.constant -128.0 : f32
  %highest = arith.constant 127.0 : f32
  %zero = arith.constant 0 : i32
  scf.parallel (%m, %y, %x) = (%c0, %c0, %c0) to (%c4, %c8, %c8) step (%c1, %c1, %c1) {
    %bias = memref.load %a2[%m] : memref<4xi32>
    %sum = scf.for %c = %c0 to %c3 step %c1 iter_args(%sum_c = %bias) -> (i32) {
      %sum_rows = scf.for %r = %c0 to %c3 step %c1 iter_args(%sum_r = %sum_c) -> (i32) {
        %sum_columns = scf.for %s = %c0 to %c3 step %c1 iter_args(%sum_s = %sum_r) -> (i32) {
          %row_1 = arith.addi %y, %r : index
          %row = arith.subi %row_1, %c1 : index
          %column_1 = arith.addi %x, %s : index
          %column = arith.subi %column_1, %c1 : index
          %above = arith.cmpi sge, %row, %c0 : index
          %below = arith.cmpi slt, %row, %c8 : index
          %left = arith.cmpi ult, %column, %c8 : index
          %rows = arith.andi %above, %below : i1
          %inside = arith.andi %rows, %left : i1
          %product = scf.if %inside -> (i32) {
            %plane = arith.muli %c, %c64 : index
            %line = arith.muli %row, %c8 : index
            %start = arith.addi %plane, %line : index
            %position = arith.addi %start, %column : index
            %input = memref.load %a0[%position] : memref<192xi8>
            %k0 = arith.muli %m, %c27 : index
            %k1 = arith.muli %c, %c9 : index
            %k2 = arith.muli %r, %c3 : index
            %k3 = arith.addi %k0, %k1 : index
            %k4 = arith.addi %k3, %k2 : index
            %k5 = arith.addi %k4, %s : index
            %weight = memref.load %a1[%k5] : memref<108xi8>
            %input_32 = arith.extsi %input : i8 to i32
            %weight_32 = arith.extsi %weight : i8 to i32
            %p = arith.muli %input_32, %weight_32 : i32
            scf.yield %p : i32
          } else {
            scf.yield %zero : i32
          }
          %next = arith.addi %sum_s, %product : i32
          scf.yield %next : i32
        }
        scf.yield %sum_columns : i32
      }
      scf.yield %sum_rows : i32
    }
    %scale = memref.load %a3[%m] : memref<4xf32>
    %float = arith.sitofp %sum : i32 to f32
    %scaled = arith.mulf %float, %scale : f32
    %low = arith.maximumf %scaled, %lowest : f32
    %clamped = arith.minimumf %low, %highest : f32
    %nan = arith.cmpf uno, %clamped, %clamped : f32
    %number = arith.select %nan, %lowest, %clamped : f32
    %rounded = math.roundeven %number : f32
    %wide = arith.fptosi %rounded : f32 to i32
    %code = arith.trunci %wide : i32 to i8
    %o0 = arith.muli %m, %c64 : index
    %o1 = arith.muli %y, %c8 : index
    %o2 = arith.addi %o0, %o1 : index
    %o3 = arith.addi %o2, %x : index
    memref.store %code, %r0[%o3] : memref<256xi8>
    scf.reduce
  }
  return
}

// Carried values that swap: each assignment reads the old values.
func.func @fibonacci(%a0: memref<16xi32>, %r0: memref<16xi32>, %r1: memref<16xi32>) attributes {qc.num_results = 2 : i64, test.values = "index"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c16 = arith.constant 16 : index
  %one = arith.constant 1 : i32
  scf.parallel (%i) = (%c0) to (%c16) step (%c1) {
    %n = memref.load %a0[%i] : memref<16xi32>
    %count = arith.index_cast %n : i32 to index
    %f:2 = scf.for %k = %c0 to %count step %c1 iter_args(%u = %one, %v = %n) -> (i32, i32) {
      %sum = arith.addi %u, %v : i32
      scf.yield %v, %sum : i32, i32
    }
    %g:2 = scf.for %k = %c0 to %count step %c1 iter_args(%u = %f#0, %v = %f#1) -> (i32, i32) {
      scf.yield %v, %u : i32, i32
    }
    memref.store %g#0, %r0[%i] : memref<16xi32>
    memref.store %g#1, %r1[%i] : memref<16xi32>
    scf.reduce
  }
  return
}

// The greatest common divisor, by a while loop that passes on other values
// than it tests.
func.func @gcd(%a0: memref<64xi32>, %a1: memref<64xi32>, %r0: memref<64xi32>, %r1: memref<64xi64>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c64 = arith.constant 64 : index
  %zero = arith.constant 0 : i32
  %none = arith.constant 0 : i64
  %step = arith.constant 1 : i64
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    %x = memref.load %a0[%i] : memref<64xi32>
    %y = memref.load %a1[%i] : memref<64xi32>
    %d:3 = scf.while (%u = %x, %v = %y, %n = %none) : (i32, i32, i64) -> (i32, i32, i64) {
      %more = arith.cmpi ne, %v, %zero : i32
      scf.condition(%more) %v, %u, %n : i32, i32, i64
    } do {
    ^bb0(%u: i32, %v: i32, %n: i64):
      %rest = arith.remui %v, %u : i32
      %next = arith.addi %n, %step : i64
      scf.yield %u, %rest, %next : i32, i32, i64
    }
    memref.store %d#1, %r0[%i] : memref<64xi32>
    memref.store %d#2, %r1[%i] : memref<64xi64>
    scf.reduce
  }
  return
}

// An insertion sort in private memory, nested loops with computed bounds.
func.func @sort(%a0: memref<64xf32>, %r0: memref<64xf32>, %r1: memref<64xi64>) attributes {qc.num_results = 2 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %true = arith.constant true
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %values = memref.alloca() : memref<8xf32>
    %positions = memref.alloca() : memref<8xindex>
    %flag = memref.alloca() : memref<i1>
    %base = arith.muli %i, %c8 : index
    scf.for %k = %c0 to %c8 step %c1 {
      %from = arith.addi %base, %k : index
      %value = memref.load %a0[%from] : memref<64xf32>
      %place = scf.while (%p = %k) : (index) -> index {
        %positive = arith.cmpi sgt, %p, %c0 : index
        %greater = scf.if %positive -> (i1) {
          %q = arith.subi %p, %c1 : index
          %before = memref.load %values[%q] : memref<8xf32>
          %compare = arith.cmpf ogt, %before, %value : f32
          scf.yield %compare : i1
        } else {
          %false = arith.constant false
          scf.yield %false : i1
        }
        scf.condition(%greater) %p : index
      } do {
      ^bb0(%p: index):
        %q = arith.subi %p, %c1 : index
        %moved = memref.load %values[%q] : memref<8xf32>
        %from_position = memref.load %positions[%q] : memref<8xindex>
        memref.store %moved, %values[%p] : memref<8xf32>
        memref.store %from_position, %positions[%p] : memref<8xindex>
        scf.yield %q : index
      }
      memref.store %value, %values[%place] : memref<8xf32>
      memref.store %k, %positions[%place] : memref<8xindex>
      memref.store %true, %flag[] : memref<i1>
    }
    scf.for %k = %c0 to %c8 step %c1 {
      %to = arith.addi %base, %k : index
      %value = memref.load %values[%k] : memref<8xf32>
      %set = memref.load %flag[] : memref<i1>
      %position = memref.load %positions[%k] : memref<8xindex>
      %position_64 = arith.index_cast %position : index to i64
      scf.if %set {
        memref.store %value, %r0[%to] : memref<64xf32>
        memref.store %position_64, %r1[%to] : memref<64xi64>
      }
    }
    scf.reduce
  }
  return
}

// Index arithmetic from data: 64 bits wide, wraps around, divides.
func.func @index_arithmetic(%a0: memref<64xi64>, %a1: memref<64xi64>, %r0: memref<64xi64>, %r1: memref<64xi64>, %r2: memref<64xi64>, %r3: memref<64xi64>, %r4: memref<64xi32>, %r5: memref<64xi64>) attributes {qc.num_results = 6 : i64, test.values = "nonzero"} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  %c64 = arith.constant 64 : index
  %large = arith.constant 100000 : index
  scf.parallel (%i) = (%c0) to (%c64) step (%c1) {
    %x = memref.load %a0[%i] : memref<64xi64>
    %y = memref.load %a1[%i] : memref<64xi64>
    %u = arith.index_cast %x : i64 to index
    %v = arith.index_castui %y : i64 to index
    %sum = arith.addi %u, %v : index
    %product = arith.muli %sum, %u : index
    %s0 = arith.index_cast %product : index to i64
    memref.store %s0, %r0[%i] : memref<64xi64>
    %quotient = arith.floordivsi %u, %v : index
    %s1 = arith.index_cast %quotient : index to i64
    memref.store %s1, %r1[%i] : memref<64xi64>
    %rest = arith.remsi %u, %c7 : index
    %both = arith.addi %rest, %i : index
    %s2 = arith.index_cast %both : index to i64
    memref.store %s2, %r2[%i] : memref<64xi64>
    // Both factors fit 32 bits, the product does not.
    %a = arith.muli %i, %large : index
    %b = arith.muli %a, %large : index
    %s3 = arith.index_cast %b : index to i64
    memref.store %s3, %r3[%i] : memref<64xi64>
    %s4 = arith.index_cast %b : index to i32
    memref.store %s4, %r4[%i] : memref<64xi32>
    %bigger = arith.cmpi ugt, %u, %v : index
    %chosen = arith.select %bigger, %large, %c7 : index
    %square = arith.muli %chosen, %chosen : index
    %s5 = arith.index_cast %square : index to i64
    memref.store %s5, %r5[%i] : memref<64xi64>
    scf.reduce
  }
  return
}

// A loop that counts unsigned numbers, one with a step, one that never runs.
func.func @counts(%a0: memref<16xi32>, %r0: memref<16xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c16 = arith.constant 16 : index
  %low = arith.constant 2147483640 : i32
  %high = arith.constant -2147483640 : i32
  %step = arith.constant 3 : i32
  %zero = arith.constant 0 : i32
  scf.parallel (%i) = (%c0) to (%c16) step (%c1) {
    %n = memref.load %a0[%i] : memref<16xi32>
    %s0 = scf.for unsigned %k = %low to %high step %step iter_args(%s = %n) -> (i32) : i32 {
      %next = arith.addi %s, %k : i32
      scf.yield %next : i32
    }
    %s1 = scf.for %k = %i to %c16 step %c3 iter_args(%s = %s0) -> (i32) {
      %k_32 = arith.index_cast %k : index to i32
      %next = arith.xori %s, %k_32 : i32
      scf.yield %next : i32
    }
    %s2 = scf.for %k = %c16 to %i step %c3 iter_args(%s = %s1) -> (i32) {
      scf.yield %zero : i32
    }
    memref.store %s2, %r0[%i] : memref<16xi32>
    scf.reduce
  }
  return
}
