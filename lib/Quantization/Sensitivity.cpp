// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-sensitivity: what each format of each layer spoils.
//
// Layers are taken in parts whose second moments fit the memory option; each
// part is one stream of the samples through compiled code. Then every format
// of a layer is rounded and all metrics come from what was kept. Those of the
// whole model inject the layer's error into a run of it (ErrorInjector.h).

#include "ErrorInjector.h"
#include "Interrupt.h"
#include "LayerEpilogue.h"
#include "MeasuredOn.h"
#include "ModelFunction.h"
#include "Progress.h"
#include "QuantizeWeights.h"
#include "SensitivityMetrics.h"
#include "Statistics.h"
#include "WeightFormats.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Analysis/Observer.h"
#include "qc/Analysis/WeightQuantizer.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/Points.h"
#include "qc/Quantization/TensorView.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FileSystem.h"

#include <atomic>
#include <mutex>

namespace qc {
#define GEN_PASS_DEF_SENSITIVITY
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// A layer and what is still to be measured.
struct LayerTask {
  LinearLayer layer;
  std::string name, inputName;
  NodeSensitivity *node;
  /// Layers whose results reach the input without another one between.
  SmallVector<Operation *> predecessors = {};
  SmallVector<const SensitivityMetric *> metrics = {};
  /// SensitivityMetric::Need of all.
  unsigned needs = 0;
  /// What runs of the whole model go on from: outputError of each format, and
  /// the errors of the weights: each format's, and one small one.
  std::vector<double> outputErrors = {};
  std::vector<WeightError> errors = {};
  WeightError small = {};
  double smallOutputError = 0;

  /// What this layer and its neighbour `second` spoil together, in a format.
  bool isPairKnown(const LayerTask &second, const std::string &type) const {
    auto pair = node->pairs.find(second.name);
    if (pair == node->pairs.end())
      return false;
    auto own = pair->second.find(type);
    return own != pair->second.end() && own->second.count(type);
  }
};

/// What a stream of samples leaves of a layer.
struct LayerStream {
  std::optional<SecondMoment> moment;
  /// Of the samples that judge what was rounded for the others, where few rows
  /// would make rounding look better than it is.
  std::optional<SecondMoment> judge;
  double modification = 0;
  /// Samples with inputs that are not finite.
  size_t numNotFinite = 0;
};

/// Code for inputs (and outputs, where a metric compares them) of layers.
struct Probes {
  /// Null where no metric needs any.
  std::unique_ptr<CompiledFunction> code;
  llvm::DenseMap<Value, size_t> results;
};

class SensitivityPass : public qc::impl::SensitivityBase<SensitivityPass> {
public:
  using SensitivityBase::SensitivityBase;

private:
  void runOnOperation() override;
  LogicalResult checkOptions();
  WeightFormatOptions getWeightOptions() const {
    return {symmetric, block, weightRange, rounding, scales};
  }
  bool roundsForInputs() const {
    return rounding == "gptq" || weightRange == "output";
  }
  int64_t getNumPositions(const LinearLayer &layer) const;
  bool isJudgedApart(const LinearLayer &layer) const;
  LogicalResult load();
  LogicalResult save();
  std::string getSettings() const;
  SmallVector<LayerTask, 0> collectLayers(const QuantizationPoints &points);
  void collectTasks();
  int64_t getStreamBytes(const LayerTask &task) const;
  LogicalResult measure(func::FuncOp function);
  LogicalResult measurePart(MutableArrayRef<LayerTask> part);
  FailureOr<Probes> compileProbes(ArrayRef<LayerTask> part);
  LogicalResult stream(ArrayRef<LayerTask> part, Probes &probes,
                       MutableArrayRef<LayerStream> streams);
  LogicalResult measureLayer(LayerTask &task, LayerStream &stream);
  void keepErrors(LayerTask &task, const LayerEvidence &layer,
                  ArrayRef<FormatEvidence> evidence, ArrayRef<double> means);
  void keepSmallError(LayerTask &task, const LayerEvidence &layer,
                      const FormatEvidence &strongest, ArrayRef<double> means);
  LogicalResult
  runModel(StringRef what, ArrayRef<LayerTask *> chosen,
           llvm::function_ref<const WeightError &(const LayerTask &)> getError,
           llvm::function_ref<void(LayerTask &, const ModelError &)> accept,
           StringRef pairType = {});
  LogicalResult measurePairs(ErrorInjector &model, ArrayRef<LayerTask *> chosen,
                             ArrayRef<double> losses, StringRef type);
  LogicalResult measureModels();
  FailureOr<double> getEntropy(const LayerTask &task);

