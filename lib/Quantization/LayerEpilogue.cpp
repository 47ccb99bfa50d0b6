// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows a layer until its outputs are used.

#include "LayerEpilogue.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace qc;

/// The constant that the only reader of a product adds; null if there is none.
static OpOperand *findAddend(const LinearLayer &layer) {
  Value result = layer.getOp()->getResult(0);
  if (layer.isConv() || !result.hasOneUse())
    return nullptr;
  auto add = dyn_cast<AddOp>(*result.getUsers().begin());
  if (!add || add.getType() != result.getType())
    return nullptr;
  OpOperand &other = add->getOpOperand(add->getOperand(0) == result ? 1 : 0);
  auto type = cast<RankedTensorType>(other.get().getType());
  return isa_and_nonnull<ConstantOp>(other.get().getDefiningOp()) &&
                 type.getNumElements() == layer.rows() && type.getRank() > 0 &&
                 type.getShape().back() == layer.rows()
             ? &other
             : nullptr;
}

LayerBias::LayerBias(const LinearLayer &layer)
    : layer(layer), addend(findAddend(layer)) {
  Value value;
  if (addend)
    value = addend->get();
  else if (auto conv = dyn_cast<ConvOp>(layer.getOp()))
    value = conv.getBias();
  if (!value) {
    values.emplace(layer.rows());
    return;
  }
  FailureOr<SmallVector<float>> floats = getConstantFloats(value);
  if (succeeded(floats))
    values.emplace(floats->begin(), floats->end());
}

Value LayerBias::getResult() const {
  return (addend ? addend->getOwner() : layer.getOp())->getResult(0);
}

void LayerBias::set(ArrayRef<float> to) {
  values.emplace(to.begin(), to.end());
  Operation *op = addend ? addend->getOwner() : layer.getOp();
  OpBuilder builder(op);
  SmallVector<int64_t> shape{layer.rows()};
  if (addend)
    shape.assign(cast<RankedTensorType>(addend->get().getType()).getShape());
  ElementsAttr attribute = getFloatsAttr(op->getContext(), shape, to);
  Value constant =
      ConstantOp::create(builder, op->getLoc(), attribute.getType(), attribute);
  if (addend)
    addend->set(constant);
  else
    cast<ConvOp>(op).getBiasMutable().assign(constant);
}

LayerEpilogue::LayerEpilogue(const LinearLayer &layer)
    : result(LayerBias(layer).getResult()) {
  Operation *reader = result.hasOneUse() ? *result.getUsers().begin() : nullptr;
  auto sum = dyn_cast_or_null<AddOp>(reader);
  if (sum && sum.getType() == result.getType()) {
    OpOperand &other = sum->getOpOperand(sum->getOperand(0) == result ? 1 : 0);
    Operation *producer = other.get().getDefiningOp();
    if (other.get().getType() == result.getType() &&
        (!producer || (!isa<ConstantOp>(producer) &&
                       producer->isBeforeInBlock(layer.getOp())))) {
      addend = &other;
      result = sum->getResult(0);
    }
  }
  function = ElementFunction::find(result);
  // Whether it can be evaluated.
  if (function && failed(function->evaluate(0.0f)))
    function.reset();
  if (function)
    result = function->getResult();
}

/// The number of a constant with one element.
static std::optional<float> getNumber(Value value) {
  if (cast<RankedTensorType>(value.getType()).getNumElements() != 1)
    return std::nullopt;
  FailureOr<SmallVector<float>> floats = getConstantFloats(value);
  if (failed(floats))
    return std::nullopt;
  return floats->front();
}

OutputFunction LayerEpilogue::getFunction(ArrayRef<float> outputs) const {
  if (!function)
    return {};
  // A clamp's kinks are on no grid.
  if (llvm::hasSingleElement(function->getOps())) {
    Operation *op = function->getOps().front();
    if (isa<ReluOp>(op))
      return OutputFunction::clamp(0, std::numeric_limits<float>::infinity());
    if (auto clip = dyn_cast<ClipOp>(op)) {
      std::optional<float> lower = getNumber(clip.getLower()),
                           upper = getNumber(clip.getUpper());
      if (lower && upper && *lower <= *upper)
        return OutputFunction::clamp(*lower, *upper);
    }
  }
  // With room for the bias.
  auto [least, largest] = std::minmax_element(outputs.begin(), outputs.end());
  float room = std::max(*largest - *least, 1e-3f) / 8;
  float first = *least - room, last = *largest + room;
  constexpr int numPoints = 4096;
  std::vector<float> points(numPoints);
  for (int i = 0; i < numPoints; ++i)
    points[i] =
        first + (last - first) * static_cast<float>(i) / (numPoints - 1);
  FailureOr<std::vector<float>> values = function->evaluate(points);
  if (failed(values) ||
      !llvm::all_of(*values, [](float value) { return std::isfinite(value); }))
    return {};
  return OutputFunction::sampled(first, last, std::move(*values));
}
