// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of transformed data from samples, which layers get them, and errors.

// RUN: rm -rf %t && mkdir -p %t/in
// RUN: %python -c "import numpy as np; r = np.random.default_rng(0); [np.savez('%t/in/%%d.npz' %% i, x=r.integers(0, 256, (1, 8, 12, 12), np.uint8)) for i in range(4)]"
// RUN: qc-opt %s --mlir-print-debuginfo --qc-calibrate-transforms="inputs=%t/in force=sfc-6(6x6,3x3) max-loss=60 report=%t/report.json" | FileCheck %s
// The sum of a tile is never negative: it alone gets an offset. Weights are rounded
// with error feedback, and what they miss in the mean is a bias.
// CHECK-LABEL: func.func @main
// CHECK: qc.conv {{.*}}qc.transform = {algorithm = "sfc-6(6x6,3x3)", bias = array<i64: {{[-0-9, ]+}}>, bits = 8 : i64, offsets = array<i64: -{{[0-9]+}}, 0, {{.*}}>, scales = array<f32: {{.*}}>, weight_scales = array<f32: {{.*}}>, weights = {{.*}} : tensor<88x8x8xsi8>}
// CHECK: qc.conv {{.*}}qc.transform = {algorithm = "direct"}
// CHECK: qc.conv
// CHECK-NOT: qc.transform
// CHECK: return
// RUN: FileCheck %s --check-prefix=REPORT < %t/report.json
// REPORT: "first": {
// REPORT-NEXT: "algorithm": "sfc-6(6x6,3x3)",
// REPORT-NEXT: "sqnr-direct": {{[0-9.]+}},
// REPORT-NEXT: "sqnr-fast": {{[0-9.]+}},
// REPORT-NEXT: "used": true
// REPORT: "strided": {
// REPORT-NEXT: "used": false,
// REPORT-NEXT: "why": "its stride is not 1"

// What the attribute says is done.
// RUN: qc-opt %s --pass-pipeline="builtin.module(qc-calibrate-transforms{inputs=%t/in force=sfc-6(6x6,3x3) max-loss=60 bits=4},qc-select-conv-algorithm{force=direct})" | FileCheck %s --check-prefix=SELECTED
// SELECTED: qc.sfc_input_transform
// SELECTED: qc.conv
// SELECTED: qc.conv

// A layer that loses too much gets none; nor does any without an algorithm.
// RUN: qc-opt %s --qc-calibrate-transforms="inputs=%t/in force=sfc-6(6x6,3x3) bits=2 max-loss=1" --remarks-filter-missed=qc-calibrate-transforms --remark-format=emitRemark 2>%t/remarks -o %t/none.mlir
// RUN: FileCheck %s --check-prefix=NONE < %t/none.mlir
// NONE-NOT: scales
// RUN: FileCheck %s --check-prefix=REMARKS < %t/remarks
// REMARKS: NoFastConvolution {{.*}}Function=main {{.*}}the convolution gets no transform: products of 2-bit codes lose {{[0-9.]+}} dB
// REMARKS: the convolution gets no transform: its stride is not 1
// RUN: qc-opt %s --qc-calibrate-transforms="inputs=%t/in force=direct" | FileCheck %s --check-prefix=NONE

// RUN: not qc-opt %s --qc-calibrate-transforms 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: qc-calibrate-transforms needs inputs=PATH
// RUN: not qc-opt %s --qc-calibrate-transforms="inputs=%t/in bits=9" 2>&1 | FileCheck %s --check-prefix=BITS
// BITS: error: bits is 9, not 2 to 8
// RUN: not qc-opt %s --qc-calibrate-transforms="inputs=%t/in force=fft" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: unknown algorithm 'fft'; accepted are direct, auto, a family (sfc-6) or one of
// RUN: not qc-opt %s --qc-calibrate-transforms="inputs=%t/none" 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: no such file or folder of calibration inputs

