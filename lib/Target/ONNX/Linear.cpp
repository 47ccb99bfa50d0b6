// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of convolutions and matrix products.

#include "Handlers.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

Value qc::createConv(NodeContext &c, Value x, Value w, Value bias, Value xZero,
                     Value wZero) {
  if (rankOf(x) < 3 || rankOf(w) != rankOf(x)) {
    (void)c.refuse("x has rank " + Twine(rankOf(x)) + " and w rank " +
                       Twine(rankOf(w)),
                   "equal ranks of at least 3");
    return {};
  }
  ArrayRef<int64_t> kernel = shapeOf(w).drop_front(2);
  if (std::optional<SmallVector<int64_t>> given = c.getInts("kernel_shape"))
    if (ArrayRef<int64_t>(*given) != kernel) {
      (void)c.refuse("kernel_shape differs from the weights' shape");
      return {};
    }
  FailureOr<Window> window = getWindow(c, shapeOf(x).drop_front(2), kernel);
  if (failed(window))
    return {};
  SmallVector<Value> operands{x, w};
  SmallVector<int32_t> segments{1, 1};
  for (Value optional : {bias, xZero, wZero}) {
    segments.push_back(optional ? 1 : 0);
    if (optional)
      operands.push_back(optional);
  }
  return c.create<ConvOp>(operands, {c.ints("strides", window->strides),
                                     c.ints("pads", window->pads),
                                     c.ints("dilations", window->dilations),
                                     c.integer("group", c.getInt("group", 1)),
                                     c.segments(segments)});
}

static LogicalResult conv(NodeContext &c) {
  return c.yield(createConv(c, c[0], c[1], c[2], {}, {}));
}

static LogicalResult convInteger(NodeContext &c) {
  return c.yield(createConv(c, c[0], c[1], {}, c[2], c[3]));
}

//===----------------------------------------------------------------------===//
// MatMul and Gemm
//===----------------------------------------------------------------------===//

Value qc::createMatMul(NodeContext &c, Value a, Value b, Value aZero,
                       Value bZero) {
  if (!a || !b)
    return {};
  bool isRow = rankOf(a) == 1, isColumn = rankOf(b) == 1;
  if (rankOf(a) == 0 || rankOf(b) == 0) {
    (void)c.refuse("an operand is a scalar", "rank 1 or more");
    return {};
  }
  if (isRow)
    a = c.reshape(a, {1, shapeOf(a)[0]});
  if (isColumn)
    b = c.reshape(b, {shapeOf(b)[0], 1});
  SmallVector<Value> operands{a, b};
  SmallVector<int32_t> segments{1, 1};
  for (Value zero : {aZero, bZero}) {
    segments.push_back(zero ? 1 : 0);
    if (zero)
      operands.push_back(zero);
  }
  Value product = c.create<MatMulOp>(operands, c.segments(segments));
  if (!product || !(isRow || isColumn))
    return product;
  SmallVector<int64_t> shape(shapeOf(product).drop_back(2));
  if (!isRow)
    shape.push_back(shapeOf(product).drop_back().back());
  if (!isColumn)
    shape.push_back(shapeOf(product).back());
  return c.reshape(product, shape);
}

static LogicalResult matmul(NodeContext &c) {
  return c.yield(createMatMul(c, c[0], c[1], {}, {}));
}

static LogicalResult matmulInteger(NodeContext &c) {
  return c.yield(createMatMul(c, c[0], c[1], c[2], c[3]));
}

/// alpha A' B' + beta C, as separate ops: transposes of weights fold, and later
/// passes see a matrix product and an addition.
static LogicalResult gemm(NodeContext &c) {
  if (rankOf(c[0]) != 2 || rankOf(c[1]) != 2)
    return c.refuse("operands have ranks " + Twine(rankOf(c[0])) + " and " +
                        Twine(rankOf(c[1])),
                    "rank 2");
  Value a = c.getInt("transA", 0) ? c.transpose(c[0], {1, 0}) : c[0];
  Value b = c.getInt("transB", 0) ? c.transpose(c[1], {1, 0}) : c[1];
  Value y = createMatMul(c, a, b, {}, {});
  if (!y)
    return failure();
  double alpha = c.getFloat("alpha", 1), beta = c.getFloat("beta", 1);
  Type element = elementOf(y);
  if (alpha != 1)
    y = c.create<MulOp>({y, c.splat(element, alpha)});
  if (Value addend = c[2]) {
    if (beta != 1)
      addend = c.create<MulOp>({addend, c.splat(element, beta)});
    y = c.create<AddOp>({y, addend});
  }
  return c.yield(y);
}

