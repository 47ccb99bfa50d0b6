// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes loop-level kernels directly on the IR: see Interpreter.h.

#include "qc/Dialect/QC/IR/Interpreter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <list>

using namespace mlir;
using namespace qc;

namespace {

/// A scalar: integers as their low bits, f32 and f64 as a double (which holds
/// both exactly), narrow floats as their bits, memrefs as a buffer number.
struct Scalar {
  uint64_t bits = 0;
  double number = 0;
};

class Interpreter {
public:
  LogicalResult runBlock(Block &block);

  SmallVector<MutableArrayRef<char>> buffers;
  DenseMap<Value, Scalar> values;

private:
  /// Scratch of memref.alloca, one buffer per op.
  std::list<SmallVector<char>> scratch;
  DenseMap<Operation *, uint64_t> scratchOf;

  LogicalResult run(Operation &op);
  LogicalResult runMath(Operation &op);
  bool runArith(Operation &op);

  /// A copy: a reference would not outlive the next value that is set.
  Scalar get(Value value) const { return values.lookup(value); }
  uint64_t bits(Value value) { return values[value].bits; }
  double number(Value value) { return values[value].number; }
  int64_t signedBits(Value value) {
    unsigned width = getWidth(value.getType());
    return llvm::SignExtend64(bits(value), width);
  }
  static unsigned getWidth(Type type) {
    return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
  }
  void setBits(Value value, uint64_t result) {
    unsigned width = getWidth(value.getType());
    values[value].bits =
        width >= 64 ? result : result & ((uint64_t(1) << width) - 1);
  }
  /// Stores a float result rounded to the value's type.
  void setNumber(Value value, double result) {
    values[value].number = value.getType().isF32()
                               ? static_cast<double>(static_cast<float>(result))
                               : result;
  }
  LogicalResult access(Operation &op, Value memref, Value index, size_t &offset,
                       size_t &size) {
    size =
        (getWidth(cast<MemRefType>(memref.getType()).getElementType()) + 7) / 8;
    uint64_t position = bits(index),
             available = buffers[bits(memref)].size() / size;
    if (position >= available)
      return op.emitError("accesses element ")
             << position << " of a buffer of " << available;
    offset = position * size;
    return success();
  }
  /// Runs a region's block with its arguments set and returns its terminator's
  /// operands.
  FailureOr<SmallVector<Scalar>> runRegion(Block &block,
                                           ArrayRef<Scalar> arguments);
};

/// Comparison results of arith.cmpf.
bool compareFloats(arith::CmpFPredicate predicate, double lhs, double rhs) {
  using P = arith::CmpFPredicate;
  bool unordered = std::isnan(lhs) || std::isnan(rhs);
  switch (predicate) {
  case P::AlwaysFalse:
    return false;
  case P::AlwaysTrue:
    return true;
  case P::OEQ:
    return lhs == rhs;
  case P::OGT:
    return lhs > rhs;
  case P::OGE:
    return lhs >= rhs;
  case P::OLT:
    return lhs < rhs;
  case P::OLE:
    return lhs <= rhs;
  case P::ONE:
    return !unordered && lhs != rhs;
  case P::ORD:
    return !unordered;
  case P::UEQ:
    return unordered || lhs == rhs;
  case P::UGT:
    return unordered || lhs > rhs;
  case P::UGE:
    return unordered || lhs >= rhs;
  case P::ULT:
    return unordered || lhs < rhs;
  case P::ULE:
    return unordered || lhs <= rhs;
  case P::UNE:
    return unordered || lhs != rhs;
  case P::UNO:
    return unordered;
  }
  return false;
}

bool compareIntegers(arith::CmpIPredicate predicate, int64_t lhs, int64_t rhs,
                     uint64_t ulhs, uint64_t urhs) {
  using P = arith::CmpIPredicate;
  switch (predicate) {
  case P::eq:
    return ulhs == urhs;
  case P::ne:
    return ulhs != urhs;
  case P::slt:
    return lhs < rhs;
  case P::sle:
    return lhs <= rhs;
  case P::sgt:
    return lhs > rhs;
  case P::sge:
    return lhs >= rhs;
  case P::ult:
    return ulhs < urhs;
  case P::ule:
    return ulhs <= urhs;
  case P::ugt:
    return ulhs > urhs;
  case P::uge:
    return ulhs >= urhs;
  }
  return false;
}

double minimum(double lhs, double rhs) {
  if (std::isnan(lhs) || std::isnan(rhs))
    return std::nan("");
  return lhs == 0 && rhs == 0 ? (std::signbit(lhs) ? lhs : rhs)
                              : std::min(lhs, rhs);
}
double maximum(double lhs, double rhs) { return -minimum(-lhs, -rhs); }

/// Bits of a double as float type `type`, and back.
uint64_t toFloatBits(double value, FloatType type) {
  APFloat number(value);
  bool lost = false;
  number.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
  return number.bitcastToAPInt().getZExtValue();
}
double fromFloatBits(uint64_t bits, FloatType type) {
  APFloat number(type.getFloatSemantics(), APInt(type.getWidth(), bits));
  bool lost = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

} // namespace

FailureOr<SmallVector<Scalar>>
Interpreter::runRegion(Block &block, ArrayRef<Scalar> arguments) {
  for (auto [argument, value] :
       llvm::zip_equal(block.getArguments(), arguments))
    values[argument] = value;
  if (failed(runBlock(block)))
    return failure();
  SmallVector<Scalar> results;
  for (Value operand : block.getTerminator()->getOperands())
    results.push_back(get(operand));
  return results;
}

LogicalResult Interpreter::runBlock(Block &block) {
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>())
      return success();
    if (failed(run(op)))
      return failure();
  }
  return success();
}

