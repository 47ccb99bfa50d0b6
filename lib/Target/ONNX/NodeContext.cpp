// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What handlers see and do: operands, attributes, created ops.

#include "Importer.h"
#include "Tensors.h"

#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace qc;

std::string qc::getTypeName(Value value) {
  std::string text;
  llvm::raw_string_ostream(text) << value.getType();
  return text;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

ElementsAttr NodeContext::getConstant(Value value) {
  if (!value)
    return {};
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant ? constant.getValue() : ElementsAttr();
}

FailureOr<SmallVector<int64_t>> NodeContext::getIntegers(unsigned i,
                                                         StringRef what) {
  // What has no element is known without being constant.
  if ((*this)[i] && tensorOf((*this)[i]).getNumElements() == 0)
    return SmallVector<int64_t>();
  ElementsAttr value = getConstant((*this)[i]);
  if (!value) {
    (void)refuse(what +
                     Twine((*this)[i] ? " is a run-time value" : " is missing"),
                 "a constant, or one that folds to a constant once all shapes "
                 "are bound");
    return failure();
  }
  FailureOr<SmallVector<int64_t>> numbers = getConstantIntegers(value);
  if (failed(numbers))
    (void)refuse(what + " holds no integers");
  return numbers;
}

FailureOr<double> NodeContext::getNumber(unsigned i, StringRef what,
                                         double missing) {
  if (!(*this)[i])
    return missing;
  ElementsAttr value = getConstant((*this)[i]);
  if (value && value.getNumElements() == 1) {
    FailureOr<SmallVector<double>> numbers = getConstantNumbers(value);
    if (succeeded(numbers))
      return numbers->front();
  }
  return refuse(what + (value ? " is no scalar" : " is a run-time value"),
                "a constant scalar");
}

std::optional<SmallVector<int64_t>> NodeContext::getDeclaredShape(unsigned i) {
  if (!hasResult(i) || !frame.declared)
    return std::nullopt;
  auto found = frame.declared->find(node.output(i));
  if (found == frame.declared->end())
    return std::nullopt;
  return importer.resolveShape(found->second->type());
}

ElementsAttr NodeContext::getTensor(const onnx::TensorProto &tensor,
                                    std::string &error) {
  return importer.getTensor(tensor, error);
}

LogicalResult NodeContext::importSubgraph(const onnx::GraphProto &graph,
                                          ValueRange inputs, StringRef tag,
                                          SmallVectorImpl<Value> &results) {
  return importer.importSubgraph(*this, graph, inputs, tag, results);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const onnx::AttributeProto *NodeContext::getAttribute(StringRef name) const {
  for (const onnx::AttributeProto &attribute : node.attribute()) {
    if (attribute.name() != name)
      continue;
    if (attribute.ref_attr_name().empty())
      return &attribute;
    if (!frame.attributes)
      return nullptr;
    auto found = frame.attributes->find(attribute.ref_attr_name());
    return found == frame.attributes->end() ? nullptr : found->second;
  }
  return nullptr;
}

const onnx::AttributeProto *
NodeContext::getTyped(StringRef name,
                      onnx::AttributeProto::AttributeType type) const {
  const onnx::AttributeProto *attribute = getAttribute(name);
  // The first files did not say the type.
  if (!attribute || attribute->type() == type ||
      attribute->type() == onnx::AttributeProto::UNDEFINED)
    return attribute;
  hasBadAttribute = true;
  messages.push_back(
      "attribute '" + name.str() + "' has type " +
      onnx::AttributeProto::AttributeType_Name(attribute->type()) +
      "; accepted: " + onnx::AttributeProto::AttributeType_Name(type));
  return nullptr;
}

int64_t NodeContext::getInt(StringRef name, int64_t missing) const {
  const onnx::AttributeProto *attribute =
      getTyped(name, onnx::AttributeProto::INT);
  return attribute ? attribute->i() : missing;
}

double NodeContext::getFloat(StringRef name, double missing) const {
  const onnx::AttributeProto *attribute =
      getTyped(name, onnx::AttributeProto::FLOAT);
  return attribute ? attribute->f() : missing;
}

std::string NodeContext::getString(StringRef name, StringRef missing) const {
  const onnx::AttributeProto *attribute =
      getTyped(name, onnx::AttributeProto::STRING);
  return attribute ? attribute->s() : missing.str();
}

std::optional<SmallVector<int64_t>> NodeContext::getInts(StringRef name) const {
  const onnx::AttributeProto *attribute =
      getTyped(name, onnx::AttributeProto::INTS);
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints().begin(),
                              attribute->ints().end());
}

SmallVector<int64_t> NodeContext::getInts(StringRef name,
                                          ArrayRef<int64_t> missing) const {
  if (std::optional<SmallVector<int64_t>> values = getInts(name))
    return *values;
  return SmallVector<int64_t>(missing);
}

std::optional<SmallVector<double>>
NodeContext::getFloats(StringRef name) const {
  const onnx::AttributeProto *attribute =
      getTyped(name, onnx::AttributeProto::FLOATS);
  if (!attribute)
    return std::nullopt;
  return SmallVector<double>(attribute->floats().begin(),
                             attribute->floats().end());
}

//===----------------------------------------------------------------------===//
// Created ops
//===----------------------------------------------------------------------===//

Builder NodeContext::getBuilder() const {
  return Builder(importer.builder.getContext());
}

NamedAttribute NodeContext::attribute(StringRef name, Attribute value) const {
  return NamedAttribute(getBuilder().getStringAttr(name), value);
}
NamedAttribute NodeContext::ints(StringRef name,
                                 ArrayRef<int64_t> values) const {
  return attribute(name, getBuilder().getDenseI64ArrayAttr(values));
}
NamedAttribute NodeContext::integer(StringRef name, int64_t value) const {
  return attribute(name, getBuilder().getI64IntegerAttr(value));
}
NamedAttribute NodeContext::f32(StringRef name, double value) const {
  return attribute(name, getBuilder().getF32FloatAttr(value));
}
NamedAttribute NodeContext::boolean(StringRef name, bool value) const {
  return attribute(name, getBuilder().getBoolAttr(value));
}
NamedAttribute NodeContext::segments(ArrayRef<int32_t> sizes) const {
  return attribute("operandSegmentSizes",
                   getBuilder().getDenseI32ArrayAttr(sizes));
}
NamedAttribute NodeContext::type(StringRef name, Type value) const {
  return attribute(name, TypeAttr::get(value));
}

SmallVector<Value> NodeContext::createOp(StringRef name, ValueRange operands,
                                         ArrayRef<NamedAttribute> attributes,
                                         unsigned numResults) {
  SmallVector<Value> nothing(numResults);
  if (llvm::is_contained(operands, Value()))
    return nothing;
  OpBuilder &builder = importer.builder;
  MLIRContext *context = builder.getContext();
  OperationState state(loc, name);
  state.addOperands(operands);
  state.addAttributes(attributes);
  auto emit = [&] { return emitError(loc) << "'" << name << "' "; };
  // An op's own errors become this node's.
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      messages.push_back(diagnostic.str());
    return success();
  });

  // Infer here, not in a generated builder: that aborts where this reports.
  RegisteredOperationName info = *state.name.getRegisteredInfo();
  DictionaryAttr dictionary = state.attributes.getDictionary(context);
  std::unique_ptr<uint64_t[]> storage(
      new uint64_t[llvm::divideCeil(info.getOpPropertyByteSize(), 8) + 1]);
  OpaqueProperties properties(info.getOpPropertyByteSize() ? storage.get()
                                                           : nullptr);
  if (info.getOpPropertyByteSize())
    info.initOpProperties(properties, nullptr);
  llvm::scope_exit destroy([&] {
    if (info.getOpPropertyByteSize())
      info.destroyOpProperties(properties);
  });
  if (info.getOpPropertyByteSize() &&
      failed(info.setOpPropertiesFromAttribute(state.name, properties,
                                               dictionary, emit)))
    return nothing;
  auto *inference = info.getInterface<InferTypeOpInterface>();
  SmallVector<Type> types;
  if (failed(inference->inferReturnTypes(context, loc, operands, dictionary,
                                         properties, {}, types)))
    return nothing;
  for (Type type : types) {
    std::string error;
    auto tensor = cast<RankedTensorType>(type);
    if (!isAddressable(tensor.getShape(), tensor.getElementType(), error)) {
      emit() << "result " << error;
      return nothing;
    }
  }
  state.addTypes(types);
  Operation *op = builder.create(state);
  if (failed(verify(op, /*verifyRecursively=*/false))) {
    op->erase();
    return nothing;
  }

  SmallVector<ElementsAttr> constants;
  for (Value operand : operands)
    if (ElementsAttr constant = getConstant(operand))
      constants.push_back(constant);
  if (constants.size() == operands.size()) {
    SmallVector<OpFoldResult> folded;
    size_t numMessages = messages.size();
    FailureOr<ElementsAttr> large = foldLargeConstant(op, constants);
    if (succeeded(large))
      folded.push_back(*large);
    else if (failed(op->fold(
                 SmallVector<Attribute>(constants.begin(), constants.end()),
                 folded)))
      folded.clear();
    messages.resize(numMessages); // What does not fold stays an op.
    if (!folded.empty()) {
      op->erase();
      SmallVector<Value> values;
      for (OpFoldResult result : folded)
        values.push_back(isa<Value>(result) ? cast<Value>(result)
                                            : constant(cast<ElementsAttr>(
                                                  cast<Attribute>(result))));
      return values;
    }
  }
  return SmallVector<Value>(op->getResults());
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value NodeContext::constant(ElementsAttr value) {
  return ConstantOp::create(importer.builder, loc, value.getType(), value);
}

