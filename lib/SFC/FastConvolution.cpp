// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The matrices of fast convolutions from the algebra of their rings.

#include "qc/SFC/FastConvolution.h"

#include "RingAlgorithm.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <cassert>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <vector>

using namespace qc;
using namespace qc::sfc;

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

Ring Ring::get(int64_t order) {
  assert((order == 4 || order == 6) && "2 cos(2 pi / order) is not known");
  return {order == 6 ? 1 : 0};
}

Element Ring::multiply(Element x, Element y) const {
  return {x.c0 * y.c0 - x.c1 * y.c1,
          x.c0 * y.c1 + x.c1 * y.c0 + alpha * x.c1 * y.c1};
}

// The roots of s^2 - alpha s + 1 have the sum alpha.
Element Ring::conjugate(Element x) const {
  return {x.c0 + alpha * x.c1, -x.c1};
}

int32_t Ring::getTrace(Element x) const { return 2 * x.c0 + alpha * x.c1; }

Element Ring::getPower(int64_t exponent, int64_t order) const {
  Element power{1, 0};
  for (int64_t i = (exponent % order + order) % order; i > 0; --i)
    power = multiply(power, {0, 1});
  return power;
}

llvm::ArrayRef<Element> Part::get(Operand operand) const {
  switch (operand) {
  case Operand::Inputs:
    return inputs;
  case Operand::Taps:
    return taps;
  case Operand::Outputs:
    return outputs;
  }
  llvm_unreachable("unknown operand");
}

//===----------------------------------------------------------------------===//
// One-dimensional algorithms
//===----------------------------------------------------------------------===//

/// No sum: one tap, one product per output.
static Axis makeIdentityAxis(int64_t numOutputs) {
  Axis axis;
  for (int64_t i = 0; i < numOutputs; ++i) {
    Part part;
    part.inputs.resize(numOutputs);
    part.inputs[i] = {1, 0};
    part.outputs = part.inputs;
    part.taps = {{1, 0}};
    axis.parts.push_back(std::move(part));
  }
  return axis;
}

/// The outputs and taps that meet in an input outside of the window of `order`
/// inputs from `window`.
static llvm::SmallVector<std::pair<int64_t, int64_t>>
getCorrections(int64_t order, int64_t numOutputs, int64_t numTaps,
               int64_t window) {
  llvm::SmallVector<std::pair<int64_t, int64_t>> corrections;
  for (int64_t i = 0; i < numOutputs; ++i)
    for (int64_t k = 0; k < numTaps; ++k)
      if (i + k < window || i + k >= window + order)
        corrections.emplace_back(i, k);
  return corrections;
}

/// SFC: a circular correlation of `order` inputs by its Fourier transform, and
/// one product for each pair of an output and a tap that it gets wrong.
static Axis makeFourierAxis(int64_t order, int64_t numOutputs,
                            int64_t numTaps) {
  int64_t tile = numOutputs + numTaps - 1;
  assert(tile >= order && "the window must fit into the tile");
  // The window with the fewest corrections; of these the most central one.
  auto getCost = [&](int64_t window) {
    return std::pair(getCorrections(order, numOutputs, numTaps, window).size(),
                     std::abs(2 * window - (tile - order)));
  };
  int64_t window = 0;
  for (int64_t other = 1; other <= tile - order; ++other)
    if (getCost(other) < getCost(window))
      window = other;

  Axis axis;
  axis.ring = Ring::get(order);
  axis.denominator = order;
  // The sum over all frequencies f of s^(f (i + k - j)) is `order` where j is
  // i + k modulo `order`. Conjugate frequencies share a part.
  for (int64_t f = 0; 2 * f <= order; ++f) {
    Part part;
    part.isComplex = f != 0 && 2 * f != order;
    for (int64_t j = 0; j < tile; ++j)
      part.inputs.push_back(j < window || j >= window + order
                                ? Element()
                                : axis.ring.getPower(-f * (j - window), order));
    for (int64_t k = 0; k < numTaps; ++k)
      part.taps.push_back(axis.ring.getPower(f * k, order));
    for (int64_t i = 0; i < numOutputs; ++i)
      part.outputs.push_back(axis.ring.getPower(f * (i - window), order));
    axis.parts.push_back(std::move(part));
  }
  for (auto [i, k] : getCorrections(order, numOutputs, numTaps, window)) {
    Part part;
    part.inputs.resize(tile);
    part.taps.resize(numTaps);
    part.outputs.resize(numOutputs);
    // The input in the window that the circular correlation has instead.
    int64_t instead = i + k;
    while (instead < window)
      instead += order;
    while (instead >= window + order)
      instead -= order;
    part.inputs[i + k] = {1, 0};
    part.inputs[instead] = {-1, 0};
    part.taps[k] = {static_cast<int32_t>(order), 0};
    part.outputs[i] = {1, 0};
    axis.parts.push_back(std::move(part));
  }
  return axis;
}

