// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding looks at a part of each sample that depends on how many there are:
// files with different numbers of samples are as good as one.

// RUN: rm -rf %t && mkdir -p %t/more %t/fewer
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).standard_normal((41, 1, 32, 32), np.float32); np.save('%t/all.npy', x); np.save('%t/more/0.npy', x[:1]); np.savez('%t/more/1.npz', x=x[1:]); np.save('%t/fewer/0.npy', x[:40]); np.savez('%t/fewer/1.npz', x=x[40:])"
// RUN: qc-opt %s --qc-quantize-pipeline="calibration=%t/all.npy" -o %t/all.mlir
// RUN: FileCheck %s --input-file=%t/all.mlir
// RUN: qc-opt %s --qc-quantize-pipeline="calibration=%t/more" -o %t/all-files.mlir && cmp %t/all.mlir %t/all-files.mlir
// RUN: qc-opt %s --qc-quantize-pipeline="calibration=%t/fewer" -o %t/all-files.mlir && cmp %t/all.mlir %t/all-files.mlir
// A limit that ends inside a file.
// RUN: qc-opt %s --qc-quantize-pipeline="calibration=%t/all.npy limit=9" -o %t/limit.mlir
// RUN: qc-opt %s --qc-quantize-pipeline="calibration=%t/more limit=9" -o %t/limit-files.mlir && cmp %t/limit.mlir %t/limit-files.mlir
// A file that does not fit is found before anything is measured.
// RUN: %python -c "import numpy as np; np.save('%t/more/2.npy', np.zeros((1, 1, 32, 31), np.float32))"
// RUN: not qc-opt %s --qc-quantize-pipeline="calibration=%t/more statistics=%t/none.json" 2>&1 | FileCheck %s --check-prefix=LATE
// RUN: not ls %t/none.json
// LATE: 2.npy': input 'x' is float32[1,1,32,31]; accepted: 'tensor<1x1x32x32xf32>'

// CHECK: qc.quantize
// CHECK: qc.dequantize {{.*}}tensor<2x1x1x1xsi8>
func.func @main(%x: tensor<1x1x32x32xf32> {qc.name = "x"}) -> (tensor<1x2x32x32xf32> {qc.name = "y"}) {
  %w = qc.constant dense<[[[[0.5]]], [[[-0.3]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %y = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x32x32xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x32x32xf32>
  return %y : tensor<1x2x32x32xf32>
}
