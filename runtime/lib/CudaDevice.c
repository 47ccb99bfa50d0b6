/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * A GPU as a device, through the CUDA driver API.
 *
 * The driver's library is loaded when a device is asked for: a program that
 * never asks runs on machines without it, and building needs no CUDA toolkit.
 * The few declarations below are those of the driver API's documented ABI. The
 * driver compiles the PTX text for its GPU when a module is loaded.
 *
 * Each operation makes the device's primary context current for its duration
 * and restores the thread's previous one, so that libqcrt lives beside other
 * users of CUDA in the same thread.
 */
#include "Internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CudaResult;
typedef int CudaDeviceNumber;
typedef unsigned long long CudaAddress;

/* Mode of cuStreamBeginCapture: other threads may use the driver meanwhile. */
enum { CudaCaptureThreadLocal = 1 };

/* Options of cuModuleLoadDataEx: where the compiler of PTX writes its errors.
 */
enum { CudaJitErrorLogBuffer = 5, CudaJitErrorLogBufferBytes = 6 };

typedef struct CudaDriver {
  CudaResult (*cuInit)(unsigned flags);
  CudaResult (*cuDeviceGetCount)(int *count);
  CudaResult (*cuDeviceGet)(CudaDeviceNumber *device, int ordinal);
  CudaResult (*cuDeviceGetName)(char *name, int bytes, CudaDeviceNumber device);
  CudaResult (*cuDevicePrimaryCtxRetain)(void **context,
                                         CudaDeviceNumber device);
  CudaResult (*cuDevicePrimaryCtxRelease)(CudaDeviceNumber device);
  CudaResult (*cuCtxPushCurrent)(void *context);
  CudaResult (*cuCtxPopCurrent)(void **context);
  CudaResult (*cuCtxSynchronize)(void);
  CudaResult (*cuModuleLoadDataEx)(void **module, const void *image,
                                   unsigned optionCount, int *options,
                                   void **values);
  CudaResult (*cuModuleUnload)(void *module);
  CudaResult (*cuModuleGetFunction)(void **function, void *module,
                                    const char *name);
  CudaResult (*cuMemAlloc)(CudaAddress *address, size_t bytes);
  CudaResult (*cuMemFree)(CudaAddress address);
  CudaResult (*cuMemcpyHtoD)(CudaAddress address, const void *data,
                             size_t bytes);
  CudaResult (*cuMemcpyDtoH)(void *data, CudaAddress address, size_t bytes);
  CudaResult (*cuLaunchKernel)(void *function, unsigned gridX, unsigned gridY,
                               unsigned gridZ, unsigned blockX, unsigned blockY,
                               unsigned blockZ, unsigned sharedBytes,
                               void *stream, void **parameters, void **extra);
  CudaResult (*cuStreamCreate)(void **stream, unsigned flags);
  CudaResult (*cuStreamDestroy)(void *stream);
  CudaResult (*cuStreamBeginCapture)(void *stream, int mode);
  CudaResult (*cuStreamEndCapture)(void *stream, void **graph);
  CudaResult (*cuGraphInstantiateWithFlags)(void **executable, void *graph,
                                            unsigned long long flags);
  CudaResult (*cuGraphLaunch)(void *executable, void *stream);
  CudaResult (*cuGraphDestroy)(void *graph);
  CudaResult (*cuGraphExecDestroy)(void *executable);
  CudaResult (*cuGetErrorString)(CudaResult result, const char **text);
} CudaDriver;

typedef struct CudaDevice {
  QcrtDevice device; /* first: its address is the device's */
  CudaDriver driver;
  void *library;
  CudaDeviceNumber number;
  void *context; /* the GPU's primary context, or NULL before it is retained */
  /* Where launches go. It waits for copies, which go to the default stream, and
   * they for it. */
  void *stream;
  char name[256];
} CudaDevice;

static CudaDevice *getCuda(QcrtDevice *device) { return device->context; }

/* An error for a failed call of the driver. */
static QcrtStatus failCall(const CudaDevice *cuda, const char *call,
                           CudaResult result, QcrtError *error) {
  const char *text = NULL;
  if (cuda->driver.cuGetErrorString(result, &text) != 0 || !text)
    text = "unknown error";
  return qcrtFail(error, QCRT_DEVICE_ERROR, "cuda: %s failed: %s (%d)", call,
                  text, result);
}

/* Makes the context current; each success needs a leaveContext. */
static QcrtStatus enterContext(CudaDevice *cuda, QcrtError *error) {
  CudaResult result = cuda->driver.cuCtxPushCurrent(cuda->context);
  return result ? failCall(cuda, "cuCtxPushCurrent", result, error) : QCRT_OK;
}

