// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Searches that measure assignments instead of adding up losses.

#include "AssignmentGroups.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>
#include <random>
#include <set>

using namespace qc;

std::optional<SearchResult>
qc::bisectOrder(llvm::ArrayRef<size_t> start,
                llvm::ArrayRef<AssignmentStep> order, double acceptedLoss,
                EvaluateAssignment evaluate) {
  SearchResult result;
  // Evaluates the first `count` steps and keeps them if they are accepted.
  auto accepts = [&](size_t count) -> std::optional<bool> {
    std::vector<size_t> choices(start);
    for (const AssignmentStep &step : order.take_front(count))
      for (size_t layer : step.layers)
        choices[layer] = step.choice;
    ++result.numEvaluations;
    std::optional<double> loss = evaluate(choices);
    if (!loss)
      return std::nullopt;
    if (!(*loss <= acceptedLoss))
      return false;
    result.choices = std::move(choices);
    result.loss = *loss;
    result.numSteps = count;
    return true;
  };
  // [0, accepted] steps are, refused and more are not.
  size_t accepted = 0, refused = order.size() + 1;
  std::optional<bool> answer = accepts(0);
  if (!answer)
    return std::nullopt;
  if (!*answer)
    return result;
  while (refused - accepted > 1) {
    size_t middle = accepted + (refused - accepted) / 2;
    answer = accepts(middle);
    if (!answer)
      return std::nullopt;
    (*answer ? accepted : refused) = middle;
  }
  return result;
}

namespace {

/// An assignment under mutation, by levels: level 0 of a group is its cheapest
/// choice.
class Mutation {
public:
  Mutation(const AssignmentProblem &problem, const GroupedProblem &grouped,
           uint64_t seed)
      : problem(problem), grouped(grouped), random(seed) {
    for (const auto &choices : grouped.choices) {
      // Costs of several budgets in shares of them.
      std::vector<std::pair<double, size_t>> sorted;
      for (auto [c, choice] : llvm::enumerate(choices)) {
        double cost = 0;
        for (auto [part, budget] :
             llvm::zip_equal(choice.costs, problem.budgets))
          cost += budget > 0 ? part / budget : part;
        sorted.push_back({cost, c});
      }
      llvm::sort(sorted);
      std::vector<size_t> &list = choiceAt.emplace_back();
      for (auto [cost, choice] : sorted)
        list.push_back(choice);
    }
  }

  std::vector<size_t> getLevels(llvm::ArrayRef<size_t> choices) const {
    std::vector<size_t> levels;
    for (auto [members, list] : llvm::zip_equal(grouped.members, choiceAt))
      levels.push_back(llvm::find(list, choices[members[0]]) - list.begin());
    return levels;
  }
  std::vector<size_t> getChoices(llvm::ArrayRef<size_t> levels) const {
    std::vector<size_t> choices;
    for (auto [level, list] : llvm::zip_equal(levels, choiceAt))
      choices.push_back(list[level]);
    return grouped.expand(choices);
  }

  /// Some exchanges away from `levels`; may be beyond a budget.
  std::vector<size_t> mutate(std::vector<size_t> levels,
                             unsigned maxExchanges) {
    unsigned exchanges = 1 + std::min(draw(maxExchanges), draw(maxExchanges));
    for (unsigned i = 0; i < exchanges; ++i) {
      std::optional<size_t> lowered =
          pick([&](size_t group) { return levels[group] > 0; });
      if (lowered)
        --levels[*lowered];
      std::optional<size_t> raised = pick([&](size_t group) {
        return group != lowered && levels[group] + 1 < choiceAt[group].size();
      });
      if (raised)
        ++levels[*raised];
    }
    // A dearer group may have been raised than lowered, or a cheaper one.
    while (!isFeasible(levels)) {
      std::optional<size_t> lowered =
          pick([&](size_t group) { return levels[group] > 0; });
      if (!lowered)
        return levels;
      --levels[*lowered];
    }
    for (unsigned i = 0; i < exchanges; ++i)
      if (std::optional<size_t> raised = pick([&](size_t group) {
            return levels[group] + 1 < choiceAt[group].size();
          })) {
        ++levels[*raised];
        if (!isFeasible(levels))
          --levels[*raised];
      }
    return levels;
  }

  bool isFeasible(llvm::ArrayRef<size_t> levels) const {
    return problem.isFeasible(getChoices(levels));
  }

private:
  /// The standard library's distributions differ between implementations.
  size_t draw(size_t count) { return random() % count; }

  /// A random group of those that `isPossible` allows.
  std::optional<size_t> pick(llvm::function_ref<bool(size_t)> isPossible) {
    llvm::SmallVector<size_t> possible;
    for (size_t group = 0; group < choiceAt.size(); ++group)
      if (isPossible(group))
        possible.push_back(group);
    if (possible.empty())
      return std::nullopt;
    return possible[draw(possible.size())];
  }

  const AssignmentProblem &problem;
  const GroupedProblem &grouped;
  std::mt19937_64 random;
  std::vector<std::vector<size_t>> choiceAt;
};

} // namespace

std::optional<SearchResult>
qc::evolveAssignment(const AssignmentProblem &problem,
                     llvm::ArrayRef<size_t> start, EvaluateAssignment evaluate,
                     const EvolutionOptions &options) {
  assert(problem.isFeasible(start) && options.maxExchanges >= 1);
  GroupedProblem grouped(problem);
  Mutation mutation(problem, grouped, options.seed);
  SearchResult result;
  result.choices = start.vec();
  std::optional<double> loss = evaluate(start);
  if (!loss)
    return std::nullopt;
  result.loss = *loss;
  result.numEvaluations = 1;
  std::vector<size_t> parent = mutation.getLevels(start);
  std::set<std::vector<size_t>> seen{parent};
  for (unsigned generation = 0; generation < options.generations;
       ++generation) {
    std::vector<size_t> best = parent;
    unsigned children = 0;
    // Few new assignments are left in a small problem: no endless search.
    for (unsigned attempt = 0;
         attempt < 8 * options.offspring && children < options.offspring;
         ++attempt) {
      std::vector<size_t> child = mutation.mutate(parent, options.maxExchanges);
      if (!mutation.isFeasible(child) || !seen.insert(child).second)
        continue;
      ++children;
      std::vector<size_t> choices = mutation.getChoices(child);
      loss = evaluate(choices);
      if (!loss)
        return std::nullopt;
      ++result.numEvaluations;
      if (*loss < result.loss) {
        result.loss = *loss;
        result.choices = std::move(choices);
        best = std::move(child);
      }
    }
    parent = std::move(best);
    if (children == 0)
      break;
  }
  return result;
}
