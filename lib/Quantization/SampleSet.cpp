// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration inputs from numpy and TensorProto files, or from callbacks.

#include "qc/Quantization/SampleSet.h"

#include "qc/Dialect/QC/IR/QCDialect.h"
#include "qc/Dialect/QC/IR/ReferenceLoops.h"
#include "qc/Target/Common/Artifact.h"

#include "tensorio/TensorFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace qc;

namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

void SampleSources::add(MLIRContext &context, StringRef name,
                        SampleSource source) {
  auto *dialect = context.getOrLoadDialect<QCDialect>();
  if (!dialect->getRegisteredInterface<SampleSources>())
    dialect->addInterfaces<SampleSources>();
  // The context owns the interface, which dialects hand out as const.
  auto *sources = const_cast<SampleSources *>(
      dialect->getRegisteredInterface<SampleSources>());
  sources->sources[name.str()] = std::move(source);
}

const SampleSource *SampleSources::find(MLIRContext &context, StringRef name) {
  auto *dialect = context.getLoadedDialect<QCDialect>();
  auto *sources =
      dialect ? dialect->getRegisteredInterface<SampleSources>() : nullptr;
  if (!sources)
    return nullptr;
  auto found = sources->sources.find(name);
  return found == sources->sources.end() ? nullptr : &found->second;
}

/// Files and folders in `folder`, sorted.
static SmallVector<std::string> listFolder(StringRef folder) {
  SmallVector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; it != end && !error;
       it.increment(error))
    names.push_back(it->path());
  llvm::sort(names);
  return names;
}

/// The name that an input's array has in a file.
static std::string getInputName(func::FuncOp function, unsigned index) {
  auto name = function.getArgAttrOfType<StringAttr>(index, "qc.name");
  return name ? name.str() : "input" + std::to_string(index);
}

FailureOr<SampleSet> SampleSet::open(func::FuncOp function, StringRef folder,
                                     size_t limit) {
  SampleSet set;
  set.function = function;
  set.name = folder.str();
  if (StringRef name = folder; name.consume_front("callback:")) {
    set.source = SampleSources::find(*function.getContext(), name);
    if (!set.source)
      return function.emitError()
             << "no source of samples '" << name
             << "' in this context (qc::SampleSources::add)";
    return set.countSamples(limit);
  }
  auto isArray = [](StringRef file) {
    StringRef extension = path::extension(file);
    return extension == ".npz" || extension == ".npy";
  };
  if (!fs::is_directory(folder)) {
    if (!fs::exists(folder))
      return function.emitError()
             << "no such file or folder of calibration inputs: '" << folder
             << "'";
    set.files.push_back({folder.str()});
  } else {
    for (const std::string &file : listFolder(folder)) {
      if (isArray(file)) {
        set.files.push_back({file});
        continue;
      }
      SmallVector<std::string, 1> protos;
      for (unsigned i = 0; i < function.getNumArguments(); ++i) {
        SmallString<128> proto(file);
        path::append(proto, "input_" + Twine(i) + ".pb");
        if (fs::exists(proto))
          protos.push_back(proto.str().str());
      }
      if (protos.size() == function.getNumArguments() && !protos.empty())
        set.files.push_back(std::move(protos));
    }
  }
  if (set.files.empty())
    return function.emitError() << "'" << folder
                                << "' holds no calibration inputs; accepted: "
                                   ".npz files, .npy files, "
                                   "folders with input_0.pb, …";
  return set.countSamples(limit);
}

/// The digest of samples with `digest` and one more.
static uint64_t extendDigest(uint64_t digest, SampleSet::Inputs inputs) {
  SmallVector<uint64_t> parts{digest};
  for (ArrayRef<char> input : inputs)
    parts.push_back(llvm::xxh3_64bits(StringRef(input.data(), input.size())));
  return llvm::xxh3_64bits(
      StringRef(reinterpret_cast<const char *>(parts.data()),
                parts.size() * sizeof(uint64_t)));
}

FailureOr<SampleSet> SampleSet::countSamples(size_t limit) {
  if (failed(visitUpTo(limit ? limit : std::numeric_limits<size_t>::max(),
                       [&](size_t, Inputs inputs) {
                         digests.push_back(
                             extendDigest(size() ? digests.back() : 0, inputs));
                         return success();
                       })))
    return failure();
  if (size() == 0)
    return function.emitError() << "'" << name << "' gives no samples";
  return *this;
}

