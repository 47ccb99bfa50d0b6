// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes graphs before and after qc-normalize-qdq and qc-to-integer.
//
// Three comparisons on random and extreme codes: normalization changes no
// number; the integer level's codes are those of the definition (docs,
// "Numerics"), written a second time here with plain loops; and they are at
// most one step from those of the float graph.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/Interpreter.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gtest/gtest.h"

#include <cmath>
#include <cstdint>
#include <random>

using namespace mlir;
using namespace qc;

namespace {

/// How the codes of one test are stored and scaled.
struct Setting {
  bool xUnsigned, wUnsigned, yUnsigned;
  int64_t xZero, wZero, yZero;
  float xScale, wScale, yScale;
  bool perChannel;
};

int64_t smallestOf(bool isUnsigned) { return isUnsigned ? 0 : -128; }
int64_t largestOf(bool isUnsigned) { return isUnsigned ? 255 : 127; }
std::string typeName(bool isUnsigned) { return isUnsigned ? "ui8" : "si8"; }

std::string exact(float value) {
  char text[64];
  snprintf(text, sizeof text, "0x%08X", llvm::bit_cast<uint32_t>(value));
  return text;
}

template <typename Range, typename Print>
std::string list(const Range &values, Print print) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i)
    text += (i ? ", " : "") + print(values[i]);
  return text + "]";
}
std::string floats(const std::vector<float> &values) {
  return list(values, exact);
}
std::string integers(const std::vector<int64_t> &values) {
  return list(values, [](int64_t v) { return std::to_string(v); });
}
std::string constant(const std::string &name, const std::string &value,
                     const std::string &type) {
  return "  %" + name + " = qc.constant dense<" + value + "> : tensor<" + type +
         "> : tensor<" + type + ">\n";
}

class IntegerLevel : public ::testing::Test {
protected:
  IntegerLevel() {
    context.loadDialect<QCDialect, func::FuncDialect>();
    context.disableMultithreading();
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, &context);
  }

  void run(ModuleOp module, bool toInteger) {
    PassManager manager(&context);
    manager.addNestedPass<func::FuncOp>(createNormalizeQDQ());
    if (toInteger)
      manager.addNestedPass<func::FuncOp>(createToInteger());
    ASSERT_TRUE(succeeded(manager.run(module)));
  }

  /// The values that the function returns, as numbers.
  std::vector<std::vector<double>> evaluate(ModuleOp module,
                                            ArrayRef<ElementsAttr> inputs) {
    auto function = *module.getOps<func::FuncOp>().begin();
    DenseMap<Value, ElementsAttr> values;
    for (auto [argument, input] :
         llvm::zip_equal(function.getArguments(), inputs))
      values[argument] = input;
    std::vector<std::vector<double>> results;
    for (Operation &op : function.getBody().front()) {
      if (auto constant = dyn_cast<ConstantOp>(op)) {
        values[constant] = constant.getValue();
        continue;
      }
      SmallVector<ElementsAttr> operands;
      for (Value operand : op.getOperands())
        operands.push_back(values.lookup(operand));
      if (isa<func::ReturnOp>(op)) {
        for (ElementsAttr value : operands) {
          FailureOr<SmallVector<double>> numbers = getConstantNumbers(value);
          EXPECT_TRUE(succeeded(numbers));
          results.emplace_back(numbers->begin(), numbers->end());
        }
        continue;
      }
      FailureOr<SmallVector<ElementsAttr>> evaluated =
          evaluateOp(&op, operands);
      EXPECT_TRUE(succeeded(evaluated));
      if (failed(evaluated))
        return {};
      for (auto [result, value] : llvm::zip_equal(op.getResults(), *evaluated))
        values[result] = value;
    }
    return results;
  }

  ElementsAttr codes(ArrayRef<int64_t> shape, bool isUnsigned,
                     ArrayRef<int64_t> values) {
    auto element = IntegerType::get(
        &context, 8, isUnsigned ? IntegerType::Unsigned : IntegerType::Signed);
    return getIntegersAttr(element, shape, values);
  }

  /// Random codes with the ends of the range among them.
  std::vector<int64_t> randomCodes(size_t count, bool isUnsigned) {
    std::uniform_int_distribution<int64_t> any(smallestOf(isUnsigned),
                                               largestOf(isUnsigned));
    std::vector<int64_t> values(count);
    for (int64_t &value : values) {
      uint32_t choice = random() % 8;
      value = choice == 0   ? smallestOf(isUnsigned)
              : choice == 1 ? largestOf(isUnsigned)
                            : any(random);
    }
    return values;
  }

  template <typename OpTy> int64_t count(ModuleOp module) {
    int64_t found = 0;
    module.walk([&](OpTy) { ++found; });
    return found;
  }

  MLIRContext context;
  std::mt19937 random{20260101};
};

