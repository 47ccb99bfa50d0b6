// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sliding windows over channels-last maps: depthwise convolution and max
// pooling.
//
// A tile is some neighbouring pixels of one output row times one vector of
// channels, held in registers. For each row of the window, the weights of its
// taps are loaded once for the tile, and each input pixel once for all the
// outputs that it belongs to. Which taps lie in the padding at the left and the
// right is known when the code is made: the first and last tiles of a row are
// code of their own and leave those taps out. Rows above and below the map are
// left out by the bounds of the loop over window rows. One parallel iteration
// is an output row.

#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

namespace qc {
#define GEN_PASS_DEF_SCHEDULEWINDOWS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A sliding window with one result channel per input channel.
struct Window {
  Operation *root = nullptr;
  Value input;
  /// The vertical dimension is absent in one-dimensional maps.
  bool hasRows = true;
  int64_t channels, inputHeight, inputWidth, height, width;
  int64_t kernelHeight, kernelWidth, strideY, strideX, padTop, padLeft,
      dilationY, dilationX;

  /// Whether the window never leaves the map above or below.
  bool isInsideVertically() const {
    return padTop == 0 &&
           (height - 1) * strideY + (kernelHeight - 1) * dilationY <
               inputHeight;
  }
};

/// The window of an op with window attributes, if the schedule fits.
template <typename OpTy>
std::optional<Window> getWindow(OpTy op, ArrayRef<int64_t> kernel) {
  RankedTensorType x = typeOf(op.getX()), y = typeOf(op->getResult(0));
  int64_t spatial = x.getRank() - 2;
  if (spatial < 1 || spatial > 2 || y.getNumElements() == 0)
    return std::nullopt;
  // Taps are code: a window over most of a map is a reduction.
  constexpr int64_t widest = 16;
  if (kernel.back() > widest)
    return std::nullopt;
  auto vertical = [&](ArrayRef<int64_t> values, int64_t otherwise) {
    return spatial == 2 ? values[0] : otherwise;
  };
  Window window;
  window.root = op;
  window.input = op.getX();
  window.hasRows = spatial == 2;
  window.channels = y.getDimSize(1);
  window.inputHeight = vertical(x.getShape().drop_front(2), 1);
  window.inputWidth = x.getShape().back();
  window.height = vertical(y.getShape().drop_front(2), 1);
  window.width = y.getShape().back();
  window.kernelHeight = vertical(kernel, 1);
  window.kernelWidth = kernel.back();
  window.strideY = vertical(op.getStrides(), 1);
  window.strideX = op.getStrides().back();
  window.dilationY = vertical(op.getDilations(), 1);
  window.dilationX = op.getDilations().back();
  window.padTop = vertical(op.getPads(), 0);
  window.padLeft = op.getPads()[spatial - 1];
  return window;
}

std::optional<Window> analyse(Operation *root) {
  if (auto conv = dyn_cast<ConvOp>(root)) {
    RankedTensorType w = typeOf(conv.getW());
    if (w.getDimSize(1) != 1 || conv.getGroup() != w.getDimSize(0))
      return std::nullopt;
    return getWindow(conv, w.getShape().drop_front(2));
  }
  if (auto pool = dyn_cast<MaxPoolOp>(root))
    return getWindow(pool, pool.getKernel());
  return std::nullopt;
}

/// Some neighbouring pixels of a row: from `start`, or from any place where
/// all taps are inside.
struct Tile {
  int64_t start, size;
  bool isInside;
};

class WindowEmitter : KernelEmitter {
public:
  WindowEmitter(const Window &window, KernelOp kernel, func::FuncOp function,
                const ScheduleWindowsOptions &options)
      : KernelEmitter(kernel, function), window(window), options(options) {}

  void emit();

private:
  /// Runs `emitBody` in a loop over [begin, end) with step `step`.
  void loop(int64_t begin, int64_t end, int64_t step,
            function_ref<void(Value)> emitBody);

  SmallVector<Tile> getTiles(int64_t largest) const;
  void emitTileChannels(const Tile &tile, Value start);
  void emitTile(const Tile &tile, Value start, Value channel, int64_t lanes);
  /// The indices of an input or output element.
  SmallVector<Value> indices(Value channel, Value y, Value x) const {
    SmallVector<Value> result{batch, channel};
    if (window.hasRows)
      result.push_back(y);
    result.push_back(x);
    return result;
  }

