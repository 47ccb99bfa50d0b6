// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float model, compiled once, whose layers can be given a share of a rounding
// error: the whole model's loss for any of them without a compile of its own.
//
// A layer y = W x + b becomes y = W x + b + s (D x - m) with the constant error
// D of its weights, what bias correction takes away in m, and the share s, an
// argument: two convolutions by constants. (A function whose weights are
// arguments would serve every format, but weights that come at run time are not
// packed: it ran 9 times slower on MobileNetV2 and 25 times on ResNet-20.)
#ifndef QC_LIB_QUANTIZATION_ERRORINJECTOR_H
#define QC_LIB_QUANTIZATION_ERRORINJECTOR_H

#include "ModelComparison.h"

#include "qc/Analysis/Executor.h"
#include "qc/Quantization/LinearLayer.h"
#include "qc/Quantization/SampleSet.h"

namespace qc {

/// The error of a layer's weights, rows x columns, and of its mean outputs.
struct WeightError {
  std::vector<float> weights, means;
};

class ErrorInjector {
public:
  /// One error per layer. Fails with a diagnostic.
  static mlir::FailureOr<ErrorInjector>
  create(mlir::func::FuncOp function, llvm::ArrayRef<LinearLayer> layers,
         llvm::ArrayRef<const WeightError *> errors,
         const ExecutorInterface &executor);

  /// Runs a sample without errors and keeps its inputs and outputs.
  mlir::LogicalResult addSample(SampleSet::Inputs inputs);
  size_t getNumSamples() const { return samples.size(); }

  /// The share of layer `index`'s error, 0 at first.
  void setShare(size_t index, float share);
  /// Runs a sample with the shares as they are and compares the outputs.
  mlir::LogicalResult run(size_t sample, ModelComparison &comparison);

private:
  struct Sample {
    std::vector<std::vector<char>> inputs, outputs;
  };
  std::unique_ptr<CompiledFunction> code;
  size_t numInputs = 0;
  std::vector<Sample> samples;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_ERRORINJECTOR_H
