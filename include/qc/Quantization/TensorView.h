// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of a tensor where they lie.
#ifndef QC_QUANTIZATION_TENSORVIEW_H
#define QC_QUANTIZATION_TENSORVIEW_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstdint>

namespace qc {

/// The numbers of a tensor in storage format, one at a time: f32, or codes of 8
/// or 16 bits with one scale and zero point. Of a large map a few elements are
/// read; converting all of it would take longer than computing it.
class TensorView {
public:
  enum class Element { F32, SI8, UI8, SI16, UI16 };

  TensorView(llvm::ArrayRef<float> floats)
      : data(floats.data()), count(floats.size()) {}
  TensorView(llvm::ArrayRef<char> bytes, Element element, float scale,
             int64_t zero)
      : data(bytes.data()), count(bytes.size() / getBytes(element)),
        element(element), scale(scale), zero(zero) {}

  size_t size() const { return count; }

  float operator[](size_t i) const {
    switch (element) {
    case Element::F32:
      return static_cast<const float *>(data)[i];
    case Element::SI8:
      return real(static_cast<const int8_t *>(data)[i]);
    case Element::UI8:
      return real(static_cast<const uint8_t *>(data)[i]);
    case Element::SI16:
      return real(static_cast<const int16_t *>(data)[i]);
    case Element::UI16:
      return real(static_cast<const uint16_t *>(data)[i]);
    }
    llvm_unreachable("all elements are handled");
  }

private:
  static size_t getBytes(Element element) {
    switch (element) {
    case Element::F32:
      return 4;
    case Element::SI8:
    case Element::UI8:
      return 1;
    case Element::SI16:
    case Element::UI16:
      return 2;
    }
    llvm_unreachable("all elements are handled");
  }
  float real(int64_t code) const {
    return static_cast<float>(code - zero) * scale;
  }

  const void *data;
  size_t count;
  Element element = Element::F32;
  float scale = 1;
  int64_t zero = 0;
};

} // namespace qc

#endif // QC_QUANTIZATION_TENSORVIEW_H
