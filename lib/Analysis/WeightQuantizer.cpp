// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Grids for weights and roundings onto them.
//
// Rounding with error feedback works on columns for all rows at once, on a
// transposed copy: the loops over rows are contiguous and vectorise, and what a
// block of columns passes on to the others is one matrix product.

#include "qc/Analysis/WeightQuantizer.h"

#include "LinearAlgebra.h"
#include "qc/Analysis/Range.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/bit.h"

#include <algorithm>
#include <cassert>
#include <cfloat>
#include <cmath>
#include <numeric>

using namespace qc;

//===----------------------------------------------------------------------===//
// Levels
//===----------------------------------------------------------------------===//

/// Round half to even of |x| <= 2^22: the sum has a unit of one, and the
/// compiler has a vector instruction for it.
static inline float roundToInteger(float x) {
  constexpr float magic = 0x1.8p23f;
  return (x + magic) - magic;
}

namespace {

/// Rounds to the values that codes of an integer type stand for, in units of
/// the scale.
struct IntegerLevels {
  float smallest, largest;

  explicit IntegerLevels(const GridFormat &format)
      : smallest(getSmallestCode(format.bits, format.isSigned)),
        largest(getLargestCode(format.bits, format.isSigned)) {}

  float round(float x, float zero) const {
    x = std::min(std::max(x, smallest - zero), largest - zero);
    return roundToInteger(x);
  }
  int8_t encode(float level, float zero) const {
    return static_cast<int8_t>(static_cast<int32_t>(level + zero));
  }
  float decode(int8_t code, float zero) const {
    float value = smallest < 0 ? static_cast<float>(code)
                               : static_cast<float>(static_cast<uint8_t>(code));
    return value - zero;
  }
};

/// The same for a float8 with subnormals.
struct FloatLevels {
  int mantissa, bias;
  float largest;

  explicit FloatLevels(GridKind kind)
      : mantissa(kind == GridKind::Float8E4M3 ? 3 : 2),
        bias(kind == GridKind::Float8E4M3 ? 7 : 15),
        largest(kind == GridKind::Float8E4M3 ? 448.0f : 57344.0f) {}

  float round(float x, float) const {
    x = std::min(std::max(x, -largest), largest);
    // Adding 1.5 * 2^(23 - mantissa) times the power of two of x, or of the
    // smallest normal, leaves a unit of the format's last place.
    int32_t exponent = llvm::bit_cast<int32_t>(x) & 0x7f800000;
    exponent = std::max(exponent, (128 - bias) << 23);
    float magic =
        llvm::bit_cast<float>(exponent + ((23 - mantissa) << 23)) * 1.5f;
    return (x + magic) - magic;
  }
  int8_t encode(float level, float) const {
    uint32_t bits = llvm::bit_cast<uint32_t>(level);
    uint32_t sign = bits >> 31 << 7;
    float magnitude = std::fabs(level);
    uint32_t code;
    if (magnitude < std::ldexp(1.0f, 1 - bias))
      code = static_cast<uint32_t>(std::ldexp(magnitude, bias - 1 + mantissa));
    else
      code = ((bits & 0x7fffffff) >> (23 - mantissa)) -
             (static_cast<uint32_t>(127 - bias) << mantissa);
    return static_cast<int8_t>(sign | code);
  }
  float decode(int8_t code, float) const {
    uint32_t magnitude = static_cast<uint8_t>(code) & 127;
    uint32_t fraction = magnitude & ((1u << mantissa) - 1);
    int exponent = static_cast<int>(magnitude >> mantissa);
    float value =
        exponent == 0
            ? std::ldexp(static_cast<float>(fraction), 1 - bias - mantissa)
            : std::ldexp(static_cast<float>(fraction + (1u << mantissa)),
                         exponent - bias - mantissa);
    return code < 0 ? -value : value;
  }
};

} // namespace

