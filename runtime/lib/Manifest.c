/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Validates a manifest, so that everything after it may use it without a check.
 *
 * A manifest decides which memory kernels read and write; one wrong size in it
 * is a write outside a buffer. The rules are those that qcrt/manifest.h states
 * field by field. All arithmetic is on unsigned 64-bit numbers and either
 * cannot overflow by the limits checked before it or goes through a checked
 * operation. Ranges of different programs, kernels and launches must not share
 * elements in total (the sum of their counts is bounded by the array), which
 * keeps validation linear in the manifest's size whatever its author intended.
 */
#include "Internal.h"

#include <string.h>

/* The state of a validation, for messages. */
typedef struct Validator {
  const char *name;
  QcrtManifest *manifest;
  uint64_t stringBytes;
  QcrtError *error;
} Validator;

#define REJECT(validator, ...) return rejectManifest(validator, __VA_ARGS__)

static QcrtStatus rejectManifest(const Validator *validator, const char *what,
                                 uint64_t index, uint64_t found,
                                 const char *accepted, uint64_t limit) {
  return qcrtFail(validator->error, QCRT_BAD_ARTIFACT,
                  "%s: manifest: %s %llu: found %llu, accepted is %s%llu",
                  validator->name, what, (unsigned long long)index,
                  (unsigned long long)found, accepted,
                  (unsigned long long)limit);
}

/* Checks that an array lies in the manifest behind the header. */
static QcrtStatus locateArray(const Validator *validator, QcManifestArray array,
                              uint64_t elementBytes, const char *what,
                              const void **elements) {
  const QcManifestHeader *header = validator->manifest->header;
  if (array.offset % 8 != 0 || array.offset < sizeof(QcManifestHeader) ||
      array.offset > header->totalBytes)
    return qcrtFail(validator->error, QCRT_BAD_ARTIFACT,
                    "%s: manifest: array of %s at byte %llu; accepted are "
                    "multiples of 8 from %llu to %llu",
                    validator->name, what, (unsigned long long)array.offset,
                    (unsigned long long)sizeof(QcManifestHeader),
                    (unsigned long long)header->totalBytes);
  uint64_t limit = (header->totalBytes - array.offset) / elementBytes;
  if (array.count > limit)
    return qcrtFail(validator->error, QCRT_BAD_ARTIFACT,
                    "%s: manifest: %llu %s, but only %llu fit", validator->name,
                    (unsigned long long)array.count, what,
                    (unsigned long long)limit);
  *elements = (const uint8_t *)header + array.offset;
  return QCRT_OK;
}

static QcrtStatus checkString(const Validator *validator,
                              QcManifestString string, const char *what,
                              uint64_t index) {
  /* The sum of two 32-bit numbers does not overflow 64 bits. */
  uint64_t end = (uint64_t)string.offset + string.length;
  if (end >= validator->stringBytes)
    REJECT(validator, what, index, end, "an end below ",
           validator->stringBytes);
  if (validator->manifest->strings[end] != '\0')
    REJECT(validator, what, index, end, "an end with a NUL, of strings to ",
           validator->stringBytes);
  return QCRT_OK;
}

static bool isRange(uint64_t first, uint64_t count, uint64_t limit) {
  return first <= limit && count <= limit - first;
}

static bool isAlignment(uint32_t alignment) {
  return alignment != 0 && (alignment & (alignment - 1)) == 0 &&
         alignment <= QC_ARENA_ALIGNMENT;
}

uint64_t qcrtTensorElements(const QcrtManifest *manifest,
                            const QcManifestTensor *tensor) {
  uint64_t elements = 1;
  for (uint32_t i = 0; i < tensor->rank; ++i)
    elements *= (uint64_t)manifest->dims[tensor->firstDim + i];
  return elements;
}

