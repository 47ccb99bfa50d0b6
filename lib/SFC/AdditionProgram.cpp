// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Search for programs of additions, and what they compute.

#include "qc/SFC/AdditionProgram.h"

#include "AdditionNetwork.h"

#include "llvm/ADT/STLExtras.h"

#include <cassert>
#include <cstdlib>
#include <random>
#include <vector>

using namespace qc;
using namespace qc::sfc;

//===----------------------------------------------------------------------===//
// Networks
//===----------------------------------------------------------------------===//

Term AdditionNetwork::add(Term lhs, Term rhs) {
  if (lhs.isZero())
    return rhs;
  if (rhs.isZero())
    return lhs;
  if (lhs.value > rhs.value)
    std::swap(lhs, rhs);
  bool isDifference = lhs.isNegative != rhs.isNegative;
  if (isDifference && lhs.value == rhs.value)
    return {};
  auto [it, isNew] =
      known.try_emplace({lhs.value, 2 * rhs.value + isDifference},
                        numInputs + static_cast<int64_t>(nodes.size()));
  if (isNew)
    nodes.push_back({{lhs.value, false}, {rhs.value, isDifference}});
  return {it->second, lhs.isNegative};
}

llvm::SmallVector<Term> AdditionNetwork::append(const AdditionNetwork &part,
                                                llvm::ArrayRef<Term> inputs) {
  assert(static_cast<int64_t>(inputs.size()) == part.getNumInputs());
  llvm::SmallVector<Term> values(inputs);
  auto get = [&](Term term) {
    if (term.isZero())
      return term;
    return term.isNegative ? -values[term.value] : values[term.value];
  };
  for (const Node &node : part.getNodes())
    values.push_back(add(get(node.lhs), get(node.rhs)));
  llvm::SmallVector<Term> results;
  for (Term output : part.outputs)
    results.push_back(get(output));
  return results;
}

AdditionNetwork AdditionNetwork::getTransposed() const {
  AdditionNetwork transposed(outputs.size());
  // Per value the sum over its uses so far.
  llvm::SmallVector<Term> sums(numInputs + nodes.size());
  auto use = [&](Term operand, Term sum) {
    if (!operand.isZero())
      sums[operand.value] =
          transposed.add(sums[operand.value], operand.isNegative ? -sum : sum);
  };
  for (auto [i, output] : llvm::enumerate(outputs))
    use(output, {static_cast<int64_t>(i), false});
  for (int64_t value = numInputs + nodes.size(); value-- > numInputs;) {
    Term sum = sums[value];
    use(getNode(value).lhs, sum);
    use(getNode(value).rhs, sum);
  }
  transposed.outputs.assign(sums.begin(), sums.begin() + numInputs);
  return transposed;
}

//===----------------------------------------------------------------------===//
// Signs
//===----------------------------------------------------------------------===//

namespace {

/// Which nodes to compute negated. A node is a step unless both of its terms
/// are then negative; that is solved by local search (WalkSAT: Selman, Kautz,
/// Cohen, "Noise strategies for improving local search", AAAI 1994) from the
/// solution without the outputs, in which no node is negated.
class SignSearch {
public:
  explicit SignSearch(const AdditionNetwork &network);
  bool run();

  /// Per value whether it is computed negated.
  llvm::SmallVector<bool> isNegated;

private:
  bool isSatisfied(int64_t value) const;
  int64_t countBroken(int64_t value) const;

  const AdditionNetwork &network;
  llvm::SmallVector<bool> isFixed;
  /// The nodes that use a value.
  std::vector<llvm::SmallVector<int64_t>> users;
};

} // namespace

SignSearch::SignSearch(const AdditionNetwork &network) : network(network) {
  int64_t numValues = network.getNumInputs() + network.getNodes().size();
  isNegated.resize(numValues, false);
  isFixed.resize(numValues, false);
  users.resize(numValues);
  for (int64_t i = 0; i < network.getNumInputs(); ++i)
    isFixed[i] = true;
  for (int64_t i = network.getNumInputs(); i < numValues; ++i) {
    users[network.getNode(i).lhs.value].push_back(i);
    if (network.getNode(i).lhs.value != network.getNode(i).rhs.value)
      users[network.getNode(i).rhs.value].push_back(i);
  }
  // A value that is an output with both signs, and an input that is a negated
  // output, need an addition anyway.
  for (Term output : network.outputs) {
    if (output.isZero() || isFixed[output.value])
      continue;
    isFixed[output.value] = true;
    isNegated[output.value] = output.isNegative;
  }
}

bool SignSearch::isSatisfied(int64_t value) const {
  if (value < network.getNumInputs())
    return true;
  auto isPositive = [&](Term term) {
    return (term.isNegative != isNegated[term.value]) == isNegated[value];
  };
  const AdditionNetwork::Node &node = network.getNode(value);
  return isPositive(node.lhs) || isPositive(node.rhs);
}

int64_t SignSearch::countBroken(int64_t value) const {
  int64_t broken = !isSatisfied(value);
  for (int64_t user : users[value])
    broken += !isSatisfied(user);
  return broken;
}

