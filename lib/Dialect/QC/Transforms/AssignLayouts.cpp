// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Chooses how each tensor lies in memory.
//
// A layout is only an order of the same elements, so any kernel reads and
// writes any layout; the choice decides speed alone. Channels-last makes the
// contiguous dimension the one that convolution, pooling and depthwise kernels
// vectorise.

#include "KernelTypes.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"
#include "qc/Dialect/QC/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_ASSIGNLAYOUTS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Digits of a layout under construction.
struct Digits {
  SmallVector<int64_t> dims, divisors, extents;

  void add(int64_t dim, int64_t divisor, int64_t extent) {
    dims.push_back(dim);
    divisors.push_back(divisor);
    extents.push_back(extent);
  }
  LayoutAttr get(MLIRContext *context) {
    return LayoutAttr::get(context, dims, divisors, extents);
  }
};

/// Whether permuting `shape` to `order` moves no element.
bool isRowMajor(ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  int64_t last = -1;
  for (int64_t dim : order) {
    if (shape[dim] == 1)
      continue;
    if (dim < last)
      return false;
    last = dim;
  }
  return true;
}

/// What a kernel asks of its operands.
struct Demand {
  /// Operand number, and its layout.
  SmallVector<std::pair<unsigned, LayoutAttr>> packed;
  /// An 8-bit input (operand number) of which a contraction reads four elements
  /// at a time along the dimension: so many must be stored.
  struct PaddedInput {
    unsigned operand;
    int64_t dim, stored;
  };
  std::optional<PaddedInput> paddedInput;
  /// A value that another kernel computes, and its layout.
  std::pair<Value, LayoutAttr> written;
  /// Images: operands and results are channels-last together.
  bool isSpatial = false;
  /// Keeps the layout of its operands.
  bool passes = false;
  /// The same where channels are two dimensions, which it exchanges.
  bool shuffles = false;
};

/// The reshapes around which channels stay innermost: those that split them in
/// two dimensions or join two, as around a shuffle of channels. What such
/// reshapes connect is channels-last together or not at all.
class ChannelReshapes {
public:
  /// `suits` says whether kernels around a value gain by the layout.
  ChannelReshapes(func::FuncOp function, function_ref<bool(Value)> suits);

  bool contains(ReshapeOp reshape) const { return reshapes.contains(reshape); }
  ArrayRef<Value> getNeighbours(Value value) const {
    auto found = neighbours.find(value);
    return found == neighbours.end() ? ArrayRef<Value>()
                                     : ArrayRef<Value>(found->second);
  }
  /// How many dimensions behind the first are channels: `otherwise` for values
  /// without such a reshape.
  int64_t getChannelDims(Value value, int64_t otherwise) const {
    auto found = channelDims.find(value);
    return found == channelDims.end() ? otherwise : found->second;
  }

private:
  llvm::DenseSet<Operation *> reshapes;
  DenseMap<Value, SmallVector<Value>> neighbours;
  DenseMap<Value, int64_t> channelDims;
};

struct AssignLayouts : qc::impl::AssignLayoutsBase<AssignLayouts> {
  using AssignLayoutsBase::AssignLayoutsBase;

