// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-compile: a model in, a finished artefact out.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Execution/Execution.h"
#include "qc/Pipelines/Pipelines.h"
#include "qc/Target/CPU/CPUTarget.h"
#include "qc/Target/HLS/CommandLine.h"
#include "qc/Target/ONNX/ImportCommandLine.h"
#include "qc/Target/ONNX/ImportONNX.h"
#include "qc/Target/PTX/PTXTarget.h"
#include "qc/Verification/VerifyNumerics.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/WithColor.h"

using namespace mlir;
namespace cl = llvm::cl;

static cl::OptionCategory category("qc-compile options");
static cl::opt<std::string>
    inputPath(cl::Positional,
              cl::desc("<model.onnx, .onnxtxt, .mlir, bytecode, or ->"),
              cl::init(""), cl::cat(category));
static cl::opt<std::string>
    outputPath("o",
               cl::desc("Artefact: a .so file, or a folder for PTX and HLS"),
               cl::value_desc("path"), cl::cat(category));
static cl::opt<std::string> cpuList(
    "mcpu",
    cl::desc(
        "CPUs to compile for: native, x86-64, x86-64-v2, x86-64-v3[+vnni], "
        "x86-64-v4[+vnni]; several, separated by commas, share one library"),
    cl::init("native"), cl::cat(category));
static cl::opt<std::string>
    gpuArch("gpu-arch", cl::desc("GPU of --target=ptx: sm_80 to sm_90a"),
            cl::init("sm_80"), cl::cat(category));
static cl::opt<int64_t> gpuThreads(
    "gpu-threads",
    cl::desc("Threads that keep the GPU of --target=ptx busy: tiles shrink and "
             "reductions are split where there would be fewer"),
    cl::init(qc::PTXOptions().threads), cl::cat(category));
static cl::opt<std::string>
    batchPath("batch",
              cl::desc("Compile one model per line of FILE (input TAB output) "
                       "and report each"),
              cl::value_desc("file"), cl::cat(category));
static cl::opt<std::string> requantize(
    "requantize",
    cl::desc("How accumulators become codes, on every target: float (one f32 "
             "multiplication, default) or fixed (integers only)"),
    cl::value_desc("mode"), cl::init(""), cl::cat(category));
static cl::opt<std::string> convAlgorithm(
    "conv-algorithm",
    cl::desc(
        "How convolutions of stride 1 multiply: auto (default: what should "
        "be fastest on a CPU, direct elsewhere), direct, a family (sfc-6) "
        "or an algorithm (\"sfc-6(6x6,3x3)\")"),
    cl::value_desc("name"), cl::init("auto"), cl::cat(category));
static cl::opt<std::string> convCalibration(
    "conv-calibration",
    cl::desc("Sample inputs (a file or folder) on which convolutions of "
             "--conv-algorithm get scales, so that they multiply codes in the "
             "transform domain: an approximation, where it loses little"),
    cl::value_desc("path"), cl::init(""), cl::cat(category));
static cl::opt<int64_t>
    convBits("conv-bits", cl::desc("Bits of these codes, 2 to 8 (default 8)"),
             cl::init(8), cl::cat(category));
static cl::opt<double> convMaxLoss(
    "conv-max-loss",
    cl::desc("Largest loss of SQNR, in dB, for which a convolution is "
             "approximated (default 9)"),
    cl::init(9), cl::cat(category));
static cl::opt<std::string> convReport(
    "conv-report",
    cl::desc(
        "JSON file to write the algorithm and SQNR of each convolution to"),
    cl::value_desc("file"), cl::init(""), cl::cat(category));
static cl::opt<std::string> remarks(
    "remarks",
    cl::desc("Print what passes whose names match REGEX could not do and why, "
             "such as ops that stay float between integers; all without REGEX"),
    cl::value_desc("regex"), cl::ValueOptional, cl::cat(category));
static cl::opt<bool>
    keepAssembly("keep-assembly",
                 cl::desc("Write the assembly of each form beside the library"),
                 cl::cat(category));
