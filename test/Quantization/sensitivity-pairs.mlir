// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pairs of neighbours: what a table lacks is measured, between layers that are
// complete, too, and nothing else.

// RUN: rm -rf %t && mkdir -p %t
// RUN: %python -c "import numpy as np; np.savez('%t/in.npz', x=np.random.RandomState(0).randn(8, 2, 4, 4).astype('f'))"
// RUN: qc-opt %s --qc-sensitivity="inputs=%t/in.npz table=%t/all.json formats=si3,si4 metrics=weight-sqnr pairs=true" -o %t/all.mlir
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); assert {k: list(v['pairs']) for k, v in t.items() if 'pairs' in v} == {'conv': ['conv#2'], 'conv#2': ['conv#3']}, t"

// Nothing is left to do, for the last layer either: no inputs are needed.
// RUN: qc-opt %s --qc-sensitivity="table=%t/all.json formats=si3,si4 metrics=weight-sqnr pairs=true" | diff - %t/all.mlir

// Layers beside one that is complete; one format of one pair; one pair; one layer.
// DEFINE: %{again} = qc-opt %s --qc-sensitivity="inputs=%t/in.npz table=%t/part.json formats=si3,si4 metrics=weight-sqnr pairs=true" -o %t/part.mlir && diff %t/all.json %t/part.json && diff %t/all.mlir %t/part.mlir
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); del t['conv'], t['conv#3']; json.dump(t, open('%t/part.json', 'w'))" && %{again}
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); del t['conv']['pairs']['conv#2']['si4']; json.dump(t, open('%t/part.json', 'w'))" && %{again}
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); del t['conv#2']['pairs']; json.dump(t, open('%t/part.json', 'w'))" && %{again}
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); del t['conv#2']; json.dump(t, open('%t/part.json', 'w'))" && %{again}
// A format more.
// RUN: rm %t/part.json && qc-opt %s --qc-sensitivity="inputs=%t/in.npz table=%t/part.json formats=si3 metrics=weight-sqnr pairs=true" -o /dev/null && %{again}
// What the user says stays.
// RUN: %python -c "import json; t = json.load(open('%t/all.json')); t['conv'] = {'by': 'user', 'pairs': {'conv#2': {'si3': {'si3': 42}}}}; json.dump(t, open('%t/user.json', 'w'))"
// RUN: qc-opt %s --qc-sensitivity="inputs=%t/in.npz table=%t/user.json formats=si3,si4 metrics=weight-sqnr pairs=true" | FileCheck %s --check-prefix=USER
// USER: pairs = {"conv#2" = {si3 = {si3 = 4.200000e+01 : f64}, si4 = {si4 = {{[-0-9]}}

func.func @main(%x: tensor<1x2x4x4xf32> {qc.name = "x"}) -> (tensor<1x2x4x4xf32> {qc.name = "y"}) {
  %a = qc.constant dense<[[[[0.1]], [[-0.7]]], [[[0.9]], [[0.35]]]]> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %b = qc.constant dense<[[[[0.5]], [[0.17]]], [[[-0.29]], [[0.8]]]]> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %c = qc.constant dense<[[[[-0.3]], [[0.21]]], [[[0.66]], [[0.45]]]]> : tensor<2x2x1x1xf32> : tensor<2x2x1x1xf32>
  %0 = qc.conv %x, %a {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %1 = qc.relu %0 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %2 = qc.conv %1, %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  %3 = qc.relu %2 : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
  %4 = qc.conv %3, %c {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x1x1xf32>) -> tensor<1x2x4x4xf32>
  return %4 : tensor<1x2x4x4xf32>
}
