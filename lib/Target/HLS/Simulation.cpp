// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a project needs for C simulation: the test bench and its data, the
// Makefile, stored vectors.
#include "ProjectLayout.h"
#include "Scalars.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qc::hls {

/// Files that projects get unchanged.
static const char *const supportHeader =
#include "qc_hls.h.inc"
    ;
static const char *const testBench =
#include "test_bench.cpp.inc"
    ;

static std::string printTestBenchData(const ProjectLayout &project) {
  const Dataflow &dataflow = project.dataflow;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license
     << "// Inputs and outputs of the top function for "
        "test_bench.cpp.\n"
     << "#include \"" << project.options.topName << ".h\"\n\n"
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
  if (project.constantsAreExternal)
    for (const Constant &constant : dataflow.constants) {
      pointer(constant.element, true, "weights + " + Twine(weightBytes));
      weightBytes += llvm::alignTo(constant.bytes.size(), 16);
    }
  os << "\nstatic const std::size_t WEIGHT_BYTES = " << weightBytes << ";\n"
     << "\nstatic void call_top(char *const *inputs, char *const *outputs, "
        "const char *weights) {\n"
     << "  (void)inputs;\n  (void)outputs;\n  (void)weights;\n"
     << "  " << project.options.topName << "("
     << llvm::join(arguments, ",\n      ") << ");\n}\n";
  return text;
}

static std::string printMakefile(const ProjectLayout &project) {
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
override FLAGS = -std=c++14 -ffp-contract=off -Wall -Wno-unknown-pragmas -Wno-unused-label -Wno-tautological-compare

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
             project.options.topName)
      .str();
}

void addSimulationFiles(const ProjectLayout &project,
                        std::vector<File> &files) {
  files.push_back({"qc_hls.h", supportHeader});
  files.push_back({"test_bench.cpp", testBench});
  files.push_back({"test_bench_data.h", printTestBenchData(project)});
  files.push_back({"Makefile", printMakefile(project)});
  auto addVectors = [&](StringRef folder, const TensorBytes &tensors) {
    for (auto [index, bytes] : llvm::enumerate(tensors))
      files.push_back(
          {llvm::formatv("vectors/{0}/{1}.bin", folder, index).str(),
           std::string(bytes.begin(), bytes.end())});
  };
  addVectors("inputs", project.options.inputs);
  addVectors("outputs", project.options.expectedOutputs);
}

} // namespace qc::hls
