// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a parsed module consists of: types, state spaces, variables, functions,
// first as the text has them (Operand, Statement), then decoded (Instruction).
//
// Address map of the simulated device. A generic address carries its state
// space in bits 56..63: 0 global and const, 1 shared, 2 local, 4 kernel
// parameters, 5 code. Within global, bits 38..54 number the window of a region
// and bit 55 tells the module's own variables from registered memory. Shared,
// local and parameter addresses are offsets that start at `firstOffset`, so a
// null pointer is invalid in each of them.
#ifndef QCRT_PTXSIM_PROGRAM_H
#define QCRT_PTXSIM_PROGRAM_H

#include "qcrt/ptx_sim.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace qcrt::ptxsim {

inline constexpr unsigned windowBits = 38;
inline constexpr uint64_t windowStart = uint64_t(1) << 37;
inline constexpr uint64_t maximalRegionBytes = uint64_t(1) << 36;
inline constexpr uint64_t moduleWindowBit = uint64_t(1) << 55;
inline constexpr uint64_t maximalWindows = uint64_t(1) << 17;
inline constexpr unsigned spaceShift = 56;
inline constexpr uint64_t sharedTag = uint64_t(1) << spaceShift;
inline constexpr uint64_t localTag = uint64_t(2) << spaceShift;
inline constexpr uint64_t parameterTag = uint64_t(4) << spaceShift;
inline constexpr uint64_t codeTag = uint64_t(5) << spaceShift;
inline constexpr uint64_t firstOffset = 1024;
/// Frames start at multiples of this, which bounds the alignment of variables.
inline constexpr uint64_t frameAlignment = 128;
/// Dynamic shared memory has addresses of its own, so that running over the
/// end of a static array is seen.
inline constexpr uint64_t dynamicSharedOffset = uint64_t(1) << 20;
inline constexpr uint64_t maximalStaticSharedBytes = 48 * 1024;
inline constexpr uint64_t maximalSharedBytes = 227 * 1024;
inline constexpr uint64_t maximalConstBytes = 64 * 1024;
inline constexpr uint64_t maximalModuleBytes = uint64_t(1) << 28;
inline constexpr uint64_t maximalParameterBytes = 32764;
inline constexpr uint32_t maximalRegisters = 1 << 18;
inline constexpr uint64_t maximalLocalBytes = 512 * 1024;
inline constexpr unsigned warpSize = 32;

enum class Type : uint8_t {
  None,
  Pred,
  B8,
  B16,
  B32,
  B64,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  BF16,
  F32,
  F64,
  F16x2,
  BF16x2,
  U16x2,
  S16x2,
  TF32,
  E4M3,
  E5M2,
  E4M3x2,
  E5M2x2,
};

/// The type a word such as ".f32" names; None for any other word.
Type typeOfWord(std::string_view word);
/// Name with the leading dot.
std::string_view nameOf(Type type);
/// Bits of a value; a predicate has 1.
unsigned bitsOf(Type type);
bool isSigned(Type type);
/// Signed, unsigned or untyped integer of one element.
bool isInteger(Type type);
bool isFloat(Type type);

enum class Space : uint8_t { Generic, Global, Const, Shared, Local, Param };

std::string_view nameOf(Space space);

/// Special registers, in the order of their names in Parser.cpp.
enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NWarpId,
  SmId,
  NSmId,
  GridId,
  LanemaskEq,
  LanemaskLt,
  LanemaskLe,
  LanemaskGt,
  LanemaskGe,
  DynamicSmemSize,
  TotalSmemSize,
  Clock,
  ClockHi,
  Clock64,
  GlobalTimer,
  GlobalTimerLo,
  GlobalTimerHi,
  Zero, ///< always 0, for instance %cluster_ctaid.x
  One,  ///< always 1, for instance %cluster_nctaid.x
  /// Local address of the running function's frame; no name in PTX.
  Frame,
};

struct SpecialName {
  std::string_view name;
  Special special;
  Type type;
};
/// The special register of that name, or null.
const SpecialName *findSpecial(std::string_view name);
/// True if the value changes while a thread runs.
bool isVolatile(Special special);

struct Function;

/// A named object in memory: global, const, shared, local or parameter.
struct Variable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::B8;
  uint64_t size = 0;
  uint64_t alignment = 1;
  unsigned line = 0;
  /// Where it lies: absolute address for global and const, shared address,
  /// offset in the frame for local and function parameters, address for kernel
  /// parameters.
  uint64_t address = 0;
  bool inFrame = false;
  bool dynamicShared = false;
  bool external = false;
};

/// A word of an initializer that holds an address, patched after all
/// variables have theirs.
struct Relocation {
  uint32_t variable = 0; ///< index in Program::variables
  uint64_t offset = 0;   ///< of the patched bytes
  unsigned bytes = 8;    ///< how many are patched
  unsigned shift = 0;    ///< bits of the address that are skipped
  bool generic = false;  ///< the generic address is meant
  int64_t addend = 0;
  std::string symbol;
  unsigned line = 0;
};