  SensitivityTable sensitivities;
  /// What `table` is of.
  MeasuredOn measuredOn;
  /// Candidates, and metrics to measure.
  std::vector<std::string> types;
  SmallVector<const SensitivityMetric *> requested;
  SmallVector<LayerTask, 0> tasks;
  /// Samples that runs of the whole model use.
  unsigned numModelSamples = 0;
  func::FuncOp function;
  const ExecutorInterface *executor = nullptr;
  std::optional<SampleSet> samples;
  InterruptScope *interrupt = nullptr;
};

} // namespace

//===----------------------------------------------------------------------===//
// Options and the table
//===----------------------------------------------------------------------===//

LogicalResult SensitivityPass::checkOptions() {
  ModuleOp module = getOperation();
  types.assign(formats.begin(), formats.end());
  if (failed(checkCandidates(module, getArgument(), "formats", types)))
    return failure();
  SmallVector<StringRef> names;
  for (const SensitivityMetric &metric : getSensitivityMetrics())
    names.push_back(metric.name);
  SmallVector<std::string> wanted(metrics.begin(), metrics.end());
  if (wanted.empty())
    wanted = {"output-mse", "fisher"};
  for (const std::string &name : wanted) {
    if (failed(checkOption(module, getArgument(), "metrics", name, names)))
      return failure();
    requested.push_back(findSensitivityMetric(name));
  }
  const SensitivityMetric *square = findSensitivityMetric("model-mse");
  if (pairs && !llvm::is_contained(requested, square))
    requested.push_back(square);
  // Metrics of layers become losses by the weights' noise.
  const SensitivityMetric *noise = findSensitivityMetric("weight-sqnr");
  if (!llvm::is_contained(requested, noise))
    requested.push_back(noise);
  return getWeightOptions().check(module, getArgument());
}

LogicalResult SensitivityPass::load() {
  ModuleOp module = getOperation();
  llvm::json::Object entries;
  if (TableOp op = getTable(module, sensitivityName)) {
    llvm::json::Value value = getJSON(op.getEntries());
    entries = std::move(*value.getAsObject());
  }
  if (!table.empty() && llvm::sys::fs::exists(table)) {
    FailureOr<llvm::json::Object> saved =
        readJSONObject(module.getLoc(), table);
    if (failed(saved) ||
        failed(measuredOn.load(module.getLoc(), table, *saved)))
      return failure();
    for (auto &[name, entry] : *saved)
      entries[name] = std::move(entry);
  }
  FailureOr<SensitivityTable> parsed =
      SensitivityTable::parse(module.getLoc(), entries);
  if (failed(parsed))
    return failure();
  sensitivities = std::move(*parsed);
  return success();
}

LogicalResult SensitivityPass::save() {
  if (table.empty())
    return success();
  llvm::json::Object file = sensitivities.toJSON();
  measuredOn.addTo(file);
  return writeJSON(getOperation().getLoc(), table, std::move(file));
}

/// Runs of the whole model, one per layer and sample, cost as much as all the
/// rest. Few samples rank layers of a model badly: 4 to 64 of them, as many as
/// 6e11 multiply-accumulates pay for (some 10 seconds of two cores).
static unsigned chooseModelSamples(const QuantizationPoints &points) {
  double macs = 0, layers = 0;
  for (OpOperand *operand : points.weights)
    if (std::optional<LinearLayer> layer =
            LinearLayer::get(operand->getOwner())) {
      macs += static_cast<double>(layer->macs());
      ++layers;
    }
  // Each layer has a twin there that computes its error.
  double run = std::max(2 * macs * layers, 1.0);
  return static_cast<unsigned>(std::clamp(6e11 / run, 4.0, 64.0));
}

