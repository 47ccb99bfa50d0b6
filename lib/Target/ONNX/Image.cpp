// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of operators that sample feature maps, and of unusual convolutions.

#include "Handlers.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace qc;

template <typename EnumAttr, typename Enum>
static NamedAttribute enumerator(NodeContext &c, StringRef name, Enum value) {
  return c.attribute(name, EnumAttr::get(c.getBuilder().getContext(), value));
}

static NamedAttribute floats(NodeContext &c, StringRef name,
                             ArrayRef<float> values) {
  return c.attribute(name, c.getBuilder().getDenseF32ArrayAttr(values));
}

//===----------------------------------------------------------------------===//
// Resize
//===----------------------------------------------------------------------===//

/// `values` (one entry per axis of `axes`) as one entry per dimension, the
/// others `missing`.
static Value spreadOverDimensions(NodeContext &c, Value values,
                                  ArrayRef<int64_t> axes, int64_t rank,
                                  double missing) {
  if (!values || axes.size() == static_cast<size_t>(rank)) {
    SmallVector<int64_t> plain = llvm::to_vector(llvm::seq<int64_t>(0, rank));
    if (ArrayRef(plain) == axes)
      return values;
  }
  Value base = c.splat(elementOf(values), missing, {rank});
  return c.create<ScatterElementsOp>(
      {base, c.integers(axes), values},
      {c.integer("axis", 0),
       enumerator<ScatterKindAttr>(c, "kind", ScatterKind::Replace)});
}

namespace {

/// The operands of a Resize node in any version.
struct ResizeOperands {
  Value roi, scales, sizes;
};

} // namespace

