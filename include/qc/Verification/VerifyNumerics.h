// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --qc-verify-numerics: finds the pass and the node where numbers moved.
#ifndef QC_VERIFICATION_VERIFYNUMERICS_H
#define QC_VERIFICATION_VERIFYNUMERICS_H

#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

#include <memory>
#include <string>

namespace qc {

struct VerifyNumericsOptions {
  /// Sample inputs (qc/Quantization/SampleSet.h).
  std::string inputs;
  /// How many of them.
  size_t limit = 1;
};

/// Runs the module's first function (or the program made of it) on samples
/// before and after every pass, through the reference meaning of its ops
/// (qc/Analysis/ReferenceRun.h), and compares outputs and what nodes of one
/// name and type compute (qc/Analysis/NodeResults.h). Where a node moved within
/// what the pass declares (qc/Verification/PassNumerics.h), the run after goes
/// on with the value before, so each node answers for its own change.
///
/// The first change of more than that is an error at the node which names both,
/// sets `failed`, and ends the verification. So does a pass of qc that declares
/// nothing, and a model that cannot run at the beginning. A remark says where a
/// pipeline lowers the module further than the reference meaning goes (loops).
std::unique_ptr<mlir::PassInstrumentation>
createVerifyNumerics(VerifyNumericsOptions options, bool &failed);

/// The option `--qc-verify-numerics=inputs=PATH[,limit=N]`. A tool makes one
/// before it parses its command line.
class VerifyNumericsCommandLine {
public:
  explicit VerifyNumericsCommandLine(llvm::cl::OptionCategory &category);

  /// Lets the passes of `manager` be verified if the option was given, on one
  /// thread. Fails, after an error that says what is accepted, if the option is
  /// malformed.
  mlir::LogicalResult attach(mlir::PassManager &manager);

  /// Whether a verification found something.
  bool hasFailed() const { return failed; }

private:
  llvm::cl::opt<std::string> text;
  bool failed = false;
};

} // namespace qc

#endif // QC_VERIFICATION_VERIFYNUMERICS_H
