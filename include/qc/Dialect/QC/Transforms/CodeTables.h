// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of one code as tables.
#ifndef QC_DIALECT_QC_TRANSFORMS_CODETABLES_H
#define QC_DIALECT_QC_TRANSFORMS_CODETABLES_H

#include "qc/Dialect/QC/Transforms/Quantization.h"

namespace qc {

struct CodeTable {
  /// The tensor of codes of at most 8 bits.
  mlir::Value codes;
  /// One code of the quantize's type per input code, in increasing order of the
  /// input codes.
  mlir::ElementsAttr entries;
};

/// The table of what stands between one tensor of codes of at most 8 bits and
/// `quantize`, whose parameters are `target`; fails if anything but elementwise
/// functions of that one tensor and constant scalars does. Tables found on the
/// way, such as the sigmoid's of a quantized x * sigmoid(x), become part of it.
///
/// With an activation function or another transcendental among the ops
/// everything is computed in f64; else every op rounds to f32, which gives the
/// codes of the float ops themselves.
mlir::FailureOr<CodeTable> buildCodeTable(QuantizeOp quantize,
                                          const Quantization &target);

} // namespace qc

#endif // QC_DIALECT_QC_TRANSFORMS_CODETABLES_H
