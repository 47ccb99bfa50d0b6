// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Register tiles of convolutions and matrix products for GPU threads.
//
// A thread computes R rows times V output channels (see Contraction.h) in
// registers: each step of the reduction loads R inputs and V weights, four
// steps at a time with loads of 16 bytes where the memory allows. Bytes are
// multiplied four at a time (dp4a). Consecutive threads take consecutive
// channels, so that the weights' loads join and the inputs' are broadcasts.
//
// Networks of one image have too few outputs to fill a GPU so. Then 2 to 32
// neighbouring threads share a tile and split the reduction's innermost loop;
// at its end each pair of them exchanges halves of their sums, until every
// thread holds the total of its own share of the tile. Tile and split are
// chosen from the shape alone: the largest tile that leaves enough threads.

#include "../Common/Contraction.h"
#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_TILECONTRACTIONS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Bytes of the widest load.
constexpr int64_t loadBytes = 16;
/// Rows of the largest tile: with four channels 32 sums stay in registers.
constexpr int64_t maxRows = 8;
/// Threads of a warp, which can exchange values.
constexpr int64_t warpSize = 32;
/// Steps of the reduction that a thread should have left after a split: fewer
/// and the exchange at the end costs more than is won.
constexpr int64_t minSteps = 8;

/// The shape of a thread's work.
struct Tile {
  int64_t rows = 1, channels = 1;
  /// Threads that share a tile.
  int64_t split = 1;
  /// Tiles of neighbouring channels whose threads alternate where tiles are
  /// shared, so that lanes of one step read weights that lie together.
  int64_t neighbours = 1;
  /// Steps of the reduction that one load of inputs covers.
  int64_t unroll = 1;
};

/// Elements of the input that one step multiplies.
int64_t getStep(const ContractionProblem &problem) {
  return problem.isInteger ? packedDot : 1;
}

/// Whether every tile's inputs begin at a multiple of `elements`.
bool isInputAligned(const ContractionProblem &problem, int64_t elements) {
  auto isMultiple = [&](int64_t stride) { return stride % elements == 0; };
  for (const ReductionLoop &loop : problem.batch)
    if (!isMultiple(loop.inputStride))
      return false;
  for (const ReductionLoop &loop : ArrayRef(problem.reduction).drop_back())
    if (!isMultiple(loop.inputStride))
      return false;
  return isMultiple(problem.rowStride) && isMultiple(problem.unitStride) &&
         isMultiple(problem.inputOffset);
}

std::optional<Tile> chooseTile(const ContractionProblem &problem,
                               int64_t threads) {
  Tile tile;
  const ReductionLoop &inner = problem.reduction.back();
  int64_t step = getStep(problem), group = loadBytes / 4;
  // A step of bytes is one load of four. Zero points that are left in kernels
  // are rare. dp4a has no form for 16 bits.
  if (problem.inputZero || problem.weightZero || problem.bits == 16 ||
      (problem.isInteger &&
       (!problem.isPacked || !isInputAligned(problem, packedDot))))
    return std::nullopt;
  if (inner.inputStride == step && inner.extent % group == 0 &&
      isInputAligned(problem, group * step))
    tile.unroll = group;
  bool hasWideWeights = problem.isPacked;
  if (!hasWideWeights)
    hasWideWeights =
        problem.channels % group == 0 && problem.weightOffset % group == 0 &&
        llvm::all_of(problem.reduction,
                     [&](const ReductionLoop &loop) {
                       return loop.weightStride % group == 0;
                     }) &&
        llvm::all_of(problem.batch, [&](const ReductionLoop &loop) {
          return loop.weightStride % group == 0;
        });
  tile.channels = hasWideWeights ? group : 1;

  int64_t rows = problem.units * problem.unitRows, steps = 1;
  for (const ReductionLoop &loop : problem.batch)
    rows *= loop.extent;
  for (const ReductionLoop &loop : problem.reduction)
    steps *= loop.extent;
  int64_t vectors = llvm::divideCeil(problem.channels, tile.channels);
  int64_t best = 0;
  Tile chosen = tile;
  for (tile.rows = maxRows; tile.rows > 0; --tile.rows) {
    if (problem.unitRows % tile.rows != 0)
      continue;
    int64_t count = rows / tile.rows * vectors;
    for (tile.split = 1; count * tile.split < threads; tile.split *= 2)
      if (tile.split == warpSize || steps / (2 * tile.split) < minSteps ||
          inner.extent % (2 * tile.split * tile.unroll) != 0)
        break;
    if (count * tile.split > best) {
      best = count * tile.split;
      chosen = tile;
    }
    if (best >= threads)
      break;
  }
  if (chosen.split > 1)
    while (chosen.neighbours * chosen.split < warpSize &&
           chosen.neighbours * chosen.channels < packedChannels &&
           vectors % (2 * chosen.neighbours) == 0)
      chosen.neighbours *= 2;
  return chosen;
}

