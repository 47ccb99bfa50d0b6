// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How analyses run code: an interface of the qc dialect that the Execution
// library implements (registerExecution), so that nothing here depends on a
// target. Sequential rounding, calibration and sensitivity go through it.
#ifndef QC_ANALYSIS_EXECUTOR_H
#define QC_ANALYSIS_EXECUTOR_H

#include "qc/Dialect/QC/IR/QCDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectInterface.h"
#include "llvm/ADT/BitVector.h"

#include <memory>

namespace qc {

/// The numbers of an f32 tensor in storage format.
inline llvm::ArrayRef<float> toFloats(llvm::ArrayRef<char> bytes) {
  return {reinterpret_cast<const float *>(bytes.data()),
          bytes.size() / sizeof(float)};
}

/// How results lie in memory.
enum class ResultOrder {
  RowMajor,
  /// As code computes maps: dimension 1 after all others where that saves
  /// turning a result around (CompiledFunction::isChannelsLast).
  AsComputed
};

/// A function that was compiled for this machine, with memory for its arguments
/// and results. Tensors are in storage format: row-major (results may be asked
/// for in another order), little-endian, i1 as one byte, sub-byte integers
/// packed from the low bits. The memory is aligned to 64 bytes and stays where
/// it is.
class CompiledFunction {
public:
  virtual ~CompiledFunction() = default;

  /// Memory of argument `index`, to be filled before a run.
  llvm::MutableArrayRef<char> getInput(size_t index) const {
    return inputs[index];
  }
  /// Memory of result `index`, valid after a run until the next one.
  llvm::MutableArrayRef<char> getOutput(size_t index) const {
    return outputs[index];
  }
  /// Whether result `index` is row-major but for dimension 1, which is last.
  bool isChannelsLast(size_t index) const {
    return index < channelsLast.size() && channelsLast[index];
  }
  size_t getNumInputs() const { return inputs.size(); }
  size_t getNumOutputs() const { return outputs.size(); }

  /// Computes the results. Fails with a diagnostic at the function.
  virtual mlir::LogicalResult run() = 0;
  /// The same with `values` as arguments.
  mlir::LogicalResult runOn(llvm::ArrayRef<llvm::ArrayRef<char>> values);

  /// Another one with the same code and memory of its own: both may run at the
  /// same time.
  virtual mlir::FailureOr<std::unique_ptr<CompiledFunction>>
  duplicate() const = 0;

protected:
  llvm::SmallVector<llvm::MutableArrayRef<char>> inputs, outputs;
  /// One per result; none: all are row-major.
  llvm::BitVector channelsLast;
};

/// Compiles functions of the graph, QDQ and integer levels.
class ExecutorInterface
    : public mlir::DialectInterface::Base<ExecutorInterface> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(ExecutorInterface)
  ExecutorInterface(mlir::Dialect *dialect) : Base(dialect) {}

  /// Compiles a copy of `function`, which stays as it is; a run uses `threads`
  /// (0: what the executor was registered with). Fails with a diagnostic.
  virtual mlir::FailureOr<std::unique_ptr<CompiledFunction>>
  compile(mlir::func::FuncOp function,
          ResultOrder order = ResultOrder::RowMajor,
          unsigned threads = 0) const = 0;

  /// Compiles it for `count` runs at once, each on one thread: many runs are
  /// done sooner than one after the other with all threads in each.
  mlir::FailureOr<llvm::SmallVector<std::unique_ptr<CompiledFunction>>>
  compileForMany(mlir::func::FuncOp function, size_t count) const;
};

/// The executor of the op's context. Null, after an error at `op`, where the
/// program did not register one.
const ExecutorInterface *getExecutor(mlir::Operation *op);

/// A module with one function that computes `results` from `arguments`: values
/// of one block, whose ops are pure. What the results do not depend on is left
/// out, constants are copied; every argument of the block that they do depend
/// on must be among `arguments`. The module has the attributes (numerics) of
/// the module around the block.
mlir::OwningOpRef<mlir::ModuleOp>
extractFunction(llvm::ArrayRef<mlir::Value> arguments,
                llvm::ArrayRef<mlir::Value> results);

} // namespace qc

#endif // QC_ANALYSIS_EXECUTOR_H
