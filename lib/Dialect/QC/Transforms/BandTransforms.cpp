// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Computes fast convolutions band by band, so that what lies between their
// three kernels stays in a core's cache.
//
// A band is a part of the maps along one dimension. Its tensors keep the
// layouts of the whole ones, only their memory begins elsewhere: all bands of
// one size call the same kernels.

#include "ConvCost.h"
#include "KernelTypes.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/Transforms/Passes.h"
#include "qc/SFC/FastConvolution.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_BANDTRANSFORMS
#include "qc/Dialect/QC/Transforms/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// The dispatches of one fast convolution, and where its maps are cut.
struct Chain {
  DispatchOp input, product, output;
  SFCInputTransformOp inputTransform;
  SFCOutputTransformOp outputTransform;
  const FastConvolution *algorithm = nullptr;
  /// Dimension of the maps: 0 for images, 2 for rows.
  int64_t axis = 0;
  /// Parts along `axis` (images, or rows of tiles) and tiles in each.
  int64_t parts = 0, tilesPerPart = 0;

  /// Elements along `axis` that `count` parts write and read.
  int64_t getWritten(int64_t count) const {
    return axis == 0 ? count : count * algorithm->outputs[0];
  }
  int64_t getRead(int64_t count) const {
    return axis == 0 ? count : getWritten(count) + algorithm->taps[0] - 1;
  }
};

struct BandTransforms : qc::impl::BandTransformsBase<BandTransforms> {
  using BandTransformsBase::BandTransformsBase;

  void runOnOperation() override {
    KernelTypes kernels(getOperation());
    SmallVector<DispatchOp> work;
    // The ends of chains, which nothing but their own cut erases.
    for (auto function : getOperation().getOps<func::FuncOp>())
      for (auto dispatch : function.getOps<DispatchOp>())
        if (isa<SFCOutputTransformOp>(kernels.lookup(dispatch).getRoot()))
          work.push_back(dispatch);
    // Bands of one image may be cut again, into rows.
    while (!work.empty())
      if (std::optional<Chain> chain = match(work.pop_back_val(), kernels))
        if (int64_t perBand = choose(*chain); perBand < chain->parts)
          cut(*chain, perBand, kernels, work);
    kernels.eraseUnused();
  }

private:
  std::optional<Chain> match(DispatchOp dispatch, KernelTypes &kernels);
  int64_t choose(Chain &chain);
  void cut(Chain &chain, int64_t perBand, KernelTypes &kernels,
           SmallVectorImpl<DispatchOp> &work);
};

} // namespace

/// What `dispatch` gives its kernel for `argument`.
static Value getOperand(DispatchOp dispatch, Value argument) {
  auto block = dyn_cast<BlockArgument>(argument);
  return block ? dispatch.getInputs()[block.getArgNumber()] : Value();
}

/// The digit of `dim` in the layout of `type` if there is nothing but single
/// elements around it, so that fewer of its elements lie as they did.
static std::optional<size_t> getOuterDigit(RankedTensorType type, int64_t dim) {
  LayoutAttr layout = getLayout(type);
  if (isSubByte(type) || !hasPlainDigits(layout, type.getRank()))
    return std::nullopt;
  for (auto [digit, extent] : llvm::enumerate(layout.getExtents())) {
    if (layout.getDims()[digit] == dim)
      return digit;
    if (extent != 1)
      return std::nullopt;
  }
  return std::nullopt;
}

/// `type` with `size` elements along `dim`, in the same memory.
static RankedTensorType getPart(RankedTensorType type, int64_t dim,
                                int64_t size) {
  LayoutAttr layout = getLayout(type);
  SmallVector<int64_t> shape(type.getShape()), extents(layout.getExtents());
  extents[*getOuterDigit(type, dim)] -= shape[dim] - size;
  shape[dim] = size;
  return RankedTensorType::get(
      shape, type.getElementType(),
      LayoutAttr::get(type.getContext(), layout.getDims(), layout.getDivisors(),
                      extents, layout.getModuli(), layout.getOffset()));
}

/// The dimension of an operand or result of the ops behind the output transform
/// that runs with dimension `axis` of the maps; -1 if it is broadcast.
static int64_t getAlignedDim(RankedTensorType type, int64_t axis) {
  int64_t dim = type.getRank() - 4 + axis;
  return dim >= 0 && type.getDimSize(dim) != 1 ? dim : -1;
}

/// Whether a part of the maps along `axis` meets the same elements of `op`'s
/// operands as before where those with a dimension of that size are cut too.
/// Parameters along an attribute `axis`, or one for several indices, are not.
static bool isCutWithMaps(Operation *op, int64_t axis, int64_t size) {
  auto own = op->getAttrOfType<IntegerAttr>("axis");
  bool isAlongAxis = own && own.getInt() == axis;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    RankedTensorType type = typeOf(operand);
    if (isAlongAxis && type.getRank() != 4)
      return type.getNumElements() == 1;
    int64_t dim = getAlignedDim(type, axis);
    return dim < 0 || type.getDimSize(dim) == size;
  });
}

