// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of everything in a project, and declarations with them.
#include "ProjectLayout.h"
#include "KernelPrinter.h"
#include "Scalars.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qc::hls {

ProjectLayout::ProjectLayout(const Dataflow &dataflow,
                             const HLSOptions &options)
    : dataflow(dataflow), options(options),
      policy(getVendorPolicy(options.vendor)) {
  uint64_t constantBytes = 0;
  for (const Constant &constant : dataflow.constants)
    constantBytes += constant.bytes.size();
  constantsAreExternal = constantBytes > options.maxConstantBytes;

  IdentifierTable table;
  table.add(options.topName);
  for (const Port &port : dataflow.inputs)
    inputNames.push_back(table.add("input_" + port.name));
  for (const Port &port : dataflow.outputs)
    outputNames.push_back(table.add("output_" + port.name));
  for (const Process &process : dataflow.processes)
    if (!kernelNames.contains(process.kernel))
      kernelNames[process.kernel] = table.add(
          "kernel_" + func::FuncOp(process.kernel).getSymName().str());
}

SmallVector<unsigned> ProjectLayout::channelsFrom(unsigned process,
                                                  unsigned argument) const {
  SmallVector<unsigned> result;
  for (auto [index, channel] : llvm::enumerate(dataflow.channels))
    if (channel.producer.process == process &&
        channel.producer.argument == argument)
      result.push_back(index);
  return result;
}

SmallVector<unsigned> ProjectLayout::channelsTo(unsigned process,
                                                unsigned argument) const {
  SmallVector<unsigned> result;
  for (auto [index, channel] : llvm::enumerate(dataflow.channels))
    if (channel.consumer.process == process &&
        channel.consumer.argument == argument)
      result.push_back(index);
  return result;
}

SmallVector<unsigned>
ProjectLayout::externalConstants(const Process &process) const {
  llvm::SmallSetVector<unsigned, 4> result;
  if (constantsAreExternal)
    for (int constant : process.constants)
      if (constant >= 0)
        result.insert(constant);
  return SmallVector<unsigned>(result.getArrayRef());
}

std::string ProjectLayout::arrayParameter(Type element, uint64_t count,
                                          StringRef name, bool isConst) {
  return llvm::formatv("{0}{1} {2}[{3}]", isConst ? "const " : "",
                       *getScalarType(element), name,
                       std::max<uint64_t>(1, count))
      .str();
}

std::string ProjectLayout::channelParameter(unsigned channel) const {
  return "qc::stream<" + *getScalarType(dataflow.channels[channel].element) +
         "> &" + channelName(channel);
}

std::string ProjectLayout::topPrototype() const {
  SmallVector<std::string> parameters;
  for (auto [port, name] : llvm::zip_equal(dataflow.inputs, inputNames))
    parameters.push_back(
        arrayParameter(port.element, port.count, name, /*isConst=*/true));
  for (auto [port, name] : llvm::zip_equal(dataflow.outputs, outputNames))
    parameters.push_back(
        arrayParameter(port.element, port.count, name, /*isConst=*/false));
  if (constantsAreExternal)
    for (auto [index, constant] : llvm::enumerate(dataflow.constants))
      parameters.push_back(arrayParameter(
          constant.element, constantCount(index), constantName(index), true));
  std::string start = "void " + options.topName + "(";
  return start +
         llvm::join(parameters, ",\n" + std::string(start.size(), ' ')) + ")";
}

std::string getONNXTypeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (type.isBF16())
    return "bfloat16";
  if (type.isInteger(1))
    return "bool";
  if (auto integer = dyn_cast<IntegerType>(type))
    return ((integer.isUnsigned() ? "uint" : "int") + Twine(integer.getWidth()))
        .str();
  // MLIR names the variants of a format that ONNX has only one of.
  if (isa<Float4E2M1FNType>(type))
    return "float4e2m1";
  if (isa<Float8E8M0FNUType>(type))
    return "float8e8m0";
  // f8E5M2FNUZ is float8e5m2fnuz.
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return "float" + StringRef(text).drop_front().lower();
}

std::string toCommentText(StringRef text) {
  if (text.empty())
    return "(unnamed)";
  std::string result;
  for (char c : text.take_front(200))
    result += llvm::isPrint(c) ? c : '?';
  // A backslash at the end would continue the comment.
  if (!result.empty() && result.back() == '\\')
    result += '.';
  return result;
}

} // namespace qc::hls
