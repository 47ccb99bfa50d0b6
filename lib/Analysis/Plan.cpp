// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The plan and the tables: between JSON, C++ values and ops.

#include "qc/Analysis/Plan.h"

#include "qc/Analysis/AttributeJSON.h"
#include "qc/Analysis/Range.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

/// Bits of "si<N>" and "ui<N>", nothing for other names.
static std::optional<unsigned> getIntegerBits(StringRef type) {
  unsigned bits;
  if ((!type.consume_front("si") && !type.consume_front("ui")) ||
      type.getAsInteger(10, bits) || bits < 2 || bits > 16)
    return std::nullopt;
  return bits;
}

unsigned qc::getFormatBits(StringRef type) {
  if (std::optional<unsigned> bits = getIntegerBits(type))
    return *bits;
  return type.starts_with("f8") ? 8 : 32;
}

Type qc::parseStorageType(MLIRContext *context, StringRef type) {
  if (std::optional<unsigned> bits = getIntegerBits(type))
    return IntegerType::get(context, *bits,
                            type[0] == 's' ? IntegerType::Signed
                                           : IntegerType::Unsigned);
  if (type == "f8E4M3FN")
    return Float8E4M3FNType::get(context);
  if (type == "f8E5M2")
    return Float8E5M2Type::get(context);
  return type == "f32" ? Float32Type::get(context) : Type();
}

static StringRef getName(Granularity granularity) {
  switch (granularity) {
  case Granularity::Tensor:
    return "tensor";
  case Granularity::Axis:
    return "axis";
  case Granularity::Block:
    return "block";
  case Granularity::Token:
    return "token";
  }
  llvm_unreachable("covered switch");
}

