// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Register-tiled schedules of convolutions and matrix products.
//
// Both are one loop nest (see Contraction.h). A tile holds R rows times V
// vectors of accumulators in registers; each step of the reduction
// broadcasts R inputs and loads V vectors of weights. The reduction is
// innermost and never crosses lanes. The partition over threads is rows times
// groups of 64 channels and does not depend on the CPU.

#include "../Common/Contraction.h"
#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_SCHEDULECONTRACTIONS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Output channels of one parallel iteration.
constexpr int64_t groupChannels = 64;
/// Inputs of one parallel iteration that are widened for all its channels: as
/// many as stay in a core's own cache, if each is in so many products.
constexpr int64_t widenedInputs = 32 << 10, widenedUses = 32;
/// Steps of the reduction in one iteration where sums of 16 bits hold more.
constexpr int64_t mostPairSteps = 8;
/// Bytes of weights that are worth asking for before they are needed: more than
/// stays in a core's own cache.
constexpr int64_t prefetchedWeights = 512 << 10, cacheLine = 64;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

int64_t getNumLanes(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

/// Emits the tile code of one kernel.
class ContractionEmitter : KernelEmitter {
public:
  ContractionEmitter(const ContractionProblem &problem, KernelOp kernel,
                     func::FuncOp function, int64_t vectorBytes,
                     int64_t registers, bool useFMA, bool useDotProduct)
      : KernelEmitter(kernel, function), problem(problem),
        lanes(vectorBytes / 4), registers(registers), useFMA(useFMA),
        useDotProduct(useDotProduct) {}

  void emit();

private:
  Value splat(Value scalar, int64_t count) {
    return vector::BroadcastOp::create(
        builder, loc, VectorType::get({count}, scalar.getType()), scalar);
  }
  Value zeroVector(VectorType type) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }

  /// Vectors of 32-bit accumulators that a block of channels needs per row.
  int64_t accumulatorsPerBlock() const { return packedChannels / lanes; }
  bool hasBytes() const { return problem.isInteger && problem.bits == 8; }
  /// Without vpdpbusd bytes are halves of 16-bit numbers for vpmaddwd, unless
  /// weights are so small that vpmaddubsw cannot saturate.
  bool splitsBytes() const {
    return hasBytes() && !useDotProduct && pairSteps() == 0;
  }
  /// Steps of the reduction whose sums of two products (vpmaddubsw) add up to
  /// 16 bits at most, whatever the inputs are; 0 if one step's may have more,
  /// or if that instruction is not used.
  int64_t pairSteps() const {
    if (!hasBytes() || useDotProduct || lanes < 8 || problem.weightBound == 0)
      return 0;
    return std::min<int64_t>(INT16_MAX / (2 * 255 * problem.weightBound),
                             mostPairSteps);
  }
  /// vpdpbusd and vpmaddubsw multiply unsigned inputs by signed weights: what
  /// is added to inputs and subtracted from weights to make them so. (Bounded
  /// weights are the same numbers either way.)
  bool multipliesMixed() const { return useDotProduct || pairSteps() != 0; }
  int64_t inputShift() const {
    return hasBytes() && multipliesMixed() && !problem.inputUnsigned ? 128 : 0;
  }
  int64_t weightShift() const {
    return hasBytes() && useDotProduct && problem.weightsUnsigned ? 128 : 0;
  }
  /// Bytes whose signedness the shift by 128 changes.
  Value flip(Value bytes) {
    auto type = cast<VectorType>(bytes.getType());
    return arith::XOrIOp::create(
        builder, loc, bytes,
        arith::ConstantOp::create(
            builder, loc,
            DenseElementsAttr::get(type, builder.getI8IntegerAttr(-128))));
  }
  /// `tensor`'s element at `index` (0 for one element) as i32 or f32 in lanes.
  Value readParameter(OpBuilder &nested, Value tensor, Value index,
                      int64_t count);

  void emitGroup(ValueRange batch, Value unit, Value firstChannel,
                 int64_t channels);
  void emitBlocks(Value firstChannel, int64_t blocks, int64_t validChannels);
  /// `index` of `tiles` that read the same weights.
  void emitTile(Value row, int64_t rows, Value index, int64_t tiles,
                Value channel, int64_t blocks, int64_t validChannels);
  /// The accumulators of a tile: `rows` times `blocks` blocks of channels, then
  /// sums that belong to channels or rows alone.
  struct Tile {
    int64_t rows, blocks, validChannels;
    /// Vectors per row, and behind all rows those that sum the weights (of
    /// signed inputs) and the inputs (of weights with a zero point).
    int64_t perRow, weightSums, inputSums;
  };
  Tile getTile(int64_t rows, int64_t blocks, int64_t validChannels) const;
  /// Whether the weights of a step stay in registers for all rows rather than
  /// the inputs for all vectors.
  static bool keepsWeights(const Tile &tile) { return tile.perRow <= 2; }
  /// What a tile asks for while it is computed: its part of the weights of the
  /// next channels, from `base` on, `perStep` elements in a step of the
  /// reduction; none if that is 0. Several tiles share them, as more at once
  /// than memory delivers only waits.
  struct Prefetch {
    Value base;
    int64_t perStep = 0;
  };
  Prefetch getPrefetch(Value weightBase, Value index, int64_t tiles,
                       int64_t blocks);
  /// The sums of rows and channels, one vector of lanes each; `inits` are what
  /// they begin with.
  SmallVector<Value> emitReduction(Value inputBase, Value weightBase,
                                   const Tile &tile, const Prefetch &prefetch,
                                   ArrayRef<Value> inits,
                                   SmallVectorImpl<Value> &inputSums);
  void emitFloatStep(Value input, Value weight, const Tile &tile,
                     MutableArrayRef<Value> accumulators);
  void emitIntegerStep(Value input, Value weight, Value step, const Tile &tile,
                       MutableArrayRef<Value> accumulators);
  /// `count` steps from `step` on, the last reduction's first without one, with
  /// sums of 16 bits.
  void emitPairSteps(Value input, Value weight, Value step, int64_t count,
                     const Tile &tile, MutableArrayRef<Value> accumulators);
  /// Four bytes of row `r` from `input` on, repeated over the lanes.
  Value loadBytes(Value input, int64_t r);
  /// Vector `v` of the weights from `weight` on.
  Value loadWeights(Value weight, int64_t v);
  /// Two 16-bit inputs and weights per step.
  void emitShortStep(Value input, Value weight, const Tile &tile,
                     MutableArrayRef<Value> accumulators);
  /// The sums of adjacent products of two vectors of 16-bit numbers.
  Value multiplyAdd(Value lhs, Value rhs);
  /// What to multiply inputs with so as to sum those of reduction step `step`:
  /// numbers of `width` bits, of each lane's four those `first` and every
  /// `distance` behind it.
  Value getOnes(Value step, int64_t width, int64_t first, int64_t distance);
  /// Inputs from the first to behind the last that an iteration reads, if they
  /// are better widened before than each time that they are multiplied, else 0.
  int64_t getWidenedSpan() const;
  /// Writes them to `widened`, the even ones before the odd ones.
  void emitWidening(int64_t span);
  /// The distance in what the products read for one in the input.
  int64_t inputDistance(int64_t elements) const {
    return widened ? elements / 2 : elements;
  }
  /// The even or the odd ones of bytes, as 16-bit numbers.
  Value widen(Value bytes, bool isOdd, bool isUnsigned);
  /// Vectors, a power of two of them, as one.
  Value concatenate(ArrayRef<Value> vectors);
  void emitEpilogue(Value row, Value channel, Value accumulator, Value inputSum,
                    bool hasBias, int64_t validLanes);
  /// The channel among those of all groups.
  Value getGlobalChannel(Value channel);

  const ContractionProblem &problem;
  int64_t lanes, registers;
  bool useFMA, useDotProduct;
  SmallVector<Value> batchIndices;
  Value unitIndex, inputBatch, weightBatch, channelBase;
  /// Scratch memory of 16-bit numbers, or null.
  Value widened;
};

} // namespace

