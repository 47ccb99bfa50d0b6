// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Register-tiled schedules of convolutions and matrix products.
//
// Both are one loop nest: output row m (a pixel or a matrix row), output
// channel n, and a reduction over taps and channels in which the input's
// position is linear in m, tap and channel and the packed weights' position is
// linear in the block of 16 channels, tap and channel. A tile holds R rows
// times V vectors of accumulators in registers; each step of the reduction
// broadcasts R inputs and loads V vectors of weights. The reduction is
// innermost and never crosses lanes. The partition over threads is rows times
// groups of 64 channels and does not depend on the CPU.

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

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

/// Output channels that packed weights keep together.
constexpr int64_t blockChannels = 16;
/// Output channels of one parallel iteration.
constexpr int64_t groupChannels = 64;
/// Rows of one parallel iteration are at most this many where rows can be
/// split.
constexpr int64_t largestUnit = 64;
/// Elements of the reduction that 8-bit weights keep together.
constexpr int64_t dotSize = 4;

/// One loop of the reduction: how many steps, and how far a step moves.
struct ReductionLoop {
  int64_t extent, inputStride, weightStride;
};

/// A contraction in the common form.
struct Problem {
  Operation *root = nullptr;
  BlockArgument input, weights;
  Value bias;
  bool isInteger = false;
  bool inputUnsigned = false;
  bool isPacked = false;
  /// Outer dimensions that are iterated in parallel: extent, input stride,
  /// weight stride.
  SmallVector<ReductionLoop> batch;
  /// Rows come in units of unitRows; the input advances by rowStride per row
  /// and by unitStride per unit.
  int64_t units = 1, unitRows = 1, rowStride = 0, unitStride = 0;
  int64_t channels = 0;
  /// Distance of blocks of 16 channels in the packed weights.
  int64_t blockStride = 0;
  /// Taps, outermost first, and last the reduction over input channels.
  SmallVector<ReductionLoop> reduction;
  /// The result's indices for batch, row (in its unit), unit and channel.
  std::function<SmallVector<Value>(OpBuilder &, Location, ValueRange batch,
                                   Value unit, Value row, Value channel)>
      resultIndices;
};

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Strides of a tensor's dimensions in elements, if it has no blocks.
std::optional<SmallVector<int64_t>> getStrides(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank(), 0);
  int64_t stride = 1;
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout) {
    for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
      strides[dim] = stride;
      stride *= type.getDimSize(dim);
    }
    return strides;
  }
  if (layout.getDims().size() != static_cast<size_t>(type.getRank()))
    return std::nullopt;
  for (size_t d = layout.getDims().size(); d-- > 0;) {
    if (layout.getDivisors()[d] != 1)
      return std::nullopt;
    strides[layout.getDims()[d]] = stride;
    stride *= layout.getExtents()[d];
  }
  return strides;
}

/// Distances in weights packed as [channels / 16, taps…, k (/ 4), 16 (, 4)]:
/// the layout that qc-pack-weights gives; `channelDim` and `reductionDim` say
/// which dimensions these are.
bool isPackedLayout(RankedTensorType type, int64_t channelDim,
                    int64_t reductionDim, bool isInteger) {
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout)
    return false;
  ArrayRef<int64_t> dims = layout.getDims(), divisors = layout.getDivisors(),
                    extents = layout.getExtents();
  size_t inner = isInteger ? 2 : 1, count = dims.size();
  if (count < inner + 2 || dims.front() != channelDim ||
      divisors.front() != blockChannels)
    return false;
  if (isInteger && (dims.back() != reductionDim || divisors.back() != 1 ||
                    extents.back() != dotSize))
    return false;
  return dims[count - inner] == channelDim && divisors[count - inner] == 1 &&
         extents[count - inner] == blockChannels &&
         dims[count - inner - 1] == reductionDim;
}

/// The largest divisor of `count` that is at most `limit`.
int64_t largestDivisor(int64_t count, int64_t limit) {
  for (int64_t divisor = std::min(count, limit); divisor > 1; --divisor)
    if (count % divisor == 0)
      return divisor;
  return 1;
}

