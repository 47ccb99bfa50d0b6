// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns kernels into functions of loops over flat memory.

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

namespace qc {
#define GEN_PASS_DEF_LOWERKERNELS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

int64_t qc::estimateWork(KernelOp kernel) {
  int64_t work = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    int64_t elements = 0;
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults()))
      elements = std::max(
          elements, cast<RankedTensorType>(value.getType()).getNumElements());
    if (auto element = dyn_cast<ElementOpInterface>(op))
      elements =
          cast<RankedTensorType>(op.getResult(0).getType()).getNumElements() *
          element.getElementCost();
    work += elements;
  }
  return work;
}

/// Whether the kernel leaves some of a result's buffer as it is: a view writes
/// its part, and a layout may have padding.
static bool keepsResults(KernelOp kernel) {
  if (isa<PadBorderOp>(kernel.getRoot()))
    return true;
  return llvm::any_of(kernel.getResultTypes(), [](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    auto layout = dyn_cast_or_null<LayoutAttr>(tensor.getEncoding());
    return layout && layout.getNumElements() != tensor.getNumElements();
  });
}

/// "conv 1x64x56x56xui8, 64x64x3x3xsi8 strides 2x2 -> 1x64x28x28xsi32 + 6 ops".
static std::string describeShape(KernelOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto print = [&](Type type) {
    auto tensor = cast<RankedTensorType>(type);
    for (int64_t size : tensor.getShape())
      stream << size << 'x';
    stream << tensor.getElementType();
  };
  Operation *root = kernel.getRoot();
  stream << root->getName().stripDialect() << ' ';
  SmallVector<Type> operands(root->getOperandTypes());
  operands.truncate(std::min<size_t>(operands.size(), 2));
  llvm::interleaveComma(operands, stream, print);
  if (auto conv = dyn_cast<ConvOp>(root)) {
    auto list = [&](StringRef name, ArrayRef<int64_t> values) {
      if (llvm::all_equal(values) && values.front() == 1)
        return;
      stream << ' ' << name << ' ';
      llvm::interleave(values, stream, "x");
    };
    list("strides", conv.getStrides());
    list("dilations", conv.getDilations());
    if (conv.getGroup() > 1)
      stream << " groups " << conv.getGroup();
  }
  stream << " -> ";
  llvm::interleaveComma(root->getResultTypes(), stream, print);
  size_t others = llvm::count_if(
      kernel.getBody().front().without_terminator(),
      [&](Operation &op) { return &op != root && !isa<ConstantOp>(op); });
  if (others)
    stream << " + " << others << (others == 1 ? " op" : " ops");
  return text;
}

/// Multiply-accumulates of the contractions in `kernel`, and the element type
/// of their factors (null without any).
static std::pair<int64_t, Type> countMacs(KernelOp kernel) {
  int64_t macs = 0;
  Type factor;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    int64_t reduced = 0;
    if (auto conv = dyn_cast<ConvOp>(op)) {
      auto weights = cast<RankedTensorType>(conv.getW().getType());
      reduced = weights.getNumElements() /
                std::max<int64_t>(1, weights.getDimSize(0));
    } else if (auto product = dyn_cast<MatMulOp>(op)) {
      reduced =
          cast<RankedTensorType>(product.getA().getType()).getShape().back();
    }
    if (!reduced)
      continue;
    factor =
        cast<RankedTensorType>(op.getOperand(0).getType()).getElementType();
    macs += reduced *
            cast<RankedTensorType>(op.getResult(0).getType()).getNumElements();
  }
  return {macs, factor};
}

func::FuncOp qc::createLoopFunction(OpBuilder &builder, KernelOp kernel) {
  SmallVector<Type> types;
  for (Type type : llvm::concat<const Type>(kernel.getArgumentTypes(),
                                            kernel.getResultTypes()))
    types.push_back(getBufferType(cast<RankedTensorType>(type)));
  Location loc = kernel.getLoc();
  auto function = func::FuncOp::create(builder, loc, kernel.getSymName(),
                                       builder.getFunctionType(types, {}));
  function->setAttr(numResultsAttrName,
                    builder.getI64IntegerAttr(kernel.getResultTypes().size()));
  function->setAttr(familyAttrName, kernel.getFamilyAttr());
  function->setAttr(workAttrName,
                    builder.getI64IntegerAttr(estimateWork(kernel)));
  if (keepsResults(kernel))
    function->setAttr(keepsResultsAttrName, builder.getUnitAttr());
  function->setAttr(shapeAttrName,
                    builder.getStringAttr(describeShape(kernel)));
  if (auto [macs, factor] = countMacs(kernel); factor) {
    function->setAttr(macsAttrName, builder.getI64IntegerAttr(macs));
    function->setAttr(macTypeAttrName, TypeAttr::get(factor));
  }
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(builder, loc);
  return function;
}

namespace {

struct LowerKernels : qc::impl::LowerKernelsBase<LowerKernels> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      Block &entry = function.getBody().front();
      builder.setInsertionPointToStart(&entry);
      ValueRange arguments(entry.getArguments());
      size_t inputs = kernel.getArgumentTypes().size();
      emitKernelLoops(builder, kernel.getLoc(), kernel.getBody().front(),
                      arguments.take_front(inputs),
                      arguments.drop_front(inputs), rowLanes);
      kernel.erase();
    }
  }
};

} // namespace
