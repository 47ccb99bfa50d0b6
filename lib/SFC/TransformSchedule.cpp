// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of additions for the transforms of fast convolutions.
//
// The factors of the products in an operand are a composition of three maps of
// small matrices: the coordinates of the elements of the vertical parts for
// each column, those of the horizontal parts for each row of the result, and
// for each pair of parts the forms in these coordinates that are multiplied.
// The output transform is the transpose of that of its operand.

#include "qc/SFC/AdditionProgram.h"

#include "AdditionNetwork.h"
#include "RingAlgorithm.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

using namespace qc;
using namespace qc::sfc;

/// The coordinates of the elements of all parts: coordinates x elements.
static IntegerMatrix getCoordinates(const Axis &axis, Operand operand) {
  IntegerMatrix coordinates;
  for (const Part &part : axis.parts) {
    llvm::ArrayRef<Element> elements = part.get(operand);
    coordinates.columns = elements.size();
    coordinates.rows += part.getDimension();
    for (Element element : elements)
      coordinates.entries.push_back(element.c0);
    if (part.isComplex)
      for (Element element : elements)
        coordinates.entries.push_back(element.c1);
  }
  return coordinates;
}

/// A part with the coordinates of its element as the operand.
static Part getBasis(const Part &part, Operand operand) {
  Part basis;
  basis.isComplex = part.isComplex;
  llvm::SmallVector<Element> &elements =
      operand == Operand::Inputs ? basis.inputs
      : operand == Operand::Taps ? basis.taps
                                 : basis.outputs;
  elements.push_back({1, 0});
  if (part.isComplex)
    elements.push_back({0, 1});
  return basis;
}

namespace {

/// Puts the networks of the three maps together.
class Composer {
public:
  Composer(const Algorithm &algorithm, Operand operand);

  /// From the elements of the operand, row-major, to the factors of the
  /// products. Axis `outer` comes first: 0 for columns, 1 for rows.
  AdditionNetwork compose(unsigned outer) const;

private:
  using Parts = llvm::ArrayRef<Part>;

  std::array<Parts, 2> parts;
  /// Elements of the operand per axis.
  std::array<int64_t, 2> sizes;
  /// From the elements of an axis to the coordinates of its parts.
  std::array<AdditionNetwork, 2> axisNetworks;
  /// From the coordinates of two parts to the factors of their products, by
  /// whether the parts are complex: others have the same forms.
  std::map<std::pair<bool, bool>, AdditionNetwork> formNetworks;
  /// Per vertical and horizontal part the first product.
  std::vector<llvm::SmallVector<int64_t>> products;
  int64_t numProducts = 0;
};

} // namespace

Composer::Composer(const Algorithm &algorithm, Operand operand)
    : parts{algorithm.axes[0].parts, algorithm.axes[1].parts},
      axisNetworks{findNetwork(getCoordinates(algorithm.axes[0], operand)),
                   findNetwork(getCoordinates(algorithm.axes[1], operand))} {
  for (unsigned dim : {0, 1})
    sizes[dim] = axisNetworks[dim].getNumInputs();
  for (const Part &vertical : parts[0]) {
    products.emplace_back();
    for (const Part &horizontal : parts[1]) {
      auto kinds = std::pair(vertical.isComplex, horizontal.isComplex);
      auto it = formNetworks.find(kinds);
      if (it == formNetworks.end())
        it = formNetworks
                 .emplace(kinds, findNetwork(getPairFactors(
                                     algorithm, getBasis(vertical, operand),
                                     getBasis(horizontal, operand), operand)))
                 .first;
      products.back().push_back(numProducts);
      numProducts += it->second.outputs.size();
    }
  }
}

AdditionNetwork Composer::compose(unsigned outer) const {
  const unsigned inner = 1 - outer;
  AdditionNetwork network(sizes[0] * sizes[1]);
  network.outputs.resize(numProducts);

  // Per coordinate of the outer axis the values along the inner axis.
  std::vector<llvm::SmallVector<Term>> lines(
      axisNetworks[outer].outputs.size());
  for (int64_t i = 0; i < sizes[inner]; ++i) {
    llvm::SmallVector<Term> inputs;
    for (int64_t o = 0; o < sizes[outer]; ++o)
      inputs.push_back(
          {outer == 0 ? o * sizes[1] + i : i * sizes[1] + o, false});
    for (auto [line, term] :
         llvm::zip_equal(lines, network.append(axisNetworks[outer], inputs)))
      line.push_back(term);
  }

  int64_t firstLine = 0;
  for (auto [o, outerPart] : llvm::enumerate(parts[outer])) {
    std::vector<llvm::SmallVector<Term>> values;
    for (int64_t i = 0; i < outerPart.getDimension(); ++i)
      values.push_back(
          network.append(axisNetworks[inner], lines[firstLine + i]));
    firstLine += outerPart.getDimension();
    int64_t firstValue = 0;
    for (auto [i, innerPart] : llvm::enumerate(parts[inner])) {
      size_t v = outer == 0 ? o : i, h = outer == 0 ? i : o;
      const Part &vertical = parts[0][v], &horizontal = parts[1][h];
      llvm::SmallVector<Term> inputs;
      for (int64_t row = 0; row < vertical.getDimension(); ++row)
        for (int64_t column = 0; column < horizontal.getDimension(); ++column)
          inputs.push_back(outer == 0 ? values[row][firstValue + column]
                                      : values[column][firstValue + row]);
      firstValue += innerPart.getDimension();
      const AdditionNetwork &forms =
          formNetworks.at({vertical.isComplex, horizontal.isComplex});
      llvm::copy(network.append(forms, inputs),
                 network.outputs.begin() + products[v][h]);
    }
  }
  return network;
}

