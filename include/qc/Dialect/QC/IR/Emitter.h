// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The vocabulary in which ops state their reference decomposition.
//
// An op's emitter sees its operands as functions from indices to elements and
// never as memory: whether an element is loaded, computed by a fused producer
// or evaluated for several lanes at once is decided by the caller. All helpers
// accept scalars and vectors mixed; a scalar is splatted where a vector meets
// it.
#ifndef QC_DIALECT_QC_IR_EMITTER_H
#define QC_DIALECT_QC_IR_EMITTER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/STLFunctionalExtras.h"

#include <functional>

namespace qc {

/// The type in which values of tensor element type `element` are computed:
/// signless integers of at least 8 bits (i1 stays), f32 for the 8- and 16-bit
/// floats, the type itself otherwise.
mlir::Type getComputeType(mlir::Type element);

/// Whether arithmetic on `element` is unsigned (ui types and i1).
bool isUnsignedElement(mlir::Type element);

class Emitter {
public:
  /// Reads the element of one operand at the given indices (compute type).
  using Reader = std::function<mlir::Value(Emitter &, mlir::ValueRange)>;
  /// Writes one element of one result.
  using Writer = std::function<void(Emitter &, mlir::ValueRange, mlir::Value)>;

  /// How rows, the elements along one dimension of operand 0, can be evaluated
  /// several at once.
  struct RowLanes {
    /// Lanes to use along dimension `dim`; 1 where rows are not contiguous.
    std::function<int64_t(int64_t dim)> getLanes;
    /// From now on the element index `index` stands for `lanes` elements.
    std::function<void(mlir::Value index, int64_t lanes)> setLanes;
  };

  Emitter(mlir::OpBuilder &builder, mlir::Location loc,
          llvm::ArrayRef<Reader> readers, llvm::ArrayRef<Writer> writers,
          int64_t lanes, const RowLanes *rowLanes = nullptr)
      : builder(builder), loc(loc), readers(readers), writers(writers),
        lanes(lanes), rowLanes(rowLanes) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;

  //===--------------------------------------------------------------------===//
  // Operands and results
  //===--------------------------------------------------------------------===//

  mlir::Value read(unsigned operand, mlir::ValueRange indices) {
    return readers[operand](*this, indices);
  }
  /// Reads an element at the index aligned from the right as ONNX broadcasts:
  /// extra leading result dimensions are dropped, size-one dimensions read 0.
  mlir::Value readBroadcast(unsigned operand, mlir::RankedTensorType type,
                            mlir::ValueRange indices);
  void write(unsigned result, mlir::ValueRange indices, mlir::Value value) {
    writers[result](*this, indices, value);
  }

  /// Number of lanes that `emitElement` evaluates at once (1: scalar code).
  int64_t getLanes() const { return lanes; }
  /// `scalar`, or the vector of it when several lanes are evaluated.
  mlir::Type getLaneType(mlir::Type scalar) const;

  //===--------------------------------------------------------------------===//
  // Constants and arithmetic
  //===--------------------------------------------------------------------===//

  mlir::Value index(int64_t value);
  /// A float or integer constant of scalar type `type`.
  mlir::Value constant(mlir::Type type, double value);
  mlir::Value constantInt(mlir::Type type, int64_t value);