std::optional<Problem> analyseConv(ConvOp conv) {
  Problem problem;
  auto input = dyn_cast<BlockArgument>(conv.getX()),
       weights = dyn_cast<BlockArgument>(conv.getW());
  auto nonZero = [](int64_t pad) { return pad != 0; };
  if (!input || !weights || conv.getGroup() != 1 ||
      llvm::any_of(conv.getPads(), nonZero) || conv.getXZero() ||
      conv.getWZero())
    return std::nullopt;
  RankedTensorType x = typeOf(input), w = typeOf(weights),
                   y = typeOf(conv.getY());
  std::optional<SmallVector<int64_t>> xStrides = getStrides(x);
  problem.isInteger = isa<IntegerType>(x.getElementType());
  if (!xStrides || !isPackedLayout(w, 0, 1, problem.isInteger) ||
      (problem.isInteger && (*xStrides)[1] != 1) ||
      (!problem.isInteger && !x.getElementType().isF32()))
    return std::nullopt;
  problem.root = conv;
  problem.input = input;
  problem.weights = weights;
  problem.bias = conv.getBias();
  problem.inputUnsigned = isUnsignedElement(x.getElementType());
  problem.isPacked = true;
  problem.channels = w.getDimSize(0);
  int64_t spatial = x.getRank() - 2, step = problem.isInteger ? dotSize : 1;
  // Taps, then channels; the weights' distances follow from the packed order.
  int64_t weightStride = blockChannels * step;
  int64_t steps = llvm::divideCeil(x.getDimSize(1), step);
  SmallVector<ReductionLoop> inner{
      {steps, (*xStrides)[1] * step, weightStride}};
  weightStride *= inner[0].extent;
  for (int64_t d = spatial - 1; d >= 0; --d) {
    inner.push_back({w.getDimSize(2 + d),
                     (*xStrides)[2 + d] * conv.getDilations()[d],
                     weightStride});
    weightStride *= w.getDimSize(2 + d);
  }
  problem.reduction.assign(inner.rbegin(), inner.rend());
  problem.blockStride = weightStride;

  problem.batch.push_back({x.getDimSize(0), (*xStrides)[0], 0});
  // Leading spatial dimensions but the last two (three-dimensional maps) are
  // batch too.
  for (int64_t d = 0; d < spatial - 2; ++d)
    problem.batch.push_back(
        {y.getDimSize(2 + d), (*xStrides)[2 + d] * conv.getStrides()[d], 0});
  int64_t last = 1 + spatial;
  int64_t width = y.getDimSize(last);
  problem.rowStride = (*xStrides)[last] * conv.getStrides()[spatial - 1];
  problem.unitRows = width;
  int64_t rowsPerUnit = 1;
  if (spatial >= 2) {
    int64_t height = y.getDimSize(last - 1);
    problem.unitStride = (*xStrides)[last - 1] * conv.getStrides()[spatial - 2];
    problem.units = height;
    // Whole map rows join in one unit where the input stays linear over them.
    if (problem.unitStride == problem.rowStride * width &&
        width < largestUnit) {
      rowsPerUnit = largestDivisor(height, largestUnit / width);
      problem.units /= rowsPerUnit;
      problem.unitRows *= rowsPerUnit;
      problem.unitStride *= rowsPerUnit;
    }
  }
  problem.resultIndices = [=](OpBuilder &builder, Location loc,
                              ValueRange batch, Value unit, Value row,
                              Value channel) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    SmallVector<Value> indices{batch[0], channel};
    llvm::append_range(indices, batch.drop_front());
    if (spatial >= 2) {
      Value line = unit, column = row;
      if (rowsPerUnit > 1) {
        Value within =
            arith::DivUIOp::create(builder, loc, row, constant(width));
        column = arith::RemUIOp::create(builder, loc, row, constant(width));
        line = arith::AddIOp::create(
            builder, loc,
            arith::MulIOp::create(builder, loc, unit, constant(rowsPerUnit)),
            within);
      }
      indices.push_back(line);
      indices.push_back(column);
    } else {
      indices.push_back(row);
    }
    return indices;
  };
  return problem;
}

