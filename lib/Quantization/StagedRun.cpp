// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a function piece by piece.

#include "StagedRun.h"

#include "Parallel.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

using namespace mlir;
using namespace qc;

/// Whether `value` is a constant, or one with a wider type.
static bool isFixed(Value value) {
  if (auto cast = value.getDefiningOp<CastOp>())
    value = cast.getX();
  return isa_and_nonnull<ConstantOp>(value.getDefiningOp());
}

/// Ops that are cheaper to run again than to keep their results.
static bool isLazy(Operation *op) {
  // Weights that are rounded already.
  if (isa_and_nonnull<CastOp, DequantizeOp>(op) &&
      llvm::all_of(op->getOperands(), isFixed))
    return true;
  if (!isa_and_nonnull<DequantizeOp>(op))
    return isa_and_nonnull<ReshapeOp>(op);
  // Codes that TensorView reads: others, and scales that a run computes, would
  // save little or nothing.
  FailureOr<Quantization> parameters = getQuantization(op);
  return succeeded(parameters) && parameters->isPerTensor() &&
         (parameters->storage.getWidth() == 8 ||
          parameters->storage.getWidth() == 16);
}

/// The value to keep so that `value` can be computed again.
static Value getRoot(Value value) {
  while (isLazy(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

LogicalResult StagedRun::start(SampleSet &samples) {
  cursor = &function.getBody().front().front();
  LogicalResult result = samples.forEach([&](size_t, SampleSet::Inputs inputs) {
    for (auto [argument, bytes] :
         llvm::zip_equal(function.getArguments(), inputs))
      store[argument].emplace_back(bytes.begin(), bytes.end());
    return success();
  });
  numSamples = samples.size();
  return result;
}

/// Whether ops from `end` on read `value`, perhaps through lazy ones before.
bool StagedRun::isLive(Value value, Operation *end) const {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (user->hasTrait<OpTrait::IsTerminator>())
      return false;
    return !user->isBeforeInBlock(end) ||
           (isLazy(user) && isLive(user->getResult(0), end));
  });
}

LogicalResult StagedRun::advance(Operation *end) {
  SmallVector<Value> results, arguments;
  llvm::DenseSet<Value> seen;
  for (Operation *op = cursor; op != end; op = op->getNextNode()) {
    if (isa<ConstantOp>(op) || isLazy(op))
      continue;
    for (Value result : op->getResults())
      if (isLive(result, end))
        results.push_back(result);
  }
  cursor = end;
  if (results.empty())
    return success();
  // What they depend on of what is kept.
  SmallVector<Value> worklist(results);
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (store.contains(value))
      arguments.push_back(value);
    else if (Operation *op = value.getDefiningOp())
      llvm::append_range(worklist, op->getOperands());
  }
  OwningOpRef<ModuleOp> stage = extractFunction(arguments, results);
  size_t numCopies = std::min(getBatchSize(function.getContext()), numSamples);
  auto copies = executor.compileForMany(*stage->getOps<func::FuncOp>().begin(),
                                        numCopies);
  if (failed(copies))
    return failure();
  for (Value result : results)
    store[result].resize(numSamples);
  if (failed(failableParallelForEach(
          function.getContext(), llvm::seq<size_t>(0, numCopies),
          [&](size_t copy) {
            CompiledFunction &code = *(*copies)[copy];
            for (size_t sample = copy; sample < numSamples;
                 sample += numCopies) {
              SmallVector<ArrayRef<char>> values;
              for (Value argument : arguments)
                values.push_back(store.find(argument)->second[sample]);
              if (failed(code.runOn(values)))
                return failure();
              for (auto [index, result] : llvm::enumerate(results)) {
                ArrayRef<char> bytes = code.getOutput(index);
                store.find(result)->second[sample].assign(bytes.begin(),
                                                          bytes.end());
              }
            }
            return success();
          })))
    return failure();
  size_t bytes = 0;
  for (auto &[value, samples] : store)
    for (const std::vector<char> &sample : samples)
      bytes += sample.size();
  peakBytes = std::max(peakBytes, bytes);
  for (Value value : llvm::to_vector(llvm::make_first_range(store)))
    if (!isLive(value, end))
      store.erase(value);
  return success();
}

TensorView StagedRun::getView(Value value, size_t sample) const {
  Value root = getRoot(value);
  auto it = store.find(root);
  assert(it != store.end() && "only what ops still read is kept");
  const std::vector<char> &bytes = it->second[sample];
  if (isa<Float32Type>(cast<RankedTensorType>(root.getType()).getElementType()))
    return toFloats(bytes);
  // Codes: find the dequantize on the way.
  Operation *op = value.getDefiningOp();
  while (!isa<DequantizeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  Quantization parameters = *getQuantization(op);
  bool isWide = parameters.storage.getWidth() > 8,
       isUnsigned = parameters.storage.isUnsigned();
  using Element = TensorView::Element;
  return TensorView(bytes,
                    isWide ? (isUnsigned ? Element::UI16 : Element::SI16)
                           : (isUnsigned ? Element::UI8 : Element::SI8),
                    parameters.scale(), parameters.zero());
}
