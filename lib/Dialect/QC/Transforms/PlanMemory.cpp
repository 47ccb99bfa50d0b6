// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns functions of dispatches into programs on planned memory.
//
// Whole-model bufferization would copy at concats and function boundaries;
// here every value is one range of bytes chosen from its lifetime.

#include "KernelTypes.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/Support/Names.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_PLANMEMORY
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Arena ranges and weights begin on cache lines.
constexpr int64_t alignment = 64;

/// A value in the arena: live from launch `first` to launch `last`.
struct Interval {
  int64_t first = 0, last = 0, size = 0, offset = 0;
};

/// Where a value lies: in the memory of `storage`, `offset` bytes behind where
/// that begins.
struct Place {
  Value storage;
  int64_t offset = 0;
  /// Whether the value is a slice or a band: less than the whole.
  bool isPart = false;
};

/// Bytes from the beginning of a tensor of `type` to its part that begins at
/// `index` along `dim`.
int64_t getDistance(RankedTensorType type, int64_t dim, int64_t index) {
  LayoutAttr layout = getLayout(type);
  SmallVector<int64_t> position(type.getRank(), 0);
  position[dim] = index;
  return (layout.linearize(position) - layout.getOffset()) *
         (getStorageType(type.getElementType()).getIntOrFloatBitWidth() / 8);
}

/// The memory that `value` shares: of what a reshape or a slice reads, and of
/// the tensor that `value` is a part of.
Place getPlace(Value value) {
  Place place{value};
  while (true) {
    if (auto reshape = place.storage.getDefiningOp<ReshapeOp>()) {
      place.storage = reshape.getX();
      continue;
    }
    if (auto transpose = place.storage.getDefiningOp<TransposeOp>()) {
      place.storage = transpose.getX();
      continue;
    }
    if (auto slice = place.storage.getDefiningOp<SliceOp>()) {
      for (auto [dim, begin] : llvm::enumerate(slice.getOffsets()))
        place.offset += getDistance(typeOf(slice.getX()), dim, begin);
      place.storage = slice.getX();
      place.isPart = true;
      continue;
    }
    auto whole = llvm::find_if(place.storage.getUsers(), [](Operation *user) {
      return isa<AssembleOp, ConcatOp>(user);
    });
    if (whole == place.storage.getUsers().end())
      return place;
    if (auto concat = dyn_cast<ConcatOp>(*whole)) {
      int64_t begin = 0;
      for (Value input : concat.getInputs()) {
        if (input == place.storage)
          break;
        begin += typeOf(input).getDimSize(concat.getAxis());
      }
      place.offset +=
          getDistance(typeOf(concat.getY()), concat.getAxis(), begin);
      place.isPart = true;
    }
    place.storage = whole->getResult(0);
  }
}

Value getStorage(Value value) { return getPlace(value).storage; }

/// Whether neighbours along each dimension of `shape` lie at the same distance
/// in both layouts, which have the same digits.
bool haveSameStrides(ArrayRef<int64_t> shape, LayoutAttr lhs, LayoutAttr rhs) {
  int64_t left = 1, right = 1;
  for (size_t digit = lhs.getDims().size(); digit-- > 0;) {
    if (shape[lhs.getDims()[digit]] > 1 && left != right)
      return false;
    left *= lhs.getExtents()[digit];
    right *= rhs.getExtents()[digit];
  }
  return true;
}

/// Whether the parts of a slice or concatenation at function level lie in the
/// whole's memory, as qc-band-transforms makes them; or all elements of a
/// transpose where its operand's lie, as qc-share-constants and
/// qc-write-in-place make it.
bool isInPlace(Operation *op) {
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return isView(transpose);
  SmallVector<Value> parts;
  Value whole;
  if (auto slice = dyn_cast<SliceOp>(op)) {
    if (llvm::any_of(slice.getSteps(), [](int64_t step) { return step != 1; }))
      return false;
    parts.push_back(slice.getY());
    whole = slice.getX();
  } else if (auto concat = dyn_cast<ConcatOp>(op)) {
    parts.assign(concat.getInputs().begin(), concat.getInputs().end());
    whole = concat.getY();
  } else {
    return false;
  }
  LayoutAttr layout = getLayout(typeOf(whole));
  int64_t rank = typeOf(whole).getRank();
  return hasPlainDigits(layout, rank) && llvm::all_of(parts, [&](Value part) {
           LayoutAttr own = getLayout(typeOf(part));
           return own.getDims() == layout.getDims() &&
                  own.getOffset() == layout.getOffset() &&
                  hasPlainDigits(own, rank) &&
                  haveSameStrides(typeOf(part).getShape(), own, layout) &&
                  llvm::count_if(part.getUsers(), [](Operation *user) {
                    return isa<AssembleOp, ConcatOp>(user);
                  }) <= 1;
         });
}

