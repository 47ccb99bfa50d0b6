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
    Option<"rowLanes", "row-lanes", "int64_t", "1",
           "Let softmax, norms and reductions evaluate up to this many elements of a contiguous row at once">
  ];
}

def ScheduleContractions : Pass<"qc-schedule-contractions", "::mlir::ModuleOp"> {
  let summary = "Lower convolutions and matrix products through register tiles";
  let description = [{
    Lowers kernels whose root is a convolution (not depthwise) without padding or a matrix product to
    loop-level functions around a register tile: rows of outputs times vectors of output channels,
    accumulated over the taps and channels of the reduction with one broadcast of the input per
    row and one load of packed weights per vector. The elementwise ops behind the root run on the
    accumulators. 8-bit kernels need weights packed four of the reduction together
    (qc-assign-layouts). Without vpdpbusd bytes are multiplied as 16-bit numbers (vpmaddwd); but where `qc.weight_bound`
    says that weights are small, as bytes (vpmaddubsw), and up to eight sums of two products are added
    up in 16 bits before they are in 32. Other kernels are left for qc-lower-kernels.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"registers", "registers", "int64_t", "16", "Number of vector registers">,
    Option<"useFMA", "fma", "bool", "true", "Whether the CPU has fused multiply-add">,
    Option<"dot", "dot", "std::string", "\"multiply-add\"",
           "How 8-bit products are summed: none (left alone), multiply-add (vpmaddwd) or dot-product (vpdpbusd)">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"numScheduled", "scheduled", "Number of kernels that were lowered">];
}

def ScheduleWindows : Pass<"qc-schedule-windows", "::mlir::ModuleOp"> {
  let summary = "Lower depthwise convolutions and max pools over channels-last maps through register tiles";
  let description = [{
    Lowers kernels whose root is a depthwise convolution or a max pool of a one- or two-dimensional
    channels-last map to loop-level functions around a tile of neighbouring pixels times one vector of
    channels. Padding is left out, not read: at the left and right by code of its own for the first and
    last tiles of a row, above and below by the bounds of the loop over window rows. The elementwise
    ops behind the root run on the accumulators. 8-bit products are summed exactly in 32 bits.
    Other kernels are left for qc-lower-kernels.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"registers", "registers", "int64_t", "16", "Number of vector registers">,
    Option<"useFMA", "fma", "bool", "true", "Whether the CPU has fused multiply-add">,
    Option<"dot", "dot", "std::string", "\"none\"",
           "How 8-bit products are summed: none (general arithmetic), multiply-add (vpmaddwd) or dot-product (vpdpwssd)">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numScheduled", "scheduled", "Number of kernels that were lowered">];
}

def ScheduleUnpacking : Pass<"qc-schedule-unpacking", "::mlir::ModuleOp"> {
  let summary = "Lower products of few rows that unpack their weights in registers";
  let description = [{
    Lowers kernels whose root is an f32 matrix product with a matrix that the kernel dequantizes itself
    (qc-form-kernels with unpack=few-rows), from codes of 2, 4 or 8 bits with scales per tensor, column or
    block of the reduction and one zero point, packed by qc-assign-layouts. Bytes are unpacked by
    shifts, codes of a block are summed before they are scaled. The elementwise ops behind
    the product run on the sums. Other kernels are left alone.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"registers", "registers", "int64_t", "16", "Number of vector registers">,
    Option<"useFMA", "fma", "bool", "true", "Whether the CPU has fused multiply-add">
  ];
  let dependentDialects = ["::mlir::math::MathDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numScheduled", "scheduled", "Number of kernels that were lowered">];
}

def ScheduleBlocks : Pass<"qc-schedule-blocks", "::mlir::ModuleOp"> {
  let summary = "Lower block ops whose iterations have lanes to vector loops";
  let description = [{
    Lowers kernels whose root is a block op with a lane iteration (the transforms of fast convolutions,
    along channels) to loop-level functions in which one iteration works on a vector of neighbours. The
    elementwise ops behind the root run on the vectors that it writes. Lanes beyond whole vectors are
    computed in vectors of smaller powers of two. Other kernels are left for qc-lower-kernels.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">
  ];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numScheduled", "scheduled", "Number of kernels that were lowered">];
}

def ScheduleElements : Pass<"qc-schedule-elements", "::mlir::ModuleOp"> {
  let summary = "Lower kernels of independent elements to vector loops";
  let description = [{
    Lowers kernels whose result elements are independent (elementwise chains, copies, reductions,
    gathers, resizes) to loop-level functions of vectors along the contiguous dimension of the result.
    A concat is one box per operand, a constant pad its inside and its border, so that no element asks
    where it comes from. Operands that lie contiguous along another dimension are evaluated along that one
    and transposed in registers. Elementwise kernels over tensors of one layout become a single row.
    Kernels of ops with state (softmax, norms) and of results smaller than bytes are left for
    qc-lower-kernels.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">
  ];
  let dependentDialects = ["::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numScheduled", "scheduled", "Number of kernels that were lowered">];
}

def TileContractions : Pass<"qc-tile-contractions", "::mlir::ModuleOp"> {
  let summary = "Lower convolutions and matrix products through register tiles of GPU threads";
  let description = [{
    Lowers kernels whose root is a convolution without padding or a matrix product, without zero points, to
    loop-level functions in which each parallel iteration, a thread of qc-parallel-to-threads, computes a tile
    of up to 8 rows times 4 output channels in registers, with loads of 16 bytes where the layouts allow
    and dp4a for 8-bit codes. Where that leaves fewer iterations than `threads`, 2 to 32 consecutive ones, lanes
    of one warp, share a tile, split the reduction and exchange their sums by shuffles: every block must hold
    whole warps. The elementwise ops behind the root run on the sums. Other kernels are left for qc-lower-kernels.
  }];
  let options = [
    Option<"threads", "threads", "int64_t", "16384",
           "Threads that keep the GPU busy: tiles shrink and reductions are split for fewer">
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::vector::VectorDialect"];
  let statistics = [Statistic<"numTiled", "tiled", "Number of kernels that were lowered">];
}

def ExpandMath : Pass<"qc-expand-math", "::mlir::func::FuncOp"> {
  let summary = "Replace functions that no target has an instruction for by arithmetic";
  let description = [{
    Transcendental `math` ops, `arith.remf` and conversions from and to floats of 16 bits and less become
    arithmetic on f32, f64 and integers, scalars or vectors, so that artefacts call no library and
    all targets compute the same bits. Of math remain absf, absi, floor, ceil, trunc, roundeven, sqrt,
    copysign, fma, the bit counts and the classifications.

    Largest errors, in units in the last place, to which test/Integration/test_expand_math.py holds all
    binades of f32: exp, log, log1p and rsqrt 2; tanh 2.7; expm1 3.5; erf 5.5; the rest 0.501, as they are
    computed in f64 and rounded once. f64: 5, but erf 9, erfc 1e-15 absolute, pow 1e-13
    relative. sin, cos and tan for arguments up to 4e8. Remainders and conversions are exact. math.exp with the
    flag ninf, by which qc's ops promise an argument of at most 88, is cheaper in f32; results below 2^-126 may
    become 0.

    ```mlir
    %y = math.exp %x : f32
    // becomes
    %n = math.roundeven (%x * 1.442695) …
    ```
  }];
  let options = [
    Option<"rounding", "rounding", "bool", "false",
           "Expand floor, ceil, trunc, round and roundeven too (x86-64 without SSE4.1)">,
    Option<"half", "half", "bool", "true",
           "Expand conversions of f16 too; off where the CPU has instructions (F16C)">
  ];
  let statistics = [
    Statistic<"numExpanded", "expanded-ops", "Number of ops that became arithmetic">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
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

def LowerTableGathers : Pass<"qc-lower-table-gathers", "::mlir::func::FuncOp"> {
  let summary = "Read byte tables of 256 by permuting registers (AVX-512 VBMI)";
  let description = [{
    `vector.gather` of bytes from a memref of 256, such as a vector of `qc.table_lookup` becomes, turns into
    two `vpermi2b` and a blend by the index's top bit. Other gathers are left alone.

    ```mlir
    %y = vector.gather %table[%c0] [%codes], %all, %zero : memref<256xi8>, vector<16xi32>, …
    // becomes
    %low = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%t0, %codes, %t1)
    %high = llvm.call_intrinsic "llvm.x86.avx512.vpermi2var.qi.512"(%t2, %codes, %t3)
    %y = arith.select %negative, %high, %low
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
  let statistics = [Statistic<"numLowered", "lowered", "Number of lookups in registers">];
}

#endif // QC_CONVERSION_PASSES_TD
