// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers of signal processing: spectra, windows, mel filters.

#include "Handlers.h"
#include "Tensors.h"

#include <cmath>
#include <numbers>

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Spectra
//===----------------------------------------------------------------------===//

static Value createDFT(NodeContext &c, Value x, int64_t axis,
                       std::optional<int64_t> length, bool inverse,
                       bool oneSided) {
  if (!x)
    return {};
  int64_t available = shapeOf(x)[axis];
  bool hermitian = inverse && oneSided;
  int64_t size = length.value_or(hermitian ? 2 * (available - 1) : available);
  int64_t bins = oneSided && !inverse ? size / 2 + 1 : size;
  return c.create<DFTOp>(x, {c.integer("axis", axis), c.integer("length", size),
                             c.integer("bins", bins),
                             c.boolean("inverse", inverse),
                             c.boolean("hermitian", hermitian)});
}

static LogicalResult dft(NodeContext &c) {
  Value x = c[0];
  int64_t rank = rankOf(x);
  bool inverse = c.getInt("inverse", 0) != 0,
       oneSided = c.getInt("onesided", 0) != 0;
  if (rank < 2)
    return c.refuse("the input has rank " + Twine(rank), "rank 2 or more");
  std::optional<int64_t> length;
  if (c[1]) {
    FailureOr<double> given = c.getNumber(1, "dft_length", 0);
    if (failed(given))
      return failure();
    length = static_cast<int64_t>(*given);
  }
  bool hasAxisOperand = c.opset >= 20 && c[2];
  if (!hasAxisOperand || c.getConstant(c[2])) {
    int64_t given = c.opset >= 20 ? -2 : c.getInt("axis", 1);
    if (hasAxisOperand) {
      FailureOr<double> number = c.getNumber(2, "axis", -2);
      if (failed(number))
        return failure();
      given = static_cast<int64_t>(*number);
    }
    FailureOr<int64_t> axis = c.normalizeAxis(given, rank);
    if (failed(axis))
      return failure();
    return c.yield(createDFT(c, x, *axis, length, inverse, oneSided));
  }
  // A run-time axis: those that give the declared shape.
  std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0);
  if (!declared || static_cast<int64_t>(declared->size()) != rank)
    return c.refuse("axis is a run-time value",
                    "a constant, or a declared result shape");
  Value axis =
      c.cast(c.reshape(c[2], {}), IntegerType::get(c.getBuilder().getContext(),
                                                   64, IntegerType::Signed));
  Value result;
  for (int64_t dim = rank - 2; dim >= 0; --dim) {
    int64_t available = shapeOf(x)[dim], wanted = (*declared)[dim];
    std::optional<int64_t> own = length;
    if (!own && inverse && oneSided)
      own = wanted;
    int64_t size = own.value_or(available);
    int64_t bins = oneSided && !inverse ? size / 2 + 1 : size;
    SmallVector<int64_t> shape(shapeOf(x));
    shape[dim] = bins;
    shape.back() = declared->back();
    if (shape != *declared)
      continue;
    Value choice = createDFT(c, x, dim, own, inverse, oneSided);
    if (!result) {
      result = choice;
      continue;
    }
    Value isHere = c.create<OrOp>(
        {c.create<EqualOp>({axis, c.integers({dim}, {})}),
         c.create<EqualOp>({axis, c.integers({dim - rank}, {})})});
    result = c.create<WhereOp>({isHere, choice, result});
  }
  if (!result)
    return c.refuse("no axis gives the declared result shape");
  return c.yield(result);
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// a - b cos(2 pi n / D) + second cos(4 pi n / D), where D is the
/// size, or one less for a symmetric window.
static LogicalResult createWindow(NodeContext &c, double a, double b,
                                  double second) {
  int64_t size = 0;
  std::optional<SmallVector<int64_t>> declared;
  if (!c.getConstant(c[0]) && (declared = c.getDeclaredShape(0)) &&
      declared->size() == 1) {
    size = declared->front();
  } else {
    FailureOr<double> given = c.getNumber(0, "size", 0);
    if (failed(given))
      return failure();
    if (!(*given >= 0 && *given < 16777216))
      return c.refuse("size is out of range", "fewer than 2^24 elements");
    size = static_cast<int64_t>(*given);
  }
  Type element =
      getElementType(c.getBuilder().getContext(),
                     static_cast<int32_t>(c.getInt("output_datatype", 1)));
  if (!element)
    return c.refuse("output_datatype is no number");
  double period = static_cast<double>(
      c.getInt("periodic", 1) ? size : std::max<int64_t>(size - 1, 1));
  SmallVector<double> values;
  for (int64_t n = 0; n < size; ++n) {
    double angle = 2 * std::numbers::pi * static_cast<double>(n) / period;
    values.push_back(a - b * std::cos(angle) + second * std::cos(2 * angle));
  }
  Value wide = c.constant(
      getConstant(RankedTensorType::get({size}, c.getBuilder().getF64Type()),
                  ArrayRef(reinterpret_cast<const char *>(values.data()),
                           values.size() * sizeof(double))));
  return c.yield(c.cast(wide, element));
}