/// Calls `function` with the levels of the format.
template <typename Function>
static auto withLevels(const GridFormat &format, Function function) {
  if (format.kind == GridKind::Integer)
    return function(IntegerLevels(format));
  return function(FloatLevels(format.kind));
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// The nearest f16, at least its smallest subnormal.
static float roundToHalf(float x) {
  if (x >= 65504.0f)
    return 65504.0f;
  float unit = std::max(std::ldexp(1.0f, std::ilogb(x) - 10), 0x1p-24f);
  return std::max(std::nearbyint(x / unit) * unit, 0x1p-24f);
}

namespace {

struct ScaleAndZero {
  float scale, zero;
};

} // namespace

/// The parameters for weights from `lo` <= 0 to `hi` >= 0.
static ScaleAndZero getScaleAndZero(float lo, float hi,
                                    const GridFormat &format) {
  bool isInteger = format.kind == GridKind::Integer;
  float middle = isInteger && !format.isSigned
                     ? static_cast<float>(1 << (format.bits - 1))
                     : 0.0f;
  if (lo == 0 && hi == 0)
    return {0x1p-20f, middle};
  double extent = std::max(-lo, hi), steps;
  float zero = middle;
  bool asymmetric = false;
  if (!isInteger) {
    steps = FloatLevels(format.kind).largest;
  } else if (!format.symmetric) {
    asymmetric = true;
    extent = static_cast<double>(hi) - lo;
    steps = getLargestCode(format.bits, false);
  } else if (format.fullRange) {
    steps = static_cast<double>(int64_t(1) << (format.bits - 1));
    if (hi > -lo)
      zero -= 1;
  } else {
    steps = getLargestCode(format.bits, true);
  }
  float scale =
      static_cast<float>(std::clamp<double>(extent / steps, FLT_MIN, FLT_MAX));
  if (format.scaleType == ScaleType::F16)
    scale = roundToHalf(scale);
  if (asymmetric)
    zero =
        static_cast<float>(getSmallestCode(format.bits, format.isSigned) +
                           std::nearbyint(std::clamp(
                               -lo / static_cast<double>(scale), 0.0, steps)));
  return {scale, zero};
}

/// Sum of |w - wq|^2.375 over a group.
template <typename Levels>
static double getPowerError(llvm::ArrayRef<float> group, ScaleAndZero at,
                            const Levels &levels) {
  constexpr size_t lanes = 8;
  float sums[lanes] = {};
  auto term = [&](float w) {
    float error = std::fabs(levels.round(w / at.scale, at.zero) * at.scale - w);
    return error * error * std::sqrt(std::sqrt(error * std::sqrt(error)));
  };
  size_t i = 0;
  for (; i + lanes <= group.size(); i += lanes)
    for (size_t l = 0; l < lanes; ++l)
      sums[l] += term(group[i + l]);
  for (; i < group.size(); ++i)
    sums[0] += term(group[i]);
  return std::accumulate(sums, sums + lanes, 0.0);
}

WeightGrid qc::makeGrid(llvm::ArrayRef<float> weights, int64_t rows,
                        int64_t columns, const GridFormat &format,
                        llvm::ArrayRef<double> hessian) {
  assert(static_cast<int64_t>(weights.size()) == rows * columns);
  assert(format.bits >= 2 && format.bits <= 8 &&
         (format.kind == GridKind::Integer || format.bits == 8));
  assert(format.method != GridMethod::OutputError ||
         static_cast<int64_t>(hessian.size()) == columns * columns);
  WeightGrid grid;
  grid.format = format;
  grid.rows = rows, grid.columns = columns;
  grid.blockSize =
      format.blockSize ? std::min(format.blockSize, columns) : columns;
  int64_t groups = grid.getNumGroups();
  grid.scales.resize(rows * groups);
  grid.zeros.resize(rows * groups);

  // Fewer bits gain from more clipping.
  constexpr int numShrinks = 20;
  double reach = format.bits < 4 ? 0.6 : 0.5;
  auto shrink = [&](int step) {
    return static_cast<float>(1 - step * reach / numShrinks);
  };
  withLevels(format, [&](auto levels) {
    std::vector<float> low(rows), high(rows), block, errors, products;
    std::vector<ScaleAndZero> candidates(rows);
    std::vector<double> best(rows);
    std::vector<int> steps(rows), bestSteps(rows);
    for (int64_t group = 0; group < groups; ++group) {
      int64_t start = group * grid.blockSize;
      int64_t size = std::min(grid.blockSize, columns - start);
      auto getGroup = [&](int64_t row) {
        return weights.slice(row * columns + start, size);
      };
      auto accept = [&](int64_t row, ScaleAndZero at) {
        grid.scales[row * groups + group] = at.scale;
        grid.zeros[row * groups + group] = static_cast<int32_t>(at.zero);
      };
      for (int64_t row = 0; row < rows; ++row) {
        float lo = 0, hi = 0;
        for (float w : getGroup(row)) {
          lo = w < lo ? w : lo;
          hi = w > hi ? w : hi;
        }
        low[row] = lo, high[row] = hi;
        accept(row, getScaleAndZero(lo, hi, format));
      }
      if (format.method == GridMethod::WeightError) {
        for (int64_t row = 0; row < rows; ++row) {
          double least = HUGE_VAL;
          for (int step = 0; step < numShrinks; ++step) {
            float p = shrink(step);
            ScaleAndZero at =
                getScaleAndZero(low[row] * p, high[row] * p, format);
            double error = getPowerError(getGroup(row), at, levels);
            if (error < least) {
              least = error;
              accept(row, at);
            }
          }
        }
      } else if (format.method == GridMethod::OutputError) {
        // All rows at once: E H_gg is a matrix product.
        block.resize(size * size);
        for (int64_t i = 0; i < size; ++i)
          for (int64_t j = 0; j < size; ++j)
            block[i * size + j] =
                static_cast<float>(hessian[(start + i) * columns + start + j]);
        errors.resize(rows * size), products.resize(rows * size);
        std::fill(best.begin(), best.end(), HUGE_VAL);
        auto tryAll = [&](llvm::function_ref<int(int64_t)> getStep) {
          for (int64_t row = 0; row < rows; ++row) {
            steps[row] = std::clamp(getStep(row), 0, numShrinks - 1);
            float p = shrink(steps[row]);
            ScaleAndZero at = candidates[row] =
                getScaleAndZero(low[row] * p, high[row] * p, format);
            llvm::ArrayRef<float> from = getGroup(row);
            for (int64_t i = 0; i < size; ++i)
              errors[row * size + i] =
                  levels.round(from[i] / at.scale, at.zero) * at.scale -
                  from[i];
          }
          multiply(false, false, rows, size, size, 1.0f, errors.data(), size,
                   block.data(), size, 0.0f, products.data(), size);
          for (int64_t row = 0; row < rows; ++row) {
            double error = 0;
            for (int64_t i = 0; i < size; ++i)
              error += static_cast<double>(errors[row * size + i]) *
                       products[row * size + i];
            if (error < best[row]) {
              best[row] = error;
              bestSteps[row] = steps[row];
              accept(row, candidates[row]);
            }
          }
        };
        // Coarse to fine: each try is a product of matrices.
        int stride = 4;
        for (int step = 0; step < numShrinks; step += stride)
          tryAll([&](int64_t) { return step; });
        while ((stride /= 2) > 0) {
          std::vector<int> centers = bestSteps;
          tryAll([&](int64_t row) { return centers[row] - stride; });
          tryAll([&](int64_t row) { return centers[row] + stride; });
        }
      }
    }
  });
  return grid;
}

//===----------------------------------------------------------------------===//
// Nearest values
//===----------------------------------------------------------------------===//

WeightCodes qc::roundNearest(llvm::ArrayRef<float> weights,
                             const WeightGrid &grid) {
  assert(static_cast<int64_t>(weights.size()) == grid.rows * grid.columns);
  WeightCodes codes(weights.size());
  int64_t groups = grid.getNumGroups();
  withLevels(grid.format, [&](auto levels) {
    for (int64_t row = 0; row < grid.rows; ++row)
      for (int64_t group = 0; group < groups; ++group) {
        float scale = grid.scales[row * groups + group];
        float zero = static_cast<float>(grid.zeros[row * groups + group]);
        int64_t start = group * grid.blockSize;
        int64_t end = std::min(start + grid.blockSize, grid.columns);
        for (int64_t i = row * grid.columns + start,
                     e = row * grid.columns + end;
             i < e; ++i)
          codes[i] =
              levels.encode(levels.round(weights[i] / scale, zero), zero);
      }
  });
  return codes;
}

std::vector<float> qc::dequantize(llvm::ArrayRef<int8_t> codes,
                                  const WeightGrid &grid) {
  assert(static_cast<int64_t>(codes.size()) == grid.rows * grid.columns);
  std::vector<float> weights(codes.size());
  int64_t groups = grid.getNumGroups();
  withLevels(grid.format, [&](auto levels) {
    // Decoding a float8 is slow: a table of all codes.
    float decoded[256];
    for (int code = 0; code < 256; ++code)
      decoded[code] = levels.decode(static_cast<int8_t>(code), 0.0f);
    for (int64_t row = 0; row < grid.rows; ++row)
      for (int64_t j = 0; j < grid.columns; ++j) {
        int64_t at = row * groups + j / grid.blockSize;
        weights[row * grid.columns + j] =
            (decoded[static_cast<uint8_t>(codes[row * grid.columns + j])] -
             static_cast<float>(grid.zeros[at])) *
            grid.scales[at];
      }
  });
  return weights;
}

double qc::getQuadraticError(llvm::ArrayRef<float> weights,
                             llvm::ArrayRef<float> rounded, int64_t rows,
                             int64_t columns, llvm::ArrayRef<double> hessian) {
  assert(static_cast<int64_t>(weights.size()) == rows * columns &&
         rounded.size() == weights.size() &&
         static_cast<int64_t>(hessian.size()) == columns * columns);
  std::vector<float> narrow(hessian.begin(), hessian.end());
  double error = 0;
  constexpr int64_t panel = 256;
  std::vector<float> difference(panel * columns), product(panel * columns);
  for (int64_t start = 0; start < rows; start += panel) {
    int64_t count = std::min(panel, rows - start);
    for (int64_t i = 0; i < count * columns; ++i)
      difference[i] =
          weights[start * columns + i] - rounded[start * columns + i];
    multiply(false, false, count, columns, columns, 1.0f, difference.data(),
             columns, narrow.data(), columns, 0.0f, product.data(), columns);
    for (int64_t i = 0; i < count * columns; ++i)
      error += static_cast<double>(difference[i]) * product[i];
  }
  return error;
}

//===----------------------------------------------------------------------===//
// Error feedback
//===----------------------------------------------------------------------===//

namespace {

/// Columns whose errors reach the others by one matrix product.
constexpr int64_t blockColumns = 128;

/// The grid by groups x rows, as loops over rows want it.
struct TransposedGrid {
  explicit TransposedGrid(const WeightGrid &grid)
      : rows(grid.rows), blockSize(grid.blockSize) {
    int64_t groups = grid.getNumGroups();
    scales.resize(groups * rows), zeros.resize(groups * rows);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t group = 0; group < groups; ++group) {
        scales[group * rows + row] = grid.scales[row * groups + group];
        zeros[group * rows + row] =
            static_cast<float>(grid.zeros[row * groups + group]);
      }
  }
  const float *getScales(int64_t column) const {
    return scales.data() + column / blockSize * rows;
  }
  const float *getZeros(int64_t column) const {
    return zeros.data() + column / blockSize * rows;
  }

  int64_t rows, blockSize;
  std::vector<float> scales, zeros;
};

} // namespace

