// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The weights inside a serialized model: see InitializerData.h. The format is
// protobuf's wire format (protobuf.dev/programming-guides/encoding): fields of
// a tag, which is the number and the kind of what follows, and a value.

#include "InitializerData.h"

#include <onnx/onnx_pb.h>

using namespace mlir;
using namespace qc;

/// Smaller tensors stay in the message: copying costs less than mapping.
static constexpr size_t smallestSplit = 4096;

namespace {
/// One field of a message.
struct Field {
  uint64_t number = 0;
  /// Whether the value has a length: text, bytes or a message.
  bool isBytes = false;
  /// The value, if `isBytes`.
  StringRef value;
  /// Tag and value.
  StringRef all;
};
} // namespace

static bool readVarint(StringRef &rest, uint64_t &number) {
  number = 0;
  for (unsigned shift = 0; shift < 64 && !rest.empty(); shift += 7) {
    uint8_t byte = rest.front();
    rest = rest.drop_front();
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80)
      return true;
  }
  return false;
}

static void appendVarint(std::string &bytes, uint64_t number) {
  for (; number >= 0x80; number >>= 7)
    bytes += static_cast<char>(number | 0x80);
  bytes += static_cast<char>(number);
}

/// Takes the next field off `rest`, which is not empty.
static bool readField(StringRef &rest, Field &field) {
  StringRef begin = rest;
  uint64_t tag = 0, size = 0;
  if (!readVarint(rest, tag))
    return false;
  field.number = tag >> 3;
  field.isBytes = false;
  switch (tag & 7) {
  case 0:
    if (!readVarint(rest, size))
      return false;
    size = 0;
    break;
  case 1:
    size = 8;
    break;
  case 2:
    if (!readVarint(rest, size))
      return false;
    field.isBytes = true;
    break;
  case 5:
    size = 4;
    break;
  default: // Groups, which ONNX does not use.
    return false;
  }
  if (size > rest.size())
    return false;
  field.value = rest.take_front(size);
  rest = rest.drop_front(size);
  field.all = begin.drop_back(rest.size());
  return true;
}

/// Copies the fields of a message. Those that `replace` takes become its
/// result, the others stay as they are.
static LogicalResult
rewrite(StringRef bytes, std::string &message,
        function_ref<FailureOr<bool>(const Field &, std::string &)> replace) {
  while (!bytes.empty()) {
    Field field;
    if (!readField(bytes, field))
      return failure();
    FailureOr<bool> isReplaced =
        field.isBytes ? replace(field, message) : FailureOr<bool>(false);
    if (failed(isReplaced))
      return failure();
    if (!*isReplaced)
      message += field.all;
  }
  return success();
}

/// Appends a field that holds a message.
static void appendMessage(std::string &bytes, uint64_t number,
                          StringRef message) {
  appendVarint(bytes, number << 3 | 2);
  appendVarint(bytes, message.size());
  bytes += message;
}

/// A TensorProto without its raw data, which becomes `data`. As in protobuf's
/// parser the last of several values holds.
static LogicalResult splitTensor(StringRef bytes, std::string &message,
                                 StringRef &data) {
  return rewrite(bytes, message,
                 [&](const Field &field, std::string &) -> FailureOr<bool> {
                   if (field.number != onnx::TensorProto::kRawDataFieldNumber)
                     return false;
                   bool isLarge = field.value.size() >= smallestSplit;
                   data = isLarge ? field.value : StringRef();
                   return isLarge;
                 });
}

FailureOr<SplitModel> qc::splitModel(StringRef bytes) {
  SplitModel model;
  auto splitGraph = [&](const Field &field,
                        std::string &message) -> FailureOr<bool> {
    if (field.number != onnx::GraphProto::kInitializerFieldNumber)
      return false;
    std::string tensor;
    StringRef data;
    if (failed(splitTensor(field.value, tensor, data)))
      return failure();
    model.initializers.push_back(data);
    appendMessage(message, field.number, tensor);
    return true;
  };
  auto splitTop = [&](const Field &field,
                      std::string &message) -> FailureOr<bool> {
    if (field.number != onnx::ModelProto::kGraphFieldNumber)
      return false;
    std::string graph;
    if (failed(rewrite(field.value, graph, splitGraph)))
      return failure();
    appendMessage(message, field.number, graph);
    return true;
  };
  if (failed(rewrite(bytes, model.message, splitTop)))
    return failure();
  return model;
}
