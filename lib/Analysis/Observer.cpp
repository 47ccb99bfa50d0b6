// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of value streams.
//
// The loops over elements have no branches and independent accumulators, so
// that they vectorise without reassociation. Sums over at most 16 elements are
// f32, everything above is double.

#include "qc/Analysis/Observer.h"

#include "LinearAlgebra.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

using namespace qc;

//===----------------------------------------------------------------------===//
// ValueSums
//===----------------------------------------------------------------------===//

float ValueSums::getAbsMax() const {
  return std::max(std::fabs(min), std::fabs(max));
}

double ValueSums::getVariance() const {
  double mean = getMean();
  return std::max(getPower() - mean * mean, 0.0);
}

void ValueSums::add(const ValueSums &other) {
  if (other.count == 0)
    return;
  min = count ? std::min(min, other.min) : other.min;
  max = count ? std::max(max, other.max) : other.max;
  count += other.count;
  sum += other.sum;
  sumOfMagnitudes += other.sumOfMagnitudes;
  sumOfSquares += other.sumOfSquares;
}

/// Sums of finite values that lie in a row.
static ValueSums sumRun(const float *values, int64_t count) {
  constexpr int64_t lanes = 8, steps = 16;
  float low[lanes], high[lanes];
  std::fill_n(low, lanes, std::numeric_limits<float>::max());
  std::fill_n(high, lanes, std::numeric_limits<float>::lowest());
  ValueSums result;
  result.count = count;
  int64_t i = 0;
  for (; i + lanes <= count;) {
    int64_t end = std::min(i + lanes * steps, i + (count - i) / lanes * lanes);
    float sum[lanes] = {}, magnitude[lanes] = {}, square[lanes] = {};
    for (; i < end; i += lanes)
      for (int64_t l = 0; l < lanes; ++l) {
        float x = values[i + l];
        low[l] = x < low[l] ? x : low[l];
        high[l] = x > high[l] ? x : high[l];
        sum[l] += x;
        magnitude[l] += std::fabs(x);
        square[l] += x * x;
      }
    for (int64_t l = 0; l < lanes; ++l) {
      result.sum += sum[l];
      result.sumOfMagnitudes += magnitude[l];
      result.sumOfSquares += square[l];
    }
  }
  for (; i < count; ++i) {
    float x = values[i];
    low[0] = std::min(low[0], x), high[0] = std::max(high[0], x);
    result.sum += x;
    result.sumOfMagnitudes += std::fabs(x);
    result.sumOfSquares += static_cast<double>(x) * x;
  }
  result.min = *std::min_element(low, low + lanes);
  result.max = *std::max_element(high, high + lanes);
  // The square of a large float is beyond f32.
  if (!std::isfinite(result.sumOfSquares) || !std::isfinite(result.sum) ||
      !std::isfinite(result.sumOfMagnitudes)) {
    result.sum = result.sumOfMagnitudes = result.sumOfSquares = 0;
    for (i = 0; i < count; ++i) {
      double x = values[i];
      result.sum += x;
      result.sumOfMagnitudes += std::fabs(x);
      result.sumOfSquares += x * x;
    }
  }
  return result;
}

//===----------------------------------------------------------------------===//
// ValueObserver
//===----------------------------------------------------------------------===//

ValueObserver::ValueObserver(llvm::ArrayRef<int64_t> shape,
                             std::optional<int64_t> channelAxis) {
  for (int64_t extent : shape)
    numElements *= extent;
  if (!channelAxis)
    return;
  assert(*channelAxis >= 0 &&
         *channelAxis < static_cast<int64_t>(shape.size()) &&
         "not an axis of the value");
  numChannels = shape[*channelAxis];
  for (int64_t extent : shape.drop_front(*channelAxis + 1))
    inner *= extent;
  statistics.channels.resize(numChannels);
}

void ValueObserver::resume(ValueStatistics saved) {
  assert(saved.channels.size() == statistics.channels.size() &&
         "statistics of another value");
  statistics = std::move(saved);
}

