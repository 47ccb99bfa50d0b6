// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The PTX simulator as a device of libqcrt.
//
// Device memory is host memory, and a device address is the host's. For a
// launch each argument is registered with the simulator as a region of exactly
// the parameter's size and access: a kernel that leaves its buffer faults even
// where the arena goes on, and one that writes to what it should only read does
// too.
#include "PtxSimDevice.h"

#include "qcrt/ptx_sim.h"

#include <cstdio>
#include <cstring>
#include <new>

namespace qcrun {

namespace {

/// A kernel: its module, and its entry there.
struct Kernel {
  const qcrt::PtxModule *module;
  std::string name;
};

struct Launch {
  Kernel *kernel;
  const QcrtDeviceArgument *arguments;
  uint32_t argumentCount;
  uint64_t extent;
  uint32_t blockSize;
};

using Recording = std::vector<Launch>;

struct PtxSimDevice {
  QcrtDevice device;
  uint32_t hostThreads = 1;
  /// Where launches are kept while they are recorded.
  std::unique_ptr<Recording> recording;
};

struct Module {
  qcrt::PtxModule module;
  std::vector<std::unique_ptr<Kernel>> kernels;
};

QcrtStatus fail(QcrtError *error, QcrtStatus status,
                const std::string &message) {
  error->status = status;
  std::snprintf(error->message, sizeof error->message, "ptx-sim: %s",
                message.c_str());
  return status;
}

/// Every region begins at a multiple of what the simulator keeps of addresses.
constexpr auto alignment = std::align_val_t(256);

QcrtStatus loadModule(QcrtDevice *, const char *text, size_t bytes,
                      void **module, QcrtError *error) {
  auto parsed =
      qcrt::PtxModule::parse(std::string_view(text, bytes), QC_PTX_FILE);
  if (!parsed)
    return fail(error, QCRT_BAD_ARTIFACT, parsed.error().str());
  *module = new Module{std::move(*parsed), {}};
  return QCRT_OK;
}

void unloadModule(QcrtDevice *, void *module) {
  delete static_cast<Module *>(module);
}

QcrtStatus findKernel(QcrtDevice *, void *module, const char *name,
                      uint32_t parameterCount, void **kernel,
                      QcrtError *error) {
  auto *loaded = static_cast<Module *>(module);
  const qcrt::PtxEntry *entry = loaded->module.entry(name);
  if (!entry)
    return fail(error, QCRT_BAD_ARTIFACT,
                "no entry '" + std::string(name) + "' in " QC_PTX_FILE);
  if (entry->parameters.size() != parameterCount)
    return fail(error, QCRT_BAD_ARTIFACT,
                "entry '" + std::string(name) + "' has " +
                    std::to_string(entry->parameters.size()) +
                    " parameters; the manifest says " +
                    std::to_string(parameterCount));
  for (const qcrt::PtxParameter &parameter : entry->parameters)
    if (parameter.size != 8)
      return fail(error, QCRT_BAD_ARTIFACT,
                  "parameter '" + parameter.name + "' of entry '" + name +
                      "' has " + std::to_string(parameter.size) +
                      " bytes; accepted are pointers of 8");
  loaded->kernels.push_back(
      std::make_unique<Kernel>(Kernel{&loaded->module, name}));
  *kernel = loaded->kernels.back().get();
  return QCRT_OK;
}

QcrtStatus allocate(QcrtDevice *, uint64_t bytes, uint64_t *address,
                    QcrtError *error) {
  void *memory = ::operator new(bytes, alignment, std::nothrow);
  if (!memory)
    return fail(error, QCRT_OUT_OF_MEMORY,
                "no memory for " + std::to_string(bytes) + " bytes");
  // What no kernel writes is seen: NaN in every float type.
  std::memset(memory, 0xff, bytes);
  *address = uint64_t(reinterpret_cast<uintptr_t>(memory));
  return QCRT_OK;
}

void *hostPointer(uint64_t address) {
  return reinterpret_cast<void *>(uintptr_t(address));
}

void release(QcrtDevice *, uint64_t address) {
  ::operator delete(hostPointer(address), alignment);
}

QcrtStatus copyToDevice(QcrtDevice *, uint64_t address, const void *data,
                        uint64_t bytes, QcrtError *) {
  std::memcpy(hostPointer(address), data, bytes);
  return QCRT_OK;
}

QcrtStatus copyFromDevice(QcrtDevice *, void *data, uint64_t address,
                          uint64_t bytes, QcrtError *) {
  std::memcpy(data, hostPointer(address), bytes);
  return QCRT_OK;
}

QcrtStatus execute(const PtxSimDevice &simulator, const Launch &launch,
                   QcrtError *error) {
  const auto &[kernel, arguments, argumentCount, extent, blockSize] = launch;
  const auto &[module, name] = *kernel;
  uint64_t blocks = extent / blockSize + (extent % blockSize != 0);
  if (blocks > INT32_MAX)
    return fail(error, QCRT_DEVICE_ERROR,
                "kernel '" + name + "' needs " + std::to_string(blocks) +
                    " blocks; a grid has at most " + std::to_string(INT32_MAX));
  qcrt::PtxMemory memory;
  qcrt::PtxArguments values;
  for (uint32_t i = 0; i < argumentCount; ++i) {
    const QcrtDeviceArgument &argument = arguments[i];
    // Empty buffers have no address that a kernel may use.
    if (argument.bytes == 0) {
      values.add(uint64_t(0));
      continue;
    }
    std::string region = name + " argument " + std::to_string(i);
    void *host = hostPointer(argument.address);
    auto address = argument.access == QC_ACCESS_READ
                       ? memory.mapReadOnly(host, argument.bytes, region)
                       : memory.map(host, argument.bytes, region);
    if (!address)
      return fail(error, QCRT_DEVICE_ERROR, address.error().str());
    values.add(*address);
  }
  qcrt::PtxLaunchOptions options;
  options.hostThreads = simulator.hostThreads;
  auto statistics = module->launch(memory, name, {uint32_t(blocks)},
                                   {blockSize}, values, options);
  if (!statistics)
    return fail(error, QCRT_DEVICE_ERROR, statistics.error().str());
  return QCRT_OK;
}

QcrtStatus launch(QcrtDevice *device, void *kernel,
                  const QcrtDeviceArgument *arguments, uint32_t argumentCount,
                  uint64_t extent, uint32_t blockSize, QcrtError *error) {
  auto *simulator = static_cast<PtxSimDevice *>(device->context);
  Launch started{static_cast<Kernel *>(kernel), arguments, argumentCount,
                 extent, blockSize};
  if (!simulator->recording)
    return execute(*simulator, started, error);
  simulator->recording->push_back(started);
  return QCRT_OK;
}

QcrtStatus beginRecording(QcrtDevice *device, QcrtError *error) {
  auto *simulator = static_cast<PtxSimDevice *>(device->context);
  if (simulator->recording)
    return fail(error, QCRT_DEVICE_ERROR,
                "launches are being recorded already");
  simulator->recording = std::make_unique<Recording>();
  return QCRT_OK;
}

QcrtStatus endRecording(QcrtDevice *device, void **recording,
                        QcrtError *error) {
  auto *simulator = static_cast<PtxSimDevice *>(device->context);
  if (!simulator->recording)
    return fail(error, QCRT_DEVICE_ERROR, "no launches are being recorded");
  *recording = simulator->recording.release();
  return QCRT_OK;
}

QcrtStatus replay(QcrtDevice *device, void *recording, QcrtError *error) {
  auto *simulator = static_cast<PtxSimDevice *>(device->context);
  for (const Launch &launch : *static_cast<Recording *>(recording))
    if (QcrtStatus status = execute(*simulator, launch, error))
      return status;
  return QCRT_OK;
}

void releaseRecording(QcrtDevice *, void *recording) {
  delete static_cast<Recording *>(recording);
}

/// Launches have ended when they return.
QcrtStatus synchronize(QcrtDevice *, QcrtError *) { return QCRT_OK; }

void destroy(QcrtDevice *device) {
  delete static_cast<PtxSimDevice *>(device->context);
}

} // namespace

QcrtDevice *createPtxSimDevice(uint32_t hostThreads) {
  auto *simulator = new PtxSimDevice();
  simulator->hostThreads = hostThreads;
  QcrtDevice &device = simulator->device;
  device.size = sizeof device;
  device.name = "ptx-sim";
  device.context = simulator;
  device.loadModule = loadModule;
  device.unloadModule = unloadModule;
  device.findKernel = findKernel;
  device.allocate = allocate;
  device.release = release;
  device.copyToDevice = copyToDevice;
  device.copyFromDevice = copyFromDevice;
  device.launch = launch;
  device.beginRecording = beginRecording;
  device.endRecording = endRecording;
  device.replay = replay;
  device.releaseRecording = releaseRecording;
  device.synchronize = synchronize;
  device.destroy = destroy;
  return &device;
}

} // namespace qcrun
