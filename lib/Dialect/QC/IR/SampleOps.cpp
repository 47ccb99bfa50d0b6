// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sampling at computed points, pooling of regions, deformable convolution:
// inference and reference meaning.

#include "Interpolation.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// GridSampleOp
//===----------------------------------------------------------------------===//

LogicalResult GridSampleOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()),
                    grid = shapeOf(adaptor.getGrid());
  if (x.size() < 3 || x.size() != grid.size() || x[0] != grid[0] ||
      grid.back() != static_cast<int64_t>(x.size()) - 2)
    return emitOptionalError(loc, "grid does not fit x");
  SmallVector<int64_t> shape(x.take_front(2));
  llvm::append_range(shape, grid.drop_front().drop_back());
  auto type = RankedTensorType::get(shape, elementOf(adaptor.getX()));
  if (type.getNumElements() != 0 &&
      tensorOf(adaptor.getX()).getNumElements() == 0)
    return emitOptionalError(loc, "samples an empty tensor");
  types.push_back(type);
  return success();
}

bool GridSampleOp::isLaneTransparent(unsigned dim) { return dim == 1; }
int64_t GridSampleOp::getElementCost() {
  return getMode() == SampleMode::Cubic ? 256 : 32;
}

/// Mirrors `x` at `low` and `high` until it lies between.
static Value reflect(Floats f, Value x, double low, double high) {
  Emitter &e = f.e;
  if (high <= low)
    return f(low);
  Value range = f(high - low);
  Value isBelow = f.less(x, f(low)), isAbove = f.less(f(high), x);
  Value excess = e.select(isBelow, e.sub(f(low), x), e.sub(x, f(high)));
  Value turns = f.floor(f.div(excess, range));
  Value rest = e.sub(excess, e.mul(turns, range));
  Value half = e.mul(turns, f(0.5));
  Value isEven = e.compare(arith::CmpFPredicate::OEQ, half, f.floor(half));
  // An even number of turns below, or an odd one above, counts from low.
  Value fromLow = e.create<arith::XOrIOp>(
      {isEven, e.create<arith::XOrIOp>(
                   {isBelow, e.constantInt(e.builder.getI1Type(), 1)})});
  Value mirrored = e.select(fromLow, e.add(f(low), rest), e.sub(f(high), rest));
  return e.select(e.create<arith::OrIOp>({isBelow, isAbove}), mirrored, x);
}

Value GridSampleOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> spatial = shapeOf(getX()).drop_front(2);
  Type compute = getComputeType(elementOf(getX()));
  Floats f{e, compute};
  SmallVector<Value> at{indices[0]};
  llvm::append_range(at, indices.drop_front(2));
  at.push_back({});
  bool align = getAlignCorners();
  SmallVector<SmallVector<Tap>> taps;
  for (auto [d, size] : llvm::enumerate(spatial)) {
    // The grid counts dimensions from the last.
    at.back() = e.index(spatial.size() - 1 - d);
    Value normal = e.convert(e.read(1, at), false, compute, false);
    Value position =
        align ? e.mul(e.mul(e.add(normal, f(1)), f(0.5)), f(size - 1))
              : e.mul(e.sub(e.mul(e.add(normal, f(1)), f(size)), f(1)), f(0.5));
    if (getMode() == SampleMode::Nearest)
      position = e.create<math::RoundEvenOp>({position});
    double low = align ? 0 : -0.5, high = align ? size - 1.0 : size - 0.5;
    if (getBorder() == BorderMode::Border)
      position = f.clamp(position, f(0), f(size - 1));
    else if (getBorder() == BorderMode::Reflection)
      position = reflect(f, position, low, high);
    SmallVector<Tap> around;
    if (getMode() == SampleMode::Nearest)
      around.push_back({toIndex(e, position), {}});
    else
      around = getTaps(f, position, getMode(), -0.75);
    for (Tap &tap : around) {
      if (getBorder() == BorderMode::Reflection) {
        Value number = toFloat(e, tap.position, compute);
        tap.position = toIndex(e, reflect(f, number, low, high));
      } else if (getBorder() == BorderMode::Zeros) {
        Value inside =
            e.compare(arith::CmpIPredicate::ult, tap.position, e.index(size));
        tap.weight = e.select(inside, tap.weight ? tap.weight : f(1), f(0));
      }
      tap.position = clampIndex(e, tap.position, size);
    }
    taps.push_back(std::move(around));
  }
  return interpolate(e, taps, [&](ArrayRef<Value> positions) {
    SmallVector<Value> source(indices.take_front(2));
    llvm::append_range(source, positions);
    return e.read(0, source);
  });
}

