// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scans, selections, recurrences and spectra: inference and reference meaning.

#include "OpHelpers.h"

#include <numbers>

using namespace mlir;
using namespace qc;

static LogicalResult verifyAxis(std::optional<Location> loc, int64_t axis,
                                int64_t rank) {
  if (axis < 0 || axis >= rank)
    return emitOptionalError(loc, "axis ", axis, " is outside rank ", rank);
  return success();
}

static Type getIndexElement(MLIRContext *context) {
  return IntegerType::get(context, 64, IntegerType::Signed);
}

/// Whether `lhs` comes before `rhs` in the order asked for.
static Value isBetter(Emitter &e, Value lhs, Value rhs, Type element,
                      bool largest) {
  if (isa<FloatType>(element))
    return e.compare(largest ? arith::CmpFPredicate::OGT
                             : arith::CmpFPredicate::OLT,
                     lhs, rhs);
  if (isUnsignedElement(element))
    return e.compare(largest ? arith::CmpIPredicate::ugt
                             : arith::CmpIPredicate::ult,
                     lhs, rhs);
  return e.compare(largest ? arith::CmpIPredicate::sgt
                           : arith::CmpIPredicate::slt,
                   lhs, rhs);
}

//===----------------------------------------------------------------------===//
// ArgReduceOp
//===----------------------------------------------------------------------===//

LogicalResult ArgReduceOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  int64_t axis = adaptor.getAxis();
  if (failed(verifyAxis(loc, axis, shape.size())))
    return failure();
  if (shape[axis] == 0)
    return emitOptionalError(loc, "axis ", axis, " is empty");
  shape[axis] = 1;
  types.push_back(RankedTensorType::get(shape, getIndexElement(context)));
  return success();
}

bool ArgReduceOp::isLaneTransparent(unsigned) { return false; }
int64_t ArgReduceOp::getElementCost() { return 2 * shapeOf(getX())[getAxis()]; }

Value ArgReduceOp::emitElement(Emitter &e, unsigned, ValueRange indices) {
  int64_t size = shapeOf(getX())[getAxis()];
  SmallVector<Value> at(indices);
  at[getAxis()] = e.index(0);
  Value first = e.read(0, at);
  SmallVector<Value> found =
      e.loops({size}, {first, e.index(0)},
              [&](ValueRange k, ValueRange best) -> SmallVector<Value> {
                at[getAxis()] = k.front();
                Value x = e.read(0, at);
                Type element = elementOf(getX());
                Value better = isBetter(e, x, best[0], element, getLargest());
                if (getLast()) {
                  // Equal elements win too.
                  Value worse = isBetter(e, best[0], x, element, getLargest());
                  better = e.create<arith::XOrIOp>(
                      {worse, e.constantInt(e.builder.getI1Type(), 1)});
                }
                return {e.select(better, x, best[0]),
                        e.select(better, k.front(), best[1])};
              });
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getI64Type(),
                                    found[1]);
}

//===----------------------------------------------------------------------===//
// CumulativeOp
//===----------------------------------------------------------------------===//

LogicalResult CumulativeOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX());
  if (failed(verifyAxis(loc, adaptor.getAxis(), x.getRank())))
    return failure();
  types.push_back(RankedTensorType::get(x.getShape(), x.getElementType()));
  return success();
}

SmallVector<int64_t> CumulativeOp::getParallelExtents() {
  return rowExtents(shapeOf(getX()), getAxis());
}

void CumulativeOp::emitBlock(Emitter &e, ValueRange iterations) {
  ArrayRef<int64_t> shape = shapeOf(getX());
  SmallVector<Value> index = rowIndices(e, shape, getAxis(), iterations);
  Type element = elementOf(getX()), compute = getComputeType(element);
  int64_t size = shape[getAxis()];
  e.reduce({size}, e.constant(compute, getProduct() ? 1 : 0),
           [&](ValueRange k, Value before) {
             Value at = k.front();
             if (getReverse())
               at = e.sub(e.index(size - 1), at);
             index[getAxis()] = at;
             Value x = e.read(0, index);
             Value after = getProduct() ? e.mul(before, x) : e.add(before, x);
             after = e.round(after, element);
             e.write(0, index, getExclusive() ? before : after);
             return after;
           });
}

//===----------------------------------------------------------------------===//
// TopKOp
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  SmallVector<int64_t> shape(shapeOf(adaptor.getX()));
  int64_t axis = adaptor.getAxis(), k = adaptor.getK();
  if (failed(verifyAxis(loc, axis, shape.size())))
    return failure();
  if (k < 0 || k > shape[axis])
    return emitOptionalError(loc, "k = ", k, " does not fit an axis of ",
                             shape[axis]);
  shape[axis] = k;
  types.push_back(RankedTensorType::get(shape, elementOf(adaptor.getX())));
  types.push_back(RankedTensorType::get(shape, getIndexElement(context)));
  return success();
}