  // What differs between the ops.
  Value getInitial(Value channel, int64_t lanes);
  /// An element minus its zero point, in the accumulators' type.
  Value readCentred(Value tensor, ValueRange at, Value zero);
  Value readInput(Value channel, Value y, Value x);
  Value readWeight(Value channel, Value ky, int64_t kx);
  Value accumulate(Value sum, Value x, Value weight);

  const Window &window;
  const ScheduleWindowsOptions &options;
  Value batch, row, firstTap, lastTap;
};

} // namespace

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

Value WindowEmitter::getInitial(Value channel, int64_t lanes) {
  Value result = window.root->getResult(0);
  Type compute = getComputeType(typeOf(result).getElementType());
  // One lane is a scalar, as the evaluator has it.
  Type type = lanes == 1 ? compute : Type(VectorType::get({lanes}, compute));
  if (auto conv = dyn_cast<ConvOp>(window.root)) {
    if (!conv.getBias())
      return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
    Value bias = evaluator.evaluate(builder, loc, conv.getBias(), channel);
    return bias.getType() == type
               ? bias
               : vector::BroadcastOp::create(builder, loc, type, bias);
  }
  TypedAttr lowest;
  if (isa<FloatType>(compute))
    lowest =
        builder.getFloatAttr(compute, -std::numeric_limits<double>::infinity());
  else
    lowest = builder.getIntegerAttr(
        compute,
        isUnsignedElement(typeOf(result).getElementType())
            ? APInt::getMinValue(compute.getIntOrFloatBitWidth())
            : APInt::getSignedMinValue(compute.getIntOrFloatBitWidth()));
  if (auto vector = dyn_cast<VectorType>(type))
    lowest = DenseElementsAttr::get(vector, lowest);
  return arith::ConstantOp::create(builder, loc, lowest);
}

Value WindowEmitter::readCentred(Value tensor, ValueRange at, Value zero) {
  Value value = evaluator.evaluate(builder, loc, tensor, at);
  Type accumulator =
      getComputeType(typeOf(window.root->getResult(0)).getElementType());
  auto widen = [&](Emitter &e, Value number, Value from) {
    return e.convert(number, isUnsignedElement(typeOf(from).getElementType()),
                     accumulator, false);
  };
  evaluator.withEmitter(builder, window.root, {}, [&](Emitter &e) {
    value = widen(e, value, tensor);
    if (!zero)
      return;
    // One zero point, or one per output channel (the weights' first dimension).
    RankedTensorType type = typeOf(zero);
    SmallVector<Value> index(type.getRank(), constant(0));
    if (type.getNumElements() != 1)
      index.back() = at.front();
    Value offset = evaluator.evaluate(builder, loc, zero, index);
    value = e.sub(value, widen(e, offset, zero));
  });
  return value;
}

Value WindowEmitter::readInput(Value channel, Value y, Value x) {
  auto conv = dyn_cast<ConvOp>(window.root);
  SmallVector<Value> at = indices(channel, y, x);
  return conv ? readCentred(window.input, at, conv.getXZero())
              : evaluator.evaluate(builder, loc, window.input, at);
}

Value WindowEmitter::readWeight(Value channel, Value ky, int64_t kx) {
  auto conv = dyn_cast<ConvOp>(window.root);
  if (!conv)
    return {};
  SmallVector<Value> at{channel, constant(0)};
  if (window.hasRows)
    at.push_back(ky);
  at.push_back(constant(kx));
  return readCentred(conv.getW(), at, conv.getWZero());
}

