// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// ONNX tensors as constants.
//
// Nothing that a file says about sizes is believed: a shape must be addressable
// and its byte count must be what is stored before anything is allocated.
// Weights are not copied: the bytes move out of the protobuf message, or stay
// in the mapped file, the model's or an external one.

#include "Tensors.h"

#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "mlir/IR/AsmState.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qc;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type qc::getElementType(MLIRContext *context, int32_t dataType) {
  auto integer = [&](unsigned width, bool isSigned) -> Type {
    return IntegerType::get(
        context, width, isSigned ? IntegerType::Signed : IntegerType::Unsigned);
  };
  switch (dataType) {
  case onnx::TensorProto::FLOAT:
    return Float32Type::get(context);
  case onnx::TensorProto::DOUBLE:
    return Float64Type::get(context);
  case onnx::TensorProto::FLOAT16:
    return Float16Type::get(context);
  case onnx::TensorProto::BFLOAT16:
    return BFloat16Type::get(context);
  case onnx::TensorProto::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case onnx::TensorProto::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case onnx::TensorProto::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case onnx::TensorProto::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case onnx::TensorProto::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case onnx::TensorProto::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case onnx::TensorProto::BOOL:
    return IntegerType::get(context, 1);
  case onnx::TensorProto::INT2:
    return integer(2, true);
  case onnx::TensorProto::UINT2:
    return integer(2, false);
  case onnx::TensorProto::INT4:
    return integer(4, true);
  case onnx::TensorProto::UINT4:
    return integer(4, false);
  case onnx::TensorProto::INT8:
    return integer(8, true);
  case onnx::TensorProto::UINT8:
    return integer(8, false);
  case onnx::TensorProto::INT16:
    return integer(16, true);
  case onnx::TensorProto::UINT16:
    return integer(16, false);
  case onnx::TensorProto::INT32:
    return integer(32, true);
  case onnx::TensorProto::UINT32:
    return integer(32, false);
  case onnx::TensorProto::INT64:
    return integer(64, true);
  case onnx::TensorProto::UINT64:
    return integer(64, false);
  default:
    return {};
  }
}

int32_t qc::getDataType(Type element) {
  for (int32_t dataType = 1; dataType <= onnx::TensorProto::DataType_MAX;
       ++dataType)
    if (getElementType(element.getContext(), dataType) == element)
      return dataType;
  return 0;
}

std::string qc::getDataTypeName(int32_t dataType) {
  if (onnx::TensorProto::DataType_IsValid(dataType))
    return StringRef(onnx::TensorProto::DataType_Name(
                         static_cast<onnx::TensorProto::DataType>(dataType)))
        .lower();
  return "data type " + std::to_string(dataType);
}

/// The largest tensor that qc addresses: byte positions stay far from
/// overflowing.
static constexpr int64_t largestCount = int64_t(1) << 48;

bool qc::isAddressable(ArrayRef<int64_t> shape, Type element,
                       std::string &error) {
  int64_t count = 1;
  for (int64_t size : shape) {
    if (size < 0) {
      error = "has the negative dimension " + std::to_string(size);
      return false;
    }
    // Also bounds the other dimensions of an empty tensor.
    if (llvm::MulOverflow(count, std::max<int64_t>(size, 1), count) ||
        count > largestCount) {
      error = "has more than 2^48 elements";
      return false;
    }
  }
  return true;
}

//===----------------------------------------------------------------------===//
// Splats
//===----------------------------------------------------------------------===//

static ElementsAttr getSplat(Type element, ArrayRef<int64_t> shape,
                             const APInt &bits) {
  auto type = RankedTensorType::get(shape, element);
  if (auto floatType = dyn_cast<FloatType>(element))
    return DenseElementsAttr::get(type,
                                  APFloat(floatType.getFloatSemantics(), bits));
  return DenseElementsAttr::get(type, bits);
}

ElementsAttr qc::getSplat(Type element, ArrayRef<int64_t> shape, double value) {
  if (auto floatType = dyn_cast<FloatType>(element)) {
    APFloat number(value);
    bool lost = false;
    number.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &lost);
    return ::getSplat(element, shape, number.bitcastToAPInt());
  }
  llvm::APSInt number(element.getIntOrFloatBitWidth(),
                      isUnsignedElement(element));
  bool exact = false;
  if (element.isInteger(1))
    number = value != 0;
  else
    APFloat(value).convertToInteger(number, APFloat::rmTowardZero, &exact);
  return ::getSplat(element, shape, static_cast<const APInt &>(number));
}

