// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The constants of a project.
#include "ProjectLayout.h"
#include "Scalars.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qc::hls {

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

static std::string printWeightsHeader(const ProjectLayout &project) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << license << "// Constants as read-only arrays.\n"
     << "#ifndef WEIGHTS_H\n#define WEIGHTS_H\n\n#include \"qc_hls.h\"\n";
  for (auto [index, constant] : llvm::enumerate(project.dataflow.constants)) {
    os << "\nstatic "
       << project.arrayParameter(constant.element, project.constantCount(index),
                                 project.constantName(index), true)
       << " = {\n";
    if (!constant.bytes.empty())
      os << "#include \"" << constantFile(index) << "\"\n";
    os << "};\n";
  }
  os << "\n#endif // WEIGHTS_H\n";
  return text;
}

/// The layout in which the test bench finds the arguments of the top function.
static std::string packBytes(ArrayRef<Constant> constants) {
  std::string bytes;
  for (const Constant &constant : constants) {
    bytes.append(constant.bytes.begin(), constant.bytes.end());
    bytes.resize(llvm::alignTo(bytes.size(), 16));
  }
  return bytes;
}

void addWeightFiles(const ProjectLayout &project, std::vector<File> &files) {
  ArrayRef<Constant> constants = project.dataflow.constants;
  if (project.constantsAreExternal) {
    files.push_back({"weights.bin", packBytes(constants)});
  } else if (!constants.empty()) {
    files.push_back({"weights.h", printWeightsHeader(project)});
    for (auto [index, constant] : llvm::enumerate(constants))
      files.push_back({constantFile(index), printElements(constant)});
  }
}

} // namespace qc::hls
