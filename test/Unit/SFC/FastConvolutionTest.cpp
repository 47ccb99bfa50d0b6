// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices of fast convolutions: each is an exact algorithm, by the complete
// trilinear identity.

#include "qc/SFC/FastConvolution.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

using namespace qc;

namespace {

int32_t getMaxMagnitude(const IntegerMatrix &matrix) {
  int32_t max = 0;
  for (int32_t entry : matrix.entries)
    max = std::max(max, std::abs(entry));
  return max;
}

/// The inputs (flattened) that the transforms connect to each output and tap
/// must be the one of the correlation, with the denominator as coefficient.
void checkIdentity(const FastConvolution &convolution) {
  const IntegerMatrix &a = convolution.outputTransform,
                      &b = convolution.inputTransform,
                      &g = convolution.weightTransform;
  auto [numRows, numColumns] = convolution.outputs;
  auto [tapRows, tapColumns] = convolution.taps;
  int64_t tileColumns = convolution.getTile(1);
  int64_t numProducts = convolution.getNumProducts();
  ASSERT_EQ(b.columns, convolution.getTile(0) * tileColumns);
  ASSERT_EQ(g.rows, numProducts);
  ASSERT_EQ(g.columns, tapRows * tapColumns);
  ASSERT_EQ(a.rows, numRows * numColumns);
  ASSERT_EQ(a.columns, numProducts);

  std::vector<std::vector<std::pair<int64_t, int64_t>>> inputs(numProducts);
  for (int64_t t = 0; t < numProducts; ++t)
    for (int64_t j = 0; j < b.columns; ++j)
      if (b.at(t, j) != 0)
        inputs[t].emplace_back(j, b.at(t, j));
  std::vector<int64_t> sums(b.columns);
  for (int64_t o = 0; o < a.rows; ++o) {
    for (int64_t k = 0; k < g.columns; ++k) {
      std::fill(sums.begin(), sums.end(), 0);
      for (int64_t t = 0; t < numProducts; ++t)
        if (int64_t factor = int64_t(a.at(o, t)) * g.at(t, k))
          for (auto [j, entry] : inputs[t])
            sums[j] += factor * entry;
      int64_t row = o / numColumns + k / tapColumns,
              column = o % numColumns + k % tapColumns;
      sums[row * tileColumns + column] -= convolution.denominator;
      for (int64_t sum : sums)
        ASSERT_EQ(sum, 0) << "output " << o << " tap " << k;
    }
  }
}

TEST(FastConvolution, EveryNameIsAnExactAlgorithm) {
  EXPECT_GT(getFastConvolutionNames().size(), 50u);
  for (llvm::StringRef name : getFastConvolutionNames()) {
    SCOPED_TRACE(name.str());
    const FastConvolution *convolution = getFastConvolution(name);
    ASSERT_TRUE(convolution);
    EXPECT_EQ(convolution->name, name);
    EXPECT_EQ(getFastConvolution(name), convolution);
    checkIdentity(*convolution);
  }
}

TEST(FastConvolution, Entries) {
  for (llvm::StringRef name : getFastConvolutionNames()) {
    SCOPED_TRACE(name.str());
    const FastConvolution &convolution = *getFastConvolution(name);
    const IntegerMatrix &a = convolution.outputTransform;
    if (name.starts_with("sfc")) {
      EXPECT_EQ(getMaxMagnitude(convolution.inputTransform), 1);
      EXPECT_EQ(getMaxMagnitude(a), 1);
      EXPECT_LE(getMaxMagnitude(convolution.weightTransform),
                convolution.denominator);
    }
    for (int64_t column = 0; column < a.columns; ++column) {
      int32_t divisor = 0;
      for (int64_t row = 0; row < a.rows; ++row)
        divisor = std::gcd(divisor, a.at(row, column));
      EXPECT_EQ(divisor, 1) << "column " << column;
    }
  }
}

TEST(FastConvolution, NumbersOfProducts) {
  const std::pair<const char *, int64_t> expected[] = {
      // The table of the paper; 388 of 36 * 49 is its 22.0 % for 7x7 kernels.
      {"sfc-4(4x4,3x3)", 46},
      {"sfc-6(6x6,3x3)", 88},
      {"sfc-6(7x7,3x3)", 132},
      {"sfc-6(6x6,5x5)", 184},
      {"sfc-6(4x4,7x7)", 184},
      {"sfc-6(6x6,7x7)", 388},
      {"sfc-6(4x4,3x3)", 52},
      {"sfc-6(4x4,5x5)", 88},
      {"sfc-6(6x7,3x3)", 108},
      {"sfc-6(7x6,3x3)", 108},
      // Squares of the one-dimensional counts.
      {"sfc-4-nested(4x4,3x3)", 49},
      {"sfc-6-nested(4x4,3x3)", 64},
      {"sfc-6-nested(6x6,3x3)", 100},
      {"sfc-6-nested(7x7,3x3)", 144},
      {"sfc-6-nested(6x6,5x5)", 196},
      {"sfc-6-nested(4x4,7x7)", 196},
      {"sfc-6-nested(6x6,7x7)", 400},
      {"sfc-4(1x4,1x3)", 7},
      {"sfc-4(4x1,3x1)", 7},
      {"sfc-6(1x4,1x3)", 8},
      {"sfc-6(1x6,1x3)", 10},
      {"sfc-6(6x1,3x1)", 10},
      {"sfc-6(1x7,1x3)", 12},
      {"sfc-6(7x1,3x1)", 12},
      {"sfc-6(1x6,1x5)", 14},
      {"sfc-6(1x4,1x5)", 10},
      {"sfc-6(4x1,7x1)", 14},
      {"sfc-6(1x6,1x7)", 20},
      {"sfc-4(1x4,1x5)", 11},
      {"sfc-4(1x4,1x7)", 17},
      // outputs + taps - 1 per axis.
      {"winograd(2x2,3x3)", 16},
      {"winograd(4x4,3x3)", 36},
      {"winograd(1x2,1x3)", 4},
      {"winograd(2x1,3x1)", 4},
  };
  for (auto [name, products] : expected) {
    SCOPED_TRACE(name);
    const FastConvolution *convolution = getFastConvolution(name);
    ASSERT_TRUE(convolution);
    EXPECT_EQ(convolution->getNumProducts(), products);
  }
}

/// Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
/// 2016, equation 6, with G times 2.
TEST(FastConvolution, WinogradOfTwoOutputs) {
  const FastConvolution *convolution = getFastConvolution("winograd(1x2,1x3)");
  ASSERT_TRUE(convolution);
  EXPECT_EQ(convolution->denominator, 2);
  using Entries = llvm::SmallVector<int32_t>;
  EXPECT_EQ(convolution->inputTransform.entries,
            Entries({1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, -1, 0, 1}));
  EXPECT_EQ(convolution->weightTransform.entries,
            Entries({2, 0, 0, 1, 1, 1, 1, -1, 1, 0, 0, 2}));
  // The paper has the last product, of input 1 minus input 3, negated.
  EXPECT_EQ(convolution->outputTransform.entries,
            Entries({1, 1, 1, 0, 0, 1, -1, 1}));
}

TEST(FastConvolution, UnknownNames) {
  for (llvm::StringRef name : {"",
                               "sfc",
                               "sfc-6",
                               "sfc-6(",
                               "sfc-6(6x6,3x3",
                               "sfc-6(6x6,3x3))",
                               "sfc-6(6x6,3x3) ",
                               " sfc-6(6x6,3x3)",
                               "SFC-6(6x6,3x3)",
                               "sfc-6(06x6,3x3)",
                               "sfc-6(+6x6,3x3)",
                               "sfc-6(6 x6,3x3)",
                               "sfc-6(6x6)",
                               "sfc-6(,)",
                               "sfc-6(x,x)",
                               "sfc-6(6x6,3x3,3x3)",
                               "sfc-6(0x6,3x3)",
                               "sfc-6(-6x6,3x3)",
                               "sfc-6(6x6,0x3)",
                               "sfc-6(1x1,1x1)",
                               "sfc-6(99999999999x1,3x3)",
                               "sfc-6(18446744073709551622x6,3x3)",
                               "sfc-6(6x6,3x5)",
                               "sfc-5(6x6,3x3)",
                               "winograd(1000000x1000000,3x3)",
                               "winograd-nested(2x2,3x3)",
                               "sfc-6-nested(1x6,1x3)"})
    EXPECT_EQ(getFastConvolution(name), nullptr) << name.str();
  EXPECT_EQ(getFastConvolution(llvm::StringRef("sfc-6(6x6,3x3)\0", 15)),
            nullptr);
  EXPECT_EQ(getFastConvolution(std::string(1 << 20, '(')), nullptr);
}

TEST(FastConvolution, OneInstanceForAllThreads) {
  std::vector<const FastConvolution *> found(4);
  std::vector<std::thread> threads;
  for (const FastConvolution *&convolution : found)
    threads.emplace_back(
        [&] { convolution = getFastConvolution("sfc-6(7x6,3x3)"); });
  for (std::thread &thread : threads)
    thread.join();
  for (const FastConvolution *convolution : found)
    EXPECT_EQ(convolution, found.front());
}

} // namespace
