// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recognises contractions: see Contraction.h.

#include "Contraction.h"

#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

namespace {

/// Rows of one parallel iteration are at most this many where rows can be
/// split.
constexpr int64_t largestUnit = 64;
RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Position of a tensor's first element.
int64_t getOffset(RankedTensorType type) {
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  return layout ? layout.getOffset() : 0;
}

/// Strides of a tensor's dimensions in elements, if it has no blocks.
std::optional<SmallVector<int64_t>> getStrides(RankedTensorType type) {
  SmallVector<int64_t> strides(type.getRank(), 0);
  int64_t stride = 1;
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout) {
    for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
      strides[dim] = stride;
      stride *= type.getDimSize(dim);
    }
    return strides;
  }
  if (layout.getDims().size() != static_cast<size_t>(type.getRank()))
    return std::nullopt;
  for (size_t d = layout.getDims().size(); d-- > 0;) {
    if (layout.getDivisors()[d] != 1 || layout.getModuli()[d] != 0)
      return std::nullopt;
    strides[layout.getDims()[d]] = stride;
    stride *= layout.getExtents()[d];
  }
  return strides;
}

/// Whether these are weights as qc-assign-layouts packs them.
bool isPackedLayout(RankedTensorType type, int64_t channelDim,
                    int64_t reductionDim, int64_t groups = 1) {
  return type.getEncoding() &&
         type.getEncoding() ==
             getPackedWeights(type, channelDim, reductionDim, groups);
}

/// The largest divisor of `count` that is at most `limit`.
int64_t largestDivisor(int64_t count, int64_t limit) {
  for (int64_t divisor = std::min(count, limit); divisor > 1; --divisor)
    if (count % divisor == 0)
      return divisor;
  return 1;
}

/// Whether a schedule may compute on these elements: f32, 8-bit codes or signed
/// 16-bit numbers, both with sums of 32 bits. Packed codes of fewer bits and
/// longer sums take the general loops.
bool hasScheduledElements(RankedTensorType input, RankedTensorType weights,
                          RankedTensorType result) {
  if (!isa<IntegerType>(input.getElementType()))
    return input.getElementType().isF32();
  bool isShort = input.getElementType().isSignedInteger(16) &&
                 weights.getElementType().isSignedInteger(16);
  return ((input.getElementTypeBitWidth() == 8 &&
           weights.getElementTypeBitWidth() == 8) ||
          isShort) &&
         result.getElementTypeBitWidth() == 32;
}

/// Whether a reduction of `depth` reads whole steps: 16-bit inputs have no
/// padding behind it.
bool isWhole(int64_t depth, RankedTensorType input) {
  return input.getElementTypeBitWidth() != 16 ||
         depth % getPackedStep(input.getElementType()) == 0;
}