/// Emits the function of one kernel.
class TileEmitter : KernelEmitter {
public:
  TileEmitter(const ContractionProblem &problem, const Tile &tile,
              KernelOp kernel, func::FuncOp function)
      : KernelEmitter(kernel, function), problem(problem), tile(tile) {}

  void emit();

private:
  Value constantWord(int64_t value) {
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI32IntegerAttr(value));
  }
  void enterIf(Value value, int64_t limit);

  Value evaluateBias(Value channel);
  Value sumOf(Value lhs, Value rhs);
  SmallVector<Value> loadWords(BlockArgument argument, Value position,
                               int64_t count);
  SmallVector<Value> emitReduction(Value input, Value weight);
  void emitSteps(Value input, Value weight, MutableArrayRef<Value> sums);
  void exchange(SmallVector<Value> &sums);
  void emitShare(SmallVector<Value> sums);
  void emitOutput(Value row, Value channel, Value sum);

  const ContractionProblem &problem;
  const Tile tile;
  SmallVector<Value> batchIndices;
  /// The unit, the tile's first row in it, its first channel in the group, and
  /// the group's first.
  Value unit, firstRow, firstChannel, groupChannel;
  /// The thread's number among those that share the tile.
  Value share;
};

} // namespace

void TileEmitter::emit() {
  SmallVector<int64_t> extents;
  for (const ReductionLoop &loop : problem.batch)
    extents.push_back(loop.extent);
  int64_t vectors = llvm::divideCeil(problem.channels, tile.channels);
  llvm::append_values(extents, problem.units, problem.unitRows / tile.rows,
                      vectors / tile.neighbours, tile.split, tile.neighbours);
  SmallVector<Value> lower(extents.size(), constant(0)),
      step(extents.size(), constant(1)), upper;
  for (int64_t extent : extents)
    upper.push_back(constant(extent));
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPointToStart(parallel.getBody());

  SmallVector<Value> indices(parallel.getInductionVars());
  batchIndices.assign(indices.begin(), indices.end() - 5);
  indices.erase(indices.begin(), indices.end() - 5);
  unit = indices[0];
  firstRow = scale(indices[1], tile.rows);
  firstChannel =
      scale(add(scale(indices[2], tile.neighbours), indices[4]), tile.channels);
  groupChannel = problem.groupLoop
                     ? scale(batchIndices[*problem.groupLoop], problem.channels)
                     : constant(0);
  share = indices[3];

  Value input =
      add(scale(unit, problem.unitStride), scale(firstRow, problem.rowStride));
  input = add(input, constant(problem.inputOffset));
  Value weight = constant(problem.weightOffset);
  for (auto [loop, index] : llvm::zip_equal(problem.batch, batchIndices)) {
    input = add(input, scale(index, loop.inputStride));
    weight = add(weight, scale(index, loop.weightStride));
  }
  Value block = arith::DivUIOp::create(builder, loc, firstChannel,
                                       constant(packedChannels)),
        inBlock = arith::RemUIOp::create(builder, loc, firstChannel,
                                         constant(packedChannels));
  weight = add(weight, scale(block, problem.blockStride));
  weight = add(weight, scale(inBlock, getStep(problem)));
  if (tile.split > 1) {
    // Neighbours read neighbouring steps.
    const ReductionLoop &inner = problem.reduction.back();
    input = add(input, scale(share, tile.unroll * inner.inputStride));
    weight = add(weight, scale(share, tile.unroll * inner.weightStride));
  }
  SmallVector<Value> sums = emitReduction(input, weight);
  if (tile.split > 1) {
    emitShare(std::move(sums));
    return;
  }
  for (int64_t row = 0; row < tile.rows; ++row)
    for (int64_t channel = 0; channel < tile.channels; ++channel)
      emitOutput(add(firstRow, constant(row)),
                 add(firstChannel, constant(channel)),
                 sums[row * tile.channels + channel]);
}

/// `count` consecutive words (floats, or four bytes as i32) from a position
/// that is a multiple of as many.
SmallVector<Value> TileEmitter::loadWords(BlockArgument argument,
                                          Value position, int64_t count) {
  Value memory = buffer(argument);
  if (!problem.isInteger && count == 1)
    return {memref::LoadOp::create(builder, loc, memory, position)};
  int64_t step = getStep(problem);
  Type element = cast<MemRefType>(memory.getType()).getElementType();
  Value loaded = vector::LoadOp::create(
      builder, loc, VectorType::get({count * step}, element), memory, position,
      /*nontemporal=*/false, llvm::MaybeAlign(4 * count));
  if (problem.isInteger)
    loaded = vector::BitCastOp::create(
        builder, loc, VectorType::get({count}, builder.getI32Type()), loaded);
  SmallVector<Value> words;
  for (int64_t i = 0; i < count; ++i)
    words.push_back(vector::ExtractOp::create(builder, loc, loaded, i));
  return words;
}

