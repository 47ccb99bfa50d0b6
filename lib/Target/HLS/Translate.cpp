// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qc-translate --mlir-to-hls`: all kernels of a module as one C++ text, and
// `printKernels`, which is the same for callers in C++.
#include "KernelPrinter.h"
#include "Legality.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Target/HLS/CommandLine.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Tools/mlir-translate/Translation.h"

using namespace mlir;

namespace qc::hls {

LogicalResult printKernels(ModuleOp module, llvm::raw_ostream &os,
                           const HLSOptions &options) {
  SmallVector<func::FuncOp> kernels = getKernels(module);
  bool isLegal = true;
  for (func::FuncOp kernel : kernels)
    isLegal &= succeeded(checkKernel(kernel));
  if (!isLegal)
    return failure();
  os << "#include \"qc_hls.h\"\n";
  const VendorPolicy &policy = getVendorPolicy(options.vendor);
  IdentifierTable names;
  for (func::FuncOp kernel : kernels) {
    os << "\n";
    printKernelComment(kernel, os);
    printKernel(kernel, names.add(("kernel_" + kernel.getSymName()).str()),
                policy, os);
  }
  return success();
}

void registerToHLSTranslation() {
  static const CommandLine commandLine;
  using Printer =
      LogicalResult (*)(ModuleOp, llvm::raw_ostream &, const HLSOptions &);
  auto withOptions = [](Printer print) {
    return [print](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
      FailureOr<HLSOptions> options = commandLine.getOptions(module.getLoc());
      return failed(options) ? failure() : print(module, os, *options);
    };
  };
  auto registerDialects = [](DialectRegistry &registry) {
    registry
        .insert<QCDialect, arith::ArithDialect, func::FuncDialect,
                math::MathDialect, memref::MemRefDialect, scf::SCFDialect>();
  };
  static TranslateFromMLIRRegistration kernels(
      "mlir-to-hls", "print legal kernels as HLS C++",
      withOptions(printKernels), registerDialects);
  static TranslateFromMLIRRegistration project(
      "mlir-to-hls-project",
      "print a program as an HLS project, one text for split-file",
      withOptions(printHLSProject), registerDialects);
}

} // namespace qc::hls
