// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assignment as a mixed integer program for CBC.
//
// Variables: x[g, c] in {0, 1}, group g takes choice c, sum_c x[g, c] = 1; for
// two groups with a pair, y[a, c, b, d] in [0, 1] is x[a, c] x[b, d] by
// sum_d y[a, c, b, d] = x[a, c] and sum_c y[a, c, b, d] = x[b, d], which is the
// tightest linear form of one product of two choices.
//
// CBC works with tolerances. Costs are differences from the cheapest choice,
// rows and the objective are scaled, and the answer is checked with the exact
// costs: one that is beyond a budget is excluded, and the search goes on.

#include "AssignmentGroups.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

#include "Cbc_C_Interface.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <csignal>
#include <mutex>

using namespace qc;

namespace {

/// A program under construction.
class Program {
public:
  size_t addVariable(double upper, bool isInteger) {
    objectives.push_back(0);
    uppers.push_back(upper);
    integers.push_back(isInteger);
    columns.emplace_back();
    return objectives.size() - 1;
  }
  void setObjective(size_t variable, double objective) {
    objectives[variable] = objective;
  }
  /// sum of terms in [lower, upper].
  void addRow(llvm::ArrayRef<std::pair<size_t, double>> terms, double lower,
              double upper) {
    for (auto [variable, coefficient] : terms)
      columns[variable].push_back(
          {static_cast<int>(rowLowers.size()), coefficient});
    rowLowers.push_back(lower);
    rowUppers.push_back(upper);
  }

  /// Values of an optimal solution; empty if there is none.
  llvm::Expected<std::vector<double>> minimize() const;

private:
  std::vector<double> objectives, uppers, rowLowers, rowUppers;
  std::vector<bool> integers;
  std::vector<std::vector<std::pair<int, double>>> columns;
};

} // namespace

llvm::Expected<std::vector<double>> Program::minimize() const {
  std::vector<CoinBigIndex> starts;
  std::vector<int> rows;
  std::vector<double> values, lowers(objectives.size(), 0.0);
  for (const auto &column : columns) {
    starts.push_back(rows.size());
    for (auto [row, value] : column) {
      rows.push_back(row);
      values.push_back(value);
    }
  }
  starts.push_back(rows.size());

  // CBC keeps state in static variables and takes SIGINT for itself.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  struct sigaction saved;
  sigaction(SIGINT, nullptr, &saved);
  Cbc_Model *model = Cbc_newModel();
  llvm::scope_exit cleanUp([&] {
    Cbc_deleteModel(model);
    sigaction(SIGINT, &saved, nullptr);
  });
  Cbc_loadProblem(model, objectives.size(), rowLowers.size(), starts.data(),
                  rows.data(), values.data(), lowers.data(), uppers.data(),
                  objectives.data(), rowLowers.data(), rowUppers.data());
  for (auto [i, isInteger] : llvm::enumerate(integers))
    if (isInteger)
      Cbc_setInteger(model, i);
  Cbc_setObjSense(model, 1);
  // No output, no gap, an end.
  for (auto [name, value] :
       {std::pair("log", "0"), std::pair("ratioGap", "0"),
        std::pair("allowableGap", "1e-12"), std::pair("increment", "1e-9"),
        std::pair("integerTolerance", "1e-7"), std::pair("timeMode", "elapsed"),
        std::pair("seconds", "300")})
    Cbc_setParameter(model, name, value);
  Cbc_solve(model);
  if (Cbc_isProvenInfeasible(model))
    return std::vector<double>();
  if (!Cbc_isProvenOptimal(model))
    return llvm::createStringError(
        llvm::inconvertibleErrorCode(),
        "no optimum was found within five minutes; fewer pairs or choices make "
        "the problem easier");
  const double *solution = Cbc_getColSolution(model);
  return std::vector<double>(solution, solution + objectives.size());
}

namespace {

/// x of a grouped problem.
class AssignmentProgram {
public:
  explicit AssignmentProgram(const GroupedProblem &grouped) : grouped(grouped) {
    for (const auto &choices : grouped.choices) {
      std::vector<size_t> &list = variables.emplace_back();
      std::vector<std::pair<size_t, double>> sum;
      for (size_t c = 0; c < choices.size(); ++c) {
        list.push_back(program.addVariable(1, true));
        sum.push_back({list.back(), 1});
      }
      program.addRow(sum, 1, 1);
    }
  }

  size_t getVariable(size_t group, size_t choice) const {
    return variables[group][choice];
  }

  /// The terms of a cost above the cheapest choices, and what those cost.
  std::pair<std::vector<std::pair<size_t, double>>, double>
  getCost(size_t budget) const {
    std::vector<std::pair<size_t, double>> terms;
    double least = 0;
    for (auto [g, choices] : llvm::enumerate(grouped.choices)) {
      double cheapest = HUGE_VAL;
      for (const AssignmentChoice &choice : choices)
        cheapest = std::min(cheapest, choice.costs[budget]);
      least += cheapest;
      for (auto [c, choice] : llvm::enumerate(choices))
        if (choice.costs[budget] != cheapest)
          terms.push_back({variables[g][c], choice.costs[budget] - cheapest});
    }
    return {std::move(terms), least};
  }

