// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes of the HLS back end.
#ifndef QC_TARGET_HLS_PASSES_H
#define QC_TARGET_HLS_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace qc::hls {

#define GEN_PASS_DECL
#include "qc/Target/HLS/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qc/Target/HLS/Passes.h.inc"

} // namespace qc::hls

#endif // QC_TARGET_HLS_PASSES_H
