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

/// The same for elements that share bytes.
void checkBits(StringRef text) {
  SCOPED_TRACE(text.str());
  MLIRContext context;
  context.loadDialect<QCDialect>();
  auto type = dyn_cast_or_null<RankedTensorType>(parseType(text, &context));
  ASSERT_TRUE(type);
  auto layout = cast<LayoutAttr>(type.getEncoding());
  unsigned bits = type.getElementTypeBitWidth();
  int64_t count = type.getNumElements();
  auto bytesFor = [&](int64_t elements) { return (elements * bits + 7) / 8; };
  std::vector<char> bytes(bytesFor(count), 0),
      expected(bytesFor(layout.getNumElements()), 0);
  SmallVector<int64_t> index(type.getRank(), 0);
  for (int64_t i = 0; i < count; ++i) {
    auto code = static_cast<uint8_t>((i * 7 + 3) % (1 << bits));
    writeBits(bytes, i, bits, code);
    EXPECT_EQ(readBits(bytes, i, bits), code);
    int64_t rest = i;
    for (int64_t dim = type.getRank(); dim-- > 0;) {
      index[dim] = rest % type.getDimSize(dim);
      rest /= type.getDimSize(dim);
    }
    writeBits(expected, layout.linearize(index), bits, code);
  }
  FailureOr<SmallVector<char>> packed = packConstant(
      getConstant(RankedTensorType::get(type.getShape(), type.getElementType()),
                  bytes),
      type);
  ASSERT_TRUE(succeeded(packed));
  EXPECT_EQ(std::vector<char>(packed->begin(), packed->end()), expected);
}

TEST(PackConstant, ElementsThatShareBytes) {
  for (const char *type : {"si2", "ui3", "si4", "si5", "ui6", "si7"})
    checkBits(("tensor<40x9x" + StringRef(type) +
               ", #qc.layout<0:16:3, 1:2:5, 0:1:16, 1:1:2>>")
                  .str());
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
