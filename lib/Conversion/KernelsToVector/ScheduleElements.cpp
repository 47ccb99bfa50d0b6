// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector loops of kernels whose result elements are independent: elementwise
// chains, copies of every kind, reductions, gathers, resizes.
//
// The result is cut into boxes in which each element is made the same way: one
// for most ops, one per operand of a concat, the inside and the border of a
// pad, the channels of a response norm whose window lies inside. A box is
// computed in vectors along the contiguous dimension of the result. Where
// operands lie contiguous along another dimension, vectors are evaluated along
// that one and transposed in registers. Trailing dimensions run inside one
// parallel iteration until it is worth its overhead. Elementwise kernels over
// tensors of one layout are a single row.

#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/ResponseNorm.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_SCHEDULEELEMENTS
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Elements of a parallel iteration, weighted by their cost, that are worth its
/// overhead, and the number of parallel iterations that is kept for threads.
constexpr int64_t worthwhileWork = 1024, enoughIterations = 8;
/// Elements that a row is cut into where there is too little else to share.
constexpr int64_t chunkElements = 4096;
/// Largest side of a tile that is transposed in registers, and that of its
/// vectors where there are 16 registers.
constexpr int64_t largestTile = 16, largestNarrowTile = 8;
/// Largest window of a response norm that becomes straight-line code.
constexpr int64_t largestWindow = 16;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A part of the result, [begin, end) in each dimension, whose root elements
/// `root` evaluates (null: the op itself).
struct Box {
  SmallVector<int64_t> begin, end;
  KernelEvaluator::Override root;

  int64_t extent(int64_t dim) const { return end[dim] - begin[dim]; }
  bool isEmpty() const {
    return llvm::any_of(llvm::seq<int64_t>(0, begin.size()),
                        [&](int64_t dim) { return extent(dim) <= 0; });
  }
};

/// How a box is computed: lanes along `laneDim`, which is the contiguous
/// dimension or one that tiles are transposed from.
struct Plan {
  int64_t laneDim, lanes;
};

class ElementsEmitter : KernelEmitter {
public:
  ElementsEmitter(KernelOp kernel, func::FuncOp function, int64_t vectorBytes)
      : KernelEmitter(kernel, function), root(kernel.getRoot()),
        yield(cast<YieldOp>(body.getTerminator())),
        type(typeOf(yield.getOperand(0))), vectorBytes(vectorBytes),
        lanes(vectorBytes / getWidestBytes(body)) {
    evaluator.setRowLanes(vectorBytes / 4);
  }

  void emit();

private:
  Value add(Value lhs, int64_t rhs) {
    return rhs == 0 ? lhs : KernelEmitter::add(lhs, constant(rhs));
  }
  void loop(Value lower, Value upper, int64_t step,
            function_ref<void(Value)> emitBody);

  SmallVector<Box> getBoxes();
  bool allowsLanes(int64_t dim, bool isRootReplaced) const;
  int64_t countStridedLoads(const Box &box, int64_t dim);
  Plan getPlan(const Box &box);
  void enter(const Box &box);

  void emitBox(const Box &box, const Plan &plan, ArrayRef<int64_t> inner);
  void emitRow(const Box &box, const Plan &plan);
  void emitTransposed(const Box &box, const Plan &plan);
  /// Elements of memory from one index of `dim` to the next; 0 if that varies.
  int64_t getDistance(int64_t dim) const;
  Value shuffle(Value a, Value b, ArrayRef<int64_t> lanesOf);
  void storePart(Value vector, int64_t first, int64_t count, Value position);
  void storeInterleaved(ArrayRef<Value> vectors, Value position);
  void storeTransposed(SmallVector<Value> vectors, int64_t height,
                       function_ref<Value(int64_t)> position);
  void storeAll();
  void storeLanes(Value at, int64_t count);

  Operation *root;
  YieldOp yield;
  RankedTensorType type;
  int64_t vectorBytes, lanes;
  /// Dimensions of more than one element, outermost first.
  SmallVector<int64_t> order;
  SmallVector<Value> indices;
  /// The part of the contiguous dimension that an iteration computes, if cut.
  Value chunk;
};

} // namespace

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