std::optional<Chain> BandTransforms::match(DispatchOp dispatch,
                                           KernelTypes &kernels) {
  Chain chain;
  chain.output = dispatch;
  KernelOp kernel = kernels.lookup(dispatch);
  chain.outputTransform = dyn_cast<SFCOutputTransformOp>(kernel.getRoot());
  if (!chain.outputTransform || dispatch.getOutputs().size() != 1)
    return std::nullopt;
  auto producer = [](Value value) {
    return value && value.hasOneUse() ? value.getDefiningOp<DispatchOp>()
                                      : DispatchOp();
  };
  chain.product = producer(getOperand(dispatch, chain.outputTransform.getM()));
  auto matmul =
      chain.product
          ? dyn_cast<MatMulOp>(kernels.lookup(chain.product).getRoot())
          : MatMulOp();
  chain.input = matmul ? producer(getOperand(chain.product, matmul.getA()))
                       : DispatchOp();
  if (!chain.input)
    return std::nullopt;
  chain.inputTransform =
      dyn_cast<SFCInputTransformOp>(kernels.lookup(chain.input).getRoot());
  if (!chain.inputTransform)
    return std::nullopt;
  chain.algorithm = getFastConvolution(chain.inputTransform.getAlgorithm());
  SmallVector<int64_t> extents = chain.inputTransform.getParallelExtents();
  chain.axis = extents[0] > 1 ? 0 : 2;
  chain.parts = chain.axis == 0 ? extents[0] : extents[1];
  chain.tilesPerPart = chain.axis == 0 ? extents[1] * extents[2] : extents[2];
  Value x = getOperand(chain.input, chain.inputTransform.getX());
  if (!x || !getOuterDigit(typeOf(x), chain.axis) ||
      !getOuterDigit(typeOf(dispatch.getOutputs().front()), chain.axis))
    return std::nullopt;
  for (Value operand : dispatch.getInputs()) {
    int64_t dim = getAlignedDim(typeOf(operand), chain.axis);
    if (operand != chain.product.getOutputs().front() && dim >= 0 &&
        !getOuterDigit(typeOf(operand), dim))
      return std::nullopt;
  }
  int64_t size = typeOf(dispatch.getOutputs().front()).getDimSize(chain.axis);
  for (Operation &op : kernel.getBody().front().without_terminator())
    if (&op != chain.outputTransform && !isCutWithMaps(&op, chain.axis, size))
      return std::nullopt;
  return chain;
}

/// The number of parts of a band that costs least, all of them for no bands.
int64_t BandTransforms::choose(Chain &chain) {
  auto bytes = [](Value value) {
    return static_cast<double>(getStorageBytes(typeOf(value)));
  };
  double between = bytes(chain.input.getOutputs().front()) +
                   bytes(chain.product.getOutputs().front());
  // Weights come from behind the cache once per band.
  double weights = 0;
  for (Value operand : chain.product.getInputs())
    if (operand != chain.input.getOutputs().front())
      weights += bytes(operand);
  double perImage = between / static_cast<double>(chain.parts);
  if (chain.axis == 0 && perImage > static_cast<double>(cacheBytes)) {
    // Rows of one image after the other.
    int64_t rows = chain.inputTransform.getParallelExtents()[1];
    return chooseBand(rows, perImage, weights, cacheBytes) < rows ? 1
                                                                  : chain.parts;
  }
  return chooseBand(chain.parts, between, weights, cacheBytes);
}

/// A kernel like `kernel` in which each value's type is what `retype` makes of
/// the original.
static KernelOp cloneRetyped(KernelOp kernel,
                             function_ref<RankedTensorType(Value)> retype) {
  KernelOp copy = kernel.clone();
  Block &body = kernel.getBody().front(), &copied = copy.getBody().front();
  for (auto [from, to] :
       llvm::zip_equal(body.getArguments(), copied.getArguments()))
    to.setType(retype(from));
  for (auto [from, to] :
       llvm::zip_equal(body.without_terminator(), copied.without_terminator()))
    for (auto [result, value] :
         llvm::zip_equal(from.getResults(), to.getResults()))
      value.setType(retype(result));
  SmallVector<Type> results(copied.getTerminator()->getOperandTypes());
  copy.setFunctionType(FunctionType::get(kernel.getContext(),
                                         copied.getArgumentTypes(), results));
  return copy;
}

