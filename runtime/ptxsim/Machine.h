// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state that executing instructions work on: a thread with its register
// stack and local memory, the block it belongs to, and checked memory access.
#ifndef QCRT_PTXSIM_MACHINE_H
#define QCRT_PTXSIM_MACHINE_H

#include "Program.h"

#include <cstring>
#include <string>
#include <vector>

namespace qcrt::ptxsim {

/// What is the same for all blocks of a launch.
struct Launch {
  const Program *program = nullptr;
  const Function *entry = nullptr;
  const PtxLaunchOptions *options = nullptr;
  PtxDim3 grid, block;
  uint32_t threadsPerBlock = 0;
  uint32_t warpsPerBlock = 0;
  /// Registered memory: index = window number; empty windows have size 0.
  const Region *regions = nullptr;
  uint64_t regionCount = 0;
  const uint8_t *parameters = nullptr;
  uint64_t parameterBytes = 0;
  uint64_t staticSharedBytes = 0;
  uint64_t dynamicSharedBytes = 0;
  /// Where dynamic shared memory starts in Block::shared.
  uint64_t dynamicSharedStart = 0;
};

struct Block {
  const Launch *launch = nullptr;
  PtxDim3 index{0, 0, 0};
  std::vector<uint8_t> shared;
};

enum class Stop : uint8_t {
  Running,
  Exited,
  Faulted,
  AtBarrier, ///< at the barrier instruction Thread::pc of the block
  AtWarpOperation,
};

struct Fault {
  PtxErrorKind kind = PtxErrorKind::Trap;
  std::string message;
  bool hasAddress = false;
  uint64_t address = 0;
};

/// What a call has to restore.
struct Frame {
  const Function *function = nullptr;
  const Instruction *returnTo = nullptr;
  const CallSite *site = nullptr;
  uint64_t registerBase = 0;
  uint64_t localBase = 0; ///< offset of the frame in local memory
  uint64_t localTop = 0;
};

/// A copy begun by cp.async and not waited for yet.
struct PendingCopy {
  uint64_t sharedAddress = 0;
  uint32_t bytes = 0;
  uint8_t data[16] = {};
};

struct Thread {
  // Used by nearly every instruction.
  uint64_t *registers = nullptr; ///< of the running frame
  const Function *function = nullptr;
  const Launch *launch = nullptr;
  Block *block = nullptr;
  uint8_t *local = nullptr;
  uint64_t localTop = 0;  ///< bytes in use
  uint64_t localBase = 0; ///< offset of the running frame
  bool carry = false;
  Stop stop = Stop::Running;

  const Instruction *pc = nullptr;
  uint64_t executed = 0;
  PtxDim3 index{0, 0, 0};
  uint32_t linear = 0;
  uint32_t lane = 0;
  uint32_t warp = 0;
  Fault fault;
  std::vector<Frame> frames;
  std::vector<uint64_t> registerStack;
  std::vector<uint8_t> localMemory;
  /// cp.async groups: copies not committed, and committed ones in order.
  std::vector<PendingCopy> openCopies;
  std::vector<std::vector<PendingCopy>> committedCopies;

  uint64_t &reg(uint32_t slot) { return registers[slot]; }

