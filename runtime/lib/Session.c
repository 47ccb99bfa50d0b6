/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Sessions: one program of a model with an arena, bound inputs and outputs, and
 * threads.
 *
 * The pointers of all launches are computed when the session is created, and
 * those into an input or output when it is set, so that a run is nothing but
 * the calls. Launches get their memory through this table only; a guarded
 * session puts a copy between guard pages in its place (Guard.c).
 */
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

/* An input or output that the caller has set. */
typedef struct Binding {
  void *data;
  bool isSet;
  uint64_t deviceAddress; /* on a device; 0 for tensors of 0 bytes */
} Binding;

struct QcrtSession {
  const QcrtModel *model;
  const QcManifestProgram *program;
  QcrtLaunches launches;
  uint8_t *arena;
  QcrtPool *pool; /* NULL with one thread */
  Binding *inputs;
  Binding *outputs;
  uint64_t deviceArena;
  bool hasDeviceArena;
  void *recording; /* of all launches on the device; NULL with a profile */
  QcrtLaunchProfile *profile; /* one for each launch, or NULL */
  /* Memory of the outputs that are extents of others, one after the other. */
  int64_t *extents;
  bool hasRun;
  QcrtGuard *guard; /* or NULL */
  /* With a guard: the preparation again, guarded too, and its memory. */
  QcrtLaunches preparation;
  QcrtGuard *preparationGuard;
  uint8_t *prepared;
};

/* Memory on the device for the arena and for each input and output. */
static QcrtStatus allocateOnDevice(QcrtSession *session, QcrtError *error) {
  QcrtDevice *device = session->model->device;
  const QcrtManifest *manifest = &session->model->manifest;
  const QcManifestProgram *program = session->program;
  if (program->arenaBytes > 0) {
    QcrtStatus status = device->allocate(device, program->arenaBytes,
                                         &session->deviceArena, error);
    if (status)
      return status;
    session->hasDeviceArena = true;
  }
  for (uint32_t side = 0; side < 2; ++side) {
    uint32_t count = side ? program->outputCount : program->inputCount;
    uint64_t first = side ? program->firstOutput : program->firstInput;
    Binding *bindings = side ? session->outputs : session->inputs;
    for (uint32_t i = 0; i < count; ++i) {
      uint64_t bytes = manifest->tensors[first + i].bytes;
      if (bytes == 0)
        continue;
      QcrtStatus status =
          device->allocate(device, bytes, &bindings[i].deviceAddress, error);
      if (status)
        return status;
    }
  }
  return QCRT_OK;
}

/* The arguments of launches never change: they are recorded once. */
static QcrtStatus recordLaunches(QcrtSession *session, QcrtError *error) {
  QcrtDevice *device = session->model->device;
  QcrtStatus status = device->beginRecording(device, error);
  if (status)
    return status;
  for (uint32_t i = 0; !status && i < session->launches.count; ++i)
    status = qcrtLaunchOnDevice(&session->launches, i, error);
  /* Ended in any case, and a first error kept. */
  QcrtError later;
  QcrtStatus ended = device->endRecording(device, &session->recording,
                                          status ? &later : error);
  return status ? status : ended;
}

/* Options as this version of the library knows them. */
static QcrtStatus readSessionOptions(const QcrtSessionOptions *options,
                                     QcrtSessionOptions *result,
                                     QcrtError *error) {
  memset(result, 0, sizeof *result);
  if (options) {
    if (options->size < sizeof options->size || options->size > sizeof *result)
      return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                      "session options of %llu bytes; accepted are up to %llu, "
                      "set `size` to their sizeof",
                      (unsigned long long)options->size,
                      (unsigned long long)sizeof *result);
    memcpy(result, options, options->size);
  }
  if (result->threads == 0)
    result->threads = 1;
  if (result->threads > QCRT_MAX_THREADS)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%u threads; accepted are up to %u", result->threads,
                    QCRT_MAX_THREADS);
  return QCRT_OK;
}

/* The record of an output. */
static const QcManifestTensor *getOutput(const QcrtSession *session,
                                         uint32_t output) {
  return &session->model->manifest
              .tensors[session->program->firstOutput + output];
}