static void leaveContext(CudaDevice *cuda) {
  void *previous;
  cuda->driver.cuCtxPopCurrent(&previous);
}

static QcrtStatus cudaLoadModule(QcrtDevice *device, const char *text,
                                 size_t bytes, void **module,
                                 QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  /* The driver reads up to the NUL that libqcrt puts behind the text. */
  if (memchr(text, '\0', bytes))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "cuda: the PTX text contains a NUL");
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  char log[512] = "";
  int options[] = {CudaJitErrorLogBuffer, CudaJitErrorLogBufferBytes};
  void *values[] = {log, (void *)(uintptr_t)sizeof log};
  void *loaded = NULL;
  CudaResult result =
      cuda->driver.cuModuleLoadDataEx(&loaded, text, 2, options, values);
  leaveContext(cuda);
  if (result) {
    QcrtError reason;
    failCall(cuda, "cuModuleLoadDataEx", result, &reason);
    log[sizeof log - 1] = '\0';
    return qcrtFail(error, QCRT_DEVICE_ERROR, "%.400s; %s", reason.message,
                    log);
  }
  *module = loaded;
  return QCRT_OK;
}

static void cudaUnloadModule(QcrtDevice *device, void *module) {
  CudaDevice *cuda = getCuda(device);
  if (enterContext(cuda, NULL))
    return;
  cuda->driver.cuModuleUnload(module);
  leaveContext(cuda);
}

static QcrtStatus cudaFindKernel(QcrtDevice *device, void *module,
                                 const char *name, uint32_t parameterCount,
                                 void **kernel, QcrtError *error) {
  /* The driver does not tell a function's number of parameters. */
  (void)parameterCount;
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  void *function = NULL;
  CudaResult result = cuda->driver.cuModuleGetFunction(&function, module, name);
  leaveContext(cuda);
  if (result) {
    QcrtError reason;
    failCall(cuda, "cuModuleGetFunction", result, &reason);
    return qcrtFail(error, QCRT_BAD_ARTIFACT, "kernel '%.200s': %.600s", name,
                    reason.message);
  }
  *kernel = function;
  return QCRT_OK;
}

static QcrtStatus cudaAllocate(QcrtDevice *device, uint64_t bytes,
                               uint64_t *address, QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaAddress allocated = 0;
  CudaResult result = cuda->driver.cuMemAlloc(&allocated, (size_t)bytes);
  leaveContext(cuda);
  if (result)
    return failCall(cuda, "cuMemAlloc", result, error);
  *address = allocated;
  return QCRT_OK;
}

static void cudaRelease(QcrtDevice *device, uint64_t address) {
  CudaDevice *cuda = getCuda(device);
  if (enterContext(cuda, NULL))
    return;
  cuda->driver.cuMemFree(address);
  leaveContext(cuda);
}

static QcrtStatus cudaCopyToDevice(QcrtDevice *device, uint64_t address,
                                   const void *data, uint64_t bytes,
                                   QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result = cuda->driver.cuMemcpyHtoD(address, data, (size_t)bytes);
  leaveContext(cuda);
  return result ? failCall(cuda, "cuMemcpyHtoD", result, error) : QCRT_OK;
}

static QcrtStatus cudaCopyFromDevice(QcrtDevice *device, void *data,
                                     uint64_t address, uint64_t bytes,
                                     QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result = cuda->driver.cuMemcpyDtoH(data, address, (size_t)bytes);
  leaveContext(cuda);
  return result ? failCall(cuda, "cuMemcpyDtoH", result, error) : QCRT_OK;
}

static QcrtStatus cudaLaunch(QcrtDevice *device, void *kernel,
                             const QcrtDeviceArgument *arguments,
                             uint32_t argumentCount, uint64_t extent,
                             uint32_t blockSize, QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  uint64_t blocks = extent / blockSize + (extent % blockSize != 0);
  /* The limit of a grid's first dimension. */
  if (blocks > INT32_MAX)
    return qcrtFail(error, QCRT_DEVICE_ERROR,
                    "cuda: %llu blocks of %u threads; accepted are up to %d",
                    (unsigned long long)blocks, blockSize, INT32_MAX);
  /* Pointers to the pointers: how cuLaunchKernel takes parameters. The count is
   * limited by the manifest's validation. */
  void *parameters[QC_MAX_KERNEL_PARAMETERS];
  if (argumentCount > QC_MAX_KERNEL_PARAMETERS)
    return qcrtFail(error, QCRT_DEVICE_ERROR,
                    "cuda: %u parameters; accepted are up to %u", argumentCount,
                    QC_MAX_KERNEL_PARAMETERS);
  for (uint32_t i = 0; i < argumentCount; ++i)
    parameters[i] = (void *)&arguments[i].address;
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result =
      cuda->driver.cuLaunchKernel(kernel, (unsigned)blocks, 1, 1, blockSize, 1,
                                  1, 0, cuda->stream, parameters, NULL);
  leaveContext(cuda);
  return result ? failCall(cuda, "cuLaunchKernel", result, error) : QCRT_OK;
}

