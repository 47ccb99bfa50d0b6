// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results whose size depends on data: NonZero, NonMaxSuppression, Unique,
// Compress, and what may be done with them.
//
// Such a value is a tensor of the largest size, and the importer knows for each
// of its dimensions the number that says how much of it counts. An operator
// that has a rule here passes these numbers on; every other one is refused, as
// it would compute with elements that do not exist. Outputs carry their extents
// to the runtime, which cuts them.

#include "Importer.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

/// Entry `position` of a vector as a vector of one element.
static Value takeEntry(NodeContext &c, Value vector, int64_t position) {
  return c.create<SliceOp>(vector,
                           {c.ints("offsets", {position}), c.ints("sizes", {1}),
                            c.ints("steps", {1})});
}

/// The extents of `value` from dimension `begin` to `end`, as a vector.
static Value createExtents(NodeContext &c, Value value, int64_t begin,
                           int64_t end) {
  Extents extents = c.getExtents(value);
  SmallVector<Value> parts;
  for (int64_t dim = begin; dim < end; ++dim) {
    Value varying = extents.empty() ? Value() : extents[dim];
    parts.push_back(varying ? varying : c.integers({shapeOf(value)[dim]}));
  }
  if (parts.empty())
    return c.integers({});
  return parts.size() == 1 ? parts.front()
                           : c.create<ConcatOp>(parts, c.integer("axis", 0));
}

Value NodeContext::setExtents(Value value, Extents extents) {
  if (!value || llvm::all_of(extents, [](Value e) { return !e; }))
    return value;
  // What is constant is cut here and has one size again.
  SmallVector<int64_t> sizes(shapeOf(value));
  for (auto [size, extent] : llvm::zip_equal(sizes, extents)) {
    ElementsAttr number = getConstant(extent);
    if (!number)
      continue;
    FailureOr<SmallVector<int64_t>> known = getConstantIntegers(number);
    if (failed(known))
      continue;
    size = std::clamp<int64_t>(known->front(), 0, size);
    extent = {};
  }
  if (ArrayRef(sizes) != shapeOf(value))
    value = create<SliceOp>(
        value, {ints("offsets", SmallVector<int64_t>(sizes.size(), 0)),
                ints("sizes", sizes),
                ints("steps", SmallVector<int64_t>(sizes.size(), 1))});
  if (value && llvm::any_of(extents, [](Value e) { return bool(e); }))
    importer.extents[value] = std::move(extents);
  return value;
}

Extents NodeContext::getExtents(Value value) const {
  auto found = importer.extents.find(value);
  return found == importer.extents.end() ? Extents() : found->second;
}

LogicalResult NodeContext::demandStatic(ValueRange values) {
  for (Value value : values)
    if (value && !getExtents(value).empty())
      return refuse(
          "a value's size is known only at run time (at most " +
              llvm::join(llvm::map_range(
                             shapeOf(value),
                             [](int64_t size) { return std::to_string(size); }),
                         "x") +
              ")",
          "outputs, Gather, GatherND, Slice, Shape, Size, Transpose, "
          "Squeeze, Unsqueeze, Concat along another dimension and "
          "elementwise operators");
  return success();
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

namespace {
/// Positions (rank x largest number) and how many there are (one element).
struct Positions {
  Value indices, count;
};
} // namespace

static Positions createNonZero(NodeContext &c, Value x) {
  SmallVector<Value> results = c.createAll<NonZeroOp>(x, {}, 2);
  if (!results[0])
    return {};
  return {results[0], takeEntry(c, results[1], 1)};
}

static LogicalResult nonZero(NodeContext &c) {
  // Two searches of one tensor find the same: their results fit each other.
  Value &known = c.importer.positions[c[0]];
  if (!known) {
    Positions found = createNonZero(c, c[0]);
    known = c.setExtents(found.indices, {Value(), found.count});
  }
  return c.yield(known);
}

/// The input and its axis from the attribute, or the input as a vector where
/// there is none; null after a diagnostic.
static Value getAlongAxis(NodeContext &c, int64_t &axis) {
  axis = 0;
  if (!c.hasAttribute("axis"))
    return c.reshape(c[0], {tensorOf(c[0]).getNumElements()});
  FailureOr<int64_t> given = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(given))
    return {};
  axis = *given;
  return c[0];
}

