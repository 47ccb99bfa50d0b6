// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The main graph as a function: shapes of inputs under one binding, results.

#include "Importer.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace qc;

FailureOr<RankedTensorType>
GraphImporter::getInputType(const onnx::ValueInfoProto &input,
                            Binding &symbols) {
  Location loc = NameLoc::get(builder.getStringAttr(input.name()));
  auto report = [&] {
    return emitError(loc) << options.filename << ": input '" << input.name()
                          << "' ";
  };
  if (!input.type().has_tensor_type()) {
    report() << "is no tensor (a sequence, an optional, a map or untyped); "
                "accepted: dense tensors";
    return failure();
  }
  const auto &tensor = input.type().tensor_type();
  Type element = getElementType(&context, tensor.elem_type());
  if (!element) {
    report() << "has element type " << getDataTypeName(tensor.elem_type())
             << "; accepted: numbers and booleans";
    return failure();
  }
  SmallVector<int64_t> shape;
  auto given = symbols.shapes.find(input.name());
  if (given != symbols.shapes.end()) {
    shape.assign(given->second.begin(), given->second.end());
    if (tensor.has_shape()) {
      if (tensor.shape().dim_size() != static_cast<int>(shape.size())) {
        report() << "has rank " << tensor.shape().dim_size()
                 << ", --shape=" << input.name() << "=... gives "
                 << shape.size() << " dimensions";
        return failure();
      }
      for (auto [dim, size] : llvm::zip_equal(tensor.shape().dim(), shape))
        if (dim.has_dim_value() && dim.dim_value() >= 0 &&
            dim.dim_value() != size) {
          report() << "has a dimension of " << dim.dim_value()
                   << " where --shape gives " << size;
          return failure();
        }
    }
  } else {
    if (!tensor.has_shape()) {
      report() << "has no shape; give one with --shape=" << input.name()
               << "=1x3x224x224 (the sizes are an example)";
      return failure();
    }
    std::string unbound, example;
    bool hasNames = true;
    for (const auto &dim : tensor.shape().dim()) {
      bool isKnown = dim.has_dim_value() && dim.dim_value() >= 0;
      auto bound = symbols.symbols.find(dim.dim_param());
      example += example.empty() ? "" : "x";
      if (isKnown) {
        shape.push_back(dim.dim_value());
      } else if (dim.has_dim_param() && bound != symbols.symbols.end()) {
        shape.push_back(bound->second);
      } else {
        hasNames &= dim.has_dim_param() && !dim.dim_param().empty() &&
                    dim.dim_param() != "?";
        unbound += unbound.empty() ? "" : ", ";
        unbound += dim.dim_param().empty() ? "?" : dim.dim_param();
        example += "N";
        continue;
      }
      example += std::to_string(shape.back());
    }
    if (!unbound.empty()) {
      InFlightDiagnostic diagnostic = report();
      diagnostic << "has unbound dimensions (" << unbound << "); give ";
      if (hasNames)
        diagnostic << "each a value with --bind=SYMBOL=N, or ";
      diagnostic << "the whole shape with --shape=" << input.name() << "="
                 << example << " (a number for each N)";
      return failure();
    }
  }
  std::string error;
  if (!isAddressable(shape, element, error)) {
    report() << error;
    return failure();
  }
  return RankedTensorType::get(shape, element);
}

/// Adds the symbols that the shapes given for inputs fix.
static LogicalResult bindSymbols(const onnx::GraphProto &graph,
                                 Binding &binding, Location loc) {
  for (const onnx::ValueInfoProto &input : graph.input()) {
    auto given = binding.shapes.find(input.name());
    if (given == binding.shapes.end() || !input.type().has_tensor_type())
      continue;
    const auto &dims = input.type().tensor_type().shape().dim();
    if (dims.size() != static_cast<int>(given->second.size()))
      continue;
    for (auto [dim, size] : llvm::zip_equal(dims, given->second)) {
      if (dim.dim_param().empty() || dim.dim_param() == "?")
        continue;
      auto [bound, isNew] = binding.symbols.try_emplace(dim.dim_param(), size);
      if (!isNew && bound->second != size)
        return emitError(loc)
               << "the dimension '" << dim.dim_param() << "' is given as "
               << bound->second << " and, by --shape=" << input.name()
               << "=..., as " << size;
    }
  }
  return success();
}

