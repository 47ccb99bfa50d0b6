// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups ops into fused kernels.
//
// Fusion here is composition of reference decompositions: an elementwise op
// behind a root costs no memory traffic. Only single-use values of the root's
// own shape are fused, so nothing is ever computed twice. An op that widens,
// such as a dequantization, moves to the kernel that reads it where that is
// elementwise there: the narrow tensor is what goes through memory.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

#include <list>

namespace qc {
#define GEN_PASS_DEF_FORMKERNELS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Ops of one future kernel in program order.
struct Group {
  SmallVector<Operation *> ops;
  bool hasRoot = false;
};

bool isElementwise(Operation *op) {
  auto element = dyn_cast<ElementOpInterface>(op);
  return element && element.isElementwise();
}

/// Whether `op` computes and so belongs to a kernel.
bool isKernelOp(Operation *op) {
  return isa<ElementOpInterface, BlockOpInterface>(op) && !isa<ReshapeOp>(op);
}

RankedTensorType resultType(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType());
}

/// Sub-byte results of a kernel are written by the byte, which only the general
/// loops do: ops with such results end a kernel unless what reads them joins
/// it.
bool isByteAddressed(Operation *op) {
  Type element = resultType(op).getElementType();
  return element.isInteger(1) || element.getIntOrFloatBitWidth() >= 8;
}

/// Ops between \p value and the one op behind all of its uses (included), such
/// as the sigmoid and the product of x * sigmoid(x); empty if its uses do not
/// meet within a few elementwise ops of the same shape.
SmallVector<Operation *> findDiamond(Value value) {
  constexpr size_t longest = 16;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  SmallVector<Operation *> inside;
  llvm::SmallSetVector<Operation *, 8> frontier(value.user_begin(),
                                                value.user_end());
  while (inside.size() < longest) {
    Operation *first =
        *llvm::min_element(frontier, [](Operation *lhs, Operation *rhs) {
          return lhs->isBeforeInBlock(rhs);
        });
    if (!isElementwise(first) || !isByteAddressed(first) ||
        resultType(first).getShape() != shape)
      return {};
    frontier.remove(first);
    inside.push_back(first);
    if (frontier.empty())
      return inside;
    if (first->use_empty())
      return {};
    frontier.insert(first->user_begin(), first->user_end());
  }
  return {};
}

/// A short name for the schedule that computes a kernel.
StringRef getFamily(Operation *root) {
  if (isa<ConvOp, MatMulOp>(root))
    return "contraction";
  if (isa<BlockOpInterface>(root))
    return "block";
  if (isElementwise(root))
    return "elementwise";
  return cast<ElementOpInterface>(root).getElementCost() > 1 ? "reduction"
                                                             : "movement";
}

unsigned bitsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementTypeBitWidth();
}

/// The operand of the result's shape, if `op` is an elementwise op that makes
/// wider elements from it and from parameters.
Value getWidened(Operation *op) {
  if (!isElementwise(op) || op->getNumResults() != 1)
    return {};
  Value wide;
  for (Value operand : op->getOperands()) {
    if (operand.getDefiningOp<ConstantOp>())
      continue;
    if (wide || cast<RankedTensorType>(operand.getType()).getShape() !=
                    resultType(op).getShape())
      return {};
    wide = operand;
  }
  return wide && bitsOf(wide) >= 8 && bitsOf(wide) < bitsOf(op->getResult(0))
             ? wide
             : Value();
}

/// Single integers, zero points above all, stand in kernels: code for a zero
/// point of 0 is shorter, and they differ too rarely to multiply the kernels.
bool isEmbedded(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant && constant.getValue().getNumElements() == 1 &&
         isa<IntegerType>(
             cast<RankedTensorType>(value.getType()).getElementType());
}

struct FormKernels : qc::impl::FormKernelsBase<FormKernels> {
  using FormKernelsBase::FormKernelsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (!llvm::is_contained({"load", "few-rows", "registers"},
                            StringRef(unpack))) {
      module.emitError("unpack '")
          << unpack << "'; accepted are load, few-rows and registers";
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (!function.isExternal() && failed(form(function, symbols)))
        return signalPassFailure();
  }

private:
  /// Kernels by the hash of their text without the name.
  llvm::StringMap<KernelOp> known;

  LogicalResult form(func::FuncOp function, SymbolTable &symbols);
  void sinkWidening(Group &group, DenseMap<Operation *, Group *> &groupOf);
  bool unpacksInRegisters(OpOperand &use);
  void unpackInRegisters(Group &group, DenseMap<Operation *, Group *> &groupOf);
  void outline(Group &group, SymbolTable &symbols);
};

} // namespace

