// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How an ONNX operator is imported: a handler per (domain, op, first version),
// in one table.
//
// To add an operator, write a handler in the file of its family and add its row
// in that file's registration function; docs/add-an-onnx-op.md shows it.
#ifndef QC_LIB_TARGET_ONNX_HANDLERS_H
#define QC_LIB_TARGET_ONNX_HANDLERS_H

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"

#include <onnx/onnx_pb.h>

#include <map>
#include <optional>
#include <string>

namespace qc {

class GraphImporter;
struct Frame;

inline mlir::RankedTensorType tensorOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return tensorOf(value).getShape();
}
inline mlir::Type elementOf(mlir::Value value) {
  return tensorOf(value).getElementType();
}
/// A value's type as text, for messages.
std::string getTypeName(mlir::Value value);
inline int64_t rankOf(mlir::Value value) { return tensorOf(value).getRank(); }

/// How much of each dimension of a tensor counts: a vector of one si64 where
/// only a run decides, null where the shape says it. Empty for other tensors.
using Extents = llvm::SmallVector<mlir::Value>;

/// One node as its handler sees it.
///
/// Errors do not need a check after each step: an op that cannot be created is
/// reported and gives a null value, a null operand gives a null result, and
/// `yield` of a null value fails. Only code that looks into a created value's
/// type must check it first.
class NodeContext {
public:
  NodeContext(GraphImporter &importer, Frame &frame,
              const onnx::NodeProto &node, int64_t opset, mlir::Location loc)
      : importer(importer), frame(frame), node(node), opset(opset), loc(loc) {}

  GraphImporter &importer;
  Frame &frame;
  const onnx::NodeProto &node;
  /// Version of the operator set of the node's domain.
  const int64_t opset;
  const mlir::Location loc;

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  unsigned getNumOperands() const { return operands.size(); }
  unsigned getNumResults() const { return node.output_size(); }
  /// Operand `i`, or null where the node leaves it out. Those that the table
  /// demands are never null.
  mlir::Value operator[](unsigned i) const {
    return i < operands.size() ? operands[i] : mlir::Value();
  }
  mlir::ValueRange getOperands() const { return operands; }
  bool hasResult(unsigned i) const {
    return i < static_cast<unsigned>(node.output_size()) &&
           !node.output(i).empty();
  }

  /// The constant behind a value, or null.
  static mlir::ElementsAttr getConstant(mlir::Value value);
  /// The integers of operand `i`; reports an error when it is left out or not
  /// constant. `what` names it there.
  mlir::FailureOr<llvm::SmallVector<int64_t>> getIntegers(unsigned i,
                                                          llvm::StringRef what);
  /// The only number of constant operand `i`, or `missing` if it is left out.
  mlir::FailureOr<double> getNumber(unsigned i, llvm::StringRef what,
                                    double missing);
  /// The shape that the model declares for result `i` (graph output or value
  /// info), if it is static once the symbols are bound.
  std::optional<llvm::SmallVector<int64_t>> getDeclaredShape(unsigned i);

  //===--------------------------------------------------------------------===//
  // Attributes (references to a function's attributes are resolved)
  //===--------------------------------------------------------------------===//

  const onnx::AttributeProto *getAttribute(llvm::StringRef name) const;
  bool hasAttribute(llvm::StringRef name) const { return getAttribute(name); }
  int64_t getInt(llvm::StringRef name, int64_t missing) const;
  double getFloat(llvm::StringRef name, double missing) const;
  std::string getString(llvm::StringRef name, llvm::StringRef missing) const;
  std::optional<llvm::SmallVector<int64_t>> getInts(llvm::StringRef name) const;
  llvm::SmallVector<int64_t> getInts(llvm::StringRef name,
                                     llvm::ArrayRef<int64_t> missing) const;
  std::optional<llvm::SmallVector<double>>
  getFloats(llvm::StringRef name) const;

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  mlir::Builder getBuilder() const;

  /// A tensor of the model as a constant; null and `error` on failure.
  mlir::ElementsAttr getTensor(const onnx::TensorProto &tensor,
                               std::string &error);
  /// Imports a subgraph with its inputs bound; `tag` distinguishes iterations
  /// in the names of its nodes.
  mlir::LogicalResult
  importSubgraph(const onnx::GraphProto &graph, mlir::ValueRange inputs,
                 llvm::StringRef tag,
                 llvm::SmallVectorImpl<mlir::Value> &results);

