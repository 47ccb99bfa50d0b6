// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How an op states its meaning once for every target: the reference
// decomposition into scalar code.
#ifndef QC_DIALECT_QC_IR_QCINTERFACES_TD
#define QC_DIALECT_QC_IR_QCINTERFACES_TD

include "mlir/IR/OpBase.td"

def ElementOpInterface : OpInterface<"ElementOpInterface"> {
  let cppNamespace = "::qc";
  let description = [{
    The reference decomposition of an op whose result elements are independent:
    code for one element, which kernel formation composes (a consumer pulls its
    operands' elements) and which every target emits.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits the code that computes the element of result number `result` at
        `indices` (one index value per result dimension). Operands are read
        through the emitter. The value has the emitter's compute type of the
        result (f16, bf16 and the 8-bit floats compute in f32), as a vector when
        the emitter evaluates several lanes.
      }], "::mlir::Value", "emitElement",
      (ins "::qc::Emitter &":$emitter, "unsigned":$result, "::mlir::ValueRange":$indices)>,
    InterfaceMethod<[{
        Whether `emitElement` may be called with lanes along result dimension
        `dim`: every operand index is then either the lane index itself,
        perhaps plus a constant, or does not depend on it.
      }], "bool", "isLaneTransparent", (ins "unsigned":$dim), "", "return false;">,
    InterfaceMethod<[{
        Whether each operand is read exactly once per result element, at the
        result's own index (dimensions of size one broadcast). Such ops fuse
        behind any producer.
      }], "bool", "isElementwise", (ins), "", "return false;">,
    InterfaceMethod<[{
        Rough scalar operations per result element: kernel formation never
        recomputes an expensive value.
      }], "int64_t", "getElementCost", (ins), "", "return 1;">
  ];
}

def BlockOpInterface : OpInterface<"BlockOpInterface"> {
  let cppNamespace = "::qc";
  let description = [{
    The reference decomposition of an op that needs a loop with state across
    result elements (softmax over a row, TopK, a recurrent cell): parallel outer
    iterations and a body with explicit reads and writes.
  }];
  let methods = [
    InterfaceMethod<"Extents of the parallel outer iterations (at most four).",
      "::llvm::SmallVector<int64_t>", "getParallelExtents", (ins)>,
    InterfaceMethod<[{
        The parallel outer iteration that may stand for lanes, neighbours along one
        dimension of every operand and result that `emitBlock` indexes by it; -1 if
        there is none.
      }], "int64_t", "getLaneIteration", (ins), "", "return -1;">,
    InterfaceMethod<"The dimension of the results that the lane iteration indexes.",
      "int64_t", "getLaneDim", (ins), "", "return -1;">,
    InterfaceMethod<[{
        Emits one iteration. Each element of each result is written exactly once
        over all iterations.
      }], "void", "emitBlock",
      (ins "::qc::Emitter &":$emitter, "::mlir::ValueRange":$iterations)>
  ];
}

#endif // QC_DIALECT_QC_IR_QCINTERFACES_TD
