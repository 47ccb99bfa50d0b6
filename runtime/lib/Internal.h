/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What the files of libqcrt share: the model behind QcrtModel, the validated
 * view of a manifest, the thread pool, and the way errors are made.
 *
 * Nothing here is global: every function works on what it is given.
 */
#ifndef QCRT_LIB_INTERNAL_H
#define QCRT_LIB_INTERNAL_H

#include "qcrt/device.h"
#include "qcrt/manifest.h"
#include "qcrt/qcrt.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "artefacts are little-endian and are used without conversion"
#endif

/* Functions that libqcrt's files share and users of the library do not see. */
#define QCRT_INTERNAL __attribute__((visibility("hidden")))

/* Fills `error`, which may be NULL, and returns `status`. */
QCRT_INTERNAL QcrtStatus qcrtFail(QcrtError *error, QcrtStatus status,
                                  const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The arrays of a manifest that qcrtManifestValidate accepted. Every index,
 * range and string reachable from it is valid. Pointers into the manifest. */
typedef struct QcrtManifest {
  const QcManifestHeader *header;
  const char *strings;
  const QcManifestKernel *kernels;
  const QcManifestParameter *parameters;
  const QcManifestProgram *programs;
  const QcManifestTensor *tensors;
  const int64_t *dims;
  const QcManifestLaunch *launches;
  const QcManifestArgument *arguments;
  uint32_t kernelCount;
  uint32_t programCount;
} QcrtManifest;

/* Checks all of a manifest of `bytes` bytes at `data`, which must be aligned to
 * 8, and locates its arrays. `name` is the file in messages. */
QCRT_INTERNAL QcrtStatus qcrtManifestValidate(const void *data, uint64_t bytes,
                                              uint32_t target, const char *name,
                                              QcrtManifest *manifest,
                                              QcrtError *error);

/* Text of a string of a validated manifest. */
static inline const char *qcrtString(const QcrtManifest *manifest,
                                     QcManifestString string) {
  return manifest->strings + string.offset;
}

/* Product of a tensor's dims, known not to overflow after validation. */
QCRT_INTERNAL uint64_t qcrtTensorElements(const QcrtManifest *manifest,
                                          const QcManifestTensor *tensor);

struct QcrtModel {
  QcrtManifest manifest;
  /* CPU: the form in use, its kernels, and the weights in the library. */
  const char *formName;
  const QcKernelFunction *kernels;
  const uint8_t *weights;
  void *library; /* handle of dlopen, or NULL */
  /* Folder: the manifest's bytes, the device and what was put on it. */
  void *manifestBytes;
  QcrtDevice *device;
  void *module;
  void **deviceKernels; /* one for each kernel */
  uint64_t deviceWeights;
  bool hasDeviceWeights;
  /* What the preparation made: on the CPU, or on the device. */
  uint8_t *prepared;
  /* Its size, which must outlive the artifact. */
  uint64_t preparedBytes;
  uint64_t devicePrepared;
  bool hasDevicePrepared;
  uint64_t preparationNanoseconds;
};

/* Memory aligned for an arena and, if large, for huge pages: a network walks
 * over all of it in every run, and with pages of 4 KiB misses the TLB all the
 * time. free() ends it. `what` names it in errors. NULL for 0 bytes. */
QCRT_INTERNAL QcrtStatus qcrtAllocate(uint64_t bytes, const char *what,
                                      uint8_t **memory, QcrtError *error);

/* Nanoseconds of a clock that only runs forwards. */
QCRT_INTERNAL uint64_t qcrtNow(void);

/* Launches, of a program or of the preparation, with the addresses of their
 * arguments. */
typedef struct QcrtLaunches {
  const QcrtModel *model;
  const QcManifestLaunch *launches;
  uint32_t count;
  /* The addresses of all launches, one after the other. On the CPU `arguments`,
   * on a device `deviceArguments`. */
  void **arguments;
  QcrtDeviceArgument *deviceArguments;
  /* First of the addresses of each launch. */
  uint64_t *firstArguments;
  /* Whether every index is worth a thread, see QcrtSessionOptions. */
  bool divide;
} QcrtLaunches;

/* Launches [first, first + count) of the manifest, without addresses. On
 * failure, too, they are to be freed. */
QCRT_INTERNAL QcrtStatus qcrtLaunchesCreate(const QcrtModel *model,
                                            uint64_t first, uint32_t count,
                                            QcrtLaunches *launches,
                                            QcrtError *error);
QCRT_INTERNAL void qcrtLaunchesFree(QcrtLaunches *launches);
/* Sets the addresses of all arguments that lie in `space` (and there in tensor
 * `index`), which begins at `base` or, on a device, at `deviceBase`. */
QCRT_INTERNAL void qcrtLaunchesBind(QcrtLaunches *launches, uint32_t space,
                                    uint32_t index, uint8_t *base,
                                    uint64_t deviceBase);
/* Adds one run to a launch's times. */
QCRT_INTERNAL void qcrtRecordTime(QcrtLaunchProfile *profile,
                                  uint64_t nanoseconds);
/* Starts launch `index` on the device. */
QCRT_INTERNAL QcrtStatus qcrtLaunchOnDevice(const QcrtLaunches *launches,
                                            uint32_t index, QcrtError *error);

/* Runs the preparation of a model whose weights and kernels are in place. */
QCRT_INTERNAL QcrtStatus qcrtPrepare(QcrtModel *model, const char *name,
                                     QcrtError *error);
/* Frees what it made on the CPU. */
QCRT_INTERNAL void qcrtPreparedFree(QcrtModel *model);

/* A regular file opened for reading. */
typedef struct QcrtFile {
  int descriptor;
  uint64_t bytes;
} QcrtFile;

/* Opens the regular file `path`. */
QCRT_INTERNAL QcrtStatus qcrtFileOpen(const char *path, QcrtFile *file,
                                      QcrtError *error);
QCRT_INTERNAL void qcrtFileClose(QcrtFile *file);
/* Reads exactly `bytes` bytes at `offset`. */
QCRT_INTERNAL QcrtStatus qcrtFileRead(const QcrtFile *file, const char *path,
                                      uint64_t offset, void *data,
                                      uint64_t bytes, QcrtError *error);

/* A loadable segment of a shared library: where it comes to lie relative to the
 * library's load address. */
typedef struct QcrtSegment {
  uint64_t address;
  uint64_t bytes;
  bool executable;
} QcrtSegment;

#define QCRT_MAX_SEGMENTS 64

/* Checks that `path` is a shared library for this machine, and that the file
 * holds all bytes that its program headers map: the dynamic linker does not,
 * and a truncated file would end the process with SIGBUS at its first use.
 * Reports the loadable segments. */
QCRT_INTERNAL QcrtStatus qcrtElfCheck(const char *path, QcrtSegment *segments,
                                      uint32_t *segmentCount, QcrtError *error);

/* The loaders behind qcrtModelLoad. They fill a zeroed model; on failure the
 * caller releases whatever they had put there (qcrtModelFree). */
QCRT_INTERNAL QcrtStatus qcrtLoadLibrary(const char *path,
                                         const QcrtLoadOptions *options,
                                         QcrtModel *model, QcrtError *error);
QCRT_INTERNAL QcrtStatus qcrtLoadFolder(const char *path,
                                        const QcrtLoadOptions *options,
                                        QcrtModel *model, QcrtError *error);
/* `segments` is NULL for an artefact that is linked into the program. */
QCRT_INTERNAL QcrtStatus qcrtLoadArtifact(const QcArtifact *artifact,
                                          const QcrtSegment *segments,
                                          uint32_t segmentCount,
                                          const char *name,
                                          const QcrtLoadOptions *options,
                                          QcrtModel *model, QcrtError *error);

/* The thread pool of a session. */
typedef struct QcrtPool QcrtPool;

/* Starts `threads` - 1 threads; `threads` is at least 2. */
QCRT_INTERNAL QcrtStatus qcrtPoolCreate(uint32_t threads, QcrtPool **pool,
                                        QcrtError *error);
QCRT_INTERNAL void qcrtPoolFree(QcrtPool *pool);
QCRT_INTERNAL uint32_t qcrtPoolThreads(const QcrtPool *pool);

/* Calls `kernel` over [0, extent) in `shares` contiguous shares, share 0 on the
 * calling thread; 2 <= shares <= number of threads. Returns when all are done.
 */
QCRT_INTERNAL void qcrtPoolRun(QcrtPool *pool, QcKernelFunction kernel,
                               void *const *arguments, uint64_t extent,
                               uint32_t shares);

/* Bounds of share `share` of `shares` of [0, extent): sizes differ by at most
 * one. */
static inline int64_t qcrtShareBegin(uint64_t extent, uint32_t shares,
                                     uint32_t share) {
  uint64_t quotient = extent / shares, remainder = extent % shares;
  return (int64_t)(quotient * share + (share < remainder ? share : remainder));
}

/* What a guarded session has in addition, see QcrtGuardKind. */
typedef struct QcrtGuard QcrtGuard;

/* `launches` must outlive the guard. On failure, too, `*result` is to be freed
 * if it was set. */
QCRT_INTERNAL QcrtStatus qcrtGuardCreate(const QcrtLaunches *launches,
                                         uint32_t mode, QcrtGuard **result,
                                         QcrtError *error);
QCRT_INTERNAL void qcrtGuardFree(QcrtGuard *guard);
/* Fills memory that nobody may use. */
QCRT_INTERNAL void qcrtGuardFill(const QcrtGuard *guard, void *data,
                                 uint64_t bytes);
/* Copies the arguments of a launch between guard pages; to be run on `*guarded`
 * and then left. */
QCRT_INTERNAL QcrtStatus qcrtGuardEnter(QcrtGuard *guard, uint32_t launch,
                                        void *const *arguments,
                                        void *const **guarded,
                                        QcrtError *error);
/* Copies the results back and fills what nobody uses any more. */
QCRT_INTERNAL void qcrtGuardLeave(QcrtGuard *guard, void *const *arguments);
QCRT_INTERNAL bool qcrtGuardExplain(const QcrtGuard *guard, const void *address,
                                    QcrtFault *fault);

/* Kernels are compiled for the default floating-point environment: round to
 * nearest, denormals kept. A caller may have changed its thread's (many
 * programs flush denormals), which would make results depend on which thread
 * computes what. */
typedef struct QcrtFloatEnvironment {
  uint32_t control;
} QcrtFloatEnvironment;
QCRT_INTERNAL QcrtFloatEnvironment qcrtFloatEnvironmentEnter(void);
QCRT_INTERNAL void qcrtFloatEnvironmentLeave(QcrtFloatEnvironment previous);

/* Runs launches on the CPU, in order. `pool` (one thread), `guard` and
 * `profile` (an entry for each launch) may be NULL. */
QCRT_INTERNAL QcrtStatus qcrtLaunchesRun(const QcrtLaunches *launches,
                                         QcrtPool *pool, QcrtGuard *guard,
                                         QcrtLaunchProfile *profile,
                                         QcrtError *error);

#endif /* QCRT_LIB_INTERNAL_H */
