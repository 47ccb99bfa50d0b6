// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Executes loop-level kernels directly on the IR: see Interpreter.h.
//
// Blocks are first translated into steps: what an op does as a function
// pointer, its values as numbers of slots. Kernels run their innermost ops
// millions of times, so nothing is looked up then.

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

/// A value: integers as their low bits, the rest of them zero; f32 and f64 as a
/// double (which holds both exactly), narrow floats as their bits, memrefs as
/// a buffer number.
union Scalar {
  uint64_t bits = 0;
  double number;
};

/// What a run reads and writes.
struct Frame {
  std::vector<Scalar> slots;
  SmallVector<MutableArrayRef<char>> buffers;
  /// Memory of memref.alloca, one buffer per op: the next iteration has it too.
  std::list<SmallVector<char>> scratch;
};

struct Nested;

/// An op, ready to run.
struct Step {
  using Action = LogicalResult (*)(Frame &, const Step &);

  Action action = nullptr;
  /// Slots; what an op does not have is slot 0.
  unsigned result = 0;
  unsigned operands[3] = {0, 0, 0};
  /// Bits of the result, or of what is stored; of the first operand.
  uint8_t width = 64, operandWidth = 64;
  /// The result is rounded to f32.
  bool isSingle = false;
  Operation *op = nullptr;
  std::unique_ptr<Nested> nested;

  uint64_t bits(const Frame &frame, unsigned i) const {
    return frame.slots[operands[i]].bits;
  }
  int64_t signedBits(const Frame &frame, unsigned i) const {
    return llvm::SignExtend64(bits(frame, i), operandWidth);
  }
  double number(const Frame &frame, unsigned i) const {
    return frame.slots[operands[i]].number;
  }
  void setBits(Frame &frame, uint64_t value) const {
    frame.slots[result].bits =
        width >= 64 ? value : value & ((uint64_t(1) << width) - 1);
  }
  void setNumber(Frame &frame, double value) const {
    frame.slots[result].number =
        isSingle ? static_cast<double>(static_cast<float>(value)) : value;
  }
};

/// A translated block.
struct Program {
  std::vector<Step> steps;
  /// Slots of the block's arguments and of its terminator's operands.
  SmallVector<unsigned> arguments, results;

  LogicalResult run(Frame &frame) const {
    for (const Step &step : steps)
      if (failed(step.action(frame, step)))
        return failure();
    return success();
  }
};