LogicalResult FormKernels::form(func::FuncOp function, SymbolTable &symbols) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("has control flow, which kernels cannot hold");
  std::list<Group> groups;
  DenseMap<Operation *, Group *> groupOf;
  // Multi-use values whose uses meet again, by the ops on the way.
  llvm::DenseSet<std::pair<Operation *, Value>> meets;
  for (Operation &op : function.getBody().front().without_terminator()) {
    if (!isKernelOp(&op)) {
      if (!isa<ConstantOp, ReshapeOp, DispatchOp>(op))
        return op.emitOpError(
            "has no reference decomposition and cannot be compiled");
      continue;
    }
    // Join the group of an operand that only this op uses. Other operands that
    // are computed later than that group's root are fine: the kernel runs here.
    Group *target = nullptr;
    if (isElementwise(&op) && isByteAddressed(&op)) {
      // Values that meet again behind this op come first: they must stay
      // together.
      SmallVector<Value> operands;
      for (bool meeting : {true, false})
        for (Value operand : op.getOperands())
          if (meets.contains({&op, operand}) == meeting)
            operands.push_back(operand);
      for (Value operand : operands) {
        Operation *def = operand.getDefiningOp();
        Group *candidate = def ? groupOf.lookup(def) : nullptr;
        if (!candidate ||
            !(operand.hasOneUse() || meets.contains({&op, operand})) ||
            def->getNumResults() != 1 ||
            resultType(def).getShape() != resultType(&op).getShape())
          continue;
        // Prefer the group that holds a root; two groups of elementwise ops
        // merge.
        if (!target) {
          target = candidate;
        } else if (target != candidate &&
                   !(target->hasRoot && candidate->hasRoot)) {
          for (Operation *moved : candidate->ops)
            groupOf[moved] = target;
          target->hasRoot |= candidate->hasRoot;
          llvm::append_range(target->ops, candidate->ops);
          candidate->ops.clear();
        }
      }
    }
    if (target) {
      ++numFused;
    } else {
      groups.emplace_back();
      target = &groups.back();
      target->hasRoot = !isElementwise(&op);
    }
    target->ops.push_back(&op);
    groupOf[&op] = target;
    if (op.getNumResults() == 1 && !op.getResult(0).hasOneUse() &&
        !op.use_empty() && isByteAddressed(&op) &&
        !meets.contains({*op.user_begin(), op.getResult(0)}))
      for (SmallVector<Operation *> diamond = findDiamond(op.getResult(0));
           Operation *inside : diamond)
        for (Value operand : inside->getOperands())
          if (operand == op.getResult(0) ||
              llvm::is_contained(diamond, operand.getDefiningOp()))
            meets.insert({inside, operand});
  }
  for (Group &group : groups)
    sinkWidening(group, groupOf);
  for (Group &group : groups)
    unpackInRegisters(group, groupOf);
  for (Group &group : groups)
    if (!group.ops.empty())
      outline(group, symbols);
  return success();
}

/// Rows up to which a product's time is that of reading its weights.
constexpr int64_t fewRows = 4;

/// Whether `use` is the matrix of a product of few rows that
/// qc-schedule-unpacking knows to unpack: codes of 2, 4 or 8 bits with one zero
/// point, and scales per tensor, column or block of the reduction.
static bool isUnpackedProduct(OpOperand &use) {
  auto matmul = dyn_cast<MatMulOp>(use.getOwner());
  auto dequantize = use.get().getDefiningOp<DequantizeOp>();
  if (!matmul || !dequantize || use.getOperandNumber() != 1)
    return false;
  auto type = cast<RankedTensorType>(matmul.getB().getType()),
       x = cast<RankedTensorType>(matmul.getA().getType()),
       codes = cast<RankedTensorType>(dequantize.getQ().getType());
  auto element = dyn_cast<IntegerType>(codes.getElementType());
  if (type.getRank() != 2 || !type.getElementType().isF32() ||
      !x.getElementType().isF32() || !element ||
      !llvm::is_contained({2u, 4u, 8u}, element.getWidth()))
    return false;
  int64_t depth = type.getDimSize(0), size = dequantize.getBlockSize(),
          perByte = 8 / element.getWidth();
  bool isSingle = cast<RankedTensorType>(dequantize.getScale().getType())
                      .getNumElements() == 1;
  if (size ? dequantize.getAxis() != 0 || depth % size || size % perByte
           : depth % perByte || (!isSingle && dequantize.getAxis() != 1))
    return false;
  return x.getNumElements() <= fewRows * depth &&
         getEqualIntegers(dequantize.getZero()).has_value();
}

/// Whether the reader of an unpacked constant unpacks it itself.
bool FormKernels::unpacksInRegisters(OpOperand &use) {
  return unpack == "registers"  ? isKernelOp(use.getOwner())
         : unpack == "few-rows" ? isUnpackedProduct(use)
                                : false;
}

