// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix products of few rows that unpack their weights in registers.
//
// With few rows each weight is used a few times: the time is that of reading
// weights, and codes are an eighth to a quarter of the floats that they stand
// for. Packed codes keep 16 columns together and, in each byte, as many
// consecutive elements of the reduction as fit (WeightPacking.h): a vector of
// bytes gives vectors of floats for 8 / bits steps by shifts, without moving
// lanes. Codes of one block are summed first; its scale multiplies their sum.
// The partition over threads is groups of 64 columns and does not depend on the
// CPU.

#include "../Common/KernelEmitter.h"
#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Dialect/QC/IR/WeightPacking.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

namespace qc {
#define GEN_PASS_DEF_SCHEDULEUNPACKING
#include "qc/Conversion/Passes.h.inc"
} // namespace qc

using namespace mlir;
using namespace qc;

namespace {

/// Columns of one parallel iteration.
constexpr int64_t groupColumns = 64;

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// x (rows x depth) times the dequantized matrix of codes (depth x columns).
struct UnpackingProduct {
  MatMulOp root;
  BlockArgument input, codes, scales;
  int64_t rows, depth, columns;
  int64_t bits, zero;
  bool isUnsigned;
  /// Elements of the reduction that share a scale; `scalesPerColumn` is 0 where
  /// all columns share one, else how many each has.
  int64_t block, scalesPerColumn;

