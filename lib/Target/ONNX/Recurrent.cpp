// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of RNN, GRU and LSTM.
//
// The part of the gates that comes from the input has no recurrence: it is one
// matrix product over all steps, and qc.recurrent does the rest.

#include "Handlers.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace qc;

namespace {

struct Activation {
  std::string name;
  float alpha, beta;
};

} // namespace

/// qc's name of an ONNX activation and ONNX's default parameters.
static std::optional<Activation> getActivation(StringRef name) {
  std::string lower = name.lower();
  return llvm::StringSwitch<std::optional<Activation>>(lower)
      .Case("relu", Activation{"relu", 0, 0})
      .Case("tanh", Activation{"tanh", 0, 0})
      .Case("sigmoid", Activation{"sigmoid", 0, 0})
      .Case("affine", Activation{"affine", 1, 0})
      .Case("leakyrelu", Activation{"leaky_relu", 0.01f, 0})
      .Case("thresholdedrelu", Activation{"thresholded_relu", 1, 0})
      .Case("scaledtanh", Activation{"scaled_tanh", 1, 1})
      .Case("hardsigmoid", Activation{"hard_sigmoid", 0.2f, 0.5f})
      .Case("elu", Activation{"elu", 1, 0})
      .Case("softsign", Activation{"softsign", 0, 0})
      .Case("softplus", Activation{"softplus", 0, 0})
      .Default(std::nullopt);
}

/// Entry `position` of dimension 0, without that dimension.
static Value takeFirst(NodeContext &c, Value x, int64_t position) {
  if (!x)
    return {};
  SmallVector<int64_t> offsets(rankOf(x), 0), sizes(shapeOf(x)),
      steps(rankOf(x), 1);
  SmallVector<int64_t> rest(shapeOf(x).drop_front());
  if (sizes[0] > 1) {
    offsets[0] = position;
    sizes[0] = 1;
    x = c.create<SliceOp>(x, {c.ints("offsets", offsets),
                              c.ints("sizes", sizes), c.ints("steps", steps)});
  }
  return c.reshape(x, rest);
}

/// Entries [begin, begin + size) of a vector.
static Value takeRange(NodeContext &c, Value x, int64_t begin, int64_t size) {
  return c.create<SliceOp>(x, {c.ints("offsets", {begin}),
                               c.ints("sizes", {size}), c.ints("steps", {1})});
}

