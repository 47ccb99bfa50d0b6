// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a qc op is exported: a handler per op, in one table. The inverse of
// Handlers.h.
//
// To add an op, write a handler in the file of its family and add its row in
// that file's registration function.
#ifndef QC_LIB_TARGET_ONNX_EXPORTHANDLERS_H
#define QC_LIB_TARGET_ONNX_EXPORTHANDLERS_H

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"

#include "llvm/ADT/StringMap.h"

#include <onnx/onnx_pb.h>

#include <string>

namespace qc {

class GraphExporter;

/// A value of the graph that is written: its number (0: none, an operand that
/// is left out) and its type, in which a size that only a run knows is dynamic.
struct Term {
  unsigned id = 0;
  mlir::RankedTensorType type;

  explicit operator bool() const { return id != 0; }
  llvm::ArrayRef<int64_t> shape() const { return type.getShape(); }
  int64_t rank() const { return type.getRank(); }
  mlir::Type element() const { return type.getElementType(); }
};

/// One op as its handler sees it.
class ExportContext {
public:
  ExportContext(GraphExporter &exporter, mlir::Operation *op)
      : exporter(exporter), op(op) {}

  mlir::Operation *getOp() const { return op; }
  /// The operator set version that is written.
  int64_t getOpset() const;
  /// Says that what the handler wrote needs this version. What the schemas tell
  /// by types and attributes needs no such word.
  void require(int64_t opset);

  //===--------------------------------------------------------------------===//
  // Operands
  //===--------------------------------------------------------------------===//

  Term operator[](unsigned i) { return get(op->getOperand(i)); }
  /// The term of a value of the function; none for a null value.
  Term get(mlir::Value value);
  llvm::SmallVector<Term> getOperands();
  /// The constant behind a value, or null.
  static mlir::ElementsAttr getConstant(mlir::Value value);
  /// Whether every element of a constant value is `number`.
  static bool isSplatOf(mlir::Value value, double number);
  /// The type of the op's result `i` as it is written.
  mlir::RankedTensorType getResultType(unsigned i = 0);

  //===--------------------------------------------------------------------===//
  // Nodes
  //===--------------------------------------------------------------------===//

  using Attributes = llvm::ArrayRef<onnx::AttributeProto>;

  /// Adds a node and returns its results; one of null type is left out, as are
  /// operands without a term.
  llvm::SmallVector<Term> nodes(llvm::StringRef operation,
                                llvm::ArrayRef<Term> operands,
                                llvm::ArrayRef<mlir::RankedTensorType> results,
                                Attributes attributes = {});
  /// Adds a node of one result.
  Term node(llvm::StringRef operation, llvm::ArrayRef<Term> operands,
            mlir::RankedTensorType result, Attributes attributes = {}) {
    return nodes(operation, operands, result, attributes).front();
  }

  static onnx::AttributeProto integer(llvm::StringRef name, int64_t value);
  static onnx::AttributeProto real(llvm::StringRef name,
                                   const llvm::APFloat &value);
  static onnx::AttributeProto reals(llvm::StringRef name,
                                    llvm::ArrayRef<float> values);
  static onnx::AttributeProto text(llvm::StringRef name, llvm::StringRef value);
  static onnx::AttributeProto texts(llvm::StringRef name,
                                    llvm::ArrayRef<std::string> values);
  static onnx::AttributeProto integers(llvm::StringRef name,
                                       llvm::ArrayRef<int64_t> values);
  /// The number of an element type.
  static onnx::AttributeProto dataType(llvm::StringRef name,
                                       mlir::Type element);

  /// A constant operand. Equal ones are stored once.
  Term constant(mlir::ElementsAttr value);
  /// A vector of int64.
  Term constant(llvm::ArrayRef<int64_t> values);
  /// A scalar, or a tensor of one value.
  Term splat(mlir::Type element, double value,
             llvm::ArrayRef<int64_t> shape = {});

  // Frequent nodes; none is made where nothing changes.
  Term reshape(Term x, llvm::ArrayRef<int64_t> shape);
  Term transpose(Term x, llvm::ArrayRef<int64_t> permutation);
  Term cast(Term x, mlir::Type element);
  Term expand(Term x, llvm::ArrayRef<int64_t> shape);
  /// Entries [begin, begin + size) of an axis.
  Term slice(Term x, int64_t axis, int64_t begin, int64_t size);
  Term concat(llvm::ArrayRef<Term> parts, int64_t axis);
  /// The part of x below these extents (an entry per dimension).
  Term cut(Term x, mlir::Value extents);
  Term unary(llvm::StringRef operation, Term x);
  /// An elementwise operator of two operands that broadcast; the result has the
  /// first one's element type.
  Term binary(llvm::StringRef operation, Term lhs, Term rhs);
  /// The same with booleans as result.
  Term compare(llvm::StringRef operation, Term lhs, Term rhs);
  Term where(Term condition, Term onTrue, Term onFalse);

  mlir::Type getIndexType() const;

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// Binds the op's results in order; one without a term must not be used.
  mlir::LogicalResult yield(llvm::ArrayRef<Term> terms);
  /// Reports that this op cannot be exported: why, and what would be.
  mlir::LogicalResult refuse(const llvm::Twine &reason,
                             const llvm::Twine &accepted);

private:
  mlir::RankedTensorType broadcast(llvm::ArrayRef<Term> terms,
                                   mlir::Type element);

  GraphExporter &exporter;
  mlir::Operation *op;
};

/// The ops that are exported.
class ExportTable {
public:
  using Handler = mlir::LogicalResult (*)(ExportContext &, mlir::Operation *);
  struct Row {
    /// The operator that the op is, on the same operands and without
    /// attributes.
    std::string operation;
    /// Or what writes it.
    Handler handler = nullptr;
  };

  /// Adds an op by its handler, a function of (ExportContext &, the op).
  template <auto handler> void add() {
    using OpTy = decltype(getOpType(handler));
    rows[OpTy::getOperationName()] = {
        "", [](ExportContext &context, mlir::Operation *op) {
          return handler(context, mlir::cast<OpTy>(op));
        }};
  }
  /// Adds an op that is just one operator.
  template <typename OpTy> void add(llvm::StringRef operation) {
    rows[OpTy::getOperationName()] = {operation.str(), nullptr};
  }

  const Row *find(llvm::StringRef op) const {
    auto found = rows.find(op);
    return found == rows.end() ? nullptr : &found->second;
  }

  /// All ops.
  static const ExportTable &get();

private:
  template <typename OpTy>
  static OpTy getOpType(mlir::LogicalResult (*)(ExportContext &, OpTy));

  llvm::StringMap<Row> rows;
};

// One registration function per family.
void addAttentionExports(ExportTable &table);
void addBoundedExports(ExportTable &table);
void addElementwiseExports(ExportTable &table);
void addImageExports(ExportTable &table);
void addIndexExports(ExportTable &table);
void addLinearExports(ExportTable &table);
void addNormExports(ExportTable &table);
void addQuantExports(ExportTable &table);
void addReductionExports(ExportTable &table);
void addSequenceExports(ExportTable &table);
void addShapeExports(ExportTable &table);

} // namespace qc

#endif // QC_LIB_TARGET_ONNX_EXPORTHANDLERS_H