/// U, upper triangular with U^T U = (P H P^T + d I)^-1, where row i of the
/// permuted matrix is row `order[i]` of H and inputs that are always zero count
/// as independent ones of mean power. Empty if no damping makes H positive.
///
/// With J the reversal of rows, J (P H P^T) J = L L^T gives U = J L^-1 J: one
/// factorization and one triangular inverse.
static std::vector<float> factorizeInverse(llvm::ArrayRef<double> hessian,
                                           llvm::ArrayRef<int64_t> order,
                                           double damping) {
  int64_t n = order.size();
  double power = 0;
  int64_t live = 0;
  for (int64_t i = 0; i < n; ++i)
    if (hessian[i * n + i] != 0) {
      power += hessian[i * n + i];
      ++live;
    }
  if (!(power > 0))
    return {};
  power /= static_cast<double>(live);
  damping = std::max(damping, 1e-8);
  std::vector<double> factor(n * n);
  for (; damping < 1e4; damping *= 10) {
    for (int64_t i = 0; i < n; ++i) {
      const double *row = hessian.data() + order[n - 1 - i] * n;
      double *to = factor.data() + i * n;
      for (int64_t j = 0; j <= i; ++j)
        to[j] = row[order[n - 1 - j]];
      to[i] = (to[i] == 0 ? power : to[i]) + damping * power;
    }
    if (factorizeCholesky(factor.data(), n) && invertLower(factor.data(), n)) {
      std::vector<float> upper(n * n, 0.0f);
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = i; j < n; ++j)
          upper[i * n + j] =
              static_cast<float>(factor[(n - 1 - i) * n + n - 1 - j]);
      return upper;
    }
  }
  return {};
}

