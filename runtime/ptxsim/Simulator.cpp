// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public interface: memory registration, parsing and launching. Everything
// that comes from outside is checked here before it reaches the executor.
#include "Decoder.h"
#include "Machine.h"
#include "Parser.h"

#include <algorithm>
#include <map>

namespace qcrt {

using namespace ptxsim;

namespace {

std::string dimensionText(const PtxDim3 &d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " +
         std::to_string(d.z) + ")";
}

PtxError memoryError(std::string message) {
  PtxError error;
  error.kind = PtxErrorKind::BadMemory;
  error.message = std::move(message);
  return error;
}

} // namespace

std::string PtxError::str() const {
  std::string text;
  if (!file.empty())
    text += file + ":";
  if (line != 0)
    text += std::to_string(line) + ":";
  if (!text.empty())
    text += " ";
  text += "error: " + message;
  if (!instruction.empty())
    text += " [" + instruction + "]";
  if (!kernel.empty())
    text += " in kernel '" + kernel + "'";
  if (hasThread)
    text +=
        ", block " + dimensionText(block) + ", thread " + dimensionText(thread);
  return text;
}

//===----------------------------------------------------------------------===//
// PtxMemory
//===----------------------------------------------------------------------===//

struct PtxMemory::State {
  /// Index = window; window 0 stays empty so that small integers are invalid.
  std::vector<Region> regions{1};
  std::vector<std::string> names{1};
  std::map<uint64_t, std::unique_ptr<uint8_t[]>> owned;

  PtxResult<uint64_t> add(void *host, uint64_t bytes, std::string name,
                          bool writable) {
    if (!host && bytes != 0)
      return memoryError("buffer '" + name + "' has no memory");
    if (bytes > maximalRegionBytes)
      return memoryError("buffer '" + name + "' has " + std::to_string(bytes) +
                         " bytes, at most " +
                         std::to_string(maximalRegionBytes) + " are supported");
    if (regions.size() >= maximalWindows)
      return memoryError("more than " + std::to_string(maximalWindows) +
                         " buffers were registered");
    Region region;
    constexpr uintptr_t congruence = 255;
    region.base = (uint64_t(regions.size()) << windowBits) | windowStart |
                  (reinterpret_cast<uintptr_t>(host) & congruence);
    region.size = bytes;
    region.host = static_cast<uint8_t *>(host);
    region.writable = writable;
    regions.push_back(region);
    names.push_back(std::move(name));
    return region.base;
  }

  /// The region that starts at an address, or null.
  Region *at(uint64_t address) {
    const uint64_t window = address >> windowBits;
    if (window == 0 || window >= regions.size() ||
        regions[window].base != address)
      return nullptr;
    return &regions[window];
  }

  PtxResult<uint8_t *> locate(uint64_t address, uint64_t bytes) const {
    const uint64_t window = address >> windowBits;
    if (window != 0 && window < regions.size()) {
      const Region &region = regions[window];
      const uint64_t offset = address - region.base;
      if (region.base != 0 && offset <= region.size &&
          bytes <= region.size - offset)
        return region.host + offset;
      if (region.base != 0)
        return memoryError(std::to_string(bytes) + " bytes at offset " +
                           std::to_string(static_cast<int64_t>(offset)) +
                           " do not lie in buffer '" + names[window] + "' of " +
                           std::to_string(region.size) + " bytes");
    }
    return memoryError("no buffer is registered at address " +
                       std::to_string(address));
  }
};

PtxMemory::PtxMemory() : state(std::make_unique<State>()) {}
PtxMemory::~PtxMemory() = default;
PtxMemory::PtxMemory(PtxMemory &&) noexcept = default;
PtxMemory &PtxMemory::operator=(PtxMemory &&) noexcept = default;

PtxResult<uint64_t> PtxMemory::allocate(uint64_t bytes, std::string name) {
  constexpr uint64_t alignment = 256;
  if (bytes > maximalRegionBytes)
    return memoryError("buffer '" + name + "' has " + std::to_string(bytes) +
                       " bytes, at most " + std::to_string(maximalRegionBytes) +
                       " are supported");
  std::unique_ptr<uint8_t[]> memory(new (std::nothrow)
                                        uint8_t[bytes + alignment]);
  if (!memory)
    return memoryError("there is no memory for the " + std::to_string(bytes) +
                       " bytes of buffer '" + name + "'");
  auto start = reinterpret_cast<uintptr_t>(memory.get());
  uint8_t *aligned = memory.get() + (alignment - start % alignment) % alignment;
  std::memset(aligned, 0xFF, bytes);
  auto address = state->add(aligned, bytes, std::move(name), true);
  if (address)
    state->owned.emplace(*address, std::move(memory));
  return address;
}

PtxResult<uint64_t> PtxMemory::map(void *host, uint64_t bytes,
                                   std::string name) {
  return state->add(host, bytes, std::move(name), true);
}

PtxResult<uint64_t> PtxMemory::mapReadOnly(const void *host, uint64_t bytes,
                                           std::string name) {
  return state->add(const_cast<void *>(host), bytes, std::move(name), false);
}

PtxResult<std::monostate> PtxMemory::release(uint64_t address) {
  Region *region = state->at(address);
  if (!region)
    return memoryError("no buffer starts at address " +
                       std::to_string(address));
  state->names[address >> windowBits].clear();
  *region = {};
  state->owned.erase(address);
  return std::monostate();
}

PtxResult<std::byte *> PtxMemory::host(uint64_t address, uint64_t bytes) const {
  auto place = state->locate(address, bytes);
  if (!place)
    return place.error();
  return reinterpret_cast<std::byte *>(*place);
}

PtxResult<std::monostate> PtxMemory::write(uint64_t address, const void *from,
                                           uint64_t bytes) {
  auto place = state->locate(address, bytes);
  if (!place)
    return place.error();
  if (!state->regions[address >> windowBits].writable)
    return memoryError("buffer '" + state->names[address >> windowBits] +
                       "' is read-only");
  if (bytes != 0)
    std::memcpy(*place, from, bytes);
  return std::monostate();
}

PtxResult<std::monostate> PtxMemory::read(uint64_t address, void *to,
                                          uint64_t bytes) const {
  auto place = state->locate(address, bytes);
  if (!place)
    return place.error();
  if (bytes != 0)
    std::memcpy(to, *place, bytes);
  return std::monostate();
}

//===----------------------------------------------------------------------===//
// PtxModule
//===----------------------------------------------------------------------===//

struct PtxModule::State {
  Program program;
  std::vector<PtxEntry> entries;
  std::vector<uint32_t> entryFunction; ///< index in Program::functions