int64_t saturate(float scaled, int64_t zero, bool isUnsigned) {
  double rounded = std::nearbyint(double(scaled)) + double(zero);
  rounded = std::min(std::max(rounded, double(smallestOf(isUnsigned))),
                     double(largestOf(isUnsigned)));
  return static_cast<int64_t>(rounded);
}

void expectWithinOneStep(const std::vector<double> &integer,
                         const std::vector<double> &real) {
  ASSERT_EQ(integer.size(), real.size());
  size_t different = 0;
  for (size_t i = 0; i < real.size(); ++i) {
    EXPECT_LE(std::abs(integer[i] - real[i]), 1) << "element " << i;
    different += integer[i] != real[i];
  }
  // Only near ties: one element in twenty is far above what rounding gives.
  EXPECT_LE(different, real.size() / 20 + 1);
}

std::vector<Setting> settings() {
  std::vector<Setting> all;
  for (bool xUnsigned : {false, true})
    for (bool wUnsigned : {false, true})
      for (bool yUnsigned : {false, true})
        for (int ends = 0; ends < 3; ++ends) {
          auto zero = [&](bool isUnsigned) {
            return ends == 0   ? smallestOf(isUnsigned)
                   : ends == 1 ? largestOf(isUnsigned)
                               : smallestOf(isUnsigned) + 117;
          };
          // Weight zero points: 0 or 128, and one that fits no signed code.
          int64_t wZero = ends == 2   ? (wUnsigned ? 37 : -5)
                          : wUnsigned ? 128
                                      : 0;
          Setting setting{xUnsigned,       wUnsigned, yUnsigned,
                          zero(xUnsigned), wZero,     zero(yUnsigned),
                          0.0371f,         0.0123f,   0.57f,
                          ends != 1};
          all.push_back(setting);
          setting.xScale = 3.1e-9f, setting.yScale = 4.7e-8f;
          all.push_back(setting);
          setting.xScale = 2.9e11f, setting.yScale = 4.1e12f;
          all.push_back(setting);
        }
  return all;
}

