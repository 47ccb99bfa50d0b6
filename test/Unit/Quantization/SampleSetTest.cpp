// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Samples that come from the program itself: passes stream them as they stream
// files, and say what is wrong with them.

#include "../Execution/Context.h"

#include "qc/Quantization/SampleSet.h"

#include "qc/Pipelines/Pipelines.h"
#include "qc/Quantization/Passes.h"

#include "tensorio/TensorFile.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <array>
#include <random>

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
  // Three to count them, and three.
  EXPECT_EQ(numCalls, 6u);
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
  // Five when they are counted, then three.
  SampleSources::add(
      context, "fewer", [&, pass = 0](size_t index, auto &inputs) mutable {
        pass += index == 0;
        inputs.push_back({reinterpret_cast<const char *>(rows[0].data()), 16});
        return index < (pass == 1 ? 5 : 3);
      });
  EXPECT_EQ(calibrate("callback:fewer"),
            "'callback:fewer' changed: 5 samples were counted, now there are "
            "3");
}

constexpr StringRef convolution = R"mlir(
func.func @main(%x: tensor<1x1x32x32xf32> {qc.name = "x"}) -> (tensor<1x2x32x32xf32> {qc.name = "y"}) {
  %w = qc.constant dense<[[[[0.5]]], [[[-0.3]]]]> : tensor<2x1x1x1xf32> : tensor<2x1x1x1xf32>
  %y = qc.conv %x, %w {dilations = array<i64: 1, 1>, group = 1 : i64, pads = array<i64: 0, 0, 0, 0>, strides = array<i64: 1, 1>} : (tensor<1x1x32x32xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x32x32xf32>
  return %y : tensor<1x2x32x32xf32>
}
)mlir";

TEST_F(SampleSetTest, QuantizeTheSameFromFilesAndFromAProgram) {
  // Of 41 maps rounding looks at a part of each, whose size depends on how many
  // there are: however they are divided into files, the model is the same.
  constexpr size_t numSamples = 41, size = 32 * 32;
  std::vector<float> maps(numSamples * size);
  std::mt19937 random(1);
  for (float &value : maps)
    value = static_cast<float>(random() % 1000) / 100 - 3;
  SampleSources::add(context, "maps", [&](size_t index, auto &inputs) {
    if (index == numSamples)
      return false;
    inputs.push_back({reinterpret_cast<const char *>(&maps[index * size]),
                      size * sizeof(float)});
    return true;
  });
  auto quantize = [&](StringRef path) {
    QuantizePipelineOptions options;
    options.calibration = path.str();
    module = parseSourceString<ModuleOp>(convolution, &context);
    PassManager passes(&context);
    buildQuantizePipeline(passes, options);
    EXPECT_TRUE(succeeded(passes.run(*module))) << path.str();
    return printModule();
  };
  std::string expected = quantize("callback:maps");
  EXPECT_NE(expected.find("qc.dequantize"), std::string::npos) << expected;
  for (size_t inFirst : {1, 40, 41}) {
    SmallString<128> folder;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("samples", folder));
    auto write = [&](StringRef name, size_t begin, size_t end) {
      qcrt::Tensor tensor;
      tensor.type = QC_TYPE_FLOAT;
      tensor.dims = {static_cast<int64_t>(end - begin), 1, 32, 32};
      auto *bytes = reinterpret_cast<const uint8_t *>(maps.data());
      tensor.data.assign(bytes + begin * size * sizeof(float),
                         bytes + end * size * sizeof(float));
      EXPECT_TRUE(qcrt::writeNpy((folder + name).str(), tensor));
    };
    write("/0.npy", 0, inFirst);
    if (inFirst < numSamples)
      write("/1.npy", inFirst, numSamples);
    EXPECT_EQ(quantize(folder), expected) << inFirst;
    ASSERT_FALSE(llvm::sys::fs::remove_directories(folder));
  }
}

} // namespace
