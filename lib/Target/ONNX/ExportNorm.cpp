// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exports of normalizations.

#include "ExportHandlers.h"

using namespace mlir;
using namespace qc;

static LogicalResult batchNorm(ExportContext &c, BatchNormOp op) {
  return c.yield(c.node("BatchNormalization", c.getOperands(),
                        c.getResultType(), c.real("epsilon", op.getEpsilon())));
}

static LogicalResult layerNorm(ExportContext &c, LayerNormOp op) {
  return c.yield(c.node(
      "LayerNormalization", c.getOperands(), c.getResultType(),
      {c.integer("axis", op.getAxis()), c.real("epsilon", op.getEpsilon())}));
}

static LogicalResult rmsNorm(ExportContext &c, RMSNormOp op) {
  return c.yield(c.node(
      "RMSNormalization", c.getOperands(), c.getResultType(),
      {c.integer("axis", op.getAxis()), c.real("epsilon", op.getEpsilon())}));
}

/// One group per channel is an instance normalization.
static LogicalResult groupNorm(ExportContext &c, GroupNormOp op) {
  Term x = c.get(op.getX());
  if (op.getGroups() == x.shape()[1] && x.rank() > 2)
    return c.yield(c.node("InstanceNormalization", c.getOperands(),
                          c.getResultType(),
                          c.real("epsilon", op.getEpsilon())));
  // Before, the parameters had one element per group.
  c.require(21);
  return c.yield(c.node("GroupNormalization", c.getOperands(),
                        c.getResultType(),
                        {c.integer("num_groups", op.getGroups()),
                         c.real("epsilon", op.getEpsilon())}));
}

static LogicalResult lpNorm(ExportContext &c, LpNormOp op) {
  return c.yield(
      c.node("LpNormalization", {c[0]}, c.getResultType(),
             {c.integer("axis", op.getAxis()), c.integer("p", op.getP())}));
}

static LogicalResult lrn(ExportContext &c, LRNOp op) {
  return c.yield(
      c.node("LRN", {c[0]}, c.getResultType(),
             {c.integer("size", op.getSize()), c.real("alpha", op.getAlpha()),
              c.real("beta", op.getBeta()), c.real("bias", op.getBias())}));
}

static LogicalResult meanVarianceNorm(ExportContext &c, MeanVarianceNormOp op) {
  return c.yield(c.node("MeanVarianceNormalization", {c[0]}, c.getResultType(),
                        c.integers("axes", op.getAxes())));
}

void qc::addNormExports(ExportTable &table) {
  table.add<batchNorm>();
  table.add<layerNorm>();
  table.add<rmsNorm>();
  table.add<groupNorm>();
  table.add<lpNorm>();
  table.add<lrn>();
  table.add<meanVarianceNorm>();
}
