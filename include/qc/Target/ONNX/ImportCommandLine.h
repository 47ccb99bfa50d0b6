// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's command-line options, shared by every tool that reads ONNX.
#ifndef QC_TARGET_ONNX_IMPORTCOMMANDLINE_H
#define QC_TARGET_ONNX_IMPORTCOMMANDLINE_H

#include "qc/Target/ONNX/ImportONNX.h"

#include "llvm/Support/CommandLine.h"

namespace qc {

/// `--bind`, `--shape`, `--data-dir`, `--report-expanded`. A tool makes one
/// before it parses its command line.
class ImportCommandLine {
public:
  ImportCommandLine();

  /// The options for `filename`; says on the context's diagnostics which
  /// argument is malformed.
  mlir::FailureOr<ImportOptions> getOptions(mlir::MLIRContext &context,
                                            llvm::StringRef filename) const;

  /// Parses one `SYMBOL=N[,N…]`.
  static bool parseBinding(llvm::StringRef text, ImportOptions &options);
  /// Parses one `INPUT=1x3x48x320[,…]`.
  static bool parseShape(llvm::StringRef text, ImportOptions &options);

  /// What a tool's --help shows these options under.
  const llvm::cl::OptionCategory &getCategory() const { return category; }

private:
  llvm::cl::OptionCategory category;
  llvm::cl::list<std::string> bind, shape;
  llvm::cl::opt<std::string> dataDirectory;
  llvm::cl::opt<bool> reportExpanded;
};

} // namespace qc

#endif // QC_TARGET_ONNX_IMPORTCOMMANDLINE_H
