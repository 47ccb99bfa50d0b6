// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Brings the QDQ forms that quantizers write into one.
//
// onnxruntime, NNCF, PyTorch and ModelOpt agree on the ONNX ops and on little
// else: weights are stored as codes or as a float constant behind a quantize,
// with zero point 0 or 128, transposed before or after; pairs stand before or
// behind an activation, around reshapes and pools, once per tensor or once per
// consumer. All rewrites here keep every number exactly:
//
//  * ops that only move elements (and maxima, which are monotone) commute with
//    quantize and dequantize, so a dequantize sinks below them and a quantize
//    rises above them until they meet;
//  * a dequantize followed by a quantize with the same parameters is nothing:
//    fl(fl(n s) / s) is within 2^-22 n of the integer n, which rounds back for
//    codes of at most 16 bits;
//  * (q - z) of constant codes may be stored as codes with zero point 0.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Support/Names.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace qc {
#define GEN_PASS_DEF_NORMALIZEQDQ
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Whether each result element is one element of the op's first operand(s),
/// or a maximum of some: all that matters is their order.
bool movesElements(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Max ||
           reduce.getKind() == ReduceKind::Min;
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == SampleMode::Nearest &&
           resize.getCoordinates() != CoordinateMode::TfCropAndResize;
  return isa<ReshapeOp, TransposeOp, SliceOp, ConcatOp, ExpandOp, GatherOp,
             PadOp, MaxPoolOp>(op);
}

/// The operands of a moving op that hold its elements.
SmallVector<OpOperand *> dataOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  if (isa<ConcatOp>(op))
    for (OpOperand &operand : op->getOpOperands())
      operands.push_back(&operand);
  else
    operands.push_back(&op->getOpOperand(0));
  return operands;
}

/// The result has fewer elements than the operand and others use the operand.
bool wouldQuantizeMore(Operation *op) {
  return isa<SliceOp, GatherOp>(op) && !op->getOperand(0).hasOneUse();
}

/// The quantize or dequantize `like` with `parameters`, which are per tensor,
/// on `operand`. It computes something else than `like` did: `loc` says what.
template <typename OpTy>
OpTy rebuild(OpBuilder &builder, Location loc, OpTy like,
             const Quantization &parameters, Value operand) {
  Value scale = like.getScale(), zero = like.getZero();
  // Those of an axis are one where they are equal.
  if (typeOf(scale).getNumElements() != 1 ||
      typeOf(zero).getNumElements() != 1) {
    scale = buildFloats(builder, like.getLoc(), parameters.scales);
    zero = buildInteger(builder, like.getLoc(), parameters.storage,
                        parameters.zero());
  }
  return OpTy::create(builder, loc, operand, scale, zero, /*axis=*/0,
                      /*blockSize=*/0);
}

/// A copy of moving op `op` on codes `inputs` (its data operands); `value` is
/// the padding of a pad.
Value moveCodes(OpBuilder &builder, Location loc, Operation *op,
                ValueRange inputs, Value padding) {
  SmallVector<Value> operands(op->getOperands());
  for (auto [position, input] : llvm::enumerate(inputs))
    operands[position] = input;
  if (isa<PadOp>(op))
    operands[1] = padding;
  Type type =
      typeOf(op->getResult(0)).clone(typeOf(inputs.front()).getElementType());
  OperationState state(loc, op->getName(), operands, type,
                       op->getDiscardableAttrDictionary().getValue());
  Operation *copy = builder.create(state);
  copy->copyProperties(op->getPropertiesStorage());
  return copy->getResult(0);
}

/// The code whose dequantization is exactly `number`, if there is one.
std::optional<int64_t> exactCode(float number, const Quantization &parameters) {
  int64_t code = quantizeNumber(number, parameters.scale(), parameters.zero(),
                                parameters.storage);
  if (static_cast<float>(code - parameters.zero()) * parameters.scale() ==
      number)
    return code;
  return std::nullopt;
}