std::optional<Problem> analyseMatMul(MatMulOp matmul) {
  Problem problem;
  auto input = dyn_cast<BlockArgument>(matmul.getA()),
       weights = dyn_cast<BlockArgument>(matmul.getB());
  if (!input || !weights || matmul.getAZero() || matmul.getBZero())
    return std::nullopt;
  RankedTensorType a = typeOf(input), b = typeOf(weights),
                   y = typeOf(matmul.getY());
  std::optional<SmallVector<int64_t>> aStrides = getStrides(a);
  problem.isInteger = isa<IntegerType>(a.getElementType());
  if (!aStrides || (!problem.isInteger && !a.getElementType().isF32()))
    return std::nullopt;
  problem.root = matmul;
  problem.input = input;
  problem.weights = weights;
  problem.inputUnsigned = isUnsignedElement(a.getElementType());
  problem.channels = b.getDimSize(b.getRank() - 1);
  int64_t aRank = a.getRank(), bRank = b.getRank(), rank = y.getRank();
  int64_t step = problem.isInteger ? dotSize : 1,
          depth = a.getDimSize(aRank - 1);
  if (problem.isInteger && (*aStrides)[aRank - 1] != 1)
    return std::nullopt;
  problem.isPacked = bRank == 2 && isPackedLayout(b, 1, 0, problem.isInteger);
  SmallVector<int64_t> bStrides(bRank, 0);
  if (problem.isPacked) {
    int64_t steps = llvm::divideCeil(depth, step);
    problem.reduction.push_back(
        {steps, (*aStrides)[aRank - 1] * step, blockChannels * step});
    problem.blockStride = blockChannels * step * steps;
  } else {
    // Weights that are computed at run time are read where they lie.
    std::optional<SmallVector<int64_t>> strides = getStrides(b);
    if (problem.isInteger || !strides || strides->back() != 1)
      return std::nullopt;
    bStrides = *strides;
    problem.reduction.push_back(
        {depth, (*aStrides)[aRank - 1], bStrides[bRank - 2]});
    problem.blockStride = blockChannels;
  }
  for (int64_t dim = 0; dim < rank - 2; ++dim) {
    auto strideOf = [&](RankedTensorType type,
                        ArrayRef<int64_t> strides) -> int64_t {
      int64_t own = dim - (rank - type.getRank());
      return own < 0 || type.getDimSize(own) == 1 ? 0 : strides[own];
    };
    problem.batch.push_back(
        {y.getDimSize(dim), strideOf(a, *aStrides), strideOf(b, bStrides)});
  }
  int64_t rows = a.getDimSize(aRank - 2);
  problem.rowStride = (*aStrides)[aRank - 2];
  problem.unitRows =
      rows <= largestUnit ? rows : largestDivisor(rows, largestUnit);
  // A prime number of rows would leave one row per unit: keep them together
  // then.
  if (problem.unitRows < largestUnit / 4 && rows > largestUnit)
    problem.unitRows = rows;
  problem.units = rows / problem.unitRows;
  problem.unitStride = problem.rowStride * problem.unitRows;
  int64_t unitRows = problem.unitRows;
  problem.resultIndices = [=](OpBuilder &builder, Location loc,
                              ValueRange batch, Value unit, Value row,
                              Value channel) {
    SmallVector<Value> indices(batch);
    Value base = arith::MulIOp::create(
        builder, loc, unit,
        arith::ConstantIndexOp::create(builder, loc, unitRows));
    indices.push_back(arith::AddIOp::create(builder, loc, base, row));
    indices.push_back(channel);
    return indices;
  };
  return problem;
}

/// Emits the tile code of one kernel.
class ContractionEmitter {
public:
  ContractionEmitter(const Problem &problem, KernelOp kernel,
                     func::FuncOp function, int64_t vectorBytes,
                     int64_t registers, bool useFMA, bool useDotProduct)
      : problem(problem), kernel(kernel), function(function),
        lanes(vectorBytes / 4), registers(registers), useFMA(useFMA),
        useDotProduct(useDotProduct),
        builder(function.getBody().front().getTerminator()),
        loc(kernel.getLoc()), body(kernel.getBody().front()),
        evaluator(body,
                  function.getArguments().take_front(body.getNumArguments())) {}

