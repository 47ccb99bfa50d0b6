// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of pooling operators, and the window attributes that they share with
// convolutions.

#include "Handlers.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

FailureOr<Window> qc::getWindow(NodeContext &c, ArrayRef<int64_t> spatial,
                                ArrayRef<int64_t> kernel) {
  size_t count = spatial.size();
  Window window;
  window.kernel.assign(kernel.begin(), kernel.end());
  window.strides = c.getInts("strides", SmallVector<int64_t>(count, 1));
  window.dilations = c.getInts("dilations", SmallVector<int64_t>(count, 1));
  window.pads = c.getInts("pads", SmallVector<int64_t>(2 * count, 0));
  window.ceilExtra.assign(count, 0);
  if (kernel.size() != count || window.strides.size() != count ||
      window.dilations.size() != count || window.pads.size() != 2 * count)
    return c.refuse("kernel_shape, strides, dilations or pads do not fit " +
                    Twine(count) + " spatial dimensions");
  // Sizes beyond this are no window; below, products cannot overflow.
  auto isSane = [](int64_t value) {
    return value >= 1 && value <= (int64_t(1) << 31);
  };
  auto isSanePad = [](int64_t value) {
    return value >= 0 && value <= (int64_t(1) << 31);
  };
  if (!llvm::all_of(kernel, isSane) || !llvm::all_of(window.strides, isSane) ||
      !llvm::all_of(window.dilations, isSane) ||
      !llvm::all_of(window.pads, isSanePad))
    return c.refuse("kernel_shape, strides, dilations or pads are out of range",
                    "positive sizes and pads of at least 0, below 2^31");

  std::string mode = c.getString("auto_pad", "NOTSET");
  bool isSame = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!isSame && mode != "NOTSET" && mode != "VALID" && !mode.empty())
    return c.refuse("auto_pad is '" + mode + "'",
                    "NOTSET, VALID, SAME_UPPER, SAME_LOWER");
  bool isCeil = c.getInt("ceil_mode", 0) != 0;
  for (size_t d = 0; d < count; ++d) {
    int64_t &begin = window.pads[d], &end = window.pads[count + d];
    int64_t stride = window.strides[d];
    int64_t extent = (kernel[d] - 1) * window.dilations[d] + 1;
    if (mode == "VALID")
      begin = end = 0;
    if (isSame) {
      int64_t outputs = llvm::divideCeil(spatial[d], stride);
      int64_t total =
          std::max<int64_t>((outputs - 1) * stride + extent - spatial[d], 0);
      begin = mode == "SAME_LOWER" ? total - total / 2 : total / 2;
      end = total - begin;
    }
    if (!isCeil || isSame)
      continue;
    // Ceil mode: one more window where the last one is not complete, unless it
    // would begin in the end padding.
    int64_t rest = spatial[d] + begin + end - extent;
    if (rest < 0 || rest % stride == 0)
      continue;
    int64_t start = (rest / stride + 1) * stride;
    if (start >= spatial[d] + begin)
      continue;
    window.ceilExtra[d] = start + extent - (spatial[d] + begin + end);
    end += window.ceilExtra[d];
  }
  return window;
}

static FailureOr<Window> getPoolWindow(NodeContext &c, Value x) {
  if (rankOf(x) < 3)
    return c.refuse("x has rank " + Twine(rankOf(x)), "rank 3 or more");
  std::optional<SmallVector<int64_t>> kernel = c.getInts("kernel_shape");
  if (!kernel)
    return c.refuse("attribute kernel_shape is missing");
  return getWindow(c, shapeOf(x).drop_front(2), *kernel);
}

static LogicalResult maxPool(NodeContext &c) {
  FailureOr<Window> window = getPoolWindow(c, c[0]);
  if (failed(window))
    return failure();
  SmallVector<NamedAttribute> attributes{
      c.ints("kernel", window->kernel), c.ints("strides", window->strides),
      c.ints("pads", window->pads), c.ints("dilations", window->dilations)};
  SmallVector<Value> results{c.create<MaxPoolOp>(c[0], attributes)};
  if (c.hasResult(1)) {
    attributes.push_back(
        c.boolean("columnMajor", c.getInt("storage_order", 0) != 0));
    results.push_back(c.create<MaxPoolIndexOp>(c[0], attributes));
  }
  return c.yield(results);
}

static LogicalResult lpPool(NodeContext &c) {
  FailureOr<Window> window = getPoolWindow(c, c[0]);
  if (failed(window))
    return failure();
  return c.yield(c.create<LpPoolOp>(
      c[0],
      {c.ints("kernel", window->kernel), c.ints("strides", window->strides),
       c.ints("pads", window->pads), c.ints("dilations", window->dilations),
       c.integer("p", c.getInt("p", 2))}));
}

