// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules that passes of the quantizer do not take.

// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: not qc-opt %t/declared.mlir --qc-calibrate="inputs=%t" 2>&1 | FileCheck %s --check-prefix=BODY
// RUN: not qc-opt %t/declared.mlir --qc-sensitivity 2>&1 | FileCheck %s --check-prefix=BODY
// RUN: not qc-opt %t/declared.mlir --qc-assign-bits 2>&1 | FileCheck %s --check-prefix=BODY
// RUN: not qc-opt %t/declared.mlir --qc-quantize 2>&1 | FileCheck %s --check-prefix=BODY
// RUN: not qc-opt %t/declared.mlir --qc-calibrate-transforms="inputs=%t" 2>&1 | FileCheck %s --check-prefix=BODY
// RUN: not qc-opt %t/declared.mlir --qc-quantize-pipeline 2>&1 | FileCheck %s --check-prefix=BODY
// BODY: declared.mlir:1:1: error: qc-{{.*}} needs a function with a body of one block

// RUN: not qc-opt %t/two.mlir --qc-calibrate="inputs=%t" 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not qc-opt %t/two.mlir --qc-sensitivity 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not qc-opt %t/two.mlir --qc-assign-bits 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not qc-opt %t/two.mlir --qc-quantize 2>&1 | FileCheck %s --check-prefix=TWO
// TWO: error: qc-{{.*}} needs a module with one function; import one combination of shapes

// RUN: %python -c "import numpy as np; np.save('%t/x.npy', np.ones((1, 2), 'f'))"
// RUN: qc-opt %t/float.mlir --qc-quantize-pipeline="calibration=%t/x.npy" -o %t/codes.mlir
// RUN: not qc-opt %t/codes.mlir --qc-sensitivity 2>&1 | FileCheck %s --check-prefix=CODES
// RUN: not qc-opt %t/codes.mlir --qc-assign-bits 2>&1 | FileCheck %s --check-prefix=CODES
// RUN: not qc-opt %t/codes.mlir --qc-quantize 2>&1 | FileCheck %s --check-prefix=CODES
// CODES: codes.mlir:{{.*}}: error: qc-{{.*}} takes float models; 'matmul' is quantized already
// Statistics serve whatever the model is.
// RUN: qc-opt %t/codes.mlir --qc-calibrate="inputs=%t/x.npy" | FileCheck %s --check-prefix=MEASURED
// MEASURED: qc.table @statistics {dequantize = {

//--- declared.mlir
func.func private @main(tensor<1x2xf32>) -> tensor<1x2xf32>

//--- two.mlir
func.func @a(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  return %x : tensor<1x2xf32>
}
func.func @b(%x: tensor<1x2xf32>) -> tensor<1x2xf32> {
  return %x : tensor<1x2xf32>
}

//--- float.mlir
func.func @main(%x: tensor<1x2xf32> {qc.name = "x"}) -> tensor<1x3xf32> {
  %w = qc.constant dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, 0.25]]> : tensor<2x3xf32> : tensor<2x3xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}
