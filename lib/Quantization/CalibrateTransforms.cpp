// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-calibrate-transforms: scales of convolutions in the domain of a fast
// algorithm, and which convolutions are good enough there.

#include "Interrupt.h"
#include "ModelFunction.h"
#include "Progress.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/BiasCorrection.h"
#include "qc/Analysis/Executor.h"
#include "qc/Analysis/Metrics.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Analysis/Observer.h"
#include "qc/Analysis/TransformScales.h"
#include "qc/Analysis/WeightQuantizer.h"
#include "qc/Dialect/QC/Transforms/ConvTransform.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/LinearLayer.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/SampleSet.h"
#include "qc/SFC/AdditionProgram.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

#include <cmath>

namespace qc {
#define GEN_PASS_DEF_CALIBRATETRANSFORMS
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// What is known of a layer's transformed data, products x input channels.
struct TransformedData {
  std::vector<double> sums, largest;
  uint64_t rows = 0;
  /// Second moments, one block of channels x channels for each product.
  std::optional<SecondMoment> moment;

  /// Data of a channel are compared in this unit: the square root of their
  /// largest magnitude. The other half of what tells channels apart stays in
  /// the data, so that neither these nor the weights, which are multiplied
  /// with the unit, have channels that are rounded to nothing.
  double getUnit(size_t index) const {
    return std::sqrt(std::max(largest[index], 1.0));
  }
};

/// How much the values that a product's data took, in equal bins, count.
struct Bins {
  double low = 0, width = 1;
  std::vector<double> weights;

  Bins(double low, double width, size_t count)
      : low(low), width(width), weights(count) {}
  double getCenter(size_t index) const {
    return low + width * static_cast<double>(index);
  }
  void add(double value, double weight) {
    auto index = static_cast<int64_t>(std::rint((value - low) / width));
    weights[std::clamp<int64_t>(index, 0, weights.size() - 1)] += weight;
  }
  WeightedValues getValues() const;
};

/// In which unit a convolution's sums go on, per output channel, and whether
/// they are rounded to integers of it.
struct OutputUnit {
  SmallVector<double> perChannel;
  bool isRounded = false;
  /// What the rounded sums are saturated to.
  OutputFunction consumer;
};

/// A convolution that may get a transform, and what is known of it.
struct Layer {
  ConvOp conv;
  std::string name;
  const FastConvolution *algorithm = nullptr;
  OutputUnit unit;
  TransformedData data;
  /// What errors count: products x input channels, sums of squared weights.
  std::vector<double> importance;
  /// For each product, of data as they are and in their channels' units.
  std::vector<Bins> values, scaledValues;
  ConvTransform transform;
  /// Sums at some positions of each sample, positions x output channels, where
  /// biases are fitted.
  std::vector<float> outputs, expected;
  /// Sums over all elements, in the output's unit.
  double signal = 0, directNoise = 0, fastNoise = 0;
  double low = 0, high = 0;
  uint64_t count = 0;
  /// Why it stays as it is; empty if it gets the transform.
  std::string reason;
};

class CalibrateTransformsPass
    : public qc::impl::CalibrateTransformsBase<CalibrateTransformsPass> {
public:
  using CalibrateTransformsBase::CalibrateTransformsBase;

private:
  void runOnOperation() override;
  LogicalResult calibrate(func::FuncOp function);
  void collect(func::FuncOp function);
  using Builder = function_ref<void(Layer &, ConvOp, SmallVectorImpl<Value> &)>;
  using Visitor =
      function_ref<void(Layer &, ConvOp, size_t, ArrayRef<ArrayRef<char>>)>;
  LogicalResult stream(func::FuncOp function, SampleSet &samples,
                       ArrayRef<Layer *> parts, StringRef what, Builder build,
                       ArrayRef<Visitor> visits);
  LogicalResult choose(func::FuncOp function, SampleSet &samples,
                       ArrayRef<Layer *> parts);
  void chooseScales(Layer &layer);
  void roundWeights(Layer &layer);
  void drawOutputs(Layer &layer, ArrayRef<int64_t> bias, size_t sample,
                   size_t samples, ArrayRef<int32_t> exact,
                   ArrayRef<int32_t> fast);
  void fitBias(Layer &layer);
  void measure(Layer &layer, ArrayRef<int64_t> bias, ArrayRef<int32_t> exact,
               ArrayRef<int32_t> fast);
  void decide(Layer &layer);

  std::vector<Layer> layers;
};

} // namespace

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// Whether what `value` goes through, op by op, ends in a rounding.
static bool isRounded(Value value) {
  constexpr unsigned longest = 16;
  for (unsigned step = 0; step < longest && !value.use_empty(); ++step) {
    Operation *user = *value.user_begin();
    if (isa<RoundSaturateOp>(user))
      return true;
    if (user->getNumResults() != 1)
      return false;
    value = user->getResult(0);
  }
  return false;
}