static LogicalResult compress(NodeContext &c) {
  int64_t axis = 0;
  Value x = getAlongAxis(c, axis);
  if (!x)
    return failure();
  if (rankOf(c[1]) != 1)
    return c.refuse("its condition has rank " + Twine(rankOf(c[1])), "rank 1");
  int64_t length = std::min(shapeOf(c[1])[0], shapeOf(x)[axis]);
  Value condition = c[1];
  if (length != shapeOf(condition)[0])
    condition = c.create<SliceOp>(condition, {c.ints("offsets", {0}),
                                              c.ints("sizes", {length}),
                                              c.ints("steps", {1})});
  Positions found = createNonZero(c, condition);
  Value y = c.create<GatherOp>({x, c.reshape(found.indices, {length})},
                               c.integer("axis", axis));
  if (!y)
    return failure();
  Extents extents(rankOf(y));
  extents[axis] = found.count;
  return c.yield(c.setExtents(y, extents));
}

static LogicalResult unique(NodeContext &c) {
  int64_t axis = 0;
  Value x = getAlongAxis(c, axis);
  if (!x)
    return failure();
  // A row of the matrix is a slice of x at one position of the axis.
  SmallVector<int64_t> permutation{axis};
  for (int64_t dim = 0; dim < rankOf(x); ++dim)
    if (dim != axis)
      permutation.push_back(dim);
  int64_t rows = shapeOf(x)[axis], width = 1;
  for (int64_t dim : ArrayRef(permutation).drop_front())
    width *= shapeOf(x)[dim];
  Value matrix = c.reshape(c.transpose(x, permutation), {rows, width});
  SmallVector<Value> results = c.createAll<UniqueOp>(
      matrix, c.boolean("sorted", c.getInt("sorted", 1) != 0), 4);
  if (!results[0])
    return failure();
  Value count = results[3];
  Value y = c.create<GatherOp>({x, results[0]}, c.integer("axis", axis));
  if (!y)
    return failure();
  Extents extents(rankOf(y));
  extents[axis] = count;
  return c.yield({c.setExtents(y, extents), c.setExtents(results[0], {count}),
                  results[1], c.setExtents(results[2], {count})});
}

static LogicalResult nonMaxSuppression(NodeContext &c) {
  if (rankOf(c[0]) != 3 || rankOf(c[1]) != 3)
    return c.refuse("boxes and scores have ranks " + Twine(rankOf(c[0])) +
                        " and " + Twine(rankOf(c[1])),
                    "rank 3");
  int64_t batches = shapeOf(c[1])[0], classes = shapeOf(c[1])[1];
  int64_t bound = shapeOf(c[0])[1];
  Value limit = c[2] ? c[2] : c.integers({0});
  if (ElementsAttr known = NodeContext::getConstant(limit)) {
    FailureOr<SmallVector<int64_t>> numbers = getConstantIntegers(known);
    if (failed(numbers) || numbers->size() != 1)
      return c.refuse("max_output_boxes_per_class is no scalar");
    bound = std::clamp<int64_t>(numbers->front(), 0, bound);
  }
  Type element = elementOf(c[0]);
  Value iou = c[3] ? c[3] : c.splat(element, 0);
  Value lowest =
      c[4] ? c[4] : c.splat(element, -std::numeric_limits<double>::infinity());
  SmallVector<Value> results = c.createAll<SuppressOp>(
      {c[0], c[1], limit, iou, lowest},
      {c.integer("bound", bound),
       c.boolean("center", c.getInt("center_point_box", 0) != 0)},
      2);
  if (!results[0])
    return failure();
  // Batch, class and place of what was taken, one after the other.
  SmallVector<int64_t> places = llvm::to_vector(llvm::seq<int64_t>(0, bound));
  Value isTaken = c.create<LessOp>(
      {c.integers(places), c.reshape(results[1], {batches, classes, 1})});
  Positions found = createNonZero(c, isTaken);
  Value tuples = c.transpose(found.indices, {1, 0});
  if (!tuples)
    return failure();
  int64_t largest = shapeOf(tuples)[0];
  Value box =
      c.create<GatherNDOp>({results[0], tuples}, c.integer("batchDims", 0));
  Value where = c.create<SliceOp>(tuples, {c.ints("offsets", {0, 0}),
                                           c.ints("sizes", {largest, 2}),
                                           c.ints("steps", {1, 1})});
  Value y = c.create<ConcatOp>({where, c.reshape(box, {largest, 1})},
                               c.integer("axis", 1));
  return c.yield(c.setExtents(y, {found.count, Value()}));
}