static QcrtStatus cudaBeginRecording(QcrtDevice *device, QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result =
      cuda->driver.cuStreamBeginCapture(cuda->stream, CudaCaptureThreadLocal);
  leaveContext(cuda);
  return result ? failCall(cuda, "cuStreamBeginCapture", result, error)
                : QCRT_OK;
}

static QcrtStatus cudaEndRecording(QcrtDevice *device, void **recording,
                                   QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  CudaDriver *driver = &cuda->driver;
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  void *graph = NULL, *executable = NULL;
  CudaResult result = driver->cuStreamEndCapture(cuda->stream, &graph);
  if (result) {
    status = failCall(cuda, "cuStreamEndCapture", result, error);
  } else {
    result = driver->cuGraphInstantiateWithFlags(&executable, graph, 0);
    if (result)
      status = failCall(cuda, "cuGraphInstantiateWithFlags", result, error);
    driver->cuGraphDestroy(graph);
  }
  leaveContext(cuda);
  *recording = executable;
  return status;
}

static QcrtStatus cudaReplay(QcrtDevice *device, void *recording,
                             QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result = cuda->driver.cuGraphLaunch(recording, cuda->stream);
  leaveContext(cuda);
  return result ? failCall(cuda, "cuGraphLaunch", result, error) : QCRT_OK;
}

static void cudaReleaseRecording(QcrtDevice *device, void *recording) {
  CudaDevice *cuda = getCuda(device);
  if (enterContext(cuda, NULL))
    return;
  cuda->driver.cuGraphExecDestroy(recording);
  leaveContext(cuda);
}

static QcrtStatus cudaSynchronize(QcrtDevice *device, QcrtError *error) {
  CudaDevice *cuda = getCuda(device);
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  CudaResult result = cuda->driver.cuCtxSynchronize();
  leaveContext(cuda);
  return result ? failCall(cuda, "cuCtxSynchronize", result, error) : QCRT_OK;
}

static void cudaDestroy(QcrtDevice *device) {
  CudaDevice *cuda = getCuda(device);
  if (cuda->stream && !enterContext(cuda, NULL)) {
    cuda->driver.cuStreamDestroy(cuda->stream);
    leaveContext(cuda);
  }
  if (cuda->context)
    cuda->driver.cuDevicePrimaryCtxRelease(cuda->number);
  /* The driver registers handlers that run at exit: its library stays. */
  free(cuda);
}

