// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types: sizes, decoding to double, conversions between files and
// models.
#include "tensorio/Tensor.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace qcrt {

uint64_t Tensor::elements() const {
  uint64_t product = 1;
  for (int64_t dim : dims)
    product *= uint64_t(dim);
  return product;
}

std::optional<uint64_t> sizeInBytes(const std::vector<int64_t> &dims,
                                    uint32_t bits) {
  // Zeros are left out of the product, so that no order of the dims overflows.
  const uint64_t limit = uint64_t(1) << 57;
  uint64_t elements = 1;
  bool isEmpty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    if (dim == 0) {
      isEmpty = true;
      continue;
    }
    if (uint64_t(dim) > limit / elements)
      return std::nullopt;
    elements *= uint64_t(dim);
  }
  return isEmpty ? 0 : (elements * bits + 7) / 8;
}

bool tryResize(Bytes &bytes, uint64_t size) {
  if (size > bytes.max_size())
    return false;
  try {
    bytes.resize(size);
  } catch (const std::bad_alloc &) {
    return false;
  }
  return true;
}

std::string typeName(uint32_t type) {
  if (type == QC_TYPE_FLOAT)
    return "float32";
  if (type == QC_TYPE_DOUBLE)
    return "float64";
  const char *name = qcrtElementName(type);
  return name ? name : "opaque";
}

std::string describe(uint32_t type, const std::vector<int64_t> &dims) {
  std::string text = typeName(type) + '[';
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? "," : "") + std::to_string(dims[i]);
  return text + ']';
}

std::string describe(const Tensor &tensor) {
  return describe(tensor.type, tensor.dims);
}

std::string describe(const QcrtTensorInfo &info) {
  return describe(info.type, {info.dims, info.dims + info.rank});
}

