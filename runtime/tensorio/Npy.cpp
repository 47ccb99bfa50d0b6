// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// numpy's npy format (numpy.lib.format, "A Simple File Format for NumPy
// Arrays"): a magic string, a version, and a header that is the literal of a
// Python dict with 'descr', 'fortran_order' and 'shape'; then the elements.
#include "NpyFormat.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace qcrt {

namespace {

/// A reader of the header's Python literal. It knows exactly what numpy writes:
/// strings without escapes, True and False, tuples of integers.
class LiteralReader {
public:
  explicit LiteralReader(std::string_view text) : text(text) {}

  void skipSpace() {
    while (!text.empty() && (text[0] == ' ' || text[0] == '\n' ||
                             text[0] == '\t' || text[0] == '\r'))
      text.remove_prefix(1);
  }
  bool consume(char c) {
    skipSpace();
    if (text.empty() || text[0] != c)
      return false;
    text.remove_prefix(1);
    return true;
  }
  bool consumeWord(std::string_view word) {
    skipSpace();
    if (!text.starts_with(word))
      return false;
    text.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string_view> string() {
    skipSpace();
    if (text.empty() || (text[0] != '\'' && text[0] != '"'))
      return std::nullopt;
    size_t end = text.find(text[0], 1);
    if (end == std::string_view::npos)
      return std::nullopt;
    std::string_view value = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    return value;
  }
  std::optional<int64_t> integer() {
    skipSpace();
    if (text.empty() || text[0] < '0' || text[0] > '9')
      return std::nullopt;
    int64_t value = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      int digit = text[0] - '0';
      if (value > (std::numeric_limits<int64_t>::max() - digit) / 10)
        return std::nullopt;
      value = value * 10 + digit;
      text.remove_prefix(1);
    }
    // numpy under Python 2 wrote long integers.
    if (!text.empty() && text[0] == 'L')
      text.remove_prefix(1);
    return value;
  }
  /// Reads a tuple of integers into `values`.
  bool tuple(std::vector<int64_t> &values) {
    if (!consume('('))
      return false;
    while (!consume(')')) {
      std::optional<int64_t> value = integer();
      if (!value || values.size() == QC_MAX_RANK)
        return false;
      values.push_back(*value);
      if (!consume(','))
        return consume(')');
    }
    return true;
  }
  bool atEnd() {
    skipSpace();
    return text.empty();
  }

private:
  std::string_view text;
};

/// Element type of a descr such as "<f4".
struct Descr {
  uint32_t type = 0;
  uint32_t bytes = 0;
  bool isBigEndian = false;
};

constexpr struct {
  std::string_view descr; // without the byte order
  uint32_t type;
} numpyTypes[] = {{"b1", QC_TYPE_BOOL},
                  {"i1", QC_TYPE_INT8},
                  {"i2", QC_TYPE_INT16},
                  {"i4", QC_TYPE_INT32},
                  {"i8", QC_TYPE_INT64},
                  {"u1", QC_TYPE_UINT8},
                  {"u2", QC_TYPE_UINT16},
                  {"u4", QC_TYPE_UINT32},
                  {"u8", QC_TYPE_UINT64},
                  {"f2", QC_TYPE_FLOAT16},
                  {"f4", QC_TYPE_FLOAT},
                  {"f8", QC_TYPE_DOUBLE},
                  {"V1", 0},
                  {"V2", 0}};

std::optional<Descr> parseDescr(std::string_view text) {
  Descr result;
  if (!text.empty() &&
      std::string_view("<>|=").find(text[0]) != std::string_view::npos) {
    result.isBigEndian = text[0] == '>';
    text.remove_prefix(1);
  }
  for (const auto &[descr, type] : numpyTypes)
    if (text == descr) {
      result.type = type;
      result.bytes = uint32_t(descr[1] - '0');
      return result;
    }
  return std::nullopt;
}

/// Reorders elements from Fortran order, where the first index runs fastest.
Bytes fromFortranOrder(const Bytes &data, const std::vector<int64_t> &dims,
                       uint32_t elementBytes) {
  Bytes result;
  result.resize(data.size());
  std::array<uint64_t, QC_MAX_RANK> strides;
  strides.fill(1);
  for (size_t d = 1; d < dims.size(); ++d)
    strides[d] = strides[d - 1] * uint64_t(dims[d - 1]);
  std::array<int64_t, QC_MAX_RANK> index = {};
  uint64_t source = 0;
  for (size_t target = 0; target < data.size(); target += elementBytes) {
    std::memcpy(result.data() + target, data.data() + source * elementBytes,
                elementBytes);
    for (size_t d = dims.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < dims[d])
        break;
      source -= strides[d] * uint64_t(dims[d]);
      index[d] = 0;
    }
  }
  return result;
}

constexpr std::string_view magic("\x93NUMPY", 6);

/// What a header says.
struct NpyHeader {
  Descr descr;
  bool isFortranOrder = false;
  std::vector<int64_t> dims;
  size_t dataOffset = 0;
};

