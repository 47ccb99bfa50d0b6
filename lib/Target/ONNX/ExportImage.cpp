// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of ops that sample a feature map, and of convolutions that are no
// plain sliding windows.

#include "ExportHandlers.h"

#include <cmath>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Resize
//===----------------------------------------------------------------------===//

namespace {
/// How a node says which shape a Resize has.
struct ResizeTarget {
  bool useScales = false;
  /// Sizes instead; with `axes` of those only, and one scale for all by this
  /// policy.
  SmallVector<int64_t> sizes, axes;
  StringRef policy;
};
} // namespace

/// Scales where every runtime rounds them to the op's shape; otherwise sizes,
/// from which the scales follow; otherwise sizes that bound one common scale
/// whose products are rounded. None if nothing says it.
static std::optional<ResizeTarget> getResizeTarget(ArrayRef<int64_t> from,
                                                   ArrayRef<int64_t> to,
                                                   ArrayRef<float> scales) {
  ResizeTarget target;
  bool roundsDown = true, isRatio = true;
  float common = 1;
  for (auto [old, fresh, scale] : llvm::zip_equal(from, to, scales)) {
    auto wanted = static_cast<double>(fresh);
    roundsDown &= std::floor(static_cast<double>(old) *
                             static_cast<double>(scale)) == wanted &&
                  std::floor(static_cast<float>(old) * scale) ==
                      static_cast<float>(fresh);
    isRatio &= scale == static_cast<float>(wanted / static_cast<double>(old));
    if (scale != 1)
      common = scale;
  }
  if (roundsDown || isRatio) {
    target.useScales = roundsDown;
    target.sizes.assign(to.begin(), to.end());
    return target;
  }
  bool hasExact = false, canShrink = true;
  SmallVector<bool> isInexact;
  for (auto [dim, scale] : llvm::enumerate(scales)) {
    if (scale == 1 && from[dim] == to[dim])
      continue;
    double product =
        static_cast<double>(from[dim]) * static_cast<double>(scale);
    if (scale != common ||
        std::floor(product + 0.5) != static_cast<double>(to[dim]))
      return std::nullopt;
    bool isExact = scale == static_cast<float>(static_cast<double>(to[dim]) /
                                               static_cast<double>(from[dim]));
    hasExact |= isExact;
    canShrink &= isExact || to[dim] > 1;
    target.sizes.push_back(to[dim]);
    target.axes.push_back(dim);
    isInexact.push_back(!isExact);
  }
  if (!hasExact)
    return std::nullopt;
  // The largest (or smallest) ratio is the scale: others must lie below (or
  // above) it. Of the two policies runtimes round halves up for the first.
  target.policy = canShrink ? "not_smaller" : "not_larger";
  for (auto [size, isOther] : llvm::zip_equal(target.sizes, isInexact))
    if (isOther)
      size += canShrink ? -1 : 1;
  return target;
}

static LogicalResult resize(ExportContext &c, ResizeOp op) {
  Term x = c.get(op.getX()), scales = c.get(op.getDynamicScales()), sizes;
  SmallVector<onnx::AttributeProto> attributes{
      c.text("mode", stringifySampleMode(op.getMode())),
      c.text("coordinate_transformation_mode",
             stringifyCoordinateMode(op.getCoordinates()))};
  if (op.getMode() == SampleMode::Nearest)
    attributes.push_back(
        c.text("nearest_mode", stringifyNearestMode(op.getNearest())));
  if (op.getMode() == SampleMode::Cubic)
    attributes.push_back(c.real("cubic_coeff_a", op.getCubicCoefficient()));
  if (op.getExcludeOutside())
    attributes.push_back(c.integer("exclude_outside", 1));
  if (op.getAntialias())
    attributes.push_back(c.integer("antialias", 1));
  if (op.getCoordinates() == CoordinateMode::TfCropAndResize)
    attributes.push_back(c.real("extrapolation_value", op.getExtrapolation()));
  if (op.getCoordinates() == CoordinateMode::HalfPixelSymmetric)
    c.require(19);
  if (op.getCoordinates() == CoordinateMode::TfHalfPixelForNearest)
    return c.refuse("its positions are those of tf_half_pixel_for_nn, which "
                    "ONNX has no longer",
                    "the other coordinate transformations");
  if (!scales) {
    std::optional<ResizeTarget> target =
        getResizeTarget(x.shape(), op.getShape(), op.getScales());
    if (!target)
      return c.refuse("its shape does not follow from its scales",
                      "sizes that are the products with the scales, rounded "
                      "down, or their quotients");
    if (target->useScales)
      scales = c.constant(getConstant(
          RankedTensorType::get({x.rank()},
                                Float32Type::get(c.getOp()->getContext())),
          ArrayRef(reinterpret_cast<const char *>(op.getScales().data()),
                   op.getScales().size() * sizeof(float))));
    else
      sizes = c.constant(target->sizes);
    if (!target->axes.empty()) {
      attributes.push_back(c.integers("axes", target->axes));
      attributes.push_back(c.text("keep_aspect_ratio_policy", target->policy));
    }
  }
  return c.yield(c.node("Resize", {x, c.get(op.getRoi()), scales, sizes},
                        c.getResultType(), attributes));
}

