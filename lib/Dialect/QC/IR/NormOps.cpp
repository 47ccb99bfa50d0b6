// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalization: inference, verification, reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// BatchNormOp
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location>,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  types.push_back(RankedTensorType::get(shapeOf(adaptor.getX()),
                                        elementOf(adaptor.getX())));
  return success();
}

LogicalResult BatchNormOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX());
  if (x.empty())
    return emitOpError("x must have rank 1 or more");
  int64_t channels = x[x.size() > 1 ? 1 : 0];
  for (Value parameter : {getScale(), getBias(), getMean(), getVariance()})
    if (shapeOf(parameter) != ArrayRef<int64_t>(channels))
      return emitOpError("parameters must be vectors of ")
             << channels << " elements, got " << parameter.getType();
  return success();
}

bool BatchNormOp::isLaneTransparent(unsigned) { return true; }

Value BatchNormOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  Value channel = indices[indices.size() > 1 ? 1 : 0];
  Value x = e.read(0, indices);
  Type compute = getElementTypeOrSelf(x);
  auto parameter = [&](unsigned operand) {
    return e.convert(e.read(operand, channel), false, compute, false);
  };
  Value deviation = e.create<math::SqrtOp>({e.add(
      parameter(4), e.constant(compute, getEpsilon().convertToFloat()))});
  Value normal = e.create<arith::DivFOp>({e.sub(x, parameter(3)), deviation});
  return e.add(e.mul(normal, parameter(1)), parameter(2));
}
