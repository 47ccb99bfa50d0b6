// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grids and roundings: against plain loops, LLVM's float8 and exhaustive
// search.

#include "qc/Analysis/WeightQuantizer.h"

#include "qc/Analysis/Observer.h"
#include "qc/Analysis/Range.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace qc;

namespace {

std::vector<float> makeWeights(int64_t rows, int64_t columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> weights(rows * columns);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < columns; ++j)
      weights[row * columns + j] =
          normal(random) * 0.05f * static_cast<float>(1 + row % 4);
  return weights;
}

/// The second moment of inputs that depend on a few common factors, of
/// different powers.
std::vector<double> makeHessian(int64_t n, unsigned seed, int64_t samples = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  int64_t factors = std::max<int64_t>(n / 4, 1);
  std::vector<float> mix(factors * n), power(n);
  std::mt19937 fixed(1);
  for (float &m : mix)
    m = normal(fixed);
  for (float &p : power)
    p = std::exp(normal(fixed));
  samples = samples ? samples : 4 * n;
  std::vector<float> x(samples * n), source(factors);
  for (int64_t s = 0; s < samples; ++s) {
    for (float &f : source)
      f = normal(random);
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0.3f * normal(random) * std::sqrt(float(factors));
      for (int64_t f = 0; f < factors; ++f)
        sum += source[f] * mix[f * n + j];
      x[s * n + j] = sum * power[j];
    }
  }
  SecondMoment moment(n);
  moment.add(x);
  return moment.getMean();
}

double getError(llvm::ArrayRef<float> weights, llvm::ArrayRef<int8_t> codes,
                const WeightGrid &grid, llvm::ArrayRef<double> hessian) {
  return getQuadraticError(weights, dequantize(codes, grid), grid.rows,
                           grid.columns, hessian);
}

TEST(MakeGrid, ClosedForms) {
  std::vector<float> w = {-1.0f, 0.5f, 0.25f, 2.0f, 0, 0, 0, 0};
  GridFormat format;
  WeightGrid grid = makeGrid(w, 2, 4, format);
  EXPECT_FLOAT_EQ(grid.scales[0], 2.0f / 127);
  EXPECT_EQ(grid.scales[1], 0x1p-20f);
  EXPECT_EQ(grid.zeros[0], 0);

  format.bits = 4, format.blockSize = 2;
  grid = makeGrid(w, 2, 4, format);
  ASSERT_EQ(grid.scales.size(), 4u);
  EXPECT_FLOAT_EQ(grid.scales[0], 1.0f / 7);
  EXPECT_FLOAT_EQ(grid.scales[1], 2.0f / 7);

  // The larger extreme takes the side with one level more.
  format.fullRange = true;
  grid = makeGrid(w, 2, 4, format);
  EXPECT_FLOAT_EQ(grid.scales[0], 1.0f / 8);
  EXPECT_EQ(grid.zeros[0], 0);
  EXPECT_FLOAT_EQ(grid.scales[1], 2.0f / 8);
  EXPECT_EQ(grid.zeros[1], -1);
  WeightCodes codes = roundNearest(w, grid);
  EXPECT_EQ(codes[0], -8);
  EXPECT_EQ(codes[3], 7);
  EXPECT_EQ(dequantize(codes, grid)[3], 2.0f);

  format.fullRange = false, format.symmetric = false, format.isSigned = false;
  grid = makeGrid(w, 2, 4, format);
  EXPECT_FLOAT_EQ(grid.scales[0], 1.5f / 15);
  EXPECT_EQ(grid.zeros[0], 10);
  EXPECT_FLOAT_EQ(grid.scales[1], 2.0f / 15);
  EXPECT_EQ(grid.zeros[1], 0);

  // 12 bits of the scale remain, denormal ones too.
  format.scaleType = ScaleType::F16;
  for (float factor : {1.0f, 3e-5f, 1e-9f, 1e9f}) {
    std::vector<float> scaled = w;
    for (float &x : scaled)
      x *= factor;
    grid = makeGrid(scaled, 2, 4, format);
    llvm::APFloat half(1.5f * factor / 15);
    bool lost;
    half.convert(llvm::APFloat::IEEEhalf(), llvm::APFloat::rmNearestTiesToEven,
                 &lost);
    half.convert(llvm::APFloat::IEEEsingle(),
                 llvm::APFloat::rmNearestTiesToEven, &lost);
    float expected = half.convertToFloat();
    EXPECT_EQ(grid.scales[0],
              std::isinf(expected) ? 65504.0f : std::max(expected, 0x1p-24f));
  }
}

