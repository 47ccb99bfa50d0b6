/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Models: loading by path, the queries, and the choice of a program.
 */
#include "Internal.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Copies the caller's options, of which an older caller knows fewer members. */
static QcrtStatus readLoadOptions(const QcrtLoadOptions *options,
                                  QcrtLoadOptions *result, QcrtError *error) {
  memset(result, 0, sizeof *result);
  if (!options)
    return QCRT_OK;
  if (options->size < sizeof options->size || options->size > sizeof *result)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "load options of %llu bytes; accepted are up to %llu, set "
                    "`size` to their sizeof",
                    (unsigned long long)options->size,
                    (unsigned long long)sizeof *result);
  memcpy(result, options, options->size);
  return QCRT_OK;
}

QcrtStatus qcrtModelLoad(const char *path, const QcrtLoadOptions *options,
                         QcrtModel **model, QcrtError *error) {
  if (!path || !model)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtModelLoad: path or model is NULL");
  QcrtLoadOptions known;
  QcrtStatus status = readLoadOptions(options, &known, error);
  if (status)
    return status;
  QcrtModel *result = calloc(1, sizeof *result);
  if (!result)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "%s: no memory", path);
  struct stat fileStatus;
  bool isFolder = stat(path, &fileStatus) == 0 && S_ISDIR(fileStatus.st_mode);
  status = isFolder ? qcrtLoadFolder(path, &known, result, error)
                    : qcrtLoadLibrary(path, &known, result, error);
  if (!status)
    status = qcrtPrepare(result, path, error);
  if (status) {
    qcrtModelFree(result);
    return status;
  }
  *model = result;
  return QCRT_OK;
}

QcrtStatus qcrtModelFromArtifact(const QcArtifact *artifact, const char *name,
                                 const QcrtLoadOptions *options,
                                 QcrtModel **model, QcrtError *error) {
  if (!artifact || !name || !model)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtModelFromArtifact: artifact, name or model is NULL");
  QcrtLoadOptions known;
  QcrtStatus status = readLoadOptions(options, &known, error);
  if (status)
    return status;
  QcrtModel *result = calloc(1, sizeof *result);
  if (!result)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "%s: no memory", name);
  status = qcrtLoadArtifact(artifact, NULL, 0, name, &known, result, error);
  if (!status)
    status = qcrtPrepare(result, name, error);
  if (status) {
    qcrtModelFree(result);
    return status;
  }
  *model = result;
  return QCRT_OK;
}

void qcrtModelFree(QcrtModel *model) {
  if (!model)
    return;
  if (model->hasDeviceWeights)
    model->device->release(model->device, model->deviceWeights);
  if (model->hasDevicePrepared)
    model->device->release(model->device, model->devicePrepared);
  if (model->module)
    model->device->unloadModule(model->device, model->module);
  qcrtPreparedFree(model);
  free(model->deviceKernels);
  free(model->manifestBytes);
  if (model->library)
    dlclose(model->library);
  free(model);
}

QcrtStatus qcrtModelInfo(const QcrtModel *model, QcrtModelInfo *info,
                         QcrtError *error) {
  if (!model || !info)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtModelInfo: model or info is NULL");
  const QcrtManifest *manifest = &model->manifest;
  memset(info, 0, sizeof *info);
  info->name = qcrtString(manifest, manifest->header->model);
  info->producer = qcrtString(manifest, manifest->header->producer);
  info->form = model->formName;
  info->target = manifest->header->target;
  info->programCount = manifest->programCount;
  info->kernelCount = manifest->kernelCount;
  info->weightsBytes = manifest->header->weightsBytes;
  info->preparedBytes = manifest->header->preparedBytes;
  info->preparationCount = manifest->header->preparationCount;
  info->preparationNanoseconds = model->preparationNanoseconds;
  return QCRT_OK;
}

/* The program record, or an error for a NULL model or a wrong index. */
static QcrtStatus getProgram(const QcrtModel *model, uint32_t program,
                             const QcManifestProgram **record,
                             QcrtError *error) {
  if (!model)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "the model is NULL");
  if (program >= model->manifest.programCount)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "no program %u; there are %u",
                    program, model->manifest.programCount);
  *record = &model->manifest.programs[program];
  return QCRT_OK;
}

