// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads, stores, atomics, asynchronous copies and what belongs to them (PTX ISA
// 8.8, sections 9.7.9 and 9.7.13). Cache and eviction hints change nothing
// here. Memory order: blocks may run on several host threads, so atomics use
// the host's atomics, and fences its fences.
#include "Decoder.h"

#include <atomic>

namespace qcrt::ptxsim {
namespace {

//===----------------------------------------------------------------------===//
// ld and st
//===----------------------------------------------------------------------===//

/// Instruction::flags: bits of the destination register; ordered accesses add
/// a fence.
enum AccessFlags : uint32_t { WidthMask = 127, Ordered = 128 };

uint64_t maskOf(uint32_t bits) {
  return bits >= 64 ? UINT64_MAX : (uint64_t(1) << bits) - 1;
}

/// Reads a T and extends it over the destination register.
template <class T> uint64_t readElement(const uint8_t *from, uint32_t flags) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  if constexpr (std::is_signed_v<T>)
    return static_cast<uint64_t>(int64_t(value)) & maskOf(flags & WidthMask);
  else
    return value;
}

template <Space space, class T>
const Instruction *runLoad(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + at->imm;
  const uint8_t *from =
      find<space, false>(thread, address, sizeof(T), sizeof(T));
  if (!from) [[unlikely]] {
    faultAccess(thread, at, space, address, sizeof(T), false);
    return nullptr;
  }
  thread.reg(at->d) = readElement<T>(from, at->flags);
  return at + 1;
}

/// e: list of destinations, c: their number.
template <Space space, class T>
const Instruction *runLoadVector(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + at->imm;
  const uint64_t size = sizeof(T) * at->c;
  const uint8_t *from = find<space, false>(thread, address, size, size);
  if (!from) [[unlikely]] {
    faultAccess(thread, at, space, address, size, false);
    return nullptr;
  }
  const uint32_t *slots = thread.function->lists.data() + at->e;
  for (uint32_t i = 0; i < at->c; ++i)
    thread.reg(slots[i]) = readElement<T>(from + i * sizeof(T), at->flags);
  return at + 1;
}

template <Space space, class T>
const Instruction *runStore(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + at->imm;
  uint8_t *to = find<space, true>(thread, address, sizeof(T), sizeof(T));
  if (!to) [[unlikely]] {
    faultAccess(thread, at, space, address, sizeof(T), true);
    return nullptr;
  }
  const T value = static_cast<T>(thread.reg(at->b));
  std::memcpy(to, &value, sizeof(T));
  return at + 1;
}

template <Space space, class T>
const Instruction *runStoreVector(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + at->imm;
  const uint64_t size = sizeof(T) * at->c;
  uint8_t *to = find<space, true>(thread, address, size, size);
  if (!to) [[unlikely]] {
    faultAccess(thread, at, space, address, size, true);
    return nullptr;
  }
  const uint32_t *slots = thread.function->lists.data() + at->e;
  for (uint32_t i = 0; i < at->c; ++i) {
    const T value = static_cast<T>(thread.reg(slots[i]));
    std::memcpy(to + i * sizeof(T), &value, sizeof(T));
  }
  return at + 1;
}

const Instruction *runFence(Thread &, const Instruction *at) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return at + 1;
}

/// Picks by size, and signedness where it matters.
template <class Use> Handler forElement(Type type, Use use) {
  switch (type) {
  case Type::S8:
    return use(Tag<int8_t>());
  case Type::S16:
    return use(Tag<int16_t>());
  case Type::S32:
    return use(Tag<int32_t>());
  default:
    break;
  }
  switch (bitsOf(type)) {
  case 8:
    return use(Tag<uint8_t>());
  case 16:
    return use(Tag<uint16_t>());
  case 32:
    return use(Tag<uint32_t>());
  default:
    return use(Tag<uint64_t>());
  }
}

/// Calls use with the space as a constant.
template <class Use> Handler forSpace(Space space, Use use) {
  return withSpace(space, [&](auto tag) -> Handler { return use(tag); });
}