Value NodeContext::integers(ArrayRef<int64_t> values) {
  return integers(values, static_cast<int64_t>(values.size()));
}

Value NodeContext::integers(ArrayRef<int64_t> values, ArrayRef<int64_t> shape) {
  Type element =
      IntegerType::get(importer.builder.getContext(), 64, IntegerType::Signed);
  return constant(
      qc::getConstant(RankedTensorType::get(shape, element),
                      ArrayRef(reinterpret_cast<const char *>(values.data()),
                               values.size() * sizeof(int64_t))));
}

Value NodeContext::splat(Type element, double value, ArrayRef<int64_t> shape) {
  return constant(getSplat(element, shape, value));
}

Value NodeContext::limit(Type element, bool largest) {
  return constant(getLimit(element, largest));
}

//===----------------------------------------------------------------------===//
// Frequent ops
//===----------------------------------------------------------------------===//

Value NodeContext::reshape(Value x, ArrayRef<int64_t> shape) {
  if (!x || shapeOf(x) == shape)
    return x;
  return create<ReshapeOp>(x, ints("shape", shape));
}

Value NodeContext::transpose(Value x, ArrayRef<int64_t> permutation) {
  if (!x || llvm::equal(permutation, llvm::seq<int64_t>(0, rankOf(x))))
    return x;
  // Transposing the codes of a constant keeps it a dequantized constant.
  auto dequantize = x.getDefiningOp<DequantizeOp>();
  if (dequantize && getConstant(dequantize.getQ()) &&
      permutation.size() == static_cast<size_t>(rankOf(x))) {
    auto axis = llvm::find(permutation, dequantize.getAxis());
    bool isBlocked = dequantize.getBlockSize() > 0;
    SmallVector<Value> operands;
    for (Value operand : dequantize.getOperands())
      operands.push_back(operands.empty() || isBlocked
                             ? transpose(operand, permutation)
                             : operand);
    if (axis != permutation.end())
      return create<DequantizeOp>(
          operands, {integer("axis", axis - permutation.begin()),
                     integer("blockSize", dequantize.getBlockSize())});
  }
  return create<TransposeOp>(x, ints("permutation", permutation));
}

