// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-quantize: turns a float model with a plan into a quantized one.

#include "LayerEpilogue.h"
#include "ModelFunction.h"
#include "Parallel.h"
#include "Progress.h"
#include "QuantizeActivations.h"
#include "QuantizeWeights.h"
#include "StagedRun.h"
#include "Statistics.h"

#include "qc/Analysis/BiasCorrection.h"
#include "qc/Analysis/Observer.h"
#include "qc/Analysis/WeightCorrection.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <array>
#include <cmath>

namespace qc {
#define GEN_PASS_DEF_QUANTIZE
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// A layer whose weights become codes.
struct LayerToRound {
  LinearLayer layer;
  std::string name;
  OperandFormat format;
  /// Where its bias is judged.
  LayerEpilogue epilogue;
  /// What the float model has there: of each sample the same positions
  /// (getJudgedPositions), each with a number for each output channel.
  std::vector<float> expected = {};
  /// Readers of a table of rows of which the weights are the transpose, in the
  /// same format: all take the same codes, so that one copy of them is enough.
  SmallVector<OpOperand *> tables = {};
  /// Of such weights: what the float model multiplies by them. The table is
  /// read before the quantized model has that.
  std::optional<SecondMoment> moment = {};
  /// Of such weights, once rounded: what their codes stand for.
  std::vector<float> reals = {};
};

/// A table of which rows are picked.
struct EmbeddingToRound {
  OpOperand *operand;
  std::string name;
  OperandFormat format;
};

/// What rounding needs of a layer's input; others may read it, too.
struct InputMoments {
  Value input;
  bool isMeanRestored = false;
  std::vector<std::vector<double>> hessians;
  /// Of these, made for the first layer that is rounded with error feedback.
  std::vector<ErrorFeedback> feedbacks;
};

class QuantizePass : public qc::impl::QuantizeBase<QuantizePass> {
public:
  using QuantizeBase::QuantizeBase;

private:
  void runOnOperation() override;
  LogicalResult run(func::FuncOp function, const Plan &plan,
                    TableOp statistics);
  LogicalResult collectLayers(func::FuncOp function, const NodeNames &names,
                              const Plan &plan);
  int64_t getNumPositions(const LinearLayer &layer, size_t numSamples) const;
  bool isMeanRestored(const LinearLayer &layer) const;
  bool fitsMemory(const LinearLayer &layer) const;
  bool looksAtInputs(const LayerToRound &todo) const;
  LogicalResult measureOutputs(func::FuncOp function, SampleSet &samples,
                               const ExecutorInterface &executor);
  SmallVector<int64_t> getJudgedPositions(const LinearLayer &layer,
                                          size_t numSamples,
                                          size_t sample) const;
  void correctInputErrors(const LayerToRound &todo, std::vector<float> &weights,
                          const StagedRun &run);
  void correctBias(LayerToRound &todo, ArrayRef<float> weights,
                   const StagedRun &run);
  LogicalResult roundTied(LayerToRound &todo);
  LogicalResult observeInput(const LayerToRound &todo, const StagedRun &run);
  FailureOr<std::vector<float>> roundAlone(LayerToRound &todo, StagedRun *run);
  LogicalResult round(LayerToRound &todo, StagedRun *run);
  LogicalResult quantizeEmbedding(const EmbeddingToRound &todo);

  SmallVector<LayerToRound, 0> layers;
  SmallVector<EmbeddingToRound> embeddings;
  /// Of the last layer that looked at its input.
  InputMoments last;
};

} // namespace

LogicalResult QuantizePass::quantizeEmbedding(const EmbeddingToRound &todo) {
  FailureOr<SmallVector<float>> reals = readWeights(*todo.operand, todo.name);
  if (failed(reals))
    return failure();
  FailureOr<QuantizedWeights> weights =
      quantizeRows(todo.operand->getOwner(), *reals, todo.format);
  if (failed(weights))
    return failure();
  replaceWeights(*todo.operand, *weights);
  ++numWeights;
  return success();
}

