// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors in files: what is written is read again, files by numpy and onnx are
// understood, and damaged or hostile ones are failures. Interoperation with the
// installed numpy and onnx is tested in test/Tools/qc-run.
#include "tensorio/TensorFile.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <unistd.h>

using namespace qcrt;

// Absurd sizes must fail as they do without the sanitizer.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}

namespace {

Bytes toBytes(std::string_view text) { return Bytes(text.begin(), text.end()); }

/// A file in a folder of its own, removed at the end.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &name)
      : path(testing::TempDir() + "tensorio-" + std::to_string(getpid()) + "-" +
             name) {}
  ~TemporaryFile() { std::filesystem::remove(path); }
  const std::string path;
};

/// An npy file of version 1 with this header and these elements.
std::string npy(const std::string &header, const std::string &data) {
  std::string text("\x93NUMPY\x01\x00", 8);
  text += char(header.size() & 255);
  text += char(header.size() >> 8);
  return text + header + data;
}

template <typename T>
Tensor makeTensor(uint32_t type, std::vector<int64_t> dims,
                  const std::vector<T> &values) {
  Tensor tensor;
  tensor.name = "t";
  tensor.type = type;
  tensor.dims = std::move(dims);
  tensor.data.resize(values.size() * sizeof(T));
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

/// A tensor of 5 x 3 elements of a type, with any bits.
Tensor patternTensor(uint32_t type) {
  Tensor tensor;
  tensor.name = "scope/t:0";
  tensor.type = type;
  tensor.dims = {5, 3};
  tensor.data.resize((15 * qcrtElementBits(type) + 7) / 8);
  for (size_t i = 0; i < tensor.data.size(); ++i)
    tensor.data[i] = type == QC_TYPE_BOOL ? i % 2 : uint8_t(37 * i + 11);
  return tensor;
}

std::vector<uint32_t> supportedTypes() {
  std::vector<uint32_t> types;
  for (uint32_t type = 0; type < 32; ++type)
    if (qcrtElementBits(type))
      types.push_back(type);
  return types;
}

class EveryType : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Types, EveryType, testing::ValuesIn(supportedTypes()));

TEST_P(EveryType, TensorProtoRoundTrip) {
  TemporaryFile file("round.pb");
  Tensor tensor = patternTensor(GetParam());
  ASSERT_TRUE(writeTensorProto(file.path, tensor));
  Result<Tensor> read = readTensorFile(file.path);
  ASSERT_TRUE(read) << read.message();
  EXPECT_EQ(read->type, tensor.type);
  EXPECT_EQ(read->dims, tensor.dims);
  EXPECT_EQ(read->name, tensor.name);
  EXPECT_EQ(read->data, tensor.data);
}

TEST_P(EveryType, NpyRoundTrip) {
  TemporaryFile file("round.npy");
  Tensor tensor = patternTensor(GetParam());
  Status written = writeNpy(file.path, tensor);
  ASSERT_EQ(bool(written), isNumpyType(GetParam()));
  if (!written) {
    EXPECT_NE(written.message().find("write a .pb"), std::string::npos);
    return;
  }
  Result<Tensor> read = readTensorFile(file.path);
  ASSERT_TRUE(read) << read.message();
  EXPECT_EQ(read->type, tensor.type);
  EXPECT_EQ(read->dims, tensor.dims);
  EXPECT_EQ(read->data, tensor.data);
}

TEST_P(EveryType, NpzKeepsValues) {
  TemporaryFile file("round.npz");
  Tensor tensor = patternTensor(GetParam());
  Tensor scalar = makeTensor<float>(QC_TYPE_FLOAT, {}, {2.5f});
  scalar.name = "scalar";
  ASSERT_TRUE(writeNpz(file.path, {tensor, scalar}));
  Result<std::vector<Tensor>> read = readNpzFile(file.path);
  ASSERT_TRUE(read) << read.message();
  ASSERT_EQ(read->size(), 2u);
  const Tensor &first = (*read)[0];
  EXPECT_EQ(first.name, tensor.name);
  EXPECT_EQ(first.dims, tensor.dims);
  std::vector<double> expected = decodeElements(tensor);
  std::vector<double> actual = decodeElements(first);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_TRUE(actual[i] == expected[i] ||
                (std::isnan(actual[i]) && std::isnan(expected[i])));
  EXPECT_EQ((*read)[1].dims.size(), 0u);
  EXPECT_EQ(decodeElements((*read)[1])[0], 2.5);
}

