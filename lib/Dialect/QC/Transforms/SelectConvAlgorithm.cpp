// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides which convolutions run in the transform domain, and rewrites them.

#include "ConvCost.h"
#include "ConvPadding.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/SFC/AdditionProgram.h"
#include "qc/SFC/FastConvolution.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_SELECTCONVALGORITHM
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Why `conv` cannot be transformed by any algorithm; empty if it can.
std::string getObstacle(ConvOp conv) {
  RankedTensorType x = typeOf(conv.getX()), w = typeOf(conv.getW()),
                   y = typeOf(conv.getY());
  auto isOne = [](int64_t value) { return value == 1; };
  if (x.getRank() != 4)
    return "it is not two-dimensional";
  if (!llvm::all_of(conv.getStrides(), isOne))
    return "its stride is not 1";
  if (!llvm::all_of(conv.getDilations(), isOne))
    return "its dilation is not 1";
  if (conv.getGroup() != 1)
    return "it has groups";
  if (!conv.getW().getDefiningOp<ConstantOp>())
    return "its weights are not constant";
  if (x.getElementType().isF32())
    return "";
  if (!isa<IntegerType>(x.getElementType()) ||
      x.getElementTypeBitWidth() != 8 || !w.getElementType().isSignedInteger(8))
    return "its operands are neither f32 nor 8-bit codes with si8 weights";
  if (y.getElementTypeBitWidth() != 32)
    return "its sums need 64 bits";
  if (conv.getWZero())
    return "its weights have a zero point";
  return "";
}

/// Channels below which the choice by cost leaves a convolution direct, and how
/// many times faster than that another form must be expected to be.
constexpr int64_t fewestChannels = 16;
constexpr double worthwhileGain = 1.15;

/// Whether `algorithm` may be chosen without being asked for. Integers are
/// exact in any; floats lose digits in Winograd's larger tiles, where those of
/// 4 x 4 (2e-6 to 4e-6 of the result's root mean square at 64 to 512 channels,
/// direct sums 8e-7 to 2e-6) are the last that do not matter.
bool isAccurate(const FastConvolution &algorithm, bool isInteger) {
  StringRef name = algorithm.name;
  return !name.starts_with("winograd") ||
         (!isInteger && algorithm.outputs[0] <= 4 &&
          algorithm.outputs[1] <= 4 && algorithm.taps[0] <= 3 &&
          algorithm.taps[1] <= 3);
}

/// Whether 8-bit codes and weights of any value are transformed in 16 bits.
bool isExact(const FastConvolution &algorithm) {
  return getLargestFactor(algorithm, 128) <= INT16_MAX &&
         fitsInt16(algorithm, {0, 255}) && fitsInt16(algorithm, {-128, 127});
}

/// Largest |sum| of a convolution of constant 8-bit weights with any input.
std::optional<int64_t> getLargestSum(ConvOp conv) {
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(conv.getW());
  if (failed(codes))
    return std::nullopt;
  int64_t channels = typeOf(conv.getW()).getDimSize(0), largest = 0;
  int64_t perChannel = codes->size() / channels;
  for (int64_t k = 0; k < channels; ++k) {
    int64_t sum = 0;
    for (int64_t code : ArrayRef(*codes).slice(k * perChannel, perChannel))
      sum += std::abs(code);
    largest = std::max(largest, sum);
  }
  // Codes are at most 255 in either sign.
  return largest * 255;
}

struct SelectConvAlgorithm
    : qc::impl::SelectConvAlgorithmBase<SelectConvAlgorithm> {
  using SelectConvAlgorithmBase::SelectConvAlgorithmBase;

  void runOnOperation() override;

private:
  const FastConvolution *select(ConvOp conv, std::string &reason);
  void rewrite(ConvOp conv, const FastConvolution &algorithm);
};

} // namespace

//===----------------------------------------------------------------------===//
// Choice
//===----------------------------------------------------------------------===//