SmallVector<Box> ElementsEmitter::getBoxes() {
  int64_t rank = type.getRank();
  Box whole{SmallVector<int64_t>(rank, 0),
            SmallVector<int64_t>(type.getShape()), nullptr};
  SmallVector<Box> boxes;
  auto addBox = [&](Box box) {
    if (!box.isEmpty())
      boxes.push_back(std::move(box));
  };
  if (auto concat = dyn_cast<ConcatOp>(root)) {
    int64_t axis = concat.getAxis(), begin = 0;
    for (Value input : concat.getInputs()) {
      Box box = whole;
      box.begin[axis] = begin;
      box.end[axis] = begin + typeOf(input).getDimSize(axis);
      box.root = [this, input, axis, begin](OpBuilder &nested, ValueRange at) {
        SmallVector<Value> source(at);
        source[axis] = nested.createOrFold<arith::AddIOp>(
            loc, at[axis], arith::ConstantIndexOp::create(nested, loc, -begin));
        return evaluator.evaluate(nested, loc, input, source);
      };
      begin = box.end[axis];
      addBox(std::move(box));
    }
    return boxes;
  }
  if (auto norm = dyn_cast<LRNOp>(root)) {
    auto [before, behind] = getResponseWindow(norm);
    Box first = whole, inner = whole, last = whole;
    first.end[1] = inner.begin[1] = before;
    inner.end[1] = last.begin[1] = type.getDimSize(1) - behind;
    if (before + 1 + behind > largestWindow || inner.isEmpty()) {
      addBox(whole);
      return boxes;
    }
    inner.root = [this, norm](OpBuilder &nested, ValueRange at) mutable {
      Value result;
      evaluator.withEmitter(nested, norm, {}, [&](Emitter &e) {
        Value sum = emitInnerResponseSum(e, norm, at);
        result = e.round(emitResponse(e, norm, at, sum),
                         typeOf(norm.getY()).getElementType());
      });
      return result;
    };
    addBox(std::move(first));
    addBox(std::move(inner));
    addBox(std::move(last));
    return boxes;
  }
  auto pad = dyn_cast<PadOp>(root);
  if (!pad || pad.getMode() != PadMode::Constant) {
    addBox(whole);
    return boxes;
  }
  // The border, dimension by dimension, and what it leaves.
  Box inside = whole;
  auto fill = [this, pad](OpBuilder &nested, ValueRange) mutable {
    SmallVector<Value> first(typeOf(pad.getValue()).getRank(),
                             arith::ConstantIndexOp::create(nested, loc, 0));
    return evaluator.evaluate(nested, loc, pad.getValue(), first);
  };
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t begin = pad.getPads()[dim];
    int64_t first = std::clamp<int64_t>(begin, 0, type.getDimSize(dim));
    int64_t last =
        std::clamp<int64_t>(begin + typeOf(pad.getX()).getDimSize(dim), first,
                            type.getDimSize(dim));
    Box below = inside, above = inside;
    below.end[dim] = first;
    above.begin[dim] = last;
    below.root = above.root = fill;
    addBox(std::move(below));
    addBox(std::move(above));
    inside.begin[dim] = first;
    inside.end[dim] = last;
  }
  inside.root = [this, pad](OpBuilder &nested, ValueRange at) mutable {
    SmallVector<Value> source(at);
    for (auto [index, begin] : llvm::zip_first(source, pad.getPads()))
      if (begin != 0)
        index = nested.createOrFold<arith::AddIOp>(
            loc, index, arith::ConstantIndexOp::create(nested, loc, -begin));
    return evaluator.evaluate(nested, loc, pad.getX(), source);
  };
  addBox(std::move(inside));
  return boxes;
}

void ElementsEmitter::enter(const Box &box) {
  evaluator.override(root->getResult(0), box.root);
}

//===----------------------------------------------------------------------===//
// Plans
//===----------------------------------------------------------------------===//

