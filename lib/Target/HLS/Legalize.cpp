// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qc-hls-legalize: rewrites kernels until every operation has a C++ form.
//
// A printer that discovers an unknown operation half-way leaves a broken file
// and one error. So everything that can go wrong goes wrong here, with all
// operations named, and the printer has no error path. The check asks the
// expression builder that the printer uses; there is no second list of
// operations that could disagree with it.
#include "Expressions.h"
#include "Legality.h"
#include "qc/Conversion/Passes.h"
#include "qc/Target/HLS/HLS.h"
#include "qc/Target/HLS/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/Passes.h"

namespace qc::hls {
#define GEN_PASS_DEF_HLSLEGALIZE
#include "qc/Target/HLS/Passes.h.inc"
} // namespace qc::hls

using namespace mlir;

namespace qc::hls {

SmallVector<func::FuncOp> getKernels(ModuleOp module) {
  return llvm::to_vector(module.getOps<func::FuncOp>());
}

//===----------------------------------------------------------------------===//
// The check
//===----------------------------------------------------------------------===//

/// True if the expression builder has a form for `op`, whatever its operands.
static bool hasForm(Operation *op) {
  SmallVector<Expression> placeholders(op->getNumOperands(), Expression{"x"});
  return buildExpression(op, placeholders, IntegerBounds()).has_value();
}

static InFlightDiagnostic reject(Operation *op) {
  auto kernel = op->getParentOfType<func::FuncOp>();
  return op->emitError() << "in kernel '" << kernel.getSymName() << "': '"
                         << op->getName() << "' has no HLS form: ";
}

/// Index operands of an access to a checked array: none or one.
static LogicalResult checkAccess(Operation *op, Value memref) {
  // An argument or a private array was checked where it is defined.
  if (isArrayType(memref.getType(), /*isPrivate=*/true))
    return success();
  return reject(op) << "it accesses " << memref.getType()
                    << "; accepted are memrefs of rank 0 or 1 with a static "
                       "shape and no layout";
}

static LogicalResult checkScalars(Operation *op, TypeRange types) {
  for (Type type : types)
    if (!getScalarType(type))
      return reject(op) << "type " << type
                        << " is not accepted; accepted are signless integers "
                           "of at most 64 bits, index, f16, bf16, f32 and f64";
  return success();
}

static LogicalResult checkOperation(Operation *op) {
  if (isa<func::ReturnOp, scf::YieldOp, scf::ReduceOp, scf::ConditionOp>(op)) {
    if (auto reduce = dyn_cast<scf::ReduceOp>(op);
        reduce && reduce.getNumOperands() != 0)
      return reject(op) << "reductions over parallel loops are not accepted; "
                           "use a sequential loop with a carried value";
    return checkScalars(op, op->getOperandTypes());
  }
  if (auto load = dyn_cast<memref::LoadOp>(op))
    return checkAccess(op, load.getMemref());
  if (auto store = dyn_cast<memref::StoreOp>(op))
    return checkAccess(op, store.getMemref());
  if (isa<memref::AllocaOp>(op)) {
    if (isArrayType(op->getResult(0).getType(), /*isPrivate=*/true))
      return success();
    return reject(op) << "array type " << op->getResult(0).getType()
                      << " is not accepted; accepted are static memrefs of "
                         "rank 0 or 1 of scalars";
  }
  if (isa<scf::ForOp, scf::WhileOp, scf::IfOp, scf::ParallelOp>(op)) {
    if (failed(checkScalars(op, op->getOperandTypes())))
      return failure();
    return checkScalars(op, op->getResultTypes());
  }
  if (hasForm(op))
    return success();
  InFlightDiagnostic diagnostic = reject(op);
  if (isa_and_nonnull<math::MathDialect>(op->getDialect()))
    return diagnostic << "math functions have to be expanded first; accepted "
                         "on f32 and f64 are the exactly rounded ones";
  if (isa_and_nonnull<arith::ArithDialect>(op->getDialect()))
    return diagnostic << "its types or attributes are not accepted; accepted "
                         "are scalars of at most 64 bits, rounding to nearest "
                         "even";
  return diagnostic << "accepted are scalar arith and math operations, "
                       "scf.parallel, scf.for, scf.while, scf.if, memref.load, "
                       "memref.store and memref.alloca";
}

LogicalResult checkKernel(func::FuncOp kernel) {
  auto rejectKernel = [&]() {
    return kernel.emitError()
           << "kernel '" << kernel.getSymName() << "' has no HLS form: ";
  };
  if (kernel.isExternal())
    return rejectKernel() << "it has no body";
  if (!kernel.getBody().hasOneBlock())
    return rejectKernel() << "its body has several blocks; accepted is "
                             "structured control flow (scf)";
  if (kernel.getNumResults() != 0)
    return rejectKernel() << "it returns values; results are memref arguments";
  bool isLegal = true;
  for (auto [index, type] : llvm::enumerate(kernel.getArgumentTypes()))
    if (!isArrayType(type, /*isPrivate=*/false)) {
      rejectKernel() << "argument " << index << " is of type " << type
                     << "; accepted are static memrefs of rank 0 or 1 without "
                        "layout, of i8, i16, i32, i64, index, f16, bf16, f32 "
                        "or f64";
      isLegal = false;
    }
  kernel.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (succeeded(checkOperation(op)))
      return WalkResult::advance();
    // What stands inside was rejected with it.
    isLegal = false;
    return WalkResult::skip();
  });
  return success(isLegal);
}

