/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Launches with the addresses of their arguments, and the preparation of a
 * model.
 *
 * Programs and the preparation are lists of launches on known memory: a table
 * of addresses is computed once, and a run is nothing but the calls.
 */
#include "Internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* From this size on memory asks for huge pages. */
#define HUGE_PAGE_BYTES ((uint64_t)2 << 20)

QcrtStatus qcrtAllocate(uint64_t bytes, const char *what, uint8_t **memory,
                        QcrtError *error) {
  if (bytes == 0)
    return QCRT_OK;
  uint64_t alignment =
      bytes >= HUGE_PAGE_BYTES ? HUGE_PAGE_BYTES : QC_ARENA_ALIGNMENT;
  if (bytes <= SIZE_MAX - alignment) {
    uint64_t rounded = (bytes + alignment - 1) / alignment * alignment;
    *memory = aligned_alloc((size_t)alignment, (size_t)rounded);
    if (*memory && alignment == HUGE_PAGE_BYTES)
      /* A hint; without huge pages a session is slower, not wrong. */
      (void)madvise(*memory, (size_t)rounded, MADV_HUGEPAGE);
  }
  if (!*memory)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for %s of %llu bytes",
                    what, (unsigned long long)bytes);
  return QCRT_OK;
}

uint64_t qcrtNow(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void qcrtRecordTime(QcrtLaunchProfile *profile, uint64_t nanoseconds) {
  if (profile->runs == 0 || nanoseconds < profile->minNanoseconds)
    profile->minNanoseconds = nanoseconds;
  profile->totalNanoseconds += nanoseconds;
  ++profile->runs;
}

QcrtStatus qcrtLaunchesCreate(const QcrtModel *model, uint64_t first,
                              uint32_t count, QcrtLaunches *launches,
                              QcrtError *error) {
  launches->model = model;
  launches->launches = model->manifest.launches + first;
  launches->count = count;
  launches->firstArguments = calloc((size_t)count + 1, sizeof(uint64_t));
  uint64_t argumentCount = 0;
  for (uint32_t i = 0; launches->firstArguments && i < count; ++i) {
    launches->firstArguments[i] = argumentCount;
    argumentCount += launches->launches[i].argumentCount;
  }
  if (model->device)
    launches->deviceArguments =
        calloc((size_t)argumentCount + 1, sizeof(QcrtDeviceArgument));
  else
    launches->arguments = calloc((size_t)argumentCount + 1, sizeof(void *));
  if (!launches->firstArguments ||
      (!launches->deviceArguments && !launches->arguments))
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for %u launches",
                    count);
  return QCRT_OK;
}

void qcrtLaunchesFree(QcrtLaunches *launches) {
  free(launches->arguments);
  free(launches->deviceArguments);
  free(launches->firstArguments);
}

void qcrtLaunchesBind(QcrtLaunches *launches, uint32_t space, uint32_t index,
                      uint8_t *base, uint64_t deviceBase) {
  const QcrtManifest *manifest = &launches->model->manifest;
  for (uint32_t i = 0; i < launches->count; ++i) {
    const QcManifestLaunch *launch = &launches->launches[i];
    const QcManifestKernel *kernel = &manifest->kernels[launch->kernel];
    for (uint32_t j = 0; j < launch->argumentCount; ++j) {
      const QcManifestArgument *argument =
          &manifest->arguments[launch->firstArgument + j];
      if (argument->space != space || argument->index != index)
        continue;
      uint64_t slot = launches->firstArguments[i] + j;
      if (launches->deviceArguments) {
        QcrtDeviceArgument *deviceArgument = &launches->deviceArguments[slot];
        deviceArgument->address = deviceBase + argument->offset;
        deviceArgument->bytes = argument->bytes;
        deviceArgument->access =
            manifest->parameters[kernel->firstParameter + j].access;
      } else {
        /* A NULL base belongs to memory of 0 bytes, with offset 0. */
        launches->arguments[slot] = base ? base + argument->offset : NULL;
      }
    }
  }
}

QcrtStatus qcrtLaunchOnDevice(const QcrtLaunches *launches, uint32_t index,
                              QcrtError *error) {
  const QcrtModel *model = launches->model;
  const QcManifestLaunch *launch = &launches->launches[index];
  if (launch->extent == 0)
    return QCRT_OK;
  return model->device->launch(
      model->device, model->deviceKernels[launch->kernel],
      launches->deviceArguments + launches->firstArguments[index],
      launch->argumentCount, launch->extent, launch->blockSize, error);
}

