// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounds constant weights.

#include "QuantizeWeights.h"

#include "qc/Analysis/WeightQuantizer.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"

using namespace mlir;
using namespace qc;

/// The grid of a plan's format; fails with an error at `op` for formats that
/// weights cannot have.
static FailureOr<GridFormat>
getGridFormat(Operation *op, const OperandFormat &format, bool hasHessian) {
  GridFormat grid;
  Type type = parseStorageType(op->getContext(), format.type);
  auto storage = dyn_cast<IntegerType>(type);
  if (isa<Float8E4M3FNType>(type))
    grid.kind = GridKind::Float8E4M3;
  else if (isa<Float8E5M2Type>(type))
    grid.kind = GridKind::Float8E5M2;
  else if (!storage || storage.getWidth() > 8)
    return op->emitError() << "weights cannot be " << format.type
                           << "; accepted: integers of 2 to 8 bits, f8E4M3FN, "
                              "f8E5M2";
  grid.bits = storage ? storage.getWidth() : 8;
  grid.isSigned = !storage || storage.isSigned();
  grid.symmetric = format.symmetric || !storage;
  if (format.granularity != Granularity::Axis &&
      format.granularity != Granularity::Block)
    return op->emitError("weights have a scale per output channel or block; "
                         "accepted: granularity axis, block");
  if (format.scale != 0)
    return op->emitError("the plan gives a scale for weights, whose scales are "
                         "chosen; accepted: range minmax, mse, output");
  if (!llvm::is_contained({"minmax", "mse", "output"}, format.range))
    return op->emitError() << "bad range '" << format.range
                           << "' of weights; accepted: minmax, mse, output";
  if (format.granularity == Granularity::Block)
    grid.blockSize = format.block;
  if (format.scales == "f16")
    grid.scaleType = ScaleType::F16;
  if (format.range == "output" && hasHessian)
    grid.method = GridMethod::OutputError;
  else if (format.range != "minmax")
    grid.method = GridMethod::WeightError;
  return grid;
}

/// A constant of f16 numbers.
static ElementsAttr getHalvesAttr(MLIRContext *context, ArrayRef<int64_t> shape,
                                  ArrayRef<float> values) {
  SmallVector<uint16_t> halves;
  for (float value : values) {
    APFloat number(value);
    bool loses;
    number.convert(APFloat::IEEEhalf(), APFloat::rmNearestTiesToEven, &loses);
    assert(!loses && "the grid has scales of this type");
    halves.push_back(number.bitcastToAPInt().getZExtValue());
  }
  return getConstant(RankedTensorType::get(shape, Float16Type::get(context)),
                     ArrayRef(reinterpret_cast<const char *>(halves.data()),
                              halves.size() * sizeof(uint16_t)));
}

/// Constants of a matrix of codes: `transposed` for products, whose tensor is
/// columns x rows.
static QuantizedWeights
makeConstants(MLIRContext *context, const WeightGrid &grid,
              ArrayRef<int8_t> codes, ArrayRef<int64_t> shape, Type storage,
              bool transposed, int64_t rowAxis, int64_t columnAxis) {
  QuantizedWeights weights;
  weights.reals = dequantize(codes, grid);
  int64_t rows = grid.rows, columns = grid.columns,
          groups = grid.getNumGroups();
  // Bit patterns to numbers, in the tensor's order.
  auto integer = dyn_cast<IntegerType>(storage);
  auto place = [&](int64_t row, int64_t column, int64_t width) {
    return transposed ? column * rows + row : row * width + column;
  };
  std::vector<int64_t> numbers(rows * columns);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      int64_t code = codes[row * columns + column];
      numbers[place(row, column, columns)] =
          integer && integer.isUnsigned() ? code & 0xff : code;
    }
  if (integer) {
    weights.codes = getIntegersAttr(integer, shape, numbers);
  } else {
    std::vector<char> bytes(numbers.begin(), numbers.end());
    weights.codes = getConstant(RankedTensorType::get(shape, storage), bytes);
  }
  // One scale per row, or one per row and block with the tensor's rank.
  SmallVector<int64_t> scaleShape;
  std::vector<float> scales(grid.scales.size());
  std::vector<int64_t> zeros(grid.zeros.size());
  bool isBlocked = grid.format.blockSize != 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t group = 0; group < groups; ++group) {
      int64_t to = isBlocked ? place(row, group, groups) : row;
      scales[to] = grid.scales[row * groups + group];
      zeros[to] = grid.zeros[row * groups + group];
    }
  if (isBlocked) {
    scaleShape.assign(shape.begin(), shape.end());
    scaleShape[columnAxis] = groups;
  } else {
    scaleShape.push_back(rows);
  }
  weights.scales = grid.format.scaleType == ScaleType::F16
                       ? getHalvesAttr(context, scaleShape, scales)
                       : getFloatsAttr(context, scaleShape, scales);
  if (integer) {
    weights.zeros = getIntegersAttr(integer, scaleShape, zeros);
  } else {
    std::vector<char> bytes(zeros.begin(), zeros.end());
    weights.zeros =
        getConstant(RankedTensorType::get(scaleShape, storage), bytes);
  }
  weights.axis = isBlocked ? columnAxis : rowAxis;
  weights.blockSize = grid.format.blockSize;
  return weights;
}

