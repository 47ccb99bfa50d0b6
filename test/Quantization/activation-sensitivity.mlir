// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the rounding of each activation spoils, and what is refused. The losses
// themselves are compared with compiled models in test_quantize.py.
//
// RUN: rm -rf %t && mkdir %t && %python -c "import numpy as np; np.save('%t/x.npy', np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4) ** 4)"
// RUN: qc-opt %s --qc-activation-sensitivity="inputs=%t dump=%t/plan.json" -o %t/out.mlir 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s < %t/out.mlir
// RUN: FileCheck %s --check-prefix=DUMP < %t/plan.json

// The first product's input has a step of 1/2, the sum's one of 1/256, and an
// input that stays float none. One of both makes up 90 %.
// REMARK: remark: {{.*}}activations rounded one by one leave {{[0-9.]+}} dB together, the largest part of it from: 'matmul' input 0 (ui8, {{9[0-9]\.[0-9]|100\.0}} %); tokens=true gives each row of a matrix product's input a scale
// CHECK: qc.plan @plan {add = {{.*}}why = {activations = {"0" = {{[0-9.eE+-]+}} : f64}}}, matmul = {{.*}}why = {activations = {"0" = {{[0-9.eE+-]+}} : f64}, note = "first"}}
// The function stays as it is.
// CHECK-NOT: qc.quantize
// DUMP: "activations": {

// RUN: not qc-opt %s --qc-activation-sensitivity="inputs=%t/none" 2>&1 | FileCheck %s --check-prefix=NONE
// NONE: error: {{.*}}no such file or folder of calibration inputs
// RUN: sed -e '/^qc.plan/d' %s | not qc-opt --qc-activation-sensitivity="inputs=%t" 2>&1 | FileCheck %s --check-prefix=PLAN
// PLAN: error: the module has no plan: run qc-assign-bits before

qc.plan @plan {matmul = {inputs = {"0" = {type = "ui8", scale = 0.5 : f64, zero = 0.0 : f64}}, why = {note = "first"}}, add = {inputs = {"0" = {type = "ui8", scale = 0.00390625 : f64, zero = 128.0 : f64}}}}
func.func @main(%x: tensor<2x4xf32> {qc.name = "x"}) -> (tensor<2x4xf32> {qc.name = "y"}) {
  %w = qc.constant dense<[[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1], [0.1, 0.1, 0.1, 0.2], [0.0, 0.1, 0.0, 0.1]]> : tensor<4x4xf32> : tensor<4x4xf32>
  %0 = qc.matmul %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = qc.add %0, %x : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %1 : tensor<2x4xf32>
}
