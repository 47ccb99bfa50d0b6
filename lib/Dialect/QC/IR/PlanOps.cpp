// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tables and the plan: verification.

#include "qc/Dialect/QC/IR/QCDialect.h"

using namespace mlir;
using namespace qc;

static LogicalResult verifyEntries(Operation *op, DictionaryAttr entries) {
  for (NamedAttribute entry : entries)
    if (!isa<DictionaryAttr>(entry.getValue()))
      return op->emitOpError("entry '")
             << entry.getName().getValue() << "' is " << entry.getValue()
             << "; accepted: a dictionary";
  return success();
}

LogicalResult TableOp::verify() { return verifyEntries(*this, getEntries()); }
LogicalResult PlanOp::verify() { return verifyEntries(*this, getEntries()); }