void ContractionEmitter::emit() {
  SmallVector<int64_t> extents;
  for (const ReductionLoop &loop : problem.batch)
    extents.push_back(loop.extent);
  // What is larger, the inputs or the weights, is read once: the other is read
  // again for each part of it and better fits a cache.
  int64_t groups = llvm::divideCeil(problem.channels, groupChannels);
  int64_t weights =
      problem.blockStride * llvm::divideCeil(problem.channels, packedChannels);
  bool unitsInside = weights > problem.units * problem.unitStride;
  extents.push_back(unitsInside ? groups : problem.units);
  extents.push_back(unitsInside ? problem.units : groups);
  SmallVector<Value> lower, upper, step;
  for (int64_t extent : extents) {
    lower.push_back(constant(0));
    upper.push_back(constant(extent));
    step.push_back(constant(1));
  }
  int64_t span = getWidenedSpan();
  if (span != 0)
    widened = memref::AllocaOp::create(
        builder, loc, MemRefType::get({span}, builder.getI16Type()));
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPointToStart(parallel.getBody());
  SmallVector<Value> indices(parallel.getInductionVars());
  batchIndices.assign(indices.begin(), indices.end() - 2);
  unitIndex = indices[indices.size() - (unitsInside ? 1 : 2)];
  channelBase = problem.groupLoop
                    ? scale(batchIndices[*problem.groupLoop], problem.channels)
                    : Value();
  inputBatch = constant(problem.inputOffset);
  weightBatch = constant(problem.weightOffset);
  for (auto [loop, index] : llvm::zip_equal(problem.batch, batchIndices)) {
    inputBatch = add(inputBatch, scale(index, loop.inputStride));
    weightBatch = add(weightBatch, scale(index, loop.weightStride));
  }
  inputBatch = add(inputBatch, scale(unitIndex, problem.unitStride));
  if (widened)
    emitWidening(span);
  Value group = indices[indices.size() - (unitsInside ? 2 : 1)];
  Value firstChannel = scale(group, groupChannels);
  int64_t lastGroup = problem.channels - (groups - 1) * groupChannels;
  if (groups == 1 || lastGroup == groupChannels) {
    emitGroup(batchIndices, unitIndex, firstChannel,
              groups == 1 ? lastGroup : groupChannels);
    return;
  }
  Value isLast = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       group, constant(groups - 1));
  auto branch = scf::IfOp::create(builder, loc, isLast, true);
  builder.setInsertionPoint(branch.thenYield());
  emitGroup(batchIndices, unitIndex, firstChannel, lastGroup);
  builder.setInsertionPoint(branch.elseYield());
  emitGroup(batchIndices, unitIndex, firstChannel, groupChannels);
}

