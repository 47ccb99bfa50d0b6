// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants, kernels and the program.
#ifndef QC_DIALECT_QC_IR_QCPROGRAMOPS_TD
#define QC_DIALECT_QC_IR_QCPROGRAMOPS_TD

include "qc/Dialect/QC/IR/QCDialect.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/FunctionInterfaces.td"

def QC_ConstantOp : QC_Op<"constant", [Pure, ConstantLike]> {
  let summary = "A constant tensor";
  let description = [{
    Small values are inline (dense), larger ones are blobs keyed by their content's
    hash (dense_resource), so that equal weights are stored once.
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs QC_Tensor:$result);
  let assemblyFormat = "$value attr-dict `:` type($result)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def QC_KernelOp : QC_Op<"kernel", [IsolatedFromAbove, FunctionOpInterface,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "A fused group of ops that one launch computes";
  let description = [{
    Takes all it reads as operands, constants included (but for zero points and other
    single integers, which stand in the body), and knows no target. The body has at most one
    op that is not elementwise (its root) followed by elementwise ops of the root's
    result shape. `family` names the schedule that applies.

    Constraints: (1) one op at most is neither elementwise nor a constant; (2) constants in
    the body hold one element.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type,
                       StrAttr:$family, OptionalAttr<DictArrayAttr>:$arg_attrs,
                       OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Argument and result types, for FunctionOpInterface.
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The op that is not elementwise, or the last op when all are.
    ::mlir::Operation *getRoot();
  }];
}

def QC_YieldOp : QC_Op<"yield", [Pure, Terminator, ReturnLike, HasParent<"KernelOp">]> {
  let summary = "The results of a kernel";
  let arguments = (ins Variadic<QC_Tensor>:$operands);
  let assemblyFormat = "($operands^ `:` type($operands))? attr-dict";
  let builders = [OpBuilder<(ins)>];
}

def QC_DispatchOp : QC_Op<"dispatch", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel on tensors";
  let description = [{
    Constraint: (1) the kernel exists and its type is this op's.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<QC_Tensor>:$inputs);
  let results = (outs Variadic<QC_Tensor>:$outputs);
  let assemblyFormat = "$kernel `(` $inputs `)` attr-dict `:` functional-type($inputs, $outputs)";
}

def QC_AssembleOp : QC_Op<"assemble", [Pure]> {
  let summary = "A tensor made of parts that were written in its memory";
  let description = [{
    Costs nothing: the parts' layouts are views of the result's memory, and their kernels have
    written all of it. A part whose type is the result's own is one that writes only some
    elements (a border).

    Constraints: (1) the parts have the result's element type and as many stored elements;
    (2) a tensor is part of one other at most (checked by qc-plan-memory).
  }];
  let arguments = (ins Variadic<QC_Tensor>:$parts);
  let results = (outs QC_Tensor:$result);
  let assemblyFormat = "$parts attr-dict `:` functional-type($parts, $result)";
  let hasVerifier = 1;
}

def QC_ProgramOp : QC_Op<"program", [Symbol, NoTerminator, NoRegionArguments, IsolatedFromAbove,
    SingleBlock]> {
  let summary = "An ordered list of launches on planned memory";
  let description = [{
    One bound shape combination of the model. `arena_size` is the memory that a session
    needs in bytes, `arena_lower_bound` the largest sum of simultaneously live tensors.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypedArrayAttrBase<QC_PortAttr, "ports">:$inputs,
                       TypedArrayAttrBase<QC_PortAttr, "ports">:$outputs,
                       QC_IntAttr:$arena_size, QC_IntAttr:$arena_lower_bound);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def QC_PreparationOp : QC_Op<"preparation", [NoTerminator, NoRegionArguments, IsolatedFromAbove,
    SingleBlock, HasParent<"::mlir::ModuleOp">]> {
  let summary = "Launches that run once per loaded model";
  let description = [{
    What programs read of prepared memory, computed from weights alone: unpacked codes,
    dequantized weights. `size` is that memory in bytes. All programs of a module share it.

    ```mlir
    qc.preparation 4096 {
      qc.launch @cast_0 [#qc.buffer<weights, 0, 0, 2048>, #qc.buffer<prepared, 0, 0, 4096>] "conv"
    }
    ```
    Constraints: (1) a module has one at most; (2) it holds launches alone; (3) their buffers are
    weights and prepared memory.
  }];
  let arguments = (ins QC_IntAttr:$size);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$size attr-dict-with-keyword $body";
  let hasVerifier = 1;
}

def QC_LaunchOp : QC_Op<"launch", [ParentOneOf<["ProgramOp", "PreparationOp"]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "One kernel run of a program or of the preparation";
  let description = [{
    `buffers` are the kernel's arguments and results in order. `node` names the
    ONNX nodes that it computes.
    Constraints: (1) the kernel exists; (2) arena buffers lie inside the program's arena, prepared
    ones inside the preparation's memory; (3) a program writes no prepared memory.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, TypedArrayAttrBase<QC_BufferAttr, "buffers">:$buffers,
                       StrAttr:$node);
  let assemblyFormat = "$kernel $buffers $node attr-dict";
}

def QC_DataOp : QC_Op<"data", [Symbol]> {
  let summary = "Weights as they lie in the artefact";
  let description = [{
    `value` in the layout of `type`'s encoding at byte `offset` of the weights. Packing
    happens when the artefact is written, one tensor at a time.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, ElementsAttr:$value, TypeAttr:$type,
                       QC_IntAttr:$offset);
  let assemblyFormat = "$sym_name `at` $offset $value `:` $type attr-dict";
}

#endif // QC_DIALECT_QC_IR_QCPROGRAMOPS_TD
