// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Barriers count threads. bar.sync and its relatives are "aligned": all lanes
// of a warp must reach the same instruction, which is checked on release. A
// thread that has ended does not count, so a barrier that waits for it is
// reported as stuck unless the launch option says otherwise.
#include "Barrier.h"

namespace qcrt::ptxsim {

void Barriers::reset() {
  for (State &state : states)
    state = {};
  registered.clear();
}

bool Barriers::arrive(Thread &thread, const Launch &launch,
                      BarrierOutcome &outcome) {
  const Instruction *at = thread.pc;
  const uint32_t flags = at->flags;
  const auto barrier = static_cast<uint32_t>(thread.reg(at->a));
  auto fault = [&](std::string message) {
    thread.fail(at, PtxErrorKind::Barrier, std::move(message));
    outcome.faulted = &thread;
    return false;
  };
  if (barrier >= states.size())
    return fault("there is no barrier " + std::to_string(barrier) +
                 "; a block has 16");
  const bool counted = flags & BarrierHasCount;
  const uint64_t expected = counted ? static_cast<uint32_t>(thread.reg(at->b))
                                    : launch.threadsPerBlock;
  if (counted && (expected == 0 || expected % warpSize != 0))
    return fault("the thread count of a barrier must be a positive multiple "
                 "of 32, not " +
                 std::to_string(expected));
  State &state = states[barrier];
  if (state.expected == 0) {
    state.expected = expected;
    state.counted = counted;
  } else if (state.expected != expected) {
    return fault("barrier " + std::to_string(barrier) + " is waiting for " +
                 std::to_string(state.expected) +
                 " threads, but this thread names " + std::to_string(expected));
  }
  ++state.arrived;
  if ((flags & BarrierOperationMask) == BarrierArrive) {
    thread.pc = at + 1;
    thread.stop = Stop::Running;
    outcome.released = true;
  } else {
    registered[thread.linear] = true;
    state.waiting.push_back(&thread);
  }
  return true;
}

bool Barriers::release(State &state, BarrierOutcome &outcome) {
  // An aligned barrier must be one instruction for all lanes of a warp.
  constexpr size_t mostWarps = 32; // of the 1024 threads of a block
  std::array<const Instruction *, mostWarps> instructionOfWarp{};
  uint32_t count = 0;
  bool all = true;
  for (Thread *thread : state.waiting) {
    const Instruction *at = thread->pc;
    const Instruction *&first = instructionOfWarp[thread->warp];
    if (!first)
      first = at;
    if (first != at && ((at->flags | first->flags) & BarrierAligned)) {
      thread->fail(at, PtxErrorKind::Barrier,
                   "lanes of one warp have reached an aligned barrier at "
                   "different instructions");
      outcome.faulted = thread;
      return false;
    }
    if ((at->flags & BarrierOperationMask) >= BarrierPopc) {
      const bool negated = at->flags & BarrierNegated;
      const bool value = (thread->reg(at->c) & 1) != negated;
      count += value;
      all = all && value;
    }
  }
  for (Thread *thread : state.waiting) {
    const Instruction *at = thread->pc;
    switch (at->flags & BarrierOperationMask) {
    case BarrierPopc:
      thread->reg(at->d) = count;
      break;
    case BarrierAnd:
      thread->reg(at->d) = all;
      break;
    case BarrierOr:
      thread->reg(at->d) = count != 0;
      break;
    default:
      break;
    }
    thread->pc = at + 1;
    thread->stop = Stop::Running;
    registered[thread->linear] = false;
  }
  state.expected = 0;
  state.arrived = 0;
  state.waiting.clear(); // keeps its memory for the next time
  outcome.released = true;
  return true;
}

BarrierOutcome Barriers::resolve(std::vector<Thread> &threads,
                                 const Launch &launch) {
  BarrierOutcome outcome;
  registered.resize(threads.size());
  uint64_t exited = 0;
  for (Thread &thread : threads) {
    if (thread.stop == Stop::Exited)
      ++exited;
    if (thread.stop == Stop::AtBarrier && !registered[thread.linear] &&
        !arrive(thread, launch, outcome))
      return outcome;
  }
  const bool countExited = launch.options->exitedThreadsPassBarriers;
  for (State &state : states) {
    if (state.expected == 0)
      continue;
    uint64_t arrived = state.arrived;
    if (countExited && !state.counted)
      arrived += exited;
    if (arrived > state.expected && !state.waiting.empty()) {
      Thread *thread = state.waiting.back();
      thread->fail(thread->pc, PtxErrorKind::Barrier,
                   "more threads than the " + std::to_string(state.expected) +
                       " expected have arrived at the barrier");
      outcome.faulted = thread;
      return outcome;
    }
    if (arrived >= state.expected && !release(state, outcome))
      return outcome;
  }
  return outcome;
}

} // namespace qcrt::ptxsim
