// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The HLS back end's command-line options.
#include "qc/Target/HLS/CommandLine.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace cl = llvm::cl;

namespace qc::hls {

CommandLine::CommandLine()
    : category("HLS options"),
      vendor("hls-vendor",
             cl::desc("Pragmas to print: vitis, catapult or generic"),
             cl::init("vitis"), cl::cat(category)),
      program("hls-program", cl::desc("Program of the HLS project, if several"),
              cl::cat(category)),
      topName("hls-top", cl::desc("Name of the HLS project's top function"),
              cl::init(HLSOptions().topName), cl::cat(category)),
      maxConstantBytes(
          "hls-max-constant-bytes",
          cl::desc("Constants up to this size are arrays in the source"),
          cl::init(HLSOptions().maxConstantBytes), cl::cat(category)),
      vectors("hls-vectors",
              cl::desc("Folder with inputs/N.bin and outputs/N.bin, raw "
                       "tensors to store in the HLS project for `make check`"),
              cl::value_desc("DIR"), cl::cat(category)) {}

/// The files 0.bin, 1.bin, … of a folder, as far as they exist.
static LogicalResult readTensors(Location loc, StringRef directory,
                                 StringRef kind, TensorBytes &tensors) {
  for (;;) {
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, kind, Twine(tensors.size()) + ".bin");
    if (!tensors.empty() && !llvm::sys::fs::exists(path))
      return success();
    auto file = llvm::MemoryBuffer::getFile(path);
    if (!file)
      return emitError(loc)
             << "cannot read '" << path << "': " << file.getError().message();
    StringRef bytes = (*file)->getBuffer();
    tensors.emplace_back(bytes.begin(), bytes.end());
  }
}

FailureOr<HLSOptions> CommandLine::getOptions(Location loc) const {
  HLSOptions options;
  std::optional<Vendor> choice = parseVendor(vendor);
  if (!choice) {
    emitError(loc) << "unknown HLS vendor '" << vendor.getValue()
                   << "'; accepted are vitis, catapult and generic";
    return failure();
  }
  options.vendor = *choice;
  options.program = program;
  options.topName = topName;
  options.maxConstantBytes = maxConstantBytes;
  if (!vectors.empty() &&
      (failed(readTensors(loc, vectors, "inputs", options.inputs)) ||
       failed(readTensors(loc, vectors, "outputs", options.expectedOutputs))))
    return failure();
  return options;
}

} // namespace qc::hls
