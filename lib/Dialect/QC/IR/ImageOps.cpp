// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that sample feature maps, unusual convolutions and pools, einsum and
// determinants: inference and reference meaning.

#include "OpHelpers.h"

#include <cmath>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Interpolation
//===----------------------------------------------------------------------===//

static Value toFloat(Emitter &e, Value index, Type type) {
  Value integer = arith::IndexCastOp::create(e.builder, e.loc,
                                             e.builder.getI64Type(), index);
  return e.convert(integer, false, type, false);
}

/// A float without fraction as an index; far values saturate at 32 bits, so
/// that neighbours do not wrap.
static Value toIndex(Emitter &e, Value number) {
  Value integer = e.convert(number, false, e.builder.getI32Type(), false);
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    integer);
}

namespace {

/// One neighbour along one dimension.
struct Tap {
  Value position, weight;
};

/// Arithmetic on float scalars of one type.
struct Floats {
  Emitter &e;
  Type type;

  Value operator()(double value) const { return e.constant(type, value); }
  Value div(Value lhs, Value rhs) const {
    return e.create<arith::DivFOp>({lhs, rhs});
  }
  Value less(Value lhs, Value rhs) const {
    return e.compare(arith::CmpFPredicate::OLT, lhs, rhs);
  }
  Value abs(Value value) const { return e.create<math::AbsFOp>({value}); }
  Value floor(Value value) const { return e.create<math::FloorOp>({value}); }
  Value ceil(Value value) const { return e.create<math::CeilOp>({value}); }
  Value clamp(Value value, Value low, Value high) const {
    return e.min(e.max(value, low, false), high, false);
  }
};

} // namespace

/// Keys' cubic kernel with coefficient a at distance `x` >= 0.
static Value cubicKernel(Floats f, Value x, double a) {
  Emitter &e = f.e;
  Value near =
      e.add(e.mul(e.mul(e.sub(e.mul(f(a + 2), x), f(a + 3)), x), x), f(1));
  Value far = e.sub(
      e.mul(e.add(e.mul(e.sub(e.mul(f(a), x), f(5 * a)), x), f(8 * a)), x),
      f(4 * a));
  Value result =
      e.select(e.compare(arith::CmpFPredicate::OLE, x, f(1)), near, far);
  return e.select(f.less(x, f(2)), result, f(0));
}

/// The neighbours of `position` along one dimension: 2 (linear) or 4 (cubic),
/// not yet moved into the dimension.
static SmallVector<Tap> getTaps(Floats f, Value position, SampleMode mode,
                                double cubicCoefficient) {
  Emitter &e = f.e;
  Value base = f.floor(position);
  Value ratio = e.sub(position, base);
  Value first = toIndex(e, base);
  if (mode == SampleMode::Linear)
    return {{first, e.sub(f(1), ratio)}, {e.addIndex(first, 1), ratio}};
  SmallVector<Tap> taps;
  for (int64_t offset = -1; offset <= 2; ++offset) {
    Value distance = f.abs(e.sub(f(offset), ratio));
    taps.push_back({e.addIndex(first, offset),
                    cubicKernel(f, distance, cubicCoefficient)});
  }
  return taps;
}

/// The weighted sum over all combinations of taps.
static Value interpolate(Emitter &e, ArrayRef<SmallVector<Tap>> taps,
                         llvm::function_ref<Value(ArrayRef<Value>)> read) {
  SmallVector<Value> positions;
  std::function<Value()> sum = [&]() -> Value {
    if (positions.size() == taps.size())
      return read(positions);
    Value total;
    for (const Tap &tap : taps[positions.size()]) {
      positions.push_back(tap.position);
      Value term = sum();
      positions.pop_back();
      if (tap.weight)
        term = e.mul(tap.weight, term);
      total = total ? e.add(total, term) : term;
    }
    return total;
  };
  return sum();
}

//===----------------------------------------------------------------------===//
// ResizeOp
//===----------------------------------------------------------------------===//