//===----------------------------------------------------------------------===//
// Rewrites
//===----------------------------------------------------------------------===//

static bool isHalf(Type type) { return type.isF16() || type.isBF16(); }

/// Does the operation on wider types: operands are widened by `widen`, results
/// that had a narrow type are narrowed by `narrow`.
static void computeWider(Operation *op, function_ref<bool(Type)> isNarrow,
                         Type wideType,
                         function_ref<Value(OpBuilder &, Value)> widen,
                         function_ref<Value(OpBuilder &, Value, Type)> narrow) {
  OpBuilder builder(op);
  Operation *wide = op->clone();
  for (OpOperand &operand : wide->getOpOperands())
    if (isNarrow(operand.get().getType()))
      operand.set(widen(builder, operand.get()));
  for (Value result : wide->getResults())
    if (isNarrow(result.getType()))
      result.setType(wideType);
  builder.insert(wide);
  for (auto [before, after] :
       llvm::zip_equal(op->getResults(), wide->getResults()))
    before.replaceAllUsesWith(before.getType() == after.getType()
                                  ? after
                                  : narrow(builder, after, before.getType()));
  op->erase();
}

/// f16 and bf16 operations without a form of their own are computed in f32 and
/// rounded once. For sums, products, quotients and square roots this is the
/// correctly rounded result: 24 bits are enough for twice 11 bits plus 2. For
/// a fused multiply-add it is not, which therefore stays and is reported.
static bool rewriteHalf(Operation *op) {
  if (isa<math::FmaOp>(op) || !(llvm::any_of(op->getOperandTypes(), isHalf) ||
                                llvm::any_of(op->getResultTypes(), isHalf)))
    return false;
  if (isa<arith::ExtFOp, arith::TruncFOp>(op))
    return false;
  Type single = Float32Type::get(op->getContext());
  computeWider(
      op, isHalf, single,
      [&](OpBuilder &builder, Value value) -> Value {
        return arith::ExtFOp::create(builder, op->getLoc(), single, value);
      },
      [&](OpBuilder &builder, Value value, Type type) -> Value {
        return arith::TruncFOp::create(builder, op->getLoc(), type, value);
      });
  return true;
}

/// A value that nothing may depend on becomes zero.
static bool rewritePoison(Operation *op) {
  auto poison = dyn_cast<ub::PoisonOp>(op);
  if (!poison || !getScalarType(poison.getType()))
    return false;
  OpBuilder builder(op);
  Value zero = arith::ConstantOp::create(builder, op->getLoc(),
                                         builder.getZeroAttr(poison.getType()));
  poison.replaceAllUsesWith(zero);
  op->erase();
  return true;
}

/// Comparisons that ignore their operands are constants.
static bool rewriteConstantCompare(Operation *op) {
  auto compare = dyn_cast<arith::CmpFOp>(op);
  if (!compare ||
      (compare.getPredicate() != arith::CmpFPredicate::AlwaysFalse &&
       compare.getPredicate() != arith::CmpFPredicate::AlwaysTrue))
    return false;
  OpBuilder builder(op);
  bool value = compare.getPredicate() == arith::CmpFPredicate::AlwaysTrue;
  Value constant = arith::ConstantOp::create(builder, op->getLoc(),
                                             builder.getBoolAttr(value));
  compare.replaceAllUsesWith(constant);
  op->erase();
  return true;
}

/// i1 sums and differences are exclusive or, products are and; comparisons and
/// extremes are done on i8.
static bool rewriteBoolean(Operation *op) {
  if (op->getNumOperands() != 2 || !op->getOperand(0).getType().isInteger(1))
    return false;
  OpBuilder builder(op);
  auto replaceWith = [&](Value value) {
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
    return true;
  };
  if (isa<arith::AddIOp, arith::SubIOp>(op))
    return replaceWith(arith::XOrIOp::create(
        builder, op->getLoc(), op->getOperand(0), op->getOperand(1)));
  if (isa<arith::MulIOp>(op))
    return replaceWith(arith::AndIOp::create(
        builder, op->getLoc(), op->getOperand(0), op->getOperand(1)));

  bool isUnsigned = isa<arith::MinUIOp, arith::MaxUIOp>(op);
  if (auto compare = dyn_cast<arith::CmpIOp>(op))
    isUnsigned = compare.getPredicate() >= arith::CmpIPredicate::ult;
  else if (!isa<arith::MinSIOp, arith::MaxSIOp, arith::MinUIOp, arith::MaxUIOp>(
               op))
    return false;
  Type byte = IntegerType::get(op->getContext(), 8);
  // A comparison's own result stays i1: only its operands are widened.
  auto isBoolean = [](Type type) { return type.isInteger(1); };
  if (auto compare = dyn_cast<arith::CmpIOp>(op)) {
    for (OpOperand &operand : op->getOpOperands())
      operand.set(isUnsigned
                      ? Value(arith::ExtUIOp::create(builder, op->getLoc(),
                                                     byte, operand.get()))
                      : Value(arith::ExtSIOp::create(builder, op->getLoc(),
                                                     byte, operand.get())));
    return true;
  }
  computeWider(
      op, isBoolean, byte,
      [&](OpBuilder &builder, Value value) -> Value {
        if (isUnsigned)
          return arith::ExtUIOp::create(builder, op->getLoc(), byte, value);
        return arith::ExtSIOp::create(builder, op->getLoc(), byte, value);
      },
      [&](OpBuilder &builder, Value value, Type type) -> Value {
        return arith::TruncIOp::create(builder, op->getLoc(), type, value);
      });
  return true;
}

