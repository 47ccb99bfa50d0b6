// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides which convolutions run in the transform domain, and rewrites them.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/ConvTransform.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

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

struct SelectConvAlgorithm
    : qc::impl::SelectConvAlgorithmBase<SelectConvAlgorithm> {
  using SelectConvAlgorithmBase::SelectConvAlgorithmBase;

  void runOnOperation() override;

private:
  /// Rewrites `conv`, or says why not. Fails with an error.
  LogicalResult rewrite(ConvOp conv, std::string &reason);
  LogicalResult rewriteGroups(ConvOp conv, std::string &reason);
};

} // namespace

/// The exact form, and that of floats.
static Value buildExactTransform(OpBuilder &builder, ConvOp conv,
                                 const FastConvolution &algorithm) {
  Location loc = conv.getLoc();
  Value v = buildInputTransform(builder, conv, algorithm);
  RankedTensorType y = typeOf(conv.getY());
  StringAttr name = builder.getStringAttr(algorithm.name);
  Value u = SFCWeightTransformOp::create(builder, loc, conv.getW(), name);
  Value m = MatMulOp::create(builder, loc, v, u, Value(), Value(), TypeAttr());
  return SFCOutputTransformOp::create(
      builder, loc, m, name, y.getDimSize(2), y.getDimSize(3),
      isa<IntegerType>(y.getElementType()) ? algorithm.denominator : 1);
}

/// Elements `begin` to `begin + size` of dimension `dim`.
static Value buildSlice(OpBuilder &builder, Location loc, Value value,
                        unsigned dim, int64_t begin, int64_t size) {
  RankedTensorType type = typeOf(value);
  SmallVector<int64_t> offsets(type.getRank(), 0), sizes(type.getShape()),
      steps(type.getRank(), 1);
  offsets[dim] = begin;
  sizes[dim] = size;
  return SliceOp::create(builder, loc, value, offsets, sizes, steps);
}

/// The same of a constant's first dimension, or null if it cannot be read.
static Value sliceConstant(OpBuilder &builder, Location loc, Value value,
                           int64_t begin, int64_t size) {
  ElementsAttr whole = getConstantValue(value);
  SmallVector<int64_t> shape(typeOf(value).getShape());
  int64_t row = typeOf(value).getNumElements() / shape[0];
  shape[0] = size;
  ElementsAttr part;
  if (auto type = dyn_cast<IntegerType>(typeOf(value).getElementType())) {
    FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(whole);
    if (succeeded(codes))
      part = getIntegersAttr(type, shape,
                             ArrayRef(*codes).slice(begin * row, size * row));
  } else if (FailureOr<SmallVector<float>> floats = getConstantFloats(value);
             succeeded(floats)) {
    part = getFloatsAttr(builder.getContext(), shape,
                         ArrayRef(*floats).slice(begin * row, size * row));
  }
  if (!part)
    return {};
  return ConstantOp::create(builder, loc, cast<Type>(part.getShapedType()),
                            part);
}