/// The better order of the axes.
static AdditionNetwork getNetwork(const Algorithm &algorithm, Operand operand) {
  Composer composer(algorithm, operand);
  AdditionNetwork columnsFirst = composer.compose(0),
                  rowsFirst = composer.compose(1);
  return rowsFirst.getNodes().size() < columnsFirst.getNodes().size()
             ? rowsFirst
             : columnsFirst;
}

/// The algorithm with the matrices of `convolution`, null if there is none.
static const Algorithm *getAlgorithmOf(const FastConvolution &convolution) {
  const FastConvolution *offered = getFastConvolution(convolution.name);
  if (!offered || offered->inputTransform != convolution.inputTransform ||
      offered->weightTransform != convolution.weightTransform ||
      offered->outputTransform != convolution.outputTransform)
    return nullptr;
  return getAlgorithm(convolution.name);
}

AdditionProgram qc::scheduleInputTransform(const FastConvolution &convolution) {
  const Algorithm *algorithm = getAlgorithmOf(convolution);
  if (!algorithm)
    return scheduleAdditions(convolution.inputTransform);
  return getNetwork(*algorithm, Operand::Inputs).getProgram();
}

AdditionProgram
qc::scheduleWeightTransform(const FastConvolution &convolution) {
  const Algorithm *algorithm = getAlgorithmOf(convolution);
  if (!algorithm)
    return scheduleAdditions(convolution.weightTransform);
  AdditionNetwork network = getNetwork(*algorithm, Operand::Taps);
  // The forms of few taps have more in common than the axes show, and one
  // order of elimination finds most of it: 237 additions instead of 281 for
  // SFC-6(6x6,3x3). With more taps it is worse than the axes, and takes long.
  const int64_t maxTaps = 9;
  if (convolution.weightTransform.columns <= maxTaps) {
    AdditionNetwork whole =
        findNetwork(convolution.weightTransform, /*numOrders=*/0);
    if (whole.getNodes().size() < network.getNodes().size())
      network = std::move(whole);
  }
  return network.getProgram();
}

AdditionProgram
qc::scheduleOutputTransform(const FastConvolution &convolution) {
  const Algorithm *algorithm = getAlgorithmOf(convolution);
  if (!algorithm)
    return scheduleAdditions(convolution.outputTransform);
  return getNetwork(*algorithm, Operand::Outputs).getTransposed().getProgram();
}

const TransformPrograms &
qc::getTransformPrograms(const FastConvolution &convolution) {
  struct Entry {
    std::once_flag once;
    TransformPrograms programs;
  };
  static std::mutex mutex;
  static llvm::StringMap<std::unique_ptr<Entry>> known;
  Entry *entry;
  {
    std::lock_guard lock(mutex);
    std::unique_ptr<Entry> &slot = known[convolution.name];
    if (!slot)
      slot = std::make_unique<Entry>();
    entry = slot.get();
  }
  // Threads wait for the search of the algorithm they ask for, and no other.
  std::call_once(entry->once, [&] {
    entry->programs = {scheduleInputTransform(convolution),
                       scheduleWeightTransform(convolution),
                       scheduleOutputTransform(convolution)};
  });
  return entry->programs;
}

/// The ranges of all values of the input transform for inputs in `range`.
static llvm::SmallVector<IntegerRange>
getInputRanges(const AdditionProgram &program, IntegerRange range) {
  return getRanges(program,
                   llvm::SmallVector<IntegerRange>(program.numInputs, range));
}

llvm::SmallVector<IntegerRange>
qc::getFactorRanges(const FastConvolution &convolution, IntegerRange range) {
  const AdditionProgram &program = getTransformPrograms(convolution).input;
  llvm::SmallVector<IntegerRange> values = getInputRanges(program, range),
                                  factors;
  for (int64_t value : program.outputs)
    factors.push_back(value < 0 ? IntegerRange{0, 0} : values[value]);
  return factors;
}

bool qc::fitsInt16(const FastConvolution &convolution, IntegerRange range) {
  return llvm::all_of(
      getInputRanges(getTransformPrograms(convolution).input, range),
      [](const IntegerRange &value) {
        return value.low >= INT16_MIN && value.high <= INT16_MAX;
      });
}

int64_t qc::getLargestFactor(const FastConvolution &convolution,
                             int64_t largest) {
  const IntegerMatrix &matrix = convolution.weightTransform;
  int64_t gain = 0;
  for (int64_t row = 0; row < matrix.rows; ++row) {
    int64_t sum = 0;
    for (int64_t column = 0; column < matrix.columns; ++column)
      sum += std::abs(matrix.at(row, column));
    gain = std::max(gain, sum);
  }
  return gain * largest;
}
