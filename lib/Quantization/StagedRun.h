// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a function piece by piece on all samples, so that what comes later may
// still be changed: sequential rounding.
#ifndef QC_LIB_QUANTIZATION_STAGEDRUN_H
#define QC_LIB_QUANTIZATION_STAGEDRUN_H

#include "qc/Analysis/Executor.h"
#include "qc/Quantization/SampleSet.h"
#include "qc/Quantization/TensorView.h"

#include <vector>

namespace qc {

/// Keeps, for every sample, the values that ops not yet run still read, in
/// their storage format (codes where the graph has codes).
class StagedRun {
public:
  StagedRun(mlir::func::FuncOp function, const ExecutorInterface &executor)
      : function(function), executor(executor) {}

  /// Reads the samples' inputs.
  mlir::LogicalResult start(SampleSet &samples);
  /// Runs all ops before `end`, which ran not before. Ops from `end` on may be
  /// changed afterwards.
  mlir::LogicalResult advance(mlir::Operation *end);

  size_t getNumSamples() const { return numSamples; }
  /// An f32 value that ops not yet run read, in one sample: valid until the
  /// next advance().
  TensorView getView(mlir::Value value, size_t sample) const;
  /// Bytes that the kept values take now, and the most that they took.
  size_t getPeakBytes() const { return peakBytes; }

private:
  bool isLive(mlir::Value value, mlir::Operation *end) const;

  mlir::func::FuncOp function;
  const ExecutorInterface &executor;
  size_t numSamples = 0, peakBytes = 0;
  /// The first op that did not run; null: none did.
  mlir::Operation *cursor = nullptr;
  llvm::DenseMap<mlir::Value, std::vector<std::vector<char>>> store;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_STAGEDRUN_H
