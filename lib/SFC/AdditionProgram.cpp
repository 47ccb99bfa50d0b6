// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Search for programs of additions, and what they compute.

#include "qc/SFC/AdditionProgram.h"

#include "AdditionNetwork.h"

#include "llvm/ADT/STLExtras.h"

#include <cassert>
#include <cstdlib>
#include <map>
#include <optional>
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
  // Per value the outputs that it is, and the sum over its uses so far.
  int64_t numValues = numInputs + nodes.size();
  std::vector<llvm::SmallVector<Term>> outputsOf(numValues);
  for (auto [i, output] : llvm::enumerate(outputs))
    if (!output.isZero())
      outputsOf[output.value].push_back(
          {static_cast<int64_t>(i), output.isNegative});
  llvm::SmallVector<Term> sums(numValues);
  for (int64_t value = numValues; value-- > 0;) {
    for (Term output : outputsOf[value])
      sums[value] = transposed.add(sums[value], output);
    if (value < numInputs)
      continue;
    for (Term operand : {getNode(value).lhs, getNode(value).rhs}) {
      Term &sum = sums[operand.value];
      sum =
          transposed.add(sum, operand.isNegative ? -sums[value] : sums[value]);
    }
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
    if (candidates.empty()) {
      // An output that is not to be had with this sign.
      isFixed[value] = false;
      isNegated[value] = !isNegated[value];
      worklist.push_back(value);
      worklist.append(users[value].begin(), users[value].end());
      continue;
    }
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

namespace {

/// Elimination in one matrix. Each row is a sum of coefficients times values,
/// first of the inputs. A new value replaces two of them wherever it can; a row
/// that is the sum or the difference of any two values, also if that cancels
/// inputs, is made at once (Boyar and Peralta, "A New Combinational Logic
/// Minimization Technique", SEA 2010, for sums modulo 2).
class Elimination {
public:
  explicit Elimination(const IntegerMatrix &matrix);

  /// `random`, if any, decides between equally good pairs.
  AdditionNetwork run(std::mt19937 *random);

private:
  using Form = llvm::SmallVector<int32_t>;

  /// A sum or a difference of two values.
  struct Pair {
    size_t lhs, rhs;
    bool isDifference;
  };

  /// Makes the first nonzero entry positive; returns whether all were negated.
  static bool normalize(Form &form);
  std::optional<Pair> choose(std::mt19937 *random) const;
  void make(Pair pair);
  void addValue(Term term, Form form);
  void makeReachableRows();

  AdditionNetwork network;
  /// What to make: the distinct rows of the matrix, normalized, and per row of
  /// the matrix which of them and whether negated; none for a row of zeros.
  std::vector<Form> targets;
  llvm::SmallVector<std::pair<int64_t, bool>> sources;
  /// Per value its term and its normalized coefficients of the inputs.
  llvm::SmallVector<Term> terms;
  std::vector<Form> forms;
  std::map<Form, size_t> valueOfForm;
  /// Per target the coefficients of the values.
  std::vector<Form> rows;
  /// Values that were not yet tried as a part of the targets.
  llvm::SmallVector<size_t> untried;
};

} // namespace

bool Elimination::normalize(Form &form) {
  auto first = llvm::find_if(form, [](int32_t entry) { return entry != 0; });
  if (first == form.end() || *first > 0)
    return false;
  for (int32_t &entry : form)
    entry = -entry;
  return true;
}

Elimination::Elimination(const IntegerMatrix &matrix)
    : network(matrix.columns) {
  for (int64_t r = 0; r < matrix.rows; ++r) {
    Form row(llvm::ArrayRef(matrix.entries)
                 .slice(r * matrix.columns, matrix.columns));
    bool isNegative = normalize(row);
    if (llvm::all_of(row, [](int32_t entry) { return entry == 0; })) {
      sources.emplace_back(-1, false);
      continue;
    }
    auto it = llvm::find(targets, row);
    sources.emplace_back(it - targets.begin(), isNegative);
    if (it == targets.end())
      targets.push_back(std::move(row));
  }
  rows.resize(targets.size());
  for (int64_t i = 0; i < matrix.columns; ++i) {
    Form form(matrix.columns);
    form[i] = 1;
    addValue({i, false}, std::move(form));
  }
  for (auto [row, target] : llvm::zip_equal(rows, targets))
    if (!valueOfForm.contains(target))
      row = target;
}

/// The node that takes away most from the sums of the magnitudes of the rows'
/// coefficients; of these the one that most often takes away both coefficients.
std::optional<Elimination::Pair>
Elimination::choose(std::mt19937 *random) const {
  std::pair<int64_t, int64_t> bestGain(0, 0);
  std::optional<Pair> best;
  int64_t numBest = 0;
  auto consider = [&](std::pair<int64_t, int64_t> gain, const Pair &pair) {
    if (gain.first == 0 || gain < bestGain)
      return;
    numBest = gain == bestGain ? numBest + 1 : 1;
    if (numBest == 1 || (random && (*random)() % numBest == 0))
      best = pair;
    bestGain = gain;
  };
  for (size_t i = 0; i < terms.size(); ++i) {
    std::pair<int64_t, int64_t> twice(0, 0);
    for (llvm::ArrayRef<int32_t> row : rows)
      twice.first += std::abs(row[i]) / 2;
    consider(twice, {i, i, false});
    for (size_t j = i + 1; j < terms.size(); ++j) {
      std::pair<int64_t, int64_t> sum(0, 0), difference(0, 0);
      for (llvm::ArrayRef<int32_t> row : rows) {
        if (row[i] == 0 || row[j] == 0)
          continue;
        auto &gain = (row[i] < 0) == (row[j] < 0) ? sum : difference;
        gain.first += std::min(std::abs(row[i]), std::abs(row[j]));
        gain.second += std::abs(row[i]) == std::abs(row[j]);
      }
      consider(sum, {i, j, false});
      consider(difference, {i, j, true});
    }
  }
  return best;
}

void Elimination::addValue(Term term, Form form) {
  size_t value = terms.size();
  terms.push_back(term);
  for (Form &row : rows)
    row.push_back(0);
  for (auto [row, target] : llvm::zip_equal(rows, targets)) {
    if (target == form) {
      llvm::fill(row, 0);
      row.back() = 1;
    }
  }
  valueOfForm[form] = value;
  forms.push_back(std::move(form));
  untried.push_back(value);
}

void Elimination::make(Pair pair) {
  Form form(forms[pair.lhs]);
  for (auto [entry, rhs] : llvm::zip_equal(form, forms[pair.rhs]))
    entry += pair.isDifference ? -rhs : rhs;
  bool isNegative = normalize(form);
  auto it = valueOfForm.find(form);
  size_t value = it == valueOfForm.end() ? terms.size() : it->second;
  if (value == terms.size()) {
    Term rhs = terms[pair.rhs];
    Term sum = network.add(terms[pair.lhs], pair.isDifference ? -rhs : rhs);
    addValue(isNegative ? -sum : sum, std::move(form));
  }
  for (Form &row : rows) {
    int32_t &lhs = row[pair.lhs], &rhs = row[pair.rhs];
    int32_t taken = 0;
    if (pair.lhs == pair.rhs) {
      taken = lhs / 2;
      lhs -= 2 * taken;
    } else if (lhs != 0 && rhs != 0 &&
               ((lhs < 0) != (rhs < 0)) == pair.isDifference) {
      int32_t magnitude = std::min(std::abs(lhs), std::abs(rhs));
      taken = lhs < 0 ? -magnitude : magnitude;
      lhs -= taken;
      rhs -= pair.isDifference ? -taken : taken;
    }
    row[value] += isNegative ? -taken : taken;
  }
}

void Elimination::makeReachableRows() {
  while (!untried.empty()) {
    size_t value = untried.pop_back_val();
    for (const Form &target : targets) {
      if (valueOfForm.contains(target))
        continue;
      // target = +- value + other, or +- value - other.
      for (bool isNegative : {false, true}) {
        Form rest(target);
        for (auto [entry, part] : llvm::zip_equal(rest, forms[value]))
          entry -= isNegative ? -part : part;
        bool isRestNegative = normalize(rest);
        auto it = valueOfForm.find(rest);
        if (it == valueOfForm.end())
          continue;
        // Both cannot be negative: all forms are normalized.
        if (isNegative)
          make({it->second, value, true});
        else
          make({value, it->second, isRestNegative});
        break;
      }
    }
  }
}

AdditionNetwork Elimination::run(std::mt19937 *random) {
  makeReachableRows();
  while (std::optional<Pair> pair = choose(random)) {
    make(*pair);
    makeReachableRows();
  }
  for (auto [source, isNegative] : sources) {
    Term term = source < 0 ? Term() : terms[valueOfForm.at(targets[source])];
    network.outputs.push_back(isNegative ? -term : term);
  }
  return std::move(network);
}

AdditionNetwork sfc::findNetwork(const IntegerMatrix &matrix,
                                 unsigned numOrders) {
  IntegerMatrix transposed(matrix.columns, matrix.rows);
  for (int64_t row = 0; row < matrix.rows; ++row)
    for (int64_t column = 0; column < matrix.columns; ++column)
      transposed.at(column, row) = matrix.at(row, column);

  AdditionNetwork best = Elimination(matrix).run(nullptr);
  for (unsigned seed = 0; seed < numOrders; ++seed) {
    std::mt19937 random(seed);
    for (AdditionNetwork network :
         {Elimination(matrix).run(&random),
          Elimination(transposed).run(&random).getTransposed()})
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