/// (sum |x|^p)^(1/p) over all spatial dimensions.
static LogicalResult globalLpPool(NodeContext &c) {
  if (rankOf(c[0]) < 3)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 3 or more");
  int64_t p = c.getInt("p", 2);
  SmallVector<int64_t> axes =
      llvm::to_vector(llvm::seq<int64_t>(2, rankOf(c[0])));
  if (p == 1 || p == 2)
    return c.yield(
        c.reduce(c[0], p == 1 ? ReduceKind::L1 : ReduceKind::L2, axes));
  if (p < 1)
    return c.refuse("p is " + Twine(p), "a positive p");
  Type element = elementOf(c[0]);
  Value powers = c.create<PowOp>(
      {c.create<AbsOp>(c[0]), c.splat(element, static_cast<double>(p))});
  Value sum = c.reduce(powers, ReduceKind::Sum, axes);
  return c.yield(c.create<PowOp>({sum, c.splat(element, 1.0 / p)}));
}

/// The shape that unpooling gives without an output_shape.
static FailureOr<SmallVector<int64_t>> getUnpooledShape(NodeContext &c) {
  ArrayRef<int64_t> spatial = shapeOf(c[0]).drop_front(2);
  std::optional<SmallVector<int64_t>> kernel = c.getInts("kernel_shape");
  if (!kernel)
    return c.refuse("attribute kernel_shape is missing");
  FailureOr<Window> window = getWindow(c, spatial, *kernel);
  if (failed(window))
    return failure();
  SmallVector<int64_t> shape;
  for (size_t d = 0; d < spatial.size(); ++d)
    shape.push_back((spatial[d] - 1) * window->strides[d] + (*kernel)[d] -
                    window->pads[d] - window->pads[spatial.size() + d]);
  return shape;
}

/// Indices count in the tensor of the inferred shape; an output_shape that
/// differs is that tensor padded with zeros.
static LogicalResult maxUnpool(NodeContext &c) {
  if (rankOf(c[0]) < 3)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 3 or more");
  FailureOr<SmallVector<int64_t>> shape = getUnpooledShape(c);
  if (failed(shape))
    return failure();
  Value y = c.create<MaxUnpoolOp>({c[0], c[1]}, c.ints("shape", *shape));
  if (!c[2])
    return c.yield(y);
  SmallVector<int64_t> wanted;
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[2]) && (declared = c.getDeclaredShape(0))) {
    wanted = *declared;
  } else {
    FailureOr<SmallVector<int64_t>> given = c.getIntegers(2, "output_shape");
    if (failed(given))
      return failure();
    wanted = *given;
  }
  if (!y || static_cast<int64_t>(wanted.size()) != rankOf(y))
    return c.refuse("output_shape does not fit x");
  SmallVector<int64_t> pads(2 * wanted.size(), 0);
  for (auto [dim, size] : llvm::enumerate(shapeOf(y)))
    pads[wanted.size() + dim] = wanted[dim] - size;
  return c.yield(
      c.create<PadOp>({y, c.splat(elementOf(y), 0)}, c.ints("pads", pads)));
}

Value qc::createAveragePool(NodeContext &c, Value x) {
  FailureOr<Window> window = getPoolWindow(c, x);
  if (failed(window))
    return {};
  return c.create<AveragePoolOp>(
      x, {c.ints("kernel", window->kernel), c.ints("strides", window->strides),
          c.ints("pads", window->pads), c.ints("dilations", window->dilations),
          c.boolean("countIncludePad", c.getInt("count_include_pad", 0) != 0),
          c.ints("ceilExtra", window->ceilExtra)});
}

static LogicalResult averagePool(NodeContext &c) {
  return c.yield(createAveragePool(c, c[0]));
}

/// All spatial dimensions at once.
template <ReduceKind kind> static LogicalResult globalPool(NodeContext &c) {
  if (rankOf(c[0]) < 3)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 3 or more");
  return c.yield(c.reduce(
      c[0], kind, llvm::to_vector(llvm::seq<int64_t>(2, rankOf(c[0])))));
}

void qc::registerPoolingHandlers(HandlerTable &table) {
  table.add("MaxPool", 1, 1, maxPool);
  table.add("LpPool", 1, 1, lpPool);
  table.add("GlobalLpPool", 1, 1, globalLpPool);
  table.add("MaxUnpool", 9, 2, maxUnpool);
  table.add("AveragePool", 1, 1, averagePool);
  table.add("GlobalAveragePool", 1, 1, globalPool<ReduceKind::Mean>);
  table.add("GlobalMaxPool", 1, 1, globalPool<ReduceKind::Max>);
}