LogicalResult ResizeOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  int64_t rank = x.getRank();
  if (failed(verifySizes(loc, adaptor.getShape(), rank)))
    return failure();
  auto type = RankedTensorType::get(adaptor.getShape(), x.getElementType());
  if (type.getNumElements() != 0 && x.getNumElements() == 0)
    return emitOptionalError(loc, "resizes an empty tensor");
  auto hasEntries = [](Value tensor, int64_t count) {
    return tensorOf(tensor).getRank() == 1 && shapeOf(tensor)[0] == count;
  };
  bool positive = llvm::all_of(adaptor.getScales(), [](float scale) {
    return scale > 0 && std::isfinite(scale);
  });
  if (adaptor.getDynamicScales()
          ? !adaptor.getScales().empty() ||
                !hasEntries(adaptor.getDynamicScales(), rank)
          : static_cast<int64_t>(adaptor.getScales().size()) != rank ||
                !positive)
    return emitOptionalError(loc, "needs one positive scale per dimension");
  bool needsRoi = adaptor.getCoordinates() == CoordinateMode::TfCropAndResize;
  if (needsRoi != static_cast<bool>(adaptor.getRoi()) ||
      (needsRoi && !hasEntries(adaptor.getRoi(), 2 * rank)))
    return emitOptionalError(
        loc, "needs a roi for tf_crop_and_resize and only for that");
  types.push_back(type);
  return success();
}

bool ResizeOp::isLaneTransparent(unsigned dim) {
  // A dimension that is not resized is read at the result's own index.
  return shapeOf(getX())[dim] == getShape()[dim] && !getScales().empty() &&
         getScales()[dim] == 1.0f &&
         getCoordinates() != CoordinateMode::TfCropAndResize;
}

int64_t ResizeOp::getElementCost() {
  int64_t cost = 8;
  for (auto [from, to] : llvm::zip_equal(shapeOf(getX()), getShape()))
    if (from != to)
      cost *= getMode() == SampleMode::Nearest  ? 1
              : getMode() == SampleMode::Linear ? 2
                                                : 4;
  return cost;
}

/// Where result position `index` of dimension `dim` lies in x.
static Value resizeCoordinate(Floats f, ResizeOp op, int64_t dim, Value index,
                              Value scale, Value roiStart, Value roiEnd) {
  Emitter &e = f.e;
  double input = shapeOf(op.getX())[dim], output = op.getShape()[dim];
  Value x = toFloat(e, index, f.type);
  Value length; // of the result before it was rounded
  if (op.getScales().empty()) {
    length = e.mul(scale, f(input));
  } else {
    double exact = static_cast<double>(op.getScales()[dim]) * input;
    // Scales that come from sizes are quotients rounded to f32.
    length = f(std::abs(exact - output) < 1e-5 * output ? output : exact);
  }
  auto halfPixel = [&] {
    return e.sub(f.div(e.add(x, f(0.5)), scale), f(0.5));
  };
  auto ifSingle = [&](Value onTrue, Value onFalse) {
    return e.select(e.compare(arith::CmpFPredicate::OEQ, length, f(1)), onTrue,
                    onFalse);
  };
  switch (op.getCoordinates()) {
  case CoordinateMode::HalfPixel:
    return halfPixel();
  case CoordinateMode::HalfPixelSymmetric: {
    Value adjustment = f.div(f(output), length);
    Value offset = e.mul(f(input / 2), e.sub(f(1), adjustment));
    return e.add(offset, halfPixel());
  }
  case CoordinateMode::PytorchHalfPixel:
    return ifSingle(f(-0.5), halfPixel());
  case CoordinateMode::AlignCorners:
    return ifSingle(f(0), f.div(e.mul(x, f(input - 1)), e.sub(length, f(1))));
  case CoordinateMode::Asymmetric:
    return f.div(x, scale);
  case CoordinateMode::TfHalfPixelForNearest:
    return f.div(e.add(x, f(0.5)), scale);
  case CoordinateMode::TfCropAndResize:
    break;
  }
  Value extent = e.mul(e.sub(roiEnd, roiStart), f(input - 1));
  Value inside = ifSingle(e.mul(extent, f(0.5)),
                          f.div(e.mul(x, extent), e.sub(length, f(1))));
  return e.add(inside, e.mul(roiStart, f(input - 1)));
}

