// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of ai.onnx.ml on numbers, and of n-gram counts.
//
// Trees are walked in all samples and trees at once: the state is the number of
// a node for each, and one step looks up what the node asks, compares and goes
// on to one of its children. Leaves lead to themselves.

#include "Handlers.h"
#include "Tensors.h"

#include <cmath>

using namespace mlir;
using namespace qc;

static LogicalResult arrayFeatureExtractor(NodeContext &c) {
  if (rankOf(c[0]) < 1)
    return c.refuse("its operand is a scalar", "rank 1 or more");
  int64_t count = tensorOf(c[1]).getNumElements(), axis = rankOf(c[0]) - 1;
  Value y = c.create<GatherOp>({c[0], c.reshape(c[1], {count})},
                               c.integer("axis", axis));
  return c.yield(axis == 0 ? c.reshape(y, {1, count}) : y);
}

static LogicalResult binarizer(NodeContext &c) {
  Type element = elementOf(c[0]);
  Value threshold = c.splat(element, c.getFloat("threshold", 0));
  return c.yield(c.cast(c.create<GreaterOp>({c[0], threshold}), element));
}

//===----------------------------------------------------------------------===//
// TreeEnsemble
//===----------------------------------------------------------------------===//

namespace {
/// How a node compares its feature with its number.
enum Comparison { LessEqual, Less, GreaterEqual, Greater, Equal, NotEqual };
constexpr int64_t memberMode = 6;

/// Nodes and leaves in one numbering: nodes first, then leaves.
struct Forest {
  SmallVector<int64_t> features, modes, onTrue, onFalse, missingIsTrue;
  SmallVector<double> splits;
  SmallVector<double> weights;  // 0 for nodes
  SmallVector<int64_t> targets; // 0 for nodes
  SmallVector<int64_t> roots;
  int64_t depth = 0;
};
} // namespace

/// A tensor attribute's numbers; empty where it is missing.
static FailureOr<SmallVector<double>> getTensorNumbers(NodeContext &c,
                                                       StringRef name) {
  const onnx::AttributeProto *attribute = c.getAttribute(name);
  if (!attribute)
    return SmallVector<double>();
  std::string error;
  ElementsAttr value = c.getTensor(attribute->t(), error);
  if (!value)
    return c.refuse("its attribute '" + name + "' " + error);
  FailureOr<SmallVector<double>> numbers = getConstantNumbers(value);
  if (failed(numbers))
    return c.refuse("its attribute '" + name + "' holds no numbers");
  return numbers;
}