/* How many outputs callers see; extents of others lie behind them. */
static uint32_t visibleOutputs(const QcManifestProgram *program) {
  return program->outputCount - program->extentsCount;
}

static QcrtStatus bindTensor(QcrtSession *session, bool isOutput,
                             uint32_t index, void *data, size_t bytes,
                             QcrtError *error);

/* Gives the outputs that are extents memory of the session's own. */
static QcrtStatus bindExtents(QcrtSession *session, QcrtError *error) {
  const QcManifestProgram *program = session->program;
  uint64_t bytes = 0;
  for (uint32_t i = visibleOutputs(program); i < program->outputCount; ++i)
    bytes += getOutput(session, i)->bytes;
  session->extents = calloc(1, (size_t)bytes + sizeof(int64_t));
  if (!session->extents)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for extents");
  uint8_t *next = (uint8_t *)session->extents;
  for (uint32_t i = visibleOutputs(program); i < program->outputCount; ++i) {
    size_t size = (size_t)getOutput(session, i)->bytes;
    QcrtStatus status = bindTensor(session, true, i, next, size, error);
    if (status)
      return status;
    next += size;
  }
  return QCRT_OK;
}

/* What a guarded session has in addition. */
static QcrtStatus guardSession(QcrtSession *session, uint32_t mode,
                               QcrtError *error) {
  const QcrtModel *model = session->model;
  const QcManifestHeader *header = model->manifest.header;
  QcrtStatus status =
      qcrtGuardCreate(&session->launches, mode, &session->guard, error);
  if (!status)
    status = qcrtLaunchesCreate(model, header->firstPreparation,
                                header->preparationCount, &session->preparation,
                                error);
  if (!status)
    status = qcrtGuardCreate(&session->preparation, mode,
                             &session->preparationGuard, error);
  if (!status)
    status = qcrtAllocate(header->preparedBytes, "prepared weights",
                          &session->prepared, error);
  if (status)
    return status;
  qcrtLaunchesBind(&session->preparation, QC_SPACE_WEIGHTS, 0,
                   (uint8_t *)model->weights, 0);
  qcrtLaunchesBind(&session->preparation, QC_SPACE_PREPARED, 0,
                   session->prepared, 0);
  return QCRT_OK;
}

static QcrtStatus initializeSession(QcrtSession *session,
                                    const QcrtSessionOptions *options,
                                    QcrtError *error) {
  const QcrtModel *model = session->model;
  const QcManifestProgram *program = session->program;
  session->inputs = calloc((size_t)program->inputCount + 1, sizeof(Binding));
  session->outputs = calloc((size_t)program->outputCount + 1, sizeof(Binding));
  if (options->profile)
    session->profile =
        calloc((size_t)program->launchCount + 1, sizeof(QcrtLaunchProfile));
  if (!session->inputs || !session->outputs ||
      (options->profile && !session->profile))
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for a session");
  QcrtStatus status =
      qcrtLaunchesCreate(model, program->firstLaunch, program->launchCount,
                         &session->launches, error);
  session->launches.divide = options->divide != 0;
  if (!status && options->guard)
    status = guardSession(session, options->guard, error);
  if (!status)
    status = model->device ? allocateOnDevice(session, error)
                           : qcrtAllocate(program->arenaBytes, "the arena",
                                          &session->arena, error);
  if (status)
    return status;
  qcrtLaunchesBind(&session->launches, QC_SPACE_ARENA, 0, session->arena,
                   session->deviceArena);
  /* Parameters bound to weights, and in programs those bound to prepared
   * memory, are only read (checked at load). */
  qcrtLaunchesBind(&session->launches, QC_SPACE_WEIGHTS, 0,
                   (uint8_t *)model->weights, model->deviceWeights);
  qcrtLaunchesBind(&session->launches, QC_SPACE_PREPARED, 0,
                   session->guard ? session->prepared : model->prepared,
                   model->devicePrepared);
  if (model->device) {
    for (uint32_t i = 0; i < program->inputCount; ++i)
      qcrtLaunchesBind(&session->launches, QC_SPACE_INPUT, i, NULL,
                       session->inputs[i].deviceAddress);
    for (uint32_t i = 0; i < program->outputCount; ++i)
      qcrtLaunchesBind(&session->launches, QC_SPACE_OUTPUT, i, NULL,
                       session->outputs[i].deviceAddress);
    if (!session->profile) {
      status = recordLaunches(session, error);
      if (status)
        return status;
    }
  } else if (options->threads > 1) {
    status = qcrtPoolCreate(options->threads, &session->pool, error);
    if (status)
      return status;
  }
  return bindExtents(session, error);
}