/// Regions of an op and the slots of all its operands and results.
struct Nested {
  SmallVector<Program, 2> regions;
  SmallVector<unsigned> operands, results;
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

unsigned getWidth(Type type) {
  return type.isIndex() ? 64 : type.getIntOrFloatBitWidth();
}

//===----------------------------------------------------------------------===//
// Actions
//===----------------------------------------------------------------------===//

/// Integers as they are: `function(a, b)`.
template <typename Function> Step::Action onBits(Function) {
  return [](Frame &frame, const Step &step) {
    step.setBits(frame, Function()(step.bits(frame, 0), step.bits(frame, 1)));
    return success();
  };
}
/// Signed integers.
template <typename Function> Step::Action onSigned(Function) {
  return [](Frame &frame, const Step &step) {
    step.setBits(frame, Function()(step.signedBits(frame, 0),
                                   step.signedBits(frame, 1)));
    return success();
  };
}
/// Floats of 32 and 64 bits. f32 functions are evaluated in double and rounded
/// once: as close as any target gets.
template <typename Function> Step::Action onFloats(Function) {
  return [](Frame &frame, const Step &step) {
    step.setNumber(frame,
                   Function()(step.number(frame, 0), step.number(frame, 1)));
    return success();
  };
}
template <double (*function)(double)>
LogicalResult onFloat(Frame &frame, const Step &step) {
  step.setNumber(frame, function(step.number(frame, 0)));
  return success();
}
/// Predicates of one float.
template <typename Function> Step::Action testFloat(Function) {
  return [](Frame &frame, const Step &step) {
    step.setBits(frame, Function()(step.number(frame, 0)));
    return success();
  };
}

LogicalResult fail(Frame &, const Step &step) {
  return step.op->emitError("cannot be interpreted");
}

/// A divisor of 0 has no defined result.
template <typename Integer> Integer nonZero(Integer value) {
  return value == 0 ? 1 : value;
}
uint64_t clampShift(uint64_t amount) { return std::min<uint64_t>(amount, 63); }

LogicalResult convertFloat(Frame &frame, const Step &step) {
  double value =
      step.operandWidth < 32
          ? fromFloatBits(step.bits(frame, 0),
                          cast<FloatType>(step.op->getOperand(0).getType()))
          : step.number(frame, 0);
  if (step.width < 32)
    step.setBits(frame, toFloatBits(value, cast<FloatType>(
                                               step.op->getResultTypes()[0])));
  else
    step.setNumber(frame, value);
  return success();
}

/// Bits of memory as a value of `type`, and back.
Scalar fromMemory(uint64_t raw, Type type) {
  Scalar value;
  if (type.isF32())
    value.number = llvm::bit_cast<float>(static_cast<uint32_t>(raw));
  else if (unsigned width = getWidth(type); width < 64)
    value.bits = raw & ((uint64_t(1) << width) - 1);
  else
    value.bits = raw;
  return value;
}
uint64_t toMemory(Scalar value, Type type) {
  return type.isF32()
             ? llvm::bit_cast<uint32_t>(static_cast<float>(value.number))
             : value.bits;
}

LogicalResult bitcast(Frame &frame, const Step &step) {
  uint64_t raw =
      toMemory(frame.slots[step.operands[0]], step.op->getOperand(0).getType());
  frame.slots[step.result] = fromMemory(raw, step.op->getResultTypes()[0]);
  return success();
}

Step::Action getArithAction(Operation *op) {
  using Action = Step::Action;
  using U = uint64_t;
  using S = int64_t;
  return llvm::TypeSwitch<Operation *, Action>(op)
      .Case(
          [](arith::AddIOp) { return onBits([](U a, U b) { return a + b; }); })
      .Case(
          [](arith::SubIOp) { return onBits([](U a, U b) { return a - b; }); })
      .Case(
          [](arith::MulIOp) { return onBits([](U a, U b) { return a * b; }); })
      .Case([](arith::DivUIOp) {
        return onBits([](U a, U b) { return a / nonZero(b); });
      })
      .Case([](arith::RemUIOp) {
        return onBits([](U a, U b) { return a % nonZero(b); });
      })
      .Case([](arith::DivSIOp) {
        return onSigned(
            [](S a, S b) { return b == -1 ? 0 - U(a) : U(a / nonZero(b)); });
      })
      .Case([](arith::RemSIOp) {
        return onSigned([](S a, S b) { return b == -1 ? 0 : a % nonZero(b); });
      })
      .Case([](arith::FloorDivSIOp) {
        return onSigned([](S a, S b) {
          return b == -1 ? 0 - U(a) : U(llvm::divideFloorSigned(a, nonZero(b)));
        });
      })
      .Case(
          [](arith::AndIOp) { return onBits([](U a, U b) { return a & b; }); })
      .Case([](arith::OrIOp) { return onBits([](U a, U b) { return a | b; }); })
      .Case(
          [](arith::XOrIOp) { return onBits([](U a, U b) { return a ^ b; }); })
      .Case([](arith::ShLIOp) {
        return onBits([](U a, U b) { return a << clampShift(b); });
      })
      .Case([](arith::ShRUIOp) {
        return onBits([](U a, U b) { return a >> clampShift(b); });
      })
      .Case([](arith::ShRSIOp) -> Action {
        return [](Frame &frame, const Step &step) {
          step.setBits(frame, step.signedBits(frame, 0) >>
                                  clampShift(step.bits(frame, 1)));
          return success();
        };
      })
      .Case([](arith::MinSIOp) {
        return onSigned([](S a, S b) { return std::min(a, b); });
      })
      .Case([](arith::MaxSIOp) {
        return onSigned([](S a, S b) { return std::max(a, b); });
      })
      .Case([](arith::MinUIOp) {
        return onBits([](U a, U b) { return std::min(a, b); });
      })
      .Case([](arith::MaxUIOp) {
        return onBits([](U a, U b) { return std::max(a, b); });
      })
      .Case([](arith::CmpIOp) -> Action {
        return [](Frame &frame, const Step &step) {
          step.setBits(frame,
                       compareIntegers(
                           cast<arith::CmpIOp>(step.op).getPredicate(),
                           step.signedBits(frame, 0), step.signedBits(frame, 1),
                           step.bits(frame, 0), step.bits(frame, 1)));
          return success();
        };
      })
      .Case([](arith::CmpFOp) -> Action {
        return [](Frame &frame, const Step &step) {
          step.setBits(
              frame,
              compareFloats(cast<arith::CmpFOp>(step.op).getPredicate(),
                            step.number(frame, 0), step.number(frame, 1)));
          return success();
        };
      })
      .Case([](arith::SelectOp) -> Action {
        return [](Frame &frame, const Step &step) {
          frame.slots[step.result] =
              frame.slots[step.operands[step.bits(frame, 0) ? 1 : 2]];
          return success();
        };
      })
      .Case<arith::ExtSIOp, arith::IndexCastOp>(
          [](auto) { return onSigned([](S a, S) { return a; }); })
      .Case<arith::ExtUIOp, arith::TruncIOp, arith::IndexCastUIOp>(
          [](auto) { return onBits([](U a, U) { return a; }); })
      .Case([](arith::SIToFPOp) -> Action {
        return [](Frame &frame, const Step &step) {
          // Rounded once: not to double and then to float.
          S value = step.signedBits(frame, 0);
          frame.slots[step.result].number =
              step.isSingle ? static_cast<double>(static_cast<float>(value))
                            : static_cast<double>(value);
          return success();
        };
      })
      .Case([](arith::UIToFPOp) -> Action {
        return [](Frame &frame, const Step &step) {
          U value = step.bits(frame, 0);
          frame.slots[step.result].number =
              step.isSingle ? static_cast<double>(static_cast<float>(value))
                            : static_cast<double>(value);
          return success();
        };
      })
      .Case([](arith::FPToSIOp) {
        return testFloat([](double a) { return static_cast<S>(a); });
      })
      .Case([](arith::FPToUIOp) {
        return testFloat([](double a) { return static_cast<U>(a); });
      })
      .Case<arith::ExtFOp, arith::TruncFOp>(
          [](auto) -> Action { return convertFloat; })
      .Case([](arith::BitcastOp) -> Action { return bitcast; })
      .Case([](arith::AddFOp) { return onFloats(std::plus<double>()); })
      .Case([](arith::SubFOp) { return onFloats(std::minus<double>()); })
      .Case([](arith::MulFOp) { return onFloats(std::multiplies<double>()); })
      .Case([](arith::DivFOp) { return onFloats(std::divides<double>()); })
      .Case([](arith::RemFOp) {
        return onFloats([](double a, double b) { return std::fmod(a, b); });
      })
      .Case([](arith::NegFOp) {
        return onFloats([](double a, double) { return -a; });
      })
      .Case([](arith::MinimumFOp) {
        return onFloats([](double a, double b) { return minimum(a, b); });
      })
      .Case([](arith::MaximumFOp) {
        return onFloats([](double a, double b) { return maximum(a, b); });
      })
      .Case([](arith::MinNumFOp) {
        return onFloats([](double a, double b) { return std::fmin(a, b); });
      })
      .Case([](arith::MaxNumFOp) {
        return onFloats([](double a, double b) { return std::fmax(a, b); });
      })
      .Default([](Operation *) { return nullptr; });
}

Step::Action getMathAction(Operation *op) {
  using Action = Step::Action;
  return llvm::TypeSwitch<Operation *, Action>(op)
      .Case([](math::AbsFOp) { return onFloat<std::fabs>; })
      .Case([](math::AbsIOp) {
        return onSigned([](int64_t a, int64_t) { return std::llabs(a); });
      })
      .Case([](math::CeilOp) { return onFloat<std::ceil>; })
      .Case([](math::FloorOp) { return onFloat<std::floor>; })
      .Case([](math::TruncOp) { return onFloat<std::trunc>; })
      .Case([](math::RoundOp) { return onFloat<std::round>; })
      .Case([](math::RoundEvenOp) { return onFloat<std::nearbyint>; })
      .Case([](math::ExpOp) { return onFloat<std::exp>; })
      .Case([](math::Exp2Op) { return onFloat<std::exp2>; })
      .Case([](math::ExpM1Op) { return onFloat<std::expm1>; })
      .Case([](math::LogOp) { return onFloat<std::log>; })
      .Case([](math::Log1pOp) { return onFloat<std::log1p>; })
      .Case([](math::Log2Op) { return onFloat<std::log2>; })
      .Case([](math::Log10Op) { return onFloat<std::log10>; })
      .Case([](math::SinOp) { return onFloat<std::sin>; })
      .Case([](math::CosOp) { return onFloat<std::cos>; })
      .Case([](math::TanOp) { return onFloat<std::tan>; })
      .Case([](math::AsinOp) { return onFloat<std::asin>; })
      .Case([](math::AcosOp) { return onFloat<std::acos>; })
      .Case([](math::AtanOp) { return onFloat<std::atan>; })
      .Case([](math::SinhOp) { return onFloat<std::sinh>; })
      .Case([](math::CoshOp) { return onFloat<std::cosh>; })
      .Case([](math::TanhOp) { return onFloat<std::tanh>; })
      .Case([](math::AsinhOp) { return onFloat<std::asinh>; })
      .Case([](math::AcoshOp) { return onFloat<std::acosh>; })
      .Case([](math::AtanhOp) { return onFloat<std::atanh>; })
      .Case([](math::ErfOp) { return onFloat<std::erf>; })
      .Case([](math::ErfcOp) { return onFloat<std::erfc>; })
      .Case([](math::CbrtOp) { return onFloat<std::cbrt>; })
      .Case([](math::SqrtOp) -> Action {
        return [](Frame &frame, const Step &step) {
          double x = step.number(frame, 0);
          step.setNumber(frame, step.isSingle ? std::sqrt(static_cast<float>(x))
                                              : std::sqrt(x));
          return success();
        };
      })
      .Case([](math::RsqrtOp) {
        return onFloats([](double a, double) { return 1.0 / std::sqrt(a); });
      })
      .Case([](math::PowFOp) {
        return onFloats([](double a, double b) { return std::pow(a, b); });
      })
      .Case([](math::Atan2Op) {
        return onFloats([](double a, double b) { return std::atan2(a, b); });
      })
      .Case([](math::CopySignOp) {
        return onFloats([](double a, double b) { return std::copysign(a, b); });
      })
      .Case([](math::FmaOp) -> Action {
        return [](Frame &frame, const Step &step) {
          double x = step.number(frame, 0), y = step.number(frame, 1),
                 z = step.number(frame, 2);
          step.setNumber(frame, step.isSingle ? std::fma(static_cast<float>(x),
                                                         static_cast<float>(y),
                                                         static_cast<float>(z))
                                              : std::fma(x, y, z));
          return success();
        };
      })
      .Case([](math::IsNaNOp) {
        return testFloat([](double a) { return std::isnan(a); });
      })
      .Case([](math::IsInfOp) {
        return testFloat([](double a) { return std::isinf(a); });
      })
      .Case([](math::IsFiniteOp) {
        return testFloat([](double a) { return std::isfinite(a); });
      })
      .Case([](math::CtPopOp) {
        return onBits([](uint64_t a, uint64_t) { return llvm::popcount(a); });
      })
      .Default([](Operation *) { return nullptr; });
}

//===----------------------------------------------------------------------===//
// Memory and control flow
//===----------------------------------------------------------------------===//

/// The bytes that a load (operands: memref, index) or store (value, memref,
/// index) means, null after an error.
char *access(Frame &frame, const Step &step, unsigned memref, size_t size) {
  MutableArrayRef<char> buffer = frame.buffers[step.bits(frame, memref)];
  uint64_t position = step.bits(frame, memref + 1),
           available = buffer.size() / size;
  if (position < available)
    return buffer.data() + position * size;
  step.op->emitError("accesses element ")
      << position << " of a buffer of " << available;
  return nullptr;
}

/// `Integer` is what memory holds: an element of the width, or f32 as its bits.
template <typename Integer, bool isF32>
LogicalResult load(Frame &frame, const Step &step) {
  const char *from = access(frame, step, 0, sizeof(Integer));
  if (!from)
    return failure();
  Integer raw = 0;
  std::memcpy(&raw, from, sizeof raw);
  if constexpr (isF32)
    frame.slots[step.result].number = llvm::bit_cast<float>(raw);
  else
    step.setBits(frame, raw);
  return success();
}

template <typename Integer, bool isF32>
LogicalResult store(Frame &frame, const Step &step) {
  char *to = access(frame, step, 1, sizeof(Integer));
  if (!to)
    return failure();
  Integer raw = 0;
  if constexpr (isF32)
    raw = llvm::bit_cast<Integer>(static_cast<float>(step.number(frame, 0)));
  else
    raw = static_cast<Integer>(step.bits(frame, 0));
  std::memcpy(to, &raw, sizeof raw);
  return success();
}

Step::Action getMemoryAction(Operation *op) {
  auto choose = [](Type type, bool isStore) -> Step::Action {
    if (type.isF32())
      return isStore ? store<uint32_t, true> : load<uint32_t, true>;
    switch (llvm::divideCeil(getWidth(type), 8)) {
    case 1:
      return isStore ? store<uint8_t, false> : load<uint8_t, false>;
    case 2:
      return isStore ? store<uint16_t, false> : load<uint16_t, false>;
    case 4:
      return isStore ? store<uint32_t, false> : load<uint32_t, false>;
    case 8:
      return isStore ? store<uint64_t, false> : load<uint64_t, false>;
    default:
      return nullptr;
    }
  };
  if (auto load = dyn_cast<memref::LoadOp>(op);
      load && load.getIndices().size() == 1)
    return choose(load.getType(), false);
  if (auto store = dyn_cast<memref::StoreOp>(op);
      store && store.getIndices().size() == 1)
    return choose(store.getValueToStore().getType(), true);
  return nullptr;
}

/// Copies values at once: targets may be among the sources.
void copy(Frame &frame, ArrayRef<unsigned> from, ArrayRef<unsigned> to) {
  if (from.size() == 1) {
    frame.slots[to[0]] = frame.slots[from[0]];
    return;
  }
  SmallVector<Scalar> values;
  for (unsigned slot : from)
    values.push_back(frame.slots[slot]);
  for (auto [slot, value] : llvm::zip_equal(to, values))
    frame.slots[slot] = value;
}

LogicalResult runFor(Frame &frame, const Step &step) {
  const Nested &loop = *step.nested;
  const Program &body = loop.regions[0];
  int64_t begin = step.signedBits(frame, 0), end = step.signedBits(frame, 1),
          stride = step.signedBits(frame, 2);
  if (stride <= 0)
    return step.op->emitError("step must be positive");
  ArrayRef<unsigned> carried = ArrayRef(body.arguments).drop_front();
  copy(frame, ArrayRef(loop.operands).drop_front(3), carried);
  for (int64_t i = begin; i < end; i += stride) {
    frame.slots[body.arguments[0]].bits = i;
    if (failed(body.run(frame)))
      return failure();
    copy(frame, body.results, carried);
  }
  copy(frame, carried, loop.results);
  return success();
}

LogicalResult runIf(Frame &frame, const Step &step) {
  const Nested &branch = *step.nested;
  size_t index = step.bits(frame, 0) ? 0 : 1;
  if (index >= branch.regions.size())
    return success();
  if (failed(branch.regions[index].run(frame)))
    return failure();
  copy(frame, branch.regions[index].results, branch.results);
  return success();
}

LogicalResult runWhile(Frame &frame, const Step &step) {
  const Nested &loop = *step.nested;
  const Program &before = loop.regions[0], &after = loop.regions[1];
  // The condition comes first among scf.condition's operands.
  ArrayRef<unsigned> forwarded = ArrayRef(before.results).drop_front();
  copy(frame, loop.operands, before.arguments);
  while (true) {
    if (failed(before.run(frame)))
      return failure();
    if (!frame.slots[before.results[0]].bits)
      break;
    copy(frame, forwarded, after.arguments);
    if (failed(after.run(frame)))
      return failure();
    copy(frame, after.results, before.arguments);
  }
  copy(frame, forwarded, loop.results);
  return success();
}

/// Operands: lower bounds, upper bounds, steps.
LogicalResult runParallel(Frame &frame, const Step &step) {
  const Nested &loop = *step.nested;
  const Program &body = loop.regions[0];
  size_t rank = body.arguments.size();
  auto operand = [&](size_t group, size_t d) {
    return static_cast<int64_t>(
        frame.slots[loop.operands[group * rank + d]].bits);
  };
  SmallVector<int64_t> index;
  for (size_t d = 0; d < rank; ++d) {
    index.push_back(operand(0, d));
    if (index[d] >= operand(1, d))
      return success();
  }
  while (true) {
    for (size_t d = 0; d < rank; ++d)
      frame.slots[body.arguments[d]].bits = index[d];
    if (failed(body.run(frame)))
      return failure();
    size_t d = rank;
    while (d > 0) {
      --d;
      index[d] += operand(2, d);
      if (index[d] < operand(1, d))
        break;
      index[d] = operand(0, d);
      if (d == 0)
        return success();
    }
  }
}

Step::Action getControlAction(Operation *op) {
  return llvm::TypeSwitch<Operation *, Step::Action>(op)
      .Case([](scf::ForOp) { return runFor; })
      .Case([](scf::IfOp) { return runIf; })
      .Case([](scf::WhileOp) { return runWhile; })
      .Case([](scf::ParallelOp loop) {
        // Reductions are not of the loop-level form.
        return loop.getInitVals().empty() ? runParallel : fail;
      })
      .Default([](Operation *) { return nullptr; });
}

//===----------------------------------------------------------------------===//
// Translation
//===----------------------------------------------------------------------===//

/// Translates blocks into programs that run in `frame`, which it gives the
/// values of constants and scratch memory.
class Translator {
public:
  explicit Translator(Frame &frame) : frame(frame) {}
  Program translate(Block &block);