static cl::opt<bool> timing("timing", cl::desc("Print where the time goes"),
                            cl::cat(category));

namespace {
enum class TargetKind { CPU, PTX, HLS };
} // namespace
static cl::opt<TargetKind>
    target("target", cl::desc("What to make"), cl::init(TargetKind::CPU),
           cl::values(clEnumValN(TargetKind::CPU, "cpu",
                                 "one shared library (default)"),
                      clEnumValN(TargetKind::PTX, "ptx",
                                 "a folder: PTX text, weights, manifest"),
                      clEnumValN(TargetKind::HLS, "hls",
                                 "a folder: HLS C++ with a test bench")),
           cl::cat(category));

/// Whether `path` names an ONNX model.
static bool isONNX(StringRef path) {
  StringRef extension = llvm::sys::path::extension(path);
  return extension == ".onnx" || extension == ".onnxtxt";
}

/// Remarks of passes that `--remarks` names are printed as diagnostics.
static LogicalResult enableRemarks(MLIRContext &context) {
  if (remarks.getNumOccurrences() == 0)
    return success();
  std::string pattern = remarks.empty() ? ".*" : remarks.getValue();
  std::string error;
  if (!llvm::Regex(pattern).isValid(error)) {
    llvm::WithColor::error(llvm::errs(), "qc-compile")
        << "--remarks: " << error << "\n";
    return failure();
  }
  remark::RemarkCategories categories;
  categories.missed = pattern;
  categories.failed = pattern;
  return remark::enableOptimizationRemarks(
      context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
      categories, /*printAsEmitRemarks=*/true);
}

/// What stays the same for every model of one invocation.
struct Session {
  const qc::ImportCommandLine &import;
  const qc::hls::CommandLine &hls;
  qc::VerifyNumericsCommandLine &verify;
  DialectRegistry &registry;
  TimingScope &timing;
};

static OwningOpRef<ModuleOp> load(MLIRContext &context, StringRef path,
                                  const Session &session) {
  if (isONNX(path)) {
    FailureOr<qc::ImportOptions> options =
        session.import.getOptions(context, path);
    if (failed(options))
      return nullptr;
    FailureOr<OwningOpRef<ModuleOp>> module = qc::importONNX(context, *options);
    return failed(module) ? nullptr : std::move(*module);
  }
  return parseSourceFile<ModuleOp>(path, &context);
}

namespace {
/// Frees what a pass has folded away: each module has a context of its own.
struct ReleaseConstants : PassInstrumentation {
  void runAfterPass(Pass *, Operation *op) override {
    if (!op->getParentOp())
      qc::releaseUnusedConstants(op);
  }
};
} // namespace

