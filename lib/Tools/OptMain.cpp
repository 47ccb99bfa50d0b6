// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main of qc-opt. Upstream's has no way to add instrumentation, so files
// are opened here.

#include "qc/Tools/OptMain.h"

#include "qc/Verification/VerifyNumerics.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/DynamicLibrary.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

#include <cstdlib>

using namespace mlir;

/// Has OpenBLAS compute each product on the thread that asks for it, unless the
/// user said otherwise: with several, the bits of a sum depend on their number.
/// Passes run layers and samples in parallel, so little is lost.
static void useOneThreadPerProduct() {
  if (std::getenv("OPENBLAS_NUM_THREADS"))
    return;
  llvm::sys::DynamicLibrary process =
      llvm::sys::DynamicLibrary::getPermanentLibrary(nullptr);
  // Another BLAS does not have it.
  if (void *set = process.getAddressOfSymbol("openblas_set_num_threads"))
    reinterpret_cast<void (*)(int)>(set)(1);
}

/// Has messages name the op, not print it with all that is in it, which for a
/// function is the whole model. --mlir-print-op-on-diagnostic still does.
static void shortenDiagnostics() {
  auto *print = static_cast<llvm::cl::opt<bool> *>(
      llvm::cl::getRegisteredOptions().lookup("mlir-print-op-on-diagnostic"));
  if (print && print->getNumOccurrences() == 0)
    print->setValue(false);
}

int qc::runOptMain(int argc, char **argv, DialectRegistry &registry) {
  llvm::InitLLVM init(argc, argv);
  useOneThreadPerProduct();
  VerifyNumericsCommandLine verify(llvm::cl::getGeneralCategory());
  auto [inputPath, outputPath] =
      registerAndParseCLIOptions(argc, argv, "qc optimizer driver\n", registry);
  shortenDiagnostics();
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  // These print and need no files.
  if (config.shouldShowDialects() || config.shouldListPasses())
    return asMainReturnCode(
        MlirOptMain(argc, argv, inputPath, outputPath, registry));
  MlirOptMainConfig passes = config;
  config.setPassPipelineSetupFn([&](PassManager &manager) {
    return success(succeeded(passes.setupPassPipeline(manager)) &&
                   succeeded(verify.attach(manager)));
  });

  std::string message;
  auto input = openInputFile(inputPath, &message);
  if (!input) {
    llvm::errs() << message << "\n";
    return 1;
  }
  auto output = openOutputFile(outputPath, &message);
  if (!output) {
    llvm::errs() << message << "\n";
    return 1;
  }
  if (failed(MlirOptMain(output->os(), std::move(input), registry, config)))
    return 1;
  output->keep();
  return verify.hasFailed() ? 1 : 0;
}