static std::optional<Granularity> parseGranularity(StringRef name) {
  for (Granularity granularity : {Granularity::Tensor, Granularity::Axis,
                                  Granularity::Block, Granularity::Token})
    if (getName(granularity) == name)
      return granularity;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {
/// Reads the entries of one plan; the first error wins.
class PlanParser {
public:
  PlanParser(Location loc) : loc(loc) {}
  FailureOr<Plan> parse(const llvm::json::Object &object);

private:
  LogicalResult parseNode(const llvm::json::Value &value, NodePlan &node);
  LogicalResult parseFormat(const llvm::json::Value &value,
                            OperandFormat &format);
  /// Whether the scale and zero point that are given can be stored.
  LogicalResult checkGivenScale(const OperandFormat &format, bool hasZero);
  InFlightDiagnostic error() {
    return emitError(loc) << "the plan's node '" << where << "': ";
  }
  /// A member that must be one of some words.
  LogicalResult parseWord(StringRef key, const llvm::json::Value &value,
                          std::string &word, ArrayRef<StringRef> accepted);

  Location loc;
  std::string where;
};
} // namespace

LogicalResult PlanParser::parseWord(StringRef key,
                                    const llvm::json::Value &value,
                                    std::string &word,
                                    ArrayRef<StringRef> accepted) {
  std::optional<StringRef> text = value.getAsString();
  if (!text || !llvm::is_contained(accepted, *text)) {
    InFlightDiagnostic diagnostic = error() << "bad '" << key << "'";
    if (text)
      diagnostic << " \"" << *text << "\"";
    diagnostic << "; accepted: ";
    llvm::interleaveComma(accepted, diagnostic);
    return diagnostic;
  }
  word = text->str();
  return success();
}

LogicalResult PlanParser::parseFormat(const llvm::json::Value &value,
                                      OperandFormat &format) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return error() << "a format must be an object";
  for (const auto &[name, member] : *object) {
    StringRef key = name;
    std::optional<double> number = member.getAsNumber();
    if (key == "type") {
      std::optional<StringRef> type = member.getAsString();
      if (!type || !parseStorageType(loc->getContext(), *type))
        return error() << "bad 'type'; accepted: f32, si2 to si16, ui2 to "
                          "ui16, f8E4M3FN, f8E5M2";
      format.type = type->str();
    } else if (key == "granularity") {
      std::string word;
      if (failed(parseWord(key, member, word,
                           {"tensor", "axis", "block", "token"})))
        return failure();
      format.granularity = *parseGranularity(word);
    } else if (key == "block") {
      if (!number || *number < 2 || *number > 65536 ||
          *number != std::floor(*number))
        return error() << "bad 'block'; accepted: a whole number from 2";
      format.block = static_cast<int64_t>(*number);
    } else if (key == "symmetric") {
      std::optional<bool> flag = member.getAsBoolean();
      if (!flag)
        return error() << "bad 'symmetric'; accepted: true, false";
      format.symmetric = *flag;
    } else if (key == "range") {
      if (failed(parseWord(
              key, member, format.range,
              {"minmax", "mse", "percentile", "entropy", "moving", "output"})))
        return failure();
    } else if (key == "rounding") {
      if (failed(parseWord(key, member, format.rounding, {"nearest", "gptq"})))
        return failure();
    } else if (key == "scales") {
      if (failed(parseWord(key, member, format.scales, {"f32", "f16"})))
        return failure();
    } else if (key == "percentile") {
      if (!number || !(*number > 50 && *number <= 100))
        return error() << "bad 'percentile'; accepted: above 50, up to 100";
      format.percentile = *number;
    } else if (key == "scale") {
      if (!number || !(*number > 0 && std::isfinite(*number)))
        return error() << "bad 'scale'; accepted: a positive number";
      format.scale = *number;
    } else if (key == "zero") {
      if (!number || std::abs(*number) > 65536 ||
          *number != std::floor(*number))
        return error() << "bad 'zero'; accepted: a code of the type";
      format.zero = static_cast<int64_t>(*number);
    } else {
      return error()
             << "unknown member '" << key
             << "' of a format; accepted: type, granularity, block, "
                "symmetric, range, percentile, rounding, scales, scale, "
                "zero";
    }
  }
  if ((format.granularity == Granularity::Block) != (format.block != 0))
    return error() << "'block' and the granularity \"block\" go together";
  if (format.scales != "f32" && !format.block)
    return error() << "only scales of blocks can be f16";
  return checkGivenScale(format, object->get("zero") != nullptr);
}

LogicalResult PlanParser::checkGivenScale(const OperandFormat &format,
                                          bool hasZero) {
  if (format.scale == 0)
    return hasZero ? LogicalResult(error() << "a 'zero' goes with a 'scale'")
                   : success();
  // It is stored as f32.
  if (!std::isnormal(static_cast<float>(format.scale)))
    return error() << "bad 'scale'; accepted: a positive normal f32";
  std::optional<unsigned> bits = getIntegerBits(format.type);
  bool isSigned = StringRef(format.type).starts_with("s");
  int64_t least = bits ? getSmallestCode(*bits, isSigned) : 0,
          largest = bits ? getLargestCode(*bits, isSigned) : 0;
  if (format.zero < least || format.zero > largest)
    return error() << "bad 'zero' " << format.zero << "; accepted for "
                   << format.type << ": " << least << " to " << largest;
  return success();
}

LogicalResult PlanParser::parseNode(const llvm::json::Value &value,
                                    NodePlan &node) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return error() << "must be an object";
  std::string name = where;
  for (const auto &[key, member] : *object) {
    if (key == "by") {
      std::optional<StringRef> by = member.getAsString();
      if (!by)
        return error() << "bad 'by'; accepted: a string";
      node.by = by->str();
      continue;
    }
    if (key == "why") {
      const llvm::json::Object *why = member.getAsObject();
      if (!why)
        return error() << "bad 'why'; accepted: an object";
      node.why = *why;
      continue;
    }
    const llvm::json::Object *inputs = member.getAsObject();
    if (key != "inputs" || !inputs)
      return error() << "unknown member '" << StringRef(key)
                     << "'; accepted: \"by\": …, \"inputs\": {\"0\": {…}, …}";
    for (const auto &[number, format] : *inputs) {
      unsigned index;
      if (StringRef(number).getAsInteger(10, index) || index > 1000)
        return error() << "'" << StringRef(number)
                       << "' is no operand; accepted: \"0\", \"1\", …";
      where = name + "' input '" + number.str();
      if (failed(parseFormat(format, node.inputs[index])))
        return failure();
    }
    where = name;
  }
  return success();
}