/// Order, scope and cache modifiers. True if the access is more than weak.
bool decodeAccessModifiers(Decoder &d) {
  bool ordered = false;
  for (std::string_view order :
       {".volatile", ".relaxed", ".acquire", ".release", ".mmio"})
    ordered = d.has(order) || ordered;
  d.ignore({".weak", ".cta", ".cluster", ".gpu", ".sys", ".nc", ".ca", ".cg",
            ".cs", ".lu", ".cv", ".wb", ".wt", ".unified"});
  d.ignorePrefix(".L1::");
  d.ignorePrefix(".L2::");
  if (ordered)
    d.function.cooperative = true; // somebody may be waiting for it
  return ordered;
}

/// The space that an access really goes to: a named variable must lie in the
/// one that is written.
Space resolveSpace(Decoder &d, Space space, const AddressOperand &address) {
  if (!address.named)
    return space;
  const bool frame = space == Space::Param && address.space == Space::Local;
  if (frame || address.space == space)
    return address.space;
  if (space == Space::Generic &&
      (address.space == Space::Global || address.space == Space::Const))
    return space;
  d.fail("the variable is in space '" + std::string(nameOf(address.space)) +
             "'",
         PtxErrorKind::Syntax);
  return space;
}

void decodeAccess(Decoder &d, bool isLoad) {
  const bool ordered = decodeAccessModifiers(d);
  Space space = d.space();
  uint32_t lanes = 1;
  switch (d.oneOf({".v2", ".v4", ".v8"})) {
  case 0:
    lanes = 2;
    break;
  case 1:
    lanes = 4;
    break;
  case 2:
    lanes = 8;
    break;
  default:
    break;
  }
  const Type type = d.type();
  if (type == Type::Pred || bitsOf(type) == 0 || bitsOf(type) > 64)
    d.badType(type);
  if (lanes * bitsOf(type) > 256)
    d.fail("a vector has at most 32 bytes");
  if (!d.operands(2) || d.failed())
    return;
  const AddressOperand address = d.address(isLoad ? 1 : 0);
  space = resolveSpace(d, space, address);
  if (!isLoad && space == Space::Const)
    d.fail("constant memory cannot be written", PtxErrorKind::Syntax);
  if (!isLoad && space == Space::Param)
    d.fail("parameters of a kernel cannot be written", PtxErrorKind::Syntax);
  d.inst.a = address.base;
  d.inst.imm = address.offset;
  const Operand &data = d.operand(isLoad ? 0 : 1);
  if (lanes == 1) {
    if (isLoad) {
      d.inst.d = d.destination(data, type, true);
      d.inst.flags = d.registerBits(data, type);
      d.inst.run = forSpace(space, [&](auto tag) -> Handler {
        return forElement(type, [&](auto element) -> Handler {
          return runLoad<tag(), typename decltype(element)::type>;
        });
      });
    } else {
      d.inst.b = d.source(data, type, true);
      d.inst.run = forSpace(space, [&](auto tag) -> Handler {
        return forElement(type, [&](auto element) -> Handler {
          return runStore<
              tag(), std::make_unsigned_t<typename decltype(element)::type>>;
        });
      });
    }
  } else {
    if (data.kind != Operand::Kind::Vector || data.elements.size() != lanes) {
      d.fail("expected " + std::to_string(lanes) + " registers in braces",
             PtxErrorKind::Syntax);
      return;
    }
    std::vector<uint32_t> slots;
    for (const Operand &element : data.elements) {
      slots.push_back(isLoad ? d.destination(element, type, true)
                             : d.source(element, type, true));
      if (element.kind != Operand::Kind::Sink)
        d.inst.flags = d.registerBits(element, type);
    }
    d.inst.e = d.list(slots);
    d.inst.c = lanes;
    d.inst.run = forSpace(space, [&](auto tag) -> Handler {
      return forElement(type, [&](auto element) -> Handler {
        using T = typename decltype(element)::type;
        if (isLoad)
          return runLoadVector<tag(), T>;
        return runStoreVector<tag(), std::make_unsigned_t<T>>;
      });
    });
  }
  if (ordered) {
    // The fence comes first; the access itself is the last instruction, which
    // is the one that the caller adds.
    Instruction fence;
    fence.run = runFence;
    d.emit(fence);
  }
}

void decodeLd(Decoder &d) { decodeAccess(d, true); }
void decodeSt(Decoder &d) { decodeAccess(d, false); }

//===----------------------------------------------------------------------===//
// atom and red
//===----------------------------------------------------------------------===//

