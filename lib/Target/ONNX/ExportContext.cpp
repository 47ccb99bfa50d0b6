// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What export handlers see and do: terms, nodes, constants, results.

#include "Exporter.h"

#include "Tensors.h"

#include "qc/Support/Names.h"

#include "mlir/Dialect/Traits.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qc;

int64_t ExportContext::getOpset() const { return exporter.opset; }

void ExportContext::require(int64_t opset) {
  exporter.required = std::max(exporter.required, opset);
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

Term ExportContext::get(Value value) { return exporter.getTerm(value); }

SmallVector<Term> ExportContext::getOperands() {
  SmallVector<Term> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  return operands;
}

ElementsAttr ExportContext::getConstant(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : ConstantOp();
  return constant ? constant.getValue() : ElementsAttr();
}

bool ExportContext::isSplatOf(Value value, double number) {
  ElementsAttr constant = getConstant(value);
  if (!constant)
    return false;
  FailureOr<SmallVector<double>> numbers = getConstantNumbers(constant);
  return succeeded(numbers) && llvm::all_of(*numbers, [&](double element) {
           return element == number;
         });
}

RankedTensorType ExportContext::getResultType(unsigned i) {
  return exporter.getStoredType(
      cast<RankedTensorType>(op->getResult(i).getType()));
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

SmallVector<Term> ExportContext::nodes(StringRef operation,
                                       ArrayRef<Term> operands,
                                       ArrayRef<RankedTensorType> results,
                                       Attributes attributes) {
  while (!operands.empty() && !operands.back())
    operands = operands.drop_back();
  GraphExporter::Node node{operation.str(), {}, {}, {}, op->getLoc(), ""};
  for (const Term &operand : operands)
    node.operands.push_back(operand.id);
  SmallVector<Term> terms;
  for (RankedTensorType type : results) {
    terms.push_back(type ? exporter.addValue(type) : Term());
    node.results.push_back(terms.back().id);
  }
  node.attributes.assign(attributes.begin(), attributes.end());
  if (std::string error = exporter.checkSchema(node); !error.empty())
    exporter.report(op) << error;
  exporter.nodes.push_back(std::move(node));
  return terms;
}

static onnx::AttributeProto
makeAttribute(StringRef name, onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto attribute;
  attribute.set_name(name.str());
  attribute.set_type(type);
  return attribute;
}

onnx::AttributeProto ExportContext::integer(StringRef name, int64_t value) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

onnx::AttributeProto ExportContext::real(StringRef name, const APFloat &value) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value.convertToDouble()));
  return attribute;
}

onnx::AttributeProto ExportContext::reals(StringRef name,
                                          ArrayRef<float> values) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::FLOATS);
  attribute.mutable_floats()->Add(values.begin(), values.end());
  return attribute;
}

onnx::AttributeProto ExportContext::text(StringRef name, StringRef value) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::STRING);
  attribute.set_s(value.str());
  return attribute;
}

onnx::AttributeProto ExportContext::texts(StringRef name,
                                          ArrayRef<std::string> values) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::STRINGS);
  for (const std::string &value : values)
    attribute.add_strings(value);
  return attribute;
}

onnx::AttributeProto ExportContext::integers(StringRef name,
                                             ArrayRef<int64_t> values) {
  onnx::AttributeProto attribute =
      makeAttribute(name, onnx::AttributeProto::INTS);
  attribute.mutable_ints()->Add(values.begin(), values.end());
  return attribute;
}

onnx::AttributeProto ExportContext::dataType(StringRef name, Type element) {
  return integer(name, getDataType(element));
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Type ExportContext::getIndexType() const {
  return IntegerType::get(op->getContext(), 64, IntegerType::Signed);
}

Term ExportContext::constant(ElementsAttr value) {
  std::string name = getNodeName(op->getLoc());
  return exporter.addConstant(value, name.empty() ? std::move(name)
                                                  : name + "_constant");
}

Term ExportContext::constant(ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                    getIndexType());
  return constant(qc::getConstant(
      type, ArrayRef(reinterpret_cast<const char *>(values.data()),
                     values.size() * sizeof(int64_t))));
}

Term ExportContext::splat(Type element, double value, ArrayRef<int64_t> shape) {
  return constant(getSplat(element, shape, value));
}

//===----------------------------------------------------------------------===//
// Frequent nodes
//===----------------------------------------------------------------------===//

Term ExportContext::reshape(Term x, ArrayRef<int64_t> shape) {
  if (x.shape() == shape)
    return x;
  auto type = RankedTensorType::get(shape, x.element());
  // Small constants need no node.
  constexpr int64_t smallConstant = 64;
  if (ElementsAttr value = exporter.constantValues.lookup(x.id);
      value && x.type.getNumElements() <= smallConstant) {
    SmallVector<char> scratch;
    FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
    if (succeeded(bytes))
      return constant(qc::getConstant(
          RankedTensorType::get(shape, value.getElementType()), *bytes));
  }
  // A size of 0 is meant, not copied from x.
  if (llvm::is_contained(shape, 0))
    return node("Reshape", {x, constant(shape)}, type, integer("allowzero", 1));
  return node("Reshape", {x, constant(shape)}, type);
}

