// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Histograms with power-of-two bins.
//
// The number of x's bin is floor(x / w) for x >= 0 and -1 - floor(|x| / w) for
// x < 0. Multiplying by 1 / w is exact unless it underflows, and then the
// quotient is below one either way. Doubling w halves both floors, so pairs
// merge exactly.

#include "qc/Analysis/Histogram.h"

#include <algorithm>
#include <cassert>
#include <cmath>

using namespace qc;

static int64_t getBin(float value, float inverse) {
  return static_cast<int32_t>(value * inverse) - (value < 0);
}

static float getInverse(int exponent) { return std::ldexp(1.0f, -exponent); }

double Histogram::getWidth() const { return std::ldexp(1.0, exponent); }

llvm::ArrayRef<uint64_t> Histogram::getCounts() const {
  if (empty())
    return {};
  return llvm::ArrayRef<uint64_t>(counts).take_front(
      getBin(max, getInverse(exponent)) - first + 1);
}

/// The exponent of the width for a range: see getWidth.
static int getExponent(float smallest, float largest, int start) {
  float magnitude = std::max(std::fabs(smallest), std::fabs(largest));
  int exponent = start;
  if (magnitude > 0)
    exponent = std::max(exponent, std::ilogb(magnitude) - 21);
  while (getBin(largest, getInverse(exponent)) -
             getBin(smallest, getInverse(exponent)) >=
         Histogram::numBins)
    ++exponent;
  return exponent;
}

void Histogram::fit(float smallest, float largest) {
  if (empty()) {
    counts.assign(numBins, 0);
    min = smallest, max = largest;
    exponent = getExponent(min, max, exponent);
    first = getBin(min, getInverse(exponent));
    return;
  }
  if (smallest >= min && largest <= max)
    return;
  min = std::min(min, smallest), max = std::max(max, largest);
  int newExponent = getExponent(min, max, exponent);
  int64_t newFirst = getBin(min, getInverse(newExponent));
  if (newExponent == exponent && newFirst == first)
    return;
  std::vector<uint64_t> merged(numBins, 0);
  // Beyond 31 doublings every number is 0 or -1.
  int shift = std::min(newExponent - exponent, 31);
  for (int64_t i = 0; i < numBins; ++i)
    if (counts[i])
      merged[((first + i) >> shift) - newFirst] += counts[i];
  counts = std::move(merged);
  exponent = newExponent, first = newFirst;
}

void Histogram::add(llvm::ArrayRef<float> values) {
  if (values.empty())
    return;
  float smallest = values[0], largest = values[0];
  for (float value : values) {
    smallest = value < smallest ? value : smallest;
    largest = value > largest ? value : largest;
  }
  add(values, smallest, largest);
}

void Histogram::add(llvm::ArrayRef<float> values, float smallest,
                    float largest) {
  if (values.empty())
    return;
  assert(std::isfinite(smallest) && std::isfinite(largest));
  fit(smallest, largest);
  total += values.size();
  float inverse = getInverse(exponent);
  int32_t origin = static_cast<int32_t>(first);
  constexpr size_t chunk = 1024;
  int32_t bins[chunk];
  auto locate = [&](llvm::ArrayRef<float> part) {
    int32_t zerosInPart = 0;
    for (size_t i = 0, e = part.size(); i < e; ++i) {
      float x = part[i];
      bins[i] = static_cast<int32_t>(x * inverse) - (x < 0) - origin;
      zerosInPart += x == 0;
    }
    zeros += zerosInPart;
  };
  if (values.size() < 2 * numBins) {
    while (!values.empty()) {
      llvm::ArrayRef<float> part = values.take_front(chunk);
      locate(part);
      for (size_t i = 0; i < part.size(); ++i)
        ++counts[bins[i]];
      values = values.drop_front(part.size());
    }
    return;
  }
  // Equal values in a row would wait for each other's increments: four
  // histograms take turns. 32 bits suffice for a part of 2^32 values.
  while (!values.empty()) {
    llvm::ArrayRef<float> rest = values.take_front(size_t(1) << 31);
    values = values.drop_front(rest.size());
    std::vector<uint32_t> parts(4 * numBins, 0);
    uint32_t *first = parts.data();
    while (!rest.empty()) {
      llvm::ArrayRef<float> part = rest.take_front(chunk);
      rest = rest.drop_front(part.size());
      locate(part);
      size_t i = 0;
      for (; i + 4 <= part.size(); i += 4) {
        ++first[bins[i]];
        ++first[numBins + bins[i + 1]];
        ++first[2 * numBins + bins[i + 2]];
        ++first[3 * numBins + bins[i + 3]];
      }
      for (; i < part.size(); ++i)
        ++first[bins[i]];
    }
    for (int64_t i = 0; i < numBins; ++i)
      counts[i] += uint64_t(parts[i]) + parts[numBins + i] +
                   parts[2 * numBins + i] + parts[3 * numBins + i];
  }
}

