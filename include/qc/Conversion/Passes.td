// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between dialects.
#ifndef QC_CONVERSION_PASSES_TD
#define QC_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernels : Pass<"qc-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn kernels into functions of loops over flat memory";
  let description = [{
    Each `qc.kernel` becomes a `func.func` of the same name whose arguments are one flat memref
    per operand, then one per result, and whose body is one `scf.parallel`: the reference
    decomposition of its ops, composed. This form exists for every kernel and
    every target prints it.

    ```mlir
    qc.kernel @relu_0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { … }
    // becomes
    func.func @relu_0(%x: memref<32xf32>, %y: memref<32xf32>) {
      scf.parallel (%i, %j) = … { … memref.store … }
      return
    }
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "1",
           "Evaluate this many consecutive elements at once as vectors where the ops allow it">,
    Option<"innerLoop", "inner-loop", "bool", "false",
           "Keep the contiguous dimension as a sequential loop inside the parallel ones">
  ];
}

#endif // QC_CONVERSION_PASSES_TD
