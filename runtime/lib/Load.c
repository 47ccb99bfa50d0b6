/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Brings an artefact into memory: a model.so through the dynamic linker, or a
 * folder onto a device. Both end with a validated manifest and something that
 * executes each of its kernels.
 */
#include "Internal.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Limits for the files of a folder that are read whole; far above real ones. */
#define MAX_MANIFEST_BYTES ((uint64_t)1 << 30)
#define MAX_PTX_BYTES ((uint64_t)1 << 31)

/* Weights go to a device in pieces of this size. */
#define COPY_BYTES ((uint64_t)1 << 22)

/* Whether [address, address + bytes) lies in one segment of the library. With
 * `segments` NULL (an artefact linked into the program) everything does. */
static bool isInSegments(const QcrtSegment *segments, uint32_t segmentCount,
                         const void *pointer, uint64_t bytes,
                         bool needsExecutable) {
  if (!segments)
    return pointer != NULL;
  uint64_t address = (uint64_t)(uintptr_t)pointer;
  for (uint32_t i = 0; i < segmentCount; ++i)
    if (address >= segments[i].address &&
        address - segments[i].address <= segments[i].bytes &&
        bytes <= segments[i].bytes - (address - segments[i].address) &&
        (segments[i].executable || !needsExecutable))
      return true;
  return false;
}

/* Whether a NUL-terminated string lies in one segment. */
static bool isStringInSegments(const QcrtSegment *segments,
                               uint32_t segmentCount, const char *string) {
  if (!isInSegments(segments, segmentCount, string, 1, false))
    return false;
  if (!segments)
    return true;
  for (const char *position = string;
       isInSegments(segments, segmentCount, position, 1, false); ++position)
    if (*position == '\0')
      return true;
  return false;
}

static uint32_t countBits(uint64_t value) {
  return (uint32_t)__builtin_popcountll(value);
}

/* Writes the names of all forms, for messages. */
static void listForms(const QcCpuForm *forms, uint64_t formCount, char *text,
                      size_t bytes) {
  size_t used = 0;
  text[0] = '\0';
  for (uint64_t i = 0; i < formCount && used < bytes; ++i)
    used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? ", " : "",
                             forms[i].name);
}

static QcrtStatus chooseForm(const QcCpuForm *forms, uint64_t formCount,
                             const char *wanted, const char *name,
                             QcrtModel *model, QcrtError *error) {
  uint64_t features = qcrtCpuFeatures();
  const QcCpuForm *best = NULL;
  bool isNamed = false;
  for (uint64_t i = 0; i < formCount; ++i) {
    const QcCpuForm *form = &forms[i];
    if (wanted) {
      if (strcmp(form->name, wanted) != 0)
        continue;
      isNamed = true;
    }
    if ((form->requiredFeatures & ~features) != 0)
      continue;
    if (!best ||
        countBits(form->requiredFeatures) > countBits(best->requiredFeatures))
      best = form;
  }
  if (!best) {
    char names[512];
    listForms(forms, formCount, names, sizeof names);
    if (wanted && !isNamed)
      return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                      "%s: no CPU form '%s'; there are: %s", name, wanted,
                      names);
    return qcrtFail(error, QCRT_UNSUPPORTED_CPU,
                    "%s: this CPU (features 0x%llx) cannot run %s; the forms "
                    "are: %s",
                    name, (unsigned long long)features,
                    wanted ? wanted : "any form", names);
  }
  model->formName = best->name;
  model->kernels = best->kernels;
  return QCRT_OK;
}

