// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole files, and the choice of a reader by extension.
#include "tensorio/TensorFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qcrt {

namespace {

/// Closes a file descriptor.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0)
      close(number);
  }
};

Failure fail(const std::string &path, const char *what) {
  return {path + ": " + what + ": " + std::strerror(errno)};
}

} // namespace

Result<Bytes> readWholeFile(const std::string &path) {
  // Not to hang on a FIFO that lies where a file should.
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0)
    return fail(path, "cannot open");
  struct stat status;
  if (fstat(file.number, &status) != 0)
    return fail(path, "cannot stat");
  if (!S_ISREG(status.st_mode))
    return Failure{path + ": not a regular file"};
  // A sparse file can claim any size.
  const uint64_t physical =
      uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  const auto size = uint64_t(status.st_size);
  Bytes content;
  if (size > physical || !tryResize(content, size))
    return Failure{path + ": " + std::to_string(size) +
                   " bytes do not fit in memory"};
  for (size_t done = 0; done < size;) {
    ssize_t count = read(file.number, content.data() + done, size - done);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return fail(path, "cannot read");
    if (count == 0)
      return Failure{path + ": became shorter while it was read"};
    done += size_t(count);
  }
  return content;
}

Status writeWholeFile(const std::string &path,
                      const std::vector<std::span<const uint8_t>> &pieces) {
  Descriptor file{
      open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
  if (file.number < 0)
    return fail(path, "cannot write");
  for (std::span<const uint8_t> piece : pieces)
    while (!piece.empty()) {
      ssize_t count = write(file.number, piece.data(), piece.size());
      if (count < 0 && errno == EINTR)
        continue;
      if (count < 0)
        return fail(path, "cannot write");
      piece = piece.subspan(size_t(count));
    }
  int number = std::exchange(file.number, -1);
  if (close(number) != 0)
    return fail(path, "cannot write");
  return success();
}

Result<Tensor> readTensorFile(const std::string &path) {
  bool isNpy = path.ends_with(".npy");
  if (!isNpy && !path.ends_with(".pb"))
    return Failure{path + ": unknown extension; accepted are .npy and .pb"};
  Result<Bytes> content = readWholeFile(path);
  if (!content)
    return content.failure();
  return isNpy ? parseNpy(std::move(*content), path)
               : parseTensorProto(*content, path);
}

} // namespace qcrt
