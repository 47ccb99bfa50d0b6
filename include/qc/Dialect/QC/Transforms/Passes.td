// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes on qc IR. Their names are part of the public interface.
#ifndef QC_DIALECT_QC_TRANSFORMS_PASSES_TD
#define QC_DIALECT_QC_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def FormKernels : Pass<"qc-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Group ops into fused kernels";
  let description = [{
    Turns each function's ops into calls of `qc.kernel`s. A kernel has one op that is not
    elementwise (its root) and the elementwise ops behind it, as long as each value
    between them has no other user and the root's shape. Elementwise ops without such a root
    form a kernel of their own. Constants become kernel arguments, so that kernels that differ
    only in their numbers are equal; equal kernels are merged. qc.reshape stays
    outside: it costs nothing. Knows no target.

    ```mlir
    %0 = qc.conv %x, %w {…}
    %1 = qc.relu %0
    // becomes
    %1 = qc.dispatch @conv_0(%x, %w)
    qc.kernel @conv_0(%a: …, %b: …) -> … { %0 = qc.conv %a, %b …; %1 = qc.relu %0; qc.yield %1 }
    ```
  }];
  let statistics = [
    Statistic<"numKernels", "kernels", "Number of distinct kernels">,
    Statistic<"numFused", "fused-ops", "Number of elementwise ops that share another op's kernel">
  ];
}

#endif // QC_DIALECT_QC_TRANSFORMS_PASSES_TD