QcrtStatus qcrtProgramInfo(const QcrtModel *model, uint32_t program,
                           QcrtProgramInfo *info, QcrtError *error) {
  const QcManifestProgram *record = NULL;
  QcrtStatus status = getProgram(model, program, &record, error);
  if (status)
    return status;
  if (!info)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT, "info is NULL");
  memset(info, 0, sizeof *info);
  info->name = qcrtString(&model->manifest, record->name);
  info->bindings = qcrtString(&model->manifest, record->bindings);
  info->inputCount = record->inputCount;
  info->outputCount = record->outputCount - record->extentsCount;
  info->launchCount = record->launchCount;
  info->arenaBytes = record->arenaBytes;
  info->lowerBoundBytes = record->lowerBoundBytes;
  return QCRT_OK;
}

/* What a program has lists of. */
typedef enum { PART_INPUT, PART_OUTPUT, PART_LAUNCH } Part;

/* Position in the manifest of item `index` of one of a program's lists. `info`
 * is the caller's room for the answer. */
static QcrtStatus findItem(const QcrtModel *model, uint32_t program, Part part,
                           uint32_t index, const void *info, uint64_t *position,
                           QcrtError *error) {
  const QcManifestProgram *record = NULL;
  QcrtStatus status = getProgram(model, program, &record, error);
  if (status)
    return status;
  const struct {
    const char *name;
    uint64_t first;
    uint32_t count;
  } lists[] = {{"input", record->firstInput, record->inputCount},
               /* The extents of bounded outputs come last and are hidden. */
               {"output", record->firstOutput,
                record->outputCount - record->extentsCount},
               {"launch", record->firstLaunch, record->launchCount}};
  if (!info || index >= lists[part].count)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "no %s %u; there are %u (or info is NULL)",
                    lists[part].name, index, lists[part].count);
  *position = lists[part].first + index;
  return QCRT_OK;
}

static QcrtStatus describeTensor(const QcrtModel *model, uint32_t program,
                                 Part part, uint32_t index,
                                 QcrtTensorInfo *info, QcrtError *error) {
  uint64_t position = 0;
  QcrtStatus status =
      findItem(model, program, part, index, info, &position, error);
  if (status)
    return status;
  const QcrtManifest *manifest = &model->manifest;
  const QcManifestTensor *tensor = &manifest->tensors[position];
  memset(info, 0, sizeof *info);
  info->name = qcrtString(manifest, tensor->name);
  info->type = tensor->type;
  info->rank = tensor->rank;
  info->dims = manifest->dims + tensor->firstDim;
  info->elements = qcrtTensorElements(manifest, tensor);
  info->bytes = tensor->bytes;
  info->alignment = tensor->alignment;
  info->isBounded = tensor->extents != 0;
  return QCRT_OK;
}

QcrtStatus qcrtProgramInput(const QcrtModel *model, uint32_t program,
                            uint32_t input, QcrtTensorInfo *info,
                            QcrtError *error) {
  return describeTensor(model, program, PART_INPUT, input, info, error);
}

QcrtStatus qcrtProgramOutput(const QcrtModel *model, uint32_t program,
                             uint32_t output, QcrtTensorInfo *info,
                             QcrtError *error) {
  return describeTensor(model, program, PART_OUTPUT, output, info, error);
}

/* Describes a launch by its position in the manifest. */
static void describeLaunch(const QcrtManifest *manifest, uint64_t position,
                           QcrtLaunchInfo *info) {
  const QcManifestLaunch *launch = &manifest->launches[position];
  const QcManifestKernel *kernel = &manifest->kernels[launch->kernel];
  memset(info, 0, sizeof *info);
  info->name = qcrtString(manifest, launch->name);
  info->kernel = qcrtString(manifest, kernel->name);
  info->family = qcrtString(manifest, kernel->family);
  info->extent = launch->extent;
  info->grain = launch->grain;
  info->macs = kernel->macs;
  info->macType = kernel->macType;
  info->shape = qcrtString(manifest, kernel->shape);
  for (uint32_t i = 0; i < launch->argumentCount; ++i)
    info->bytes += manifest->arguments[launch->firstArgument + i].bytes;
}

QcrtStatus qcrtProgramLaunch(const QcrtModel *model, uint32_t program,
                             uint32_t launch, QcrtLaunchInfo *info,
                             QcrtError *error) {
  uint64_t position = 0;
  QcrtStatus status =
      findItem(model, program, PART_LAUNCH, launch, info, &position, error);
  if (status)
    return status;
  describeLaunch(&model->manifest, position, info);
  return QCRT_OK;
}

QcrtStatus qcrtPreparationLaunch(const QcrtModel *model, uint32_t launch,
                                 QcrtLaunchInfo *info, QcrtError *error) {
  if (!model || !info)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtPreparationLaunch: model or info is NULL");
  const QcManifestHeader *header = model->manifest.header;
  if (launch >= header->preparationCount)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "no launch %u of the preparation; there are %u", launch,
                    header->preparationCount);
  describeLaunch(&model->manifest, header->firstPreparation + launch, info);
  return QCRT_OK;
}

