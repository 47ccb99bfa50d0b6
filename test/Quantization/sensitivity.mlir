// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What formats cost and spoil: metrics alone and together, resuming, the user's
// numbers, errors.

// RUN: rm -rf %t && mkdir -p %t
// RUN: %python -c "import numpy as np; np.savez('%t/in.npz', x=np.random.RandomState(0).randn(8, 2, 4, 4).astype('f'))"

// Without inputs: what the weights say alone. 32 weights of 4 bits and four
// scales are 16 + 16 bytes.
// RUN: qc-opt %s --qc-sensitivity="formats=si4,f32 metrics=zd" | FileCheck %s
// CHECK: qc.table @sensitivity {conv = {by = "qc-sensitivity", formats = {
// CHECK-SAME: f32 = {bytes = 1.280000e+02 : f64, metrics = {"weight-sqnr" = 2.000000e+02 : f64}}
// CHECK-SAME: si4 = {bytes = 3.200000e+01 : f64, metrics = {"weight-sqnr" = {{2[0-9][^}]*}}}}
// CHECK-SAME: macs = 1.280000e+02 : f64, metrics = {zd = {{[^}]*}}}, parameters = 3.200000e+01 : f64
// CHECK-SAME: matmul = {
// CHECK-LABEL: func.func @main
// No change: no layer with constant weights.
// RUN: echo 'func.func @nothing(%%x: tensor<4xf32>) -> tensor<4xf32> { return %%x : tensor<4xf32> }' | qc-opt --qc-sensitivity | FileCheck %s --check-prefix=NOTHING
// NOTHING: qc.table @sensitivity {}
// NOTHING-NEXT: func.func @nothing

// All metrics, and the same from two runs of one table.
// RUN: qc-opt %s --qc-calibrate="inputs=%t/in.npz" -o %t/one.mlir
// RUN: qc-opt %t/one.mlir --qc-sensitivity="inputs=%t/in.npz table=%t/all.json metrics=weight-sqnr,zd,outliers,entropy,lim,hessian,output-mse,output-sqnr,fisher,model-mse,model-kl model-limit=8" -o %t/all.mlir
// RUN: qc-opt %t/one.mlir --qc-sensitivity="inputs=%t/in.npz table=%t/two.json metrics=lim,fisher,hessian model-limit=8" -o /dev/null
// RUN: qc-opt %t/one.mlir --qc-sensitivity="inputs=%t/in.npz table=%t/two.json metrics=zd,outliers,entropy,output-mse,output-sqnr,model-mse,model-kl model-limit=8" -o %t/two.mlir
// RUN: diff %t/all.json %t/two.json && diff %t/all.mlir %t/two.mlir
// The gradient behind the last layer is one, whatever the error's direction.
// RUN: %python -c "import json; f = json.load(open('%t/all.json'))['matmul']['formats']; m = [f[k]['metrics'] for k in ('si3', 'si4', 'si6', 'si8')]; assert all(abs(x['fisher'] / x['model-mse'] - 1) < 1e-3 for x in m), m"

// Neighbours together: the pair's loss is a difference to what model-mse says.
// RUN: qc-opt %t/one.mlir --qc-sensitivity="inputs=%t/in.npz formats=si3 metrics=weight-sqnr pairs=true" | FileCheck %s --check-prefix=PAIRS
// PAIRS: qc.table @sensitivity {conv = {by = "qc-sensitivity", formats = {si3 = {bytes = 2.800000e+01 : f64, metrics = {"model-mse" = {{[^}]*}}}}}
// PAIRS-SAME: pairs = {matmul = {si3 = {si3 = {{[^}]*}} : f64}}}
// PAIRS-SAME: matmul = {

// A table that is complete needs no inputs; the user's numbers stay.
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); t['conv'] = {'by': 'user', 'formats': {'si4': {'metrics': {'fisher': 42}}}}; json.dump(t, open('%t/user.json', 'w'))"
// RUN: qc-opt %t/one.mlir --qc-sensitivity="table=%t/user.json metrics=weight-sqnr" | FileCheck %s --check-prefix=USER
// USER: qc.table @sensitivity {conv = {by = "user", formats = {
// USER-SAME: si4 = {bytes = 3.200000e+01 : f64, metrics = {fisher = 4.200000e+01 : f64, "weight-sqnr" = {{[^}]*}}}}

