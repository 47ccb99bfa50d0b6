// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-quantize: turns a float model with a plan into a quantized one.

#include "Progress.h"
#include "QuantizeActivations.h"
#include "QuantizeWeights.h"
#include "StagedRun.h"
#include "Statistics.h"

#include "qc/Analysis/Observer.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

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
  OperandFormat format;
  /// Mean of each output channel in the float model.
  std::vector<double> means;
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
  LogicalResult readMeans(func::FuncOp function, SampleSet &samples,
                          const NodeNames &names, TableOp statistics,
                          bool &areKnown);
  LogicalResult measureMeans(func::FuncOp function, SampleSet &samples,
                             const ExecutorInterface &executor);
  LogicalResult round(LayerToRound &todo, StagedRun *run);
  LogicalResult quantizeEmbedding(OpOperand &operand,
                                  const OperandFormat &format);

  SmallVector<LayerToRound, 0> layers;
  SmallVector<std::pair<OpOperand *, OperandFormat>> embeddings;
  /// Second moments of the input of the last layer, for others that read it
  /// too.
  Value lastInput;
  std::vector<std::vector<double>> lastHessians;
};

} // namespace

LogicalResult QuantizePass::quantizeEmbedding(OpOperand &operand,
                                              const OperandFormat &format) {
  FailureOr<SmallVector<float>> reals = getConstantFloats(operand.get());
  if (failed(reals))
    return operand.getOwner()->emitError("cannot read the weights");
  FailureOr<QuantizedWeights> weights =
      quantizeRows(operand.getOwner(), *reals, format);
  if (failed(weights))
    return failure();
  replaceWeights(operand, *weights);
  ++numWeights;
  return success();
}

LogicalResult QuantizePass::collectLayers(func::FuncOp function,
                                          const NodeNames &names,
                                          const Plan &plan) {
  for (Operation &op : function.getBody().front().without_terminator()) {
    const NodePlan *node = plan.lookup(names.getName(&op));
    if (!node)
      continue;
    for (const auto &[index, format] : node->inputs) {
      if (format.isFloat() || index >= op.getNumOperands() ||
          !isa_and_nonnull<ConstantOp>(op.getOperand(index).getDefiningOp()))
        continue;
      if (isa<GatherOp>(op) && index == 0) {
        embeddings.push_back({&op.getOpOperand(0), format});
        continue;
      }
      std::optional<LinearLayer> layer = LinearLayer::get(&op);
      if (!layer || index != 1)
        return op.emitError()
               << "the plan quantizes the constant input " << index
               << "; accepted: weights of convolutions, matrix "
                  "products and gathers of rows";
      layers.push_back({*layer, format, {}});
    }
  }
  return success();
}

/// Takes the float model's means from the statistics if those are of the same
/// samples: if they say the same of the inputs, to the last bit.
LogicalResult QuantizePass::readMeans(func::FuncOp function, SampleSet &samples,
                                      const NodeNames &names,
                                      TableOp statistics, bool &areKnown) {
  areKnown = false;
  SmallVector<ValueObserver, 0> observers;
  for (Value argument : function.getArguments()) {
    if (!isObserved(argument) || !statistics ||
        !statistics.getEntry(names.getName(argument)))
      return success();
    observers.push_back(makeObserver(argument));
  }
  if (failed(samples.forEach([&](size_t, SampleSet::Inputs inputs) {
        for (auto [observer, bytes] : llvm::zip_equal(observers, inputs)) {
          // Files' bytes are not aligned.
          std::vector<float> values(bytes.size() / sizeof(float));
          std::memcpy(values.data(), bytes.data(), bytes.size());
          observer.observe(values);
        }
        return success();
      })))
    return failure();
  for (auto [argument, observer] :
       llvm::zip_equal(function.getArguments(), observers)) {
    FailureOr<ValueStatistics> known =
        readStatistics(statistics, names.getName(argument));
    if (failed(known))
      return failure();
    if (!(*known == observer.getStatistics()))
      return success();
  }
  for (LayerToRound &todo : layers) {
    Value output = todo.layer.getOp()->getResult(0);
    if (!statistics.getEntry(names.getName(output)))
      return success();
    FailureOr<ValueStatistics> known =
        readStatistics(statistics, names.getName(output));
    if (failed(known))
      return failure();
    if (known->samples != samples.size() ||
        known->channels.size() != static_cast<size_t>(todo.layer.rows()))
      return success();
    todo.means.clear();
    for (const ValueSums &channel : known->channels)
      todo.means.push_back(channel.getMean());
  }
  areKnown = true;
  return success();
}