/// Reads the files of one step: an array per input, by name, by number or the
/// only one.
static FailureOr<SmallVector<qcrt::Tensor, 0>>
readStep(func::FuncOp function, ArrayRef<std::string> files) {
  SmallVector<qcrt::Tensor, 0> arrays;
  for (const std::string &file : files) {
    if (path::extension(file) == ".npz") {
      auto tensors = qcrt::readNpzFile(file);
      if (!tensors)
        return function.emitError() << tensors.message();
      llvm::append_range(arrays, std::move(*tensors));
      continue;
    }
    auto tensor = qcrt::readTensorFile(file);
    if (!tensor)
      return function.emitError() << tensor.message();
    tensor->name.clear();
    arrays.push_back(std::move(*tensor));
  }
  SmallVector<qcrt::Tensor, 0> inputs;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    std::string name = getInputName(function, i);
    auto found = llvm::find_if(arrays, [&](const qcrt::Tensor &tensor) {
      return tensor.name == name;
    });
    // Arrays of .npy and .pb files have no names of their own.
    if (found == arrays.end() && arrays.size() == function.getNumArguments() &&
        (arrays.size() == 1 || arrays[i].name.empty()))
      found = arrays.begin() + i;
    if (found == arrays.end())
      return function.emitError()
             << "'" << files.front() << "' has no array for input '" << name
             << "'";
    inputs.push_back(std::move(*found));
  }
  return inputs;
}

LogicalResult
SampleSet::forEach(function_ref<LogicalResult(size_t, Inputs)> visit) {
  FailureOr<size_t> found = visitUpTo(size(), visit);
  if (failed(found))
    return failure();
  if (*found != size())
    return function.emitError()
           << "'" << name << "' changed: " << size()
           << " samples were counted, now there are " << *found;
  return success();
}

FailureOr<size_t>
SampleSet::visitSource(size_t limit,
                       function_ref<LogicalResult(size_t, Inputs)> visit) {
  SmallVector<size_t> bytes;
  for (Type type : function.getArgumentTypes())
    bytes.push_back(getStorageBytes(cast<RankedTensorType>(type)));
  size_t next = 0;
  for (; next < limit; ++next) {
    SmallVector<ArrayRef<char>> inputs;
    if (!(*source)(next, inputs))
      break;
    if (inputs.size() != bytes.size())
      return function.emitError()
             << "sample " << next << " of '" << name << "' has "
             << inputs.size() << " inputs; accepted: " << bytes.size();
    for (auto [index, input] : llvm::enumerate(inputs))
      if (input.size() != bytes[index])
        return function.emitError()
               << "sample " << next << " of '" << name << "': input '"
               << getInputName(function, index) << "' has " << input.size()
               << " bytes; accepted: " << bytes[index];
    if (failed(visit(next, inputs)))
      return failure();
  }
  return next;
}

FailureOr<size_t>
SampleSet::visitUpTo(size_t limit,
                     function_ref<LogicalResult(size_t, Inputs)> visit) {
  if (source)
    return visitSource(limit, visit);
  size_t next = 0;
  for (const auto &step : files) {
    if (next == limit)
      break;
    FailureOr<SmallVector<qcrt::Tensor, 0>> arrays = readStep(function, step);
    if (failed(arrays))
      return failure();
    // How many samples the arrays hold.
    int64_t samples = -1;
    SmallVector<size_t> bytes;
    for (auto [index, array] : llvm::enumerate(*arrays)) {
      auto type = cast<RankedTensorType>(function.getArgumentTypes()[index]);
      FailureOr<uint32_t> element = getOnnxType(type.getElementType());
      SmallVector<int64_t> dims(array.dims.begin(), array.dims.end());
      int64_t own = 1;
      if (!dims.empty() && type.getRank() && type.getDimSize(0) > 0 &&
          dims[0] % type.getDimSize(0) == 0) {
        own = dims[0] / type.getDimSize(0);
        dims[0] = type.getDimSize(0);
      }
      if (failed(element) || array.type != *element ||
          ArrayRef<int64_t>(dims) != type.getShape() || own < 1)
        return function.emitError()
               << "'" << step.front() << "': input '"
               << getInputName(function, index) << "' is "
               << qcrt::describe(array) << "; accepted: " << type
               << " or several of them in the first dimension";
      if (samples >= 0 && own != samples)
        return function.emitError()
               << "'" << step.front() << "' holds " << samples
               << " samples of one input and " << own << " of another";
      samples = own;
      bytes.push_back(array.data.size() / own);
    }
    for (int64_t sample = 0; sample < samples && next < limit; ++sample) {
      SmallVector<ArrayRef<char>> inputs;
      for (auto [array, size] : llvm::zip_equal(*arrays, bytes))
        inputs.push_back(ArrayRef<char>(
            reinterpret_cast<const char *>(array.data.data()) + sample * size,
            size));
      if (failed(visit(next++, inputs)))
        return failure();
    }
  }
  return next;
}
