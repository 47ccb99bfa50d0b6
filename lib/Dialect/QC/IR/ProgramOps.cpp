// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels, dispatches and the program: syntax and verification.

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace qc;

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

/// How many of a launch's buffers, the last ones, its kernel writes.
static size_t countResults(Operation *kernel) {
  if (auto function = dyn_cast<KernelOp>(kernel))
    return function.getResultTypes().size();
  auto results = kernel->getAttrOfType<IntegerAttr>("qc.num_results");
  return results ? results.getInt() : 0;
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *kernel = symbols.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("names no kernel: ") << getKernel();
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto program = dyn_cast<ProgramOp>((*this)->getParentOp());
  int64_t arena = program ? program.getArenaSize() : 0, prepared = 0;
  for (auto preparation : module.getOps<PreparationOp>())
    prepared = preparation.getSize();
  size_t inputs =
      getBuffers().size() - std::min(countResults(kernel), getBuffers().size());
  for (auto [index, buffer] :
       llvm::enumerate(getBuffers().getAsRange<BufferAttr>())) {
    bool isPrepared = buffer.getSpace() == MemorySpace::Prepared;
    if (!program && !isPrepared && buffer.getSpace() != MemorySpace::Weights)
      return emitOpError("buffer ")
             << buffer << " is of a run; accepted in the preparation are "
             << "weights and prepared memory";
    if (program && isPrepared && index >= inputs)
      return emitOpError("writes ") << buffer << ", which programs only read";
    if (!isPrepared && buffer.getSpace() != MemorySpace::Arena)
      continue;
    if (buffer.getOffset() < 0 || buffer.getSize() < 0 ||
        buffer.getOffset() + buffer.getSize() > (isPrepared ? prepared : arena))
      return emitOpError("buffer ")
             << buffer << " lies outside the "
             << (isPrepared ? "prepared memory" : "arena");
  }
  return success();
}

LogicalResult PreparationOp::verify() {
  auto module = cast<ModuleOp>((*this)->getParentOp());
  if (*module.getOps<PreparationOp>().begin() != *this)
    return emitOpError("is a second one; accepted is one per module");
  for (Operation &op : getBody().front())
    if (!isa<LaunchOp>(op))
      return op.emitOpError("cannot stand in the preparation");
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
