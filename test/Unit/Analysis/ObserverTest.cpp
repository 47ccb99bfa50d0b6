// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics against plain loops in double.

#include "qc/Analysis/Observer.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <random>

using namespace qc;

namespace {

std::vector<float> makeValues(size_t count, unsigned seed, float scale = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.1f, scale);
  std::vector<float> values(count);
  for (float &value : values)
    value = normal(random);
  return values;
}

TEST(Histogram, CountsEveryValueInItsBin) {
  std::vector<float> values = makeValues(10000, 1, 3);
  values[5] = 0, values[6] = -0.0f;
  Histogram histogram;
  histogram.add(values);
  EXPECT_EQ(histogram.getTotal(), values.size());
  EXPECT_EQ(histogram.getZeros(), 2u);
  double width = histogram.getWidth();
  EXPECT_GE(histogram.getCounts().size(), 1024u);
  EXPECT_LE(histogram.getCounts().size(), 2048u);
  EXPECT_EQ(std::fmod(histogram.getEdge(0), width), 0);
  std::vector<uint64_t> expected(histogram.getCounts().size(), 0);
  for (float value : values) {
    double bin = std::floor(std::fabs(value) / width);
    bin = value < 0 ? -1 - bin : bin;
    ++expected[static_cast<size_t>(bin - histogram.getEdge(0) / width)];
  }
  EXPECT_EQ(histogram.getCounts().vec(), expected);
}

TEST(Histogram, DependsNeitherOnOrderNorOnParts) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> values;
    for (int i = 0; i < 3000; ++i) {
      // All magnitudes that f32 has.
      float value =
          std::ldexp(static_cast<float>(random() % 4096) / 4096,
                     static_cast<int>(random() % 30) + trial * 4 - 110);
      values.push_back(random() % 2 ? -value : value);
    }
    Histogram whole;
    whole.add(values);
    std::shuffle(values.begin(), values.end(), random);
    Histogram one, sum;
    llvm::ArrayRef<float> rest = values;
    while (!rest.empty()) {
      llvm::ArrayRef<float> part = rest.take_front(random() % 400);
      rest = rest.drop_front(part.size());
      one.add(part);
      Histogram single;
      single.add(part);
      if (random() % 2) {
        sum.merge(single);
      } else {
        single.merge(sum);
        sum = single;
      }
    }
    EXPECT_EQ(one, whole);
    EXPECT_EQ(sum, whole);
  }
}

TEST(Histogram, Extremes) {
  float tiny = std::numeric_limits<float>::denorm_min();
  float huge = std::numeric_limits<float>::max();
  Histogram histogram;
  EXPECT_EQ(histogram.getEntropy(), 0);
  histogram.add({-tiny, tiny});
  histogram.add({huge, -huge, 0.0f});
  EXPECT_EQ(histogram.getTotal(), 5u);
  EXPECT_EQ(histogram.getCounts().size(), 2048u);
  // Bins on either side of zero.
  EXPECT_EQ(histogram.getCounts()[1023], 1u);
  EXPECT_EQ(histogram.getCounts()[1024], 2u);
  Histogram constant;
  constant.add({5.0f, 5.0f});
  EXPECT_EQ(constant.getCounts().size(), 1u);
  EXPECT_EQ(constant.getEntropy(), 0);
  EXPECT_LE(constant.getEdge(0), 5.0);
}

TEST(Histogram, EntropyOfEqualShares) {
  Histogram histogram;
  for (int i = 0; i < 8; ++i)
    histogram.add({static_cast<float>(i)});
  EXPECT_DOUBLE_EQ(histogram.getEntropy(), 3);
}

TEST(Histogram, JSON) {
  Histogram histogram;
  histogram.add(makeValues(5000, 3));
  llvm::Expected<Histogram> read = Histogram::fromJSON(histogram.toJSON());
  ASSERT_TRUE(static_cast<bool>(read));
  EXPECT_EQ(*read, histogram);
  for (const char *text :
       {"{}", R"({"counts":[1]})", R"({"counts":[1],"min":2,"max":1})",
        R"({"counts":[1,2],"min":1,"max":1,"zeros":0})",
        R"({"counts":[0],"min":1,"max":1,"zeros":0})",
        R"({"counts":[-1],"min":1,"max":1,"zeros":0})",
        R"({"counts":[1],"min":1,"max":1})",
        R"({"counts":[1],"min":1,"max":1,"zeros":1})",
        R"({"counts":[1],"min":0,"max":0,"zeros":2})",
        R"({"counts":[1],"min":1,"max":1e300,"zeros":0})"}) {
    llvm::Expected<Histogram> bad =
        Histogram::fromJSON(*cantFail(llvm::json::parse(text)).getAsObject());
    EXPECT_FALSE(static_cast<bool>(bad)) << text;
    llvm::consumeError(bad.takeError());
  }
}