  void runOnOperation() override {
    KernelTypes kernels(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      assign(function, kernels);
    kernels.eraseUnused();
  }

private:
  void assign(func::FuncOp function, KernelTypes &kernels);
  Demand analyse(DispatchOp dispatch, KernelOp kernel);
  /// Constants and what is computed from constants alone: ready before a run.
  llvm::DenseSet<Value> constants;
  void packRunTimeMatrix(DispatchOp dispatch, MatMulOp matmul, Demand &demand);
};

/// Whether the op's result elements come from operand elements of the same
/// spatial structure, so that one dimension order suits both.
bool passesLayout(Operation *root) {
  if (isa<PadOp, SliceOp, ConcatOp>(root))
    return true;
  auto element = dyn_cast<ElementOpInterface>(root);
  return element && element.isElementwise();
}

/// Whether the op exchanges dimensions 1 and 2 and no others.
bool isShuffle(TransposeOp transpose) {
  ArrayRef<int64_t> permutation = transpose.getPermutation();
  if (permutation.size() < 4)
    return false;
  for (auto [dim, from] : llvm::enumerate(permutation))
    if (from != (dim == 1 ? 2 : dim == 2 ? 1 : static_cast<int64_t>(dim)))
      return false;
  return true;
}

ChannelReshapes::ChannelReshapes(func::FuncOp function,
                                 function_ref<bool(Value)> suits) {
  // Whether `joined` is `split` with its dimensions 1 and 2 as one.
  auto joins = [](RankedTensorType split, RankedTensorType joined) {
    ArrayRef<int64_t> from = split.getShape(), to = joined.getShape();
    return joined.getRank() >= 3 && from.size() == to.size() + 1 &&
           from[0] == to[0] && from[1] * from[2] == to[1] &&
           from.drop_front(3) == to.drop_front(2);
  };
  auto all = function.getOps<ReshapeOp>();
  DenseMap<Value, SmallVector<ReshapeOp>> around;
  for (ReshapeOp reshape : all) {
    bool isJoin = joins(typeOf(reshape.getX()), typeOf(reshape.getY()));
    if (!isJoin && !joins(typeOf(reshape.getY()), typeOf(reshape.getX())))
      continue;
    reshapes.insert(reshape);
    around[reshape.getX()].push_back(reshape);
    around[reshape.getY()].push_back(reshape);
  }
  // What one value forbids all that are connected to it cannot have.
  SmallVector<ReshapeOp> refused;
  auto refuse = [&](Value value) {
    for (ReshapeOp reshape : around.lookup(value))
      if (reshapes.erase(reshape))
        refused.push_back(reshape);
  };
  auto splits = [&](ReshapeOp reshape, Value value) {
    return typeOf(value).getRank() > std::min(typeOf(reshape.getX()).getRank(),
                                              typeOf(reshape.getY()).getRank());
  };
  for (auto &[value, list] : around) {
    bool isSplit = splits(list.front(), value);
    auto isOurs = [&, value = value](Operation *op) {
      auto reshape = dyn_cast_or_null<ReshapeOp>(op);
      return !reshape ||
             (reshapes.contains(reshape) && splits(reshape, value) == isSplit);
    };
    bool isClear =
        isOurs(value.getDefiningOp()) && llvm::all_of(value.getUsers(), isOurs);
    if (isClear && suits(value))
      channelDims[value] = isSplit ? 2 : 1;
    else
      refuse(value);
  }
  while (!refused.empty()) {
    ReshapeOp reshape = refused.pop_back_val();
    for (Value value : {Value(reshape.getX()), Value(reshape.getY())}) {
      channelDims.erase(value);
      refuse(value);
    }
  }
  for (Operation *op : reshapes) {
    auto reshape = cast<ReshapeOp>(op);
    neighbours[reshape.getX()].push_back(reshape.getY());
    neighbours[reshape.getY()].push_back(reshape.getX());
  }
}

} // namespace

/// 8-bit matrices that are computed at run time are written packed by the
/// kernel that computes them.
void AssignLayouts::packRunTimeMatrix(DispatchOp dispatch, MatMulOp matmul,
                                      Demand &demand) {
  auto a = dyn_cast<BlockArgument>(matmul.getA()),
       b = dyn_cast<BlockArgument>(matmul.getB());
  if (!a || !b)
    return;
  RankedTensorType type = typeOf(b);
  int64_t rank = type.getRank(), depth = type.getDimSize(rank - 2);
  Value matrix = dispatch.getInputs()[b.getArgNumber()];
  // Padding of the reduction would not be zero.
  if (!type.getElementType().isInteger(8) || depth % packedDot != 0 ||
      !matrix.getDefiningOp<DispatchOp>() || !matrix.hasOneUse() ||
      (matmul.getAZero() && typeOf(matmul.getAZero()).getNumElements() != 1))
    return;
  demand.written = {matrix, getPackedWeights(type, rank - 1, rank - 2)};
}