SmallVector<int64_t> TopKOp::getParallelExtents() {
  return rowExtents(shapeOf(getX()), getAxis());
}

/// Insertion into a sorted list of the k best so far: from the end, entries
/// that the new one beats move back by one.
void TopKOp::emitBlock(Emitter &e, ValueRange iterations) {
  int64_t axis = getAxis(), k = getK(), size = shapeOf(getX())[axis];
  if (k == 0)
    return;
  Type element = elementOf(getX()), compute = getComputeType(element);
  SmallVector<Value> index = rowIndices(e, shapeOf(getX()), axis, iterations);
  Value values = e.allocate(compute, k);
  Value positions = e.allocate(e.builder.getI64Type(), k);
  e.forEach({size}, [&](ValueRange at) {
    Value position = at.front();
    index[axis] = position;
    Value x = e.read(0, index);
    Value number = arith::IndexCastOp::create(e.builder, e.loc,
                                              e.builder.getI64Type(), position);
    // One pass from the best to the worst place, carrying what has no place
    // yet: the new element at first, then what it displaced.
    Value count = e.min(position, e.index(k), false);
    Value boolean = e.constantInt(e.builder.getI1Type(), 0);
    e.loops(
        {k}, {x, number, boolean},
        [&](ValueRange place, ValueRange homeless) -> SmallVector<Value> {
          Value there = e.load(values, place.front());
          Value thereAt = e.load(positions, place.front());
          Value isFree =
              e.compare(arith::CmpIPredicate::sge, place.front(), count);
          Value wins = e.create<arith::OrIOp>(
              {isFree, isBetter(e, homeless[0], there, element, getLargest())});
          // Once one entry has moved, all behind it do.
          wins = e.create<arith::OrIOp>({wins, homeless[2]});
          e.store(e.select(wins, homeless[0], there), values, place.front());
          e.store(e.select(wins, homeless[1], thereAt), positions,
                  place.front());
          return {e.select(wins, there, homeless[0]),
                  e.select(wins, thereAt, homeless[1]), wins};
        });
  });
  e.forEach({k}, [&](ValueRange place) {
    index[axis] = place.front();
    e.write(0, index, e.load(values, place.front()));
    e.write(1, index, e.load(positions, place.front()));
  });
}

//===----------------------------------------------------------------------===//
// RecurrentOp
//===----------------------------------------------------------------------===//

static int64_t getGateCount(CellKind kind) {
  return kind == CellKind::LSTM ? 4 : kind == CellKind::GRU ? 3 : 1;
}

LogicalResult RecurrentOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  RankedTensorType x = tensorOf(adaptor.getX()), h = tensorOf(adaptor.getH());
  if (x.getRank() != 3 || h.getRank() != 2)
    return emitOptionalError(loc, "x must have rank 3 and h rank 2");
  int64_t units = h.getDimSize(1);
  types.push_back(RankedTensorType::get(
      {x.getDimSize(0), x.getDimSize(1), units}, x.getElementType()));
  auto state =
      RankedTensorType::get({x.getDimSize(1), units}, x.getElementType());
  types.push_back(state);
  if (adaptor.getKind() == CellKind::LSTM)
    types.push_back(state);
  return success();
}

static constexpr StringRef knownActivations[] = {
    "relu",        "tanh",         "sigmoid",
    "affine",      "leaky_relu",   "thresholded_relu",
    "scaled_tanh", "hard_sigmoid", "elu",
    "softsign",    "softplus"};

LogicalResult RecurrentOp::verify() {
  ArrayRef<int64_t> x = shapeOf(getX()), h = shapeOf(getH());
  int64_t batch = x[1], units = h[1], gates = getGateCount(getKind());
  bool isLSTM = getKind() == CellKind::LSTM;
  auto hasShape = [&](Value tensor, ArrayRef<int64_t> shape) {
    return !tensor ||
           (shapeOf(tensor) == shape && elementOf(tensor) == elementOf(getX()));
  };
  if (x[2] != gates * units || !hasShape(getR(), {gates * units, units}) ||
      !hasShape(getH(), {batch, units}) || !hasShape(getC(), {batch, units}) ||
      !hasShape(getBias(), {units}) || !hasShape(getPeepholes(), {3 * units}))
    return emitOpError("operand shapes or types do not fit ")
           << gates << " gates of " << units << " units";
  if (getLengths() && shapeOf(getLengths()) != ArrayRef<int64_t>{batch})
    return emitOpError("lengths must have one entry per batch");
  if (isLSTM != static_cast<bool>(getC()) || (!isLSTM && getPeepholes()) ||
      (getBias() && (getKind() != CellKind::GRU || !getLinearBeforeReset())))
    return emitOpError("has an operand that its kind of cell lacks, or lacks "
                       "the cell state");
  size_t count = isLSTM ? 3 : getKind() == CellKind::GRU ? 2 : 1;
  if (getActivations().size() != count || getAlphas().size() != count ||
      getBetas().size() != count)
    return emitOpError("needs ") << count << " activations, alphas and betas";
  for (Attribute name : getActivations())
    if (!llvm::is_contained(knownActivations,
                            cast<StringAttr>(name).getValue()))
      return emitOpError("does not know activation ") << name;
  return success();
}