  /// Elements of the reduction in a byte.
  int64_t step() const { return 8 / bits; }
};

/// The product that the kernel's root is, if its weights are packed codes.
std::optional<UnpackingProduct> analyse(KernelOp kernel) {
  auto matmul = dyn_cast<MatMulOp>(kernel.getRoot());
  auto dequantize =
      matmul ? matmul.getB().getDefiningOp<DequantizeOp>() : DequantizeOp();
  if (!dequantize)
    return std::nullopt;
  UnpackingProduct product;
  product.root = matmul;
  product.input = dyn_cast<BlockArgument>(matmul.getA());
  product.codes = dyn_cast<BlockArgument>(dequantize.getQ());
  product.scales = dyn_cast<BlockArgument>(dequantize.getScale());
  auto zero = dequantize.getZero().getDefiningOp<ConstantOp>();
  if (!product.input || !product.codes || !product.scales || !zero ||
      typeOf(matmul.getY()).getEncoding())
    return std::nullopt;
  RankedTensorType x = typeOf(product.input), q = typeOf(product.codes),
                   s = typeOf(product.scales);
  FailureOr<SmallVector<int64_t>> number = getConstantIntegers(zero.getValue());
  auto element = dyn_cast<IntegerType>(q.getElementType());
  if (!element || element.getWidth() < 2 || 8 % element.getWidth() != 0 ||
      failed(number) || number->size() != 1 || q.getRank() != 2 ||
      q.getEncoding() != getPackedCodes(q) || !x.getElementType().isF32() ||
      !s.getElementType().isF32() || x.getEncoding())
    return std::nullopt;
  product.bits = element.getWidth();
  product.isUnsigned = element.isUnsigned();
  product.zero = number->front();
  product.depth = q.getDimSize(0);
  product.columns = q.getDimSize(1);
  product.rows = x.getNumElements() / std::max<int64_t>(product.depth, 1);
  product.block = product.depth;
  product.scalesPerColumn = 0;
  if (int64_t size = dequantize.getBlockSize()) {
    product.block = size;
    product.scalesPerColumn = s.getDimSize(0);
    if (dequantize.getAxis() != 0 || product.depth % size != 0)
      return std::nullopt;
  } else if (s.getNumElements() != 1) {
    product.scalesPerColumn = 1;
    if (dequantize.getAxis() != 1)
      return std::nullopt;
  }
  if (product.block % product.step() != 0 ||
      (product.scalesPerColumn && s.getEncoding() != getPackedScales(s)))
    return std::nullopt;
  // What stands behind the product is evaluated for lanes of columns.
  Block &body = kernel.getBody().front();
  int64_t rank = typeOf(matmul.getY()).getRank();
  for (Operation &op : body.without_terminator()) {
    if (&op == matmul || &op == dequantize || isa<ConstantOp>(op))
      continue;
    auto behind = dyn_cast<ElementOpInterface>(op);
    if (!behind || !behind.isElementwise() || isa<DequantizeOp, QuantizeOp>(op))
      return std::nullopt;
  }
  for (Type type : llvm::concat<const Type>(
           body.getArgumentTypes(), body.getTerminator()->getOperandTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    Type stored = tensor.getElementType();
    if (type != q && !stored.isInteger(1) && stored.getIntOrFloatBitWidth() < 8)
      return std::nullopt;
  }
  for (Type type : body.getTerminator()->getOperandTypes())
    if (cast<RankedTensorType>(type).getRank() != rank)
      return std::nullopt;
  return product;
}

/// Emits the code of one kernel.
class UnpackingEmitter : KernelEmitter {
public:
  UnpackingEmitter(const UnpackingProduct &product, KernelOp kernel,
                   func::FuncOp function, int64_t vectorBytes,
                   int64_t registers, bool useFMA)
      : KernelEmitter(kernel, function), product(product),
        lanes(vectorBytes / 4), registers(registers), useFMA(useFMA) {}

  void emit();

private:
  Value splat(Value scalar) {
    return vector::BroadcastOp::create(
        builder, loc, VectorType::get({lanes}, scalar.getType()), scalar);
  }
  Value multiplyAdd(Value lhs, Value rhs, Value sum) {
    if (useFMA)
      return math::FmaOp::create(builder, loc, lhs, rhs, sum);
    return arith::AddFOp::create(builder, loc, sum,
                                 arith::MulFOp::create(builder, loc, lhs, rhs));
  }
  /// Runs `body` for [0, count) with carried values; a single time without a
  /// loop.
  SmallVector<Value>
  loop(int64_t count, ArrayRef<Value> inits,
       function_ref<SmallVector<Value>(Value, ValueRange)> body);

  /// Rows of a tile: as many as have room for the sums of a block of columns
  /// twice, once for a block of the reduction and once for all.
  int64_t tileRows() const {
    int64_t most =
        std::max<int64_t>(1, registers / 2 / (packedChannels / lanes));
    return llvm::divideCeil(product.rows, llvm::divideCeil(product.rows, most));
  }

  void emitGroup(Value firstColumn, int64_t columns);
  void emitTiles(Value column, int64_t blocks, int64_t validColumns);
  void emitTile(int64_t firstRow, int64_t rows, Value column, int64_t blocks,
                int64_t validColumns);
  SmallVector<Value> emitBlock(int64_t firstRow, int64_t rows, Value column,
                               Value scaleBlock, int64_t blocks,
                               ArrayRef<Value> totals);
  void unpack(Value bytes, MutableArrayRef<Value> parts);
  void store(Value row, Value column, Value vector, int64_t valid);

  const UnpackingProduct &product;
  int64_t lanes, registers;
  bool useFMA;
};

} // namespace

SmallVector<Value> UnpackingEmitter::loop(
    int64_t count, ArrayRef<Value> inits,
    function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  if (count == 1)
    return body(constant(0), ValueRange(inits));
  auto created = scf::ForOp::create(builder, loc, constant(0), constant(count),
                                    constant(1), inits);
  OpBuilder::InsertionGuard guard(builder);
  if (inits.empty()) {
    builder.setInsertionPoint(created.getBody()->getTerminator());
    body(created.getInductionVar(), {});
    return {};
  }
  builder.setInsertionPointToEnd(created.getBody());
  SmallVector<Value> results =
      body(created.getInductionVar(), created.getRegionIterArgs());
  scf::YieldOp::create(builder, loc, results);
  return SmallVector<Value>(created.getResults());
}

void UnpackingEmitter::emit() {
  int64_t groups = llvm::divideCeil(product.columns, groupColumns);
  auto parallel = scf::ParallelOp::create(builder, loc, ValueRange(constant(0)),
                                          ValueRange(constant(groups)),
                                          ValueRange(constant(1)));
  builder.setInsertionPointToStart(parallel.getBody());
  Value group = parallel.getInductionVars().front();
  Value firstColumn = scale(group, groupColumns);
  int64_t last = product.columns - (groups - 1) * groupColumns;
  if (groups == 1 || last == groupColumns) {
    emitGroup(firstColumn, last);
    return;
  }
  Value isLast = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq,
                                       group, constant(groups - 1));
  auto branch = scf::IfOp::create(builder, loc, isLast, true);
  builder.setInsertionPoint(branch.thenYield());
  emitGroup(firstColumn, last);
  builder.setInsertionPoint(branch.elseYield());
  emitGroup(firstColumn, groupColumns);
}

