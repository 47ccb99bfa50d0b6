/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Guarded runs: every argument of a launch in a mapping of its own between
 * inaccessible pages.
 *
 * The arena stays what it is, and arguments are copied from and to it around
 * each launch. So buffers that share memory in a plan, or lie inside each
 * other, need no special treatment, and one launch's mappings exist at a time.
 */
#include "Internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct Mapping {
  uint8_t *base; /* of the page before the data; NULL if there is none */
  size_t bytes;  /* all of it, the inaccessible pages included */
  uint8_t *data;
} Mapping;

struct QcrtGuard {
  const QcrtManifest *manifest;
  const QcrtLaunches *launches;
  uint32_t mode; /* enum QcrtGuard */
  size_t page;
  /* For the arguments of all launches, one after the other: whether it lies in
   * the arena and no later launch uses what it holds. */
  bool *isDead;
  uint64_t *firstSlots; /* of each launch, in isDead */
  /* Of the running launch. */
  uint32_t launch;
  uint32_t count;
  Mapping *mappings;
  void **pointers;
};

/* The bytes A5 A5 A5 7F and 5A 5A B3 FF: signalling NaNs as float, NaNs as
 * bfloat16, and unlike each other in every byte. */
void qcrtGuardFill(const QcrtGuard *guard, void *data, uint64_t bytes) {
  static const uint8_t patterns[2][4] = {{0xa5, 0xa5, 0xa5, 0x7f},
                                         {0x5a, 0x5a, 0xb3, 0xff}};
  const uint8_t *pattern = patterns[guard->mode == QCRT_GUARD_BEFORE];
  for (uint64_t i = 0; i < bytes; ++i)
    ((uint8_t *)data)[i] = pattern[i % 4];
}

static const QcManifestLaunch *getLaunch(const QcrtGuard *guard,
                                         uint32_t launch) {
  return &guard->launches->launches[launch];
}

static uint32_t getAccess(const QcrtGuard *guard,
                          const QcManifestLaunch *launch, uint32_t argument) {
  const QcManifestKernel *kernel = &guard->manifest->kernels[launch->kernel];
  return guard->manifest->parameters[kernel->firstParameter + argument].access;
}

/* Whether a launch after `launch` reads any of the arena's bytes
 * [begin, end) before one overwrites all of them. */
static bool isReadLater(const QcrtGuard *guard, uint32_t launch, uint64_t begin,
                        uint64_t end) {
  for (uint32_t i = launch + 1; i < guard->launches->count; ++i) {
    const QcManifestLaunch *later = getLaunch(guard, i);
    bool overwrites = false;
    for (uint32_t j = 0; j < later->argumentCount; ++j) {
      const QcManifestArgument *other =
          &guard->manifest->arguments[later->firstArgument + j];
      uint64_t otherEnd = other->offset + other->bytes;
      if (other->space != QC_SPACE_ARENA || otherEnd <= begin ||
          other->offset >= end)
        continue;
      if (getAccess(guard, later, j) & QC_ACCESS_READ)
        return true;
      overwrites |= other->offset <= begin && otherEnd >= end;
    }
    if (overwrites)
      return false;
  }
  return false;
}

QcrtStatus qcrtGuardCreate(const QcrtLaunches *launches, uint32_t mode,
                           QcrtGuard **result, QcrtError *error) {
  const QcrtModel *model = launches->model;
  if (model->device)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "guarded sessions are for the CPU, not for device '%s'",
                    model->device->name);
  if (mode != QCRT_GUARD_BEHIND && mode != QCRT_GUARD_BEFORE)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "guard %u; accepted are 0, %d and %d", mode,
                    QCRT_GUARD_BEHIND, QCRT_GUARD_BEFORE);
  QcrtGuard *guard = calloc(1, sizeof *guard);
  if (!guard)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for a session");
  *result = guard; /* the session frees it */
  guard->manifest = &model->manifest;
  guard->launches = launches;
  guard->mode = mode;
  guard->page = (size_t)sysconf(_SC_PAGESIZE);
  uint64_t slots = 0;
  uint32_t most = 0;
  for (uint32_t i = 0; i < launches->count; ++i) {
    uint32_t count = getLaunch(guard, i)->argumentCount;
    slots += count;
    most = count > most ? count : most;
  }
  guard->isDead = calloc((size_t)slots + 1, sizeof *guard->isDead);
  guard->firstSlots =
      calloc((size_t)launches->count + 1, sizeof *guard->firstSlots);
  guard->mappings = calloc((size_t)most + 1, sizeof *guard->mappings);
  guard->pointers = calloc((size_t)most + 1, sizeof *guard->pointers);
  if (!guard->isDead || !guard->firstSlots || !guard->mappings ||
      !guard->pointers)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for a session");
  uint64_t slot = 0;
  for (uint32_t i = 0; i < launches->count; ++i) {
    const QcManifestLaunch *launch = getLaunch(guard, i);
    guard->firstSlots[i] = slot;
    for (uint32_t j = 0; j < launch->argumentCount; ++j, ++slot) {
      const QcManifestArgument *argument =
          &model->manifest.arguments[launch->firstArgument + j];
      guard->isDead[slot] = argument->space == QC_SPACE_ARENA &&
                            !isReadLater(guard, i, argument->offset,
                                         argument->offset + argument->bytes);
    }
  }
  return QCRT_OK;
}

