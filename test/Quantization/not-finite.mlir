// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers that are not finite: weights are refused, samples too where rounding
// looks at them; statistics leave them out with a warning.

// RUN: rm -rf %t && mkdir -p %t && split-file %s %t
// RUN: %python -c "import numpy as np; np.save('%t/x.npy', np.ones((1, 2), 'f')); np.save('%t/ids.npy', np.zeros((1, 2), np.int64)); x = np.arange(8, dtype='f').reshape(4, 2); x[2, 1] = np.nan; np.save('%t/nan.npy', x); x[2, 1] = np.inf; np.save('%t/inf.npy', x)"

// RUN: sed 's/WEIGHT/0x7F800000/' %t/product.mlir > %t/infinity.mlir
// RUN: not qc-opt %t/infinity.mlir --qc-assign-bits="activations=f32" --qc-quantize 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not qc-opt %t/infinity.mlir --qc-assign-bits="activations=f32" --qc-quantize="inputs=%t/x.npy" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: not qc-opt %t/infinity.mlir --qc-sensitivity="metrics=zd" 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: sed 's/WEIGHT/0x7FC00000/' %t/product.mlir | not qc-opt --qc-assign-bits="activations=f32" --qc-quantize 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// WEIGHTS: error: the weights of 'matmul' are not all finite: they cannot be rounded
// RUN: not qc-opt %t/gather.mlir --qc-assign-bits="activations=f32" --qc-quantize 2>&1 | FileCheck %s --check-prefix=EMBEDDING
// EMBEDDING: error: the weights of 'gather' are not all finite
// RUN: not qc-opt %t/tied.mlir --qc-assign-bits="ends= activations=f32" --qc-quantize 2>&1 | FileCheck %s --check-prefix=TIED
// TIED: error: the weights of 'matmul' are not all finite

// RUN: sed 's/WEIGHT/0.25/' %t/product.mlir > %t/finite.mlir
// RUN: qc-opt %t/finite.mlir --qc-calibrate="inputs=%t/nan.npy" -o %t/table.mlir 2>&1 | FileCheck %s --check-prefix=NAN
// NAN: warning: 'x' has numbers that are not finite in 1 of 4 samples, and so have 1 other values; statistics leave them out
// RUN: qc-opt %t/finite.mlir --qc-calibrate="inputs=%t/inf.npy" -o /dev/null 2>&1 | FileCheck %s --check-prefix=INF
// INF: warning: 'x' has numbers that are not finite in 1 of 4 samples; statistics leave them out
// RUN: not qc-opt %t/table.mlir --qc-assign-bits --qc-quantize="inputs=%t/nan.npy" 2>&1 | FileCheck %s --check-prefix=OUTPUTS
// OUTPUTS: error: outputs of 'matmul' are not finite in 1 of 4 samples: rounding cannot look at them
// RUN: not qc-opt %t/finite.mlir --qc-assign-bits="activations=f32" --qc-quantize="inputs=%t/inf.npy weight-correction=false bias-correction=false" 2>&1 | FileCheck %s --check-prefix=INPUTS
// RUN: not qc-opt %t/finite.mlir --qc-sensitivity="inputs=%t/nan.npy" 2>&1 | FileCheck %s --check-prefix=INPUTS
// INPUTS: error: inputs of 'matmul' are not finite in 1 of 4 samples: rounding cannot look at them

// A logarithm behind all layers.
// RUN: not qc-opt %t/log.mlir --qc-sensitivity="inputs=%t/x.npy" 2>&1 | FileCheck %s --check-prefix=MODEL
// MODEL: error: outputs of the float model are NaN in 1 of 1 samples: a loss is not known

//--- product.mlir
func.func @main(%x: tensor<1x2xf32> {qc.name = "x"}) -> tensor<1x3xf32> {
  %w = qc.constant dense<[[1.0, 2.0, 3.0], [-1.0, 0.5, WEIGHT]]> : tensor<2x3xf32> : tensor<2x3xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  return %y : tensor<1x3xf32>
}

//--- gather.mlir
func.func @main(%i: tensor<1x2xsi64> {qc.name = "ids"}) -> tensor<1x2x2xf32> {
  %w = qc.constant dense<[[1.0, 2.0], [-1.0, 0x7F800000]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %y = qc.gather %w, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<1x2xsi64>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

//--- tied.mlir
func.func @main(%i: tensor<1x2xsi64> {qc.name = "ids"}) -> tensor<1x2x2xf32> {
  %w = qc.constant dense<[[1.0, 2.0], [-1.0, 0x7F800000]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %v = qc.constant dense<[[1.0, -1.0], [2.0, 0x7F800000]]> : tensor<2x2xf32> : tensor<2x2xf32>
  %x = qc.gather %w, %i {axis = 0 : i64} : (tensor<2x2xf32>, tensor<1x2xsi64>) -> tensor<1x2x2xf32>
  %y = qc.matmul %x, %v : (tensor<1x2x2xf32>, tensor<2x2xf32>) -> tensor<1x2x2xf32>
  return %y : tensor<1x2x2xf32>
}

//--- log.mlir
func.func @main(%x: tensor<1x2xf32> {qc.name = "x"}) -> tensor<1x3xf32> {
  %w = qc.constant dense<[[1.0, 2.0, 3.0], [-1.5, 0.5, 0.25]]> : tensor<2x3xf32> : tensor<2x3xf32>
  %y = qc.matmul %x, %w : (tensor<1x2xf32>, tensor<2x3xf32>) -> tensor<1x3xf32>
  %z = qc.log %y : (tensor<1x3xf32>) -> tensor<1x3xf32>
  return %z : tensor<1x3xf32>
}
