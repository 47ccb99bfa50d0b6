// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Assignment problems: their meaning, and the choice of a solver.

#include "AssignmentGroups.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <cassert>
#include <cmath>

using namespace qc;

std::optional<std::string> AssignmentProblem::getFault() const {
  auto fault = [](const llvm::Twine &text) { return text.str(); };
  for (double budget : budgets)
    if (!std::isfinite(budget) || budget < 0)
      return fault("a budget is not a finite number of at least 0");
  for (auto [l, choices] : llvm::enumerate(layers)) {
    if (choices.empty())
      return fault("layer " + llvm::Twine(l) + " has no choices");
    for (const AssignmentChoice &choice : choices) {
      if (choice.costs.size() != budgets.size())
        return fault("layer " + llvm::Twine(l) +
                     " has a choice without one cost per budget");
      if (!std::isfinite(choice.loss))
        return fault("layer " + llvm::Twine(l) +
                     " has a loss that is not finite");
      for (double cost : choice.costs)
        if (!std::isfinite(cost) || cost < 0)
          return fault("layer " + llvm::Twine(l) +
                       " has a cost that is not a finite number of at least 0");
    }
  }
  for (const auto &group : groups)
    for (size_t layer : group) {
      if (layer >= layers.size())
        return fault("a group has layer " + llvm::Twine(layer) +
                     ", which does not exist");
      if (layers[layer].size() != layers[group[0]].size())
        return fault("layers " + llvm::Twine(group[0]) + " and " +
                     llvm::Twine(layer) +
                     " of one group differ in the number of choices");
    }
  for (const AssignmentPair &pair : pairs) {
    for (auto [layer, choice] : {std::pair(pair.layerA, pair.choiceA),
                                 std::pair(pair.layerB, pair.choiceB)})
      if (layer >= layers.size() || choice >= layers[layer].size())
        return fault("a pair has choice " + llvm::Twine(choice) + " of layer " +
                     llvm::Twine(layer) + ", which does not exist");
    if (pair.layerA == pair.layerB)
      return fault("a pair has layer " + llvm::Twine(pair.layerA) + " twice");
    if (!std::isfinite(pair.loss))
      return fault("a pair has a loss that is not finite");
  }
  return std::nullopt;
}

double AssignmentProblem::getLoss(llvm::ArrayRef<size_t> choices) const {
  double loss = 0;
  for (auto [layer, choice] : llvm::zip_equal(layers, choices))
    loss += layer[choice].loss;
  for (const AssignmentPair &pair : pairs)
    if (choices[pair.layerA] == pair.choiceA &&
        choices[pair.layerB] == pair.choiceB)
      loss += pair.loss;
  return loss;
}

llvm::SmallVector<double, 2>
AssignmentProblem::getCosts(llvm::ArrayRef<size_t> choices) const {
  llvm::SmallVector<double, 2> costs(budgets.size(), 0.0);
  for (auto [layer, choice] : llvm::zip_equal(layers, choices))
    for (auto [sum, cost] : llvm::zip_equal(costs, layer[choice].costs))
      sum += cost;
  return costs;
}

bool AssignmentProblem::isFeasible(llvm::ArrayRef<size_t> choices) const {
  for (auto [cost, budget] : llvm::zip_equal(getCosts(choices), budgets))
    if (cost > getLimit(budget))
      return false;
  return llvm::all_of(groups, [&](const llvm::SmallVector<size_t> &group) {
    return llvm::all_of(group, [&](size_t layer) {
      return choices[layer] == choices[group[0]];
    });
  });
}

GroupedProblem::GroupedProblem(const AssignmentProblem &problem) {
  llvm::EquivalenceClasses<size_t> classes;
  for (const auto &group : problem.groups)
    for (size_t layer : group)
      classes.unionSets(group[0], layer);
  // The group of each layer, numbered by its first layer.
  std::map<size_t, size_t> groupOfLeader;
  std::vector<size_t> groupOf(problem.layers.size());
  for (size_t layer = 0; layer < problem.layers.size(); ++layer) {
    auto member = classes.findLeader(layer);
    size_t leader = member == classes.member_end() ? layer : *member;
    auto [entry, isNew] = groupOfLeader.try_emplace(leader, members.size());
    size_t group = groupOf[layer] = entry->second;
    if (isNew) {
      members.push_back({layer});
      choices.push_back(problem.layers[layer]);
      continue;
    }
    members[group].push_back(layer);
    for (auto [sum, choice] :
         llvm::zip_equal(choices[group], problem.layers[layer])) {
      sum.loss += choice.loss;
      for (auto [cost, other] : llvm::zip_equal(sum.costs, choice.costs))
        cost += other;
    }
  }
  for (const AssignmentPair &pair : problem.pairs) {
    size_t a = groupOf[pair.layerA], b = groupOf[pair.layerB];
    if (a == b) {
      if (pair.choiceA == pair.choiceB)
        choices[a][pair.choiceA].loss += pair.loss;
      continue;
    }
    auto key = std::pair(pair.choiceA, pair.choiceB);
    if (a > b) {
      std::swap(a, b);
      std::swap(key.first, key.second);
    }
    pairs[{a, b}][key] += pair.loss;
  }
}

std::vector<size_t>
GroupedProblem::expand(llvm::ArrayRef<size_t> groupChoices) const {
  size_t numLayers = 0;
  for (const auto &group : members)
    numLayers += group.size();
  std::vector<size_t> result(numLayers);
  for (auto [group, choice] : llvm::zip_equal(members, groupChoices))
    for (size_t layer : group)
      result[layer] = choice;
  return result;
}

Assignment qc::makeAssignment(const AssignmentProblem &problem,
                              std::vector<size_t> choices) {
  Assignment result;
  result.loss = problem.getLoss(choices);
  result.costs = problem.getCosts(choices);
  result.choices = std::move(choices);
  return result;
}

llvm::Expected<Assignment>
qc::solveAssignment(const AssignmentProblem &problem) {
  assert(!problem.getFault() && "checked by the caller");
  if (problem.budgets.size() <= 1 && GroupedProblem(problem).pairs.empty())
    if (std::optional<Assignment> result = solveKnapsack(problem))
      return std::move(*result);
  return solveIntegerProgram(problem);
}
