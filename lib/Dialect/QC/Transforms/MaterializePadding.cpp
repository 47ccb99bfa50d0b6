// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pads the inputs of convolutions in memory and folds the zero points that
// become foldable by it.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {
#define GEN_PASS_DEF_MATERIALIZEPADDING
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The only integer of a one-element constant.
std::optional<int64_t> getScalar(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  if (!constant || constant.getValue().getNumElements() != 1)
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> numbers =
      getConstantIntegers(constant.getValue());
  return failed(numbers) ? std::nullopt
                         : std::optional<int64_t>(numbers->front());
}

/// A constant si32 vector.
Value createVector(OpBuilder &builder, Location loc, ArrayRef<int32_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                    builder.getIntegerType(32, true));
  ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()),
                       values.size() * sizeof(int32_t));
  return ConstantOp::create(builder, loc, type, getConstant(type, bytes));
}

/// -zero * sum of the weights of each output channel (dimension `channelDim`),
/// modulo 2^32 as the accumulators.
std::optional<SmallVector<int32_t>>
getCorrection(Value weights, int64_t channelDim, int64_t zero) {
  auto constant = weights.getDefiningOp<ConstantOp>();
  if (!constant)
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> numbers =
      getConstantIntegers(constant.getValue());
  if (failed(numbers))
    return std::nullopt;
  RankedTensorType type = typeOf(weights);
  int64_t channels = type.getDimSize(channelDim), inner = 1;
  for (int64_t dim = channelDim + 1; dim < type.getRank(); ++dim)
    inner *= type.getDimSize(dim);
  SmallVector<int32_t> correction(channels, 0);
  for (auto [index, number] : llvm::enumerate(*numbers)) {
    int32_t &sum = correction[index / inner % channels];
    sum = static_cast<int32_t>(static_cast<uint32_t>(sum) -
                               static_cast<uint32_t>(zero * number));
  }
  return correction;
}

struct MaterializePadding
    : qc::impl::MaterializePaddingBase<MaterializePadding> {
  using MaterializePaddingBase::MaterializePaddingBase;

  void runOnOperation() override {
    getOperation().walk([&](ConvOp conv) {
      if (conv.getGroup() == 1)
        pad(conv);
      fold(conv);
    });
    getOperation().walk([&](MatMulOp matmul) { fold(matmul); });
  }

private:
  void pad(ConvOp conv);
  void fold(ConvOp conv);
  void fold(MatMulOp matmul);
};

} // namespace

void MaterializePadding::pad(ConvOp conv) {
  if (llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; }))
    return;
  OpBuilder builder(conv);
  Location loc = conv.getLoc();
  Type element = typeOf(conv.getX()).getElementType();
  Value value = conv.getXZero();
  if (value && typeOf(value).getElementType() != element)
    return;
  if (!value) {
    auto scalar = RankedTensorType::get({}, element);
    SmallVector<char> zero(std::max(1u, element.getIntOrFloatBitWidth() / 8),
                           0);
    value = ConstantOp::create(builder, loc, scalar, getConstant(scalar, zero));
  }
  size_t spatial = conv.getStrides().size();
  SmallVector<int64_t> pads{0, 0};
  llvm::append_range(pads, conv.getPads().take_front(spatial));
  pads.append({0, 0});
  llvm::append_range(pads, conv.getPads().drop_front(spatial));
  Value padded =
      PadOp::create(builder, loc, conv.getX(), value, pads, PadMode::Constant);
  conv.getXMutable().assign(padded);
  conv.setPads(SmallVector<int64_t>(2 * spatial, 0));
  ++numPadded;
}

void MaterializePadding::fold(ConvOp conv) {
  std::optional<int64_t> zero = getScalar(conv.getXZero());
  if (!zero || conv.getWZero() ||
      llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; }))
    return;
  std::optional<SmallVector<int32_t>> correction =
      getCorrection(conv.getW(), 0, *zero);
  if (!correction)
    return;
  if (conv.getBias()) {
    auto constant = conv.getBias().getDefiningOp<ConstantOp>();
    if (!constant)
      return;
    FailureOr<SmallVector<int64_t>> bias =
        getConstantIntegers(constant.getValue());
    if (failed(bias))
      return;
    for (auto [sum, number] : llvm::zip_equal(*correction, *bias))
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                                 static_cast<uint32_t>(number));
  }
  OpBuilder builder(conv);
  conv.getBiasMutable().assign(
      createVector(builder, conv.getLoc(), *correction));
  conv.getXZeroMutable().clear();
  ++numFolded;
}

void MaterializePadding::fold(MatMulOp matmul) {
  std::optional<int64_t> zero = getScalar(matmul.getAZero());
  if (!zero || matmul.getBZero() || typeOf(matmul.getB()).getRank() != 2)
    return;
  std::optional<SmallVector<int32_t>> correction =
      getCorrection(matmul.getB(), 1, *zero);
  if (!correction)
    return;
  matmul.getAZeroMutable().clear();
  ++numFolded;
  if (*zero == 0)
    return;
  OpBuilder builder(matmul->getContext());
  builder.setInsertionPointAfter(matmul);
  Value vector = createVector(builder, matmul.getLoc(), *correction);
  auto sum = AddOp::create(builder, matmul.getLoc(), matmul.getY(), vector);
  matmul.getY().replaceAllUsesExcept(sum, sum);
}