TEST_F(IntegerLevel, ConvolutionIsTheDefinition) {
  constexpr int64_t channels = 3, outputs = 4, size = 5, kernel = 3;
  for (const Setting &s : settings()) {
    std::vector<float> scales;
    for (int64_t o = 0; o < (s.perChannel ? outputs : 1); ++o)
      scales.push_back(s.wScale * (1 + 0.37f * o));
    auto scale = [&](int64_t o) { return scales[s.perChannel ? o : 0]; };
    std::vector<int64_t> w =
        randomCodes(outputs * channels * kernel * kernel, s.wUnsigned);
    std::vector<int64_t> x = randomCodes(channels * size * size, s.xUnsigned);
    std::vector<float> bias;
    for (int64_t o = 0; o < outputs; ++o)
      bias.push_back((o - 1.6f) * 100 * (s.xScale * scale(o)));

    std::string p = s.perChannel ? "4x" : "";
    std::string xType = "1x3x5x5x" + typeName(s.xUnsigned),
                wType = "4x3x3x3x" + typeName(s.wUnsigned);
    std::string text =
        "func.func @main(%x: tensor<" + xType + ">) -> tensor<1x4x5x5x" +
        typeName(s.yUnsigned) + "> {\n" + constant("w", "W", wType) +
        constant("sx", exact(s.xScale), "f32") +
        constant("zx", std::to_string(s.xZero), typeName(s.xUnsigned)) +
        constant("sw", s.perChannel ? floats(scales) : exact(scales[0]),
                 p + "f32") +
        constant("zw", std::to_string(s.wZero), p + typeName(s.wUnsigned)) +
        constant("sy", exact(s.yScale), "f32") +
        constant("zy", std::to_string(s.yZero), typeName(s.yUnsigned)) +
        constant("b", floats(bias), "4xf32") +
        "  %xd = qc.dequantize %x, %sx, %zx {axis = 0 : i64} : (tensor<" +
        xType + ">, tensor<f32>, tensor<" + typeName(s.xUnsigned) +
        ">) -> tensor<1x3x5x5xf32>\n"
        "  %wd = qc.dequantize %w, %sw, %zw {axis = 0 : i64} : (tensor<" +
        wType + ">, tensor<" + p + "f32>, tensor<" + p + typeName(s.wUnsigned) +
        ">) -> tensor<4x3x3x3xf32>\n"
        "  %c = qc.conv %xd, %wd bias %b {strides = array<i64: 1, 1>, pads = "
        "array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>, group = 1 : "
        "i64} : (tensor<1x3x5x5xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> "
        "tensor<1x4x5x5xf32>\n"
        "  %q = qc.quantize %c, %sy, %zy {axis = 0 : i64} : "
        "(tensor<1x4x5x5xf32>, tensor<f32>, tensor<" +
        typeName(s.yUnsigned) + ">) -> tensor<1x4x5x5x" +
        typeName(s.yUnsigned) + ">\n  return %q : tensor<1x4x5x5x" +
        typeName(s.yUnsigned) + ">\n}\n";
    // Nested brackets in the weights' shape.
    std::string nested = "[";
    for (int64_t o = 0; o < outputs; ++o) {
      nested += o ? ", [" : "[";
      for (int64_t c = 0; c < channels; ++c) {
        nested += c ? ", [" : "[";
        for (int64_t r = 0; r < kernel; ++r) {
          auto row = w.begin() + ((o * channels + c) * kernel + r) * kernel;
          nested += (r ? ", " : "") +
                    integers(std::vector<int64_t>(row, row + kernel));
        }
        nested += "]";
      }
      nested += "]";
    }
    nested += "]";
    text.replace(text.find("<W>") + 1, 1, nested);

    OwningOpRef<ModuleOp> before = parse(text), normal = parse(text),
                          after = parse(text);
    ASSERT_TRUE(before && normal && after);
    run(*normal, false);
    run(*after, true);
    EXPECT_EQ(count<RequantizeOp>(*after), 1);
    EXPECT_EQ(count<DequantizeOp>(*after), 0);
    ElementsAttr input = codes({1, channels, size, size}, s.xUnsigned, x);
    std::vector<double> real = evaluate(*before, input)[0];
    EXPECT_EQ(evaluate(*normal, input)[0], real);
    std::vector<double> integer = evaluate(*after, input)[0];
    expectWithinOneStep(integer, real);

    // The definition with plain loops.
    std::vector<double> expected;
    for (int64_t o = 0; o < outputs; ++o) {
      float product = s.xScale * scale(o);
      float multiplier = product / s.yScale;
      float biasCode = std::nearbyint(bias[o] / product);
      for (int64_t i = 0; i < size; ++i)
        for (int64_t j = 0; j < size; ++j) {
          int64_t sum = static_cast<int64_t>(biasCode);
          for (int64_t c = 0; c < channels; ++c)
            for (int64_t r = 0; r < kernel; ++r)
              for (int64_t t = 0; t < kernel; ++t) {
                int64_t y = i + r - 1, z = j + t - 1;
                if (y < 0 || y >= size || z < 0 || z >= size)
                  continue;
                sum += (x[(c * size + y) * size + z] - s.xZero) *
                       (w[((o * channels + c) * kernel + r) * kernel + t] -
                        s.wZero);
              }
          float scaled = static_cast<float>(sum) * multiplier;
          expected.push_back(double(saturate(scaled, s.yZero, s.yUnsigned)));
        }
    }
    EXPECT_EQ(integer, expected);
  }
}

