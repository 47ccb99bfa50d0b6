// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Solvers and searches against all assignments of small random problems.

#include "qc/Analysis/Assignment.h"

#include "gtest/gtest.h"

#include <cmath>
#include <functional>
#include <random>

using namespace qc;

namespace {

struct Shape {
  size_t layers, choices, budgets, groups, pairs;
  bool integers;
};

class RandomProblem {
public:
  explicit RandomProblem(unsigned seed) : random(seed) {}

  AssignmentProblem make(const Shape &shape) {
    AssignmentProblem problem;
    auto number = [&] { return static_cast<double>(random() % 1000) + 1; };
    for (size_t l = 0; l < shape.layers; ++l) {
      auto &choices = problem.layers.emplace_back();
      double size = number();
      size_t count = 1 + random() % shape.choices;
      // The members of a group have equally many.
      if (shape.groups)
        count = shape.choices;
      for (size_t c = 0; c < count; ++c) {
        AssignmentChoice choice;
        for (size_t k = 0; k < shape.budgets; ++k) {
          double cost =
              random() % 4 == 0 ? number() : size * static_cast<double>(c + 1);
          choice.costs.push_back(shape.integers ? cost : cost * 0.1037);
        }
        choice.loss = random() % 3 == 0
                          ? number() * 1e-4
                          : number() * 1e-3 / static_cast<double>(c + 1);
        choices.push_back(std::move(choice));
      }
    }
    for (size_t g = 0; g < shape.groups; ++g)
      problem.groups.push_back(
          {random() % shape.layers, random() % shape.layers});
    for (size_t p = 0; p < shape.pairs && shape.layers > 1; ++p) {
      size_t a = random() % shape.layers, b = random() % (shape.layers - 1);
      b += b >= a;
      problem.pairs.push_back({a, random() % problem.layers[a].size(), b,
                               random() % problem.layers[b].size(),
                               (number() - 400) * 1e-3});
    }
    // From too little to more than enough.
    for (size_t k = 0; k < shape.budgets; ++k) {
      double least = 0, most = 0;
      for (const auto &choices : problem.layers) {
        double low = HUGE_VAL, high = 0;
        for (const AssignmentChoice &choice : choices) {
          low = std::min(low, choice.costs[k]);
          high = std::max(high, choice.costs[k]);
        }
        least += low, most += high;
      }
      double share = static_cast<double>(random() % 120) / 100 - 0.1;
      double budget = std::max(least + share * (most - least), 0.0);
      problem.budgets.push_back(shape.integers ? std::floor(budget) : budget);
    }
    return problem;
  }

