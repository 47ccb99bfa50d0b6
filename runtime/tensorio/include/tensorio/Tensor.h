// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors as qc's command-line tools hold them, and what to do with them:
// decode any element type to double, convert for an input, compare. Errors are
// values.
#ifndef TENSORIO_TENSOR_H
#define TENSORIO_TENSOR_H

#include "qcrt/qcrt.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace qcrt {

/// The message of a failure: a sentence that names the file and what would be
/// accepted.
struct Failure {
  std::string message;
};

/// A value, or the failure that prevented it.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure)
      : content(std::in_place_index<1>, std::move(failure)) {}
  explicit operator bool() const { return content.index() == 0; }
  T &operator*() { return *std::get_if<0>(&content); }
  const T &operator*() const { return *std::get_if<0>(&content); }
  T *operator->() { return std::get_if<0>(&content); }
  const T *operator->() const { return std::get_if<0>(&content); }
  const Failure &failure() const { return *std::get_if<1>(&content); }
  const std::string &message() const { return failure().message; }

private:
  std::variant<T, Failure> content;
};

/// Result of what returns nothing.
using Status = Result<std::monostate>;
inline Status success() { return std::monostate(); }

/// Memory that satisfies any alignment a model can ask of its inputs, and that
/// resize() leaves uninitialized.
template <typename T> struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U> AlignedAllocator(const AlignedAllocator<U> &) {}
  T *allocate(size_t count) {
    return static_cast<T *>(::operator new(
        count * sizeof(T), std::align_val_t(QC_ARENA_ALIGNMENT)));
  }
  void deallocate(T *pointer, size_t) {
    ::operator delete(pointer, std::align_val_t(QC_ARENA_ALIGNMENT));
  }
  template <typename U> void construct(U *) {}
  template <typename U, typename Arg, typename... Args>
  void construct(U *pointer, Arg &&arg, Args &&...args) {
    ::new (static_cast<void *>(pointer))
        U(std::forward<Arg>(arg), std::forward<Args>(args)...);
  }
  bool operator==(const AlignedAllocator &) const { return true; }
};
using Bytes = std::vector<uint8_t, AlignedAllocator<uint8_t>>;

/// Resizes to `size` uninitialized bytes; false where memory does not suffice.
bool tryResize(Bytes &bytes, uint64_t size);

/// A tensor in memory: row-major, little-endian, packed as qcrt/manifest.h
/// says.
struct Tensor {
  std::string name;
  /// QcElementType; 0 for elements of an unknown type of `opaqueBytes` bytes
  /// each, which is how numpy stores types of extensions such as bfloat16.
  uint32_t type = 0;
  uint32_t opaqueBytes = 0;
  std::vector<int64_t> dims;
  Bytes data;

  uint64_t elements() const;
};

/// Size in bytes of `dims` elements of `bits` bits; nothing if a dim is
/// negative or the size is above 2^57 elements.
std::optional<uint64_t> sizeInBytes(const std::vector<int64_t> &dims,
                                    uint32_t bits);

/// numpy's name of a type where it has one ("float32"), else ONNX's in lower
/// case; "opaque" for 0.
std::string typeName(uint32_t type);

/// "float32[1,3,224,224]" for messages.
std::string describe(uint32_t type, const std::vector<int64_t> &dims);
std::string describe(const Tensor &tensor);
std::string describe(const QcrtTensorInfo &info);

/// All elements as double. Every type is represented exactly except integers of
/// 64 bits, which are rounded. The type must not be 0.
std::vector<double> decodeElements(const Tensor &tensor);

/// Turns a tensor from a file into the memory of a model's input. Shape and
/// type must be the input's, except that opaque elements serve a type of their
/// size, and int8 or uint8 elements serve int4 or uint4 if their values fit.
Result<Tensor> convertForInput(Tensor tensor, const QcrtTensorInfo &input);

/// The tensor in a type that numpy has: floats that numpy lacks as float32,
/// int4 as int8, uint4 as uint8. Values are exact.
Tensor convertForNumpy(const Tensor &tensor);

/// Whether numpy has the type.
bool isNumpyType(uint32_t type);

struct Tolerance {
  double relative = 1e-3;
  double absolute = 1e-7;
};

/// How an output differs from what was expected.
struct Comparison {
  /// Same shape, a type that may be compared, and each element within
  /// absolute + relative * |expected|; NaN matches NaN, an infinity itself.
  bool matches = false;
  /// Why the tensors cannot be compared (shape or type), or empty.
  std::string problem;
  uint64_t elements = 0;
  uint64_t mismatches = 0;
  uint64_t firstMismatch = 0; ///< flat index, if there are mismatches
  double firstActual = 0, firstExpected = 0;
  double maxAbsolute = 0; ///< largest |actual - expected|
  double maxRelative = 0; ///< largest |actual - expected| / |expected|
  /// 10 log10(sum expected^2 / sum (actual - expected)^2) in dB; infinite where
  /// nothing differs. Over elements finite on both sides.
  double sqnr = 0;
  /// Cosine of the angle between the two; 1 where both are zero.
  double cosine = 1;
};

Comparison compareTensors(const Tensor &actual, const Tensor &expected,
                          const Tolerance &tolerance);

} // namespace qcrt

#endif // TENSORIO_TENSOR_H
