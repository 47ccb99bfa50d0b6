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
    // A constant that others use too may be transposed at load.
    auto transpose = operand.getDefiningOp<TransposeOp>();
    if (!(transpose ? transpose.getX() : operand).getDefiningOp<ConstantOp>())
      return false;
    packed += bytes(operand);
  }
  return unpacked > smallestUnpacked && 2 * unpacked >= 3 * packed;
}

FailureOr<SmallVector<ElementsAttr>>
qc::evaluateOp(Operation *op, ArrayRef<ElementsAttr> operands) {
  MLIRContext *context = op->getContext();
  // A kernel body around a copy of the op, and the block of its loops.
  Region region;
  auto *body = new Block, *loops = new Block;
  region.push_back(body);
  region.push_back(loops);
  OpBuilder builder(context);
  IRMapping mapping;
  SmallVector<Value> argumentBuffers, resultBuffers;
  for (Value operand : op->getOperands()) {
    auto type = RankedTensorType::get(
        cast<RankedTensorType>(operand.getType()).getShape(),
        cast<RankedTensorType>(operand.getType()).getElementType());
    Value argument = body->addArgument(type, op->getLoc());
    if (!mapping.contains(operand))
      mapping.map(operand, argument);
    argumentBuffers.push_back(
        loops->addArgument(getBufferType(type), op->getLoc()));
  }
  for (Value result : op->getResults())
    resultBuffers.push_back(loops->addArgument(
        getBufferType(cast<RankedTensorType>(result.getType())), op->getLoc()));
  builder.setInsertionPointToEnd(body);
  Operation *copy = op->clone(mapping);
  for (auto [operand, argument] :
       llvm::zip_equal(copy->getOpOperands(), body->getArguments()))
    operand.set(argument);
  builder.insert(copy);
  YieldOp::create(builder, op->getLoc(), copy->getResults());
  builder.setInsertionPointToEnd(loops);
  emitKernelLoops(builder, op->getLoc(), *body, argumentBuffers, resultBuffers);

  SmallVector<SmallVector<char>> storage;
  for (ElementsAttr operand : operands) {
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes = getConstantBytes(operand, scratch);
    if (failed(bytes))
      return failure();
    storage.emplace_back(bytes->begin(), bytes->end());
  }
  for (Value result : op->getResults())
    storage.emplace_back(
        getStorageBytes(cast<RankedTensorType>(result.getType())), 0);
  SmallVector<MutableArrayRef<char>> buffers(storage.begin(), storage.end());
  if (failed(interpretLoops(*loops, buffers)))
    return failure();
  SmallVector<ElementsAttr> results;
  for (auto [result, bytes] : llvm::zip_equal(
           op->getResults(), ArrayRef(storage).drop_front(operands.size()))) {
    auto type = cast<RankedTensorType>(result.getType());
    results.push_back(getConstant(
        RankedTensorType::get(type.getShape(), type.getElementType()), bytes));
  }
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