std::string SensitivityPass::getSettings() const {
  std::string settings;
  llvm::raw_string_ostream(settings)
      << "rounding=" << rounding << " weight-range=" << weightRange
      << " symmetric=" << symmetric << " block=" << block
      << " scales=" << scales << " limit=" << limit
      << " positions=" << positions << " model-limit=" << numModelSamples;
  return settings;
}

/// All layers, each with a node that has nothing of other settings.
SmallVector<LayerTask, 0>
SensitivityPass::collectLayers(const QuantizationPoints &points) {
  SmallVector<LayerTask, 0> layers;
  NodeNames names(function);
  std::string settings = getSettings();
  for (OpOperand *operand : points.weights) {
    std::optional<LinearLayer> layer = LinearLayer::get(operand->getOwner());
    if (!layer)
      continue;
    std::string name = names.getName(operand->getOwner()).str();
    NodeSensitivity &node = sensitivities.nodes[name];
    bool isNew = node.by.empty() && node.formats.empty() &&
                 node.metrics.empty() && node.pairs.empty();
    if (isNew || (!node.isUsers() && node.settings != settings)) {
      node = {};
      for (auto &[other, first] : sensitivities.nodes)
        if (!first.isUsers())
          first.pairs.erase(name);
    }
    if (isNew || !node.isUsers())
      node.by = getArgument().str();
    node.settings = settings;
    node.parameters = layer->getWeightType().getNumElements();
    node.macs = layer->macs();
    for (const std::string &type : types) {
      FormatSensitivity &format = node.formats[type];
      if (format.bytes == 0)
        format.bytes = getWeightBytes(
            *operand, getWeightOptions().getFormat(*operand, type));
    }
    layers.push_back({*layer, name, names.getName(layer->getInput()), &node});
  }
  return layers;
}

void SensitivityPass::collectTasks() {
  QuantizationPoints points = QuantizationPoints::find(function);
  numModelSamples = modelLimit ? modelLimit : chooseModelSamples(points);
  SmallVector<LayerTask, 0> layers = collectLayers(points);
  // Both layers of a pair must run for it, whatever else is known of them.
  llvm::DenseSet<size_t> inPairs;
  if (pairs) {
    SmallVector<LinearLayer> linear;
    for (const LayerTask &layer : layers)
      linear.push_back(layer.layer);
    for (auto [first, second] : findNeighbours(linear)) {
      layers[second].predecessors.push_back(linear[first].getOp());
      for (const std::string &type : types)
        if (!layers[first].isPairKnown(layers[second], type)) {
          inPairs.insert(first);
          inPairs.insert(second);
        }
    }
  }
  for (auto [index, task] : llvm::enumerate(layers)) {
    NodeSensitivity &node = *task.node;
    for (const SensitivityMetric *metric : requested) {
      bool isKnown =
          metric->isOfLayer()
              ? node.metrics.count(metric->name.str()) != 0
              : llvm::all_of(types, [&](const std::string &type) {
                  return node.formats[type].metrics.count(metric->name.str());
                });
      // Pairs come from runs of this metric.
      if (metric->name == "model-mse" && inPairs.contains(index))
        isKnown = false;
      if (isKnown)
        continue;
      task.metrics.push_back(metric);
      task.needs |= metric->needs;
      // Rounding that looks at inputs.
      if (!metric->isOfLayer() && roundsForInputs())
        task.needs |= SensitivityMetric::Moments;
    }
    if (!task.metrics.empty())
      tasks.push_back(std::move(task));
  }
}

//===----------------------------------------------------------------------===//
// Streams of samples
//===----------------------------------------------------------------------===//

int64_t SensitivityPass::getStreamBytes(const LayerTask &task) const {
  if (!(task.needs & SensitivityMetric::Moments))
    return 0;
  int64_t columns = task.layer.columns(), width = task.layer.groups() * columns;
  // Sums in double, a panel of 512 rows in float.
  return (isJudgedApart(task.layer) ? 2 : 1) * width * (columns * 8 + 512 * 4);
}

int64_t SensitivityPass::getNumPositions(const LinearLayer &layer) const {
  int64_t chosen = positions
                       ? static_cast<int64_t>(positions)
                       : layer.getMomentPositions(samples->size(), 16, 1.5e9);
  return std::min(chosen, layer.getNumPositions());
}

