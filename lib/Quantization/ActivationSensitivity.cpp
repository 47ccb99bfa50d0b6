// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-activation-sensitivity: what the rounding of each activation spoils.

#include "ErrorInjector.h"
#include "ModelFunction.h"
#include "Progress.h"
#include "QuantizeActivations.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/NodeNames.h"
#include "qc/Quantization/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

namespace qc {
#define GEN_PASS_DEF_ACTIVATIONSENSITIVITY
#include "qc/Quantization/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// A value that is rounded.
struct Activation {
  DequantizeOp rounded;
  /// Nodes and their inputs that read it.
  SmallVector<std::pair<std::string, unsigned>> readers;
  /// Whether rows of it could have scales of their own.
  bool couldHaveTokens = false;
  double loss = 0;
};

struct ActivationSensitivityPass
    : qc::impl::ActivationSensitivityBase<ActivationSensitivityPass> {
  using ActivationSensitivityBase::ActivationSensitivityBase;

  void runOnOperation() override;

private:
  LogicalResult measure(func::FuncOp function, Plan &plan);
  void report(func::FuncOp function, ArrayRef<Activation> activations,
              const Plan &plan);
};

} // namespace

/// The values that `plan` rounds in `function`, which changes.
static FailureOr<SmallVector<Activation, 0>>
roundActivations(func::FuncOp function, const Plan &plan, TableOp statistics) {
  NodeNames names(function);
  if (failed(quantizeActivations(function, names, plan, statistics)))
    return failure();
  SmallVector<Activation, 0> activations;
  function.walk([&](DequantizeOp rounded) {
    if (!rounded.getQ().getDefiningOp<QuantizeOp>())
      return;
    Activation &activation = activations.emplace_back();
    activation.rounded = rounded;
    bool hasOneScale =
        cast<RankedTensorType>(rounded.getScale().getType()).getRank() == 0;
    for (OpOperand &use : rounded.getResult().getUses()) {
      activation.readers.emplace_back(names.getName(use.getOwner()).str(),
                                      use.getOperandNumber());
      activation.couldHaveTokens |= hasOneScale &&
                                    isa<MatMulOp>(use.getOwner()) &&
                                    LinearLayer::get(use.getOwner());
    }
  });
  return activations;
}

void ActivationSensitivityPass::report(func::FuncOp function,
                                       ArrayRef<Activation> activations,
                                       const Plan &plan) {
  constexpr size_t mostNamed = 5;
  double total = 0;
  SmallVector<const Activation *> order;
  for (const Activation &activation : activations) {
    total += activation.loss;
    order.push_back(&activation);
  }
  if (!(total > 0))
    return;
  llvm::sort(order, [](const Activation *a, const Activation *b) {
    return std::pair(b->loss, a) < std::pair(a->loss, b);
  });
  InFlightDiagnostic remark = function.emitRemark();
  remark << "activations rounded one by one leave "
         << llvm::formatv("{0:F1}", getDecibels(1, total)).str()
         << " dB together, the largest part of it from: ";
  double named = 0;
  bool wantsTokens = false;
  for (size_t i = 0; i < std::min(mostNamed, order.size()); ++i) {
    const Activation &activation = *order[i];
    const auto &[node, input] = activation.readers.front();
    remark << (i ? ", '" : "'") << node << "' input " << input << " ("
           << plan.lookup(node)->getInput(input).type << ", "
           << llvm::formatv("{0:F1}", 100 * activation.loss / total).str()
           << " %)";
    wantsTokens |= activation.couldHaveTokens;
    named += activation.loss;
    if (named >= 0.9 * total)
      break;
  }
  if (wantsTokens)
    remark
        << "; tokens=true gives each row of a matrix product's input a scale";
}

LogicalResult ActivationSensitivityPass::measure(func::FuncOp function,
                                                 Plan &plan) {
  const ExecutorInterface *executor = getExecutor(function);
  if (!executor)
    return failure();
  if (!ModelComparison(function).isThere())
    return function.emitError("has no f32 output that a loss could be of");
  OwningOpRef<ModuleOp> copy = getOperation().clone();
  func::FuncOp rounded = *copy->getOps<func::FuncOp>().begin();
  FailureOr<SmallVector<Activation, 0>> activations =
      roundActivations(rounded, plan, getTable(*copy, statisticsName));
  if (failed(activations))
    return failure();
  SmallVector<DequantizeOp> pairs;
  for (const Activation &activation : *activations)
    pairs.push_back(activation.rounded);
  FailureOr<SampleSet> samples = SampleSet::open(function, inputs, limit);
  FailureOr<ErrorInjector> model =
      failed(samples) ? FailureOr<ErrorInjector>(failure())
                      : ErrorInjector::create(rounded, pairs, *executor);
  if (failed(model) ||
      failed(samples->forEach([&](size_t, SampleSet::Inputs values) {
        return model->addSample(values);
      })))
    return failure();
  Progress display("rounding activations", activations->size(), progress);
  for (auto [index, activation] : llvm::enumerate(*activations)) {
    model->setShare(index, 1);
    ModelComparison comparison(function);
    if (failed(model->run(comparison)))
      return failure();
    model->setShare(index, 0);
    activation.loss = comparison.get().relativeSquare;
    for (const auto &[node, input] : activation.readers) {
      llvm::json::Object &why = plan.nodes[node].why;
      llvm::json::Value &losses =
          why.try_emplace("activations", llvm::json::Object()).first->second;
      if (!losses.getAsObject())
        losses = llvm::json::Object();
      (*losses.getAsObject())[std::to_string(input)] = activation.loss;
    }
    display.advance(index + 1);
  }
  numActivations += activations->size();
  report(function, *activations, plan);
  return success();
}

void ActivationSensitivityPass::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<func::FuncOp> function = getFloatFunction(module, getArgument());
  if (failed(function))
    return signalPassFailure();
  FailureOr<Plan> plan = readPlan(module);
  if (failed(plan) || failed(measure(*function, *plan)))
    return signalPassFailure();
  setPlan(module, *plan);
  if (!dump.empty() && failed(writeJSON(module.getLoc(), dump, plan->toJSON())))
    return signalPassFailure();
}