TEST_P(EveryType, ComparesWithItself) {
  Tensor tensor = patternTensor(GetParam());
  Comparison same = compareTensors(tensor, tensor, {0, 0});
  EXPECT_TRUE(same.matches);
  EXPECT_EQ(same.maxAbsolute, 0);
  EXPECT_TRUE(std::isinf(same.sqnr));
  Tensor other = tensor;
  // A bit of the last element; of a NaN's mantissa in no type.
  other.data.back() ^= 1;
  other.data[0] ^= 1;
  Comparison different = compareTensors(tensor, other, {0, 0});
  EXPECT_FALSE(different.matches);
  EXPECT_GT(different.mismatches, 0u);
  EXPECT_EQ(different.firstMismatch, 0u);
}

TEST(Decode, SmallFloats) {
  auto value = [](uint32_t type, uint32_t bits) {
    Tensor tensor = qcrtElementBits(type) == 16
                        ? makeTensor<uint16_t>(type, {1}, {uint16_t(bits)})
                        : makeTensor<uint8_t>(type, {1}, {uint8_t(bits)});
    return decodeElements(tensor)[0];
  };
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(value(QC_TYPE_FLOAT16, 0x3c00), 1.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT16, 0xc500), -5.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT16, 0x0001), std::ldexp(1.0, -24));
  EXPECT_EQ(value(QC_TYPE_FLOAT16, 0x7bff), 65504.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT16, 0xfc00), -infinity);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT16, 0x7c01)));
  EXPECT_EQ(value(QC_TYPE_BFLOAT16, 0x3f80), 1.0);
  EXPECT_EQ(value(QC_TYPE_BFLOAT16, 0xc0a0), -5.0);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_BFLOAT16, 0x7fc0)));
  // ONNX, "Float stored in 8 bits": largest and smallest values of each.
  EXPECT_EQ(value(QC_TYPE_FLOAT8E4M3FN, 0x7e), 448.0);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT8E4M3FN, 0x7f)));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E4M3FN, 0x01), std::ldexp(1.0, -9));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E4M3FN, 0x80), 0.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT8E4M3FNUZ, 0x7f), 240.0);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT8E4M3FNUZ, 0x80)));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E4M3FNUZ, 0x01), std::ldexp(1.0, -10));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E5M2, 0x7b), 57344.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT8E5M2, 0xfc), -infinity);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT8E5M2, 0x7d)));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E5M2, 0x01), std::ldexp(1.0, -16));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E5M2FNUZ, 0x7f), 57344.0);
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT8E5M2FNUZ, 0x80)));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E5M2FNUZ, 0x01), std::ldexp(1.0, -17));
  EXPECT_EQ(value(QC_TYPE_FLOAT8E8M0, 127), 1.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT8E8M0, 0), std::ldexp(1.0, -127));
  EXPECT_TRUE(std::isnan(value(QC_TYPE_FLOAT8E8M0, 255)));
  EXPECT_EQ(value(QC_TYPE_FLOAT4E2M1, 0x7), 6.0);
  EXPECT_EQ(value(QC_TYPE_FLOAT4E2M1, 0x9), -0.5);
}

TEST(Decode, FourBitsLowNibbleFirst) {
  Tensor tensor = makeTensor<uint8_t>(QC_TYPE_INT4, {3}, {0x7f, 0x08});
  EXPECT_EQ(decodeElements(tensor), (std::vector<double>{-1, 7, -8}));
  tensor.type = QC_TYPE_UINT4;
  EXPECT_EQ(decodeElements(tensor), (std::vector<double>{15, 7, 8}));
  Tensor numpy = convertForNumpy(tensor);
  EXPECT_EQ(numpy.type, unsigned(QC_TYPE_UINT8));
  EXPECT_EQ(numpy.data, toBytes("\x0f\x07\x08"));
}

