// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The exporter's entry point: which function, weights in the model or in a file
// beside it, and the bytes.

#include "Exporter.h"

#include "Tensors.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qc;

/// Protobuf's limit, less what the graph itself may need.
static constexpr int64_t largestModel = (int64_t(1) << 31) - (1 << 26);
/// Smaller tensors stay in the model: shape inference reads them.
static constexpr int64_t smallestExternal = 1024;
/// Tensors begin at multiples of this in the external file, so that readers may
/// map them.
static constexpr int64_t externalAlignment = 4096;

/// The bytes of a constant in a type of wider integers. `scratch` may hold
/// them.
static FailureOr<ArrayRef<char>>
getStoredBytes(ElementsAttr value, RankedTensorType stored,
               SmallVectorImpl<char> &scratch) {
  if (value.getElementType() == stored.getElementType())
    return getConstantBytes(value, scratch);
  FailureOr<SmallVector<int64_t>> codes = getConstantIntegers(value);
  if (failed(codes))
    return failure();
  unsigned bits = stored.getElementTypeBitWidth(), perByte = 8 / bits;
  scratch.assign(llvm::divideCeil(codes->size(), perByte), 0);
  for (auto [index, code] : llvm::enumerate(*codes))
    scratch[index / perByte] |= static_cast<char>((code & ((1 << bits) - 1))
                                                  << (index % perByte * bits));
  return ArrayRef<char>(scratch);
}

namespace {

/// Adds initializers to a graph, large ones to a file if there is one.
class InitializerWriter {
public:
  InitializerWriter(const GraphExporter &exporter, onnx::GraphProto &graph,
                    StringRef file)
      : exporter(exporter), graph(graph), file(file) {}

  LogicalResult write(Location loc) {
    std::error_code error;
    std::optional<llvm::raw_fd_ostream> stream;
    if (!file.empty()) {
      stream.emplace(file, error);
      if (error)
        return emitError(loc) << "cannot write external data '" << file
                              << "': " << error.message();
    }
    for (const GraphExporter::Initializer &initializer :
         exporter.getInitializers()) {
      SmallVector<char> scratch;
      FailureOr<ArrayRef<char>> bytes = getStoredBytes(
          initializer.value, exporter.getType(initializer.id), scratch);
      if (failed(bytes))
        return emitError(loc)
               << "the constant '" << exporter.getName(initializer.id)
               << "' has no bytes (its resource is missing or of another size)";
      write(initializer.id, *bytes, stream ? &*stream : nullptr);
    }
    if (!stream)
      return success();
    stream->close();
    if (!stream->has_error())
      return success();
    error = stream->error();
    stream->clear_error();
    return emitError(loc) << "cannot write external data '" << file
                          << "': " << error.message();
  }

private:
  void write(unsigned id, ArrayRef<char> bytes, llvm::raw_fd_ostream *stream) {
    onnx::TensorProto &tensor = *graph.add_initializer();
    RankedTensorType type = exporter.getType(id);
    tensor.set_name(exporter.getName(id));
    tensor.set_data_type(getDataType(type.getElementType()));
    for (int64_t size : type.getShape())
      tensor.add_dims(size);
    if (!stream || static_cast<int64_t>(bytes.size()) < smallestExternal) {
      tensor.set_raw_data(bytes.data(), bytes.size());
      return;
    }
    stream->write_zeros(llvm::alignTo(position, externalAlignment) - position);
    position = llvm::alignTo(position, externalAlignment);
    stream->write(bytes.data(), bytes.size());
    tensor.set_data_location(onnx::TensorProto::EXTERNAL);
    auto add = [&](StringRef key, StringRef text) {
      onnx::StringStringEntryProto &entry = *tensor.add_external_data();
      entry.set_key(key.str());
      entry.set_value(text.str());
    };
    add("location", llvm::sys::path::filename(file));
    add("offset", std::to_string(position));
    add("length", std::to_string(bytes.size()));
    position += bytes.size();
  }

  const GraphExporter &exporter;
  onnx::GraphProto &graph;
  StringRef file;
  uint64_t position = 0;
};

} // namespace

/// The function that the options name, or the only one.
static func::FuncOp findFunction(ModuleOp module,
                                 const ExportOptions &options) {
  SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
  if (options.function.empty() && functions.size() == 1)
    return functions.front();
  for (func::FuncOp function : functions)
    if (function.getName() == options.function)
      return function;
  InFlightDiagnostic diagnostic = emitError(module.getLoc());
  if (options.function.empty())
    diagnostic << "the module has " << functions.size()
               << " functions; --function=NAME says which one to export";
  else
    diagnostic << "the module has no function '" << options.function << "'";
  if (!functions.empty())
    diagnostic << "; accepted:";
  for (func::FuncOp function : functions)
    diagnostic << " '" << function.getName() << "'";
  return {};
}

/// Where the weights go; empty: into the model.
static FailureOr<std::string> chooseFile(const GraphExporter &exporter,
                                         const ExportOptions &options,
                                         Location loc) {
  if (!options.externalData.empty())
    return options.externalData;
  int64_t total = 0;
  for (const GraphExporter::Initializer &initializer :
       exporter.getInitializers()) {
    RankedTensorType type = exporter.getType(initializer.id);
    total += llvm::divideCeil(
        type.getNumElements() * type.getElementTypeBitWidth(), 8);
  }
  if (total <= largestModel)
    return std::string();
  if (options.externalDataIfLarge.empty()) {
    emitError(loc) << "the weights have " << total
                   << " bytes, more than a model holds; accepted: "
                      "--external-data=FILE, or a file as output (-o)";
    return failure();
  }
  return options.externalDataIfLarge;
}

LogicalResult qc::exportONNX(ModuleOp module, const ExportOptions &options,
                             llvm::raw_ostream &output) {
  func::FuncOp function = findFunction(module, options);
  if (!function)
    return failure();
  onnx::ModelProto model;
  GraphExporter exporter(function, options);
  if (failed(exporter.run(model)))
    return failure();
  Location loc = function.getLoc();
  FailureOr<std::string> file = chooseFile(exporter, options, loc);
  if (failed(file) ||
      failed(InitializerWriter(exporter, *model.mutable_graph(), *file)
                 .write(loc)))
    return failure();
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    return emitError(loc) << "the model is larger than protobuf's 2 GiB; "
                             "accepted: --external-data=FILE";
  output << bytes;
  return success();
}
