// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qc.quantize and qc.dequantize behind activations.

#include "QuantizeActivations.h"

#include "Statistics.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/Points.h"
#include "qc/Support/Names.h"

using namespace mlir;
using namespace qc;

namespace {

/// A pair to insert: a value, its format and who reads it.
struct Request {
  Value value;
  OperandFormat format;
  SmallVector<OpOperand *> readers;
  /// Chosen parameters.
  bool isChosen = false;
  IntegerScale scale;
  /// What multiplies each channel before it is quantized; empty for nothing.
  std::vector<float> factors;
};

class ActivationQuantizer {
public:
  ActivationQuantizer(func::FuncOp function, const NodeNames &names,
                      const Plan &plan, TableOp statistics)
      : function(function), names(names), plan(plan), statistics(statistics) {}
  FailureOr<unsigned> run();

private:
  LogicalResult collect(Operation &op);
  LogicalResult choose(Request &request);
  FailureOr<ValueStatistics> getStatistics(Value value);
  LogicalResult chooseFromStatistics(Request &request, Type type);
  LogicalResult chooseChannels(Request &request);
  LogicalResult insert(Request &request);
  Request *find(Value value, const OperandFormat &format) {
    for (Request &request : requests)
      if (request.value == value && request.format == format)
        return &request;
    return nullptr;
  }

  func::FuncOp function;
  const NodeNames &names;
  const Plan &plan;
  TableOp statistics;
  SmallVector<Request, 0> requests;
};

} // namespace

LogicalResult ActivationQuantizer::collect(Operation &op) {
  const NodePlan *node = plan.lookup(names.getName(&op));
  if (!node)
    return success();
  for (const auto &[index, format] : node->inputs) {
    if (index >= op.getNumOperands())
      return op.emitError() << "the plan has a format for input " << index
                            << "; accepted: below " << op.getNumOperands();
    OpOperand &operand = op.getOpOperand(index);
    if (format.isFloat() ||
        isa_and_nonnull<ConstantOp>(operand.get().getDefiningOp()))
      continue;
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (!isa<Float32Type>(type.getElementType()))
      return op.emitError() << "the plan quantizes input " << index
                            << ", which is " << type << "; accepted: f32";
    std::optional<LinearLayer> layer = LinearLayer::get(&op);
    bool isInteger =
        isa<IntegerType>(parseStorageType(op.getContext(), format.type));
    if (format.granularity == Granularity::Axis
            ? index != 0 || !layer || !layer->isDepthwise() || !isInteger ||
                  format.scale != 0
        : format.granularity == Granularity::Token
            ? index != 0 || !isa<MatMulOp>(op) || !isInteger
            : format.granularity != Granularity::Tensor)
      return op.emitError()
             << "bad granularity of the activation that the plan quantizes as "
                "input "
             << index
             << "; accepted: tensor, token for integers as input 0 of a matrix "
                "product, axis for integers without a given scale as input 0 "
                "of a depthwise convolution";
    if (format.range == "output" || format.rounding != "nearest")
      return op.emitError()
             << "the plan's input " << index << " has range " << format.range
             << " and rounding " << format.rounding
             << "; accepted for activations: range minmax, moving, percentile, "
                "entropy, mse; rounding nearest";
    Request *request = find(operand.get(), format);
    if (!request) {
      requests.push_back({operand.get(), format, {}, false, {}, {}});
      request = &requests.back();
    }
    request->readers.push_back(&operand);
  }
  return success();
}

/// The range that one scale is to represent.
static ClipRange chooseTensorRange(const ValueStatistics &statistics,
                                   const OperandFormat &format) {
  RangeOptions options;
  options.method = llvm::StringSwitch<RangeMethod>(format.range)
                       .Case("moving", RangeMethod::MovingAverage)
                       .Case("percentile", RangeMethod::Percentile)
                       .Case("entropy", RangeMethod::Entropy)
                       .Case("mse", RangeMethod::MeanSquare)
                       .Default(RangeMethod::MinMax);
  // What rounding costs is known for integers.
  bool isFloat = StringRef(format.type).starts_with("f");
  if (isFloat && (options.method == RangeMethod::Entropy ||
                  options.method == RangeMethod::MeanSquare))
    options.method = RangeMethod::MinMax;
  options.percentile = format.percentile;
  options.bits = getFormatBits(format.type);
  options.symmetric = format.symmetric;
  return chooseRange(statistics, options);
}

IntegerScale qc::chooseTensorScale(const ValueStatistics &statistics,
                                   const OperandFormat &format,
                                   IntegerType storage) {
  return chooseScale(chooseTensorRange(statistics, format), storage.getWidth(),
                     storage.isSigned(), format.symmetric);
}

