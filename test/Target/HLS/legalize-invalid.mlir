// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-hls-legalize --split-input-file --verify-diagnostics %s

// All reasons in one run.
func.func @operations(%a: memref<4xf32>, %r: memref<4xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %x = memref.load %a[%c0] : memref<4xf32>
  // expected-error @+1 {{in kernel 'operations': 'math.exp' has no HLS form: math functions have to be expanded first; accepted on f32 and f64 are the exactly rounded ones}}
  %e = math.exp %x : f32
  // expected-error @+1 {{'arith.truncf' has no HLS form: its types or attributes are not accepted}}
  %t = arith.truncf %e downward : f32 to f16
  %w = arith.extf %t : f16 to f32
  // expected-error @+1 {{'vector.broadcast' has no HLS form: accepted are scalar arith and math operations}}
  %v = vector.broadcast %w : f32 to vector<4xf32>
  // expected-error @+1 {{'vector.store' has no HLS form}}
  vector.store %v, %r[%c0] : memref<4xf32>, vector<4xf32>
  return
}

// -----

func.func @fused(%a: memref<1xf16>, %r: memref<1xf16>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %x = memref.load %a[%c0] : memref<1xf16>
  // expected-error @+1 {{'math.fma' has no HLS form}}
  %y = math.fma %x, %x, %x : f16
  memref.store %y, %r[%c0] : memref<1xf16>
  return
}

// -----

// expected-error @+1 {{kernel 'matrix' has no HLS form: argument 0 is of type 'memref<4x4xf32>'; accepted are static memrefs of rank 0 or 1}}
func.func @matrix(%a: memref<4x4xf32>, %r: memref<1xf32>) {
  %c0 = arith.constant 0 : index
  // expected-error @+1 {{'memref.load' has no HLS form: it accesses 'memref<4x4xf32>'}}
  %x = memref.load %a[%c0, %c0] : memref<4x4xf32>
  memref.store %x, %r[%c0] : memref<1xf32>
  return
}

// -----

// expected-error @+1 {{argument 1 is of type 'memref<?xf32>'}}
func.func @dynamic(%a: memref<1xf32>, %r: memref<?xf32>) {
  return
}

// -----

// expected-error @+1 {{argument 0 is of type 'memref<8xi1>'}}
func.func @bits(%a: memref<8xi1>) {
  return
}

// -----

// expected-error @+1 {{kernel 'declared' has no HLS form: it has no body}}
func.func private @declared(memref<1xf32>)

// -----

// expected-error @+1 {{kernel 'value' has no HLS form: it returns values; results are memref arguments}}
func.func @value() -> f32 {
  %x = arith.constant 0.0 : f32
  return %x : f32
}

// -----

// expected-error @+1 {{kernel 'blocks' has no HLS form: its body has several blocks; accepted is structured control flow (scf)}}
func.func @blocks() {
  cf.br ^next
^next:
  return
}

// -----

func.func @reduction(%a: memref<4xf32>, %r: memref<1xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %sum = scf.parallel (%i) = (%c0) to (%c4) step (%c1) init (%zero) -> f32 {
    %x = memref.load %a[%i] : memref<4xf32>
    // expected-error @+1 {{'scf.reduce' has no HLS form: reductions over parallel loops are not accepted; use a sequential loop with a carried value}}
    scf.reduce(%x : f32) {
    ^bb0(%u: f32, %v: f32):
      %s = arith.addf %u, %v : f32
      scf.reduce.return %s : f32
    }
  }
  memref.store %sum, %r[%c0] : memref<1xf32>
  return
}

// -----

func.func @wide(%a: memref<1xi64>, %r: memref<1xi64>) {
  %c0 = arith.constant 0 : index
  %x = memref.load %a[%c0] : memref<1xi64>
  // expected-error @+1 {{'arith.extsi' has no HLS form}}
  %w = arith.extsi %x : i64 to i128
  // expected-error @+1 {{'arith.trunci' has no HLS form}}
  %y = arith.trunci %w : i128 to i64
  memref.store %y, %r[%c0] : memref<1xi64>
  return
}