bool Interpreter::runArith(Operation &op) {
  Value result = op.getResult(0);
  auto a = [&] { return bits(op.getOperand(0)); };
  auto b = [&] { return bits(op.getOperand(1)); };
  auto sa = [&] { return signedBits(op.getOperand(0)); };
  auto sb = [&] { return signedBits(op.getOperand(1)); };
  auto fa = [&] { return number(op.getOperand(0)); };
  auto fb = [&] { return number(op.getOperand(1)); };
  auto nonZero = [](auto value) { return value == 0 ? 1 : value; };
  auto shift = [&]() -> uint64_t { return std::min<uint64_t>(b(), 63); };
  return llvm::TypeSwitch<Operation *, bool>(&op)
      .Case([&](arith::AddIOp) {
        setBits(result, a() + b());
        return true;
      })
      .Case([&](arith::SubIOp) {
        setBits(result, a() - b());
        return true;
      })
      .Case([&](arith::MulIOp) {
        setBits(result, a() * b());
        return true;
      })
      .Case([&](arith::DivUIOp) {
        setBits(result, a() / nonZero(b()));
        return true;
      })
      .Case([&](arith::RemUIOp) {
        setBits(result, a() % nonZero(b()));
        return true;
      })
      .Case([&](arith::DivSIOp) {
        setBits(result, sb() == -1 ? 0 - a() : sa() / nonZero(sb()));
        return true;
      })
      .Case([&](arith::RemSIOp) {
        setBits(result, sb() == -1 ? 0 : sa() % nonZero(sb()));
        return true;
      })
      .Case([&](arith::FloorDivSIOp) {
        int64_t divisor = nonZero(sb());
        setBits(result, divisor == -1 ? 0 - a()
                                      : llvm::divideFloorSigned(sa(), divisor));
        return true;
      })
      .Case([&](arith::AndIOp) {
        setBits(result, a() & b());
        return true;
      })
      .Case([&](arith::OrIOp) {
        setBits(result, a() | b());
        return true;
      })
      .Case([&](arith::XOrIOp) {
        setBits(result, a() ^ b());
        return true;
      })
      .Case([&](arith::ShLIOp) {
        setBits(result, a() << shift());
        return true;
      })
      .Case([&](arith::ShRUIOp) {
        setBits(result, a() >> shift());
        return true;
      })
      .Case([&](arith::ShRSIOp) {
        setBits(result, sa() >> shift());
        return true;
      })
      .Case([&](arith::MinSIOp) {
        setBits(result, std::min(sa(), sb()));
        return true;
      })
      .Case([&](arith::MaxSIOp) {
        setBits(result, std::max(sa(), sb()));
        return true;
      })
      .Case([&](arith::MinUIOp) {
        setBits(result, std::min(a(), b()));
        return true;
      })
      .Case([&](arith::MaxUIOp) {
        setBits(result, std::max(a(), b()));
        return true;
      })
      .Case([&](arith::CmpIOp cmp) {
        setBits(result,
                compareIntegers(cmp.getPredicate(), sa(), sb(), a(), b()));
        return true;
      })
      .Case([&](arith::CmpFOp cmp) {
        setBits(result, compareFloats(cmp.getPredicate(), fa(), fb()));
        return true;
      })
      .Case([&](arith::SelectOp select) {
        values[result] = bits(select.getCondition())
                             ? get(select.getTrueValue())
                             : get(select.getFalseValue());
        return true;
      })
      .Case<arith::ExtSIOp, arith::IndexCastOp>([&](auto) {
        setBits(result, sa());
        return true;
      })
      .Case<arith::ExtUIOp, arith::TruncIOp, arith::IndexCastUIOp>([&](auto) {
        setBits(result, a());
        return true;
      })
      .Case([&](arith::SIToFPOp) {
        values[result].number =
            result.getType().isF32()
                ? static_cast<double>(static_cast<float>(sa()))
                : static_cast<double>(sa());
        return true;
      })
      .Case([&](arith::UIToFPOp) {
        values[result].number =
            result.getType().isF32()
                ? static_cast<double>(static_cast<float>(a()))
                : static_cast<double>(a());
        return true;
      })
      .Case([&](arith::FPToSIOp) {
        setBits(result, static_cast<int64_t>(fa()));
        return true;
      })
      .Case([&](arith::FPToUIOp) {
        setBits(result, static_cast<uint64_t>(fa()));
        return true;
      })
      .Case<arith::ExtFOp, arith::TruncFOp>([&](auto) {
        auto to = cast<FloatType>(result.getType());
        auto from = cast<FloatType>(op.getOperand(0).getType());
        double value = from.getWidth() < 32 ? fromFloatBits(a(), from) : fa();
        if (to.getWidth() < 32)
          setBits(result, toFloatBits(value, to));
        else
          setNumber(result, value);
        return true;
      })
      .Case([&](arith::BitcastOp) {
        Type from = op.getOperand(0).getType(), to = result.getType();
        uint64_t raw = from.isF32() || from.isF64()
                           ? toFloatBits(fa(), cast<FloatType>(from))
                           : a();
        if (to.isF32() || to.isF64())
          values[result].number = fromFloatBits(raw, cast<FloatType>(to));
        else
          setBits(result, raw);
        return true;
      })
      .Case([&](arith::AddFOp) {
        setNumber(result, fa() + fb());
        return true;
      })
      .Case([&](arith::SubFOp) {
        setNumber(result, fa() - fb());
        return true;
      })
      .Case([&](arith::MulFOp) {
        setNumber(result, fa() * fb());
        return true;
      })
      .Case([&](arith::DivFOp) {
        setNumber(result, fa() / fb());
        return true;
      })
      .Case([&](arith::RemFOp) {
        setNumber(result, std::fmod(fa(), fb()));
        return true;
      })
      .Case([&](arith::NegFOp) {
        setNumber(result, -fa());
        return true;
      })
      .Case([&](arith::MinimumFOp) {
        setNumber(result, minimum(fa(), fb()));
        return true;
      })
      .Case([&](arith::MaximumFOp) {
        setNumber(result, maximum(fa(), fb()));
        return true;
      })
      .Case([&](arith::MinNumFOp) {
        setNumber(result, std::fmin(fa(), fb()));
        return true;
      })
      .Case([&](arith::MaxNumFOp) {
        setNumber(result, std::fmax(fa(), fb()));
        return true;
      })
      .Default([](Operation *) { return false; });
}