/// Channels whose values are not in long runs: sums for each position of a
/// `period` of channels, over rows of them. False, and nothing done, if squares
/// are beyond f32.
static bool sumPeriods(const float *values, int64_t rows, int64_t period,
                       llvm::MutableArrayRef<ValueSums> channels) {
  std::vector<float> low(values, values + period), high(low);
  std::vector<double> sum(period, 0.0), magnitude(period, 0.0),
      square(period, 0.0);
  std::vector<float> part(3 * period);
  constexpr int64_t steps = 16;
  for (int64_t start = 0; start < rows; start += steps) {
    std::fill(part.begin(), part.end(), 0.0f);
    float *partSum = part.data(), *partMagnitude = partSum + period,
          *partSquare = partMagnitude + period;
    for (int64_t row = start, e = std::min(start + steps, rows); row < e;
         ++row, values += period)
      for (int64_t i = 0; i < period; ++i) {
        float x = values[i];
        low[i] = x < low[i] ? x : low[i];
        high[i] = x > high[i] ? x : high[i];
        partSum[i] += x;
        partMagnitude[i] += std::fabs(x);
        partSquare[i] += x * x;
      }
    for (int64_t i = 0; i < period; ++i) {
      sum[i] += partSum[i];
      magnitude[i] += partMagnitude[i];
      square[i] += partSquare[i];
    }
  }
  if (!areFinite(llvm::ArrayRef<double>(square)))
    return false;
  int64_t inner = period / static_cast<int64_t>(channels.size());
  for (int64_t i = 0; i < period; ++i)
    channels[i / inner].add({static_cast<uint64_t>(rows), low[i], high[i],
                             sum[i], magnitude[i], square[i]});
  return true;
}

void ValueObserver::observeClean(llvm::ArrayRef<float> values,
                                 ValueSums &sample) {
  if (numChannels == 0) {
    sample = sumRun(values.data(), values.size());
  } else {
    std::vector<ValueSums> sums(numChannels);
    int64_t period = numChannels * inner, rows = numElements / period;
    if (inner >= 16 || rows == 1 || period > 65536 ||
        !sumPeriods(values.data(), rows, period, sums)) {
      const float *run = values.data();
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t c = 0; c < numChannels; ++c, run += inner)
          sums[c].add(sumRun(run, inner));
    }
    for (int64_t c = 0; c < numChannels; ++c) {
      statistics.channels[c].add(sums[c]);
      sample.add(sums[c]);
    }
  }
  statistics.histogram.add(values, sample.min, sample.max);
}

void ValueObserver::observeAny(llvm::ArrayRef<float> values,
                               ValueSums &sample) {
  std::vector<float> finite;
  finite.reserve(values.size());
  for (auto [i, x] : llvm::enumerate(values)) {
    if (std::isnan(x)) {
      ++statistics.nans;
    } else if (std::isinf(x)) {
      ++statistics.infinities;
    } else {
      finite.push_back(x);
      ValueSums one = sumRun(&x, 1);
      sample.add(one);
      if (numChannels)
        statistics.channels[i / inner % numChannels].add(one);
    }
  }
  statistics.histogram.add(finite);
}

void ValueObserver::observe(llvm::ArrayRef<float> values) {
  assert(static_cast<int64_t>(values.size()) == numElements &&
         "a sample of another shape");
  ++statistics.samples;
  if (values.empty())
    return;
  ValueSums sample;
  if (areFinite(values))
    observeClean(values, sample);
  else
    observeAny(values, sample);
  if (sample.count == 0)
    return;
  statistics.all.add(sample);
  double share = 1.0 / static_cast<double>(++statistics.samplesInMean);
  statistics.meanMin += (sample.min - statistics.meanMin) * share;
  statistics.meanMax += (sample.max - statistics.meanMax) * share;
}

//===----------------------------------------------------------------------===//
// ValueStatistics
//===----------------------------------------------------------------------===//

void ValueStatistics::merge(const ValueStatistics &other) {
  assert(channels.size() == other.channels.size() &&
         "statistics of another value");
  samples += other.samples;
  nans += other.nans;
  infinities += other.infinities;
  all.add(other.all);
  for (auto [ours, theirs] : llvm::zip_equal(channels, other.channels))
    ours.add(theirs);
  if (other.samplesInMean) {
    samplesInMean += other.samplesInMean;
    double share = static_cast<double>(other.samplesInMean) /
                   static_cast<double>(samplesInMean);
    meanMin += (other.meanMin - meanMin) * share;
    meanMax += (other.meanMax - meanMax) * share;
  }
  histogram.merge(other.histogram);
}

static llvm::json::Array toJSON(const ValueSums &sums) {
  return llvm::json::Array{
      sums.count,           sums.min,         sums.max, sums.sum,
      sums.sumOfMagnitudes, sums.sumOfSquares};
}

static bool fromJSON(const llvm::json::Value *value, ValueSums &sums) {
  const llvm::json::Array *list = value ? value->getAsArray() : nullptr;
  if (!list || list->size() != 6)
    return false;
  std::optional<uint64_t> count = (*list)[0].getAsUINT64();
  if (!count)
    return false;
  double numbers[5];
  for (size_t i = 0; i < 5; ++i) {
    std::optional<double> number = (*list)[i + 1].getAsNumber();
    if (!number || !std::isfinite(*number))
      return false;
    numbers[i] = *number;
  }
  sums = {*count,
          static_cast<float>(numbers[0]),
          static_cast<float>(numbers[1]),
          numbers[2],
          numbers[3],
          numbers[4]};
  return std::isfinite(sums.min) && std::isfinite(sums.max) &&
         sums.min <= sums.max;
}