LogicalResult QuantizePass::measureMeans(func::FuncOp function,
                                         SampleSet &samples,
                                         const ExecutorInterface &executor) {
  SmallVector<Value> arguments(function.getArguments()), results;
  for (LayerToRound &todo : layers) {
    todo.means.clear();
    results.push_back(todo.layer.getOp()->getResult(0));
  }
  OwningOpRef<ModuleOp> probes = extractFunction(arguments, results);
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      executor.compile(*probes->getOps<func::FuncOp>().begin());
  if (failed(code))
    return failure();
  Progress display("measuring the float model", samples.size(), progress);
  size_t count = 0;
  LogicalResult result = samples.forEach([&](size_t index,
                                             SampleSet::Inputs inputs) {
    for (auto [i, input] : llvm::enumerate(inputs))
      llvm::copy(input, (*code)->getInput(i).begin());
    if (failed((*code)->run()))
      return failure();
    for (auto [i, todo] : llvm::enumerate(layers)) {
      ArrayRef<char> bytes = (*code)->getOutput(i);
      todo.layer.addOutputSums({reinterpret_cast<const float *>(bytes.data()),
                                bytes.size() / sizeof(float)},
                               todo.means);
    }
    ++count;
    display.advance(index + 1);
    return success();
  });
  for (LayerToRound &todo : layers)
    for (double &mean : todo.means)
      mean /= static_cast<double>(count) * todo.layer.getNumPositions();
  return result;
}

LogicalResult QuantizePass::round(LayerToRound &todo, StagedRun *run) {
  const LinearLayer &layer = todo.layer;
  FailureOr<SmallVector<float>> tensor =
      getConstantFloats(layer.getWeightOperand().get());
  if (failed(tensor))
    return layer.getOp()->emitError("cannot read the weights");
  std::vector<float> matrix = layer.toMatrix(*tensor);
  std::vector<std::vector<double>> hessians;
  std::vector<double> columnMeans;
  if (run) {
    if (failed(run->advance(layer.getOp())))
      return failure();
    bool needsHessian =
        todo.format.rounding == "gptq" || todo.format.range == "output";
    bool isKnown = !layer.isConv() && lastInput == layer.getInput();
    SecondMoment moment(layer.groups() * layer.columns(), layer.columns());
    columnMeans.resize(layer.groups() * layer.columns());
    int64_t count = 0;
    for (size_t sample = 0; sample < run->getNumSamples(); ++sample) {
      std::vector<float> x = run->getFloats(layer.getInput(), sample);
      if (needsHessian && !isKnown)
        moment.add(layer.getColumns(x, positions, sample));
      count += layer.addColumnSums(x, columnMeans);
    }
    for (double &mean : columnMeans)
      mean /= count;
    if (needsHessian && !isKnown) {
      lastHessians.clear();
      for (int64_t group = 0; group < layer.groups(); ++group)
        lastHessians.push_back(moment.getMean(group));
      lastInput = layer.getInput();
    }
    if (needsHessian)
      hessians = lastHessians;
  }
  FailureOr<QuantizedWeights> weights =
      quantizeWeights(layer, matrix, todo.format, hessians);
  if (failed(weights))
    return failure();
  replaceWeights(layer.getWeightOperand(), *weights);
  ++numWeights;
  LayerBias bias(layer);
  if (!run || !biasCorrection || !bias.isThere())
    return success();
  // The mean output of rounded weights is W times the mean input; convolutions'
  // means have their biases in.
  std::vector<float> values = bias.get();
  int64_t groupRows = layer.rows() / layer.groups();
  for (int64_t row = 0; row < layer.rows(); ++row) {
    double mean = 0;
    const double *inputs =
        columnMeans.data() + row / groupRows * layer.columns();
    for (int64_t column = 0; column < layer.columns(); ++column)
      mean += inputs[column] * weights->reals[row * layer.columns() + column];
    double before = layer.isConv() ? 0 : values[row];
    values[row] = static_cast<float>(before + todo.means[row] - mean);
  }
  bias.set(values);
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
    bool areKnown = !biasCorrection;
    if (!areKnown &&
        failed(readMeans(function, *samples, names, statistics, areKnown)))
      return failure();
    if (!areKnown && failed(measureMeans(function, *samples, *executor)))
      return failure();
  }
  FailureOr<unsigned> count =
      quantizeActivations(function, names, plan, statistics);
  if (failed(count))
    return failure();
  numActivations += *count;
  for (auto &[operand, format] : embeddings)
    if (failed(quantizeEmbedding(*operand, format)))
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
  auto functions = module.getOps<func::FuncOp>();
  PlanOp op = getPlan(module);
  if (!llvm::hasSingleElement(functions) || !op) {
    module.emitError(
        op ? "qc-quantize needs a module with one function; import "
             "one combination of shapes"
           : "the module has no plan: run qc-assign-bits before");
    return signalPassFailure();
  }
  FailureOr<Plan> plan = Plan::get(op);
  if (failed(plan) ||
      failed(run(*functions.begin(), *plan, getTable(module, statisticsName))))
    signalPassFailure();
  layers.clear();
  embeddings.clear();
  lastInput = {};
}
