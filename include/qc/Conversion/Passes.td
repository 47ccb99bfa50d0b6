// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions between dialects.
#ifndef QC_CONVERSION_PASSES_TD
#define QC_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerKernels : Pass<"qc-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "Turn kernels into functions of loops over flat memory";
  let description = [{
    Each `qc.kernel` becomes a `func.func` of the same name whose arguments are one flat memref
    per operand, then one per result, and whose body is one `scf.parallel`: the reference
    decomposition of its ops, composed. This form exists for every kernel and
    every target prints it.

    ```mlir
    qc.kernel @relu_0(%x: tensor<4x8xf32>) -> tensor<4x8xf32> { … }
    // becomes
    func.func @relu_0(%x: memref<32xf32>, %y: memref<32xf32>) {
      scf.parallel (%i, %j) = … { … memref.store … }
      return
    }
    ```
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "1",
           "Evaluate this many consecutive elements at once as vectors where the ops allow it">,
    Option<"innerLoop", "inner-loop", "bool", "false",
           "Keep the contiguous dimension as a sequential loop inside the parallel ones">
  ];
}

def ParallelToRange : Pass<"qc-parallel-to-range", "::mlir::func::FuncOp"> {
  let summary = "Give a loop-level kernel a share of its parallel iterations to run";
  let description = [{
    Appends two index arguments, the half-open range of flattened parallel iterations that a call
    computes, and turns the `scf.parallel` into an `scf.for` over them; `qc.extent` records the number
    of all iterations. This is the CPU's kernel signature.

    ```mlir
    func.func @k(%x: memref<8xf32>) { scf.parallel (%i, %j) = (0, 0) to (2, 4) { … } return }
    // becomes
    func.func @k(%x: memref<8xf32>, %begin: index, %end: index) attributes {qc.extent = 8} {
      scf.for %p = %begin to %end step %c1 { %i = divui %p, 4; %j = remui %p, 4; … }
      return
    }
    ```
  }];
}

def ParallelToThreads : Pass<"qc-parallel-to-threads", "::mlir::func::FuncOp"> {
  let summary = "Let each GPU thread compute one parallel iteration of a loop-level kernel";
  let description = [{
    The `scf.parallel` is replaced by its body for the iteration that the thread's position in a
    one-dimensional grid of one-dimensional blocks names; threads behind the last iteration do nothing.
    `qc.extent` records the number of iterations, and private scratch moves to the function's entry.
    This is the GPU's kernel form.

    ```mlir
    func.func @k(%x: memref<8xf32>) { scf.parallel (%i, %j) = (0, 0) to (2, 4) { … } return }
    // becomes
    func.func @k(%x: memref<8xf32>) attributes {qc.extent = 8} {
      %p = ctaid.x * ntid.x + tid.x
      scf.if %p < 8 { %i = divui %p, 4; %j = remui %p, 4; … }
      return
    }
    ```
  }];
  let options = [
    Option<"maxScratchBytes", "max-scratch-bytes", "int64_t", "524288",
           "Scratch that one thread may have: the local memory of an NVIDIA GPU's thread">
  ];
  let dependentDialects = ["::mlir::NVVM::NVVMDialect"];
}

def FuseRounding : Pass<"qc-fuse-rounding", "::mlir::func::FuncOp"> {
  let summary = "Convert rounded floats to integers in one instruction";
  let description = [{
    `arith.fptosi(math.roundeven(x))` from f32 to i32 becomes `llvm.intr.lrint(x)`, which x86 computes as
    cvtps2dq in the default rounding mode, half to even: the same value in one instruction,
    and on CPUs without roundps too.

    ```mlir
    %r = math.roundeven %x : f32
    %i = arith.fptosi %r : f32 to i32
    // becomes
    %i = llvm.intr.lrint(%x) : (f32) -> i32
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // QC_CONVERSION_PASSES_TD
