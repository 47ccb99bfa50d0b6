// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares two forms of a model node by node: see CompareModels.h.

#include "qc/Verification/CompareModels.h"

#include "qc/Analysis/Metrics.h"
#include "qc/Analysis/NodeResults.h"
#include "qc/Analysis/Plan.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Quantization/SampleSet.h"
#include "qc/Support/Names.h"

#include "llvm/ADT/MapVector.h"

#include <cmath>

using namespace mlir;
using namespace qc;

namespace {

/// Sums that say how well o = a c + b follows r with the best a and b: codes do
/// not carry their scale.
class AffineComparison {
public:
  void add(ArrayRef<double> reference, ArrayRef<double> codes) {
    for (auto [r, c] : llvm::zip_equal(reference, codes)) {
      ++count;
      sumR += r, sumC += c;
      squareR += r * r, squareC += c * c, product += r * c;
    }
  }
  double getSQNR() const {
    return getDecibels(squareR, std::max(getVariance() - getFit(), 0.0));
  }
  /// Of r and a c + b: |a c + b|^2 is |r|^2 less the residual.
  double getCosine() const {
    double residual = std::max(getVariance() - getFit(), 0.0);
    return squareR > 0 ? std::sqrt(std::max(squareR - residual, 0.0) / squareR)
                       : 1.0;
  }

private:
  /// sum (r - mean)^2, and what of it the codes explain.
  double getVariance() const {
    return count ? squareR - sumR * sumR / count : 0;
  }
  double getFit() const {
    if (!count)
      return 0;
    double codes = squareC - sumC * sumC / count;
    double both = product - sumR * sumC / count;
    return codes > 0 ? both * both / codes : 0;
  }

  double count = 0, sumR = 0, sumC = 0, squareR = 0, squareC = 0, product = 0;
};

/// A pair of values that are compared.
struct Pair {
  NodeComparison row;
  Value reference;
  size_t referenceIndex = 0, otherIndex = 0;
  RankedTensorType referenceType, otherType;
  bool hasCodes = false;
  Comparison reals;
  AffineComparison codes;
};

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Values of a function that become results of compiled code.
struct Probes {
  llvm::SmallMapVector<Value, size_t, 16> numbers;
  std::unique_ptr<CompiledFunction> code;

  size_t add(Value value) {
    return numbers.try_emplace(value, numbers.size()).first->second;
  }
  LogicalResult compile(func::FuncOp function);
};

} // namespace

LogicalResult Probes::compile(func::FuncOp function) {
  const ExecutorInterface *executor = getExecutor(function);
  if (!executor)
    return failure();
  SmallVector<Value> arguments(function.getArguments()), results;
  for (auto &[value, number] : numbers)
    results.push_back(value);
  OwningOpRef<ModuleOp> module = extractFunction(arguments, results);
  FailureOr<std::unique_ptr<CompiledFunction>> compiled =
      executor->compile(*module->getOps<func::FuncOp>().begin());
  if (failed(compiled))
    return failure();
  code = std::move(*compiled);
  return success();
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// Only these levels can be cut into probes.
static LogicalResult checkLevel(const ModelForm &form) {
  func::FuncOp function = form.function;
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError()
           << "'" << form.path << "' has a function that is not one block";
  for (Operation &op : function.getBody().front().without_terminator())
    if (!isa<ElementOpInterface, BlockOpInterface, ConstantOp>(op))
      return op.emitError() << "'" << form.path << "' holds " << op.getName()
                            << "; accepted: the graph, QDQ and integer levels "
                               "and compiled libraries";
  return success();
}

static Block &getBody(func::FuncOp function) {
  return function.getBody().front();
}

/// The name of result `index`.
static std::string getOutputName(func::FuncOp function, unsigned index) {
  auto name = function.getResultAttrOfType<StringAttr>(index, "qc.name");
  return name ? name.str() : "output" + std::to_string(index);
}

/// Results that users see: extents of results of run-time size come behind.
static unsigned getNumOutputs(func::FuncOp function) {
  unsigned count = function.getNumResults();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto extents =
            function.getResultAttrOfType<IntegerAttr>(i, "qc.extents"))
      count = std::min<unsigned>(count, extents.getInt());
  return count;
}

