// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of recurrent layers and spectra.

#include "ExportHandlers.h"

#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Recurrent layers
//===----------------------------------------------------------------------===//

static std::string getActivation(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Case("relu", "Relu")
      .Case("tanh", "Tanh")
      .Case("sigmoid", "Sigmoid")
      .Case("affine", "Affine")
      .Case("leaky_relu", "LeakyRelu")
      .Case("thresholded_relu", "ThresholdedRelu")
      .Case("scaled_tanh", "ScaledTanh")
      .Case("hard_sigmoid", "HardSigmoid")
      .Case("elu", "Elu")
      .Case("softsign", "Softsign")
      .Default("Softplus")
      .str();
}

/// What of a layer's input parts is matrix product and bias: X and W with
/// x = X W' + bias, as the importer writes it.
struct InputProduct {
  Value x, w, bias;
};

/// Looks through what only changes the shape.
static Value skipReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  return value;
}

/// The product behind a layer's input parts (T x B x G H), if it is one of a
/// matrix (T B x I) with weights (I x G H), perhaps plus a vector of G H.
static std::optional<InputProduct> matchInputProduct(RecurrentOp op) {
  ArrayRef<int64_t> parts =
      cast<RankedTensorType>(op.getX().getType()).getShape();
  auto shapeOf = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  InputProduct product;
  Value flat = skipReshapes(op.getX());
  if (auto add = flat.getDefiningOp<AddOp>()) {
    if (shapeOf(add.getRhs()) != parts.take_back(1))
      return std::nullopt;
    product.bias = add.getRhs();
    flat = skipReshapes(add.getLhs());
  }
  auto matmul = flat.getDefiningOp<MatMulOp>();
  if (!matmul || shapeOf(matmul.getA()).size() != 2 ||
      shapeOf(matmul.getB()).size() != 2 ||
      shapeOf(matmul.getA())[0] != parts[0] * parts[1] ||
      shapeOf(matmul.getB())[1] != parts[2])
    return std::nullopt;
  product.x = matmul.getA();
  product.w = matmul.getB();
  return product;
}

/// One direction. Where the input parts come from a product with constant
/// weights, that is the operator's; otherwise its input weights are the unit
/// matrix.
static LogicalResult recurrent(ExportContext &c, RecurrentOp op) {
  ArrayRef<int64_t> parts =
      cast<RankedTensorType>(op.getX().getType()).getShape();
  int64_t steps = parts[0], batch = parts[1], gates = parts[2];
  Term r = c.get(op.getR());
  int64_t units = r.shape()[1];
  Type element = r.element();
  Term x = c.get(op.getX()), w, bias;
  if (std::optional<InputProduct> product = matchInputProduct(op)) {
    x = c.get(product->x);
    x = c.reshape(x, {steps, batch, x.shape()[1]});
    w = c.transpose(c.get(product->w), {1, 0});
    bias = c.get(product->bias);
  } else {
    SmallVector<int64_t> positions = llvm::to_vector(llvm::seq(gates));
    Term column = c.reshape(c.constant(positions), {gates, 1});
    w = c.cast(c.compare("Equal", column, c.constant(positions)), element);
  }
  // Wb, then Rb: the reset gate multiplies part of the latter.
  if (bias || op.getBias()) {
    Term zeros = c.splat(element, 0, {gates});
    Term state = zeros;
    if (op.getBias())
      state =
          c.concat({c.splat(element, 0, {2 * units}), c.get(op.getBias())}, 0);
    bias = c.reshape(c.concat({bias ? bias : zeros, state}, 0), {1, 2 * gates});
  }
  auto asDirection = [&](Term term) {
    if (!term)
      return term;
    SmallVector<int64_t> shape(term.shape());
    shape.insert(shape.begin(), 1);
    return c.reshape(term, shape);
  };
  Term lengths = c.get(op.getLengths());
  if (lengths)
    lengths = c.cast(lengths, IntegerType::get(element.getContext(), 32,
                                               IntegerType::Signed));

  SmallVector<std::string> activations;
  SmallVector<float> alphas, betas;
  for (auto [name, alpha, beta] :
       llvm::zip_equal(op.getActivations().getAsValueRange<StringAttr>(),
                       op.getAlphas(), op.getBetas())) {
    activations.push_back(getActivation(name));
    // Only activations that have parameters take one from the lists.
    bool hasBoth =
        name == "affine" || name == "scaled_tanh" || name == "hard_sigmoid";
    if (hasBoth || name == "leaky_relu" || name == "thresholded_relu" ||
        name == "elu")
      alphas.push_back(alpha);
    if (hasBoth)
      betas.push_back(beta);
  }
  SmallVector<onnx::AttributeProto> attributes{
      c.integer("hidden_size", units),
      c.text("direction", op.getReverse() ? "reverse" : "forward"),
      c.texts("activations", activations)};
  if (!alphas.empty())
    attributes.push_back(c.reals("activation_alpha", alphas));
  if (!betas.empty())
    attributes.push_back(c.reals("activation_beta", betas));
  if (!op.getClip().isZero())
    attributes.push_back(c.real("clip", op.getClip()));
  if (op.getLinearBeforeReset())
    attributes.push_back(c.integer("linear_before_reset", 1));
  if (op.getInputForget())
    attributes.push_back(c.integer("input_forget", 1));

  bool isLSTM = op.getKind() == CellKind::LSTM;
  SmallVector<Term> operands{
      x,    asDirection(w), asDirection(r),
      bias, lengths,        asDirection(c.get(op.getH()))};
  if (isLSTM)
    llvm::append_range(operands,
                       ArrayRef{asDirection(c.get(op.getC())),
                                asDirection(c.get(op.getPeepholes()))});
  auto last = RankedTensorType::get({1, batch, units}, element);
  SmallVector<RankedTensorType> types{
      RankedTensorType::get({steps, 1, batch, units}, element), last};
  if (isLSTM)
    types.push_back(last);
  StringRef operation = isLSTM                          ? "LSTM"
                        : op.getKind() == CellKind::GRU ? "GRU"
                                                        : "RNN";
  SmallVector<Term> results = c.nodes(operation, operands, types, attributes);
  for (auto [i, result] : llvm::enumerate(results))
    result = c.reshape(result, c.getResultType(i).getShape());
  return c.yield(results);
}

//===----------------------------------------------------------------------===//
// Spectra
//===----------------------------------------------------------------------===//

static LogicalResult dft(ExportContext &c, DFTOp op) {
  Type index = c.getIndexType();
  Term length = c.splat(index, static_cast<double>(op.getLength()));
  bool isOneSided = op.getHermitian() || op.getBins() < op.getLength();
  SmallVector<onnx::AttributeProto> attributes{
      c.integer("inverse", op.getInverse()), c.integer("onesided", isOneSided)};
  // The axis became an operand.
  Term axis;
  if (c.getOpset() < 20)
    attributes.push_back(c.integer("axis", op.getAxis()));
  else
    axis = c.splat(index, static_cast<double>(op.getAxis()));
  return c.yield(
      c.node("DFT", {c[0], length, axis}, c.getResultType(), attributes));
}

void qc::addSequenceExports(ExportTable &table) {
  table.add<recurrent>();
  table.add<dft>();
}