QcrtStatus qcrtSessionCreate(const QcrtModel *model, uint32_t program,
                             const QcrtSessionOptions *options,
                             QcrtSession **session, QcrtError *error) {
  if (!model || !session)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtSessionCreate: model or session is NULL");
  if (program >= model->manifest.programCount)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "no program %u; there are %u",
                    program, model->manifest.programCount);
  QcrtSessionOptions known;
  QcrtStatus status = readSessionOptions(options, &known, error);
  if (status)
    return status;
  QcrtSession *result = calloc(1, sizeof *result);
  if (!result)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "no memory for a session");
  result->model = model;
  result->program = &model->manifest.programs[program];
  status = initializeSession(result, &known, error);
  if (status) {
    qcrtSessionFree(result);
    return status;
  }
  *session = result;
  return QCRT_OK;
}

void qcrtSessionFree(QcrtSession *session) {
  if (!session)
    return;
  qcrtPoolFree(session->pool);
  QcrtDevice *device = session->model->device;
  if (device) {
    if (session->recording)
      device->releaseRecording(device, session->recording);
    if (session->hasDeviceArena)
      device->release(device, session->deviceArena);
    for (uint32_t i = 0; session->inputs && i < session->program->inputCount;
         ++i)
      if (session->inputs[i].deviceAddress)
        device->release(device, session->inputs[i].deviceAddress);
    for (uint32_t i = 0; session->outputs && i < session->program->outputCount;
         ++i)
      if (session->outputs[i].deviceAddress)
        device->release(device, session->outputs[i].deviceAddress);
  }
  qcrtGuardFree(session->guard);
  qcrtGuardFree(session->preparationGuard);
  qcrtLaunchesFree(&session->preparation);
  qcrtLaunchesFree(&session->launches);
  free(session->prepared);
  free(session->arena);
  free(session->inputs);
  free(session->outputs);
  free(session->profile);
  free(session->extents);
  free(session);
}

/* Sets input or output `index`, which is there. */
static QcrtStatus bindTensor(QcrtSession *session, bool isOutput,
                             uint32_t index, void *data, size_t bytes,
                             QcrtError *error) {
  const char *what = isOutput ? "output" : "input";
  const QcrtManifest *manifest = &session->model->manifest;
  const QcManifestProgram *program = session->program;
  const QcManifestTensor *tensor =
      &manifest
           ->tensors[(isOutput ? program->firstOutput : program->firstInput) +
                     index];
  const char *name = qcrtString(manifest, tensor->name);
  if (bytes != tensor->bytes)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%s '%s': %llu bytes given, %llu are needed", what, name,
                    (unsigned long long)bytes,
                    (unsigned long long)tensor->bytes);
  if (!data && bytes > 0)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "%s '%s': the data is NULL",
                    what, name);
  /* On a device the memory is only copied. */
  if (!session->model->device && (uintptr_t)data % tensor->alignment != 0)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%s '%s': the data must be aligned to %u bytes", what, name,
                    tensor->alignment);
  Binding *binding =
      isOutput ? &session->outputs[index] : &session->inputs[index];
  if (!session->model->device && (!binding->isSet || binding->data != data))
    qcrtLaunchesBind(&session->launches,
                     isOutput ? QC_SPACE_OUTPUT : QC_SPACE_INPUT, index, data,
                     0);
  binding->data = data;
  binding->isSet = true;
  return QCRT_OK;
}

static QcrtStatus setTensor(QcrtSession *session, bool isOutput, uint32_t index,
                            void *data, size_t bytes, QcrtError *error) {
  if (!session)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "the session is NULL");
  uint32_t count = isOutput ? visibleOutputs(session->program)
                            : session->program->inputCount;
  if (index >= count)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "no %s %u; there are %u",
                    isOutput ? "output" : "input", index, count);
  return bindTensor(session, isOutput, index, data, bytes, error);
}

