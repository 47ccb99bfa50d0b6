// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels, dispatches and the program: syntax and verification.

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace qc;

#define GET_OP_CLASSES
#include "qc/Dialect/QC/IR/QCOps.cpp.inc"

//===----------------------------------------------------------------------===//
// KernelOp
//===----------------------------------------------------------------------===//

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildFunctionType =
      [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results,
         function_interface_impl::VariadicFlag,
         std::string &) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildFunctionType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

Operation *KernelOp::getRoot() {
  Operation *last = nullptr;
  for (Operation &op : getBody().front().without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    auto element = dyn_cast<ElementOpInterface>(op);
    if (!element || !element.isElementwise())
      return &op;
    last = &op;
  }
  return last;
}

LogicalResult KernelOp::verify() {
  Operation *root = getRoot();
  if (!root)
    return emitOpError("computes nothing");
  for (Operation &op : getBody().front().without_terminator()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      if (constant.getValue().getNumElements() != 1)
        return op.emitOpError("holds more than one element: in a kernel such "
                              "constants are arguments");
      continue;
    }
    auto element = dyn_cast<ElementOpInterface>(op);
    if (!element && !isa<BlockOpInterface>(op))
      return op.emitOpError(
          "has no reference decomposition and cannot stand in a kernel");
    if (&op != root && !(element && element.isElementwise()))
      return op.emitOpError(
          "is a second root: a kernel has one op that is not elementwise");
  }
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (TypeRange(yield.getOperandTypes()) != TypeRange(getResultTypes()))
    return yield.emitOpError("operand types differ from the kernel's results");
  return success();
}

void YieldOp::build(OpBuilder &, OperationState &) {}

//===----------------------------------------------------------------------===//
// DispatchOp, LaunchOp, ProgramOp
//===----------------------------------------------------------------------===//

LogicalResult DispatchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel =
      symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("names no kernel: ") << getKernel();
  if (TypeRange(getInputs().getTypes()) !=
          TypeRange(kernel.getArgumentTypes()) ||
      TypeRange(getOutputs().getTypes()) != TypeRange(kernel.getResultTypes()))
    return emitOpError("types differ from those of ") << getKernel();
  return success();
}

LogicalResult AssembleOp::verify() {
  auto stored = [](Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
    return std::make_pair(type.getElementType(), layout
                                                     ? layout.getNumElements()
                                                     : type.getNumElements());
  };
  for (Value part : getParts())
    if (stored(part) != stored(getResult()))
      return emitOpError("part ")
             << part.getType() << " is no view of " << getType();
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!symbols.lookupNearestSymbolFrom(*this, getKernelAttr()))
    return emitOpError("names no kernel: ") << getKernel();
  auto program = cast<ProgramOp>((*this)->getParentOp());
  for (BufferAttr buffer : getBuffers().getAsRange<BufferAttr>())
    if (buffer.getSpace() == MemorySpace::Arena &&
        (buffer.getOffset() < 0 || buffer.getSize() < 0 ||
         buffer.getOffset() + buffer.getSize() > program.getArenaSize()))
      return emitOpError("buffer ") << buffer << " lies outside the arena";
  return success();
}

LogicalResult ProgramOp::verify() {
  // Extents come behind the outputs that users see.
  SmallVector<PortAttr> ports(getOutputs().getAsRange<PortAttr>());
  int64_t first = ports.size();
  for (PortAttr port : ports)
    if (port.getExtents() >= 0)
      first = std::min(first, port.getExtents());
  llvm::SmallDenseSet<int64_t> used;
  for (auto [index, port] : llvm::enumerate(ports)) {
    if (port.getExtents() < 0)
      continue;
    used.insert(port.getExtents());
    auto type = dyn_cast<RankedTensorType>(port.getType().getValue());
    if (static_cast<int64_t>(index) >= first ||
        port.getExtents() >= static_cast<int64_t>(ports.size()) || !type)
      return emitOpError("output ")
             << index << " has its extents in output " << port.getExtents()
             << "; accepted: a later one, behind all outputs that are none";
    auto extents = dyn_cast<RankedTensorType>(
        ports[port.getExtents()].getType().getValue());
    if (!extents || extents.getShape() != ArrayRef<int64_t>{type.getRank()} ||
        !extents.getElementType().isSignedInteger(64))
      return emitOpError("output ")
             << port.getExtents() << " cannot hold the extents of output "
             << index << "; accepted: si64, one entry per dimension";
  }
  if (used.size() != ports.size() - first)
    return emitOpError("has outputs behind the first extents that are none");
  for (PortAttr port : getInputs().getAsRange<PortAttr>())
    if (port.getExtents() >= 0)
      return emitOpError("an input has run-time extents");
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp>(op))
      return op.emitOpError("cannot stand in a program");
  return success();
}
