// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiple-choice knapsack with one budget.
//
// The linear relaxation takes the steps between neighbouring points of every
// group's lower convex hull in the order of falling gain per cost, the last one
// in part. It bounds what a partial assignment can still reach, and taking only
// whole steps completes it. Dynamic programming keeps, after each group, the
// partial assignments that no other one beats in both cost and loss and whose
// bound is below the best completion.

#include "AssignmentGroups.h"

#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

using namespace qc;

namespace {

/// A choice of a group.
struct Point {
  double cost, loss;
  size_t choice;
};

/// From one point of a group's hull to the next: dearer, with less loss.
struct HullStep {
  size_t group;
  /// Number of the step in its group.
  size_t index;
  double cost, gain;
  size_t choice;
};

struct State {
  double cost, loss;
  uint32_t parent, choice;
};

} // namespace

/// The choices that no other one beats: rising cost, falling loss. Without a
/// budget all cost nothing, and the best remains.
static std::vector<Point> getFront(llvm::ArrayRef<AssignmentChoice> choices) {
  std::vector<Point> points;
  for (auto [i, choice] : llvm::enumerate(choices))
    points.push_back(
        {choice.costs.empty() ? 0 : choice.costs[0], choice.loss, i});
  llvm::sort(points, [](const Point &a, const Point &b) {
    return std::tuple(a.cost, a.loss, a.choice) <
           std::tuple(b.cost, b.loss, b.choice);
  });
  std::vector<Point> front;
  for (const Point &point : points)
    if (front.empty() || point.loss < front.back().loss)
      front.push_back(point);
  return front;
}

/// The steps along the lower convex hulls of all fronts, greatest gain per cost
/// first; those of one group are in order.
static std::vector<HullStep>
getHullSteps(llvm::ArrayRef<std::vector<Point>> fronts) {
  std::vector<HullStep> steps;
  for (auto [group, front] : llvm::enumerate(fronts)) {
    std::vector<Point> hull;
    for (const Point &point : front) {
      while (hull.size() >= 2) {
        const Point &a = hull[hull.size() - 2], &b = hull.back();
        if ((a.loss - b.loss) * (point.cost - a.cost) >=
            (a.loss - point.loss) * (b.cost - a.cost))
          break;
        hull.pop_back();
      }
      hull.push_back(point);
    }
    for (size_t i = 1; i < hull.size(); ++i)
      steps.push_back({group, i - 1, hull[i].cost - hull[i - 1].cost,
                       hull[i - 1].loss - hull[i].loss, hull[i].choice});
  }
  llvm::sort(steps, [](const HullStep &a, const HullStep &b) {
    double left = a.gain / a.cost, right = b.gain / b.cost;
    return std::tuple(-left, a.group, a.index) <
           std::tuple(-right, b.group, b.index);
  });
  // Quotients of a group's steps may be equal and round the wrong way.
  std::vector<std::vector<HullStep>> ofGroup(fronts.size());
  for (const HullStep &step : steps)
    ofGroup[step.group].push_back(step);
  for (auto &list : ofGroup)
    llvm::sort(list, [](const HullStep &a, const HullStep &b) {
      return a.index < b.index;
    });
  std::vector<size_t> next(fronts.size(), 0);
  for (HullStep &step : steps)
    step = ofGroup[step.group][next[step.group]++];
  return steps;
}

/// The loss without a budget.
static double getLeastLoss(llvm::ArrayRef<std::vector<Point>> fronts) {
  double loss = 0;
  for (const std::vector<Point> &front : fronts)
    loss += front.back().loss;
  return loss;
}

