// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which op computes a node's result: how two forms of one model are matched,
// before and after a pass, float and quantized.
#ifndef QC_ANALYSIS_NODERESULTS_H
#define QC_ANALYSIS_NODERESULTS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Types.h"

#include <map>
#include <string>

namespace qc {

/// A node's result in one element type: reals, codes or sums.
using NodeResult = std::pair<std::string, mlir::Type>;

/// The nodes of a function's or a program's block. An op that stands for the
/// nodes a, b and c (its location names them in this order) computes the result
/// of c, unless a later op of this element type also stands for c: then c's
/// result is the later op's, and this one's has no name. So are parts without
/// one (qc/Support/Names.h). Ops without ONNX names go by their place
/// "LINE:COLUMN" in the file. Constants are no nodes.
class NodeResults {
public:
  explicit NodeResults(mlir::Block &block);

  /// The result that `op` computes, or null.
  const NodeResult *getNode(mlir::Operation *op) const {
    return nodes.lookup(op);
  }
  /// The op that computes it, or null.
  mlir::Operation *lookup(const NodeResult &node) const {
    auto found = ops.find(node);
    return found == ops.end() ? nullptr : found->second;
  }

private:
  std::map<NodeResult, mlir::Operation *,
           bool (*)(const NodeResult &, const NodeResult &)>
      ops;
  llvm::DenseMap<mlir::Operation *, const NodeResult *> nodes;
};

/// An order of node results for containers.
bool isBefore(const NodeResult &lhs, const NodeResult &rhs);

} // namespace qc

#endif // QC_ANALYSIS_NODERESULTS_H
