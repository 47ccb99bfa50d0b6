// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operations that the lanes of a warp execute together (PTX ISA 8.8, sections
// 9.7.9.6 and 9.7.13). A lane that reaches one waits; the scheduler calls the
// operation when all lanes of the member mask have arrived.
#include "Warp.h"

namespace qcrt::ptxsim {

namespace {

const Instruction *runWarpOperation(Thread &thread, const Instruction *at) {
  return thread.wait(at, Stop::AtWarpOperation);
}

} // namespace

const WarpOperationInfo &warpOperation(const Instruction &instruction) {
  return *reinterpret_cast<const WarpOperationInfo *>(
      static_cast<uintptr_t>(instruction.imm));
}

void setWarpOperation(Decoder &d, const WarpOperationInfo &info) {
  d.inst.run = runWarpOperation;
  d.inst.imm = reinterpret_cast<uintptr_t>(&info);
  d.function.cooperative = true;
}

namespace {

/// Calls use(lane number, thread, instruction) for each lane that takes part.
template <class Use> void forLanes(WarpGroup &group, Use use) {
  for (uint32_t lane = 0; lane < warpSize; ++lane)
    if (group.lanes[lane])
      use(lane, *group.lanes[lane], *group.instruction[lane]);
}

/// The member mask is in slot e of all operations of this file.
uint32_t membersInE(Thread &thread, const Instruction *at) {
  return static_cast<uint32_t>(thread.reg(at->e));
}

/// What lanes see that read from one that does not take part: undefined.
constexpr uint32_t undefinedValue = 0xC5C5C5C5;
/// Bits of Instruction::flags from here on hold a slot, where there are two
/// results.
constexpr unsigned secondResultShift = 8;

uint32_t secondResult(const Instruction &at) {
  return at.flags >> secondResultShift;
}

//===----------------------------------------------------------------------===//
// shfl
//===----------------------------------------------------------------------===//

enum ShuffleMode : uint32_t { Up, Down, Butterfly, Index };

/// The pseudocode of PTX ISA 8.8, section 9.7.9.6.
void shuffle(WarpGroup &group) {
  uint32_t values[warpSize];
  uint64_t valid = 0;
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    values[lane] = static_cast<uint32_t>(thread.reg(at.a));
    valid |= uint64_t(1) << lane;
  });
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    const auto b = static_cast<uint32_t>(thread.reg(at.b)) & 31;
    const auto c = static_cast<uint32_t>(thread.reg(at.c));
    const uint32_t clamp = c & 31;
    const uint32_t segment = c >> 8 & 31;
    const uint32_t last = (lane & segment) | (clamp & ~segment);
    const uint32_t first = lane & segment;
    uint32_t from = lane;
    bool inRange = false;
    switch (at.flags & 3) {
    case Up:
      from = lane - b;
      inRange = static_cast<int32_t>(from) >= static_cast<int32_t>(last);
      break;
    case Down:
      from = lane + b;
      inRange = from <= last;
      break;
    case Butterfly:
      from = lane ^ b;
      inRange = from <= last;
      break;
    default:
      from = first | (b & ~segment);
      inRange = from <= last;
      break;
    }
    if (!inRange)
      from = lane;
    thread.reg(at.d) =
        from < warpSize && (valid >> from & 1) ? values[from] : undefinedValue;
    thread.reg(secondResult(at)) = inRange;
  });
}

constexpr WarpOperationInfo shuffleInfo{shuffle, membersInE};

void decodeShfl(Decoder &d) {
  d.need({".sync"});
  const int mode = d.need({".up", ".down", ".bfly", ".idx"});
  const Type type = d.type();
  if (bitsOf(type) != 32)
    d.badType(type);
  if (!d.operands(5))
    return;
  uint32_t second = 0;
  if (d.operand(0).kind == Operand::Kind::Pair) {
    d.inst.d = d.destination(d.operand(0).elements[0], type, true);
    second = d.destination(d.operand(0).elements[1], Type::Pred, true);
  } else {
    d.inst.d = d.destination(0, type);
    second = d.frame.scratch();
  }
  d.inst.flags = static_cast<uint32_t>(mode) | second << secondResultShift;
  d.inst.a = d.source(1, type);
  d.inst.b = d.source(2, Type::B32);
  d.inst.c = d.source(3, Type::B32);
  d.inst.e = d.source(4, Type::B32);
  setWarpOperation(d, shuffleInfo);
}

