// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pads the inputs of convolutions in memory, folds the zero points that become
// foldable by it, and makes 8-bit weights signed.

#include "ConvPadding.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

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

/// The integers of a constant, null for an absent one.
std::optional<SmallVector<int64_t>> getIntegers(Value value) {
  if (!value)
    return SmallVector<int64_t>{0};
  FailureOr<SmallVector<int64_t>> numbers = getConstantCodes(value);
  return failed(numbers) ? std::nullopt
                         : std::optional<SmallVector<int64_t>>(*numbers);
}

/// -zero * sum of (w - weightZero) over the weights of each output channel
/// (dimension `channelDim`), modulo 2^32 as the accumulators.
std::optional<SmallVector<int32_t>> getCorrection(Value weights,
                                                  Value weightZero,
                                                  int64_t channelDim,
                                                  int64_t zero) {
  std::optional<SmallVector<int64_t>> numbers = getIntegers(weights),
                                      zeros = getIntegers(weightZero);
  if (!numbers || !zeros)
    return std::nullopt;
  RankedTensorType type = typeOf(weights);
  int64_t channels = type.getDimSize(channelDim), inner = 1;
  for (int64_t dim = channelDim + 1; dim < type.getRank(); ++dim)
    inner *= type.getDimSize(dim);
  SmallVector<int32_t> correction(channels, 0);
  for (auto [index, number] : llvm::enumerate(*numbers)) {
    size_t channel = index / inner % channels;
    int64_t weight = number - (*zeros)[zeros->size() == 1 ? 0 : channel];
    int32_t &sum = correction[channel];
    sum = static_cast<int32_t>(static_cast<uint32_t>(sum) -
                               static_cast<uint32_t>(zero * weight));
  }
  return correction;
}

/// An 8-bit unsigned constant minus 128, signed.
Value subtract128(OpBuilder &builder, ConstantOp constant) {
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes =
      getConstantBytes(constant.getValue(), scratch);
  if (failed(bytes))
    return {};
  SmallVector<char> shifted(*bytes);
  for (char &byte : shifted)
    byte ^= static_cast<char>(0x80);
  auto type =
      RankedTensorType::get(constant.getType().getShape(),
                            builder.getIntegerType(8, /*isSigned=*/true));
  return ConstantOp::create(builder, constant.getLoc(), type,
                            getConstant(type, shifted));
}

} // namespace

Value qc::buildZero(OpBuilder &builder, Location loc, Type element) {
  auto scalar = RankedTensorType::get({}, element);
  SmallVector<char> zero(std::max(1u, element.getIntOrFloatBitWidth() / 8), 0);
  return ConstantOp::create(builder, loc, scalar, getConstant(scalar, zero));
}

bool qc::signWeights(OpBuilder &builder, OpOperand &weights,
                     MutableOperandRange weightZero) {
  auto constant = weights.get().getDefiningOp<ConstantOp>();
  Type ui8 = builder.getIntegerType(8, /*isSigned=*/false);
  if (!constant || typeOf(weights.get()).getElementType() != ui8)
    return false;
  ConstantOp zero;
  if (!weightZero.empty()) {
    zero = weightZero[0].get().getDefiningOp<ConstantOp>();
    if (!zero || typeOf(zero).getElementType() != ui8)
      return false;
  } else {
    auto scalar = RankedTensorType::get({}, ui8);
    zero = ConstantOp::create(builder, constant.getLoc(), scalar,
                              getConstant(scalar, ArrayRef<char>{0}));
  }
  Value signedWeights = subtract128(builder, constant),
        signedZero = subtract128(builder, zero);
  if (!signedWeights || !signedZero)
    return false;
  weights.set(signedWeights);
  std::optional<SmallVector<int64_t>> zeros = getIntegers(signedZero);
  if (zeros && llvm::all_of(*zeros, [](int64_t z) { return z == 0; }))
    weightZero.clear();
  else
    weightZero.assign(signedZero);
  return true;
}

bool qc::materializePadding(ConvOp conv) {
  if (llvm::all_of(conv.getPads(), [](int64_t pad) { return pad == 0; }))
    return false;
  OpBuilder builder(conv);
  Location loc = conv.getLoc();
  Type element = typeOf(conv.getX()).getElementType();
  Value value = conv.getXZero();
  if (value && typeOf(value).getElementType() != element)
    return false;
  if (!value)
    value = buildZero(builder, loc, element);
  size_t spatial = conv.getStrides().size();
  SmallVector<int64_t> pads{0, 0};
  llvm::append_range(pads, conv.getPads().take_front(spatial));
  pads.append({0, 0});
  llvm::append_range(pads, conv.getPads().drop_front(spatial));
  Value padded =
      PadOp::create(builder, loc, conv.getX(), value, pads, PadMode::Constant);
  conv.getXMutable().assign(padded);
  conv.setPads(SmallVector<int64_t>(2 * spatial, 0));
  return true;
}

bool qc::foldInputZero(ConvOp conv) {
  std::optional<int64_t> zero = getScalar(conv.getXZero());
  // Sums of 64 bits are rare enough for the general form.
  if (!zero || typeOf(conv.getY()).getElementTypeBitWidth() != 32 ||
      llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; }))
    return false;
  std::optional<SmallVector<int32_t>> correction =
      getCorrection(conv.getW(), conv.getWZero(), 0, *zero);
  if (!correction)
    return false;
  if (conv.getBias()) {
    auto constant = conv.getBias().getDefiningOp<ConstantOp>();
    if (!constant)
      return false;
    FailureOr<SmallVector<int64_t>> bias =
        getConstantIntegers(constant.getValue());
    if (failed(bias))
      return false;
    for (auto [sum, number] : llvm::zip_equal(*correction, *bias))
      sum = static_cast<int32_t>(static_cast<uint32_t>(sum) +
                                 static_cast<uint32_t>(number));
  }
  OpBuilder builder(conv);
  conv.getBiasMutable().assign(
      createVector(builder, conv.getLoc(), *correction));
  conv.getXZeroMutable().clear();
  return true;
}

namespace {

struct MaterializePadding
    : qc::impl::MaterializePaddingBase<MaterializePadding> {
  using MaterializePaddingBase::MaterializePaddingBase;

  void runOnOperation() override {
    getOperation().walk([&](ConvOp conv) {
      OpBuilder builder(conv);
      numSigned +=
          signWeights(builder, conv.getWMutable(), conv.getWZeroMutable());
      if (!conv.isDepthwise())
        numPadded += materializePadding(conv);
      numFolded += foldInputZero(conv);
    });
    getOperation().walk([&](MatMulOp matmul) {
      OpBuilder builder(matmul);
      numSigned +=
          signWeights(builder, matmul.getBMutable(), matmul.getBZeroMutable());
      fold(matmul);
    });
  }

private:
  void fold(MatMulOp matmul);
};

} // namespace

void MaterializePadding::fold(MatMulOp matmul) {
  std::optional<int64_t> zero = getScalar(matmul.getAZero());
  if (!zero || typeOf(matmul.getB()).getRank() != 2 ||
      typeOf(matmul.getY()).getElementTypeBitWidth() != 32)
    return;
  std::optional<SmallVector<int32_t>> correction =
      getCorrection(matmul.getB(), matmul.getBZero(), 1, *zero);
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