static QcrtStatus checkKernels(const Validator *validator) {
  const QcrtManifest *manifest = validator->manifest;
  uint64_t parameterCount = manifest->header->parameters.count;
  uint64_t used = 0;
  for (uint64_t i = 0; i < manifest->kernelCount; ++i) {
    const QcManifestKernel *kernel = &manifest->kernels[i];
    QcrtStatus status = checkString(validator, kernel->name, "kernel name", i);
    if (!status)
      status = checkString(validator, kernel->family, "kernel family", i);
    if (!status)
      status = checkString(validator, kernel->shape, "kernel shape", i);
    if (status)
      return status;
    if (kernel->parameterCount > QC_MAX_KERNEL_PARAMETERS)
      REJECT(validator, "parameter count of kernel", i, kernel->parameterCount,
             "at most ", QC_MAX_KERNEL_PARAMETERS);
    if (!isRange(kernel->firstParameter, kernel->parameterCount,
                 parameterCount))
      REJECT(validator, "first parameter of kernel", i, kernel->firstParameter,
             "a range within ", parameterCount);
    used += kernel->parameterCount;
    if (used > parameterCount)
      REJECT(validator, "sum of parameter counts up to kernel", i, used,
             "at most ", parameterCount);
    if (kernel->extent > INT64_MAX)
      REJECT(validator, "extent of kernel", i, kernel->extent, "at most ",
             INT64_MAX);
  }
  for (uint64_t i = 0; i < parameterCount; ++i) {
    const QcManifestParameter *parameter = &manifest->parameters[i];
    if (!isAlignment(parameter->alignment))
      REJECT(validator, "alignment of parameter", i, parameter->alignment,
             "a power of two up to ", QC_ARENA_ALIGNMENT);
    if (parameter->access < QC_ACCESS_READ ||
        parameter->access > QC_ACCESS_READ_WRITE)
      REJECT(validator, "access of parameter", i, parameter->access,
             "1 (read), 2 (write) or ", 3);
  }
  return QCRT_OK;
}

static QcrtStatus checkTensors(const Validator *validator) {
  const QcrtManifest *manifest = validator->manifest;
  uint64_t dimCount = manifest->header->dims.count;
  for (uint64_t i = 0; i < manifest->header->tensors.count; ++i) {
    const QcManifestTensor *tensor = &manifest->tensors[i];
    QcrtStatus status = checkString(validator, tensor->name, "tensor name", i);
    if (status)
      return status;
    uint64_t bits = qcrtElementBits(tensor->type);
    if (bits == 0)
      REJECT(validator, "type of tensor", i, tensor->type,
             "an ONNX type other than string and complex, up to ",
             QC_TYPE_INT2);
    if (tensor->rank > QC_MAX_RANK)
      REJECT(validator, "rank of tensor", i, tensor->rank, "at most ",
             QC_MAX_RANK);
    if (!isRange(tensor->firstDim, tensor->rank, dimCount))
      REJECT(validator, "first dim of tensor", i, tensor->firstDim,
             "a range within ", dimCount);
    /* The product without zeros must fit too, so that no order of
     * multiplication can overflow. Elements are limited so that their bits
     * can be counted in 64 bits. */
    const uint64_t elementLimit = (uint64_t)INT64_MAX / 64;
    uint64_t elements = 1;
    bool isEmpty = false;
    for (uint32_t d = 0; d < tensor->rank; ++d) {
      int64_t dim = manifest->dims[tensor->firstDim + d];
      if (dim < 0)
        REJECT(validator, "a dim of tensor", i, (uint64_t)dim, "at most ",
               INT64_MAX);
      if (dim == 0) {
        isEmpty = true;
        continue;
      }
      if ((uint64_t)dim > elementLimit / elements)
        REJECT(validator, "a dim of tensor", i, (uint64_t)dim,
               "a product of dims of at most ", elementLimit);
      elements *= (uint64_t)dim;
    }
    uint64_t bytes = isEmpty ? 0 : (elements * bits + 7) / 8;
    if (tensor->bytes != bytes)
      REJECT(validator, "size of tensor", i, tensor->bytes, "", bytes);
    if (!isAlignment(tensor->alignment))
      REJECT(validator, "alignment of tensor", i, tensor->alignment,
             "a power of two up to ", QC_ARENA_ALIGNMENT);
  }
  return QCRT_OK;
}

/* Checks that extents belong to outputs alone and that the outputs which
 * receive them are there. */
