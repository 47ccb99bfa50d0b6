// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-run: runs an artefact on tensors from files, writes and compares what
// comes out, and measures. All of the work is libqcrt's; this is a client of
// its public API like any other.
#include "Report.h"

#include "tensorio/TensorFile.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <new>
#include <set>

namespace {

using namespace qcrun;
using qcrt::Failure;
using qcrt::Result;
using qcrt::Status;
using qcrt::success;
using qcrt::Tensor;
namespace fs = std::filesystem;

enum ExitStatus { Match = 0, Mismatch = 1, Error = 2 };

/// Reads the files of "NAME=FILE" options.
Result<std::vector<Tensor>> readAssigned(const std::vector<std::string> &texts,
                                         const std::vector<std::string> &names,
                                         const char *option) {
  std::vector<Tensor> tensors;
  for (const std::string &text : texts) {
    auto assignment = Artifact::splitAssignment(text, names, option);
    if (!assignment)
      return assignment.failure();
    Result<Tensor> tensor = qcrt::readTensorFile(assignment->second);
    if (!tensor)
      return tensor.failure();
    tensor->name = assignment->first;
    for (const Tensor &other : tensors)
      if (other.name == tensor->name)
        return Failure{std::string(option) + ": '" + tensor->name +
                       "' is given twice"};
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

/// A file name for a tensor's name, different from those in `taken`.
std::string fileName(const std::string &name, std::set<std::string> &taken) {
  std::string base;
  for (char c : name) {
    bool isPlain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                   (c == '.' && !base.empty());
    base += isPlain ? c : '_';
  }
  std::string result = base;
  for (unsigned i = 1; !taken.insert(result).second; ++i)
    result = base + "-" + std::to_string(i);
  return result;
}

Status makeFolder(const std::string &path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code)
    return Failure{path + ": cannot create the folder: " + code.message()};
  return success();
}

Status writeOutputs(const std::string &folder, RunReport &report) {
  if (Status status = makeFolder(folder); !status)
    return status;
  std::set<std::string> taken;
  for (OutputReport &output : report.outputs) {
    bool isNumpy = qcrt::isNumpyType(output.tensor->type);
    output.file =
        (fs::path(folder) / fileName(output.tensor->name, taken)).string() +
        (isNumpy ? ".npy" : ".pb");
    Status status = isNumpy
                        ? qcrt::writeNpy(output.file, *output.tensor)
                        : qcrt::writeTensorProto(output.file, *output.tensor);
    if (!status)
      return status;
  }
  return success();
}

/// One set of inputs.
Result<ExitStatus> runOnce(const Artifact &artifact, const Options &options) {
  Result<std::vector<Tensor>> inputs =
      readAssigned(options.inputs, artifact.inputNames(), "--input");
  if (!inputs)
    return inputs.failure();
  Result<std::vector<Tensor>> expected =
      readAssigned(options.expects, artifact.outputNames(), "--expect");
  if (!expected)
    return expected.failure();
  Result<uint32_t> program = artifact.selectProgram(options.program, *inputs);
  if (!program)
    return program.failure();
  Result<Session> session = Session::create(artifact, *program, options);
  if (!session)
    return session.failure();
  if (Status status = session->setInputs(
          std::move(*inputs),
          options.hasRandomSeed ? &options.randomSeed : nullptr);
      !status)
    return status.failure();
  RunReport report;
  report.session = &*session;
  if (Status status =
          session->run(options.warmup, options.repeat, report.latency);
      !status)
    return status.failure();

  bool matches = true;
  for (const Tensor &tensor : session->outputs()) {
    OutputReport output;
    output.tensor = &tensor;
    auto found = std::find_if(
        expected->begin(), expected->end(),
        [&](const Tensor &other) { return other.name == tensor.name; });
    if (found != expected->end()) {
      output.isCompared = true;
      output.comparison =
          qcrt::compareTensors(tensor, *found, options.tolerance);
      matches &= output.comparison.matches;
    }
    report.outputs.push_back(output);
  }
  for (const Tensor &tensor : *expected)
    if (std::none_of(
            session->outputs().begin(), session->outputs().end(),
            [&](const Tensor &other) { return other.name == tensor.name; }))
      return Failure{"--expect: '" + tensor.name +
                     "' is no output of program '" +
                     artifact.program(*program).name + "'"};
  if (!options.outputFolder.empty())
    if (Status status = writeOutputs(options.outputFolder, report); !status)
      return status.failure();
  std::fputs(reportRuns(artifact, options, report).c_str(), stdout);
  return matches ? Match : Mismatch;
}

/// The .npz files of a folder by name.
Result<std::vector<fs::path>> listArchives(const std::string &folder) {
  std::error_code code;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end;
       entry.increment(code))
    if (entry->path().extension() == ".npz")
      files.push_back(entry->path());
  if (code)
    return Failure{folder + ": cannot list the folder: " + code.message()};
  if (files.empty())
    return Failure{folder + ": no .npz file in this folder"};
  std::sort(files.begin(), files.end());
  return files;
}

/// All files of a folder.
Result<ExitStatus> runDataSet(const Artifact &artifact,
                              const Options &options) {
  Result<std::vector<fs::path>> files = listArchives(options.inputsFolder);
  if (!files)
    return files.failure();
  if (Status status = makeFolder(options.outputsFolder); !status)
    return status.failure();
  // Files of different shapes may need different programs.
  std::map<uint32_t, Session> sessions;
  RunReport report;
  for (const fs::path &file : *files) {
    auto inFile = [&](const Failure &failure) {
      return Failure{file.string() + ": " + failure.message};
    };
    Result<std::vector<Tensor>> inputs = qcrt::readNpzFile(file.string());
    if (!inputs)
      return inputs.failure();
    Result<uint32_t> program = artifact.selectProgram(options.program, *inputs);
    if (!program)
      return inFile(program.failure());
    auto session = sessions.find(*program);
    if (session == sessions.end()) {
      Result<Session> created = Session::create(artifact, *program, options);
      if (!created)
        return created.failure();
      session = sessions.emplace(*program, std::move(*created)).first;
    }
    if (Status status = session->second.setInputs(std::move(*inputs), nullptr);
        !status)
      return inFile(status.failure());
    if (Status status =
            session->second.run(options.warmup, options.repeat, report.latency);
        !status)
      return inFile(status.failure());
    fs::path target = fs::path(options.outputsFolder) / file.filename();
    if (Status status =
            qcrt::writeNpz(target.string(), session->second.outputs());
        !status)
      return status.failure();
    ++report.dataSetRuns;
  }
  std::fputs(reportRuns(artifact, options, report).c_str(), stdout);
  return Match;
}

Result<ExitStatus> runTool(int argc, const char *const *argv) {
  Result<Options> options = parseOptions(argc, argv);
  if (!options)
    return options.failure();
  if (options->help) {
    std::fputs(helpText, stdout);
    return Match;
  }
  Result<Artifact> artifact = Artifact::load(*options);
  if (!artifact)
    return artifact.failure();
  if (options->info) {
    std::fputs(reportInfo(*artifact, *options).c_str(), stdout);
    return Match;
  }
  return options->inputsFolder.empty() ? runOnce(*artifact, *options)
                                       : runDataSet(*artifact, *options);
}

} // namespace

int main(int argc, char **argv) {
  // Large buffers report their own failures; this is for the small ones.
  try {
    Result<ExitStatus> status = runTool(argc, argv);
    if (status)
      return *status;
    std::fprintf(stderr, "qc-run: error: %s\n", status.message().c_str());
  } catch (const std::bad_alloc &) {
    std::fprintf(stderr, "qc-run: error: out of memory\n");
  }
  return Error;
}