/// Of each input channel of a depthwise convolution the sum of its squared
/// weights: how much of a rounding error comes out behind.
static SmallVector<double> getChannelWeights(const LinearLayer &layer,
                                             ArrayRef<float> matrix) {
  SmallVector<double> weights(layer.groups());
  int64_t size = matrix.size() / layer.groups();
  for (auto [i, value] : llvm::enumerate(matrix))
    weights[i / size] += static_cast<double>(value) * value;
  return weights;
}

std::optional<ChannelScales>
qc::chooseDepthwiseScales(const ValueStatistics &statistics,
                          const OperandFormat &format, IntegerType storage,
                          const LinearLayer &layer, ArrayRef<float> matrix) {
  if (static_cast<int64_t>(statistics.channels.size()) != layer.groups())
    return std::nullopt;
  SmallVector<ClipRange> ranges;
  for (const ValueSums &channel : statistics.channels)
    ranges.push_back({channel.min, channel.max});
  return chooseChannelScales(ranges, getChannelWeights(layer, matrix),
                             storage.getWidth(), storage.isSigned(),
                             format.symmetric);
}

bool qc::wantsChannelScales(OpOperand &operand, const OperandFormat &format,
                            const ValueStatistics &statistics) {
  std::optional<LinearLayer> layer = LinearLayer::get(operand.getOwner());
  auto storage = dyn_cast<IntegerType>(
      parseStorageType(operand.getOwner()->getContext(), format.type));
  if (!layer || !layer->isDepthwise() || operand.getOperandNumber() != 0 ||
      !storage)
    return false;
  FailureOr<SmallVector<float>> tensor =
      getConstantFloats(layer->getWeightOperand().get());
  if (failed(tensor))
    return false;
  std::vector<float> matrix = layer->toMatrix(*tensor);
  std::optional<ChannelScales> channels =
      chooseDepthwiseScales(statistics, format, storage, *layer, matrix);
  if (!channels)
    return false;
  double scale = chooseTensorScale(statistics, format, storage).scale;
  double error = 0;
  for (double weight : getChannelWeights(*layer, matrix))
    error += weight * scale * scale;
  // One multiplication per element is little in front of a division by the
  // scale: a gain of a third pays.
  return 1.5 * channels->error <= error;
}

FailureOr<ValueStatistics> ActivationQuantizer::getStatistics(Value value) {
  std::string name = names.getName(value);
  if (!statistics || !statistics.getEntry(name))
    return emitError(value.getLoc())
           << "no statistics of '" << name
           << "' and no scale in the plan: run qc-calibrate before";
  return readStatistics(statistics, name);
}

LogicalResult ActivationQuantizer::chooseFromStatistics(Request &request,
                                                        Type type) {
  FailureOr<ValueStatistics> values = getStatistics(request.value);
  if (failed(values))
    return failure();
  if (auto storage = dyn_cast<IntegerType>(type)) {
    request.scale = chooseTensorScale(*values, request.format, storage);
    return success();
  }
  // The largest value becomes the format's.
  float largest = isa<Float8E5M2Type>(type) ? 57344 : 448;
  ClipRange range = chooseTensorRange(*values, request.format);
  float magnitude = std::max(-range.lo, range.hi);
  request.scale.scale = magnitude > 0 ? magnitude / largest : 1;
  return success();
}

/// Scales of channels become one scale: channels are multiplied by factors
/// before they are quantized, and the weights that read them divided by these.
/// Weights have scales of their own for each channel, so their codes do not
/// change.
LogicalResult ActivationQuantizer::chooseChannels(Request &request) {
  FailureOr<ValueStatistics> values = getStatistics(request.value);
  if (failed(values))
    return failure();
  Operation *first = request.readers.front()->getOwner();
  LinearLayer layer = *LinearLayer::get(first);
  FailureOr<SmallVector<float>> tensor =
      getConstantFloats(layer.getWeightOperand().get());
  if (failed(tensor))
    return first->emitError("cannot read the weights");
  std::optional<ChannelScales> channels =
      chooseDepthwiseScales(*values, request.format,
                            cast<IntegerType>(parseStorageType(
                                function.getContext(), request.format.type)),
                            layer, layer.toMatrix(*tensor));
  if (!channels)
    return first->emitError("the statistics of the input have no channels");
  float scale =
      *std::max_element(channels->scales.begin(), channels->scales.end());
  request.scale = {scale, channels->zeroPoint};
  for (float own : channels->scales)
    request.factors.push_back(scale / own);
  return success();
}

LogicalResult ActivationQuantizer::choose(Request &request) {
  if (request.isChosen)
    return success();
  request.isChosen = true;
  // A run computes these scales.
  if (request.format.granularity == Granularity::Token)
    return success();
  if (request.format.granularity == Granularity::Axis)
    return chooseChannels(request);
  if (request.format.scale != 0) {
    request.scale = {static_cast<float>(request.format.scale),
                     request.format.zero};
    return success();
  }
  // What only moves or selects elements keeps its operand's scale: no code
  // changes then.
  Operation *op = request.value.getDefiningOp();
  if (op && passesCodes(op) && op->getNumOperands() == 1)
    if (Request *source = find(op->getOperand(0), request.format)) {
      if (failed(choose(*source)))
        return failure();
      request.scale = source->scale;
      return success();
    }
  return chooseFromStatistics(
      request, parseStorageType(function.getContext(), request.format.type));
}