ElementsAttr qc::getLimit(Type element, bool largest) {
  if (auto floatType = dyn_cast<FloatType>(element)) {
    // Bounds that no finite value crosses; infinities pass a clip unchanged.
    const llvm::fltSemantics &semantics = floatType.getFloatSemantics();
    APFloat value = APFloat::semanticsHasInf(semantics)
                        ? APFloat::getInf(semantics, !largest)
                        : APFloat::getLargest(semantics, !largest);
    return ::getSplat(element, {}, value.bitcastToAPInt());
  }
  unsigned width = element.getIntOrFloatBitWidth();
  APInt value =
      isUnsignedElement(element)
          ? (largest ? APInt::getMaxValue(width) : APInt::getMinValue(width))
          : (largest ? APInt::getSignedMaxValue(width)
                     : APInt::getSignedMinValue(width));
  return ::getSplat(element, {}, value);
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

/// A constant around memory that `owner` keeps alive; copied without one.
template <typename Owner>
static ElementsAttr keep(RankedTensorType type, ArrayRef<char> bytes,
                         Owner owner) {
  if (!owner)
    return getConstant(type, bytes);
  // Files align nothing, and readers of constants copy elements out.
  size_t align = 1;
  while (align < 16 &&
         reinterpret_cast<uintptr_t>(bytes.data()) % (2 * align) == 0)
    align *= 2;
  return getConstant(
      type, AsmResourceBlob(
                bytes, align,
                [owner = std::move(owner)](void *, size_t, size_t) mutable {
                  owner.reset();
                },
                /*dataIsMutable=*/false));
}

/// Booleans are 0 or 1 in memory; a file may hold any byte.
static bool isNormalized(RankedTensorType type, ArrayRef<char> bytes) {
  return !type.getElementType().isInteger(1) ||
         llvm::all_of(bytes, [](char byte) { return byte == 0 || byte == 1; });
}

static ElementsAttr normalized(RankedTensorType type, ArrayRef<char> bytes) {
  SmallVector<char> copy;
  for (char byte : bytes)
    copy.push_back(byte != 0);
  return getConstant(type, copy);
}

/// Converts a typed field of `stored` values to bytes of `To`.
template <typename To, typename Field>
static bool copyField(const Field &field, int64_t count,
                      SmallVectorImpl<char> &bytes) {
  if (field.size() != count)
    return false;
  bytes.resize_for_overwrite(count * sizeof(To));
  for (int64_t i = 0; i < count; ++i) {
    To value = static_cast<To>(field.Get(i));
    std::memcpy(bytes.data() + i * sizeof(To), &value, sizeof(To));
  }
  return true;
}

ElementsAttr TensorReader::read(onnx::TensorProto &tensor, std::string &error) {
  Type element = getElementType(context, tensor.data_type());
  if (!element) {
    error = "has element type " + getDataTypeName(tensor.data_type()) +
            "; accepted: numbers and booleans";
    return {};
  }
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  if (!isAddressable(shape, element, error))
    return {};
  auto type = RankedTensorType::get(shape, element);
  if (tensor.has_segment()) {
    error = "is stored in segments; accepted: whole tensors";
    return {};
  }
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    return readExternal(tensor, type, error);

  int64_t count = type.getNumElements(), size = getStorageBytes(type);
  auto keepRaw = [&](ArrayRef<char> bytes, auto owner) -> ElementsAttr {
    if (static_cast<int64_t>(bytes.size()) != size) {
      error = "stores " + std::to_string(bytes.size()) +
              " bytes, its type needs " + std::to_string(size);
      return {};
    }
    if (!isNormalized(type, bytes))
      return normalized(type, bytes);
    return keep(type, bytes, std::move(owner));
  };
  if (auto found = rawData.find(&tensor); found != rawData.end()) {
    auto &[bytes, file] = found->second;
    return keepRaw(ArrayRef(bytes.data(), bytes.size()), file);
  }
  if (tensor.has_raw_data()) {
    auto owner =
        std::make_shared<std::string>(std::move(*tensor.mutable_raw_data()));
    return keepRaw(ArrayRef(owner->data(), owner->size()), owner);
  }

  SmallVector<char> bytes;
  bool fits = false;
  switch (tensor.data_type()) {
  case onnx::TensorProto::FLOAT:
    fits = copyField<float>(tensor.float_data(), count, bytes);
    break;
  case onnx::TensorProto::DOUBLE:
    fits = copyField<double>(tensor.double_data(), count, bytes);
    break;
  case onnx::TensorProto::INT64:
    fits = copyField<int64_t>(tensor.int64_data(), count, bytes);
    break;
  case onnx::TensorProto::UINT64:
    fits = copyField<uint64_t>(tensor.uint64_data(), count, bytes);
    break;
  case onnx::TensorProto::UINT32:
    fits = copyField<uint32_t>(tensor.uint64_data(), count, bytes);
    break;
  default:
    // 32 bits and less, 16- and 8-bit floats as codes, in int32_data. Sub-byte
    // types store a byte of packed codes per entry.
    if (element.isInteger(32))
      fits = copyField<int32_t>(tensor.int32_data(), count, bytes);
    else if (element.getIntOrFloatBitWidth() == 16)
      fits = copyField<uint16_t>(tensor.int32_data(), count, bytes);
    else
      fits = copyField<uint8_t>(tensor.int32_data(), size, bytes);
  }
  if (!fits) {
    error = "does not store the " + std::to_string(count) +
            " elements of its shape";
    return {};
  }
  if (!isNormalized(type, bytes))
    return normalized(type, bytes);
  return getConstant(type, bytes);
}

/// Opens an external file, which must lie in the data folder.
std::shared_ptr<llvm::MemoryBuffer> TensorReader::openData(StringRef location,
                                                           std::string &error) {
  auto known = files.find(location.str());
  if (known != files.end())
    return known->second;
  std::string folder = dataDirectory.empty() ? "." : dataDirectory;
  auto refuse = [&](const Twine &reason) {
    error = ("external data '" + location + "' " + reason).str();
    return nullptr;
  };
  bool hasParent =
      llvm::any_of(llvm::make_range(llvm::sys::path::begin(location),
                                    llvm::sys::path::end(location)),
                   [](StringRef component) { return component == ".."; });
  if (location.empty() || location.contains('\0') || hasParent ||
      llvm::sys::path::is_absolute(location))
    return refuse("is no path inside the data folder '" + folder + "'");
  SmallString<256> path(folder), realFolder, realPath;
  llvm::sys::path::append(path, location);
  if (llvm::sys::fs::real_path(folder, realFolder))
    return refuse("cannot be found: no folder '" + folder + "'");
  if (std::error_code code = llvm::sys::fs::real_path(path, realPath))
    return refuse("cannot be opened in '" + folder + "': " + code.message());
  // A link must not lead outside either.
  if (!llvm::sys::path::is_separator(realFolder.back()))
    realFolder += llvm::sys::path::get_separator();
  if (!realPath.starts_with(realFolder))
    return refuse("leads outside the data folder '" + folder + "'");
  if (!llvm::sys::fs::is_regular_file(realPath))
    return refuse("is no regular file");
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> buffer =
      llvm::MemoryBuffer::getFile(realPath, /*IsText=*/false,
                                  /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse("cannot be read: " + buffer.getError().message());
  return files[location.str()] = std::move(*buffer);
}

ElementsAttr TensorReader::readExternal(const onnx::TensorProto &tensor,
                                        RankedTensorType type,
                                        std::string &error) {
  std::string location;
  uint64_t offset = 0, length = getStorageBytes(type);
  uint64_t size = length;
  for (const onnx::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    bool isOffset = entry.key() == "offset", isLength = entry.key() == "length";
    if ((isOffset || isLength) &&
        StringRef(entry.value()).getAsInteger(10, isOffset ? offset : length)) {
      error = "has the external data " + entry.key() + " '" + entry.value() +
              "'; accepted: a number of bytes";
      return {};
    }
  }
  if (length != size) {
    error = "has " + std::to_string(length) +
            " bytes of external data, its type needs " + std::to_string(size);
    return {};
  }
  std::shared_ptr<llvm::MemoryBuffer> file = openData(location, error);
  if (!file)
    return {};
  if (offset > file->getBufferSize() ||
      length > file->getBufferSize() - offset) {
    error = "needs bytes " + std::to_string(offset) + " to " +
            std::to_string(offset + length) + " of external data '" + location +
            "', which has " + std::to_string(file->getBufferSize());
    return {};
  }
  ArrayRef<char> bytes(file->getBufferStart() + offset, length);
  if (!isNormalized(type, bytes))
    return normalized(type, bytes);
  return keep(type, bytes, std::move(file));
}