ErrorFeedback::ErrorFeedback(llvm::ArrayRef<double> hessian, int64_t columns,
                             const ErrorFeedbackOptions &options)
    : order(columns) {
  int64_t n = columns;
  assert(static_cast<int64_t>(hessian.size()) == n * n);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = 0; i < n; ++i)
    if (!std::isfinite(hessian[i * n + i]))
      return;
  if (options.order)
    llvm::sort(order, [&](int64_t a, int64_t b) {
      double left = hessian[a * n + a], right = hessian[b * n + b];
      return left != right ? left > right : a < b;
    });
  factor = factorizeInverse(hessian, order, options.damping);
}

WeightCodes qc::roundErrorFeedback(llvm::ArrayRef<float> weights,
                                   const WeightGrid &grid,
                                   llvm::ArrayRef<double> hessian,
                                   const ErrorFeedbackOptions &options) {
  ErrorFeedback feedback(hessian, grid.columns, options);
  WeightCodes codes = roundErrorFeedback(weights, grid, feedback);
  if (options.sweeps && !feedback.factor.empty())
    polishCodes(weights, grid, hessian, codes, options.sweeps);
  return codes;
}

WeightCodes qc::roundErrorFeedback(llvm::ArrayRef<float> weights,
                                   const WeightGrid &grid,
                                   const ErrorFeedback &feedback) {
  int64_t rows = grid.rows, n = grid.columns;
  assert(static_cast<int64_t>(weights.size()) == rows * n);
  llvm::ArrayRef<int64_t> order(feedback.order);
  llvm::ArrayRef<float> upper(feedback.factor);
  if (upper.empty())
    return roundNearest(weights, grid);

  // Columns in the order of rounding, each contiguous.
  std::vector<float> columns(n * rows);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t row = 0; row < rows; ++row)
      columns[i * rows + row] = weights[row * n + order[i]];
  TransposedGrid transposed(grid);
  std::vector<float> errors(blockColumns * rows);
  WeightCodes codes(rows * n);
  withLevels(grid.format, [&](auto levels) {
    std::vector<int8_t> column(rows);
    for (int64_t start = 0; start < n; start += blockColumns) {
      int64_t end = std::min(start + blockColumns, n);
      for (int64_t i = start; i < end; ++i) {
        float *w = columns.data() + i * rows;
        float *error = errors.data() + (i - start) * rows;
        const float *scale = transposed.getScales(order[i]);
        const float *zero = transposed.getZeros(order[i]);
        float inverse = 1.0f / upper[i * n + i];
        for (int64_t row = 0; row < rows; ++row) {
          float level = levels.round(w[row] / scale[row], zero[row]);
          error[row] = (w[row] - level * scale[row]) * inverse;
          column[row] = levels.encode(level, zero[row]);
        }
        for (int64_t row = 0; row < rows; ++row)
          codes[row * n + order[i]] = column[row];
        for (int64_t j = i + 1; j < end; ++j) {
          float factor = upper[i * n + j];
          float *later = columns.data() + j * rows;
          for (int64_t row = 0; row < rows; ++row)
            later[row] -= factor * error[row];
        }
      }
      multiply(true, false, n - end, rows, end - start, -1.0f,
               upper.data() + start * n + end, n, errors.data(), rows, 1.0f,
               columns.data() + end * rows, rows);
    }
  });
  return codes;
}

