// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Control flow that is static once shapes are bound: the branch that is taken,
// the iterations that run.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

/// Unrolling stops here: a longer loop makes no sensible program.
static constexpr int64_t largestTripCount = 4096;

/// A constant boolean, or nothing.
static std::optional<bool> getCondition(Value value) {
  ElementsAttr constant = NodeContext::getConstant(value);
  if (!constant || constant.getNumElements() != 1)
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> number = getConstantIntegers(constant);
  if (failed(number))
    return std::nullopt;
  return number->front() != 0;
}

/// A run-time condition: nodes have no effects, so both branches may be
/// computed and one result selected.
static LogicalResult selectBranch(NodeContext &c) {
  const onnx::AttributeProto *onTrue = c.getAttribute("then_branch"),
                             *onFalse = c.getAttribute("else_branch");
  if (!onTrue || !onFalse || !onTrue->has_g() || !onFalse->has_g())
    return c.refuse("a branch is missing");
  SmallVector<Value> thenValues, elseValues, results;
  if (failed(c.importSubgraph(onTrue->g(), {}, "#then", thenValues)) ||
      failed(c.importSubgraph(onFalse->g(), {}, "#else", elseValues)))
    return failure();
  if (thenValues.size() != elseValues.size() ||
      tensorOf(c[0]).getNumElements() != 1)
    return c.refuse("its branches or its condition do not fit together");
  if (failed(c.demandStatic(thenValues)) || failed(c.demandStatic(elseValues)))
    return failure();
  Value condition = c.reshape(c[0], {});
  for (auto [onTrue, onFalse] : llvm::zip_equal(thenValues, elseValues)) {
    if (onTrue.getType() != onFalse.getType())
      return c.refuse("its condition is a run-time value and its branches "
                      "give different types",
                      "branches of one type, or a condition that folds to a "
                      "constant");
    results.push_back(c.create<WhereOp>({condition, onTrue, onFalse}));
  }
  return c.yield(results);
}

static LogicalResult ifNode(NodeContext &c) {
  std::optional<bool> condition = getCondition(c[0]);
  if (!condition)
    return selectBranch(c);
  const onnx::AttributeProto *branch =
      c.getAttribute(*condition ? "then_branch" : "else_branch");
  if (!branch || !branch->has_g())
    return c.refuse("a branch is missing");
  SmallVector<Value> results;
  if (failed(c.importSubgraph(branch->g(), {}, "", results)))
    return failure();
  return c.yield(results);
}

static LogicalResult loop(NodeContext &c) {
  const onnx::AttributeProto *body = c.getAttribute("body");
  if (!body || !body->has_g())
    return c.refuse("its body is missing");
  int64_t limit = INT64_MAX;
  if (c[0]) {
    FailureOr<SmallVector<int64_t>> trips = c.getIntegers(0, "the trip count");
    if (failed(trips))
      return failure();
    if (trips->size() != 1)
      return c.refuse("the trip count is no scalar");
    limit = std::max<int64_t>(trips->front(), 0);
  }
  std::optional<bool> condition = true;
  if (c[1] && !(condition = getCondition(c[1])))
    return c.refuse("its condition is a run-time value",
                    "a condition that folds to a constant");
  size_t numCarried = c.getNumOperands() > 2 ? c.getNumOperands() - 2 : 0;
  SmallVector<Value> carried(
      c.getOperands().drop_front(std::min<size_t>(2, c.getNumOperands())));
  if (llvm::is_contained(carried, Value()))
    return c.refuse("a carried value is missing");
  if (static_cast<size_t>(body->g().output_size()) < 1 + numCarried)
    return c.refuse("its body has too few outputs");
  SmallVector<SmallVector<Value>> scans(body->g().output_size() - 1 -
                                        numCarried);
  for (int64_t iteration = 0; iteration < limit && *condition; ++iteration) {
    if (iteration >= largestTripCount)
      return c.refuse("runs more than " + Twine(largestTripCount) +
                          " iterations",
                      "a loop of fewer iterations, which is unrolled");
    SmallVector<Value> inputs{c.integers({iteration}, {}),
                              c.splat(c.getBuilder().getI1Type(), 1)};
    llvm::append_range(inputs, carried);
    SmallVector<Value> outputs;
    if (failed(c.importSubgraph(body->g(), inputs,
                                "#" + std::to_string(iteration), outputs)))
      return failure();
    if (!(condition = getCondition(outputs[0])))
      return c.refuse("its body computes the condition at run time",
                      "a condition that folds to a constant");
    carried.assign(outputs.begin() + 1, outputs.begin() + 1 + numCarried);
    for (auto [index, scan] : llvm::enumerate(scans)) {
      Value value = outputs[1 + numCarried + index];
      if (failed(c.demandStatic(value)))
        return failure();
      SmallVector<int64_t> shape{1};
      llvm::append_range(shape, shapeOf(value));
      scan.push_back(c.reshape(value, shape));
    }
  }
  SmallVector<Value> results(carried);
  for (ArrayRef<Value> scan : scans) {
    if (scan.empty())
      return c.refuse("collects values over no iteration",
                      "at least one iteration, so that their shape is known");
    results.push_back(scan.size() == 1
                          ? scan.front()
                          : c.create<ConcatOp>(scan, c.integer("axis", 0)));
  }
  return c.yield(results);
}

