// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A QDQ network as a model: scales per tensor and per axis, names, one operator
// set, equal bytes every time.
//
// REQUIRES: onnx
// RUN: qc-translate --export-onnx %s --function=main -o %t.onnx
// RUN: qc-translate --export-onnx %s --function=main -o %t.again.onnx && cmp %t.onnx %t.again.onnx
// RUN: %python %S/Inputs/print-onnx.py %t.onnx | FileCheck %s
// RUN: qc-translate --import-onnx %t.onnx --mlir-print-debuginfo | FileCheck %s --check-prefix=AGAIN
// RUN: qc-translate --export-onnx %s --function=other -o %t.onnx
// RUN: %python %S/Inputs/print-onnx.py %t.onnx | FileCheck %s --check-prefix=OTHER

// CHECK:      ir_version: 7
// CHECK:      opset_import: ["" : 13]
// CHECK:      producer_name: "qc"
// The inputs and outputs have the function's names, constants and nodes those
// of their locations, values those of the nodes.
// CHECK:      main (float[1,2,4,4] image) => (float[1,3,4,4] scores)
// CHECK:      int8[3,2,1,1] weight =
// CHECK-SAME: float[3] scale =
// CHECK:      [q] q_output = QuantizeLinear (image, constant, constant_1)
// CHECK-NEXT: [dq] dq_output = DequantizeLinear (q_output, constant, constant_1)
// CHECK-NEXT: [w] w_output = DequantizeLinear <axis: int = 0> (weight, scale, constant_2)
// A zero point of int32 is 0 and not written: runtimes take none.
// CHECK-NEXT: [b] b_output = DequantizeLinear <axis: int = 0> (bias, scale)
// Nodes that share a location are told apart by their operators.
// CHECK-NEXT: ["fc/Conv"] "fc/Conv_output" = Conv <kernel_shape: ints = [1, 1]
// CHECK-SAME: (dq_output, w_output, b_output)
// CHECK-NEXT: ["fc/Relu"] "fc/Relu_output" = Relu ("fc/Conv_output")
// A bound that bounds nothing is left out, another one is a scalar.
// CHECK-NEXT: ["a+b"] scores = Clip ("fc/Relu_output", "", "a+b_constant")

// AGAIN: func.func @main(%{{.*}}: tensor<1x2x4x4xf32> {qc.name = "image"}
// AGAIN: qc.dequantize {{.*}} {axis = 0 : i64} : (tensor<3x2x1x1xsi8>, tensor<3xf32>, tensor<3xsi8>)
// AGAIN: qc.conv {{.*}} bias

module {
  func.func @main(%x: tensor<1x2x4x4xf32> {qc.name = "image"})
      -> (tensor<1x3x4x4xf32> {qc.name = "scores"}) {
    %s = qc.constant dense<0.5> : tensor<f32> : tensor<f32>
    %z = qc.constant dense<3> : tensor<si8> : tensor<si8>
    %q = qc.quantize %x, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xf32>, tensor<f32>, tensor<si8>) -> tensor<1x2x4x4xsi8> loc("q")
    %d = qc.dequantize %q, %s, %z {axis = 0 : i64} : (tensor<1x2x4x4xsi8>, tensor<f32>, tensor<si8>) -> tensor<1x2x4x4xf32> loc("dq")
    %ws = qc.constant dense<[0.1, 0.2, 0.3]> : tensor<3xf32> : tensor<3xf32> loc("scale")
    %wz = qc.constant dense<0> : tensor<3xsi8> : tensor<3xsi8>
    %wq = qc.constant dense<7> : tensor<3x2x1x1xsi8> : tensor<3x2x1x1xsi8> loc("weight")
    %w = qc.dequantize %wq, %ws, %wz {axis = 0 : i64} : (tensor<3x2x1x1xsi8>, tensor<3xf32>, tensor<3xsi8>) -> tensor<3x2x1x1xf32> loc("w")
    %bq = qc.constant dense<[1, 2, 3]> : tensor<3xsi32> : tensor<3xsi32> loc("bias")
    %bz = qc.constant dense<0> : tensor<3xsi32> : tensor<3xsi32>
    %b = qc.dequantize %bq, %ws, %bz {axis = 0 : i64} : (tensor<3xsi32>, tensor<3xf32>, tensor<3xsi32>) -> tensor<3xf32> loc("b")
    %c = qc.conv %d, %w bias %b {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x2x4x4xf32>, tensor<3x2x1x1xf32>, tensor<3xf32>) -> tensor<1x3x4x4xf32> loc("fc")
    %r = qc.relu %c : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> loc("fc")
    %unused = qc.exp %r : (tensor<1x3x4x4xf32>) -> tensor<1x3x4x4xf32> loc("unused")
    %lower = qc.constant dense<0xFF800000> : tensor<f32> : tensor<f32>
    %upper = qc.constant dense<6.0> : tensor<1xf32> : tensor<1xf32>
    %y = qc.clip %r, %lower, %upper : (tensor<1x3x4x4xf32>, tensor<f32>, tensor<1xf32>) -> tensor<1x3x4x4xf32> loc(fused["a", "b"])
    return %y : tensor<1x3x4x4xf32>
  }

  // An output is a node's and one output's only; names that are missing are
  // made.
  // OTHER:      other (float[2] input_0) => (float[2] a, float[2] output_1, float[2] c)
  // OTHER:      [Neg] a = Neg (input_0)
  // OTHER-NEXT: [Identity] output_1 = Identity (a)
  // OTHER-NEXT: [Identity_1] c = Identity (constant)
  func.func @other(%x: tensor<2xf32>)
      -> (tensor<2xf32> {qc.name = "a"}, tensor<2xf32>, tensor<2xf32> {qc.name = "c"}) {
    %0 = qc.neg %x : (tensor<2xf32>) -> tensor<2xf32>
    %1 = qc.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
    return %0, %0, %1 : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  }
}