LogicalResult QuantizePass::collectLayers(func::FuncOp function,
                                          const NodeNames &names,
                                          const Plan &plan) {
  for (Operation &op : function.getBody().front().without_terminator()) {
    std::string name = names.getName(&op).str();
    const NodePlan *node = plan.lookup(name);
    if (!node)
      continue;
    for (const auto &[index, format] : node->inputs) {
      if (format.isFloat() || index >= op.getNumOperands() ||
          !isa_and_nonnull<ConstantOp>(op.getOperand(index).getDefiningOp()))
        continue;
      if (isa<GatherOp>(op) && index == 0) {
        embeddings.push_back({&op.getOpOperand(0), name, format});
        continue;
      }
      std::optional<LinearLayer> layer = LinearLayer::get(&op);
      if (!layer || index != 1)
        return op.emitError()
               << "the plan quantizes the constant input " << index
               << "; accepted: weights of convolutions, matrix "
                  "products and gathers of rows";
      layers.push_back({*layer, name, format, LayerEpilogue(*layer)});
    }
  }
  auto getValue = [](OpOperand &operand) {
    return operand.get().getDefiningOp<ConstantOp>().getValue();
  };
  llvm::erase_if(embeddings, [&](const EmbeddingToRound &embedding) {
    auto tied = llvm::find_if(layers, [&](LayerToRound &todo) {
      return !todo.layer.isConv() && todo.format == embedding.format &&
             isTransposed(getValue(*embedding.operand),
                          getValue(todo.layer.getWeightOperand()));
    });
    if (tied == layers.end())
      return false;
    tied->tables.push_back(embedding.operand);
    return true;
  });
  return success();
}

/// Positions of each sample from which second moments come.
int64_t QuantizePass::getNumPositions(const LinearLayer &layer,
                                      size_t numSamples) const {
  return positions ? static_cast<int64_t>(positions)
                   : layer.getMomentPositions(numSamples, 64, 6e9);
}

/// Where outputs are judged: enough of them for a correction of the weights.
/// The float model's are kept, so all layers together have room for 2^27.
SmallVector<int64_t> QuantizePass::getJudgedPositions(const LinearLayer &layer,
                                                      size_t numSamples,
                                                      size_t sample) const {
  int64_t count = getBiasPositions(numSamples);
  if (weightCorrection) {
    double kept = 0;
    for (const LayerToRound &todo : layers)
      kept += static_cast<double>(todo.layer.rows() * todo.layer.columns());
    count =
        std::max(count, layer.getMomentPositions(
                            numSamples, std::min(16.0, 0x1p27 / kept), 6e9));
  }
  return layer.drawPositions(count, sample);
}

/// Whether the mean output of a layer comes right after its rounding.
bool QuantizePass::isMeanRestored(const LinearLayer &layer) const {
  return biasCorrection && LayerBias(layer).isThere();
}

/// Bytes of what rounding a layer for its inputs holds at once: moments of two
/// halves of the samples, or one's, what is rounded for and its factor.
static double getMomentBytes(const LinearLayer &layer) {
  auto columns = static_cast<double>(layer.columns());
  return 4 * sizeof(double) * static_cast<double>(layer.groups()) * columns *
         columns;
}

/// Whether second moments of the layer's inputs fit the memory option.
bool QuantizePass::fitsMemory(const LinearLayer &layer) const {
  return getMomentBytes(layer) <= static_cast<double>(memory) * 0x1p20;
}

/// Whether rounding looks at what the weights are multiplied by.
bool QuantizePass::looksAtInputs(const LayerToRound &todo) const {
  const OperandFormat &format = todo.format;
  if (format.rounding != "gptq" && format.range != "output")
    return false;
  if (fitsMemory(todo.layer))
    return true;
  remark::missed(
      todo.layer.getOp()->getLoc(),
      remark::RemarkOpts::name("WideLayer")
          .category(getArgument())
          .function(
              todo.layer.getOp()->getParentOfType<func::FuncOp>().getName()))
      << llvm::formatv("rounded to nearest: second moments of {0} inputs need "
                       "memory={1:f0}",
                       todo.layer.columns(),
                       std::ceil(getMomentBytes(todo.layer) / 0x1p20))
             .str();
  return false;
}