/* Looks up the functions of the driver. */
static QcrtStatus loadDriver(CudaDevice *cuda, QcrtError *error) {
  cuda->library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!cuda->library) {
    const char *reason = dlerror();
    return qcrtFail(error, QCRT_DEVICE_ERROR,
                    "cuda: there is no CUDA driver on this machine: %s",
                    reason ? reason : "libcuda.so.1 not found");
  }
  CudaDriver *driver = &cuda->driver;
  const struct {
    const char *name;
    void *function;
  } functions[] = {
      {"cuInit", &driver->cuInit},
      {"cuDeviceGetCount", &driver->cuDeviceGetCount},
      {"cuDeviceGet", &driver->cuDeviceGet},
      {"cuDeviceGetName", &driver->cuDeviceGetName},
      {"cuDevicePrimaryCtxRetain", &driver->cuDevicePrimaryCtxRetain},
      {"cuDevicePrimaryCtxRelease_v2", &driver->cuDevicePrimaryCtxRelease},
      {"cuCtxPushCurrent_v2", &driver->cuCtxPushCurrent},
      {"cuCtxPopCurrent_v2", &driver->cuCtxPopCurrent},
      {"cuCtxSynchronize", &driver->cuCtxSynchronize},
      {"cuModuleLoadDataEx", &driver->cuModuleLoadDataEx},
      {"cuModuleUnload", &driver->cuModuleUnload},
      {"cuModuleGetFunction", &driver->cuModuleGetFunction},
      {"cuMemAlloc_v2", &driver->cuMemAlloc},
      {"cuMemFree_v2", &driver->cuMemFree},
      {"cuMemcpyHtoD_v2", &driver->cuMemcpyHtoD},
      {"cuMemcpyDtoH_v2", &driver->cuMemcpyDtoH},
      {"cuLaunchKernel", &driver->cuLaunchKernel},
      {"cuStreamCreate", &driver->cuStreamCreate},
      {"cuStreamDestroy_v2", &driver->cuStreamDestroy},
      {"cuStreamBeginCapture_v2", &driver->cuStreamBeginCapture},
      {"cuStreamEndCapture", &driver->cuStreamEndCapture},
      {"cuGraphInstantiateWithFlags", &driver->cuGraphInstantiateWithFlags},
      {"cuGraphLaunch", &driver->cuGraphLaunch},
      {"cuGraphDestroy", &driver->cuGraphDestroy},
      {"cuGraphExecDestroy", &driver->cuGraphExecDestroy},
      {"cuGetErrorString", &driver->cuGetErrorString},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; ++i) {
    void *address = dlsym(cuda->library, functions[i].name);
    if (!address)
      return qcrtFail(error, QCRT_DEVICE_ERROR,
                      "cuda: libcuda.so.1 has no function %s: the driver is "
                      "too old",
                      functions[i].name);
    /* A pointer to a function and to an object have one size on POSIX. */
    memcpy(functions[i].function, &address, sizeof address);
  }
  return QCRT_OK;
}

/* Finds the GPU, retains its context and makes a stream. */
static QcrtStatus openGpu(CudaDevice *cuda, uint32_t ordinal,
                          QcrtError *error) {
  CudaDriver *driver = &cuda->driver;
  CudaResult result = driver->cuInit(0);
  if (result)
    return failCall(cuda, "cuInit", result, error);
  int count = 0;
  result = driver->cuDeviceGetCount(&count);
  if (result)
    return failCall(cuda, "cuDeviceGetCount", result, error);
  if (count <= 0 || ordinal >= (uint32_t)count)
    return qcrtFail(error, QCRT_DEVICE_ERROR,
                    "cuda: no GPU %u; the driver has %d", ordinal, count);
  result = driver->cuDeviceGet(&cuda->number, (int)ordinal);
  if (result)
    return failCall(cuda, "cuDeviceGet", result, error);
  result = driver->cuDeviceGetName(cuda->name, (int)sizeof cuda->name - 1,
                                   cuda->number);
  if (result)
    return failCall(cuda, "cuDeviceGetName", result, error);
  result = driver->cuDevicePrimaryCtxRetain(&cuda->context, cuda->number);
  if (result) {
    cuda->context = NULL;
    return failCall(cuda, "cuDevicePrimaryCtxRetain", result, error);
  }
  QcrtStatus status = enterContext(cuda, error);
  if (status)
    return status;
  result = driver->cuStreamCreate(&cuda->stream, 0);
  leaveContext(cuda);
  if (result) {
    cuda->stream = NULL;
    return failCall(cuda, "cuStreamCreate", result, error);
  }
  return QCRT_OK;
}

QcrtStatus qcrtCudaDeviceCreate(uint32_t ordinal, QcrtDevice **device,
                                QcrtError *error) {
  if (!device)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtCudaDeviceCreate: device is NULL");
  CudaDevice *cuda = calloc(1, sizeof *cuda);
  if (!cuda)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "cuda: no memory");
  cuda->device = (QcrtDevice){
      .size = sizeof(QcrtDevice),
      .name = cuda->name,
      .context = cuda,
      .loadModule = cudaLoadModule,
      .unloadModule = cudaUnloadModule,
      .findKernel = cudaFindKernel,
      .allocate = cudaAllocate,
      .release = cudaRelease,
      .copyToDevice = cudaCopyToDevice,
      .copyFromDevice = cudaCopyFromDevice,
      .launch = cudaLaunch,
      .beginRecording = cudaBeginRecording,
      .endRecording = cudaEndRecording,
      .replay = cudaReplay,
      .releaseRecording = cudaReleaseRecording,
      .synchronize = cudaSynchronize,
      .destroy = cudaDestroy,
  };
  QcrtStatus status = loadDriver(cuda, error);
  if (!status)
    status = openGpu(cuda, ordinal, error);
  if (status) {
    cudaDestroy(&cuda->device);
    return status;
  }
  *device = &cuda->device;
  return QCRT_OK;
}