  unsigned getSlot(Value value) {
    auto [it, isNew] = slots.try_emplace(value, frame.slots.size());
    if (isNew)
      frame.slots.emplace_back();
    return it->second;
  }

private:
  bool translateConstant(Operation &op);
  Step translate(Operation &op);

  Frame &frame;
  DenseMap<Value, unsigned> slots;
};

} // namespace

/// Values that no run changes.
bool Translator::translateConstant(Operation &op) {
  if (auto alloca = dyn_cast<memref::AllocaOp>(op)) {
    // Its bytes start as zero.
    size_t size =
        alloca.getType().getNumElements() *
        llvm::divideCeil(getWidth(alloca.getType().getElementType()), 8);
    frame.scratch.emplace_back(size, 0);
    frame.slots[getSlot(alloca)].bits = frame.buffers.size();
    frame.buffers.push_back(frame.scratch.back());
    return true;
  }
  auto constant = dyn_cast<arith::ConstantOp>(op);
  if (!constant)
    return false;
  Scalar &slot = frame.slots[getSlot(constant)];
  if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
    slot.bits = integer.getValue().getZExtValue();
  else if (auto number = dyn_cast<FloatAttr>(constant.getValue());
           number && number.getType().getIntOrFloatBitWidth() >= 32)
    slot.number = number.getValueAsDouble();
  else if (number)
    slot.bits = number.getValue().bitcastToAPInt().getZExtValue();
  else
    return false;
  return true;
}

