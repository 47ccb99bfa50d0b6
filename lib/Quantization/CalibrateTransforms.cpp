// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-calibrate-transforms: scales of convolutions in the domain of a fast
// algorithm, and which convolutions are good enough there.

#include "Interrupt.h"
#include "Progress.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/Executor.h"
#include "qc/Analysis/Metrics.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Dialect/QC/Transforms/ConvTransform.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
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

/// How often a product's transformed data took each value from `low` on.
struct TransformedValues {
  int64_t low = 0;
  std::vector<uint64_t> counts;
};

/// In which unit a convolution's sums go on, per output channel, and whether
/// they are rounded to integers of it.
struct OutputUnit {
  SmallVector<double> perChannel;
  bool isRounded = false;
};

/// A convolution that may get a transform, and what is known of it.
struct Layer {
  ConvOp conv;
  std::string name;
  const FastConvolution *algorithm = nullptr;
  OutputUnit unit;
  std::vector<TransformedValues> values;
  ConvTransform transform;
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
  LogicalResult
  stream(func::FuncOp function, SampleSet &samples, StringRef what,
         function_ref<void(Layer &, ConvOp, SmallVectorImpl<Value> &)> build,
         function_ref<void(Layer &, ConvOp, ArrayRef<ArrayRef<char>>)> visit);
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

static OutputUnit getOutputUnit(ConvOp conv) {
  int64_t channels =
      cast<RankedTensorType>(conv.getY().getType()).getDimSize(1);
  OutputUnit unit;
  auto set = [&](Value multiplier, function_ref<double(size_t, float)> get) {
    FailureOr<SmallVector<float>> values = getConstantFloats(multiplier);
    if (succeeded(values) && !values->empty())
      for (int64_t k = 0; k < channels; ++k) {
        size_t index = values->size() == 1 ? 0 : k;
        unit.perChannel.push_back(get(index, (*values)[index]));
      }
  };
  for (Operation *user : conv.getY().getUsers()) {
    if (auto requantize = dyn_cast<RequantizeOp>(user)) {
      set(requantize.getMultiplier(),
          [](size_t, float value) { return value; });
      unit.isRounded = true;
    } else if (auto rescale = dyn_cast<RescaleOp>(user)) {
      set(rescale.getMultiplier(), [](size_t, float value) { return value; });
      unit.isRounded = isRounded(rescale.getY());
    } else if (auto fixed = dyn_cast<RequantizeFixedOp>(user)) {
      FailureOr<SmallVector<int64_t>> multipliers = getConstantCodes(
                                          fixed.getMultiplier()),
                                      shifts =
                                          getConstantCodes(fixed.getShift());
      if (succeeded(multipliers) && succeeded(shifts))
        for (int64_t k = 0; k < channels; ++k) {
          size_t index = multipliers->size() == 1 ? 0 : k;
          unit.perChannel.push_back(
              std::ldexp(static_cast<double>((*multipliers)[index]),
                         -static_cast<int>((*shifts)[index])));
        }
      unit.isRounded = true;
    }
    if (static_cast<int64_t>(unit.perChannel.size()) == channels)
      return unit;
  }
  return {SmallVector<double>(channels, 1), false};
}

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
      layer.algorithm =
          chooseFastConvolution(conv, force, /*isExact=*/false,
                                /*dotProduct=*/false, layer.reason);
    if (layer.algorithm)
      layer.unit = getOutputUnit(conv);
    layers.push_back(std::move(layer));
  });
}