/// Assigns offsets: the largest interval first, each at the lowest gap among
/// the ones it overlaps in time. Returns the arena's size.
int64_t colour(MutableArrayRef<Interval> intervals) {
  SmallVector<Interval *> order(llvm::make_pointer_range(intervals));
  // Equal sizes keep their order: they lie in one array.
  llvm::sort(order, [](Interval *lhs, Interval *rhs) {
    return lhs->size != rhs->size ? lhs->size > rhs->size : lhs < rhs;
  });
  int64_t total = 0;
  SmallVector<Interval *> placed;
  for (Interval *interval : order) {
    int64_t offset = 0;
    // placed stays sorted by offset.
    for (Interval *other : placed) {
      if (other->last < interval->first || interval->last < other->first)
        continue;
      if (other->offset >= offset + interval->size)
        break;
      offset = std::max(offset, static_cast<int64_t>(llvm::alignTo(
                                    other->offset + other->size, alignment)));
    }
    interval->offset = offset;
    total = std::max(total, offset + interval->size);
    placed.insert(llvm::upper_bound(placed, interval,
                                    [](Interval *lhs, Interval *rhs) {
                                      return lhs->offset < rhs->offset;
                                    }),
                  interval);
  }
  return llvm::alignTo(total, alignment);
}

/// The largest sum of sizes that are live at one launch.
int64_t getLowerBound(ArrayRef<Interval> intervals, int64_t launches) {
  SmallVector<int64_t> change(launches + 2, 0);
  for (const Interval &interval : intervals) {
    change[interval.first] += interval.size;
    change[interval.last + 1] -= interval.size;
  }
  int64_t live = 0, bound = 0;
  for (int64_t delta : change)
    bound = std::max(bound, live += delta);
  return bound;
}

struct PlanMemory : qc::impl::PlanMemoryBase<PlanMemory> {
  using PlanMemoryBase::PlanMemoryBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (failed(plan(function)))
        return signalPassFailure();
    if (preparation)
      preparation.setSize(preparedSize);
    preparedBytes = preparedSize;
  }

private:
  int64_t weightsSize = 0, preparedSize = 0;
  DenseMap<std::pair<Attribute, Type>, BufferAttr> data;
  PreparationOp preparation;
  /// Results of the preparation's launches by kernel and operands.
  DenseMap<Attribute, SmallVector<BufferAttr>> prepared;

  LogicalResult plan(func::FuncOp function);
  void insertCopies(func::FuncOp function);
  BufferAttr getData(ConstantOp constant, Type type);
  ArrayRef<BufferAttr> addPreparation(DispatchOp dispatch,
                                      ArrayRef<Attribute> inputs);
};

} // namespace

/// Makes each returned value one that a dispatch writes for the output alone,
/// and each reshape's source one that lies as its result does.
void PlanMemory::insertCopies(func::FuncOp function) {
  KernelTypes kernels(getOperation());
  auto copy = [&](OpBuilder &builder, Location loc, Value value) {
    auto type = typeOf(value);
    return createCopy(
        builder, loc, kernels, value,
        RankedTensorType::get(type.getShape(), type.getElementType()));
  };
  Operation *terminator = function.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  function.walk([&](ReshapeOp reshape) {
    RankedTensorType from = typeOf(reshape.getX()), to = typeOf(reshape.getY());
    if (haveSameMemory(from, to))
      return;
    // qc-assign-layouts gives results a layout where the source has it.
    assert(!to.getEncoding() && "a reshape would have to move elements");
    builder.setInsertionPoint(reshape);
    reshape.getXMutable().assign(
        copy(builder, reshape.getLoc(), reshape.getX()));
  });
  llvm::SmallDenseSet<Value> taken;
  builder.setInsertionPoint(terminator);
  for (OpOperand &operand : terminator->getOpOperands()) {
    Value storage = getStorage(operand.get());
    if (typeOf(operand.get()).getEncoding() ||
        !storage.getDefiningOp<DispatchOp>() || !taken.insert(storage).second)
      operand.set(copy(builder, operand.get().getLoc(), operand.get()));
  }
}

