// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a program as an HLS project.
//
// All text is made before the first file is written, from a legalized copy of
// the module, so that an error leaves no half project.
#include "Dataflow.h"
#include "KernelPrinter.h"
#include "ProjectLayout.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qc::hls {

/// The program to write: the one that is named, or the only one.
static FailureOr<ProgramOp> findProgram(ModuleOp module, StringRef name) {
  auto programs = llvm::to_vector(module.getOps<ProgramOp>());
  if (!name.empty())
    llvm::erase_if(programs, [&](ProgramOp program) {
      return program.getSymName() != name;
    });
  if (programs.size() == 1)
    return programs.front();
  InFlightDiagnostic diagnostic = module.emitError();
  diagnostic << "an HLS project holds one program, but ";
  if (programs.empty() && !name.empty())
    return diagnostic << "there is none named '" << name << "'";
  if (programs.empty())
    return diagnostic << "there is none; accepted is the output of "
                         "qc-plan-memory";
  diagnostic << "there are " << programs.size() << "; choose one of";
  for (ProgramOp program : programs)
    diagnostic << " '" << program.getSymName() << "'";
  return diagnostic;
}

static LogicalResult checkVectors(ModuleOp module, StringRef role,
                                  ArrayRef<Port> ports,
                                  const TensorBytes &tensors) {
  if (tensors.empty())
    return success();
  if (tensors.size() != ports.size())
    return module.emitError()
           << tensors.size() << " " << role << " vectors were given for "
           << ports.size() << " " << role << "s";
  for (auto [port, bytes] : llvm::zip_equal(ports, tensors)) {
    uint64_t size = port.count * getElementBytes(port.element);
    if (size == 0 ? !bytes.empty() : bytes.empty() || bytes.size() % size)
      return module.emitError()
             << "the vectors of " << role << " '" << port.name << "' have "
             << bytes.size() << " bytes; accepted are multiples of " << size;
  }
  return success();
}

static LogicalResult checkTopName(ModuleOp module, StringRef name) {
  IdentifierTable table;
  static constexpr StringRef taken[] = {"qc_hls", "weights", "test_bench",
                                        "test_bench_data", "main"};
  if (table.add(name) == name && !llvm::is_contained(taken, name))
    return success();
  return module.emitError() << "'" << name
                            << "' cannot name the top function; accepted are "
                               "C++ identifiers other than the project's files";
}

static LogicalResult writeFile(ModuleOp module, StringRef directory,
                               const File &file) {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, file.path);
  std::error_code error =
      llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path));
  if (!error) {
    llvm::raw_fd_ostream os(path, error);
    if (!error) {
      os << file.content;
      os.close();
      error = os.error();
      os.clear_error();
    }
  }
  if (error)
    return module.emitError()
           << "cannot write '" << path << "': " << error.message();
  return success();
}

/// All files of the project; nothing but errors if there is a reason not to.
static FailureOr<std::vector<File>> makeProject(ModuleOp original,
                                                const HLSOptions &options) {
  if (failed(checkTopName(original, options.topName)))
    return failure();
  OwningOpRef<ModuleOp> module = original.clone();
  FailureOr<ProgramOp> program = findProgram(*module, options.program);
  if (failed(program))
    return failure();
  PassManager manager(module->getContext(), ModuleOp::getOperationName());
  buildHLSLoweringPipeline(manager);
  if (failed(manager.run(*module)))
    return failure();
  FailureOr<Dataflow> dataflow = Dataflow::get(*program);
  if (failed(dataflow) ||
      failed(
          checkVectors(*module, "input", dataflow->inputs, options.inputs)) ||
      failed(checkVectors(*module, "output", dataflow->outputs,
                          options.expectedOutputs)))
    return failure();
  ProjectLayout project(*dataflow, options);
  std::vector<File> files;
  addTopFiles(project, files);
  addSimulationFiles(project, files);
  addDescription(project, files);
  addWeightFiles(project, files);
  return files;
}

LogicalResult writeHLSProject(ModuleOp module, StringRef directory,
                              const HLSOptions &options) {
  FailureOr<std::vector<File>> files = makeProject(module, options);
  if (failed(files))
    return failure();
  for (const File &file : *files)
    if (failed(writeFile(module, directory, file)))
      return failure();
  return success();
}

LogicalResult printHLSProject(ModuleOp module, llvm::raw_ostream &os,
                              const HLSOptions &options) {
  // Binary files have no line of their own to end with: weights come last,
  // vectors stay out.
  HLSOptions withoutVectors = options;
  withoutVectors.inputs.clear();
  withoutVectors.expectedOutputs.clear();
  FailureOr<std::vector<File>> files = makeProject(module, withoutVectors);
  if (failed(files))
    return failure();
  for (const File &file : *files)
    os << "//--- " << file.path << "\n" << file.content;
  return success();
}

} // namespace qc::hls