bool ElementsEmitter::allowsLanes(int64_t dim, bool isRootReplaced) const {
  return isLaneTransparent(body, dim, type.getRank(),
                           isRootReplaced ? root : nullptr);
}

int64_t ElementsEmitter::countStridedLoads(const Box &box, int64_t dim) {
  // Code that is thrown away.
  auto trial =
      scf::ForOp::create(builder, loc, constant(0), constant(1), constant(1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(trial.getBody()->getTerminator());
  SmallVector<Value> at(type.getRank(), constant(0));
  at[dim] = trial.getInductionVar();
  enter(box);
  int64_t before = evaluator.getNumStridedLoads();
  evaluator.setLanes(at[dim], 2);
  for (Value yielded : yield.getOperands())
    (void)evaluator.evaluate(builder, loc, yielded, at);
  evaluator.setLanes({}, 1);
  trial.erase();
  return evaluator.getNumStridedLoads() - before;
}

Plan ElementsEmitter::getPlan(const Box &box) {
  int64_t row = order.back();
  Plan scalar{row, 1}, direct{row, lanes};
  bool isReplaced = static_cast<bool>(box.root);
  bool isDirect = allowsLanes(row, isReplaced);
  if (lanes == 1 || (isDirect && countStridedLoads(box, row) == 0))
    return isDirect ? direct : scalar;
  // A reduction along rows of the operand is a vector loop of its own.
  if (isa<ReduceOp>(root))
    return scalar;
  Type element = type.getElementType();
  // Transposed tiles are stored row by row; in a view a row's elements may lie
  // apart.
  bool isPlain = getComputeType(element) == getStorageType(element) &&
                 yield.getNumOperands() == 1 && getContiguousDim(type) == row;
  int64_t largestLanes = vectorBytes >= 64 ? largestTile : largestNarrowTile;
  for (int64_t dim : order)
    if (dim != row && isPlain && isDirect && box.extent(dim) >= 4 &&
        allowsLanes(dim, isReplaced) && countStridedLoads(box, dim) == 0)
      return {dim,
              std::min<int64_t>({lanes, largestLanes,
                                 static_cast<int64_t>(llvm::bit_floor<uint64_t>(
                                     box.extent(dim)))})};
  return isDirect ? direct : scalar;
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void ElementsEmitter::loop(Value lower, Value upper, int64_t step,
                           function_ref<void(Value)> emitBody) {
  auto created = scf::ForOp::create(builder, loc, lower, upper, constant(step));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(created.getBody()->getTerminator());
  emitBody(created.getInductionVar());
}

void ElementsEmitter::emit() {
  for (int64_t dim : getPhysicalOrder(type))
    if (type.getDimSize(dim) != 1)
      order.push_back(dim);
  if (order.empty())
    order.push_back(type.getRank() - 1);
  indices.assign(type.getRank(), constant(0));
  SmallVector<Box> boxes = getBoxes();
  SmallVector<Plan> plans;
  for (const Box &box : boxes)
    plans.push_back(getPlan(box));

  // Dimensions inside a parallel iteration: those with lanes, then as many of
  // the trailing ones as make it worthwhile.
  llvm::SmallDenseSet<int64_t> isInner;
  for (const Plan &plan : plans)
    if (plan.lanes > 1) {
      isInner.insert(plan.laneDim);
      isInner.insert(order.back());
    }
  int64_t work = cast<ElementOpInterface>(root).getElementCost();
  int64_t iterations = 1;
  for (int64_t dim : order)
    (isInner.contains(dim) ? work : iterations) *= type.getDimSize(dim);
  for (int64_t dim : llvm::reverse(order)) {
    if (isInner.contains(dim))
      continue;
    if (work >= worthwhileWork ||
        iterations / type.getDimSize(dim) < enoughIterations)
      break;
    isInner.insert(dim);
    work *= type.getDimSize(dim);
    iterations /= type.getDimSize(dim);
  }
  SmallVector<int64_t> outer, inner, extents;
  for (int64_t dim : order)
    (isInner.contains(dim) ? inner : outer).push_back(dim);
  for (int64_t dim : outer)
    extents.push_back(type.getDimSize(dim));
  // A long row is cut where nothing else is there to share.
  int64_t length = type.getDimSize(order.back());
  bool isCut = boxes.size() == 1 && plans.front().lanes > 1 &&
               plans.front().laneDim == order.back() &&
               iterations < enoughIterations && length > chunkElements;
  if (isCut)
    extents.push_back(llvm::divideCeil(length, chunkElements));
  if (extents.empty())
    extents.push_back(1);

  SmallVector<Value> lower(extents.size(), constant(0)),
      step(extents.size(), constant(1)), upper;
  for (int64_t extent : extents)
    upper.push_back(constant(extent));
  auto parallel = scf::ParallelOp::create(builder, loc, lower, upper, step);
  builder.setInsertionPoint(parallel.getBody()->getTerminator());
  for (auto [dim, index] : llvm::zip_first(outer, parallel.getInductionVars()))
    indices[dim] = index;
  if (isCut)
    chunk = parallel.getInductionVars().back();
  for (auto [box, plan] : llvm::zip_equal(boxes, plans)) {
    OpBuilder::InsertionGuard guard(builder);
    // Iterations outside the box have nothing to do for it.
    Value isHere;
    for (int64_t dim : outer) {
      if (box.extent(dim) == type.getDimSize(dim))
        continue;
      Value isIn = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::ult,
          add(indices[dim], -box.begin[dim]), constant(box.extent(dim)));
      isHere = isHere ? Value(arith::AndIOp::create(builder, loc, isHere, isIn))
                      : isIn;
    }
    if (isHere) {
      auto branch = scf::IfOp::create(builder, loc, isHere, false);
      builder.setInsertionPoint(branch.thenYield());
    }
    evaluator.forget();
    enter(box);
    emitBox(box, plan, inner);
  }
}

void ElementsEmitter::emitBox(const Box &box, const Plan &plan,
                              ArrayRef<int64_t> inner) {
  if (inner.empty()) {
    if (plan.lanes > 1)
      emitRow(box, plan);
    else
      storeAll();
    return;
  }
  int64_t dim = inner.front();
  ArrayRef<int64_t> rest = inner.drop_front();
  // Dimensions with lanes have loops of their own.
  if (plan.lanes > 1 && (dim == plan.laneDim || dim == order.back())) {
    emitBox(box, plan, rest);
    return;
  }
  loop(constant(box.begin[dim]), constant(box.end[dim]), 1, [&](Value index) {
    indices[dim] = index;
    emitBox(box, plan, rest);
  });
}

void ElementsEmitter::storeAll() {
  for (auto [index, yielded] : llvm::enumerate(yield.getOperands()))
    evaluator.store(
        builder, loc, evaluator.evaluate(builder, loc, yielded, indices),
        typeOf(yielded), function.getArgument(body.getNumArguments() + index),
        indices);
}

void ElementsEmitter::storeLanes(Value at, int64_t count) {
  indices[order.back()] = at;
  evaluator.setLanes(at, count);
  storeAll();
  evaluator.setLanes({}, 1);
}

void ElementsEmitter::emitRow(const Box &box, const Plan &plan) {
  int64_t row = order.back();
  if (plan.laneDim != row) {
    emitTransposed(box, plan);
    return;
  }
  int64_t begin = box.begin[row], tail = box.extent(row) % plan.lanes;
  Value lower = constant(begin), upper = constant(box.end[row] - tail);
  if (chunk) {
    lower = arith::MulIOp::create(builder, loc, chunk, constant(chunkElements));
    upper =
        arith::MinUIOp::create(builder, loc, add(lower, chunkElements), upper);
  }
  if (box.extent(row) >= plan.lanes)
    loop(lower, upper, plan.lanes,
         [&](Value at) { storeLanes(at, plan.lanes); });
  if (tail == 0)
    return;
  // What is left, in narrower vectors.
  OpBuilder::InsertionGuard guard(builder);
  if (chunk) {
    int64_t chunks = llvm::divideCeil(box.end[row], chunkElements);
    auto branch = scf::IfOp::create(
        builder, loc,
        arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, chunk,
                              constant(chunks - 1)),
        false);
    builder.setInsertionPoint(branch.thenYield());
  }
  int64_t done = box.end[row] - tail;
  for (int64_t count = plan.lanes / 2; count >= 1; count /= 2)
    if (box.end[row] - done >= count) {
      // The index of a loop: a constant would fold away what marks lanes.
      loop(constant(done), constant(done + count), count,
           [&](Value at) { storeLanes(at, count); });
      done += count;
    }
}

static int64_t getNumLanes(Value vector) {
  return cast<VectorType>(vector.getType()).getNumElements();
}

int64_t ElementsEmitter::getDistance(int64_t dim) const {
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout) {
    int64_t distance = 1;
    for (int64_t inner = dim + 1; inner < type.getRank(); ++inner)
      distance *= type.getDimSize(inner);
    return distance;
  }
  SmallVector<int64_t> first(type.getRank(), 0), second = first, last = first;
  second[dim] = 1;
  last[dim] = type.getDimSize(dim) - 1;
  int64_t begin = layout.linearize(first),
          distance = layout.linearize(second) - begin;
  // Blocks are no progression.
  return layout.linearize(last) - begin == distance * last[dim] ? distance : 0;
}