Value ResizeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX()), shape = getShape();
  int64_t rank = x.size();
  Type element = elementOf(getX()), compute = getComputeType(element);
  Floats f{e, compute.isF64() ? compute : Type(e.builder.getF32Type())};
  double a = getCubicCoefficient().convertToFloat();
  unsigned roiOperand = getDynamicScales() ? 2 : 1;

  // The dimensions that are resampled.
  SmallVector<int64_t> dims;
  SmallVector<Value> positions, scales;
  Value isOutside;
  for (int64_t dim = 0; dim < rank; ++dim) {
    if ((x[dim] == 1 && shape[dim] == 1) || isLaneTransparent(dim))
      continue;
    Value scale = getScales().empty()
                      ? e.convert(e.read(1, e.index(dim)), false, f.type, false)
                      : f(getScales()[dim]);
    Value roiStart, roiEnd;
    bool isCrop = getCoordinates() == CoordinateMode::TfCropAndResize;
    if (isCrop) {
      roiStart =
          e.convert(e.read(roiOperand, e.index(dim)), false, f.type, false);
      roiEnd = e.convert(e.read(roiOperand, e.index(rank + dim)), false, f.type,
                         false);
    }
    Value position =
        resizeCoordinate(f, *this, dim, indices[dim], scale, roiStart, roiEnd);
    if (isCrop) {
      Value outside = e.create<arith::OrIOp>(
          {f.less(position, f(0)), f.less(f(x[dim] - 1), position)});
      isOutside =
          isOutside ? e.create<arith::OrIOp>({isOutside, outside}) : outside;
    }
    dims.push_back(dim);
    positions.push_back(position);
    scales.push_back(scale);
  }
  auto readAt = [&](ArrayRef<Value> sampled) {
    SmallVector<Value> source(indices);
    for (auto [dim, position] : llvm::zip_equal(dims, sampled))
      source[dim] = clampIndex(e, position, x[dim]);
    return e.read(0, source);
  };
  auto readFloat = [&](ArrayRef<Value> sampled) {
    return e.convert(readAt(sampled), isUnsignedElement(element), f.type,
                     false);
  };
  auto isWithin = [&](Value position, int64_t size) {
    return e.compare(arith::CmpIPredicate::ult, position, e.index(size));
  };

  Value result;
  if (getMode() == SampleMode::Nearest) {
    SmallVector<Value> nearest;
    for (Value position : positions) {
      switch (getNearest()) {
      case NearestMode::RoundPreferFloor:
        position = f.ceil(e.sub(position, f(0.5)));
        break;
      case NearestMode::RoundPreferCeil:
        position = f.floor(e.add(position, f(0.5)));
        break;
      case NearestMode::Floor:
        position = f.floor(position);
        break;
      case NearestMode::Ceil:
        position = f.ceil(position);
        break;
      }
      nearest.push_back(toIndex(e, position));
    }
    result = readAt(nearest);
    if (!isOutside)
      return result;
    result = e.convert(result, isUnsignedElement(element), f.type, false);
  } else if (getAntialias()) {
    // The filter is as wide as 1 / scale: loops over the neighbours, with the
    // sum of weights beside the sum. Resized lengths bound the scales.
    bool isCubic = getMode() == SampleMode::Cubic;
    SmallVector<int64_t> extents, reaches;
    SmallVector<Value> bases, filters;
    for (auto [dim, position, scale] :
         llvm::zip_equal(dims, positions, scales)) {
      double widening = getScales().empty()
                            ? x[dim] / std::max(shape[dim] - 0.5, 0.5)
                            : 1.0 / static_cast<double>(getScales()[dim]);
      double reach = std::ceil((isCubic ? 2 : 1) * std::max(widening, 1.0));
      // Beyond the edge an element repeats: more than x's length is never
      // needed on one side of a filter that is clamped into it.
      reaches.push_back(static_cast<int64_t>(
          std::min(reach, 4.0 * static_cast<double>(x[dim]) + 4)));
      extents.push_back(2 * reaches.back() + 1);
      Value base = f.floor(position);
      bases.push_back(toIndex(e, base));
      filters.push_back(e.min(scale, f(1), false));
    }
    SmallVector<Value> sums = e.loops(
        extents, {f(0), f(0)},
        [&](ValueRange k, ValueRange carried) -> SmallVector<Value> {
          Value weight = f(1);
          SmallVector<Value> at;
          for (size_t d = 0; d < dims.size(); ++d) {
            Value neighbour =
                e.addIndex(e.addIndex(bases[d], k[d]), -reaches[d]);
            Value distance =
                e.mul(f.abs(e.sub(toFloat(e, neighbour, f.type), positions[d])),
                      filters[d]);
            Value part = isCubic ? cubicKernel(f, distance, a)
                                 : e.max(e.sub(f(1), distance), f(0), false);
            if (getExcludeOutside())
              part = e.select(isWithin(neighbour, x[dims[d]]), part, f(0));
            weight = e.mul(weight, part);
            at.push_back(neighbour);
          }
          return {e.add(carried[0], e.mul(weight, readFloat(at))),
                  e.add(carried[1], weight)};
        });
    result = f.div(sums[0], sums[1]);
  } else {
    SmallVector<SmallVector<Tap>> taps;
    for (auto [dim, position] : llvm::zip_equal(dims, positions)) {
      SmallVector<Tap> around = getTaps(f, position, getMode(), a);
      if (getExcludeOutside()) {
        Value sum = f(0);
        for (Tap &tap : around) {
          tap.weight =
              e.select(isWithin(tap.position, x[dim]), tap.weight, f(0));
          sum = e.add(sum, tap.weight);
        }
        for (Tap &tap : around)
          tap.weight = f.div(tap.weight, sum);
      }
      taps.push_back(std::move(around));
    }
    result = interpolate(e, taps, readFloat);
  }
  if (isOutside)
    result =
        e.select(isOutside, f(getExtrapolation().convertToFloat()), result);
  return e.convert(result, false, compute, isUnsignedElement(element));
}

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

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