  const Region *regionOf(const Variable &variable) const {
    const uint64_t window = (variable.address & ~moduleWindowBit) >> windowBits;
    return &program.regions[window];
  }
};

PtxModule::PtxModule(std::unique_ptr<State> state) : state(std::move(state)) {}
PtxModule::~PtxModule() = default;
PtxModule::PtxModule(PtxModule &&) noexcept = default;
PtxModule &PtxModule::operator=(PtxModule &&) noexcept = default;

PtxResult<PtxModule> PtxModule::parse(std::string_view text,
                                      std::string fileName) {
  auto state = std::make_unique<State>();
  Program &program = state->program;
  program.fileName = std::move(fileName);
  constexpr size_t longestText = size_t(1) << 30;
  if (text.size() > longestText)
    return program.error(PtxErrorKind::Unsupported, 0, {},
                         "the text has more than 1 GiB");
  // A PTX file may end with a zero byte, as the driver wants it.
  while (!text.empty() && text.back() == '\0')
    text.remove_suffix(1);
  program.text = text;
  if (auto failure = parseProgram(program))
    return *failure;
  if (auto failure = decodeProgram(program))
    return *failure;
  for (size_t i = 0; i < program.functions.size(); ++i) {
    const Function &function = *program.functions[i];
    if (!function.isEntry || !function.defined)
      continue;
    PtxEntry entry;
    entry.name = function.name;
    entry.line = function.line;
    entry.staticSharedBytes = function.sharedBytes;
    entry.localBytes = function.frameBytes;
    for (const Variable &parameter : function.parameters)
      entry.parameters.push_back(
          {parameter.name, parameter.size, parameter.alignment});
    state->entries.push_back(std::move(entry));
    state->entryFunction.push_back(static_cast<uint32_t>(i));
  }
  return PtxModule(std::move(state));
}

const std::vector<PtxEntry> &PtxModule::entries() const {
  return state->entries;
}

const PtxEntry *PtxModule::entry(std::string_view name) const {
  for (const PtxEntry &entry : state->entries)
    if (entry.name == name)
      return &entry;
  return nullptr;
}

PtxResult<std::pair<uint64_t, uint64_t>>
PtxModule::variable(std::string_view name) const {
  const Program &program = state->program;
  auto found = program.variableIndex.find(name);
  if (found == program.variableIndex.end() ||
      program.variables[found->second].space == Space::Shared ||
      program.variables[found->second].external)
    return program.error(PtxErrorKind::BadMemory, 0, {},
                         "the module has no .global or .const variable '" +
                             std::string(name) + "'");
  const Variable &variable = program.variables[found->second];
  return std::pair<uint64_t, uint64_t>(variable.address, variable.size);
}

PtxResult<std::span<std::byte>>
PtxModule::variableBytes(std::string_view name) {
  auto place = variable(name);
  if (!place)
    return place.error();
  const Program &program = state->program;
  const Region *region = state->regionOf(
      program.variables[program.variableIndex.find(name)->second]);
  return std::span<std::byte>(reinterpret_cast<std::byte *>(region->host),
                              region->size);
}

PtxResult<PtxStatistics>
PtxModule::launch(const PtxMemory &memory, std::string_view entryName,
                  PtxDim3 grid, PtxDim3 block, const PtxArguments &arguments,
                  const PtxLaunchOptions &options) const {
  const Program &program = state->program;
  const Function *function = nullptr;
  auto fail = [&](std::string message) {
    PtxError error =
        program.error(PtxErrorKind::BadLaunch, function ? function->line : 0,
                      {}, std::move(message));
    error.kernel = entryName;
    return error;
  };
  for (size_t i = 0; i < state->entries.size(); ++i)
    if (state->entries[i].name == entryName)
      function = program.functions[state->entryFunction[i]].get();
  if (!function) {
    std::string names;
    for (const PtxEntry &entry : state->entries)
      names += (names.empty() ? "" : ", ") + entry.name;
    return fail("there is no such entry; the module has " +
                (names.empty() ? "none" : names));
  }
  // Limits of compute capability 8.0 (CUDA C++ Programming Guide, table of
  // technical specifications).
  constexpr uint32_t mostThreads = 1024, mostZ = 64;
  constexpr uint32_t mostGridX = 0x7FFFFFFF, mostGridYZ = 65535;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > mostGridX ||
      grid.y > mostGridYZ || grid.z > mostGridYZ)
    return fail("grid " + dimensionText(grid) +
                " is not between (1, 1, 1) and (2147483647, 65535, 65535)");
  if (block.x == 0 || block.y == 0 || block.z == 0 || block.x > mostThreads ||
      block.y > mostThreads || block.z > mostZ ||
      block.x * block.y * block.z > mostThreads)
    return fail("block " + dimensionText(block) +
                " is not between (1, 1, 1) and (1024, 1024, 64) with at most "
                "1024 threads");
  const uint32_t *required = function->requiredBlock;
  if (required[0] != 0 && (block.x != required[0] || block.y != required[1] ||
                           block.z != required[2]))
    return fail("block " + dimensionText(block) + " is not the .reqntid " +
                dimensionText({required[0], required[1], required[2]}));
  const uint32_t *most = function->maximalBlock;
  const uint32_t threads = block.x * block.y * block.z;
  if (most[0] != 0 && threads > uint64_t(most[0]) * most[1] * most[2])
    return fail("block " + dimensionText(block) + " exceeds the .maxntid " +
                dimensionText({most[0], most[1], most[2]}));
  const auto &values = arguments.get();
  if (values.size() != function->parameters.size())
    return fail(
        "the kernel has " + std::to_string(function->parameters.size()) +
        " parameters, the launch gives " + std::to_string(values.size()));
  std::vector<uint8_t> parameterBlock(function->parameterBytes);
  for (size_t i = 0; i < values.size(); ++i) {
    const Variable &parameter = function->parameters[i];
    if (values[i].size() != parameter.size)
      return fail("parameter " + std::to_string(i) + " ('" + parameter.name +
                  "') has " + std::to_string(parameter.size) +
                  " bytes, the launch gives " +
                  std::to_string(values[i].size()));
    if (parameter.size != 0)
      std::memcpy(parameterBlock.data() + (parameter.address - firstOffset),
                  values[i].data(), parameter.size);
  }
  constexpr uint64_t sharedAlignment = 128;
  const uint64_t dynamicStart = (function->sharedBytes + sharedAlignment - 1) /
                                sharedAlignment * sharedAlignment;
  if (options.dynamicSharedBytes > maximalSharedBytes ||
      dynamicStart + options.dynamicSharedBytes > maximalSharedBytes)
    return fail("the block needs more than " +
                std::to_string(maximalSharedBytes) + " bytes of shared memory");
  if (options.instructionBudget == 0)
    return fail("the instruction budget is 0");
  // All threads of a cooperative block exist at once.
  constexpr uint64_t mostRegisterBytes = uint64_t(1) << 31;
  if (function->cooperative &&
      uint64_t(threads) * function->slots() * sizeof(uint64_t) >
          mostRegisterBytes)
    return fail("a block of " + std::to_string(threads) +
                " threads needs more than 2 GiB for its " +
                std::to_string(function->slots()) + " registers per thread");
  Launch launch;
  launch.program = &program;
  launch.entry = function;
  launch.options = &options;
  launch.grid = grid;
  launch.block = block;
  launch.threadsPerBlock = threads;
  launch.warpsPerBlock = (threads + warpSize - 1) / warpSize;
  launch.regions = memory.state->regions.data();
  launch.regionCount = memory.state->regions.size();
  launch.parameters = parameterBlock.data();
  launch.parameterBytes = parameterBlock.size();
  launch.staticSharedBytes = function->sharedBytes;
  launch.dynamicSharedBytes = options.dynamicSharedBytes;
  launch.dynamicSharedStart = dynamicStart;
  auto result = runLaunch(launch);
  if (result || !result.error().hasAddress)
    return result;
  // The executor numbers buffers; here they have names.
  PtxError error = result.error();
  const uint64_t window = error.address >> windowBits;
  if (window != 0 && window < memory.state->names.size() &&
      !memory.state->names[window].empty())
    error.message += " ('" + memory.state->names[window] + "')";
  return error;
}

} // namespace qcrt