  void emit();

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value add(Value lhs, Value rhs) {
    return builder.createOrFold<arith::AddIOp>(loc, lhs, rhs);
  }
  Value scale(Value value, int64_t factor) {
    return builder.createOrFold<arith::MulIOp>(loc, value, constant(factor));
  }
  Value buffer(BlockArgument argument) {
    return function.getArgument(argument.getArgNumber());
  }
  Value splat(Value scalar, int64_t count) {
    return vector::BroadcastOp::create(
        builder, loc, VectorType::get({count}, scalar.getType()), scalar);
  }
  Value zeroVector(VectorType type) {
    return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  }

  /// Vectors of 32-bit accumulators that `blocks` blocks need per row.
  int64_t accumulatorsPerBlock() const {
    return blockChannels / lanes * (usesPairs() ? 2 : 1);
  }
  /// vpmaddwd leaves two partial sums per channel.
  bool usesPairs() const { return problem.isInteger && !useDotProduct; }

  void emitGroup(ValueRange batch, Value unit, Value firstChannel,
                 int64_t channels);
  void emitBlocks(Value firstChannel, int64_t blocks, int64_t validChannels);
  void emitTile(Value row, int64_t rows, Value channel, int64_t blocks,
                int64_t validChannels);
  SmallVector<Value> emitReduction(Value inputBase, Value weightBase,
                                   int64_t rows, int64_t blocks,
                                   int64_t validChannels);
  void emitFloatStep(Value input, Value weight, int64_t rows, int64_t blocks,
                     int64_t validChannels,
                     MutableArrayRef<Value> accumulators);
  void emitIntegerStep(Value input, Value weight, int64_t rows, int64_t blocks,
                       MutableArrayRef<Value> accumulators);
  void emitEpilogue(Value row, Value channel, int64_t lanesHere,
                    Value accumulator, int64_t validLanes);

  const Problem &problem;
  KernelOp kernel;
  func::FuncOp function;
  int64_t lanes, registers;
  bool useFMA, useDotProduct;
  OpBuilder builder;
  Location loc;
  Block &body;
  KernelEvaluator evaluator;
  SmallVector<Value> batchIndices;
  Value unitIndex, inputBatch, weightBatch;
};

} // namespace

void ContractionEmitter::emit() {
  SmallVector<int64_t> extents;
  for (const ReductionLoop &loop : problem.batch)
    extents.push_back(loop.extent);
  extents.push_back(problem.units);
  int64_t groups = llvm::divideCeil(problem.channels, groupChannels);
  extents.push_back(groups);
  SmallVector<Value> lower, upper, step;
  for (int64_t extent : extents) {
    lower.push_back(constant(0));
    upper.push_back(constant(extent));
    step.push_back(constant(1));
  }
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPointToStart(parallel.getBody());
  SmallVector<Value> indices(parallel.getInductionVars());
  batchIndices.assign(indices.begin(), indices.end() - 2);
  unitIndex = indices[indices.size() - 2];
  inputBatch = weightBatch = constant(0);
  for (auto [loop, index] : llvm::zip_equal(problem.batch, batchIndices)) {
    inputBatch = add(inputBatch, scale(index, loop.inputStride));
    weightBatch = add(weightBatch, scale(index, loop.weightStride));
  }
  inputBatch = add(inputBatch, scale(unitIndex, problem.unitStride));
  Value group = indices.back();
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
  int64_t full = channels / blockChannels / most,
          rest = channels - full * most * blockChannels;
  if (full > 0) {
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(full),
                                   constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    emitBlocks(
        add(firstChannel, scale(loop.getInductionVar(), most * blockChannels)),
        most, most * blockChannels);
  }
  if (rest > 0)
    emitBlocks(add(firstChannel, constant(full * most * blockChannels)),
               llvm::divideCeil(rest, blockChannels), rest);
}

void ContractionEmitter::emitBlocks(Value channel, int64_t blocks,
                                    int64_t validChannels) {
  // Accumulators leave room for the weights, a broadcast and a product.
  int64_t perRow = accumulatorsPerBlock() * blocks;
  int64_t reserve = problem.isInteger && !useDotProduct
                        ? perRow + 3
                        : blocks * blockChannels / lanes + 2;
  int64_t largest = std::clamp<int64_t>((registers - reserve) / perRow, 1, 14);
  int64_t tiles = llvm::divideCeil(problem.unitRows, largest),
          rows = problem.unitRows / tiles;
  int64_t larger = problem.unitRows % tiles;
  auto emitTiles = [&](int64_t firstRow, int64_t count, int64_t size) {
    if (count == 0)
      return;
    auto loop = scf::ForOp::create(builder, loc, constant(0), constant(count),
                                   constant(1));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(loop.getBody()->getTerminator());
    emitTile(add(constant(firstRow), scale(loop.getInductionVar(), size)), size,
             channel, blocks, validChannels);
  };
  emitTiles(0, larger, rows + 1);
  emitTiles(larger * (rows + 1), tiles - larger, rows);
}