LogicalResult LpPoolOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape = inferPoolShape(
      loc, shapeOf(adaptor.getX()), adaptor.getKernel(), adaptor.getStrides(),
      adaptor.getPads(), adaptor.getDilations());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(*shape, elementOf(adaptor.getX())));
  return success();
}

LogicalResult LpPoolOp::verify() {
  if (getP() < 1 || !isa<FloatType>(elementOf(getX())))
    return emitOpError("p must be positive and x a float tensor");
  return success();
}

bool LpPoolOp::isLaneTransparent(unsigned dim) { return dim < 2; }
int64_t LpPoolOp::getElementCost() {
  int64_t cost = 64;
  for (int64_t size : getKernel())
    cost *= size;
  return cost;
}

Value LpPoolOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type compute = getComputeType(elementOf(getX()));
  Value zero = e.constant(compute, 0);
  Value sum =
      e.reduce(getKernel(), e.splat(zero), [&](ValueRange k, Value partial) {
        SmallVector<Value> index(indices.take_front(2));
        Value inside = windowIndices(
            e, indices.drop_front(2), k, shapeOf(getX()).drop_front(2),
            getStrides(), getPads(), getDilations(), getKernel(), index);
        Value x = e.create<math::AbsFOp>({e.read(0, index)});
        if (inside)
          x = e.select(inside, x, zero);
        Value power = x;
        if (getP() == 2)
          power = e.mul(x, x);
        else if (getP() != 1)
          power = e.create<math::PowFOp>({x, e.constant(compute, getP())});
        return e.add(partial, power);
      });
  if (getP() == 1)
    return sum;
  if (getP() == 2)
    return e.create<math::SqrtOp>({sum});
  return e.create<math::PowFOp>(
      {sum, e.constant(compute, 1.0 / static_cast<double>(getP()))});
}

LogicalResult MaxPoolIndexOp::inferReturnTypes(MLIRContext *context,
                                               std::optional<Location> loc,
                                               Adaptor adaptor,
                                               SmallVectorImpl<Type> &types) {
  FailureOr<SmallVector<int64_t>> shape = inferPoolShape(
      loc, shapeOf(adaptor.getX()), adaptor.getKernel(), adaptor.getStrides(),
      adaptor.getPads(), adaptor.getDilations());
  if (failed(shape))
    return failure();
  types.push_back(RankedTensorType::get(
      *shape, IntegerType::get(context, 64, IntegerType::Signed)));
  return success();
}

