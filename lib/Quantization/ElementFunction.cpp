// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds and evaluates functions of elements.

#include "ElementFunction.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/Interpreter.h"
#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

#include <list>

using namespace mlir;
using namespace qc;

bool qc::isConstant(Value value) {
  return isa_and_nonnull<ConstantOp>(value.getDefiningOp());
}

std::optional<ElementFunction> ElementFunction::find(Value source) {
  ElementFunction function(source);
  llvm::SmallDenseSet<Value> inside{source};
  llvm::SmallPtrSet<Operation *, 4> readers;
  // Whether nothing but the function reads a value.
  auto isRead = [&](Value value) {
    return llvm::all_of(value.getUsers(), [&](Operation *user) {
      return readers.contains(user);
    });
  };
  // Readers come in the block's order; sensible functions have few ops.
  constexpr size_t maxOps = 16;
  Operation *op = source.getDefiningOp();
  for (op = op ? op->getNextNode() : nullptr;
       op && function.ops.size() < maxOps; op = op->getNextNode()) {
    SmallVector<Value> variables;
    for (Value operand : op->getOperands())
      if (!isConstant(operand))
        variables.push_back(operand);
    if (llvm::none_of(variables,
                      [&](Value value) { return inside.contains(value); }))
      continue;
    auto element = dyn_cast<ElementOpInterface>(op);
    if (!element || !element.isElementwise() || op->getNumResults() != 1 ||
        op->getResult(0).getType() != source.getType() ||
        !llvm::all_of(variables,
                      [&](Value value) { return inside.contains(value); }))
      return std::nullopt;
    readers.insert(op);
    function.ops.push_back(op);
    if (llvm::all_of(inside, isRead))
      return function;
    inside.insert(op->getResult(0));
  }
  return std::nullopt;
}

FailureOr<std::vector<float>>
ElementFunction::evaluate(ArrayRef<float> points) const {
  OpBuilder builder(source.getContext());
  auto type = RankedTensorType::get(static_cast<int64_t>(points.size()),
                                    builder.getF32Type());
  Region region;
  auto *body = new Block;
  region.push_back(body);
  builder.setInsertionPointToEnd(body);
  std::vector<float> result(points.size());
  IRMapping mapping;
  mapping.map(source, body->addArgument(type, source.getLoc()));
  // Their memory is only read.
  SmallVector<MutableArrayRef<char>> buffers{
      {reinterpret_cast<char *>(const_cast<float *>(points.data())),
       points.size() * sizeof(float)}};
  std::list<SmallVector<char>> constants;
  for (Operation *op : ops) {
    for (Value operand : op->getOperands()) {
      if (mapping.contains(operand))
        continue;
      auto constant = operand.getDefiningOp<ConstantOp>();
      if (!constant ||
          cast<RankedTensorType>(operand.getType()).getNumElements() != 1)
        return failure();
      SmallVector<char> scratch;
      FailureOr<ArrayRef<char>> bytes =
          getConstantBytes(constant.getValue(), scratch);
      if (failed(bytes))
        return failure();
      constants.emplace_back(bytes->begin(), bytes->end());
      buffers.push_back(constants.back());
      auto own = cast<RankedTensorType>(operand.getType());
      auto scalar = RankedTensorType::get(
          SmallVector<int64_t>(std::min<int64_t>(own.getRank(), 1), 1),
          own.getElementType());
      mapping.map(operand, body->addArgument(scalar, operand.getLoc()));
    }
    Operation *copy = builder.clone(*op, mapping);
    copy->getResult(0).setType(type);
  }
  YieldOp::create(builder, source.getLoc(), mapping.lookup(getResult()));
  buffers.push_back(
      {reinterpret_cast<char *>(result.data()), result.size() * sizeof(float)});
  if (failed(evaluateKernel(*body, buffers)))
    return failure();
  return result;
}
