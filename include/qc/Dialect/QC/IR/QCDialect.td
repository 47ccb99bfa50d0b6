// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qc dialect, its attributes and the base classes of its ops.
#ifndef QC_DIALECT_QC_IR_QCDIALECT_TD
#define QC_DIALECT_QC_IR_QCDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qc/Dialect/QC/IR/QCInterfaces.td"

def QC_Dialect : Dialect {
  let name = "qc";
  let cppNamespace = "::qc";
  let summary = "Quantized neural networks, from the ONNX graph to planned launches";
  let description = [{
    One dialect serves five levels (see docs/architecture.md):

    * **graph**: ONNX semantics on ranked static tensors; integers carry their
      signedness in the type (`si8`, `ui8`), booleans are `i1`;
    * **QDQ**: the same with `qc.quantize` and `qc.dequantize`;
    * **integer**: `qc.conv` and `qc.matmul` on storage types with `si32` or
      `si64` accumulators, `qc.requantize`, `qc.requantize_fixed`, `qc.rescale`,
      `qc.round_saturate`;
    * **kernels**: `qc.kernel` holds a fused group of the ops above and
      `qc.dispatch` calls it on tensors;
    * **program**: `qc.program` is an ordered list of `qc.launch` on planned
      memory, `qc.preparation` one that runs once per loaded model, `qc.data` holds weights.

    Scales and zero points are operands on every level, never types.

    The module attribute `qc.requantize`, "float" (also if absent) or "fixed", says how accumulators
    become codes: by qc.requantize or by qc.requantize_fixed. It holds for all targets.
  }];
  let hasOperationAttrVerify = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class QC_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<QC_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def QC_LayoutAttr : QC_Attr<"Layout", "layout"> {
  let summary = "Where each element of a tensor lies in memory";
  let description = [{
    The encoding of a tensor type from `qc-assign-layouts` on. It is a list of
    digits from the outermost (slowest) to the innermost (contiguous); digit
    `dim:divisor:extent` is `(index[dim] / divisor) mod extent`, and digit
    `dim:divisor:extent:modulus` is `((index[dim] mod modulus) / divisor) mod
    extent`. The element's position is `offset` plus the mixed-radix number of
    the digits. A missing layout is row-major.

    `#qc.layout<0:1:1, 2:1:56, 3:1:56, 1:1:64>` is channels-last for
    `tensor<1x64x56x56xf32>`; `#qc.layout<0:16:4, 1:4:16, 0:1:16, 1:1:4>` stores
    a 64x64 matrix in blocks of 16 rows with four consecutive columns together.
    `#qc.layout<0:28:4, 0:16:2:28, 1:1:8, 0:1:16:28>` does the same for four
    groups of 28 rows, each padded to blocks of its own.
    Extents may cover more than the dimension: the surplus is padding that
    packing fills with zeros. With an offset such a layout is a view of a part of
    a larger tensor's memory: `#qc.layout<0:1:1, 2:1:58, 3:1:58, 1:1:64, offset 3776>`
    is the interior of a channels-last map with a border of one.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$dims,
                        ArrayRefParameter<"int64_t">:$divisors,
                        ArrayRefParameter<"int64_t">:$extents,
                        ArrayRefParameter<"int64_t">:$moduli,
                        "int64_t":$offset);
  let builders = [
    /// Digits without moduli.
    AttrBuilder<(ins "::llvm::ArrayRef<int64_t>":$dims,
                     "::llvm::ArrayRef<int64_t>":$divisors,
                     "::llvm::ArrayRef<int64_t>":$extents,
                     CArg<"int64_t", "0">:$offset), [{
      return $_get($_ctxt, dims, divisors, extents,
                   ::llvm::SmallVector<int64_t>(dims.size(), 0), offset);
    }]>];
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Number of elements that a buffer of this layout holds, padding included;
    /// for a view those of the whole buffer.
    int64_t getNumElements() const;
    /// Linear element offset of `index` (one entry per tensor dimension).
    int64_t linearize(::llvm::ArrayRef<int64_t> index) const;
    /// Layout that stores `shape` with its dimensions in `order`, outermost first.
    static LayoutAttr getPermuted(::mlir::MLIRContext *context,
                                  ::llvm::ArrayRef<int64_t> shape,
                                  ::llvm::ArrayRef<int64_t> order);
  }];
}

def QC_MemorySpace : I32EnumAttr<"MemorySpace", "where a launch finds a buffer", [
    I32EnumAttrCase<"Arena", 0, "arena">, I32EnumAttrCase<"Weights", 1, "weights">,
    I32EnumAttrCase<"Input", 2, "input">, I32EnumAttrCase<"Output", 3, "output">,
    I32EnumAttrCase<"Prepared", 4, "prepared">]> {
  let cppNamespace = "::qc";
  let genSpecializedAttr = 0;
}

