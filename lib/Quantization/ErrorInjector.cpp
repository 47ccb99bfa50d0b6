// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float model whose layers can be given a share of a rounding error.

#include "ErrorInjector.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/IR/IRMapping.h"

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
  ErrorInjector injector;
  injector.numInputs = function.getNumArguments();

  OpBuilder builder(function.getContext());
  auto shareType = RankedTensorType::get(1, builder.getF32Type());
  for (auto [index, layer] : llvm::enumerate(layers)) {
    Operation *op = mapping.lookup(layer.getOp());
    auto name = builder.getNamedAttr(
        "qc.name", builder.getStringAttr("share of error " + Twine(index)));
    unsigned argument = clone.getNumArguments();
    if (failed(clone.insertArgument(argument, shareType,
                                    builder.getDictionaryAttr(name),
                                    op->getLoc())))
      return op->emitError("cannot take an error as an argument");
    builder.setInsertionPointAfter(op);
    Value result = op->getResult(0);
    Value error = buildError(builder, op, layer, *errors[index],
                             clone.getArgument(argument));
    auto sum =
        AddOp::create(builder, op->getLoc(), result.getType(), result, error);
    result.replaceAllUsesExcept(sum, sum);
  }
  FailureOr<std::unique_ptr<CompiledFunction>> code = executor.compile(clone);
  if (failed(code))
    return failure();
  injector.code = std::move(*code);
  return injector;
}

void ErrorInjector::setShare(size_t index, float share) {
  std::memcpy(code->getInput(numInputs + index).data(), &share, sizeof share);
}

LogicalResult ErrorInjector::addSample(SampleSet::Inputs inputs) {
  Sample sample;
  for (auto [index, input] : llvm::enumerate(inputs)) {
    llvm::copy(input, code->getInput(index).begin());
    sample.inputs.emplace_back(input.begin(), input.end());
  }
  if (failed(code->run()))
    return failure();
  for (size_t i = 0; i < code->getNumOutputs(); ++i) {
    ArrayRef<char> bytes = code->getOutput(i);
    sample.outputs.emplace_back(bytes.begin(), bytes.end());
  }
  samples.push_back(std::move(sample));
  return success();
}

LogicalResult ErrorInjector::run(size_t index, ModelComparison &comparison) {
  const Sample &sample = samples[index];
  for (auto [i, input] : llvm::enumerate(sample.inputs))
    llvm::copy(input, code->getInput(i).begin());
  if (failed(code->run()))
    return failure();
  for (auto [i, output] : llvm::enumerate(sample.outputs))
    comparison.add(i, output, code->getOutput(i));
  return success();
}