/// Reads the attributes, opens set membership into chains of comparisons and
/// checks that each child exists and no path returns.
static FailureOr<Forest> readForest(NodeContext &c) {
  Forest f;
  f.features = c.getInts("nodes_featureids", {});
  int64_t nodes = f.features.size();
  FailureOr<SmallVector<double>> splits = getTensorNumbers(c, "nodes_splits"),
                                 modes = getTensorNumbers(c, "nodes_modes"),
                                 weights = getTensorNumbers(c, "leaf_weights"),
                                 members =
                                     getTensorNumbers(c, "membership_values");
  if (failed(splits) || failed(modes) || failed(weights) || failed(members))
    return failure();
  SmallVector<int64_t> trueNodes = c.getInts("nodes_truenodeids", {}),
                       falseNodes = c.getInts("nodes_falsenodeids", {}),
                       trueLeaves = c.getInts("nodes_trueleafs", {}),
                       falseLeaves = c.getInts("nodes_falseleafs", {}),
                       targets = c.getInts("leaf_targetids", {});
  f.missingIsTrue = c.getInts("nodes_missing_value_tracks_true",
                              SmallVector<int64_t>(nodes, 0));
  f.roots = c.getInts("tree_roots", {});
  auto hasNodes = [&](size_t size) { return size == size_t(nodes); };
  if (!hasNodes(splits->size()) || !hasNodes(modes->size()) ||
      !hasNodes(trueNodes.size()) || !hasNodes(falseNodes.size()) ||
      !hasNodes(trueLeaves.size()) || !hasNodes(falseLeaves.size()) ||
      !hasNodes(f.missingIsTrue.size()) || targets.size() != weights->size())
    return c.refuse("its attributes differ in length",
                    "one entry per node, and per leaf");
  f.splits.assign(splits->begin(), splits->end());
  for (double mode : *modes)
    f.modes.push_back(mode >= 0 && mode <= 6 ? static_cast<int64_t>(mode) : -1);
  if (llvm::is_contained(f.modes, -1))
    return c.refuse("has an unknown mode in nodes_modes", "0 to 6");
  // Leaves come behind the nodes that the chains below add.
  int64_t extra = 0;
  for (double member : *members)
    extra += !std::isnan(member);
  extra += nodes; // An empty set takes none, others their size less one.
  int64_t leafBase = nodes + extra;
  auto child = [&](int64_t number, int64_t isLeaf) -> int64_t {
    int64_t limit = isLeaf ? static_cast<int64_t>(targets.size()) : nodes;
    return number < 0 || number >= limit
               ? -1
               : (isLeaf ? leafBase + number : number);
  };
  for (int64_t i = 0; i < nodes; ++i) {
    f.onTrue.push_back(child(trueNodes[i], trueLeaves[i]));
    f.onFalse.push_back(child(falseNodes[i], falseLeaves[i]));
    if (f.onTrue.back() < 0 || f.onFalse.back() < 0)
      return c.refuse("node " + Twine(i) + " has a child that does not exist");
  }
  const double *next = members->begin();
  for (int64_t i = 0; i < nodes; ++i) {
    if (f.modes[i] != memberMode)
      continue;
    // v1 ? yes : v2 ? yes : ... no
    f.modes[i] = Equal;
    f.splits[i] = std::numeric_limits<double>::quiet_NaN(); // An empty set.
    int64_t at = i, otherwise = f.onFalse[i];
    for (bool isFirst = true; next != members->end() && !std::isnan(*next);
         ++next, isFirst = false) {
      if (!isFirst) {
        int64_t added = f.features.size();
        f.onFalse[at] = added;
        f.features.push_back(f.features[i]);
        f.modes.push_back(Equal);
        f.splits.push_back(0);
        f.onTrue.push_back(f.onTrue[i]);
        f.onFalse.push_back(otherwise);
        f.missingIsTrue.push_back(f.missingIsTrue[i]);
        at = added;
      }
      f.splits[at] = *next;
    }
    if (next == members->end())
      return c.refuse("membership_values end before node " + Twine(i),
                      "a NaN behind the members of each node of mode 6");
    ++next;
  }
  // Leaves, and what pads the nodes up to them: both lead to themselves.
  int64_t inner = f.features.size(), total = leafBase + targets.size();
  for (int64_t i = inner; i < total; ++i) {
    f.features.push_back(0);
    f.modes.push_back(LessEqual);
    f.splits.push_back(0);
    f.onTrue.push_back(i);
    f.onFalse.push_back(i);
    f.missingIsTrue.push_back(0);
  }
  f.weights.assign(total, 0);
  f.targets.assign(total, 0);
  for (size_t i = 0; i < targets.size(); ++i) {
    f.weights[leafBase + i] = (*weights)[i];
    f.targets[leafBase + i] = targets[i];
  }
  // A root whose children are one leaf stands for it.
  for (int64_t &root : f.roots)
    if (root < 0 || root >= nodes)
      return c.refuse("tree_roots names node " + Twine(root));
  // The longest path: levels are visited until all are leaves.
  SmallVector<bool> current(total, false);
  for (int64_t root : f.roots)
    current[root] = true;
  while (true) {
    SmallVector<bool> following(total, false);
    bool isOpen = false;
    for (int64_t i = 0; i < inner; ++i)
      if (current[i]) {
        isOpen = true;
        following[f.onTrue[i]] = following[f.onFalse[i]] = true;
      }
    if (!isOpen)
      return f;
    if (++f.depth > 256)
      return c.refuse("a path has more than 256 nodes or returns");
    current = following;
  }
}

