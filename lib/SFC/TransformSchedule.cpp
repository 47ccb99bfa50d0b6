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

#include <map>

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

/// The forms that are multiplied where two parts meet: products x (coordinates
/// of the vertical * coordinates of the horizontal element).
static IntegerMatrix getForms(const Algorithm &algorithm, const Part &vertical,
                              const Part &horizontal) {
  if (!algorithm.isHermitian || !vertical.isComplex || !horizontal.isComplex)
    return getKronecker(getProductForms(vertical.isComplex),
                        getProductForms(horizontal.isComplex));
  const Ring &ring = algorithm.axes[0].ring;
  IntegerMatrix forms = getProductForms(true);
  IntegerMatrix result(2 * forms.rows, 4);
  const Element basis[] = {{1, 0}, {0, 1}};
  for (int64_t column = 0; column < 4; ++column) {
    Element x = basis[column / 2], y = basis[column % 2];
    Element product = ring.multiply(x, y),
            conjugate = ring.multiply(x, ring.conjugate(y));
    for (int64_t row = 0; row < forms.rows; ++row) {
      int32_t c0 = forms.at(row, 0), c1 = forms.at(row, 1);
      result.at(row, column) = c0 * product.c0 + c1 * product.c1;
      result.at(forms.rows + row, column) =
          c0 * conjugate.c0 + c1 * conjugate.c1;
    }
  }
  return result;
}

/// From the elements of the operand, row-major, to the factors of the products.
static AdditionNetwork getNetwork(const Algorithm &algorithm, Operand operand) {
  IntegerMatrix vertical = getCoordinates(algorithm.axes[0], operand),
                horizontal = getCoordinates(algorithm.axes[1], operand);
  AdditionNetwork verticalNetwork = findNetwork(vertical),
                  horizontalNetwork = findNetwork(horizontal);
  AdditionNetwork network(vertical.columns * horizontal.columns);

  std::vector<llvm::SmallVector<Term>> rows(vertical.rows);
  for (int64_t column = 0; column < horizontal.columns; ++column) {
    llvm::SmallVector<Term> inputs;
    for (int64_t row = 0; row < vertical.columns; ++row)
      inputs.push_back({row * horizontal.columns + column, false});
    for (auto [row, term] :
         llvm::zip_equal(rows, network.append(verticalNetwork, inputs)))
      row.push_back(term);
  }

  // Pairs of parts of the same kinds have the same forms.
  std::map<std::pair<bool, bool>, AdditionNetwork> formNetworks;
  int64_t firstRow = 0;
  for (const Part &part : algorithm.axes[0].parts) {
    std::vector<llvm::SmallVector<Term>> values;
    for (int64_t i = 0; i < part.getDimension(); ++i)
      values.push_back(network.append(horizontalNetwork, rows[firstRow + i]));
    firstRow += part.getDimension();
    int64_t firstColumn = 0;
    for (const Part &other : algorithm.axes[1].parts) {
      auto kinds = std::pair(part.isComplex, other.isComplex);
      auto it = formNetworks.find(kinds);
      if (it == formNetworks.end())
        it = formNetworks
                 .emplace(kinds, findNetwork(getForms(algorithm, part, other)))
                 .first;
      llvm::SmallVector<Term> coordinates;
      for (llvm::ArrayRef<Term> row : values)
        llvm::append_range(coordinates,
                           row.slice(firstColumn, other.getDimension()));
      firstColumn += other.getDimension();
      llvm::append_range(network.outputs,
                         network.append(it->second, coordinates));
    }
  }
  return network;
}

AdditionProgram qc::scheduleInputTransform(const FastConvolution &convolution) {
  const Algorithm *algorithm = getAlgorithm(convolution.name);
  if (!algorithm)
    return scheduleAdditions(convolution.inputTransform);
  return getNetwork(*algorithm, Operand::Inputs).getProgram();
}

AdditionProgram
qc::scheduleOutputTransform(const FastConvolution &convolution) {
  const Algorithm *algorithm = getAlgorithm(convolution.name);
  if (!algorithm)
    return scheduleAdditions(convolution.outputTransform);
  return getNetwork(*algorithm, Operand::Outputs).getTransposed().getProgram();
}
