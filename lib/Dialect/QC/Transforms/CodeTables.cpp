// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions of one code as tables: see CodeTables.h.
//
// A tensor of 8-bit codes takes 256 values, so what stands between its
// dequantize and the next quantize is evaluated for these 256 here. The double
// functions below are the definition of the activation functions on codes.

#include "qc/Dialect/QC/Transforms/CodeTables.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace qc;

namespace {

/// One op as a function of its operands' numbers.
using Function = std::function<double(ArrayRef<double>)>;

struct ScalarFunction {
  Function evaluate;
  /// Its float form is a sequence of roundings that differs between targets'
  /// libraries: computed in f64 and rounded once, at the end.
  bool isTranscendental = true;
};

double hardSigmoid(double x, double alpha, double beta) {
  return std::max(0.0, std::min(1.0, alpha * x + beta));
}

ScalarFunction unary(double (*function)(double), bool isTranscendental = true) {
  return {[function](ArrayRef<double> x) { return function(x[0]); },
          isTranscendental};
}

/// The function of an elementwise op, or an empty one.
ScalarFunction getFunction(Operation *op) {
  auto exact = [](Function function) {
    return ScalarFunction{std::move(function), false};
  };
  return TypeSwitch<Operation *, ScalarFunction>(op)
      .Case<AddOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return x[0] + x[1]; });
      })
      .Case<SubOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return x[0] - x[1]; });
      })
      .Case<MulOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return x[0] * x[1]; });
      })
      .Case<DivOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return x[0] / x[1]; });
      })
      .Case<MinOp>([&](auto) {
        return exact([](ArrayRef<double> x) {
          return std::isnan(x[0]) || x[0] < x[1] ? x[0] : x[1];
        });
      })
      .Case<MaxOp>([&](auto) {
        return exact([](ArrayRef<double> x) {
          return std::isnan(x[0]) || x[0] > x[1] ? x[0] : x[1];
        });
      })
      .Case<ClipOp>([&](auto) {
        return exact([](ArrayRef<double> x) {
          return std::min(std::max(x[0], x[1]), x[2]);
        });
      })
      .Case<AbsOp>([&](auto) { return unary(std::fabs, false); })
      .Case<NegOp>(
          [&](auto) { return exact([](ArrayRef<double> x) { return -x[0]; }); })
      .Case<ReciprocalOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return 1.0 / x[0]; });
      })
      .Case<ReluOp>([&](auto) {
        return exact([](ArrayRef<double> x) { return x[0] < 0 ? 0.0 : x[0]; });
      })
      .Case<FloorOp>([&](auto) { return unary(std::floor, false); })
      .Case<CeilOp>([&](auto) { return unary(std::ceil, false); })
      .Case<RoundOp>([&](auto) { return unary(std::nearbyint, false); })
      .Case<SqrtOp>([&](auto) { return unary(std::sqrt, false); })
      .Case<ExpOp>([&](auto) { return unary(std::exp); })
      .Case<LogOp>([&](auto) { return unary(std::log); })
      .Case<TanhOp>([&](auto) { return unary(std::tanh); })
      .Case<ErfOp>([&](auto) { return unary(std::erf); })
      .Case<SinOp>([&](auto) { return unary(std::sin); })
      .Case<CosOp>([&](auto) { return unary(std::cos); })
      .Case<SigmoidOp>([&](auto) {
        return unary(+[](double x) { return 1 / (1 + std::exp(-x)); });
      })
      .Case<HardSwishOp>([&](auto) {
        return unary(
            +[](double x) { return x * hardSigmoid(x, 1.0 / 6, 0.5); });
      })
      .Case([&](PowOp) {
        return ScalarFunction{
            [](ArrayRef<double> x) { return std::pow(x[0], x[1]); }};
      })
      .Case([&](LeakyReluOp leaky) {
        double alpha = leaky.getAlpha().convertToFloat();
        return ScalarFunction{[alpha](ArrayRef<double> x) {
          return x[0] < 0 ? alpha * x[0] : x[0];
        }};
      })
      .Case([&](HardSigmoidOp hard) {
        double alpha = hard.getAlpha().convertToFloat();
        double beta = hard.getBeta().convertToFloat();
        return ScalarFunction{[alpha, beta](ArrayRef<double> x) {
          return hardSigmoid(x[0], alpha, beta);
        }};
      })
      .Default([](Operation *) { return ScalarFunction(); });
}

/// A constant scalar, possibly a dequantized one.
FailureOr<double> getScalar(Value value) {
  FailureOr<SmallVector<float>> numbers = getConstantFloats(value);
  if (succeeded(numbers) && numbers->size() == 1)
    return numbers->front();
  auto dequantize = value.getDefiningOp<DequantizeOp>();
  ElementsAttr codes =
      dequantize ? getConstantValue(dequantize.getQ()) : ElementsAttr();
  if (!codes || codes.getNumElements() != 1)
    return failure();
  FailureOr<Quantization> parameters = getQuantization(dequantize);
  FailureOr<SmallVector<int64_t>> code = getConstantIntegers(codes);
  if (failed(parameters) || failed(code))
    return failure();
  return static_cast<float>(code->front() - parameters->zero()) *
         parameters->scale();
}