static LogicalResult createResize(NodeContext &c, ResizeOperands operands,
                                  StringRef defaultCoordinates) {
  Value x = c[0];
  int64_t rank = rankOf(x);
  auto isPresent = [](Value value) {
    return value && tensorOf(value).getNumElements() != 0;
  };
  FailureOr<SmallVector<int64_t>> sortedAxes =
      c.normalizeAxes(c.getInts("axes", {}), rank);
  if (failed(sortedAxes))
    return failure();
  SmallVector<int64_t> axes;
  for (int64_t axis : c.getInts("axes", {}))
    axes.push_back(axis < 0 ? axis + rank : axis);
  if (!c.hasAttribute("axes"))
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));

  auto mode = symbolizeSampleMode(c.getString("mode", "nearest"));
  if (c.getString("mode", "nearest") == "bilinear")
    mode = SampleMode::Linear;
  auto coordinates = symbolizeCoordinateMode(
      c.getString("coordinate_transformation_mode", defaultCoordinates));
  // The first version took the element below.
  auto nearest = symbolizeNearestMode(c.getString(
      "nearest_mode", c.opset < 11 ? "floor" : "round_prefer_floor"));
  if (!mode || !coordinates || !nearest)
    return c.refuse("mode, coordinate_transformation_mode or nearest_mode is "
                    "unknown",
                    "those of Resize 19");
  std::string policy = c.getString("keep_aspect_ratio_policy", "stretch");

  SmallVector<int64_t> shape(shapeOf(x));
  SmallVector<float> scales;
  Value dynamicScales;
  std::optional<SmallVector<int64_t>> declared;
  Type f32 = c.getBuilder().getF32Type();
  if (isPresent(operands.scales)) {
    if (tensorOf(operands.scales).getNumElements() !=
        static_cast<int64_t>(axes.size()))
      return c.refuse("scales does not have one entry per axis");
    if (ElementsAttr constant = c.getConstant(operands.scales)) {
      FailureOr<SmallVector<double>> numbers = getConstantNumbers(constant);
      if (failed(numbers))
        return c.refuse("scales cannot be read");
      scales.assign(rank, 1.0f);
      for (auto [axis, scale] : llvm::zip_equal(axes, *numbers)) {
        double size = std::floor(static_cast<double>(shape[axis]) * scale);
        if (!(scale > 0) || size > 1e12)
          return c.refuse("a scale is out of range", "positive scales");
        scales[axis] = static_cast<float>(scale);
        shape[axis] = static_cast<int64_t>(size);
      }
    } else if ((declared = c.getDeclaredShape(0)) &&
               declared->size() == shape.size()) {
      shape = *declared;
      dynamicScales =
          spreadOverDimensions(c, c.cast(operands.scales, f32), axes, rank, 1);
    } else {
      return c.refuse("scales is a run-time value",
                      "a constant, or a declared result shape");
    }
  } else if (isPresent(operands.sizes)) {
    if (tensorOf(operands.sizes).getNumElements() !=
        static_cast<int64_t>(axes.size()))
      return c.refuse("sizes does not have one entry per axis");
    ElementsAttr constant = c.getConstant(operands.sizes);
    if (!constant) {
      declared = c.getDeclaredShape(0);
      if (!declared || declared->size() != shape.size())
        return c.refuse("sizes is a run-time value",
                        "a constant, or a declared result shape");
    }
    SmallVector<int64_t> sizes;
    if (constant) {
      FailureOr<SmallVector<int64_t>> given = getConstantIntegers(constant);
      if (failed(given))
        return c.refuse("sizes cannot be read");
      sizes = *given;
    } else {
      for (int64_t axis : axes)
        sizes.push_back((*declared)[axis]);
    }
    scales.assign(rank, 1.0f);
    if (policy == "stretch") {
      for (auto [axis, size] : llvm::zip_equal(axes, sizes)) {
        scales[axis] = static_cast<float>(static_cast<double>(size) /
                                          static_cast<double>(shape[axis]));
        shape[axis] = size;
      }
    } else if (policy != "not_larger" && policy != "not_smaller") {
      return c.refuse("keep_aspect_ratio_policy is '" + policy + "'",
                      "stretch, not_larger, not_smaller");
    } else if (constant) {
      // One scale for all axes.
      double common = policy == "not_larger" ? INFINITY : 0;
      for (auto [axis, size] : llvm::zip_equal(axes, sizes)) {
        double scale =
            static_cast<double>(size) / static_cast<double>(shape[axis]);
        common = policy == "not_larger" ? std::min(common, scale)
                                        : std::max(common, scale);
      }
      for (int64_t axis : axes) {
        scales[axis] = static_cast<float>(common);
        shape[axis] = static_cast<int64_t>(
            std::floor(common * static_cast<double>(shape[axis]) + 0.5));
      }
    } else {
      scales.clear();
      SmallVector<int64_t> lengths;
      for (int64_t axis : axes)
        lengths.push_back(shape[axis]);
      Value ratios = c.create<DivOp>(
          {c.cast(operands.sizes, f32), c.cast(c.integers(lengths), f32)});
      Value common = c.reduce(
          ratios, policy == "not_larger" ? ReduceKind::Min : ReduceKind::Max,
          {0});
      int64_t count = axes.size();
      Value all = c.create<ExpandOp>(common, c.ints("shape", {count}));
      dynamicScales = spreadOverDimensions(c, all, axes, rank, 1);
      shape = *declared;
    }
  } else {
    return c.refuse("has neither scales nor sizes");
  }

  Value roi;
  if (*coordinates == CoordinateMode::TfCropAndResize) {
    if (!isPresent(operands.roi) || tensorOf(operands.roi).getNumElements() !=
                                        static_cast<int64_t>(2 * axes.size()))
      return c.refuse("roi does not have two entries per axis");
    // Starts and ends, each spread over all dimensions.
    int64_t count = axes.size();
    Value all = c.cast(operands.roi, f32);
    auto half = [&](int64_t begin, double missing) {
      Value part = c.create<SliceOp>(all, {c.ints("offsets", {begin}),
                                           c.ints("sizes", {count}),
                                           c.ints("steps", {1})});
      return part ? spreadOverDimensions(c, part, axes, rank, missing) : part;
    };
    roi =
        c.create<ConcatOp>({half(0, 0), half(count, 1)}, c.integer("axis", 0));
  }

  if (!dynamicScales && ArrayRef(shape) == shapeOf(x) && !roi &&
      llvm::all_of(scales, [](float scale) { return scale == 1.0f; }))
    return c.yield(x);
  SmallVector<Value> all{x};
  for (Value operand : {dynamicScales, roi})
    if (operand)
      all.push_back(operand);
  return c.yield(c.create<ResizeOp>(
      all, {c.ints("shape", shape), floats(c, "scales", scales),
            enumerator<SampleModeAttr>(c, "mode", *mode),
            enumerator<CoordinateModeAttr>(c, "coordinates", *coordinates),
            enumerator<NearestModeAttr>(c, "nearest", *nearest),
            c.f32("cubicCoefficient", c.getFloat("cubic_coeff_a", -0.75)),
            c.boolean("excludeOutside", c.getInt("exclude_outside", 0) != 0),
            c.boolean("antialias", c.getInt("antialias", 0) != 0),
            c.f32("extrapolation", c.getFloat("extrapolation_value", 0)),
            c.segments({1, dynamicScales ? 1 : 0, roi ? 1 : 0})}));
}

