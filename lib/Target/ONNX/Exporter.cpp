// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a function that collects the nodes of an ONNX graph, and their
// names.
//
// Terms are numbers until the walk is done. Names come last, when it is known
// which nodes are used and how many of them share a location.

#include "Exporter.h"

#include "Schemas.h"
#include "Tensors.h"

#include "qc/Support/Names.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Types and terms
//===----------------------------------------------------------------------===//

RankedTensorType GraphExporter::getStoredType(RankedTensorType type) const {
  Type element = type.getElementType();
  if (!getDataType(element)) {
    auto integer = dyn_cast<IntegerType>(element);
    if (options.exactTypes || !integer || integer.isSignless() ||
        integer.getWidth() > 8)
      return {};
    element =
        IntegerType::get(element.getContext(), integer.getWidth() < 4 ? 4 : 8,
                         integer.getSignedness());
  }
  return RankedTensorType::get(type.getShape(), element);
}

Term GraphExporter::addValue(RankedTensorType type) {
  values.push_back({type, "", 0});
  return {static_cast<unsigned>(values.size() - 1), type};
}

Term GraphExporter::addConstant(ElementsAttr value, std::string name) {
  auto type = getStoredType(cast<RankedTensorType>(value.getType()));
  Term &term = constants[value];
  if (term || !type)
    return term;
  term = addValue(type);
  initializers.push_back({term.id, value});
  constantValues[term.id] = value;
  values[term.id].name = std::move(name);
  return term;
}

Term GraphExporter::getTerm(mlir::Value value) {
  if (!value)
    return {};
  if (auto constant = value.getDefiningOp<ConstantOp>())
    return addConstant(constant.getValue(), getNodeName(constant.getLoc()));
  return terms.lookup(value);
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

InFlightDiagnostic GraphExporter::report(Operation *op) {
  hasFailed = true;
  std::string name = getNodeName(op->getLoc());
  return emitError(op->getLoc())
         << (name.empty() ? std::string() : "node '" + name + "' (") << "op "
         << op->getName() << (name.empty() ? "" : ")")
         << " cannot be exported to ONNX: ";
}

std::string GraphExporter::describeMissing(Type type) const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor) {
    stream << "has type " << type << "; accepted: tensors";
    return text;
  }
  if (tensor.getEncoding())
    return "has a layout; accepted: modules before qc-assign-layouts";
  if (getStoredType(tensor))
    return "";
  stream << "has element type " << tensor.getElementType()
         << ", which ONNX lacks; accepted: ";
  auto integer = dyn_cast<IntegerType>(tensor.getElementType());
  if (!integer || integer.isSignless() || integer.getWidth() > 8) {
    stream << "ONNX's types of numbers, and booleans";
    return text;
  }
  StringRef sign = integer.isUnsigned() ? "ui" : "si";
  stream << sign << "2, " << sign << "4, " << sign << "8, " << sign
         << "16, or without --exact-types";
  return text;
}

LogicalResult GraphExporter::checkTypes(Operation &op) {
  auto check = [&](TypeRange types, StringRef what) -> LogicalResult {
    for (auto [index, type] : llvm::enumerate(types))
      if (std::string missing = describeMissing(type); !missing.empty())
        return report(&op) << what << " " << index << " " << missing;
    return success();
  };
  if (failed(check(op.getOperandTypes(), "operand")) ||
      failed(check(op.getResultTypes(), "result")))
    return failure();
  llvm::SmallSetVector<Type, 2> narrow;
  for (Type type :
       llvm::concat<const Type>(llvm::to_vector(op.getOperandTypes()),
                                llvm::to_vector(op.getResultTypes())))
    if (Type element = getElementTypeOrSelf(type); !getDataType(element))
      narrow.insert(element);
  for (Type type : narrow)
    widened[type].push_back(&op);
  return success();
}