QcrtStatus qcrtLaunchesRun(const QcrtLaunches *launches, QcrtPool *pool,
                           QcrtGuard *guard, QcrtLaunchProfile *profile,
                           QcrtError *error) {
  uint32_t threads = qcrtPoolThreads(pool);
  QcrtStatus status = QCRT_OK;
  QcrtFloatEnvironment previous = qcrtFloatEnvironmentEnter();
  for (uint32_t i = 0; i < launches->count; ++i) {
    const QcManifestLaunch *launch = &launches->launches[i];
    if (launch->extent == 0)
      continue;
    uint64_t start = profile ? qcrtNow() : 0;
    QcKernelFunction kernel = launches->model->kernels[launch->kernel];
    void *const *home = launches->arguments + launches->firstArguments[i];
    void *const *arguments = home;
    if (guard) {
      status = qcrtGuardEnter(guard, i, home, &arguments, error);
      if (status)
        break;
    }
    uint64_t shares =
        launches->divide ? launch->extent : launch->extent / launch->grain;
    if (shares > threads)
      shares = threads;
    if (shares > 1)
      qcrtPoolRun(pool, kernel, arguments, launch->extent, (uint32_t)shares);
    else
      kernel(arguments, 0, (int64_t)launch->extent);
    if (guard)
      qcrtGuardLeave(guard, home);
    if (profile)
      qcrtRecordTime(&profile[i], qcrtNow() - start);
  }
  qcrtFloatEnvironmentLeave(previous);
  return status;
}

/* Prepared memory begins as zeros: kernels leave the padding of layouts. Large
 * memory is mapped, so that what no kernel touches costs nothing. */
static QcrtStatus allocatePrepared(QcrtModel *model, uint64_t bytes,
                                   QcrtError *error) {
  model->preparedBytes = bytes;
  if (bytes < HUGE_PAGE_BYTES) {
    QcrtStatus status =
        qcrtAllocate(bytes, "prepared weights", &model->prepared, error);
    if (!status)
      memset(model->prepared, 0, (size_t)bytes);
    return status;
  }
  void *mapped = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY,
                    "no memory for prepared weights of %llu bytes",
                    (unsigned long long)bytes);
  (void)madvise(mapped, (size_t)bytes, MADV_HUGEPAGE);
  model->prepared = mapped;
  return QCRT_OK;
}

void qcrtPreparedFree(QcrtModel *model) {
  if (!model->prepared)
    return;
  if (model->preparedBytes < HUGE_PAGE_BYTES)
    free(model->prepared);
  else
    munmap(model->prepared, (size_t)model->preparedBytes);
}

static QcrtStatus clearOnDevice(QcrtModel *model, QcrtError *error) {
  static const uint8_t zeros[1 << 16];
  uint64_t bytes = model->manifest.header->preparedBytes;
  QcrtStatus status = QCRT_OK;
  for (uint64_t offset = 0; !status && offset < bytes; offset += sizeof zeros) {
    uint64_t rest = bytes - offset;
    status = model->device->copyToDevice(
        model->device, model->devicePrepared + offset, zeros,
        rest < sizeof zeros ? rest : sizeof zeros, error);
  }
  return status;
}

/* Runs the preparation on the model's device or CPU. */
static QcrtStatus runPreparation(QcrtModel *model, QcrtLaunches *launches,
                                 QcrtError *error) {
  qcrtLaunchesBind(launches, QC_SPACE_WEIGHTS, 0, (uint8_t *)model->weights,
                   model->deviceWeights);
  qcrtLaunchesBind(launches, QC_SPACE_PREPARED, 0, model->prepared,
                   model->devicePrepared);
  if (!model->device)
    return qcrtLaunchesRun(launches, NULL, NULL, NULL, error);
  for (uint32_t i = 0; i < launches->count; ++i) {
    QcrtStatus status = qcrtLaunchOnDevice(launches, i, error);
    if (status)
      return status;
  }
  return model->device->synchronize(model->device, error);
}

QcrtStatus qcrtPrepare(QcrtModel *model, const char *name, QcrtError *error) {
  const QcManifestHeader *header = model->manifest.header;
  uint64_t bytes = header->preparedBytes;
  QcrtDevice *device = model->device;
  uint64_t start = qcrtNow();
  QcrtError reason;
  QcrtStatus status = QCRT_OK;
  if (device && bytes > 0) {
    status = device->allocate(device, bytes, &model->devicePrepared, &reason);
    model->hasDevicePrepared = status == QCRT_OK;
    if (!status)
      status = clearOnDevice(model, &reason);
  } else if (bytes > 0) {
    status = allocatePrepared(model, bytes, &reason);
  }
  if (!status && header->preparationCount > 0) {
    QcrtLaunches launches = {0};
    status = qcrtLaunchesCreate(model, header->firstPreparation,
                                header->preparationCount, &launches, &reason);
    if (!status)
      status = runPreparation(model, &launches, &reason);
    qcrtLaunchesFree(&launches);
  }
  if (status)
    return qcrtFail(error, status, "%s: preparation: %.900s", name,
                    reason.message);
  model->preparationNanoseconds = qcrtNow() - start;
  return QCRT_OK;
}