void ContractionEmitter::emitTile(Value row, int64_t rows, Value channel,
                                  int64_t blocks, int64_t validChannels) {
  Value inputBase = add(inputBatch, scale(row, problem.rowStride));
  Value block = builder.createOrFold<arith::DivUIOp>(loc, channel,
                                                     constant(blockChannels));
  Value weightBase = add(weightBatch, scale(block, problem.blockStride));
  SmallVector<Value> sums =
      emitReduction(inputBase, weightBase, rows, blocks, validChannels);
  int64_t perRow = blocks * blockChannels / lanes;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t v = 0; v < perRow; ++v) {
      int64_t valid = std::min(lanes, validChannels - v * lanes);
      if (valid > 0)
        emitEpilogue(add(row, constant(r)), add(channel, constant(v * lanes)),
                     lanes, sums[r * perRow + v], valid);
    }
}

SmallVector<Value> ContractionEmitter::emitReduction(Value inputBase,
                                                     Value weightBase,
                                                     int64_t rows,
                                                     int64_t blocks,
                                                     int64_t validChannels) {
  Type element = problem.isInteger ? Type(builder.getI32Type())
                                   : Type(builder.getF32Type());
  auto type = VectorType::get({lanes}, element);
  int64_t perRow = accumulatorsPerBlock() * blocks;
  // Signed inputs of vpdpbusd carry an offset of 128, undone by the sum of the
  // weights.
  bool hasOffset = problem.isInteger && useDotProduct && !problem.inputUnsigned;
  int64_t count = rows * perRow + (hasOffset ? perRow : 0);
  SmallVector<Value> accumulators(count, zeroVector(type));

  OpBuilder::InsertionGuard guard(builder);
  SmallVector<scf::ForOp> nest;
  SmallVector<Value> carried = accumulators;
  Value input = inputBase, weight = weightBase;
  for (const ReductionLoop &loop : problem.reduction) {
    if (loop.extent == 1)
      continue;
    auto created = scf::ForOp::create(
        builder, loc, constant(0), constant(loop.extent), constant(1), carried);
    nest.push_back(created);
    builder.setInsertionPointToEnd(created.getBody());
    carried.assign(created.getRegionIterArgs().begin(),
                   created.getRegionIterArgs().end());
    input = add(input, scale(created.getInductionVar(), loop.inputStride));
    weight = add(weight, scale(created.getInductionVar(), loop.weightStride));
  }
  if (problem.isInteger)
    emitIntegerStep(input, weight, rows, blocks, carried);
  else
    emitFloatStep(input, weight, rows, blocks, validChannels, carried);
  for (scf::ForOp loop : llvm::reverse(nest)) {
    builder.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(builder, loc, carried);
    carried.assign(loop.getResults().begin(), loop.getResults().end());
    builder.setInsertionPointAfter(loop);
  }

  if (usesPairs()) {
    // Each channel's two partial sums lie side by side.
    SmallVector<Value> joined;
    SmallVector<int64_t> even, odd;
    for (int64_t lane = 0; lane < lanes; ++lane) {
      even.push_back(2 * lane);
      odd.push_back(2 * lane + 1);
    }
    for (size_t i = 0; i < carried.size(); i += 2) {
      Value low = vector::ShuffleOp::create(builder, loc, carried[i],
                                            carried[i + 1], even);
      Value high = vector::ShuffleOp::create(builder, loc, carried[i],
                                             carried[i + 1], odd);
      joined.push_back(arith::AddIOp::create(builder, loc, low, high));
    }
    return joined;
  }
  if (hasOffset) {
    // sum (x + 128) w - 128 sum w
    SmallVector<Value> corrected;
    Value shift = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type, builder.getI32IntegerAttr(7)));
    for (int64_t i = 0; i < rows * perRow; ++i) {
      Value offset = arith::ShLIOp::create(
          builder, loc, carried[rows * perRow + i % perRow], shift);
      corrected.push_back(
          arith::SubIOp::create(builder, loc, carried[i], offset));
    }
    return corrected;
  }
  return carried;
}

