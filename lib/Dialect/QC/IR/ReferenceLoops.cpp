// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel's body to loops over flat memory: see ReferenceLoops.h.

#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/NarrowFloat.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Whether memory holds codes of a float type that no target computes with.
static bool isCodedFloat(Type element) {
  return isNarrowFloat(element) && element.getIntOrFloatBitWidth() < 16;
}

Type qc::getStorageType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(),
                            std::max(integer.getWidth(), 8u));
  if (isCodedFloat(element))
    return IntegerType::get(element.getContext(), 8);
  return element;
}

/// Bits of one element in memory; i1 takes a byte.
static int64_t getStorageBits(Type element) {
  return element.isInteger(1) ? 8 : element.getIntOrFloatBitWidth();
}

static LayoutAttr getLayout(RankedTensorType type) {
  return dyn_cast_or_null<LayoutAttr>(type.getEncoding());
}

static int64_t getElementCount(RankedTensorType type) {
  LayoutAttr layout = getLayout(type);
  return layout ? layout.getNumElements() : type.getNumElements();
}

int64_t qc::getStorageCount(RankedTensorType type) {
  int64_t bits = getStorageBits(type.getElementType());
  int64_t count = getElementCount(type);
  return bits >= 8 ? count : llvm::divideCeil(count * bits, 8);
}

int64_t qc::getStorageBytes(RankedTensorType type) {
  return llvm::divideCeil(
      getElementCount(type) * getStorageBits(type.getElementType()), 8);
}

MemRefType qc::getBufferType(RankedTensorType type) {
  return MemRefType::get({getStorageCount(type)},
                         getStorageType(type.getElementType()));
}

SmallVector<int64_t> qc::getPhysicalOrder(RankedTensorType type) {
  SmallVector<int64_t> order;
  if (LayoutAttr layout = getLayout(type)) {
    // The innermost digit of each dimension places it.
    for (auto [dim, divisor] :
         llvm::zip_equal(layout.getDims(), layout.getDivisors()))
      if (divisor == 1)
        order.push_back(dim);
    return order;
  }
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    order.push_back(dim);
  return order;
}

Value qc::getLinearPosition(OpBuilder &builder, Location loc,
                            RankedTensorType type, ValueRange indices) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  LayoutAttr layout = getLayout(type);
  if (!layout) {
    // Row-major: one digit for each dimension.
    layout = LayoutAttr::getPermuted(
        builder.getContext(), type.getShape(),
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
  }
  Value position;
  for (auto [dim, divisor, extent, modulus] :
       llvm::zip_equal(layout.getDims(), layout.getDivisors(),
                       layout.getExtents(), layout.getModuli())) {
    if (extent == 1)
      continue;
    Value digit = indices[dim];
    int64_t limit = type.getDimSize(dim);
    if (modulus && modulus < limit) {
      digit =
          builder.createOrFold<arith::RemUIOp>(loc, digit, constant(modulus));
      limit = modulus;
    }
    if (divisor != 1)
      digit =
          builder.createOrFold<arith::DivUIOp>(loc, digit, constant(divisor));
    if (divisor * extent < limit)
      digit =
          builder.createOrFold<arith::RemUIOp>(loc, digit, constant(extent));
    if (position)
      position =
          builder.createOrFold<arith::MulIOp>(loc, position, constant(extent));
    position = position
                   ? builder.createOrFold<arith::AddIOp>(loc, position, digit)
                   : digit;
  }
  if (position && layout.getOffset())
    position = builder.createOrFold<arith::AddIOp>(
        loc, position, constant(layout.getOffset()));
  return position ? position : constant(layout.getOffset());
}

//===----------------------------------------------------------------------===//
// KernelEvaluator
//===----------------------------------------------------------------------===//

KernelEvaluator::KernelEvaluator(Block &body, ValueRange arguments)
    : body(body) {
  for (auto [argument, buffer] :
       llvm::zip_equal(body.getArguments(), arguments))
    buffers[argument] = buffer;
}