void UnpackingEmitter::emitGroup(Value firstColumn, int64_t columns) {
  // The sums of a block and those of all blocks stay in registers.
  int64_t perBlock = packedChannels / lanes;
  int64_t most = std::clamp<int64_t>(registers / 2 / (tileRows() * perBlock), 1,
                                     groupColumns / packedChannels);
  int64_t full = columns / packedChannels / most,
          rest = columns - full * most * packedChannels;
  if (full > 0)
    loop(full, {}, [&](Value index, ValueRange) -> SmallVector<Value> {
      emitTiles(add(firstColumn, scale(index, most * packedChannels)), most,
                most * packedChannels);
      return {};
    });
  if (rest > 0)
    emitTiles(add(firstColumn, constant(full * most * packedChannels)),
              llvm::divideCeil(rest, packedChannels), rest);
}

void UnpackingEmitter::emitTiles(Value column, int64_t blocks,
                                 int64_t validColumns) {
  for (int64_t row = 0; row < product.rows; row += tileRows())
    emitTile(row, std::min(tileRows(), product.rows - row), column, blocks,
             validColumns);
}

void UnpackingEmitter::emitTile(int64_t firstRow, int64_t rows, Value column,
                                int64_t blocks, int64_t validColumns) {
  int64_t vectors = blocks * packedChannels / lanes;
  auto type = VectorType::get({lanes}, builder.getF32Type());
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
  SmallVector<Value> totals(rows * vectors, zero);
  totals = loop(product.depth / product.block, totals,
                [&](Value block, ValueRange carried) {
                  return emitBlock(firstRow, rows, column, block, blocks,
                                   SmallVector<Value>(carried));
                });
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t v = 0; v < vectors; ++v)
      if (int64_t valid = std::min(lanes, validColumns - v * lanes); valid > 0)
        store(constant(firstRow + row), add(column, constant(v * lanes)),
              totals[row * vectors + v], valid);
}

/// The totals with the products of block `scaleBlock` of the reduction added.
SmallVector<Value> UnpackingEmitter::emitBlock(int64_t firstRow, int64_t rows,
                                               Value column, Value scaleBlock,
                                               int64_t blocks,
                                               ArrayRef<Value> totals) {
  int64_t perBlock = packedChannels / lanes, vectors = blocks * perBlock,
          step = product.step(), steps = product.block / step;
  auto floats = VectorType::get({lanes}, builder.getF32Type());
  auto bytes = VectorType::get({lanes}, builder.getI8Type());
  Value zero =
      arith::ConstantOp::create(builder, loc, builder.getZeroAttr(floats));
  // Bytes of a block of 16 columns, and where those of this tile begin.
  int64_t blockBytes = product.depth / step * packedChannels;
  Value columnBlock = builder.createOrFold<arith::DivUIOp>(
      loc, column, constant(packedChannels));
  Value codes = add(scale(columnBlock, blockBytes),
                    scale(scaleBlock, steps * packedChannels));
  Value input = scale(scaleBlock, product.block);
  SmallVector<Value> sums = loop(
      steps, SmallVector<Value>(rows * vectors, zero),
      [&](Value at, ValueRange carried) {
        SmallVector<Value> sums(carried);
        Value position = add(codes, scale(at, packedChannels));
        Value first = add(input, scale(at, step));
        // Inputs for each row and each element of the step, in all lanes.
        SmallVector<Value> inputs;
        for (int64_t row = 0; row < rows; ++row)
          for (int64_t part = 0; part < step; ++part)
            inputs.push_back(splat(memref::LoadOp::create(
                builder, loc, buffer(product.input),
                add(first,
                    constant((firstRow + row) * product.depth + part)))));
        for (int64_t v = 0; v < vectors; ++v) {
          Value packed = vector::LoadOp::create(
              builder, loc, bytes, buffer(product.codes),
              add(position,
                  constant(v / perBlock * blockBytes + v % perBlock * lanes)));
          SmallVector<Value> parts(step);
          unpack(packed, parts);
          for (int64_t row = 0; row < rows; ++row)
            for (int64_t part = 0; part < step; ++part) {
              Value &sum = sums[row * vectors + v];
              sum = multiplyAdd(inputs[row * step + part], parts[part], sum);
            }
        }
        return sums;
      });
  SmallVector<Value> results(totals);
  for (int64_t v = 0; v < vectors; ++v) {
    Value factor;
    if (product.scalesPerColumn == 0) {
      SmallVector<Value> none(typeOf(product.scales).getRank(), constant(0));
      factor = splat(evaluator.evaluate(builder, loc, product.scales, none));
    } else {
      // [columns / 16, blocks, 16]
      Value position =
          add(add(scale(columnBlock, product.scalesPerColumn * packedChannels),
                  scale(scaleBlock, packedChannels)),
              constant(v / perBlock * product.scalesPerColumn * packedChannels +
                       v % perBlock * lanes));
      factor = vector::LoadOp::create(builder, loc, floats,
                                      buffer(product.scales), position);
    }
    for (int64_t row = 0; row < rows; ++row) {
      Value &total = results[row * vectors + v];
      total = multiplyAdd(factor, sums[row * vectors + v], total);
    }
  }
  return results;
}