//===----------------------------------------------------------------------===//
// Bilinear samples with zero outside
//===----------------------------------------------------------------------===//

namespace {

/// Four neighbours and their weights.
struct Bilinear {
  Value y[2], x[2], weightY[2], weightX[2];
};

} // namespace

/// Neighbours outside have weight 0.
static Bilinear sampleOrZero(Floats f, Value y, Value x, int64_t height,
                             int64_t width) {
  Emitter &e = f.e;
  Bilinear result;
  auto place = [&](Value position, int64_t size, Value *at, Value *weights) {
    SmallVector<Tap> taps = getTaps(f, position, SampleMode::Linear, 0);
    for (int i = 0; i < 2; ++i) {
      Value inside =
          e.compare(arith::CmpIPredicate::ult, taps[i].position, e.index(size));
      weights[i] = e.select(inside, taps[i].weight, f(0));
      at[i] = clampIndex(e, taps[i].position, size);
    }
  };
  place(y, height, result.y, result.weightY);
  place(x, width, result.x, result.weightX);
  return result;
}

//===----------------------------------------------------------------------===//
// RoiAlignOp
//===----------------------------------------------------------------------===//

LogicalResult RoiAlignOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  ArrayRef<int64_t> rois = shapeOf(adaptor.getRois());
  if (x.getRank() != 4 || rois.size() != 2 || rois[1] != 4 ||
      elementOf(adaptor.getRois()) != x.getElementType() ||
      shapeOf(adaptor.getBatches()) != ArrayRef<int64_t>{rois[0]})
    return emitOptionalError(
        loc, "expects x of rank 4, rois of R x 4 and R batch indices");
  constexpr int64_t limit = int64_t(1) << 24;
  if (adaptor.getHeight() < 1 || adaptor.getHeight() > limit ||
      adaptor.getWidth() < 1 || adaptor.getWidth() > limit ||
      adaptor.getSamplingRatio() < 0 || adaptor.getSamplingRatio() > limit)
    return emitOptionalError(loc,
                             "height, width or samplingRatio is out of range");
  if (x.getNumElements() == 0)
    return emitOptionalError(loc, "x is empty");
  types.push_back(RankedTensorType::get(
      {rois[0], x.getDimSize(1), adaptor.getHeight(), adaptor.getWidth()},
      x.getElementType()));
  return success();
}

bool RoiAlignOp::isLaneTransparent(unsigned dim) { return dim == 1; }
int64_t RoiAlignOp::getElementCost() {
  int64_t ratio = std::max<int64_t>(getSamplingRatio(), 2);
  return 32 * ratio * ratio;
}