TEST(RoundNearest, IsQuantizeLinear) {
  constexpr int64_t rows = 9, columns = 50;
  std::vector<float> weights = makeWeights(rows, columns, 1);
  for (unsigned bits : {2, 3, 4, 5, 6, 8})
    for (bool isSigned : {false, true})
      for (bool symmetric : {false, true})
        for (int64_t blockSize : {0, 16}) {
          GridFormat format;
          format.bits = bits, format.isSigned = isSigned;
          format.symmetric = symmetric, format.blockSize = blockSize;
          WeightGrid grid = makeGrid(weights, rows, columns, format);
          // Saturation, too.
          for (float &scale : grid.scales)
            scale *= 0.7f;
          WeightCodes codes = roundNearest(weights, grid);
          std::vector<float> values = dequantize(codes, grid);
          int64_t groups = grid.getNumGroups();
          EXPECT_EQ(groups, blockSize ? 4 : 1);
          for (int64_t i = 0; i < rows * columns; ++i) {
            int64_t at = i / columns * groups +
                         (blockSize ? i % columns / blockSize : 0);
            float scale = grid.scales[at];
            int64_t zero = grid.zeros[at];
            int64_t code =
                std::clamp<int64_t>(std::lrint(weights[i] / scale) + zero,
                                    getSmallestCode(bits, isSigned),
                                    getLargestCode(bits, isSigned));
            EXPECT_EQ(codes[i], static_cast<int8_t>(code));
            EXPECT_EQ(values[i], static_cast<float>(code - zero) * scale);
          }
        }
}

TEST(RoundNearest, Float8) {
  for (GridKind kind : {GridKind::Float8E4M3, GridKind::Float8E5M2}) {
    const llvm::fltSemantics &semantics = kind == GridKind::Float8E4M3
                                              ? llvm::APFloat::Float8E4M3FN()
                                              : llvm::APFloat::Float8E5M2();
    float largest = kind == GridKind::Float8E4M3 ? 448 : 57344;
    std::vector<float> weights;
    for (int exponent = -22; exponent <= 16; ++exponent)
      for (int mantissa = 0; mantissa < 64; ++mantissa) {
        float value =
            std::ldexp(1 + static_cast<float>(mantissa) / 64, exponent);
        if (value <= largest) {
          weights.push_back(value);
          weights.push_back(-value);
        }
      }
    weights.push_back(0);
    weights.push_back(largest);
    GridFormat format;
    format.kind = kind;
    WeightGrid grid = makeGrid(weights, 1, weights.size(), format);
    ASSERT_EQ(grid.scales[0], 1.0f);
    WeightCodes codes = roundNearest(weights, grid);
    std::vector<float> values = dequantize(codes, grid);
    for (size_t i = 0; i < weights.size(); ++i) {
      llvm::APFloat expected(weights[i]);
      bool lost;
      expected.convert(semantics, llvm::APFloat::rmNearestTiesToEven, &lost);
      uint8_t bits = expected.bitcastToAPInt().getZExtValue();
      // Zeros of both signs are the same value.
      if ((bits & 127) != 0)
        EXPECT_EQ(static_cast<uint8_t>(codes[i]), bits) << weights[i];
      expected.convert(llvm::APFloat::IEEEsingle(),
                       llvm::APFloat::rmNearestTiesToEven, &lost);
      EXPECT_EQ(values[i], expected.convertToFloat());
    }
  }
}

TEST(MakeGrid, ClipSearchesLowerTheirErrors) {
  constexpr int64_t rows = 24, columns = 100;
  std::vector<float> weights = makeWeights(rows, columns, 2);
  std::vector<double> hessian = makeHessian(columns, 3);
  for (unsigned bits : {2, 3, 4})
    for (int64_t blockSize : {0, 32})
      for (bool symmetric : {false, true}) {
        GridFormat format;
        format.bits = bits, format.blockSize = blockSize;
        format.symmetric = symmetric;
        WeightGrid plain = makeGrid(weights, rows, columns, format);
        format.method = GridMethod::WeightError;
        WeightGrid weight = makeGrid(weights, rows, columns, format);
        format.method = GridMethod::OutputError;
        WeightGrid output = makeGrid(weights, rows, columns, format, hessian);
        int64_t size = plain.blockSize;
        auto powerError = [&](const WeightGrid &grid) {
          std::vector<float> values =
              dequantize(roundNearest(weights, grid), grid);
          double sum = 0;
          for (auto [w, v] : llvm::zip(weights, values))
            sum += std::pow(std::fabs(w - v), 2.375);
          return sum;
        };
        // Error of the groups alone, as the search sees it.
        auto groupError = [&](const WeightGrid &grid) {
          std::vector<float> values =
              dequantize(roundNearest(weights, grid), grid);
          double sum = 0;
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t i = 0; i < columns; ++i)
              for (int64_t j = i / size * size;
                   j < std::min(columns, (i / size + 1) * size); ++j)
                sum +=
                    (weights[row * columns + i] - values[row * columns + i]) *
                    hessian[i * columns + j] *
                    (weights[row * columns + j] - values[row * columns + j]);
          return sum;
        };
        EXPECT_LT(powerError(weight), powerError(plain));
        EXPECT_LT(groupError(output), groupError(plain));
        EXPECT_LT(groupError(output), groupError(weight));
      }
}

