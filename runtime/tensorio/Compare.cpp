// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compares an output with what was expected of it.
//
// Differences are taken in double, where all types but the 64-bit integers are
// exact; those are subtracted in 128 bits, so that neighbours above 2^53
// differ.
#include "tensorio/Tensor.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace qcrt {

namespace {

bool isInteger64(uint32_t type) {
  return type == QC_TYPE_INT64 || type == QC_TYPE_UINT64;
}

__extension__ typedef __int128 Int128;

Int128 integerAt(const Tensor &tensor, uint64_t index) {
  uint64_t bits;
  std::memcpy(&bits, tensor.data.data() + index * 8, 8);
  return tensor.type == QC_TYPE_INT64 ? Int128(int64_t(bits)) : Int128(bits);
}

/// Whether outputs of type `actual` may be compared with a file of type
/// `expected`: the same type, or any number where numpy has no such type and
/// the file thus cannot either.
bool isComparable(uint32_t actual, uint32_t expected) {
  return actual == expected || (!isNumpyType(actual) && expected != 0);
}

} // namespace

Comparison compareTensors(const Tensor &actual, const Tensor &expectedFile,
                          const Tolerance &tolerance) {
  Comparison result;
  Tensor retyped;
  const Tensor *expected = &expectedFile;
  // Items that numpy stored as opaque have the output's type.
  if (expectedFile.type == 0 && !isNumpyType(actual.type) &&
      expectedFile.opaqueBytes * 8 == qcrtElementBits(actual.type)) {
    retyped = expectedFile;
    retyped.type = actual.type;
    expected = &retyped;
  }
  if (actual.dims != expected->dims ||
      !isComparable(actual.type, expected->type)) {
    result.problem =
        "is " + describe(actual) + ", expected is " + describe(*expected);
    return result;
  }

  std::vector<double> a = decodeElements(actual);
  std::vector<double> e = decodeElements(*expected);
  bool isExact = isInteger64(actual.type) && isInteger64(expected->type);
  double signal = 0, noise = 0, energy = 0, product = 0;
  result.elements = a.size();
  for (uint64_t i = 0; i < a.size(); ++i) {
    double difference;
    bool matches;
    if (std::isfinite(a[i]) && std::isfinite(e[i])) {
      difference = isExact ? std::fabs(double(integerAt(actual, i) -
                                              integerAt(*expected, i)))
                           : std::fabs(a[i] - e[i]);
      matches = difference <=
                tolerance.absolute + tolerance.relative * std::fabs(e[i]);
      signal += e[i] * e[i];
      noise += difference * difference;
      energy += a[i] * a[i];
      product += a[i] * e[i];
      if (e[i] != 0)
        result.maxRelative =
            std::fmax(result.maxRelative, difference / std::fabs(e[i]));
    } else {
      matches = (std::isnan(a[i]) && std::isnan(e[i])) || a[i] == e[i];
      difference = matches ? 0 : std::numeric_limits<double>::infinity();
    }
    result.maxAbsolute = std::fmax(result.maxAbsolute, difference);
    if (!matches && result.mismatches++ == 0) {
      result.firstMismatch = i;
      result.firstActual = a[i];
      result.firstExpected = e[i];
    }
  }
  result.matches = result.mismatches == 0;
  result.sqnr = noise > 0 ? 10 * std::log10(signal / noise)
                          : std::numeric_limits<double>::infinity();
  if (signal > 0 && energy > 0)
    result.cosine = product / (std::sqrt(signal) * std::sqrt(energy));
  else
    result.cosine = signal == energy ? 1 : 0;
  return result;
}

} // namespace qcrt
