// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Embedding qc: parse a .mlir file, run one of qc's passes and one of our own,
// print the result.

#include "qc/InitAll.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"

namespace {

/// A pass of this project: writes the number of qc ops onto the module.
struct CountOps
    : mlir::PassWrapper<CountOps, mlir::OperationPass<mlir::ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CountOps)

  llvm::StringRef getArgument() const override { return "count-ops"; }

  void runOnOperation() override {
    int64_t count = 0;
    getOperation().walk([&](mlir::Operation *op) {
      if (llvm::isa_and_nonnull<qc::QCDialect>(op->getDialect()))
        ++count;
    });
    getOperation()->setAttr(
        "embed.ops", mlir::Builder(&getContext()).getI64IntegerAttr(count));
  }
};

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: embed FILE.mlir\n";
    return 2;
  }
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlir::arith::ArithDialect>();
  qc::registerAllDialects(registry);
  mlir::MLIRContext context(registry);

  auto module = mlir::parseSourceFile<mlir::ModuleOp>(argv[1], &context);
  if (!module)
    return 1;
  mlir::PassManager passes(&context);
  passes.addPass(qc::createFormKernels());
  passes.addPass(std::make_unique<CountOps>());
  if (mlir::failed(passes.run(*module)))
    return 1;
  module->print(llvm::outs());
  return 0;
}
