// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes as JSON and JSON files.

#include "qc/Analysis/AttributeJSON.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace qc;

Attribute qc::getAttribute(MLIRContext *context,
                           const llvm::json::Value &value) {
  Builder builder(context);
  if (const llvm::json::Object *object = value.getAsObject()) {
    SmallVector<NamedAttribute> entries;
    for (const auto &[key, member] : *object)
      // MLIR has no empty names.
      if (!key.str().empty())
        entries.push_back(
            builder.getNamedAttr(key.str(), getAttribute(context, member)));
    return builder.getDictionaryAttr(entries);
  }
  if (const llvm::json::Array *array = value.getAsArray()) {
    SmallVector<double> numbers;
    for (const llvm::json::Value &element : *array)
      if (std::optional<double> number = element.getAsNumber())
        numbers.push_back(*number);
    if (numbers.size() == array->size())
      return builder.getDenseF64ArrayAttr(numbers);
    SmallVector<Attribute> elements;
    for (const llvm::json::Value &element : *array)
      elements.push_back(getAttribute(context, element));
    return builder.getArrayAttr(elements);
  }
  if (std::optional<StringRef> text = value.getAsString())
    return builder.getStringAttr(*text);
  if (std::optional<bool> flag = value.getAsBoolean())
    return builder.getBoolAttr(*flag);
  if (std::optional<double> number = value.getAsNumber())
    return builder.getF64FloatAttr(*number);
  return builder.getUnitAttr();
}

/// Whole numbers are written without a fraction.
static llvm::json::Value getNumber(double value) {
  if (std::abs(value) < 1e15 &&
      value == static_cast<double>(static_cast<int64_t>(value)))
    return static_cast<int64_t>(value);
  return value;
}

llvm::json::Value qc::getJSON(Attribute attribute) {
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    llvm::json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = getJSON(entry.getValue());
    return object;
  }
  llvm::json::Array elements;
  if (auto array = dyn_cast<ArrayAttr>(attribute)) {
    for (Attribute element : array)
      elements.push_back(getJSON(element));
    return elements;
  }
  if (auto array = dyn_cast<DenseF64ArrayAttr>(attribute)) {
    for (double number : array.asArrayRef())
      elements.push_back(getNumber(number));
    return elements;
  }
  if (auto array = dyn_cast<DenseI64ArrayAttr>(attribute)) {
    for (int64_t number : array.asArrayRef())
      elements.push_back(number);
    return elements;
  }
  if (auto text = dyn_cast<StringAttr>(attribute))
    return text.getValue();
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return getNumber(number.getValueAsDouble());
  if (auto number = dyn_cast<IntegerAttr>(attribute))
    return number.getValue().getSExtValue();
  return nullptr;
}

FailureOr<llvm::json::Object> qc::readJSONObject(Location loc, StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return emitError(loc) << "cannot read '" << path
                          << "': " << buffer.getError().message();
  llvm::Expected<llvm::json::Value> value =
      llvm::json::parse((*buffer)->getBuffer());
  if (!value)
    return emitError(loc) << "'" << path
                          << "': " << llvm::toString(value.takeError());
  if (llvm::json::Object *object = value->getAsObject())
    return std::move(*object);
  return emitError(loc) << "'" << path << "' holds no JSON object";
}

LogicalResult qc::writeJSON(Location loc, StringRef path,
                            const llvm::json::Value &value) {
  llvm::Error error = llvm::writeToOutput(path, [&](llvm::raw_ostream &stream) {
    stream << llvm::formatv("{0:2}", value) << "\n";
    return llvm::Error::success();
  });
  if (error)
    return emitError(loc) << "cannot write '" << path
                          << "': " << llvm::toString(std::move(error));
  return success();
}
