// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX models to qc IR: binding of shapes, scopes, and the walk over nodes.
//
// A node that cannot be imported is reported and its results marked as failed;
// nodes behind it are skipped without a word unless they are unsupported
// themselves, so one run names everything that is missing.

#include "Importer.h"

#include "InitializerData.h"
#include "Schemas.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qc;

/// Functions and subgraphs may nest this deep.
static constexpr unsigned largestDepth = 64;

/// Nodes after expansion: functions that call functions and loops in loops
/// multiply, so a small file could ask for any number.
static constexpr int64_t largestNodeCount = 1000000;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

StringRef qc::getDomain(StringRef domain) {
  return domain == "ai.onnx" ? "" : domain;
}

llvm::StringMap<int64_t>
qc::getOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>
                  &imports) {
  llvm::StringMap<int64_t> opsets;
  for (const onnx::OperatorSetIdProto &import : imports)
    opsets[getDomain(import.domain())] = import.version();
  return opsets;
}

std::string qc::getFunctionKey(StringRef domain, StringRef name,
                               StringRef overload) {
  return (getDomain(domain) + "\n" + name + "\n" + overload).str();
}

std::vector<std::string> qc::getNodeNames(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    StringRef prefix) {
  llvm::StringMap<unsigned> uses;
  for (const onnx::NodeProto &node : nodes)
    ++uses[node.name()];
  std::vector<std::string> names;
  for (const onnx::NodeProto &node : nodes) {
    std::string name = node.name();
    if (name.empty() || uses[name] > 1) {
      name = node.op_type() + ":";
      for (const std::string &output : node.output())
        if (!output.empty()) {
          name += output;
          break;
        }
    }
    names.push_back(prefix.str() + name);
  }
  return names;
}

/// A node as diagnostics present it.
static std::string describe(StringRef name, const onnx::NodeProto &node,
                            std::optional<int64_t> opset) {
  StringRef domain = getDomain(node.domain());
  std::string text = ("node '" + name + "' (op " + node.op_type() +
                      ", domain " + (domain.empty() ? "ai.onnx" : domain) +
                      (opset ? ", opset " + std::to_string(*opset) : ""))
                         .str();
  return text + ")";
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

GraphImporter::GraphImporter(MLIRContext &context, onnx::ModelProto &model,
                             const ImportOptions &options,
                             TensorReader &tensors)
    : builder(&context), context(context), model(model), options(options),
      tensors(tensors) {
  for (const onnx::FunctionProto &function : model.functions())
    functions[getFunctionKey(function.domain(), function.name(),
                             function.overload())] = &function;
}

ElementsAttr GraphImporter::getTensor(const onnx::TensorProto &tensor,
                                      std::string &error) {
  ElementsAttr &constant = constants[&tensor];
  // Reading takes the bytes out of the message, which is this importer's own.
  if (!constant)
    constant = tensors.read(const_cast<onnx::TensorProto &>(tensor), error);
  return constant;
}

Value GraphImporter::lookup(Frame &frame, StringRef name, bool &exists) {
  exists = true;
  for (Frame *scope = &frame; scope; scope = scope->parent) {
    auto value = scope->values.find(name);
    if (value != scope->values.end())
      return value->second;
    auto initializer = scope->initializers.find(name);
    if (initializer == scope->initializers.end())
      continue;
    Location loc = NameLoc::get(builder.getStringAttr(name));
    std::string error;
    ElementsAttr constant = getTensor(*initializer->second, error);
    if (!constant) {
      emitError(loc) << "initializer '" << name << "' " << error;
      return scope->values[name] = Value();
    }
    return scope->values[name] =
               ConstantOp::create(builder, loc, constant.getType(), constant);
  }
  exists = false;
  return {};
}

std::optional<SmallVector<int64_t>>
GraphImporter::resolveShape(const onnx::TypeProto &type) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape())
    return std::nullopt;
  SmallVector<int64_t> shape;
  for (const auto &dim : type.tensor_type().shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() >= 0) {
      shape.push_back(dim.dim_value());
      continue;
    }
    auto bound = binding.symbols.find(dim.dim_param());
    if (!dim.has_dim_param() || bound == binding.symbols.end())
      return std::nullopt;
    shape.push_back(bound->second);
  }
  return shape;
}