TEST(Decode, TwoBitsLowestFirst) {
  // 1, -1, -2, 1, -1 from the lowest bits on.
  Tensor tensor = makeTensor<uint8_t>(QC_TYPE_INT2, {5}, {0x6d, 0x03});
  EXPECT_EQ(decodeElements(tensor), (std::vector<double>{1, -1, -2, 1, -1}));
  Tensor numpy = convertForNumpy(tensor);
  EXPECT_EQ(numpy.type, unsigned(QC_TYPE_INT8));
  int64_t dims[] = {5};
  QcrtTensorInfo info = {"x", QC_TYPE_INT2, 1, dims, 5, 2, 1, 0};
  Result<Tensor> packed = convertForInput(numpy, info);
  ASSERT_TRUE(packed) << packed.message();
  EXPECT_EQ(packed->data, tensor.data);
  tensor.type = QC_TYPE_UINT2;
  EXPECT_EQ(decodeElements(tensor), (std::vector<double>{1, 3, 2, 1, 3}));
}

TEST(Compare, Tolerances) {
  Tensor expected = makeTensor<float>(QC_TYPE_FLOAT, {4}, {1, -2, 0, 4});
  Tensor actual = makeTensor<float>(QC_TYPE_FLOAT, {4}, {1, -2.5, 0.25, 4});
  Comparison comparison = compareTensors(actual, expected, {0.125, 0});
  EXPECT_FALSE(comparison.matches);
  EXPECT_EQ(comparison.mismatches, 2u);
  EXPECT_EQ(comparison.firstMismatch, 1u);
  EXPECT_EQ(comparison.firstActual, -2.5);
  EXPECT_EQ(comparison.firstExpected, -2);
  EXPECT_EQ(comparison.maxAbsolute, 0.5);
  EXPECT_EQ(comparison.maxRelative, 0.25);
  EXPECT_DOUBLE_EQ(comparison.sqnr, 10 * std::log10(21 / 0.3125));
  EXPECT_DOUBLE_EQ(comparison.cosine, 22 / std::sqrt(21 * 23.3125));
  EXPECT_FALSE(compareTensors(actual, expected, {0.25, 0}).matches);
  EXPECT_TRUE(compareTensors(actual, expected, {0.25, 0.25}).matches);
  EXPECT_TRUE(compareTensors(actual, expected, {0, 0.5}).matches);
}

TEST(Compare, SpecialValues) {
  float nan = NAN, infinity = INFINITY;
  Tensor expected =
      makeTensor<float>(QC_TYPE_FLOAT, {3}, {nan, infinity, -infinity});
  EXPECT_TRUE(compareTensors(expected, expected, {0, 0}).matches);
  for (float wrong : {1.0f, nan, -infinity}) {
    Tensor actual =
        makeTensor<float>(QC_TYPE_FLOAT, {3}, {nan, wrong, -infinity});
    Comparison comparison = compareTensors(actual, expected, {1e9, 1e9});
    EXPECT_FALSE(comparison.matches) << wrong;
    EXPECT_EQ(comparison.mismatches, 1u);
    EXPECT_EQ(comparison.firstMismatch, 1u);
    EXPECT_TRUE(std::isinf(comparison.maxAbsolute));
  }
}

TEST(Compare, IntegersOf64BitsExactly) {
  int64_t large = (int64_t(1) << 60) + 1;
  Tensor a = makeTensor<int64_t>(QC_TYPE_INT64, {1}, {large});
  Tensor b = makeTensor<int64_t>(QC_TYPE_INT64, {1}, {large - 1});
  EXPECT_EQ(compareTensors(a, b, {0, 0}).maxAbsolute, 1);
  EXPECT_FALSE(compareTensors(a, b, {0, 0}).matches);
  a = makeTensor<uint64_t>(QC_TYPE_UINT64, {1}, {UINT64_MAX});
  b = makeTensor<uint64_t>(QC_TYPE_UINT64, {1}, {0});
  EXPECT_EQ(compareTensors(a, b, {0, 0}).maxAbsolute, double(UINT64_MAX));
}

