// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary of reference decompositions: see Emitter.h.

#include "qc/Dialect/QC/IR/Emitter.h"

#include "qc/Dialect/QC/IR/NarrowFloat.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>

using namespace mlir;
using namespace qc;

Type qc::getComputeType(Type element) {
  MLIRContext *context = element.getContext();
  if (auto floatType = dyn_cast<FloatType>(element))
    return floatType.getWidth() < 32 ? Float32Type::get(context) : element;
  if (auto integer = dyn_cast<IntegerType>(element)) {
    if (integer.getWidth() == 1)
      return integer;
    return IntegerType::get(context, std::max(integer.getWidth(), 8u));
  }
  return element;
}

bool qc::isUnsignedElement(Type element) {
  return element.isUnsignedInteger() || element.isInteger(1);
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Value Emitter::readBroadcast(unsigned operand, RankedTensorType type,
                             ValueRange indices) {
  SmallVector<Value> aligned(indices.take_back(type.getRank()));
  for (auto [position, size] : llvm::zip_equal(aligned, type.getShape()))
    if (size == 1)
      position = index(0);
  return read(operand, aligned);
}

Type Emitter::getLaneType(Type scalar) const {
  return lanes == 1 ? scalar : VectorType::get({lanes}, scalar);
}

//===----------------------------------------------------------------------===//
// Constants and arithmetic
//===----------------------------------------------------------------------===//

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(builder, loc, value);
}

Value Emitter::constantInt(Type type, int64_t value) {
  type = getElementTypeOrSelf(type);
  if (auto floatType = dyn_cast<FloatType>(type))
    return constant(floatType, static_cast<double>(value));
  return arith::ConstantOp::create(builder, loc,
                                   builder.getIntegerAttr(type, value));
}

Value Emitter::constant(Type type, double value) {
  type = getElementTypeOrSelf(type);
  if (auto floatType = dyn_cast<FloatType>(type))
    return arith::ConstantOp::create(builder, loc,
                                     builder.getFloatAttr(floatType, value));
  return constantInt(type, static_cast<int64_t>(value));
}