TEST_F(IntegerLevel, ResidualChainIsTheDefinition) {
  constexpr int64_t elements = 4096;
  for (const Setting &s : settings()) {
    float otherScale = s.wScale * s.xScale / 0.0371f * 2;
    std::string x = "tensor<4096x" + typeName(s.xUnsigned) + ">",
                w = "tensor<4096x" + typeName(s.wUnsigned) + ">",
                y = "tensor<4096x" + typeName(s.yUnsigned) + ">",
                f = "tensor<4096xf32>";
    float limit = 20 * s.yScale;
    std::string text =
        "func.func @main(%x: " + x + ", %w: " + w + ") -> " + y + " {\n" +
        constant("sx", exact(s.xScale), "f32") +
        constant("zx", std::to_string(s.xZero), typeName(s.xUnsigned)) +
        constant("sw", exact(otherScale), "f32") +
        constant("zw", std::to_string(s.wZero), typeName(s.wUnsigned)) +
        constant("sy", exact(s.yScale), "f32") +
        constant("zy", std::to_string(s.yZero), typeName(s.yUnsigned)) +
        constant("lo", exact(0.0f), "f32") +
        constant("hi", exact(limit), "f32") +
        "  %xd = qc.dequantize %x, %sx, %zx {axis = 0 : i64} : (" + x +
        ", tensor<f32>, tensor<" + typeName(s.xUnsigned) + ">) -> " + f +
        "\n  %wd = qc.dequantize %w, %sw, %zw {axis = 0 : i64} : (" + w +
        ", tensor<f32>, tensor<" + typeName(s.wUnsigned) + ">) -> " + f +
        "\n  %a = qc.add %xd, %wd : (" + f + ", " + f + ") -> " + f +
        "\n  %r = qc.clip %a, %lo, %hi : (" + f +
        ", tensor<f32>, tensor<f32>) -> " + f +
        "\n  %q = qc.quantize %r, %sy, %zy {axis = 0 : i64} : (" + f +
        ", tensor<f32>, tensor<" + typeName(s.yUnsigned) + ">) -> " + y +
        "\n  return %q : " + y + "\n}\n";
    std::vector<int64_t> left = randomCodes(elements, s.xUnsigned),
                         right = randomCodes(elements, s.wUnsigned);
    OwningOpRef<ModuleOp> before = parse(text), after = parse(text);
    ASSERT_TRUE(before && after);
    run(*after, true);
    EXPECT_EQ(count<RoundSaturateOp>(*after), 1);
    EXPECT_EQ(count<DequantizeOp>(*after), 0);
    SmallVector<ElementsAttr> inputs{codes(elements, s.xUnsigned, left),
                                     codes(elements, s.wUnsigned, right)};
    std::vector<double> integer = evaluate(*after, inputs)[0];
    expectWithinOneStep(integer, evaluate(*before, inputs)[0]);

    float xFactor = s.xScale / s.yScale, wFactor = otherScale / s.yScale;
    float high = limit / s.yScale;
    std::vector<double> expected;
    for (int64_t i = 0; i < elements; ++i) {
      float a = static_cast<float>(left[i] - s.xZero) * xFactor;
      float b = static_cast<float>(right[i] - s.wZero) * wFactor;
      float sum = a + b;
      sum = std::min(std::max(sum, 0.0f), high);
      expected.push_back(double(saturate(sum, s.yZero, s.yUnsigned)));
    }
    EXPECT_EQ(integer, expected);
  }
}