/// What codes with the zero point `zero` saturate to, in units of their scale.
static OutputFunction getClamp(Value zero) {
  auto type = dyn_cast<IntegerType>(
      cast<RankedTensorType>(zero.getType()).getElementType());
  std::optional<int64_t> number = getEqualIntegers(zero);
  if (!type || !number)
    return {};
  return OutputFunction::clamp(
      static_cast<float>(getSmallestCode(type) - *number),
      static_cast<float>(getLargestCode(type) - *number));
}

/// The unit in which a user of the sums rescales them; that of the sums where
/// no user's is known; none, with a reason, where it is not one per channel.
static std::optional<OutputUnit> getOutputUnit(ConvOp conv,
                                               std::string &reason) {
  int64_t channels =
      cast<RankedTensorType>(conv.getY().getType()).getDimSize(1);
  // One value for each channel of parameters with one, or one along `axis`.
  auto spread = [&](ArrayRef<double> values, int64_t axis) {
    OutputUnit unit;
    if (values.size() == 1)
      unit.perChannel.assign(channels, values.front());
    else if (axis == 1 && static_cast<int64_t>(values.size()) == channels)
      unit.perChannel.assign(values);
    else
      reason = "what follows rescales it along another dimension than that of "
               "channels";
    return unit;
  };
  auto spreadFloats = [&](Value multiplier, int64_t axis) {
    FailureOr<SmallVector<float>> values = getConstantFloats(multiplier);
    return succeeded(values)
               ? spread(SmallVector<double>(values->begin(), values->end()),
                        axis)
               : OutputUnit();
  };
  for (Operation *user : conv.getY().getUsers()) {
    OutputUnit unit;
    if (auto requantize = dyn_cast<RequantizeOp>(user)) {
      unit = spreadFloats(requantize.getMultiplier(), requantize.getAxis());
      unit.isRounded = true;
      unit.consumer = getClamp(requantize.getZero());
    } else if (auto rescale = dyn_cast<RescaleOp>(user)) {
      unit = spreadFloats(rescale.getMultiplier(), rescale.getAxis());
      unit.isRounded = isRounded(rescale.getY());
    } else if (auto fixed = dyn_cast<RequantizeFixedOp>(user)) {
      FailureOr<SmallVector<int64_t>> multipliers = getConstantCodes(
                                          fixed.getMultiplier()),
                                      shifts =
                                          getConstantCodes(fixed.getShift());
      if (succeeded(multipliers) && succeeded(shifts)) {
        SmallVector<double> factors;
        for (auto [multiplier, shift] : llvm::zip_equal(*multipliers, *shifts))
          factors.push_back(std::ldexp(static_cast<double>(multiplier),
                                       -static_cast<int>(shift)));
        unit = spread(factors, fixed.getAxis());
      }
      unit.isRounded = true;
      unit.consumer = getClamp(fixed.getZero());
    }
    if (!reason.empty())
      return std::nullopt;
    if (!unit.perChannel.empty())
      return unit;
  }
  return OutputUnit{SmallVector<double>(channels, 1), false, {}};
}

/// The entries of a layer's second moments.
static uint64_t getMomentEntries(Layer &layer) {
  uint64_t channels =
      cast<RankedTensorType>(layer.conv.getW().getType()).getDimSize(1);
  return layer.algorithm->getNumProducts() * channels * channels;
}

/// Layers share half a gibibyte of second moments, and none may take more than
/// two: 1,400 channels under 132 products.
constexpr uint64_t sharedEntries = uint64_t(1) << 26, mostEntries = uint64_t(1)
                                                                    << 28;