QcrtStatus qcrtLoadArtifact(const QcArtifact *artifact,
                            const QcrtSegment *segments, uint32_t segmentCount,
                            const char *name, const QcrtLoadOptions *options,
                            QcrtModel *model, QcrtError *error) {
  if (options->device)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%s: holds code for the CPU; a device runs artefact "
                    "folders only",
                    name);
  if (!isInSegments(segments, segmentCount, artifact, sizeof *artifact, false))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: symbol %s is not in the library", name,
                    QC_ARTIFACT_SYMBOL);
  if (memcmp(artifact->magic, QC_ARTIFACT_MAGIC, QC_MAGIC_BYTES) != 0)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: symbol %s is not a qc artefact", name,
                    QC_ARTIFACT_SYMBOL);
  if (artifact->abi != QC_ABI_VERSION)
    return qcrtFail(error, QCRT_ABI_MISMATCH,
                    "%s: artefact of format %u; this runtime reads %u", name,
                    artifact->abi, QC_ABI_VERSION);
  if (artifact->artifactBytes != sizeof *artifact)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: artefact of %u bytes; accepted is %u", name,
                    artifact->artifactBytes, (unsigned)sizeof *artifact);
  if ((uintptr_t)artifact->manifest % 8 != 0 ||
      !isInSegments(segments, segmentCount, artifact->manifest,
                    artifact->manifestBytes, false))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: manifest of %llu bytes is not in the library, or not "
                    "aligned to 8 bytes",
                    name, (unsigned long long)artifact->manifestBytes);
  QcrtStatus status =
      qcrtManifestValidate(artifact->manifest, artifact->manifestBytes,
                           QC_TARGET_CPU, name, &model->manifest, error);
  if (status)
    return status;

  uint64_t weightsBytes = model->manifest.header->weightsBytes;
  if (artifact->weightsBytes != weightsBytes)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: %llu bytes of weights; the manifest says %llu", name,
                    (unsigned long long)artifact->weightsBytes,
                    (unsigned long long)weightsBytes);
  if (weightsBytes > 0 &&
      ((uintptr_t)artifact->weights % QC_ARENA_ALIGNMENT != 0 ||
       !isInSegments(segments, segmentCount, artifact->weights, weightsBytes,
                     false)))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: weights are not in the library, or not aligned to %u "
                    "bytes",
                    name, QC_ARENA_ALIGNMENT);
  model->weights = artifact->weights;

  if (artifact->formCount == 0 || artifact->formCount > QC_MAX_CPU_FORMS)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: %llu CPU forms; accepted are 1 to %u", name,
                    (unsigned long long)artifact->formCount, QC_MAX_CPU_FORMS);
  if ((uintptr_t)artifact->forms % 8 != 0 ||
      !isInSegments(segments, segmentCount, artifact->forms,
                    artifact->formCount * sizeof(QcCpuForm), false))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: the table of CPU forms is not in the library", name);
  for (uint64_t i = 0; i < artifact->formCount; ++i) {
    const QcCpuForm *form = &artifact->forms[i];
    if (!isStringInSegments(segments, segmentCount, form->name))
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: the name of CPU form %llu is not in the library",
                      name, (unsigned long long)i);
    if (form->kernelCount != model->manifest.kernelCount)
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: CPU form %llu has %llu kernels; the manifest has %u",
                      name, (unsigned long long)i,
                      (unsigned long long)form->kernelCount,
                      model->manifest.kernelCount);
    if (form->kernelCount > 0 &&
        ((uintptr_t)form->kernels % 8 != 0 ||
         !isInSegments(segments, segmentCount, form->kernels,
                       form->kernelCount * sizeof(QcKernelFunction), false)))
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: the kernels of CPU form %llu are not in the library",
                      name, (unsigned long long)i);
    for (uint64_t k = 0; k < form->kernelCount; ++k)
      if (!isInSegments(segments, segmentCount,
                        (const void *)(uintptr_t)form->kernels[k], 1, true))
        return qcrtFail(error, QCRT_BAD_ARTIFACT,
                        "%s: kernel %llu of CPU form %llu is not code in the "
                        "library",
                        name, (unsigned long long)k, (unsigned long long)i);
  }
  return chooseForm(artifact->forms, artifact->formCount, options->cpuForm,
                    name, model, error);
}

QcrtStatus qcrtLoadLibrary(const char *path, const QcrtLoadOptions *options,
                           QcrtModel *model, QcrtError *error) {
  QcrtSegment segments[QCRT_MAX_SEGMENTS];
  uint32_t segmentCount = 0;
  QcrtStatus status = qcrtElfCheck(path, segments, &segmentCount, error);
  if (status)
    return status;
  /* Without a slash dlopen would search the library path. */
  char local[PATH_MAX];
  const char *file = path;
  if (!strchr(path, '/')) {
    if (snprintf(local, sizeof local, "./%s", path) >= (int)sizeof local)
      return qcrtFail(error, QCRT_FILE_ERROR, "%s: name too long", path);
    file = local;
  }
  model->library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!model->library) {
    const char *reason = dlerror();
    return qcrtFail(error, QCRT_BAD_ARTIFACT, "%s: cannot load: %s", path,
                    reason ? reason : "unknown reason");
  }
  const QcArtifact *artifact = dlsym(model->library, QC_ARTIFACT_SYMBOL);
  if (!artifact)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: not a qc artefact (it exports no symbol %s)", path,
                    QC_ARTIFACT_SYMBOL);
  struct link_map *map = NULL;
  if (dlinfo(model->library, RTLD_DI_LINKMAP, &map) != 0 || !map)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: the dynamic linker does not tell its load address",
                    path);
  for (uint32_t i = 0; i < segmentCount; ++i)
    segments[i].address += (uint64_t)map->l_addr;
  return qcrtLoadArtifact(artifact, segments, segmentCount, path, options,
                          model, error);
}

/* Opens file `name` of folder `folder`; `path` receives the joined name. */
static QcrtStatus openInFolder(const char *folder, const char *name,
                               char path[PATH_MAX], QcrtFile *file,
                               QcrtError *error) {
  if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
    return qcrtFail(error, QCRT_FILE_ERROR, "%s: name too long", folder);
  return qcrtFileOpen(path, file, error);
}

