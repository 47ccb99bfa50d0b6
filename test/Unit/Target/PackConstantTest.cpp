// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Packing of constants against the definition of a layout: element by element,
// each at the position that LayoutAttr::linearize gives, zeros elsewhere.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Target/Common/Artifact.h"

#include "mlir/AsmParser/AsmParser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace qc;

namespace {

void checkPacking(StringRef text) {
  SCOPED_TRACE(text.str());
  MLIRContext context;
  context.loadDialect<QCDialect>();
  auto type = dyn_cast_or_null<RankedTensorType>(parseType(text, &context));
  ASSERT_TRUE(type);
  auto layout = cast<LayoutAttr>(type.getEncoding());
  int64_t width = type.getElementType().getIntOrFloatBitWidth() / 8;
  // Every element differs and none is zero, in each of its bytes.
  std::vector<char> bytes(type.getNumElements() * width);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i % 251 + 1);
  std::vector<char> expected(layout.getNumElements() * width, 0);
  SmallVector<int64_t> index(type.getRank(), 0);
  for (int64_t i = 0; i < type.getNumElements(); ++i) {
    int64_t rest = i;
    for (int64_t dim = type.getRank(); dim-- > 0;) {
      index[dim] = rest % type.getDimSize(dim);
      rest /= type.getDimSize(dim);
    }
    std::copy_n(bytes.begin() + i * width, width,
                expected.begin() + layout.linearize(index) * width);
  }
  FailureOr<SmallVector<char>> packed = packConstant(
      getConstant(RankedTensorType::get(type.getShape(), type.getElementType()),
                  bytes),
      type);
  ASSERT_TRUE(succeeded(packed));
  EXPECT_EQ(std::vector<char>(packed->begin(), packed->end()), expected);
}

TEST(PackConstant, Permutation) {
  checkPacking("tensor<2x3x5x7xf32, #qc.layout<0:1:2, 2:1:5, 3:1:7, 1:1:3>>");
  checkPacking("tensor<6x5xsi8, #qc.layout<1:1:5, 0:1:6>>");
}

TEST(PackConstant, Blocks) {
  checkPacking("tensor<64x64xsi8, #qc.layout<0:16:4, 1:4:16, 0:1:16, 1:1:4>>");
  checkPacking("tensor<64x8xf32, #qc.layout<0:16:4, 1:1:8, 0:1:16>>");
  checkPacking("tensor<32x8xf16, #qc.layout<0:16:2, 1:1:8, 0:1:16>>");
}

TEST(PackConstant, PaddingIsZero) {
  checkPacking("tensor<50x30xsi8, #qc.layout<0:16:4, 1:4:8, 0:1:16, 1:1:4>>");
  checkPacking("tensor<3x3xf32, #qc.layout<0:1:3, 1:1:16>>");
}

TEST(PackConstant, GroupsArePaddedEach) {
  checkPacking(
      "tensor<112x8xf32, #qc.layout<0:28:4, 0:16:2:28, 1:1:8, 0:1:16:28>>");
}

} // namespace
