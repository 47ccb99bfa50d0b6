// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-assign-bits: decides each node's formats.

#include "AssignmentEvaluator.h"
#include "Budget.h"
#include "ModelFunction.h"
#include "Progress.h"
#include "QuantizeActivations.h"
#include "Statistics.h"
#include "WeightFormats.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Analysis/Plan.h"
#include "qc/Quantization/LinearLayer.h"
#include "qc/Quantization/Passes.h"
#include "qc/Quantization/Points.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace qc {
#define GEN_PASS_DEF_ASSIGNBITS
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

class AssignBitsPass : public qc::impl::AssignBitsBase<AssignBitsPass> {
public:
  using AssignBitsBase::AssignBitsBase;

private:
  void runOnOperation() override;
  LogicalResult checkOptions();
  WeightFormatOptions getWeightOptions() const;
  OperandFormat getWeightFormat(OpOperand &operand, bool isFirst) const;
  FailureOr<OperandFormat> getActivationFormat(OpOperand &operand,
                                               const NodeNames &names);
  LogicalResult checkFloat(const NodeNames &names);
  bool staysFloat(Operation *op, StringRef node) const;
  /// Lines that a user wrote replace those of `plan`.
  LogicalResult addUserLines(const Plan &user, Plan &plan,
                             const NodeNames &names, bool onlyMarked);
  LogicalResult checkBudget();
  /// Replaces formats of weights in `plan` by those that the budget allows.
  LogicalResult applyBudget(func::FuncOp function, const NodeNames &names,
                            const QuantizationPoints &points, Plan &plan);
  LogicalResult collectWeights(const NodeNames &names,
                               const QuantizationPoints &points,
                               const SensitivityTable &table, const Plan &plan);
  void addPairs(const SensitivityTable &table, AssignmentProblem &problem);
  FailureOr<std::vector<size_t>> solve(func::FuncOp function,
                                       const AssignmentProblem &problem,
                                       const Plan &plan);
  FailureOr<std::vector<size_t>> solveBudgets(const AssignmentProblem &problem);
  FailureOr<std::vector<size_t>> bisect(AssignmentEvaluator &evaluator,
                                        const AssignmentProblem &problem,
                                        const Plan &plan);
  void explain(ArrayRef<size_t> choices, Plan &plan) const;
  Plan getPlanOf(ArrayRef<size_t> choices, const Plan &plan) const;

  SmallVector<Budget> budgets;
  std::vector<std::string> types;
  const SensitivityMetric *by = nullptr;
  std::vector<BudgetedWeight> weightsOfBudget;
};

} // namespace

WeightFormatOptions AssignBitsPass::getWeightOptions() const {
  return {symmetric, block, weightRange, rounding, scales};
}

LogicalResult AssignBitsPass::checkOptions() {
  ModuleOp module = getOperation();
  StringRef pass = getArgument();
  for (auto [option, value] :
       {std::pair<StringRef, StringRef>{"activations", activations},
        {"products", products}})
    if (!parseStorageType(&getContext(), value))
      return module.emitError()
             << pass << ": bad " << option << " '" << value
             << "'; accepted: f32, si2 to si16, ui2 to ui16, f8E4M3FN, f8E5M2";
  if (failed(checkWeightType(module, pass, "weights", weights)) ||
      (!ends.empty() && failed(checkWeightType(module, pass, "ends", ends))) ||
      failed(checkOption(module, pass, "activation-range", activationRange,
                         {"minmax", "moving", "percentile", "entropy", "mse"})))
    return failure();
  if (failed(getWeightOptions().check(module, pass)))
    return failure();
  return checkBudget();
}

FailureOr<OperandFormat>
AssignBitsPass::getActivationFormat(OpOperand &operand,
                                    const NodeNames &names) {
  OperandFormat format;
  bool isProduct = isa<MatMulOp>(operand.getOwner());
  bool isLayer = LinearLayer::get(operand.getOwner()).has_value();
  format.type = isProduct && !isLayer ? products : activations;
  if (tokens && isProduct && isLayer) {
    format.granularity = Granularity::Token;
    return format;
  }
  format.range = activationRange;
  TableOp statistics = getTable(getOperation(), statisticsName);
  std::string name = names.getName(operand.get());
  std::optional<LinearLayer> layer = LinearLayer::get(operand.getOwner());
  if (!layer || !layer->isDepthwise() || format.isFloat() || !statistics ||
      !statistics.getEntry(name))
    return format;
  FailureOr<ValueStatistics> values = readStatistics(statistics, name);
  if (failed(values))
    return failure();
  if (wantsChannelScales(operand, format, *values)) {
    format.granularity = Granularity::Axis;
    format.range = "minmax";
  }
  return format;
}