/// Whether weights are rounded for half of the samples and judged by the
/// others: fewer than four rows for each column would be fitted.
bool SensitivityPass::isJudgedApart(const LinearLayer &layer) const {
  auto count = static_cast<int64_t>(samples ? samples->size() : 0);
  return roundsForInputs() && count > 1 &&
         count * getNumPositions(layer) < 4 * layer.columns();
}

/// Whether a layer's input and output can be compared token by token.
static bool keepsShape(const LinearLayer &layer) {
  return layer.getInput().getType() == layer.getOp()->getResult(0).getType();
}

/// Whether a stream compares the layer's input and output.
static bool comparesOutput(const LayerTask &task) {
  return (task.needs & SensitivityMetric::Modification) &&
         keepsShape(task.layer);
}

FailureOr<Probes> SensitivityPass::compileProbes(ArrayRef<LayerTask> part) {
  Probes probes;
  SmallVector<Value> values;
  auto probe = [&](Value value) {
    if (probes.results.try_emplace(value, values.size()).second)
      values.push_back(value);
  };
  // Comparing token by token takes rows.
  ResultOrder order = ResultOrder::AsComputed;
  for (const LayerTask &task : part) {
    bool compares = comparesOutput(task);
    if (compares || (task.needs & SensitivityMetric::Moments))
      probe(task.layer.getInput());
    if (compares) {
      probe(task.layer.getOp()->getResult(0));
      order = ResultOrder::RowMajor;
    }
  }
  if (values.empty())
    return probes;
  SmallVector<Value> arguments(function.getArguments());
  OwningOpRef<ModuleOp> cut = extractFunction(arguments, values);
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      executor->compile(*cut->getOps<func::FuncOp>().begin(), order);
  if (failed(code))
    return failure();
  probes.code = std::move(*code);
  return probes;
}

LogicalResult SensitivityPass::stream(ArrayRef<LayerTask> part, Probes &probes,
                                      MutableArrayRef<LayerStream> streams) {
  Progress display("streaming " + std::to_string(part.size()) + " layers",
                   samples->size(), progress);
  size_t count = 0;
  LogicalResult result = samples->forEach([&](size_t sample,
                                              SampleSet::Inputs inputs) {
    if (interrupt->isInterrupted())
      return failure();
    if (failed(probes.code->runOn(inputs)))
      return failure();
    auto getValue = [&](Value value) {
      return getResultView(*probes.code, probes.results.lookup(value),
                           value.getType());
    };
    // Products run on the thread that asks for them: layers are what is done at
    // once.
    parallelFor(&getContext(), 0, part.size(), [&](size_t i) {
      const LinearLayer &layer = part[i].layer;
      LayerStream &to = streams[i];
      if (to.moment) {
        std::vector<float> columns = layer.getColumns(
            getValue(layer.getInput()),
            layer.drawPositions(getNumPositions(layer), sample));
        to.numNotFinite += !areFinite(ArrayRef<float>(columns));
        (to.judge && sample % 2 ? to.judge : to.moment)->add(columns);
      }
      if (comparesOutput(part[i])) {
        // Tokens are rows of a product; of a map there is one.
        auto getAll = [&](Value value) {
          return toFloats(probes.code->getOutput(probes.results.lookup(value)));
        };
        ArrayRef<float> x = getAll(layer.getInput());
        to.modification += getInputModification(
            x, getAll(layer.getOp()->getResult(0)),
            layer.isConv() ? static_cast<int64_t>(x.size()) : layer.columns());
      }
    });
    ++count;
    display.advance(sample + 1);
    return success();
  });
  if (failed(result))
    return failure();
  for (auto [task, to] : llvm::zip_equal(part, streams)) {
    if (to.numNotFinite) {
      // Weights may be why.
      for (const LayerTask &other : tasks)
        if (failed(readWeights(other.layer.getWeightOperand(), other.name)))
          return failure();
      return reportNotFinite(task.layer.getOp(), task.name, "inputs",
                             to.numNotFinite, count);
    }
    to.modification /= std::max<size_t>(count, 1);
  }
  numSamples += count;
  return success();
}

