// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// project.json and README.md: what tools and people want to know of a project.
#include "Estimate.h"
#include "KernelPrinter.h"
#include "ProjectLayout.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace qc::hls {

/// Bytes of a process's own arrays.
static uint64_t countBufferBytes(const Process &process) {
  uint64_t bytes = 0;
  for (auto [type, constant] : llvm::zip_equal(
           func::FuncOp(process.kernel).getArgumentTypes(), process.constants))
    if (constant < 0)
      bytes += getArrayExtent(type) *
               getElementBytes(cast<MemRefType>(type).getElementType());
  return bytes;
}

/// Estimates by kernel.
using Estimates = llvm::MapVector<Operation *, Estimate>;

static std::string printDescription(const ProjectLayout &project,
                                    const Estimates &estimates) {
  const Dataflow &dataflow = project.dataflow;
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os, 2);
  auto list = [&](StringRef key, ArrayRef<Port> ports) {
    json.attributeArray(key, [&] {
      for (auto [index, port] : llvm::enumerate(ports))
        json.object([&] {
          std::string name = port.name;
          if (!llvm::json::isUTF8(name))
            name = llvm::json::fixUTF8(name);
          json.attribute("name", name);
          json.attribute("type", getONNXTypeName(port.type.getElementType()));
          json.attributeArray("shape", [&] {
            for (int64_t size : port.type.getShape())
              json.value(size);
          });
          json.attribute(
              "bytes",
              static_cast<int64_t>(port.count * getElementBytes(port.element)));
          json.attribute("file", std::to_string(index) + ".bin");
          // The file begins with the tensor of the extents in that output.
          if (port.extents >= 0)
            json.attribute("extents", port.extents);
        });
    });
  };
  json.object([&] {
    json.attribute("format", 1);
    json.attribute("program", ProgramOp(dataflow.program).getSymName());
    json.attribute("vendor", getVendorName(project.options.vendor));
    json.attribute("top", project.options.topName);
    json.attribute("build", "make csim");
    json.attribute("run", "./csim INPUT_DIR OUTPUT_DIR");
    list("inputs", dataflow.inputs);
    list("outputs", dataflow.outputs);
    json.attributeArray("processes", [&] {
      for (auto [index, process] : llvm::enumerate(dataflow.processes))
        json.object([&] {
          std::string node = LaunchOp(process.launch).getNode().str();
          json.attribute("name", project.processName(index));
          json.attribute("node", llvm::json::fixUTF8(node));
          json.attribute("kernel", project.kernelNames.lookup(process.kernel));
          const Estimate &estimate = estimates.find(process.kernel)->second;
          auto units = [&](StringRef key,
                           const std::map<std::string, uint64_t> &counts) {
            json.attributeObject(key, [&] {
              for (auto &[operands, count] : counts)
                json.attribute(operands, count);
            });
          };
          units("multipliers", estimate.multipliers);
          units("dividers", estimate.dividers);
          if (estimate.iterations)
            json.attribute("iterations", *estimate.iterations);
          json.attribute("buffer_bytes", countBufferBytes(process));
        });
    });
  });
  os << "\n";
  return text;
}

static std::string printUnits(const std::map<std::string, uint64_t> &counts) {
  SmallVector<std::string> items;
  for (auto &[operands, count] : counts)
    items.push_back(
        (count == 1 ? operands : std::to_string(count) + " * " + operands));
  return items.empty() ? "-" : llvm::join(items, ", ");
}

/// Text in a cell of a table.
static std::string toCell(StringRef text) {
  std::string cell;
  for (char c : toCommentText(text))
    cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

static std::string printReadme(const ProjectLayout &project,
                               const Estimates &estimates) {
  const Dataflow &dataflow = project.dataflow;
  std::string text;
  llvm::raw_string_ostream os(text);
  uint64_t channelBytes = 0, constantBytes = 0;
  for (const Channel &channel : dataflow.channels)
    channelBytes += channel.count * getElementBytes(channel.element);
  for (const Constant &constant : dataflow.constants)
    constantBytes += constant.bytes.size();
  os << "# HLS project of program `" << ProgramOp(dataflow.program).getSymName()
     << "`\n\n"
     << "`" << project.options.topName << ".cpp` holds one function per "
     << "kernel, one process per launch, and the top function `"
     << project.options.topName << "`,\nwhich connects the processes by "
     << "streams. `make csim` builds the C simulation, `make run IN=DIR "
     << "OUT=DIR` runs it.\n\n"
     << "A first estimate, read off the loops, before any tool has seen them. "
     << "A multiplier stands for one operator in the\nsource, by the bits of "
     << "its operands; products with constants and address arithmetic are left "
     << "out. Iterations are\nthose of the innermost loops, at most: clock "
     << "cycles, if each loop starts one per cycle. Buffers are the\nprocess's "
     << "own arrays.\n\n"
     << "| process | node | multipliers | dividers | iterations | buffers, "
     << "bytes |\n|---|---|---|---|---:|---:|\n";
  for (auto [index, process] : llvm::enumerate(dataflow.processes)) {
    const Estimate &estimate = estimates.find(process.kernel)->second;
    os << "| " << project.processName(index) << " | "
       << toCell(LaunchOp(process.launch).getNode()) << " | "
       << printUnits(estimate.multipliers) << " | "
       << printUnits(estimate.dividers) << " | "
       << (estimate.iterations ? std::to_string(*estimate.iterations)
                               : "unknown")
       << " | " << countBufferBytes(process) << " |\n";
  }
  os << "\nChannels hold " << channelBytes << " bytes, constants "
     << constantBytes << " bytes ("
     << (project.constantsAreExternal ? "in memory outside the device"
                                      : "in the source")
     << ").\n";
  return text;
}

void addDescription(const ProjectLayout &project, std::vector<File> &files) {
  Estimates estimates;
  for (auto &[kernel, name] : project.kernelNames)
    estimates[kernel] = estimateKernel(cast<func::FuncOp>(kernel));
  files.push_back({"project.json", printDescription(project, estimates)});
  files.push_back({"README.md", printReadme(project, estimates)});
}

} // namespace qc::hls
