// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of what passes declare. test/Verification/declared.test fails for a
// registered pass of qc that is not here.

#include "qc/Verification/PassNumerics.h"

#include "qc/Dialect/QC/Transforms/ConvTransform.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/ErrorHandling.h"

using namespace qc;

namespace {
struct Declaration {
  llvm::StringLiteral pass;
  PassNumerics numerics;
};

constexpr PassNumerics exact{PassNumerics::Kind::Exact, 0, std::nullopt};
/// Sums in another order: a few units in the last place of the largest term.
constexpr PassNumerics reordered{PassNumerics::Kind::Exact, 1e-5, std::nullopt};
/// Sums of codes become exact where floats were rounded.
constexpr PassNumerics oneStep{PassNumerics::Kind::OneStep, 1e-4, std::nullopt};
/// Weights are rounded to f32 once more.
constexpr PassNumerics refolded{PassNumerics::Kind::Approximate, 0, 60.0};
/// The same, but where convolutions are to multiply in fewer bits.
constexpr PassNumerics transformed{PassNumerics::Kind::Exact, 1e-5,
                                   std::nullopt, ConvTransform::attributeName};
/// As good as the plan says.
constexpr PassNumerics quantized{PassNumerics::Kind::Approximate, 0,
                                 std::nullopt};

constexpr Declaration declarations[] = {
    // Graph, QDQ and integer levels.
    {"qc-activation-sensitivity", exact},
    {"qc-assign-bits", exact},
    {"qc-band-transforms", exact},
    {"qc-calibrate", exact},
    {"qc-calibrate-transforms", exact},
    {"qc-expand-attention", reordered},
    {"qc-fold-batch-norm", refolded},
    {"qc-materialize-padding", exact},
    {"qc-measure-latency", exact},
    {"qc-normalize-qdq", exact},
    {"qc-quantize", quantized},
    {"qc-select-conv-algorithm", transformed},
    {"qc-sensitivity", exact},
    {"qc-set-numerics", exact},
    {"qc-to-integer", oneStep},
    {"qc-widen-weights", exact},
    // Kernels and the program.
    {"qc-assign-layouts", exact},
    {"qc-form-kernels", exact},
    {"qc-plan-memory", exact},
    {"qc-share-constants", exact},
    {"qc-write-in-place", exact},
    // Below: loops, which are code for a target and tested by execution.
    {"qc-expand-math", reordered},
    {"qc-fuse-rounding", exact},
    {"qc-hls-legalize", exact},
    {"qc-lower-kernels", exact},
    {"qc-lower-table-gathers", exact},
    {"qc-parallel-to-range", exact},
    {"qc-parallel-to-threads", exact},
    {"qc-schedule-blocks", exact},
    {"qc-schedule-contractions", reordered},
    {"qc-schedule-elements", exact},
    {"qc-schedule-unpacking", reordered},
    {"qc-schedule-windows", reordered},
    {"qc-tile-contractions", reordered},
};
} // namespace

/// Declarations at run time.
static llvm::StringMap<PassNumerics> &getOthers() {
  static llvm::StringMap<PassNumerics> others;
  return others;
}

llvm::StringRef qc::getName(PassNumerics::Kind kind) {
  switch (kind) {
  case PassNumerics::Kind::Exact:
    return "exact";
  case PassNumerics::Kind::OneStep:
    return "one-step";
  case PassNumerics::Kind::Approximate:
    return "approximate";
  }
  llvm_unreachable("unknown kind");
}

std::optional<PassNumerics> qc::getPassNumerics(llvm::StringRef argument) {
  const auto *found =
      llvm::find_if(declarations, [&](const Declaration &declaration) {
        return declaration.pass == argument;
      });
  if (found != std::end(declarations))
    return found->numerics;
  if (auto other = getOthers().find(argument); other != getOthers().end())
    return other->second;
  if (argument.starts_with("qc-"))
    return std::nullopt;
  return exact;
}

void qc::declarePassNumerics(llvm::StringRef argument, PassNumerics numerics) {
  getOthers()[argument] = numerics;
}