FailureOr<double> SensitivityPass::getEntropy(const LayerTask &task) {
  TableOp statistics = getTable(getOperation(), statisticsName);
  if (!statistics || !statistics.getEntry(task.inputName))
    return task.layer.getOp()->emitError()
           << "no statistics of '" << task.inputName
           << "' for the metric entropy: run qc-calibrate before";
  FailureOr<ValueStatistics> values =
      readStatistics(statistics, task.inputName);
  if (failed(values))
    return failure();
  return values->getEntropy();
}

//===----------------------------------------------------------------------===//
// Metrics
//===----------------------------------------------------------------------===//

/// Wq - W and what it does to the mean output; `means` are those of the inputs.
static WeightError getWeightError(const LayerEvidence &layer,
                                  ArrayRef<float> rounded,
                                  ArrayRef<double> means) {
  int64_t rows = layer.layer.rows(), n = layer.layer.columns();
  int64_t groupRows = rows / layer.layer.groups();
  WeightError error{std::vector<float>(rows * n), std::vector<float>(rows)};
  for (int64_t row = 0; row < rows; ++row) {
    const double *mean = means.data() + row / groupRows * n;
    double sum = 0;
    for (int64_t i = row * n, j = 0; j < n; ++i, ++j) {
      error.weights[i] = rounded[i] - layer.matrix[i];
      sum += error.weights[i] * mean[j];
    }
    error.means[row] = static_cast<float>(sum);
  }
  return error;
}

/// Keeps what runs of the whole model need of a layer.
void SensitivityPass::keepErrors(LayerTask &task, const LayerEvidence &layer,
                                 ArrayRef<FormatEvidence> evidence,
                                 ArrayRef<double> means) {
  for (const FormatEvidence &format : evidence) {
    task.outputErrors.push_back(format.outputError);
    if (task.needs & SensitivityMetric::Model)
      task.errors.push_back(getWeightError(layer, format.rounded, means));
  }
}

/// Keeps an error made small enough that the rest of the model is linear in it
/// and large enough for f32: 30 dB below the layer's output.
void SensitivityPass::keepSmallError(LayerTask &task,
                                     const LayerEvidence &layer,
                                     const FormatEvidence &strongest,
                                     ArrayRef<double> means) {
  task.small = getWeightError(layer, strongest.rounded, means);
  task.smallOutputError =
      std::min(strongest.outputError, 1e-3 * layer.outputPower);
  float share = strongest.outputError > 0
                    ? static_cast<float>(std::sqrt(task.smallOutputError /
                                                   strongest.outputError))
                    : 0.0f;
  for (std::vector<float> *values : {&task.small.weights, &task.small.means})
    for (float &value : *values)
      value *= share;
}

/// Runs the model with each layer's error alone; accept(task, loss) after each.
LogicalResult SensitivityPass::runModel(
    StringRef what, ArrayRef<LayerTask *> chosen,
    llvm::function_ref<const WeightError &(const LayerTask &)> getError,
    llvm::function_ref<void(LayerTask &, const ModelError &)> accept,
    StringRef pairType) {
  SmallVector<LinearLayer> layers;
  SmallVector<const WeightError *> errors;
  for (const LayerTask *task : chosen) {
    layers.push_back(task->layer);
    errors.push_back(&getError(*task));
  }
  FailureOr<ErrorInjector> model =
      ErrorInjector::create(function, layers, errors, *executor);
  if (failed(model))
    return failure();
  SampleSet few = *samples;
  if (failed(few.forEach([&](size_t sample, SampleSet::Inputs inputs) {
        return sample < numModelSamples ? model->addSample(inputs) : success();
      })))
    return failure();
  Progress display(what.str(), chosen.size(), progress);
  std::vector<double> losses;
  for (auto [index, task] : llvm::enumerate(chosen)) {
    model->setShare(index, 1);
    ModelComparison comparison(function);
    if (interrupt->isInterrupted() || failed(model->run(comparison)))
      return failure();
    numRuns += model->getNumSamples();
    if (size_t count = comparison.getNumUndefined())
      return function.emitError()
             << "outputs of the float model are NaN in " << count << " of "
             << model->getNumSamples() << " samples: a loss is not known";
    model->setShare(index, 0);
    losses.push_back(comparison.get().relativeSquare);
    accept(*task, comparison.get());
    // Each run costs as much as many samples of a stream: none is lost.
    if (failed(save()))
      return failure();
    display.advance(index + 1);
  }
  if (!pairType.empty())
    return measurePairs(*model, chosen, losses, pairType);
  return success();
}

