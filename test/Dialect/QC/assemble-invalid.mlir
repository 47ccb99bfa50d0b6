// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --qc-plan-memory -split-input-file -verify-diagnostics %s

func.func @no_view(%x: tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32> {
  // expected-error @+1 {{part 'tensor<1x8x4x4xf32>' is no view of 'tensor<1x16x4x4xf32>'}}
  %c = qc.assemble %x : (tensor<1x8x4x4xf32>) -> tensor<1x16x4x4xf32>
  return %c : tensor<1x16x4x4xf32>
}

// -----

qc.kernel @relu(%x: tensor<4xf32>) -> tensor<4xf32> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  qc.yield %0 : tensor<4xf32>
}
func.func @shared(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<4xf32>) {
  %a = qc.dispatch @relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
  // expected-error @+1 {{shares a part with another tensor}}
  %b = qc.assemble %a : (tensor<4xf32>) -> tensor<4xf32>
  %c = qc.assemble %a : (tensor<4xf32>) -> tensor<4xf32>
  return %b, %c : tensor<4xf32>, tensor<4xf32>
}

// -----

// expected-error @+1 {{layout offset 16 is outside its 16 elements}}
func.func @offset(%x: tensor<4xf32, #qc.layout<0:1:16, offset 16>>) { return }