Term ExportContext::transpose(Term x, ArrayRef<int64_t> permutation) {
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, x.rank())))
    return x;
  SmallVector<int64_t> shape;
  for (int64_t dim : permutation)
    shape.push_back(x.shape()[dim]);
  return node("Transpose", {x}, RankedTensorType::get(shape, x.element()),
              integers("perm", permutation));
}

Term ExportContext::cast(Term x, Type element) {
  if (x.element() == element)
    return x;
  return node("Cast", {x}, RankedTensorType::get(x.shape(), element),
              dataType("to", element));
}

Term ExportContext::expand(Term x, ArrayRef<int64_t> shape) {
  if (x.shape() == shape)
    return x;
  return node("Expand", {x, constant(shape)},
              RankedTensorType::get(shape, x.element()));
}

Term ExportContext::slice(Term x, int64_t axis, int64_t begin, int64_t size) {
  if (x.shape()[axis] == size)
    return x;
  SmallVector<int64_t> shape(x.shape());
  shape[axis] = size;
  return node("Slice",
              {x, constant(ArrayRef<int64_t>{begin}),
               constant(ArrayRef<int64_t>{begin + size}),
               constant(ArrayRef<int64_t>{axis})},
              RankedTensorType::get(shape, x.element()));
}

Term ExportContext::concat(ArrayRef<Term> parts, int64_t axis) {
  if (parts.size() == 1)
    return parts.front();
  SmallVector<int64_t> shape(parts.front().shape());
  for (const Term &part : parts.drop_front())
    shape[axis] = ShapedType::isDynamic(shape[axis]) ||
                          ShapedType::isDynamic(part.shape()[axis])
                      ? ShapedType::kDynamic
                      : shape[axis] + part.shape()[axis];
  return node("Concat", parts,
              RankedTensorType::get(shape, parts.front().element()),
              integer("axis", axis));
}

/// Entry `dim` of a vector of extents, if it is constant.
static std::optional<int64_t> getEntry(Value extents, int64_t dim) {
  if (ElementsAttr constant = ExportContext::getConstant(extents)) {
    FailureOr<SmallVector<int64_t>> numbers = getConstantIntegers(constant);
    if (succeeded(numbers) && dim < static_cast<int64_t>(numbers->size()))
      return (*numbers)[dim];
    return std::nullopt;
  }
  if (auto join = extents.getDefiningOp<ConcatOp>())
    for (Value part : join.getInputs()) {
      int64_t size = cast<RankedTensorType>(part.getType()).getDimSize(0);
      if (dim < size)
        return getEntry(part, dim);
      dim -= size;
    }
  return std::nullopt;
}

Term ExportContext::cut(Term x, Value extents) {
  Term all = cast(get(extents), getIndexType());
  SmallVector<int64_t> shape(x.shape());
  for (int64_t dim = 0; dim < x.rank(); ++dim) {
    if (getEntry(extents, dim) == x.shape()[dim])
      continue;
    SmallVector<int64_t> positions =
        llvm::to_vector(llvm::seq<int64_t>(0, x.shape()[dim]));
    Term counts = compare("Less", constant(positions), slice(all, 0, dim, 1));
    shape[dim] = ShapedType::kDynamic;
    x = node("Compress", {x, counts}, RankedTensorType::get(shape, x.element()),
             integer("axis", dim));
  }
  return x;
}

Term ExportContext::unary(StringRef operation, Term x) {
  return node(operation, {x}, x.type);
}

RankedTensorType ExportContext::broadcast(ArrayRef<Term> terms, Type element) {
  SmallVector<int64_t> shape;
  for (const Term &term : terms) {
    SmallVector<int64_t> joined;
    // What handlers combine broadcasts.
    (void)OpTrait::util::getBroadcastedShape(shape, term.shape(), joined);
    shape = joined;
  }
  return RankedTensorType::get(shape, element);
}

Term ExportContext::binary(StringRef operation, Term lhs, Term rhs) {
  return node(operation, {lhs, rhs}, broadcast({lhs, rhs}, lhs.element()));
}

Term ExportContext::compare(StringRef operation, Term lhs, Term rhs) {
  return node(operation, {lhs, rhs},
              broadcast({lhs, rhs}, IntegerType::get(op->getContext(), 1)));
}

Term ExportContext::where(Term condition, Term onTrue, Term onFalse) {
  return node("Where", {condition, onTrue, onFalse},
              broadcast({condition, onTrue, onFalse}, onTrue.element()));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

LogicalResult ExportContext::yield(ArrayRef<Term> terms) {
  for (auto [result, term] : llvm::zip(op->getResults(), terms))
    exporter.terms[result] = term;
  return success();
}

LogicalResult ExportContext::refuse(const Twine &reason,
                                    const Twine &accepted) {
  return exporter.report(op)
         << reason.str() << "; accepted: " << accepted.str();
}

//===----------------------------------------------------------------------===//
// ExportTable
//===----------------------------------------------------------------------===//

const ExportTable &ExportTable::get() {
  static const ExportTable table = [] {
    ExportTable table;
    addAttentionExports(table);
    addBoundedExports(table);
    addElementwiseExports(table);
    addImageExports(table);
    addIndexExports(table);
    addLinearExports(table);
    addNormExports(table);
    addQuantExports(table);
    addReductionExports(table);
    addSequenceExports(table);
    addShapeExports(table);
    return table;
  }();
  return table;
}
