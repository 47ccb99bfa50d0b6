// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resizing of feature maps: inference and reference meaning.

#include "Interpolation.h"

#include <cmath>

using namespace mlir;
using namespace qc;

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
