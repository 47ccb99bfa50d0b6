// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constant tensors as bytes: see ConstantStore.h.

#include "qc/Dialect/QC/IR/ConstantStore.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace qc;

/// Constants of at most this many bytes are inline.
static constexpr size_t inlineLimit = 128;

uint8_t qc::readBits(ArrayRef<char> bytes, int64_t index, unsigned bits) {
  int64_t bit = index * bits, byte = bit / 8, shift = bit % 8;
  unsigned word = static_cast<uint8_t>(bytes[byte]);
  if (shift + bits > 8)
    word |= static_cast<uint8_t>(bytes[byte + 1]) << 8;
  return (word >> shift) & ((1u << bits) - 1);
}

void qc::writeBits(MutableArrayRef<char> bytes, int64_t index, unsigned bits,
                   uint8_t code) {
  int64_t bit = index * bits, byte = bit / 8, shift = bit % 8;
  unsigned word = (code & ((1u << bits) - 1)) << shift;
  bytes[byte] |= static_cast<char>(word);
  if (shift + bits > 8)
    bytes[byte + 1] |= static_cast<char>(word >> 8);
}

/// An inline attribute from bytes in storage format.
static ElementsAttr getInline(RankedTensorType type, ArrayRef<char> bytes) {
  Type element = type.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  int64_t count = type.getNumElements();
  if (bits >= 8)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<APInt> values;
  for (int64_t i = 0; i < count; ++i) {
    if (bits == 1)
      values.push_back(APInt(1, bytes[i] != 0));
    else
      values.push_back(APInt(bits, readBits(bytes, i, bits)));
  }
  if (auto floatType = dyn_cast<FloatType>(element)) {
    SmallVector<APFloat> floats;
    for (const APInt &value : values)
      floats.emplace_back(floatType.getFloatSemantics(), value);
    return DenseElementsAttr::get(type, floats);
  }
  return DenseElementsAttr::get(type, values);
}

ElementsAttr qc::getConstant(RankedTensorType type, ArrayRef<char> bytes) {
  if (bytes.size() <= inlineLimit)
    return getInline(type, bytes);
  return getConstant(type,
                     HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, 16));
}

ElementsAttr qc::getConstant(RankedTensorType type, AsmResourceBlob blob) {
  assert(static_cast<int64_t>(blob.getData().size()) == getStorageBytes(type));
  if (blob.getData().size() <= inlineLimit)
    return getInline(type, blob.getData());
  ArrayRef<char> data = blob.getData();
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(
      ArrayRef(reinterpret_cast<const uint8_t *>(data.data()), data.size()));
  std::string key = "qc_" + llvm::utohexstr(hash.high64, true, 16) +
                    llvm::utohexstr(hash.low64, true, 16);
  auto &manager =
      DenseResourceElementsHandle::getManagerInterface(type.getContext());
  auto *entry = manager.getBlobManager().lookup(key);
  if (!entry)
    return DenseResourceElementsAttr::get(type, key, std::move(blob));
  // An entry of a released constant has no bytes.
  if (!entry->getBlob() || entry->getBlob()->getData().empty())
    manager.getBlobManager().update(key, std::move(blob));
  return DenseResourceElementsAttr::get(
      type, DenseResourceElementsHandle(
                entry, cast<BuiltinDialect>(
                           type.getContext()->getLoadedDialect("builtin"))));
}

void qc::releaseUnusedConstants(Operation *root) {
  llvm::StringSet<> used;
  root->walk([&](Operation *op) {
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr value) {
      used.insert(value.getRawHandle().getKey());
    });
  });
  auto &manager =
      DenseResourceElementsHandle::getManagerInterface(root->getContext())
          .getBlobManager();
  SmallVector<std::string> unused;
  manager.getBlobMap([&](const auto &entries) {
    for (const auto &entry : entries)
      if (entry.second.getBlob() &&
          !entry.second.getBlob()->getData().empty() &&
          !used.contains(entry.first()))
        unused.push_back(entry.first().str());
  });
  for (const std::string &key : unused)
    manager.update(key, AsmResourceBlob());
}

FailureOr<ArrayRef<char>> qc::getConstantBytes(ElementsAttr value,
                                               SmallVectorImpl<char> &scratch) {
  auto type = dyn_cast<RankedTensorType>(value.getShapedType());
  if (!type)
    return failure();
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(value)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    if (!blob ||
        static_cast<int64_t>(blob->getData().size()) != getStorageBytes(type))
      return failure();
    return blob->getData();
  }
  auto dense = dyn_cast<DenseElementsAttr>(value);
  if (!dense)
    return failure();
  Type element = type.getElementType();
  unsigned bits = element.getIntOrFloatBitWidth();
  if (bits >= 8 && !dense.isSplat())
    return dense.getRawData();
  scratch.clear();
  scratch.resize(getStorageBytes(type), 0);
  if (bits >= 8) {
    ArrayRef<char> one = dense.getRawData();
    for (size_t i = 0; i < scratch.size(); ++i)
      scratch[i] = one[i % one.size()];
    return ArrayRef<char>(scratch);
  }
  auto put = [&](int64_t index, const APInt &code) {
    if (bits == 1)
      scratch[index] = code.getBoolValue();
    else
      writeBits(scratch, index, bits, code.getZExtValue());
  };
  if (isa<FloatType>(element)) {
    for (auto [index, number] : llvm::enumerate(dense.getValues<APFloat>()))
      put(index, number.bitcastToAPInt());
  } else {
    for (auto [index, number] : llvm::enumerate(dense.getValues<APInt>()))
      put(index, number);
  }
  return ArrayRef<char>(scratch);
}