void ContractionEmitter::emitGroup(ValueRange batch, Value unit,
                                   Value firstChannel, int64_t channels) {
  // A tile's blocks: two vectors of weights per step, four where registers
  // abound.
  int64_t most = registers >= 32 ? (problem.isInteger ? 2 : 2) : 1;
  int64_t full = channels / packedChannels / most,
          rest = channels - full * most * packedChannels;
  if (full > 0) {
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(full),
                                   constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    emitBlocks(
        add(firstChannel, scale(loop.getInductionVar(), most * packedChannels)),
        most, most * packedChannels);
  }
  if (rest > 0)
    emitBlocks(add(firstChannel, constant(full * most * packedChannels)),
               llvm::divideCeil(rest, packedChannels), rest);
}

ContractionEmitter::Tile
ContractionEmitter::getTile(int64_t rows, int64_t blocks,
                            int64_t validChannels) const {
  // Vectors without a channel are none.
  Tile tile{rows,
            blocks,
            validChannels,
            static_cast<int64_t>(llvm::divideCeil(validChannels, lanes)),
            0,
            0};
  // An offset of the inputs is undone by the sum of the weights, and the other
  // way round.
  if (problem.inputZero || inputShift() != 0)
    tile.weightSums = tile.perRow;
  if (problem.weightZero || weightShift() != 0)
    tile.inputSums = rows;
  return tile;
}

void ContractionEmitter::emitBlocks(Value channel, int64_t blocks,
                                    int64_t validChannels) {
  // Accumulators leave room for the weights, a broadcast and a product.
  Tile one = getTile(1, blocks, validChannels);
  int64_t perRow = one.perRow + one.inputSums,
          reserve = one.weightSums + one.perRow + 2;
  // Sums of 16 bits beside those of 32, or a product for each vector.
  if (pairSteps() > 1)
    perRow *= 2, reserve += one.weightSums;
  else if (pairSteps() == 1)
    reserve += one.perRow;
  // Both halves of the weights or those of all inputs, and a product.
  if (widened)
    reserve += one.perRow;
  else if (splitsBytes() && keepsWeights(one))
    reserve += one.perRow + 1;
  else if (splitsBytes())
    perRow += 2, reserve = one.weightSums + 3;
  int64_t largest = std::clamp<int64_t>((registers - reserve) / perRow, 1, 14);
  int64_t tiles = llvm::divideCeil(problem.unitRows, largest),
          rows = problem.unitRows / tiles;
  int64_t larger = problem.unitRows % tiles;
  auto emitTiles = [&](int64_t firstTile, int64_t firstRow, int64_t count,
                       int64_t size) {
    if (count == 0)
      return;
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(count),
                                   constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    Value index = loop.getInductionVar();
    emitTile(add(constant(firstRow), scale(index, size)), size,
             add(constant(firstTile), index), tiles, channel, blocks,
             validChannels);
  };
  emitTiles(0, 0, larger, rows + 1);
  emitTiles(larger, larger * (rows + 1), tiles - larger, rows);
}

Value ContractionEmitter::getGlobalChannel(Value channel) {
  return channelBase ? add(channelBase, channel) : channel;
}

void ContractionEmitter::emitTile(Value row, int64_t rows, Value index,
                                  int64_t tiles, Value channel, int64_t blocks,
                                  int64_t validChannels) {
  Value inputBase = scale(row, inputDistance(problem.rowStride));
  if (!widened)
    inputBase = add(inputBatch, inputBase);
  Value block = builder.createOrFold<arith::DivUIOp>(loc, channel,
                                                     constant(packedChannels));
  Value weightBase = add(weightBatch, scale(block, problem.blockStride));
  Tile tile = getTile(rows, blocks, validChannels);
  int64_t vectors = tile.perRow;
  auto validLanes = [&](int64_t v) {
    return std::min(lanes, validChannels - v * lanes);
  };
  // Sums begin with the bias where whole vectors of it can be read.
  SmallVector<Value> inits(vectors);
  if (problem.bias)
    for (int64_t v = 0; v < vectors; ++v)
      if (validLanes(v) == lanes) {
        Value first = getGlobalChannel(add(channel, constant(v * lanes)));
        evaluator.setLanes(first, lanes);
        inits[v] = evaluator.evaluate(builder, loc, problem.bias, first);
        evaluator.setLanes({}, 1);
        if (!isa<VectorType>(inits[v].getType()))
          inits[v] = splat(inits[v], lanes);
      }
  SmallVector<Value> inputSums;
  SmallVector<Value> sums = emitReduction(
      inputBase, weightBase, tile,
      getPrefetch(weightBase, index, tiles, blocks), inits, inputSums);
  // A row's vectors together: what is behind the sums then runs through all of
  // them step by step, where one after the other would wait for its own
  // results.
  bool isWhole =
      validLanes(vectors - 1) == lanes && llvm::isPowerOf2_64(vectors);
  for (int64_t r = 0; r < rows; ++r) {
    Value inputSum = inputSums.empty() ? Value() : inputSums[r];
    ArrayRef<Value> sumsOfRow = ArrayRef(sums).slice(r * vectors, vectors);
    if (isWhole) {
      SmallVector<Value> repeated(vectors, inputSum);
      emitEpilogue(add(row, constant(r)), channel, concatenate(sumsOfRow),
                   inputSum ? concatenate(repeated) : Value(),
                   inits[0] != nullptr, vectors * lanes);
      continue;
    }
    for (int64_t v = 0; v < vectors; ++v)
      emitEpilogue(add(row, constant(r)), add(channel, constant(v * lanes)),
                   sumsOfRow[v], inputSum, inits[v] != nullptr, validLanes(v));
  }
}

