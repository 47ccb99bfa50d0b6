// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the operands that integer code should read as codes.
//
// Two walks. Backwards: a value "reaches" if it flows, through ops of one
// operand and ops that move elements, into the input of a convolution or matrix
// product: rounding it there is the point of quantization. A sum between
// convolutions only pays on codes if its result is rounded anyway. Forwards: a
// value "comes from a convolution" if such ops and pools lead to it, so that
// the residual streams of transformers, which need more than 8 bits, stay
// float.

#include "qc/Quantization/Points.h"

#include "ElementFunction.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

using namespace mlir;
using namespace qc;

bool qc::passesCodes(Operation *op) {
  return isa<ReshapeOp, TransposeOp, SliceOp, ConcatOp, MaxPoolOp, ExpandOp,
             TileOp>(op);
}

namespace {

class PointFinder {
public:
  explicit PointFinder(func::FuncOp function) : function(function) {}
  QuantizationPoints run();

private:
  static bool isFloat(Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return isa<Float32Type>(type.getElementType()) && type.getNumElements() > 1;
  }
  /// Operands that are no constants.
  static SmallVector<OpOperand *> getVariables(Operation *op) {
    SmallVector<OpOperand *> variables;
    for (OpOperand &operand : op->getOpOperands())
      if (!isConstant(operand.get()))
        variables.push_back(&operand);
    return variables;
  }
  /// The value of which `value` is a function of elements, such as x for
  /// x * sigmoid(x); itself if there is none.
  Value getSource(Value value) const {
    Value source = sources.lookup(value);
    return source ? source : value;
  }
  void findSource(Operation *op);
  bool isFunction(Operation *op) const {
    return op->getNumResults() == 1 && sources.contains(op->getResult(0));
  }
  static bool isLinear(Operation *op) {
    return op && isa<ConvOp, MatMulOp>(op);
  }
  /// Collects what kernels have in accumulators before they round it: `value`,
  /// the result of a convolution or product, and functions of it.
  void findAccumulators(Value value);
  void collect(Operation *op);
  void wantSum(Operation *op);

  func::FuncOp function;
  QuantizationPoints points;
  llvm::DenseSet<Value> reaches, fromConvolution, accumulators;
  llvm::DenseMap<Value, Value> sources;
};

} // namespace

void PointFinder::findSource(Operation *op) {
  auto element = dyn_cast<ElementOpInterface>(op);
  SmallVector<OpOperand *> variables = getVariables(op);
  if (!element || !element.isElementwise() || op->getNumResults() != 1 ||
      variables.empty())
    return;
  Value source = getSource(variables.front()->get());
  if (llvm::all_of(variables, [&](OpOperand *operand) {
        return getSource(operand->get()) == source;
      }))
    sources[op->getResult(0)] = source;
}

void PointFinder::findAccumulators(Value value) {
  accumulators.insert(value);
  // Biases, clamps and other functions of elements stay in the kernel.
  while (std::optional<ElementFunction> function =
             ElementFunction::find(value)) {
    value = function->getResult();
    accumulators.insert(value);
  }
}

void PointFinder::wantSum(Operation *op) {
  // One operand may stay in the accumulators: the one computed last, behind
  // which the sum is fused.
  OpOperand *kept = nullptr;
  for (OpOperand *operand : getVariables(op))
    if (accumulators.contains(operand->get()) && operand->get().hasOneUse() &&
        (!kept || kept->get().getDefiningOp()->isBeforeInBlock(
                      operand->get().getDefiningOp())))
      kept = operand;
  for (OpOperand *operand : getVariables(op))
    if (operand != kept)
      points.activations.push_back(operand);
}