SmallVector<Value> TileEmitter::emitReduction(Value input, Value weight) {
  Value zero = problem.isInteger
                   ? constantWord(0)
                   : Value(arith::ConstantOp::create(
                         builder, loc, builder.getF32FloatAttr(0)));
  SmallVector<Value> carried(tile.rows * tile.channels, zero);
  // The sums of a thread that has a tile alone begin with the bias, as on the
  // CPU.
  if (problem.bias && tile.split == 1)
    for (int64_t channel = 0; channel < tile.channels; ++channel) {
      Value bias = evaluateBias(add(firstChannel, constant(channel)));
      for (int64_t row = 0; row < tile.rows; ++row)
        carried[row * tile.channels + channel] = bias;
    }
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<scf::ForOp> nest;
  for (const ReductionLoop &loop : problem.reduction) {
    // The innermost loop runs over groups of steps, a thread's share of them.
    bool isInner = &loop == &problem.reduction.back();
    int64_t stride = isInner ? tile.unroll * tile.split : 1;
    int64_t extent = loop.extent / stride;
    if (extent == 1)
      continue;
    auto created = scf::ForOp::create(builder, loc, constant(0),
                                      constant(extent), constant(1), carried);
    nest.push_back(created);
    builder.setInsertionPointToEnd(created.getBody());
    carried.assign(created.getRegionIterArgs().begin(),
                   created.getRegionIterArgs().end());
    Value index = created.getInductionVar();
    input = add(input, scale(index, stride * loop.inputStride));
    weight = add(weight, scale(index, stride * loop.weightStride));
  }
  emitSteps(input, weight, carried);
  for (scf::ForOp loop : llvm::reverse(nest)) {
    builder.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(builder, loc, carried);
    carried.assign(loop.getResults().begin(), loop.getResults().end());
    builder.setInsertionPointAfter(loop);
  }
  return carried;
}

Value TileEmitter::sumOf(Value lhs, Value rhs) {
  if (problem.isInteger)
    return arith::AddIOp::create(builder, loc, lhs, rhs);
  return arith::AddFOp::create(builder, loc, lhs, rhs);
}

/// The bias of a channel of the group; behind the last one the last one's.
Value TileEmitter::evaluateBias(Value channel) {
  if (problem.channels % tile.channels != 0)
    channel = arith::MinUIOp::create(builder, loc, channel,
                                     constant(problem.channels - 1));
  return evaluator.evaluate(builder, loc, problem.bias,
                            add(groupChannel, channel));
}

/// Adds `unroll` steps' products to the sums, in order.
void TileEmitter::emitSteps(Value input, Value weight,
                            MutableArrayRef<Value> sums) {
  SmallVector<SmallVector<Value>> inputs;
  for (int64_t row = 0; row < tile.rows; ++row)
    inputs.push_back(loadWords(problem.input,
                               add(input, constant(row * problem.rowStride)),
                               tile.unroll));
  std::string dot = std::string("llvm.nvvm.idp4a.") +
                    (problem.inputUnsigned ? "u." : "s.") +
                    (problem.weightsUnsigned ? "u" : "s");
  for (int64_t at = 0; at < tile.unroll; ++at) {
    Value position =
        add(weight, constant(at * problem.reduction.back().weightStride));
    SmallVector<Value> weights =
        loadWords(problem.weights, position, tile.channels);
    for (int64_t row = 0; row < tile.rows; ++row)
      for (auto [channel, value] : llvm::enumerate(weights)) {
        Value &sum = sums[row * tile.channels + channel];
        Value factor = inputs[row][at];
        if (problem.isInteger)
          sum = LLVM::CallIntrinsicOp::create(
                    builder, loc, builder.getI32Type(),
                    builder.getStringAttr(dot), ValueRange{factor, value, sum})
                    .getResult(0);
        else
          sum = math::FmaOp::create(builder, loc, factor, value, sum);
      }
  }
}