void CalibrateTransformsPass::collect(func::FuncOp function) {
  NodeNames names(function);
  function.walk([&](ConvOp conv) {
    Layer layer;
    layer.conv = conv;
    layer.name = names.getName(conv.getOperation()).str();
    signWeights(conv);
    // A user's word stands.
    if (conv->hasAttr(ConvTransform::attributeName))
      return;
    if (!isa<IntegerType>(
            cast<RankedTensorType>(conv.getY().getType()).getElementType()))
      layer.reason = "it is not an integer convolution";
    else
      layer.algorithm = chooseFastConvolution(conv, force, /*isExact=*/false,
                                              dotProduct, layer.reason);
    if (layer.algorithm && conv.getBias() && !isConstantCodes(conv.getBias()))
      layer.reason = "its bias is not constant";
    else if (layer.algorithm && getMomentEntries(layer) > mostEntries)
      layer.reason = "its second moments would need " +
                     std::to_string(getMomentEntries(layer) * sizeof(double)) +
                     " bytes; at most " +
                     std::to_string(mostEntries * sizeof(double)) + " are used";
    else if (layer.algorithm)
      if (std::optional<OutputUnit> unit = getOutputUnit(conv, layer.reason))
        layer.unit = std::move(*unit);
    layers.push_back(std::move(layer));
  });
}