TEST(Compare, ShapesAndTypes) {
  Tensor a = makeTensor<float>(QC_TYPE_FLOAT, {4}, {1, 2, 3, 4});
  Tensor b = makeTensor<float>(QC_TYPE_FLOAT, {2, 2}, {1, 2, 3, 4});
  Comparison comparison = compareTensors(a, b, {});
  EXPECT_FALSE(comparison.matches);
  EXPECT_EQ(comparison.problem, "is float32[4], expected is float32[2,2]");
  Tensor c = makeTensor<int32_t>(QC_TYPE_INT32, {4}, {1, 2, 3, 4});
  EXPECT_FALSE(compareTensors(a, c, {}).matches);
  // numpy has no bfloat16: a file of floats may be compared with it, and one of
  // opaque items.
  Tensor d = makeTensor<uint16_t>(QC_TYPE_BFLOAT16, {4},
                                  {0x3f80, 0x4000, 0x4040, 0x4080});
  EXPECT_TRUE(compareTensors(d, a, {0, 0}).matches);
  Tensor opaque = d;
  opaque.type = 0;
  opaque.opaqueBytes = 2;
  EXPECT_TRUE(compareTensors(d, opaque, {0, 0}).matches);
  EXPECT_FALSE(compareTensors(a, opaque, {0, 0}).matches);
}

TEST(Convert, ForInputs) {
  int64_t dims[] = {3};
  QcrtTensorInfo info = {"x", QC_TYPE_INT4, 1, dims, 3, 2, 1, 0};
  Result<Tensor> packed =
      convertForInput(makeTensor<int8_t>(QC_TYPE_INT8, {3}, {-8, 7, -1}), info);
  ASSERT_TRUE(packed) << packed.message();
  EXPECT_EQ(packed->data, toBytes("\x78\x0f"));
  Result<Tensor> large =
      convertForInput(makeTensor<int8_t>(QC_TYPE_INT8, {3}, {0, 8, 0}), info);
  ASSERT_FALSE(large);
  EXPECT_NE(large.message().find("the value 8 at 1"), std::string::npos);
  info.type = QC_TYPE_UINT4;
  EXPECT_TRUE(convertForInput(
      makeTensor<uint8_t>(QC_TYPE_UINT8, {3}, {0, 8, 15}), info));
  EXPECT_FALSE(convertForInput(
      makeTensor<uint8_t>(QC_TYPE_UINT8, {3}, {0, 16, 15}), info));
  EXPECT_FALSE(
      convertForInput(makeTensor<int8_t>(QC_TYPE_INT8, {3}, {0, 1, 2}), info));
  info.type = QC_TYPE_BFLOAT16;
  Tensor opaque = makeTensor<uint16_t>(0, {3}, {1, 2, 3});
  opaque.opaqueBytes = 2;
  Result<Tensor> retyped = convertForInput(opaque, info);
  ASSERT_TRUE(retyped);
  EXPECT_EQ(retyped->type, unsigned(QC_TYPE_BFLOAT16));
  info.type = QC_TYPE_FLOAT16; // which numpy has: not opaque
  EXPECT_FALSE(convertForInput(opaque, info));
  info.type = QC_TYPE_FLOAT;
  Result<Tensor> wrong = convertForInput(
      makeTensor<float>(QC_TYPE_FLOAT, {1, 3}, {1, 2, 3}), info);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.message(),
            "input 'x' is float32[3], but the file has float32[1,3]");
}

const char floatHeader[] =
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n";