void qc::polishCodes(llvm::ArrayRef<float> weights, const WeightGrid &grid,
                     llvm::ArrayRef<double> hessian, WeightCodes &codes,
                     unsigned sweeps) {
  int64_t rows = grid.rows, n = grid.columns;
  assert(static_cast<int64_t>(weights.size()) == rows * n &&
         codes.size() == weights.size() &&
         static_cast<int64_t>(hessian.size()) == n * n);
  std::vector<float> narrow(hessian.begin(), hessian.end());
  if (!llvm::all_of(narrow, [](float h) { return std::isfinite(h); }))
    return;
  // D = Wq - W and G = H D, both columns x rows: column j's best change alone
  // is -g_j / H_jj.
  std::vector<float> rounded(n * rows), difference(n * rows),
      gradient(n * rows);
  {
    std::vector<float> values = dequantize(codes, grid);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t row = 0; row < rows; ++row) {
        rounded[j * rows + row] = values[row * n + j];
        difference[j * rows + row] = values[row * n + j] - weights[row * n + j];
      }
  }
  TransposedGrid transposed(grid);
  WeightCodes candidate = codes;
  // The error of each row, with the gradient computed anew.
  auto getErrors = [&] {
    multiply(false, false, n, rows, n, 1.0f, narrow.data(), n,
             difference.data(), rows, 0.0f, gradient.data(), rows);
    std::vector<double> errors(rows, 0.0);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t row = 0; row < rows; ++row)
        errors[row] += static_cast<double>(difference[j * rows + row]) *
                       gradient[j * rows + row];
    return errors;
  };
  std::vector<double> errors = getErrors();
  std::vector<float> changes(blockColumns * rows);
  std::vector<int8_t> column(rows);
  withLevels(grid.format, [&](auto levels) {
    for (unsigned sweep = 0; sweep < sweeps; ++sweep) {
      bool changed = false;
      for (int64_t start = 0; start < n; start += blockColumns) {
        int64_t end = std::min(start + blockColumns, n);
        for (int64_t j = start; j < end; ++j) {
          float *change = changes.data() + (j - start) * rows;
          float *value = rounded.data() + j * rows;
          float *d = difference.data() + j * rows;
          const float *g = gradient.data() + j * rows;
          const float *scale = transposed.getScales(j);
          const float *zero = transposed.getZeros(j);
          float curvature = narrow[j * n + j];
          if (!(curvature > 0)) {
            std::fill_n(change, rows, 0.0f);
            continue;
          }
          float inverse = 1.0f / curvature, largest = 0;
          for (int64_t row = 0; row < rows; ++row) {
            float level = levels.round(
                (value[row] - g[row] * inverse) / scale[row], zero[row]);
            float next = level * scale[row];
            float step = next - value[row];
            // Ties and rounding errors move nothing.
            float gain = -step * (2 * g[row] + step * curvature);
            bool better = gain > 1e-5f * step * step * curvature;
            change[row] = better ? step : 0.0f;
            value[row] = better ? next : value[row];
            d[row] += change[row];
            largest = std::max(largest, std::fabs(change[row]));
          }
          if (largest == 0)
            continue;
          changed = true;
          for (int64_t row = 0; row < rows; ++row)
            if (change[row] != 0)
              candidate[row * n + j] = levels.encode(
                  levels.round(value[row] / scale[row], zero[row]), zero[row]);
          for (int64_t k = j; k < end; ++k) {
            float factor = narrow[j * n + k];
            float *other = gradient.data() + k * rows;
            for (int64_t row = 0; row < rows; ++row)
              other[row] += factor * change[row];
          }
        }
        // The block's own gradient is up to date; the others' is not.
        multiply(false, false, start, rows, end - start, 1.0f,
                 narrow.data() + start, n, changes.data(), rows, 1.0f,
                 gradient.data(), rows);
        multiply(false, false, n - end, rows, end - start, 1.0f,
                 narrow.data() + end * n + start, n, changes.data(), rows, 1.0f,
                 gradient.data() + end * rows, rows);
      }
      if (!changed)
        break;
      // Recomputed, so that rounding errors of the updates do not add up.
      // Rows that are no better than before keep their old codes.
      std::vector<double> now = getErrors();
      for (int64_t row = 0; row < rows; ++row)
        if (now[row] < errors[row]) {
          errors[row] = now[row];
          std::copy_n(candidate.begin() + row * n, n, codes.begin() + row * n);
        }
    }
  });
}