/// Compiles a copy of `function` that returns what `build` makes beside each
/// layer's convolution, and shows the results of each sample to `visit`.
LogicalResult CalibrateTransformsPass::stream(
    func::FuncOp function, SampleSet &samples, StringRef what,
    function_ref<void(Layer &, ConvOp, SmallVectorImpl<Value> &)> build,
    function_ref<void(Layer &, ConvOp, ArrayRef<ArrayRef<char>>)> visit) {
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
  for (Layer &layer : layers) {
    if (!layer.reason.empty())
      continue;
    auto conv = cast<ConvOp>(mapping.lookup(layer.conv.getOperation()));
    size_t first = results.size();
    build(layer, conv, results);
    if (results.size() != first)
      parts.push_back({&layer, conv, first, results.size() - first});
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
  Progress display(what, samples.size(), progress);
  LogicalResult result = samples.forEach(
      [&](size_t index, SampleSet::Inputs inputs) -> LogicalResult {
        if (interrupt.isInterrupted())
          return function.emitError("calibration was interrupted");
        for (auto [i, input] : llvm::enumerate(inputs))
          llvm::copy(input, (*code)->getInput(i).begin());
        if (failed((*code)->run()))
          return failure();
        for (Part &part : parts) {
          SmallVector<ArrayRef<char>> bytes;
          for (size_t i = 0; i < part.count; ++i)
            bytes.push_back((*code)->getOutput(part.first + i));
          visit(*part.layer, part.conv, bytes);
        }
        display.advance(index + 1);
        return success();
      });
  return result;
}

//===----------------------------------------------------------------------===//
// Scales
//===----------------------------------------------------------------------===//

/// Scale and offset of least squared error: codes are -zero … zero - 1 for
/// zero = 2^(bits - 1). An offset is taken where it halves the error, such as
/// for the sum of a tile of a map that is never negative.
///
/// Of as many values again one is expected beyond each end of those seen (I. J.
/// Good, "The population frequencies of species", 1953). It counts as 1.3
/// times as large: with few values it keeps the range from being cut too
/// narrow, with many it does not matter.
static std::pair<float, int64_t> chooseScale(const TransformedValues &values,
                                             const IntegerRange &range,
                                             int64_t bits) {
  SmallVector<std::pair<double, double>, 0> occurring;
  for (auto [index, count] : llvm::enumerate(values.counts))
    if (count != 0)
      occurring.push_back({static_cast<double>(values.low) + double(index),
                           static_cast<double>(count)});
  if (occurring.empty())
    return {1.0f, 0};
  auto grow = [&](double end) {
    return std::clamp(std::rint(1.3 * end), static_cast<double>(range.low),
                      static_cast<double>(range.high));
  };
  double smallest = std::min(occurring.front().first, 0.0),
         largest = std::max(occurring.back().first, 0.0);
  smallest = grow(smallest);
  largest = grow(largest);
  occurring.push_back({smallest, 1.0});
  occurring.push_back({largest, 1.0});
  double zero = std::ldexp(1, static_cast<int>(bits) - 1);
  auto getError = [&](double scale, double offset) {
    double error = 0;
    for (auto [value, count] : occurring) {
      double code =
          std::clamp(std::rint((value + offset) / scale), -zero, zero - 1);
      double rest = value + offset - code * scale;
      error += count * rest * rest;
    }
    return error;
  };
  // Parts of the whole range, in per cent.
  constexpr int widest = 100, narrowest = 20, step = 4;
  double reach = std::max(std::abs(smallest), std::abs(largest));
  double best = 0, least = -1;
  for (int percent = widest; percent >= narrowest; percent -= step) {
    // Values are integers: a scale below 1 only narrows the range.
    double scale = std::max(reach * percent / 100 / (zero - 1), 1.0),
           error = getError(scale, 0);
    if (least < 0 || error < least) {
      least = error;
      best = scale;
    }
  }
  // Then the ends one after the other, the upper first.
  double low = smallest, high = largest, leastMoved = -1, bestScale = 1;
  int64_t bestOffset = 0;
  for (bool isUpper : {true, false}) {
    double otherEnd = isUpper ? low : high, end = isUpper ? high : low;
    double bestEnd = end;
    for (int percent = widest; percent >= narrowest; percent -= step) {
      double candidate = otherEnd + (end - otherEnd) * percent / 100;
      double width = std::abs(candidate - otherEnd);
      double scale = std::max(width / (2 * zero - 1), 1.0);
      auto offset =
          static_cast<int64_t>(-std::rint((candidate + otherEnd + scale) / 2));
      if (range.low + offset < INT16_MIN || range.high + offset > INT16_MAX)
        continue;
      double error = getError(scale, static_cast<double>(offset));
      if (leastMoved < 0 || error < leastMoved) {
        leastMoved = error;
        bestScale = scale;
        bestOffset = offset;
        bestEnd = candidate;
      }
    }
    (isUpper ? high : low) = bestEnd;
  }
  if (leastMoved >= 0 && leastMoved < 0.5 * least)
    return {static_cast<float>(bestScale), bestOffset};
  return {static_cast<float>(best), 0};
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

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
  LogicalResult transformed = stream(
      function, *samples, "transformed data",
      [&](Layer &layer, ConvOp conv, SmallVectorImpl<Value> &results) {
        OpBuilder builder(conv);
        Value v = buildInputTransform(builder, conv, *layer.algorithm);
        results.push_back(v);
        Type element =
            cast<RankedTensorType>(conv.getX().getType()).getElementType();
        for (const IntegerRange &range :
             getInputTransformRanges(*layer.algorithm, element))
          layer.values.push_back(
              {range.low, std::vector<uint64_t>(range.high - range.low + 1)});
      },
      [&](Layer &layer, ConvOp, ArrayRef<ArrayRef<char>> bytes) {
        size_t products = layer.values.size(),
               each = bytes[0].size() / sizeof(int16_t) / products;
        const auto *v = reinterpret_cast<const int16_t *>(bytes[0].data());
        for (TransformedValues &values : layer.values)
          for (const int16_t *end = v + each; v != end; ++v)
            ++values.counts[*v - values.low];
      });
  if (failed(transformed))
    return failure();
  for (Layer &layer : layers) {
    if (!layer.reason.empty())
      continue;
    ConvTransform &transform = layer.transform;
    transform.algorithm = layer.algorithm->name;
    transform.bits = bits;
    for (TransformedValues &values : layer.values) {
      IntegerRange range{values.low,
                         values.low + int64_t(values.counts.size()) - 1};
      auto [scale, offset] = chooseScale(values, range, bits);
      transform.scales.push_back(scale);
      transform.offsets.push_back(offset);
    }
    if (llvm::all_of(transform.offsets, [](int64_t o) { return o == 0; }))
      transform.offsets.clear();
    layer.values.clear();
  }
  LogicalResult compared = stream(
      function, *samples, "fast convolutions",
      [&](Layer &layer, ConvOp conv, SmallVectorImpl<Value> &results) {
        OpBuilder builder(conv);
        if (Value fast = buildQuantizedTransform(
                builder, conv, *layer.algorithm, layer.transform, layer.reason))
          results.append({conv.getY(), fast});
      },
      [&](Layer &layer, ConvOp conv, ArrayRef<ArrayRef<char>> bytes) {
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
        measure(layer, bias, read(bytes[0]), read(bytes[1]));
      });
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
  auto functions = module.getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions)) {
    module.emitError("calibration needs a module with one function; import "
                     "one combination of shapes");
    return signalPassFailure();
  }
  if (force != "direct" && failed(calibrate(*functions.begin())))
    signalPassFailure();
}
