// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs are always (2, 2): where a constant bias makes up for it, the weight that
// becomes 0 instead of 0.3 spoils nothing; where a run computes the bias, (0.3 * 2)^2.

// RUN: %python -c "import numpy as np; np.savez('%t.npz', x=np.full((4, 2, 2, 2), 2, 'f'), b=np.arange(4, dtype='f'))"
// RUN: qc-opt %s --qc-sensitivity="inputs=%t.npz formats=si2 metrics=output-mse weight-range=minmax" | FileCheck %s --check-prefix=RUNTIME
// RUNTIME: "output-mse" = 0.3600000
// RUN: sed 's/ bias %%b//; s/, tensor<1xf32>) ->/) ->/' %s | qc-opt --qc-sensitivity="inputs=%t.npz formats=si2 metrics=output-mse weight-range=minmax" | FileCheck %s --check-prefix=CONSTANT
// CONSTANT: "output-mse" = 0.000000e+00

func.func @main(%x: tensor<1x2x2x2xf32> {qc.name = "x"}, %b: tensor<1xf32> {qc.name = "b"}) -> tensor<1x1x2x2xf32> {
  %w = qc.constant dense<[[[[1.0]], [[0.3]]]]> : tensor<1x2x1x1xf32> : tensor<1x2x1x1xf32>
  %0 = qc.conv %x, %w bias %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x2x2xf32>, tensor<1x2x1x1xf32>, tensor<1xf32>) -> tensor<1x1x2x2xf32>
  return %0 : tensor<1x1x2x2xf32>
}
