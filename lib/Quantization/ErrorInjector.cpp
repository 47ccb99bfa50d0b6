// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float model whose layers or activations can be given a share of a rounding
// error.

#include "ErrorInjector.h"

#include "Parallel.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace qc;

/// Builds share * (D x - m) behind `op`, a copy of the layer's.
static Value buildError(OpBuilder &builder, Operation *op,
                        const LinearLayer &layer, const WeightError &error,
                        Value share) {
  Location loc = op->getLoc();
  auto constant = [&](ArrayRef<int64_t> shape, ArrayRef<float> values) {
    ElementsAttr attribute = getFloatsAttr(builder.getContext(), shape, values);
    return ConstantOp::create(builder, loc,
                              cast<Type>(attribute.getShapedType()), attribute);
  };
  std::vector<float> means(error.means);
  for (float &mean : means)
    mean = -mean;
  Value weights =
      constant(layer.getWeightType().getShape(), layer.toTensor(error.weights));
  Value shift = constant(layer.rows(), means);
  Type type = op->getResult(0).getType();
  Operation *twin = builder.clone(*op);
  twin->setOperand(1, weights);
  Value result = twin->getResult(0);
  if (auto conv = dyn_cast<ConvOp>(twin))
    conv.getBiasMutable().assign(shift);
  else
    result = AddOp::create(builder, loc, type, result, shift);
  return MulOp::create(builder, loc, type, result, share);
}

/// A new argument of `function`, one number.
static FailureOr<Value> addShare(func::FuncOp function, Operation *op) {
  Builder builder(function.getContext());
  unsigned argument = function.getNumArguments();
  if (failed(function.insertArgument(
          argument, RankedTensorType::get(1, builder.getF32Type()),
          builder.getDictionaryAttr({}), op->getLoc())))
    return op->emitError("cannot take an error as an argument");
  return function.getArgument(argument);
}

FailureOr<ErrorInjector>
ErrorInjector::create(func::FuncOp function, ArrayRef<DequantizeOp> pairs,
                      const ExecutorInterface &executor) {
  ErrorInjector injector(function.getContext());
  injector.shares.resize(pairs.size());
  size_t numInputs = function.getNumArguments();
  SmallVector<Site> sites;
  for (DequantizeOp rounded : pairs) {
    auto codes = rounded.getQ().getDefiningOp<QuantizeOp>();
    FailureOr<Value> share = addShare(function, rounded);
    if (failed(share))
      return failure();
    Site &site = sites.emplace_back(Site{codes, 1});
    for (Operation *reader : rounded->getUsers())
      if (std::optional<LinearLayer> layer = LinearLayer::get(reader))
        site.macs += layer->macs();
    OpBuilder builder(function.getContext());
    builder.setInsertionPointAfter(rounded);
    Location loc = rounded.getLoc();
    Value exact = codes.getX();
    Value error = SubOp::create(builder, loc, rounded, exact);
    Value part = MulOp::create(builder, loc, error.getType(), error, *share);
    Value sum = AddOp::create(builder, loc, error.getType(), exact, part);
    rounded.getResult().replaceAllUsesExcept(sum, error.getDefiningOp());
  }
  if (failed(injector.compile(function, numInputs, sites, executor)))
    return failure();
  return injector;
}

FailureOr<ErrorInjector>
ErrorInjector::create(func::FuncOp function, ArrayRef<LinearLayer> layers,
                      ArrayRef<const WeightError *> errors,
                      const ExecutorInterface &executor) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(function.getLoc());
  if (auto outer = function->getParentOfType<ModuleOp>())
    (*module)->setDiscardableAttrs(
        outer->getDiscardableAttrDictionary().getValue());
  IRMapping mapping;
  auto clone = cast<func::FuncOp>(function->clone(mapping));
  module->push_back(clone);
  ErrorInjector injector(function.getContext());
  injector.shares.resize(layers.size());
  size_t numInputs = function.getNumArguments();

  OpBuilder builder(function.getContext());
  SmallVector<Site> sites;
  for (auto [index, layer] : llvm::enumerate(layers)) {
    Operation *op = mapping.lookup(layer.getOp());
    sites.push_back({op, layer.macs()});
    FailureOr<Value> share = addShare(clone, op);
    if (failed(share))
      return failure();
    builder.setInsertionPointAfter(op);
    Value result = op->getResult(0);
    Value error = buildError(builder, op, layer, *errors[index], *share);
    auto sum =
        AddOp::create(builder, op->getLoc(), result.getType(), result, error);
    result.replaceAllUsesExcept(sum, sum);
  }
  if (failed(injector.compile(clone, numInputs, sites, executor)))
    return failure();
  return injector;
}

/// The part of each op, in order: a part begins with a site.
SmallVector<size_t> ErrorInjector::choosePartOf(Block &block,
                                                ArrayRef<Site> sites) {
  constexpr double numParts = 4;
  double total = 0, done = 0;
  llvm::DenseMap<Operation *, int64_t> macs;
  for (const Site &site : sites) {
    total += static_cast<double>(site.macs);
    macs[site.op] = site.macs;
  }
  SmallVector<size_t> partOf;
  size_t part = 0;
  for (Operation &op : block.without_terminator()) {
    if (auto site = macs.find(&op); site != macs.end()) {
      if (done >= total / numParts * static_cast<double>(part + 1))
        ++part;
      done += static_cast<double>(site->second);
    }
    partOf.push_back(part);
  }
  return partOf;
}