QcrtStatus qcrtSessionSetInput(QcrtSession *session, uint32_t input,
                               const void *data, size_t bytes,
                               QcrtError *error) {
  /* Parameters bound to inputs are only read (checked at load). */
  return setTensor(session, false, input, (void *)data, bytes, error);
}

QcrtStatus qcrtSessionSetOutput(QcrtSession *session, uint32_t output,
                                void *data, size_t bytes, QcrtError *error) {
  return setTensor(session, true, output, data, bytes, error);
}

/* Fills what no launch may use before another has written it. */
static void fillBeforeRun(QcrtSession *session) {
  const QcManifestProgram *program = session->program;
  qcrtGuardFill(session->guard, session->arena, program->arenaBytes);
  /* Of prepared memory that is all but the padding of layouts, which is zero
   * and belongs to results that are kept in part. */
  const QcrtManifest *manifest = &session->model->manifest;
  if (session->prepared)
    memset(session->prepared, 0, (size_t)manifest->header->preparedBytes);
  for (uint32_t i = 0; i < session->preparation.count; ++i) {
    const QcManifestLaunch *launch = &session->preparation.launches[i];
    const QcManifestParameter *parameters =
        manifest->parameters + manifest->kernels[launch->kernel].firstParameter;
    void *const *arguments =
        session->preparation.arguments + session->preparation.firstArguments[i];
    for (uint32_t j = 0; j < launch->argumentCount; ++j)
      if (parameters[j].access == QC_ACCESS_WRITE)
        qcrtGuardFill(session->guard, arguments[j], parameters[j].bytes);
  }
  for (uint32_t i = 0; i < program->outputCount; ++i)
    qcrtGuardFill(
        session->guard, session->outputs[i].data,
        session->model->manifest.tensors[program->firstOutput + i].bytes);
}

/* Runs the launches on the CPU. */
static QcrtStatus runOnCpu(QcrtSession *session, QcrtError *error) {
  if (session->guard) {
    fillBeforeRun(session);
    QcrtStatus status = qcrtLaunchesRun(&session->preparation, NULL,
                                        session->preparationGuard, NULL, error);
    if (status)
      return status;
  }
  return qcrtLaunchesRun(&session->launches, session->pool, session->guard,
                         session->profile, error);
}

/* Copies the inputs to the device, runs the launches and copies the outputs
 * back. */
static QcrtStatus runOnDevice(QcrtSession *session, QcrtError *error) {
  const QcrtModel *model = session->model;
  const QcrtManifest *manifest = &model->manifest;
  const QcManifestProgram *program = session->program;
  QcrtDevice *device = model->device;
  for (uint32_t i = 0; i < program->inputCount; ++i) {
    uint64_t bytes = manifest->tensors[program->firstInput + i].bytes;
    if (bytes == 0)
      continue;
    QcrtStatus status =
        device->copyToDevice(device, session->inputs[i].deviceAddress,
                             session->inputs[i].data, bytes, error);
    if (status)
      return status;
  }
  if (session->recording) {
    QcrtStatus status = device->replay(device, session->recording, error);
    if (status)
      return status;
  }
  for (uint32_t i = 0; session->profile && i < program->launchCount; ++i) {
    uint64_t start = qcrtNow();
    QcrtStatus status = qcrtLaunchOnDevice(&session->launches, i, error);
    if (!status)
      status = device->synchronize(device, error);
    if (status)
      return status;
    qcrtRecordTime(&session->profile[i], qcrtNow() - start);
  }
  QcrtStatus status = device->synchronize(device, error);
  for (uint32_t i = 0; !status && i < program->outputCount; ++i) {
    uint64_t bytes = manifest->tensors[program->firstOutput + i].bytes;
    if (bytes > 0)
      status = device->copyFromDevice(device, session->outputs[i].data,
                                      session->outputs[i].deviceAddress, bytes,
                                      error);
  }
  return status;
}

