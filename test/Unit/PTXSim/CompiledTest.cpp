// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs what LLVM's NVPTX back end makes of Inputs/kernels.cu, against the same
// functions in plain C++.
#include "Reference.h"
#include "Runner.h"

#include <algorithm>
#include <numeric>

using namespace ptxtest;

namespace {

class PTXSimCompiled : public testing::TestWithParam<unsigned> {
protected:
  Runner makeRunner() {
    Runner runner(readInput("kernels.ptx"));
    runner.options.hostThreads = GetParam();
    return runner;
  }
};

TEST_P(PTXSimCompiled, Convolve) {
  const int width = 29, height = 17;
  const float scale = 0.0123f;
  std::mt19937 random(1);
  std::vector<uint8_t> input(width * height), output(width * height, 1);
  for (uint8_t &value : input)
    value = uint8_t(random());
  std::vector<int8_t> weights(9);
  for (int8_t &value : weights)
    value = int8_t(random());
  std::vector<int32_t> bias{321};
  Runner runner = makeRunner();
  runner.readOnly(input)
      .readOnly(weights)
      .readOnly(bias)
      .buffer(output)
      .value(width)
      .value(height)
      .value(scale)
      .run("convolve", {(width * height + 63) / 64}, {64});
  for (int i = 0; i < width * height; ++i) {
    int sum = bias[0];
    for (int dy = -1; dy <= 1; ++dy)
      for (int dx = -1; dx <= 1; ++dx) {
        const int y = i / width + dy, x = i % width + dx;
        if (y >= 0 && y < height && x >= 0 && x < width)
          sum += (input[size_t(y * width + x)] - 7) *
                 weights[size_t((dy + 1) * 3 + dx + 1)];
      }
    const float scaled =
        std::clamp(std::nearbyint(float(sum) * scale) + 7.0f, 0.0f, 255.0f);
    ASSERT_EQ(output[size_t(i)], uint8_t(scaled)) << i;
  }
}

TEST_P(PTXSimCompiled, BlockSum) {
  std::vector<float> input(5 * 256), output(5, -1);
  for (size_t i = 0; i < input.size(); ++i)
    input[i] = 0.1f * float(i % 37) - 1;
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("blockSum", {5}, {256});
  for (size_t block = 0; block < 5; ++block) {
    std::vector<float> tile(input.begin() + long(block) * 256,
                            input.begin() + long(block + 1) * 256);
    for (size_t step = 128; step > 0; step /= 2)
      for (size_t t = 0; t < step; ++t)
        tile[t] += tile[t + step];
    EXPECT_EQ(output[block], tile[0]);
  }
}

TEST_P(PTXSimCompiled, Scratch) {
  const int order[8] = {3, 1, 4, 1, 5, 2, 6, 0};
  std::vector<int32_t> input(64 * 8), output(64 * 8);
  std::mt19937 random(2);
  for (int32_t &value : input)
    value = int32_t(random() % 200) - 100;
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("scratch", {2}, {32});
  for (size_t i = 0; i < 64; ++i) {
    std::vector<int32_t> values(input.begin() + long(i) * 8,
                                input.begin() + long(i + 1) * 8);
    std::sort(values.begin(), values.end());
    for (size_t j = 0; j < 8; ++j)
      EXPECT_EQ(output[i * 8 + j], values[size_t(order[j])] +
                                       values[size_t(input[i * 8 + j] & 7)]);
  }
}

TEST_P(PTXSimCompiled, Walk) {
  std::vector<int32_t> input(64);
  std::vector<int64_t> output(64);
  std::iota(input.begin(), input.end(), 1);
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("walk", {4}, {16});
  for (size_t i = 0; i < 64; ++i) {
    int64_t sum = 0, count = 0;
    for (int value = input[i];; value = value % 2 ? 3 * value + 1 : value / 2) {
      sum += value;
      ++count;
      if (value <= 1)
        break;
    }
    EXPECT_EQ(output[i], sum * 1000 + count);
  }
}

TEST_P(PTXSimCompiled, Mix) {
  std::vector<int64_t> input(128);
  std::vector<double> output(128);
  std::mt19937_64 random(3);
  for (int64_t &value : input)
    value = int64_t(random());
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("mix", {2}, {64});
  for (size_t i = 0; i < 128; ++i) {
    const int64_t value = input[i];
    const auto bits = uint64_t(value);
    double expected = 0;
    switch (i & 7) {
    case 0:
      expected = double(value / 1000);
      break;
    case 1:
      expected = double(bits % 1000003);
      break;
    case 2:
      expected = float(value);
      break;
    case 3:
      expected = double(int32_t(value >> 7)) * 0.5;
      break;
    case 4:
      expected = double((bits << 13) ^ (bits >> 51));
      break;
    case 5:
      expected = std::popcount(bits) + std::countl_zero(bits | 1) * 0.25;
      break;
    case 6:
      expected = double(int16_t(value)) + uint8_t(value >> 8);
      break;
    default:
      expected = std::fabs(double(value)) / 3.0;
      break;
    }
    EXPECT_EQ(output[i], expected) << i;
  }
}

TEST_P(PTXSimCompiled, Halves) {
  std::vector<uint16_t> input(128), output(128);
  std::mt19937 random(4);
  for (uint16_t &value : input)
    value = halfOf<Half>(double(int(random() % 4001) - 2000) / 256).bits;
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("halves", {2}, {32});
  for (size_t i = 0; i < 64; ++i) {
    const Half x{input[2 * i]}, y{input[2 * i + 1]};
    const Half product = halfOf<Half>(valueOf(x) * valueOf(y));
    EXPECT_EQ(output[2 * i], halfOf<Half>(valueOf(product) + valueOf(x)).bits);
    const auto a = float(valueOf(x)), b = float(valueOf(y));
    EXPECT_EQ(output[2 * i + 1], halfOf<Half>(double(a / (b * b + 1.0f))).bits);
  }
}

TEST_P(PTXSimCompiled, Vectors) {
  struct alignas(16) Float4 {
    float x[4];
  };
  std::vector<Float4> input(32), output(32);
  for (size_t i = 0; i < 32; ++i)
    for (size_t j = 0; j < 4; ++j)
      input[i].x[j] = float(i * 4 + j);
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(output).run("vectors", {}, {32});
  for (size_t i = 0; i < 32; ++i)
    for (size_t j = 0; j < 4; ++j)
      EXPECT_EQ(output[i].x[j], input[i].x[3 - j] * 2.0f + input[i].x[j]);
}

TEST_P(PTXSimCompiled, Histogram) {
  std::vector<uint8_t> input(64 * 64);
  std::vector<uint32_t> counts(16, 0), expected(16, 0);
  std::mt19937 random(6);
  for (uint8_t &value : input) {
    value = uint8_t(random());
    ++expected[value & 15];
  }
  Runner runner = makeRunner();
  runner.readOnly(input).buffer(counts).run("histogram", {64}, {64});
  EXPECT_EQ(counts, expected);
}

INSTANTIATE_TEST_SUITE_P(HostThreads, PTXSimCompiled, testing::Values(1u, 3u));

} // namespace
