// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of operators that move elements or compute with shapes.
//
// Shapes are static once the symbols are bound, so shape arithmetic folds to
// constants here and shape-like operands become attributes.

#include "Handlers.h"
#include "Tensors.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Constants and shapes as values
//===----------------------------------------------------------------------===//

/// Constant in all its forms, and ConstantOfShape's value.
static Value readTensorAttribute(NodeContext &c, const onnx::TensorProto &t) {
  std::string error;
  ElementsAttr value = c.getTensor(t, error);
  if (!value) {
    (void)c.refuse("its tensor " + error);
    return {};
  }
  return c.constant(value);
}

static LogicalResult constantNode(NodeContext &c) {
  MLIRContext *context = c.getBuilder().getContext();
  if (const onnx::AttributeProto *tensor = c.getAttribute("value"))
    return c.yield(readTensorAttribute(c, tensor->t()));
  if (c.hasAttribute("value_int"))
    return c.yield(c.integers({c.getInt("value_int", 0)}, {}));
  if (std::optional<SmallVector<int64_t>> values = c.getInts("value_ints"))
    return c.yield(c.integers(*values));
  auto floats = [&](ArrayRef<float> values, ArrayRef<int64_t> shape) {
    return c.constant(
        getConstant(RankedTensorType::get(shape, Float32Type::get(context)),
                    ArrayRef(reinterpret_cast<const char *>(values.data()),
                             values.size() * sizeof(float))));
  };
  if (c.hasAttribute("value_float"))
    return c.yield(
        floats({static_cast<float>(c.getFloat("value_float", 0))}, {}));
  if (const onnx::AttributeProto *list = c.getAttribute("value_floats"))
    return c.yield(
        floats(SmallVector<float>(list->floats().begin(), list->floats().end()),
               list->floats_size()));
  return c.refuse("holds a string or a sparse tensor",
                  "dense tensors of numbers or booleans");
}

static LogicalResult constantOfShape(NodeContext &c) {
  FailureOr<SmallVector<int64_t>> shape = failure();
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[0]) && (declared = c.getDeclaredShape(0)))
    shape = *declared;
  else
    shape = c.getIntegers(0, "the shape");
  if (failed(shape))
    return failure();
  Type element = c.getBuilder().getF32Type();
  double number = 0;
  std::string error;
  if (const onnx::AttributeProto *tensor = c.getAttribute("value")) {
    ElementsAttr value = c.getTensor(tensor->t(), error);
    if (!value || value.getNumElements() != 1)
      return c.refuse("its value " + (value ? "is no scalar" : error));
    // A number that fits a double exactly is a splat; others expand.
    FailureOr<SmallVector<double>> numbers = getConstantNumbers(value);
    if (failed(numbers))
      return c.refuse("its value cannot be read");
    element = value.getElementType();
    number = numbers->front();
    if (std::abs(number) > 9007199254740992.0)
      return c.yield(c.create<ExpandOp>(c.reshape(c.constant(value), {}),
                                        c.ints("shape", *shape)));
  }
  if (!isAddressable(*shape, element, error))
    return c.refuse("its shape " + error);
  return c.yield(c.splat(element, number, *shape));
}

static LogicalResult shape(NodeContext &c) {
  int64_t rank = rankOf(c[0]);
  auto clamp = [&](int64_t position) {
    return std::clamp<int64_t>(position < 0 ? position + rank : position, 0,
                               rank);
  };
  int64_t begin = clamp(c.getInt("start", 0)),
          end = clamp(c.getInt("end", rank));
  return c.yield(c.integers(
      shapeOf(c[0]).slice(begin, std::max<int64_t>(end - begin, 0))));
}

static LogicalResult size(NodeContext &c) {
  return c.yield(c.integers({tensorOf(c[0]).getNumElements()}, {}));
}

