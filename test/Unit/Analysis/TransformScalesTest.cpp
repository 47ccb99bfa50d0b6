// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales of transformed data: against searches of all of them.

#include "qc/Analysis/TransformScales.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace qc;

namespace {

/// The definition once more.
double getError(const WeightedValues &values, int bits, double scale,
                double offset) {
  double error = 0;
  for (auto [value, weight] : values.pairs) {
    double code = std::nearbyint((value + offset) / scale);
    code = std::max(code, -std::ldexp(1, bits - 1));
    code = std::min(code, std::ldexp(1, bits - 1) - 1);
    error += weight * std::pow(value + offset - code * scale, 2);
  }
  return error;
}

WeightedValues drawNormal(int count, double middle, double deviation) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal(middle, deviation);
  WeightedValues values;
  for (int i = 0; i < count; ++i)
    values.add(std::nearbyint(normal(random)), 1 + i % 3);
  return values;
}

TEST(TransformScales, WhatFitsIsExact) {
  WeightedValues values;
  for (int value = -127; value <= 127; ++value)
    values.add(value, 1);
  CodeScale chosen = chooseScale(values, 8, 1);
  EXPECT_EQ(chosen.scale, 1);
  EXPECT_EQ(chosen.error, 0);
  // 0 to 255 need an offset for that.
  WeightedValues positive;
  for (int value = 0; value <= 255; ++value)
    positive.add(value, 1);
  EXPECT_GT(chooseScale(positive, 8, 1).error, 0);
  chosen = chooseScaleAndOffset(positive, 8, 1, 0, 255);
  EXPECT_EQ(chosen.scale, 1);
  EXPECT_EQ(chosen.offset, -128);
  EXPECT_EQ(chosen.error, 0);
}

TEST(TransformScales, ErrorIsThatOfTheDefinition) {
  WeightedValues values = drawNormal(2000, 300, 500);
  for (int bits : {2, 4, 6, 8}) {
    for (const CodeScale &chosen :
         {chooseScale(values, bits, 1),
          chooseScaleAndOffset(values, bits, 1, -9000, 9000)})
      EXPECT_NEAR(chosen.error,
                  getError(values, bits, chosen.scale, chosen.offset),
                  1e-9 * chosen.error);
  }
}

TEST(TransformScales, NearTheBestOfAll) {
  WeightedValues values = drawNormal(5000, 0, 1000);
  for (int bits : {4, 6, 8}) {
    double least = HUGE_VAL;
    for (double scale = 1; scale < 4000 / std::ldexp(1, bits - 1); scale += 0.2)
      least = std::min(least, getError(values, bits, scale, 0));
    // Both searches have steps; those of the range are of 4 per cent.
    CodeScale chosen = chooseScale(values, bits, 1);
    EXPECT_GT(chosen.error, 0.95 * least) << bits;
    EXPECT_LT(chosen.error, 1.1 * least) << bits;
  }
}

TEST(TransformScales, AnOffsetHalvesTheStepsOfOneSide) {
  WeightedValues values;
  for (int value = 0; value <= 9000; ++value)
    values.add(value, 1);
  double without = chooseScale(values, 8, 1).error,
         with = chooseScaleAndOffset(values, 8, 1, 0, 9180).error;
  EXPECT_NEAR(with / without, 0.25, 0.01);
}

TEST(TransformScales, OffsetsStayIn16Bits) {
  WeightedValues values;
  for (int value = 20000; value <= 20100; ++value)
    values.add(value, 1);
  // -10000 would do, were there no values that it takes out of si16.
  CodeScale chosen = chooseScaleAndOffset(values, 8, 1, -30000, 30000);
  EXPECT_GE(-30000 + chosen.offset, INT16_MIN);
  EXPECT_LE(30000 + chosen.offset, INT16_MAX);
  // Where none is possible there is none.
  chosen = chooseScaleAndOffset(values, 8, 1, -32768, 32767);
  EXPECT_EQ(chosen.offset, 0);
  EXPECT_EQ(chosen.error, chooseScale(values, 8, 1).error);
}

TEST(TransformScales, TheUnseen) {
  WeightedValues few;
  few.add(-100, 1);
  few.add(200, 1);
  few.addUnseen(-110, 1000, 0.5);
  ASSERT_EQ(few.pairs.size(), 4u);
  EXPECT_EQ(few.low, -110); // The limit.
  EXPECT_EQ(few.high, 260);
  EXPECT_EQ(few.pairs[2], std::make_pair(-110.0, 0.5));
  EXPECT_EQ(few.pairs[3], std::make_pair(260.0, 0.5));
  // Nothing seen.
  WeightedValues none;
  none.addUnseen(-5, 5, 1);
  EXPECT_EQ(chooseScale(none, 8, 1).scale, 1);
  EXPECT_EQ(chooseScaleAndOffset(none, 8, 1, -5, 5).scale, 1);
}

} // namespace