static LogicalResult resize(NodeContext &c) {
  return createResize(c, {c[1], c[2], c[3]}, "half_pixel");
}

/// Resize 10 and Upsample: scales only.
static LogicalResult oldResize(NodeContext &c) {
  Value scales = c[1];
  if (std::optional<SmallVector<double>> given = c.getFloats("scales")) {
    SmallVector<float> narrow(given->begin(), given->end());
    scales = c.constant(
        getConstant(RankedTensorType::get({static_cast<int64_t>(narrow.size())},
                                          c.getBuilder().getF32Type()),
                    ArrayRef(reinterpret_cast<const char *>(narrow.data()),
                             narrow.size() * sizeof(float))));
  }
  if (!scales)
    return c.refuse("scales is missing");
  return createResize(c, {{}, scales, {}}, "asymmetric");
}

//===----------------------------------------------------------------------===//
// Samples
//===----------------------------------------------------------------------===//

static LogicalResult gridSample(NodeContext &c) {
  std::string name = c.getString("mode", "linear");
  if (name == "bilinear")
    name = "linear";
  if (name == "bicubic")
    name = "cubic";
  auto mode = symbolizeSampleMode(name);
  auto border = symbolizeBorderMode(c.getString("padding_mode", "zeros"));
  if (!mode || !border)
    return c.refuse("mode or padding_mode is unknown",
                    "linear, nearest, cubic; zeros, border, reflection");
  return c.yield(c.create<GridSampleOp>(
      {c[0], c[1]},
      {enumerator<SampleModeAttr>(c, "mode", *mode),
       enumerator<BorderModeAttr>(c, "border", *border),
       c.boolean("alignCorners", c.getInt("align_corners", 0) != 0)}));
}

