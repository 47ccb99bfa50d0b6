// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics of a function's values between observers and the table.

#include "Statistics.h"

#include "qc/Analysis/AttributeJSON.h"

using namespace mlir;
using namespace qc;

bool qc::isObserved(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<Float32Type>(type.getElementType()) &&
         type.getNumElements() != 0;
}

ValueObserver qc::makeObserver(Value value, bool isChannelsLast) {
  auto type = cast<RankedTensorType>(value.getType());
  std::optional<int64_t> axis;
  if (type.getRank() >= 3 && !isa_and_nonnull<MatMulOp>(value.getDefiningOp()))
    axis = 1;
  else if (type.getRank() >= 2)
    axis = type.getRank() - 1;
  SmallVector<int64_t> shape(type.getShape());
  if (isChannelsLast) {
    std::rotate(shape.begin() + 1, shape.begin() + 2, shape.end());
    axis = *axis == 1 ? type.getRank() - 1 : *axis - 1;
  }
  return ValueObserver(shape, axis);
}

FailureOr<ValueStatistics> qc::readStatistics(TableOp table, StringRef name) {
  DictionaryAttr entry = table ? table.getEntry(name) : DictionaryAttr();
  if (!entry)
    return failure();
  llvm::json::Value json = getJSON(entry);
  llvm::Expected<ValueStatistics> values =
      ValueStatistics::fromJSON(*json.getAsObject());
  if (!values)
    return table.emitError()
           << "entry '" << name << "': " << llvm::toString(values.takeError());
  return std::move(*values);
}

LogicalResult qc::reportNotFinite(Operation *op, StringRef node, StringRef what,
                                  size_t numNotFinite, size_t numSamples) {
  return op->emitError() << what << " of '" << node << "' are not finite in "
                         << numNotFinite << " of " << numSamples
                         << " samples: rounding cannot look at them";
}
