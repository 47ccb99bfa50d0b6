// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-translate: streams between ONNX, MLIR and emitted code.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Target/HLS/HLS.h"
#include "qc/Target/ONNX/ExportONNX.h"
#include "qc/Target/ONNX/ImportCommandLine.h"
#include "qc/Target/PTX/PTXTarget.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Tools/mlir-translate/MlirTranslateMain.h"
#include "mlir/Tools/mlir-translate/Translation.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SourceMgr.h"

#include <cstdlib>

using namespace mlir;

/// The model that the driver opened.
static const llvm::MemoryBuffer &getModel(llvm::SourceMgr &sources) {
  return *sources.getMemoryBuffer(sources.getMainFileID());
}

static void registerONNX(const qc::ImportCommandLine &commandLine) {
  static TranslateToMLIRRegistration import(
      "import-onnx", "import an ONNX model",
      [&](llvm::SourceMgr &sources,
          MLIRContext *context) -> OwningOpRef<Operation *> {
        const llvm::MemoryBuffer &model = getModel(sources);
        FailureOr<qc::ImportOptions> options =
            commandLine.getOptions(*context, model.getBufferIdentifier());
        if (failed(options))
          return {};
        FailureOr<OwningOpRef<ModuleOp>> module =
            qc::importONNX(*context, model, *options);
        if (failed(module))
          return {};
        return OwningOpRef<Operation *>(module->release());
      },
      [](DialectRegistry &registry) {
        registry.insert<qc::QCDialect, func::FuncDialect>();
      });
  static TranslateRegistration list(
      "list-nodes", "list the nodes of an ONNX model and how each is imported",
      [&](const std::shared_ptr<llvm::SourceMgr> &sources,
          llvm::raw_ostream &output, MLIRContext *context) {
        const llvm::MemoryBuffer &model = getModel(*sources);
        FailureOr<qc::ImportOptions> options =
            commandLine.getOptions(*context, model.getBufferIdentifier());
        return success(
            succeeded(options) &&
            succeeded(qc::listONNXNodes(*context, model, *options, output)));
      });
}

/// The path that `-o` names, an option of the driver; empty for a stream.
static std::string getOutputPath() {
  auto *option = static_cast<llvm::cl::opt<std::string> *>(
      llvm::cl::getRegisteredOptions().lookup("o"));
  return !option || *option == "-" ? "" : option->getValue();
}

static void registerExport() {
  static llvm::cl::OptionCategory category("ONNX export options");
  static llvm::cl::opt<std::string> function(
      "function", llvm::cl::cat(category), llvm::cl::value_desc("name"),
      llvm::cl::desc("Export this function (default: the only one)"));
  static llvm::cl::opt<bool> exactTypes(
      "exact-types", llvm::cl::cat(category),
      llvm::cl::desc("Refuse codes of a width that ONNX lacks (default: store "
                     "them in its next wider integer type, and warn)"));
  static llvm::cl::opt<std::string> externalData(
      "external-data", llvm::cl::cat(category), llvm::cl::value_desc("file"),
      llvm::cl::desc("Write weights to this file beside the model (default: "
                     "only above 2 GB, to OUTPUT.data)"));
  static TranslateFromMLIRRegistration registration(
      "export-onnx", "export the graph or QDQ level as an ONNX model",
      [](Operation *op, llvm::raw_ostream &output) -> LogicalResult {
        auto module = dyn_cast<ModuleOp>(op);
        if (!module)
          return op->emitError("is no module");
        qc::ExportOptions options;
        options.function = function;
        options.exactTypes = exactTypes;
        options.externalData = externalData;
        if (std::string path = getOutputPath(); !path.empty())
          options.externalDataIfLarge = path + ".data";
        return qc::exportONNX(module, options, output);
      },
      [](DialectRegistry &registry) {
        registry.insert<qc::QCDialect, func::FuncDialect>();
      });
}

int main(int argc, char **argv) {
  // Needs no model: prints and ends as soon as it is read.
  llvm::cl::opt<bool> listOperators(
      "list-onnx-ops",
      llvm::cl::desc("Print the ONNX operators that are imported, and exit"),
      llvm::cl::callback([](const bool &isSet) {
        if (!isSet)
          return;
        qc::printONNXOperators(llvm::outs());
        llvm::outs().flush();
        std::exit(0);
      }));
  qc::ImportCommandLine importCommandLine;
  registerONNX(importCommandLine);
  registerExport();
#ifndef QC_IMPORT_ONLY
  qc::registerToPTXTranslation();
  qc::hls::registerToHLSTranslation();
#endif
  return failed(mlirTranslateMain(argc, argv, "qc translation driver"));
}
