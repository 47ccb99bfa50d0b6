// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What analyses found out and what deciders decided, beside the functions they
// are about.
#ifndef QC_DIALECT_QC_IR_QCPLANOPS_TD
#define QC_DIALECT_QC_IR_QCPLANOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"
include "mlir/IR/SymbolInterfaces.td"

/// A symbol that holds a dictionary of dictionaries.
class QC_EntriesOp<string mnemonic> : QC_Op<mnemonic, [Symbol]> {
  let arguments = (ins SymbolNameAttr:$sym_name, DictionaryAttr:$entries);
  let assemblyFormat = "$sym_name $entries attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The entry of `key`, or null.
    ::mlir::DictionaryAttr getEntry(::llvm::StringRef key) {
      return getEntries().getAs<::mlir::DictionaryAttr>(key);
    }
  }];
}

def QC_TableOp : QC_EntriesOp<"table"> {
  let summary = "What an analysis measured";
  let description = [{
    `@statistics` has one entry per value of the graph (qc-calibrate), `@sensitivity` one per node and
    format (qc-sensitivity). The JSON files that the passes read and write are the same thing:
    objects are dictionaries, numbers are f64, arrays of numbers are dense f64 arrays. A module holds
    one table of a name.

    Constraints: (1) every entry is a dictionary.

    ```mlir
    qc.table @statistics {conv1 = {count = 1.0e+02 : f64, max = 3.5 : f64, min = -1.25 : f64}}
    ```
  }];
}

def QC_PlanOp : QC_EntriesOp<"plan"> {
  let summary = "What is decided for each node";
  let description = [{
    One entry per ONNX node: the formats of its operands by their index, and who decided them.
    Rewriters (qc-quantize) read the plan and nothing else. It is a symbol of its own because
    discardable attributes on ops vanish when patterns rebuild them. Grammar and meaning of an
    entry: qc/Analysis/Plan.h.

    Constraints: (1) every entry is a dictionary.

    ```mlir
    qc.plan @plan {conv1 = {by = "qc-assign-bits", inputs = {"1" = {type = "si4"}}}}
    ```
  }];
}

#endif // QC_DIALECT_QC_IR_QCPLANOPS_TD