LogicalResult MaxPoolIndexOp::verify() { return success(); }
bool MaxPoolIndexOp::isLaneTransparent(unsigned) { return false; }
int64_t MaxPoolIndexOp::getElementCost() {
  int64_t cost = 4;
  for (int64_t size : getKernel())
    cost *= size;
  return cost;
}

Value MaxPoolIndexOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX());
  Type element = elementOf(getX());
  SmallVector<Value> found = e.loops(
      getKernel(), {e.constant(getComputeType(element), 0), e.index(-1)},
      [&](ValueRange k, ValueRange best) -> SmallVector<Value> {
        SmallVector<Value> index(indices.take_front(2));
        Value inside = windowIndices(e, indices.drop_front(2), k,
                                     x.drop_front(2), getStrides(), getPads(),
                                     getDilations(), getKernel(), index);
        Value value = e.read(0, index);
        Value position = e.index(0);
        for (size_t d = 0; d < 2; ++d)
          position = e.addIndex(e.mulIndex(position, x[d]), index[d]);
        size_t spatial = x.size() - 2;
        for (size_t d = 0; d < spatial; ++d) {
          size_t dim = 2 + (getColumnMajor() ? spatial - 1 - d : d);
          position = e.addIndex(e.mulIndex(position, x[dim]), index[dim]);
        }
        Value isFirst =
            e.compare(arith::CmpIPredicate::slt, best[1], e.index(0));
        Value better;
        if (isa<FloatType>(element))
          better = e.compare(arith::CmpFPredicate::OGT, value, best[0]);
        else
          better =
              e.compare(isUnsignedElement(element) ? arith::CmpIPredicate::ugt
                                                   : arith::CmpIPredicate::sgt,
                        value, best[0]);
        better = e.create<arith::OrIOp>({better, isFirst});
        if (inside)
          better = e.create<arith::AndIOp>({better, inside});
        return {e.select(better, value, best[0]),
                e.select(better, position, best[1])};
      });
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                    found[1]);
}

//===----------------------------------------------------------------------===//
// ConvTransposeOp, Col2ImOp
//===----------------------------------------------------------------------===//

LogicalResult ConvTransposeOp::inferReturnTypes(MLIRContext *,
                                                std::optional<Location> loc,
                                                Adaptor adaptor,
                                                SmallVectorImpl<Type> &types) {
  RankedTensorType xType = tensorOf(adaptor.getX());
  ArrayRef<int64_t> x = xType.getShape(), w = shapeOf(adaptor.getW());
  int64_t group = adaptor.getGroup();
  if (x.size() < 3 || x.size() != w.size() || x[1] != w[0] || group < 1 ||
      x[1] % group != 0 || elementOf(adaptor.getW()) != xType.getElementType())
    return emitOptionalError(loc, "x, w and group do not fit");
  size_t spatial = x.size() - 2;
  SmallVector<int64_t> noPads(2 * spatial, 0);
  if (adaptor.getPads().size() != spatial ||
      failed(verifyWindow(loc, spatial, w.drop_front(2), adaptor.getStrides(),
                          noPads, adaptor.getDilations())) ||
      failed(verifySizes(loc, adaptor.getShape(), spatial)))
    return emitOptionalError(loc, "window or shape do not fit x");
  SmallVector<int64_t> shape{x[0], 0};
  if (llvm::MulOverflow(w[1], group, shape[1]))
    return emitOptionalError(loc, "the result's size overflows");
  if (adaptor.getBias() &&
      (shapeOf(adaptor.getBias()) != ArrayRef<int64_t>{shape[1]} ||
       elementOf(adaptor.getBias()) != xType.getElementType()))
    return emitOptionalError(loc, "bias must have ", shape[1], " entries");
  llvm::append_range(shape, adaptor.getShape());
  types.push_back(RankedTensorType::get(shape, xType.getElementType()));
  return success();
}

bool ConvTransposeOp::isLaneTransparent(unsigned dim) {
  return dim == 1 && getGroup() == 1;
}
int64_t ConvTransposeOp::getElementCost() {
  return 4 * tensorOf(getW()).getNumElements() /
         std::max<int64_t>(shapeOf(getW())[1] * getGroup(), 1);
}

