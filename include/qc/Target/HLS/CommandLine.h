// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Command-line options of the HLS back end, shared by the tools that write
// projects.
#ifndef QC_TARGET_HLS_COMMANDLINE_H
#define QC_TARGET_HLS_COMMANDLINE_H

#include "qc/Target/HLS/HLS.h"

#include "mlir/IR/Location.h"
#include "llvm/Support/CommandLine.h"

namespace qc::hls {

/// `--hls-vendor`, `--hls-program`, `--hls-top`, `--hls-max-constant-bytes`,
/// `--hls-vectors`. A tool makes one before it parses its command line.
class CommandLine {
public:
  CommandLine();

  /// The options; errors are reported at `loc`.
  mlir::FailureOr<HLSOptions> getOptions(mlir::Location loc) const;

  /// What a tool's --help shows these options under.
  const llvm::cl::OptionCategory &getCategory() const { return category; }

private:
  llvm::cl::OptionCategory category;
  llvm::cl::opt<std::string> vendor, program, topName;
  llvm::cl::opt<uint64_t> maxConstantBytes;
  llvm::cl::opt<std::string> vectors;
};

} // namespace qc::hls

#endif // QC_TARGET_HLS_COMMANDLINE_H