/// Keeps what the float model has where biases are judged, and what it
/// multiplies by weights that are a table, too.
LogicalResult QuantizePass::measureOutputs(func::FuncOp function,
                                           SampleSet &samples,
                                           const ExecutorInterface &executor) {
  SmallVector<Value> arguments(function.getArguments()), results;
  SmallVector<LayerToRound *> judged, tied;
  for (LayerToRound &todo : layers) {
    if (biasCorrection || weightCorrection)
      judged.push_back(&todo);
    if (!todo.tables.empty() && looksAtInputs(todo))
      tied.push_back(&todo);
  }
  for (LayerToRound *todo : judged) {
    todo->expected.clear();
    results.push_back(todo->epilogue.getResult());
  }
  for (LayerToRound *todo : tied) {
    todo->moment.emplace(todo->layer.columns());
    results.push_back(todo->layer.getInput());
  }
  if (results.empty())
    return success();
  OwningOpRef<ModuleOp> probes = extractFunction(arguments, results);
  FailureOr<std::unique_ptr<CompiledFunction>> code = executor.compile(
      *probes->getOps<func::FuncOp>().begin(), ResultOrder::AsComputed);
  if (failed(code))
    return failure();
  // Of what is judged, and of the inputs of tied weights.
  std::vector<size_t> numNotFinite(results.size());
  Progress display("measuring the float model", samples.size(), progress);
  if (failed(samples.forEach([&](size_t index, SampleSet::Inputs inputs) {
        if (failed((*code)->runOn(inputs)))
          return failure();
        auto getView = [&](size_t i) {
          return getResultView(**code, i, results[i].getType());
        };
        parallelFor(&getContext(), 0, judged.size(), [&](size_t i) {
          const LinearLayer &layer = judged[i]->layer;
          std::vector<float> outputs = layer.getOutputs(
              getView(i), getJudgedPositions(layer, samples.size(), index));
          numNotFinite[i] += !areFinite(ArrayRef<float>(outputs));
          llvm::append_range(judged[i]->expected, outputs);
        });
        parallelFor(&getContext(), 0, tied.size(), [&](size_t i) {
          const LinearLayer &layer = tied[i]->layer;
          size_t at = judged.size() + i;
          std::vector<float> columns = layer.getColumns(
              getView(at), layer.drawPositions(
                               getNumPositions(layer, samples.size()), index));
          numNotFinite[at] += !areFinite(ArrayRef<float>(columns));
          tied[i]->moment->add(columns);
        });
        display.advance(index + 1);
        return success();
      })))
    return failure();
  for (auto [i, count] : llvm::enumerate(numNotFinite))
    if (count) {
      // Weights may be why.
      for (LayerToRound &todo : layers)
        if (failed(readWeights(todo.layer.getWeightOperand(), todo.name)))
          return failure();
      bool isJudged = i < judged.size();
      const LayerToRound &todo =
          *(isJudged ? judged[i] : tied[i - judged.size()]);
      return reportNotFinite(todo.layer.getOp(), todo.name,
                             isJudged ? "outputs" : "inputs", count,
                             samples.size());
    }
  return success();
}

/// What the layer gives with `weights` (rows x columns) for the quantized
/// model's inputs, at positions of a sample, before its epilogue's function.
static std::vector<float>
getOutputs(const LayerToRound &todo, ArrayRef<float> columns,
           ArrayRef<float> weights, ArrayRef<float> bias, const StagedRun &run,
           size_t sample, ArrayRef<int64_t> positions) {
  const LinearLayer &layer = todo.layer;
  std::vector<float> outputs(positions.size() * layer.rows());
  if (Value addend = todo.epilogue.getAddend())
    outputs = layer.getOutputs(run.getView(addend, sample), positions);
  for (size_t i = 0; i < outputs.size(); ++i)
    outputs[i] += bias[i % layer.rows()];
  addProducts(columns, weights, layer.groups(), layer.rows(), layer.columns(),
              outputs);
  return outputs;
}

/// Has `weights` (rows x columns, not yet rounded) make up for errors of the
/// layer's inputs.
void QuantizePass::correctInputErrors(const LayerToRound &todo,
                                      std::vector<float> &weights,
                                      const StagedRun &run) {
  const LinearLayer &layer = todo.layer;
  size_t numSamples = run.getNumSamples();
  auto numPositions = static_cast<int64_t>(todo.expected.size()) / layer.rows();
  LayerBias bias(layer);
  // Each half of the samples judges the other; few say nothing. A bias that a
  // run computes would be taken for an error.
  if (numSamples < 2 || numPositions < layer.columns() || !bias.isKnown())
    return;
  std::vector<float> values = bias.get(), outputs;
  auto getPositions = [&](size_t sample) {
    return getJudgedPositions(layer, numSamples, sample);
  };
  auto getColumns = [&](size_t sample) {
    return layer.getColumns(run.getView(layer.getInput(), sample),
                            getPositions(sample));
  };
  produceInOrder(
      &getContext(), numSamples,
      [&](size_t sample) {
        return getOutputs(todo, getColumns(sample), weights, values, run,
                          sample, getPositions(sample));
      },
      [&](std::vector<float> own) { llvm::append_range(outputs, own); });
  // The outputs' range is that of all samples.
  OutputFunction function = todo.epilogue.getFunction(outputs);
  for (auto [output, wanted] : llvm::zip_equal(outputs, todo.expected))
    output = wanted - function.at(output).value;
  ArrayRef<float> residuals(outputs);
  std::array<ResidualMoments, 2> halves;
  std::array<std::vector<float>, 2> changes;
  parallelFor(&getContext(), 0, 2, [&](size_t half) {
    ResidualObserver observer(layer.rows(), layer.columns(), layer.groups());
    size_t size = residuals.size() / numSamples;
    for (size_t sample = half; sample < numSamples; sample += 2)
      observer.add(getColumns(sample), residuals.slice(sample * size, size));
    halves[half] = observer.getMoments(isMeanRestored(layer));
  });
  parallelFor(&getContext(), 0, 2, [&](size_t half) {
    changes[half] = correctWeights(halves[half], halves[1 - half]);
  });
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] += (changes[0][i] + changes[1][i]) / 2;
}