/// `windowPosition` for all dimensions; returns whether there is a window.
static Value windowPositions(Emitter &e, ValueRange outputs, ValueRange kernel,
                             ArrayRef<int64_t> windows,
                             ArrayRef<int64_t> strides, ArrayRef<int64_t> pads,
                             ArrayRef<int64_t> dilations,
                             SmallVectorImpl<Value> &positions) {
  Value isInside;
  for (size_t d = 0; d < windows.size(); ++d) {
    PaddedPosition at = windowPosition(e, outputs[d], kernel[d], windows[d],
                                       strides[d], pads[d], dilations[d]);
    positions.push_back(at.position);
    isInside = isInside ? e.create<arith::AndIOp>({isInside, at.isInside})
                        : at.isInside;
  }
  return isInside;
}

Value ConvTransposeOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  ArrayRef<int64_t> x = shapeOf(getX()), w = shapeOf(getW());
  Type compute = getComputeType(elementOf(getX()));
  int64_t inputsPerGroup = x[1] / getGroup(), outputsPerGroup = w[1];
  Value channelBase = e.index(0), output = indices[1];
  if (getGroup() != 1) {
    channelBase =
        e.mulIndex(e.create<arith::DivUIOp>({output, e.index(outputsPerGroup)}),
                   inputsPerGroup);
    output = e.create<arith::RemUIOp>({output, e.index(outputsPerGroup)});
  }
  if (tensorOf(getX()).getNumElements() == 0)
    return e.constant(compute, 0);
  Value sum = e.reduce(
      w.drop_front(2), e.splat(e.constant(compute, 0)),
      [&](ValueRange k, Value partial) {
        SmallVector<Value> positions;
        Value isInside =
            windowPositions(e, indices.drop_front(2), k, x.drop_front(2),
                            getStrides(), getPads(), getDilations(), positions);
        return e.branch(
            isInside,
            [&] {
              return e.reduce(
                  {inputsPerGroup}, partial, [&](ValueRange c, Value inner) {
                    Value channel = e.addIndex(channelBase, c[0]);
                    SmallVector<Value> xIndex{indices[0], channel};
                    llvm::append_range(xIndex, positions);
                    SmallVector<Value> wIndex{channel, output};
                    llvm::append_range(wIndex, k);
                    return e.add(inner,
                                 e.mul(e.read(0, xIndex), e.read(1, wIndex)));
                  });
            },
            [&] { return partial; });
      });
  if (getBias())
    sum = e.add(sum, e.read(2, indices[1]));
  return sum;
}

LogicalResult Col2ImOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  ArrayRef<int64_t> x = shapeOf(adaptor.getX()), block = adaptor.getBlock();
  size_t spatial = adaptor.getImage().size();
  if (failed(verifySizes(loc, adaptor.getImage(), spatial)) ||
      failed(verifyWindow(loc, spatial, block, adaptor.getStrides(),
                          adaptor.getPads(), adaptor.getDilations())))
    return failure();
  int64_t blockSize = 1, windows = 1;
  for (size_t d = 0; d < spatial; ++d) {
    int64_t count =
        windowedSize(adaptor.getImage()[d], block[d], adaptor.getStrides()[d],
                     adaptor.getDilations()[d], adaptor.getPads()[d],
                     adaptor.getPads()[spatial + d]);
    if (count < 0 || llvm::MulOverflow(blockSize, block[d], blockSize) ||
        llvm::MulOverflow(windows, count, windows))
      return emitOptionalError(loc, "the block does not fit the image");
  }
  if (x.size() != 3 || x[1] % blockSize != 0 || x[2] != windows)
    return emitOptionalError(loc, "x must be N x C * ", blockSize, " x ",
                             windows);
  SmallVector<int64_t> shape{x[0], x[1] / blockSize};
  llvm::append_range(shape, adaptor.getImage());
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool Col2ImOp::isLaneTransparent(unsigned) { return false; }
int64_t Col2ImOp::getElementCost() {
  int64_t cost = 8;
  for (int64_t size : getBlock())
    cost *= size;
  return cost;
}

