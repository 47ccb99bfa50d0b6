/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * libqcrt: loads and runs the artefacts that qc-compile writes.
 *
 *   QcrtError error;
 *   QcrtModel *model;
 *   QcrtSession *session;
 *   if (qcrtModelLoad("model.so", NULL, &model, &error)) ...error.message...
 *   if (qcrtSessionCreate(model, 0, NULL, &session, &error)) ...
 *   qcrtSessionSetInput(session, 0, pixels, sizeof pixels, &error);
 *   qcrtSessionSetOutput(session, 0, scores, sizeof scores, &error);
 *   qcrtSessionRun(session, &error);
 *   qcrtSessionFree(session);
 *   qcrtModelFree(model);
 *
 * Loading a model runs its preparation, which unpacks weights into memory that
 * all its sessions read. A model is immutable once loaded: any number of
 * threads may query it and create sessions of it. A session owns an arena and,
 * if asked for, threads; one thread at a time may use a session, different
 * sessions run concurrently. The model must outlive its sessions.
 *
 * The library prints nothing, never exits, and has no global state. Errors are
 * values: a function that can fail returns a status, and describes the failure
 * in the QcrtError it is given (which may be NULL). On failure nothing is
 * allocated and output parameters are left alone.
 *
 * A model.so is code and is loaded by the dynamic linker: load libraries only
 * from whom you would run programs. The runtime checks that the file is whole
 * and that the manifest in it is consistent, but not what its code does. The
 * files of an artefact folder are checked completely and may come from anyone,
 * as far as the device checks the addresses that kernels use.
 */
#ifndef QCRT_QCRT_H
#define QCRT_QCRT_H

#include <stddef.h>
#include <stdint.h>

#include "qcrt/manifest.h"

#if defined(QCRT_STATIC)
#define QCRT_API
#else
#define QCRT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum QcrtStatus {
  QCRT_OK = 0,
  QCRT_INVALID_ARGUMENT =
      1, /* the caller passed a wrong index, size, pointer or name */
  QCRT_FILE_ERROR = 2, /* a file cannot be opened or read */
  QCRT_BAD_ARTIFACT =
      3, /* a file is not an artefact, is truncated or inconsistent */
  QCRT_ABI_MISMATCH = 4,    /* an artefact of another format number */
  QCRT_UNSUPPORTED_CPU = 5, /* no form of the code runs on this CPU */
  QCRT_OUT_OF_MEMORY = 6,
  QCRT_NOT_READY = 7,    /* run without all inputs and outputs set */
  QCRT_DEVICE_ERROR = 8, /* the device is missing or reported an error */
  QCRT_THREAD_ERROR = 9  /* threads cannot be created */
} QcrtStatus;

/* What went wrong. `message` is a NUL-terminated sentence that names the file,
 * tensor or record, the value found and what would be accepted. */
typedef struct QcrtError {
  QcrtStatus status;
  char message[1024];
} QcrtError;

typedef struct QcrtModel QcrtModel;
typedef struct QcrtSession QcrtSession;

/* A device other than the CPU, see qcrt/device.h. */
typedef struct QcrtDevice QcrtDevice;

/* Fill with zeros, then set `size` to sizeof: members may be added at the end.
 */
typedef struct QcrtLoadOptions {
  size_t size;
  /* Name of the form of the CPU code to use, such as "x86-64-v3"; NULL chooses
   * the best one that this CPU can run. */
  const char *cpuForm;
  /* Runs the kernels of an artefact folder; required for folders, refused for
   * libraries. It must outlive the model and is not freed with it. Sessions of
   * one device must not run concurrently. */
  QcrtDevice *device;
} QcrtLoadOptions;

/* Fill with zeros, then set `size` to sizeof: members may be added at the end.
 */
typedef struct QcrtSessionOptions {
  size_t size;
  /* Threads that take part in a run, the caller's included; 0 means 1, at most
   * QCRT_MAX_THREADS. Results do not depend on it. */
  uint32_t threads;
  /* Nonzero: measure each launch, see qcrtSessionLaunchProfile. */
  uint32_t profile;
  /* On the CPU: look for accesses outside of buffers and for reads of memory
   * that nobody wrote; enum QcrtGuardKind, or 0. */
  uint32_t guard;
  /* Nonzero: divide launches among the threads however little each gets, down
   * to one index. For tests, which are small: results do not depend on it. */
  uint32_t divide;
} QcrtSessionOptions;

