// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multiplications with small constant matrices as straight-line code of few
// additions, above all the transforms of fast convolutions.
#ifndef QC_SFC_ADDITIONPROGRAM_H
#define QC_SFC_ADDITIONPROGRAM_H

#include "qc/SFC/FastConvolution.h"

namespace qc {

/// Straight-line code of additions. Values are numbered: inputs first, then
/// one per step.
struct AdditionProgram {
  /// lhs + rhs or lhs - rhs, both earlier values; lhs == rhs doubles.
  struct Step {
    int64_t lhs, rhs;
    bool isDifference;
  };
  int64_t numInputs = 0;
  llvm::SmallVector<Step> steps;
  /// Value number per output, -1 for a constant zero.
  llvm::SmallVector<int64_t> outputs;

  int64_t getNumAdditions() const { return steps.size(); }
  int64_t getNumValues() const { return numInputs + steps.size(); }
};

/// B of `convolution`: from the inputs of a tile to the factors of the
/// products. Column by column of the tile, then row by row of the intermediate
/// values, each with its products; or first rows, then columns, where that has
/// fewer additions.
AdditionProgram scheduleInputTransform(const FastConvolution &convolution);

/// G of `convolution`: from the weights to the factors of the products, in the
/// order of the input transform.
AdditionProgram scheduleWeightTransform(const FastConvolution &convolution);

/// A of `convolution`: from the products to the outputs times the denominator.
/// Row by row of the intermediate values, then column by column of the outputs;
/// or first columns, then rows, where that has fewer additions.
AdditionProgram scheduleOutputTransform(const FastConvolution &convolution);

/// The programs of an algorithm. Finding them takes tens of milliseconds.
struct TransformPrograms {
  AdditionProgram input, weights, output;
};
/// Those of one that getFastConvolution returned: found once, kept for the
/// process (thread safe).
const TransformPrograms &
getTransformPrograms(const FastConvolution &convolution);

/// A program for any matrix, by greedy elimination of common subexpressions of
/// two terms. An entry c costs on the order of log2 |c| additions. No output is
/// negated at the end but for rows that need it, such as one without positive
/// entries.
AdditionProgram scheduleAdditions(const IntegerMatrix &matrix);

/// Both ends included.
struct IntegerRange {
  int64_t low, high;
  bool operator==(const IntegerRange &) const = default;
};

/// The exact range of every value of `program` for independent inputs in the
/// given ranges, one per input: by its linear form, so common terms cancel. The
/// bounds must fit into 64 bits.
llvm::SmallVector<IntegerRange> getRanges(const AdditionProgram &program,
                                          llvm::ArrayRef<IntegerRange> inputs);

/// The range of each transformed input, a factor of one product, for inputs in
/// `range`.
llvm::SmallVector<IntegerRange>
getFactorRanges(const FastConvolution &convolution, IntegerRange range);

/// Whether no value of the input transform of `convolution` leaves 16 bits for
/// inputs in `range`.
bool fitsInt16(const FastConvolution &convolution, IntegerRange range);

/// The largest factor, in size, that weights of at most `largest` in size
/// become.
int64_t getLargestFactor(const FastConvolution &convolution, int64_t largest);

/// The matrix, outputs x inputs, that `program` multiplies with.
IntegerMatrix getMatrix(const AdditionProgram &program);

} // namespace qc

#endif // QC_SFC_ADDITIONPROGRAM_H
