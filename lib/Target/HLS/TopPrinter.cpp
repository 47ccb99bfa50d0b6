// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The top function of a project: one function per kernel, one process per
// launch, and the function that connects the processes by streams.
#include "KernelPrinter.h"
#include "ProjectLayout.h"
#include "Scalars.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace qc::hls {

namespace {

class TopPrinter {
public:
  TopPrinter(const ProjectLayout &project)
      : project(project), dataflow(project.dataflow), policy(project.policy) {}

  std::string printHeader();
  std::string printSource();

private:
  /// Constants of at most this many elements are kept in registers.
  static constexpr uint64_t maxRegisterElements = 16;

  void printProcess(unsigned index, llvm::raw_ostream &os);
  void printReader(unsigned input, llvm::raw_ostream &os);
  void printWriter(unsigned output, llvm::raw_ostream &os);
  void printTop(llvm::raw_ostream &os);
  void printSends(SourceWriter &writer, ArrayRef<unsigned> channels,
                  StringRef array);
  void printReceives(SourceWriter &writer, ArrayRef<unsigned> channels,
                     StringRef array, Type element);

  const ProjectLayout &project;
  const Dataflow &dataflow;
  const VendorPolicy &policy;
};

} // namespace

/// Writes the parts of `array` that go to `channels`; equal parts in one loop.
void TopPrinter::printSends(SourceWriter &writer, ArrayRef<unsigned> channels,
                            StringRef array) {
  llvm::MapVector<std::pair<uint64_t, uint64_t>, SmallVector<unsigned>> parts;
  for (unsigned index : channels) {
    const Channel &channel = dataflow.channels[index];
    parts[{channel.producer.first, channel.count}].push_back(index);
  }
  for (auto &[part, members] : parts) {
    auto [first, count] = part;
    openLoop(writer, policy,
             ("send_" + array + "_" + Twine(members.front())).str(), "int", "i",
             std::to_string(first), Twine(first + count), "1",
             /*isPipelined=*/true);
    for (unsigned index : members)
      writer.line(project.channelName(index) + ".write(" + array + "[i]);");
    writer.close();
  }
}

/// Fills `array` of `element`s from `channels`.
void TopPrinter::printReceives(SourceWriter &writer,
                               ArrayRef<unsigned> channels, StringRef array,
                               Type element) {
  for (unsigned index : channels) {
    const Channel &channel = dataflow.channels[index];
    uint64_t first = channel.consumer.first;
    openLoop(writer, policy, ("receive_" + array + "_" + Twine(index)).str(),
             "int", "i", std::to_string(first), Twine(first + channel.count),
             "1",
             /*isPipelined=*/true);
    std::string value = project.channelName(index) + ".read()";
    std::string from = *getScalarType(channel.element);
    std::string to = *getScalarType(element);
    if (from != to)
      value = "qc::bit_cast<" + to + ", " + from + ">(" + value + ")";
    writer.line(array + "[i] = " + value + ";");
    writer.close();
  }
}

void TopPrinter::printReader(unsigned input, llvm::raw_ostream &os) {
  SmallVector<unsigned> channels =
      project.channelsFrom(Endpoint::outside, input);
  if (channels.empty())
    return;
  const Port &port = dataflow.inputs[input];
  SourceWriter writer(os);
  os << "\n// Reads input " << input << ".\n";
  std::string parameters = project.arrayParameter(
      port.element, port.count, project.inputNames[input], true);
  for (unsigned channel : channels)
    parameters += ", " + project.channelParameter(channel);
  writer.open("static void read_" + project.inputNames[input] + "(" +
              parameters + ") {");
  writer.directive(policy.keepFunction());
  printSends(writer, channels, project.inputNames[input]);
  writer.close();
}