/// Range of constants: start, limit, delta.
static LogicalResult range(NodeContext &c) {
  Type element = elementOf(c[0]);
  auto isDynamic = [&](Value value) { return !c.getConstant(value); };
  if (llvm::any_of(c.getOperands(), isDynamic))
    if (auto declared = c.getDeclaredShape(0);
        declared && declared->size() == 1)
      return c.yield(
          c.create<RangeOp>({c.reshape(c[0], {}), c.reshape(c[2], {})},
                            c.integer("size", declared->front())));
  FailureOr<double> start = c.getNumber(0, "start", 0),
                    limit = c.getNumber(1, "limit", 0),
                    delta = c.getNumber(2, "delta", 1);
  if (failed(start) || failed(limit) || failed(delta))
    return failure();
  if (elementOf(c[1]) != element || elementOf(c[2]) != element)
    return c.refuse("the operands' element types differ");
  double count = std::ceil((*limit - *start) / *delta);
  if (*delta == 0 || !(count < 16777216.0))
    return c.refuse("has " + Twine(std::to_string(count)) + " elements",
                    "a delta that is not 0 and fewer than 2^24 elements");
  int64_t number = count > 0 ? static_cast<int64_t>(count) : 0;
  SmallVector<int64_t> steps(number);
  std::iota(steps.begin(), steps.end(), 0);
  Value step = c.cast(c.integers(steps), element);
  Value first = c.reshape(c[0], {}), scale = c.reshape(c[2], {});
  return c.yield(c.create<AddOp>({first, c.create<MulOp>({step, scale})}));
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

static LogicalResult reshapeTo(NodeContext &c, ArrayRef<int64_t> requested,
                               bool allowZero) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  SmallVector<int64_t> shape(requested);
  int64_t known = 1, unknown = -1;
  for (auto [dim, size] : llvm::enumerate(shape)) {
    if (size == 0 && !allowZero) {
      if (dim >= x.size())
        return c.refuse("copies dimension " + Twine(dim) +
                        ", which x does not have");
      size = x[dim];
    }
    if (size == -1) {
      if (unknown >= 0)
        return c.refuse("leaves two dimensions to be inferred");
      unknown = dim;
      continue;
    }
    if (size < 0 || llvm::MulOverflow(known, size, known))
      return c.refuse("its shape has a dimension of " + Twine(size));
  }
  int64_t count = tensorOf(c[0]).getNumElements();
  if (unknown >= 0) {
    if (known == 0 || count % known != 0)
      return c.refuse("cannot split " + Twine(count) +
                      " elements into groups of " + Twine(known));
    shape[unknown] = count / known;
  }
  return c.yield(c.reshape(c[0], shape));
}

static LogicalResult oldReshape(NodeContext &c) {
  return reshapeTo(c, c.getInts("shape", {}), false);
}

static LogicalResult reshape(NodeContext &c) {
  // A run-time shape matters only through the result's shape.
  if (!c.getConstant(c[1]))
    if (std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0))
      return c.yield(c.reshape(c[0], *declared));
  FailureOr<SmallVector<int64_t>> shape = c.getIntegers(1, "the shape");
  if (failed(shape))
    return failure();
  return reshapeTo(c, *shape, c.getInt("allowzero", 0) != 0);
}

static LogicalResult flatten(NodeContext &c) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", 1), rankOf(c[0]) + 1);
  if (failed(axis))
    return failure();
  // A negative axis counts from the rank, not from the position behind it.
  if (c.getInt("axis", 1) < 0)
    --*axis;
  if (*axis < 0)
    return c.refuse("axis is outside the rank");
  int64_t outer = 1, inner = 1;
  for (auto [dim, size] : llvm::enumerate(x))
    (static_cast<int64_t>(dim) < *axis ? outer : inner) *= size;
  return c.yield(c.reshape(c[0], {outer, inner}));
}

/// Axes as an attribute in old versions, then as an operand.
static FailureOr<std::optional<SmallVector<int64_t>>> getAxes(NodeContext &c) {
  if (!c[1])
    return c.getInts("axes");
  FailureOr<SmallVector<int64_t>> axes = c.getIntegers(1, "axes");
  if (failed(axes))
    return failure();
  return std::optional(*axes);
}

