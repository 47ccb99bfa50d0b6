// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over nodes, through subgraphs and functions.
//
// A node that cannot be imported is reported and its results marked as failed;
// nodes behind it are skipped without a word unless they are unsupported
// themselves, so one run names everything that is missing.

#include "Importer.h"

#include "Schemas.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qc;

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
      emitError(loc) << options.filename << ": initializer '" << name << "' "
                     << error;
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
    return emitError(loc) << options.filename << ": "
                          << describeNode(name, node, opset) << ": ";
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
               "function body, which docs/operators.md lists";
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
    bool isBounded = llvm::any_of(context.operands, [&](Value operand) {
      return operand && extents.contains(operand);
    });
    BoundedHandler bounded =
        isBounded ? table.findBounded(domain, node.op_type()) : nullptr;
    if (present != row->numOperands)
      result = context.refuse("operand " + Twine(present) + " is missing");
    else if (bounded)
      result = bounded(context, row->import);
    else if (succeeded(result = context.demandStatic(context.operands)))
      result = row->import(context);
  } else if (body) {
    if (options.reportExpanded)
      emitRemark(loc) << describeNode(name, node, opset)
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