/// Entry `position` along `axis`, without that dimension.
static Value takeEntry(NodeContext &c, Value x, int64_t axis,
                       int64_t position) {
  SmallVector<int64_t> offsets(rankOf(x), 0), sizes(shapeOf(x)),
      steps(rankOf(x), 1);
  offsets[axis] = position;
  sizes[axis] = 1;
  Value part =
      c.create<SliceOp>(x, {c.ints("offsets", offsets), c.ints("sizes", sizes),
                            c.ints("steps", steps)});
  sizes.erase(sizes.begin() + axis);
  return c.reshape(part, sizes);
}

/// Scan from version 9 on, unrolled: states are carried, scan inputs are cut
/// into entries and scan outputs joined from entries.
static LogicalResult scan(NodeContext &c) {
  const onnx::AttributeProto *body = c.getAttribute("body");
  if (!body || !body->has_g())
    return c.refuse("its body is missing");
  int64_t numScans = c.getInt("num_scan_inputs", 0);
  int64_t numStates = c.getNumOperands() - numScans;
  int64_t numOutputs = body->g().output_size() - numStates;
  if (numScans < 1 || numStates < 0 || numOutputs < 0)
    return c.refuse("num_scan_inputs does not fit its operands and body");
  auto perValue = [&](StringRef name, int64_t count) {
    SmallVector<int64_t> values =
        c.getInts(name, SmallVector<int64_t>(count, 0));
    values.resize(count, 0);
    return values;
  };
  SmallVector<int64_t> inputAxes = perValue("scan_input_axes", numScans),
                       inputBackwards =
                           perValue("scan_input_directions", numScans),
                       outputAxes = perValue("scan_output_axes", numOutputs),
                       outputBackwards =
                           perValue("scan_output_directions", numOutputs);
  int64_t trips = -1;
  for (int64_t i = 0; i < numScans; ++i) {
    Value x = c[numStates + i];
    if (!x)
      return c.refuse("a scan input is missing");
    FailureOr<int64_t> axis = c.normalizeAxis(inputAxes[i], rankOf(x));
    if (failed(axis))
      return failure();
    inputAxes[i] = *axis;
    int64_t size = shapeOf(x)[*axis];
    if (trips >= 0 && trips != size)
      return c.refuse("its scan inputs differ in length");
    trips = size;
  }
  if (trips < 1 || trips > largestTripCount)
    return c.refuse("runs " + Twine(trips) + " iterations",
                    "1 to " + Twine(largestTripCount) + ", which are unrolled");
  SmallVector<Value> states(c.getOperands().take_front(numStates));
  SmallVector<SmallVector<Value>> entries(numOutputs);
  for (int64_t trip = 0; trip < trips; ++trip) {
    SmallVector<Value> inputs(states);
    for (int64_t i = 0; i < numScans; ++i)
      inputs.push_back(takeEntry(c, c[numStates + i], inputAxes[i],
                                 inputBackwards[i] ? trips - 1 - trip : trip));
    SmallVector<Value> outputs;
    if (llvm::is_contained(inputs, Value()) ||
        failed(c.importSubgraph(body->g(), inputs, "#" + std::to_string(trip),
                                outputs)))
      return failure();
    if (failed(c.demandStatic(outputs)))
      return failure();
    states.assign(outputs.begin(), outputs.begin() + numStates);
    for (int64_t i = 0; i < numOutputs; ++i)
      entries[i].push_back(outputs[numStates + i]);
  }
  SmallVector<Value> results(states);
  for (int64_t i = 0; i < numOutputs; ++i) {
    FailureOr<int64_t> axis =
        c.normalizeAxis(outputAxes[i], rankOf(entries[i].front()) + 1);
    if (failed(axis))
      return failure();
    SmallVector<Value> parts;
    for (Value entry : entries[i]) {
      SmallVector<int64_t> shape(shapeOf(entry));
      shape.insert(shape.begin() + *axis, 1);
      parts.push_back(c.reshape(entry, shape));
    }
    if (outputBackwards[i])
      std::reverse(parts.begin(), parts.end());
    results.push_back(parts.size() == 1 ? parts.front()
                                        : c.create<ConcatOp>(
                                              parts, c.integer("axis", *axis)));
  }
  return c.yield(results);
}