static QcrtStatus checkExtents(const Validator *validator,
                               const QcManifestProgram *program,
                               uint64_t index) {
  const QcrtManifest *manifest = validator->manifest;
  if (program->extentsCount > program->outputCount)
    REJECT(validator, "number of extents of program", index,
           program->extentsCount, "at most its outputs, ",
           program->outputCount);
  uint32_t visible = program->outputCount - program->extentsCount;
  for (uint32_t i = 0; i < program->inputCount; ++i) {
    uint64_t input = program->firstInput + i;
    if (manifest->tensors[input].extents != 0)
      REJECT(validator, "extents of input tensor", input,
             manifest->tensors[input].extents, "", 0);
  }
  for (uint32_t i = visible; i < program->outputCount; ++i) {
    uint64_t output = program->firstOutput + i;
    const QcManifestTensor *tensor = &manifest->tensors[output];
    if (tensor->type != QC_TYPE_INT64 || tensor->rank != 1 ||
        manifest->dims[tensor->firstDim] > (int64_t)QC_MAX_RANK ||
        tensor->extents != 0)
      REJECT(validator, "type of the extents in tensor", output, tensor->type,
             "int64 of rank 1 with entries up to ", QC_MAX_RANK);
  }
  for (uint32_t i = 0; i < visible; ++i) {
    uint64_t output = program->firstOutput + i;
    const QcManifestTensor *tensor = &manifest->tensors[output];
    if (tensor->extents == 0)
      continue;
    if (tensor->extents <= visible || tensor->extents > program->outputCount)
      REJECT(validator, "extents of tensor", output, tensor->extents,
             "0 or one of the last outputs, up to ", program->outputCount);
    const QcManifestTensor *extents =
        &manifest->tensors[program->firstOutput + tensor->extents - 1];
    if (manifest->dims[extents->firstDim] != (int64_t)tensor->rank)
      REJECT(validator, "number of the extents of tensor", output,
             (uint64_t)manifest->dims[extents->firstDim],
             "one per dimension, here ", tensor->rank);
  }
  return QCRT_OK;
}

/* Checks argument `index`, which binds `parameter` in a launch of `program`,
 * NULL for the preparation. */
static QcrtStatus checkArgument(const Validator *validator,
                                const QcManifestProgram *program,
                                const QcManifestParameter *parameter,
                                uint64_t index) {
  const QcrtManifest *manifest = validator->manifest;
  const QcManifestArgument *argument = &manifest->arguments[index];
  uint64_t limit = 0;
  uint32_t indexLimit = 1, alignment = QC_ARENA_ALIGNMENT;
  if (!program && argument->space != QC_SPACE_WEIGHTS &&
      argument->space != QC_SPACE_PREPARED)
    REJECT(validator, "space of argument", index, argument->space,
           "in the preparation 1 (weights) or ", QC_SPACE_PREPARED);
  switch (argument->space) {
  case QC_SPACE_ARENA:
    limit = program->arenaBytes;
    break;
  case QC_SPACE_WEIGHTS:
    limit = manifest->header->weightsBytes;
    break;
  case QC_SPACE_PREPARED:
    limit = manifest->header->preparedBytes;
    break;
  case QC_SPACE_INPUT:
    indexLimit = program->inputCount;
    break;
  case QC_SPACE_OUTPUT:
    indexLimit = program->outputCount;
    break;
  default:
    REJECT(validator, "space of argument", index, argument->space,
           "0 (arena), 1 (weights), 2 (input), 3 (output) or ",
           QC_SPACE_PREPARED);
  }
  if (argument->index >= indexLimit)
    REJECT(validator, "index of argument", index, argument->index,
           "an index below ", indexLimit);
  if (argument->space == QC_SPACE_INPUT || argument->space == QC_SPACE_OUTPUT) {
    uint64_t first = argument->space == QC_SPACE_INPUT ? program->firstInput
                                                       : program->firstOutput;
    const QcManifestTensor *tensor =
        &manifest->tensors[first + argument->index];
    limit = tensor->bytes;
    alignment = tensor->alignment;
  }
  bool isReadOnly = argument->space == QC_SPACE_WEIGHTS ||
                    argument->space == QC_SPACE_INPUT ||
                    (program && argument->space == QC_SPACE_PREPARED);
  if (isReadOnly && parameter->access != QC_ACCESS_READ)
    REJECT(validator, "space of written argument", index, argument->space,
           program ? "0 (arena) or " : "",
           program ? QC_SPACE_OUTPUT : QC_SPACE_PREPARED);
  if (argument->bytes != parameter->bytes)
    REJECT(validator, "size of argument", index, argument->bytes,
           "its parameter's, ", parameter->bytes);
  if (!isRange(argument->offset, argument->bytes, limit))
    REJECT(validator, "offset of argument", index, argument->offset,
           "a range within ", limit);
  if (parameter->alignment > alignment)
    REJECT(validator, "alignment needed of the memory of argument", index,
           parameter->alignment, "at most the tensor's, ", alignment);
  if (argument->offset % parameter->alignment != 0)
    REJECT(validator, "offset of argument", index, argument->offset,
           "a multiple of ", parameter->alignment);
  return QCRT_OK;
}