Value ContractionEmitter::concatenate(ArrayRef<Value> vectors) {
  SmallVector<Value> parts(vectors);
  while (parts.size() > 1) {
    size_t half = parts.size() / 2;
    for (size_t i = 0; i < half; ++i) {
      int64_t count = 2 * getNumLanes(parts[2 * i]);
      parts[i] = vector::ShuffleOp::create(
          builder, loc, parts[2 * i], parts[2 * i + 1],
          llvm::to_vector(llvm::seq<int64_t>(0, count)));
    }
    parts.resize(half);
  }
  return parts.front();
}

SmallVector<Value>
ContractionEmitter::emitReduction(Value inputBase, Value weightBase,
                                  const Tile &tile, const Prefetch &prefetch,
                                  ArrayRef<Value> inits,
                                  SmallVectorImpl<Value> &inputSums) {
  Type element = problem.isInteger ? Type(builder.getI32Type())
                                   : Type(builder.getF32Type());
  auto type = VectorType::get({lanes}, element);
  Value zero = zeroVector(type);
  int64_t main = tile.rows * tile.perRow;
  SmallVector<Value> carried(main + tile.weightSums + tile.inputSums, zero);
  for (int64_t i = 0; i < main; ++i)
    if (Value init = inits[i % tile.perRow])
      carried[i] = init;

  OpBuilder::InsertionGuard guard(builder);
  SmallVector<scf::ForOp> nest;
  const ReductionLoop &last = problem.reduction.back();
  // Steps of the last reduction in one iteration, and those behind them all.
  int64_t perIteration = std::clamp<int64_t>(pairSteps(), 1, last.extent);
  int64_t rest = last.extent % perIteration;
  Value input = inputBase, weight = weightBase, next = prefetch.base, step;
  auto enter = [&](int64_t iterations, int64_t inputStride,
                   int64_t weightStride) {
    auto created = scf::ForOp::create(
        builder, loc, constant(0), constant(iterations), constant(1), carried);
    nest.push_back(created);
    builder.setInsertionPointToEnd(created.getBody());
    carried.assign(created.getRegionIterArgs().begin(),
                   created.getRegionIterArgs().end());
    Value index = created.getInductionVar();
    input = add(input, scale(index, inputDistance(inputStride)));
    weight = add(weight, scale(index, weightStride));
    if (prefetch.perStep != 0)
      next = add(next, scale(index, weightStride / last.weightStride *
                                        prefetch.perStep));
    return index;
  };
  auto leave = [&] {
    scf::ForOp loop = nest.pop_back_val();
    builder.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(builder, loc, carried);
    carried.assign(loop.getResults().begin(), loop.getResults().end());
    builder.setInsertionPointAfter(loop);
  };
  for (const ReductionLoop &loop : ArrayRef(problem.reduction).drop_back())
    if (loop.extent != 1)
      enter(loop.extent, loop.inputStride, loop.weightStride);
  Value firstInput = input, firstWeight = weight;
  bool isLoop = last.extent / perIteration != 1;
  if (isLoop)
    step =
        scale(enter(last.extent / perIteration, perIteration * last.inputStride,
                    perIteration * last.weightStride),
              perIteration);
  else if (perIteration > 1)
    step = constant(0);
  int64_t line = cacheLine * 8 / problem.bits;
  for (int64_t offset = 0; offset < perIteration * prefetch.perStep;
       offset += line)
    memref::PrefetchOp::create(builder, loc, buffer(problem.weights),
                               add(next, constant(offset)), /*isWrite=*/false,
                               /*localityHint=*/2, /*isDataCache=*/true);
  if (pairSteps() != 0)
    emitPairSteps(input, weight, step, perIteration, tile, carried);
  else if (hasBytes())
    emitIntegerStep(input, weight, step, tile, carried);
  else if (problem.isInteger)
    emitShortStep(input, weight, tile, carried);
  else
    emitFloatStep(input, weight, tile, carried);
  if (isLoop)
    leave();
  if (rest != 0) {
    int64_t done = last.extent - rest;
    emitPairSteps(add(firstInput, constant(done * last.inputStride)),
                  add(firstWeight, constant(done * last.weightStride)),
                  constant(done), rest, tile, carried);
  }
  while (!nest.empty())
    leave();

  SmallVector<Value> sums(ArrayRef(carried).take_front(main)),
      weightSums(ArrayRef(carried).slice(main, tile.weightSums));
  inputSums.assign(carried.end() - tile.inputSums, carried.end());
  if (!weightSums.empty()) {
    // With o what is to be subtracted from each input:
    // sum (x - o) w = sum x w - o sum w, and sum (x - o) = sum x - o n.
    Type i32 = builder.getI32Type();
    Value offset = arith::ConstantOp::create(
        builder, loc, builder.getI32IntegerAttr(inputShift()));
    if (problem.inputZero)
      offset = arith::AddIOp::create(
          builder, loc, offset,
          readParameter(builder, problem.inputZero, constant(0), 1));
    Value offsets = splat(offset, lanes);
    for (Value &sum : weightSums)
      sum = arith::MulIOp::create(builder, loc, sum, offsets);
    for (auto [index, sum] : llvm::enumerate(sums))
      sum = arith::SubIOp::create(builder, loc, sum,
                                  weightSums[index % weightSums.size()]);
    int64_t count = problem.depth;
    for (const ReductionLoop &loop : ArrayRef(problem.reduction).drop_back())
      count *= loop.extent;
    Value all = arith::MulIOp::create(
        builder, loc, offset,
        arith::ConstantOp::create(
            builder, loc,
            builder.getIntegerAttr(i32, APInt(32, count, true, true))));
    for (Value &sum : inputSums)
      sum = arith::SubIOp::create(builder, loc, sum, splat(all, lanes));
  }
  return sums;
}