SmallVector<int64_t> RecurrentOp::getParallelExtents() {
  return {shapeOf(getX())[1]};
}

static Value activate(Emitter &e, StringRef name, double alpha, double beta,
                      Value x) {
  Type type = x.getType();
  Value zero = e.constant(type, 0), one = e.constant(type, 1);
  auto below = [&](Value bound) {
    return e.compare(arith::CmpFPredicate::OLT, x, bound);
  };
  auto exp = [&](Value value) { return e.create<math::ExpOp>({value}); };
  Value scale = e.constant(type, alpha), offset = e.constant(type, beta);
  if (name == "relu")
    return e.max(x, zero, false);
  if (name == "tanh")
    return e.create<math::TanhOp>({x});
  if (name == "sigmoid")
    return e.create<arith::DivFOp>(
        {one, e.add(one, exp(e.create<arith::NegFOp>({x})))});
  if (name == "affine")
    return e.add(e.mul(scale, x), offset);
  if (name == "leaky_relu")
    return e.select(below(zero), e.mul(scale, x), x);
  if (name == "thresholded_relu")
    return e.select(below(scale), zero, x);
  if (name == "scaled_tanh")
    return e.mul(scale, e.create<math::TanhOp>({e.mul(offset, x)}));
  if (name == "hard_sigmoid")
    return e.max(zero, e.min(one, e.add(e.mul(scale, x), offset), false),
                 false);
  if (name == "elu")
    return e.select(below(zero), e.mul(scale, e.create<math::ExpM1Op>({x})), x);
  if (name == "softsign")
    return e.create<arith::DivFOp>(
        {x, e.add(one, e.create<math::AbsFOp>({x}))});
  return e.create<math::Log1pOp>({exp(x)}); // softplus
}