/// The loss of neighbouring layers together beyond the sum of their `losses`.
LogicalResult SensitivityPass::measurePairs(ErrorInjector &model,
                                            ArrayRef<LayerTask *> chosen,
                                            ArrayRef<double> losses,
                                            StringRef type) {
  llvm::DenseMap<Operation *, size_t> numbers;
  for (auto [index, task] : llvm::enumerate(chosen))
    numbers[task->layer.getOp()] = index;
  Progress display("running the model with pairs as " + type.str(),
                   chosen.size(), progress);
  for (auto [second, task] : llvm::enumerate(chosen)) {
    for (Operation *predecessor : task->predecessors) {
      auto it = numbers.find(predecessor);
      if (it == numbers.end() ||
          chosen[it->second]->isPairKnown(*task, type.str()))
        continue;
      size_t first = it->second;
      model.setShare(first, 1);
      model.setShare(second, 1);
      ModelComparison comparison(function);
      if (interrupt->isInterrupted() || failed(model.run(comparison)))
        return failure();
      numRuns += model.getNumSamples();
      model.setShare(first, 0);
      model.setShare(second, 0);
      chosen[first]->node->pairs[task->name][type.str()][type.str()] =
          comparison.get().relativeSquare - losses[first] - losses[second];
      if (failed(save()))
        return failure();
    }
    display.advance(second + 1);
  }
  return success();
}

LogicalResult SensitivityPass::measureModels() {
  auto choose = [&](unsigned need) {
    SmallVector<LayerTask *> chosen;
    for (LayerTask &task : tasks)
      if (task.needs & need)
        chosen.push_back(&task);
    return chosen;
  };
  /// Values of metrics with that need.
  auto store = [&](LayerTask &task, unsigned need, size_t type,
                   const LayerEvidence &layer, const FormatEvidence &format) {
    for (const SensitivityMetric *metric : task.metrics)
      if (metric->needs & need)
        task.node->formats[types[type]].metrics.try_emplace(
            metric->name.str(), metric->measure(layer, format));
  };
  SmallVector<LayerTask *> chosen = choose(SensitivityMetric::Gain);
  if (!chosen.empty() &&
      failed(runModel(
          "measuring gradients of layers", chosen,
          [](const LayerTask &task) -> const WeightError & {
            return task.small;
          },
          [&](LayerTask &task, const ModelError &error) {
            LayerEvidence layer{task.layer, {}, {}, {}, 0, 0, 1, 0};
            if (task.smallOutputError > 0)
              layer.gain = error.relativeSquare / task.smallOutputError;
            for (size_t i = 0; i < types.size(); ++i)
              store(task, SensitivityMetric::Gain, i, layer,
                    {{}, task.outputErrors[i], {}});
          })))
    return failure();
  chosen = choose(SensitivityMetric::Model);
  for (size_t i = 0; !chosen.empty() && i < types.size(); ++i)
    if (failed(runModel(
            "running the model with layers as " + types[i], chosen,
            [&](const LayerTask &task) -> const WeightError & {
              return task.errors[i];
            },
            [&](LayerTask &task, const ModelError &error) {
              store(task, SensitivityMetric::Model, i,
                    {task.layer, {}, {}, {}, 0, 0, 1, 0},
                    {{}, task.outputErrors[i], error});
            },
            pairs ? StringRef(types[i]) : StringRef())))
      return failure();
  return success();
}