//===----------------------------------------------------------------------===//
// Rules
//===----------------------------------------------------------------------===//

/// The extents of operands that agree but for broadcast dimensions, in a result
/// of this shape; `skipped` is a dimension that they do not share.
static FailureOr<Extents> mergeExtents(NodeContext &c, ValueRange operands,
                                       ArrayRef<int64_t> shape,
                                       int64_t skipped = -1) {
  int64_t rank = shape.size();
  Extents merged(rank);
  for (int64_t dim = 0; dim < rank; ++dim) {
    bool isStatic = false;
    for (Value operand : operands) {
      int64_t own = operand ? dim - (rank - rankOf(operand)) : -1;
      if (own < 0)
        continue;
      Extents extents = c.getExtents(operand);
      Value varying = extents.empty() ? Value() : extents[own];
      if (!varying) {
        isStatic |= shapeOf(operand)[own] != 1;
        continue;
      }
      if (dim == skipped || (merged[dim] && merged[dim] != varying))
        return c.refuse("operands have run-time sizes that need not agree in "
                        "dimension " +
                            Twine(dim),
                        "operands that get their size from one node");
      merged[dim] = varying;
    }
    if (merged[dim] && isStatic && dim != skipped)
      return c.refuse("a run-time size meets a static one in dimension " +
                          Twine(dim),
                      "operands that get their size from one node, or of size "
                      "1");
  }
  return merged;
}

static LogicalResult elementwise(NodeContext &c, Handler import) {
  if (failed(import(c)))
    return failure();
  SmallVector<Value> results(c.getResults());
  for (Value &result : results) {
    // A cast's model and bounds of a clip do not shape the result.
    FailureOr<Extents> extents =
        c.node.op_type() == "CastLike"
            ? FailureOr<Extents>(c.getExtents(c[0]))
            : mergeExtents(c, c.getOperands(), shapeOf(result));
    if (failed(extents))
      return failure();
    if (!extents->empty())
      result = c.setExtents(result, *extents);
  }
  return c.yield(results);
}

static LogicalResult shape(NodeContext &c, Handler) {
  int64_t rank = rankOf(c[0]);
  auto clamp = [&](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0,
                               rank);
  };
  int64_t begin = clamp(c.getInt("start", 0)),
          end = clamp(c.getInt("end", rank));
  return c.yield(createExtents(c, c[0], begin, std::max(begin, end)));
}

static LogicalResult size(NodeContext &c, Handler) {
  return c.yield(c.reshape(
      c.reduce(createExtents(c, c[0], 0, rankOf(c[0])), ReduceKind::Prod, {0}),
      {}));
}

static LogicalResult transpose(NodeContext &c, Handler import) {
  if (failed(import(c)))
    return failure();
  Extents before = c.getExtents(c[0]), after;
  SmallVector<int64_t> reversed =
      llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rankOf(c[0]))));
  for (int64_t dim : c.getInts("perm", reversed))
    after.push_back(before[dim]);
  return c.yield(c.setExtents(c.getResults().front(), after));
}

/// The axes of Squeeze and Unsqueeze, an attribute or an operand.
static FailureOr<SmallVector<int64_t>> getAxes(NodeContext &c, int64_t rank) {
  std::optional<SmallVector<int64_t>> given = c.getInts("axes");
  if (!given) {
    FailureOr<SmallVector<int64_t>> operand = c.getIntegers(1, "axes");
    if (failed(operand))
      return failure();
    given = *operand;
  }
  return c.normalizeAxes(*given, rank);
}