static LogicalResult squeeze(NodeContext &c) {
  if (c[1] && !c.getConstant(c[1]))
    if (std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0))
      return c.yield(c.reshape(c[0], *declared));
  FailureOr<std::optional<SmallVector<int64_t>>> given = getAxes(c);
  if (failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (*given) {
    FailureOr<SmallVector<int64_t>> sorted =
        c.normalizeAxes(**given, rankOf(c[0]));
    if (failed(sorted))
      return failure();
    axes = *sorted;
  }
  SmallVector<int64_t> shape;
  for (auto [dim, size] : llvm::enumerate(shapeOf(c[0]))) {
    bool isNamed = llvm::is_contained(axes, static_cast<int64_t>(dim));
    if (isNamed && size != 1)
      return c.refuse("axis " + Twine(dim) + " has size " + Twine(size),
                      "size 1");
    if (!isNamed && (*given || size != 1))
      shape.push_back(size);
  }
  return c.yield(c.reshape(c[0], shape));
}

static LogicalResult unsqueeze(NodeContext &c) {
  if (c[1] && !c.getConstant(c[1]))
    if (std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0))
      return c.yield(c.reshape(c[0], *declared));
  FailureOr<std::optional<SmallVector<int64_t>>> given = getAxes(c);
  if (failed(given))
    return failure();
  if (!*given)
    return c.refuse("axes are missing");
  int64_t rank = rankOf(c[0]) + (*given)->size();
  FailureOr<SmallVector<int64_t>> axes = c.normalizeAxes(**given, rank);
  if (failed(axes))
    return failure();
  SmallVector<int64_t> shape;
  ArrayRef<int64_t> rest = shapeOf(c[0]);
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (llvm::is_contained(*axes, dim)) {
      shape.push_back(1);
      continue;
    }
    shape.push_back(rest.front());
    rest = rest.drop_front();
  }
  return c.yield(c.reshape(c[0], shape));
}

static LogicalResult expand(NodeContext &c) {
  FailureOr<SmallVector<int64_t>> shape = failure();
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0)))
    shape = *declared;
  else
    shape = c.getIntegers(1, "the shape");
  if (failed(shape))
    return failure();
  return c.yield(c.create<ExpandOp>(c[0], c.ints("shape", *shape)));
}

//===----------------------------------------------------------------------===//
// Moves
//===----------------------------------------------------------------------===//

static LogicalResult transpose(NodeContext &c) {
  SmallVector<int64_t> reversed =
      llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rankOf(c[0]))));
  return c.yield(c.transpose(c[0], c.getInts("perm", reversed)));
}

/// One part of an axis.
static Value sliceAxis(NodeContext &c, Value x, int64_t axis, int64_t begin,
                       int64_t size) {
  SmallVector<int64_t> offsets(rankOf(x), 0), sizes(shapeOf(x)),
      steps(rankOf(x), 1);
  if (sizes[axis] == size)
    return x;
  offsets[axis] = begin;
  sizes[axis] = size;
  return c.create<SliceOp>(x, {c.ints("offsets", offsets),
                               c.ints("sizes", sizes), c.ints("steps", steps)});
}

/// Starts and ends are clamped as numpy does it.
static LogicalResult sliceBy(NodeContext &c, ArrayRef<int64_t> starts,
                             ArrayRef<int64_t> ends,
                             std::optional<SmallVector<int64_t>> givenAxes,
                             std::optional<SmallVector<int64_t>> givenSteps) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  int64_t rank = x.size();
  SmallVector<int64_t> axes =
      givenAxes.value_or(llvm::to_vector(llvm::seq<int64_t>(0, starts.size())));
  SmallVector<int64_t> given =
      givenSteps.value_or(SmallVector<int64_t>(starts.size(), 1));
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      given.size() != starts.size())
    return c.refuse("starts, ends, axes and steps differ in length");
  SmallVector<int64_t> offsets(rank, 0), sizes(x), steps(rank, 1);
  SmallVector<bool> seen(rank, false);
  bool isWhole = true;
  for (size_t i = 0; i < starts.size(); ++i) {
    FailureOr<int64_t> axis = c.normalizeAxis(axes[i], rank);
    if (failed(axis))
      return failure();
    if (seen[*axis])
      return c.refuse("an axis is given twice");
    seen[*axis] = true;
    int64_t size = x[*axis], step = given[i];
    if (step == 0 || step == INT64_MIN)
      return c.refuse("a step is " + Twine(step));
    auto position = [&](int64_t value, int64_t low, int64_t high) {
      if (value < 0)
        value = value < -size ? low : value + size;
      return std::clamp(value, low, high);
    };
    int64_t begin = step > 0 ? position(starts[i], 0, size)
                             : position(starts[i], -1, size - 1);
    int64_t end =
        step > 0 ? position(ends[i], 0, size) : position(ends[i], -1, size - 1);
    int64_t span = step > 0 ? end - begin : begin - end;
    int64_t stride = std::abs(step);
    sizes[*axis] = span > 0 ? llvm::divideCeil(span, stride) : 0;
    offsets[*axis] = sizes[*axis] > 0 ? begin : 0;
    // A step beyond the size would only overflow index arithmetic.
    steps[*axis] = sizes[*axis] > 1 ? step : 1;
    isWhole &= sizes[*axis] == size && (step > 0 || size <= 1);
  }
  if (isWhole)
    return c.yield(c[0]);
  return c.yield(c.create<SliceOp>(c[0], {c.ints("offsets", offsets),
                                          c.ints("sizes", sizes),
                                          c.ints("steps", steps)}));
}