LogicalResult SensitivityPass::measureLayer(LayerTask &task,
                                            LayerStream &stream) {
  const LinearLayer &linear = task.layer;
  FailureOr<SmallVector<float>> tensor =
      readWeights(linear.getWeightOperand(), task.name);
  if (failed(tensor))
    return failure();
  std::vector<float> matrix = linear.toMatrix(*tensor);
  tensor->clear();
  int64_t n = linear.columns(), groupRows = linear.rows() / linear.groups();
  LayerEvidence layer{linear, matrix, {}, {}, 0, 0, 1, 0};
  std::vector<std::vector<double>> hessians;
  // Of the inputs, as far as correcting the bias makes up for them.
  std::vector<double> means;
  bool isMeanRestored = LayerBias(linear).isThere();
  if (stream.moment)
    for (int64_t group = 0; group < linear.groups(); ++group) {
      hessians.push_back(getHessian(*stream.moment, group, isMeanRestored));
      SecondMoment &judge = stream.judge ? *stream.judge : *stream.moment;
      SecondMoment::Moments moments = judge.getMoments(group);
      std::vector<double> &power = layer.powers.emplace_back(n);
      for (int64_t i = 0; i < n; ++i)
        power[i] =
            moments.covariance[i * (n + 1)] + moments.mean[i] * moments.mean[i];
      if (!isMeanRestored) {
        moments.covariance = moments.getSecondMoment();
        moments.mean.assign(n, 0.0);
      }
      llvm::append_range(means, moments.mean);
      layer.covariances.push_back(std::move(moments.covariance));
    }
  stream.moment.reset();
  stream.judge.reset();
  if (!roundsForInputs())
    hessians.clear();
  if (task.needs & SensitivityMetric::Entropy) {
    FailureOr<double> entropy = getEntropy(task);
    if (failed(entropy))
      return failure();
    layer.inputEntropy = *entropy;
  }
  if ((task.needs & SensitivityMetric::Modification) && keepsShape(linear))
    layer.inputModification = stream.modification;
  auto getError = [&](ArrayRef<float> rounded) {
    double error = 0;
    for (auto [group, covariance] : llvm::enumerate(layer.covariances)) {
      size_t start = group * groupRows * n, size = groupRows * n;
      error += getQuadraticError(layer.matrix.slice(start, size),
                                 rounded.slice(start, size), groupRows, n,
                                 covariance);
    }
    // Rounding errors of f32 moments.
    return std::max(error, 0.0);
  };
  layer.outputPower = getError(std::vector<float>(matrix.size(), 0.0f));

  // One factorization for all formats.
  std::vector<ErrorFeedback> feedbacks;
  if (rounding == "gptq")
    for (ArrayRef<double> hessian : hessians)
      feedbacks.emplace_back(hessian, n);
  WeightFormatOptions options = getWeightOptions();
  std::vector<std::vector<float>> rounded(types.size());
  std::vector<FormatEvidence> evidence(types.size());
  std::atomic<bool> hasFailed = false;
  parallelFor(&getContext(), 0, types.size(), [&](size_t i) {
    FailureOr<std::vector<float>> weights = roundWeights(
        linear, matrix, options.getFormat(linear.getWeightOperand(), types[i]),
        hessians, feedbacks);
    if (failed(weights)) {
      hasFailed = true;
      return;
    }
    rounded[i] = std::move(*weights);
    evidence[i].rounded = rounded[i];
    evidence[i].outputError = getError(rounded[i]);
  });
  if (hasFailed)
    return failure();
  keepErrors(task, layer, evidence, means);
  if (task.needs & SensitivityMetric::Gain) {
    // The format of most error to nearest: rounding that fits the samples has
    // an unusually small effect on them.
    size_t strongest =
        llvm::max_element(evidence,
                          [](const FormatEvidence &a, const FormatEvidence &b) {
                            return a.outputError < b.outputError;
                          }) -
        evidence.begin();
    OperandFormat format =
        options.getFormat(linear.getWeightOperand(), types[strongest]);
    format.rounding = "nearest";
    FailureOr<std::vector<float>> nearest =
        roundWeights(linear, matrix, format, {});
    if (failed(nearest))
      return failure();
    keepSmallError(task, layer, {*nearest, getError(*nearest), {}}, means);
  }
  // What is already there was measured or is the user's.
  for (const SensitivityMetric *metric : task.metrics) {
    if (metric->needs & (SensitivityMetric::Gain | SensitivityMetric::Model))
      continue;
    if (metric->isOfLayer()) {
      task.node->metrics.try_emplace(metric->name.str(),
                                     metric->measure(layer, evidence.front()));
      continue;
    }
    for (auto [type, format] : llvm::zip_equal(types, evidence))
      task.node->formats[type].metrics.try_emplace(
          metric->name.str(), metric->measure(layer, format));
  }
  return success();
}

