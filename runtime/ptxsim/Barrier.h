// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sixteen barriers of a block (PTX ISA 8.8, section 9.7.13.1).
#ifndef QCRT_PTXSIM_BARRIER_H
#define QCRT_PTXSIM_BARRIER_H

#include "Machine.h"

#include <array>
#include <vector>

namespace qcrt::ptxsim {

/// Bits of Instruction::flags of a barrier instruction: the operation in the
/// low bits, then options. Slots: a barrier, b thread count, c predicate, d
/// result.
enum BarrierFlags : uint32_t {
  BarrierSync = 0,
  BarrierArrive = 1,
  BarrierPopc = 2,
  BarrierAnd = 3,
  BarrierOr = 4,
  BarrierOperationMask = 7,
  BarrierHasCount = 8,
  BarrierAligned = 16,
  BarrierNegated = 32,
};

struct BarrierOutcome {
  bool released = false; ///< at least one thread goes on
  Thread *faulted = nullptr;
};

class Barriers {
public:
  void reset();
  /// Counts the threads that have arrived since the last call and releases
  /// those whose barrier is complete.
  BarrierOutcome resolve(std::vector<Thread> &threads, const Launch &launch);

private:
  struct State {
    uint64_t expected = 0; ///< 0: nobody has arrived
    uint64_t arrived = 0;
    bool counted = false; ///< expected comes from the instruction
    std::vector<Thread *> waiting;
  };
  bool arrive(Thread &thread, const Launch &launch, BarrierOutcome &outcome);
  bool release(State &state, BarrierOutcome &outcome);

  std::array<State, 16> states;
  std::vector<bool> registered; ///< per thread: waits and is counted
};

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_BARRIER_H