void TopPrinter::printWriter(unsigned output, llvm::raw_ostream &os) {
  SmallVector<unsigned> channels =
      project.channelsTo(Endpoint::outside, output);
  if (channels.empty())
    return;
  const Port &port = dataflow.outputs[output];
  SourceWriter writer(os);
  os << "\n// Writes output " << output << ".\n";
  std::string parameters = project.arrayParameter(
      port.element, port.count, project.outputNames[output], false);
  for (unsigned channel : channels)
    parameters += ", " + project.channelParameter(channel);
  writer.open("static void write_" + project.outputNames[output] + "(" +
              parameters + ") {");
  writer.directive(policy.keepFunction());
  printReceives(writer, channels, project.outputNames[output], port.element);
  writer.close();
}

void TopPrinter::printProcess(unsigned index, llvm::raw_ostream &os) {
  const Process &process = dataflow.processes[index];
  func::FuncOp kernel = process.kernel;
  LaunchOp launch = process.launch;
  unsigned argumentCount = kernel.getNumArguments();
  SmallVector<std::string> parameters, arguments;
  SmallVector<SmallVector<unsigned>> channels(argumentCount);
  for (unsigned argument = 0; argument < argumentCount; ++argument) {
    bool isResult = argument >= argumentCount - process.resultCount;
    if (process.constants[argument] >= 0) {
      arguments.push_back(project.constantName(process.constants[argument]));
      continue;
    }
    arguments.push_back(((isResult ? "out" : "in") + Twine(argument)).str());
    channels[argument] = isResult ? project.channelsFrom(index, argument)
                                  : project.channelsTo(index, argument);
    for (unsigned channel : channels[argument])
      parameters.push_back(project.channelParameter(channel));
  }
  for (unsigned constant : project.externalConstants(process))
    parameters.push_back(project.arrayParameter(
        dataflow.constants[constant].element, project.constantCount(constant),
        project.constantName(constant), true));

  SourceWriter writer(os);
  os << "\n// Node " << toCommentText(launch.getNode()) << ".\n";
  std::string start = "static void " + project.processName(index) + "(";
  writer.open(start +
              llvm::join(parameters, ",\n" + std::string(start.size(), ' ')) +
              ") {");
  writer.directive(policy.keepFunction());
  // A block of memory for a scale or a zero point would stay empty.
  if (!project.constantsAreExternal)
    for (int constant : llvm::SmallSetVector<int, 8>(process.constants.begin(),
                                                     process.constants.end()))
      if (constant >= 0 &&
          project.constantCount(constant) <= maxRegisterElements)
        writer.directive(
            policy.keepInRegisters(project.constantName(constant)));
  // Buffers are static: block memory in hardware, off the stack in simulation.
  for (unsigned argument = 0; argument < argumentCount; ++argument) {
    auto memref = cast<MemRefType>(kernel.getArgumentTypes()[argument]);
    if (process.constants[argument] < 0)
      writer.line("static " +
                  project.arrayParameter(memref.getElementType(),
                                         memref.getNumElements(),
                                         arguments[argument],
                                         /*isConst=*/false) +
                  ";");
  }
  for (unsigned argument = 0; argument < argumentCount - process.resultCount;
       ++argument)
    printReceives(
        writer, channels[argument], arguments[argument],
        cast<MemRefType>(kernel.getArgumentTypes()[argument]).getElementType());
  writer.line(project.kernelNames.lookup(kernel) + "(" +
              llvm::join(arguments, ", ") + ");");
  for (unsigned argument = argumentCount - process.resultCount;
       argument < argumentCount; ++argument)
    printSends(writer, channels[argument], arguments[argument]);
  writer.close();
}

std::string TopPrinter::printHeader() {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = StringRef(project.options.topName).upper() + "_H";
  os << license << "// The top function. Inputs and outputs:\n";
  auto list = [&](ArrayRef<Port> ports, ArrayRef<std::string> names) {
    for (auto [port, name] : llvm::zip_equal(ports, names)) {
      os << "//   " << name << ": " << toCommentText(port.name) << ", "
         << getONNXTypeName(port.type.getElementType()) << " [";
      llvm::interleaveComma(port.type.getShape(), os);
      os << "]\n";
    }
  };
  list(dataflow.inputs, project.inputNames);
  list(dataflow.outputs, project.outputNames);
  os << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"qc_hls.h\"\n\n"
     << project.topPrototype() << ";\n\n#endif // " << guard << "\n";
  return text;
}