/// The codes that tables map to `codes`, and these tables from the last to the
/// first.
struct TableChain {
  Value codes;
  struct Step {
    int64_t smallest;
    SmallVector<int64_t> entries;
  };
  SmallVector<Step> tables;

  explicit TableChain(Value from) : codes(from) {
    while (auto lookup = codes.getDefiningOp<TableLookupOp>()) {
      ElementsAttr entries = getConstantValue(lookup.getTable());
      if (!entries || !isa<IntegerType>(entries.getElementType()))
        return;
      FailureOr<SmallVector<int64_t>> numbers = getConstantIntegers(entries);
      if (failed(numbers))
        return;
      codes = lookup.getCodes();
      tables.push_back(
          {getSmallestCode(storageOf(codes)), std::move(*numbers)});
    }
  }

  static IntegerType storageOf(Value codes) {
    return cast<IntegerType>(
        cast<RankedTensorType>(codes.getType()).getElementType());
  }
  /// What the tables make of `code`.
  int64_t map(int64_t code) const {
    for (const Step &table : llvm::reverse(tables))
      code = table.entries[code - table.smallest];
    return code;
  }
};

/// The ops between dequantizes of one tensor of codes, or of tables of it, and
/// a quantize, in an order in which they can be evaluated.
struct Expression {
  Value codes;
  SmallVector<std::pair<DequantizeOp, TableChain>> sources;
  llvm::SetVector<Operation *> ops;
  bool isTranscendental = false;

  /// Collects the ops behind `value`.
  LogicalResult collect(Value value);
};

LogicalResult Expression::collect(Value value) {
  constexpr size_t longest = 32;
  Operation *op = value.getDefiningOp();
  if (!op || !cast<RankedTensorType>(value.getType()).getElementType().isF32())
    return failure();
  if (succeeded(getScalar(value)) || ops.contains(op))
    return success();
  if (auto dequantize = dyn_cast<DequantizeOp>(op)) {
    for (auto &[source, chain] : sources)
      if (source == dequantize)
        return success();
    TableChain chain(dequantize.getQ());
    FailureOr<Quantization> parameters = getQuantization(dequantize);
    if ((codes && codes != chain.codes) || failed(parameters) ||
        !parameters->isPerTensor() || parameters->storage.getWidth() > 8)
      return failure();
    codes = chain.codes;
    sources.push_back({dequantize, std::move(chain)});
    return success();
  }
  ScalarFunction function = getFunction(op);
  if (!function.evaluate || ops.size() >= longest)
    return failure();
  for (Value operand : op->getOperands())
    if (failed(collect(operand)))
      return failure();
  isTranscendental |= function.isTranscendental;
  ops.insert(op);
  return success();
}

} // namespace

FailureOr<CodeTable> qc::buildCodeTable(QuantizeOp quantize,
                                        const Quantization &target) {
  Expression expression;
  if (failed(expression.collect(quantize.getX())) || !expression.codes ||
      expression.ops.empty() || !target.isPerTensor() ||
      cast<RankedTensorType>(quantize.getX().getType()).getShape() !=
          cast<RankedTensorType>(expression.codes.getType()).getShape())
    return failure();
  IntegerType storage = TableChain::storageOf(expression.codes);

  bool roundEach = !expression.isTranscendental;
  auto rounded = [&](double number) {
    return roundEach ? static_cast<double>(static_cast<float>(number)) : number;
  };
  SmallVector<int64_t> entries;
  for (int64_t code = getSmallestCode(storage); code <= getLargestCode(storage);
       ++code) {
    DenseMap<Value, double> numbers;
    for (auto &[source, chain] : expression.sources) {
      Quantization parameters = *getQuantization(source);
      numbers[source.getX()] =
          rounded(double(chain.map(code) - parameters.zero()) *
                  double(parameters.scale()));
    }
    for (Operation *op : expression.ops) {
      SmallVector<double> operands;
      for (Value operand : op->getOperands()) {
        auto known = numbers.find(operand);
        operands.push_back(known != numbers.end() ? known->second
                                                  : *getScalar(operand));
      }
      numbers[op->getResult(0)] = rounded(getFunction(op).evaluate(operands));
    }
    double scaled =
        rounded(numbers.lookup(quantize.getX()) / double(target.scale()));
    // Clamp before converting; a NaN gives the smallest code.
    double low = double(target.smallest() - target.zero());
    double high = double(target.largest() - target.zero());
    scaled = scaled > low ? scaled : low;
    scaled = scaled < high ? scaled : high;
    entries.push_back(static_cast<int64_t>(std::nearbyint(scaled)) +
                      target.zero());
  }
  return CodeTable{expression.codes,
                   getIntegersAttr(target.storage,
                                   static_cast<int64_t>(entries.size()),
                                   entries)};
}
