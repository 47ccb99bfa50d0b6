// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work on several threads whose result does not depend on how many there are.
#ifndef QC_LIB_QUANTIZATION_PARALLEL_H
#define QC_LIB_QUANTIZATION_PARALLEL_H

#include "mlir/IR/Threading.h"

#include <algorithm>
#include <vector>

namespace qc {

/// How many numbers are produced at once, at most.
inline size_t getBatchSize(mlir::MLIRContext *context) {
  return 2 * static_cast<size_t>(context->getNumThreads());
}

/// Calls consume(produce(i)) for all i below `count`, in this order. Some are
/// produced at once on the context's threads, and few are kept at a time: those
/// of one batch differ in their remainders by getBatchSize().
template <typename Produce, typename Consume>
void produceInOrder(mlir::MLIRContext *context, size_t count, Produce produce,
                    Consume consume) {
  size_t batch = getBatchSize(context);
  std::vector<decltype(produce(size_t()))> results(std::min(batch, count));
  for (size_t begin = 0; begin < count; begin += batch) {
    size_t size = std::min(batch, count - begin);
    mlir::parallelFor(context, 0, size,
                      [&](size_t i) { results[i] = produce(begin + i); });
    for (size_t i = 0; i < size; ++i)
      consume(std::move(results[i]));
  }
}

} // namespace qc

#endif // QC_LIB_QUANTIZATION_PARALLEL_H