static LogicalResult oldSlice(NodeContext &c) {
  return sliceBy(c, c.getInts("starts", {}), c.getInts("ends", {}),
                 c.getInts("axes"), std::nullopt);
}

/// One entry per dimension: `values` at `axes` (operand, or the first ones),
/// `missing` elsewhere.
static Value spreadOverAxes(NodeContext &c, Value values, Value axes,
                            int64_t rank, int64_t missing) {
  Type index =
      IntegerType::get(c.getBuilder().getContext(), 64, IntegerType::Signed);
  values = c.cast(values, index);
  if (!values || rankOf(values) != 1)
    return {};
  int64_t count = shapeOf(values)[0];
  if (!axes && count == rank)
    return values;
  if (!axes)
    axes = c.integers(llvm::to_vector(llvm::seq<int64_t>(0, count)));
  return c.create<ScatterElementsOp>(
      {c.splat(index, static_cast<double>(missing), {rank}), axes, values},
      {c.integer("axis", 0),
       c.attribute("kind", ScatterKindAttr::get(c.getBuilder().getContext(),
                                                ScatterKind::Replace))});
}

/// Starts, axes or steps known only at run time; the declared result shape says
/// the rest.
static LogicalResult dynamicSlice(NodeContext &c, ArrayRef<int64_t> shape) {
  int64_t rank = rankOf(c[0]);
  Value steps = c[4] ? spreadOverAxes(c, c[4], c[3], rank, 1)
                     : c.integers(SmallVector<int64_t>(rank, 1));
  return c.yield(c.create<DynamicSliceOp>(
      {c[0], spreadOverAxes(c, c[1], c[3], rank, 0), steps},
      c.ints("shape", shape)));
}

static LogicalResult slice(NodeContext &c) {
  auto isDynamic = [&](Value value) { return value && !c.getConstant(value); };
  if (llvm::any_of(c.getOperands().drop_front(), isDynamic))
    if (auto declared = c.getDeclaredShape(0);
        declared && static_cast<int64_t>(declared->size()) == rankOf(c[0]))
      return dynamicSlice(c, *declared);
  FailureOr<SmallVector<int64_t>> starts = c.getIntegers(1, "starts"),
                                  ends = c.getIntegers(2, "ends");
  if (failed(starts) || failed(ends))
    return failure();
  std::optional<SmallVector<int64_t>> axes, steps;
  for (auto [operand, list, what] : {std::make_tuple(3u, &axes, "axes"),
                                     std::make_tuple(4u, &steps, "steps")})
    if (c[operand]) {
      FailureOr<SmallVector<int64_t>> values = c.getIntegers(operand, what);
      if (failed(values))
        return failure();
      *list = *values;
    }
  return sliceBy(c, *starts, *ends, axes, steps);
}

