// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Puts qc.quantize and qc.dequantize behind activations.

#include "QuantizeActivations.h"

#include "Statistics.h"

#include "qc/Analysis/Range.h"
#include "qc/Dialect/QC/Transforms/Quantization.h"
#include "qc/Quantization/Points.h"

using namespace mlir;
using namespace qc;

namespace {

/// A pair to insert: a value, its format and who reads it.
struct Request {
  Value value;
  OperandFormat format;
  SmallVector<OpOperand *> readers;
  /// Chosen parameters.
  bool isChosen = false;
  IntegerScale scale;
};

class ActivationQuantizer {
public:
  ActivationQuantizer(func::FuncOp function, const NodeNames &names,
                      const Plan &plan, TableOp statistics)
      : function(function), names(names), plan(plan), statistics(statistics) {}
  FailureOr<unsigned> run();

private:
  LogicalResult collect(Operation &op);
  LogicalResult choose(Request &request);
  LogicalResult chooseFromStatistics(Request &request, Type type);
  void insert(Request &request);
  Request *find(Value value, const OperandFormat &format) {
    for (Request &request : requests)
      if (request.value == value && request.format == format)
        return &request;
    return nullptr;
  }

  func::FuncOp function;
  const NodeNames &names;
  const Plan &plan;
  TableOp statistics;
  SmallVector<Request, 0> requests;
};

} // namespace

LogicalResult ActivationQuantizer::collect(Operation &op) {
  const NodePlan *node = plan.lookup(names.getName(&op));
  if (!node)
    return success();
  for (const auto &[index, format] : node->inputs) {
    if (index >= op.getNumOperands())
      return op.emitError() << "the plan has a format for input " << index
                            << "; accepted: below " << op.getNumOperands();
    OpOperand &operand = op.getOpOperand(index);
    if (format.isFloat() ||
        isa_and_nonnull<ConstantOp>(operand.get().getDefiningOp()))
      continue;
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (!isa<Float32Type>(type.getElementType()))
      return op.emitError() << "the plan quantizes input " << index
                            << ", which is " << type << "; accepted: f32";
    if (format.granularity == Granularity::Token
            ? index != 0 || !isa<MatMulOp>(op) ||
                  !isa<IntegerType>(
                      parseStorageType(op.getContext(), format.type))
            : format.granularity != Granularity::Tensor)
      return op.emitError()
             << "bad granularity of the activation that the plan quantizes as "
                "input "
             << index
             << "; accepted: tensor, and token for integers as input 0 of a "
                "matrix product";
    Request *request = find(operand.get(), format);
    if (!request) {
      requests.push_back({operand.get(), format, {}, false, {}});
      request = &requests.back();
    }
    request->readers.push_back(&operand);
  }
  return success();
}

LogicalResult ActivationQuantizer::chooseFromStatistics(Request &request,
                                                        Type type) {
  std::string name = names.getName(request.value);
  if (!statistics || !statistics.getEntry(name))
    return emitError(request.value.getLoc())
           << "no statistics of '" << name
           << "' and no scale in the plan: run qc-calibrate before";
  FailureOr<ValueStatistics> values = readStatistics(statistics, name);
  if (failed(values))
    return failure();
  auto storage = dyn_cast<IntegerType>(type);
  if (!storage) {
    // The largest value becomes the format's.
    float largest = isa<Float8E5M2Type>(type) ? 57344 : 448;
    float magnitude = values->all.getAbsMax();
    request.scale.scale = magnitude > 0 ? magnitude / largest : 1;
    return success();
  }
  RangeOptions options;
  options.method = llvm::StringSwitch<RangeMethod>(request.format.range)
                       .Case("moving", RangeMethod::MovingAverage)
                       .Case("percentile", RangeMethod::Percentile)
                       .Case("entropy", RangeMethod::Entropy)
                       .Case("mse", RangeMethod::MeanSquare)
                       .Default(RangeMethod::MinMax);
  options.percentile = request.format.percentile;
  options.bits = storage.getWidth();
  options.symmetric = request.format.symmetric;
  request.scale = chooseScale(chooseRange(*values, options), storage.getWidth(),
                              storage.isSigned(), request.format.symmetric);
  return success();
}