/// Compiles a copy of `function` that returns what `build` makes beside the
/// convolutions of `parts`, and shows the results of each sample to the first
/// of `visits`, then those of all samples to the next.
LogicalResult CalibrateTransformsPass::stream(func::FuncOp function,
                                              SampleSet &samples,
                                              ArrayRef<Layer *> of,
                                              StringRef what, Builder build,
                                              ArrayRef<Visitor> visits) {
  const ExecutorInterface *executor = getExecutor(function);
  if (!executor)
    return failure();
  IRMapping mapping;
  OwningOpRef<ModuleOp> copy(cast<ModuleOp>(getOperation()->clone(mapping)));
  auto body = *copy->getOps<func::FuncOp>().begin();
  struct Part {
    Layer *layer;
    ConvOp conv;
    size_t first, count;
  };
  SmallVector<Part> parts;
  SmallVector<Value> results;
  for (Layer *layer : of) {
    auto conv = cast<ConvOp>(mapping.lookup(layer->conv.getOperation()));
    size_t first = results.size();
    build(*layer, conv, results);
    if (results.size() != first)
      parts.push_back({layer, conv, first, results.size() - first});
  }
  if (results.empty())
    return success();
  OwningOpRef<ModuleOp> probes =
      extractFunction(SmallVector<Value>(body.getArguments()), results);
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      executor->compile(*probes->getOps<func::FuncOp>().begin());
  if (failed(code))
    return failure();
  InterruptScope interrupt;
  for (Visitor visit : visits) {
    Progress display(what, samples.size(), progress);
    LogicalResult result = samples.forEach(
        [&](size_t index, SampleSet::Inputs inputs) -> LogicalResult {
          if (interrupt.isInterrupted())
            return function.emitError("calibration was interrupted");
          if (failed((*code)->runOn(inputs)))
            return failure();
          for (Part &part : parts) {
            SmallVector<ArrayRef<char>> bytes;
            for (size_t i = 0; i < part.count; ++i)
              bytes.push_back((*code)->getOutput(part.first + i));
            visit(*part.layer, part.conv, index, bytes);
          }
          display.advance(index + 1);
          return success();
        });
    if (failed(result))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

WeightedValues Bins::getValues() const {
  WeightedValues values;
  for (auto [index, weight] : llvm::enumerate(weights))
    if (weight != 0)
      values.add(getCenter(index), weight);
  return values;
}

/// Calls `visit` with product, channel and value of each of a layer's
/// transformed data, products x tiles x channels.
static void
forTransformed(ArrayRef<char> bytes, size_t products, size_t channels,
               function_ref<void(size_t, ArrayRef<int16_t>)> visit) {
  ArrayRef<int16_t> all(reinterpret_cast<const int16_t *>(bytes.data()),
                        bytes.size() / sizeof(int16_t));
  size_t rows = all.size() / products / channels;
  for (size_t t = 0; t < products; ++t)
    for (size_t row = 0; row < rows; ++row)
      visit(t, all.slice((t * rows + row) * channels, channels));
}

/// One scale for each channel, in its unit, or one scale and an offset for all,
/// as for the sum of a tile of a map that is never negative.
void CalibrateTransformsPass::chooseScales(Layer &layer) {
  ConvTransform &transform = layer.transform;
  Type element =
      cast<RankedTensorType>(layer.conv.getX().getType()).getElementType();
  size_t channels =
      cast<RankedTensorType>(layer.conv.getX().getType()).getDimSize(1);
  for (auto [t, range] :
       llvm::enumerate(getInputTransformRanges(*layer.algorithm, element))) {
    ArrayRef<double> importance =
        ArrayRef(layer.importance).slice(t * channels, channels);
    // A value that is not seen may be in any channel.
    double weight = 0, scaledWeight = 0, smallestUnit = HUGE_VAL;
    for (size_t c = 0; c < channels; ++c) {
      double unit = layer.data.getUnit(t * channels + c);
      weight += importance[c] / static_cast<double>(channels);
      scaledWeight += importance[c] * unit * unit / double(channels);
      smallestUnit = std::min(smallestUnit, unit);
    }
    auto low = static_cast<double>(range.low),
         high = static_cast<double>(range.high);
    WeightedValues plain = layer.values[t].getValues(),
                   scaled = layer.scaledValues[t].getValues();
    plain.addUnseen(low, high, weight);
    scaled.addUnseen(low / smallestUnit, high / smallestUnit, scaledWeight);
    // Values are integers: a scale below 1 only narrows the range.
    CodeScale perChannel = chooseScale(scaled, bits, 0),
              withOffset =
                  chooseScaleAndOffset(plain, bits, 1, range.low, range.high);
    bool hasOffset = withOffset.error < 0.5 * perChannel.error;
    transform.offsets.push_back(hasOffset ? withOffset.offset : 0);
    for (size_t c = 0; c < channels; ++c)
      transform.scales.push_back(static_cast<float>(
          hasOffset ? withOffset.scale
                    : std::max(perChannel.scale *
                                   layer.data.getUnit(t * channels + c),
                               1.0)));
  }
  if (llvm::all_of(transform.offsets, [](int64_t o) { return o == 0; }))
    transform.offsets.clear();
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// Transformed weights, products x output channels x input channels.
static std::vector<float> transformWeights(ConvOp conv,
                                           const FastConvolution &algorithm) {
  FailureOr<SmallVector<int64_t>> codes = getConstantCodes(conv.getW());
  std::vector<float> weights;
  if (failed(codes))
    return weights;
  const IntegerMatrix &matrix = algorithm.weightTransform;
  weights.reserve(codes->size() / matrix.columns * matrix.rows);
  for (int64_t t = 0; t < matrix.rows; ++t)
    for (size_t start = 0; start < codes->size(); start += matrix.columns) {
      int64_t sum = 0;
      for (int64_t j = 0; j < matrix.columns; ++j)
        sum += matrix.at(t, j) * (*codes)[start + j];
      weights.push_back(static_cast<float>(sum));
    }
  return weights;
}

/// Rounds the weights of each product with feedback of the errors under the
/// second moments of what they are multiplied with.
void CalibrateTransformsPass::roundWeights(Layer &layer) {
  ConvTransform &transform = layer.transform;
  int64_t products = layer.algorithm->getNumProducts();
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(layer.conv.getW().getType()).getShape();
  int64_t outputs = shape[0], inputs = shape[1];
  std::vector<float> weights = transformWeights(layer.conv, *layer.algorithm);
  GridFormat format;
  format.bits = bits;
  // With 8 bits clipping hardly ever pays.
  if (bits < 8)
    format.method = GridMethod::WeightError;
  SmallVector<int64_t> codes(weights.size());
  auto rows = static_cast<double>(layer.data.rows);
  for (int64_t t = 0; t < products; ++t) {
    ArrayRef<float> scales =
        ArrayRef(transform.scales).slice(t * inputs, inputs);
    ArrayRef<double> sums = ArrayRef(layer.data.sums).slice(t * inputs, inputs);
    MutableArrayRef<float> own =
        MutableArrayRef(weights).slice(t * outputs * inputs, outputs * inputs);
    for (auto [index, weight] : llvm::enumerate(own))
      weight *= scales[index % inputs];
    // The offset's own product is exact: weights meet v + offset.
    double offset = transform.offsets.empty()
                        ? 0
                        : static_cast<double>(transform.offsets[t]);
    std::vector<double> moment = layer.data.moment->getMean(t);
    for (int64_t i = 0; i < inputs; ++i)
      for (int64_t j = 0; j < inputs; ++j) {
        double &entry = moment[i * inputs + j];
        entry =
            (entry + offset * (sums[i] + sums[j]) / rows + offset * offset) /
            (static_cast<double>(scales[i]) * scales[j]);
      }
    WeightGrid grid = makeGrid(own, outputs, inputs, format);
    WeightCodes rounded = roundErrorFeedback(own, grid, moment);
    for (int64_t k = 0; k < outputs; ++k)
      for (int64_t c = 0; c < inputs; ++c)
        codes[(t * inputs + c) * outputs + k] = rounded[k * inputs + c];
    llvm::append_range(transform.weightScales, grid.scales);
  }
  transform.weights =
      getIntegersAttr(IntegerType::get(&getContext(), 8, IntegerType::Signed),
                      {products, inputs, outputs}, codes);
}

/// Scales and weights of `parts`.
LogicalResult CalibrateTransformsPass::choose(func::FuncOp function,
                                              SampleSet &samples,
                                              ArrayRef<Layer *> parts) {
  auto build = [&](Layer &layer, ConvOp conv, SmallVectorImpl<Value> &results) {
    OpBuilder builder(conv);
    results.push_back(buildInputTransform(builder, conv, *layer.algorithm));
    ArrayRef<int64_t> w =
        cast<RankedTensorType>(conv.getW().getType()).getShape();
    int64_t products = layer.algorithm->getNumProducts();
    layer.data.sums.resize(products * w[1]);
    layer.data.largest.resize(products * w[1]);
    layer.data.moment.emplace(products * w[1], w[1]);
    layer.importance.resize(products * w[1]);
    for (auto [index, weight] :
         llvm::enumerate(transformWeights(layer.conv, *layer.algorithm))) {
      double unit = layer.unit.perChannel[index / w[1] % w[0]] * weight;
      layer.importance[index / (w[0] * w[1]) * w[1] + index % w[1]] +=
          unit * unit;
    }
  };
  auto observe = [](Layer &layer, ConvOp, size_t,
                    ArrayRef<ArrayRef<char>> bytes) {
    TransformedData &data = layer.data;
    size_t products = layer.algorithm->getNumProducts(),
           columns = data.sums.size(), channels = columns / products;
    std::vector<float> panel(bytes[0].size() / sizeof(int16_t));
    size_t rows = panel.size() / columns, row = 0;
    forTransformed(
        bytes[0], products, channels, [&](size_t t, ArrayRef<int16_t> values) {
          size_t at = t * channels;
          float *to = panel.data() + row * columns + at;
          for (auto [c, value] : llvm::enumerate(values)) {
            to[c] = value;
            data.sums[at + c] += value;
            data.largest[at + c] =
                std::max<double>(data.largest[at + c], std::abs(value));
          }
          row = row + 1 == rows ? 0 : row + 1;
        });
    data.moment->add(panel);
    data.rows += rows;
  };
  auto count = [](Layer &layer, ConvOp, size_t,
                  ArrayRef<ArrayRef<char>> bytes) {
    TransformedData &data = layer.data;
    size_t products = layer.algorithm->getNumProducts(),
           channels = data.sums.size() / products;
    if (layer.values.empty()) {
      Type element =
          cast<RankedTensorType>(layer.conv.getX().getType()).getElementType();
      for (auto [t, range] : llvm::enumerate(
               getInputTransformRanges(*layer.algorithm, element))) {
        layer.values.push_back(
            {static_cast<double>(range.low), 1,
             static_cast<size_t>(range.high - range.low + 1)});
        double reach = 1;
        for (size_t c = 0; c < channels; ++c)
          reach = std::max(reach, data.getUnit(t * channels + c));
        // A channel's largest value is the square of its unit. 32 bins for
        // each of 256 codes.
        constexpr int64_t bins = 8192;
        layer.scaledValues.push_back({-reach, 2 * reach / bins, bins + 1});
      }
    }
    std::vector<double> inverses(data.sums.size());
    for (size_t index = 0; index < inverses.size(); ++index)
      inverses[index] = 1 / data.getUnit(index);
    forTransformed(
        bytes[0], products, channels, [&](size_t t, ArrayRef<int16_t> values) {
          for (auto [c, value] : llvm::enumerate(values)) {
            size_t at = t * channels + c;
            layer.values[t].add(value, layer.importance[at]);
            layer.scaledValues[t].add(value * inverses[at],
                                      layer.importance[at] /
                                          (inverses[at] * inverses[at]));
          }
        });
  };
  if (failed(stream(function, samples, parts, "transformed data", build,
                    {observe, count})))
    return failure();
  for (Layer *layer : parts) {
    layer->transform.algorithm = layer->algorithm->name;
    layer->transform.bits = bits;
    chooseScales(*layer);
    roundWeights(*layer);
    layer->data = {};
    layer->values.clear();
    layer->scaledValues.clear();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// Keeps the sums of some positions of each sample.
void CalibrateTransformsPass::drawOutputs(Layer &layer, ArrayRef<int64_t> bias,
                                          size_t sample, size_t samples,
                                          ArrayRef<int32_t> exact,
                                          ArrayRef<int32_t> fast) {
  auto type = cast<RankedTensorType>(layer.conv.getY().getType());
  int64_t channels = type.getDimSize(1),
          pixels = type.getDimSize(2) * type.getDimSize(3);
  for (int64_t position :
       drawPositions(static_cast<int64_t>(exact.size()) / channels,
                     getBiasPositions(samples), sample)) {
    for (int64_t k = 0; k < channels; ++k) {
      int64_t index =
          (position / pixels * channels + k) * pixels + position % pixels;
      double unit = layer.unit.perChannel[k],
             shift = bias.empty() ? 0 : static_cast<double>(bias[k]);
      layer.outputs.push_back(static_cast<float>(
          unit * (static_cast<double>(fast[index]) + shift)));
      layer.expected.push_back(
          layer.unit.consumer.at(static_cast<float>(unit * exact[index]))
              .value);
    }
  }
}

/// Gives the transform the bias that brings those sums nearest to the exact
/// ones.
void CalibrateTransformsPass::fitBias(Layer &layer) {
  SmallVector<double> &units = layer.unit.perChannel;
  std::vector<float> change = fitBiases(layer.outputs, layer.expected,
                                        units.size(), layer.unit.consumer);
  for (auto [value, unit] : llvm::zip_equal(change, units)) {
    double sum = unit == 0 ? 0 : std::rint(value / unit);
    layer.transform.bias.push_back(
        std::clamp<double>(sum, INT32_MIN, INT32_MAX));
  }
  layer.outputs.clear();
  layer.expected.clear();
}

/// Compares one sample's sums (images x channels x pixels).
void CalibrateTransformsPass::measure(Layer &layer, ArrayRef<int64_t> bias,
                                      ArrayRef<int32_t> exact,
                                      ArrayRef<int32_t> fast) {
  auto type = cast<RankedTensorType>(layer.conv.getY().getType());
  int64_t channels = type.getDimSize(1),
          pixels = type.getDimSize(2) * type.getDimSize(3);
  for (auto [index, sums] : llvm::enumerate(llvm::zip_equal(exact, fast))) {
    int64_t k = static_cast<int64_t>(index) / pixels % channels;
    double unit = layer.unit.perChannel[k];
    auto [e, f] = sums;
    double direct = unit * e,
           other = unit * (static_cast<double>(f) +
                           static_cast<double>(layer.transform.bias[k]) +
                           (bias.empty() ? 0 : static_cast<double>(bias[k])));
    layer.low = std::min(layer.low, direct);
    layer.high = std::max(layer.high, direct);
    layer.signal += direct * direct;
    double rest = layer.unit.isRounded ? direct - std::rint(direct) : 0;
    layer.directNoise += rest * rest;
    rest = direct - (layer.unit.isRounded ? std::rint(other) : other);
    layer.fastNoise += rest * rest;
  }
  layer.count += exact.size();
}

void CalibrateTransformsPass::decide(Layer &layer) {
  if (!layer.unit.isRounded) {
    // As if what follows were rounded to 8 bits.
    double step = (layer.high - layer.low) / 255,
           noise = static_cast<double>(layer.count) * step * step / 12;
    layer.directNoise += noise;
    layer.fastNoise += noise;
  }
  double loss = getDecibels(layer.signal, layer.directNoise) -
                getDecibels(layer.signal, layer.fastNoise);
  if (loss > maxLoss) {
    llvm::raw_string_ostream(layer.reason)
        << "products of " << bits << "-bit codes lose "
        << llvm::format("%.1f", loss) << " dB";
    return;
  }
  layer.conv->setAttr(ConvTransform::attributeName,
                      layer.transform.getAttribute(&getContext()));
  ++numTransformed;
}

static llvm::json::Object getReport(const Layer &layer) {
  llvm::json::Object entry;
  if (layer.algorithm)
    entry["algorithm"] = layer.algorithm->name;
  if (layer.count != 0) {
    entry["sqnr-direct"] = getDecibels(layer.signal, layer.directNoise);
    entry["sqnr-fast"] = getDecibels(layer.signal, layer.fastNoise);
  }
  entry["used"] = layer.reason.empty();
  if (!layer.reason.empty())
    entry["why"] = layer.reason;
  return entry;
}

LogicalResult CalibrateTransformsPass::calibrate(func::FuncOp function) {
  collect(function);
  FailureOr<SampleSet> samples = SampleSet::open(function, inputs, limit);
  if (failed(samples))
    return failure();
  // Second moments are large: layer by layer until they fill their memory.
  SmallVector<Layer *> open, part;
  for (Layer &layer : layers)
    if (layer.reason.empty())
      open.push_back(&layer);
  uint64_t held = 0;
  for (Layer *layer : open) {
    uint64_t own = getMomentEntries(*layer);
    if (!part.empty() && held + own > sharedEntries) {
      if (failed(choose(function, *samples, part)))
        return failure();
      part.clear();
      held = 0;
    }
    part.push_back(layer);
    held += own;
  }
  if (failed(choose(function, *samples, part)))
    return failure();
  auto withSums = [](auto visit) {
    return [=](Layer &layer, ConvOp conv, size_t sample,
               ArrayRef<ArrayRef<char>> bytes) {
      SmallVector<int64_t> bias;
      if (conv.getBias())
        if (FailureOr<SmallVector<int64_t>> codes =
                getConstantCodes(conv.getBias());
            succeeded(codes))
          bias = std::move(*codes);
      auto read = [](ArrayRef<char> data) {
        return ArrayRef(reinterpret_cast<const int32_t *>(data.data()),
                        data.size() / sizeof(int32_t));
      };
      visit(layer, bias, sample, read(bytes[0]), read(bytes[1]));
    };
  };
  auto draw = withSums([&](Layer &layer, ArrayRef<int64_t> bias, size_t sample,
                           ArrayRef<int32_t> exact, ArrayRef<int32_t> fast) {
    drawOutputs(layer, bias, sample, samples->size(), exact, fast);
  });
  auto compare = withSums([&](Layer &layer, ArrayRef<int64_t> bias, size_t,
                              ArrayRef<int32_t> exact, ArrayRef<int32_t> fast) {
    if (layer.transform.bias.empty())
      fitBias(layer);
    measure(layer, bias, exact, fast);
  });
  LogicalResult compared = stream(
      function, *samples, open, "fast convolutions",
      [&](Layer &layer, ConvOp conv, SmallVectorImpl<Value> &results) {
        OpBuilder builder(conv);
        if (Value fast = buildQuantizedTransform(
                builder, conv, *layer.algorithm, layer.transform, layer.reason))
          results.append({conv.getY(), fast});
      },
      {draw, compare});
  if (failed(compared))
    return failure();
  for (Layer &layer : layers) {
    if (layer.reason.empty())
      decide(layer);
    if (!layer.reason.empty())
      remark::missed(layer.conv.getLoc(),
                     remark::RemarkOpts::name("NoFastConvolution")
                         .category("qc-calibrate-transforms")
                         .function(function.getName()))
          << "the convolution gets no transform: " + layer.reason;
  }
  if (report.empty())
    return success();
  llvm::json::Object entries;
  for (const Layer &layer : layers)
    entries[layer.name] = getReport(layer);
  return writeJSON(function.getLoc(), report, std::move(entries));
}

void CalibrateTransformsPass::runOnOperation() {
  ModuleOp module = getOperation();
  layers.clear();
  if (bits < 2 || bits > 8) {
    module.emitError("bits is ") << bits.getValue() << ", not 2 to 8";
    return signalPassFailure();
  }
  if (failed(checkConvAlgorithm(module, force)))
    return signalPassFailure();
  if (inputs.empty()) {
    module.emitError("qc-calibrate-transforms needs inputs=PATH");
    return signalPassFailure();
  }
  FailureOr<func::FuncOp> function = getModelFunction(module, getArgument());
  if (failed(function) || (force != "direct" && failed(calibrate(*function))))
    signalPassFailure();
}