std::string TopPrinter::printSource() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license << "// Kernels, processes and the top function.\n"
     << "#include \"" << project.options.topName << ".h\"\n";
  if (!project.constantsAreExternal && !dataflow.constants.empty())
    os << "#include \"weights.h\"\n";
  for (auto &[kernel, name] : project.kernelNames) {
    os << "\n";
    printKernelComment(cast<func::FuncOp>(kernel), os);
    printKernel(cast<func::FuncOp>(kernel), name, policy, os);
  }
  for (unsigned input = 0; input < dataflow.inputs.size(); ++input)
    printReader(input, os);
  for (unsigned process = 0; process < dataflow.processes.size(); ++process)
    printProcess(process, os);
  for (unsigned output = 0; output < dataflow.outputs.size(); ++output)
    printWriter(output, os);

  printTop(os);
  return text;
}

void TopPrinter::printTop(llvm::raw_ostream &os) {
  os << "\n// All processes run concurrently. Each channel can hold all that "
        "its producer\n// writes: with less, a process could wait for a value "
        "behind one that\n// nobody takes.\n";
  SourceWriter writer(os);
  writer.directive(policy.beforeTop());
  writer.open(project.topPrototype() + " {");
  for (const std::string &name : project.inputNames)
    writer.directive(policy.interface(name, /*isExternal=*/false));
  for (const std::string &name : project.outputNames)
    writer.directive(policy.interface(name, /*isExternal=*/false));
  if (project.constantsAreExternal)
    for (unsigned constant = 0; constant < dataflow.constants.size();
         ++constant)
      writer.directive(policy.interface(project.constantName(constant),
                                        /*isExternal=*/true));
  writer.directive(policy.dataflow());
  for (auto [index, channel] : llvm::enumerate(dataflow.channels)) {
    writer.line("qc::stream<" + *getScalarType(channel.element) + "> " +
                project.channelName(index) + ";");
    writer.directive(
        policy.channelDepth(project.channelName(index), channel.count));
  }
  auto outside = [&](StringRef function, StringRef array,
                     ArrayRef<unsigned> channels) {
    if (channels.empty())
      return;
    std::string arguments = array.str();
    for (unsigned channel : channels)
      arguments += ", " + project.channelName(channel);
    writer.line(function + array + "(" + arguments + ");");
  };
  for (auto [index, name] : llvm::enumerate(project.inputNames))
    outside("read_", name, project.channelsFrom(Endpoint::outside, index));
  for (auto [index, process] : llvm::enumerate(dataflow.processes)) {
    SmallVector<std::string> arguments;
    unsigned argumentCount = func::FuncOp(process.kernel).getNumArguments();
    for (unsigned argument = 0; argument < argumentCount; ++argument) {
      bool isResult = argument >= argumentCount - process.resultCount;
      for (unsigned channel : isResult ? project.channelsFrom(index, argument)
                                       : project.channelsTo(index, argument))
        arguments.push_back(project.channelName(channel));
    }
    for (unsigned constant : project.externalConstants(process))
      arguments.push_back(project.constantName(constant));
    writer.line(project.processName(index) + "(" + llvm::join(arguments, ", ") +
                ");");
  }
  for (auto [index, name] : llvm::enumerate(project.outputNames))
    outside("write_", name, project.channelsTo(Endpoint::outside, index));
  writer.close();
}

void addTopFiles(const ProjectLayout &project, std::vector<File> &files) {
  TopPrinter printer(project);
  files.push_back({project.options.topName + ".h", printer.printHeader()});
  files.push_back({project.options.topName + ".cpp", printer.printSource()});
}

} // namespace qc::hls
