// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics from samples: shapes of several samples per file, resuming, errors.

// RUN: rm -rf %t && mkdir -p %t/in
// RUN: %python -c "import numpy as np; np.savez('%t/in/0.npz', x=np.float32([[-1, 0, 2, 3], [0, 0, 0, 5]]))"
// RUN: %python -c "import numpy as np; np.save('%t/in/1.npy', np.float32([[1, 1, 1, -7]]))"
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in" | FileCheck %s
// The table: three samples of x in 0.npz and 1.npy.
// CHECK: qc.table @statistics
// CHECK-SAME: relu = {
// CHECK-SAME: max = 5.0
// CHECK-SAME: samples = 3.0
// CHECK-SAME: x = {
// CHECK-SAME: max = 5.0
// CHECK-SAME: min = -7.0
// CHECK-SAME: samples = 3.0

// Two runs of one table are as good as one.
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in limit=2 table=%t/a.json" -o %t/half.mlir
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in table=%t/a.json" -o %t/a.mlir
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in table=%t/b.json" -o %t/b.mlir
// RUN: diff %t/a.json %t/b.json && diff %t/a.mlir %t/b.mlir && not diff %t/half.mlir %t/b.mlir
// A table without samples is loaded.
// RUN: qc-opt %s --qc-calibrate="table=%t/b.json" | diff - %t/b.mlir

// RUN: not qc-opt %s --qc-calibrate 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: error: qc-calibrate needs inputs=PATH, table=FILE or both
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/none" 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: error: no such file or folder of calibration inputs: '{{.*}}none'
// RUN: mkdir %t/empty && not qc-opt %s --qc-calibrate="inputs=%t/empty" 2>&1 | FileCheck %s --check-prefix=EMPTY
// EMPTY: holds no calibration inputs; accepted: .npz files, .npy files, folders with input_0.pb
// RUN: %python -c "import numpy as np; np.save('%t/f64.npy', np.zeros((1, 4)))"
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/f64.npy" 2>&1 | FileCheck %s --check-prefix=TYPE
// TYPE: f64.npy': input 'x' is float64[1,4]; accepted: 'tensor<1x4xf32>' or several of them in the first dimension
// RUN: %python -c "import numpy as np; np.savez('%t/name.npz', y=np.zeros((1, 4), 'f'), z=np.zeros(1))"
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/name.npz" 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: name.npz' has no array for input 'x'
// RUN: echo '{' > %t/bad.json
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/in table=%t/bad.json" 2>&1 | FileCheck %s --check-prefix=JSON
// JSON: error: '{{.*}}bad.json': [2:0, byte=2]
// RUN: echo '{"x": {"samples": 1}}' > %t/entry.json
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/in table=%t/entry.json" 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: error: '{{.*}}entry.json': entry 'x':

func.func @main(%x: tensor<1x4xf32> {qc.name = "x"}) -> (tensor<1x4xf32> {qc.name = "y"}) {
  %0 = qc.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %0 : tensor<1x4xf32>
}