void BandTransforms::cut(Chain &chain, int64_t perBand, KernelTypes &kernels,
                         SmallVectorImpl<DispatchOp> &work) {
  OpBuilder builder(chain.output);
  int64_t axis = chain.axis;
  int64_t tiles = typeOf(chain.input.getOutputs().front()).getDimSize(1);
  Value result = chain.output.getOutputs().front();
  RankedTensorType resultType = typeOf(result);
  int64_t whole = resultType.getDimSize(axis);
  Value x = getOperand(chain.input, chain.inputTransform.getX()),
        v = chain.input.getOutputs().front(),
        m = getOperand(chain.output, chain.outputTransform.getM());

  // `value`'s elements [begin, begin + size) along `dim`.
  auto slice = [&](Value value, int64_t dim, int64_t begin,
                   int64_t size) -> Value {
    RankedTensorType type = typeOf(value);
    SmallVector<int64_t> offsets(type.getRank(), 0), steps(type.getRank(), 1),
        sizes(type.getShape());
    offsets[dim] = begin;
    sizes[dim] = size;
    return SliceOp::create(builder, chain.output.getLoc(),
                           getPart(type, dim, size), value, offsets, sizes,
                           steps);
  };
  auto call = [&](DispatchOp like, KernelOp kernel, ValueRange operands) {
    std::string name = (kernels.lookup(like).getSymName() + "_band").str();
    kernel = kernels.insert(kernel, name);
    return DispatchOp::create(builder, like.getLoc(), kernel.getResultTypes(),
                              kernel.getSymName(), operands);
  };

  SmallVector<Value> bands;
  for (int64_t first = 0; first < chain.parts; first += perBand) {
    int64_t count = std::min(perBand, chain.parts - first);
    int64_t bandTiles = count * chain.tilesPerPart;
    int64_t begin = chain.getWritten(first);
    int64_t written = std::min(chain.getWritten(count), whole - begin);
    // Between the kernels: as long as the band.
    auto retypeTiles = [&](RankedTensorType type) {
      if (type.getRank() != 3 || type.getDimSize(1) != tiles)
        return type;
      return RankedTensorType::get(
          {type.getDimSize(0), bandTiles, type.getDimSize(2)},
          type.getElementType(), type.getEncoding());
    };
    KernelOp inputKernel = cloneRetyped(
        kernels.lookup(chain.input), [&](Value value) -> RankedTensorType {
          RankedTensorType type = typeOf(value);
          return type.getRank() == 4 ? getPart(type, axis, chain.getRead(count))
                 : value.getDefiningOp() ? retypeTiles(type)
                                         : type;
        });
    SmallVector<Value> operands(chain.input.getInputs());
    llvm::replace(operands, x, slice(x, axis, begin, chain.getRead(count)));
    Value bandV = call(chain.input, inputKernel, operands).getResult(0);

    KernelOp productLike = kernels.lookup(chain.product);
    Value productInput = cast<MatMulOp>(productLike.getRoot()).getA();
    KernelOp productKernel = cloneRetyped(productLike, [&](Value value) {
      bool hasTiles = value.getDefiningOp() || value == productInput;
      return hasTiles ? retypeTiles(typeOf(value)) : typeOf(value);
    });
    operands.assign(chain.product.getInputs().begin(),
                    chain.product.getInputs().end());
    llvm::replace(operands, v, bandV);
    Value product = call(chain.product, productKernel, operands).getResult(0);

    KernelOp outputKernel = cloneRetyped(
        kernels.lookup(chain.output), [&](Value value) -> RankedTensorType {
          RankedTensorType type = typeOf(value);
          if (value == chain.outputTransform.getM())
            return retypeTiles(type);
          int64_t dim = getAlignedDim(type, axis);
          if (dim < 0)
            return type;
          // Values inside kernels have no memory but those that leave.
          if (value.getDefiningOp() && type != resultType) {
            SmallVector<int64_t> shape(type.getShape());
            shape[dim] = written;
            return RankedTensorType::get(shape, type.getElementType());
          }
          return getPart(type, dim, written);
        });
    if (axis == 2)
      outputKernel.walk([&](SFCOutputTransformOp transform) {
        transform.setHeight(written);
      });
    operands.assign(chain.output.getInputs().begin(),
                    chain.output.getInputs().end());
    for (Value &operand : operands) {
      if (operand == m) {
        operand = product;
        continue;
      }
      int64_t dim = getAlignedDim(typeOf(operand), axis);
      if (dim >= 0)
        operand = slice(operand, dim, begin, written);
    }
    DispatchOp band = call(chain.output, outputKernel, operands);
    bands.push_back(band.getResult(0));
    if (axis == 0 && count == 1)
      work.push_back(band);
  }
  Value joined =
      ConcatOp::create(builder, chain.output.getLoc(), resultType, bands, axis);
  result.replaceAllUsesWith(joined);
  chain.output.erase();
  chain.product.erase();
  chain.input.erase();
  ++numCut;
  numBands += bands.size();
}
