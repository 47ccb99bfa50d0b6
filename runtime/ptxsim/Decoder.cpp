// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of decoding that all opcodes share: modifiers, operands, labels,
// guards, and the pass over functions.
#include "Decoder.h"

#include <algorithm>

namespace qcrt::ptxsim {

//===----------------------------------------------------------------------===//
// Frame
//===----------------------------------------------------------------------===//

uint32_t FrameBuilder::constant(uint64_t value) {
  auto [place, inserted] = constants.emplace(value, 0);
  if (inserted) {
    place->second = function.slots();
    function.extra.push_back(value);
  }
  return place->second;
}

uint32_t FrameBuilder::special(Special special) {
  auto [place, inserted] = specials.emplace(static_cast<uint8_t>(special), 0);
  if (inserted) {
    place->second = function.slots();
    function.specials.emplace_back(function.slots(), special);
    function.extra.push_back(0);
  }
  return place->second;
}

uint32_t FrameBuilder::scratch() {
  uint32_t slot = function.slots();
  function.extra.push_back(0);
  return slot;
}

//===----------------------------------------------------------------------===//
// Modifiers
//===----------------------------------------------------------------------===//

bool Decoder::has(std::string_view modifier) {
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i] && statement.modifiers[i] == modifier) {
      used[i] = true;
      return true;
    }
  return false;
}

int Decoder::oneOf(std::initializer_list<std::string_view> modifiers) {
  int index = 0;
  for (std::string_view modifier : modifiers) {
    if (has(modifier))
      return index;
    ++index;
  }
  return -1;
}

int Decoder::need(std::initializer_list<std::string_view> modifiers) {
  int index = oneOf(modifiers);
  if (index < 0) {
    std::string names;
    for (std::string_view modifier : modifiers)
      names += (names.empty() ? "" : ", ") + std::string(modifier);
    fail("expected one of " + names);
    return 0;
  }
  return index;
}

void Decoder::ignore(std::initializer_list<std::string_view> modifiers) {
  for (std::string_view modifier : modifiers)
    has(modifier);
}

void Decoder::ignorePrefix(std::string_view prefix) {
  for (size_t i = 0; i < used.size(); ++i)
    if (statement.modifiers[i].substr(0, prefix.size()) == prefix)
      used[i] = true;
}

Type Decoder::optionalType() {
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i])
      continue;
    Type type = typeOfWord(statement.modifiers[i]);
    if (type != Type::None) {
      used[i] = true;
      return type;
    }
  }
  return Type::None;
}

Type Decoder::type() {
  Type result = optionalType();
  if (result == Type::None)
    fail("expected a type");
  return result;
}

Rounding Decoder::rounding() {
  switch (oneOf({".rn", ".rz", ".rm", ".rp"})) {
  case 1:
    return Rounding::Zero;
  case 2:
    return Rounding::Down;
  case 3:
    return Rounding::Up;
  default:
    return Rounding::NearestEven;
  }
}