enum class Atomic : uint8_t {
  And,
  Or,
  Xor,
  Exchange,
  CompareSwap,
  Add,
  Increment,
  Decrement,
  Min,
  Max,
};

/// Instruction::flags of atom: operation, then the address space.
constexpr uint32_t atomicOperationMask = 15;
constexpr uint32_t atomicSpaceShift = 8;

template <class T>
T applyAtomic(Atomic operation, T old, T b, T c, bool flush) {
  if constexpr (isReal<T>) {
    if (operation == Atomic::Add) {
      if (!flush)
        return addReal(old, b, Rounding::NearestEven);
      return flushSubnormal(addReal(flushSubnormal(old), flushSubnormal(b),
                                    Rounding::NearestEven));
    }
    if (operation == Atomic::Min || operation == Atomic::Max)
      return extremum(old, b, operation == Atomic::Max, false);
    return b;
  } else {
    using U = std::make_unsigned_t<T>;
    switch (operation) {
    case Atomic::And:
      return static_cast<T>(old & b);
    case Atomic::Or:
      return static_cast<T>(old | b);
    case Atomic::Xor:
      return static_cast<T>(old ^ b);
    case Atomic::Exchange:
      return b;
    case Atomic::CompareSwap:
      return old == b ? c : old;
    case Atomic::Add:
      return static_cast<T>(static_cast<U>(old) + static_cast<U>(b));
    case Atomic::Increment:
      return old >= b ? T(0) : static_cast<T>(old + 1);
    case Atomic::Decrement:
      return old == 0 || old > b ? b : static_cast<T>(old - 1);
    case Atomic::Min:
      return std::min(old, b);
    case Atomic::Max:
      return std::max(old, b);
    }
    return old;
  }
}

template <class T>
uint64_t updateAtomically(uint8_t *memory, const Instruction *at, uint64_t b,
                          uint64_t c, bool flush) {
  using Bits = BitsOf<T>;
  std::atomic_ref<Bits> cell(*reinterpret_cast<Bits *>(memory));
  const auto operation = static_cast<Atomic>(at->flags & atomicOperationMask);
  Bits old = cell.load();
  for (;;) {
    const T updated =
        applyAtomic(operation, load<T>(old), load<T>(b), load<T>(c), flush);
    if (cell.compare_exchange_weak(old, static_cast<Bits>(store(updated))))
      return old;
  }
}

/// Both halves of f16x2 and bf16x2, in one 32-bit update.
template <class T> uint64_t updatePairAtomically(uint8_t *memory, uint64_t b) {
  std::atomic_ref<uint32_t> cell(*reinterpret_cast<uint32_t *>(memory));
  uint32_t old = cell.load();
  for (;;) {
    uint32_t updated = 0;
    for (int shift = 0; shift < 32; shift += 16) {
      const T sum =
          addReal(T{static_cast<uint16_t>(old >> shift)},
                  T{static_cast<uint16_t>(b >> shift)}, Rounding::NearestEven);
      updated |= uint32_t(sum.bits) << shift;
    }
    if (cell.compare_exchange_weak(old, updated))
      return old;
  }
}

template <class T, bool pair>
const Instruction *runAtomic(Thread &thread, const Instruction *at) {
  const uint64_t address = thread.reg(at->a) + at->imm;
  const auto space = static_cast<Space>(at->flags >> atomicSpaceShift);
  constexpr uint64_t size = pair ? 4 : sizeof(T);
  uint8_t *memory = findIn(thread, space, true, address, size, size);
  if (!memory) {
    faultAccess(thread, at, space, address, size, true);
    return nullptr;
  }
  // f32 additions in global memory flush subnormals, those in shared memory
  // do not (PTX ISA 8.8, section 9.7.13.5).
  const bool inGlobal =
      space == Space::Global ||
      (space == Space::Generic && (address >> spaceShift) == 0);
  uint64_t old;
  if constexpr (pair)
    old = updatePairAtomically<T>(memory, thread.reg(at->b));
  else
    old = updateAtomically<T>(memory, at, thread.reg(at->b), thread.reg(at->c),
                              std::is_same_v<T, float> && inGlobal);
  thread.reg(at->d) = old;
  return at + 1;
}

