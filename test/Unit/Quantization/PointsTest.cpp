// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which layers follow one another.

#include "qc/Quantization/Points.h"

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace qc;

namespace {

/// Indices of two layers each.
using Pairs = SmallVector<std::pair<size_t, size_t>>;

class PointsTest : public ::testing::Test {
protected:
  PointsTest() { context.loadDialect<QCDialect, func::FuncDialect>(); }

  SmallVector<LinearLayer> getLayers() {
    SmallVector<LinearLayer> layers;
    auto function = *module->getOps<func::FuncOp>().begin();
    for (Operation &op : function.getBody().front())
      if (std::optional<LinearLayer> layer = LinearLayer::get(&op))
        layers.push_back(*layer);
    return layers;
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

constexpr StringRef residual = R"mlir(
func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %w = qc.constant dense<1.0> : tensor<2x2xf32> : tensor<2x2xf32>
  %0 = qc.matmul %x, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %1 = qc.relu %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %2 = qc.matmul %1, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %3 = qc.add %1, %2 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %4 = qc.matmul %3, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  // A product of two results is no layer.
  %5 = qc.matmul %4, %4 : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  %6 = qc.matmul %5, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  return %6 : tensor<2x2xf32>
}
)mlir";

TEST_F(PointsTest, NeighboursHaveNoLayerBetween) {
  module = parseSourceString<ModuleOp>(residual, &context);
  ASSERT_TRUE(module);
  EXPECT_EQ(findNeighbours(getLayers()),
            Pairs({{0, 1}, {0, 2}, {1, 2}, {2, 3}}));
}

TEST_F(PointsTest, NeighboursMayBeFarApart) {
  module = parseSourceString<ModuleOp>(residual, &context);
  ASSERT_TRUE(module);
  SmallVector<LinearLayer> layers = getLayers();
  Operation *second = layers[1].getOp();
  OpBuilder builder(second);
  Value value = second->getOperand(0);
  for (int i = 0; i < 300000; ++i)
    value = ReluOp::create(builder, second->getLoc(), value.getType(), value);
  second->setOperand(0, value);
  EXPECT_EQ(findNeighbours(getLayers()),
            Pairs({{0, 1}, {0, 2}, {1, 2}, {2, 3}}));
}

} // namespace