/// (theta, size): theta times the points of a regular grid over [-1, 1].
static LogicalResult affineGrid(NodeContext &c) {
  ArrayRef<int64_t> theta = shapeOf(c[0]);
  if (theta.size() != 3 || (theta[1] != 2 && theta[1] != 3) ||
      theta[2] != theta[1] + 1)
    return c.refuse("theta has type " + getTypeName(c[0]),
                    "N x 2 x 3 or N x 3 x 4");
  int64_t spatial = theta[1];
  SmallVector<int64_t> extents;
  std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0);
  if (!c.getConstant(c[1]) && declared &&
      static_cast<int64_t>(declared->size()) == spatial + 2) {
    extents.assign(declared->begin() + 1, declared->end() - 1);
  } else {
    FailureOr<SmallVector<int64_t>> size = c.getIntegers(1, "size");
    if (failed(size))
      return failure();
    if (static_cast<int64_t>(size->size()) != spatial + 2)
      return c.refuse("size does not fit theta",
                      "N, C and the spatial dimensions");
    extents.assign(size->begin() + 2, size->end());
  }
  int64_t points = 1;
  for (int64_t extent : extents)
    if (extent < 0 || llvm::MulOverflow(points, extent, points) ||
        points > (int64_t(1) << 28))
      return c.refuse("size asks for too many points", "up to 2^28");
  // Rows x, y (, z), 1: the last spatial dimension comes first.
  bool isAligned = c.getInt("align_corners", 0) != 0;
  SmallVector<double> grid;
  for (int64_t point = 0; point < points; ++point) {
    int64_t rest = point;
    for (int64_t extent : llvm::reverse(extents)) {
      auto at = static_cast<double>(rest % extent);
      rest /= extent;
      auto size = static_cast<double>(extent);
      grid.push_back(!isAligned   ? (2 * at + 1) / size - 1
                     : extent > 1 ? 2 * at / (size - 1) - 1
                                  : -1);
    }
    grid.push_back(1);
  }
  Type f64 = c.getBuilder().getF64Type();
  Value base = c.cast(c.constant(getConstant(
                          RankedTensorType::get({points, spatial + 1}, f64),
                          ArrayRef(reinterpret_cast<const char *>(grid.data()),
                                   grid.size() * sizeof(double)))),
                      elementOf(c[0]));
  Value y = createMatMul(c, base, c.transpose(c[0], {0, 2, 1}), {}, {});
  SmallVector<int64_t> shape{theta[0]};
  llvm::append_range(shape, extents);
  shape.push_back(spatial);
  return c.yield(c.reshape(y, shape));
}

static LogicalResult roiAlign(NodeContext &c) {
  std::string mode = c.getString("mode", "avg");
  std::string coordinates =
      c.getString("coordinate_transformation_mode",
                  c.opset < 16 ? "output_half_pixel" : "half_pixel");
  if ((mode != "avg" && mode != "max") ||
      (coordinates != "half_pixel" && coordinates != "output_half_pixel"))
    return c.refuse("mode or coordinate_transformation_mode is unknown",
                    "avg, max; half_pixel, output_half_pixel");
  return c.yield(c.create<RoiAlignOp>(
      {c[0], c[1], c[2]},
      {c.integer("height", c.getInt("output_height", 1)),
       c.integer("width", c.getInt("output_width", 1)),
       c.integer("samplingRatio", c.getInt("sampling_ratio", 0)),
       c.f32("spatialScale", c.getFloat("spatial_scale", 1)),
       c.boolean("maximum", mode == "max"),
       c.boolean("halfPixel", coordinates == "half_pixel")}));
}

/// The part around the centre, or x in the middle of zeros.
static LogicalResult centerCropPad(NodeContext &c) {
  int64_t rank = rankOf(c[0]);
  SmallVector<int64_t> axes;
  for (int64_t given :
       c.getInts("axes", llvm::to_vector(llvm::seq<int64_t>(0, rank)))) {
    FailureOr<int64_t> axis = c.normalizeAxis(given, rank);
    if (failed(axis))
      return failure();
    axes.push_back(*axis);
  }
  SmallVector<int64_t> shape(shapeOf(c[0]));
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[1]) && (declared = c.getDeclaredShape(0)) &&
      declared->size() == shape.size()) {
    shape = *declared;
  } else {
    FailureOr<SmallVector<int64_t>> wanted = c.getIntegers(1, "shape");
    if (failed(wanted))
      return failure();
    if (wanted->size() != axes.size())
      return c.refuse("shape does not have one entry per axis");
    for (auto [axis, size] : llvm::zip_equal(axes, *wanted))
      shape[axis] = size;
  }
  SmallVector<int64_t> pads(2 * rank, 0);
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t size = shapeOf(c[0])[dim];
    if (shape[dim] < 0 || shape[dim] > (int64_t(1) << 40))
      return c.refuse("a size is " + Twine(shape[dim]));
    int64_t missing = shape[dim] - size;
    // Where the difference is odd the larger part is at the end.
    pads[dim] = missing >= 0 ? missing / 2 : -(-missing / 2);
    pads[rank + dim] = missing - pads[dim];
  }
  return c.yield(c.create<PadOp>({c[0], c.splat(elementOf(c[0]), 0)},
                                 c.ints("pads", pads)));
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