/* Checks a launch of `program`, NULL for the preparation. */
static QcrtStatus checkLaunch(const Validator *validator,
                              const QcManifestProgram *program,
                              uint64_t index) {
  const QcrtManifest *manifest = validator->manifest;
  const QcManifestLaunch *launch = &manifest->launches[index];
  QcrtStatus status =
      checkString(validator, launch->name, "launch name", index);
  if (status)
    return status;
  if (launch->kernel >= manifest->kernelCount)
    REJECT(validator, "kernel of launch", index, launch->kernel,
           "an index below ", manifest->kernelCount);
  const QcManifestKernel *kernel = &manifest->kernels[launch->kernel];
  if (launch->argumentCount != kernel->parameterCount)
    REJECT(validator, "argument count of launch", index, launch->argumentCount,
           "its kernel's parameter count, ", kernel->parameterCount);
  if (!isRange(launch->firstArgument, launch->argumentCount,
               manifest->header->arguments.count))
    REJECT(validator, "first argument of launch", index, launch->firstArgument,
           "a range within ", manifest->header->arguments.count);
  if (launch->extent != kernel->extent)
    REJECT(validator, "extent of launch", index, launch->extent,
           "its kernel's, ", kernel->extent);
  if (launch->grain == 0)
    REJECT(validator, "grain of launch", index, launch->grain, "at least ", 1);
  if (launch->blockSize == 0 || launch->blockSize > 1024)
    REJECT(validator, "block size of launch", index, launch->blockSize, "1 to ",
           1024);
  if (launch->reserved != 0)
    REJECT(validator, "reserved field of launch", index, launch->reserved, "",
           0);
  for (uint32_t i = 0; i < launch->argumentCount; ++i) {
    status = checkArgument(validator, program,
                           &manifest->parameters[kernel->firstParameter + i],
                           launch->firstArgument + i);
    if (status)
      return status;
  }
  return QCRT_OK;
}

/* Checks `count` launches of `program` (NULL for the preparation) from `first`;
 * the sum of argument counts goes on in `argumentsUsed`. */
static QcrtStatus checkLaunches(const Validator *validator,
                                const QcManifestProgram *program,
                                uint64_t first, uint32_t count,
                                uint64_t *argumentsUsed) {
  const QcrtManifest *manifest = validator->manifest;
  uint64_t argumentCount = manifest->header->arguments.count;
  for (uint32_t i = 0; i < count; ++i) {
    uint64_t index = first + i;
    *argumentsUsed += manifest->launches[index].argumentCount;
    if (*argumentsUsed > argumentCount)
      REJECT(validator, "sum of argument counts up to launch", index,
             *argumentsUsed, "at most ", argumentCount);
    QcrtStatus status = checkLaunch(validator, program, index);
    if (status)
      return status;
  }
  return QCRT_OK;
}

static QcrtStatus checkPrograms(const Validator *validator) {
  const QcrtManifest *manifest = validator->manifest;
  uint64_t tensorCount = manifest->header->tensors.count;
  uint64_t launchCount = manifest->header->launches.count;
  const QcManifestHeader *header = manifest->header;
  uint64_t tensorsUsed = 0, launchesUsed = header->preparationCount,
           argumentsUsed = 0;
  if (manifest->programCount == 0)
    REJECT(validator, "number of programs", 0, 0, "at least ", 1);
  if (!isRange(header->firstPreparation, header->preparationCount, launchCount))
    REJECT(validator, "first launch of the preparation", 0,
           header->firstPreparation, "a range within ", launchCount);
  QcrtStatus prepared = checkLaunches(validator, NULL, header->firstPreparation,
                                      header->preparationCount, &argumentsUsed);
  if (prepared)
    return prepared;
  for (uint64_t i = 0; i < manifest->programCount; ++i) {
    const QcManifestProgram *program = &manifest->programs[i];
    QcrtStatus status =
        checkString(validator, program->name, "program name", i);
    if (!status)
      status = checkString(validator, program->bindings, "program bindings", i);
    if (status)
      return status;
    if (program->arenaBytes > INT64_MAX)
      REJECT(validator, "arena size of program", i, program->arenaBytes,
             "at most ", INT64_MAX);
    if (!isRange(program->firstInput, program->inputCount, tensorCount))
      REJECT(validator, "first input of program", i, program->firstInput,
             "a range within ", tensorCount);
    if (!isRange(program->firstOutput, program->outputCount, tensorCount))
      REJECT(validator, "first output of program", i, program->firstOutput,
             "a range within ", tensorCount);
    if (!isRange(program->firstLaunch, program->launchCount, launchCount))
      REJECT(validator, "first launch of program", i, program->firstLaunch,
             "a range within ", launchCount);
    tensorsUsed += (uint64_t)program->inputCount + program->outputCount;
    if (tensorsUsed > tensorCount)
      REJECT(validator, "sum of tensor counts up to program", i, tensorsUsed,
             "at most ", tensorCount);
    launchesUsed += program->launchCount;
    if (launchesUsed > launchCount)
      REJECT(validator, "sum of launch counts up to program", i, launchesUsed,
             "at most ", launchCount);
    status = checkExtents(validator, program, i);
    if (status)
      return status;
    status = checkLaunches(validator, program, program->firstLaunch,
                           program->launchCount, &argumentsUsed);
    if (status)
      return status;
  }
  return QCRT_OK;
}

