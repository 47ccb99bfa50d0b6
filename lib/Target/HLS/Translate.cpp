// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qc-translate --mlir-to-hls`: all kernels of a module as one C++ text, and
// `printKernels`, which is the same for callers in C++.
#include "KernelPrinter.h"
#include "Legality.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Target/HLS/HLS.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"

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
  static llvm::cl::opt<std::string> vendorName(
      "hls-vendor",
      llvm::cl::desc("Pragmas to print: vitis, catapult or generic"),
      llvm::cl::init("vitis"));
  static llvm::cl::opt<std::string> program(
      "hls-program", llvm::cl::desc("Program of the HLS project, if several"));
  static llvm::cl::opt<std::string> topName(
      "hls-top", llvm::cl::desc("Name of the HLS project's top function"),
      llvm::cl::init(HLSOptions().topName));
  static llvm::cl::opt<uint64_t> maxConstantBytes(
      "hls-max-constant-bytes",
      llvm::cl::desc("Constants up to this size are arrays in the source"),
      llvm::cl::init(HLSOptions().maxConstantBytes));
  using Printer =
      LogicalResult (*)(ModuleOp, llvm::raw_ostream &, const HLSOptions &);
  auto withOptions = [](Printer print) {
    return [print](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
      HLSOptions options;
      std::optional<Vendor> vendor = parseVendor(vendorName);
      if (!vendor)
        return module.emitError()
               << "unknown HLS vendor '" << vendorName.getValue()
               << "'; accepted are vitis, catapult and generic";
      options.vendor = *vendor;
      options.program = program;
      options.topName = topName;
      options.maxConstantBytes = maxConstantBytes;
      return print(module, os, options);
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
