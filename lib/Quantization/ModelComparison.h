// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a model's outputs are from those of the float model.
#ifndef QC_LIB_QUANTIZATION_MODELCOMPARISON_H
#define QC_LIB_QUANTIZATION_MODELCOMPARISON_H

#include "qc/Analysis/Metrics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <vector>

namespace qc {

/// What the whole model loses.
struct ModelError {
  /// Sum over outputs of the error's power by the output's power.
  double relativeSquare = 0;
  /// Mean Kullback-Leibler divergence of the last dimension in nats, of the
  /// worst output.
  double divergence = 0;
  /// Share of rows of the last dimension whose largest elements agree, of the
  /// worst output.
  double agreement = 1;
  /// Share of rows of the first output whose largest element is the label's; 0
  /// without labels.
  double accuracy = 0;

  double getSQNR() const { return getDecibels(1, relativeSquare); }
};

/// Sums over samples. Only f32 outputs count; those of a softmax are taken as
/// the probabilities that they are, others as logits.
class ModelComparison {
public:
  explicit ModelComparison(mlir::func::FuncOp function);

  /// Whether any output counts.
  bool isThere() const;
  /// Rows of the last dimension that one sample has of the first output that
  /// counts, and their length.
  std::pair<int64_t, int64_t> getRows() const;
  /// The classes of all rows of that output that will be added, in order.
  void setLabels(llvm::ArrayRef<int64_t> classes) { labels = classes; }
  /// Bytes of output `index` of one sample, in storage format.
  void add(size_t index, llvm::ArrayRef<char> reference,
           llvm::ArrayRef<char> other);
  ModelError get() const;
  /// Samples in which a counted output of the reference has a NaN: what is far
  /// from it is not known.
  size_t getNumUndefined() const;

private:
  struct Output {
    bool counts, isSoftmax;
    int64_t length, rows;
    double noise = 0, power = 0;
    size_t numUndefined = 0;
    LogitComparison logits;
  };
  std::vector<Output>::const_iterator findFirst() const;
  void countLabels(llvm::ArrayRef<float> values);

  std::vector<Output> outputs;
  llvm::ArrayRef<int64_t> labels;
  size_t numLabelled = 0, numRight = 0;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_MODELCOMPARISON_H
