// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes that find out how to quantize a float model and do it.
#ifndef QC_QUANTIZATION_PASSES_H
#define QC_QUANTIZATION_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include <memory>

namespace qc {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qc/Quantization/Passes.h.inc"

} // namespace qc

#endif // QC_QUANTIZATION_PASSES_H