/// Calls `receive` with the bits of each element in order.
static void forEachElement(RankedTensorType type, ArrayRef<char> bytes,
                           function_ref<void(uint64_t)> receive) {
  unsigned bits = type.getElementType().getIntOrFloatBitWidth();
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    uint64_t word = 0;
    if (bits == 1) {
      word = bytes[i] != 0;
    } else if (bits < 8) {
      word = readBits(bytes, i, bits);
    } else {
      std::memcpy(&word, bytes.data() + i * (bits / 8), bits / 8);
    }
    receive(word);
  }
}

/// The same for a constant. Fails when it cannot be read.
static LogicalResult forEachElement(ElementsAttr value,
                                    function_ref<void(uint64_t)> receive) {
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
  if (failed(bytes))
    return failure();
  forEachElement(cast<RankedTensorType>(value.getShapedType()), *bytes,
                 receive);
  return success();
}

/// An integer of `bits` bits by its code.
static int64_t toInteger(uint64_t code, unsigned bits, bool isUnsigned) {
  return isUnsigned ? static_cast<int64_t>(code)
                    : llvm::SignExtend64(code, bits);
}

/// How the bits of an element of that type become a number.
static std::function<double(uint64_t)> getConversion(Type element) {
  unsigned bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  auto floatType = dyn_cast<FloatType>(element);
  // Weights are f32: the general conversion takes ten times as long.
  if (element.isF32())
    return [](uint64_t code) {
      return llvm::bit_cast<float>(static_cast<uint32_t>(code));
    };
  if (floatType)
    return [=](uint64_t code) {
      APFloat number(floatType.getFloatSemantics(), APInt(bits, code));
      bool lost = false;
      number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                     &lost);
      return number.convertToDouble();
    };
  bool isUnsigned = isUnsignedElement(element);
  return [=](uint64_t code) {
    return isUnsigned ? static_cast<double>(code)
                      : static_cast<double>(toInteger(code, bits, isUnsigned));
  };
}

SmallVector<double> qc::getNumbers(RankedTensorType type,
                                   ArrayRef<char> bytes) {
  auto toNumber = getConversion(type.getElementType());
  SmallVector<double> numbers;
  numbers.reserve(type.getNumElements());
  forEachElement(type, bytes,
                 [&](uint64_t code) { numbers.push_back(toNumber(code)); });
  return numbers;
}

FailureOr<SmallVector<double>> qc::getConstantNumbers(ElementsAttr value) {
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
  if (failed(bytes))
    return failure();
  return getNumbers(cast<RankedTensorType>(value.getShapedType()), *bytes);
}

FailureOr<SmallVector<int64_t>> qc::getConstantIntegers(ElementsAttr value) {
  if (!isa<IntegerType>(value.getElementType()))
    return failure();
  unsigned bits = value.getElementType().getIntOrFloatBitWidth();
  bool isUnsigned = isUnsignedElement(value.getElementType());
  SmallVector<int64_t> numbers;
  if (failed(forEachElement(value, [&](uint64_t code) {
        numbers.push_back(toInteger(code, bits, isUnsigned));
      })))
    return failure();
  return numbers;
}

bool qc::isTransposed(ElementsAttr lhs, ElementsAttr rhs) {
  ArrayRef<int64_t> shape = lhs.getShapedType().getShape(),
                    other = rhs.getShapedType().getShape();
  Type element = lhs.getElementType();
  if (shape.size() != 2 || other.size() != 2 || shape[0] != other[1] ||
      shape[1] != other[0] || element != rhs.getElementType())
    return false;
  SmallVector<char> leftScratch, rightScratch;
  FailureOr<ArrayRef<char>> left = getConstantBytes(lhs, leftScratch),
                            right = getConstantBytes(rhs, rightScratch);
  if (failed(left) || failed(right))
    return false;
  unsigned bits = element.getIntOrFloatBitWidth();
  bool isBitStream = bits > 1 && bits < 8;
  int64_t width = getStorageBytes(RankedTensorType::get({1}, element));
  auto isEqual = [&](int64_t i, int64_t j) {
    return isBitStream ? readBits(*left, i, bits) == readBits(*right, j, bits)
                       : std::memcmp(left->data() + i * width,
                                     right->data() + j * width, width) == 0;
  };
  // In squares, whose lines stay in the cache.
  constexpr int64_t side = 32;
  for (int64_t top = 0; top < shape[0]; top += side)
    for (int64_t begin = 0; begin < shape[1]; begin += side)
      for (int64_t row = top; row < std::min(top + side, shape[0]); ++row)
        for (int64_t column = begin; column < std::min(begin + side, shape[1]);
             ++column)
          if (!isEqual(row * shape[1] + column, column * shape[0] + row))
            return false;
  return true;
}
