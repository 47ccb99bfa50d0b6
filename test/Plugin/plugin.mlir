// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plugin brings qc's dialect and passes into the stock mlir-opt.
//
// RUN: mlir-opt --load-dialect-plugin=%qc_libs/QCPlugin.so --load-pass-plugin=%qc_libs/QCPlugin.so \
// RUN:   --pass-pipeline='builtin.module(qc-form-kernels)' %s | FileCheck %s
// RUN: not mlir-opt %s 2>&1 | FileCheck %s --check-prefix=WITHOUT

// CHECK: qc.dispatch @{{.*}}(%{{.*}})
// CHECK: qc.kernel
// CHECK: qc.relu
// WITHOUT: error: Dialect `qc' not found for custom op 'qc.relu'
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}
