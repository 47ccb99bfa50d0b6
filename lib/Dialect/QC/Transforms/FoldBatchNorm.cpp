// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Folds batch normalization into the convolution or matrix product before it.
//
// At inference the statistics are constants, so the normalization is an affine
// map per output channel, which weights and bias absorb:
//   f = scale / sqrt(variance + epsilon)
//   w' = f w,  b' = (b - mean) f + bias
// (Jacob et al., Quantization and Training of Neural Networks for Efficient
// Integer-Arithmetic-Only Inference, section 3.2).

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

namespace qc {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

/// The numbers of a float constant, or failure.
static FailureOr<SmallVector<double>> getNumbers(Value value) {
  ElementsAttr constant;
  if (!matchPattern(value, m_Constant(&constant)) ||
      !isa<FloatType>(constant.getElementType()))
    return failure();
  return getConstantNumbers(constant);
}

/// The same for a parameter or bias, which may be a dequantized constant:
/// quantizers that take every initializer leave such behind. Weights may not,
/// as their codes are what the integer level wants.
static FailureOr<SmallVector<double>> getParameter(Value value) {
  if (!value.getDefiningOp<DequantizeOp>())
    return getNumbers(value);
  FailureOr<SmallVector<float>> reals = getConstantReals(value);
  if (failed(reals))
    return failure();
  return SmallVector<double>(reals->begin(), reals->end());
}

/// A constant of `like`'s element type from numbers, each rounded once.
static Value makeConstant(OpBuilder &builder, Location loc,
                          ArrayRef<int64_t> shape, FloatType element,
                          ArrayRef<double> numbers) {
  auto type = RankedTensorType::get(shape, element);
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      getStorageBytes(type), 16, /*dataIsMutable=*/true);
  unsigned bytes = element.getWidth() / 8;
  for (auto [i, number] : llvm::enumerate(numbers)) {
    // Weights are f32: the general conversion takes ten times as long.
    if (element.isF32()) {
      auto single = static_cast<float>(number);
      std::memcpy(blob.getMutableData().data() + i * bytes, &single, bytes);
      continue;
    }
    APFloat value(number);
    bool lost = false;
    value.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &lost);
    uint64_t bits = value.bitcastToAPInt().getZExtValue();
    std::memcpy(blob.getMutableData().data() + i * bytes, &bits, bytes);
  }
  return ConstantOp::create(builder, loc, type,
                            getConstant(type, std::move(blob)));
}

/// The affine map of a normalization: y = factor x + offset per channel.
static LogicalResult getAffineMap(BatchNormOp norm,
                                  SmallVectorImpl<double> &factor,
                                  SmallVectorImpl<double> &offset) {
  FailureOr<SmallVector<double>> scale = getParameter(norm.getScale()),
                                 bias = getParameter(norm.getBias()),
                                 mean = getParameter(norm.getMean()),
                                 variance = getParameter(norm.getVariance());
  if (failed(scale) || failed(bias) || failed(mean) || failed(variance))
    return failure();
  double epsilon = norm.getEpsilon().convertToFloat();
  for (size_t c = 0; c < scale->size(); ++c) {
    factor.push_back((*scale)[c] / std::sqrt((*variance)[c] + epsilon));
    offset.push_back((*bias)[c] - (*mean)[c] * factor.back());
    // A negative variance gives no finite map: the op stays and says so.
    if (!std::isfinite(factor.back()) || !std::isfinite(offset.back()))
      return failure();
  }
  return success();
}