/// Part `position` of the first dimension, with or without it.
static Value takeBatch(NodeContext &c, Value x, int64_t position) {
  return x && rankOf(x) > 0 ? takeEntry(c, x, 0, position) : Value();
}

/// Values as one, stacked along a new first dimension.
static Value stack(NodeContext &c, ArrayRef<Value> values) {
  SmallVector<Value> parts;
  for (Value value : values) {
    if (!value)
      return {};
    SmallVector<int64_t> shape{1};
    llvm::append_range(shape, shapeOf(value));
    parts.push_back(c.reshape(value, shape));
  }
  return parts.size() == 1 ? parts.front()
                           : c.create<ConcatOp>(parts, c.integer("axis", 0));
}

/// Scan of version 8: operands are the sequences' lengths, states and scan
/// inputs with a batch before everything, each entry of which runs by itself.
static LogicalResult batchedScan(NodeContext &c) {
  const onnx::AttributeProto *body = c.getAttribute("body");
  int64_t numScans = c.getInt("num_scan_inputs", 0);
  int64_t numStates = static_cast<int64_t>(c.getNumOperands()) - 1 - numScans;
  if (!body || !body->has_g() || numScans < 1 || numStates < 0 ||
      body->g().output_size() < numStates)
    return c.refuse("num_scan_inputs does not fit its operands and body");
  if (c[0])
    return c.refuse("gives lengths of sequences",
                    "sequences of one length, without sequence_lens");
  SmallVector<Value> operands(c.getOperands().drop_front());
  SmallVector<int64_t> backwards =
      c.getInts("directions", SmallVector<int64_t>(numScans, 0));
  backwards.resize(numScans, 0);
  for (auto [i, operand] : llvm::enumerate(operands))
    if (!operand ||
        rankOf(operand) < (static_cast<int64_t>(i) < numStates ? 1 : 2))
      return c.refuse("an operand is missing or has no batch and sequence");
  int64_t batches = shapeOf(operands.back())[0],
          trips = shapeOf(operands.back())[1];
  for (auto [i, operand] : llvm::enumerate(operands))
    if (shapeOf(operand)[0] != batches ||
        (static_cast<int64_t>(i) >= numStates && shapeOf(operand)[1] != trips))
      return c.refuse("its operands differ in batch or length");
  if (batches < 1 || trips < 1 || trips > largestTripCount / batches)
    return c.refuse("runs " + Twine(batches) + " times " + Twine(trips) +
                        " iterations",
                    "1 to " + Twine(largestTripCount) + ", which are unrolled");
  int64_t numOutputs = body->g().output_size() - numStates;
  SmallVector<SmallVector<Value>> results(numStates + numOutputs);
  for (int64_t batch = 0; batch < batches; ++batch) {
    SmallVector<Value> states;
    for (int64_t i = 0; i < numStates; ++i)
      states.push_back(takeBatch(c, operands[i], batch));
    SmallVector<SmallVector<Value>> entries(numOutputs);
    for (int64_t trip = 0; trip < trips; ++trip) {
      SmallVector<Value> inputs(states), outputs;
      for (int64_t i = 0; i < numScans; ++i)
        inputs.push_back(takeBatch(c,
                                   takeBatch(c, operands[numStates + i], batch),
                                   backwards[i] ? trips - 1 - trip : trip));
      if (llvm::is_contained(inputs, Value()) ||
          failed(c.importSubgraph(body->g(), inputs,
                                  "#" + std::to_string(batch) + "#" +
                                      std::to_string(trip),
                                  outputs)) ||
          failed(c.demandStatic(outputs)))
        return failure();
      states.assign(outputs.begin(), outputs.begin() + numStates);
      for (int64_t i = 0; i < numOutputs; ++i)
        entries[i].push_back(outputs[numStates + i]);
    }
    for (int64_t i = 0; i < numStates; ++i)
      results[i].push_back(states[i]);
    for (int64_t i = 0; i < numOutputs; ++i)
      results[numStates + i].push_back(stack(c, entries[i]));
  }
  SmallVector<Value> joined;
  for (ArrayRef<Value> ofBatches : results)
    joined.push_back(stack(c, ofBatches));
  return c.yield(joined);
}

/// Optional values exist only where the graph knows whether they hold a tensor.
static LogicalResult optionalHasElement(NodeContext &c) {
  return c.yield(c.splat(c.getBuilder().getI1Type(), c[0] ? 1 : 0));
}

static LogicalResult optionalGetElement(NodeContext &c) {
  return c.yield(c[0]);
}

void qc::registerControlFlowHandlers(HandlerTable &table) {
  table.add("OptionalHasElement", 15, 0, optionalHasElement);
  table.add("OptionalGetElement", 15, 1, optionalGetElement);
  table.add("If", 1, 1, ifNode);
  table.add("Loop", 1, 0, loop);
  table.add("Scan", 8, 0, batchedScan);
  table.add("Scan", 9, 1, scan);
}
