/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * The format of a qc artefact: what the compiler writes and libqcrt reads.
 *
 * An artefact is a manifest (what to launch, on which memory), weights, and
 * code. It exists in two forms:
 *  - model.so: a shared library that exports one data symbol, `qc_artifact` of
 *    type `QcArtifact`, which points to the manifest, to the weights and to the
 *    kernels' functions, once for each form of the CPU code;
 *  - a folder: the files `manifest.qcm` (the manifest), `weights.bin` (the
 *    weights) and `kernels.ptx` (an entry for each kernel, named as the
 *    manifest names the kernel).
 *
 * The manifest is one little-endian blob. It begins with a
 * `QcManifestHeader`; the header locates flat arrays (byte offset from the
 * manifest's first byte, number of elements), and records refer to a contiguous
 * range of another array by (first index, count). Records contain no pointers,
 * so the same bytes serve every target. All structs have a fixed layout without
 * implicit padding; every array's offset is a multiple of 8, and the blob
 * itself is aligned to at least 8 bytes in memory.
 *
 * The reader trusts nothing in it: every count, offset, string, size, range and
 * index is checked when an artefact is loaded (runtime/lib/Manifest.c), and a
 * value that is stored twice (a kernel's parameters and the arguments of its
 * launches, for instance) must agree. Two things the reader cannot check: the
 * code itself, and that code does what its parameters say.
 *
 * Records of one array are not shared: each parameter belongs to one kernel,
 * each tensor to one program, each launch to one program or the preparation,
 * each argument to one launch (the reader bounds the sums of the counts by the
 * arrays' sizes, so that checking is linear in the size of the manifest).
 * Strings and dims may be shared.
 *
 * This header compiles as C11 and as C++11 and later.
 */
#ifndef QCRT_MANIFEST_H
#define QCRT_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define QC_STATIC_ASSERT(condition, message) static_assert(condition, message)
extern "C" {
#else
#define QC_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

/* The number of this format. It changes with any change that an older reader
 * would misread; readers accept exactly this number. */
#define QC_ABI_VERSION 3u

/* First eight bytes of a manifest and of `QcArtifact`. */
#define QC_MANIFEST_MAGIC "QCMANIF\0"
#define QC_ARTIFACT_MAGIC "QCARTIF\0"
#define QC_MAGIC_BYTES 8

/* The data symbol that a model.so exports. */
#define QC_ARTIFACT_SYMBOL "qc_artifact"

/* Names of the files of an artefact folder. */
#define QC_MANIFEST_FILE "manifest.qcm"
#define QC_WEIGHTS_FILE "weights.bin"
#define QC_PTX_FILE "kernels.ptx"

/* Arena, weights, prepared memory and the buffers in them begin on this
 * boundary, in bytes: a cache line, and the widest vector register. */
#define QC_ARENA_ALIGNMENT 64u

/* Limits that the reader imposes, far above what a network needs. */
#define QC_MAX_RANK 32u
#define QC_MAX_KERNEL_PARAMETERS 1024u
#define QC_MAX_CPU_FORMS 64u

/* Element types: numbers of ONNX TensorProto.DataType. STRING (8) and the
 * complex types (14, 15) are not supported. Booleans take one byte, 0 or 1.
 * Types of four and two bits share bytes, the first element in the lowest bits.
 */
enum QcElementType {
  QC_TYPE_FLOAT = 1,
  QC_TYPE_UINT8 = 2,
  QC_TYPE_INT8 = 3,
  QC_TYPE_UINT16 = 4,
  QC_TYPE_INT16 = 5,
  QC_TYPE_INT32 = 6,
  QC_TYPE_INT64 = 7,
  QC_TYPE_BOOL = 9,
  QC_TYPE_FLOAT16 = 10,
  QC_TYPE_DOUBLE = 11,
  QC_TYPE_UINT32 = 12,
  QC_TYPE_UINT64 = 13,
  QC_TYPE_BFLOAT16 = 16,
  QC_TYPE_FLOAT8E4M3FN = 17,
  QC_TYPE_FLOAT8E4M3FNUZ = 18,
  QC_TYPE_FLOAT8E5M2 = 19,
  QC_TYPE_FLOAT8E5M2FNUZ = 20,
  QC_TYPE_UINT4 = 21,
  QC_TYPE_INT4 = 22,
  QC_TYPE_FLOAT4E2M1 = 23,
  QC_TYPE_FLOAT8E8M0 = 24,
  QC_TYPE_UINT2 = 25,
  QC_TYPE_INT2 = 26
};

/* What kind of code the kernels are. */
enum QcTarget {
  QC_TARGET_CPU = 0, /* functions in a model.so, `QcCpuForm.kernels` */
  QC_TARGET_PTX = 1  /* entries of kernels.ptx in an artefact folder */
};

/* How a kernel uses a parameter. A parameter that is written must not be bound
 * to weights or to an input, nor to prepared memory in a program. WRITE means
 * that the kernel reads none of it and that nobody needs what was there before:
 * one that writes a part of a buffer and keeps the rest is READ_WRITE. */
enum QcAccess {
  QC_ACCESS_READ = 1,
  QC_ACCESS_WRITE = 2,
  QC_ACCESS_READ_WRITE = 3
};

/* The memory that an argument of a launch lies in. */
enum QcSpace {
  QC_SPACE_ARENA = 0,   /* the session's arena; `index` is 0 */
  QC_SPACE_WEIGHTS = 1, /* the artefact's weights, read-only; `index` is 0 */
  QC_SPACE_INPUT = 2,  /* the caller's memory of input `index` of the program */
  QC_SPACE_OUTPUT = 3, /* the caller's memory of output `index` */
  QC_SPACE_PREPARED = 4 /* what the preparation made, read-only for programs;
                           `index` is 0 */
};

/* `count` elements from byte `offset` of the manifest; offset is a multiple of
 * 8 and at least sizeof(QcManifestHeader), even where count is 0. */
typedef struct QcManifestArray {
  uint64_t offset; /* bytes from the manifest's first byte */
  uint64_t count;  /* elements (bytes for the string table) */
} QcManifestArray;
QC_STATIC_ASSERT(sizeof(QcManifestArray) == 16, "fixed layout");

/* `length` bytes from byte `offset` of the string table, with a NUL after them
 * (and, from a careful writer, none among them: readers use the string up to
 * its first NUL). The empty string is {offset of any NUL, 0}. */
typedef struct QcManifestString {
  uint32_t offset; /* bytes from the string table's first byte */
  uint32_t length; /* bytes, not counting the NUL */
} QcManifestString;
QC_STATIC_ASSERT(sizeof(QcManifestString) == 8, "fixed layout");

typedef struct QcManifestHeader {
  uint8_t magic[QC_MAGIC_BYTES]; /* QC_MANIFEST_MAGIC */
  uint32_t abi;                  /* QC_ABI_VERSION */
  uint32_t headerBytes;          /* sizeof(QcManifestHeader) */
  uint64_t totalBytes;           /* size of the manifest, all arrays included */
  uint64_t weightsBytes;      /* size of the weights, 0 where there are none */
  uint32_t target;            /* enum QcTarget */
  uint32_t preparationCount;  /* launches of the preparation */
  uint64_t preparedBytes;     /* size of the memory that each loaded model has
                                 for what the preparation makes; zeros before
                                 it */
  uint64_t firstPreparation;  /* index into `launches`; they run in order, once
                                 per loaded model, before any program, and read
                                 and write nothing but weights and prepared
                                 memory */
  QcManifestString producer;  /* such as "qc 0.1.0"; information only */
  QcManifestString model;     /* name of the model; information only */
  QcManifestArray strings;    /* char: the string table; its last byte is NUL */
  QcManifestArray kernels;    /* QcManifestKernel */
  QcManifestArray parameters; /* QcManifestParameter, of kernels */
  QcManifestArray programs;   /* QcManifestProgram, at least one */
  QcManifestArray tensors;    /* QcManifestTensor, of programs */
  QcManifestArray dims;       /* int64_t, of tensors */
  QcManifestArray launches;   /* QcManifestLaunch, of programs and of the
                                 preparation */
  QcManifestArray arguments;  /* QcManifestArgument, of launches */
} QcManifestHeader;
QC_STATIC_ASSERT(sizeof(QcManifestHeader) == 200, "fixed layout");

/* A kernel: one function with static shapes. Its index in the array is its
 * index in `QcCpuForm.kernels`. */
typedef struct QcManifestKernel {
  QcManifestString name; /* PTX entry, or symbol in the CPU code; unique */
  QcManifestString
      family; /* schedule family such as "elementwise"; information only */
  uint64_t firstParameter; /* index into `parameters` */
  uint32_t parameterCount; /* at most QC_MAX_KERNEL_PARAMETERS */
  uint32_t macType;        /* enum QcElementType of the factors of `macs`, or 0;
                              information only */
  uint64_t
      extent;    /* product of the parallel loops' bounds; at most INT64_MAX */
  uint64_t macs; /* multiply-accumulates of convolutions and matrix
                    products, padding counted; information only */
  QcManifestString shape; /* its main op and shapes, such as "conv 1x8x4x4xf32,
                             8x8x3x3xf32 -> 1x8x4x4xf32"; information only */
} QcManifestKernel;
QC_STATIC_ASSERT(sizeof(QcManifestKernel) == 56, "fixed layout");

/* One pointer parameter of a kernel, in the order of the function's arguments.
 */
typedef struct QcManifestParameter {
  uint64_t bytes; /* size of the memref: the kernel touches no byte beyond */
  uint32_t
      alignment;   /* bytes, a power of two from 1 to QC_ARENA_ALIGNMENT, that
                      the kernel's loads and stores assume of the pointer */
  uint32_t access; /* enum QcAccess */
} QcManifestParameter;
QC_STATIC_ASSERT(sizeof(QcManifestParameter) == 16, "fixed layout");

/* An input or output of a program. Names are those of the ONNX graph; they are
 * unique among a program's inputs, and among its outputs. */
typedef struct QcManifestTensor {
  QcManifestString name;
  uint32_t type; /* enum QcElementType */
  uint32_t rank; /* at most QC_MAX_RANK; 0 is a scalar */
  uint64_t
      firstDim;   /* index into `dims`; dims are row-major, each at least 0 */
  uint64_t bytes; /* ceil(product of dims * bits of the type / 8) */
  uint32_t
      alignment;    /* bytes, a power of two from 1 to QC_ARENA_ALIGNMENT, that
                       the caller's memory must have; the element's size is
                       the usual value, so that any caller's array serves */
  uint32_t extents; /* 0; or, for an output whose size is known only at run
                       time, 1 + the program's output that receives its
                       extents: `dims` are then the largest ones, and the
                       memory begins with the row-major tensor of the extents */
} QcManifestTensor;
QC_STATIC_ASSERT(sizeof(QcManifestTensor) == 40, "fixed layout");

/* A program: the launches for one combination of bound input shapes. */
typedef struct QcManifestProgram {
  QcManifestString name;     /* unique among the programs */
  QcManifestString bindings; /* bound symbols such as "N=1,seq=32", or empty */
  uint64_t arenaBytes;       /* size of the arena that a session allocates */
  uint64_t lowerBoundBytes;  /* largest sum of simultaneously live buffers: what
                                no plan can undercut; information only */
  uint64_t firstInput;       /* index into `tensors` */
  uint64_t firstOutput;      /* index into `tensors` */
  uint64_t firstLaunch;      /* index into `launches`; they run in order */
  uint32_t inputCount;
  uint32_t outputCount;
  uint32_t launchCount;
  uint32_t extentsCount; /* how many of the outputs, the last ones, are extents
                            of others (int64, one per dimension): the runtime
                            has their memory and callers do not see them */
} QcManifestProgram;
QC_STATIC_ASSERT(sizeof(QcManifestProgram) == 72, "fixed layout");

/* One execution of a kernel. Launches of a program, and of the preparation, run
 * one after the other; within one, the extent's indices run in any order and
 * concurrently. */
typedef struct QcManifestLaunch {
  QcManifestString name;  /* ONNX node name(s) it computes, joined with '+' */
  uint64_t firstArgument; /* index into `arguments` */
  uint32_t kernel;        /* index into `kernels` */
  uint32_t argumentCount; /* equals the kernel's parameterCount */
  uint64_t extent;        /* equals the kernel's extent */
  uint64_t grain;     /* least number of indices worth a thread of their own, at
                         least 1: at most extent / grain threads take part */
  uint32_t blockSize; /* threads per block on a GPU, 1 to 1024 */
  uint32_t reserved;  /* 0 */
} QcManifestLaunch;
QC_STATIC_ASSERT(sizeof(QcManifestLaunch) == 48, "fixed layout");

/* The memory bound to a parameter: bytes [offset, offset + bytes) of a space.
 */
typedef struct QcManifestArgument {
  uint32_t space;  /* enum QcSpace */
  uint32_t index;  /* input or output of the program; 0 for other spaces */
  uint64_t offset; /* bytes from the space's first byte; a multiple of the
                      parameter's alignment */
  uint64_t bytes;  /* equals the parameter's bytes */
} QcManifestArgument;
QC_STATIC_ASSERT(sizeof(QcManifestArgument) == 24, "fixed layout");

/* A kernel on the CPU computes the indices [begin, end) of its flattened
 * parallel extent, 0 <= begin <= end <= extent. `arguments` holds one pointer
 * for each parameter. It calls nothing and raises nothing. */
typedef void (*QcKernelFunction)(void *const *arguments, int64_t begin,
                                 int64_t end);

/* CPU features, bits of `QcCpuForm.requiredFeatures`. The levels are those of
 * the x86-64 psABI and are cumulative: code for x86-64-v3 requires the bits of
 * v1, v2 and v3. A CPU has a feature only if the operating system saves the
 * registers it needs. A bit that the runtime does not know is never present. */
#define QC_CPU_X86_64_V1 (UINT64_C(1) << 0)
#define QC_CPU_X86_64_V2 (UINT64_C(1) << 1)
#define QC_CPU_X86_64_V3 (UINT64_C(1) << 2)
#define QC_CPU_X86_64_V4 (UINT64_C(1) << 3)
#define QC_CPU_AVXVNNI (UINT64_C(1) << 8)    /* VEX-encoded vpdpbusd */
#define QC_CPU_AVX512VNNI (UINT64_C(1) << 9) /* EVEX-encoded vpdpbusd */
#define QC_CPU_AVX512BF16 (UINT64_C(1) << 10)
#define QC_CPU_AVX512FP16 (UINT64_C(1) << 11)
#define QC_CPU_AVXVNNIINT8 (UINT64_C(1) << 12)
#define QC_CPU_AVX512VBMI (UINT64_C(1) << 13)

/* The kernels compiled for one kind of CPU. The runtime uses the form with the
 * most required features among those the CPU has; of equals, the first. */
typedef struct QcCpuForm {
  const char *name;                /* such as "x86-64-v3" */
  uint64_t requiredFeatures;       /* QC_CPU_* bits */
  const QcKernelFunction *kernels; /* `kernelCount` functions */
  uint64_t kernelCount;            /* equals the manifest's number of kernels */
} QcCpuForm;

/* What `qc_artifact` in a model.so is. The pointers are relocated by the
 * dynamic linker; all point into the library itself. */
typedef struct QcArtifact {
  uint8_t magic[QC_MAGIC_BYTES]; /* QC_ARTIFACT_MAGIC */
  uint32_t abi;                  /* QC_ABI_VERSION */
  uint32_t artifactBytes;        /* sizeof(QcArtifact) */
  const void *manifest;          /* aligned to at least 8 bytes */
  uint64_t manifestBytes;        /* equals the manifest's totalBytes */
  const void *weights;   /* aligned to QC_ARENA_ALIGNMENT; NULL if none */
  uint64_t weightsBytes; /* equals the manifest's weightsBytes */
  const QcCpuForm *forms;
  uint64_t formCount; /* 1 to QC_MAX_CPU_FORMS */
} QcArtifact;

#if UINTPTR_MAX == UINT64_MAX
QC_STATIC_ASSERT(sizeof(QcCpuForm) == 32, "fixed layout on 64-bit targets");
QC_STATIC_ASSERT(sizeof(QcArtifact) == 64, "fixed layout on 64-bit targets");
#endif

#ifdef __cplusplus
}
#endif

#endif /* QCRT_MANIFEST_H */