/* Reads file `name` of a folder whole, with a NUL behind it. */
static QcrtStatus readInFolder(const char *folder, const char *name,
                               uint64_t limit, void **data, uint64_t *bytes,
                               QcrtError *error) {
  char path[PATH_MAX];
  QcrtFile file;
  QcrtStatus status = openInFolder(folder, name, path, &file, error);
  if (status)
    return status;
  if (file.bytes > limit) {
    qcrtFileClose(&file);
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: %llu bytes; accepted are up to %llu", path,
                    (unsigned long long)file.bytes, (unsigned long long)limit);
  }
  char *content = malloc((size_t)file.bytes + 1);
  if (!content) {
    qcrtFileClose(&file);
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "%s: no memory for %llu bytes",
                    path, (unsigned long long)file.bytes);
  }
  status = qcrtFileRead(&file, path, 0, content, file.bytes, error);
  qcrtFileClose(&file);
  if (status) {
    free(content);
    return status;
  }
  content[file.bytes] = '\0';
  *data = content;
  *bytes = file.bytes;
  return QCRT_OK;
}

/* Puts `weights.bin` on the device. */
static QcrtStatus copyWeights(const char *folder, QcrtModel *model,
                              QcrtError *error) {
  uint64_t weightsBytes = model->manifest.header->weightsBytes;
  if (weightsBytes == 0)
    return QCRT_OK;
  char path[PATH_MAX];
  QcrtFile file;
  QcrtStatus status = openInFolder(folder, QC_WEIGHTS_FILE, path, &file, error);
  if (status)
    return status;
  if (file.bytes != weightsBytes) {
    qcrtFileClose(&file);
    return qcrtFail(
        error, QCRT_BAD_ARTIFACT, "%s: %llu bytes; the manifest says %llu",
        path, (unsigned long long)file.bytes, (unsigned long long)weightsBytes);
  }
  uint8_t *piece = malloc(COPY_BYTES);
  if (!piece) {
    qcrtFileClose(&file);
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "%s: no memory to read it",
                    path);
  }
  QcrtDevice *device = model->device;
  status = device->allocate(device, weightsBytes, &model->deviceWeights, error);
  model->hasDeviceWeights = status == QCRT_OK;
  for (uint64_t offset = 0; !status && offset < weightsBytes;
       offset += COPY_BYTES) {
    uint64_t bytes =
        weightsBytes - offset < COPY_BYTES ? weightsBytes - offset : COPY_BYTES;
    status = qcrtFileRead(&file, path, offset, piece, bytes, error);
    if (!status)
      status = device->copyToDevice(device, model->deviceWeights + offset,
                                    piece, bytes, error);
  }
  free(piece);
  qcrtFileClose(&file);
  return status;
}

QcrtStatus qcrtLoadFolder(const char *path, const QcrtLoadOptions *options,
                          QcrtModel *model, QcrtError *error) {
  if (options->cpuForm)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%s: a folder has no CPU form '%s'", path,
                    options->cpuForm);
  QcrtDevice *device = options->device;
  if (!device)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "%s: an artefact folder needs a device to run on", path);
  if (device->size != sizeof *device)
    return qcrtFail(error, QCRT_INVALID_ARGUMENT,
                    "device of %llu bytes; this library's have %llu",
                    (unsigned long long)device->size,
                    (unsigned long long)sizeof *device);
  model->device = device;
  model->formName = device->name;
  uint64_t bytes = 0;
  QcrtStatus status = readInFolder(path, QC_MANIFEST_FILE, MAX_MANIFEST_BYTES,
                                   &model->manifestBytes, &bytes, error);
  if (status)
    return status;
  status = qcrtManifestValidate(model->manifestBytes, bytes, QC_TARGET_PTX,
                                path, &model->manifest, error);
  if (status)
    return status;

  void *text = NULL;
  status = readInFolder(path, QC_PTX_FILE, MAX_PTX_BYTES, &text, &bytes, error);
  if (status)
    return status;
  status =
      device->loadModule(device, text, (size_t)bytes, &model->module, error);
  free(text);
  if (status)
    return status;
  uint32_t kernelCount = model->manifest.kernelCount;
  model->deviceKernels = calloc((size_t)kernelCount + 1, sizeof(void *));
  if (!model->deviceKernels)
    return qcrtFail(error, QCRT_OUT_OF_MEMORY, "%s: no memory for %u kernels",
                    path, kernelCount);
  for (uint32_t i = 0; i < kernelCount; ++i) {
    const QcManifestKernel *kernel = &model->manifest.kernels[i];
    status = device->findKernel(
        device, model->module, qcrtString(&model->manifest, kernel->name),
        kernel->parameterCount, &model->deviceKernels[i], error);
    if (status)
      return status;
  }
  return copyWeights(path, model, error);
}