BufferAttr PlanMemory::getData(ConstantOp constant, Type type) {
  BufferAttr &buffer = data[{constant.getValue(), type}];
  if (!buffer) {
    ModuleOp module = getOperation();
    int64_t size = getStorageBytes(cast<RankedTensorType>(type));
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    DataOp::create(builder, constant.getLoc(),
                   ("data_" + Twine(data.size() - 1)).str(),
                   constant.getValue(), type, weightsSize);
    buffer = BufferAttr::get(&getContext(), MemorySpace::Weights, 0,
                             weightsSize, size);
    weightsSize = llvm::alignTo(weightsSize + size, alignment);
  }
  return buffer;
}

/// The buffers that a launch of the preparation writes, which `dispatch`
/// becomes; equal ones are launched once. Each has memory of its own, because
/// what kernels leave of it must be zero.
ArrayRef<BufferAttr> PlanMemory::addPreparation(DispatchOp dispatch,
                                                ArrayRef<Attribute> inputs) {
  MLIRContext *context = &getContext();
  SmallVector<Attribute> key{dispatch.getKernelAttr()};
  llvm::append_range(key, inputs);
  SmallVector<BufferAttr> &results = prepared[ArrayAttr::get(context, key)];
  if (!results.empty())
    return results;
  if (!preparation) {
    OpBuilder builder = OpBuilder::atBlockEnd(getOperation().getBody());
    preparation = PreparationOp::create(builder, getOperation().getLoc(), 0);
    builder.createBlock(&preparation.getBody());
  }
  SmallVector<Attribute> arguments(inputs);
  for (Value output : dispatch.getOutputs()) {
    int64_t size = getStorageBytes(typeOf(output));
    results.push_back(
        BufferAttr::get(context, MemorySpace::Prepared, 0, preparedSize, size));
    arguments.push_back(results.back());
    preparedSize = llvm::alignTo(preparedSize + size, alignment);
  }
  OpBuilder builder = OpBuilder::atBlockEnd(&preparation.getBody().front());
  LaunchOp::create(builder, dispatch.getLoc(), dispatch.getKernel(),
                   ArrayAttr::get(context, arguments),
                   getNodeName(dispatch.getLoc()));
  ++numPrepared;
  return results;
}

