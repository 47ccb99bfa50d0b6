// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float model, compiled once, whose layers or activations can be given a
// share of a rounding error: the whole model's loss for any of them without a
// compile of its own.
//
// A layer y = W x + b becomes y = W x + b + s (D x - m) with the constant error
// D of its weights, what bias correction takes away in m, and the share s, an
// argument: two convolutions by constants. (A function whose weights are
// arguments would serve every format, but weights that come at run time are not
// packed: it ran 9 times slower on MobileNetV2 and 25 times on ResNet-20.) An
// activation x becomes x + s (q(x) - x), where q rounds.
//
// The model is cut into parts of about the same cost. What a part hands on is
// kept of the run without errors, so that a run begins with the part of the
// first error: five eighths of the work for a model whose layers cost the same.
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

  /// One error per pair of qc.quantize and qc.dequantize, whose roundings
  /// `function`, which changes, then only has by its shares.
  static mlir::FailureOr<ErrorInjector>
  create(mlir::func::FuncOp function, llvm::ArrayRef<DequantizeOp> pairs,
         const ExecutorInterface &executor);

  /// Runs a sample without errors and keeps its inputs and outputs.
  mlir::LogicalResult addSample(SampleSet::Inputs inputs);
  size_t getNumSamples() const { return samples.size(); }

  /// The share of error `index`, 0 at first.
  void setShare(size_t index, float share) { shares[index] = share; }
  /// Runs all samples with the shares as they are and compares the outputs.
  mlir::LogicalResult run(ModelComparison &comparison) const;

private:
  /// Values that parts hand on are numbered, the function's inputs first.
  struct Part {
    /// One for each run at a time.
    llvm::SmallVector<std::unique_ptr<CompiledFunction>> copies;
    /// What its arguments are, before the shares, and its results.
    llvm::SmallVector<size_t> inputs, outputs;
    /// Errors whose shares follow.
    llvm::SmallVector<size_t> errors;
  };
  /// The first op that reads an error's share, and the multiply-accumulates
  /// from there to the next one.
  struct Site {
    mlir::Operation *op;
    int64_t macs;
  };
  using Bytes = std::vector<char>;

  explicit ErrorInjector(mlir::MLIRContext *context) : context(context) {}
  static llvm::SmallVector<size_t> choosePartOf(mlir::Block &block,
                                                llvm::ArrayRef<Site> sites);
  mlir::LogicalResult compile(mlir::func::FuncOp function, size_t numInputs,
                              llvm::ArrayRef<Site> sites,
                              const ExecutorInterface &executor);
  mlir::FailureOr<CompiledFunction *>
  runPart(const Part &part, size_t copy,
          llvm::ArrayRef<llvm::ArrayRef<char>> values) const;
  mlir::FailureOr<std::vector<Bytes>> run(size_t sample) const;

  mlir::MLIRContext *context;
  llvm::SmallVector<Part, 0> parts;
  size_t numValues = 0;
  /// The values that are the model's outputs; none for constants.
  std::vector<std::optional<size_t>> outputs;
  /// Of each error.
  std::vector<float> shares;
  /// Of each sample all values without errors.
  std::vector<std::vector<Bytes>> samples;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_ERRORINJECTOR_H
