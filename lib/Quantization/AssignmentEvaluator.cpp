// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures a plan by what it makes.

#include "AssignmentEvaluator.h"

#include "qc/Quantization/Passes.h"

#include "mlir/Pass/PassManager.h"

using namespace mlir;
using namespace qc;

/// Compiles `function` and calls visit(sample, code) after each sample's run.
static LogicalResult
runSamples(func::FuncOp function, const ExecutorInterface &executor,
           StringRef inputs, unsigned limit,
           function_ref<void(size_t, const CompiledFunction &)> visit) {
  FailureOr<SampleSet> samples = SampleSet::open(function, inputs, limit);
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      failed(samples) ? FailureOr<std::unique_ptr<CompiledFunction>>(failure())
                      : executor.compile(function);
  if (failed(code))
    return failure();
  return samples->forEach([&](size_t sample, SampleSet::Inputs values) {
    for (auto [index, value] : llvm::enumerate(values))
      llvm::copy(value, (*code)->getInput(index).begin());
    if (failed((*code)->run()))
      return failure();
    visit(sample, **code);
    return success();
  });
}

FailureOr<AssignmentEvaluator>
AssignmentEvaluator::create(func::FuncOp function, StringRef inputs,
                            unsigned limit) {
  AssignmentEvaluator evaluator(function);
  evaluator.inputs = inputs.str();
  evaluator.limit = limit;
  evaluator.executor = getExecutor(function);
  if (!evaluator.executor)
    return failure();
  if (!ModelComparison(function).isThere())
    return function.emitError("has no f32 output that a loss could be of");
  if (failed(runSamples(function, *evaluator.executor, inputs, limit,
                        [&](size_t, const CompiledFunction &code) {
                          auto &sample = evaluator.outputs.emplace_back();
                          for (size_t i = 0; i < code.getNumOutputs(); ++i) {
                            ArrayRef<char> bytes = code.getOutput(i);
                            sample.emplace_back(bytes.begin(), bytes.end());
                          }
                        })))
    return failure();
  return evaluator;
}

FailureOr<ModelError> AssignmentEvaluator::evaluate(const Plan &plan) {
  OwningOpRef<ModuleOp> module =
      cast<ModuleOp>(function->getParentOp()->clone());
  setPlan(*module, plan);
  PassManager manager(function.getContext(), ModuleOp::getOperationName());
  QuantizeOptions options;
  options.inputs = inputs;
  options.limit = limit;
  manager.addPass(createQuantize(options));
  if (failed(manager.run(*module)))
    return failure();
  ModelComparison comparison(function);
  if (failed(
          runSamples(*module->getOps<func::FuncOp>().begin(), *executor, inputs,
                     limit, [&](size_t sample, const CompiledFunction &code) {
                       for (auto [i, output] : llvm::enumerate(outputs[sample]))
                         comparison.add(i, output, code.getOutput(i));
                     })))
    return failure();
  return comparison.get();
}