static LogicalResult split(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  int64_t size = shapeOf(c[0])[*axis];
  int64_t count = c.getInt("num_outputs", c.getNumResults());
  std::optional<SmallVector<int64_t>> given = c.getInts("split");
  if (c[1] && !c.getConstant(c[1])) {
    // The declared shapes of all results say what a run-time operand holds.
    given.emplace();
    for (unsigned i = 0; i < c.getNumResults(); ++i) {
      std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(i);
      if (!declared || static_cast<int64_t>(declared->size()) <= *axis)
        return c.refuse("split is a run-time value",
                        "a constant, or declared shapes of all results");
      given->push_back((*declared)[*axis]);
    }
  } else if (c[1]) {
    FailureOr<SmallVector<int64_t>> operand = c.getIntegers(1, "split");
    if (failed(operand))
      return failure();
    given = *operand;
  }
  SmallVector<int64_t> parts;
  if (given) {
    parts = *given;
  } else {
    if (count < 1 || count != static_cast<int64_t>(c.getNumResults()))
      return c.refuse("num_outputs differs from the number of results");
    // The last part is smaller where the sizes do not divide.
    int64_t part = llvm::divideCeil(size, count);
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(std::clamp<int64_t>(size - i * part, 0, part));
  }
  if (parts.size() != c.getNumResults())
    return c.refuse("split has " + Twine(parts.size()) + " entries for " +
                    Twine(c.getNumResults()) + " results");
  SmallVector<Value> results;
  int64_t begin = 0;
  for (int64_t part : parts) {
    if (part < 0 || part > size - begin)
      return c.refuse("the parts do not fit dimension " + Twine(*axis) +
                      " of size " + Twine(size));
    results.push_back(sliceAxis(c, c[0], *axis, begin, part));
    begin += part;
  }
  if (begin != size)
    return c.refuse("the parts do not cover dimension " + Twine(*axis) +
                    " of size " + Twine(size));
  return c.yield(results);
}