  std::mt19937 random;
};

void forEachAssignment(const AssignmentProblem &problem,
                       std::function<void(llvm::ArrayRef<size_t>)> visit) {
  std::vector<size_t> choices(problem.layers.size(), 0);
  while (true) {
    bool grouped = true;
    for (const auto &group : problem.groups)
      for (size_t layer : group)
        grouped &= choices[layer] == choices[group[0]];
    if (grouped)
      visit(choices);
    size_t layer = 0;
    for (; layer < choices.size(); ++layer) {
      if (++choices[layer] < problem.layers[layer].size())
        break;
      choices[layer] = 0;
    }
    if (layer == choices.size())
      return;
  }
}

/// Compares with all assignments. Returns whether there is a feasible one.
bool check(const AssignmentProblem &problem, const Assignment &result) {
  size_t numBudgets = problem.budgets.size();
  llvm::SmallVector<double, 2> least(numBudgets, HUGE_VAL);
  double bestLoss = HUGE_VAL;
  forEachAssignment(problem, [&](llvm::ArrayRef<size_t> choices) {
    llvm::SmallVector<double, 2> costs = problem.getCosts(choices);
    bool fits = true;
    for (size_t k = 0; k < numBudgets; ++k) {
      least[k] = std::min(least[k], costs[k]);
      fits &= costs[k] <= problem.budgets[k] * (1 + 1e-13);
    }
    if (fits)
      bestLoss = std::min(bestLoss, problem.getLoss(choices));
  });
  EXPECT_EQ(static_cast<bool>(result), std::isfinite(bestLoss));
  if (std::isfinite(bestLoss)) {
    if (result) {
      EXPECT_NEAR(result.loss, bestLoss, 1e-9);
      EXPECT_EQ(result.loss, problem.getLoss(result.choices));
      EXPECT_EQ(result.costs, problem.getCosts(result.choices));
      EXPECT_TRUE(problem.isFeasible(result.choices));
    }
    return true;
  }
  if (result)
    return false;
  // The least largest excess.
  auto getExcess = [&](llvm::ArrayRef<double> costs) {
    double excess = 0;
    for (size_t k = 0; k < numBudgets; ++k)
      excess = std::max(excess, (costs[k] - problem.budgets[k]) /
                                    std::max(problem.budgets[k], least[k]));
    return excess;
  };
  double nearest = HUGE_VAL;
  forEachAssignment(problem, [&](llvm::ArrayRef<size_t> choices) {
    nearest = std::min(nearest, getExcess(problem.getCosts(choices)));
  });
  EXPECT_EQ(result.nearestBudgets.size(), numBudgets);
  EXPECT_NEAR(getExcess(result.nearestBudgets), nearest, 1e-9);
  AssignmentProblem wider = problem;
  wider.budgets.assign(result.nearestBudgets.begin(),
                       result.nearestBudgets.end());
  bool fits = false;
  forEachAssignment(problem, [&](llvm::ArrayRef<size_t> choices) {
    fits |= wider.isFeasible(choices);
  });
  EXPECT_TRUE(fits);
  return false;
}

TEST(SolveAssignment, KnapsackAgainstAllAssignments) {
  RandomProblem random(1);
  int feasible = 0, infeasible = 0;
  for (int trial = 0; trial < 400; ++trial) {
    Shape shape{1 + random.random() % 8,
                1 + random.random() % 4,
                trial % 10 == 0 ? 0u : 1u,
                trial % 3 ? 0u : 2u,
                0,
                trial % 2 == 0};
    AssignmentProblem problem = random.make(shape);
    ASSERT_EQ(problem.getFault(), std::nullopt);
    std::optional<Assignment> result = solveKnapsack(problem);
    ASSERT_TRUE(result);
    ++(check(problem, *result) ? feasible : infeasible);
    // The other solver agrees on one budget.
    if (trial % 4 == 0)
      check(problem, cantFail(solveIntegerProgram(problem)));
  }
  EXPECT_GT(feasible, 250);
  EXPECT_GT(infeasible, 10);
}

TEST(SolveAssignment, TwelveLayers) {
  RandomProblem random(2);
  for (int trial = 0; trial < 30; ++trial) {
    AssignmentProblem problem = random.make(
        {12, 3, 1 + trial % 2u, 0, trial % 3 ? 6u : 0u, trial % 2 == 0});
    check(problem, cantFail(solveAssignment(problem)));
  }
}

TEST(SolveAssignment, SeveralBudgetsGroupsAndPairs) {
  RandomProblem random(3);
  int feasible = 0, infeasible = 0;
  for (int trial = 0; trial < 300; ++trial) {
    Shape shape{2 + random.random() % 6, 2 + random.random() % 3,
                random.random() % 4,     random.random() % 3,
                random.random() % 7,     trial % 2 == 0};
    AssignmentProblem problem = random.make(shape);
    ASSERT_EQ(problem.getFault(), std::nullopt);
    llvm::Expected<Assignment> result = solveAssignment(problem);
    ASSERT_TRUE(static_cast<bool>(result)) << toString(result.takeError());
    ++(check(problem, *result) ? feasible : infeasible);
  }
  EXPECT_GT(feasible, 150);
  EXPECT_GT(infeasible, 30);
}

TEST(SolveAssignment, LargeCostsAreNotRounded) {
  // One byte in 2^40 decides.
  AssignmentProblem problem;
  double large = 0x1p40;
  problem.layers = {{{{large}, 1}, {{large + 1}, 0}},
                    {{{large}, 1.5}, {{large + 1}, 0}}};
  problem.budgets = {2 * large + 1};
  for (bool program : {false, true}) {
    Assignment result = program ? cantFail(solveIntegerProgram(problem))
                                : *solveKnapsack(problem);
    ASSERT_TRUE(static_cast<bool>(result));
    EXPECT_EQ(result.choices, (std::vector<size_t>{0, 1}));
  }
}

TEST(SolveAssignment, Large) {
  // 400 layers of 6 formats: the knapsack's answer is the program's.
  RandomProblem random(4);
  AssignmentProblem problem = random.make({400, 6, 1, 0, 0, false});
  double least = 0, most = 0;
  for (const auto &choices : problem.layers) {
    double low = HUGE_VAL, high = 0;
    for (const AssignmentChoice &choice : choices) {
      low = std::min(low, choice.costs[0]);
      high = std::max(high, choice.costs[0]);
    }
    least += low, most += high;
  }
  problem.budgets[0] = 0.6 * least + 0.4 * most;
  std::optional<Assignment> knapsack = solveKnapsack(problem);
  ASSERT_TRUE(knapsack && *knapsack);
  Assignment program = cantFail(solveIntegerProgram(problem));
  ASSERT_TRUE(static_cast<bool>(program));
  EXPECT_NEAR(knapsack->loss, program.loss, 1e-8 * program.loss);
}

TEST(SolveAssignment, Trivial) {
  AssignmentProblem problem;
  EXPECT_TRUE(static_cast<bool>(cantFail(solveAssignment(problem))));
  EXPECT_TRUE(static_cast<bool>(cantFail(solveIntegerProgram(problem))));
  problem.layers = {{{{}, 2}, {{}, 1}, {{}, 3}}};
  EXPECT_EQ(cantFail(solveAssignment(problem)).choices[0], 1u);
  problem.layers = {{{{0}, 2}, {{0}, 1}}};
  problem.budgets = {0};
  EXPECT_EQ(cantFail(solveAssignment(problem)).choices[0], 1u);
}

TEST(AssignmentProblem, Faults) {
  AssignmentProblem good;
  good.layers = {{{{1}, 1}}, {{{1}, 1}, {{2}, 1}}};
  good.budgets = {3};
  EXPECT_EQ(good.getFault(), std::nullopt);
  auto hasFault = [&](std::function<void(AssignmentProblem &)> change,
                      llvm::StringRef text) {
    AssignmentProblem problem = good;
    change(problem);
    std::optional<std::string> fault = problem.getFault();
    EXPECT_TRUE(fault && llvm::StringRef(*fault).contains(text))
        << fault.value_or("none");
  };
  hasFault([](auto &p) { p.budgets[0] = NAN; }, "budget");
  hasFault([](auto &p) { p.layers[0].clear(); }, "layer 0 has no choices");
  hasFault([](auto &p) { p.layers[0][0].costs.clear(); }, "one cost per");
  hasFault([](auto &p) { p.layers[1][1].costs[0] = -1; }, "layer 1 has a cost");
  hasFault([](auto &p) { p.layers[1][1].loss = INFINITY; }, "loss");
  hasFault([](auto &p) { p.groups = {{0, 7}}; }, "layer 7");
  hasFault([](auto &p) { p.groups = {{0, 1}}; }, "layers 0 and 1");
  hasFault([](auto &p) { p.pairs = {{0, 1, 1, 0, 1}}; }, "choice 1 of layer 0");
  hasFault([](auto &p) { p.pairs = {{1, 0, 1, 1, 1}}; }, "twice");
  hasFault([](auto &p) { p.pairs = {{0, 0, 1, 1, NAN}}; }, "pair");
}

TEST(DemotionOrder, PrefixesAreOptimal) {
  RandomProblem random(5);
  for (int trial = 0; trial < 60; ++trial) {
    AssignmentProblem problem = random.make(
        {1 + random.random() % 7, 4, 1, trial % 3 ? 0u : 2u, 0, true});
    std::vector<size_t> choices;
    std::vector<AssignmentStep> order = getDemotionOrder(problem, choices);
    double last = HUGE_VAL;
    for (size_t step = 0; step <= order.size(); ++step) {
      problem.budgets = {problem.getCosts(choices)[0]};
      EXPECT_LT(problem.budgets[0], last);
      last = problem.budgets[0];
      Assignment best = *solveKnapsack(problem);
      EXPECT_NEAR(best.loss, problem.getLoss(choices), 1e-9);
      if (step < order.size())
        for (size_t layer : order[step].layers)
          choices[layer] = order[step].choice;
    }
    // The end is the cheapest assignment.
    problem.budgets[0] = std::max(last - 0.5, 0.0);
    EXPECT_FALSE(static_cast<bool>(*solveKnapsack(problem)));
  }
}

TEST(BisectOrder, FindsTheLongestAcceptedPrefix) {
  for (size_t steps = 0; steps < 20; ++steps)
    for (size_t limit = 0; limit <= steps; ++limit) {
      std::vector<AssignmentStep> order;
      for (size_t i = 0; i < steps; ++i)
        order.push_back({{i}, 1});
      std::vector<size_t> start(steps, 0);
      auto count = [](llvm::ArrayRef<size_t> choices) -> std::optional<double> {
        return static_cast<double>(llvm::count(choices, 1u));
      };
      std::optional<SearchResult> result =
          bisectOrder(start, order, static_cast<double>(limit), count);
      ASSERT_TRUE(result);
      EXPECT_EQ(result->numSteps, limit);
      EXPECT_EQ(result->loss, static_cast<double>(limit));
      EXPECT_EQ(*count(result->choices), static_cast<double>(limit));
      EXPECT_LE(result->numEvaluations,
                2 + std::log2(static_cast<double>(steps + 1)));
      result = bisectOrder(start, order, -1, count);
      ASSERT_TRUE(result);
      EXPECT_TRUE(result->choices.empty());
      EXPECT_EQ(result->numEvaluations, 1u);
    }
  EXPECT_FALSE(bisectOrder({}, {}, 0, [](llvm::ArrayRef<size_t>) {
    return std::optional<double>();
  }));
}

TEST(EvolveAssignment, ReachesTheOptimumOfSmallProblems) {
  RandomProblem random(6);
  int optimal = 0, trials = 0;
  for (int trial = 0; trial < 40; ++trial) {
    AssignmentProblem problem =
        random.make({6, 4, 1 + trial % 2u, trial % 3 ? 0u : 1u, 4, true});
    Assignment best = cantFail(solveAssignment(problem));
    if (!best)
      continue;
    // Some feasible assignment.
    std::vector<size_t> start;
    forEachAssignment(problem, [&](llvm::ArrayRef<size_t> choices) {
      if (start.empty() && problem.isFeasible(choices))
        start = choices.vec();
    });
    auto evaluate =
        [&](llvm::ArrayRef<size_t> choices) -> std::optional<double> {
      EXPECT_TRUE(problem.isFeasible(choices));
      return problem.getLoss(choices);
    };
    EvolutionOptions options;
    options.seed = trial;
    std::optional<SearchResult> result =
        evolveAssignment(problem, start, evaluate, options);
    ASSERT_TRUE(result);
    EXPECT_LE(result->loss, problem.getLoss(start));
    EXPECT_GE(result->loss, best.loss - 1e-9);
    EXPECT_EQ(result->loss, problem.getLoss(result->choices));
    optimal += result->loss < best.loss + 1e-9;
    ++trials;
    // The same again.
    std::optional<SearchResult> again =
        evolveAssignment(problem, start, evaluate, options);
    EXPECT_EQ(result->choices, again->choices);
    EXPECT_EQ(result->numEvaluations, again->numEvaluations);
  }
  EXPECT_GT(trials, 20);
  EXPECT_GE(optimal, trials * 8 / 10) << trials;
}

TEST(EvolveAssignment, StopsWhenAnEvaluationFails) {
  AssignmentProblem problem;
  problem.layers = {{{{1}, 1}, {{2}, 0}}, {{{1}, 1}, {{2}, 0}}};
  problem.budgets = {3};
  int calls = 0;
  EXPECT_FALSE(evolveAssignment(
      problem, {0, 1}, [&](llvm::ArrayRef<size_t>) -> std::optional<double> {
        if (++calls == 2)
          return std::nullopt;
        return 1;
      }));
  EXPECT_EQ(calls, 2);
}

} // namespace
