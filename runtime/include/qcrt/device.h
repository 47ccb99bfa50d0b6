/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * What a device must offer so that libqcrt can run an artefact folder on it:
 * memory with 64-bit addresses, copies, and kernels launched by name over a
 * one-dimensional range with pointers as parameters. The CUDA driver is such a
 * device (qcrtCudaDeviceCreate), the PTX simulator is another.
 *
 * A device is a table of functions with its state behind `context`. libqcrt
 * calls them from one thread at a time. Every function that can fail returns a
 * status and describes the failure in `error`, which is never NULL.
 */
#ifndef QCRT_DEVICE_H
#define QCRT_DEVICE_H

#include "qcrt/qcrt.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A pointer parameter of a launch. Size and access are what the kernel may
 * touch; a device that checks addresses uses them, others only the address. */
typedef struct QcrtDeviceArgument {
  uint64_t address; /* on the device */
  uint64_t bytes;
  uint32_t access; /* enum QcAccess */
  uint32_t reserved;
} QcrtDeviceArgument;

struct QcrtDevice {
  size_t size; /* sizeof(QcrtDevice) */
  const char *name;
  void *context; /* the device's own state */

  /* Takes kernels as PTX text of `bytes` bytes, NUL-terminated behind them. */
  QcrtStatus (*loadModule)(QcrtDevice *device, const char *text, size_t bytes,
                           void **module, QcrtError *error);
  void (*unloadModule)(QcrtDevice *device, void *module);

  /* Finds the entry `name` of a module. It must take `parameterCount`
   * parameters where the device can tell. The kernel lives as long as its
   * module. */
  QcrtStatus (*findKernel)(QcrtDevice *device, void *module, const char *name,
                           uint32_t parameterCount, void **kernel,
                           QcrtError *error);

  /* Memory aligned to at least QC_ARENA_ALIGNMENT; `bytes` is not 0. */
  QcrtStatus (*allocate)(QcrtDevice *device, uint64_t bytes, uint64_t *address,
                         QcrtError *error);
  void (*release)(QcrtDevice *device, uint64_t address);

  QcrtStatus (*copyToDevice)(QcrtDevice *device, uint64_t address,
                             const void *data, uint64_t bytes,
                             QcrtError *error);
  QcrtStatus (*copyFromDevice)(QcrtDevice *device, void *data, uint64_t address,
                               uint64_t bytes, QcrtError *error);

  /* Starts ceil(extent / blockSize) blocks of blockSize threads, both in one
   * dimension; may return before they end. Launches execute in order. `extent`
   * is not 0. */
  QcrtStatus (*launch)(QcrtDevice *device, void *kernel,
                       const QcrtDeviceArgument *arguments,
                       uint32_t argumentCount, uint64_t extent,
                       uint32_t blockSize, QcrtError *error);

  /* Launches as one unit, which costs a device less than one by one. From
   * beginRecording to endRecording, which gives the recording, launches are
   * kept and do not start; replay starts all of them in order. Their arguments
   * live as long as the recording. */
  QcrtStatus (*beginRecording)(QcrtDevice *device, QcrtError *error);
  QcrtStatus (*endRecording)(QcrtDevice *device, void **recording,
                             QcrtError *error);
  QcrtStatus (*replay)(QcrtDevice *device, void *recording, QcrtError *error);
  void (*releaseRecording)(QcrtDevice *device, void *recording);

  /* Waits for all launches, and reports an error of any of them. */
  QcrtStatus (*synchronize)(QcrtDevice *device, QcrtError *error);

  /* Ends the device and frees it; no model may be using it. */
  void (*destroy)(QcrtDevice *device);
};

/* Opens GPU `ordinal` through the CUDA driver's libcuda.so.1, which is loaded
 * at this call and not before. Without the library or without a GPU the result
 * is QCRT_DEVICE_ERROR with a message that says which. */
QCRT_API QcrtStatus qcrtCudaDeviceCreate(uint32_t ordinal, QcrtDevice **device,
                                         QcrtError *error);

/* Calls the device's `destroy`. NULL is allowed. */
QCRT_API void qcrtDeviceFree(QcrtDevice *device);

#ifdef __cplusplus
}
#endif

#endif /* QCRT_DEVICE_H */