float realOf(int64_t code, const Quantization &parameters) {
  return static_cast<float>(code - parameters.zero()) * parameters.scale();
}

//===----------------------------------------------------------------------===//
// Parameters and constants
//===----------------------------------------------------------------------===//

/// Per-tensor parameters have rank 0 and axis 0; equal parameters per axis are
/// per-tensor parameters.
template <typename OpTy> struct SimplifyParameters : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    FailureOr<Quantization> parameters = getQuantization(op);
    if (failed(parameters) || !parameters->isPerTensor())
      return rewriter.notifyMatchFailure(op, "has parameters per axis");
    if (typeOf(op.getScale()).getRank() == 0 &&
        typeOf(op.getZero()).getRank() == 0 && op.getAxis() == 0)
      return rewriter.notifyMatchFailure(op, "is in normal form");
    Value scale = buildFloats(rewriter, op.getLoc(), parameters->scales);
    Value zero = buildInteger(rewriter, op.getLoc(), parameters->storage,
                              parameters->zero());
    rewriter.modifyOpInPlace(op, [&] {
      op.getScaleMutable().assign(scale);
      op.getZeroMutable().assign(zero);
      op.setAxis(0);
    });
    return success();
  }
};

/// Weights as a float constant behind a quantize become codes.
struct QuantizeConstant : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    ElementsAttr reals = getConstantValue(op.getX());
    FailureOr<Quantization> parameters = getQuantization(op);
    if (!reals || failed(parameters))
      return rewriter.notifyMatchFailure(op, "is not a constant's");
    ElementsAttr codes = quantizeConstant(reals, *parameters);
    if (!codes)
      return rewriter.notifyMatchFailure(op, "the constant cannot be read");
    rewriter.replaceOpWithNewOp<ConstantOp>(op, op.getType(), codes);
    return success();
  }
};

/// Constant codes with a zero point other than 0, or unsigned ones, become
/// signed codes with zero point 0 where all (q - z) fit.
struct CenterConstantCodes : OpRewritePattern<DequantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(DequantizeOp op,
                                PatternRewriter &rewriter) const override {
    ElementsAttr value = getConstantValue(op.getQ());
    FailureOr<Quantization> parameters = getQuantization(op);
    if (!value || failed(parameters) || parameters->storage.getWidth() > 16)
      return rewriter.notifyMatchFailure(op, "has no constant codes");
    if (!parameters->storage.isUnsigned() &&
        llvm::all_of(parameters->zeros, [](int64_t zero) { return zero == 0; }))
      return rewriter.notifyMatchFailure(op, "is in normal form");
    FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(value);
    if (failed(codes))
      return rewriter.notifyMatchFailure(op, "the constant cannot be read");
    auto storage = IntegerType::get(
        getContext(), parameters->storage.getWidth(), IntegerType::Signed);
    int64_t low = getSmallestCode(storage), high = getLargestCode(storage);
    ArrayRef<int64_t> shape = typeOf(op.getQ()).getShape();
    int64_t extent = 1, inner = 1;
    if (!parameters->isPerTensor()) {
      extent = shape[parameters->axis];
      inner =
          ShapedType::getNumElements(shape.drop_front(parameters->axis + 1));
    }
    for (auto [position, code] : llvm::enumerate(*codes)) {
      code -= parameters->zero(position / inner % extent);
      if (code < low || code > high)
        return rewriter.notifyMatchFailure(op, "centered codes do not fit");
    }
    ElementsAttr centered = getIntegersAttr(storage, shape, *codes);
    Value constant =
        ConstantOp::create(rewriter, op.getQ().getLoc(),
                           cast<Type>(centered.getShapedType()), centered);
    ArrayRef<int64_t> parameterShape = typeOf(op.getScale()).getShape();
    ElementsAttr zeros = getIntegersAttr(
        storage, parameterShape,
        SmallVector<int64_t>(ShapedType::getNumElements(parameterShape), 0));
    Value zero = ConstantOp::create(rewriter, op.getLoc(),
                                    cast<Type>(zeros.getShapedType()), zeros);
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, constant, op.getScale(), zero,
                                              op.getAxis(), 0);
    return success();
  }
};