void GraphExporter::reportWidened() {
  for (const auto &[type, ops] : widened) {
    InFlightDiagnostic diagnostic = emitWarning(function.getLoc());
    Type stored =
        getStoredType(RankedTensorType::get({}, type)).getElementType();
    diagnostic << "ONNX lacks " << type << ": stored as " << stored
               << ", with the same scales, zero points and numbers, in "
               << ops.size() << (ops.size() == 1 ? " node" : " nodes");
    if (std::string name = getNodeName(ops.front()->getLoc()); !name.empty())
      diagnostic << (ops.size() == 1 ? ", '" : ", the first '") << name << "'";
    diagnostic << " (--exact-types refuses this)";
  }
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

std::string GraphExporter::checkSchema(const Node &node) {
  onnx::NodeProto proto;
  proto.set_op_type(node.operation);
  for (const onnx::AttributeProto &attribute : node.attributes)
    *proto.add_attribute() = attribute;
  auto getTypes = [&](ArrayRef<unsigned> ids) {
    std::vector<int32_t> types;
    for (unsigned id : ids)
      types.push_back(id ? getDataType(values[id].type.getElementType()) : 0);
    return types;
  };
  std::string error;
  std::optional<int64_t> found = findOpset(
      proto, getTypes(node.operands), getTypes(node.results), opset, error);
  if (!found)
    return error;
  required = std::max(required, *found);
  return "";
}

LogicalResult GraphExporter::exportOp(Operation &op) {
  if (isa<ConstantOp>(op))
    return success();
  if (failed(checkTypes(op)))
    return failure();
  const ExportTable::Row *row =
      ExportTable::get().find(op.getName().getStringRef());
  if (!row)
    return report(&op) << "it has no counterpart there; accepted: ops of the "
                          "graph and QDQ levels (before qc-to-integer)";
  // What an op that failed would have given is missing: it has been reported.
  for (mlir::Value operand : op.getOperands())
    if (!getTerm(operand))
      return failure();
  ExportContext context(*this, &op);
  if (row->handler) {
    if (succeeded(row->handler(context, &op)))
      return success();
    hasFailed = true;
    return failure();
  }
  SmallVector<RankedTensorType> results;
  for (unsigned i = 0; i < op.getNumResults(); ++i)
    results.push_back(context.getResultType(i));
  return context.yield(
      context.nodes(row->operation, context.getOperands(), results));
}

void GraphExporter::addOutputs(Operation &terminator) {
  ExportContext context(*this, &terminator);
  llvm::DenseSet<unsigned> fixed(inputs.begin(), inputs.end());
  for (const Initializer &initializer : initializers)
    fixed.insert(initializer.id);
  llvm::DenseSet<int64_t> hidden;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto extents =
            function.getResultAttrOfType<IntegerAttr>(i, "qc.extents"))
      hidden.insert(extents.getInt());
  for (unsigned i = 0; i < terminator.getNumOperands(); ++i) {
    if (hidden.contains(i))
      continue;
    mlir::Value value = terminator.getOperand(i);
    auto extents = function.getResultAttrOfType<IntegerAttr>(i, "qc.extents");
    bool isBounded = extents && extents.getInt() >= 0 &&
                     extents.getInt() < terminator.getNumOperands();
    // What qc.compact moves together is cut where it lay before.
    if (auto compact = value.getDefiningOp<CompactOp>(); compact && isBounded)
      value = compact.getX();
    Term term = getTerm(value);
    if (isBounded)
      term = context.cut(term, terminator.getOperand(extents.getInt()));
    // An output is a node's result, and one output's only.
    bool isConstant = value.getDefiningOp<ConstantOp>() != nullptr;
    if (isConstant || !fixed.insert(term.id).second)
      term = context.node("Identity", {term}, term.type);
    outputs.push_back(term.id);
  }
}

LogicalResult GraphExporter::walk() {
  values.assign(1, {});
  nodes.clear();
  initializers.clear();
  terms.clear();
  constants.clear();
  constantValues.clear();
  widened.clear();
  inputs.clear();
  outputs.clear();
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitError("has no body of one block; accepted: functions "
                              "of the graph and QDQ levels");
  Block &block = function.getBody().front();
  for (auto [index, argument] : llvm::enumerate(block.getArguments())) {
    if (std::string missing = describeMissing(argument.getType());
        !missing.empty())
      return function.emitError("argument ") << index << " " << missing;
    terms[argument] =
        addValue(getStoredType(cast<RankedTensorType>(argument.getType())));
    inputs.push_back(terms[argument].id);
  }
  // Goes on after an error: one run names all ops that cannot be exported.
  for (Operation &op : block.without_terminator())
    (void)exportOp(op);
  if (hasFailed || failed(checkTypes(*block.getTerminator())))
    return failure();
  addOutputs(*block.getTerminator());
  return success(!hasFailed);
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

/// Counts uses and removes nodes and initializers without any.
void GraphExporter::dropUnused() {
  for (unsigned id : outputs)
    ++values[id].numUses;
  std::vector<Node> kept;
  for (Node &node : llvm::reverse(nodes)) {
    if (llvm::none_of(node.results,
                      [&](unsigned id) { return values[id].numUses; }))
      continue;
    for (unsigned id : node.operands)
      if (id)
        ++values[id].numUses;
    while (!values[node.results.back()].numUses)
      node.results.pop_back();
    kept.push_back(std::move(node));
  }
  nodes.assign(std::make_move_iterator(kept.rbegin()),
               std::make_move_iterator(kept.rend()));
  llvm::erase_if(initializers, [&](const Initializer &initializer) {
    return !values[initializer.id].numUses;
  });
}

std::string GraphExporter::makeUnique(std::string name) {
  if (taken.insert(name).second)
    return name;
  for (unsigned i = 1;; ++i) {
    std::string candidate = name + "_" + std::to_string(i);
    if (taken.insert(candidate).second)
      return candidate;
  }
}

/// Names of inputs and outputs are the function's: two of one name are an
/// error, not renamed.
LogicalResult GraphExporter::nameInterface() {
  auto assign = [&](unsigned id, StringAttr given,
                    const Twine &missing) -> LogicalResult {
    std::string name =
        given && !given.empty() ? given.str() : makeUnique(missing.str());
    if (given && !given.empty() && !taken.insert(name).second)
      return function.emitError("two of its inputs and outputs are named '")
             << name << "'; accepted: different names in qc.name";
    values[id].name = name;
    return success();
  };
  for (auto [index, id] : llvm::enumerate(inputs))
    if (failed(assign(id,
                      function.getArgAttrOfType<StringAttr>(index, "qc.name"),
                      "input_" + Twine(index))))
      return failure();
  unsigned next = 0;
  llvm::DenseSet<int64_t> hidden;
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto extents =
            function.getResultAttrOfType<IntegerAttr>(i, "qc.extents"))
      hidden.insert(extents.getInt());
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (!hidden.contains(i) &&
        failed(assign(outputs[next++],
                      function.getResultAttrOfType<StringAttr>(i, "qc.name"),
                      "output_" + Twine(i))))
      return failure();
  return success();
}