static LogicalResult hannWindow(NodeContext &c) {
  return createWindow(c, 0.5, 0.5, 0);
}
static LogicalResult hammingWindow(NodeContext &c) {
  // ONNX gives the fractions 25 / 46 and 21 / 46.
  return createWindow(c, 25.0 / 46, 21.0 / 46, 0);
}
static LogicalResult blackmanWindow(NodeContext &c) {
  return createWindow(c, 0.42, 0.5, 0.08);
}

//===----------------------------------------------------------------------===//
// Short-time spectra
//===----------------------------------------------------------------------===//

/// Frames of `length` samples cut from the signal (B x L x 1 or 2) every `step`
/// samples, times the window, transformed.
static Value createSTFT(NodeContext &c, int64_t frames, int64_t length,
                        bool oneSided) {
  MLIRContext *context = c.getBuilder().getContext();
  Type index = IntegerType::get(context, 64, IntegerType::Signed);
  auto count = [&](int64_t size, ArrayRef<int64_t> shape) {
    return c.integers(llvm::to_vector(llvm::seq<int64_t>(0, size)), shape);
  };
  Value step = c.cast(c.reshape(c[1], {}), index);
  Value positions =
      c.create<AddOp>({c.create<MulOp>({count(frames, {frames, 1}), step}),
                       count(length, {1, length})});
  Value cut = c.create<GatherOp>({c[0], positions}, c.integer("axis", 1));
  if (c[2])
    cut = c.create<MulOp>({cut, c.reshape(c[2], {length, 1})});
  return createDFT(c, cut, 2, std::nullopt, false, oneSided);
}

/// (signal, frame step, window, frame length)
static LogicalResult stft(NodeContext &c) {
  ArrayRef<int64_t> x = shapeOf(c[0]);
  if (x.size() != 3 || (c[2] && rankOf(c[2]) != 1))
    return c.refuse("its signal has type " + getTypeName(c[0]),
                    "B x L x 1 or B x L x 2, and a vector as window");
  bool oneSided = c.getInt("onesided", 1) != 0;
  std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0);
  if (declared && declared->size() != 4)
    declared.reset();
  // The length: given, or what the window and the declared spectrum allow.
  SmallVector<int64_t> lengths;
  bool isDynamic = c[3] && !c.getConstant(c[3]);
  if (c[3] && !isDynamic) {
    FailureOr<double> given = c.getNumber(3, "frame_length", 0);
    if (failed(given))
      return failure();
    lengths.push_back(static_cast<int64_t>(*given));
  } else if (c[2] || !c[3]) {
    lengths.push_back(c[2] ? shapeOf(c[2])[0] : x[1]);
    isDynamic = false;
  } else if (declared) {
    int64_t bins = (*declared)[2];
    lengths.push_back(oneSided ? 2 * bins - 2 : bins);
    if (oneSided)
      lengths.push_back(2 * bins - 1);
  } else {
    return c.refuse("frame_length is a run-time value",
                    "a constant, a window, or a declared result shape");
  }
  if (c[2] && shapeOf(c[2])[0] != lengths.front())
    return c.refuse("its window has " + Twine(shapeOf(c[2])[0]) +
                    " samples for frames of " + Twine(lengths.front()));
  Value result;
  for (int64_t length : lengths) {
    if (length < 1 || length > x[1])
      continue;
    int64_t frames = 0;
    if (c.getConstant(c[1])) {
      FailureOr<double> step = c.getNumber(1, "frame_step", 1);
      if (failed(step))
        return failure();
      if (!(*step >= 1))
        return c.refuse("frame_step is less than 1");
      frames = 1 + (x[1] - length) / static_cast<int64_t>(*step);
    } else if (declared) {
      frames = (*declared)[1];
    } else {
      return c.refuse("frame_step is a run-time value",
                      "a constant, or a declared result shape");
    }
    Value choice = createSTFT(c, frames, length, oneSided);
    if (!result) {
      result = choice;
      continue;
    }
    Type element = elementOf(c[3]);
    Value isHere = c.create<EqualOp>(
        {c.reshape(c[3], {}), c.splat(element, static_cast<double>(length))});
    result = c.create<WhereOp>({isHere, choice, result});
  }
  if (!result)
    return c.refuse("its frames do not fit a signal of " + Twine(x[1]) +
                    " samples");
  return c.yield(result);
}

