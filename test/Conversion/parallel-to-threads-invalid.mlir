// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt %s --qc-parallel-to-threads -split-input-file -verify-diagnostics

// expected-error @+1 {{must hold one scf.parallel, has 0}}
func.func @none(%y: memref<8xf32>) attributes {qc.num_results = 1 : i64} {
  return
}

// -----

func.func @dynamic(%y: memref<8xf32>, %n: index) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{must run from 0 to a constant in steps of 1}}
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    memref.store %one, %y[%i] : memref<8xf32>
    scf.reduce
  }
  return
}

// -----

// expected-error @+1 {{needs 1048576 bytes of scratch in each thread; a GPU thread has 524288}}
func.func @large(%y: memref<8xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %s = memref.alloca() : memref<262144xf32>
    %v = memref.load %s[%i] : memref<262144xf32>
    memref.store %v, %y[%i] : memref<8xf32>
    scf.reduce
  }
  return
}

// -----

func.func @huge(%y: memref<8xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant 4294967296 : index
  %one = arith.constant 1.0 : f32
  // expected-error @+1 {{has more iterations than 64 bits count}}
  scf.parallel (%i, %j) = (%c0, %c0) to (%n, %n) step (%c1, %c1) {
    memref.store %one, %y[%i] : memref<8xf32>
    scf.reduce
  }
  return
}
