// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qc-opt --pass-pipeline='builtin.module(func.func(qc-parallel-to-range))' --verify-diagnostics %s

// expected-error @+1 {{must hold one scf.parallel, has 0}}
func.func @none(%x: memref<4xf32>) attributes {qc.num_results = 1 : i64} {
  return
}