  /// Creates an op at the node's location with inferred result types, folding
  /// constants. Returns its first result.
  template <typename OpTy>
  mlir::Value create(mlir::ValueRange operands,
                     llvm::ArrayRef<mlir::NamedAttribute> attributes = {}) {
    return createOp(OpTy::getOperationName(), operands, attributes, 1).front();
  }
  /// The same with all results (null values on failure).
  template <typename OpTy>
  llvm::SmallVector<mlir::Value>
  createAll(mlir::ValueRange operands,
            llvm::ArrayRef<mlir::NamedAttribute> attributes,
            unsigned numResults) {
    return createOp(OpTy::getOperationName(), operands, attributes, numResults);
  }

  // Attributes of created ops.
  mlir::NamedAttribute ints(llvm::StringRef name,
                            llvm::ArrayRef<int64_t> values) const;
  mlir::NamedAttribute integer(llvm::StringRef name, int64_t value) const;
  mlir::NamedAttribute f32(llvm::StringRef name, double value) const;
  mlir::NamedAttribute boolean(llvm::StringRef name, bool value) const;
  mlir::NamedAttribute segments(llvm::ArrayRef<int32_t> sizes) const;
  mlir::NamedAttribute type(llvm::StringRef name, mlir::Type value) const;
  mlir::NamedAttribute attribute(llvm::StringRef name,
                                 mlir::Attribute value) const;

  // Constants.
  mlir::Value constant(mlir::ElementsAttr value);
  /// A 1-D (or `shape`d) si64 constant.
  mlir::Value integers(llvm::ArrayRef<int64_t> values);
  mlir::Value integers(llvm::ArrayRef<int64_t> values,
                       llvm::ArrayRef<int64_t> shape);
  /// A constant of `element` type holding `value` (converted, saturating).
  mlir::Value splat(mlir::Type element, double value,
                    llvm::ArrayRef<int64_t> shape = {});
  /// A scalar holding the smallest or largest value of `element`.
  mlir::Value limit(mlir::Type element, bool largest);

  // Frequent ops; no op is made where nothing changes.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape);
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> permutation);
  mlir::Value cast(mlir::Value x, mlir::Type element);
  /// Reduces sorted `axes` and keeps them with size one.
  mlir::Value reduce(mlir::Value x, ReduceKind kind,
                     llvm::ArrayRef<int64_t> axes);

  /// `axis` counted from the front; reports an error outside [-rank, rank).
  mlir::FailureOr<int64_t> normalizeAxis(int64_t axis, int64_t rank);
  /// The same for a list: sorted, each once.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  normalizeAxes(llvm::ArrayRef<int64_t> axes, int64_t rank);

  /// What is known at run time only of a value's size (Bounded.cpp).
  Extents getExtents(mlir::Value value) const;
  /// Remembers them. Returns the value, cut where they are constant.
  mlir::Value setExtents(mlir::Value value, Extents extents);
  /// Reports an error if one of these has a size known at run time only.
  mlir::LogicalResult demandStatic(mlir::ValueRange values);

  /// The results that were bound.
  mlir::ValueRange getResults() const { return results; }

  /// Binds the node's results in order. Fails if one is null.
  mlir::LogicalResult yield(mlir::ValueRange values);

  /// Reports that this node cannot be imported: why, and what would be.
  mlir::LogicalResult refuse(const llvm::Twine &reason,
                             const llvm::Twine &accepted);
  mlir::LogicalResult refuse(const llvm::Twine &reason);

private:
  friend class GraphImporter;
  /// An attribute if it is there and of this type.
  const onnx::AttributeProto *
  getTyped(llvm::StringRef name,
           onnx::AttributeProto::AttributeType type) const;
  llvm::SmallVector<mlir::Value>
  createOp(llvm::StringRef name, mlir::ValueRange operands,
           llvm::ArrayRef<mlir::NamedAttribute> attributes,
           unsigned numResults);

  llvm::SmallVector<mlir::Value> operands, results;
  /// Why the node cannot be imported; the importer reports them as one error.
  mutable std::vector<std::string> messages;
  /// An attribute that was read has another type than its operator defines.
  mutable bool hasBadAttribute = false;
};

using Handler = mlir::LogicalResult (*)(NodeContext &);

/// Imports a node some of whose operands have a size known at run time only, by
/// its handler or without.
using BoundedHandler = mlir::LogicalResult (*)(NodeContext &, Handler);