Demand AssignLayouts::analyse(DispatchOp dispatch, KernelOp kernel) {
  Demand demand;
  Operation *root = kernel.getRoot();
  auto numberOf = [](Value value) -> std::optional<unsigned> {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument ? std::optional<unsigned>(argument.getArgNumber())
                    : std::nullopt;
  };
  auto constantType =
      [&](Value value) -> std::optional<std::pair<unsigned, RankedTensorType>> {
    std::optional<unsigned> number = numberOf(value);
    if (!number || !constants.contains(dispatch.getInputs()[*number]))
      return std::nullopt;
    return std::make_pair(*number, typeOf(value));
  };
  auto isPackable = [](RankedTensorType type) {
    Type element = type.getElementType();
    return element.isF32() || element.isSignedInteger(16) ||
           (isa<IntegerType>(element) && element.getIntOrFloatBitWidth() == 8);
  };
  if (auto conv = dyn_cast<ConvOp>(root)) {
    demand.isSpatial = true;
    auto weights = constantType(conv.getW());
    if (!weights || !isPackable(weights->second))
      return demand;
    RankedTensorType type = weights->second;
    bool hasPads =
        llvm::any_of(conv.getPads(), [](int64_t pad) { return pad != 0; });
    if (!conv.isDepthwise() && !hasPads && !conv.getXZero()) {
      // 8-bit kernels multiply by signed weights.
      if (isa<IntegerType>(type.getElementType()) &&
          isUnsignedElement(type.getElementType()))
        return demand;
      int64_t groups = conv.getGroup();
      demand.packed.push_back(
          {weights->first, getPackedWeights(type, 0, 1, groups)});
      std::optional<unsigned> input = numberOf(conv.getX());
      int64_t perGroup = type.getDimSize(1);
      if (input && isa<IntegerType>(type.getElementType()))
        demand.paddedInput = {
            *input, 1,
            (groups - 1) * perGroup +
                static_cast<int64_t>(llvm::alignTo(perGroup, packedDot))};
    } else if (conv.isDepthwise()) {
      Digits digits;
      for (int64_t dim = 1; dim < type.getRank(); ++dim)
        digits.add(dim, 1, type.getDimSize(dim));
      digits.add(0, 1, type.getDimSize(0));
      demand.packed.push_back({weights->first, digits.get(&getContext())});
    }
    return demand;
  }
  if (auto matmul = dyn_cast<MatMulOp>(root)) {
    // Weights that the kernel unpacks itself.
    if (auto dequantize = matmul.getB().getDefiningOp<DequantizeOp>()) {
      if (auto codes = constantType(dequantize.getQ()))
        demand.packed.push_back({codes->first, getPackedCodes(codes->second)});
      if (auto scales = constantType(dequantize.getScale());
          scales && scales->second.getNumElements() != 1)
        demand.packed.push_back(
            {scales->first, getPackedScales(scales->second)});
      return demand;
    }
    auto weights = constantType(matmul.getB());
    if (!weights) {
      packRunTimeMatrix(dispatch, matmul, demand);
      return demand;
    }
    if (!weights || !isPackable(weights->second) || matmul.getAZero())
      return demand;
    Type element = weights->second.getElementType();
    if (isa<IntegerType>(element) && isUnsignedElement(element))
      return demand;
    int64_t rank = weights->second.getRank();
    demand.packed.push_back(
        {weights->first,
         getPackedWeights(weights->second, rank - 1, rank - 2)});
    std::optional<unsigned> input = numberOf(matmul.getA());
    if (input && element.isInteger(8))
      demand.paddedInput = {
          *input, typeOf(matmul.getA()).getRank() - 1,
          static_cast<int64_t>(llvm::alignTo(
              typeOf(matmul.getA()).getShape().back(), packedDot))};
    return demand;
  }
  if (isa<MaxPoolOp, AveragePoolOp, SFCInputTransformOp, SFCOutputTransformOp>(
          root)) {
    demand.isSpatial = true;
    return demand;
  }
  demand.passes = passesLayout(root);
  if (auto transpose = dyn_cast<TransposeOp>(root))
    demand.shuffles = isShuffle(transpose);
  return demand;
}

/// Inputs of the program lie as they lie, and convolutions of bytes compute on
/// channels-last maps alone: they get a copy to lie so.
static void copyInputs(func::FuncOp function, KernelTypes &kernels) {
  OpBuilder builder(function.getContext());
  DenseMap<Value, Value> copies;
  for (DispatchOp dispatch : llvm::to_vector(function.getOps<DispatchOp>())) {
    auto conv = dyn_cast<ConvOp>(kernels.lookup(dispatch).getRoot());
    auto argument = conv ? dyn_cast<BlockArgument>(conv.getX()) : nullptr;
    if (!argument)
      continue;
    OpOperand &operand = dispatch->getOpOperand(argument.getArgNumber());
    RankedTensorType type = typeOf(operand.get());
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
    if (!isa<BlockArgument>(operand.get()) ||
        !type.getElementType().isInteger(8) ||
        isRowMajor(type.getShape(), order))
      continue;
    Value &copy = copies[operand.get()];
    if (!copy) {
      builder.setInsertionPoint(dispatch);
      copy =
          createCopy(builder, dispatch.getLoc(), kernels, operand.get(), type);
    }
    operand.set(copy);
  }
}