static bool isCode(Type element) {
  return isa<IntegerType>(element) && !element.isInteger(1) &&
         element.getIntOrFloatBitWidth() <= 16;
}

/// Pairs of results of nodes that both functions have.
static std::vector<Pair> matchNodes(func::FuncOp reference, func::FuncOp other,
                                    Probes &referenceProbes,
                                    Probes &otherProbes) {
  std::vector<Pair> pairs;
  NodeResults nodes(getBody(reference)), otherNodes(getBody(other));
  // Where the other function has codes of a node's reals.
  llvm::StringMap<Operation *> codes;
  for (Operation &op : getBody(other))
    if (const NodeResult *node = otherNodes.getNode(&op);
        node && isCode(node->second))
      codes[node->first] = &op;
  for (Operation &op : getBody(reference)) {
    const NodeResult *node = nodes.getNode(&op);
    if (!node)
      continue;
    bool hasCodes = false;
    Operation *match = otherNodes.lookup(*node);
    if (!match && isa<FloatType>(node->second)) {
      match = codes.lookup(node->first);
      hasCodes = match != nullptr;
    }
    if (!match || match->getNumResults() != op.getNumResults())
      continue;
    for (auto [value, same] :
         llvm::zip_equal(op.getResults(), match->getResults())) {
      if (typeOf(value).getShape() != typeOf(same).getShape() ||
          typeOf(value).getNumElements() == 0)
        continue;
      Pair &pair = pairs.emplace_back();
      pair.row.node = node->first;
      if (value.getResultNumber())
        pair.row.node += ":" + std::to_string(value.getResultNumber());
      pair.row.op = op.getName().stripDialect().str();
      pair.reference = value;
      pair.referenceIndex = referenceProbes.add(value);
      pair.otherIndex = otherProbes.add(same);
      pair.referenceType = typeOf(value);
      pair.otherType = typeOf(same);
      pair.hasCodes = hasCodes;
    }
  }
  return pairs;
}

/// A pair for output `index` of the reference.
static Pair getOutputPair(func::FuncOp function, unsigned index,
                          Probes &probes) {
  Value value = getBody(function).getTerminator()->getOperand(index);
  Pair pair;
  pair.row.node = getOutputName(function, index);
  pair.row.isOutput = true;
  pair.row.op = "output";
  pair.reference = value;
  pair.referenceIndex = probes.add(value);
  pair.referenceType = pair.otherType = typeOf(value);
  return pair;
}

/// Adds the outputs that are not the results of matched nodes.
static LogicalResult matchOutputs(const ModelForm &reference,
                                  const ModelForm &other,
                                  Probes &referenceProbes, Probes &otherProbes,
                                  std::vector<Pair> &pairs) {
  func::FuncOp function = reference.function;
  unsigned count = getNumOutputs(function);
  unsigned otherCount = other.function ? getNumOutputs(other.function)
                                       : other.libraryOutputs.size();
  if (otherCount < count)
    return function.emitError()
           << "'" << other.path << "' has " << otherCount << " outputs, '"
           << reference.path << "' has " << count;
  for (unsigned index = 0; index < count; ++index) {
    Pair pair = getOutputPair(function, index, referenceProbes);
    if (other.function) {
      Value same = getBody(other.function).getTerminator()->getOperand(index);
      pair.otherIndex = otherProbes.add(same);
      pair.otherType = typeOf(same);
    } else {
      auto *found = llvm::find(other.libraryOutputs, pair.row.node);
      if (found == other.libraryOutputs.end())
        return function.emitError() << "'" << other.path << "' has no output '"
                                    << pair.row.node << "'";
      pair.otherIndex = found - other.libraryOutputs.begin();
    }
    int64_t bytes = other.function
                        ? getStorageBytes(pair.otherType)
                        : other.library->getOutput(pair.otherIndex).size();
    if (pair.otherType != pair.referenceType ||
        bytes != getStorageBytes(pair.referenceType))
      return function.emitError()
             << "output '" << pair.row.node << "' of '" << other.path
             << "' is no " << pair.referenceType << " as that of '"
             << reference.path << "'";
    if (pair.referenceType.getNumElements() &&
        llvm::none_of(pairs, [&](const Pair &each) {
          return other.function && each.referenceIndex == pair.referenceIndex &&
                 each.otherIndex == pair.otherIndex;
        }))
      pairs.push_back(std::move(pair));
  }
  return success();
}