template <bool inserts>
static LogicalResult changeRank(NodeContext &c, Handler import) {
  Extents before = c.getExtents(c[0]), after;
  if (failed(import(c)))
    return failure();
  Value result = c.getResults().front();
  FailureOr<SmallVector<int64_t>> axes =
      getAxes(c, inserts ? rankOf(result) : rankOf(c[0]));
  if (failed(axes))
    return failure();
  if (inserts) {
    after = before;
    for (int64_t axis : *axes)
      after.insert(after.begin() + axis, Value());
  } else {
    for (auto [dim, extent] : llvm::enumerate(before)) {
      bool isDropped = llvm::is_contained(*axes, static_cast<int64_t>(dim));
      if (isDropped && extent)
        return c.refuse("drops dimension " + Twine(dim) +
                            ", whose size is known only at run time",
                        "dimensions of size 1");
      if (!isDropped)
        after.push_back(extent);
    }
  }
  return c.yield(c.setExtents(result, after));
}

/// Only the first dimension varies and the request leaves it to be inferred.
static LogicalResult reshape(NodeContext &c, Handler import) {
  Extents before = c.getExtents(c[0]);
  bool isLeading = before.front() && llvm::all_of(ArrayRef(before).drop_front(),
                                                  [](Value e) { return !e; });
  FailureOr<SmallVector<int64_t>> requested = c.getIntegers(1, "the shape");
  if (failed(requested))
    return failure();
  if (!isLeading || requested->empty() ||
      (requested->front() != -1 && requested->front() != 0))
    return c.refuse("reshapes a tensor whose size is known only at run time",
                    "only the first dimension varies, and the shape begins "
                    "with -1 or 0");
  if (failed(import(c)))
    return failure();
  Value result = c.getResults().front();
  auto row = [](ArrayRef<int64_t> shape) {
    int64_t count = 1;
    for (int64_t size : shape.drop_front())
      count *= size;
    return count;
  };
  int64_t from = row(shapeOf(c[0])), to = row(shapeOf(result));
  if (to < 1 || from % to != 0)
    return c.refuse("joins rows of a tensor whose number of rows is known only "
                    "at run time",
                    "a shape that keeps or splits rows");
  Extents after(rankOf(result));
  after[0] = c.create<MulOp>({before[0], c.integers({from / to})});
  return c.yield(c.setExtents(result, after));
}

static LogicalResult concat(NodeContext &c, Handler import) {
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", c.opset < 4 ? 1 : 0), rankOf(c[0]));
  if (failed(axis) || failed(import(c)))
    return failure();
  Value result = c.getResults().front();
  FailureOr<Extents> extents =
      mergeExtents(c, c.getOperands(), shapeOf(result), *axis);
  if (failed(extents))
    return failure();
  return c.yield(c.setExtents(result, *extents));
}

static LogicalResult gather(NodeContext &c, Handler) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  Value indices = c[1];
  Extents data = c.getExtents(c[0]), picked = c.getExtents(indices);
  data.resize(rankOf(c[0]));
  picked.resize(rankOf(indices));
  if (Value count = data[*axis]) {
    // Negative entries count from the end that there is.
    Type element = elementOf(indices);
    Value fromEnd =
        c.create<AddOp>({indices, c.cast(c.reshape(count, {}), element)});
    indices = c.create<WhereOp>(
        {c.create<LessOp>({indices, c.splat(element, 0)}), fromEnd, indices});
  }
  Value y = c.create<GatherOp>({c[0], indices}, c.integer("axis", *axis));
  Extents extents(data.begin(), data.begin() + *axis);
  llvm::append_range(extents, picked);
  extents.append(data.begin() + *axis + 1, data.end());
  return c.yield(c.setExtents(y, extents));
}

static LogicalResult gatherND(NodeContext &c, Handler import) {
  Extents picked = c.getExtents(c[1]);
  if (failed(c.demandStatic(c[0])) || failed(import(c)))
    return failure();
  if (picked.back())
    return c.refuse("its tuples' length is known only at run time");
  picked.pop_back();
  picked.resize(rankOf(c.getResults().front()));
  return c.yield(c.setExtents(c.getResults().front(), picked));
}