Value WindowEmitter::accumulate(Value sum, Value x, Value weight) {
  if (isa<MaxPoolOp>(window.root)) {
    Value result;
    evaluator.withEmitter(builder, window.root, {}, [&](Emitter &e) {
      result = e.max(sum, x,
                     isUnsignedElement(typeOf(window.input).getElementType()));
    });
    return result;
  }
  auto type = dyn_cast<VectorType>(sum.getType());
  if (isa<FloatType>(getElementTypeOrSelf(sum))) {
    if (options.useFMA)
      return math::FmaOp::create(builder, loc, x, weight, sum);
    return arith::AddFOp::create(
        builder, loc, sum, arith::MulFOp::create(builder, loc, x, weight));
  }
  // Both are 9-bit numbers in 32 bits: the low halves' product is all of it,
  // once the weight's high half is zero.
  int64_t lanes = type ? type.getNumElements() : 1;
  if (lanes * 4 == options.vectorBytes && options.dot != "none") {
    auto halves = VectorType::get({2 * lanes}, builder.getI16Type());
    auto call = [&](StringRef name, ValueRange operands) -> Value {
      return LLVM::CallIntrinsicOp::create(
                 builder, loc, type, builder.getStringAttr(name), operands)
          .getResult(0);
    };
    Value mask = arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(type, builder.getI32IntegerAttr(0xffff)));
    Value low = arith::AndIOp::create(builder, loc, weight, mask);
    low = vector::BitCastOp::create(builder, loc, halves, low);
    x = vector::BitCastOp::create(builder, loc, halves, x);
    if (options.dot == "dot-product")
      return call("llvm.x86.avx512.vpdpwssd." + std::to_string(lanes * 32),
                  {sum, x, low});
    StringRef name = lanes == 16  ? "llvm.x86.avx512.pmaddw.d.512"
                     : lanes == 8 ? "llvm.x86.avx2.pmadd.wd"
                                  : "llvm.x86.sse2.pmadd.wd";
    return arith::AddIOp::create(builder, loc, sum, call(name, {x, low}));
  }
  return arith::AddIOp::create(builder, loc, sum,
                               arith::MulIOp::create(builder, loc, x, weight));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void WindowEmitter::loop(int64_t begin, int64_t end, int64_t step,
                         function_ref<void(Value)> emitBody) {
  if (begin >= end)
    return;
  auto created = scf::ForOp::create(builder, loc, constant(begin),
                                    constant(end), constant(step));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(created.getBody()->getTerminator());
  emitBody(created.getInductionVar());
}

SmallVector<Tile> WindowEmitter::getTiles(int64_t largest) const {
  int64_t count = llvm::divideCeil(window.width, largest),
          size = window.width / count, larger = window.width % count;
  int64_t reach = (window.kernelWidth - 1) * window.dilationX;
  SmallVector<Tile> tiles;
  for (int64_t i = 0, start = 0; i < count; ++i) {
    Tile tile{start, size + (i < larger), false};
    int64_t first = start * window.strideX - window.padLeft;
    tile.isInside =
        first >= 0 &&
        first + (tile.size - 1) * window.strideX + reach < window.inputWidth;
    tiles.push_back(tile);
    start += tile.size;
  }
  return tiles;
}

void WindowEmitter::emit() {
  RankedTensorType y = typeOf(window.root->getResult(0));
  SmallVector<Value> lower, upper, step;
  for (int64_t extent : {y.getDimSize(0), window.height}) {
    lower.push_back(constant(0));
    upper.push_back(constant(extent));
    step.push_back(constant(1));
  }
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPoint(parallel.getBody()->getTerminator());
  batch = parallel.getInductionVars()[0];
  row = parallel.getInductionVars()[1];
  // Window rows [firstTap, lastTap) lie inside the map.
  firstTap = constant(0);
  lastTap = constant(window.kernelHeight);
  if (!window.isInsideVertically()) {
    Value top = add(scale(row, window.strideY), constant(-window.padTop));
    auto stepsTo = [&](int64_t target) -> Value {
      Value distance =
          arith::SubIOp::create(builder, loc, constant(target), top);
      Value up = add(distance, constant(window.dilationY - 1));
      up = arith::MaxSIOp::create(builder, loc, up, constant(0));
      up = builder.createOrFold<arith::DivUIOp>(loc, up,
                                                constant(window.dilationY));
      return arith::MinSIOp::create(builder, loc, up,
                                    constant(window.kernelHeight));
    };
    firstTap = stepsTo(0);
    lastTap = stepsTo(window.inputHeight);
  }
  // Accumulators, the weights of a window row and an input; instructions of SSE
  // overwrite an operand and widen bytes in several steps.
  int64_t most = options.vectorBytes == 16 ? 6 : 8;
  int64_t largest =
      std::clamp<int64_t>(options.registers - window.kernelWidth - 2, 4, most);
  SmallVector<Tile> tiles = getTiles(largest);
  for (size_t i = 0; i < tiles.size();) {
    const Tile &tile = tiles[i];
    size_t end = i + 1;
    while (tile.isInside && end < tiles.size() && tiles[end].isInside &&
           tiles[end].size == tile.size)
      ++end;
    if (end == i + 1)
      emitTileChannels(tile, constant(tile.start));
    else
      loop(tile.start, tile.start + (end - i) * tile.size, tile.size,
           [&](Value start) { emitTileChannels(tile, start); });
    i = end;
  }
}