static LogicalResult treeEnsemble(NodeContext &c) {
  Value x = c[0];
  FailureOr<Forest> forest = readForest(c);
  if (failed(forest))
    return failure();
  if (rankOf(x) != 2 || !isa<FloatType>(elementOf(x)))
    return c.refuse("x has type " + getTypeName(x), "floats of rank 2");
  const Forest &f = *forest;
  Type element = elementOf(x);
  int64_t samples = shapeOf(x)[0], trees = f.roots.size(),
          targets = c.getInt("n_targets", 0);
  for (int64_t feature : f.features)
    if (feature < 0 || feature >= shapeOf(x)[1])
      return c.refuse("a node asks for feature " + Twine(feature) + " of " +
                      Twine(shapeOf(x)[1]));
  for (int64_t target : f.targets)
    if (target < 0 || target >= targets)
      return c.refuse("a leaf has target " + Twine(target) + " of " +
                      Twine(targets));
  if (trees == 0)
    return c.refuse("has no trees");
  auto numbers = [&](ArrayRef<double> values) {
    Value wide = c.constant(
        getConstant(RankedTensorType::get(static_cast<int64_t>(values.size()),
                                          c.getBuilder().getF64Type()),
                    ArrayRef(reinterpret_cast<const char *>(values.data()),
                             values.size() * sizeof(double))));
    return c.cast(wide, element);
  };
  Value node = c.create<ExpandOp>(c.integers(f.roots, {1, trees}),
                                  c.ints("shape", {samples, trees}));
  auto lookUp = [&](Value table) {
    return c.create<GatherOp>({table, node}, c.integer("axis", 0));
  };
  Value features = c.integers(f.features), splits = numbers(f.splits),
        modes = c.integers(f.modes), onTrue = c.integers(f.onTrue),
        onFalse = c.integers(f.onFalse), missing = c.integers(f.missingIsTrue);
  bool tracksMissing = llvm::is_contained(f.missingIsTrue, 1);
  auto compare = [&](int64_t mode, Value lhs, Value rhs) {
    switch (mode) {
    case LessEqual:
      return c.create<LessOrEqualOp>({lhs, rhs});
    case Less:
      return c.create<LessOp>({lhs, rhs});
    case GreaterEqual:
      return c.create<GreaterOrEqualOp>({lhs, rhs});
    case Greater:
      return c.create<GreaterOp>({lhs, rhs});
    case Equal:
      return c.create<EqualOp>({lhs, rhs});
    default:
      return c.create<NotOp>(c.create<EqualOp>({lhs, rhs}));
    }
  };
  SmallVector<int64_t> used(f.modes);
  llvm::sort(used);
  used.erase(std::unique(used.begin(), used.end()), used.end());
  for (int64_t level = 0; level < f.depth; ++level) {
    Value value =
        c.create<GatherElementsOp>({x, lookUp(features)}, c.integer("axis", 1));
    Value split = lookUp(splits), isTrue;
    for (int64_t mode : used) {
      Value holds = compare(mode, value, split);
      isTrue =
          isTrue
              ? c.create<WhereOp>(
                    {c.create<EqualOp>({lookUp(modes), c.integers({mode}, {})}),
                     holds, isTrue})
              : holds;
    }
    if (tracksMissing) {
      Value isMissing = c.create<AndOp>(
          {c.create<IsNaNOp>(value),
           c.create<EqualOp>({lookUp(missing), c.integers({1}, {})})});
      isTrue = c.create<OrOp>({isTrue, isMissing});
    }
    node = c.create<WhereOp>({isTrue, lookUp(onTrue), lookUp(onFalse)});
  }
  // Weights of one target over the trees.
  int64_t aggregate = c.getInt("aggregate_function", 1);
  if (aggregate < 0 || aggregate > 3)
    return c.refuse("aggregate_function is " + Twine(aggregate), "0 to 3");
  bool isSum = aggregate < 2;
  Value weight = c.reshape(lookUp(numbers(f.weights)), {samples, trees, 1});
  if (aggregate == 0)
    weight =
        c.create<DivOp>({weight, c.splat(element, static_cast<double>(trees))});
  Value target = c.reshape(lookUp(c.integers(f.targets)), {samples, trees, 1});
  Value isOwn = c.create<EqualOp>(
      {target, c.integers(llvm::to_vector(llvm::seq<int64_t>(0, targets)))});
  double largest =
      llvm::APFloat::getLargest(cast<FloatType>(element).getFloatSemantics())
          .convertToDouble();
  double neutral = isSum ? 0 : aggregate == 2 ? largest : -largest;
  Value parts = c.create<WhereOp>({isOwn, weight, c.splat(element, neutral)});
  Value y = c.reshape(c.reduce(parts,
                               isSum            ? ReduceKind::Sum
                               : aggregate == 2 ? ReduceKind::Min
                                                : ReduceKind::Max,
                               {1}),
                      {samples, targets});
  switch (c.getInt("post_transform", 0)) {
  case 0:
    return c.yield(y);
  case 1:
    return c.yield(c.create<SoftmaxOp>(
        y, {c.integer("axis", 1), c.boolean("logarithm", false)}));
  case 2:
    return c.yield(c.create<SigmoidOp>(y));
  default:
    return c.refuse("post_transform is " + Twine(c.getInt("post_transform", 0)),
                    "0 (none), 1 (softmax), 2 (logistic)");
  }
}

//===----------------------------------------------------------------------===//
// TfIdfVectorizer
//===----------------------------------------------------------------------===//