/// The codes in the bytes, one vector for each element of the step, less the
/// zero point and as floats.
void UnpackingEmitter::unpack(Value bytes, MutableArrayRef<Value> parts) {
  auto words = VectorType::get({lanes}, builder.getI32Type());
  auto floats = VectorType::get({lanes}, builder.getF32Type());
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(words, builder.getI32IntegerAttr(value)));
  };
  Value wide = product.isUnsigned
                   ? Value(arith::ExtUIOp::create(builder, loc, words, bytes))
                   : Value(arith::ExtSIOp::create(builder, loc, words, bytes));
  for (auto [index, part] : llvm::enumerate(parts)) {
    // From bit `low`: what is above goes out at the top, what is below at the
    // bottom, where the last element has its sign already.
    int64_t low = index * product.bits, above = 32 - low - product.bits;
    Value code = wide;
    if (low + product.bits == 8)
      above = 0;
    if (product.isUnsigned) {
      if (low)
        code = arith::ShRUIOp::create(builder, loc, code, number(low));
      if (above)
        code = arith::AndIOp::create(builder, loc, code,
                                     number((1 << product.bits) - 1));
    } else {
      if (above)
        code = arith::ShLIOp::create(builder, loc, code, number(above));
      if (above + low)
        code = arith::ShRSIOp::create(builder, loc, code, number(above + low));
    }
    if (product.zero)
      code = arith::SubIOp::create(builder, loc, code, number(product.zero));
    part = arith::SIToFPOp::create(builder, loc, floats, code);
  }
}

void UnpackingEmitter::store(Value row, Value column, Value vector,
                             int64_t valid) {
  auto yield = cast<YieldOp>(body.getTerminator());
  MatMulOp matmul = product.root;
  Value root = matmul.getY();
  ArrayRef<int64_t> shape = typeOf(root).getShape();
  // The row among the leading dimensions.
  SmallVector<Value> indices(shape.size());
  Value rest = row;
  for (int64_t dim = static_cast<int64_t>(shape.size()) - 2; dim >= 0; --dim) {
    indices[dim] =
        builder.createOrFold<arith::RemUIOp>(loc, rest, constant(shape[dim]));
    rest =
        builder.createOrFold<arith::DivUIOp>(loc, rest, constant(shape[dim]));
  }
  // The last columns: in vectors of powers of two.
  for (int64_t lane = 0; lane < valid;) {
    int64_t count = llvm::bit_floor<uint64_t>(valid - lane);
    Value part = vector;
    if (count == 1)
      part = vector::ExtractOp::create(builder, loc, vector, lane);
    else if (count != lanes)
      part = vector::ExtractStridedSliceOp::create(
          builder, loc, vector, ArrayRef<int64_t>{lane},
          ArrayRef<int64_t>{count}, ArrayRef<int64_t>{1});
    indices.back() = add(column, constant(lane));
    evaluator.setLanes(indices.back(), count);
    evaluator.override(root, [part](OpBuilder &, ValueRange) { return part; });
    for (auto [index, yielded] : llvm::enumerate(yield.getOperands()))
      evaluator.store(
          builder, loc, evaluator.evaluate(builder, loc, yielded, indices),
          typeOf(yielded), function.getArgument(body.getNumArguments() + index),
          indices);
    evaluator.setLanes({}, 1);
    lane += count;
  }
}

namespace {

struct ScheduleUnpacking : qc::impl::ScheduleUnpackingBase<ScheduleUnpacking> {
  using ScheduleUnpackingBase::ScheduleUnpackingBase;

  void runOnOperation() override {
    for (KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<KernelOp>())) {
      std::optional<UnpackingProduct> product = analyse(kernel);
      if (!product || packedChannels % (vectorBytes / 4) != 0)
        continue;
      OpBuilder builder(kernel);
      func::FuncOp function = createLoopFunction(builder, kernel);
      UnpackingEmitter(*product, kernel, function, vectorBytes, registers,
                       useFMA)
          .emit();
      kernel.erase();
      ++numScheduled;
    }
  }
};

} // namespace