Value Col2ImOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Type compute = getComputeType(elementOf(getX()));
  size_t spatial = getImage().size();
  SmallVector<int64_t> windows;
  for (size_t d = 0; d < spatial; ++d)
    windows.push_back(windowedSize(getImage()[d], getBlock()[d],
                                   getStrides()[d], getDilations()[d],
                                   getPads()[d], getPads()[spatial + d]));
  return e.reduce(
      getBlock(), e.constant(compute, 0), [&](ValueRange k, Value partial) {
        SmallVector<Value> positions;
        Value isInside =
            windowPositions(e, indices.drop_front(2), k, windows, getStrides(),
                            getPads(), getDilations(), positions);
        Value row = indices[1], column = e.index(0);
        for (size_t d = 0; d < spatial; ++d) {
          row = e.addIndex(e.mulIndex(row, getBlock()[d]), k[d]);
          column = e.addIndex(e.mulIndex(column, windows[d]), positions[d]);
        }
        Value x = e.read(0, {indices[0], row, column});
        if (isInside)
          x = e.select(isInside, x, e.constant(compute, 0));
        return e.add(partial, x);
      });
}

//===----------------------------------------------------------------------===//
// EinsumOp
//===----------------------------------------------------------------------===//

/// Size of each label; empty if the labels do not fit the operands.
static SmallVector<int64_t> getLabelSizes(ValueRange inputs,
                                          ArrayRef<int64_t> labels) {
  SmallVector<int64_t> sizes;
  size_t next = 0;
  for (Value input : inputs)
    for (int64_t size : shapeOf(input)) {
      if (next == labels.size())
        return {};
      int64_t label = labels[next++];
      if (label < 0 || label > 1024)
        return {};
      if (static_cast<int64_t>(sizes.size()) <= label)
        sizes.resize(label + 1, -1);
      if (sizes[label] == -1 || sizes[label] == 1)
        sizes[label] = size;
      else if (size != 1 && size != sizes[label])
        return {};
    }
  if (next != labels.size())
    return {};
  if (sizes.empty())
    sizes.push_back(1);
  return sizes;
}

LogicalResult EinsumOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  if (adaptor.getInputs().empty())
    return emitOptionalError(loc, "needs at least one operand");
  Type element = elementOf(adaptor.getInputs().front());
  for (Value input : adaptor.getInputs())
    if (elementOf(input) != element)
      return emitOptionalError(loc, "operand element types differ");
  SmallVector<int64_t> sizes =
      getLabelSizes(adaptor.getInputs(), adaptor.getLabels());
  int64_t rank = adaptor.getResultRank();
  if (sizes.empty() || rank < 0 || rank > static_cast<int64_t>(sizes.size()))
    return emitOptionalError(loc, "labels do not fit the operands");
  ArrayRef<int64_t> shape = ArrayRef(sizes).take_front(rank);
  if (llvm::is_contained(sizes, -1) && rank > 0 &&
      llvm::is_contained(shape, -1))
    return emitOptionalError(loc, "a result label occurs in no operand");
  types.push_back(RankedTensorType::get(shape, element));
  return success();
}

bool EinsumOp::isLaneTransparent(unsigned) { return false; }
int64_t EinsumOp::getElementCost() {
  SmallVector<int64_t> sizes = getLabelSizes(getInputs(), getLabels());
  int64_t cost = getInputs().size();
  for (int64_t size : ArrayRef(sizes).drop_front(getResultRank()))
    cost *= std::max<int64_t>(size, 1);
  return cost;
}

Value EinsumOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  SmallVector<int64_t> sizes = getLabelSizes(getInputs(), getLabels());
  int64_t rank = getResultRank();
  SmallVector<int64_t> extents;
  for (int64_t size : ArrayRef(sizes).drop_front(rank))
    extents.push_back(std::max<int64_t>(size, size < 0 ? 1 : 0));
  Type element = elementOf(getY());
  Type compute = getComputeType(element);
  return e.reduce(extents, e.constant(compute, 0),
                  [&](ValueRange k, Value partial) {
                    Value product;
                    size_t next = 0;
                    for (auto [operand, input] : llvm::enumerate(getInputs())) {
                      SmallVector<Value> at;
                      for (int64_t size : shapeOf(input)) {
                        int64_t label = getLabels()[next++];
                        at.push_back(size == 1      ? e.index(0)
                                     : label < rank ? indices[label]
                                                    : k[label - rank]);
                      }
                      Value x = e.read(operand, at);
                      product = product ? e.mul(product, x) : x;
                    }
                    return e.add(partial, product);
                  });
}

