// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: %python %S/Inputs/make_inputs.py %t 2 x=1x2x4x4 z=1x2x4x4
// RUN: qc-opt %s --qc-cpu-pipeline --qc-verify-numerics=inputs=%t,limit=2 | FileCheck %s --check-prefix=PROGRAM
// RUN: qc-opt %s --qc-ptx-pipeline --qc-verify-numerics=inputs=%t | FileCheck %s --check-prefix=PROGRAM
// RUN: qc-opt %s --qc-hls-pipeline --qc-verify-numerics=inputs=%t | FileCheck %s --check-prefix=PROGRAM
// RUN: qc-opt %s --qc-cpu-pipeline=requantize=fixed --qc-verify-numerics=inputs=%t | FileCheck %s --check-prefix=PROGRAM
//
// Each level has a pass that is wrong there: the pass and the node are named.
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(test-drop-relu),qc-fold-batch-norm)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=GRAPH
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(cse,func.func(test-wrong-scale))" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=QDQ
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(test-approximate))" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=APPROXIMATE
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer,test-off-by-two),canonicalize)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=INTEGER
// RUN: qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer,test-one-step-by-one))" \
// RUN:   --qc-verify-numerics=inputs=%t -o %t.mlir 2>&1 | count 0
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer,test-one-step-by-two))" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=STEPS
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer),qc-form-kernels,test-swap-operands,qc-assign-layouts)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer,qc-materialize-padding),qc-form-kernels,qc-assign-layouts,test-wrong-layout)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=LAYOUT
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer,qc-materialize-padding),qc-form-kernels,qc-assign-layouts,qc-plan-memory,test-overlap-buffers)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=MEMORY
//
// Loops have no reference meaning; a pass of qc declares its numerics.
// RUN: qc-test-opt %s --pass-pipeline="builtin.module(func.func(qc-normalize-qdq,qc-to-integer),qc-form-kernels,qc-plan-memory,qc-lower-kernels)" \
// RUN:   --qc-verify-numerics=inputs=%t -o %t.mlir 2>&1 | FileCheck %s --check-prefix=END
// RUN: not qc-test-opt %s --pass-pipeline="builtin.module(qc-test-undeclared)" \
// RUN:   --qc-verify-numerics=inputs=%t 2>&1 | FileCheck %s --check-prefix=UNDECLARED

// PROGRAM: qc.program @main
// GRAPH: error: {{.*}}qc-verify-numerics: pass 'test-drop-relu' moved node 'pool1' more than it declares (exact): {{[0-9]+}} of 8 elements of sample 0 differ, most at [0, {{[0-9, ]+}}], where
// QDQ: error: {{.*}}qc-verify-numerics: pass 'test-wrong-scale' moved node 'x_dq' more than it declares (exact)
// APPROXIMATE: error: {{.*}}qc-verify-numerics: pass 'test-approximate' moved node 'x_dq' more than it declares (approximate): {{.*}}; SQNR 6.{{[0-9]+}} dB
// INTEGER: error: {{.*}}qc-verify-numerics: pass 'test-off-by-two' moved node 'c_q' more than it declares (exact)
// STEPS: error: {{.*}}qc-verify-numerics: pass 'test-one-step-by-two' moved node 'c_q' more than it declares (one-step)
// KERNELS: error: {{.*}}qc-verify-numerics: pass 'test-swap-operands' moved node 'relu1' of 'c+c_q+c_dq+difference+relu1' more than it declares (exact)
// LAYOUT: error: {{.*}}qc-verify-numerics: pass 'test-wrong-layout' moved node 'relu1' of 'c+c_q+c_dq+difference+relu1' more than it declares (exact)
// MEMORY: error: {{.*}}qc-verify-numerics: pass 'test-overlap-buffers' moved node
// END: remark: {{.*}}qc-verify-numerics ends before 'qc-lower-kernels', after which
// UNDECLARED: error: {{.*}}qc-verify-numerics: pass 'qc-test-undeclared' does not declare how far it moves numbers
module {
  func.func @main(%x: tensor<1x2x4x4xf32> {qc.name = "x"}, %z: tensor<1x2x4x4xf32> {qc.name = "z"}) -> (tensor<1x2x2x2xf32> {qc.name = "y"}) {
    %s = qc.constant dense<0.02> : tensor<f32> : tensor<f32>
    %sw = qc.constant dense<[0.01, 0.02]> : tensor<2xf32> : tensor<2xf32>
    %sy = qc.constant dense<0.05> : tensor<f32> : tensor<f32>
    %o = qc.constant dense<128> : tensor<ui8> : tensor<ui8>
    %zw = qc.constant dense<0> : tensor<2xsi8> : tensor<2xsi8>
    %w = qc.constant dense<[[[[3, -7, 90], [40, 5, -60], [7, 8, 9]], [[1, 2, 3], [4, -50, 6], [70, 8, -9]]],
                            [[[-3, 7, -90], [40, 55, -6], [17, -8, 9]], [[11, -2, 3], [4, 5, 66], [-7, 8, 99]]]]> : tensor<2x2x3x3xsi8> : tensor<2x2x3x3xsi8>
    %b = qc.constant dense<[0.25, -0.5]> : tensor<2xf32> : tensor<2xf32>
    %xq = qc.quantize %x, %s, %o {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8> loc("x_q")
    %xd = qc.dequantize %xq, %s, %o {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32> loc("x_dq")
    %wd = qc.dequantize %w, %sw, %zw {axis = 0 : i64} : (tensor<2x2x3x3xsi8>, tensor<2xf32>, tensor<2xsi8>) -> tensor<2x2x3x3xf32> loc("w_dq")
    %c = qc.conv %xd, %wd bias %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<2x2x3x3xf32>, tensor<2xf32>) -> tensor<1x2x4x4xf32> loc("c")
    %cq = qc.quantize %c, %sy, %o {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xui8> loc("c_q")
    %cd = qc.dequantize %cq, %sy, %o {axis = 0 : i64} : (tensor<1x2x4x4xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x2x4x4xf32> loc("c_dq")
    %d = qc.sub %cd, %z : (tensor<1x2x4x4xf32>, tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("difference")
    %r = qc.relu %d : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32> loc("relu1")
    %y = qc.average_pool %r {ceilExtra = array<i64: 0, 0>, countIncludePad = false, dilations = array<i64: 1, 1>, kernel = array<i64: 2, 2>, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 2, 2>} : (tensor<1x2x4x4xf32>) -> tensor<1x2x2x2xf32> loc("pool1")
    return %y : tensor<1x2x2x2xf32>
  }
}
