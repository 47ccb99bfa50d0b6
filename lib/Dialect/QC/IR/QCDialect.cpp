// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qc dialect: registration, attributes, constants and what all ops share.

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

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
  registerQCDialectOperations(this);
}

LogicalResult QCDialect::verifyOperationAttribute(Operation *op,
                                                  NamedAttribute attribute) {
  if (attribute.getName() == weightBoundName) {
    auto bound = dyn_cast<IntegerAttr>(attribute.getValue());
    if (!isa<ConvOp, MatMulOp>(op) || !bound || bound.getInt() < 1 ||
        bound.getInt() > largestWeightBound ||
        !llvm::isPowerOf2_64(bound.getInt()))
      return op->emitError()
             << "'" << weightBoundName << "' must be a power of two from 1 to "
             << largestWeightBound << " on a convolution or matrix product";
    return success();
  }
  if (attribute.getName() != requantizeModeName)
    return success();
  auto mode = dyn_cast<StringAttr>(attribute.getValue());
  if (!isa<ModuleOp>(op) || !mode ||
      (mode.getValue() != "float" && mode.getValue() != "fixed"))
    return op->emitError() << "'" << requantizeModeName
                           << "' must be \"float\" or \"fixed\" on a module";
  return success();
}

bool qc::usesFixedRequantization(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  auto mode = module ? module->getAttrOfType<StringAttr>(requantizeModeName)
                     : StringAttr();
  return mode && mode.getValue() == "fixed";
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
  int64_t position = 0;
  for (auto [dim, divisor, extent, modulus] :
       llvm::zip_equal(getDims(), getDivisors(), getExtents(), getModuli())) {
    int64_t value = modulus ? index[dim] % modulus : index[dim];
    position = position * extent + (value / divisor) % extent;
  }
  return getOffset() + position;
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
  SmallVector<int64_t> dims, divisors, extents, moduli;
  int64_t offset = 0;
  if (parser.parseLess())
    return {};
  do {
    if (succeeded(parser.parseOptionalKeyword("offset"))) {
      if (parser.parseInteger(offset))
        return {};
      break;
    }
    if (parser.parseInteger(dims.emplace_back()) || parser.parseColon() ||
        parser.parseInteger(divisors.emplace_back()) || parser.parseColon() ||
        parser.parseInteger(extents.emplace_back()))
      return {};
    moduli.push_back(0);
    if (succeeded(parser.parseOptionalColon()) &&
        parser.parseInteger(moduli.back()))
      return {};
  } while (succeeded(parser.parseOptionalComma()));
  if (parser.parseGreater())
    return {};
  return parser.getChecked<LayoutAttr>(parser.getContext(), dims, divisors,
                                       extents, moduli, offset);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<";
  llvm::interleaveComma(
      llvm::zip_equal(getDims(), getDivisors(), getExtents(), getModuli()),
      printer, [&](auto digit) {
        auto [dim, divisor, extent, modulus] = digit;
        printer << dim << ":" << divisor << ":" << extent;
        if (modulus)
          printer << ":" << modulus;
      });
  if (getOffset())
    printer << ", offset " << getOffset();
  printer << ">";
}

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> dims,
                                 ArrayRef<int64_t> divisors,
                                 ArrayRef<int64_t> extents,
                                 ArrayRef<int64_t> moduli, int64_t offset) {
  if (dims.size() != divisors.size() || dims.size() != extents.size() ||
      dims.size() != moduli.size())
    return emitError()
           << "a layout needs a dimension, a divisor, an extent and "
              "a modulus per digit";
  int64_t count = 1;
  for (auto [dim, divisor, extent, modulus] :
       llvm::zip_equal(dims, divisors, extents, moduli)) {
    if (dim < 0 || divisor < 1 || extent < 0 || modulus < 0)
      return emitError() << "layout digit " << dim << ":" << divisor << ":"
                         << extent << ":" << modulus << " is out of range";
    if (llvm::MulOverflow(count, extent, count))
      return emitError() << "the layout's size overflows";
  }
  if (offset < 0 || (offset > 0 && offset >= count))
    return emitError() << "layout offset " << offset << " is outside its "
                       << count << " elements";
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