bool atomicTypeExists(Atomic operation, Type type) {
  const bool bits = type == Type::B32 || type == Type::B64;
  switch (operation) {
  case Atomic::And:
  case Atomic::Or:
  case Atomic::Xor:
  case Atomic::Exchange:
    return bits;
  case Atomic::CompareSwap:
    return bits || type == Type::B16;
  case Atomic::Add:
    return type == Type::U32 || type == Type::S32 || type == Type::U64 ||
           type == Type::F16 || type == Type::F16x2 || type == Type::BF16 ||
           type == Type::BF16x2 || type == Type::F32 || type == Type::F64;
  case Atomic::Increment:
  case Atomic::Decrement:
    return type == Type::U32;
  case Atomic::Min:
  case Atomic::Max:
    return type == Type::U32 || type == Type::S32 || type == Type::U64 ||
           type == Type::S64;
  }
  return false;
}

void decodeAtomic(Decoder &d, bool reduction) {
  d.ignore({".relaxed", ".acquire", ".release", ".acq_rel", ".cta", ".cluster",
            ".gpu", ".sys", ".noftz"});
  const Space space = d.space();
  const auto operation =
      static_cast<Atomic>(d.need({".and", ".or", ".xor", ".exch", ".cas",
                                  ".add", ".inc", ".dec", ".min", ".max"}));
  const Type type = d.type();
  if (space != Space::Generic && space != Space::Global &&
      space != Space::Shared)
    d.fail("atomics work on global, shared and generic addresses");
  if (!atomicTypeExists(operation, type))
    d.badType(type);
  d.function.cooperative = true;
  const bool compare = operation == Atomic::CompareSwap;
  if (reduction && (compare || operation == Atomic::Exchange))
    d.fail("red has no exch and cas");
  const size_t first = reduction ? 0 : 1;
  if (!d.operands(first + (compare ? 3 : 2)) || d.failed())
    return;
  const AddressOperand address = d.address(first);
  resolveSpace(d, space, address);
  d.inst.a = address.base;
  d.inst.imm = address.offset;
  d.inst.b = d.source(first + 1, type);
  if (compare)
    d.inst.c = d.source(first + 2, type);
  d.inst.d =
      reduction ? d.frame.scratch() : d.destination(d.operand(0), type, true);
  d.inst.flags = static_cast<uint32_t>(operation) | static_cast<uint32_t>(space)
                                                        << atomicSpaceShift;
  if (type == Type::F16x2)
    d.inst.run = runAtomic<F16, true>;
  else if (type == Type::BF16x2)
    d.inst.run = runAtomic<BF16, true>;
  else if (isFloat(type))
    d.inst.run = forReal(d, type, [](auto tag) -> Handler {
      return runAtomic<typename decltype(tag)::type, false>;
    });
  else
    d.inst.run = forInteger(d, type, [](auto tag) -> Handler {
      return runAtomic<typename decltype(tag)::type, false>;
    });
}

void decodeAtom(Decoder &d) { decodeAtomic(d, false); }
void decodeRed(Decoder &d) {
  if (d.has(".async")) {
    d.fail("red.async is not supported");
    return;
  }
  decodeAtomic(d, true);
}

//===----------------------------------------------------------------------===//
// cp.async
//===----------------------------------------------------------------------===//

void applyCopies(Thread &thread, std::vector<PendingCopy> &copies) {
  for (const PendingCopy &copy : copies)
    if (uint8_t *to = find<Space::Shared, true>(thread, copy.sharedAddress,
                                                copy.bytes, copy.bytes))
      std::memcpy(to, copy.data, copy.bytes);
  copies.clear();
}

/// The data is read now and written when the thread waits for it, so a missing
/// wait is seen. flags: bytes, b: bytes read from the source.
const Instruction *runCopyAsync(Thread &thread, const Instruction *at) {
  const uint32_t bytes = at->flags;
  const uint64_t to = thread.reg(at->a) + at->imm;
  const uint64_t from = thread.reg(at->c);
  if (!find<Space::Shared, true>(thread, to, bytes, bytes)) {
    faultAccess(thread, at, Space::Shared, to, bytes, true);
    return nullptr;
  }
  const auto readBytes = static_cast<uint32_t>(thread.reg(at->b));
  if (readBytes > bytes)
    return thread.fail(at, PtxErrorKind::Trap,
                       "cp.async reads more bytes than it copies");
  PendingCopy copy;
  copy.sharedAddress = to;
  copy.bytes = bytes;
  if (readBytes != 0) {
    const uint8_t *source =
        find<Space::Global, false>(thread, from, readBytes, 1);
    if (!source || from % bytes != 0) {
      faultAccess(thread, at, Space::Global, from, bytes, false);
      return nullptr;
    }
    std::memcpy(copy.data, source, readBytes);
  }
  thread.openCopies.push_back(copy);
  return at + 1;
}