TEST(Npy, Headers) {
  const std::string two("\0\0\x80\x3f\0\0\0\x40", 8);
  for (const char *header :
       {floatHeader, "{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}",
        "{\"descr\":\"<f4\",\"fortran_order\":True,\"shape\":(2,)}",
        "{'descr': '=f4', 'fortran_order': False, 'shape': (2L,), }   \n",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (1, 2), }",
        "{'descr': 'f4', 'fortran_order': False, 'shape': (1, 2, 1), }"}) {
    Result<Tensor> tensor = parseNpy(toBytes(npy(header, two)), "f");
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(decodeElements(*tensor), (std::vector<double>{1, 2}));
  }
  for (const char *header :
       {"",
        "{",
        "{}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 2, }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), } x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, "
        "4294967296, 2), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': "
        "(9223372036854775808,), }",
        "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<U2', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2,), }"}) {
    Result<Tensor> tensor = parseNpy(toBytes(npy(header, two)), "f.npy");
    ASSERT_FALSE(tensor) << header;
    EXPECT_EQ(tensor.message().rfind("f.npy: ", 0), 0u);
  }
}

TEST(Npy, OrdersAndEmptyShapes) {
  // [[0, 1, 2], [3, 4, 5]] as numpy writes it in Fortran order, big-endian.
  std::string data("\0\0\0\3\0\1\0\4\0\2\0\5", 12);
  Result<Tensor> tensor = parseNpy(
      toBytes(npy("{'descr': '>u2', 'fortran_order': True, 'shape': (2, 3), }",
                  data)),
      "f");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(decodeElements(*tensor), (std::vector<double>{0, 1, 2, 3, 4, 5}));
  tensor = parseNpy(
      toBytes(npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 0, "
                  "72057594037927936), }",
                  "")),
      "f");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->data.size(), 0u);
  tensor = parseNpy(
      toBytes(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }",
                  std::string("\0\1\7", 3))),
      "f");
  ASSERT_TRUE(tensor) << tensor.message();
  EXPECT_EQ(tensor->data, toBytes(std::string("\0\1\1", 3)));
}

/// Every truncation and every changed byte of a file: a failure or a tensor
/// whose size fits its shape.
template <typename Parse>
void damageEverywhere(const std::string &content, const Parse &parse) {
  for (size_t bytes = 0; bytes < content.size(); ++bytes)
    parse(content.substr(0, bytes));
  for (size_t i = 0; i < content.size(); ++i)
    for (int value : {0, 1, 0x7f, 0x80, 0xff, content[i] ^ 1, content[i] ^ 0x20,
                      content[i] + 1}) {
      std::string changed = content;
      changed[i] = char(value);
      parse(changed);
    }
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::string changed = content;
    for (int change = 0; change < 4; ++change)
      changed[random() % changed.size()] = char(random());
    parse(changed);
  }
}

void expectConsistent(const Tensor &tensor) {
  uint32_t bits =
      tensor.type ? qcrtElementBits(tensor.type) : tensor.opaqueBytes * 8;
  EXPECT_EQ(sizeInBytes(tensor.dims, bits), tensor.data.size());
  if (tensor.type)
    EXPECT_EQ(decodeElements(tensor).size(), tensor.elements());
}

TEST(Npy, Damaged) {
  std::string content = npy("{'descr': '<i2', 'fortran_order': True, "
                            "'shape': (2, 2), }",
                            "abcdefgh");
  damageEverywhere(content, [](const std::string &changed) {
    Result<Tensor> tensor = parseNpy(toBytes(changed), "f");
    if (tensor)
      expectConsistent(*tensor);
  });
}