  /// Solves; `isGood` says whether the choices of the groups are accepted.
  /// Empty without a solution.
  llvm::Expected<std::vector<size_t>>
  solve(llvm::function_ref<bool(llvm::ArrayRef<size_t>)> isGood) {
    while (true) {
      llvm::Expected<std::vector<double>> values = program.minimize();
      if (!values)
        return values.takeError();
      if (values->empty())
        return std::vector<size_t>();
      std::vector<size_t> choices;
      std::vector<std::pair<size_t, double>> taken;
      for (const auto &list : variables) {
        size_t best = 0;
        for (size_t c = 1; c < list.size(); ++c)
          if ((*values)[list[c]] > (*values)[list[best]])
            best = c;
        choices.push_back(best);
        taken.push_back({list[best], 1});
      }
      if (isGood(choices))
        return choices;
      program.addRow(taken, 0, static_cast<double>(taken.size()) - 1);
    }
  }

  Program program;

private:
  const GroupedProblem &grouped;
  std::vector<std::vector<size_t>> variables;
};

} // namespace

/// The factor that makes the largest of some numbers 1000.
static double getFactor(double largest) {
  return largest > 0 ? 1000 / largest : 1;
}

static double getFactor(llvm::ArrayRef<std::pair<size_t, double>> terms) {
  double largest = 0;
  for (auto [variable, coefficient] : terms)
    largest = std::max(largest, std::fabs(coefficient));
  return getFactor(largest);
}

/// The budgets nearest to those of a problem that has no solution: the least t
/// with cost_k <= budget_k + t * scale_k for all k.
static llvm::Expected<Assignment>
findNearestBudgets(const AssignmentProblem &problem,
                   const GroupedProblem &grouped) {
  AssignmentProgram relaxed(grouped);
  size_t excess = relaxed.program.addVariable(HUGE_VAL, false);
  relaxed.program.setObjective(excess, 1);
  for (auto [k, budget] : llvm::enumerate(problem.budgets)) {
    auto [terms, least] = relaxed.getCost(k);
    double scale = std::max(budget, least);
    if (scale == 0)
      scale = 1 / getFactor(terms);
    for (auto &term : terms)
      term.second /= scale;
    terms.push_back({excess, -1});
    relaxed.program.addRow(terms, -HUGE_VAL, (budget - least) / scale);
  }
  llvm::Expected<std::vector<size_t>> choices =
      relaxed.solve([](llvm::ArrayRef<size_t>) { return true; });
  if (!choices)
    return choices.takeError();
  Assignment result;
  result.nearestBudgets = problem.getCosts(grouped.expand(*choices));
  for (auto [nearest, budget] :
       llvm::zip_equal(result.nearestBudgets, problem.budgets))
    nearest = std::max(nearest, budget);
  return result;
}

llvm::Expected<Assignment>
qc::solveIntegerProgram(const AssignmentProblem &problem) {
  GroupedProblem grouped(problem);
  if (grouped.choices.empty())
    return makeAssignment(problem, {});
  AssignmentProgram assignment(grouped);
  Program &program = assignment.program;
  for (size_t k = 0; k < problem.budgets.size(); ++k) {
    auto [terms, least] = assignment.getCost(k);
    if (least > getLimit(problem.budgets[k]))
      return findNearestBudgets(problem, grouped);
    double factor = getFactor(terms);
    for (auto &term : terms)
      term.second *= factor;
    program.addRow(terms, -HUGE_VAL,
                   std::max(problem.budgets[k] - least, 0.0) * factor);
  }

  // Losses of choices above the group's least.
  std::vector<std::pair<size_t, double>> losses;
  for (auto [g, choices] : llvm::enumerate(grouped.choices)) {
    double least = HUGE_VAL;
    for (const AssignmentChoice &choice : choices)
      least = std::min(least, choice.loss);
    for (auto [c, choice] : llvm::enumerate(choices))
      losses.push_back({assignment.getVariable(g, c), choice.loss - least});
  }
  for (const auto &[groups, pairs] : grouped.pairs) {
    auto [a, b] = groups;
    size_t numA = grouped.choices[a].size(), numB = grouped.choices[b].size();
    std::vector<std::vector<std::pair<size_t, double>>> ofA(numA), ofB(numB);
    for (size_t c = 0; c < numA; ++c)
      for (size_t d = 0; d < numB; ++d) {
        size_t product = program.addVariable(1, false);
        ofA[c].push_back({product, 1});
        ofB[d].push_back({product, 1});
        auto loss = pairs.find({c, d});
        if (loss != pairs.end())
          losses.push_back({product, loss->second});
      }
    for (size_t c = 0; c < numA; ++c) {
      ofA[c].push_back({assignment.getVariable(a, c), -1});
      program.addRow(ofA[c], 0, 0);
    }
    for (size_t d = 0; d < numB; ++d) {
      ofB[d].push_back({assignment.getVariable(b, d), -1});
      program.addRow(ofB[d], 0, 0);
    }
  }
  double factor = getFactor(losses);
  for (auto [variable, loss] : losses)
    program.setObjective(variable, loss * factor);

  llvm::Expected<std::vector<size_t>> choices =
      assignment.solve([&](llvm::ArrayRef<size_t> candidate) {
        return problem.isFeasible(grouped.expand(candidate));
      });
  if (!choices)
    return choices.takeError();
  if (choices->empty())
    return findNearestBudgets(problem, grouped);
  return makeAssignment(problem, grouped.expand(*choices));
}