LogicalResult Interpreter::runMath(Operation &op) {
  Value result = op.getResult(0);
  auto fa = [&] { return number(op.getOperand(0)); };
  bool isSingle = result.getType().isF32();
  // f32 functions are evaluated in double and rounded once: as close as any
  // target gets.
  auto unary = [&](double (*function)(double)) {
    setNumber(result, function(fa()));
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](math::AbsFOp) { return unary(std::fabs); })
      .Case([&](math::AbsIOp) {
        setBits(result, std::llabs(signedBits(op.getOperand(0))));
        return success();
      })
      .Case([&](math::CeilOp) { return unary(std::ceil); })
      .Case([&](math::FloorOp) { return unary(std::floor); })
      .Case([&](math::TruncOp) { return unary(std::trunc); })
      .Case([&](math::RoundOp) { return unary(std::round); })
      .Case([&](math::RoundEvenOp) { return unary(std::nearbyint); })
      .Case([&](math::SqrtOp) {
        setNumber(result, isSingle ? std::sqrt(static_cast<float>(fa()))
                                   : std::sqrt(fa()));
        return success();
      })
      .Case([&](math::RsqrtOp) {
        setNumber(result, 1.0 / std::sqrt(fa()));
        return success();
      })
      .Case([&](math::ExpOp) { return unary(std::exp); })
      .Case([&](math::Exp2Op) { return unary(std::exp2); })
      .Case([&](math::ExpM1Op) { return unary(std::expm1); })
      .Case([&](math::LogOp) { return unary(std::log); })
      .Case([&](math::Log1pOp) { return unary(std::log1p); })
      .Case([&](math::Log2Op) { return unary(std::log2); })
      .Case([&](math::Log10Op) { return unary(std::log10); })
      .Case([&](math::SinOp) { return unary(std::sin); })
      .Case([&](math::CosOp) { return unary(std::cos); })
      .Case([&](math::TanOp) { return unary(std::tan); })
      .Case([&](math::AsinOp) { return unary(std::asin); })
      .Case([&](math::AcosOp) { return unary(std::acos); })
      .Case([&](math::AtanOp) { return unary(std::atan); })
      .Case([&](math::SinhOp) { return unary(std::sinh); })
      .Case([&](math::CoshOp) { return unary(std::cosh); })
      .Case([&](math::TanhOp) { return unary(std::tanh); })
      .Case([&](math::AsinhOp) { return unary(std::asinh); })
      .Case([&](math::AcoshOp) { return unary(std::acosh); })
      .Case([&](math::AtanhOp) { return unary(std::atanh); })
      .Case([&](math::ErfOp) { return unary(std::erf); })
      .Case([&](math::ErfcOp) { return unary(std::erfc); })
      .Case([&](math::CbrtOp) { return unary(std::cbrt); })
      .Case([&](math::PowFOp) {
        setNumber(result, std::pow(fa(), number(op.getOperand(1))));
        return success();
      })
      .Case([&](math::Atan2Op) {
        setNumber(result, std::atan2(fa(), number(op.getOperand(1))));
        return success();
      })
      .Case([&](math::CopySignOp) {
        setNumber(result, std::copysign(fa(), number(op.getOperand(1))));
        return success();
      })
      .Case([&](math::FmaOp) {
        double y = number(op.getOperand(1)), z = number(op.getOperand(2));
        setNumber(result, isSingle ? std::fma(static_cast<float>(fa()),
                                              static_cast<float>(y),
                                              static_cast<float>(z))
                                   : std::fma(fa(), y, z));
        return success();
      })
      .Case([&](math::IsNaNOp) {
        setBits(result, std::isnan(fa()));
        return success();
      })
      .Case([&](math::IsInfOp) {
        setBits(result, std::isinf(fa()));
        return success();
      })
      .Case([&](math::IsFiniteOp) {
        setBits(result, std::isfinite(fa()));
        return success();
      })
      .Case([&](math::CtPopOp) {
        setBits(result, llvm::popcount(bits(op.getOperand(0))));
        return success();
      })
      .Default([](Operation *other) {
        return other->emitError("cannot be interpreted");
      });
}