static LogicalResult concat(NodeContext &c) {
  SmallVector<Value> inputs;
  for (Value operand : c.getOperands())
    if (operand)
      inputs.push_back(operand);
  FailureOr<int64_t> axis =
      c.normalizeAxis(c.getInt("axis", c.opset < 4 ? 1 : 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  if (inputs.size() == 1)
    return c.yield(inputs);
  return c.yield(c.create<ConcatOp>(inputs, c.integer("axis", *axis)));
}

static LogicalResult gather(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", 0), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(c.create<GatherOp>({c[0], c[1]}, c.integer("axis", *axis)));
}

//===----------------------------------------------------------------------===//
// Pad
//===----------------------------------------------------------------------===//

static LogicalResult padBy(NodeContext &c, ArrayRef<int64_t> pads,
                           Value value) {
  std::string name = c.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(name);
  if (!mode)
    return c.refuse("mode is '" + name + "'", "constant, reflect, edge, wrap");
  if (llvm::all_of(pads, [](int64_t pad) { return pad == 0; }) &&
      pads.size() == 2 * static_cast<size_t>(rankOf(c[0])))
    return c.yield(c[0]);
  return c.yield(c.create<PadOp>(
      {c[0], value ? value : c.splat(elementOf(c[0]), 0)},
      {c.ints("pads", pads),
       c.attribute("mode",
                   PadModeAttr::get(c.getBuilder().getContext(), *mode))}));
}

/// The pads are an attribute ("paddings" in the very first version).
static LogicalResult oldPad(NodeContext &c) {
  return padBy(c, c.getInts(c.opset < 2 ? "paddings" : "pads", {}),
               c.splat(elementOf(c[0]), c.getFloat("value", 0)));
}

/// The begins known only at run time; the declared result shape says the rest.
static LogicalResult dynamicPad(NodeContext &c, ArrayRef<int64_t> shape) {
  std::string name = c.getString("mode", "constant");
  std::optional<PadMode> mode = symbolizePadMode(name);
  if (!mode || rankOf(c[1]) != 1 || shapeOf(c[1])[0] % 2 != 0)
    return c.refuse("mode is '" + name + "' or pads is no list of pairs",
                    "constant, reflect, edge, wrap");
  int64_t count = shapeOf(c[1])[0] / 2;
  Value begins =
      c.create<SliceOp>(c[1], {c.ints("offsets", {0}), c.ints("sizes", {count}),
                               c.ints("steps", {1})});
  return c.yield(c.create<DynamicPadOp>(
      {c[0], c[2] ? c.reshape(c[2], {}) : c.splat(elementOf(c[0]), 0),
       spreadOverAxes(c, begins, c[3], rankOf(c[0]), 0)},
      {c.ints("shape", shape),
       c.attribute("mode",
                   PadModeAttr::get(c.getBuilder().getContext(), *mode))}));
}

static LogicalResult pad(NodeContext &c) {
  if (!c.getConstant(c[1]) || (c[3] && !c.getConstant(c[3])))
    if (auto declared = c.getDeclaredShape(0);
        declared && static_cast<int64_t>(declared->size()) == rankOf(c[0]))
      return dynamicPad(c, *declared);
  FailureOr<SmallVector<int64_t>> given = c.getIntegers(1, "pads");
  if (failed(given))
    return failure();
  SmallVector<int64_t> pads = *given;
  if (c[3]) {
    FailureOr<SmallVector<int64_t>> axes = c.getIntegers(3, "axes");
    if (failed(axes))
      return failure();
    int64_t rank = rankOf(c[0]);
    if (given->size() != 2 * axes->size())
      return c.refuse("pads do not fit the axes");
    pads.assign(2 * rank, 0);
    for (auto [i, axis] : llvm::enumerate(*axes)) {
      FailureOr<int64_t> normalized = c.normalizeAxis(axis, rank);
      if (failed(normalized))
        return failure();
      pads[*normalized] = (*given)[i];
      pads[rank + *normalized] = (*given)[axes->size() + i];
    }
  }
  return padBy(c, pads, c[2]);
}

//===----------------------------------------------------------------------===//
// Blocks of channels
//===----------------------------------------------------------------------===//

static LogicalResult depthToSpace(NodeContext &c) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  int64_t block = c.getInt("blocksize", 0);
  if (x.size() != 4 || block < 1 || block > (1 << 20) ||
      x[1] % (block * block) != 0)
    return c.refuse("blocksize " + Twine(block) + " does not fit the input",
                    "a 4-D input whose channels the square divides");
  int64_t n = x[0], channels = x[1] / (block * block), h = x[2], w = x[3];
  bool isColumnRow = c.getString("mode", "DCR") == "CRD";
  Value y = isColumnRow ? c.reshape(c[0], {n, channels, block, block, h, w})
                        : c.reshape(c[0], {n, block, block, channels, h, w});
  y = isColumnRow ? c.transpose(y, {0, 1, 4, 2, 5, 3})
                  : c.transpose(y, {0, 3, 4, 1, 5, 2});
  return c.yield(c.reshape(y, {n, channels, h * block, w * block}));
}

static LogicalResult spaceToDepth(NodeContext &c) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  int64_t block = c.getInt("blocksize", 0);
  if (x.size() != 4 || block < 1 || x[2] % block != 0 || x[3] % block != 0)
    return c.refuse("blocksize " + Twine(block) + " does not fit the input",
                    "a 4-D input whose height and width it divides");
  int64_t n = x[0], channels = x[1], h = x[2] / block, w = x[3] / block;
  Value y = c.reshape(c[0], {n, channels, h, block, w, block});
  // DCR counts the block before the channels, CRD behind them.
  bool isColumnRow = c.getString("mode", "DCR") == "CRD";
  y = isColumnRow ? c.transpose(y, {0, 1, 3, 5, 2, 4})
                  : c.transpose(y, {0, 3, 5, 1, 2, 4});
  return c.yield(c.reshape(y, {n, channels * block * block, h, w}));
}

void qc::registerShapeHandlers(HandlerTable &table) {
  table.add("Constant", 1, 0, constantNode);
  table.add("ConstantOfShape", 9, 1, constantOfShape);
  table.add("Shape", 1, 1, shape);
  table.add("Size", 1, 1, size);
  table.add("Range", 11, 3, range);
  table.add("Reshape", 1, 1, oldReshape);
  table.add("Reshape", 5, 2, reshape);
  table.add("Flatten", 1, 1, flatten);
  table.add("Squeeze", 1, 1, squeeze);
  table.add("Unsqueeze", 1, 1, unsqueeze);
  table.add("Expand", 8, 2, expand);
  table.add("Transpose", 1, 1, transpose);
  table.add("Slice", 1, 1, oldSlice);
  table.add("Slice", 10, 3, slice);
  table.add("Split", 1, 1, split);
  table.add("Concat", 1, 1, concat);
  table.add("Gather", 1, 2, gather);
  table.add("Pad", 1, 1, oldPad);
  table.add("Pad", 11, 2, pad);
  table.add("DepthToSpace", 1, 1, depthToSpace);
  table.add("SpaceToDepth", 1, 1, spaceToDepth);
}
