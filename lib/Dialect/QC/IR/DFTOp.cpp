// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Discrete Fourier transform: inference and reference meaning.

#include "OpHelpers.h"

#include <numbers>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// DFTOp
//===----------------------------------------------------------------------===//

LogicalResult DFTOp::inferReturnTypes(MLIRContext *,
                                      std::optional<Location> loc,
                                      Adaptor adaptor,
                                      SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  if (shape.size() < 2 || (shape.back() != 1 && shape.back() != 2))
    return emitOptionalError(
        loc, "x must have rank 2 or more and a last dimension of 1 or 2");
  if (failed(verifyAxis(loc, adaptor.getAxis(), shape.size() - 1)))
    return failure();
  if (adaptor.getBins() < 1 || adaptor.getBins() > adaptor.getLength() ||
      adaptor.getLength() > (int64_t(1) << 31))
    return emitOptionalError(loc, "bins and length are out of range");
  shape[adaptor.getAxis()] = adaptor.getBins();
  shape.back() = adaptor.getHermitian() ? 1 : 2;
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  return success();
}

bool DFTOp::isLaneTransparent(unsigned) { return false; }
int64_t DFTOp::getElementCost() { return 64 * getLength(); }

Value DFTOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t axis = getAxis(), length = getLength();
  int64_t available = shapeOf(getX())[axis];
  bool isComplex = shapeOf(getX()).back() == 2;
  // A spectrum's parts cancel: sums in f32 would leave noise where zeros are.
  Type compute = getComputeType(elementOf(getX()));
  Type f64 = e.builder.getF64Type();
  auto read = [&](ValueRange at) {
    return e.convert(e.read(0, at), false, f64, false);
  };
  Value zero = e.constant(f64, 0);
  Value isImaginary = e.compare(arith::CmpIPredicate::eq, indices.back(),
                                e.index(getHermitian() ? 2 : 1));
  int64_t count = getHermitian() ? length : std::min(length, available);
  Value sum = e.reduce({count}, zero, [&](ValueRange n, Value partial) {
    SmallVector<Value> at(indices);
    Value source = n[0], isMirrored;
    if (getHermitian()) {
      // Behind the middle: the conjugate from the other side.
      isMirrored =
          e.compare(arith::CmpIPredicate::sgt, n[0], e.index(length / 2));
      source = clampIndex(
          e, e.select(isMirrored, e.sub(e.index(length), n[0]), n[0]),
          available);
    }
    at[axis] = source;
    at.back() = e.index(0);
    Value real = read(at), imaginary = zero;
    if (isComplex) {
      at.back() = e.index(1);
      imaginary = read(at);
      if (isMirrored)
        imaginary = e.select(isMirrored, e.sub(zero, imaginary), imaginary);
    }
    // The angle is reduced exactly, as an integer.
    Value turns = e.create<arith::RemUIOp>(
        {e.create<arith::MulIOp>({indices[axis], n[0]}), e.index(length)});
    turns = arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                       turns);
    double unit = (getInverse() ? 2 : -2) * std::numbers::pi /
                  static_cast<double>(length);
    Value angle =
        e.mul(e.convert(turns, false, f64, false), e.constant(f64, unit));
    Value cosine = e.create<math::CosOp>({angle});
    Value sine = e.create<math::SinOp>({angle});
    Value realPart = e.sub(e.mul(real, cosine), e.mul(imaginary, sine));
    Value imaginaryPart = e.add(e.mul(real, sine), e.mul(imaginary, cosine));
    return e.add(partial, e.select(isImaginary, imaginaryPart, realPart));
  });
  if (getInverse())
    sum = e.create<arith::DivFOp>({sum, e.constant(f64, length)});
  return e.convert(sum, false, compute, false);
}
