// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metrics: closed forms, numbers from numpy, and degenerate inputs.

#include "qc/Analysis/Metrics.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace qc;

namespace {

const float infinity = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

/// sin(1), sin(2), ... scaled.
std::vector<float> makeWave(size_t count, double step, double scale) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] =
        static_cast<float>(scale * std::sin(step * static_cast<double>(i + 1)));
  return values;
}

TEST(Comparison, ClosedForms) {
  Comparison comparison;
  comparison.add({1, 2, 2}, {1, 2, 1});
  EXPECT_NEAR(comparison.getSQNR(), 10 * std::log10(9.0), 1e-12);
  EXPECT_NEAR(comparison.getCosine(), 7 / (3 * std::sqrt(6.0)), 1e-12);
  EXPECT_NEAR(comparison.getMeanSquareError(), 1.0 / 3, 1e-12);
  EXPECT_EQ(comparison.getMaxError(), 1);
  // Sums, not means of results.
  comparison.add({1, 0, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 0, 0, 3});
  EXPECT_NEAR(comparison.getSQNR(), 10 * std::log10(10.0 / 11), 1e-12);
  EXPECT_EQ(comparison.getMaxError(), 3);
  EXPECT_EQ(comparison.getCount(), 10u);
}

TEST(Comparison, Degenerate) {
  Comparison none;
  EXPECT_EQ(none.getSQNR(), maxDecibels);
  EXPECT_EQ(none.getCosine(), 1);
  EXPECT_EQ(none.getMeanSquareError(), 0);
  Comparison zeros;
  zeros.add({0, 0}, {0, 0});
  EXPECT_EQ(zeros.getSQNR(), maxDecibels);
  EXPECT_EQ(zeros.getCosine(), 1);
  Comparison noSignal;
  noSignal.add({0, 0}, {1, 0});
  EXPECT_EQ(noSignal.getSQNR(), -maxDecibels);
  EXPECT_EQ(noSignal.getCosine(), 0);
  Comparison equal;
  equal.add({3, -3}, {3, -3});
  EXPECT_EQ(equal.getSQNR(), maxDecibels);
  EXPECT_NEAR(equal.getCosine(), 1, 1e-15);
  for (float bad : {infinity, nan}) {
    Comparison wrong;
    wrong.add({1, 2}, {1, bad});
    EXPECT_EQ(wrong.getSQNR(), -maxDecibels);
    EXPECT_EQ(wrong.getCosine(), 0);
    EXPECT_EQ(wrong.getMaxError(), infinity);
    wrong.add({1}, {1});
    EXPECT_EQ(wrong.getSQNR(), -maxDecibels);
  }
}

TEST(LogitComparison, MatchesNumpy) {
  // numpy: r = 3 sin(i), o = 3 sin(1.01 i), i = 1 .. 12, in rows of
  // four; (p * log(p / q)).sum(1).mean()
  LogitComparison comparison;
  comparison.add(makeWave(12, 1, 3), makeWave(12, 1.01, 3), 4);
  EXPECT_NEAR(comparison.getDivergence(), 0.004696867809, 1e-7);
  EXPECT_EQ(comparison.getNumRows(), 3u);
}

TEST(LogitComparison, ClosedFormsAndDegenerate) {
  LogitComparison comparison;
  EXPECT_EQ(comparison.getDivergence(), 0);
  EXPECT_EQ(comparison.getAgreement(), 1);
  float third = static_cast<float>(std::log(3.0));
  comparison.add({third, 0}, {0, third}, 2);
  // 3/4 ln 3 - 1/4 ln 3
  EXPECT_NEAR(comparison.getDivergence(), std::log(3.0) / 2, 1e-6);
  EXPECT_EQ(comparison.getAgreement(), 0);
  // Equal elements: the first counts. Large logits do not overflow, masked ones
  // are left out.
  comparison.add({1000, 1000, -infinity, 0}, {1000, 1000, -infinity, 0}, 4);
  EXPECT_NEAR(comparison.getDivergence(), std::log(3.0) / 4, 1e-6);
  EXPECT_EQ(comparison.getAgreement(), 0.5);
  LogitComparison wrong;
  wrong.add({1, 2}, {nan, 2}, 2);
  EXPECT_EQ(wrong.getDivergence(), infinity);
}

TEST(Sensitivity, ShareOfLargeValues) {
  // Mean 0, deviation 1: only +-3 is beyond one.
  std::vector<float> values(18, 0);
  values[4] = 3, values[11] = -3;
  EXPECT_NEAR(getZScoreShare(values), 2.0 / 18, 1e-12);
  EXPECT_NEAR(getOutlierShare(values), 2.0 / 18, 1e-12);
  EXPECT_EQ(getOutlierShare(values, 10), 0);
  // The sine spends half its time beyond its deviation.
  EXPECT_NEAR(getZScoreShare(makeWave(100000, 0.001, 5)), 0.5, 1e-2);
  EXPECT_EQ(getZScoreShare({}), 0);
  EXPECT_EQ(getOutlierShare({}), 0);
  EXPECT_EQ(getZScoreShare({2, 2, 2}), 0);
  EXPECT_EQ(getOutlierShare({2, 2, 2}), 0);
  EXPECT_EQ(getOutlierShare({0, 0}), 0);
}

TEST(Sensitivity, InputModification) {
  EXPECT_NEAR(getInputModification({1, 0, 0, 2}, {3, 0, 2, 0}, 2), 0.5, 1e-12);
  EXPECT_NEAR(getInputModification({1, 2}, {-1, -2}, 2), 2, 1e-12);
  EXPECT_EQ(getInputModification({}, {}, 4), 0);
  EXPECT_EQ(getInputModification({0, 0}, {0, 0}, 2), 0);
}

} // namespace
