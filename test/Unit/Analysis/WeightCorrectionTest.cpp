// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Corrected weights: against known answers and on samples not seen.

#include "qc/Analysis/WeightCorrection.h"

#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace qc;

namespace {

/// A layer W with inputs that have errors: x = s + e, residual W s - W x.
struct NoisyLayer {
  int64_t rows, columns, groups;
  std::vector<float> weights;
  /// Standard deviations of signals and errors, of each input.
  std::vector<float> signal, error;
  float inputMean = 0, residualMean = 0;
  std::mt19937 random{7};

  NoisyLayer(int64_t rows, int64_t columns, int64_t groups)
      : rows(rows), columns(columns), groups(groups), weights(rows * columns),
        signal(groups * columns, 1.0f), error(groups * columns, 0.0f) {
    std::normal_distribution<float> normal;
    for (float &weight : weights)
      weight = normal(random);
  }

  /// Adds `positions` rows to an observer; returns the mean square of what
  /// `change` leaves of the residual.
  double observe(int64_t positions, ResidualObserver *observer,
                 llvm::ArrayRef<float> change = {}) {
    std::normal_distribution<float> normal;
    int64_t width = groups * columns, groupRows = rows / groups;
    std::vector<float> x(positions * width), r(positions * rows);
    double power = 0;
    for (int64_t p = 0; p < positions; ++p) {
      std::vector<float> errors(width);
      for (int64_t i = 0; i < width; ++i) {
        errors[i] = error[i] * normal(random);
        x[p * width + i] = inputMean + signal[i] * normal(random) + errors[i];
      }
      for (int64_t row = 0; row < rows; ++row) {
        int64_t first = row / groupRows * columns;
        float residual = residualMean;
        for (int64_t i = 0; i < columns; ++i)
          residual -= weights[row * columns + i] * errors[first + i];
        r[p * rows + row] = residual;
        for (int64_t i = 0; i < columns && !change.empty(); ++i)
          residual -= change[row * columns + i] * x[p * width + first + i];
        power += static_cast<double>(residual) * residual;
      }
    }
    if (observer)
      observer->add(x, r);
    return power / static_cast<double>(positions * rows);
  }

  ResidualMoments getMoments(int64_t positions, bool hasBias) {
    ResidualObserver observer(rows, columns, groups);
    // In two parts.
    observe(positions / 2, &observer);
    observe(positions - positions / 2, &observer);
    return observer.getMoments(hasBias);
  }
};

TEST(CorrectWeights, LowersWeightsOfInputsThatAreMostlyError) {
  NoisyLayer layer(4, 6, 2);
  layer.error = {0, 0.1, 1, 3, 0, 0, 0, 0, 0, 0, 0, 2};
  ResidualMoments own = layer.getMoments(20000, false),
                  other = layer.getMoments(20000, false);
  std::vector<float> change = correctWeights(own, other);
  // The best estimate of a signal of power s in s + e is s / (s + e) of it.
  for (int64_t row = 0; row < 4; ++row)
    for (int64_t i = 0; i < 6; ++i) {
      float e = layer.error[row / 2 * 6 + i];
      EXPECT_NEAR(change[row * 6 + i],
                  -layer.weights[row * 6 + i] * e * e / (1 + e * e), 0.1)
          << row << " " << i;
    }
  double before = layer.observe(5000, nullptr);
  EXPECT_LT(layer.observe(5000, nullptr, change), 0.35 * before);
}

TEST(CorrectWeights, ABiasTakesMeans) {
  NoisyLayer plain(3, 5, 1), shifted(3, 5, 1);
  plain.error = shifted.error = {0, 1, 0, 0.5, 0};
  shifted.inputMean = 4, shifted.residualMean = -3;
  // The same random numbers: only the means differ.
  ResidualMoments a = plain.getMoments(4000, true),
                  b = plain.getMoments(4000, true),
                  c = shifted.getMoments(4000, true),
                  d = shifted.getMoments(4000, true);
  std::vector<float> expected = correctWeights(a, b),
                     change = correctWeights(c, d);
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(change[i], expected[i], 1e-3);
  // Without a bias the weights have to take them.
  ResidualMoments e = shifted.getMoments(4000, false);
  std::vector<float> all = correctWeights(e, e);
  double sum = 0;
  for (float value : all)
    sum += value;
  EXPECT_LT(sum, -1);
}

TEST(CorrectWeights, WhatTheOtherHalfDoesNotConfirmIsLeftOut) {
  // 40 rows for 60 inputs fit anything; residuals have nothing to do with
  // them.
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  auto make = [&] {
    ResidualObserver observer(2, 60, 1);
    std::vector<float> x(40 * 60), r(40 * 2);
    for (float &value : x)
      value = normal(random);
    for (float &value : r)
      value = normal(random);
    observer.add(x, r);
    return observer.getMoments(false);
  };
  ResidualMoments own = make(), other = make();
  double confirmed = 0, fitted = 0;
  for (float value : correctWeights(own, other))
    confirmed += value * value;
  for (float value : correctWeights(own, own))
    fitted += value * value;
  EXPECT_GT(fitted, 0.5);
  EXPECT_LT(confirmed, 0.05 * fitted);
}

TEST(CorrectWeights, NothingSeenChangesNothing) {
  ResidualObserver empty(4, 3, 2), zero(4, 3, 2);
  zero.add(std::vector<float>(12, 0.0f), std::vector<float>(8, 1.0f));
  EXPECT_EQ(correctWeights(zero.getMoments(true), empty.getMoments(true)),
            std::vector<float>(12, 0.0f));
  EXPECT_EQ(correctWeights(empty.getMoments(false), zero.getMoments(false)),
            std::vector<float>(12, 0.0f));
}

} // namespace