ContractionEmitter::Prefetch ContractionEmitter::getPrefetch(Value weightBase,
                                                             Value index,
                                                             int64_t tiles,
                                                             int64_t blocks) {
  int64_t all = problem.blockStride * problem.bits / 8 *
                llvm::divideCeil(problem.channels, packedChannels);
  if (!problem.isPacked || all < prefetchedWeights)
    return {};
  // Packed weights lie in the order in which the reduction reads them.
  int64_t stepStride = problem.reduction.back().weightStride;
  int64_t panel = blocks * problem.blockStride;
  return {add(add(weightBase, constant(panel)),
              scale(index, llvm::divideCeil(panel, tiles))),
          static_cast<int64_t>(llvm::divideCeil(blocks * stepStride, tiles))};
}

void ContractionEmitter::emitFloatStep(Value input, Value weight,
                                       const Tile &tile,
                                       MutableArrayRef<Value> accumulators) {
  auto type = VectorType::get({lanes}, builder.getF32Type());
  int64_t perRow = tile.perRow, perBlock = packedChannels / lanes;
  SmallVector<Value> weights;
  for (int64_t v = 0; v < perRow; ++v) {
    int64_t valid = std::min(lanes, tile.validChannels - v * lanes);
    Value position = add(weight, constant(v / perBlock * problem.blockStride +
                                          v % perBlock * lanes));
    if (problem.isPacked || valid == lanes) {
      weights.push_back(vector::LoadOp::create(
          builder, loc, type, buffer(problem.weights), position));
    } else {
      // The last columns of unpacked weights: lanes behind the row stay unread.
      Value mask = vector::ConstantMaskOp::create(
          builder, loc, VectorType::get({lanes}, builder.getI1Type()),
          ArrayRef<int64_t>(valid));
      weights.push_back(vector::MaskedLoadOp::create(
          builder, loc, type, buffer(problem.weights), position, mask,
          zeroVector(type)));
    }
  }
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value scalar =
        memref::LoadOp::create(builder, loc, buffer(problem.input),
                               add(input, constant(r * problem.rowStride)));
    Value broadcast = splat(scalar, lanes);
    for (int64_t v = 0; v < perRow; ++v) {
      Value &accumulator = accumulators[r * perRow + v];
      if (useFMA)
        accumulator = math::FmaOp::create(builder, loc, broadcast, weights[v],
                                          accumulator);
      else
        accumulator = arith::AddFOp::create(
            builder, loc, accumulator,
            arith::MulFOp::create(builder, loc, broadcast, weights[v]));
    }
  }
}

Value ContractionEmitter::getOnes(Value step, int64_t width, int64_t first,
                                  int64_t distance) {
  // Where the reduction is stored with padding, its last step sums only what
  // is not.
  Type element = builder.getIntegerType(width);
  int64_t rest = problem.depth % packedDot,
          steps = llvm::divideCeil(problem.depth, packedDot);
  auto pattern = [&](int64_t valid) -> Value {
    SmallVector<APInt> ones;
    int64_t count = packedDot / distance;
    for (int64_t i = 0; i < lanes * count; ++i)
      ones.push_back(APInt(width, first + i % count * distance < valid));
    auto type = VectorType::get({static_cast<int64_t>(ones.size())}, element);
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, ones));
  };
  if (rest == 0)
    return pattern(packedDot);
  if (!step)
    return pattern(rest);
  Value isLast = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       step, constant(steps - 1));
  return arith::SelectOp::create(builder, loc, isLast, pattern(rest),
                                 pattern(packedDot));
}

int64_t ContractionEmitter::getWidenedSpan() const {
  // With four lanes a number in all of them takes as long as widening it.
  if (!splitsBytes() || lanes < 8)
    return 0;
  int64_t span = (problem.unitRows - 1) * problem.rowStride + packedDot;
  int64_t products =
      problem.unitRows * std::min(problem.channels, groupChannels);
  bool isAligned = problem.rowStride % packedDot == 0;
  for (const ReductionLoop &loop : problem.reduction) {
    span += (loop.extent - 1) * loop.inputStride;
    products *= loop.extent;
    isAligned &= loop.inputStride % packedDot == 0;
  }
  bool isWorthwhile = products * packedDot >= span * widenedUses;
  return isAligned && isWorthwhile && span >= lanes * packedDot &&
                 span <= widenedInputs
             ? span
             : 0;
}

void ContractionEmitter::emitWidening(int64_t span) {
  int64_t width = lanes * packedDot, last = span - width;
  auto loop =
      scf::ForOp::create(builder, loc, constant(0),
                         constant(llvm::alignTo(span, width)), constant(width));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  // The last ones are a part of those before where not all is full.
  Value at = loop.getInductionVar();
  if (span % width != 0)
    at = arith::MinUIOp::create(builder, loc, at, constant(last));
  Value bytes = vector::LoadOp::create(
      builder, loc, VectorType::get({width}, builder.getI8Type()),
      buffer(problem.input), add(inputBatch, at));
  Value half = arith::DivUIOp::create(builder, loc, at, constant(2));
  for (bool isOdd : {false, true})
    vector::StoreOp::create(builder, loc,
                            widen(bytes, isOdd, problem.inputUnsigned), widened,
                            add(half, constant(isOdd ? span / 2 : 0)));
}