void PointFinder::collect(Operation *op) {
  if (isa<ConvOp, MatMulOp>(op)) {
    if (!isFloat(op->getResult(0)))
      return;
    bool layer = LinearLayer::get(op).has_value();
    // Other convolutions compute weights at run time: leave them.
    if (!layer && isa<ConvOp>(op))
      return;
    points.activations.push_back(&op->getOpOperand(0));
    if (layer)
      points.weights.push_back(&op->getOpOperand(1));
    else if (!isConstant(op->getOperand(1)))
      points.activations.push_back(&op->getOpOperand(1));
    return;
  }
  if (auto gather = dyn_cast<GatherOp>(op)) {
    // Rows of an embedding.
    auto type = cast<RankedTensorType>(op->getOperand(0).getType());
    if (gather.getAxis() == 0 && type.getRank() == 2 &&
        isConstant(op->getOperand(0)) &&
        isa<Float32Type>(type.getElementType()))
      points.weights.push_back(&op->getOpOperand(0));
    return;
  }
  if (op->getNumResults() != 1 || !isFloat(op->getResult(0)) ||
      !reaches.contains(op->getResult(0)))
    return;
  bool between = llvm::all_of(getVariables(op), [&](OpOperand *operand) {
    return isFloat(operand->get()) && fromConvolution.contains(operand->get());
  });
  if (!between)
    return;
  if (isa<AddOp, SubOp, MulOp>(op) && getVariables(op).size() == 2 &&
      !isFunction(op))
    wantSum(op);
  else if (isa<AveragePoolOp, ResizeOp>(op) ||
           (isa<ReduceOp>(op) &&
            cast<ReduceOp>(op).getKind() == ReduceKind::Mean))
    points.activations.push_back(&op->getOpOperand(0));
}

QuantizationPoints PointFinder::run() {
  Block &body = function.getBody().front();
  auto passes = [&](Operation *op) {
    return passesCodes(op) || isFunction(op) ||
           isa<AveragePoolOp, ResizeOp, PadOp>(op) ||
           (isa<AddOp, SubOp, MulOp>(op) && isFloat(op->getResult(0)));
  };
  for (Operation &op : body.without_terminator()) {
    findSource(&op);
    if (isLinear(&op))
      findAccumulators(op.getResult(0));
    if (isa<ConvOp>(op) || ((passes(&op) || isa<ReduceOp>(op)) &&
                            llvm::any_of(op.getOperands(), [&](Value value) {
                              return fromConvolution.contains(value);
                            })))
      fromConvolution.insert(op.result_begin(), op.result_end());
  }
  for (Operation &op : llvm::reverse(body.without_terminator())) {
    bool hits = llvm::any_of(
        op.getResults(), [&](Value value) { return reaches.contains(value); });
    if (isLinear(&op)) {
      reaches.insert(op.getOperand(0));
      reaches.insert(op.getOperand(1));
    } else if (hits && (passes(&op) || isa<ReduceOp>(op))) {
      reaches.insert(op.operand_begin(), op.operand_end());
    }
  }
  for (Operation &op : body.without_terminator())
    collect(&op);
  llvm::erase_if(points.activations,
                 [](OpOperand *operand) { return !isFloat(operand->get()); });
  return std::move(points);
}

QuantizationPoints QuantizationPoints::find(func::FuncOp function) {
  return PointFinder(function).run();
}

SmallVector<std::pair<size_t, size_t>>
qc::findNeighbours(ArrayRef<LinearLayer> layers) {
  llvm::DenseMap<Operation *, size_t> numbers;
  for (auto [index, layer] : llvm::enumerate(layers))
    numbers[layer.getOp()] = index;
  SmallVector<std::pair<size_t, size_t>> neighbours;
  for (auto [second, layer] : llvm::enumerate(layers)) {
    llvm::SmallDenseSet<Operation *> seen;
    // No recursion: what is between layers may be deep.
    SmallVector<Value> worklist{layer.getInput()};
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op).second)
        continue;
      if (auto it = numbers.find(op); it != numbers.end())
        neighbours.emplace_back(it->second, second);
      else
        llvm::append_range(worklist, llvm::reverse(op->getOperands()));
    }
  }
  return neighbours;
}
