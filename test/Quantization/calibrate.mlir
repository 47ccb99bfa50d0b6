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

// Other samples or weights than the table's are refused, wherever the files lie;
// fewer samples are not, nor numbers that somebody wrote.
// RUN: cp -r %t/in %t/moved && qc-opt %s --qc-calibrate="inputs=%t/moved table=%t/b.json" -o /dev/null && diff %t/a.json %t/b.json
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in limit=1 table=%t/b.json" | diff - %t/b.mlir
// RUN: %python -c "import numpy as np; np.save('%t/moved/1.npy', np.float32([[100, 1, 1, -7]]))"
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/moved table=%t/b.json" 2>&1 | FileCheck %s --check-prefix=SAMPLES
// SAMPLES: error: '{{.*}}b.json' was measured on other inputs than the first 3 samples of '{{.*}}moved': delete it to measure again, or its member '#measured-on' to use its numbers nevertheless
// RUN: sed 's/dense<2.0>/dense<3.0>/' %s | not qc-opt --qc-calibrate="table=%t/b.json" 2>&1 | FileCheck %s --check-prefix=CONSTANTS
// CONSTANTS: error: '{{.*}}b.json' was measured with other constants (weights) in the model: delete it
// RUN: %python -c "import json; t = json.load(open('%t/b.json')); del t['#measured-on']; json.dump(t, open('%t/own.json', 'w'))"
// RUN: qc-opt %s --qc-calibrate="inputs=%t/moved table=%t/own.json" | diff - %t/b.mlir
// RUN: echo '{"#measured-on": {"samples": {"x": "1"}}}' > %t/digest.json
// RUN: not qc-opt %s --qc-calibrate="inputs=%t/in table=%t/digest.json" 2>&1 | FileCheck %s --check-prefix=DIGEST
// DIGEST: error: '{{.*}}digest.json': bad '#measured-on': 'samples' has a string for each number of samples

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
  %c = qc.constant dense<2.0> : tensor<4xf32> : tensor<4xf32>
  %0 = qc.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %1 = qc.mul %0, %c : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return %1 : tensor<1x4xf32>
}