/// Products with both halves are computed in twice the width (up to 32 bits);
/// a sum with carry is the sum and "the sum is less than an operand".
static bool rewriteExtended(Operation *op) {
  OpBuilder builder(op);
  Location loc = op->getLoc();
  if (auto add = dyn_cast<arith::AddUIExtendedOp>(op)) {
    Value sum = arith::AddIOp::create(builder, loc, add.getLhs(), add.getRhs());
    Value carry = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                        sum, add.getLhs());
    op->replaceAllUsesWith(ValueRange{sum, carry});
    op->erase();
    return true;
  }
  if (!isa<arith::MulSIExtendedOp, arith::MulUIExtendedOp>(op))
    return false;
  auto narrow = dyn_cast<IntegerType>(op->getOperand(0).getType());
  if (!narrow || narrow.getWidth() > 32)
    return false;
  bool isSigned = isa<arith::MulSIExtendedOp>(op);
  Type wide = builder.getIntegerType(2 * narrow.getWidth());
  auto widen = [&](Value value) -> Value {
    if (isSigned)
      return arith::ExtSIOp::create(builder, loc, wide, value);
    return arith::ExtUIOp::create(builder, loc, wide, value);
  };
  Value product = arith::MulIOp::create(builder, loc, widen(op->getOperand(0)),
                                        widen(op->getOperand(1)));
  Value distance = arith::ConstantOp::create(
      builder, loc, builder.getIntegerAttr(wide, narrow.getWidth()));
  Value shifted = arith::ShRUIOp::create(builder, loc, product, distance);
  Value low = arith::TruncIOp::create(builder, loc, narrow, product);
  Value high = arith::TruncIOp::create(builder, loc, narrow, shifted);
  op->replaceAllUsesWith(ValueRange{low, high});
  op->erase();
  return true;
}

/// Erases dead operations, users before what they use.
static uint64_t eraseDead(Region &region) {
  uint64_t erased = 0;
  for (Block &block : region)
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
      if (isOpTriviallyDead(&op)) {
        op.erase();
        ++erased;
        continue;
      }
      for (Region &nested : op.getRegions())
        erased += eraseDead(nested);
    }
  return erased;
}

LogicalResult legalizeKernels(ModuleOp module, uint64_t &rewritten,
                              uint64_t &erased) {
  bool isLegal = true;
  for (func::FuncOp kernel : getKernels(module)) {
    // One rewrite may leave operations for another one (a sum with carry on
    // i1), so repeat until nothing changes.
    bool changed = true;
    while (changed) {
      changed = false;
      SmallVector<Operation *> operations;
      kernel.getBody().walk([&](Operation *op) {
        if (isa_and_nonnull<arith::ArithDialect, math::MathDialect,
                            ub::UBDialect>(op->getDialect()) &&
            !hasForm(op))
          operations.push_back(op);
      });
      for (Operation *op : operations)
        if (rewritePoison(op) || rewriteConstantCompare(op) ||
            rewriteHalf(op) || rewriteBoolean(op) || rewriteExtended(op)) {
          ++rewritten;
          changed = true;
        }
    }
    erased += eraseDead(kernel.getBody());
    isLegal &= succeeded(checkKernel(kernel));
  }
  return success(isLegal);
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

namespace {
struct HLSLegalizePass : impl::HLSLegalizeBase<HLSLegalizePass> {
  using impl::HLSLegalizeBase<HLSLegalizePass>::HLSLegalizeBase;

  void runOnOperation() override {
    uint64_t rewritten = 0, erased = 0;
    LogicalResult result = legalizeKernels(getOperation(), rewritten, erased);
    numRewritten += rewritten;
    numErased += erased;
    if (rewritten == 0 && erased == 0)
      markAllAnalysesPreserved();
    if (failed(result))
      signalPassFailure();
  }
};
} // namespace

void buildHLSLoweringPipeline(OpPassManager &manager) {
  manager.addPass(createLowerKernels());
  // f16 conversions are functions of qc_hls.h.
  ExpandMathOptions expand;
  expand.half = false;
  manager.addNestedPass<func::FuncOp>(createExpandMath(expand));
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createHLSLegalize());
}

} // namespace qc::hls
