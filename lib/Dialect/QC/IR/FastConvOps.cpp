// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Transforms of fast convolutions: inference, verification, reference meaning.

#include "OpHelpers.h"

#include "qc/SFC/AdditionProgram.h"
#include "qc/SFC/FastConvolution.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Algorithms
//===----------------------------------------------------------------------===//

/// The algorithm called `name`, or an error that says what there is.
static const FastConvolution *findAlgorithm(std::optional<Location> loc,
                                            StringRef name) {
  const FastConvolution *algorithm = getFastConvolution(name);
  if (!algorithm)
    (void)emitOptionalError(loc, "unknown algorithm '", name,
                            "'; accepted are ",
                            llvm::join(getFastConvolutionNames(), ", "));
  return algorithm;
}

/// Element type behind a transform of `element`: si16 for integers of at most
/// 8 bits, f32 and f64 themselves.
static FailureOr<Type> inferTransformed(std::optional<Location> loc,
                                        Type element) {
  if (element.isF32() || element.isF64())
    return element;
  if (isa<IntegerType>(element) && element.getIntOrFloatBitWidth() <= 8)
    return Type(
        IntegerType::get(element.getContext(), 16, IntegerType::Signed));
  return emitOptionalError(
      loc, "transforms take integers of at most 8 bits, f32 or f64, got ",
      element);
}

/// All values of an integer element type.
static IntegerRange getElementRange(Type element) {
  unsigned bits = element.getIntOrFloatBitWidth();
  if (isUnsignedElement(element))
    return {0, (int64_t(1) << bits) - 1};
  return {-(int64_t(1) << (bits - 1)), (int64_t(1) << (bits - 1)) - 1};
}

/// Runs `program`: `read` gives an input when it is first needed, `write` takes
/// an output as soon as it is known.
static void emitProgram(Emitter &e, const AdditionProgram &program,
                        Type compute, function_ref<Value(int64_t)> read,
                        function_ref<void(int64_t, Value)> write) {
  SmallVector<Value> values(program.numInputs + program.steps.size());
  SmallVector<SmallVector<int64_t, 1>> outputsOf(values.size());
  SmallVector<int64_t> zeros;
  for (auto [output, value] : llvm::enumerate(program.outputs))
    if (value < 0)
      zeros.push_back(output);
    else
      outputsOf[value].push_back(output);
  auto get = [&](int64_t number) {
    Value &value = values[number];
    if (!value)
      value = read(number);
    return value;
  };
  auto deliver = [&](int64_t number) {
    for (int64_t output : outputsOf[number])
      write(output, get(number));
  };
  for (int64_t output : zeros)
    write(output, e.splat(e.constant(compute, 0)));
  for (int64_t input = 0; input < program.numInputs; ++input)
    deliver(input);
  for (auto [index, step] : llvm::enumerate(program.steps)) {
    int64_t number = program.numInputs + static_cast<int64_t>(index);
    Value lhs = get(step.lhs), rhs = get(step.rhs);
    values[number] = step.isDifference ? e.sub(lhs, rhs) : e.add(lhs, rhs);
    deliver(number);
  }
}

//===----------------------------------------------------------------------===//
// SFCInputTransformOp
//===----------------------------------------------------------------------===//

LogicalResult SFCInputTransformOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  const FastConvolution *algorithm = findAlgorithm(loc, adaptor.getAlgorithm());
  ArrayRef<int64_t> x = shapeOf(adaptor.getX());
  if (!algorithm)
    return failure();
  if (x.size() != 4)
    return emitOptionalError(loc, "x must have rank 4");
  FailureOr<Type> element = inferTransformed(loc, elementOf(adaptor.getX()));
  if (failed(element))
    return failure();
  int64_t tiles = x[0];
  for (unsigned d = 0; d < 2; ++d) {
    int64_t outputs = x[2 + d] - (algorithm->taps[d] - 1);
    if (outputs < 1 || outputs % algorithm->outputs[d] != 0)
      return emitOptionalError(loc, "dimension ", 2 + d, " of x must hold ",
                               algorithm->taps[d] - 1,
                               " elements more than a multiple of ",
                               algorithm->outputs[d], ", has ", x[2 + d]);
    if (llvm::MulOverflow(tiles, outputs / algorithm->outputs[d], tiles))
      return emitOptionalError(loc, "x has more tiles than 64 bits count");
  }
  types.push_back(RankedTensorType::get(
      {algorithm->getNumProducts(), tiles, x[1]}, *element));
  return success();
}