void ContractionEmitter::emitFloatStep(Value input, Value weight, int64_t rows,
                                       int64_t blocks, int64_t validChannels,
                                       MutableArrayRef<Value> accumulators) {
  auto type = VectorType::get({lanes}, builder.getF32Type());
  int64_t perRow = blocks * blockChannels / lanes,
          perBlock = blockChannels / lanes;
  SmallVector<Value> weights;
  for (int64_t v = 0; v < perRow; ++v) {
    int64_t valid = std::min(lanes, validChannels - v * lanes);
    if (valid <= 0) {
      // No channel: the accumulator stays zero.
      weights.push_back(Value());
      continue;
    }
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
  for (int64_t r = 0; r < rows; ++r) {
    Value scalar =
        memref::LoadOp::create(builder, loc, buffer(problem.input),
                               add(input, constant(r * problem.rowStride)));
    Value broadcast = splat(scalar, lanes);
    for (int64_t v = 0; v < perRow; ++v) {
      if (!weights[v])
        continue;
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

void ContractionEmitter::emitIntegerStep(Value input, Value weight,
                                         int64_t rows, int64_t blocks,
                                         MutableArrayRef<Value> accumulators) {
  Type i8 = builder.getI8Type(), i16 = builder.getI16Type(),
       i32 = builder.getI32Type();
  auto sums = VectorType::get({lanes}, i32);
  int64_t perBlock = accumulatorsPerBlock(), perRow = perBlock * blocks;
  // Four input bytes as one vector<4xi8>, repeated over the lanes.
  auto loadInput = [&](int64_t r) -> Value {
    return vector::LoadOp::create(builder, loc, VectorType::get({dotSize}, i8),
                                  buffer(problem.input),
                                  add(input, constant(r * problem.rowStride)));
  };
  auto call = [&](StringRef name, ValueRange operands) -> Value {
    return LLVM::CallIntrinsicOp::create(builder, loc, sums,
                                         builder.getStringAttr(name), operands)
        .getResult(0);
  };
  if (useDotProduct) {
    auto bytes = VectorType::get({lanes * dotSize}, i8);
    std::string name = "llvm.x86.avx512.vpdpbusd." + std::to_string(lanes * 32);
    SmallVector<Value> weights;
    for (int64_t v = 0; v < perRow; ++v) {
      Value position = add(weight, constant(v / perBlock * problem.blockStride +
                                            v % perBlock * lanes * dotSize));
      weights.push_back(vector::LoadOp::create(
          builder, loc, bytes, buffer(problem.weights), position));
    }
    auto repeat = [&](Value four) -> Value {
      Value word = vector::BitCastOp::create(builder, loc,
                                             VectorType::get({1}, i32), four);
      word = vector::ExtractOp::create(builder, loc, word, 0);
      return vector::BitCastOp::create(builder, loc, bytes, splat(word, lanes));
    };
    auto flip = [&](Value four) -> Value {
      auto type = cast<VectorType>(four.getType());
      return arith::XOrIOp::create(
          builder, loc, four,
          arith::ConstantOp::create(
              builder, loc,
              DenseElementsAttr::get(type, builder.getI8IntegerAttr(-128))));
    };
    for (int64_t r = 0; r < rows; ++r) {
      Value four = loadInput(r);
      if (!problem.inputUnsigned)
        four = flip(four);
      Value broadcast = repeat(four);
      for (int64_t v = 0; v < perRow; ++v) {
        Value &accumulator = accumulators[r * perRow + v];
        accumulator = call(name, {accumulator, broadcast, weights[v]});
      }
    }
    if (!problem.inputUnsigned) {
      Value ones = arith::ConstantOp::create(
          builder, loc,
          DenseElementsAttr::get(bytes, builder.getI8IntegerAttr(1)));
      for (int64_t v = 0; v < perRow; ++v) {
        Value &sum = accumulators[rows * perRow + v];
        sum = call(name, {sum, ones, weights[v]});
      }
    }
    return;
  }
  // Widened to 16 bits: products of pairs fit 32 bits, nothing saturates.
  auto words = VectorType::get({2 * lanes}, i16);
  SmallVector<Value> inputs;
  for (int64_t r = 0; r < rows; ++r) {
    Value four = loadInput(r);
    auto type = VectorType::get({dotSize}, i16);
    Value wide = problem.inputUnsigned
                     ? Value(arith::ExtUIOp::create(builder, loc, type, four))
                     : Value(arith::ExtSIOp::create(builder, loc, type, four));
    Value quad = vector::BitCastOp::create(
        builder, loc, VectorType::get({1}, builder.getI64Type()), wide);
    quad = vector::ExtractOp::create(builder, loc, quad, 0);
    inputs.push_back(
        vector::BitCastOp::create(builder, loc, words, splat(quad, lanes / 2)));
  }
  for (int64_t v = 0; v < perRow; ++v) {
    Value position = add(weight, constant(v / perBlock * problem.blockStride +
                                          v % perBlock * 2 * lanes));
    Value bytes =
        vector::LoadOp::create(builder, loc, VectorType::get({2 * lanes}, i8),
                               buffer(problem.weights), position);
    Value wide = arith::ExtSIOp::create(builder, loc, words, bytes);
    for (int64_t r = 0; r < rows; ++r) {
      Value &accumulator = accumulators[r * perRow + v];
      Value products = call(lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512"
                                        : "llvm.x86.avx2.pmadd.wd",
                            {inputs[r], wide});
      accumulator = arith::AddIOp::create(builder, loc, accumulator, products);
    }
  }
}

void ContractionEmitter::emitEpilogue(Value row, Value channel,
                                      int64_t lanesHere, Value accumulator,
                                      int64_t validLanes) {
  Value rootResult = problem.root->getResult(0);
  auto yield = cast<YieldOp>(body.getTerminator());
  auto emitWith = [&](Value value, Value channelIndex, int64_t count) {
    evaluator.setLanes(channelIndex, count);
    SmallVector<Value> indices = problem.resultIndices(
        builder, loc, batchIndices, unitIndex, row, channelIndex);
    evaluator.override(
        rootResult, [&, value](OpBuilder &nested, ValueRange) -> Value {
          if (!problem.bias)
            return value;
          Value bias =
              evaluator.evaluate(nested, loc, problem.bias, channelIndex);
          return problem.isInteger
                     ? Value(arith::AddIOp::create(nested, loc, value, bias))
                     : Value(arith::AddFOp::create(nested, loc, value, bias));
        });
    for (auto [index, yielded] : llvm::enumerate(yield.getOperands()))
      evaluator.store(
          builder, loc, evaluator.evaluate(builder, loc, yielded, indices),
          typeOf(yielded), function.getArgument(body.getNumArguments() + index),
          indices);
    evaluator.setLanes({}, 1);
  };
  if (validLanes == lanesHere) {
    emitWith(accumulator, channel, lanesHere);
    return;
  }
  // The last channels one by one.
  for (int64_t lane = 0; lane < validLanes; ++lane)
    emitWith(vector::ExtractOp::create(builder, loc, accumulator, lane),
             add(channel, constant(lane)), 1);
}

namespace {

struct ScheduleContractions
    : qc::impl::ScheduleContractionsBase<ScheduleContractions> {
  using ScheduleContractionsBase::ScheduleContractionsBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      Operation *root = kernel.getRoot();
      std::optional<Problem> problem;
      if (auto conv = dyn_cast<ConvOp>(root))
        problem = analyseConv(conv);
      else if (auto matmul = dyn_cast<MatMulOp>(root))
        problem = analyseMatMul(matmul);
      if (!problem || (problem->isInteger && dot == "none") ||
          blockChannels % (vectorBytes / 4) != 0)
        continue;
      // Elementwise ops behind the root run on lanes of channels.
      RankedTensorType result = typeOf(root->getResult(0));
      int64_t channelDim = isa<ConvOp>(root) ? 1 : result.getRank() - 1;
      if (!isLaneTransparent(kernel.getBody().front(), channelDim,
                             result.getRank()))
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
