// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads, selects, binds and runs.
#include "Artifact.h"
#include "FaultReport.h"
#include "PtxSimDevice.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace qcrun {

using qcrt::describe;
using qcrt::Failure;
using qcrt::Result;
using qcrt::Status;
using qcrt::success;
using qcrt::Tensor;

Result<Artifact> Artifact::load(const Options &options) {
  Artifact artifact;
  QcrtError error;
  QcrtDevice *device = nullptr;
  switch (options.device) {
  case DeviceKind::Cpu:
    break;
  case DeviceKind::PtxSim:
    device = createPtxSimDevice(options.threads);
    break;
  case DeviceKind::Cuda:
    if (qcrtCudaDeviceCreate(0, &device, &error))
      return Failure{error.message};
    break;
  }
  artifact.device.reset(device);
  QcrtLoadOptions loadOptions = {};
  loadOptions.size = sizeof loadOptions;
  loadOptions.cpuForm =
      options.cpuForm.empty() ? nullptr : options.cpuForm.c_str();
  loadOptions.device = device;
  QcrtModel *model = nullptr;
  if (qcrtModelLoad(options.artifact.c_str(), &loadOptions, &model, &error)) {
    std::string message = error.message;
    if (error.status == QCRT_INVALID_ARGUMENT && !device &&
        options.cpuForm.empty())
      message += ": add --device=ptx-sim or --device=cuda";
    return Failure{message};
  }
  artifact.model.reset(model);
  return artifact;
}

// The indices that the queries below use come from the model itself, so that
// they cannot fail.

QcrtModelInfo Artifact::info() const {
  QcrtModelInfo info = {};
  qcrtModelInfo(model.get(), &info, nullptr);
  return info;
}

QcrtProgramInfo Artifact::program(uint32_t index) const {
  QcrtProgramInfo info = {};
  qcrtProgramInfo(model.get(), index, &info, nullptr);
  return info;
}

std::vector<QcrtTensorInfo> Artifact::inputs(uint32_t index) const {
  std::vector<QcrtTensorInfo> result(program(index).inputCount);
  for (uint32_t i = 0; i < result.size(); ++i)
    qcrtProgramInput(model.get(), index, i, &result[i], nullptr);
  return result;
}

std::vector<QcrtTensorInfo> Artifact::outputs(uint32_t index) const {
  std::vector<QcrtTensorInfo> result(program(index).outputCount);
  for (uint32_t i = 0; i < result.size(); ++i)
    qcrtProgramOutput(model.get(), index, i, &result[i], nullptr);
  return result;
}

std::vector<QcrtLaunchInfo> Artifact::launches(uint32_t index) const {
  std::vector<QcrtLaunchInfo> result(program(index).launchCount);
  for (uint32_t i = 0; i < result.size(); ++i)
    qcrtProgramLaunch(model.get(), index, i, &result[i], nullptr);
  return result;
}

static void addNames(const std::vector<QcrtTensorInfo> &tensors,
                     std::vector<std::string> &names) {
  for (const QcrtTensorInfo &tensor : tensors)
    if (std::find(names.begin(), names.end(), tensor.name) == names.end())
      names.emplace_back(tensor.name);
}

std::vector<std::string> Artifact::inputNames() const {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < info().programCount; ++i)
    addNames(inputs(i), names);
  return names;
}

std::vector<std::string> Artifact::outputNames() const {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < info().programCount; ++i)
    addNames(outputs(i), names);
  return names;
}

static std::string listNames(const std::vector<std::string> &names) {
  std::string text;
  for (const std::string &name : names)
    text += (text.empty() ? "'" : ", '") + name + "'";
  return text.empty() ? "none" : text;
}

