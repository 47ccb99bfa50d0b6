// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of attention and rotary embedding, ONNX's own and com.microsoft's.
//
// Both stay whole (qc.attention, qc.rotary_embedding): passes look for queries,
// keys and values. Caches, head layouts and masks become ordinary ops around.

#include "Handlers.h"
#include "Tensors.h"

#include <cmath>

using namespace mlir;
using namespace qc;

/// B x S x (H D) as B x H x S x D; a tensor of rank 4 stays.
static Value splitHeads(NodeContext &c, Value x, int64_t heads) {
  if (!x || rankOf(x) == 4)
    return x;
  ArrayRef<int64_t> shape = shapeOf(x);
  if (shape.size() != 3 || heads < 1 || shape[2] % heads != 0) {
    (void)c.refuse(
        "an operand of type " + getTypeName(x) + " cannot be split into " +
            Twine(heads) + " heads",
        "rank 4, or rank 3 with the number of heads as an attribute");
    return {};
  }
  return c.transpose(
      c.reshape(x, {shape[0], shape[1], heads, shape[2] / heads}),
      {0, 2, 1, 3});
}

/// The inverse: B x H x S x D as B x S x (H D).
static Value joinHeads(NodeContext &c, Value x) {
  Value y = c.transpose(x, {0, 2, 1, 3});
  if (!y)
    return {};
  ArrayRef<int64_t> shape = shapeOf(y);
  return c.reshape(y, {shape[0], shape[1], shape[2] * shape[3]});
}

/// An additive mask over all keys: booleans select 0 or -inf, and keys that the
/// mask is too short for are masked.
static Value createBias(NodeContext &c, Value mask, Type element,
                        int64_t keys) {
  if (!mask)
    return {};
  Value none = c.splat(element, 0),
        masked = c.splat(element, -std::numeric_limits<double>::infinity());
  if (elementOf(mask).isInteger(1))
    mask = c.create<WhereOp>({mask, none, masked});
  if (!mask || rankOf(mask) < 1)
    return mask;
  int64_t missing = keys - shapeOf(mask).back();
  if (missing <= 0 || shapeOf(mask).back() == 1)
    return mask;
  SmallVector<int64_t> pads(2 * rankOf(mask), 0);
  pads.back() = missing;
  return c.create<PadOp>(
      {mask, masked},
      {c.ints("pads", pads),
       c.attribute("mode", PadModeAttr::get(c.getBuilder().getContext(),
                                            PadMode::Constant))});
}

namespace {
/// What the two domains say in different ways.
struct AttentionOptions {
  std::optional<double> scale;
  double softcap = 0;
  bool isCausal = false;
  int64_t past = 0, leftWindow = -1, rightWindow = -1;
  Type softmaxType;
  ScoreKind scores = ScoreKind::None;
};
} // namespace

/// qc.attention on operands of rank 4; null operands are left out.
static SmallVector<Value> createAttention(NodeContext &c, Value q, Value k,
                                          Value v, Value bias, Value lengths,
                                          const AttentionOptions &options) {
  Builder builder = c.getBuilder();
  unsigned numResults = options.scores == ScoreKind::None ? 1 : 2;
  if (!q || !k || !v)
    return SmallVector<Value>(numResults);
  SmallVector<Value> operands{q, k, v};
  if (bias)
    operands.push_back(bias);
  if (lengths)
    operands.push_back(lengths);
  double scale = options.scale.value_or(
      1 / std::sqrt(static_cast<double>(shapeOf(q).back())));
  return c.createAll<AttentionOp>(
      operands,
      {c.segments({1, 1, 1, bias ? 1 : 0, lengths ? 1 : 0}),
       c.attribute("factor", builder.getF64FloatAttr(std::sqrt(scale))),
       c.f32("softcap", options.softcap), c.boolean("causal", options.isCausal),
       c.integer("past", options.past),
       c.integer("leftWindow", options.leftWindow),
       c.integer("rightWindow", options.rightWindow),
       c.type("softmaxType",
              options.softmaxType ? options.softmaxType : elementOf(q)),
       c.attribute("scores",
                   ScoreKindAttr::get(builder.getContext(), options.scores))},
      numResults);
}

/// Past keys or values before new ones (dimension 2).
static Value extend(NodeContext &c, Value past, Value fresh) {
  return past && fresh ? c.create<ConcatOp>({past, fresh}, c.integer("axis", 2))
                       : fresh;
}

