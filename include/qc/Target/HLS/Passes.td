// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the HLS back end.
#ifndef QC_TARGET_HLS_PASSES_TD
#define QC_TARGET_HLS_PASSES_TD

include "mlir/Pass/PassBase.td"

def HLSLegalize : Pass<"qc-hls-legalize", "::mlir::ModuleOp"> {
  let summary = "Make every operation of the kernels printable as HLS C++";
  let description = [{
    Rewrites the bodies of the module's functions until each operation is one
    that the HLS printer has a C++ form for, or reports all operations that
    have none. The printer takes only what this pass accepted.

    - Arithmetic on f16 and bf16 is done in f32 and rounded once per operation;
      loads, stores, selects, constants, casts and sign changes keep the type.
    - Arithmetic and comparisons on i1 are done on i8, or as bit logic.
    - Extended additions and multiplications (two results) become plain ones.
    - Dead operations are removed.

    Before:
    ```mlir
    %s = arith.addf %a, %b : f16
    %p = arith.addi %c, %d : i1
    ```
    After:
    ```mlir
    %0 = arith.extf %a : f16 to f32
    %1 = arith.extf %b : f16 to f32
    %2 = arith.addf %0, %1 : f32
    %s = arith.truncf %2 : f32 to f16
    %p = arith.xori %c, %d : i1
    ```

    Reported as errors, all of them in one run: functions without a body, with
    results, or with arguments that are not memrefs; memrefs of more than one
    dimension, of dynamic size, with a layout, or of element types that C++ has
    no array for (accepted: i8, i16, i32, i64, index, f16, bf16, f32, f64, and
    i1 in private memory); operations of other dialects; math functions other
    than the exactly rounded ones, which have to be expanded before.
  }];
  let statistics = [
    Statistic<"numRewritten", "rewritten", "Number of operations rewritten">,
    Statistic<"numErased", "erased", "Number of dead operations erased">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

#endif // QC_TARGET_HLS_PASSES_TD
