// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qc-translate --mlir-to-hls`: all kernels of a module as one C++ text, and
// `printKernels`, which is the same for callers in C++.
#include "KernelPrinter.h"
#include "Legality.h"
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
  static TranslateFromMLIRRegistration registration(
      "mlir-to-hls", "print legal kernels as HLS C++",
      [](ModuleOp module, llvm::raw_ostream &os) -> LogicalResult {
        HLSOptions options;
        std::optional<Vendor> vendor = parseVendor(vendorName);
        if (!vendor)
          return module.emitError()
                 << "unknown HLS vendor '" << vendorName.getValue()
                 << "'; accepted are vitis, catapult and generic";
        options.vendor = *vendor;
        return printKernels(module, os, options);
      },
      [](DialectRegistry &registry) {
        registry.insert<arith::ArithDialect, func::FuncDialect,
                        math::MathDialect, memref::MemRefDialect,
                        scf::SCFDialect>();
      });
}

} // namespace qc::hls