/// The operators that are imported by hand.
class HandlerTable {
public:
  struct Row {
    /// The first this many operands must be present.
    unsigned numOperands;
    Handler import;
    /// Only says why the operator is not supported.
    bool isRefusal = false;
  };

  /// Adds an operator of ONNX's default domain from version `since` on.
  void add(llvm::StringRef op, int64_t since, unsigned numOperands,
           Handler import) {
    addIn("", op, since, numOperands, import);
  }
  void addIn(llvm::StringRef domain, llvm::StringRef op, int64_t since,
             unsigned numOperands, Handler import) {
    rows[{domain.str(), op.str()}][since] = {numOperands, import};
  }
  /// Adds an operator that is not supported and better explained.
  void refuseIn(llvm::StringRef domain, llvm::StringRef op, Handler explain) {
    rows[{domain.str(), op.str()}][1] = {0, explain, true};
  }
  /// Forbids the expansion of an operator's function body: later passes need it
  /// whole.
  void keepWhole(llvm::StringRef op) { rows[{"", op.str()}]; }

  /// Operators of the default domain that may read values of run-time size.
  void takesBounded(llvm::StringRef op, BoundedHandler import) {
    bounded[op] = import;
  }
  BoundedHandler findBounded(llvm::StringRef domain, llvm::StringRef op) const {
    return domain.empty() ? bounded.lookup(op) : nullptr;
  }

  /// The newest row that is not newer than the version, or null.
  const Row *find(llvm::StringRef domain, llvm::StringRef op,
                  int64_t opset) const;
  /// Whether the operator may be expanded through its schema's function body.
  bool isExpandable(llvm::StringRef domain, llvm::StringRef op) const {
    return !rows.count({domain.str(), op.str()});
  }

  /// Visits every operator with a handler, with the first version of each.
  void
  forEach(llvm::function_ref<void(llvm::StringRef domain, llvm::StringRef op,
                                  llvm::ArrayRef<int64_t> versions)>
              visit) const;

  void forEachRefusal(
      llvm::function_ref<void(llvm::StringRef domain, llvm::StringRef op)>
          visit) const;

  /// All operators.
  static const HandlerTable &get();

private:
  std::map<std::pair<std::string, std::string>, std::map<int64_t, Row>> rows;
  llvm::StringMap<BoundedHandler> bounded;
};

// One registration function per family.
void registerAttentionHandlers(HandlerTable &table);
void registerBoundedHandlers(HandlerTable &table);
void registerControlFlowHandlers(HandlerTable &table);
void registerElementwiseHandlers(HandlerTable &table);
void registerImageHandlers(HandlerTable &table);
void registerIndexHandlers(HandlerTable &table);
void registerLinearHandlers(HandlerTable &table);
void registerMachineLearningHandlers(HandlerTable &table);
void registerMicrosoftHandlers(HandlerTable &table);
void registerNormHandlers(HandlerTable &table);
void registerPoolingHandlers(HandlerTable &table);
void registerQuantHandlers(HandlerTable &table);
void registerRecurrentHandlers(HandlerTable &table);
void registerReductionHandlers(HandlerTable &table);
void registerShapeHandlers(HandlerTable &table);
void registerSignalHandlers(HandlerTable &table);
void registerTrainingHandlers(HandlerTable &table);

// What families share.

/// Strides, dilations and pads (all begins, then all ends) of a windowed op.
struct Window {
  llvm::SmallVector<int64_t> kernel, strides, dilations, pads;
  /// How many of the end pads only ceil mode adds.
  llvm::SmallVector<int64_t> ceilExtra;
};
/// Reads the window attributes of a node (auto_pad, pads, strides, dilations,
/// ceil_mode) for an input with these spatial dimensions.
mlir::FailureOr<Window> getWindow(NodeContext &context,
                                  llvm::ArrayRef<int64_t> spatial,
                                  llvm::ArrayRef<int64_t> kernel);

/// qc.conv with the node's window attributes; null operands are left out.
mlir::Value createConv(NodeContext &context, mlir::Value x, mlir::Value w,
                       mlir::Value bias, mlir::Value xZero, mlir::Value wZero);
/// numpy.matmul: a vector on the left is a row, on the right a column, and its
/// dimension vanishes from the result.
mlir::Value createMatMul(NodeContext &context, mlir::Value a, mlir::Value b,
                         mlir::Value aZero, mlir::Value bZero);
/// qc.average_pool of x with the node's window attributes.
mlir::Value createAveragePool(NodeContext &context, mlir::Value x);

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_HANDLERS_H