//===----------------------------------------------------------------------===//
// vote, match, redux, elect
//===----------------------------------------------------------------------===//

enum VoteMode : uint32_t { All, Any, Uniform, Ballot, NegatedVote = 4 };

void vote(WarpGroup &group) {
  uint32_t ballot = 0;
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    const bool value =
        (thread.reg(at.a) & 1) != ((at.flags & NegatedVote) != 0);
    ballot |= uint32_t(value) << lane;
  });
  forLanes(group, [&](uint32_t, Thread &thread, const Instruction &at) {
    switch (at.flags & 3) {
    case All:
      thread.reg(at.d) = ballot == group.mask;
      break;
    case Any:
      thread.reg(at.d) = ballot != 0;
      break;
    case Uniform:
      thread.reg(at.d) = ballot == 0 || ballot == group.mask;
      break;
    default:
      thread.reg(at.d) = ballot;
      break;
    }
  });
}

constexpr WarpOperationInfo voteInfo{vote, membersInE};

void decodeVote(Decoder &d) {
  d.need({".sync"});
  const int mode = d.need({".all", ".any", ".uni", ".ballot"});
  const Type type = d.type();
  if (type != (mode == Ballot ? Type::B32 : Type::Pred))
    d.badType(type);
  if (!d.operands(3))
    return;
  bool negatedPredicate = false;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.predicate(1, negatedPredicate);
  d.inst.e = d.source(2, Type::B32);
  d.inst.flags =
      static_cast<uint32_t>(mode) | (negatedPredicate ? NegatedVote : 0u);
  setWarpOperation(d, voteInfo);
}

/// flags: 1 all (with a predicate as second result), 2 values of 64 bits.
void match(WarpGroup &group) {
  uint64_t values[warpSize] = {};
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    const uint64_t value = thread.reg(at.a);
    values[lane] = at.flags & 2 ? value : static_cast<uint32_t>(value);
  });
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    uint32_t same = 0;
    for (uint32_t other = 0; other < warpSize; ++other)
      if ((group.mask >> other & 1) && values[other] == values[lane])
        same |= uint32_t(1) << other;
    const bool all = same == group.mask;
    if (at.flags & 1) {
      thread.reg(at.d) = all ? group.mask : 0;
      thread.reg(secondResult(at)) = all;
    } else {
      thread.reg(at.d) = same;
    }
  });
}

constexpr WarpOperationInfo matchInfo{match, membersInE};

void decodeMatch(Decoder &d) {
  const bool all = d.need({".any", ".all"}) == 1;
  d.need({".sync"});
  const Type type = d.type();
  if (type != Type::B32 && type != Type::B64)
    d.badType(type);
  if (!d.operands(3))
    return;
  uint32_t second = 0;
  if (d.operand(0).kind == Operand::Kind::Pair && all) {
    d.inst.d = d.destination(d.operand(0).elements[0], Type::B32, true);
    second = d.destination(d.operand(0).elements[1], Type::Pred, true);
  } else {
    d.inst.d = d.destination(0, Type::B32);
    if (all)
      second = d.frame.scratch();
  }
  d.inst.flags = (all ? 1u : 0u) | (type == Type::B64 ? 2u : 0u) |
                 second << secondResultShift;
  d.inst.a = d.source(1, type);
  d.inst.e = d.source(2, Type::B32);
  setWarpOperation(d, matchInfo);
}

enum ReduceMode : uint32_t {
  ReduceAdd,
  ReduceMin,
  ReduceMax,
  ReduceAnd,
  ReduceOr,
  ReduceXor,
  ReduceSigned = 8
};