struct Case {
  std::vector<int64_t> shape;
  std::optional<int64_t> axis;
};

TEST(ValueObserver, MatchesPlainLoops) {
  for (const Case &test :
       {Case{{7, 33}, std::nullopt}, Case{{1, 5, 9, 7}, 1}, Case{{12, 40}, 1},
        Case{{2, 3, 5}, 1}, Case{{1, 64}, 1}, Case{{6}, 0}, Case{{3, 2, 40}, 0},
        Case{{}, std::nullopt}, Case{{4, 0, 3}, 1}}) {
    int64_t count = 1, inner = 1, channels = 0;
    for (auto [axis, extent] : llvm::enumerate(test.shape)) {
      count *= extent;
      if (test.axis && static_cast<int64_t>(axis) > *test.axis)
        inner *= extent;
    }
    if (test.axis)
      channels = test.shape[*test.axis];
    for (bool dirty : {false, true}) {
      ValueObserver observer(test.shape, test.axis);
      std::vector<std::vector<double>> seen(channels + 1);
      double meanMin = 0, meanMax = 0;
      uint64_t nans = 0, infinities = 0;
      constexpr int samples = 5;
      for (int sample = 0; sample < samples; ++sample) {
        std::vector<float> values = makeValues(count, 10 + sample);
        if (dirty && count > 4) {
          values[0] = NAN;
          values[count - 1] = INFINITY;
          values[2] = -INFINITY;
        }
        observer.observe(values);
        double low = HUGE_VAL, high = -HUGE_VAL;
        for (auto [i, x] : llvm::enumerate(values)) {
          nans += std::isnan(x);
          infinities += std::isinf(x);
          if (!std::isfinite(x))
            continue;
          low = std::min<double>(low, x), high = std::max<double>(high, x);
          seen[channels].push_back(x);
          if (channels)
            seen[i / inner % channels].push_back(x);
        }
        meanMin += low / samples, meanMax += high / samples;
      }
      const ValueStatistics &statistics = observer.getStatistics();
      EXPECT_EQ(statistics.samples, 5u);
      EXPECT_EQ(statistics.nans, nans);
      EXPECT_EQ(statistics.infinities, infinities);
      ASSERT_EQ(statistics.channels.size(), static_cast<size_t>(channels));
      for (int64_t c = 0; c <= channels; ++c) {
        const ValueSums &sums =
            c == channels ? statistics.all : statistics.channels[c];
        ASSERT_EQ(sums.count, seen[c].size());
        if (seen[c].empty())
          continue;
        double sum = 0, magnitude = 0, square = 0;
        for (double x : seen[c])
          sum += x, magnitude += std::fabs(x), square += x * x;
        double n = static_cast<double>(sums.count);
        EXPECT_EQ(sums.min, *std::min_element(seen[c].begin(), seen[c].end()));
        EXPECT_EQ(sums.max, *std::max_element(seen[c].begin(), seen[c].end()));
        EXPECT_NEAR(sums.getMean(), sum / n, 1e-6 * magnitude / n);
        EXPECT_NEAR(sums.getMeanMagnitude(), magnitude / n,
                    1e-6 * magnitude / n);
        EXPECT_NEAR(sums.getPower(), square / n, 1e-6 * square / n);
      }
      EXPECT_EQ(statistics.histogram.getTotal(), statistics.all.count);
      if (count) {
        EXPECT_NEAR(statistics.meanMin, meanMin, 1e-9);
        EXPECT_NEAR(statistics.meanMax, meanMax, 1e-9);
      }
    }
  }
}

