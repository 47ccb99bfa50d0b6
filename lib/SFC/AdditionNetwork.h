// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Programs of additions while they are put together: every value may be used
// with either sign. The signs become those of an AdditionProgram at the end.
#ifndef QC_LIB_SFC_ADDITIONNETWORK_H
#define QC_LIB_SFC_ADDITIONNETWORK_H

#include "qc/SFC/AdditionProgram.h"

#include "llvm/ADT/DenseMap.h"

namespace qc::sfc {

/// A value or its negation; zero without a value.
struct Term {
  int64_t value = -1;
  bool isNegative = false;

  bool isZero() const { return value < 0; }
  Term operator-() const { return {value, !isZero() && !isNegative}; }
};

/// Sums of two terms, numbered like the values of a program.
class AdditionNetwork {
public:
  struct Node {
    Term lhs, rhs;
  };

  explicit AdditionNetwork(int64_t numInputs) : numInputs(numInputs) {}

  int64_t getNumInputs() const { return numInputs; }
  llvm::ArrayRef<Node> getNodes() const { return nodes; }
  const Node &getNode(int64_t value) const { return nodes[value - numInputs]; }

  /// The sum; no node is made twice, not even with the opposite sign.
  Term add(Term lhs, Term rhs);

  /// The outputs of `part` for these inputs.
  llvm::SmallVector<Term> append(const AdditionNetwork &part,
                                 llvm::ArrayRef<Term> inputs);

  /// The network of the transposed matrix: signal flow is reversed (Fiduccia),
  /// which costs as many additions, but for the difference between the numbers
  /// of inputs and outputs. Its nodes are in the opposite order.
  AdditionNetwork getTransposed() const;

  /// Without negated outputs. Signs are chosen so that each node is a sum or a
  /// difference.
  AdditionProgram getProgram() const;

  llvm::SmallVector<Term> outputs;

private:
  int64_t numInputs;
  llvm::SmallVector<Node> nodes;
  llvm::DenseMap<std::pair<int64_t, int64_t>, int64_t> known;
};

/// A network for `matrix` by elimination of common subexpressions: again and
/// again the sum or difference of two values is made that most rows have in
/// common. The best of the given number of random orders, of the matrix and of
/// its transpose, and of the order of the matrix.
AdditionNetwork findNetwork(const IntegerMatrix &matrix,
                            unsigned numOrders = 16);

} // namespace qc::sfc

#endif // QC_LIB_SFC_ADDITIONNETWORK_H
