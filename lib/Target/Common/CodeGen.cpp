// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code through LLVM for every target: see CodeGen.h.

#include "qc/Target/Common/CodeGen.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/CodeGen/CodeGenTargetMachineImpl.h"
#include "llvm/CodeGen/MachineModuleInfo.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetPassConfig.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/PassInstrumentation.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace qc;

void qc::buildLLVMLoweringPipeline(OpPassManager &manager) {
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createCSEPass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createConvertVectorToLLVMPass());
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  ConvertFuncToLLVMPassOptions functions;
  functions.useBarePtrCallConv = true;
  manager.addPass(createConvertFuncToLLVMPass(functions));
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

std::unique_ptr<llvm::TargetMachine>
qc::createTargetMachine(StringRef name, StringRef cpu, StringRef features) {
  llvm::Triple triple(name);
  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return nullptr;
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.NoTrappingFPMath = true;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpu, features, options, llvm::Reloc::PIC_, std::nullopt,
      llvm::CodeGenOptLevel::Default));
}

void qc::optimizeCode(llvm::Module &code, llvm::TargetMachine &machine,
                      bool vectorize) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager callGraph;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = vectorize;
  tuning.SLPVectorization = vectorize;
  // Forwarding stores of one iteration to loads of the next finds nothing in
  // these loops, which keep such values in registers, and compares all accesses
  // in pairs: minutes for the transform of 12x12 tiles.
  llvm::PassInstrumentationCallbacks callbacks;
  callbacks.registerShouldRunOptionalPassCallback(
      [](StringRef name, llvm::Any) {
        return name != "LoopLoadEliminationPass";
      });
  llvm::PassBuilder builder(&machine, tuning, std::nullopt, &callbacks);
  llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
  library.disableAllFunctions();
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(callGraph);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, callGraph, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(code, modules);
}

LogicalResult qc::emitCode(llvm::Module &code, llvm::TargetMachine &machine,
                           llvm::raw_pwrite_stream &stream,
                           llvm::CodeGenFileType type) {
  // What TargetMachine::addPassesToEmitFile does, but without the machine
  // combiner: it shortens chains of sums that the schedules have made as long
  // as registers allow, at the price of spills, and takes vpdpwssd apart.
  auto &target = static_cast<llvm::CodeGenTargetMachineImpl &>(machine);
  llvm::legacy::PassManager passes;
  auto *info = new llvm::MachineModuleInfoWrapperPass(&machine);
  llvm::TargetPassConfig *config = target.createPassConfig(passes);
  config->disablePass(&llvm::MachineCombinerID);
  passes.add(config);
  passes.add(info);
  if (config->addISelPasses())
    return failure();
  config->addMachinePasses();
  config->setInitialized();
  if (target.addAsmPrinter(passes, stream, nullptr, type,
                           info->getMMI().getContext()))
    return failure();
  passes.run(code);
  return success();
}

struct CodeGenErrors::Handler : llvm::DiagnosticHandler {
  Handler(Location loc, unsigned &count) : loc(loc), count(count) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    if (info.getSeverity() != llvm::DS_Error)
      return true;
    ++count;
    std::string text;
    llvm::raw_string_ostream stream(text);
    llvm::DiagnosticPrinterRawOStream printer(stream);
    info.print(printer);
    emitError(loc) << "LLVM cannot compile this: " << text;
    return true;
  }
  Location loc;
  unsigned &count;
};

CodeGenErrors::CodeGenErrors(llvm::LLVMContext &context, Location loc)
    : context(context), previous(context.getDiagnosticHandler()) {
  context.setDiagnosticHandler(std::make_unique<Handler>(loc, count));
}

CodeGenErrors::~CodeGenErrors() {
  context.setDiagnosticHandler(std::move(previous));
}

LogicalResult
qc::writeFile(Location loc, StringRef path,
              function_ref<LogicalResult(llvm::raw_fd_ostream &)> write) {
  std::error_code code;
  llvm::raw_fd_ostream stream(path, code);
  if (code)
    return emitError(loc) << "cannot write '" << path
                          << "': " << code.message();
  LogicalResult result = write(stream);
  stream.close();
  if (stream.has_error()) {
    code = stream.error();
    stream.clear_error();
    return emitError(loc) << "cannot write '" << path
                          << "': " << code.message();
  }
  return result;
}