static LogicalResult convTranspose(NodeContext &c) {
  int64_t rank = rankOf(c[0]);
  if (rank < 3 || rankOf(c[1]) != rank)
    return c.refuse("x has rank " + Twine(rank) + " and w rank " +
                        Twine(rankOf(c[1])),
                    "equal ranks of at least 3");
  ArrayRef<int64_t> x = shapeOf(c[0]).drop_front(2),
                    kernel = shapeOf(c[1]).drop_front(2);
  size_t spatial = x.size();
  if (std::optional<SmallVector<int64_t>> given = c.getInts("kernel_shape"))
    if (ArrayRef<int64_t>(*given) != kernel)
      return c.refuse("kernel_shape differs from the weights' shape");
  SmallVector<int64_t> ones(spatial, 1), zeros(spatial, 0);
  SmallVector<int64_t> strides = c.getInts("strides", ones),
                       dilations = c.getInts("dilations", ones),
                       extra = c.getInts("output_padding", zeros),
                       pads = c.getInts("pads",
                                        SmallVector<int64_t>(2 * spatial, 0));
  std::optional<SmallVector<int64_t>> wanted = c.getInts("output_shape");
  // Some models give the whole shape.
  if (wanted && wanted->size() == spatial + 2)
    wanted->erase(wanted->begin(), wanted->begin() + 2);
  auto isSane = [](int64_t value) {
    return value >= 0 && value <= (int64_t(1) << 31);
  };
  if (strides.size() != spatial || dilations.size() != spatial ||
      extra.size() < spatial || pads.size() != 2 * spatial ||
      (wanted && wanted->size() != spatial) || !llvm::all_of(strides, isSane) ||
      !llvm::all_of(dilations, isSane) || !llvm::all_of(extra, isSane) ||
      !llvm::all_of(pads, isSane) || (wanted && !llvm::all_of(*wanted, isSane)))
    return c.refuse("strides, dilations, pads, output_padding or output_shape "
                    "do not fit the input");
  std::string mode = c.getString("auto_pad", "NOTSET");
  bool isSame = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  SmallVector<int64_t> shape, begins;
  for (size_t d = 0; d < spatial; ++d) {
    int64_t full =
        strides[d] * (x[d] - 1) + extra[d] + (kernel[d] - 1) * dilations[d] + 1;
    if (!wanted && !isSame) {
      bool isValid = mode == "VALID";
      begins.push_back(isValid ? 0 : pads[d]);
      shape.push_back(full - (isValid ? 0 : pads[d] + pads[spatial + d]));
      continue;
    }
    int64_t size = wanted ? (*wanted)[d] : x[d] * strides[d];
    int64_t total = full - size;
    // The half that is rounded up lies at the end for SAME_UPPER, as the
    // operator's text has it.
    // A result larger than the full one is padded: halves round down.
    int64_t half = total >> 1;
    begins.push_back(mode == "SAME_UPPER" ? half : total - half);
    shape.push_back(size);
  }
  SmallVector<Value> operands{c[0], c[1]};
  if (c[2])
    operands.push_back(c[2]);
  return c.yield(c.create<ConvTransposeOp>(
      operands, {c.ints("strides", strides), c.ints("pads", begins),
                 c.ints("dilations", dilations), c.ints("shape", shape),
                 c.integer("group", c.getInt("group", 1))}));
}

