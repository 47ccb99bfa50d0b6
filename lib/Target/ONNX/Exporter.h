// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a function that collects the nodes of an ONNX graph.
#ifndef QC_LIB_TARGET_ONNX_EXPORTER_H
#define QC_LIB_TARGET_ONNX_EXPORTER_H

#include "ExportHandlers.h"

#include "qc/Target/ONNX/ExportONNX.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

#include <vector>

namespace qc {

/// Exports one function. Which operator set it needs is known only when all
/// nodes are, and how some nodes are written depends on it: the walk is
/// repeated with the version that the last one asked for.
class GraphExporter {
public:
  GraphExporter(mlir::func::FuncOp function, const ExportOptions &options)
      : function(function), options(options) {}

  struct Initializer {
    unsigned id;
    mlir::ElementsAttr value;
  };

  /// Fills graph, operator sets and version of `model`, but for the
  /// initializers.
  mlir::LogicalResult run(onnx::ModelProto &model);

  llvm::ArrayRef<Initializer> getInitializers() const { return initializers; }
  /// What a term is called in the model.
  const std::string &getName(unsigned id) const { return values[id].name; }
  mlir::RankedTensorType getType(unsigned id) const { return values[id].type; }

private:
  friend class ExportContext;

  struct Value {
    mlir::RankedTensorType type;
    std::string name;
    unsigned numUses = 0;
  };
  struct Node {
    std::string operation;
    llvm::SmallVector<unsigned> operands, results;
    std::vector<onnx::AttributeProto> attributes;
    mlir::Location loc;
    std::string name;
  };

  // The walk.
  mlir::LogicalResult walk();
  mlir::LogicalResult exportOp(mlir::Operation &op);
  /// Why ONNX cannot store values of this type and what is accepted; empty if
  /// it can.
  std::string describeMissing(mlir::Type type) const;
  /// Whether ONNX has the op's types, or wider ones: then the op joins
  /// `widened`.
  mlir::LogicalResult checkTypes(mlir::Operation &op);
  void reportWidened();
  void addOutputs(mlir::Operation &terminator);
  /// Raises `required` to what the node's types and attributes need; what no
  /// version takes is returned as an error, otherwise empty.
  std::string checkSchema(const Node &node);
  mlir::InFlightDiagnostic report(mlir::Operation *op);

  Term getTerm(mlir::Value value);
  Term addValue(mlir::RankedTensorType type);
  /// A constant to be called `name`; equal ones are one.
  Term addConstant(mlir::ElementsAttr value, std::string name);
  /// The type in which ONNX stores tensors of `type`, or null.
  mlir::RankedTensorType getStoredType(mlir::RankedTensorType type) const;

  // Behind the walk.
  void dropUnused();
  mlir::LogicalResult nameInterface();
  void nameNodes();
  std::string makeUnique(std::string name);
  void write(onnx::ModelProto &model);

  mlir::func::FuncOp function;
  const ExportOptions &options;
  int64_t opset = 13, required = 13;
  bool hasFailed = false;

  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<Initializer> initializers;
  llvm::DenseMap<mlir::Value, Term> terms;
  llvm::DenseMap<mlir::Attribute, Term> constants;
  llvm::DenseMap<unsigned, mlir::ElementsAttr> constantValues;
  /// Element types that ONNX lacks, and the ops that have them.
  llvm::MapVector<mlir::Type, std::vector<mlir::Operation *>> widened;
  llvm::SmallVector<unsigned> inputs, outputs;
  llvm::StringSet<> taken;
};

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_EXPORTER_H
