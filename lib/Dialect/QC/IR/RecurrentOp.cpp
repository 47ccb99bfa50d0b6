// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One direction of a recurrent layer: inference and reference meaning.

#include "OpHelpers.h"

using namespace mlir;
using namespace qc;

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
