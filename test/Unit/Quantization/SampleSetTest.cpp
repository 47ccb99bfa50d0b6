// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples that come from the program itself: passes stream them as they stream
// files, and say what is wrong with them.

#include "../Execution/Context.h"

#include "qc/Quantization/SampleSet.h"

#include "qc/Quantization/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <array>

using namespace mlir;
using namespace qc;

namespace {

constexpr StringRef text = R"mlir(
func.func @main(%x: tensor<1x4xf32> {qc.name = "x"}) -> (tensor<1x4xf32> {qc.name = "y"}) {
  %y = qc.relu %x : (tensor<1x4xf32>) -> tensor<1x4xf32>
  return %y : tensor<1x4xf32>
}
)mlir";

class SampleSetTest : public ::testing::Test {
protected:
  SampleSetTest() {
    loadExecution(context);
    module = parseSourceString<ModuleOp>(text, &context);
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] = {float(i), -float(i), 0.5f, 1};
  }

  /// A source of the first `count` rows, `bytes` of each.
  SampleSource rowsOf(size_t count, size_t bytes = 4 * sizeof(float)) {
    return [=, this](size_t index, SmallVectorImpl<ArrayRef<char>> &inputs) {
      numCalls += 1;
      if (index >= count)
        return false;
      inputs.push_back(
          {reinterpret_cast<const char *>(rows[index].data()), bytes});
      return true;
    };
  }

  /// Calibrates on inputs=`path`; the message if that fails.
  std::string calibrate(StringRef path, unsigned limit = 0) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      message += diagnostic.str();
      return success();
    });
    CalibrateOptions options;
    options.inputs = path.str();
    options.limit = limit;
    PassManager passes(&context);
    passes.addPass(createCalibrate(options));
    EXPECT_EQ(failed(passes.run(*module)), !message.empty());
    return message;
  }

  std::string printModule() {
    std::string printed;
    llvm::raw_string_ostream(printed) << *module;
    return printed;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::array<std::array<float, 4>, 8> rows;
  size_t numCalls = 0;
};

TEST_F(SampleSetTest, AreStreamed) {
  ASSERT_TRUE(module);
  SampleSources::add(context, "rows", rowsOf(rows.size()));
  EXPECT_EQ(calibrate("callback:rows"), "");
  std::string all = printModule();
  EXPECT_NE(all.find("max = 7.0"), std::string::npos) << all;
  EXPECT_NE(all.find("min = -7.0"), std::string::npos) << all;
  EXPECT_NE(all.find("samples = 8.0"), std::string::npos) << all;
}

TEST_F(SampleSetTest, AreLimited) {
  SampleSources::add(context, "rows", rowsOf(rows.size()));
  EXPECT_EQ(calibrate("callback:rows", 3), "");
  std::string some = printModule();
  EXPECT_NE(some.find("max = 2.0"), std::string::npos) << some;
  // The check of the first, and three.
  EXPECT_EQ(numCalls, 4u);
}

TEST_F(SampleSetTest, AreReplaced) {
  SampleSources::add(context, "rows", rowsOf(1));
  SampleSources::add(context, "rows", rowsOf(2));
  EXPECT_EQ(calibrate("callback:rows"), "");
  EXPECT_NE(printModule().find("samples = 2.0"), std::string::npos);
}

TEST_F(SampleSetTest, ErrorsNameTheSource) {
  EXPECT_NE(calibrate("callback:none").find("no source of samples 'none'"),
            std::string::npos);
  SampleSources::add(context, "empty", rowsOf(0));
  EXPECT_EQ(calibrate("callback:empty"), "'callback:empty' gives no samples");
  SampleSources::add(context, "short", rowsOf(2, 12));
  EXPECT_EQ(calibrate("callback:short"),
            "sample 0 of 'callback:short': input 'x' has 12 bytes; accepted: "
            "16");
  SampleSources::add(context, "two", [&](size_t, auto &inputs) {
    inputs.assign(2, {reinterpret_cast<const char *>(rows[0].data()), 16});
    return true;
  });
  EXPECT_EQ(calibrate("callback:two"),
            "sample 0 of 'callback:two' has 2 inputs; accepted: 1");
}

} // namespace