void RecurrentOp::emitBlock(Emitter &e, ValueRange iterations) {
  int64_t steps = shapeOf(getX())[0], units = shapeOf(getH())[1];
  CellKind kind = getKind();
  bool isLSTM = kind == CellKind::LSTM, isGRU = kind == CellKind::GRU;
  Type compute = getComputeType(elementOf(getX()));
  Value batch = iterations.front();
  unsigned next = 3;
  unsigned cOperand = getC() ? next++ : 0, biasOperand = getBias() ? next++ : 0;
  unsigned peepholeOperand = getPeepholes() ? next++ : 0;
  unsigned lengthOperand = getLengths() ? next++ : 0;

  Value hidden = e.allocate(compute, units), fresh = e.allocate(compute, units);
  Value cell = isLSTM ? e.allocate(compute, units) : Value();
  // GRU: the update gate, and what the candidate's product reads.
  Value update = isGRU ? e.allocate(compute, units) : Value();
  Value reset = isGRU ? e.allocate(compute, units) : Value();
  e.forEach({units}, [&](ValueRange j) {
    e.store(e.read(2, {batch, j[0]}), hidden, j[0]);
    if (isLSTM)
      e.store(e.read(cOperand, {batch, j[0]}), cell, j[0]);
  });
  Value length = e.index(steps);
  if (getLengths())
    length = e.min(e.max(readIndex(e, lengthOperand, getLengths(), batch),
                         e.index(0), false),
                   length, false);

  auto apply = [&](unsigned which, Value x) {
    double clip = getClip().convertToFloat();
    if (clip > 0)
      x = e.max(e.min(x, e.constant(compute, clip), false),
                e.constant(compute, -clip), false);
    return activate(e, cast<StringAttr>(getActivations()[which]).getValue(),
                    getAlphas()[which], getBetas()[which], x);
  };
  auto row = [&](int64_t gate, Value j) { return e.addIndex(j, gate * units); };
  // The recurrent part of one unit of one gate.
  auto product = [&](int64_t gate, Value j, Value state) {
    return e.reduce({units}, e.constant(compute, 0),
                    [&](ValueRange k, Value sum) {
                      Value weight = e.read(1, {row(gate, j), k[0]});
                      return e.add(sum, e.mul(weight, e.load(state, k[0])));
                    });
  };

  e.forEach({steps}, [&](ValueRange t) {
    Value isActive = e.compare(arith::CmpIPredicate::slt, t[0], length);
    Value step =
        getReverse() ? e.addIndex(e.sub(length, t[0]), -1) : Value(t[0]);
    e.branch(isActive, [&] {
      auto input = [&](int64_t gate, Value j) {
        return e.read(0, {step, batch, row(gate, j)});
      };
      auto gateSum = [&](int64_t gate, Value j) {
        return e.add(input(gate, j), product(gate, j, hidden));
      };
      if (isGRU) {
        e.forEach({units}, [&](ValueRange j) {
          e.store(apply(0, gateSum(0, j[0])), update, j[0]);
          Value factor = apply(0, gateSum(1, j[0]));
          if (!getLinearBeforeReset())
            factor = e.mul(factor, e.load(hidden, j[0]));
          e.store(factor, reset, j[0]);
        });
      }
      e.forEach({units}, [&](ValueRange at) {
        Value j = at[0];
        Value result;
        if (isLSTM) {
          auto peek = [&](int64_t gate, Value sum, Value state) {
            if (!getPeepholes())
              return sum;
            // Peepholes come in the order i, o, f.
            return e.add(sum,
                         e.mul(e.read(peepholeOperand, row(gate, j)), state));
          };
          Value before = e.load(cell, j);
          Value i = apply(0, peek(0, gateSum(0, j), before));
          Value f = getInputForget() ? e.sub(e.constant(compute, 1), i)
                                     : apply(0, peek(2, gateSum(2, j), before));
          Value candidate = apply(1, gateSum(3, j));
          Value after = e.add(e.mul(f, before), e.mul(i, candidate));
          e.store(after, cell, j);
          Value o = apply(0, peek(1, gateSum(1, j), after));
          result = e.mul(o, apply(2, after));
        } else if (isGRU) {
          Value candidate;
          if (getLinearBeforeReset()) {
            Value sum = product(2, j, hidden);
            if (getBias())
              sum = e.add(sum, e.read(biasOperand, j));
            candidate = e.add(input(2, j), e.mul(e.load(reset, j), sum));
          } else {
            candidate = e.add(input(2, j), product(2, j, reset));
          }
          candidate = apply(1, candidate);
          Value z = e.load(update, j);
          result = e.add(e.mul(e.sub(e.constant(compute, 1), z), candidate),
                         e.mul(z, e.load(hidden, j)));
        } else {
          result = apply(0, gateSum(0, j));
        }
        e.store(result, fresh, j);
        e.write(0, {step, batch, j}, result);
      });
      e.forEach({units}, [&](ValueRange j) {
        e.store(e.load(fresh, j[0]), hidden, j[0]);
      });
    });
    if (getLengths()) {
      Value isOver = e.compare(arith::CmpIPredicate::sge, t[0], length);
      e.branch(isOver, [&] {
        e.forEach({units}, [&](ValueRange j) {
          e.write(0, {t[0], batch, j[0]}, e.constant(compute, 0));
        });
      });
    }
  });
  e.forEach({units}, [&](ValueRange j) {
    e.write(1, {batch, j[0]}, e.load(hidden, j[0]));
    if (isLSTM)
      e.write(2, {batch, j[0]}, e.load(cell, j[0]));
  });
}

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
  Type compute = getComputeType(elementOf(getX()));
  Value zero = e.constant(compute, 0);
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
    Value real = e.read(0, at), imaginary = zero;
    if (isComplex) {
      at.back() = e.index(1);
      imaginary = e.read(0, at);
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
    // Near multiples of pi an f32 angle would lose the small sines.
    Type f64 = e.builder.getF64Type();
    Value angle =
        e.mul(e.convert(turns, false, f64, false), e.constant(f64, unit));
    Value cosine =
        e.convert(e.create<math::CosOp>({angle}), false, compute, false);
    Value sine =
        e.convert(e.create<math::SinOp>({angle}), false, compute, false);
    Value realPart = e.sub(e.mul(real, cosine), e.mul(imaginary, sine));
    Value imaginaryPart = e.add(e.mul(real, sine), e.mul(imaginary, cosine));
    return e.add(partial, e.select(isImaginary, imaginaryPart, realPart));
  });
  if (getInverse())
    sum = e.create<arith::DivFOp>({sum, e.constant(compute, length)});
  return sum;
}