TEST_F(IntegerLevel, MeanIsTheDefinition) {
  constexpr int64_t channels = 64, size = 7;
  for (const Setting &s : settings()) {
    float yScale = s.xScale * 0.31f;
    std::string x = "tensor<1x64x7x7x" + typeName(s.xUnsigned) + ">",
                y = "tensor<1x64x1x1x" + typeName(s.yUnsigned) + ">";
    std::string text =
        "func.func @main(%x: " + x + ") -> " + y + " {\n" +
        constant("sx", exact(s.xScale), "f32") +
        constant("zx", std::to_string(s.xZero), typeName(s.xUnsigned)) +
        constant("sy", exact(yScale), "f32") +
        constant("zy", std::to_string(s.yZero), typeName(s.yUnsigned)) +
        "  %xd = qc.dequantize %x, %sx, %zx {axis = 0 : i64} : (" + x +
        ", tensor<f32>, tensor<" + typeName(s.xUnsigned) +
        ">) -> tensor<1x64x7x7xf32>\n  %m = qc.reduce mean %xd {axes = "
        "array<i64: 2, 3>} : (tensor<1x64x7x7xf32>) -> tensor<1x64x1x1xf32>\n"
        "  %q = qc.quantize %m, %sy, %zy {axis = 0 : i64} : "
        "(tensor<1x64x1x1xf32>, tensor<f32>, tensor<" +
        typeName(s.yUnsigned) + ">) -> " + y + "\n  return %q : " + y + "\n}\n";
    std::vector<int64_t> input =
        randomCodes(channels * size * size, s.xUnsigned);
    OwningOpRef<ModuleOp> before = parse(text), after = parse(text);
    ASSERT_TRUE(before && after);
    run(*after, true);
    EXPECT_EQ(count<RequantizeOp>(*after), 1);
    ElementsAttr value = codes({1, channels, size, size}, s.xUnsigned, input);
    std::vector<double> integer = evaluate(*after, value)[0];
    expectWithinOneStep(integer, evaluate(*before, value)[0]);
    float divisor = yScale * 49.0f;
    float multiplier = s.xScale / divisor;
    std::vector<double> expected;
    for (int64_t c = 0; c < channels; ++c) {
      int64_t sum = 0;
      for (int64_t i = 0; i < size * size; ++i)
        sum += input[c * size * size + i] - s.xZero;
      float scaled = static_cast<float>(sum) * multiplier;
      expected.push_back(double(saturate(scaled, s.yZero, s.yUnsigned)));
    }
    EXPECT_EQ(integer, expected);
  }
}

TEST_F(IntegerLevel, TablesAgreeWithTheFloatFunctions) {
  // All 256 codes through x * sigmoid(x), and through arithmetic alone, which
  // must be equal bit for bit.
  for (const Setting &s : settings()) {
    if (s.xScale != 0.0371f)
      continue;
    std::string x = "tensor<256x" + typeName(s.xUnsigned) + ">",
                y = "tensor<256x" + typeName(s.yUnsigned) + ">",
                f = "tensor<256xf32>", c = "(" + f + ", tensor<f32>) -> " + f;
    std::string text =
        "func.func @main(%x: " + x + ") -> (" + y + ", " + y + ") {\n" +
        constant("sx", exact(s.xScale), "f32") +
        constant("zx", std::to_string(s.xZero), typeName(s.xUnsigned)) +
        constant("sy", exact(0.0213f), "f32") +
        constant("k", exact(0.7f), "f32") +
        constant("zy", std::to_string(s.yZero), typeName(s.yUnsigned)) +
        "  %xd = qc.dequantize %x, %sx, %zx {axis = 0 : i64} : (" + x +
        ", tensor<f32>, tensor<" + typeName(s.xUnsigned) + ">) -> " + f +
        "\n  %g = qc.sigmoid %xd : (" + f + ") -> " + f +
        "\n  %m = qc.mul %xd, %g : (" + f + ", " + f + ") -> " + f +
        "\n  %q = qc.quantize %m, %sy, %zy {axis = 0 : i64} : (" + f +
        ", tensor<f32>, tensor<" + typeName(s.yUnsigned) + ">) -> " + y +
        "\n  %d = qc.div %xd, %k : " + c + "\n  %e = qc.mul %d, %xd : (" + f +
        ", " + f + ") -> " + f +
        "\n  %h = qc.quantize %e, %sy, %zy {axis = 0 : i64} : (" + f +
        ", tensor<f32>, tensor<" + typeName(s.yUnsigned) + ">) -> " + y +
        "\n  return %q, %h : " + y + ", " + y + "\n}\n";
    std::vector<int64_t> all(256);
    for (int64_t i = 0; i < 256; ++i)
      all[i] = smallestOf(s.xUnsigned) + i;
    OwningOpRef<ModuleOp> before = parse(text), after = parse(text);
    ASSERT_TRUE(before && after);
    run(*after, true);
    EXPECT_EQ(count<TableLookupOp>(*after), 2);
    EXPECT_EQ(count<DequantizeOp>(*after), 0);
    ElementsAttr value = codes(256, s.xUnsigned, all);
    std::vector<std::vector<double>> integer = evaluate(*after, value),
                                     real = evaluate(*before, value);
    expectWithinOneStep(integer[0], real[0]);
    EXPECT_EQ(integer[1], real[1]);
  }
}

} // namespace