/* Callers size what they read by the extents, which code has written. */
static QcrtStatus checkExtents(const QcrtSession *session, QcrtError *error) {
  const QcrtManifest *manifest = &session->model->manifest;
  for (uint32_t i = 0; i < visibleOutputs(session->program); ++i) {
    const QcManifestTensor *tensor = getOutput(session, i);
    if (tensor->extents == 0)
      continue;
    const int64_t *extents = session->outputs[tensor->extents - 1].data;
    for (uint32_t d = 0; d < tensor->rank; ++d)
      if (extents[d] < 0 || extents[d] > manifest->dims[tensor->firstDim + d])
        return qcrtFail(error, QCRT_BAD_ARTIFACT,
                        "output '%s': the code gives dimension %u an extent of "
                        "%lld; at most %lld fit",
                        qcrtString(manifest, tensor->name), d,
                        (long long)extents[d],
                        (long long)manifest->dims[tensor->firstDim + d]);
  }
  return QCRT_OK;
}

QcrtStatus qcrtSessionRun(QcrtSession *session, QcrtError *error) {
  if (!session)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "the session is NULL");
  const QcrtManifest *manifest = &session->model->manifest;
  const QcManifestProgram *program = session->program;
  for (uint32_t i = 0; i < program->inputCount; ++i)
    if (!session->inputs[i].isSet)
      return qcrtFail(
          error, QCRT_NOT_READY, "input '%s' is not set",
          qcrtString(manifest,
                     manifest->tensors[program->firstInput + i].name));
  for (uint32_t i = 0; i < program->outputCount; ++i)
    if (!session->outputs[i].isSet)
      return qcrtFail(
          error, QCRT_NOT_READY, "output '%s' is not set",
          qcrtString(manifest,
                     manifest->tensors[program->firstOutput + i].name));
  session->hasRun = false;
  QcrtStatus status = session->model->device ? runOnDevice(session, error)
                                             : runOnCpu(session, error);
  if (!status)
    status = checkExtents(session, error);
  session->hasRun = !status;
  return status;
}

QcrtStatus qcrtSessionOutputDims(const QcrtSession *session, uint32_t output,
                                 int64_t *dims, uint32_t rank,
                                 QcrtError *error) {
  if (!session || (!dims && rank > 0))
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "session or dims is NULL");
  if (output >= visibleOutputs(session->program))
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "no output %u; there are %u",
                    output, visibleOutputs(session->program));
  const QcrtManifest *manifest = &session->model->manifest;
  const QcManifestTensor *tensor = getOutput(session, output);
  const char *name = qcrtString(manifest, tensor->name);
  if (rank != tensor->rank)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "output '%s': room for %u dims given, its rank is %u", name,
                    rank, tensor->rank);
  if (tensor->extents != 0 && !session->hasRun)
    return qcrtFail(error, QCRT_NOT_READY,
                    "output '%s': its extents are known after a run only",
                    name);
  if (rank > 0)
    memcpy(dims,
           tensor->extents != 0
               ? session->outputs[tensor->extents - 1].data
               : (const void *)(manifest->dims + tensor->firstDim),
           rank * sizeof *dims);
  return QCRT_OK;
}

QcrtStatus qcrtSessionExplainFault(const QcrtSession *session,
                                   const void *address, QcrtFault *fault) {
  if (!session || !fault || !session->guard)
    return QCRT_INVALID_ARGUMENT;
  if (qcrtGuardExplain(session->guard, address, fault))
    return QCRT_OK;
  if (!qcrtGuardExplain(session->preparationGuard, address, fault))
    return QCRT_INVALID_ARGUMENT;
  fault->isPreparation = 1;
  return QCRT_OK;
}

QcrtStatus qcrtSessionLaunchProfile(const QcrtSession *session, uint32_t launch,
                                    QcrtLaunchProfile *profile,
                                    QcrtError *error) {
  if (!session || !profile)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "session or profile is NULL");
  if (!session->profile)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "the session was created without `profile`");
  if (launch >= session->program->launchCount)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "no launch %u; there are %u",
                    launch, session->program->launchCount);
  *profile = session->profile[launch];
  return QCRT_OK;
}

QcrtStatus qcrtSessionResetProfile(QcrtSession *session, QcrtError *error) {
  if (!session || !session->profile)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "the session is NULL or was created without `profile`");
  memset(session->profile, 0,
         session->program->launchCount * sizeof *session->profile);
  return QCRT_OK;
}
