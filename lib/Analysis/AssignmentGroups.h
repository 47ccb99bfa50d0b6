// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assignment problems without groups: layers that share a choice as one.
#ifndef QC_LIB_ANALYSIS_ASSIGNMENTGROUPS_H
#define QC_LIB_ANALYSIS_ASSIGNMENTGROUPS_H

#include "qc/Analysis/Assignment.h"

#include <map>

namespace qc {

/// Costs and losses of the members of each group added up; pairs inside a group
/// are part of its losses.
struct GroupedProblem {
  explicit GroupedProblem(const AssignmentProblem &problem);

  /// The layers of each group, in order; a layer alone is a group.
  std::vector<llvm::SmallVector<size_t>> members;
  std::vector<std::vector<AssignmentChoice>> choices;
  /// Losses by (group a < group b) and then by (choice a, choice b).
  std::map<std::pair<size_t, size_t>,
           std::map<std::pair<size_t, size_t>, double>>
      pairs;

  /// One choice per layer from one per group.
  std::vector<size_t> expand(llvm::ArrayRef<size_t> groupChoices) const;
};

/// What costs may come to: the budget and what rounding adds to a sum.
inline double getLimit(double budget) { return budget + 1e-13 * budget; }

/// The result for these choices.
Assignment makeAssignment(const AssignmentProblem &problem,
                          std::vector<size_t> choices);

} // namespace qc

#endif // QC_LIB_ANALYSIS_ASSIGNMENTGROUPS_H
