// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of a tensor where they lie.
#ifndef QC_QUANTIZATION_TENSORVIEW_H
#define QC_QUANTIZATION_TENSORVIEW_H

#include "qc/Analysis/Executor.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/ErrorHandling.h"

#include <cstdint>

namespace qc {

/// The numbers of a tensor, one at a time: f32, or codes of 8 or 16 bits with
/// one scale and zero point; row-major, or f32 with dimension 1 after all
/// others (channels last). Of a large map a few elements are read; converting
/// all of it would take longer than computing it.
class TensorView {
public:
  enum class Element { F32, SI8, UI8, SI16, UI16 };

  TensorView(llvm::ArrayRef<float> floats) : data(floats.data()) {}
  TensorView(llvm::ArrayRef<char> bytes, Element element, float scale,
             int64_t zero)
      : data(bytes.data()), element(element), scale(scale), zero(zero) {}

  /// Channels last; `shape` is that of the tensor, with channels second.
  static TensorView channelsLast(llvm::ArrayRef<float> floats,
                                 llvm::ArrayRef<int64_t> shape) {
    TensorView view(floats);
    view.channels = shape[1];
    view.pixels = 1;
    for (int64_t extent : shape.drop_front(2))
      view.pixels *= extent;
    return view;
  }

  bool isChannelsLast() const { return channels != 0; }

  /// Element i of the row-major order.
  float operator[](int64_t i) const {
    if (!isChannelsLast())
      return load(i);
    int64_t image = i / (channels * pixels), rest = i % (channels * pixels);
    return load((image * pixels + rest % pixels) * channels + rest / pixels);
  }

  /// Element i in memory.
  float load(int64_t i) const {
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
  float real(int64_t code) const {
    return static_cast<float>(code - zero) * scale;
  }

  const void *data;
  Element element = Element::F32;
  float scale = 1;
  int64_t zero = 0;
  /// Of channels last, else 0.
  int64_t channels = 0, pixels = 0;
};

/// A result of type `type` (f32) of compiled code, in whatever order it lies.
inline TensorView getResultView(const CompiledFunction &code, size_t index,
                                mlir::Type type) {
  llvm::ArrayRef<float> floats = toFloats(code.getOutput(index));
  if (!code.isChannelsLast(index))
    return floats;
  return TensorView::channelsLast(
      floats, mlir::cast<mlir::RankedTensorType>(type).getShape());
}

} // namespace qc

#endif // QC_QUANTIZATION_TENSORVIEW_H
