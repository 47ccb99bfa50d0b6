// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest and the packed weights of every artefact.

#include "qc/Target/Common/Artifact.h"

#include "qc/Conversion/Passes.h"
#include "qc/Dialect/QC/IR/ConstantStore.h"
#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"

#include "qcrt/manifest.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qc;

FailureOr<uint32_t> qc::getOnnxType(Type element) {
  if (auto integer = dyn_cast<IntegerType>(element)) {
    bool isUnsigned = integer.isUnsigned();
    switch (integer.getWidth()) {
    case 1:
      return QC_TYPE_BOOL;
    case 2:
      return isUnsigned ? QC_TYPE_UINT2 : QC_TYPE_INT2;
    case 4:
      return isUnsigned ? QC_TYPE_UINT4 : QC_TYPE_INT4;
    case 8:
      return isUnsigned ? QC_TYPE_UINT8 : QC_TYPE_INT8;
    case 16:
      return isUnsigned ? QC_TYPE_UINT16 : QC_TYPE_INT16;
    case 32:
      return isUnsigned ? QC_TYPE_UINT32 : QC_TYPE_INT32;
    case 64:
      return isUnsigned ? QC_TYPE_UINT64 : QC_TYPE_INT64;
    default:
      return failure();
    }
  }
  if (element.isF32())
    return QC_TYPE_FLOAT;
  if (element.isF64())
    return QC_TYPE_DOUBLE;
  if (element.isF16())
    return QC_TYPE_FLOAT16;
  if (element.isBF16())
    return QC_TYPE_BFLOAT16;
  if (isa<Float8E4M3FNType>(element))
    return QC_TYPE_FLOAT8E4M3FN;
  if (isa<Float8E4M3FNUZType>(element))
    return QC_TYPE_FLOAT8E4M3FNUZ;
  if (isa<Float8E5M2Type>(element))
    return QC_TYPE_FLOAT8E5M2;
  if (isa<Float8E5M2FNUZType>(element))
    return QC_TYPE_FLOAT8E5M2FNUZ;
  if (isa<Float4E2M1FNType>(element))
    return QC_TYPE_FLOAT4E2M1;
  if (isa<Float8E8M0FNUType>(element))
    return QC_TYPE_FLOAT8E8M0;
  return failure();
}

/// Fills `work` and what follows it from the attributes of a kernel's function.
static void describeWork(func::FuncOp function, KernelInfo &info) {
  info.work = function->getAttrOfType<IntegerAttr>(workAttrName).getInt();
  info.keepsResults = function->hasAttr(keepsResultsAttrName);
  if (auto shape = function->getAttrOfType<StringAttr>(shapeAttrName))
    info.shape = shape.str();
  if (auto macs = function->getAttrOfType<IntegerAttr>(macsAttrName))
    info.macs = macs.getInt();
  auto macType = function->getAttrOfType<TypeAttr>(macTypeAttrName);
  if (FailureOr<uint32_t> type =
          macType ? getOnnxType(macType.getValue()) : FailureOr<uint32_t>();
      succeeded(type))
    info.macType = *type;
}

KernelInfo qc::getKernelInfo(func::FuncOp function) {
  KernelInfo info;
  info.name = function.getSymName().str();
  if (auto family = function->getAttrOfType<StringAttr>(familyAttrName))
    info.family = family.str();
  auto alignments =
      function->getAttrOfType<DenseI64ArrayAttr>(alignmentsAttrName);
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto memref = dyn_cast<MemRefType>(type);
    if (!memref)
      continue;
    int64_t bytes =
        llvm::divideCeil(memref.getElementType().getIntOrFloatBitWidth(), 8);
    info.parameterBytes.push_back(memref.getNumElements() * bytes);
    info.parameterAlignments.push_back(
        alignments ? std::max(bytes, alignments[index]) : bytes);
  }
  info.numResults =
      function->getAttrOfType<IntegerAttr>(numResultsAttrName).getInt();
  info.extent = function->getAttrOfType<IntegerAttr>(extentAttrName).getInt();
  describeWork(function, info);
  return info;
}

//===----------------------------------------------------------------------===//
// Manifest
//===----------------------------------------------------------------------===//

