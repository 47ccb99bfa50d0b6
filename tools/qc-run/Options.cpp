// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the command line. Written by hand since qc-run does not link LLVM; one
// table says what exists, options take their value behind '=' or as the next
// argument.
#include "Options.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string_view>

namespace qcrun {

using qcrt::Failure;
using qcrt::Result;
using qcrt::Status;
using qcrt::success;

const char *const helpText =
    R"(qc-run: runs what qc-compile writes, and compares.

  qc-run model.so --input NAME=FILE ... [options]      one set of inputs
  qc-run model.so --inputs FOLDER --outputs FOLDER     a data set
  qc-run model.so --info                               what is in it
  qc-run FOLDER --device=ptx-sim|cuda ...              a PTX artefact

Inputs and outputs
  --input NAME=FILE    tensor of an input; FILE is .npy or .pb (TensorProto).
                       NAME may contain any character, '/', ':' and '=' too.
  --random SEED        fill the inputs that are not given with random numbers:
                       floats in +-[0.5,2), integers of 8 bits and less over
                       their range, other integers and booleans 0 or 1
  --output FOLDER      write each output to FOLDER/NAME.npy, or NAME.pb where
                       numpy lacks the type. In file names every character
                       other than letters, digits, '.', '_' and '-' becomes '_',
                       as does a leading '.'; if two names then are equal, the
                       later gets '-1', '-2' ... appended.
  --expect NAME=FILE   compare an output with a file
  --rtol R, --atol A   accept |actual - expected| <= A + R * |expected|
                       (default 1e-3 and 1e-7)
  --inputs FOLDER      run once for each .npz in FOLDER, in order of their names;
                       the keys are the names of inputs
  --outputs FOLDER     write a .npz of the same name for each; the keys are the
                       names of outputs, types that numpy lacks are converted
                       exactly (bfloat16 and float8 to float32, int4 and int2 to int8)

Execution
  --program NAME       program to run; otherwise the one that takes the shapes
                       of the given inputs
  --threads N          threads of a run (default 1)
  --divide             divide every launch among the threads, however small it
                       is: to test that results do not depend on it
  --repeat N           runs to measure (default 1), after
  --warmup N           runs that are not measured (default 0, 1 with --repeat)
  --device KIND        cpu (default), ptx-sim or cuda
  --cpu-form NAME      use this form of the code, not the best for this CPU
  --profile            time of each launch, over all measured runs
  --guard              run twice with every buffer between inaccessible pages,
                       ending at one, then beginning at one, and unused memory
                       full of NaNs: an access outside of a launch's buffers is
                       reported with the launch, and so is a result that is not
                       the same both times. Slow; for the CPU.

Output
  --info               programs, inputs, outputs, memory and launches
  --json               one JSON object instead of text; numbers that JSON lacks
                       (an infinite SQNR) are null
  --help

Exit status: 0 if all comparisons match, 1 if one does not, 2 on an error.
)";

namespace {

template <typename T>
Status parseInteger(std::string_view option, std::string_view text,
                    uint64_t minimum, uint64_t maximum, T &result) {
  uint64_t value = 0;
  auto [end, code] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() ||
      value < minimum || value > maximum)
    return Failure{std::string(option) + ": '" + std::string(text) +
                   "'; accepted are integers from " + std::to_string(minimum) +
                   " to " + std::to_string(maximum)};
  result = T(value);
  return success();
}

Status parseTolerance(std::string_view option, const std::string &text,
                      double &result) {
  char *end = nullptr;
  double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end || !(value >= 0) || !std::isfinite(value))
    return Failure{std::string(option) + ": '" + text +
                   "'; accepted are numbers from 0"};
  result = value;
  return success();
}

Status parseDevice(const std::string &text, DeviceKind &result) {
  if (text == "cpu")
    result = DeviceKind::Cpu;
  else if (text == "ptx-sim")
    result = DeviceKind::PtxSim;
  else if (text == "cuda")
    result = DeviceKind::Cuda;
  else
    return Failure{"--device: '" + text +
                   "'; accepted are cpu, ptx-sim and cuda"};
  return success();
}

/// An option that takes a value.
struct ValueOption {
  std::string_view name;
  std::function<Status(const std::string &)> set;
};