Value ElementsEmitter::shuffle(Value a, Value b, ArrayRef<int64_t> lanesOf) {
  return vector::ShuffleOp::create(builder, loc, a, b, lanesOf);
}

void ElementsEmitter::storePart(Value vector, int64_t first, int64_t count,
                                Value position) {
  if (count != getNumLanes(vector))
    vector = vector::ExtractStridedSliceOp::create(
        builder, loc, vector, ArrayRef<int64_t>{first},
        ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
  vector::StoreOp::create(builder, loc, vector,
                          function.getArgument(body.getNumArguments()),
                          position);
}

/// Lines of few elements that lie side by side, `vectors[r]` having element r
/// of each: as many vectors of consecutive elements.
void ElementsEmitter::storeInterleaved(ArrayRef<Value> vectors,
                                       Value position) {
  int64_t width = getNumLanes(vectors.front()), height = vectors.size();
  for (int64_t part = 0; part < height; ++part) {
    Value merged = vectors.front();
    for (int64_t r = 1; r < height; ++r) {
      SmallVector<int64_t> from;
      for (int64_t lane = 0; lane < width; ++lane) {
        int64_t at = part * width + lane, line = at / height;
        // Lanes of later rows come later.
        int64_t merging = r == 1 ? line : lane;
        from.push_back(at % height == r  ? width + line
                       : at % height < r ? merging
                                         : vector::ShuffleOp::kPoisonIndex);
      }
      merged = shuffle(merged, vectors[r], from);
    }
    storePart(merged, 0, width, add(position, part * width));
  }
}

/// Stores the transposition of `vectors`, whose number is a power of two: lane
/// l of all, `height` of which count, is consecutive from position(l).
/// Interleaving pairs of vectors, within blocks of 128 bits as all of x86 does
/// in one instruction, brings blocks of columns together; then blocks are
/// exchanged between vectors.
void ElementsEmitter::storeTransposed(SmallVector<Value> vectors,
                                      int64_t height,
                                      function_ref<Value(int64_t)> position) {
  int64_t lines = getNumLanes(vectors.front()), rows = vectors.size();
  int64_t bits = getElementTypeOrSelf(vectors.front()).getIntOrFloatBitWidth();
  int64_t block = 128 / bits;
  auto interleave = [&](Value a, Value b) {
    int64_t width = getNumLanes(a), within = std::min(width, block);
    SmallVector<int64_t> from[2];
    for (int64_t half = 0; half < 2; ++half)
      for (int64_t lane = 0; lane < width; ++lane) {
        int64_t source =
            lane / within * within + half * (within / 2) + lane % within / 2;
        from[half].push_back(lane % 2 == 0 ? source : width + source);
      }
    // Parts of a block grow together.
    if (width < block) {
      from[0].append(from[1]);
      return SmallVector<Value>{shuffle(a, b, from[0])};
    }
    return SmallVector<Value>{shuffle(a, b, from[0]), shuffle(a, b, from[1])};
  };
  // Of each group of rows a list of vectors. Their blocks c, one behind the
  // other, are the columns from c * block, of `perGroup` elements each.
  int64_t perGroup = std::min(rows, block), groups = rows / perGroup;
  SmallVector<SmallVector<Value>> columns;
  for (int64_t g = 0; g < groups; ++g) {
    SmallVector<SmallVector<Value>> lists;
    for (Value vector : ArrayRef(vectors).slice(g * perGroup, perGroup))
      lists.push_back({vector});
    while (lists.size() > 1) {
      size_t half = lists.size() / 2;
      SmallVector<SmallVector<Value>> merged(half);
      for (size_t i = 0; i < half; ++i)
        for (auto [a, b] : llvm::zip_equal(lists[i], lists[i + half]))
          merged[i].append(interleave(a, b));
      lists = std::move(merged);
    }
    columns.push_back(lists.front());
  }
  int64_t width = getNumLanes(columns[0][0]),
          blocks = llvm::divideCeil(width, block);
  int64_t perBlock = std::min(lines, block);
  // Block c of group g and block g of group c change places, one bit of the
  // numbers at a time.
  bool isSquare = groups == blocks && perGroup == block;
  for (int64_t bit = 1; isSquare && bit < blocks; bit *= 2)
    for (int64_t g = 0; g < groups; ++g) {
      if ((g & bit) != 0)
        continue;
      SmallVector<int64_t> even, odd;
      for (int64_t lane = 0; lane < width; ++lane) {
        int64_t distance = bit * block;
        bool isUpper = (lane / block & bit) != 0;
        even.push_back(isUpper ? width + lane - distance : lane);
        odd.push_back(isUpper ? width + lane : lane + distance);
      }
      for (auto [a, b] : llvm::zip_equal(columns[g], columns[g | bit])) {
        Value low = shuffle(a, b, even);
        b = shuffle(a, b, odd);
        a = low;
      }
    }
  for (int64_t line = 0; line < lines; ++line) {
    int64_t c = line / perBlock, first = line % perBlock * perGroup;
    if (isSquare) {
      storePart(columns[c][first / block], 0, height, position(line));
      continue;
    }
    for (int64_t g = 0; g * perGroup < height; ++g)
      storePart(columns[g][first / std::min(width, block)],
                c * block + first % std::min(width, block),
                std::min(perGroup, height - g * perGroup),
                add(position(line), g * perGroup));
  }
}

void ElementsEmitter::emitTransposed(const Box &box, const Plan &plan) {
  // A tile is `height` vectors along laneDim that become `lanes` vectors along
  // the row. The last tiles overlap the ones before them.
  int64_t row = order.back(), width = plan.lanes;
  int64_t bytes =
      getStorageType(type.getElementType()).getIntOrFloatBitWidth() / 8;
  int64_t height =
      std::min({largestTile, box.extent(row), std::max(width, 16 / bytes)});
  // Short lines without a gap, or with one that is padding of their own:
  // qc-write-in-place makes no view of three bytes beside another of one.
  int64_t stored = getDistance(plan.laneDim);
  bool isInterleaved =
      height == type.getDimSize(row) && height == box.extent(row) &&
      height <= 4 &&
      (stored == height || (stored == 4 && height == 3 && bytes == 1));
  auto clampTo = [&](Value at, const Box &box, int64_t dim, int64_t size) {
    if (box.extent(dim) % size == 0)
      return at;
    return Value(arith::MinUIOp::create(builder, loc, at,
                                        constant(box.end[dim] - size)));
  };
  auto emitTile = [&](Value column, Value line) {
    SmallVector<Value> vectors;
    indices[plan.laneDim] = column;
    for (int64_t r = 0; r < height; ++r) {
      indices[row] = add(line, r);
      evaluator.setLanes(column, width);
      Value value =
          evaluator.evaluate(builder, loc, yield.getOperand(0), indices);
      evaluator.setLanes({}, 1);
      if (!isa<VectorType>(value.getType()))
        value = vector::BroadcastOp::create(
            builder, loc, VectorType::get({width}, value.getType()), value);
      vectors.push_back(value);
    }
    int64_t rows = isInterleaved ? stored : llvm::PowerOf2Ceil(height);
    while (static_cast<int64_t>(vectors.size()) < rows)
      vectors.push_back(arith::ConstantOp::create(
          builder, loc, builder.getZeroAttr(vectors.front().getType())));
    indices[row] = line;
    auto position = [&](int64_t lane) {
      indices[plan.laneDim] = add(column, lane);
      return getLinearPosition(builder, loc, type, indices);
    };
    if (isInterleaved)
      storeInterleaved(vectors, position(0));
    else
      storeTransposed(vectors, height, position);
  };
  loop(constant(box.begin[plan.laneDim]), constant(box.end[plan.laneDim]),
       width, [&](Value column) {
         column = clampTo(column, box, plan.laneDim, width);
         loop(constant(box.begin[row]), constant(box.end[row]), height,
              [&](Value line) {
                emitTile(column, clampTo(line, box, row, height));
              });
       });
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

/// Makes an elementwise kernel over tensors that lie alike a kernel over rows
/// of memory; one-element operands stay such.
static void flattenKernel(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  auto type = typeOf(body.getTerminator()->getOperand(0));
  // Views leave out places that are not theirs.
  if ((getContiguousDim(type) < 0 && type.getNumElements() != 1) ||
      getStorageCount(type) != type.getNumElements())
    return;
  llvm::DenseSet<Value> tables;
  for (Operation &op : body.without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    auto element = dyn_cast<ElementOpInterface>(op);
    if (!element || !element.isElementwise() || isa<BatchNormOp>(op))
      return;
    // Blocks are counted along a dimension.
    auto quantize = dyn_cast<QuantizeOp>(op);
    auto dequantize = dyn_cast<DequantizeOp>(op);
    if ((quantize && quantize.getBlockSize() != 0) ||
        (dequantize && dequantize.getBlockSize() != 0))
      return;
    if (auto lookup = dyn_cast<TableLookupOp>(op))
      tables.insert(lookup.getTable());
  }
  auto isAlike = [&](Type other) {
    auto tensor = cast<RankedTensorType>(other);
    return (tensor.getNumElements() == 1 && getStorageCount(tensor) == 1) ||
           (tensor.getShape() == type.getShape() &&
            tensor.getEncoding() == type.getEncoding());
  };
  SmallVector<Value> flat;
  auto collect = [&](Value value) {
    if (tables.contains(value))
      return true;
    flat.push_back(value);
    return isAlike(value.getType());
  };
  if (!llvm::all_of(body.getArguments(), collect) ||
      !llvm::all_of(body.without_terminator(),
                    [&](Operation &op) { return collect(op.getResult(0)); }))
    return;
  int64_t count = getStorageCount(type);
  for (Value value : flat) {
    RankedTensorType old = typeOf(value);
    SmallVector<int64_t> shape;
    if (old.getNumElements() != 1 || type.getNumElements() == 1)
      shape.push_back(count);
    value.setType(RankedTensorType::get(shape, old.getElementType()));
  }
}

namespace {

struct ScheduleElements : qc::impl::ScheduleElementsBase<ScheduleElements> {
  using ScheduleElementsBase::ScheduleElementsBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      Block &body = kernel.getBody().front();
      Type result = body.getTerminator()->getOperand(0).getType();
      Type element = cast<RankedTensorType>(result).getElementType();
      bool isByteSized =
          element.isInteger(1) || element.getIntOrFloatBitWidth() >= 8;
      if (!isByteSized || cast<RankedTensorType>(result).getRank() == 0 ||
          cast<RankedTensorType>(result).getNumElements() == 0 ||
          llvm::any_of(body.without_terminator(), [](Operation &op) {
            return !isa<ElementOpInterface, ConstantOp>(op);
          }))
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      flattenKernel(kernel);
      ElementsEmitter(kernel, function, vectorBytes).emit();
      kernel.erase();
      ++numScheduled;
    }
  }
};

} // namespace