LogicalResult GraphImporter::addInitializers(const onnx::GraphProto &graph,
                                             Frame &frame) {
  if (graph.sparse_initializer_size())
    return emitError(UnknownLoc::get(&context))
           << options.filename << ": initializer '"
           << graph.sparse_initializer(0).values().name()
           << "' is sparse; accepted: dense tensors";
  for (const onnx::TensorProto &tensor : graph.initializer())
    frame.initializers[tensor.name()] =
        const_cast<onnx::TensorProto *>(&tensor);
  return success();
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

LogicalResult GraphImporter::importNodes(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    Frame &frame) {
  std::vector<std::string> names = getNodeNames(nodes, frame.prefix);
  bool isComplete = true;
  for (int i = 0; i < nodes.size(); ++i)
    if (failed(importNode(nodes.Get(i), names[i], frame))) {
      isComplete = false;
      for (const std::string &output : nodes.Get(i).output())
        frame.values[output] = Value();
    }
  return success(isComplete);
}

LogicalResult GraphImporter::importNode(const onnx::NodeProto &node,
                                        const std::string &name, Frame &frame) {
  Location loc = NameLoc::get(builder.getStringAttr(name));
  StringRef domain = getDomain(node.domain());
  std::optional<int64_t> opset;
  if (auto found = frame.opsets->find(domain); found != frame.opsets->end())
    opset = found->second;
  auto report = [&] {
    ++numReports;
    return emitError(loc) << describe(name, node, opset) << ": ";
  };
  if (numNodes >= largestNodeCount) {
    if (numNodes++ == largestNodeCount)
      report() << "functions and loops expand to more than " << largestNodeCount
               << " nodes";
    return failure();
  }
  ++numNodes;

  NodeContext context(*this, frame, node, opset.value_or(1), loc);
  bool hasFailedOperand = false;
  for (const std::string &input : node.input()) {
    if (input.empty()) {
      context.operands.push_back({});
      continue;
    }
    bool exists = false;
    context.operands.push_back(lookup(frame, input, exists));
    if (!exists)
      return report() << "reads '" << input
                      << "', which nothing before it defines";
    hasFailedOperand |= !context.operands.back();
  }

  // A function of the model comes before operators of the same name.
  auto local = functions.find(
      getFunctionKey(node.domain(), node.op_type(), node.overload()));
  const HandlerTable &table = HandlerTable::get();
  const HandlerTable::Row *row = nullptr;
  if (local == functions.end()) {
    if (!opset)
      return report() << "the model imports no operator set of this domain";
    row = table.find(domain, node.op_type(), *opset);
  }
  std::unique_ptr<onnx::FunctionProto> body;
  std::string error;
  if (local == functions.end() && !row) {
    if (table.isExpandable(domain, node.op_type())) {
      onnx::NodeProto resolved = node;
      resolved.clear_attribute();
      for (const onnx::AttributeProto &attribute : node.attribute())
        if (const onnx::AttributeProto *value =
                context.getAttribute(attribute.name())) {
          *resolved.add_attribute() = *value;
          resolved.mutable_attribute()->rbegin()->set_name(attribute.name());
        }
      resolved.set_domain(domain.str());
      std::vector<onnx::TypeProto> types;
      for (Value operand : context.operands) {
        onnx::TypeProto &type = types.emplace_back();
        if (!operand)
          continue;
        type.mutable_tensor_type()->set_elem_type(
            getDataType(elementOf(operand)));
        auto *shape = type.mutable_tensor_type()->mutable_shape();
        for (int64_t size : shapeOf(operand))
          shape->add_dim()->set_dim_value(size);
      }
      // Types of failed operands are unknown: whether there is a body can
      // then not always be told, and the node before is reported anyway.
      body = getFunctionBody(resolved, *opset, types, error);
    }
    bool mayHaveBody = hasFailedOperand &&
                       table.isExpandable(domain, node.op_type()) &&
                       hasFunctionBody(domain.str(), node.op_type(), *opset);
    if (!body && !mayHaveBody) {
      InFlightDiagnostic diagnostic = report();
      if (!hasSchema(domain.str(), node.op_type(), *opset))
        diagnostic << "is no operator that ONNX defines in this operator set; "
                      "accepted: a model-local function of that name, or an "
                      "operator of ONNX";
      else
        diagnostic
            << "is not supported; accepted: operators with a handler or a "
               "function body (docs/add-an-onnx-op.md)";
      if (!error.empty())
        diagnostic << " (its function body: " << error << ")";
      return diagnostic;
    }
  }
  if (hasFailedOperand)
    return failure();

  LogicalResult result = failure();
  int64_t reportsBefore = numReports;
  if (row) {
    unsigned present = 0;
    while (present < row->numOperands && context[present])
      ++present;
    result = present == row->numOperands
                 ? row->import(context)
                 : context.refuse("operand " + Twine(present) + " is missing");
  } else if (body) {
    if (options.reportExpanded)
      emitRemark(loc) << describe(name, node, opset)
                      << ": imported through its function body";
    bodies.push_back(std::move(body));
    result = importCall(*bodies.back(), context);
  } else {
    result = importCall(*local->second, context);
  }
  if (succeeded(result) && context.hasBadAttribute)
    result = failure();
  if (failed(result)) {
    // Nodes inside a function or subgraph have reported for themselves.
    if (!context.messages.empty())
      report() << llvm::join(context.messages, "; ");
    else if (numReports == reportsBefore)
      report() << "an operand is missing";
    return failure();
  }
  for (auto [index, output] : llvm::enumerate(node.output())) {
    if (output.empty())
      continue;
    if (index >= context.results.size())
      return report() << "result " << index << " ('" << output
                      << "') is not supported; accepted: a node that leaves it "
                         "out";
    frame.values[output] = context.results[index];
  }
  return success();
}

LogicalResult GraphImporter::importCall(const onnx::FunctionProto &function,
                                        NodeContext &context) {
  if (context.frame.depth >= largestDepth)
    return context.refuse("functions nest too deeply or call themselves",
                          "at most " + Twine(largestDepth) + " levels");
  if (context.operands.size() > static_cast<size_t>(function.input_size()))
    return context.refuse("function '" + function.name() + "' takes " +
                          Twine(function.input_size()) + " operands, got " +
                          Twine(context.operands.size()));
  Frame inner;
  inner.depth = context.frame.depth + 1;
  inner.prefix = cast<NameLoc>(context.loc).getName().str() + "/";
  llvm::StringMap<int64_t> opsets = getOpsets(function.opset_import());
  // A schema's body may leave domains out, its own among them: the caller's
  // versions hold.
  for (const auto &[domain, version] : *context.frame.opsets)
    opsets.try_emplace(domain, version);
  opsets.try_emplace(getDomain(context.node.domain()), context.opset);
  inner.opsets = &opsets;
  llvm::StringMap<const onnx::AttributeProto *> attributes;
  for (const onnx::AttributeProto &attribute : function.attribute_proto())
    attributes[attribute.name()] = &attribute;
  for (const std::string &name : function.attribute())
    if (const onnx::AttributeProto *value =
            getDefaultAttribute(context.node, context.opset, name))
      attributes[name] = value;
  for (const onnx::AttributeProto &attribute : context.node.attribute())
    if (const onnx::AttributeProto *value =
            context.getAttribute(attribute.name()))
      attributes[attribute.name()] = value;
  inner.attributes = &attributes;
  llvm::StringMap<const onnx::ValueInfoProto *> declared;
  for (const onnx::ValueInfoProto &info : function.value_info())
    declared[info.name()] = &info;
  // What the caller declares for its results holds for the function's.
  if (context.frame.declared)
    for (int i = 0; i < function.output_size() &&
                    i < static_cast<int>(context.getNumResults());
         ++i)
      if (auto found = context.frame.declared->find(context.node.output(i));
          found != context.frame.declared->end())
        declared[function.output(i)] = found->second;
  inner.declared = &declared;

  // An operand that the caller leaves out is an empty name inside, too.
  std::map<std::string, std::string> missing;
  for (int i = 0; i < function.input_size(); ++i)
    if (Value operand = context[i])
      inner.values[function.input(i)] = operand;
    else
      missing[function.input(i)] = "";
  const auto *nodes = &function.node();
  if (!missing.empty()) {
    auto copy = std::make_unique<onnx::FunctionProto>(function);
    for (onnx::NodeProto &node : *copy->mutable_node())
      for (std::string &input : *node.mutable_input())
        if (missing.count(input))
          input.clear();
    nodes = &copy->node();
    bodies.push_back(std::move(copy));
  }
  if (failed(importNodes(*nodes, inner)))
    return failure();
  SmallVector<Value> results;
  for (int i = 0; i < function.output_size() &&
                  i < static_cast<int>(context.getNumResults());
       ++i) {
    bool exists = false;
    Value value;
    if (context.hasResult(i)) {
      value = lookup(inner, function.output(i), exists);
      if (!value)
        return context.refuse("function '" + function.name() +
                              "' does not compute its output '" +
                              function.output(i) + "'");
    }
    results.push_back(value);
  }
  context.results = results;
  return success();
}

LogicalResult GraphImporter::importSubgraph(NodeContext &context,
                                            const onnx::GraphProto &graph,
                                            ValueRange inputs, StringRef tag,
                                            SmallVectorImpl<Value> &results) {
  if (context.frame.depth >= largestDepth)
    return context.refuse("subgraphs nest too deeply",
                          "at most " + Twine(largestDepth) + " levels");
  if (static_cast<size_t>(graph.input_size()) != inputs.size())
    return context.refuse("its subgraph takes " + Twine(graph.input_size()) +
                          " inputs, got " + Twine(inputs.size()));
  Frame inner;
  inner.parent = &context.frame;
  inner.depth = context.frame.depth + 1;
  inner.prefix =
      (cast<NameLoc>(context.loc).getName().getValue() + tag + "/").str();
  inner.opsets = context.frame.opsets;
  inner.attributes = context.frame.attributes;
  llvm::StringMap<const onnx::ValueInfoProto *> declared;
  for (const onnx::ValueInfoProto &info : graph.value_info())
    declared[info.name()] = &info;
  for (const onnx::ValueInfoProto &info : graph.output())
    declared[info.name()] = &info;
  inner.declared = &declared;
  if (failed(addInitializers(graph, inner)))
    return failure();
  for (auto [info, value] : llvm::zip_equal(graph.input(), inputs))
    inner.values[info.name()] = value;
  if (failed(importNodes(graph.node(), inner)))
    return failure();
  for (const onnx::ValueInfoProto &info : graph.output()) {
    bool exists = false;
    results.push_back(lookup(inner, info.name(), exists));
    if (!results.back())
      return context.refuse("its subgraph does not compute its output '" +
                            info.name() + "'");
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The main graph
//===----------------------------------------------------------------------===//

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

LogicalResult GraphImporter::importFunction(ModuleOp module, StringRef name,
                                            const Binding &given) {
  const onnx::GraphProto &graph = model.graph();
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
  SmallVector<DictionaryAttr> resultAttributes;
  for (const onnx::ValueInfoProto &output : graph.output()) {
    bool exists = false;
    Value value = lookup(frame, output.name(), exists);
    if (!exists)
      return emitError(loc) << options.filename << ": output '" << output.name()
                            << "' is computed by no node";
    isComplete &= static_cast<bool>(value);
    results.push_back(value);
    resultAttributes.push_back(named(output.name()));
  }
  if (!isComplete)
    return failure();
  func::ReturnOp::create(builder, loc, results);
  // Constants that became attributes, and values that no output needs.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
  function.setFunctionType(builder.getFunctionType(
      inputTypes, llvm::to_vector(ValueRange(results).getTypes())));
  function.setAllArgAttrs(inputAttributes);
  function.setAllResultAttrs(resultAttributes);
  if (!binding.symbols.empty()) {
    SmallVector<NamedAttribute> symbols;
    for (const auto &[symbol, value] : binding.symbols)
      symbols.push_back(
          builder.getNamedAttr(symbol, builder.getI64IntegerAttr(value)));
    function->setAttr("qc.binding", builder.getDictionaryAttr(symbols));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static bool isText(const ImportOptions &options) {
  return StringRef(options.filename).ends_with(".onnxtxt");
}

static std::unique_ptr<onnx::ModelProto>
readModel(MLIRContext &context, StringRef bytes, const ImportOptions &options) {
  auto report = [&] {
    return emitError(UnknownLoc::get(&context)) << options.filename << ": ";
  };
  std::string error;
  std::unique_ptr<onnx::ModelProto> model =
      parseModel(bytes, isText(options), error);
  if (!model) {
    report() << error;
    return nullptr;
  }
  if (!model->has_graph() || model->opset_import().empty()) {
    report() << "is no ONNX model (it has no graph or no operator sets)";
    return nullptr;
  }
  for (const onnx::OperatorSetIdProto &import : model->opset_import()) {
    StringRef domain = getDomain(import.domain());
    std::optional<int64_t> newest = getNewestOpset(domain.str());
    if (import.version() < 1 ||
        (domain.empty() && newest && import.version() > *newest)) {
      report() << "imports operator set " << import.version() << " of domain '"
               << (domain.empty() ? "ai.onnx" : domain) << "'; accepted: 1 to "
               << newest.value_or(1);
      return nullptr;
    }
  }
  return model;
}

/// All combinations of the alternatives that the options give.
static std::vector<Binding> getBindings(const ImportOptions &options) {
  std::vector<Binding> bindings(1);
  auto extend = [&](size_t count, auto assign) {
    std::vector<Binding> extended;
    for (const Binding &binding : bindings)
      for (size_t i = 0; i < count; ++i) {
        extended.push_back(binding);
        assign(extended.back(), i);
      }
    bindings = std::move(extended);
  };
  for (const auto &[symbol, values] : options.bindings)
    extend(values.size(), [&](Binding &binding, size_t i) {
      binding.symbols[symbol] = values[i];
    });
  for (const auto &[input, shapes] : options.shapes)
    extend(shapes.size(), [&](Binding &binding, size_t i) {
      binding.shapes[input] = shapes[i];
    });
  return bindings;
}

/// Imports a parsed model. `tensors` finds the data that is not in it.
static FailureOr<OwningOpRef<ModuleOp>>
importModel(MLIRContext &context, onnx::ModelProto &model,
            TensorReader &tensors, const ImportOptions &options) {
  Location loc = UnknownLoc::get(&context);
  for (const auto &[input, shapes] : options.shapes)
    if (llvm::none_of(model.graph().input(),
                      [&](const auto &info) { return info.name() == input; })) {
      InFlightDiagnostic diagnostic =
          emitError(loc) << options.filename << ": --shape names the input '"
                         << input << "', the model has";
      for (const onnx::ValueInfoProto &info : model.graph().input())
        diagnostic << " '" << info.name() << "'";
      return failure();
    }
  for (const auto &[symbol, values] : options.bindings) {
    auto isNamed = [&](const onnx::ValueInfoProto &info) {
      return llvm::any_of(
          info.type().tensor_type().shape().dim(),
          [&](const auto &dim) { return dim.dim_param() == symbol; });
    };
    if (llvm::none_of(model.graph().input(), isNamed) &&
        llvm::none_of(model.graph().output(), isNamed))
      emitWarning(loc) << options.filename << ": no dimension is named '"
                       << symbol << "', --bind does nothing";
  }
  GraphImporter importer(context, model, options, tensors);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  std::vector<Binding> bindings = getBindings(options);
  for (auto [index, binding] : llvm::enumerate(bindings))
    if (failed(importer.importFunction(
            *module,
            bindings.size() == 1 ? "main" : "main_" + std::to_string(index),
            binding)))
      return failure();
  return module;
}

/// Imports serialized bytes. Large weights stay in `file`, which holds the
/// bytes, or are copied if that is null.
static FailureOr<OwningOpRef<ModuleOp>>
importBytes(MLIRContext &context, StringRef bytes,
            std::shared_ptr<llvm::MemoryBuffer> file,
            const ImportOptions &options) {
  context.loadDialect<QCDialect, func::FuncDialect>();
  FailureOr<SplitModel> split = failure();
  if (!isText(options))
    split = splitModel(bytes);
  // What cannot be split the parser reports.
  std::unique_ptr<onnx::ModelProto> model = readModel(
      context, succeeded(split) ? StringRef(split->message) : bytes, options);
  if (!model)
    return failure();
  TensorReader tensors(
      &context, options.dataDirectory.empty()
                    ? llvm::sys::path::parent_path(options.filename).str()
                    : options.dataDirectory);
  if (succeeded(split))
    for (auto [tensor, data] :
         llvm::zip(model->graph().initializer(), split->initializers))
      if (!data.empty())
        tensors.addData(tensor, data, file);
  return importModel(context, *model, tensors, options);
}

FailureOr<OwningOpRef<ModuleOp>>
qc::importONNX(MLIRContext &context, const llvm::MemoryBuffer &buffer,
               const ImportOptions &options) {
  return importBytes(context, buffer.getBuffer(), nullptr, options);
}

FailureOr<OwningOpRef<ModuleOp>> qc::importONNX(MLIRContext &context,
                                                const ImportOptions &options) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFileOrSTDIN(options.filename, /*IsText=*/false,
                                         /*RequiresNullTerminator=*/false);
  if (!buffer) {
    emitError(UnknownLoc::get(&context)) << "cannot open " << options.filename
                                         << ": " << buffer.getError().message();
    return failure();
  }
  std::shared_ptr<llvm::MemoryBuffer> file = std::move(*buffer);
  return importBytes(context, file->getBuffer(), file, options);
}

//===----------------------------------------------------------------------===//
// Listing
//===----------------------------------------------------------------------===//

namespace {
/// Walks nodes without importing them.
class NodeLister {
public:
  NodeLister(const onnx::ModelProto &model, llvm::raw_ostream &output)
      : output(output) {
    for (const onnx::FunctionProto &function : model.functions())
      functions[getFunctionKey(function.domain(), function.name(),
                               function.overload())] = &function;
  }

  void list(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
            const llvm::StringMap<int64_t> &opsets, StringRef prefix,
            unsigned depth) {
    std::vector<std::string> names = getNodeNames(nodes, prefix);
    for (int i = 0; i < nodes.size(); ++i) {
      if (++numNodes > largestNodeCount)
        return;
      const onnx::NodeProto &node = nodes.Get(i);
      StringRef domain = getDomain(node.domain());
      auto opset = opsets.find(domain);
      int64_t version = opset == opsets.end() ? 0 : opset->second;
      auto local = functions.find(
          getFunctionKey(domain, node.op_type(), node.overload()));
      output << names[i] << '\t' << node.op_type() << '\t'
             << (domain.empty() ? "ai.onnx" : domain) << '\t' << version << '\t'
             << getSupport(node, version) << '\n';
      if (depth >= largestDepth)
        continue;
      if (local != functions.end())
        list(local->second->node(), getOpsets(local->second->opset_import()),
             names[i] + "/", depth + 1);
      for (const onnx::AttributeProto &attribute : node.attribute())
        if (attribute.has_g())
          list(attribute.g().node(), opsets, names[i] + "/", depth + 1);
    }
  }

private:
  StringRef getSupport(const onnx::NodeProto &node, int64_t version) {
    StringRef domain = getDomain(node.domain());
    if (functions.contains(
            getFunctionKey(domain, node.op_type(), node.overload())))
      return "local function";
    const HandlerTable &table = HandlerTable::get();
    if (table.find(domain, node.op_type(), version))
      return "handler";
    std::string error;
    onnx::NodeProto plain = node;
    plain.set_domain(domain.str());
    std::vector<onnx::TypeProto> types(node.input_size());
    for (onnx::TypeProto &type : types)
      type.mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT);
    if (table.isExpandable(domain, node.op_type()) &&
        getFunctionBody(plain, version, types, error))
      return "function body";
    return "unsupported";
  }

  llvm::raw_ostream &output;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  int64_t numNodes = 0;
};
} // namespace

LogicalResult qc::listONNXNodes(MLIRContext &context,
                                const llvm::MemoryBuffer &buffer,
                                const ImportOptions &options,
                                llvm::raw_ostream &output) {
  std::unique_ptr<onnx::ModelProto> model =
      readModel(context, buffer.getBuffer(), options);
  if (!model)
    return failure();
  NodeLister(*model, output)
      .list(model->graph().node(), getOpsets(model->opset_import()), "", 0);
  return success();
}
