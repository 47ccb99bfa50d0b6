// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the module's numerics where every later pass and target reads them.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/IR/BuiltinOps.h"

namespace qc {
#define GEN_PASS_DEF_SETNUMERICS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {
struct SetNumerics : qc::impl::SetNumericsBase<SetNumerics> {
  using SetNumericsBase::SetNumericsBase;

  void runOnOperation() override {
    if (requantize.empty())
      return;
    if (requantize != "float" && requantize != "fixed") {
      getOperation().emitError() << "requantization '" << requantize
                                 << "' is unknown: expected float or fixed";
      return signalPassFailure();
    }
    getOperation()->setAttr(requantizeModeName,
                            StringAttr::get(&getContext(), requantize));
  }
};
} // namespace