void WindowEmitter::emitTileChannels(const Tile &tile, Value start) {
  int64_t lanes = options.vectorBytes / getWidestBytes(body),
          done = window.channels / lanes * lanes;
  loop(0, done, lanes,
       [&](Value channel) { emitTile(tile, start, channel, lanes); });
  // What is left, in narrower vectors.
  for (int64_t count = lanes / 2; count >= 1; count /= 2)
    if (window.channels - done >= count) {
      loop(done, done + count, count,
           [&](Value channel) { emitTile(tile, start, channel, count); });
      done += count;
    }
}

void WindowEmitter::emitTile(const Tile &tile, Value start, Value channel,
                             int64_t lanes) {
  evaluator.setLanes(channel, lanes);
  SmallVector<Value> sums(tile.size, getInitial(channel, lanes));

  // One window row: the input's columns from left to right.
  auto created =
      scf::ForOp::create(builder, loc, firstTap, lastTap, constant(1), sums);
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(created.getBody());
    sums.assign(created.getRegionIterArgs().begin(),
                created.getRegionIterArgs().end());
    Value ky = created.getInductionVar();
    Value y = add(add(scale(row, window.strideY), scale(ky, window.dilationY)),
                  constant(-window.padTop));
    Value left = add(scale(start, window.strideX), constant(-window.padLeft));
    SmallVector<Value> weights;
    for (int64_t kx = 0; kx < window.kernelWidth; ++kx)
      weights.push_back(readWeight(channel, ky, kx));
    int64_t columns = (tile.size - 1) * window.strideX +
                      (window.kernelWidth - 1) * window.dilationX + 1;
    int64_t first = tile.start * window.strideX - window.padLeft;
    for (int64_t column = 0; column < columns; ++column) {
      if (!tile.isInside &&
          (first + column < 0 || first + column >= window.inputWidth))
        continue;
      Value x;
      for (int64_t kx = 0; kx < window.kernelWidth; ++kx) {
        int64_t distance = column - kx * window.dilationX;
        int64_t pixel = distance / window.strideX;
        if (distance < 0 || distance % window.strideX != 0 ||
            pixel >= tile.size)
          continue;
        if (!x)
          x = readInput(channel, y, add(left, constant(column)));
        sums[pixel] = accumulate(sums[pixel], x, weights[kx]);
      }
    }
    scf::YieldOp::create(builder, loc, sums);
  }

  auto yield = cast<YieldOp>(body.getTerminator());
  for (int64_t pixel = 0; pixel < tile.size; ++pixel) {
    SmallVector<Value> at = indices(channel, row, add(start, constant(pixel)));
    Value sum = created.getResult(pixel);
    evaluator.override(window.root->getResult(0),
                       [sum](OpBuilder &, ValueRange) { return sum; });
    for (auto [index, yielded] : llvm::enumerate(yield.getOperands()))
      evaluator.store(builder, loc,
                      evaluator.evaluate(builder, loc, yielded, at),
                      typeOf(yielded),
                      function.getArgument(body.getNumArguments() + index), at);
  }
  evaluator.setLanes({}, 1);
}

namespace {

struct ScheduleWindows : qc::impl::ScheduleWindowsBase<ScheduleWindows> {
  using ScheduleWindowsBase::ScheduleWindowsBase;

  void runOnOperation() override {
    ScheduleWindowsOptions options;
    options.vectorBytes = vectorBytes;
    options.registers = registers;
    options.useFMA = useFMA;
    options.dot = dot;
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      Operation *root = kernel.getRoot();
      std::optional<Window> window = analyse(root);
      // Lanes are channels: they must lie side by side.
      if (!window || getContiguousDim(typeOf(window->input)) != 1 ||
          getContiguousDim(typeOf(
              kernel.getBody().front().getTerminator()->getOperand(0))) != 1 ||
          !isLaneTransparent(kernel.getBody().front(), 1,
                             typeOf(window->input).getRank()))
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      WindowEmitter(*window, kernel, function, options).emit();
      kernel.erase();
      ++numScheduled;
    }
  }
};

} // namespace
