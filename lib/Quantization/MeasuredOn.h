// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the numbers of a table file were measured on.
#ifndef QC_LIB_QUANTIZATION_MEASUREDON_H
#define QC_LIB_QUANTIZATION_MEASUREDON_H

#include "qc/Quantization/SampleSet.h"

#include "llvm/Support/JSON.h"

namespace qc {

/// Digests of a model's constants and of sample inputs, so that a table that is
/// gone on from does not mix numbers of two models or two sets of inputs. A
/// file has them beside its nodes, under a name that no node has:
///
///   "#measured-on": {"constants": "01…ef", "samples": {"1": "…", "2": "…",
///                    "4": "…", "5": "…"}}
///
/// They are of bytes, not of names: files may be moved, regrouped and read
/// another way. Digest N is of the first N samples, and there is one for each
/// power of two and for all, so that more or fewer samples can follow in the
/// same order. A file without the member (written by hand) is taken as it is;
/// what it says is not checked.
class MeasuredOn {
public:
  /// Takes the member out of a file's entries. Fails with an error at `loc`.
  mlir::LogicalResult load(mlir::Location loc, llvm::StringRef file,
                           llvm::json::Object &entries);
  /// Compares with the function's constants and, where there are any, the
  /// samples, and adds what is new. An error at the function says what differs
  /// and what to delete.
  mlir::LogicalResult check(mlir::func::FuncOp function, llvm::StringRef file,
                            const SampleSet *samples);
  /// Adds the member to what is written to a file.
  void addTo(llvm::json::Object &entries) const;

private:
  std::string constants;
  /// By number of samples.
  std::map<size_t, std::string> samples;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_MEASUREDON_H
