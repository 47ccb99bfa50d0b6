// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows a layer until its outputs are used.

#include "LayerEpilogue.h"

#include "qc/Dialect/QC/Transforms/Quantization.h"

using namespace mlir;
using namespace qc;

LayerBias::LayerBias(const LinearLayer &layer) : layer(layer) {
  Operation *op = layer.getOp();
  if (layer.isConv() || !op->getResult(0).hasOneUse())
    return;
  auto add = dyn_cast<AddOp>(*op->getResult(0).getUsers().begin());
  if (!add || add.getType() != op->getResult(0).getType())
    return;
  OpOperand &other =
      add->getOpOperand(add->getOperand(0) == op->getResult(0) ? 1 : 0);
  auto type = cast<RankedTensorType>(other.get().getType());
  if (isa_and_nonnull<ConstantOp>(other.get().getDefiningOp()) &&
      type.getNumElements() == layer.rows() && type.getRank() > 0 &&
      type.getShape().back() == layer.rows())
    addend = &other;
}

Value LayerBias::getResult() const {
  return (addend ? addend->getOwner() : layer.getOp())->getResult(0);
}

std::vector<float> LayerBias::get() const {
  Value value;
  if (addend)
    value = addend->get();
  else if (auto conv = dyn_cast<ConvOp>(layer.getOp()))
    value = conv.getBias();
  FailureOr<SmallVector<float>> floats =
      value ? getConstantFloats(value)
            : FailureOr<SmallVector<float>>(failure());
  if (failed(floats))
    return std::vector<float>(layer.rows());
  return std::vector<float>(floats->begin(), floats->end());
}

void LayerBias::set(ArrayRef<float> values) {
  Operation *op = addend ? addend->getOwner() : layer.getOp();
  OpBuilder builder(op);
  SmallVector<int64_t> shape{layer.rows()};
  if (addend)
    shape.assign(cast<RankedTensorType>(addend->get().getType()).getShape());
  ElementsAttr attribute = getFloatsAttr(op->getContext(), shape, values);
  Value constant =
      ConstantOp::create(builder, op->getLoc(), attribute.getType(), attribute);
  if (addend)
    addend->set(constant);
  else
    cast<ConvOp>(op).getBiasMutable().assign(constant);
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

LayerEpilogue::LayerEpilogue(const LinearLayer &layer)
    : result(LayerBias(layer).getResult()) {
  auto getReader = [&]() -> Operation * {
    Operation *reader =
        result.hasOneUse() ? *result.getUsers().begin() : nullptr;
    return reader && reader->getNumResults() == 1 &&
                   reader->getResult(0).getType() == result.getType()
               ? reader
               : nullptr;
  };
  if (auto sum = dyn_cast_or_null<AddOp>(getReader())) {
    OpOperand &other = sum->getOpOperand(sum->getOperand(0) == result ? 1 : 0);
    Operation *producer = other.get().getDefiningOp();
    if (other.get().getType() == result.getType() &&
        (!producer || (!isa<ConstantOp>(producer) &&
                       producer->isBeforeInBlock(layer.getOp())))) {
      addend = &other;
      result = sum->getResult(0);
    }
  }
  Operation *reader = getReader();
  if (isa_and_nonnull<ReluOp>(reader)) {
    clamp.lower = 0;
    result = reader->getResult(0);
  } else if (auto clip = dyn_cast_or_null<ClipOp>(reader)) {
    std::optional<float> lower = getNumber(clip.getLower()),
                         upper = getNumber(clip.getUpper());
    if (lower && upper) {
      clamp = {*lower, *upper};
      result = clip->getResult(0);
    }
  }
}
