// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// numpy's npz format: a zip archive (PKWARE APPNOTE.TXT 6.3) with one npy file
// for each array. Read through the central directory; members are stored or
// deflated. numpy.savez gives local headers zip64 extras whatever the size, and
// the directory zip64 extras where sizes need them.
#include "NpyFormat.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace qcrt {

namespace {

uint64_t readNumber(std::span<const uint8_t> content, uint64_t offset,
                    unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i)
    value |= uint64_t(content[offset + i]) << (8 * i);
  return value;
}

constexpr uint64_t EndBytes = 22, End64Bytes = 56, Locator64Bytes = 20,
                   DirectoryBytes = 46, LocalBytes = 30;
constexpr uint32_t EndSignature = 0x06054b50, End64Signature = 0x06064b50,
                   Locator64Signature = 0x07064b50,
                   DirectorySignature = 0x02014b50, LocalSignature = 0x04034b50;

/// Where the central directory lies.
struct Directory {
  uint64_t offset = 0, bytes = 0, entries = 0;
};

bool hasSignature(std::span<const uint8_t> content, uint64_t offset,
                  uint64_t recordBytes, uint32_t signature) {
  return recordBytes <= content.size() &&
         offset <= content.size() - recordBytes &&
         readNumber(content, offset, 4) == signature;
}

std::optional<Directory> findDirectory(std::span<const uint8_t> content) {
  if (content.size() < EndBytes)
    return std::nullopt;
  // The end record is last but for a comment of up to 65,535 bytes.
  uint64_t end = content.size() - EndBytes;
  for (uint64_t steps = 0;; ++steps, --end) {
    if (hasSignature(content, end, EndBytes, EndSignature) &&
        end + EndBytes + readNumber(content, end + 20, 2) == content.size())
      break;
    if (end == 0 || steps == 65535)
      return std::nullopt;
  }
  Directory directory{readNumber(content, end + 16, 4),
                      readNumber(content, end + 12, 4),
                      readNumber(content, end + 10, 2)};
  if (end >= Locator64Bytes &&
      hasSignature(content, end - Locator64Bytes, Locator64Bytes,
                   Locator64Signature)) {
    uint64_t end64 = readNumber(content, end - Locator64Bytes + 8, 8);
    if (!hasSignature(content, end64, End64Bytes, End64Signature))
      return std::nullopt;
    directory = {readNumber(content, end64 + 48, 8),
                 readNumber(content, end64 + 40, 8),
                 readNumber(content, end64 + 32, 8)};
  }
  if (directory.offset > content.size() ||
      directory.bytes > content.size() - directory.offset)
    return std::nullopt;
  return directory;
}

/// A member as the central directory describes it.
struct Member {
  std::string name;
  uint64_t flags = 0, method = 0, crc = 0;
  uint64_t compressed = 0, uncompressed = 0, localOffset = 0;
};

/// Replaces the fields of 32 bits that are all ones by those of the zip64
/// extra.
bool readZip64(std::span<const uint8_t> extra, Member &member) {
  constexpr uint64_t inExtra = 0xffffffff;
  if (member.uncompressed != inExtra && member.compressed != inExtra &&
      member.localOffset != inExtra)
    return true;
  while (extra.size() >= 4) {
    uint64_t id = readNumber(extra, 0, 2), bytes = readNumber(extra, 2, 2);
    if (bytes > extra.size() - 4)
      return false;
    if (id == 1) {
      std::span<const uint8_t> field = extra.subspan(4, bytes);
      for (uint64_t *value :
           {&member.uncompressed, &member.compressed, &member.localOffset}) {
        if (*value != inExtra)
          continue;
        if (field.size() < 8)
          return false;
        *value = readNumber(field, 0, 8);
        field = field.subspan(8);
      }
      return true;
    }
    extra = extra.subspan(4 + bytes);
  }
  return false;
}