Result<std::pair<std::string, std::string>>
Artifact::splitAssignment(const std::string &text,
                          const std::vector<std::string> &names,
                          const char *option) {
  const std::string *best = nullptr;
  for (const std::string &name : names)
    if (text.starts_with(name) && text.size() > name.size() &&
        text[name.size()] == '=' && (!best || name.size() > best->size()))
      best = &name;
  if (!best || text.size() == best->size() + 1)
    return Failure{std::string(option) + " " + text +
                   ": not NAME=FILE with one of the names " + listNames(names)};
  return std::pair(*best, text.substr(best->size() + 1));
}

Result<uint32_t>
Artifact::selectProgram(const std::string &name,
                        const std::vector<Tensor> &tensors) const {
  std::vector<std::string> names = inputNames();
  for (const Tensor &tensor : tensors)
    if (std::find(names.begin(), names.end(), tensor.name) == names.end())
      return Failure{"'" + tensor.name + "' is no input; there are " +
                     listNames(names)};
  uint32_t program = 0;
  QcrtError error;
  if (!name.empty()) {
    if (qcrtProgramFind(model.get(), name.c_str(), &program, &error))
      return Failure{error.message};
    return program;
  }
  std::vector<QcrtShape> shapes;
  for (const Tensor &tensor : tensors)
    shapes.push_back({tensor.name.c_str(), uint32_t(tensor.dims.size()),
                      tensor.dims.data()});
  // Names with a NUL, which archives may have, are found neither above nor
  // here.
  if (qcrtProgramSelect(model.get(), shapes.data(), uint32_t(shapes.size()),
                        &program, &error))
    return Failure{error.message};
  return program;
}

std::vector<double> Latency::sorted() const {
  std::vector<double> result = values;
  std::sort(result.begin(), result.end());
  return result;
}

double Latency::minimum() const { return sorted().front(); }

double Latency::median() const {
  std::vector<double> order = sorted();
  size_t middle = order.size() / 2;
  return order.size() % 2 ? order[middle]
                          : (order[middle - 1] + order[middle]) / 2;
}

double Latency::percentile90() const {
  std::vector<double> order = sorted();
  return order[(order.size() * 9 + 9) / 10 - 1];
}

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014): equal seeds give equal inputs on every
/// machine.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }

private:
  uint64_t state;
};

/// Bits of the mantissa of a float type, and its exponent's bias; no mantissa
/// bits for integers.
struct FloatFormat {
  unsigned mantissaBits = 0, bias = 0;
};

FloatFormat floatFormat(uint32_t type) {
  switch (type) {
  case QC_TYPE_FLOAT:
    return {23, 127};
  case QC_TYPE_DOUBLE:
    return {52, 1023};
  case QC_TYPE_FLOAT16:
    return {10, 15};
  case QC_TYPE_BFLOAT16:
    return {7, 127};
  case QC_TYPE_FLOAT8E4M3FN:
    return {3, 7};
  case QC_TYPE_FLOAT8E4M3FNUZ:
    return {3, 8};
  case QC_TYPE_FLOAT8E5M2:
    return {2, 15};
  case QC_TYPE_FLOAT8E5M2FNUZ:
    return {2, 16};
  case QC_TYPE_FLOAT4E2M1:
    return {1, 1};
  default:
    return {};
  }
}

/// Random elements as Options' help says.
void fillRandom(Tensor &tensor, Random &random) {
  const uint32_t bits = qcrtElementBits(tensor.type);
  const FloatFormat format = floatFormat(tensor.type);
  const uint64_t elements = tensor.elements();
  std::fill(tensor.data.begin(), tensor.data.end(), uint8_t(0));
  for (uint64_t i = 0; i < elements; ++i) {
    uint64_t number = random.next();
    uint64_t code;
    if (format.mantissaBits) {
      uint64_t mantissa = number & ((uint64_t(1) << format.mantissaBits) - 1);
      // Exponents -1 and 0; with a bias of 1, where -1 is subnormal, 0 and 1.
      uint64_t exponent =
          (number >> 62 & 1) + (format.bias > 1 ? format.bias - 1 : 1);
      code = number >> 63 << (bits - 1) | exponent << format.mantissaBits |
             mantissa;
    } else if (tensor.type == QC_TYPE_FLOAT8E8M0) {
      code = 126 + (number >> 63);
    } else if (bits <= 8 && tensor.type != QC_TYPE_BOOL) {
      code = number >> (64 - bits);
    } else {
      code = number >> 63;
    }
    if (bits < 8)
      tensor.data[i * bits / 8] |= uint8_t(code << (i * bits % 8));
    else
      std::memcpy(tensor.data.data() + i * (bits / 8), &code, bits / 8);
  }
}