// numpy.savez_compressed(..., **{"a/b:0": zeros(300, int16), "s": array(2.5)})
const uint8_t deflatedArchive[] = {
    0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00,
    0x21, 0x00, 0xef, 0xa8, 0xf1, 0xa8, 0x4c, 0x00, 0x00, 0x00, 0xd8, 0x02,
    0x00, 0x00, 0x09, 0x00, 0x14, 0x00, 0x61, 0x2f, 0x62, 0x3a, 0x30, 0x2e,
    0x6e, 0x70, 0x79, 0x01, 0x00, 0x10, 0x00, 0xd8, 0x02, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x4c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9b,
    0xec, 0x17, 0xea, 0x1b, 0x10, 0xc9, 0xc8, 0x50, 0xc6, 0x50, 0xad, 0x9e,
    0x92, 0x5a, 0x9c, 0x5c, 0xa4, 0x6e, 0xa5, 0xa0, 0x6e, 0x93, 0x69, 0xa4,
    0xae, 0xa3, 0xa0, 0x9e, 0x96, 0x5f, 0x54, 0x52, 0x94, 0x98, 0x17, 0x9f,
    0x5f, 0x94, 0x92, 0x0a, 0x12, 0x77, 0x4b, 0xcc, 0x29, 0x4e, 0x05, 0x8a,
    0x17, 0x67, 0x24, 0x16, 0xa4, 0x02, 0xf9, 0x1a, 0xc6, 0x06, 0x06, 0x3a,
    0x9a, 0x3a, 0x0a, 0xb5, 0x0a, 0x64, 0x03, 0x2e, 0x86, 0x51, 0x30, 0x0a,
    0x68, 0x00, 0x00, 0x50, 0x4b, 0x03, 0x04, 0x14, 0x00, 0x00, 0x00, 0x08,
    0x00, 0x00, 0x00, 0x21, 0x00, 0x35, 0xb4, 0x3a, 0x93, 0x47, 0x00, 0x00,
    0x00, 0x88, 0x00, 0x00, 0x00, 0x05, 0x00, 0x14, 0x00, 0x73, 0x2e, 0x6e,
    0x70, 0x79, 0x01, 0x00, 0x10, 0x00, 0x88, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x47, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x9b, 0xec,
    0x17, 0xea, 0x1b, 0x10, 0xc9, 0xc8, 0x50, 0xc6, 0x50, 0xad, 0x9e, 0x92,
    0x5a, 0x9c, 0x5c, 0xa4, 0x6e, 0xa5, 0xa0, 0x6e, 0x93, 0x66, 0xa1, 0xae,
    0xa3, 0xa0, 0x9e, 0x96, 0x5f, 0x54, 0x52, 0x94, 0x98, 0x17, 0x9f, 0x5f,
    0x94, 0x92, 0x0a, 0x12, 0x77, 0x4b, 0xcc, 0x29, 0x4e, 0x05, 0x8a, 0x17,
    0x67, 0x24, 0x16, 0xa4, 0x02, 0xf9, 0x1a, 0x9a, 0x3a, 0x0a, 0xb5, 0x0a,
    0x14, 0x01, 0x2e, 0x06, 0x30, 0x60, 0x71, 0x00, 0x00, 0x50, 0x4b, 0x01,
    0x02, 0x14, 0x03, 0x14, 0x00, 0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21,
    0x00, 0xef, 0xa8, 0xf1, 0xa8, 0x4c, 0x00, 0x00, 0x00, 0xd8, 0x02, 0x00,
    0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x61, 0x2f, 0x62, 0x3a, 0x30,
    0x2e, 0x6e, 0x70, 0x79, 0x50, 0x4b, 0x01, 0x02, 0x14, 0x03, 0x14, 0x00,
    0x00, 0x00, 0x08, 0x00, 0x00, 0x00, 0x21, 0x00, 0x35, 0xb4, 0x3a, 0x93,
    0x47, 0x00, 0x00, 0x00, 0x88, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80, 0x01, 0x87, 0x00,
    0x00, 0x00, 0x73, 0x2e, 0x6e, 0x70, 0x79, 0x50, 0x4b, 0x05, 0x06, 0x00,
    0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, 0x6a, 0x00, 0x00, 0x00, 0x05,
    0x01, 0x00, 0x00, 0x00, 0x00};

std::string_view text(const uint8_t *data, size_t size) {
  return {reinterpret_cast<const char *>(data), size};
}

TEST(Npz, DeflatedByNumpy) {
  Result<std::vector<Tensor>> tensors = parseNpz(deflatedArchive, "a.npz");
  ASSERT_TRUE(tensors) << tensors.message();
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a/b:0");
  EXPECT_EQ((*tensors)[0].type, unsigned(QC_TYPE_INT16));
  EXPECT_EQ(decodeElements((*tensors)[0]), std::vector<double>(300, 0.0));
  EXPECT_EQ((*tensors)[1].name, "s");
  EXPECT_EQ(decodeElements((*tensors)[1]), std::vector<double>{2.5});
}

