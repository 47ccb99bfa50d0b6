// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A layer whose second moments do not fit is rounded to nearest, and weights are
// not corrected. 256 inputs need 4 * 8 * 256^2 bytes: 2 MiB.

// RUN: rm -rf %t && mkdir -p %t
// RUN: %python -c "import numpy as np; r = np.random.default_rng(1); np.save('%t/x.npy', r.standard_normal((300, 256), np.float32) + 1); open('%t/wide.mlir', 'w').write(open('%s').read().replace('WEIGHTS', '0x' + r.standard_normal((256, 4), np.float32).tobytes().hex()))"
// RUN: qc-opt %t/wide.mlir --qc-calibrate="inputs=%t/x.npy" -o %t/table.mlir
// DEFINE: %{nearest} = --qc-assign-bits="weights=si4 ends= rounding=nearest" --qc-quantize="inputs=%t/x.npy weight-correction=false"
// RUN: qc-opt %t/table.mlir %{nearest} | grep -v qc.plan > %t/nearest.mlir
// RUN: qc-opt %t/table.mlir --qc-assign-bits="weights=si4 ends=" --qc-quantize="inputs=%t/x.npy memory=1" --remarks-filter-missed=qc-quantize --remark-format=emitRemark 2> %t/remarks | grep -v qc.plan > %t/small.mlir
// RUN: cmp %t/nearest.mlir %t/small.mlir && FileCheck %s --input-file=%t/remarks
// CHECK: remark: {{.*}}rounded to nearest: second moments of 256 inputs need memory=2
// RUN: qc-opt %t/table.mlir --qc-assign-bits="weights=si4 ends=" --qc-quantize="inputs=%t/x.npy memory=2" --remarks-filter-missed=qc-quantize --remark-format=emitRemark 2> %t/none | grep -v qc.plan > %t/large.mlir
// RUN: not cmp %t/nearest.mlir %t/large.mlir && not grep nearest %t/none

func.func @main(%x: tensor<1x256xf32> {qc.name = "x"}) -> (tensor<1x4xf32> {qc.name = "y"}) {
  %w = qc.constant dense<"WEIGHTS"> : tensor<256x4xf32> : tensor<256x4xf32>
  %y = qc.matmul %x, %w : (tensor<1x256xf32>, tensor<256x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