LogicalResult SFCInputTransformOp::verify() {
  // Inference reports an unknown one.
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  if (!algorithm)
    return success();
  ArrayRef<int64_t> offsets = getOffsets().value_or(ArrayRef<int64_t>());
  if (getOffsets() &&
      static_cast<int64_t>(offsets.size()) != algorithm->getNumProducts())
    return emitOpError("has ") << offsets.size() << " offsets for "
                               << algorithm->getNumProducts() << " products";
  Type element = elementOf(getX());
  if (!isa<IntegerType>(element)) {
    if (getOffsets())
      return emitOpError("has offsets, which are for integers");
    return success();
  }
  if (element.getIntOrFloatBitWidth() > 8)
    return success();
  IntegerRange range = getElementRange(element);
  bool fits = fitsInt16(*algorithm, range);
  // The sums with offsets must not overflow either.
  if (!offsets.empty())
    for (auto [factor, offset] :
         llvm::zip_equal(getFactorRanges(*algorithm, range), offsets))
      fits &=
          offset >= INT16_MIN - factor.low && offset <= INT16_MAX - factor.high;
  if (!fits)
    return emitOpError("leaves si16 for some x of ") << element;
  return success();
}

SmallVector<int64_t> SFCInputTransformOp::getParallelExtents() {
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  ArrayRef<int64_t> x = shapeOf(getX());
  auto tiles = [&](unsigned d) {
    return (x[2 + d] - algorithm->taps[d] + 1) / algorithm->outputs[d];
  };
  return {x[0], tiles(0), tiles(1), x[1]};
}

int64_t SFCInputTransformOp::getLaneIteration() { return 3; }
int64_t SFCInputTransformOp::getLaneDim() { return 2; }

/// The number of tile (n, y, x) of Y x X tiles per image.
static Value getTileIndex(Emitter &e, ValueRange iterations,
                          ArrayRef<int64_t> extents) {
  Value row = e.addIndex(e.mulIndex(iterations[0], extents[1]), iterations[1]);
  return e.addIndex(e.mulIndex(row, extents[2]), iterations[2]);
}

void SFCInputTransformOp::emitBlock(Emitter &e, ValueRange iterations) {
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  Type element = elementOf(getX()), compute = getComputeType(elementOf(getV()));
  Value tile = getTileIndex(e, iterations, getParallelExtents()),
        top = e.mulIndex(iterations[1], algorithm->outputs[0]),
        left = e.mulIndex(iterations[2], algorithm->outputs[1]);
  ArrayRef<int64_t> offsets = getOffsets().value_or(ArrayRef<int64_t>());
  emitProgram(
      e, getTransformPrograms(*algorithm).input, compute,
      [&](int64_t input) {
        int64_t width = algorithm->getTile(1);
        Value read = e.read(0, {iterations[0], iterations[3],
                                e.addIndex(top, input / width),
                                e.addIndex(left, input % width)});
        return e.convert(read, isUnsignedElement(element), compute, false);
      },
      [&](int64_t product, Value value) {
        if (!offsets.empty() && offsets[product] != 0)
          value = e.add(value, e.constantInt(compute, offsets[product]));
        e.write(0, {e.index(product), tile, iterations[3]}, value);
      });
}

//===----------------------------------------------------------------------===//
// SFCWeightTransformOp
//===----------------------------------------------------------------------===//

LogicalResult SFCWeightTransformOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  const FastConvolution *algorithm = findAlgorithm(loc, adaptor.getAlgorithm());
  ArrayRef<int64_t> w = shapeOf(adaptor.getW());
  if (!algorithm)
    return failure();
  if (w.size() != 4 || w[2] != algorithm->taps[0] || w[3] != algorithm->taps[1])
    return emitOptionalError(loc, "w must have rank 4 and ", algorithm->taps[0],
                             " x ", algorithm->taps[1], " taps for ",
                             algorithm->name);
  Type element = elementOf(adaptor.getW());
  FailureOr<Type> transformed = inferTransformed(loc, element);
  if (failed(transformed))
    return failure();
  if (isa<IntegerType>(element)) {
    IntegerRange range = getElementRange(element);
    if (getLargestFactor(*algorithm, std::max(-range.low, range.high)) >
        INT16_MAX)
      return emitOptionalError(loc, "weights of ", element, " under ",
                               algorithm->name, " do not fit si16");
  }
  types.push_back(RankedTensorType::get(
      {algorithm->getNumProducts(), w[1], w[0]}, *transformed));
  return success();
}

SmallVector<int64_t> SFCWeightTransformOp::getParallelExtents() {
  ArrayRef<int64_t> w = shapeOf(getW());
  return {w[1], w[0]};
}

// Output channels, which products have side by side; in w they need not be.
int64_t SFCWeightTransformOp::getLaneIteration() { return 1; }
int64_t SFCWeightTransformOp::getLaneDim() { return 2; }