LogicalResult ActivationQuantizer::choose(Request &request) {
  if (request.isChosen)
    return success();
  request.isChosen = true;
  // A run computes these scales.
  if (request.format.granularity == Granularity::Token)
    return success();
  if (request.format.scale != 0) {
    request.scale = {static_cast<float>(request.format.scale),
                     request.format.zero};
    return success();
  }
  // What only moves or selects elements keeps its operand's scale: no code
  // changes then.
  Operation *op = request.value.getDefiningOp();
  if (op && passesCodes(op) && op->getNumOperands() == 1)
    if (Request *source = find(op->getOperand(0), request.format)) {
      if (failed(choose(*source)))
        return failure();
      request.scale = source->scale;
      return success();
    }
  return chooseFromStatistics(
      request, parseStorageType(function.getContext(), request.format.type));
}

/// The scales of the rows of `value`: max |x| / largest code, as ops.
static Value buildTokenScales(OpBuilder &builder, Location loc, Value value,
                              IntegerType storage) {
  auto type = cast<RankedTensorType>(value.getType());
  Value magnitude = AbsOp::create(builder, loc, value);
  Value largest = ReduceOp::create(builder, loc, magnitude, ReduceKind::Max,
                                   type.getRank() - 1, TypeAttr());
  // Rows of zeros: any scale does.
  Value floor = buildFloats(builder, loc, 1e-30f);
  float codes = static_cast<float>((1 << (storage.getWidth() - 1)) - 1);
  return DivOp::create(builder, loc,
                       MaxOp::create(builder, loc, largest, floor),
                       buildFloats(builder, loc, codes));
}

void ActivationQuantizer::insert(Request &request) {
  OpBuilder builder(function.getContext());
  builder.setInsertionPointAfterValue(request.value);
  Location loc = request.value.getLoc();
  Type storage = parseStorageType(function.getContext(), request.format.type);
  auto type = cast<RankedTensorType>(request.value.getType());
  Value scale, zero;
  int64_t axis = 0, block = 0;
  if (request.format.granularity == Granularity::Token) {
    auto integer = cast<IntegerType>(storage);
    scale = buildTokenScales(builder, loc, request.value, integer);
    // The middle code, so that rows are symmetric.
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(scale.getType()).getShape();
    SmallVector<int64_t> middle(
        ShapedType::getNumElements(shape),
        integer.isSigned() ? 0 : int64_t(1) << (integer.getWidth() - 1));
    ElementsAttr zeros = getIntegersAttr(integer, shape, middle);
    zero = ConstantOp::create(builder, loc, cast<Type>(zeros.getShapedType()),
                              zeros);
    axis = type.getRank() - 1;
    block = type.getShape().back();
  } else {
    scale = buildFloats(builder, loc, request.scale.scale);
    zero = buildInteger(builder, loc, storage, request.scale.zeroPoint);
  }
  Value codes =
      QuantizeOp::create(builder, loc, request.value, scale, zero, axis, block);
  Value reals =
      DequantizeOp::create(builder, loc, codes, scale, zero, axis, block);
  for (OpOperand *reader : request.readers)
    reader->set(reals);
}

FailureOr<unsigned> ActivationQuantizer::run() {
  for (Operation &op : function.getBody().front().without_terminator())
    if (failed(collect(op)))
      return failure();
  for (Request &request : requests)
    if (failed(choose(request)))
      return failure();
  // Numbers of operands stay valid: only values change.
  for (Request &request : requests)
    insert(request);
  return requests.size();
}

FailureOr<unsigned> qc::quantizeActivations(func::FuncOp function,
                                            const NodeNames &names,
                                            const Plan &plan,
                                            TableOp statistics) {
  return ActivationQuantizer(function, names, plan, statistics).run();
}