/// Constants of fewer elements are copied rather than transposed at load.
constexpr int64_t smallestShared = 4096;

/// transpose(constant) and reshape(constant) are constants of any size.
template <typename OpTy> struct MoveConstant : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    ElementsAttr value = getConstantValue(op.getX());
    if (!value)
      return rewriter.notifyMatchFailure(op, "is not of a constant");
    // A second copy of codes that others read, too, costs more than a transpose
    // at load.
    if (std::is_same_v<OpTy, TransposeOp> && !op.getX().hasOneUse() &&
        value.getNumElements() >= smallestShared)
      return rewriter.notifyMatchFailure(op, "the constant has other readers");
    ElementsAttr moved;
    if constexpr (std::is_same_v<OpTy, TransposeOp>)
      moved = transposeConstant(value, op.getPermutation());
    else
      moved = reshapeConstant(value, typeOf(op.getY()).getShape());
    if (!moved)
      return rewriter.notifyMatchFailure(op, "the constant cannot be read");
    rewriter.replaceOpWithNewOp<ConstantOp>(op, op.getType(), moved);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// The result dimension of reshape that holds exactly dimension `axis` of the
/// operand, or -1.
int64_t mapAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to, int64_t axis) {
  int64_t outer = ShapedType::getNumElements(from.take_front(axis));
  int64_t product = 1;
  for (auto [dim, size] : llvm::enumerate(to)) {
    if (product == outer && size == from[axis])
      return dim;
    product *= size;
  }
  return -1;
}

/// op(dequantize(q)) becomes dequantize(op(q)).
struct SinkDequantize : RewritePattern {
  SinkDequantize(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/2, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !movesElements(op))
      return failure();
    if (auto transpose = dyn_cast<TransposeOp>(op))
      if (auto dequantize = transpose.getX().getDefiningOp<DequantizeOp>();
          dequantize && dequantize.getBlockSize() != 0)
        return sinkBlocks(transpose, dequantize, rewriter);
    SmallVector<Value> codes;
    DequantizeOp first;
    FailureOr<Quantization> parameters = failure();
    for (OpOperand *operand : dataOperands(op)) {
      auto dequantize = operand->get().getDefiningOp<DequantizeOp>();
      FailureOr<Quantization> own = failure();
      if (dequantize)
        own = getQuantization(dequantize);
      if (failed(own))
        return rewriter.notifyMatchFailure(op, "an operand has no codes");
      if (first && !(*own == *parameters))
        return rewriter.notifyMatchFailure(op, "the parameters differ");
      if (!first) {
        first = dequantize;
        parameters = own;
      }
      codes.push_back(dequantize.getQ());
    }
    if (!parameters->isPerTensor())
      return sinkPerAxis(op, first, *parameters, rewriter);
    Value padding;
    if (auto pad = dyn_cast<PadOp>(op)) {
      // The padding must be a real number that has a code.
      FailureOr<SmallVector<float>> number = getConstantFloats(pad.getValue());
      if (failed(number))
        return rewriter.notifyMatchFailure(op, "the padding is not constant");
      std::optional<int64_t> code = exactCode(number->front(), *parameters);
      if (!code)
        return rewriter.notifyMatchFailure(op, "the padding has no code");
      padding =
          buildInteger(rewriter, op->getLoc(), parameters->storage, *code);
      if (int64_t rank = typeOf(pad.getValue()).getRank())
        padding = ReshapeOp::create(rewriter, op->getLoc(), padding,
                                    SmallVector<int64_t>(rank, 1));
    }
    Value moved = moveCodes(rewriter, op->getLoc(), op, codes, padding);
    rewriter.replaceOp(
        op, rebuild(rewriter, op->getLoc(), first, *parameters, moved));
    return success();
  }

