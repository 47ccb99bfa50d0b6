// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes a program as an HLS project: kernels, one process per launch, a top
// function that connects them by streams, constants, test bench, Makefile.
//
// All text is made before the first file is written, from a legalized copy of
// the module, so that an error leaves no half project.
#include "Dataflow.h"
#include "Expressions.h"
#include "KernelPrinter.h"
#include "Legality.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace qc::hls {

/// Files that projects get unchanged.
static const char *const supportHeader =
#include "qc_hls.h.inc"
    ;
static const char *const testBench =
#include "test_bench.cpp.inc"
    ;

static const char *const license =
    "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n//\n";

namespace {

/// A file of the project: its path inside the folder and its content.
struct File {
  std::string path;
  std::string content;
};

class ProjectPrinter {
public:
  ProjectPrinter(const Dataflow &dataflow, const HLSOptions &options)
      : dataflow(dataflow), options(options),
        policy(getVendorPolicy(options.vendor)) {}

  std::vector<File> print();

private:
  std::string printTopHeader();
  std::string printTopSource();
  std::string printWeightsHeader();
  std::string printTestBenchData();
  std::string printMakefile();
  std::string printDescription();

  void nameEverything();
  void printProcess(unsigned index, llvm::raw_ostream &os);
  void printReader(unsigned input, llvm::raw_ostream &os);
  void printWriter(unsigned output, llvm::raw_ostream &os);
  void printSends(SourceWriter &writer, ArrayRef<unsigned> channels,
                  StringRef array);
  void printReceives(SourceWriter &writer, ArrayRef<unsigned> channels,
                     StringRef array, Type element);
  /// The prototype of the top function, without `;` or `{`.
  std::string topPrototype() const;
  std::string arrayParameter(Type element, uint64_t count, StringRef name,
                             bool isConst) const;
  std::string channelParameter(unsigned channel) const {
    return "qc::stream<" + *getScalarType(dataflow.channels[channel].element) +
           "> &" + channelName(channel);
  }
  static std::string channelName(unsigned channel) {
    return ("channel_" + Twine(channel)).str();
  }
  static std::string constantName(unsigned constant) {
    return ("weights_" + Twine(constant)).str();
  }
  static std::string processName(unsigned process) {
    return ("process_" + Twine(process)).str();
  }
  uint64_t constantCount(unsigned constant) const {
    const Constant &array = dataflow.constants[constant];
    return array.bytes.size() / getElementBytes(array.element);
  }
  /// Channels that start or end at one argument of a process, or outside.
  SmallVector<unsigned> channelsFrom(unsigned process, unsigned argument) const;
  SmallVector<unsigned> channelsTo(unsigned process, unsigned argument) const;
  /// Distinct constants of a process in order of use.
  SmallVector<unsigned> externalConstants(const Process &process) const;

  const Dataflow &dataflow;
  const HLSOptions &options;
  const VendorPolicy &policy;
  /// Constants are arguments of the top function instead of arrays.
  bool constantsAreExternal = false;
  std::vector<std::string> inputNames, outputNames;
  llvm::MapVector<Operation *, std::string> kernelNames;
};

} // namespace

//===----------------------------------------------------------------------===//
// Names and types
//===----------------------------------------------------------------------===//

