// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-translate --mlir-to-hls-project --split-input-file --verify-diagnostics %s
// RUN: not qc-translate --mlir-to-hls-project --hls-top=weights %S/project.mlir 2>&1 | FileCheck %s --check-prefix=TOP
// RUN: not qc-translate --mlir-to-hls-project --hls-top="a b" %S/project.mlir 2>&1 | FileCheck %s --check-prefix=TOP
// RUN: not qc-translate --mlir-to-hls-project --hls-program=other %S/project.mlir 2>&1 | FileCheck %s --check-prefix=NAME
// TOP: cannot name the top function; accepted are C++ identifiers other than the project's files
// NAME: an HLS project holds one program, but there is none named 'other'

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{argument 0 of node 'double' reads byte 16 of #qc.buffer<arena, 0, 16, 16>, which no earlier launch writes}}
  qc.launch @twice [#qc.buffer<arena, 0, 16, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
// expected-error @+1 {{output 'y' reads byte 16 of #qc.buffer<output, 0, 0, 20>, which no earlier launch writes}}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<5xsi32>>]} {
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{node 'double', kernel 'twice': argument 0 of type 'memref<4xi32>' does not fit #qc.buffer<input, 0, 0, 12>}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 12>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{result #qc.buffer<weights, 0, 0, 16> is not writable}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<weights, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{no qc.data holds #qc.buffer<weights, 0, 0, 16>}}
  qc.launch @twice [#qc.buffer<weights, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi64>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{argument 0 of node 'double' reads #qc.buffer<input, 0, 0, 16> as 'i32', which was written as 'i64'; accepted are types of the same size}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{it has 1 buffers for 2 arguments}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>] "double"
}

// -----

qc.data @twice at 0 dense<7> : tensor<4xi32> : tensor<4xi32>
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{node 'double', kernel 'twice': the kernel is not a function of loops; accepted is the output of qc-lower-kernels}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %a[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{the kernel stores to argument 0, which is not one of its results}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

func.func @twice(%a: memref<4xi32>, %r: memref<4xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
    %x = memref.load %a[%i] : memref<4xi32>
    %y = arith.addi %x, %x : i32
    memref.store %y, %r[%i] : memref<4xi32>
    scf.reduce
  }
  return
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x", tensor<4xsi32>>], outputs = [#qc.port<"y", tensor<4xsi32>>]} {
  // expected-error @+1 {{the kernel has no valid 'qc.num_results'}}
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<output, 0, 0, 16>] "double"
}

// -----

// expected-error @+1 {{an HLS project holds one program, but there are 2; choose one of 'one' 'two'}}
module {
qc.program @one attributes {arena_lower_bound = 0 : i64, arena_size = 0 : i64,
    inputs = [], outputs = []} {
}
qc.program @two attributes {arena_lower_bound = 0 : i64, arena_size = 0 : i64,
    inputs = [], outputs = []} {
}
}

// -----

// expected-error @+1 {{an HLS project holds one program, but there is none; accepted is the output of qc-plan-memory}}
module {
}