//===----------------------------------------------------------------------===//
// Samples
//===----------------------------------------------------------------------===//

static LogicalResult gridSample(ExportContext &c, GridSampleOp op) {
  // Names of modes are those of images before there were other ranks.
  if (c[0].rank() != 4)
    c.require(20);
  std::string mode = stringifySampleMode(op.getMode()).str();
  if (c.getOpset() < 20 && op.getMode() != SampleMode::Nearest)
    mode = "bi" + mode;
  return c.yield(
      c.node("GridSample", c.getOperands(), c.getResultType(),
             {c.text("mode", mode),
              c.text("padding_mode", stringifyBorderMode(op.getBorder())),
              c.integer("align_corners", op.getAlignCorners())}));
}

static LogicalResult roiAlign(ExportContext &c, RoiAlignOp op) {
  return c.yield(
      c.node("RoiAlign",
             {c.get(op.getX()), c.get(op.getRois()),
              c.cast(c.get(op.getBatches()), c.getIndexType())},
             c.getResultType(),
             {c.text("mode", op.getMaximum() ? "max" : "avg"),
              c.text("coordinate_transformation_mode",
                     op.getHalfPixel() ? "half_pixel" : "output_half_pixel"),
              c.integer("output_height", op.getHeight()),
              c.integer("output_width", op.getWidth()),
              c.integer("sampling_ratio", op.getSamplingRatio()),
              c.real("spatial_scale", op.getSpatialScale())}));
}

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// End pads are what the result's shape leaves; a larger result is padded.
static LogicalResult convTranspose(ExportContext &c, ConvTransposeOp op) {
  Term x = c.get(op.getX()), w = c.get(op.getW());
  ArrayRef<int64_t> kernel = w.shape().drop_front(2);
  SmallVector<int64_t> pads(op.getPads()), padding;
  for (size_t dim = 0; dim < kernel.size(); ++dim) {
    int64_t full = op.getStrides()[dim] * (x.shape()[2 + dim] - 1) +
                   (kernel[dim] - 1) * op.getDilations()[dim] + 1;
    int64_t end = full - op.getShape()[dim] - op.getPads()[dim];
    pads.push_back(std::max<int64_t>(end, 0));
    padding.push_back(std::max<int64_t>(-end, 0));
  }
  SmallVector<onnx::AttributeProto> attributes{
      c.integers("kernel_shape", kernel),
      c.integers("strides", op.getStrides()), c.integers("pads", pads),
      c.integers("dilations", op.getDilations()),
      c.integer("group", op.getGroup())};
  if (llvm::any_of(padding, [](int64_t size) { return size != 0; }))
    attributes.push_back(c.integers("output_padding", padding));
  return c.yield(c.node("ConvTranspose", {x, w, c.get(op.getBias())},
                        c.getResultType(), attributes));
}

static LogicalResult deformConv(ExportContext &c, DeformConvOp op) {
  Term w = c.get(op.getW());
  return c.yield(c.node("DeformConv",
                        {c.get(op.getX()), w, c.get(op.getOffset()),
                         c.get(op.getBias()), c.get(op.getMask())},
                        c.getResultType(),
                        {c.integers("kernel_shape", w.shape().drop_front(2)),
                         c.integers("strides", op.getStrides()),
                         c.integers("pads", op.getPads()),
                         c.integers("dilations", op.getDilations()),
                         c.integer("group", op.getGroup()),
                         c.integer("offset_group", op.getOffsetGroup())}));
}

static LogicalResult col2Im(ExportContext &c, Col2ImOp op) {
  return c.yield(c.node(
      "Col2Im", {c[0], c.constant(op.getImage()), c.constant(op.getBlock())},
      c.getResultType(),
      {c.integers("strides", op.getStrides()), c.integers("pads", op.getPads()),
       c.integers("dilations", op.getDilations())}));
}

void qc::addImageExports(ExportTable &table) {
  table.add<::resize>();
  table.add<gridSample>();
  table.add<roiAlign>();
  table.add<convTranspose>();
  table.add<deformConv>();
  table.add<col2Im>();
}