/// Where the inputs of `form` are, in the order of the reference's.
static FailureOr<SmallVector<size_t>> matchInputs(const ModelForm &reference,
                                                  const ModelForm &form) {
  func::FuncOp function = reference.function;
  SmallVector<size_t> order;
  auto name = [](func::FuncOp of, unsigned index) {
    auto attribute = of.getArgAttrOfType<StringAttr>(index, "qc.name");
    return attribute ? attribute.str() : "input" + std::to_string(index);
  };
  SmallVector<std::string> names(form.libraryInputs);
  if (func::FuncOp own = form.function)
    for (unsigned i = 0; i < own.getNumArguments(); ++i)
      names.push_back(name(own, i));
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
    auto *found = llvm::find(names, name(function, i));
    size_t index = found - names.begin();
    bool fits = found != names.end();
    if (fits)
      fits = form.function
                 ? func::FuncOp(form.function).getArgumentTypes()[index] == type
                 : static_cast<int64_t>(form.library->getInput(index).size()) ==
                       getStorageBytes(type);
    if (!fits || names.size() != function.getNumArguments())
      return function.emitError()
             << "'" << form.path << "' has not the inputs of '"
             << reference.path << "': '" << name(function, i) << "', a "
             << type;
    order.push_back(index);
  }
  return order;
}

//===----------------------------------------------------------------------===//
// What is known of a node
//===----------------------------------------------------------------------===//

/// The worst SQNR among what `pair` is computed from.
static std::optional<double>
getInputs(const Pair &pair, const llvm::DenseMap<Value, double> &known) {
  Operation *op = pair.reference.getDefiningOp();
  if (pair.row.isOutput)
    if (auto own = known.find(pair.reference); own != known.end())
      return own->second;
  std::optional<double> worst;
  llvm::DenseSet<Value> visited;
  SmallVector<Value> worklist;
  if (op)
    llvm::append_range(worklist, op->getOperands());
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (!visited.insert(value).second)
      continue;
    if (auto found = known.find(value); found != known.end())
      worst = std::min(worst.value_or(found->second), found->second);
    else if (Operation *def = value.getDefiningOp())
      llvm::append_range(worklist, def->getOperands());
  }
  return worst;
}

/// The plan's line of a node in words.
static std::string describe(const NodePlan &line) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto &[index, format] : line.inputs) {
    stream << (text.empty() ? "" : "; ") << "input " << index << ": "
           << format.type;
    if (format.isFloat())
      continue;
    stream << ", " << format.range;
    if (format.granularity == Granularity::Block)
      stream << ", block " << format.block;
    if (format.rounding != "nearest")
      stream << ", " << format.rounding;
  }
  if (!line.by.empty())
    stream << (text.empty() ? "" : " ") << "(by " << line.by << ")";
  return text;
}

/// Lines of the module's plan by the last node that they name.
static FailureOr<llvm::StringMap<std::string>>
getDecisions(func::FuncOp function) {
  llvm::StringMap<std::string> decisions;
  auto module = function ? function->getParentOfType<ModuleOp>() : ModuleOp();
  PlanOp op = module ? getPlan(module) : PlanOp();
  if (!op)
    return decisions;
  FailureOr<Plan> plan = Plan::get(op);
  if (failed(plan))
    return failure();
  for (auto &[name, line] : plan->nodes)
    decisions[StringRef(name).rsplit('+').second.empty()
                  ? StringRef(name)
                  : StringRef(name).rsplit('+').second] = describe(line);
  return decisions;
}

//===----------------------------------------------------------------------===//
// Comparing
//===----------------------------------------------------------------------===//