LogicalResult ErrorInjector::compile(func::FuncOp function, size_t numInputs,
                                     ArrayRef<Site> sites,
                                     const ExecutorInterface &executor) {
  Block &block = function.getBody().front();
  SmallVector<size_t> partOf = choosePartOf(block, sites);
  size_t numParts = partOf.empty() ? 0 : partOf.back() + 1;
  llvm::DenseMap<Operation *, size_t> partOfOp;
  for (auto [op, part] : llvm::zip_equal(block.without_terminator(), partOf))
    partOfOp[&op] = part;
  // Number what is handed on; constants are copied.
  llvm::MapVector<Value, size_t> numbers;
  for (size_t i = 0; i < numInputs; ++i)
    numbers[block.getArgument(i)] = i;
  std::vector<SmallVector<Value>> results(numParts), arguments(numParts);
  for (Operation &op : block.without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    for (Value result : op.getResults())
      if (llvm::any_of(result.getUsers(), [&](Operation *user) {
            auto it = partOfOp.find(user);
            return it == partOfOp.end() || it->second != partOfOp[&op];
          })) {
        numbers.try_emplace(result, numbers.size());
        results[partOfOp[&op]].push_back(result);
      }
  }
  numValues = numbers.size();
  parts.resize(numParts);
  for (Operation &op : block.without_terminator()) {
    size_t part = partOfOp[&op];
    for (Value operand : op.getOperands()) {
      auto it = numbers.find(operand);
      if (it == numbers.end() || llvm::is_contained(arguments[part], operand))
        continue;
      Operation *producer = operand.getDefiningOp();
      if (producer && partOfOp[producer] == part)
        continue;
      arguments[part].push_back(operand);
      parts[part].inputs.push_back(it->second);
    }
  }
  for (auto [index, site] : llvm::enumerate(sites)) {
    size_t part = partOfOp[site.op];
    parts[part].errors.push_back(index);
    arguments[part].push_back(block.getArgument(numInputs + index));
  }
  for (auto [index, part] : llvm::enumerate(parts)) {
    if (results[index].empty())
      continue;
    for (Value result : results[index])
      part.outputs.push_back(numbers[result]);
    OwningOpRef<ModuleOp> module =
        extractFunction(arguments[index], results[index]);
    auto copies = executor.compileForMany(
        *module->getOps<func::FuncOp>().begin(), getBatchSize(context));
    if (failed(copies))
      return failure();
    part.copies = std::move(*copies);
  }
  for (Value output : block.getTerminator()->getOperands()) {
    auto it = numbers.find(output);
    outputs.push_back(it == numbers.end() ? std::nullopt
                                          : std::optional(it->second));
  }
  return success();
}

FailureOr<CompiledFunction *>
ErrorInjector::runPart(const Part &part, size_t copy,
                       ArrayRef<ArrayRef<char>> values) const {
  CompiledFunction *code = part.copies[copy].get();
  SmallVector<ArrayRef<char>> arguments;
  for (size_t value : part.inputs)
    arguments.push_back(values[value]);
  for (size_t error : part.errors)
    arguments.push_back(ArrayRef(reinterpret_cast<const char *>(&shares[error]),
                                 sizeof(float)));
  if (failed(code->runOn(arguments)))
    return failure();
  return code;
}

LogicalResult ErrorInjector::addSample(SampleSet::Inputs inputs) {
  std::vector<Bytes> kept(numValues);
  std::vector<ArrayRef<char>> values(numValues);
  auto keep = [&](size_t value, ArrayRef<char> bytes) {
    kept[value].assign(bytes.begin(), bytes.end());
    values[value] = kept[value];
  };
  for (auto [value, input] : llvm::enumerate(inputs))
    keep(value, input);
  for (const Part &part : parts) {
    if (part.copies.empty())
      continue;
    FailureOr<CompiledFunction *> code = runPart(part, 0, values);
    if (failed(code))
      return failure();
    for (auto [index, value] : llvm::enumerate(part.outputs))
      keep(value, (*code)->getOutput(index));
  }
  samples.push_back(std::move(kept));
  return success();
}

/// The outputs of a sample with the shares as they are.
FailureOr<std::vector<ErrorInjector::Bytes>>
ErrorInjector::run(size_t sample) const {
  std::vector<ArrayRef<char>> values(samples[sample].begin(),
                                     samples[sample].end());
  bool hasError = false;
  for (const Part &part : parts) {
    hasError |= llvm::any_of(part.errors,
                             [&](size_t error) { return shares[error] != 0; });
    if (!hasError || part.copies.empty())
      continue;
    FailureOr<CompiledFunction *> code =
        runPart(part, sample % getBatchSize(context), values);
    if (failed(code))
      return failure();
    // No other part writes there.
    for (auto [index, value] : llvm::enumerate(part.outputs))
      values[value] = (*code)->getOutput(index);
  }
  std::vector<Bytes> results;
  for (std::optional<size_t> output : outputs)
    results.push_back(
        output ? Bytes(values[*output].begin(), values[*output].end())
               : Bytes());
  return results;
}

LogicalResult ErrorInjector::run(ModelComparison &comparison) const {
  bool hasFailed = false;
  size_t sample = 0;
  produceInOrder(
      context, samples.size(), [&](size_t index) { return run(index); },
      [&](FailureOr<std::vector<Bytes>> results) {
        hasFailed |= failed(results);
        for (size_t i = 0; succeeded(results) && i < outputs.size(); ++i)
          if (outputs[i])
            comparison.add(i, samples[sample][*outputs[i]], (*results)[i]);
        ++sample;
      });
  return failure(hasFailed);
}