void KernelEvaluator::setLanes(Value index, int64_t count) {
  laneIndex = count == 1 ? Value() : index;
  lanes = count;
  memo.clear();
}

bool KernelEvaluator::isLane(Value index) const {
  if (index == laneIndex)
    return laneIndex != nullptr;
  auto sum = index.getDefiningOp<arith::AddIOp>();
  return sum && getConstantIntValue(sum.getRhs()) && isLane(sum.getLhs());
}

void KernelEvaluator::setRowLanes(int64_t count) { rowLanes = count; }

/// Whether the op's elements may be evaluated for lanes along dimension `dim`
/// of a tensor with `rank` dimensions.
static bool isLaneTransparentOp(Operation *op, int64_t dim, int64_t rank) {
  if (isa<ConstantOp>(op))
    return true;
  auto element = dyn_cast<ElementOpInterface>(op);
  if (!element)
    return false;
  // Scales per block change between lanes.
  if (auto quantize = dyn_cast<QuantizeOp>(op);
      quantize && quantize.getBlockSize() != 0)
    return false;
  if (auto dequantize = dyn_cast<DequantizeOp>(op);
      dequantize && dequantize.getBlockSize() != 0)
    return false;
  int64_t ownDim =
      dim -
      (rank - cast<RankedTensorType>(op->getResult(0).getType()).getRank());
  return ownDim < 0 || element.isLaneTransparent(ownDim);
}

/// Whether all arguments and results are read and written several elements at
/// once: packed and narrow elements are so one by one.
static bool isByteAddressed(Block &body) {
  auto isByteSized = [](Type type) {
    Type element = cast<RankedTensorType>(type).getElementType();
    return element.isInteger(1) || element.getIntOrFloatBitWidth() >= 8;
  };
  return llvm::all_of(body.getArgumentTypes(), isByteSized) &&
         llvm::all_of(body.getTerminator()->getOperandTypes(), isByteSized);
}

/// Whether each dimension is one digit: no blocks.
static bool isPermuted(RankedTensorType type) {
  LayoutAttr layout = getLayout(type);
  return !layout ||
         layout.getDims().size() == static_cast<size_t>(type.getRank());
}

/// Whether dimension `dim` has one place in memory: one element and, in a
/// layout that may be a view, no room for more.
static bool hasOnePlace(RankedTensorType type, int64_t dim) {
  LayoutAttr layout = getLayout(type);
  if (!layout)
    return type.getDimSize(dim) == 1;
  return llvm::all_of(llvm::zip_equal(layout.getDims(), layout.getExtents()),
                      [&](auto digit) {
                        auto [digitDim, extent] = digit;
                        return digitDim != dim || extent == 1;
                      });
}

int64_t qc::getContiguousDim(RankedTensorType type) {
  if (!isPermuted(type))
    return -1;
  for (int64_t dim : llvm::reverse(getPhysicalOrder(type)))
    if (!hasOnePlace(type, dim))
      return type.getDimSize(dim) == 1 ? -1 : dim;
  return -1;
}

bool KernelEvaluator::hasContiguousLanes(RankedTensorType type,
                                         ValueRange indices) const {
  if (!isPermuted(type) ||
      llvm::count_if(indices, [&](Value at) { return isLane(at); }) != 1)
    return false;
  for (int64_t dim : llvm::reverse(getPhysicalOrder(type))) {
    if (isLane(indices[dim]))
      return true;
    if (!hasOnePlace(type, dim))
      return false;
  }
  return false;
}

/// Whether code inserted at `builder` sees values of `block`.
static bool isVisible(OpBuilder &builder, Block *block) {
  for (Block *at = builder.getInsertionBlock(); at;) {
    if (at == block)
      return true;
    Operation *parent = at->getParentOp();
    at = parent ? parent->getBlock() : nullptr;
  }
  return false;
}

/// Whether two index values are the same one or equal constants.
static bool isSameIndex(Value lhs, Value rhs) {
  if (lhs == rhs)
    return true;
  std::optional<int64_t> left = getConstantIntValue(lhs),
                         right = getConstantIntValue(rhs);
  return left && right && *left == *right;
}