FailureOr<SmallVector<float>> qc::readWeights(OpOperand &operand,
                                              StringRef node) {
  FailureOr<SmallVector<float>> weights = getConstantFloats(operand.get());
  if (failed(weights))
    return operand.getOwner()->emitError()
           << "cannot read the weights of '" << node << "'";
  if (!areFinite(ArrayRef<float>(*weights)))
    return operand.getOwner()->emitError()
           << "the weights of '" << node
           << "' are not all finite: they cannot be rounded";
  return weights;
}

std::vector<double> qc::getHessian(SecondMoment &moment, int64_t group,
                                   bool isMeanRestored) {
  SecondMoment::Moments moments = moment.getMoments(group);
  moments.shrink(moment.getShrinkage(moments, group));
  return isMeanRestored ? std::move(moments.covariance)
                        : moments.getSecondMoment();
}

namespace {
/// Codes of all groups' rows and their grid.
struct RoundedLayer {
  WeightGrid grid;
  WeightCodes codes;
};
} // namespace

static FailureOr<RoundedLayer>
roundLayer(const LinearLayer &layer, ArrayRef<float> matrix,
           const OperandFormat &format, ArrayRef<std::vector<double>> hessians,
           ArrayRef<ErrorFeedback> feedbacks = {}) {
  FailureOr<GridFormat> gridFormat =
      getGridFormat(layer.getOp(), format, !hessians.empty());
  if (failed(gridFormat))
    return failure();
  int64_t groupRows = layer.rows() / layer.groups(), columns = layer.columns();
  if (gridFormat->blockSize &&
      (layer.isConv() || columns % gridFormat->blockSize != 0))
    return layer.getOp()->emitError()
           << "blocks of " << gridFormat->blockSize
           << " weights; accepted: products whose reduction (" << columns
           << ") they divide";
  RoundedLayer rounded;
  WeightGrid &whole = rounded.grid;
  for (int64_t group = 0; group < layer.groups(); ++group) {
    ArrayRef<float> part =
        matrix.slice(group * groupRows * columns, groupRows * columns);
    ArrayRef<double> hessian;
    if (!hessians.empty())
      hessian = hessians[group];
    WeightGrid grid = makeGrid(part, groupRows, columns, *gridFormat, hessian);
    WeightCodes own =
        format.rounding != "gptq" || hessian.empty() ? roundNearest(part, grid)
        : feedbacks.empty() ? roundErrorFeedback(part, grid, hessian)
                            : roundErrorFeedback(part, grid, feedbacks[group]);
    rounded.codes.insert(rounded.codes.end(), own.begin(), own.end());
    if (group == 0) {
      whole = std::move(grid);
    } else {
      whole.scales.insert(whole.scales.end(), grid.scales.begin(),
                          grid.scales.end());
      whole.zeros.insert(whole.zeros.end(), grid.zeros.begin(),
                         grid.zeros.end());
    }
  }
  whole.rows = layer.rows();
  return rounded;
}

FailureOr<QuantizedWeights>
qc::quantizeWeights(const LinearLayer &layer, ArrayRef<float> matrix,
                    const OperandFormat &format,
                    ArrayRef<std::vector<double>> hessians,
                    ArrayRef<ErrorFeedback> feedbacks) {
  FailureOr<RoundedLayer> rounded =
      roundLayer(layer, matrix, format, hessians, feedbacks);
  if (failed(rounded))
    return failure();
  return makeConstants(
      layer.getOp()->getContext(), rounded->grid, rounded->codes,
      layer.getWeightType().getShape(),
      parseStorageType(layer.getOp()->getContext(), format.type),
      !layer.isConv(), layer.channelAxis(), layer.reductionAxis());
}

