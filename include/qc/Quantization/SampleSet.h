// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs to calibrate with, from files or from the program that embeds qc.
#ifndef QC_QUANTIZATION_SAMPLESET_H
#define QC_QUANTIZATION_SAMPLESET_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectInterface.h"

#include <functional>
#include <map>
#include <string>

namespace qc {

/// Gives sample `index` (0, 1, …; each pass over the samples begins with 0
/// again): appends the bytes of each input in storage format, which must stay
/// until the next call. False: there are no more.
using SampleSource = std::function<bool(
    size_t index, llvm::SmallVectorImpl<llvm::ArrayRef<char>> &inputs)>;

/// The sources of a context: what option `inputs` of passes, or `calibration`
/// of the pipeline, calls callback:NAME.
class SampleSources : public mlir::DialectInterface::Base<SampleSources> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SampleSources)
  SampleSources(mlir::Dialect *dialect) : Base(dialect) {}

  /// Adds or replaces a source. Not while passes run.
  static void add(mlir::MLIRContext &context, llvm::StringRef name,
                  SampleSource source);
  /// Null where there is no such source.
  static const SampleSource *find(mlir::MLIRContext &context,
                                  llvm::StringRef name);

private:
  std::map<std::string, SampleSource, std::less<>> sources;
};

/// Samples for one function, read one file at a time. `path` is
///
/// - an .npz file with an array per input, or an .npy file if there is one
///   input,
/// - or a folder of such files, in the order of their names,
/// - or a folder of folders with input_0.pb, input_1.pb … (ONNX test data),
/// - or callback:NAME, a source of the context (SampleSources).
///
/// An array has the input's type, and its shape or a multiple of it in the
/// first dimension: then it holds several samples.
class SampleSet {
public:
  using Inputs = llvm::ArrayRef<llvm::ArrayRef<char>>;

  /// Lists the files and reads them once to count samples: a file that does not
  /// fit is found before any work. At most `limit` samples are used (0: all).
  /// Fails with an error at the function that names the path.
  static mlir::FailureOr<SampleSet> open(mlir::func::FuncOp function,
                                         llvm::StringRef path, size_t limit);

  /// Calls `visit` with the inputs' bytes (storage format) for each sample in
  /// order. Fails when a file does not fit, with an error that names it and
  /// says what is accepted, when there are fewer samples than were counted, and
  /// when `visit` fails.
  mlir::LogicalResult
  forEach(llvm::function_ref<mlir::LogicalResult(size_t, Inputs)> visit);

  /// Number of samples: what is drawn of each depends on it.
  size_t size() const { return digests.size(); }
  /// A digest of the inputs' bytes of the first `numSamples`, 1 to size().
  uint64_t getDigest(size_t numSamples) const {
    return digests[numSamples - 1];
  }
  /// What was opened.
  llvm::StringRef getName() const { return name; }

private:
  /// The set with a digest of each sample.
  mlir::FailureOr<SampleSet> countSamples(size_t limit);
  /// Visits at most `limit` samples; returns how many.
  mlir::FailureOr<size_t>
  visitUpTo(size_t limit,
            llvm::function_ref<mlir::LogicalResult(size_t, Inputs)> visit);
  mlir::FailureOr<size_t>
  visitSource(size_t limit,
              llvm::function_ref<mlir::LogicalResult(size_t, Inputs)> visit);

  mlir::func::FuncOp function;
  std::string name;
  /// Of samples that are not in files.
  const SampleSource *source = nullptr;
  /// Files of each step: one, or one per input.
  llvm::SmallVector<llvm::SmallVector<std::string, 1>, 0> files;
  /// Of each sample and all before it.
  std::vector<uint64_t> digests;
};

} // namespace qc

#endif // QC_QUANTIZATION_SAMPLESET_H
