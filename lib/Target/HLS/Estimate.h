// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A first estimate of what a kernel costs as hardware, read off its loops.
#ifndef QC_LIB_TARGET_HLS_ESTIMATE_H
#define QC_LIB_TARGET_HLS_ESTIMATE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <optional>
#include <string>

namespace qc::hls {

struct Estimate {
  /// Operators that become multipliers or dividers, by their operands: "8x9"
  /// bits, "float", "double". An operator in a loop is one unit, used in every
  /// iteration. Address arithmetic and factors that are constants are left out.
  std::map<std::string, uint64_t> multipliers, dividers;
  /// Iterations of all innermost loops: the clock cycles if each starts one per
  /// cycle. At most, where bounds vary; nothing if a loop has no bound.
  std::optional<uint64_t> iterations = 0;
};

Estimate estimateKernel(mlir::func::FuncOp kernel);

} // namespace qc::hls

#endif // QC_LIB_TARGET_HLS_ESTIMATE_H