void damageArchive(const std::string &content) {
  size_t read = 0;
  damageEverywhere(content, [&](const std::string &changed) {
    Bytes bytes = toBytes(changed);
    Result<std::vector<Tensor>> tensors = parseNpz(bytes, "a.npz");
    if (!tensors)
      return;
    ++read;
    for (const Tensor &tensor : *tensors)
      expectConsistent(tensor);
  });
  // Times and attributes of members may be anything.
  EXPECT_GT(read, 0u);
}

TEST(Npz, DamagedDeflated) {
  damageArchive(std::string(text(deflatedArchive, sizeof deflatedArchive)));
}

TEST(Npz, DamagedStored) {
  TemporaryFile file("stored.npz");
  ASSERT_TRUE(writeNpz(file.path,
                       {makeTensor<float>(QC_TYPE_FLOAT, {2}, {1.0f, 2.0f})}));
  Result<Bytes> content = readWholeFile(file.path);
  ASSERT_TRUE(content);
  damageArchive(std::string(text(content->data(), content->size())));
}

TEST(Npz, PromisesOfTooMuch) {
  std::string content(text(deflatedArchive, sizeof deflatedArchive));
  // The directory entry of the first member: its uncompressed size.
  size_t entry = content.find("PK\x01\x02");
  ASSERT_NE(entry, std::string::npos);
  content.replace(entry + 24, 4, "\xf0\xff\xff\xff");
  Bytes bytes = toBytes(content);
  Result<std::vector<Tensor>> tensors = parseNpz(bytes, "a.npz");
  ASSERT_FALSE(tensors);
  EXPECT_NE(tensors.message().find("cannot become"), std::string::npos)
      << tensors.message();
}

TEST(Npz, NotAnArchive) {
  Bytes empty, some = toBytes(std::string(100, 'P'));
  EXPECT_FALSE(parseNpz(empty, "a.npz"));
  EXPECT_FALSE(parseNpz(some, "a.npz"));
  EXPECT_FALSE(readNpzFile("does-not-exist.npz"));
  EXPECT_FALSE(readNpzFile("/dev/zero"));
}

/// TensorProto fields by hand: key, then content.
std::string field(int number, int wireType, const std::string &content) {
  return std::string(1, char(number << 3 | wireType)) + content;
}
std::string bytesField(int number, const std::string &content) {
  return field(number, 2, char(content.size()) + content);
}

Result<Tensor> parseProto(const std::string &content) {
  Bytes bytes = toBytes(content);
  return parseTensorProto(bytes, "t.pb");
}