private:
  /// Scales per block are transposed as the codes are.
  LogicalResult sinkBlocks(TransposeOp op, DequantizeOp dequantize,
                           PatternRewriter &rewriter) const {
    auto transpose = [&](Value value) -> Value {
      if (std::optional<int64_t> single = getEqualIntegers(value);
          single && value == dequantize.getZero())
        return buildInteger(rewriter, op.getLoc(),
                            typeOf(value).getElementType(), *single);
      return TransposeOp::create(rewriter, op.getLoc(), value,
                                 op.getPermutation());
    };
    int64_t axis = llvm::find(op.getPermutation(), dequantize.getAxis()) -
                   op.getPermutation().begin();
    rewriter.replaceOpWithNewOp<DequantizeOp>(
        op, transpose(dequantize.getQ()), transpose(dequantize.getScale()),
        transpose(dequantize.getZero()), axis, dequantize.getBlockSize());
    return success();
  }

  LogicalResult sinkPerAxis(Operation *op, DequantizeOp dequantize,
                            const Quantization &parameters,
                            PatternRewriter &rewriter) const {
    int64_t axis = -1;
    if (auto transpose = dyn_cast<TransposeOp>(op))
      axis = llvm::find(transpose.getPermutation(), parameters.axis) -
             transpose.getPermutation().begin();
    else if (isa<ReshapeOp>(op))
      axis = mapAxis(typeOf(op->getOperand(0)).getShape(),
                     typeOf(op->getResult(0)).getShape(), parameters.axis);
    if (axis < 0)
      return rewriter.notifyMatchFailure(op, "mixes the quantized axis");
    Value moved =
        moveCodes(rewriter, op->getLoc(), op, dequantize.getQ(), Value());
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, moved, dequantize.getScale(),
                                              dequantize.getZero(), axis, 0);
    return success();
  }
};

/// gather(dequantize(constant)) with parameters per row, channel or block
/// becomes dequantize(gather(constant)): of an embedding only what was read
/// becomes real.
struct SinkBehindGather : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getData().getDefiningOp<DequantizeOp>();
    if (!dequantize || !getConstantValue(dequantize.getQ()))
      return rewriter.notifyMatchFailure(op, "reads no constant codes");
    RankedTensorType type = typeOf(op.getData());
    int64_t gathered = op.getAxis(), axis = dequantize.getAxis(),
            blockSize = dequantize.getBlockSize();
    Value scale = dequantize.getScale(), zero = dequantize.getZero();
    bool isPerTensor = !blockSize && typeOf(scale).getNumElements() == 1 &&
                       typeOf(zero).getNumElements() == 1;
    // One zero point for all need not be gathered.
    std::optional<int64_t> single = getEqualIntegers(zero);
    bool isSingle = single || typeOf(zero).getNumElements() == 1;
    bool varies = blockSize != 0;
    if (isPerTensor) {
      axis = 0;
    } else if (axis == gathered) {
      if (blockSize || type.getRank() != 2)
        return rewriter.notifyMatchFailure(op, "gathers along the blocks");
      // A scale per row is one per block of a whole row.
      axis = 1 - gathered;
      blockSize = type.getDimSize(axis);
      SmallVector<int64_t> shape(2, 1);
      shape[gathered] = type.getDimSize(gathered);
      scale = ReshapeOp::create(rewriter, op.getLoc(), scale, shape);
      if (!isSingle)
        zero = ReshapeOp::create(rewriter, op.getLoc(), zero, shape);
      varies = true;
    }
    if (single)
      zero = buildInteger(rewriter, zero.getLoc(),
                          typeOf(zero).getElementType(), *single);
    auto gather = [&](Value value) -> Value {
      return GatherOp::create(rewriter, op.getLoc(), value, op.getIndices(),
                              gathered);
    };
    Value codes = gather(dequantize.getQ());
    if (varies) {
      scale = gather(scale);
      if (!isSingle)
        zero = gather(zero);
    }
    if (!isPerTensor && axis > gathered)
      axis += typeOf(op.getIndices()).getRank() - 1;
    rewriter.replaceOpWithNewOp<DequantizeOp>(op, codes, scale, zero, axis,
                                              blockSize);
    return success();
  }
};