/// Joins the sums of the threads that share a tile. With n sums and m threads
/// left, each thread gives half of its sums to the one m / 2 further and takes
/// the other half's from it; when one sum is left, both keep the total.
void TileEmitter::exchange(SmallVector<Value> &sums) {
  Value lane = NVVM::LaneIdOp::create(builder, loc, builder.getI32Type());
  // The threads of this tile and its neighbours; others of the warp may have
  // ended.
  int64_t together = tile.split * tile.neighbours;
  Value first =
      arith::AndIOp::create(builder, loc, lane, constantWord(-together));
  Value members = constantWord(
      static_cast<int32_t>(llvm::maskTrailingOnes<uint32_t>(together)));
  members = arith::ShLIOp::create(builder, loc, members, first);
  auto fromNeighbour = [&](Value value, int64_t distance) -> Value {
    return NVVM::ShflOp::create(
        builder, loc, value.getType(), members, value, constantWord(distance),
        constantWord(warpSize - 1), NVVM::ShflKind::bfly, UnitAttr());
  };
  // A power of two of sums; the added ones are dropped at the end.
  while (!llvm::isPowerOf2_64(sums.size()))
    sums.push_back(sums.back());
  for (int64_t distance = together / 2; distance >= tile.neighbours;
       distance /= 2) {
    if (sums.size() == 1) {
      sums[0] = sumOf(sums[0], fromNeighbour(sums[0], distance));
      continue;
    }
    Value bit =
        arith::AndIOp::create(builder, loc, lane, constantWord(distance));
    Value isUpper = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::ne, bit, constantWord(0));
    size_t half = sums.size() / 2;
    SmallVector<Value> own;
    for (size_t i = 0; i < half; ++i) {
      Value keep = arith::SelectOp::create(builder, loc, isUpper,
                                           sums[half + i], sums[i]),
            give = arith::SelectOp::create(builder, loc, isUpper, sums[i],
                                           sums[half + i]);
      own.push_back(sumOf(keep, fromNeighbour(give, distance)));
    }
    sums = std::move(own);
  }
}

/// The outputs of one of several threads that share a tile.
void TileEmitter::emitShare(SmallVector<Value> sums) {
  int64_t count = sums.size(), padded = llvm::PowerOf2Ceil(count);
  exchange(sums);
  int64_t copies = std::max<int64_t>(1, tile.split / padded);
  // Threads with the same sums: the first stores them.
  OpBuilder::InsertionGuard guard(builder);
  Value position = share;
  if (copies > 1) {
    Value copy = arith::RemUIOp::create(builder, loc, share, constant(copies));
    enterIf(copy, 1);
    position = arith::DivUIOp::create(builder, loc, share, constant(copies));
  }
  position = scale(position, sums.size());
  for (auto [index, sum] : llvm::enumerate(sums)) {
    OpBuilder::InsertionGuard inner(builder);
    Value at = add(position, constant(index));
    if (padded != count)
      enterIf(at, count);
    Value row =
              arith::DivUIOp::create(builder, loc, at, constant(tile.channels)),
          channel =
              arith::RemUIOp::create(builder, loc, at, constant(tile.channels));
    emitOutput(add(firstRow, row), add(firstChannel, channel), sum);
  }
}

/// Continues inside `if (value < limit)`.
void TileEmitter::enterIf(Value value, int64_t limit) {
  Value condition = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::ult, value, constant(limit));
  auto branch = scf::IfOp::create(builder, loc, condition, false);
  builder.setInsertionPoint(branch.thenYield());
}

/// The ops behind the contraction, for one output element.
void TileEmitter::emitOutput(Value row, Value channel, Value sum) {
  OpBuilder::InsertionGuard guard(builder);
  if (problem.channels % tile.channels != 0)
    enterIf(channel, problem.channels);
  if (problem.bias && tile.split > 1)
    sum = sumOf(sum, evaluateBias(channel));
  SmallVector<Value> indices = problem.resultIndices(
      builder, loc, batchIndices, unit, row, add(groupChannel, channel));
  evaluator.override(problem.root->getResult(0),
                     [sum](OpBuilder &, ValueRange) { return sum; });
  for (auto [index, yielded] :
       llvm::enumerate(body.getTerminator()->getOperands()))
    evaluator.store(
        builder, loc, evaluator.evaluate(builder, loc, yielded, indices),
        cast<RankedTensorType>(yielded.getType()),
        function.getArgument(body.getNumArguments() + index), indices);
}

namespace {

struct TileContractions : qc::impl::TileContractionsBase<TileContractions> {
  using TileContractionsBase::TileContractionsBase;

  void runOnOperation() override {
    if (threads < 1) {
      getOperation().emitError("threads=")
          << threads.getValue() << "; accepted are numbers from 1";
      return signalPassFailure();
    }
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      std::optional<ContractionProblem> problem = analyseContraction(kernel);
      std::optional<Tile> tile =
          problem ? chooseTile(*problem, threads) : std::nullopt;
      if (!tile)
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      SmallVector<int64_t> alignments(function.getNumArguments(), 1);
      if (problem->isInteger || tile->unroll > 1)
        alignments[problem->input.getArgNumber()] = 4 * tile->unroll;
      alignments[problem->weights.getArgNumber()] = 4 * tile->channels;
      function->setAttr(alignmentsAttrName,
                        builder.getDenseI64ArrayAttr(alignments));
      TileEmitter(*problem, *tile, kernel, function).emit();
      kernel.erase();
      ++numTiled;
    }
  }
};

} // namespace
