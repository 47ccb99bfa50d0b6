// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions that a program compiles for itself: copies have memory of their
// own, and kernels that another function had are the same code.

#include "Context.h"

#include "qc/Analysis/Executor.h"

#include "mlir/IR/Threading.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <array>

using namespace mlir;
using namespace qc;

namespace {

/// A map, so that results lie channels last as code computes them.
constexpr StringRef text = R"mlir(
func.func @once(%x: tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32> {
  %y = qc.relu %x : (tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  return %y : tensor<1x2x1x3xf32>
}
func.func @twice(%x: tensor<1x2x1x3xf32>) -> (tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>) {
  %y = qc.relu %x : (tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  %n = qc.neg %x : (tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  %z = qc.relu %n : (tensor<1x2x1x3xf32>) -> tensor<1x2x1x3xf32>
  return %y, %z : tensor<1x2x1x3xf32>, tensor<1x2x1x3xf32>
}
)mlir";

class ExecutionTest : public ::testing::Test {
protected:
  ExecutionTest() {
    loadExecution(context);
    module = parseSourceString<ModuleOp>(text, &context);
    executor = getExecutor(*module);
  }

  func::FuncOp getFunction(StringRef name) {
    return cast<func::FuncOp>(module->lookupSymbol(name));
  }

  static std::vector<float>
  run(CompiledFunction &code, const std::vector<float> &x, size_t output = 0) {
    ArrayRef<char> bytes(reinterpret_cast<const char *>(x.data()),
                         x.size() * sizeof(float));
    EXPECT_TRUE(succeeded(code.runOn({bytes})));
    return read(code, output);
  }

  static std::vector<float> read(CompiledFunction &code, size_t output = 0) {
    ArrayRef<char> bytes = code.getOutput(output);
    const auto *values = reinterpret_cast<const float *>(bytes.data());
    return {values, values + bytes.size() / sizeof(float)};
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  const ExecutorInterface *executor = nullptr;
};

TEST_F(ExecutionTest, CopiesHaveMemoryOfTheirOwn) {
  auto copies = executor->compileForMany(getFunction("once"), 3);
  ASSERT_TRUE(succeeded(copies));
  ASSERT_EQ(copies->size(), 3u);
  EXPECT_EQ(run(*copies->front(), {1, -2, 3, -4, 5, -6}),
            (std::vector<float>{1, 0, 3, 0, 5, 0}));
  EXPECT_EQ(run(*copies->back(), {-1, 2, -3, 4, -5, 6}),
            (std::vector<float>{0, 2, 0, 4, 0, 6}));
  EXPECT_EQ(read(*copies->front()), (std::vector<float>{1, 0, 3, 0, 5, 0}));
  // The others outlive the one that was compiled.
  copies->front().reset();
  EXPECT_EQ(run(*(*copies)[1], {7, 7, 7, -7, -7, -7}),
            (std::vector<float>{7, 7, 7, 0, 0, 0}));
}

TEST_F(ExecutionTest, CopiesRunAtTheSameTime) {
  constexpr size_t count = 8, runs = 200;
  auto copies = executor->compileForMany(getFunction("once"), count);
  ASSERT_TRUE(succeeded(copies));
  std::array<size_t, count> wrong{};
  parallelFor(&context, 0, count, [&](size_t copy) {
    for (size_t i = 0; i < runs; ++i) {
      auto x = static_cast<float>(copy * runs + i);
      wrong[copy] += run(*(*copies)[copy], {x, -x, x, -x, x, -x}) !=
                     std::vector<float>{x, 0, x, 0, x, 0};
    }
  });
  for (size_t each : wrong)
    EXPECT_EQ(each, 0u);
}

TEST_F(ExecutionTest, CopiesKeepTheOrderOfResults) {
  auto code = executor->compile(getFunction("once"), ResultOrder::AsComputed);
  ASSERT_TRUE(succeeded(code));
  auto copy = (*code)->duplicate();
  ASSERT_TRUE(succeeded(copy));
  for (CompiledFunction *each : {code->get(), copy->get()}) {
    EXPECT_TRUE(each->isChannelsLast(0));
    EXPECT_EQ(run(*each, {1, 2, 3, 4, 5, 6}),
              (std::vector<float>{1, 4, 2, 5, 3, 6}));
  }
}

TEST_F(ExecutionTest, KnownKernelsAreTheSameCode) {
  const std::vector<float> x{1, -2, 3, -4, 5, -6};
  for (int time = 0; time < 2; ++time) {
    auto once = executor->compile(getFunction("once"));
    auto twice = executor->compile(getFunction("twice"));
    ASSERT_TRUE(succeeded(once) && succeeded(twice));
    EXPECT_EQ(run(**once, x), (std::vector<float>{1, 0, 3, 0, 5, 0}));
    EXPECT_EQ(run(**twice, x), (std::vector<float>{1, 0, 3, 0, 5, 0}));
    EXPECT_EQ(read(**twice, 1), (std::vector<float>{0, 2, 0, 4, 0, 6}));
  }
}

} // namespace