/// Element `position` of a stream of `bits` bits each in `count` bytes, in the
/// low bits of an i8; what the others are is not said.
static Value loadBits(OpBuilder &builder, Location loc, Value buffer,
                      int64_t count, Value position, int64_t bits) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Type i8 = builder.getI8Type(), i16 = builder.getI16Type();
  auto toInteger = [&](Value index, Type type) -> Value {
    return arith::IndexCastOp::create(builder, loc, type, index);
  };
  if (8 % bits == 0) {
    int64_t perByte = 8 / bits;
    Value byte =
        memref::LoadOp::create(builder, loc, buffer,
                               Value(arith::DivUIOp::create(
                                   builder, loc, position, constant(perByte))));
    Value shift = arith::MulIOp::create(
        builder, loc,
        arith::RemUIOp::create(builder, loc, position, constant(perByte)),
        constant(bits));
    return arith::ShRUIOp::create(builder, loc, byte, toInteger(shift, i8));
  }
  // It may go on in the next byte; behind the last byte nothing does.
  Value bit = arith::MulIOp::create(builder, loc, position, constant(bits));
  Value low = arith::DivUIOp::create(builder, loc, bit, constant(8));
  Value high = arith::MinUIOp::create(
      builder, loc, arith::AddIOp::create(builder, loc, low, constant(1)),
      constant(count - 1));
  Value shift = arith::RemUIOp::create(builder, loc, bit, constant(8));
  auto loadByte = [&](Value at) -> Value {
    return arith::ExtUIOp::create(
        builder, loc, i16, memref::LoadOp::create(builder, loc, buffer, at));
  };
  Value eight =
      arith::ConstantOp::create(builder, loc, builder.getI16IntegerAttr(8));
  Value word = arith::OrIOp::create(
      builder, loc, loadByte(low),
      arith::ShLIOp::create(builder, loc, loadByte(high), eight));
  word = arith::ShRUIOp::create(builder, loc, word, toInteger(shift, i16));
  return arith::TruncIOp::create(builder, loc, i8, word);
}

Value KernelEvaluator::load(OpBuilder &builder, Location loc,
                            RankedTensorType type, Value buffer,
                            ValueRange indices) {
  Type element = type.getElementType(), compute = getComputeType(element);
  Type storage = getStorageType(element);
  int64_t bits = getStorageBits(element);
  Value value;
  int64_t loaded = 1;
  auto lookup = indices.size() == 1
                    ? dyn_cast<VectorType>(indices.front().getType())
                    : VectorType();
  Value position =
      lookup ? Value() : getLinearPosition(builder, loc, type, indices);
  if (lookup) {
    // A vector of positions in a row-major tensor of one dimension.
    loaded = lookup.getNumElements();
    auto result = VectorType::get({loaded}, storage);
    Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
    Value mask = vector::ConstantMaskOp::create(
        builder, loc, VectorType::get({loaded}, builder.getI1Type()),
        ArrayRef<int64_t>(loaded));
    Value none =
        arith::ConstantOp::create(builder, loc, builder.getZeroAttr(result));
    value = vector::GatherOp::create(builder, loc, result, buffer, zero,
                                     indices.front(), mask, none);
  } else if (bits < 8) {
    // Packed: the byte, shifted down and extended from its low bits.
    value =
        loadBits(builder, loc, buffer, getStorageCount(type), position, bits);
    Value up = arith::ConstantOp::create(builder, loc,
                                         builder.getI8IntegerAttr(8 - bits));
    if (isCodedFloat(element))
      return decodeNarrowFloat(builder, loc, value, cast<FloatType>(element));
    value = arith::ShLIOp::create(builder, loc, value, up);
    value = isUnsignedElement(element)
                ? Value(arith::ShRUIOp::create(builder, loc, value, up))
                : Value(arith::ShRSIOp::create(builder, loc, value, up));
    return value;
  }
  bool usesLane =
      !lookup && lanes > 1 &&
      llvm::any_of(indices, [&](Value index) { return isLane(index); });
  if (usesLane) {
    auto vectorType = VectorType::get({lanes}, storage);
    loaded = lanes;
    if (hasContiguousLanes(type, indices)) {
      value =
          vector::LoadOp::create(builder, loc, vectorType, buffer, position);
    } else {
      // Strided lanes: one load each.
      ++stridedLoads;
      value = arith::ConstantOp::create(builder, loc,
                                        builder.getZeroAttr(vectorType));
      for (int64_t lane = 0; lane < lanes; ++lane) {
        SmallVector<Value> shifted(indices);
        for (Value &index : shifted)
          if (isLane(index))
            index = builder.createOrFold<arith::AddIOp>(
                loc, index, arith::ConstantIndexOp::create(builder, loc, lane));
        Value at = getLinearPosition(builder, loc, type, shifted);
        Value scalar = memref::LoadOp::create(builder, loc, buffer, at);
        value = vector::InsertOp::create(builder, loc, scalar, value, lane);
      }
    }
  } else if (!lookup) {
    value = memref::LoadOp::create(builder, loc, buffer, position);
  }
  Type computed =
      loaded == 1 ? compute : Type(VectorType::get({loaded}, compute));
  if (element.isInteger(1))
    return arith::TruncIOp::create(builder, loc, computed, value);
  if (isCodedFloat(element))
    return decodeNarrowFloat(builder, loc, value, cast<FloatType>(element));
  if (isa<FloatType>(element) && compute != element)
    return arith::ExtFOp::create(builder, loc, computed, value);
  return value;
}