/// The ONNX name of an element type (TensorProto.DataType, lower case).
static std::string getONNXTypeName(Type type) {
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  if (type.isF16())
    return "float16";
  if (type.isBF16())
    return "bfloat16";
  if (type.isInteger(1))
    return "bool";
  if (auto integer = dyn_cast<IntegerType>(type))
    return ((integer.isUnsigned() ? "uint" : "int") + Twine(integer.getWidth()))
        .str();
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

void ProjectPrinter::nameEverything() {
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

SmallVector<unsigned> ProjectPrinter::channelsFrom(unsigned process,
                                                   unsigned argument) const {
  SmallVector<unsigned> result;
  for (auto [index, channel] : llvm::enumerate(dataflow.channels))
    if (channel.producer.process == process &&
        channel.producer.argument == argument)
      result.push_back(index);
  return result;
}

SmallVector<unsigned> ProjectPrinter::channelsTo(unsigned process,
                                                 unsigned argument) const {
  SmallVector<unsigned> result;
  for (auto [index, channel] : llvm::enumerate(dataflow.channels))
    if (channel.consumer.process == process &&
        channel.consumer.argument == argument)
      result.push_back(index);
  return result;
}

SmallVector<unsigned>
ProjectPrinter::externalConstants(const Process &process) const {
  llvm::SmallSetVector<unsigned, 4> result;
  if (constantsAreExternal)
    for (int constant : process.constants)
      if (constant >= 0)
        result.insert(constant);
  return SmallVector<unsigned>(result.getArrayRef());
}

std::string ProjectPrinter::arrayParameter(Type element, uint64_t count,
                                           StringRef name, bool isConst) const {
  return llvm::formatv("{0}{1} {2}[{3}]", isConst ? "const " : "",
                       *getScalarType(element), name,
                       std::max<uint64_t>(1, count))
      .str();
}

std::string ProjectPrinter::topPrototype() const {
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

//===----------------------------------------------------------------------===//
// Processes
//===----------------------------------------------------------------------===//

/// Writes the parts of `array` that go to `channels`; equal parts in one loop.
void ProjectPrinter::printSends(SourceWriter &writer,
                                ArrayRef<unsigned> channels, StringRef array) {
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
      writer.line(channelName(index) + ".write(" + array + "[i]);");
    writer.close();
  }
}

/// Fills `array` of `element`s from `channels`.
void ProjectPrinter::printReceives(SourceWriter &writer,
                                   ArrayRef<unsigned> channels, StringRef array,
                                   Type element) {
  for (unsigned index : channels) {
    const Channel &channel = dataflow.channels[index];
    uint64_t first = channel.consumer.first;
    openLoop(writer, policy, ("receive_" + array + "_" + Twine(index)).str(),
             "int", "i", std::to_string(first), Twine(first + channel.count),
             "1",
             /*isPipelined=*/true);
    std::string value = channelName(index) + ".read()";
    std::string from = *getScalarType(channel.element);
    std::string to = *getScalarType(element);
    if (from != to)
      value = "qc::bit_cast<" + to + ", " + from + ">(" + value + ")";
    writer.line(array + "[i] = " + value + ";");
    writer.close();
  }
}

void ProjectPrinter::printReader(unsigned input, llvm::raw_ostream &os) {
  SmallVector<unsigned> channels = channelsFrom(Endpoint::outside, input);
  if (channels.empty())
    return;
  const Port &port = dataflow.inputs[input];
  SourceWriter writer(os);
  os << "\n// Reads input " << input << ".\n";
  std::string parameters =
      arrayParameter(port.element, port.count, inputNames[input], true);
  for (unsigned channel : channels)
    parameters += ", " + channelParameter(channel);
  writer.open("static void read_" + inputNames[input] + "(" + parameters +
              ") {");
  writer.directive(policy.keepFunction());
  printSends(writer, channels, inputNames[input]);
  writer.close();
}

void ProjectPrinter::printWriter(unsigned output, llvm::raw_ostream &os) {
  SmallVector<unsigned> channels = channelsTo(Endpoint::outside, output);
  if (channels.empty())
    return;
  const Port &port = dataflow.outputs[output];
  SourceWriter writer(os);
  os << "\n// Writes output " << output << ".\n";
  std::string parameters =
      arrayParameter(port.element, port.count, outputNames[output], false);
  for (unsigned channel : channels)
    parameters += ", " + channelParameter(channel);
  writer.open("static void write_" + outputNames[output] + "(" + parameters +
              ") {");
  writer.directive(policy.keepFunction());
  printReceives(writer, channels, outputNames[output], port.element);
  writer.close();
}

/// One line of a comment: names from the model may hold anything, or nothing.
static std::string toCommentText(StringRef text) {
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

void ProjectPrinter::printProcess(unsigned index, llvm::raw_ostream &os) {
  const Process &process = dataflow.processes[index];
  func::FuncOp kernel = process.kernel;
  LaunchOp launch = process.launch;
  unsigned argumentCount = kernel.getNumArguments();
  SmallVector<std::string> parameters, arguments;
  SmallVector<SmallVector<unsigned>> channels(argumentCount);
  for (unsigned argument = 0; argument < argumentCount; ++argument) {
    bool isResult = argument >= argumentCount - process.resultCount;
    if (process.constants[argument] >= 0) {
      arguments.push_back(constantName(process.constants[argument]));
      continue;
    }
    arguments.push_back(((isResult ? "out" : "in") + Twine(argument)).str());
    channels[argument] =
        isResult ? channelsFrom(index, argument) : channelsTo(index, argument);
    for (unsigned channel : channels[argument])
      parameters.push_back(channelParameter(channel));
  }
  for (unsigned constant : externalConstants(process))
    parameters.push_back(arrayParameter(dataflow.constants[constant].element,
                                        constantCount(constant),
                                        constantName(constant), true));

  SourceWriter writer(os);
  os << "\n// Node " << toCommentText(launch.getNode()) << ".\n";
  std::string start = "static void " + processName(index) + "(";
  writer.open(start +
              llvm::join(parameters, ",\n" + std::string(start.size(), ' ')) +
              ") {");
  writer.directive(policy.keepFunction());
  // Buffers are static: block memory in hardware, off the stack in simulation.
  for (unsigned argument = 0; argument < argumentCount; ++argument) {
    auto memref = cast<MemRefType>(kernel.getArgumentTypes()[argument]);
    if (process.constants[argument] < 0)
      writer.line("static " +
                  arrayParameter(memref.getElementType(),
                                 memref.getNumElements(), arguments[argument],
                                 /*isConst=*/false) +
                  ";");
  }
  for (unsigned argument = 0; argument < argumentCount - process.resultCount;
       ++argument)
    printReceives(
        writer, channels[argument], arguments[argument],
        cast<MemRefType>(kernel.getArgumentTypes()[argument]).getElementType());
  writer.line(kernelNames.lookup(kernel) + "(" + llvm::join(arguments, ", ") +
              ");");
  for (unsigned argument = argumentCount - process.resultCount;
       argument < argumentCount; ++argument)
    printSends(writer, channels[argument], arguments[argument]);
  writer.close();
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

std::string ProjectPrinter::printTopHeader() {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = StringRef(options.topName).upper() + "_H";
  os << license << "// The top function. Inputs and outputs:\n";
  auto list = [&](ArrayRef<Port> ports, ArrayRef<std::string> names) {
    for (auto [port, name] : llvm::zip_equal(ports, names)) {
      os << "//   " << name << ": " << toCommentText(port.name) << ", "
         << getONNXTypeName(port.type.getElementType()) << " [";
      llvm::interleaveComma(port.type.getShape(), os);
      os << "]\n";
    }
  };
  list(dataflow.inputs, inputNames);
  list(dataflow.outputs, outputNames);
  os << "#ifndef " << guard << "\n#define " << guard << "\n\n"
     << "#include \"qc_hls.h\"\n\n"
     << topPrototype() << ";\n\n#endif // " << guard << "\n";
  return text;
}

std::string ProjectPrinter::printTopSource() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license << "// Kernels, processes and the top function.\n"
     << "#include \"" << options.topName << ".h\"\n";
  if (!constantsAreExternal && !dataflow.constants.empty())
    os << "#include \"weights.h\"\n";
  for (auto &[kernel, name] : kernelNames) {
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

  os << "\n// All processes run concurrently. Each channel can hold all that "
        "its producer\n// writes: with less, a process could wait for a value "
        "behind one that\n// nobody takes.\n";
  SourceWriter writer(os);
  writer.directive(policy.beforeTop());
  writer.open(topPrototype() + " {");
  for (const std::string &name : inputNames)
    writer.directive(policy.interface(name, /*isExternal=*/false));
  for (const std::string &name : outputNames)
    writer.directive(policy.interface(name, /*isExternal=*/false));
  if (constantsAreExternal)
    for (unsigned constant = 0; constant < dataflow.constants.size();
         ++constant)
      writer.directive(
          policy.interface(constantName(constant), /*isExternal=*/true));
  writer.directive(policy.dataflow());
  for (auto [index, channel] : llvm::enumerate(dataflow.channels)) {
    writer.line("qc::stream<" + *getScalarType(channel.element) + "> " +
                channelName(index) + ";");
    writer.directive(policy.channelDepth(channelName(index), channel.count));
  }
  auto outside = [&](StringRef function, StringRef array,
                     ArrayRef<unsigned> channels) {
    if (channels.empty())
      return;
    std::string arguments = array.str();
    for (unsigned channel : channels)
      arguments += ", " + channelName(channel);
    writer.line(function + array + "(" + arguments + ");");
  };
  for (auto [index, name] : llvm::enumerate(inputNames))
    outside("read_", name, channelsFrom(Endpoint::outside, index));
  for (auto [index, process] : llvm::enumerate(dataflow.processes)) {
    SmallVector<std::string> arguments;
    unsigned argumentCount = func::FuncOp(process.kernel).getNumArguments();
    for (unsigned argument = 0; argument < argumentCount; ++argument) {
      bool isResult = argument >= argumentCount - process.resultCount;
      for (unsigned channel : isResult ? channelsFrom(index, argument)
                                       : channelsTo(index, argument))
        arguments.push_back(channelName(channel));
    }
    for (unsigned constant : externalConstants(process))
      arguments.push_back(constantName(constant));
    writer.line(processName(index) + "(" + llvm::join(arguments, ", ") + ");");
  }
  for (auto [index, name] : llvm::enumerate(outputNames))
    outside("write_", name, channelsTo(Endpoint::outside, index));
  writer.close();
  return text;
}

/// The elements of a constant as initializers: integers as decimal digits,
/// 16-bit floats as their bits, other floats so that they read back exactly.
static std::string printElements(const Constant &constant) {
  uint64_t size = getElementBytes(constant.element);
  std::string text;
  unsigned column = 0;
  for (uint64_t offset = 0; offset + size <= constant.bytes.size();
       offset += size) {
    uint64_t bits = 0;
    for (uint64_t byte = 0; byte < size; ++byte)
      bits |= uint64_t(uint8_t(constant.bytes[offset + byte])) << (8 * byte);
    llvm::APInt value(8 * size, bits);
    std::string element;
    if (constant.element.isF16() || constant.element.isBF16())
      element = "{" + std::to_string(bits) + "}";
    else if (auto type = dyn_cast<FloatType>(constant.element))
      element = getFloatLiteral(llvm::APFloat(type.getFloatSemantics(), value));
    else
      element = getIntegerLiteral(value);
    if (column + element.size() > 98) {
      text += '\n';
      column = 0;
    }
    text += element + ",";
    column += element.size() + 1;
  }
  text += '\n';
  return text;
}

static std::string constantFile(unsigned constant) {
  return llvm::formatv("weights/weights_{0}.inc", constant).str();
}

std::string ProjectPrinter::printWeightsHeader() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license << "// Constants as read-only arrays.\n"
     << "#ifndef WEIGHTS_H\n#define WEIGHTS_H\n\n#include \"qc_hls.h\"\n";
  for (auto [index, constant] : llvm::enumerate(dataflow.constants)) {
    os << "\nstatic "
       << arrayParameter(constant.element, constantCount(index),
                         constantName(index), true)
       << " = {\n";
    if (!constant.bytes.empty())
      os << "#include \"" << constantFile(index) << "\"\n";
    os << "};\n";
  }
  os << "\n#endif // WEIGHTS_H\n";
  return text;
}

std::string ProjectPrinter::printTestBenchData() {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license
     << "// Inputs and outputs of the top function for "
        "test_bench.cpp.\n"
     << "#include \"" << options.topName << ".h\"\n\n"
     << "struct Tensor {\n  const char *name;\n  std::size_t bytes;\n"
     << "  int element_bytes;\n"
     << "  // The bits of infinity of a floating-point type, else 0.\n"
     << "  unsigned long long infinity;\n};\n";
  auto list = [&](StringRef prefix, ArrayRef<Port> ports) {
    os << "\nstatic const int " << prefix << "_COUNT = " << ports.size()
       << ";\nstatic const Tensor " << prefix << "S[] = {\n";
    for (const Port &port : ports) {
      uint64_t infinity = 0;
      if (auto type = dyn_cast<FloatType>(port.element))
        infinity = llvm::APFloat::getInf(type.getFloatSemantics())
                       .bitcastToAPInt()
                       .getZExtValue();
      uint64_t size = getElementBytes(port.element);
      os << "    {\"";
      // Octal escapes end after three digits, whatever follows.
      os.write_escaped(port.name);
      os << "\", " << port.count * size << ", " << size << ", " << infinity
         << "ull},\n";
    }
    // C++ has no empty arrays.
    os << "    {nullptr, 0, 1, 0},\n};\n";
  };
  list("INPUT", dataflow.inputs);
  list("OUTPUT", dataflow.outputs);
  uint64_t weightBytes = 0;
  SmallVector<std::string> arguments;
  auto pointer = [&](Type element, bool isConst, const Twine &source) {
    arguments.push_back(("reinterpret_cast<" + Twine(isConst ? "const " : "") +
                         *getScalarType(element) + " *>(" + source + ")")
                            .str());
  };
  for (auto [index, port] : llvm::enumerate(dataflow.inputs))
    pointer(port.element, true, "inputs[" + Twine(index) + "]");
  for (auto [index, port] : llvm::enumerate(dataflow.outputs))
    pointer(port.element, false, "outputs[" + Twine(index) + "]");
  if (constantsAreExternal)
    for (const Constant &constant : dataflow.constants) {
      pointer(constant.element, true, "weights + " + Twine(weightBytes));
      weightBytes += llvm::alignTo(constant.bytes.size(), 16);
    }
  os << "\nstatic const std::size_t WEIGHT_BYTES = " << weightBytes << ";\n"
     << "\nstatic void call_top(char *const *inputs, char *const *outputs, "
        "const char *weights) {\n"
     << "  (void)inputs;\n  (void)outputs;\n  (void)weights;\n"
     << "  " << options.topName << "(" << llvm::join(arguments, ",\n      ")
     << ");\n}\n";
  return text;
}

std::string ProjectPrinter::printMakefile() {
  return llvm::formatv(
             R"MAKE(# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
#   make csim                       build the C simulation (CXX=g++ or clang++)
#   make run IN=DIR OUT=DIR         run it on DIR/0.bin, DIR/1.bin, ...
#   make check                      compare with the stored vectors, if any
# Folders are relative to this one. No contraction: a fused multiply-add rounds
# once where the kernels round twice.
CXX = g++
CXXFLAGS = -O2
override FLAGS = -std=c++14 -ffp-contract=off -Wall -Wno-unknown-pragmas -Wno-unused-label

csim: {0}.cpp {0}.h qc_hls.h test_bench.cpp test_bench_data.h $(wildcard weights.h weights/*.inc)
	$(CXX) $(CXXFLAGS) $(FLAGS) -o $@ {0}.cpp test_bench.cpp

run: csim
	mkdir -p "$(OUT)"
	./csim "$(IN)" "$(OUT)"

check: csim
	./csim --check vectors/inputs vectors/outputs

clean:
	rm -f csim

.PHONY: run check clean
)MAKE",
             options.topName)
      .str();
}

std::string ProjectPrinter::printDescription() {
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
        });
    });
  };
  json.object([&] {
    json.attribute("format", 1);
    json.attribute("program", ProgramOp(dataflow.program).getSymName());
    json.attribute("vendor", getVendorName(options.vendor));
    json.attribute("top", options.topName);
    json.attribute("build", "make csim");
    json.attribute("run", "./csim INPUT_DIR OUTPUT_DIR");
    list("inputs", dataflow.inputs);
    list("outputs", dataflow.outputs);
    json.attributeArray("processes", [&] {
      for (auto [index, process] : llvm::enumerate(dataflow.processes))
        json.object([&] {
          std::string node = LaunchOp(process.launch).getNode().str();
          json.attribute("name", processName(index));
          json.attribute("node", llvm::json::fixUTF8(node));
          json.attribute("kernel", kernelNames.lookup(process.kernel));
        });
    });
  });
  os << "\n";
  return text;
}

std::vector<File> ProjectPrinter::print() {
  nameEverything();
  std::vector<File> files;
  files.push_back({"qc_hls.h", supportHeader});
  files.push_back({options.topName + ".h", printTopHeader()});
  files.push_back({options.topName + ".cpp", printTopSource()});
  if (!constantsAreExternal && !dataflow.constants.empty()) {
    files.push_back({"weights.h", printWeightsHeader()});
    for (auto [index, constant] : llvm::enumerate(dataflow.constants))
      files.push_back({constantFile(index), printElements(constant)});
  }
  files.push_back({"test_bench.cpp", testBench});
  files.push_back({"test_bench_data.h", printTestBenchData()});
  files.push_back({"Makefile", printMakefile()});
  files.push_back({"project.json", printDescription()});
  if (constantsAreExternal) {
    std::string bytes;
    for (const Constant &constant : dataflow.constants) {
      bytes.append(constant.bytes.begin(), constant.bytes.end());
      bytes.resize(llvm::alignTo(bytes.size(), 16));
    }
    files.push_back({"weights.bin", std::move(bytes)});
  }
  auto addVectors = [&](StringRef folder, const TensorBytes &tensors) {
    for (auto [index, bytes] : llvm::enumerate(tensors))
      files.push_back(
          {llvm::formatv("vectors/{0}/{1}.bin", folder, index).str(),
           std::string(bytes.begin(), bytes.end())});
  };
  addVectors("inputs", options.inputs);
  addVectors("outputs", options.expectedOutputs);
  return files;
}

//===----------------------------------------------------------------------===//
// Entry point
//===----------------------------------------------------------------------===//

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
  return ProjectPrinter(*dataflow, options).print();
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