static LogicalResult deformConv(NodeContext &c) {
  if (rankOf(c[0]) != 4 || rankOf(c[1]) != 4)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 4");
  FailureOr<Window> window =
      getWindow(c, shapeOf(c[0]).drop_front(2), shapeOf(c[1]).drop_front(2));
  if (failed(window))
    return failure();
  SmallVector<Value> operands{c[0], c[1], c[2]};
  for (Value optional : {c[3], c[4]})
    if (optional)
      operands.push_back(optional);
  return c.yield(c.create<DeformConvOp>(
      operands,
      {c.ints("strides", window->strides), c.ints("pads", window->pads),
       c.ints("dilations", window->dilations),
       c.integer("group", c.getInt("group", 1)),
       c.integer("offsetGroup", c.getInt("offset_group", 1)),
       c.segments({1, 1, 1, c[3] ? 1 : 0, c[4] ? 1 : 0})}));
}

static LogicalResult col2Im(NodeContext &c) {
  SmallVector<int64_t> image, block;
  if (c.getConstant(c[1])) {
    FailureOr<SmallVector<int64_t>> given = c.getIntegers(1, "image_shape");
    if (failed(given))
      return failure();
    image = *given;
  } else if (auto declared = c.getDeclaredShape(0);
             declared && declared->size() > 2) {
    image.assign(declared->begin() + 2, declared->end());
  } else {
    return c.refuse("image_shape is a run-time value",
                    "a constant, or a declared result shape");
  }
  size_t spatial = image.size();
  SmallVector<int64_t> ones(spatial, 1);
  SmallVector<int64_t> strides = c.getInts("strides", ones),
                       dilations = c.getInts("dilations", ones),
                       pads = c.getInts("pads",
                                        SmallVector<int64_t>(2 * spatial, 0));
  if (c.getConstant(c[2])) {
    FailureOr<SmallVector<int64_t>> given = c.getIntegers(2, "block_shape");
    if (failed(given))
      return failure();
    block = *given;
  } else {
    // The only block of its size whose windows are as many as x has.
    auto declared = c.getDeclaredShape(0);
    if (!declared || rankOf(c[0]) != 3 || (*declared)[1] < 1 || spatial > 3 ||
        strides.size() != spatial || dilations.size() != spatial ||
        pads.size() != 2 * spatial)
      return c.refuse("block_shape is a run-time value", "a constant");
    int64_t blockSize = shapeOf(c[0])[1] / (*declared)[1],
            windows = shapeOf(c[0])[2];
    SmallVector<SmallVector<int64_t>> found;
    SmallVector<int64_t> current;
    std::function<void(int64_t, int64_t)> search = [&](int64_t size,
                                                       int64_t count) {
      size_t d = current.size();
      if (d == spatial) {
        if (size == 1 && count == windows)
          found.push_back(current);
        return;
      }
      for (int64_t extent = 1; extent <= size; ++extent) {
        if (size % extent != 0 || strides[d] < 1)
          continue;
        int64_t room = image[d] + pads[d] + pads[spatial + d] -
                       dilations[d] * (extent - 1) - 1;
        if (room < 0)
          continue;
        current.push_back(extent);
        search(size / extent, count * (room / strides[d] + 1));
        current.pop_back();
      }
    };
    if (blockSize > 0 && blockSize < 4096)
      search(blockSize, 1);
    if (found.size() != 1)
      return c.refuse("block_shape is a run-time value",
                      "a constant, or shapes that only one block fits");
    block = found.front();
  }
  return c.yield(c.create<Col2ImOp>(
      c[0], {c.ints("image", image), c.ints("block", block),
             c.ints("strides", strides), c.ints("pads", pads),
             c.ints("dilations", dilations)}));
}

void qc::registerImageHandlers(HandlerTable &table) {
  table.add("Upsample", 7, 1, oldResize);
  table.add("Resize", 10, 2, oldResize);
  table.add("Resize", 11, 1, resize);
  table.add("GridSample", 16, 2, gridSample);
  table.add("AffineGrid", 20, 2, affineGrid);
  table.add("RoiAlign", 10, 3, roiAlign);
  table.add("CenterCropPad", 18, 2, centerCropPad);
  table.add("ConvTranspose", 1, 2, convTranspose);
  table.add("DeformConv", 19, 3, deformConv);
  table.add("Col2Im", 18, 3, col2Im);
}
