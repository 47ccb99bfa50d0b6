// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a model's outputs are from those of the float model.

#include "ModelComparison.h"

#include "qc/Analysis/Executor.h"
#include "qc/Dialect/QC/IR/QCDialect.h"

#include <cmath>

using namespace mlir;
using namespace qc;

ModelComparison::ModelComparison(func::FuncOp function) {
  Operation *end = function.getBody().front().getTerminator();
  for (Value value : end->getOperands()) {
    auto type = cast<RankedTensorType>(value.getType());
    bool counts =
        isa<Float32Type>(type.getElementType()) && type.getNumElements() > 0;
    int64_t length = type.getRank() ? type.getShape().back() : 1;
    outputs.push_back({counts,
                       isa_and_nonnull<SoftmaxOp>(value.getDefiningOp()),
                       length,
                       counts ? type.getNumElements() / length : 0,
                       0,
                       0,
                       0,
                       {}});
  }
}

std::vector<ModelComparison::Output>::const_iterator
ModelComparison::findFirst() const {
  return llvm::find_if(outputs,
                       [](const Output &output) { return output.counts; });
}

bool ModelComparison::isThere() const { return findFirst() != outputs.end(); }

std::pair<int64_t, int64_t> ModelComparison::getRows() const {
  auto first = findFirst();
  if (first == outputs.end())
    return {0, 0};
  return {first->rows, first->length};
}

void ModelComparison::countLabels(ArrayRef<float> values) {
  auto [rows, length] = getRows();
  for (int64_t row = 0; row < rows && numLabelled < labels.size(); ++row) {
    ArrayRef<float> own = values.slice(row * length, length);
    numRight += std::max_element(own.begin(), own.end()) - own.begin() ==
                labels[numLabelled++];
  }
}

void ModelComparison::add(size_t index, ArrayRef<char> reference,
                          ArrayRef<char> other) {
  Output &output = outputs[index];
  if (!output.counts)
    return;
  ArrayRef<float> from = toFloats(reference), to = toFloats(other);
  if (outputs.begin() + index == findFirst())
    countLabels(to);
  output.numUndefined +=
      llvm::any_of(from, [](float value) { return std::isnan(value); });
  for (auto [a, b] : llvm::zip_equal(from, to)) {
    double error = static_cast<double>(a) - b;
    output.noise += error * error;
    output.power += static_cast<double>(a) * a;
  }
  if (!output.isSoftmax) {
    output.logits.add(from, to, output.length);
    return;
  }
  // The softmax of logarithms of probabilities are the probabilities.
  auto getLogarithms = [](ArrayRef<float> values) {
    std::vector<float> logarithms;
    for (float value : values)
      logarithms.push_back(std::log(std::max(value, 1e-30f)));
    return logarithms;
  };
  output.logits.add(getLogarithms(from), getLogarithms(to), output.length);
}

size_t ModelComparison::getNumUndefined() const {
  size_t count = 0;
  for (const Output &output : outputs)
    count = std::max(count, output.numUndefined);
  return count;
}

ModelError ModelComparison::get() const {
  // JSON has no infinity.
  auto limit = [](double value) { return value < 1e30 ? value : 1e30; };
  ModelError error;
  if (numLabelled)
    error.accuracy = static_cast<double>(numRight) / numLabelled;
  for (const Output &output : outputs) {
    if (!output.counts)
      continue;
    if (output.noise > 0 || std::isnan(output.noise))
      error.relativeSquare += limit(output.noise / output.power);
    error.divergence =
        std::max(error.divergence, limit(output.logits.getDivergence()));
    error.agreement = std::min(error.agreement, output.logits.getAgreement());
  }
  return error;
}