llvm::json::Object ValueStatistics::toJSON() const {
  llvm::json::Object object{{"samples", samples},
                            {"nans", nans},
                            {"infinities", infinities},
                            {"sums", ::toJSON(all)},
                            {"mean-min", meanMin},
                            {"mean-max", meanMax},
                            {"samples-in-mean", samplesInMean},
                            {"histogram", histogram.toJSON()}};
  if (!channels.empty()) {
    llvm::json::Array list;
    for (const ValueSums &sums : channels)
      list.push_back(::toJSON(sums));
    object["channels"] = std::move(list);
  }
  return object;
}

llvm::Expected<ValueStatistics>
ValueStatistics::fromJSON(const llvm::json::Object &object) {
  auto fail = [](const llvm::Twine &reason) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), reason);
  };
  ValueStatistics result;
  for (auto [key, number] :
       {std::pair("samples", &result.samples), std::pair("nans", &result.nans),
        std::pair("infinities", &result.infinities),
        std::pair("samples-in-mean", &result.samplesInMean)}) {
    const llvm::json::Value *value = object.get(key);
    std::optional<uint64_t> count = value ? value->getAsUINT64() : std::nullopt;
    if (!count)
      return fail(llvm::Twine("statistics need a count '") + key + "'");
    *number = *count;
  }
  for (auto [key, number] : {std::pair("mean-min", &result.meanMin),
                             std::pair("mean-max", &result.meanMax)}) {
    std::optional<double> value = object.getNumber(key);
    if (!value || !std::isfinite(*value))
      return fail(llvm::Twine("statistics need a finite number '") + key + "'");
    *number = *value;
  }
  const char *form = "of the six numbers count, smallest, largest, sum, sum of "
                     "magnitudes, sum of squares";
  if (!::fromJSON(object.get("sums"), result.all))
    return fail(llvm::Twine("statistics need an array 'sums' ") + form);
  if (const llvm::json::Value *value = object.get("channels")) {
    const llvm::json::Array *list = value->getAsArray();
    if (!list)
      return fail("'channels' is an array with one array per channel");
    result.channels.resize(list->size());
    for (auto [i, channel] : llvm::enumerate(*list))
      if (!::fromJSON(&channel, result.channels[i]))
        return fail("entry " + llvm::Twine(i) +
                    " of 'channels' is not an array " + form);
  }
  const llvm::json::Object *histogram = object.getObject("histogram");
  if (!histogram)
    return fail("statistics need an object 'histogram'");
  llvm::Expected<Histogram> read = Histogram::fromJSON(*histogram);
  if (!read)
    return read.takeError();
  result.histogram = std::move(*read);
  return result;
}

//===----------------------------------------------------------------------===//
// SecondMoment
//===----------------------------------------------------------------------===//

SecondMoment::SecondMoment(int64_t n, int64_t block)
    : n(n), block(block ? block : n) {
  assert(n > 0 && n % this->block == 0 && "blocks divide the size");
  // Long enough that adding to the sums is little work beside the products.
  panelRows = 512;
  sums.assign(n * this->block, 0.0);
  for (std::vector<double> *columns : {&first, &third, &fourth, &cross})
    columns->assign(n, 0.0);
  quartic.assign(n / this->block, 0.0);
}

void SecondMoment::add(llvm::ArrayRef<float> rows,
                       llvm::ArrayRef<float> weights) {
  int64_t count = static_cast<int64_t>(rows.size()) / n;
  assert(static_cast<int64_t>(rows.size()) == count * n &&
         (weights.empty() || static_cast<int64_t>(weights.size()) == count));
  isWeighted |= !weights.empty();
  panel.resize(panelRows * n);
  for (int64_t i = 0; i < count; ++i) {
    const float *from = rows.data() + i * n;
    float *to = panel.data() + filled * n;
    float factor = weights.empty() ? 1.0f : std::sqrt(weights[i]);
    for (int64_t j = 0; j < n; ++j)
      to[j] = factor * from[j];
    weight += weights.empty() ? 1.0 : weights[i];
    for (int64_t start = 0; start < n; start += block)
      quartic[start / block] += addPowers(from, start);
    if (++filled == panelRows)
      flush();
  }
}

/// Adds one row's block to the sums of columns; returns its square, squared.
void SecondMoment::merge(SecondMoment &other) {
  assert(n == other.n && block == other.block && "of the same columns");
  other.flush();
  auto add = [](std::vector<double> &to, const std::vector<double> &from) {
    for (auto [sum, more] : llvm::zip_equal(to, from))
      sum += more;
  };
  add(first, other.first);
  add(third, other.third);
  add(fourth, other.fourth);
  add(cross, other.cross);
  add(quartic, other.quartic);
  add(sums, other.sums);
  weight += other.weight;
  isWeighted |= other.isWeighted;
}