Value Emitter::splat(Value value) {
  if (lanes == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(
      builder, loc, VectorType::get({lanes}, value.getType()), value);
}

SmallVector<Value> Emitter::unify(ArrayRef<Value> values) {
  SmallVector<Value> unified(values);
  if (llvm::any_of(
          values, [](Value value) { return isa<VectorType>(value.getType()); }))
    for (Value &value : unified)
      value = splat(value);
  return unified;
}

Value Emitter::compare(arith::CmpFPredicate predicate, Value lhs, Value rhs) {
  SmallVector<Value> unified = unify({lhs, rhs});
  return arith::CmpFOp::create(builder, loc, predicate, unified[0], unified[1]);
}

Value Emitter::compare(arith::CmpIPredicate predicate, Value lhs, Value rhs) {
  SmallVector<Value> unified = unify({lhs, rhs});
  return arith::CmpIOp::create(builder, loc, predicate, unified[0], unified[1]);
}

Value Emitter::select(Value condition, Value onTrue, Value onFalse) {
  // A scalar condition may choose between vectors; a vector condition needs
  // both.
  if (isa<VectorType>(condition.getType())) {
    SmallVector<Value> unified = unify({condition, onTrue, onFalse});
    return arith::SelectOp::create(builder, loc, unified[0], unified[1],
                                   unified[2]);
  }
  SmallVector<Value> unified = unify({onTrue, onFalse});
  return arith::SelectOp::create(builder, loc, condition, unified[0],
                                 unified[1]);
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

Value Emitter::add(Value lhs, Value rhs) {
  return isFloat(lhs) ? create<arith::AddFOp>({lhs, rhs})
                      : create<arith::AddIOp>({lhs, rhs});
}
Value Emitter::sub(Value lhs, Value rhs) {
  return isFloat(lhs) ? create<arith::SubFOp>({lhs, rhs})
                      : create<arith::SubIOp>({lhs, rhs});
}
Value Emitter::mul(Value lhs, Value rhs) {
  return isFloat(lhs) ? create<arith::MulFOp>({lhs, rhs})
                      : create<arith::MulIOp>({lhs, rhs});
}
/// Which of two zeros of different sign it is does not matter: x86-64 needs two
/// more instructions to tell.
template <typename OpTy> static Value ignoreZeroSigns(Value value) {
  value.getDefiningOp<OpTy>().setFastmath(arith::FastMathFlags::nsz);
  return value;
}
Value Emitter::min(Value lhs, Value rhs, bool isUnsigned) {
  if (isFloat(lhs))
    return ignoreZeroSigns<arith::MinimumFOp>(
        create<arith::MinimumFOp>({lhs, rhs}));
  return isUnsigned ? create<arith::MinUIOp>({lhs, rhs})
                    : create<arith::MinSIOp>({lhs, rhs});
}
Value Emitter::max(Value lhs, Value rhs, bool isUnsigned) {
  if (isFloat(lhs))
    return ignoreZeroSigns<arith::MaximumFOp>(
        create<arith::MaximumFOp>({lhs, rhs}));
  return isUnsigned ? create<arith::MaxUIOp>({lhs, rhs})
                    : create<arith::MaxSIOp>({lhs, rhs});
}

/// The type of `value` with another element type.
static Type withElement(Value value, Type element) {
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    return vector.clone(element);
  return element;
}

Value Emitter::convert(Value value, bool fromUnsigned, Type to,
                       bool toUnsigned) {
  Type from = getElementTypeOrSelf(value);
  if (from == to)
    return value;
  Type result = withElement(value, to);
  if (isa<FloatType>(from)) {
    if (auto floatType = dyn_cast<FloatType>(to)) {
      if (floatType.getWidth() > cast<FloatType>(from).getWidth())
        return arith::ExtFOp::create(builder, loc, result, value);
      return arith::TruncFOp::create(builder, loc, result, value);
    }
    if (to.isInteger(1))
      return compare(arith::CmpFPredicate::UNE, value, constant(from, 0));
    // Saturate at the largest float inside the range; NaN gives 0.
    unsigned width = to.getIntOrFloatBitWidth();
    unsigned mantissa = cast<FloatType>(from).getFPMantissaWidth();
    unsigned magnitude = toUnsigned ? width : width - 1;
    double lower = toUnsigned ? 0.0 : -std::ldexp(1.0, magnitude);
    double upper =
        std::ldexp(1.0, magnitude) -
        std::ldexp(1.0, magnitude > mantissa ? magnitude - mantissa : 0);
    Value low = constant(from, lower), high = constant(from, upper);
    Value isNumber = compare(arith::CmpFPredicate::ORD, value, value);
    value = select(isNumber, value, constant(from, 0));
    value = select(compare(arith::CmpFPredicate::OLT, value, low), low, value);
    value =
        select(compare(arith::CmpFPredicate::OGT, value, high), high, value);
    if (toUnsigned)
      return arith::FPToUIOp::create(builder, loc, result, value);
    return arith::FPToSIOp::create(builder, loc, result, value);
  }
  if (isa<FloatType>(to)) {
    if (fromUnsigned || from.isInteger(1))
      return arith::UIToFPOp::create(builder, loc, result, value);
    return arith::SIToFPOp::create(builder, loc, result, value);
  }
  if (to.isInteger(1))
    return compare(arith::CmpIPredicate::ne, value, constantInt(from, 0));
  unsigned fromWidth = from.getIntOrFloatBitWidth(),
           toWidth = to.getIntOrFloatBitWidth();
  if (toWidth < fromWidth)
    return arith::TruncIOp::create(builder, loc, result, value);
  // Codes that were bounded before they were narrowed (roundSaturate).
  if (auto narrowed = value.getDefiningOp<arith::TruncIOp>())
    if (narrowed.getIn().getType() == result &&
        bitEnumContainsAny(narrowed.getOverflowFlags(),
                           fromUnsigned ? arith::IntegerOverflowFlags::nuw
                                        : arith::IntegerOverflowFlags::nsw))
      return narrowed.getIn();
  if (fromUnsigned || from.isInteger(1))
    return arith::ExtUIOp::create(builder, loc, result, value);
  return arith::ExtSIOp::create(builder, loc, result, value);
}

Value Emitter::round(Value value, Type element) {
  if (auto floatType = dyn_cast<FloatType>(element)) {
    if (floatType.getWidth() >= 32)
      return value;
    if (floatType.getWidth() >= 16)
      return convert(convert(value, false, element, false), false,
                     getComputeType(element), false);
    return decodeNarrowFloat(
        builder, loc, encodeNarrowFloat(builder, loc, value, floatType, false),
        floatType);
  }
  if (!isa<IntegerType>(element) || element.isInteger(1))
    return value;
  int64_t surplus = static_cast<int64_t>(
                        getElementTypeOrSelf(value).getIntOrFloatBitWidth()) -
                    element.getIntOrFloatBitWidth();
  if (surplus <= 0)
    return value;
  Value up = constantInt(value.getType(), surplus);
  value = create<arith::ShLIOp>({value, up});
  return isUnsignedElement(element) ? create<arith::ShRUIOp>({value, up})
                                    : create<arith::ShRSIOp>({value, up});
}

Value Emitter::roundSaturate(Value value, Value zeroPoint, Type element) {
  auto storage = cast<IntegerType>(element);
  bool isUnsigned = storage.isUnsigned();
  unsigned width = storage.getWidth();
  Type from = getElementTypeOrSelf(value);
  Type i32 = builder.getI32Type();
  Type compute = getComputeType(element);
  if (width >= 32) {
    // The bounds are not floats: round, convert with saturation.
    Value rounded = create<math::RoundEvenOp>({value});
    Value code = convert(rounded, false, compute, isUnsigned);
    return zeroPoint ? add(code, convert(zeroPoint, false, compute, isUnsigned))
                     : code;
  }
  int64_t smallest = isUnsigned ? 0 : -(int64_t(1) << (width - 1));
  int64_t largest =
      isUnsigned ? (int64_t(1) << width) - 1 : (int64_t(1) << (width - 1)) - 1;
  Value low = constantInt(i32, smallest), high = constantInt(i32, largest);
  if (zeroPoint) {
    low = sub(low, zeroPoint);
    high = sub(high, zeroPoint);
  }
  low = convert(low, false, from, false);
  high = convert(high, false, from, false);
  // In this order a NaN becomes the smallest code.
  value = select(compare(arith::CmpFPredicate::OGT, value, low), value, low);
  value = select(compare(arith::CmpFPredicate::OLT, value, high), value, high);
  value = create<math::RoundEvenOp>({value});
  Value code =
      arith::FPToSIOp::create(builder, loc, withElement(value, i32), value);
  if (zeroPoint)
    code = add(code, zeroPoint);
  if (compute == i32)
    return code;
  // The clamp has bounded the code: `convert` gives readers that widen it again
  // the value as it was.
  return arith::TruncIOp::create(builder, loc, withElement(code, compute), code,
                                 isUnsigned ? arith::IntegerOverflowFlags::nuw
                                            : arith::IntegerOverflowFlags::nsw);
}

Value Emitter::addIndex(Value value, int64_t constant) {
  return constant == 0 ? value : addIndex(value, index(constant));
}

Value Emitter::mulIndex(Value value, int64_t constant) {
  if (constant == 1)
    return value;
  return builder.createOrFold<arith::MulIOp>(loc, value, index(constant));
}

Value Emitter::addIndex(Value lhs, Value rhs) {
  return builder.createOrFold<arith::AddIOp>(loc, lhs, rhs);
}

//===----------------------------------------------------------------------===//
// Structure
//===----------------------------------------------------------------------===//

SmallVector<Value>
Emitter::loops(ArrayRef<int64_t> extents, ValueRange inits,
               function_ref<SmallVector<Value>(ValueRange, ValueRange)> body) {
  // Loops of one iteration are left out.
  SmallVector<Value> indices(extents.size());
  SmallVector<scf::ForOp> nest;
  OpBuilder::InsertionGuard guard(builder);
  ValueRange carried = inits;
  Value zero = index(0);
  for (auto [position, extent] : llvm::enumerate(extents)) {
    if (extent == 1) {
      indices[position] = zero;
      continue;
    }
    Value upper = index(extent), step = index(1);
    auto loop = scf::ForOp::create(builder, loc, zero, upper, step, carried);
    nest.push_back(loop);
    indices[position] = loop.getInductionVar();
    carried = loop.getRegionIterArgs();
    if (inits.empty())
      builder.setInsertionPoint(loop.getBody()->getTerminator());
    else
      builder.setInsertionPointToEnd(loop.getBody());
  }
  SmallVector<Value> results = body(indices, carried);
  for (scf::ForOp loop : llvm::reverse(nest)) {
    if (!inits.empty()) {
      builder.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(builder, loc, results);
    }
    results.assign(loop.getResults().begin(), loop.getResults().end());
    builder.setInsertionPointAfter(loop);
  }
  return results;
}

Value Emitter::reduce(ArrayRef<int64_t> extents, Value init,
                      function_ref<Value(ValueRange, Value)> body) {
  return loops(extents, init,
               [&](ValueRange indices, ValueRange carried) {
                 return SmallVector<Value>{body(indices, carried.front())};
               })
      .front();
}

Value Emitter::opaqueIndex(int64_t value) {
  return arith::AddIOp::create(builder, loc, index(value), index(0));
}

int64_t Emitter::getRowLanes(int64_t dim, int64_t extent) const {
  if (!rowLanes || lanes != 1 || extent < 2)
    return 1;
  return std::min<int64_t>(llvm::bit_floor<uint64_t>(extent),
                           rowLanes->getLanes(dim));
}

void Emitter::withRowLanes(Value index, int64_t count,
                           function_ref<void()> body) {
  if (count == 1) {
    body();
    return;
  }
  rowLanes->setLanes(index, count);
  lanes = count;
  rowIndex = index;
  body();
  rowLanes->setLanes({}, 1);
  lanes = 1;
  rowIndex = {};
}

Value Emitter::reduceRow(int64_t dim, int64_t extent, Value init,
                         function_ref<Value(Value)> map,
                         function_ref<Value(Value, Value)> combine,
                         bool needsRegisters) {
  int64_t width = getRowLanes(dim, extent);
  if (width == 1)
    return reduce({extent}, init, [&](ValueRange k, Value partial) {
      return combine(partial, map(k.front()));
    });
  // Four independent partial vectors hide the latency of `combine`. Where there
  // are 16 registers and `map` needs them, it hides that as well.
  auto mapLanes = [&](Value at, int64_t count) {
    Value value;
    withRowLanes(at, count, [&] { value = splat(map(at)); });
    return value;
  };
  int64_t most = needsRegisters && width < 16 ? 1 : 4;
  int64_t unroll = extent >= 8 * width ? most : 1, step = unroll * width;
  int64_t steps = extent / step;
  Value start = vector::BroadcastOp::create(
      builder, loc, VectorType::get({width}, init.getType()), init);
  SmallVector<Value> partials =
      loops({steps}, SmallVector<Value>(unroll, start),
            [&](ValueRange k, ValueRange carried) {
              SmallVector<Value> next;
              Value first = mulIndex(k.front(), step);
              for (auto [part, partial] : llvm::enumerate(carried)) {
                // An index of its own, that nothing else is mistaken for.
                Value at = arith::AddIOp::create(builder, loc, first,
                                                 index(part * width));
                next.push_back(combine(partial, mapLanes(at, width)));
              }
              return next;
            });
  int64_t done = steps * step;
  auto next = [&](int64_t count) {
    Value value = mapLanes(opaqueIndex(done), count);
    done += count;
    return value;
  };
  while (extent - done >= width)
    partials.front() = combine(partials.front(), next(width));
  for (; partials.size() > 1; partials.resize(partials.size() / 2))
    for (size_t i = 0; i < partials.size() / 2; ++i)
      partials[i] = combine(partials[i], partials[i + partials.size() / 2]);
  // The halves of the sum, with what is left of the row where it fits.
  Value result = partials.front();
  for (int64_t half = width / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane < half; ++lane) {
      low.push_back(lane);
      high.push_back(half + lane);
    }
    result =
        combine(vector::ShuffleOp::create(builder, loc, result, result, low),
                vector::ShuffleOp::create(builder, loc, result, result, high));
    if (half > 1 && extent - done >= half)
      result = combine(result, next(half));
  }
  result = vector::ExtractOp::create(builder, loc, result, 0);
  return extent == done ? result : combine(result, map(index(done)));
}

void Emitter::forEachInRow(int64_t dim, int64_t extent,
                           function_ref<void(Value)> body) {
  int64_t width = getRowLanes(dim, extent);
  forEach({extent / width}, [&](ValueRange k) {
    Value at = width == 1 ? k.front()
                          : Value(arith::MulIOp::create(builder, loc, k.front(),
                                                        index(width)));
    withRowLanes(at, width, [&] { body(at); });
  });
  // What is left, in narrower vectors.
  int64_t done = extent / width * width;
  for (int64_t count = width / 2; count >= 1; count /= 2)
    if (extent - done >= count) {
      Value at = opaqueIndex(done);
      withRowLanes(at, count, [&] { body(at); });
      done += count;
    }
}

void Emitter::forEach(ArrayRef<int64_t> extents,
                      function_ref<void(ValueRange)> body) {
  loops(extents, {}, [&](ValueRange indices, ValueRange) {
    body(indices);
    return SmallVector<Value>();
  });
}

Value Emitter::branch(Value condition, function_ref<Value()> onTrue,
                      function_ref<Value()> onFalse) {
  // The result type is known only after one side is built.
  OpBuilder::InsertionGuard guard(builder);
  Block *current = builder.getInsertionBlock();
  auto point = builder.getInsertionPoint();
  auto buildSide = [&](Region &region, function_ref<Value()> side) {
    builder.createBlock(&region);
    Value value = side();
    scf::YieldOp::create(builder, loc, value);
    return value.getType();
  };
  // The sides are built inside a placeholder that is in the block already, so
  // that values before it are seen to dominate them.
  builder.setInsertionPoint(current, point);
  Operation *placeholder = nullptr;
  {
    OperationState state(loc, scf::IfOp::getOperationName());
    state.addOperands(condition);
    state.addRegion();
    state.addRegion();
    placeholder = builder.create(state);
  }
  Type type = buildSide(placeholder->getRegion(0), onTrue);
  buildSide(placeholder->getRegion(1), onFalse);
  builder.setInsertionPoint(placeholder);
  auto branch =
      scf::IfOp::create(builder, loc, TypeRange(type), condition, true);
  branch.getThenRegion().takeBody(placeholder->getRegion(0));
  branch.getElseRegion().takeBody(placeholder->getRegion(1));
  placeholder->erase();
  return branch.getResult(0);
}

void Emitter::branch(Value condition, function_ref<void()> onTrue) {
  auto branch = scf::IfOp::create(builder, loc, condition, false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(branch.thenYield());
  onTrue();
}

Value Emitter::allocate(Type type, int64_t count) {
  auto memref = MemRefType::get({std::max<int64_t>(count, 1)}, type);
  return memref::AllocaOp::create(builder, loc, memref);
}

Value Emitter::load(Value buffer, Value position) {
  if (rowIndex && position == rowIndex)
    return vector::LoadOp::create(
        builder, loc,
        VectorType::get({lanes},
                        cast<MemRefType>(buffer.getType()).getElementType()),
        buffer, position);
  return memref::LoadOp::create(builder, loc, buffer, position);
}

void Emitter::store(Value value, Value buffer, Value position) {
  if (rowIndex && position == rowIndex) {
    vector::StoreOp::create(builder, loc, splat(value), buffer, position);
    return;
  }
  memref::StoreOp::create(builder, loc, value, buffer, position);
}
