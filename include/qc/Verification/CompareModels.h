// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far the nodes of one form of a model are from those of another: float,
// quantized, integer, compiled.
#ifndef QC_VERIFICATION_COMPAREMODELS_H
#define QC_VERIFICATION_COMPAREMODELS_H

#include "qc/Analysis/Executor.h"

#include "llvm/Support/JSON.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace qc {

/// One form of a model: a function of the graph, QDQ or integer level, or a
/// compiled library, which has outputs and no nodes.
struct ModelForm {
  mlir::func::FuncOp function;
  std::unique_ptr<CompiledFunction> library;
  llvm::SmallVector<std::string> libraryInputs, libraryOutputs;
  /// What messages call it.
  std::string path;
};

/// A node's result over all samples.
struct NodeComparison {
  /// The node, or an output's name.
  std::string node;
  bool isOutput = false;
  /// Mnemonic of the op in the reference.
  std::string op;
  /// 10 log10(sum r^2 / sum (r - o)^2).
  double sqnr = 0;
  /// <r, o> / (|r| |o|).
  double cosine = 0;
  /// Largest |r - o|; none where the other form has codes: these are compared
  /// after the affine map that fits best.
  std::optional<double> maxError;
  /// SQNR of the worst node before it that was compared; none at the beginning.
  std::optional<double> inputs;
  /// Who decided what for this node: its line of the other form's plan.
  std::string decision;
};

struct ModelsComparison {
  /// Worst SQNR first.
  std::vector<NodeComparison> nodes;
  size_t samples = 0;

  /// The node that adds most noise to that of its inputs; null without nodes.
  const NodeComparison *getNoisiest() const;
};

/// Runs both forms on the samples of `inputs` (qc/Quantization/SampleSet.h; at
/// most `limit`, 0 for all) as compiled code with every matched node as an
/// output (qc/Analysis/NodeResults.h). Keeps sums, never values: memory does
/// not depend on the number of samples. `reference` has a function, and if
/// `other` has none only outputs are compared. Fails with an error that names
/// the form.
mlir::FailureOr<ModelsComparison> compareModels(ModelForm &reference,
                                                ModelForm &other,
                                                llvm::StringRef inputs,
                                                size_t limit);

/// The comparison with its first `top` nodes (0: all).
llvm::json::Value toJSON(const ModelsComparison &comparison, size_t top);
/// Writes the comparison's first `top` nodes (0: all) as a table.
void printText(const ModelsComparison &comparison, size_t top,
               llvm::raw_ostream &stream);
/// The same as a page that needs no other file.
void printHTML(const ModelsComparison &comparison, size_t top,
               llvm::StringRef reference, llvm::StringRef other,
               llvm::raw_ostream &stream);

} // namespace qc

#endif // QC_VERIFICATION_COMPAREMODELS_H
