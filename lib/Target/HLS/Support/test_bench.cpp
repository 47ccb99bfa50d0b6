// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// C simulation of the top function on tensors from files.
//
//     csim INPUT_DIR OUTPUT_DIR
//     csim --check INPUT_DIR EXPECTED_DIR
//
// Input N of the program is INPUT_DIR/N.bin, output N becomes OUTPUT_DIR/N.bin:
// raw little-endian elements in row-major order; names, types and shapes are in
// project.json. A file may hold several tensors one after the other: the top
// function then runs once for each. All input files hold the same number of
// sets; a program without inputs runs once.
//
// --check compares the outputs with EXPECTED_DIR/N.bin instead of writing them.
// Every bit has to agree; of floating-point numbers, any NaN equals any NaN.
// Without arguments, the vectors stored with the project are checked. Exit
// status: 0 done, 1 a mismatch, 2 a wrong argument or file.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "test_bench_data.h"

namespace {

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "csim: %s\n", message.c_str());
  std::exit(2);
}

/// An open file with its name, for messages.
class File {
public:
  File(const std::string &path, const char *mode)
      : path(path), handle(std::fopen(path.c_str(), mode)) {
    if (!handle)
      fail("cannot open " + path);
  }
  File(File &&other) : path(other.path), handle(other.handle) {
    other.handle = nullptr;
  }
  File(const File &) = delete;
  ~File() {
    if (handle)
      std::fclose(handle);
  }

  long size() {
    if (std::fseek(handle, 0, SEEK_END) != 0)
      fail("cannot read " + path);
    long bytes = std::ftell(handle);
    if (bytes < 0 || std::fseek(handle, 0, SEEK_SET) != 0)
      fail("cannot read " + path);
    return bytes;
  }
  void read(void *data, std::size_t bytes) {
    if (bytes != 0 && std::fread(data, 1, bytes, handle) != bytes)
      fail(path + " ends too early");
  }
  void write(const void *data, std::size_t bytes) {
    if (bytes != 0 && std::fwrite(data, 1, bytes, handle) != bytes)
      fail("cannot write " + path);
  }
  void close() {
    if (std::fclose(handle) != 0)
      fail("cannot write " + path);
    handle = nullptr;
  }

  std::string path;

private:
  std::FILE *handle;
};

std::string tensorPath(const std::string &directory, int index) {
  return directory + "/" + std::to_string(index) + ".bin";
}

/// Memory of one tensor: at least one element, aligned for every type.
std::unique_ptr<char[]> allocate(const Tensor &tensor) {
  return std::unique_ptr<char[]>(new char[tensor.bytes + 16]());
}

bool isNaN(const unsigned char *element, const Tensor &tensor) {
  unsigned long long bits = 0;
  for (int byte = tensor.element_bytes - 1; byte >= 0; --byte)
    bits = bits << 8 | element[byte];
  unsigned long long sign = 1ull << (8 * tensor.element_bytes - 1);
  return tensor.infinity != 0 && (bits & (sign - 1)) > tensor.infinity;
}

/// The number of elements that differ, and the first of them.
std::size_t compare(const Tensor &tensor, const char *expected,
                    const char *actual, std::size_t &first) {
  std::size_t mismatches = 0;
  for (std::size_t offset = 0; offset < tensor.bytes;
       offset += tensor.element_bytes) {
    const char *a = expected + offset, *b = actual + offset;
    if (std::memcmp(a, b, tensor.element_bytes) == 0 ||
        (isNaN(reinterpret_cast<const unsigned char *>(a), tensor) &&
         isNaN(reinterpret_cast<const unsigned char *>(b), tensor)))
      continue;
    if (mismatches++ == 0)
      first = offset / tensor.element_bytes;
  }
  return mismatches;
}

} // namespace