def QC_BufferAttr : QC_Attr<"Buffer", "buffer"> {
  let summary = "A range of bytes that a launch reads or writes";
  let description = [{
    `#qc.buffer<arena, 0, 128, 3136>`: `size` bytes at byte `offset` of the
    arena. For inputs and outputs `index` is the port's position in the program. Prepared memory
    belongs to the model: the launches of qc.preparation write it once, programs only read it.
  }];
  let parameters = (ins EnumParameter<QC_MemorySpace>:$space, "int64_t":$index,
                        "int64_t":$offset, "int64_t":$size);
  let assemblyFormat = "`<` $space `,` $index `,` $offset `,` $size `>`";
}

def QC_PortAttr : QC_Attr<"Port", "port"> {
  let summary = "Name and ONNX type of a program's input or output";
  let description = [{
    `extents` is given for an output whose size is known only at run time: the number of the output
    that receives its extents (`si64`, one per dimension; such outputs come last). The type is then
    the largest one, and the output's memory begins with the row-major tensor of those extents.
  }];
  let parameters = (ins "::mlir::StringAttr":$name, "::mlir::TypeAttr":$type,
                        DefaultValuedParameter<"int64_t", "-1">:$extents);
  let assemblyFormat = "`<` $name `,` $type (`,` `extents` `=` $extents^)? `>`";
}

//===----------------------------------------------------------------------===//
// Op base classes
//===----------------------------------------------------------------------===//

class QC_Op<string mnemonic, list<Trait> traits = []>
    : Op<QC_Dialect, mnemonic, traits>;

/// A 64-bit integer attribute with a signed accessor.
def QC_IntAttr : TypedSignlessIntegerAttrBase<I64, "int64_t", "64-bit integer attribute"> {
  let convertFromStorage = "$_self.getValue().getSExtValue()";
}

/// A tensor of any element type of the graph, QDQ and integer levels.
def QC_Tensor : Type<
    And<[RankedTensorOf<[AnyFloat, AnyInteger, Index]>.predicate,
         HasStaticShapePred]>,
    "statically shaped tensor of floats or integers", "::mlir::RankedTensorType">;
def QC_FloatTensor : Type<
    And<[RankedTensorOf<[AnyFloat]>.predicate, HasStaticShapePred]>,
    "statically shaped tensor of floats", "::mlir::RankedTensorType">;
def QC_IntegerTensor : Type<
    And<[RankedTensorOf<[AnyInteger]>.predicate, HasStaticShapePred]>,
    "statically shaped tensor of integers", "::mlir::RankedTensorType">;
def QC_BoolTensor : Type<
    And<[RankedTensorOf<[I1]>.predicate, HasStaticShapePred]>,
    "statically shaped tensor of i1", "::mlir::RankedTensorType">;

/// Computes tensors from tensors: pure, with inferred result types that are
/// compared without their layout. Small constants fold through the reference
/// decomposition.
class QC_TensorOp<string mnemonic, list<Trait> traits = []>
    : QC_Op<mnemonic, traits # [Pure, InferTypeOpAdaptorWithIsCompatible]> {
  code compatibleDefinition = [{
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange lhs, ::mlir::TypeRange rhs) {
      return ::qc::areCompatibleTypes(lhs, rhs);
    }
  }];
  let hasFolder = 1;
  code singleFold = [{
    ::mlir::OpFoldResult $cppClass::fold(FoldAdaptor adaptor) {
      ::llvm::SmallVector<::mlir::OpFoldResult> results;
      if (failed(::qc::foldTensorOp(getOperation(), adaptor.getOperands(), results)))
        return {};
      return results.front();
    }
  }];
  code multiFold = [{
    ::mlir::LogicalResult $cppClass::fold(FoldAdaptor adaptor,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &results) {
      return ::qc::foldTensorOp(getOperation(), adaptor.getOperands(), results);
    }
  }];
  let extraClassDefinition = compatibleDefinition # singleFold;
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

/// Each result element is a function of operand elements at any index.
class QC_ElementOp<string mnemonic, list<Trait> traits = []>
    : QC_TensorOp<mnemonic, traits # [
        DeclareOpInterfaceMethods<ElementOpInterface, ["isLaneTransparent"]>]>;

/// An element op that loops: its cost says how much a recomputation is.
class QC_LoopElementOp<string mnemonic, list<Trait> traits = []>
    : QC_TensorOp<mnemonic, traits # [
        DeclareOpInterfaceMethods<ElementOpInterface, ["isLaneTransparent", "getElementCost"]>]>;

/// An element op that reads each operand once, at the broadcast result index.
class QC_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : QC_TensorOp<mnemonic, traits # [DeclareOpInterfaceMethods<ElementOpInterface>]> {
  code elementwiseDeclaration = [{
    bool isLaneTransparent(unsigned) { return true; }
    bool isElementwise() { return true; }
  }];
  let extraClassDeclaration = elementwiseDeclaration;
}

/// Computes a block of several elements per iteration (scans, sorts, norms).
class QC_BlockOp<string mnemonic, list<Trait> traits = []>
    : QC_TensorOp<mnemonic, traits # [DeclareOpInterfaceMethods<BlockOpInterface>]>;

#endif // QC_DIALECT_QC_IR_QCDIALECT_TD