Value ContractionEmitter::widen(Value bytes, bool isOdd, bool isUnsigned) {
  auto words = VectorType::get({2 * lanes}, builder.getI16Type());
  auto splatted = [&](int16_t number) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(words, builder.getI16IntegerAttr(number)));
  };
  Value pairs = vector::BitCastOp::create(builder, loc, words, bytes);
  if (isUnsigned && !isOdd)
    return arith::AndIOp::create(builder, loc, pairs, splatted(255));
  Value eight = splatted(8);
  if (isUnsigned)
    return arith::ShRUIOp::create(builder, loc, pairs, eight);
  if (!isOdd)
    pairs = arith::ShLIOp::create(builder, loc, pairs, eight);
  return arith::ShRSIOp::create(builder, loc, pairs, eight);
}

Value ContractionEmitter::loadBytes(Value input, int64_t r) {
  Type i8 = builder.getI8Type(), i32 = builder.getI32Type();
  Value four = vector::LoadOp::create(
      builder, loc, VectorType::get({packedDot}, i8), buffer(problem.input),
      add(input, constant(r * problem.rowStride)));
  if (inputShift() != 0)
    four = flip(four);
  Value word =
      vector::BitCastOp::create(builder, loc, VectorType::get({1}, i32), four);
  word = vector::ExtractOp::create(builder, loc, word, 0);
  return vector::BitCastOp::create(builder, loc,
                                   VectorType::get({lanes * packedDot}, i8),
                                   splat(word, lanes));
}

Value ContractionEmitter::loadWeights(Value weight, int64_t v) {
  int64_t perBlock = accumulatorsPerBlock();
  return vector::LoadOp::create(
      builder, loc, VectorType::get({lanes * packedDot}, builder.getI8Type()),
      buffer(problem.weights),
      add(weight, constant(v / perBlock * problem.blockStride +
                           v % perBlock * lanes * packedDot)));
}

void ContractionEmitter::emitPairSteps(Value input, Value weight, Value step,
                                       int64_t count, const Tile &tile,
                                       MutableArrayRef<Value> accumulators) {
  const ReductionLoop &loop = problem.reduction.back();
  int64_t perRow = tile.perRow, main = tile.rows * perRow;
  auto words = VectorType::get({2 * lanes}, builder.getI16Type());
  auto bytes = VectorType::get({lanes * packedDot}, builder.getI8Type());
  StringRef name = lanes == 16 ? "llvm.x86.avx512.pmaddubs.w.512"
                               : "llvm.x86.avx2.pmadd.ub.sw";
  Value unit = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(words, builder.getI16IntegerAttr(1)));
  SmallVector<Value> pairs(accumulators.size());
  bool isLast = false;
  auto multiply = [&](int64_t sum, Value inputs, Value weights) {
    Value product = LLVM::CallIntrinsicOp::create(builder, loc, words,
                                                  builder.getStringAttr(name),
                                                  ValueRange{inputs, weights})
                        .getResult(0);
    pairs[sum] =
        pairs[sum]
            ? Value(arith::AddIOp::create(builder, loc, pairs[sum], product))
            : product;
    // At once behind the last step, which frees a register.
    if (isLast)
      accumulators[sum] = arith::AddIOp::create(builder, loc, accumulators[sum],
                                                multiplyAdd(pairs[sum], unit));
  };
  Value ones = arith::ConstantOp::create(
      builder, loc, DenseElementsAttr::get(bytes, builder.getI8IntegerAttr(1)));
  for (int64_t i = 0; i < count; ++i) {
    isLast = i + 1 == count;
    Value from = add(input, constant(i * loop.inputStride)),
          at = add(weight, constant(i * loop.weightStride));
    Value own = step ? add(step, constant(i)) : Value();
    SmallVector<Value> weights;
    for (int64_t v = 0; v < perRow; ++v) {
      weights.push_back(loadWeights(at, v));
      if (tile.weightSums)
        multiply(main + v, ones, weights.back());
    }
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value inputs = loadBytes(from, r);
      for (int64_t v = 0; v < perRow; ++v)
        multiply(r * perRow + v, inputs, weights[v]);
      if (tile.inputSums)
        multiply(main + tile.weightSums + r, inputs, getOnes(own, 8, 0, 1));
    }
  }
}