TEST(ValueObserver, LargeValues) {
  ValueObserver observer(std::vector<int64_t>{64});
  observer.observe(std::vector<float>(64, 3e38f));
  EXPECT_NEAR(observer.getStatistics().all.getPower(), 9e76, 1e72);
  EXPECT_NEAR(observer.getStatistics().all.getMean(), 3e38, 1e33);
  EXPECT_LT(observer.getStatistics().all.getVariance(), 1e70);
  ValueObserver channels({8, 4}, 1);
  channels.observe(std::vector<float>(32, -3e38f));
  EXPECT_NEAR(channels.getStatistics().channels[3].getPower(), 9e76, 1e72);
  EXPECT_EQ(channels.getStatistics().channels[3].count, 8u);
}

TEST(ValueObserver, PartsAddUpAndJSONIsExact) {
  ValueObserver whole({3, 50}, 0), left({3, 50}, 0), right({3, 50}, 0);
  for (int sample = 0; sample < 6; ++sample) {
    std::vector<float> values = makeValues(150, sample, sample + 1);
    whole.observe(values);
    (sample < 2 ? left : right).observe(values);
  }
  ValueStatistics sum = left.getStatistics();
  sum.merge(right.getStatistics());
  EXPECT_EQ(sum.histogram, whole.getStatistics().histogram);
  EXPECT_EQ(sum.all.min, whole.getStatistics().all.min);
  EXPECT_NEAR(sum.all.sum, whole.getStatistics().all.sum, 1e-9);
  EXPECT_NEAR(sum.meanMin, whole.getStatistics().meanMin, 1e-12);
  EXPECT_EQ(sum.samples, 6u);

  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::json::Value(whole.getStatistics().toJSON());
  llvm::json::Value parsed = cantFail(llvm::json::parse(text));
  ValueStatistics read =
      cantFail(ValueStatistics::fromJSON(*parsed.getAsObject()));
  EXPECT_EQ(read, whole.getStatistics());
  ValueObserver resumed({3, 50}, 0);
  resumed.resume(read);
  std::vector<float> more = makeValues(150, 99);
  resumed.observe(more), whole.observe(more);
  EXPECT_EQ(resumed.getStatistics(), whole.getStatistics());
}

TEST(ValueObserver, RefusesOtherJSON) {
  ValueObserver observer(std::vector<int64_t>{2}, 0);
  observer.observe({1.0f, 2.0f});
  for (const char *key : {"samples", "nans", "infinities", "sums", "mean-min",
                          "mean-max", "samples-in-mean", "histogram"}) {
    llvm::json::Object object = observer.getStatistics().toJSON();
    object.erase(key);
    llvm::Expected<ValueStatistics> read = ValueStatistics::fromJSON(object);
    ASSERT_FALSE(static_cast<bool>(read)) << key;
    EXPECT_NE(toString(read.takeError()).find(key), std::string::npos);
  }
  llvm::json::Object object = observer.getStatistics().toJSON();
  object["channels"] = llvm::json::Array{llvm::json::Array{1, 2}};
  llvm::Expected<ValueStatistics> read = ValueStatistics::fromJSON(object);
  EXPECT_FALSE(static_cast<bool>(read));
  llvm::consumeError(read.takeError());
}

TEST(SecondMoment, MatchesPlainLoops) {
  constexpr int64_t n = 12, rows = 1300;
  std::vector<float> x = makeValues(n * rows, 4), weights(rows);
  std::mt19937 random(5);
  for (float &weight : weights)
    weight = static_cast<float>(random() % 100) / 50;
  for (int64_t block : {int64_t(0), int64_t(4)})
    for (bool weighted : {false, true}) {
      // The last rows in another one.
      SecondMoment moment(n, block), last(n, block);
      EXPECT_EQ(moment.getMean(0)[0], 0);
      int64_t at = 0;
      for (int64_t part : {1, 700, 0, 599}) {
        llvm::ArrayRef<float> w(weights);
        (part == 599 ? last : moment)
            .add(llvm::ArrayRef<float>(x).slice(at * n, part * n),
                 weighted ? w.slice(at, part) : llvm::ArrayRef<float>());
        at += part;
      }
      moment.merge(last);
      int64_t size = block ? block : n;
      for (int64_t b = 0; b < n / size; ++b) {
        std::vector<double> mean = moment.getMean(b);
        for (int64_t i = 0; i < size; ++i)
          for (int64_t j = 0; j < size; ++j) {
            double sum = 0, total = 0;
            for (int64_t row = 0; row < rows; ++row) {
              double w = weighted ? weights[row] : 1;
              sum += w * x[row * n + b * size + i] * x[row * n + b * size + j];
              total += w;
            }
            EXPECT_NEAR(mean[i * size + j], sum / total, 1e-5);
          }
      }
    }
}

