// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures a plan by what it makes: the quantized model, compiled and run.
#ifndef QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H
#define QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H

#include "ModelComparison.h"

#include "qc/Analysis/Executor.h"
#include "qc/Analysis/Plan.h"
#include "qc/Quantization/SampleSet.h"

namespace qc {

class AssignmentEvaluator {
public:
  /// Runs the module's function, which is float, on at most `limit` samples.
  static mlir::FailureOr<AssignmentEvaluator>
  create(mlir::func::FuncOp function, llvm::StringRef inputs, unsigned limit);

  /// Quantizes a copy of the module by `plan` with the same samples
  /// (qc-quantize), compiles it and compares its outputs.
  mlir::FailureOr<ModelError> evaluate(const Plan &plan);

private:
  AssignmentEvaluator(mlir::func::FuncOp function) : function(function) {}

  mlir::func::FuncOp function;
  std::string inputs;
  unsigned limit = 0;
  const ExecutorInterface *executor = nullptr;
  /// By sample and output.
  std::vector<std::vector<std::vector<char>>> outputs;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_ASSIGNMENTEVALUATOR_H
