// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints kernels as readable C++14: named arrays, counted loops, one function
// per kernel. Every operation was checked before (Legalize.cpp), so nothing
// here can fail.
//
// Integer and index expressions are nested into their only use, which keeps
// address arithmetic on one line. Floating-point operations get a statement
// each: a tool that contracts a multiplication and an addition does so within
// one expression, and would change the result.
#include "KernelPrinter.h"
#include "Expressions.h"
#include "Legality.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace qc::hls {

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

void SourceWriter::line(const Twine &text) {
  llvm::SmallString<128> storage;
  StringRef content = text.toStringRef(storage);
  if (content.empty())
    return;
  os.indent(2 * depth) << content << "\n";
}

void SourceWriter::directive(StringRef text) {
  if (!text.empty())
    os << text << "\n";
}

void SourceWriter::open(const Twine &text) {
  line(text);
  ++depth;
}

void SourceWriter::close(const Twine &text) {
  --depth;
  line(text);
}

std::string IdentifierTable::add(StringRef name) {
  std::string base;
  for (char c : name)
    base += llvm::isAlnum(c) ? c : '_';
  // A digit cannot start an identifier; a leading or double underscore is
  // reserved.
  std::string clean;
  for (char c : base)
    if (c != '_' || (!clean.empty() && clean.back() != '_'))
      clean += c;
  if (clean.empty() || llvm::isDigit(clean[0]))
    clean = "n" + clean;
  std::string unique = clean;
  for (unsigned suffix = 1; !used.insert(unique).second; ++suffix)
    unique = llvm::formatv("{0}{1}{2}", clean, clean.back() == '_' ? "" : "_",
                           suffix)
                 .str();
  return unique;
}

void openLoop(SourceWriter &writer, const VendorPolicy &policy, StringRef label,
              StringRef type, StringRef variable, StringRef lower,
              const Twine &upper, StringRef step, bool isPipelined) {
  if (isPipelined)
    writer.directive(policy.beforePipelinedLoop());
  std::string advance =
      step == "1" ? ("++" + variable).str() : (variable + " += " + step).str();
  writer.open(label + ": for (" + type + " " + variable + " = " + lower + "; " +
              variable + " < " + upper + "; " + advance + ") {");
  if (isPipelined)
    writer.directive(policy.inPipelinedLoop());
}

bool writesArgument(func::FuncOp kernel, unsigned index) {
  return llvm::any_of(kernel.getArgument(index).getUsers(),
                      [](Operation *op) { return isa<memref::StoreOp>(op); });
}

