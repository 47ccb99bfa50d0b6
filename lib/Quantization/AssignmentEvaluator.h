// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures a plan by what it makes: the quantized model, compiled and run.
#ifndef QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H
#define QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H

#include "ModelComparison.h"

#include "qc/Analysis/Executor.h"
#include "qc/Analysis/Plan.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/SampleSet.h"

namespace qc {

class AssignmentEvaluator {
public:
  /// Runs the module's function, which is float. Models are quantized as
  /// `options` say: at most `limit` samples of their inputs are for rounding
  /// and as many others for the comparison: half of them each where there are
  /// fewer, all for both where there is only one. 0: no limit.
  static mlir::FailureOr<AssignmentEvaluator>
  create(mlir::func::FuncOp function, const QuantizeOptions &options);

  /// Reads the classes of all samples (a class per row of the first output, a
  /// file of integers as SampleSet's), so that errors have an accuracy. Fails
  /// with an error that names the file.
  mlir::LogicalResult readLabels(llvm::StringRef path);

  /// Quantizes a copy of the module by `plan` (qc-quantize), compiles it and
  /// compares its outputs.
  mlir::FailureOr<ModelError> evaluate(const Plan &plan);

private:
  AssignmentEvaluator(mlir::func::FuncOp function) : function(function) {}

  mlir::func::FuncOp function;
  QuantizeOptions options;
  /// Of the samples that are compared.
  std::vector<int64_t> labels;
  /// Samples for rounding, and those that are compared.
  size_t first = 0, end = 0;
  const ExecutorInterface *executor = nullptr;
  /// By compared sample and output.
  std::vector<std::vector<std::vector<char>>> outputs;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H
