// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Corrected biases: against means, and against a search of all biases.

#include "qc/Analysis/BiasCorrection.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

using namespace qc;

namespace {

TEST(AddProducts, IsLoops) {
  // Two groups of two rows, three columns, four positions.
  std::mt19937 random(1);
  std::uniform_int_distribution<int> small(-4, 4);
  auto make = [&](size_t count) {
    std::vector<float> values(count);
    for (float &value : values)
      value = static_cast<float>(small(random));
    return values;
  };
  std::vector<float> inputs = make(4 * 2 * 3), weights = make(4 * 3),
                     outputs = make(4 * 4), expected = outputs;
  for (int position = 0; position < 4; ++position)
    for (int row = 0; row < 4; ++row)
      for (int column = 0; column < 3; ++column)
        expected[position * 4 + row] +=
            weights[row * 3 + column] *
            inputs[(position * 2 + row / 2) * 3 + column];
  addProducts(inputs, weights, 2, 4, 3, outputs);
  EXPECT_EQ(outputs, expected);
}

TEST(FitBiases, MeanDifferenceWithoutClamp) {
  EXPECT_EQ(fitBiases({0, 10, 4, 20}, {1, 8, 9, 20}, 2, {}),
            (std::vector<float>{3, -1}));
}

TEST(FitBiases, ClampedOutputsDoNotCount) {
  OutputFunction relu =
      OutputFunction::clamp(0, std::numeric_limits<float>::infinity());
  // One row: what is below 0 stays there.
  EXPECT_EQ(fitBiases({-9, -9, 2, 5}, {0, 0, 2, 11}, 1, relu),
            std::vector<float>{3});
  // Nothing is above 0: no bias is better.
  EXPECT_EQ(fitBiases({-9, -8}, {0, 0}, 1, relu), std::vector<float>{0});
  EXPECT_EQ(fitBiases({7, 8}, {6, 6}, 1, OutputFunction::clamp(0, 6)),
            std::vector<float>{0});
}

TEST(OutputFunction, IsLinearBetweenSamplesAndBeyond) {
  OutputFunction square = OutputFunction::sampled(-1, 3, {1, 0, 1, 4, 9});
  for (auto [x, value, slope] : {std::array{-1.0f, 1.0f, -1.0f},
                                 {-0.5f, 0.5f, -1},
                                 {1.5f, 2.5f, 3},
                                 {3, 9, 5},
                                 {4, 14, 5},
                                 {-3, 3, -1}}) {
    EXPECT_EQ(square.at(x).value, value) << x;
    EXPECT_EQ(square.at(x).slope, slope) << x;
  }
}

double silu(double x) { return x / (1 + std::exp(-x)); }

/// Rows of outputs with a wrong bias and noise, of which readers see f.
void expectNearlyBest(const OutputFunction &function,
                      double (*exactFunction)(double)) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> outputs, expected;
    float offset = normal(random), error = 0.2f * normal(random);
    for (int i = 0; i < 200; ++i) {
      float exact = offset + normal(random);
      expected.push_back(static_cast<float>(exactFunction(exact)));
      outputs.push_back(exact + error + 0.1f * normal(random));
    }
    auto loss = [&](float bias) {
      double sum = 0;
      for (size_t i = 0; i < outputs.size(); ++i)
        sum += std::pow(exactFunction(outputs[i] + bias) - expected[i], 2);
      return sum;
    };
    double best = loss(0);
    for (int step = -1000; step <= 1000; ++step)
      best = std::min(best, loss(0.001f * static_cast<float>(step)));
    double fitted = loss(fitBiases(outputs, expected, 1, function).front());
    EXPECT_LE(fitted, loss(0));
    EXPECT_LE(fitted, 1.01 * best + 1e-9) << trial;
  }
}

TEST(FitBiases, NeverWorseAndNearlyBest) {
  expectNearlyBest(OutputFunction::clamp(0, 6),
                   [](double x) { return std::clamp(x, 0.0, 6.0); });
  std::vector<float> samples;
  for (int i = 0; i <= 4096; ++i)
    samples.push_back(static_cast<float>(silu(-8 + i / 256.0)));
  expectNearlyBest(OutputFunction::sampled(-8, 8, samples), silu);
}

} // namespace