static LogicalResult gatherElements(NodeContext &c, Handler import) {
  if (failed(c.demandStatic(c[0])) || failed(import(c)))
    return failure();
  return c.yield(c.setExtents(c.getResults().front(), c.getExtents(c[1])));
}

/// Starts and ends are clamped to the extent that there is; steps are positive
/// along dimensions that vary.
static LogicalResult slice(NodeContext &c, Handler) {
  Value x = c[0];
  int64_t rank = rankOf(x);
  if (failed(c.demandStatic(c.getOperands().drop_front())))
    return failure();
  SmallVector<int64_t> starts, ends, axes, steps;
  if (c.opset < 10) {
    starts = c.getInts("starts", {});
    ends = c.getInts("ends", {});
    axes = c.getInts("axes",
                     llvm::to_vector(llvm::seq<int64_t>(0, starts.size())));
    steps.assign(starts.size(), 1);
  } else {
    FailureOr<SmallVector<int64_t>> first = c.getIntegers(1, "starts"),
                                    last = c.getIntegers(2, "ends");
    if (failed(first) || failed(last))
      return failure();
    starts = *first;
    ends = *last;
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts.size()));
    steps.assign(starts.size(), 1);
    for (auto [operand, list] : {std::pair(3u, &axes), std::pair(4u, &steps)})
      if (c[operand]) {
        FailureOr<SmallVector<int64_t>> given =
            c.getIntegers(operand, operand == 3 ? "axes" : "steps");
        if (failed(given))
          return failure();
        *list = *given;
      }
  }
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size())
    return c.refuse("starts, ends, axes and steps differ in length");
  // Beyond any size all positions are alike, and arithmetic stays in range.
  constexpr int64_t farthest = int64_t(1) << 50;
  for (SmallVector<int64_t> *list : {&starts, &ends, &steps})
    for (int64_t &value : *list)
      value = std::clamp(value, -farthest, farthest);
  Extents extents = c.getExtents(x);
  SmallVector<int64_t> sizes(shapeOf(x)), allSteps(rank, 1);
  SmallVector<Value> begins(rank);
  llvm::SmallSet<int64_t, 8> seen;
  for (auto [given, start, end, step] :
       llvm::zip_equal(axes, starts, ends, steps)) {
    FailureOr<int64_t> axis = c.normalizeAxis(given, rank);
    if (failed(axis))
      return failure();
    if (!seen.insert(*axis).second)
      return c.refuse("an axis is given twice");
    if (step < 1)
      return c.refuse("a step is " + Twine(step) +
                          " in a slice of a tensor whose size is known only at "
                          "run time",
                      "positive steps");
    int64_t size = shapeOf(x)[*axis];
    Value count = extents[*axis] ? extents[*axis] : c.integers({size});
    Value zero = c.integers({0});
    auto clamp = [&](int64_t position) {
      Value number = c.integers({position});
      return position >= 0
                 ? c.create<MinOp>({number, count})
                 : c.create<MaxOp>({c.create<AddOp>({count, number}), zero});
    };
    Value begin = clamp(start), span = c.create<SubOp>({clamp(end), begin});
    span = c.create<MaxOp>(
        {c.create<AddOp>({span, c.integers({step - 1})}), zero});
    Value result = c.create<DivOp>({span, c.integers({step})});
    // The largest that this can be.
    int64_t first =
        start >= 0 ? std::min(start, size) : std::max<int64_t>(size + start, 0);
    int64_t last =
        end >= 0 ? std::min(end, size) : std::max<int64_t>(size + end, 0);
    int64_t largest = std::max<int64_t>(last - first, 0);
    // From a position near the end, an early end can still be behind it.
    if (start < 0 && extents[*axis])
      largest = std::min(-start, size);
    sizes[*axis] = llvm::divideCeil(largest, step);
    allSteps[*axis] = sizes[*axis] > 1 ? step : 1;
    begins[*axis] = begin;
    extents[*axis] = result;
  }
  SmallVector<Value> parts;
  for (Value begin : begins)
    parts.push_back(begin ? begin : c.integers({0}));
  Value starting = parts.size() == 1
                       ? parts.front()
                       : c.create<ConcatOp>(parts, c.integer("axis", 0));
  Value y = c.create<DynamicSliceOp>({x, starting, c.integers(allSteps)},
                                     c.ints("shape", sizes));
  return c.yield(c.setExtents(y, extents));
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::addExtents(Frame &frame, Location loc,
                                        SmallVectorImpl<Value> &results,
                                        SmallVectorImpl<NamedAttrList> &names) {
  size_t count = results.size();
  llvm::StringSet<> taken;
  for (const NamedAttrList &attributes : names)
    taken.insert(cast<StringAttr>(attributes.get("qc.name")).getValue());
  onnx::NodeProto node;
  NodeContext c(*this, frame, node, 1, loc);
  for (size_t i = 0; i < count; ++i) {
    Value value = results[i];
    Extents varying = c.getExtents(value);
    if (varying.empty())
      continue;
    Value extents = createExtents(c, value, 0, rankOf(value));
    // Where the part that counts is no prefix it is moved together.
    int64_t outer = 1;
    bool isPrefix = true;
    for (auto [dim, size] : llvm::enumerate(shapeOf(value))) {
      isPrefix &= !varying[dim] || outer == 1;
      outer *= varying[dim] ? std::max<int64_t>(size, 2) : size;
    }
    if (!isPrefix)
      value = c.create<CompactOp>({value, extents});
    if (!value || !extents)
      return emitError(loc)
             << options.filename << ": output " << names[i].get("qc.name")
             << ": " << llvm::join(c.messages, "; ");
    auto name = cast<StringAttr>(names[i].get("qc.name")).str() + ".extents";
    while (!taken.insert(name).second)
      name += "_";
    names[i].set("qc.extents", builder.getI64IntegerAttr(results.size()));
    NamedAttrList own;
    own.set("qc.name", builder.getStringAttr(name));
    names.push_back(own);
    results[i] = value;
    results.push_back(extents);
  }
  return success();
}