namespace {

/// Collects the arrays of a manifest.
class ManifestBuilder {
public:
  QcManifestString addString(StringRef text) {
    auto [entry, inserted] = known.try_emplace(text, strings.size());
    if (inserted) {
      strings.append(text.begin(), text.end());
      strings.push_back('\0');
    }
    return {static_cast<uint32_t>(entry->second),
            static_cast<uint32_t>(text.size())};
  }

  std::string finish(uint32_t target, uint64_t weightsBytes, StringRef model) {
    QcManifestHeader header{};
    std::memcpy(header.magic, QC_MANIFEST_MAGIC, QC_MAGIC_BYTES);
    header.abi = QC_ABI_VERSION;
    header.headerBytes = sizeof(header);
    header.weightsBytes = weightsBytes;
    header.preparedBytes = preparedBytes;
    header.preparationCount = preparationCount;
    header.firstPreparation = firstPreparation;
    header.target = target;
    header.producer = addString("qc");
    header.model = addString(model);
    std::string bytes(sizeof(header), '\0');
    auto append = [&](const auto &array) -> QcManifestArray {
      bytes.resize(llvm::alignTo(bytes.size(), 8), '\0');
      QcManifestArray place{bytes.size(), array.size()};
      bytes.append(reinterpret_cast<const char *>(array.data()),
                   array.size() * sizeof(array[0]));
      return place;
    };
    header.strings = append(strings);
    header.kernels = append(kernels);
    header.parameters = append(parameters);
    header.programs = append(programs);
    header.tensors = append(tensors);
    header.dims = append(dims);
    header.launches = append(launches);
    header.arguments = append(arguments);
    bytes.resize(llvm::alignTo(bytes.size(), 8), '\0');
    header.totalBytes = bytes.size();
    std::memcpy(bytes.data(), &header, sizeof(header));
    return bytes;
  }

  std::string strings = std::string(1, '\0');
  std::vector<QcManifestKernel> kernels;
  std::vector<QcManifestParameter> parameters;
  std::vector<QcManifestProgram> programs;
  std::vector<QcManifestTensor> tensors;
  std::vector<int64_t> dims;
  std::vector<QcManifestLaunch> launches;
  std::vector<QcManifestArgument> arguments;
  uint64_t preparedBytes = 0, firstPreparation = 0;
  uint32_t preparationCount = 0;

private:
  llvm::StringMap<size_t> known;
};

/// Work below this many scalar operations is not worth a second thread: about
/// 20 microseconds of vector code.
constexpr int64_t workPerThread = 400000;

} // namespace

