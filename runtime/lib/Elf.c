/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/*
 * Looks at a shared library before the dynamic linker does.
 *
 * dlopen maps what the program headers say without comparing with the file's
 * size. Of a truncated file (an interrupted download, a full disk) the pages
 * behind the end are then mapped but have no bytes, and the first access ends
 * the process with SIGBUS. The check reads the ELF header and the program
 * headers only.
 */
#include "Internal.h"

#include <elf.h>
#include <string.h>

#if defined(__x86_64__)
#define QCRT_ELF_MACHINE EM_X86_64
#define QCRT_ELF_MACHINE_NAME "x86-64"
#elif defined(__aarch64__)
#define QCRT_ELF_MACHINE EM_AARCH64
#define QCRT_ELF_MACHINE_NAME "aarch64"
#else
#error "libqcrt knows the ELF machine numbers of x86-64 and aarch64"
#endif

static QcrtStatus checkFile(const char *path, const QcrtFile *file,
                            QcrtSegment *segments, uint32_t *segmentCount,
                            QcrtError *error) {
  Elf64_Ehdr header;
  if (file->bytes < sizeof header)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: %llu bytes are too few for a shared library", path,
                    (unsigned long long)file->bytes);
  QcrtStatus status =
      qcrtFileRead(file, path, 0, &header, sizeof header, error);
  if (status)
    return status;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: not a shared library (no ELF header)", path);
  if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN ||
      header.e_machine != QCRT_ELF_MACHINE)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: ELF class %u, type %u, machine %u; accepted is a "
                    "64-bit little-endian shared library for %s",
                    path, header.e_ident[EI_CLASS], header.e_type,
                    header.e_machine, QCRT_ELF_MACHINE_NAME);
  if (header.e_phentsize != sizeof(Elf64_Phdr))
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: program headers of %u bytes each; accepted is %u",
                    path, header.e_phentsize, (unsigned)sizeof(Elf64_Phdr));
  uint64_t tableBytes = (uint64_t)header.e_phnum * sizeof(Elf64_Phdr);
  if (header.e_phoff > file->bytes || tableBytes > file->bytes - header.e_phoff)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: truncated: program headers end behind byte %llu, the "
                    "file's last",
                    path, (unsigned long long)file->bytes);
  uint32_t count = 0;
  bool hasDynamic = false;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    status = qcrtFileRead(file, path, header.e_phoff + i * sizeof segment,
                          &segment, sizeof segment, error);
    if (status)
      return status;
    hasDynamic |= segment.p_type == PT_DYNAMIC;
    if (segment.p_type != PT_LOAD && segment.p_type != PT_DYNAMIC)
      continue;
    if (segment.p_offset > file->bytes ||
        segment.p_filesz > file->bytes - segment.p_offset)
      return qcrtFail(
          error, QCRT_BAD_ARTIFACT,
          "%s: truncated: segment %u needs %llu bytes from byte %llu, the file "
          "has %llu",
          path, i, (unsigned long long)segment.p_filesz,
          (unsigned long long)segment.p_offset,
          (unsigned long long)file->bytes);
    if (segment.p_type != PT_LOAD)
      continue;
    if (segment.p_filesz > segment.p_memsz ||
        segment.p_memsz > UINT64_MAX - segment.p_vaddr)
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: segment %u has %llu bytes in the file and %llu in "
                      "memory; accepted is at most as many in the file",
                      path, i, (unsigned long long)segment.p_filesz,
                      (unsigned long long)segment.p_memsz);
    if (count == QCRT_MAX_SEGMENTS)
      return qcrtFail(error, QCRT_BAD_ARTIFACT,
                      "%s: more than %u loadable segments", path,
                      QCRT_MAX_SEGMENTS);
    segments[count].address = segment.p_vaddr;
    segments[count].bytes = segment.p_memsz;
    segments[count].executable = (segment.p_flags & PF_X) != 0;
    ++count;
  }
  if (count == 0 || !hasDynamic)
    return qcrtFail(error, QCRT_BAD_ARTIFACT,
                    "%s: not a shared library (no loadable or no dynamic "
                    "segment)",
                    path);
  *segmentCount = count;
  return QCRT_OK;
}

QcrtStatus qcrtElfCheck(const char *path, QcrtSegment *segments,
                        uint32_t *segmentCount, QcrtError *error) {
  QcrtFile file;
  QcrtStatus status = qcrtFileOpen(path, &file, error);
  if (status)
    return status;
  status = checkFile(path, &file, segments, segmentCount, error);
  qcrtFileClose(&file);
  return status;
}