bool SignSearch::run() {
  std::mt19937 random(1);
  const int64_t maxFlips = 20000;
  llvm::SmallVector<int64_t> worklist;
  for (size_t i = 0; i < isNegated.size(); ++i)
    worklist.push_back(i);
  for (int64_t flips = 0; flips < maxFlips;) {
    if (worklist.empty())
      return true;
    int64_t value = worklist.pop_back_val();
    if (isSatisfied(value))
      continue;
    ++flips;
    const AdditionNetwork::Node &node = network.getNode(value);
    llvm::SmallVector<std::pair<int64_t, int64_t>> candidates;
    for (int64_t other : {value, node.lhs.value, node.rhs.value}) {
      if (isFixed[other])
        continue;
      isNegated[other] = !isNegated[other];
      candidates.emplace_back(countBroken(other), other);
      isNegated[other] = !isNegated[other];
    }
    if (candidates.empty())
      return false;
    int64_t chosen = random() % 4 == 0
                         ? candidates[random() % candidates.size()].second
                         : llvm::min_element(candidates)->second;
    isNegated[chosen] = !isNegated[chosen];
    worklist.push_back(value);
    worklist.push_back(chosen);
    worklist.append(users[chosen].begin(), users[chosen].end());
  }
  return false;
}

AdditionProgram AdditionNetwork::getProgram() const {
  SignSearch search(*this);
  // Nothing is negated without a solution; that is one but for the outputs.
  if (!search.run())
    search.isNegated.assign(search.isNegated.size(), false);

  AdditionProgram program;
  program.numInputs = numInputs;
  for (auto [i, node] : llvm::enumerate(nodes)) {
    bool isNegated = search.isNegated[numInputs + i];
    auto isNegative = [&](Term term) {
      return (term.isNegative != search.isNegated[term.value]) != isNegated;
    };
    bool lhs = isNegative(node.lhs), rhs = isNegative(node.rhs);
    if (lhs)
      program.steps.push_back({node.rhs.value, node.lhs.value, true});
    else
      program.steps.push_back({node.lhs.value, node.rhs.value, rhs});
  }
  auto addStep = [&](int64_t lhs, int64_t rhs) {
    program.steps.push_back({lhs, rhs, true});
    return program.getNumValues() - 1;
  };
  int64_t zero = -1;
  llvm::DenseMap<int64_t, int64_t> negations;
  for (Term output : outputs) {
    if (output.isZero() ||
        output.isNegative == search.isNegated[output.value]) {
      program.outputs.push_back(output.value);
      continue;
    }
    auto [it, isNew] = negations.try_emplace(output.value, -1);
    if (isNew) {
      int64_t step = output.value - numInputs;
      if (step >= 0 && program.steps[step].isDifference) {
        it->second = addStep(program.steps[step].rhs, program.steps[step].lhs);
      } else {
        if (zero < 0)
          zero = addStep(0, 0);
        it->second = addStep(zero, output.value);
      }
    }
    program.outputs.push_back(it->second);
  }
  return program;
}

//===----------------------------------------------------------------------===//
// Common subexpressions
//===----------------------------------------------------------------------===//