/// (mel bins, DFT length, sample rate, lower edge, upper edge): triangles of
/// filters that are equidistant on the mel scale 2595 log10(1 + f / 700).
static LogicalResult melWeightMatrix(NodeContext &c) {
  Builder builder = c.getBuilder();
  int64_t bins = 0, filters = 0;
  std::optional<SmallVector<int64_t>> declared = c.getDeclaredShape(0);
  if (c.getConstant(c[0]) && c.getConstant(c[1])) {
    FailureOr<double> count = c.getNumber(0, "num_mel_bins", 0),
                      length = c.getNumber(1, "dft_length", 0);
    if (failed(count) || failed(length))
      return failure();
    if (!(*count >= 0 && *count < 65536 && *length >= 0 && *length < 16777216))
      return c.refuse("num_mel_bins or dft_length is out of range",
                      "fewer than 2^16 and 2^24");
    filters = static_cast<int64_t>(*count);
    bins = static_cast<int64_t>(*length) / 2 + 1;
  } else if (declared && declared->size() == 2) {
    bins = declared->front();
    filters = declared->back();
  } else {
    return c.refuse("num_mel_bins or dft_length is a run-time value",
                    "constants, or a declared result shape");
  }
  Type element =
      getElementType(builder.getContext(),
                     static_cast<int32_t>(c.getInt("output_datatype", 1)));
  if (!element)
    return c.refuse("output_datatype is no number");
  Type f64 = builder.getF64Type();
  auto number = [&](double value) { return c.splat(f64, value); };
  auto scalar = [&](unsigned i) { return c.cast(c.reshape(c[i], {}), f64); };
  auto toMel = [&](Value hertz) {
    Value ratio = c.create<DivOp>({hertz, number(700)});
    return c.create<MulOp>(
        {c.create<LogOp>(c.create<AddOp>({ratio, number(1)})),
         number(2595 / std::numbers::ln10)});
  };
  Value low = toMel(scalar(3)), high = toMel(scalar(4));
  Value step = c.create<DivOp>(
      {c.create<SubOp>({high, low}), number(static_cast<double>(filters + 2))});
  // The DFT bin at each edge.
  Value edges = c.cast(
      c.integers(llvm::to_vector(llvm::seq<int64_t>(0, filters + 2))), f64);
  edges = c.create<AddOp>({c.create<MulOp>({edges, step}), low});
  edges = c.create<ExpOp>(
      c.create<MulOp>({edges, number(std::numbers::ln10 / 2595)}));
  edges = c.create<MulOp>({c.create<SubOp>({edges, number(1)}), number(700)});
  Value rate = c.create<AddOp>({scalar(1), number(1)});
  edges = c.create<FloorOp>(
      c.create<DivOp>({c.create<MulOp>({edges, rate}), scalar(2)}));
  auto edge = [&](int64_t offset) {
    return c.create<SliceOp>(edges, {c.ints("offsets", {offset}),
                                     c.ints("sizes", {filters}),
                                     c.ints("steps", {1})});
  };
  Value left = edge(0), centre = edge(1), right = edge(2);
  Value bin = c.cast(
      c.integers(llvm::to_vector(llvm::seq<int64_t>(0, bins)), {bins, 1}), f64);
  Value zero = number(0), one = number(1);
  auto span = [&](Value from, Value to) {
    // A width of 0 is not divided by.
    return c.create<MaxOp>({c.create<SubOp>({to, from}), one});
  };
  auto both = [&](Value lhs, Value rhs) { return c.create<AndOp>({lhs, rhs}); };
  Value rising =
      c.create<DivOp>({c.create<SubOp>({bin, left}), span(left, centre)});
  Value falling =
      c.create<DivOp>({c.create<SubOp>({right, bin}), span(centre, right)});
  Value isPeak = c.create<EqualOp>({bin, centre});
  Value isLeft = both(c.create<GreaterOrEqualOp>({bin, left}),
                      c.create<LessOp>({bin, centre}));
  Value isRight =
      both(c.create<GreaterOp>({bin, centre}), c.create<LessOp>({bin, right}));
  Value y = c.create<WhereOp>({isRight, falling, zero});
  y = c.create<WhereOp>({isLeft, rising, y});
  y = c.create<WhereOp>({isPeak, one, y});
  return c.yield(c.cast(y, element));
}

void qc::registerSignalHandlers(HandlerTable &table) {
  table.add("DFT", 17, 1, dft);
  table.add("STFT", 17, 2, stft);
  table.add("MelWeightMatrix", 17, 5, melWeightMatrix);
  table.add("HannWindow", 17, 1, hannWindow);
  table.add("HammingWindow", 17, 1, hammingWindow);
  table.add("BlackmanWindow", 17, 1, blackmanWindow);
}