static void compare(Pair &pair, ArrayRef<char> reference,
                    ArrayRef<char> other) {
  SmallVector<double> lhs = getNumbers(pair.referenceType, reference),
                      rhs = getNumbers(pair.otherType, other);
  if (pair.hasCodes)
    return pair.codes.add(lhs, rhs);
  std::vector<float> r(lhs.begin(), lhs.end()), o(rhs.begin(), rhs.end());
  pair.reals.add(r, o);
}

FailureOr<ModelsComparison> qc::compareModels(ModelForm &reference,
                                              ModelForm &other,
                                              StringRef inputs, size_t limit) {
  if (failed(checkLevel(reference)) ||
      (other.function && failed(checkLevel(other))))
    return failure();
  Probes referenceProbes, otherProbes;
  std::vector<Pair> pairs;
  if (other.function)
    pairs = matchNodes(reference.function, other.function, referenceProbes,
                       otherProbes);
  FailureOr<SmallVector<size_t>> order = matchInputs(reference, other);
  FailureOr<llvm::StringMap<std::string>> decisions =
      getDecisions(other.function);
  if (failed(order) || failed(decisions) ||
      failed(
          matchOutputs(reference, other, referenceProbes, otherProbes, pairs)))
    return failure();
  if (pairs.empty())
    return func::FuncOp(reference.function).emitError()
           << "'" << reference.path << "' and '" << other.path
           << "' have no node or output in common";
  FailureOr<SampleSet> samples =
      SampleSet::open(reference.function, inputs, limit);
  if (failed(samples) || failed(referenceProbes.compile(reference.function)) ||
      (other.function && failed(otherProbes.compile(other.function))))
    return failure();
  CompiledFunction &code = *referenceProbes.code;
  CompiledFunction &otherCode =
      other.function ? *otherProbes.code : *other.library;

  ModelsComparison comparison;
  if (failed(samples->forEach([&](size_t, SampleSet::Inputs arrays) {
        for (auto [index, bytes] : llvm::enumerate(arrays)) {
          llvm::copy(bytes, code.getInput(index).begin());
          llvm::copy(bytes, otherCode.getInput((*order)[index]).begin());
        }
        if (failed(code.run()) || failed(otherCode.run()))
          return failure();
        for (Pair &pair : pairs)
          compare(pair, code.getOutput(pair.referenceIndex),
                  otherCode.getOutput(pair.otherIndex));
        ++comparison.samples;
        return success();
      })))
    return failure();

  llvm::DenseMap<Value, double> known;
  for (Pair &pair : pairs) {
    NodeComparison &row = pair.row;
    row.sqnr = pair.hasCodes ? pair.codes.getSQNR() : pair.reals.getSQNR();
    row.cosine =
        pair.hasCodes ? pair.codes.getCosine() : pair.reals.getCosine();
    if (!pair.hasCodes)
      row.maxError = pair.reals.getMaxError();
    row.inputs = getInputs(pair, known);
    row.decision = decisions->lookup(row.node);
    // Nodes are in the order of the graph, outputs behind them.
    known.try_emplace(pair.reference, row.sqnr);
    comparison.nodes.push_back(row);
  }
  llvm::sort(comparison.nodes, [](const NodeComparison &lhs,
                                  const NodeComparison &rhs) {
    return std::tie(lhs.sqnr, lhs.node) < std::tie(rhs.sqnr, rhs.node);
  });
  return comparison;
}

const NodeComparison *ModelsComparison::getNoisiest() const {
  // The power of the noise that comes in here, not its ratio to hardly any.
  auto noise = [](double decibels) { return std::pow(10, -decibels / 10); };
  auto added = [&](const NodeComparison &node) {
    return noise(node.sqnr) - (node.inputs ? noise(*node.inputs) : 0);
  };
  auto worst = llvm::max_element(
      nodes, [&](const NodeComparison &lhs, const NodeComparison &rhs) {
        return added(lhs) < added(rhs);
      });
  return worst == nodes.end() ? nullptr : &*worst;
}