/* A guarded session gives every argument of every launch memory of its own,
 * with inaccessible pages around it, and copies. The buffers end at the page
 * behind them or begin at the page before them. What is only read is write
 * protected. It also runs the model's preparation, before each run, into memory
 * of its own. Memory whose content nobody may use any more, and the arena and
 * the outputs before a run, is filled with signalling NaNs, whose bytes differ
 * between the two values: a program whose results depend on such memory gives
 * two results. Slow, for tests. */
enum QcrtGuardKind { QCRT_GUARD_BEHIND = 1, QCRT_GUARD_BEFORE = 2 };

#define QCRT_MAX_THREADS 1024u

/* An input or output. The pointers are valid as long as the model is. */
typedef struct QcrtTensorInfo {
  const char *name;
  uint32_t type; /* enum QcElementType */
  uint32_t rank;
  const int64_t *dims; /* `rank` extents, row-major */
  uint64_t elements;   /* product of the dims */
  uint64_t bytes;      /* size of the memory to set */
  uint32_t alignment;  /* bytes, which that memory must have */
  uint32_t isBounded;  /* nonzero: an output whose size is known only after a
                          run; `dims` are the largest, see
                          qcrtSessionOutputDims */
} QcrtTensorInfo;

/* A program: one combination of input shapes. */
typedef struct QcrtProgramInfo {
  const char *name;
  const char *bindings; /* bound symbols such as "N=1,seq=32", or "" */
  uint32_t inputCount;
  uint32_t outputCount;
  uint32_t launchCount;
  uint64_t arenaBytes;      /* memory that each session allocates */
  uint64_t lowerBoundBytes; /* memory that no plan could undercut */
} QcrtProgramInfo;

typedef struct QcrtModelInfo {
  const char *name;     /* the model's name, or "" */
  const char *producer; /* the compiler that wrote the artefact */
  const char *form;     /* form of the CPU code in use, or the device's name */
  uint32_t target;      /* enum QcTarget */
  uint32_t programCount;
  uint32_t kernelCount;
  uint64_t weightsBytes; /* shared by all sessions */
  /* Memory that loading the model allocated and filled from weights, also
   * shared by all sessions, by how many launches, and how long they took. */
  uint64_t preparedBytes;
  uint32_t preparationCount;
  uint32_t reserved;
  uint64_t preparationNanoseconds;
} QcrtModelInfo;

typedef struct QcrtLaunchInfo {
  const char *name;   /* ONNX node names that it computes */
  const char *kernel; /* name of the kernel */
  const char *family; /* its family */
  uint64_t extent;    /* size of its parallel loop nest */
  uint64_t grain;     /* least share of a thread */
  uint64_t bytes;     /* sum of its arguments' sizes */
  uint64_t macs;      /* multiply-accumulates; 0 without a contraction */
  uint32_t macType;   /* enum QcElementType of their factors, or 0 */
  const char *shape;  /* its main op and shapes */
} QcrtLaunchInfo;

/* Times of one launch since the session was created or the profile was reset.
 */
typedef struct QcrtLaunchProfile {
  uint64_t runs;
  uint64_t totalNanoseconds;
  uint64_t minNanoseconds;
} QcrtLaunchProfile;

/* What an address was that a guarded session's launch could not access. */
typedef struct QcrtFault {
  uint32_t launch;        /* that was running */
  uint32_t argument;      /* of that launch */
  int64_t offset;         /* bytes from the argument's first byte */
  uint64_t bytes;         /* size of the argument */
  uint32_t isPreparation; /* nonzero: `launch` is one of the preparation, see
                             qcrtPreparationLaunch */
  uint32_t reserved;
} QcrtFault;

/* Number of the artefact format that this library reads (QC_ABI_VERSION). */
QCRT_API uint32_t qcrtAbiVersion(void);

/* QC_CPU_* bits of the CPU that runs this, as the operating system allows. */
QCRT_API uint64_t qcrtCpuFeatures(void);

/* Size of an element of `type` in bits; 0 for a type that is not supported. */
QCRT_API uint32_t qcrtElementBits(uint32_t type);

/* ONNX's name of `type` in lower case, such as "float16"; NULL if unsupported.
 */
QCRT_API const char *qcrtElementName(uint32_t type);

/* Loads a model.so, or an artefact folder if `path` is a directory. `options`
 * may be NULL. */
QCRT_API QcrtStatus qcrtModelLoad(const char *path,
                                  const QcrtLoadOptions *options,
                                  QcrtModel **model, QcrtError *error);

/* Loads an artefact that is linked into the program. `name` stands for the file
 * in messages. The artefact must outlive the model. */
QCRT_API QcrtStatus qcrtModelFromArtifact(const QcArtifact *artifact,
                                          const char *name,
                                          const QcrtLoadOptions *options,
                                          QcrtModel **model, QcrtError *error);