std::optional<Assignment> qc::solveKnapsack(const AssignmentProblem &problem) {
  GroupedProblem grouped(problem);
  assert(problem.budgets.size() <= 1 && grouped.pairs.empty());
  double limit = problem.budgets.empty() ? 0 : getLimit(problem.budgets[0]);
  // Groups of large costs first: the last ones fill what is left.
  std::vector<size_t> order(grouped.choices.size());
  std::vector<std::vector<Point>> fronts;
  for (auto [i, choices] : llvm::enumerate(grouped.choices)) {
    order[i] = i;
    fronts.push_back(getFront(choices));
  }
  auto getExtent = [&](size_t group) {
    return fronts[group].back().cost - fronts[group].front().cost;
  };
  llvm::sort(order, [&](size_t a, size_t b) {
    return std::pair(-getExtent(a), a) < std::pair(-getExtent(b), b);
  });
  std::vector<std::vector<Point>> sorted;
  for (size_t group : order)
    sorted.push_back(std::move(fronts[group]));
  size_t numGroups = order.size();
  std::vector<HullStep> steps = getHullSteps(sorted);

  // What the groups from each one on cost and lose at their cheapest.
  std::vector<double> restCost(numGroups + 1, 0.0), restLoss(restCost);
  for (size_t g = numGroups; g-- > 0;) {
    restCost[g] = restCost[g + 1] + sorted[g].front().cost;
    restLoss[g] = restLoss[g + 1] + sorted[g].front().loss;
  }
  if (restCost[0] > limit) {
    Assignment result;
    result.nearestBudgets = {restCost[0]};
    return result;
  }

  std::vector<std::vector<State>> stages{{{0, 0, 0, 0}}};
  std::vector<size_t> best(numGroups);
  double bestLoss = std::numeric_limits<double>::infinity();
  // Completes state `index` of the last stage greedily.
  auto complete = [&](size_t index) {
    size_t first = stages.size() - 1;
    const State &state = stages.back()[index];
    double cost = state.cost + restCost[first];
    double loss = state.loss + restLoss[first];
    std::vector<size_t> taken(numGroups, 0), choice(numGroups);
    for (size_t g = first; g < numGroups; ++g)
      choice[g] = sorted[g].front().choice;
    for (const HullStep &step : steps)
      if (step.group >= first && step.index == taken[step.group] &&
          cost + step.cost <= limit) {
        ++taken[step.group];
        cost += step.cost, loss -= step.gain;
        choice[step.group] = step.choice;
      }
    if (loss >= bestLoss)
      return;
    bestLoss = loss;
    for (size_t g = first; g-- > 0;) {
      const State &at = stages[g + 1][index];
      choice[g] = at.choice;
      index = at.parent;
    }
    for (size_t g = 0; g < numGroups; ++g)
      best[order[g]] = choice[g];
  };
  complete(0);

  // Where losses follow costs closely, no end of assignments are equally good
  // but for rounding.
  double negligible = 1e-10 * (restLoss[0] - getLeastLoss(sorted));
  size_t numStates = 0;
  for (size_t g = 0; g < numGroups; ++g) {
    std::vector<State> next;
    for (auto [i, state] : llvm::enumerate(stages.back()))
      for (const Point &point : sorted[g])
        if (state.cost + point.cost + restCost[g + 1] <= limit)
          next.push_back({state.cost + point.cost, state.loss + point.loss,
                          static_cast<uint32_t>(i),
                          static_cast<uint32_t>(point.choice)});
    llvm::sort(next, [](const State &a, const State &b) {
      return std::tuple(a.cost, a.loss, a.parent, a.choice) <
             std::tuple(b.cost, b.loss, b.parent, b.choice);
    });
    // Bounds by one walk over the steps of the groups that are left, from the
    // dearest state, which can afford the fewest of them, to the cheapest.
    std::vector<State> kept;
    for (const State &state : next)
      if (kept.empty() || state.loss < kept.back().loss)
        kept.push_back(state);
    std::vector<double> bounds(kept.size());
    size_t at = 0;
    double cost = 0, gain = 0;
    for (size_t i = kept.size(); i-- > 0;) {
      double room = limit - kept[i].cost - restCost[g + 1];
      while (at < steps.size() &&
             (steps[at].group <= g || cost + steps[at].cost <= room)) {
        if (steps[at].group > g)
          cost += steps[at].cost, gain += steps[at].gain;
        ++at;
      }
      double part = at < steps.size()
                        ? steps[at].gain * (room - cost) / steps[at].cost
                        : 0;
      bounds[i] = kept[i].loss + restLoss[g + 1] - gain - part;
    }
    stages.push_back(std::move(kept));
    std::vector<State> &states = stages.back();
    // Complete the most promising ones, then drop what cannot beat them.
    std::vector<size_t> promising(states.size());
    for (size_t i = 0; i < promising.size(); ++i)
      promising[i] = i;
    size_t numPromising = std::min<size_t>(promising.size(), 8);
    std::partial_sort(promising.begin(), promising.begin() + numPromising,
                      promising.end(), [&](size_t a, size_t b) {
                        return std::pair(bounds[a], a) <
                               std::pair(bounds[b], b);
                      });
    for (size_t i = 0; i < numPromising; ++i)
      complete(promising[i]);
    size_t count = 0;
    for (size_t i = 0; i < states.size(); ++i)
      if (bounds[i] < bestLoss - negligible)
        states[count++] = states[i];
    states.resize(count);
    numStates += count;
    if (numStates > size_t(1) << 22)
      return std::nullopt;
    if (count == 0)
      break;
  }
  return makeAssignment(problem, grouped.expand(best));
}

std::vector<AssignmentStep>
qc::getDemotionOrder(const AssignmentProblem &problem,
                     std::vector<size_t> &start) {
  GroupedProblem grouped(problem);
  std::vector<std::vector<Point>> fronts;
  std::vector<size_t> choices;
  for (const auto &group : grouped.choices) {
    fronts.push_back(getFront(group));
    choices.push_back(fronts.back().back().choice);
  }
  start = grouped.expand(choices);
  std::vector<HullStep> steps = getHullSteps(fronts);
  // Where a step begins: the choice of the step before it, or the cheapest.
  std::vector<size_t> from;
  for (const auto &front : fronts)
    from.push_back(front.front().choice);
  std::vector<AssignmentStep> order;
  for (const HullStep &step : steps) {
    order.push_back({grouped.members[step.group], from[step.group]});
    from[step.group] = step.choice;
  }
  std::reverse(order.begin(), order.end());
  return order;
}
