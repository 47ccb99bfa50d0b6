// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a kernel over named buffers, for tests whose kernels are whole programs.
#ifndef QC_TEST_UNIT_PTXSIM_RUNNER_H
#define QC_TEST_UNIT_PTXSIM_RUNNER_H

#include "TestKernel.h"

#include <optional>

namespace ptxtest {

inline const std::string header80 =
    ".version 8.0\n.target sm_80\n.address_size 64\n";

/// A parsed module with memory and the arguments of the next launch.
class Runner {
public:
  /// Parses \p text, which ptxas must accept too (for \p arch).
  explicit Runner(const std::string &text, const std::string &arch = "sm_80") {
    EXPECT_EQ(assemble(text, arch), "");
    auto parsed = qcrt::PtxModule::parse(text, "test.ptx");
    if (parsed)
      module.emplace(std::move(*parsed));
    else
      ADD_FAILURE() << parsed.error().str();
  }

  template <class T> Runner &buffer(std::vector<T> &values) {
    auto address = memory.map(values.data(), values.size() * sizeof(T),
                              "buffer" + std::to_string(buffers++));
    EXPECT_TRUE(address);
    if (address)
      arguments.add(*address);
    return *this;
  }
  template <class T> Runner &readOnly(const std::vector<T> &values) {
    auto address = memory.mapReadOnly(values.data(), values.size() * sizeof(T),
                                      "input" + std::to_string(buffers++));
    EXPECT_TRUE(address);
    if (address)
      arguments.add(*address);
    return *this;
  }
  template <class T> Runner &value(T value) {
    arguments.add(value);
    return *this;
  }

  /// Launches with the arguments given since the last launch.
  qcrt::PtxResult<qcrt::PtxStatistics>
  launch(const std::string &entry, qcrt::PtxDim3 grid, qcrt::PtxDim3 block) {
    qcrt::PtxArguments now = std::exchange(arguments, {});
    if (!module)
      return qcrt::PtxError();
    return module->launch(memory, entry, grid, block, now, options);
  }
  /// A launch that must succeed.
  void run(const std::string &entry, qcrt::PtxDim3 grid, qcrt::PtxDim3 block) {
    auto result = launch(entry, grid, block);
    EXPECT_TRUE(result) << result.error().str();
  }
  /// A launch that must fail in this way.
  qcrt::PtxError fail(const std::string &entry, qcrt::PtxDim3 grid,
                      qcrt::PtxDim3 block, qcrt::PtxErrorKind kind) {
    auto result = launch(entry, grid, block);
    EXPECT_FALSE(result);
    if (result)
      return {};
    EXPECT_EQ(int(result.error().kind), int(kind)) << result.error().str();
    return result.error();
  }

  std::optional<qcrt::PtxModule> module;
  qcrt::PtxMemory memory;
  qcrt::PtxArguments arguments;
  qcrt::PtxLaunchOptions options;
  int buffers = 0;
};

} // namespace ptxtest

#endif // QC_TEST_UNIT_PTXSIM_RUNNER_H