int main(int argc, char **argv) {
  bool check = argc == 1 || std::strcmp(argv[1], "--check") == 0;
  std::string inputDirectory = "vectors/inputs";
  std::string outputDirectory = "vectors/outputs";
  int position = check ? 2 : 1;
  if (argc == position + 2) {
    inputDirectory = argv[position];
    outputDirectory = argv[position + 1];
  } else if (argc != 1) {
    fail("usage: csim [--check] INPUT_DIR OUTPUT_DIR");
  }

  std::vector<char> weights;
  if (WEIGHT_BYTES != 0) {
    File file("weights.bin", "rb");
    if (file.size() != long(WEIGHT_BYTES))
      fail("weights.bin has the wrong size");
    weights.resize(WEIGHT_BYTES);
    file.read(weights.data(), weights.size());
  }

  std::vector<File> inputFiles, outputFiles;
  std::vector<std::unique_ptr<char[]>> inputs, outputs, expected;
  long sets = -1;
  for (int index = 0; index < INPUT_COUNT; ++index) {
    const Tensor &tensor = INPUTS[index];
    inputs.push_back(allocate(tensor));
    inputFiles.emplace_back(tensorPath(inputDirectory, index), "rb");
    File &file = inputFiles.back();
    long bytes = file.size();
    if (tensor.bytes == 0 && bytes == 0)
      continue;
    if (tensor.bytes == 0 || bytes % long(tensor.bytes) != 0)
      fail(file.path + " holds " + std::to_string(bytes) +
           " bytes; accepted are multiples of " + std::to_string(tensor.bytes) +
           " (input " + tensor.name + ")");
    long count = bytes / long(tensor.bytes);
    if (sets >= 0 && count != sets)
      fail(file.path + " holds " + std::to_string(count) +
           " sets, earlier inputs " + std::to_string(sets));
    sets = count;
  }
  if (sets < 0)
    sets = 1;
  for (int index = 0; index < OUTPUT_COUNT; ++index) {
    outputs.push_back(allocate(OUTPUTS[index]));
    expected.push_back(allocate(OUTPUTS[index]));
    outputFiles.emplace_back(tensorPath(outputDirectory, index),
                             check ? "rb" : "wb");
    File &file = outputFiles.back();
    if (check && file.size() != sets * long(OUTPUTS[index].bytes))
      fail(file.path + " holds " + std::to_string(file.size()) +
           " bytes; expected are " + std::to_string(sets) + " sets of " +
           std::to_string(OUTPUTS[index].bytes));
  }

  std::vector<char *> inputPointers, outputPointers;
  for (std::unique_ptr<char[]> &input : inputs)
    inputPointers.push_back(input.get());
  for (std::unique_ptr<char[]> &output : outputs)
    outputPointers.push_back(output.get());
  bool matches = true;
  for (long set = 0; set < sets; ++set) {
    for (int index = 0; index < INPUT_COUNT; ++index)
      inputFiles[index].read(inputPointers[index], INPUTS[index].bytes);
    call_top(inputPointers.data(), outputPointers.data(), weights.data());
    for (int index = 0; index < OUTPUT_COUNT; ++index) {
      const Tensor &tensor = OUTPUTS[index];
      if (!check) {
        outputFiles[index].write(outputPointers[index], tensor.bytes);
        continue;
      }
      outputFiles[index].read(expected[index].get(), tensor.bytes);
      std::size_t first = 0;
      std::size_t mismatches =
          compare(tensor, expected[index].get(), outputPointers[index], first);
      if (mismatches != 0) {
        std::printf("set %ld, output %d (%s): %lu of %lu elements differ, the "
                    "first at %lu\n",
                    set, index, tensor.name, (unsigned long)mismatches,
                    (unsigned long)(tensor.bytes / tensor.element_bytes),
                    (unsigned long)first);
        matches = false;
      }
    }
  }
  if (check)
    std::printf("%ld sets %s\n", sets, matches ? "agree" : "compared");
  else
    for (File &file : outputFiles)
      file.close();
  return matches ? 0 : 1;
}
