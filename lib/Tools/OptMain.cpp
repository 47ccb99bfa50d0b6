// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main of qc-opt. Upstream's has no way to add instrumentation, so files
// are opened here.

#include "qc/Tools/OptMain.h"

#include "qc/Verification/VerifyNumerics.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

int qc::runOptMain(int argc, char **argv, DialectRegistry &registry) {
  llvm::InitLLVM init(argc, argv);
  VerifyNumericsCommandLine verify(llvm::cl::getGeneralCategory());
  auto [inputPath, outputPath] =
      registerAndParseCLIOptions(argc, argv, "qc optimizer driver\n", registry);
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
