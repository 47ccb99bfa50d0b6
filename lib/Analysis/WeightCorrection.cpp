// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights by ridge regression.

#include "qc/Analysis/WeightCorrection.h"

#include "LinearAlgebra.h"

#include <algorithm>
#include <cassert>

using namespace qc;

ResidualObserver::ResidualObserver(int64_t rows, int64_t columns,
                                   int64_t groups)
    : rows(rows), columns(columns), groups(groups),
      squares(groups * columns, columns), cross(rows * columns),
      residualSums(rows) {}

void ResidualObserver::add(llvm::ArrayRef<float> inputs,
                           llvm::ArrayRef<float> residuals) {
  int64_t width = groups * columns, groupRows = rows / groups;
  int64_t positions = static_cast<int64_t>(inputs.size()) / width;
  assert(static_cast<int64_t>(residuals.size()) == positions * rows);
  squares.add(inputs);
  for (int64_t position = 0; position < positions; ++position)
    for (int64_t i = 0; i < rows; ++i)
      residualSums[i] += residuals[position * rows + i];
  std::vector<float> products(groupRows * columns);
  for (int64_t group = 0; group < groups; ++group) {
    multiply(true, false, groupRows, columns, positions, 1,
             residuals.data() + group * groupRows, rows,
             inputs.data() + group * columns, width, 0, products.data(),
             columns);
    double *sums = cross.data() + group * groupRows * columns;
    for (float product : products)
      *sums++ += product;
  }
}

ResidualMoments ResidualObserver::getMoments(bool hasBias) {
  ResidualMoments moments{rows, columns, groups, {}, {}};
  double count = std::max(squares.getWeight(), 1.0);
  moments.cross.reserve(cross.size());
  for (int64_t group = 0, row = 0; group < groups; ++group) {
    SecondMoment::Moments inputs = squares.getMoments(group);
    for (; row < (group + 1) * (rows / groups); ++row)
      for (int64_t i = 0; i < columns; ++i) {
        double means =
            hasBias ? residualSums[row] / count * inputs.mean[i] : 0.0;
        moments.cross.push_back(
            static_cast<float>(cross[row * columns + i] / count - means));
      }
    moments.squares.push_back(hasBias ? std::move(inputs.covariance)
                                      : squares.getMean(group));
  }
  return moments;
}

/// Ridge regression; false if a matrix cannot be factorized.
static bool solve(const ResidualMoments &moments, double ridge,
                  std::vector<float> &change) {
  int64_t n = moments.columns, groupRows = moments.rows / moments.groups;
  change.assign(moments.cross.size(), 0.0f);
  for (int64_t group = 0; group < moments.groups; ++group) {
    std::vector<double> matrix = moments.squares[group];
    double trace = 0;
    for (int64_t i = 0; i < n; ++i)
      trace += matrix[i * (n + 1)];
    // Inputs that are always zero correct nothing.
    if (trace == 0)
      continue;
    for (int64_t i = 0; i < n; ++i)
      matrix[i * (n + 1)] += ridge * trace / static_cast<double>(n);
    const float *cross = moments.cross.data() + group * groupRows * n;
    std::vector<double> sides(cross, cross + groupRows * n);
    if (!factorizeCholesky(matrix.data(), n))
      return false;
    solveCholesky(matrix.data(), n, sides.data(), groupRows);
    std::copy(sides.begin(), sides.end(),
              change.begin() + group * groupRows * n);
  }
  return true;
}

std::vector<float> qc::correctWeights(const ResidualMoments &own,
                                      const ResidualMoments &other) {
  int64_t n = own.columns, groupRows = own.rows / own.groups;
  std::vector<float> best(own.cross.size()), change;
  std::vector<float> square(n * n), products(groupRows * n);
  double largest = 0;
  for (double ridge : {0.1, 0.01, 0.001}) {
    if (!solve(own, ridge, change))
      break;
    // The other's mean |r - s D x|^2 is that of r minus 2 s gain - s^2 power.
    double gain = 0, power = 0;
    for (int64_t group = 0; group < own.groups; ++group) {
      const float *part = change.data() + group * groupRows * n;
      std::copy(other.squares[group].begin(), other.squares[group].end(),
                square.begin());
      multiply(false, false, groupRows, n, n, 1, part, n, square.data(), n, 0,
               products.data(), n);
      const float *cross = other.cross.data() + group * groupRows * n;
      for (int64_t i = 0; i < groupRows * n; ++i) {
        gain += static_cast<double>(part[i]) * cross[i];
        power += static_cast<double>(part[i]) * products[i];
      }
    }
    if (!(gain > 0 && power > 0))
      continue;
    double share = std::min(gain / power, 1.0);
    double benefit = share * (2 * gain - share * power);
    if (benefit <= largest)
      continue;
    largest = benefit;
    for (size_t i = 0; i < best.size(); ++i)
      best[i] = static_cast<float>(share) * change[i];
  }
  return best;
}