const Instruction *runCopyCommit(Thread &thread, const Instruction *at) {
  thread.committedCopies.push_back(std::move(thread.openCopies));
  thread.openCopies.clear();
  return at + 1;
}

/// flags: 1 waits for everything; imm: groups that may stay open.
const Instruction *runCopyWait(Thread &thread, const Instruction *at) {
  auto &groups = thread.committedCopies;
  const uint64_t keep = at->flags ? 0 : at->imm;
  size_t done = 0;
  while (groups.size() - done > keep)
    applyCopies(thread, groups[done++]);
  groups.erase(groups.begin(), groups.begin() + static_cast<long>(done));
  if (at->flags)
    applyCopies(thread, thread.openCopies);
  return at + 1;
}

void decodeCp(Decoder &d) {
  d.need({".async"});
  if (d.has(".commit_group")) {
    d.operands(0);
    d.inst.run = runCopyCommit;
    return;
  }
  if (d.has(".wait_all")) {
    d.operands(0);
    d.inst.flags = 1;
    d.inst.run = runCopyWait;
    return;
  }
  if (d.has(".wait_group")) {
    if (d.operands(1))
      d.inst.imm = d.immediate(0);
    d.inst.run = runCopyWait;
    return;
  }
  const bool bypass = d.need({".ca", ".cg"}) == 1;
  if (!d.has(".shared") && !d.has(".shared::cta"))
    d.fail("the destination must be .shared");
  d.need({".global"});
  d.ignorePrefix(".L2::");
  if (!d.operands(3, 4) || d.failed())
    return;
  const AddressOperand to = d.address(0);
  const AddressOperand from = d.address(1);
  resolveSpace(d, Space::Shared, to);
  resolveSpace(d, Space::Global, from);
  const uint64_t bytes = d.immediate(2);
  if (bytes != 16 && (bypass || (bytes != 4 && bytes != 8)))
    d.fail("cp.async copies 4, 8 or 16 bytes, .cg only 16");
  d.inst.a = to.base;
  d.inst.imm = to.offset;
  d.inst.flags = static_cast<uint32_t>(bytes);
  d.inst.b = d.count() == 4 ? d.source(3, Type::U32) : d.frame.constant(bytes);
  // The source address is computed by an instruction of its own, so that its
  // offset may have any size.
  Instruction add;
  add.run = [](Thread &thread, const Instruction *at) {
    thread.reg(at->d) = thread.reg(at->a) + at->imm;
    return at + 1;
  };
  add.d = d.frame.scratch();
  add.a = from.base;
  add.imm = from.offset;
  d.emit(add);
  d.inst.c = add.d;
  d.inst.run = runCopyAsync;
}

//===----------------------------------------------------------------------===//
// Hints, fences, dynamic local memory
//===----------------------------------------------------------------------===//

const Instruction *runNothing(Thread &, const Instruction *at) {
  return at + 1;
}

void decodeHint(Decoder &d) {
  for (std::string_view modifier : d.statement.modifiers)
    d.ignore({modifier});
  if (!d.operands(1, 2))
    return;
  d.address(0); // the address must be well-formed, nothing reads it
  d.inst.run = runNothing;
}

void decodeFence(Decoder &d) {
  for (std::string_view modifier : d.statement.modifiers)
    if (modifier == ".cta" || modifier == ".cluster" || modifier == ".gl" ||
        modifier == ".gpu" || modifier == ".sys" || modifier == ".sc" ||
        modifier == ".acq_rel" || modifier == ".acquire" ||
        modifier == ".release")
      d.ignore({modifier});
  d.operands(0);
  d.inst.run = runFence;
}

