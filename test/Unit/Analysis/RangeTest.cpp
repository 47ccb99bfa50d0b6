// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges and scales: against closed forms and exhaustive search.

#include "qc/Analysis/Range.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <random>

using namespace qc;

namespace {

ValueStatistics observe(llvm::ArrayRef<float> values) {
  ValueObserver observer(
      std::vector<int64_t>{static_cast<int64_t>(values.size())});
  observer.observe(values);
  return observer.getStatistics();
}

enum class Shape { Normal, HalfNormal, Skewed, HeavyTail, NegativeOnly };

std::vector<float> draw(Shape shape, size_t count = 40000) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float &value : values) {
    float x = normal(random);
    switch (shape) {
    case Shape::Normal:
      value = x;
      break;
    case Shape::HalfNormal:
      value = std::max(x, 0.0f);
      break;
    case Shape::Skewed:
      value = x < 0 ? 0.1f * x : x * x;
      break;
    case Shape::HeavyTail:
      value = x * x * x * 2;
      break;
    case Shape::NegativeOnly:
      value = -std::fabs(x) - 1;
      break;
    }
  }
  return values;
}

constexpr Shape shapes[] = {Shape::Normal, Shape::HalfNormal, Shape::Skewed,
                            Shape::HeavyTail, Shape::NegativeOnly};

/// The same in double on every value.
double getError(llvm::ArrayRef<float> values, ClipRange range, unsigned bits,
                bool symmetric) {
  IntegerScale scale = chooseScale(range, bits, true, symmetric);
  double sum = 0;
  for (double x : values) {
    double code =
        std::nearbyint(x / scale.scale) + static_cast<double>(scale.zeroPoint);
    code = std::clamp<double>(code, getSmallestCode(bits, true),
                              getLargestCode(bits, true));
    double y = (code - static_cast<double>(scale.zeroPoint)) * scale.scale;
    sum += (x - y) * (x - y);
  }
  return sum / static_cast<double>(values.size());
}

TEST(ChooseScale, ClosedForms) {
  IntegerScale scale = chooseScale({-1, 3}, 8, false, false);
  EXPECT_FLOAT_EQ(scale.scale, 4.0f / 255);
  EXPECT_EQ(scale.zeroPoint, 64);
  scale = chooseScale({-1, 3}, 8, true, false);
  EXPECT_EQ(scale.zeroPoint, -64);
  scale = chooseScale({-1, 3}, 4, true, true);
  EXPECT_FLOAT_EQ(scale.scale, 3.0f / 7);
  EXPECT_EQ(scale.zeroPoint, 0);
  scale = chooseScale({-5, 3}, 8, false, true);
  EXPECT_FLOAT_EQ(scale.scale, 5.0f / 127);
  EXPECT_EQ(scale.zeroPoint, 128);
  // Zero is always represented, and exactly.
  scale = chooseScale({2, 4}, 8, false, false);
  EXPECT_FLOAT_EQ(scale.scale, 4.0f / 255);
  EXPECT_EQ(scale.zeroPoint, 0);
  scale = chooseScale({-4, -2}, 8, true, false);
  EXPECT_EQ(scale.zeroPoint, 127);
  scale = chooseScale({0, 0}, 16, true, false);
  EXPECT_EQ(scale.scale, 1);
  scale = chooseScale({0, 1e-44}, 8, true, false);
  EXPECT_EQ(scale.scale, FLT_MIN);
  EXPECT_EQ(scale.zeroPoint, -128);
  scale = chooseScale({-FLT_MAX, FLT_MAX}, 2, true, false);
  EXPECT_TRUE(std::isfinite(scale.scale));
}

