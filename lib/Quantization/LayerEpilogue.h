// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What follows a layer until its outputs are used.
#ifndef QC_LIB_QUANTIZATION_LAYEREPILOGUE_H
#define QC_LIB_QUANTIZATION_LAYEREPILOGUE_H

#include "ElementFunction.h"

#include "qc/Analysis/BiasCorrection.h"
#include "qc/Quantization/LinearLayer.h"

namespace qc {

/// The bias of a layer's outputs, one number per row: a convolution's operand,
/// or the constant that the only reader of a product adds.
class LayerBias {
public:
  explicit LayerBias(const LinearLayer &layer);
  /// Whether it is known: not where a run computes a convolution's.
  bool isKnown() const { return values.has_value(); }
  /// Whether there is a constant one or one can be added, for set().
  bool isThere() const { return isKnown() && (addend || layer.isConv()); }
  /// The result with the bias in it.
  mlir::Value getResult() const;
  /// The known bias, zeros where there is none yet.
  const std::vector<float> &get() const { return *values; }
  void set(llvm::ArrayRef<float> to);

private:
  const LinearLayer &layer;
  std::optional<std::vector<float>> values;
  /// The operand of qc.add that holds it.
  mlir::OpOperand *addend = nullptr;
};

/// A sum with a value that is there before the layer runs (a residual stream),
/// and a function of its elements (a clamp, x * sigmoid(x)), as far as each is
/// the only reader of the one before. What reads the result sees errors of the
/// outputs as they are behind these: a residual branch makes up for the
/// stream's, and a function hides some.
class LayerEpilogue {
public:
  explicit LayerEpilogue(const LinearLayer &layer);
  mlir::Value getResult() const { return result; }
  /// What the sum adds to the layer's outputs; may be null. Follows changes of
  /// operands.
  mlir::Value getAddend() const {
    return addend ? addend->get() : mlir::Value();
  }
  /// The function of the elements, for `outputs` before it.
  OutputFunction getFunction(llvm::ArrayRef<float> outputs) const;

private:
  mlir::Value result;
  mlir::OpOperand *addend = nullptr;
  std::optional<ElementFunction> function;
};

} // namespace qc

#endif // QC_LIB_QUANTIZATION_LAYEREPILOGUE_H