LogicalResult SensitivityPass::measurePart(MutableArrayRef<LayerTask> part) {
  SmallVector<LayerStream, 0> streams(part.size());
  for (auto [task, stream] : llvm::zip_equal(part, streams))
    if (task.needs & SensitivityMetric::Moments) {
      int64_t columns = task.layer.columns();
      int64_t width = task.layer.groups() * columns;
      stream.moment.emplace(width, columns);
      if (isJudgedApart(task.layer))
        stream.judge.emplace(width, columns);
    }
  FailureOr<Probes> probes = compileProbes(part);
  if (failed(probes) ||
      (probes->code && failed(stream(part, *probes, streams))))
    return failure();
  probes = Probes();
  Progress display("measuring formats of layers", part.size(), progress);
  std::mutex mutex;
  size_t done = 0;
  LogicalResult result = failableParallelForEach(
      &getContext(), llvm::seq<size_t>(0, part.size()), [&](size_t i) {
        if (interrupt->isInterrupted() ||
            failed(measureLayer(part[i], streams[i])))
          return failure();
        streams[i] = {};
        std::lock_guard lock(mutex);
        display.advance(++done);
        return success();
      });
  numLayers += done;
  return result;
}

LogicalResult SensitivityPass::measure(func::FuncOp function) {
  unsigned needs = 0;
  for (const LayerTask &task : tasks)
    needs |= task.needs;
  if (needs & (SensitivityMetric::Gain | SensitivityMetric::Model))
    if (!ModelComparison(function).isThere())
      return function.emitError("has no f32 output that metrics of the whole "
                                "model could compare");
  bool needsSamples = llvm::any_of(tasks, [](const LayerTask &task) {
    return comparesOutput(task) || (task.needs & SensitivityMetric::Moments);
  });
  if (needsSamples && inputs.empty())
    return function.emitError(
        "metrics of activations need samples: qc-sensitivity inputs=PATH");
  // A complete table must be of these samples, too.
  if (needsSamples || (!inputs.empty() && !table.empty())) {
    FailureOr<SampleSet> opened = SampleSet::open(function, inputs, limit);
    if (failed(opened))
      return failure();
    samples = std::move(*opened);
  }
  if (failed(measuredOn.check(function, table, samples ? &*samples : nullptr)))
    return failure();
  if (needsSamples && !(executor = getExecutor(function)))
    return failure();

  MutableArrayRef<LayerTask> rest(tasks);
  while (!rest.empty()) {
    int64_t bytes = getStreamBytes(rest.front());
    size_t count = 1;
    while (count < rest.size()) {
      bytes += getStreamBytes(rest[count]);
      if (bytes > static_cast<int64_t>(memory) << 20)
        break;
      ++count;
    }
    LogicalResult result = measurePart(rest.take_front(count));
    // Whatever happened: what was measured is not lost.
    if (failed(save()) || failed(result))
      return failure();
    rest = rest.drop_front(count);
  }
  LogicalResult result = measureModels();
  return failed(save()) ? failure() : result;
}

void SensitivityPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<func::FuncOp> found = getFloatFunction(module, getArgument());
  if (failed(found))
    return signalPassFailure();
  function = *found;
  InterruptScope scope;
  interrupt = &scope;
  LogicalResult result = success();
  if (failed(checkOptions()) || failed(load())) {
    result = failure();
  } else {
    collectTasks();
    result = measure(function);
    if (failed(result) && scope.isInterrupted())
      function.emitError("sensitivity was interrupted")
          << (table.empty() ? "" : "; the table can be gone on from");
  }
  if (succeeded(result))
    setTable(module, sensitivityName, sensitivities.toJSON());
  else
    signalPassFailure();
  requested.clear();
  tasks.clear();
  samples.reset();
  sensitivities = {};
  measuredOn = {};
}
