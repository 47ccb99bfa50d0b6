// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Biases by least squares.

#include "qc/Analysis/BiasCorrection.h"

#include "LinearAlgebra.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace qc;

namespace {

/// What a bias of one row gives.
struct Fit {
  /// Sums of squared differences, and of differences of the outputs that are
  /// not clamped; the number of these.
  double squares = 0, differences = 0, moving = 0;
};

} // namespace

void qc::addProducts(llvm::ArrayRef<float> inputs,
                     llvm::ArrayRef<float> weights, int64_t groups,
                     int64_t rows, int64_t columns,
                     llvm::MutableArrayRef<float> outputs) {
  int64_t positions = outputs.size() / rows, groupRows = rows / groups;
  assert(static_cast<int64_t>(inputs.size()) == positions * groups * columns);
  for (int64_t group = 0; group < groups; ++group)
    multiply(false, true, positions, groupRows, columns, 1,
             inputs.data() + group * columns, groups * columns,
             weights.data() + group * groupRows * columns, columns, 1,
             outputs.data() + group * groupRows, rows);
}

std::vector<float> qc::fitBiases(llvm::ArrayRef<float> outputs,
                                 llvm::ArrayRef<float> expected, int64_t rows,
                                 OutputClamp clamp) {
  assert(outputs.size() == expected.size());
  int64_t positions = outputs.size() / rows;
  auto evaluate = [&](int64_t row, float bias) {
    Fit fit;
    for (int64_t i = row; i < positions * rows; i += rows) {
      float value = outputs[i] + bias;
      double difference = static_cast<double>(expected[i]) -
                          std::clamp(value, clamp.lower, clamp.upper);
      fit.squares += difference * difference;
      if (value > clamp.lower && value < clamp.upper) {
        fit.differences += difference;
        ++fit.moving;
      }
    }
    return fit;
  };
  std::vector<float> biases(rows);
  for (int64_t row = 0; row < rows; ++row) {
    Fit best = evaluate(row, 0);
    // A step to the minimum of what is not clamped, halved while that is no
    // better; without a clamp the first step is the last.
    for (int halvings = 0, steps = 0; halvings < 5 && steps < 20; ++steps) {
      if (best.moving == 0)
        break;
      float step = static_cast<float>(
          std::ldexp(best.differences / best.moving, -halvings));
      Fit next = evaluate(row, biases[row] + step);
      if (next.squares < best.squares) {
        biases[row] += step;
        best = next;
        halvings = 0;
      } else {
        ++halvings;
      }
    }
  }
  return biases;
}
