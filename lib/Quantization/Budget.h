// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats of weights under budgets, from the table `@sensitivity`.
#ifndef QC_LIB_QUANTIZATION_BUDGET_H
#define QC_LIB_QUANTIZATION_BUDGET_H

#include "ModelComparison.h"
#include "SensitivityMetrics.h"

#include "qc/Analysis/Assignment.h"

namespace qc {

/// One budget: "avg-bits:5", "bytes:100000", "latency:2.5" (milliseconds), or
/// an accepted loss: "loss:sqnr:20" (dB at least), "loss:agreement:97" (per
/// cent of equal largest outputs at least), "loss:accuracy:90" (per cent of
/// largest outputs that are the labels', at least).
struct Budget {
  enum Kind { AverageBits, Bytes, Latency, SQNR, Agreement, Accuracy };
  Kind kind;
  double value;

  bool isLoss() const { return kind >= SQNR; }
  /// None if `text` is no budget.
  static std::optional<Budget> parse(llvm::StringRef text);
  static llvm::StringRef getAccepted() {
    return "avg-bits:BITS, bytes:BYTES, latency:MILLISECONDS, loss:sqnr:DB, "
           "loss:agreement:PERCENT, loss:accuracy:PERCENT";
  }
  /// The text of this budget with another value.
  std::string print(double value) const;
  /// What a larger one of is allowed: in units of getCost's sums.
  double getLimit(double numParameters) const;
};

/// A weight whose format a solver chooses.
struct BudgetedWeight {
  mlir::OpOperand *operand;
  std::string node;
  /// Candidates with their formats, losses and bytes; one where it is fixed.
  struct Choice {
    OperandFormat format;
    double loss = 0;
    int64_t bytes = 0;
    /// Microseconds.
    double latency = 0;
  };
  std::vector<Choice> choices;
  bool isFixed = false;

  int64_t getNumParameters() const {
    return mlir::cast<mlir::RankedTensorType>(operand->get().getType())
        .getNumElements();
  }
};

/// Microseconds of a layer where no measured "latency" is in the table: 1 per
/// 50000 multiply-accumulates of integers or 16000 of floats, and 1 per 10000
/// bytes of weights (one core of a CPU with VNNI).
double predictLatency(int64_t macs, int64_t bytes, bool isFloat);

/// The problem that a solver gets: costs in the order of `budgets`, without
/// those of losses; bytes if no others are left.
AssignmentProblem makeProblem(llvm::ArrayRef<BudgetedWeight> weights,
                              llvm::ArrayRef<Budget> budgets);

/// Groups of weights that must share a format, by number: matrix products that
/// read one value ("inputs"), layers whose results are added ("sums"). Fixed
/// ones, and those whose candidates differ, are left out.
std::vector<llvm::SmallVector<size_t>>
findGroups(llvm::ArrayRef<BudgetedWeight> weights, bool inputs, bool sums);

} // namespace qc

#endif // QC_LIB_QUANTIZATION_BUDGET_H