std::optional<ContractionProblem> analyseConv(ConvOp conv) {
  ContractionProblem problem;
  auto input = dyn_cast<BlockArgument>(conv.getX()),
       weights = dyn_cast<BlockArgument>(conv.getW());
  auto nonZero = [](int64_t pad) { return pad != 0; };
  if (!input || !weights || llvm::any_of(conv.getPads(), nonZero))
    return std::nullopt;
  RankedTensorType x = typeOf(input), w = typeOf(weights),
                   y = typeOf(conv.getY());
  std::optional<SmallVector<int64_t>> xStrides = getStrides(x);
  problem.isInteger = isa<IntegerType>(x.getElementType());
  problem.bits = x.getElementTypeBitWidth();
  int64_t groups = conv.getGroup();
  if (!xStrides || !isPackedLayout(w, 0, 1, groups) ||
      (problem.isInteger && (*xStrides)[1] != 1) ||
      !hasScheduledElements(x, w, y) || !isWhole(w.getDimSize(1), x))
    return std::nullopt;
  problem.root = conv;
  problem.input = input;
  problem.weights = weights;
  problem.inputOffset = getOffset(x);
  problem.bias = conv.getBias();
  problem.inputZero = conv.getXZero();
  problem.weightZero = conv.getWZero();
  problem.weightsUnsigned = isUnsignedElement(w.getElementType());
  problem.inputUnsigned = isUnsignedElement(x.getElementType());
  problem.isPacked = true;
  problem.channels = w.getDimSize(0) / groups;
  int64_t spatial = x.getRank() - 2, step = getPackedStep(w.getElementType());
  // Taps, then channels; the weights' distances follow from the packed order.
  int64_t weightStride = packedChannels * step;
  problem.depth = w.getDimSize(1);
  int64_t steps = llvm::divideCeil(problem.depth, step);
  SmallVector<ReductionLoop> inner{
      {steps, (*xStrides)[1] * step, weightStride}};
  weightStride *= inner[0].extent;
  for (int64_t d = spatial - 1; d >= 0; --d) {
    inner.push_back({w.getDimSize(2 + d),
                     (*xStrides)[2 + d] * conv.getDilations()[d],
                     weightStride});
    weightStride *= w.getDimSize(2 + d);
  }
  problem.reduction.assign(inner.rbegin(), inner.rend());
  problem.blockStride = weightStride;

  problem.batch.push_back({x.getDimSize(0), (*xStrides)[0], 0});
  if (groups > 1) {
    problem.groupLoop = problem.batch.size();
    problem.batch.push_back(
        {groups, problem.depth * (*xStrides)[1],
         weightStride * static_cast<int64_t>(llvm::divideCeil(
                            problem.channels, packedChannels))});
  }
  // Leading spatial dimensions but the last two (three-dimensional maps) are
  // batch too.
  for (int64_t d = 0; d < spatial - 2; ++d)
    problem.batch.push_back(
        {y.getDimSize(2 + d), (*xStrides)[2 + d] * conv.getStrides()[d], 0});
  int64_t last = 1 + spatial;
  int64_t width = y.getDimSize(last);
  problem.rowStride = (*xStrides)[last] * conv.getStrides()[spatial - 1];
  problem.unitRows = width;
  int64_t rowsPerUnit = 1;
  if (spatial >= 2) {
    int64_t height = y.getDimSize(last - 1);
    problem.unitStride = (*xStrides)[last - 1] * conv.getStrides()[spatial - 2];
    problem.units = height;
    // Whole map rows join in one unit where the input stays linear over them.
    if (problem.unitStride == problem.rowStride * width &&
        width < largestUnit) {
      rowsPerUnit = largestDivisor(height, largestUnit / width);
      problem.units /= rowsPerUnit;
      problem.unitRows *= rowsPerUnit;
      problem.unitStride *= rowsPerUnit;
    }
  }
  problem.resultIndices = [=](OpBuilder &builder, Location loc,
                              ValueRange batch, Value unit, Value row,
                              Value channel) {
    auto constant = [&](int64_t value) -> Value {
      return arith::ConstantIndexOp::create(builder, loc, value);
    };
    SmallVector<Value> indices{batch[0], channel};
    llvm::append_range(indices, batch.drop_front(groups > 1 ? 2 : 1));
    if (spatial >= 2) {
      Value line = unit, column = row;
      if (rowsPerUnit > 1) {
        Value within =
            arith::DivUIOp::create(builder, loc, row, constant(width));
        column = arith::RemUIOp::create(builder, loc, row, constant(width));
        line = arith::AddIOp::create(
            builder, loc,
            arith::MulIOp::create(builder, loc, unit, constant(rowsPerUnit)),
            within);
      }
      indices.push_back(line);
      indices.push_back(column);
    } else {
      indices.push_back(row);
    }
    return indices;
  };
  return problem;
}

