// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-compile %s -o %t.so --remarks 2>&1 | FileCheck %s
// RUN: qc-compile %s -o %t.so --remarks=qc-to-.* 2>&1 | FileCheck %s
// RUN: qc-compile %s -o %t.so --remarks=another-pass 2>&1 | count 0
// RUN: qc-compile %s -o %t.so 2>&1 | count 0
// RUN: not qc-compile %s -o %t.so "--remarks=(" 2>&1 | FileCheck %s --check-prefix=BAD
//
// Remarks are at the op that they are about, as any diagnostic.

// CHECK: remarks.mlir:[[#@LINE+6]]:{{.*}} remark: {{.*}}KeptFloat{{.*}}'qc.softmax' stays float on dequantized codes: it has no integer form
// BAD: --remarks: parentheses not balanced
func.func @main(%q: tensor<1x4xsi8> {qc.name = "q"}) -> (tensor<1x4xf32> {qc.name = "y"}) {
  %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
  %z = qc.constant dense<0> : tensor<si8> : tensor<si8>
  %x = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x4xf32>
  %y = qc.softmax %x {axis = 1 : i64, logarithm = false} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