/// Each group as a convolution of its own, where that may be fast: channels of
/// the input are taken apart and those of the results put together.
LogicalResult SelectConvAlgorithm::rewriteGroups(ConvOp conv,
                                                 std::string &reason) {
  FailureOr<std::optional<ConvTransform>> wanted = ConvTransform::get(conv);
  if (failed(wanted))
    return failure();
  if (*wanted ? (*wanted)->isDirect() : force == "direct")
    return rewrite(conv, reason);
  signWeights(conv);
  if (reason = getTransformObstacle(conv, /*mayHaveGroups=*/true);
      reason.empty() && *wanted && !(*wanted)->isExact())
    reason = "it has groups, and its scales are for one";
  if (reason.empty() && conv.getBias() && !getConstantValue(conv.getBias()))
    reason = "it has groups, and its bias is not constant";
  if (!reason.empty())
    return *wanted ? conv.emitError()
                         << ConvTransform::attributeName << ": " << reason
                   : success();
  OpBuilder builder(conv);
  Location loc = conv.getLoc();
  int64_t groups = conv.getGroup(), inputs = typeOf(conv.getW()).getDimSize(1),
          outputs = typeOf(conv.getW()).getDimSize(0) / groups;
  SmallVector<ConvOp> parts;
  SmallVector<Value> results;
  RankedTensorType y = typeOf(conv.getY());
  SmallVector<int64_t> shape(y.getShape());
  shape[1] = outputs;
  for (int64_t group = 0; group < groups; ++group) {
    Value w = sliceConstant(builder, loc, conv.getW(), group * outputs,
                            outputs),
          bias = conv.getBias() ? sliceConstant(builder, loc, conv.getBias(),
                                                group * outputs, outputs)
                                : Value();
    if (!w || (conv.getBias() && !bias))
      return conv.emitError("cannot read the weights");
    IRMapping mapping;
    mapping.map(conv.getX(), buildSlice(builder, loc, conv.getX(), 1,
                                        group * inputs, inputs));
    mapping.map(conv.getW(), w);
    if (bias)
      mapping.map(conv.getBias(), bias);
    auto part = cast<ConvOp>(builder.clone(*conv, mapping));
    part.setGroup(1);
    part.getY().setType(RankedTensorType::get(shape, y.getElementType()));
    parts.push_back(part);
    results.push_back(part.getY());
    // All have the same shape: the first decides.
    if (group == 0 &&
        !chooseFastConvolution(
            part, *wanted ? StringRef((*wanted)->algorithm) : StringRef(force),
            /*isExact=*/true, dotProduct, reason,
            /*isGroup=*/true)) {
      Operation *slice = part.getX().getDefiningOp();
      part.erase();
      slice->erase();
      return *wanted ? conv.emitError()
                           << ConvTransform::attributeName << ": " << reason
                     : success();
    }
  }
  Value joined = ConcatOp::create(builder, loc, results, 1);
  conv.getY().replaceAllUsesWith(joined);
  conv.erase();
  for (ConvOp part : parts)
    if (failed(rewrite(part, reason)))
      return failure();
  return success();
}

LogicalResult SelectConvAlgorithm::rewrite(ConvOp conv, std::string &reason) {
  OpBuilder builder(conv);
  FailureOr<std::optional<ConvTransform>> wanted = ConvTransform::get(conv);
  if (failed(wanted))
    return failure();
  if (*wanted ? (*wanted)->isDirect() : force == "direct") {
    reason = *wanted ? "its attribute says so" : "";
    return success();
  }
  signWeights(conv);
  bool isExact = !*wanted || (*wanted)->isExact();
  const FastConvolution *algorithm = chooseFastConvolution(
      conv, *wanted ? StringRef((*wanted)->algorithm) : StringRef(force),
      isExact, dotProduct, reason);
  RankedTensorType y = typeOf(conv.getY());
  if (algorithm && !isExact && isa<FloatType>(y.getElementType())) {
    reason = "its scales are for 8-bit codes";
    algorithm = nullptr;
  }
  Value result;
  if (algorithm)
    result = isExact ? buildExactTransform(builder, conv, *algorithm)
                     : buildQuantizedTransform(builder, conv, *algorithm,
                                               **wanted, reason);
  if (!result) {
    // What was asked of this very convolution must be done.
    if (*wanted)
      return conv.emitError() << ConvTransform::attributeName << ": " << reason;
    return success();
  }
  if (Value bias = *wanted ? buildTransformBias(builder, conv, **wanted)
                           : conv.getBias()) {
    Value shaped = ReshapeOp::create(builder, conv.getLoc(), bias,
                                     ArrayRef<int64_t>{y.getDimSize(1), 1, 1});
    result = AddOp::create(builder, conv.getLoc(), result, shaped);
  }
  conv.getY().replaceAllUsesWith(result);
  Operation *pad = conv.getX().getDefiningOp<PadOp>();
  conv.erase();
  if (pad && pad->use_empty())
    pad->erase();
  ++numTransformed;
  if (!isExact)
    ++numQuantized;
  reason.clear();
  return success();
}

void SelectConvAlgorithm::runOnOperation() {
  if (failed(checkConvAlgorithm(getOperation(), force)))
    return signalPassFailure();
  SmallVector<ConvOp> convs;
  getOperation().walk([&](ConvOp conv) { convs.push_back(conv); });
  for (ConvOp conv : convs) {
    Location loc = conv.getLoc();
    auto function = conv->getParentOfType<func::FuncOp>();
    std::string reason;
    if (failed(conv.getGroup() == 1 ? rewrite(conv, reason)
                                    : rewriteGroups(conv, reason)))
      return signalPassFailure();
    if (!reason.empty())
      remark::missed(loc, remark::RemarkOpts::name("DirectConvolution")
                              .category("qc-select-conv-algorithm")
                              .function(function.getName()))
          << "the convolution stays direct: " + reason;
  }
}
