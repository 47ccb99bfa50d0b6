// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A libcuda.so.1 for machines without a GPU: the functions of the CUDA driver
// API that the runtime uses, on host memory and the PTX simulator. It checks
// what a driver relies on: that a context is current, that handles are its own,
// that grids, blocks and parameters are what the kernel takes. Whatever is
// wrong is an error code, as in the driver.
#include "qcrt/ptx_sim.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>

namespace {

enum Result {
  Success = 0,
  InvalidValue = 1,
  NotInitialized = 3,
  InvalidContext = 201,
  InvalidPtx = 218,
  InvalidHandle = 400,
  NotFound = 500,
  LaunchFailed = 719
};

struct Function {
  const qcrt::PtxModule *module;
  std::string name;
  size_t parameters;
};

struct Module {
  explicit Module(qcrt::PtxModule module) : module(std::move(module)) {}
  qcrt::PtxModule module;
  std::map<std::string, Function> functions;
};

struct Launch {
  Function *function;
  unsigned blocks, threads;
  std::vector<unsigned long long> addresses;
};

/// A recorded stream, and what is made of it.
using Graph = std::vector<Launch>;

struct Stream {
  std::unique_ptr<Graph> capture;
};

bool isInitialized = false;
int retained = 0;
std::vector<void *> contexts; // the stack of current ones
std::map<unsigned long long, size_t> allocations;
std::set<void *> modules, streams, graphs, executables;
char primaryContext; // its address is the handle

bool isCurrent() {
  return retained > 0 && !contexts.empty() &&
         contexts.back() == &primaryContext;
}

/// Whether the range lies in one allocation.
bool isAllocated(unsigned long long address, size_t bytes) {
  auto next = allocations.upper_bound(address);
  if (next == allocations.begin())
    return false;
  auto [start, size] = *std::prev(next);
  return address - start <= size && bytes <= size - (address - start);
}

void *pointer(unsigned long long address) {
  return reinterpret_cast<void *>(uintptr_t(address));
}

int execute(const Launch &launch) {
  const Function &function = *launch.function;
  // As on a GPU, a kernel reaches all memory.
  qcrt::PtxMemory memory;
  std::map<unsigned long long, uint64_t> mapped;
  for (auto [address, bytes] : allocations)
    mapped[address] = *memory.map(pointer(address), bytes, "memory");
  qcrt::PtxArguments arguments;
  for (unsigned long long address : launch.addresses) {
    if (!isAllocated(address, 0))
      return InvalidValue;
    auto region = std::prev(mapped.upper_bound(address));
    arguments.add(region->second + (address - region->first));
  }
  auto result = function.module->launch(memory, function.name, {launch.blocks},
                                        {launch.threads}, arguments);
  return result ? Success : LaunchFailed;
}

} // namespace

extern "C" {

#define EXPORT __attribute__((visibility("default"))) int

EXPORT cuInit(unsigned flags) {
  isInitialized = flags == 0;
  return isInitialized ? Success : InvalidValue;
}

EXPORT cuDeviceGetCount(int *count) {
  const char *text = std::getenv("FAKE_CUDA_GPUS");
  *count = text ? std::atoi(text) : 1;
  return isInitialized ? Success : NotInitialized;
}

EXPORT cuDeviceGet(int *device, int ordinal) {
  *device = 40 + ordinal;
  return ordinal == 0 ? Success : InvalidValue;
}

EXPORT cuDeviceGetName(char *name, int bytes, int device) {
  std::strncpy(name, "fake GPU", size_t(bytes));
  return device == 40 ? Success : InvalidValue;
}

EXPORT cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = &primaryContext;
  ++retained;
  return device == 40 ? Success : InvalidValue;
}

EXPORT cuDevicePrimaryCtxRelease_v2(int device) {
  // The context's end: nothing may be left.
  if (device != 40 || --retained != 0 || !contexts.empty() ||
      !modules.empty() || !allocations.empty() || !streams.empty() ||
      !graphs.empty() || !executables.empty())
    std::abort();
  return Success;
}

EXPORT cuCtxPushCurrent_v2(void *context) {
  if (context != &primaryContext || retained == 0)
    return InvalidContext;
  contexts.push_back(context);
  return Success;
}

EXPORT cuCtxPopCurrent_v2(void **context) {
  if (contexts.empty())
    return InvalidContext;
  *context = contexts.back();
  contexts.pop_back();
  return Success;
}

EXPORT cuCtxSynchronize() { return isCurrent() ? Success : InvalidContext; }

EXPORT cuModuleLoadDataEx(void **module, const void *image, unsigned count,
                          int *options, void **values) {
  if (!isCurrent())
    return InvalidContext;
  auto parsed =
      qcrt::PtxModule::parse(static_cast<const char *>(image), "image");
  if (!parsed) {
    // CU_JIT_ERROR_LOG_BUFFER and its size, which is passed by value.
    if (count != 2 || options[0] != 5 || options[1] != 6)
      return InvalidValue;
    auto size = size_t(reinterpret_cast<uintptr_t>(values[1]));
    std::strncpy(static_cast<char *>(values[0]), parsed.error().str().c_str(),
                 size - 1);
    return InvalidPtx;
  }
  auto *loaded = new Module(std::move(*parsed));
  modules.insert(loaded);
  *module = loaded;
  return Success;
}

