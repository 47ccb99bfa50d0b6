// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX's TensorProto (onnx/onnx.proto), read and written on the level of the
// protobuf wire format, so that tools which only exchange tensors need no
// protobuf library. Fields are looked at once each, in any order; repeated ones
// may be packed or not, and a later value of a single field replaces an earlier
// one, as the encoding's rules say.
#include "tensorio/TensorFile.h"

#include <cstring>

namespace qcrt {

namespace {

/// Field numbers of TensorProto.
enum Field {
  Dims = 1,
  DataType = 2,
  Segment = 3,
  FloatData = 4,
  Int32Data = 5,
  StringData = 6,
  Int64Data = 7,
  Name = 8,
  RawData = 9,
  DoubleData = 10,
  Uint64Data = 11,
  ExternalData = 13,
  DataLocation = 14
};

enum WireType { Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5 };

/// Reads the wire format from a range of bytes.
class WireReader {
public:
  explicit WireReader(std::span<const uint8_t> bytes) : bytes(bytes) {}

  bool atEnd() const { return bytes.empty(); }

  std::optional<uint64_t> varint() {
    uint64_t value = 0;
    for (unsigned i = 0; i < 10; ++i) {
      if (bytes.empty())
        return std::nullopt;
      uint8_t byte = bytes[0];
      bytes = bytes.subspan(1);
      value |= uint64_t(byte & 127) << (7 * i);
      if (byte < 128)
        return value;
    }
    return std::nullopt;
  }