/* Frees a model that has no session left. NULL is allowed. */
QCRT_API void qcrtModelFree(QcrtModel *model);

QCRT_API QcrtStatus qcrtModelInfo(const QcrtModel *model, QcrtModelInfo *info,
                                  QcrtError *error);
QCRT_API QcrtStatus qcrtProgramInfo(const QcrtModel *model, uint32_t program,
                                    QcrtProgramInfo *info, QcrtError *error);
QCRT_API QcrtStatus qcrtProgramInput(const QcrtModel *model, uint32_t program,
                                     uint32_t input, QcrtTensorInfo *info,
                                     QcrtError *error);
QCRT_API QcrtStatus qcrtProgramOutput(const QcrtModel *model, uint32_t program,
                                      uint32_t output, QcrtTensorInfo *info,
                                      QcrtError *error);
QCRT_API QcrtStatus qcrtProgramLaunch(const QcrtModel *model, uint32_t program,
                                      uint32_t launch, QcrtLaunchInfo *info,
                                      QcrtError *error);

/* Launch `launch` of those that ran when the model was loaded. */
QCRT_API QcrtStatus qcrtPreparationLaunch(const QcrtModel *model,
                                          uint32_t launch, QcrtLaunchInfo *info,
                                          QcrtError *error);

/* Index of the program of that name. */
QCRT_API QcrtStatus qcrtProgramFind(const QcrtModel *model, const char *name,
                                    uint32_t *program, QcrtError *error);

/* A named shape, for qcrtProgramSelect. */
typedef struct QcrtShape {
  const char *name; /* of an input */
  uint32_t rank;
  const int64_t *dims;
} QcrtShape;

/* Index of the first program that has all the named inputs in these shapes.
 * Inputs that are not named may have any shape. */
QCRT_API QcrtStatus qcrtProgramSelect(const QcrtModel *model,
                                      const QcrtShape *shapes,
                                      uint32_t shapeCount, uint32_t *program,
                                      QcrtError *error);

/* Creates a session of a program: allocates its arena and starts its threads.
 * `options` may be NULL. */
QCRT_API QcrtStatus qcrtSessionCreate(const QcrtModel *model, uint32_t program,
                                      const QcrtSessionOptions *options,
                                      QcrtSession **session, QcrtError *error);

/* Ends the session's threads and frees its memory. NULL is allowed. */
QCRT_API void qcrtSessionFree(QcrtSession *session);

/* Makes the session read input `input` from, or write output `output` to, the
 * caller's memory, without a copy. `bytes` must be the tensor's size exactly
 * and `data` must have its alignment. The memory must stay valid during runs;
 * it stays set until it is set again. Outputs must not overlap inputs or each
 * other. */
QCRT_API QcrtStatus qcrtSessionSetInput(QcrtSession *session, uint32_t input,
                                        const void *data, size_t bytes,
                                        QcrtError *error);
QCRT_API QcrtStatus qcrtSessionSetOutput(QcrtSession *session, uint32_t output,
                                         void *data, size_t bytes,
                                         QcrtError *error);

/* Runs the program once; all inputs and outputs must have been set. */
QCRT_API QcrtStatus qcrtSessionRun(QcrtSession *session, QcrtError *error);

/* The extents of output `output` after the last run, in `dims`, which has room
 * for `rank` numbers, the output's rank. They differ from those of
 * qcrtProgramOutput where that says `isBounded`: the output's memory then
 * begins with the row-major tensor of these extents, and what follows it means
 * nothing.
 */
QCRT_API QcrtStatus qcrtSessionOutputDims(const QcrtSession *session,
                                          uint32_t output, int64_t *dims,
                                          uint32_t rank, QcrtError *error);

/* Times of launch `launch`, if the session was created with `profile`. */
QCRT_API QcrtStatus qcrtSessionLaunchProfile(const QcrtSession *session,
                                             uint32_t launch,
                                             QcrtLaunchProfile *profile,
                                             QcrtError *error);
QCRT_API QcrtStatus qcrtSessionResetProfile(QcrtSession *session,
                                            QcrtError *error);

/* For the signal handler of a program that runs a guarded session: says which
 * argument of the running launch `address` belongs to. Fails with
 * QCRT_INVALID_ARGUMENT if to none, and touches nothing but its arguments. */
QCRT_API QcrtStatus qcrtSessionExplainFault(const QcrtSession *session,
                                            const void *address,
                                            QcrtFault *fault);

#ifdef __cplusplus
}
#endif

#endif /* QCRT_QCRT_H */