const Instruction *runAlloca(Thread &thread, const Instruction *at) {
  const uint64_t bytes = thread.reg(at->a);
  const uint64_t alignment = at->imm;
  const uint64_t start =
      (thread.localTop + alignment - 1) / alignment * alignment;
  if (bytes > maximalLocalBytes)
    return thread.fail(at, PtxErrorKind::Stack,
                       "alloca of " + std::to_string(bytes) + " bytes");
  if (!growLocal(thread, at, start + bytes))
    return nullptr;
  thread.reg(at->d) = firstOffset + start;
  return at + 1;
}

void decodeAlloca(Decoder &d) {
  const Type type = d.type();
  if (type != Type::U64)
    d.badType(type);
  if (!d.operands(2, 3))
    return;
  d.inst.run = runAlloca;
  d.inst.d = d.destination(0, type);
  d.inst.a = d.source(1, type);
  d.inst.imm = d.count() == 3 ? d.immediate(2) : 8;
  if (!std::has_single_bit(d.inst.imm) || d.inst.imm > frameAlignment)
    d.fail("the alignment must be a power of two up to " +
           std::to_string(frameAlignment));
}

const Instruction *runStackSave(Thread &thread, const Instruction *at) {
  thread.reg(at->d) = firstOffset + thread.localTop;
  return at + 1;
}

const Instruction *runStackRestore(Thread &thread, const Instruction *at) {
  const uint64_t top = thread.reg(at->a) - firstOffset;
  const uint64_t least = thread.localBase + thread.function->frameBytes;
  if (top > thread.localTop || top < least)
    return thread.fail(at, PtxErrorKind::Stack,
                       "stackrestore to a place that stacksave never gave");
  thread.localTop = top;
  return at + 1;
}

void decodeStackSave(Decoder &d) {
  const Type type = d.type();
  if (type != Type::U64)
    d.badType(type);
  if (d.operands(1))
    d.inst.d = d.destination(0, type);
  d.inst.run = runStackSave;
}

void decodeStackRestore(Decoder &d) {
  const Type type = d.type();
  if (type != Type::U64)
    d.badType(type);
  if (d.operands(1))
    d.inst.a = d.source(0, type);
  d.inst.run = runStackRestore;
}

constexpr Opcode table[] = {
    {"ld",
     "ld{.order}{.scope}{.space}{.cache hints}{.nc}{.v2,.v4,.v8}.type with "
     "types of 8 to 64 bits",
     decodeLd},
    {"ldu", "ldu{.global}{.v2,.v4}.type", decodeLd},
    {"st",
     "st{.order}{.scope}{.space}{.cache hints}{.v2,.v4,.v8}.type with types "
     "of 8 to 64 bits",
     decodeSt},
    {"atom",
     "atom{.order}{.scope}{.global,.shared}.{and,or,xor,exch}.{b32,b64}, "
     ".cas.{b16,b32,b64}, .add.{u32,s32,u64,f16,f16x2,bf16,bf16x2,f32,f64}, "
     ".{inc,dec}.u32, .{min,max}.{u32,s32,u64,s64}",
     decodeAtom},
    {"red", "red with the operations of atom except exch and cas", decodeRed},
    {"cp",
     "cp.async.{ca,cg}.shared.global [to], [from], bytes{, read}, "
     "cp.async.commit_group, cp.async.wait_group n, cp.async.wait_all",
     decodeCp},
    {"prefetch", "prefetch{.global,.local}.{L1,L2} [address]", decodeHint},
    {"prefetchu", "prefetchu.L1 [address]", decodeHint},
    {"discard", "discard{.global}.L2 [address], 128", decodeHint},
    {"applypriority", "applypriority{.global}.L2::evict_normal [address], 128",
     decodeHint},
    {"membar", "membar.{cta,gl,sys}", decodeFence},
    {"fence", "fence{.sc,.acq_rel,.acquire,.release}.{cta,cluster,gpu,sys}",
     decodeFence},
    {"alloca", "alloca.u64 d, bytes{, alignment}", decodeAlloca},
    {"stacksave", "stacksave.u64 d", decodeStackSave},
    {"stackrestore", "stackrestore.u64 a", decodeStackRestore},
};

} // namespace

std::span<const Opcode> memoryOpcodes() { return table; }

} // namespace qcrt::ptxsim
