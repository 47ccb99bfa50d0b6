// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a launch. Threads of a kernel without barriers, warp operations or
// atomics run to their end one after another. Otherwise all threads of a block
// are alive at once and each runs until it has to wait; warp operations are
// executed when all their lanes have arrived, barriers when all their threads
// have. If nobody can go on, that is reported with the places where the
// threads wait.
#include "Machine.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>

#include "Barrier.h"
#include "Warp.h"

namespace qcrt::ptxsim {

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

namespace {

constexpr uint64_t undefinedRegister = 0xC5C5C5C5C5C5C5C5;
constexpr uint8_t undefinedByte = 0xC5;
constexpr size_t deepestCalls = 4096;

std::string hex(uint64_t value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + digits;
}

} // namespace

const Instruction *Thread::fail(const Instruction *at, PtxErrorKind kind,
                                std::string message) {
  pc = at;
  stop = Stop::Faulted;
  fault = {};
  fault.kind = kind;
  fault.message = std::move(message);
  return nullptr;
}

void faultAccess(Thread &thread, const Instruction *at, Space space,
                 uint64_t address, uint64_t size, bool write) {
  const uint64_t tag = address >> spaceShift;
  std::string what = std::string(write ? "store of " : "load of ") +
                     std::to_string(size) + " bytes at " +
                     std::string(nameOf(space)) + " address " + hex(address);
  auto record = [&](PtxErrorKind kind, std::string reason) {
    thread.fail(at, kind, what + reason);
    thread.fault.hasAddress = true;
    thread.fault.address = address;
  };
  // Would it be valid if aligned, or if writing was allowed?
  if (findIn(thread, space, write, address, size, 1)) {
    record(PtxErrorKind::Misaligned, ", which is not aligned to the access");
    return;
  }
  if (write && findIn(thread, space, false, address, size, 1)) {
    record(PtxErrorKind::ReadOnly, ", which is in read-only memory");
    return;
  }
  if (space == Space::Const &&
      findIn(thread, Space::Global, false, address, size, 1)) {
    record(PtxErrorKind::OutOfBounds, ", which is not a .const variable");
    return;
  }
  const Region *near = nullptr;
  std::string name;
  if (tag == 0 && (space == Space::Generic || space == Space::Global ||
                   space == Space::Const)) {
    const uint64_t window = (address & ~moduleWindowBit) >> windowBits;
    if (address & moduleWindowBit) {
      near = moduleRegion(thread, address);
      const Program &program = *thread.launch->program;
      if (near)
        name = "variable '" +
               program.variables[program.regionVariable[window]].name + "'";
    } else if (window < thread.launch->regionCount &&
               thread.launch->regions[window].base != 0) {
      near = &thread.launch->regions[window];
      name = "buffer " + std::to_string(window);
    }
  }
  if (near) {
    const auto offset = static_cast<int64_t>(address - near->base);
    record(PtxErrorKind::OutOfBounds,
           ", which is offset " + std::to_string(offset) + " of " + name +
               " of " + std::to_string(near->size) + " bytes");
    return;
  }
  if (address < firstOffset)
    record(PtxErrorKind::OutOfBounds, ", which is a null pointer");
  else if (space == Space::Shared)
    record(PtxErrorKind::OutOfBounds,
           "; the block has " +
               std::to_string(thread.launch->staticSharedBytes) +
               " bytes of static shared memory at " + hex(firstOffset) +
               " and " + std::to_string(thread.launch->dynamicSharedBytes) +
               " of dynamic at " + hex(dynamicSharedOffset));
  else if (space == Space::Local)
    record(PtxErrorKind::OutOfBounds,
           "; the thread has " + std::to_string(thread.localTop) +
               " bytes of local memory at " + hex(firstOffset));
  else if (space == Space::Param)
    record(PtxErrorKind::OutOfBounds,
           "; the kernel has " + std::to_string(thread.launch->parameterBytes) +
               " bytes of parameters at " + hex(firstOffset));
  else
    record(PtxErrorKind::OutOfBounds, ", which is in no registered memory");
}

uint64_t specialValue(const Thread &thread, Special special) {
  const Launch &launch = *thread.launch;
  const PtxDim3 &block = thread.block->index;
  switch (special) {
  case Special::TidX:
    return thread.index.x;
  case Special::TidY:
    return thread.index.y;
  case Special::TidZ:
    return thread.index.z;
  case Special::NtidX:
    return launch.block.x;
  case Special::NtidY:
    return launch.block.y;
  case Special::NtidZ:
    return launch.block.z;
  case Special::CtaidX:
    return block.x;
  case Special::CtaidY:
    return block.y;
  case Special::CtaidZ:
    return block.z;
  case Special::NctaidX:
    return launch.grid.x;
  case Special::NctaidY:
    return launch.grid.y;
  case Special::NctaidZ:
    return launch.grid.z;
  case Special::LaneId:
    return thread.lane;
  case Special::WarpId:
    return thread.warp;
  case Special::NWarpId:
    return launch.warpsPerBlock;
  case Special::SmId:
  case Special::GridId:
  case Special::Zero:
    return 0;
  case Special::NSmId:
  case Special::One:
    return 1;
  case Special::LanemaskEq:
    return uint32_t(1) << thread.lane;
  case Special::LanemaskLt:
    return (uint32_t(1) << thread.lane) - 1;
  case Special::LanemaskLe:
    return (uint64_t(2) << thread.lane) - 1;
  case Special::LanemaskGt:
    return static_cast<uint32_t>(~((uint64_t(2) << thread.lane) - 1));
  case Special::LanemaskGe:
    return static_cast<uint32_t>(~((uint64_t(1) << thread.lane) - 1));
  case Special::DynamicSmemSize:
    return launch.dynamicSharedBytes;
  case Special::TotalSmemSize:
    return launch.staticSharedBytes + launch.dynamicSharedBytes;
  // Time is the number of instructions that the thread has executed.
  case Special::Clock:
  case Special::GlobalTimerLo:
    return static_cast<uint32_t>(thread.executed);
  case Special::ClockHi:
  case Special::GlobalTimerHi:
    return thread.executed >> 32;
  case Special::Clock64:
  case Special::GlobalTimer:
    return thread.executed;
  case Special::Frame:
    return firstOffset + thread.localBase;
  }
  return 0;
}

void initializeFrame(Thread &thread, const Function &function) {
  uint64_t *registers = thread.registers;
  std::fill_n(registers, function.registers, undefinedRegister);
  if (!function.extra.empty())
    std::memcpy(registers + function.registers, function.extra.data(),
                function.extra.size() * sizeof(uint64_t));
  for (const auto &[slot, special] : function.specials)
    registers[slot] = specialValue(thread, special);
}

bool growLocal(Thread &thread, const Instruction *at, uint64_t top) {
  if (top > maximalLocalBytes) {
    thread.fail(at, PtxErrorKind::Stack,
                "the thread needs more than " +
                    std::to_string(maximalLocalBytes) +
                    " bytes of local memory");
    return false;
  }
  if (top > thread.localMemory.size()) {
    // Alignment of the addresses is checked against the offset, so the host
    // buffer must be aligned as well; vectors of this size are, to 16.
    thread.localMemory.resize(
        std::max<uint64_t>(top, thread.localMemory.size() * 2));
    thread.local = thread.localMemory.data();
  }
  if (top > thread.localTop)
    std::memset(thread.local + thread.localTop, undefinedByte,
                top - thread.localTop);
  thread.localTop = top;
  return true;
}

const Instruction *enterFunction(Thread &thread, const Instruction *at,
                                 const Function &callee, const CallSite &site) {
  if (thread.frames.size() >= deepestCalls)
    return thread.fail(at, PtxErrorKind::Stack,
                       "more than " + std::to_string(deepestCalls) +
                           " nested calls");
  auto sizesMatch = [](const std::vector<CallValue> &values,
                       const std::vector<Variable> &variables) {
    return std::equal(values.begin(), values.end(), variables.begin(),
                      variables.end(),
                      [](const CallValue &value, const Variable &variable) {
                        return value.size == variable.size;
                      });
  };
  if (!sizesMatch(site.arguments, callee.parameters) ||
      !sizesMatch(site.results, callee.results))
    return thread.fail(at, PtxErrorKind::Trap,
                       "the call does not fit the parameters of '" +
                           callee.name + "'");
  Frame frame;
  frame.function = thread.function;
  frame.returnTo = at + 1;
  frame.site = &site;
  frame.registerBase =
      static_cast<uint64_t>(thread.registers - thread.registerStack.data());
  frame.localBase = thread.localBase;
  frame.localTop = thread.localTop;
  const uint64_t newBase =
      (thread.localTop + frameAlignment - 1) / frameAlignment * frameAlignment;
  if (!growLocal(thread, at, newBase + callee.frameBytes))
    return nullptr;
  for (size_t i = 0; i < site.arguments.size(); ++i) {
    const CallValue &value = site.arguments[i];
    uint8_t *to = thread.local + newBase + callee.parameters[i].address;
    if (value.inRegister)
      std::memcpy(to, &thread.reg(value.slot), value.size);
    else if (value.size != 0)
      std::memcpy(to, thread.local + frame.localBase + value.offset,
                  value.size);
  }
  const uint64_t newRegisters = frame.registerBase + thread.function->slots();
  constexpr uint64_t mostSlots = uint64_t(1) << 22;
  if (newRegisters + callee.slots() > mostSlots)
    return thread.fail(at, PtxErrorKind::Stack,
                       "nested calls need too many registers");
  if (newRegisters + callee.slots() > thread.registerStack.size())
    thread.registerStack.resize((newRegisters + callee.slots()) * 2);
  thread.registers = thread.registerStack.data() + newRegisters;
  thread.localBase = newBase;
  thread.function = &callee;
  thread.frames.push_back(frame);
  initializeFrame(thread, callee);
  return callee.code.data();
}

const Instruction *leaveFunction(Thread &thread, const Instruction *at) {
  if (thread.frames.empty()) {
    thread.pc = at;
    thread.stop = Stop::Exited;
    return nullptr;
  }
  const Frame frame = thread.frames.back();
  thread.frames.pop_back();
  const Function &callee = *thread.function;
  thread.registers = thread.registerStack.data() + frame.registerBase;
  const uint8_t *calleeFrame = thread.local + thread.localBase;
  for (size_t i = 0; i < frame.site->results.size(); ++i) {
    const CallValue &value = frame.site->results[i];
    const uint8_t *from = calleeFrame + callee.results[i].address;
    if (value.inRegister) {
      thread.reg(value.slot) = 0;
      std::memcpy(&thread.reg(value.slot), from, value.size);
    } else if (value.size != 0) {
      std::memcpy(thread.local + frame.localBase + value.offset, from,
                  value.size);
    }
  }
  thread.localBase = frame.localBase;
  thread.localTop = frame.localTop;
  thread.function = frame.function;
  return frame.returnTo;
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {

class BlockRunner {
public:
  explicit BlockRunner(const Launch &launch)
      : launch(launch), entry(*launch.entry) {
    block.launch = &launch;
    block.shared.resize(launch.dynamicSharedStart + launch.dynamicSharedBytes);
    threads.resize(entry.cooperative ? launch.threadsPerBlock : 1);
    for (Thread &thread : threads) {
      thread.launch = &launch;
      thread.block = &block;
      thread.registerStack.resize(entry.slots());
    }
  }

  /// Runs one block; false and \p error set if a thread failed.
  bool run(uint64_t linearBlock, PtxError &error) {
    block.index.x = static_cast<uint32_t>(linearBlock % launch.grid.x);
    linearBlock /= launch.grid.x;
    block.index.y = static_cast<uint32_t>(linearBlock % launch.grid.y);
    block.index.z = static_cast<uint32_t>(linearBlock / launch.grid.y);
    std::fill(block.shared.begin(), block.shared.end(), undefinedByte);
    return entry.cooperative ? runTogether(error) : runInTurn(error);
  }

  uint64_t instructions = 0;

private:
  void start(Thread &thread, uint32_t linear) {
    thread.linear = linear;
    thread.lane = linear % warpSize;
    thread.warp = linear / warpSize;
    thread.index.x = linear % launch.block.x;
    thread.index.y = linear / launch.block.x % launch.block.y;
    thread.index.z = linear / launch.block.x / launch.block.y;
    thread.function = &entry;
    thread.registers = thread.registerStack.data();
    thread.frames.clear();
    thread.localBase = 0;
    thread.localTop = 0;
    thread.carry = false;
    thread.stop = Stop::Running;
    thread.executed = 0;
    thread.pc = entry.code.data();
    thread.openCopies.clear();
    thread.committedCopies.clear();
    growLocal(thread, thread.pc, entry.frameBytes);
    initializeFrame(thread, entry);
  }

  /// Runs a thread until it stops or \p slice instructions are done.
  void runSlice(Thread &thread, uint64_t slice) {
    const uint64_t budget = launch.options->instructionBudget;
    const uint64_t left =
        budget > thread.executed ? budget - thread.executed : 0;
    slice = std::min(slice, left);
    const Instruction *at = thread.pc;
    uint64_t done = 0;
    const uint64_t before = thread.executed;
    // The count is published now and then only for %clock.
    while (at && done < slice) {
      const uint64_t end = std::min<uint64_t>(slice, done + 256);
      do {
        at = at->run(thread, at);
        ++done;
      } while (at && done < end);
      thread.executed = before + done;
    }
    if (at) {
      thread.pc = at;
      if (thread.executed >= budget)
        thread.fail(at, PtxErrorKind::Budget,
                    "the thread has executed " + std::to_string(budget) +
                        " instructions, which is the limit of this launch; "
                        "is there an infinite loop?");
    }
    instructions += done;
  }

  bool runInTurn(PtxError &error) {
    Thread &thread = threads[0];
    const bool reverse = launch.options->threadOrder == PtxThreadOrder::Reverse;
    for (uint32_t i = 0; i < launch.threadsPerBlock; ++i) {
      start(thread, reverse ? launch.threadsPerBlock - 1 - i : i);
      while (thread.stop == Stop::Running)
        runSlice(thread, UINT64_MAX);
      if (thread.stop == Stop::Faulted)
        return report(thread, error);
    }
    return true;
  }

  bool runTogether(PtxError &error) {
    for (uint32_t i = 0; i < launch.threadsPerBlock; ++i)
      start(threads[i], i);
    barriers.reset();
    const bool reverse = launch.options->threadOrder == PtxThreadOrder::Reverse;
    for (;;) {
      bool progress = false;
      for (uint32_t i = 0; i < launch.warpsPerBlock; ++i) {
        const uint32_t warp = reverse ? launch.warpsPerBlock - 1 - i : i;
        if (!runWarp(warp, reverse, progress, error))
          return false;
      }
      BarrierOutcome outcome = barriers.resolve(threads, launch);
      if (outcome.faulted)
        return report(*outcome.faulted, error);
      if (outcome.released)
        continue;
      if (progress)
        continue;
      if (std::all_of(threads.begin(), threads.end(),
                      [](const Thread &t) { return t.stop == Stop::Exited; }))
        return true;
      return reportStuck(error);
    }
  }

  /// Runs the lanes of a warp until all of them wait or have ended.
  bool runWarp(uint32_t warp, bool reverse, bool &progress, PtxError &error) {
    const uint32_t first = warp * warpSize;
    const uint32_t count = std::min(warpSize, launch.threadsPerBlock - first);
    // Long enough to be cheap, short enough that a thread which spins on a
    // value that another thread will write does not use up its budget.
    constexpr uint64_t slice = 1 << 16;
    for (;;) {
      bool running = false;
      for (uint32_t i = 0; i < count; ++i) {
        Thread &thread = threads[first + (reverse ? count - 1 - i : i)];
        if (thread.stop != Stop::Running)
          continue;
        progress = true;
        runSlice(thread, slice);
        if (thread.stop == Stop::Faulted)
          return report(thread, error);
        running = running || thread.stop == Stop::Running;
      }
      bool resumed = false;
      if (!resolveWarp(first, count, running, resumed, error))
        return false;
      progress = progress || resumed;
      if (running) {
        // A spinning lane may wait for another warp.
        return true;
      }
      if (!resumed)
        return true;
    }
  }

  /// Executes the warp operations whose lanes have all arrived.
  bool resolveWarp(uint32_t first, uint32_t count, bool running, bool &resumed,
                   PtxError &error) {
    for (uint32_t i = 0; i < count; ++i) {
      Thread &leader = threads[first + i];
      if (leader.stop != Stop::AtWarpOperation)
        continue;
      const Instruction *at = leader.pc;
      const WarpOperationInfo &info = warpOperation(*at);
      WarpGroup group;
      bool ready = true;
      if (!info.members) {
        // Takes whoever is at the same instruction, once nobody else in the
        // warp can still arrive.
        ready = !running && !resumed;
        for (uint32_t lane = 0; lane < count && ready; ++lane) {
          Thread &thread = threads[first + lane];
          if (thread.stop == Stop::AtWarpOperation && thread.pc == at)
            join(group, lane, thread);
        }
      } else {
        const uint32_t members = info.members(leader, at);
        if (!(members >> leader.lane & 1))
          return report(failed(leader, "the lane executes a warp operation "
                                       "whose member mask does not name it"),
                        error);
        for (uint32_t lane = 0; lane < warpSize && ready; ++lane) {
          if (!(members >> lane & 1))
            continue;
          // Lanes that have ended or never existed do not take part.
          if (lane >= count || threads[first + lane].stop == Stop::Exited)
            continue;
          Thread &thread = threads[first + lane];
          if (thread.stop != Stop::AtWarpOperation) {
            ready = false;
            break;
          }
          const WarpOperationInfo &other = warpOperation(*thread.pc);
          const bool same = other.run == info.run &&
                            ((thread.pc->flags ^ at->flags) & 0xFF) == 0 &&
                            other.members &&
                            other.members(thread, thread.pc) == members;
          if (!same)
            ready = false;
          else
            join(group, lane, thread);
        }
      }
      if (!ready)
        continue;
      info.run(group);
      for (Thread *lane : group.lanes) {
        if (!lane)
          continue;
        if (lane->stop == Stop::Faulted)
          return report(*lane, error);
        lane->pc = lane->pc + 1;
        lane->stop = Stop::Running;
        resumed = true;
      }
    }
    return true;
  }

  static void join(WarpGroup &group, uint32_t lane, Thread &thread) {
    group.lanes[lane] = &thread;
    group.mask |= uint32_t(1) << lane;
    group.instruction[lane] = thread.pc;
  }

  static Thread &failed(Thread &thread, std::string message) {
    thread.fail(thread.pc, PtxErrorKind::Barrier, std::move(message));
    return thread;
  }

  const Statement *statementAt(const Thread &thread) const {
    const Function &function = *thread.function;
    const auto index = static_cast<size_t>(thread.pc - function.code.data());
    const uint32_t statement = function.statementOf[index];
    return statement < function.statements.size()
               ? &function.statements[statement]
               : nullptr;
  }

  bool report(const Thread &thread, PtxError &error) const {
    const Statement *statement = statementAt(thread);
    error = launch.program->error(
        thread.fault.kind, statement ? statement->line : thread.function->line,
        statement ? statement->text : std::string_view(), thread.fault.message);
    error.kernel = entry.name;
    error.hasThread = true;
    error.block = block.index;
    error.thread = thread.index;
    error.hasAddress = thread.fault.hasAddress;
    error.address = thread.fault.address;
    return false;
  }

  /// Nobody can go on: says who waits where, one example per place.
  bool reportStuck(PtxError &error) {
    std::string message = "no thread of the block can go on:";
    std::vector<std::pair<const Instruction *, uint32_t>> places;
    uint32_t exited = 0;
    Thread *example = nullptr;
    for (Thread &thread : threads) {
      if (thread.stop == Stop::Exited) {
        ++exited;
        continue;
      }
      if (!example)
        example = &thread;
      auto place = std::find_if(places.begin(), places.end(),
                                [&](auto &p) { return p.first == thread.pc; });
      if (place != places.end()) {
        ++place->second;
        continue;
      }
      places.emplace_back(thread.pc, 1);
      constexpr size_t most = 4;
      if (places.size() > most)
        continue;
      const Statement *statement = statementAt(thread);
      message += " thread " + std::to_string(thread.linear) +
                 " waits in line " +
                 std::to_string(statement ? statement->line : 0) + ";";
    }
    message += " " + std::to_string(places.size()) + " place(s), " +
               std::to_string(exited) + " thread(s) have ended";
    return report(failed(*example, std::move(message)), error);
  }

  const Launch &launch;
  const Function &entry;
  Block block;
  std::vector<Thread> threads;
  Barriers barriers;
};

} // namespace

//===----------------------------------------------------------------------===//
// Launch
//===----------------------------------------------------------------------===//

PtxResult<PtxStatistics> runLaunch(const Launch &launch) {
  const uint64_t blocks =
      uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
  std::atomic<uint64_t> next{0};
  std::atomic<uint64_t> failedBlock{UINT64_MAX};
  std::mutex mutex;
  PtxError error;
  PtxStatistics statistics;
  // Blocks start in order and all blocks before a failing one are finished, so
  // the error of the first failing block is reported whatever the number of
  // host threads.
  auto work = [&] {
    BlockRunner runner(launch);
    for (;;) {
      const uint64_t index = next.fetch_add(1);
      if (index >= blocks || index > failedBlock.load())
        break;
      PtxError problem;
      if (!runner.run(index, problem)) {
        std::lock_guard<std::mutex> lock(mutex);
        if (index < failedBlock.load()) {
          failedBlock.store(index);
          error = std::move(problem);
        }
      }
    }
    std::lock_guard<std::mutex> lock(mutex);
    statistics.instructions += runner.instructions;
  };
  unsigned hostThreads = launch.options->hostThreads;
  if (hostThreads == 0)
    hostThreads = std::max(1u, std::thread::hardware_concurrency());
  constexpr unsigned mostThreads = 256;
  hostThreads = static_cast<unsigned>(
      std::min<uint64_t>({hostThreads, blocks, mostThreads}));
  std::vector<std::thread> helpers;
  for (unsigned i = 1; i < hostThreads; ++i) {
    try {
      helpers.emplace_back(work);
    } catch (const std::system_error &) {
      break; // the threads that could be started do all the work
    }
  }
  work();
  for (std::thread &helper : helpers)
    helper.join();
  if (failedBlock.load() != UINT64_MAX)
    return error;
  statistics.blocks = blocks;
  statistics.threads = blocks * launch.threadsPerBlock;
  return statistics;
}

} // namespace qcrt::ptxsim