/// Inflates raw deflate data of a known size.
bool inflateExactly(std::span<const uint8_t> input, Bytes &output) {
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return false;
  // zlib counts in 32 bits.
  constexpr size_t piece = size_t(1) << 30;
  size_t read = 0, written = 0;
  int code = Z_OK;
  while (code == Z_OK) {
    if (stream.avail_in == 0) {
      size_t count = std::min(piece, input.size() - read);
      stream.next_in = const_cast<Bytef *>(input.data() + read);
      stream.avail_in = uInt(count);
      read += count;
    }
    size_t count = std::min(piece, output.size() - written);
    // With the output full, one byte more than promised must not come.
    uint8_t surplus;
    stream.next_out = count ? output.data() + written : &surplus;
    stream.avail_out = count ? uInt(count) : 1;
    uInt before = stream.avail_out;
    code = inflate(&stream, Z_NO_FLUSH);
    size_t produced = before - stream.avail_out;
    if (count == 0 && produced > 0)
      code = Z_DATA_ERROR;
    else
      written += produced;
  }
  inflateEnd(&stream);
  return code == Z_STREAM_END && written == output.size();
}

/// The bytes of a member.
Result<Bytes> extract(std::span<const uint8_t> content, const Member &member,
                      const std::string &name) {
  auto refuse = [&](const std::string &why) {
    return Failure{name + ": member '" + member.name + "' " + why};
  };
  if (member.flags & 1)
    return refuse("is encrypted");
  if (member.method != 0 && member.method != 8)
    return refuse("has compression method " + std::to_string(member.method) +
                  "; accepted are 0 (stored) and 8 (deflated)");
  if (!hasSignature(content, member.localOffset, LocalBytes, LocalSignature))
    return refuse("is not where the directory says");
  uint64_t data = member.localOffset + LocalBytes +
                  readNumber(content, member.localOffset + 26, 2) +
                  readNumber(content, member.localOffset + 28, 2);
  if (data > content.size() || member.compressed > content.size() - data)
    return refuse("ends behind the file");
  // Deflate cannot expand further than 1032 to 1: a larger promise is a lie,
  // and not worth its memory.
  if (member.method == 0 ? member.uncompressed != member.compressed
                         : member.uncompressed / 1032 > member.compressed)
    return refuse("has " + std::to_string(member.compressed) +
                  " bytes, which cannot become " +
                  std::to_string(member.uncompressed));
  std::span<const uint8_t> input = content.subspan(data, member.compressed);
  Bytes bytes;
  if (!tryResize(bytes, member.uncompressed))
    return refuse("does not fit in memory with its " +
                  std::to_string(member.uncompressed) + " bytes");
  if (member.method == 0) {
    if (!input.empty())
      std::memcpy(bytes.data(), input.data(), input.size());
  } else if (!inflateExactly(input, bytes)) {
    return refuse("cannot be inflated to " +
                  std::to_string(member.uncompressed) + " bytes");
  }
  if (crc32_z(0, bytes.data(), bytes.size()) != member.crc)
    return refuse("is damaged (its CRC differs)");
  return bytes;
}

} // namespace