/// A tensor of an input or output, with memory.
Result<Tensor> makeTensor(const QcrtTensorInfo &info) {
  Tensor tensor;
  tensor.name = info.name;
  tensor.type = info.type;
  tensor.dims.assign(info.dims, info.dims + info.rank);
  if (!tryResize(tensor.data, info.bytes))
    return Failure{"no memory for the " + std::to_string(info.bytes) +
                   " bytes of '" + tensor.name + "'"};
  // What a program does not write is seen: NaN in every float type.
  std::fill(tensor.data.begin(), tensor.data.end(), uint8_t(0xff));
  return tensor;
}

} // namespace

Result<Session::Handle>
Session::makeHandle(const Artifact &artifact, uint32_t program,
                    const Options &options, uint32_t guard,
                    std::vector<Tensor> &outputs, LargestOutputs &largest) {
  QcrtSessionOptions sessionOptions = {};
  sessionOptions.size = sizeof sessionOptions;
  sessionOptions.threads = options.threads;
  sessionOptions.profile = options.profile;
  sessionOptions.guard = guard;
  sessionOptions.divide = options.divide;
  QcrtSession *session = nullptr;
  QcrtError error;
  if (qcrtSessionCreate(artifact.get(), program, &sessionOptions, &session,
                        &error))
    return Failure{error.message};
  Handle handle(session);
  uint32_t index = 0;
  for (const QcrtTensorInfo &info : artifact.outputs(program)) {
    Result<Tensor> tensor = makeTensor(info);
    if (!tensor)
      return tensor.failure();
    qcrt::Bytes *memory = &tensor->data;
    if (info.isBounded)
      memory = &(largest[index] = std::move(tensor->data));
    if (qcrtSessionSetOutput(session, index++, memory->data(), memory->size(),
                             &error))
      return Failure{error.message};
    // Moving the tensor leaves its memory in place.
    outputs.push_back(std::move(*tensor));
  }
  return handle;
}

Result<Session> Session::create(const Artifact &artifact, uint32_t program,
                                const Options &options) {
  Session result;
  result.artifact = &artifact;
  result.programIndex = program;
  result.isProfiled = options.profile;
  Result<Handle> handle = makeHandle(
      artifact, program, options, options.guard ? QCRT_GUARD_BEHIND : 0,
      result.outputTensors, result.largestOutputs);
  if (!handle)
    return handle.failure();
  result.session = std::move(*handle);
  if (!options.guard)
    return result;
  Result<Handle> twin =
      makeHandle(artifact, program, options, QCRT_GUARD_BEFORE,
                 result.twinOutputs, result.twinLargest);
  if (!twin)
    return twin.failure();
  result.twin = std::move(*twin);
  return result;
}