std::optional<ContractionProblem> analyseMatMul(MatMulOp matmul) {
  ContractionProblem problem;
  auto input = dyn_cast<BlockArgument>(matmul.getA()),
       weights = dyn_cast<BlockArgument>(matmul.getB());
  if (!input || !weights ||
      (matmul.getAZero() && typeOf(matmul.getAZero()).getNumElements() != 1))
    return std::nullopt;
  RankedTensorType a = typeOf(input), b = typeOf(weights),
                   y = typeOf(matmul.getY());
  std::optional<SmallVector<int64_t>> aStrides = getStrides(a);
  problem.isInteger = isa<IntegerType>(a.getElementType());
  problem.bits = a.getElementTypeBitWidth();
  if (!aStrides || !hasScheduledElements(a, b, typeOf(matmul.getY())) ||
      !isWhole(a.getShape().back(), a))
    return std::nullopt;
  problem.root = matmul;
  problem.input = input;
  problem.weights = weights;
  problem.inputZero = matmul.getAZero();
  problem.weightZero = matmul.getBZero();
  problem.weightsUnsigned = isUnsignedElement(b.getElementType());
  problem.inputOffset = getOffset(a);
  problem.weightOffset = getOffset(b);
  problem.inputUnsigned = isUnsignedElement(a.getElementType());
  problem.channels = b.getDimSize(b.getRank() - 1);
  int64_t aRank = a.getRank(), bRank = b.getRank(), rank = y.getRank();
  int64_t step = getPackedStep(a.getElementType()),
          depth = a.getDimSize(aRank - 1);
  problem.depth = depth;
  if (problem.isInteger && (*aStrides)[aRank - 1] != 1)
    return std::nullopt;
  problem.isPacked = isPackedLayout(b, bRank - 1, bRank - 2);
  SmallVector<int64_t> bStrides(bRank, 0);
  if (problem.isPacked) {
    int64_t steps = llvm::divideCeil(depth, step);
    problem.reduction.push_back(
        {steps, (*aStrides)[aRank - 1] * step, packedChannels * step});
    problem.blockStride = packedChannels * step * steps;
    int64_t stride = problem.blockStride *
                     static_cast<int64_t>(
                         llvm::divideCeil(problem.channels, packedChannels));
    for (int64_t dim = bRank - 3; dim >= 0; --dim) {
      bStrides[dim] = stride;
      stride *= b.getDimSize(dim);
    }
  } else {
    // Weights that are computed at run time are read where they lie.
    std::optional<SmallVector<int64_t>> strides = getStrides(b);
    if (problem.isInteger || !strides || strides->back() != 1)
      return std::nullopt;
    bStrides = *strides;
    problem.reduction.push_back(
        {depth, (*aStrides)[aRank - 1], bStrides[bRank - 2]});
    problem.blockStride = packedChannels;
  }
  for (int64_t dim = 0; dim < rank - 2; ++dim) {
    auto strideOf = [&](RankedTensorType type,
                        ArrayRef<int64_t> strides) -> int64_t {
      int64_t own = dim - (rank - type.getRank());
      return own < 0 || type.getDimSize(own) == 1 ? 0 : strides[own];
    };
    problem.batch.push_back(
        {y.getDimSize(dim), strideOf(a, *aStrides), strideOf(b, bStrides)});
  }
  int64_t rows = a.getDimSize(aRank - 2);
  problem.rowStride = (*aStrides)[aRank - 2];
  problem.unitRows =
      rows <= largestUnit ? rows : largestDivisor(rows, largestUnit);
  // A prime number of rows would leave one row per unit: keep them together
  // then.
  if (problem.unitRows < largestUnit / 4 && rows > largestUnit)
    problem.unitRows = rows;
  problem.units = rows / problem.unitRows;
  problem.unitStride = problem.rowStride * problem.unitRows;
  int64_t unitRows = problem.unitRows;
  problem.resultIndices = [=](OpBuilder &builder, Location loc,
                              ValueRange batch, Value unit, Value row,
                              Value channel) {
    SmallVector<Value> indices(batch);
    Value base = arith::MulIOp::create(
        builder, loc, unit,
        arith::ConstantIndexOp::create(builder, loc, unitRows));
    indices.push_back(arith::AddIOp::create(builder, loc, base, row));
    indices.push_back(channel);
    return indices;
  };
  return problem;
}

} // namespace

std::optional<ContractionProblem> qc::analyseContraction(KernelOp kernel) {
  Operation *root = kernel.getRoot();
  // The general loops compute no elements, and empty sums, at no cost.
  auto isEmpty = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getNumElements() == 0;
  };
  if (llvm::any_of(root->getResultTypes(), isEmpty) ||
      llvm::any_of(root->getOperandTypes(), isEmpty))
    return std::nullopt;
  std::optional<ContractionProblem> problem;
  if (auto conv = dyn_cast<ConvOp>(root))
    problem = analyseConv(conv);
  else if (auto matmul = dyn_cast<MatMulOp>(root))
    problem = analyseMatMul(matmul);
  if (!problem)
    return std::nullopt;
  if (auto bound = root->getAttrOfType<IntegerAttr>(weightBoundName))
    problem->weightBound = bound.getInt();
  RankedTensorType result = typeOf(root->getResult(0));
  int64_t channelDim = isa<ConvOp>(root) ? 1 : result.getRank() - 1;
  if (!isLaneTransparent(kernel.getBody().front(), channelDim, result.getRank(),
                         root))
    return std::nullopt;
  return problem;
}