  /// Creates `OpTy` on `operands`, splatting scalars where a vector is among
  /// them.
  template <typename OpTy, typename... Args>
  mlir::Value create(llvm::ArrayRef<mlir::Value> operands) {
    llvm::SmallVector<mlir::Value> unified = unify(operands);
    return createUnified<OpTy>(unified);
  }
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value lhs,
                      mlir::Value rhs);
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value lhs,
                      mlir::Value rhs);
  mlir::Value select(mlir::Value condition, mlir::Value onTrue,
                     mlir::Value onFalse);

  // Arithmetic that follows the element's kind: float, signed or unsigned.
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value min(mlir::Value lhs, mlir::Value rhs, bool isUnsigned);
  mlir::Value max(mlir::Value lhs, mlir::Value rhs, bool isUnsigned);

  /// Converts between compute types as ONNX Cast does; float to integer
  /// truncates towards zero, saturating (C++ leaves the rest undefined).
  mlir::Value convert(mlir::Value value, bool fromUnsigned, mlir::Type to,
                      bool toUnsigned);

  /// `value`, of the compute type of `element`, rounded to what `element` can
  /// hold: narrow floats round half to even, integers of less than a byte wrap.
  mlir::Value round(mlir::Value value, mlir::Type element);

  /// `round_half_even(value) + zeroPoint` saturated to integer tensor element
  /// type `element`; the clamp acts on the float before converting, NaN gives
  /// the smallest code. `zeroPoint` is an i32 value or null for 0.
  mlir::Value roundSaturate(mlir::Value value, mlir::Value zeroPoint,
                            mlir::Type element);

  // Index arithmetic with constants.
  mlir::Value addIndex(mlir::Value value, int64_t constant);
  mlir::Value mulIndex(mlir::Value value, int64_t constant);
  mlir::Value addIndex(mlir::Value lhs, mlir::Value rhs);

  //===--------------------------------------------------------------------===//
  // Structure
  //===--------------------------------------------------------------------===//

  /// Loop nest over `extents` that carries `inits` through `body` (innermost
  /// iteration: indices, carried values, returns the new ones).
  llvm::SmallVector<mlir::Value>
  loops(llvm::ArrayRef<int64_t> extents, mlir::ValueRange inits,
        llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange,
                                                          mlir::ValueRange)>
            body);
  /// The same for one carried value.
  mlir::Value
  reduce(llvm::ArrayRef<int64_t> extents, mlir::Value init,
         llvm::function_ref<mlir::Value(mlir::ValueRange, mlir::Value)> body);
  /// Combines `map(k)` for all positions k of a row of `extent` elements along
  /// dimension `dim` of operand 0, starting from the neutral `init`. Several
  /// partial results are combined at the end where rows have lanes, so
  /// `combine` must be associative and commutative but for float rounding;
  /// their order depends on the extent and the lanes alone. `needsRegisters`
  /// says that `map` is long arithmetic with many constants.
  mlir::Value
  reduceRow(int64_t dim, int64_t extent, mlir::Value init,
            llvm::function_ref<mlir::Value(mlir::Value)> map,
            llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine,
            bool needsRegisters = false);
  /// Runs `body` for all positions of a row, several at once where it has
  /// lanes.
  void forEachInRow(int64_t dim, int64_t extent,
                    llvm::function_ref<void(mlir::Value)> body);

  /// Loop nest without carried values.
  void forEach(llvm::ArrayRef<int64_t> extents,
               llvm::function_ref<void(mlir::ValueRange)> body);
  /// `condition ? onTrue() : onFalse()` with only the taken side evaluated.
  mlir::Value branch(mlir::Value condition,
                     llvm::function_ref<mlir::Value()> onTrue,
                     llvm::function_ref<mlir::Value()> onFalse);
  void branch(mlir::Value condition, llvm::function_ref<void()> onTrue);

  /// Private scratch memory of one iteration: a 1-D buffer of `count` elements
  /// of compute type `type`.
  mlir::Value allocate(mlir::Type type, int64_t count);
  mlir::Value load(mlir::Value buffer, mlir::Value position);
  void store(mlir::Value value, mlir::Value buffer, mlir::Value position);

  /// Splats the scalars among `values` where one is a vector.
  llvm::SmallVector<mlir::Value> unify(llvm::ArrayRef<mlir::Value> values);
  /// `value` as a vector of the emitter's lanes (no change for one lane).
  mlir::Value splat(mlir::Value value);

private:
  template <typename OpTy>
  mlir::Value createUnified(llvm::ArrayRef<mlir::Value> values) {
    return OpTy::create(builder, loc, mlir::ValueRange(values)[0].getType(),
                        mlir::ValueRange(values))
        .getResult();
  }

  /// Lanes for rows of `extent` elements along `dim`: a power of two.
  int64_t getRowLanes(int64_t dim, int64_t extent) const;
  /// A constant that no folder sees through: folding would lose which index
  /// stands for lanes.
  mlir::Value opaqueIndex(int64_t value);
  /// Runs `body` with the position `index` standing for `count` elements.
  void withRowLanes(mlir::Value index, int64_t count,
                    llvm::function_ref<void()> body);

  llvm::ArrayRef<Reader> readers;
  llvm::ArrayRef<Writer> writers;
  int64_t lanes;
  const RowLanes *rowLanes;
  /// The position that stands for `lanes` elements of a row.
  mlir::Value rowIndex;
};

} // namespace qc

#endif // QC_DIALECT_QC_IR_EMITTER_H