Value RoiAlignOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX());
  int64_t height = x[2], width = x[3];
  Floats f{e, getComputeType(elementOf(getX()))};
  Value batch = clampIndex(e, readIndex(e, 2, getBatches(), indices[0]), x[0]);
  double scale = getSpatialScale().convertToFloat();
  double offset = getHalfPixel() ? 0.5 : 0.0;
  auto corner = [&](int64_t which) {
    Value value = e.read(1, {indices[0], e.index(which)});
    return e.sub(e.mul(value, f(scale)), f(offset));
  };
  struct Side {
    Value start, bin, points, count; // points: as an index, count: as a float
  };
  auto side = [&](int64_t first, int64_t pooled) {
    Side s;
    s.start = corner(first);
    Value extent = e.sub(corner(first + 2), s.start);
    if (!getHalfPixel())
      extent = e.max(extent, f(1), false);
    s.bin = f.div(extent, f(pooled));
    s.count = getSamplingRatio() > 0 ? f(getSamplingRatio())
                                     : f.ceil(f.div(extent, f(pooled)));
    s.points = toIndex(e, s.count);
    return s;
  };
  Side sideY = side(1, getHeight()), sideX = side(0, getWidth());
  auto sampleAt = [&](const Side &s, Value bin, Value point) {
    Value origin = e.add(s.start, e.mul(toFloat(e, bin, f.type), s.bin));
    Value step =
        e.mul(e.add(toFloat(e, point, f.type), f(0.5)), f.div(s.bin, s.count));
    return e.add(origin, step);
  };
  auto isFar = [&](Value position, int64_t size) {
    return e.create<arith::OrIOp>(
        {f.less(position, f(-1)), f.less(f(size), position)});
  };
  // The number of points may be known only at run time.
  Value first =
      e.splat(f(getMaximum() ? -std::numeric_limits<double>::infinity() : 0));
  auto sum = [&](Value count, Value init,
                 llvm::function_ref<Value(Value, Value)> body) {
    auto loop = scf::ForOp::create(e.builder, e.loc, e.index(0), count,
                                   e.index(1), ValueRange{init});
    OpBuilder::InsertionGuard guard(e.builder);
    e.builder.setInsertionPointToEnd(loop.getBody());
    Value next = body(loop.getInductionVar(), loop.getRegionIterArgs()[0]);
    scf::YieldOp::create(e.builder, e.loc, next);
    return loop.getResult(0);
  };
  Value total = sum(sideY.points, first, [&](Value iy, Value rows) {
    return sum(sideX.points, rows, [&](Value ix, Value partial) {
      Value y = sampleAt(sideY, indices[2], iy);
      Value px = sampleAt(sideX, indices[3], ix);
      Value far = e.create<arith::OrIOp>({isFar(y, height), isFar(px, width)});
      y = f.clamp(y, f(0), f(height - 1));
      px = f.clamp(px, f(0), f(width - 1));
      Bilinear b = sampleOrZero(f, y, px, height, width);
      Value value;
      for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
          Value weight = e.mul(b.weightY[i], b.weightX[j]);
          Value term =
              e.mul(weight, e.read(0, {batch, indices[1], b.y[i], b.x[j]}));
          // As ONNX has it: the maximum is over weighted neighbours.
          value = !value         ? term
                  : getMaximum() ? e.max(value, term, false)
                                 : e.add(value, term);
        }
      value = e.select(far, f(0), value);
      return getMaximum() ? e.max(partial, value, false)
                          : e.add(partial, value);
    });
  });
  Value count = e.mul(sideY.count, sideX.count);
  if (!getMaximum())
    return f.div(total, e.max(count, f(1), false));
  // A region without points.
  return e.select(f.less(count, f(1)), f(0), total);
}

//===----------------------------------------------------------------------===//
// DeformConvOp
//===----------------------------------------------------------------------===//

