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

/// Output channels of one parallel iteration.
constexpr int64_t groupChannels = 64;
RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Emits the tile code of one kernel.
class ContractionEmitter {
public:
  ContractionEmitter(const ContractionProblem &problem, KernelOp kernel,
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

  const ContractionProblem &problem;
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
      std::optional<ContractionProblem> problem = analyseContraction(kernel);
      if (!problem || (problem->isInteger && dot == "none") ||
          blockChannels % (vectorBytes / 4) != 0)
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