const FastConvolution *SelectConvAlgorithm::select(ConvOp conv,
                                                   std::string &reason) {
  if (reason = getObstacle(conv); !reason.empty())
    return nullptr;
  RankedTensorType w = typeOf(conv.getW()), y = typeOf(conv.getY());
  ConvShape shape{y.getDimSize(0),
                  w.getDimSize(1),
                  w.getDimSize(0),
                  {y.getDimSize(2), y.getDimSize(3)},
                  isa<IntegerType>(y.getElementType())};
  bool isAuto = force == "auto";
  if (isAuto) {
    // Vectors along few channels are mostly empty, and 16-bit products read
    // channels in pairs.
    if (std::min(shape.inputChannels, shape.outputChannels) < fewestChannels)
      reason = "it has few channels";
    else if (shape.isInteger && shape.inputChannels % 2 != 0)
      reason = "it has an odd number of channels";
    if (!reason.empty())
      return nullptr;
  }
  const FastConvolution *best = nullptr;
  double least = 0;
  reason = "no algorithm is for its window";
  for (StringRef name : getFastConvolutionNames()) {
    if (!isAuto && name != force && name.substr(0, name.find('(')) != force)
      continue;
    const FastConvolution *candidate = getFastConvolution(name);
    if (candidate->taps[0] != w.getDimSize(2) ||
        candidate->taps[1] != w.getDimSize(3) ||
        (isAuto && !isAccurate(*candidate, shape.isInteger)))
      continue;
    if (shape.isInteger && !isExact(*candidate)) {
      reason = "its transformed codes do not fit 16 bits";
      continue;
    }
    double cost = getTransformedCost(shape, *candidate,
                                     dotProduct ? ByteProducts::DotProduct
                                                : ByteProducts::Widened,
                                     defaultBandBytes);
    if (!best || cost < least) {
      best = candidate;
      least = cost;
    }
  }
  if (isAuto && best &&
      least * worthwhileGain > static_cast<double>(getDirectCost(
                                   shape, w.getShape().drop_front(2)))) {
    reason = "it would not be faster";
    return nullptr;
  }
  if (!best)
    return nullptr;
  if (isa<IntegerType>(y.getElementType())) {
    // Quotients of sums modulo 2^32: see qc.sfc_output_transform.
    int64_t even = best->denominator & -best->denominator;
    std::optional<int64_t> largest = getLargestSum(conv);
    if (!largest || *largest > INT32_MAX / even) {
      reason = "its sums times " + std::to_string(even) + " exceed 32 bits";
      return nullptr;
    }
  }
  return best;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// The convolution's input with `below` rows and `right` columns of zeros more.
static Value extendInput(OpBuilder &builder, ConvOp conv, int64_t below,
                         int64_t right) {
  Value x = conv.getX();
  if (below == 0 && right == 0)
    return x;
  Location loc = conv.getLoc();
  // What a tile sticks out by is never used: any value will do, so that an
  // existing padding grows.
  if (auto pad = x.getDefiningOp<PadOp>();
      pad && pad->hasOneUse() && pad.getMode() == PadMode::Constant) {
    SmallVector<int64_t> pads(pad.getPads());
    pads[6] += below;
    pads[7] += right;
    Value extended = PadOp::create(builder, loc, pad.getX(), pad.getValue(),
                                   pads, PadMode::Constant);
    return extended;
  }
  Value zero = buildZero(builder, loc, typeOf(x).getElementType());
  return PadOp::create(builder, loc, x, zero,
                       ArrayRef<int64_t>{0, 0, 0, 0, 0, 0, below, right},
                       PadMode::Constant);
}

void SelectConvAlgorithm::rewrite(ConvOp conv,
                                  const FastConvolution &algorithm) {
  OpBuilder builder(conv);
  Location loc = conv.getLoc();
  materializePadding(conv);
  foldInputZero(conv);
  RankedTensorType y = typeOf(conv.getY());
  bool isInteger = isa<IntegerType>(y.getElementType());
  int64_t height = y.getDimSize(2), width = y.getDimSize(3);
  auto missing = [&](int64_t size, unsigned d) -> int64_t {
    return llvm::alignTo(size, algorithm.outputs[d]) - size;
  };
  builder.setInsertionPoint(conv);
  Value x = extendInput(builder, conv, missing(height, 0), missing(width, 1));
  StringAttr name = builder.getStringAttr(algorithm.name);
  Value v = SFCInputTransformOp::create(builder, loc, x, name, nullptr);
  Value u = SFCWeightTransformOp::create(builder, loc, conv.getW(), name);
  Value m = MatMulOp::create(builder, loc, v, u, Value(), Value(), TypeAttr());
  Value result =
      SFCOutputTransformOp::create(builder, loc, m, name, height, width,
                                   isInteger ? algorithm.denominator : 1);
  if (Value bias = conv.getBias()) {
    Value shaped = ReshapeOp::create(builder, loc, bias,
                                     ArrayRef<int64_t>{y.getDimSize(1), 1, 1});
    result = AddOp::create(builder, loc, result, shaped);
  }
  conv.getY().replaceAllUsesWith(result);
  Operation *pad = conv.getX().getDefiningOp<PadOp>();
  conv.erase();
  if (pad && pad->use_empty())
    pad->erase();
}

void SelectConvAlgorithm::runOnOperation() {
  if (force == "direct")
    return;
  auto isKnown = [&](StringRef name) {
    return force == name || force == name.substr(0, name.find('('));
  };
  if (force != "auto" && llvm::none_of(getFastConvolutionNames(), isKnown)) {
    getOperation().emitError("unknown algorithm '")
        << force << "'; accepted are direct, auto, a family (sfc-6) or one of "
        << llvm::join(getFastConvolutionNames(), ", ");
    return signalPassFailure();
  }
  SmallVector<ConvOp> convs;
  getOperation().walk([&](ConvOp conv) { convs.push_back(conv); });
  for (ConvOp conv : convs) {
    OpBuilder builder(conv);
    signWeights(builder, conv.getWMutable(), conv.getWZeroMutable());
    std::string reason;
    const FastConvolution *chosen = select(conv, reason);
    if (!chosen) {
      remark::missed(
          conv.getLoc(),
          remark::RemarkOpts::name("DirectConvolution")
              .category("qc-select-conv-algorithm")
              .function(conv->getParentOfType<func::FuncOp>().getName()))
          << "the convolution stays direct: " + reason;
      continue;
    }
    rewrite(conv, *chosen);
    ++numTransformed;
  }
}