// From the command line of qc-compile, on which calibration alone means nothing.
// RUN: qc-compile %s -o %t/model.so '--conv-algorithm=sfc-6(6x6,3x3)' --conv-calibration=%t/in --conv-bits=6 --conv-max-loss=60 --conv-report=%t/compile.json
// RUN: FileCheck %s --check-prefix=REPORT < %t/compile.json
// RUN: not qc-compile %s -o %t/model.so --conv-algorithm=direct --conv-calibration=%t/in 2>&1 | FileCheck %s --check-prefix=ALONE
// ALONE: error: --conv-calibration needs an algorithm: --conv-algorithm

func.func @main(%x: tensor<1x8x12x12xui8> {qc.name = "x"}) -> (tensor<1x8x12x12xui8> {qc.name = "a"}, tensor<1x8x12x12xsi32> {qc.name = "b"}, tensor<1x8x6x6xsi32> {qc.name = "c"}) {
  %w = qc.constant dense<"0x343A03E1D401D7C7080516DB00FDC4160D6008FA310824F109291C05D512031D092CFE081BD5F0EC4FFC1A19F5C227F01DCCEE3239CCCBFE1D060CD8172DEFC7E21EBBFCD8FBF6013C1135FAED0F8FFE06CF13EA9EF7D9EBFA3204FF10B832D512D3D9F04C1CE8F5D2FFE91DCAF3DEE31C0517302EC915BAFD4DF8F1070101E22B24F80D1A29101CF5D5EC292706E90C4336E5FEC6D3080127332135EAD3146B0ED20A39D720E8331F0C50F0E54ADD58FED7000508F82BA3EAF649B0F2D2E51A103AE80B2F24F32DDB4806FB0B2246FAF117DDBC21F12DD78C0B0640150C17F103CA15E0EE1C25D850E821260907482412B7E22F08DAE6F41B0F28DF27ECF44503FAF8F13E371D072AFD121004424635B3491CEEFF2E2F22060121FCDCE7FA0D5BC913FC0C3632FAEAC9FD32F51C1C102BFBDFD125F2F421E0471BEBE72BD1E60008010FF1FB331AEE45B0031B2704F117F8138E0FE0261E1DF011F209FBDD4F1DAE24C8F7E9EB0AF3C6000F47EFD0F11ADDE3160009E7DFF3FAF311161613DDD3200105D2F8E6DDE7C4032FE404D41B4BCFF7390F05AEFA25391AE9E5B7D52DFBCA35BD32F30E1B0A3301F3E6C6E42721386D1D14CBF65815FA0CB4DFCCAA1F27F90ED8121F3D3E14FBDFE8191701431A01F803DAD90EE9F531F835003D13BA32F8B10506CCE816382E312D9DE307941F24E1F1DAFFFE00D70FF2260DC5C603ED132001BDD017D62CFC15DDFC8AF817DCDEFE03E01BBE2DC8DF35D8BE03DBD3E4E2D9D740E527C816CEEE19EBB1EAFA17D8F403BEFCDF12FCF99FFCF1DAECCD"> : tensor<8x8x3x3xsi8> : tensor<8x8x3x3xsi8>
  %m = qc.constant dense<0.01> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
  %0 = qc.conv %x, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x12x12xui8>, tensor<8x8x3x3xsi8>) -> tensor<1x8x12x12xsi32> loc("first")
  %a = qc.requantize %0, %m, %z {axis = 1 : i64} : (tensor<1x8x12x12xsi32>, tensor<f32>, tensor<ui8>) -> tensor<1x8x12x12xui8> loc("codes")
  %b = qc.conv %a, %w {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64, qc.transform = {algorithm = "direct"}} : (tensor<1x8x12x12xui8>, tensor<8x8x3x3xsi8>) -> tensor<1x8x12x12xsi32> loc("second")
  %c = qc.conv %a, %w {strides = array<i64: 2, 2>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : i64} : (tensor<1x8x12x12xui8>, tensor<8x8x3x3xsi8>) -> tensor<1x8x6x6xsi32> loc("strided")
  return %a, %b, %c : tensor<1x8x12x12xui8>, tensor<1x8x12x12xsi32>, tensor<1x8x6x6xsi32>
}
