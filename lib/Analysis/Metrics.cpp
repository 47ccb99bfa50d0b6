// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures of error and of sensitivity. Sums are double.

#include "qc/Analysis/Metrics.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace qc;

double qc::getDecibels(double signal, double noise) {
  if (noise == 0)
    return maxDecibels;
  if (signal == 0 || !std::isfinite(noise))
    return -maxDecibels;
  return std::clamp(10 * std::log10(signal / noise), -maxDecibels, maxDecibels);
}

void Comparison::add(llvm::ArrayRef<float> reference,
                     llvm::ArrayRef<float> other) {
  assert(reference.size() == other.size());
  count += reference.size();
  constexpr size_t lanes = 4;
  double sums[4][lanes] = {}, largest[lanes] = {};
  auto take = [&](size_t i, size_t l) {
    double r = reference[i], o = other[i], difference = r - o;
    sums[0][l] += r * r;
    sums[1][l] += difference * difference;
    sums[2][l] += o * o;
    sums[3][l] += r * o;
    largest[l] = std::max(largest[l], std::fabs(difference));
  };
  size_t i = 0;
  for (; i + lanes <= reference.size(); i += lanes)
    for (size_t l = 0; l < lanes; ++l)
      take(i + l, l);
  for (; i < reference.size(); ++i)
    take(i, 0);
  for (size_t l = 0; l < lanes; ++l) {
    signal += sums[0][l];
    noise += sums[1][l];
    power += sums[2][l];
    product += sums[3][l];
    maxError = std::max(maxError, largest[l]);
  }
  if (!std::isfinite(noise))
    noise = maxError = HUGE_VAL;
}

double Comparison::getMeanSquareError() const {
  return count ? noise / static_cast<double>(count) : 0;
}

double Comparison::getCosine() const {
  if (signal == 0 && power == 0)
    return 1;
  double cosine = product / (std::sqrt(signal) * std::sqrt(power));
  return std::isfinite(cosine) ? std::clamp(cosine, -1.0, 1.0) : 0;
}

void LogitComparison::add(llvm::ArrayRef<float> reference,
                          llvm::ArrayRef<float> other, int64_t length) {
  assert(length >= 1 && reference.size() == other.size() &&
         static_cast<int64_t>(reference.size()) % length == 0);
  // The logarithm of the sum of exponentials.
  auto getLogSum = [](llvm::ArrayRef<float> row, size_t best) {
    double sum = 0;
    for (float x : row)
      sum += std::exp(static_cast<double>(x) - row[best]);
    return std::log(sum) + row[best];
  };
  for (size_t start = 0; start < reference.size(); start += length) {
    llvm::ArrayRef<float> p = reference.slice(start, length);
    llvm::ArrayRef<float> q = other.slice(start, length);
    size_t bestP = std::max_element(p.begin(), p.end()) - p.begin();
    size_t bestQ = std::max_element(q.begin(), q.end()) - q.begin();
    ++rows;
    agreeing += bestP == bestQ;
    double logSumP = getLogSum(p, bestP), logSumQ = getLogSum(q, bestQ);
    double sum = 0;
    for (auto [x, y] : llvm::zip_equal(p, q)) {
      double logP = x - logSumP, probability = std::exp(logP);
      // What has no probability has no part in the sum.
      if (probability > 0 || std::isnan(probability))
        sum += probability * (logP - (y - logSumQ));
    }
    divergence += std::isfinite(sum) ? std::max(sum, 0.0) : HUGE_VAL;
  }
}

double LogitComparison::getDivergence() const {
  return rows ? divergence / static_cast<double>(rows) : 0;
}

double LogitComparison::getAgreement() const {
  return rows ? static_cast<double>(agreeing) / static_cast<double>(rows) : 1;
}

double qc::getZScoreShare(llvm::ArrayRef<float> values) {
  if (values.empty())
    return 0;
  double count = static_cast<double>(values.size()), sum = 0, square = 0;
  for (double w : values)
    sum += w;
  double mean = sum / count;
  for (double w : values)
    square += (w - mean) * (w - mean);
  double deviation = std::sqrt(square / count);
  auto beyond = llvm::count_if(
      values, [&](double w) { return std::fabs(w - mean) > deviation; });
  return static_cast<double>(beyond) / count;
}

double qc::getOutlierShare(llvm::ArrayRef<float> values, double factor) {
  if (values.empty())
    return 0;
  double count = static_cast<double>(values.size()), sum = 0;
  for (double w : values)
    sum += std::fabs(w);
  double limit = factor * sum / count;
  auto beyond =
      llvm::count_if(values, [&](double w) { return std::fabs(w) > limit; });
  return static_cast<double>(beyond) / count;
}

double qc::getInputModification(llvm::ArrayRef<float> input,
                                llvm::ArrayRef<float> output, int64_t length) {
  assert(length >= 1 && input.size() == output.size() &&
         static_cast<int64_t>(input.size()) % length == 0);
  if (input.empty())
    return 0;
  double sum = 0;
  for (size_t start = 0; start < input.size(); start += length) {
    Comparison row;
    row.add(input.slice(start, length), output.slice(start, length));
    sum += 1 - row.getCosine();
  }
  return sum * static_cast<double>(length) / static_cast<double>(input.size());
}
