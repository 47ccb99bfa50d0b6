// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-assign-bits: decides each node's formats.

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
  OperandFormat getActivationFormat(OpOperand &operand) const;
  bool staysFloat(Operation *op, StringRef node) const;
  /// Lines that a user wrote replace those of `plan`.
  LogicalResult addUserLines(const Plan &user, Plan &plan,
                             const NodeNames &names, bool onlyMarked);
};

} // namespace

WeightFormatOptions AssignBitsPass::getWeightOptions() const {
  return {symmetric, block, weightRange, rounding};
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
  return getWeightOptions().check(module, pass);
}

OperandFormat AssignBitsPass::getActivationFormat(OpOperand &operand) const {
  OperandFormat format;
  bool isProduct = isa<MatMulOp>(operand.getOwner());
  bool isLayer = LinearLayer::get(operand.getOwner()).has_value();
  format.type = isProduct && !isLayer ? products : activations;
  if (tokens && isProduct && isLayer) {
    format.granularity = Granularity::Token;
    return format;
  }
  format.range = activationRange;
  return format;
}

OperandFormat AssignBitsPass::getWeightFormat(OpOperand &operand,
                                              bool isFirst) const {
  bool isWider =
      isFirst && !ends.empty() && getFormatBits(ends) > getFormatBits(weights);
  return getWeightOptions().getFormat(operand, isWider ? ends : weights);
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
    for (const auto &[index, format] : node.inputs)
      own.inputs[index] = format;
  }
  return success();
}

void AssignBitsPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto functions = module.getOps<func::FuncOp>();
  if (!llvm::hasSingleElement(functions)) {
    module.emitError("a plan needs a module with one function; import one "
                     "combination of shapes");
    return signalPassFailure();
  }
  if (failed(checkOptions()))
    return signalPassFailure();
  func::FuncOp function = *functions.begin();
  NodeNames names(function);
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
  for (OpOperand *operand : points.activations)
    decide(operand, getActivationFormat(*operand));
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
  numNodes += decided.nodes.size();
  setPlan(module, decided);
  if (!dump.empty() &&
      failed(writeJSON(module.getLoc(), dump, decided.toJSON())))
    return signalPassFailure();
}
