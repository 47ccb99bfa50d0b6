// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Formats of weights under budgets.

#include "Budget.h"

#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace qc;

namespace {
struct BudgetName {
  StringLiteral prefix;
  Budget::Kind kind;
};
} // namespace

static constexpr BudgetName budgetNames[] = {
    {"avg-bits:", Budget::AverageBits},
    {"bytes:", Budget::Bytes},
    {"latency:", Budget::Latency},
    {"loss:sqnr:", Budget::SQNR},
    {"loss:agreement:", Budget::Agreement},
    {"loss:accuracy:", Budget::Accuracy},
};

std::optional<Budget> Budget::parse(StringRef text) {
  for (const BudgetName &name : budgetNames) {
    double value;
    if (!text.consume_front(name.prefix))
      continue;
    if (text.getAsDouble(value) || !(value > 0 && std::isfinite(value)))
      return std::nullopt;
    return Budget{name.kind, value};
  }
  return std::nullopt;
}

std::string Budget::print(double number) const {
  for (const BudgetName &name : budgetNames)
    if (name.kind == kind)
      return kind == Bytes
                 ? llvm::formatv("{0}{1}", name.prefix,
                                 static_cast<int64_t>(std::ceil(number)))
                       .str()
                 // Rounded up, so that what is printed can be met.
                 : llvm::formatv("{0}{1:F4}", name.prefix,
                                 std::ceil(number * 1e4) / 1e4)
                       .str();
  return "";
}

double Budget::getLimit(double numParameters) const {
  switch (kind) {
  case AverageBits:
    return value * numParameters;
  case Latency:
    return value * 1000;
  default:
    return value;
  }
}

double qc::predictLatency(int64_t macs, int64_t bytes, bool isFloat) {
  return static_cast<double>(macs) / (isFloat ? 16000 : 50000) +
         static_cast<double>(bytes) / 10000;
}

AssignmentProblem qc::makeProblem(ArrayRef<BudgetedWeight> weights,
                                  ArrayRef<Budget> budgets) {
  SmallVector<Budget> costs;
  for (const Budget &budget : budgets)
    if (!budget.isLoss())
      costs.push_back(budget);
  bool isLimited = !costs.empty();
  if (!isLimited)
    costs.push_back({Budget::Bytes, 0});
  AssignmentProblem problem;
  double numParameters = 0;
  for (const BudgetedWeight &weight : weights) {
    numParameters += weight.getNumParameters();
    std::vector<AssignmentChoice> &choices = problem.layers.emplace_back();
    for (const BudgetedWeight::Choice &choice : weight.choices) {
      AssignmentChoice &to = choices.emplace_back();
      to.loss = choice.loss;
      for (const Budget &budget : costs)
        to.costs.push_back(
            budget.kind == Budget::Bytes ? static_cast<double>(choice.bytes)
            : budget.kind == Budget::Latency
                ? choice.latency
                : static_cast<double>(weight.getNumParameters()) *
                      getFormatBits(choice.format.type));
    }
  }
  for (const Budget &budget : costs)
    problem.budgets.push_back(isLimited ? budget.getLimit(numParameters)
                                        : 1e18);
  return problem;
}

/// The layer whose result `value` is, through ops of elements; null if none.
static Operation *getProducer(Value value) {
  Operation *op = value.getDefiningOp();
  while (isa_and_nonnull<ReluOp, ClipOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op;
}

std::vector<SmallVector<size_t>>
qc::findGroups(ArrayRef<BudgetedWeight> weights, bool inputs, bool sums) {
  llvm::DenseMap<Operation *, size_t> numbers;
  llvm::EquivalenceClasses<size_t> classes;
  auto isAlike = [&](size_t a, size_t b) {
    return llvm::equal(weights[a].choices, weights[b].choices,
                       [](const auto &x, const auto &y) {
                         return x.format.type == y.format.type;
                       });
  };
  auto join = [&](size_t a, size_t b) {
    if (!weights[a].isFixed && !weights[b].isFixed && isAlike(a, b))
      classes.unionSets(a, b);
  };
  llvm::DenseMap<Value, size_t> readers;
  for (auto [index, weight] : llvm::enumerate(weights)) {
    Operation *op = weight.operand->getOwner();
    numbers[op] = index;
    if (!inputs || !isa<MatMulOp>(op))
      continue;
    auto [it, isNew] = readers.try_emplace(op->getOperand(0), index);
    if (!isNew)
      join(it->second, index);
  }
  if (sums && !weights.empty())
    for (Operation &op : *weights.front().operand->getOwner()->getBlock()) {
      if (!isa<AddOp>(op))
        continue;
      auto a = numbers.find(getProducer(op.getOperand(0)));
      auto b = numbers.find(getProducer(op.getOperand(1)));
      if (a != numbers.end() && b != numbers.end())
        join(a->second, b->second);
    }
  std::vector<SmallVector<size_t>> groups;
  for (const auto *leader : classes)
    if (leader->isLeader()) {
      SmallVector<size_t> members(classes.member_begin(*leader),
                                  classes.member_end());
      if (members.size() > 1)
        groups.push_back(std::move(members));
    }
  return groups;
}