namespace {

template <typename T> T load(const uint8_t *data, uint64_t index) {
  T value;
  std::memcpy(&value, data + index * sizeof(T), sizeof(T));
  return value;
}

/// What the largest exponent of a small float means.
enum class Special {
  Ieee,        ///< infinities and NaNs
  FiniteNan,   ///< "FN": all ones is NaN, the rest are numbers
  UnsignedZero ///< "FNUZ": negative zero is the one NaN
};

/// Value of a float with a sign, `exponentBits` and `mantissaBits`.
double decodeSmallFloat(uint32_t bits, int exponentBits, int mantissaBits,
                        int bias, Special special) {
  uint32_t mantissaMask = (1u << mantissaBits) - 1;
  uint32_t exponentMask = (1u << exponentBits) - 1;
  uint32_t mantissa = bits & mantissaMask;
  uint32_t exponent = bits >> mantissaBits & exponentMask;
  bool isNegative = bits >> (mantissaBits + exponentBits) & 1;
  double sign = isNegative ? -1.0 : 1.0;
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (special == Special::Ieee && exponent == exponentMask)
    return mantissa ? nan : sign * std::numeric_limits<double>::infinity();
  if (special == Special::FiniteNan && exponent == exponentMask &&
      mantissa == mantissaMask)
    return nan;
  if (special == Special::UnsignedZero && isNegative && exponent == 0 &&
      mantissa == 0)
    return nan;
  if (exponent == 0)
    return sign * std::ldexp(double(mantissa), 1 - bias - mantissaBits);
  return sign * std::ldexp(double(mantissa | (1u << mantissaBits)),
                           int(exponent) - bias - mantissaBits);
}

/// Values of all 256 codes of a type of at most 8 bits.
std::vector<double> makeTable(uint32_t type) {
  std::vector<double> table(256);
  for (uint32_t code = 0; code < 256; ++code) {
    double &value = table[code];
    switch (type) {
    case QC_TYPE_FLOAT8E4M3FN:
      value = decodeSmallFloat(code, 4, 3, 7, Special::FiniteNan);
      break;
    case QC_TYPE_FLOAT8E4M3FNUZ:
      value = decodeSmallFloat(code, 4, 3, 8, Special::UnsignedZero);
      break;
    case QC_TYPE_FLOAT8E5M2:
      value = decodeSmallFloat(code, 5, 2, 15, Special::Ieee);
      break;
    case QC_TYPE_FLOAT8E5M2FNUZ:
      value = decodeSmallFloat(code, 5, 2, 16, Special::UnsignedZero);
      break;
    case QC_TYPE_FLOAT8E8M0:
      // OCP Microscaling: a power of two, all ones is NaN.
      value = code == 255 ? std::numeric_limits<double>::quiet_NaN()
                          : std::ldexp(1.0, int(code) - 127);
      break;
    case QC_TYPE_FLOAT4E2M1: {
      static const double magnitudes[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
      value = magnitudes[code & 7] * (code & 8 ? -1 : 1);
      break;
    }
    case QC_TYPE_UINT4:
      value = code & 15;
      break;
    case QC_TYPE_INT4:
      value = int(code & 15) - (code & 8 ? 16 : 0);
      break;
    case QC_TYPE_UINT2:
      value = code & 3;
      break;
    case QC_TYPE_INT2:
      value = int(code & 3) - (code & 2 ? 4 : 0);
      break;
    case QC_TYPE_INT8:
      value = int8_t(code);
      break;
    default: // uint8, bool
      value = code;
      break;
    }
  }
  return table;
}

template <typename T>
void decodeAs(const Tensor &tensor, std::vector<double> &values) {
  for (uint64_t i = 0; i < values.size(); ++i)
    values[i] = double(load<T>(tensor.data.data(), i));
}

} // namespace

std::vector<double> decodeElements(const Tensor &tensor) {
  std::vector<double> values(tensor.elements());
  const uint8_t *data = tensor.data.data();
  switch (tensor.type) {
  case QC_TYPE_FLOAT:
    decodeAs<float>(tensor, values);
    break;
  case QC_TYPE_DOUBLE:
    decodeAs<double>(tensor, values);
    break;
  case QC_TYPE_UINT16:
    decodeAs<uint16_t>(tensor, values);
    break;
  case QC_TYPE_INT16:
    decodeAs<int16_t>(tensor, values);
    break;
  case QC_TYPE_INT32:
    decodeAs<int32_t>(tensor, values);
    break;
  case QC_TYPE_UINT32:
    decodeAs<uint32_t>(tensor, values);
    break;
  case QC_TYPE_INT64:
    decodeAs<int64_t>(tensor, values);
    break;
  case QC_TYPE_UINT64:
    decodeAs<uint64_t>(tensor, values);
    break;
  case QC_TYPE_FLOAT16:
    for (uint64_t i = 0; i < values.size(); ++i)
      values[i] =
          decodeSmallFloat(load<uint16_t>(data, i), 5, 10, 15, Special::Ieee);
    break;
  case QC_TYPE_BFLOAT16:
    for (uint64_t i = 0; i < values.size(); ++i)
      values[i] = std::bit_cast<float>(uint32_t(load<uint16_t>(data, i)) << 16);
    break;
  default: {
    std::vector<double> table = makeTable(tensor.type);
    const uint32_t bits = qcrtElementBits(tensor.type);
    for (uint64_t i = 0; i < values.size(); ++i)
      values[i] = table[data[i * bits / 8] >> (i * bits % 8)];
    break;
  }
  }
  return values;
}

bool isNumpyType(uint32_t type) {
  return (type >= QC_TYPE_FLOAT && type <= QC_TYPE_INT64) ||
         (type >= QC_TYPE_BOOL && type <= QC_TYPE_UINT64);
}

/// Integers that share bytes; numpy has them one to a byte.
static bool isPackedInteger(uint32_t type) {
  return type == QC_TYPE_INT4 || type == QC_TYPE_UINT4 ||
         type == QC_TYPE_INT2 || type == QC_TYPE_UINT2;
}
static uint32_t unpackedType(uint32_t type) {
  return type == QC_TYPE_INT4 || type == QC_TYPE_INT2 ? QC_TYPE_INT8
                                                      : QC_TYPE_UINT8;
}

Result<Tensor> convertForInput(Tensor tensor, const QcrtTensorInfo &input) {
  std::vector<int64_t> dims(input.dims, input.dims + input.rank);
  const uint32_t bits = qcrtElementBits(input.type);
  auto refuse = [&](const std::string &why) {
    return Failure{"input '" + std::string(input.name) + "' is " +
                   describe(input) + ", but the file has " + describe(tensor) +
                   why};
  };
  if (tensor.dims != dims)
    return refuse("");
  if (tensor.type == 0 && !isNumpyType(input.type) &&
      tensor.opaqueBytes * 8 == bits)
    tensor.type = input.type;
  if (isPackedInteger(input.type) && tensor.type == unpackedType(input.type)) {
    bool isSigned = tensor.type == QC_TYPE_INT8;
    int lowest = isSigned ? -(1 << (bits - 1)) : 0;
    int highest = lowest + (1 << bits) - 1;
    Bytes packed((tensor.data.size() * bits + 7) / 8, uint8_t(0));
    for (size_t i = 0; i < tensor.data.size(); ++i) {
      uint8_t value = tensor.data[i];
      int number = isSigned ? int8_t(value) : int(value);
      if (number < lowest || number > highest)
        return refuse(" with the value " + std::to_string(number) + " at " +
                      std::to_string(i) + ", which does not fit in " +
                      std::to_string(bits) + " bits");
      packed[i * bits / 8] |=
          uint8_t((value & ((1u << bits) - 1)) << (i * bits % 8));
    }
    tensor.data = std::move(packed);
    tensor.type = input.type;
  }
  if (tensor.type != input.type)
    return refuse("");
  tensor.name = input.name;
  return tensor;
}

Tensor convertForNumpy(const Tensor &tensor) {
  if (isNumpyType(tensor.type))
    return tensor;
  Tensor result;
  result.name = tensor.name;
  result.dims = tensor.dims;
  std::vector<double> values = decodeElements(tensor);
  if (isPackedInteger(tensor.type)) {
    result.type = unpackedType(tensor.type);
    result.data.resize(values.size());
    for (size_t i = 0; i < values.size(); ++i)
      result.data[i] = uint8_t(int(values[i]));
    return result;
  }
  result.type = QC_TYPE_FLOAT;
  result.data.resize(values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) {
    float value = float(values[i]);
    std::memcpy(result.data.data() + i * sizeof value, &value, sizeof value);
  }
  return result;
}

} // namespace qcrt