FailureOr<Plan> PlanParser::parse(const llvm::json::Object &object) {
  Plan plan;
  for (const auto &[name, value] : object) {
    where = name.str();
    if (failed(parseNode(value, plan.nodes[where])))
      return failure();
  }
  return plan;
}

FailureOr<Plan> Plan::parse(Location loc, const llvm::json::Object &object) {
  return PlanParser(loc).parse(object);
}

FailureOr<Plan> Plan::get(PlanOp op) {
  llvm::json::Value value = getJSON(op.getEntries());
  return parse(op.getLoc(), *value.getAsObject());
}

llvm::json::Object Plan::toJSON() const {
  const OperandFormat standard;
  llvm::json::Object object;
  for (const auto &[name, node] : nodes) {
    llvm::json::Object inputs;
    for (const auto &[index, format] : node.inputs) {
      llvm::json::Object members{{"type", format.type}};
      if (!format.isFloat())
        members["granularity"] = getName(format.granularity);
      if (format.block)
        members["block"] = format.block;
      if (format.symmetric)
        members["symmetric"] = true;
      if (format.range != standard.range)
        members["range"] = format.range;
      if (format.range == "percentile")
        members["percentile"] = format.percentile;
      if (format.scales != standard.scales)
        members["scales"] = format.scales;
      if (format.rounding != standard.rounding)
        members["rounding"] = format.rounding;
      if (format.scale != 0) {
        members["scale"] = format.scale;
        members["zero"] = format.zero;
      }
      inputs[std::to_string(index)] = std::move(members);
    }
    llvm::json::Object members{{"by", node.by}, {"inputs", std::move(inputs)}};
    if (!node.why.empty())
      members["why"] = llvm::json::Object(node.why);
    object[name] = std::move(members);
  }
  return object;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

/// Puts `op` at the module's beginning in place of `previous`, if there is one.
static void replaceSymbol(ModuleOp module, Operation *previous,
                          function_ref<void(OpBuilder &)> build) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  if (previous) {
    builder.setInsertionPoint(previous);
    build(builder);
    previous->erase();
  } else {
    build(builder);
  }
}

PlanOp qc::getPlan(ModuleOp module) {
  auto plans = module.getOps<PlanOp>();
  return plans.empty() ? PlanOp() : *plans.begin();
}

FailureOr<Plan> qc::readPlan(ModuleOp module) {
  PlanOp op = getPlan(module);
  if (!op)
    return module.emitError(
        "the module has no plan: run qc-assign-bits before");
  return Plan::get(op);
}

void qc::setPlan(ModuleOp module, const Plan &plan) {
  replaceSymbol(module, getPlan(module), [&](OpBuilder &builder) {
    PlanOp::create(
        builder, module.getLoc(), "plan",
        cast<DictionaryAttr>(getAttribute(module.getContext(), plan.toJSON())));
  });
}

TableOp qc::getTable(ModuleOp module, StringRef name) {
  for (TableOp table : module.getOps<TableOp>())
    if (table.getSymName() == name)
      return table;
  return {};
}

void qc::setTable(ModuleOp module, StringRef name,
                  const llvm::json::Object &entries) {
  llvm::json::Value value = llvm::json::Object(entries);
  replaceSymbol(module, getTable(module, name), [&](OpBuilder &builder) {
    TableOp::create(
        builder, module.getLoc(), name,
        cast<DictionaryAttr>(getAttribute(module.getContext(), value)));
  });
}
