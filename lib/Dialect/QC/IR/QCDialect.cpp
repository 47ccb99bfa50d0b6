// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qc dialect: registration, attributes, constants and what all ops share.

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qc;

#include "qc/Dialect/QC/IR/QCDialect.cpp.inc"
#include "qc/Dialect/QC/IR/QCEnums.cpp.inc"
#include "qc/Dialect/QC/IR/QCInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "qc/Dialect/QC/IR/QCAttributes.cpp.inc"

void QCDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "qc/Dialect/QC/IR/QCAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "qc/Dialect/QC/IR/QCOps.cpp.inc"
      >();
}

Operation *QCDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                          Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || !isa<RankedTensorType>(type))
    return nullptr;
  return ConstantOp::create(builder, loc, type, elements);
}

bool qc::areCompatibleTypes(TypeRange lhs, TypeRange rhs) {
  return llvm::equal(lhs, rhs, [](Type left, Type right) {
    auto leftTensor = dyn_cast<RankedTensorType>(left);
    auto rightTensor = dyn_cast<RankedTensorType>(right);
    return leftTensor && rightTensor &&
           leftTensor.getShape() == rightTensor.getShape() &&
           leftTensor.getElementType() == rightTensor.getElementType();
  });
}

//===----------------------------------------------------------------------===//
// LayoutAttr
//===----------------------------------------------------------------------===//

int64_t LayoutAttr::getNumElements() const {
  int64_t count = 1;
  for (int64_t extent : getExtents())
    count *= extent;
  return count;
}

int64_t LayoutAttr::linearize(ArrayRef<int64_t> index) const {
  int64_t offset = 0;
  for (auto [dim, divisor, extent] :
       llvm::zip_equal(getDims(), getDivisors(), getExtents()))
    offset = offset * extent + (index[dim] / divisor) % extent;
  return offset;
}

LayoutAttr LayoutAttr::getPermuted(MLIRContext *context,
                                   ArrayRef<int64_t> shape,
                                   ArrayRef<int64_t> order) {
  SmallVector<int64_t> divisors(order.size(), 1), extents;
  for (int64_t dim : order)
    extents.push_back(shape[dim]);
  return LayoutAttr::get(context, order, divisors, extents);
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  SmallVector<int64_t> dims, divisors, extents;
  auto parseDigit = [&]() -> ParseResult {
    return failure(
        parser.parseInteger(dims.emplace_back()) || parser.parseColon() ||
        parser.parseInteger(divisors.emplace_back()) || parser.parseColon() ||
        parser.parseInteger(extents.emplace_back()));
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     parseDigit))
    return {};
  return parser.getChecked<LayoutAttr>(parser.getContext(), dims, divisors,
                                       extents);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(llvm::zip_equal(getDims(), getDivisors(), getExtents()),
                        printer, [&](auto digit) {
                          auto [dim, divisor, extent] = digit;
                          printer << dim << ":" << divisor << ":" << extent;
                        });
  printer << ">";
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> dims,
                                 ArrayRef<int64_t> divisors,
                                 ArrayRef<int64_t> extents) {
  if (dims.size() != divisors.size() || dims.size() != extents.size())
    return emitError()
           << "a layout needs a dimension, a divisor and an extent per digit";
  int64_t count = 1;
  for (auto [dim, divisor, extent] : llvm::zip_equal(dims, divisors, extents)) {
    if (dim < 0 || divisor < 1 || extent < 0)
      return emitError() << "layout digit " << dim << ":" << divisor << ":"
                         << extent << " is out of range";
    if (llvm::MulOverflow(count, extent, count))
      return emitError() << "the layout's size overflows";
  }
  return success();
}

//===----------------------------------------------------------------------===//
// ConstantOp
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::verify() {
  auto type = cast<ShapedType>(getValue().getType());
  if (!areCompatibleTypes(Type(type), getType()))
    return emitOpError("value type ")
           << type << " differs from the result type " << getType();
  return success();
}
