// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt -split-input-file -verify-diagnostics %s

qc.preparation 0 {
}
// expected-error @+1 {{is a second one; accepted is one per module}}
qc.preparation 0 {
}

// -----

qc.preparation 0 {
  // expected-error @+1 {{cannot stand in the preparation}}
  %0 = qc.constant dense<1.0> : tensor<f32> : tensor<f32>
}

// -----

qc.kernel @relu(%x: tensor<4xf32>) -> tensor<4xf32> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  qc.yield %0 : tensor<4xf32>
}
qc.preparation 16 {
  // expected-error @+1 {{buffer #qc.buffer<arena, 0, 0, 16> is of a run; accepted in the preparation are weights and prepared memory}}
  qc.launch @relu [#qc.buffer<arena, 0, 0, 16>, #qc.buffer<prepared, 0, 0, 16>] ""
}

// -----

qc.kernel @relu(%x: tensor<4xf32>) -> tensor<4xf32> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  qc.yield %0 : tensor<4xf32>
}
qc.preparation 16 {
  // expected-error @+1 {{buffer #qc.buffer<prepared, 0, 4, 16> lies outside the prepared memory}}
  qc.launch @relu [#qc.buffer<weights, 0, 0, 16>, #qc.buffer<prepared, 0, 4, 16>] ""
}

// -----

qc.kernel @relu(%x: tensor<4xf32>) -> tensor<4xf32> attributes {family = "elementwise"} {
  %0 = qc.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  qc.yield %0 : tensor<4xf32>
}
qc.preparation 16 {
}
qc.program @main attributes {arena_lower_bound = 0 : i64, arena_size = 0 : i64, inputs = [], outputs = []} {
  // expected-error @+1 {{writes #qc.buffer<prepared, 0, 0, 16>, which programs only read}}
  qc.launch @relu [#qc.buffer<weights, 0, 0, 16>, #qc.buffer<prepared, 0, 0, 16>] ""
}
