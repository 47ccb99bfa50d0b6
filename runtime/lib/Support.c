/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Small things that all of libqcrt uses: making errors, reading files, element
 * types, and the floating-point environment of kernels.
 */
#include "Internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

QcrtStatus qcrtFail(QcrtError *error, QcrtStatus status, const char *format,
                    ...) {
  if (error) {
    error->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
  }
  return status;
}

uint32_t qcrtAbiVersion(void) { return QC_ABI_VERSION; }

uint32_t qcrtElementBits(uint32_t type) {
  switch (type) {
  case QC_TYPE_UINT2:
  case QC_TYPE_INT2:
    return 2;
  case QC_TYPE_UINT4:
  case QC_TYPE_INT4:
  case QC_TYPE_FLOAT4E2M1:
    return 4;
  case QC_TYPE_UINT8:
  case QC_TYPE_INT8:
  case QC_TYPE_BOOL:
  case QC_TYPE_FLOAT8E4M3FN:
  case QC_TYPE_FLOAT8E4M3FNUZ:
  case QC_TYPE_FLOAT8E5M2:
  case QC_TYPE_FLOAT8E5M2FNUZ:
  case QC_TYPE_FLOAT8E8M0:
    return 8;
  case QC_TYPE_UINT16:
  case QC_TYPE_INT16:
  case QC_TYPE_FLOAT16:
  case QC_TYPE_BFLOAT16:
    return 16;
  case QC_TYPE_FLOAT:
  case QC_TYPE_INT32:
  case QC_TYPE_UINT32:
    return 32;
  case QC_TYPE_INT64:
  case QC_TYPE_UINT64:
  case QC_TYPE_DOUBLE:
    return 64;
  default:
    return 0;
  }
}

const char *qcrtElementName(uint32_t type) {
  static const char *const names[] = {NULL,
                                      "float",
                                      "uint8",
                                      "int8",
                                      "uint16",
                                      "int16",
                                      "int32",
                                      "int64",
                                      NULL,
                                      "bool",
                                      "float16",
                                      "double",
                                      "uint32",
                                      "uint64",
                                      NULL,
                                      NULL,
                                      "bfloat16",
                                      "float8e4m3fn",
                                      "float8e4m3fnuz",
                                      "float8e5m2",
                                      "float8e5m2fnuz",
                                      "uint4",
                                      "int4",
                                      "float4e2m1",
                                      "float8e8m0",
                                      "uint2",
                                      "int2"};
  return type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

QcrtStatus qcrtFileOpen(const char *path, QcrtFile *file, QcrtError *error) {
  /* O_NONBLOCK: opening a FIFO that someone left there must not hang. */
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return qcrtFail(error, QCRT_FILE_ERROR, "%s: cannot open: %s", path,
                    strerror(errno));
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    int code = errno;
    close(descriptor);
    return qcrtFail(error, QCRT_FILE_ERROR, "%s: cannot stat: %s", path,
                    strerror(code));
  }
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    return qcrtFail(error, QCRT_FILE_ERROR, "%s: not a regular file", path);
  }
  file->descriptor = descriptor;
  file->bytes = (uint64_t)status.st_size;
  return QCRT_OK;
}

void qcrtFileClose(QcrtFile *file) { close(file->descriptor); }

QcrtStatus qcrtFileRead(const QcrtFile *file, const char *path, uint64_t offset,
                        void *data, uint64_t bytes, QcrtError *error) {
  uint8_t *position = data;
  while (bytes > 0) {
    size_t request = bytes < (1u << 30) ? (size_t)bytes : (size_t)1 << 30;
    ssize_t count = pread(file->descriptor, position, request, (off_t)offset);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return qcrtFail(error, QCRT_FILE_ERROR, "%s: cannot read: %s", path,
                      strerror(errno));
    if (count == 0)
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: ends at byte %llu, %llu more are expected", path,
                      (unsigned long long)offset, (unsigned long long)bytes);
    position += count;
    offset += (uint64_t)count;
    bytes -= (uint64_t)count;
  }
  return QCRT_OK;
}

QcrtFloatEnvironment qcrtFloatEnvironmentEnter(void) {
  QcrtFloatEnvironment previous = {0};
#if defined(__x86_64__)
  previous.control = _mm_getcsr();
  /* The value after reset: all exceptions masked, round to nearest even, no
   * flushing of denormals. Writing it costs more than comparing. */
  if ((previous.control & ~0x3fu) != 0x1f80u)
    _mm_setcsr(0x1f80u);
#endif
  return previous;
}

void qcrtFloatEnvironmentLeave(QcrtFloatEnvironment previous) {
#if defined(__x86_64__)
  if ((previous.control & ~0x3fu) != 0x1f80u)
    _mm_setcsr(previous.control);
#else
  (void)previous;
#endif
}

void qcrtDeviceFree(QcrtDevice *device) {
  if (device)
    device->destroy(device);
}
