// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-test-opt: qc-opt with passes for tests.

#include "WrongPasses.h"

#include "qc/InitAll.h"
#include "qc/Tools/OptMain.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllPasses();
  qc::registerAllDialects(registry);
  qc::registerAllPasses();
  qc::registerWrongPasses();
  return qc::runOptMain(argc, argv, registry);
}
