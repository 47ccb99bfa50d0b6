// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Deliberately wrong passes: see WrongPasses.h.

#include "WrongPasses.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Verification/PassNumerics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

using namespace mlir;
using namespace qc;

namespace {

/// A pass that is wrong at the first op of a kind.
template <typename Derived, typename OpTy, typename Root>
struct WrongPass : PassWrapper<Derived, OperationPass<Root>> {
  StringRef getDescription() const final { return "Wrong, for tests"; }
  void runOnOperation() override {
    OpTy first;
    this->getOperation()->walk([&](OpTy op) {
      first = op;
      return WalkResult::interrupt();
    });
    if (first)
      static_cast<Derived *>(this)->spoil(first);
  }
};

/// Graph level: y = relu(x) becomes y = x.
struct DropRelu : WrongPass<DropRelu, ReluOp, func::FuncOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(DropRelu)
  StringRef getArgument() const override { return "test-drop-relu"; }
  void spoil(ReluOp op) {
    op.getResult().replaceAllUsesWith(op.getX());
    op.erase();
  }
};

/// QDQ level: one and a half times the scale.
struct WrongScale : WrongPass<WrongScale, DequantizeOp, func::FuncOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WrongScale)
  StringRef getArgument() const override { return "test-wrong-scale"; }
  void spoil(DequantizeOp op) {
    OpBuilder builder(op);
    auto scales = op.getScale().getDefiningOp<ConstantOp>();
    Value scaled = MulOp::create(
        builder, op.getLoc(), scales,
        ConstantOp::create(
            builder, op.getLoc(), scales.getType(),
            DenseElementsAttr::get(cast<ShapedType>(scales.getType()), 1.5f)));
    op.getScaleMutable().assign(scaled);
  }
};

/// Integer level: adds `by` to the zero point of the output.
template <typename Derived, int64_t by>
struct ShiftCodes : WrongPass<Derived, RequantizeOp, func::FuncOp> {
  void spoil(RequantizeOp op) {
    auto zero = op.getZero().template getDefiningOp<ConstantOp>();
    int64_t code = getConstantIntegers(zero.getValue())->front() + by;
    auto type = cast<RankedTensorType>(zero.getType());
    OpBuilder builder(op);
    op.getZeroMutable().assign(ConstantOp::create(
        builder, zero.getLoc(), type,
        getConstant(type, {reinterpret_cast<const char *>(&code), 1})));
  }
};
struct OffByTwo : ShiftCodes<OffByTwo, 2> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OffByTwo)
  StringRef getArgument() const override { return "test-off-by-two"; }
};

/// Kernel level: hands the first kernel of a difference its operands in the
/// wrong order.
struct SwapOperands : WrongPass<SwapOperands, SubOp, ModuleOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(SwapOperands)
  StringRef getArgument() const override { return "test-swap-operands"; }
  void spoil(SubOp op) {
    Value lhs = op.getLhs();
    op.getLhsMutable().assign(op.getRhs());
    op.getRhsMutable().assign(lhs);
  }
};

/// Kernel level: the first packed constant gets a layout in which neighbours
/// of the innermost digit share a place.
struct WrongLayout : PassWrapper<WrongLayout, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WrongLayout)
  StringRef getArgument() const override { return "test-wrong-layout"; }
  StringRef getDescription() const final { return "Wrong, for tests"; }
  void runOnOperation() override {
    ModuleOp module = getOperation();
    module.walk([&](DispatchOp dispatch) {
      for (auto [index, input] : llvm::enumerate(dispatch.getInputs())) {
        auto type = cast<RankedTensorType>(input.getType());
        auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
        if (!layout || !input.getDefiningOp<ConstantOp>())
          continue;
        SmallVector<int64_t> divisors(layout.getDivisors());
        divisors.back() *= 2;
        auto wrong = RankedTensorType::get(
            type.getShape(), type.getElementType(),
            LayoutAttr::get(&getContext(), layout.getDims(), divisors,
                            layout.getExtents()));
        auto kernel =
            SymbolTable(module).lookup<KernelOp>(dispatch.getKernel());
        SmallVector<Type> types(kernel.getArgumentTypes());
        types[index] = wrong;
        kernel.setFunctionType(
            FunctionType::get(&getContext(), types, kernel.getResultTypes()));
        kernel.getBody().getArgument(index).setType(wrong);
        Value(input).setType(wrong);
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
  }
};

/// Program level: all tensors begin where the arena does.
struct OverlapBuffers : WrongPass<OverlapBuffers, ProgramOp, ModuleOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OverlapBuffers)
  StringRef getArgument() const override { return "test-overlap-buffers"; }
  void spoil(ProgramOp program) {
    for (auto launch : program.getBody().getOps<LaunchOp>()) {
      SmallVector<Attribute> buffers;
      for (BufferAttr buffer : launch.getBuffers().getAsRange<BufferAttr>())
        buffers.push_back(
            buffer.getSpace() == MemorySpace::Arena
                ? BufferAttr::get(&getContext(), buffer.getSpace(),
                                  buffer.getIndex(), 0, buffer.getSize())
                : buffer);
      launch.setBuffersAttr(ArrayAttr::get(&getContext(), buffers));
    }
  }
};

/// A pass that looks like one of qc's and says nothing of its numerics.
struct Undeclared : WrongPass<Undeclared, ConstantOp, ModuleOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Undeclared)
  StringRef getArgument() const override { return "qc-test-undeclared"; }
  void spoil(ConstantOp) {}
};

/// Declared one-step: may move codes by one, and moves them by `by`.
struct OneStepByOne : ShiftCodes<OneStepByOne, 1> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OneStepByOne)
  StringRef getArgument() const override { return "test-one-step-by-one"; }
};
struct OneStepByTwo : ShiftCodes<OneStepByTwo, 2> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(OneStepByTwo)
  StringRef getArgument() const override { return "test-one-step-by-two"; }
};

/// Declared approximate with 60 dB, and not that good.
struct Approximate : WrongPass<Approximate, DequantizeOp, func::FuncOp> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Approximate)
  StringRef getArgument() const override { return "test-approximate"; }
  void spoil(DequantizeOp op) { WrongScale().spoil(op); }
};

} // namespace

void qc::registerWrongPasses() {
  PassRegistration<DropRelu>();
  PassRegistration<WrongScale>();
  PassRegistration<OffByTwo>();
  PassRegistration<SwapOperands>();
  PassRegistration<WrongLayout>();
  PassRegistration<OverlapBuffers>();
  PassRegistration<Undeclared>();
  PassRegistration<OneStepByOne>();
  PassRegistration<OneStepByTwo>();
  PassRegistration<Approximate>();
  PassNumerics oneStep{PassNumerics::Kind::OneStep, 1e-4, std::nullopt};
  declarePassNumerics("test-one-step-by-one", oneStep);
  declarePassNumerics("test-one-step-by-two", oneStep);
  declarePassNumerics("test-approximate",
                      {PassNumerics::Kind::Approximate, 0, 60.0});
}