void Histogram::merge(const Histogram &other) {
  if (other.empty())
    return;
  fit(other.min, other.max);
  // Widths may differ in either direction only by doublings, and ours is the
  // larger one now.
  int shift = std::min(exponent - other.exponent, 31);
  for (int64_t i = 0; i < numBins; ++i)
    if (other.counts[i])
      counts[((other.first + i) >> shift) - first] += other.counts[i];
  total += other.total, zeros += other.zeros;
}

double Histogram::getEntropy() const {
  double entropy = 0;
  for (uint64_t count : getCounts())
    if (count) {
      double share = static_cast<double>(count) / static_cast<double>(total);
      entropy -= share * std::log2(share);
    }
  return entropy;
}

llvm::json::Object Histogram::toJSON() const {
  llvm::json::Array list;
  for (uint64_t count : getCounts())
    list.push_back(count);
  llvm::json::Object object{{"counts", std::move(list)}};
  if (!empty()) {
    object["min"] = min;
    object["max"] = max;
    object["zeros"] = zeros;
  }
  return object;
}

llvm::Expected<Histogram>
Histogram::fromJSON(const llvm::json::Object &object) {
  auto fail = [](const char *reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  };
  const llvm::json::Array *list = object.getArray("counts");
  if (!list)
    return fail("a histogram needs an array 'counts'");
  Histogram histogram;
  if (list->empty())
    return histogram;
  std::optional<double> min = object.getNumber("min");
  std::optional<double> max = object.getNumber("max");
  if (!min || !max || !std::isfinite(static_cast<float>(*min)) ||
      !std::isfinite(static_cast<float>(*max)) || *min > *max)
    return fail("a histogram with counts needs finite numbers 'min' <= 'max'");
  histogram.fit(static_cast<float>(*min), static_cast<float>(*max));
  int64_t bins =
      getBin(histogram.max, getInverse(histogram.exponent)) - histogram.first;
  if (static_cast<int64_t>(list->size()) != bins + 1)
    return fail("a histogram needs one count for each bin from 'min' to 'max'");
  for (auto [i, value] : llvm::enumerate(*list)) {
    std::optional<uint64_t> count = value.getAsUINT64();
    if (!count)
      return fail("counts are integers of at most 64 bits, not negative");
    histogram.counts[i] = *count;
    if (__builtin_add_overflow(histogram.total, *count, &histogram.total))
      return fail("counts add up to more than 64 bits");
  }
  const llvm::json::Value *zeros = object.get("zeros");
  std::optional<uint64_t> numZeros =
      zeros ? zeros->getAsUINT64() : std::nullopt;
  uint64_t inBin = histogram.min <= 0 && histogram.max >= 0
                       ? histogram.counts[-histogram.first]
                       : 0;
  if (!numZeros || *numZeros > inBin)
    return fail("a histogram with counts needs a number 'zeros', at most the "
                "count of the bin from 0 on");
  histogram.zeros = *numZeros;
  if (histogram.counts[0] == 0 || histogram.counts[bins] == 0)
    return fail("the bins of 'min' and 'max' have counts");
  return histogram;
}
