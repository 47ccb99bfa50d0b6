// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs functions and programs through the reference meaning of their ops, with
// no code generation: the oracle for passes and for what is compiled.
//
// A multiply-add costs about a microsecond: for small models.
#ifndef QC_ANALYSIS_REFERENCERUN_H
#define QC_ANALYSIS_REFERENCERUN_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace qc {

/// A tensor's elements, row-major, in storage format (ConstantStore.h).
struct ReferenceTensor {
  ReferenceTensor(mlir::RankedTensorType type, std::vector<char> bytes);

  /// Without a layout.
  mlir::RankedTensorType type;
  std::vector<char> bytes;
  /// 128 bits of the elements' bytes.
  std::pair<uint64_t, uint64_t> hash;
};
using ReferenceTensorPtr = std::shared_ptr<const ReferenceTensor>;
using ReferenceTensors = llvm::SmallVector<ReferenceTensorPtr, 1>;

/// Runs models, and remembers what ops computed from which inputs: a second run
/// computes only what is new. Tensors of the run before last are forgotten.
class ReferenceRun {
public:
  /// An op that cannot be run, and why.
  struct Obstacle {
    mlir::Operation *op;
    std::string reason;
  };
  /// What keeps `root` from running: ops of another level, sizes above
  /// `largestBytes`.
  static std::optional<Obstacle> findObstacle(mlir::Operation *root);
  static constexpr int64_t largestBytes = int64_t(1) << 30;

  /// Sees result number `result` of `op` and returns what the run goes on with
  /// (launches go on with their own).
  using Visitor = llvm::function_ref<ReferenceTensorPtr(
      mlir::Operation *op, unsigned result, ReferenceTensorPtr value)>;

  /// The results of `root`, a func.func of qc ops or dispatches in one block or
  /// a qc.program, without obstacles; extents of results of run-time size are
  /// behind the results. `inputs` have the arguments' types. Layouts are
  /// followed, so one that puts two elements in one place shows. Fails with a
  /// diagnostic.
  mlir::FailureOr<ReferenceTensors> run(mlir::Operation *root,
                                        ReferenceTensors inputs, Visitor visit);

private:
  using Tensors = ReferenceTensors;
  using Key = std::pair<uint64_t, uint64_t>;

  mlir::FailureOr<Tensors> runFunction(mlir::Operation *root, Tensors inputs,
                                       Visitor visit);
  mlir::FailureOr<Tensors> runProgram(ProgramOp program, Tensors inputs,
                                      Visitor visit);
  mlir::FailureOr<Tensors> evaluate(mlir::Operation *op,
                                    llvm::ArrayRef<ReferenceTensorPtr> operands,
                                    KernelOp kernel);
  const Key &getTextHash(KernelOp kernel);

  std::map<Key, Tensors> results, recent;
  /// By kernel, of the current run.
  llvm::DenseMap<mlir::Operation *, Key> textHashes;
};

} // namespace qc

#endif // QC_ANALYSIS_REFERENCERUN_H