LogicalResult Interpreter::run(Operation &op) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      setBits(constant, integer.getValue().getZExtValue());
    else if (auto number = dyn_cast<FloatAttr>(constant.getValue());
             number && number.getType().getIntOrFloatBitWidth() >= 32)
      values[constant].number = number.getValueAsDouble();
    else if (number)
      setBits(constant, number.getValue().bitcastToAPInt().getZExtValue());
    else
      return op.emitError("cannot be interpreted");
    return success();
  }
  if (auto load = dyn_cast<memref::LoadOp>(op)) {
    size_t offset = 0, size = 0;
    if (load.getIndices().size() != 1 ||
        failed(
            access(op, load.getMemref(), load.getIndices()[0], offset, size)))
      return failure();
    uint64_t raw = 0;
    std::memcpy(&raw, buffers[bits(load.getMemref())].data() + offset, size);
    if (load.getType().isF32() || load.getType().isF64())
      values[load].number = fromFloatBits(raw, cast<FloatType>(load.getType()));
    else
      setBits(load, raw);
    return success();
  }
  if (auto store = dyn_cast<memref::StoreOp>(op)) {
    size_t offset = 0, size = 0;
    if (store.getIndices().size() != 1 ||
        failed(
            access(op, store.getMemref(), store.getIndices()[0], offset, size)))
      return failure();
    Type type = store.getValueToStore().getType();
    uint64_t raw = type.isF32() || type.isF64()
                       ? toFloatBits(number(store.getValueToStore()),
                                     cast<FloatType>(type))
                       : bits(store.getValueToStore());
    std::memcpy(buffers[bits(store.getMemref())].data() + offset, &raw, size);
    return success();
  }
  if (auto alloca = dyn_cast<memref::AllocaOp>(op)) {
    // Scratch is reused by the next iteration; its bytes start as zero.
    size_t size = alloca.getType().getNumElements() *
                  ((getWidth(alloca.getType().getElementType()) + 7) / 8);
    auto found = scratchOf.find(&op);
    if (found == scratchOf.end()) {
      scratch.emplace_back(size, 0);
      found = scratchOf.try_emplace(&op, buffers.size()).first;
      buffers.push_back(scratch.back());
    }
    values[alloca].bits = found->second;
    return success();
  }
  if (auto loop = dyn_cast<scf::ForOp>(op)) {
    SmallVector<Scalar> carried;
    for (Value init : loop.getInitArgs())
      carried.push_back(get(init));
    int64_t step = signedBits(loop.getStep());
    if (step <= 0)
      return op.emitError("step must be positive");
    for (int64_t i = signedBits(loop.getLowerBound()),
                 end = signedBits(loop.getUpperBound());
         i < end; i += step) {
      SmallVector<Scalar> arguments{Scalar{static_cast<uint64_t>(i), 0}};
      llvm::append_range(arguments, carried);
      FailureOr<SmallVector<Scalar>> next =
          runRegion(*loop.getBody(), arguments);
      if (failed(next))
        return failure();
      carried = std::move(*next);
    }
    for (auto [result, value] : llvm::zip_equal(loop.getResults(), carried))
      values[result] = value;
    return success();
  }
  if (auto branch = dyn_cast<scf::IfOp>(op)) {
    Region &region = bits(branch.getCondition()) ? branch.getThenRegion()
                                                 : branch.getElseRegion();
    if (region.empty())
      return success();
    FailureOr<SmallVector<Scalar>> results = runRegion(region.front(), {});
    if (failed(results))
      return failure();
    for (auto [result, value] : llvm::zip_equal(branch.getResults(), *results))
      values[result] = value;
    return success();
  }
  if (auto loop = dyn_cast<scf::WhileOp>(op)) {
    SmallVector<Scalar> carried;
    for (Value init : loop.getInits())
      carried.push_back(get(init));
    while (true) {
      FailureOr<SmallVector<Scalar>> before =
          runRegion(*loop.getBeforeBody(), carried);
      if (failed(before))
        return failure();
      // The condition comes first among scf.condition's operands.
      ArrayRef<Scalar> forwarded = ArrayRef(*before).drop_front();
      if (!before->front().bits) {
        for (auto [result, value] :
             llvm::zip_equal(loop.getResults(), forwarded))
          values[result] = value;
        return success();
      }
      FailureOr<SmallVector<Scalar>> after =
          runRegion(*loop.getAfterBody(), forwarded);
      if (failed(after))
        return failure();
      carried = std::move(*after);
    }
  }
  if (auto parallel = dyn_cast<scf::ParallelOp>(op)) {
    if (!parallel.getInitVals().empty())
      return op.emitError(
          "reductions of scf.parallel are not of the loop-level form");
    SmallVector<int64_t> index;
    for (Value lower : parallel.getLowerBound())
      index.push_back(signedBits(lower));
    size_t rank = index.size();
    for (size_t d = 0; d < rank; ++d)
      if (index[d] >= signedBits(parallel.getUpperBound()[d]))
        return success();
    while (true) {
      SmallVector<Scalar> arguments;
      for (int64_t value : index)
        arguments.push_back({static_cast<uint64_t>(value), 0});
      if (failed(runRegion(*parallel.getBody(), arguments)))
        return failure();
      size_t d = rank;
      while (d > 0) {
        --d;
        index[d] += signedBits(parallel.getStep()[d]);
        if (index[d] < signedBits(parallel.getUpperBound()[d]))
          break;
        index[d] = signedBits(parallel.getLowerBound()[d]);
        if (d == 0)
          return success();
      }
    }
  }
  if (op.getNumResults() == 1 && runArith(op))
    return success();
  if (op.getNumResults() == 1)
    return runMath(op);
  return op.emitError("cannot be interpreted");
}

LogicalResult qc::interpretLoops(Block &block,
                                 ArrayRef<MutableArrayRef<char>> buffers) {
  Interpreter interpreter;
  interpreter.buffers.assign(buffers.begin(), buffers.end());
  for (auto [index, argument] : llvm::enumerate(block.getArguments()))
    interpreter.values[argument].bits = index;
  return interpreter.runBlock(block);
}