  std::optional<std::span<const uint8_t>> take(uint64_t count) {
    if (count > bytes.size())
      return std::nullopt;
    std::span<const uint8_t> result = bytes.first(count);
    bytes = bytes.subspan(count);
    return result;
  }

private:
  std::span<const uint8_t> bytes;
};

/// One field: its number and value.
struct WireField {
  uint64_t number = 0;
  uint64_t wireType = 0;
  uint64_t value = 0;             // of a varint
  std::span<const uint8_t> bytes; // of the others
};

std::optional<WireField> readField(WireReader &reader) {
  std::optional<uint64_t> key = reader.varint();
  if (!key)
    return std::nullopt;
  WireField field;
  field.number = *key >> 3;
  field.wireType = *key & 7;
  std::optional<uint64_t> count;
  switch (field.wireType) {
  case Varint:
    count = reader.varint();
    field.value = count.value_or(0);
    return count ? std::optional(field) : std::nullopt;
  case Fixed64:
    count = 8;
    break;
  case Fixed32:
    count = 4;
    break;
  case LengthDelimited:
    count = reader.varint();
    break;
  default: // groups, which ONNX does not use
    return std::nullopt;
  }
  std::optional<std::span<const uint8_t>> bytes =
      count ? reader.take(*count) : std::nullopt;
  if (!bytes)
    return std::nullopt;
  field.bytes = *bytes;
  return field;
}

/// Appends the value or the packed values of a repeated integer field.
bool appendIntegers(const WireField &field, std::vector<uint64_t> &values) {
  if (field.wireType == Varint) {
    values.push_back(field.value);
    return true;
  }
  if (field.wireType != LengthDelimited)
    return false;
  WireReader reader(field.bytes);
  while (!reader.atEnd()) {
    std::optional<uint64_t> value = reader.varint();
    if (!value)
      return false;
    values.push_back(*value);
  }
  return true;
}

/// Appends the bytes of a repeated field of fixed size; packed or not they are
/// the elements' little-endian bytes.
bool appendFixed(const WireField &field, uint64_t elementBytes,
                 std::vector<uint8_t> &values) {
  uint64_t single = elementBytes == 4 ? Fixed32 : Fixed64;
  if (field.wireType != single && field.wireType != LengthDelimited)
    return false;
  if (field.bytes.size() % elementBytes != 0)
    return false;
  values.insert(values.end(), field.bytes.begin(), field.bytes.end());
  return true;
}

/// What was found in a TensorProto.
struct Proto {
  std::vector<uint64_t> dims;
  uint64_t type = 0;
  std::string name;
  bool hasRaw = false;
  std::span<const uint8_t> raw;
  std::vector<uint8_t> floats, doubles;
  std::vector<uint64_t> int32s, int64s, uint64s;
};

Status readProto(std::span<const uint8_t> content, const std::string &name,
                 Proto &proto) {
  WireReader reader(content);
  while (!reader.atEnd()) {
    std::optional<WireField> field = readField(reader);
    bool isRight = field.has_value();
    if (isRight) {
      switch (field->number) {
      case Dims:
        isRight = appendIntegers(*field, proto.dims);
        break;
      case DataType:
        isRight = field->wireType == Varint;
        proto.type = field->value;
        break;
      case Name:
        isRight = field->wireType == LengthDelimited;
        proto.name.assign(field->bytes.begin(), field->bytes.end());
        break;
      case RawData:
        isRight = field->wireType == LengthDelimited;
        proto.hasRaw = true;
        proto.raw = field->bytes;
        break;
      case FloatData:
        isRight = appendFixed(*field, 4, proto.floats);
        break;
      case DoubleData:
        isRight = appendFixed(*field, 8, proto.doubles);
        break;
      case Int32Data:
        isRight = appendIntegers(*field, proto.int32s);
        break;
      case Int64Data:
        isRight = appendIntegers(*field, proto.int64s);
        break;
      case Uint64Data:
        isRight = appendIntegers(*field, proto.uint64s);
        break;
      case Segment:
      case StringData:
      case ExternalData:
        return Failure{name + ": a TensorProto with segments, strings or "
                              "external data; accepted are numbers in the "
                              "file itself"};
      case DataLocation:
        if (field->wireType != Varint || field->value != 0)
          return Failure{name + ": a TensorProto with external data; accepted "
                                "are numbers in the file itself"};
        break;
      default: // documentation, metadata
        break;
      }
    }
    if (!isRight)
      return Failure{name + ": not a TensorProto, or truncated"};
  }
  return success();
}

/// Appends the low `bytes` bytes of each value.
void storeIntegers(const std::vector<uint64_t> &values, uint32_t bytes,
                   Bytes &data) {
  data.resize(values.size() * bytes);
  for (size_t i = 0; i < values.size(); ++i)
    std::memcpy(data.data() + i * bytes, &values[i], bytes);
}

} // namespace

Result<Tensor> parseTensorProto(std::span<const uint8_t> content,
                                const std::string &name) {
  Proto proto;
  Status status = readProto(content, name, proto);
  if (!status)
    return status.failure();
  uint32_t bits =
      proto.type > UINT32_MAX ? 0 : qcrtElementBits(uint32_t(proto.type));
  if (bits == 0)
    return Failure{name + ": a TensorProto of data type " +
                   std::to_string(proto.type) +
                   "; accepted are the ONNX types other than string and "
                   "complex"};
  if (proto.dims.size() > QC_MAX_RANK)
    return Failure{name + ": " + std::to_string(proto.dims.size()) +
                   " dimensions; accepted are up to " +
                   std::to_string(QC_MAX_RANK)};
  Tensor tensor;
  tensor.name = proto.name;
  tensor.type = uint32_t(proto.type);
  for (uint64_t dim : proto.dims)
    tensor.dims.push_back(int64_t(dim));

  // Typed data: which field holds which type is said in onnx.proto at each.
  if (proto.hasRaw) {
    tensor.data.assign(proto.raw.begin(), proto.raw.end());
  } else {
    switch (tensor.type) {
    case QC_TYPE_FLOAT:
      tensor.data.assign(proto.floats.begin(), proto.floats.end());
      break;
    case QC_TYPE_DOUBLE:
      tensor.data.assign(proto.doubles.begin(), proto.doubles.end());
      break;
    case QC_TYPE_INT64:
      storeIntegers(proto.int64s, 8, tensor.data);
      break;
    case QC_TYPE_UINT64:
    case QC_TYPE_UINT32:
      storeIntegers(proto.uint64s, bits / 8, tensor.data);
      break;
    default: // elements of less than 8 bits share a byte, hence a value
      storeIntegers(proto.int32s, bits < 8 ? 1 : bits / 8, tensor.data);
      break;
    }
  }
  std::optional<uint64_t> bytes = sizeInBytes(tensor.dims, bits);
  if (!bytes || *bytes != tensor.data.size())
    return Failure{name + ": holds " + std::to_string(tensor.data.size()) +
                   " bytes of elements; " + describe(tensor) + " needs " +
                   (bytes ? std::to_string(*bytes) : "too many")};
  // Kernels rely on 0 and 1.
  if (tensor.type == QC_TYPE_BOOL)
    for (uint8_t &value : tensor.data)
      value = value != 0;
  return tensor;
}

Status writeTensorProto(const std::string &path, const Tensor &tensor) {
  std::vector<uint8_t> header;
  auto varint = [&](uint64_t value) {
    for (; value >= 128; value >>= 7)
      header.push_back(uint8_t(value | 128));
    header.push_back(uint8_t(value));
  };
  auto key = [&](uint64_t number, uint64_t wireType) {
    varint(number << 3 | wireType);
  };
  for (int64_t dim : tensor.dims) {
    key(Dims, Varint);
    varint(uint64_t(dim));
  }
  key(DataType, Varint);
  varint(tensor.type);
  key(Name, LengthDelimited);
  varint(tensor.name.size());
  header.insert(header.end(), tensor.name.begin(), tensor.name.end());
  key(RawData, LengthDelimited);
  varint(tensor.data.size());
  return writeWholeFile(path,
                        {header, {tensor.data.data(), tensor.data.size()}});
}

} // namespace qcrt
