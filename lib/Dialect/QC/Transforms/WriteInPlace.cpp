// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lets kernels write where a concatenation or a padding would copy to.
//
// A layout with an offset is a view: a part of a larger tensor's memory. The
// producers of a concatenation's operands write into views of its result, and
// what is padded is written into the interior of the padded tensor, whose
// border a small kernel fills. Other readers of the parts read the views: to
// them it is one more layout.

#include "KernelTypes.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qc {
#define GEN_PASS_DEF_WRITEINPLACE
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// The part of `parent` of shape `shape` that begins at `start`.
RankedTensorType getView(RankedTensorType parent, ArrayRef<int64_t> shape,
                         ArrayRef<int64_t> start) {
  LayoutAttr layout = getLayout(parent);
  return RankedTensorType::get(
      shape, parent.getElementType(),
      LayoutAttr::get(parent.getContext(), layout.getDims(),
                      layout.getDivisors(), layout.getExtents(),
                      layout.linearize(start)));
}

struct WriteInPlace : qc::impl::WriteInPlaceBase<WriteInPlace> {
  using WriteInPlaceBase::WriteInPlaceBase;

  void runOnOperation() override {
    KernelTypes kernels(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (function.getBody().hasOneBlock()) {
        run(function, kernels);
        eraseTransposes(function, kernels);
      }
    kernels.eraseUnused();
  }

private:
  /// A dispatch that vanishes: its result is assembled from `parts`.
  struct Assembly {
    DispatchOp dispatch;
    SmallVector<Value> parts;
  };

  void run(func::FuncOp function, KernelTypes &kernels);
  void eraseTransposes(func::FuncOp function, KernelTypes &kernels);
  RankedTensorType typeFor(Value value) {
    auto found = types.find(value);
    return found == types.end() ? typeOf(value) : found->second;
  }
  bool canWriteInto(Value part, DispatchOp dispatch);
  void concatenate(DispatchOp dispatch, ConcatOp concat, KernelTypes &kernels);
  void pad(DispatchOp dispatch, PadOp pad, KernelTypes &kernels);

  /// Types of values that become views.
  llvm::MapVector<Value, RankedTensorType> types;
  SmallVector<Assembly> assemblies;
};

} // namespace

/// Whether the kernel that computes `part` may write it anywhere, for
/// `dispatch` to read it there.
bool WriteInPlace::canWriteInto(Value part, DispatchOp dispatch) {
  if (!part.getDefiningOp<DispatchOp>() || types.contains(part))
    return false;
  RankedTensorType type = typeOf(part);
  LayoutAttr layout = getLayout(type);
  if (!hasPlainDigits(layout, type.getRank()) ||
      layout.getNumElements() != type.getNumElements())
    return false;
  for (Operation *user : part.getUsers())
    if (!isa<DispatchOp>(user))
      return false;
  return llvm::count(dispatch.getInputs(), part) == 1;
}

void WriteInPlace::concatenate(DispatchOp dispatch, ConcatOp concat,
                               KernelTypes &kernels) {
  RankedTensorType parent = typeFor(dispatch.getOutputs().front());
  if (!hasPlainDigits(getLayout(parent), parent.getRank()))
    return;
  // The dispatch's operand for each of the concatenation's; what cannot be
  // written in place is copied, as all of it would be otherwise.
  SmallVector<Value> inputs;
  for (Value input : concat.getInputs()) {
    // Single integers stand in the kernel: too small to be worth it.
    auto argument = dyn_cast<BlockArgument>(input);
    if (!argument)
      return;
    inputs.push_back(dispatch.getInputs()[argument.getArgNumber()]);
  }
  if (llvm::none_of(inputs,
                    [&](Value input) { return canWriteInto(input, dispatch); }))
    return;
  // Three bytes of four are written as four, for speed: nothing else may lie in
  // the fourth (ScheduleElements).
  int64_t axis = concat.getAxis();
  LayoutAttr layout = getLayout(parent);
  if (layout.getDims().back() == axis && layout.getExtents().back() == 4 &&
      llvm::any_of(inputs, [&](Value input) {
        return typeOf(input).getDimSize(axis) == 3;
      }))
    return;
  SmallVector<int64_t> start(parent.getRank(), 0);
  Assembly assembly{dispatch, {}};
  for (Value input : inputs) {
    RankedTensorType view = getView(parent, typeOf(input).getShape(), start);
    if (canWriteInto(input, dispatch)) {
      types[input] = view;
      ++numConcats;
    } else {
      OpBuilder builder(dispatch);
      input = createCopy(builder, dispatch.getLoc(), kernels, input, view);
    }
    assembly.parts.push_back(input);
    start[axis] += view.getDimSize(axis);
  }
  assemblies.push_back(std::move(assembly));
}