/// The covariance of rows of `size` columns, and the sum over pairs of
/// different columns of the sampling variance of its elements by that of their
/// squares.
struct PlainEstimate {
  std::vector<double> mean, covariance;
  double shrinkage;

  PlainEstimate(llvm::ArrayRef<float> x, int64_t n, int64_t start, int64_t size)
      : mean(size), covariance(size * size) {
    int64_t rows = x.size() / n;
    auto at = [&](int64_t row, int64_t i) -> double {
      return x[row * n + start + i];
    };
    for (int64_t i = 0; i < size; ++i) {
      for (int64_t row = 0; row < rows; ++row)
        mean[i] += at(row, i) / rows;
    }
    double variance = 0, square = 0;
    for (int64_t i = 0; i < size; ++i)
      for (int64_t j = 0; j < size; ++j) {
        auto product = [&](int64_t row) {
          return (at(row, i) - mean[i]) * (at(row, j) - mean[j]);
        };
        double &c = covariance[i * size + j];
        for (int64_t row = 0; row < rows; ++row)
          c += product(row) / rows;
        if (i == j)
          continue;
        for (int64_t row = 0; row < rows; ++row)
          variance += (product(row) - c) * (product(row) - c) / rows;
        square += c * c;
      }
    shrinkage = std::clamp(variance / (rows - 1) / square, 0.0, 1.0);
  }
};

TEST(SecondMoment, ShrinksCorrelationsByWhatChanceExplains) {
  constexpr int64_t n = 12, rows = 60;
  std::vector<float> x = makeValues(n * rows, 7);
  // Means, and columns that go along with the first.
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 1; j < n; ++j)
      x[row * n + j] += 3.0f + 0.4f * x[row * n];
  for (int64_t block : {int64_t(0), int64_t(4)}) {
    SecondMoment moment(n, block), last(n, block);
    moment.add(llvm::ArrayRef<float>(x).take_front(40 * n));
    last.add(llvm::ArrayRef<float>(x).drop_front(40 * n));
    moment.merge(last);
    int64_t size = block ? block : n;
    for (int64_t b = 0; b < n / size; ++b) {
      SecondMoment::Moments found = moment.getMoments(b);
      double shrinkage = moment.getShrinkage(found, b);
      found.shrink(shrinkage);
      PlainEstimate expected(x, n, b * size, size);
      // Products are f32.
      EXPECT_NEAR(shrinkage, expected.shrinkage, 1e-4);
      EXPECT_GT(shrinkage, 0);
      EXPECT_LT(shrinkage, 1);
      std::vector<double> second = found.getSecondMoment();
      for (int64_t i = 0; i < size; ++i) {
        EXPECT_NEAR(found.mean[i], expected.mean[i], 1e-6);
        for (int64_t j = 0; j < size; ++j) {
          double keep = i == j ? 1 : 1 - expected.shrinkage;
          double c = keep * expected.covariance[i * size + j];
          EXPECT_NEAR(found.covariance[i * size + j], c, 1e-5);
          EXPECT_NEAR(second[i * size + j],
                      c + expected.mean[i] * expected.mean[j], 1e-5);
        }
      }
    }
  }
}

TEST(SecondMoment, SaysNothingOfCorrelationsFromOneRow) {
  SecondMoment moment(3);
  EXPECT_EQ(moment.getMoments().covariance, std::vector<double>(9, 0.0));
  EXPECT_EQ(moment.getShrinkage(moment.getMoments()), 1);
  moment.add({1.0f, 2.0f, -1.0f});
  EXPECT_EQ(moment.getShrinkage(moment.getMoments()), 1);
  EXPECT_EQ(moment.getMoments().mean, (std::vector<double>{1, 2, -1}));
  moment.add({1.0f, 2.0f, -1.0f});
  EXPECT_EQ(moment.getShrinkage(moment.getMoments()), 1);
}

} // namespace