void reduce(WarpGroup &group) {
  bool first = true;
  uint32_t result = 0;
  forLanes(group, [&](uint32_t, Thread &thread, const Instruction &at) {
    const auto value = static_cast<uint32_t>(thread.reg(at.a));
    if (first) {
      result = value;
      first = false;
      return;
    }
    const bool less = at.flags & ReduceSigned ? static_cast<int32_t>(value) <
                                                    static_cast<int32_t>(result)
                                              : value < result;
    switch (at.flags & 7) {
    case ReduceAdd:
      result += value;
      break;
    case ReduceMin:
      result = less ? value : result;
      break;
    case ReduceMax:
      result = less ? result : value;
      break;
    case ReduceAnd:
      result &= value;
      break;
    case ReduceOr:
      result |= value;
      break;
    default:
      result ^= value;
      break;
    }
  });
  forLanes(group, [&](uint32_t, Thread &thread, const Instruction &at) {
    thread.reg(at.d) = result;
  });
}

constexpr WarpOperationInfo reduceInfo{reduce, membersInE};

void decodeRedux(Decoder &d) {
  d.need({".sync"});
  const int mode = d.need({".add", ".min", ".max", ".and", ".or", ".xor"});
  const Type type = d.type();
  const bool bitwise = mode >= int(ReduceAnd);
  if (bitwise ? type != Type::B32 : (type != Type::U32 && type != Type::S32))
    d.badType(type);
  if (!d.operands(3))
    return;
  d.inst.flags =
      static_cast<uint32_t>(mode) | (type == Type::S32 ? ReduceSigned : 0u);
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.e = d.source(2, Type::B32);
  setWarpOperation(d, reduceInfo);
}

void elect(WarpGroup &group) {
  const auto leader = static_cast<uint32_t>(std::countr_zero(group.mask));
  forLanes(group, [&](uint32_t lane, Thread &thread, const Instruction &at) {
    thread.reg(at.d) = leader;
    thread.reg(secondResult(at)) = lane == leader;
  });
}

constexpr WarpOperationInfo electInfo{elect, membersInE};

void decodeElect(Decoder &d) {
  d.need({".sync"});
  if (!d.operands(2))
    return;
  if (d.operand(0).kind != Operand::Kind::Pair) {
    d.fail("two results d|p are needed", PtxErrorKind::Syntax);
    return;
  }
  d.inst.d = d.destination(d.operand(0).elements[0], Type::B32, true);
  d.inst.flags = d.destination(d.operand(0).elements[1], Type::Pred, true)
                 << secondResultShift;
  d.inst.e = d.source(1, Type::B32);
  setWarpOperation(d, electInfo);
}

//===----------------------------------------------------------------------===//
// activemask, bar.warp.sync
//===----------------------------------------------------------------------===//

void activeMask(WarpGroup &group) {
  forLanes(group, [&](uint32_t, Thread &thread, const Instruction &at) {
    thread.reg(at.d) = group.mask;
  });
}

constexpr WarpOperationInfo activeMaskInfo{activeMask, nullptr};

void decodeActivemask(Decoder &d) {
  const Type type = d.type();
  if (type != Type::B32)
    d.badType(type);
  if (!d.operands(1))
    return;
  d.inst.d = d.destination(0, type);
  setWarpOperation(d, activeMaskInfo);
}

/// Arriving together is all there is to do.
void synchronize(WarpGroup &) {}

constexpr WarpOperationInfo synchronizeInfo{synchronize, membersInE};

constexpr Opcode table[] = {
    {"shfl", "shfl.sync.{up,down,bfly,idx}.b32 d{|p}, a, b, c, members",
     decodeShfl},
    {"vote",
     "vote.sync.{all,any,uni}.pred d, {!}a, members, vote.sync.ballot.b32",
     decodeVote},
    {"match",
     "match.any.sync.{b32,b64} d, a, members, "
     "match.all.sync.{b32,b64} d{|p}, a, members",
     decodeMatch},
    {"redux", "redux.sync.{add,min,max}.{u32,s32}, redux.sync.{and,or,xor}.b32",
     decodeRedux},
    {"elect", "elect.sync d|p, members", decodeElect},
    {"activemask", "activemask.b32 d", decodeActivemask},
};

} // namespace

void decodeWarpBarrier(Decoder &d) {
  d.need({".sync"});
  if (!d.operands(1))
    return;
  d.inst.e = d.source(0, Type::B32);
  setWarpOperation(d, synchronizeInfo);
}

std::span<const Opcode> warpOpcodes() { return table; }

} // namespace qcrt::ptxsim
