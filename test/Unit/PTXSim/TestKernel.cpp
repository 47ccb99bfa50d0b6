// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TestKernel.h.
#include "TestKernel.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace ptxtest {

std::string assemble(const std::string &text, const std::string &arch) {
  const std::string ptxas = QC_PTXAS;
  if (ptxas.empty())
    return "";
  const char *folder = std::getenv("TMPDIR");
  std::string path =
      std::string(folder ? folder : "/tmp") + "/qc-ptxsim-XXXXXX";
  const int file = mkstemp(path.data());
  if (file < 0)
    return "cannot create a temporary file";
  close(file);
  std::ofstream(path) << text;
  const std::string command =
      "'" + ptxas + "' -arch=" + arch + " '" + path + "' -o /dev/null 2>&1";
  std::string output;
  if (FILE *pipe = popen(command.c_str(), "r")) {
    char buffer[512];
    while (size_t count = fread(buffer, 1, sizeof buffer, pipe))
      output.append(buffer, count);
    const int status = pclose(pipe);
    if (status == 0)
      output.clear();
    else if (output.empty())
      output = "ptxas failed without a message";
  } else {
    output = "cannot run ptxas";
  }
  unlink(path.c_str());
  return output;
}

std::string readInput(const std::string &name) {
  std::ifstream file(std::string(QC_PTXSIM_INPUTS) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

namespace {

/// Limits, signs, special values and random ones.
std::vector<uint64_t> interesting(TypeInfo type, size_t randomOnes) {
  std::vector<uint64_t> values;
  const unsigned width = type.bytes * 8;
  const uint64_t mask = width == 64 ? UINT64_MAX : (uint64_t(1) << width) - 1;
  switch (type.kind) {
  case TypeInfo::Single:
    values = {0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x7F800000,
              0xFF800000, 0x7FC00000, 0x00000001, 0x807FFFFF, 0x00800000,
              0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0xBFC00000, 0x40200000,
              0x4F000000, 0xCF000001, 0x4B7FFFFF, 0x3DCCCCCD, 0x42FF0000};
    break;
  case TypeInfo::Double:
    for (double value : {0.0,
                         -0.0,
                         1.0,
                         -1.5,
                         0.1,
                         2.5,
                         -2147483649.0,
                         4294967296.5,
                         9.3e18,
                         1e300,
                         -1e-310,
                         4.9e-324,
                         0.5,
                         65504.0,
                         65520.0,
                         3.4028235677973366e38,
                         1e-45,
                         double(INFINITY),
                         -double(INFINITY),
                         double(NAN)})
      values.push_back(std::bit_cast<uint64_t>(value));
    break;
  case TypeInfo::HalfKind:
    values = {0x0000, 0x8000, 0x3C00, 0xBC00, 0x7C00, 0xFC00, 0x7E00, 0x0001,
              0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3800, 0x3555, 0x6400, 0x57FF};
    break;
  case TypeInfo::BrainKind:
    values = {0x0000, 0x8000, 0x3F80, 0xBF80, 0x7F80, 0xFF80, 0x7FC0, 0x0001,
              0x8040, 0x0080, 0x7F7F, 0xFF7F, 0x3F00, 0x3EAB, 0x4300, 0x42FF};
    break;
  case TypeInfo::Integer:
    values = {0,
              1,
              UINT64_MAX & mask,
              2,
              31,
              32,
              63,
              64,
              255 & mask,
              uint64_t(1) << (width - 1),
              (uint64_t(1) << (width - 1)) - 1,
              0x12345678 & mask,
              0xF0E1D2C3B4A59687 & mask};
    break;
  }
  std::mt19937_64 random(type.bytes * 7919 + randomOnes);
  for (size_t i = 0; i < randomOnes; ++i)
    values.push_back(random() & mask);
  return values;
}

std::string registerType(TypeInfo type) {
  return ".b" + std::to_string(std::max(16u, type.bytes * 8));
}

std::string memoryType(TypeInfo type) {
  const bool extended = type.bytes == 1 && type.isSigned;
  return (extended          ? ".s"
          : type.bytes == 1 ? ".u"
                            : ".b") +
         std::to_string(type.bytes * 8);
}

} // namespace

Family::Kernel &Family::add(const std::string &body, TypeInfo result,
                            const std::vector<TypeInfo> &operands) {
  Kernel kernel;
  kernel.name = "k" + std::to_string(kernels.size());
  kernel.body = body;
  kernel.arity = operands.size();
  const size_t randomOnes = kernel.arity == 1   ? 200
                            : kernel.arity == 2 ? 12
                                                : 2;
  std::vector<std::vector<uint64_t>> values;
  kernel.count = 1;
  for (TypeInfo type : operands) {
    values.push_back(interesting(type, randomOnes));
    kernel.count *= values.back().size();
  }
  for (size_t i = 0; i < kernel.count; ++i) {
    size_t rest = i;
    for (const std::vector<uint64_t> &choices : values) {
      kernel.inputs.push_back(choices[rest % choices.size()]);
      rest /= choices.size();
    }
  }
  text += ".visible .entry " + kernel.name +
          "(.param .u64 in, .param .u64 out)\n{\n"
          ".reg .pred %p<8>;\n.reg .b16 %h<8>;\n"
          ".reg .b32 %t<8>;\n.reg .b64 %u<8>;\n"
          ".reg .b32 %index;\n.reg .b64 %in, %out, %offset;\n";
  for (size_t i = 0; i < operands.size(); ++i)
    text +=
        ".reg " + registerType(operands[i]) + " %a" + std::to_string(i) + ";\n";
  text += ".reg " + registerType(result) + " %x;\n";
  text += "ld.param.u64 %in, [in];\nld.param.u64 %out, [out];\n"
          "mov.u32 %index, %ctaid.x;\nmov.u32 %t0, %ntid.x;\n"
          "mov.u32 %t1, %tid.x;\nmad.lo.u32 %index, %index, %t0, %t1;\n"
          "setp.ge.u32 %p0, %index, " +
          std::to_string(kernel.count) +
          ";\n@%p0 ret;\n"
          "mul.wide.u32 %offset, %index, 8;\nadd.u64 %out, %out, %offset;\n"
          "mul.lo.u64 %offset, %offset, " +
          std::to_string(kernel.arity) + ";\nadd.u64 %in, %in, %offset;\n";
  for (size_t i = 0; i < operands.size(); ++i)
    text += "ld.global" + memoryType(operands[i]) + " %a" + std::to_string(i) +
            ", [%in+" + std::to_string(8 * i) + "];\n";
  text += body + "\nst.global" + memoryType(result) + " [%out], %x;\nret;\n}\n";
  kernels.push_back(std::move(kernel));
  return kernels.back();
}

void Family::run() {
  const std::string module = ".version " + version + "\n.target " + arch +
                             "\n.address_size 64\n" + declarations + text;
  EXPECT_EQ(assemble(module, arch), "");
  auto parsed = qcrt::PtxModule::parse(module, "family.ptx");
  ASSERT_TRUE(parsed) << parsed.error().str();
  for (const Kernel &kernel : kernels) {
    qcrt::PtxMemory memory;
    std::vector<uint64_t> results(kernel.count, 0);
    auto in = memory.mapReadOnly(kernel.inputs.data(), kernel.inputs.size() * 8,
                                 "in");
    auto out = memory.map(results.data(), results.size() * 8, "out");
    ASSERT_TRUE(in && out);
    constexpr uint32_t blockSize = 128;
    const auto blocks =
        static_cast<uint32_t>((kernel.count + blockSize - 1) / blockSize);
    auto run = parsed->launch(memory, kernel.name, {blocks}, {blockSize},
                              qcrt::PtxArguments().add(*in).add(*out));
    ASSERT_TRUE(run) << kernel.body << "\n" << run.error().str();
    unsigned shown = 0;
    for (size_t i = 0; i < kernel.count && shown < 3; ++i) {
      if (kernel.expectNan[i] ? kernel.isNan(results[i])
                              : results[i] == kernel.expected[i])
        continue;
      ++shown;
      std::ostringstream operands;
      operands << std::hex;
      for (size_t j = 0; j < kernel.arity; ++j)
        operands << " 0x" << kernel.inputs[i * kernel.arity + j];
      ADD_FAILURE() << kernel.body << "\n  operands:" << operands.str()
                    << std::hex << "\n  result 0x" << results[i]
                    << ", expected 0x" << kernel.expected[i];
    }
  }
}

} // namespace ptxtest