void SFCWeightTransformOp::emitBlock(Emitter &e, ValueRange iterations) {
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  Type element = elementOf(getW()), compute = getComputeType(elementOf(getU()));
  emitProgram(
      e, getTransformPrograms(*algorithm).weights, compute,
      [&](int64_t tap) {
        int64_t width = algorithm->taps[1];
        Value read = e.read(0, {iterations[1], iterations[0],
                                e.index(tap / width), e.index(tap % width)});
        return e.convert(read, isUnsignedElement(element), compute, false);
      },
      [&](int64_t product, Value value) {
        if (isa<FloatType>(element))
          value = e.create<arith::DivFOp>(
              {value, e.splat(e.constant(compute, algorithm->denominator))});
        e.write(0, {e.index(product), iterations[0], iterations[1]}, value);
      });
}

//===----------------------------------------------------------------------===//
// SFCOutputTransformOp
//===----------------------------------------------------------------------===//

LogicalResult SFCOutputTransformOp::inferReturnTypes(
    MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,
    SmallVectorImpl<Type> &types) {
  const FastConvolution *algorithm = findAlgorithm(loc, adaptor.getAlgorithm());
  ArrayRef<int64_t> m = shapeOf(adaptor.getM());
  if (!algorithm)
    return failure();
  int64_t size[] = {adaptor.getHeight(), adaptor.getWidth()}, tiles = 1;
  for (unsigned d = 0; d < 2; ++d) {
    if (size[d] < 1 || size[d] > (int64_t(1) << 31))
      return emitOptionalError(loc, "height and width are out of range");
    tiles *= llvm::divideCeil(size[d], algorithm->outputs[d]);
  }
  if (m.size() != 3 || m[0] != algorithm->getNumProducts() || m[1] % tiles != 0)
    return emitOptionalError(loc, "m must be ", algorithm->getNumProducts(),
                             " x (images * ", tiles, ") x channels");
  Type element = elementOf(adaptor.getM());
  bool isInteger = element.isSignedInteger(16) || element.isSignedInteger(32);
  if (!isInteger && !element.isF32() && !element.isF64())
    return emitOptionalError(loc, "m must hold si16, si32, f32 or f64, got ",
                             element);
  int64_t divisor = adaptor.getDivisor();
  if (divisor != 1 && !(isInteger && divisor == algorithm->denominator))
    return emitOptionalError(loc, "divisor must be 1 or, for integers, ",
                             algorithm->denominator, ", got ", divisor);
  if (isInteger)
    element = IntegerType::get(context, 32, IntegerType::Signed);
  types.push_back(
      RankedTensorType::get({m[1] / tiles, m[2], size[0], size[1]}, element));
  return success();
}

SmallVector<int64_t> SFCOutputTransformOp::getParallelExtents() {
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  ArrayRef<int64_t> y = shapeOf(getY());
  auto tiles = [&](unsigned d) -> int64_t {
    return llvm::divideCeil(y[2 + d], algorithm->outputs[d]);
  };
  return {y[0], tiles(0), tiles(1), y[1]};
}

int64_t SFCOutputTransformOp::getLaneIteration() { return 3; }
int64_t SFCOutputTransformOp::getLaneDim() { return 1; }

void SFCOutputTransformOp::emitBlock(Emitter &e, ValueRange iterations) {
  const FastConvolution *algorithm = getFastConvolution(getAlgorithm());
  SmallVector<int64_t> extents = getParallelExtents();
  Type compute = getComputeType(elementOf(getY()));
  Value tile = getTileIndex(e, iterations, extents);
  int64_t sizes[] = {getHeight(), getWidth()};
  uint32_t divisor = getDivisor();
  unsigned shift = llvm::countr_zero(divisor);
  uint64_t inverse =
      APInt(32, divisor >> shift).multiplicativeInverse().getZExtValue();
  emitProgram(
      e, getTransformPrograms(*algorithm).output, compute,
      [&](int64_t product) {
        return e.convert(e.read(0, {e.index(product), tile, iterations[3]}),
                         false, compute, false);
      },
      [&](int64_t output, Value value) {
        if (divisor != 1) {
          value = e.mul(value,
                        e.constantInt(compute, static_cast<int32_t>(inverse)));
          value =
              e.create<arith::ShRSIOp>({value, e.constantInt(compute, shift)});
        }
        int64_t position[] = {output / algorithm->outputs[1],
                              output % algorithm->outputs[1]};
        SmallVector<Value> indices{iterations[0], iterations[3]};
        Value isInside;
        for (unsigned d = 0; d < 2; ++d) {
          int64_t outputs = algorithm->outputs[d];
          Value index =
              e.addIndex(e.mulIndex(iterations[1 + d], outputs), position[d]);
          indices.push_back(index);
          // Only the last tile may stick out.
          if ((extents[1 + d] - 1) * outputs + position[d] < sizes[d])
            continue;
          if (extents[1 + d] == 1)
            return;
          Value inside =
              e.compare(arith::CmpIPredicate::ult, index, e.index(sizes[d]));
          isInside =
              isInside ? e.create<arith::AndIOp>({isInside, inside}) : inside;
        }
        if (!isInside)
          return e.write(0, indices, value);
        e.branch(isInside, [&] { e.write(0, indices, value); });
      });
}