FailureOr<TiedWeights> qc::quantizeTiedWeights(const LinearLayer &layer,
                                               ArrayRef<float> matrix,
                                               const OperandFormat &format,
                                               ArrayRef<double> hessian) {
  assert(!layer.isConv() && "only products are tied to rows");
  int64_t columns = layer.columns();
  std::vector<std::vector<double>> hessians;
  if (!hessian.empty()) {
    // Powers of an output and of a row's element, of the mean row.
    SecondMoment moment(columns);
    moment.add(matrix);
    std::vector<double> weights = moment.getMean();
    double products = 0, rows = 0;
    for (int64_t i = 0; i < columns * columns; ++i)
      products += weights[i] * hessian[i];
    for (int64_t i = 0; i < columns; ++i)
      rows += weights[i * (columns + 1)];
    if (products > 0 && rows > 0) {
      std::vector<double> &sum = hessians.emplace_back(hessian);
      for (double &value : sum)
        value /= products;
      for (int64_t i = 0; i < columns; ++i)
        sum[i * (columns + 1)] += 1 / rows;
    }
  }
  FailureOr<RoundedLayer> rounded = roundLayer(layer, matrix, format, hessians);
  if (failed(rounded))
    return failure();
  MLIRContext *context = layer.getOp()->getContext();
  Type storage = parseStorageType(context, format.type);
  const int64_t rowsShape[] = {layer.rows(), columns};
  return TiedWeights{makeConstants(context, rounded->grid, rounded->codes,
                                   layer.getWeightType().getShape(), storage,
                                   /*transposed=*/true, layer.channelAxis(),
                                   layer.reductionAxis()),
                     makeConstants(context, rounded->grid, rounded->codes,
                                   rowsShape, storage,
                                   /*transposed=*/false, 0, 1)};
}

FailureOr<std::vector<float>>
qc::roundWeights(const LinearLayer &layer, ArrayRef<float> matrix,
                 const OperandFormat &format,
                 ArrayRef<std::vector<double>> hessians,
                 ArrayRef<ErrorFeedback> feedbacks) {
  if (format.isFloat())
    return std::vector<float>(matrix.begin(), matrix.end());
  FailureOr<RoundedLayer> rounded =
      roundLayer(layer, matrix, format, hessians, feedbacks);
  if (failed(rounded))
    return failure();
  return dequantize(rounded->codes, rounded->grid);
}

FailureOr<QuantizedWeights> qc::quantizeRows(Operation *gather,
                                             ArrayRef<float> matrix,
                                             const OperandFormat &format) {
  FailureOr<GridFormat> gridFormat = getGridFormat(gather, format, false);
  if (failed(gridFormat))
    return failure();
  ArrayRef<int64_t> shape =
      cast<RankedTensorType>(gather->getOperand(0).getType()).getShape();
  if (gridFormat->blockSize && shape[1] % gridFormat->blockSize != 0)
    return gather->emitError()
           << "blocks of " << gridFormat->blockSize
           << " weights; accepted: divisors of " << shape[1];
  WeightGrid grid = makeGrid(matrix, shape[0], shape[1], *gridFormat);
  return makeConstants(gather->getContext(), grid, roundNearest(matrix, grid),
                       shape,
                       parseStorageType(gather->getContext(), format.type),
                       /*transposed=*/false, 0, 1);
}

void qc::replaceWeights(OpOperand &operand, const QuantizedWeights &weights) {
  Operation *op = operand.getOwner();
  OpBuilder builder(op);
  Location loc = op->getLoc();
  auto build = [&](ElementsAttr value) -> Value {
    return ConstantOp::create(builder, loc, value.getType(), value);
  };
  Value codes = build(weights.codes), scales = build(weights.scales);
  if (auto type = cast<RankedTensorType>(scales.getType());
      !type.getElementType().isF32())
    scales = CastOp::create(builder, loc, scales, builder.getF32Type());
  operand.set(DequantizeOp::create(builder, loc, operand.get().getType(), codes,
                                   scales, build(weights.zeros), weights.axis,
                                   weights.blockSize));
}
