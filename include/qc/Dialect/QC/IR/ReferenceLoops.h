// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a kernel's body to loops over flat memory.
//
// A kernel is evaluated by pulling: to write one result element, ask the op
// that defines it, which asks the ops that define its operands, down to loads
// from the kernel's arguments. Nothing between is stored. Every target uses
// this evaluator; schedules override how the root's elements are made and keep
// the rest.
#ifndef QC_DIALECT_QC_IR_REFERENCELOOPS_H
#define QC_DIALECT_QC_IR_REFERENCELOOPS_H

#include "qc/Dialect/QC/IR/QCDialect.h"

namespace qc {

/// The element type of a tensor's memory: signless, i1 and sub-byte integers as
/// i8, other types themselves.
mlir::Type getStorageType(mlir::Type element);

/// Number of storage elements that a tensor occupies: layout padding included,
/// sub-byte integers packed from the low bits.
int64_t getStorageCount(mlir::RankedTensorType type);

/// Bytes that a tensor occupies in memory.
int64_t getStorageBytes(mlir::RankedTensorType type);

/// The flat memory of a tensor: `memref<N x storage>`.
mlir::MemRefType getBufferType(mlir::RankedTensorType type);

/// The tensor's dimensions from the outermost to the contiguous one.
llvm::SmallVector<int64_t> getPhysicalOrder(mlir::RankedTensorType type);

/// The dimension along which elements lie side by side in memory, -1 if blocks
/// or a single element leave none.
int64_t getContiguousDim(mlir::RankedTensorType type);

class KernelEvaluator {
public:
  using Override =
      std::function<mlir::Value(mlir::OpBuilder &, mlir::ValueRange)>;

  /// `arguments` are the buffers of the body's block arguments.
  KernelEvaluator(mlir::Block &body, mlir::ValueRange arguments);

  /// From now on evaluates `lanes` consecutive elements along the dimension
  /// whose index is the value `laneIndex`; one lane ends that.
  void setLanes(mlir::Value laneIndex, int64_t lanes);

  /// Lets ops that run along rows (reductions, norms, softmax) evaluate up to
  /// `lanes` elements of a contiguous row at once.
  void setRowLanes(int64_t lanes);

  /// Replaces the evaluation of `value` (a kernel argument or an op's result);
  /// null ends that.
  void override(mlir::Value value, Override evaluate) {
    if (evaluate)
      overrides[value] = std::move(evaluate);
    else
      overrides.erase(value);
    memo.clear();
  }

  /// The element of `tensor` at `indices` in compute type, rounded to its own
  /// type. A vector when lanes are set and the element depends on the lane, or
  /// when the only index of a row-major argument is a vector of i32 positions.
  mlir::Value evaluate(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value tensor, mlir::ValueRange indices);

  /// Stores `value` (compute type) as element `indices` of a tensor of `type`.
  void store(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
             mlir::RankedTensorType type, mlir::Value buffer,
             mlir::ValueRange indices);

  /// How many loads had to gather lanes that do not lie side by side.
  int64_t getNumStridedLoads() const { return stridedLoads; }

  /// Forgets evaluated elements: needed when code is emitted where they do not
  /// dominate in a way the block structure does not show.
  void forget() { memo.clear(); }

  /// An emitter for `op` whose operands are evaluated here; `writers` may be
  /// empty.
  void withEmitter(mlir::OpBuilder &builder, mlir::Operation *op,
                   llvm::ArrayRef<Emitter::Writer> writers,
                   llvm::function_ref<void(Emitter &)> body);

private:
  /// Whether `index` is the lane index or that plus a constant.
  bool isLane(mlir::Value index) const;
  /// Whether lanes at `indices` follow each other in memory.
  bool hasContiguousLanes(mlir::RankedTensorType type,
                          mlir::ValueRange indices) const;

  struct Entry {
    llvm::SmallVector<mlir::Value> indices;
    int64_t lanes;
    mlir::Block *block;
    mlir::Value value;
  };
  mlir::Value load(mlir::OpBuilder &builder, mlir::Location loc,
                   mlir::RankedTensorType type, mlir::Value buffer,
                   mlir::ValueRange indices);

  llvm::DenseMap<mlir::Value, mlir::Value> buffers;
  llvm::DenseMap<mlir::Value, Override> overrides;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Entry>> memo;
  mlir::Block &body;
  mlir::Value laneIndex;
  int64_t lanes = 1, rowLanes = 1, stridedLoads = 0;
};

/// The linear storage position of element `indices` in a tensor of `type`.
mlir::Value getLinearPosition(mlir::OpBuilder &builder, mlir::Location loc,
                              mlir::RankedTensorType type,
                              mlir::ValueRange indices);

/// Whether every op of the body but `except` may be evaluated for lanes along
/// dimension `dim` of a result with `rank` dimensions.
bool isLaneTransparent(mlir::Block &body, int64_t dim, int64_t rank,
                       mlir::Operation *except = nullptr);

/// Bytes of the widest values that the body computes with: a vector of as many
/// lanes as fill a register with them needs one register per value.
int64_t getWidestBytes(mlir::Block &body);

/// The block op that drives the kernel body's iteration; null if there is none.
BlockOpInterface getBlockRoot(mlir::Block &body);

/// Emits one iteration of `root`: each element that it writes runs through the
/// ops behind it into the kernel's `results`.
void emitBlockIteration(mlir::OpBuilder &builder, KernelEvaluator &evaluator,
                        BlockOpInterface root, mlir::ValueRange iterations,
                        mlir::ValueRange results);

/// Emits one scf.parallel that computes the kernel body into `results`. All
/// dimensions of the result are parallel; ops that run along rows use up to
/// `rowLanes` lanes where rows are contiguous.
void emitKernelLoops(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Block &body, mlir::ValueRange arguments,
                     mlir::ValueRange results, int64_t rowLanes = 1);

} // namespace qc

#endif // QC_DIALECT_QC_IR_REFERENCELOOPS_H