TEST(ChooseRange, MinMaxAndMovingAverage) {
  ValueObserver observer(std::vector<int64_t>{2});
  observer.observe({-1.0f, 5.0f});
  observer.observe({-3.0f, 1.0f});
  ClipRange range = chooseRange(observer.getStatistics(), {});
  EXPECT_EQ(range.lo, -3);
  EXPECT_EQ(range.hi, 5);
  RangeOptions options;
  options.method = RangeMethod::MovingAverage;
  range = chooseRange(observer.getStatistics(), options);
  EXPECT_EQ(range.lo, -2);
  EXPECT_EQ(range.hi, 3);
  options.symmetric = true;
  range = chooseRange(observer.getStatistics(), options);
  EXPECT_EQ(range.lo, -3);
  EXPECT_EQ(range.hi, 3);
}

TEST(ChooseRange, Percentile) {
  std::vector<float> values(10001);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i) / 100 - 20;
  RangeOptions options;
  options.method = RangeMethod::Percentile;
  for (double percentile : {90.0, 99.0, 99.9, 100.0}) {
    options.percentile = percentile;
    ClipRange range = chooseRange(observe(values), options);
    EXPECT_NEAR(range.hi, percentile - 20, 0.06);
    EXPECT_NEAR(range.lo, std::min(0.0, 80 - percentile), 0.06);
  }
}

TEST(ChooseRange, EmptyAndConstant) {
  for (RangeMethod method :
       {RangeMethod::MinMax, RangeMethod::MovingAverage,
        RangeMethod::Percentile, RangeMethod::Entropy, RangeMethod::MeanSquare})
    for (bool symmetric : {false, true}) {
      RangeOptions options;
      options.method = method, options.symmetric = symmetric;
      ClipRange range = chooseRange(ValueStatistics(), options);
      EXPECT_EQ(range.lo, 0);
      EXPECT_EQ(range.hi, 0);
      range = chooseRange(observe(std::vector<float>(100, 0.0f)), options);
      EXPECT_EQ(range.hi, 0);
      range = chooseRange(observe(std::vector<float>(100, 3.0f)), options);
      EXPECT_NEAR(range.hi, 3, 1e-3);
      EXPECT_NEAR(range.lo, symmetric ? -3 : 0, 1e-3);
    }
}

TEST(MeanSquareError, MatchesTheValues) {
  for (Shape shape : shapes)
    for (unsigned bits : {2, 4, 8})
      for (bool symmetric : {false, true}) {
        std::vector<float> values = draw(shape);
        ValueStatistics statistics = observe(values);
        RangeOptions options;
        options.symmetric = symmetric;
        ClipRange range = chooseRange(statistics, options);
        // A sharp peak of 8-bit steps is in a few bins.
        double tolerance = shape == Shape::HeavyTail && bits == 8 ? 0.1 : 0.04;
        for (double factor : {1.0, 0.5, 0.1}) {
          ClipRange part{range.lo * factor, range.hi * factor};
          double expected = getError(values, part, bits, symmetric);
          EXPECT_NEAR(
              getMeanSquareError(statistics.histogram, part, bits, symmetric),
              expected, tolerance * expected)
              << static_cast<int>(shape) << " " << bits << " " << factor;
        }
      }
}

TEST(ChooseRange, MeanSquareMatchesExhaustiveSearch) {
  for (Shape shape : shapes)
    for (unsigned bits : {2, 3, 4, 8})
      for (bool symmetric : {false, true}) {
        ValueStatistics statistics = observe(draw(shape));
        RangeOptions options;
        options.symmetric = symmetric;
        ClipRange all = chooseRange(statistics, options);
        double least = HUGE_VAL;
        for (int i = 1; i <= 60; ++i)
          for (int j = symmetric || all.lo == 0 || all.hi == 0 ? 60 : 1;
               j <= 60; ++j) {
            double low = symmetric ? i : j;
            if (all.hi == 0)
              low = i;
            least = std::min(
                least, getMeanSquareError(statistics.histogram,
                                          {all.lo * low / 60, all.hi * i / 60},
                                          bits, symmetric));
          }
        options.method = RangeMethod::MeanSquare;
        options.bits = bits;
        ClipRange chosen = chooseRange(statistics, options);
        EXPECT_LE(
            getMeanSquareError(statistics.histogram, chosen, bits, symmetric),
            1.01 * least)
            << static_cast<int>(shape) << " " << bits << " " << symmetric;
        EXPECT_GE(chosen.lo, all.lo);
        EXPECT_LE(chosen.hi, all.hi);
      }
}