/// Toom-Cook: the product of the polynomials of outputs (dual) and taps from
/// its values at points a/b, in homogeneous form h(x, y) so that infinity is
/// the point 1/0. Interpolation is h = sum over points of h(a, b) N(x, y) /
/// N(a, b), where N is the product of b' x - a' y over all other points; the
/// coefficient of x^j in it belongs to input j.
static Axis makeWinogradAxis(int64_t numOutputs, int64_t numTaps) {
  int64_t tile = numOutputs + numTaps - 1;
  // 0, 1, -1, 2, -2, ...: few additions. The last is infinity.
  llvm::SmallVector<std::pair<int32_t, int32_t>> points;
  for (int32_t i = 0; i < tile - 1; ++i)
    points.emplace_back(i % 2 ? (i + 1) / 2 : -(i / 2), 1);
  points.emplace_back(1, 0);

  auto getPower = [](int32_t base, int64_t exponent) {
    int32_t power = 1;
    for (; exponent > 0; --exponent)
      power *= base;
    return power;
  };
  Axis axis;
  llvm::SmallVector<int32_t> values;
  for (auto [t, point] : llvm::enumerate(points)) {
    llvm::SmallVector<int32_t> polynomial = {1};
    int32_t value = 1;
    for (auto [other, root] : llvm::enumerate(points)) {
      if (other == t)
        continue;
      value *= root.second * point.first - root.first * point.second;
      polynomial.push_back(0);
      for (int64_t j = polynomial.size() - 1; j >= 0; --j)
        polynomial[j] = (j > 0 ? root.second * polynomial[j - 1] : 0) -
                        root.first * polynomial[j];
    }
    Part part;
    for (int32_t coefficient : polynomial)
      part.inputs.push_back({value < 0 ? -coefficient : coefficient, 0});
    for (int64_t k = 0; k < numTaps; ++k)
      part.taps.push_back(
          {getPower(point.first, k) * getPower(point.second, numTaps - 1 - k),
           0});
    for (int64_t i = 0; i < numOutputs; ++i)
      part.outputs.push_back({getPower(point.first, i) *
                                  getPower(point.second, numOutputs - 1 - i),
                              0});
    values.push_back(std::abs(value));
    axis.denominator =
        std::lcm(axis.denominator, static_cast<int64_t>(values.back()));
    axis.parts.push_back(std::move(part));
  }
  for (auto [part, value] : llvm::zip_equal(axis.parts, values))
    for (Element &tap : part.taps)
      tap.c0 *= axis.denominator / value;
  return axis;
}

//===----------------------------------------------------------------------===//
// Two-dimensional matrices
//===----------------------------------------------------------------------===//

/// The linear forms in the coordinates of an element that are multiplied:
/// products x coordinates.
static IntegerMatrix getProductForms(bool isComplex) {
  if (!isComplex) {
    IntegerMatrix forms(1, 1);
    forms.at(0, 0) = 1;
    return forms;
  }
  IntegerMatrix forms(3, 2);
  forms.at(0, 0) = forms.at(1, 1) = forms.at(2, 0) = forms.at(2, 1) = 1;
  return forms;
}