  /// Ends the thread with an error; the null pointer stops the run loop.
  const Instruction *fail(const Instruction *at, PtxErrorKind kind,
                          std::string message);
  /// Stops at \p at until a scheduler resumes the thread.
  const Instruction *wait(const Instruction *at, Stop reason) {
    pc = at;
    stop = reason;
    return nullptr;
  }
};

/// Prepares the running frame's registers: undefined ones get a pattern that
/// is unlikely to look right, constants and special registers their values.
void initializeFrame(Thread &thread, const Function &function);
/// Value of a special register.
uint64_t specialValue(const Thread &thread, Special special);
/// Enters \p callee; null and a fault if it nests too deeply.
const Instruction *enterFunction(Thread &thread, const Instruction *at,
                                 const Function &callee, const CallSite &site);
/// Leaves the running function; null at the end of the entry.
const Instruction *leaveFunction(Thread &thread, const Instruction *at);
/// Reserves local memory up to \p top bytes; false and a fault if too much.
bool growLocal(Thread &thread, const Instruction *at, uint64_t top);

/// Records an access that is not allowed. \p detail is filled with the cause.
void faultAccess(Thread &thread, const Instruction *at, Space space,
                 uint64_t address, uint64_t size, bool write);

/// Host memory behind a window of the module itself, or null.
inline const Region *moduleRegion(const Thread &thread, uint64_t address) {
  const uint64_t window = (address & ~moduleWindowBit) >> windowBits;
  const Program &program = *thread.launch->program;
  return window < program.regions.size() ? &program.regions[window] : nullptr;
}

inline bool contains(uint64_t base, uint64_t extent, uint64_t address,
                     uint64_t size) {
  const uint64_t offset = address - base;
  return offset < extent && extent - offset >= size;
}

/// The host address of a valid access of \p size bytes, or null. \p alignment
/// is a power of two.
template <Space space, bool write>
inline uint8_t *find(Thread &thread, uint64_t address, uint64_t size,
                     uint64_t alignment) {
  if (address & (alignment - 1))
    return nullptr;
  if constexpr (space == Space::Global || space == Space::Const) {
    const Launch &launch = *thread.launch;
    const uint64_t window = address >> windowBits;
    const Region *region;
    if (window < launch.regionCount)
      region = &launch.regions[window];
    else if ((address >> spaceShift) == 0 && (address & moduleWindowBit))
      region = moduleRegion(thread, address);
    else
      return nullptr;
    if (!region || !contains(region->base, region->size, address, size))
      return nullptr;
    if (write && !region->writable)
      return nullptr;
    if (space == Space::Const && !region->isConst)
      return nullptr;
    return region->host + (address - region->base);
  } else if constexpr (space == Space::Shared) {
    const Launch &launch = *thread.launch;
    if (contains(firstOffset, launch.staticSharedBytes, address, size))
      return thread.block->shared.data() + (address - firstOffset);
    if (contains(dynamicSharedOffset, launch.dynamicSharedBytes, address, size))
      return thread.block->shared.data() + launch.dynamicSharedStart +
             (address - dynamicSharedOffset);
    return nullptr;
  } else if constexpr (space == Space::Local) {
    if (!contains(firstOffset, thread.localTop, address, size))
      return nullptr;
    return thread.local + (address - firstOffset);
  } else if constexpr (space == Space::Param) {
    if (write ||
        !contains(firstOffset, thread.launch->parameterBytes, address, size))
      return nullptr;
    return const_cast<uint8_t *>(thread.launch->parameters) +
           (address - firstOffset);
  } else {
    const uint64_t tag = address >> spaceShift;
    if (tag == 0)
      return find<Space::Global, write>(thread, address, size, alignment);
    const uint64_t offset = address & ((uint64_t(1) << spaceShift) - 1);
    if (tag == sharedTag >> spaceShift)
      return find<Space::Shared, write>(thread, offset, size, alignment);
    if (tag == localTag >> spaceShift)
      return find<Space::Local, write>(thread, offset, size, alignment);
    if (tag == parameterTag >> spaceShift)
      return find<Space::Param, write>(thread, offset, size, alignment);
    return nullptr;
  }
}

/// Runs \p use with the state space as a compile-time constant.
template <class Use> auto withSpace(Space space, Use use) {
  switch (space) {
  case Space::Global:
    return use(std::integral_constant<Space, Space::Global>());
  case Space::Const:
    return use(std::integral_constant<Space, Space::Const>());
  case Space::Shared:
    return use(std::integral_constant<Space, Space::Shared>());
  case Space::Local:
    return use(std::integral_constant<Space, Space::Local>());
  case Space::Param:
    return use(std::integral_constant<Space, Space::Param>());
  case Space::Generic:
    break;
  }
  return use(std::integral_constant<Space, Space::Generic>());
}

inline uint8_t *findIn(Thread &thread, Space space, bool write,
                       uint64_t address, uint64_t size, uint64_t alignment) {
  return withSpace(space, [&](auto tag) -> uint8_t * {
    return write ? find<tag(), true>(thread, address, size, alignment)
                 : find<tag(), false>(thread, address, size, alignment);
  });
}

/// The lanes that execute a warp operation together.
struct WarpGroup {
  Thread *lanes[warpSize] = {}; ///< null where a lane does not take part
  uint32_t mask = 0;            ///< lanes that are not null
  const Instruction *instruction[warpSize] = {};
};

/// Executes a warp operation for all lanes of a group. A lane that fails has
/// its stop set; all others are resumed by the scheduler.
using WarpOperation = void (*)(WarpGroup &);
/// How a lane's membership mask is found; null for operations that take the
/// lanes that happen to arrive together (activemask).
struct WarpOperationInfo {
  WarpOperation run = nullptr;
  /// Lanes named by the instruction of this lane.
  uint32_t (*members)(Thread &, const Instruction *) = nullptr;
};

/// Runs all blocks of a launch.
PtxResult<PtxStatistics> runLaunch(const Launch &launch);

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_MACHINE_H