OperandFormat AssignBitsPass::getWeightFormat(OpOperand &operand,
                                              bool isFirst) const {
  bool isWider =
      isFirst && !ends.empty() && getFormatBits(ends) > getFormatBits(weights);
  return getWeightOptions().getFormat(operand, isWider ? ends : weights);
}

/// What stays float must exist.
LogicalResult AssignBitsPass::checkFloat(const NodeNames &names) {
  ModuleOp module = getOperation();
  for (const std::string &name : floatNodes)
    if (!names.lookup(name))
      return module.emitError() << getArgument() << ": bad float-nodes '"
                                << name << "', which no node is called";
  for (const std::string &name : floatOps)
    if (!RegisteredOperationName::lookup("qc." + name, &getContext()))
      return module.emitError()
             << getArgument() << ": bad float-ops '" << name
             << "'; accepted: names of ops without 'qc.', such as conv, matmul";
  return success();
}

bool AssignBitsPass::staysFloat(Operation *op, StringRef node) const {
  return llvm::is_contained(floatNodes, node) ||
         llvm::is_contained(floatOps, op->getName().stripDialect());
}

LogicalResult AssignBitsPass::addUserLines(const Plan &user, Plan &plan,
                                           const NodeNames &names,
                                           bool onlyMarked) {
  for (const auto &[name, node] : user.nodes) {
    bool isUsers = node.by == "user" || node.by.empty();
    if (onlyMarked && !isUsers)
      continue;
    Operation *op = names.lookup(name);
    if (!op)
      return getOperation().emitError()
             << "the plan's node '" << name << "' does not exist";
    for (const auto &[index, format] : node.inputs)
      if (index >= op->getNumOperands())
        return op->emitError()
               << "the plan's node '" << name << "' has no input " << index
               << "; accepted: below " << op->getNumOperands();
    NodePlan &own = plan.nodes[name];
    own.by = isUsers ? "user" : node.by;
    own.why = node.why;
    for (const auto &[index, format] : node.inputs)
      own.inputs[index] = format;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

LogicalResult AssignBitsPass::checkBudget() {
  ModuleOp module = getOperation();
  StringRef pass = getArgument();
  budgets.clear();
  for (const std::string &text : budget) {
    std::optional<Budget> parsed = Budget::parse(text);
    if (!parsed)
      return module.emitError() << pass << ": bad budget '" << text
                                << "'; accepted: " << Budget::getAccepted();
    budgets.push_back(*parsed);
  }
  types.assign(candidates.begin(), candidates.end());
  if (failed(checkCandidates(module, pass, "candidates", types)))
    return failure();
  SmallVector<StringRef> names;
  for (const SensitivityMetric &known : getSensitivityMetrics())
    names.push_back(known.name);
  for (const std::string &kind : share)
    if (failed(checkOption(module, pass, "share", kind,
                           {"inputs", "sums", "none"})))
      return failure();
  if (failed(checkOption(module, pass, "metric", metric, names)) ||
      failed(checkOption(
          module, pass, "solver", solver,
          {"auto", "knapsack", "milp", "bisection", "evolutionary"})))
    return failure();
  by = findSensitivityMetric(metric);
  size_t losses =
      llvm::count_if(budgets, [](const Budget &each) { return each.isLoss(); });
  if (losses && budgets.size() > 1)
    return module.emitError()
           << pass << ": an accepted loss is a budget of its own";
  if (losses ? solver != "auto" && solver != "bisection"
             : solver == "bisection")
    return module.emitError()
           << pass << ": an accepted loss and the solver bisection go together";
  if (solver == "knapsack" && budgets.size() > 1)
    return module.emitError() << pass
                              << ": the solver knapsack has one budget; "
                                 "accepted for several: milp";
  if ((losses || solver == "evolutionary") && inputs.empty())
    return module.emitError()
           << pass << ": running the model needs samples: inputs=PATH";
  bool hasLabels = !labels.empty();
  if (hasLabels != (losses && budgets.front().kind == Budget::Accuracy))
    return module.emitError()
           << pass << ": labels=FILE and the budget loss:accuracy go together";
  return success();
}

LogicalResult AssignBitsPass::collectWeights(const NodeNames &names,
                                             const QuantizationPoints &points,
                                             const SensitivityTable &table,
                                             const Plan &plan) {
  weightsOfBudget.clear();
  for (OpOperand *operand : points.weights) {
    Operation *op = operand->getOwner();
    std::string name = names.getName(op).str();
    const NodePlan *node = plan.lookup(name);
    OperandFormat format =
        node ? node->getInput(operand->getOperandNumber()) : OperandFormat();
    if (format.isFloat())
      continue;
    BudgetedWeight weight{operand, name, {}, false};
    std::optional<LinearLayer> layer = LinearLayer::get(op);
    const NodeSensitivity *known = table.lookup(name);
    auto add = [&](const OperandFormat &choice, double loss) {
      int64_t bytes = getWeightBytes(*operand, choice);
      double latency =
          predictLatency(layer ? layer->macs() : 0, bytes, choice.isFloat());
      if (known)
        if (auto it = known->formats.find(choice.type);
            it != known->formats.end())
          if (auto measured = it->second.metrics.find("latency");
              measured != it->second.metrics.end())
            latency = measured->second;
      weight.choices.push_back({choice, loss, bytes, latency});
    };
    // The user's nodes are as they are, and so are embeddings, which no metric
    // measures.
    if (node->by != "user" && layer) {
      bool isFirst = operand == points.weights.front() && !ends.empty();
      for (const std::string &type : types) {
        if (isFirst && getFormatBits(type) < getFormatBits(ends))
          continue;
        std::optional<double> loss =
            known ? getFormatLoss(*by, *known, type) : std::nullopt;
        if (!loss)
          return op->emitError()
                 << "no sensitivity of '" << name << "' as " << type
                 << " by the metric " << by->name << ": run qc-sensitivity"
                 << " with metrics=" << by->name << " formats=" << type << ",…";
        add(getWeightOptions().getFormat(*operand, type), *loss);
      }
    }
    if (weight.choices.empty()) {
      weight.isFixed = true;
      add(format, 0);
    }
    weightsOfBudget.push_back(std::move(weight));
  }
  return success();
}

void AssignBitsPass::addPairs(const SensitivityTable &table,
                              AssignmentProblem &problem) {
  // In units of the whole model's squared error.
  if (by->name != "model-mse" && by->name != "fisher")
    return;
  llvm::StringMap<size_t> numbers;
  for (auto [index, weight] : llvm::enumerate(weightsOfBudget))
    numbers[weight.node] = index;
  auto find = [&](size_t weight, StringRef type) -> std::optional<size_t> {
    for (auto [i, choice] : llvm::enumerate(weightsOfBudget[weight].choices))
      if (choice.format.type == type)
        return i;
    return std::nullopt;
  };
  for (const auto &[node, entry] : table.nodes)
    for (const auto &[other, rows] : entry.pairs) {
      auto a = numbers.find(node), b = numbers.find(other);
      if (a == numbers.end() || b == numbers.end() ||
          weightsOfBudget[a->second].isFixed ||
          weightsOfBudget[b->second].isFixed)
        continue;
      for (const auto &[own, values] : rows)
        for (const auto &[others, loss] : values)
          if (auto i = find(a->second, own))
            if (auto j = find(b->second, others))
              problem.pairs.push_back({a->second, *i, b->second, *j, loss});
    }
}

Plan AssignBitsPass::getPlanOf(ArrayRef<size_t> choices,
                               const Plan &plan) const {
  Plan result = plan;
  for (auto [weight, choice] : llvm::zip_equal(weightsOfBudget, choices)) {
    if (weight.isFixed)
      continue;
    NodePlan &node = result.nodes[weight.node];
    const OperandFormat &format = weight.choices[choice].format;
    // A layer with float weights computes with floats.
    if (format.isFloat())
      node.inputs.clear();
    node.inputs[weight.operand->getOperandNumber()] = format;
  }
  return result;
}

FailureOr<std::vector<size_t>>
AssignBitsPass::solveBudgets(const AssignmentProblem &problem) {
  ModuleOp module = getOperation();
  Assignment assignment;
  std::optional<Assignment> exact;
  if (solver == "knapsack") {
    if (problem.pairs.empty())
      exact = solveKnapsack(problem);
    if (!exact)
      return module.emitError()
             << getArgument()
             << ": the solver knapsack cannot solve this (it has pairs, or too "
                "many layers); accepted: milp, auto";
    assignment = std::move(*exact);
  } else {
    llvm::Expected<Assignment> found = solver == "milp"
                                           ? solveIntegerProgram(problem)
                                           : solveAssignment(problem);
    if (!found)
      return module.emitError()
             << getArgument() << ": " << llvm::toString(found.takeError());
    assignment = std::move(*found);
  }
  if (assignment)
    return assignment.choices;
  double numParameters = 0;
  for (const BudgetedWeight &weight : weightsOfBudget)
    numParameters += weight.getNumParameters();
  InFlightDiagnostic diagnostic =
      module.emitError() << getArgument()
                         << ": no candidates fit the budget; the nearest that "
                            "can be met: ";
  llvm::interleaveComma(llvm::zip_equal(budgets, assignment.nearestBudgets),
                        diagnostic, [&](auto pair) {
                          auto [each, nearest] = pair;
                          double unit =
                              each.getLimit(numParameters) / each.value;
                          diagnostic << each.print(nearest / unit);
                        });
  return diagnostic;
}

FailureOr<std::vector<size_t>>
AssignBitsPass::bisect(AssignmentEvaluator &evaluator,
                       const AssignmentProblem &problem, const Plan &plan) {
  std::vector<size_t> start;
  std::vector<AssignmentStep> order = getDemotionOrder(problem, start);
  Progress display("running quantized models",
                   llvm::Log2_64_Ceil(order.size() + 1) + 1, progress);
  size_t done = 0;
  double widest = 0;
  Budget::Kind kind = budgets.front().kind;
  auto evaluate = [&](ArrayRef<size_t> choices) -> std::optional<double> {
    FailureOr<ModelError> error = evaluator.evaluate(getPlanOf(choices, plan));
    if (failed(error))
      return std::nullopt;
    double quality = kind == Budget::SQNR       ? error->getSQNR()
                     : kind == Budget::Accuracy ? 100 * error->accuracy
                                                : 100 * error->agreement;
    if (done == 0)
      widest = quality;
    display.advance(++done);
    return -quality;
  };
  std::optional<SearchResult> found =
      bisectOrder(start, order, -budgets.front().value, evaluate);
  if (!found)
    return failure();
  numEvaluations += found->numEvaluations;
  if (found->choices.empty())
    return getOperation().emitError()
           << getArgument() << ": no candidates meet the budget; the nearest "
           << "that can be met: "
           << budgets.front().print(std::floor(widest * 1e3) / 1e3);
  return found->choices;
}

FailureOr<std::vector<size_t>>
AssignBitsPass::solve(func::FuncOp function, const AssignmentProblem &problem,
                      const Plan &plan) {
  bool isLoss = budgets.front().isLoss();
  if (!isLoss && solver != "evolutionary")
    return solveBudgets(problem);
  QuantizeOptions quantize;
  quantize.inputs = inputs;
  quantize.limit = limit;
  quantize.weightCorrection = weightCorrection;
  quantize.biasCorrection = biasCorrection;
  FailureOr<AssignmentEvaluator> evaluator =
      AssignmentEvaluator::create(function, quantize);
  if (failed(evaluator) || (budgets.front().kind == Budget::Accuracy &&
                            failed(evaluator->readLabels(labels))))
    return failure();
  if (isLoss)
    return bisect(*evaluator, problem, plan);
  FailureOr<std::vector<size_t>> start = solveBudgets(problem);
  if (failed(start))
    return failure();
  EvolutionOptions options;
  options.generations = generations;
  Progress display("running quantized models",
                   options.generations * options.offspring + 1, progress);
  size_t done = 0;
  std::optional<SearchResult> found = evolveAssignment(
      problem, *start,
      [&](ArrayRef<size_t> choices) -> std::optional<double> {
        FailureOr<ModelError> error =
            evaluator->evaluate(getPlanOf(choices, plan));
        if (failed(error))
          return std::nullopt;
        display.advance(++done);
        return error->relativeSquare;
      },
      options);
  if (!found)
    return failure();
  numEvaluations += found->numEvaluations;
  return found->choices;
}

void AssignBitsPass::explain(ArrayRef<size_t> choices, Plan &plan) const {
  for (auto [weight, choice] : llvm::zip_equal(weightsOfBudget, choices)) {
    if (weight.isFixed)
      continue;
    llvm::json::Object alternatives;
    for (auto [index, other] : llvm::enumerate(weight.choices))
      if (index != choice)
        alternatives[other.format.type] =
            llvm::json::Object{{"bytes", other.bytes}, {"loss", other.loss}};
    const BudgetedWeight::Choice &chosen = weight.choices[choice];
    plan.nodes[weight.node].why =
        llvm::json::Object{{"metric", by->name.str()},
                           {"loss", chosen.loss},
                           {"bytes", chosen.bytes},
                           {"alternatives", std::move(alternatives)}};
  }
}

LogicalResult AssignBitsPass::applyBudget(func::FuncOp function,
                                          const NodeNames &names,
                                          const QuantizationPoints &points,
                                          Plan &plan) {
  TableOp op = getTable(getOperation(), sensitivityName);
  if (!op)
    return function.emitError(
        "a budget needs the table @sensitivity: run qc-sensitivity before");
  FailureOr<SensitivityTable> table = SensitivityTable::get(op);
  if (failed(table) || failed(collectWeights(names, points, *table, plan)))
    return failure();
  if (weightsOfBudget.empty())
    return success();
  AssignmentProblem problem = makeProblem(weightsOfBudget, budgets);
  SmallVector<StringRef> shared(share.begin(), share.end());
  problem.groups = findGroups(
      weightsOfBudget, shared.empty() || llvm::is_contained(shared, "inputs"),
      llvm::is_contained(shared, "sums"));
  addPairs(*table, problem);
  if (std::optional<std::string> fault = problem.getFault())
    return op.emitError() << getArgument() << ": " << *fault;
  FailureOr<std::vector<size_t>> choices = solve(function, problem, plan);
  if (failed(choices))
    return failure();
  plan = getPlanOf(*choices, plan);
  explain(*choices, plan);
  for (auto [weight, choice] : llvm::zip_equal(weightsOfBudget, *choices))
    numBytes += weight.choices[choice].bytes;
  return success();
}

void AssignBitsPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<func::FuncOp> found = getFloatFunction(module, getArgument());
  if (failed(found) || failed(checkOptions()))
    return signalPassFailure();
  func::FuncOp function = *found;
  NodeNames names(function);
  if (failed(checkFloat(names)))
    return signalPassFailure();
  QuantizationPoints points = QuantizationPoints::find(function);
  Plan decided;
  auto decide = [&](OpOperand *operand, OperandFormat format) {
    StringRef name = names.getName(operand->getOwner());
    if (format.isFloat() || staysFloat(operand->getOwner(), name))
      return;
    NodePlan &node = decided.nodes[name.str()];
    node.by = getArgument().str();
    node.inputs[operand->getOperandNumber()] = std::move(format);
  };
  for (OpOperand *operand : points.activations) {
    FailureOr<OperandFormat> format = getActivationFormat(*operand, names);
    if (failed(format))
      return signalPassFailure();
    decide(operand, *format);
  }
  bool isFirst = true;
  for (OpOperand *operand : points.weights) {
    decide(operand, getWeightFormat(*operand, isFirst));
    isFirst = false;
  }
  // What the user wrote wins, in the module and above it in the file.
  if (PlanOp op = getPlan(module)) {
    FailureOr<Plan> previous = Plan::get(op);
    if (failed(previous) ||
        failed(addUserLines(*previous, decided, names, /*onlyMarked=*/true)))
      return signalPassFailure();
  }
  if (!plan.empty()) {
    FailureOr<llvm::json::Object> object =
        readJSONObject(module.getLoc(), plan);
    FailureOr<Plan> user = failed(object)
                               ? FailureOr<Plan>(failure())
                               : Plan::parse(module.getLoc(), *object);
    if (failed(user) ||
        failed(addUserLines(*user, decided, names, /*onlyMarked=*/false)))
      return signalPassFailure();
  }
  if (!budgets.empty() && failed(applyBudget(function, names, points, decided)))
    return signalPassFailure();
  weightsOfBudget.clear();
  numNodes += decided.nodes.size();
  setPlan(module, decided);
  if (!dump.empty() &&
      failed(writeJSON(module.getLoc(), dump, decided.toJSON())))
    return signalPassFailure();
}