/// Corrects the bias of a layer that has the rounded `weights` (rows x columns)
/// for what reaches its epilogue in the quantized model.
void QuantizePass::correctBias(LayerToRound &todo, ArrayRef<float> weights,
                               const StagedRun &run) {
  const LinearLayer &layer = todo.layer;
  LayerBias bias(layer);
  if (!bias.isThere())
    return;
  std::vector<float> values = bias.get(), outputs, expected;
  size_t numSamples = run.getNumSamples(), rows = layer.rows();
  // A bias needs fewer of each sample's positions than weights, from all of a
  // map.
  size_t count = todo.expected.size() / rows / numSamples;
  auto wanted = static_cast<size_t>(getBiasPositions(numSamples));
  SmallVector<size_t> chosen(std::min(wanted, count));
  for (auto [i, index] : llvm::enumerate(chosen))
    index = i * count / chosen.size();
  for (size_t sample = 0; sample < numSamples; ++sample)
    for (size_t index : chosen)
      llvm::append_range(
          expected,
          ArrayRef(todo.expected).slice((sample * count + index) * rows, rows));
  produceInOrder(
      &getContext(), numSamples,
      [&](size_t sample) {
        SmallVector<int64_t> all =
                                 getJudgedPositions(layer, numSamples, sample),
                             at;
        for (size_t index : chosen)
          at.push_back(all[index]);
        return getOutputs(
            todo, layer.getColumns(run.getView(layer.getInput(), sample), at),
            weights, values, run, sample, at);
      },
      [&](std::vector<float> own) { llvm::append_range(outputs, own); });
  OutputFunction function = todo.epilogue.getFunction(outputs);
  parallelFor(&getContext(), 0, values.size(), [&](size_t row) {
    values[row] += fitBias(outputs, expected, layer.rows(),
                           static_cast<int64_t>(row), function);
  });
  bias.set(values);
}

/// Rounds weights and the table that they are, too.
LogicalResult QuantizePass::roundTied(LayerToRound &todo) {
  const LinearLayer &layer = todo.layer;
  FailureOr<SmallVector<float>> rows =
      readWeights(*todo.tables.front(), todo.name);
  if (failed(rows))
    return failure();
  std::vector<double> hessian;
  if (todo.moment)
    hessian = getHessian(*todo.moment, 0, isMeanRestored(layer));
  FailureOr<TiedWeights> weights =
      quantizeTiedWeights(layer, *rows, todo.format, hessian);
  if (failed(weights))
    return failure();
  replaceWeights(layer.getWeightOperand(), weights->product);
  for (OpOperand *table : todo.tables)
    replaceWeights(*table, weights->rows);
  numWeights += 1 + todo.tables.size();
  todo.reals = std::move(weights->product.reals);
  return success();
}

/// Makes `last` the moments of what reaches the layer in the quantized model.
LogicalResult QuantizePass::observeInput(const LayerToRound &todo,
                                         const StagedRun &run) {
  const LinearLayer &layer = todo.layer;
  bool isRestored = isMeanRestored(layer);
  if (layer.isConv() || last.input != layer.getInput() ||
      last.isMeanRestored != isRestored) {
    last = {layer.getInput(), isRestored, {}, {}};
    int64_t count = getNumPositions(layer, run.getNumSamples());
    // Two at once: most of the time is one product per panel of rows.
    std::array<std::optional<SecondMoment>, 2> moments;
    std::array<size_t, 2> numNotFinite = {};
    parallelFor(&getContext(), 0, 2, [&](size_t half) {
      moments[half].emplace(layer.groups() * layer.columns(), layer.columns());
      for (size_t sample = half; sample < run.getNumSamples(); sample += 2) {
        std::vector<float> columns =
            layer.getColumns(run.getView(layer.getInput(), sample),
                             layer.drawPositions(count, sample));
        numNotFinite[half] += !areFinite(ArrayRef<float>(columns));
        moments[half]->add(columns);
      }
    });
    if (size_t sum = numNotFinite[0] + numNotFinite[1])
      return reportNotFinite(layer.getOp(), todo.name, "inputs", sum,
                             run.getNumSamples());
    SecondMoment &moment = *moments.front();
    moment.merge(*moments.back());
    moments.back().reset();
    for (int64_t group = 0; group < layer.groups(); ++group)
      last.hessians.push_back(getHessian(moment, group, isRestored));
  }
  if (todo.format.rounding == "gptq" && last.feedbacks.empty())
    for (ArrayRef<double> hessian : last.hessians)
      last.feedbacks.emplace_back(hessian, layer.columns());
  return success();
}