void KernelEvaluator::store(OpBuilder &builder, Location loc, Value value,
                            RankedTensorType type, Value buffer,
                            ValueRange indices) {
  Type element = type.getElementType(), storage = getStorageType(element);
  auto storedType = [&]() -> Type {
    if (auto vector = dyn_cast<VectorType>(value.getType()))
      return vector.clone(storage);
    return storage;
  };
  if (lanes > 1 && !isa<VectorType>(value.getType()))
    value = vector::BroadcastOp::create(
        builder, loc, VectorType::get({lanes}, value.getType()), value);
  if (element.isInteger(1))
    value = arith::ExtUIOp::create(builder, loc, storedType(), value);
  else if (isCodedFloat(element))
    value = encodeNarrowFloat(builder, loc, value, cast<FloatType>(element),
                              /*saturate=*/false);
  else if (isa<FloatType>(element) && getElementTypeOrSelf(value) != storage)
    value = arith::TruncFOp::create(builder, loc, storedType(), value);
  if (isa<VectorType>(value.getType()) && !hasContiguousLanes(type, indices)) {
    // Strided lanes: one store each.
    for (int64_t lane = 0; lane < lanes; ++lane) {
      SmallVector<Value> shifted(indices);
      for (Value &index : shifted)
        if (isLane(index))
          index = builder.createOrFold<arith::AddIOp>(
              loc, index, arith::ConstantIndexOp::create(builder, loc, lane));
      Value scalar = vector::ExtractOp::create(builder, loc, value, lane);
      memref::StoreOp::create(builder, loc, scalar, buffer,
                              getLinearPosition(builder, loc, type, shifted));
    }
    return;
  }
  Value position = getLinearPosition(builder, loc, type, indices);
  if (isa<VectorType>(value.getType()))
    vector::StoreOp::create(builder, loc, value, buffer, position);
  else
    memref::StoreOp::create(builder, loc, value, buffer, position);
}

