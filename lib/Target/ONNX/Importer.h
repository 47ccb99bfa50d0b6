// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer: scopes, names and the walk over nodes.
#ifndef QC_LIB_TARGET_ONNX_IMPORTER_H
#define QC_LIB_TARGET_ONNX_IMPORTER_H

#include "Handlers.h"
#include "Tensors.h"

#include "qc/Target/ONNX/ImportONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace qc {

/// A name scope: the main graph, a subgraph or the body of a function.
struct Frame {
  /// The scope around a subgraph; functions have none.
  Frame *parent = nullptr;
  /// Values by name. A null value belongs to a node that failed.
  llvm::StringMap<mlir::Value> values;
  /// Initializers that no node has read yet.
  llvm::StringMap<onnx::TensorProto *> initializers;
  /// Attributes that nodes of a function refer to (shared by its subgraphs).
  const llvm::StringMap<const onnx::AttributeProto *> *attributes = nullptr;
  /// Versions of the operator sets by domain.
  const llvm::StringMap<int64_t> *opsets = nullptr;
  /// Path of the caller, before a node's name.
  std::string prefix;
  /// Declared shapes by value name.
  const llvm::StringMap<const onnx::ValueInfoProto *> *declared = nullptr;
  /// How many functions and subgraphs lie around this one.
  unsigned depth = 0;
};

/// Values of symbolic dimensions and shapes of inputs in one combination.
struct Binding {
  std::map<std::string, int64_t> symbols;
  std::map<std::string, std::vector<int64_t>> shapes;
};

class GraphImporter {
public:
  GraphImporter(mlir::MLIRContext &context, onnx::ModelProto &model,
                const ImportOptions &options, TensorReader &tensors);

  /// Imports the model under one binding as function `name`.
  mlir::LogicalResult importFunction(mlir::ModuleOp module,
                                     llvm::StringRef name,
                                     const Binding &binding);

  /// Imports nodes into `frame`. Fails after the last one if any failed.
  mlir::LogicalResult
  importNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
              Frame &frame);

  /// Imports a subgraph of the node `context` with its inputs bound to
  /// `inputs`; `results` receives the outputs' values. `tag` distinguishes
  /// iterations in the nodes' names.
  mlir::LogicalResult
  importSubgraph(NodeContext &context, const onnx::GraphProto &graph,
                 mlir::ValueRange inputs, llvm::StringRef tag,
                 llvm::SmallVectorImpl<mlir::Value> &results);

  /// The value of a name, made from its initializer if needed. Null without
  /// `exists` means an unknown name, null with it a node that failed.
  mlir::Value lookup(Frame &frame, llvm::StringRef name, bool &exists);

  /// Reads a tensor once for all functions; null and `error` on failure.
  mlir::ElementsAttr getTensor(const onnx::TensorProto &tensor,
                               std::string &error);

  /// Adds for each result of run-time size one with its extents, and says so in
  /// the attributes.
  mlir::LogicalResult
  addExtents(Frame &frame, mlir::Location loc,
             llvm::SmallVectorImpl<mlir::Value> &results,
             llvm::SmallVectorImpl<mlir::NamedAttrList> &names);

  /// Values of run-time size (see Bounded.cpp).
  llvm::DenseMap<mlir::Value, Extents> extents;
  /// Results of NonZero by operand.
  llvm::DenseMap<mlir::Value, mlir::Value> positions;

  /// A static shape from a declared type, if there is one.
  std::optional<llvm::SmallVector<int64_t>>
  resolveShape(const onnx::TypeProto &type);

  mlir::OpBuilder builder;

private:
  mlir::LogicalResult importNode(const onnx::NodeProto &node,
                                 const std::string &name, Frame &frame);
  mlir::LogicalResult importCall(const onnx::FunctionProto &function,
                                 NodeContext &context);
  mlir::LogicalResult addInitializers(const onnx::GraphProto &graph,
                                      Frame &frame);
  mlir::FailureOr<mlir::RankedTensorType>
  getInputType(const onnx::ValueInfoProto &input, Binding &symbols);

  mlir::MLIRContext &context;
  onnx::ModelProto &model;
  const ImportOptions &options;
  TensorReader &tensors;
  Binding binding;
  /// Nodes imported so far, expanded ones included.
  int64_t numNodes = 0;
  /// Errors reported at nodes so far.
  int64_t numReports = 0;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  llvm::DenseMap<const onnx::TensorProto *, mlir::ElementsAttr> constants;
  /// Function bodies made from schemas live as long as the nodes they hold.
  std::vector<std::unique_ptr<onnx::FunctionProto>> bodies;
};

/// Functions and subgraphs may nest this deep.
inline constexpr unsigned largestDepth = 64;
/// Nodes after expansion: functions that call functions and loops in loops
/// multiply, so a small file could ask for any number.
inline constexpr int64_t largestNodeCount = 1000000;

/// The operator set versions that a model or function imports; "ai.onnx" is "".
llvm::StringMap<int64_t>
getOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>
              &imports);
/// A domain's canonical name: "ai.onnx" is "".
llvm::StringRef getDomain(llvm::StringRef domain);
/// Names of nodes: the node's own if unique, else `<op>:<first output>`.
std::vector<std::string>
getNodeNames(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
             llvm::StringRef prefix);
/// A node as diagnostics present it.
std::string describeNode(llvm::StringRef name, const onnx::NodeProto &node,
                         std::optional<int64_t> opset);
/// Key of a model-local function.
std::string getFunctionKey(llvm::StringRef domain, llvm::StringRef name,
                           llvm::StringRef overload);

/// Evaluates an op on constants in C++ where the interpreter would be slow:
/// moves, casts and quantization of weights. Fails for other ops.
mlir::FailureOr<mlir::ElementsAttr>
foldLargeConstant(mlir::Operation *op,
                  llvm::ArrayRef<mlir::ElementsAttr> operands);

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_IMPORTER_H