void ContractionEmitter::emitIntegerStep(Value input, Value weight, Value step,
                                         const Tile &tile,
                                         MutableArrayRef<Value> accumulators) {
  Type i8 = builder.getI8Type(), i32 = builder.getI32Type();
  auto sums = VectorType::get({lanes}, i32);
  auto bytes = VectorType::get({lanes * packedDot}, i8);
  int64_t perRow = tile.perRow, rows = tile.rows, main = rows * perRow;
  MutableArrayRef<Value> weightSums = accumulators.slice(main, tile.weightSums),
                         inputSums = accumulators.take_back(tile.inputSums);
  if (useDotProduct) {
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(lanes * 32);
    auto call = [&](Value sum, Value lhs, Value rhs) -> Value {
      return LLVM::CallIntrinsicOp::create(builder, loc, sums,
                                           builder.getStringAttr(name),
                                           ValueRange{sum, lhs, rhs})
          .getResult(0);
    };
    SmallVector<Value> weights;
    for (int64_t v = 0; v < perRow; ++v) {
      weights.push_back(loadWeights(weight, v));
      if (weightShift() != 0)
        weights.back() = flip(weights.back());
    }
    for (int64_t r = 0; r < rows; ++r) {
      Value broadcast = loadBytes(input, r);
      for (int64_t v = 0; v < perRow; ++v) {
        Value &accumulator = accumulators[r * perRow + v];
        accumulator = call(accumulator, broadcast, weights[v]);
      }
      if (tile.inputSums)
        inputSums[r] = call(inputSums[r], broadcast, getOnes(step, 8, 0, 1));
    }
    if (tile.weightSums) {
      Value ones = arith::ConstantOp::create(
          builder, loc,
          DenseElementsAttr::get(bytes, builder.getI8IntegerAttr(1)));
      for (int64_t v = 0; v < perRow; ++v)
        weightSums[v] = call(weightSums[v], ones, weights[v]);
    }
    return;
  }
  // As 16-bit numbers, even and odd ones apart, which leaves all of a channel
  // in its lane: products of pairs fit 32 bits, nothing saturates.
  using Halves = std::array<Value, 2>;
  auto halve = [&](Value values, bool isUnsigned) {
    return Halves{widen(values, false, isUnsigned),
                  widen(values, true, isUnsigned)};
  };
  auto multiply = [&](Value &sum, Value lhs, Value rhs) {
    sum = arith::AddIOp::create(builder, loc, sum, multiplyAdd(lhs, rhs));
  };
  auto accumulate = [&](Value &sum, const Halves &lhs, const Halves &rhs) {
    for (auto [left, right] : llvm::zip_equal(lhs, rhs))
      multiply(sum, left, right);
  };
  auto words = VectorType::get({2 * lanes}, builder.getI16Type());
  Value ones = arith::ConstantOp::create(
      builder, loc,
      DenseElementsAttr::get(words, builder.getI16IntegerAttr(1)));
  if (widened) {
    int64_t odd = cast<MemRefType>(widened.getType()).getNumElements() / 2;
    SmallVector<Value> loaded;
    for (int64_t v = 0; v < perRow; ++v)
      loaded.push_back(loadWeights(weight, v));
    for (bool isOdd : {false, true}) {
      SmallVector<Value> weights;
      for (int64_t v = 0; v < perRow; ++v) {
        weights.push_back(widen(loaded[v], isOdd, problem.weightsUnsigned));
        if (tile.weightSums)
          multiply(weightSums[v], ones, weights[v]);
      }
      for (int64_t r = 0; r < rows; ++r) {
        Value pair = vector::LoadOp::create(
            builder, loc, VectorType::get({2}, builder.getI16Type()), widened,
            add(input, constant(r * inputDistance(problem.rowStride) +
                                (isOdd ? odd : 0))));
        Value word = vector::BitCastOp::create(builder, loc,
                                               VectorType::get({1}, i32), pair);
        word = vector::ExtractOp::create(builder, loc, word, 0);
        Value inputs =
            vector::BitCastOp::create(builder, loc, words, splat(word, lanes));
        if (tile.inputSums)
          multiply(inputSums[r], inputs, getOnes(step, 16, isOdd, 2));
        for (int64_t v = 0; v < perRow; ++v)
          multiply(accumulators[r * perRow + v], inputs, weights[v]);
      }
    }
    return;
  }
  auto takeInput = [&](int64_t r) {
    Halves halves = halve(loadBytes(input, r), problem.inputUnsigned);
    if (tile.inputSums)
      accumulate(inputSums[r], halves,
                 {getOnes(step, 16, 0, 2), getOnes(step, 16, 1, 2)});
    return halves;
  };
  auto takeWeights = [&](int64_t v) {
    Halves halves = halve(loadWeights(weight, v), problem.weightsUnsigned);
    if (tile.weightSums)
      accumulate(weightSums[v], {ones, ones}, halves);
    return halves;
  };
  SmallVector<Halves> kept;
  if (keepsWeights(tile)) {
    for (int64_t v = 0; v < perRow; ++v)
      kept.push_back(takeWeights(v));
    for (int64_t r = 0; r < rows; ++r) {
      Halves inputs = takeInput(r);
      for (int64_t v = 0; v < perRow; ++v)
        accumulate(accumulators[r * perRow + v], inputs, kept[v]);
    }
    return;
  }
  for (int64_t r = 0; r < rows; ++r)
    kept.push_back(takeInput(r));
  for (int64_t v = 0; v < perRow; ++v) {
    Halves weights = takeWeights(v);
    for (int64_t r = 0; r < rows; ++r)
      accumulate(accumulators[r * perRow + v], kept[r], weights);
  }
}

Value ContractionEmitter::multiplyAdd(Value lhs, Value rhs) {
  StringRef name = lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
                   : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                : "llvm.x86.sse2.pmadd.wd";
  return LLVM::CallIntrinsicOp::create(
             builder, loc, VectorType::get({lanes}, builder.getI32Type()),
             builder.getStringAttr(name), ValueRange{lhs, rhs})
      .getResult(0);
}