LogicalResult DeformConvOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  RankedTensorType xType = tensorOf(adaptor.getX());
  ArrayRef<int64_t> x = xType.getShape(), w = shapeOf(adaptor.getW());
  int64_t group = adaptor.getGroup(), offsets = adaptor.getOffsetGroup();
  if (x.size() != 4 || w.size() != 4 || group < 1 || offsets < 1 ||
      x[1] % group != 0 || x[1] / group != w[1] || w[0] % group != 0 ||
      x[1] % offsets != 0 || xType.getNumElements() == 0)
    return emitOptionalError(loc, "x, w, group and offsetGroup do not fit");
  if (failed(verifyWindow(loc, 2, w.drop_front(2), adaptor.getStrides(),
                          adaptor.getPads(), adaptor.getDilations())))
    return failure();
  SmallVector<int64_t> shape{x[0], w[0]};
  for (size_t d = 0; d < 2; ++d) {
    shape.push_back(windowedSize(
        x[2 + d], w[2 + d], adaptor.getStrides()[d], adaptor.getDilations()[d],
        adaptor.getPads()[d], adaptor.getPads()[2 + d]));
    if (shape.back() < 0)
      return emitOptionalError(loc, "the window does not fit x");
  }
  int64_t points = offsets * w[2] * w[3];
  auto hasShape = [&](Value tensor, ArrayRef<int64_t> expected) {
    return !tensor || (shapeOf(tensor) == expected &&
                       elementOf(tensor) == xType.getElementType());
  };
  if (!hasShape(adaptor.getOffset(), {x[0], 2 * points, shape[2], shape[3]}) ||
      !hasShape(adaptor.getMask(), {x[0], points, shape[2], shape[3]}) ||
      !hasShape(adaptor.getBias(), {w[0]}))
    return emitOptionalError(loc, "offset, mask or bias does not fit");
  types.push_back(RankedTensorType::get(shape, xType.getElementType()));
  return success();
}

bool DeformConvOp::isLaneTransparent(unsigned dim) {
  return dim == 1 && getGroup() == 1;
}
int64_t DeformConvOp::getElementCost() {
  ArrayRef<int64_t> w = shapeOf(getW());
  return 32 * w[1] * w[2] * w[3];
}

Value DeformConvOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  Floats f{e, getComputeType(elementOf(getX()))};
  int64_t perGroup = w[1], outputsPerGroup = w[0] / getGroup();
  int64_t perOffset = x[1] / getOffsetGroup(), points = w[2] * w[3];
  unsigned next = 3;
  unsigned biasOperand = getBias() ? next++ : 0;
  unsigned maskOperand = getMask() ? next++ : 0;
  Value channelBase =
      getGroup() == 1 ? e.index(0)
                      : e.mulIndex(e.create<arith::DivUIOp>(
                                       {indices[1], e.index(outputsPerGroup)}),
                                   perGroup);
  Value sum = e.reduce(
      {perGroup, w[2], w[3]}, e.splat(f(0)), [&](ValueRange k, Value partial) {
        Value channel = e.addIndex(channelBase, k[0]);
        Value point = e.addIndex(e.mulIndex(k[1], w[3]), k[2]);
        if (getOffsetGroup() != 1) {
          Value offsetGroup =
              e.create<arith::DivUIOp>({channel, e.index(perOffset)});
          point = e.addIndex(e.mulIndex(offsetGroup, points), point);
        }
        auto position = [&](int64_t d) {
          Value base = e.addIndex(e.mulIndex(indices[2 + d], getStrides()[d]),
                                  e.mulIndex(k[1 + d], getDilations()[d]));
          base = toFloat(e, e.addIndex(base, -getPads()[d]), f.type);
          Value which = e.addIndex(e.mulIndex(point, 2), d);
          return e.add(base,
                       e.read(2, {indices[0], which, indices[2], indices[3]}));
        };
        Bilinear b = sampleOrZero(f, position(0), position(1), x[2], x[3]);
        Value value;
        for (int i = 0; i < 2; ++i)
          for (int j = 0; j < 2; ++j) {
            Value term =
                e.mul(e.mul(b.weightY[i], b.weightX[j]),
                      e.read(0, {indices[0], channel, b.y[i], b.x[j]}));
            value = value ? e.add(value, term) : term;
          }
        if (maskOperand)
          value = e.mul(value, e.read(maskOperand, {indices[0], point,
                                                    indices[2], indices[3]}));
        Value weight = e.read(1, {indices[1], k[0], k[1], k[2]});
        return e.add(partial, e.mul(value, weight));
      });
  if (getBias())
    sum = e.add(sum, e.read(biasOperand, indices[1]));
  return sum;
}