/// The Kronecker product.
static IntegerMatrix getKronecker(const IntegerMatrix &lhs,
                                  const IntegerMatrix &rhs) {
  IntegerMatrix product(lhs.rows * rhs.rows, lhs.columns * rhs.columns);
  for (int64_t r0 = 0; r0 < lhs.rows; ++r0)
    for (int64_t r1 = 0; r1 < rhs.rows; ++r1)
      for (int64_t c0 = 0; c0 < lhs.columns; ++c0)
        for (int64_t c1 = 0; c1 < rhs.columns; ++c1)
          product.at(r0 * rhs.rows + r1, c0 * rhs.columns + c1) =
              lhs.at(r0, c0) * rhs.at(r1, c1);
  return product;
}

/// The operand's factors of the products of a part with these elements:
/// products x elements.
static IntegerMatrix getFactors(const Ring &ring, bool isComplex,
                                llvm::ArrayRef<Element> elements,
                                Operand operand) {
  IntegerMatrix forms = getProductForms(isComplex);
  // x y = sum over products of their coefficients times these.
  const Element coefficients[] = {{1, -1}, {-1, ring.alpha - 1}, {0, 1}};
  IntegerMatrix factors(forms.rows, elements.size());
  for (int64_t row = 0; row < forms.rows; ++row) {
    for (auto [column, element] : llvm::enumerate(elements)) {
      int32_t &factor = factors.at(row, column);
      if (!isComplex)
        factor = element.c0;
      else if (operand == Operand::Taps)
        factor = ring.getTrace(ring.multiply(element, coefficients[row]));
      else
        factor = forms.at(row, 0) * element.c0 + forms.at(row, 1) * element.c1;
    }
  }
  return factors;
}

IntegerMatrix sfc::getPairFactors(const Algorithm &algorithm,
                                  const Part &vertical, const Part &horizontal,
                                  Operand operand) {
  const Axis &first = algorithm.axes[0], &second = algorithm.axes[1];
  if (!algorithm.isHermitian || !vertical.isComplex || !horizontal.isComplex)
    return getKronecker(getFactors(first.ring, vertical.isComplex,
                                   vertical.get(operand), operand),
                        getFactors(second.ring, horizontal.isComplex,
                                   horizontal.get(operand), operand));
  const Ring &ring = first.ring;
  llvm::SmallVector<Element> product, conjugate;
  for (Element x : vertical.get(operand)) {
    for (Element y : horizontal.get(operand)) {
      product.push_back(ring.multiply(x, y));
      conjugate.push_back(ring.multiply(x, ring.conjugate(y)));
    }
  }
  IntegerMatrix factors = getFactors(ring, true, product, operand);
  factors.entries.append(getFactors(ring, true, conjugate, operand).entries);
  factors.rows *= 2;
  return factors;
}

/// All products x elements, row-major by the pairs of parts.
static IntegerMatrix getFactors(const Algorithm &algorithm, Operand operand) {
  IntegerMatrix all;
  for (const Part &vertical : algorithm.axes[0].parts) {
    for (const Part &horizontal : algorithm.axes[1].parts) {
      IntegerMatrix block =
          getPairFactors(algorithm, vertical, horizontal, operand);
      all.columns = block.columns;
      all.rows += block.rows;
      all.entries.append(block.entries);
    }
  }
  return all;
}

