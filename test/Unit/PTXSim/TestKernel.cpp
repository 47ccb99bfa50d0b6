// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See TestKernel.h.
#include "TestKernel.h"

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

void Family::run() {
  const std::string module = ".version " + version + "\n.target " + arch +
                             "\n.address_size 64\n" + declarations + text_;
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