void FormKernels::unpackInRegisters(Group &group,
                                    DenseMap<Operation *, Group *> &groupOf) {
  // What readers of the same shape compute on the fly is part of their group
  // already; a transpose in front stays.
  if (group.ops.empty() || !unpacksConstants(group.ops.back()) ||
      !llvm::all_of(ArrayRef(group.ops).drop_back(),
                    [](Operation *other) { return isa<TransposeOp>(other); }))
    return;
  Operation *op = group.ops.back();
  for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
    Group *target = groupOf.lookup(use.getOwner());
    if (!target || !unpacksInRegisters(use))
      continue;
    OpBuilder builder(use.getOwner());
    Operation *copy = builder.clone(*op);
    // One zero point for all stands in the kernel.
    if (auto dequantize = dyn_cast<DequantizeOp>(copy))
      if (std::optional<int64_t> zero = getEqualIntegers(dequantize.getZero()))
        dequantize.getZeroMutable().assign(
            buildInteger(builder, dequantize.getLoc(),
                         cast<RankedTensorType>(dequantize.getQ().getType())
                             .getElementType(),
                         *zero));
    use.set(copy->getResult(0));
    target->ops.push_back(copy);
    groupOf[copy] = target;
    ++numUnpacked;
  }
  if (!op->use_empty())
    return;
  group.ops.pop_back();
  op->erase();
}

void FormKernels::sinkWidening(Group &group,
                               DenseMap<Operation *, Group *> &groupOf) {
  while (group.hasRoot && group.ops.size() > 1) {
    llvm::sort(group.ops, [](Operation *lhs, Operation *rhs) {
      return lhs->isBeforeInBlock(rhs);
    });
    Operation *last = group.ops.back();
    Value narrow = getWidened(last);
    if (!narrow || !narrow.hasOneUse() || !last->hasOneUse() ||
        groupOf.lookup(narrow.getDefiningOp()) != &group)
      return;
    Operation *user = *last->user_begin();
    Group *target = groupOf.lookup(user);
    if (!target || target == &group || !isElementwise(user) ||
        resultType(user).getShape() != resultType(last).getShape())
      return;
    group.ops.pop_back();
    target->ops.push_back(last);
    groupOf[last] = target;
    ++numSunk;
  }
}

void FormKernels::outline(Group &group, SymbolTable &symbols) {
  // Only the last op's results leave the group; it comes last in the block.
  llvm::sort(group.ops, [](Operation *lhs, Operation *rhs) {
    return lhs->isBeforeInBlock(rhs);
  });
  Operation *last = group.ops.back();
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  llvm::SetVector<Value> inputs;
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()) && !isEmbedded(operand))
        inputs.insert(operand);
  auto root = llvm::find_if(group.ops,
                            [](Operation *op) { return !isElementwise(op); });
  Operation *rootOp = root == group.ops.end() ? group.ops.front() : *root;

  // The body's ops carry no locations of their own: equal kernels stay equal.
  MLIRContext *context = &getContext();
  Location unknown = UnknownLoc::get(context);
  SmallVector<Type> inputTypes(
      llvm::map_range(inputs, [](Value v) { return v.getType(); }));
  OpBuilder builder(context);
  auto type = builder.getFunctionType(inputTypes, last->getResultTypes());
  auto kernel = KernelOp::create(builder, unknown, "kernel", type,
                                 getFamily(rootOp), nullptr, nullptr);
  Block *body = builder.createBlock(&kernel.getBody());
  IRMapping mapping;
  for (Value input : inputs)
    mapping.map(input, body->addArgument(input.getType(), unknown));
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand) && isEmbedded(operand) &&
          !members.contains(operand.getDefiningOp())) {
        Operation *copy = builder.clone(*operand.getDefiningOp());
        copy->setLoc(unknown);
        mapping.map(operand, copy->getResult(0));
      }
  for (Operation *op : group.ops) {
    Operation *copy = builder.clone(*op, mapping);
    copy->setLoc(unknown);
  }
  SmallVector<Value> results;
  for (Value result : last->getResults())
    results.push_back(mapping.lookup(result));
  YieldOp::create(builder, unknown, results);

  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel.print(stream, OpPrintingFlags().useLocalScope());
  auto [entry, inserted] = known.try_emplace(text, kernel);
  if (inserted) {
    std::string name =
        (rootOp->getName().stripDialect() + "_" + Twine(known.size() - 1))
            .str();
    kernel.setSymName(name);
    symbols.insert(kernel);
    ++numKernels;
  } else {
    kernel.erase();
    kernel = entry->second;
  }

  SmallVector<Location> locations(
      llvm::map_range(group.ops, [](Operation *op) { return op->getLoc(); }));
  builder.setInsertionPoint(last);
  auto dispatch = DispatchOp::create(builder, FusedLoc::get(context, locations),
                                     last->getResultTypes(),
                                     kernel.getSymName(), inputs.getArrayRef());
  last->replaceAllUsesWith(dispatch);
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}