//===----------------------------------------------------------------------===//
// DeterminantOp
//===----------------------------------------------------------------------===//

LogicalResult DeterminantOp::inferReturnTypes(MLIRContext *,
                                              std::optional<Location> loc,
                                              Adaptor adaptor,
                                              SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (x.getRank() < 2 || x.getShape().back() != x.getShape().drop_back().back())
    return emitOptionalError(loc, "x must hold square matrices");
  types.push_back(
      RankedTensorType::get(x.getShape().drop_back(2), x.getElementType()));
  return success();
}

SmallVector<int64_t> DeterminantOp::getParallelExtents() {
  return {tensorOf(getY()).getNumElements()};
}

void DeterminantOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  int64_t size = shape.back();
  Floats f{e, getComputeType(elementOf(getX()))};
  SmallVector<Value> batch(shape.size() - 2);
  Value position = iterations.front();
  for (int64_t dim = batch.size() - 1; dim >= 0; --dim) {
    Value extent = e.index(shape[dim]);
    batch[dim] = e.create<arith::RemUIOp>({position, extent});
    position = e.create<arith::DivUIOp>({position, extent});
  }
  Value matrix = e.allocate(f.type, size * size);
  auto at = [&](Value row, Value column) {
    return e.addIndex(e.mulIndex(row, size), column);
  };
  e.forEach({size, size}, [&](ValueRange i) {
    SmallVector<Value> index(batch);
    llvm::append_range(index, i);
    e.store(e.read(0, index), matrix, at(i[0], i[1]));
  });
  Value determinant = e.reduce({size}, f(1), [&](ValueRange c, Value product) {
    Value column = c[0];
    // The largest element at or below the diagonal.
    SmallVector<Value> pivot =
        e.loops({size}, {f(-1), column},
                [&](ValueRange row, ValueRange best) -> SmallVector<Value> {
                  Value magnitude = f.abs(e.load(matrix, at(row[0], column)));
                  Value better = e.create<arith::AndIOp>(
                      {e.compare(arith::CmpIPredicate::sge, row[0], column),
                       f.less(best[0], magnitude)});
                  return {e.select(better, magnitude, best[0]),
                          e.select(better, row[0], best[1])};
                });
    Value pivotRow = pivot[1];
    e.forEach({size}, [&](ValueRange k) {
      Value upper = e.load(matrix, at(column, k[0]));
      Value lower = e.load(matrix, at(pivotRow, k[0]));
      e.store(lower, matrix, at(column, k[0]));
      // The same row where nothing is exchanged.
      e.store(e.select(e.compare(arith::CmpIPredicate::eq, pivotRow, column),
                       lower, upper),
              matrix, at(pivotRow, k[0]));
    });
    Value diagonal = e.load(matrix, at(column, column));
    Value isZero = e.compare(arith::CmpFPredicate::OEQ, diagonal, f(0));
    Value divisor = e.select(isZero, f(1), diagonal);
    e.forEach({size}, [&](ValueRange row) {
      Value isBelow = e.compare(arith::CmpIPredicate::sgt, row[0], column);
      e.branch(isBelow, [&] {
        Value factor = f.div(e.load(matrix, at(row[0], column)), divisor);
        e.forEach({size}, [&](ValueRange k) {
          Value reduced =
              e.sub(e.load(matrix, at(row[0], k[0])),
                    e.mul(factor, e.load(matrix, at(column, k[0]))));
          e.store(reduced, matrix, at(row[0], k[0]));
        });
      });
    });
    Value isSwapped = e.compare(arith::CmpIPredicate::ne, pivotRow, column);
    Value negated = e.create<arith::NegFOp>({diagonal});
    return e.mul(product, e.select(isSwapped, negated, diagonal));
  });
  e.write(0, batch, determinant);
}
