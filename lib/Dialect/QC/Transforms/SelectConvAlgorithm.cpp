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
  LogicalResult rewriteRow(ConvOp conv, std::string &reason);
  LogicalResult rewriteAny(ConvOp conv, std::string &reason) {
    if (typeOf(conv.getX()).getRank() == 3)
      return rewriteRow(conv, reason);
    return conv.getGroup() == 1 ? rewrite(conv, reason)
                                : rewriteGroups(conv, reason);
  }
};

} // namespace

/// The exact form, and that of floats.
static Value buildExactTransform(OpBuilder &builder, ConvOp conv,
                                 const FastConvolution &algorithm) {
  Location loc = conv.getLoc();
  Value v = buildInputTransform(builder, conv, algorithm);
  RankedTensorType y = typeOf(conv.getY());
  StringAttr name = builder.getStringAttr(algorithm.name);
  Value u = SFCWeightTransformOp::create(
      builder, loc, buildWidenedWeights(builder, conv.getW()), name);
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

namespace {

/// A constant that is read once and sliced along its first dimension.
class ConstantRows {
public:
  /// Fails if `value` cannot be read.
  static FailureOr<ConstantRows> read(Value value) {
    ConstantRows rows;
    rows.type = typeOf(value);
    if (isa<IntegerType>(rows.type.getElementType())) {
      FailureOr<SmallVector<int64_t>> codes = getConstantCodes(value);
      if (failed(codes))
        return failure();
      rows.integers = std::move(*codes);
      return rows;
    }
    FailureOr<SmallVector<float>> floats = getConstantFloats(value);
    if (failed(floats))
      return failure();
    rows.floats = std::move(*floats);
    return rows;
  }

  Value slice(OpBuilder &builder, Location loc, int64_t begin,
              int64_t size) const {
    SmallVector<int64_t> shape(type.getShape());
    int64_t row = type.getNumElements() / shape[0];
    shape[0] = size;
    ElementsAttr part;
    if (auto integer = dyn_cast<IntegerType>(type.getElementType()))
      part = getIntegersAttr(integer, shape,
                             ArrayRef(integers).slice(begin * row, size * row));
    else
      part = getFloatsAttr(builder.getContext(), shape,
                           ArrayRef(floats).slice(begin * row, size * row));
    return ConstantOp::create(builder, loc, cast<Type>(part.getShapedType()),
                              part);
  }

private:
  RankedTensorType type;
  SmallVector<int64_t> integers;
  SmallVector<float> floats;
};

} // namespace

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
  FailureOr<ConstantRows> weights = ConstantRows::read(conv.getW()),
                          biases = failure();
  if (conv.getBias())
    biases = ConstantRows::read(conv.getBias());
  if (failed(weights) || (conv.getBias() && failed(biases)))
    return conv.emitError("cannot read the weights");
  SmallVector<ConvOp> parts;
  SmallVector<Value> results;
  RankedTensorType y = typeOf(conv.getY());
  SmallVector<int64_t> shape(y.getShape());
  shape[1] = outputs;
  for (int64_t group = 0; group < groups; ++group) {
    IRMapping mapping;
    mapping.map(conv.getX(), buildSlice(builder, loc, conv.getX(), 1,
                                        group * inputs, inputs));
    mapping.map(conv.getW(),
                weights->slice(builder, loc, group * outputs, outputs));
    if (conv.getBias())
      mapping.map(conv.getBias(),
                  biases->slice(builder, loc, group * outputs, outputs));
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

/// `value` as maps of one row. Constants stay constants.
static Value addRow(OpBuilder &builder, Location loc, Value value) {
  SmallVector<int64_t> shape(typeOf(value).getShape());
  shape.insert(shape.end() - 1, 1);
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = failure();
  if (ElementsAttr constant = getConstantValue(value))
    bytes = getConstantBytes(constant, scratch);
  if (failed(bytes))
    return ReshapeOp::create(builder, loc, value, shape);
  auto type = RankedTensorType::get(shape, typeOf(value).getElementType());
  return ConstantOp::create(builder, loc, type, getConstant(type, *bytes));
}

/// A convolution along one dimension as one of maps of one row, where that
/// becomes a fast one.
LogicalResult SelectConvAlgorithm::rewriteRow(ConvOp conv,
                                              std::string &reason) {
  OpBuilder builder(conv);
  Location loc = conv.getLoc();
  RankedTensorType y = typeOf(conv.getY());
  IRMapping mapping;
  for (Value operand : {conv.getX(), conv.getW()})
    mapping.map(operand, addRow(builder, loc, operand));
  auto wide = cast<ConvOp>(builder.clone(*conv, mapping));
  ArrayRef<int64_t> pads = conv.getPads();
  wide.setStrides({1, conv.getStrides()[0]});
  wide.setDilations({1, conv.getDilations()[0]});
  wide.setPads({0, pads[0], 0, pads[1]});
  wide.getY().setType(RankedTensorType::get(
      {y.getDimSize(0), y.getDimSize(1), 1, y.getDimSize(2)},
      y.getElementType()));
  auto result = ReshapeOp::create(builder, loc, wide.getY(), y.getShape());
  if (failed(rewriteAny(wide, reason)))
    return failure();
  if (result.getX().getDefiningOp<ConvOp>()) {
    result.erase();
    wide.erase();
    for (Value operand : {conv.getX(), conv.getW()})
      if (Operation *made = mapping.lookup(operand).getDefiningOp();
          made->use_empty())
        made->erase();
    return success();
  }
  conv.getY().replaceAllUsesWith(result);
  conv.erase();
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
  // Kernels are what they are.
  SmallVector<std::pair<func::FuncOp, ConvOp>> convs;
  for (auto function : getOperation().getOps<func::FuncOp>())
    function.walk([&](ConvOp conv) { convs.push_back({function, conv}); });
  for (auto [function, conv] : convs) {
    Location loc = conv.getLoc();
    std::string reason;
    if (failed(rewriteAny(conv, reason)))
      return signalPassFailure();
    if (!reason.empty())
      remark::missed(loc, remark::RemarkOpts::name("DirectConvolution")
                              .category("qc-select-conv-algorithm")
                              .function(function.getName()))
          << "the convolution stays direct: " + reason;
  }
}