void ContractionEmitter::emitShortStep(Value input, Value weight,
                                       const Tile &tile,
                                       MutableArrayRef<Value> accumulators) {
  Type i16 = builder.getI16Type(), i32 = builder.getI32Type();
  auto words = VectorType::get({2 * lanes}, i16);
  int64_t perRow = tile.perRow, perBlock = accumulatorsPerBlock();
  SmallVector<Value> weights;
  for (int64_t v = 0; v < perRow; ++v) {
    Value position = add(weight, constant(v / perBlock * problem.blockStride +
                                          v % perBlock * 2 * lanes));
    weights.push_back(vector::LoadOp::create(
        builder, loc, words, buffer(problem.weights), position));
  }
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value pair = vector::LoadOp::create(
        builder, loc, VectorType::get({2}, i16), buffer(problem.input),
        add(input, constant(r * problem.rowStride)));
    Value word = vector::BitCastOp::create(builder, loc,
                                           VectorType::get({1}, i32), pair);
    word = vector::ExtractOp::create(builder, loc, word, 0);
    Value inputs =
        vector::BitCastOp::create(builder, loc, words, splat(word, lanes));
    for (int64_t v = 0; v < perRow; ++v) {
      Value &accumulator = accumulators[r * perRow + v];
      // With VNNI both become one vpdpwssd.
      accumulator = arith::AddIOp::create(builder, loc, accumulator,
                                          multiplyAdd(inputs, weights[v]));
    }
  }
}

Value ContractionEmitter::readParameter(OpBuilder &nested, Value tensor,
                                        Value index, int64_t count) {
  if (typeOf(tensor).getNumElements() == 1)
    index = arith::ConstantIndexOp::create(nested, loc, 0);
  SmallVector<Value> indices(typeOf(tensor).getRank(), index);
  Value read = evaluator.evaluate(nested, loc, tensor, indices);
  Type element = getElementTypeOrSelf(read);
  if (problem.isInteger && !element.isInteger(32)) {
    Type to = nested.getI32Type();
    if (auto vector = dyn_cast<VectorType>(read.getType()))
      to = vector.clone(to);
    read = isUnsignedElement(typeOf(tensor).getElementType())
               ? Value(arith::ExtUIOp::create(nested, loc, to, read))
               : Value(arith::ExtSIOp::create(nested, loc, to, read));
  }
  if (count > 1 && !isa<VectorType>(read.getType()))
    read = vector::BroadcastOp::create(
        nested, loc, VectorType::get({count}, read.getType()), read);
  return read;
}

void ContractionEmitter::emitEpilogue(Value row, Value channel,
                                      Value accumulator, Value inputSum,
                                      bool hasBias, int64_t validLanes) {
  Value rootResult = problem.root->getResult(0);
  auto yield = cast<YieldOp>(body.getTerminator());
  auto emitWith = [&](Value value, Value sum, Value channelIndex,
                      int64_t count) {
    Value global = getGlobalChannel(channelIndex);
    evaluator.setLanes(global, count);
    SmallVector<Value> indices = problem.resultIndices(
        builder, loc, batchIndices, unitIndex, row, global);
    evaluator.override(rootResult, [&, value](OpBuilder &nested, ValueRange) {
      Value result = value;
      // sum x (w - z) = sum x w - z sum x
      if (sum) {
        Type type = value.getType();
        Value zero = arith::ConstantOp::create(
            nested, loc,
            isa<VectorType>(type)
                ? TypedAttr(DenseElementsAttr::get(
                      cast<VectorType>(type),
                      nested.getI32IntegerAttr(-weightShift())))
                : TypedAttr(nested.getI32IntegerAttr(-weightShift())));
        if (problem.weightZero)
          zero = arith::AddIOp::create(
              nested, loc, zero,
              readParameter(nested, problem.weightZero, global, count));
        result = arith::SubIOp::create(
            nested, loc, result, arith::MulIOp::create(nested, loc, zero, sum));
      }
      if (problem.bias && !hasBias) {
        Value bias = readParameter(nested, problem.bias, global, count);
        result = problem.isInteger
                     ? Value(arith::AddIOp::create(nested, loc, result, bias))
                     : Value(arith::AddFOp::create(nested, loc, result, bias));
      }
      return result;
    });
    for (auto [index, yielded] : llvm::enumerate(yield.getOperands()))
      evaluator.store(
          builder, loc, evaluator.evaluate(builder, loc, yielded, indices),
          typeOf(yielded), function.getArgument(body.getNumArguments() + index),
          indices);
    evaluator.setLanes({}, 1);
  };
  // The last channels of a group: in vectors of powers of two.
  for (int64_t lane = 0; lane < validLanes;) {
    int64_t count = llvm::bit_floor<uint64_t>(validLanes - lane);
    auto part = [&](Value vector) -> Value {
      if (!vector || count == getNumLanes(vector))
        return vector;
      if (count == 1)
        return vector::ExtractOp::create(builder, loc, vector, lane);
      return vector::ExtractStridedSliceOp::create(
          builder, loc, vector, ArrayRef<int64_t>{lane},
          ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
    };
    emitWith(part(accumulator), part(inputSum), add(channel, constant(lane)),
             count);
    lane += count;
  }
}

namespace {

struct ScheduleContractions
    : qc::impl::ScheduleContractionsBase<ScheduleContractions> {
  using ScheduleContractionsBase::ScheduleContractionsBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      std::optional<ContractionProblem> problem = analyseContraction(kernel);
      if (!problem || (problem->isInteger && dot == "none") ||
          packedChannels % (vectorBytes / 4) != 0)
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      ContractionEmitter(*problem, kernel, function, vectorBytes, registers,
                         useFMA, dot == "dot-product")
          .emit();
      kernel.erase();
      ++numScheduled;
    }
  }
};

} // namespace