QcrtStatus qcrtProgramFind(const QcrtModel *model, const char *name,
                           uint32_t *program, QcrtError *error) {
  if (!model || !name || !program)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtProgramFind: model, name or program is NULL");
  const QcrtManifest *manifest = &model->manifest;
  char names[512] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < manifest->programCount; ++i) {
    const char *candidate = qcrtString(manifest, manifest->programs[i].name);
    if (strcmp(candidate, name) == 0) {
      *program = i;
      return QCRT_OK;
    }
    if (used < sizeof names)
      used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                               i ? ", " : "", candidate);
  }
  return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                  "no program '%s'; there are: %s", name, names);
}

/* Whether the program has an input of that name in that shape. */
static bool hasInput(const QcrtManifest *manifest,
                     const QcManifestProgram *program, const QcrtShape *shape) {
  for (uint32_t i = 0; i < program->inputCount; ++i) {
    const QcManifestTensor *tensor =
        &manifest->tensors[program->firstInput + i];
    if (strcmp(qcrtString(manifest, tensor->name), shape->name) == 0)
      return tensor->rank == shape->rank &&
             (shape->rank == 0 ||
              memcmp(manifest->dims + tensor->firstDim, shape->dims,
                     shape->rank * sizeof(int64_t)) == 0);
  }
  return false;
}

/* Writes "name[1,3,224,224]"; returns the length as snprintf does. */
static size_t printShape(char *text, size_t bytes, const char *name,
                         const int64_t *dims, uint32_t rank) {
  size_t used = 0;
  int count = snprintf(text, bytes, "%s[", name);
  used += (size_t)count;
  for (uint32_t i = 0; i < rank && used < bytes; ++i)
    used += (size_t)snprintf(text + used, bytes - used, "%s%lld", i ? "," : "",
                             (long long)dims[i]);
  if (used < bytes)
    used += (size_t)snprintf(text + used, bytes - used, "]");
  return used;
}

QcrtStatus qcrtProgramSelect(const QcrtModel *model, const QcrtShape *shapes,
                             uint32_t shapeCount, uint32_t *program,
                             QcrtError *error) {
  if (!model || !program || (!shapes && shapeCount > 0))
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "qcrtProgramSelect: model, shapes or program is NULL");
  for (uint32_t i = 0; i < shapeCount; ++i)
    if (!shapes[i].name || (!shapes[i].dims && shapes[i].rank > 0))
      return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                      "qcrtProgramSelect: name or dims of shape %u is NULL", i);
  const QcrtManifest *manifest = &model->manifest;
  for (uint32_t i = 0; i < manifest->programCount; ++i) {
    bool matches = true;
    for (uint32_t j = 0; j < shapeCount && matches; ++j)
      matches = hasInput(manifest, &manifest->programs[i], &shapes[j]);
    if (matches) {
      *program = i;
      return QCRT_OK;
    }
  }
  if (!error)
    return QCRT_INVALID_ARGUMENT;
  /* Name what was given and what each program takes, as far as it fits. */
  char given[256] = "", accepted[640] = "";
  size_t used = 0;
  for (uint32_t i = 0; i < shapeCount && used < sizeof given; ++i) {
    if (i > 0)
      used += (size_t)snprintf(given + used, sizeof given - used, " ");
    if (used < sizeof given)
      used += printShape(given + used, sizeof given - used, shapes[i].name,
                         shapes[i].dims, shapes[i].rank);
  }
  used = 0;
  for (uint32_t i = 0; i < manifest->programCount && used < sizeof accepted;
       ++i) {
    const QcManifestProgram *record = &manifest->programs[i];
    used += (size_t)snprintf(accepted + used, sizeof accepted - used,
                             "%s%s:", i ? "; " : "",
                             qcrtString(manifest, record->name));
    for (uint32_t j = 0; j < record->inputCount && used < sizeof accepted;
         ++j) {
      const QcManifestTensor *tensor =
          &manifest->tensors[record->firstInput + j];
      used += (size_t)snprintf(accepted + used, sizeof accepted - used, " ");
      if (used < sizeof accepted)
        used += printShape(accepted + used, sizeof accepted - used,
                           qcrtString(manifest, tensor->name),
                           manifest->dims + tensor->firstDim, tensor->rank);
    }
  }
  return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                  "no program takes %s; programs and their inputs: %s", given,
                  accepted);
}
