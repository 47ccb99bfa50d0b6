// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interpolation in feature maps.

#include "Interpolation.h"

using namespace mlir;
using namespace qc;

Value qc::toFloat(Emitter &e, Value index, Type type) {
  Value integer = arith::IndexCastOp::create(e.builder, e.loc,
                                             e.builder.getI64Type(), index);
  return e.convert(integer, false, type, false);
}

Value qc::toIndex(Emitter &e, Value number) {
  Value integer = e.convert(number, false, e.builder.getI32Type(), false);
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    integer);
}

Value qc::cubicKernel(Floats f, Value x, double a) {
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

SmallVector<Tap> qc::getTaps(Floats f, Value position, SampleMode mode,
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

Value qc::interpolate(Emitter &e, ArrayRef<SmallVector<Tap>> taps,
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