/// An operand as written.
struct Operand {
  enum class Kind : uint8_t {
    Register,
    Special,
    Integer,
    Single,
    Double,
    Symbol,  ///< variable, function or label, plus offset
    Address, ///< elements[0] in brackets, plus offset
    Vector,  ///< elements in braces
    Pair,    ///< elements[0] | elements[1]
    Group,   ///< elements in parentheses, of a call
    Sink,    ///< _
  };
  Kind kind = Kind::Sink;
  bool negated = false;   ///< !p
  uint32_t slot = 0;      ///< Register
  Type type = Type::None; ///< of Register and Special
  Special special = Special::Zero;
  uint64_t value = 0; ///< Integer and float bits
  int64_t offset = 0;
  std::string_view name; ///< Symbol
  std::vector<Operand> elements;
};

/// An instruction as written.
struct Statement {
  unsigned line = 0;
  std::string_view text;
  std::string_view opcode;                 ///< "ld"
  std::vector<std::string_view> modifiers; ///< ".global", ".v4", ".b32"
  std::vector<Operand> operands;
  uint32_t scope = 0; ///< innermost scope, for labels and variables
  bool guarded = false;
  bool guardNegated = false;
  uint32_t guard = 0;
};

struct Thread;
struct Instruction;
/// Executes one instruction; returns the next one, or null when the thread
/// stops (it ended, waits or failed: Thread::stop says which).
using Handler = const Instruction *(*)(Thread &, const Instruction *);

/// A decoded instruction. Operands are slots of the register frame: constants
/// and special registers have slots too, so handlers need not tell them apart.
struct Instruction {
  Handler run = nullptr;
  uint32_t d = 0;
  uint32_t a = 0;
  uint32_t b = 0;
  uint32_t c = 0;
  uint32_t e = 0;     ///< fourth source, or an index in Function::lists
  uint32_t flags = 0; ///< meaning is the handler's
  uint64_t imm = 0;   ///< offset, jump distance or mask
};

/// One value handed over by a call: a frame variable or a register slot.
struct CallValue {
  bool inRegister = false;
  uint32_t slot = 0;
  uint64_t offset = 0; ///< in the caller's frame
  uint64_t size = 0;
};

struct CallSite {
  int64_t callee = -1; ///< index in Program::functions, or -1 if in a register
  std::vector<CallValue> arguments;
  std::vector<CallValue> results;
};

struct Function {
  std::string name;
  bool isEntry = false;
  bool defined = false;
  unsigned line = 0;
  std::vector<Variable> parameters;
  std::vector<Variable> results;
  uint64_t parameterBytes = 0; ///< entries: size of the parameter block
  uint64_t frameBytes = 0;
  uint64_t sharedBytes = 0; ///< entries: end of static shared memory
  uint32_t requiredBlock[3] = {0, 0, 0}; ///< .reqntid
  uint32_t maximalBlock[3] = {0, 0, 0};  ///< .maxntid
  uint32_t registers = 0;

  // Parsed form.
  struct Scope {
    uint32_t parent = 0;
    std::map<std::string_view, uint32_t> labels; ///< index of statement
    std::map<std::string, Variable, std::less<>> variables;
    std::map<std::string_view, std::vector<std::string_view>> branchTargets;
  };
  std::vector<Scope> scopes;
  std::vector<Statement> statements;

  // Decoded form. Slots are [registers][extra slots].
  std::vector<Instruction> code;
  std::vector<uint32_t> statementOf; ///< per instruction
  std::vector<uint32_t> lists;
  std::vector<CallSite> calls;
  std::vector<uint64_t> extra; ///< initial values of the extra slots
  std::vector<std::pair<uint32_t, Special>> specials; ///< slot, what
  std::vector<uint32_t> callees;
  bool callsIndirectly = false;
  /// Needs all threads of the block alive at once (barriers, warp operations,
  /// atomics that other threads may be waiting for).
  bool cooperative = false;

  uint32_t slots() const {
    return registers + static_cast<uint32_t>(extra.size());
  }
};

/// A region of memory, as the executor sees it.
struct Region {
  uint64_t base = 0;
  uint64_t size = 0;
  uint8_t *host = nullptr;
  bool writable = false;
  bool isConst = false;
};

struct Program {
  std::string text;
  std::string fileName;
  std::vector<Variable> variables;
  std::vector<Relocation> relocations;
  std::map<std::string, uint32_t, std::less<>> variableIndex;
  std::vector<std::unique_ptr<Function>> functions;
  std::map<std::string, uint32_t, std::less<>> functionIndex;
  uint64_t moduleSharedBytes = 0;
  /// Module windows: index = window number; storage of the variables.
  std::vector<Region> regions;
  std::vector<uint32_t> regionVariable; ///< per window, index in variables
  std::vector<std::unique_ptr<uint8_t[]>> storage; ///< per window

  PtxError error(PtxErrorKind kind, unsigned line, std::string_view text,
                 std::string message) const;
};

} // namespace qcrt::ptxsim

#endif // QCRT_PTXSIM_PROGRAM_H