namespace {
struct FoldConv : OpRewritePattern<BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BatchNormOp norm,
                                PatternRewriter &rewriter) const override {
    auto conv = norm.getX().getDefiningOp<ConvOp>();
    if (!conv || !conv->hasOneUse())
      return rewriter.notifyMatchFailure(
          norm, "x is no convolution's result, or has other users");
    auto element = dyn_cast<FloatType>(
        cast<RankedTensorType>(conv.getW().getType()).getElementType());
    FailureOr<SmallVector<double>> weights = getNumbers(conv.getW());
    FailureOr<SmallVector<double>> bias = SmallVector<double>();
    if (conv.getBias())
      bias = getParameter(conv.getBias());
    SmallVector<double> factor, offset;
    if (!element || failed(weights) || failed(bias) ||
        failed(getAffineMap(norm, factor, offset)))
      return rewriter.notifyMatchFailure(
          norm, "weights or parameters are no finite float constants");
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(conv.getW().getType()).getShape();
    int64_t outputs = shape[0],
            perOutput = outputs == 0 ? 0 : weights->size() / outputs;
    for (auto [i, weight] : llvm::enumerate(*weights))
      weight *= factor[i / perOutput];
    for (auto [o, number] : llvm::enumerate(*bias))
      offset[o] += number * factor[o];
    Location loc = rewriter.getFusedLoc({conv.getLoc(), norm.getLoc()});
    rewriter.setInsertionPoint(conv);
    Value newWeights =
        makeConstant(rewriter, conv.getW().getLoc(), shape, element, *weights);
    Value newBias = makeConstant(rewriter, loc, outputs, element, offset);
    rewriter
        .replaceOpWithNewOp<ConvOp>(
            norm, norm.getType(), conv.getX(), newWeights, newBias, Value(),
            Value(), conv.getStrides(), conv.getPads(), conv.getDilations(),
            conv.getGroup(), TypeAttr())
        ->setLoc(loc);
    rewriter.eraseOp(conv);
    return success();
  }
};

/// Channels are the columns of a matrix product of rank 2.
struct FoldMatMul : OpRewritePattern<BatchNormOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BatchNormOp norm,
                                PatternRewriter &rewriter) const override {
    // A Gemm's bias is an addition of its own.
    Value product = norm.getX();
    auto add = product.getDefiningOp<AddOp>();
    Value bias;
    if (add) {
      product = add.getLhs();
      bias = add.getRhs();
      if (!add->hasOneUse())
        return rewriter.notifyMatchFailure(norm, "the sum has other users");
    }
    auto matmul = product.getDefiningOp<MatMulOp>();
    if (!matmul || !matmul->hasOneUse() ||
        cast<RankedTensorType>(norm.getType()).getRank() != 2)
      return rewriter.notifyMatchFailure(
          norm, "x is no matrix product of rank 2, or has other users");
    auto type = cast<RankedTensorType>(matmul.getB().getType());
    auto element = dyn_cast<FloatType>(type.getElementType());
    FailureOr<SmallVector<double>> weights = getNumbers(matmul.getB());
    FailureOr<SmallVector<double>> addend = SmallVector<double>();
    if (bias)
      addend = getParameter(bias);
    SmallVector<double> factor, offset;
    if (!element || failed(weights) || failed(addend) ||
        failed(getAffineMap(norm, factor, offset)))
      return rewriter.notifyMatchFailure(
          norm, "weights or parameters are no finite float constants");
    if (bias && addend->size() != 1 && addend->size() != factor.size())
      return rewriter.notifyMatchFailure(norm, "the bias varies along rows");
    for (auto [i, weight] : llvm::enumerate(*weights))
      weight *= factor[i % factor.size()];
    for (size_t o = 0; bias && o < factor.size(); ++o)
      offset[o] += (*addend)[addend->size() == 1 ? 0 : o] * factor[o];
    // A column vector of as many rows would broadcast along rows.
    if (bias) {
      ArrayRef<int64_t> shape =
          cast<RankedTensorType>(bias.getType()).getShape();
      if (addend->size() != 1 &&
          shape.back() != static_cast<int64_t>(factor.size()))
        return rewriter.notifyMatchFailure(norm, "the bias varies along rows");
    }
    Location loc = rewriter.getFusedLoc({matmul.getLoc(), norm.getLoc()});
    rewriter.setInsertionPoint(matmul);
    Value newWeights = makeConstant(rewriter, matmul.getB().getLoc(),
                                    type.getShape(), element, *weights);
    Value newBias = makeConstant(
        rewriter, loc, static_cast<int64_t>(offset.size()), element, offset);
    Value newProduct =
        MatMulOp::create(rewriter, loc, matmul.getType(), matmul.getA(),
                         newWeights, Value(), Value(), TypeAttr());
    rewriter.replaceOpWithNewOp<AddOp>(norm, norm.getType(), newProduct,
                                       newBias);
    return success();
  }
};

struct FoldBatchNormPass : qc::impl::FoldBatchNormBase<FoldBatchNormPass> {
  using FoldBatchNormBase::FoldBatchNormBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FoldConv, FoldMatMul>(&getContext());
    auto count = [&] {
      int64_t number = 0;
      getOperation().walk([&](BatchNormOp) { ++number; });
      return number;
    };
    int64_t before = count();
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    numFolded += before - count();
  }
};
} // namespace