Result<std::vector<Tensor>> parseNpz(std::span<const uint8_t> content,
                                     const std::string &name) {
  std::optional<Directory> directory = findDirectory(content);
  if (!directory)
    return Failure{name + ": not a zip archive, or truncated"};
  std::span<const uint8_t> records =
      content.subspan(directory->offset, directory->bytes);
  std::vector<Tensor> tensors;
  for (uint64_t i = 0; i < directory->entries; ++i) {
    if (!hasSignature(records, 0, DirectoryBytes, DirectorySignature))
      return Failure{name + ": the zip directory is damaged"};
    Member member;
    member.flags = readNumber(records, 8, 2);
    member.method = readNumber(records, 10, 2);
    member.crc = readNumber(records, 16, 4);
    member.compressed = readNumber(records, 20, 4);
    member.uncompressed = readNumber(records, 24, 4);
    member.localOffset = readNumber(records, 42, 4);
    uint64_t nameBytes = readNumber(records, 28, 2);
    uint64_t extraBytes = readNumber(records, 30, 2);
    uint64_t commentBytes = readNumber(records, 32, 2);
    if (nameBytes + extraBytes + commentBytes > records.size() - DirectoryBytes)
      return Failure{name + ": the zip directory is damaged"};
    member.name.assign(reinterpret_cast<const char *>(records.data()) +
                           DirectoryBytes,
                       nameBytes);
    if (!readZip64(records.subspan(DirectoryBytes + nameBytes, extraBytes),
                   member))
      return Failure{name + ": the zip64 sizes of member '" + member.name +
                     "' are missing"};
    records =
        records.subspan(DirectoryBytes + nameBytes + extraBytes + commentBytes);
    Result<Bytes> bytes = extract(content, member, name);
    if (!bytes)
      return bytes.failure();
    Result<Tensor> tensor =
        parseNpy(std::move(*bytes), name + ": member '" + member.name + "'");
    if (!tensor)
      return tensor.failure();
    tensor->name = member.name.ends_with(".npy")
                       ? member.name.substr(0, member.name.size() - 4)
                       : member.name;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

Result<std::vector<Tensor>> readNpzFile(const std::string &path) {
  Result<Bytes> content = readWholeFile(path);
  if (!content)
    return content.failure();
  return parseNpz(*content, path);
}

namespace {

/// Appends little-endian numbers.
class RecordWriter {
public:
  RecordWriter &number(uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i)
      record.push_back(uint8_t(value >> (8 * i)));
    return *this;
  }
  RecordWriter &text(const std::string &value) {
    record.insert(record.end(), value.begin(), value.end());
    return *this;
  }
  std::vector<uint8_t> record;
};

} // namespace

Status writeNpz(const std::string &path, const std::vector<Tensor> &tensors) {
  // The spans in `pieces` point into these; reserved, they do not move.
  std::vector<std::vector<uint8_t>> records;
  std::vector<Tensor> converted;
  std::vector<std::span<const uint8_t>> pieces;
  records.reserve(2 * tensors.size() + 1);
  converted.reserve(tensors.size());
  RecordWriter directory;
  uint64_t offset = 0;
  for (const Tensor &original : tensors) {
    converted.push_back(convertForNumpy(original));
    const Tensor &tensor = converted.back();
    std::string member = original.name + ".npy";
    std::string header = npyHeader(tensor);
    uint64_t bytes = header.size() + tensor.data.size();
    if (member.size() > 0xffff || bytes + offset >= 0xf0000000)
      return Failure{path + ": outputs of 4 GB or more, or a name of 64 KB, do "
                            "not fit in a zip archive; write single files"};
    uLong crc = crc32_z(0, reinterpret_cast<const Bytef *>(header.data()),
                        header.size());
    crc = crc32_z(crc, tensor.data.data(), tensor.data.size());
    // Version 2.0, UTF-8 names, stored, and the 1st of January 1980: equal
    // outputs make equal files.
    auto common = [&](RecordWriter &writer) {
      writer.number(20, 2).number(0x800, 2).number(0, 2).number(0, 2);
      writer.number(0x21, 2).number(crc, 4).number(bytes, 4).number(bytes, 4);
      writer.number(member.size(), 2).number(0, 2);
    };
    RecordWriter local;
    local.number(LocalSignature, 4);
    common(local);
    local.text(member).text(header);
    directory.number(DirectorySignature, 4).number(20, 2);
    common(directory);
    directory.number(0, 2).number(0, 2).number(0, 2).number(0, 4);
    directory.number(offset, 4).text(member);
    offset += local.record.size() + tensor.data.size();
    records.push_back(std::move(local.record));
    pieces.emplace_back(records.back());
    pieces.emplace_back(tensor.data.data(), tensor.data.size());
  }
  if (tensors.size() >= 0xffff ||
      offset + directory.record.size() >= 0xffffffff)
    return Failure{path + ": too many outputs for a zip archive"};
  uint64_t directoryBytes = directory.record.size();
  directory.number(EndSignature, 4).number(0, 2).number(0, 2);
  directory.number(tensors.size(), 2).number(tensors.size(), 2);
  directory.number(directoryBytes, 4).number(offset, 4).number(0, 2);
  records.push_back(std::move(directory.record));
  pieces.emplace_back(records.back());
  return writeWholeFile(path, pieces);
}

} // namespace qcrt