Value NodeContext::cast(Value x, Type element) {
  if (!x || elementOf(x) == element)
    return x;
  return create<CastOp>(x, type("to", element));
}

Value NodeContext::reduce(Value x, ReduceKind kind, ArrayRef<int64_t> axes) {
  return create<ReduceOp>(
      x, {attribute("kind",
                    ReduceKindAttr::get(importer.builder.getContext(), kind)),
          ints("axes", axes)});
}

FailureOr<int64_t> NodeContext::normalizeAxis(int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank)
    return refuse("axis " + Twine(axis) + " is outside rank " + Twine(rank));
  return axis < 0 ? axis + rank : axis;
}

FailureOr<SmallVector<int64_t>>
NodeContext::normalizeAxes(ArrayRef<int64_t> axes, int64_t rank) {
  SmallVector<int64_t> sorted;
  for (int64_t axis : axes) {
    FailureOr<int64_t> normalized = normalizeAxis(axis, rank);
    if (failed(normalized))
      return failure();
    sorted.push_back(*normalized);
  }
  llvm::sort(sorted);
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return refuse("an axis is given twice");
  return sorted;
}

LogicalResult NodeContext::yield(ValueRange values) {
  if (llvm::is_contained(values, Value()))
    return failure();
  results.assign(values.begin(), values.end());
  return success();
}