void WriteInPlace::pad(DispatchOp dispatch, PadOp pad, KernelTypes &kernels) {
  RankedTensorType parent = typeFor(dispatch.getOutputs().front());
  auto source = dyn_cast<BlockArgument>(pad.getX());
  if (!source || pad.getMode() != PadMode::Constant ||
      llvm::any_of(pad.getPads(), [](int64_t pad) { return pad < 0; }) ||
      !hasPlainDigits(getLayout(parent), parent.getRank()))
    return;
  Value input = dispatch.getInputs()[source.getArgNumber()];
  if (!canWriteInto(input, dispatch))
    return;
  types[input] = getView(parent, typeOf(input).getShape(),
                         pad.getPads().take_front(parent.getRank()));
  ++numPads;

  // The border's kernel: the padding's value is an argument or stands in the
  // body, as before.
  Location unknown = UnknownLoc::get(&getContext());
  OpBuilder detached(&getContext());
  auto value = dyn_cast<BlockArgument>(pad.getValue());
  SmallVector<Value> operands;
  SmallVector<Type> operandTypes;
  if (value) {
    operands.push_back(dispatch.getInputs()[value.getArgNumber()]);
    operandTypes.push_back(value.getType());
  }
  auto kernel = KernelOp::create(detached, unknown, "pad_border",
                                 detached.getFunctionType(operandTypes, parent),
                                 "movement", nullptr, nullptr);
  Block *body = detached.createBlock(&kernel.getBody());
  Value filler =
      value ? Value(body->addArgument(value.getType(), unknown))
            : detached.clone(*pad.getValue().getDefiningOp())->getResult(0);
  Value border = PadBorderOp::create(detached, unknown, parent, filler,
                                     parent.getShape(), pad.getPads());
  YieldOp::create(detached, unknown, border);
  OpBuilder builder(dispatch);
  auto fill = DispatchOp::create(
      builder, dispatch.getLoc(), TypeRange(parent),
      kernels.insert(kernel, "pad_border").getSymName(), operands);
  assemblies.push_back({dispatch, {input, fill.getResult(0)}});
}

void WriteInPlace::run(func::FuncOp function, KernelTypes &kernels) {
  types.clear();
  assemblies.clear();
  // Last first: the place of an inner concatenation follows from the outer's.
  SmallVector<DispatchOp> dispatches(function.getOps<DispatchOp>());
  for (DispatchOp dispatch : llvm::reverse(dispatches)) {
    KernelOp kernel = kernels.lookup(dispatch);
    Operation *root = kernel.getRoot();
    auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
    if (!isa<ConcatOp, PadOp>(root) || yield.getNumOperands() != 1 ||
        isSubByte(typeOf(root->getResult(0))) ||
        yield.getOperand(0) != root->getResult(0) ||
        llvm::any_of(dispatch.getOutputs().front().getUsers(),
                     [](Operation *user) { return isa<func::ReturnOp>(user); }))
      continue;
    if (auto concat = dyn_cast<ConcatOp>(root))
      concatenate(dispatch, concat, kernels);
    else
      pad(dispatch, cast<PadOp>(root), kernels);
  }
  if (assemblies.empty())
    return;
  for (Assembly &assembly : assemblies) {
    Value result = assembly.dispatch.getOutputs().front();
    RankedTensorType type = typeFor(result);
    OpBuilder builder(assembly.dispatch);
    Value assembled = AssembleOp::create(builder, assembly.dispatch.getLoc(),
                                         typeOf(result), assembly.parts);
    result.replaceAllUsesWith(assembled);
    // Outer assemblies may hold the dispatch's result as a part.
    for (Assembly &other : assemblies)
      llvm::replace(other.parts, result, assembled);
    if (types.erase(result))
      types[assembled] = type;
  }
  for (Assembly &assembly : assemblies)
    assembly.dispatch.erase();
  for (auto dispatch : function.getOps<DispatchOp>()) {
    SmallVector<Type> inputs, results;
    for (Value input : dispatch.getInputs())
      inputs.push_back(typeFor(input));
    for (Value output : dispatch.getOutputs())
      results.push_back(typeFor(output));
    if (TypeRange(inputs) != dispatch.getInputs().getTypes() ||
        TypeRange(results) != dispatch.getOutputs().getTypes())
      kernels.specialise(dispatch, inputs, results);
  }
  for (auto [value, type] : types)
    Value(value).setType(type);
}

/// Transposes whose result's layout has the elements where the operand's has
/// them are views: those of channels-last inputs and outputs.
void WriteInPlace::eraseTransposes(func::FuncOp function,
                                   KernelTypes &kernels) {
  for (DispatchOp dispatch :
       llvm::make_early_inc_range(function.getOps<DispatchOp>())) {
    Block &body = kernels.lookup(dispatch).getBody().front();
    auto transpose = dyn_cast<TransposeOp>(body.front());
    if (!transpose || transpose->getNextNode() != body.getTerminator() ||
        isSubByte(typeOf(transpose.getY())) || !isView(transpose) ||
        llvm::any_of(
            dispatch.getOutputs().front().getUsers(),
            [](Operation *user) { return isa<AssembleOp, ConcatOp>(user); }))
      continue;
    OpBuilder builder(dispatch);
    Value view = TransposeOp::create(
        builder, dispatch.getLoc(), transpose.getY().getType(),
        dispatch.getInputs().front(), transpose.getPermutationAttr());
    dispatch.getOutputs().front().replaceAllUsesWith(view);
    dispatch.erase();
    ++numTransposes;
  }
}