//===----------------------------------------------------------------------===//
// Einsum and determinants
//===----------------------------------------------------------------------===//

/// Letters become labels: those of the result first, in its order. An ellipsis
/// stands for dimensions that broadcast, aligned from the right.
static LogicalResult einsum(NodeContext &c) {
  std::string equation = c.getString("equation", "");
  llvm::erase(equation, ' ');
  StringRef text = equation;
  size_t arrow = text.find("->");
  StringRef left = text.take_front(arrow);
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != c.getNumOperands())
    return c.refuse("the equation '" + text + "' has " + Twine(terms.size()) +
                    " terms for " + Twine(c.getNumOperands()) + " operands");
  // Dimensions of the ellipsis are named by numbers from 0.
  constexpr StringRef dots = "...";
  int64_t ellipsis = 0;
  auto getEllipsisRank = [&](StringRef term, int64_t rank) -> int64_t {
    return term.contains(dots) ? rank - static_cast<int64_t>(term.size() - 3)
                               : 0;
  };
  for (auto [term, operand] : llvm::zip_equal(terms, c.getOperands())) {
    int64_t own = getEllipsisRank(term, rankOf(operand));
    if (own < 0)
      return c.refuse("a term does not fit its operand's rank");
    ellipsis = std::max(ellipsis, own);
  }
  constexpr int64_t letters = 1000;
  auto expand = [&](StringRef term, int64_t own) {
    SmallVector<int64_t> names;
    for (size_t i = 0; i < term.size(); ++i) {
      if (term.substr(i).starts_with(dots)) {
        for (int64_t d = ellipsis - own; d < ellipsis; ++d)
          names.push_back(d);
        i += 2;
      } else {
        names.push_back(letters + term[i]);
      }
    }
    return names;
  };
  SmallVector<SmallVector<int64_t>> operandNames;
  SmallVector<int64_t> all;
  for (auto [term, operand] : llvm::zip_equal(terms, c.getOperands())) {
    operandNames.push_back(
        expand(term, getEllipsisRank(term, rankOf(operand))));
    if (static_cast<int64_t>(operandNames.back().size()) != rankOf(operand) ||
        llvm::any_of(term, [](char letter) {
          return !llvm::isAlpha(letter) && letter != '.';
        }))
      return c.refuse("term '" + term + "' does not fit its operand",
                      "letters and one ellipsis");
    llvm::append_range(all, operandNames.back());
  }
  SmallVector<int64_t> result;
  if (arrow != StringRef::npos) {
    result = expand(text.substr(arrow + 2), ellipsis);
  } else {
    // Ellipsis, then letters that occur once, in alphabetical order.
    SmallVector<int64_t> sorted(all);
    llvm::sort(sorted);
    for (int64_t d = 0; d < ellipsis; ++d)
      result.push_back(d);
    for (int64_t name : sorted)
      if (name >= letters && llvm::count(sorted, name) == 1)
        result.push_back(name);
  }
  SmallVector<int64_t> order(result);
  for (int64_t name : all)
    if (!llvm::is_contained(order, name))
      order.push_back(name);
  SmallVector<int64_t> labels;
  for (int64_t name : all)
    labels.push_back(llvm::find(order, name) - order.begin());
  for (int64_t name : result)
    if (!llvm::is_contained(all, name) || llvm::count(result, name) != 1)
      return c.refuse("the result of '" + text +
                      "' names a dimension twice or one that does not occur");
  return c.yield(c.create<EinsumOp>(
      c.getOperands(),
      {c.ints("labels", labels),
       c.integer("resultRank", static_cast<int64_t>(result.size()))}));
}

static LogicalResult determinant(NodeContext &c) {
  return c.yield(c.create<DeterminantOp>(c[0]));
}

void qc::registerLinearHandlers(HandlerTable &table) {
  table.add("Conv", 1, 2, conv);
  table.add("ConvInteger", 10, 2, convInteger);
  table.add("MatMul", 1, 2, matmul);
  table.add("MatMulInteger", 10, 2, matmulInteger);
  table.add("Gemm", 1, 2, gemm);
  table.add("Einsum", 12, 1, einsum);
  table.add("Det", 11, 1, determinant);
}
