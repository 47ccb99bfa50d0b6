// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The project's estimate: multipliers by the bits that their operands can have,
// iterations of the innermost loops.
// RUN: rm -rf %t && qc-translate --mlir-to-hls-project %s -o %t.txt && split-file %t.txt %t
// RUN: FileCheck %s --input-file %t/README.md
// RUN: FileCheck %s --input-file %t/project.json --check-prefix=JSON

// 4 dot products of 3 codes less a zero point: 9 bits by 8. The product with a
// constant and the addresses cost nothing.
func.func @dot(%a: memref<12xi8>, %b: memref<3xi8>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  %point = arith.constant 7 : i32
  %five = arith.constant 5 : i32
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %base = arith.muli %i, %c3 : index
    %sum = scf.for %k = %c0 to %c3 step %c1 iter_args(%s = %zero) -> (i32) {
      %at = arith.addi %base, %k : index
      %x8 = memref.load %a[%at] : memref<12xi8>
      %w8 = memref.load %b[%k] : memref<3xi8>
      %x32 = arith.extsi %x8 : i8 to i32
      %x = arith.subi %x32, %point : i32
      %w = arith.extsi %w8 : i8 to i32
      %p = arith.muli %x, %w : i32
      %next = arith.addi %s, %p : i32
      scf.yield %next : i32
    }
    %scaled = arith.muli %sum, %five : i32
    memref.store %scaled, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}

// Halves a float as often as it says: two operators, no bound.
func.func @halve(%a: memref<4xi32>, %r: memref<4xf32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %half = arith.constant 0.5 : f32
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %n = memref.load %a[%i] : memref<4xi32>
    %f = arith.sitofp %n : i32 to f32
    %root = math.sqrt %f : f32
    %v, %count = scf.while (%x = %root, %left = %n) : (f32, i32) -> (f32, i32) {
      %more = arith.cmpi sgt, %left, %zero : i32
      scf.condition(%more) %x, %left : f32, i32
    } do {
    ^bb0(%x: f32, %left: i32):
      %y = arith.mulf %x, %half : f32
      %fewer = arith.subi %left, %one : i32
      scf.yield %y, %fewer : f32, i32
    }
    memref.store %v, %r[%i] : memref<4xf32>
    scf.reduce
  }
  return
}

qc.program @main attributes {arena_lower_bound = 16 : i64, arena_size = 16 : i64,
    inputs = [#qc.port<"a", tensor<12xsi8>>, #qc.port<"b", tensor<3xsi8>>], outputs = [#qc.port<"y", tensor<4xf32>>]} {
  qc.launch @dot [#qc.buffer<input, 0, 0, 12>, #qc.buffer<input, 1, 0, 3>, #qc.buffer<arena, 0, 0, 16>] "a|b"
  qc.launch @halve [#qc.buffer<arena, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "halve"
}

// CHECK: # HLS project of program `main`
// CHECK: | process | node | multipliers | dividers | iterations | buffers, bytes |
// CHECK: | process_0 | a\|b | 9x8 | - | 12 | 31 |
// CHECK: | process_1 | halve | float | float | unknown | 32 |
// CHECK: Channels hold 47 bytes, constants 0 bytes

// JSON:      "node": "a|b",
// JSON:      "multipliers": {
// JSON-NEXT:   "9x8": 1
// JSON-NEXT: },
// JSON-NEXT: "dividers": {},
// JSON-NEXT: "iterations": 12,
// JSON-NEXT: "buffer_bytes": 31
// JSON:      "node": "halve",
// JSON-NOT:  iterations
// JSON:      "buffer_bytes": 32
