// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant folding of every tensor op through its reference decomposition.

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/Interpreter.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace qc;

/// Folding is for shape arithmetic and parameters; weights are left alone.
static constexpr int64_t largestFold = 4096;

/// Smaller results are not worth a kernel that makes them.
static constexpr int64_t smallestUnpacked = 2048;

bool qc::unpacksConstants(Operation *op) {
  if (!isa<DequantizeOp, CastOp>(op))
    return false;
  auto bytes = [](Value value) {
    return getStorageBytes(cast<RankedTensorType>(value.getType()));
  };
  int64_t packed = 0, unpacked = bytes(op->getResult(0));
  for (Value operand : op->getOperands()) {
    // A constant that others use too may be transposed at load; scales may be
    // narrower than what computes with them.
    while (isa_and_nonnull<TransposeOp, CastOp>(operand.getDefiningOp()))
      operand = operand.getDefiningOp()->getOperand(0);
    if (!operand.getDefiningOp<ConstantOp>())
      return false;
    packed += bytes(operand);
  }
  return unpacked > smallestUnpacked && 2 * unpacked >= 3 * packed;
}

LogicalResult qc::evaluateKernel(Block &body,
                                 ArrayRef<MutableArrayRef<char>> buffers) {
  Location loc = body.getTerminator()->getLoc();
  Region region;
  auto *loops = new Block;
  region.push_back(loops);
  SmallVector<Value> arguments, results;
  for (Type type : body.getArgumentTypes())
    arguments.push_back(
        loops->addArgument(getBufferType(cast<RankedTensorType>(type)), loc));
  for (Type type : body.getTerminator()->getOperandTypes())
    results.push_back(
        loops->addArgument(getBufferType(cast<RankedTensorType>(type)), loc));
  OpBuilder builder(loc.getContext());
  builder.setInsertionPointToEnd(loops);
  emitKernelLoops(builder, loc, body, arguments, results);
  return interpretLoops(*loops, buffers);
}

LogicalResult qc::evaluateOp(Operation *op,
                             ArrayRef<MutableArrayRef<char>> buffers) {
  // A kernel body around a copy of the op.
  auto withoutLayout = [](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    return RankedTensorType::get(type.getShape(), type.getElementType());
  };
  Region region;
  auto *body = new Block;
  region.push_back(body);
  OpBuilder builder(op->getContext());
  builder.setInsertionPointToEnd(body);
  Operation *copy = op->clone();
  for (OpOperand &operand : copy->getOpOperands())
    operand.set(body->addArgument(withoutLayout(operand.get()), op->getLoc()));
  for (Value result : copy->getResults())
    result.setType(withoutLayout(result));
  builder.insert(copy);
  YieldOp::create(builder, op->getLoc(), copy->getResults());
  return evaluateKernel(*body, buffers);
}

FailureOr<SmallVector<ElementsAttr>>
qc::evaluateOp(Operation *op, ArrayRef<ElementsAttr> operands) {
  SmallVector<SmallVector<char>> storage;
  for (ElementsAttr operand : operands) {
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes = getConstantBytes(operand, scratch);
    if (failed(bytes))
      return failure();
    storage.emplace_back(bytes->begin(), bytes->end());
  }
  SmallVector<RankedTensorType> types;
  for (Value result : op->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    types.push_back(
        RankedTensorType::get(type.getShape(), type.getElementType()));
    storage.emplace_back(getStorageBytes(types.back()), 0);
  }
  SmallVector<MutableArrayRef<char>> buffers(storage.begin(), storage.end());
  if (failed(evaluateOp(op, buffers)))
    return failure();
  SmallVector<ElementsAttr> results;
  for (auto [type, bytes] :
       llvm::zip_equal(types, ArrayRef(storage).drop_front(operands.size())))
    results.push_back(getConstant(type, bytes));
  return results;
}

LogicalResult qc::foldTensorOp(Operation *op, ArrayRef<Attribute> operands,
                               SmallVectorImpl<OpFoldResult> &results) {
  // A dequantized constant keeps its codes: they are what integer lowering and
  // an exporter want to see.
  if (isa<DequantizeOp>(op) || unpacksConstants(op))
    return failure();
  int64_t touched = 0;
  SmallVector<ElementsAttr> constants;
  for (Attribute operand : operands) {
    auto elements = dyn_cast_or_null<ElementsAttr>(operand);
    if (!elements || (touched += elements.getNumElements()) > largestFold)
      return failure();
    constants.push_back(elements);
  }
  int64_t produced = 0;
  for (Value result : op->getResults())
    if ((produced +=
         cast<RankedTensorType>(result.getType()).getNumElements()) >
        largestFold)
      return failure();
  if (auto element = dyn_cast<ElementOpInterface>(op))
    if (produced * element.getElementCost() > 64 * largestFold)
      return failure();
  FailureOr<SmallVector<ElementsAttr>> values = evaluateOp(op, constants);
  if (failed(values))
    return failure();
  for (ElementsAttr value : *values)
    results.push_back(value);
  return success();
}