/// A node has the name of its location. Where several nodes share one, the
/// operator's name follows.
void GraphExporter::nameNodes() {
  for (const Initializer &initializer : initializers) {
    std::string &name = values[initializer.id].name;
    name = makeUnique(name.empty() ? "constant" : std::move(name));
  }
  llvm::StringMap<unsigned> uses;
  for (Node &node : nodes) {
    node.name = getNodeName(node.loc);
    ++uses[node.name];
  }
  llvm::StringSet<> values = std::move(taken);
  taken.clear();
  for (Node &node : nodes) {
    if (node.name.empty())
      node.name = node.operation;
    else if (uses[node.name] > 1)
      node.name += "/" + node.operation;
    node.name = makeUnique(std::move(node.name));
  }
  taken = std::move(values);
  for (const Node &node : nodes)
    for (auto [index, id] : llvm::enumerate(node.results))
      if (std::string &name = this->values[id].name; id && name.empty())
        name = makeUnique(node.name + "_output" +
                          (index ? "_" + std::to_string(index) : ""));
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

static void setType(onnx::ValueInfoProto &info, StringRef name,
                    RankedTensorType type) {
  info.set_name(name.str());
  onnx::TypeProto::Tensor &tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(getDataType(type.getElementType()));
  tensor.mutable_shape();
  for (auto [dim, size] : llvm::enumerate(type.getShape())) {
    auto &entry = *tensor.mutable_shape()->add_dim();
    if (ShapedType::isDynamic(size))
      entry.set_dim_param(name.str() + "." + std::to_string(dim));
    else
      entry.set_dim_value(size);
  }
}

/// The oldest version of the file format that an operator set belongs to, as
/// ONNX's table of releases has it.
static int64_t getFormatVersion(int64_t opset) {
  static constexpr std::pair<int64_t, int64_t> releases[] = {
      {28, 14}, {25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}};
  for (auto [since, version] : releases)
    if (opset >= since)
      return version;
  return 7;
}

void GraphExporter::write(onnx::ModelProto &model) {
  model.set_ir_version(getFormatVersion(opset));
  model.set_producer_name("qc");
  onnx::OperatorSetIdProto &import = *model.add_opset_import();
  import.set_domain("");
  import.set_version(opset);
  onnx::GraphProto &graph = *model.mutable_graph();
  std::string name = getNodeName(function.getLoc());
  graph.set_name(name.empty() ? function.getName().str() : name);
  for (unsigned id : inputs)
    setType(*graph.add_input(), values[id].name, values[id].type);
  for (unsigned id : outputs)
    setType(*graph.add_output(), values[id].name, values[id].type);
  llvm::DenseSet<unsigned> isOutput(outputs.begin(), outputs.end());
  for (const Node &node : nodes) {
    onnx::NodeProto &proto = *graph.add_node();
    proto.set_op_type(node.operation);
    proto.set_name(node.name);
    for (unsigned id : node.operands)
      proto.add_input(values[id].name);
    for (unsigned id : node.results) {
      proto.add_output(values[id].name);
      if (id && !isOutput.contains(id))
        setType(*graph.add_value_info(), values[id].name, values[id].type);
    }
    for (const onnx::AttributeProto &attribute : node.attributes)
      *proto.add_attribute() = attribute;
  }
}

LogicalResult GraphExporter::run(onnx::ModelProto &model) {
  // The version only rises, up to the newest one.
  do {
    opset = required;
    if (failed(walk()))
      return failure();
  } while (required > opset);
  dropUnused();
  if (failed(nameInterface()))
    return failure();
  reportWidened();
  nameNodes();
  write(model);
  return success();
}