Space Decoder::space() {
  if (has(".global"))
    return Space::Global;
  if (has(".shared") || has(".shared::cta"))
    return Space::Shared;
  if (has(".local"))
    return Space::Local;
  if (has(".const"))
    return Space::Const;
  if (has(".param") || has(".param::entry") || has(".param::func"))
    return Space::Param;
  return Space::Generic;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

bool Decoder::operands(size_t least, size_t most) {
  if (count() >= least && count() <= most)
    return true;
  std::string expected = std::to_string(least);
  if (most != least)
    expected += " to " + std::to_string(most);
  return fail("expected " + expected + " operands but found " +
                  std::to_string(count()),
              PtxErrorKind::Syntax);
}

const Operand &Decoder::operand(size_t index) const {
  static const Operand missing;
  return index < count() ? statement.operands[index] : missing;
}

unsigned Decoder::registerBits(const Operand &operand, Type type) const {
  if (operand.kind == Operand::Kind::Register)
    return std::max(bitsOf(operand.type), bitsOf(type));
  return std::max(bitsOf(type), 16u);
}

uint32_t Decoder::source(const Operand &operand, Type type, bool wide) {
  const unsigned bits = bitsOf(type);
  const uint64_t mask = bits >= 64 ? UINT64_MAX : (uint64_t(1) << bits) - 1;
  if (operand.negated) {
    fail("'!' is not accepted here", PtxErrorKind::Syntax);
    return 0;
  }
  switch (operand.kind) {
  case Operand::Kind::Register:
  case Operand::Kind::Special: {
    const unsigned found = bitsOf(operand.type);
    const bool predicates =
        (type == Type::Pred) == (operand.type == Type::Pred);
    if (!predicates || (wide ? found < bits : found != bits)) {
      fail("operand of type " + std::string(nameOf(operand.type)) + " where " +
               std::string(nameOf(type)) + " is needed",
           PtxErrorKind::Syntax);
      return 0;
    }
    if (operand.kind == Operand::Kind::Register)
      return operand.slot;
    if (!isVolatile(operand.special))
      return frame.special(operand.special);
    fail("this special register can only be read by mov");
    return 0;
  }
  case Operand::Kind::Integer:
    if (type == Type::F32 || type == Type::F64) {
      fail("an integer is no constant of type " + std::string(nameOf(type)),
           PtxErrorKind::Syntax);
      return 0;
    }
    return frame.constant(operand.value & mask);
  case Operand::Kind::Single:
    if (type == Type::F64)
      return frame.constant(std::bit_cast<uint64_t>(static_cast<double>(
          std::bit_cast<float>(static_cast<uint32_t>(operand.value)))));
    if (bits != 32 || type == Type::F16x2 || type == Type::BF16x2) {
      fail("an f32 constant cannot be used as " + std::string(nameOf(type)),
           PtxErrorKind::Syntax);
      return 0;
    }
    return frame.constant(operand.value);
  case Operand::Kind::Double:
    if (type == Type::F32)
      return frame.constant(std::bit_cast<uint32_t>(
          static_cast<float>(std::bit_cast<double>(operand.value))));
    if (bits != 64) {
      fail("an f64 constant cannot be used as " + std::string(nameOf(type)),
           PtxErrorKind::Syntax);
      return 0;
    }
    return frame.constant(operand.value);
  case Operand::Kind::Symbol: {
    if (bits < 32 || type == Type::F32 || type == Type::F64) {
      fail("an address needs an integer operand of 32 or 64 bits",
           PtxErrorKind::Syntax);
      return 0;
    }
    AddressOperand place = symbolAddress(operand);
    if (failed())
      return 0;
    if (place.base == frame.constant(0))
      return frame.constant(place.offset & mask);
    fail("the address of '" + std::string(operand.name) +
         "' can only be taken by mov");
    return 0;
  }
  case Operand::Kind::Sink:
  case Operand::Kind::Address:
  case Operand::Kind::Vector:
  case Operand::Kind::Pair:
  case Operand::Kind::Group:
    break;
  }
  fail("expected a register or constant of type " + std::string(nameOf(type)),
       PtxErrorKind::Syntax);
  return 0;
}

uint32_t Decoder::destination(const Operand &operand, Type type, bool wide) {
  // The result goes nowhere: '_' in a list.
  if (operand.kind == Operand::Kind::Sink && wide)
    return frame.scratch();
  const unsigned found = bitsOf(operand.type);
  const unsigned bits = bitsOf(type);
  const bool predicates = (type == Type::Pred) == (operand.type == Type::Pred);
  if (operand.kind == Operand::Kind::Register && !operand.negated &&
      predicates && (wide ? found >= bits : found == bits))
    return operand.slot;
  fail("expected a register of type " + std::string(nameOf(type)) +
           " to write to",
       PtxErrorKind::Syntax);
  return 0;
}

uint32_t Decoder::predicate(size_t index, bool &negated) {
  Operand plain = operand(index);
  negated = plain.negated;
  plain.negated = false;
  return source(plain, Type::Pred, false);
}

uint64_t Decoder::immediate(size_t index) {
  const Operand &found = operand(index);
  if (found.kind == Operand::Kind::Integer && !found.negated)
    return found.value;
  fail("operand " + std::to_string(index + 1) + " must be a constant");
  return 0;
}

const Variable *Decoder::variable(std::string_view name) const {
  for (uint32_t scope = statement.scope;;) {
    const auto &variables = function.scopes[scope].variables;
    auto place = variables.find(name);
    if (place != variables.end())
      return &place->second;
    if (scope == 0)
      break;
    scope = function.scopes[scope].parent;
  }
  auto place = program.variableIndex.find(name);
  return place == program.variableIndex.end()
             ? nullptr
             : &program.variables[place->second];
}

AddressOperand Decoder::symbolAddress(const Operand &operand) {
  AddressOperand result;
  result.base = frame.constant(0);
  result.named = true;
  const Variable *variable = this->variable(operand.name);
  if (variable) {
    if (variable->external && !variable->dynamicShared) {
      fail("'" + std::string(operand.name) +
           "' is external; only variables of this module are supported");
      return result;
    }
    result.space = variable->space;
    result.offset = variable->address + static_cast<uint64_t>(operand.offset);
    if (variable->inFrame) {
      result.base = frame.special(Special::Frame);
      result.space = Space::Local;
    }
    return result;
  }
  auto place = program.functionIndex.find(operand.name);
  if (place != program.functionIndex.end()) {
    result.offset = codeTag | place->second;
    return result;
  }
  fail("'" + std::string(operand.name) + "' is not declared",
       PtxErrorKind::Syntax);
  return result;
}

AddressOperand Decoder::address(size_t index) {
  AddressOperand result;
  const Operand &found = operand(index);
  if (found.kind != Operand::Kind::Address || found.negated) {
    fail("operand " + std::to_string(index + 1) +
             " must be an address in brackets",
         PtxErrorKind::Syntax);
    return result;
  }
  const Operand &inner = found.elements[0];
  if (inner.kind == Operand::Kind::Symbol) {
    result = symbolAddress(inner);
    result.offset += static_cast<uint64_t>(found.offset);
    return result;
  }
  if (inner.kind == Operand::Kind::Integer) {
    result.base = frame.constant(0);
    result.offset = inner.value + static_cast<uint64_t>(found.offset);
    return result;
  }
  // 32-bit addresses are enough for shared, local and const.
  const bool narrow =
      inner.kind == Operand::Kind::Register && bitsOf(inner.type) == 32;
  result.base = source(inner, narrow ? Type::U32 : Type::U64, false);
  result.offset = static_cast<uint64_t>(found.offset);
  return result;
}

bool Decoder::label(std::string_view name, uint32_t &place) {
  for (uint32_t scope = statement.scope;;) {
    const auto &labels = function.scopes[scope].labels;
    auto found = labels.find(name);
    if (found != labels.end()) {
      place = found->second;
      return true;
    }
    if (scope == 0)
      break;
    scope = function.scopes[scope].parent;
  }
  return fail("label '" + std::string(name) + "' is not declared here",
              PtxErrorKind::Syntax);
}

const Function::Scope *Decoder::scopeOf(std::string_view branchTargets) {
  for (uint32_t scope = statement.scope;;) {
    const Function::Scope &candidate = function.scopes[scope];
    if (candidate.branchTargets.count(branchTargets))
      return &candidate;
    if (scope == 0)
      return nullptr;
    scope = candidate.parent;
  }
}

uint32_t Decoder::list(const std::vector<uint32_t> &slots) {
  auto start = static_cast<uint32_t>(function.lists.size());
  function.lists.insert(function.lists.end(), slots.begin(), slots.end());
  return start;
}

//===----------------------------------------------------------------------===//
// Result
//===----------------------------------------------------------------------===//

bool Decoder::fail(std::string message, PtxErrorKind kind) {
  if (!failure) {
    if (kind == PtxErrorKind::Unsupported && !forms.empty())
      message += "; accepted: " + std::string(forms);
    failure =
        program.error(kind, statement.line, statement.text, std::move(message));
  }
  return false;
}

bool Decoder::badType(Type type) {
  return fail("type " + std::string(nameOf(type)) + " is not supported for '" +
              std::string(statement.opcode) + "'");
}

void Decoder::emit(const Instruction &instruction) {
  function.code.push_back(instruction);
  function.statementOf.push_back(
      static_cast<uint32_t>(&statement - function.statements.data()));
}

bool Decoder::finish() {
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      return fail("modifier '" + std::string(statement.modifiers[i]) +
                  "' is not supported here");
  return !failed();
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

namespace {

/// Jumps over the next instruction unless the predicate has the value asked
/// for.
const Instruction *runGuard(Thread &thread, const Instruction *at) {
  const bool go = (thread.reg(at->a) & 1) == at->flags;
  return at + (go ? 1 : at->imm);
}

/// The text of a function ended without ret: the thread ends, as on hardware.
const Instruction *runEnd(Thread &thread, const Instruction *at) {
  return leaveFunction(thread, at);
}

const Instruction *runBranch(Thread &, const Instruction *at) {
  return at + static_cast<int64_t>(at->imm);
}

const Instruction *runConditionalBranch(Thread &thread, const Instruction *at) {
  const bool go = (thread.reg(at->a) & 1) == at->flags;
  return at + (go ? static_cast<int64_t>(at->imm) : 1);
}

const Instruction *runTableBranch(Thread &thread, const Instruction *at) {
  const auto index = static_cast<uint32_t>(thread.reg(at->a));
  if (index >= at->imm)
    return thread.fail(at, PtxErrorKind::Trap,
                       "brx.idx with index " + std::to_string(index) +
                           " of a table with " + std::to_string(at->imm) +
                           " labels");
  return thread.function->code.data() + thread.function->lists[at->e + index];
}

void decodeBra(Decoder &d) {
  d.ignore({".uni"});
  uint32_t place = 0;
  if (!d.operands(1))
    return;
  if (d.operand(0).kind != Operand::Kind::Symbol) {
    d.fail("bra needs a label", PtxErrorKind::Syntax);
    return;
  }
  d.label(d.operand(0).name, place);
  d.inst.run = runBranch;
  d.inst.imm = place;
}

void decodeBrx(Decoder &d) {
  d.need({".idx"});
  d.ignore({".uni"});
  if (!d.operands(2))
    return;
  d.inst.a = d.source(0, Type::U32);
  const Function::Scope *scope = nullptr;
  if (d.operand(1).kind == Operand::Kind::Symbol)
    scope = d.scopeOf(d.operand(1).name);
  if (!scope) {
    d.fail("brx.idx needs a list made by .branchtargets", PtxErrorKind::Syntax);
    return;
  }
  std::vector<uint32_t> places;
  for (std::string_view target : scope->branchTargets.at(d.operand(1).name)) {
    uint32_t place = 0;
    d.label(target, place);
    places.push_back(place);
  }
  d.inst.run = runTableBranch;
  d.inst.imm = places.size();
  d.inst.e = d.list(places);
}

constexpr Opcode branchTable[] = {
    {"bra", "bra{.uni} label", decodeBra},
    {"brx", "brx.idx{.uni} index, list", decodeBrx},
};

using OpcodeMap = std::unordered_map<std::string_view, const Opcode *>;

const OpcodeMap &opcodes() {
  static const OpcodeMap map = [] {
    OpcodeMap result;
    for (std::span<const Opcode> family :
         {std::span<const Opcode>(branchTable), integerOpcodes(),
          floatOpcodes(), compareOpcodes(), convertOpcodes(), memoryOpcodes(),
          controlOpcodes(), warpOpcodes(), matrixOpcodes()})
      for (const Opcode &opcode : family)
        result.emplace(opcode.name, &opcode);
    return result;
  }();
  return map;
}

std::string allOpcodes() {
  std::vector<std::string_view> names;
  for (const auto &entry : opcodes())
    names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  std::string text;
  for (std::string_view name : names)
    text += (text.empty() ? "" : ", ") + std::string(name);
  return text;
}

class FunctionDecoder {
public:
  FunctionDecoder(Program &program, Function &function)
      : program(program), function(function), frame(function) {}

  std::optional<PtxError> run() {
    std::vector<uint32_t> start;
    start.reserve(function.statements.size() + 1);
    for (const Statement &statement : function.statements) {
      start.push_back(static_cast<uint32_t>(function.code.size()));
      if (auto failure = decode(statement))
        return failure;
    }
    start.push_back(static_cast<uint32_t>(function.code.size()));
    Instruction end;
    end.run = runEnd;
    function.code.push_back(end);
    function.statementOf.push_back(
        static_cast<uint32_t>(function.statements.size()));
    // Branches hold statement numbers until all instructions have a place.
    for (uint32_t index : branches) {
      Instruction &branch = function.code[index];
      branch.imm = uint64_t(start[branch.imm]) - index;
    }
    for (uint32_t index : tables) {
      const Instruction &jump = function.code[index];
      for (uint32_t i = 0; i < jump.imm; ++i) {
        uint32_t &target = function.lists[jump.e + i];
        target = start[target];
      }
    }
    return std::nullopt;
  }

private:
  std::optional<PtxError> decode(const Statement &statement) {
    auto found = opcodes().find(statement.opcode);
    if (found == opcodes().end())
      return program.error(
          PtxErrorKind::Unsupported, statement.line, statement.text,
          "instruction '" + std::string(statement.opcode) +
              "' is not supported; supported are " + allOpcodes());
    uint32_t guardAt = 0;
    if (statement.guarded) {
      Instruction guard;
      guard.run = runGuard;
      guard.a = statement.guard;
      guard.flags = statement.guardNegated ? 0 : 1;
      guardAt = static_cast<uint32_t>(function.code.size());
      function.code.push_back(guard);
      function.statementOf.push_back(
          static_cast<uint32_t>(&statement - function.statements.data()));
    }
    Decoder decoder(program, function, frame, statement, found->second->forms);
    found->second->decode(decoder);
    if (!decoder.finish())
      return decoder.failure;
    if (statement.guarded && statement.opcode == "bra") {
      // One instruction instead of two for the most common guard.
      Instruction &guard = function.code[guardAt];
      decoder.inst.a = guard.a;
      decoder.inst.flags = guard.flags;
      decoder.inst.run = runConditionalBranch;
      guard = decoder.inst;
      branches.push_back(guardAt);
    } else {
      auto index = static_cast<uint32_t>(function.code.size());
      if (decoder.inst.run == runBranch)
        branches.push_back(index);
      if (decoder.inst.run == runTableBranch)
        tables.push_back(index);
      decoder.emit(decoder.inst);
      if (statement.guarded)
        function.code[guardAt].imm = function.code.size() - guardAt;
    }
    constexpr size_t mostInstructions = size_t(1) << 26;
    constexpr size_t mostSlots = size_t(1) << 20;
    if (function.code.size() > mostInstructions || function.slots() > mostSlots)
      return program.error(PtxErrorKind::Unsupported, statement.line,
                           statement.text, "the function is too large");
    return std::nullopt;
  }

private:
  Program &program;
  Function &function;
  FrameBuilder frame;
  std::vector<uint32_t> branches;
  std::vector<uint32_t> tables;
};

/// Whether threads must be scheduled together is a property of everything an
/// entry can reach.
void propagateCooperation(Program &program) {
  bool anyCooperative = false;
  for (const auto &function : program.functions)
    anyCooperative = anyCooperative || function->cooperative;
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto &function : program.functions) {
      bool needed = function->callsIndirectly && anyCooperative;
      for (uint32_t callee : function->callees)
        needed = needed || program.functions[callee]->cooperative;
      if (needed && !function->cooperative) {
        function->cooperative = true;
        changed = true;
      }
    }
  }
}

} // namespace

std::optional<PtxError> decodeProgram(Program &program) {
  for (const auto &function : program.functions) {
    if (!function->defined)
      continue;
    if (auto failure = FunctionDecoder(program, *function).run())
      return failure;
  }
  propagateCooperation(program);
  return std::nullopt;
}

} // namespace qcrt::ptxsim