TEST(TensorProto, TypedData) {
  auto expectValues = [](const std::string &content,
                         const std::vector<double> &values) {
    Result<Tensor> tensor = parseProto(content);
    ASSERT_TRUE(tensor) << tensor.message();
    EXPECT_EQ(decodeElements(*tensor), values);
  };
  const std::string dims = field(1, 0, "\x02");
  const std::string one("\0\0\x80\x3f", 4), two("\0\0\0\x40", 4);
  // float_data, packed, unpacked and mixed
  expectValues(dims + field(2, 0, "\x01") + bytesField(4, one + two), {1, 2});
  expectValues(field(4, 5, one) + field(4, 5, two) + dims + field(2, 0, "\x01"),
               {1, 2});
  expectValues(field(4, 5, one) + bytesField(4, two) + bytesField(1, "\x02") +
                   field(2, 0, "\x01"),
               {1, 2});
  // int32_data for small types; -1 is ten bytes long
  const std::string minusOne("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
  expectValues(dims + field(2, 0, "\x06") + bytesField(5, "\x07" + minusOne),
               {7, -1});
  expectValues(dims + field(2, 0, "\x03") + bytesField(5, "\x07" + minusOne),
               {7, -1});
  expectValues(dims + field(2, 0, "\x0a") +
                   bytesField(5, std::string("\x80\x78\x80\x80\x01")),
               {1, 2}); // float16 0x3c00 and 0x4000
  expectValues(dims + field(2, 0, "\x16") + bytesField(5, "\x78"), {-8, 7});
  expectValues(dims + field(2, 0, "\x09") + bytesField(5, "\x05\x01"), {1, 1});
  expectValues(dims + field(2, 0, "\x07") + bytesField(7, "\x05" + minusOne),
               {5, -1});
  expectValues(dims + field(2, 0, "\x0c") + bytesField(11, "\x05\x06"), {5, 6});
  expectValues(dims + field(2, 0, "\x0b") +
                   bytesField(10, std::string("\0\0\0\0\0\0\xf0\x3f", 8) +
                                      std::string("\0\0\0\0\0\0\0\x40", 8)),
               {1, 2});
  // unknown fields and documentation are skipped
  expectValues(bytesField(12, "doc") + dims + field(2, 0, "\x02") +
                   field(15, 1, "12345678") + bytesField(9, "\x03\x04"),
               {3, 4});
  // a scalar
  expectValues(field(2, 0, "\x02") + bytesField(9, "\x03"), {3});
}

TEST(TensorProto, Refused) {
  const std::string dims = field(1, 0, "\x02");
  const std::string uint8 = field(2, 0, "\x02");
  for (const std::string &content :
       {std::string(),                                   // no type
        dims + field(2, 0, "\x08") + bytesField(6, "a"), // strings
        dims + field(2, 0, "\x0e"),                      // complex64
        dims + uint8,                                    // no data
        dims + uint8 + bytesField(9, "\x01"),            // too little
        dims + uint8 + bytesField(9, "\x01\x02\x03"),
        dims + uint8 + bytesField(5, "\x01"),
        dims + uint8 + bytesField(9, "ab") + field(14, 0, "\x01"),
        dims + uint8 + bytesField(13, "\x0a\x00"), // external
        dims + uint8 + bytesField(3, ""),          // segment
        dims + uint8 +
            field(9, 2,
                  "\xff\x7f"
                  "ab"), // longer than the file
        dims + uint8 + field(9, 2, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        dims + uint8 + field(9, 3, "ab"),   // a group
        dims + uint8 + field(9, 0, "\x01"), // wrong wire type
        dims + field(2, 0, "\x01") + bytesField(4, "abc"),
        field(1, 0, std::string("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")) +
            uint8 + bytesField(9, "ab"), // dim -1
        field(1, 0, std::string("\xff\xff\xff\xff\xff\xff\xff\xff\x7f")) +
            field(1, 0, "\x04") + uint8 + bytesField(9, "ab")}) {
    Result<Tensor> tensor = parseProto(content);
    EXPECT_FALSE(tensor);
    if (!tensor)
      EXPECT_EQ(tensor.message().rfind("t.pb: ", 0), 0u);
  }
  std::string manyDims = uint8 + bytesField(9, "a");
  for (int i = 0; i < 33; ++i)
    manyDims += field(1, 0, "\x01");
  EXPECT_FALSE(parseProto(manyDims));
}

TEST(TensorProto, Damaged) {
  std::string content = field(1, 0, "\x02") + field(1, 0, "\x03") +
                        field(2, 0, "\x04") + bytesField(8, "name") +
                        bytesField(9, "abcdefghijkl");
  damageEverywhere(content, [](const std::string &changed) {
    if (Result<Tensor> tensor = parseProto(changed))
      expectConsistent(*tensor);
  });
}

TEST(Files, Refused) {
  Result<Tensor> tensor = readTensorFile("x.txt");
  ASSERT_FALSE(tensor);
  EXPECT_EQ(tensor.message(),
            "x.txt: unknown extension; accepted are .npy and .pb");
  EXPECT_FALSE(readTensorFile("does-not-exist.npy"));
  TemporaryFile file("folder.npy");
  std::filesystem::create_directory(file.path);
  tensor = readTensorFile(file.path);
  ASSERT_FALSE(tensor);
  EXPECT_NE(tensor.message().find("not a regular file"), std::string::npos);
  EXPECT_FALSE(writeWholeFile(file.path, {}));
}

} // namespace