LogicalResult PlanMemory::plan(func::FuncOp function) {
  MLIRContext *context = &getContext();
  if (!function.getBody().hasOneBlock())
    return function.emitOpError(
        "has control flow, which a program of launches cannot hold");
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator())
    if (!isa<DispatchOp, ReshapeOp, ConstantOp, AssembleOp>(op) &&
        !isInPlace(&op))
      return op.emitOpError("is not a dispatch; run qc-form-kernels first");
  for (auto assemble : body.getOps<AssembleOp>())
    for (Value part : assemble.getParts())
      if (llvm::count_if(part.getUsers(), [](Operation *user) {
            return isa<AssembleOp>(user);
          }) != 1)
        return assemble.emitOpError("shares a part with another tensor");
  insertCopies(function);

  // Where each value lives.
  DenseMap<Value, BufferAttr> buffers;
  auto bytes = [](Value value) { return getStorageBytes(typeOf(value)); };
  SmallVector<Attribute> inputs, outputs;
  auto getPort = [&](DictionaryAttr attributes, StringRef fallback,
                     size_t index, Type type) -> Attribute {
    auto name =
        attributes ? attributes.getAs<StringAttr>("qc.name") : StringAttr();
    if (!name)
      name = StringAttr::get(context, fallback + Twine(index));
    auto extents = attributes ? attributes.getAs<IntegerAttr>("qc.extents")
                              : IntegerAttr();
    return PortAttr::get(context, name, TypeAttr::get(type),
                         extents ? extents.getInt() : -1);
  };
  for (BlockArgument argument : body.getArguments()) {
    size_t index = argument.getArgNumber();
    inputs.push_back(getPort(function.getArgAttrDict(index), "input", index,
                             argument.getType()));
    buffers[argument] =
        BufferAttr::get(context, MemorySpace::Input, index, 0, bytes(argument));
  }
  for (auto [index, value] :
       llvm::enumerate(body.getTerminator()->getOperands())) {
    outputs.push_back(getPort(function.getResultAttrDict(index), "output",
                              index, value.getType()));
    buffers[getStorage(value)] =
        BufferAttr::get(context, MemorySpace::Output, index, 0, bytes(value));
  }

  // What depends on constants alone is the preparation's.
  SmallVector<DispatchOp> dispatches;
  for (auto dispatch : body.getOps<DispatchOp>()) {
    SmallVector<Attribute> inputs;
    for (Value input : dispatch.getInputs()) {
      Value storage = getStorage(input);
      if (auto constant = storage.getDefiningOp<ConstantOp>())
        inputs.push_back(getData(constant, storage.getType()));
      else if (BufferAttr buffer = buffers.lookup(storage);
               buffer && buffer.getSpace() == MemorySpace::Prepared)
        inputs.push_back(buffer);
    }
    bool isOwn = llvm::all_of(dispatch.getOutputs(), [&](Value output) {
      return getStorage(output) == output && !buffers.contains(output);
    });
    if (!prepare || !isOwn || inputs.empty() ||
        inputs.size() != dispatch.getInputs().size()) {
      dispatches.push_back(dispatch);
      continue;
    }
    for (auto [output, buffer] : llvm::zip_equal(
             dispatch.getOutputs(), addPreparation(dispatch, inputs)))
      buffers[output] = buffer;
  }

  // Lifetimes of the rest.
  SmallVector<Interval> intervals;
  DenseMap<Value, size_t> intervalOf;
  for (auto [launch, dispatch] : llvm::enumerate(dispatches)) {
    for (Value result : dispatch.getOutputs()) {
      Value storage = getStorage(result);
      if (buffers.contains(storage))
        continue;
      auto [found, isFirst] = intervalOf.try_emplace(storage, intervals.size());
      if (isFirst)
        intervals.push_back({static_cast<int64_t>(launch),
                             static_cast<int64_t>(launch), bytes(storage), 0});
      else
        intervals[found->second].last = launch;
    }
    for (Value input : dispatch.getInputs())
      if (auto found = intervalOf.find(getStorage(input));
          found != intervalOf.end())
        intervals[found->second].last = launch;
  }
  int64_t arena = colour(intervals);
  int64_t bound = getLowerBound(intervals, dispatches.size());
  arenaBytes += arena;
  lowerBoundBytes += bound;

  OpBuilder builder(function);
  auto program =
      ProgramOp::create(builder, function.getLoc(), function.getSymName(),
                        ArrayAttr::get(context, inputs),
                        ArrayAttr::get(context, outputs), arena, bound);
  builder.createBlock(&program.getBody());
  auto getWhole = [&](Value storage) -> BufferAttr {
    if (auto constant = storage.getDefiningOp<ConstantOp>())
      return getData(constant, storage.getType());
    if (BufferAttr buffer = buffers.lookup(storage))
      return buffer;
    const Interval &interval = intervals[intervalOf.lookup(storage)];
    return BufferAttr::get(context, MemorySpace::Arena, 0, interval.offset,
                           interval.size);
  };
  auto getBuffer = [&](Value value) -> BufferAttr {
    Place place = getPlace(value);
    BufferAttr whole = getWhole(place.storage);
    return !place.isPart
               ? whole
               : BufferAttr::get(context, whole.getSpace(), whole.getIndex(),
                                 whole.getOffset() + place.offset,
                                 bytes(value));
  };
  for (DispatchOp dispatch : dispatches) {
    SmallVector<Attribute> arguments;
    for (Value value :
         llvm::concat<Value>(dispatch.getInputs(), dispatch.getOutputs()))
      arguments.push_back(getBuffer(value));
    LaunchOp::create(builder, dispatch.getLoc(), dispatch.getKernel(),
                     ArrayAttr::get(context, arguments),
                     getNodeName(dispatch.getLoc()));
  }
  function.erase();
  return success();
}
