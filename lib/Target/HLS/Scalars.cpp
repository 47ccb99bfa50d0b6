// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C++ types and literals of scalars, and the bounds of integer values.
#include "Scalars.h"

#include "mlir/Analysis/DataFlow/ConstantPropagationAnalysis.h"
#include "mlir/Analysis/DataFlow/DeadCodeAnalysis.h"
#include "mlir/Analysis/DataFlow/IntegerRangeAnalysis.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::APFloat;
using llvm::APInt;

namespace qc::hls {

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

IntegerBounds::IntegerBounds(Operation *root)
    : solver(std::make_shared<DataFlowSolver>(
          DataFlowConfig().setInterprocedural(false))) {
  solver->load<dataflow::DeadCodeAnalysis>();
  solver->load<dataflow::SparseConstantPropagation>();
  solver->load<dataflow::IntegerRangeAnalysis>();
  if (failed(solver->initializeAndRun(root)))
    solver.reset();
}

std::optional<ConstantIntRanges> IntegerBounds::get(Value value) const {
  if (!value.getType().isIntOrIndex())
    return std::nullopt;
  APInt constant;
  if (Attribute attribute; matchPattern(value, m_Constant(&attribute)) &&
                           isa<IntegerAttr>(attribute))
    return ConstantIntRanges::constant(cast<IntegerAttr>(attribute).getValue());
  if (!solver)
    return std::nullopt;
  const auto *lattice =
      solver->lookupState<dataflow::IntegerValueRangeLattice>(value);
  if (!lattice || lattice->getValue().isUninitialized())
    return std::nullopt;
  return lattice->getValue().getValue();
}

bool IntegerBounds::isNonNegative(Value value) const {
  std::optional<ConstantIntRanges> range = get(value);
  return range && range->smin().isNonNegative();
}

bool IntegerBounds::fitsInInt(Value value) const {
  std::optional<ConstantIntRanges> range = get(value);
  return range && range->smin().getSignificantBits() <= 32 &&
         range->smax().getSignificantBits() <= 32;
}

//===----------------------------------------------------------------------===//
// Types and literals
//===----------------------------------------------------------------------===//

std::optional<std::string> getScalarType(Type type) {
  if (type.isIndex())
    return "int64_t";
  if (type.isSignlessInteger()) {
    unsigned width = type.getIntOrFloatBitWidth();
    if (width == 1)
      return "bool";
    if (width >= 2 && width <= 64)
      return llvm::formatv("int{0}_t", width <= 8    ? 8
                                       : width <= 16 ? 16
                                       : width <= 32 ? 32
                                                     : 64)
          .str();
    return std::nullopt;
  }
  if (type.isF16())
    return "qc::f16";
  if (type.isBF16())
    return "qc::bf16";
  if (type.isF32())
    return "float";
  if (type.isF64())
    return "double";
  return std::nullopt;
}

std::string getScalarType(Value value, const IntegerBounds &bounds) {
  if (value.getType().isIndex() && bounds.fitsInInt(value))
    return "int";
  return *getScalarType(value.getType());
}

bool isArrayType(Type type, bool isPrivate) {
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || memref.getRank() > 1 || !memref.hasStaticShape() ||
      !memref.getLayout().isIdentity())
    return false;
  Type element = memref.getElementType();
  if (element.isInteger(1))
    return isPrivate;
  // Buffers are raw memory for other tools: only widths with one meaning.
  if (element.isInteger() &&
      !llvm::is_contained({8u, 16u, 32u, 64u}, element.getIntOrFloatBitWidth()))
    return false;
  return getScalarType(element).has_value();
}

std::string getFloatLiteral(const APFloat &value) {
  const llvm::fltSemantics &semantics = value.getSemantics();
  uint64_t bits = value.bitcastToAPInt().getZExtValue();
  if (&semantics == &APFloat::IEEEhalf())
    return llvm::formatv("qc::f16{{{0}}", bits).str();
  if (&semantics == &APFloat::BFloat())
    return llvm::formatv("qc::bf16{{{0}}", bits).str();
  bool isSingle = &semantics == &APFloat::IEEEsingle();
  if (!value.isFinite())
    return isSingle
               ? llvm::formatv("qc::bit_cast<float>(uint32_t({0:x}u))", bits)
                     .str()
               : llvm::formatv("qc::bit_cast<double>(uint64_t({0:x}ull))", bits)
                     .str();
  // The fewest decimal digits that read back as the same number; 9 and 17
  // always do.
  llvm::SmallString<32> digits;
  for (unsigned precision = isSingle ? 6 : 15; precision <= 17; ++precision) {
    digits.clear();
    value.toString(digits, precision, /*FormatMaxPadding=*/3,
                   /*TruncateZero=*/true);
    if (APFloat(semantics, digits).bitwiseIsEqual(value))
      break;
  }
  std::string text = digits.str().str();
  if (text.find_first_of(".eE") == std::string::npos)
    text += ".0";
  return isSingle ? text + "f" : text;
}

std::string getIntegerLiteral(const APInt &value) {
  if (value.getBitWidth() == 1)
    return value.isZero() ? "false" : "true";
  // The lowest numbers have no literal: their digits alone do not fit.
  if (value.getBitWidth() == 64 && value.isMinSignedValue())
    return "INT64_MIN";
  if (value.getBitWidth() == 32 && value.isMinSignedValue())
    return "INT32_MIN";
  llvm::SmallString<24> digits;
  value.toStringSigned(digits);
  std::string text = digits.str().str();
  return value.getSignificantBits() > 32 ? "INT64_C(" + text + ")" : text;
}

} // namespace qc::hls