/// gather(cast(constant)) becomes cast(gather(constant)) where the constant
/// would be widened at load: only what is read becomes wide.
struct SinkCastBehindGather : OpRewritePattern<GatherOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GatherOp op,
                                PatternRewriter &rewriter) const override {
    auto cast = op.getData().getDefiningOp<CastOp>();
    if (!cast || !unpacksConstants(cast) ||
        typeOf(op.getY()).getNumElements() >
            typeOf(op.getData()).getNumElements())
      return rewriter.notifyMatchFailure(op, "reads no wide constant");
    Value narrow = GatherOp::create(rewriter, op.getLoc(), cast.getX(),
                                    op.getIndices(), op.getAxis());
    rewriter.replaceOpWithNewOp<CastOp>(op, narrow, cast.getTo(),
                                        cast.getSaturate(), cast.getRounding());
    return success();
  }
};

/// quantize(op(x)) becomes op(quantize(x)).
struct RaiseQuantize : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    Operation *producer = op.getX().getDefiningOp();
    FailureOr<Quantization> parameters = getQuantization(op);
    if (!producer || producer->getNumResults() != 1 ||
        !movesElements(producer) || failed(parameters) ||
        !parameters->isPerTensor())
      return rewriter.notifyMatchFailure(op, "has no moving producer");
    if (!op.getX().hasOneUse() || wouldQuantizeMore(producer))
      return rewriter.notifyMatchFailure(op, "would repeat the movement");
    rewriter.setInsertionPoint(op);
    Location part = getPartLocation(op.getLoc());
    SmallVector<Value> codes;
    for (OpOperand *operand : dataOperands(producer))
      codes.push_back(rebuild(rewriter, part, op, *parameters, operand->get()));
    Value padding;
    if (auto pad = dyn_cast<PadOp>(producer))
      padding = rebuild(rewriter, part, op, *parameters, pad.getValue());
    Location loc = rewriter.getFusedLoc({producer->getLoc(), op.getLoc()});
    rewriter.replaceOp(op, moveCodes(rewriter, loc, producer, codes, padding));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pairs and clamps
//===----------------------------------------------------------------------===//

/// quantize(dequantize(q)) with the same parameters is q.
struct CancelPair : OpRewritePattern<QuantizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(QuantizeOp op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getX().getDefiningOp<DequantizeOp>();
    if (!dequantize)
      return rewriter.notifyMatchFailure(op, "is not behind a dequantize");
    FailureOr<Quantization> from = getQuantization(dequantize),
                            to = getQuantization(op);
    if (failed(from) || failed(to) || !(*from == *to) ||
        to->storage.getWidth() > 16)
      return rewriter.notifyMatchFailure(op, "the parameters differ");
    rewriter.replaceOp(op, dequantize.getQ());
    return success();
  }
};

/// Bounds that clamp codes as a clamp of the reals does: null where the bound
/// is beyond the codes.
struct CodeBounds {
  std::optional<int64_t> lower, upper;
};

/// The same clamp on codes, if each bound has a code or is outside.
FailureOr<CodeBounds> getCodeBounds(float lower, float upper,
                                    const Quantization &parameters) {
  CodeBounds bounds;
  if (!(lower <= upper))
    return failure();
  if (!(lower <= realOf(parameters.smallest(), parameters))) {
    bounds.lower = exactCode(lower, parameters);
    if (!bounds.lower)
      return failure();
  }
  if (!(upper >= realOf(parameters.largest(), parameters))) {
    bounds.upper = exactCode(upper, parameters);
    if (!bounds.upper)
      return failure();
  }
  return bounds;
}