FailureOr<std::string> qc::buildManifest(ModuleOp module,
                                         ArrayRef<KernelInfo> kernels,
                                         uint32_t target, StringRef modelName) {
  ManifestBuilder builder;
  llvm::StringMap<uint32_t> indexOf;
  for (const KernelInfo &kernel : kernels) {
    indexOf[kernel.name] = builder.kernels.size();
    builder.kernels.push_back(
        {builder.addString(kernel.name), builder.addString(kernel.family),
         builder.parameters.size(),
         static_cast<uint32_t>(kernel.parameterBytes.size()),
         static_cast<uint32_t>(kernel.macType), kernel.extent, kernel.macs,
         builder.addString(kernel.shape)});
    size_t inputs = kernel.parameterBytes.size() - kernel.numResults;
    QcAccess result =
        kernel.keepsResults ? QC_ACCESS_READ_WRITE : QC_ACCESS_WRITE;
    for (auto [index, bytes] : llvm::enumerate(kernel.parameterBytes))
      builder.parameters.push_back(
          {bytes, kernel.parameterAlignments[index],
           static_cast<uint32_t>(index < inputs ? QC_ACCESS_READ : result)});
  }
  auto addPorts = [&](ArrayAttr ports, Operation *op) -> LogicalResult {
    for (PortAttr port : ports.getAsRange<PortAttr>()) {
      auto type = cast<RankedTensorType>(port.getType().getValue());
      FailureOr<uint32_t> element = getOnnxType(type.getElementType());
      if (failed(element))
        return op->emitError("port '")
               << port.getName().getValue() << "' has type " << type
               << ", which ONNX does not have";
      // A device has its own copies of inputs and outputs, aligned as all its
      // memory; on the CPU the caller's memory is used.
      uint32_t alignment =
          target == QC_TARGET_CPU
              ? std::max<uint32_t>(
                    1, type.getElementType().getIntOrFloatBitWidth() / 8)
              : QC_ARENA_ALIGNMENT;
      builder.tensors.push_back(
          {builder.addString(port.getName().getValue()), *element,
           static_cast<uint32_t>(type.getRank()), builder.dims.size(),
           static_cast<uint64_t>(getStorageBytes(type)), alignment,
           static_cast<uint32_t>(port.getExtents() + 1)});
      llvm::append_range(builder.dims, type.getShape());
    }
    return success();
  };
  // Appends the launches of a program or of the preparation.
  auto addLaunches = [&](Block &body) -> LogicalResult {
    for (LaunchOp launch : body.getOps<LaunchOp>()) {
      auto found = indexOf.find(launch.getKernel());
      if (found == indexOf.end())
        return launch.emitOpError("names a kernel without code");
      const KernelInfo &kernel = kernels[found->second];
      int64_t threads = std::max<int64_t>(1, kernel.work / workPerThread);
      QcManifestLaunch entry{};
      entry.name = builder.addString(launch.getNode());
      entry.firstArgument = builder.arguments.size();
      entry.kernel = found->second;
      entry.argumentCount = launch.getBuffers().size();
      entry.extent = kernel.extent;
      entry.grain =
          std::max<uint64_t>(1, llvm::divideCeil(kernel.extent, threads));
      entry.blockSize = 128;
      for (BufferAttr buffer : launch.getBuffers().getAsRange<BufferAttr>())
        builder.arguments.push_back({static_cast<uint32_t>(buffer.getSpace()),
                                     static_cast<uint32_t>(buffer.getIndex()),
                                     static_cast<uint64_t>(buffer.getOffset()),
                                     static_cast<uint64_t>(buffer.getSize())});
      builder.launches.push_back(entry);
    }
    return success();
  };
  for (PreparationOp preparation : module.getOps<PreparationOp>()) {
    builder.preparedBytes = preparation.getSize();
    builder.firstPreparation = builder.launches.size();
    if (failed(addLaunches(preparation.getBody().front())))
      return failure();
    builder.preparationCount =
        builder.launches.size() - builder.firstPreparation;
  }
  for (ProgramOp program : module.getOps<ProgramOp>()) {
    QcManifestProgram record{};
    record.name = builder.addString(program.getSymName());
    auto bindings = program->getAttrOfType<StringAttr>("bindings");
    record.bindings = builder.addString(bindings ? bindings.getValue() : "");
    record.arenaBytes = program.getArenaSize();
    record.lowerBoundBytes = program.getArenaLowerBound();
    record.firstInput = builder.tensors.size();
    record.inputCount = program.getInputs().size();
    if (failed(addPorts(program.getInputs(), program)))
      return failure();
    record.firstOutput = builder.tensors.size();
    record.outputCount = program.getOutputs().size();
    if (failed(addPorts(program.getOutputs(), program)))
      return failure();
    llvm::SmallSet<int64_t, 4> extents;
    for (PortAttr port : program.getOutputs().getAsRange<PortAttr>())
      if (port.getExtents() >= 0)
        extents.insert(port.getExtents());
    record.extentsCount = extents.size();
    record.firstLaunch = builder.launches.size();
    if (failed(addLaunches(program.getBody().front())))
      return failure();
    record.launchCount = builder.launches.size() - record.firstLaunch;
    builder.programs.push_back(record);
  }
  if (builder.programs.empty())
    return module.emitError(
        "holds no qc.program; run --qc-cpu-pipeline or pass an ONNX model");
  return builder.finish(target, getWeightsSize(module), modelName);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

uint64_t qc::getWeightsSize(ModuleOp module) {
  uint64_t size = 0;
  for (DataOp data : module.getOps<DataOp>())
    size = std::max<uint64_t>(
        size, data.getOffset() +
                  getStorageBytes(cast<RankedTensorType>(data.getType())));
  return size;
}

/// Copies `count` elements of `width` bytes that lie `step` elements apart.
static void copyStrided(char *to, const char *from, int64_t count, int64_t step,
                        int64_t width) {
  auto copy = [&](auto size) {
    for (int64_t i = 0; i < count; ++i)
      std::memcpy(to + i * size, from + i * step * size, size);
  };
  if (step == 1)
    std::memcpy(to, from, count * width);
  else if (width == 1) // A size known to the compiler is a move, no call.
    copy(std::integral_constant<int64_t, 1>());
  else if (width == 4)
    copy(std::integral_constant<int64_t, 4>());
  else
    copy(width);
}

FailureOr<SmallVector<char>> qc::packConstant(ElementsAttr value,
                                              RankedTensorType type) {
  SmallVector<char> scratch;
  FailureOr<ArrayRef<char>> bytes = getConstantBytes(value, scratch);
  if (failed(bytes))
    return failure();
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (!layout)
    return SmallVector<char>(bytes->begin(), bytes->end());
  int64_t width =
      getStorageBytes(RankedTensorType::get({1}, type.getElementType()));
  // Elements that share bytes are moved one by one.
  unsigned bits = type.getElementType().getIntOrFloatBitWidth();
  bool isBitStream = bits < 8 && bits > 1;
  SmallVector<char> packed(getStorageBytes(type), 0);
  // Walk the digits like an odometer; positions outside the shape stay zero.
  // The innermost digit is a run of positions whose sources are evenly spaced.
  ArrayRef<int64_t> dims = layout.getDims(), divisors = layout.getDivisors(),
                    extents = layout.getExtents(), moduli = layout.getModuli();
  size_t digits = dims.size();
  SmallVector<int64_t> digit(digits, 0), stride(type.getRank(), 1),
      index(type.getRank(), 0);
  // A dimension's digits with a modulus together stay below it.
  SmallVector<int64_t> within(type.getRank(), 0), modulus(type.getRank(), 0);
  for (auto [dim, value] : llvm::zip_equal(dims, moduli))
    modulus[dim] = std::max(modulus[dim], value);
  for (int64_t dim = type.getRank() - 2; dim >= 0; --dim)
    stride[dim] = stride[dim + 1] * type.getDimSize(dim + 1);
  int64_t run = digits ? extents.back() : 1;
  int64_t step = digits ? divisors.back() * stride[dims.back()] : 1;
  for (int64_t position = 0, count = layout.getNumElements(); position < count;
       position += run) {
    int64_t source = 0;
    bool inside = true;
    for (int64_t dim = 0; dim < type.getRank(); ++dim) {
      inside &= index[dim] < type.getDimSize(dim) &&
                (!modulus[dim] || within[dim] < modulus[dim]);
      source += index[dim] * stride[dim];
    }
    if (inside) {
      int64_t valid = run;
      if (digits) {
        int64_t dim = dims.back(), divisor = divisors.back();
        valid = std::min<int64_t>(
            valid,
            llvm::divideCeil(type.getDimSize(dim) - index[dim], divisor));
        if (moduli.back())
          valid = std::min<int64_t>(
              valid, llvm::divideCeil(modulus[dim] - within[dim], divisor));
      }
      int64_t target = layout.getOffset() + position;
      if (isBitStream)
        for (int64_t i = 0; i < valid; ++i)
          writeBits(packed, target + i, bits,
                    readBits(*bytes, source + i * step, bits));
      else
        copyStrided(packed.data() + target * width,
                    bytes->data() + source * width, valid, step, width);
    }
    for (size_t d = digits; d-- > 1;) {
      int64_t dim = dims[d - 1], divisor = divisors[d - 1];
      int64_t inner = moduli[d - 1] ? divisor : 0;
      index[dim] += divisor;
      within[dim] += inner;
      if (++digit[d - 1] < extents[d - 1])
        break;
      index[dim] -= digit[d - 1] * divisor;
      within[dim] -= digit[d - 1] * inner;
      digit[d - 1] = 0;
    }
  }
  return packed;
}

LogicalResult qc::writeWeights(ModuleOp module, llvm::raw_ostream &stream) {
  uint64_t position = 0;
  for (DataOp data : module.getOps<DataOp>()) {
    stream.write_zeros(data.getOffset() - position);
    // One weight at a time is packed; what is row-major is written from where
    // it lies.
    auto type = cast<RankedTensorType>(data.getType());
    SmallVector<char> memory;
    FailureOr<ArrayRef<char>> bytes = failure();
    if (!type.getEncoding()) {
      bytes = getConstantBytes(data.getValue(), memory);
    } else if (FailureOr<SmallVector<char>> packed =
                   packConstant(data.getValue(), type);
               succeeded(packed)) {
      memory = std::move(*packed);
      bytes = ArrayRef<char>(memory);
    }
    if (failed(bytes))
      return data.emitOpError("has no readable value of its type");
    stream.write(bytes->data(), bytes->size());
    position = data.getOffset() + bytes->size();
  }
  return success();
}