LogicalResult NodeContext::refuse(const Twine &reason, const Twine &accepted) {
  messages.push_back((reason + "; accepted: " + accepted).str());
  return failure();
}
LogicalResult NodeContext::refuse(const Twine &reason) {
  messages.push_back(reason.str());
  return failure();
}

//===----------------------------------------------------------------------===//
// HandlerTable
//===----------------------------------------------------------------------===//

const HandlerTable::Row *HandlerTable::find(StringRef domain, StringRef op,
                                            int64_t opset) const {
  auto found = rows.find({domain.str(), op.str()});
  if (found == rows.end())
    return nullptr;
  auto newer = found->second.upper_bound(opset);
  return newer == found->second.begin() ? nullptr : &std::prev(newer)->second;
}

const HandlerTable &HandlerTable::get() {
  static const HandlerTable table = [] {
    HandlerTable table;
    registerAttentionHandlers(table);
    registerBoundedHandlers(table);
    registerControlFlowHandlers(table);
    registerElementwiseHandlers(table);
    registerImageHandlers(table);
    registerIndexHandlers(table);
    registerLinearHandlers(table);
    registerMachineLearningHandlers(table);
    registerMicrosoftHandlers(table);
    registerNormHandlers(table);
    registerPoolingHandlers(table);
    registerQuantHandlers(table);
    registerRecurrentHandlers(table);
    registerReductionHandlers(table);
    registerShapeHandlers(table);
    registerSignalHandlers(table);
    registerTrainingHandlers(table);
    for (const char *op : {"Attention",
                           "RotaryEmbedding",
                           "Softmax",
                           "LogSoftmax",
                           "BatchNormalization",
                           "LayerNormalization",
                           "RMSNormalization",
                           "InstanceNormalization",
                           "GroupNormalization",
                           "LpNormalization",
                           "LRN",
                           "MeanVarianceNormalization",
                           "Gelu",
                           "HardSwish",
                           "Mish",
                           "Clip",
                           "DynamicQuantizeLinear",
                           "Einsum",
                           "Resize",
                           "MaxPool",
                           "AveragePool",
                           "LpPool",
                           "RNN",
                           "GRU",
                           "LSTM"})
      table.keepWhole(op);
    return table;
  }();
  return table;
}