void AssignLayouts::assign(func::FuncOp function, KernelTypes &kernels) {
  MLIRContext *context = &getContext();
  copyInputs(function, kernels);
  SmallVector<DispatchOp> dispatches(function.getOps<DispatchOp>());
  DenseMap<Operation *, Demand> demands;
  constants.clear();
  for (auto constant : function.getOps<ConstantOp>())
    constants.insert(constant);
  for (DispatchOp dispatch : dispatches)
    if (!dispatch.getInputs().empty() &&
        llvm::all_of(dispatch.getInputs(),
                     [&](Value input) { return constants.contains(input); }))
      constants.insert_range(dispatch.getOutputs());
  for (DispatchOp dispatch : dispatches)
    demands[dispatch] = analyse(dispatch, kernels.lookup(dispatch));

  // Channels-last spreads from convolutions and pooling through what keeps
  // layouts.
  auto isFree = [](Value value, function_ref<bool(ReshapeOp)> allows) {
    Operation *writer = value.getDefiningOp();
    auto isAllowed = [&](Operation *op) {
      auto reshape = dyn_cast<ReshapeOp>(op);
      return reshape && allows(reshape);
    };
    return writer && (isa<DispatchOp>(writer) || isAllowed(writer)) &&
           typeOf(value).getRank() >= 3 && !isSubByte(typeOf(value)) &&
           llvm::none_of(value.getUsers(), [&](Operation *user) {
             return isa<func::ReturnOp>(user) ||
                    (isa<ReshapeOp>(user) && !isAllowed(user));
           });
  };
  ChannelReshapes reshapes(function, [&](Value value) {
    auto gains = [&](Operation *op) {
      auto found = demands.find(op);
      return found == demands.end() || found->second.isSpatial ||
             found->second.passes || found->second.shuffles;
    };
    return isFree(value, [](ReshapeOp) { return true; }) &&
           gains(value.getDefiningOp()) &&
           llvm::all_of(value.getUsers(), gains);
  });
  // Each with the number of its dimensions that are channels.
  DenseMap<Value, int64_t> channelsLast;
  auto mark = [&](Value value, int64_t channelDims) {
    if (!isFree(value, [&](ReshapeOp op) { return reshapes.contains(op); }) ||
        reshapes.getChannelDims(value, channelDims) != channelDims)
      return false;
    SmallVector<Value> connected{value};
    bool changed = false;
    while (!connected.empty()) {
      Value next = connected.pop_back_val();
      if (!channelsLast
               .try_emplace(next, reshapes.getChannelDims(next, channelDims))
               .second)
        continue;
      changed = true;
      llvm::append_range(connected, reshapes.getNeighbours(next));
    }
    return changed;
  };
  bool changed = true;
  while (changed) {
    changed = false;
    for (DispatchOp dispatch : dispatches) {
      const Demand &demand = demands[dispatch];
      int64_t channelDims = demand.isSpatial ? 1 : 0;
      if (demand.passes || demand.shuffles)
        for (Value value :
             llvm::concat<Value>(dispatch.getInputs(), dispatch.getOutputs()))
          if (int64_t known = channelsLast.lookup(value);
              known == 2 || (demand.passes && known != 0))
            channelDims = known;
      if (channelDims == 0)
        continue;
      // Of transforms only the map has images' dimensions.
      int64_t rank = typeOf(dispatch.getOutputs().front()).getRank();
      if (isa<SFCInputTransformOp>(kernels.lookup(dispatch).getRoot()))
        rank = typeOf(dispatch.getInputs().front()).getRank();
      for (Value value :
           llvm::concat<Value>(dispatch.getInputs(), dispatch.getOutputs()))
        if (typeOf(value).getRank() == rank)
          changed |= mark(value, channelDims);
    }
  }

  // New types of values.
  DenseMap<Value, RankedTensorType> types;
  auto typeFor = [&](Value value) {
    auto found = types.find(value);
    return found == types.end() ? typeOf(value) : found->second;
  };
  auto orderOf = [&](Value value) {
    int64_t rank = typeOf(value).getRank();
    auto order = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    if (int64_t channelDims = channelsLast.lookup(value))
      std::rotate(order.begin() + 1, order.begin() + 1 + channelDims,
                  order.end());
    return order;
  };
  for (Value value : llvm::make_first_range(channelsLast)) {
    RankedTensorType type = typeOf(value);
    SmallVector<int64_t> order = orderOf(value);
    if (isRowMajor(type.getShape(), order))
      continue;
    types[value] = RankedTensorType::get(
        type.getShape(), type.getElementType(),
        LayoutAttr::getPermuted(context, type.getShape(), order));
    ++numChannelsLast;
  }
  for (DispatchOp dispatch : dispatches) {
    const Demand &demand = demands[dispatch];
    if (auto [value, layout] = demand.written; value) {
      RankedTensorType type = typeOf(value);
      types[value] =
          RankedTensorType::get(type.getShape(), type.getElementType(), layout);
    }
    if (!demand.paddedInput)
      continue;
    auto [operand, dim, stored] = *demand.paddedInput;
    if (isSubByte(typeOf(dispatch.getInputs()[operand])))
      continue;
    Value value = dispatch.getInputs()[operand];
    RankedTensorType type = typeFor(value);
    // Around a reshape nothing lies between elements.
    if (!isFree(value, [](ReshapeOp) { return false; }) &&
        !(value.getDefiningOp<DispatchOp>() && type.getRank() == 2 &&
          llvm::none_of(value.getUsers(), [](Operation *user) {
            return isa<func::ReturnOp, ReshapeOp>(user);
          })))
      continue;
    // Another reader may have asked for more.
    auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
    if (std::max(type.getDimSize(dim),
                 layout ? layout.getExtents().back() : 0) >= stored)
      continue;
    SmallVector<int64_t> order = orderOf(value);
    Digits digits;
    for (int64_t d : order)
      digits.add(d, 1, d == dim ? stored : type.getDimSize(d));
    types[value] = RankedTensorType::get(type.getShape(), type.getElementType(),
                                         digits.get(context));
  }

  // Rebuild kernels for the new types of their operands and results.
  SmallVector<Operation *> unused;
  for (DispatchOp dispatch : dispatches) {
    SmallVector<Type> inputTypes, resultTypes;
    for (Value input : dispatch.getInputs())
      inputTypes.push_back(typeFor(input));
    for (Value output : dispatch.getOutputs())
      resultTypes.push_back(typeFor(output));
    for (auto [operand, layout] : demands[dispatch].packed) {
      auto type = cast<RankedTensorType>(inputTypes[operand]);
      // 8-bit contractions read four elements at a time: the input must allow
      // it.
      if (demands[dispatch].paddedInput &&
          demands[dispatch].packed.size() == 1) {
        auto [inputOperand, dim, needed] = *demands[dispatch].paddedInput;
        auto input = cast<RankedTensorType>(inputTypes[inputOperand]);
        auto inputLayout = dyn_cast_or_null<LayoutAttr>(input.getEncoding());
        int64_t stored = inputLayout ? inputLayout.getExtents().back()
                                     : input.getShape().back();
        int64_t last =
            inputLayout ? inputLayout.getDims().back() : input.getRank() - 1;
        bool isContiguous = last == dim || input.getDimSize(dim) == 1;
        if (last != dim) {
          // Dimensions of size one behind the reduction change nothing.
          isContiguous = true;
          for (int64_t d = dim + 1; d < input.getRank(); ++d)
            isContiguous &= !inputLayout && input.getDimSize(d) == 1;
          stored = input.getDimSize(dim);
        }
        if (!isContiguous || stored < needed)
          continue;
      }
      inputTypes[operand] =
          RankedTensorType::get(type.getShape(), type.getElementType(), layout);
      ++numPacked;
    }
    // Types inside the function change below, once all dispatches are known.
    kernels.specialise(dispatch, inputTypes, resultTypes);
    for (auto [operand, type] :
         llvm::zip_equal(dispatch->getOpOperands(), inputTypes)) {
      if (typeFor(operand.get()) == type)
        continue;
      // A packed constant: its own copy of the op with the packed type.
      OpBuilder builder(dispatch);
      auto result = cast<OpResult>(operand.get());
      Operation *packed = builder.clone(*result.getOwner());
      Value copy = packed->getResult(result.getResultNumber());
      copy.setType(cast<RankedTensorType>(type));
      if (auto unpacking = dyn_cast<DispatchOp>(packed))
        kernels.specialise(unpacking, unpacking.getInputs().getTypes(),
                           unpacking.getOutputs().getTypes());
      operand.set(copy);
      if (result.getOwner()->use_empty())
        unused.push_back(result.getOwner());
    }
  }
  for (auto [value, type] : types)
    Value(value).setType(type);
  for (Operation *op : unused)
    op->erase();
}
