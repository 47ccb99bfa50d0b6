// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of additions compute their matrices, in the expected numbers of
// additions; ranges against exhaustive evaluation.

#include "qc/SFC/AdditionProgram.h"

#include "llvm/ADT/STLExtras.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <random>
#include <set>
#include <thread>
#include <tuple>
#include <vector>

using namespace qc;

namespace {

IntegerMatrix makeMatrix(int64_t rows, int64_t columns,
                         llvm::ArrayRef<int32_t> entries) {
  IntegerMatrix matrix(rows, columns);
  matrix.entries.assign(entries.begin(), entries.end());
  return matrix;
}

/// All values for these inputs. Every step may use earlier values only.
std::vector<int64_t> evaluate(const AdditionProgram &program,
                              llvm::ArrayRef<int64_t> inputs) {
  std::vector<int64_t> values(inputs.begin(), inputs.end());
  for (const AdditionProgram::Step &step : program.steps) {
    int64_t lhs = values.at(step.lhs), rhs = values.at(step.rhs);
    values.push_back(step.isDifference ? lhs - rhs : lhs + rhs);
  }
  return values;
}

/// The columns of the matrix are the outputs for unit vectors.
void checkComputes(const AdditionProgram &program,
                   const IntegerMatrix &matrix) {
  EXPECT_EQ(getMatrix(program), matrix);
  ASSERT_EQ(program.numInputs, matrix.columns);
  ASSERT_EQ(static_cast<int64_t>(program.outputs.size()), matrix.rows);
  for (int64_t column = 0; column < matrix.columns; ++column) {
    std::vector<int64_t> inputs(matrix.columns);
    inputs[column] = 1;
    std::vector<int64_t> values = evaluate(program, inputs);
    for (auto [row, output] : llvm::enumerate(program.outputs))
      ASSERT_EQ(output < 0 ? 0 : values.at(output), matrix.at(row, column));
  }
}

TEST(AdditionProgram, TransformsAreTheirMatrices) {
  for (llvm::StringRef name : getFastConvolutionNames()) {
    SCOPED_TRACE(name.str());
    const FastConvolution &convolution = *getFastConvolution(name);
    checkComputes(scheduleInputTransform(convolution),
                  convolution.inputTransform);
    checkComputes(scheduleWeightTransform(convolution),
                  convolution.weightTransform);
    checkComputes(scheduleOutputTransform(convolution),
                  convolution.outputTransform);
  }
}

/// 204 + 96 is the count of the structured transform of SFC-6(6x6,3x3) written
/// by hand. The others have no outside reference: more is a regression, fewer
/// is welcome.
TEST(AdditionProgram, NumbersOfAdditions) {
  const std::tuple<const char *, int64_t, int64_t, int64_t> expected[] = {
      {"sfc-6(6x6,3x3)", 204 + 96, 237, 292},
      {"sfc-6(4x4,3x3)", 204, 126, 152},
      {"sfc-6(6x7,3x3)", 326, 263, 328},
      {"sfc-6(7x6,3x3)", 326, 263, 328},
      {"sfc-6(7x7,3x3)", 354, 292, 371},
      {"sfc-6(6x6,5x5)", 412, 553, 424},
      {"sfc-6(4x4,5x5)", 300, 393, 224},
      {"sfc-6(4x4,7x7)", 412, 662, 346},
      {"sfc-6(6x6,7x7)", 540, 874, 664},
      {"sfc-4(4x4,3x3)", 110, 124, 104},
      {"sfc-6-nested(6x6,3x3)", 292, 254, 296},
      {"sfc-4-nested(4x4,3x3)", 109, 129, 106},
      {"sfc-6(1x6,1x3)", 18, 21, 20},
      {"sfc-6(6x1,3x1)", 18, 21, 20},
      {"sfc-6(1x7,1x3)", 19, 24, 22},
      {"sfc-4(1x4,1x3)", 9, 15, 10},
      {"winograd(4x4,3x3)", 240, 144, 148},
      // Lavin and Gray, section 4.1: 32 additions for the data, 24 for the
      // inverse transform; 4 and 4 in one dimension.
      {"winograd(2x2,3x3)", 32, 35, 24},
      {"winograd(1x2,1x3)", 4, 5, 4},
  };
  for (auto [name, input, weights, output] : expected) {
    SCOPED_TRACE(name);
    const FastConvolution *convolution = getFastConvolution(name);
    ASSERT_TRUE(convolution);
    EXPECT_EQ(scheduleInputTransform(*convolution).getNumAdditions(), input);
    EXPECT_EQ(scheduleWeightTransform(*convolution).getNumAdditions(), weights);
    EXPECT_EQ(scheduleOutputTransform(*convolution).getNumAdditions(), output);
  }
}

/// The most step values that are needed later at any time.
int64_t getMaxLive(const AdditionProgram &program) {
  std::vector<int64_t> lastUse(program.getNumValues(), -1);
  for (auto [i, step] : llvm::enumerate(program.steps))
    lastUse[step.lhs] = lastUse[step.rhs] = i;
  int64_t maxLive = 0;
  for (int64_t i = 0; i < program.getNumAdditions(); ++i) {
    int64_t live = 0;
    for (int64_t step = 0; step <= i; ++step)
      live += lastUse[program.numInputs + step] > i;
    maxLive = std::max(maxLive, live);
  }
  return maxLive;
}

/// Little more than the values between columns and rows: 8 coordinates of each
/// of 8 columns, and of each of 6 columns of outputs.
TEST(AdditionProgram, FewValuesAreAlive) {
  const FastConvolution &convolution = *getFastConvolution("sfc-6(6x6,3x3)");
  EXPECT_LE(getMaxLive(scheduleInputTransform(convolution)), 8 * 8 + 4);
  EXPECT_LE(getMaxLive(scheduleOutputTransform(convolution)), 8 * 6 + 4);
}

TEST(AdditionProgram, SameEveryTime) {
  const FastConvolution &convolution = *getFastConvolution("sfc-6(7x6,3x3)");
  auto flatten = [](const AdditionProgram &program) {
    std::vector<int64_t> flat(program.outputs.begin(), program.outputs.end());
    for (const AdditionProgram::Step &step : program.steps)
      flat.insert(flat.end(), {step.lhs, step.rhs, step.isDifference});
    return flat;
  };
  EXPECT_EQ(flatten(scheduleInputTransform(convolution)),
            flatten(scheduleInputTransform(convolution)));
}

/// Matrices other than those of the name are computed as they are.
TEST(AdditionProgram, OneInstanceForAllThreads) {
  const llvm::StringRef names[] = {"sfc-6(6x6,3x3)", "sfc-4(4x4,3x3)"};
  std::vector<const TransformPrograms *> found(8);
  std::vector<std::thread> threads;
  for (auto [index, programs] : llvm::enumerate(found))
    threads.emplace_back([&programs = programs, name = names[index % 2]] {
      programs = &getTransformPrograms(*getFastConvolution(name));
    });
  for (std::thread &thread : threads)
    thread.join();
  for (auto [index, programs] : llvm::enumerate(found))
    EXPECT_EQ(programs, found[index % 2]);
  for (unsigned which : {0, 1})
    EXPECT_EQ(found[which]->input.outputs.size(),
              size_t(getFastConvolution(names[which])->getNumProducts()));
}

TEST(AdditionProgram, OtherMatrices) {
  FastConvolution convolution = *getFastConvolution("sfc-4(1x4,1x3)");
  convolution.inputTransform.at(0, 0) += 1;
  convolution.outputTransform.at(1, 1) = 5;
  checkComputes(scheduleInputTransform(convolution),
                convolution.inputTransform);
  checkComputes(scheduleOutputTransform(convolution),
                convolution.outputTransform);
  convolution.name = "mine";
  checkComputes(scheduleInputTransform(convolution),
                convolution.inputTransform);
}

struct Case {
  const char *what;
  IntegerMatrix matrix;
  int64_t additions;
};

/// Optimal numbers, by hand.
TEST(AdditionProgram, SmallMatrices) {
  const Case cases[] = {
      {"no rows", makeMatrix(0, 3, {}), 0},
      {"no columns", makeMatrix(2, 0, {}), 0},
      {"zero", makeMatrix(1, 2, {0, 0}), 0},
      {"identity", makeMatrix(2, 2, {0, 1, 1, 0}), 0},
      {"the same row twice", makeMatrix(2, 2, {1, 1, 1, 1}), 1},
      {"double", makeMatrix(1, 1, {2}), 1},
      {"five", makeMatrix(1, 1, {5}), 3},
      {"eight", makeMatrix(1, 1, {8}), 3},
      {"difference", makeMatrix(1, 2, {-1, 1}), 1},
      {"butterfly", makeMatrix(2, 2, {1, 1, 1, -1}), 2},
      {"both signs of a difference", makeMatrix(2, 2, {1, -1, -1, 1}), 2},
      // a - (b + c): an output that is only used negated.
      {"negative sum inside", makeMatrix(2, 3, {1, -1, -1, 0, 1, 1}), 2},
      {"chosen order", makeMatrix(1, 3, {-1, 1, -1}), 2},
      // The zero a - a, and from it.
      {"negation", makeMatrix(1, 1, {-1}), 2},
      {"negated sum", makeMatrix(1, 2, {-1, -1}), 3},
      {"sum and negated sum", makeMatrix(2, 2, {1, 1, -1, -1}), 3},
      // a + b, and twice one more c.
      {"shared sums", makeMatrix(3, 3, {1, 1, 0, 1, 1, 1, 1, 1, 2}), 3},
  };
  for (const Case &test : cases) {
    SCOPED_TRACE(test.what);
    AdditionProgram program = scheduleAdditions(test.matrix);
    checkComputes(program, test.matrix);
    EXPECT_EQ(program.getNumAdditions(), test.additions);
  }
}

TEST(AdditionProgram, RandomMatrices) {
  std::mt19937 random(5);
  for (int64_t iteration = 0; iteration < 200; ++iteration) {
    IntegerMatrix matrix(1 + random() % 6, 1 + random() % 6);
    int32_t limit = iteration % 4 == 0 ? 9 : 1;
    int64_t bound = 0;
    for (int32_t &entry : matrix.entries) {
      entry = static_cast<int32_t>(random() % (2 * limit + 1)) - limit;
      bound += std::abs(entry);
    }
    AdditionProgram program = scheduleAdditions(matrix);
    checkComputes(program, matrix);
    // Every row on its own, every negation by two additions.
    EXPECT_LE(program.getNumAdditions(), bound + 1 + matrix.rows);
  }
}

/// All values for all inputs, of which the smallest and the largest.
TEST(AdditionProgram, RangesByExhaustion) {
  std::mt19937 random(9);
  for (int64_t iteration = 0; iteration < 20; ++iteration) {
    IntegerMatrix matrix(4, 3);
    for (int32_t &entry : matrix.entries)
      entry = static_cast<int32_t>(random() % 7) - 3;
    AdditionProgram program = scheduleAdditions(matrix);
    std::vector<IntegerRange> inputs;
    for (int64_t i = 0; i < 3; ++i) {
      int64_t low = static_cast<int64_t>(random() % 9) - 4;
      inputs.push_back({low, low + static_cast<int64_t>(random() % 5)});
    }
    std::vector<IntegerRange> expected(program.getNumValues(),
                                       {INT64_MAX, INT64_MIN});
    for (int64_t a = inputs[0].low; a <= inputs[0].high; ++a)
      for (int64_t b = inputs[1].low; b <= inputs[1].high; ++b)
        for (int64_t c = inputs[2].low; c <= inputs[2].high; ++c)
          for (auto [range, value] :
               llvm::zip_equal(expected, evaluate(program, {a, b, c})))
            range = {std::min(range.low, value), std::max(range.high, value)};
    EXPECT_TRUE(llvm::equal(getRanges(program, inputs), expected));
  }
}

/// a + b - a is b: forms, not steps.
TEST(AdditionProgram, RangesSeeCancellation) {
  AdditionProgram program;
  program.numInputs = 2;
  program.steps = {{0, 1, false}, {2, 0, true}, {3, 1, true}};
  const IntegerRange inputs[] = {{-5, 7}, {0, 3}};
  EXPECT_TRUE(llvm::equal(
      getRanges(program, inputs),
      std::vector<IntegerRange>{{-5, 7}, {0, 3}, {-5, 10}, {0, 3}, {0, 0}}));
}

/// Gains of 4, 8, 12, 24, and 36 for DC: int8 data needs 14 bits throughout,
/// unsigned 8-bit data as well but for DC, which is never negative.
TEST(AdditionProgram, RangesOfInputTransform) {
  const FastConvolution &convolution = *getFastConvolution("sfc-6(6x6,3x3)");
  AdditionProgram program = scheduleInputTransform(convolution);
  std::vector<IntegerRange> bytes(program.numInputs, {-128, 127});
  std::vector<IntegerRange> bits(program.numInputs, {0, 1});
  auto ranges = getRanges(program, bytes);
  for (IntegerRange range : ranges) {
    EXPECT_GE(range.low, -(1 << 13));
    EXPECT_LT(range.high, 1 << 13);
  }
  EXPECT_EQ(ranges[program.outputs[0]], (IntegerRange{-36 * 128, 36 * 127}));
  std::set<int64_t> gains;
  auto bitRanges = getRanges(program, bits);
  for (int64_t output : program.outputs)
    gains.insert(bitRanges[output].high - bitRanges[output].low);
  EXPECT_EQ(gains, (std::set<int64_t>{4, 8, 12, 24, 36}));
  EXPECT_EQ(bitRanges[program.outputs[0]], (IntegerRange{0, 36}));
}

/// Convolutions of random data through programs and matrices as a compiler uses
/// them, with several channels that are summed in the transform domain.
TEST(AdditionProgram, Convolution) {
  std::mt19937 random(3);
  const int64_t numChannels = 3;
  for (const char *name : {"sfc-6(6x7,3x3)", "sfc-6(4x4,7x7)", "sfc-4(4x1,3x1)",
                           "winograd(4x4,3x3)"}) {
    SCOPED_TRACE(name);
    const FastConvolution &convolution = *getFastConvolution(name);
    AdditionProgram input = scheduleInputTransform(convolution),
                    output = scheduleOutputTransform(convolution);
    const IntegerMatrix &g = convolution.weightTransform;
    int64_t tileColumns = convolution.getTile(1);
    std::vector<int64_t> products(convolution.getNumProducts());
    std::vector<int64_t> expected(output.outputs.size());
    for (int64_t channel = 0; channel < numChannels; ++channel) {
      std::vector<int64_t> data(input.numInputs), weights(g.columns);
      for (int64_t &value : data)
        value = static_cast<int64_t>(random() % 256) - 128;
      for (int64_t &value : weights)
        value = static_cast<int64_t>(random() % 255) - 127;
      std::vector<int64_t> values = evaluate(input, data);
      for (auto [t, product] : llvm::enumerate(products)) {
        int64_t weight = 0;
        for (auto [k, value] : llvm::enumerate(weights))
          weight += g.at(t, k) * value;
        product += weight * values[input.outputs[t]];
      }
      for (auto [o, sum] : llvm::enumerate(expected))
        for (auto [k, value] : llvm::enumerate(weights))
          sum += value *
                 data[(o / convolution.outputs[1] + k / convolution.taps[1]) *
                          tileColumns +
                      o % convolution.outputs[1] + k % convolution.taps[1]];
    }
    std::vector<int64_t> values = evaluate(output, products);
    for (auto [o, sum] : llvm::enumerate(expected))
      EXPECT_EQ(values[output.outputs[o]], sum * convolution.denominator);
  }
}

} // namespace