/// (q, k, v, mask, past key, past value, lengths without padding)
static LogicalResult attention(NodeContext &c) {
  bool isFlat = rankOf(c[0]) == 3;
  Value q = splitHeads(c, c[0], c.getInt("q_num_heads", 0));
  Value k = splitHeads(c, c[1], c.getInt("kv_num_heads", 0));
  Value v = splitHeads(c, c[2], c.getInt("kv_num_heads", 0));
  if (!q || !k || !v)
    return failure();
  if (static_cast<bool>(c[4]) != static_cast<bool>(c[5]) || (c[4] && c[6]))
    return c.refuse("has some of past_key, past_value and nonpad_kv_seqlen",
                    "both pasts, nonpad_kv_seqlen, or none");
  k = extend(c, c[4], k);
  v = extend(c, c[5], v);
  if (!k || !v)
    return failure();
  AttentionOptions options;
  if (c.hasAttribute("scale"))
    options.scale = c.getFloat("scale", 1);
  if (options.scale && !(*options.scale >= 0))
    return c.refuse("scale is negative", "0 or more");
  options.softcap = c.getFloat("softcap", 0);
  options.isCausal = c.getInt("is_causal", 0) != 0;
  options.past = c[4] ? shapeOf(c[4])[2] : 0;
  options.leftWindow = c.getInt("left_window_size", -1);
  options.rightWindow = c.getInt("right_window_size", -1);
  if (c.hasAttribute("softmax_precision")) {
    options.softmaxType =
        getElementType(c.getBuilder().getContext(),
                       static_cast<int32_t>(c.getInt("softmax_precision", 0)));
    if (!isa_and_nonnull<FloatType>(options.softmaxType))
      return c.refuse("softmax_precision is no float type",
                      "float, float16, double, bfloat16");
  }
  if (c.hasResult(3)) {
    int64_t mode = c.getInt("qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3)
      return c.refuse("qk_matmul_output_mode is " + Twine(mode), "0 to 3");
    options.scores = static_cast<ScoreKind>(mode + 1);
  }
  Value bias = createBias(c, c[3], elementOf(q), shapeOf(k)[2]);
  if (c[3] && !bias)
    return failure();
  SmallVector<Value> results = createAttention(c, q, k, v, bias, c[6], options);
  Value y = isFlat ? joinHeads(c, results[0]) : results[0];
  if (!y)
    return failure();
  SmallVector<Value> all{y, k, v};
  if (results.size() > 1)
    all.push_back(results[1]);
  return c.yield(all);
}

/// Rotates x of rank 3 or 4 and gives back its layout.
static Value rotate(NodeContext &c, Value x, int64_t heads, Value cos,
                    Value sin, Value positions, bool interleaved) {
  Value split = splitHeads(c, x, heads);
  if (!split)
    return {};
  SmallVector<Value> operands{split, cos, sin};
  if (positions)
    operands.push_back(positions);
  Value y = c.create<RotaryEmbeddingOp>(operands,
                                        c.boolean("interleaved", interleaved));
  return rankOf(x) == 3 ? joinHeads(c, y) : y;
}

/// (x, cos, sin, positions)
static LogicalResult rotaryEmbedding(NodeContext &c) {
  Value cos = c[1], sin = c[2];
  int64_t wanted = c.getInt("rotary_embedding_dim", 0);
  if (rankOf(cos) < 1 || (wanted && 2 * shapeOf(cos).back() != wanted))
    return c.refuse("rotary_embedding_dim is " + Twine(wanted) +
                        " and the caches have rows of " + getTypeName(cos),
                    "rows of half as many");
  return c.yield(rotate(c, c[0], c.getInt("num_heads", 0), cos, sin, c[3],
                        c.getInt("interleaved", 0) != 0));
}

//===----------------------------------------------------------------------===//
// com.microsoft
//===----------------------------------------------------------------------===//

/// (x, positions, cos, sin): positions of one element are the first row's.
static LogicalResult microsoftRotaryEmbedding(NodeContext &c) {
  bool isFlat = rankOf(c[0]) == 3;
  ArrayRef<int64_t> x = shapeOf(c[0]);
  if (rankOf(c[2]) != 2 || (rankOf(c[0]) != 3 && rankOf(c[0]) != 4))
    return c.refuse("x and cos_cache have types " + getTypeName(c[0]) +
                        " and " + getTypeName(c[2]),
                    "rank 3 or 4, and rank 2");
  if (c.getFloat("scale", 1) != 1)
    return c.refuse("scale is " + Twine(std::to_string(c.getFloat("scale", 1))),
                    "1");
  int64_t batch = x[0], length = isFlat ? x[1] : x[2];
  Value positions = c[1];
  if (tensorOf(positions).getNumElements() == 1 && batch * length != 1) {
    Value steps =
        c.integers(llvm::to_vector(llvm::seq<int64_t>(0, length)), {1, length});
    positions = c.create<ExpandOp>(
        c.create<AddOp>({steps, c.reshape(positions, {1, 1})}),
        c.ints("shape", {batch, length}));
  }
  int64_t heads = c.getInt("num_heads", 0);
  // Without a number the whole head is rotated.
  if (isFlat && heads == 0)
    heads = x[2] / std::max<int64_t>(2 * shapeOf(c[2])[1], 1);
  return c.yield(rotate(c, c[0], heads, c[2], c[3], positions,
                        c.getInt("interleaved", 0) != 0));
}

/// Operators that fuse caches, packing and quantization in one node.
static LogicalResult fusedAttention(NodeContext &c) {
  return c.refuse("fuses projections, caches and attention in one node of "
                  "onnxruntime's own",
                  "Attention and RotaryEmbedding of ONNX (operator set 23), or "
                  "the MatMul and Softmax nodes that an export without "
                  "onnxruntime's transformer optimizer has");
}

void qc::registerAttentionHandlers(HandlerTable &table) {
  table.add("Attention", 23, 3, attention);
  table.add("RotaryEmbedding", 23, 3, rotaryEmbedding);
  const char *domain = "com.microsoft";
  table.addIn(domain, "RotaryEmbedding", 1, 4, microsoftRotaryEmbedding);
  for (const char *op :
       {"Attention", "MultiHeadAttention", "GroupQueryAttention",
        "PackedAttention", "DecoderMaskedMultiHeadAttention", "QAttention",
        "PagedAttention", "SparseAttention", "LongformerAttention"})
    table.refuseIn(domain, op, fusedAttention);
}
