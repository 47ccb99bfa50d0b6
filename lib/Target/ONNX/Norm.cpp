// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of normalizations.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// With the statistics of training (inference form).
static LogicalResult batchNorm(NodeContext &c) {
  if (c.getInt("training_mode", 0) != 0)
    return c.refuse("training_mode is set", "inference");
  if (c.opset < 9 && c.getInt("spatial", 1) == 0)
    return c.refuse("spatial is 0", "statistics per channel");
  return c.yield(
      c.create<BatchNormOp>({c[0], c[1], c[2], c[3], c[4]},
                            c.f32("epsilon", c.getFloat("epsilon", 1e-5f))));
}

void qc::registerNormHandlers(HandlerTable &table) {
  table.add("BatchNormalization", 1, 5, batchNorm);
}
