// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Biases by least squares.

#include "qc/Analysis/BiasCorrection.h"

#include "LinearAlgebra.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace qc;

namespace {

/// What a bias of one row gives.
struct Fit {
  /// Sums of squared differences, of differences times slopes, of squared
  /// slopes.
  double squares = 0, gradient = 0, curvature = 0;
};

} // namespace

OutputFunction OutputFunction::clamp(float lower, float upper) {
  OutputFunction function;
  function.lower = lower;
  function.upper = upper;
  return function;
}

OutputFunction OutputFunction::sampled(float first, float last,
                                       std::vector<float> values) {
  assert(values.size() >= 2 && first < last);
  OutputFunction function;
  function.first = first;
  function.step = (last - first) / static_cast<float>(values.size() - 1);
  function.values = std::move(values);
  return function;
}

OutputFunction::Point OutputFunction::at(float x) const {
  if (values.empty()) {
    bool isInside = x > lower && x < upper;
    return {std::clamp(x, lower, upper), isInside ? 1.0f : 0.0f};
  }
  float position = (x - first) / step;
  float cell = std::clamp(std::floor(position), 0.0f,
                          static_cast<float>(values.size() - 2));
  auto i = static_cast<size_t>(cell);
  float rise = values[i + 1] - values[i];
  return {values[i] + (position - cell) * rise, rise / step};
}

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

int64_t qc::getBiasPositions(size_t numSamples) {
  return llvm::divideCeil(2048, numSamples);
}

float qc::fitBias(llvm::ArrayRef<float> outputs, llvm::ArrayRef<float> expected,
                  int64_t rows, int64_t row, const OutputFunction &function) {
  assert(outputs.size() == expected.size());
  int64_t positions = outputs.size() / rows;
  // The row's numbers, which are read again and again.
  std::vector<float> own(positions), wanted(positions);
  for (int64_t i = 0; i < positions; ++i) {
    own[i] = outputs[i * rows + row];
    wanted[i] = expected[i * rows + row];
  }
  auto evaluate = [&](float bias) {
    Fit fit;
    for (auto [output, target] : llvm::zip_equal(own, wanted)) {
      auto [value, slope] = function.at(output + bias);
      double difference = static_cast<double>(target) - value;
      fit.squares += difference * difference;
      fit.gradient += slope * difference;
      fit.curvature += static_cast<double>(slope) * slope;
    }
    return fit;
  };
  float bias = 0;
  Fit best = evaluate(bias);
  // A step to the minimum if slopes stayed as they are, halved while that is no
  // better; without a function the first step is the last.
  for (int halvings = 0, steps = 0; halvings < 5 && steps < 20; ++steps) {
    if (best.curvature == 0)
      break;
    float step = static_cast<float>(
        std::ldexp(best.gradient / best.curvature, -halvings));
    Fit next = evaluate(bias + step);
    if (next.squares < best.squares) {
      bias += step;
      best = next;
      halvings = 0;
    } else {
      ++halvings;
    }
  }
  return bias;
}

std::vector<float> qc::fitBiases(llvm::ArrayRef<float> outputs,
                                 llvm::ArrayRef<float> expected, int64_t rows,
                                 const OutputFunction &function) {
  std::vector<float> biases(rows);
  for (int64_t row = 0; row < rows; ++row)
    biases[row] = fitBias(outputs, expected, rows, row, function);
  return biases;
}