EXPORT cuModuleUnload(void *module) {
  if (!isCurrent() || modules.erase(module) == 0)
    return InvalidHandle;
  delete static_cast<Module *>(module);
  return Success;
}

EXPORT cuModuleGetFunction(void **function, void *module, const char *name) {
  if (!isCurrent() || !modules.count(module))
    return InvalidHandle;
  auto *loaded = static_cast<Module *>(module);
  const qcrt::PtxEntry *entry = loaded->module.entry(name);
  if (!entry)
    return NotFound;
  loaded->functions[name] = {&loaded->module, name, entry->parameters.size()};
  *function = &loaded->functions[name];
  return Success;
}

EXPORT cuMemAlloc_v2(unsigned long long *address, size_t bytes) {
  if (!isCurrent() || bytes == 0)
    return InvalidValue;
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  *address = uint64_t(reinterpret_cast<uintptr_t>(memory));
  allocations[*address] = bytes;
  return Success;
}

EXPORT cuMemFree_v2(unsigned long long address) {
  if (!isCurrent() || allocations.erase(address) == 0)
    return InvalidValue;
  std::free(pointer(address));
  return Success;
}

EXPORT cuMemcpyHtoD_v2(unsigned long long address, const void *data,
                       size_t bytes) {
  if (!isCurrent() || !isAllocated(address, bytes))
    return InvalidValue;
  std::memcpy(pointer(address), data, bytes);
  return Success;
}

EXPORT cuMemcpyDtoH_v2(void *data, unsigned long long address, size_t bytes) {
  if (!isCurrent() || !isAllocated(address, bytes))
    return InvalidValue;
  std::memcpy(data, pointer(address), bytes);
  return Success;
}

EXPORT cuLaunchKernel(void *handle, unsigned gridX, unsigned gridY,
                      unsigned gridZ, unsigned blockX, unsigned blockY,
                      unsigned blockZ, unsigned sharedBytes, void *stream,
                      void **parameters, void **extra) {
  if (!isCurrent() || sharedBytes || !streams.count(stream) || extra ||
      gridY != 1 || gridZ != 1 || blockY != 1 || blockZ != 1)
    return InvalidValue;
  Launch launch{static_cast<Function *>(handle), gridX, blockX, {}};
  for (size_t i = 0; i < launch.function->parameters; ++i) {
    unsigned long long address;
    std::memcpy(&address, parameters[i], sizeof address);
    launch.addresses.push_back(address);
  }
  if (Graph *capture = static_cast<Stream *>(stream)->capture.get()) {
    capture->push_back(launch);
    return Success;
  }
  return execute(launch);
}

EXPORT cuStreamCreate(void **stream, unsigned flags) {
  if (!isCurrent() || flags != 0)
    return InvalidValue;
  *stream = new Stream();
  streams.insert(*stream);
  return Success;
}

EXPORT cuStreamDestroy_v2(void *stream) {
  if (!isCurrent() || streams.erase(stream) == 0)
    return InvalidHandle;
  delete static_cast<Stream *>(stream);
  return Success;
}

EXPORT cuStreamBeginCapture_v2(void *handle, int mode) {
  if (!isCurrent() || !streams.count(handle) || mode < 0 || mode > 2)
    return InvalidValue;
  auto *stream = static_cast<Stream *>(handle);
  if (stream->capture)
    return InvalidValue;
  stream->capture = std::make_unique<Graph>();
  return Success;
}

EXPORT cuStreamEndCapture(void *handle, void **graph) {
  if (!isCurrent() || !streams.count(handle))
    return InvalidValue;
  *graph = static_cast<Stream *>(handle)->capture.release();
  if (!*graph)
    return InvalidValue;
  graphs.insert(*graph);
  return Success;
}

EXPORT cuGraphInstantiateWithFlags(void **executable, void *graph,
                                   unsigned long long flags) {
  if (!isCurrent() || !graphs.count(graph) || flags != 0)
    return InvalidValue;
  *executable = new Graph(*static_cast<Graph *>(graph));
  executables.insert(*executable);
  return Success;
}

EXPORT cuGraphLaunch(void *executable, void *stream) {
  if (!isCurrent() || !executables.count(executable) || !streams.count(stream))
    return InvalidHandle;
  for (const Launch &launch : *static_cast<Graph *>(executable))
    if (int result = execute(launch))
      return result;
  return Success;
}

EXPORT cuGraphDestroy(void *graph) {
  if (!isCurrent() || graphs.erase(graph) == 0)
    return InvalidHandle;
  delete static_cast<Graph *>(graph);
  return Success;
}

EXPORT cuGraphExecDestroy(void *executable) {
  if (!isCurrent() || executables.erase(executable) == 0)
    return InvalidHandle;
  delete static_cast<Graph *>(executable);
  return Success;
}

EXPORT cuGetErrorString(int result, const char **text) {
  *text = result == InvalidPtx     ? "a PTX JIT compilation failed"
          : result == LaunchFailed ? "unspecified launch failure"
          : result == NotFound     ? "named symbol not found"
                                   : "invalid argument";
  return Success;
}

} // extern "C"