void KernelEvaluator::withEmitter(OpBuilder &builder, Operation *op,
                                  ArrayRef<Emitter::Writer> writers,
                                  function_ref<void(Emitter &)> body) {
  SmallVector<Emitter::Reader> readers;
  for (Value operand : op->getOperands())
    readers.push_back([this, operand](Emitter &e, ValueRange indices) {
      return evaluate(e.builder, e.loc, operand, indices);
    });
  Emitter::RowLanes rows;
  rows.setLanes = [this](Value index, int64_t count) {
    setLanes(index, count);
  };
  rows.getLanes = [&](int64_t dim) -> int64_t {
    auto type = cast<RankedTensorType>(op->getOperand(0).getType());
    if (getContiguousDim(type) != dim || !isByteAddressed(this->body))
      return 1;
    // What else is evaluated on the way must allow lanes too.
    bool allow =
        llvm::all_of(this->body.without_terminator(), [&](Operation &other) {
          return &other == op ||
                 isLaneTransparentOp(&other, dim, type.getRank());
        });
    return allow ? rowLanes : 1;
  };
  Emitter emitter(builder, op->getLoc(), readers, writers, lanes,
                  rowLanes > 1 ? &rows : nullptr);
  body(emitter);
}

Value KernelEvaluator::evaluate(OpBuilder &builder, Location loc, Value tensor,
                                ValueRange indices) {
  for (const Entry &entry : memo[tensor])
    if (entry.lanes == lanes &&
        llvm::equal(entry.indices, indices, isSameIndex) &&
        isVisible(builder, entry.block))
      return entry.value;
  auto type = cast<RankedTensorType>(tensor.getType());
  Value value;
  if (auto found = overrides.find(tensor); found != overrides.end()) {
    value = found->second(builder, indices);
  } else if (Value buffer = buffers.lookup(tensor)) {
    value = load(builder, loc, type, buffer, indices);
  } else if (auto constant = tensor.getDefiningOp<ConstantOp>()) {
    FailureOr<SmallVector<int64_t>> number =
        getConstantIntegers(constant.getValue());
    assert(succeeded(number) && "kernels hold single integers only");
    Type compute = getComputeType(type.getElementType());
    value = arith::ConstantOp::create(
        builder, loc,
        builder.getIntegerAttr(compute, APInt(compute.getIntOrFloatBitWidth(),
                                              number->front(), true, true)));
  } else {
    auto result = cast<OpResult>(tensor);
    withEmitter(builder, result.getOwner(), {}, [&](Emitter &emitter) {
      value = cast<ElementOpInterface>(result.getOwner())
                  .emitElement(emitter, result.getResultNumber(), indices);
      // Narrow types round once per op.
      value = emitter.round(value, type.getElementType());
    });
  }
  memo[tensor].push_back(
      {SmallVector<Value>(indices), lanes, builder.getInsertionBlock(), value});
  return value;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

bool qc::isLaneTransparent(Block &body, int64_t dim, int64_t rank,
                           Operation *except) {
  return llvm::all_of(body.without_terminator(),
                      [&](Operation &op) {
                        return &op == except ||
                               isLaneTransparentOp(&op, dim, rank);
                      }) &&
         isByteAddressed(body);
}

int64_t qc::getWidestBytes(Block &body) {
  int64_t bytes = 1;
  for (Operation &op : body.without_terminator()) {
    for (Value value : llvm::concat<Value>(op.getOperands(), op.getResults())) {
      auto type = cast<RankedTensorType>(value.getType());
      if (type.getNumElements() == 1)
        continue;
      Type compute = getComputeType(type.getElementType());
      bytes = std::max<int64_t>(bytes, compute.getIntOrFloatBitWidth() / 8);
    }
    // Codes are scaled and looked up in 32 bits.
    if (isa<QuantizeOp, DequantizeOp, RequantizeOp, RescaleOp, RoundSaturateOp,
            TableLookupOp>(op))
      bytes = std::max<int64_t>(bytes, 4);
  }
  return bytes;
}

/// The indices of the element at `position` in a tensor of `type`, whose layout
/// has no moduli and no offset; in padding those of some element.
static SmallVector<Value> getIndices(OpBuilder &builder, Location loc,
                                     RankedTensorType type, Value position) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  LayoutAttr layout = getLayout(type);
  if (!layout)
    layout = LayoutAttr::getPermuted(
        builder.getContext(), type.getShape(),
        llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
  SmallVector<Value> indices(type.getRank(), constant(0));
  SmallVector<int64_t> largest(type.getRank(), 0);
  for (size_t d = layout.getDims().size(); d-- > 0;) {
    int64_t dim = layout.getDims()[d], divisor = layout.getDivisors()[d],
            extent = layout.getExtents()[d];
    if (extent == 1)
      continue;
    Value digit =
        arith::RemUIOp::create(builder, loc, position, constant(extent));
    position = arith::DivUIOp::create(builder, loc, position, constant(extent));
    indices[dim] = builder.createOrFold<arith::AddIOp>(
        loc, indices[dim],
        builder.createOrFold<arith::MulIOp>(loc, digit, constant(divisor)));
    largest[dim] += (extent - 1) * divisor;
  }
  for (auto [index, most, size] :
       llvm::zip_equal(indices, largest, type.getShape()))
    if (most >= size)
      index = arith::MinUIOp::create(builder, loc, index, constant(size - 1));
  return indices;
}

/// Runs `body` inside a new scf.parallel over `extents`.
static void emitParallel(OpBuilder &builder, Location loc,
                         ArrayRef<int64_t> extents,
                         function_ref<void(OpBuilder &, ValueRange)> body) {
  SmallVector<Value> lower, upper, step;
  for (int64_t extent : extents) {
    lower.push_back(arith::ConstantIndexOp::create(builder, loc, 0));
    upper.push_back(arith::ConstantIndexOp::create(builder, loc, extent));
    step.push_back(arith::ConstantIndexOp::create(builder, loc, 1));
  }
  scf::ParallelOp::create(builder, loc, lower, upper, step,
                          [&](OpBuilder &nested, Location, ValueRange indices) {
                            body(nested, indices);
                          });
}

/// Whether `tensor` is `source` or computed from it.
static bool dependsOn(Value tensor, Value source) {
  llvm::SmallDenseSet<Value> visited;
  std::function<bool(Value)> depends = [&](Value value) {
    if (value == source)
      return true;
    Operation *def = value.getDefiningOp();
    return def && visited.insert(value).second &&
           llvm::any_of(def->getOperands(), depends);
  };
  return depends(tensor);
}

BlockOpInterface qc::getBlockRoot(Block &body) {
  for (Operation &op : body.without_terminator())
    if (auto block = dyn_cast<BlockOpInterface>(op))
      return block;
  return {};
}

void qc::emitBlockIteration(OpBuilder &builder, KernelEvaluator &evaluator,
                            BlockOpInterface root, ValueRange iterations,
                            ValueRange results) {
  auto yield = cast<YieldOp>(root->getBlock()->getTerminator());
  SmallVector<Emitter::Writer> writers;
  for (Value rootResult : root->getResults())
    writers.push_back([&evaluator, yield, results, rootResult](
                          Emitter &e, ValueRange indices, Value value) mutable {
      evaluator.override(rootResult,
                         [value](OpBuilder &, ValueRange) { return value; });
      for (auto [yielded, buffer] :
           llvm::zip_equal(yield.getOperands(), results))
        if (dependsOn(yielded, rootResult))
          evaluator.store(
              e.builder, e.loc,
              evaluator.evaluate(e.builder, e.loc, yielded, indices),
              cast<RankedTensorType>(yielded.getType()), buffer, indices);
    });
  evaluator.withEmitter(builder, root, writers, [&](Emitter &emitter) {
    root.emitBlock(emitter, iterations);
  });
}

void qc::emitKernelLoops(OpBuilder &builder, Location loc, Block &body,
                         ValueRange arguments, ValueRange results,
                         int64_t rowLanes) {
  auto yield = cast<YieldOp>(body.getTerminator());
  KernelEvaluator evaluator(body, arguments);
  evaluator.setRowLanes(rowLanes);

  // A block op drives the iteration: each element it writes runs through the
  // elementwise ops behind it.
  if (BlockOpInterface root = getBlockRoot(body)) {
    SmallVector<int64_t> extents = root.getParallelExtents();
    if (extents.empty())
      extents.push_back(1);
    emitParallel(
        builder, loc, extents, [&](OpBuilder &nested, ValueRange iterations) {
          emitBlockIteration(nested, evaluator, root, iterations, results);
        });
    return;
  }

  auto type = cast<RankedTensorType>(yield.getOperand(0).getType());
  int64_t rank = type.getRank();
  auto storeAll = [&](OpBuilder &nested, ValueRange indices) {
    for (auto [yielded, buffer] : llvm::zip_equal(yield.getOperands(), results))
      evaluator.store(
          nested, loc, evaluator.evaluate(nested, loc, yielded, indices),
          cast<RankedTensorType>(yielded.getType()), buffer, indices);
  };

  // Packed results: one iteration writes a whole byte, of the elements that
  // share it. Its bits begin `skip` bits into the first of them.
  int64_t bits = getStorageBits(type.getElementType());
  if (bits < 8) {
    int64_t count = getElementCount(type);
    // A byte that begins at the last bit of an element ends in the last one.
    int64_t most = 8 % bits == 0 ? 8 / bits : llvm::divideCeil(bits + 7, bits);
    emitParallel(
        builder, loc, {getStorageCount(type)},
        [&](OpBuilder &nested, ValueRange at) {
          Type i8 = nested.getI8Type(), i16 = nested.getI16Type();
          auto constant = [&](int64_t v) -> Value {
            return arith::ConstantIndexOp::create(nested, loc, v);
          };
          auto number = [&](int64_t v) -> Value {
            return arith::ConstantOp::create(nested, loc,
                                             nested.getI16IntegerAttr(v));
          };
          Value bit = arith::MulIOp::create(nested, loc, at[0], constant(8));
          Value first =
              arith::DivUIOp::create(nested, loc, bit, constant(bits));
          Value skip = arith::IndexCastOp::create(
              nested, loc, i16,
              arith::RemUIOp::create(nested, loc, bit, constant(bits)));
          for (auto [yielded, buffer] :
               llvm::zip_equal(yield.getOperands(), results)) {
            Value packed = number(0);
            for (int64_t part = 0; part < most; ++part) {
              Value position =
                  arith::AddIOp::create(nested, loc, first, constant(part));
              // The last byte may be partly padding: it repeats the last
              // element.
              position = arith::MinUIOp::create(nested, loc, position,
                                                constant(count - 1));
              Value value =
                  evaluator.evaluate(nested, loc, yielded,
                                     getIndices(nested, loc, type, position));
              if (isCodedFloat(type.getElementType()))
                value = encodeNarrowFloat(
                    nested, loc, value, cast<FloatType>(type.getElementType()),
                    false);
              value = arith::AndIOp::create(
                  nested, loc, arith::ExtUIOp::create(nested, loc, i16, value),
                  number((1 << bits) - 1));
              packed = arith::OrIOp::create(
                  nested, loc, packed,
                  arith::ShLIOp::create(nested, loc, value,
                                        number(part * bits)));
            }
            packed = arith::ShRUIOp::create(nested, loc, packed, skip);
            memref::StoreOp::create(
                nested, loc,
                Value(arith::TruncIOp::create(nested, loc, i8, packed)), buffer,
                at[0]);
          }
        });
    return;
  }

  // Iterate in the order of the result's memory; size-one dimensions vanish.
  SmallVector<int64_t> order, extents;
  for (int64_t dim : getPhysicalOrder(type))
    if (type.getDimSize(dim) != 1)
      order.push_back(dim);
  for (int64_t dim : order)
    extents.push_back(type.getDimSize(dim));
  if (extents.empty())
    extents.push_back(1);
  emitParallel(
      builder, loc, extents, [&](OpBuilder &nested, ValueRange iterations) {
        Value zero = arith::ConstantIndexOp::create(nested, loc, 0);
        SmallVector<Value> indices(rank, zero);
        for (auto [dim, iteration] : llvm::zip_first(order, iterations))
          indices[dim] = iteration;
        storeAll(nested, indices);
      });
}
