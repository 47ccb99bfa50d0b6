// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats under budgets, from a table of sensitivities: the first layer's
// default, groups, the user's lines, explanations, errors.

// The first product keeps 8 bits, 128 of 6.7 * 48. One of the other two could
// have 8 of the rest, but they read one value and share a format.
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6.7 candidates=si4,si8" | FileCheck %s --check-prefix=SHARED
// SHARED: qc.plan @plan {matmul = {{[^#]*}}type = "si8"}}, why = {alternatives = {}, bytes = 3.200000e+01 : f64, loss = 1.000000e-03 : f64, metric = "fisher"}}
// SHARED-SAME: "matmul#2" = {{[^#]*}}type = "si4"}}, why = {alternatives = {si8 = {bytes = 3.200000e+01 : f64, loss = 5.000000e-03 : f64}}, bytes = 2.400000e+01 : f64, loss = 5.000000e-01 : f64, metric = "fisher"}}
// SHARED-SAME: "matmul#3" = {{[^#]*}}type = "si4"}}, why =

// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6.7 candidates=si4,si8 share=sums" | FileCheck %s --check-prefix=ALONE
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6.7 candidates=si4,si8 share=none" | FileCheck %s --check-prefix=ALONE
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6.7,bytes:100 candidates=si4,si8 share=sums solver=milp" | FileCheck %s --check-prefix=ALONE
// ALONE: "matmul#2" = {{[^#]*}}type = "si8"}}, why =
// ALONE-SAME: "matmul#3" = {{[^#]*}}type = "si4"}}, why =

// Without a default for the first layer it is the least sensitive one.
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6.7 candidates=si4,si8 ends=" | FileCheck %s --check-prefix=ENDS
// ENDS: qc.plan @plan {matmul = {{[^#]*}}type = "si4"}}, why =
// ENDS-SAME: "matmul#2" = {{[^#]*}}type = "si8"}}, why =
// ENDS-SAME: "matmul#3" = {{[^#]*}}type = "si8"}}, why =

// What the user decided stays and costs; the plan that was written can be read.
// RUN: echo '{"matmul#3": {"by": "user", "inputs": {"1": {"type": "si2", "granularity": "axis", "symmetric": true}}}}' > %t.json
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:6 candidates=si4,si8 plan=%t.json dump=%t.out.json" | FileCheck %s --check-prefix=USER
// USER: "matmul#2" = {{[^#]*}}type = "si8"}}, why =
// USER-SAME: "matmul#3" = {by = "user", {{[^#]*}}type = "si2"}}}
// RUN: qc-opt %s --qc-assign-bits="plan=%t.out.json" | FileCheck %s --check-prefix=USER

// No change: without a budget the table is not read.
// RUN: qc-opt %s --qc-assign-bits | FileCheck %s --check-prefix=NONE
// NONE-NOT: why

// RUN: not qc-opt %s --qc-assign-bits="budget=bits:4" 2>&1 | FileCheck %s --check-prefix=BUDGET
// BUDGET: error: qc-assign-bits: bad budget 'bits:4'; accepted: avg-bits:BITS, bytes:BYTES, latency:MILLISECONDS, loss:sqnr:DB, loss:agreement:PERCENT, loss:accuracy:PERCENT
// RUN: not qc-opt %s --qc-assign-bits="budget=avg-bits:4 candidates=si4,si8" 2>&1 | FileCheck %s --check-prefix=NEAREST
// NEAREST: error: qc-assign-bits: no candidates fit the budget; the nearest that can be met: avg-bits:5.3334
// RUN: qc-opt %s --qc-assign-bits="budget=avg-bits:5.3334 candidates=si4,si8" -o /dev/null
// RUN: not qc-opt %s --qc-assign-bits="budget=avg-bits:6" 2>&1 | FileCheck %s --check-prefix=TABLE
// TABLE: error: no sensitivity of 'matmul#2' as si3 by the metric fisher: run qc-sensitivity with metrics=fisher formats=si3,…
// RUN: not qc-opt %s --qc-assign-bits="budget=loss:sqnr:20" 2>&1 | FileCheck %s --check-prefix=INPUTS
// INPUTS: error: qc-assign-bits: running the model needs samples: inputs=PATH
// RUN: not qc-opt %s --qc-assign-bits="budget=avg-bits:6 solver=bisection" 2>&1 | FileCheck %s --check-prefix=SOLVER
// SOLVER: error: qc-assign-bits: an accepted loss and the solver bisection go together

qc.table @sensitivity {
  matmul = {formats = {si4 = {metrics = {fisher = 0.1 : f64}}, si8 = {metrics = {fisher = 0.001 : f64}}}},
  "matmul#2" = {formats = {si4 = {metrics = {fisher = 0.5 : f64}}, si8 = {metrics = {fisher = 0.005 : f64}}}},
  "matmul#3" = {formats = {si4 = {metrics = {fisher = 0.3 : f64}}, si8 = {metrics = {fisher = 0.003 : f64}}}}
}
func.func @main(%x: tensor<2x4xf32> {qc.name = "x"}) -> (tensor<2x4xf32> {qc.name = "y"}) {
  %w = qc.constant dense<0.5> : tensor<4x4xf32> : tensor<4x4xf32>
  %0 = qc.matmul %x, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %1 = qc.relu %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = qc.matmul %1, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %3 = qc.matmul %1, %w : (tensor<2x4xf32>, tensor<4x4xf32>) -> tensor<2x4xf32>
  %4 = qc.mul %2, %3 : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  return %4 : tensor<2x4xf32>
}
