// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures a plan by what it makes.

#include "AssignmentEvaluator.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include "tensorio/TensorFile.h"

using namespace mlir;
using namespace qc;

/// Compiles `function` and calls visit(code) after the run of each sample from
/// `first` to before `end`.
static LogicalResult
runSamples(func::FuncOp function, const ExecutorInterface &executor,
           StringRef inputs, size_t first, size_t end,
           function_ref<void(const CompiledFunction &)> visit) {
  FailureOr<SampleSet> samples = SampleSet::open(function, inputs, end);
  FailureOr<std::unique_ptr<CompiledFunction>> code =
      failed(samples) ? FailureOr<std::unique_ptr<CompiledFunction>>(failure())
                      : executor.compile(function);
  if (failed(code))
    return failure();
  return samples->forEach([&](size_t sample, SampleSet::Inputs values) {
    if (sample < first)
      return success();
    if (failed((*code)->runOn(values)))
      return failure();
    visit(**code);
    return success();
  });
}

FailureOr<AssignmentEvaluator>
AssignmentEvaluator::create(func::FuncOp function,
                            const QuantizeOptions &options) {
  AssignmentEvaluator evaluator(function);
  evaluator.options = options;
  StringRef inputs = options.inputs;
  // Rounding fits its samples: on others the loss is larger.
  FailureOr<SampleSet> samples =
      SampleSet::open(function, inputs, 2 * static_cast<size_t>(options.limit));
  if (failed(samples))
    return failure();
  evaluator.end = samples->size();
  evaluator.options.limit = std::max<size_t>(evaluator.end / 2, 1);
  evaluator.first = evaluator.end > 1 ? evaluator.options.limit : 0;
  evaluator.executor = getExecutor(function);
  if (!evaluator.executor)
    return failure();
  if (!ModelComparison(function).isThere())
    return function.emitError("has no f32 output that a loss could be of");
  if (failed(runSamples(function, *evaluator.executor, inputs, evaluator.first,
                        evaluator.end, [&](const CompiledFunction &code) {
                          auto &sample = evaluator.outputs.emplace_back();
                          for (size_t i = 0; i < code.getNumOutputs(); ++i) {
                            ArrayRef<char> bytes = code.getOutput(i);
                            sample.emplace_back(bytes.begin(), bytes.end());
                          }
                        })))
    return failure();
  return evaluator;
}

LogicalResult AssignmentEvaluator::readLabels(StringRef path) {
  auto tensor = qcrt::readTensorFile(path.str());
  if (!tensor)
    return function.emitError() << tensor.message();
  auto [rows, length] = ModelComparison(function).getRows();
  if (!llvm::is_contained({QC_TYPE_INT8, QC_TYPE_UINT8, QC_TYPE_INT16,
                           QC_TYPE_UINT16, QC_TYPE_INT32, QC_TYPE_INT64},
                          tensor->type) ||
      tensor->elements() < end * rows)
    return function.emitError()
           << "'" << path << "' is " << qcrt::describe(*tensor)
           << "; accepted: a class of 8 to 64 bits for each of " << end
           << " samples with " << rows << " row" << (rows == 1 ? "" : "s");
  std::vector<double> classes = qcrt::decodeElements(*tensor);
  for (size_t i = first * rows; i < end * rows; ++i) {
    if (!(classes[i] >= 0 && classes[i] < length))
      return function.emitError() << "'" << path << "' has the class "
                                  << llvm::formatv("{0:F0}", classes[i]).str()
                                  << "; accepted: 0 to " << length - 1;
    labels.push_back(static_cast<int64_t>(classes[i]));
  }
  return success();
}

FailureOr<ModelError> AssignmentEvaluator::evaluate(const Plan &plan) {
  OwningOpRef<ModuleOp> module =
      cast<ModuleOp>(function->getParentOp()->clone());
  setPlan(*module, plan);
  PassManager manager(function.getContext(), ModuleOp::getOperationName());
  manager.addPass(createQuantize(options));
  if (failed(manager.run(*module)))
    return failure();
  ModelComparison comparison(function);
  comparison.setLabels(labels);
  auto expected = outputs.begin();
  if (failed(runSamples(*module->getOps<func::FuncOp>().begin(), *executor,
                        options.inputs, first, end,
                        [&](const CompiledFunction &code) {
                          for (auto [i, output] : llvm::enumerate(*expected++))
                            comparison.add(i, output, code.getOutput(i));
                        })))
    return failure();
  return comparison.get();
}