TEST(ChooseRange, EntropyDropsFarOutliers) {
  for (bool symmetric : {false, true}) {
    std::vector<float> values = draw(Shape::Normal, 100000);
    for (size_t i = 0; i < 5; ++i)
      values[i] = 40;
    RangeOptions options;
    options.method = RangeMethod::Entropy;
    options.bits = 4;
    options.symmetric = symmetric;
    ClipRange range = chooseRange(observe(values), options);
    EXPECT_LT(range.hi, 10);
    EXPECT_GT(range.hi, 1.5);
    EXPECT_LT(range.lo, -1.5);
  }
}

TEST(ChooseRange, EntropyKeepsEqualShares) {
  // Every clipping of a uniform distribution distorts it.
  std::vector<float> values(100000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i) / static_cast<float>(values.size());
  RangeOptions options;
  options.method = RangeMethod::Entropy;
  ClipRange range = chooseRange(observe(values), options);
  EXPECT_GT(range.hi, 0.97);
}

TEST(ChannelScales, OneSideNeedsNoZeroPoint) {
  ChannelScales scales =
      chooseChannelScales({{0, 255}, {0, 25.5}, {0, 0}}, {1, 1, 1}, 8,
                          /*isSigned=*/false, /*symmetric=*/false);
  EXPECT_EQ(scales.scales, (std::vector<float>{1, 0.1f, 1}));
  EXPECT_EQ(scales.zeroPoint, 0);
  scales = chooseChannelScales({{-255, 0}}, {1}, 8, /*isSigned=*/true,
                               /*symmetric=*/false);
  EXPECT_EQ(scales.scales, std::vector<float>{1});
  EXPECT_EQ(scales.zeroPoint, 127);
}

TEST(ChannelScales, SymmetricHasTheMiddleCode) {
  ChannelScales scales =
      chooseChannelScales({{-127, 1}, {-1, 254}}, {1, 1}, 8,
                          /*isSigned=*/false, /*symmetric=*/true);
  EXPECT_EQ(scales.zeroPoint, 128);
  EXPECT_EQ(scales.scales, (std::vector<float>{127 / 128.0f, 2}));
}

TEST(ChannelScales, ZeroPointOfLeastErrorThatRepresentsAll) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> uniform(0, 10);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<ClipRange> ranges;
    std::vector<double> weights;
    for (int channel = 0; channel < 5; ++channel) {
      ranges.push_back({-uniform(random) / 10, uniform(random)});
      weights.push_back(uniform(random));
    }
    ChannelScales scales =
        chooseChannelScales(ranges, weights, 8, /*isSigned=*/false, false);
    // What any zero point needs.
    double best = HUGE_VAL, own = 0;
    for (int zero = 1; zero < 255; ++zero) {
      double error = 0;
      for (int channel = 0; channel < 5; ++channel) {
        double scale = std::max(ranges[channel].hi / (255 - zero),
                                -ranges[channel].lo / zero);
        error += weights[channel] * scale * scale;
      }
      best = std::min(best, error);
    }
    for (int channel = 0; channel < 5; ++channel) {
      double scale = scales.scales[channel];
      own += weights[channel] * scale * scale;
      double zero = static_cast<double>(scales.zeroPoint);
      EXPECT_LE(ranges[channel].hi, 1.0001 * scale * (255 - zero));
      EXPECT_GE(ranges[channel].lo, -1.0001 * scale * zero);
    }
    EXPECT_NEAR(own, best, 1e-5 * best);
    EXPECT_NEAR(scales.error, own, 1e-9 * own);
  }
}

} // namespace