double SecondMoment::addPowers(const float *row, int64_t start) {
  // Apart, so that vectors add.
  constexpr int64_t lanes = 8;
  double squares[lanes] = {};
  int64_t j = start, end = start + block;
  for (; j + lanes <= end; j += lanes)
    for (int64_t l = 0; l < lanes; ++l)
      squares[l] += static_cast<double>(row[j + l]) * row[j + l];
  double square = std::accumulate(squares, squares + lanes, 0.0);
  for (; j < end; ++j)
    square += static_cast<double>(row[j]) * row[j];
  double *__restrict one = first.data(), *__restrict three = third.data(),
                     *__restrict four = fourth.data(),
                     *__restrict with = cross.data();
  for (j = start; j < end; ++j) {
    double x = row[j];
    one[j] += x;
    three[j] += x * x * x;
    four[j] += x * x * (x * x);
    with[j] += square * x;
  }
  return square * square;
}

void SecondMoment::flush() {
  if (filled == 0)
    return;
  // The lower triangle in stripes of columns: the product of a stripe stays in
  // the cache until it is added.
  int64_t width = std::min<int64_t>(block, 256);
  std::vector<float> stripe(block * width);
  for (int64_t start = 0; start < n; start += block) {
    double *sum = sums.data() + start * block;
    const float *x = panel.data() + start;
    for (int64_t j = 0; j < block; j += width) {
      int64_t columns = std::min(width, block - j);
      multiply(true, false, block - j, columns, filled, 1.0f, x + j, n, x + j,
               n, 0.0f, stripe.data(), width);
      for (int64_t i = j; i < block; ++i) {
        const float *from = stripe.data() + (i - j) * width;
        double *to = sum + i * block + j;
        for (int64_t k = 0; k < columns; ++k)
          to[k] += from[k];
      }
    }
  }
  filled = 0;
}

std::vector<double> SecondMoment::getMean(int64_t index) {
  assert(index >= 0 && index < n / block);
  flush();
  std::vector<double> mean(block * block, 0.0);
  if (weight == 0)
    return mean;
  const double *sum = sums.data() + index * block * block;
  for (int64_t i = 0; i < block; ++i)
    for (int64_t j = 0; j <= i; ++j)
      mean[i * block + j] = mean[j * block + i] = sum[i * block + j] / weight;
  return mean;
}

std::vector<double> SecondMoment::Moments::getSecondMoment() const {
  std::vector<double> moment = covariance;
  size_t size = mean.size();
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      moment[i * size + j] += mean[i] * mean[j];
  return moment;
}

void SecondMoment::Moments::shrink(double share) {
  size_t size = mean.size();
  for (size_t i = 0; i < size; ++i)
    for (size_t j = 0; j < size; ++j)
      if (i != j)
        covariance[i * size + j] *= 1 - share;
}

SecondMoment::Moments SecondMoment::getMoments(int64_t index) {
  Moments moments{std::vector<double>(block, 0.0), getMean(index)};
  for (int64_t i = 0; weight > 0 && i < block; ++i)
    moments.mean[i] = first[index * block + i] / weight;
  for (int64_t i = 0; i < block; ++i)
    for (int64_t j = 0; j < block; ++j)
      moments.covariance[i * block + j] -= moments.mean[i] * moments.mean[j];
  return moments;
}

double SecondMoment::getShrinkage(const Moments &moments, int64_t index) const {
  assert(!isWeighted && "variances of weighted rows are unknown");
  // One row says nothing of correlations.
  double count = weight;
  if (count <= 1)
    return 1;
  const auto &[m, c] = moments;
  // Sums of fourth powers around the mean, of elements and of rows' lengths,
  // from those around zero.
  double square = 0, trace = 0, form = 0, crossed = 0, elements = 0, others = 0;
  for (int64_t i = 0; i < block; ++i) {
    int64_t at = index * block + i;
    double own = m[i] * m[i], row = 0;
    for (int64_t j = 0; j < block; ++j) {
      row += c[i * block + j] * m[j];
      if (i != j)
        others += c[i * block + j] * c[i * block + j];
    }
    form += m[i] * row;
    square += own;
    trace += c[i * block + i] + own;
    crossed += m[i] * cross[at];
    elements += fourth[at] - 4 * m[i] * third[at] +
                6 * own * count * (c[i * block + i] + own) -
                3 * count * own * own;
  }
  form += square * square;
  double rows = quartic[index] - 4 * crossed + 4 * count * form +
                2 * square * count * trace - 3 * count * square * square;
  double variance = (rows - elements - count * others) / (count * (count - 1));
  return others > 0 ? std::clamp(variance / others, 0.0, 1.0) : 1;
}
