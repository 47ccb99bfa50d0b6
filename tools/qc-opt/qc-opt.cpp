// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-opt: passes and named pipelines over .mlir files.

#include "qc/InitAll.h"
#include "qc/Tools/OptMain.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllPasses();
  qc::registerAllDialects(registry);
  qc::registerAllPasses();
  return qc::runOptMain(argc, argv, registry);
}
