// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program with what an arena can hold: two tensors written side by side and
// read as one, a result in place of its operand, a part of a tensor read alone,
// memory reused, one kernel launched three times.
// RUN: rm -rf %t && qc-translate --mlir-to-hls-project %s -o %t.txt && split-file %t.txt %t
// RUN: qc-translate --mlir-to-hls-project %s | cmp - %t.txt
// RUN: FileCheck %s --input-file %t/top.cpp
// RUN: FileCheck %s --input-file %t/project.json --check-prefix=JSON
// RUN: make -C %t csim CXX=g++ CXXFLAGS="-O1 -Werror"
//
// Two sets in one file: x = [1, 2, 3, 4] and [-1, 0, 2147483647, 5].
// RUN: mkdir -p %t/vectors/inputs %t/vectors/outputs
// RUN: %python -c "import struct; open('%t/vectors/inputs/0.bin', 'wb').write(struct.pack('<8i', 1, 2, 3, 4, -1, 0, 2147483647, 5))"
// RUN: make -C %t run IN=vectors/inputs OUT=out
// RUN: %python %S/Inputs/print_integers.py %t/out/0.bin %t/out/1.bin | FileCheck %s --check-prefix=VALUES
// VALUES: [28, 56, 84, 112, 12, 40, 52, 120]
// VALUES: [22, 44, 66, 88, 24, 48, 72, 96, 18, 40, 58, 90, 16, 40, 56, 100]
//
// The stored vectors: equal ones pass, another one is found.
// RUN: cp %t/out/0.bin %t/out/1.bin %t/vectors/outputs
// RUN: make -C %t check | FileCheck %s --check-prefix=AGREE
// AGREE: 2 sets agree
// RUN: make -C %t clean && make -C %t csim CXX=clang++ CXXFLAGS="-O2 -Werror" && make -C %t check
// RUN: cp %t/out/1.bin %t/vectors/outputs/0.bin && not %t/csim --check %t/vectors/inputs %t/vectors/outputs 2>&1 | FileCheck %s --check-prefix=SIZE
// SIZE: 0.bin holds 64 bytes; expected are 2 sets of 16
// RUN: %python -c "open('%t/vectors/outputs/0.bin', 'wb').write(bytes(32))"
// RUN: not %t/csim --check %t/vectors/inputs %t/vectors/outputs | FileCheck %s --check-prefix=DIFFER
// DIFFER: set 0, output 0 (last): 4 of 4 elements differ, the first at 0
// RUN: %python -c "open('%t/vectors/inputs/0.bin', 'wb').write(bytes(15))"
// RUN: not %t/csim %t/vectors/inputs %t/out 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: 0.bin holds 15 bytes; accepted are multiples of 16 (input x"y)
// RUN: not %t/csim %t/missing %t/out 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: cannot open {{.*}}missing/0.bin
//
// Constants beyond the limit are read from a file and passed in.
// RUN: rm -rf %t.external && qc-translate --mlir-to-hls-project --hls-max-constant-bytes=31 --hls-top=network %s -o %t.external.txt
// RUN: FileCheck %s --input-file %t.external.txt --check-prefix=EXTERNAL
// EXTERNAL: static void process_2(
// EXTERNAL: const int32_t weights_0[8]
// EXTERNAL: void network(const int32_t input_x_y[4],
// EXTERNAL: const int32_t weights_0[8])
// EXTERNAL: #pragma HLS INTERFACE mode=m_axi port=weights_0
// EXTERNAL: process_2({{.*}}, weights_0);
// RUN: split-file %t.external.txt %t.external && make -C %t.external csim CXXFLAGS=-Werror
// RUN: %python -c "import struct; open('%t.external/0.bin', 'wb').write(struct.pack('<8i', 1, 2, 3, 4, -1, 0, 2147483647, 5))"
// RUN: cd %t.external && make run IN=. OUT=out && cmp out/0.bin %t/out/0.bin && cmp out/1.bin %t/out/1.bin

// RUN: qc-translate --mlir-to-hls-project --hls-vendor=generic %s | FileCheck %s --check-prefix=GENERIC
// GENERIC-NOT: #pragma
// GENERIC:     void top(
// GENERIC-NOT: #pragma