void qc::registerBoundedHandlers(HandlerTable &table) {
  table.add("NonZero", 9, 1, nonZero);
  table.add("Compress", 9, 2, compress);
  table.add("Unique", 11, 1, unique);
  table.add("NonMaxSuppression", 10, 2, nonMaxSuppression);

  for (const char *op :
       {"Abs",       "Acos",       "Acosh",       "Add",
        "And",       "Asin",       "Asinh",       "Atan",
        "Atanh",     "BitShift",   "BitwiseAnd",  "BitwiseNot",
        "BitwiseOr", "BitwiseXor", "Cast",        "CastLike",
        "Ceil",      "Celu",       "Clip",        "Cos",
        "Cosh",      "Div",        "Elu",         "Equal",
        "Erf",       "Exp",        "Floor",       "Gelu",
        "Greater",   "HardSwish",  "HardSigmoid", "GreaterOrEqual",
        "Identity",  "IsInf",      "IsNaN",       "LeakyRelu",
        "Less",      "Log",        "Max",         "LessOrEqual",
        "Mean",      "Min",        "Mish",        "Mod",
        "Mul",       "Neg",        "Not",         "Or",
        "PRelu",     "Pow",        "Reciprocal",  "Relu",
        "Round",     "Selu",       "Sigmoid",     "Sign",
        "Sin",       "Sinh",       "Softplus",    "Softsign",
        "Sqrt",      "Sub",        "Sum",         "Swish",
        "Tan",       "Tanh",       "Where",       "ThresholdedRelu",
        "Xor"})
    table.takesBounded(op, elementwise);
  table.takesBounded("Shape", shape);
  table.takesBounded("Size", size);
  table.takesBounded("Transpose", transpose);
  table.takesBounded("Squeeze", changeRank<false>);
  table.takesBounded("Unsqueeze", changeRank<true>);
  table.takesBounded("Reshape", reshape);
  table.takesBounded("Concat", concat);
  table.takesBounded("Gather", gather);
  table.takesBounded("GatherND", gatherND);
  table.takesBounded("GatherElements", gatherElements);
  table.takesBounded("Slice", slice);
}