/// A node that keeps its operand's shape passes on what is declared for its
/// result: run-time operands of the nodes before it may be known by that only.
static void
declareOperands(const onnx::GraphProto &graph,
                llvm::StringMap<const onnx::ValueInfoProto *> &declared) {
  static const llvm::StringSet<> keepsShape{
      "Abs", "Cast", "CastLike",   "Ceil", "Exp",     "Floor", "Identity",
      "Log", "Neg",  "Reciprocal", "Relu", "Sigmoid", "Sqrt",  "Tanh"};
  for (const onnx::NodeProto &node : llvm::reverse(graph.node())) {
    if (!getDomain(node.domain()).empty() ||
        !keepsShape.contains(node.op_type()) || node.input_size() < 1 ||
        node.output_size() != 1)
      continue;
    auto found = declared.find(node.output(0));
    if (found != declared.end())
      declared.try_emplace(node.input(0), found->second);
  }
}

LogicalResult GraphImporter::importFunction(ModuleOp module, StringRef name,
                                            const Binding &given) {
  const onnx::GraphProto &graph = model.graph();
  extents.clear();
  positions.clear();
  Location loc = NameLoc::get(
      builder.getStringAttr(graph.name().empty() ? "main" : graph.name()));
  binding = given;
  if (failed(bindSymbols(graph, binding, loc)))
    return failure();
  Frame frame;
  llvm::StringMap<int64_t> opsets = getOpsets(model.opset_import());
  frame.opsets = &opsets;
  llvm::StringMap<const onnx::ValueInfoProto *> declared;
  for (const onnx::ValueInfoProto &info : graph.value_info())
    declared[info.name()] = &info;
  for (const onnx::ValueInfoProto &info : graph.output())
    declared[info.name()] = &info;
  declareOperands(graph, declared);
  frame.declared = &declared;
  if (failed(addInitializers(graph, frame)))
    return failure();

  // Initializers that are also inputs are defaults; they are constants here.
  SmallVector<Type> inputTypes;
  SmallVector<DictionaryAttr> inputAttributes;
  SmallVector<StringRef> inputNames;
  bool isComplete = true;
  auto named = [&](StringRef value) {
    return builder.getDictionaryAttr(
        builder.getNamedAttr("qc.name", builder.getStringAttr(value)));
  };
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (frame.initializers.contains(input.name()))
      continue;
    FailureOr<RankedTensorType> type = getInputType(input, binding);
    if (failed(type)) {
      isComplete = false;
      continue;
    }
    inputTypes.push_back(*type);
    inputNames.push_back(input.name());
    inputAttributes.push_back(named(input.name()));
  }
  if (!isComplete)
    return failure();

  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, loc, name,
                                       builder.getFunctionType(inputTypes, {}));
  Block *block = function.addEntryBlock();
  for (auto [inputName, argument] :
       llvm::zip_equal(inputNames, block->getArguments()))
    frame.values[inputName] = argument;
  builder.setInsertionPointToEnd(block);
  isComplete = succeeded(importNodes(graph.node(), frame));

  SmallVector<Value> results;
  SmallVector<NamedAttrList> resultAttributes;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    bool exists = false;
    Value value = lookup(frame, output.name(), exists);
    if (!exists)
      return emitError(loc) << options.filename << ": output '" << output.name()
                            << "' is computed by no node";
    isComplete &= static_cast<bool>(value);
    results.push_back(value);
    resultAttributes.push_back(NamedAttrList(named(output.name())));
  }
  if (!isComplete || failed(addExtents(frame, loc, results, resultAttributes)))
    return failure();
  func::ReturnOp::create(builder, loc, results);
  // Constants that became attributes, and values that no output needs.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  function.setFunctionType(builder.getFunctionType(
      inputTypes, llvm::to_vector(ValueRange(results).getTypes())));
  function.setAllArgAttrs(inputAttributes);
  SmallVector<DictionaryAttr> resultDictionaries;
  for (const NamedAttrList &attributes : resultAttributes)
    resultDictionaries.push_back(attributes.getDictionary(&context));
  function.setAllResultAttrs(resultDictionaries);
  if (!binding.symbols.empty()) {
    SmallVector<NamedAttribute> symbols;
    for (const auto &[symbol, value] : binding.symbols)
      symbols.push_back(
          builder.getNamedAttr(symbol, builder.getI64IntegerAttr(value)));
    function->setAttr("qc.binding", builder.getDictionaryAttr(symbols));
  }
  return success();
}