/// Greedy elimination in `matrix`; `random`, if any, decides between equally
/// good pairs.
static AdditionNetwork eliminate(const IntegerMatrix &matrix,
                                 std::mt19937 *random) {
  AdditionNetwork network(matrix.columns);
  // Rows that are equal up to the sign are made once.
  std::vector<llvm::SmallVector<int32_t>> rows;
  llvm::SmallVector<std::pair<int64_t, bool>> sources;
  for (int64_t r = 0; r < matrix.rows; ++r) {
    llvm::SmallVector<int32_t> row(
        llvm::ArrayRef(matrix.entries)
            .slice(r * matrix.columns, matrix.columns));
    auto first = llvm::find_if(row, [](int32_t entry) { return entry != 0; });
    if (first == row.end()) {
      sources.emplace_back(-1, false);
      continue;
    }
    bool isNegative = *first < 0;
    if (isNegative)
      for (int32_t &entry : row)
        entry = -entry;
    auto it = llvm::find(rows, row);
    sources.emplace_back(it - rows.begin(), isNegative);
    if (it == rows.end())
      rows.push_back(std::move(row));
  }

  // Column i of the rows belongs to terms[i].
  llvm::SmallVector<Term> terms;
  for (int64_t i = 0; i < matrix.columns; ++i)
    terms.push_back({i, false});
  while (true) {
    // How much of the rows' sums of magnitudes a node lhs +- rhs takes away.
    struct Choice {
      int64_t gain = 0, exact = 0;
      size_t lhs = 0, rhs = 0;
      bool isDifference = false;
    } best;
    int64_t ties = 0;
    auto consider = [&](const Choice &choice) {
      if (choice.gain == 0 || std::pair(choice.gain, choice.exact) <
                                  std::pair(best.gain, best.exact))
        return;
      bool isTie = std::pair(choice.gain, choice.exact) ==
                   std::pair(best.gain, best.exact);
      ties = isTie ? ties + 1 : 1;
      if (!isTie || (random && (*random)() % ties == 0))
        best = choice;
    };
    for (size_t i = 0; i < terms.size(); ++i) {
      Choice twice{0, 0, i, i, false};
      for (llvm::ArrayRef<int32_t> row : rows) {
        twice.gain += std::abs(row[i]) / 2;
        twice.exact += std::abs(row[i]) / 2;
      }
      consider(twice);
      for (size_t j = i + 1; j < terms.size(); ++j) {
        Choice sum{0, 0, i, j, false}, difference{0, 0, i, j, true};
        for (llvm::ArrayRef<int32_t> row : rows) {
          if (row[i] == 0 || row[j] == 0)
            continue;
          Choice &choice = (row[i] < 0) == (row[j] < 0) ? sum : difference;
          choice.gain += std::min(std::abs(row[i]), std::abs(row[j]));
          choice.exact += std::abs(row[i]) == std::abs(row[j]);
        }
        consider(sum);
        consider(difference);
      }
    }
    if (best.gain == 0)
      break;
    Term rhs = terms[best.rhs];
    terms.push_back(
        network.add(terms[best.lhs], best.isDifference ? -rhs : rhs));
    for (llvm::SmallVector<int32_t> &row : rows) {
      int32_t &left = row[best.lhs], &right = row[best.rhs];
      int32_t taken = 0;
      if (best.lhs == best.rhs) {
        taken = left / 2;
        left -= 2 * taken;
      } else if (left != 0 && right != 0 &&
                 ((left < 0) != (right < 0)) == best.isDifference) {
        int32_t magnitude = std::min(std::abs(left), std::abs(right));
        taken = left < 0 ? -magnitude : magnitude;
        left -= taken;
        right -= best.isDifference ? -taken : taken;
      }
      row.push_back(taken);
    }
  }

  llvm::SmallVector<Term> results;
  for (llvm::ArrayRef<int32_t> row : rows) {
    auto it = llvm::find_if(row, [](int32_t entry) { return entry != 0; });
    Term term = terms[it - row.begin()];
    results.push_back(*it < 0 ? -term : term);
  }
  for (auto [source, isNegative] : sources) {
    Term term = source < 0 ? Term() : results[source];
    network.outputs.push_back(isNegative ? -term : term);
  }
  return network;
}

AdditionNetwork sfc::findNetwork(const IntegerMatrix &matrix) {
  IntegerMatrix transposed(matrix.columns, matrix.rows);
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t column = 0; column < matrix.columns; ++column)
      transposed.at(column, row) = matrix.at(row, column);

  const unsigned numOrders = 16;
  AdditionNetwork best = eliminate(matrix, nullptr);
  for (unsigned seed = 0; seed < numOrders; ++seed) {
    std::mt19937 random(seed);
    for (AdditionNetwork network :
         {eliminate(matrix, &random),
          eliminate(transposed, &random).getTransposed()})
      if (network.getNodes().size() < best.getNodes().size())
        best = std::move(network);
  }
  return best;
}

AdditionProgram qc::scheduleAdditions(const IntegerMatrix &matrix) {
  return findNetwork(matrix).getProgram();
}

//===----------------------------------------------------------------------===//
// Linear forms
//===----------------------------------------------------------------------===//

/// Per value its coefficients of the inputs.
static std::vector<llvm::SmallVector<int64_t>>
getForms(const AdditionProgram &program) {
  std::vector<llvm::SmallVector<int64_t>> forms;
  for (int64_t i = 0; i < program.numInputs; ++i) {
    forms.emplace_back(program.numInputs);
    forms.back()[i] = 1;
  }
  for (const AdditionProgram::Step &step : program.steps) {
    llvm::SmallVector<int64_t> form(forms[step.lhs]);
    for (auto [sum, rhs] : llvm::zip_equal(form, forms[step.rhs]))
      sum += step.isDifference ? -rhs : rhs;
    forms.push_back(std::move(form));
  }
  return forms;
}

llvm::SmallVector<IntegerRange>
qc::getRanges(const AdditionProgram &program,
              llvm::ArrayRef<IntegerRange> inputs) {
  assert(static_cast<int64_t>(inputs.size()) == program.numInputs);
  llvm::SmallVector<IntegerRange> ranges;
  for (llvm::ArrayRef<int64_t> form : getForms(program)) {
    IntegerRange range{0, 0};
    for (auto [coefficient, input] : llvm::zip_equal(form, inputs)) {
      int64_t low = coefficient * input.low, high = coefficient * input.high;
      range.low += std::min(low, high);
      range.high += std::max(low, high);
    }
    ranges.push_back(range);
  }
  return ranges;
}

IntegerMatrix qc::getMatrix(const AdditionProgram &program) {
  std::vector<llvm::SmallVector<int64_t>> forms = getForms(program);
  IntegerMatrix matrix(program.outputs.size(), program.numInputs);
  for (auto [row, output] : llvm::enumerate(program.outputs))
    if (output >= 0)
      for (auto [column, coefficient] : llvm::enumerate(forms[output]))
        matrix.at(row, column) = coefficient;
  return matrix;
}
