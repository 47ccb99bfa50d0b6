// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of sensitivities from JSON and to it.

#include "qc/Quantization/SensitivityTable.h"

#include "qc/Analysis/AttributeJSON.h"

#include <cmath>

using namespace mlir;
using namespace qc;

namespace {

class TableParser {
public:
  explicit TableParser(Location loc) : loc(loc) {}
  LogicalResult parse(const llvm::json::Object &object,
                      SensitivityTable &table);

private:
  InFlightDiagnostic error() const {
    return emitError(loc) << "sensitivity of '" << where << "': ";
  }
  LogicalResult parseNode(const llvm::json::Object &object,
                          NodeSensitivity &node);
  LogicalResult parseFormat(const llvm::json::Object &object,
                            FormatSensitivity &format);
  /// Calls visit(key, member) for each member of an object of objects.
  template <typename Visitor>
  LogicalResult forObjects(const llvm::json::Value &value, StringRef what,
                           Visitor visit);
  LogicalResult parseCount(const llvm::json::Value &value, StringRef key,
                           int64_t &count);
  LogicalResult parseNumbers(const llvm::json::Value &value, StringRef what,
                             std::map<std::string, double> &numbers);

  Location loc;
  std::string where;
};

} // namespace

template <typename Visitor>
LogicalResult TableParser::forObjects(const llvm::json::Value &value,
                                      StringRef what, Visitor visit) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return error() << "'" << what << "' must be an object of objects";
  for (const auto &[key, member] : *object) {
    const llvm::json::Object *inner = member.getAsObject();
    if (!inner)
      return error() << "'" << what << "' member '" << key.str()
                     << "' must be an object";
    if (failed(visit(key.str(), *inner)))
      return failure();
  }
  return success();
}

LogicalResult TableParser::parseCount(const llvm::json::Value &value,
                                      StringRef key, int64_t &count) {
  std::optional<double> number = value.getAsNumber();
  if (!number || !(*number >= 0 && *number < 1e15) ||
      *number != std::floor(*number))
    return error() << "bad '" << key << "'; accepted: a whole number";
  count = static_cast<int64_t>(*number);
  return success();
}

LogicalResult TableParser::parseNumbers(const llvm::json::Value &value,
                                        StringRef what,
                                        std::map<std::string, double> &to) {
  const llvm::json::Object *object = value.getAsObject();
  if (!object)
    return error() << "'" << what << "' must be an object of numbers";
  for (const auto &[key, member] : *object) {
    std::optional<double> number = member.getAsNumber();
    if (!number || !std::isfinite(*number))
      return error() << "'" << what << "' member '" << key.str()
                     << "' must be a finite number";
    to[key.str()] = *number;
  }
  return success();
}

LogicalResult TableParser::parseFormat(const llvm::json::Object &object,
                                       FormatSensitivity &format) {
  for (const auto &[key, member] : object) {
    StringRef name = key;
    LogicalResult result =
        name == "bytes" ? parseCount(member, name, format.bytes)
        : name == "metrics"
            ? parseNumbers(member, name, format.metrics)
            : LogicalResult(error() << "unknown member '" << name
                                    << "'; accepted: bytes, metrics");
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult TableParser::parseNode(const llvm::json::Object &object,
                                     NodeSensitivity &node) {
  std::string name = where;
  auto parseText = [&](const llvm::json::Value &value, StringRef key,
                       std::string &text) -> LogicalResult {
    std::optional<StringRef> string = value.getAsString();
    if (!string)
      return error() << "bad '" << key << "'; accepted: a string";
    text = string->str();
    return success();
  };
  for (const auto &[key, member] : object) {
    StringRef at = key;
    LogicalResult result = success();
    if (at == "by")
      result = parseText(member, at, node.by);
    else if (at == "settings")
      result = parseText(member, at, node.settings);
    else if (at == "parameters")
      result = parseCount(member, at, node.parameters);
    else if (at == "macs")
      result = parseCount(member, at, node.macs);
    else if (at == "metrics")
      result = parseNumbers(member, at, node.metrics);
    else if (at == "formats")
      result = forObjects(
          member, at,
          [&](const std::string &type, const llvm::json::Object &format) {
            if (!parseStorageType(loc.getContext(), type))
              return LogicalResult(error()
                                   << "'" << type
                                   << "' is no format; accepted: f32, si2 "
                                      "to si16, ui2 to ui16, f8E4M3FN, "
                                      "f8E5M2");
            where = name + "' format '" + type;
            LogicalResult parsed = parseFormat(format, node.formats[type]);
            where = name;
            return parsed;
          });
    else if (at == "pairs")
      result = forObjects(
          member, at,
          [&](const std::string &other, const llvm::json::Object &formats) {
            for (const auto &[own, values] : formats)
              if (failed(parseNumbers(values, own,
                                      node.pairs[other][StringRef(own).str()])))
                return failure();
            return success();
          });
    else
      result = error() << "unknown member '" << at
                       << "'; accepted: by, settings, parameters, macs, "
                          "metrics, formats, pairs";
    if (failed(result))
      return failure();
  }
  return success();
}

LogicalResult TableParser::parse(const llvm::json::Object &object,
                                 SensitivityTable &table) {
  for (const auto &[name, value] : object) {
    where = name.str();
    const llvm::json::Object *node = value.getAsObject();
    if (!node)
      return error() << "must be an object";
    if (failed(parseNode(*node, table.nodes[where])))
      return failure();
  }
  return success();
}

FailureOr<SensitivityTable>
SensitivityTable::parse(Location loc, const llvm::json::Object &object) {
  SensitivityTable table;
  if (failed(TableParser(loc).parse(object, table)))
    return failure();
  return table;
}

static llvm::json::Object
getObject(const std::map<std::string, double> &numbers) {
  llvm::json::Object object;
  for (const auto &[key, number] : numbers)
    object[key] = number;
  return object;
}

FailureOr<SensitivityTable> SensitivityTable::get(TableOp op) {
  llvm::json::Value value = getJSON(op.getEntries());
  return parse(op.getLoc(), *value.getAsObject());
}

llvm::json::Object SensitivityTable::toJSON() const {
  llvm::json::Object object;
  for (const auto &[name, node] : nodes) {
    llvm::json::Object members{{"by", node.by}};
    if (!node.settings.empty())
      members["settings"] = node.settings;
    if (node.parameters)
      members["parameters"] = node.parameters;
    if (node.macs)
      members["macs"] = node.macs;
    if (!node.metrics.empty())
      members["metrics"] = getObject(node.metrics);
    llvm::json::Object formats, pairs;
    for (const auto &[type, format] : node.formats)
      formats[type] = llvm::json::Object{
          {"bytes", format.bytes}, {"metrics", getObject(format.metrics)}};
    for (const auto &[other, own] : node.pairs) {
      llvm::json::Object rows;
      for (const auto &[type, values] : own)
        rows[type] = getObject(values);
      pairs[other] = std::move(rows);
    }
    if (!formats.empty())
      members["formats"] = std::move(formats);
    if (!pairs.empty())
      members["pairs"] = std::move(pairs);
    object[name] = std::move(members);
  }
  return object;
}
