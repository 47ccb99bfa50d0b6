// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qc-translate --mlir-to-ptx`: all kernels of a module as one PTX text.

#include "PTXKernels.h"

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace qc;

LogicalResult qc::translateToPTX(ModuleOp module, llvm::raw_ostream &stream,
                                 const PTXOptions &options) {
  FailureOr<PTXKernels> code = compilePTXKernels(module, options);
  if (failed(code))
    return failure();
  stream << code->text;
  return success();
}

void qc::registerToPTXTranslation() {
  static llvm::cl::opt<std::string> arch(
      "gpu-arch", llvm::cl::desc("GPU that PTX is made for, such as sm_90a"),
      llvm::cl::init(PTXOptions().arch));
  static TranslateFromMLIRRegistration text(
      "mlir-to-ptx", "compile kernels to PTX text",
      [](ModuleOp module, llvm::raw_ostream &stream) {
        PTXOptions options;
        options.arch = arch;
        return translateToPTX(module, stream, options);
      },
      [](DialectRegistry &registry) {
        registry.insert<QCDialect, func::FuncDialect>();
      });
}
