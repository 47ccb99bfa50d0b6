// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far each pass may move the numbers that a model computes.
#ifndef QC_VERIFICATION_PASSNUMERICS_H
#define QC_VERIFICATION_PASSNUMERICS_H

#include "llvm/ADT/StringRef.h"

#include <optional>

namespace qc {

struct PassNumerics {
  enum class Kind {
    /// Integers stay what they are, floats too or up to `tolerance`.
    Exact,
    /// Integers move by one at most, floats up to `tolerance`.
    OneStep,
    /// The signal stays `minimumSQNR` dB above the change, and what is finite
    /// stays finite.
    Approximate
  };
  Kind kind = Kind::Exact;
  /// Accepted change of floats, as a share of the tensor's largest magnitude:
  /// not 0 only where a pass changes the order of sums.
  double tolerance = 0;
  std::optional<double> minimumSQNR;
  /// A pass is approximate, without a bound, on a module where an op has this
  /// attribute, by which a user or an earlier pass asked for it.
  llvm::StringLiteral approximateAttribute = "";
};

/// "exact", "one-step" or "approximate".
llvm::StringRef getName(PassNumerics::Kind kind);

/// What the pass with that argument declares. Passes of other projects are
/// exact; none for a pass of qc ("qc-…") that declares nothing.
std::optional<PassNumerics> getPassNumerics(llvm::StringRef argument);

/// Declares a pass of another project. Call it where the pass is registered.
void declarePassNumerics(llvm::StringRef argument, PassNumerics numerics);

} // namespace qc

#endif // QC_VERIFICATION_PASSNUMERICS_H