template <CellKind kind> static LogicalResult recurrent(NodeContext &c) {
  constexpr bool isLSTM = kind == CellKind::LSTM, isGRU = kind == CellKind::GRU;
  constexpr int64_t gates = isLSTM ? 4 : isGRU ? 3 : 1;
  constexpr size_t perDirection = isLSTM ? 3 : isGRU ? 2 : 1;
  Value x = c[0], w = c[1], r = c[2];
  bool batchFirst = c.getInt("layout", 0) != 0;
  std::string direction = c.getString("direction", "forward");
  bool isBidirectional = direction == "bidirectional";
  if (direction != "forward" && direction != "reverse" && !isBidirectional)
    return c.refuse("direction is '" + direction + "'",
                    "forward, reverse, bidirectional");
  int64_t directions = isBidirectional ? 2 : 1;
  if (rankOf(x) != 3 || rankOf(w) != 3 || rankOf(r) != 3 ||
      shapeOf(r)[0] != directions || shapeOf(w)[0] != directions ||
      shapeOf(r)[1] != gates * shapeOf(r)[2] ||
      shapeOf(w)[1] != shapeOf(r)[1] || shapeOf(w)[2] != shapeOf(x)[2])
    return c.refuse("the shapes of X, W and R do not fit");
  int64_t units = shapeOf(r)[2];
  Value h0 = c[5], c0 = isLSTM ? c[6] : Value(),
        peepholes = isLSTM ? c[7] : Value();
  if (batchFirst) {
    x = c.transpose(x, {1, 0, 2});
    for (Value *state : {&h0, &c0})
      if (*state && rankOf(*state) == 3)
        *state = c.transpose(*state, {1, 0, 2});
  }
  if (!x)
    return failure();
  int64_t steps = shapeOf(x)[0], batch = shapeOf(x)[1], inputs = shapeOf(x)[2];
  Type element = elementOf(x);
  auto hasShape = [](Value value, ArrayRef<int64_t> shape) {
    return !value || shapeOf(value) == shape;
  };
  if (!hasShape(c[3], {directions, 2 * gates * units}) ||
      !hasShape(h0, {directions, batch, units}) ||
      !hasShape(c0, {directions, batch, units}) ||
      !hasShape(peepholes, {directions, 3 * units}))
    return c.refuse("the shapes of B, initial_h, initial_c or P do not fit");

  // Activations: names and parameters of all directions in a row; parameters
  // are listed only for those that take them.
  SmallVector<std::string> names;
  if (const onnx::AttributeProto *list = c.getAttribute("activations"))
    for (const std::string &name : list->strings())
      names.push_back(name);
  if (names.empty())
    for (int64_t i = 0; i < directions; ++i) {
      if (isLSTM)
        names.append({"Sigmoid", "Tanh", "Tanh"});
      else if (isGRU)
        names.append({"Sigmoid", "Tanh"});
      else
        names.push_back("Tanh");
    }
  if (names.size() != perDirection * directions)
    return c.refuse("activations has " + Twine(names.size()) + " entries",
                    Twine(perDirection * directions) + " entries");
  SmallVector<double> alphas =
      c.getFloats("activation_alpha").value_or(SmallVector<double>());
  SmallVector<double> betas =
      c.getFloats("activation_beta").value_or(SmallVector<double>());
  SmallVector<Activation> activations;
  size_t nextAlpha = 0, nextBeta = 0;
  for (StringRef name : names) {
    std::optional<Activation> activation = getActivation(name);
    if (!activation)
      return c.refuse("activation '" + name + "' is unknown");
    static const StringRef takesAlpha[] = {"affine",           "leaky_relu",
                                           "thresholded_relu", "scaled_tanh",
                                           "hard_sigmoid",     "elu"};
    static const StringRef takesBeta[] = {"affine", "scaled_tanh",
                                          "hard_sigmoid"};
    if (llvm::is_contained(takesAlpha, activation->name) &&
        nextAlpha < alphas.size())
      activation->alpha = static_cast<float>(alphas[nextAlpha++]);
    if (llvm::is_contained(takesBeta, activation->name) &&
        nextBeta < betas.size())
      activation->beta = static_cast<float>(betas[nextBeta++]);
    activations.push_back(*activation);
  }

  bool linearBeforeReset = isGRU && c.getInt("linear_before_reset", 0) != 0;
  SmallVector<Value> outputs, hidden, cells;
  for (int64_t d = 0; d < directions; ++d) {
    // X W' + Wb + Rb, but for the candidate's Rb of a GRU whose reset gate
    // multiplies it.
    Value weights = c.transpose(takeFirst(c, w, d), {1, 0});
    Value flat = c.reshape(x, {steps * batch, inputs});
    Value parts = c.create<MatMulOp>({flat, weights}, c.segments({1, 1, 0, 0}));
    Value recurrentBias;
    if (c[3]) {
      Value bias = takeFirst(c, c[3], d);
      Value inputBias = takeRange(c, bias, 0, gates * units);
      Value stateBias = takeRange(c, bias, gates * units, gates * units);
      if (linearBeforeReset) {
        recurrentBias = takeRange(c, stateBias, 2 * units, units);
        stateBias = c.create<PadOp>(
            {takeRange(c, stateBias, 0, 2 * units), c.splat(element, 0)},
            c.ints("pads", {0, units}));
      }
      parts = c.create<AddOp>({parts, c.create<AddOp>({inputBias, stateBias})});
    }
    parts = c.reshape(parts, {steps, batch, gates * units});
    Value zeros = c.splat(element, 0, {batch, units});
    Value h = h0 ? takeFirst(c, h0, d) : zeros;
    Value cell = !isLSTM ? Value() : c0 ? takeFirst(c, c0, d) : zeros;
    Value peephole = peepholes ? takeFirst(c, peepholes, d) : Value();
    SmallVector<Value> operands{parts, takeFirst(c, r, d), h};
    SmallVector<int32_t> segments{1, 1, 1};
    for (Value optional : {cell, recurrentBias, peephole, c[4]}) {
      segments.push_back(optional ? 1 : 0);
      if (optional)
        operands.push_back(optional);
    }
    SmallVector<Attribute> kinds;
    SmallVector<float> alpha, beta;
    for (const Activation &activation :
         ArrayRef(activations).slice(d * perDirection, perDirection)) {
      kinds.push_back(c.getBuilder().getStringAttr(activation.name));
      alpha.push_back(activation.alpha);
      beta.push_back(activation.beta);
    }
    bool reverse = direction == "reverse" || d == 1;
    MLIRContext *context = c.getBuilder().getContext();
    SmallVector<Value> results = c.createAll<RecurrentOp>(
        operands,
        {c.attribute("kind", CellKindAttr::get(context, kind)),
         c.boolean("reverse", reverse),
         c.boolean("linearBeforeReset", linearBeforeReset),
         c.boolean("inputForget", c.getInt("input_forget", 0) != 0),
         c.f32("clip", c.getFloat("clip", 0)),
         c.attribute("activations", c.getBuilder().getArrayAttr(kinds)),
         c.attribute("alphas", c.getBuilder().getDenseF32ArrayAttr(alpha)),
         c.attribute("betas", c.getBuilder().getDenseF32ArrayAttr(beta)),
         c.segments(segments)},
        isLSTM ? 3 : 2);
    outputs.push_back(c.reshape(results[0], {steps, 1, batch, units}));
    hidden.push_back(c.reshape(results[1], {1, batch, units}));
    if (isLSTM)
      cells.push_back(c.reshape(results[2], {1, batch, units}));
  }
  auto join = [&](ArrayRef<Value> parts, int64_t axis) {
    return parts.size() == 1
               ? parts.front()
               : c.create<ConcatOp>(parts, c.integer("axis", axis));
  };
  SmallVector<Value> results{join(outputs, 1), join(hidden, 0)};
  if (isLSTM)
    results.push_back(join(cells, 0));
  if (batchFirst) {
    results[0] = c.transpose(results[0], {2, 0, 1, 3});
    for (Value &state : llvm::drop_begin(results))
      state = c.transpose(state, {1, 0, 2});
  }
  return c.yield(ArrayRef(results).take_front(c.getNumResults()));
}

void qc::registerRecurrentHandlers(HandlerTable &table) {
  table.add("RNN", 1, 3, recurrent<CellKind::RNN>);
  table.add("GRU", 1, 3, recurrent<CellKind::GRU>);
  table.add("LSTM", 1, 3, recurrent<CellKind::LSTM>);
}