static void unmap(QcrtGuard *guard) {
  for (uint32_t i = 0; i < guard->count; ++i)
    if (guard->mappings[i].base)
      munmap(guard->mappings[i].base, guard->mappings[i].bytes);
  guard->count = 0;
}

void qcrtGuardFree(QcrtGuard *guard) {
  if (!guard)
    return;
  if (guard->mappings)
    unmap(guard);
  free(guard->isDead);
  free(guard->firstSlots);
  free(guard->mappings);
  free(guard->pointers);
  free(guard);
}

/* Maps `bytes` bytes that end, or begin, at an inaccessible page. */
static QcrtStatus map(const QcrtGuard *guard, uint64_t bytes,
                      uint32_t alignment, Mapping *mapping, QcrtError *error) {
  size_t page = guard->page;
  size_t inner = ((size_t)bytes + page - 1) / page * page;
  mapping->bytes = inner + 2 * page;
  mapping->base =
      mmap(NULL, mapping->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping->base == MAP_FAILED) {
    mapping->base = NULL;
    return qcrtFail(error, QCRT_OUT_OF_MEMORY,
                    "no guarded memory of %llu bytes: %s",
                    (unsigned long long)bytes, strerror(errno));
  }
  mapping->data = mapping->base + page;
  if (inner == 0)
    return QCRT_OK;
  if (mprotect(mapping->data, inner, PROT_READ | PROT_WRITE))
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "mprotect: %s", strerror(errno));
  qcrtGuardFill(guard, mapping->data, inner);
  if (guard->mode == QCRT_GUARD_BEHIND)
    mapping->data += (inner - (size_t)bytes) / alignment * alignment;
  return QCRT_OK;
}

QcrtStatus qcrtGuardEnter(QcrtGuard *guard, uint32_t launchIndex,
                          void *const *arguments, void *const **guarded,
                          QcrtError *error) {
  const QcManifestLaunch *launch = getLaunch(guard, launchIndex);
  const QcManifestKernel *kernel = &guard->manifest->kernels[launch->kernel];
  guard->launch = launchIndex;
  guard->count = 0;
  for (uint32_t i = 0; i < launch->argumentCount; ++i) {
    const QcManifestParameter *parameter =
        &guard->manifest->parameters[kernel->firstParameter + i];
    Mapping *mapping = &guard->mappings[guard->count++];
    QcrtStatus status =
        map(guard, parameter->bytes, parameter->alignment, mapping, error);
    if (status) {
      unmap(guard);
      return status;
    }
    guard->pointers[i] = mapping->data;
    if (parameter->bytes == 0)
      continue;
    /* What a kernel overwrites may be left from before: poison, mostly. */
    memcpy(mapping->data, arguments[i], (size_t)parameter->bytes);
    if (parameter->access == QC_ACCESS_READ &&
        mprotect(mapping->base + guard->page, mapping->bytes - 2 * guard->page,
                 PROT_READ)) {
      status =
          qcrtFail(error, QCRT_OUT_OF_MEMORY, "mprotect: %s", strerror(errno));
      unmap(guard);
      return status;
    }
  }
  *guarded = guard->pointers;
  return QCRT_OK;
}

void qcrtGuardLeave(QcrtGuard *guard, void *const *arguments) {
  const QcManifestLaunch *launch = getLaunch(guard, guard->launch);
  const QcManifestArgument *places =
      guard->manifest->arguments + launch->firstArgument;
  for (uint32_t i = 0; i < launch->argumentCount; ++i)
    if (places[i].bytes && (getAccess(guard, launch, i) & QC_ACCESS_WRITE))
      memcpy(arguments[i], guard->pointers[i], (size_t)places[i].bytes);
  const bool *isDead = guard->isDead + guard->firstSlots[guard->launch];
  for (uint32_t i = 0; i < launch->argumentCount; ++i)
    if (isDead[i])
      qcrtGuardFill(guard, arguments[i], places[i].bytes);
  unmap(guard);
}

bool qcrtGuardExplain(const QcrtGuard *guard, const void *address,
                      QcrtFault *fault) {
  for (uint32_t i = 0; i < guard->count; ++i) {
    const Mapping *mapping = &guard->mappings[i];
    if ((uintptr_t)address - (uintptr_t)mapping->base >= mapping->bytes)
      continue;
    const QcManifestLaunch *launch = getLaunch(guard, guard->launch);
    fault->launch = guard->launch;
    fault->argument = i;
    fault->offset = (const uint8_t *)address - mapping->data;
    fault->bytes = guard->manifest->arguments[launch->firstArgument + i].bytes;
    fault->isPreparation = 0;
    fault->reserved = 0;
    return true;
  }
  return false;
}