Result<NpyHeader> parseHeader(std::span<const uint8_t> content,
                              const std::string &name) {
  std::string_view text(reinterpret_cast<const char *>(content.data()),
                        content.size());
  auto refuse = [&](const std::string &why) {
    return Failure{name + ": " + why};
  };
  if (!text.starts_with(magic) || text.size() < 10)
    return refuse("not an npy file");
  int version = content[6];
  size_t lengthBytes = version == 1 ? 2 : 4;
  if (version < 1 || version > 3)
    return refuse("npy version " + std::to_string(version) +
                  "; accepted are 1 to 3");
  if (text.size() < 8 + lengthBytes)
    return refuse("ends in its header");
  uint32_t headerLength = 0;
  for (size_t i = 0; i < lengthBytes; ++i)
    headerLength |= uint32_t(content[8 + i]) << (8 * i);
  if (headerLength > text.size() - 8 - lengthBytes)
    return refuse("ends in its header");

  NpyHeader header;
  header.dataOffset = 8 + lengthBytes + headerLength;
  LiteralReader reader(text.substr(8 + lengthBytes, headerLength));
  std::optional<std::string_view> descr;
  std::optional<bool> order;
  bool hasShape = false;
  bool isWellFormed = reader.consume('{');
  while (isWellFormed && !reader.consume('}')) {
    std::optional<std::string_view> key = reader.string();
    isWellFormed = key && reader.consume(':');
    if (!isWellFormed)
      break;
    if (*key == "descr") {
      descr = reader.string();
      if (!descr)
        return refuse("elements are structures; accepted are single numbers");
    } else if (*key == "fortran_order") {
      if (reader.consumeWord("True"))
        order = true;
      else if (reader.consumeWord("False"))
        order = false;
    } else if (*key == "shape") {
      header.dims.clear();
      hasShape = reader.tuple(header.dims);
    } else {
      isWellFormed = false;
    }
    if (!reader.consume(',')) {
      isWellFormed &= reader.consume('}');
      break;
    }
  }
  if (!isWellFormed || !reader.atEnd() || !descr || !order || !hasShape)
    return refuse("its header is not a dict of descr, fortran_order and shape "
                  "(of at most " +
                  std::to_string(QC_MAX_RANK) + " dimensions)");
  std::optional<Descr> type = parseDescr(*descr);
  if (!type) {
    std::string accepted;
    for (const auto &known : numpyTypes)
      accepted += " " + std::string(known.descr);
    return refuse("elements of type '" + std::string(*descr) +
                  "'; accepted are" + accepted);
  }
  header.descr = *type;
  header.isFortranOrder = *order;
  return header;
}

} // namespace

Result<Tensor> parseNpy(Bytes content, const std::string &name) {
  Result<NpyHeader> header = parseHeader(content, name);
  if (!header)
    return header.failure();
  const Descr &descr = header->descr;
  std::optional<uint64_t> bytes = sizeInBytes(header->dims, descr.bytes * 8);
  size_t available = content.size() - header->dataOffset;
  if (!bytes || *bytes != available)
    return Failure{name + ": holds " + std::to_string(available) +
                   " bytes of elements; its header, " +
                   describe(descr.type, header->dims) + ", needs " +
                   (bytes ? std::to_string(*bytes) : "too many")};
  Tensor tensor;
  tensor.type = descr.type;
  tensor.opaqueBytes = descr.type == 0 ? descr.bytes : 0;
  tensor.dims = header->dims;
  content.erase(content.begin(), content.begin() + long(header->dataOffset));
  if (header->isFortranOrder && tensor.dims.size() > 1)
    content = fromFortranOrder(content, tensor.dims, descr.bytes);
  if (descr.isBigEndian && descr.bytes > 1)
    for (size_t i = 0; i < content.size(); i += descr.bytes)
      std::reverse(content.data() + i, content.data() + i + descr.bytes);
  // Kernels rely on 0 and 1.
  if (descr.type == QC_TYPE_BOOL)
    for (uint8_t &value : content)
      value = value != 0;
  tensor.data = std::move(content);
  return tensor;
}

std::string npyHeader(const Tensor &tensor) {
  std::string header = "{'descr': '";
  for (const auto &[descr, type] : numpyTypes)
    if (type == tensor.type)
      header += (descr[1] == '1' ? "|" : "<") + std::string(descr);
  header += "', 'fortran_order': False, 'shape': (";
  for (size_t i = 0; i < tensor.dims.size(); ++i)
    header += (i ? ", " : "") + std::to_string(tensor.dims[i]);
  header += tensor.dims.size() == 1 ? ",), }" : "), }";
  // The elements begin at a multiple of 64; a newline ends the header. A rank
  // of 32 takes at most 700 bytes: version 1 with its 16-bit length serves.
  constexpr size_t fixed = 10;
  size_t total = (fixed + header.size() + 1 + 63) / 64 * 64;
  header.resize(total - fixed - 1, ' ');
  header += '\n';
  std::string result(magic);
  result +=
      {'\x01', '\x00', char(header.size() & 255), char(header.size() >> 8)};
  return result + header;
}

Status writeNpy(const std::string &path, const Tensor &tensor) {
  if (!isNumpyType(tensor.type))
    return Failure{path + ": numpy has no type for " + describe(tensor) +
                   "; write a .pb"};
  std::string header = npyHeader(tensor);
  return writeWholeFile(
      path, {{reinterpret_cast<const uint8_t *>(header.data()), header.size()},
             {tensor.data.data(), tensor.data.size()}});
}

} // namespace qcrt