TEST(QuadraticError, MatchesPlainLoops) {
  constexpr int64_t rows = 300, n = 7;
  std::vector<float> a = makeWeights(rows, n, 4), b = makeWeights(rows, n, 5);
  std::vector<double> hessian = makeHessian(n, 6);
  double sum = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        sum += static_cast<double>(a[row * n + i] - b[row * n + i]) *
               hessian[i * n + j] * (a[row * n + j] - b[row * n + j]);
  EXPECT_NEAR(getQuadraticError(a, b, rows, n, hessian), sum, 1e-5 * sum);
}

/// Error feedback as the textbook has it: optimal brain surgery, one column at
/// a time, with the inverse of what remains computed anew by Gauss-Jordan.
std::vector<float> roundByDefinition(llvm::ArrayRef<float> weights,
                                     const WeightGrid &grid,
                                     std::vector<double> hessian,
                                     double damping, bool order) {
  int64_t rows = grid.rows, n = grid.columns;
  double power = 0;
  for (int64_t i = 0; i < n; ++i)
    power += hessian[i * n + i] / static_cast<double>(n);
  std::vector<int64_t> left(n);
  for (int64_t i = 0; i < n; ++i)
    left[i] = i;
  if (order)
    llvm::sort(left, [&](int64_t a, int64_t b) {
      return std::pair(-hessian[a * n + a], a) <
             std::pair(-hessian[b * n + b], b);
    });
  for (int64_t i = 0; i < n; ++i)
    hessian[i * n + i] += damping * power;
  std::vector<double> w(weights.begin(), weights.end());
  while (!left.empty()) {
    int64_t m = left.size();
    std::vector<double> a(m * 2 * m, 0.0);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < m; ++j)
        a[i * 2 * m + j] = hessian[left[i] * n + left[j]];
      a[i * 2 * m + m + i] = 1;
    }
    for (int64_t k = 0; k < m; ++k) {
      double pivot = a[k * 2 * m + k];
      for (int64_t j = 0; j < 2 * m; ++j)
        a[k * 2 * m + j] /= pivot;
      for (int64_t i = 0; i < m; ++i)
        if (i != k) {
          double factor = a[i * 2 * m + k];
          for (int64_t j = 0; j < 2 * m; ++j)
            a[i * 2 * m + j] -= factor * a[k * 2 * m + j];
        }
    }
    int64_t column = left[0];
    int64_t groups = grid.getNumGroups();
    for (int64_t row = 0; row < rows; ++row) {
      int64_t at = row * groups + column / grid.blockSize;
      double scale = grid.scales[at], zero = grid.zeros[at];
      double code = std::clamp<double>(
          std::nearbyint(w[row * n + column] / scale) + zero,
          getSmallestCode(grid.format.bits, grid.format.isSigned),
          getLargestCode(grid.format.bits, grid.format.isSigned));
      double value = (code - zero) * scale;
      double error = (w[row * n + column] - value) / a[m];
      w[row * n + column] = value;
      for (int64_t j = 1; j < m; ++j)
        w[row * n + left[j]] -= error * a[m + j];
    }
    left.erase(left.begin());
  }
  return std::vector<float>(w.begin(), w.end());
}

TEST(RoundErrorFeedback, MatchesTheDefinition) {
  constexpr int64_t rows = 11, n = 40;
  std::vector<float> weights = makeWeights(rows, n, 7);
  std::vector<double> hessian = makeHessian(n, 8);
  for (bool order : {false, true})
    for (int64_t blockSize : {0, 16}) {
      GridFormat format;
      format.bits = 4, format.blockSize = blockSize, format.symmetric = order;
      WeightGrid grid = makeGrid(weights, rows, n, format);
      ErrorFeedbackOptions options;
      options.order = order;
      std::vector<float> values =
          dequantize(roundErrorFeedback(weights, grid, hessian, options), grid);
      std::vector<float> expected =
          roundByDefinition(weights, grid, hessian, options.damping, order);
      for (size_t i = 0; i < values.size(); ++i)
        EXPECT_NEAR(values[i], expected[i], 1e-6);
    }
}