Status Session::setInputs(std::vector<Tensor> tensors,
                          const uint64_t *randomSeed) {
  std::vector<QcrtTensorInfo> infos = artifact->inputs(programIndex);
  std::vector<Tensor> converted;
  std::string missing;
  Random random(randomSeed ? *randomSeed : 0);
  for (const QcrtTensorInfo &info : infos) {
    auto given =
        std::find_if(tensors.begin(), tensors.end(), [&](const Tensor &tensor) {
          return tensor.name == info.name;
        });
    if (given == tensors.end()) {
      if (!randomSeed) {
        missing += (missing.empty() ? "'" : ", '") + std::string(info.name) +
                   "' (" + describe(info) + ")";
        continue;
      }
      Result<Tensor> tensor = makeTensor(info);
      if (!tensor)
        return tensor.failure();
      fillRandom(*tensor, random);
      converted.push_back(std::move(*tensor));
      continue;
    }
    Result<Tensor> tensor = convertForInput(std::move(*given), info);
    if (!tensor)
      return tensor.failure();
    tensors.erase(given);
    converted.push_back(std::move(*tensor));
  }
  if (!missing.empty())
    return Failure{"these inputs are not given: " + missing};
  if (!tensors.empty()) {
    std::vector<std::string> names;
    addNames(infos, names);
    return Failure{"'" + tensors.front().name +
                   "' is given twice or is no input of program '" +
                   artifact->program(programIndex).name + "', which has " +
                   listNames(names)};
  }
  QcrtError error;
  for (uint32_t i = 0; i < converted.size(); ++i)
    for (QcrtSession *one : {session.get(), twin.get()})
      if (one && qcrtSessionSetInput(one, i, converted[i].data.data(),
                                     converted[i].data.size(), &error))
        return Failure{error.message};
  inputTensors = std::move(converted);
  return success();
}

Status Session::runOnce() {
  QcrtError error;
  if (!twin) {
    if (qcrtSessionRun(session.get(), &error))
      return Failure{error.message};
    return success();
  }
  for (QcrtSession *one : {session.get(), twin.get()})
    if (runReportingFaults(*artifact, programIndex, one, &error))
      return Failure{error.message};
  for (size_t i = 0; i < outputTensors.size(); ++i) {
    // What lies behind the extents of a result nobody need write.
    if (largestOutputs.count(static_cast<uint32_t>(i)))
      continue;
    const auto &first = outputTensors[i].data, &second = twinOutputs[i].data;
    auto [at, other] =
        std::mismatch(first.begin(), first.end(), second.begin());
    if (at != first.end())
      return Failure{"output '" + outputTensors[i].name +
                     "' depends on memory that nobody wrote: two guarded runs "
                     "differ, first at byte " +
                     std::to_string(at - first.begin())};
  }
  return success();
}

Status Session::run(uint32_t warmup, uint32_t repeat, Latency &latency) {
  QcrtError error;
  for (uint32_t i = 0; i < warmup; ++i)
    if (Status status = runOnce(); !status)
      return status;
  if (warmup && isProfiled)
    qcrtSessionResetProfile(session.get(), &error);
  for (uint32_t i = 0; i < repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (Status status = runOnce(); !status)
      return status;
    latency.add(std::chrono::duration<double, std::milli>(
                    std::chrono::steady_clock::now() - start)
                    .count());
  }
  return cutOutputs();
}

Status Session::cutOutputs() {
  QcrtError error;
  for (const auto &[index, memory] : largestOutputs) {
    Tensor &tensor = outputTensors[index];
    if (qcrtSessionOutputDims(session.get(), index, tensor.dims.data(),
                              uint32_t(tensor.dims.size()), &error))
      return Failure{error.message};
    // The extents are at most those that the memory was sized for.
    uint64_t bytes =
        *qcrt::sizeInBytes(tensor.dims, qcrtElementBits(tensor.type));
    tensor.data.assign(memory.begin(), memory.begin() + ptrdiff_t(bytes));
  }
  return success();
}

std::vector<QcrtLaunchProfile> Session::profile() const {
  if (!isProfiled)
    return {};
  std::vector<QcrtLaunchProfile> result(
      artifact->program(programIndex).launchCount);
  for (uint32_t i = 0; i < result.size(); ++i)
    qcrtSessionLaunchProfile(session.get(), i, &result[i], nullptr);
  return result;
}

} // namespace qcrun