// Not of other samples or weights, though nothing is to be measured.
// RUN: %python -c "import numpy as np; np.savez('%t/other.npz', x=np.random.RandomState(1).randn(8, 2, 4, 4).astype('f'))"
// RUN: not qc-opt %t/one.mlir --qc-sensitivity="inputs=%t/other.npz table=%t/all.json metrics=weight-sqnr" 2>&1 | FileCheck %s --check-prefix=SAMPLES
// SAMPLES: error: '{{.*}}all.json' was measured on other inputs than the first 8 samples of '{{.*}}other.npz': delete it
// RUN: sed 's/dense<\[\[0.1, 0.2/dense<[[0.1, 0.3/' %s | not qc-opt --qc-sensitivity="table=%t/all.json metrics=weight-sqnr" 2>&1 | FileCheck %s --check-prefix=CONSTANTS
// CONSTANTS: error: '{{.*}}all.json' was measured with other constants (weights) in the model: delete it

// RUN: not qc-opt %t/one.mlir --qc-sensitivity="metrics=loss" 2>&1 | FileCheck %s --check-prefix=METRIC
// METRIC: error: qc-sensitivity: bad metrics 'loss'; accepted: weight-sqnr, zd, outliers,
// RUN: not qc-opt %t/one.mlir --qc-sensitivity="formats=si16" 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: error: qc-sensitivity: bad formats 'si16'; accepted: f32, si2 to si8,
// RUN: not qc-opt %t/one.mlir --qc-sensitivity 2>&1 | FileCheck %s --check-prefix=INPUTS
// INPUTS: error: metrics of activations need samples: qc-sensitivity inputs=PATH
// RUN: not qc-opt %s --qc-sensitivity="inputs=%t/in.npz metrics=entropy" 2>&1 | FileCheck %s --check-prefix=ENTROPY
// ENTROPY: error: no statistics of 'x' for the metric entropy: run qc-calibrate before
// RUN: echo '{"conv": {"formats": {"si4": {"loss": 1}}}}' > %t/bad.json
// RUN: not qc-opt %t/one.mlir --qc-sensitivity="table=%t/bad.json" 2>&1 | FileCheck %s --check-prefix=MEMBER
// MEMBER: error: sensitivity of 'conv' format 'si4': unknown member 'loss'; accepted: bytes, metrics

func.func @main(%x: tensor<1x2x4x4xf32> {qc.name = "x"}) -> (tensor<1x3xf32> {qc.name = "y"}) {
  %w = qc.constant dense<[[[[0.1, -0.2], [0.3, 0.7]], [[-0.5, 0.9], [0.2, 0.4]]], [[[0.8, 0.2], [-0.6, 0.1]], [[0.3, -0.3], [0.5, -0.9]]], [[[-0.4, 0.6], [0.7, 0.2]], [[0.1, 0.1], [0.9, -0.5]]], [[[0.15, 0.35], [-0.25, 0.55]], [[0.45, -0.65], [0.75, 0.05]]]]> : tensor<4x2x2x2xf32> : tensor<4x2x2x2xf32>
  %v = qc.constant dense<[[0.1, 0.2, -0.7], [0.4, -0.5, 0.3], [0.9, -0.8, 0.6], [-0.1, 0.25, 0.35]]> : tensor<4x3xf32> : tensor<4x3xf32>
  %0 = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>, tensor<4x2x2x2xf32>) -> tensor<1x4x2x2xf32>
  %1 = qc.relu %0 : (tensor<1x4x2x2xf32>) -> tensor<1x4x2x2xf32>
  %2 = qc.reduce mean %1 {axes = array<i64: 2, 3>} : (tensor<1x4x2x2xf32>) -> tensor<1x4x1x1xf32>
  %f = qc.reshape %2 {shape = array<i64: 1, 4>} : (tensor<1x4x1x1xf32>) -> tensor<1x4xf32>
  %3 = qc.matmul %f, %v : (tensor<1x4xf32>, tensor<4x3xf32>) -> tensor<1x3xf32>
  return %3 : tensor<1x3xf32>
}
