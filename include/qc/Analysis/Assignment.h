// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which format each layer gets: least loss under budgets.
//
// Every layer takes one of its choices; a choice has a loss and as many costs
// (bits, bytes, microseconds) as there are budgets. Losses add up, with a term
// for pairs of choices where layers influence each other:
//
//   min  sum_l loss[l, c_l] + sum_pairs loss[a, c_a, b, c_b]
//   s.t. sum_l cost_k[l, c_l] <= budget_k  for every k,
//        c_a = c_b                         for a, b in one group.
#ifndef QC_ANALYSIS_ASSIGNMENT_H
#define QC_ANALYSIS_ASSIGNMENT_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace qc {

struct AssignmentChoice {
  /// One per budget, not negative.
  llvm::SmallVector<double, 2> costs;
  double loss = 0;
};

/// A loss that is there when both choices are made (it may be negative).
struct AssignmentPair {
  size_t layerA, choiceA, layerB, choiceB;
  double loss;
};

struct AssignmentProblem {
  /// The choices of each layer, at least one.
  std::vector<std::vector<AssignmentChoice>> layers;
  /// Layers that take the same choice (by number) and so have equally many.
  std::vector<llvm::SmallVector<size_t>> groups;
  std::vector<AssignmentPair> pairs;
  std::vector<double> budgets;

  /// What is wrong with the problem: numbers that are not finite, costs or
  /// budgets that are negative, layers or choices that do not exist. Everything
  /// below needs a problem without faults.
  std::optional<std::string> getFault() const;

  /// Loss and costs of an assignment (one choice per layer).
  double getLoss(llvm::ArrayRef<size_t> choices) const;
  llvm::SmallVector<double, 2> getCosts(llvm::ArrayRef<size_t> choices) const;
  /// Within the budgets, up to rounding (a share of 1e-13), and equal in
  /// groups.
  bool isFeasible(llvm::ArrayRef<size_t> choices) const;
};

struct Assignment {
  /// Empty if no assignment is within the budgets.
  std::vector<size_t> choices;
  double loss = 0;
  llvm::SmallVector<double, 2> costs;
  /// Only where there is none: the feasible budgets nearest to those asked for,
  /// where the largest excess, relative to the budget (or, if that is smaller
  /// than what the cheapest choices cost, to that cost), is least.
  llvm::SmallVector<double, 2> nearestBudgets;

  explicit operator bool() const { return nearestBudgets.empty(); }
};

/// An optimal assignment. One budget and no pairs between groups: multiple-
/// choice knapsack by dynamic programming over Pareto fronts of (cost, loss),
/// without rounding of costs, pruned by the linear relaxation (Kellerer,
/// Pferschy, Pisinger, "Knapsack Problems", chapter 11); optimal but for 1e-10
/// of the difference between the largest and the smallest loss. Else a mixed
/// integer program for CBC. An error if that takes more than five minutes.
llvm::Expected<Assignment> solveAssignment(const AssignmentProblem &problem);

/// The two solvers of solveAssignment alone. solveKnapsack needs at most one
/// budget and no pairs between layers of different groups; none if its fronts
/// have more than 2^22 points, which solveAssignment leaves to the other one.
std::optional<Assignment> solveKnapsack(const AssignmentProblem &problem);
llvm::Expected<Assignment>
solveIntegerProgram(const AssignmentProblem &problem);

/// Layers that change to another choice together.
struct AssignmentStep {
  llvm::SmallVector<size_t> layers;
  size_t choice;
};

/// Steps from the choices of least loss to those of least cost (the first
/// budget's), in the order of rising additional loss per saved cost: each
/// layer's or group's steps along the lower convex hull of its (cost, loss)
/// points. Every prefix is the optimum for what it costs. Pairs are not seen.
/// `start` becomes the assignment before the first step.
std::vector<AssignmentStep> getDemotionOrder(const AssignmentProblem &problem,
                                             std::vector<size_t> &start);

/// Measures an assignment, for example by running the whole model: its loss, or
/// none if that failed, which ends a search.
using EvaluateAssignment =
    llvm::function_ref<std::optional<double>(llvm::ArrayRef<size_t>)>;

struct SearchResult {
  std::vector<size_t> choices;
  double loss = 0;
  /// Of a bisection: steps taken.
  size_t numSteps = 0;
  size_t numEvaluations = 0;
};

/// The longest prefix of `order` whose loss is accepted, by bisection: taken as
/// if loss grew with every step, about log2(steps) + 1 evaluations, and the
/// prefix that is returned was evaluated (the search of "Augmented Hessian"
/// mixed precision, arXiv 2306.04879, whatever the order is made from). Without
/// choices if `start` is not accepted itself; none if an evaluation failed.
std::optional<SearchResult> bisectOrder(llvm::ArrayRef<size_t> start,
                                        llvm::ArrayRef<AssignmentStep> order,
                                        double acceptedLoss,
                                        EvaluateAssignment evaluate);

struct EvolutionOptions {
  unsigned generations = 50;
  /// Evaluations per generation, at most.
  unsigned offspring = 16;
  /// Exchanges per mutation: the smaller one of two numbers drawn from 1 to
  /// this.
  unsigned maxExchanges = 3;
  uint64_t seed = 0;
};

/// Evolutionary search from a feasible `start` (EvoPress, Sieberling et al.,
/// arXiv 2410.14649, with one stage of selection): an exchange lowers one group
/// by a level and raises another, levels in the order of cost; offspring beyond
/// a budget and assignments seen before are dropped; the best of parent and
/// offspring survives. Equal seeds give equal results on every machine. None if
/// an evaluation failed.
std::optional<SearchResult>
evolveAssignment(const AssignmentProblem &problem, llvm::ArrayRef<size_t> start,
                 EvaluateAssignment evaluate,
                 const EvolutionOptions &options = {});

} // namespace qc

#endif // QC_ANALYSIS_ASSIGNMENT_H