QcrtStatus qcrtManifestValidate(const void *data, uint64_t bytes,
                                uint32_t target, const char *name,
                                QcrtManifest *manifest, QcrtError *error) {
  memset(manifest, 0, sizeof *manifest);
  Validator validator = {name, manifest, 0, error};
  if (bytes < sizeof(QcManifestHeader))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: manifest of %llu bytes; its header alone has %llu",
                    name, (unsigned long long)bytes,
                    (unsigned long long)sizeof(QcManifestHeader));
  const QcManifestHeader *header = data;
  manifest->header = header;
  if (memcmp(header->magic, QC_MANIFEST_MAGIC, QC_MAGIC_BYTES) != 0)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: not a qc manifest (it does not begin with '%s')", name,
                    QC_MANIFEST_MAGIC);
  if (header->abi != QC_ABI_VERSION)
    return qcrtFail(error, QCRT_ABI_MISMATCH,
                    "%s: manifest of format %u; this runtime reads %u", name,
                    header->abi, QC_ABI_VERSION);
  if (header->headerBytes != sizeof(QcManifestHeader))
    REJECT(&validator, "header size", 0, header->headerBytes, "",
           sizeof(QcManifestHeader));
  if (header->totalBytes != bytes)
    REJECT(&validator, "total size", 0, header->totalBytes,
           "the size of what was read, ", bytes);
  if (header->target != target)
    REJECT(&validator, "target", 0, header->target,
           "that of a library, 0, or of a folder, 1: here ", target);
  if (header->weightsBytes > INT64_MAX)
    REJECT(&validator, "size of weights", 0, header->weightsBytes, "at most ",
           INT64_MAX);
  if (header->preparedBytes > INT64_MAX)
    REJECT(&validator, "size of prepared memory", 0, header->preparedBytes,
           "at most ", INT64_MAX);

  const void *strings, *kernels, *parameters, *programs, *tensors, *dims,
      *launches, *arguments;
  const struct {
    QcManifestArray array;
    uint64_t elementBytes;
    const char *what;
    const void **elements;
  } arrays[] = {
      {header->strings, 1, "string bytes", &strings},
      {header->kernels, sizeof(QcManifestKernel), "kernels", &kernels},
      {header->parameters, sizeof(QcManifestParameter), "parameters",
       &parameters},
      {header->programs, sizeof(QcManifestProgram), "programs", &programs},
      {header->tensors, sizeof(QcManifestTensor), "tensors", &tensors},
      {header->dims, sizeof(int64_t), "dims", &dims},
      {header->launches, sizeof(QcManifestLaunch), "launches", &launches},
      {header->arguments, sizeof(QcManifestArgument), "arguments", &arguments},
  };
  for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; ++i) {
    QcrtStatus status =
        locateArray(&validator, arrays[i].array, arrays[i].elementBytes,
                    arrays[i].what, arrays[i].elements);
    if (status)
      return status;
  }
  if (header->kernels.count > UINT32_MAX || header->programs.count > UINT32_MAX)
    REJECT(&validator, "number of programs", header->programs.count,
           header->kernels.count, "kernels and programs up to ", UINT32_MAX);
  manifest->strings = strings;
  manifest->kernels = kernels;
  manifest->parameters = parameters;
  manifest->programs = programs;
  manifest->tensors = tensors;
  manifest->dims = dims;
  manifest->launches = launches;
  manifest->arguments = arguments;
  manifest->kernelCount = (uint32_t)header->kernels.count;
  manifest->programCount = (uint32_t)header->programs.count;
  validator.stringBytes = header->strings.count;

  QcrtStatus status =
      checkString(&validator, header->producer, "producer of header", 0);
  if (!status)
    status = checkString(&validator, header->model, "model of header", 0);
  if (!status)
    status = checkKernels(&validator);
  if (!status)
    status = checkTensors(&validator);
  if (!status)
    status = checkPrograms(&validator);
  return status;
}