// CHECK:       // Node twice x, then \.
// CHECK-NEXT:  static void process_1(qc::stream<int32_t> &channel_1,
// CHECK-NEXT:                        qc::stream<int32_t> &channel_3) {
// CHECK:         static int32_t in0[4];
// CHECK:         in0[i] = channel_1.read();
// CHECK:         kernel_twice(in0, out1);
// CHECK:         channel_3.write(out1[i]);
// CHECK:       static void process_2(qc::stream<int32_t> &channel_2,
// CHECK-NEXT:                        qc::stream<int32_t> &channel_3,
// CHECK:       #pragma HLS ARRAY_PARTITION variable=weights_0 complete
// CHECK:         receive_in0_2: for (int i = 0; i < 4; ++i) {
// CHECK:         receive_in0_3: for (int i = 4; i < 8; ++i) {
// CHECK:         kernel_add(in0, weights_0, out2);
// CHECK:         send_out2_4: for (int i = 4; i < 8; ++i) {
// CHECK:           channel_4.write(out2[i]);
// CHECK:         send_out2_5: for (int i = 0; i < 8; ++i) {
// CHECK:       void top(const int32_t input_x_y[4],
// CHECK-NEXT:           int32_t output_last[4],
// CHECK-NEXT:           int32_t output_all[8]) {
// CHECK:       #pragma HLS DATAFLOW
// CHECK-NEXT:    qc::stream<int32_t> channel_0;
// CHECK-NEXT:  #pragma HLS STREAM variable=channel_0 depth=4
// CHECK:         read_input_x_y(input_x_y, channel_0);
// CHECK-NEXT:    process_0(channel_0, channel_1, channel_2);
// CHECK-NEXT:    process_1(channel_1, channel_3);
// CHECK-NEXT:    process_2(channel_2, channel_3, channel_4, channel_5);
// CHECK-NEXT:    process_3(channel_4, channel_6);
// CHECK-NEXT:    process_4(channel_5, channel_7);
// CHECK-NEXT:    write_output_last(output_last, channel_6);
// CHECK-NEXT:    write_output_all(output_all, channel_7);

// JSON: "top": "top"
// JSON: "name": "x\"y",
// JSON-NEXT: "type": "int32",

qc.program @main attributes {arena_lower_bound = 32 : i64, arena_size = 64 : i64,
    inputs = [#qc.port<"x\22y", tensor<2x2xsi32>>],
    outputs = [#qc.port<"last", tensor<4xsi32>>, #qc.port<"all", tensor<8xsi32>>]} {
  qc.launch @twice [#qc.buffer<input, 0, 0, 16>, #qc.buffer<arena, 0, 0, 16>] "twice x"
  qc.launch @twice [#qc.buffer<arena, 0, 0, 16>, #qc.buffer<arena, 0, 16, 16>] "twice x, then \\"
  qc.launch @add [#qc.buffer<arena, 0, 0, 32>, #qc.buffer<weights, 0, 64, 32>, #qc.buffer<arena, 0, 0, 32>] "add"
  qc.launch @twice [#qc.buffer<arena, 0, 16, 16>, #qc.buffer<output, 0, 0, 16>] "twice again"
  qc.launch @add [#qc.buffer<arena, 0, 0, 32>, #qc.buffer<weights, 0, 64, 32>, #qc.buffer<output, 1, 0, 32>] "add again"
}
qc.data @unused at 0 dense<7> : tensor<2xi32> : tensor<2xi32>
qc.data @data at 64 dense<[10, 20, 30, 40, 10, 20, 30, 40]> : tensor<8xi32> : tensor<8xi32>
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
func.func @add(%a: memref<8xi32>, %b: memref<8xi32>, %r: memref<8xi32>) attributes {qc.num_results = 1 : i64} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.parallel (%i) = (%c0) to (%c8) step (%c1) {
    %x = memref.load %a[%i] : memref<8xi32>
    %y = memref.load %b[%i] : memref<8xi32>
    %z = arith.addi %x, %y : i32
    memref.store %z, %r[%i] : memref<8xi32>
    scf.reduce
  }
  return
}