static LogicalResult compile(MLIRContext &context, StringRef input,
                             StringRef output, const Session &session) {
  OwningOpRef<ModuleOp> module;
  {
    TimingScope loading = session.timing.nest("Load");
    module = load(context, input, session);
  }
  if (!module)
    return failure();
  // Other targets know no CPU.
  bool isCPU = target != TargetKind::HLS && target != TargetKind::PTX;
  SmallVector<qc::CPUForm> forms;
  if (isCPU) {
    forms = qc::parseCPUForms(cpuList, [&](const Twine &message) {
      llvm::WithColor::error(llvm::errs(), "qc-compile") << message << "\n";
    });
    if (forms.empty())
      return failure();
  }
  PassManager manager(&context, ModuleOp::getOperationName());
  TimingScope passes = session.timing.nest("Passes");
  manager.enableTiming(passes);
  manager.addInstrumentation(std::make_unique<ReleaseConstants>());
  // Input that is a program already needs no further passes.
  if (module->getOps<qc::ProgramOp>().empty()) {
    qc::GraphPipelineOptions options;
    options.requantize = requantize;
    options.convAlgorithm = convAlgorithm;
    // The costs that auto compares are those of CPUs.
    if (convAlgorithm == "auto" && !isCPU)
      options.convAlgorithm = "direct";
    if (!convCalibration.empty() && options.convAlgorithm == "direct") {
      llvm::WithColor::error(llvm::errs(), "qc-compile")
          << "--conv-calibration needs an algorithm: --conv-algorithm\n";
      return failure();
    }
    options.dotProduct = llvm::any_of(forms, [](const qc::CPUForm &form) {
      return form.dot == qc::DotKind::DotProduct;
    });
    options.convCalibration = convCalibration;
    options.convBits = convBits;
    options.convMaxLoss = convMaxLoss;
    options.convReport = convReport;
    if (target == TargetKind::HLS)
      qc::buildHLSPipeline(manager, options);
    else if (target == TargetKind::PTX)
      qc::buildPTXPipeline(manager, options);
    else
      qc::buildCPUPipeline(manager, options);
    if (failed(session.verify.attach(manager)) ||
        failed(manager.run(*module)) || session.verify.hasFailed())
      return failure();
  }
  passes.stop();
  TimingScope code = session.timing.nest("Code generation");
  if (target == TargetKind::HLS) {
    FailureOr<qc::hls::HLSOptions> hls =
        session.hls.getOptions(module->getLoc());
    return failed(hls) ? failure()
                       : qc::hls::writeHLSProject(*module, output, *hls);
  }
  if (target == TargetKind::PTX) {
    qc::PTXOptions ptx;
    ptx.arch = gpuArch;
    ptx.threads = gpuThreads;
    ptx.modelName = llvm::sys::path::stem(input).str();
    return qc::writePTXArtifact(*module, output, ptx);
  }
  qc::CPUOptions options;
  options.forms = forms;
  options.modelName = llvm::sys::path::stem(input).str();
  options.keepAssembly = keepAssembly;
  return qc::writeSharedLibrary(*module, output, options, code);
}

/// Compiles each line's model; one that fails does not stop the others.
static int compileBatch(const Session &session) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> list = openInputFile(batchPath, &message);
  if (!list) {
    llvm::WithColor::error(llvm::errs(), "qc-compile") << message << "\n";
    return 2;
  }
  bool allGood = true;
  for (llvm::line_iterator line(*list); !line.is_at_end(); ++line) {
    auto [input, output] = line->split('\t');
    // Attributes live as long as their context: each model has its own.
    MLIRContext context(session.registry);
    context.printOpOnDiagnostic(false);
    std::string text;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        text += (text.empty() ? "" : " | ") + diagnostic.str();
      return success();
    });
    LogicalResult result =
        output.empty() ? failure() : compile(context, input, output, session);
    if (output.empty())
      text = "expected: input TAB output";
    llvm::replace(text, '\n', ' ');
    llvm::outs() << (succeeded(result) ? "OK" : "FAIL") << "\t" << input << "\t"
                 << text << "\n";
    llvm::outs().flush();
    allGood &= succeeded(result);
  }
  return allGood ? 0 : 1;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  qc::ImportCommandLine import;
  qc::hls::CommandLine hls;
  qc::VerifyNumericsCommandLine verify(category);
  // LLVM registers some hundred of its own.
  cl::HideUnrelatedOptions(
      {&category, &import.getCategory(), &hls.getCategory()});
  cl::ParseCommandLineOptions(argc, argv,
                              "qc-compile: compiles a model into an artefact "
                              "that qc-run and libqcrt run\n");
  DefaultTimingManager timingManager;
  timingManager.setEnabled(timing);
  TimingScope scope = timingManager.getRootScope();

  DialectRegistry registry;
  registry.insert<qc::QCDialect, func::FuncDialect, LLVM::LLVMDialect>();
  qc::registerExecution(registry);
  Session session{import, hls, verify, registry, scope};
  if (!batchPath.empty())
    return compileBatch(session);
  if (inputPath.empty() || outputPath.empty()) {
    llvm::WithColor::error(llvm::errs(), "qc-compile")
        << "expected a model and -o PATH; see --help\n";
    return 2;
  }
  MLIRContext context(registry);
  // A failed pass would print the whole model.
  context.printOpOnDiagnostic(false);
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  if (failed(enableRemarks(context)))
    return 2;
  return failed(compile(context, inputPath, outputPath, session)) ? 1 : 0;
}