Step Translator::translate(Operation &op) {
  Step step;
  step.op = &op;
  for (auto [slot, operand] : llvm::zip(step.operands, op.getOperands()))
    slot = getSlot(operand);
  auto getScalarWidth = [](Type type) {
    return type.isIntOrIndexOrFloat() ? getWidth(type) : 64;
  };
  if (op.getNumOperands())
    step.operandWidth = getScalarWidth(op.getOperand(0).getType());
  if (op.getNumResults() == 1) {
    step.result = getSlot(op.getResult(0));
    step.width = getScalarWidth(op.getResult(0).getType());
    step.isSingle = op.getResult(0).getType().isF32();
  }
  step.action = getMemoryAction(&op);
  if (!step.action && op.getNumRegions()) {
    step.action = getControlAction(&op);
    step.nested = std::make_unique<Nested>();
    for (Value operand : op.getOperands())
      step.nested->operands.push_back(getSlot(operand));
    for (Value result : op.getResults())
      step.nested->results.push_back(getSlot(result));
    for (Region &region : op.getRegions())
      if (!region.empty())
        step.nested->regions.push_back(translate(region.front()));
  }
  if (!step.action && op.getNumResults() == 1)
    step.action = getArithAction(&op);
  if (!step.action && op.getNumResults() == 1)
    step.action = getMathAction(&op);
  // An error only where it is reached.
  if (!step.action)
    step.action = fail;
  return step;
}

Program Translator::translate(Block &block) {
  Program program;
  for (Value argument : block.getArguments())
    program.arguments.push_back(getSlot(argument));
  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      for (Value operand : op.getOperands())
        program.results.push_back(getSlot(operand));
      break;
    }
    if (!translateConstant(op))
      program.steps.push_back(translate(op));
  }
  return program;
}

LogicalResult qc::interpretLoops(Block &block,
                                 ArrayRef<MutableArrayRef<char>> buffers) {
  Frame frame;
  frame.buffers.assign(buffers.begin(), buffers.end());
  // Slot 0: what ops do not have.
  frame.slots.emplace_back();
  Program program = Translator(frame).translate(block);
  for (auto [index, slot] : llvm::enumerate(program.arguments))
    frame.slots[slot].bits = index;
  return program.run(frame);
}
