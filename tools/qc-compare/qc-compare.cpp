// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-compare: where two forms of one model differ.

#include "qc/Execution/Execution.h"
#include "qc/InitAll.h"
#include "qc/Target/ONNX/ImportCommandLine.h"
#include "qc/Verification/CompareModels.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

static cl::OptionCategory category("qc-compare options");
static cl::opt<std::string>
    referencePath(cl::Positional, cl::Required,
                  cl::desc("<reference: .onnx, .mlir or bytecode>"),
                  cl::cat(category));
static cl::opt<std::string>
    otherPath(cl::Positional, cl::Required,
              cl::desc("<other form: the same, or .so (outputs only)>"),
              cl::cat(category));
static cl::opt<std::string>
    inputs("inputs", cl::Required,
           cl::desc("File or folder of sample inputs: .npz, .npy, or folders "
                    "with input_0.pb, …"),
           cl::value_desc("path"), cl::cat(category));
static cl::opt<unsigned>
    limit("limit", cl::desc("Use at most this many samples (0: all)"),
          cl::init(0), cl::cat(category));
static cl::opt<unsigned> top("top",
                             cl::desc("Show this many of the worst (0: all)"),
                             cl::init(0), cl::cat(category));
static cl::opt<std::string> outputPath("o", cl::desc("File to write"),
                                       cl::value_desc("path"), cl::init("-"),
                                       cl::cat(category));

namespace {
enum class Format { Text, HTML, JSON };
} // namespace
static cl::opt<Format>
    outputFormat("format", cl::desc("What to write"), cl::init(Format::Text),
                 cl::values(clEnumValN(Format::Text, "text", "a table"),
                            clEnumValN(Format::HTML, "html",
                                       "a page that needs no other file"),
                            clEnumValN(Format::JSON, "json", "an object")),
                 cl::cat(category));

static bool isLibrary(StringRef path) {
  return llvm::sys::path::extension(path) == ".so";
}

/// Reads a model, or loads a library. `module` keeps the former.
static FailureOr<qc::ModelForm> load(MLIRContext &context, StringRef path,
                                     const qc::ImportCommandLine &import,
                                     OwningOpRef<ModuleOp> &module) {
  qc::ModelForm form;
  form.path = path.str();
  StringRef extension = llvm::sys::path::extension(path);
  Location loc = FileLineColLoc::get(&context, path, 0, 0);
  if (isLibrary(path)) {
    FailureOr<qc::LoadedLibrary> library = qc::loadLibrary(loc, path);
    if (failed(library))
      return failure();
    form.library = std::move(library->code);
    form.libraryInputs = std::move(library->inputs);
    form.libraryOutputs = std::move(library->outputs);
    return form;
  }
  if (extension == ".onnx" || extension == ".onnxtxt") {
    FailureOr<qc::ImportOptions> options = import.getOptions(context, path);
    if (failed(options))
      return failure();
    FailureOr<OwningOpRef<ModuleOp>> imported =
        qc::importONNX(context, *options);
    if (failed(imported))
      return failure();
    module = std::move(*imported);
  } else {
    module = parseSourceFile<ModuleOp>(path, &context);
    if (!module)
      return failure();
  }
  auto functions = module->getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions))
    return emitError(loc) << "'" << path
                          << "' holds no single function; accepted: the "
                             "graph, QDQ and integer levels, one combination "
                             "of shapes";
  form.function = *functions.begin();
  return form;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  qc::ImportCommandLine import;
  cl::HideUnrelatedOptions({&category, &import.getCategory()});
  cl::ParseCommandLineOptions(
      argc, argv,
      "qc-compare: compares two forms of one model (float, quantized, integer, "
      "compiled) node by node on sample inputs, worst first\n");
  DialectRegistry registry;
  qc::registerAllDialects(registry);
  registry.insert<func::FuncDialect, LLVM::LLVMDialect>();
  MLIRContext context(registry);
  context.loadDialect<qc::QCDialect, LLVM::LLVMDialect>();
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  if (isLibrary(referencePath)) {
    llvm::WithColor::error(llvm::errs(), "qc-compare")
        << "'" << referencePath
        << "' is a library, which has no nodes; the reference is a model\n";
    return 2;
  }
  OwningOpRef<ModuleOp> modules[2];
  FailureOr<qc::ModelForm> reference =
      load(context, referencePath, import, modules[0]);
  if (failed(reference))
    return 1;
  FailureOr<qc::ModelForm> other = load(context, otherPath, import, modules[1]);
  if (failed(other))
    return 1;
  FailureOr<qc::ModelsComparison> comparison =
      qc::compareModels(*reference, *other, inputs, limit);
  if (failed(comparison))
    return 1;

  std::string message;
  auto output = openOutputFile(outputPath, &message);
  if (!output) {
    llvm::WithColor::error(llvm::errs(), "qc-compare") << message << "\n";
    return 1;
  }
  switch (outputFormat) {
  case Format::Text:
    qc::printText(*comparison, top, output->os());
    break;
  case Format::HTML:
    qc::printHTML(*comparison, top, referencePath, otherPath, output->os());
    break;
  case Format::JSON:
    output->os() << llvm::formatv("{0:2}", qc::toJSON(*comparison, top))
                 << "\n";
    break;
  }
  output->keep();
  return 0;
}