static FastConvolution makeConvolution(std::string name,
                                       std::array<int64_t, 2> outputs,
                                       std::array<int64_t, 2> taps,
                                       const Algorithm &algorithm) {
  FastConvolution convolution;
  convolution.name = std::move(name);
  convolution.outputs = outputs;
  convolution.taps = taps;
  convolution.denominator =
      algorithm.axes[0].denominator * algorithm.axes[1].denominator;
  convolution.inputTransform = getFactors(algorithm, Operand::Inputs);
  convolution.weightTransform = getFactors(algorithm, Operand::Taps);
  IntegerMatrix transposed = getFactors(algorithm, Operand::Outputs);
  convolution.outputTransform =
      IntegerMatrix(transposed.columns, transposed.rows);
  for (int64_t row = 0; row < transposed.rows; ++row)
    for (int64_t column = 0; column < transposed.columns; ++column)
      convolution.outputTransform.at(column, row) = transposed.at(row, column);
  return convolution;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

namespace {

/// An algorithm that is offered, made when it is first asked for.
struct Offer {
  std::string name;
  /// Of the roots of unity; 0 for Winograd's algorithms.
  int64_t order;
  bool isHermitian;
  std::array<int64_t, 2> outputs, taps;

  std::once_flag once;
  Algorithm algorithm;
  FastConvolution convolution;

  Axis makeAxis(unsigned dim) const {
    if (taps[dim] == 1)
      return makeIdentityAxis(outputs[dim]);
    return order == 0 ? makeWinogradAxis(outputs[dim], taps[dim])
                      : makeFourierAxis(order, outputs[dim], taps[dim]);
  }
  void make() {
    algorithm = {{makeAxis(0), makeAxis(1)}, isHermitian};
    convolution = makeConvolution(name, outputs, taps, algorithm);
  }
};

struct Catalog {
  std::vector<std::unique_ptr<Offer>> offers;
  std::vector<llvm::StringRef> names;
  llvm::StringMap<Offer *> byName;

  Catalog();
  void add(llvm::StringRef family, int64_t order, bool isHermitian,
           std::array<int64_t, 2> outputs, std::array<int64_t, 2> taps);
  Offer *find(llvm::StringRef name) const {
    Offer *offer = byName.lookup(name);
    if (offer)
      std::call_once(offer->once, [&] { offer->make(); });
    return offer;
  }
};

} // namespace

void Catalog::add(llvm::StringRef family, int64_t order, bool isHermitian,
                  std::array<int64_t, 2> outputs, std::array<int64_t, 2> taps) {
  auto offer = std::make_unique<Offer>();
  auto join = [](std::array<int64_t, 2> sizes) {
    return std::to_string(sizes[0]) + "x" + std::to_string(sizes[1]);
  };
  offer->name = family.str() + "(" + join(outputs) + "," + join(taps) + ")";
  offer->order = order;
  offer->isHermitian = isHermitian;
  offer->outputs = outputs;
  offer->taps = taps;
  names.push_back(offer->name);
  byName[offer->name] = offer.get();
  offers.push_back(std::move(offer));
}

Catalog::Catalog() {
  // Outputs per axis for square kernels and for kernels along one axis.
  struct Sizes {
    llvm::StringRef family;
    int64_t order, taps;
    llvm::SmallVector<int64_t> outputs;
  };
  const Sizes families[] = {
      {"sfc-6", 6, 3, {4, 5, 6, 7}}, {"sfc-6", 6, 5, {4, 6}},
      {"sfc-6", 6, 7, {4, 6}},       {"sfc-4", 4, 3, {3, 4}},
      {"sfc-4", 4, 5, {4}},          {"sfc-4", 4, 7, {4}},
      {"winograd", 0, 3, {2, 3, 4}}, {"winograd", 0, 5, {2}},
  };
  for (const Sizes &sizes : families) {
    int64_t taps = sizes.taps;
    for (int64_t vertical : sizes.outputs) {
      for (int64_t horizontal : sizes.outputs) {
        add(sizes.family, sizes.order, /*isHermitian=*/sizes.order != 0,
            {vertical, horizontal}, {taps, taps});
        if (sizes.order != 0)
          add(sizes.family.str() + "-nested", sizes.order,
              /*isHermitian=*/false, {vertical, horizontal}, {taps, taps});
      }
    }
    for (int64_t outputs : sizes.outputs) {
      add(sizes.family, sizes.order, false, {1, outputs}, {1, taps});
      add(sizes.family, sizes.order, false, {outputs, 1}, {taps, 1});
    }
  }
}

static const Catalog &getCatalog() {
  static const Catalog catalog;
  return catalog;
}

const FastConvolution *qc::getFastConvolution(llvm::StringRef name) {
  const Offer *offer = getCatalog().find(name);
  return offer ? &offer->convolution : nullptr;
}

llvm::ArrayRef<llvm::StringRef> qc::getFastConvolutionNames() {
  return getCatalog().names;
}

const Algorithm *sfc::getAlgorithm(llvm::StringRef name) {
  const Offer *offer = getCatalog().find(name);
  return offer ? &offer->algorithm : nullptr;
}