/// Counts of the pool's n-grams in each row, of adjacent elements and of those
/// with up to max_skip_count elements left out between each two.
static LogicalResult tfIdf(NodeContext &c) {
  std::string mode = c.getString("mode", "");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return c.refuse("mode is '" + mode + "'", "TF, IDF, TFIDF");
  std::optional<SmallVector<int64_t>> pool = c.getInts("pool_int64s");
  if (!pool)
    return c.refuse("its pool holds strings", "pool_int64s");
  int64_t rank = rankOf(c[0]);
  if (rank < 1 || rank > 2 || !isa<IntegerType>(elementOf(c[0])))
    return c.refuse("x has type " + getTypeName(c[0]),
                    "integers of rank 1 or 2");
  int64_t rows = rank == 2 ? shapeOf(c[0])[0] : 1,
          length = shapeOf(c[0]).back();
  Type index = c.getBuilder().getIntegerType(64, /*isSigned=*/true);
  Type f32 = c.getBuilder().getF32Type();
  Value x = c.cast(c.reshape(c[0], {rows, length}), index);
  SmallVector<int64_t> starts = c.getInts("ngram_counts", {}),
                       places = c.getInts("ngram_indexes", {});
  int64_t shortest = c.getInt("min_gram_length", 1),
          longest = c.getInt("max_gram_length", 1),
          skips = c.getInt("max_skip_count", 0);
  if (skips < 0 || skips > length)
    skips = std::clamp<int64_t>(skips, 0, length);
  int64_t size = 0;
  for (int64_t place : places) {
    if (place < 0 || place >= (1 << 24))
      return c.refuse("ngram_indexes holds " + Twine(place), "0 to 2^24 - 1");
    size = std::max(size, place + 1);
  }
  // Column j of the counts is n-gram j of those that are counted; behind them
  // stands a column of zeros for places without one.
  SmallVector<Value> counts;
  SmallVector<int64_t> columnOf(size, -1);
  int64_t columns = 0, gram = 0;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t n = i + 1;
    int64_t end = i + 1 < starts.size() ? starts[i + 1]
                                        : static_cast<int64_t>(pool->size());
    if (start < 0 || end < start || end > static_cast<int64_t>(pool->size()) ||
        (end - start) % n != 0)
      return c.refuse("ngram_counts does not divide its pool");
    int64_t number = (end - start) / n, first = gram;
    gram += number;
    if (gram > static_cast<int64_t>(places.size()))
      return c.refuse("ngram_indexes has fewer entries than the pool n-grams");
    if (number == 0 || n < shortest || n > longest)
      continue;
    Value sum = c.splat(f32, 0, {rows, number});
    // Skips do not change single elements.
    for (int64_t distance = 1; distance <= (n == 1 ? 1 : skips + 1);
         ++distance) {
      int64_t windows = length - distance * (n - 1);
      if (windows < 1)
        break;
      Value isThere;
      for (int64_t k = 0; k < n; ++k) {
        SmallVector<int64_t> wanted;
        for (int64_t j = 0; j < number; ++j)
          wanted.push_back((*pool)[start + j * n + k]);
        Value part = c.create<SliceOp>(x, {c.ints("offsets", {0, k * distance}),
                                           c.ints("sizes", {rows, windows}),
                                           c.ints("steps", {1, 1})});
        Value equal = c.create<EqualOp>(
            {c.reshape(part, {rows, windows, 1}), c.integers(wanted)});
        isThere = isThere ? c.create<AndOp>({isThere, equal}) : equal;
      }
      Value found = c.reduce(c.cast(isThere, f32), ReduceKind::Sum, {1});
      sum = c.create<AddOp>({sum, c.reshape(found, {rows, number})});
    }
    counts.push_back(sum);
    for (int64_t j = 0; j < number; ++j) {
      int64_t &column = columnOf[places[first + j]];
      if (column >= 0)
        return c.refuse("ngram_indexes gives two n-grams one place");
      column = columns + j;
    }
    columns += number;
  }
  counts.push_back(c.splat(f32, 0, {rows, 1}));
  for (int64_t &column : columnOf)
    column = column < 0 ? columns : column;
  Value all = counts.size() == 1
                  ? counts.front()
                  : c.create<ConcatOp>(counts, c.integer("axis", 1));
  Value y =
      c.create<GatherOp>({all, c.integers(columnOf)}, c.integer("axis", 1));
  std::optional<SmallVector<double>> weights = c.getFloats("weights");
  if (mode == "IDF")
    y = c.cast(c.create<GreaterOp>({y, c.splat(f32, 0)}), f32);
  if (mode != "TF" && weights) {
    if (static_cast<int64_t>(weights->size()) != size)
      return c.refuse("weights has " + Twine(weights->size()) +
                      " entries for " + Twine(size) + " columns");
    SmallVector<float> narrow(weights->begin(), weights->end());
    y = c.create<MulOp>(
        {y, c.constant(getConstant(
                RankedTensorType::get({size}, f32),
                ArrayRef(reinterpret_cast<const char *>(narrow.data()),
                         narrow.size() * sizeof(float))))});
  }
  return c.yield(rank == 2 ? y : c.reshape(y, {size}));
}

void qc::registerMachineLearningHandlers(HandlerTable &table) {
  const char *domain = "ai.onnx.ml";
  table.addIn(domain, "ArrayFeatureExtractor", 1, 2, arrayFeatureExtractor);
  table.addIn(domain, "Binarizer", 1, 1, binarizer);
  table.addIn(domain, "TreeEnsemble", 5, 1, treeEnsemble);
  table.add("TfIdfVectorizer", 9, 1, tfIdf);
}