uint64_t getArrayExtent(Type memref) {
  return std::max<int64_t>(1, cast<MemRefType>(memref).getNumElements());
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

namespace {

class KernelPrinter {
public:
  KernelPrinter(func::FuncOp kernel, const VendorPolicy &policy,
                llvm::raw_ostream &os)
      : kernel(kernel), policy(policy), writer(os), bounds(kernel) {}

  void print(StringRef name);

private:
  /// Longer nested expressions get a variable, to stay readable.
  static constexpr size_t maxInlineLength = 60;

  void printBlock(Block &block);
  void printOperation(Operation *op);
  void print(scf::ParallelOp op);
  void print(scf::ForOp op);
  void print(scf::WhileOp op);
  void print(scf::IfOp op);
  void print(memref::AllocaOp op);
  void print(memref::LoadOp op);
  void print(memref::StoreOp op);

  const Expression &get(Value value) const {
    return expressions.find(value)->second;
  }
  /// Names a new variable `PREFIXn` for `value` and returns the name.
  std::string name(Value value, StringRef prefix) {
    std::string text = (prefix + Twine(counters[prefix]++)).str();
    expressions[value] = {text};
    return text;
  }
  std::string type(Value value) const { return getScalarType(value, bounds); }
  /// The type of a variable that is several values in turn: where one of them
  /// is wider, so is the variable.
  std::string commonType(Value first, Value second) const {
    return bounds.fitsInInt(first) ? type(second) : type(first);
  }
  /// The type of a loop's counter, which holds values past the last index: up
  /// to the upper bound plus a step.
  std::string counterType(Value variable, Value upper, Value step) const;
  std::string element(Value memref, ValueRange indices) const {
    return get(memref).text + "[" +
           (indices.empty() ? std::string("0") : get(indices[0]).text) + "]";
  }
  /// Assigns `values` to the variables of `targets`, as if at the same time.
  void assign(ValueRange targets, ValueRange values);
  bool isInlined(Operation *op) const;

  func::FuncOp kernel;
  const VendorPolicy &policy;
  SourceWriter writer;
  IntegerBounds bounds;
  llvm::DenseMap<Value, Expression> expressions;
  llvm::StringMap<unsigned> counters;
};

} // namespace

/// Only pure integer expressions move to their use, and only within a block:
/// into a loop they would be computed again, past the end of an iteration
/// they would see the next one's values.
bool KernelPrinter::isInlined(Operation *op) const {
  if (isa<arith::ConstantOp>(op))
    return true;
  Value result = op->getResult(0);
  if (!result.getType().isIntOrIndex() || !result.hasOneUse() ||
      !llvm::all_of(op->getOperandTypes(),
                    [](Type type) { return type.isIntOrIndex(); }))
    return false;
  Operation *user = *result.getUsers().begin();
  if (user->getBlock() != op->getBlock())
    return false;
  // Loop bounds are evaluated in each iteration, several yields are assigned
  // one after the other.
  if (isa<scf::ForOp, scf::ParallelOp, scf::WhileOp, scf::ConditionOp>(user))
    return false;
  if (isa<scf::YieldOp>(user))
    return user->getNumOperands() == 1;
  return true;
}

static bool containsLoop(Operation *op) {
  bool found = false;
  for (Region &region : op->getRegions())
    region.walk([&](Operation *nested) {
      found |= isa<scf::ForOp, scf::WhileOp, scf::ParallelOp>(nested);
    });
  return found;
}

void KernelPrinter::assign(ValueRange targets, ValueRange values) {
  // A value that is the variable of another target would be overwritten first.
  bool overlaps = false;
  for (auto [index, value] : llvm::enumerate(values))
    for (auto [other, target] : llvm::enumerate(targets))
      overlaps |= other < index && get(value).text == get(target).text;
  SmallVector<std::string> sources;
  for (auto [target, value] : llvm::zip_equal(targets, values)) {
    sources.push_back(get(value).text);
    if (overlaps) {
      std::string copy = ("next" + Twine(counters["next"]++)).str();
      writer.line(type(target) + " " + copy + " = " + sources.back() + ";");
      sources.back() = copy;
    }
  }
  for (auto [target, source] : llvm::zip_equal(targets, sources))
    if (get(target).text != source)
      writer.line(get(target).text + " = " + source + ";");
}

std::string KernelPrinter::counterType(Value variable, Value upper,
                                       Value step) const {
  auto isSmall = [&](Value value) {
    std::optional<ConstantIntRanges> range = bounds.get(value);
    return range && range->smax().getSignificantBits() <= 31;
  };
  if (variable.getType().isIndex() && !(isSmall(upper) && isSmall(step)))
    return "int64_t";
  return type(variable);
}

void KernelPrinter::print(scf::ParallelOp op) {
  bool isInnermost = !containsLoop(op);
  unsigned rank = op.getNumLoops();
  for (unsigned axis = 0; axis < rank; ++axis) {
    Value variable = op.getInductionVars()[axis];
    std::string index = name(variable, "p");
    openLoop(
        writer, policy, "parallel_" + index,
        counterType(variable, op.getUpperBound()[axis], op.getStep()[axis]),
        index, get(op.getLowerBound()[axis]).text,
        get(op.getUpperBound()[axis]).text, get(op.getStep()[axis]).text,
        isInnermost && axis + 1 == rank);
  }
  printBlock(*op.getBody());
  for (unsigned axis = 0; axis < rank; ++axis)
    writer.close();
}

void KernelPrinter::print(scf::ForOp op) {
  // The carried values live in variables outside the loop; after it they are
  // its results.
  for (auto [argument, result, initial] : llvm::zip_equal(
           op.getRegionIterArgs(), op.getResults(), op.getInitArgs())) {
    std::string carried = name(argument, "carried");
    expressions[result] = {carried};
    writer.line(commonType(argument, result) + " " + carried + " = " +
                get(initial).text + ";");
  }
  Value variable = op.getInductionVar();
  std::string index = name(variable, "i");
  std::string lower = get(op.getLowerBound()).text;
  std::string upper = get(op.getUpperBound()).text;
  std::string step = get(op.getStep()).text;
  bool isPipelined = !containsLoop(op);
  std::string counter = counterType(variable, op.getUpperBound(), op.getStep());
  if (op.getUnsignedCmp()) {
    // An unsigned counter of its own; the body sees the signed variable.
    std::string count = "u" + index;
    std::string unsignedType =
        variable.getType().isIndex() ? "uint64_t" : "u" + counter;
    openLoop(writer, policy, "loop_" + index, unsignedType, count,
             unsignedType + "(" + lower + ")", unsignedType + "(" + upper + ")",
             step, isPipelined);
    writer.line(counter + " " + index + " = " + counter + "(" + count + ");");
  } else {
    openLoop(writer, policy, "loop_" + index, counter, index, lower, upper,
             step, isPipelined);
  }
  printBlock(*op.getBody());
  assign(op.getRegionIterArgs(), op.getYieldedValues());
  writer.close();
}

void KernelPrinter::print(scf::WhileOp op) {
  Block &before = op.getBefore().front();
  Block &after = op.getAfter().front();
  for (auto [argument, initial] :
       llvm::zip_equal(before.getArguments(), op.getInits())) {
    std::string carried = name(argument, "carried");
    writer.line(type(argument) + " " + carried + " = " + get(initial).text +
                ";");
  }
  // What the condition passes on is both the body's argument and the result.
  for (auto [argument, result] :
       llvm::zip_equal(after.getArguments(), op.getResults())) {
    std::string passed = name(result, "passed");
    expressions[argument] = get(result);
    writer.line(commonType(argument, result) + " " + passed + ";");
  }
  writer.open(("while_" + Twine(counters["while"]++)).str() + ": for (;;) {");
  printBlock(before);
  scf::ConditionOp condition = op.getConditionOp();
  assign(op.getResults(), condition.getArgs());
  writer.open("if (!" + get(condition.getCondition()).operand() + ") {");
  writer.line("break;");
  writer.close();
  printBlock(after);
  assign(before.getArguments(), op.getYieldOp().getOperands());
  writer.close();
}

void KernelPrinter::print(scf::IfOp op) {
  for (Value result : op.getResults()) {
    std::string chosen = name(result, "chosen");
    writer.line(type(result) + " " + chosen + ";");
  }
  writer.open("if (" + get(op.getCondition()).text + ") {");
  printBlock(*op.thenBlock());
  assign(op.getResults(), op.thenYield().getOperands());
  if (op.elseBlock()) {
    writer.close("} else {");
    writer.indent();
    printBlock(*op.elseBlock());
    assign(op.getResults(), op.elseYield().getOperands());
  }
  writer.close();
}

void KernelPrinter::print(memref::AllocaOp op) {
  auto memref = cast<MemRefType>(op.getType());
  std::string array = name(op.getResult(), "scratch");
  writer.line(*getScalarType(memref.getElementType()) + " " + array + "[" +
              Twine(getArrayExtent(memref)) + "];");
}

void KernelPrinter::print(memref::LoadOp op) {
  std::string source = element(op.getMemref(), op.getIndices());
  std::string loaded = name(op.getResult(), "v");
  writer.line(type(op.getResult()) + " " + loaded + " = " + source + ";");
}

void KernelPrinter::print(memref::StoreOp op) {
  writer.line(element(op.getMemref(), op.getIndices()) + " = " +
              get(op.getValueToStore()).text + ";");
}

void KernelPrinter::printOperation(Operation *op) {
  llvm::TypeSwitch<Operation *>(op)
      .Case<scf::ParallelOp, scf::ForOp, scf::WhileOp, scf::IfOp,
            memref::AllocaOp, memref::LoadOp, memref::StoreOp>(
          [&](auto typed) { print(typed); })
      // The operation around the block has the values.
      .Case<func::ReturnOp, scf::YieldOp, scf::ReduceOp, scf::ConditionOp>(
          [](auto) {})
      .Default([&](Operation *scalar) {
        SmallVector<Expression> operands;
        for (Value operand : scalar->getOperands())
          operands.push_back(get(operand));
        Expression expression = *buildExpression(scalar, operands, bounds);
        Value result = scalar->getResult(0);
        if (isInlined(scalar) && expression.text.size() <= maxInlineLength) {
          expressions[result] = expression;
          return;
        }
        std::string variable = name(result, "v");
        writer.line(type(result) + " " + variable + " = " + expression.text +
                    ";");
      });
}

void KernelPrinter::printBlock(Block &block) {
  for (Operation &op : block)
    printOperation(&op);
}

void KernelPrinter::print(StringRef functionName) {
  unsigned resultCount = 0;
  if (auto count = kernel->getAttrOfType<IntegerAttr>("qc.num_results"))
    resultCount = count.getInt();
  unsigned argumentCount = kernel.getNumArguments();
  resultCount = std::min(resultCount, argumentCount);
  std::string parameters;
  // Parameters are aligned below the first one.
  std::string separatorText =
      ",\n" +
      std::string(StringRef("static void (").size() + functionName.size(), ' ');
  llvm::ListSeparator separator(separatorText);
  for (auto [index, argument] : llvm::enumerate(kernel.getArguments())) {
    bool isResult = index >= argumentCount - resultCount;
    auto memref = cast<MemRefType>(argument.getType());
    parameters += StringRef(separator).str();
    if (!writesArgument(kernel, index))
      parameters += "const ";
    parameters += *getScalarType(memref.getElementType()) + " " +
                  name(argument, isResult ? "out" : "in") + "[" +
                  std::to_string(getArrayExtent(memref)) + "]";
  }
  writer.open("static void " + functionName + "(" + parameters + ") {");
  writer.directive(policy.keepFunction());
  printBlock(kernel.getBody().front());
  writer.close();
}

void printKernelComment(func::FuncOp kernel, llvm::raw_ostream &os) {
  os << "// Kernel @" << kernel.getSymName();
  if (auto family = kernel->getAttrOfType<StringAttr>("qc.family"))
    os << ", family " << family.getValue();
  os << ".\n";
}

void printKernel(func::FuncOp kernel, StringRef name,
                 const VendorPolicy &policy, llvm::raw_ostream &os) {
  KernelPrinter(kernel, policy, os).print(name);
}

} // namespace qc::hls