TEST(RoundErrorFeedback, BeatsNearestAndPolishNeverHurts) {
  // Several blocks of columns, the last one partial.
  constexpr int64_t rows = 32, n = 300;
  std::vector<float> weights = makeWeights(rows, n, 9);
  std::vector<double> hessian = makeHessian(n, 10);
  std::vector<double> heldOut = makeHessian(n, 11);
  for (unsigned bits : {2, 3, 4, 8})
    for (int64_t blockSize : {0, 32})
      for (GridKind kind : {GridKind::Integer, GridKind::Float8E4M3}) {
        if (kind != GridKind::Integer && bits != 8)
          continue;
        GridFormat format;
        format.kind = kind;
        format.bits = bits, format.blockSize = blockSize;
        format.method = GridMethod::WeightError;
        WeightGrid grid = makeGrid(weights, rows, n, format);
        WeightCodes nearest = roundNearest(weights, grid);
        WeightCodes feedback = roundErrorFeedback(weights, grid, hessian);
        WeightCodes polished = feedback;
        double last = getError(weights, feedback, grid, hessian);
        EXPECT_LT(last, 0.6 * getError(weights, nearest, grid, hessian));
        EXPECT_LT(getError(weights, feedback, grid, heldOut),
                  0.7 * getError(weights, nearest, grid, heldOut));
        for (int sweep = 0; sweep < 4; ++sweep) {
          polishCodes(weights, grid, hessian, polished, 1);
          double now = getError(weights, polished, grid, hessian);
          EXPECT_LE(now, last * (1 + 1e-6));
          last = now;
        }
        // Codes stay on the grid.
        for (int8_t code : polished)
          if (kind == GridKind::Integer) {
            EXPECT_GE(code, getSmallestCode(bits, true));
            EXPECT_LE(code, getLargestCode(bits, true));
          }
      }
}

TEST(PolishCodes, EndsInACoordinatewiseMinimum) {
  constexpr int64_t rows = 4, n = 12;
  std::vector<float> weights = makeWeights(rows, n, 12);
  std::vector<double> hessian = makeHessian(n, 13);
  GridFormat format;
  format.bits = 3, format.symmetric = false, format.isSigned = false;
  WeightGrid grid = makeGrid(weights, rows, n, format);
  WeightCodes codes = roundNearest(weights, grid);
  polishCodes(weights, grid, hessian, codes, 100);
  double error = getError(weights, codes, grid, hessian);
  for (int8_t &code : codes) {
    int8_t saved = code;
    for (int other = 0; other < 8; ++other) {
      code = static_cast<int8_t>(other);
      EXPECT_GE(getError(weights, codes, grid, hessian), error * (1 - 1e-5));
    }
    code = saved;
  }
}

TEST(RoundErrorFeedback, DegenerateHessians) {
  constexpr int64_t rows = 3, n = 10;
  std::vector<float> weights = makeWeights(rows, n, 14);
  GridFormat format;
  format.bits = 4;
  WeightGrid grid = makeGrid(weights, rows, n, format);
  WeightCodes nearest = roundNearest(weights, grid);
  // Nothing seen, and nothing usable.
  std::vector<double> hessian(n * n, 0.0);
  EXPECT_EQ(roundErrorFeedback(weights, grid, hessian), nearest);
  hessian[0] = NAN;
  ErrorFeedbackOptions options;
  options.sweeps = 2;
  EXPECT_EQ(roundErrorFeedback(weights, grid, hessian, options), nearest);
  // One row seen, weakly, and inputs that are always zero, which are rounded to
  // nearest.
  std::vector<float> x(n, 0.001f);
  x[3] = x[7] = 0;
  SecondMoment moment(n);
  moment.add(x);
  hessian = moment.getMean();
  WeightCodes codes = roundErrorFeedback(weights, grid, hessian, options);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j : {3, 7})
      EXPECT_EQ(codes[row * n + j], nearest[row * n + j]);
  EXPECT_LT(getError(weights, codes, grid, hessian),
            0.3 * getError(weights, nearest, grid, hessian));
  // Not positive until it is damped a lot.
  hessian.assign(n * n, 1.0);
  for (int64_t i = 0; i < n; ++i)
    hessian[i * n + i] = 0.5;
  EXPECT_EQ(roundErrorFeedback(weights, grid, hessian).size(), codes.size());
}

} // namespace