/// The scales of the rows of `value`: max |x| / largest code, as ops.
static Value buildTokenScales(OpBuilder &builder, Location loc, Value value,
                              IntegerType storage) {
  auto type = cast<RankedTensorType>(value.getType());
  Value magnitude = AbsOp::create(builder, loc, value);
  Value largest = ReduceOp::create(builder, loc, magnitude, ReduceKind::Max,
                                   type.getRank() - 1, TypeAttr());
  // Rows of zeros: any scale does.
  Value floor = buildFloats(builder, loc, 1e-30f);
  float codes = static_cast<float>((1 << (storage.getWidth() - 1)) - 1);
  return DivOp::create(builder, loc,
                       MaxOp::create(builder, loc, largest, floor),
                       buildFloats(builder, loc, codes));
}

/// Divides the weights of the depthwise convolution `op` by its input
/// channels' factors.
static LogicalResult divideWeights(Operation *op, ArrayRef<float> factors) {
  OpOperand &operand = LinearLayer::get(op)->getWeightOperand();
  FailureOr<SmallVector<float>> weights = getConstantFloats(operand.get());
  if (failed(weights))
    return op->emitError("cannot read the weights");
  size_t size = weights->size() / factors.size();
  for (auto [i, weight] : llvm::enumerate(*weights))
    weight /= factors[i / size];
  auto type = cast<RankedTensorType>(operand.get().getType());
  ElementsAttr value =
      getFloatsAttr(op->getContext(), type.getShape(), *weights);
  OpBuilder builder(op);
  operand.set(ConstantOp::create(builder, operand.get().getLoc(), type, value));
  return success();
}

LogicalResult ActivationQuantizer::insert(Request &request) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(request.value);
  Location loc = request.value.getLoc();
  Value source = request.value;
  if (!request.factors.empty()) {
    SmallVector<int64_t> shape(
        cast<RankedTensorType>(source.getType()).getRank() - 1, 1);
    shape.front() = request.factors.size();
    ElementsAttr factors =
        getFloatsAttr(builder.getContext(), shape, request.factors);
    loc = getPartLocation(loc);
    source = MulOp::create(
        builder, loc, source,
        ConstantOp::create(builder, loc, cast<Type>(factors.getShapedType()),
                           factors));
    for (OpOperand *reader : request.readers)
      if (failed(divideWeights(reader->getOwner(), request.factors)))
        return failure();
  }
  Type storage = parseStorageType(function.getContext(), request.format.type);
  auto type = cast<RankedTensorType>(request.value.getType());
  Value scale, zero;
  int64_t axis = 0, block = 0;
  if (request.format.granularity == Granularity::Token) {
    auto integer = cast<IntegerType>(storage);
    scale = buildTokenScales(builder, loc, request.value, integer);
    // The middle code, so that rows are symmetric.
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(scale.getType()).getShape();
    SmallVector<int64_t> middle(
        ShapedType::getNumElements(shape),
        integer.isSigned() ? 0 : int64_t(1) << (integer.getWidth() - 1));
    ElementsAttr zeros = getIntegersAttr(integer, shape, middle);
    zero = ConstantOp::create(builder, loc, cast<Type>(zeros.getShapedType()),
                              zeros);
    axis = type.getRank() - 1;
    block = type.getShape().back();
  } else {
    scale = buildFloats(builder, loc, request.scale.scale);
    if (isa<IntegerType>(storage))
      zero = buildInteger(builder, loc, storage, request.scale.zeroPoint);
    else
      zero =
          ConstantOp::create(builder, loc, RankedTensorType::get({}, storage),
                             cast<ElementsAttr>(builder.getZeroAttr(
                                 RankedTensorType::get({}, storage))));
  }
  Value codes =
      QuantizeOp::create(builder, loc, source, scale, zero, axis, block);
  Value reals =
      DequantizeOp::create(builder, loc, codes, scale, zero, axis, block);
  for (OpOperand *reader : request.readers)
    reader->set(reals);
  return success();
}

FailureOr<unsigned> ActivationQuantizer::run() {
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(collect(op)))
      return failure();
  for (Request &request : requests)
    if (failed(choose(request)))
      return failure();
  // Numbers of operands stay valid: only values change.
  for (Request &request : requests)
    if (failed(insert(request)))
      return failure();
  return requests.size();
}

FailureOr<unsigned> qc::quantizeActivations(func::FuncOp function,
                                            const NodeNames &names,
                                            const Plan &plan,
                                            TableOp statistics) {
  return ActivationQuantizer(function, names, plan, statistics).run();
}