/// Rounds weights for what reaches them in the quantized model; returns the
/// numbers that the codes stand for.
FailureOr<std::vector<float>> QuantizePass::roundAlone(LayerToRound &todo,
                                                       StagedRun *run) {
  const LinearLayer &layer = todo.layer;
  FailureOr<SmallVector<float>> tensor =
      readWeights(layer.getWeightOperand(), todo.name);
  if (failed(tensor))
    return failure();
  bool hasMoments = run && looksAtInputs(todo);
  if (hasMoments && failed(observeInput(todo, *run)))
    return failure();
  std::vector<float> matrix = layer.toMatrix(*tensor);
  if (run && weightCorrection && fitsMemory(layer))
    correctInputErrors(todo, matrix, *run);
  FailureOr<QuantizedWeights> weights =
      hasMoments ? quantizeWeights(layer, matrix, todo.format, last.hessians,
                                   last.feedbacks)
                 : quantizeWeights(layer, matrix, todo.format, {});
  if (failed(weights))
    return failure();
  replaceWeights(layer.getWeightOperand(), *weights);
  ++numWeights;
  return std::move(weights->reals);
}

LogicalResult QuantizePass::round(LayerToRound &todo, StagedRun *run) {
  if (run && failed(run->advance(todo.layer.getOp())))
    return failure();
  FailureOr<std::vector<float>> reals =
      todo.tables.empty() ? roundAlone(todo, run) : std::move(todo.reals);
  if (failed(reals))
    return failure();
  if (run && biasCorrection)
    correctBias(todo, *reals, *run);
  return success();
}

LogicalResult QuantizePass::run(func::FuncOp function, const Plan &plan,
                                TableOp statistics) {
  NodeNames names(function);
  // Positions in the plan are those of the float graph: collect everything
  // before anything changes.
  if (failed(collectLayers(function, names, plan)))
    return failure();
  std::optional<SampleSet> samples;
  const ExecutorInterface *executor = nullptr;
  if (!inputs.empty() && !layers.empty()) {
    executor = getExecutor(function);
    FailureOr<SampleSet> opened = executor
                                      ? SampleSet::open(function, inputs, limit)
                                      : FailureOr<SampleSet>(failure());
    if (failed(opened))
      return failure();
    samples = std::move(*opened);
    if (failed(measureOutputs(function, *samples, *executor)))
      return failure();
  }
  FailureOr<unsigned> count =
      quantizeActivations(function, names, plan, statistics);
  if (failed(count))
    return failure();
  numActivations += *count;
  for (const EmbeddingToRound &todo : embeddings)
    if (failed(quantizeEmbedding(todo)))
      return failure();
  for (LayerToRound &todo : layers)
    if (!todo.tables.empty() && failed(roundTied(todo)))
      return failure();
  std::optional<StagedRun> staged;
  if (samples) {
    staged.emplace(function, *executor);
    if (failed(staged->start(*samples)))
      return failure();
  }
  Progress display("rounding layers", layers.size(), progress);
  for (auto [index, todo] : llvm::enumerate(layers)) {
    if (failed(round(todo, staged ? &*staged : nullptr)))
      return failure();
    display.advance(index + 1);
  }
  if (staged)
    peakBytes += staged->getPeakBytes();
  return success();
}

void QuantizePass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<func::FuncOp> function = getFloatFunction(module, getArgument());
  if (failed(function))
    return signalPassFailure();
  FailureOr<Plan> plan = readPlan(module);
  if (failed(plan) ||
      failed(run(*function, *plan, getTable(module, statisticsName))))
    signalPassFailure();
  layers.clear();
  embeddings.clear();
  last = {};
}
