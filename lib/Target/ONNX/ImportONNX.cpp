// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's entry points: models from files and memory, all combinations
// of shapes, and the list of nodes.

#include "Importer.h"

#include "Schemas.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static std::unique_ptr<onnx::ModelProto>
readModel(MLIRContext &context, const llvm::MemoryBuffer &buffer,
          const ImportOptions &options) {
  auto report = [&] {
    return emitError(UnknownLoc::get(&context)) << options.filename << ": ";
  };
  std::string error;
  std::unique_ptr<onnx::ModelProto> model = parseModel(
      std::string_view(buffer.getBufferStart(), buffer.getBufferSize()),
      StringRef(options.filename).ends_with(".onnxtxt"), error);
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

FailureOr<OwningOpRef<ModuleOp>>
qc::importONNX(MLIRContext &context, const llvm::MemoryBuffer &buffer,
               const ImportOptions &options) {
  context.loadDialect<QCDialect, func::FuncDialect>();
  std::unique_ptr<onnx::ModelProto> model = readModel(context, buffer, options);
  if (!model)
    return failure();
  Location loc = UnknownLoc::get(&context);
  for (const auto &[input, shapes] : options.shapes)
    if (llvm::none_of(model->graph().input(),
                      [&](const auto &info) { return info.name() == input; })) {
      InFlightDiagnostic diagnostic =
          emitError(loc) << options.filename << ": --shape names the input '"
                         << input << "', the model has";
      for (const onnx::ValueInfoProto &info : model->graph().input())
        diagnostic << " '" << info.name() << "'";
      return failure();
    }
  for (const auto &[symbol, values] : options.bindings) {
    auto isNamed = [&](const onnx::ValueInfoProto &info) {
      return llvm::any_of(
          info.type().tensor_type().shape().dim(),
          [&](const auto &dim) { return dim.dim_param() == symbol; });
    };
    if (llvm::none_of(model->graph().input(), isNamed) &&
        llvm::none_of(model->graph().output(), isNamed))
      emitWarning(loc) << options.filename << ": no dimension is named '"
                       << symbol << "', --bind does nothing";
  }
  std::string folder =
      options.dataDirectory.empty()
          ? llvm::sys::path::parent_path(options.filename).str()
          : options.dataDirectory;
  TensorReader tensors(&context, folder);
  GraphImporter importer(context, *model, options, tensors);
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
  return importONNX(context, **buffer, options);
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
    if (const HandlerTable::Row *row =
            table.find(domain, node.op_type(), version))
      return row->isRefusal ? "unsupported" : "handler";
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
  std::unique_ptr<onnx::ModelProto> model = readModel(context, buffer, options);
  if (!model)
    return failure();
  NodeLister(*model, output)
      .list(model->graph().node(), getOpsets(model->opset_import()), "", 0);
  return success();
}
