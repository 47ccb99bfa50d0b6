// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of additions compute their matrices, in the expected numbers of
// additions.

#include "qc/SFC/AdditionProgram.h"

#include "gtest/gtest.h"

using namespace qc;

namespace {

/// Every step uses earlier values only and every output exists.
void checkOrder(const AdditionProgram &program) {
  for (auto [i, step] : llvm::enumerate(program.steps)) {
    int64_t value = program.numInputs + i;
    EXPECT_TRUE(step.lhs >= 0 && step.lhs < value);
    EXPECT_TRUE(step.rhs >= 0 && step.rhs < value);
  }
  for (int64_t output : program.outputs)
    EXPECT_TRUE(output >= -1 && output < program.getNumValues());
}

TEST(AdditionProgram, TransformsAreTheirMatrices) {
  for (llvm::StringRef name : getFastConvolutionNames()) {
    SCOPED_TRACE(name.str());
    const FastConvolution &convolution = *getFastConvolution(name);
    AdditionProgram input = scheduleInputTransform(convolution),
                    output = scheduleOutputTransform(convolution);
    checkOrder(input);
    checkOrder(output);
    EXPECT_EQ(getMatrix(input), convolution.inputTransform);
    EXPECT_EQ(getMatrix(output), convolution.outputTransform);
  }
}

} // namespace
