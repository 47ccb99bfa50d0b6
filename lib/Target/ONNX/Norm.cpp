// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of normalizations.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// With the batch's own statistics, and the updated running ones.
static LogicalResult trainingBatchNorm(NodeContext &c) {
  if (rankOf(c[0]) < 2)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 2 or more");
  SmallVector<int64_t> axes{0};
  for (int64_t axis = 2; axis < rankOf(c[0]); ++axis)
    axes.push_back(axis);
  int64_t channels = shapeOf(c[0])[1];
  Value mean = c.reduce(c[0], ReduceKind::Mean, axes);
  Value centred = c.create<SubOp>({c[0], mean});
  Value variance =
      c.reduce(c.create<MulOp>({centred, centred}), ReduceKind::Mean, axes);
  auto flat = [&](Value statistic, Value like) {
    return c.cast(c.reshape(statistic, channels), elementOf(like));
  };
  Value batchMean = flat(mean, c[3]), batchVariance = flat(variance, c[4]);
  double momentum = c.getFloat("momentum", 0.9f);
  auto blend = [&](Value running, Value batch) {
    Type element = elementOf(running);
    return c.create<AddOp>(
        {c.create<MulOp>({running, c.splat(element, momentum)}),
         c.create<MulOp>({batch, c.splat(element, 1 - momentum)})});
  };
  return c.yield(
      {c.create<BatchNormOp>({c[0], c[1], c[2], batchMean, batchVariance},
                             c.f32("epsilon", c.getFloat("epsilon", 1e-5f))),
       blend(c[3], batchMean), blend(c[4], batchVariance)});
}

/// With the statistics of training (inference form).
static LogicalResult batchNorm(NodeContext &c) {
  if (c.getInt("training_mode", 0) != 0)
    return trainingBatchNorm(c);
  if (c.opset < 9 && c.getInt("spatial", 1) == 0)
    return c.refuse("spatial is 0", "statistics per channel");
  return c.yield(
      c.create<BatchNormOp>({c[0], c[1], c[2], c[3], c[4]},
                            c.f32("epsilon", c.getFloat("epsilon", 1e-5f))));
}

static LogicalResult layerNorm(NodeContext &c) {
  int64_t rank = rankOf(c[0]);
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rank);
  if (failed(axis))
    return failure();
  double epsilon = c.getFloat("epsilon", 1e-5f);
  SmallVector<Value> operands{c[0], c[1]};
  if (c[2])
    operands.push_back(c[2]);
  SmallVector<Value> results{c.create<LayerNormOp>(
      operands, {c.integer("axis", *axis), c.f32("epsilon", epsilon)})};
  if (c.hasResult(1) || c.hasResult(2)) {
    // The statistics that training wants.
    SmallVector<int64_t> axes =
        llvm::to_vector(llvm::seq<int64_t>(*axis, rank));
    Type f32 = c.getBuilder().getF32Type();
    Value x = c.cast(c[0], f32);
    Value mean = c.reduce(x, ReduceKind::Mean, axes);
    Value centred = c.create<SubOp>({x, mean});
    Value variance =
        c.reduce(c.create<MulOp>({centred, centred}), ReduceKind::Mean, axes);
    Value deviation =
        c.create<SqrtOp>(c.create<AddOp>({variance, c.splat(f32, epsilon)}));
    results.push_back(mean);
    results.push_back(c.create<ReciprocalOp>(deviation));
  }
  return c.yield(results);
}

static LogicalResult rmsNorm(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(c.create<RMSNormOp>(
      {c[0], c[1]}, {c.integer("axis", *axis),
                     c.f32("epsilon", c.getFloat("epsilon", 1e-5f))}));
}

static Value createGroupNorm(NodeContext &c, Value scale, Value bias,
                             int64_t groups) {
  return c.create<GroupNormOp>(
      {c[0], scale, bias}, {c.integer("groups", groups),
                            c.f32("epsilon", c.getFloat("epsilon", 1e-5f))});
}

static LogicalResult instanceNorm(NodeContext &c) {
  if (rankOf(c[0]) < 2)
    return c.refuse("x has rank " + Twine(rankOf(c[0])), "rank 2 or more");
  return c.yield(createGroupNorm(c, c[1], c[2], shapeOf(c[0])[1]));
}

/// Scale and bias hold an element per channel.
static LogicalResult groupNorm(NodeContext &c) {
  return c.yield(createGroupNorm(c, c[1], c[2], c.getInt("num_groups", 1)));
}

/// The first version: an element per group.
static LogicalResult oldGroupNorm(NodeContext &c) {
  int64_t groups = c.getInt("num_groups", 1);
  if (rankOf(c[0]) < 2 || groups < 1 || shapeOf(c[0])[1] % groups != 0)
    return c.refuse("num_groups does not divide the channels");
  auto perChannel = [&](Value parameter) {
    int64_t channels = shapeOf(c[0])[1];
    Value column = c.reshape(parameter, {groups, 1});
    return c.reshape(c.create<ExpandOp>(
                         column, c.ints("shape", {groups, channels / groups})),
                     {channels});
  };
  return c.yield(
      createGroupNorm(c, perChannel(c[1]), perChannel(c[2]), groups));
}

static LogicalResult lpNorm(NodeContext &c) {
  FailureOr<int64_t> axis = c.normalizeAxis(c.getInt("axis", -1), rankOf(c[0]));
  if (failed(axis))
    return failure();
  return c.yield(c.create<LpNormOp>(
      c[0], {c.integer("axis", *axis), c.integer("p", c.getInt("p", 2))}));
}

static LogicalResult lrn(NodeContext &c) {
  return c.yield(
      c.create<LRNOp>(c[0], {c.integer("size", c.getInt("size", 0)),
                             c.f32("alpha", c.getFloat("alpha", 1e-4f)),
                             c.f32("beta", c.getFloat("beta", 0.75f)),
                             c.f32("bias", c.getFloat("bias", 1.0f))}));
}

static LogicalResult meanVarianceNorm(NodeContext &c) {
  FailureOr<SmallVector<int64_t>> axes =
      c.normalizeAxes(c.getInts("axes", {0, 2, 3}), rankOf(c[0]));
  if (failed(axes))
    return failure();
  return c.yield(c.create<MeanVarianceNormOp>(c[0], c.ints("axes", *axes)));
}

void qc::registerNormHandlers(HandlerTable &table) {
  table.add("BatchNormalization", 1, 5, batchNorm);
  table.add("LayerNormalization", 17, 2, layerNorm);
  table.add("RMSNormalization", 23, 2, rmsNorm);
  table.add("InstanceNormalization", 1, 3, instanceNorm);
  table.add("GroupNormalization", 18, 3, oldGroupNorm);
  table.add("GroupNormalization", 21, 3, groupNorm);
  table.add("LpNormalization", 1, 1, lpNorm);
  table.add("LRN", 1, 1, lrn);
  table.add("MeanVarianceNormalization", 9, 1, meanVarianceNorm);
}