/// relu and clip of a dequantize become the clamp of the codes. Not a clip that
/// is quantized to other parameters: there qc-to-integer computes the chain in
/// units of the output, where the bound itself is rounded.
template <typename OpTy> struct ClampCodes : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;
  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto dequantize = op.getX().template getDefiningOp<DequantizeOp>();
    if (!dequantize)
      return rewriter.notifyMatchFailure(op, "is not behind a dequantize");
    FailureOr<Quantization> parameters = getQuantization(dequantize);
    if (failed(parameters) || !parameters->isPerTensor())
      return rewriter.notifyMatchFailure(op, "has parameters per axis");
    float lower = 0, upper = std::numeric_limits<float>::infinity();
    if constexpr (std::is_same_v<OpTy, ClipOp>) {
      FailureOr<SmallVector<float>> low = getConstantFloats(op.getLower()),
                                    high = getConstantFloats(op.getUpper());
      if (failed(low) || failed(high) || low->size() != 1 || high->size() != 1)
        return rewriter.notifyMatchFailure(op, "bounds are not scalars");
      lower = low->front(), upper = high->front();
      for (Operation *user : op->getUsers()) {
        if (!isa<QuantizeOp>(user))
          continue;
        FailureOr<Quantization> target = getQuantization(user);
        if (failed(target) || !(*target == *parameters))
          return rewriter.notifyMatchFailure(op, "is part of a chain");
      }
    }
    FailureOr<CodeBounds> bounds = getCodeBounds(lower, upper, *parameters);
    if (failed(bounds))
      return rewriter.notifyMatchFailure(op, "a bound has no code");
    Value codes = dequantize.getQ();
    auto constant = [&](int64_t code) {
      return buildInteger(rewriter, op.getLoc(), parameters->storage, code);
    };
    if (bounds->lower)
      codes =
          MaxOp::create(rewriter, op.getLoc(), codes, constant(*bounds->lower));
    if (bounds->upper)
      codes =
          MinOp::create(rewriter, op.getLoc(), codes, constant(*bounds->upper));
    rewriter.replaceOp(
        op, rebuild(rewriter, op.getLoc(), dequantize, *parameters, codes));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

struct NormalizeQDQ : qc::impl::NormalizeQDQBase<NormalizeQDQ> {
  using NormalizeQDQBase::NormalizeQDQBase;

  static int64_t countPairs(Operation *root) {
    int64_t count = 0;
    root->walk(
        [&](Operation *op) { count += isa<QuantizeOp, DequantizeOp>(op); });
    return count;
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    int64_t before = countPairs(function);
    if (before == 0)
      return;
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns
        .add<SimplifyParameters<QuantizeOp>, SimplifyParameters<DequantizeOp>,
             QuantizeConstant, CenterConstantCodes, MoveConstant<TransposeOp>,
             MoveConstant<ReshapeOp>, SinkDequantize, SinkBehindGather,
             SinkCastBehindGather, RaiseQuantize, CancelPair,
             ClampCodes<ReluOp>, ClampCodes<ClipOp>>(context);
    FrozenRewritePatternSet frozen(std::move(patterns));
    // Merging equal quantize ops gives a value one use, which lets the merged
    // one rise; each round removes at least one op.
    bool changed = true;
    while (changed) {
      if (failed(applyPatternsGreedily(function, frozen)))
        return signalPassFailure();
      IRRewriter rewriter(context);
      DominanceInfo dominance(function);
      eliminateCommonSubExpressions(rewriter, dominance, function, &changed);
    }
    int64_t after = countPairs(function);
    numRemoved += before > after ? before - after : 0;
  }
};

} // namespace