/// Contradictions between options.
Status checkOptions(const Options &options) {
  if (options.artifact.empty())
    return Failure{"no artefact given; usage: qc-run model.so --input "
                   "NAME=FILE ..., or --help"};
  if (options.guard && options.device != DeviceKind::Cpu)
    return Failure{"--guard is for the CPU; --device does not go with it"};
  if (options.inputsFolder.empty() != options.outputsFolder.empty())
    return Failure{"--inputs and --outputs go together"};
  if (!options.inputsFolder.empty() &&
      (!options.inputs.empty() || !options.expects.empty() ||
       !options.outputFolder.empty() || options.hasRandomSeed))
    return Failure{"--inputs takes all tensors from a folder; --input, "
                   "--output, --expect and --random do not go with it"};
  return success();
}

} // namespace

Result<Options> parseOptions(int argc, const char *const *argv) {
  Options options;
  bool hasWarmup = false;
  auto text = [](std::string &target) {
    return [&target](const std::string &value) -> Status {
      if (value.empty())
        return Failure{"an option has an empty value"};
      target = value;
      return success();
    };
  };
  auto list = [](std::vector<std::string> &target) {
    return [&target](const std::string &value) -> Status {
      target.push_back(value);
      return success();
    };
  };
  const ValueOption valueOptions[] = {
      {"--input", list(options.inputs)},
      {"--expect", list(options.expects)},
      {"--output", text(options.outputFolder)},
      {"--inputs", text(options.inputsFolder)},
      {"--outputs", text(options.outputsFolder)},
      {"--program", text(options.program)},
      {"--cpu-form", text(options.cpuForm)},
      {"--rtol",
       [&](const std::string &value) {
         return parseTolerance("--rtol", value, options.tolerance.relative);
       }},
      {"--atol",
       [&](const std::string &value) {
         return parseTolerance("--atol", value, options.tolerance.absolute);
       }},
      {"--repeat",
       [&](const std::string &value) {
         return parseInteger("--repeat", value, 1, 1000000000, options.repeat);
       }},
      {"--warmup",
       [&](const std::string &value) {
         hasWarmup = true;
         return parseInteger("--warmup", value, 0, 1000000000, options.warmup);
       }},
      {"--threads",
       [&](const std::string &value) {
         return parseInteger("--threads", value, 1, QCRT_MAX_THREADS,
                             options.threads);
       }},
      {"--random",
       [&](const std::string &value) {
         options.hasRandomSeed = true;
         return parseInteger("--random", value, 0, UINT64_MAX,
                             options.randomSeed);
       }},
      {"--device",
       [&](const std::string &value) {
         return parseDevice(value, options.device);
       }},
  };
  const std::pair<std::string_view, bool *> flags[] = {
      {"--profile", &options.profile}, {"--guard", &options.guard},
      {"--divide", &options.divide},   {"--json", &options.json},
      {"--info", &options.info},       {"--help", &options.help}};

  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (!options.artifact.empty())
        return Failure{"two artefacts given, '" + options.artifact + "' and '" +
                       argument + "'"};
      options.artifact = argument;
      continue;
    }
    // One dash does as well, as in LLVM's tools.
    if (argument[1] != '-')
      argument.insert(0, 1, '-');
    size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals);
    bool isKnown = false;
    for (auto [flag, target] : flags)
      if (name == flag) {
        if (equals != std::string::npos)
          return Failure{name + " takes no value"};
        *target = isKnown = true;
      }
    for (const ValueOption &option : valueOptions) {
      if (name != option.name)
        continue;
      isKnown = true;
      if (equals == std::string::npos && i + 1 == argc)
        return Failure{name + " needs a value"};
      std::string value =
          equals == std::string::npos ? argv[++i] : argument.substr(equals + 1);
      Status status = option.set(value);
      if (!status)
        return status.failure();
    }
    if (!isKnown)
      return Failure{"unknown option '" + name + "'; --help lists all"};
  }
  if (!hasWarmup && options.repeat > 1)
    options.warmup = 1;
  if (!options.help)
    if (Status status = checkOptions(options); !status)
      return status.failure();
  return options;
}

} // namespace qcrun
