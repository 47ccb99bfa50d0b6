// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decides which convolutions run in the transform domain, and rewrites them.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/ConvTransform.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

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
  if (Value bias = conv.getBias()) {
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
    if (failed(rewrite(conv, reason)))
      return signalPassFailure();
    if (!reason.empty())
      remark::missed(loc, remark::RemarkOpts::name("DirectConvolution")
                              .category("qc-select-conv-algorithm")
                              .function(function.getName()))
          << "the convolution stays direct: " + reason;
  }
}
