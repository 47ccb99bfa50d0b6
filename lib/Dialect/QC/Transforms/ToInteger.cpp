// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes on codes what stands between dequantize and quantize.
//
// Two steps. Contractions of dequantized operands become integer contractions,
// whose accumulators qc.rescale brings back to reals; what follows does not
// matter to them. Then each quantize looks backwards: if it finds nothing but
// adds, clamps and movement up to accumulators and codes, the whole chain is
// computed in units of the quantize's scale and the division goes away; if it
// finds one tensor of 8-bit codes behind elementwise functions, they become a
// table. The numerics are stated in the pass's description (Passes.td).

#include "ToInteger.h"

#include "qc/Dialect/QC/Transforms/CodeTables.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace qc {
#define GEN_PASS_DEF_TOINTEGER
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

static Value buildTable(IRRewriter &rewriter, QuantizeOp op,
                        const Quantization &target) {
  FailureOr<CodeTable> table = buildCodeTable(op, target);
  if (failed(table))
    return {};
  Value entries = buildConstant(rewriter, op.getLoc(), table->entries);
  return TableLookupOp::create(rewriter, op.getLoc(), table->codes, entries);
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {

struct ToInteger : qc::impl::ToIntegerBase<ToInteger> {
  using ToIntegerBase::ToIntegerBase;

  void runOnOperation() override;

private:
  bool convertQuantize(IRRewriter &rewriter, QuantizeOp op);
  void foldConstants(IRRewriter &rewriter);
  void reportKept();
  /// A remark's name, and where it belongs.
  remark::RemarkOpts getOptions(StringRef name) {
    return remark::RemarkOpts::name(name)
        .category("qc-to-integer")
        .function(getOperation().getName());
  }
};

/// Erases what lost its users, last first.
void eraseDead(func::FuncOp function, IRRewriter &rewriter) {
  for (Block &block : function.getBody())
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        rewriter.eraseOp(&op);
}

/// Whether a chain leads from `op` to an op of type `End`.
template <typename End> bool reaches(Operation *op) {
  llvm::SmallSetVector<Operation *, 8> reached;
  reached.insert(op);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (isa<End>(reached[i]))
      return true;
    if (isa<RescaleOp, AddOp, SubOp, ReluOp, ClipOp, ReshapeOp, TransposeOp,
            ExpandOp, SliceOp>(reached[i]))
      reached.insert(reached[i]->user_begin(), reached[i]->user_end());
  }
  return false;
}

/// Why `op`, which consumes a dequantize, stays float.
std::string whyFloat(Operation *op) {
  std::string reason;
  if (isa<ConvOp, MatMulOp>(op)) {
    if (failed(matchContraction(op, reason)))
      return reason;
    return "it was not converted";
  }
  if (auto quantize = dyn_cast<QuantizeOp>(op)) {
    FailureOr<Quantization> target = getQuantization(op, &reason);
    if (failed(target))
      return reason;
    if (!target->isPerTensor())
      return "its parameters are per axis";
    return "its codes have more than 16 bits";
  }
  if (isa<AddOp, SubOp, ReluOp, ClipOp>(op)) {
    if (!reaches<QuantizeOp>(op))
      return "no quantize follows";
    if (!isMadeOfCodes(op->getResult(0)))
      return "not all its operands are codes or accumulators";
    return "a float op uses a part of the chain, or the quantize behind it has "
           "no constant parameters per tensor of at most 16 bits";
  }
  if (isa<ReshapeOp, TransposeOp, SliceOp, ConcatOp, ExpandOp, GatherOp, PadOp,
          MaxPoolOp>(op))
    return "its operands have different parameters";
  return "it has no integer form";
}

} // namespace

bool ToInteger::convertQuantize(IRRewriter &rewriter, QuantizeOp op) {
  FailureOr<Quantization> target = getQuantization(op);
  if (failed(target) || !target->isPerTensor() ||
      target->storage.getWidth() > 16)
    return false;
  rewriter.setInsertionPoint(op);
  Value codes = buildChain(rewriter, op, *target);
  if (!codes)
    codes = buildMean(rewriter, op, *target);
  if (!codes) {
    codes = buildTable(rewriter, op, *target);
    numTables += codes ? 1 : 0;
  }
  if (!codes)
    return false;
  rewriter.replaceOp(op, codes);
  ++numRequantized;
  return true;
}

/// Dequantized constants that no integer op took become float constants, unless
/// the artefact keeps their codes.
void ToInteger::foldConstants(IRRewriter &rewriter) {
  getOperation().walk([&](DequantizeOp op) {
    ElementsAttr codes = getConstantValue(op.getQ());
    bool isKept = unpacksConstants(op);
    FailureOr<Quantization> parameters = getQuantization(op);
    ElementsAttr reals;
    if (codes && !isKept && succeeded(parameters))
      reals = dequantizeConstant(codes, *parameters);
    if (!reals && !isKept)
      return;
    for (OpOperand &use : op.getX().getUses())
      if (isa<ConvOp, MatMulOp>(use.getOwner()) && use.getOperandNumber() < 2)
        remark::missed(use.getOwner()->getLoc(), getOptions("FloatWeights"))
            << ("weights of " +
                Twine(typeOf(op.getQ()).getElementTypeBitWidth()) + " bits " +
                (isKept ? "are dequantized" : "become a float constant") +
                ": " + whyFloat(use.getOwner()))
                   .str();
    if (isKept)
      return;
    rewriter.setInsertionPoint(op);
    rewriter.replaceOp(op, buildConstant(rewriter, op.getLoc(), reals));
  });
}

void ToInteger::reportKept() {
  llvm::MapVector<Operation *, StringRef> kept;
  auto collect = [&](Operation *op, StringRef what) {
    for (Operation *user : op->getUsers())
      if (!user->hasTrait<OpTrait::IsTerminator>())
        kept.insert({user, what});
  };
  getOperation().walk([&](Operation *op) {
    if (isa<DequantizeOp>(op) && !unpacksConstants(op))
      collect(op, "dequantized codes");
    else if (isa<RescaleOp>(op) && !reaches<RoundSaturateOp>(op))
      collect(op, "accumulators");
    else if (isa<RequantizeOp>(op) && usesFixedRequantization(op))
      remark::missed(op->getLoc(), getOptions("FloatRequantize"))
          << "requantized with floats: accumulators of 64 bits have no fixed "
             "form";
  });
  for (auto [user, what] : kept) {
    ++numKept;
    remark::missed(user->getLoc(), getOptions("KeptFloat"))
        << ("'" + user->getName().getStringRef() + "' stays float on " + what +
            ": " + whyFloat(user))
               .str();
  }
}

void ToInteger::runOnOperation() {
  func::FuncOp function = getOperation();
  IRRewriter rewriter(&getContext());
  SmallVector<Operation *> contractions;
  SmallVector<QuantizeOp> quantizes;
  function.walk([&](Operation *op) {
    if (isa<ConvOp, MatMulOp>(op))
      contractions.push_back(op);
    else if (auto quantize = dyn_cast<QuantizeOp>(op))
      quantizes.push_back(quantize);
  });
  bool changed = false;
  for (Operation *op : contractions)
    if (convertContraction(rewriter, op)) {
      ++numContractions;
      changed = true;
    }
  for (QuantizeOp op : quantizes)
    changed |= convertQuantize(rewriter, op);
  if (changed)
    eraseDead(function, rewriter);
  foldConstants(rewriter);
  eraseDead(function, rewriter);
  reportKept();
}
